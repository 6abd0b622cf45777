//! Which parts of an arena may hold anything but zeros, so that copying or clearing it costs what was used of it. Knows offsets, no bytes.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most grains that are kept apart, as a power of two: 8 KiB of bits.
const MOST: u32 = 16;
/// Least bytes of a grain, as a power of two: a page.
const LEAST: u32 = 12;

/// A bit per grain.
#[derive(Debug)]
pub(super) struct Dirty {
    bits: Box<[AtomicU64]>,
    /// Bytes of a grain, as a power of two.
    shift: u32,
}

impl Dirty {
    /// All of `bytes` are zero.
    pub(super) fn new(bytes: u64) -> Self {
        let shift = (bytes.next_power_of_two().trailing_zeros().saturating_sub(MOST)).max(LEAST);
        let grains = bytes.div_ceil(1 << shift);
        Self { bits: (0..grains.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(), shift }
    }

    /// A range, not empty and inside, may hold anything from now on.
    #[inline]
    pub(super) fn touch(&self, range: Range<u64>) {
        for grain in range.start >> self.shift..=(range.end - 1) >> self.shift {
            let (word, bit) = (&self.bits[(grain / 64) as usize], 1 << (grain % 64));
            // Nearly always it was touched before, and a look is cheaper.
            if word.load(Ordering::Relaxed) & bit == 0 {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// The parts of `within` that may hold anything but zeros: one per grain, in order.
    pub(super) fn ranges(&self, within: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let grains = within.start >> self.shift..within.end.div_ceil(1 << self.shift);
        let words = grains.start / 64..grains.end.div_ceil(64);
        let shift = self.shift;
        words
            .flat_map(move |word| {
                let mut bits = self.bits[word as usize].load(Ordering::Relaxed);
                std::iter::from_fn(move || {
                    let bit = bits.trailing_zeros();
                    bits &= bits.wrapping_sub(1);
                    (bit < 64).then_some(word * 64 + u64::from(bit))
                })
            })
            .filter_map(move |grain| {
                let range = (grain << shift).max(within.start)..((grain + 1) << shift).min(within.end);
                (!range.is_empty()).then_some(range)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES: u64 = 300 << 12;

    proptest! {
        #[test]
        fn what_was_touched_is_found_and_little_else(
            touched in prop::collection::vec((0..BYTES, 1u64..9000), 0..10),
            (from, len) in (0..BYTES, 0u64..BYTES),
        ) {
            let dirty = Dirty::new(BYTES);
            let touched: Vec<_> = touched.into_iter().map(|(start, len)| start..(start + len).min(BYTES)).collect();
            touched.iter().for_each(|range| dirty.touch(range.clone()));
            let within = from..(from + len).min(BYTES);
            let found: Vec<_> = dirty.ranges(within.clone()).collect();
            prop_assert!(found.iter().all(|range| within.start <= range.start && range.end <= within.end));
            prop_assert!(found.windows(2).all(|two| two[0].end <= two[1].start));
            for page in 0..300u64 {
                let (page, meets) = (page << 12..(page + 1) << 12, |one: &Range<u64>, other: &Range<u64>| one.start < other.end && other.start < one.end);
                let is_dirty = touched.iter().any(|range| meets(range, &page));
                prop_assert_eq!(found.iter().any(|range| meets(range, &page)), is_dirty && meets(&within, &page));
            }
        }
    }

    #[test]
    fn large_memories_have_larger_grains() {
        let dirty = Dirty::new(64 << 30);
        assert_eq!(dirty.shift, 20);
        dirty.touch((64 << 30) - 1..64 << 30);
        let mut found = dirty.ranges(0..64 << 30);
        assert_eq!((found.next(), found.next()), (Some((64 << 30) - (1 << 20)..64 << 30), None));
    }
}
