//! What a link and a root complex may do beyond being slow: plain data, and the machine's options that it stands for.

use crate::scenario::uniform;
use serde::{Deserialize, Serialize};
use silico_sim::{LinkErrors, MachineConfig, Occurrence, Stalls, Starvation, Torn};
use silico_spec::units::Cycles;

/// All off as a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LinkShape {
    /// Of all that travels to the host and to the card, in millionths.
    pub(crate) errors: (u32, u32),
    /// TLPs of the replay buffers; 0: without bound.
    pub(crate) replay_tlps: u16,
    /// 0 off, 1 withheld, 2 one by one.
    pub(crate) starvation: u8,
    /// Longest withholding, or eight times the spacing.
    pub(crate) starved: u16,
    /// Of the transmit stream and of the receive stream: 0 off, 1 random, 2 bursts, 3 every, 4 all but.
    pub(crate) stalls: (u8, u8),
    pub(crate) rx_pause: u16,
    pub(crate) ecrc: bool,
    /// Longest time to the visibility of a write with relaxed ordering, in ns; 0: as all writes.
    pub(crate) relaxed_ns: u16,
    pub(crate) relaxed_completions: bool,
    pub(crate) arbitrate: bool,
    /// So many transmissions in a row, to the host and to the card, are damaged: from four on the link retrains.
    pub(crate) burst: (u8, u8),
    /// In ns.
    pub(crate) late: u16,
    /// 0 off, 1 grain 4, 2 grain 8, 3 grain 16, 4 grain 32, 5 grain 64.
    pub(crate) torn: u8,
}

/// Clocks after which a CPU on such a link gives up a read.
const PATIENT: u64 = 250_000;
/// Transmissions before a burst of damage: those of enumeration.
const BURST_AT: u64 = 250;
/// Longest that a part of a torn write is behind the rest, in ns.
const TORN_NS: u32 = 300;

fn stalls(kind: u8) -> Stalls {
    match kind % 5 {
        0 => Stalls::Off,
        1 => Stalls::Random { per_mille: 700 },
        2 => Stalls::Bursts { period: 256, longest: 200 },
        3 => Stalls::Every { clocks: 3 },
        _ => Stalls::AllBut { clocks: 4 },
    }
}

fn errors(ppm: u32) -> LinkErrors {
    if ppm == 0 { LinkErrors::NONE } else { LinkErrors::per_million(ppm.min(50_000)) }
}

impl LinkShape {
    pub(crate) fn apply(&self, config: &mut MachineConfig) {
        let (link, host) = (&mut config.link, &mut config.host);
        (link.dll.to_host, link.dll.to_card) = (errors(self.errors.0), errors(self.errors.1));
        for (errors, burst) in [(&mut link.dll.to_host, self.burst.0), (&mut link.dll.to_card, self.burst.1)] {
            if burst > 0 {
                errors.lcrc = Occurrence::Span { first: BURST_AT + u64::from(burst) * 5, count: u64::from(burst.min(6)) };
                // As many replay timers as it takes to retrain: a CPU must have that much patience.
                host.completion_timeout = Cycles(PATIENT);
            }
        }
        link.dll.replay_tlps = (self.replay_tlps != 0).then(|| u32::from(self.replay_tlps.clamp(2, 2047)));
        link.starvation = match self.starvation % 3 {
            0 => Starvation::Off,
            1 => Starvation::Withhold { per_mille: 300, longest: Cycles(u64::from(self.starved.clamp(1, 600))) },
            _ => Starvation::OneByOne { spacing: Cycles(u64::from(self.starved / 8).clamp(1, 16)) },
        };
        (link.tx_stalls, link.rx_gaps) = (stalls(self.stalls.0), stalls(self.stalls.1));
        link.rx_pause = uniform((0, u32::from(self.rx_pause)));
        link.ecrc = self.ecrc;
        host.ordering.relaxed_latency = (self.relaxed_ns != 0).then(|| uniform((0, u32::from(self.relaxed_ns))));
        (host.ordering.relaxed_completions, host.ordering.arbitrate) = (self.relaxed_completions, self.arbitrate);
        host.ordering.late = self.late.into();
        let grain = [4, 8, 16, 32, 64].get(usize::from(self.torn).wrapping_sub(1)).copied();
        host.torn = grain.map(|grain| Torn { grain, span: uniform((0, TORN_NS)) });
    }

    /// Clocks that all of it may cost a TLP of up to `largest` bytes, one with the other.
    pub(crate) fn clocks_per_tlp(&self, largest: u64) -> u64 {
        let damaged = if (self.errors, self.burst) == ((0, 0), (0, 0)) { 0 } else { 2_500 };
        let replay = if self.replay_tlps == 0 { 0 } else { 400 };
        let starved = match self.starvation % 3 {
            0 => 0,
            1 => u64::from(self.starved.clamp(1, 600)),
            _ => u64::from(self.starved / 8).clamp(1, 16) * (largest / 16 + 1),
        };
        let stalled = if self.stalls == (0, 0) { 0 } else { largest / 2 + 256 };
        let seen = u64::from(self.relaxed_ns) + u64::from(self.late) + if self.torn == 0 { 0 } else { u64::from(TORN_NS) };
        damaged + replay + starved + stalled + u64::from(self.rx_pause) + seen / 4
    }
}
