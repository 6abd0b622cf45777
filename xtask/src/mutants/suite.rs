//! The property suite, built and run in the copy. A mutant that hangs it or ends its process is caught as well.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::tree::Tree;
use super::verdict::{End, Verdict, catches, verdict};

/// The suite's target.
const SUITE: [&str; 4] = ["-p", "silico-testbench", "--test", "properties"];
/// The suite's package, in the copy.
const PACKAGE: &str = "testbench";
/// Cases of the first rounds: most mutants need no more, and the suite is through with so few in seconds. A case is the same in every round.
const ROUNDS: [u32; 2] = [3, 12];

/// How it is run.
pub(crate) struct Suite<'a> {
    pub(crate) tree: &'a Tree,
    /// Cases for each property.
    pub(crate) cases: u32,
    /// From which their cases are drawn.
    pub(crate) seed: u64,
    /// A longer run hangs.
    pub(crate) limit: Duration,
    /// Goes on after the first failure: all that catch a mutant are named, each with its first case.
    pub(crate) thorough: bool,
}

impl Suite<'_> {
    /// Builds it. `Err`: what the compiler says.
    ///
    /// # Errors
    /// If cargo cannot be run.
    pub(crate) fn build(&self) -> Result<Result<PathBuf, String>> {
        let mut build = self.tree.cargo();
        build.arg("test").args(SUITE).args(["--no-run", "--quiet", "--message-format", "json-render-diagnostics"]);
        let built = build.output().context("can't start cargo")?;
        if !built.status.success() {
            return Ok(Err(String::from_utf8_lossy(&built.stderr).into_owned()));
        }
        executable(&String::from_utf8_lossy(&built.stdout)).context("cargo names no executable of the suite").map(Ok)
    }

    /// Runs `suite` on a mutant: few cases first, then all.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn judge(&self, suite: &Path) -> Result<Verdict> {
        let few = ROUNDS.into_iter().filter(|cases| *cases < self.cases && !self.thorough);
        for cases in few.chain([self.cases]) {
            let found = self.run(suite, cases, &[], !self.thorough)?;
            if found != Verdict::Missed {
                return Ok(found);
            }
        }
        Ok(Verdict::Missed)
    }

    /// Runs `suite`, only these `tests` if there are any; with `stop`, no longer than to its first failure.
    pub(crate) fn run(&self, suite: &Path, cases: u32, tests: &[&str], stop: bool) -> Result<Verdict> {
        let log = self.tree.log();
        let output = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        let mut run = self.tree.command(suite);
        run.current_dir(self.tree.root().join(PACKAGE));
        // What shows that the checkers bite says nothing of a mutant; nor does a minimal case, and it takes long.
        run.args(["--nocapture", "--skip", "teeth::"]);
        if !tests.is_empty() {
            run.arg("--exact").args(tests);
        }
        run.env("SILICO_SEED", self.seed.to_string())
            .env("SILICO_CASES", cases.to_string())
            .env("SILICO_SHRINK", "0")
            .env("RUST_BACKTRACE", "0");
        for name in ["SILICO_CASE", "SILICO_SCENARIO", "SILICO_COVERAGE", "SILICO_TALLY"] {
            run.env_remove(name);
        }
        run.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let child = run.spawn().with_context(|| format!("can't start {}", suite.display()))?;
        let said = || fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let end = wait(child, self.limit, || stop && said().is_ok_and(|text| !catches(&text).is_empty()))?;
        Ok(verdict(&end, &said()?))
    }

    /// Keeps the suite that `built` is, as it is without any mutant.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub(crate) fn keep(&self, built: &Path) -> Result<PathBuf> {
        let kept = self.tree.root().with_file_name("without-mutants");
        fs::copy(built, &kept).with_context(|| format!("can't copy {} to {}", built.display(), kept.display()))?;
        Ok(kept)
    }

    /// What caught a mutant must be content without it: else nothing is proved.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn blames_the_mutant(&self, kept: &Path, found: &Verdict) -> Result<()> {
        let Verdict::Caught(by) = found else { return Ok(()) };
        // Nobody knows who hung or aborted: then all must be content.
        let known = by.iter().all(|catch| catch.by != "hang" && catch.by != "abort");
        let tests: Vec<&str> = by.iter().map(|catch| catch.by.as_str()).filter(|_| known).collect();
        let cases = by.iter().map(|catch| catch.case.map_or(1, |case| case + 1)).max().filter(|_| known).unwrap_or(self.cases);
        let without = self.run(kept, cases, &tests, true)?;
        ensure!(without == Verdict::Missed, "the suite fails without any mutant ({without:?}); nothing can be said");
        Ok(())
    }
}

/// The suite's executable, as cargo's messages name it.
fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let of_suite = message["target"]["name"] == "properties" && message["target"]["kind"][0] == "test";
        message["executable"].as_str().filter(|_| of_suite).map(PathBuf::from)
    })
}

/// Waits for it. Kills it, with all that it started, when `enough` says so, or when it takes longer than `limit`.
pub(super) fn wait(mut child: Child, limit: Duration, enough: impl Fn() -> bool) -> Result<End> {
    let start = Instant::now();
    let end = loop {
        if let Some(status) = child.try_wait()? {
            return Ok(exit(status));
        }
        if enough() {
            break End::Stopped;
        }
        if start.elapsed() >= limit {
            break End::Hang(limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().context("can't run kill")?;
    child.wait()?;
    Ok(end)
}

fn exit(status: ExitStatus) -> End {
    let how = status.signal().map_or_else(|| format!("{status}"), |signal| format!("signal {signal}"));
    End::Exit { ok: status.success(), how }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_or_has_said_enough_is_killed() {
        let child = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        assert_eq!(wait(child(), Duration::from_millis(150), || false).unwrap(), End::Hang(0));
        assert_eq!(wait(child(), Duration::from_secs(50), || true).unwrap(), End::Stopped);
        let ended = wait(Command::new("false").spawn().unwrap(), Duration::from_secs(50), || false).unwrap();
        assert!(matches!(ended, End::Exit { ok: false, .. }), "{ended:?}");
    }

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"properties"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"silico"},"executable":"/t/silico"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"properties"},"executable":"/t/properties-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some("/t/properties-1".into()));
        assert_eq!(executable(""), None);
    }
}
