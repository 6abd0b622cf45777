//! `cargo xtask mutants --each PACKAGE`: every mutant that cargo-mutants lists of a package, all of them in one build, each a choice made
//! while running. What cannot be chosen so is built alone. Knows no card.

mod alone;
mod attempt;
mod list;
mod lore;
mod plant;
mod report;
mod rounds;
mod site;
mod switch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::Options;
use super::tree::Tree;
use crate::shell::Workspace;
use alone::{Alone, agree, cargo_mutants_says, judged};
use attempt::{Attempt, Found};
use list::Listed;
use report::{Report, Row, Verdict, fingerprint};
use rounds::{Out, Plantation, cargo_test};

/// Tries those of `folder` that are asked for; whether none was missed.
pub(crate) fn run(workspace: &Workspace, folder: &str, options: &Options) -> Result<bool> {
    ensure!(
        workspace.root.join(folder).join("src/lib.rs").is_file(),
        "--each {folder}: no folder of a package with a src/lib.rs; try spec, driver or model"
    );
    let package = format!("silico-{folder}");
    let listed = list::list(workspace, &package)?;
    let chosen = choose(&listed, options)?;
    if options.list {
        chosen.iter().for_each(|mutant| println!("{:>5} {}", mutant.number, mutant.name));
        return Ok(true);
    }
    let tree = Tree::of(workspace, &Path::new("each").join(folder))?;
    let state = fingerprint(tree.root(), &["spec", folder, "Cargo.lock", ".cargo/mutants.toml"])?;
    let mut report = Report::new(&package, state, listed.len(), options.json.clone(), options.resume)?;
    println!("mutants: {} of {} of {package}, in one build; {} are known", chosen.len(), listed.len(), report.rows.len());
    let campaign = Campaign { workspace, tree: &tree, folder, package: &package, chosen: &chosen };
    let (plain, later) = campaign.in_one_build(&mut report, options.jobs)?;
    campaign.alone(&mut report, &plain, &later)?;
    report.write(true)?;
    println!("\n{}", report.summary());
    if let Some(sample) = options.check {
        campaign.check(&report, &plain, sample as usize)?;
    }
    Ok(report.is_clean())
}

/// Those asked for, in an order of which every beginning is a fair sample.
fn choose(listed: &[Listed], options: &Options) -> Result<Vec<Listed>> {
    for name in &options.names {
        ensure!(listed.iter().any(|mutant| mutant.name.contains(name.as_str())), "no mutant is called {name}; --list shows them");
    }
    let named = |mutant: &&Listed| options.names.is_empty() || options.names.iter().any(|name| mutant.name.contains(name.as_str()));
    let mut chosen = list::spread(listed.iter().filter(named).cloned().collect());
    chosen.truncate(options.sample.map_or(usize::MAX, |sample| sample as usize));
    Ok(chosen)
}

struct Campaign<'a> {
    workspace: &'a Workspace,
    tree: &'a Tree,
    folder: &'a str,
    package: &'a str,
    chosen: &'a [Listed],
}

impl Campaign<'_> {
    /// All that can be chosen while running. Returns how the plain tree's tests run, and the numbers of those that need a build of their own.
    fn in_one_build(&self, report: &mut Report, jobs: u32) -> Result<(Attempt, BTreeSet<u32>)> {
        let begun = Instant::now();
        let home = self.tree.root().join(self.folder);
        let built = cargo_test(self.tree, self.package)?;
        let plain =
            Attempt::new(&home, &built.or_else(|errors| bail!("the tests do not build without any mutant: {}", errors[0]["rendered"]))?)?;
        if self.chosen.iter().all(|mutant| report.get(&mutant.name).is_some()) {
            return Ok((plain, BTreeSet::new()));
        }
        let mut plantation = Plantation::new(self.tree.root(), self.chosen)?;
        let binaries = plantation.build(self.tree, self.package)?;
        let attempt = Attempt::new(&home, &binaries)?;
        ensure!(attempt.tests == plain.tests, "{} tests with the mutants in, {} without", attempt.tests, plain.tests);
        println!(
            "mutants: built in {:.0} s; {} tests take {:.1} s, without the mutants in {:.1} s",
            begun.elapsed().as_secs_f64(),
            attempt.tests,
            attempt.baseline.as_secs_f64(),
            plain.baseline.as_secs_f64()
        );
        let (mut later, mut now, mut whys) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
        for mutant in self.chosen {
            if report.get(&mutant.name).is_some() {
                continue;
            }
            match plantation.out.get(&mutant.number) {
                Some(Out::Unviable(why)) => {
                    report.add(Row { name: mutant.name.clone(), verdict: Verdict::Unviable, by: why.clone(), alone: false })?;
                }
                Some(Out::Alone(why)) => {
                    *whys.entry(why.as_str()).or_insert(0) += 1;
                    later.insert(mutant.number);
                }
                None => now.push(mutant),
            }
        }
        println!("mutants: {} to try, {} of them need a build of their own", now.len() + later.len(), later.len());
        whys.iter().for_each(|(why, count)| println!("    {count}: {why}"));
        let report = Mutex::new(report);
        let missed = try_all(&attempt, &now, jobs, |mutant, found| {
            // The compiler computes it too, and was told of no mutant.
            if found == Found::Nothing && plantation.is_in_const_fn(mutant.number) {
                return Ok(Some(mutant.number));
            }
            let row = judged(&mutant.name, found, false);
            tell(&row);
            report.lock().map_err(|_| anyhow::anyhow!("another one failed"))?.add(row)?;
            Ok(None)
        })?;
        later.extend(missed);
        Ok((plain, later))
    }

    /// Those that need a build of their own.
    fn alone(&self, report: &mut Report, plain: &Attempt, numbers: &BTreeSet<u32>) -> Result<()> {
        self.restore()?;
        println!("mutants: {} one by one", numbers.len());
        let alone = Alone { tree: self.tree, package: self.package, attempt: plain };
        for mutant in self.chosen.iter().filter(|mutant| numbers.contains(&mutant.number)) {
            let row = alone.judge(mutant)?;
            tell(&row);
            report.add(row)?;
        }
        Ok(())
    }

    /// Asks cargo-mutants itself about `sample` of those that are known, and builds each alone that did not compile among the others.
    fn check(&self, report: &Report, plain: &Attempt, sample: usize) -> Result<()> {
        self.restore()?;
        let known: Vec<&Row> = self.chosen.iter().filter_map(|mutant| report.get(&mutant.name)).collect();
        let each = known.len().div_ceil(sample).max(1);
        let names: Vec<&str> = known.iter().step_by(each).map(|row| row.name.as_str()).collect();
        println!("{}", compare("cargo-mutants itself", report, &cargo_mutants_says(self.tree, self.package, &names)?));
        let alone = Alone { tree: self.tree, package: self.package, attempt: plain };
        let broken = |mutant: &&Listed| report.get(&mutant.name).is_some_and(|row| row.verdict == Verdict::Unviable && !row.alone);
        let rows = self.chosen.iter().filter(broken).map(|mutant| alone.judge(mutant)).collect::<Result<Vec<_>>>()?;
        println!("{}", compare("a build of its own for what does not compile", report, &rows));
        Ok(())
    }

    fn restore(&self) -> Result<()> {
        let library: PathBuf = Path::new(self.folder).join("src/lib.rs");
        alone::plain(&self.workspace.root, self.tree, self.chosen, &library)
    }
}

/// Whether `rows` say the same as the report.
fn compare(who: &str, report: &Report, rows: &[Row]) -> String {
    let ours = rows.iter().filter_map(|row| Some((row, report.get(&row.name)?)));
    let (same, others): (Vec<_>, Vec<_>) = ours.partition(|(row, ours)| agree(row.verdict, ours.verdict));
    let line = |(row, ours): (&Row, &Row)| {
        format!("OTHERWISE {}: {who} {}, here {} {}\n", row.name, row.verdict.name(), ours.verdict.name(), ours.by)
    };
    let total = same.len() + others.len();
    format!("{}mutants: {who} says the same of {} of {total}", others.into_iter().map(line).collect::<String>(), same.len())
}

/// Only what is not as it should be is worth a line.
fn tell(row: &Row) {
    if row.verdict == Verdict::Missed {
        println!("MISSED {}", row.name);
    }
}

/// Tries all of `mutants`, `jobs` at a time; the numbers that `judge` wants.
fn try_all(
    attempt: &Attempt,
    mutants: &[&Listed],
    jobs: u32,
    judge: impl Fn(&Listed, Found) -> Result<Option<u32>> + Sync,
) -> Result<Vec<u32>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<u32>> {
        let mut wanted = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(at) else { break };
            if at > 0 && at.is_multiple_of(200) {
                println!("mutants: {at} of {}", mutants.len());
            }
            let found = attempt.judge(mutant.number, &mutant.file).with_context(|| mutant.name.clone())?;
            wanted.extend(judge(mutant, found)?);
        }
        Ok(wanted)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|_| bail!("a worker panicked"))?);
        }
        Ok(all)
    })
}
