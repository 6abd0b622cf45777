//! An interrupt message is one whole dword to the address range of interrupts, naming a vector that exists.

use super::{Finding, rule};
use silico_spec::tlp::Header;

/// Vectors that MSI-X can have.
pub(crate) const VECTORS: usize = 2048;

/// The vector of an interrupt message.
pub(crate) fn vector(header: &Header, payload: &[u8]) -> Result<u16, Finding> {
    let address = header.address();
    let Ok(dword) = <[u8; 4]>::try_from(payload) else {
        return Err((rule::INTERRUPT, format!("an interrupt message to {address} has {} bytes; it must have 4", payload.len())));
    };
    if header.first_be() != 0xf {
        return Err((
            rule::INTERRUPT,
            format!("an interrupt message to {address} has byte enables {:#x}; they must be 0xf", header.first_be()),
        ));
    }
    let data = u32::from_le_bytes(dword);
    if data as usize >= VECTORS {
        return Err((
            rule::INTERRUPT,
            format!("an interrupt message carries {data:#x}, which was never programmed; vectors are below {VECTORS}"),
        ));
    }
    Ok(data as u16)
}
