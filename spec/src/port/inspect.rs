//! A look inside: what a card can tell of itself beside the port, to coverage and to debuggers. Nothing that a host sees depends on it, and a card that
//! has nothing to tell is as good a card.

use crate::writeback::{ChannelError, ChannelState};

/// What keeps a channel busy, or keeps it waiting, in the coming clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Neither runs nor stops.
    #[default]
    Idle,
    /// Runs, and has nothing to send or to ask for.
    NoData,
    /// Has data, or is asked for some, and no room for them: ring, pages or buffer.
    NoRoom,
    /// Wants to send or to read, and waits for its turn, for credits or for a tag.
    Wanting,
    /// A TLP of it is on the transmit stream.
    Sending,
    /// Waits for completions, and wants nothing more.
    Reading,
    /// Ends what is under way.
    Stopping,
    /// Stopped by an error.
    Failed,
}

/// Why a channel told the host of its progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Report {
    /// It has not.
    #[default]
    None,
    /// So many frames, or descriptors.
    Count,
    /// So many bytes.
    Bytes,
    /// So many clocks since the first that was not told.
    Time,
    /// Somebody waits for it: of a write-back, the armed interrupt; of an interrupt, the descriptor's flag.
    Wanted,
    /// A stop.
    Stop,
    /// An error.
    Failure,
}

/// Why a page was completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageEnd {
    /// None was.
    #[default]
    None,
    /// Its frame goes on in the next one.
    GoesOn,
    /// It is full to its last byte, and a frame ends there.
    Full,
    /// A frame has ended, and each has pages of its own.
    Frame,
    /// The next frame is longer than the rest of it, or may be.
    NoFit,
    /// The timer.
    Timer,
    /// A stop.
    Stop,
}

/// One channel at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelView {
    /// As `STATUS` shows it.
    pub state: ChannelState,
    /// As `ERROR` shows it.
    pub error: ChannelError,
    /// Finer than the state.
    pub activity: Activity,
    /// It fills pages, not a ring. Never in an H2C channel.
    pub pages: bool,
    /// Reads of it that are outstanding.
    pub reads: u16,
    /// How often its buffer, or its descriptor ring, has wrapped in this run.
    pub laps: u64,
    /// Write-back blocks of this run.
    pub blocks: u64,
    /// Why the last one was written.
    pub block: Report,
    /// Times that the data cause (C2H) or the space cause (H2C) fired in this run.
    pub signals: u32,
    /// Why it fired last.
    pub signal: Report,
    /// Entries of the completion ring that this run has written.
    pub entries: u64,
    /// Why the last page was completed.
    pub entry: PageEnd,
    /// A page waits for an entry of the completion ring.
    pub entries_full: bool,
}

/// A card that can be looked into.
pub trait Inspect {
    /// Card-to-host channel `channel`, if there is one.
    fn c2h(&self, channel: usize) -> Option<ChannelView>;

    /// Host-to-card channel `channel`, if there is one.
    fn h2c(&self, channel: usize) -> Option<ChannelView>;

    /// Tags in use, and tags in all.
    fn tags(&self) -> (usize, usize);

    /// Where in config space Device Control lies, in bytes.
    fn device_control(&self) -> u16;
}
