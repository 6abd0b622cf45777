//! Cutting: a range of memory into requests, a read into completions. Iterators, no allocation.
//! Knows sizes and boundaries only; neither tags nor credits.

use super::{CompletionStatus, Header, Kind, Span};
use crate::units::{Bdf, BusAddr, Dwords};

/// Where a range is cut besides 4 KiB boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// At each multiple of the size: the first piece is short, the others begin aligned. What the reference card does.
    Aligned,
    /// After as many dwords as the size allows: fewest pieces.
    Longest,
}

/// One request's part of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Address of its first byte.
    pub address: BusAddr,
    /// Bytes, 1 to 4096; it crosses no 4 KiB boundary.
    pub bytes: u32,
    /// Bytes of the range before it.
    pub offset: u64,
}

impl Piece {
    /// As dwords and byte enables. What a piece made by hand has beyond the next 4 KiB boundary is left out.
    #[must_use]
    #[inline]
    pub const fn span(&self) -> Span {
        Span::clipped(self.address, self.bytes)
    }
}

/// The pieces of a range: a write cut by Max_Payload_Size, a read by Max_Read_Request_Size, both by 4 KiB (PCIe 4.0 §2.2.2, §2.2.7).
#[derive(Clone, Debug)]
pub struct Pieces {
    address: BusAddr,
    left: u64,
    offset: u64,
    size: u64,
    cut: Cut,
}

impl Pieces {
    /// Of `len` bytes from `address` on, with at most `size` bytes of whole dwords in each request. Sizes are powers of two from 128 to 4096; of
    /// any other the next such one below counts, of one below 128, 128. Addresses wrap at 2^64.
    #[must_use]
    pub const fn new(address: BusAddr, len: u64, size: u32, cut: Cut) -> Self {
        Self { address, left: len, offset: 0, size: legal_size(size, 128, 4096) as u64, cut }
    }
}

/// The power of two at or below `size`, held between `least` and `most`.
const fn legal_size(size: u32, least: u32, most: u32) -> u32 {
    let size = if size < least { least } else { 1 << size.ilog2() };
    if size > most { most } else { size }
}

impl Iterator for Pieces {
    type Item = Piece;

    #[inline]
    fn next(&mut self) -> Option<Piece> {
        if self.left == 0 {
            return None;
        }
        let at = self.address.0;
        let room = match self.cut {
            Cut::Aligned => self.size - (at & (self.size - 1)),
            // The length counts whole dwords, the one that is cut into at the start included.
            Cut::Longest => (self.size - (at & 3)).min(4096 - (at & 0xfff)),
        };
        let bytes = room.min(self.left);
        let piece = Piece { address: self.address, bytes: bytes as u32, offset: self.offset };
        self.address = self.address.offset(bytes);
        self.left -= bytes;
        self.offset += bytes;
        Some(piece)
    }
}

/// One completion's part of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionPiece {
    /// Bytes of payload before it: where its data starts, counted from the request's dword address.
    pub offset: u32,
    /// Dwords of payload.
    pub length: Dwords,
    /// Byte Count: what remains, this piece included.
    pub byte_count: u32,
    /// Lower Address.
    pub lower_address: u8,
    /// Nothing comes after it.
    pub last: bool,
}

impl CompletionPiece {
    /// The successful completion of `request` that carries this piece, with the request's class and attributes (PCIe 4.0 §2.2.9).
    #[must_use]
    pub const fn header(&self, request: &Header, completer: Bdf) -> Header {
        let header = Header::completion(
            true,
            completer,
            CompletionStatus::Success,
            self.byte_count,
            request.requester(),
            request.tag(),
            self.lower_address,
            self.length,
        );
        let header = match request.kind() {
            Kind::MemReadLocked => header.with_kind(Kind::CompletionLockedData),
            _ => header,
        };
        header.with_traffic_class(request.traffic_class()).with_attributes(request.attributes())
    }
}

/// The completions of a memory read, cut at multiples of RCB (PCIe 4.0 §2.3.1.1).
#[derive(Clone, Debug)]
pub struct Completions {
    /// Low bits of the address of the next byte.
    at: u32,
    left: u32,
    offset: u32,
    max_payload: u32,
    rcb: u32,
}

impl Completions {
    /// Of the read of `span`, each with at most `max_payload` bytes (a power of two, 128 to 4096; as in [`Pieces::new`] otherwise) and ended at a
    /// multiple of `rcb` (128, or 64 for anything below).
    #[must_use]
    pub const fn new(span: &Span, max_payload: u32, rcb: u32) -> Self {
        let at = (span.first_byte().0 & 0xfff) as u32;
        Self { at, left: span.byte_count(), offset: 0, max_payload: legal_size(max_payload, 128, 4096), rcb: legal_size(rcb, 64, 128) }
    }

    /// Bytes from the first to the last enabled one that no completion has brought yet.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// The next one, of at most `most` bytes if a boundary lies there, but at least up to the first boundary: a completer that draws `most` anew
    /// each time makes every legal split.
    #[inline]
    pub fn next_of(&mut self, most: u32) -> Option<CompletionPiece> {
        if self.left == 0 {
            return None;
        }
        let (start, lead) = (self.at & !3, self.at & 3);
        let most = most.min(self.max_payload);
        let last = lead + self.left <= most;
        // Up to the last boundary within reach, or the first one if none is.
        let first_boundary = (start & !(self.rcb - 1)) + self.rcb;
        let cut = first_boundary.max((start + most) & !(self.rcb - 1));
        let end = if last { self.at + self.left } else { cut.min(self.at + self.left) };
        let bytes = end - self.at;
        let piece = CompletionPiece {
            offset: self.offset,
            length: Dwords((lead + bytes).div_ceil(4)),
            byte_count: self.left,
            lower_address: (self.at & 0x7f) as u8,
            last: bytes == self.left,
        };
        self.offset += piece.length.bytes();
        self.at = end;
        self.left -= bytes;
        Some(piece)
    }
}

impl Iterator for Completions {
    type Item = CompletionPiece;

    #[inline]
    fn next(&mut self) -> Option<CompletionPiece> {
        self.next_of(self.max_payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn cut(address: u64, len: u64, size: u32, cut: Cut) -> Vec<(u64, u32)> {
        Pieces::new(BusAddr(address), len, size, cut).map(|piece| (piece.address.0, piece.bytes)).collect()
    }

    #[test]
    fn the_aligned_form_cuts_at_multiples_and_the_longest_does_not() {
        assert_eq!(cut(0x10f0, 0x120, 128, Cut::Aligned), [(0x10f0, 0x10), (0x1100, 0x80), (0x1180, 0x80), (0x1200, 0x10)]);
        assert_eq!(cut(0x10f0, 0x120, 128, Cut::Longest), [(0x10f0, 0x80), (0x1170, 0x80), (0x11f0, 0x20)]);
        assert_eq!(cut(0x1ff2, 0x20, 512, Cut::Longest), [(0x1ff2, 0xe), (0x2000, 0x12)]);
        assert_eq!(cut(0x1002, 0x100, 128, Cut::Longest), [(0x1002, 126), (0x1080, 128), (0x1100, 2)]);
    }

    #[test]
    fn nothing_is_no_piece_and_odd_sizes_do_not_panic() {
        assert_eq!(cut(0x1000, 0, 128, Cut::Aligned), []);
        assert_eq!(cut(0x1000, 0x100, 0, Cut::Aligned), [(0x1000, 0x80), (0x1080, 0x80)]);
        assert_eq!(cut(0x1000, 0x200, 300, Cut::Aligned), [(0x1000, 0x100), (0x1100, 0x100)]);
        assert_eq!(cut(0x2000, 0x2000, 8192, Cut::Aligned), [(0x2000, 0x1000), (0x3000, 0x1000)], "no request is longer");
        assert_eq!(cut(u64::MAX - 3, 8, 128, Cut::Aligned), [(u64::MAX - 3, 4), (0, 4)]);
        let odd = Piece { address: BusAddr(0xffe), bytes: 9, offset: 0 };
        assert_eq!(odd.span().bytes(), Some((BusAddr(0xffe), 2)));
    }

    #[test]
    fn completions_end_at_rcb_with_counts_that_fall() {
        let span = Span::of(BusAddr(0x1_0000_102a), 300).unwrap();
        let of = |max, rcb| {
            Completions::new(&span, max, rcb).map(|c| (c.offset, c.length.0, c.byte_count, c.lower_address, c.last)).collect::<Vec<_>>()
        };
        assert_eq!(of(128, 64), [(0, 22, 300, 0x2a, false), (88, 32, 214, 0, false), (216, 22, 86, 0, true)]);
        assert_eq!(of(256, 128), [(0, 54, 300, 0x2a, false), (216, 22, 86, 0, true)]);
        assert_eq!(of(512, 128), [(0, 76, 300, 0x2a, true)]);
        assert_eq!((of(256, 256), of(8192, 0)), (of(256, 128), of(512, 64)), "sizes that there are not");
    }

    #[test]
    fn a_zero_length_read_gets_one_dword() {
        let span = Span::of(BusAddr(0x1004), 0).unwrap();
        let all: Vec<_> = Completions::new(&span, 128, 64).collect();
        assert_eq!(all, [CompletionPiece { offset: 0, length: Dwords(1), byte_count: 1, lower_address: 4, last: true }]);
    }

    #[test]
    fn next_of_reaches_the_first_boundary_at_least() {
        let span = Span::of(BusAddr(0x1030), 256).unwrap();
        let mut completions = Completions::new(&span, 256, 64);
        let bytes: Vec<_> = core::iter::from_fn(|| completions.next_of(0)).map(|c| c.length.bytes()).collect();
        assert_eq!(bytes, [16, 64, 64, 64, 48]);
    }
}
