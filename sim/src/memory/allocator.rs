//! First fit over a free list, with alignment and a guard gap after each allocation. Knows addresses, no bytes.

/// Contiguous ranges of one region of addresses.
#[derive(Clone, Debug)]
pub(crate) struct Allocator {
    /// Free ranges (start, end) in ascending order, merged.
    free: Vec<(u64, u64)>,
    guard: u64,
}

impl Allocator {
    /// All of `start..end` is free.
    pub(crate) fn new(start: u64, end: u64, guard: u64) -> Self {
        Self { free: if start < end { vec![(start, end)] } else { Vec::new() }, guard }
    }

    /// Takes `bytes` at a multiple of `align` (a power of two). The gap after it is cut short at the end of a free range. Returns the
    /// range taken, gap included, whose first `bytes` are the allocation.
    pub(crate) fn take(&mut self, bytes: u64, align: u64) -> Option<(u64, u64)> {
        for index in 0..self.free.len() {
            let (start, end) = self.free[index];
            let Some(at) = start.checked_next_multiple_of(align) else { continue };
            let Some(stop) = at.checked_add(bytes).filter(|stop| *stop <= end) else { continue };
            let stop = stop.saturating_add(self.guard).min(end);
            let rest = [(start, at), (stop, end)];
            self.free.splice(index..=index, rest.into_iter().filter(|(start, end)| start < end));
            return Some((at, stop));
        }
        None
    }

    /// Gives back what [`Allocator::take`] returned.
    pub(crate) fn give(&mut self, start: u64, end: u64) {
        let index = self.free.partition_point(|range| range.0 < start);
        let before = index.checked_sub(1).filter(|&before| self.free[before].1 == start);
        let after = self.free.get(index).is_some_and(|range| range.0 == end);
        match (before, after) {
            (Some(before), true) => {
                self.free[before].1 = self.free[index].1;
                self.free.remove(index);
            }
            (Some(before), false) => self.free[before].1 = end,
            (None, true) => self.free[index].0 = start,
            (None, false) => self.free.insert(index, (start, end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 0x1000;
    const END: u64 = 0x9000;

    proptest! {
        #[test]
        fn takes_do_not_overlap_and_what_is_given_back_is_whole_again(
            steps in prop::collection::vec((any::<prop::sample::Index>(), 1u64..0x1800, 0u32..13, any::<bool>()), 1..80),
            guard in 0u64..0x200,
        ) {
            let mut allocator = Allocator::new(START, END, guard);
            let mut live: Vec<(u64, u64, u64)> = Vec::new();
            for (which, bytes, align, free) in steps {
                if free && !live.is_empty() {
                    let (start, end, _) = live.swap_remove(which.index(live.len()));
                    allocator.give(start, end);
                } else if let Some((start, end)) = allocator.take(bytes, 1 << align) {
                    prop_assert!(start % (1 << align) == 0 && start >= START && start + bytes <= end && end <= END);
                    prop_assert!(live.iter().all(|other| end <= other.0 || other.1 <= start), "overlap");
                    live.push((start, end, bytes));
                }
            }
            for (start, end, _) in live {
                allocator.give(start, end);
            }
            prop_assert_eq!(allocator.free, vec![(START, END)]);
        }
    }

    #[test]
    fn exhaustion_is_none_and_freeing_helps() {
        let mut allocator = Allocator::new(START, END, 0);
        let (start, end) = allocator.take(END - START, 1).unwrap();
        assert_eq!(allocator.take(1, 1), None);
        allocator.give(start, end);
        assert!(allocator.take(1, 1).is_some());
        assert_eq!(allocator.take(u64::MAX, 1), None);
        assert_eq!(Allocator::new(START, END, 0).take(1, 1 << 63), None);
    }

    #[test]
    fn a_guard_lies_between_allocations() {
        let mut allocator = Allocator::new(START, END, 64);
        let first = allocator.take(100, 1).unwrap();
        let second = allocator.take(100, 1).unwrap();
        assert_eq!(second.0, first.0 + 164);
    }
}
