//! E-links: every block is legal and follows the one before it, and every chunk of every e-link is the one that the generator made. Knows
//! no queue: chunks are computed a second time. Allocates nothing per chunk.
//!
//! After a gap, a chunk is found by its first eight bytes, its key; shorter ones wait until the next longer chunk tells which ones they must have been.

use super::drops::may_skip;
use super::{Mismatch, payload};
use crate::report::Elinks;
use silico_spec::elink::{BLOCK_BYTES, Block, Chunk, ChunkFlags, ChunkSequence, Event, Reassembler};
use silico_spec::frame::Flags;
use silico_spec::generator::{self, FrameSequence};
use std::collections::VecDeque;

/// A chunk's key is as long.
const KEY_BYTES: usize = 8;
/// Most short chunks after a gap that are kept until they can be placed; of more, the oldest are only counted.
const MAX_UNPLACED: usize = 1024;

/// What one e-link is expected to deliver.
#[derive(Clone, Debug)]
struct Link {
    expected: ChunkSequence,
    chunks: u64,
    /// Blocks are missing, and no chunk since has told where we are: short chunks since.
    unplaced: Option<VecDeque<Short>>,
}

/// A chunk that is too short to hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    length: usize,
    bytes: [u8; KEY_BYTES],
}

impl Short {
    fn new(bytes: &[u8]) -> Self {
        let mut out = [0; KEY_BYTES];
        out[..bytes.len()].copy_from_slice(bytes);
        Self { length: bytes.len(), bytes: out }
    }
}

/// The expectations of one channel's e-links.
#[derive(Clone, Debug)]
pub struct ElinkBoard {
    first: u16,
    limit: u32,
    reassembler: Reassembler,
    checker: Checker,
    /// A block that wraps in the ring.
    joined: Box<[u8; BLOCK_BYTES]>,
    /// A frame has said that blocks were dropped.
    may_miss: bool,
}

#[derive(Clone, Debug)]
struct Checker {
    links: Vec<Link>,
    buffer: Vec<u8>,
    came: Elinks,
}

impl ElinkBoard {
    /// For `count` chunks over all of `links` e-links from `first` on, each cut after `limit` bytes.
    #[must_use]
    pub fn new(made: FrameSequence, count: u64, first: u16, links: u16, limit: u32) -> Self {
        let link = |link| Link { expected: ChunkSequence::new(made.clone(), links, link, count), chunks: 0, unplaced: None };
        Self {
            first,
            limit,
            reassembler: Reassembler::new(first, links, limit as usize),
            checker: Checker { links: (0..links).map(link).collect(), buffer: vec![0; limit as usize], came: Elinks::default() },
            joined: Box::new([0; BLOCK_BYTES]),
            may_miss: false,
        }
    }

    /// What has come so far.
    #[must_use]
    pub fn came(&self) -> Elinks {
        self.checker.came
    }

    /// Judges a frame's payload, in at most two pieces. Gives its e-link, and how many blocks were found missing.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&mut self, flags: Flags, drop_policy: bool, got: [&[u8]; 2]) -> Result<(u16, u64), Mismatch> {
        self.may_miss |= may_skip(drop_policy, flags);
        let bytes = match got {
            [all, []] | [[], all] => all,
            [head, tail] if head.len() + tail.len() == BLOCK_BYTES => {
                self.joined[..head.len()].copy_from_slice(head);
                self.joined[head.len()..].copy_from_slice(tail);
                &self.joined[..]
            }
            [head, tail] => return Err(Mismatch::Length { expected: BLOCK_BYTES as u32, got: (head.len() + tail.len()) as u32 }),
        };
        let block = Block::decode(bytes).map_err(Mismatch::Block)?;
        let (checker, may_miss, first, limit) = (&mut self.checker, self.may_miss, self.first, self.limit);
        let (mut lost, mut result) = (0, Ok(()));
        let pushed = self.reassembler.push(&block, |event| {
            if result.is_ok() {
                result = match event {
                    Event::Lost { elink, blocks } if !may_miss => Err(Mismatch::LostBlocks { elink, blocks }),
                    Event::Lost { elink, blocks } => {
                        lost += u64::from(blocks);
                        checker.gap(usize::from(elink - first));
                        Ok(())
                    }
                    Event::Chunk(chunk) => checker.chunk(usize::from(chunk.elink - first), &chunk, limit),
                };
            }
        });
        pushed.map_err(Mismatch::Blocks)?;
        result?;
        checker.came.lost_blocks += lost;
        Ok((block.elink(), lost))
    }
}

impl Checker {
    fn gap(&mut self, link: usize) {
        let old = self.links[link].unplaced.replace(VecDeque::new());
        self.came.unplaced += old.map_or(0, |old| old.len() as u64);
    }

    fn chunk(&mut self, link: usize, chunk: &Chunk<'_>, limit: u32) -> Result<(), Mismatch> {
        let number = self.links[link].chunks;
        self.place(link, chunk, limit).map_err(|what| Mismatch::Chunk { elink: chunk.elink, chunk: number, what: Box::new(what) })?;
        self.links[link].chunks += 1;
        self.came.chunks += 1;
        self.came.bytes += chunk.payload.len() as u64;
        self.came.truncated += u64::from(chunk.flags.contains(ChunkFlags::TRUNCATED));
        Ok(())
    }

    fn place(&mut self, link: usize, chunk: &Chunk<'_>, limit: u32) -> Result<(), Mismatch> {
        let own = &mut self.links[link];
        let next = match &mut own.unplaced {
            None => own.expected.next(),
            Some(unplaced) => {
                let Some(key) = chunk.payload.first_chunk::<KEY_BYTES>() else {
                    if unplaced.len() == MAX_UNPLACED {
                        unplaced.pop_front();
                        self.came.unplaced += 1;
                    }
                    unplaced.push_back(Short::new(chunk.payload));
                    return Ok(());
                };
                let found = find(&mut own.expected, u64::from_le_bytes(*key), limit, unplaced)?;
                own.unplaced = None;
                Some(found)
            }
        };
        let Some((length, key)) = next else { return Err(Mismatch::Unexpected { sent: own.chunks }) };
        let kept = length.min(limit) as usize;
        let expected = if length > limit { ChunkFlags::TRUNCATED } else { ChunkFlags(0) };
        if chunk.flags != expected {
            return Err(Mismatch::ChunkFlags { expected, got: chunk.flags });
        }
        if chunk.payload.len() != kept {
            return Err(Mismatch::Length { expected: kept as u32, got: chunk.payload.len() as u32 });
        }
        generator::fill(key, 0, &mut self.buffer[..kept]);
        payload::compare(&self.buffer[..kept], [chunk.payload, &[]])
    }
}

/// Moves `expected` on behind the chunk with `key`; the chunks right before it must be those that were `unplaced`.
#[cold]
fn find(expected: &mut ChunkSequence, key: u64, limit: u32, unplaced: &VecDeque<Short>) -> Result<(u32, u64), Mismatch> {
    let mut before = VecDeque::with_capacity(unplaced.len() + 1);
    let mut sent = 0;
    for (length, made) in expected.by_ref() {
        if made == key {
            let same = before.len() == unplaced.len() && before.iter().zip(unplaced).all(|(sent, got)| sent == got);
            return if same { Ok((length, made)) } else { Err(Mismatch::Unexpected { sent }) };
        }
        sent += 1;
        let kept = length.min(limit) as usize;
        let mut bytes = [0; KEY_BYTES];
        generator::fill(made, 0, &mut bytes);
        // A long one that came would have been placed: it can't be equal to a short one.
        before.push_back(Short { length: kept, bytes: if kept < KEY_BYTES { Short::new(&bytes[..kept]).bytes } else { bytes } });
        if before.len() > unplaced.len() {
            before.pop_front();
        }
    }
    Err(Mismatch::Unexpected { sent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::elink::{Kind, Packing, Writer, link_of};
    use silico_spec::generator::LengthMode;

    const FIRST: u16 = 0x40;
    const LINKS: u16 = 3;
    const LIMIT: u32 = 1200;

    fn made(max: u32) -> FrameSequence {
        FrameSequence::new(5, 0, LengthMode::Uniform, 0, max, [0; 16])
    }

    /// Blocks of `count` chunks, packed as the card does without a timer.
    fn blocks(max: u32, count: usize) -> Vec<[u8; BLOCK_BYTES]> {
        let mut made = made(max);
        let mut writers: Vec<Writer> = (0..LINKS).map(|link| Writer::new(FIRST + link)).collect();
        let mut out = Vec::new();
        let mut take = |writer: &mut Writer| {
            let mut bytes = [0; BLOCK_BYTES];
            writer.take(&mut bytes);
            out.push(bytes);
        };
        for _ in 0..count {
            let (length, key) = made.draw();
            let writer = &mut writers[usize::from(link_of(key, LINKS))];
            let flags = if length > LIMIT { ChunkFlags::TRUNCATED } else { ChunkFlags(0) };
            let mut packing = Packing::default();
            loop {
                let packed = writer.pack(&mut packing, length.min(LIMIT), flags, |at, out| generator::fill_from(key, at, out));
                if packed.is_full() {
                    take(writer);
                }
                if packed.ended() {
                    break;
                }
            }
        }
        for writer in &mut writers {
            if !writer.is_empty() {
                writer.close(Kind::Timeout);
                take(writer);
            }
        }
        out
    }

    fn board(max: u32, count: u64) -> ElinkBoard {
        ElinkBoard::new(made(max), count, FIRST, LINKS, LIMIT)
    }

    #[test]
    fn all_chunks_pass_in_any_split_of_the_frames() {
        let mut board = board(2000, 300);
        let blocks = blocks(2000, 300);
        for (at, block) in blocks.iter().enumerate() {
            let (head, tail) = block.split_at(at * 31 % (BLOCK_BYTES + 1));
            let (elink, lost) = board.check(Flags(0), false, [head, tail]).unwrap();
            assert!((FIRST..FIRST + LINKS).contains(&elink) && lost == 0);
        }
        let came = board.came();
        assert_eq!((came.chunks, came.lost_blocks, came.unplaced), (300, 0, 0));
        assert!(came.truncated > 50 && came.bytes > 300 * 500, "{came:?}");
        let again = board.check(Flags(0), false, [&blocks[0], &[]]);
        assert!(matches!(again, Err(Mismatch::Blocks(_))), "{again:?}");
    }

    #[test]
    fn a_lost_block_needs_a_mark() {
        let blocks = blocks(500, 200);
        let run = |marked: bool, policy: bool| {
            let mut board = board(500, 200);
            for (index, block) in blocks.iter().enumerate().filter(|(index, _)| index % 5 != 2) {
                let flags = if marked && index % 5 == 3 { Flags::DROPPED_BEFORE } else { Flags(0) };
                board.check(flags, policy, [block, &[]])?;
            }
            Ok(board.came())
        };
        let came = run(true, true).unwrap();
        assert!(came.lost_blocks > 3 && came.chunks < 200 && came.chunks > 100, "{came:?}");
        assert!(matches!(run(false, true), Err(Mismatch::LostBlocks { blocks: 1, .. })));
        assert!(matches!(run(true, false), Err(Mismatch::LostBlocks { blocks: 1, .. })));
    }

    /// Chunks of which most are too short for a key are placed by the next longer one.
    #[test]
    fn short_chunks_after_a_gap_are_placed_by_the_next_long_one() {
        let blocks = blocks(9, 3000);
        let mut board = board(9, 3000);
        for (index, block) in blocks.iter().enumerate().filter(|(index, _)| index % 7 != 3) {
            let flags = if index % 7 == 4 { Flags::DROPPED_BEFORE } else { Flags(0) };
            board.check(flags, true, [block, &[]]).unwrap();
        }
        assert!(board.came().lost_blocks > 3 && board.came().unplaced < 40, "{:?}", board.came());
    }

    #[test]
    fn a_wrong_byte_flag_or_chunk_is_a_difference() {
        let good = blocks(500, 50);
        let check = |spoil: fn(&mut [u8; BLOCK_BYTES])| {
            let mut bytes = good[0];
            spoil(&mut bytes);
            board(500, 50).check(Flags(0), false, [&bytes, &[]])
        };
        assert!(check(|_| {}).is_ok());
        let byte = check(|b| b[30] ^= 1);
        assert!(matches!(&byte, Err(Mismatch::Chunk { chunk: 0, what, .. }) if matches!(**what, Mismatch::Payload { .. })), "{byte:?}");
        let first = Block::decode(&good[0]).unwrap().subchunks().next().unwrap().payload.len();
        assert!(first > 30, "the byte above is one of the first chunk");
        let magic = check(|b| b[0] ^= 1);
        assert!(matches!(magic, Err(Mismatch::Block(_))), "{magic:?}");
        let elink = check(|b| b[2] = 9);
        assert!(matches!(elink, Err(Mismatch::Blocks(_))), "{elink:?}");
        let mut flagged = good[0];
        let at = 8 + first.next_multiple_of(4);
        flagged[at + 3] |= 2;
        let flagged = board(500, 50).check(Flags(0), false, [&flagged, &[]]);
        assert!(matches!(&flagged, Err(Mismatch::Chunk { what, .. }) if matches!(**what, Mismatch::ChunkFlags { .. })), "{flagged:?}");
        let few = board(500, 2);
        let more = good.iter().try_fold(few, |mut board, block| board.check(Flags(0), false, [block, &[]]).map(|_| board));
        assert!(matches!(&more, Err(Mismatch::Chunk { what, .. }) if matches!(**what, Mismatch::Unexpected { .. })), "{more:?}");
        let long = board(500, 50).check(Flags(0), false, [&good[0], &[1]]);
        assert_eq!(long, Err(Mismatch::Length { expected: 1024, got: 1025 }));
    }
}
