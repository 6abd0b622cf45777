//! The streams at the far side of the card: what front ends send, and what comes out of host-to-card channels.

use super::FrontBeat;
use crate::params::DataWidth;
use crate::units::Cycle;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A frame waiting at a front end: a range of shared bytes, so that queueing it copies and allocates nothing.
#[derive(Clone, Debug)]
pub struct FrontFrame {
    /// Its first beat is valid from this cycle on.
    pub at: Cycle,
    /// E-link or other source.
    pub source: u16,
    /// Marked as bad by the front end.
    pub error: bool,
    /// Holds the payload.
    pub data: Arc<[u8]>,
    /// First byte of the payload in `data`.
    pub start: usize,
    /// Bytes of payload.
    pub len: usize,
}

impl FrontFrame {
    /// The payload.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.data[self.start..self.start + self.len]
    }
}

/// One channel's front end: the frames it will send, one beat a clock while the card is ready.
#[derive(Clone, Debug, Default)]
pub struct FrontStream {
    /// Frames, oldest first.
    pub frames: VecDeque<FrontFrame>,
    /// Bytes of the oldest that have passed.
    pub passed: usize,
    /// More frames may come: a run of clocks ends when `frames` runs empty.
    pub open: bool,
}

impl FrontStream {
    /// The beat shown at `now`, if there is one.
    #[must_use]
    pub fn beat(&self, now: Cycle, width: DataWidth) -> Option<FrontBeat> {
        let frame = self.frames.front().filter(|frame| frame.at <= now)?;
        let payload = frame.payload();
        let to = (self.passed + width.bytes() as usize).min(payload.len());
        let mut beat = FrontBeat { last: to == payload.len(), source: frame.source, bytes: (to - self.passed) as u8, ..FrontBeat::NONE };
        beat.error = beat.last && frame.error;
        beat.data[..to - self.passed].copy_from_slice(&payload[self.passed..to]);
        Some(beat)
    }

    /// The beat shown was taken. Returns whether it was the last of its frame.
    ///
    /// # Panics
    /// If no frame is there.
    pub fn advance(&mut self, width: DataWidth) -> bool {
        let frame = self.frames.front().expect("a beat was taken, so a frame is there");
        self.passed += width.bytes() as usize;
        let last = self.passed >= frame.len;
        if last {
            self.passed = 0;
            self.frames.pop_front();
        }
        last
    }
}

/// What came out of one H2C channel's output stream: bytes, and where frames end in them. Whoever runs the card takes it away.
#[derive(Clone, Debug, Default)]
pub struct OutStream {
    /// The receiver is ready from this cycle on.
    pub ready_at: Cycle,
    /// Payload, in order.
    pub bytes: Vec<u8>,
    /// Positions in `bytes` after the last byte of each frame that ended.
    pub ends: Vec<usize>,
}

impl OutStream {
    /// A beat was taken.
    pub fn take(&mut self, beat: &FrontBeat) {
        self.bytes.extend_from_slice(&beat.data[..usize::from(beat.bytes)]);
        if beat.last {
            self.ends.push(self.bytes.len());
        }
    }
}
