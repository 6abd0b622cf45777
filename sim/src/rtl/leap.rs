//! Leaps of a Verilated card over clocks in which nothing happens, by proof: the card is tried from where it is, and put back.
//!
//! All that a card does next follows from its state and its inputs. While no stream is valid and the other inputs stay, a card whose state comes back after one
//! *period* (its timers look at the read tags in turn, one a clock) stays on that way for ever, but for two things, which the trial takes up:
//!
//! - **What only counts** goes on counting: the registers that `build/counters.rs` lists, which nothing else looks at; so much a period, since all else is the
//!   same in each. A leap adds it, and what follows from it is evaluated anew.
//! - **The card's clock** is one of them, and timers are compared with it: `since + time <= now`, and nothing else. Such a comparison stays true once it is.
//!   So where none has become true at a far end of time, with all else as it was, none does before; where one has, the card is tried with a nearer end.
//!
//! `tx_ready` and `out_ready` may change all the time: the card looks at them only beside a `valid` of its own. The trial shows it every combination.

use super::ffi::bridge::{self, Out};
use super::{COVERAGE, RtlCard};
use crate::variants::VARIANTS;
use silico_spec::port::PortIn;

/// The far end of time, in clocks: over an hour. Then, the card is tried again.
const FAR: u64 = 1 << 40;
/// Nearer ends, one after the other: one part in so many.
const NEARER: u64 = 64;
/// A trial is worth this many periods of leaps, or the next one comes later.
const WORTH: u64 = 8;
/// Most clocks for which a card that does not settle is left alone.
const MOST_PATIENCE: u64 = 1 << 24;

/// What is known of coming clocks.
#[derive(Clone, Debug)]
pub(super) struct Leap {
    /// The least that `patience` may be.
    least: u64,
    /// Clocks in a row in which nothing was shown by anybody.
    idle: u64,
    /// Clocks after which the card is tried.
    patience: u64,
    /// Proved: so many clocks pass like the last one.
    still: u64,
    /// Of those, passed without the card: it takes them when it is looked at.
    pub(super) owed: u64,
    /// Leapt over since the last trial.
    gained: u64,
    /// What the counters grow by in a period.
    growth: Vec<u64>,
}

/// Clocks after which a card that rests is the same again, or a multiple: enough for all combinations of `ready`.
fn period(variant: usize) -> u64 {
    let tags = u64::from(VARIANTS[variant].tags);
    let combinations = 2 << VARIANTS[variant].h2c;
    tags * u64::div_ceil(combinations, tags)
}

/// Whether a clock shows nothing, and the rest is as it was. Nobody leaps in reset.
pub(super) fn is_calm(before: &bridge::In, input: &PortIn, credits: [u32; 3]) -> bool {
    !input.rx.valid
        && input.front_valid == 0
        && !input.reset
        && (before.reset, before.link_up, before.credits) == (input.reset, input.link_up, credits)
}

const fn shows_nothing(output: &Out) -> bool {
    !output.tx_valid && output.out_valid == 0
}

impl Leap {
    /// Of a card that has just been powered on.
    pub(super) fn new(variant: usize) -> Self {
        Self::after(4 * period(variant) + 512)
    }

    const fn after(least: u64) -> Self {
        Self { least, idle: 0, patience: least, still: 0, owed: 0, gained: 0, growth: Vec::new() }
    }

    /// Clocks from now that may be passed at once.
    pub(super) const fn still(&self) -> u64 {
        self.still
    }

    /// Passes some of them.
    pub(super) fn pass(&mut self, clocks: u64) {
        assert!(clocks <= self.still, "{clocks} clocks are to be passed, and {} may", self.still);
        (self.still, self.owed, self.gained) = (self.still - clocks, self.owed + clocks, self.gained + clocks);
    }
}

impl RtlCard {
    /// The same, but it is tried whether it may leap after so many clocks in which nothing happens already: for tests, since each trial takes some hundred clocks.
    #[must_use]
    pub fn leaping_after(mut self, clocks: u64) -> Self {
        self.leap = Leap::after(clocks);
        self
    }

    /// A clock has passed. `calm`: its inputs were.
    pub(super) fn rest(&mut self, calm: bool) {
        let leap = &mut self.leap;
        if !calm || !shows_nothing(&self.output) {
            if !leap.growth.is_empty() {
                leap.patience =
                    if leap.gained < WORTH * period(self.variant) { (2 * leap.patience).min(MOST_PATIENCE) } else { leap.least };
                leap.growth.clear();
            }
            (leap.idle, leap.still) = (0, 0);
            return;
        }
        if leap.still > 0 {
            leap.still -= 1;
            return;
        }
        leap.idle += 1;
        if leap.idle >= leap.patience {
            self.attempt();
        }
    }

    /// Takes the clocks that are owed.
    pub(super) fn pay(&mut self) {
        let owed = std::mem::take(&mut self.leap.owed);
        if owed == 0 {
            return;
        }
        let period = period(self.variant);
        let (periods, rest) = (owed / period, owed % period);
        if periods > 0 {
            let mut counters = self.counters();
            for (counter, growth) in counters.iter_mut().zip(&self.leap.growth) {
                *counter = counter.wrapping_add(growth.wrapping_mul(periods));
            }
            self.card.pin_mut().count(&counters);
        }
        self.cycle += owed - rest;
        for _ in 0..rest {
            self.cycle += 1;
            if self.card.pin_mut().step(&self.input, &mut self.output) {
                self.verdict.failed(self.cycle, &bridge::take_said());
            }
        }
    }

    fn counters(&self) -> Vec<u64> {
        let mut counters = Vec::new();
        self.card.counters(&mut counters);
        counters
    }

    /// Tries whether the card may leap from here.
    fn attempt(&mut self) {
        let at = self.counters();
        // One that is watched shows each clock, and what is counted for coverage is what happened.
        if at.is_empty() || self.is_open || COVERAGE.get().is_some() {
            self.leap.patience = u64::MAX;
            return;
        }
        let mut here = Vec::new();
        self.save_into(&mut here);
        let proved = self.proof(&here, &at);
        self.card.pin_mut().load(&here);
        let leap = &mut self.leap;
        (leap.idle, leap.gained) = (0, 0);
        match proved {
            Some((growth, still)) => (leap.growth, leap.still) = (growth, still),
            None => leap.patience = (2 * leap.patience).min(MOST_PATIENCE),
        }
    }

    /// What the counters grow by in a period, and for how many clocks that holds.
    fn proof(&mut self, here: &[u8], at: &[u64]) -> Option<(Vec<u64>, u64)> {
        let period = period(self.variant);
        // States are compared after a clock in which the counters were the same, so that nothing in them can tell the time.
        let mut first = Vec::new();
        self.card.pin_mut().count(at);
        self.trial_step(self.input.tx_ready, self.input.out_ready)?;
        self.save_into(&mut first);
        let mut other = Vec::new();
        let growth = self.trial(here, at, at, &first, &mut other)?;
        let mut span = FAR;
        while span > WORTH * period {
            let mut then = at.to_vec();
            then[0] = at[0].checked_add(span)?;
            if self.trial(here, at, &then, &first, &mut other).is_some_and(|again| again == growth) {
                return Some((growth, span));
            }
            span /= NEARER;
        }
        None
    }

    /// A period from `here`, with these values of the counters: what they grow by, if the card is as it was then.
    fn trial(&mut self, here: &[u8], at: &[u64], then: &[u64], first: &[u8], other: &mut Vec<u8>) -> Option<Vec<u64>> {
        self.card.pin_mut().load(here);
        self.card.pin_mut().count(then);
        for clock in 0..period(self.variant) {
            self.trial_step(clock & 1 != 0, (clock >> 1) as u8)?;
        }
        let growth = self.counters().iter().zip(then).map(|(after, before)| after.wrapping_sub(*before)).collect();
        self.card.pin_mut().count(at);
        self.trial_step(self.input.tx_ready, self.input.out_ready)?;
        self.save_into(other);
        (other == first).then_some(growth)
    }

    /// A clock that shows nothing, with other receivers; `None`: the card shows something, or other than before.
    fn trial_step(&mut self, tx_ready: bool, out_ready: u8) -> Option<()> {
        let mut output = super::quiet();
        let usual = (self.input.tx_ready, self.input.out_ready);
        (self.input.tx_ready, self.input.out_ready) = (tx_ready, out_ready);
        let failed = self.card.pin_mut().step(&self.input, &mut output);
        (self.input.tx_ready, self.input.out_ready) = usual;
        if failed {
            // It is told when it happens, not when it is tried.
            bridge::take_said();
            return None;
        }
        let shown = |out: &Out| (out.rx_ready, out.credits, out.front_ready, out.front_busy);
        (shows_nothing(&output) && shown(&output) == shown(&self.output)).then_some(())
    }
}
