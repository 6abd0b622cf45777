//! The 1024 dwords of a config space, each bit with its access type (PCIe 4.0 table 7-2): what a write changes, what a one clears, and what each
//! kind of reset spares. Knows no register by name.

use silico_spec::config::DWORDS;

/// How deep a reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Power-on, or PERST# without auxiliary power: nothing survives.
    Fundamental,
    /// In band over the link, or the link went down: sticky bits survive.
    Hot,
    /// Initiate FLR: sticky bits survive, and what PCIe 4.0 §6.6.2 lists, MPS and link control among them.
    FunctionLevel,
}

/// Access types of the bits of one dword. A bit in none of the masks is read-only to software.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Access {
    /// Value after a fundamental reset.
    pub(super) reset: u32,
    /// RW and RWS bits.
    pub(super) write: u32,
    /// RW1C and RW1CS bits.
    pub(super) clear: u32,
    /// Sticky bits (ROS, RWS, RW1CS): survive hot reset and FLR.
    pub(super) sticky: u32,
    /// Bits that survive an FLR although they are not sticky.
    pub(super) flr: u32,
}

/// The config space as storage.
#[derive(Clone)]
pub(super) struct Table {
    value: Box<[u32; DWORDS]>,
    access: Box<[Access; DWORDS]>,
}

/// The bits that byte enables stand for.
const fn enabled_bits(byte_enables: u8) -> u32 {
    let mut mask = 0;
    let mut byte = 0;
    while byte < 4 {
        if byte_enables >> byte & 1 != 0 {
            mask |= 0xff << (8 * byte);
        }
        byte += 1;
    }
    mask
}

impl Table {
    /// All zero and read-only.
    pub(super) fn new() -> Self {
        Self { value: Box::new([0; DWORDS]), access: Box::new([Access::default(); DWORDS]) }
    }

    /// Says what the dword at `offset` is.
    pub(super) fn define(&mut self, offset: u16, access: Access) {
        self.value[usize::from(offset / 4)] = access.reset;
        self.access[usize::from(offset / 4)] = access;
    }

    /// A dword that software cannot change.
    pub(super) fn constant(&mut self, offset: u16, value: u32) {
        self.define(offset, Access { reset: value, ..Access::default() });
    }

    /// The dword at `offset`; zero beyond the end.
    #[inline]
    pub(super) fn get(&self, offset: u16) -> u32 {
        self.value.get(usize::from(offset / 4)).copied().unwrap_or(0)
    }

    /// The card itself sets the bits of `mask` to those of `value`.
    #[inline]
    pub(super) fn set(&mut self, offset: u16, mask: u32, value: u32) {
        let dword = &mut self.value[usize::from(offset / 4)];
        *dword = *dword & !mask | value & mask;
    }

    /// A write by software. Returns the bits that it cleared by writing ones to them.
    pub(super) fn write(&mut self, offset: u16, value: u32, byte_enables: u8) -> u32 {
        let index = usize::from(offset / 4);
        let Some(dword) = self.value.get_mut(index) else { return 0 };
        let (access, enabled) = (&self.access[index], enabled_bits(byte_enables));
        let write = access.write & enabled;
        let cleared = *dword & value & access.clear & enabled;
        *dword = (*dword & !write | value & write) & !cleared;
        cleared
    }

    /// Puts every bit that does not survive back to its reset value.
    pub(super) fn reset(&mut self, kind: ResetKind) {
        for (value, access) in self.value.iter_mut().zip(self.access.iter()) {
            let spared = match kind {
                ResetKind::Fundamental => 0,
                ResetKind::Hot => access.sticky,
                ResetKind::FunctionLevel => access.sticky | access.flr,
            };
            *value = *value & spared | access.reset & !spared;
        }
    }

    /// As bytes, little endian.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.value.iter().flat_map(|dword| dword.to_le_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACCESS: Access = Access { reset: 0x1111_2222, write: 0x0000_ffff, clear: 0x00ff_0000, sticky: 0x000f_000f, flr: 0x0000_00f0 };

    fn table() -> Table {
        let mut table = Table::new();
        table.define(0x40, ACCESS);
        table
    }

    #[test]
    fn each_access_type_answers_a_write_its_own_way() {
        let mut table = table();
        // RW bits take the value, RW1C bits lose the ones, the rest stays.
        assert_eq!(table.write(0x40, 0xffff_5555, 0xf), 0x0011_0000);
        assert_eq!(table.get(0x40), 0x1100_5555);
        // A one written to a clear RW1C bit does not set it; a zero keeps a set one.
        table.set(0x40, 0x00ff_0000, 0x00f0_0000);
        assert_eq!(table.write(0x40, 0x000f_5555, 0xf), 0);
        assert_eq!(table.get(0x40), 0x11f0_5555);
    }

    #[test]
    fn byte_enables_spare_the_other_bytes() {
        let mut table = table();
        table.write(0x40, 0xffff_ffff, 0b0010);
        assert_eq!(table.get(0x40), 0x1111_ff22);
        assert_eq!(table.write(0x40, 0xffff_ffff, 0b1011), 0);
        assert_eq!(table.get(0x40), 0x1111_ffff);
        assert_eq!(table.write(0x40, 0xffff_ffff, 0b0100), 0x0011_0000);
        table.write(0x40, 0, 0);
        assert_eq!(table.get(0x40), 0x1100_ffff);
    }

    #[test]
    fn each_reset_spares_what_it_must() {
        for (kind, spared) in [(ResetKind::Fundamental, 0), (ResetKind::Hot, 0x000f_000f), (ResetKind::FunctionLevel, 0x000f_00ff)] {
            let mut table = table();
            table.set(0x40, u32::MAX, !ACCESS.reset);
            table.reset(kind);
            assert_eq!(table.get(0x40), ACCESS.reset & !spared | !ACCESS.reset & spared, "{kind:?}");
        }
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        let mut table = table();
        assert_eq!(table.write(4096, u32::MAX, 0xf), 0);
        assert_eq!(table.get(4096), 0);
        assert_eq!(table.get(u16::MAX), 0);
    }

    proptest! {
        /// Each byte by itself answers as it would in a write of all four.
        #[test]
        fn a_write_is_the_sum_of_its_bytes(start: u32, value: u32, byte_enables in 0_u8..16) {
            let (mut whole, mut parts) = (table(), table());
            whole.set(0x40, u32::MAX, start);
            parts.set(0x40, u32::MAX, start);
            whole.write(0x40, value, byte_enables);
            for byte in 0..4 {
                parts.write(0x40, value, byte_enables & 1 << byte);
            }
            prop_assert_eq!(whole.get(0x40), parts.get(0x40));
        }
    }
}
