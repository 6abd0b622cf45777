//! `cargo xtask mutants`: does the property suite bite? Each mutant of the catalogue is one bug of a kind that real cards or drivers had; it is put into
//! a copy of the tree, the suite runs, and a table says which property caught it. Knows nothing of cards.

mod catalogue;
mod each;
mod patch;
mod rtl;
mod suite;
mod table;
mod tree;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::shell::Workspace;
use catalogue::Mutant;
use suite::Suite;
use table::Row;
use tree::Tree;
use verdict::Verdict;

/// What can be asked of it.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these (whole names, or parts of them).
    names: Vec<String>,
    /// Print the catalogue and do nothing.
    #[arg(long)]
    list: bool,
    /// Those of the RTL, against the model in lockstep.
    #[arg(long)]
    rtl: bool,
    /// Those that cargo-mutants lists of this package (spec, driver, model), against its own tests.
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["rtl", "thorough", "cases", "seed", "limit"])]
    each: Option<String>,
    /// With --each: so many at a time.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "each", value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// With --each: go on with what the file of --json knows of the same tree.
    #[arg(long, requires = "each", requires = "json")]
    resume: bool,
    /// With --each: ask cargo-mutants itself about so many of them afterwards.
    #[arg(long, value_name = "N", requires = "each", value_parser = clap::value_parser!(u32).range(1..))]
    check: Option<u32>,
    /// Only this many, of as many areas as there are: the first of each, then the second. The same ones each time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Cases for each property.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// Seed of the cases.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A run that takes longer than this many seconds has caught its mutant by hanging.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Go on after the first failure, and name all properties that catch a mutant, each with its first case. Takes longer.
    #[arg(long)]
    thorough: bool,
    /// Write the table as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the suite against each mutant asked for; whether all were caught.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    if let Some(package) = &options.each {
        return each::run(workspace, package, options);
    }
    if options.rtl {
        return rtl::run(workspace, options);
    }
    let all = catalogue::read(&workspace.root)?;
    let chosen = choose(&all, options)?;
    if options.list {
        print!("{}", table::list(&chosen));
        return Ok(true);
    }
    if let Some(path) = &options.json {
        // Better now than after an hour.
        std::fs::write(path, "").with_context(|| format!("can't write {}", path.display()))?;
    }
    let tree = Tree::new(workspace)?;
    let limit = Duration::from_secs(options.limit);
    let suite = Suite { tree: &tree, cases: options.cases, seed: options.seed, limit, thorough: options.thorough };
    println!("mutants: {} of {} against the property suite, {} cases for each property", chosen.len(), all.len(), options.cases);
    let built = suite.build()?;
    let kept = built.map_or_else(|why| bail!("the suite does not build without any mutant:\n{why}"), |built| suite.keep(&built))?;
    let mut rows = Vec::new();
    for (number, mutant) in chosen.iter().enumerate() {
        let start = Instant::now();
        let row = judge(&tree, &suite, &kept, mutant)?;
        println!("[{}/{}] {:.0} s: {}", number + 1, chosen.len(), start.elapsed().as_secs_f64(), table::line(&row));
        rows.push(row);
    }
    println!("\n{}", table::summary(&rows));
    if let Some(path) = &options.json {
        std::fs::write(path, table::json(&rows)?).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(rows.iter().all(Row::is_caught))
}

/// One mutant: in, built, out again, run. What catches it must be content without it.
fn judge<'a>(tree: &Tree, suite: &Suite<'_>, kept: &Path, mutant: &'a Mutant) -> Result<Row<'a>> {
    let before = tree.plant(mutant)?;
    let built = suite.build().with_context(|| format!("mutant {}", mutant.name));
    tree.restore(before)?;
    let verdict = match built? {
        Ok(built) => suite.judge(&built)?,
        Err(why) => Verdict::Broken(why),
    };
    suite.blames_the_mutant(kept, &verdict).with_context(|| format!("mutant {}", mutant.name))?;
    Ok(Row { mutant, verdict })
}

/// Those that are asked for, in the catalogue's order.
fn choose<'a>(all: &'a [Mutant], options: &Options) -> Result<Vec<&'a Mutant>> {
    for name in &options.names {
        ensure!(all.iter().any(|mutant| mutant.name.contains(name.as_str())), "no mutant is called {name}; --list shows them");
    }
    let named = |mutant: &&Mutant| options.names.is_empty() || options.names.iter().any(|name| mutant.name.contains(name.as_str()));
    let chosen: Vec<&Mutant> = all.iter().filter(named).collect();
    Ok(match options.sample {
        Some(sample) => choose_of_each_area(&chosen, sample as usize),
        None => chosen,
    })
}

/// `sample` of `all`, as many of each area as of any other, the first ones: what is added to the end of an area changes nothing.
fn choose_of_each_area<'a>(all: &[&'a Mutant], sample: usize) -> Vec<&'a Mutant> {
    let rank = |at: usize| all[..at].iter().filter(|other| other.area == all[at].area).count();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| (rank(*at), *at));
    order.truncate(sample);
    order.sort_unstable();
    order.into_iter().map(|at| all[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_all_areas_and_stays_what_it_is() {
        let of = |area: &str, name: &str| Mutant { area: area.into(), name: name.into(), ..Mutant::default() };
        let mut all = vec![of("a", "a1"), of("a", "a2"), of("b", "b1"), of("c", "c1"), of("c", "c2")];
        let names = |all: &[Mutant], sample| {
            let all: Vec<&Mutant> = all.iter().collect();
            choose_of_each_area(&all, sample).iter().map(|mutant| mutant.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!((names(&all, 2), names(&all, 4)), (vec!["a1".into(), "b1".into()], ["a1", "a2", "b1", "c1"].map(String::from).into()));
        assert_eq!(names(&all, 99).len(), 5);
        all.insert(2, of("a", "a3"));
        assert_eq!(names(&all, 4), ["a1", "a2", "b1", "c1"]);
    }
}
