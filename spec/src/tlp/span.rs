//! Which bytes a memory request means: from bytes to dwords with byte enables, and back (PCIe 4.0 §2.2.5, §2.3.1.1).
//! Knows no limits of a link; see [`super::Pieces`] for cutting.

use super::{Header, Kind};
use crate::units::{Bdf, BusAddr, Dwords, Tag};

/// The bytes of a memory request as its header says them. As plain fields it can say nonsense; [`Span::of`] makes legal ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Address of the first dword; a multiple of 4.
    pub address: BusAddr,
    /// Dwords, 1 to 1024.
    pub length: Dwords,
    /// First DW BE.
    pub first_be: u8,
    /// Last DW BE; 0 if there is one dword.
    pub last_be: u8,
}

/// Bytes up to the next 4 KiB boundary.
const fn room(address: BusAddr) -> u32 {
    4096 - (address.0 & 0xfff) as u32
}

impl Span {
    /// Of `bytes` bytes from `address` on; 0 bytes give the zero-length request for that dword. `None` if a 4 KiB boundary is crossed.
    #[must_use]
    #[inline]
    pub const fn of(address: BusAddr, bytes: u32) -> Option<Self> {
        if bytes > room(address) { None } else { Some(Self::clipped(address, bytes)) }
    }

    /// As [`Span::of`], ended at the next 4 KiB boundary.
    #[inline]
    pub(super) const fn clipped(address: BusAddr, bytes: u32) -> Self {
        let bytes = if bytes > room(address) { room(address) } else { bytes };
        let lead = address.0 as u32 & 3;
        let start = BusAddr(address.0 & !3);
        if bytes == 0 {
            return Self { address: start, length: Dwords(1), first_be: 0, last_be: 0 };
        }
        let length = (lead + bytes).div_ceil(4);
        // Bytes of the last dword that are not wanted.
        let tail = length * 4 - lead - bytes;
        let (first, last) = (0xf << lead & 0xf, 0xf >> tail);
        let (first_be, last_be) = if length == 1 { (first & last, 0) } else { (first, last) };
        Self { address: start, length: Dwords(length), first_be, last_be }
    }

    /// Of a memory request.
    #[must_use]
    pub const fn from_header(header: &Header) -> Self {
        Self { address: header.address(), length: header.length(), first_be: header.first_be(), last_be: header.last_be() }
    }

    /// A memory request for these bytes: kind MRd, MRdLk or MWr.
    #[must_use]
    pub const fn header(&self, kind: Kind, requester: Bdf, tag: Tag) -> Header {
        Header::memory(kind, requester, tag, self.address, self.length).with_byte_enables(self.first_be, self.last_be)
    }

    /// Whether byte `index`, counted from `address`, is enabled.
    #[must_use]
    pub const fn enabled(&self, index: u32) -> bool {
        let dword = index / 4;
        let enables = match dword {
            0 => self.first_be,
            _ if dword >= self.length.0 => 0,
            _ if dword + 1 == self.length.0 => self.last_be,
            _ => 0xf,
        };
        enables >> (index % 4) & 1 != 0
    }

    /// Index of the first enabled byte, and one beyond the last one; (0, 0) if none is.
    #[must_use]
    #[inline]
    pub const fn bounds(&self) -> (u32, u32) {
        let (first, last) = (self.first_be & 0xf, self.last_be & 0xf);
        // In a legal span of several dwords neither is empty; one that is counts as if all its bytes were enabled.
        if self.length.0 <= 1 {
            return if first == 0 { (0, 0) } else { (first.trailing_zeros(), 8 - first.leading_zeros()) };
        }
        let start = if first == 0 { 0 } else { first.trailing_zeros() };
        let end = if last == 0 { 4 } else { 8 - last.leading_zeros() };
        (start, (self.length.0 - 1) * 4 + end)
    }

    /// The byte range (address, bytes) if the enabled bytes have no holes; of a zero-length request the dword's address and 0.
    #[must_use]
    pub fn bytes(&self) -> Option<(BusAddr, u32)> {
        let (start, end) = self.bounds();
        let whole = (start..end).all(|index| self.enabled(index));
        whole.then(|| (self.address.offset(start.into()), end - start))
    }

    /// Byte Count of the first completion of a read: from the first enabled byte to the last one, holes included; 1 for a zero-length read
    /// (PCIe 4.0 §2.3.1.1, table 2-38).
    #[must_use]
    #[inline]
    pub const fn byte_count(&self) -> u32 {
        let (start, end) = self.bounds();
        if end == 0 { 1 } else { end - start }
    }

    /// Address of the first enabled byte, of which Lower Address has the low seven bits (table 2-39).
    #[must_use]
    #[inline]
    pub const fn first_byte(&self) -> BusAddr {
        self.address.offset(self.bounds().0 as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// PCIe 4.0 tables 2-38 and 2-39, the rows of one dword: First DW BE, byte count, low bits of Lower Address.
    const ONE_DWORD: [(u8, u32, u64); 16] = [
        (0b0000, 1, 0),
        (0b0001, 1, 0),
        (0b0010, 1, 1),
        (0b0011, 2, 0),
        (0b0100, 1, 2),
        (0b0101, 3, 0),
        (0b0110, 2, 1),
        (0b0111, 3, 0),
        (0b1000, 1, 3),
        (0b1001, 4, 0),
        (0b1010, 3, 1),
        (0b1011, 4, 0),
        (0b1100, 2, 2),
        (0b1101, 4, 0),
        (0b1110, 3, 1),
        (0b1111, 4, 0),
    ];

    #[test]
    fn byte_count_and_lower_address_are_those_of_the_tables() {
        for (first_be, count, low) in ONE_DWORD {
            let span = Span { address: BusAddr(0x1000), length: Dwords(1), first_be, last_be: 0 };
            assert_eq!((span.byte_count(), span.first_byte().0), (count, 0x1000 + low), "{first_be:#06b}");
        }
        // Rows of several dwords: the bytes that First and Last DW BE leave out.
        for (first_be, lead) in [(0xf, 0), (0xe, 1), (0xc, 2), (0x8, 3)] {
            for (last_be, tail) in [(0xf, 0), (0x7, 1), (0x3, 2), (0x1, 3)] {
                let span = Span { address: BusAddr(0x1000), length: Dwords(5), first_be, last_be };
                assert_eq!((span.byte_count(), span.first_byte().0), (20 - lead - tail, 0x1000 + u64::from(lead)));
            }
        }
    }

    #[test]
    fn a_range_over_4_kib_has_no_span() {
        assert_eq!(Span::of(BusAddr(0xfff), 2), None);
        assert_eq!(Span::of(BusAddr(0), 4097), None);
        assert_eq!(Span::of(BusAddr(0x1001), u32::MAX), None);
        assert!(Span::of(BusAddr(0xfff), 1).is_some() && Span::of(BusAddr(0), 4096).is_some());
    }

    #[test]
    fn holes_are_not_a_byte_range() {
        let span = Span { address: BusAddr(0x1000), length: Dwords(2), first_be: 0b0101, last_be: 0b1000 };
        assert_eq!(span.bytes(), None);
        assert_eq!(span.byte_count(), 8);
    }

    proptest! {
        #[test]
        fn a_span_enables_exactly_its_bytes(address in any::<u64>(), wanted in 0u32..=4096) {
            let room = 4096 - (address & 0xfff) as u32;
            let bytes = wanted.min(room);
            let span = Span::of(BusAddr(address), bytes).unwrap();
            for index in 0..span.length.bytes() + 8 {
                let inside = (span.address.offset(index.into()).0).wrapping_sub(address) < u64::from(bytes);
                prop_assert_eq!(span.enabled(index), inside, "byte {}", index);
            }
            let start = if bytes == 0 { address & !3 } else { address };
            prop_assert_eq!(span.bytes(), Some((BusAddr(start), bytes)));
            let header = span.header(Kind::MemWrite, Bdf::default(), Tag(0));
            prop_assert_eq!(Span::from_header(&header), span);
        }
    }
}
