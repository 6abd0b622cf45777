//! The `silico` command: maps results to exit statuses and text, nothing else.
//!
//! 0: passed. 1: a difference or a violation. 2: could not run, with one line that says why.

use clap::Parser;
use silico::bench::{self, CountingAllocator};
use silico::cli::{BenchCommand, Cli, Command, DumpCommand, RunOptions};
use silico::report::text::Text;
use silico::run::{CouldNotRun, Progress, RunConfig};
use silico::{dump, run};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const FAILED: u8 = 1;
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        None => run_command(&RunOptions::default()),
        Some(Command::Run(options)) => run_command(&options),
        Some(Command::Dump { what: DumpCommand::Config(options) }) => dump::config(&options.on).map(|text| {
            print!("{text}");
            ExitCode::SUCCESS
        }),
        Some(Command::Bench { what: BenchCommand::Itself(options) }) => bench::run(&options).map(|text| {
            print!("{text}");
            ExitCode::SUCCESS
        }),
    };
    result.unwrap_or_else(|error| {
        eprintln!("silico: {error}");
        ExitCode::from(COULD_NOT_RUN)
    })
}

/// Help and version are no errors; a wrong option is one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    eprintln!("silico: {}", text.lines().next().unwrap_or_default().trim_start_matches("error: "));
    ExitCode::from(COULD_NOT_RUN)
}

fn run_command(options: &RunOptions) -> Result<ExitCode, CouldNotRun> {
    let config = RunConfig::new(options)?;
    let mut progress = Progress::new(options.quiet || options.json, config.frames());
    let report = run::run(&config, &mut progress)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|e| CouldNotRun(e.to_string()))?);
    } else {
        print!("{}", Text(&report));
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}
