//! The `silico` command: maps results to exit statuses and text, nothing else.
//!
//! 0: passed. 1: a difference or a violation. 2: could not run, with one line that says why.

use clap::Parser;
use silico::bench::{self, CountingAllocator};
use silico::cli::{BenchCommand, Cli, Command, DumpCommand, LoopbackOptions, RunOptions};
use silico::report::text::Text;
use silico::run::{CouldNotRun, Progress, RunConfig};
use silico::{coverage, dump, loopback, regress, run};
use std::io::{self, Write};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const FAILED: u8 = 1;
const COULD_NOT_RUN: u8 = 2;
/// Characters that a message about the command line has at most.
const MOST_SHOWN: usize = 600;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        None => run_command(&RunOptions::default()),
        Some(Command::Run(options)) => run_command(&options),
        Some(Command::Loopback(options)) => loopback_command(&options),
        Some(Command::Coverage(options)) => coverage::run(&options)
            .and_then(|(text, enough)| show(&text).map(|()| if enough { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })),
        Some(Command::Regress(options)) => regress::run(&options)
            .and_then(|(text, passed)| show(&text).map(|()| if passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })),
        Some(Command::Dump { what: DumpCommand::Config(options) }) => {
            dump::config(&options.on).and_then(|text| show(&text)).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Bench { what: BenchCommand::Itself(options) }) => {
            bench::run(&options).and_then(|text| show(&text)).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("silico: {error}");
        ExitCode::from(COULD_NOT_RUN)
    })
}

/// Help and version are no errors; a wrong option is one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return show(&error.to_string()).map_or(ExitCode::from(COULD_NOT_RUN), |()| ExitCode::SUCCESS);
    }
    let text = error.to_string();
    // What is wrong, with what is missing or possible; not how to use it, which --help says.
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    let line = line.trim_start_matches("error: ").trim_end_matches("For more information, try '--help'.");
    let end = line.char_indices().nth(MOST_SHOWN).map_or(line.len(), |(end, _)| end);
    eprintln!("silico: {}{}", &line[..end], if end < line.len() { "..." } else { "" });
    ExitCode::from(COULD_NOT_RUN)
}

/// Writes to stdout. A reader that went away (`| head`) has seen what it wanted.
fn show(text: &str) -> Result<(), CouldNotRun> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CouldNotRun(format!("stdout cannot be written: {error}"))),
        _ => Ok(()),
    }
}

fn loopback_command(options: &LoopbackOptions) -> Result<ExitCode, CouldNotRun> {
    let report = loopback::run(options)?;
    show(&if options.json { json(&report)? } else { report.to_string() })?;
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn json(report: &impl serde::Serialize) -> Result<String, CouldNotRun> {
    Ok(serde_json::to_string_pretty(report).map_err(|e| CouldNotRun(e.to_string()))? + "\n")
}

fn run_command(options: &RunOptions) -> Result<ExitCode, CouldNotRun> {
    let config = RunConfig::new(options)?;
    let mut progress = Progress::new(options.quiet || options.json, config.frames());
    let report = run::run(&config, &mut progress)?;
    let text = if options.json { json(&report)? } else { Text(&report).to_string() };
    show(&text)?;
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}
