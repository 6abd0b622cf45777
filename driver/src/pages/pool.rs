//! The pages and who has them, and the free list through which they go to the card. Knows no register and no frame.
//!
//! A page is the card's from the time at which its descriptor is written until its completion is taken; then it is the driver's while frames in it are
//! unread or held, and it goes back when the last of them is given back. That may be in any order.

use crate::error::EntryFault;
use crate::platform::DmaBuffer;
use alloc::boxed::Box;
use alloc::vec::Vec;
use silico_spec::descriptor::{PAGE_DESCRIPTOR_BYTES, PAGE_GRID, PageCompletion, PageDescriptor};
use silico_spec::fork::{CannotFork, Fork, Memo};

/// No next page.
const NONE: u32 = u32::MAX;

/// A page, and the time for which it was taken from the card: given back, this is of nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) index: u32,
    generation: u64,
}

/// Who has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Neither: there is no run.
    Nobody,
    /// Its descriptor is in the free list.
    Card,
    /// The driver, with this many bytes in it. Frames in it, and the reader while it is not through, are its users.
    Host { bytes: u32, users: u32 },
}

/// One page.
struct Slot<B> {
    buffer: B,
    owner: Owner,
    generation: u64,
    /// Page in which the frame that leaves this one goes on.
    next: u32,
}

/// All pages, and the free list.
pub(super) struct Pool<B> {
    list: B,
    slots: Box<[Slot<B>]>,
    page_bytes: u32,
    /// Descriptors written in this run, and where the next one goes.
    given: u64,
    entry: usize,
    /// Descriptors that the doorbell has named.
    rung: u64,
}

impl<B: Fork> Fork for Slot<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, ..*self })
    }
}

impl<B: Fork> Fork for Pool<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let slots = self.slots.iter().map(|slot| slot.fork(memo)).collect::<Result<_, _>>()?;
        Ok(Self { list: self.list.fork(memo)?, slots, ..*self })
    }
}

impl<B: DmaBuffer> Pool<B> {
    /// Over `pages` of `page_bytes` each and a free list with as many entries; all belongs to the card's side yet.
    pub(super) fn new(list: B, pages: Vec<B>, page_bytes: u32) -> Self {
        let slot = |buffer| Slot { buffer, owner: Owner::Nobody, generation: 0, next: NONE };
        let slots = pages.into_iter().map(slot).collect::<Vec<_>>().into_boxed_slice();
        Self { list, slots, page_bytes, given: 0, entry: 0, rung: 0 }
    }

    pub(super) const fn list(&self) -> &B {
        &self.list
    }

    pub(super) const fn pages(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Pages that are not the card's.
    pub(super) fn held(&self) -> u32 {
        self.slots.iter().filter(|slot| matches!(slot.owner, Owner::Host { .. })).count() as u32
    }

    /// Pages given since the doorbell was last rung.
    pub(super) const fn pending(&self) -> u64 {
        self.given - self.rung
    }

    /// The doorbell is about to name all descriptors. Returns their count.
    pub(super) const fn ring(&mut self) -> u64 {
        self.rung = self.given;
        self.rung
    }

    /// Takes all pages from whoever has them. The card must be idle.
    pub(super) fn recall(&mut self) {
        for slot in &mut self.slots {
            slot.hand_back();
            slot.owner = Owner::Nobody;
        }
        (self.given, self.entry, self.rung) = (0, 0, 0);
    }

    /// Gives all pages, for the start of run `run`: no handle of an earlier one means any of them.
    pub(super) fn give_all(&mut self, run: u32) {
        for index in 0..self.pages() {
            self.slots[index as usize].generation = u64::from(run) << 32;
            self.give(index);
        }
    }

    /// Writes the descriptor of a page into the free list. The entry was fetched before: no more descriptors are out than there are pages, and of the
    /// descriptors up to the one that lay here the card has completed as many as are missing.
    fn give(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.owner = Owner::Card;
        slot.next = NONE;
        let descriptor = PageDescriptor { address: slot.buffer.bus_addr().0, length: self.page_bytes, cookie: index };
        for (word, value) in (0..).zip(descriptor.emit()) {
            self.list.store64(self.entry as u64 * u64::from(PAGE_DESCRIPTOR_BYTES) + word * 8, value);
        }
        self.given += 1;
        self.entry = if self.entry + 1 == self.slots.len() { 0 } else { self.entry + 1 };
    }

    /// Takes a completed page from the card; the reader is its first user.
    pub(super) fn take(&mut self, entry: &PageCompletion) -> Result<Page, EntryFault> {
        let (index, bytes, page_bytes, pages) = (entry.cookie, entry.bytes, self.page_bytes, self.pages());
        let slot = self.slots.get_mut(index as usize).ok_or(EntryFault::Cookie { found: index, pages })?;
        if slot.owner != Owner::Card {
            return Err(EntryFault::NotGiven { page: index });
        }
        if bytes == 0 || bytes > page_bytes || !bytes.is_multiple_of(PAGE_GRID) {
            return Err(EntryFault::Bytes { found: bytes, page_bytes });
        }
        slot.buffer.acquire(0..bytes.into());
        slot.owner = Owner::Host { bytes, users: 1 };
        Ok(Page { index, generation: slot.generation })
    }

    /// Whether the driver has the page, and for the same time.
    pub(super) fn is_out(&self, page: Page) -> bool {
        let slot = self.slots.get(page.index as usize);
        slot.is_some_and(|slot| slot.generation == page.generation && matches!(slot.owner, Owner::Host { .. }))
    }

    /// Bytes in a page that the driver has; none in another.
    pub(super) fn bytes(&self, index: u32) -> u32 {
        match self.slots[index as usize].owner {
            Owner::Host { bytes, .. } => bytes,
            Owner::Nobody | Owner::Card => 0,
        }
    }

    /// What is in a page from byte `from` on, at most `most` bytes.
    pub(super) fn view(&self, index: u32, from: u32, most: u64) -> &[u8] {
        let bytes = u64::from(self.bytes(index));
        let from = bytes.min(from.into());
        self.slots[index as usize].buffer.view(from..bytes.min(from.saturating_add(most)))
    }

    /// A frame lies in the page.
    pub(super) fn add_user(&mut self, index: u32) {
        if let Owner::Host { users, .. } = &mut self.slots[index as usize].owner {
            *users += 1;
        }
    }

    /// A frame, or the reader, is done with the page. The last one gives it to the card.
    pub(super) fn drop_user(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let Owner::Host { users, .. } = &mut slot.owner else { return };
        *users -= 1;
        if *users == 0 {
            slot.hand_back();
            slot.generation += 1;
            self.give(index);
        }
    }

    /// A frame that begins in page `index` and lies in so many is done with.
    pub(super) fn drop_frame(&mut self, index: u32, pages: u32) {
        let mut page = index;
        for _ in 1..pages {
            let next = self.next(page);
            self.drop_user(page);
            page = next.unwrap_or(page);
        }
        self.drop_user(page);
    }

    /// The frame that leaves page `index` goes on in page `next`.
    pub(super) fn link(&mut self, index: u32, next: u32) {
        self.slots[index as usize].next = next;
    }

    /// Page in which the frame that leaves page `index` goes on.
    pub(super) fn next(&self, index: u32) -> Option<u32> {
        let next = self.slots[index as usize].next;
        (next != NONE).then_some(next)
    }
}

impl<B: DmaBuffer> Slot<B> {
    /// What the CPU has of the page goes to the card's side.
    fn hand_back(&mut self) {
        if let Owner::Host { bytes, .. } = self.owner {
            self.buffer.release(0..bytes.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tests::Flat;
    use alloc::vec;
    use silico_spec::descriptor::CompletionFlags;

    #[test]
    fn a_page_that_was_given_back_and_taken_again_is_not_the_same() {
        let mut pool = Pool::new(Flat::new(32), vec![Flat::new(64), Flat::new(64)], 64);
        pool.give_all(3);
        let entry = PageCompletion { cookie: 1, bytes: 32, sequence: 0, stamp: 0, frames: 1, flags: CompletionFlags(0) };
        let first = pool.take(&entry).unwrap();
        assert!(pool.is_out(first));
        pool.drop_user(1);
        assert!(!pool.is_out(first), "the card's");
        let again = pool.take(&entry).unwrap();
        assert!(pool.is_out(again) && !pool.is_out(first), "out, for another time");
    }
}
