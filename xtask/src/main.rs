//! `cargo xtask`: sets the machine up, renders the register map, runs every check. Knows nothing of cards; only files and commands.

mod lint;
mod mutants;
mod registers;
mod setup;
mod shell;
mod suite;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use shell::Workspace;

/// Set-up, tests and generated files of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need, saying first what and where.
    Setup,
    /// Look through the RTL: Verilator's lint over all variants, and yosys for what cannot be synthesized.
    Lint,
    /// Render rtl/registers.rdl to Rust, SystemVerilog, C and a reference page.
    Registers {
        /// Write nothing; fail with the list of committed files that are stale.
        #[arg(long)]
        check: bool,
    },
    /// Run the property suite against a catalogue of bugs, each put into a copy of the tree; say which property caught it.
    Mutants(mutants::Options),
    /// Run every check: set-up, format, lints, generated files, documentation, tests.
    Test {
        /// Many more cases for each property (PROPTEST_CASES and SILICO_CASES, unless you set them).
        #[arg(long)]
        long: bool,
        /// Further arguments for `cargo test`.
        #[arg(last = true)]
        cargo_args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the task found everything in order.
fn run(arguments: &Arguments) -> Result<bool> {
    let workspace = Workspace::find()?;
    match &arguments.task {
        Task::Setup => setup::run(&workspace).map(|()| true),
        Task::Lint => lint::run(&workspace),
        Task::Registers { check: false } => registers::render(&workspace).map(|()| true),
        Task::Registers { check: true } => registers::check(&workspace).map(|()| true),
        Task::Mutants(options) => mutants::run(&workspace, options),
        Task::Test { long, cargo_args } => suite::run(&workspace, *long, cargo_args),
    }
}
