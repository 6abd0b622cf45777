//! Forking: a deep copy of things that share others. A copy shares with its fellow copies what the originals shared among themselves, and nothing with
//! the originals. Knows none of the things.
//!
//! One [`Memo`] goes through one fork. Whoever holds an [`Arc`] asks it for the copy: the first one makes it, the others get the same.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

/// Something cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be forked: {rule}")]
pub struct CannotFork {
    /// What.
    pub what: &'static str,
    /// What would be right.
    pub rule: &'static str,
}

/// A deep copy that goes on by itself from the state of the original.
pub trait Fork: Sized {
    /// Makes the copy, of all that is reached from here too; what was copied before under the same `memo` is not copied again.
    ///
    /// # Errors
    /// If something on the way cannot be copied. What was copied so far is of no use then, nor is `memo`.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork>;
}

type Shared = Arc<dyn Any + Send + Sync>;

/// What one fork has copied of what is shared: by address, originals, held so that none of their addresses is used again, and their copies.
#[derive(Default)]
pub struct Memo {
    copies: BTreeMap<usize, (Shared, Shared)>,
}

fn address<T: ?Sized>(shared: &Arc<T>) -> usize {
    Arc::as_ptr(shared).cast::<()>().addr()
}

impl Memo {
    /// Nothing is copied yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { copies: BTreeMap::new() }
    }

    /// The copy of what is behind `shared`; `copy` makes it, the first time.
    ///
    /// # Errors
    /// If `copy` fails.
    pub fn share<T: Any + Send + Sync>(
        &mut self,
        shared: &Arc<T>,
        copy: impl FnOnce(&T, &mut Self) -> Result<T, CannotFork>,
    ) -> Result<Arc<T>, CannotFork> {
        if let Some(copy) = self.find(shared) {
            return Ok(copy);
        }
        let made = Arc::new(copy(shared, self)?);
        self.copies.insert(address(shared), (Arc::clone(shared) as Shared, Arc::clone(&made) as Shared));
        Ok(made)
    }

    /// The copy of what is behind `shared`, if there is one.
    #[must_use]
    pub fn find<T: Any + Send + Sync>(&self, shared: &Arc<T>) -> Option<Arc<T>> {
        let (_, copy) = self.copies.get(&address(shared))?;
        Arc::clone(copy).downcast().ok()
    }
}

impl core::fmt::Debug for Memo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Memo {{ copies: {} }}", self.copies.len())
    }
}

impl<T: Fork> Fork for Option<T> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        self.as_ref().map(|value| value.fork(memo)).transpose()
    }
}

impl<T: Fork> Fork for Vec<T> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        self.iter().map(|value| value.fork(memo)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU32, Ordering};

    struct Handle(Arc<AtomicU32>);

    impl Fork for Handle {
        fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
            memo.share(&self.0, |count, _| Ok(AtomicU32::new(count.load(Ordering::Relaxed)))).map(Self)
        }
    }

    #[test]
    fn copies_share_among_themselves_and_with_no_original() {
        let first = Handle(Arc::new(AtomicU32::new(7)));
        let second = Handle(Arc::clone(&first.0));
        let mut memo = Memo::new();
        let copies = [first.fork(&mut memo).unwrap(), second.fork(&mut memo).unwrap()];
        copies[0].0.store(8, Ordering::Relaxed);
        assert_eq!((first.0.load(Ordering::Relaxed), copies[1].0.load(Ordering::Relaxed)), (7, 8));
        assert!(!Arc::ptr_eq(&first.fork(&mut Memo::new()).unwrap().0, &copies[0].0));
    }

    #[test]
    fn what_is_not_shared_is_copied_apart() {
        let originals = [7, 9].map(|count| Handle(Arc::new(AtomicU32::new(count))));
        let mut memo = Memo::new();
        let copies = originals.each_ref().map(|original| original.fork(&mut memo).unwrap());
        assert_eq!(copies.each_ref().map(|copy| copy.0.load(Ordering::Relaxed)), [7, 9]);
        for (original, copy) in originals.iter().zip(&copies) {
            assert!(memo.find(&original.0).is_some_and(|found| Arc::ptr_eq(&found, &copy.0)), "the copy of this one");
        }
        assert!(memo.find(&copies[0].0).is_none(), "a copy is nobody's original");
    }

    #[test]
    fn a_failure_reaches_whoever_asked() {
        struct Fixed;
        const ERROR: CannotFork = CannotFork { what: "a thing", rule: "one that can be copied" };
        impl Fork for Fixed {
            fn fork(&self, _: &mut Memo) -> Result<Self, CannotFork> {
                Err(ERROR)
            }
        }
        assert_eq!(vec![Some(Fixed)].fork(&mut Memo::new()).err(), Some(ERROR));
    }
}
