//! The type 0 header, the first 64 bytes (PCIe 4.0 §7.5.1). Offsets are of the dword that holds the field; masks are within that dword, so that
//! the status register, for one, has bits 16 to 31.

/// Vendor ID (bits 15 to 0) and device ID (31 to 16).
pub const ID: u16 = 0x00;
/// Command (bits 15 to 0) and status (31 to 16).
pub const COMMAND_STATUS: u16 = 0x04;
/// Revision ID (bits 7 to 0) and class code (31 to 8).
pub const CLASS_REVISION: u16 = 0x08;
/// Cache line size, latency timer, header type, BIST.
pub const CACHE_LINE: u16 = 0x0c;
/// The first of six base address registers.
pub const BAR0: u16 = 0x10;
/// Subsystem vendor ID (bits 15 to 0) and subsystem ID (31 to 16).
pub const SUBSYSTEM: u16 = 0x2c;
/// Capabilities pointer (bits 7 to 0).
pub const CAPABILITIES: u16 = 0x34;
/// Interrupt line (bits 7 to 0), interrupt pin (15 to 8).
pub const INTERRUPT: u16 = 0x3c;
/// Bytes of the header: no capability starts below.
pub const HEADER_BYTES: u16 = 0x40;

/// Offset of base address register `n`, 0 to 5.
#[must_use]
pub const fn bar(n: u8) -> u16 {
    BAR0 + 4 * n as u16
}

/// Bits of [`COMMAND_STATUS`] that are the command register (PCIe 4.0 table 7-4).
pub mod command {
    /// The function answers memory requests.
    pub const MEMORY: u32 = 1 << 1;
    /// The function may issue memory requests, interrupt messages among them.
    pub const BUS_MASTER: u32 = 1 << 2;
    /// Parity error response: lets `status::MASTER_DATA_PARITY` be set.
    pub const PARITY_RESPONSE: u32 = 1 << 6;
    /// SERR# enable: non-fatal and fatal errors are reported, whatever Device Control says.
    pub const SERR: u32 = 1 << 8;
    /// No INTx messages.
    pub const INTX_DISABLE: u32 = 1 << 10;
}

/// Bits of [`COMMAND_STATUS`] that are the status register (PCIe 4.0 table 7-5).
pub mod status {
    /// An INTx interrupt is pending inside the function.
    pub const INTERRUPT: u32 = 1 << 19;
    /// There is a capability chain; always set in PCI Express.
    pub const CAPABILITIES: u32 = 1 << 20;
    /// Master data parity error: poisoned completion received or poisoned request sent, with `command::PARITY_RESPONSE`.
    pub const MASTER_DATA_PARITY: u32 = 1 << 24;
    /// The function completed a request as Completer Abort.
    pub const SIGNALED_TARGET_ABORT: u32 = 1 << 27;
    /// The function received a completion with Completer Abort.
    pub const RECEIVED_TARGET_ABORT: u32 = 1 << 28;
    /// The function received a completion with Unsupported Request.
    pub const RECEIVED_MASTER_ABORT: u32 = 1 << 29;
    /// The function sent ERR_FATAL or ERR_NONFATAL with `command::SERR` set.
    pub const SIGNALED_SYSTEM_ERROR: u32 = 1 << 30;
    /// The function received a poisoned TLP.
    pub const DETECTED_PARITY: u32 = 1 << 31;
    /// All that software clears by writing ones.
    pub const CLEARED_BY_ONES: u32 = MASTER_DATA_PARITY
        | SIGNALED_TARGET_ABORT
        | RECEIVED_TARGET_ABORT
        | RECEIVED_MASTER_ABORT
        | SIGNALED_SYSTEM_ERROR
        | DETECTED_PARITY;
}

/// Bits of a memory base address register (PCIe 4.0 §7.5.1.2.1).
pub mod bar_bits {
    /// The register and the next one form a 64-bit address.
    pub const MEMORY_64: u32 = 0b10 << 1;
    /// Reads have no side effects and writes may be merged.
    pub const PREFETCHABLE: u32 = 1 << 3;
    /// What is not address.
    pub const FLAGS: u32 = 0xf;
}
