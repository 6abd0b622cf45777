//! A middleware that counts the frames that pass into a card: what a card says it dropped and discarded is held against a count that is not its own.

use silico_spec::params::{DataWidth, MAX_C2H};
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the tap saw; a clone sees the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taps(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    released: AtomicU64,
    whole: [AtomicU64; MAX_C2H],
    open: [AtomicU64; MAX_C2H],
}

impl Taps {
    /// Frames of a channel of which at least one beat has passed into the card.
    pub(crate) fn entered(&self, channel: usize) -> u64 {
        self.0.whole[channel].load(Relaxed) + self.0.open[channel].load(Relaxed)
    }

    /// The first clock after reset: zero of the card's stamps.
    pub(crate) fn released(&self) -> Cycle {
        Cycle(self.0.released.load(Relaxed))
    }
}

/// The tap around a card.
pub(crate) struct Tap<P> {
    inner: P,
    in_reset: bool,
    taps: Taps,
}

impl<P: TlpPort> Tap<P> {
    pub(crate) fn new(inner: P, taps: Taps) -> Self {
        Self { inner, in_reset: true, taps }
    }
}

impl<P: TlpPort> TlpPort for Tap<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        if self.in_reset && !stimulus.reset {
            self.taps.0.released.store(now.0, Relaxed);
        }
        self.in_reset = stimulus.reset;
        let mut waiting = [0; MAX_C2H];
        for (waiting, stream) in waiting.iter_mut().zip(&stimulus.front) {
            *waiting = stream.frames.len();
        }
        self.inner.run(now, limit, stimulus, response);
        for (channel, (waiting, stream)) in waiting.iter().zip(&stimulus.front).enumerate() {
            self.taps.0.whole[channel].fetch_add((waiting - stream.frames.len()) as u64, Relaxed);
            self.taps.0.open[channel].store(u64::from(stream.passed > 0), Relaxed);
        }
    }
}
