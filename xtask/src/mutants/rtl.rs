//! Mutants of the RTL, tried against the model in lockstep: all of them in one build. Verilator takes a minute for the card, so each mutant is a choice made while it
//! runs: in a copy of the tree, the line that a mutant changes says `MUTANT == n ? new : old`, by a port of the top module that the copy has more.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::catalogue::{self, Mutant};
use super::patch::Patch;
use super::suite::wait;
use super::table::{self, Row};
use super::tree::Tree;
use super::verdict::{Catch, Verdict, verdict};
use super::{Options, choose};
use crate::shell::Workspace;

/// Where these are.
pub(crate) const FOLDER: &str = "testbench/mutants/rtl";
/// What asks the copy for a mutant.
const VARIABLE: &str = "SILICO_RTL_MUTANT";
/// The variants that are built.
const VARIANTS: &str = "SILICO_RTL";
/// The top module, and the first line of its ports.
const TOP: &str = "rtl/silico_card.sv";
const CLOCK: &str = "input  logic                             clk_i,";
/// The bridge, and where it sets the card up.
const BRIDGE: &str = "sim/src/rtl/card.cpp";
const SET_UP: &str = "        top_.clk_i = 0;\n        top_.eval();\n";
/// What tries them: storms on both cards, few first; random operations; whole runs under the driver; last the property suite. Each round with
/// its cases, the cheap ones first; it is tried without any mutant before it is believed.
const TESTS: [&str; 4] = ["lockstep_storm", "lockstep_random", "lockstep", SUITE];
const ROUNDS: [(&str, u32); 5] = [("lockstep_storm", 3), ("lockstep_storm", 60), ("lockstep_random", 10), ("lockstep", 1), (SUITE, 3)];
/// The property suite, and the longest case of it, in clocks of the model: the RTL takes each of them.
const SUITE: &str = "properties";
const SUITE_CLOCKS: &str = "300000";

/// Tries those that are asked for; whether all were caught.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let all = catalogue::read_in(&workspace.root, FOLDER)?;
    let chosen = choose(&all, options)?;
    if options.list {
        print!("{}", table::list(&chosen));
        return Ok(true);
    }
    let tree = Tree::new(workspace)?;
    plant(tree.root(), &all)?;
    let begun = Instant::now();
    println!("mutants: {} of {} of the RTL, in one build, against the model in lockstep", chosen.len(), all.len());
    let tests = build(&tree)?;
    println!("mutants: built in {:.0} s", begun.elapsed().as_secs_f64());
    let mut rows = Vec::new();
    let mut believed = BTreeSet::new();
    for mutant in chosen {
        let begun = Instant::now();
        let number = 1 + all.iter().position(|other| other.name == mutant.name).context("it is one of them")?;
        let row = Row { mutant, verdict: judge(&tree, &tests, number, options, &mut believed)? };
        println!("[{}] {:.0} s: {}", number, begun.elapsed().as_secs_f64(), table::line(&row));
        rows.push(row);
        // All of them take an hour: what is known after half of one is not lost.
        if let Some(path) = &options.json {
            fs::write(path, table::json(&rows)?).with_context(|| format!("can't write {}", path.display()))?;
        }
    }
    println!("\n{}", table::summary(&rows));
    Ok(rows.iter().all(Row::is_caught))
}

/// Puts all of them into the copy at `root`, and what chooses between them.
fn plant(root: &Path, all: &[Mutant]) -> Result<()> {
    ensure!(all.len() < 256, "{} mutants; the choice has 8 bits", all.len());
    for (number, mutant) in all.iter().enumerate() {
        for (path, patch) in &mutant.patches {
            let file = root.join(path);
            let old = fs::read_to_string(&file).with_context(|| format!("can't read {}", path.display()))?;
            let choice = chosen_while_running(patch, number + 1).with_context(|| format!("mutant {}", mutant.name))?;
            fs::write(&file, choice.apply(&old).with_context(|| format!("mutant {} does not fit {}", mutant.name, path.display()))?)?;
        }
    }
    let replaced = |path: &str, find: &str, put: &str| -> Result<()> {
        let file = root.join(path);
        let text = fs::read_to_string(&file)?;
        ensure!(text.contains(find), "{path} has no `{}` any more, by which mutants are chosen", find.trim());
        Ok(fs::write(&file, text.replacen(find, put, 1))?)
    };
    replaced(TOP, CLOCK, &format!("input  logic [7:0]                       mutant_i,\n  {CLOCK}"))?;
    let choose = format!("        if (const char* mutant = std::getenv(\"{VARIABLE}\")) top_.mutant_i = std::atoi(mutant);\n{SET_UP}");
    replaced(BRIDGE, SET_UP, &choose)?;
    replaced(BRIDGE, "#include <cstring>", "#include <cstdlib>\n#include <cstring>")
}

/// The line that does both: one line for one line, an assignment of another value or an `if` of another condition.
pub(crate) fn chosen_while_running(patch: &Patch, number: usize) -> Result<Patch> {
    let ([old], [new]) = (patch.find.as_slice(), patch.put.as_slice()) else {
        anyhow::bail!("a mutant of the RTL changes one line into one other")
    };
    let line = both(old, new, number)
        .with_context(|| format!("`{new}` must differ from `{old}` in one value that is assigned, or one condition of an `if`"))?;
    Ok(Patch { find: patch.find.clone(), put: vec![line] })
}

fn both(old: &str, new: &str, number: usize) -> Option<String> {
    let choice = |a: &str, b: &str| format!("(silico_card.mutant_i == 8'd{number} ? ({b}) : ({a}))");
    let of_if = |line: &str| -> Option<(String, String, String)> {
        let begin = line.find("if (")? + 4;
        let end = begin + closing(&line[begin..])?;
        Some((line[..begin].into(), line[begin..end].into(), line[end..].into()))
    };
    if let (Some(a), Some(b)) = (of_if(old), of_if(new))
        && (&a.0, &a.2) == (&b.0, &b.2)
        && a.1 != b.1
    {
        return Some(format!("{}{}{}", a.0, choice(&a.1, &b.1), a.2));
    }
    let of_value = |line: &str| -> Option<(String, String)> {
        let at = assignment(line)?;
        Some((line[..at].into(), line[at..].strip_suffix(';')?.into()))
    };
    let (a, b) = (of_value(old)?, of_value(new)?);
    (a.0 == b.0).then(|| format!("{}{};", a.0, choice(&a.1, &b.1)))
}

/// Where the parenthesis closes that is open at the start.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    text.char_indices().find_map(|(at, c)| {
        open += i32::from(c == '(') - i32::from(c == ')');
        (open == 0).then_some(at)
    })
}

/// Where the value begins of the first assignment outside of parentheses and brackets.
fn assignment(line: &str) -> Option<usize> {
    let mut open = 0;
    line.char_indices().find_map(|(at, c)| {
        open += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        let found = [" = ", " <= "].into_iter().find(|sign| open == 0 && line[at..].starts_with(sign));
        found.map(|sign| at + sign.len())
    })
}

/// The tests, built in the copy.
fn build(tree: &Tree) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut build = tree.cargo();
    // Some bugs only a depth that is no power of two shows.
    build.env(VARIANTS, std::env::var(VARIANTS).unwrap_or_else(|_| "w256,small".into()));
    build.args(["test", "--package", "silico-testbench", "--features", "rtl", "--no-run", "--quiet"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    build.args(TESTS.iter().flat_map(|test| ["--test", test]));
    let built = build.output().context("can't start cargo")?;
    ensure!(built.status.success(), "the copy with all mutants in it does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    let text = String::from_utf8_lossy(&built.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let executable = |name: &str| {
        let of_test = |message: &&Value| message["target"]["name"] == name && message["target"]["kind"][0] == "test";
        messages.iter().filter(of_test).find_map(|message| message["executable"].as_str()).map(PathBuf::from)
    };
    TESTS.iter().map(|name| Ok((*name, executable(name).with_context(|| format!("cargo names no executable of {name}"))?))).collect()
}

/// Round by round, until one of them tells mutant `number` from the model. `believed`: rounds that are content without any.
fn judge(tree: &Tree, tests: &[(&str, PathBuf)], number: usize, options: &Options, believed: &mut BTreeSet<usize>) -> Result<Verdict> {
    for (round, (test, cases)) in ROUNDS.into_iter().enumerate() {
        let Some((_, program)) = tests.iter().find(|(name, _)| *name == test) else { continue };
        if !believed.contains(&round) {
            let without = play(tree, (test, program), cases, 0, options)?;
            ensure!(without == Verdict::Missed, "{test} fails without any mutant ({without:?}); nothing can be said");
            believed.insert(round);
        }
        let found = play(tree, (test, program), cases, number, options)?;
        if found != Verdict::Missed {
            return Ok(by_round(test, cases, found));
        }
    }
    Ok(Verdict::Missed)
}

/// The same verdict, of which each catch says in which round it was made.
fn by_round(test: &str, cases: u32, found: Verdict) -> Verdict {
    let Verdict::Caught(by) = found else { return found };
    Verdict::Caught(by.into_iter().map(|catch| Catch { by: format!("{test} x {cases}: {}", catch.by), ..catch }).collect())
}

/// One round with mutant `number`, or none: 0.
fn play(tree: &Tree, (test, program): (&str, &Path), cases: u32, number: usize, options: &Options) -> Result<Verdict> {
    let log = tree.log();
    let output = File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
    let mut run = tree.command(program);
    run.current_dir(tree.root().join("testbench"));
    run.env(VARIABLE, number.to_string())
        .env("SILICO_CASES", cases.to_string())
        .env("SILICO_STORMS", cases.to_string())
        .env("SILICO_SEED", options.seed.to_string());
    run.env_remove("SILICO_CLOCKS");
    if test == SUITE {
        // What shows that the checkers bite says nothing of a mutant.
        run.env("SILICO_ON", "lockstep").env("SILICO_CLOCKS", SUITE_CLOCKS).args(["--skip", "teeth::"]);
        for name in ["SILICO_CASE", "SILICO_SCENARIO", "SILICO_COVERAGE", "SILICO_TALLY"] {
            run.env_remove(name);
        }
    }
    run.env("SILICO_SHRINK", "0").env("RUST_BACKTRACE", "0").env("SILICO_WAVES", log.with_file_name("waves"));
    run.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
    let child = run.spawn().with_context(|| format!("can't start {}", program.display()))?;
    let said = || fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // The first test that fails is enough.
    let failed = || number != 0 && said().is_ok_and(|text| text.contains("... FAILED"));
    let end = wait(child, Duration::from_secs(options.limit), failed)?;
    let waves = log.with_file_name("waves");
    if waves.exists() {
        fs::remove_dir_all(&waves).with_context(|| format!("can't remove {}", waves.display()))?;
    }
    Ok(verdict(&end, &said()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_choice() {
        let both = |old, new| both(old, new, 7).unwrap();
        let port = "silico_card.mutant_i == 8'd7";
        assert_eq!(both("assign a = b <= c;", "assign a = b < c;"), format!("assign a = ({port} ? (b < c) : (b <= c));"));
        assert_eq!(both("x[i] <= f(1 <= 2);", "x[i] <= 3;"), format!("x[i] <= ({port} ? (3) : (f(1 <= 2)));"));
        assert_eq!(both("if (a && (b)) x <= 1;", "if (a) x <= 1;"), format!("if (({port} ? (a) : (a && (b)))) x <= 1;"));
        assert_eq!(both("if (a) x <= 1;", "if (a) x <= 2;"), format!("if (a) x <= ({port} ? (2) : (1));"));
        assert_eq!(super::both("x <= 1;", "y <= 1;", 7), None);
        assert_eq!(super::both("end", "begin", 7), None);
    }

    /// Each of them is there once, and can be chosen.
    #[test]
    fn the_catalogue_fits_the_rtl() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let all = catalogue::read_in(root, FOLDER).unwrap();
        assert!(all.len() >= 40, "{} mutants", all.len());
        for (number, mutant) in all.iter().enumerate() {
            for (path, patch) in &mutant.patches {
                let text = fs::read_to_string(root.join(path)).unwrap();
                let fits = chosen_while_running(patch, number).and_then(|patch| patch.apply(&text));
                assert!(fits.is_ok(), "{}, {}: {:#}", mutant.name, path.display(), fits.unwrap_err());
            }
        }
        for (path, find) in [(TOP, CLOCK), (BRIDGE, SET_UP), (BRIDGE, "#include <cstring>")] {
            assert!(fs::read_to_string(root.join(path)).unwrap().contains(find), "{path}: {find}");
        }
    }
}
