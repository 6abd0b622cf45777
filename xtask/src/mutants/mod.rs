//! `cargo xtask mutants`: does the property suite bite? Each mutant of the catalogue is one bug of a kind that real cards or drivers had; it is put into
//! a copy of the tree, the suite runs, and a table says which property caught it. Knows nothing of cards.

mod catalogue;
mod patch;
mod suite;
mod table;
mod tree;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::shell::Workspace;
use catalogue::Mutant;
use suite::{Suite, Verdict};
use table::Row;
use tree::Tree;

/// What can be asked of it.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these (whole names, or parts of them).
    names: Vec<String>,
    /// Print the catalogue and do nothing.
    #[arg(long)]
    list: bool,
    /// Only this many, spread evenly over the catalogue.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Cases for each property.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// A run that takes longer than this many seconds has caught its mutant by hanging.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Write the table as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the suite against each mutant asked for; whether all were caught.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let all = catalogue::read(&workspace.root)?;
    let chosen = choose(&all, options)?;
    if options.list {
        print!("{}", table::list(&chosen));
        return Ok(true);
    }
    let tree = Tree::new(workspace)?;
    let suite = Suite { tree: &tree, cases: options.cases, limit: Duration::from_secs(options.limit) };
    println!("mutants: {} of {} against the property suite, {} cases for each property", chosen.len(), all.len(), options.cases);
    match suite.run()? {
        Verdict::Missed => {}
        Verdict::Caught { by, why } => bail!("the suite fails without any mutant ({}: {why}); nothing can be said", by.join(", ")),
        Verdict::Broken(why) => bail!("the suite does not build without any mutant:\n{why}"),
    }
    let mut rows = Vec::new();
    for (number, mutant) in chosen.iter().enumerate() {
        let row = judge(&tree, &suite, mutant)?;
        println!("[{}/{}] {}", number + 1, chosen.len(), table::line(&row));
        rows.push(row);
    }
    println!("\n{}", table::summary(&rows));
    if let Some(path) = &options.json {
        std::fs::write(path, table::json(&rows)?).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(rows.iter().all(Row::is_caught))
}

/// One mutant: in, run, out again.
fn judge<'a>(tree: &Tree, suite: &Suite<'_>, mutant: &'a Mutant) -> Result<Row<'a>> {
    let before = tree.plant(mutant)?;
    let verdict = suite.run().with_context(|| format!("mutant {}", mutant.name));
    tree.restore(before)?;
    Ok(Row { mutant, verdict: verdict? })
}

/// Those that are asked for, in the catalogue's order.
fn choose<'a>(all: &'a [Mutant], options: &Options) -> Result<Vec<&'a Mutant>> {
    for name in &options.names {
        ensure!(all.iter().any(|mutant| mutant.name.contains(name.as_str())), "no mutant is called {name}; --list shows them");
    }
    let named = |mutant: &&Mutant| options.names.is_empty() || options.names.iter().any(|name| mutant.name.contains(name.as_str()));
    let chosen: Vec<&Mutant> = all.iter().filter(named).collect();
    let Some(sample) = options.sample else { return Ok(chosen) };
    let (count, sample) = (chosen.len(), chosen.len().min(sample as usize));
    Ok((0..sample).map(|n| chosen[n * count / sample]).collect())
}
