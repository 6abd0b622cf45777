//! Clocks in which a stream stands still, as a function of clock and seed alone: however callers cut time into pieces, the same clocks are hit.

use crate::config::{ConfigError, check};
use silico_spec::units::Cycle;

/// Which clocks a stream stands still in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stalls {
    /// None.
    #[default]
    Off,
    /// Each clock with this probability, in thousandths: 1 to 990.
    Random {
        /// Thousandths.
        per_mille: u32,
    },
    /// One burst in each `period` clocks (2 to 1048576), of a random length from 1 to `longest`, below `period`, at a random place.
    Bursts {
        /// Clocks.
        period: u32,
        /// Clocks.
        longest: u32,
    },
    /// Every `clocks`th clock: 2 to 65536.
    Every {
        /// Clocks.
        clocks: u32,
    },
    /// All but every `clocks`th clock: 2 to 65536.
    AllBut {
        /// Clocks.
        clocks: u32,
    },
}

impl Stalls {
    pub(crate) fn validate(self, field: &'static str) -> Result<(), ConfigError> {
        let (ok, rule) = match self {
            Self::Off => (true, ""),
            Self::Random { per_mille } => ((1..=990).contains(&per_mille), "1 to 990 thousandths"),
            Self::Bursts { period, longest } => {
                let fits = (2..=1 << 20).contains(&period) && (1..period).contains(&longest);
                (fits, "bursts of 1 clock or more, shorter than their period of 2 to 1048576 clocks")
            }
            Self::Every { clocks } | Self::AllBut { clocks } => ((2..=65_536).contains(&clocks), "every 2nd to every 65536th clock"),
        };
        check(ok, field, format!("{self:?}"), rule)
    }
}

/// The clocks themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    stalls: Stalls,
    seed: u64,
}

impl Pattern {
    pub(crate) const fn new(stalls: Stalls, seed: u64) -> Self {
        Self { stalls, seed }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.stalls == Stalls::Off
    }

    /// Whether the stream stands still in this clock.
    pub(crate) const fn holds(&self, cycle: Cycle) -> bool {
        match self.stalls {
            Stalls::Off => false,
            Stalls::Random { per_mille } => (hash(self.seed, cycle.0) >> 32) * 1000 >> 32 < per_mille as u64,
            Stalls::Bursts { period, longest } => {
                let (block, at) = (cycle.0 / period as u64, cycle.0 % period as u64);
                let draw = hash(self.seed, block);
                let len = 1 + (draw & 0xffff_ffff) % longest as u64;
                let start = (draw >> 32) % (period as u64 - len + 1);
                at >= start && at - start < len
            }
            Stalls::Every { clocks } => cycle.0.is_multiple_of(clocks as u64),
            Stalls::AllBut { clocks } => !cycle.0.is_multiple_of(clocks as u64),
        }
    }

    /// Bit `i`: it does in the `i`th clock from `from` on, of 64.
    pub(crate) fn mask(&self, from: Cycle) -> u64 {
        if self.is_off() {
            return 0;
        }
        (0..64).fold(0, |mask, bit| mask | u64::from(self.holds(Cycle(from.0.saturating_add(bit)))) << bit)
    }
}

/// splitmix64 of both.
const fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(stalls: Stalls) -> u64 {
        let pattern = Pattern::new(stalls, 5);
        (0..100_000).filter(|&cycle| pattern.holds(Cycle(cycle))).count() as u64
    }

    #[test]
    fn each_pattern_holds_its_share_of_clocks() {
        assert_eq!(held(Stalls::Off), 0);
        assert!((29_000..31_000).contains(&held(Stalls::Random { per_mille: 300 })));
        assert_eq!(held(Stalls::Every { clocks: 4 }), 25_000);
        assert_eq!(held(Stalls::AllBut { clocks: 4 }), 75_000);
        let bursts = held(Stalls::Bursts { period: 100, longest: 50 });
        assert!((23_000..28_000).contains(&bursts), "{bursts}");
        assert_eq!(held(Stalls::Bursts { period: 2, longest: 1 }), 50_000);
    }

    #[test]
    fn a_mask_is_the_same_clocks() {
        let pattern = Pattern::new(Stalls::Random { per_mille: 500 }, 9);
        for from in [0, 1, 77] {
            let mask = pattern.mask(Cycle(from));
            assert!((0..64).all(|bit| (mask >> bit & 1 == 1) == pattern.holds(Cycle(from + bit))));
        }
        assert_ne!(pattern.mask(Cycle(0)), Pattern::new(Stalls::Random { per_mille: 500 }, 10).mask(Cycle(0)));
    }
}
