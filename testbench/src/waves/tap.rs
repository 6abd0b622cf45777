//! A middleware at the grain of signals: shows every clock to the recorder.

use super::Waves;
use super::signals::{self, Views};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::DataWidth;
use silico_spec::port::{ChannelView, Endpoint, Inspect, PortIn, PortOut};
use silico_spec::units::Cycles;

/// Which card of those on the same inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The only one, or the first.
    First,
    /// The second one. It is clocked after the first.
    Second,
}

/// A card that is watched.
#[derive(Debug)]
pub struct Tap<E> {
    inner: E,
    side: Side,
    waves: Waves,
    cycle: u64,
    /// What the card drove in the last clock, and drives in the next, if nothing passed: clocks that are skipped from here on look like it.
    shown: PortOut,
    still: bool,
    /// How the card is looked into, if it can be.
    look: Option<fn(&E, &mut Views)>,
    inside: Option<LookInside<E>>,
}

/// Tells what has changed inside a card since the last time, under the inputs of the coming clock: see [`Tap::telling_inside`].
pub type LookInside<E> = fn(&mut E, &PortIn, &mut Vec<u8>);

impl<E: Endpoint> Tap<E> {
    /// Around `inner`, as after power-on.
    pub fn new(inner: E, side: Side, waves: Waves) -> Self {
        Self { inner, side, waves, cycle: 0, shown: PortOut::default(), still: false, look: None, inside: None }
    }

    /// The same, and what its simulator tells of its inside is shown too, in the text of a VCD file: changes of what [`Layout`](super::Layout) declares.
    #[must_use]
    pub fn telling_inside(self, inside: LookInside<E>) -> Self {
        Self { inside: Some(inside), ..self }
    }

    /// The card.
    pub const fn inner(&self) -> &E {
        &self.inner
    }
}

impl<E: Endpoint + Inspect> Tap<E> {
    /// The same, and what the card tells of itself is shown too.
    #[must_use]
    pub fn looking_inside(self) -> Self {
        Self { look: Some(signals::look::<E>), ..self }
    }
}

impl<E: Fork> Fork for Tap<E> {
    /// # Errors
    /// If there is a waveform: it is of one card.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        if self.waves.is_on() {
            return Err(CannotFork { what: "a card that a waveform shows", rule: "one without waves" });
        }
        Ok(Self { inner: self.inner.fork(memo)?, waves: Waves::off(), shown: self.shown.clone(), ..*self })
    }
}

impl<E: Inspect> Inspect for Tap<E> {
    fn c2h(&self, channel: usize) -> Option<ChannelView> {
        self.inner.c2h(channel)
    }

    fn h2c(&self, channel: usize) -> Option<ChannelView> {
        self.inner.h2c(channel)
    }

    fn tags(&self) -> (usize, usize) {
        self.inner.tags()
    }

    fn device_control(&self) -> u16 {
        self.inner.device_control()
    }
}

impl<E: Endpoint> Endpoint for Tap<E> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        if let Some(mut recorder) = self.waves.lock().filter(|recorder| recorder.is_open()) {
            let sample = recorder.sample();
            let side = &mut sample.sides[self.side as usize];
            side.output.clone_from(output);
            if let Some(look) = self.look {
                look(&self.inner, &mut side.views);
            }
            side.inside.clear();
            if let Some(inside) = self.inside {
                inside(&mut self.inner, input, &mut side.inside);
            }
            if self.side == Side::First {
                sample.cycle = self.cycle;
                sample.input.clone_from(input);
            }
            recorder.seen(self.side);
        }
        self.cycle += 1;
        self.shown.clone_from(output);
        self.inner.clock(input, output);
        self.still = !input.rx.valid && input.front_valid == 0 && self.shown == *output;
    }

    fn quiet(&self) -> Cycles {
        if self.still { self.inner.quiet() } else { Cycles(0) }
    }

    fn skip(&mut self, span: Cycles) {
        self.cycle += span.0;
        if let Some(mut recorder) = self.waves.lock().filter(|recorder| recorder.is_open()) {
            recorder.passed(self.cycle);
        }
        self.inner.skip(span);
    }
}
