//! What a host did to a card, recorded at either grain of the port, to be done again without the host. Judges nothing.

use silico_spec::params::DataWidth;
use silico_spec::port::{Endpoint, PortIn, PortOut, Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Clock by clock: what the card was shown, and what it showed after.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks(pub(super) Vec<(PortIn, PortOut)>);

impl Clocks {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Clocks in which a beat passes either way, one by one.
    fn busy(&self) -> impl DoubleEndedIterator<Item = (usize, bool)> + ExactSizeIterator {
        let passes = |pair: &[(PortIn, PortOut)]| {
            let [(_, shown), (input, _)] = pair else { return false };
            shown.tx.valid && input.tx_ready || input.rx.valid && shown.rx_ready
        };
        (1..self.len()).zip(self.0.windows(2).map(passes))
    }

    /// From the first to the last clock of those that follow, or are followed by, a [`STRETCH`] in which beats pass in half of all clocks; and how many
    /// clocks of them have one.
    pub(super) fn dense(&self) -> (Range<usize>, usize) {
        let start = first_dense(self.busy()).unwrap_or(0);
        let end = first_dense(self.busy().rev()).map_or(0, |last| last + 1).max(start);
        (start..end, self.busy().filter(|(clock, busy)| *busy && (start..end).contains(clock)).count())
    }
}

/// Clocks that are looked at together.
const STRETCH: usize = 256;

/// The first clock from which on a stretch is dense.
fn first_dense(clocks: impl Iterator<Item = (usize, bool)>) -> Option<usize> {
    let clocks: Vec<_> = clocks.collect();
    clocks.windows(STRETCH).find(|stretch| stretch.iter().filter(|(_, busy)| *busy).count() >= STRETCH / 2).map(|stretch| stretch[0].0)
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
    pub(super) fn clocks(&self) -> u64 {
        self.0.iter().map(|call| call.clocks.0).sum()
    }

    /// A copy to be used up, in three parts: what begins before, in, and after these clocks.
    pub(super) fn ready(&self, clocks: &Range<usize>) -> [Self; 3] {
        let mut parts = [const { Self(Vec::new()) }; 3];
        let mut passed = 0;
        for call in &self.0 {
            let part = usize::from(passed >= clocks.start as u64) + usize::from(passed >= clocks.end as u64);
            parts[part].0.push(call.clone());
            passed += call.clocks.0;
        }
        parts
    }

    /// Makes all calls. Clocks that passed up to the first call that took another time than before.
    pub(super) fn replay(&mut self, card: &mut impl TlpPort, response: &mut Response) -> u64 {
        let mut passed = 0;
        for call in &mut self.0 {
            response.credits = call.credits;
            card.run(call.now, call.limit, &mut call.stimulus, response);
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
        assert_eq!((calls.0.len(), calls.clocks()), (3, now.0));
        let mut again = Card::new(CardParams::default()).unwrap();
        let mut response = Response::default();
        let parts = calls.ready(&(1..now.0 as usize - 1));
        assert_eq!(parts.iter().map(|part| part.0.len()).sum::<usize>(), 3);
        assert_eq!(parts.map(|mut part| part.replay(&mut again, &mut response)).iter().sum::<u64>(), now.0);
        // What takes another time is noticed.
        let mut other = calls.clone();
        other.0[1].clocks = Cycles(7);
        assert!(other.replay(&mut Card::new(CardParams::default()).unwrap(), &mut Response::default()) < now.0);
    }

    #[test]
    fn the_dense_part_is_found() {
        let recorder = Recorder::<Clocks>::default();
        let mut card = recorder.around(Card::new(CardParams::default()).unwrap());
        let (mut input, mut output) = (PortIn::default(), PortOut::default());
        (input.rx.sop, input.rx.eop) = (true, true);
        for clock in 0..4000 {
            // A beat now and then, and many of them in the middle.
            input.rx.valid = clock % 50 == 7 || (1000..2000).contains(&clock);
            card.clock(&input, &mut output);
        }
        let (dense, busy) = recorder.take().dense();
        assert!((850..=1000).contains(&dense.start) && (2000..=2150).contains(&dense.end), "{dense:?}");
        assert!((1000..1010).contains(&busy), "{busy}");
        assert_eq!(Clocks::default().dense(), (0..0, 0));
    }
}
