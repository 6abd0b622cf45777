//! The Verilated card against a bare C++ loop over it, and against the model: ratios, each of times within one round, and the median of all rounds. What is
//! shown to a card is recorded once and shown to all of them; before anything is timed, all of them have answered it alike, clock by clock.

use super::Row;
use super::measure::{cpu, report};
use super::recorded::{Calls, Clocks, Recorder};
use crate::cli::RunOptions;
use crate::run::{CouldNotRun, Progress, RunConfig, build, run_with};
use crate::waves::{Side, Tap, Waves};
use silico_model::Card;
use silico_sim::rtl::{Bare, RtlCard, State};
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, Endpoint, PortOut, Response};
use silico_spec::units::Cycles;
use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Busy: large frames on all channels, and a link that never holds the port back.
const BUSY: &[&str] = &["--source", "generator", "--frame-size", "4096", "--gen", "4", "--lanes", "16", "--mps", "512"];
/// The run that is recorded, and a shorter one: what both do before the first frame and after the last cancels.
const LONG: &[&str] = &["--frames", "200"];
const SHORT: &[&str] = &["--frames", "50"];
/// Clocks in which nothing happens at all: fewer than the RTL takes to find that it may leap.
const IDLE: u64 = 1_000;
/// So many that it leaps over nearly all of them.
const LONG_IDLE: u64 = 1 << 32;
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
    /// The dense clocks alone, in the bare loop, and all clocks.
    bare: f64,
    bare_all: f64,
    /// As Verilator made it: all of the card at both edges.
    plain: f64,
    /// The dense clocks by packed steps, with a tap around the card, and by the model, clock by clock and run by run.
    packed: f64,
    tapped: f64,
    clocked: f64,
    model: f64,
    /// Long and short runs, under host and checkers.
    hosted: [f64; 2],
    hosted_model: [f64; 2],
    /// A clock of the RTL in which nothing happens, and very many of them.
    idle: f64,
    leap: f64,
    /// A card that is made, and one that is used again.
    made: f64,
    again: f64,
    /// All that a card is, saved and loaded.
    saved: f64,
    loaded: f64,
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
        let options = RunOptions::typed(&[BUSY, LONG, &["--on", target]].concat()).map_err(said)?;
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

/// All that is shown to cards.
struct Shown {
    params: CardParams,
    clocks: Clocks,
    calls: Calls,
    /// Bytes of a state of the card.
    state: usize,
    /// The clocks that are timed, and how many of them have a beat.
    dense: Range<usize>,
    busy: usize,
}

impl Shown {
    /// All kinds of cards answer alike.
    fn agree(&self, bare: &mut Bare) -> Result<(), CouldNotRun> {
        let (mut rtl, mut model) = (self.rtl()?, self.model()?);
        let mut shown = [(); 3].map(|()| PortOut::default());
        bare.power_on();
        for (clock, (input, output)) in self.clocks.0.iter().enumerate() {
            bare.run(clock..clock + 1, clock % 2 == 0);
            bare.show(&mut shown[0]);
            rtl.clock(input, &mut shown[1]);
            Endpoint::clock(&mut model, input, &mut shown[2]);
            let names = ["the bare loop", "the packed step", "the model"];
            if let Some((name, _)) = names.iter().zip(&shown).find(|(_, shown)| *shown != output) {
                return Err(CouldNotRun(format!("clock {clock} of what was recorded: {name} answers otherwise")));
            }
        }
        Ok(())
    }

    fn rtl(&self) -> Result<RtlCard, CouldNotRun> {
        RtlCard::new(&self.params).map_err(said)
    }

    fn model(&self) -> Result<Card, CouldNotRun> {
        Card::new(self.params.clone()).map_err(said)
    }

    /// Seconds for the dense clocks; those before have passed.
    fn drive(&self, mut card: impl Endpoint) -> Result<f64, CouldNotRun> {
        let mut output = PortOut::default();
        let mut pass = |clocks: Range<usize>| {
            for (input, _) in &self.clocks.0[clocks] {
                card.clock(black_box(input), &mut output);
            }
        };
        pass(0..self.dense.start);
        let (seconds, ()) = timed(|| pass(self.dense.clone()));
        self.ends_alike(&output, self.dense.end)?;
        Ok(seconds)
    }

    /// The same of the bare loop, and for all clocks.
    fn drive_bare(&self, bare: &mut Bare, plain: bool) -> Result<(f64, f64), CouldNotRun> {
        let end = self.clocks.len();
        bare.power_on();
        let parts = [0..self.dense.start, self.dense.clone(), self.dense.end..end].map(|clocks| timed(|| bare.run(clocks, plain)).0);
        let mut output = PortOut::default();
        bare.show(&mut output);
        self.ends_alike(&output, end)?;
        Ok((parts[1], parts.iter().sum()))
    }

    /// The same of the model, run by run.
    fn drive_model(&self) -> Result<f64, CouldNotRun> {
        let (mut card, mut response) = (self.model()?, Response::default());
        let [mut before, mut dense, mut after] = self.calls.ready(&self.dense);
        let first = before.replay(&mut card, &mut response);
        let (seconds, then) = timed(|| dense.replay(&mut card, &mut response));
        match first + then + after.replay(&mut card, &mut response) == self.calls.clocks() {
            true => Ok(seconds),
            false => Err(CouldNotRun("the model took another time for the same calls".into())),
        }
    }

    fn ends_alike(&self, output: &PortOut, end: usize) -> Result<(), CouldNotRun> {
        match self.clocks.0[..end].last().is_some_and(|(_, last)| last == output) {
            true => Ok(()),
            false => Err(CouldNotRun("the same clocks ended otherwise".into())),
        }
    }

    fn round(&self, bare: &mut Bare) -> Result<Round, CouldNotRun> {
        let (in_bare, bare_all) = self.drive_bare(bare, false)?;
        let (plain, _) = self.drive_bare(bare, true)?;
        let packed = self.drive(self.rtl()?)?;
        let tapped = self.drive(Tap::new(self.rtl()?, Side::First, Waves::off()))?;
        let clocked = self.drive(self.model()?)?;
        let model = self.drive_model()?;
        let (made, again) = instances(&self.params)?;
        let (saved, loaded) = copies(&self.params)?;
        Ok(Round {
            bare: in_bare,
            bare_all,
            plain,
            packed,
            tapped,
            clocked,
            model,
            hosted: [hosted("rtl", LONG)?, hosted("rtl", SHORT)?],
            hosted_model: [hosted("model", LONG)?, hosted("model", SHORT)?],
            idle: idle(IDLE)? / IDLE as f64,
            leap: idle(LONG_IDLE)?,
            made,
            again,
            saved,
            loaded,
        })
    }
}

/// Seconds that a run takes.
fn hosted(target: &str, frames: &[&str]) -> Result<f64, CouldNotRun> {
    let (seconds, done) = timed(|| report(&[BUSY, frames, &["--on", target]].concat()));
    done.map(|_| seconds)
}

/// Seconds for clocks in which nothing happens, under its host.
fn idle(clocks: u64) -> Result<f64, CouldNotRun> {
    let options = RunOptions::typed(&["--on", "rtl"]).map_err(said)?;
    let bench = build(&RunConfig::new(&options)?)?;
    let mut machine = bench.platform.machine();
    let end = machine.now().after(Cycles(clocks));
    Ok(timed(|| machine.advance_to(end)).0)
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

/// Seconds that it takes to save all that a card is, and to load it into another one.
fn copies(params: &CardParams) -> Result<(f64, f64), CouldNotRun> {
    let (card, mut twin, mut state) = (RtlCard::new(params).map_err(said)?, RtlCard::new(params).map_err(said)?, State::default());
    card.save(&mut state);
    let (saved, ()) = timed(|| (0..CARDS).for_each(|_| card.save(&mut state)));
    let (loaded, done) = timed(|| (0..CARDS).try_for_each(|_| twin.load(&state)));
    done.map_err(said)?;
    Ok((saved / f64::from(CARDS), loaded / f64::from(CARDS)))
}

/// All rows of the RTL; they share their rounds, which take about `time` a row. `sparse`: clocks a second that the model passes when next to nothing happens.
pub(super) fn rows(time: Duration, sparse: f64) -> Result<Vec<Row>, CouldNotRun> {
    let params = CardParams::default();
    let (clocks, calls) = record(&params)?;
    let (dense, busy) = clocks.dense();
    if dense.is_empty() {
        return Err(CouldNotRun("a run that should be dense is not: the RTL can't be measured by it".into()));
    }
    let mut bare = Bare::new(&params, clocks.0.iter().map(|(input, _)| input)).map_err(said)?;
    let mut state = State::default();
    RtlCard::new(&params).map_err(said)?.save(&mut state);
    let shown = Shown { params, clocks, calls, state: state.size(), dense, busy };
    shown.agree(&mut bare)?;
    let (start, mut rounds) = (Instant::now(), Vec::new());
    while rounds.len() < LEAST_ROUNDS || start.elapsed() < 8 * time {
        rounds.push(shown.round(&mut bare)?);
    }
    Ok(told(&shown, &rounds, sparse))
}

fn told(shown: &Shown, rounds: &[Round], sparse: f64) -> Vec<Row> {
    let ratio = |of: fn(&Round) -> f64, to: fn(&Round) -> f64| median(rounds, |round| of(round) / to(round));
    let rate = |of: fn(&Round) -> f64| format!("{:.0} k clocks/s", shown.dense.len() as f64 / median(rounds, of) / 1e3);
    let row = |name, value, unit, of: String| Row { name, value: Some(value), unit, reference: None, of: Some(of) };
    let idle = median(rounds, |r| r.idle);
    let (made, again) = (median(rounds, |r| r.made), median(rounds, |r| r.again));
    vec![
        row(
            "RTL: time of a packed step / bare C++ loop",
            ratio(|r| r.packed, |r| r.bare),
            "x",
            format!(
                "at most 1.10; {} clocks, {} with a beat, every output the same; bare: {}, all evaluated at both edges: {}; {} rounds",
                shown.dense.len(),
                shown.busy,
                rate(|r| r.bare),
                rate(|r| r.plain),
                rounds.len(),
            ),
        ),
        row(
            "RTL: time under host and checkers / bare",
            ratio(|r| r.hosted[0], |r| r.bare_all),
            "x",
            format!("at most 1.30; all {} clocks of the run that those are of, bring-up and report included", shown.clocks.len()),
        ),
        row(
            "busy clocks, model alone / RTL alone",
            ratio(|r| r.bare, |r| r.model),
            "x",
            format!(
                "at least 10; the same clocks, {}; called clock by clock as the RTL is: {:.1} x, {}",
                rate(|r| r.model),
                ratio(|r| r.bare, |r| r.clocked),
                rate(|r| r.clocked)
            ),
        ),
        row(
            "busy clocks, model / RTL in a closed loop",
            ratio(|r| r.hosted[0] - r.hosted[1], |r| r.hosted_model[0] - r.hosted_model[1]),
            "x",
            "at least 6; driver, host and checkers around either; a run of 200 frames less one of 50".into(),
        ),
        row(
            "sparse clocks, model / RTL",
            sparse * idle,
            "x",
            format!(
                "the model's above (a frame in 400 us) / idle clocks of the RTL under its host, one by one, {:.0} k clocks/s",
                1e-3 / idle
            ),
        ),
        row(
            "RTL: leaps over idle clocks",
            1.0 / median(rounds, |r| r.leap),
            "/s",
            format!("{:.0} ms each, over 2^32 clocks, with the trial that finds that it may", 1e3 * median(rounds, |r| r.leap)),
        ),
        row(
            "RTL: time with waves off / without waves",
            ratio(|r| r.tapped, |r| r.packed),
            "x",
            "the tap by which a waveform sees each clock, with none open / no tap, which is what a run without --waves has".into(),
        ),
        row("RTL: cards made", 1.0 / made, "/s", format!("{:.2} ms each, power-on included", 1e3 * made)),
        row("RTL: cards in turn", 1.0 / again, "/s", format!("{:.2} ms each: one that was dropped is powered on again", 1e3 * again)),
        row(
            "RTL: states saved and loaded",
            1.0 / median(rounds, |r| r.saved + r.loaded),
            "/s",
            format!(
                "{:.2} and {:.2} ms each, {} KiB",
                1e3 * median(rounds, |r| r.saved),
                1e3 * median(rounds, |r| r.loaded),
                shown.state >> 10
            ),
        ),
    ]
}
