//! The operations of a case as plain data: what happens, and to which channel.

use super::{LaneShape, WaitKind};
use serde::{Deserialize, Serialize};

/// How far a reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    /// By the card's own register.
    Card,
    /// Function-level reset.
    Function,
    /// In band.
    Hot,
    /// The link goes down, as when the card is pulled out, and comes up again.
    Link,
    /// Function-level reset by a host that makes nothing quiet before.
    Abrupt,
}

impl Level {
    pub(crate) const ALL: [Self; 5] = [Self::Card, Self::Function, Self::Hot, Self::Link, Self::Abrupt];
}

/// One thing that happens. Lanes and senders are taken modulo how many there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// `count` frames of `len` bytes at a front end, each `pause` clocks after the one before.
    Feed {
        lane: u8,
        count: u8,
        len: u32,
        pause: u32,
        error: bool,
    },
    /// Time passes.
    Advance(u32),
    /// Takes up to that many frames.
    Poll {
        lane: u8,
        frames: u8,
    },
    /// Takes a frame and looks at it again after that many clocks, before it is given back.
    Hold {
        lane: u8,
        clocks: u32,
    },
    GiveBack(u8),
    /// The driver's wait, with a deadline.
    Wait {
        lane: u8,
        kind: WaitKind,
        ns: u32,
    },
    /// Arms and sleeps by hand: the interrupt must have a frame behind it, and come if there is one.
    ArmAndSleep {
        lane: u8,
        ns: u32,
    },
    Stop(u8),
    /// Arms by hand, feeds a frame, and stops after that many clocks: the sleeper is told of it.
    ArmAndStop {
        lane: u8,
        clocks: u32,
    },
    Start(u8),
    Restart(u8),
    Reset(u8),
    /// Closes the channel and opens it in another shape.
    Reopen {
        lane: u8,
        shape: Box<LaneShape>,
    },
    /// The channel's vector, through BAR2.
    Mask {
        lane: u8,
        on: bool,
    },
    /// Other coalescing, under a running channel.
    Coalesce {
        lane: u8,
        frames: u32,
        time: u32,
    },
    /// 0: far ahead of the card, 1: off the grid, 2: backwards, 3: just ahead.
    BadDoorbell {
        lane: u8,
        kind: u8,
    },
    /// A start with one register wrong, which the card must refuse.
    Misconfigure {
        lane: u8,
        kind: u8,
    },
    MisconfigureSender {
        sender: u8,
        kind: u8,
    },
    /// The card's global enable.
    Enable(bool),
    /// `count` frames of `len` bytes; `parts`: 0 through staging memory, else out of a buffer of the host in so many descriptors.
    Send {
        sender: u8,
        count: u8,
        len: u32,
        parts: u8,
    },
    /// Takes over what has been sent, and looks at what came out.
    Reap(u8),
    /// The driver's wait for all to be sent, with a deadline.
    AwaitSent {
        sender: u8,
        kind: WaitKind,
        ns: u32,
    },
    StopSender(u8),
    StartSender(u8),
    RestartSender(u8),
    ResetSender(u8),
    /// The sender's vector, through BAR2.
    MaskSender {
        sender: u8,
        on: bool,
    },
    /// 0: beyond the ring, 1: backwards.
    BadTail {
        sender: u8,
        kind: u8,
    },
    /// The function mask of MSI-X.
    MaskAll(bool),
    /// Bus Master Enable.
    BusMaster(bool),
    /// Counters of a lane and of the card, read in the middle of things.
    Snapshot(u8),
    /// Control words of a lane (2: its reset, 1: run, 0: stop) written one upon the other, so many clocks apart; then a reset, so that all is known.
    Rattle {
        lane: u8,
        words: Vec<u8>,
        clocks: u8,
        /// Clocks that the run before them has lasted.
        #[serde(default)]
        after: u16,
        /// A doorbell out of bounds has stopped it by then.
        #[serde(default)]
        spoil: bool,
    },
    /// The same for a sender.
    RattleSender {
        sender: u8,
        words: Vec<u8>,
        clocks: u8,
        after: u16,
        spoil: bool,
    },
    /// D3hot for so many clocks, and back to D0.
    Sleep(u32),
    /// The driver's recovery ladder: a rung of it, under everything that runs.
    Ladder(u8),
    /// The driver's recovery from whatever has failed, or left the card in D3hot: the gentlest rung that helps.
    Mend {
        asleep: bool,
    },
    /// The card is pulled out so many clocks from now, under everything that the driver does; it is put back and found again.
    Pull {
        clocks: u32,
        /// The platform does not tell: reads give ones.
        ones: bool,
    },
    /// The driver's process dies; so many clocks later another one takes the card over.
    Crash(u32),
    /// A reset under everything that runs, and the way back: all is opened and started anew. `orderly`: channels are closed before it, else after it.
    Recover {
        level: Level,
        orderly: bool,
    },
}

impl Op {
    /// The lane that it is done to.
    pub(crate) const fn lane(&self) -> Option<u8> {
        match self {
            Self::Feed { lane, .. }
            | Self::Poll { lane, .. }
            | Self::Hold { lane, .. }
            | Self::GiveBack(lane)
            | Self::Wait { lane, .. }
            | Self::ArmAndSleep { lane, .. }
            | Self::Stop(lane)
            | Self::ArmAndStop { lane, .. }
            | Self::Start(lane)
            | Self::Restart(lane)
            | Self::Reset(lane)
            | Self::Reopen { lane, .. }
            | Self::Mask { lane, .. }
            | Self::Coalesce { lane, .. }
            | Self::BadDoorbell { lane, .. }
            | Self::Snapshot(lane)
            | Self::Misconfigure { lane, .. }
            | Self::Rattle { lane, .. } => Some(*lane),
            _ => None,
        }
    }

    /// The sender that it is done to.
    pub(crate) const fn sender(&self) -> Option<u8> {
        match self {
            Self::Send { sender, .. }
            | Self::Reap(sender)
            | Self::AwaitSent { sender, .. }
            | Self::StopSender(sender)
            | Self::StartSender(sender)
            | Self::RestartSender(sender)
            | Self::ResetSender(sender)
            | Self::MaskSender { sender, .. }
            | Self::BadTail { sender, .. }
            | Self::RattleSender { sender, .. }
            | Self::MisconfigureSender { sender, .. } => Some(*sender),
            _ => None,
        }
    }

    /// All of the card may be as after power-on behind it.
    pub(crate) const fn resets_card(&self) -> bool {
        matches!(self, Self::Recover { .. } | Self::Ladder(_) | Self::Mend { .. } | Self::Pull { .. } | Self::Crash(_))
    }

    /// It needs a sender.
    pub(crate) const fn is_of_sender(&self) -> bool {
        self.sender().is_some()
    }
}
