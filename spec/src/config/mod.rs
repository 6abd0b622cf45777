//! Configuration space as the specification lays it out: offsets, bit fields and IDs, a walker over the capability chains, and the text form that
//! `lspci -F` reads.
//!
//! Knows nothing of any card: what a card puts where, and how its registers answer to writes, is the card's own matter.

pub mod capabilities;
pub mod header;
pub mod text;
pub mod walk;

/// Bytes of a PCI Express function's configuration space.
pub const BYTES: usize = 4096;
/// Dwords of it.
pub const DWORDS: usize = BYTES / 4;
/// Bytes that conventional PCI knows: where the standard capability chain lives.
pub const STANDARD_BYTES: u16 = 256;
