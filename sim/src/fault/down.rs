//! From the host to the card: what stands in the stimulus is looked at once, when it is first seen, and changed there.

use super::alter::{Passable, answer, may_pass, unasked};
use super::credit::Price;
use super::port::Plan;
use crate::root::HOST;
use crate::trace::Way;
use silico_spec::credit::Class;
use silico_spec::port::{RxTlp, Stimulus, TlpBuf};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Cycle, Cycles};

impl Plan {
    /// Looks at TLPs that are new.
    #[inline]
    pub(super) fn arrivals(&mut self, now: Cycle, stimulus: &mut Stimulus) {
        if self.marks.len() >= stimulus.rx.len() && self.floor <= now {
            return;
        }
        // A TLP that was removed makes room for the next one at the same place.
        while self.marks.len() < stimulus.rx.len() {
            self.arrival(now, self.marks.len(), stimulus);
        }
        self.raise(now, stimulus);
    }

    fn arrival(&mut self, now: Cycle, index: usize, stimulus: &mut Stimulus) {
        let cycle = stimulus.rx[index].at;
        let tlp = &mut stimulus.rx[index].tlp;
        let (before, request, bytes) = (Price::of(tlp), Header(tlp.header), tlp.payload().len());
        if let Some(channels) = &mut self.channels {
            channels.arriving(tlp);
        }
        let mut effects = self.strike(cycle, Way::ToCard, tlp);
        self.note_arrival(&request, bytes);
        self.spread(cycle, &effects);
        self.end_completions(Way::ToCard, tlp, &mut effects);
        let next = cycle.after(Cycles(1));
        if let (true, Some(limits)) = (effects.starve > 0, self.card_credits) {
            self.starved_down = Some((now.max(cycle).after(Cycles(effects.starve)), limits));
        }
        if request.kind().class() == Class::NonPosted && (effects.answer.is_some() || effects.silence) {
            effects.gone = true;
            if let Some(status) = effects.answer {
                self.make(next, answer(&request, self.card, status));
            }
        }
        let tlp = &stimulus.rx[index].tlp;
        let after = Price::of(tlp);
        if effects.gone {
            self.owed_down.give(before);
        } else if before != after {
            self.owed_down.give(before);
            self.owed_down.take(after);
        }
        let stalled = next.after(Cycles(effects.stall));
        let copies: Vec<TlpBuf> = (0..effects.copies).map(|_| tlp.clone()).collect();
        if effects.gone {
            stimulus.spare.extend(stimulus.rx.remove(index).map(|gone| gone.tlp));
        } else {
            self.place(index, effects.hold, stimulus);
        }
        if effects.stall > 0 {
            // What comes later; this one was on time.
            self.stalled_down = self.stalled_down.max(stalled);
        }
        for copy in copies {
            self.owed_down.take(Price::of(&copy));
            self.insert(next, copy, stimulus);
        }
        for _ in 0..effects.spurious {
            let tlp = unasked(HOST, self.card, silico_spec::units::Tag(self.free_tag()));
            self.owed_down.take(Price::of(&tlp));
            self.insert(next, tlp, stimulus);
        }
        self.doze();
    }

    fn note_arrival(&mut self, header: &Header, bytes: usize) {
        match header.kind() {
            Kind::CfgRead0 | Kind::CfgWrite0 => self.card = header.destination(),
            kind if kind.class() == Class::Completion => {
                if super::channels::is_last(header, bytes) {
                    let tag = header.tag().0 % 256;
                    self.in_flight[usize::from(tag / 64)] &= !(1 << (tag % 64));
                }
                if let Some(channels) = &mut self.channels {
                    channels.ended(header, bytes);
                }
            }
            _ => {}
        }
    }

    /// The TLP at `index`, the last one, gets its place and time among those before it.
    fn place(&mut self, index: usize, hold: Option<(u64, Passable)>, stimulus: &mut Stimulus) {
        let mut passable = Passable::No;
        if let Some((span, by)) = hold {
            stimulus.rx[index].at = stimulus.rx[index].at.after(Cycles(span));
            passable = by;
        }
        stimulus.rx[index].at = stimulus.rx[index].at.max(self.stalled_down);
        self.marks.push_back(passable);
        self.sink(index, stimulus);
    }

    /// Lets the TLP at `index` pass those before it that wait longer and let it, then makes times ascend.
    fn sink(&mut self, mut index: usize, stimulus: &mut Stimulus) {
        let rx = &mut stimulus.rx;
        let header = Header(rx[index].tlp.header);
        let first = usize::from(stimulus.rx_passed > 0);
        while index > first && rx[index - 1].at > rx[index].at {
            let lets = match self.marks[index - 1] {
                Passable::No => false,
                Passable::ByRule => may_pass(&header, &Header(rx[index - 1].tlp.header)),
                Passable::ByAll => true,
            };
            if !lets {
                // It waits for another's sake, and others need not wait for it.
                self.marks[index] = self.marks[index].max(self.marks[index - 1].min(Passable::ByRule));
                break;
            }
            rx.swap(index - 1, index);
            self.marks.swap(index - 1, index);
            index -= 1;
        }
        for later in index.max(1)..rx.len() {
            rx[later].at = rx[later].at.max(rx[later - 1].at);
        }
    }

    /// Puts a made TLP into the stimulus, for the card to see from `at` on.
    pub(super) fn insert(&mut self, at: Cycle, tlp: TlpBuf, stimulus: &mut Stimulus) {
        let first = usize::from(stimulus.rx_passed > 0);
        let looked_at = self.marks.len();
        let mut index = looked_at;
        while index > first && stimulus.rx[index - 1].at > at {
            index -= 1;
        }
        stimulus.rx.insert(index, RxTlp { at, tlp });
        self.marks.insert(index, Passable::ByAll);
    }

    /// Nothing is seen before the floor, save what is passing already.
    fn raise(&mut self, now: Cycle, stimulus: &mut Stimulus) {
        if self.floor <= now {
            return;
        }
        let first = usize::from(stimulus.rx_passed > 0);
        for rx in stimulus.rx.iter_mut().skip(first) {
            rx.at = rx.at.max(self.floor);
        }
    }
}
