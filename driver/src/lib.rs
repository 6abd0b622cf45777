//! The driver core, and the platform traits under it.
//!
//! The core never sees a TLP, a clock or a thread: it is given registers, memory, interrupts and time by a [`platform`]. The same code
//! runs on the simulated machine, on a real card and in a fuzzer. `no_std`; nothing on the per-frame path allocates or locks.
//!
//! [`card::Card::bring_up`] checks the card, [`card::Card::channel`] opens a channel, [`channel::RingChannel`] reads frames out of it.
//! [`card::Card::page_channel`] does the same with pages ([`pages::PageChannel`]), [`card::Card::send_channel`] sends ([`h2c::SendChannel`]).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod access;
mod attach;
pub mod card;
pub mod channel;
pub mod counters;
mod demux;
pub mod error;
pub mod h2c;
pub mod interrupts;
mod limits;
pub mod log;
pub mod pages;
pub mod platform;
pub mod recover;
mod shared;
mod sync;
