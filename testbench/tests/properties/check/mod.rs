//! The checkers of the suite, one family of invariants a file. Those that judge single TLPs and accesses to memory (bounds, ownership, well-formed, tags,
//! credits, ...) are the machine's own and always on; `World::check_rules` looks at them after every operation.

pub(crate) mod conservation;
pub(crate) mod delivery;
pub(crate) mod isolation;
pub(crate) mod output;
pub(crate) mod restart;
pub(crate) mod snapshot;
pub(crate) mod wakeups;
