//! Bins: the things that a group of the coverage counts, known before anything runs, so that what never happened shows. Knows no card.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// One thing that can happen. All of a kind are known: what is missing is a hole.
pub trait Bin: Copy + 'static {
    /// How many there are.
    const COUNT: usize;

    /// The one with this index, below [`Bin::COUNT`].
    fn at(index: usize) -> Self;

    /// Its place among all.
    fn index(self) -> usize;

    /// Its name in tables and files.
    fn name(self) -> String;

    /// Why it can't happen on this card, if it can't: no hole then.
    fn impossible(self) -> Option<&'static str> {
        None
    }

    /// Which tests cover it that write no records, if there are such: no hole then.
    fn elsewhere(self) -> Option<&'static str> {
        None
    }
}

/// Makes an enum of bins with their names; behind a name, `never "why"` for what cannot happen on this card, or `elsewhere "where"` for what is covered
/// by other tests than those that write records.
#[macro_export]
macro_rules! bins {
    (@why) => { None };
    (@why $why:literal) => { Some($why) };
    ($(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$bin_doc:meta])* $bin:ident => $text:literal $(never $never:literal)? $(elsewhere $elsewhere:literal)?),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$bin_doc])* #[doc = $text] $bin),+ }

        impl $crate::coverage::Bin for $name {
            const COUNT: usize = [$($text),+].len();

            fn at(index: usize) -> Self {
                [$(Self::$bin),+][index]
            }

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> String {
                [$($text),+][self as usize].into()
            }

            fn impossible(self) -> Option<&'static str> {
                match self {
                    $(Self::$bin => $crate::bins!(@why $($never)?)),+
                }
            }

            fn elsewhere(self) -> Option<&'static str> {
                match self {
                    $(Self::$bin => $crate::bins!(@why $($elsewhere)?)),+
                }
            }
        }
    };
}
pub(crate) use bins;

/// How often each bin of a kind was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts<B> {
    hits: Vec<u64>,
    kind: PhantomData<B>,
}

impl<B: Bin> Default for Counts<B> {
    fn default() -> Self {
        Self { hits: vec![0; B::COUNT], kind: PhantomData }
    }
}

impl<B: Bin> Counts<B> {
    /// `bin` happened.
    #[inline]
    pub fn hit(&mut self, bin: B) {
        self.hits[bin.index()] += 1;
    }

    /// `bin` happened so many times.
    pub fn add(&mut self, bin: B, times: u64) {
        self.hits[bin.index()] += times;
    }

    /// How often `bin` happened.
    #[must_use]
    pub fn of(&self, bin: B) -> u64 {
        self.hits[bin.index()]
    }

    /// The counts as a group of a record.
    #[must_use]
    pub fn group(&self) -> Group {
        let bin = |index: usize| {
            let bin = B::at(index);
            let [impossible, elsewhere] = [bin.impossible(), bin.elsewhere()].map(|why| why.map(str::to_owned));
            (bin.name(), Hits { count: self.hits[index], impossible, elsewhere })
        };
        Group { order: (0..B::COUNT).map(|index| B::at(index).name()).collect(), bins: (0..B::COUNT).map(bin).collect() }
    }
}

/// What became of one bin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hits {
    /// How often it happened.
    pub count: u64,
    /// Why it can't, if it can't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impossible: Option<String>,
    /// Which tests cover it that write no records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
}

impl Hits {
    /// It could have happened and did not, and no other test is known for it.
    #[must_use]
    pub const fn is_hole(&self) -> bool {
        self.count == 0 && self.impossible.is_none() && self.elsewhere.is_none()
    }
}

/// One group of a record: bins by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Names in the order in which they are shown.
    pub order: Vec<String>,
    /// Counts by name.
    pub bins: BTreeMap<String, Hits>,
}

impl Group {
    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for name in &other.order {
            if !self.bins.contains_key(name) {
                self.order.push(name.clone());
            }
        }
        for (name, hits) in &other.bins {
            let mine = self.bins.entry(name.clone()).or_default();
            mine.count = mine.count.saturating_add(hits.count);
            mine.impossible = mine.impossible.take().or_else(|| hits.impossible.clone());
            mine.elsewhere = mine.elsewhere.take().or_else(|| hits.elsewhere.clone());
        }
    }

    /// Bins that could have happened and did not, in order.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.order.iter().filter(|name| self.bins.get(*name).is_none_or(Hits::is_hole)).map(String::as_str)
    }
}

impl<A: Bin, B: Bin> Bin for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn at(index: usize) -> Self {
        (A::at(index / B::COUNT), B::at(index % B::COUNT))
    }

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn name(self) -> String {
        format!("{} / {}", self.0.name(), self.1.name())
    }

    fn impossible(self) -> Option<&'static str> {
        self.0.impossible().or_else(|| self.1.impossible())
    }

    fn elsewhere(self) -> Option<&'static str> {
        self.0.elsewhere().or_else(|| self.1.elsewhere())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    bins! {
        /// Two.
        enum Two { One => "one", Other => "other" }
    }

    #[test]
    fn crosses_have_each_pair_once() {
        let pairs: Vec<String> = (0..<(Two, Two)>::COUNT).map(|index| <(Two, Two)>::at(index).name()).collect();
        assert_eq!(pairs, ["one / one", "one / other", "other / one", "other / other"]);
        for index in 0..<(Two, Two)>::COUNT {
            assert_eq!(<(Two, Two)>::at(index).index(), index);
        }
    }

    #[test]
    fn what_never_happened_is_a_hole_until_a_merge_fills_it() {
        let mut counts = Counts::<Two>::default();
        counts.hit(Two::Other);
        let mut group = counts.group();
        assert_eq!(group.holes().collect::<Vec<_>>(), ["one"]);
        let mut more = Counts::<Two>::default();
        more.hit(Two::One);
        group.merge(&more.group());
        assert_eq!(group.holes().count(), 0);
        assert_eq!((group.bins["one"].count, group.bins["other"].count), (1, 1));
    }
}
