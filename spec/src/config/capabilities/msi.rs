//! MSI (PCIe 4.0 §7.7.1). Offsets are those of the form with 64-bit address and per-vector mask; bit masks are within the dword at the offset.

/// ID, next pointer and message control.
pub const CONTROL: u16 = 0x00;
/// Message address, low.
pub const ADDRESS_LOW: u16 = 0x04;
/// Message address, high.
pub const ADDRESS_HIGH: u16 = 0x08;
/// Message data (16 bits).
pub const DATA: u16 = 0x0c;
/// Mask bits, one per vector.
pub const MASK: u16 = 0x10;
/// Pending bits, one per vector.
pub const PENDING: u16 = 0x14;
/// Bytes of the capability in this form.
pub const BYTES: u16 = 0x18;

/// `CONTROL`: MSI is on; INTx is then off.
pub const ENABLE: u32 = 1 << 16;
/// `CONTROL`: log2 of the vectors that the function asks for, lowest bit.
pub const CAPABLE_SHIFT: u32 = 17;
/// `CONTROL`: log2 of the vectors that software gave, lowest bit.
pub const ENABLED_SHIFT: u32 = 20;
/// `CONTROL`: three bits at [`ENABLED_SHIFT`].
pub const ENABLED: u32 = 7 << ENABLED_SHIFT;
/// `CONTROL`: 64-bit address.
pub const ADDRESS_64: u32 = 1 << 23;
/// `CONTROL`: per-vector mask and pending bits.
pub const MASKABLE: u32 = 1 << 24;

/// Bytes of the capability whose first dword is `first`.
#[must_use]
pub const fn bytes(first: u32) -> u16 {
    match (first & ADDRESS_64 != 0, first & MASKABLE != 0) {
        (false, false) => 0x0a,
        (true, false) => 0x0e,
        (false, true) => 0x14,
        (true, true) => BYTES,
    }
}
