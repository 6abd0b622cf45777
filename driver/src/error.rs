//! Everything that can go wrong, typed: which register or field, what was found, what would have been right.
//!
//! A fault of the configuration ([`ConfigError`]), of the ring's contents ([`RingFault`]) and of the card as a whole ([`DriverError`]) are told
//! apart, since somebody else has to mend each.

use crate::platform::{AccessError, AllocError, InterruptKind};
use crate::recover::Level;
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

/// A channel of either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelId {
    /// Card to host.
    C2h(u8),
    /// Host to card.
    H2c(u8),
}

impl ChannelId {
    /// Its number among those of its direction.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::C2h(number) | Self::H2c(number) => number,
        }
    }

    /// Its bit in a mask of all channels, as in register `ERROR_SUMMARY`: C2H from bit 0, H2C from bit 16.
    pub(crate) const fn bit(self) -> u32 {
        match self {
            Self::C2h(number) => 1 << number,
            Self::H2c(number) => 1 << 16 << number,
        }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::C2h(number) => write!(f, "C2H channel {number}"),
            Self::H2c(number) => write!(f, "H2C channel {number}"),
        }
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
    /// Memory and register disagree on the bytes delivered, the descriptors done or the pages completed, when the channel is idle and both must be
    /// final.
    #[error("the count in memory ends at {block}, the register's at {register}")]
    FinalCount {
        /// By the last write-back block or completion entry.
        block: u64,
        /// By the register.
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
    /// The count of descriptors done ran backwards.
    #[error("descriptors done ran backwards: {found} after {seen}")]
    DoneBackwards {
        /// The count.
        found: u64,
        /// The count seen before.
        seen: u64,
    },
    /// The count of descriptors done is ahead of those that the card was given.
    #[error("descriptors done are {found}, only {given} were given")]
    DoneAhead {
        /// The count.
        found: u64,
        /// Descriptors that the doorbell has named.
        given: u64,
    },
    /// The card discarded another number of descriptors than it left undone.
    #[error("{found} descriptors were discarded, {wanted} are not done")]
    Discarded {
        /// By register `DISCARDED`.
        found: u32,
        /// Given and not done.
        wanted: u64,
    },
    /// An entry of the completion ring, or what lies in its page, is wrong.
    #[error("completion entry {entry}: {fault}")]
    Entry {
        /// Number of the entry in the run, from 0.
        entry: u64,
        /// What is wrong.
        fault: EntryFault,
    },
}

/// What is wrong with an entry of a completion ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// All ones although the card is there.
    #[error("all ones, and the card is there")]
    AllOnes,
    /// It has this lap's phase and another number: of an earlier lap or run, or out of order.
    #[error("its sequence is {found}")]
    Sequence {
        /// Sequence in the entry.
        found: u64,
    },
    /// Flags that no version defines.
    #[error("unknown flags {found:#010x}")]
    Flags {
        /// The flags.
        found: u32,
    },
    /// No page has this cookie.
    #[error("cookie {found}, and there are {pages} pages")]
    Cookie {
        /// Cookie in the entry.
        found: u32,
        /// Pages of the channel.
        pages: u32,
    },
    /// The page is not the card's: it was completed before and not given since.
    #[error("page {page} is not the card's")]
    NotGiven {
        /// The page.
        page: u32,
    },
    /// No bytes, off the grid, or more than the page has.
    #[error("{found} bytes in a page of {page_bytes}")]
    Bytes {
        /// Bytes in the entry.
        found: u32,
        /// Bytes of the page.
        page_bytes: u32,
    },
    /// It says otherwise than the page before whether a frame goes on from there.
    #[error("its flag for a frame that goes on from the page before is {found}, not {}", !found)]
    Continues {
        /// The flag.
        found: bool,
    },
    /// It says otherwise than the frames in it whether the last one goes on.
    #[error("its flag for a frame that goes on in the next page is {found}, not {}", !found)]
    Continued {
        /// The flag.
        found: bool,
    },
    /// It counts another number of frames than end in the page.
    #[error("it counts {announced} frames, {found} end in the page")]
    Frames {
        /// Frames by the entry.
        announced: u32,
        /// Frames found.
        found: u32,
    },
}

/// Why a channel stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Raw code; see [`Failure::error`].
    pub code: u8,
    /// The address or count that goes with it.
    pub addr: BusAddr,
    /// Cookie of the descriptor that goes with it; 0 if there is none.
    pub cookie: u64,
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
            Some(ChannelError::CompletionTimeout) => "a read was not answered",
            Some(ChannelError::UnsupportedRequest) => "a read was answered with UR",
            Some(ChannelError::CompleterAbort) => "a read was answered with CA",
            Some(ChannelError::PoisonedCompletion) => "a read was answered with poisoned data",
            Some(ChannelError::BadDescriptor) => "bad descriptor",
            Some(ChannelError::BadDescriptorRing) => "bad descriptor or completion ring",
            Some(ChannelError::BadOutput) => "bad output or loopback",
            Some(ChannelError::BadVector) => "an interrupt vector that the card does not have",
        };
        write!(f, "error {} ({what}), address {}", self.code, self.addr)?;
        if self.cookie == 0 { Ok(()) } else { write!(f, ", cookie {:#x}", self.cookie) }
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
    #[error("{channel} is open already")]
    ChannelInUse {
        /// The channel.
        channel: ChannelId,
    },
    /// The whole card cannot be reset under open channels.
    #[error("channels are open (bit mask {mask:#08x}): drop them before a reset of the card")]
    ChannelsOpen {
        /// Bit per open channel: C2H from bit 0, H2C from bit 16.
        mask: u32,
    },
    /// Channels do not run: the global enable is low.
    #[error("CONTROL.enable of the card is 0: enable the card before a channel is started")]
    Disabled,
    /// A start of a channel that runs.
    #[error("{channel} runs already: stop it first")]
    Running {
        /// The channel.
        channel: ChannelId,
    },
    /// There is no room at the moment. Nothing has changed: it can be tried again when the card, or the reader, has moved on.
    #[error("{channel}: {needed} {what} are needed, {free} are free at the moment")]
    WouldBlock {
        /// The channel.
        channel: ChannelId,
        /// What is short.
        what: &'static str,
        /// How much is needed.
        needed: u64,
        /// How much there is.
        free: u64,
    },
    /// Something was given to a channel that does not run.
    #[error("{channel} does not run: start it first")]
    NotRunning {
        /// The channel.
        channel: ChannelId,
    },
    /// A frame, page or ticket of another run or channel, or one given back before.
    #[error("{channel}: {what} {number} is not out: it is of another run or channel, or was given back")]
    Stale {
        /// The channel.
        channel: ChannelId,
        /// What kind of handle.
        what: &'static str,
        /// Its number.
        number: u64,
    },
    /// A channel did not reach a state in time.
    #[error("{channel}: STATUS.state is {found} after {ns} ns, not {wanted:?}")]
    State {
        /// The channel.
        channel: ChannelId,
        /// Raw state at the end.
        found: u8,
        /// State waited for.
        wanted: ChannelState,
        /// Time waited.
        ns: u64,
    },
    /// A channel's run number did not move by one at a start.
    #[error("{channel}: RUN is {found} after a start, not {wanted}")]
    Run {
        /// The channel.
        channel: ChannelId,
        /// What `RUN` reads.
        found: u32,
        /// What it must read.
        wanted: u32,
    },
    /// The channel stopped by itself. It can be started again.
    #[error("{channel} stopped: {failure}")]
    Failed {
        /// The channel.
        channel: ChannelId,
        /// Why.
        failure: Failure,
    },
    /// The channel announced or delivered what it must not.
    #[error("{channel}: {fault}")]
    Fault {
        /// The channel.
        channel: ChannelId,
        /// What.
        fault: RingFault,
    },
    /// Something did not happen in time.
    #[error("waited {ns} ns for {what}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// Time waited.
        ns: u64,
    },
    /// The card was reset as a whole: the run is over, nothing of it comes any more. A start makes the channel run again.
    #[error("{channel}: the card was reset, the run is over: start it again")]
    CardReset {
        /// The channel.
        channel: ChannelId,
    },
    /// Somebody resets the card at the moment.
    #[error("the card is being reset by another thread: try again when that is over")]
    Resetting,
    /// The platform could not reset the card, or bring it back.
    #[error("{level}: {error}")]
    Reset {
        /// What was tried.
        level: Level,
        /// What the platform says.
        error: AccessError,
    },
    /// No reset brings back what failed.
    #[error("no recovery is possible: the mistake is the caller's, or the card is another one")]
    NotRecoverable,
    /// The platform does not offer the only kind of interrupt that was asked for.
    #[error("the platform offers no {kind:?} interrupts")]
    NoInterrupts {
        /// The kind.
        kind: InterruptKind,
    },
    /// After a reset there are fewer interrupt vectors than before.
    #[error("{found} interrupt vectors after the reset, {needed} before it")]
    FewerVectors {
        /// Vectors granted.
        found: u16,
        /// Vectors before.
        needed: u16,
    },
    /// After a reset, the card says that it was built otherwise.
    #[error("the card's capabilities or map are not those that it came up with: it is another card, or has other gateware")]
    OtherCard,
    /// The function has no such capability.
    #[error("config space has no capability {name}")]
    NoCapability {
        /// The capability.
        name: &'static str,
    },
    /// Interrupts kept coming with nothing behind them.
    #[error("{channel}: {count} interrupts on vector {vector} without progress in one wait")]
    InterruptStorm {
        /// The channel.
        channel: ChannelId,
        /// The vector.
        vector: u16,
        /// Interrupts.
        count: u32,
    },
}

impl DriverError {
    /// The channel that it is about, if it is about one.
    #[must_use]
    pub const fn channel(&self) -> Option<ChannelId> {
        match *self {
            Self::ChannelInUse { channel }
            | Self::Running { channel }
            | Self::WouldBlock { channel, .. }
            | Self::NotRunning { channel }
            | Self::Stale { channel, .. }
            | Self::State { channel, .. }
            | Self::Run { channel, .. }
            | Self::Failed { channel, .. }
            | Self::Fault { channel, .. }
            | Self::CardReset { channel }
            | Self::InterruptStorm { channel, .. } => Some(channel),
            _ => None,
        }
    }

    /// From a failed access to `register`.
    pub(crate) const fn access(register: &'static str, error: AccessError) -> Self {
        match error {
            AccessError::Gone => Self::Gone { register },
            error => Self::Access { register, error },
        }
    }
}
