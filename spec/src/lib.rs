//! What the reference card *is*: the vocabulary that card, machine and driver share.
//!
//! Units, TLPs, config space, registers, frames, the port. Nothing here knows how anybody behaves: the
//! model of the card, the machine around it and the driver core each depend on this crate and never on each other.
//! The crate is `no_std` (with `alloc`); the feature `std` only selects a hardware-accelerated CRC.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod config;
pub mod crc;
pub mod credit;
pub mod descriptor;
pub mod elink;
pub mod field;
pub mod fork;
pub mod frame;
pub mod generator;
pub mod map;
pub mod params;
pub mod port;
pub mod registers;
pub mod tlp;
pub mod units;
pub mod writeback;
