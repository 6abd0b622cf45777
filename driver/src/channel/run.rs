//! The life cycle that all kinds of channel share: start, stop, restart, reset, drop. What a kind has of its own (its memory, its counts, its registers) is
//! behind [`Run`]; the change of state itself is in [`super::base`].

use super::base::{Base, stopped_for_restart};
use super::progress::Block;
use super::{Phase, held};
use crate::error::DriverError;
use crate::platform::{DmaMemory, Platform};
use core::mem;

/// DMA memory of a channel, as far as a change of state sees it.
pub(crate) trait Held<B> {
    /// The write-back block, if there is one.
    fn block(&mut self) -> Option<&mut Block<B>>;

    /// Nothing of the run before is left in rings and pools. The channel is idle.
    fn restart(&mut self);
}

/// What a kind of channel adds to a change of state.
pub(crate) trait Run<P: Platform> {
    /// Its memory.
    type Memory: Held<<P as DmaMemory>::Buffer>;
    /// How a run of it ends.
    type End: Copy;

    /// What is the same in every kind, and the memory.
    fn parts(&mut self) -> (&mut Base<P>, &mut Option<Self::Memory>);

    /// The counts of the run before are forgotten; the memory is so already.
    fn forget(&mut self);

    /// Writes every register of the channel but control and doorbells.
    fn program(&mut self) -> Result<(), DriverError>;

    /// The run has begun: the doorbells are zero.
    fn launched(&mut self) -> Result<(), DriverError> {
        Ok(())
    }

    /// Reads and checks the counts of a run that is over.
    fn final_counts(&mut self) -> Result<(), DriverError>;

    /// The counts, as they were read.
    fn end(&self) -> Self::End;
}

/// Starts a new run.
pub(crate) fn start<P: Platform>(channel: &mut impl Run<P>) -> Result<(), DriverError> {
    let _inside = channel.parts().0.enter()?;
    channel.parts().0.prepare()?;
    forget(channel);
    channel.program()?;
    let (base, memory) = channel.parts();
    base.launch(held(memory).block())?;
    channel.launched()
}

/// Stops the run, and says how it ended.
pub(crate) fn stop<P: Platform, C: Run<P>>(channel: &mut C) -> Result<C::End, DriverError> {
    if channel.parts().0.halt()? {
        channel.final_counts()?;
        channel.parts().0.counted = true;
    }
    let end = channel.end();
    channel.parts().0.outcome(end)
}

/// Stops, if it runs, and starts a new run.
pub(crate) fn restart<P: Platform>(channel: &mut impl Run<P>) -> Result<(), DriverError> {
    if channel.parts().0.phase == Phase::Running {
        stopped_for_restart(stop(channel))?;
    }
    start(channel)
}

/// The channel as after power-on.
pub(crate) fn reset<P: Platform>(channel: &mut impl Run<P>) -> Result<(), DriverError> {
    channel.parts().0.reset()?;
    forget(channel);
    Ok(())
}

/// Makes the channel quiet, then frees its memory. A card that does not get quiet keeps it: leaked memory is harmless, a late write into memory of
/// somebody else is not.
pub(crate) fn close<P: Platform>(channel: &mut impl Run<P>) {
    let (base, memory) = channel.parts();
    if !base.quiet() {
        mem::forget(memory.take());
    }
}

fn forget<P: Platform>(channel: &mut impl Run<P>) {
    let (base, memory) = channel.parts();
    let memory = held(memory);
    memory.restart();
    if let Some(block) = memory.block() {
        block.clear();
    }
    base.forget();
    channel.forget();
}
