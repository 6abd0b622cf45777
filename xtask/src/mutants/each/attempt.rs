//! Runs the test binaries with one mutant chosen, no further than to the first test that fails. Knows no syntax and no compiler.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::lore::Lore;
use super::rounds::Binary;
use super::switch::VARIABLE;

/// A mutant may take that much of a processor's time, or that many times what the tests take without any.
const LEAST_SECONDS: u64 = 5;
const TIMES: u32 = 8;
/// A test that takes longer than this runs after all others: most mutants are caught by quick ones.
const SLOW: Duration = Duration::from_millis(40);
/// Address space, in KiB: a mutant that allocates without end must not take the machine with it.
const MEMORY: u64 = 8 << 20;

/// What is said of a program that died.
const ABORT: &str = "abort";

/// What the tests say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All passed.
    Nothing,
    /// This test failed, or the program died.
    Caught(String),
    /// They did not come to an end.
    Timeout,
}

/// One start of one binary.
#[derive(Clone, Debug)]
struct Stage {
    binary: PathBuf,
    arguments: Vec<String>,
    limit: Duration,
    /// Whether its tests are quick ones.
    quick: bool,
}

/// All that a mutant must pass.
pub(crate) struct Attempt {
    folder: PathBuf,
    stages: Vec<Stage>,
    seeds: Seeds,
    lore: Mutex<Lore>,
    /// What all of it takes without any mutant.
    pub(crate) baseline: Duration,
    /// How many tests there are.
    pub(crate) tests: usize,
}

impl Attempt {
    /// Measures the tests of `binaries` without any mutant, and orders them.
    ///
    /// # Errors
    /// If one fails: then nothing can be said.
    pub(crate) fn new(folder: &Path, binaries: &[Binary]) -> Result<Self> {
        let (mut quick, mut slow, mut tests) = (Vec::new(), Vec::new(), 0);
        for binary in binaries {
            let (times, processor) = measure(folder, binary)?;
            tests += times.len();
            let all = times.iter().map(|(_, time)| *time).sum::<Duration>().max(Duration::from_millis(1));
            let names: Vec<String> = times.iter().filter(|(_, time)| *time > SLOW).map(|(name, _)| name.clone()).collect();
            let total = |slow: bool| times.iter().filter(|(_, time)| (*time > SLOW) == slow).map(|(_, time)| *time).sum::<Duration>();
            // On a busy machine a test takes longer, but no more of the processor.
            let share = |time: Duration| processor.mul_f64(time.as_secs_f64() / all.as_secs_f64());
            let stage = |arguments: Vec<String>, time: Duration, quick: bool| Stage {
                binary: binary.path.clone(),
                arguments,
                limit: limit(share(time)),
                quick,
            };
            quick.push(stage(exact(names.iter().flat_map(|name| ["--skip".into(), name.clone()]).collect()), total(false), true));
            if !names.is_empty() {
                slow.push(stage(exact(names), total(true), false));
            }
        }
        let attempt = Self {
            folder: folder.into(),
            stages: quick.into_iter().chain(slow).collect(),
            seeds: Seeds::new(folder)?,
            lore: Mutex::default(),
            baseline: Duration::ZERO,
            tests,
        };
        let begun = Instant::now();
        let found = attempt.judge(0, Path::new(""))?;
        ensure!(found == Found::Nothing, "the tests fail without any mutant ({found:?}); nothing can be said");
        Ok(Self { baseline: begun.elapsed(), ..attempt })
    }

    /// Runs all with mutant `number` of `file`; 0 is none.
    pub(crate) fn judge(&self, number: u32, file: &Path) -> Result<Found> {
        let best = self.lore.lock().map_err(|_| anyhow!("another one failed"))?.best(file);
        let first =
            best.into_iter().map(|(binary, names)| Stage { binary, arguments: exact(names), limit: limit(Duration::ZERO), quick: true });
        for stage in first.chain(self.stages.iter().cloned()) {
            let found = play(&self.folder, &stage, number)?;
            if found == Found::Nothing {
                continue;
            }
            self.seeds.restore()?;
            if let Found::Caught(name) = &found
                && stage.quick
                && !name.starts_with(ABORT)
            {
                self.lore.lock().map_err(|_| anyhow!("another one failed"))?.learn(file, (stage.binary, name.clone()));
            }
            return Ok(found);
        }
        Ok(Found::Nothing)
    }
}

/// Arguments that name tests.
fn exact(mut names: Vec<String>) -> Vec<String> {
    names.insert(0, "--exact".into());
    names
}

/// The seeds that proptest keeps of what failed: those of one mutant must not help to catch the next.
struct Seeds {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Seeds {
    fn new(folder: &Path) -> Result<Self> {
        let files = Self::paths(folder)?.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect::<Result<_>>()?;
        Ok(Self { folder: folder.into(), files })
    }

    fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
        let (mut open, mut found) = (vec![folder.to_path_buf()], Vec::new());
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "proptest-regressions")
                    || path.components().any(|part| part.as_os_str() == "proptest-regressions")
                {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }

    fn restore(&self) -> Result<()> {
        for path in Self::paths(&self.folder)? {
            match self.files.get(&path) {
                Some(old) if fs::read(&path)? != *old => fs::write(path, old)?,
                Some(_) => {}
                // Another worker may have been faster.
                None => drop(fs::remove_file(path)),
            }
        }
        Ok(())
    }
}

fn limit(total: Duration) -> Duration {
    Duration::from_secs(LEAST_SECONDS).max(total * TIMES)
}

/// The tests of `binary` and how long each takes, and how much of the processor's time all of them.
fn measure(folder: &Path, binary: &Binary) -> Result<(Vec<(String, Duration)>, Duration)> {
    let mut run = command(folder, Path::new("sh"));
    run.args(["-c", "\"$0\" \"$@\" && times"]).arg(&binary.path);
    // The test harness tells times only so; this program alone is told that it may.
    run.env("RUSTC_BOOTSTRAP", "1").args(["-Zunstable-options", "--report-time"]);
    let output = run.output().with_context(|| format!("can't start {}", binary.path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the tests of {} fail without any mutant:\n{text}", binary.name);
    let processor = text.lines().last().and_then(processor).context("the shell's `times` tells no times")?;
    Ok((text.lines().filter_map(timed).collect(), processor))
}

/// `0m1.250000s 0m0.500000s`: the last line of `times`, of what the shell has run.
fn processor(line: &str) -> Option<Duration> {
    let time = |word: &str| {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(Duration::from_secs_f64(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?))
    };
    let (user, system) = line.split_once(' ')?;
    Some(time(user)? + time(system)?)
}

/// `test NAME ... ok <0.003s>`
fn timed(line: &str) -> Option<(String, Duration)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let seconds = rest.split_once('<').and_then(|(_, time)| time.strip_suffix("s>")?.parse().ok()).unwrap_or(0.0);
    // What should panic says so behind its name.
    Some((name.split(" - ").next()?.into(), Duration::from_secs_f64(seconds)))
}

/// As cargo starts it.
fn command(folder: &Path, program: &Path) -> Command {
    let mut run = Command::new(program);
    run.current_dir(folder).env("CARGO_MANIFEST_DIR", folder).stdin(Stdio::null());
    // What fails is not made smaller: that it fails is all we want to know.
    run.env("PROPTEST_MAX_SHRINK_ITERS", "0").env("RUST_BACKTRACE", "0");
    run
}

fn play(folder: &Path, stage: &Stage, number: u32) -> Result<Found> {
    let mut run = command(folder, Path::new("sh"));
    let seconds = stage.limit.as_secs() + 1;
    run.args(["-c", &format!("ulimit -c 0; ulimit -t {seconds}; ulimit -v {MEMORY}; exec \"$0\" \"$@\"")])
        .arg(&stage.binary)
        .args(&stage.arguments);
    run.env(VARIABLE, number.to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = run.spawn().context("can't start sh")?;
    let output = child.stdout.take().context("its output is a pipe")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let failed = BufReader::new(output).split(b'\n').map_while(Result::ok).find_map(|line| failed(&String::from_utf8_lossy(&line)));
        // Nobody listens any more if it took too long.
        let _ = tell.send(failed);
    });
    // What sleeps or waits takes no processor's time; a busy machine takes longer for the same.
    let found = match told.recv_timeout(stage.limit * 6) {
        Ok(None) => return Ok(ended(child.wait()?)),
        Ok(Some(name)) => Found::Caught(name),
        Err(_) => Found::Timeout,
    };
    // It may have ended meanwhile.
    let _ = child.kill();
    child.wait()?;
    Ok(found)
}

/// `test NAME ... FAILED`
fn failed(line: &str) -> Option<String> {
    line.strip_prefix("test ")?.strip_suffix("FAILED")?.split(" ... ").next().map(str::to_owned)
}

fn ended(status: std::process::ExitStatus) -> Found {
    const KILL: i32 = 9;
    const PROCESSOR_TIME: i32 = 24;
    match status.signal() {
        Some(KILL | PROCESSOR_TIME) => Found::Timeout,
        _ if status.success() => Found::Nothing,
        _ => Found::Caught(format!("{ABORT}: {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_harness_are_read() {
        assert_eq!(timed("test a::b ... ok <0.250s>"), Some(("a::b".into(), Duration::from_millis(250))));
        assert_eq!(timed("test a - should panic ... ok <0.001s>"), Some(("a".into(), Duration::from_millis(1))));
        assert_eq!(timed("test result: ok. 3 passed"), None);
        assert_eq!(processor("1m1.250000s 0m0.500000s"), Some(Duration::from_millis(61_750)));
        assert_eq!(processor("1m1.25s"), None);
        assert_eq!((failed("test a::b ... FAILED"), failed("test a ... ok"), failed("FAILED")), (Some("a::b".into()), None, None));
    }

    #[test]
    fn seeds_are_what_they_were() {
        let folder = std::env::temp_dir().join(format!("silico-seeds-{}", std::process::id()));
        let path = |name: &str| folder.join("tests").join(name);
        fs::create_dir_all(folder.join("tests")).unwrap();
        fs::write(path("a.proptest-regressions"), "1").unwrap();
        let seeds = Seeds::new(&folder).unwrap();
        fs::write(path("a.proptest-regressions"), "1 2").unwrap();
        fs::write(path("b.proptest-regressions"), "3").unwrap();
        fs::write(path("c.rs"), "4").unwrap();
        seeds.restore().unwrap();
        assert_eq!(fs::read(path("a.proptest-regressions")).unwrap(), b"1");
        assert!(!path("b.proptest-regressions").exists() && path("c.rs").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn ends_are_told_apart() {
        let play = |script: &str, limit| {
            let stage = Stage { binary: "sh".into(), arguments: vec!["-c".into(), script.into()], limit, quick: true };
            play(Path::new("/"), &stage, 7).unwrap()
        };
        let long = Duration::from_secs(50);
        assert_eq!(play("exit 0", long), Found::Nothing);
        assert_eq!(play("test $SILICO_MUTANT = 7", long), Found::Nothing);
        assert_eq!(play("echo test a ... FAILED; exec sleep 60", long), Found::Caught("a".into()));
        assert_eq!(play("exec sleep 60", Duration::from_millis(20)), Found::Timeout);
        assert!(matches!(play("kill -ABRT $$", long), Found::Caught(why) if why.starts_with("abort")));
        assert_eq!(play("kill -XCPU $$", long), Found::Timeout);
    }
}
