//! The machine against scripted cards: what a good one sees, and what is reported of a bad one.

mod access;
mod card;
mod checkers;
mod determinism;
mod dma;
mod enumeration;
mod flap;
mod interrupts;
mod link;
mod ordering;
mod throughput;
