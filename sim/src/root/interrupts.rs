//! Where interrupts end: message-signalled ones are latched per vector, INTx keeps its level. Knows no card.

use crate::check::interrupt::VECTORS;
use crate::distribution::Distribution;
use silico_spec::generator::XorShift64;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// What an interrupt message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// MSI or MSI-X.
    Vector(u16),
    /// Assert_INTx or Deassert_INTx of pin 0 to 3.
    Level(u8, bool),
}

/// The interrupt controller.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    /// When each is delivered, and when its message arrived.
    pending: VecDeque<(Cycle, Event, Cycle)>,
    /// Bit per vector: fired since the last wait on it ended.
    latched: Box<[u64; VECTORS / 64]>,
    levels: u8,
    latency: Distribution,
    random: XorShift64,
}

impl Interrupts {
    pub(crate) fn new(latency: Distribution, random: XorShift64) -> Self {
        Self { pending: VecDeque::new(), latched: Box::new([0; VECTORS / 64]), levels: 0, latency, random }
    }

    pub(crate) fn reseed(&mut self, random: XorShift64) {
        self.random = random;
    }

    /// A message that arrives at `arrival` and takes effect at `visible`. Messages are delivered in order. Returns when this one is.
    pub(crate) fn push(&mut self, arrival: Cycle, visible: Cycle, event: Event) -> Cycle {
        let at = visible.after(Cycles(self.latency.draw(&mut self.random)));
        let last = self.pending.back().map_or(Cycle(0), |last| last.0);
        self.pending.push_back((at.max(last), event, arrival));
        at.max(last)
    }

    /// When the next one is delivered.
    #[inline]
    pub(crate) fn next(&self) -> Cycle {
        self.pending.front().map_or(Cycle::NEVER, |event| event.0)
    }

    /// Delivers one that is due by `now`.
    #[inline]
    pub(crate) fn deliver(&mut self, now: Cycle) -> Option<Event> {
        if self.next() > now {
            return None;
        }
        let (_, event, _) = self.pending.pop_front()?;
        match event {
            Event::Vector(vector) => self.latched[usize::from(vector) / 64] |= 1 << (vector % 64),
            Event::Level(pin, true) => self.levels |= 1 << pin,
            Event::Level(pin, false) => self.levels &= !(1 << pin),
        }
        Some(event)
    }

    /// Takes a latched vector.
    pub(crate) fn take(&mut self, vector: u16) -> bool {
        let word = &mut self.latched[usize::from(vector) / 64];
        let fired = *word >> (vector % 64) & 1 != 0;
        *word &= !(1 << (vector % 64));
        fired
    }

    /// Bit per pin, INTA first.
    pub(crate) const fn levels(&self) -> u8 {
        self.levels
    }

    /// The link went down at `now`: levels fall (PCIe 4.0 §2.2.8.1), what was latched stays, messages that have not arrived are lost.
    pub(crate) fn link_down(&mut self, now: Cycle) {
        self.levels = 0;
        self.pending.retain(|(_, event, arrival)| matches!(event, Event::Vector(_)) && *arrival <= now);
    }
}
