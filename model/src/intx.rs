//! INTx: a level on INTA, told to the root complex by messages (PCIe 4.0 §2.2.8.1). It follows the interrupt status registers while neither MSI-X
//! nor MSI is on. Knows no cause: whoever changes one says that the level may be stale.
//!
//! Messages are posted and go by the transmitter's order, after whatever a cause announces. They need no bus mastering (§7.5.1.1.3).

use crate::card::Card;
use crate::transmit::Source;
use silico_spec::config::capabilities::pm::PowerState;
use silico_spec::credit::Class;
use silico_spec::tlp::{Header, Kind, routing};
use silico_spec::units::Dwords;

/// Message codes (PCIe 4.0 table 2-19).
const ASSERT_INTA: u8 = 0x20;
const DEASSERT_INTA: u8 = 0x24;

/// The level as it is to be, and as the root complex knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Intx {
    wanted: bool,
    asserted: bool,
    /// A cause or what gates the level may have changed in this clock.
    pub(crate) stale: bool,
    msi_on: bool,
}

impl Intx {
    /// A message is owed.
    #[inline]
    pub(crate) fn due(&self) -> bool {
        self.wanted != self.asserted
    }

    /// MSI was on when config space was looked at last. Returns whether it has just come on.
    pub(crate) fn follow_msi(&mut self, on: bool) -> bool {
        let was_on = std::mem::replace(&mut self.msi_on, on);
        on && !was_on
    }

    /// After a reset of the function that the link has survived: nothing is asserted any more, and the root complex still has to hear of it.
    pub(crate) fn after_reset(&self) -> Self {
        Self { asserted: self.asserted, ..Self::default() }
    }
}

impl Card {
    /// Vectors of all causes that were signalled and not acknowledged.
    fn fired(&self) -> impl Iterator<Item = u16> {
        let channels = self.channels.iter().flat_map(|channel| channel.fired());
        let h2c = self.h2c.iter().flat_map(|channel| channel.fired());
        channels.chain(h2c).flatten().chain(self.registers.fired_card)
    }

    /// Follows the causes at the end of a clock: the level, the status bit, and what is pending of causes that were served without a message
    /// (PCIe 4.0 §6.1.4.5).
    pub(crate) fn follow_causes(&mut self) {
        if !std::mem::take(&mut self.intx.stale) {
            return;
        }
        if self.config.msix_enabled() && self.msix.any_pending() {
            let kept = self.fired().fold([0; 4], |mut bits: [u64; 4], vector| {
                bits[usize::from(vector) / 64 % 4] |= 1 << (vector % 64);
                bits
            });
            self.msix.keep_pending(kept);
        } else if !self.config.msix_enabled() {
            let kept = self.fired().fold(0, |bits, vector| bits | self.config.msi().bit(vector as u8));
            self.config.keep_msi_pending(kept);
        }
        let on = !self.config.msix_enabled() && !self.config.msi().enabled && self.config.power_state() == PowerState::D0;
        let pending = on && self.fired().next().is_some();
        self.config.set_interrupt_status(pending);
        self.intx.wanted = pending && !self.config.intx_disabled() && !self.flr_pending;
    }

    /// A message for the root complex. `None`: none waits. `Some(None)`: one waits and holds up what is posted.
    pub(crate) fn grant_intx(&mut self) -> Option<Option<Source>> {
        if !self.intx.due() {
            return None;
        }
        if !self.transmitter.affords(&self.limits, Class::Posted, 0) {
            return Some(None);
        }
        self.intx.asserted = self.intx.wanted;
        let code = if self.intx.asserted { ASSERT_INTA } else { DEASSERT_INTA };
        self.registers.perf.interrupts += u64::from(self.intx.asserted);
        self.transmitter.tlp.set_len(0);
        let kind = Kind::Message(routing::LOCAL);
        let header = Header::of(kind, true, Dwords(0)).with_requester(self.config.bdf()).with_message_code(code);
        Some(self.load(Source::Message, header))
    }
}
