//! Everything that joins card, machine and driver: inputs, scoreboard, checkers, faults, the report, and the `silico` command.
//!
//! The only crate that knows all the others.

pub mod check;
pub mod cli;
pub mod fault;
pub mod input;
pub mod scoreboard;
pub mod target;
