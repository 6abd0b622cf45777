//! CPU time that was spent but has not run yet. Whoever plays the CPU charges; the machine runs the clock up to it before it does
//! anything for the CPU.

use silico_spec::fork::{CannotFork, Memo};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds that the CPU owes to the clock. Lock-free: a driver charges it without the machine's lock.
#[derive(Debug, Default)]
pub struct CpuClock {
    owed: AtomicU64,
}

impl CpuClock {
    /// Spends `ns` nanoseconds.
    #[inline]
    pub fn charge(&self, ns: u64) {
        self.owed.fetch_add(ns, Ordering::Relaxed);
    }

    /// Nanoseconds that have not run yet.
    #[must_use]
    #[inline]
    pub fn owed(&self) -> u64 {
        self.owed.load(Ordering::Relaxed)
    }

    /// The copy of a clock.
    pub(crate) fn fork(this: &Arc<Self>, memo: &mut Memo) -> Result<Arc<Self>, CannotFork> {
        memo.share(this, |clock, _| Ok(Self { owed: AtomicU64::new(clock.owed()) }))
    }

    /// Takes all that is owed.
    #[inline]
    pub(crate) fn take(&self) -> u64 {
        if self.owed() == 0 { 0 } else { self.owed.swap(0, Ordering::Relaxed) }
    }
}
