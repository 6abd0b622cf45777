//! Functional coverage: which states, transitions, TLPs, splits, wraps, stalls, resets and errors a run reached, and above all which it did not.
//!
//! What can happen is declared ([`Bin`]), so a hole has a name. Observers count ([`Counts`]); what they counted goes into a [`Record`], which merges with
//! others and prints a table.

mod bin;
mod channels;
mod command;
mod machine;
mod observer;
mod record;
mod tlps;

pub use bin::{Bin, Counts, Group, Hits};
pub use channels::{Doing, Failure, Fired, Kind, Laps, Level, Move, Paged, ResetIn, Signalled, Tags, Told, WrittenBack};
pub(crate) use command::files;
pub use command::run;
pub use machine::{Dll, Freedom, Machines, OnLink, Passing, Shape, Way};
pub use observer::{Covered, Grant, Observer};
pub use record::{Record, RecordError};
pub use tlps::{ReadShape, Received, Sent, Split, WriteShape};
