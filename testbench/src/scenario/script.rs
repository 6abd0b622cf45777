//! What is to happen in a play, drawn from its seed before it begins: frames of the front ends, frames to send, which channel is started anew. Knows no card.

use silico_sim::FrameSource;
use silico_spec::fork::{CannotFork, Memo};
use silico_spec::generator::XorShift64;
use silico_spec::port::FrontFrame;
use silico_spec::units::{Cycle, Cycles};
use std::sync::{Arc, OnceLock};

/// Random bytes, of which every payload is a part.
const POOL_BYTES: usize = 64 << 10;
/// Beats of 32 bytes that all card-to-host channels together bring, headers included, and that each sender gets, at most.
const BEATS_IN: u64 = 1520;
const BEATS_OUT: u64 = 580;
/// Of so many plays, one starts a channel anew in the middle.
const RESTARTS: u64 = 8;

/// The same bytes for all.
pub(super) fn pool() -> Arc<[u8]> {
    static POOL: OnceLock<Arc<[u8]>> = OnceLock::new();
    let fill = || {
        let mut random = XorShift64::new(0x51c0);
        (0..POOL_BYTES / 8).flat_map(|_| random.step().to_le_bytes()).collect()
    };
    POOL.get_or_init(fill).clone()
}

/// A frame: a part of the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Clocks after the start of its part of the play.
    at: u64,
    pub(super) source: u16,
    pub(super) start: usize,
    pub(super) len: usize,
}

impl Frame {
    pub(super) fn payload(self, pool: &[u8]) -> &[u8] {
        &pool[self.start..self.start + self.len]
    }

    fn draw(random: &mut Draw, at: u64) -> Self {
        let len = match random.below(8) {
            0 => random.below(65),
            1..=3 => 64 + random.below(1437),
            4 => 1 << random.below(13),
            _ => random.below(u64::from(super::MAX_FRAME) + 1),
        } as usize;
        Self { at, source: random.below(1 << 16) as u16, start: random.below((POOL_BYTES - len) as u64) as usize, len }
    }

    /// Beats of 32 bytes that it takes, header included.
    const fn beats(self) -> u64 {
        1 + (self.len as u64).div_ceil(32)
    }
}

/// Chance.
#[derive(Clone, Debug)]
pub(super) struct Draw(XorShift64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds shall not begin alike.
        let mut random = XorShift64::new(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.step();
        Self(random)
    }

    /// Uniform below `limit`.
    pub(super) const fn below(&mut self, limit: u64) -> u64 {
        ((self.0.step() as u128 * limit as u128) >> 64) as u64
    }
}

/// All frames of a play.
#[derive(Debug)]
pub(super) struct Script {
    /// Of each card-to-host channel.
    pub(super) lanes: Vec<Arc<[Frame]>>,
    /// Of each host-to-card channel.
    pub(super) senders: Vec<Arc<[Frame]>>,
    /// The card-to-host channel that is stopped and started anew, and after which of its frames.
    pub(super) restart: Option<(usize, usize)>,
}

impl Script {
    pub(super) fn draw(random: &mut Draw, lanes: usize, senders: usize) -> Self {
        // Shares of the whole, so that one channel may be busy and another bored, or out of work.
        let mut weights: Vec<u64> = (0..lanes).map(|_| random.below(8).saturating_sub(2)).collect();
        weights[random.below(lanes as u64) as usize] += 1;
        let sum: u64 = weights.iter().sum();
        let lanes: Vec<Arc<[Frame]>> = weights.iter().map(|weight| frames(random, BEATS_IN * weight / sum)).collect();
        let senders = (0..senders).map(|_| random.below(2 * BEATS_OUT).saturating_sub(BEATS_OUT)).collect::<Vec<_>>();
        let senders = senders.into_iter().map(|beats| frames(random, beats)).collect();
        let restart = (random.below(RESTARTS) == 0).then(|| {
            let lane = random.below(lanes.len() as u64) as usize;
            (lane, random.below(lanes[lane].len() as u64 + 1) as usize)
        });
        Self { lanes, senders, restart }
    }
}

/// Frames of `beats` or a little more, most of them back to back.
fn frames(random: &mut Draw, mut beats: u64) -> Arc<[Frame]> {
    let (mut frames, mut at) = (Vec::new(), 0);
    while beats > 0 {
        if random.below(8) == 0 {
            at += random.below(100);
        }
        let frame = Frame::draw(random, at);
        beats = beats.saturating_sub(frame.beats());
        frames.push(frame);
    }
    frames.into()
}

/// A front end that presents some of the frames of a script.
#[derive(Clone, Debug)]
pub(super) struct Front {
    frames: Arc<[Frame]>,
    next: usize,
    end: usize,
    start: Cycle,
    pool: Arc<[u8]>,
}

impl Front {
    pub(super) fn new(frames: &Arc<[Frame]>, part: std::ops::Range<usize>, start: Cycle, pool: &Arc<[u8]>) -> Self {
        Self { frames: frames.clone(), next: part.start, end: part.end, start, pool: pool.clone() }
    }
}

impl FrameSource for Front {
    fn next_frame(&mut self, _: Cycle) -> Option<FrontFrame> {
        if self.next == self.end {
            return None;
        }
        let Frame { at, source, start, len } = self.frames[self.next];
        self.next += 1;
        Some(FrontFrame { at: self.start.after(Cycles(at)), source, error: false, data: self.pool.clone(), start, len })
    }

    fn fork_source(&self, _: &mut Memo) -> Result<Box<dyn FrameSource + Send>, CannotFork> {
        Ok(Box::new(self.clone()))
    }
}
