//! The checkers: each rule in a file of its own, all on by default, cheap enough to stay on. They judge and say; they change nothing.

pub(crate) mod bounds;
pub(crate) mod bus_master;
pub(crate) mod completion;
pub(crate) mod credits;
pub(crate) mod digest;
pub(crate) mod interrupt;
pub(crate) mod liveness;
pub(crate) mod ordering;
pub(crate) mod port;
pub(crate) mod requester_id;
pub(crate) mod tags;
pub(crate) mod well_formed;

use silico_spec::units::Cycle;
use std::fmt;

/// Names of the rules.
pub mod rule {
    /// A TLP by itself (PCIe 4.0 §2.2).
    pub const WELL_FORMED: &str = "well-formed";
    /// Requester or completer ID is the one that was assigned.
    pub const REQUESTER_ID: &str = "requester-id";
    /// No memory request without Bus Master Enable.
    pub const BUS_MASTER: &str = "bus-master";
    /// A tag is unique while its request is in flight.
    pub const TAG: &str = "tag";
    /// A completion matches a request.
    pub const COMPLETION: &str = "completion";
    /// No more credits are used than were granted, and no more granted than a receiver may.
    pub const CREDITS: &str = "credits";
    /// Device accesses lie inside live buffers.
    pub const BOUNDS: &str = "bounds";
    /// The device does not touch what the CPU owns.
    pub const OWNERSHIP: &str = "ownership";
    /// Interrupt messages have the form that was programmed.
    pub const INTERRUPT: &str = "interrupt";
    /// Every request is answered in time.
    pub const LIVENESS: &str = "liveness";
    /// Beats pass one a clock, while the link is ready.
    pub const PORT: &str = "port";
    /// Ordering attributes are set only where they may be.
    pub const ORDERING: &str = "ordering";
    /// All of this crate's rules.
    pub const ALL: [&str; 12] =
        [ORDERING, WELL_FORMED, REQUESTER_ID, BUS_MASTER, TAG, COMPLETION, CREDITS, BOUNDS, OWNERSHIP, INTERRUPT, LIVENESS, PORT];
}

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which; one of [`rule`], or a name of whoever reported it.
    pub rule: &'static str,
    /// When.
    pub cycle: Cycle,
    /// What happened, and what would have been right.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}` broken at {}: {}", self.rule, self.cycle, self.what)
    }
}

/// What a checker found: the rule and what happened.
pub(crate) type Finding = (&'static str, String);
