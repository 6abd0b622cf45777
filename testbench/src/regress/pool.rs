//! Runs jobs on threads, each by itself, and shows how far they are. What one does, no other sees.

use super::job::{Job, Outcome};
use super::results::{Results, RunResult, build, now};
use crate::cli::RegressOptions;
use crate::coverage::Covered;
use crate::run::CouldNotRun;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Runs all of `jobs` that have not passed before, and says how they ended, in the order of the list.
pub(super) fn run(jobs: &[Job], before: &Results, options: &RegressOptions, out: &Path) -> Result<Results, CouldNotRun> {
    let threads = match options.jobs {
        Some(0) => return Err(CouldNotRun("--jobs is 0; it must be at least 1".into())),
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let show = Show::new(options.quiet || options.json, jobs.len());
    let build = build()?;
    let runs: Vec<Mutex<Option<RunResult>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((job, place)) = take(&next, jobs, &runs) {
            let run = before.passed_before(job, &build).unwrap_or_else(|| one(job, &build, out));
            show.ended(&run);
            if let Ok(mut place) = place.lock() {
                *place = Some(run);
            }
        }
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            scope.spawn(work);
        }
    });
    show.finish();
    let runs = runs.into_iter().filter_map(|run| run.into_inner().ok().flatten()).collect();
    Ok(Results { list: options.list.display().to_string(), build, when: now(), seconds: begun.elapsed().as_secs_f64(), runs })
}

type Place = Mutex<Option<RunResult>>;

fn take<'a>(next: &AtomicUsize, jobs: &'a [Job], runs: &'a [Place]) -> Option<(&'a Job, &'a Place)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((jobs.get(index)?, &runs[index]))
}

fn one(job: &Job, build: &str, out: &Path) -> RunResult {
    let begun = Instant::now();
    let covered = Covered::default();
    let ended = catch_unwind(AssertUnwindSafe(|| job.run(&covered, &out.join("waves"))));
    let failed = |finding: String| Outcome { finding: Some(finding), ..Outcome::default() };
    let outcome = match ended {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => failed(format!("could not run: {error}")),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            failed(format!("panic: {}", text.unwrap_or("of no words")))
        }
    };
    // A record that can't be written is missed in the sum, and the whole fails there.
    let path = out.join("coverage").join(format!("{}.json", job.file_stem()));
    let written = covered.take().write(&path);
    let outcome = match written {
        Err(error) if outcome.passed => failed(format!("could not run: {error}")),
        _ => outcome,
    };
    RunResult::new(job, build, outcome, begun.elapsed().as_secs_f64())
}

/// A bar on a terminal, a line for each failure and now and then elsewhere.
enum Show {
    Quiet,
    Bar(ProgressBar),
    Lines(AtomicUsize, usize),
}

impl Show {
    fn new(quiet: bool, jobs: usize) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines(AtomicUsize::new(0), jobs);
        }
        let bar = ProgressBar::new(jobs as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} runs {elapsed} (eta {eta}) {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    fn ended(&self, run: &RunResult) {
        let failed = || format!("FAILED {}: {}", run.id, run.outcome.finding.as_deref().unwrap_or_default());
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                if !run.outcome.passed {
                    bar.println(failed());
                }
                bar.set_message(run.id.clone());
                bar.inc(1);
            }
            Self::Lines(done, all) => {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if !run.outcome.passed {
                    eprintln!("{}", failed());
                }
                if done.is_multiple_of((all / 10).max(1)) || done == *all {
                    eprintln!("{done} of {all} runs");
                }
            }
        }
    }

    fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
