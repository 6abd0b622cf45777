//! Walks the capability chains of any function, through whatever reads its configuration space. Never loops, never reads twice at one place, never
//! trusts a pointer: each way in which a chain can be broken is an error that says where.

use super::capabilities::{extended_bytes, extended_id, standard_bytes, standard_id};
use super::{BYTES, STANDARD_BYTES, header};
use alloc::vec::Vec;

/// What a capability is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapabilityId {
    /// In the standard chain.
    Standard(u8),
    /// In the extended chain.
    Extended(u16),
}

/// A capability that a walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What it is.
    pub id: CapabilityId,
    /// Offset of its first byte.
    pub offset: u16,
    /// Version of an extended capability; 0 in the standard chain, where each family keeps it elsewhere.
    pub version: u8,
}

/// Why a walk ended early. `from` is the offset of what held the pointer: a capability, or 0x34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError<E> {
    /// A read failed.
    #[error("config space cannot be read at {offset:#05x}: {error}")]
    Read {
        /// Where.
        offset: u16,
        /// What the reader said.
        error: E,
    },
    /// Vendor ID 0xffff.
    #[error("no function answers: the vendor ID reads as 0xffff")]
    Absent,
    /// A capability's header reads as all ones.
    #[error("the capability at {offset:#05x} reads as all ones; the function is gone or this part of its config space is not reachable")]
    AllOnes {
        /// Where.
        offset: u16,
    },
    /// The chain comes back to a capability.
    #[error("the capability chain loops: {from:#05x} points back to {to:#05x}")]
    Loop {
        /// Holder of the pointer.
        from: u16,
        /// The pointer.
        to: u16,
    },
    /// A pointer below the first offset at which a capability may be.
    #[error("{from:#05x} points to {to:#05x}; the first capability of this chain can be at {first:#05x}")]
    TooLow {
        /// Holder of the pointer.
        from: u16,
        /// The pointer.
        to: u16,
        /// The lowest legal one.
        first: u16,
    },
    /// A pointer that is no multiple of 4.
    #[error("{from:#05x} points to {to:#05x}, which is not a multiple of 4")]
    Unaligned {
        /// Holder of the pointer.
        from: u16,
        /// The pointer.
        to: u16,
    },
    /// A capability that does not fit.
    #[error("the capability at {offset:#05x} has at least {bytes} bytes and runs beyond the end of its space, {end:#x}")]
    Beyond {
        /// Where it starts.
        offset: u16,
        /// Fewest bytes that it has.
        bytes: u16,
        /// 256 or 4096.
        end: u16,
    },
}

/// Finds all capabilities: the standard chain, and the extended one if the standard one has a PCI Express capability. `read` gets offsets that are
/// multiples of 4, below 4096.
///
/// # Errors
/// The first thing that is wrong.
pub fn walk<E>(mut read: impl FnMut(u16) -> Result<u32, E>) -> Result<Vec<Capability>, WalkError<E>> {
    let mut found = walk_standard(&mut read)?;
    if found.iter().any(|capability| capability.id == CapabilityId::Standard(standard_id::PCIE)) {
        found.extend(walk_extended(&mut read)?);
    }
    Ok(found)
}

/// Finds the capabilities of the standard chain, the first 256 bytes. Null capabilities are stepped over.
///
/// # Errors
/// The first thing that is wrong.
pub fn walk_standard<E>(mut read: impl FnMut(u16) -> Result<u32, E>) -> Result<Vec<Capability>, WalkError<E>> {
    let mut read = |offset| read(offset).map_err(|error| WalkError::Read { offset, error });
    if read(header::ID)? as u16 == 0xffff {
        return Err(WalkError::Absent);
    }
    let mut chain = Chain::new(header::HEADER_BYTES, STANDARD_BYTES);
    let mut next = if read(header::COMMAND_STATUS)? & header::status::CAPABILITIES == 0 { 0 } else { read(header::CAPABILITIES)? as u8 };
    let mut from = header::CAPABILITIES;
    while next != 0 {
        let offset = chain.step(from, next.into())?;
        let first = read(offset)?;
        chain.check(offset, first, standard_bytes(first as u8, first))?;
        if first as u8 != standard_id::NULL {
            chain.found.push(Capability { id: CapabilityId::Standard(first as u8), offset, version: 0 });
        }
        (from, next) = (offset, (first >> 8) as u8);
    }
    Ok(chain.found)
}

/// Finds the capabilities of the extended chain, from 0x100 on. Null capabilities are stepped over.
///
/// # Errors
/// The first thing that is wrong.
pub fn walk_extended<E>(mut read: impl FnMut(u16) -> Result<u32, E>) -> Result<Vec<Capability>, WalkError<E>> {
    let mut chain = Chain::new(STANDARD_BYTES, BYTES as u16);
    let (mut from, mut next) = (STANDARD_BYTES, STANDARD_BYTES);
    while next != 0 {
        let offset = chain.step(from, next)?;
        let first = read(offset).map_err(|error| WalkError::Read { offset, error })?;
        chain.check(offset, first, extended_bytes(first as u16))?;
        if first as u16 != extended_id::NULL {
            chain.found.push(Capability { id: CapabilityId::Extended(first as u16), offset, version: (first >> 16) as u8 & 0xf });
        }
        (from, next) = (offset, (first >> 20) as u16);
    }
    Ok(chain.found)
}

/// The places that a chain has been at: a bit per dword of config space.
struct Chain {
    visited: [u64; BYTES / 4 / 64],
    first: u16,
    end: u16,
    found: Vec<Capability>,
}

impl Chain {
    fn new(first: u16, end: u16) -> Self {
        Self { visited: [0; BYTES / 4 / 64], first, end, found: Vec::new() }
    }

    /// Judges the pointer `to` and takes it. A pointer has 8 or 12 bits, so it is below the end.
    fn step<E>(&mut self, from: u16, to: u16) -> Result<u16, WalkError<E>> {
        if !to.is_multiple_of(4) {
            return Err(WalkError::Unaligned { from, to });
        }
        if to < self.first {
            return Err(WalkError::TooLow { from, to, first: self.first });
        }
        let (word, bit) = (usize::from(to / 4 / 64), to / 4 % 64);
        if self.visited[word] >> bit & 1 != 0 {
            return Err(WalkError::Loop { from, to });
        }
        self.visited[word] |= 1 << bit;
        Ok(to)
    }

    /// Judges the capability that was found there.
    fn check<E>(&self, offset: u16, first: u32, bytes: u16) -> Result<(), WalkError<E>> {
        if first == u32::MAX {
            return Err(WalkError::AllOnes { offset });
        }
        if offset + bytes > self.end {
            return Err(WalkError::Beyond { offset, bytes, end: self.end });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::capabilities::{extended_header, standard_header};
    use super::*;
    use core::convert::Infallible;

    /// A sane function: PM at 0x40, PCIe at 0x50, AER at 0x100, serial number at 0x140.
    fn space() -> [u32; 1024] {
        let mut space = [0; 1024];
        space[0] = 0x51c0_10dc;
        space[1] = header::status::CAPABILITIES;
        space[0x34 / 4] = 0x40;
        space[0x40 / 4] = standard_header(standard_id::PM, 0x50, 3);
        space[0x50 / 4] = standard_header(standard_id::PCIE, 0, 2);
        space[0x100 / 4] = extended_header(extended_id::AER, 2, 0x140);
        space[0x140 / 4] = extended_header(extended_id::SERIAL, 1, 0);
        space
    }

    fn walked(change: impl FnOnce(&mut [u32; 1024])) -> Result<Vec<(CapabilityId, u16)>, WalkError<Infallible>> {
        let mut space = space();
        change(&mut space);
        let mut reads = 0;
        let found = walk(|offset| {
            reads += 1;
            assert!(reads < 1100, "the walk does not end");
            Ok(space[usize::from(offset) / 4])
        })?;
        Ok(found.into_iter().map(|capability| (capability.id, capability.offset)).collect())
    }

    #[test]
    fn a_sane_chain_is_found_whole() {
        use CapabilityId::{Extended, Standard};
        assert_eq!(walked(|_| ()).unwrap(), [(Standard(1), 0x40), (Standard(0x10), 0x50), (Extended(1), 0x100), (Extended(3), 0x140)]);
    }

    #[test]
    fn without_a_list_or_without_pcie_less_is_read() {
        assert_eq!(walked(|space| space[1] = 0).unwrap(), []);
        assert_eq!(walked(|space| space[0x34 / 4] = 0).unwrap(), []);
        // No PCI Express capability: the extended chain, here a broken one, is not looked at.
        let found = walked(|space| {
            space[0x50 / 4] = standard_header(0x09, 0, 0);
            space[0x100 / 4] = u32::MAX;
        });
        assert_eq!(found.unwrap().len(), 2);
        assert_eq!(walked(|space| space[0x100 / 4] = 0).unwrap().len(), 2);
    }

    #[test]
    fn null_capabilities_are_stepped_over() {
        let found = walked(|space| {
            space[0x40 / 4] = standard_header(standard_id::NULL, 0x50, 0);
            space[0x100 / 4] = extended_header(extended_id::NULL, 0, 0x140);
        });
        assert_eq!(found.unwrap(), [(CapabilityId::Standard(0x10), 0x50), (CapabilityId::Extended(3), 0x140)]);
    }

    #[test]
    fn loops_are_found() {
        let to_itself = walked(|space| space[0x50 / 4] = standard_header(standard_id::PCIE, 0x50, 2));
        assert_eq!(to_itself, Err(WalkError::Loop { from: 0x50, to: 0x50 }));
        let to_the_first = walked(|space| space[0x50 / 4] = standard_header(standard_id::PCIE, 0x40, 2));
        assert_eq!(to_the_first, Err(WalkError::Loop { from: 0x50, to: 0x40 }));
        let extended = walked(|space| space[0x140 / 4] = extended_header(extended_id::SERIAL, 1, 0x100));
        assert_eq!(extended, Err(WalkError::Loop { from: 0x140, to: 0x100 }));
    }

    #[test]
    fn pointers_into_what_lies_below_the_chain_are_found() {
        let header = walked(|space| space[0x34 / 4] = 0x3c);
        assert_eq!(header, Err(WalkError::TooLow { from: 0x34, to: 0x3c, first: 0x40 }));
        let standard = walked(|space| space[0x100 / 4] = extended_header(extended_id::AER, 2, 0xfc));
        assert_eq!(standard, Err(WalkError::TooLow { from: 0x100, to: 0xfc, first: 0x100 }));
    }

    #[test]
    fn unaligned_pointers_are_found() {
        assert_eq!(walked(|space| space[0x34 / 4] = 0x41), Err(WalkError::Unaligned { from: 0x34, to: 0x41 }));
        let extended = walked(|space| space[0x100 / 4] = extended_header(extended_id::AER, 2, 0x142));
        assert_eq!(extended, Err(WalkError::Unaligned { from: 0x100, to: 0x142 }));
    }

    #[test]
    fn capabilities_over_the_end_are_found() {
        let standard = walked(|space| {
            space[0x34 / 4] = 0xf8;
            space[0xf8 / 4] = standard_header(standard_id::MSIX, 0, 0);
        });
        assert_eq!(standard, Err(WalkError::Beyond { offset: 0xf8, bytes: 12, end: 256 }));
        let extended = walked(|space| {
            space[0x100 / 4] = extended_header(extended_id::VENDOR, 1, 0xffc);
            space[0xffc / 4] = extended_header(extended_id::SERIAL, 1, 0);
        });
        assert_eq!(extended, Err(WalkError::Beyond { offset: 0xffc, bytes: 12, end: 4096 }));
        // A last dword that is enough is legal, and so is all that ends with the space.
        let fits = walked(|space| {
            space[0x34 / 4] = 0xfc;
            space[0xfc / 4] = standard_header(0x09, 0, 0);
        });
        assert_eq!(fits.unwrap(), [(CapabilityId::Standard(9), 0xfc)]);
        let standard = walked(|space| {
            space[0x34 / 4] = 0xf4;
            space[0xf4 / 4] = standard_header(standard_id::MSIX, 0, 0);
        });
        assert_eq!(standard.unwrap(), [(CapabilityId::Standard(0x11), 0xf4)]);
        let extended = walked(|space| {
            space[0x100 / 4] = extended_header(extended_id::AER, 2, 0xff4);
            space[0xff4 / 4] = extended_header(extended_id::SERIAL, 1, 0);
        });
        assert_eq!(extended.unwrap()[2..], [(CapabilityId::Extended(1), 0x100), (CapabilityId::Extended(3), 0xff4)]);
    }

    #[test]
    fn all_ones_are_found() {
        assert_eq!(walked(|space| space.fill(u32::MAX)), Err(WalkError::Absent));
        assert_eq!(walked(|space| space[0x50 / 4] = u32::MAX), Err(WalkError::AllOnes { offset: 0x50 }));
        assert_eq!(walked(|space| space[0x100 / 4] = u32::MAX), Err(WalkError::AllOnes { offset: 0x100 }));
    }

    #[test]
    fn a_failed_read_is_told_with_its_place() {
        let result = walk(|offset| if offset < 0x100 { Ok(space()[usize::from(offset) / 4]) } else { Err("not privileged") });
        assert_eq!(result, Err(WalkError::Read { offset: 0x100, error: "not privileged" }));
    }

    proptest::proptest! {
        /// Whatever is there, a walk ends, reads each place at most once, and finds only what is inside.
        #[test]
        fn random_spaces_do_no_harm(words in proptest::collection::vec(proptest::prelude::any::<u32>(), 1024)) {
            let mut words = words;
            words[0] = 0x51c0_10dc;
            words[1] |= header::status::CAPABILITIES;
            // Make long walks likely: pointers aligned and above the header.
            for (i, word) in words.iter_mut().enumerate().skip(16) {
                *word = if i < 64 { *word & !0x300 | 0x4000 } else { *word & !(3 << 20) | 1 << 30 };
            }
            words[0x34 / 4] = 0x40;
            for extended in [false, true] {
                let mut read = [false; 1024];
                let reader = |offset: u16| {
                    assert!(offset.is_multiple_of(4));
                    assert!(!core::mem::replace(&mut read[usize::from(offset) / 4], true), "read twice");
                    Ok::<u32, Infallible>(words[usize::from(offset) / 4])
                };
                let result = if extended { walk_extended(reader) } else { walk_standard(reader) };
                if let Ok(found) = result {
                    assert!(found.iter().all(|capability| capability.offset >= 0x40));
                }
            }
        }
    }
}
