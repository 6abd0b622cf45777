//! One direction of the link: bytes leave one after another, at exact fractions of a clock. Knows no packets.

use silico_spec::units::Cycle;

/// Bits of a fraction of a clock.
const FRACTION: u32 = 32;

/// A transmitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serializer {
    /// Time of a byte in 2^-32 clocks.
    byte_time: u64,
    /// When the last byte has left, in 2^-32 clocks. Wide enough for all cycles.
    free: u128,
}

impl Serializer {
    pub(crate) const fn new(byte_time: u64) -> Self {
        Self { byte_time, free: 0 }
    }

    /// Sends `bytes`, from `from` on at the earliest. Returns the first cycle at which all have left.
    #[inline]
    pub(crate) fn send(&mut self, from: Cycle, bytes: u32) -> Cycle {
        let begin = self.free.max(u128::from(from.0) << FRACTION);
        self.free = begin + u128::from(self.byte_time * u64::from(bytes));
        ceil(self.free)
    }

    /// Nothing leaves before `until`.
    pub(crate) fn block_until(&mut self, until: Cycle) {
        self.free = self.free.max(u128::from(until.0) << FRACTION);
    }

    /// The cycle in which the transmitter becomes free.
    #[inline]
    pub(crate) const fn free_in(&self) -> Cycle {
        Cycle((self.free >> FRACTION) as u64)
    }

    /// The first cycle at which no more than `bytes` wait to be sent.
    #[inline]
    pub(crate) fn backlog_below(&self, bytes: u32) -> Cycle {
        ceil(self.free.saturating_sub(u128::from(self.byte_time * u64::from(bytes))))
    }
}

#[inline]
const fn ceil(time: u128) -> Cycle {
    Cycle((time + (1 << FRACTION) - 1 >> FRACTION) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_add_up() {
        // A third of a clock a byte: 3000 bytes back to back take 1000 clocks, whatever the pieces.
        let mut wire = Serializer::new((1 << 32) / 3 + 1);
        let mut end = Cycle(0);
        for _ in 0..1000 {
            end = wire.send(Cycle(10), 3);
        }
        assert_eq!(end, Cycle(1011), "the rounded-up third adds less than one clock");
        assert_eq!(wire.free_in(), Cycle(1010));
    }

    #[test]
    fn idle_time_is_not_made_up_for() {
        let mut wire = Serializer::new(1 << 32);
        assert_eq!(wire.send(Cycle(0), 4), Cycle(4));
        assert_eq!(wire.send(Cycle(100), 4), Cycle(104));
        assert_eq!(wire.backlog_below(1), Cycle(103));
        assert_eq!(wire.backlog_below(1000), Cycle(0));
    }
}
