//! Reset and link: bringing up, hot reset, losing the card.

use super::Machine;
use crate::fault::LinkSwitch;
use crate::root::shadow::Shadow;
use silico_spec::credit::Limits;
use silico_spec::units::{Cycle, Cycles};

/// Clocks for which reset is asserted: 1 µs at 250 MHz.
const RESET: Cycles = Cycles(250);

impl Machine {
    /// Whether the link is up.
    #[must_use]
    pub const fn link_up(&self) -> bool {
        self.stimulus.link_up
    }

    /// Releases reset, trains the link, and initialises flow control, if the link is down.
    pub(crate) fn bring_up(&mut self) {
        if self.stimulus.link_up {
            return;
        }
        if self.stimulus.reset {
            self.advance_to(self.now.after(RESET));
            self.stimulus.reset = false;
        }
        self.advance_to(self.now.after(self.config.link.training));
        self.link_comes_up();
    }

    /// DL_Active: flow control is initialised. What the card was told before is gone with the link.
    fn link_comes_up(&mut self) {
        (self.link_back_at, self.link_failure) = (Cycle::NEVER, None);
        self.stimulus.link_up = true;
        self.stimulus.credits = self.grants.restart(self.now);
        self.downlink.restart(self.card_credits.unwrap_or(Limits::NONE));
    }

    /// The link goes down, as when the card is pulled out, in the middle of a TLP too: all in flight is lost, both ways, and requests are
    /// answered with [`crate::MachineError::LinkDown`]. [`Machine::enumerate`] brings it up again.
    pub fn link_down(&mut self) {
        self.stimulus.link_up = false;
        self.link_back_at = Cycle::NEVER;
        self.stimulus.credits = Limits::NONE;
        self.stimulus.rx_passed = 0;
        while let Some(lost) = self.stimulus.rx.pop_front() {
            self.stimulus.spare.push(lost.tlp);
        }
        self.downlink.clear(&mut self.stimulus.spare);
        if let Some(dll) = &mut self.uplink.dll {
            self.stimulus.spare.extend(dll.clear());
        }
        self.posted.link_down(self.now, &mut self.stimulus.spare);
        self.limit_card();
        self.completer.clear();
        self.requester.clear();
        self.tags.clear();
        self.interrupts.link_down(self.now);
        self.shadow = Shadow::new(self.config.link.ecrc);
        self.function = None;
    }

    /// Lets faults take the link down by `switch`. It comes up again by itself, as after a loose contact: the card must be enumerated anew.
    pub fn attach(&mut self, switch: LinkSwitch) {
        self.link_switch = Some(switch);
    }

    /// Takes the link down if a fault asks for it, and up again when that is over.
    #[inline]
    pub(super) fn flap(&mut self) {
        if let Some(span) = self.link_switch.as_ref().and_then(LinkSwitch::take) {
            self.link_down();
            self.link_back_at = self.now.after(span);
        } else if self.link_back_at <= self.now && !self.stimulus.link_up {
            self.link_comes_up();
        }
    }

    /// Hot reset: the link goes down, which resets all of the card but its sticky bits (PCIe 4.0 §6.6.1), and comes up again. The card must be
    /// enumerated anew.
    pub fn hot_reset(&mut self) {
        self.catch_up();
        self.link_down();
        self.advance_to(self.now.after(RESET));
        self.bring_up();
    }

    /// Runs until every write of the card that has arrived is visible. With the link down, the card reaches memory no more after it.
    pub fn settle_writes(&mut self) {
        self.advance_to(self.posted.all_shown());
    }
}
