//! Moves time. The card runs up to the next instant at which the machine itself would do something to it; then what came of it is taken, and
//! what is due is done, in the order of time.
//!
//! What leaves the root port at `t` reaches the card at `t + latency` at the earliest, so the card may run that far ahead of the root port: fewer, longer
//! runs, and the same outcome however callers cut time into pieces.

use super::Machine;
use crate::check;
use silico_spec::units::{Cycle, Cycles};

impl Machine {
    /// Runs the clock up to `cycle`.
    pub fn advance_to(&mut self, cycle: Cycle) {
        while self.now < cycle {
            self.step(cycle);
        }
    }

    /// Runs until a write of the card has become visible, an interrupt was delivered, a violation was found, or `deadline`. Once any
    /// buffer is polled (words of it were read with `load64`), only writes to polled buffers count: a write-back block ends the pause, payload does
    /// not. What came since the last pause ends this one at once.
    pub fn pause(&mut self, deadline: Cycle) {
        self.catch_up();
        let any = !self.memory.is_polled();
        let count = |machine: &Self| if any { machine.writes } else { machine.wakes };
        while count(self) == self.told && self.violation.is_none() && self.now < deadline {
            let next = self.posted.next(any).min(self.interrupts.next());
            self.step(deadline.min(next.max(Cycle(self.now.0 + 1))));
        }
        self.told = count(self);
    }

    /// Runs the clock up to what the CPU has spent.
    pub(super) fn catch_up(&mut self) {
        let owed = self.cpu.take();
        if owed > 0 {
            let ps = owed * 1000 + self.cpu_rest;
            let clock = u64::from(self.config.clock_ps);
            self.cpu_rest = ps % clock;
            self.advance_to(self.now.after(Cycles(ps / clock)));
        }
    }

    /// The next instant by which the root port must have looked after itself.
    #[inline]
    fn next_stop(&self) -> Cycle {
        let sent = self.next_send().map_or(Cycle::NEVER, |(at, _)| at);
        let sent = if self.downlink.has_requests() { sent.min(self.downlink.next_grant()) } else { sent };
        let below = self.uplink.dll.as_ref().map_or(Cycle::NEVER, |dll| dll.next()).min(self.downlink.next_event());
        sent.after(self.config.link.latency).min(self.grants.next_update()).min(below).min(self.down_at).min(self.link_back_at)
    }

    /// Runs the card once, to `until` at most, and does what came due. `until` lies in the future.
    #[inline]
    pub(super) fn step(&mut self, until: Cycle) {
        self.feeds.refill(self.now, &mut self.stimulus);
        let mut limit = until.min(self.next_stop()).since(self.now).0.max(1);
        if self.is_stalling {
            limit = limit.min(64);
            [self.stimulus.tx_stall, self.stimulus.rx_stall] = [0, 1].map(|way: usize| self.stalls[way].mask(self.now));
        }
        self.card.run(self.now, Cycles(limit), &mut self.stimulus, &mut self.response);
        // At least one clock, whatever the card says: time must pass.
        let clocks = self.response.clocks.0.clamp(1, limit);
        if self.response.clocks.0 > limit {
            self.found(self.now, check::port::overrun(self.response.clocks, Cycles(limit)));
        }
        self.now = Cycle(self.now.0 + clocks);
        self.stats.clocks += clocks;
        self.stats.runs += 1;
        if self.response.tlp_done {
            self.response.tlp_done = false;
            self.receive();
        }
        if self.response.credits != self.card_credits {
            self.card_credits = self.response.credits;
            if let (true, Some(limits)) = (self.stimulus.link_up, self.card_credits) {
                if let Err(finding) = check::credits::judge_grant(&limits, &self.downlink.consumed) {
                    self.found(self.now, finding);
                }
                self.downlink.granted(self.now, limits);
            }
        }
        self.settle();
        self.flap();
    }

    /// Does all that is due by now.
    #[inline]
    fn settle(&mut self) {
        if self.down_at <= self.now {
            self.down_at = Cycle::NEVER;
            let span = self.down_for.take();
            self.link_down();
            self.link_back_at = span.map_or(Cycle::NEVER, |span| self.now.after(span));
        }
        self.send_due();
        if self.uplink.dll.is_some() {
            self.uplink_events();
        }
        self.apply_writes(self.now);
        if self.interrupts.next() <= self.now {
            self.deliver_interrupts();
        }
        if self.grants.next_update() <= self.now {
            self.grants.update(self.now, &mut self.stimulus.credits);
            self.stats.damaged_updates = [self.downlink.damaged, self.grants.damaged];
        }
    }
}
