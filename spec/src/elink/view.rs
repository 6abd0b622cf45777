//! A block as fields over bytes. Never judges, so that captures and fault injection can carry nonsense.

use super::{BLOCK_BYTES, HEADER_BYTES, TRAILER_BYTES};
use crate::field::Field;
use core::borrow::{Borrow, BorrowMut};

const LENGTH: Field = Field::new(0, 16);
const RESERVED: Field = Field::new(16, 8);
const FLAGS: Field = Field::new(24, 4);
const KIND: Field = Field::new(28, 4);

/// Fields of a block; `B` is `&[u8; 1024]` or `&mut [u8; 1024]`.
#[derive(Clone, Copy, Debug)]
pub struct View<B>(pub B);

/// One trailer, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawTrailer(pub(super) u32);

impl RawTrailer {
    pub(super) fn new(kind: u8, flags: u8, length: usize) -> Self {
        let word = LENGTH.set(0, length as u64);
        Self(KIND.set(FLAGS.set(word, flags.into()), kind.into()) as u32)
    }

    pub(super) fn length(self) -> usize {
        LENGTH.get(self.0.into()) as usize
    }

    pub(super) fn reserved(self) -> u8 {
        RESERVED.get(self.0.into()) as u8
    }

    pub(super) fn flags(self) -> u8 {
        FLAGS.get(self.0.into()) as u8
    }

    pub(super) fn kind(self) -> u8 {
        KIND.get(self.0.into()) as u8
    }
}

impl<B: Borrow<[u8; BLOCK_BYTES]>> View<B> {
    /// The first two bytes.
    #[must_use]
    pub fn magic(&self) -> u16 {
        let bytes = self.0.borrow();
        u16::from_le_bytes([bytes[0], bytes[1]])
    }

    /// The e-link.
    #[must_use]
    pub fn elink(&self) -> u16 {
        let bytes = self.0.borrow();
        u16::from_le_bytes([bytes[2], bytes[3]])
    }

    /// Sequence number among the e-link's blocks.
    #[must_use]
    pub fn sequence(&self) -> u32 {
        let bytes = self.0.borrow();
        u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
    }

    /// The trailer that ends at byte `end`, which is no less than 12 and no more than 1024.
    pub(super) fn trailer_before(&self, end: usize) -> RawTrailer {
        debug_assert!((HEADER_BYTES + TRAILER_BYTES..=BLOCK_BYTES).contains(&end));
        let bytes = self.0.borrow();
        RawTrailer(u32::from_le_bytes([bytes[end - 4], bytes[end - 3], bytes[end - 2], bytes[end - 1]]))
    }
}

impl<B: BorrowMut<[u8; BLOCK_BYTES]>> View<B> {
    /// Sets the first two bytes.
    pub fn set_magic(&mut self, magic: u16) {
        self.0.borrow_mut()[0..2].copy_from_slice(&magic.to_le_bytes());
    }

    /// Sets the e-link.
    pub fn set_elink(&mut self, elink: u16) {
        self.0.borrow_mut()[2..4].copy_from_slice(&elink.to_le_bytes());
    }

    /// Sets the sequence number.
    pub fn set_sequence(&mut self, sequence: u32) {
        self.0.borrow_mut()[4..8].copy_from_slice(&sequence.to_le_bytes());
    }

    /// Sets the trailer at byte `at`.
    pub(super) fn set_trailer(&mut self, at: usize, trailer: RawTrailer) {
        self.0.borrow_mut()[at..at + TRAILER_BYTES].copy_from_slice(&trailer.0.to_le_bytes());
    }
}
