//! Which frame goes to which channel, and when: a pure function of the plan, so that front ends and scoreboard each compute it for themselves.

use super::{Input, Piece};
use silico_spec::units::Cycles;
use std::sync::Arc;

/// E-links per channel that front-end frames are attributed to, in turn.
const ELINKS: u64 = 24;

/// How frames are spread over channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// In turn.
    #[default]
    RoundRobin,
    /// By a hash of the frame's first 128 bytes: equal frames to equal channels.
    Hash,
}

/// When frames come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the card takes them.
    #[default]
    Full,
    /// At this payload rate over all channels, in Mb/s.
    Rate {
        /// Megabits of payload per second; above zero.
        mbps: u64,
    },
    /// At the capture's own stamps, times this many thousandths.
    Capture {
        /// Thousandths: 1000 is real time, 1 a thousand times as fast.
        scale_milli: u64,
    },
}

/// A whole run's worth of front-end frames.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The bytes and their frames.
    pub input: Input,
    /// How frames are spread.
    pub spread: Spread,
    /// Channels to spread over.
    pub channels: u8,
    /// Frames of the whole run; the input is repeated as often as it takes.
    pub frames: u64,
    /// When frames come.
    pub pace: Pace,
    /// Clocks at least between the end of a frame and the next of its channel.
    pub pause: Cycles,
    /// Picoseconds of a clock.
    pub clock_ps: u32,
    /// Bytes of a front-end beat.
    pub beat_bytes: u32,
    /// Bytes before each piece, and of all.
    before: Arc<[u64]>,
}

impl Plan {
    /// All frames of `input`, `frames` in number, at full pace in turn over `channels`.
    #[must_use]
    pub fn new(input: Input, channels: u8, frames: u64, clock_ps: u32, beat_bytes: u32) -> Self {
        let mut sum = 0;
        let mut before: Vec<u64> = Vec::with_capacity(input.pieces.len() + 1);
        for piece in input.pieces.iter() {
            before.push(sum);
            sum += u64::from(piece.len);
        }
        before.push(sum);
        let before = before.into();
        Self { input, spread: Spread::default(), channels, frames, pace: Pace::Full, pause: Cycles(0), clock_ps, beat_bytes, before }
    }

    /// The frames of one channel, in order.
    #[must_use]
    pub fn channel(self: &Arc<Self>, channel: u8) -> ChannelFrames {
        let first = if self.spread == Spread::RoundRobin { u64::from(channel) } else { 0 };
        let pieces = self.input.pieces.len() as u64;
        ChannelFrames {
            plan: self.clone(),
            channel,
            index: first,
            lap: first / pieces,
            piece: (first % pieces) as usize,
            free_at: 0,
            count: 0,
        }
    }

    fn channel_of(&self, index: u64, piece: &Piece) -> u8 {
        match self.spread {
            Spread::RoundRobin => (index % u64::from(self.channels)) as u8,
            Spread::Hash => (u64::from(piece.hash) * u64::from(self.channels) >> 32) as u8,
        }
    }

    /// Clocks that all frames of one channel take on its stream, at a beat a clock.
    #[must_use]
    pub fn beats_of(self: &Arc<Self>, channel: u8) -> Cycles {
        let beats = |frame: Planned| u64::from(self.input.pieces[frame.piece].len.div_ceil(self.beat_bytes).max(1));
        Cycles(self.channel(channel).map(beats).sum())
    }

    /// How many frames one channel gets.
    #[must_use]
    pub fn frames_of(&self, channel: u8) -> u64 {
        let channels = u64::from(self.channels);
        match self.spread {
            Spread::RoundRobin => self.frames / channels + u64::from(u64::from(channel) < self.frames % channels),
            Spread::Hash => {
                let pieces = &self.input.pieces;
                let own = |pieces: &[Piece]| pieces.iter().filter(|piece| self.channel_of(0, piece) == channel).count() as u64;
                let (laps, rest) = (self.frames / pieces.len() as u64, self.frames % pieces.len() as u64);
                laps.saturating_mul(own(pieces)) + own(&pieces[..rest as usize])
            }
        }
    }

    /// When the last frame comes, if nothing holds it.
    #[must_use]
    pub fn last_due(&self) -> Cycles {
        let pieces = self.input.pieces.len() as u64;
        let last = self.frames.saturating_sub(1);
        // Stamps need not grow.
        let due = (0..pieces.min(self.frames)).map(|piece| self.due(last / pieces, piece as usize));
        Cycles(due.max().unwrap_or(0))
    }

    fn due(&self, lap: u64, piece: usize) -> u64 {
        let clock_ps = u128::from(self.clock_ps);
        let cycles = match self.pace {
            Pace::Full => 0,
            Pace::Rate { mbps } => {
                let bytes = u128::from(lap) * u128::from(self.before[self.before.len() - 1]) + u128::from(self.before[piece]);
                bytes * 8_000_000 / (u128::from(mbps.max(1)) * clock_ps)
            }
            Pace::Capture { scale_milli } => {
                let pieces = &self.input.pieces;
                let last = pieces[pieces.len() - 1].stamp_ns;
                // A repetition begins one mean distance after the last frame.
                let lap_ns = last + last / pieces.len() as u64;
                let ns = u128::from(lap) * u128::from(lap_ns) + u128::from(pieces[piece].stamp_ns);
                ns.saturating_mul(scale_milli.into()) / clock_ps
            }
        };
        u64::try_from(cycles).unwrap_or(u64::MAX)
    }
}

/// A frame as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Counts over all channels.
    pub index: u64,
    /// Index of its piece in the input.
    pub piece: usize,
    /// Clocks after the start at which it may begin.
    pub at: Cycles,
    /// E-link.
    pub source: u16,
}

/// The frames of one channel.
#[derive(Clone, Debug)]
pub struct ChannelFrames {
    plan: Arc<Plan>,
    channel: u8,
    index: u64,
    lap: u64,
    piece: usize,
    free_at: u64,
    count: u64,
}

impl ChannelFrames {
    /// The input behind it.
    #[must_use]
    pub fn input(&self) -> &Input {
        &self.plan.input
    }

    /// Payload of a planned frame.
    #[must_use]
    #[inline]
    pub fn payload(&self, frame: &Planned) -> &[u8] {
        let piece = self.plan.input.pieces[frame.piece];
        &self.plan.input.data[piece.start..piece.start + piece.len as usize]
    }

    fn step(&mut self) {
        let step = if self.plan.spread == Spread::RoundRobin { usize::from(self.plan.channels) } else { 1 };
        self.index += step as u64;
        self.piece += step;
        while self.piece >= self.plan.input.pieces.len() {
            self.piece -= self.plan.input.pieces.len();
            self.lap += 1;
        }
    }
}

impl Iterator for ChannelFrames {
    type Item = Planned;

    #[inline]
    fn next(&mut self) -> Option<Planned> {
        while self.index < self.plan.frames {
            let piece = self.plan.input.pieces[self.piece];
            if self.plan.channel_of(self.index, &piece) != self.channel {
                self.step();
                continue;
            }
            let mut at = self.plan.due(self.lap, self.piece);
            if self.plan.pause.0 != 0 {
                at = at.max(self.free_at);
                self.free_at = at.saturating_add(u64::from(piece.len.div_ceil(self.plan.beat_bytes).max(1)) + self.plan.pause.0);
            }
            let frame = Planned { index: self.index, piece: self.piece, at: Cycles(at), source: (self.count % ELINKS) as u16 };
            self.count += 1;
            self.step();
            return Some(frame);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Cut, sizes::FrameSizes};
    use proptest::prelude::*;

    fn plan(pieces: usize, channels: u8, frames: u64) -> Plan {
        let data: Arc<[u8]> = (0..pieces * 100).map(|i| (i / 7) as u8).collect();
        let input = Input::new("f", data, &Cut::File(FrameSizes::Fixed(100), 0)).unwrap();
        Plan::new(input, channels, frames, 4000, 32)
    }

    proptest! {
        #[test]
        fn each_frame_goes_to_exactly_one_channel_in_order(pieces in 1usize..40, channels in 1u8..17, frames in 0u64..200, hash: bool) {
            let mut plan = plan(pieces, channels, frames);
            plan.spread = if hash { Spread::Hash } else { Spread::RoundRobin };
            let plan = Arc::new(plan);
            let mut all = Vec::new();
            for channel in 0..channels {
                let own: Vec<_> = plan.channel(channel).collect();
                prop_assert!(own.windows(2).all(|w| w[0].index < w[1].index && w[0].at <= w[1].at));
                prop_assert!(own.iter().all(|f| f.piece as u64 == f.index % pieces as u64));
                prop_assert_eq!(plan.frames_of(channel), own.len() as u64);
                all.extend(own.iter().map(|f| f.index));
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..frames).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_rate_spaces_frames_over_all_channels() {
        let mut plan = plan(3, 2, 100);
        plan.pace = Pace::Rate { mbps: 1000 };
        let plan = Arc::new(plan);
        // 100 bytes at 1 Gb/s are 800 ns, 200 clocks of 4 ns.
        assert_eq!(plan.channel(0).take(3).map(|f| f.at.0).collect::<Vec<_>>(), [0, 400, 800]);
        // 50 frames of 4 beats.
        assert_eq!(plan.beats_of(0), Cycles(200));
        assert_eq!(plan.channel(1).take(3).map(|f| f.at.0).collect::<Vec<_>>(), [200, 600, 1000]);
    }

    #[test]
    fn the_captures_own_time_is_kept_and_scaled() {
        let mut plan = Plan::new(Input::embedded().unwrap(), 1, 500, 4000, 32);
        plan.pace = Pace::Capture { scale_milli: 1000 };
        let pieces = plan.input.pieces.clone();
        let plan = Arc::new(plan);
        let at: Vec<u64> = plan.channel(0).map(|f| f.at.0).collect();
        assert_eq!(at[10], pieces[10].stamp_ns / 4);
        assert!(at.windows(2).all(|w| w[0] <= w[1]), "also into the second lap");
    }

    #[test]
    fn a_pause_separates_frames_of_a_channel() {
        let mut plan = plan(3, 1, 3);
        plan.pause = Cycles(10);
        assert_eq!(Arc::new(plan).channel(0).map(|f| f.at.0).collect::<Vec<_>>(), [0, 14, 28]);
    }
}
