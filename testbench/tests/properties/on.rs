//! What the properties run on: `SILICO_ON` is `model` (as it is if absent), `rtl` or `lockstep`, and no property knows which. Where it is not the model, a card of
//! the suite becomes the nearest one that the RTL was built as, cases whose card no variant is near enough to are left out, and so are cases that are longer
//! than `SILICO_CLOCKS` allows: both are counted and told. What is asked of a card is never a reason: RTL is forked and leaps as the model does.

use crate::scenario::{MachineShape, READ_TIMEOUT, Scenario};
use crate::strategies::MOST_DELAY;
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
    /// More channels than any variant that was built.
    Channels,
    /// So many e-links.
    Elinks,
    /// A read timeout that no variant has: not that short, or not longer than an honest answer takes here.
    Timeout,
}

/// What the RTL does not have: **the** list of what is left out. The card is whole; this no RTL of it can do.
const MISSING: &[Part] = &[Part::Channels, Part::Elinks, Part::Timeout];

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
    /// What the last card that was asked for lacked, since the last look.
    static UNFIT: Cell<Option<Part>> = const { Cell::new(None) };
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

/// The card that is nearest, and what it lacks of the wanted one.
#[cfg(feature = "rtl")]
fn nearest(wanted: &CardParams, elinks: u16, patience: impl Fn(&CardParams) -> u64) -> (CardParams, Option<Part>) {
    let far = |one: u32, other: u32| one.max(1).ilog2().abs_diff(other.max(1).ilog2());
    let lacks = |card: &CardParams| {
        // A timeout that is asked for is waited for: longer ones cost nothing but time, and that too much.
        let is_asked = wanted.read_timeout != CardParams::default().read_timeout;
        let most = if is_asked { wanted.read_timeout.max(READ_TIMEOUT / 10) } else { u32::MAX };
        if card.c2h_channels < wanted.c2h_channels || card.h2c_channels < wanted.h2c_channels {
            Some(Part::Channels)
        } else if card.elinks < elinks {
            Some(Part::Elinks)
        } else if card.read_timeout > most || u64::from(card.read_timeout) < patience(card) {
            Some(Part::Timeout)
        } else {
            None
        }
    };
    let distance = |card: &CardParams| {
        let sizes = 3 * far(card.width.bytes(), wanted.width.bytes())
            + far(card.fifo_bytes, wanted.fifo_bytes)
            + far(card.fifo_frames.into(), wanted.fifo_frames.into())
            + far(card.read_tags.into(), wanted.read_tags.into())
            + far(card.np_depth.into(), wanted.np_depth.into());
        (lacks(card), sizes)
    };
    let card = silico_sim::rtl::variants().into_iter().map(|(_, card)| card).min_by_key(distance).expect("a variant at least");
    let lacks = lacks(&card);
    (card, lacks)
}

/// The card that is asked for.
#[cfg(not(feature = "rtl"))]
fn nearest(wanted: &CardParams, _: u16, _: impl Fn(&CardParams) -> u64) -> (CardParams, Option<Part>) {
    (wanted.clone(), None)
}

/// The card that a case gets, and what it lacks: as asked for, or the nearest that there is.
fn fitted(case: &Scenario) -> (CardParams, Option<Part>) {
    let mut card = case.machine.card(case.lanes.len(), case.senders.len());
    if !case.faults.is_empty() {
        card.read_timeout = READ_TIMEOUT;
    }
    if *target() == Target::Model { (card, None) } else { nearest(&card, 0, |card| patience(&case.machine, case.faults.len(), card)) }
}

/// The same for a machine with faults that cost time, and nothing else that is asked for.
pub(crate) fn fit_patient(wanted: &CardParams, machine: &MachineShape, faults: usize) -> (CardParams, Option<Part>) {
    if is_model() { (wanted.clone(), None) } else { nearest(wanted, 0, |card| patience(machine, faults, card)) }
}

/// As asked for, or the nearest that there is; and what that lacks.
pub(crate) fn fit(wanted: &CardParams, elinks: u16) -> (CardParams, Option<Part>) {
    if *target() == Target::Model { (wanted.clone(), None) } else { nearest(wanted, elinks, |_| 0) }
}

/// The card of a case.
pub(crate) fn card_of(case: &Scenario) -> CardParams {
    fitted(case).0
}

/// Clocks that an honest answer may take, twice over: all that can be asked for comes before it, and each fault that costs time strikes it.
fn patience(machine: &MachineShape, faults: usize, card: &CardParams) -> u64 {
    let config = machine.config();
    let buffers = u64::from(card.h2c_channels) * u64::from(card.h2c_buffer_bytes) + u64::from(card.c2h_channels) * 4096;
    let bytes = buffers.min(u64::from(card.read_tags) * u64::from(config.link.max_read_request));
    let clocks_per_byte = 8.0 / config.link.tlp_gbps() / (f64::from(config.clock_ps) / 1000.0);
    2 * ((2.0 * bytes as f64 * clocks_per_byte) as u64 + 4 * machine.clocks_per_read() + faults as u64 * u64::from(MOST_DELAY))
}

/// A card with these parameters; of one that there is not, the nearest. If that lacks something, there is none, and the case is left out: see [`judged`].
pub(crate) fn card(params: &CardParams) -> Result<Box<dyn TlpPort + Send>, String> {
    card_for(params, 0).map(|(card, _)| card)
}

/// As [`card`], with so many e-links for each generator; and what it is.
pub(crate) fn card_for(wanted: &CardParams, elinks: u16) -> Result<(Box<dyn TlpPort + Send>, CardParams), String> {
    let (params, lacking) = fit(wanted, elinks);
    if let Some(part) = lacking {
        UNFIT.set(Some(part));
        return Err(format!("no variant has what it takes: {part:?}"));
    }
    if is_model() {
        let model = silico_model::Card::new(params.clone()).map_err(|error| error.to_string())?;
        return Ok((crate::coverage::observed(model), params));
    }
    let verdict = Verdict::default();
    let card = target().card(&params, &verdict)?;
    watch(verdict);
    Ok((card, params))
}

/// What this one tells is looked at when the case is over.
pub(crate) fn watch(verdict: Verdict) {
    VERDICTS.with_borrow_mut(|verdicts| verdicts.push(verdict));
}

/// What a case came to, or that cards parted in it: whatever came after is no judgement of either. It came to nothing if there was no card for it.
pub(crate) fn judged(result: Result<(), String>) -> Result<(), String> {
    let verdicts = VERDICTS.take();
    if let Some(part) = UNFIT.take() {
        leave_out(part);
        return Ok(());
    }
    match verdicts.iter().find_map(Verdict::divergence) {
        Some(parted) => Err(format!("{parted}{}", result.err().map(|why| format!("\n  then: {why}")).unwrap_or_default())),
        None => result,
    }
}

/// Whether the card lacks something, as [`fit`] says it: then the case is left out, and counted; on the model before, it is left out too.
pub(crate) fn is_unfit(lacking: Option<Part>) -> bool {
    if let (Some(part), false) = (lacking, is_model()) {
        leave_out(part);
    }
    lacking.is_some()
}

fn leave_out(part: Part) {
    assert!(MISSING.contains(&part), "{part:?} is not in the list of what is left out");
    leave_out_for(format!("{part:?}"));
}

fn leave_out_for(why: String) {
    LEFT_OUT.with_borrow_mut(|left| *left.entry(why).or_default() += 1);
}

/// How many cases were left out since the last call, and why, to be put behind a count of cases.
pub(crate) fn left_out() -> String {
    let left = LEFT_OUT.take();
    let all: u32 = left.values().sum();
    let each: Vec<String> = left.iter().map(|(why, count)| format!("{count} {why}")).collect();
    if all == 0 { String::new() } else { format!(", {all} left out ({})", each.join("; ")) }
}

/// Most clocks of a case, if they are limited.
fn most_clocks() -> Option<u64> {
    let text = std::env::var("SILICO_CLOCKS").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("SILICO_CLOCKS is {text}; it must be a number of clocks")))
}

/// A property on a case of operations: left out if the target lacks what it takes.
pub(crate) fn tried(case: &Scenario, property: impl Fn(&Scenario) -> Result<(), String>) -> Result<(), String> {
    if is_unfit(fitted(case).1) { Ok(()) } else { property(case) }
}

/// A property on any case: on the target; on the model before, if cases may not be long.
pub(crate) fn limited<V>(case: &V, property: impl Fn(&V) -> Result<(), String>) -> Result<(), String> {
    if let (false, Some(most)) = (is_model(), most_clocks()) {
        let (before, mut clocks) = (crate::tally::clocks(), 0);
        let passed = on_model(|| {
            let passed = property(case);
            clocks = crate::tally::clocks() - before;
            passed
        });
        crate::tally::forget(clocks);
        passed.map_err(|why| format!("on the model: {why}"))?;
        if clocks > most {
            leave_out_for(format!("longer than {most} clocks"));
            return Ok(());
        }
    }
    property(case)
}
