//! The card never uses more credits than it was granted (PCIe 4.0 §2.6.1).

use super::{Finding, rule};
use crate::link::credits::Grants;
use silico_spec::credit::{Class, data_credits};
use silico_spec::tlp::Header;
use silico_spec::units::Cycle;

#[inline]
pub(crate) fn judge(header: &Header, class: Class, payload: usize, first: Cycle, grants: &mut Grants) -> Result<(), Finding> {
    let data = data_credits(payload as u32);
    if grants.take(class, data, first) {
        return Ok(());
    }
    let kind = header.kind();
    Err((
        rule::CREDITS,
        format!("{kind:?} needs a header and {data} data credits of class {class:?}, which the card had not seen by {first}"),
    ))
}
