//! Which freedoms of PCIe's ordering rules the root complex takes (PCIe 4.0 table 2-39, "Ordering Rules Summary"), and how late the CPU sees memory.
//!
//! | freedom | rule | option |
//! |---|---|---|
//! | a posted write with relaxed ordering passes earlier ones | A2b | [`Ordering::relaxed_writes`], [`Ordering::relaxed_latency`] |
//! | reads of the card pass each other; so do the completions of different reads | B3, D5a | [`crate::HostConfig::reorder`] |
//! | completions with relaxed ordering pass posted writes | D2b | [`Ordering::relaxed_completions`] |
//! | which of a request and a completion that both may go is sent first | A5, D3 | [`Ordering::arbitrate`] |
//! | when a write is seen, as long as nothing behind it is | – | [`Ordering::late`] |
//!
//! What is never done, whatever is configured: a write without relaxed ordering passes no other posted write; a read or an interrupt passes no
//! posted write; completions of one read stay in the order of addresses; no posted write or completion waits for a blocked non-posted request.
//! ID-based ordering gives no freedom here: it is for TLPs of different requesters, and all of the card's come from one function, all of the
//! host's from one root complex.

use crate::config::{ConfigError, check};
use crate::distribution::Distribution;

/// Freedoms that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordering {
    /// A write of the card with relaxed ordering may become visible before earlier ones. Off: the root complex ignores the attribute.
    pub relaxed_writes: bool,
    /// From the arrival of a write with relaxed ordering to its visibility, in ns; `None`: as for all writes. Wider means more overtaking.
    pub relaxed_latency: Option<Distribution>,
    /// Completions of reads that asked for relaxed ordering may pass the CPU's posted writes on their way to the card.
    pub relaxed_completions: bool,
    /// When a request and a completion may both go to the card, chance decides. Off: the request goes.
    pub arbitrate: bool,
    /// Writes of the card become visible to the CPU only so many ns after they could, up to 1000000; or sooner, just when something ordered
    /// behind them is seen: an interrupt handler is entered, a read of a register returns, a read of the card is answered.
    pub late: u32,
}

impl Default for Ordering {
    fn default() -> Self {
        Self { relaxed_writes: true, relaxed_latency: None, relaxed_completions: false, arbitrate: false, late: 0 }
    }
}

impl Ordering {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let latency = self.relaxed_latency.unwrap_or(Distribution::Fixed(0));
        let rule = "min <= max <= 1000000000 ns, half_life above 0";
        check(latency.is_sound(), "host.ordering.relaxed_latency", format!("{latency:?}"), rule)?;
        check(self.late <= 1_000_000, "host.ordering.late", self.late, "at most 1000000 ns")
    }
}

/// A write of the card is not seen by the CPU all at once. The specification promises little: without relaxed ordering the bytes of one
/// write become visible in ascending order of addresses (PCIe 4.0 §2.4.3); in what grains is the host's choice. Whoever reads a block wider than a
/// grain without a sequence lock or the like gets it torn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Bytes that are never torn: 4 (a 32-bit host: 64-bit counters tear), 8, 16, 32 or 64.
    pub grain: u32,
    /// From the first part of a write to the rest, in ns.
    pub span: Distribution,
}

impl Default for Torn {
    fn default() -> Self {
        Self { grain: 8, span: Distribution::Uniform { min: 0, max: 200 } }
    }
}

impl Torn {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        check(matches!(self.grain, 4 | 8 | 16 | 32 | 64), "host.torn.grain", self.grain, "4, 8, 16, 32 or 64 bytes")?;
        let rule = "min <= max <= 1000000000 ns, half_life above 0";
        check(self.span.is_sound(), "host.torn.span", format!("{:?}", self.span), rule)
    }
}
