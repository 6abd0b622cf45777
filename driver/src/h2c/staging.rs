//! Staging memory: one contiguous ring from which frames are sent. Each frame lies in one piece, so one descriptor names it and the caller can fill it
//! in place; what is left over at the end of the memory is skipped. Knows no descriptor.
//!
//! A ring and not a pool: frames leave in the order in which they came, so nothing has to be searched or sorted, frames of any size share it, and
//! a single count says what is free. The CPU owns what is free, the card's side what is on its way.

use crate::platform::DmaBuffer;
use core::ops::Range;
use silico_spec::fork::{CannotFork, Fork, Memo};

/// Pieces start on this, and take multiples of it: a cache line is never shared by CPU and card.
pub(super) const STAGING_GRID: u64 = 64;

/// A piece of the memory: where it lies, and what is free again when it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    start: u64,
    /// Bytes on the grid.
    bytes: u64,
    /// Bytes at the end of the memory that were skipped before it.
    skipped: u64,
}

impl Piece {
    const fn range(self) -> Range<u64> {
        self.start..self.start + self.bytes
    }
}

/// The memory.
pub(super) struct Staging<B> {
    buffer: B,
    size: u64,
    /// Where the next piece may start; at the end of the memory, where nothing fits, if the last one ends there.
    next: u64,
    used: u64,
}

impl<B: Fork> Fork for Staging<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, ..*self })
    }
}

impl<B: DmaBuffer> Staging<B> {
    /// Over the whole of `buffer`, which belongs to the card's side yet.
    pub(super) fn new(mut buffer: B) -> Self {
        let size = buffer.len();
        buffer.acquire(0..size);
        Self { buffer, size, next: 0, used: 0 }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Finds a free piece of `bytes`, at least one grain; nothing is taken. Returns the most bytes that one could have if there is none.
    pub(super) fn find(&self, bytes: u64) -> Result<Piece, u64> {
        let bytes = bytes.max(1).next_multiple_of(STAGING_GRID);
        let (free, next) = (self.size - self.used, if self.used == 0 { 0 } else { self.next });
        // What is free starts at `next`, and wraps once.
        let behind = free.min(self.size - next);
        if bytes <= behind {
            Ok(Piece { start: next, bytes, skipped: 0 })
        } else if bytes <= free - behind {
            Ok(Piece { start: 0, bytes, skipped: behind })
        } else {
            Err(behind.max(free - behind))
        }
    }

    /// The memory of a piece that is free, or found and not sent yet.
    pub(super) fn fill(&mut self, piece: Piece, bytes: u64) -> &mut [u8] {
        self.buffer.view_mut(piece.start..piece.start + bytes)
    }

    /// Gives a piece that was just found to the card's side. Returns its bus address.
    pub(super) fn send(&mut self, piece: Piece) -> u64 {
        self.buffer.release(piece.range());
        self.used += piece.bytes + piece.skipped;
        self.next = piece.start + piece.bytes;
        self.buffer.bus_addr().0 + piece.start
    }

    /// Takes the oldest piece that is on its way back for the CPU. The card must be done with it.
    pub(super) fn take_back(&mut self, piece: Piece) {
        self.buffer.acquire(piece.range());
        self.used -= piece.bytes + piece.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use silico_spec::units::BusAddr;

    /// Memory that knows which grains the CPU owns.
    struct Owned(Vec<bool>);

    impl Owned {
        fn set(&mut self, range: Range<u64>, to: bool) {
            for grain in range.start / STAGING_GRID..range.end / STAGING_GRID {
                assert_ne!(self.0[grain as usize], to, "changes hands twice");
                self.0[grain as usize] = to;
            }
        }
    }

    impl DmaBuffer for Owned {
        fn bus_addr(&self) -> BusAddr {
            BusAddr(1 << 40)
        }
        fn len(&self) -> u64 {
            self.0.len() as u64 * STAGING_GRID
        }
        fn acquire(&mut self, range: Range<u64>) {
            self.set(range, true);
        }
        fn view(&self, _: Range<u64>) -> &[u8] {
            &[]
        }
        fn view_mut(&mut self, _: Range<u64>) -> &mut [u8] {
            &mut []
        }
        fn release(&mut self, range: Range<u64>) {
            self.set(range, false);
        }
        fn load64(&self, _: u64) -> u64 {
            0
        }
        fn store64(&self, _: u64, _: u64) {}
    }

    proptest! {
        #[test]
        fn pieces_never_overlap_and_none_is_refused_without_cause(
            grains in 1usize..20,
            steps in prop::collection::vec(prop_oneof![2 => (0u64..700).prop_map(Some), 1 => Just(None)], 1..200),
        ) {
            let mut staging = Staging::new(Owned(vec![false; grains]));
            let mut out: VecDeque<Piece> = VecDeque::new();
            for step in steps {
                match step {
                    Some(bytes) => match staging.find(bytes) {
                        Ok(piece) => {
                            prop_assert!(piece.bytes >= bytes && piece.start + piece.bytes <= staging.size());
                            prop_assert_eq!(staging.send(piece), (1 << 40) + piece.start);
                            out.push_back(piece);
                        }
                        Err(most) => {
                            prop_assert!(most < bytes.max(1).next_multiple_of(STAGING_GRID));
                            prop_assert!(!out.is_empty() || bytes > staging.size(), "an empty memory takes what fits it");
                            prop_assert!(most == 0 || staging.find(most).is_ok());
                        }
                    },
                    None => if let Some(piece) = out.pop_front() {
                        staging.take_back(piece);
                    },
                }
                let owned = staging.buffer.0.iter().filter(|owned| **owned).count() as u64;
                let held: u64 = out.iter().map(|piece| piece.bytes).sum();
                prop_assert_eq!(owned * STAGING_GRID + held, staging.size());
            }
        }
    }
}
