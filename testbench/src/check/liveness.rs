//! Liveness: while frames are under way, some channel moves on within a limit; and no frame waits in memory for a wake-up that never comes (that
//! one the driver notices, in its wait).

use silico_spec::units::{Cycle, Cycles};
use std::fmt;

/// What stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing was delivered for too long.
    NoProgress {
        /// Last progress.
        since: Cycle,
        /// The limit.
        limit: Cycles,
    },
    /// A frame lay in memory while the driver slept through to its deadline.
    LostWakeUp {
        /// The channel.
        channel: u8,
        /// Cycle of the frame's first beat.
        first_beat: Cycle,
        /// How long no interrupt came.
        waited: Cycles,
    },
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgress { since, limit } => {
                write!(f, "no channel delivered a frame since {since}, {limit} ago or more, and frames are under way")
            }
            Self::LostWakeUp { channel, first_beat, waited } => {
                write!(f, "channel {channel}: a frame from {first_beat} lay in memory and no interrupt came in {waited}")
            }
        }
    }
}

/// Watches for progress.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    limit: Cycles,
    since: Cycle,
}

impl Liveness {
    /// Nothing for `limit` is a violation.
    #[must_use]
    pub fn new(limit: Cycles, now: Cycle) -> Self {
        Self { limit, since: now }
    }

    /// Something moved, or nothing had to.
    #[inline]
    pub fn progress(&mut self, now: Cycle) {
        self.since = now;
    }

    /// When patience ends.
    #[must_use]
    pub fn deadline(&self) -> Cycle {
        self.since.after(self.limit)
    }

    /// Checks at `now`.
    ///
    /// # Errors
    /// If the limit has passed.
    pub fn check(&self, now: Cycle) -> Result<(), Stuck> {
        if now < self.deadline() { Ok(()) } else { Err(Stuck::NoProgress { since: self.since, limit: self.limit }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_at_the_limit_and_progress_renews_it() {
        let mut live = Liveness::new(Cycles(100), Cycle(50));
        assert!(live.check(Cycle(149)).is_ok());
        assert_eq!(live.check(Cycle(150)), Err(Stuck::NoProgress { since: Cycle(50), limit: Cycles(100) }));
        live.progress(Cycle(150));
        assert!(live.check(Cycle(249)).is_ok());
    }
}
