//! Dense random scenarios a second ([`crate::scenario`]): each with a card brought up anew, and each forked from one that was brought up once. The plays
//! are the same, frame for frame and clock for clock; every checker and every judgement of theirs is part of what is measured.

use super::measure::{best, cpu};
use crate::cli::RunOptions;
use crate::run::CouldNotRun;
use crate::scenario::{DENSE, Outcome, Play, Stage};
use silico_driver::platform::{Platform, Registers};
use silico_spec::fork::CannotFork;
use silico_spec::registers;
use std::time::Duration;

/// Scenarios in a round, and those by which they are described.
const ROUND: u64 = 100;

/// What was measured.
pub(super) struct Scenarios {
    /// A second.
    pub(super) anew: f64,
    pub(super) forked: f64,
    /// What one of them is, in words.
    pub(super) of_anew: String,
    pub(super) of_forked: String,
}

fn said(error: impl ToString) -> CouldNotRun {
    CouldNotRun(error.to_string())
}

fn fork(stage: &Stage) -> Result<Stage, CouldNotRun> {
    stage.fork().map_err(|error: CannotFork| said(error))
}

pub(super) fn measure(time: Duration) -> Result<Scenarios, CouldNotRun> {
    let options = RunOptions::typed(&DENSE).map_err(said)?;
    let stage = Stage::new(&options)?;
    let rate = |make: &dyn Fn() -> Result<Stage, CouldNotRun>| {
        let mut seed = 0;
        best(time, || {
            let start = cpu();
            for _ in 0..ROUND {
                seed += 1;
                Play::new(make()?, seed).run().map_err(said)?;
            }
            Ok(ROUND as f64 / (cpu() - start))
        })
    };
    let (anew, forked) = (rate(&|| Stage::new(&options))?, rate(&|| fork(&stage))?);
    let of_forked = describe(&stage)?;
    let before = stage.bench().platform.machine().now().0;
    let of_anew = format!("the same, after {before} clocks of enumeration, bring-up and the starts of six channels");
    Ok(Scenarios { anew, forked, of_anew, of_forked })
}

/// Clocks in which the card has sent a beat, and such in which it has received one.
fn busy(stage: &Stage) -> Result<[u64; 2], CouldNotRun> {
    let card = &stage.bench().card;
    card.latch_counters(false).map_err(said)?;
    let bar = stage.bench().platform.registers();
    let read = |register| bar.read64(register).map_err(said);
    Ok([read(registers::card::PERF_TX_BUSY)?, read(registers::card::PERF_RX_BUSY)?])
}

/// Means over a round.
fn describe(stage: &Stage) -> Result<String, CouldNotRun> {
    let before = busy(&fork(stage)?)?;
    let (mut sum, mut beats) = (Outcome::default(), [0; 2]);
    for seed in 1..=ROUND {
        let mut play = Play::new(fork(stage)?, seed);
        while !play.turn().map_err(said)? {}
        let after = busy(play.stage())?;
        (0..2).for_each(|way| beats[way] += after[way] - before[way]);
        let Outcome { clocks, frames, bytes, sent, sent_bytes, restarts, .. } = play.outcome();
        sum.clocks += clocks;
        sum.frames += frames;
        sum.bytes += bytes;
        sum.sent += sent;
        sum.sent_bytes += sent_bytes;
        sum.restarts += restarts;
    }
    let mean = |value: u64| value as f64 / ROUND as f64;
    Ok(format!(
        "{:.0} clocks: {:.0} with a beat from the card, {:.0} with one to it; {:.0} frames of {:.0} B in, {:.0} of {:.0} B out, {:.2} restarts",
        mean(sum.clocks),
        mean(beats[0]),
        mean(beats[1]),
        mean(sum.frames),
        sum.bytes as f64 / sum.frames as f64,
        mean(sum.sent),
        sum.sent_bytes as f64 / sum.sent.max(1) as f64,
        mean(sum.restarts),
    ))
}
