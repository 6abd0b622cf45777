//! What the root port grants to the card: initial limits, what came free since, and when the card learns of it. Also the count of what the card
//! used. Knows classes and numbers, no TLP.
//!
//! UpdateFC DLLPs leave at multiples of the update interval and take the link's latency.

use super::dll::Injector;
use super::dll::config::DllConfig;
use super::starvation::Starvation;
use crate::config::LinkConfig;
use crate::distribution::{below, stream};
use silico_spec::credit::{Class, Consumed, Limits};
use silico_spec::generator::XorShift64;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// Limits that a TLP in flight may still have been sent under.
const HISTORY: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Update {
    at: Cycle,
    grants: [(u8, u16); 3],
}

/// The root port's side of flow control.
#[derive(Clone, Debug)]
pub(crate) struct Grants {
    initial: Limits,
    interval: u64,
    latency: Cycles,
    /// Newest first, never empty: from when the card sees these limits.
    history: VecDeque<(Cycle, Limits)>,
    consumed: [Consumed; 3],
    updates: VecDeque<Update>,
    starvation: Starvation,
    random: XorShift64,
    /// When the last UpdateFC of each class left, if it was held back.
    held: [Cycle; 3],
    /// UpdateFC DLLPs that are damaged on the way.
    damage: Injector,
    /// After which a damaged one is repeated.
    repeat: Cycles,
    /// UpdateFC DLLPs that were damaged.
    pub(crate) damaged: u64,
}

impl Grants {
    pub(crate) fn new(link: &LinkConfig, clock_ps: u32, seed: u64) -> Self {
        let initial = Limits([link.posted, link.non_posted, link.completion]);
        Self {
            initial,
            interval: link.update_interval.0,
            latency: link.latency,
            history: VecDeque::from([(Cycle(0), Limits::NONE)]),
            consumed: [Consumed::default(); 3],
            updates: VecDeque::new(),
            starvation: link.starvation,
            random: stream(seed, 8),
            held: [Cycle(0); 3],
            damage: Injector::new(link.dll.to_card.update_fc, stream(seed, 9)),
            repeat: Cycles(DllConfig::UPDATE_REPEAT_NS * 1000 / u64::from(clock_ps)),
            damaged: 0,
        }
    }

    /// All chance from here on descends from `seed`.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.random = stream(seed, 8);
        self.damage.reseed(stream(seed, 9));
    }

    /// The link came up at `now`: flow control begins anew. Returns what the card sees.
    pub(crate) fn restart(&mut self, now: Cycle) -> Limits {
        self.history.clear();
        self.history.push_front((now, self.initial));
        self.consumed = [Consumed::default(); 3];
        self.updates.clear();
        self.initial
    }

    /// The card sent a TLP with `data` credits whose first beat passed in cycle `first`. Returns whether it had the credits: what it drives in a
    /// cycle it can only have decided on what it saw before.
    #[inline]
    pub(crate) fn take(&mut self, class: Class, data: u16, first: Cycle) -> bool {
        let seen = self.history.iter().find(|(from, _)| *from < first).or(self.history.back()).map_or(&Limits::NONE, |seen| &seen.1);
        let consumed = &mut self.consumed[class as usize];
        let allowed = consumed.allows(seen.of(class), data);
        consumed.take(data);
        allowed
    }

    /// Whether another TLP with `data` credits could be sent now.
    #[inline]
    pub(crate) fn has_room(&self, class: Class, data: u16) -> bool {
        self.history.front().is_some_and(|(_, limits)| self.consumed[class as usize].allows(limits.of(class), data))
    }

    /// The root complex is done with a TLP of that size at `at`: the next UpdateFC gives the credits back.
    #[inline]
    pub(crate) fn free(&mut self, at: Cycle, class: Class, data: u16) {
        let sent = Cycle((at.0 + self.interval - 1) & !(self.interval - 1));
        if self.starvation == Starvation::Off { self.give(sent, class, (1, data)) } else { self.starve(sent, class, data) }
    }

    /// As the configured unwillingness has it.
    #[cold]
    fn starve(&mut self, sent: Cycle, class: Class, data: u16) {
        let last = self.held[class as usize];
        match self.starvation {
            Starvation::Off => self.give(sent, class, (1, data)),
            Starvation::Withhold { per_mille, longest } => {
                let is_withheld = below(&mut self.random, 1000) < per_mille.into();
                let span = if is_withheld { 1 + below(&mut self.random, longest.0) } else { 0 };
                let sent = sent.after(Cycles(span)).max(last);
                self.held[class as usize] = sent;
                self.give(sent, class, (1, data));
            }
            Starvation::OneByOne { spacing } => {
                let units = if self.initial.of(class).data().is_none() { 1 } else { data.max(1) };
                for unit in 0..units {
                    let sent = sent.max(self.held[class as usize].after(spacing));
                    self.held[class as usize] = sent;
                    self.give(sent, class, (u8::from(unit == 0), data.min(1)));
                }
            }
        }
    }

    /// An UpdateFC leaves at `sent` and grants that much more.
    #[inline]
    fn give(&mut self, sent: Cycle, class: Class, (headers, data): (u8, u16)) {
        let arrives = sent.after(self.latency);
        let mut index = self.updates.len();
        while index > 0 && self.updates[index - 1].at > arrives {
            index -= 1;
        }
        if index == 0 || self.updates[index - 1].at != arrives {
            self.updates.insert(index, Update { at: arrives, grants: [(0, 0); 3] });
            index += 1;
        }
        let grant = &mut self.updates[index - 1].grants[class as usize];
        grant.0 = grant.0.wrapping_add(headers);
        grant.1 = grant.1.wrapping_add(data);
    }

    /// When the next UpdateFC reaches the card.
    #[inline]
    pub(crate) fn next_update(&self) -> Cycle {
        self.updates.front().map_or(Cycle::NEVER, |update| update.at)
    }

    /// Shows the card what reached it by `now`.
    #[inline]
    pub(crate) fn update(&mut self, now: Cycle, shown: &mut Limits) {
        while self.next_update() <= now {
            let Some(update) = self.updates.pop_front() else { return };
            if self.damage.hit() {
                self.repeat(update);
                continue;
            }
            for (class, (headers, data)) in Class::ALL.into_iter().zip(update.grants) {
                shown.of_mut(class).grant(headers, data);
            }
            self.history.truncate(HISTORY - 1);
            self.history.push_front((now, *shown));
        }
    }

    /// What a damaged UpdateFC granted comes with the next one, since counts are cumulative, or when it is repeated.
    #[cold]
    fn repeat(&mut self, lost: Update) {
        self.damaged += 1;
        let repeated = lost.at.after(self.repeat);
        if self.updates.front().is_none_or(|next| next.at > repeated) {
            self.updates.push_front(Update { at: repeated, ..lost });
            return;
        }
        for (grant, lost) in self.updates[0].grants.iter_mut().zip(lost.grants) {
            *grant = (grant.0.wrapping_add(lost.0), grant.1.wrapping_add(lost.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::dll::config::Occurrence;
    use silico_spec::credit::Limit;

    fn grants() -> (Grants, Limits) {
        grants_of(|_| {})
    }

    fn grants_of(change: fn(&mut LinkConfig)) -> (Grants, Limits) {
        let mut link =
            LinkConfig { posted: Limit::initial(2, 32), latency: Cycles(10), update_interval: Cycles(16), ..LinkConfig::default() };
        change(&mut link);
        let mut grants = Grants::new(&link, 4000, 1);
        let shown = grants.restart(Cycle(0));
        (grants, shown)
    }

    /// When each posted data credit of two TLPs of 256 bytes comes back.
    fn returns(change: fn(&mut LinkConfig)) -> Vec<(u64, Limit)> {
        let (mut grants, mut shown) = grants_of(change);
        grants.free(Cycle(5), Class::Posted, 16);
        grants.free(Cycle(40), Class::Posted, 16);
        let mut seen = Vec::new();
        while grants.next_update() != Cycle::NEVER {
            let at = grants.next_update();
            grants.update(at, &mut shown);
            if seen.last().is_none_or(|last: &(u64, Limit)| last.1 != *shown.of(Class::Posted)) {
                seen.push((at.0, *shown.of(Class::Posted)));
            }
        }
        assert_eq!(shown.of(Class::Posted), &Limit::initial(4, 64), "nothing is lost");
        seen
    }

    #[test]
    fn credits_come_back_one_by_one() {
        let seen = returns(|link| link.starvation = Starvation::OneByOne { spacing: Cycles(4) });
        assert_eq!(seen.len(), 32);
        assert_eq!(seen[..2], [(26, Limit::initial(3, 33)), (30, Limit::initial(3, 34))]);
        assert!(seen.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 4));
    }

    #[test]
    fn updates_are_withheld_in_order() {
        let seen = returns(|link| link.starvation = Starvation::Withhold { per_mille: 1000, longest: Cycles(1000) });
        assert!(seen[0].0 > 26 && seen.is_sorted_by_key(|one| one.0), "{seen:?}");
    }

    #[test]
    fn a_damaged_update_is_made_up_for_by_the_next_one_or_repeated() {
        let seen = returns(|link| link.dll.to_card.update_fc = Occurrence::nth(1));
        assert_eq!(seen, [(26, Limit::initial(2, 32)), (58, Limit::initial(4, 64))]);
        let seen = returns(|link| link.dll.to_card.update_fc = Occurrence::nth(2));
        assert_eq!(seen, [(26, Limit::initial(3, 48)), (58 + 7500, Limit::initial(4, 64))]);
    }

    #[test]
    fn what_is_freed_comes_back_in_batches_after_the_latency() {
        let (mut grants, mut shown) = grants();
        assert!(grants.take(Class::Posted, 16, Cycle(1)) && grants.take(Class::Posted, 16, Cycle(2)));
        assert!(!grants.has_room(Class::Posted, 0));
        grants.free(Cycle(5), Class::Posted, 16);
        grants.free(Cycle(16), Class::Posted, 16);
        assert_eq!(grants.next_update(), Cycle(26), "both leave at 16 and take 10");
        grants.update(Cycle(25), &mut shown);
        assert!(!grants.has_room(Class::Posted, 0));
        grants.update(Cycle(26), &mut shown);
        assert_eq!(shown.of(Class::Posted), &Limit::initial(4, 64));
        assert_eq!(grants.next_update(), Cycle::NEVER);
    }

    #[test]
    fn a_tlp_is_judged_by_what_the_card_saw_before_its_first_beat() {
        let (mut grants, mut shown) = grants();
        assert!(grants.take(Class::Posted, 16, Cycle(1)) && grants.take(Class::Posted, 16, Cycle(2)));
        grants.free(Cycle(5), Class::Posted, 16);
        grants.update(Cycle(26), &mut shown);
        assert!(!grants.take(Class::Posted, 16, Cycle(26)), "sent in the very cycle in which the update came");
        let (mut grants, mut shown) = self::grants();
        assert!(grants.take(Class::Posted, 16, Cycle(1)) && grants.take(Class::Posted, 16, Cycle(2)));
        grants.free(Cycle(5), Class::Posted, 16);
        grants.update(Cycle(26), &mut shown);
        assert!(grants.take(Class::Posted, 16, Cycle(27)));
    }

    #[test]
    fn frees_out_of_order_are_sorted() {
        let (mut grants, _) = grants();
        grants.free(Cycle(100), Class::NonPosted, 0);
        grants.free(Cycle(5), Class::Posted, 1);
        assert_eq!(grants.next_update(), Cycle(26));
    }
}
