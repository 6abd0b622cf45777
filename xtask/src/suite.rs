//! `cargo xtask test`: every check in turn; a failed one does not stop the others. Knows what to run, not what it tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::shell::{self, Workspace, describe};

/// Folder of recorded captures, which some tests read beside those in the tree.
const CAPTURES: &str = "SILICO_CAPTURES";
/// Cases per property in a long run: proptest's own default is 256.
const LONG_CASES: &str = "4096";

/// Variants of the RTL that are built.
const VARIANTS: &str = "SILICO_RTL";
/// Cases of each property in lockstep with the RTL, and the most clocks of one.
const RTL_CASES: &str = "9";
const RTL_CLOCKS: &str = "150000";
/// Cases in a long run, of any length.
const LONG_RTL_CASES: &str = "100";

/// A file to which each property appends how many cases and clocks it ran.
const TALLY: &str = "SILICO_TALLY";

/// The seed of the properties' cases, if it is not the usual one.
const SEED: &str = "SILICO_SEED";
/// Cases a property.
const CASES: &str = "SILICO_CASES";

/// A folder into which each property writes what it covered.
const COVERAGE: &str = "SILICO_COVERAGE";

/// How a step ended.
struct Outcome {
    name: &'static str,
    command: String,
    took: Duration,
    failed: bool,
}

/// Runs every check; whether all passed.
pub(crate) fn run(workspace: &Workspace, long: bool, cargo_args: &[String]) -> Result<bool> {
    // What is told at the end is of this run alone.
    fs::create_dir_all(workspace.root.join("target"))?;
    fs::write(tally(workspace), "")?;
    if coverage(workspace).exists() {
        fs::remove_dir_all(coverage(workspace))?;
    }
    let outcomes: Vec<Outcome> =
        steps(workspace, long, cargo_args)?.into_iter().map(|(name, mut command)| step(name, &mut command)).collect();
    println!("\n{}", summary(&outcomes));
    if let Some(simulated) = fs::read_to_string(tally(workspace)).ok().and_then(|text| simulated(&text)) {
        println!("{simulated}");
    }
    Ok(outcomes.iter().all(|outcome| !outcome.failed))
}

fn tally(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target").join("simulated.txt")
}

fn coverage(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target").join("coverage")
}

/// How much the properties simulated, from their lines `NAME N cases, N clocks, S s`. `None` if there are none.
fn simulated(text: &str) -> Option<String> {
    let (mut properties, mut cases, mut clocks, mut left_out) = (0, 0_u64, 0_u64, 0_u64);
    for line in text.lines() {
        let number = |unit: &str| line.split(", ").find_map(|part| part.strip_suffix(unit)?.rsplit(' ').next()?.parse::<u64>().ok());
        properties += 1;
        cases += number(" cases")?;
        clocks += number(" clocks")?;
        // Behind the number: why.
        let left = line.split(", ").find_map(|part| part.split_once(" left out (")?.0.parse::<u64>().ok());
        left_out += left.unwrap_or(0);
    }
    let left = if left_out == 0 { String::new() } else { format!("; {left_out} cases were left out on the RTL") };
    (properties > 0).then(|| format!("{properties} properties simulated {clocks} clocks in {cases} cases{left}"))
}

/// The properties are tried as always, or longer.
fn is_usual(long: bool) -> bool {
    env::var_os(SEED).is_none() && (long || env::var_os(CASES).is_none())
}

/// The checks, quick ones first, each as the command that reproduces it.
fn steps(workspace: &Workspace, long: bool, cargo_args: &[String]) -> Result<Vec<(&'static str, Command)>> {
    let cargo = |arguments: &[&str]| {
        let mut command = workspace.cargo();
        command.args(arguments);
        command
    };
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    let mut test = cargo(&["test", "--workspace", "--no-fail-fast"]);
    test.args(cargo_args);
    test.env(TALLY, tally(workspace));
    test.env(COVERAGE, coverage(workspace));
    // Some tests alone cover little, and so do fewer cases; with another seed it is chance. Else there must be no hole.
    let mut covered = cargo(&["run", "--quiet", "--package", "silico-testbench", "--bin", "silico", "--", "coverage"]);
    covered.arg(coverage(workspace));
    if cargo_args.is_empty() && is_usual(long) {
        covered.arg("--strict");
    }
    if long {
        for name in ["PROPTEST_CASES", CASES] {
            test.env(name, env::var(name).unwrap_or_else(|_| LONG_CASES.into()));
        }
    }
    pass_captures(&mut test)?;
    // What threads share in the driver, in all orders of their steps. Other flags need a target folder of their own, or all would be built anew each time.
    let mut loom = cargo(&["test", "--package", "silico-driver", "--lib", "--target-dir", "target/loom", "loom"]);
    loom.env("RUSTFLAGS", "--cfg loom");
    // One set of variants for all steps, or they would be built twice.
    let variants = || env::var(VARIANTS).unwrap_or_else(|_| if long { "all" } else { "w256,small" }.into());
    let rtl = |tests: &[&str]| {
        let mut command = cargo(&["test", "--package", "silico-testbench", "--features", "rtl"]);
        command.args(tests.iter().flat_map(|test| ["--test", test]));
        command.env(VARIANTS, variants());
        command
    };
    // The property suite in lockstep: RTL takes every clock one by one, so there are few cases, and short ones.
    let mut suite = rtl(&["properties"]);
    suite.env("SILICO_ON", "lockstep").env(TALLY, tally(workspace)).args(["--", "--skip", "teeth::"]);
    suite.env(CASES, if long { LONG_RTL_CASES } else { RTL_CASES });
    if !long {
        suite.env("SILICO_CLOCKS", RTL_CLOCKS);
    }
    // On the model, a test does.
    let mut regress = cargo(&["run", "--quiet", "--package", "silico-testbench", "--features", "rtl", "--bin", "silico", "--"]);
    regress.env(VARIANTS, variants()).args(["regress", "--on", "lockstep"]);
    let mut all = vec![
        ("setup", cargo(&["xtask", "setup"])),
        ("format", cargo(&["fmt", "--all", "--check"])),
        ("registers", cargo(&["xtask", "registers", "--check"])),
        ("lint", cargo(&["xtask", "lint"])),
        ("clippy", cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("doc", doc),
        ("loom", loom),
        ("test", test),
        ("coverage", covered),
        ("rtl", rtl(&["lockstep", "lockstep_random", "lockstep_storm", "lockstep_late", "lockstep_leap", "register_walk", "waves"])),
        ("rtl suite", suite),
        ("regress", regress),
        // All of the catalogue takes longer than all the rest: a few of it, of as many areas, show that the suite still bites.
        ("mutants", cargo(if long { &["xtask", "mutants"][..] } else { &["xtask", "mutants", "--sample", "6"] })),
    ];
    if long {
        // Builds of the RTL of their own: for a sample in CI, building alone takes longer than it is worth.
        let mut inside = rtl(&["waves"]);
        inside.env("SILICO_RTL_WAVES", "1").env(VARIANTS, "w256").args(["--target-dir", "target/rtl-waves"]);
        all.push(("rtl inside", inside));
        all.push(("rtl mutants", cargo(&["xtask", "mutants", "--rtl"])));
    }
    Ok(all)
}

/// Passes the folder of captures on, as a path that holds in every package's folder. Without it, says that it is missing.
fn pass_captures(test: &mut Command) -> Result<()> {
    match env::var_os(CAPTURES) {
        Some(folder) if Path::new(&folder).is_dir() => {
            test.env(CAPTURES, Path::new(&folder).canonicalize()?);
        }
        Some(folder) => {
            println!("test: {CAPTURES} is {folder:?}, which is no folder: captures from outside the tree are not tested");
            test.env_remove(CAPTURES);
        }
        None => println!("test: {CAPTURES} is not set: captures from outside the tree are not tested"),
    }
    Ok(())
}

/// Runs one check and says how it ended.
fn step(name: &'static str, command: &mut Command) -> Outcome {
    let text = describe(command);
    println!("\n==== {name}: {text}");
    let start = Instant::now();
    let result = shell::run(command);
    let took = start.elapsed();
    if let Err(error) = &result {
        eprintln!("==== {name} {error:#}");
    }
    Outcome { name, command: text, took, failed: result.is_err() }
}

/// A line per step; those that failed with the command that reproduces them.
fn summary(outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = outcomes.iter().map(line).collect();
    let failed = outcomes.iter().filter(|outcome| outcome.failed).count();
    lines.push(match failed {
        0 => format!("all {} steps ok", outcomes.len()),
        _ => format!("{failed} of {} steps FAILED", outcomes.len()),
    });
    lines.join("\n")
}

fn line(outcome: &Outcome) -> String {
    let Outcome { name, command, took, failed } = outcome;
    let seconds = took.as_secs_f64();
    match failed {
        false => format!("ok      {name:<10} {seconds:>7.1} s"),
        true => format!("FAILED  {name:<10} {seconds:>7.1} s   {command}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_told_with_its_command() {
        let outcomes = [step("good", &mut Command::new("true")), step("bad", Command::new("false").arg("a b"))];
        let text = summary(&outcomes);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("ok      good"), "{text}");
        assert!(lines[1].starts_with("FAILED  bad") && lines[1].ends_with("false 'a b'"), "{text}");
        assert_eq!(lines[2], "1 of 2 steps FAILED");
        assert_eq!(summary(&outcomes[..1]).lines().last(), Some("all 1 steps ok"));
    }

    #[test]
    fn what_was_simulated_is_summed_up() {
        let text = "a_property 100 cases, 2500 clocks, 0.10 s\nhazards::b 20 cases, 70000000000 clocks, 9.00 s\n";
        assert_eq!(simulated(text).as_deref(), Some("2 properties simulated 70000002500 clocks in 120 cases"));
        let left = "a 3 cases, 9 clocks, 0.10 s, 2 left out (1 Leap; 1 longer than 5 clocks)\nb 1 cases, 1 clocks, 9.00 s\n";
        assert_eq!(simulated(left).as_deref(), Some("2 properties simulated 10 clocks in 4 cases; 2 cases were left out on the RTL"));
        assert_eq!(simulated(""), None);
        assert_eq!(simulated("a line of another kind"), None);
    }

    #[test]
    fn the_stale_check_runs_and_so_does_every_test() {
        let workspace = Workspace { root: ".".into() };
        let steps = steps(&workspace, true, &["--".into(), "name".into()]).unwrap();
        let texts: Vec<String> = steps.iter().map(|(_, command)| describe(command)).collect();
        assert!(texts.iter().any(|text| text.ends_with("cargo xtask registers --check")), "{texts:?}");
        let coverage = texts.iter().find(|text| text.contains("silico -- coverage")).unwrap();
        assert!(!coverage.contains("--strict"), "some tests alone: {coverage}");
        for long in [false, true] {
            let usual = super::steps(&workspace, long, &[]).unwrap();
            let coverage = usual.iter().map(|(_, command)| describe(command)).find(|text| text.contains("silico -- coverage")).unwrap();
            assert_eq!(coverage.contains("--strict"), is_usual(long), "{coverage}");
        }
        assert!(texts.iter().any(|text| text.ends_with("cargo xtask mutants")), "{texts:?}");
        let short = super::steps(&workspace, false, &[]).unwrap();
        assert!(short.iter().any(|(_, command)| describe(command).ends_with("cargo xtask mutants --sample 6")));
        let of_rtl = |text: &String| text.ends_with("cargo xtask mutants --rtl");
        assert!(texts.iter().any(of_rtl) && !short.iter().any(|(_, command)| of_rtl(&describe(command))), "{texts:?}");
        let test = texts.iter().find(|text| text.contains("cargo test --workspace")).unwrap();
        assert!(test.contains("PROPTEST_CASES=") && test.ends_with("cargo test --workspace --no-fail-fast -- name"), "{test}");
    }
}
