//! What the data link layer does by itself, and what that does to the machine: replays, full replay buffers, Recovery. Nothing of it happens as long as
//! nothing is damaged and the replay buffers are unbounded.

use super::Machine;
use crate::link::dll::Direction;
use crate::link::downlink::Held;
use crate::link::{ack_limit, wire_bytes};
use crate::{LinkConfig, MachineConfig};
use silico_spec::credit::data_credits;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::mem;

/// Clocks in which the card's transmitter was told to wait, since it sent a TLP last: what the next one must have kept to. Mostly empty; the link may
/// hold the stream more than once within a TLP.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// From when on it was told to wait anew, and until when it had been told to wait before that.
    holds: Vec<(Cycle, Cycle)>,
}

impl Ready {
    /// From when on a first beat in `first` may have passed, if the stream is held until `until` now.
    #[inline]
    pub(super) fn since(&self, first: Cycle, until: Cycle) -> Cycle {
        self.holds.iter().find(|(held, _)| first < *held).map_or(until, |(_, before)| *before)
    }
}

/// Both directions: from the card, and to it.
pub(super) type Directions = (Option<Box<Direction<TlpBuf>>>, Option<Box<Direction<Held>>>);

/// As the configuration has it.
pub(super) fn directions(config: &MachineConfig) -> Directions {
    let (link, dll) = (&config.link, &config.link.dll);
    if !dll.is_on() {
        return (None, None);
    }
    let limit = ack_latency(link, config.clock_ps);
    let up = Direction::new(dll, [&dll.to_host, &dll.to_card], link.latency, limit, [config.seed, 20]);
    let down = Direction::new(dll, [&dll.to_card, &dll.to_host], link.latency, limit, [config.seed, 23]);
    (Some(Box::new(up)), Some(Box::new(down)))
}

/// The table's limit is in symbol times: 10 bits at 2.5 and 5 GT/s, 8 bits beyond.
fn ack_latency(link: &LinkConfig, clock_ps: u32) -> Cycles {
    let symbols = u64::from(ack_limit(link.generation, link.lanes, link.max_payload));
    let rate = u64::from(link.generation.megatransfers());
    let bits = if rate <= 5000 { 10 } else { 8 };
    Cycles((symbols * bits * 1_000_000).div_ceil(rate * u64::from(clock_ps)))
}

impl Machine {
    /// A TLP of the card, judged and found good, is handed to the wire. Returns when the root complex has it; `None`: later, by a replay.
    #[inline]
    pub(super) fn send_up(&mut self, header: &Header, payload: usize) -> Option<Cycle> {
        let bytes = wire_bytes(header, payload);
        let latency = self.config.link.latency;
        let Some(dll) = &mut self.uplink.dll else {
            return Some(self.uplink.wire.send(self.now, bytes).after(latency));
        };
        let arrival = dll.transmit(self.now, bytes, &mut self.uplink.wire, &mut self.stats.dll_to_host);
        if arrival.is_none() {
            dll.hold(mem::replace(&mut self.response.tlp, self.stimulus.spare.pop().unwrap_or_default()));
        }
        arrival
    }

    /// A TLP was taken from the card: when there is room for another.
    #[inline]
    pub(super) fn limit_card(&mut self) {
        let backlog = self.uplink.wire.backlog_below(self.uplink.room);
        self.stats.clocks_not_ready += backlog.since(self.now).0;
        (self.stimulus.tx_ready_at, self.uplink.counted) = (backlog, backlog.max(self.now));
        self.uplink.ready.holds.clear();
        if self.uplink.dll.as_ref().is_some_and(|dll| dll.is_full()) {
            self.stats.dll_to_host.full += 1;
            self.stimulus.tx_ready_at = Cycle::NEVER;
        }
    }

    /// The same when something happened below: the card may be in the middle of a TLP.
    fn limit_card_anew(&mut self) {
        let is_full = self.uplink.dll.as_ref().is_some_and(|dll| dll.is_full());
        let backlog = self.uplink.wire.backlog_below(self.uplink.room);
        let until = if is_full { Cycle::NEVER } else { backlog };
        let old = self.stimulus.tx_ready_at;
        if old > self.now {
            // It was not ready until now: no TLP has begun since.
            self.stimulus.tx_ready_at = until.max(self.now);
        } else if until > self.now {
            self.uplink.ready.holds.push((self.now, old));
            self.stimulus.tx_ready_at = until;
        }
        if !is_full {
            let from = if old > self.now { self.uplink.counted } else { self.now };
            self.uplink.counted = until.max(self.now);
            self.stats.clocks_not_ready += self.uplink.counted.since(from).0;
        }
    }

    /// What is due by now of the data link layer's doing towards the host.
    #[cold]
    pub(super) fn uplink_events(&mut self) {
        while let Some(dll) = self.uplink.dll.as_mut().filter(|dll| dll.next() <= self.now) {
            let mut taken = Vec::new();
            let at = dll.next();
            let until = dll.happen(&mut self.uplink.wire, &mut self.stats.dll_to_host, &mut taken);
            for (arrival, tlp) in taken {
                self.route_held(arrival, tlp);
            }
            if let Some(until) = until {
                self.recover(at, until);
            }
            self.limit_card_anew();
        }
    }

    /// A TLP that a replay brought.
    fn route_held(&mut self, arrival: Cycle, mut tlp: TlpBuf) {
        let header = Header(tlp.header);
        let data = data_credits(tlp.payload().len() as u32);
        // What the card is sending keeps its place.
        mem::swap(&mut self.response.tlp, &mut tlp);
        self.route(&header, header.kind(), data, arrival);
        mem::swap(&mut self.response.tlp, &mut tlp);
        self.stimulus.spare.push(tlp);
    }

    /// What the data link layer does next towards the card.
    #[cold]
    pub(super) fn downlink_event(&mut self) {
        let mut taken = Vec::new();
        let at = self.downlink.next_event();
        let (wire, stats) = (&mut self.downlink.wire, &mut self.stats.dll_to_card);
        let until = self.downlink.dll.as_mut().and_then(|dll| dll.happen(wire, stats, &mut taken));
        for (arrival, held) in taken {
            self.deliver(arrival, held);
        }
        if let Some(until) = until {
            self.recover(at, until);
        }
    }

    /// The link goes through Recovery from `at` to `until`.
    fn recover(&mut self, at: Cycle, until: Cycle) {
        self.stats.retrains += 1;
        self.uplink.wire.block_until(until);
        self.downlink.wire.block_until(until);
        let span = until.since(at);
        if let Some(dll) = &mut self.uplink.dll {
            dll.pause(span);
        }
        if let Some(dll) = &mut self.downlink.dll {
            dll.pause(span);
        }
        self.limit_card_anew();
    }

    /// The link is retrained, as software does it by the Retrain Link bit: for [`crate::DllConfig::retrain`] nothing moves either way. Nothing
    /// is reset, and the card sees no more than a stream that is not ready. Nothing happens while the link is down.
    pub fn retrain(&mut self) {
        self.catch_up();
        if self.stimulus.link_up {
            self.recover(self.now, self.now.after(self.config.link.dll.retrain));
        }
    }

    /// The link will go down at `at`, as by [`Machine::link_down`], in the middle of whatever the CPU or the card are doing then; in the past: at
    /// the next clock. A later call replaces an earlier one; [`Cycle::NEVER`] takes it back.
    pub const fn link_down_at(&mut self, at: Cycle) {
        self.down_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tlp_is_held_to_what_was_said_when_it_began() {
        let mut ready = Ready::default();
        assert_eq!(ready.since(Cycle(5), Cycle(0)), Cycle(0));
        // Ready until 10, held until 20, ready again, held from 30 on until 40: all within one TLP that began at 5.
        ready.holds.extend([(Cycle(10), Cycle(3)), (Cycle(30), Cycle(20))]);
        assert_eq!(ready.since(Cycle(5), Cycle(40)), Cycle(3));
        assert_eq!(ready.since(Cycle(15), Cycle(40)), Cycle(20), "too early");
        assert_eq!(ready.since(Cycle(25), Cycle(40)), Cycle(20));
        assert_eq!(ready.since(Cycle(35), Cycle(40)), Cycle(40), "too early");
    }
}
