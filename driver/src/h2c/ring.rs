//! The descriptor ring: what was given to the card, what it is done with, and what each descriptor stands for. Knows no register.
//!
//! ```text
//!   done ≤ rung ≤ given ≤ done + entries
//!     └ the card reads ┘ └ written, not yet told ┘
//! ```
//! Counts only grow; entry is count modulo entries, kept beside the count since a division costs.

use super::staging::Piece;
use crate::error::RingFault;
use crate::platform::DmaBuffer;
use alloc::boxed::Box;
use alloc::vec;
use silico_spec::descriptor::{DescriptorFlags, H2C_DESCRIPTOR_BYTES, H2cDescriptor};
use silico_spec::fork::{CannotFork, Fork, Memo};

/// What the driver remembers of a descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    ends_frame: bool,
    bytes: u32,
    /// Staging memory that is free again when it is done.
    piece: Option<Piece>,
}

/// A count, and the same modulo the number of entries.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    count: u64,
    index: usize,
}

impl Mark {
    const fn next(self, entries: usize) -> Self {
        let index = self.index + 1;
        Self { count: self.count + 1, index: if index == entries { 0 } else { index } }
    }
}

/// Descriptors, frames and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

impl Totals {
    fn add(&mut self, entry: &Entry) {
        self.frames += u64::from(entry.ends_frame);
        self.bytes += u64::from(entry.bytes);
    }
}

/// The ring.
pub(super) struct Ring<B> {
    buffer: B,
    entries: Box<[Entry]>,
    given: Mark,
    /// Descriptors that the doorbell has named.
    rung: u64,
    done: Mark,
    pub(super) submitted: Totals,
    pub(super) sent: Totals,
}

impl<B: Fork> Fork for Ring<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, entries: self.entries.clone(), ..*self })
    }
}

impl<B: DmaBuffer> Ring<B> {
    /// Over `buffer`, with room for `entries` descriptors. It belongs to the card's side for good: it is written word by word.
    pub(super) fn new(buffer: B, entries: u32) -> Self {
        let entries = vec![Entry::default(); entries as usize].into_boxed_slice();
        let (mark, totals) = (Mark::default(), Totals::default());
        Self { buffer, entries, given: mark, rung: 0, done: mark, submitted: totals, sent: totals }
    }

    /// Bytes that `entries` descriptors take.
    pub(super) const fn bytes(entries: u32) -> u64 {
        entries as u64 * H2C_DESCRIPTOR_BYTES as u64
    }

    pub(super) const fn buffer(&self) -> &B {
        &self.buffer
    }

    pub(super) const fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(super) const fn free(&self) -> u64 {
        self.entries() - (self.given.count - self.done.count)
    }

    pub(super) const fn given(&self) -> u64 {
        self.given.count
    }

    pub(super) const fn done(&self) -> u64 {
        self.done.count
    }

    pub(super) const fn rung(&self) -> u64 {
        self.rung
    }

    /// Descriptors written and not told to the card yet.
    pub(super) const fn pending(&self) -> u64 {
        self.given.count - self.rung
    }

    /// Puts a descriptor into the next free entry; there must be one. The card does not look at it before the doorbell.
    pub(super) fn put(&mut self, descriptor: &H2cDescriptor, piece: Option<Piece>) {
        let Mark { index, .. } = self.given;
        for (word, value) in (0..).zip(descriptor.emit()) {
            self.buffer.store64(index as u64 * u64::from(H2C_DESCRIPTOR_BYTES) + word * 8, value);
        }
        let ends_frame = descriptor.flags.contains(DescriptorFlags::END_OF_FRAME);
        let entry = Entry { ends_frame, bytes: descriptor.length, piece };
        self.submitted.add(&entry);
        self.entries[index] = entry;
        self.given = self.given.next(self.entries.len());
    }

    /// The doorbell is about to name all descriptors. Returns their count.
    pub(super) const fn ring(&mut self) -> u64 {
        self.rung = self.given.count;
        self.rung
    }

    /// Checks a count of descriptors done.
    pub(super) const fn check(&self, count: u64) -> Result<(), RingFault> {
        if count < self.done.count {
            Err(RingFault::DoneBackwards { found: count, seen: self.done.count })
        } else if count > self.rung {
            Err(RingFault::DoneAhead { found: count, given: self.rung })
        } else {
            Ok(())
        }
    }

    /// Takes the next descriptor up to `count`, which was checked, as done. Returns its staging memory.
    pub(super) fn take_done(&mut self, count: u64) -> Option<Option<Piece>> {
        if self.done.count >= count {
            return None;
        }
        let entry = self.entries[self.done.index];
        self.sent.add(&entry);
        self.done = self.done.next(self.entries.len());
        Some(entry.piece)
    }

    /// Takes the next descriptor that will never be done: the card is idle. Returns its staging memory.
    pub(super) fn take_undone(&mut self) -> Option<Option<Piece>> {
        if self.done.count == self.given.count {
            return None;
        }
        let piece = self.entries[self.done.index].piece;
        self.done = self.done.next(self.entries.len());
        Some(piece)
    }

    /// All counts to zero. Nothing may be on its way.
    pub(super) fn restart(&mut self) {
        (self.given, self.done, self.rung) = (Mark::default(), Mark::default(), 0);
        (self.submitted, self.sent) = (Totals::default(), Totals::default());
    }
}
