//! The completion ring: entries that the card writes, each found by its phase and checked by its number. Knows no page.

use crate::error::EntryFault;
use crate::platform::DmaBuffer;
use silico_spec::descriptor::{CompletionFlags, PAGE_COMPLETION_BYTES, PageCompletion, phase};
use silico_spec::fork::{CannotFork, Fork, Memo};

const BYTES: u64 = PAGE_COMPLETION_BYTES as u64;
const WORDS: u64 = BYTES / 8;

/// The ring.
pub(super) struct Completions<B> {
    buffer: B,
    entries: u64,
    /// Entries taken in this run.
    taken: u64,
    index: u64,
    lap: u64,
    /// Entries that the doorbell has named.
    rung: u64,
}

impl<B: Fork> Fork for Completions<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, ..*self })
    }
}

impl<B: DmaBuffer> Completions<B> {
    /// Over `buffer`, which belongs to the card's side for good: it is read word by word.
    pub(super) fn new(buffer: B) -> Self {
        let entries = buffer.len() / BYTES;
        Self { buffer, entries, taken: 0, index: 0, lap: 0, rung: 0 }
    }

    /// Bytes that `entries` take.
    pub(super) const fn bytes(entries: u32) -> u64 {
        entries as u64 * BYTES
    }

    pub(super) const fn buffer(&self) -> &B {
        &self.buffer
    }

    /// Entries taken in this run.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Clears the ring for a new run: nothing in it has the phase of the first lap. The card must be idle.
    pub(super) fn restart(&mut self) {
        for word in 0..self.entries * WORDS {
            self.buffer.store64(word * 8, 0);
        }
        (self.taken, self.index, self.lap, self.rung) = (0, 0, 0, 0);
    }

    /// The next entry, if the card has written it. One load if not. It stays the next one until it is accepted.
    #[inline]
    pub(super) fn look(&self) -> Result<Option<PageCompletion>, EntryFault> {
        let word = |index| self.buffer.load64(self.index * BYTES + index * 8);
        // The last word becomes visible last: with the phase of this lap in it, all of the entry is there.
        let last = word(WORDS - 1);
        let flags = (last >> 32) as u32;
        if CompletionFlags(flags).contains(CompletionFlags::PHASE) != phase(self.lap) {
            return Ok(None);
        }
        let words = [word(0), word(1), word(2), last];
        if words == [u64::MAX; 4] {
            return Err(EntryFault::AllOnes);
        }
        let entry = PageCompletion::parse(words);
        if entry.sequence != self.taken {
            return Err(EntryFault::Sequence { found: entry.sequence });
        }
        if flags & !CompletionFlags::KNOWN != 0 {
            return Err(EntryFault::Flags { found: flags });
        }
        Ok(Some(entry))
    }

    /// The entry last looked at is taken over.
    pub(super) const fn accept(&mut self) {
        self.taken += 1;
        self.index += 1;
        if self.index == self.entries {
            (self.index, self.lap) = (0, self.lap + 1);
        }
    }

    /// Entries taken since the doorbell was last rung.
    pub(super) const fn pending(&self) -> u64 {
        self.taken - self.rung
    }

    /// The doorbell is about to name all entries taken. Returns their count.
    pub(super) const fn ring(&mut self) -> u64 {
        self.rung = self.taken;
        self.rung
    }
}
