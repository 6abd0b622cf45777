//! A frame comes twice: at the front end, or, for frames that the card makes itself, in place of the next one in the ring.

use super::Planted;
use super::classify::{WriteKind, classify};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;
use std::ops::Range;

/// Payload writes remembered until a header says whose they were.
const REMEMBERED: usize = 1024;

/// The Nth frame of channel 0 comes twice.
#[derive(Debug)]
pub struct RepeatFrame<P> {
    inner: P,
    nth: u64,
    planted: Planted,
    done: bool,
    /// Front end: frames of channel 0 that have passed wholly.
    passed: u64,
    replay: Replay,
}

impl<P: TlpPort> RepeatFrame<P> {
    /// `nth` counts from 1.
    pub fn new(inner: P, nth: u64, planted: Planted) -> Self {
        Self { inner, nth, planted, done: false, passed: 0, replay: Replay::default() }
    }

    /// Puts a second copy of the frame behind the first, once it stands in the queue.
    fn double_at_front(&mut self, now: Cycle, stimulus: &mut Stimulus) {
        let Some(stream) = stimulus.front.first_mut() else { return };
        let Some(at) = (self.nth - 1).checked_sub(self.passed).and_then(|at| usize::try_from(at).ok()) else { return };
        if let Some(frame) = stream.frames.get(at).cloned() {
            stream.frames.insert(at + 1, frame);
            self.done = true;
            self.planted.at(now.0);
        }
    }
}

impl<P: TlpPort> TlpPort for RepeatFrame<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        if self.done {
            return self.inner.run(now, limit, stimulus, response);
        }
        self.double_at_front(now, stimulus);
        let waiting = |stimulus: &Stimulus| stimulus.front.first().map_or(0, |stream| stream.frames.len());
        let before = waiting(stimulus);
        self.inner.run(now, limit, stimulus, response);
        self.passed += (before - waiting(stimulus)) as u64;
        if before == 0 && response.tlp_done && self.replay.pass(self.nth - 1, &mut response.tlp) {
            self.done = true;
            self.planted.at(now.0 + response.clocks.0 - 1);
        }
    }
}

/// Writes of the frame that is played again.
#[derive(Debug, Default)]
struct Replay {
    /// Payload that no header has claimed yet.
    recent: VecDeque<(u64, Vec<u8>)>,
    frame: Option<Recording>,
}

/// A frame as it lies in the ring, from `address` on.
#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use super::super::script::{Script, header, payload, sent};
    use super::*;
    use silico_spec::port::FrontFrame;

    #[test]
    fn a_front_end_frame_stands_in_the_queue_twice() {
        let planted = Planted::default();
        let mut port = RepeatFrame::new(Script::new(vec![]), 2, planted.clone());
        let mut stimulus = Stimulus::new(1);
        let data: std::sync::Arc<[u8]> = (0..30).collect();
        let frame = |start| FrontFrame { at: Cycle(0), source: 0, error: false, data: data.clone(), start, len: 10 };
        stimulus.front[0].frames.extend([frame(0), frame(10), frame(20)]);
        port.run(Cycle(5), Cycles(1), &mut stimulus, &mut Response::default());
        port.run(Cycle(6), Cycles(1), &mut stimulus, &mut Response::default());
        let starts: Vec<usize> = stimulus.front[0].frames.iter().map(|frame| frame.start).collect();
        assert_eq!(starts, [0, 10, 10, 20]);
        assert_eq!(planted.cycle(), Some(5));
    }

    #[test]
    fn a_made_frame_takes_the_place_of_the_next() {
        // Frames of 64 bytes: payload at base + 32, header at base, then the next frame at base + 96.
        let frame = |base: u64, fill: u8, sequence: u64| vec![payload(base + 32, fill), header(base, sequence)];
        let tlps = [frame(0x1000, 1, 0), frame(0x1060, 2, 1), frame(0x10c0, 3, 2)].concat();
        let led = |base: u64, fill: u8, sequence: u64| vec![header(base, sequence), payload(base + 32, fill)];
        let leading = [led(0x1000, 1, 0), led(0x1060, 2, 1), led(0x10c0, 3, 2)].concat();
        let got = sent(RepeatFrame::new(Script::new(leading.clone()), 1, Planted::default()), 6);
        assert_eq!([got[2].payload(), got[3].payload()], [got[0].payload(), got[1].payload()], "a header that leads");
        assert_eq!(got[4..], leading[4..]);
        let planted = Planted::default();
        let got = sent(RepeatFrame::new(Script::new(tlps.clone()), 1, planted.clone()), 6);
        let bytes: Vec<Vec<u8>> = got.iter().map(|tlp| tlp.payload().to_vec()).collect();
        assert_eq!(bytes[2], bytes[0], "payload again");
        assert_eq!(bytes[3], bytes[1], "header again");
        assert_eq!(got[4..], tlps[4..], "and no more");
        assert_eq!(got[2].header, tlps[2].header, "in the next frame's place");
        assert_eq!(planted.cycle(), Some(3));
    }
}
