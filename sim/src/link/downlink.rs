//! From the root port to the card: three classes of traffic, gated by the credits that the card granted, under PCIe's ordering rules
//! (PCIe 4.0 table 2-39), one serialiser. Requests wait here as TLPs; completions are made by the completer when their turn comes.
//!
//! A posted write passes whatever is blocked. A non-posted request or a completion never passes an earlier posted write.

use super::serializer::Serializer;
use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::port::TlpBuf;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// Posted writes of the CPU that wait for credits before a store stalls it.
pub(crate) const STORE_BUFFER: usize = 16;

#[derive(Debug)]
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

/// The transmitter towards the card.
#[derive(Debug)]
pub(crate) struct Downlink {
    pub(crate) wire: Serializer,
    pub(crate) latency: Cycles,
    limits: Limits,
    pub(crate) consumed: [Consumed; 3],
    /// Limits on their way from the card: when they are here.
    grants: VecDeque<(Cycle, Limits)>,
    /// When the last of them was: nothing that it let go was sent before.
    granted: Cycle,
    posted: VecDeque<Waiting>,
    non_posted: VecDeque<Waiting>,
    orders: u64,
}

impl Downlink {
    pub(crate) fn new(byte_time: u64, latency: Cycles) -> Self {
        Self {
            wire: Serializer::new(byte_time),
            latency,
            limits: Limits::NONE,
            consumed: [Consumed::default(); 3],
            grants: VecDeque::new(),
            granted: Cycle(0),
            posted: VecDeque::new(),
            non_posted: VecDeque::new(),
            orders: 0,
        }
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
        if let Some((at, limits)) = self.grants.pop_front() {
            (self.granted, self.limits) = (at, limits);
        }
    }

    /// Whether anything waits that another grant could let go.
    #[inline]
    pub(crate) fn has_requests(&self) -> bool {
        !self.posted.is_empty() || !self.non_posted.is_empty()
    }

    /// What goes next and when, with the grants known so far. `completion`: when one is ready, and its data credits.
    #[inline]
    pub(crate) fn next(&self, completion: Option<(Cycle, u16)>) -> Option<(Cycle, Turn)> {
        let free = self.wire.free_in().max(self.granted);
        let completion =
            completion.filter(|(_, data)| self.allows(Class::Completion, *data)).map(|(ready, _)| (ready.max(free), Turn::Completion));
        if !self.has_requests() {
            return completion;
        }
        let request = self.next_request().map(|(since, turn)| (since.max(free), turn));
        // A completion that became ready after a posted write was made must not pass it.
        let completion = completion.filter(|(at, _)| self.posted.front().is_none_or(|posted| *at < posted.since));
        match (request, completion) {
            (Some(request), Some(completion)) => Some(if completion.0 < request.0 { completion } else { request }),
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
        queue.pop_front().map(|waiting| waiting.tlp)
    }

    /// Sends a TLP at `at`, paying its credits. Returns when the card sees its first beat.
    #[inline]
    pub(crate) fn send(&mut self, at: Cycle, class: Class, payload: usize, wire_bytes: u32) -> Cycle {
        self.consumed[class as usize].take(data_credits(payload as u32));
        self.wire.send(at, wire_bytes).after(self.latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::credit::Limit;

    fn downlink(posted: Limit, non_posted: Limit) -> Downlink {
        let mut downlink = Downlink::new(1 << 30, Cycles(10));
        downlink.restart(Limits([posted, non_posted, Limit::INFINITE]));
        downlink
    }

    #[test]
    fn a_read_does_not_pass_an_earlier_write_even_a_blocked_one() {
        let mut downlink = downlink(Limit::NONE, Limit::INFINITE);
        downlink.enqueue(Cycle(5), Class::Posted, TlpBuf::new());
        downlink.enqueue(Cycle(5), Class::NonPosted, TlpBuf::new());
        assert_eq!(downlink.next(None), None);
        assert_eq!(downlink.next(Some((Cycle(7), 0))), None, "nor does a later completion");
        assert_eq!(downlink.next(Some((Cycle(4), 0))), Some((Cycle(4), Turn::Completion)), "an earlier one was never behind");
        downlink.granted(Cycle(20), Limits::INFINITE);
        assert_eq!(downlink.next_grant(), Cycle(30));
        downlink.take_grant();
        assert_eq!(downlink.next(None), Some((Cycle(30), Turn::Posted)));
    }

    #[test]
    fn a_write_passes_a_blocked_read_and_so_does_a_completion() {
        let mut downlink = downlink(Limit::INFINITE, Limit::NONE);
        downlink.enqueue(Cycle(5), Class::NonPosted, TlpBuf::new());
        assert_eq!(downlink.next(Some((Cycle(9), 0))), Some((Cycle(9), Turn::Completion)));
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
        assert_eq!(downlink.send(Cycle(0), Class::Posted, 4, 24), Cycle(16), "24 bytes at 4 a clock, and the latency");
        assert_eq!(downlink.next(None), None, "the one header is used up");
        assert_eq!(downlink.next(Some((Cycle(0), 0))), None);
    }
}
