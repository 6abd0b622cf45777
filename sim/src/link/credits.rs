//! What the root port grants to the card: initial limits, what came free since, and when the card learns of it. Also the count of what the card
//! used. Knows classes and numbers, no TLP.
//!
//! UpdateFC DLLPs leave at multiples of the update interval and take the link's latency.

use crate::config::LinkConfig;
use silico_spec::credit::{Class, Consumed, Limits};
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// Limits that a TLP in flight may still have been sent under.
const HISTORY: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Update {
    at: Cycle,
    grants: [(u8, u16); 3],
}

/// The root port's side of flow control.
#[derive(Debug)]
pub(crate) struct Grants {
    initial: Limits,
    interval: u64,
    latency: Cycles,
    /// Newest first: from when the card sees these limits.
    history: [(Cycle, Limits); HISTORY],
    consumed: [Consumed; 3],
    updates: VecDeque<Update>,
}

impl Grants {
    pub(crate) fn new(link: &LinkConfig) -> Self {
        let initial = Limits([link.posted, link.non_posted, link.completion]);
        Self {
            initial,
            interval: link.update_interval.0,
            latency: link.latency,
            history: [(Cycle(0), Limits::NONE); HISTORY],
            consumed: [Consumed::default(); 3],
            updates: VecDeque::new(),
        }
    }

    /// The link came up at `now`: flow control begins anew. Returns what the card sees.
    pub(crate) fn restart(&mut self, now: Cycle) -> Limits {
        self.history = [(now, self.initial); HISTORY];
        self.consumed = [Consumed::default(); 3];
        self.updates.clear();
        self.initial
    }

    /// The card sent a TLP with `data` credits whose first beat passed in cycle `first`. Returns whether it had the credits: what it drives in a
    /// cycle it can only have decided on what it saw before.
    #[inline]
    pub(crate) fn take(&mut self, class: Class, data: u16, first: Cycle) -> bool {
        let seen = self.history.iter().find(|(from, _)| *from < first).unwrap_or(&self.history[HISTORY - 1]);
        let consumed = &mut self.consumed[class as usize];
        let allowed = consumed.allows(seen.1.of(class), data);
        consumed.take(data);
        allowed
    }

    /// Whether another TLP with `data` credits could be sent now.
    #[inline]
    pub(crate) const fn has_room(&self, class: Class, data: u16) -> bool {
        self.consumed[class as usize].allows(self.history[0].1.of(class), data)
    }

    /// The root complex is done with a TLP of that size at `at`: the next UpdateFC gives the credits back.
    #[inline]
    pub(crate) fn free(&mut self, at: Cycle, class: Class, data: u16) {
        let sent = (at.0 + self.interval - 1) & !(self.interval - 1);
        let arrives = Cycle(sent).after(self.latency);
        let mut index = self.updates.len();
        while index > 0 && self.updates[index - 1].at > arrives {
            index -= 1;
        }
        if index == 0 || self.updates[index - 1].at != arrives {
            self.updates.insert(index, Update { at: arrives, grants: [(0, 0); 3] });
            index += 1;
        }
        let grant = &mut self.updates[index - 1].grants[class as usize];
        grant.0 = grant.0.wrapping_add(1);
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
            for (class, (headers, data)) in Class::ALL.into_iter().zip(update.grants) {
                shown.of_mut(class).grant(headers, data);
            }
            self.history.copy_within(0..HISTORY - 1, 1);
            self.history[0] = (now, *shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::credit::Limit;

    fn grants() -> (Grants, Limits) {
        let link = LinkConfig { posted: Limit::initial(2, 32), latency: Cycles(10), update_interval: Cycles(16), ..LinkConfig::default() };
        let mut grants = Grants::new(&link);
        let shown = grants.restart(Cycle(0));
        (grants, shown)
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
