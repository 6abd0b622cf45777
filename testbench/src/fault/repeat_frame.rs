//! A frame comes twice: at the front end, or, for frames that the card makes itself, in place of the next one in the ring.

use super::Planted;
use super::classify::{WriteKind, classify};
use silico_spec::frame::{FrameHeader, HEADER_BYTES};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

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
    recent: VecDeque<(u64, Vec<u8>)>,
    /// Ring content of the frame, and where the next one begins.
    frame: Option<(Vec<u8>, u64)>,
}

impl Replay {
    /// Looks at, or changes, a TLP on its way out. True once the second copy is complete.
    fn pass(&mut self, sequence: u64, tlp: &mut TlpBuf) -> bool {
        let address = Header(tlp.header).address().0;
        match (classify(tlp), &self.frame) {
            (WriteKind::Payload, None) => {
                if self.recent.len() == REMEMBERED {
                    self.recent.pop_front();
                }
                self.recent.push_back((address, tlp.payload().to_vec()));
                false
            }
            (WriteKind::FrameHeader(header), None) => {
                if header.channel == 0 && header.sequence == sequence {
                    self.frame = self.assemble(address, &header, tlp.payload()).map(|frame| (frame, address + header.footprint()));
                }
                false
            }
            (WriteKind::Payload | WriteKind::FrameHeader(_), Some((frame, next))) => Self::replace(frame, *next, address, tlp),
            _ => false,
        }
    }

    /// The frame as it lies in the ring, if all of it was seen (it was not if it wrapped).
    fn assemble(&self, address: u64, header: &FrameHeader, header_bytes: &[u8]) -> Option<Vec<u8>> {
        let bytes = usize::try_from(header.footprint()).ok()?;
        let mut frame = vec![0; bytes];
        frame[..HEADER_BYTES as usize].copy_from_slice(header_bytes);
        let mut seen = HEADER_BYTES as usize;
        for (at, data) in self.recent.iter().rev() {
            let Some(from) = at.checked_sub(address).and_then(|from| usize::try_from(from).ok()) else { continue };
            if from >= HEADER_BYTES as usize
                && let Some(room) = frame.get_mut(from..from + data.len())
            {
                room.copy_from_slice(data);
                seen += data.len();
            }
        }
        (seen == bytes).then_some(frame)
    }

    fn replace(frame: &[u8], next: u64, address: u64, tlp: &mut TlpBuf) -> bool {
        let Some(from) = address.checked_sub(next).and_then(|from| usize::try_from(from).ok()) else { return false };
        let payload = tlp.payload_mut();
        let Some(content) = from.checked_add(payload.len()).and_then(|to| frame.get(from..to)) else { return false };
        payload.copy_from_slice(content);
        from == 0
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
