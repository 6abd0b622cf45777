//! A frame comes twice: at the front end, or, for frames that the card makes itself, in place of the next one in the ring.

use super::classify::{WriteKind, classify};
use silico_spec::port::{Response, Stimulus, TlpBuf};
use silico_spec::tlp::Header;
use std::collections::VecDeque;
use std::ops::Range;

/// Payload writes remembered until a header says whose they were.
const REMEMBERED: usize = 1024;

/// The Nth frame of channel 0 comes twice. To be told before and after each run of clocks, until it says that it is done.
#[derive(Clone, Debug)]
pub(super) struct RepeatFrame {
    nth: u64,
    pub(super) done: bool,
    /// Front end: frames of channel 0 that have passed wholly.
    passed: u64,
    /// Frames that waited before the run.
    before: usize,
    replay: Replay,
}

impl RepeatFrame {
    /// `nth` counts from 1.
    pub(super) fn new(nth: u64) -> Self {
        Self { nth, done: false, passed: 0, before: 0, replay: Replay::default() }
    }

    /// Puts a second copy of the frame behind the first, once it stands in the queue. Whether it did.
    pub(super) fn before(&mut self, stimulus: &mut Stimulus) -> bool {
        let doubled = self.double_at_front(stimulus);
        self.before = waiting(stimulus);
        self.done |= doubled;
        doubled
    }

    fn double_at_front(&mut self, stimulus: &mut Stimulus) -> bool {
        let Some(stream) = stimulus.front.first_mut() else { return false };
        let Some(at) = (self.nth - 1).checked_sub(self.passed).and_then(|at| usize::try_from(at).ok()) else { return false };
        let Some(frame) = stream.frames.get(at).cloned() else { return false };
        stream.frames.insert(at + 1, frame);
        true
    }

    /// Looks at what came of the run, and replaces the writes of the next frame. Whether the copy is complete.
    pub(super) fn after(&mut self, stimulus: &Stimulus, response: &mut Response) -> bool {
        self.passed += self.before.saturating_sub(waiting(stimulus)) as u64;
        let complete = self.before == 0 && response.tlp_done && self.replay.pass(self.nth - 1, &mut response.tlp);
        self.done |= complete;
        complete
    }
}

fn waiting(stimulus: &Stimulus) -> usize {
    stimulus.front.first().map_or(0, |stream| stream.frames.len())
}

/// Writes of the frame that is played again.
#[derive(Clone, Debug, Default)]
struct Replay {
    /// Payload that no header has claimed yet.
    recent: VecDeque<(u64, Vec<u8>)>,
    frame: Option<Recording>,
}

/// A frame as it lies in the ring, from `address` on.
#[derive(Clone, Debug)]
struct Recording {
    address: u64,
    bytes: Vec<u8>,
    /// Bytes that have been seen.
    seen: usize,
    /// Bytes of the next frame that have been replaced by these.
    replaced: usize,
}

impl Replay {
    /// Looks at, or changes, a TLP on its way out. True once the second copy is complete.
    fn pass(&mut self, sequence: u64, tlp: &mut TlpBuf) -> bool {
        let address = Header(tlp.header).address().0;
        let kind = classify(tlp);
        if !matches!(kind, WriteKind::Payload | WriteKind::FrameHeader(_)) {
            return false;
        }
        if let Some(frame) = &mut self.frame {
            return if frame.seen < frame.bytes.len() { frame.collect(address, tlp.payload()) } else { frame.replace(address, tlp) };
        }
        match kind {
            WriteKind::FrameHeader(header) if header.channel == 0 && header.sequence == sequence => {
                let mut frame = Recording { address, bytes: vec![0; header.footprint() as usize], seen: 0, replaced: 0 };
                frame.collect(address, tlp.payload());
                self.recent.drain(..).for_each(|(at, data)| _ = frame.collect(at, &data));
                self.frame = Some(frame);
            }
            WriteKind::Payload => {
                if self.recent.len() == REMEMBERED {
                    self.recent.pop_front();
                }
                self.recent.push_back((address, tlp.payload().to_vec()));
            }
            _ => {}
        }
        false
    }
}

impl Recording {
    /// Where a write of `len` bytes at `address` lies in the frame that starts at `start`, if it does.
    fn place(&self, start: u64, address: u64, len: usize) -> Option<Range<usize>> {
        let from = usize::try_from(address.checked_sub(start)?).ok()?;
        let to = from.checked_add(len)?;
        (to <= self.bytes.len()).then_some(from..to)
    }

    /// A write that may belong to the frame. Never the end of the replay.
    fn collect(&mut self, address: u64, data: &[u8]) -> bool {
        if let Some(place) = self.place(self.address, address, data.len()) {
            self.bytes[place].copy_from_slice(data);
            self.seen += data.len();
        }
        false
    }

    /// A write that may belong to the next frame. True once all of that has been replaced.
    fn replace(&mut self, address: u64, tlp: &mut TlpBuf) -> bool {
        let next = self.address + self.bytes.len() as u64;
        let payload = tlp.payload_mut();
        let Some(place) = self.place(next, address, payload.len()) else { return false };
        payload.copy_from_slice(&self.bytes[place]);
        self.replaced += payload.len();
        self.replaced >= self.bytes.len()
    }
}
