//! The PCI Express capability, version 2 (PCIe 4.0 §7.5.3), as far as an endpoint has it. Bit masks are within the dword at the offset, so that
//! a status register above its control register has bits 16 to 31.

/// ID, next pointer and PCI Express capabilities register.
pub const CAPABILITIES: u16 = 0x00;
/// Device capabilities.
pub const DEVICE_CAPABILITIES: u16 = 0x04;
/// Device control and status.
pub const DEVICE_CONTROL: u16 = 0x08;
/// Link capabilities.
pub const LINK_CAPABILITIES: u16 = 0x0c;
/// Link control and status.
pub const LINK_CONTROL: u16 = 0x10;
/// Device capabilities 2.
pub const DEVICE_CAPABILITIES_2: u16 = 0x24;
/// Device control 2 and status 2.
pub const DEVICE_CONTROL_2: u16 = 0x28;
/// Link capabilities 2.
pub const LINK_CAPABILITIES_2: u16 = 0x2c;
/// Link control 2 and status 2.
pub const LINK_CONTROL_2: u16 = 0x30;
/// Bytes of the capability, version 2.
pub const BYTES: u16 = 0x3c;
/// Bytes of the shortest version 1 capability: an endpoint without slot and root registers.
pub const BYTES_V1: u16 = 0x14;

/// `CAPABILITIES`, upper half: version 2.
pub const VERSION_2: u16 = 2;
/// `CAPABILITIES`, upper half: device/port type of a PCI Express endpoint, 0 in bits 4 to 7.
pub const TYPE_ENDPOINT: u16 = 0;

/// Bytes of the capability whose first dword is `first`.
#[must_use]
pub const fn bytes(first: u32) -> u16 {
    if first >> 16 & 0xf >= 2 { BYTES } else { BYTES_V1 }
}

/// Device capabilities (table 7-14).
pub mod device_capabilities {
    /// MPS supported, encoded as in [`super::encode_size`].
    pub const MAX_PAYLOAD: u32 = 7;
    /// 8-bit tags as requester.
    pub const EXTENDED_TAG: u32 = 1 << 5;
    /// Role-based error reporting; required.
    pub const ROLE_BASED_ERRORS: u32 = 1 << 15;
    /// Captured slot power limit: value (8 bits) and scale (2 bits above), lowest bit.
    pub const SLOT_POWER_SHIFT: u32 = 18;
    /// The ten bits of it.
    pub const SLOT_POWER: u32 = 0x3ff << SLOT_POWER_SHIFT;
    /// Function-level reset.
    pub const FLR: u32 = 1 << 28;
}

/// Device control, and device status in the upper half (tables 7-15 and 7-16).
pub mod device_control {
    /// Correctable error reporting enable.
    pub const CORRECTABLE: u32 = 1;
    /// Non-fatal error reporting enable.
    pub const NON_FATAL: u32 = 1 << 1;
    /// Fatal error reporting enable.
    pub const FATAL: u32 = 1 << 2;
    /// Unsupported request reporting enable.
    pub const UNSUPPORTED: u32 = 1 << 3;
    /// The function may set relaxed ordering.
    pub const RELAXED: u32 = 1 << 4;
    /// MPS, lowest bit of three.
    pub const MAX_PAYLOAD_SHIFT: u32 = 5;
    /// MPS.
    pub const MAX_PAYLOAD: u32 = 7 << MAX_PAYLOAD_SHIFT;
    /// 8-bit tags may be used.
    pub const EXTENDED_TAG: u32 = 1 << 8;
    /// The function may set no snoop.
    pub const NO_SNOOP: u32 = 1 << 11;
    /// MRRS, lowest bit of three.
    pub const MAX_READ_SHIFT: u32 = 12;
    /// MRRS.
    pub const MAX_READ: u32 = 7 << MAX_READ_SHIFT;
    /// Writing one starts a function-level reset; reads as zero.
    pub const INITIATE_FLR: u32 = 1 << 15;
    /// Status: correctable error detected.
    pub const CORRECTABLE_DETECTED: u32 = 1 << 16;
    /// Status: non-fatal error detected.
    pub const NON_FATAL_DETECTED: u32 = 1 << 17;
    /// Status: fatal error detected.
    pub const FATAL_DETECTED: u32 = 1 << 18;
    /// Status: unsupported request detected.
    pub const UNSUPPORTED_DETECTED: u32 = 1 << 19;
    /// Status: non-posted requests are outstanding.
    pub const TRANSACTIONS_PENDING: u32 = 1 << 21;
}

/// Link capabilities, control and status (tables 7-17 to 7-19).
pub mod link {
    /// Capabilities and status: speed, four bits; see [`super::LinkSpeed`].
    pub const SPEED: u32 = 0xf;
    /// Capabilities and status: width in lanes, lowest bit of six.
    pub const WIDTH_SHIFT: u32 = 4;
    /// Capabilities: required to be one.
    pub const ASPM_OPTIONALITY: u32 = 1 << 22;
    /// Control: ASPM.
    pub const ASPM_CONTROL: u32 = 3;
    /// Control: the root port's RCB is 128 bytes.
    pub const RCB_128: u32 = 1 << 3;
    /// Control: common clock configuration.
    pub const COMMON_CLOCK: u32 = 1 << 6;
    /// Control: extended synch.
    pub const EXTENDED_SYNCH: u32 = 1 << 7;
    /// Status register's place in the dword of control and status.
    pub const STATUS_SHIFT: u32 = 16;
    /// Status: the card uses the slot's reference clock.
    pub const SLOT_CLOCK: u32 = 1 << 28;
    /// Control 2: target link speed.
    pub const TARGET_SPEED: u32 = 0xf;
    /// Control 2: enter compliance, transmit margin, enter modified compliance, compliance SOS, compliance preset.
    pub const COMPLIANCE: u32 = 1 << 4 | 0x1ff << 7;
    /// Status 2: equalization at 8 GT/s complete, phases 1 to 3 successful.
    pub const EQUALIZED: u32 = 0xf << 17;
}

/// Device capabilities 2 and control 2 (tables 7-23 and 7-24).
pub mod device_2 {
    /// Capabilities: completion timeout ranges A, B, C and D.
    pub const TIMEOUT_RANGES: u32 = 0xf;
    /// Capabilities: completion timeout can be disabled.
    pub const TIMEOUT_DISABLE_SUPPORTED: u32 = 1 << 4;
    /// Control: completion timeout value; see [`super::completion_timeout_us`].
    pub const TIMEOUT_VALUE: u32 = 0xf;
    /// Control: no completion timeout.
    pub const TIMEOUT_DISABLE: u32 = 1 << 4;
    /// Control: requests may carry ID-based ordering.
    pub const ID_BASED_REQUESTS: u32 = 1 << 8;
    /// Control: completions may carry ID-based ordering.
    pub const ID_BASED_COMPLETIONS: u32 = 1 << 9;
}

/// Encoding of an MPS or MRRS of `bytes`: 128 is 0, 4096 is 5. `None` if it is none of the six sizes.
#[must_use]
pub const fn encode_size(bytes: u32) -> Option<u32> {
    if bytes.is_power_of_two() && bytes >= 128 && bytes <= 4096 { Some(bytes.trailing_zeros() - 7) } else { None }
}

/// Bytes that an MPS or MRRS field stands for; `None` for the two reserved codes.
#[must_use]
pub const fn decode_size(code: u32) -> Option<u32> {
    if code <= 5 { Some(128 << code) } else { None }
}

/// Limits of the completion timeout in microseconds that a value of Device Control 2 stands for (table 7-24); `None` for a reserved value.
#[must_use]
pub const fn completion_timeout_us(value: u32) -> Option<(u64, u64)> {
    Some(match value {
        0 => (50, 50_000),
        1 => (50, 100),
        2 => (1_000, 10_000),
        5 => (16_000, 55_000),
        6 => (65_000, 210_000),
        9 => (260_000, 900_000),
        10 => (1_000_000, 3_500_000),
        13 => (4_000_000, 13_000_000),
        14 => (17_000_000, 64_000_000),
        _ => return None,
    })
}

/// Speed of a link, per lane and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LinkSpeed {
    /// 2.5 GT/s.
    Gt2_5 = 1,
    /// 5 GT/s.
    Gt5 = 2,
    /// 8 GT/s.
    Gt8 = 3,
    /// 16 GT/s.
    Gt16 = 4,
}

impl LinkSpeed {
    /// The code in link capabilities, status and control 2.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self as u32
    }

    /// The speeds up to this one, as link capabilities 2 lists them (bits 7 to 1).
    #[must_use]
    pub const fn vector(self) -> u32 {
        ((1 << self as u32) - 1) << 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_both_ways() {
        for (code, bytes) in [128, 256, 512, 1024, 2048, 4096].into_iter().enumerate() {
            assert_eq!(encode_size(bytes), Some(code as u32));
            assert_eq!(decode_size(code as u32), Some(bytes));
        }
        assert_eq!([64, 0, 384, 8192].map(encode_size), [None; 4]);
        assert_eq!([6, 7].map(decode_size), [None; 2]);
    }

    #[test]
    fn the_speed_vector_lists_all_speeds_below() {
        assert_eq!([LinkSpeed::Gt2_5, LinkSpeed::Gt8, LinkSpeed::Gt16].map(LinkSpeed::vector), [0x2, 0xe, 0x1e]);
    }
}
