//! The recovery ladder: six levels, from the stop of a channel to a card that was pulled out and comes back. Each goes the same way: quiesce, reset,
//! initialise again, resume; each wait in it has a limit, and says what it waited for.
//!
//! Levels up to [`Level::ChannelReset`] touch the channels that they are given and no other. From [`Level::CardReset`] on, every run on the card is over:
//! channels that are handed in are started again with their configuration, their memory and all counts at zero; those that live elsewhere, on other
//! threads perhaps, find [`DriverError::CardReset`] at their next call and are started by their owner. Memory stays with its channel throughout: it is
//! used again only after the card was seen quiet.

use crate::card::Card;
use crate::channel::RingChannel;
use crate::channel::run::{self, Run};
use crate::error::{ChannelId, DriverError};
use crate::h2c::SendChannel;
use crate::pages::PageChannel;
use crate::platform::{AccessError, Platform};
use core::fmt;
use silico_spec::writeback::ChannelError;

pub use crate::limits::GATE_LIMIT_NS;

/// A rung of the ladder, the gentlest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Stop and start of a channel, by register.
    ChannelStop,
    /// Reset of a channel, by register.
    ChannelReset,
    /// Reset of the whole card, by register; config space is kept.
    CardReset,
    /// Function-level reset (PCIe 4.0 §6.6.2).
    FunctionReset,
    /// Hot reset, by the bridge; the link goes down and comes up again.
    HotReset,
    /// The card was away and is looked for again.
    Removal,
}

impl Level {
    /// All, the gentlest first.
    pub const ALL: [Self; 6] = [Self::ChannelStop, Self::ChannelReset, Self::CardReset, Self::FunctionReset, Self::HotReset, Self::Removal];

    /// The gentlest level that can help against `error`; `None` for a mistake of the caller, which no reset mends.
    #[must_use]
    pub const fn against(error: &DriverError) -> Option<Self> {
        Some(match error {
            // The enable is the operating system's: a level that sets config space up again is needed.
            DriverError::Failed { failure, .. } if matches!(failure.error(), Some(ChannelError::BusMasterOff)) => Self::CardReset,
            DriverError::Failed { .. } | DriverError::CardReset { .. } => Self::ChannelStop,
            DriverError::Fault { .. } | DriverError::State { .. } | DriverError::Run { .. } | DriverError::InterruptStorm { .. } => {
                Self::ChannelReset
            }
            DriverError::Disabled | DriverError::Timeout { .. } => Self::CardReset,
            DriverError::Access { .. } | DriverError::Scratch { .. } => Self::FunctionReset,
            DriverError::Reset { level: Self::FunctionReset, .. } => Self::HotReset,
            DriverError::Gone { .. } | DriverError::Reset { .. } => Self::Removal,
            _ => return None,
        })
    }

    /// The next rung. A card that is gone is not looked for unless that is what is wrong.
    const fn above(self) -> Option<Self> {
        match self {
            Self::ChannelStop => Some(Self::ChannelReset),
            Self::ChannelReset => Some(Self::CardReset),
            Self::CardReset => Some(Self::FunctionReset),
            Self::FunctionReset => Some(Self::HotReset),
            Self::HotReset => Some(Self::Removal),
            Self::Removal => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChannelStop => "channel stop",
            Self::ChannelReset => "channel reset",
            Self::CardReset => "card reset",
            Self::FunctionReset => "function-level reset",
            Self::HotReset => "hot reset",
            Self::Removal => "re-attach after removal",
        })
    }
}

/// What brought the card back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The level that helped.
    pub level: Level,
    /// Levels tried, that one included.
    pub attempts: u8,
    /// What the last level that did not help ran into.
    pub before: Option<DriverError>,
}

/// A channel of any kind, as the ladder sees it.
pub trait Recoverable {
    /// Which channel it is.
    fn id(&self) -> ChannelId;

    /// Stops the run, if there is one; how it ended does not matter. It is for levels that reset more than the channel: bounded, and what does not work is
    /// left to the reset.
    fn quiesce(&mut self);

    /// Resets the channel alone.
    ///
    /// # Errors
    /// If it does not get idle in time, or the card does not answer.
    fn reset_channel(&mut self) -> Result<(), DriverError>;

    /// Stops the run, if there is one, and starts a new one.
    ///
    /// # Errors
    /// As the channel's own `restart`.
    fn resume(&mut self) -> Result<(), DriverError>;
}

macro_rules! recoverable {
    ($channel:ident, $id:expr) => {
        impl<P: Platform> Recoverable for $channel<P> {
            fn id(&self) -> ChannelId {
                $id(self.number())
            }

            fn quiesce(&mut self) {
                let _ = Run::<P>::parts(self).0.halt();
            }

            fn reset_channel(&mut self) -> Result<(), DriverError> {
                run::reset(self)
            }

            fn resume(&mut self) -> Result<(), DriverError> {
                run::restart(self)
            }
        }
    };
}

recoverable!(RingChannel, ChannelId::C2h);
recoverable!(PageChannel, ChannelId::C2h);
recoverable!(SendChannel, ChannelId::H2c);

impl<P: Platform> Card<P> {
    /// Recovers by `level`: quiesces `channels`, resets, initialises the card again, and starts `channels` anew.
    ///
    /// # Errors
    /// The first step that failed, typed: what was waited for and how long, or what answered wrongly. [`DriverError::Resetting`] if another thread is at
    /// it. Nothing is freed by it: the same or a higher level can be tried.
    pub fn recover(&self, level: Level, channels: &mut [&mut dyn Recoverable]) -> Result<(), DriverError> {
        match level {
            Level::ChannelStop => {}
            Level::ChannelReset => channels.iter_mut().try_for_each(|channel| channel.reset_channel())?,
            _ => self.reset_whole(level, channels)?,
        }
        channels.iter_mut().try_for_each(|channel| channel.resume())
    }

    /// Recovers from `error` by the gentlest level that can help ([`Level::against`]), and by the next ones if that does not. Levels of channels touch only
    /// the channel that the error names.
    ///
    /// # Errors
    /// The last level's error; [`DriverError::NotRecoverable`] for an error that no reset mends.
    pub fn recover_from(&self, error: &DriverError, channels: &mut [&mut dyn Recoverable]) -> Result<Recovery, DriverError> {
        let named = error.channel();
        let mut level = Level::against(error).ok_or(DriverError::NotRecoverable)?;
        let (mut attempts, mut before) = (1, None);
        loop {
            let failed = match named.filter(|_| level <= Level::ChannelReset) {
                Some(id) => {
                    channels.iter_mut().filter(|channel| channel.id() == id).try_for_each(|one| self.recover(level, &mut [&mut **one]))
                }
                None => self.recover(level, channels),
            };
            let Err(error) = failed else { return Ok(Recovery { level, attempts, before }) };
            before = Some(error);
            attempts += 1;
            // Another is at it: to go on would make it worse.
            let above = level.above().filter(|_| error != DriverError::Resetting);
            // What the level ran into may need more than the next one.
            let needed = Level::against(&error).unwrap_or(level);
            level = above.ok_or(error)?.max(needed);
        }
    }

    fn reset_whole(&self, level: Level, channels: &mut [&mut dyn Recoverable]) -> Result<(), DriverError> {
        if level < Level::Removal {
            channels.iter_mut().for_each(|channel| channel.quiesce());
        }
        let closed = self.shared().close().ok_or(DriverError::Resetting)?;
        let limit = GATE_LIMIT_NS + 2 * self.shared().completion_timeout_ns();
        self.wait_for_others(limit, "other threads to leave a start, stop or reset of their channel", || Ok(closed.is_empty()))?;
        let platform = self.platform();
        let tried = match level {
            Level::FunctionReset => self.cut_off_bus().and_then(|()| platform.function_reset()),
            Level::HotReset => platform.hot_reset(),
            Level::Removal => platform.rescan(),
            Level::ChannelStop | Level::ChannelReset | Level::CardReset => Ok(()),
        };
        tried.map_err(|error| match error {
            AccessError::Gone => DriverError::Gone { register: "config space" },
            error => DriverError::Reset { level, error },
        })?;
        self.initialise(level)?;
        closed.new_epoch();
        drop(closed);
        self.shared().demux.wake_all(self.irqs());
        Ok(())
    }
}
