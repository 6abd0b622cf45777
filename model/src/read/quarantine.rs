//! Tags of reads that ran out of time. A completion that comes after all must never meet another read under its tag (hazard: a tag reused while
//! its completion is still on the way), so such a tag rests until the completion has come, or for so long that none will.

use std::collections::VecDeque;

/// Times the completion timeout that a tag rests: a completer that is later than this has lost the request.
const TIMEOUTS: u64 = 8;

/// Until when a tag rests whose read ran out of time at the end of clock `now`; it had `timeout` clocks.
pub(super) fn until(now: u64, timeout: u64) -> u64 {
    now.saturating_add(timeout.saturating_mul(TIMEOUTS))
}

/// A tag at rest.
#[derive(Clone, Copy, Debug)]
struct Resting {
    until: u64,
    /// Of the read; see the table.
    serial: u64,
}

/// The tags at rest, by the time at which they are free.
#[derive(Clone, Debug, Default)]
pub(super) struct Quarantine {
    resting: VecDeque<Resting>,
}

impl Quarantine {
    /// Tags at rest.
    pub(super) fn tags(&self) -> usize {
        self.resting.len()
    }

    /// The tag of the read with `serial` rests.
    pub(super) fn enter(&mut self, serial: u64, until: u64) {
        // Timeouts may have been set shorter in between.
        let at = self.resting.partition_point(|other| other.until <= until);
        self.resting.insert(at, Resting { until, serial });
    }

    /// The read with `serial` has been answered after all, or has rested enough.
    pub(super) fn leave(&mut self, serial: u64) {
        self.resting.retain(|resting| resting.serial != serial);
    }

    /// The cycle at whose end the next tag has rested enough.
    #[inline]
    pub(super) fn deadline(&self) -> Option<u64> {
        self.resting.front().map(|resting| resting.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Software may set a shorter timeout in between: then the tag that rests last is free first.
    #[test]
    fn the_next_tag_to_be_free_is_known() {
        let mut quarantine = Quarantine::default();
        assert_eq!((quarantine.tags(), quarantine.deadline()), (0, None));
        for (serial, until) in [(1, 900), (2, 100), (3, 500), (4, 100)] {
            quarantine.enter(serial, until);
        }
        assert_eq!((quarantine.tags(), quarantine.deadline()), (4, Some(100)));
        for (serial, left) in [(2, Some(100)), (3, Some(100)), (4, Some(900)), (7, Some(900)), (1, None)] {
            quarantine.leave(serial);
            assert_eq!(quarantine.deadline(), left);
        }
    }

    #[test]
    fn a_tag_rests_for_eight_timeouts_and_no_clock_overflows() {
        assert_eq!(until(1000, 50), 1400);
        assert_eq!(until(u64::MAX - 10, 50), u64::MAX);
        assert_eq!(until(1000, u64::MAX / 2), u64::MAX);
    }
}
