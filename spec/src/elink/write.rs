//! Writes blocks: one sub-chunk after the other, and chunks split where a block ends. What it writes is legal.

use super::view::{RawTrailer, View};
use super::{BLOCK_BYTES, ChunkFlags, HEADER_BYTES, Kind, MAGIC, MAX_PAYLOAD, TRAILER_BYTES};
use core::ops::Range;

/// A block under construction, and the e-link's place in its chunk.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: [u8; BLOCK_BYTES],
    at: usize,
    elink: u16,
    sequence: u32,
}

/// How far a chunk is packed: kept between the blocks that it is split over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// Payload bytes in blocks so far.
    pub done: u32,
}

/// What packing a piece of a chunk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// The chunk's end is in the block, and there may be room for more.
    Ended,
    /// The chunk's end is in the block, and the block is full.
    EndedAndFull,
    /// The block is full, and the chunk goes on in the next one.
    Full,
}

impl Packed {
    /// The block has to go out.
    #[must_use]
    pub const fn is_full(self) -> bool {
        matches!(self, Self::EndedAndFull | Self::Full)
    }

    /// The chunk's end is in the block.
    #[must_use]
    pub const fn ended(self) -> bool {
        matches!(self, Self::Ended | Self::EndedAndFull)
    }
}

impl Writer {
    /// An empty block, with sequence number 0.
    #[must_use]
    pub fn new(elink: u16) -> Self {
        let mut writer = Self { bytes: [0; BLOCK_BYTES], at: HEADER_BYTES, elink, sequence: 0 };
        writer.put_header();
        writer
    }

    /// Holds no sub-chunk.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.at == HEADER_BYTES
    }

    /// The e-link.
    #[must_use]
    pub const fn elink(&self) -> u16 {
        self.elink
    }

    /// Bytes of the block that the next piece of a chunk takes, its trailer included; `left` of the chunk are not packed.
    #[must_use]
    pub fn piece(&self, left: u32) -> Range<u32> {
        let most = (BLOCK_BYTES - TRAILER_BYTES - self.at) as u32;
        let at = self.at as u32;
        at..at + left.min(most).next_multiple_of(TRAILER_BYTES as u32) + TRAILER_BYTES as u32
    }

    /// Packs what fits of a chunk of `length` bytes; `packing` says how far it is and is moved on. `fill(offset, out)` gives its bytes from `offset`
    /// on, a multiple of 4. `flags` go with its end. A full block must be taken ([`Writer::take`]) before more is packed.
    pub fn pack(&mut self, packing: &mut Packing, length: u32, flags: ChunkFlags, fill: impl FnOnce(u32, &mut [u8])) -> Packed {
        let left = length - packing.done;
        let room = BLOCK_BYTES - self.at - TRAILER_BYTES;
        let begins = packing.done == 0;
        if left as usize <= room {
            self.put(if begins { Kind::Whole } else { Kind::Last }, flags, left as usize, |out| fill(packing.done, out));
            *packing = Packing::default();
            return if self.is_full() { Packed::EndedAndFull } else { Packed::Ended };
        }
        if room == 0 {
            // A trailer fits and no byte: a piece may not be empty.
            self.close(Kind::Null);
            return Packed::Full;
        }
        self.put(if begins { Kind::First } else { Kind::Middle }, ChunkFlags(0), room, |out| fill(packing.done, out));
        packing.done += room as u32;
        Packed::Full
    }

    /// Fills the rest with padding; `kind` says why. A full block stays as it is.
    pub fn close(&mut self, kind: Kind) {
        debug_assert!(kind.is_padding());
        if !self.is_full() {
            self.put(kind, ChunkFlags(0), BLOCK_BYTES - self.at - TRAILER_BYTES, |out| out.fill(0));
        }
    }

    /// Takes the block, padded if it is not full, and starts the next one of the e-link.
    pub fn take(&mut self, out: &mut [u8; BLOCK_BYTES]) {
        self.close(Kind::Null);
        *out = self.bytes;
        self.at = HEADER_BYTES;
        self.sequence = self.sequence.wrapping_add(1);
        self.put_header();
    }

    fn is_full(&self) -> bool {
        self.at == BLOCK_BYTES
    }

    fn put_header(&mut self) {
        let mut view = View(&mut self.bytes);
        view.set_magic(MAGIC);
        view.set_elink(self.elink);
        view.set_sequence(self.sequence);
    }

    fn put(&mut self, kind: Kind, flags: ChunkFlags, length: usize, fill: impl FnOnce(&mut [u8])) {
        debug_assert!(length <= MAX_PAYLOAD);
        let end = self.at + length;
        fill(&mut self.bytes[self.at..end]);
        let trailer = end.next_multiple_of(TRAILER_BYTES);
        self.bytes[end..trailer].fill(0);
        View(&mut self.bytes).set_trailer(trailer, RawTrailer::new(kind as u8, flags.0, length));
        self.at = trailer + TRAILER_BYTES;
    }
}
