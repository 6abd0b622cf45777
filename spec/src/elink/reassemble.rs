//! From blocks back to chunks, e-link by e-link. Memory is taken once, for the chunks that are open; nothing is allocated for a block or a chunk.
//!
//! What was lost is said, not guessed: a gap in an e-link's sequence numbers is an event, the chunk that was open goes with it, and pieces of
//! a chunk whose beginning was lost are left out.

use super::decode::{Block, SubChunk};
use super::{ChunkFlags, Kind};
use alloc::vec;
use alloc::vec::Vec;

/// A chunk that came in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its e-link.
    pub elink: u16,
    /// What the card says of it.
    pub flags: ChunkFlags,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// What comes out of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Blocks of the e-link are missing before this one.
    Lost {
        /// The e-link.
        elink: u16,
        /// How many.
        blocks: u32,
    },
    /// A chunk.
    Chunk(Chunk<'a>),
}

/// How a block does not follow those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReassemblyError {
    /// An e-link that nobody announced.
    #[error("e-link is {elink}; it must be {first} to {last}")]
    Elink {
        /// The e-link.
        elink: u16,
        /// The first that there is.
        first: u16,
        /// The last.
        last: u16,
    },
    /// A block that came before, or out of order.
    #[error("block of e-link {elink} has sequence number {got}; it must be {expected} or above")]
    Sequence {
        /// The e-link.
        elink: u16,
        /// The next one.
        expected: u32,
        /// In the block.
        got: u32,
    },
    /// A piece that goes on with a chunk, and none is open.
    #[error("e-link {elink}, block {sequence}: a {kind:?} sub-chunk, and no chunk is open")]
    NotOpen {
        /// The e-link.
        elink: u16,
        /// The block.
        sequence: u32,
        /// The piece.
        kind: Kind,
    },
    /// A new chunk, or nothing, where an open one had to go on.
    #[error("e-link {elink}, block {sequence}: does not go on with the chunk that is open, of {bytes} bytes so far")]
    Unfinished {
        /// The e-link.
        elink: u16,
        /// The block.
        sequence: u32,
        /// What had come of the open chunk.
        bytes: usize,
    },
    /// More than fits the memory of an open chunk.
    #[error("e-link {elink}, block {sequence}: chunk is {bytes} bytes at least; it must be at most {most}")]
    TooLong {
        /// The e-link.
        elink: u16,
        /// The block.
        sequence: u32,
        /// So far.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

/// Where an e-link stands in its chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    /// Between chunks.
    #[default]
    No,
    /// A chunk is open: bytes that have come.
    Bytes(usize),
    /// A chunk is open whose beginning was lost, or that is too long.
    Unknown,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    next: u32,
    open: Open,
    /// Blocks were lost: whether a chunk is open is not known.
    after_gap: bool,
}

/// Puts the chunks of a range of e-links together. Memory: e-links × the longest chunk.
#[derive(Clone, Debug)]
pub struct Reassembler {
    first: u16,
    links: Vec<Link>,
    most: usize,
    memory: Vec<u8>,
}

impl Reassembler {
    /// For `links` e-links (one at least) from `first` on, with chunks of at most `most` bytes.
    #[must_use]
    pub fn new(first: u16, links: u16, most: usize) -> Self {
        let links = links.clamp(1, u16::MAX - first.min(u16::MAX - 1));
        Self { first, links: vec![Link::default(); links.into()], most, memory: vec![0; usize::from(links) * most] }
    }

    /// A new run: every e-link starts at block 0.
    pub fn restart(&mut self) {
        self.links.fill(Link::default());
    }

    /// Bytes of memory for open chunks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.len()
    }

    /// Takes the next block and calls `event` for what comes out of it, in order.
    ///
    /// # Errors
    /// How the block does not fit. A block of an unknown e-link or with an old sequence number changes nothing; else, the chunk at fault is left
    /// out, the rest of the block too, and the next block is taken as if blocks had been lost before it, except that no loss is reported.
    pub fn push(&mut self, block: &Block<'_>, mut event: impl FnMut(Event<'_>)) -> Result<(), ReassemblyError> {
        let (elink, sequence) = (block.elink(), block.sequence());
        let last = self.first + (self.links.len() - 1) as u16;
        let unknown = ReassemblyError::Elink { elink, first: self.first, last };
        let index = usize::from(elink.checked_sub(self.first).ok_or(unknown)?);
        let link = self.links.get_mut(index).ok_or(unknown)?;
        let ahead = sequence.wrapping_sub(link.next);
        if ahead > u32::MAX / 2 {
            return Err(ReassemblyError::Sequence { elink, expected: link.next, got: sequence });
        }
        link.next = sequence.wrapping_add(1);
        if ahead > 0 {
            event(Event::Lost { elink, blocks: ahead });
            (link.open, link.after_gap) = (Open::No, true);
        }
        let memory = &mut self.memory[index * self.most..(index + 1) * self.most];
        let mut result = link.starts_right(block).map_err(|bytes| ReassemblyError::Unfinished { elink, sequence, bytes });
        let mut subchunks = block.subchunks();
        while let (Ok(()), Some(sub)) = (result, subchunks.next()) {
            result = link.take(&sub, memory, (elink, sequence), &mut event);
        }
        if result.is_err() {
            (link.open, link.after_gap) = (Open::No, true);
        }
        result
    }
}

impl Link {
    /// An open chunk goes on with the first sub-chunk of the next block. The error is what had come of it.
    fn starts_right(&self, block: &Block<'_>) -> Result<(), usize> {
        let goes_on = block.subchunks().next().is_some_and(|sub| !sub.kind.begins());
        match self.open {
            Open::Bytes(bytes) if !goes_on => Err(bytes),
            Open::Unknown if !goes_on => Err(0),
            _ => Ok(()),
        }
    }

    fn take(
        &mut self,
        sub: &SubChunk<'_>,
        memory: &mut [u8],
        (elink, sequence): (u16, u32),
        event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ReassemblyError> {
        if sub.kind == Kind::Whole {
            if sub.payload.len() > memory.len() {
                return Err(ReassemblyError::TooLong { elink, sequence, bytes: sub.payload.len(), most: memory.len() });
            }
            event(Event::Chunk(Chunk { elink, flags: sub.flags, payload: sub.payload }));
            self.after_gap = false;
            return Ok(());
        }
        let before = match (sub.kind, self.open) {
            (Kind::First, _) => 0,
            (_, Open::Bytes(bytes)) => bytes,
            (kind, Open::No) if !self.after_gap => return Err(ReassemblyError::NotOpen { elink, sequence, kind }),
            (kind, Open::No | Open::Unknown) => {
                // Its beginning is lost.
                self.open = if kind.ends() { Open::No } else { Open::Unknown };
                self.after_gap = false;
                return Ok(());
            }
        };
        self.after_gap = false;
        let bytes = before + sub.payload.len();
        let Some(place) = memory.get_mut(before..bytes) else {
            return Err(ReassemblyError::TooLong { elink, sequence, bytes, most: memory.len() });
        };
        place.copy_from_slice(sub.payload);
        self.open = Open::Bytes(bytes);
        if sub.kind.ends() {
            self.open = Open::No;
            event(Event::Chunk(Chunk { elink, flags: sub.flags, payload: &memory[..bytes] }));
        }
        Ok(())
    }
}
