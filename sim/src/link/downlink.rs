//! From the root port to the card: three classes of traffic, gated by the credits that the card granted, under PCIe's ordering rules
//! (PCIe 4.0 table 2-39), one serialiser. Requests wait here as TLPs; completions are made by the completer when their turn comes.
//!
//! A posted write passes whatever is blocked. A non-posted request never passes an earlier posted write, nor does a completion without relaxed ordering.

use super::dll::config::DllConfig;
use super::dll::{Direction, Injector};
use super::serializer::Serializer;
use crate::config::MachineConfig;
use crate::distribution::stream;
use crate::stats::{DllStats, Passes};
use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::generator::XorShift64;
use silico_spec::port::TlpBuf;
use silico_spec::units::{Cycle, Cycles, Tag};
use std::collections::VecDeque;

/// Posted writes of the CPU that wait for credits before a store stalls it.
pub(crate) const STORE_BUFFER: usize = 16;

#[derive(Clone, Debug)]
struct Waiting {
    since: Cycle,
    /// Order in which requests were made.
    order: u64,
    tlp: TlpBuf,
}

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The oldest posted write.
    Posted,
    /// The oldest non-posted request.
    NonPosted,
    /// A completion.
    Completion,
}

/// A completion that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadyCompletion {
    pub(crate) at: Cycle,
    /// Data credits.
    pub(crate) data: u16,
    /// It may pass posted writes.
    pub(crate) relaxed: bool,
}

/// A TLP for the card that waits for a replay.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) tlp: TlpBuf,
    /// The tag that is free when it arrives.
    pub(crate) ends: Option<Tag>,
}

/// The transmitter towards the card.
#[derive(Clone, Debug)]
pub(crate) struct Downlink {
    pub(crate) wire: Serializer,
    pub(crate) latency: Cycles,
    limits: Limits,
    pub(crate) consumed: [Consumed; 3],
    /// Limits on their way from the card: when they are here.
    grants: VecDeque<(Cycle, Limits)>,
    /// When the last of them was: nothing that it let go was sent before.
    granted: Cycle,
    /// Of the request that was popped last.
    popped: u64,
    posted: VecDeque<Waiting>,
    non_posted: VecDeque<Waiting>,
    orders: u64,
    pub(crate) dll: Option<Box<Direction<Held>>>,
    /// UpdateFC DLLPs of the card that are damaged on the way.
    damage: Injector,
    repeat: Cycles,
    /// UpdateFC DLLPs that were damaged.
    pub(crate) damaged: u64,
    /// Chance decides who goes first.
    arbitrate: bool,
    chance: XorShift64,
    /// Drawn for the next decision: a completion goes first.
    coin: bool,
}

impl Downlink {
    pub(crate) fn new(config: &MachineConfig, byte_time: u64, dll: Option<Box<Direction<Held>>>) -> Self {
        Self {
            wire: Serializer::new(byte_time),
            latency: config.link.latency,
            limits: Limits::NONE,
            consumed: [Consumed::default(); 3],
            grants: VecDeque::new(),
            granted: Cycle(0),
            popped: 0,
            posted: VecDeque::new(),
            non_posted: VecDeque::new(),
            orders: 0,
            dll,
            damage: Injector::new(config.link.dll.to_host.update_fc, stream(config.seed, 10)),
            repeat: Cycles(DllConfig::UPDATE_REPEAT_NS * 1000 / u64::from(config.clock_ps)),
            damaged: 0,
            arbitrate: config.host.ordering.arbitrate,
            chance: stream(config.seed, 11),
            coin: false,
        }
    }

    /// All chance from here on descends from `seed`.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.damage.reseed(stream(seed, 10));
        self.chance = stream(seed, 11);
    }

    /// The link came up: flow control begins anew with what the card grants.
    pub(crate) fn restart(&mut self, limits: Limits) {
        self.limits = limits;
        self.consumed = [Consumed::default(); 3];
        self.grants.clear();
    }

    /// The link went down: gives what waited to `spare`.
    pub(crate) fn clear(&mut self, spare: &mut Vec<TlpBuf>) {
        spare.extend(self.posted.drain(..).chain(self.non_posted.drain(..)).map(|waiting| waiting.tlp));
        if let Some(dll) = &mut self.dll {
            spare.extend(dll.clear().map(|held| held.tlp));
        }
        self.restart(Limits::NONE);
    }

    /// The card drives other limits from `now` on.
    pub(crate) fn granted(&mut self, now: Cycle, limits: Limits) {
        self.grants.push_back((now.after(self.latency), limits));
    }

    pub(crate) fn enqueue(&mut self, now: Cycle, class: Class, tlp: TlpBuf) {
        let waiting = Waiting { since: now, order: self.orders, tlp };
        self.orders += 1;
        match class {
            Class::Posted => self.posted.push_back(waiting),
            _ => self.non_posted.push_back(waiting),
        }
    }

    pub(crate) fn posted_waiting(&self) -> usize {
        self.posted.len()
    }

    #[inline]
    fn allows(&self, class: Class, data: u16) -> bool {
        self.consumed[class as usize].allows(self.limits.of(class), data)
    }

    /// When the next grant of the card is known here.
    #[inline]
    pub(crate) fn next_grant(&self) -> Cycle {
        self.grants.front().map_or(Cycle::NEVER, |grant| grant.0)
    }

    /// Learns of the next grant.
    pub(crate) fn take_grant(&mut self) {
        let Some((at, limits)) = self.grants.pop_front() else { return };
        if !self.damage.hit() {
            (self.granted, self.limits) = (at, limits);
            return;
        }
        self.damaged += 1;
        // The next one says all that this one said.
        let repeated = at.after(self.repeat);
        if self.grants.front().is_none_or(|next| next.0 > repeated) {
            self.grants.push_front((repeated, limits));
        }
    }

    /// When the data link layer does something by itself.
    #[inline]
    pub(crate) fn next_event(&self) -> Cycle {
        self.dll.as_ref().map_or(Cycle::NEVER, |dll| dll.next())
    }

    /// Whether anything waits that another grant could let go.
    #[inline]
    pub(crate) fn has_requests(&self) -> bool {
        !self.posted.is_empty() || !self.non_posted.is_empty()
    }

    /// What goes next and when, with the grants known so far. `completion`: the next one.
    #[inline]
    pub(crate) fn next(&self, completion: Option<ReadyCompletion>) -> Option<(Cycle, Turn)> {
        if self.dll.as_ref().is_some_and(|dll| dll.is_full()) {
            return None;
        }
        let free = self.wire.free_in().max(self.granted);
        let completion = completion.filter(|completion| self.allows(Class::Completion, completion.data));
        if !self.has_requests() {
            return completion.map(|completion| (completion.at.max(free), Turn::Completion));
        }
        let request = self.next_request().map(|(since, turn)| (since.max(free), turn));
        // A completion that became ready after a posted write was made must not pass it.
        let completion = completion
            .filter(|completion| completion.relaxed || self.posted.front().is_none_or(|posted| completion.at.max(free) < posted.since));
        match (request, completion.map(|completion| (completion.at.max(free), Turn::Completion))) {
            (Some(request), Some(completion)) => {
                let is_first = completion.0 < request.0 || self.coin && completion.0 == request.0;
                Some(if is_first { completion } else { request })
            }
            (one, other) => one.or(other),
        }
    }

    fn next_request(&self) -> Option<(Cycle, Turn)> {
        let data = |waiting: &Waiting| data_credits(waiting.tlp.payload().len() as u32);
        let posted = self.posted.front();
        let non_posted = self.non_posted.front().filter(|waiting| posted.is_none_or(|posted| waiting.order < posted.order));
        let posted = posted.filter(|waiting| self.allows(Class::Posted, data(waiting)));
        let non_posted = non_posted.filter(|waiting| self.allows(Class::NonPosted, data(waiting)));
        match (non_posted, posted) {
            (Some(waiting), _) => Some((waiting.since, Turn::NonPosted)),
            (None, Some(waiting)) => Some((waiting.since, Turn::Posted)),
            (None, None) => None,
        }
    }

    /// Takes the request whose turn it is.
    pub(crate) fn pop(&mut self, turn: Turn) -> Option<TlpBuf> {
        let queue = if turn == Turn::Posted { &mut self.posted } else { &mut self.non_posted };
        let waiting = queue.pop_front()?;
        self.popped = waiting.order;
        Some(waiting.tlp)
    }

    /// Notes what a TLP of `class` goes before at `at`: a request that was popped, or a completion.
    #[inline]
    pub(crate) fn note_passes(&self, at: Cycle, class: Class, relaxed: bool, passes: &mut Passes) {
        if !self.has_requests() {
            return;
        }
        let reads = self.non_posted.front();
        match class {
            Class::Posted => passes.posted += u64::from(reads.is_some_and(|read| read.order < self.popped)),
            Class::NonPosted => {}
            Class::Completion => {
                passes.completion += u64::from(reads.is_some_and(|read| read.since <= at));
                passes.relaxed_completion += u64::from(relaxed && self.posted.front().is_some_and(|write| write.since <= at));
            }
        }
    }

    /// Sends a TLP at `at`, paying its credits. Returns when the card sees its first beat; `None`: it was damaged on the way, and the data
    /// link layer must hold it.
    #[inline]
    pub(crate) fn send(&mut self, at: Cycle, class: Class, payload: usize, wire_bytes: u32, stats: &mut DllStats) -> Option<Cycle> {
        self.consumed[class as usize].take(data_credits(payload as u32));
        if self.arbitrate {
            self.coin = self.chance.step() >> 63 != 0;
        }
        match &mut self.dll {
            None => Some(self.wire.send(at, wire_bytes).after(self.latency)),
            Some(dll) => {
                let arrival = dll.transmit(at, wire_bytes, &mut self.wire, stats);
                stats.full += u64::from(dll.is_full());
                arrival
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::dll::config::Occurrence;
    use silico_spec::credit::Limit;

    fn downlink(posted: Limit, non_posted: Limit) -> Downlink {
        let mut config = MachineConfig::default();
        config.link.latency = Cycles(10);
        let mut downlink = Downlink::new(&config, 1 << 30, None);
        downlink.restart(Limits([posted, non_posted, Limit::INFINITE]));
        downlink
    }

    fn ready(at: u64) -> Option<ReadyCompletion> {
        Some(ReadyCompletion { at: Cycle(at), data: 0, relaxed: false })
    }

    #[test]
    fn a_relaxed_completion_passes_a_blocked_write() {
        let mut downlink = downlink(Limit::NONE, Limit::INFINITE);
        downlink.enqueue(Cycle(5), Class::Posted, TlpBuf::new());
        let relaxed = Some(ReadyCompletion { at: Cycle(7), data: 0, relaxed: true });
        assert_eq!(downlink.next(relaxed), Some((Cycle(7), Turn::Completion)));
    }

    #[test]
    fn a_damaged_grant_is_repeated_or_overtaken_by_the_next() {
        let mut downlink = downlink(Limit::NONE, Limit::NONE);
        downlink.damage = Injector::new(Occurrence::Span { first: 1, count: 2 }, XorShift64::new(1));
        downlink.granted(Cycle(0), Limits([Limit::initial(1, 1); 3]));
        downlink.granted(Cycle(5), Limits([Limit::initial(2, 2); 3]));
        downlink.take_grant();
        assert_eq!(downlink.next_grant(), Cycle(15), "the next one says more");
        downlink.take_grant();
        assert_eq!((downlink.next_grant(), downlink.damaged), (Cycle(15 + 7500), 2));
        downlink.take_grant();
        assert_eq!(downlink.limits, Limits([Limit::initial(2, 2); 3]));
    }

    #[test]
    fn a_read_does_not_pass_an_earlier_write_even_a_blocked_one() {
        let mut downlink = downlink(Limit::NONE, Limit::INFINITE);
        downlink.enqueue(Cycle(5), Class::Posted, TlpBuf::new());
        downlink.enqueue(Cycle(5), Class::NonPosted, TlpBuf::new());
        assert_eq!(downlink.next(None), None);
        assert_eq!(downlink.next(ready(7)), None, "nor does a later completion");
        assert_eq!(downlink.next(ready(4)), Some((Cycle(4), Turn::Completion)), "an earlier one was never behind");
        downlink.granted(Cycle(20), Limits::INFINITE);
        assert_eq!(downlink.next_grant(), Cycle(30));
        downlink.take_grant();
        assert_eq!(downlink.next(None), Some((Cycle(30), Turn::Posted)));
    }

    #[test]
    fn a_write_passes_a_blocked_read_and_so_does_a_completion() {
        let mut downlink = downlink(Limit::INFINITE, Limit::NONE);
        downlink.enqueue(Cycle(5), Class::NonPosted, TlpBuf::new());
        assert_eq!(downlink.next(ready(9)), Some((Cycle(9), Turn::Completion)));
        downlink.enqueue(Cycle(6), Class::Posted, TlpBuf::new());
        assert_eq!(downlink.next(None), Some((Cycle(6), Turn::Posted)));
        assert!(downlink.pop(Turn::Posted).is_some());
        assert_eq!(downlink.next(None), None);
    }

    #[test]
    fn credits_are_paid_and_the_wire_is_shared() {
        let mut downlink = downlink(Limit::initial(1, 16), Limit::INFINITE);
        for _ in 0..2 {
            downlink.enqueue(Cycle(0), Class::Posted, TlpBuf::new());
        }
        assert_eq!(downlink.next(None), Some((Cycle(0), Turn::Posted)));
        assert_eq!(
            downlink.send(Cycle(0), Class::Posted, 4, 24, &mut DllStats::default()),
            Some(Cycle(16)),
            "24 bytes at 4 a clock, and the latency"
        );
        assert_eq!(downlink.next(None), None, "the one header is used up");
        assert_eq!(downlink.next(ready(0)), None);
    }
}
