//! Advanced error reporting (PCIe 4.0 §7.8.4), without TLP prefix log.

/// Uncorrectable error status.
pub const UNCORRECTABLE_STATUS: u16 = 0x04;
/// Uncorrectable error mask.
pub const UNCORRECTABLE_MASK: u16 = 0x08;
/// Uncorrectable error severity: set is fatal.
pub const UNCORRECTABLE_SEVERITY: u16 = 0x0c;
/// Correctable error status.
pub const CORRECTABLE_STATUS: u16 = 0x10;
/// Correctable error mask.
pub const CORRECTABLE_MASK: u16 = 0x14;
/// Advanced error capabilities and control; bits 4 to 0 are the first error pointer.
pub const CONTROL: u16 = 0x18;
/// Header log: four dwords, byte 0 of the header in bits 31 to 24 of the first.
pub const HEADER_LOG: u16 = 0x1c;
/// Bytes of the capability.
pub const BYTES: u16 = 0x2c;
/// Capability version.
pub const VERSION: u8 = 2;

/// `CONTROL`: first error pointer.
pub const FIRST_ERROR: u32 = 0x1f;

/// `CONTROL`: the function can generate ECRCs.
pub const ECRC_GENERATION_CAPABLE: u32 = 1 << 5;
/// `CONTROL`: it does.
pub const ECRC_GENERATION: u32 = 1 << 6;
/// `CONTROL`: the function can check ECRCs.
pub const ECRC_CHECK_CAPABLE: u32 = 1 << 7;
/// `CONTROL`: it does.
pub const ECRC_CHECK: u32 = 1 << 8;
/// `CONTROL`: a completion timeout logs the header of the request.
pub const TIMEOUT_LOG_CAPABLE: u32 = 1 << 12;

/// Bits of the uncorrectable registers (figure 7-117).
pub mod uncorrectable {
    /// Data link protocol error.
    pub const DATA_LINK_PROTOCOL: u32 = 1 << 4;
    /// Poisoned TLP received.
    pub const POISONED: u32 = 1 << 12;
    /// Flow control protocol error.
    pub const FLOW_CONTROL: u32 = 1 << 13;
    /// Completion timeout.
    pub const COMPLETION_TIMEOUT: u32 = 1 << 14;
    /// Completer abort.
    pub const COMPLETER_ABORT: u32 = 1 << 15;
    /// Unexpected completion.
    pub const UNEXPECTED_COMPLETION: u32 = 1 << 16;
    /// Receiver overflow.
    pub const RECEIVER_OVERFLOW: u32 = 1 << 17;
    /// Malformed TLP.
    pub const MALFORMED: u32 = 1 << 18;
    /// ECRC error.
    pub const ECRC: u32 = 1 << 19;
    /// Unsupported request.
    pub const UNSUPPORTED: u32 = 1 << 20;
    /// Uncorrectable internal error.
    pub const INTERNAL: u32 = 1 << 22;
}

/// Bits of the correctable registers (figure 7-120).
pub mod correctable {
    /// Receiver error.
    pub const RECEIVER: u32 = 1;
    /// Bad TLP.
    pub const BAD_TLP: u32 = 1 << 6;
    /// Bad DLLP.
    pub const BAD_DLLP: u32 = 1 << 7;
    /// REPLAY_NUM rollover.
    pub const REPLAY_ROLLOVER: u32 = 1 << 8;
    /// Replay timer timeout.
    pub const REPLAY_TIMEOUT: u32 = 1 << 12;
    /// Advisory non-fatal error.
    pub const ADVISORY: u32 = 1 << 13;
}
