//! Posted writes of the card between their arrival and their visibility. Under the ordering rules a write without relaxed ordering never becomes visible
//! before an earlier one (PCIe 4.0 table 2-39, A2a and A2b). Knows no memory.
//!
//! A write is *drained* when the root complex is done with it: its credits come back, and what is ordered behind it may go on. The CPU sees it then,
//! or later, in parts or whole, as [`Ordering::late`] and [`Torn`] say; but never later than something ordered behind it.

use super::ordering::{Ordering, Torn};
use crate::config::HostConfig;
use crate::distribution::{Distribution, below, stream};
use silico_spec::generator::XorShift64;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;
use std::ops::Range;

/// A write on its way into memory.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) arrival: Cycle,
    pub(crate) visible: Cycle,
    /// The bytes that become visible then.
    pub(crate) part: Range<u16>,
    /// When the others do, and which; [`Cycle::NEVER`]: there are none.
    pub(crate) rest: (Cycle, Range<u16>),
    /// Somebody polls where it goes.
    pub(crate) watched: bool,
    pub(crate) tlp: TlpBuf,
}

/// When a posted TLP takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) arrival: Cycle,
    /// For all that is ordered behind it.
    pub(crate) drained: Cycle,
    /// Before an older one.
    pub(crate) passes: bool,
    relaxed: bool,
}

/// The queue, in order of visibility.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    queue: VecDeque<Write>,
    latency: Distribution,
    random: XorShift64,
    ordering: Ordering,
    relaxed_latency: Distribution,
    late: Cycles,
    torn: Option<Torn>,
    tears: XorShift64,
    /// When all writes so far are drained.
    last: Cycle,
    /// When the CPU sees the last byte of them.
    shown: Cycle,
}

impl Posted {
    pub(crate) fn new(host: &HostConfig, clock_ps: u32, seed: u64) -> Self {
        let ordering = host.ordering;
        let latency = host.write_latency.ns_to_cycles(clock_ps);
        let torn = host.torn.map(|torn| Torn { span: torn.span.ns_to_cycles(clock_ps), ..torn });
        Self {
            queue: VecDeque::new(),
            latency,
            random: stream(seed, 1),
            ordering,
            relaxed_latency: ordering.relaxed_latency.map_or(latency, |one| one.ns_to_cycles(clock_ps)),
            late: Cycles(u64::from(ordering.late) * 1000 / u64::from(clock_ps)),
            torn,
            tears: stream(seed, 7),
            last: Cycle(0),
            shown: Cycle(0),
        }
    }

    /// All chance from here on descends from `seed`.
    pub(crate) fn reseed(&mut self, seed: u64) {
        [self.random, self.tears] = [1, 7].map(|usage| stream(seed, usage));
    }

    /// When something posted that arrives at `arrival` takes effect.
    #[inline]
    pub(crate) fn order(&mut self, arrival: Cycle, relaxed: bool) -> Slot {
        let relaxed = relaxed && self.ordering.relaxed_writes;
        let latency = if relaxed { &self.relaxed_latency } else { &self.latency };
        let own = arrival.after(Cycles(latency.draw(&mut self.random)));
        let drained = if relaxed { own } else { own.max(self.last) };
        let passes = drained < self.last;
        self.last = self.last.max(drained);
        Slot { arrival, drained, passes, relaxed }
    }

    /// When all that was posted so far is drained: nothing that follows and may not pass it takes effect before.
    #[inline]
    pub(crate) const fn all_drained(&self) -> Cycle {
        self.last
    }

    /// When the CPU sees the last byte of all that was posted so far.
    pub(crate) fn all_shown(&self) -> Cycle {
        self.shown.max(self.last)
    }

    /// Something ordered behind all writes so far is seen at `by`: so are they.
    #[inline]
    pub(crate) fn show(&mut self, by: Cycle) {
        if self.shown <= by {
            return;
        }
        self.shown = by;
        for write in
            self.queue.iter_mut().rev().take_while(|write| write.visible > by || write.rest.0 != Cycle::NEVER || self.torn.is_some())
        {
            write.visible = write.visible.min(by);
            if write.rest.0 != Cycle::NEVER {
                write.rest.0 = write.rest.0.min(by);
            }
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: Slot, watched: bool, tlp: TlpBuf) {
        let visible = slot.drained.after(self.late);
        let visible = if slot.relaxed { visible } else { visible.max(self.shown) };
        let mut write =
            Write { arrival: slot.arrival, visible, part: 0..tlp.payload().len() as u16, rest: (Cycle::NEVER, 0..0), watched, tlp };
        let mut last = visible;
        if let Some(torn) = self.torn {
            last = self.tear(torn, slot.relaxed, &mut write);
        }
        self.shown = self.shown.max(last);
        if self.queue.back().is_none_or(|other| other.visible <= visible) {
            self.queue.push_back(write);
        } else {
            let index = self.queue.partition_point(|other| other.visible <= visible);
            self.queue.insert(index, write);
        }
    }

    /// Parts a write in two, if it can be. Returns when all of it is visible. A write with byte enables stays whole.
    fn tear(&mut self, torn: Torn, relaxed: bool, write: &mut Write) -> Cycle {
        let header = Header(write.tlp.header);
        let (grain, len) = (u64::from(torn.grain), u64::from(write.part.end));
        let lead = header.address().0 % grain;
        let cuts = (lead + len).div_ceil(grain).saturating_sub(1);
        let whole = header.first_be() == 0xf && (len == 4 || header.last_be() == 0xf);
        let later = write.visible.after(Cycles(torn.span.draw(&mut self.tears)));
        if cuts == 0 || !whole || later == write.visible {
            return write.visible;
        }
        let cut = ((1 + below(&mut self.tears, cuts)) * grain - lead) as u16;
        let (head, tail) = (0..cut, cut..write.part.end);
        let backwards = relaxed && self.tears.step() >> 63 == 0;
        (write.part, write.rest) = if backwards { (tail, (later, head)) } else { (head, (later, tail)) };
        later
    }

    /// The oldest write, if a part of it is visible by `now`.
    #[inline]
    pub(crate) fn pop(&mut self, now: Cycle) -> Option<Write> {
        if self.queue.front()?.visible > now { None } else { self.queue.pop_front() }
    }

    /// The rest of a write, before all that is visible no earlier.
    pub(crate) fn push_rest(&mut self, mut write: Write) {
        (write.visible, write.part) = std::mem::replace(&mut write.rest, (Cycle::NEVER, 0..0));
        let index = self.queue.partition_point(|other| other.visible < write.visible);
        self.queue.insert(index, write);
    }

    /// When the next write that matters becomes visible: one that somebody polls for, or any.
    pub(crate) fn next(&self, any: bool) -> Cycle {
        self.queue.iter().find(|write| any || write.watched).map_or(Cycle::NEVER, |write| write.visible)
    }

    /// The link went down at `now`: what has not arrived is lost.
    pub(crate) fn link_down(&mut self, now: Cycle, spare: &mut Vec<TlpBuf>) {
        for index in (0..self.queue.len()).rev() {
            if self.queue[index].arrival > now {
                spare.extend(self.queue.remove(index).map(|write| write.tlp));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::tlp::Kind;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    fn posted(change: fn(&mut HostConfig)) -> Posted {
        let mut host = HostConfig { write_latency: Distribution::Uniform { min: 0, max: 400 }, ..HostConfig::default() };
        change(&mut host);
        Posted::new(&host, 4000, 5)
    }

    fn tlp(address: u64) -> TlpBuf {
        let mut tlp = TlpBuf::new();
        tlp.set(Header::memory(Kind::MemWrite, Bdf::from_bits(0x100), Tag(0), BusAddr(address), Dwords(16)).0, &[1; 64]);
        tlp
    }

    #[test]
    fn relaxed_writes_pass_and_strict_ones_do_not() {
        let mut posted = posted(|_| {});
        let mut passed = 0;
        let mut latest = Cycle(0);
        for arrival in 0..1000 {
            let relaxed = arrival % 2 == 0;
            let slot = posted.order(Cycle(arrival), relaxed);
            assert!(relaxed || slot.drained >= latest, "a strict write passed");
            passed += u32::from(slot.drained < latest);
            latest = latest.max(slot.drained);
            posted.push(slot, false, tlp(0x1000));
        }
        assert!(passed > 100, "relaxed writes never pass");
        assert_eq!(posted.all_drained(), latest);
        let mut before = Cycle(0);
        while let Some(write) = posted.pop(Cycle::NEVER) {
            assert!(write.visible >= before);
            before = write.visible;
        }
    }

    #[test]
    fn a_root_complex_that_ignores_relaxed_ordering_keeps_the_order() {
        let mut posted = posted(|host| host.ordering.relaxed_writes = false);
        let slots: Vec<_> = (0..1000).map(|arrival| posted.order(Cycle(arrival), true).drained).collect();
        assert!(slots.is_sorted());
    }

    #[test]
    fn late_writes_are_seen_when_something_behind_them_is() {
        let mut posted = posted(|host| (host.write_latency, host.ordering.late) = (Distribution::Fixed(40), 4000));
        for arrival in [0, 5] {
            let slot = posted.order(Cycle(arrival), false);
            assert_eq!(slot.drained, Cycle(arrival + 10));
            posted.push(slot, true, tlp(0x1000));
        }
        assert_eq!((posted.next(true), posted.all_drained()), (Cycle(1010), Cycle(15)));
        posted.show(Cycle(1500));
        assert_eq!(posted.next(true), Cycle(1010), "no later than before");
        posted.show(Cycle(30));
        assert_eq!([posted.pop(Cycle(30)).unwrap().visible, posted.pop(Cycle(30)).unwrap().visible], [Cycle(30); 2]);
        let slot = posted.order(Cycle(20), false);
        posted.push(slot, true, tlp(0x1000));
        assert_eq!(posted.next(true), Cycle(1030));
    }

    #[test]
    fn torn_writes_come_in_two_parts_in_the_order_of_addresses_and_hold_up_strict_ones() {
        let mut posted = posted(|host| host.torn = Some(Torn { grain: 8, span: Distribution::Fixed(400) }));
        let mut cuts = Vec::new();
        for arrival in 0..200 {
            let slot = posted.order(Cycle(arrival * 1000), false);
            posted.push(slot, true, tlp(0x1004));
            let slot = posted.order(Cycle(arrival * 1000), false);
            posted.push(slot, true, tlp(0x1004));
            let first = posted.pop(Cycle::NEVER).unwrap();
            assert_eq!((first.part.start, first.part.end, first.rest.1.end), (0, first.rest.1.start, 64));
            assert_eq!((first.part.end + 4) % 8, 0, "cut between aligned words");
            cuts.push(first.part.end);
            posted.push_rest(first);
            let rest = posted.pop(Cycle::NEVER).unwrap();
            assert_eq!((rest.part.end, rest.rest.0), (64, Cycle::NEVER));
            let second = posted.pop(Cycle::NEVER).unwrap();
            assert!(second.visible >= rest.visible && second.part.start == 0);
        }
        cuts.sort_unstable();
        cuts.dedup();
        assert_eq!(cuts, [4, 12, 20, 28, 36, 44, 52, 60]);
    }

    #[test]
    fn what_had_not_arrived_when_the_link_went_down_is_lost() {
        let mut posted = posted(|_| {});
        for arrival in [10, 20] {
            let slot = posted.order(Cycle(arrival), false);
            posted.push(slot, false, tlp(0x1000));
        }
        let mut spare = Vec::new();
        posted.link_down(Cycle(15), &mut spare);
        assert_eq!(spare.len(), 1);
        assert!(posted.pop(Cycle::NEVER).is_some_and(|write| write.arrival == Cycle(10)) && posted.pop(Cycle::NEVER).is_none());
    }
}
