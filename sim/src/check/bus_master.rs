//! No memory request, and so no MSI either, without Bus Master Enable (PCIe 4.0 table 7-4).

use super::{Finding, rule};
use silico_spec::tlp::{Header, Kind};

#[inline]
pub(crate) fn judge(header: &Header, enabled: bool) -> Result<(), Finding> {
    if enabled || !matches!(header.kind(), Kind::MemRead | Kind::MemWrite) {
        return Ok(());
    }
    Err((rule::BUS_MASTER, format!("{:?} to {} while Bus Master Enable is clear", header.kind(), header.address())))
}
