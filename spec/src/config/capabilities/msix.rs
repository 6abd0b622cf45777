//! MSI-X (PCIe 4.0 §7.7.2): the capability, and the layout of table and pending bits in their BAR. Bit masks are within the dword at the offset.

/// ID, next pointer and message control.
pub const CONTROL: u16 = 0;
/// Offset of the table, and in bits 2 to 0 the BAR that it is in.
pub const TABLE: u16 = 4;
/// Offset of the pending bit array, and in bits 2 to 0 the BAR that it is in.
pub const PBA: u16 = 8;
/// Bytes of the capability.
pub const BYTES: u16 = 12;

/// `CONTROL`: vectors less one, lowest bit of eleven.
pub const SIZE_SHIFT: u32 = 16;
/// `CONTROL`: all vectors are masked.
pub const FUNCTION_MASK: u32 = 1 << 30;
/// `CONTROL`: MSI-X is on; MSI and INTx are then off.
pub const ENABLE: u32 = 1 << 31;
/// `TABLE` and `PBA`: bits that name the BAR.
pub const BAR_INDEX: u32 = 7;

/// Bytes of a table entry: address low, address high, data, vector control.
pub const ENTRY_BYTES: u32 = 16;
/// Vector control: the vector is masked.
pub const VECTOR_MASK: u32 = 1;
