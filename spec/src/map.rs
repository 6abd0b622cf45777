//! The shape of a register map: blocks, registers, fields, and the expansion of arrays into one flat table.
//!
//! The entries themselves are generated, in [`crate::registers`]. Everything here runs at compile time, save [`find`].

/// What software may do with a register or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read only: writes do nothing.
    Ro,
    /// Read and write.
    Rw,
    /// Write only: reads give zero.
    Wo,
}

impl Access {
    /// Whether a read gives the value.
    #[must_use]
    pub const fn readable(self) -> bool {
        matches!(self, Self::Ro | Self::Rw)
    }

    /// Whether a write does anything.
    #[must_use]
    pub const fn writable(self) -> bool {
        matches!(self, Self::Rw | Self::Wo)
    }
}

/// One field of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Name in the RDL, lower case.
    pub name: &'static str,
    /// Lowest bit.
    pub low: u8,
    /// Bits.
    pub width: u8,
    /// What software may do.
    pub access: Access,
    /// Writing one acts once; the field reads as zero.
    pub singlepulse: bool,
    /// The card drives the value (`hw = w` or `rw`): it may differ from what was written, and from the reset value.
    pub volatile: bool,
    /// Value after reset, where the card does not drive it.
    pub reset: u64,
    /// What it means.
    pub description: &'static str,
}

impl FieldInfo {
    /// A plain field, with reset value zero.
    #[must_use]
    pub const fn new(name: &'static str, low: u8, width: u8, access: Access, description: &'static str) -> Self {
        Self { name, low, width, access, singlepulse: false, volatile: false, reset: 0, description }
    }

    /// The same, as a field that acts once.
    #[must_use]
    pub const fn singlepulse(self) -> Self {
        Self { singlepulse: true, ..self }
    }

    /// The same, driven by the card.
    #[must_use]
    pub const fn volatile(self) -> Self {
        Self { volatile: true, ..self }
    }

    /// The same, with this value after reset.
    #[must_use]
    pub const fn reset(self, reset: u64) -> Self {
        Self { reset, ..self }
    }

    /// Where it lies.
    #[must_use]
    pub const fn field(&self) -> crate::field::Field {
        crate::field::Field::new(self.low, self.width)
    }
}

/// One register of one channel: an entry of the flat table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Block, for example `c2h`.
    pub block: &'static str,
    /// Which of the blocks (the channel); 0 for a block that exists once.
    pub index: u32,
    /// Name in the RDL, upper case.
    pub name: &'static str,
    /// Which element of an array of registers; 0 for a register that exists once.
    pub element: u32,
    /// Offset in BAR0, bytes.
    pub offset: u32,
    /// 32 or 64.
    pub bits: u8,
    /// What software may do, over all fields.
    pub access: Access,
    /// Value after reset; undefined in fields that are volatile.
    pub reset: u64,
    /// Bits on which a write acts, single pulses included.
    pub writable_mask: u64,
    /// Bits that act once and read as zero.
    pub pulse_mask: u64,
    /// The card drives at least one field.
    pub volatile: bool,
    /// Fields, lowest first.
    pub fields: &'static [FieldInfo],
    /// What it means.
    pub description: &'static str,
}

impl Register {
    /// Bits that hold what is written: those of a bit bash.
    #[must_use]
    pub const fn storage_mask(&self) -> u64 {
        self.writable_mask & !self.pulse_mask
    }

    /// Size in bytes, 4 or 8.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.bits as u32 / 8
    }
}

/// A register as it stands once in a block, possibly as an array.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    register: Register,
    count: u32,
    stride: u32,
}

impl Template {
    /// A register at `offset` of its block; access, masks and reset follow from the fields.
    #[must_use]
    pub const fn new(name: &'static str, offset: u32, bits: u8, description: &'static str, fields: &'static [FieldInfo]) -> Self {
        let (mut reset, mut writable, mut pulse, mut readable, mut volatile) = (0, 0, 0, false, false);
        let mut next = 0;
        while next < fields.len() {
            let info = &fields[next];
            let field = info.field();
            assert!(info.low + info.width <= bits, "a field lies within its register");
            reset = field.set(reset, info.reset);
            readable |= info.access.readable();
            volatile |= info.volatile;
            if info.access.writable() {
                writable |= field.mask();
            }
            if info.singlepulse {
                pulse |= field.mask();
            }
            next += 1;
        }
        let access = match (readable, writable != 0) {
            (_, false) => Access::Ro,
            (true, true) => Access::Rw,
            (false, true) => Access::Wo,
        };
        let register = Register {
            block: "",
            index: 0,
            name,
            element: 0,
            offset,
            bits,
            access,
            reset,
            writable_mask: writable,
            pulse_mask: pulse,
            volatile,
            fields,
            description,
        };
        Self { register, count: 1, stride: 0 }
    }

    /// The same, `count` times at a distance of `stride` bytes.
    #[must_use]
    pub const fn array(self, count: u32, stride: u32) -> Self {
        Self { count, stride, ..self }
    }
}

/// A block of registers, possibly an array of blocks.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Name in the RDL, lower case.
    pub name: &'static str,
    /// Offset of the first in BAR0, bytes.
    pub base: u32,
    /// Bytes from one to the next; 0 for a block that exists once.
    pub stride: u32,
    /// How many.
    pub count: u32,
    /// Its registers, in the order of offsets.
    pub registers: &'static [Template],
}

/// Number of registers of `blocks`, all arrays expanded.
#[must_use]
pub const fn count(blocks: &[Block]) -> usize {
    let (mut total, mut block) = (0, 0);
    while block < blocks.len() {
        let (mut one, mut next) = (0, 0);
        while next < blocks[block].registers.len() {
            one += blocks[block].registers[next].count;
            next += 1;
        }
        total += one * blocks[block].count;
        block += 1;
    }
    total as usize
}

/// All registers of `blocks`, in their order; `N` is [`count`] of them.
#[must_use]
pub(crate) const fn expand<const N: usize>(blocks: &'static [Block]) -> [Register; N] {
    let mut out = [blocks[0].registers[0].register; N];
    let (mut at, mut number) = (0, 0);
    while number < blocks.len() {
        let block = &blocks[number];
        let mut index = 0;
        while index < block.count {
            let mut next = 0;
            while next < block.registers.len() {
                let Template { register, count, stride } = block.registers[next];
                let mut element = 0;
                while element < count {
                    let offset = block.base + index * block.stride + register.offset + element * stride;
                    out[at] = Register { block: block.name, index, element, offset, ..register };
                    at += 1;
                    element += 1;
                }
                next += 1;
            }
            index += 1;
        }
        number += 1;
    }
    assert!(at == N, "N is the number of registers");
    out
}

/// The register of `map` (in the order of offsets) that holds the byte at `offset`.
#[must_use]
pub fn find(map: &[Register], offset: u32) -> Option<&Register> {
    let after = map.partition_point(|register| register.offset <= offset);
    map[..after].last().filter(|register| offset - register.offset < register.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::{self, BLOCKS, MAP, c2h, card};

    #[test]
    fn offsets_ascend_are_aligned_and_do_not_overlap() {
        for pair in MAP.windows(2) {
            assert!(pair[0].offset + pair[0].bytes() <= pair[1].offset, "{:?} reaches into {:?}", pair[0], pair[1]);
        }
        for register in MAP {
            assert!(register.bits == 32 || register.bits == 64, "{register:?}");
            assert_eq!(register.offset % register.bytes(), 0, "{register:?}");
        }
        let last = MAP.last().unwrap();
        assert!(u64::from(last.offset + last.bytes()) <= crate::params::BAR0_BYTES);
    }

    #[test]
    fn fields_of_a_register_do_not_overlap() {
        for register in MAP {
            let mut seen = 0;
            for info in register.fields {
                assert_eq!(seen & info.field().mask(), 0, "{} of {register:?}", info.name);
                seen |= info.field().mask();
            }
        }
    }

    #[test]
    fn arrays_are_expanded() {
        assert_eq!(MAP.len(), count(BLOCKS));
        let channels = MAP.iter().filter(|r| (r.block, r.name) == ("c2h", "HW_COUNT")).count();
        assert_eq!(channels, c2h::COUNT as usize);
        assert_eq!(channels, crate::params::MAX_C2H);
        let table: Vec<_> = MAP.iter().filter(|r| r.block == "c2h" && r.index == 3 && r.name == "GEN_TABLE").collect();
        assert_eq!(table.len(), c2h::GEN_TABLE_COUNT as usize);
        for (element, register) in table.iter().enumerate() {
            assert_eq!(register.element as usize, element);
            assert_eq!(register.offset, c2h::offset(3, c2h::GEN_TABLE + register.element * c2h::GEN_TABLE_STRIDE));
        }
    }

    #[test]
    fn find_knows_registers_and_holes() {
        assert_eq!(find(MAP, card::ID).map(|r| r.name), Some("ID"));
        assert_eq!(find(MAP, card::CYCLES + 7).map(|r| r.name), Some("CYCLES"));
        assert_eq!(registers::find(c2h::offset(15, c2h::STATUS)).map(|r| (r.name, r.index)), Some(("STATUS", 15)));
        assert_eq!(find(MAP, card::PERF_CONTROL + 4), None);
        assert_eq!(find(MAP, c2h::BASE - 4), None);
        assert_eq!(find(MAP, u32::MAX), None);
        assert_eq!(find(&[], 0), None);
    }

    #[test]
    fn access_masks_and_resets_follow_from_the_fields() {
        let control = find(MAP, card::CONTROL).unwrap();
        assert_eq!((control.access, control.writable_mask, control.pulse_mask, control.storage_mask()), (Access::Rw, 3, 2, 1));
        let id = find(MAP, card::ID).unwrap();
        assert_eq!((id.access, id.writable_mask, id.storage_mask(), id.reset, id.volatile), (Access::Ro, 0, 0, card::ID_RESET, false));
        let version = find(MAP, card::MAP_VERSION).unwrap().reset;
        assert_eq!(card::map_version::MAJOR.get(version), u64::from(registers::MAP_MAJOR));
        assert_eq!(card::map_version::MINOR.get(version), u64::from(registers::MAP_MINOR));
        assert!(find(MAP, card::CYCLES).unwrap().volatile);
    }
}
