//! MSI (PCIe 4.0 §6.1.4): the messages, their masks and pending bits.

use super::ConfigSpace;
use super::layout::MSI;
use crate::msix::Message;
use silico_spec::config::capabilities::msi;
use silico_spec::units::BusAddr;

/// MSI as software has set it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msi {
    /// MSI is on; INTx is then off.
    pub enabled: bool,
    /// Vectors that software gave: 1, 2, 4 or 8.
    pub vectors: u8,
    /// Where messages go.
    pub address: BusAddr,
    /// Data of vector 0; the vector's number replaces as many low bits as `vectors` has.
    pub data: u16,
    /// Bit per vector: masked.
    pub mask: u8,
}

impl Msi {
    /// The vector that stands for `vector` when software gave fewer than the card asked for.
    const fn given(&self, vector: u8) -> u8 {
        vector & (self.vectors - 1)
    }

    /// The pending bit of `vector`.
    #[must_use]
    pub const fn bit(&self, vector: u8) -> u8 {
        1 << self.given(vector)
    }

    /// The message of a vector that software gave.
    const fn message(&self, vector: u8) -> Message {
        Message { address: self.address, data: (self.data & !(self.vectors as u16 - 1) | vector as u16) as u32 }
    }

    /// Bits of the vectors that software gave.
    const fn all(&self) -> u8 {
        ((1_u16 << self.vectors) - 1) as u8
    }
}

impl ConfigSpace {
    /// An event on `vector`, taken modulo the vectors that software gave. It is pending until [`ConfigSpace::take_ready_msi`] gives out its
    /// message, which waits while the vector is masked, MSI is off, or the card no bus master.
    pub fn raise_msi(&mut self, vector: u8) {
        let vector = self.msi().given(vector);
        self.table.set(MSI + msi::PENDING, 1 << vector, u32::MAX);
        self.update_msi_ready();
    }

    /// Whether [`ConfigSpace::take_ready_msi`] has a message.
    #[inline]
    #[must_use]
    pub fn any_msi_ready(&self) -> bool {
        self.msi_ready != 0
    }

    /// The message of a pending vector that may be sent now, lowest vector first. It is then pending no longer.
    pub fn take_ready_msi(&mut self) -> Option<Message> {
        if self.msi_ready == 0 {
            return None;
        }
        let vector = self.msi_ready.trailing_zeros() as u8;
        self.table.set(MSI + msi::PENDING, 1 << vector, 0);
        self.update_msi_ready();
        Some(self.msi().message(vector))
    }

    /// What raised the other vectors than `vectors` (a bit each) is served without a message: their pending bits go.
    pub fn keep_msi_pending(&mut self, vectors: u8) {
        self.table.set(MSI + msi::PENDING, !u32::from(vectors), 0);
        self.update_msi_ready();
    }

    pub(super) fn update_msi_ready(&mut self) {
        let msi = self.msi();
        let pending = self.table.get(MSI + msi::PENDING) as u8;
        self.msi_ready = if msi.enabled && self.bus_master() { pending & !msi.mask & msi.all() } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{COMMAND, card};
    use super::*;
    use silico_spec::config::header::command;

    fn sent(mut config: ConfigSpace, vector: u8) -> Option<Message> {
        config.raise_msi(vector);
        config.take_ready_msi()
    }

    fn set_up(given_log2: u32) -> ConfigSpace {
        let mut config = card();
        config.write(COMMAND, command::BUS_MASTER, 0xf);
        config.write(MSI + msi::ADDRESS_LOW, 0xfee0_1007, 0xf);
        config.write(MSI + msi::ADDRESS_HIGH, 1, 0xf);
        config.write(MSI + msi::DATA, 0xffff_40ff, 0xf);
        let effects = config.write(MSI, msi::ENABLE | given_log2 << msi::ENABLED_SHIFT, 0xf);
        assert!(effects.msi);
        config
    }

    #[test]
    fn the_vector_replaces_the_low_bits_that_were_given() {
        let address = BusAddr(0x1_fee0_1004);
        assert_eq!(sent(set_up(3), 5), Some(Message { address, data: 0x40fd }));
        assert_eq!(sent(set_up(1), 5), Some(Message { address, data: 0x40ff }));
        assert_eq!(sent(set_up(1), 4), Some(Message { address, data: 0x40fe }));
        assert_eq!(sent(set_up(0), 7), Some(Message { address, data: 0x40ff }));
        // 32 vectors given where 8 were asked for.
        assert_eq!(set_up(5).msi().vectors, 8);
    }

    #[test]
    fn a_masked_event_pends_and_is_sent_once_on_unmask() {
        let mut config = set_up(3);
        config.write(MSI + msi::MASK, u32::MAX, 0xf);
        assert_eq!(config.read(MSI + msi::MASK), 0xff);
        config.raise_msi(2);
        config.raise_msi(2);
        assert_eq!(config.read(MSI + msi::PENDING), 4);
        assert!(!config.any_msi_ready());
        config.write(MSI + msi::PENDING, 0, 0xf);
        assert_eq!(config.read(MSI + msi::PENDING), 4, "pending bits are read-only");
        assert!(config.write(MSI + msi::MASK, 0xfb, 0xf).msi);
        assert!(config.any_msi_ready());
        assert_eq!(config.take_ready_msi().unwrap().data & 7, 2);
        assert_eq!(config.read(MSI + msi::PENDING), 0);
        assert_eq!(config.take_ready_msi(), None);
    }

    #[test]
    fn nothing_is_sent_by_who_is_no_bus_master_and_nothing_is_lost() {
        let mut config = set_up(3);
        config.write(COMMAND, 0, 0b0011);
        config.raise_msi(1);
        assert_eq!(config.take_ready_msi(), None);
        config.write(COMMAND, command::BUS_MASTER, 0b0011);
        assert_eq!(config.take_ready_msi().unwrap().data & 7, 1);
    }

    #[test]
    fn an_event_that_was_served_otherwise_is_not_sent() {
        let mut config = set_up(3);
        config.write(MSI + msi::MASK, 2, 0xf);
        config.raise_msi(1);
        config.keep_msi_pending(!2);
        config.write(MSI + msi::MASK, 0, 0xf);
        assert!(!config.any_msi_ready());
    }
}
