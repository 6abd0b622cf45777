//! What each channel is expected to deliver, and the judgement of each frame that comes. Holds no queue: what was sent is a pure function of the
//! plan (front end) or of the registers (generator), computed a second time. Allocates nothing per frame.

use crate::check::conservation::{self, Books, Imbalance};
use crate::check::{Mismatch, drops, header, integrity, order::Order, payload};
use crate::input::schedule::{ChannelFrames, Planned};
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
            (Next::Front(_), Expected::Generator(..)) | (Next::Made(..), Expected::Front(_)) => unreachable!("drawn from the same source"),
        }
    }

    /// Finds the frame among those sent; gives its source and the flags that fit.
    fn compare(&mut self, header: &FrameHeader, got: [&[u8]; 2]) -> Result<(u16, Flags), Mismatch> {
        let Some(next) = self.draw() else { return Err(Mismatch::Unexpected { sent: self.drawn }) };
        let first = match self.compare_with(next, got) {
            // A frame that came in spite of the flag is in place only if nothing is missing before it; an equal one further on is not looked for.
            Ok(source) if !drops::may_skip(self.drop_policy, header.flags) => return Ok((source, Flags(0))),
            Ok(source) => return self.same_again(source, header, got),
            Err(first) => first,
        };
        if !drops::may_skip(self.drop_policy, header.flags) {
            return Err(first);
        }
        self.search(1, header, got).ok_or(first)
    }

    /// The flag says that frames are missing, yet the next one sent looks like the one that came: it may be an equal one further on.
    #[cold]
    fn same_again(&mut self, source: u16, header: &FrameHeader, got: [&[u8]; 2]) -> Result<(u16, Flags), Mismatch> {
        self.search(1, header, got).ok_or(Mismatch::Source { expected: source, got: header.source })
    }

    #[cold]
    fn search(&mut self, mut skipped: u64, header: &FrameHeader, got: [&[u8]; 2]) -> Option<(u16, Flags)> {
        while skipped < drops::SEARCH_LIMIT {
            let next = self.draw()?;
            if self.compare_with(next, got).is_ok_and(|source| source == header.source) {
                self.missing += skipped;
                return Some((header.source, drops::expected_flags(Flags(0), skipped)));
            }
            skipped += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Cut, Input, schedule::Plan, sizes::FrameSizes};
    use silico_spec::{crc, generator::LengthMode};
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
}
