//! Tags of reads that ran out of time. A completion that comes after all must never meet another read under its tag (hazard: a tag reused while
//! its completion is still on the way), so such a tag rests until the completion has come, or for so long that none will.

use std::collections::VecDeque;

/// Times the completion timeout that a tag rests: a completer that is later than this has lost the request.
const TIMEOUTS: u64 = 8;

/// A tag at rest.
#[derive(Clone, Copy, Debug)]
struct Resting {
    until: u64,
    tag: u8,
    /// Of the read; see the table.
    serial: u64,
}

/// The tags at rest, by the time at which they are free.
#[derive(Clone, Debug, Default)]
pub(super) struct Quarantine {
    resting: VecDeque<Resting>,
    tags: usize,
}

impl Quarantine {
    /// Tags at rest.
    pub(super) fn tags(&self) -> usize {
        self.tags
    }

    /// The read with `serial` under `tag` ran out of time at the end of clock `now`; it had `timeout` clocks.
    pub(super) fn enter(&mut self, tag: u8, serial: u64, now: u64, timeout: u64) {
        let until = now.saturating_add(timeout.saturating_mul(TIMEOUTS));
        // Timeouts may have been set shorter in between.
        let at = self.resting.partition_point(|other| other.until <= until);
        self.resting.insert(at, Resting { until, tag, serial });
        self.tags += 1;
    }

    /// The read with `serial` has been answered after all.
    pub(super) fn leave(&mut self, serial: u64) {
        let before = self.resting.len();
        self.resting.retain(|resting| resting.serial != serial);
        self.tags -= before - self.resting.len();
    }

    /// The cycle at whose end the next tag has rested enough.
    #[inline]
    pub(super) fn deadline(&self) -> Option<u64> {
        self.resting.front().map(|resting| resting.until)
    }

    /// A tag that has rested enough by the end of clock `now`.
    pub(super) fn rested(&self, now: u64) -> Option<u8> {
        self.resting.front().filter(|resting| resting.until <= now).map(|resting| resting.tag)
    }
}
