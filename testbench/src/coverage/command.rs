//! `silico coverage`: merges records and prints what they cover together, and above all what they do not.

use super::Record;
use crate::cli::CoverageOptions;
use crate::run::CouldNotRun;

/// What to print, and whether that is good enough: without `strict`, it always is.
///
/// # Errors
/// If a file is no record, or the sum can't be written.
pub fn run(options: &CoverageOptions) -> Result<(String, bool), CouldNotRun> {
    let mut sum = Record::default();
    for path in &options.records {
        let record = Record::read(path).map_err(|error| CouldNotRun(error.to_string()))?;
        sum.merge(&record);
    }
    if let Some(path) = &options.write {
        sum.write(path).map_err(|error| CouldNotRun(error.to_string()))?;
    }
    let enough = !options.strict || sum.holes().next().is_none();
    let text = if options.json { serde_json::to_string_pretty(&sum).map_err(|e| CouldNotRun(e.to_string()))? } else { sum.to_string() };
    Ok((text + "\n", enough))
}
