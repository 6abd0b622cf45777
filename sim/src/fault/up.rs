//! From the card to the host: what becomes of a TLP that has left the card, and the queue of those that wait or were made.

use super::alter::{Passable, answer, may_pass, unasked};
use super::credit::Price;
use super::port::{Ended, Plan};
use crate::root::HOST;
use crate::trace::Way;
use silico_spec::credit::{Class, Limits};
use silico_spec::port::{Response, Stimulus, TlpBuf};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Cycle, Cycles};

/// A made completion takes so long, as if its completer were next door.
const ANSWER: Cycles = Cycles(100);
/// Clocks after which the card has sent all that it decided on before a made TLP took credits from it.
const SETTLED: Cycles = Cycles(1000);
/// Credits of data that the greatest payload on this link takes.
const GREATEST: u16 = 64;

/// A TLP on its way to the host that does not come straight from the card.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Not before.
    pub(super) at: Cycle,
    pub(super) passable: Passable,
    /// When it was made, if it was: the card did not pay for it.
    pub(super) made: Option<Cycle>,
    pub(super) tlp: TlpBuf,
}

impl Plan {
    /// The card has sent the TLP in `response`, whose last beat passed in `cycle`.
    pub(super) fn card_sent(&mut self, cycle: Cycle, stimulus: &mut Stimulus, response: &mut Response) {
        let before = Price::of(&response.tlp);
        let request = Header(response.tlp.header);
        self.note_sender(&request);
        let mut effects = self.strike(cycle, Way::ToHost, &mut response.tlp);
        self.spread(cycle, &effects);
        self.end_completions(Way::ToHost, &mut response.tlp, &mut effects);
        let next = Cycle(cycle.0 + 1);
        if effects.stall > 0 {
            self.held_until = self.held_until.max(next.after(Cycles(effects.stall)));
        }
        if effects.starve > 0 {
            self.starved_up = Some((next.after(Cycles(effects.starve)), stimulus.credits));
        }
        if request.kind().class() == Class::NonPosted && (effects.answer.is_some() || effects.silence) {
            effects.gone = true;
            if let Some(status) = effects.answer {
                let tlp = answer(&request, HOST, status);
                self.owed_down.take(Price::of(&tlp));
                self.insert(next.after(ANSWER), tlp, stimulus);
                let tag = request.tag().0 % 256;
                self.in_flight[usize::from(tag / 64)] &= !(1 << (tag % 64));
            }
        }
        let after = Price::of(&response.tlp);
        if effects.gone {
            self.owed_up.give(before);
            response.tlp_done = false;
        } else if before != after {
            self.owed_up.give(before);
            self.owed_up.take(after);
        }
        for _ in 0..effects.copies {
            self.make(next, response.tlp.clone());
        }
        for _ in 0..effects.spurious {
            // To the root port: no tag of its own is this high unless it has had as many requests.
            self.make(next, unasked(self.card, HOST, silico_spec::units::Tag(255)));
        }
        if response.tlp_done {
            // One of ours passed between its beats. Beats of a TLP are contiguous, so it is sent anew as a whole.
            if self.emitted.is_some_and(|last| response.tlp_first <= last) {
                effects.hold = Some(effects.hold.unwrap_or((0, Passable::No)));
            }
            self.pass_or_wait(next, effects.hold, response);
        }
        self.doze();
    }

    fn note_sender(&mut self, header: &Header) {
        match header.kind() {
            Kind::MemRead => {
                self.card = header.requester();
                let tag = header.tag().0 % 256;
                self.in_flight[usize::from(tag / 64)] |= 1 << (tag % 64);
            }
            Kind::MemWrite => self.card = header.requester(),
            _ => {}
        }
        if let Some(channels) = &mut self.channels {
            channels.sent(header);
        }
    }

    /// Follows completions of requests that end otherwise than their completer meant. Their last one carries the new answer, so that nobody uses the
    /// tag again while others are under way.
    pub(super) fn end_completions(&mut self, way: Way, tlp: &mut TlpBuf, effects: &mut super::alter::Effects) {
        let header = Header(tlp.header);
        if header.kind().class() != Class::Completion {
            return;
        }
        let (requester, tag) = (header.requester(), header.tag().0);
        let is_same = |one: &Ended| (one.way, one.requester, one.tag) == (way, requester, tag);
        if effects.silence || effects.answer.is_some() {
            let answer = if effects.silence { None } else { effects.answer.map(|status| (header, status)) };
            if !self.ended.iter().any(is_same) {
                self.ended.push(Ended { way, requester, tag, answer });
            }
        }
        let Some(index) = self.ended.iter().position(is_same) else { return };
        if !super::channels::is_last(&header, tlp.payload().len()) {
            effects.gone = true;
            return;
        }
        match self.ended.remove(index).answer {
            Some((from, status)) => super::alter::refuse(tlp, &from, status),
            None => effects.gone = true,
        }
    }

    /// The TLP goes on, waits by itself, or waits behind those that it must not pass.
    fn pass_or_wait(&mut self, next: Cycle, hold: Option<(u64, Passable)>, response: &mut Response) {
        let header = Header(response.tlp.header);
        let blocks = |waiting: &Outgoing| match waiting.passable {
            Passable::No => true,
            Passable::ByRule => !may_pass(&header, &Header(waiting.tlp.header)),
            Passable::ByAll => false,
        };
        let behind = self.outgoing.iter().filter(|waiting| waiting.made.is_none() && blocks(waiting)).map(|waiting| waiting.at).max();
        let own = hold.map(|(span, passable)| (next.after(Cycles(span)), passable));
        let Some((at, passable)) = own.or(behind.map(|at| (at, Passable::ByRule))) else {
            self.host_sees(&response.tlp);
            return;
        };
        let at = behind.map_or(at, |behind| at.max(behind));
        if passable == Passable::No {
            self.held_until = self.held_until.max(at);
        }
        response.tlp_done = false;
        let tlp = response.tlp.clone();
        self.queue(Outgoing { at, passable, made: None, tlp });
    }

    /// Makes a TLP for the host.
    pub(super) fn make(&mut self, at: Cycle, tlp: TlpBuf) {
        self.owed_up.take(Price::of(&tlp));
        self.queue(Outgoing { at, passable: Passable::ByAll, made: Some(at), tlp });
    }

    fn queue(&mut self, outgoing: Outgoing) {
        let index = self.outgoing.partition_point(|waiting| waiting.at <= outgoing.at);
        // The one that is passing stays the first.
        let index = if self.is_sending() { index.max(1) } else { index };
        self.outgoing.insert(index, outgoing);
    }

    /// Whether the host has granted enough for the oldest that waits. The card may be sending what it decided on before a made one took credits.
    pub(super) fn affords(&self, now: Cycle, granted: Limits) -> bool {
        let Some(first) = self.outgoing.front() else { return false };
        let Some(made) = first.made else { return true };
        let price = Price::of(&first.tlp);
        let spare = if now < made.after(SETTLED) { (1, GREATEST) } else { (0, 0) };
        let mut used = self.host_used[price.class as usize];
        used.headers = used.headers.wrapping_add(spare.0);
        used.allows(granted.of(price.class), price.data + spare.1)
    }

    pub(super) fn host_sees(&mut self, tlp: &TlpBuf) {
        let price = Price::of(tlp);
        self.host_used[price.class as usize].take(price.data);
    }
}
