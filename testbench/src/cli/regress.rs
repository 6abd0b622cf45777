//! The options of `silico regress`.

use clap::Args;
use std::path::PathBuf;

/// Options of `regress`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct RegressOptions {
    /// The list of cases (TOML; see vectors/README.md).
    #[arg(value_name = "LIST", default_value = "vectors/regress.toml")]
    pub list: PathBuf,
    /// Only on these targets of each case: several by commas.
    #[arg(long, value_name = "TARGETS", value_delimiter = ',')]
    pub on: Option<Vec<String>>,
    /// Only runs whose name (case@target#seed) has this in it; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,
    /// Runs at a time; as many as there are processors, if absent.
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Folder for results.json, junit.xml, report.html, coverage and waveforms.
    #[arg(long, value_name = "FOLDER", default_value = "target/regress")]
    pub out: PathBuf,
    /// Leaves out what passed in an earlier call into the same folder, by the same program, with the same options and input.
    #[arg(long)]
    pub resume: bool,
    /// Adds these records of functional coverage to the report, such as target/coverage of `cargo xtask test`.
    #[arg(long, value_name = "RECORD")]
    pub coverage: Vec<PathBuf>,
    /// Prints the names of the runs, and runs none.
    #[arg(long = "list")]
    pub show: bool,
    /// Prints the results as JSON.
    #[arg(long)]
    pub json: bool,
    /// No progress on stderr.
    #[arg(long, short)]
    pub quiet: bool,
}
