//! What a channel is told: checked in whole before anything is written to the card.
//!
//! Each rule here is one that the card would answer with an error at the start, or one without which a run could stand still for ever.

use super::setup::Setup;
use crate::card::Capabilities;
use crate::error::{ConfigError, check};
use silico_spec::elink::BLOCK_BYTES;
use silico_spec::frame::footprint;
use silico_spec::generator::{LengthMode, TABLE_ENTRIES};

/// Rings, and their bus addresses, are multiples of this many bytes.
pub const RING_GRID: u64 = 4096;
/// Largest ring: 1 TiB.
pub const RING_MAX: u64 = 1 << 40;
/// A generator's rate that means a beat on every clock.
pub const FULL_RATE: u32 = 65_536;

/// Configuration of a C2H channel with a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// Bytes of the ring: 4 KiB to 1 TiB, a multiple of 4 KiB.
    pub ring_bytes: u64,
    /// Where frames come from.
    pub source: Source,
    /// What happens to frames when the card's FIFO is full.
    pub when_full: WhenFull,
    /// How the driver learns of new frames.
    pub progress: Progress,
    /// Most payload bytes of a frame; longer ones arrive truncated. With header and padding it must fit the ring.
    pub max_frame: u32,
    /// Relaxed ordering on payload writes, if Device Control allows it.
    pub relaxed: bool,
    /// No snoop on payload writes, if Device Control allows it.
    pub no_snoop: bool,
    /// When the card calls BUSY.
    pub busy: BusyThresholds,
    /// Interrupts; `None` for a channel that is only polled.
    pub interrupt: Option<DataInterrupt>,
    /// How [`wait`](super::RingChannel::wait) waits.
    pub wait: WaitMode,
    /// Freed bytes at which the doorbell is rung while frames are still at hand; `None`: a quarter of the ring. An empty poll and a wait ring it
    /// anyway.
    pub give_back_bytes: Option<u64>,
}

impl Default for RingConfig {
    /// 1 MiB for the front end, frames up to 64 KiB; write-back at each frame, polled.
    fn default() -> Self {
        Self {
            ring_bytes: 1 << 20,
            source: Source::FrontEnd,
            when_full: WhenFull::Stall,
            progress: Progress::WriteBack(WriteBackPolicy::default()),
            max_frame: 64 << 10,
            relaxed: false,
            no_snoop: false,
            busy: BusyThresholds::default(),
            interrupt: None,
            wait: WaitMode::Poll,
            give_back_bytes: None,
        }
    }
}

/// Where a channel's frames come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The front-end stream.
    FrontEnd,
    /// The channel's own generator.
    Generator(Generator),
}

impl Source {
    /// Most payload bytes of a frame, where `max_frame` is what the configuration says.
    pub(crate) const fn frame_limit(&self, max_frame: u32) -> u32 {
        match self {
            Self::Generator(Generator { blocks: Some(_), .. }) => BLOCK_BYTES as u32,
            _ => max_frame,
        }
    }
}

/// What the generator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Payload lengths.
    pub lengths: Lengths,
    /// Source (e-link) in the headers.
    pub source: u16,
    /// Clocks between two frames.
    pub pause: u32,
    /// Beats per 65536 clocks, 1 to 65536.
    pub rate: u32,
    /// Seed of lengths and payload.
    pub seed: u64,
    /// Frames in a run; 0: without end.
    pub count: u64,
    /// E-link blocks instead of plain frames: lengths, pause and count are then those of chunks, and `max_frame` is the most bytes of a chunk.
    pub blocks: Option<ElinkBlocks>,
}

/// Block mode: chunks of many e-links, packed into blocks of 1 KiB ([`silico_spec::elink`]); each block is a frame, its source the e-link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElinkBlocks {
    /// E-links, the first of which has the generator's `source`: 1 to the card's ELINKS.
    pub links: u16,
    /// Clocks after its first chunk at which a block goes out although it is not full; 0: never.
    pub flush: u32,
}

impl Default for Generator {
    fn default() -> Self {
        Self { lengths: Lengths::Fixed(1024), source: 0, pause: 0, rate: FULL_RATE, seed: 1, count: 0, blocks: None }
    }
}

/// Payload lengths of a generator, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// All frames alike; zero is legal.
    Fixed(u32),
    /// Uniform, both ends included.
    Uniform {
        /// Shortest.
        min: u32,
        /// Longest.
        max: u32,
    },
    /// These in turn.
    Table([u32; TABLE_ENTRIES]),
}

impl Lengths {
    /// The mode, and what goes into the registers for the shortest and the longest frame.
    pub(super) const fn encode(&self) -> (LengthMode, u32, u32) {
        match *self {
            Self::Fixed(length) => (LengthMode::Fixed, length, length),
            Self::Uniform { min, max } => (LengthMode::Uniform, min, max),
            Self::Table(_) => (LengthMode::Table, 0, 0),
        }
    }
}

/// What happens to frames when the card's FIFO is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The source is held.
    #[default]
    Stall,
    /// Whole frames are dropped, and the next one is marked.
    Drop,
}

/// How the driver learns of new frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The card writes a block into host memory: a poll is a load.
    WriteBack(WriteBackPolicy),
    /// The driver reads registers: a poll is a round trip over the bus.
    Register,
}

/// When the card writes its block: at the first of these that is reached; 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBackPolicy {
    /// Frames.
    pub frames: u32,
    /// Bytes.
    pub bytes: u32,
    /// Clocks after the first progress not yet written.
    pub time: u32,
}

impl Default for WriteBackPolicy {
    fn default() -> Self {
        Self { frames: 1, bytes: 0, time: 0 }
    }
}

/// FIFO fill, in bytes, at which BUSY rises and falls; 0 leaves the choice to the card (three quarters and half of the FIFO).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusyThresholds {
    /// BUSY rises at this fill.
    pub assert: u32,
    /// BUSY falls at or below this fill.
    pub release: u32,
}

/// The channel's interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataInterrupt {
    /// MSI-X vector for new frames.
    pub vector: u8,
    /// Frames beyond the armed count before the card signals; 0 and 1: at once.
    pub frames: u32,
    /// Clocks after the first such frame at which it signals anyhow; 0: no timer.
    pub time: u32,
    /// MSI-X vector for the error state; the same as `vector` wakes a waiting reader.
    pub error_vector: u8,
}

/// How a wait waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitMode {
    /// Polls until the deadline.
    Poll,
    /// Arms the interrupt and sleeps.
    Interrupt,
    /// Polls for a while, then arms and sleeps. The while adapts: it doubles when a poll found something and halves when it did not.
    Hybrid {
        /// Longest time that is polled, in ns; the shortest is a sixteenth of it.
        max_poll_ns: u64,
    },
}

impl RingConfig {
    /// Freed bytes at which the doorbell is rung.
    pub(super) fn doorbell_bytes(&self) -> u64 {
        self.give_back_bytes.unwrap_or(self.ring_bytes / 4)
    }

    /// Checks every field against the rules and against what the card was built with.
    ///
    /// # Errors
    /// The first field that is refused, with its value and the rule.
    pub fn validate(&self, card: &Capabilities) -> Result<(), ConfigError> {
        let ring = self.ring_bytes;
        let grid = ring.is_multiple_of(RING_GRID) && (RING_GRID..=RING_MAX).contains(&ring);
        check(grid, "ring_bytes", ring, "4 KiB to 1 TiB, a multiple of 4096")?;
        let fits = footprint(self.source.frame_limit(self.max_frame)) <= ring;
        check(fits, "max_frame", self.max_frame.into(), "small enough that header, payload and padding fit the ring")?;
        if let Some(bytes) = self.give_back_bytes {
            check((1..=ring).contains(&bytes), "give_back_bytes", bytes, "1 to ring_bytes")?;
        }
        self.check_write_back()?;
        self.setup().validate(card)
    }

    pub(crate) const fn setup(&self) -> Setup<'_> {
        Setup {
            source: &self.source,
            when_full: self.when_full,
            write_back: match self.progress {
                Progress::WriteBack(policy) => Some(policy),
                Progress::Register => None,
            },
            max_frame: self.max_frame,
            relaxed: self.relaxed,
            no_snoop: self.no_snoop,
            busy: self.busy,
            interrupt: self.interrupt,
            wait: self.wait,
        }
    }

    /// Without a timer, a ring must not fill up before frames or bytes make the card write its block: nobody would ever move again.
    fn check_write_back(&self) -> Result<(), ConfigError> {
        let Progress::WriteBack(policy) = self.progress else { return Ok(()) };
        let any = policy.frames != 0 || policy.bytes != 0 || policy.time != 0;
        check(any, "progress.write_back", 0, "by frames, bytes or time: with all three 0 no block is ever written")?;
        let largest = footprint(self.source.frame_limit(self.max_frame));
        let by_frames = policy.frames != 0 && u64::from(policy.frames).saturating_mul(largest) <= self.ring_bytes;
        let by_bytes = policy.bytes != 0 && u64::from(policy.bytes) + largest <= self.ring_bytes;
        check(
            policy.time != 0 || by_frames || by_bytes,
            "progress.write_back.time",
            0,
            "above 0, unless `frames` or `bytes` are reached before frames of max_frame fill the ring",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CARD: Capabilities = Capabilities::USUAL;

    fn policy(frames: u32, bytes: u32, time: u32) -> Progress {
        Progress::WriteBack(WriteBackPolicy { frames, bytes, time })
    }

    fn generator(rate: u32, lengths: Lengths) -> Source {
        Source::Generator(Generator { rate, lengths, ..Generator::default() })
    }

    fn blocks(links: u16, source: u16) -> Source {
        Source::Generator(Generator { source, blocks: Some(ElinkBlocks { links, flush: 9 }), ..Generator::default() })
    }

    fn base() -> RingConfig {
        RingConfig { ring_bytes: 8192, max_frame: 2016, ..RingConfig::default() }
    }

    #[rstest]
    #[case::smallest(RingConfig { ring_bytes: 4096, max_frame: 4064, ..base() })]
    #[case::largest(RingConfig { ring_bytes: RING_MAX, ..base() })]
    #[case::four_frames_fill_it(RingConfig { progress: policy(4, 0, 0), ..base() })]
    #[case::bytes_leave_room(RingConfig { progress: policy(0, 6144, 0), ..base() })]
    #[case::timer(RingConfig { progress: policy(u32::MAX, 0, 1), ..base() })]
    #[case::blocks(RingConfig { source: blocks(64, 0), max_frame: 1 << 20, ring_bytes: 4096, progress: policy(3, 0, 0), ..base() })]
    #[case::last_elink(RingConfig { source: blocks(16, 0xfff0), ..base() })]
    #[case::register(RingConfig { progress: Progress::Register, ..base() })]
    #[case::last_vector(RingConfig { interrupt: Some(DataInterrupt { vector: 15, error_vector: 15, ..DataInterrupt::default() }), ..base() })]
    #[case::whole_fifo(RingConfig { busy: BusyThresholds { assert: 16 << 10, release: 16 << 10 }, ..base() })]
    #[case::one_length(RingConfig { source: generator(1, Lengths::Uniform { min: 5, max: 5 }), ..base() })]
    fn legal(#[case] config: RingConfig) {
        assert_eq!(config.validate(&CARD), Ok(()));
    }

    #[rstest]
    #[case(RingConfig { ring_bytes: 0, ..base() }, "ring_bytes")]
    #[case(RingConfig { ring_bytes: 4096 + 32, ..base() }, "ring_bytes")]
    #[case(RingConfig { ring_bytes: RING_MAX + 4096, ..base() }, "ring_bytes")]
    #[case(RingConfig { max_frame: 0, ..base() }, "max_frame")]
    #[case(RingConfig { max_frame: 8161, ..base() }, "max_frame")]
    #[case(RingConfig { give_back_bytes: Some(0), ..base() }, "give_back_bytes")]
    #[case(RingConfig { give_back_bytes: Some(8193), ..base() }, "give_back_bytes")]
    #[case(RingConfig { busy: BusyThresholds { assert: 16385, release: 0 }, ..base() }, "busy.assert")]
    #[case(RingConfig { busy: BusyThresholds { assert: 100, release: 0 }, ..base() }, "busy.release")]
    #[case(RingConfig { busy: BusyThresholds { assert: 0, release: 12289 }, ..base() }, "busy.release")]
    #[case(RingConfig { progress: policy(0, 0, 0), ..base() }, "progress.write_back")]
    #[case(RingConfig { progress: policy(5, 0, 0), ..base() }, "progress.write_back.time")]
    #[case(RingConfig { progress: policy(0, 6145, 0), ..base() }, "progress.write_back.time")]
    #[case(RingConfig { source: generator(0, Lengths::Fixed(0)), ..base() }, "generator.rate")]
    #[case(RingConfig { source: generator(65_537, Lengths::Fixed(0)), ..base() }, "generator.rate")]
    #[case(RingConfig { source: generator(1, Lengths::Uniform { min: 2, max: 1 }), ..base() }, "generator.lengths.min")]
    #[case(RingConfig { source: blocks(0, 0), ..base() }, "generator.blocks.links")]
    #[case(RingConfig { source: blocks(65, 0), ..base() }, "generator.blocks.links")]
    #[case(RingConfig { source: blocks(17, 0xfff0), ..base() }, "generator.source")]
    #[case(RingConfig { source: blocks(1, 0), ring_bytes: 4096, progress: policy(4, 0, 0), ..base() }, "progress.write_back.time")]
    #[case(RingConfig { interrupt: Some(DataInterrupt { vector: 16, ..DataInterrupt::default() }), ..base() }, "interrupt.vector")]
    #[case(RingConfig { interrupt: Some(DataInterrupt { error_vector: 16, ..DataInterrupt::default() }), ..base() }, "interrupt.error_vector")]
    #[case(RingConfig { wait: WaitMode::Interrupt, ..base() }, "interrupt")]
    #[case(RingConfig { wait: WaitMode::Hybrid { max_poll_ns: 1 }, ..base() }, "interrupt")]
    fn refused(#[case] config: RingConfig, #[case] field: &str) {
        assert_eq!(config.validate(&CARD).unwrap_err().field, field);
    }

    #[test]
    fn the_default_is_legal() {
        assert_eq!(RingConfig::default().validate(&CARD), Ok(()));
    }
}
