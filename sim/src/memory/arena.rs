//! The bytes of host memory, and the only `unsafe` of this crate. Knows offsets and owners, no bus addresses.
//!
//! # Soundness
//!
//! An [`Arena`] is one allocation that lives as long as anything that points to it. It is divided into disjoint [`Piece`]s; a piece has one
//! [`Claim`], its CPU-side handle, and any number of shared references, its device side. Each byte of a piece is in one of two states, kept under
//! the piece's lock and, as a copy, in the claim:
//!
//! - *CPU-owned*: only the claim reaches it, by slices: `view` by `&self`, `view_mut` by `&mut self`. Every other way refuses these bytes:
//!   device reads and writes check the state under the piece's lock for as long as they copy; `store64` panics on them.
//! - *shared*: no slice exists, since making one needs a CPU-owned range and taking the range away needs `&mut Claim`, which ends all borrows. All
//!   accesses are atomic (relaxed, whole 64-bit words), so threads may race without undefined behaviour.
//!
//! A word that lies across the border is the difficulty: its shared bytes are touched by single bytes, its owned ones not at all. Such a word is
//! only accessed under the piece's lock, by the claim's `load64` too, so atomics of two sizes never race.
//!
//! A fork copies the shared bytes of a piece under its lock, and CPU-owned ones through a shared borrow of its claim, which ends all mutable ones. The new
//! piece gets one claim too: a second one is refused.

#![allow(unsafe_code, reason = "real bytes that CPU and device share; see Soundness")]

use super::dirty::Dirty;
use super::intervals::Intervals;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What memory gives to a device that reads what the CPU owns, and so has not given to it.
pub(crate) const STALE: u8 = 0xff;

/// Bytes that an arena left to the next one of its family: all zero.
#[derive(Debug)]
struct Spare {
    base: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the pointer is to plain bytes that nobody else reaches.
unsafe impl Send for Spare {}

impl Drop for Spare {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `Arena::new`, whose arena is gone and left the bytes to this value alone.
        unsafe { dealloc(self.base.as_ptr(), self.layout) }
    }
}

/// Spare bytes that a family keeps: one fork at a time lives and dies, as a rule.
const SPARES: usize = 2;

/// Zeroed bytes, committed by the operating system where touched.
#[derive(Debug)]
pub(crate) struct Arena {
    base: NonNull<u8>,
    layout: Layout,
    dirty: Dirty,
    /// What arenas of the same family left: those forked from one.
    spares: Arc<Mutex<Vec<Spare>>>,
}

// SAFETY: the pointer is to plain bytes owned by this value; all accesses follow the rules at the top of this file, which hold for any threads.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    /// `bytes` (above 0) of zeros; `None` if the operating system has no address space for them.
    pub(crate) fn new(bytes: u64) -> Option<Arc<Self>> {
        // 16 bytes are what the C allocator gives anyway: with more, Rust would zero the pages by touching them.
        let layout = Layout::from_size_align(usize::try_from(bytes).ok()?.next_multiple_of(8), 16).ok()?;
        if layout.size() == 0 {
            return None;
        }
        Self::of_family(layout, Arc::default())
    }

    fn of_family(layout: Layout, spares: Arc<Mutex<Vec<Spare>>>) -> Option<Arc<Self>> {
        // SAFETY: the layout's size is not zero.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Arc::new(Self { base, layout, dirty: Dirty::new(layout.size() as u64), spares }))
    }

    /// Another arena of the same size, all zero; `None` if the operating system has no address space for it.
    pub(crate) fn sister(&self) -> Option<Arc<Self>> {
        let spare = self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(spare) = spare.map(ManuallyDrop::new) else { return Self::of_family(self.layout, self.spares.clone()) };
        Some(Arc::new(Self { base: spare.base, layout: spare.layout, dirty: Dirty::new(self.len()), spares: self.spares.clone() }))
    }

    /// Bytes.
    fn len(&self) -> u64 {
        self.layout.size() as u64
    }

    /// The atomic word with byte offset `8 × index`.
    #[inline]
    fn word(&self, index: u64) -> &AtomicU64 {
        assert!(index < self.len() / 8);
        // SAFETY: inside the allocation, aligned to 8 since the base is to 16; callers touch only words without CPU-owned bytes.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().cast::<u64>().add(index as usize)) }
    }
}

impl Drop for Arena {
    /// The bytes go back to the operating system, or, if there is family, are kept for it: its pages are there already.
    fn drop(&mut self) {
        let spare = Spare { base: self.base, layout: self.layout };
        if Arc::strong_count(&self.spares) == 1 {
            return;
        }
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            for range in self.dirty.ranges(0..self.len()) {
                // SAFETY: inside the allocation; nobody holds a reference to the arena any more, so no slice exists.
                unsafe { self.base.as_ptr().add(range.start as usize).write_bytes(0, (range.end - range.start) as usize) };
            }
            spares.push(spare);
        }
    }
}

#[derive(Debug)]
struct State {
    /// CPU-owned bytes, as offsets in the piece.
    owned: Intervals,
    live: bool,
}

/// Why a device access was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The piece was freed.
    Dead,
    /// The CPU owns some of it.
    Owned,
}

/// A part of the arena, as the device reaches it.
#[derive(Debug)]
pub(crate) struct Piece {
    arena: Arc<Arena>,
    /// First byte in the arena, a multiple of 8.
    start: u64,
    len: u64,
    state: Mutex<State>,
    /// Somebody polls a word of it.
    watched: AtomicBool,
    /// It was freed: as `state` says, readable without its lock.
    dead: AtomicBool,
    /// It has its claim.
    claimed: AtomicBool,
}

impl Piece {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes `range` of the piece may not be zero from now on.
    #[inline]
    fn touch(&self, range: &Range<u64>) {
        self.arena.dirty.touch(self.start + range.start..self.start + range.end);
    }

    /// A copy in `arena`, whose bytes there are zero. It has no claim yet; what the CPU owns comes with it: see [`Claim::fork`].
    pub(crate) fn fork(&self, arena: &Arc<Arena>) -> Self {
        let state = self.state();
        let whole = self.start..self.start + self.len.next_multiple_of(8);
        for range in self.arena.dirty.ranges(whole) {
            arena.dirty.touch(range.clone());
            for index in range.start / 8..range.end / 8 {
                let word = index * 8 - self.start..index * 8 - self.start + 8;
                if !state.owned.intersects(&word) {
                    arena.word(index).store(self.arena.word(index).load(Ordering::Relaxed), Ordering::Relaxed);
                    continue;
                }
                for at in word.filter(|at| !state.owned.contains(&(*at..at + 1))) {
                    let at = (self.start + at) as usize;
                    // SAFETY: inside both allocations; not CPU-owned, and a byte of a border word, accessed under the lock only, which is held. The
                    // new piece is nobody's yet.
                    unsafe { arena.base.as_ptr().add(at).write(self.arena.base.as_ptr().add(at).read()) };
                }
            }
        }
        Self {
            arena: arena.clone(),
            start: self.start,
            len: self.len,
            state: Mutex::new(State { owned: state.owned.clone(), live: state.live }),
            watched: AtomicBool::new(self.watched()),
            dead: AtomicBool::new(self.is_dead()),
            claimed: AtomicBool::new(false),
        }
    }

    /// Whether somebody ever polled a word of it.
    #[inline]
    pub(crate) fn watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Whether it was freed.
    #[inline]
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Somebody polls a word of it from now on.
    pub(crate) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// The device writes `bytes` at `offset`, inside the piece.
    #[inline]
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Refused> {
        let end = offset + bytes.len() as u64;
        assert!(end <= self.len);
        let state = self.state();
        if !state.live {
            return Err(Refused::Dead);
        }
        if state.owned.intersects(&(offset..end)) {
            return Err(Refused::Owned);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.touch(&(offset..end));
        // Whoever sees one of these stores with an acquire load also sees all stores of earlier TLPs.
        fence(Ordering::Release);
        let head = (offset.next_multiple_of(8).min(end) - offset) as usize;
        let (head, rest) = bytes.split_at(head);
        self.write_part(&state, offset, head);
        let first = (self.start + offset + head.len() as u64) / 8;
        let (words, tail) = rest.as_chunks::<8>();
        assert!(first + words.len() as u64 <= self.arena.len() / 8);
        for (index, word) in words.iter().enumerate() {
            // SAFETY: inside the allocation by the assertion, aligned; no byte of it is CPU-owned, and stays so while the lock is held.
            let place = unsafe { AtomicU64::from_ptr(self.arena.base.as_ptr().cast::<u64>().add(first as usize + index)) };
            place.store(u64::from_le_bytes(*word), Ordering::Relaxed);
        }
        self.write_part(&state, end - tail.len() as u64, tail);
        Ok(())
    }

    /// Writes less than a word.
    fn write_part(&self, state: &State, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let word = offset / 8 * 8;
        let shift = (offset - word) * 8;
        if !state.owned.intersects(&(word..word + 8)) {
            let mut value = [0; 8];
            value[..bytes.len()].copy_from_slice(bytes);
            let (value, mask) = (u64::from_le_bytes(value) << shift, (u64::MAX >> (64 - bytes.len() * 8)) << shift);
            let place = self.arena.word((self.start + word) / 8);
            // The CPU may store to the rest of the word at this moment.
            let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(old & !mask | value));
            return;
        }
        for (index, byte) in (self.start + offset..).zip(bytes) {
            // SAFETY: inside the piece, not CPU-owned (the caller checked); the word is a border word, accessed under the lock only.
            unsafe { self.arena.base.as_ptr().add(index as usize).write(*byte) };
        }
    }

    /// The device reads `into.len()` bytes at `offset`, inside the piece rounded up to 8 bytes. Bytes that the CPU owns are [`STALE`], and the
    /// call says so.
    #[inline]
    pub(crate) fn read(&self, offset: u64, into: &mut [u8], asked: Range<u64>) -> Result<(), Refused> {
        let end = offset + into.len() as u64;
        assert!(end <= self.len.next_multiple_of(8));
        let state = self.state();
        if !state.live {
            return Err(Refused::Dead);
        }
        if state.owned.intersects(&(offset / 8 * 8..end.next_multiple_of(8))) {
            return self.read_bytewise(&state, offset, into, &asked);
        }
        let mut at = offset;
        if offset.is_multiple_of(8) {
            let first = (self.start + offset) / 8;
            for (index, word) in (first..).zip(into.as_chunks_mut::<8>().0) {
                *word = self.arena.word(index).load(Ordering::Acquire).to_le_bytes();
                at += 8;
            }
        }
        while at < end {
            let word = self.arena.word((self.start + at) / 8).load(Ordering::Acquire).to_le_bytes();
            let from = (at % 8) as usize;
            let count = (8 - from).min((end - at) as usize);
            let to = (at - offset) as usize;
            into[to..to + count].copy_from_slice(&word[from..from + count]);
            at += count as u64;
        }
        Ok(())
    }

    fn read_bytewise(&self, state: &State, offset: u64, into: &mut [u8], asked: &Range<u64>) -> Result<(), Refused> {
        let mut refused = Ok(());
        for (at, byte) in (offset..).zip(into) {
            let word = at / 8 * 8;
            *byte = if state.owned.contains(&(at..at + 1)) {
                if asked.contains(&(at - offset)) {
                    refused = Err(Refused::Owned);
                }
                STALE
            } else if state.owned.intersects(&(word..word + 8)) {
                // SAFETY: inside the piece, not CPU-owned; the word is a border word, accessed under the lock only.
                unsafe { self.arena.base.as_ptr().add((self.start + at) as usize).read() }
            } else {
                self.arena.word((self.start + word) / 8).load(Ordering::Acquire).to_le_bytes()[(at % 8) as usize]
            };
        }
        refused
    }
}

/// The CPU's one handle on a piece.
#[derive(Debug)]
pub(crate) struct Claim {
    piece: Arc<Piece>,
    /// The same as the piece's, readable without its lock: only `&mut self` changes either.
    owned: Intervals,
}

impl Claim {
    /// Claims `len` bytes from `start`, zeroing them if they were used before.
    ///
    /// # Safety
    /// No live piece overlaps `start..start + len` rounded up to 8 bytes; `start` is a multiple of 8, the end is inside the arena.
    unsafe fn new(arena: Arc<Arena>, start: u64, len: u64, used: bool) -> Self {
        let words = start / 8..(start + len).div_ceil(8);
        if used {
            for range in arena.dirty.ranges(words.start * 8..words.end * 8) {
                (range.start / 8..range.end / 8).for_each(|index| arena.word(index).store(0, Ordering::Relaxed));
            }
        }
        let state = Mutex::new(State { owned: Intervals::default(), live: true });
        let [watched, dead, claimed] = [false, false, true].map(AtomicBool::new);
        Self { piece: Arc::new(Piece { arena, start, len, state, watched, dead, claimed }), owned: Intervals::default() }
    }

    /// The claim on `piece`, a copy of this claim's piece, with the bytes that the CPU owns. `None` if it has one already, or is no such copy.
    pub(crate) fn fork(&self, piece: Arc<Piece>) -> Option<Self> {
        let is_copy = (piece.start, piece.len) == (self.piece.start, self.piece.len) && !Arc::ptr_eq(&piece, &self.piece);
        if !is_copy || piece.state().owned != self.owned || piece.claimed.swap(true, Ordering::AcqRel) {
            return None;
        }
        let mut claim = Self { piece, owned: self.owned.clone() };
        let start = self.piece.start;
        for owned in self.owned.iter() {
            for range in self.piece.arena.dirty.ranges(start + owned.start..start + owned.end) {
                let range = range.start - start..range.end - start;
                claim.view_mut(range.clone()).copy_from_slice(self.view(range));
            }
        }
        Some(claim)
    }

    pub(crate) fn piece(&self) -> &Arc<Piece> {
        &self.piece
    }

    #[inline]
    pub(crate) fn len(&self) -> u64 {
        self.piece.len
    }

    #[inline]
    fn assert_inside(&self, range: &Range<u64>) {
        assert!(range.start <= range.end && range.end <= self.len(), "bytes {range:?} are outside the buffer of {} bytes", self.len());
    }

    #[inline]
    fn assert_owned(&self, range: &Range<u64>) {
        self.assert_inside(range);
        assert!(self.owned.contains(range), "bytes {range:?} are not owned by the CPU: acquire them first");
    }

    pub(crate) fn acquire(&mut self, range: Range<u64>) {
        self.assert_inside(&range);
        self.piece.state().owned.insert(range.clone());
        self.owned.insert(range);
    }

    pub(crate) fn release(&mut self, range: Range<u64>) {
        self.assert_inside(&range);
        self.owned.remove(range.clone());
        self.piece.state().owned.remove(range);
    }

    #[inline]
    pub(crate) fn view(&self, range: Range<u64>) -> &[u8] {
        self.assert_owned(&range);
        let base = self.piece.arena.base;
        // SAFETY: inside the allocation; CPU-owned, so that nobody writes to it while `self` is borrowed.
        unsafe {
            std::slice::from_raw_parts(base.as_ptr().add((self.piece.start + range.start) as usize), (range.end - range.start) as usize)
        }
    }

    #[inline]
    pub(crate) fn view_mut(&mut self, range: Range<u64>) -> &mut [u8] {
        self.assert_owned(&range);
        if !range.is_empty() {
            self.piece.touch(&range);
        }
        let base = self.piece.arena.base;
        // SAFETY: inside the allocation; CPU-owned and `self` borrowed mutably, so that nobody else reaches it.
        unsafe {
            std::slice::from_raw_parts_mut(base.as_ptr().add((self.piece.start + range.start) as usize), (range.end - range.start) as usize)
        }
    }

    #[inline]
    fn assert_word(&self, offset: u64) -> Range<u64> {
        let range = offset..offset.saturating_add(8);
        assert!(offset.is_multiple_of(8), "the word at {offset:#x} is not aligned to 8 bytes");
        self.assert_inside(&range);
        range
    }

    #[inline]
    pub(crate) fn load64(&self, offset: u64) -> u64 {
        let range = self.assert_word(offset);
        if self.owned.intersects(&range) && !self.owned.contains(&range) {
            return self.load_border(offset);
        }
        // No byte is owned, or all are and `&self` can only read them.
        self.piece.arena.word((self.piece.start + offset) / 8).load(Ordering::Acquire)
    }

    /// A word of which the CPU owns a part.
    #[cold]
    fn load_border(&self, offset: u64) -> u64 {
        let _locked = self.piece.state();
        let mut bytes = [0; 8];
        for (index, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: inside the piece. Owned bytes are only read while `self` is borrowed; the others of a border word are accessed under the
            // lock, which is held.
            *byte = unsafe { self.piece.arena.base.as_ptr().add((self.piece.start + offset) as usize + index).read() };
        }
        u64::from_le_bytes(bytes)
    }

    #[inline]
    pub(crate) fn store64(&self, offset: u64, value: u64) {
        let range = self.assert_word(offset);
        assert!(
            !self.owned.intersects(&range),
            "the word at {offset:#x} is owned by the CPU: write it through view_mut, or release it first"
        );
        self.piece.touch(&range);
        self.piece.arena.word((self.piece.start + offset) / 8).store(value, Ordering::Release);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.piece.state().live = false;
        self.piece.dead.store(true, Ordering::Relaxed);
    }
}

/// Gives claims, and keeps them disjoint.
#[derive(Debug)]
pub(crate) struct Claims {
    arena: Arc<Arena>,
    /// What is claimed, rounded up to words.
    live: Vec<(u64, u64)>,
    /// Nothing from here on was ever claimed, so it is still zero.
    untouched: u64,
}

impl Claims {
    pub(crate) fn new(arena: Arc<Arena>) -> Self {
        Self { arena, live: Vec::new(), untouched: 0 }
    }

    /// The same claims in another arena of the same size.
    pub(crate) fn fork(&self, arena: Arc<Arena>) -> Self {
        Self { arena, live: self.live.clone(), untouched: self.untouched }
    }

    pub(crate) const fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// Zeroed bytes.
    ///
    /// # Panics
    /// If the range is unaligned, outside the arena or overlaps one that is claimed.
    pub(crate) fn claim(&mut self, start: u64, len: u64) -> Claim {
        let end = start + len.next_multiple_of(8);
        assert!(start.is_multiple_of(8) && end <= self.arena.len());
        let index = self.live.partition_point(|range| range.0 < start);
        let clear = index.checked_sub(1).is_none_or(|before| self.live[before].1 <= start);
        assert!(clear && self.live.get(index).is_none_or(|after| end <= after.0), "pieces overlap");
        self.live.insert(index, (start, end));
        let used = start < self.untouched;
        self.untouched = self.untouched.max(end);
        // SAFETY: just asserted.
        unsafe { Claim::new(self.arena.clone(), start, len, used) }
    }

    /// Takes a claim back.
    pub(crate) fn unclaim(&mut self, claim: Claim) {
        let start = claim.piece.start;
        drop(claim);
        if let Ok(index) = self.live.binary_search_by_key(&start, |range| range.0) {
            self.live.remove(index);
        }
    }
}
