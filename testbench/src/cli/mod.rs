//! The command line: what was typed, as typed. What it means is decided in [`crate::run::config`].

mod coverage;
pub mod loopback;
pub mod options;
mod regress;
pub mod reproduce;
mod waves;

pub use coverage::CoverageOptions;
pub use loopback::LoopbackOptions;
pub use options::{BenchCommand, BenchOptions, Cli, Command, DumpCommand, RunOptions};
pub use regress::RegressOptions;
pub use waves::WavesOptions;
