//! What a property is tried on: a machine, the channels of a card, and a list of operations. Plain data that can be written down and read back;
//! whatever the numbers are, something legal is made of them, so that shrinking is free to try any.

mod lane;
mod machine;
mod op;
mod sender;
mod wait;

pub(crate) use lane::{GeneratorShape, LEAST_RATE, LaneShape, PagedShape};
pub(crate) use machine::{MachineShape, ReadShape};
pub(crate) use op::{Level, Op};
pub(crate) use sender::{SendTo, SenderShape};
pub(crate) use wait::WaitKind;

use serde::{Deserialize, Serialize};
use silico_sim::Distribution;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// A whole case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) machine: MachineShape,
    pub(crate) lanes: Vec<LaneShape>,
    /// Host-to-card channels.
    #[serde(default)]
    pub(crate) senders: Vec<SenderShape>,
    pub(crate) ops: Vec<Op>,
    /// Rules of faults at the port, in the words of `silico_sim::fault`.
    #[serde(default)]
    pub(crate) faults: Vec<String>,
    /// Operations that were begun: shrinking first cuts off those that were not.
    #[serde(skip)]
    pub(crate) seen: Seen,
}

impl Scenario {
    /// The sender that loops into the last lane, if there is one.
    pub(crate) fn feeder(&self) -> Option<usize> {
        self.senders.iter().position(|sender| sender.to == SendTo::Loop)
    }
}

/// Clocks after which a card in a case with faults gives up a read.
pub(crate) const READ_TIMEOUT: u32 = 200_000;

/// A counter that is no part of what the case is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) Option<Arc<AtomicUsize>>);

impl PartialEq for Seen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub(crate) fn uniform((min, max): (u32, u32)) -> Distribution {
    Distribution::Uniform { min: min.min(max), max: max.max(min) }
}
