//! The free list: page descriptors that the host gives, fetched in batches, judged, and kept until frames are put into their pages.
//!
//! A descriptor is fetched once the doorbell has announced it and not before, and no more of them are kept ahead than [`AHEAD`]. What has come is judged
//! one a clock; after a bad one nothing is taken any more. Knows neither frames nor tags.

use super::super::settings::Settings;
use crate::read::Reassembly;
use silico_spec::descriptor::{PAGE_DESCRIPTOR_BYTES, PAGE_GRID, PageDescriptor};
use std::collections::VecDeque;

/// Descriptors asked for ahead of the pages in use.
pub(crate) const AHEAD: u64 = 64;
/// Rather than ask for fewer than this, a channel waits until it has used more pages.
const BATCH: u64 = 8;

/// A read of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) address: u64,
    pub(crate) count: u32,
}

impl Fetch {
    pub(crate) const fn bytes(&self) -> u32 {
        self.count * PAGE_DESCRIPTOR_BYTES
    }
}

/// A descriptor that cannot be: where it lies in the list, and its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) address: u64,
    pub(crate) cookie: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct FreeList {
    base: u64,
    entries: u32,
    /// Descriptors of this run: given, asked for, fetched and found good.
    tail: u64,
    asked: u64,
    fetched: u64,
    /// The list's entries that are asked for and judged next.
    entry: u32,
    judged: u32,
    words: Reassembly,
    /// Pages that can be used, the next one first.
    pub(crate) pages: VecDeque<PageDescriptor>,
}

impl FreeList {
    pub(crate) fn new(set: &Settings) -> Self {
        Self {
            base: set.free_base,
            entries: set.free_entries,
            tail: 0,
            asked: 0,
            fetched: 0,
            entry: 0,
            judged: 0,
            words: Reassembly::new(AHEAD as u32 * PAGE_DESCRIPTOR_BYTES),
            pages: VecDeque::with_capacity(AHEAD as usize),
        }
    }

    /// Descriptors given.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// Descriptors that have come, and are good.
    pub(crate) fn fetched(&self) -> u64 {
        self.fetched
    }

    /// The doorbell. Refuses a count that goes back, or is further ahead of what was fetched than the list is long.
    pub(crate) fn give(&mut self, tail: u64) -> bool {
        let legal = tail >= self.tail && tail - self.fetched <= self.entries.into();
        if legal {
            self.tail = tail;
        }
        legal
    }

    /// The next batch to ask for: no descriptor beyond the doorbell's, none beyond the list's end, within one read of `mrrs` bytes. `started`: pages into
    /// which something was put so far.
    pub(crate) fn next(&self, started: u64, mrrs: u32) -> Option<Fetch> {
        let given = self.tail - self.asked;
        if given == 0 {
            return None;
        }
        let address = self.base + u64::from(self.entry) * u64::from(PAGE_DESCRIPTOR_BYTES);
        // Reads are cut where the address is a multiple of MRRS, so none crosses 4 KiB.
        let to_cut = (mrrs - (address as u32 & (mrrs - 1))) / PAGE_DESCRIPTOR_BYTES;
        let wanted = given.min(u64::from(to_cut.min(self.entries - self.entry)));
        let places = AHEAD - (self.asked - started);
        (places >= wanted.min(BATCH)).then(|| Fetch { address, count: wanted.min(places) as u32 })
    }

    /// A batch is asked for. Returns its position for [`FreeList::fill`].
    pub(crate) fn asked(&mut self, fetch: Fetch) -> u64 {
        self.asked += u64::from(fetch.count);
        self.entry += fetch.count;
        if self.entry == self.entries {
            self.entry = 0;
        }
        self.words.issue(fetch.bytes())
    }

    /// The next bytes of the batch at position `start` have come.
    pub(crate) fn fill(&mut self, start: u64, data: &[u8]) {
        self.words.fill(start, data);
        while self.words.turns() {
            self.words.turn();
        }
    }

    /// A descriptor waits to be judged.
    #[inline]
    pub(crate) fn has_come(&self) -> bool {
        self.words.available() >= PAGE_DESCRIPTOR_BYTES
    }

    /// Takes the next descriptor that [has come](Self::has_come).
    ///
    /// # Errors
    /// One that cannot be is not taken.
    pub(crate) fn judge(&mut self) -> Result<(), Bad> {
        let mut bytes = [0; PAGE_DESCRIPTOR_BYTES as usize];
        self.words.consume(&mut bytes);
        let mut words = [0; 2];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let page = PageDescriptor::parse(words);
        let PageDescriptor { address, length, cookie } = page;
        let on_grid = address.is_multiple_of(PAGE_GRID.into()) && length.is_multiple_of(PAGE_GRID);
        // The last byte must have an address.
        let last = u64::from(length).checked_sub(1).and_then(|last| address.checked_add(last));
        if !on_grid || last.is_none() {
            let address = self.base + u64::from(self.judged) * u64::from(PAGE_DESCRIPTOR_BYTES);
            return Err(Bad { address, cookie: cookie.into() });
        }
        self.judged = if self.judged + 1 == self.entries { 0 } else { self.judged + 1 };
        self.fetched += 1;
        self.pages.push_back(page);
        Ok(())
    }
}
