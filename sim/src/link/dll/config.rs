//! What can go wrong below the transaction layer, and how the data link layer is timed. Limits and defaults; no behaviour.

use crate::config::{ConfigError, check};
use crate::distribution::below;
use silico_spec::generator::XorShift64;
use silico_spec::units::Cycles;

/// Which of a sequence of things are hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// None.
    #[default]
    Never,
    /// `count` in a row, the first of them number `first` (from 1), since the machine was built.
    Span {
        /// The first, from 1.
        first: u64,
        /// How many.
        count: u64,
    },
    /// Each with this probability, in millionths: 1 to 1000000. Drawn from the machine's seed.
    PerMillion(u32),
}

impl Occurrence {
    /// Only number `n`, from 1.
    #[must_use]
    pub const fn nth(n: u64) -> Self {
        Self::Span { first: n, count: 1 }
    }

    const fn is_sound(self) -> bool {
        match self {
            Self::Never => true,
            Self::Span { first, count } => first >= 1 && count >= 1,
            Self::PerMillion(rate) => rate >= 1 && rate <= 1_000_000,
        }
    }
}

/// What is damaged of all that travels in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkErrors {
    /// TLPs that arrive with a wrong LCRC: the receiver asks for them again by a Nak. Counts transmissions, replays included.
    pub lcrc: Occurrence,
    /// TLPs that do not arrive as such (framing errors): the receiver notices by the sequence number of the next one, the transmitter by its
    /// REPLAY_TIMER if there is no next one. Counts transmissions, replays included. That 8 GT/s and more also go through Recovery on a
    /// framing error is left out.
    pub lost: Occurrence,
    /// Ack and Nak DLLPs that arrive damaged, and so do not count. They answer TLPs of the other direction.
    pub ack: Occurrence,
    /// UpdateFC DLLPs that arrive damaged. What they granted comes with the next one, at the latest after [`DllConfig::UPDATE_REPEAT_NS`].
    pub update_fc: Occurrence,
}

impl LinkErrors {
    /// Nothing.
    pub const NONE: Self = Self { lcrc: Occurrence::Never, lost: Occurrence::Never, ack: Occurrence::Never, update_fc: Occurrence::Never };

    /// Everything with this probability, in millionths.
    #[must_use]
    pub const fn per_million(rate: u32) -> Self {
        let one = Occurrence::PerMillion(rate);
        Self { lcrc: one, lost: one, ack: one, update_fc: one }
    }
}

/// The data link layer (PCIe 4.0 §3.6). As long as nothing is damaged and the replay buffers are unbounded, Ack and Nak change nothing, so they are not
/// simulated, and cost nothing; the bandwidth that DLLPs take is in the rate of the link in any case (pcie-bench's formula).
///
/// The TLP port has no way to tell the card of link errors. A hard IP would log them in the card's AER as correctable errors, and so would the
/// root port in its own: both are counted, see [`crate::Stats::card_errors`] and [`crate::Stats::root_errors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DllConfig {
    /// Of what travels from the card to the host.
    pub to_host: LinkErrors,
    /// Of what travels from the host to the card.
    pub to_card: LinkErrors,
    /// From the arrival of a TLP to the Ack for it and all that arrived since: 0 to 100000 cycles. `None`: the Ack transmission latency limit of
    /// PCIe 4.0 tables 3-7 to 3-9, see [`crate::link::ack_limit`].
    pub ack_latency: Option<Cycles>,
    /// REPLAY_TIMER's limit: the way there and back at least, up to 1000000 cycles. `None`: three times the Ack latency, as the tables of PCIe
    /// 4.0 §3.6.2.1 have it, and the way there and back.
    pub replay_timer: Option<Cycles>,
    /// TLPs that a replay buffer holds, in each direction: 2 to 2047. While the card's is full, `tx_ready` is low. `None`: as many as sequence
    /// numbers allow, 2047.
    pub replay_tlps: Option<u32>,
    /// Clocks for which the link is in Recovery when REPLAY_NUM rolls over: nothing moves either way, nothing is reset; 1 to 10000000. If nothing comes
    /// through after eight of them in a row, the link is down, see [`crate::Machine::link_failure`].
    pub retrain: Cycles,
}

impl Default for DllConfig {
    fn default() -> Self {
        Self {
            to_host: LinkErrors::NONE,
            to_card: LinkErrors::NONE,
            ack_latency: None,
            replay_timer: None,
            replay_tlps: None,
            retrain: Cycles(2500),
        }
    }
}

impl DllConfig {
    /// A receiver repeats UpdateFC at least this often, in ns (PCIe 4.0 §2.6.1.2: 30 µs).
    pub const UPDATE_REPEAT_NS: u64 = 30_000;

    /// Whether Ack and Nak can make a difference.
    pub(crate) fn is_on(&self) -> bool {
        self.replay_tlps.is_some() || (self.to_host, self.to_card) != (LinkErrors::NONE, LinkErrors::NONE)
    }

    /// `latency`: one way.
    pub(crate) fn validate(&self, latency: Cycles) -> Result<(), ConfigError> {
        let fields = [
            ("link.dll.to_host.lcrc", self.to_host.lcrc),
            ("link.dll.to_host.lost", self.to_host.lost),
            ("link.dll.to_host.ack", self.to_host.ack),
            ("link.dll.to_host.update_fc", self.to_host.update_fc),
            ("link.dll.to_card.lcrc", self.to_card.lcrc),
            ("link.dll.to_card.lost", self.to_card.lost),
            ("link.dll.to_card.ack", self.to_card.ack),
            ("link.dll.to_card.update_fc", self.to_card.update_fc),
        ];
        for (field, one) in fields {
            check(one.is_sound(), field, format!("{one:?}"), "Never, a Span with first and count above 0, or 1 to 1000000 per million")?;
        }
        let ack = self.ack_latency.unwrap_or_default().0;
        check(ack <= 100_000, "link.dll.ack_latency", ack, "at most 100000 cycles")?;
        let timer = self.replay_timer.map_or(2 * latency.0, |timer| timer.0);
        let rule = "at least twice link.latency and at most 1000000 cycles";
        check((2 * latency.0..=1_000_000).contains(&timer), "link.dll.replay_timer", timer, rule)?;
        let room = self.replay_tlps.unwrap_or(2);
        check((2..=2047).contains(&room), "link.dll.replay_tlps", room, "2 to 2047 TLPs")?;
        check((1..=10_000_000).contains(&self.retrain.0), "link.dll.retrain", self.retrain.0, "1 to 10000000 cycles")
    }
}

/// Decides what is hit, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injector {
    what: Occurrence,
    seen: u64,
    random: XorShift64,
}

impl Injector {
    /// All chance from here on comes from `random`; what was counted stays.
    pub(crate) const fn reseed(&mut self, random: XorShift64) {
        self.random = random;
    }

    pub(crate) const fn new(what: Occurrence, random: XorShift64) -> Self {
        Self { what, seen: 0, random }
    }

    /// Whether the next one is hit.
    pub(crate) fn hit(&mut self) -> bool {
        match self.what {
            Occurrence::Never => false,
            Occurrence::Span { first, count } => {
                self.seen = self.seen.saturating_add(1);
                self.seen >= first && self.seen - first < count
            }
            Occurrence::PerMillion(rate) => below(&mut self.random, 1_000_000) < rate.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injector_hits_what_it_was_told() {
        let hits = |what| {
            let mut injector = Injector::new(what, XorShift64::new(3));
            (1..=10_000).filter(|_| injector.hit()).collect::<Vec<u32>>()
        };
        assert!(hits(Occurrence::Never).is_empty());
        assert_eq!(hits(Occurrence::nth(7)), [7]);
        assert_eq!(hits(Occurrence::Span { first: 3, count: 3 }), [3, 4, 5]);
        assert!((800..1200).contains(&hits(Occurrence::PerMillion(100_000)).len()));
        assert_eq!(hits(Occurrence::PerMillion(1_000_000)).len(), 10_000);
    }
}
