//! A channel's built-in frame generator: the bytes are [`silico_spec::generator`]'s, this is when they come.

use super::blocks::{Packer, Step};
use super::settings::Settings;
use silico_spec::generator::FrameSequence;
use silico_spec::params::DataWidth;

/// Full rate: a beat every clock.
pub(crate) const FULL_RATE: u32 = 1 << 16;

#[derive(Clone, Debug)]
pub(crate) struct Generator {
    frames: FrameSequence,
    length: u32,
    key: u64,
    /// Payload bytes of the frame that have passed.
    passed: u32,
    pause_left: u32,
    pause: u32,
    rate: u32,
    tokens: u32,
    /// Frames to make; 0: without end.
    count: u64,
    made: u64,
    /// In block mode: what makes blocks of the chunks.
    packer: Option<Box<Packer>>,
}

/// What the generator offers in this clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeneratorOffer {
    /// Nothing for this many clocks (`u64::MAX`: for ever).
    Wait(u64),
    /// Beats of the frame with this key, `left` bytes of it from `offset` on; at full rate one each clock, else just one.
    Beats { key: u64, offset: u32, left: u32, one_only: bool },
    /// The same of a block, of the e-link `source`.
    Block { offset: u32, left: u32, source: u16, one_only: bool },
}

impl Generator {
    pub(crate) fn start(channel: u8, set: &Settings, width: DataWidth) -> Self {
        let mut frames = FrameSequence::new(set.gen_seed, channel, set.gen_mode(), set.gen_min, set.gen_max, set.gen_table);
        let packer = set.blocks().then(|| Box::new(Packer::new(frames.clone(), set, width)));
        let (length, key) = frames.draw();
        Self {
            packer,
            frames,
            length,
            key,
            passed: 0,
            pause_left: 0,
            pause: set.gen_pause,
            rate: set.gen_rate,
            tokens: 0,
            count: set.gen_count,
            made: 0,
        }
    }

    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Chunks whose end has passed with its block.
    pub(crate) fn chunks(&self) -> u64 {
        self.packer.as_ref().map_or(0, |packer| packer.chunks())
    }

    /// The block on offer.
    pub(crate) fn block(&self) -> &[u8] {
        self.packer.as_ref().map_or(&[], |packer| packer.block())
    }

    /// It will offer nothing more in this run.
    pub(crate) fn is_over(&self) -> bool {
        self.finished() || self.rate == 0
    }

    fn finished(&self) -> bool {
        match &self.packer {
            None => self.count != 0 && self.made == self.count,
            Some(packer) => packer.finished(),
        }
    }

    #[inline(always)]
    pub(crate) fn offer(&self, now: u64) -> GeneratorOffer {
        if self.is_over() {
            return GeneratorOffer::Wait(u64::MAX);
        }
        if let Some(packer) = &self.packer
            && let Step::Wait(clocks) = packer.step(now)
        {
            return GeneratorOffer::Wait(clocks);
        }
        if self.pause_left > 0 {
            return GeneratorOffer::Wait(self.pause_left.into());
        }
        let missing = FULL_RATE.saturating_sub(self.tokens + self.rate);
        if missing > 0 {
            return GeneratorOffer::Wait(u64::from(missing.div_ceil(self.rate)));
        }
        let one_only = self.rate < FULL_RATE;
        if let Some(packer) = &self.packer {
            let left = packer.block().len() as u32 - self.passed;
            return GeneratorOffer::Block { offset: self.passed, left, source: packer.source(), one_only };
        }
        GeneratorOffer::Beats { key: self.key, offset: self.passed, left: self.length - self.passed, one_only }
    }

    /// `clocks` clocks from `now` pass in which nothing was offered.
    pub(crate) fn wait(&mut self, now: u64, clocks: u64) {
        if self.is_over() {
            return;
        }
        if let Some(packer) = &mut self.packer
            && packer.pass(now, clocks)
        {
            return;
        }
        if self.pause_left > 0 {
            self.pause_left -= clocks as u32;
        } else {
            self.tokens += clocks as u32 * self.rate;
        }
    }

    /// Beats with `bytes` were taken, one a clock; `last` of them ends the frame. A beat not taken costs no tokens and gains none.
    pub(crate) fn taken(&mut self, bytes: u32, last: bool) {
        self.passed += bytes;
        // At full rate many beats at once cost what one does: nothing.
        self.tokens = self.tokens + self.rate - FULL_RATE;
        if last {
            self.passed = 0;
            self.made += 1;
            if let Some(packer) = &mut self.packer {
                packer.gone();
                return;
            }
            self.pause_left = self.pause;
            (self.length, self.key) = self.frames.draw();
        }
    }
}
