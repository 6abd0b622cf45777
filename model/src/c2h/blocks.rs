//! The generator's block mode: chunks of many e-links, each packed into the open block of its e-link; a full block goes out as a frame.
//!
//! Memory: one block of 1 KiB for each e-link, in rows as wide as a beat. In a clock, either a beat of the block that goes out is offered, or one row is
//! written with what a piece of a chunk (up to the chunk's end, or to that of the block) puts into it, or a block whose time is up is closed: what was
//! not written of it goes out as padding. So a source that is held packs nothing, and nothing need be copied: the block that goes out lies where it was
//! packed. What is packed follows from seed and clocks alone.

use super::settings::Settings;
use silico_spec::elink::{BLOCK_BYTES, ChunkFlags, Kind, Packing, Writer, link_of};
use silico_spec::generator::{self, FrameSequence};
use silico_spec::params::DataWidth;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
struct Link {
    writer: Writer,
    /// Chunks whose end is in the block.
    ends: u64,
}

/// A chunk that is not packed to its end.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    link: u16,
    key: u64,
    length: u32,
    flags: ChunkFlags,
    packing: Packing,
}

impl Chunk {
    fn draw(chunks: &mut FrameSequence, limit: u32, links: u16) -> Self {
        let (length, key) = chunks.draw();
        let flags = if length > limit { ChunkFlags::TRUNCATED } else { ChunkFlags(0) };
        Self { link: link_of(key, links), key, length: length.min(limit), flags, packing: Packing::default() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Packer {
    chunks: FrameSequence,
    /// log2 of a row's bytes.
    row: u32,
    limit: u32,
    /// Chunks to draw; 0: without end.
    count: u64,
    drawn: u64,
    pause: u32,
    pause_left: u32,
    flush: u64,
    links: Box<[Link]>,
    /// E-links with an open block, and the cycle of its first piece; the oldest first.
    opened: VecDeque<(u64, u16)>,
    chunk: Option<Chunk>,
    /// The one after that.
    next: Chunk,
    /// Rows of the piece of it under way that are not written; the whole piece stands in the block once there are none.
    rows: u32,
    /// The block that goes out, its e-link and the chunks that end in it.
    block: [u8; BLOCK_BYTES],
    source: u16,
    ends: u64,
    going: bool,
    gone: u64,
}

/// What the coming clocks bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A block is on offer.
    Block,
    /// None before this many clocks at least.
    Wait(u64),
}

/// What a clock without a block is used for.
enum Action {
    Flush,
    Pause(u64),
    Pack,
    CloseOldest,
}

impl Packer {
    /// `set` has passed [`Settings::check`], or the channel does not run.
    pub(crate) fn new(mut chunks: FrameSequence, set: &Settings, width: DataWidth) -> Self {
        let base = set.gen_source();
        let links = set.gen_links.clamp(1, 256) as u16;
        let link = |index| Link { writer: Writer::new(base.wrapping_add(index)), ends: 0 };
        let next = Chunk::draw(&mut chunks, set.max_frame, links);
        Self {
            chunks,
            next,
            row: width.bytes().trailing_zeros(),
            limit: set.max_frame,
            count: set.gen_count,
            drawn: 0,
            pause: set.gen_pause,
            pause_left: 0,
            flush: set.gen_flush.into(),
            links: (0..links).map(link).collect(),
            opened: VecDeque::with_capacity(usize::from(links) + 1),
            chunk: None,
            rows: 0,
            block: [0; BLOCK_BYTES],
            source: base,
            ends: 0,
            going: false,
            gone: 0,
        }
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.gone
    }

    pub(crate) fn block(&self) -> &[u8] {
        &self.block
    }

    pub(crate) fn source(&self) -> u16 {
        self.source
    }

    fn all_drawn(&self) -> bool {
        self.count != 0 && self.drawn == self.count
    }

    /// Nothing will ever be offered again.
    pub(crate) fn finished(&self) -> bool {
        !self.going && self.all_drawn() && self.chunk.is_none() && self.opened.is_empty()
    }

    /// When the oldest open block has to go out.
    fn due(&self) -> Option<u64> {
        let (opened, _) = self.opened.front().filter(|_| self.flush != 0)?;
        Some(opened.saturating_add(self.flush))
    }

    fn action(&self, now: u64) -> Action {
        let due = self.due();
        match due {
            _ if self.chunk.is_some() => Action::Pack,
            Some(due) if due <= now => Action::Flush,
            _ if self.all_drawn() => Action::CloseOldest,
            Some(due) if self.pause_left > 0 => Action::Pause(u64::from(self.pause_left).min(due - now)),
            None if self.pause_left > 0 => Action::Pause(self.pause_left.into()),
            _ => Action::Pack,
        }
    }

    pub(crate) fn step(&self, now: u64) -> Step {
        if self.going {
            return Step::Block;
        }
        match self.action(now) {
            Action::Pause(clocks) => Step::Wait(clocks),
            Action::Pack => Step::Wait(if self.rows > 0 { self.rows } else { self.rows_of_piece() }.into()),
            Action::Flush | Action::CloseOldest => Step::Wait(1),
        }
    }

    /// `clocks` clocks from `now` pass, no more than [`Packer::step`] gave. Returns whether they were used; with a block on offer they are not.
    pub(crate) fn pass(&mut self, now: u64, clocks: u64) -> bool {
        if self.going || clocks == 0 {
            return !self.going;
        }
        match self.action(now) {
            Action::Pause(_) => self.pause_left -= clocks as u32,
            Action::Flush | Action::CloseOldest => self.close_oldest(),
            Action::Pack => self.pack(now, clocks as u32),
        }
        true
    }

    /// Rows that the next piece takes.
    fn rows_of_piece(&self) -> u32 {
        let chunk = self.chunk.as_ref().unwrap_or(&self.next);
        let piece = self.links[usize::from(chunk.link)].writer.piece(chunk.length - chunk.packing.done);
        ((piece.end - 1) >> self.row) - (piece.start >> self.row) + 1
    }

    fn pack(&mut self, now: u64, clocks: u32) {
        if self.rows == 0 {
            self.rows = self.rows_of_piece();
            let chunk = match self.chunk {
                Some(chunk) => chunk,
                None => self.draw(),
            };
            self.chunk = Some(chunk);
            if self.links[usize::from(chunk.link)].writer.is_empty() {
                self.opened.push_back((now, chunk.link));
            }
        }
        self.rows -= clocks;
        if let (0, Some(chunk)) = (self.rows, self.chunk) {
            self.end_piece(chunk);
        }
    }

    fn end_piece(&mut self, mut chunk: Chunk) {
        let link = &mut self.links[usize::from(chunk.link)];
        let packed =
            link.writer.pack(&mut chunk.packing, chunk.length, chunk.flags, |offset, out| generator::fill_from(chunk.key, offset, out));
        if packed.ended() {
            link.ends += 1;
            self.pause_left = self.pause;
        }
        self.chunk = if packed.ended() { None } else { Some(chunk) };
        if packed.is_full() {
            self.send(chunk.link);
        }
    }

    /// The next chunk is begun.
    fn draw(&mut self) -> Chunk {
        self.drawn += 1;
        let after = Chunk::draw(&mut self.chunks, self.limit, self.links.len() as u16);
        std::mem::replace(&mut self.next, after)
    }

    fn close_oldest(&mut self) {
        if let Some(&(_, index)) = self.opened.front() {
            self.links[usize::from(index)].writer.close(Kind::Timeout);
            self.send(index);
        }
    }

    /// The block of an e-link goes out.
    fn send(&mut self, index: u16) {
        let link = &mut self.links[usize::from(index)];
        self.source = link.writer.elink();
        link.writer.take(&mut self.block);
        self.ends = std::mem::take(&mut link.ends);
        self.going = true;
        if let Some(at) = self.opened.iter().position(|(_, open)| *open == index) {
            self.opened.remove(at);
        }
    }

    /// The last beat of the block has passed.
    pub(crate) fn gone(&mut self) {
        self.going = false;
        self.gone += self.ends;
    }
}
