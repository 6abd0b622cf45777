//! What the data link layer does by itself, and what that does to the machine: replays, full replay buffers, Recovery. Nothing of it happens as long as
//! nothing is damaged and the replay buffers are unbounded.

use super::Machine;
use crate::link::dll::Direction;
use crate::link::downlink::Held;
use crate::link::{ack_limit, wire_bytes};
use crate::trace::Way;
use crate::{LinkConfig, MachineConfig};
use silico_spec::credit::data_credits;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::mem;

/// Holds that are remembered until the next TLP of the card. Of older ones it is believed that it kept to them.
const MOST_HOLDS: usize = 16;

/// Clocks in which the card's transmitter was told to wait since it sent its last TLP: what the next one must have kept to, which may have begun between any
/// two of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    /// Before the first of `holds`, it was told to wait until here.
    before: Cycle,
    /// From when until when. The last one lasts until [`silico_spec::port::Stimulus::tx_ready_at`], whatever it says here.
    holds: Vec<(Cycle, Cycle)>,
}

impl Ready {
    /// From when on a first beat in `first` may have passed, if the stream is held until `until` now.
    #[inline]
    pub(super) fn since(&self, first: Cycle, until: Cycle) -> Cycle {
        if self.holds.is_empty() { until } else { self.since_one_of(first, until) }
    }

    #[cold]
    fn since_one_of(&self, first: Cycle, until: Cycle) -> Cycle {
        match self.holds.iter().rposition(|hold| hold.0 <= first) {
            None => self.before,
            Some(index) if index + 1 == self.holds.len() => until,
            Some(index) => self.holds[index].1,
        }
    }

    /// A TLP was taken: nothing is remembered.
    #[inline]
    fn clear(&mut self) {
        self.holds.clear();
    }

    /// From `now` on it is told to wait, after it was ready from `old` on.
    fn hold(&mut self, old: Cycle, now: Cycle, until: Cycle) {
        match self.holds.last_mut() {
            Some(last) => last.1 = old,
            None => self.before = old,
        }
        if self.holds.len() == MOST_HOLDS {
            self.holds.remove(0);
        }
        self.holds.push((now, until));
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
        self.uplink.ready.clear();
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
            self.uplink.ready.hold(old, self.now, until);
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
            if self.uplink.dll.as_ref().is_some_and(|dll| dll.has_failed()) {
                self.fail(Way::ToHost);
            }
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
        if self.downlink.dll.as_ref().is_some_and(|dll| dll.has_failed()) {
            self.fail(Way::ToCard);
        }
    }

    /// Recovery did not help: the link goes down at the next clock, and stays down until it is trained anew.
    fn fail(&mut self, way: Way) {
        self.link_failure = Some(way);
        (self.down_at, self.down_for) = (self.now, None);
    }

    /// Why the link is down, if it went down by itself: the direction in which nothing came through, however often it was retrained.
    #[must_use]
    pub const fn link_failure(&self) -> Option<Way> {
        self.link_failure
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
        (self.down_at, self.down_for) = (at, None);
    }

    /// As [`Machine::link_down_at`], and the link comes up again by itself after `span`, as after a loose contact: the card must be enumerated anew.
    pub const fn flap_at(&mut self, at: Cycle, span: Cycles) {
        (self.down_at, self.down_for) = (at, Some(span));
    }
}
