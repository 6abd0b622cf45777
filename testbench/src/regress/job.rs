//! One run of a list: what it is called, what it does, and how it ended.

use super::list::{Case, Kind};
use crate::cli::reproduce;
use crate::cli::{LoopbackOptions, RunOptions};
use crate::coverage::Covered;
use crate::run::{CouldNotRun, Progress, RunConfig};
use crate::scenario::{Play, Stage};
use crate::{loopback, run};
use serde::{Deserialize, Serialize};
use silico_spec::units::Cycle;
use std::path::{Path, PathBuf};

/// Clocks before and after what was found wrong.
const AROUND: u64 = 1000;

/// A run of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// `case@target#seed`, and the input if the case has several.
    pub id: String,
    /// Its case.
    pub case: String,
    /// Where it runs.
    pub target: String,
    /// Its seed.
    pub seed: u64,
    /// What it does, all options in place.
    pub kind: Kind,
    /// What has to be found wrong, if something has.
    pub finds: Option<String>,
    /// The command that repeats it.
    pub command: String,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether all was as it should be.
    pub passed: bool,
    /// What was found: kind, clock and words. Nothing was meant to be found, or something else.
    pub finding: Option<String>,
    /// Clocks of the card that frames took.
    pub clocks: u64,
    /// Frames that arrived.
    pub frames: u64,
    /// Hash over all that passed the link.
    pub digest: String,
    /// The waveform of what was found.
    pub waves: Option<PathBuf>,
}

impl Job {
    pub(super) fn new(list: &Path, case: &Case, target: &str, seed: u64, vector: Option<&Path>) -> Self {
        let mut kind = case.kind.clone();
        match &mut kind {
            Kind::Run(options) | Kind::Plays(_, options) => {
                (options.on, options.seed, options.quiet) = (target.into(), seed, true);
                if let Some(vector) = vector {
                    options.input = Some(vector.display().to_string());
                }
            }
            Kind::Loopback(options) => (options.on, options.seed) = (target.into(), seed),
        }
        let input = vector.and_then(Path::file_name).map_or_else(String::new, |name| format!(":{}", name.to_string_lossy()));
        let id = format!("{}@{target}#{seed}{input}", case.name);
        let command = match &kind {
            Kind::Run(options) => reproduce::command(options),
            Kind::Loopback(options) => options.command(),
            // Plays have no command of their own.
            Kind::Plays(..) => {
                format!("silico regress {} --filter {}", reproduce::quote(&list.display().to_string()), reproduce::quote(&id))
            }
        };
        Self { id, case: case.name.clone(), target: target.into(), seed, kind, finds: case.finds.clone(), command }
    }

    /// The name of this run's files.
    #[must_use]
    pub fn file_stem(&self) -> String {
        file_stem(&self.id)
    }

    /// Runs it; what fails is run again, with a waveform into `folder`, if it was not watched already.
    ///
    /// # Errors
    /// If it can't be run.
    pub fn run(&self, covered: &Covered, folder: &Path) -> Result<Outcome, CouldNotRun> {
        let file = folder.join(format!("{}.fst", self.file_stem()));
        // A difference in lockstep is watched as it comes; whatever else, in a second run, which is the same.
        let watched = self.target == "lockstep";
        let outcome = self.judged(self.run_once(Some(covered), watched.then_some(file.as_path()))?);
        if outcome.passed || watched {
            return Ok(outcome);
        }
        let again = self.run_once(None, Some(&file))?;
        Ok(Outcome { waves: again.waves, ..outcome })
    }

    fn judged(&self, outcome: Outcome) -> Outcome {
        let Some(wanted) = &self.finds else { return outcome };
        match &outcome.finding {
            Some(found) if found.starts_with(&format!("{wanted} ")) => Outcome { passed: true, waves: None, ..outcome },
            Some(found) => Outcome { finding: Some(format!("{found} (a {wanted} was to be found)")), ..outcome },
            None => Outcome { passed: false, finding: Some(format!("nothing, where a {wanted} was to be found")), ..outcome },
        }
    }

    fn run_once(&self, covered: Option<&Covered>, waves: Option<&Path>) -> Result<Outcome, CouldNotRun> {
        match &self.kind {
            Kind::Run(options) => {
                let mut config = RunConfig::new(&watched_run(options, waves))?;
                config.covered = covered.cloned();
                let report = run::run(&config, &mut Progress::Quiet)?;
                let finding = report.finding.map(|found| words(found.kind, found.cycle, &found.what));
                let (clocks, frames, digest) = (report.simulated.cycles, report.frames, report.trace_digest);
                Ok(Outcome { passed: report.passed, finding, clocks, frames, digest, waves: report.waves.map(|waves| waves.file) })
            }
            Kind::Loopback(options) => {
                let report = loopback::run_covered(&watched_loopback(options, waves), covered)?;
                let finding = report.finding.map(|found| words(found.kind, found.cycle, &found.what));
                let (clocks, frames, digest) = (report.cycles, report.compared, report.trace_digest);
                Ok(Outcome { passed: report.passed, finding, clocks, frames, digest, waves: report.waves.map(|waves| waves.file) })
            }
            Kind::Plays(plays, options) => {
                let mut config = RunConfig::new(&watched_run(options, waves))?;
                config.covered = covered.cloned();
                self.play(*plays, &config)
            }
        }
    }

    fn play(&self, plays: u32, config: &RunConfig) -> Result<Outcome, CouldNotRun> {
        let mut sum = Outcome { passed: true, ..Outcome::default() };
        for number in 0..plays {
            let mut play = Play::new(Stage::with(config)?, self.seed.wrapping_add(number.into()));
            let ended = loop {
                match play.turn() {
                    Ok(true) => break None,
                    Ok(false) => {}
                    Err(what) => break Some(what),
                }
            };
            let bench = play.stage().bench();
            let parted = bench.verdict.divergence().map(|divergence| ("lockstep", divergence.cycle, divergence.to_string()));
            let now = bench.platform.machine().now();
            let wrong = parted.or_else(|| ended.map(|what| ("divergence", now.0, what)));
            let waves = bench.finish_waves(wrong.as_ref().map(|(_, cycle, what)| (Cycle(*cycle), what.as_str())))?;
            let outcome = play.outcome();
            sum.clocks += outcome.clocks;
            sum.frames += outcome.frames + outcome.sent;
            sum.digest = format!("{:016x}", outcome.digest);
            if let Some((kind, cycle, what)) = wrong {
                let what = format!("play {number}: {what}");
                return Ok(Outcome {
                    passed: false,
                    finding: Some(words(kind, cycle, &what)),
                    waves: waves.map(|waves| waves.file),
                    ..sum
                });
            }
        }
        Ok(sum)
    }
}

/// The name of files of the run `id`.
pub(super) fn file_stem(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}

fn words(kind: &str, cycle: u64, what: &str) -> String {
    format!("{kind} at clock {cycle}: {what}")
}

fn watched_run(options: &RunOptions, waves: Option<&Path>) -> RunOptions {
    let mut options = options.clone();
    if let Some(file) = waves {
        (options.waves.waves, options.waves.waves_around_failure) = (Some(file.into()), Some(AROUND));
    }
    options
}

fn watched_loopback(options: &LoopbackOptions, waves: Option<&Path>) -> LoopbackOptions {
    let mut options = options.clone();
    if let Some(file) = waves {
        (options.waves.waves, options.waves.waves_around_failure) = (Some(file.into()), Some(AROUND));
    }
    options
}
