//! `silico coverage`: merges records and prints what they cover together, and above all what they do not.

use super::Record;
use crate::cli::CoverageOptions;
use crate::run::CouldNotRun;
use std::path::{Path, PathBuf};

/// What to print, and whether that is good enough: without `strict`, it always is.
///
/// # Errors
/// If a file is no record, or the sum can't be written.
pub fn run(options: &CoverageOptions) -> Result<(String, bool), CouldNotRun> {
    let mut sum = Record::default();
    for path in &options.records {
        for path in files(path)? {
            let record = Record::read(&path).map_err(|error| CouldNotRun(error.to_string()))?;
            sum.merge(&record);
        }
    }
    if let Some(path) = &options.write {
        sum.write(path).map_err(|error| CouldNotRun(error.to_string()))?;
    }
    let enough = !options.strict || sum.holes().next().is_none();
    let text = if options.json { serde_json::to_string_pretty(&sum).map_err(|e| CouldNotRun(e.to_string()))? } else { sum.to_string() };
    Ok((text + "\n", enough))
}

/// The records that `path` stands for: itself, or all in that folder.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, CouldNotRun> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let told = |error: std::io::Error| CouldNotRun(format!("{}: {error}", path.display()));
    let entries = path.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(told)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() { Err(CouldNotRun(format!("{}: no records (*.json) in this folder", path.display()))) } else { Ok(files) }
}
