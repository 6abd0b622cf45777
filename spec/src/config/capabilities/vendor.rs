//! The vendor-specific extended capability (PCIe 4.0 §7.9.5), and what silico's cards put into it: so that a driver knows the register map before
//! it maps a BAR.

/// VSEC ID (bits 15 to 0), revision (19 to 16), length in bytes (31 to 20).
pub const HEADER: u16 = 4;
/// Map version: major number in the upper half, minor in the lower.
pub const MAP_VERSION: u16 = 8;
/// Build identity.
pub const BUILD: u16 = 12;
/// Bytes of a VSEC that any vendor has: capability header and VSEC header.
pub const HEADER_BYTES: u16 = 8;
/// Bytes of silico's.
pub const BYTES: u16 = 16;
/// Capability version.
pub const VERSION: u8 = 1;
/// VSEC ID of silico's cards, under their vendor ID.
pub const ID: u16 = 0x51c0;
/// Revision of the VSEC's layout.
pub const REVISION: u8 = 1;

/// The VSEC header.
#[must_use]
pub const fn header(id: u16, revision: u8, bytes: u16) -> u32 {
    id as u32 | ((revision & 0xf) as u32) << 16 | (bytes as u32) << 20
}
