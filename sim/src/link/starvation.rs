//! How a root port gives credits back that came free. All are allowed: a receiver owes an UpdateFC every 30 µs at most (PCIe 4.0 §2.6.1.2), and a
//! transmitter must live with whatever it gets.

use crate::config::{ConfigError, check};
use silico_spec::units::Cycles;

/// How credits come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Starvation {
    /// With the next UpdateFC.
    #[default]
    Off,
    /// The UpdateFC is withheld for a random span, and all later ones of its class behind it.
    Withhold {
        /// How often, in thousandths: 1 to 1000.
        per_mille: u32,
        /// The longest span: 1 to 1000000 cycles.
        longest: Cycles,
    },
    /// Each data credit by an UpdateFC of its own, the header's with the first: a TLP of 256 bytes takes 16 of them. Slower than the card
    /// uses credits, this is the limit of what it can send.
    OneByOne {
        /// Between two of a class: 1 to 100000 cycles.
        spacing: Cycles,
    },
}

impl Starvation {
    pub(crate) fn validate(self) -> Result<(), ConfigError> {
        let (ok, rule) = match self {
            Self::Off => (true, ""),
            Self::Withhold { per_mille, longest } => {
                let fits = (1..=1000).contains(&per_mille) && (1..=1_000_000).contains(&longest.0);
                (fits, "1 to 1000 thousandths, and 1 to 1000000 cycles")
            }
            Self::OneByOne { spacing } => ((1..=100_000).contains(&spacing.0), "1 to 100000 cycles"),
        };
        check(ok, "link.starvation", format!("{self:?}"), rule)
    }
}
