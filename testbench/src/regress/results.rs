//! How the runs of a list ended, as data, as text, and from one call to the next.

use super::job::{Job, Outcome, file_stem};
use crate::run::CouldNotRun;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The file.
const FILE: &str = "results.json";
/// Failures that the text shows whole.
const SHOWN: usize = 20;

/// All runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The list.
    pub list: String,
    /// Which program ran them.
    pub build: String,
    /// When it ended, in seconds since 1970.
    pub when: u64,
    /// How long it took.
    pub seconds: f64,
    /// In the order of the list.
    pub runs: Vec<RunResult>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// See [`Job::id`].
    pub id: String,
    /// See [`Job::case`].
    pub case: String,
    /// See [`Job::target`].
    pub target: String,
    /// See [`Job::seed`].
    pub seed: u64,
    /// The command that repeats it.
    pub command: String,
    /// What it was a run of: program, options, input.
    pub of: String,
    /// It passed in an earlier call, and was not repeated.
    pub resumed: bool,
    /// Wall clock.
    pub seconds: f64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl RunResult {
    pub(super) fn new(job: &Job, build: &str, outcome: Outcome, seconds: f64) -> Self {
        let (id, case, target, command) = (job.id.clone(), job.case.clone(), job.target.clone(), job.command.clone());
        Self { id, case, target, seed: job.seed, command, of: identity(job, build), resumed: false, seconds, outcome }
    }

    /// The name of its files.
    #[must_use]
    pub fn file_stem(&self) -> String {
        file_stem(&self.id)
    }
}

/// FNV-1a.
fn hash(bytes: &[u8], start: u64) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// What tells this program from any other: a hash of it, with all that is built in.
pub(super) fn build() -> Result<String, CouldNotRun> {
    let told = |error: std::io::Error| CouldNotRun(format!("this program can't be read: {error}"));
    let bytes = std::env::current_exe().and_then(std::fs::read).map_err(told)?;
    // By words: the program is large.
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(START, |hash, word| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x0100_0000_01b3).rotate_left(29));
    Ok(format!("{:016x}", hash(rest, sum)))
}

/// A run is the same as another if program, options and input are.
fn identity(job: &Job, build: &str) -> String {
    let mut sum = hash(format!("{build} {:?} {:?}", job.kind, job.finds).as_bytes(), START);
    if let super::Kind::Run(options) = &job.kind
        && let Some(Ok(bytes)) = options.input.as_ref().map(std::fs::read)
    {
        sum = hash(&bytes, sum);
    }
    format!("{sum:016x}")
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Results {
    /// Of an earlier call into `out`; nothing, if there was none.
    pub(super) fn read(out: &Path) -> Result<Self, CouldNotRun> {
        let path = out.join(FILE);
        let read = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| CouldNotRun(format!("{}: no results of an earlier call: {error}", path.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(CouldNotRun(format!("{}: {error}", path.display()))),
        };
        folders(out)?;
        Ok(read)
    }

    /// No earlier call: what it left in `out` goes, as far as it is ours.
    pub(super) fn fresh(out: &Path) -> Result<Self, CouldNotRun> {
        for folder in ["waves", "coverage", "rtl-coverage"].map(|name| out.join(name)) {
            let ours =
                |path: &Path| path.extension().is_some_and(|extension| ["fst", "json", "part", "dat"].iter().any(|one| extension == *one));
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()).filter(|path| ours(path)) {
                std::fs::remove_file(&path).map_err(|error| CouldNotRun(format!("{}: {error}", path.display())))?;
            }
        }
        folders(out)?;
        Ok(Self::default())
    }

    /// How `job` ended in an earlier call, if it is the same run and passed.
    pub(super) fn passed_before(&self, job: &Job, build: &str) -> Option<RunResult> {
        let run = self.runs.iter().find(|run| run.id == job.id && run.outcome.passed && run.of == identity(job, build))?;
        Some(RunResult { resumed: true, ..run.clone() })
    }

    /// Whether all runs passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.runs.iter().all(|run| run.outcome.passed)
    }

    /// Those that did not.
    pub fn failures(&self) -> impl Iterator<Item = &RunResult> {
        self.runs.iter().filter(|run| !run.outcome.passed)
    }

    pub(super) fn json(&self) -> Result<String, CouldNotRun> {
        Ok(serde_json::to_string_pretty(self).map_err(|error| CouldNotRun(error.to_string()))? + "\n")
    }

    pub(super) fn write(&self, out: &Path) -> Result<(), CouldNotRun> {
        let (path, part) = (out.join(FILE), out.join("results.part"));
        let written = std::fs::write(&part, self.json()?).and_then(|()| std::fs::rename(&part, &path));
        written.map_err(|error| CouldNotRun(format!("{}: {error}", path.display())))
    }

    /// Failures with how to repeat them, then the sums.
    pub(super) fn text(&self, out: &Path) -> String {
        let mut text = String::new();
        let failed = self.failures().count();
        for run in self.failures().take(SHOWN) {
            let _ = writeln!(text, "FAILED      {}\n            {}", run.id, run.outcome.finding.as_deref().unwrap_or_default());
            let _ = writeln!(text, "            {}", run.command);
            if let Some(waves) = &run.outcome.waves {
                let _ = writeln!(text, "            waveform {}", waves.display());
            }
        }
        if failed > SHOWN {
            let _ = writeln!(text, "FAILED      and {} more", failed - SHOWN);
        }
        let resumed = self.runs.iter().filter(|run| run.resumed).count();
        let clocks: u64 = self.runs.iter().map(|run| run.outcome.clocks).sum();
        let _ = writeln!(
            text,
            "runs        {}: {} passed ({resumed} of them before), {failed} failed",
            self.runs.len(),
            self.runs.len() - failed
        );
        let _ = writeln!(text, "simulated   {clocks} clocks in {:.1} s", self.seconds);
        let files: Vec<String> = ["report.html", "junit.xml", FILE].iter().map(|name| out.join(name).display().to_string()).collect();
        let _ = writeln!(text, "written     {}", files.join(", "));
        text + if failed == 0 { "PASSED\n" } else { "FAILED\n" }
    }
}

fn folders(out: &Path) -> Result<(), CouldNotRun> {
    for folder in ["waves", "coverage", "rtl-coverage"] {
        let folder: PathBuf = out.join(folder);
        std::fs::create_dir_all(&folder).map_err(|error| CouldNotRun(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}
