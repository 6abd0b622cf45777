//! Secondary PCI Express (PCIe 4.0 §7.7.3): required of a port that can do 8 GT/s.

/// Link control 3.
pub const LINK_CONTROL_3: u16 = 0x04;
/// Lane error status, a bit per lane.
pub const LANE_ERRORS: u16 = 0x08;
/// Lane equalization control, 16 bits per lane.
pub const LANES: u16 = 0x0c;
/// Capability version.
pub const VERSION: u8 = 1;
/// One lane's equalization control in an upstream port: no preset and no hint captured.
pub const LANE_DEFAULT: u16 = 0x7f00;
