//! The ID in a request or completion of the card is the one that the last config write assigned (PCIe 4.0 §2.2.6.2).

use super::{Finding, rule};
use silico_spec::credit::Class;
use silico_spec::tlp::Header;
use silico_spec::units::Bdf;

#[inline]
pub(crate) fn judge(header: &Header, class: Class, assigned: Option<Bdf>) -> Result<(), Finding> {
    let id = if class == Class::Completion { header.completer() } else { header.requester() };
    match assigned {
        Some(assigned) if assigned == id => Ok(()),
        // Before the first config write a function does not know its bus: completions carry 0 (§2.2.9).
        None if class == Class::Completion && id.function() == 0 => Ok(()),
        Some(assigned) => Err((rule::REQUESTER_ID, format!("{:?} carries ID {id}; it must be {assigned}", header.kind()))),
        None => Err((rule::REQUESTER_ID, format!("{:?} of {id} before a config write assigned an ID", header.kind()))),
    }
}
