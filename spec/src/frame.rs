//! A frame in host memory: a 32-byte header, then the payload, padded to the 32-byte grid. Little endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 2 | magic, [`MAGIC`] |
//! | 2 | 1 | channel |
//! | 3 | 1 | flags, [`Flags`] |
//! | 4 | 4 | payload length in bytes, without padding |
//! | 8 | 8 | sequence number, from 0 in each run of the channel |
//! | 16 | 8 | time stamp: the card's cycle counter at the frame's first beat |
//! | 24 | 2 | source (e-link) |
//! | 26 | 2 | reserved, zero |
//! | 28 | 4 | CRC-32C of the payload |
//!
//! Header and payload come in any order; the card announces the frame after both.

use core::fmt;

/// First two bytes of every header.
pub const MAGIC: u16 = 0x51c0;
/// Bytes of a header.
pub const HEADER_BYTES: u32 = 32;
/// Headers start on, and payloads are padded to, this many bytes.
pub const GRID: u32 = 32;

/// What the card has to say of a frame beyond its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// The payload is shorter than what the front end sent: over the channel's frame limit.
    pub const TRUNCATED: Self = Self(1);
    /// At least one whole frame was dropped just before this one.
    pub const DROPPED_BEFORE: Self = Self(1 << 1);
    /// The front end marked the frame as bad.
    pub const ERROR: Self = Self(1 << 2);

    const NAMED: [(Self, &'static str); 3] =
        [(Self::TRUNCATED, "truncated"), (Self::DROPPED_BEFORE, "dropped-before"), (Self::ERROR, "error")];

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With `other` set too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Bits that no version of the format defines.
    #[must_use]
    pub const fn unknown(self) -> u8 {
        self.0 & !0b111
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (flag, name) in Self::NAMED {
            if self.contains(flag) {
                write!(f, "{}{name}", if first { "" } else { "+" })?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameHeader {
    /// Channel that delivered the frame.
    pub channel: u8,
    /// See [`Flags`].
    pub flags: Flags,
    /// Payload bytes, without padding.
    pub length: u32,
    /// Counts the frames of a run of the channel, from 0.
    pub sequence: u64,
    /// Cycle of the frame's first beat at the front end.
    pub stamp: u64,
    /// E-link or other source within the channel.
    pub source: u16,
    /// CRC-32C of the payload.
    pub crc: u32,
}

/// Why 32 bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The magic is wrong.
    #[error("frame magic is {0:#06x}, not {MAGIC:#06x}")]
    Magic(u16),
    /// A reserved field is not zero.
    #[error("reserved bits of the frame header are set: {0:#06x}")]
    Reserved(u16),
}

impl FrameHeader {
    /// The header's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; HEADER_BYTES as usize] {
        let mut out = [0; HEADER_BYTES as usize];
        out[0..2].copy_from_slice(&MAGIC.to_le_bytes());
        out[2] = self.channel;
        out[3] = self.flags.0;
        out[4..8].copy_from_slice(&self.length.to_le_bytes());
        out[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        out[16..24].copy_from_slice(&self.stamp.to_le_bytes());
        out[24..26].copy_from_slice(&self.source.to_le_bytes());
        out[28..32].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// If the magic is wrong or reserved bits are set.
    pub fn parse(bytes: &[u8; HEADER_BYTES as usize]) -> Result<Self, HeaderError> {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if u16_at(0) != MAGIC {
            return Err(HeaderError::Magic(u16_at(0)));
        }
        let flags = Flags(bytes[3]);
        if u16_at(26) != 0 || flags.unknown() != 0 {
            return Err(HeaderError::Reserved(u16_at(26) | u16::from(flags.unknown())));
        }
        Ok(Self {
            channel: bytes[2],
            flags,
            length: u32_at(4),
            sequence: u64_at(8),
            stamp: u64_at(16),
            source: u16_at(24),
            crc: u32_at(28),
        })
    }

    /// Bytes of the frame in the ring: header, payload, padding.
    #[must_use]
    pub const fn footprint(&self) -> u64 {
        footprint(self.length)
    }
}

/// Bytes that a frame with `length` bytes of payload takes in a ring.
#[must_use]
pub const fn footprint(length: u32) -> u64 {
    HEADER_BYTES as u64 + (length as u64).next_multiple_of(GRID as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn emit_then_parse_is_identity(channel: u8, flags in 0u8..8, length: u32, sequence: u64, stamp: u64, source: u16, crc: u32) {
            let header = FrameHeader { channel, flags: Flags(flags), length, sequence, stamp, source, crc };
            prop_assert_eq!(FrameHeader::parse(&header.emit()), Ok(header));
        }

        #[test]
        fn parse_never_panics(bytes: [u8; 32]) {
            let _ = FrameHeader::parse(&bytes);
        }
    }

    #[test]
    fn bad_headers_are_told_apart() {
        assert_eq!(FrameHeader::parse(&[0; 32]), Err(HeaderError::Magic(0)));
        let mut bytes = FrameHeader::default().emit();
        bytes[27] = 1;
        assert_eq!(FrameHeader::parse(&bytes), Err(HeaderError::Reserved(0x100)));
    }

    #[test]
    fn footprints_are_on_the_grid() {
        assert_eq!([0, 1, 32, 33].map(footprint), [32, 64, 64, 96]);
    }
}
