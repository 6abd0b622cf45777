//! Faults around the reference card: [`silico_sim::fault`] gives the rules and the middleware; here they meet a card, and whoever noticed them is
//! asked for.

mod notice;
mod typed;

pub use notice::{Notice, card_notices, clear_probing, host_notices};
pub use silico_sim::fault::{
    ChannelSel, FaultLog, Faults, Field, Harm, LinkRule, LinkSwitch, LinkWhat, Planted, Rule, RuleError, TlpKind, Trigger, What, When,
};
pub use silico_sim::fault::{WriteKind, classify};
pub use typed::Fault;

use silico_spec::port::TlpPort;

/// Wraps `card` so that `rules` apply to it, their randomness drawn from `seed`. The switch is for
/// [`Machine::attach`](silico_sim::Machine::attach), without which no rule takes the link down.
#[must_use]
pub fn plant<P: TlpPort>(rules: &[Rule], seed: u64, card: P, log: FaultLog) -> (Faults<P>, LinkSwitch) {
    let faults = Faults::new(card, rules, seed, log);
    let switch = faults.link_switch();
    (faults, switch)
}
