//! Serving a channel in turns, as Linux NAPI does: sleep until something comes, then poll with the interrupt off until nothing is left or the budget is used up, so
//! that a busy channel neither interrupts nor starves the others that share a thread. The interrupt is armed by the wait alone, for one wake-up, and
//! after the last look: there is nothing to switch off, and nothing to lose.

use super::wait::Wait;
use super::{Frame, RingChannel};
use crate::error::DriverError;
use crate::pages::{PageChannel, PageView};
use crate::platform::{Nanos, Platform};
use core::num::NonZero;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The budget is used up, and more may be there: serve again soon, others first. No interrupt is armed.
    Budget,
    /// So many frames came, fewer than the budget, and no more are there at the moment.
    Served(u32),
    /// None came: how the wait ended.
    Idle(Wait),
}

impl Turn {
    fn of(frames: u32, budget: NonZero<u32>) -> Self {
        if frames == budget.get() { Self::Budget } else { Self::Served(frames) }
    }
}

impl<P: Platform> RingChannel<P> {
    /// Waits for frames, until `deadline`, in the configured way, and hands at most `budget` of them to `each`; then gives them back.
    ///
    /// # Errors
    /// As [`RingChannel::poll`] and [`RingChannel::wait`].
    pub fn serve(&mut self, budget: NonZero<u32>, deadline: Nanos, mut each: impl FnMut(Frame<'_>)) -> Result<Turn, DriverError> {
        match self.wait(deadline)? {
            Wait::Ready | Wait::LostWakeUp { .. } => {}
            end => return Ok(Turn::Idle(end)),
        }
        let mut frames = 0;
        while frames < budget.get() {
            let Some(frame) = self.poll()? else { break };
            each(frame);
            frames += 1;
        }
        self.give_back()?;
        Ok(Turn::of(frames, budget))
    }
}

impl<P: Platform> PageChannel<P> {
    /// Waits for frames, until `deadline`, in the configured way, and hands at most `budget` of them to `each`; each is given back after it.
    ///
    /// # Errors
    /// As [`PageChannel::poll`] and [`PageChannel::wait`].
    pub fn serve(
        &mut self,
        budget: NonZero<u32>,
        deadline: Nanos,
        mut each: impl FnMut(PageView<'_, P::Buffer>),
    ) -> Result<Turn, DriverError> {
        match self.wait(deadline)? {
            Wait::Ready | Wait::LostWakeUp { .. } => {}
            end => return Ok(Turn::Idle(end)),
        }
        let mut frames = 0;
        while frames < budget.get() {
            let Some(frame) = self.poll()? else { break };
            each(self.view(&frame)?);
            self.give_back(frame)?;
            frames += 1;
        }
        self.flush()?;
        Ok(Turn::of(frames, budget))
    }
}
