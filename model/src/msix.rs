//! The MSI-X table and its pending bit array, as BAR2 shows them (PCIe 4.0 §6.1.4, §7.7.2). Knows neither causes nor TLPs: a vector is raised, and
//! its message waits here until the transmit side takes it.
//!
//! An event is never lost: raised while its vector is masked, or while nothing may be sent, it stays pending and is sent once. A vector shows as
//! pending from its event until its message is taken, masked or not.

use bitvec::array::BitArray;
use bitvec::field::BitField;
use silico_spec::config::capabilities::msix::{ENTRY_BYTES, VECTOR_MASK};
use silico_spec::params::{BAR2_BYTES, PBA_OFFSET};
use silico_spec::units::BusAddr;

/// An interrupt message: a memory write of one dword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub address: BusAddr,
    /// What.
    pub data: u32,
}

/// Most vectors of a card.
const MAX_VECTORS: usize = 256;

/// A bit per vector.
type Vectors = BitArray<[u64; MAX_VECTORS / 64]>;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    address_low: u32,
    address_high: u32,
    data: u32,
}

/// Table and pending bits.
#[derive(Clone, Debug)]
pub struct Msix {
    entries: Vec<Entry>,
    masked: Vectors,
    pending: Vectors,
    /// Enabled, and the function not masked.
    open: bool,
    any_ready: bool,
}

impl Msix {
    /// With `vectors` vectors, 1 to 256 (more are not taken), as after reset: all masked, MSI-X off.
    #[must_use]
    pub fn new(vectors: u16) -> Self {
        let entries = vec![Entry::default(); usize::from(vectors).min(MAX_VECTORS)];
        Self { entries, masked: !Vectors::ZERO, pending: Vectors::ZERO, open: false, any_ready: false }
    }

    /// As after any reset of the function.
    pub fn reset(&mut self) {
        *self = Self::new(self.entries.len() as u16);
    }

    /// Follows the config space: MSI-X enable and function mask.
    pub fn set_enables(&mut self, enabled: bool, function_mask: bool) {
        self.open = enabled && !function_mask;
        self.update();
    }

    /// An event on `vector`; one that is pending already goes with it. Nothing happens for a vector that the card does not have.
    pub fn raise(&mut self, vector: u16) {
        if usize::from(vector) < self.entries.len() {
            self.pending.set(vector.into(), true);
            self.update();
        }
    }

    /// What raised the other vectors than `vectors` (a bit each) is served without a message: their pending bits go (PCIe 4.0 §6.1.4.5).
    pub fn keep_pending(&mut self, vectors: [u64; MAX_VECTORS / 64]) {
        for (pending, kept) in self.pending.data.iter_mut().zip(vectors) {
            *pending &= kept;
        }
        self.update();
    }

    /// Whether any vector is pending, masked or not.
    #[inline]
    #[must_use]
    pub fn any_pending(&self) -> bool {
        self.pending.data.iter().any(|pending| *pending != 0)
    }

    /// Whether [`Msix::take_ready`] has a message.
    #[inline]
    #[must_use]
    pub fn any_ready(&self) -> bool {
        self.any_ready
    }

    /// A pending vector that may be sent now, lowest first, and its message. It is then pending no longer.
    pub fn take_ready(&mut self) -> Option<(u16, Message)> {
        if !self.any_ready {
            return None;
        }
        let vector = (self.pending & !self.masked).first_one()?;
        self.pending.set(vector, false);
        self.update();
        Some((vector as u16, self.entries[vector].message()))
    }

    /// Reads the dword at byte `offset` of BAR2. Zero where nothing is.
    #[must_use]
    pub fn read(&self, offset: u32) -> u32 {
        match self.find(offset) {
            Place::Entry { vector, field } => {
                let entry = &self.entries[vector];
                [entry.address_low, entry.address_high, entry.data, u32::from(self.masked[vector])][field]
            }
            Place::Pending { dword } => self.pending[32 * dword..32 * (dword + 1)].load_le(),
            Place::Hole => 0,
        }
    }

    /// Reads the two dwords at byte `offset`, a multiple of 8.
    #[cfg(test)]
    fn read64(&self, offset: u32) -> u64 {
        u64::from(self.read(offset & !7)) | u64::from(self.read(offset & !7 | 4)) << 32
    }

    /// Writes the enabled bytes of the dword at byte `offset`. Nothing happens where nothing can be written: in a hole, or in the PBA.
    pub fn write(&mut self, offset: u32, value: u32, byte_enables: u8) {
        let Place::Entry { vector, field } = self.find(offset) else { return };
        let enabled = (0..4).filter(|byte| byte_enables >> byte & 1 != 0).fold(0, |mask, byte| mask | 0xff_u32 << (8 * byte));
        let entry = &mut self.entries[vector];
        let merge = |old: u32| old & !enabled | value & enabled;
        match field {
            0 => entry.address_low = merge(entry.address_low) & !3,
            1 => entry.address_high = merge(entry.address_high),
            2 => entry.data = merge(entry.data),
            _ => {
                if enabled & VECTOR_MASK != 0 {
                    self.masked.set(vector, value & VECTOR_MASK != 0);
                    self.update();
                }
            }
        }
    }

    /// Writes the enabled bytes of the two dwords at byte `offset`, a multiple of 8, the lower one first.
    #[cfg(test)]
    fn write64(&mut self, offset: u32, value: u64, byte_enables: u8) {
        self.write(offset & !7, value as u32, byte_enables & 0xf);
        self.write(offset & !7 | 4, (value >> 32) as u32, byte_enables >> 4);
    }

    fn find(&self, offset: u32) -> Place {
        let vector = (offset / ENTRY_BYTES) as usize;
        let pending_bytes = self.entries.len().div_ceil(64) as u32 * 8;
        if vector < self.entries.len() {
            Place::Entry { vector, field: (offset % ENTRY_BYTES / 4) as usize }
        } else if (PBA_OFFSET..PBA_OFFSET + pending_bytes).contains(&offset) {
            Place::Pending { dword: ((offset - PBA_OFFSET) / 4) as usize }
        } else {
            Place::Hole
        }
    }

    fn update(&mut self) {
        // Word by word: `bitvec` would go through a span of bits for each.
        let ready = |(pending, masked): (&u64, &u64)| pending & !masked != 0;
        self.any_ready = self.open && self.pending.data.iter().zip(&self.masked.data).any(ready);
    }
}

const _: () = assert!(PBA_OFFSET as u64 + MAX_VECTORS as u64 / 8 <= BAR2_BYTES, "the PBA does not fit BAR2");

/// What lies at an offset of BAR2.
enum Place {
    Entry { vector: usize, field: usize },
    Pending { dword: usize },
    Hole,
}

impl Entry {
    fn message(&self) -> Message {
        Message { address: BusAddr(u64::from(self.address_high) << 32 | u64::from(self.address_low)), data: self.data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTROL: u32 = 12;

    /// Enabled, each vector unmasked with its number as data.
    fn open(vectors: u16) -> Msix {
        let mut msix = Msix::new(vectors);
        msix.set_enables(true, false);
        for vector in 0..u32::from(vectors) {
            msix.write64(vector * 16, 0x1_fee0_0000, 0xff);
            msix.write64(vector * 16 + 8, u64::from(vector), 0xff);
        }
        msix
    }

    fn message(vector: u32) -> Option<(u16, Message)> {
        Some((vector as u16, Message { address: BusAddr(0x1_fee0_0000), data: vector }))
    }

    #[test]
    fn after_reset_all_is_masked_and_clear() {
        let mut msix = open(3);
        msix.write(CONTROL, 1, 0xf);
        msix.raise(0);
        msix.reset();
        for vector in 0..3 {
            assert_eq!([0, 4, 8, 12].map(|at| msix.read(vector * 16 + at)), [0, 0, 0, 1]);
        }
        assert_eq!(msix.read(PBA_OFFSET), 0);
        assert_eq!(msix.read(48), 0, "there is no fourth vector");
    }

    #[test]
    fn an_open_vector_is_ready_at_once() {
        let mut msix = open(16);
        assert!(!msix.any_ready());
        msix.raise(5);
        assert!(msix.any_ready());
        assert_eq!(msix.take_ready(), message(5));
        assert!(!msix.any_ready());
        assert_eq!(msix.read(PBA_OFFSET), 0);
        msix.raise(16);
        assert!(!msix.any_ready(), "there is no vector 16");
        assert_eq!(msix.read(PBA_OFFSET), 0);
    }

    #[test]
    fn a_masked_vector_pends_and_is_sent_once_on_unmask() {
        let mut msix = open(70);
        let control = 66 * 16 + CONTROL;
        msix.write(control, u32::MAX, 0xf);
        assert_eq!(msix.read(control), 1, "reserved bits are zero");
        msix.raise(66);
        msix.raise(66);
        assert_eq!((msix.read(PBA_OFFSET + 8), msix.read64(PBA_OFFSET + 8)), (4, 4));
        assert!(!msix.any_ready());
        msix.write(control, 0, 0b1110);
        assert!(!msix.any_ready(), "the mask bit's byte was not enabled");
        msix.write(control, 0, 0b0001);
        assert!(msix.any_ready());
        assert_eq!((msix.take_ready(), msix.take_ready()), (message(66), None));
        assert_eq!(msix.read64(PBA_OFFSET + 8), 0);
    }

    #[test]
    fn the_function_mask_holds_all_vectors_and_gives_them_back_in_order() {
        let mut msix = open(16);
        msix.set_enables(true, true);
        for vector in [9, 2, 9] {
            msix.raise(vector);
        }
        assert!(!msix.any_ready());
        msix.set_enables(false, false);
        assert!(!msix.any_ready());
        msix.set_enables(true, false);
        assert_eq!([0; 3].map(|_| msix.take_ready()), [message(2), message(9), None]);
    }

    #[test]
    fn a_new_event_takes_a_ready_one_along() {
        let mut msix = open(4);
        msix.set_enables(true, true);
        msix.raise(1);
        msix.set_enables(true, false);
        msix.raise(1);
        assert_eq!((msix.take_ready(), msix.take_ready()), (message(1), None));
    }

    #[test]
    fn a_served_event_is_not_sent() {
        let mut msix = open(4);
        msix.set_enables(true, true);
        msix.raise(1);
        msix.keep_pending([!2, u64::MAX, u64::MAX, u64::MAX]);
        msix.set_enables(true, false);
        assert!(!msix.any_ready());
    }

    /// Wherever it is among as many vectors as there may be, and masked or not.
    #[test]
    fn a_pending_vector_is_seen() {
        for vector in [0, 1, 63, 64, 130, 255] {
            let mut msix = open(256);
            assert!(!msix.any_pending());
            msix.set_enables(true, true);
            msix.raise(vector);
            assert!(msix.any_pending(), "{vector}");
            msix.set_enables(true, false);
            assert!(msix.take_ready().is_some() && !msix.any_pending(), "{vector}");
        }
    }

    #[test]
    fn the_message_is_what_the_table_says_when_it_is_sent() {
        let mut msix = open(4);
        msix.write(CONTROL, 1, 0xf);
        msix.raise(0);
        msix.write64(0, 0xffff_ffff_1234_5677, 0xff);
        msix.write(8, 0xaabb_ccdd, 0b0101);
        msix.write(CONTROL, 0, 0xf);
        assert_eq!(msix.take_ready(), Some((0, Message { address: BusAddr(0xffff_ffff_1234_5674), data: 0x00bb_00dd })));
    }

    #[test]
    fn pending_bits_and_holes_cannot_be_written() {
        let mut msix = open(16);
        msix.write(CONTROL, 1, 0xf);
        msix.raise(0);
        for offset in [16 * 16, PBA_OFFSET - 4, PBA_OFFSET, PBA_OFFSET + 8, BAR2_BYTES as u32 - 4, !3] {
            msix.write(offset, u32::MAX, 0xf);
            assert_eq!(msix.read(offset), u32::from(offset == PBA_OFFSET), "{offset:#x}");
        }
        msix.write64(PBA_OFFSET, 0, 0xff);
        assert_eq!(msix.read64(PBA_OFFSET), 1);
    }

    proptest! {
        /// Against counting: each event reaches the host with a message at or after it, and there are never more messages than events.
        #[test]
        fn no_event_is_lost_and_none_is_doubled(steps in proptest::collection::vec((0_u8..6, 0_u16..5, any::<bool>()), 1..200)) {
            let mut msix = open(4);
            let (mut owed, mut events, mut messages) = ([false; 5], 0, 0);
            let mut finish = steps;
            finish.extend([(2, 0, true), (1, 0, false), (1, 1, false), (1, 2, false), (1, 3, false)]);
            finish.extend([(3, 0, false); 5]);
            for (step, vector, flag) in finish {
                let sent = match step {
                    0 => {
                        let exists = vector < 4;
                        events += u32::from(exists);
                        owed[usize::from(vector)] = exists;
                        msix.raise(vector);
                        None
                    }
                    1 => {
                        msix.write(u32::from(vector) * 16 + CONTROL, flag.into(), 0xf);
                        None
                    }
                    2 => {
                        msix.set_enables(flag, false);
                        None
                    }
                    _ => msix.take_ready(),
                };
                if let Some((_, message)) = sent {
                    prop_assert!(std::mem::replace(&mut owed[message.data as usize], false), "a message for nothing");
                    messages += 1;
                }
                prop_assert_eq!(msix.read(PBA_OFFSET), (0..4).map(|v| u32::from(owed[v]) << v).sum::<u32>());
            }
            prop_assert_eq!(owed, [false; 5]);
            prop_assert!(messages <= events);
        }
    }
}
