//! What the properties run on: `SILICO_ON` is `model` (as it is if absent), `rtl` or `lockstep`, and no property knows which. Where it is not the model, a card of
//! the suite becomes the nearest one that the RTL was built as, cases that need what the RTL does not have yet are left out, and so are cases that are longer
//! than `SILICO_CLOCKS` allows: both are counted and told.

use crate::scenario::{READ_TIMEOUT, Scenario};
use silico::target::Target;
use silico_sim::lockstep::Verdict;
use silico_spec::params::CardParams;
use silico_spec::port::TlpPort;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What a case may need of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Very many clocks in which nothing happens, passed at once.
    Leap,
    /// A card that is copied as it is.
    Forks,
    /// So many channels.
    Channels,
    /// A read timeout that no variant has.
    Timeout,
}

/// What the RTL does not have: **the** list of what is left out. The card is whole; this no RTL of it can do.
const MISSING: &[Part] = &[Part::Leap, Part::Forks, Part::Channels, Part::Timeout];

/// The target, as typed.
pub(crate) fn target() -> &'static Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let word = std::env::var("SILICO_ON").unwrap_or_else(|_| "model".into());
        let target: Target = word.parse().unwrap_or_else(|error| panic!("SILICO_ON: {error}"));
        target.require_built().unwrap_or_else(|error| panic!("SILICO_ON: {error}"));
        assert!(matches!(target, Target::Model | Target::Rtl | Target::Lockstep), "SILICO_ON is {word}; it must be model, rtl or lockstep");
        target
    })
}

thread_local! {
    /// The model, whatever is asked for.
    static ON_MODEL: Cell<bool> = const { Cell::new(false) };
    /// Of the cards that were built since the last look.
    static VERDICTS: RefCell<Vec<Verdict>> = const { RefCell::new(Vec::new()) };
    /// Cases that were left out in this property, by reason.
    static LEFT_OUT: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn is_model() -> bool {
    *target() == Target::Model || ON_MODEL.get()
}

/// Does something on the model.
pub(crate) fn on_model<T>(act: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            ON_MODEL.set(self.0);
        }
    }
    let _back = Back(ON_MODEL.replace(true));
    act()
}

/// The card that a case gets: as asked for, or the nearest that there is.
#[cfg(feature = "rtl")]
pub(crate) fn fit(wanted: &CardParams) -> CardParams {
    if *target() == Target::Model {
        return wanted.clone();
    }
    let far = |one: u32, other: u32| one.max(1).ilog2().abs_diff(other.max(1).ilog2());
    let distance = |card: &CardParams| {
        let enough = card.c2h_channels >= wanted.c2h_channels && card.h2c_channels >= wanted.h2c_channels;
        // A timeout that is asked for is part of the case; all else is only another size.
        let timeout = wanted.read_timeout != CardParams::default().read_timeout && card.read_timeout != wanted.read_timeout;
        let sizes = 3 * far(card.width.bytes(), wanted.width.bytes())
            + far(card.fifo_bytes, wanted.fifo_bytes)
            + far(card.fifo_frames.into(), wanted.fifo_frames.into())
            + far(card.read_tags.into(), wanted.read_tags.into())
            + far(card.np_depth.into(), wanted.np_depth.into());
        (!enough, timeout, sizes)
    };
    silico_sim::rtl::variants().into_iter().map(|(_, card)| card).min_by_key(distance).expect("a variant at least")
}

/// The card that a case gets: as asked for.
#[cfg(not(feature = "rtl"))]
pub(crate) fn fit(wanted: &CardParams) -> CardParams {
    wanted.clone()
}

/// A card with these parameters, or rather those of [`fit`].
pub(crate) fn card(params: &CardParams) -> Result<Box<dyn TlpPort + Send>, String> {
    let params = fit(params);
    if is_model() {
        let model = silico_model::Card::new(params).map_err(|error| error.to_string())?;
        return Ok(crate::coverage::observed(model));
    }
    let verdict = Verdict::default();
    let card = target().card(&params, &verdict)?;
    watch(verdict);
    Ok(card)
}

/// What this one tells is looked at when the case is over.
pub(crate) fn watch(verdict: Verdict) {
    VERDICTS.with_borrow_mut(|verdicts| verdicts.push(verdict));
}

/// What a case came to, or that cards parted in it: whatever came after is no judgement of either.
pub(crate) fn judged(result: Result<(), String>) -> Result<(), String> {
    let verdicts = VERDICTS.take();
    match verdicts.iter().find_map(Verdict::divergence) {
        Some(parted) => Err(format!("{parted}{}", result.err().map(|why| format!("\n  then: {why}")).unwrap_or_default())),
        None => result,
    }
}

/// Whether the target lacks something of this: then the case is left out, and counted.
pub(crate) fn lacks(parts: impl IntoIterator<Item = Part>) -> bool {
    let Some(part) = parts.into_iter().find(|part| !is_model() && MISSING.contains(part)) else { return false };
    leave_out(format!("{part:?}"));
    true
}

fn leave_out(why: String) {
    LEFT_OUT.with_borrow_mut(|left| *left.entry(why).or_default() += 1);
}

/// How many cases were left out since the last call, and why, to be put behind a count of cases.
pub(crate) fn left_out() -> String {
    let left = LEFT_OUT.take();
    let all: u32 = left.values().sum();
    let each: Vec<String> = left.iter().map(|(why, count)| format!("{count} {why}")).collect();
    if all == 0 { String::new() } else { format!(", {all} left out ({})", each.join("; ")) }
}

/// What a case needs.
fn parts(case: &Scenario) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut card = case.machine.card(case.lanes.len(), case.senders.len());
    if !case.faults.is_empty() {
        card.read_timeout = READ_TIMEOUT;
    }
    let fitted = fit(&card);
    if !case.faults.is_empty() && fitted.read_timeout != READ_TIMEOUT {
        parts.push(Part::Timeout);
    }
    if fitted.c2h_channels < card.c2h_channels || fitted.h2c_channels < card.h2c_channels {
        parts.push(Part::Channels);
    }
    parts
}

/// Most clocks of a case, if they are limited.
fn most_clocks() -> Option<u64> {
    let text = std::env::var("SILICO_CLOCKS").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("SILICO_CLOCKS is {text}; it must be a number of clocks")))
}

/// A property on a case: on the target, if that has what it takes; on the model before, if cases may not be long.
pub(crate) fn tried(case: &Scenario, property: impl Fn(&Scenario) -> Result<(), String>) -> Result<(), String> {
    if is_model() {
        return property(case);
    }
    if lacks(parts(case)) {
        return Ok(());
    }
    if let Some(most) = most_clocks() {
        let (before, mut clocks) = (crate::tally::clocks(), 0);
        let passed = on_model(|| {
            let passed = property(case);
            clocks = crate::tally::clocks() - before;
            passed
        });
        crate::tally::forget(clocks);
        passed.map_err(|why| format!("on the model: {why}"))?;
        if clocks > most {
            leave_out(format!("longer than {most} clocks"));
            return Ok(());
        }
    }
    property(case)
}
