//! A set of byte ranges, kept merged and in order: the CPU-owned parts of a buffer. Cheap for the usual one or two ranges.

use std::ops::Range;

/// Disjoint, non-adjacent, non-empty ranges in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// Index of the first interval that ends at `from` or after it.
    fn first_reaching(&self, from: u64) -> usize {
        if self.0.len() <= 4 {
            self.0.iter().position(|interval| interval.1 >= from).unwrap_or(self.0.len())
        } else {
            self.0.partition_point(|interval| interval.1 < from)
        }
    }

    /// The ranges, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().map(|(start, end)| *start..*end)
    }

    /// Adds a range.
    pub(crate) fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        let first = self.first_reaching(start);
        let mut last = first;
        while last < self.0.len() && self.0[last].0 <= end {
            (start, end) = (start.min(self.0[last].0), end.max(self.0[last].1));
            last += 1;
        }
        self.0.splice(first..last, [(start, end)]);
    }

    /// Removes a range.
    pub(crate) fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut index = self.first_reaching(range.start + 1);
        while index < self.0.len() && self.0[index].0 < range.end {
            let (start, end) = self.0[index];
            match (start < range.start, end > range.end) {
                (true, true) => {
                    self.0[index].1 = range.start;
                    self.0.insert(index + 1, (range.end, end));
                    return;
                }
                (true, false) => self.0[index].1 = range.start,
                (false, true) => self.0[index].0 = range.end,
                (false, false) => {
                    self.0.remove(index);
                    continue;
                }
            }
            index += 1;
        }
    }

    /// Whether any byte of a non-empty range is in the set.
    #[inline]
    pub(crate) fn intersects(&self, range: &Range<u64>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let index = self.first_reaching(range.start + 1);
        index < self.0.len() && self.0[index].0 < range.end && !range.is_empty()
    }

    /// Whether all bytes of a range are in the set.
    #[inline]
    pub(crate) fn contains(&self, range: &Range<u64>) -> bool {
        if range.is_empty() {
            return true;
        }
        let index = self.first_reaching(range.start + 1);
        index < self.0.len() && self.0[index].0 <= range.start && self.0[index].1 >= range.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain array of flags.
        #[test]
        fn as_an_array_of_flags(steps in prop::collection::vec((any::<bool>(), 0u64..64, 0u64..64), 1..60), probe in (0u64..64, 0u64..64)) {
            let mut set = Intervals::default();
            let mut flags = [false; 128];
            for (add, start, len) in steps {
                if add { set.insert(start..start + len) } else { set.remove(start..start + len) }
                flags[start as usize..(start + len) as usize].fill(add);
                let mut last = None;
                for &(start, end) in &set.0 {
                    prop_assert!(start < end && last.is_none_or(|last| last < start), "{set:?}");
                    last = Some(end);
                }
            }
            let range = probe.0..probe.0 + probe.1;
            let slice = &flags[range.start as usize..range.end as usize];
            prop_assert_eq!(set.intersects(&range), slice.iter().any(|&flag| flag));
            prop_assert_eq!(set.contains(&range), slice.iter().all(|&flag| flag));
        }
    }
}
