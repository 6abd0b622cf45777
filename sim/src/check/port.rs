//! The port is kept: a TLP takes a clock a beat, none passes while the link is not ready, and a card runs no longer than it is let. Without this, a
//! broken card could flood the machine faster than its link carries, and grow its queues without bound.

use super::{Finding, rule};
use silico_spec::units::{Cycle, Cycles};

/// A TLP of `beats` beats from `first` on has ended by `now`; the link was ready from `ready_at` on.
#[inline]
pub(crate) fn judge(first: Cycle, beats: u32, now: Cycle, ready_at: Cycle) -> Result<(), Finding> {
    if first >= ready_at && first.0.saturating_add(beats.into()) <= now.0 {
        return Ok(());
    }
    Err(broken(first, beats, now, ready_at))
}

#[cold]
fn broken(first: Cycle, beats: u32, now: Cycle, ready_at: Cycle) -> Finding {
    let what = if first < ready_at {
        format!("the first beat of a TLP passes in {first}; the link is not ready before {ready_at}")
    } else {
        format!("a TLP of {beats} beats begins in {first} and has ended by {now}")
    };
    (rule::PORT, what)
}

/// A first beat passed in a clock in which the stream was held.
#[cold]
pub(crate) fn stalled(first: Cycle) -> Finding {
    (rule::PORT, format!("the first beat of a TLP passes in {first}, in which the link is not ready"))
}

/// The card ran for `took` clocks when it was let for `limit`.
#[cold]
pub(crate) fn overrun(took: Cycles, limit: Cycles) -> Finding {
    (rule::PORT, format!("the card ran for {took} in one go; it was let for {limit}"))
}
