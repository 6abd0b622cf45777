//! A channel's front end: hands the planned frames to the machine as ranges of the input. No copy, no allocation per frame.

use super::schedule::{ChannelFrames, Plan};
use silico_sim::FrameSource;
use silico_spec::fork::{CannotFork, Memo};
use silico_spec::port::FrontFrame;
use silico_spec::units::Cycle;
use std::sync::Arc;

/// The planned frames of one channel, as the machine wants them.
#[derive(Clone, Debug)]
pub struct PlannedSource {
    frames: ChannelFrames,
    data: Arc<[u8]>,
    start: Cycle,
}

impl PlannedSource {
    /// Frames of `channel`, the plan's time starting at `start`.
    #[must_use]
    pub fn new(plan: &Arc<Plan>, channel: u8, start: Cycle) -> Self {
        Self { frames: plan.channel(channel), data: plan.input.data.clone(), start }
    }
}

impl FrameSource for PlannedSource {
    fn next_frame(&mut self, _now: Cycle) -> Option<FrontFrame> {
        let frame = self.frames.next()?;
        let piece = self.frames.input().pieces[frame.piece];
        Some(FrontFrame {
            at: self.start.after(frame.at),
            source: frame.source,
            error: false,
            data: self.data.clone(),
            start: piece.start,
            len: piece.len as usize,
        })
    }

    fn fork_source(&self, _: &mut Memo) -> Result<Box<dyn FrameSource + Send>, CannotFork> {
        Ok(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;

    #[test]
    fn frames_are_ranges_of_the_input() {
        let input = Input::embedded().unwrap();
        let frames = input.pieces.len() as u64 + 1;
        let plan = Arc::new(Plan::new(input.clone(), 1, frames, 4000, 32));
        let mut source = PlannedSource::new(&plan, 0, Cycle(100));
        let first = source.next_frame(Cycle(100)).unwrap();
        assert_eq!((first.at, first.len), (Cycle(100), input.pieces[0].len as usize));
        assert!(Arc::ptr_eq(&first.data, &input.data));
        let last = std::iter::from_fn(|| source.next_frame(Cycle(0))).last().unwrap();
        assert_eq!(last.payload(), first.payload(), "the input is repeated");
    }
}
