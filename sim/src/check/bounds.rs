//! Device accesses lie inside live buffers and touch nothing that the CPU owns. Memory itself finds it; here it gets words.

use super::{Finding, rule};
use crate::memory::DeviceError;
use silico_spec::units::BusAddr;

#[cold]
pub(crate) fn finding(verb: &str, address: u64, len: u64, error: DeviceError) -> Finding {
    let range = format!("the card {verb} {len} bytes at {}", BusAddr(address));
    match error {
        DeviceError::Unmapped => (rule::BOUNDS, format!("{range}, not inside a live buffer")),
        DeviceError::Owned => (rule::OWNERSHIP, format!("{range}, of which the CPU owns some")),
    }
}
