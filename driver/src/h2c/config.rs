//! What a host-to-card channel is told: checked in whole before anything is written to the card.

use super::staging::STAGING_GRID;
use crate::card::Capabilities;
use crate::channel::WaitMode;
use crate::channel::base::Signal;
use crate::channel::setup::check_interrupt;
use crate::error::{ConfigError, check};
use silico_spec::descriptor::RING_ENTRIES;

/// Largest staging memory: 4 GiB, since a descriptor's length has 32 bits.
pub const STAGING_MAX: u64 = 1 << 32;

/// Configuration of an H2C channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendConfig {
    /// Entries of the descriptor ring: 2 to 65536, any number.
    pub entries: u32,
    /// Bytes of the staging memory for frames that are copied or filled in place: a multiple of 64, at most 4 GiB. 0: only own buffers are sent.
    pub staging_bytes: u64,
    /// Where frames go.
    pub output: Output,
    /// How the driver learns what has been sent.
    pub progress: SendProgress,
    /// Relaxed ordering on payload reads, if Device Control allows it.
    pub relaxed: bool,
    /// No snoop on payload reads, if Device Control allows it.
    pub no_snoop: bool,
    /// Interrupts; `None` for a channel that is only polled.
    pub interrupt: Option<SpaceInterrupt>,
    /// How [`wait`](super::SendChannel::wait) waits.
    pub wait: WaitMode,
    /// Descriptors submitted at which the doorbell is rung: 1 rings for each frame. A reclaim that finds nothing and a wait ring it anyway.
    pub batch: u32,
}

impl Default for SendConfig {
    /// 256 descriptors, 1 MiB of staging memory, to the stream port; write-back at each descriptor, polled, a doorbell for each frame.
    fn default() -> Self {
        Self {
            entries: 256,
            staging_bytes: 1 << 20,
            output: Output::Stream,
            progress: SendProgress::WriteBack(SendWriteBack::default()),
            relaxed: false,
            no_snoop: false,
            interrupt: None,
            wait: WaitMode::Poll,
            batch: 1,
        }
    }
}

/// Where a channel's frames go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The stream port.
    #[default]
    Stream,
    /// The checking sink: see [`SendChannel::checked`](super::SendChannel::checked).
    Check,
    /// Back to the host through this C2H channel.
    Loopback(u8),
}

impl Output {
    /// `CONFIG.output` and `CONFIG.target`.
    pub(super) const fn encode(self) -> (u64, u64) {
        match self {
            Self::Stream => (0, 0),
            Self::Check => (1, 0),
            Self::Loopback(target) => (2, target as u64),
        }
    }
}

/// How the driver learns what has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProgress {
    /// The card writes a block into host memory: a look is a load.
    WriteBack(SendWriteBack),
    /// The driver reads a register: a look is a round trip over the bus.
    Register,
}

/// When the card writes its block: at the first of these that is reached; 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWriteBack {
    /// Descriptors.
    pub every: u32,
    /// Clocks after the first progress not yet written.
    pub time: u32,
}

impl Default for SendWriteBack {
    fn default() -> Self {
        Self { every: 1, time: 0 }
    }
}

/// The channel's interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceInterrupt {
    /// MSI-X vector for descriptors done.
    pub vector: u8,
    /// Descriptors beyond the armed count before the card signals; 0 and 1: at once.
    pub count: u32,
    /// Clocks after the first such descriptor at which it signals anyhow; 0: no timer.
    pub time: u32,
    /// MSI-X vector for the error state; the same as `vector` wakes a waiting sender.
    pub error_vector: u8,
}

impl SendConfig {
    pub(super) fn signal(&self) -> Option<Signal> {
        self.interrupt.map(|interrupt| Signal { vector: interrupt.vector, coalesce: interrupt.count })
    }

    /// Checks every field against the rules and against what the card was built with.
    ///
    /// # Errors
    /// The first field that is refused, with its value and the rule.
    pub fn validate(&self, card: &Capabilities) -> Result<(), ConfigError> {
        check(RING_ENTRIES.contains(&self.entries), "entries", self.entries.into(), "2 to 65536")?;
        let staging = self.staging_bytes;
        let grid = staging.is_multiple_of(STAGING_GRID) && staging <= STAGING_MAX;
        check(grid, "staging_bytes", staging, "a multiple of 64, at most 4 GiB")?;
        check((1..=self.entries).contains(&self.batch), "batch", self.batch.into(), "1 to entries")?;
        if let Output::Loopback(target) = self.output {
            check(target < card.c2h_channels, "output.loopback", target.into(), "below CAPS.c2h_channels")?;
        }
        // The last descriptors before a pause fill up no count: without a timer nobody would hear of them.
        if let SendProgress::WriteBack(policy) = self.progress {
            let told = policy.every == 1 || policy.time != 0;
            check(told, "progress.write_back.time", 0, "above 0, unless `every` is 1: the last descriptors would never be reported")?;
        }
        if let Some(interrupt) = self.interrupt {
            let told = interrupt.count <= 1 || interrupt.time != 0;
            check(told, "interrupt.time", 0, "above 0, unless `count` is at most 1: the last descriptors would never be signalled")?;
        }
        let vectors = self.interrupt.map(|interrupt| [interrupt.vector, interrupt.error_vector]);
        check_interrupt(vectors, self.wait, card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CARD: Capabilities = Capabilities::USUAL;

    fn base() -> SendConfig {
        SendConfig::default()
    }

    fn policy(every: u32, time: u32) -> SendProgress {
        SendProgress::WriteBack(SendWriteBack { every, time })
    }

    fn interrupt(count: u32, time: u32) -> Option<SpaceInterrupt> {
        Some(SpaceInterrupt { vector: 15, count, time, error_vector: 15 })
    }

    #[rstest]
    #[case(base())]
    #[case(SendConfig { entries: 2, batch: 2, ..base() })]
    #[case(SendConfig { entries: 65536, ..base() })]
    #[case(SendConfig { staging_bytes: 0, ..base() })]
    #[case(SendConfig { staging_bytes: STAGING_MAX, ..base() })]
    #[case(SendConfig { output: Output::Loopback(3), ..base() })]
    #[case(SendConfig { progress: policy(5, 1), ..base() })]
    #[case(SendConfig { progress: policy(0, 1), ..base() })]
    #[case(SendConfig { interrupt: interrupt(1, 0), wait: WaitMode::Interrupt, ..base() })]
    #[case(SendConfig { interrupt: interrupt(9, 1), ..base() })]
    fn legal(#[case] config: SendConfig) {
        assert_eq!(config.validate(&CARD), Ok(()));
    }

    #[rstest]
    #[case(SendConfig { entries: 1, ..base() }, "entries")]
    #[case(SendConfig { entries: 65537, ..base() }, "entries")]
    #[case(SendConfig { staging_bytes: 63, ..base() }, "staging_bytes")]
    #[case(SendConfig { staging_bytes: STAGING_MAX + 64, ..base() }, "staging_bytes")]
    #[case(SendConfig { batch: 0, ..base() }, "batch")]
    #[case(SendConfig { batch: 257, ..base() }, "batch")]
    #[case(SendConfig { output: Output::Loopback(4), ..base() }, "output.loopback")]
    #[case(SendConfig { progress: policy(0, 0), ..base() }, "progress.write_back.time")]
    #[case(SendConfig { progress: policy(2, 0), ..base() }, "progress.write_back.time")]
    #[case(SendConfig { interrupt: interrupt(2, 0), ..base() }, "interrupt.time")]
    #[case(SendConfig { interrupt: Some(SpaceInterrupt { vector: 16, ..SpaceInterrupt::default() }), ..base() }, "interrupt.vector")]
    #[case(SendConfig { interrupt: Some(SpaceInterrupt { error_vector: 16, ..SpaceInterrupt::default() }), ..base() }, "interrupt.error_vector")]
    #[case(SendConfig { wait: WaitMode::Interrupt, ..base() }, "interrupt")]
    fn refused(#[case] config: SendConfig, #[case] field: &str) {
        assert_eq!(config.validate(&CARD).unwrap_err().field, field);
    }
}
