//! Why something that was asked of the machine did not happen.

use crate::check::Violation;
use crate::trace::Way;
use silico_spec::units::{Bdf, Cycles};

/// What a completion said instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// UR.
    #[error("unsupported request")]
    UnsupportedRequest,
    /// CA.
    #[error("completer abort")]
    CompleterAbort,
    /// CRS until the limit.
    #[error("configuration request retry status, until the limit")]
    ConfigRetry,
    /// The data came poisoned.
    #[error("poisoned data")]
    Poisoned,
    /// The completion was malformed.
    #[error("a malformed completion")]
    Malformed,
}

/// Why a blocking call of the machine failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// A rule was broken, now or before.
    #[error("{0}")]
    Violation(Violation),
    /// No completion came.
    #[error("{what} was not answered within {after}")]
    Timeout {
        /// The request.
        what: String,
        /// The limit.
        after: Cycles,
    },
    /// The answer was no success.
    #[error("{what} was answered with {cause}")]
    Rejected {
        /// The request.
        what: String,
        /// What the answer said.
        cause: Refusal,
    },
    /// The link is down: a CPU reads all ones.
    #[error("the link is down")]
    LinkDown,
    /// As before, because it failed.
    #[error("the link is down: nothing came through {0}, however often it was retrained")]
    LinkFailed(Way),
    /// No function answers where the card should be.
    #[error("no function answers at {0}")]
    Absent(Bdf),
    /// The call needs an enumerated function.
    #[error("the card was not enumerated, or was reset since")]
    NotEnumerated,
    /// An argument out of its limits.
    #[error("{what} is {value:#x}; it must be {rule}")]
    Range {
        /// The argument.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What would be right.
        rule: String,
    },
    /// The card's config space makes no sense.
    #[error("the function's config space is broken: {0}")]
    Function(String),
}
