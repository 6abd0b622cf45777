//! The command line: what was typed, as typed. What it means is decided in [`crate::run::config`].

pub mod options;
pub mod reproduce;

pub use options::{BenchCommand, BenchOptions, Cli, Command, DumpCommand, RunOptions};
