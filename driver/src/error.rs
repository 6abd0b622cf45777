//! Everything that can go wrong, typed: which register or field, what was found, what would have been right.
//!
//! A fault of the configuration ([`ConfigError`]), of the ring's contents ([`RingFault`]) and of the card as a whole ([`DriverError`]) are told
//! apart, since somebody else has to mend each.

use crate::platform::{AccessError, AllocError};
use core::fmt;
use silico_spec::frame::HeaderError;
use silico_spec::units::BusAddr;
use silico_spec::writeback::{ChannelError, ChannelState};

/// Version of the register map (register `MAP_VERSION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapVersion {
    /// Changes when an existing driver would break.
    pub major: u16,
    /// Changes when something is added.
    pub minor: u16,
}

impl MapVersion {
    /// Whether a driver that needs `self` can drive a card that has `found`.
    #[must_use]
    pub const fn is_met_by(self, found: Self) -> bool {
        self.major == found.major && self.minor <= found.minor
    }
}

impl fmt::Display for MapVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A field of a configuration out of its range. Nothing has been written to the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {value}; it must be {rule}")]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: u64,
    /// What is right.
    pub rule: &'static str,
}

/// Returns a [`ConfigError`] unless `ok`.
pub(crate) const fn check(ok: bool, field: &'static str, value: u64, rule: &'static str) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError { field, value, rule }) }
}

/// What a channel announced, or put into its ring, that it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// The write-back block stayed torn: its two sequence numbers never agreed.
    #[error("the write-back block stayed torn for {retries} reads: head {head}, tail {tail}")]
    Torn {
        /// Sequence at the head of the block.
        head: u64,
        /// Sequence at its tail.
        tail: u64,
        /// Reads made.
        retries: u32,
    },
    /// The write-back block is all ones although the card is there.
    #[error("the write-back block is all ones, and the card is there")]
    BlockAllOnes,
    /// A write-back block of this run is older than one that was read before.
    #[error("write-back block {found} came after block {seen}")]
    BlockOrder {
        /// Its sequence.
        found: u64,
        /// The sequence read before.
        seen: u64,
    },
    /// The block says that it is of another channel.
    #[error("the write-back block names channel {found}")]
    BlockChannel {
        /// Channel in the block.
        found: u8,
    },
    /// The block or `STATUS` names a state that a running channel cannot be in.
    #[error("the channel is in state {found}; one that runs, or failed, is in 1 (running) or 3 (error)")]
    State {
        /// Raw state.
        found: u8,
    },
    /// The byte count ran backwards.
    #[error("bytes delivered ran backwards: {found} after {seen}")]
    CountBackwards {
        /// The count.
        found: u64,
        /// The count seen before.
        seen: u64,
    },
    /// The byte count is ahead of what the ring can hold.
    #[error("bytes delivered are {found}, at most {limit} fit behind what was given back")]
    CountAhead {
        /// The count.
        found: u64,
        /// Bytes given back plus size of the ring.
        limit: u64,
    },
    /// The byte count is off the 32-byte grid.
    #[error("bytes delivered are {found}, not a multiple of 32")]
    CountOffGrid {
        /// The count.
        found: u64,
    },
    /// Block and register disagree on the bytes delivered, when the channel is idle and both must be final.
    #[error("the last write-back block says {block} bytes, the register {register}")]
    FinalCount {
        /// Bytes by the block.
        block: u64,
        /// Bytes by the register.
        register: u64,
    },
    /// There are not as many frames in the bytes announced as the card says.
    #[error("{announced} frames were announced, the ring holds {found}")]
    FrameCount {
        /// Frames by the card's count.
        announced: u64,
        /// Headers found.
        found: u64,
    },
    /// No frame header where one must be.
    #[error("at byte {position} of the run: {error}")]
    Header {
        /// Byte of the run.
        position: u64,
        /// What is wrong with it.
        error: HeaderError,
    },
    /// A header of another channel.
    #[error("the frame at byte {position} of the run names channel {found}")]
    FrameChannel {
        /// Byte of the run.
        position: u64,
        /// Channel in the header.
        found: u8,
    },
    /// A frame longer than announced, or than the channel's limit.
    #[error("the frame at byte {position} of the run claims {length} bytes of payload, at most {limit} can be")]
    FrameLength {
        /// Byte of the run.
        position: u64,
        /// Payload bytes by its header.
        length: u32,
        /// Most that it can have: the frame limit, or what was announced behind the header.
        limit: u64,
    },
}

/// Why a channel stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Raw code; see [`Failure::error`].
    pub code: u8,
    /// The address or count that goes with it.
    pub addr: BusAddr,
}

impl Failure {
    /// The error by its name; `None` for a code that this driver does not know.
    #[must_use]
    pub const fn error(&self) -> Option<ChannelError> {
        ChannelError::from_bits(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.error() {
            None => "unknown to this driver",
            Some(ChannelError::None) => "none given",
            Some(ChannelError::BadRing) => "bad ring base or size",
            Some(ChannelError::BadDoorbell) => "doorbell out of bounds",
            Some(ChannelError::BadWriteBack) => "bad write-back address",
            Some(ChannelError::BadFrameLimit) => "bad frame limit",
            Some(ChannelError::BadThreshold) => "bad BUSY threshold",
            Some(ChannelError::BusMasterOff) => "bus mastering is off",
            Some(ChannelError::BadGenerator) => "bad generator configuration",
            Some(ChannelError::CompletionTimeout) => "completion timeout",
            Some(ChannelError::UnsupportedRequest) => "read answered with UR",
            Some(ChannelError::CompleterAbort) => "read answered with CA",
            Some(ChannelError::PoisonedCompletion) => "read answered with poisoned data",
            Some(ChannelError::BadDescriptor) => "bad descriptor",
            Some(ChannelError::BadDescriptorRing) => "bad descriptor or completion ring",
            Some(ChannelError::BadOutput) => "bad output",
        };
        write!(f, "error {} ({what}), address {}", self.code, self.addr)
    }
}

/// Why the driver could not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The card does not answer any more.
    #[error("{register} reads all ones: the card is gone")]
    Gone {
        /// Where it was noticed.
        register: &'static str,
    },
    /// An access failed.
    #[error("{register}: {error}")]
    Access {
        /// The register, or what was waited for.
        register: &'static str,
        /// Why.
        error: AccessError,
    },
    /// This is another card.
    #[error("ID is {found:#010x}, not {needed:#010x}: this is no silico card")]
    Identity {
        /// What `ID` reads.
        found: u32,
        /// What it must read.
        needed: u32,
    },
    /// The card's register map does not fit this driver.
    #[error("MAP_VERSION is {found}, the driver needs {}.x with x at least {}", needed.major, needed.minor)]
    MapVersion {
        /// What the card has.
        found: MapVersion,
        /// What the driver needs.
        needed: MapVersion,
    },
    /// The scratch register does not hold what is written.
    #[error("SCRATCH reads {read:#018x} after a write of {wrote:#018x}: the register path is broken")]
    Scratch {
        /// Written.
        wrote: u64,
        /// Read back.
        read: u64,
    },
    /// The card's capabilities make no sense.
    #[error("the card's capabilities make no sense: {0}")]
    Capability(ConfigError),
    /// The configuration is refused; nothing was written.
    #[error("configuration refused: {0}")]
    Config(#[from] ConfigError),
    /// No memory for ring or write-back block.
    #[error(transparent)]
    Alloc(#[from] AllocError),
    /// A channel that somebody has open already.
    #[error("C2H channel {channel} is open already")]
    ChannelInUse {
        /// The channel.
        channel: u8,
    },
    /// The whole card cannot be reset under open channels.
    #[error("C2H channels are open (bit mask {mask:#06x}): drop them before a reset of the card")]
    ChannelsOpen {
        /// Bit per open channel.
        mask: u16,
    },
    /// Channels do not run: the global enable is low.
    #[error("CONTROL.enable of the card is 0: enable the card before a channel is started")]
    Disabled,
    /// A start of a channel that runs.
    #[error("C2H channel {channel} runs already: stop it first")]
    Running {
        /// The channel.
        channel: u8,
    },
    /// A channel did not reach a state in time.
    #[error("C2H channel {channel}: STATUS.state is {found} after {ns} ns, not {wanted:?}")]
    State {
        /// The channel.
        channel: u8,
        /// Raw state at the end.
        found: u8,
        /// State waited for.
        wanted: ChannelState,
        /// Time waited.
        ns: u64,
    },
    /// A channel's run number did not move by one at a start.
    #[error("C2H channel {channel}: RUN is {found} after a start, not {wanted}")]
    Run {
        /// The channel.
        channel: u8,
        /// What `RUN` reads.
        found: u32,
        /// What it must read.
        wanted: u32,
    },
    /// The channel stopped by itself. It can be started again.
    #[error("C2H channel {channel} stopped: {failure}")]
    Failed {
        /// The channel.
        channel: u8,
        /// Why.
        failure: Failure,
    },
    /// The channel announced or delivered what it must not.
    #[error("C2H channel {channel}: {fault}")]
    Fault {
        /// The channel.
        channel: u8,
        /// What.
        fault: RingFault,
    },
    /// Interrupts kept coming with nothing behind them.
    #[error("C2H channel {channel}: {count} interrupts on vector {vector} without progress in one wait")]
    InterruptStorm {
        /// The channel.
        channel: u8,
        /// The vector.
        vector: u16,
        /// Interrupts.
        count: u32,
    },
}

impl DriverError {
    /// From a failed access to `register`.
    pub(crate) const fn access(register: &'static str, error: AccessError) -> Self {
        match error {
            AccessError::Gone => Self::Gone { register },
            error => Self::Access { register, error },
        }
    }
}
