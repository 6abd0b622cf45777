//! The middleware: what it changes of the stimulus before a run of clocks, and of the response after it. What passes each way is in `up` and `down`.
//!
//! The length of a run keeps its meaning: a TLP that is made or let go passes on the transmit stream beat by beat, in clocks in which the receiver is
//! ready and the card is held, and the run ends with its last beat.

use super::alter::{Effects, Passable};
use super::arm::{Armed, Facts};
use super::channels::Channels;
use super::credit::Owed;
use super::log::{FaultLog, LinkSwitch, Planted};
use super::repeat_frame::RepeatFrame;
use super::rule::{Rule, What};
use super::up::Outgoing;
use crate::trace::Way;
use silico_spec::credit::{Consumed, Limits};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::{CompletionStatus, Header};
use silico_spec::units::{Bdf, Cycle, Cycles};
use std::collections::VecDeque;

/// A card with faults around it.
#[derive(Debug)]
pub struct Faults<P> {
    inner: P,
    plan: Plan,
}

impl<P: TlpPort> Faults<P> {
    /// Around `inner`, which has not run yet. `log` tells what was planted. All that is random descends from `seed`.
    ///
    /// # Panics
    /// If a rule does not make sense; those that were read from text do.
    pub fn new(inner: P, rules: &[Rule], seed: u64, log: FaultLog) -> Self {
        for rule in rules {
            if let Err((part, found, right)) = rule.check() {
                panic!("{part} of {rule} is {found}; it must be {right}");
            }
        }
        let width = inner.width();
        Self { inner, plan: Plan::new(rules, seed, log, width) }
    }

    /// What is wrapped.
    pub const fn inner(&self) -> &P {
        &self.inner
    }

    /// By which rules with `flap` take the link down; without a machine behind it they do nothing.
    pub fn link_switch(&self) -> LinkSwitch {
        self.plan.link.clone()
    }
}

impl<P: Fork> Fork for Faults<P> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let (inner, log, link) = (self.inner.fork(memo)?, self.plan.log.fork(memo)?, self.plan.link.fork(memo)?);
        Ok(Self { inner, plan: Plan { log, link, ..self.plan.clone() } })
    }
}

impl<P: TlpPort> TlpPort for Faults<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    #[inline]
    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        if self.plan.asleep {
            return self.inner.run(now, limit, stimulus, response);
        }
        if stimulus.reset || !stimulus.link_up {
            self.plan.forget();
            response.credits = self.plan.card_credits;
            self.inner.run(now, limit, stimulus, response);
            self.plan.card_credits = response.credits;
            return;
        }
        let saved = self.plan.before(now, limit, stimulus, response);
        self.inner.run(now, saved.limit, stimulus, response);
        self.plan.after(now, &saved, stimulus, response);
    }
}

/// What is put back after a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved {
    limit: Cycles,
    credits: Limits,
    tx_ready_at: Cycle,
}

/// A request whose completions are being replaced by one, or by none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) way: Way,
    pub(super) requester: Bdf,
    pub(super) tag: u16,
    /// The first completion that was replaced, and what by; `None`: nothing.
    pub(super) answer: Option<(Header, CompletionStatus)>,
}

/// Rules at work, and all that they have set in motion.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) rules: Vec<Armed>,
    repeats: Vec<(usize, RepeatFrame)>,
    log: FaultLog,
    link: LinkSwitch,
    pub(super) width: DataWidth,
    /// Only if a rule asks for it.
    pub(super) channels: Option<Channels>,
    /// Nothing can happen any more.
    asleep: bool,
    /// The card's ID, as its TLPs and config requests show it.
    pub(super) card: Bdf,
    /// Bit per tag below 256: a read of the card is in flight.
    pub(super) in_flight: [u64; 4],
    /// What the card itself grants.
    pub(super) card_credits: Option<Limits>,
    /// Towards the card: credits for TLPs that the host never saw.
    pub(super) owed_up: Owed,
    /// Towards the host: credits for TLPs that the card never saw.
    pub(super) owed_down: Owed,
    /// What the host has seen.
    pub(super) host_used: [Consumed; 3],
    /// TLPs that wait to go to the host, in order.
    pub(super) outgoing: VecDeque<Outgoing>,
    /// The oldest of them is passing: since when, and clocks that it still takes.
    sending: Option<(Cycle, u32)>,
    /// When the last beat of one of ours passed.
    pub(super) emitted: Option<Cycle>,
    /// What the card is sending meanwhile: it belongs to the card.
    parked: Option<(TlpBuf, Cycle)>,
    /// The card's transmitter is held before this cycle.
    pub(super) held_until: Cycle,
    /// Nothing reaches the card before this cycle.
    pub(super) floor: Cycle,
    /// Nothing that comes now reaches the card before this cycle.
    pub(super) stalled_down: Cycle,
    /// No credits beyond these are shown before this cycle: to the card, and to the host.
    pub(super) starved_up: Option<(Cycle, Limits)>,
    pub(super) starved_down: Option<(Cycle, Limits)>,
    /// Who may pass each of the TLPs in the stimulus that have been looked at.
    pub(super) marks: VecDeque<Passable>,
    pub(super) ended: Vec<Ended>,
    struck: Vec<usize>,
}

/// TLPs that may wait before the card is held.
const MOST_WAITING: usize = 64;

impl Plan {
    fn new(rules: &[Rule], seed: u64, log: FaultLog, width: DataWidth) -> Self {
        log.register(rules);
        let equals = |index: usize| rules[..index].iter().filter(|one| **one == rules[index]).count() as u64;
        let armed = rules.iter().enumerate().map(|(index, rule)| Armed::new(*rule, equals(index), seed)).collect();
        let repeat = |(index, rule): (usize, &Rule)| match (rule.what, rule.when.trigger) {
            (What::Repeat, super::Trigger::Nth(nth)) => Some((index, RepeatFrame::new(nth))),
            _ => None,
        };
        Self {
            rules: armed,
            repeats: rules.iter().enumerate().filter_map(repeat).collect(),
            log,
            link: LinkSwitch::default(),
            width,
            channels: rules.iter().any(|rule| rule.select.channel.is_some()).then(Channels::default),
            asleep: rules.is_empty(),
            card: Bdf::default(),
            in_flight: [0; 4],
            card_credits: None,
            owed_up: Owed::default(),
            owed_down: Owed::default(),
            host_used: [Consumed::default(); 3],
            outgoing: VecDeque::new(),
            sending: None,
            emitted: None,
            parked: None,
            held_until: Cycle(0),
            floor: Cycle(0),
            stalled_down: Cycle(0),
            starved_up: None,
            starved_down: None,
            marks: VecDeque::new(),
            ended: Vec::new(),
            struck: Vec::new(),
        }
    }

    /// Reset, or the link is down: nothing is in flight, and flow control begins anew. Rules keep their counts.
    fn forget(&mut self) {
        self.outgoing.clear();
        self.marks.clear();
        self.ended.clear();
        (self.sending, self.parked, self.emitted) = (None, None, None);
        (self.starved_up, self.starved_down) = (None, None);
        (self.owed_up, self.owed_down) = (Owed::default(), Owed::default());
        self.host_used = [Consumed::default(); 3];
        self.in_flight = [0; 4];
        (self.held_until, self.floor, self.stalled_down) = (Cycle(0), Cycle(0), Cycle(0));
    }

    fn before(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) -> Saved {
        if let Some((tlp, first)) = self.parked.take() {
            stimulus.spare.push(std::mem::replace(&mut response.tlp, tlp));
            response.tlp_first = first;
        }
        for end in [&mut self.held_until, &mut self.floor, &mut self.stalled_down] {
            *end = if *end > now { *end } else { Cycle(0) };
        }
        let owed = self.owed_down;
        self.arrivals(now, stimulus);
        self.repeat_at_front(now, stimulus);
        // Other credits for the host end the run, as those of a card do.
        let limit = if owed == self.owed_down { limit } else { Cycles(1) };
        let mut saved = Saved { limit: Cycles(limit.0.max(1)), credits: stimulus.credits, tx_ready_at: stimulus.tx_ready_at };
        let until = |saved: &mut Saved, at: Cycle| saved.limit = Cycles(saved.limit.0.min(at.since(now).0.max(1)));
        for starved in [&mut self.starved_up, &mut self.starved_down] {
            *starved = starved.filter(|(end, _)| *end > now);
            if let Some((end, _)) = starved {
                until(&mut saved, *end);
            }
        }
        let granted = self.starved_up.map_or(saved.credits, |(_, frozen)| frozen);
        stimulus.credits = self.owed_up.shown(granted);
        let mut held = self.held_until;
        if let Some(first) = self.outgoing.front() {
            let due = first.at.max(saved.tx_ready_at);
            if self.sending.is_none() && due <= now && self.affords(now, granted) {
                if stimulus.tx_ready(now, 0) {
                    self.sending = Some((now, self.width.beats(first.tlp.payload().len() as u32)));
                } else {
                    // It begins with a run: the next one must begin where the receiver is ready, or it would wait for ever for one that by chance does.
                    until(&mut saved, now.after(Cycles(stimulus.tx_stall.trailing_ones().into())));
                }
            }
            if due > now {
                until(&mut saved, due);
            }
            if self.sending.is_some() || self.outgoing.len() >= MOST_WAITING {
                held = Cycle::NEVER;
            }
        }
        if let Some((_, left)) = self.sending {
            saved.limit = Cycles(saved.limit.0.min(left.into()));
        }
        stimulus.tx_ready_at = stimulus.tx_ready_at.max(held);
        response.credits = self.card_credits;
        saved
    }

    fn after(&mut self, now: Cycle, saved: &Saved, stimulus: &mut Stimulus, response: &mut Response) {
        (stimulus.credits, stimulus.tx_ready_at) = (saved.credits, saved.tx_ready_at);
        self.card_credits = response.credits;
        while self.marks.len() > stimulus.rx.len() {
            self.marks.pop_front();
        }
        let last = Cycle(now.0 + response.clocks.0.max(1) - 1);
        self.repeat_in_ring(last, stimulus, response);
        if response.tlp_done {
            self.card_sent(last, stimulus, response);
        }
        self.pass_beats(now, stimulus, response);
        self.starved_down = self.starved_down.filter(|(end, _)| *end > Cycle(last.0 + 1));
        let granted = self.starved_down.map_or(self.card_credits, |(_, frozen)| Some(frozen));
        response.credits = granted.map(|limits| self.owed_down.shown(limits));
    }

    /// Beats of a TLP of ours have passed, if one is passing; ends the run with the last one.
    fn pass_beats(&mut self, now: Cycle, stimulus: &Stimulus, response: &mut Response) {
        let Some((first, left)) = &mut self.sending else { return };
        let first = *first;
        let ready = (0..response.clocks.0).filter(|index| stimulus.tx_ready(Cycle(now.0 + index), *index)).count();
        *left = left.saturating_sub(ready as u32);
        if *left > 0 || response.tlp_done {
            return;
        }
        self.sending = None;
        self.emitted = Some(Cycle(now.0 + response.clocks.0.max(1) - 1));
        let Some(ours) = self.outgoing.pop_front() else { return };
        self.parked = Some((std::mem::replace(&mut response.tlp, ours.tlp), response.tlp_first));
        self.host_sees(&response.tlp);
        (response.tlp_first, response.tlp_done) = (first, true);
        self.doze();
    }

    fn repeat_at_front(&mut self, now: Cycle, stimulus: &mut Stimulus) {
        for index in 0..self.repeats.len() {
            let (rule, repeat) = &mut self.repeats[index];
            let rule = *rule;
            if !repeat.done && repeat.before(stimulus) {
                self.rules[rule].spent = true;
                self.note(rule, now, Way::ToHost, Header::default(), 0);
            }
        }
    }

    fn repeat_in_ring(&mut self, last: Cycle, stimulus: &Stimulus, response: &mut Response) {
        for index in 0..self.repeats.len() {
            let (rule, repeat) = &mut self.repeats[index];
            let rule = *rule;
            if !repeat.done && repeat.after(stimulus, response) {
                self.rules[rule].spent = true;
                let (header, bytes) = (Header(response.tlp.header), response.tlp.payload().len());
                self.note(rule, last, Way::ToHost, header, bytes);
            }
        }
    }

    fn note(&self, index: usize, cycle: Cycle, way: Way, header: Header, bytes: usize) {
        self.log.note(index, Planted { rule: self.rules[index].rule, cycle, way, header, bytes: bytes as u32 });
    }

    /// Lets the rules judge `tlp`, and changes it by those that strike.
    pub(super) fn strike(&mut self, cycle: Cycle, way: Way, tlp: &mut TlpBuf) -> Effects {
        let facts = Facts::new(way, tlp, self.channels.as_ref());
        let (header, content, bytes) = (facts.header, facts.content, tlp.payload().len());
        let rules = self.rules.iter_mut().enumerate();
        self.struck.extend(rules.filter_map(|(index, rule)| rule.strikes(cycle, &facts).then_some(index)));
        let mut effects = Effects::default();
        while !self.struck.is_empty() {
            let index = self.struck.remove(0);
            super::alter::apply(&self.rules[index].rule, content, tlp, &mut effects);
            self.note(index, cycle, way, header, bytes);
        }
        effects
    }

    /// What a fault does beyond its TLP and its direction.
    pub(super) fn spread(&mut self, cycle: Cycle, effects: &Effects) {
        if effects.flap > 0 {
            self.link.down_for(effects.flap);
        }
        if effects.retrain > 0 {
            let end = Cycle(cycle.0 + 1).after(Cycles(effects.retrain));
            (self.held_until, self.floor) = (self.held_until.max(end), self.floor.max(end));
        }
    }

    pub(super) const fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// A tag that no read of the card has at present, the highest.
    pub(super) fn free_tag(&self) -> u16 {
        (0..256u16).rev().find(|tag| self.in_flight[usize::from(tag / 64)] >> (tag % 64) & 1 == 0).unwrap_or(255)
    }

    /// Goes to sleep for good if nothing can happen any more.
    pub(super) fn doze(&mut self) {
        let idle = self.outgoing.is_empty()
            && self.sending.is_none()
            && self.ended.is_empty()
            && self.marks.iter().all(|mark| *mark == Passable::No);
        let free = self.owed_up.is_none() && self.owed_down.is_none() && self.starved_up.is_none() && self.starved_down.is_none();
        // What is held, or parked, needs its end; and so does what a retraining moved.
        let quiet = self.parked.is_none() && [self.held_until, self.floor, self.stalled_down] == [Cycle(0); 3];
        self.asleep = idle && free && quiet && self.rules.iter().all(|rule| rule.spent);
    }
}
