//! A TLP's header as a view over its dwords: reads fields, judges nothing; nonsense goes through unchanged. The other half, which writes them, is
//! in `build`.
//!
//! A dword is held as the number that its four wire bytes form in big-endian order, so bits 31 to 24 of the first are Fmt and Type. These two files
//! are the only ones that know where a field of a header lies, and what 0 means in a length.

use super::{Attributes, CompletionStatus, Kind};
use crate::credit::Class;
use crate::units::{Bdf, BusAddr, Dwords, Tag};

/// The header of a TLP. Fields that a kind does not have read as whatever lies in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Header(pub [u32; 4]);

const fn bits(word: u32, low: u32, width: u32) -> u32 {
    word >> low & ((1 << width) - 1)
}

impl Header {
    /// From wire bytes (big endian), 12 or 16 of them as Fmt says; `None` if there are fewer.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let dword = |i: usize| bytes.get(4 * i..4 * i + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let mut header = Self([dword(0)?, dword(1)?, dword(2)?, 0]);
        if header.dwords() == 4 {
            header.0[3] = dword(3)?;
        }
        Some(header)
    }

    /// As wire bytes; the first `4 × dwords()` count.
    #[must_use]
    pub fn to_wire(&self) -> [u8; 16] {
        let mut out = [0; 16];
        for (bytes, dword) in out.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
            *bytes = dword.to_be_bytes();
        }
        out
    }

    /// Fmt and Type.
    #[must_use]
    pub const fn code(&self) -> u8 {
        (self.0[0] >> 24) as u8
    }

    /// See [`Kind`].
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> Kind {
        Kind::from_code(self.code())
    }

    /// Dwords of the header: 3 or 4, by Fmt.
    #[must_use]
    #[inline]
    pub const fn dwords(&self) -> usize {
        3 + bits(self.0[0], 29, 1) as usize
    }

    /// Whether Fmt says that payload follows.
    #[must_use]
    #[inline]
    pub const fn has_data(&self) -> bool {
        bits(self.0[0], 30, 1) != 0
    }

    /// Length: 1 to 1024 dwords; the field's 0 means 1024.
    #[must_use]
    #[inline]
    pub const fn length(&self) -> Dwords {
        let field = bits(self.0[0], 0, 10);
        Dwords(if field == 0 { 1024 } else { field })
    }

    /// Bytes of payload that the header promises: 0 without data.
    #[must_use]
    #[inline]
    pub const fn payload_bytes(&self) -> u32 {
        if self.has_data() { self.length().bytes() } else { 0 }
    }

    /// Traffic class.
    #[must_use]
    pub const fn traffic_class(&self) -> u8 {
        bits(self.0[0], 20, 3) as u8
    }

    /// TD: a digest (ECRC) follows.
    #[must_use]
    pub const fn digest(&self) -> bool {
        bits(self.0[0], 15, 1) != 0
    }

    /// EP: the payload is poisoned.
    #[must_use]
    pub const fn poisoned(&self) -> bool {
        bits(self.0[0], 14, 1) != 0
    }

    /// See [`Attributes`].
    #[must_use]
    pub const fn attributes(&self) -> Attributes {
        let word = self.0[0];
        Attributes { relaxed: bits(word, 13, 1) != 0, no_snoop: bits(word, 12, 1) != 0, id_based: bits(word, 18, 1) != 0 }
    }

    /// AT: address type.
    #[must_use]
    pub const fn address_type(&self) -> u8 {
        bits(self.0[0], 10, 2) as u8
    }

    /// Requester ID, of a request or of a completion.
    #[must_use]
    #[inline]
    pub const fn requester(&self) -> Bdf {
        Bdf::from_bits((self.id_dword() >> 16) as u16)
    }

    /// Tag, of a request or of a completion: ten bits, T9 and T8 from dword 0.
    #[must_use]
    #[inline]
    pub const fn tag(&self) -> Tag {
        let low = match self.kind().class() {
            Class::Completion => bits(self.0[2], 8, 8),
            _ => bits(self.0[1], 8, 8),
        };
        Tag((low | bits(self.0[0], 19, 1) << 8 | bits(self.0[0], 23, 1) << 9) as u16)
    }

    const fn id_dword(&self) -> u32 {
        match self.kind().class() {
            Class::Completion => self.0[2],
            _ => self.0[1],
        }
    }

    /// First dword byte enables.
    #[must_use]
    #[inline]
    pub const fn first_be(&self) -> u8 {
        bits(self.0[1], 0, 4) as u8
    }

    /// Last dword byte enables.
    #[must_use]
    #[inline]
    pub const fn last_be(&self) -> u8 {
        bits(self.0[1], 4, 4) as u8
    }

    /// Address of a memory, I/O or atomic request: bits 1 to 0 are zero.
    #[must_use]
    #[inline]
    pub const fn address(&self) -> BusAddr {
        BusAddr(if self.dwords() == 4 { (self.0[2] as u64) << 32 | (self.0[3] & !3) as u64 } else { (self.0[2] & !3) as u64 })
    }

    /// Destination of a config request.
    #[must_use]
    pub const fn destination(&self) -> Bdf {
        Bdf::from_bits((self.0[2] >> 16) as u16)
    }

    /// Byte offset of the dword that a config request means: 0 to 4092.
    #[must_use]
    pub const fn config_offset(&self) -> u16 {
        bits(self.0[2], 2, 10) as u16 * 4
    }

    /// Code of a message.
    #[must_use]
    pub const fn message_code(&self) -> u8 {
        self.0[1] as u8
    }

    /// Completer ID of a completion.
    #[must_use]
    pub const fn completer(&self) -> Bdf {
        Bdf::from_bits((self.0[1] >> 16) as u16)
    }

    /// Status of a completion.
    #[must_use]
    #[inline]
    pub const fn status(&self) -> CompletionStatus {
        CompletionStatus::from_bits(bits(self.0[1], 13, 3) as u8)
    }

    /// BCM of a completion; PCI Express devices leave it clear.
    #[must_use]
    pub const fn byte_count_modified(&self) -> bool {
        bits(self.0[1], 12, 1) != 0
    }

    /// Byte count of a completion: what remains of the request, this packet included; 1 to 4096, the field's 0 means 4096.
    #[must_use]
    #[inline]
    pub const fn byte_count(&self) -> u32 {
        let field = bits(self.0[1], 0, 12);
        if field == 0 { 4096 } else { field }
    }

    /// Lower address of a completion: bits 6 to 0 of its first enabled byte.
    #[must_use]
    pub const fn lower_address(&self) -> u8 {
        bits(self.0[2], 0, 7) as u8
    }
}
