//! Which tests caught mutants of a file before: they are tried first on the next one of it. Knows no process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// So many are tried before all others.
const FIRST: usize = 12;

/// A test: its binary, and its name.
pub(crate) type Test = (PathBuf, String);

/// What is known of each file.
#[derive(Debug, Default)]
pub(crate) struct Lore {
    catches: BTreeMap<PathBuf, BTreeMap<Test, u32>>,
}

impl Lore {
    /// `test` has caught a mutant of `file`.
    pub(crate) fn learn(&mut self, file: &Path, test: Test) {
        *self.catches.entry(file.into()).or_default().entry(test).or_insert(0) += 1;
    }

    /// The best for a mutant of `file`: of each binary the names.
    pub(crate) fn best(&self, file: &Path) -> BTreeMap<PathBuf, Vec<String>> {
        let mut tests: Vec<(&Test, &u32)> = self.catches.get(file).into_iter().flatten().collect();
        tests.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let mut best: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        for ((binary, name), _) in tests.into_iter().take(FIRST) {
            best.entry(binary.clone()).or_default().push(name.clone());
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_caught_most_come_first() {
        let mut lore = Lore::default();
        let test = |number: usize| (PathBuf::from(if number.is_multiple_of(2) { "a" } else { "b" }), format!("t{number:02}"));
        for number in 0..20 {
            for _ in 0..=number {
                lore.learn(Path::new("x.rs"), test(number));
            }
        }
        let best = lore.best(Path::new("x.rs"));
        assert_eq!(best[Path::new("a")], ["t18", "t16", "t14", "t12", "t10", "t08"]);
        assert_eq!(best.values().map(Vec::len).sum::<usize>(), FIRST);
        assert!(lore.best(Path::new("y.rs")).is_empty());
    }
}
