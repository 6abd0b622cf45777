//! The completion ring: where the next entry goes, and whether it may. Knows no page.
//!
//! An entry is written only over one that the host has taken: the doorbell says how far it is, and is believed only as far as entries have left.

use super::super::settings::Settings;
use silico_spec::descriptor::{CompletionFlags, PAGE_COMPLETION_BYTES, PageCompletion};
use silico_spec::port::TlpBuf;

#[derive(Clone, Debug)]
pub(crate) struct Completions {
    base: u64,
    entries: u32,
    /// Entries of this run: taken by the host, on their way or there, there.
    head: u64,
    written: u64,
    left: u64,
    /// Where in the ring the next one goes, and the phase of this lap.
    entry: u32,
    phase: bool,
}

impl Completions {
    pub(crate) fn new(set: &Settings) -> Self {
        let phase = silico_spec::descriptor::phase(0);
        Self { base: set.comp_base, entries: set.comp_entries, head: 0, written: 0, left: 0, entry: 0, phase }
    }

    /// Entries that the host has taken.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Entries that have left the card.
    pub(crate) fn tail(&self) -> u64 {
        self.left
    }

    /// The doorbell. Refuses a count that goes back or beyond what was written.
    pub(crate) fn take(&mut self, head: u64) -> bool {
        let legal = (self.head..=self.left).contains(&head);
        if legal {
            self.head = head;
        }
        legal
    }

    /// An entry is free.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.written - self.head < self.entries.into()
    }

    /// The next entry goes out: fills it in with its number and phase. Returns its address.
    pub(crate) fn write(&mut self, mut entry: PageCompletion, out: &mut TlpBuf) -> u64 {
        let address = self.base + u64::from(self.entry) * u64::from(PAGE_COMPLETION_BYTES);
        entry.sequence = self.written;
        if self.phase {
            entry.flags.0 |= CompletionFlags::PHASE;
        }
        for (bytes, word) in out.payload_mut().as_chunks_mut::<8>().0.iter_mut().zip(entry.emit()) {
            *bytes = word.to_le_bytes();
        }
        self.written += 1;
        self.entry += 1;
        if self.entry == self.entries {
            (self.entry, self.phase) = (0, !self.phase);
        }
        address
    }

    /// The entry written last has left.
    pub(crate) fn left(&mut self) {
        self.left += 1;
    }
}
