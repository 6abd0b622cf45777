//! Seeded latencies, in integers only. A distribution has no unit; whoever draws knows it.

use silico_spec::generator::XorShift64;

/// How a latency is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Always the same.
    Fixed(u32),
    /// Each value from `min` to `max` is as likely.
    Uniform {
        /// Least.
        min: u32,
        /// Greatest.
        max: u32,
    },
    /// `min` and a tail of which half is left after each `half_life`, cut at `max`.
    Tail {
        /// Least.
        min: u32,
        /// Half of the draws lie below `min + half_life`.
        half_life: u32,
        /// Greatest.
        max: u32,
    },
}

/// Longest latency that makes sense.
const MAX: u32 = 1_000_000_000;

impl Distribution {
    /// Whether the parameters make sense.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        match *self {
            Self::Fixed(value) => value <= MAX,
            Self::Uniform { min, max } => min <= max && max <= MAX,
            Self::Tail { min, half_life, max } => min <= max && max <= MAX && half_life > 0,
        }
    }

    /// The greatest value that it gives.
    #[must_use]
    pub const fn max(&self) -> u32 {
        match *self {
            Self::Fixed(value) => value,
            Self::Uniform { max, .. } | Self::Tail { max, .. } => max,
        }
    }

    /// Nanoseconds to cycles, rounded to the nearest.
    #[must_use]
    pub(crate) fn ns_to_cycles(self, clock_ps: u32) -> Self {
        let cycles = |ns: u32| ((u64::from(ns) * 1000 + u64::from(clock_ps) / 2) / u64::from(clock_ps)) as u32;
        match self {
            Self::Fixed(value) => Self::Fixed(cycles(value)),
            Self::Uniform { min, max } => Self::Uniform { min: cycles(min), max: cycles(max) },
            Self::Tail { min, half_life, max } => Self::Tail { min: cycles(min), half_life: cycles(half_life).max(1), max: cycles(max) },
        }
    }

    /// Draws a value.
    #[inline]
    pub fn draw(&self, random: &mut XorShift64) -> u64 {
        match *self {
            Self::Fixed(value) => value.into(),
            Self::Uniform { min, max } => u64::from(min) + below(random, u64::from(max - min) + 1),
            Self::Tail { min, half_life, max } => {
                let bits = random.step();
                // The leading zeros are geometric with 1/2; within one half-life a straight line is close enough.
                let lives = u64::from(bits.leading_zeros()) * u64::from(half_life);
                let rest = (bits & 0xffff_ffff) * u64::from(half_life) >> 32;
                (u64::from(min) + lives + rest).min(max.into())
            }
        }
    }
}

/// A value below `bound`, which is at most 2^32.
#[inline]
pub(crate) fn below(random: &mut XorShift64, bound: u64) -> u64 {
    (random.step() >> 32) * bound >> 32
}

/// An independent stream for each use, all from the one seed (splitmix64 over seed and use).
#[must_use]
pub(crate) fn stream(seed: u64, usage: u64) -> XorShift64 {
    let mut z = seed.wrapping_add(usage.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    XorShift64::new(z ^ z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(distribution: Distribution, seed: u64) -> Vec<u64> {
        let mut random = stream(seed, 0);
        (0..20_000).map(|_| distribution.draw(&mut random)).collect()
    }

    #[test]
    fn uniform_reaches_both_ends_and_no_further() {
        let draws = draws(Distribution::Uniform { min: 5, max: 8 }, 3);
        for value in 5..=8 {
            let count = draws.iter().filter(|&&draw| draw == value).count();
            assert!((4700..5300).contains(&count), "{value}: {count}");
        }
        assert_eq!(draws.iter().filter(|draw| !(5..=8).contains(*draw)).count(), 0);
    }

    #[test]
    fn half_of_the_tail_is_left_after_each_half_life() {
        let draws = draws(Distribution::Tail { min: 100, half_life: 40, max: 300 }, 3);
        assert!(draws.iter().all(|draw| (100..=300).contains(draw)));
        for (lives, expected) in [(1, 10_000), (2, 5_000), (3, 2_500)] {
            let left = draws.iter().filter(|&&draw| draw >= 100 + 40 * lives).count();
            assert!(left.abs_diff(expected) < expected / 10, "{left} left after {lives}");
        }
        assert!(draws.contains(&300), "the tail is cut, not dropped");
    }

    #[test]
    fn streams_repeat_with_the_seed_and_differ_by_use() {
        let uniform = Distribution::Uniform { min: 0, max: 1 << 20 };
        assert_eq!(draws(uniform, 1), draws(uniform, 1));
        assert_ne!(draws(uniform, 1), draws(uniform, 2));
        assert_ne!(stream(1, 0), stream(1, 1));
    }

    #[test]
    fn nanoseconds_become_cycles() {
        assert_eq!(Distribution::Fixed(413).ns_to_cycles(4000), Distribution::Fixed(103));
        let tail = Distribution::Tail { min: 8, half_life: 1, max: 40 }.ns_to_cycles(4000);
        assert_eq!(tail, Distribution::Tail { min: 2, half_life: 1, max: 10 });
    }
}
