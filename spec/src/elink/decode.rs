//! The strict decoder: 1024 bytes are a block that keeps every rule, or an error that names the one it breaks and where.

use super::view::View;
use super::{BLOCK_BYTES, ChunkFlags, HEADER_BYTES, Kind, MAGIC, MAX_SUBCHUNKS, TRAILER_BYTES};

/// Why bytes are no block. Offsets are those of the trailer within the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Not the size of a block.
    #[error("e-link block is {0} bytes; it must be {BLOCK_BYTES}")]
    Size(usize),
    /// The magic is wrong.
    #[error("e-link block's magic is {0:#06x}; it must be {MAGIC:#06x}")]
    Magic(u16),
    /// A trailer's kind is none.
    #[error("sub-chunk kind at byte {at} is {kind}; it must be 0 to 5")]
    Kind {
        /// The trailer.
        at: usize,
        /// Its kind.
        kind: u8,
    },
    /// A trailer's reserved bits are set.
    #[error("reserved bits of the trailer at byte {at} are {bits:#04x}; they must be 0")]
    Reserved {
        /// The trailer.
        at: usize,
        /// The bits, of the reserved field or of the flags.
        bits: u8,
    },
    /// A sub-chunk would begin before the end of the header.
    #[error("sub-chunk length at byte {at} is {length}; it must be at most {most}: the block's header ends there")]
    Length {
        /// The trailer.
        at: usize,
        /// Its length.
        length: usize,
        /// What there is.
        most: usize,
    },
    /// A byte that pads is not zero.
    #[error("padding at byte {at} is {value:#04x}; it must be 0")]
    Padding {
        /// The byte.
        at: usize,
        /// What it is.
        value: u8,
    },
    /// Flags on a sub-chunk in which no chunk ends.
    #[error("flags at byte {at} are {flags:#x} on a {kind:?} sub-chunk; they must be 0 where no chunk ends")]
    Flags {
        /// The trailer.
        at: usize,
        /// Its flags.
        flags: u8,
        /// Its kind.
        kind: Kind,
    },
    /// A piece of a split chunk without bytes.
    #[error("{kind:?} sub-chunk at byte {at} is empty; a piece of a split chunk has a byte at least")]
    Empty {
        /// The trailer.
        at: usize,
        /// Its kind.
        kind: Kind,
    },
    /// Something follows a sub-chunk that has to be the block's last, or stands before one that has to be its first.
    #[error("{kind:?} sub-chunk at byte {at} is out of place; first, middle and padding end a block, middle and last begin one")]
    Place {
        /// The trailer.
        at: usize,
        /// Its kind.
        kind: Kind,
    },
}

/// One sub-chunk of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubChunk<'a> {
    /// What it is; never padding.
    pub kind: Kind,
    /// Flags of the chunk that ends in it.
    pub flags: ChunkFlags,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// A block that keeps every rule. On the stack: half a KiB, no allocation.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    bytes: &'a [u8; BLOCK_BYTES],
    /// Offsets of the trailers, the last one first.
    trailers: [u16; MAX_SUBCHUNKS],
    count: usize,
    padding: Option<Kind>,
}

impl<'a> Block<'a> {
    /// Reads a block.
    ///
    /// # Errors
    /// The first rule that it breaks, from its end.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let bytes: &[u8; BLOCK_BYTES] = bytes.try_into().map_err(|_| BlockError::Size(bytes.len()))?;
        let magic = View(bytes).magic();
        if magic != MAGIC {
            return Err(BlockError::Magic(magic));
        }
        let mut block = Self { bytes, trailers: [0; MAX_SUBCHUNKS], count: 0, padding: None };
        let mut end = BLOCK_BYTES;
        while end > HEADER_BYTES {
            // Sub-chunks are multiples of 4 bytes: what is left holds a trailer.
            end = block.take(end)?;
        }
        Ok(block)
    }

    /// Checks the sub-chunk that ends at `end`; gives where it begins.
    fn take(&mut self, end: usize) -> Result<usize, BlockError> {
        let at = end - TRAILER_BYTES;
        let trailer = View(self.bytes).trailer_before(end);
        let kind = Kind::from_code(trailer.kind()).ok_or(BlockError::Kind { at, kind: trailer.kind() })?;
        let flags = ChunkFlags(trailer.flags());
        let reserved = trailer.reserved() | flags.unknown();
        if reserved != 0 {
            return Err(BlockError::Reserved { at, bits: reserved });
        }
        let (length, most) = (trailer.length(), at - HEADER_BYTES);
        let begin = at.checked_sub(length.next_multiple_of(TRAILER_BYTES)).filter(|begin| *begin >= HEADER_BYTES);
        let begin = begin.ok_or(BlockError::Length { at, length, most })?;
        // What padding carries is padding too.
        let first_pad = if kind.is_padding() { begin } else { begin + length };
        if let Some(pad) = (first_pad..at).find(|pad| self.bytes[*pad] != 0) {
            return Err(BlockError::Padding { at: pad, value: self.bytes[pad] });
        }
        if !kind.ends() && flags != ChunkFlags(0) {
            return Err(BlockError::Flags { at, flags: flags.0, kind });
        }
        if length == 0 && matches!(kind, Kind::First | Kind::Middle | Kind::Last) {
            return Err(BlockError::Empty { at, kind });
        }
        let is_last = end == BLOCK_BYTES;
        let must_be_last = kind.is_padding() || matches!(kind, Kind::First | Kind::Middle);
        let must_be_first = matches!(kind, Kind::Middle | Kind::Last);
        if must_be_last && !is_last || must_be_first && begin != HEADER_BYTES {
            return Err(BlockError::Place { at, kind });
        }
        if kind.is_padding() {
            self.padding = Some(kind);
        } else {
            self.trailers[self.count] = at as u16;
            self.count += 1;
        }
        Ok(begin)
    }

    /// The e-link.
    #[must_use]
    pub fn elink(&self) -> u16 {
        View(self.bytes).elink()
    }

    /// Sequence number among the e-link's blocks.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        View(self.bytes).sequence()
    }

    /// Sub-chunks, padding not counted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Nothing but padding.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Padding at the end, and why it is there.
    #[must_use]
    pub const fn padding(&self) -> Option<Kind> {
        self.padding
    }

    /// The sub-chunks in order, without padding.
    pub fn subchunks(&self) -> impl Iterator<Item = SubChunk<'a>> + use<'a, '_> {
        self.trailers[..self.count].iter().rev().map(|&at| {
            let at = usize::from(at);
            let trailer = View(self.bytes).trailer_before(at + TRAILER_BYTES);
            let length = trailer.length();
            let begin = at - length.next_multiple_of(TRAILER_BYTES);
            let kind = Kind::from_code(trailer.kind()).unwrap_or(Kind::Null);
            SubChunk { kind, flags: ChunkFlags(trailer.flags()), payload: &self.bytes[begin..begin + length] }
        })
    }
}
