//! The driver core, and the platform traits under it.
//!
//! The core never sees a TLP, a clock or a thread: it is given registers, memory, interrupts and time by a [`platform`]. The same code
//! runs on the simulated machine, on a real card and in a fuzzer. `no_std`; nothing on the per-frame path allocates or locks.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod platform;
