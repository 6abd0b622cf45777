//! What a host did to a card, recorded at either grain of the port, to be done again without the host. Judges nothing.

use silico_spec::params::DataWidth;
use silico_spec::port::{Endpoint, PortIn, PortOut, Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use std::sync::{Arc, Mutex, PoisonError};

/// Clock by clock: what the card was shown, and what it showed after.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks(pub(super) Vec<(PortIn, PortOut)>);

impl Clocks {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Clocks in which a beat passes either way.
    pub(super) fn busy(&self) -> usize {
        let passes = |pair: &[(PortIn, PortOut)]| {
            let [(_, shown), (input, _)] = pair else { return false };
            shown.tx.valid && input.tx_ready || input.rx.valid && shown.rx_ready
        };
        self.0.windows(2).filter(|pair| passes(pair)).count()
    }
}

/// One call: when, for how long at most, under what, with which credits known, and how many clocks it took.
#[derive(Clone, Debug)]
struct Call {
    now: Cycle,
    limit: Cycles,
    stimulus: Stimulus,
    credits: Option<silico_spec::credit::Limits>,
    clocks: Cycles,
}

/// Call by call.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Vec<Call>);

impl Calls {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clocks(&self) -> u64 {
        self.0.iter().map(|call| call.clocks.0).sum()
    }

    /// A copy to be used up.
    pub(super) fn ready(&self) -> Self {
        self.clone()
    }

    /// Makes all calls. Clocks that passed up to the first call that took another time than before.
    pub(super) fn replay(&mut self, card: &mut impl TlpPort) -> u64 {
        let mut response = Response::default();
        let mut passed = 0;
        for call in &mut self.0 {
            response.credits = call.credits;
            card.run(call.now, call.limit, &mut call.stimulus, &mut response);
            if response.clocks != call.clocks {
                return passed;
            }
            passed += response.clocks.0;
        }
        passed
    }
}

/// Records, however often a card is put into it.
#[derive(Debug, Default)]
pub(super) struct Recorder<T>(Arc<Mutex<T>>);

impl<T: Default> Recorder<T> {
    pub(super) fn around<C>(&self, card: C) -> Recorded<C, T> {
        Recorded { card, to: Self(self.0.clone()) }
    }

    /// What was recorded.
    pub(super) fn take(&self) -> T {
        self.with(std::mem::take)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A card that is recorded.
#[derive(Debug)]
pub(super) struct Recorded<C, T> {
    card: C,
    to: Recorder<T>,
}

impl<C: Endpoint> Endpoint for Recorded<C, Clocks> {
    fn width(&self) -> DataWidth {
        self.card.width()
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.card.clock(input, output);
        self.to.with(|clocks| clocks.0.push((input.clone(), output.clone())));
    }
}

impl<C: TlpPort> TlpPort for Recorded<C, Calls> {
    fn width(&self) -> DataWidth {
        self.card.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        let (before, credits) = (stimulus.clone(), response.credits);
        self.card.run(now, limit, stimulus, response);
        let call = Call { now, limit, stimulus: before, credits, clocks: response.clocks };
        self.to.with(|calls| calls.0.push(call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_model::Card;
    use silico_spec::params::CardParams;

    #[test]
    fn what_was_recorded_passes_the_same_clocks_again() {
        let recorder = Recorder::<Calls>::default();
        let mut card = recorder.around(Card::new(CardParams::default()).unwrap());
        let (mut stimulus, mut response) = (Stimulus::new(4), Response::default());
        let mut now = Cycle(0);
        for limit in [3, 50, 400] {
            stimulus.reset = now == Cycle(0);
            card.run(now, Cycles(limit), &mut stimulus, &mut response);
            now = now.after(response.clocks);
        }
        let calls = recorder.take();
        assert_eq!((calls.len(), calls.clocks()), (3, now.0));
        assert_eq!(calls.ready().replay(&mut Card::new(CardParams::default()).unwrap()), now.0);
        // Another width, another card: what comes of it is noticed.
        let mut other = calls.clone();
        other.0[1].clocks = Cycles(7);
        assert!(other.replay(&mut Card::new(CardParams::default()).unwrap()) < now.0);
    }

    #[test]
    fn clocks_with_a_beat_are_counted() {
        let recorder = Recorder::<Clocks>::default();
        let mut card = recorder.around(Card::new(CardParams::default()).unwrap());
        let (mut input, mut output) = (PortIn::default(), PortOut::default());
        for clock in 0..10 {
            input.rx.valid = clock >= 8;
            (input.rx.sop, input.rx.eop) = (true, true);
            card.clock(&input, &mut output);
        }
        let clocks = recorder.take();
        assert_eq!((clocks.len(), clocks.busy()), (10, 2));
    }
}
