//! A fork goes on as the original would have: clock for clock, TLP for TLP, count for count, whenever it is made and whatever the other one does meanwhile.

use crate::harness::{Settings, search};
use crate::on::{self, Part, fit_patient, is_unfit};
use crate::scenario::MachineShape;
use crate::strategies::{Flavour, delays, machine};
use proptest::prelude::*;
use silico::cli::RunOptions;
use silico::run::RunConfig;
use silico::scenario::{Outcome, Play, Stage};
use silico::target::Target;
use silico_sim::Stats;
use silico_spec::params::CardParams;

/// A machine, faults that cost time, and what is played on it.
#[derive(Clone, Debug)]
struct Case {
    machine: MachineShape,
    faults: Vec<String>,
    seed: u64,
    /// Turns of the host before the fork in the middle.
    turns: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    let faults = prop_oneof![2 => Just(Vec::new()), 1 => delays()];
    (machine(Flavour::Mixed), faults, any::<u64>(), 0..40u32).prop_map(|(mut machine, faults, seed, turns)| {
        if !faults.is_empty() {
            // A TLP that a fault holds up is taken for one that went while the link was not ready, if that was so twice since its first beat.
            machine.link.stalls.0 = 0;
        }
        Case { machine, faults, seed, turns }
    })
}

impl Case {
    /// The card, and what it lacks.
    fn card(&self) -> (CardParams, Option<Part>) {
        fit_patient(&self.machine.card(4, 2), &self.machine, self.faults.len())
    }

    /// Brought up anew.
    fn stage(&self) -> Result<Stage, String> {
        let mut config = RunConfig::new(&RunOptions::default()).map_err(|error| error.to_string())?;
        (config.card, config.machine) = (self.card().0, self.machine.config());
        config.target = if on::is_model() { Target::Model } else { on::target().clone() };
        config.faults = self.faults.iter().map(|rule| rule.parse()).collect::<Result<_, _>>().map_err(|error| format!("{error}"))?;
        Stage::with(&config).map_err(|error| error.to_string())
    }

    fn play(&self, stage: Stage) -> Play {
        Play::new(stage, self.seed)
    }
}

/// All that tells two runs apart.
#[derive(Debug, PartialEq)]
struct Told {
    outcome: Outcome,
    stats: Stats,
    planted: usize,
}

fn end(mut play: Play) -> Result<Told, String> {
    while !play.turn()? {}
    let bench = play.stage().bench();
    let stats = bench.platform.machine().stats().clone();
    Ok(Told { outcome: play.outcome(), stats, planted: bench.planted.records().len() })
}

fn same(what: &str, found: &Told, right: &Told) -> Result<(), String> {
    if found == right { Ok(()) } else { Err(format!("{what}: {found:?}, brought up anew: {right:?}")) }
}

/// `turns` turns, or fewer if it is over.
fn some(mut play: Play, turns: u32) -> Result<Play, String> {
    for _ in 0..turns {
        if play.turn()? {
            break;
        }
    }
    Ok(play)
}

fn goes_on(case: &Case) -> Result<(), String> {
    if is_unfit(case.card().1) {
        return Ok(());
    }
    let anew = end(case.play(case.stage()?))?;
    let stage = case.stage()?;
    let fork = |stage: &Stage| stage.fork().map_err(|error| error.to_string());
    let first = case.play(fork(&stage)?);
    // What another fork does meanwhile is nobody's business.
    let other = end(Play::new(fork(&stage)?, !case.seed))?;
    same("forked, brought up", &end(first)?, &anew)?;
    if other.outcome.digest == anew.outcome.digest {
        return Err("another seed gives the same digest".into());
    }
    let original = some(case.play(stage), case.turns)?;
    let twin = original.fork().map_err(|error| error.to_string())?;
    let twin_of_twin = twin.fork().map_err(|error| error.to_string())?;
    same("forked in the middle", &end(twin)?, &anew)?;
    same("forked of a fork", &end(twin_of_twin)?, &anew)?;
    same("the original", &end(original)?, &anew)
}

#[test]
fn forks_go_on_as_the_original_would() {
    if let Err(failure) = search("forks_go_on_as_the_original_would", Settings::from_env(), &cases(), goes_on) {
        panic!("{}", failure.text(""));
    }
}
