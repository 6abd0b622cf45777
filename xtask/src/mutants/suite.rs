//! The property suite, run once in the copy, and what its output says. A mutant that hangs it or ends its process is caught as well, and told apart.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::tree::Tree;

/// The suite's target.
const SUITE: [&str; 4] = ["-p", "silico-testbench", "--test", "properties"];

/// How it is run.
pub(crate) struct Suite<'a> {
    pub(crate) tree: &'a Tree,
    /// Cases for each property.
    pub(crate) cases: u32,
    /// A longer run hangs.
    pub(crate) limit: Duration,
}

/// What it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All its tests passed.
    Missed,
    /// It failed.
    Caught {
        /// The tests that failed, or how else it ended.
        by: Vec<String>,
        /// What the first of them said.
        why: String,
    },
    /// It does not build: nothing is proved.
    Broken(String),
}

impl Suite<'_> {
    /// Builds and runs it.
    ///
    /// # Errors
    /// If cargo cannot be run.
    pub(crate) fn run(&self) -> Result<Verdict> {
        let mut build = self.tree.cargo();
        build.arg("test").args(SUITE).args(["--no-run", "--quiet"]);
        let built = build.output().context("can't start cargo")?;
        if !built.status.success() {
            return Ok(Verdict::Broken(String::from_utf8_lossy(&built.stderr).into_owned()));
        }
        let log = open_log(self.tree)?;
        let mut run = self.tree.cargo();
        // What shows that the checkers bite says nothing of a mutant; nor does a minimal case, and it takes long.
        run.arg("test").args(SUITE).args(["--", "--skip", "teeth::"]);
        run.env("SILICO_CASES", self.cases.to_string()).env("SILICO_SHRINK", "0").env("RUST_BACKTRACE", "0");
        run.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let ended = wait(run.spawn().context("can't start cargo")?, self.limit)?;
        let text = String::from_utf8_lossy(&std::fs::read(self.tree.log())?).into_owned();
        Ok(verdict(ended, self.limit, &text))
    }
}

fn open_log(tree: &Tree) -> Result<File> {
    let path = tree.log();
    File::create(&path).with_context(|| format!("can't write {}", path.display()))
}

/// Waits for it; one that takes longer than `limit` is killed with all that it started: `None`.
fn wait(mut child: Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().context("can't run kill")?;
    child.wait()?;
    Ok(None)
}

/// `ended`: `None` if it had to be killed. `text`: all that it said.
fn verdict(ended: Option<ExitStatus>, limit: Duration, text: &str) -> Verdict {
    let failed: Vec<String> = text.lines().filter_map(failed_test).map(str::to_owned).collect();
    let caught = |by: &str, why: &str| Verdict::Caught { by: vec![by.into()], why: why.into() };
    match ended {
        None if failed.is_empty() => caught("hang", &format!("no end within {} s", limit.as_secs())),
        Some(status) if failed.is_empty() && status.success() => Verdict::Missed,
        Some(status) if failed.is_empty() => {
            let how = status.signal().map_or_else(|| format!("{status}"), |signal| format!("signal {signal}"));
            caught("abort", text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(&how))
        }
        _ => Verdict::Caught { why: text.lines().find_map(reason).unwrap_or("no reason printed").into(), by: failed },
    }
}

/// The test that a line of the test harness calls failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.split_once(" ... ").filter(|(_, end)| end.starts_with("FAILED")).map(|(name, _)| name)
}

/// What a property says of its first failure.
fn reason(line: &str) -> Option<&str> {
    line.strip_prefix("property ")?.split_once(": ").map(|(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(9);

    fn ended(code: i32) -> Option<ExitStatus> {
        Some(ExitStatus::from_raw(code))
    }

    #[test]
    fn the_properties_that_failed_are_named_with_the_first_reason() {
        let text = "test a ... ok\ntest b::c ... FAILED\nproperty c, seed 1, case 2: bytes lost\nproperty d, seed 1, case 2: other\ntest d ... FAILED";
        assert_eq!(
            verdict(ended(101 << 8), LIMIT, text),
            Verdict::Caught { by: vec!["b::c".into(), "d".into()], why: "bytes lost".into() }
        );
        assert_eq!(verdict(ended(0), LIMIT, "test a ... ok"), Verdict::Missed);
    }

    #[test]
    fn hangs_and_aborts_are_told_apart() {
        let by = |verdict| match verdict {
            Verdict::Caught { by, why } => (by, why),
            other => panic!("{other:?}"),
        };
        assert_eq!(by(verdict(None, LIMIT, "test a ... ok")), (vec!["hang".to_owned()], "no end within 9 s".to_owned()));
        assert_eq!(by(verdict(ended(6), LIMIT, "thread panicked while panicking\n")).0, ["abort"]);
        assert_eq!(by(verdict(None, LIMIT, "test a ... FAILED")).0, ["a"]);
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let mut sleeper = Command::new("sleep");
        let child = sleeper.arg("60").process_group(0).spawn().unwrap();
        assert_eq!(wait(child, Duration::from_millis(150)).unwrap(), None);
    }
}
