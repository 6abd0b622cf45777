//! The record of what was planted, and the switch by which a fault takes the link down. A clone sees the same, whoever owns the card by then.

use super::rule::{Harm, Rule, Trigger, What};
use crate::trace::Way;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records that are kept; the rest are only counted.
pub const KEPT: usize = 256;

/// One fault that was planted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planted {
    /// By which rule.
    pub rule: Rule,
    /// When: the clock in which the TLP's last beat passed from the card, or its first beat was due at it.
    pub cycle: Cycle,
    /// Which way the TLP went.
    pub way: Way,
    /// Its header, as it was sent.
    pub header: Header,
    /// Bytes of its payload, as it was sent.
    pub bytes: u32,
}

impl Planted {
    /// See [`Harm`].
    #[must_use]
    pub const fn harm(&self) -> Harm {
        self.rule.harm()
    }
}

impl Planted {
    /// The TLP, in words.
    #[must_use]
    pub fn tlp(&self) -> String {
        if self.rule.what == What::Repeat {
            return "a whole frame".into();
        }
        format!("{} {}", self.way, self.header)
    }
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ({}): {}", self.rule, self.cycle, self.harm().word(), self.tlp())
    }
}

#[derive(Clone, Debug, Default)]
struct Inner {
    records: Vec<Planted>,
    /// How often each rule has struck, in the order of the rules.
    counts: Vec<(Rule, u64)>,
}

/// What was planted so far.
#[derive(Clone, Debug, Default)]
pub struct FaultLog(Arc<Mutex<Inner>>);

impl FaultLog {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, rules: &[Rule]) {
        self.inner().counts.extend(rules.iter().map(|rule| (*rule, 0)));
    }

    #[cold]
    pub(super) fn note(&self, index: usize, planted: Planted) {
        let mut inner = self.inner();
        if let Some(count) = inner.counts.get_mut(index) {
            count.1 += 1;
        }
        if inner.records.len() < KEPT {
            inner.records.push(planted);
        }
    }

    /// The first [`KEPT`] faults, in the order of time.
    #[must_use]
    pub fn records(&self) -> Vec<Planted> {
        self.inner().records.clone()
    }

    /// Faults planted in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inner().counts.iter().map(|count| count.1).sum()
    }

    /// The worst that any of them may do; `None` if none was planted.
    #[must_use]
    pub fn worst(&self) -> Option<Harm> {
        self.inner().counts.iter().filter(|count| count.1 > 0).map(|count| count.0.harm()).max()
    }

    /// How often each rule has struck, in the order of the rules.
    #[must_use]
    pub fn counts(&self) -> Vec<(Rule, u64)> {
        self.inner().counts.clone()
    }

    /// The first rule that names the Nth of something and has not struck: there were fewer.
    #[must_use]
    pub fn never_happened(&self) -> Option<Rule> {
        let counted = |rule: &Rule| matches!(rule.when.trigger, Trigger::Nth(_) | Trigger::Every { .. });
        self.inner().counts.iter().find(|(rule, count)| *count == 0 && counted(rule)).map(|(rule, _)| *rule)
    }
}

/// By this a fault at the port asks the machine, which owns the link, to take it down.
#[derive(Clone, Debug, Default)]
pub struct LinkSwitch(Arc<AtomicU64>);

impl Fork for FaultLog {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let copy = |inner: &Mutex<Inner>| inner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        memo.share(&self.0, |inner, _| Ok(Mutex::new(copy(inner)))).map(Self)
    }
}

impl Fork for LinkSwitch {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        memo.share(&self.0, |span, _| Ok(AtomicU64::new(span.load(Ordering::Relaxed)))).map(Self)
    }
}

impl LinkSwitch {
    pub(super) fn down_for(&self, span: u64) {
        self.0.fetch_max(span, Ordering::Relaxed);
    }

    /// For how long the link is to go down, if it is; asked once.
    #[inline]
    #[must_use]
    pub fn take(&self) -> Option<Cycles> {
        if self.0.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(Cycles(self.0.swap(0, Ordering::Relaxed)))
    }
}
