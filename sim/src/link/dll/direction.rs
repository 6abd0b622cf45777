//! One direction of the data link layer: a transmitter with its replay buffer and a receiver that takes TLPs in sequence only (PCIe 4.0 §3.6.2,
//! §3.6.3). Knows sequence numbers, bytes and cycles; what a TLP is, is its owner's business.
//!
//! A transmission is judged when it begins, so its arrival is known ahead of time. What the receiver does not take stays in the replay buffer until a
//! replay brings it. A replay begins when what has already been handed to the wire has left, and is not cut short by an Ack: both are allowed.

use super::config::{DllConfig, Injector, LinkErrors};
use crate::distribution::stream;
use crate::link::serializer::Serializer;
use crate::stats::DllStats;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// Sequence numbers have 12 bits; more than half of them may never be unacknowledged (PCIe 4.0 §3.6.2.1).
const MOST_UNACKNOWLEDGED: usize = 2047;
/// REPLAY_NUM has two bits: the fourth replay without progress rolls it over.
const REPLAYS: u8 = 4;
/// Recoveries in a row after which not a single TLP was acknowledged: as many as a link is given. One on which nothing comes through would not lock to the
/// training sets either, and its LTSSM would go from Recovery to Detect (PCIe 4.0 §4.2.6.4).
const RECOVERIES: u8 = 8;

/// A TLP in the replay buffer.
#[derive(Clone, Debug)]
struct Sent<T> {
    wire: u32,
    /// When the receiver took it; [`Cycle::NEVER`]: not yet.
    taken: Cycle,
    /// The TLP itself, as long as the receiver has not taken it.
    held: Option<T>,
}

/// One direction.
#[derive(Clone, Debug)]
pub(crate) struct Direction<T> {
    sent: VecDeque<Sent<T>>,
    /// Sequence number of the first one in `sent`, not modulo anything.
    first: u64,
    /// NEXT_RCV_SEQ.
    expected: u64,
    /// NAK_SCHEDULED.
    refusing: bool,
    /// When the next Ack reaches the transmitter.
    ack: Cycle,
    /// When a Nak does.
    nak: Cycle,
    /// When REPLAY_TIMER expires.
    timer: Cycle,
    replay_num: u8,
    /// Recoveries since the last progress.
    recoveries: u8,
    latency: Cycles,
    ack_latency: Cycles,
    timer_limit: Cycles,
    room: usize,
    retrain: Cycles,
    lcrc: Injector,
    lost: Injector,
    acks: Injector,
}

impl<T> Direction<T> {
    /// `errors`: of this direction; `back`: of the other one. `ack_limit`: the table's, in cycles.
    pub(crate) fn new(config: &DllConfig, [errors, back]: [&LinkErrors; 2], latency: Cycles, ack_limit: Cycles, seed: [u64; 2]) -> Self {
        let injector = |what, usage| Injector::new(what, stream(seed[0], seed[1] + usage));
        let ack_latency = config.ack_latency.unwrap_or(ack_limit);
        Self {
            sent: VecDeque::new(),
            first: 0,
            expected: 0,
            refusing: false,
            ack: Cycle::NEVER,
            nak: Cycle::NEVER,
            timer: Cycle::NEVER,
            replay_num: 0,
            recoveries: 0,
            latency,
            ack_latency,
            timer_limit: config.replay_timer.unwrap_or(Cycles(3 * ack_latency.0 + 2 * latency.0)),
            room: config.replay_tlps.map_or(MOST_UNACKNOWLEDGED, |tlps| tlps as usize),
            retrain: config.retrain,
            lcrc: injector(errors.lcrc, 0),
            lost: injector(errors.lost, 1),
            acks: injector(back.ack, 2),
        }
    }

    /// All chance from here on descends from `seed`, as given to [`Direction::new`].
    pub(crate) fn reseed(&mut self, seed: [u64; 2]) {
        self.lcrc.reseed(stream(seed[0], seed[1]));
        self.lost.reseed(stream(seed[0], seed[1] + 1));
        self.acks.reseed(stream(seed[0], seed[1] + 2));
    }

    /// The link went down: sequence numbers begin anew, what was held is gone.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = T> {
        (self.first, self.expected, self.refusing, self.replay_num, self.recoveries) = (0, 0, false, 0, 0);
        (self.ack, self.nak, self.timer) = (Cycle::NEVER, Cycle::NEVER, Cycle::NEVER);
        self.sent.drain(..).filter_map(|sent| sent.held)
    }

    /// Whether the replay buffer takes no more.
    pub(crate) fn is_full(&self) -> bool {
        self.sent.len() >= self.room
    }

    /// Whether as many Recoveries as there may be were in vain. Nothing happens any more until [`Direction::clear`].
    pub(crate) const fn has_failed(&self) -> bool {
        self.recoveries > RECOVERIES
    }

    /// When something happens to the transmitter.
    pub(crate) fn next(&self) -> Cycle {
        self.ack.min(self.nak).min(self.timer)
    }

    /// Sends `bytes` over `wire`. Returns when the receiver has taken them; `None`: it has not, and the TLP must be kept by [`Direction::hold`].
    pub(crate) fn transmit(&mut self, from: Cycle, bytes: u32, wire: &mut Serializer, stats: &mut DllStats) -> Option<Cycle> {
        let end = wire.send(from, bytes);
        if self.timer == Cycle::NEVER {
            self.timer = end.after(self.timer_limit);
        }
        self.sent.push_back(Sent { wire: bytes, taken: Cycle::NEVER, held: None });
        let arrival = end.after(self.latency);
        self.arrive(self.sent.len() - 1, arrival, stats).then_some(arrival)
    }

    /// Keeps the TLP that was just not taken.
    pub(crate) fn hold(&mut self, tlp: T) {
        if let Some(sent) = self.sent.back_mut() {
            sent.held = Some(tlp);
        }
    }

    /// A transmission of `sent[index]` arrives. Returns whether the receiver hands it up.
    fn arrive(&mut self, index: usize, arrival: Cycle, stats: &mut DllStats) -> bool {
        if self.lost.hit() {
            stats.lost_tlps += 1;
            return false;
        }
        if self.lcrc.hit() {
            stats.lcrc_errors += 1;
            self.refuse(arrival, stats);
            return false;
        }
        let sequence = self.first + index as u64;
        if sequence > self.expected {
            stats.out_of_sequence += 1;
            stats.gaps += u64::from(!self.refusing);
            self.refuse(arrival, stats);
            return false;
        }
        if sequence < self.expected {
            // The transmitter did not see that it was taken: another Ack, at once.
            stats.duplicates += 1;
            self.ack = self.ack.min(arrival.after(self.latency));
            return false;
        }
        (self.expected, self.refusing) = (sequence + 1, false);
        self.sent[index].taken = arrival;
        if self.ack == Cycle::NEVER {
            self.ack = arrival.after(self.ack_latency).after(self.latency);
        }
        true
    }

    /// Asks for a replay, once until the expected TLP comes.
    fn refuse(&mut self, arrival: Cycle, stats: &mut DllStats) {
        if self.refusing {
            return;
        }
        self.refusing = true;
        stats.naks += 1;
        let at = arrival.after(self.latency);
        if self.ack >= at {
            // The Nak acknowledges as well.
            self.ack = Cycle::NEVER;
        }
        if self.acks.hit() {
            stats.damaged_acks += 1;
        } else {
            self.nak = at;
        }
    }

    /// What [`Direction::next`] announced. Appends what the receiver takes in a replay, with its arrival. Returns until when the link is in Recovery, if
    /// it has to be retrained first.
    pub(crate) fn happen(&mut self, wire: &mut Serializer, stats: &mut DllStats, taken: &mut Vec<(Cycle, T)>) -> Option<Cycle> {
        let at = self.next();
        if at == self.ack {
            self.take_ack(at, wire, stats);
            return None;
        }
        if at == self.nak {
            self.nak = Cycle::NEVER;
            let before = self.sent.iter().take_while(|sent| sent.taken != Cycle::NEVER).count();
            self.acknowledge(before, at, wire);
        } else {
            stats.timeouts += 1;
        }
        if self.sent.is_empty() { None } else { self.replay(at, wire, stats, taken) }
    }

    fn take_ack(&mut self, at: Cycle, wire: &Serializer, stats: &mut DllStats) {
        let covered = self.sent.iter().take_while(|sent| sent.taken.after(self.latency) <= at).count();
        let next = self.sent.get(covered).map_or(Cycle::NEVER, |sent| sent.taken);
        self.ack = next.after(self.ack_latency).after(self.latency);
        stats.acks += 1;
        if self.acks.hit() {
            stats.damaged_acks += 1;
        } else {
            self.acknowledge(covered, at, wire);
        }
    }

    /// The first `count` need not be sent again.
    fn acknowledge(&mut self, count: usize, at: Cycle, wire: &Serializer) {
        if count == 0 {
            return;
        }
        self.sent.drain(..count);
        self.first += count as u64;
        (self.replay_num, self.recoveries) = (0, 0);
        self.timer = if self.sent.is_empty() { Cycle::NEVER } else { at.max(wire.free_in()).after(self.timer_limit) };
    }

    fn replay(&mut self, at: Cycle, wire: &mut Serializer, stats: &mut DllStats, taken: &mut Vec<(Cycle, T)>) -> Option<Cycle> {
        self.replay_num += 1;
        let mut retrained = None;
        if self.replay_num == REPLAYS {
            self.replay_num = 0;
            stats.rollovers += 1;
            self.recoveries += 1;
            if self.has_failed() {
                (self.ack, self.nak, self.timer) = (Cycle::NEVER, Cycle::NEVER, Cycle::NEVER);
                return None;
            }
            let until = at.after(self.retrain);
            wire.block_until(until);
            retrained = Some(until);
        }
        stats.replays += 1;
        for index in 0..self.sent.len() {
            stats.replayed_tlps += 1;
            let arrival = wire.send(at, self.sent[index].wire).after(self.latency);
            if self.arrive(index, arrival, stats)
                && let Some(tlp) = self.sent[index].held.take()
            {
                taken.push((arrival, tlp));
            }
        }
        self.timer = wire.free_in().after(self.timer_limit);
        retrained
    }

    /// The link is in Recovery for `span`, for the other direction's sake: REPLAY_TIMER holds.
    pub(crate) fn pause(&mut self, span: Cycles) {
        self.timer = self.timer.after(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::dll::config::Occurrence;

    struct Rig {
        direction: Direction<u64>,
        wire: Serializer,
        stats: DllStats,
        taken: Vec<(Cycle, u64)>,
        now: Cycle,
    }

    /// A wire of 4 bytes a clock, 10 clocks long; Acks after 20, REPLAY_TIMER 100, Recovery 1000.
    fn rig(errors: LinkErrors, back: LinkErrors) -> Rig {
        let config = DllConfig {
            ack_latency: Some(Cycles(20)),
            replay_timer: Some(Cycles(100)),
            retrain: Cycles(1000),
            replay_tlps: Some(8),
            ..DllConfig::default()
        };
        let direction = Direction::new(&config, [&errors, &back], Cycles(10), Cycles(0), [1, 0]);
        Rig { direction, wire: Serializer::new(1 << 30), stats: DllStats::default(), taken: Vec::new(), now: Cycle(0) }
    }

    impl Rig {
        /// Sends TLPs of 16 bytes, numbered from 0, as fast as the wire and the replay buffer let it, and runs until all is quiet.
        fn send(mut self, count: u64) -> Self {
            let mut next = 0;
            for _ in 0..1_000_000 {
                let free = self.wire.free_in().max(self.now);
                let event = self.direction.next();
                if next < count && !self.direction.is_full() && free <= event {
                    self.now = free;
                    match self.direction.transmit(free, 16, &mut self.wire, &mut self.stats) {
                        Some(arrival) => self.taken.push((arrival, next)),
                        None => self.direction.hold(next),
                    }
                    next += 1;
                } else if event != Cycle::NEVER {
                    self.now = event;
                    self.direction.happen(&mut self.wire, &mut self.stats, &mut self.taken);
                } else if next == count {
                    return self;
                }
            }
            panic!("it never ends: {:?}", self.stats);
        }

        #[track_caller]
        fn check(&self, count: u64) {
            let numbers: Vec<u64> = self.taken.iter().map(|taken| taken.1).collect();
            assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "in order, exactly once");
            assert!(self.taken.windows(2).all(|pair| pair[0].0 < pair[1].0), "{:?}", self.taken);
            assert!(self.direction.sent.is_empty() && self.direction.next() == Cycle::NEVER);
        }
    }

    fn lcrc(what: Occurrence) -> LinkErrors {
        LinkErrors { lcrc: what, ..LinkErrors::NONE }
    }

    #[test]
    fn without_errors_acks_are_coalesced_and_nothing_is_sent_twice() {
        let rig = rig(LinkErrors::NONE, LinkErrors::NONE).send(100);
        rig.check(100);
        assert_eq!((rig.stats.replays, rig.stats.naks, rig.stats.duplicates), (0, 0, 0));
        assert!(rig.stats.acks >= 100 / 8 && rig.stats.acks < 50, "{:?}", rig.stats);
    }

    #[test]
    fn a_wrong_lcrc_is_asked_for_again() {
        let rig = rig(lcrc(Occurrence::nth(3)), LinkErrors::NONE).send(6);
        rig.check(6);
        // Sent until 12, there at 22, Nak back at 32; three more had followed in vain.
        let arrivals: Vec<u64> = rig.taken.iter().map(|taken| taken.0.0).collect();
        assert_eq!(arrivals, [14, 18, 46, 50, 54, 58]);
        let stats = &rig.stats;
        assert_eq!((stats.lcrc_errors, stats.naks, stats.replays, stats.replayed_tlps, stats.out_of_sequence), (1, 1, 1, 4, 3));
    }

    #[test]
    fn a_lost_tlp_is_noticed_by_the_next_one_or_by_the_timer() {
        let lost = |n| LinkErrors { lost: Occurrence::nth(n), ..LinkErrors::NONE };
        let middle = rig(lost(2), LinkErrors::NONE).send(5);
        middle.check(5);
        assert_eq!((middle.stats.naks, middle.stats.timeouts, middle.stats.lost_tlps), (1, 0, 1));
        let last = rig(lost(5), LinkErrors::NONE).send(5);
        last.check(5);
        assert_eq!((last.stats.naks, last.stats.timeouts, last.stats.replayed_tlps), (0, 1, 1));
    }

    #[test]
    fn a_lost_ack_leads_to_duplicates_that_are_discarded() {
        let back = LinkErrors { ack: Occurrence::nth(1), ..LinkErrors::NONE };
        let rig = rig(LinkErrors::NONE, back).send(2);
        rig.check(2);
        assert_eq!((rig.stats.damaged_acks, rig.stats.timeouts, rig.stats.replays, rig.stats.duplicates), (1, 1, 1, 2));
    }

    #[test]
    fn a_lost_nak_is_made_up_for_by_the_timer() {
        let back = LinkErrors { ack: Occurrence::nth(1), ..LinkErrors::NONE };
        let rig = rig(lcrc(Occurrence::nth(1)), back).send(3);
        rig.check(3);
        assert_eq!((rig.stats.naks, rig.stats.damaged_acks, rig.stats.timeouts), (1, 1, 1));
    }

    #[test]
    fn four_replays_without_progress_retrain_the_link() {
        let rig = rig(lcrc(Occurrence::Span { first: 1, count: 4 }), LinkErrors::NONE).send(1);
        rig.check(1);
        assert_eq!((rig.stats.replays, rig.stats.rollovers), (4, 1));
        assert!(rig.taken[0].0 > Cycle(1000), "Recovery takes its time: {:?}", rig.taken);
        let three = self::rig(lcrc(Occurrence::Span { first: 1, count: 3 }), LinkErrors::NONE).send(1);
        assert_eq!((three.stats.replays, three.stats.rollovers), (3, 0));
    }

    #[test]
    fn a_link_on_which_nothing_comes_through_fails_after_eight_recoveries() {
        let mut rig = rig(lcrc(Occurrence::PerMillion(1_000_000)), LinkErrors::NONE).send(1);
        assert!(rig.direction.has_failed() && rig.taken.is_empty());
        assert_eq!((rig.stats.rollovers, rig.stats.replays), (9, 4 * 9 - 1));
        assert_eq!(rig.direction.clear().collect::<Vec<_>>(), [0]);
        assert!(!rig.direction.has_failed(), "it may be trained anew");
        let almost = self::rig(lcrc(Occurrence::Span { first: 1, count: 4 * 8 }), LinkErrors::NONE).send(1);
        almost.check(1);
        assert_eq!(almost.stats.rollovers, 8);
    }

    #[test]
    fn whatever_is_damaged_everything_arrives_once_and_in_order() {
        for rate in [1000, 50_000, 300_000] {
            let rig = rig(LinkErrors::per_million(rate), LinkErrors::per_million(rate)).send(3000);
            rig.check(3000);
            assert!(rig.stats.replays > 0, "{:?}", rig.stats);
            assert!(rig.stats.rollovers > 0 || rate < 300_000, "{:?}", rig.stats);
        }
    }

    #[test]
    fn a_link_that_goes_down_begins_anew() {
        let mut rig = rig(lcrc(Occurrence::nth(1)), LinkErrors::NONE);
        assert_eq!(rig.direction.transmit(Cycle(0), 16, &mut rig.wire, &mut rig.stats), None);
        rig.direction.hold(7);
        assert_eq!(rig.direction.clear().collect::<Vec<_>>(), [7]);
        assert_eq!(rig.direction.next(), Cycle::NEVER);
        rig.now = Cycle(500);
        rig.send(5).check(5);
    }
}
