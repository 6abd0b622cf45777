//! Power management (PCIe 4.0 §7.5.2). Bit masks are within the dword at the offset.

/// Capabilities register, in the upper half of the first dword.
pub const CAPABILITIES: u16 = 0;
/// Control and status (PMCSR).
pub const CONTROL: u16 = 4;
/// Bytes of the capability.
pub const BYTES: u16 = 8;

/// Version in the capabilities register: 3, as PCI Express requires.
pub const VERSION: u16 = 3;
/// The two bits of the power state in [`CONTROL`]: 0 is D0, 3 is D3hot.
pub const POWER_STATE: u32 = 3;
/// `CONTROL`: D3hot to D0 is no reset.
pub const NO_SOFT_RESET: u32 = 1 << 3;

/// A power state in which a function answers config requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PowerState {
    /// Fully on.
    #[default]
    D0,
    /// D1, optional.
    D1,
    /// D2, optional.
    D2,
    /// Answers config requests only and sends nothing but PME and its acknowledgements.
    D3Hot,
}

impl PowerState {
    /// From the field.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & POWER_STATE {
            0 => Self::D0,
            1 => Self::D1,
            2 => Self::D2,
            _ => Self::D3Hot,
        }
    }
}
