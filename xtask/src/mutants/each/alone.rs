//! Mutants that need a build of their own: put into the plain text, as cargo-mutants does, built, and run.
//! Also asks cargo-mutants itself, for a check.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::tree::Tree;
use super::attempt::{Attempt, Found};
use super::list::{self, Listed};
use super::report::{Row, Verdict};
use super::rounds::cargo_test;
use crate::shell::Workspace;

/// The plain files of a copy.
pub(crate) struct Alone<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) package: &'a str,
    /// What runs a mutant: its binaries are where ours will be.
    pub(crate) attempt: &'a Attempt,
}

impl Alone<'_> {
    /// Builds and tries `mutant`; the file is plain again afterwards.
    pub(crate) fn judge(&self, mutant: &Listed) -> Result<Row> {
        let path = self.tree.root().join(&mutant.file);
        let plain = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        fs::write(&path, changed(&plain, mutant).with_context(|| format!("{} is at no place of its file", mutant.name))?)?;
        let verdict = self.built(mutant);
        fs::write(&path, plain)?;
        verdict
    }

    fn built(&self, mutant: &Listed) -> Result<Row> {
        let row = |verdict, by| Row { name: mutant.name.clone(), verdict, by, alone: true };
        Ok(match cargo_test(self.tree, self.package)? {
            Err(errors) => row(Verdict::Unviable, errors[0]["message"].as_str().unwrap_or_default().into()),
            Ok(_) => judged(&mutant.name, self.attempt.judge(0, &mutant.file)?, true),
        })
    }
}

/// The verdict on what was found.
pub(crate) fn judged(name: &str, found: Found, alone: bool) -> Row {
    let (verdict, by) = match found {
        Found::Nothing => (Verdict::Missed, String::new()),
        Found::Caught(by) => (Verdict::Caught, by),
        Found::Timeout => (Verdict::Timeout, String::new()),
    };
    Row { name: name.into(), verdict, by, alone }
}

/// `text` with the mutant in it.
fn changed(text: &str, mutant: &Listed) -> Option<String> {
    let (start, end) = (list::offset(text, mutant.start)?, list::offset(text, mutant.end)?);
    Some(format!("{} {} {}", text.get(..start)?, mutant.replacement, text.get(end..)?))
}

/// What cargo-mutants says of those of these names, in the plain copy. Of others too: it lists fields whatever is asked for.
///
/// # Errors
/// If it does not run, or says nothing of one.
pub(crate) fn cargo_mutants_says(tree: &Tree, package: &str, names: &[&str]) -> Result<Vec<Row>> {
    let output = tree.root().with_file_name("cargo-mutants");
    fs::create_dir_all(&output)?;
    let mut command = list::cargo_mutants(&Workspace { root: tree.root().into() })?;
    command
        .args(["--in-place", "--baseline", "skip", "--timeout", "30", "--colors", "never", "--package", package, "--output"])
        .arg(&output);
    command.args(names.iter().flat_map(|name| ["--re".into(), format!("^{}$", escaped(name))]));
    command.env("CARGO_TARGET_DIR", tree.root().with_file_name("cargo-mutants-build")).env_remove("CARGO_MANIFEST_DIR");
    let done = command.output().context("can't start cargo-mutants")?;
    let said = || format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let text = fs::read(output.join("mutants.out").join("outcomes.json"))
        .with_context(|| format!("cargo-mutants wrote no outcomes:\n{}", said()))?;
    let rows = outcomes(&text)?;
    for name in names {
        ensure!(rows.iter().any(|row| &row.name == name), "cargo-mutants says nothing of {name}:\n{}", said());
    }
    Ok(rows)
}

/// `name` as a regular expression that matches nothing else.
fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        if r"\.+*?()|[]{}^$".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

fn outcomes(text: &[u8]) -> Result<Vec<Row>> {
    let all: Value = serde_json::from_slice(text).context("the outcomes of cargo-mutants are not JSON")?;
    let row = |outcome: &Value| {
        let name = outcome["scenario"]["Mutant"]["name"].as_str()?.to_owned();
        let verdict = match outcome["summary"].as_str()? {
            "CaughtMutant" => Verdict::Caught,
            "Timeout" => Verdict::Timeout,
            "Unviable" => Verdict::Unviable,
            "MissedMutant" => Verdict::Missed,
            _ => return None,
        };
        Some(Row { name, verdict, by: String::new(), alone: true })
    };
    Ok(all["outcomes"].as_array().context("there are no outcomes")?.iter().filter_map(row).collect())
}

/// Whether two verdicts are the same: what hangs here may fail there before its time is up.
pub(crate) fn agree(a: Verdict, b: Verdict) -> bool {
    let caught = |verdict| matches!(verdict, Verdict::Caught | Verdict::Timeout);
    a == b || caught(a) && caught(b)
}

/// Makes the files of `mutants` in the copy what they are in the checkout at `origin`.
pub(crate) fn plain(origin: &Path, tree: &Tree, mutants: &[Listed], library: &Path) -> Result<()> {
    let files: std::collections::BTreeSet<&Path> = mutants.iter().map(|mutant| mutant.file.as_path()).chain([library]).collect();
    for file in files {
        fs::copy(origin.join(file), tree.root().join(file)).with_context(|| format!("can't copy {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::list::Genre;
    use super::*;

    #[test]
    fn a_mutant_is_put_into_the_plain_text() {
        let mutant = Listed {
            start: (2, 3),
            end: (2, 4),
            genre: Genre::Binary,
            replacement: "-".into(),
            number: 1,
            name: "a".into(),
            file: "b".into(),
        };
        assert_eq!(changed("µ\nµ + 1\n", &mutant).unwrap(), "µ\nµ  -  1\n");
        assert_eq!(changed("µ\n", &mutant), None);
    }

    #[test]
    fn a_name_is_matched_alone() {
        assert_eq!(
            escaped("a.rs:1:2: replace <X as Y>::f -> &'a u8 with (0 + 1)"),
            r"a\.rs:1:2: replace <X as Y>::f -> &'a u8 with \(0 \+ 1\)"
        );
    }

    #[test]
    fn outcomes_are_read() {
        let text = br#"{"outcomes":[{"scenario":"Baseline","summary":"Success"},
            {"scenario":{"Mutant":{"name":"a"}},"summary":"MissedMutant"},{"scenario":{"Mutant":{"name":"b"}},"summary":"Timeout"}]}"#;
        let rows = outcomes(text).unwrap();
        assert_eq!(
            rows.iter().map(|row| (row.name.as_str(), row.verdict)).collect::<Vec<_>>(),
            [("a", Verdict::Missed), ("b", Verdict::Timeout)]
        );
        assert!(
            agree(Verdict::Caught, Verdict::Timeout)
                && !agree(Verdict::Caught, Verdict::Missed)
                && !agree(Verdict::Unviable, Verdict::Caught)
        );
    }
}
