//! The Verilated card against a bare C++ loop over it, and against the model: ratios, each of times within one round, and the median of all rounds. What is
//! shown to a card is recorded once and shown to all of them; before anything is timed, all of them have answered it alike, clock by clock.

use super::Row;
use super::measure::{cpu, report};
use super::recorded::{Calls, Clocks, Recorder};
use crate::cli::RunOptions;
use crate::run::{CouldNotRun, Progress, RunConfig, build, run_with};
use crate::waves::{Side, Tap, Waves};
use silico_model::Card;
use silico_sim::rtl::{Bare, RtlCard};
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, Endpoint, PortOut};
use silico_spec::units::Cycles;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Busy: large frames on all channels, and a link that never holds the port back.
const BUSY: &[&str] =
    &["--source", "generator", "--frame-size", "4096", "--gen", "4", "--lanes", "16", "--mps", "512", "--frames", "80"];
/// Next to nothing happens, see the row of sparse clocks: clocks in which nothing does at all.
const IDLE: u64 = 4_000;
/// Fewer rounds make no median.
const LEAST_ROUNDS: usize = 5;
/// Cards made one after the other.
const CARDS: u32 = 8;

fn said(error: impl ToString) -> CouldNotRun {
    CouldNotRun(error.to_string())
}

/// What is measured in each round, in seconds of CPU.
#[derive(Clone, Copy)]
struct Round {
    bare: f64,
    packed: f64,
    tapped: f64,
    clocked: f64,
    model: f64,
    hosted: f64,
    hosted_model: f64,
    /// A clock of the RTL in which nothing happens.
    idle: f64,
    /// A card that is made, and one that is used again.
    made: f64,
    again: f64,
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = cpu();
    let done = work();
    (cpu() - start, done)
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a run shows to the RTL in each clock, and to the model in each call: the same clocks.
fn record(params: &CardParams) -> Result<(Clocks, Calls), CouldNotRun> {
    let typed = |target: &str| {
        let options = RunOptions::typed(&[BUSY, &["--on", target]].concat()).map_err(said)?;
        RunConfig::new(&options).map_err(said)
    };
    let (clocks, calls) = (Recorder::<Clocks>::default(), Recorder::<Calls>::default());
    let rtl = clocks.around(RtlCard::new(params).map_err(said)?);
    let passes = [
        run_with(&typed("rtl")?, Box::new(Clocked::new(rtl)), &mut Progress::Quiet)?,
        run_with(&typed("model")?, Box::new(calls.around(Card::new(params.clone()).map_err(said)?)), &mut Progress::Quiet)?,
    ];
    if let Some(failed) = passes.iter().find(|report| !report.passed) {
        return Err(CouldNotRun(format!("`{}` failed", failed.command)));
    }
    let (clocks, calls) = (clocks.take(), calls.take());
    match clocks.len() as u64 == calls.clocks() {
        true => Ok((clocks, calls)),
        false => Err(CouldNotRun(format!("the RTL took {} clocks, the model {}", clocks.len(), calls.clocks()))),
    }
}

/// A card of its own, driven through all clocks.
fn drive(mut card: impl Endpoint, clocks: &Clocks) -> PortOut {
    let mut output = PortOut::default();
    for (input, _) in &clocks.0 {
        card.clock(black_box(input), &mut output);
    }
    output
}

/// All kinds of cards answer alike.
fn agree(bare: &mut Bare, params: &CardParams, clocks: &Clocks) -> Result<(), CouldNotRun> {
    let mut wrong = None;
    bare.replay(|clock, shown| {
        if wrong.is_none() && *shown != clocks.0[clock].1 {
            wrong = Some(("the bare loop", clock));
        }
    });
    let (mut rtl, mut model) = (RtlCard::new(params).map_err(said)?, Card::new(params.clone()).map_err(said)?);
    let (mut from_rtl, mut from_model) = (PortOut::default(), PortOut::default());
    for (clock, (input, output)) in clocks.0.iter().enumerate() {
        rtl.clock(input, &mut from_rtl);
        Endpoint::clock(&mut model, input, &mut from_model);
        for (name, shown) in [("the packed step", &from_rtl), ("the model", &from_model)] {
            if wrong.is_none() && shown != output {
                wrong = Some((name, clock));
            }
        }
    }
    wrong.map_or(Ok(()), |(name, clock)| Err(CouldNotRun(format!("clock {clock} of what was recorded: {name} answers otherwise"))))
}

fn round(bare: &mut Bare, params: &CardParams, clocks: &Clocks, calls: &Calls) -> Result<Round, CouldNotRun> {
    let rtl = || RtlCard::new(params).map_err(said);
    let model = || Card::new(params.clone()).map_err(said);
    let last = clocks.0.last().map(|(_, output)| output);
    let same = |shown: &PortOut| (Some(shown) == last).then_some(()).ok_or_else(|| CouldNotRun("the same clocks ended otherwise".into()));

    let mut shown = PortOut::default();
    let (in_bare, ()) = timed(|| bare.run());
    bare.show(&mut shown);
    same(&shown)?;
    let card = rtl()?;
    let (packed, shown) = timed(|| drive(card, clocks));
    same(&shown)?;
    let card = Tap::new(rtl()?, Side::First, Waves::off());
    let (tapped, shown) = timed(|| drive(card, clocks));
    same(&shown)?;
    let card = model()?;
    let (clocked, shown) = timed(|| drive(card, clocks));
    same(&shown)?;
    let (mut card, mut ready) = (model()?, calls.ready());
    let (in_model, passed) = timed(|| ready.replay(&mut card));
    if passed != calls.clocks() {
        return Err(CouldNotRun(format!("the model passed {passed} clocks of {}", calls.clocks())));
    }
    let (hosted, done) = timed(|| report(&[BUSY, &["--on", "rtl"]].concat()));
    done?;
    let (hosted_model, done) = timed(|| report(&[BUSY, &["--on", "model"]].concat()));
    done?;
    let (made, again) = instances(params)?;
    Ok(Round { bare: in_bare, packed, tapped, clocked, model: in_model, hosted, hosted_model, idle: idle()?, made, again })
}

/// Seconds that a clock takes in which nothing happens, under its host.
fn idle() -> Result<f64, CouldNotRun> {
    let options = RunOptions::typed(&["--on", "rtl"]).map_err(said)?;
    let bench = build(&RunConfig::new(&options)?)?;
    let mut machine = bench.platform.machine();
    let end = machine.now().after(Cycles(IDLE));
    let (seconds, ()) = timed(|| machine.advance_to(end));
    Ok(seconds / IDLE as f64)
}

/// Seconds that a card takes to be made, and to be used again.
fn instances(params: &CardParams) -> Result<(f64, f64), CouldNotRun> {
    // As many as are kept for later, and more: the next ones have to be made.
    let held: Vec<_> = (0..CARDS).map(|_| RtlCard::new(params).map_err(said)).collect::<Result<_, _>>()?;
    let (made, cards) = timed(|| (0..CARDS).map(|_| RtlCard::new(params).map_err(said)).collect::<Result<Vec<_>, _>>());
    drop(cards?);
    drop(held);
    let (again, done) = timed(|| (0..CARDS).try_for_each(|_| RtlCard::new(params).map(drop).map_err(said)));
    done?;
    Ok((made / f64::from(CARDS), again / f64::from(CARDS)))
}

/// All rows of the RTL, measured for about `time` each; `sparse`: clocks a second that the model passes when next to nothing happens.
pub(super) fn rows(time: Duration, sparse: f64) -> Result<Vec<Row>, CouldNotRun> {
    let params = CardParams::default();
    let (clocks, calls) = record(&params)?;
    let mut bare = Bare::new(&params, clocks.0.iter().map(|(input, _)| input)).map_err(said)?;
    agree(&mut bare, &params, &clocks)?;
    let (start, mut rounds) = (Instant::now(), Vec::new());
    // The rows share their rounds.
    while rounds.len() < LEAST_ROUNDS || start.elapsed() < 8 * time {
        rounds.push(round(&mut bare, &params, &clocks, &calls)?);
    }
    let ratio = |of: fn(&Round) -> f64, to: fn(&Round) -> f64| median(&rounds, |round| of(round) / to(round));
    let rate = |of: fn(&Round) -> f64| clocks.len() as f64 / median(&rounds, of);
    let row = |name, value, unit, of: String| Row { name, value: Some(value), unit, reference: None, of: Some(of) };
    let kilo = |rate: f64| format!("{:.1} k clocks/s", rate / 1e3);
    Ok(vec![
        row(
            "RTL: time of a packed step / bare C++ loop",
            ratio(|r| r.packed, |r| r.bare),
            "x",
            format!(
                "at most 1.10; {} clocks, {} with a beat, the same in both, as is every output; medians of {} rounds; bare: {}",
                clocks.len(),
                clocks.busy(),
                rounds.len(),
                kilo(rate(|r| r.bare))
            ),
        ),
        row(
            "RTL: time under host and checkers / bare",
            ratio(|r| r.hosted, |r| r.bare),
            "x",
            format!("at most 1.30; the run that these clocks are of, with bring-up and report; {}", kilo(rate(|r| r.hosted))),
        ),
        row(
            "busy clocks, model alone / RTL alone",
            ratio(|r| r.bare, |r| r.model),
            "x",
            format!(
                "at least 10; the same clocks, {} with a beat; {} calls of the model, {}; clock by clock {:.1} x",
                clocks.busy(),
                calls.len(),
                kilo(rate(|r| r.model)),
                ratio(|r| r.packed, |r| r.clocked)
            ),
        ),
        row(
            "the same in a closed loop",
            ratio(|r| r.hosted, |r| r.hosted_model),
            "x",
            format!("at least 6; with driver, host and checkers around either; the model's: {}", kilo(rate(|r| r.hosted_model))),
        ),
        row(
            "sparse clocks, model / RTL",
            sparse * median(&rounds, |r| r.idle),
            "x",
            format!("the row above (a frame in 400 us) / the RTL's clocks under its host, {}", kilo(1.0 / median(&rounds, |r| r.idle))),
        ),
        row(
            "RTL: time with waves off / without waves",
            ratio(|r| r.tapped, |r| r.packed),
            "x",
            "the tap that shows each clock to the waveform, with none open / no tap, which is what a run without --waves has".into(),
        ),
        row(
            "RTL: cards made",
            1.0 / median(&rounds, |r| r.made),
            "/s",
            format!("{:.2} ms each, power-on included", 1e3 * median(&rounds, |r| r.made)),
        ),
        row(
            "RTL: cards in turn",
            1.0 / median(&rounds, |r| r.again),
            "/s",
            format!("{:.2} ms each: one that was dropped is powered on again", 1e3 * median(&rounds, |r| r.again)),
        ),
    ])
}
