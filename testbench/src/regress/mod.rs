//! `silico regress`: a committed list of scenarios on targets with seeds and recorded inputs, run in parallel; results as JSON, JUnit XML and one HTML page, with what
//! they covered together.
//!
//! Each run is by itself, and the same as if it were typed alone: what fails says the command that repeats it.

mod html;
mod job;
mod junit;
mod list;
mod pool;
mod results;
mod rtl;

pub use job::{Job, Outcome};
pub use list::{Case, Kind, List, ListError};
pub use results::Results;
pub use rtl::RtlCoverage;

use crate::cli::RegressOptions;
use crate::coverage::Record;
use crate::input::error::BadInput;
use crate::run::CouldNotRun;
use crate::target::Target;
use std::path::Path;

/// Runs what the options say. What to print, and whether all passed.
///
/// # Errors
/// If the list is no list, a target is not built, or results can't be written: one line.
pub fn run(options: &RegressOptions) -> Result<(String, bool), CouldNotRun> {
    let list = List::read(&options.list).map_err(|error| CouldNotRun(error.to_string()))?;
    let there = list.targets();
    if let Some(word) = options.on.iter().flatten().find(|word| !there.contains(&word.as_str())) {
        return Err(CouldNotRun::from(BadInput::setting("--on", word, format!("a target of a case in this list: {}", there.join(", ")))));
    }
    let mut jobs = list.jobs(options.on.as_deref());
    if !options.filter.is_empty() {
        jobs.retain(|job| options.filter.iter().any(|part| job.id.contains(part.as_str())));
    }
    if jobs.is_empty() {
        let wanted = if options.filter.is_empty() {
            "no case".into()
        } else {
            format!("no run whose name has `{}` in it", options.filter.join("` or `"))
        };
        return Err(CouldNotRun(format!("{}: {wanted} on these targets; --list shows all", options.list.display())));
    }
    if options.show {
        return Ok((jobs.iter().map(|job| format!("{}\n", job.id)).collect(), true));
    }
    for job in &jobs {
        job.target.parse::<Target>().and_then(|target| target.require_built()).map_err(CouldNotRun::from)?;
    }
    let out = options.out.as_path();
    #[cfg(feature = "rtl")]
    silico_sim::rtl::collect_coverage(out.join("rtl-coverage"));
    let before = if options.resume { Results::read(out)? } else { Results::fresh(out)? };
    let results = pool::run(&jobs, &before, options, out)?;
    results.write(out)?;
    let (covered, rtl) = coverage(&results, options, out)?;
    write(out, "junit.xml", &junit::page(&results))?;
    write(out, "report.html", &html::page(&results, &covered, rtl.as_ref()))?;
    let text = if options.json { results.json()? } else { results.text(out) };
    Ok((text, results.passed()))
}

/// What all runs covered, those of an earlier call that were not repeated too, and whatever else is to be added.
fn coverage(results: &Results, options: &RegressOptions, out: &Path) -> Result<(Record, Option<RtlCoverage>), CouldNotRun> {
    let told = |error: crate::coverage::RecordError| CouldNotRun(error.to_string());
    let mut sum = Record::default();
    for path in results.runs.iter().map(|run| out.join("coverage").join(format!("{}.json", run.file_stem()))).filter(|path| path.exists()) {
        sum.merge(&Record::read(&path).map_err(told)?);
    }
    for path in &options.coverage {
        for path in crate::coverage::files(path)? {
            sum.merge(&Record::read(&path).map_err(told)?);
        }
    }
    sum.write(&out.join("coverage.json")).map_err(told)?;
    let rtl = RtlCoverage::read(&out.join("rtl-coverage"))?;
    Ok((sum, rtl))
}

fn write(out: &Path, name: &str, text: &str) -> Result<(), CouldNotRun> {
    let path = out.join(name);
    std::fs::write(&path, text).map_err(|error| CouldNotRun(format!("{}: {error}", path.display())))
}
