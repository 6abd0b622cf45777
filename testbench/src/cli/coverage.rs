//! The options of `silico coverage`.

use clap::Args;
use std::path::PathBuf;

/// Options of `coverage`.
#[derive(Args, Clone, Debug)]
pub struct CoverageOptions {
    /// Records to merge, as regression runs write them; a folder stands for all `*.json` in it.
    #[arg(required = true, value_name = "RECORD")]
    pub records: Vec<PathBuf>,
    /// Writes the sum as a record too.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Exit status 1 if anything that could happen did not.
    #[arg(long)]
    pub strict: bool,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}
