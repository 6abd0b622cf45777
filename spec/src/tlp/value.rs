//! The owned TLP that can only be legal: the one way to it is past [`check`]. For code that wants certainty; hot paths use the view.

use super::{Header, Limits, Packet, RuleBroken, check};
use crate::port::TlpBuf;
use core::fmt;

/// Why something is not a legal TLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It breaks a rule.
    #[error("{header}: {rule}")]
    Rule {
        /// Of the packet.
        header: Header,
        /// The first rule found broken.
        rule: RuleBroken,
    },
    /// A field holds what has no place in a header: a tag over 10 bits, an address that is no multiple of 4, a class over 7.
    #[error("{header}: this is what fits into a header of the packet asked for; a field has more bits than its place (PCIe 4.0 §2.2)")]
    DoesNotFit {
        /// With what did not fit cut off.
        header: Header,
    },
}

/// A legal TLP, under the limits that it was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlp {
    packet: Packet,
}

impl Tlp {
    /// From a header and its payload, without a digest.
    ///
    /// # Errors
    /// The first rule found broken.
    pub fn parse(header: &Header, payload: &[u8], limits: &Limits) -> Result<Self, Violation> {
        let broken = |rule| Violation::Rule { header: *header, rule };
        check(header, payload.len(), limits).map_err(broken)?;
        let packet = Packet::of(header, payload).ok_or(broken(RuleBroken::UnknownKind { code: header.code() }))?;
        Ok(Self { packet })
    }

    /// From its parts.
    ///
    /// # Errors
    /// The first rule found broken, or that a field does not fit.
    pub fn new(packet: Packet, limits: &Limits) -> Result<Self, Violation> {
        let header = packet.header();
        let tlp = Self::parse(&header, packet.payload(), limits)?;
        if tlp.packet == packet { Ok(tlp) } else { Err(Violation::DoesNotFit { header }) }
    }

    /// Its parts.
    #[must_use]
    pub const fn packet(&self) -> &Packet {
        &self.packet
    }

    /// Its parts, to change them and judge anew.
    #[must_use]
    pub fn into_packet(self) -> Packet {
        self.packet
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.packet.header()
    }

    /// Its payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.packet.payload()
    }

    /// Writes it into `buf`, over what was there.
    pub fn emit(&self, buf: &mut TlpBuf) {
        buf.set(self.header().0, self.payload());
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.header(), f)
    }
}
