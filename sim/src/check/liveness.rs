//! Every request of ours is answered in time.

use super::{Finding, rule};
use silico_spec::units::Cycles;

pub(crate) fn finding(what: &str, after: Cycles) -> Finding {
    (rule::LIVENESS, format!("{what} was not answered within {after}"))
}
