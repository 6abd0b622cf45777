//! Cases that once failed, as JSON next to the tests: each runs before the random ones, for ever. Their names begin with that of their property.

use crate::coverage;
use crate::harness::{Failure, Settings, search, test_command};
use crate::on;
use crate::scenario::Scenario;
use crate::tally::Tally;
use proptest::strategy::Strategy;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/properties/regressions")
}

/// Reads a case.
///
/// # Panics
/// If there is none in the file: a regression that cannot be read must not pass.
pub(crate) fn read(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: not a scenario: {error}", path.display()))
}

/// Writes a case where it can be taken from.
pub(crate) fn write(failure: &Failure<Scenario>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}-{}.json", failure.name, failure.seed, failure.case));
    let text = serde_json::to_string_pretty(&failure.minimal).expect("plain data");
    std::fs::write(&path, text + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

/// The property on every case in its regression files, then on random ones. `SILICO_SCENARIO=FILE`: on that file alone.
///
/// # Panics
/// With the failure; its last line is the command that gives it again.
pub(crate) fn check(name: &str, strategy: &impl Strategy<Value = Scenario>, property: impl Fn(&Scenario) -> Result<(), String>) {
    check_of(name, |cases| cases, strategy, property);
}

/// As [`check`], with so many cases where others have one: for those that are short, and look for what is rare.
///
/// # Panics
/// As [`check`].
pub(crate) fn check_more(
    name: &str,
    often: u32,
    strategy: &impl Strategy<Value = Scenario>,
    property: impl Fn(&Scenario) -> Result<(), String>,
) {
    check_of(name, |cases| cases.saturating_mul(often), strategy, property);
}

/// As [`check`], with one case where others have so many: for those that are long.
///
/// # Panics
/// As [`check`].
pub(crate) fn check_some(
    name: &str,
    rarely: u32,
    strategy: &impl Strategy<Value = Scenario>,
    property: impl Fn(&Scenario) -> Result<(), String>,
) {
    check_of(name, |cases| cases.div_ceil(rarely), strategy, property);
}

fn check_of(
    name: &str,
    cases: impl Fn(u32) -> u32,
    strategy: &impl Strategy<Value = Scenario>,
    property: impl Fn(&Scenario) -> Result<(), String>,
) {
    let property = |case: &Scenario| on::tried(case, &property);
    let replay = |path: &Path| {
        if let Err(why) = on::judged(on::limited(&read(path), property)) {
            let path = path.canonicalize().unwrap_or_else(|_| path.into());
            panic!("property {name} on {}: {why}\nSILICO_SCENARIO={} {}", path.display(), path.display(), test_command(name));
        }
    };
    if let Some(path) = std::env::var_os("SILICO_SCENARIO") {
        return replay(Path::new(&path));
    }
    let mut files: Vec<PathBuf> =
        folder().read_dir().expect("the folder of regressions").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let own = |path: &&PathBuf| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}-")));
    files.iter().filter(own).for_each(|path| replay(path));
    let (mut settings, tally) = (Settings::from_env(), Tally::begin(name));
    settings.cases = cases(settings.cases);
    if let Err(failure) = search(name, settings, strategy, property) {
        let path = write(&failure);
        panic!("{}", failure.text(&format!("written to {}: copy it to {} to keep it\n", path.display(), folder().display())));
    }
    coverage::keep(name);
    tally.end(settings.case.map_or(settings.cases, |_| 1));
}
