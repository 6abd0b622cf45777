//! The slot: the card in the machine, which can be forked if the card can.

use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use std::fmt;

/// A card that can be forked. Whatever is a [`TlpPort`] and can [`Fork`] is one.
pub trait ForkPort: TlpPort + Send {
    /// As [`Fork::fork`].
    ///
    /// # Errors
    /// If something in it cannot be copied.
    fn fork_port(&self, memo: &mut Memo) -> Result<Box<dyn ForkPort>, CannotFork>;
}

impl<P: TlpPort + Fork + Send + 'static> ForkPort for P {
    fn fork_port(&self, memo: &mut Memo) -> Result<Box<dyn ForkPort>, CannotFork> {
        Ok(Box::new(self.fork(memo)?))
    }
}

impl Fork for Box<dyn ForkPort> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        (**self).fork_port(memo)
    }
}

/// A card for a machine: any boxed [`TlpPort`], or one that can be forked.
pub struct Slot(Kind);

enum Kind {
    Fixed(Box<dyn TlpPort + Send>),
    Forkable(Box<dyn ForkPort>),
}

impl Slot {
    /// A card that can be forked, and so the machine with it.
    pub fn forkable(card: impl ForkPort + 'static) -> Self {
        Self(Kind::Forkable(Box::new(card)))
    }

    pub(super) fn width(&self) -> DataWidth {
        match &self.0 {
            Kind::Fixed(card) => card.width(),
            Kind::Forkable(card) => card.width(),
        }
    }

    #[inline]
    pub(super) fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        match &mut self.0 {
            Kind::Fixed(card) => card.run(now, limit, stimulus, response),
            Kind::Forkable(card) => card.run(now, limit, stimulus, response),
        }
    }
}

impl Fork for Slot {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        match &self.0 {
            Kind::Fixed(_) => Err(CannotFork {
                what: "the card",
                rule: "one put into the machine by Slot::forkable, that no waveform shows and nobody counts the coverage of",
            }),
            // Not that of the box, or each copy would be in one box more.
            Kind::Forkable(card) => Ok(Self(Kind::Forkable((**card).fork_port(memo)?))),
        }
    }
}

impl From<Box<dyn TlpPort + Send>> for Slot {
    fn from(card: Box<dyn TlpPort + Send>) -> Self {
        Self(Kind::Fixed(card))
    }
}

impl<C: TlpPort + Send + 'static> From<Box<C>> for Slot {
    fn from(card: Box<C>) -> Self {
        Self(Kind::Fixed(card))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("forkable", &matches!(self.0, Kind::Forkable(_))).finish()
    }
}
