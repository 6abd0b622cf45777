//! E-link blocks: chunks of many slow links, packed into blocks of 1 KiB. Layout, writer, strict decoder, reassembler. Little endian.
//!
//! The scheme is that of ATLAS FELIX ("FELIX: the new detector interface for the ATLAS experiment", IEEE TNS 66, 2019): each e-link fills blocks of
//! its own, a chunk that does not fit is split over blocks, and what a piece is stands in a trailer *after* it, because the
//! card knows it only then. The field widths are ours, and so is the rule that everything can be checked.
//!
//! | offset | bytes | header field |
//! |---|---|---|
//! | 0 | 2 | magic, [`MAGIC`] |
//! | 2 | 2 | e-link |
//! | 4 | 4 | sequence number of the e-link's blocks, from 0 in each run, modulo 2^32 |
//!
//! Then sub-chunks up to the block's end, without gap. Each is its payload, zeros up to a multiple of 4, and a trailer of 4 bytes:
//!
//! | bits | trailer field |
//! |---|---|
//! | 15:0 | payload bytes, without padding |
//! | 23:16 | reserved, zero |
//! | 27:24 | flags, [`ChunkFlags`] |
//! | 31:28 | kind, [`Kind`] |
//!
//! The last trailer is the last dword of the block, so a block is read from its end. Rules that the decoder holds a block to:
//! a chunk is split by the end of a block only (a first or middle piece is the last thing in its block, a middle or last piece the first), no
//! piece of a split chunk is empty, flags stand where the chunk ends (whole, last), and padding ([`Kind::Null`], [`Kind::Timeout`]) is
//! zeros, comes last, once, and has no flags.

mod decode;
mod reassemble;
mod sequence;
mod view;
mod write;

pub use decode::{Block, BlockError, SubChunk};
pub use reassemble::{Chunk, Event, Reassembler, ReassemblyError};
pub use sequence::{ChunkSequence, link_of};
pub use view::View;
pub use write::{Packed, Packing, Writer};

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 1024;
/// First two bytes of every block.
pub const MAGIC: u16 = 0xe11c;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 8;
/// Bytes of a trailer; payloads are padded to it.
pub const TRAILER_BYTES: usize = 4;
/// Most payload bytes of a sub-chunk: alone in its block.
pub const MAX_PAYLOAD: usize = BLOCK_BYTES - HEADER_BYTES - TRAILER_BYTES;
/// Most sub-chunks of a block: all empty.
pub const MAX_SUBCHUNKS: usize = (BLOCK_BYTES - HEADER_BYTES) / TRAILER_BYTES;

/// What a sub-chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Padding: the next piece did not fit.
    Null = 0,
    /// The first piece of a chunk that goes on in the next block of the e-link.
    First = 1,
    /// The last piece of a chunk.
    Last = 2,
    /// A whole chunk.
    Whole = 3,
    /// A piece of a chunk that began before and goes on.
    Middle = 4,
    /// Padding: the block went out because its oldest chunk had waited long enough.
    Timeout = 5,
}

impl Kind {
    /// From the code in a trailer.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Null,
            1 => Self::First,
            2 => Self::Last,
            3 => Self::Whole,
            4 => Self::Middle,
            5 => Self::Timeout,
            _ => return None,
        })
    }

    /// Carries nothing.
    #[must_use]
    pub const fn is_padding(self) -> bool {
        matches!(self, Self::Null | Self::Timeout)
    }

    /// The chunk began in it.
    #[must_use]
    pub const fn begins(self) -> bool {
        matches!(self, Self::First | Self::Whole)
    }

    /// The chunk ends in it.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, Self::Last | Self::Whole)
    }
}

/// What is known of a chunk once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChunkFlags(pub u8);

impl ChunkFlags {
    /// Shorter than what the e-link sent: over the limit of a chunk.
    pub const TRUNCATED: Self = Self(1);
    /// The e-link marked it as bad.
    pub const ERROR: Self = Self(1 << 1);
    /// Its own checksum on the e-link was wrong.
    pub const CRC: Self = Self(1 << 2);

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other` set too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Bits that nobody has defined.
    #[must_use]
    pub const fn unknown(self) -> u8 {
        self.0 & !0b111
    }
}
