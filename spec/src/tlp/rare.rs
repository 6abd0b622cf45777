//! Fields of the header view that only rules and rare packets need: hints, reserved bits, what a message carries in its header.
//! As the rest of the view it reads and writes, and judges nothing.

use super::{Header, Kind};

const LONG: u32 = 1 << 29;
const T9: u32 = 1 << 23;
const T8: u32 = 1 << 19;
const LN: u32 = 1 << 17;
const TH: u32 = 1 << 16;
const TD: u32 = 1 << 15;
/// In dword 1.
const BCM: u32 = 1 << 12;
const AT: u32 = 3 << 10;

impl Header {
    /// TH: processing hints are there; byte enables or tag then mean something else (PCIe 4.0 §2.2.7.1).
    #[must_use]
    pub const fn processing_hints(&self) -> bool {
        self.0[0] & TH != 0
    }

    /// LN: lightweight notification (PCIe 4.0 §6.21).
    #[must_use]
    pub const fn lightweight_notification(&self) -> bool {
        self.0[0] & LN != 0
    }

    /// With another kind; the 4-dword form of a memory request stays if `self` has it.
    #[must_use]
    pub const fn with_kind(mut self, kind: Kind) -> Self {
        let long = match kind {
            Kind::MemRead | Kind::MemReadLocked | Kind::MemWrite | Kind::Atomic(_) => self.0[0] & LONG,
            _ => 0,
        };
        self.0[0] = self.0[0] & 0x00ff_ffff | (kind.code() as u32) << 24 | long;
        self
    }

    /// With another address type (AT), two bits.
    #[must_use]
    pub const fn with_address_type(mut self, address_type: u8) -> Self {
        self.0[0] = self.0[0] & !AT | ((address_type & 3) as u32) << 10;
        self
    }

    /// With BCM of a completion set or clear.
    #[must_use]
    pub const fn with_byte_count_modified(mut self, modified: bool) -> Self {
        self.0[1] = self.0[1] & !BCM | (modified as u32) << 12;
        self
    }

    /// The last two dwords of a message's header.
    #[must_use]
    pub const fn message_detail(&self) -> [u32; 2] {
        [self.0[2], self.0[3]]
    }

    /// With other last two dwords of a message's header.
    #[must_use]
    pub const fn with_message_detail(mut self, detail: [u32; 2]) -> Self {
        self.0[2] = detail[0];
        self.0[3] = detail[1];
        self
    }

    /// Vendor ID of a vendor-defined message: bytes 10 and 11.
    #[must_use]
    pub const fn message_vendor(&self) -> u16 {
        self.0[2] as u16
    }

    /// Bits 1 to 0 beside the address of a memory, I/O or atomic request: PH with TH, else reserved.
    #[must_use]
    #[inline]
    pub const fn address_low_bits(&self) -> u32 {
        self.0[self.dwords() - 1] & 3
    }

    /// Whether any of T9, T8, LN, TH, TD or AT is set: most packets have none, so one test spares six.
    #[must_use]
    #[inline]
    pub const fn has_rare_fields(&self) -> bool {
        self.0[0] & (T9 | T8 | LN | TH | TD | AT) != 0
    }

    /// Bits of dwords 2 or `3` that are set and reserved for this kind: (dword, bits). A sender leaves them clear (PCIe 4.0 §2.2).
    #[must_use]
    pub const fn reserved_bits(&self) -> Option<(u8, u32)> {
        let (dword, mask) = match self.kind() {
            Kind::Unknown(_) => return None,
            Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1 => (2, 0xf003),
            Kind::Completion | Kind::CompletionData | Kind::CompletionLocked | Kind::CompletionLockedData => (2, 0x80),
            Kind::Message(routing) | Kind::MessageData(routing) => match self.message_code() {
                // Unlock, PM, INTx, errors, slot power limit: both dwords are reserved.
                0x00 | 0x14..=0x1b | 0x20..=0x27 | 0x30..=0x33 | 0x50 if self.0[2] == 0 => (3, u32::MAX),
                0x00 | 0x14..=0x1b | 0x20..=0x27 | 0x30..=0x33 | 0x50 | 0x10 | 0x12 => (2, u32::MAX),
                // Vendor-defined: bytes 8 and 9 hold the destination when routed by ID only.
                0x7e | 0x7f if routing != 2 => (2, 0xffff_0000),
                _ => return None,
            },
            // The last two bits of the address are PH if TH is set.
            _ if self.processing_hints() => return None,
            _ => return if self.address_low_bits() == 0 { None } else { Some((self.dwords() as u8 - 1, self.address_low_bits())) },
        };
        let set = self.0[dword as usize] & mask;
        if set == 0 { None } else { Some((dword, set)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bits_are_found_where_each_kind_has_them() {
        let of = |dwords| Header(dwords).reserved_bits();
        assert_eq!(of([0x4000_0001, 0xf, 0x1002, 0]), Some((2, 2)));
        assert_eq!(of([0x6000_0001, 0xf, 1, 0x1001]), Some((3, 1)));
        assert_eq!(of([0x0400_0001, 0xf, 0x0100_1010, 0]), Some((2, 0x1000)));
        assert_eq!(of([0x4a00_0001, 4, 0x0100_0080, 0]), Some((2, 0x80)));
        assert_eq!(of([0x3400_0000, 0x20, 0, 7]), Some((3, 7)));
        assert_eq!(of([0x3400_0000, 0x20, 5, 7]), Some((2, 5)));
        assert_eq!(of([0x3400_0000, 0x7e, 0x1_0000, 7]), Some((2, 0x1_0000)));
        assert_eq!(of([0x3200_0000, 0x7e, 0x0100_10dc, 7]), None);
        assert_eq!(of([0x4001_0001, 0xf, 0x1002, 0]), None, "PH with TH");
        assert_eq!(of([0x5f00_0001, 0xf, 0x1002, 0]), None, "nobody knows what they are in an undefined type");
    }

    #[test]
    fn the_rare_fields_are_seen_and_written() {
        let plain = Header([0x4000_0001, 0xf, 0x1000, 0]);
        assert!(!plain.has_rare_fields());
        for bit in [23, 19, 17, 16, 15, 11, 10] {
            assert!(Header([0x4000_0001 | 1 << bit, 0, 0, 0]).has_rare_fields(), "bit {bit}");
        }
        assert_eq!(plain.with_address_type(2).address_type(), 2);
        assert_eq!(plain.with_address_type(3).with_address_type(0), plain);
    }
}
