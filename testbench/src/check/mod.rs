//! The checkers, one file each: what must be true of every run. They judge; they do not know how frames were made or moved.

pub mod conservation;
pub mod drops;
pub mod elink;
pub mod header;
pub mod integrity;
pub mod liveness;
pub mod order;
pub mod payload;

use payload::Window;
use silico_spec::elink::{BlockError, ChunkFlags, ReassemblyError};
use silico_spec::frame::Flags;
use std::fmt;

/// How a delivered frame differs from what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// More frames came than were sent.
    Unexpected {
        /// Frames sent on the channel.
        sent: u64,
    },
    /// The header's channel is another one.
    Channel {
        /// In the header.
        got: u8,
    },
    /// Payload of another length.
    Length {
        /// Sent.
        expected: u32,
        /// Delivered.
        got: u32,
    },
    /// Payload bytes differ.
    Payload {
        /// First byte that differs.
        offset: usize,
        /// Sent, around it.
        expected: Window,
        /// Delivered, around it.
        got: Window,
    },
    /// The header's CRC is not that of the payload delivered.
    Crc {
        /// Of the payload.
        expected: u32,
        /// In the header.
        got: u32,
    },
    /// A sequence number that is not the next: a frame is missing, doubled or out of order.
    Sequence {
        /// The next one.
        expected: u64,
        /// In the header.
        got: u64,
    },
    /// A time stamp before that of the frame before.
    Stamp {
        /// Of the frame before.
        before: u64,
        /// In the header.
        got: u64,
    },
    /// Another source.
    Source {
        /// Sent.
        expected: u16,
        /// Delivered.
        got: u16,
    },
    /// The payload is no e-link block.
    Block(BlockError),
    /// The block does not follow those before it.
    Blocks(ReassemblyError),
    /// Blocks are missing, and no frame has said so.
    LostBlocks {
        /// The e-link.
        elink: u16,
        /// How many.
        blocks: u32,
    },
    /// A chunk of an e-link differs.
    Chunk {
        /// The e-link.
        elink: u16,
        /// Which chunk of it, from 0, in order of delivery.
        chunk: u64,
        /// How.
        what: Box<Mismatch>,
    },
    /// Another truncation, error or checksum flag on a chunk.
    ChunkFlags {
        /// Sent.
        expected: ChunkFlags,
        /// Delivered.
        got: ChunkFlags,
    },
    /// Flags that do not fit what happened.
    Flags {
        /// What fits.
        expected: Flags,
        /// In the header.
        got: Flags,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { sent } => write!(f, "a frame that was never sent: the channel was sent {sent}"),
            Self::Channel { got } => write!(f, "its header says channel {got}"),
            Self::Length { expected, got } => write!(f, "payload of {got} bytes, sent {expected}"),
            Self::Payload { offset, expected, got } => {
                write!(f, "payload differs from byte {offset} on\n    sent {expected}\n    got  {got}")
            }
            Self::Crc { expected, got } => write!(f, "CRC-32C in the header is {got:#010x}, that of the payload {expected:#010x}"),
            Self::Sequence { expected, got } => write!(f, "sequence number {got}, the next is {expected}"),
            Self::Stamp { before, got } => write!(f, "time stamp {got}, the frame before has {before}"),
            Self::Source { expected, got } => write!(f, "source {got}, sent {expected}"),
            Self::Block(error) => error.fmt(f),
            Self::Blocks(error) => error.fmt(f),
            Self::LostBlocks { elink, blocks } => write!(f, "{blocks} blocks of e-link {elink} are missing, and no frame is marked"),
            Self::Chunk { elink, chunk, what } => write!(f, "e-link {elink}, chunk {chunk}: {what}"),
            Self::ChunkFlags { expected, got } => write!(f, "chunk flags {:#x}, sent {:#x}", got.0, expected.0),
            Self::Flags { expected, got } => write!(f, "flags {got}, what happened is {expected}"),
        }
    }
}
