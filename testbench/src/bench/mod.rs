//! `silico bench self`: what the simulator itself does per second of wall clock, next to the figures to beat. All checkers are on.

mod counting;
mod measure;
#[cfg(any(test, feature = "rtl"))]
mod recorded;
#[cfg(feature = "rtl")]
mod rtl;
mod scenarios;
mod table;

pub use counting::{CountingAllocator, allocations};
pub use table::{Row, Table};

use crate::cli::BenchOptions;
use crate::input::error::BadInput;
use crate::run::CouldNotRun;
use std::time::Duration;

/// Measures everything; the table as text or JSON.
///
/// # Errors
/// If a run fails, or the time makes no sense.
pub fn run(options: &BenchOptions) -> Result<String, CouldNotRun> {
    if !(options.seconds > 0.0 && options.seconds <= 3600.0) {
        return Err(BadInput::setting("--seconds", options.seconds, "above 0 and at most 3600").into());
    }
    let table = measure::all(Duration::from_secs_f64(options.seconds))?;
    if options.json {
        serde_json::to_string_pretty(&table).map(|text| text + "\n").map_err(|e| CouldNotRun(e.to_string()))
    } else {
        Ok(table.to_string())
    }
}
