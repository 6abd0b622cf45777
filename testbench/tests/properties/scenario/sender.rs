//! A host-to-card channel of a case as plain data; [`SenderShape::config`] makes something legal of whatever the numbers are.

use super::lane::PAGE;
use super::wait::{WaitKind, coalescing, wait_mode};
use serde::{Deserialize, Serialize};
use silico_driver::channel::WaitMode;
use silico_driver::h2c::{Output, SendConfig, SendProgress, SendWriteBack, SpaceInterrupt};

/// Where a host-to-card channel sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SendTo {
    Stream,
    Sink,
    /// Into the last lane, which then has no other source. Of several, the first one; the others send to the sink.
    Loop,
}

/// A host-to-card channel and the driver's view of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SenderShape {
    pub(crate) entries: u32,
    /// Of staging memory.
    pub(crate) pages: u64,
    pub(crate) to: SendTo,
    /// Descriptors, clocks; `None`: the driver reads registers.
    pub(crate) write_back: Option<(u32, u32)>,
    pub(crate) relaxed: bool,
    pub(crate) no_snoop: bool,
    /// Descriptors and clocks of coalescing.
    pub(crate) interrupt: Option<(u32, u32)>,
    pub(crate) wait: WaitKind,
    pub(crate) batch: u32,
}

impl SenderShape {
    pub(crate) fn entries(&self) -> u32 {
        self.entries.clamp(2, 1024)
    }

    pub(crate) fn staging(&self) -> u64 {
        self.pages.clamp(1, 64) * PAGE
    }

    /// Coalescing, with a timer where fewer descriptors than it waits for may be the last.
    pub(crate) fn coalescing(&self) -> Option<(u32, u32)> {
        coalescing(self.interrupt, self.wait)
    }

    pub(crate) fn wait_mode(&self, kind: WaitKind) -> WaitMode {
        wait_mode(kind, self.coalescing().is_some())
    }

    /// Clocks that a descriptor may be done before the host is told of it.
    pub(crate) fn tell_clocks(&self) -> u64 {
        u64::from(self.write_back.map_or(0, |(_, time)| time)) + u64::from(self.coalescing().map_or(0, |(_, time)| time))
    }

    pub(crate) fn config(&self, vector: u8, output: Output) -> SendConfig {
        let write_back =
            |(every, time): (u32, u32)| SendProgress::WriteBack(SendWriteBack { every, time: if every == 1 { time } else { time.max(1) } });
        SendConfig {
            entries: self.entries(),
            staging_bytes: self.staging(),
            output,
            progress: self.write_back.map_or(SendProgress::Register, write_back),
            relaxed: self.relaxed,
            no_snoop: self.no_snoop,
            interrupt: self.coalescing().map(|(count, time)| SpaceInterrupt { vector, count, time, error_vector: vector }),
            wait: self.wait_mode(self.wait),
            batch: self.batch.clamp(1, self.entries()),
        }
    }
}
