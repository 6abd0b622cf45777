//! The link between root port and card: its rate, serialisation, and credits both ways. Knows bytes and cycles, no TLP's meaning.

pub(crate) mod credits;
pub(crate) mod dll;
pub(crate) mod downlink;
mod rate;
pub(crate) mod serializer;
pub(crate) mod stalls;
pub(crate) mod starvation;

pub use dll::config::{DllConfig, LinkErrors, Occurrence};
pub use rate::{Generation, ack_limit};
pub use stalls::Stalls;
pub use starvation::Starvation;

use silico_spec::tlp::Header;

/// Bytes of framing and data-link layer around a TLP: sequence number and framing (2 + 2), LCRC (4).
pub const FRAMING: u32 = 8;

/// Bytes of a TLP on the wire: header, payload, framing, digest.
#[must_use]
#[inline]
pub fn wire_bytes(header: &Header, payload: usize) -> u32 {
    header.dwords() as u32 * 4 + payload as u32 + FRAMING + u32::from(header.digest()) * 4
}
