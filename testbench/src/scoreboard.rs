//! What each channel is expected to deliver, and the judgement of each frame that comes. Holds no queue: what was sent is a pure function of the
//! plan (front end) or of the registers (generator), computed a second time. Allocates nothing per frame.

use crate::check::conservation::{self, Books, Imbalance};
use crate::check::elink::ElinkBoard;
use crate::check::{Mismatch, drops, header, integrity, order::Order, payload};
use crate::input::schedule::{ChannelFrames, Planned};
use crate::report::Elinks;
use silico_spec::crc;
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::generator::{self, FrameSequence};
use silico_spec::units::Cycle;
use std::fmt;

/// The first thing that went wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The channel.
    pub channel: u8,
    /// Which frame of it, from 0, in order of delivery.
    pub frame: u64,
    /// When the host saw it.
    pub cycle: Cycle,
    /// What differs.
    pub what: Mismatch,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {}, frame {}, {}: {}", self.channel, self.frame, self.cycle, self.what)
    }
}

/// Where a channel's frames come from.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Planned front-end frames.
    Front(ChannelFrames),
    /// The card's generator: its frames, how many it makes, their source.
    Generator(FrameSequence, u64, u16),
    /// The card's generator in block mode.
    Blocks(Box<ElinkBoard>),
}

/// How much was checked, over all channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// Frames whose payload was compared.
    pub payload: u64,
    /// Frames whose CRC was computed anew.
    pub crc: u64,
    /// Frames whose sequence number and time stamp were in order.
    pub order: u64,
    /// Frames whose channel, source and flags were right.
    pub header: u64,
}

#[derive(Clone, Debug)]
struct Channel {
    expected: Expected,
    drop_policy: bool,
    drawn: u64,
    delivered: u64,
    bytes: u64,
    missing: u64,
    order: Order,
    buffer: Vec<u8>,
    /// Since the last gap; nothing without gaps.
    chain: Option<Chain>,
}

/// The frames that came in one piece since a gap, while it is not certain where in what was sent they lie: equal frames (empty ones, a repeated
/// input) leave more than one place.
#[derive(Clone, Debug)]
struct Chain {
    /// Right after the place that was taken for the first of them.
    place: (Expected, u64),
    /// Frames missing before that place.
    skipped: u64,
    frames: Vec<Came>,
}

/// What identifies a frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Came {
    length: u32,
    crc: u32,
    source: u16,
}

impl Came {
    fn of(header: &FrameHeader) -> Self {
        Self { length: header.length, crc: header.crc, source: header.source }
    }
}

/// What one frame should be.
#[derive(Clone, Copy)]
enum Next {
    Front(Planned),
    /// Length and key.
    Made(u32, u64),
}

/// The expectations of all channels.
#[derive(Clone, Debug)]
pub struct Scoreboard {
    channels: Vec<Channel>,
    checked: Checked,
}

impl Scoreboard {
    /// One expectation per channel; `drop_policy`: frames may be missing where the card says so.
    #[must_use]
    pub fn new(expected: Vec<Expected>, drop_policy: bool) -> Self {
        let channel = |expected| Channel {
            expected,
            drop_policy,
            drawn: 0,
            delivered: 0,
            bytes: 0,
            missing: 0,
            order: Order::default(),
            buffer: Vec::new(),
            chain: None,
        };
        Self { channels: expected.into_iter().map(channel).collect(), checked: Checked::default() }
    }

    /// Judges the next frame of `channel`; its payload may come in two pieces.
    ///
    /// # Errors
    /// How it differs.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    pub fn check(&mut self, channel: u8, header: &FrameHeader, payload: [&[u8]; 2]) -> Result<(), Mismatch> {
        let own = &mut self.channels[usize::from(channel)];
        own.order.check(header)?;
        self.checked.order += 1;
        let source = own.compare(header, payload)?;
        self.checked.payload += 1;
        let (source, flags) = source;
        header::check(header, channel, source, flags)?;
        self.checked.header += 1;
        integrity::check(header.crc, payload)?;
        self.checked.crc += 1;
        own.delivered += 1;
        own.bytes += u64::from(header.length);
        Ok(())
    }

    /// How much was checked.
    #[must_use]
    pub fn checked(&self) -> Checked {
        self.checked
    }

    /// Frames delivered on a channel, and their payload bytes.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn delivered(&self, channel: u8) -> (u64, u64) {
        let own = &self.channels[usize::from(channel)];
        (own.delivered, own.bytes)
    }

    /// Chunks of e-links that have come on a channel.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn chunks(&self, channel: u8) -> u64 {
        match &self.channels[usize::from(channel)].expected {
            Expected::Blocks(board) => board.came().chunks,
            _ => 0,
        }
    }

    /// What has come of e-links over all channels; each has `links` of them.
    #[must_use]
    pub fn elinks(&self, links: u16) -> Elinks {
        self.channels.iter().fold(Elinks { links, ..Elinks::default() }, |sum, channel| match &channel.expected {
            Expected::Blocks(board) => board.came().added_to(sum),
            _ => sum,
        })
    }

    /// Closes the books of a channel with the card's counts; `sent` is what its source presented.
    ///
    /// # Errors
    /// If they do not add up.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn close(&self, channel: u8, sent: u64, card_delivered: u64, card_dropped: u64, card_discarded: u64) -> Result<Books, Imbalance> {
        let own = &self.channels[usize::from(channel)];
        let books = Books { sent, delivered: own.delivered, missing: own.missing, card_delivered, card_dropped, card_discarded };
        conservation::check(channel, books).map(|()| books)
    }
}

impl Channel {
    fn draw(&mut self) -> Option<Next> {
        let next = match &mut self.expected {
            Expected::Front(frames) => Next::Front(frames.next()?),
            Expected::Blocks(_) => return None,
            Expected::Generator(_, count, _) if self.drawn == *count => return None,
            Expected::Generator(frames, ..) => {
                let (length, key) = frames.draw();
                Next::Made(length, key)
            }
        };
        self.drawn += 1;
        Some(next)
    }

    /// Compares with one frame sent; gives the source that it had.
    fn compare_with(&mut self, next: Next, got: [&[u8]; 2]) -> Result<u16, Mismatch> {
        match (next, &self.expected) {
            (Next::Front(frame), Expected::Front(frames)) => payload::compare(frames.payload(&frame), got).map(|()| frame.source),
            (Next::Made(length, key), Expected::Generator(_, _, source)) => {
                let length = length as usize;
                let len = got[0].len() + got[1].len();
                if len != length {
                    return Err(Mismatch::Length { expected: length as u32, got: len as u32 });
                }
                if self.buffer.len() < length {
                    self.buffer.resize(length, 0);
                }
                generator::fill(key, 0, &mut self.buffer[..length]);
                payload::compare(&self.buffer[..length], got).map(|()| *source)
            }
            (Next::Front(_) | Next::Made(..), _) => unreachable!("drawn from the same source"),
        }
    }

    /// Finds the frame among those sent; gives its source and the flags that fit.
    fn compare(&mut self, header: &FrameHeader, got: [&[u8]; 2]) -> Result<(u16, Flags), Mismatch> {
        if let Expected::Blocks(board) = &mut self.expected {
            let (source, lost) = board.check(header.flags, self.drop_policy, got)?;
            self.missing += lost;
            // Which block was dropped before shows later: at the next one of its e-link.
            return Ok((
                source,
                if self.drop_policy {
                    drops::expected_flags(Flags(0), u64::from(header.flags.contains(Flags::DROPPED_BEFORE)))
                } else {
                    Flags(0)
                },
            ));
        }
        let Some(next) = self.draw() else { return Err(Mismatch::Unexpected { sent: self.drawn }) };
        let compared = self.compare_with(next, got);
        if drops::may_skip(self.drop_policy, header.flags) {
            // The flag says that frames are missing: one that looks like the next is an equal one further on.
            let wrong = compared.err().unwrap_or(Mismatch::Flags { expected: Flags(0), got: header.flags });
            return self.search(header, got).ok_or(wrong);
        }
        if self.chain.is_none() {
            return compared.map(|source| (source, Flags(0)));
        }
        match compared {
            Ok(source) => {
                self.lengthen(header);
                Ok((source, Flags(0)))
            }
            Err(wrong) => self.replace_chain(header).ok_or(wrong),
        }
    }

    /// After a gap: the first frame sent that is equal, at least one further on.
    #[cold]
    fn search(&mut self, header: &FrameHeader, got: [&[u8]; 2]) -> Option<(u16, Flags)> {
        for skipped in 1..drops::SEARCH_LIMIT {
            let next = self.draw()?;
            if self.compare_with(next, got).is_ok_and(|source| source == header.source) {
                self.missing += skipped;
                self.chain = Some(Chain { place: (self.expected.clone(), self.drawn), skipped, frames: vec![Came::of(header)] });
                return Some((header.source, drops::expected_flags(Flags(0), skipped)));
            }
        }
        None
    }

    fn lengthen(&mut self, header: &FrameHeader) {
        if let Some(chain) = &mut self.chain {
            chain.frames.push(Came::of(header));
            if chain.frames.len() == drops::CHAIN_LIMIT {
                self.chain = None;
            }
        }
    }

    /// The frame does not follow the place where the last gap was thought to end: looks for a later one that fits all frames since, and this one.
    #[cold]
    fn replace_chain(&mut self, header: &FrameHeader) -> Option<(u16, Flags)> {
        let mut chain = self.chain.take()?;
        chain.frames.push(Came::of(header));
        let before = chain.skipped;
        (self.expected, self.drawn) = chain.place.clone();
        for skipped in before + 1..before.saturating_add(drops::SEARCH_LIMIT) {
            let next = self.draw()?;
            if self.identify(next) != chain.frames[0] {
                continue;
            }
            let place = (self.expected.clone(), self.drawn);
            let fits = chain.frames[1..].iter().all(|came| self.draw().is_some_and(|next| self.identify(next) == *came));
            if fits {
                self.missing += skipped - before;
                self.chain = Some(Chain { place, skipped, ..chain });
                return Some((header.source, Flags(0)));
            }
            (self.expected, self.drawn) = place;
        }
        None
    }

    /// What a frame would look like if it came.
    fn identify(&mut self, next: Next) -> Came {
        match (next, &self.expected) {
            (Next::Front(frame), Expected::Front(frames)) => {
                let payload = frames.payload(&frame);
                Came { length: payload.len() as u32, crc: crc::crc32c(payload), source: frame.source }
            }
            (Next::Made(length, key), Expected::Generator(_, _, source)) => {
                let bytes = length as usize;
                if self.buffer.len() < bytes {
                    self.buffer.resize(bytes, 0);
                }
                generator::fill(key, 0, &mut self.buffer[..bytes]);
                Came { length, crc: crc::crc32c(&self.buffer[..bytes]), source: *source }
            }
            (Next::Front(_) | Next::Made(..), _) => unreachable!("drawn from the same source"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Cut, Input, schedule::Plan, sizes::FrameSizes};
    use silico_spec::generator::LengthMode;
    use std::sync::Arc;

    fn frame(sequence: u64, source: u16, flags: Flags, bytes: &[u8]) -> FrameHeader {
        FrameHeader { channel: 0, flags, length: bytes.len() as u32, sequence, stamp: sequence, source, crc: crc::crc32c(bytes) }
    }

    fn front() -> (Arc<Plan>, Scoreboard) {
        let data: Arc<[u8]> = (0..100).collect();
        let input = Input::new("f", data, &Cut::File(FrameSizes::Fixed(10), 0)).unwrap();
        let plan = Arc::new(Plan::new(input, 1, 10, 4000, 32));
        (plan.clone(), Scoreboard::new(vec![Expected::Front(plan.channel(0))], true))
    }

    fn bytes(index: u8) -> Vec<u8> {
        (index * 10..index * 10 + 10).collect()
    }

    #[test]
    fn frames_as_sent_pass_and_the_books_close() {
        let (_, mut board) = front();
        for i in 0..10 {
            let sent = bytes(i);
            board.check(0, &frame(i.into(), i.into(), Flags(0), &sent), [&sent[..3], &sent[3..]]).unwrap();
        }
        assert_eq!(board.checked(), Checked { payload: 10, crc: 10, order: 10, header: 10 });
        assert!(board.close(0, 10, 10, 0, 0).is_ok());
        assert_eq!(board.check(0, &frame(10, 0, Flags(0), &[]), [&[], &[]]), Err(Mismatch::Unexpected { sent: 10 }));
    }

    #[test]
    fn marked_drops_are_found_and_counted() {
        let (_, mut board) = front();
        let (first, later) = (bytes(0), bytes(4));
        board.check(0, &frame(0, 0, Flags(0), &first), [&first, &[]]).unwrap();
        board.check(0, &frame(1, 4, Flags::DROPPED_BEFORE, &later), [&later, &[]]).unwrap();
        assert!(board.close(0, 10, 2, 8, 0).is_ok());
        assert!(board.close(0, 10, 2, 2, 6).unwrap_err().to_string().contains("missed"));
    }

    #[test]
    fn an_unmarked_drop_and_a_mark_without_a_drop_are_differences() {
        let (_, board) = front();
        let later = bytes(1);
        let unmarked = board.clone().check(0, &frame(0, 1, Flags(0), &later), [&later, &[]]);
        assert!(matches!(unmarked, Err(Mismatch::Payload { offset: 0, .. })), "{unmarked:?}");
        let first = bytes(0);
        let marked = board.clone().check(0, &frame(0, 0, Flags::DROPPED_BEFORE, &first), [&first, &[]]);
        assert!(marked.is_err());
    }

    #[test]
    fn a_wrong_crc_source_or_payload_is_a_difference() {
        let (_, board) = front();
        let sent = bytes(0);
        let good = frame(0, 0, Flags(0), &sent);
        let check = |header: FrameHeader, sent: &[u8]| board.clone().check(0, &header, [sent, &[]]);
        assert!(check(good, &sent).is_ok());
        assert!(matches!(check(FrameHeader { crc: 1, ..good }, &sent), Err(Mismatch::Crc { got: 1, .. })));
        assert!(matches!(check(FrameHeader { source: 9, ..good }, &sent), Err(Mismatch::Source { expected: 0, got: 9 })));
        assert!(matches!(check(FrameHeader { flags: Flags::ERROR, ..good }, &sent), Err(Mismatch::Flags { .. })));
        assert!(matches!(check(good, &bytes(1)), Err(Mismatch::Payload { .. })));
    }

    #[test]
    fn generator_frames_are_computed_anew() {
        let frames = FrameSequence::new(7, 0, LengthMode::Uniform, 0, 300, [0; 16]);
        let mut board = Scoreboard::new(vec![Expected::Generator(frames.clone(), 50, 3)], false);
        let mut made = frames;
        for sequence in 0..50 {
            let (length, key) = made.draw();
            let mut bytes = vec![0; length as usize];
            generator::fill(key, 0, &mut bytes);
            board.check(0, &frame(sequence, 3, Flags(0), &bytes), [&bytes, &[]]).unwrap();
        }
        assert!(matches!(board.check(0, &frame(50, 3, Flags(0), &[]), [&[], &[]]), Err(Mismatch::Unexpected { sent: 50 })));
    }

    /// Any frames may be dropped, in any order, from frames of which many are equal: as long as each gap is marked, all is well; and the count of
    /// missing frames is never too high.
    #[test]
    fn gaps_among_equal_frames_are_accounted_for() {
        let mut random = generator::XorShift64::new(5);
        for seed in 0..200 {
            let made = FrameSequence::new(seed, 0, LengthMode::Table, 0, 8, [0, 9, 0, 0, 1, 0, 9, 0, 0, 0, 1, 0, 9, 9, 0, 0]);
            let mut board = Scoreboard::new(vec![Expected::Generator(made.clone(), 100, 3)], true);
            let (mut made, mut sequence, mut dropped, mut gap) = (made, 0, 0, false);
            for _ in 0..100 {
                let (length, key) = made.draw();
                if random.step() >> 62 == 0 {
                    (dropped, gap) = (dropped + 1, true);
                    continue;
                }
                let mut bytes = vec![0; length as usize];
                generator::fill(key, 0, &mut bytes);
                let flags = if gap { Flags::DROPPED_BEFORE } else { Flags(0) };
                board.check(0, &frame(sequence, 3, flags, &bytes), [&bytes, &[]]).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
                (sequence, gap) = (sequence + 1, false);
            }
            board.close(0, 100, sequence, dropped, 0).unwrap();
        }
    }
}
