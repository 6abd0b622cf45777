//! Front ends: where frames come from. Pulls frames from their sources as the card takes them; knows nothing of their content.

use silico_spec::fork::{CannotFork, Memo};
use silico_spec::params::MAX_C2H;
use silico_spec::port::{FrontFrame, Stimulus};
use silico_spec::units::Cycle;

/// Frames that are pulled ahead of the card at a time: a run of clocks ends only when all have passed.
const AHEAD: usize = 16;

/// A source of frames for one channel.
pub trait FrameSource {
    /// The next frame; its `at` says when its first beat is there and may lie before `now`. `None`: finished.
    fn next_frame(&mut self, now: Cycle) -> Option<FrontFrame>;

    /// A copy that goes on by itself from here, for a fork of the machine.
    ///
    /// # Errors
    /// If the source cannot be copied; none can unless it says how.
    fn fork_source(&self, _memo: &mut Memo) -> Result<Box<dyn FrameSource + Send>, CannotFork> {
        Err(CannotFork { what: "a front end's source of frames", rule: "finished, or one that implements fork_source" })
    }
}

/// The sources of all channels.
pub(crate) struct Feeds {
    sources: [Option<Box<dyn FrameSource + Send>>; MAX_C2H],
    /// Bit per channel with a source.
    open: u16,
}

impl Feeds {
    pub(crate) fn new() -> Self {
        Self { sources: [const { None }; MAX_C2H], open: 0 }
    }

    pub(crate) fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let mut feeds = Self { open: self.open, ..Self::new() };
        for (copy, source) in feeds.sources.iter_mut().zip(&self.sources) {
            *copy = source.as_ref().map(|source| source.fork_source(memo)).transpose()?;
        }
        Ok(feeds)
    }

    pub(crate) fn set(&mut self, channel: usize, source: Box<dyn FrameSource + Send>, stimulus: &mut Stimulus) {
        self.sources[channel] = Some(source);
        self.open |= 1 << channel;
        stimulus.front[channel].open = true;
    }

    /// All sources are finished and what they gave has passed.
    pub(crate) fn idle(&self, stimulus: &Stimulus) -> bool {
        self.open == 0 && stimulus.front.iter().all(|stream| stream.frames.is_empty())
    }

    /// Refills the streams that ran empty.
    #[inline]
    pub(crate) fn refill(&mut self, now: Cycle, stimulus: &mut Stimulus) {
        let mut channels = self.open;
        while channels != 0 {
            let channel = channels.trailing_zeros() as usize;
            channels &= channels - 1;
            if stimulus.front[channel].frames.is_empty() {
                self.pull(channel, now, stimulus);
            }
        }
    }

    fn pull(&mut self, channel: usize, now: Cycle, stimulus: &mut Stimulus) {
        let stream = &mut stimulus.front[channel];
        let Some(source) = &mut self.sources[channel] else { return };
        for _ in 0..AHEAD {
            let Some(frame) = source.next_frame(now) else {
                self.sources[channel] = None;
                self.open &= !(1 << channel);
                stream.open = false;
                return;
            };
            stream.frames.push_back(frame);
        }
    }
}
