//! Device serial number (PCIe 4.0 §7.9.3): an EUI-64.

/// Low half.
pub const LOW: u16 = 4;
/// High half.
pub const HIGH: u16 = 8;
/// Bytes of the capability.
pub const BYTES: u16 = 12;
/// Capability version.
pub const VERSION: u8 = 1;
