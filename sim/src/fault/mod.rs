//! Faults: what can go wrong around a card, planted on purpose, repeatable from one seed. The card inside and the machine outside are the real ones.
//!
//! A [`Rule`] says where, when and what, in words such as `cpl.ur@3` (the grammar is in `text`). [`Faults`] is a middleware around any
//! [`TlpPort`](silico_spec::port::TlpPort) that applies a list of rules to what passes the port, both ways. Each rule draws from a stream of its own, so
//! that another rule in the list changes nothing of it. What was planted stands in the [`FaultLog`], with what it may do to a user ([`Harm`]).
//!
//! All rules judge a TLP as it was sent; those that strike are applied in the order of the list. Credits stay right: see `credit`. The link
//! itself belongs to the machine: a `flap` asks it by the [`LinkSwitch`] ([`Machine::attach`](crate::Machine::attach)).

mod alter;
mod arm;
mod channels;
mod classify;
mod credit;
mod down;
mod link;
mod log;
mod port;
mod repeat_frame;
mod rule;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
mod text;
mod up;

pub use classify::{WriteKind, classify, frame_payload};
pub use link::{LinkRule, LinkWhat};
pub use log::{FaultLog, KEPT, LinkSwitch, Planted};
pub use port::Faults;
pub use rule::{ChannelSel, Field, Harm, MAX_SPAN, Rule, Select, TlpKind, Trigger, What, When};
pub use text::RuleError;
