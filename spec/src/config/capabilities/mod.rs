//! Capabilities: IDs, and one file per family with the offsets of its registers from the start of the capability.

pub mod aer;
pub mod msi;
pub mod msix;
pub mod pcie;
pub mod pm;
pub mod secondary;
pub mod serial;
pub mod vendor;

/// IDs of the standard chain (PCI Code and ID Assignment Specification §2).
pub mod standard_id {
    /// Null: to be stepped over.
    pub const NULL: u8 = 0x00;
    /// Power management.
    pub const PM: u8 = 0x01;
    /// Message signalled interrupts.
    pub const MSI: u8 = 0x05;
    /// PCI Express.
    pub const PCIE: u8 = 0x10;
    /// MSI-X.
    pub const MSIX: u8 = 0x11;
}

/// IDs of the extended chain (PCI Code and ID Assignment Specification §3).
pub mod extended_id {
    /// Null: to be stepped over; alone at 0x100 it says that there is no chain.
    pub const NULL: u16 = 0x0000;
    /// Advanced error reporting.
    pub const AER: u16 = 0x0001;
    /// Device serial number.
    pub const SERIAL: u16 = 0x0003;
    /// Vendor-specific.
    pub const VENDOR: u16 = 0x000b;
    /// Secondary PCI Express.
    pub const SECONDARY: u16 = 0x0019;
}

/// First dword of a standard capability: ID, next pointer, and the 16 bits that each family uses its own way.
#[must_use]
pub const fn standard_header(id: u8, next: u8, upper: u16) -> u32 {
    id as u32 | (next as u32) << 8 | (upper as u32) << 16
}

/// First dword of an extended capability: ID, version (4 bits), next pointer (12 bits).
#[must_use]
pub const fn extended_header(id: u16, version: u8, next: u16) -> u32 {
    id as u32 | ((version & 0xf) as u32) << 16 | (next as u32) << 20
}

/// Fewest bytes of a standard capability of kind `id` whose first dword is `first`; 2 where the kind is not known here.
#[must_use]
pub const fn standard_bytes(id: u8, first: u32) -> u16 {
    match id {
        standard_id::PM => pm::BYTES,
        standard_id::MSI => msi::bytes(first),
        standard_id::PCIE => pcie::bytes(first),
        standard_id::MSIX => msix::BYTES,
        _ => 2,
    }
}

/// Fewest bytes of an extended capability of kind `id`; 4 where the kind is not known here.
#[must_use]
pub const fn extended_bytes(id: u16) -> u16 {
    match id {
        extended_id::AER => aer::BYTES,
        extended_id::SERIAL => serial::BYTES,
        extended_id::VENDOR => vendor::HEADER_BYTES,
        extended_id::SECONDARY => secondary::LANES,
        _ => 4,
    }
}
