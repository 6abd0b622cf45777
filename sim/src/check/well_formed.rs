//! A TLP by itself: judged by `spec`'s rules. Adds which kinds a root port takes from a card.

use super::{Finding, rule};
use silico_spec::tlp::{Header, Kind, Limits, check};

#[inline]
pub(crate) fn judge(header: &Header, payload: usize, limits: &Limits) -> Result<(), Finding> {
    if let Err(broken) = check(header, payload, limits) {
        return Err((rule::WELL_FORMED, broken.to_string()));
    }
    match header.kind() {
        Kind::MemRead | Kind::MemWrite | Kind::Message(_) | Kind::MessageData(_) | Kind::Completion | Kind::CompletionData => Ok(()),
        kind => Err((
            rule::WELL_FORMED,
            format!("the card sends {kind:?}, which this root port does not take; it takes memory requests, messages and completions"),
        )),
    }
}
