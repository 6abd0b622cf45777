//! Everything that joins card, machine and driver: inputs, scoreboard, checkers, faults, the report, and the `silico` command.
//!
//! The only crate that knows all the others.

pub mod bench;
pub mod check;
pub mod cli;
pub mod compare;
pub mod coverage;
pub mod dump;
pub mod fault;
pub mod input;
pub mod loopback;
pub mod platform;
pub mod probe;
pub mod regress;
pub mod report;
pub mod run;
pub mod scenario;
pub mod scoreboard;
pub mod target;
pub mod waves;
