//! A run: a machine, a card, the driver, and every frame checked, until all are accounted for or something is wrong.

pub mod config;
pub(crate) mod finish;
mod lane;
mod latency;
mod output;
mod progress;
mod sense;
mod session;
pub(crate) mod setup;
mod stress;

pub use config::RunConfig;
pub use progress::Progress;
pub use setup::{Bench, build, build_with};

use crate::check::conservation::{Imbalance, LostInterrupts};
use crate::check::liveness::Stuck;
use crate::cli::options::CompareKind;
use crate::compare::{self, BoxedCard};
use crate::input::error::BadInput;
use crate::report::Report;
use crate::scoreboard::Divergence;
use silico_driver::error::DriverError;
use silico_sim::Violation;
use std::fmt;

/// Why a run could not be made: no judgement of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouldNotRun(pub String);

impl fmt::Display for CouldNotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CouldNotRun {}

impl From<BadInput> for CouldNotRun {
    fn from(error: BadInput) -> Self {
        Self(error.to_string())
    }
}

/// What was found wrong with card or driver.
#[derive(Clone, Debug)]
enum Wrong {
    /// A rule of the machine was broken.
    Violation(Violation),
    /// A frame differs.
    Divergence(Divergence),
    /// Something stood still.
    Stuck(Stuck),
    /// The books do not close.
    Imbalance(Imbalance),
    /// Interrupts got lost.
    Interrupts(LostInterrupts),
    /// The driver gave up.
    Driver(DriverError),
    /// Model and RTL part.
    Lockstep(silico_sim::lockstep::Divergence),
}

impl Wrong {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Violation(_) => "violation",
            Self::Divergence(_) => "divergence",
            Self::Stuck(_) => "liveness",
            Self::Imbalance(_) | Self::Interrupts(_) => "conservation",
            Self::Driver(_) => "driver",
            Self::Lockstep(_) => "lockstep",
        }
    }
}

impl Wrong {
    /// Who found it.
    fn noticed_by(&self) -> String {
        match self {
            Self::Violation(violation) => format!("checker {}", violation.rule),
            Self::Divergence(_) => "scoreboard".into(),
            Self::Stuck(_) => "checker liveness".into(),
            Self::Imbalance(_) | Self::Interrupts(_) => "checker conservation".into(),
            Self::Driver(_) => "driver".into(),
            Self::Lockstep(_) => "lockstep".into(),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(one) => one.fmt(f),
            Self::Divergence(one) => one.fmt(f),
            Self::Stuck(one) => one.fmt(f),
            Self::Imbalance(one) => one.fmt(f),
            Self::Interrupts(one) => one.fmt(f),
            Self::Driver(one) => one.fmt(f),
            Self::Lockstep(one) => one.fmt(f),
        }
    }
}

/// Why a session ended before its time.
#[derive(Clone, Debug)]
enum Stop {
    /// Card or driver are wrong.
    Wrong(Wrong),
    /// The run itself failed (its output file, say).
    CouldNotRun(CouldNotRun),
}

impl From<DriverError> for Stop {
    fn from(error: DriverError) -> Self {
        Self::Wrong(Wrong::Driver(error))
    }
}

impl From<Stuck> for Stop {
    fn from(error: Stuck) -> Self {
        Self::Wrong(Wrong::Stuck(error))
    }
}

impl From<Imbalance> for Stop {
    fn from(error: Imbalance) -> Self {
        Self::Wrong(Wrong::Imbalance(error))
    }
}

impl From<BadInput> for Stop {
    fn from(error: BadInput) -> Self {
        Self::CouldNotRun(error.into())
    }
}

/// Makes a run and reports on it. A report that did not pass is a result, not an error.
///
/// # Errors
/// If the run could not be made.
pub fn run(config: &RunConfig, progress: &mut Progress) -> Result<Report, CouldNotRun> {
    if config.options.compare == CompareKind::Transactions {
        return compare::run(config, progress);
    }
    let bench = build(config)?;
    session::Session::new(config, bench)?.run(progress)
}

/// The same with a card of one's own; the target counts for nothing.
///
/// # Errors
/// If the run could not be made.
pub fn run_with(config: &RunConfig, card: BoxedCard, progress: &mut Progress) -> Result<Report, CouldNotRun> {
    let bench = build_with(config, card)?;
    session::Session::new(config, bench)?.run(progress)
}
