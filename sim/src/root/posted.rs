//! Posted writes of the card between their arrival and their visibility. Under the ordering rules a write without relaxed ordering never becomes visible
//! before an earlier one (PCIe 4.0 table 2-39, A2a and A2b). Knows no memory.

use crate::distribution::Distribution;
use silico_spec::generator::XorShift64;
use silico_spec::port::TlpBuf;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// A write on its way into memory.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) visible: Cycle,
    /// Somebody polls where it goes.
    pub(crate) watched: bool,
    pub(crate) tlp: TlpBuf,
}

/// The queue, in order of visibility.
#[derive(Debug)]
pub(crate) struct Posted {
    queue: VecDeque<Write>,
    latency: Distribution,
    random: XorShift64,
    /// When all writes so far are visible.
    last: Cycle,
}

impl Posted {
    pub(crate) fn new(latency: Distribution, random: XorShift64) -> Self {
        Self { queue: VecDeque::new(), latency, random, last: Cycle(0) }
    }

    /// When something posted that arrives at `arrival` takes effect.
    #[inline]
    pub(crate) fn order(&mut self, arrival: Cycle, relaxed: bool) -> Cycle {
        let own = arrival.after(Cycles(self.latency.draw(&mut self.random)));
        let visible = if relaxed { own } else { own.max(self.last) };
        self.last = self.last.max(visible);
        visible
    }

    /// When all that was posted so far is visible: nothing that follows and may not pass it takes effect before.
    #[inline]
    pub(crate) const fn all_visible(&self) -> Cycle {
        self.last
    }

    #[inline]
    pub(crate) fn push(&mut self, write: Write) {
        let mut index = self.queue.len();
        while index > 0 && self.queue[index - 1].visible > write.visible {
            index -= 1;
        }
        if index == self.queue.len() { self.queue.push_back(write) } else { self.queue.insert(index, write) }
    }

    /// The oldest write, if it is visible by `now`.
    #[inline]
    pub(crate) fn pop(&mut self, now: Cycle) -> Option<Write> {
        if self.queue.front()?.visible > now { None } else { self.queue.pop_front() }
    }

    /// When the next write that matters becomes visible: one that somebody polls for, or any.
    pub(crate) fn next(&self, any: bool) -> Cycle {
        self.queue.iter().find(|write| any || write.watched).map_or(Cycle::NEVER, |write| write.visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relaxed_writes_pass_and_strict_ones_do_not() {
        let mut posted = Posted::new(Distribution::Uniform { min: 0, max: 100 }, XorShift64::new(5));
        let mut passed = 0;
        let mut latest = Cycle(0);
        for arrival in 0..1000 {
            let relaxed = arrival % 2 == 0;
            let visible = posted.order(Cycle(arrival), relaxed);
            assert!(relaxed || visible >= latest, "a strict write passed");
            passed += u32::from(visible < latest);
            latest = latest.max(visible);
            posted.push(Write { visible, watched: false, tlp: TlpBuf::new() });
        }
        assert!(passed > 100, "relaxed writes never pass");
        assert_eq!(posted.all_visible(), latest);
        let mut before = Cycle(0);
        while let Some(write) = posted.pop(Cycle::NEVER) {
            assert!(write.visible >= before);
            before = write.visible;
        }
    }
}
