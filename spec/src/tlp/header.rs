//! A TLP's header as a view over its dwords. Reads and writes fields, judges nothing: nonsense goes through unchanged.
//!
//! A dword is held as the number that its four wire bytes form in big-endian order, so bits 31 to 24 of the first are Fmt and Type. This is the only
//! place that knows where a field of a header lies, and what 0 means in a length.

use crate::credit::Class;
use crate::units::{Bdf, BusAddr, Dwords, Tag};

/// What kind of packet Fmt and Type say it is (PCIe 4.0 table 2-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MRd, 3 or 4 dwords of header.
    MemRead,
    /// MRdLk.
    MemReadLocked,
    /// MWr.
    MemWrite,
    /// IORd.
    IoRead,
    /// IOWr.
    IoWrite,
    /// CfgRd0.
    CfgRead0,
    /// CfgWr0.
    CfgWrite0,
    /// CfgRd1.
    CfgRead1,
    /// CfgWr1.
    CfgWrite1,
    /// Msg with its routing (r\[2:0\]).
    Message(u8),
    /// MsgD with its routing.
    MessageData(u8),
    /// Cpl.
    Completion,
    /// CplD.
    CompletionData,
    /// CplLk.
    CompletionLocked,
    /// CplDLk.
    CompletionLockedData,
    /// An AtomicOp request.
    Atomic(AtomicOp),
    /// A local TLP prefix, or any other code (Fmt and Type, 8 bits).
    Unknown(u8),
}

/// Which AtomicOp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicOp {
    /// FetchAdd.
    FetchAdd,
    /// Swap.
    Swap,
    /// Compare and swap.
    CompareAndSwap,
}

impl Kind {
    /// Fmt and Type as in the first byte; a memory request gets the 3-dword form.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::MemRead => 0x00,
            Self::MemReadLocked => 0x01,
            Self::MemWrite => 0x40,
            Self::IoRead => 0x02,
            Self::IoWrite => 0x42,
            Self::CfgRead0 => 0x04,
            Self::CfgWrite0 => 0x44,
            Self::CfgRead1 => 0x05,
            Self::CfgWrite1 => 0x45,
            Self::Message(routing) => 0x30 | routing & 7,
            Self::MessageData(routing) => 0x70 | routing & 7,
            Self::Completion => 0x0a,
            Self::CompletionData => 0x4a,
            Self::CompletionLocked => 0x0b,
            Self::CompletionLockedData => 0x4b,
            Self::Atomic(AtomicOp::FetchAdd) => 0x4c,
            Self::Atomic(AtomicOp::Swap) => 0x4d,
            Self::Atomic(AtomicOp::CompareAndSwap) => 0x4e,
            Self::Unknown(code) => code,
        }
    }

    /// From Fmt and Type.
    #[must_use]
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0x00 | 0x20 => Self::MemRead,
            0x01 | 0x21 => Self::MemReadLocked,
            0x40 | 0x60 => Self::MemWrite,
            0x02 => Self::IoRead,
            0x42 => Self::IoWrite,
            0x04 => Self::CfgRead0,
            0x44 => Self::CfgWrite0,
            0x05 => Self::CfgRead1,
            0x45 => Self::CfgWrite1,
            0x30..=0x37 => Self::Message(code & 7),
            0x70..=0x77 => Self::MessageData(code & 7),
            0x0a => Self::Completion,
            0x4a => Self::CompletionData,
            0x0b => Self::CompletionLocked,
            0x4b => Self::CompletionLockedData,
            0x4c | 0x6c => Self::Atomic(AtomicOp::FetchAdd),
            0x4d | 0x6d => Self::Atomic(AtomicOp::Swap),
            0x4e | 0x6e => Self::Atomic(AtomicOp::CompareAndSwap),
            _ => Self::Unknown(code),
        }
    }

    /// Class towards credits; an unknown kind counts as posted, since nothing answers it.
    #[must_use]
    #[inline]
    pub const fn class(self) -> Class {
        match self {
            Self::MemWrite | Self::Message(_) | Self::MessageData(_) | Self::Unknown(_) => Class::Posted,
            Self::Completion | Self::CompletionData | Self::CompletionLocked | Self::CompletionLockedData => Class::Completion,
            _ => Class::NonPosted,
        }
    }
}

/// Attr: how a packet may be ordered and whether caches are snooped (PCIe 4.0 §2.2.6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Relaxed ordering, Attr\[1\].
    pub relaxed: bool,
    /// No snoop, Attr\[0\].
    pub no_snoop: bool,
    /// ID-based ordering, Attr\[2\].
    pub id_based: bool,
}

/// Status of a completion (PCIe 4.0 table 2-34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompletionStatus {
    /// SC.
    Success,
    /// UR.
    UnsupportedRequest,
    /// CRS.
    ConfigRetry,
    /// CA.
    CompleterAbort,
    /// A reserved code; a receiver treats it as UR.
    Unknown(u8),
}

impl CompletionStatus {
    /// The three bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedRequest => 1,
            Self::ConfigRetry => 2,
            Self::CompleterAbort => 4,
            Self::Unknown(bits) => bits & 7,
        }
    }

    /// From the three bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::Success,
            1 => Self::UnsupportedRequest,
            2 => Self::ConfigRetry,
            4 => Self::CompleterAbort,
            other => Self::Unknown(other),
        }
    }
}

/// The header of a TLP. Fields that a kind does not have read as whatever lies in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Header(pub [u32; 4]);

const fn bits(word: u32, low: u32, width: u32) -> u32 {
    word >> low & ((1 << width) - 1)
}

const fn with(word: u32, low: u32, width: u32, value: u32) -> u32 {
    let mask = ((1 << width) - 1) << low;
    word & !mask | value << low & mask
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

    /// A header of `kind` for `length` dwords, all else zero. `four` picks the 4-dword form of a memory request.
    #[must_use]
    #[inline]
    pub const fn of(kind: Kind, four: bool, length: Dwords) -> Self {
        Self([(kind.code() as u32) << 24 | (four as u32) << 29 | length.0 & 0x3ff, 0, 0, 0])
    }

    /// A memory request over whole dwords: kind MRd or MWr, 4-dword header from 4 GiB on.
    #[must_use]
    #[inline]
    pub const fn memory(kind: Kind, requester: Bdf, tag: Tag, address: BusAddr, length: Dwords) -> Self {
        let last = if length.0 > 1 { 0xf } else { 0 };
        Self::of(kind, address.needs_64(), length)
            .with_requester(requester)
            .with_tag(tag)
            .with_byte_enables(0xf, last)
            .with_address(address)
    }

    /// A config request for the dword at `offset`.
    #[must_use]
    pub const fn config(kind: Kind, requester: Bdf, tag: Tag, destination: Bdf, offset: u16, first_be: u8) -> Self {
        let mut header = Self::of(kind, false, Dwords(1)).with_requester(requester).with_tag(tag).with_byte_enables(first_be, 0);
        header.0[2] = (destination.bits() as u32) << 16 | (offset & 0xffc) as u32;
        header
    }

    /// A completion. `length` counts only with data.
    #[must_use]
    #[allow(clippy::too_many_arguments, reason = "these are the fields of a completion")]
    pub const fn completion(
        with_data: bool,
        completer: Bdf,
        status: CompletionStatus,
        byte_count: u32,
        requester: Bdf,
        tag: Tag,
        lower_address: u8,
        length: Dwords,
    ) -> Self {
        let (kind, length) = if with_data { (Kind::CompletionData, length) } else { (Kind::Completion, Dwords(0)) };
        let mut header = Self::of(kind, false, length);
        header.0[1] = (completer.bits() as u32) << 16 | (status.bits() as u32) << 13 | byte_count & 0xfff;
        header.0[2] = lower_address as u32 & 0x7f;
        header.with_requester(requester).with_tag(tag)
    }

    /// With another requester ID.
    #[must_use]
    #[inline]
    pub const fn with_requester(mut self, requester: Bdf) -> Self {
        let at = if matches!(self.kind().class(), Class::Completion) { 2 } else { 1 };
        self.0[at] = with(self.0[at], 16, 16, requester.bits() as u32);
        self
    }

    /// With another tag.
    #[must_use]
    #[inline]
    pub const fn with_tag(mut self, tag: Tag) -> Self {
        let at = if matches!(self.kind().class(), Class::Completion) { 2 } else { 1 };
        self.0[at] = with(self.0[at], 8, 8, tag.0 as u32);
        self.0[0] = with(with(self.0[0], 19, 1, tag.0 as u32 >> 8), 23, 1, tag.0 as u32 >> 9);
        self
    }

    /// With other byte enables.
    #[must_use]
    #[inline]
    pub const fn with_byte_enables(mut self, first: u8, last: u8) -> Self {
        self.0[1] = with(with(self.0[1], 0, 4, first as u32), 4, 4, last as u32);
        self
    }

    /// With another address, in the form that the header has.
    #[must_use]
    #[inline]
    pub const fn with_address(mut self, address: BusAddr) -> Self {
        let low = address.0 as u32 & !3;
        if self.dwords() == 4 {
            self.0[2] = (address.0 >> 32) as u32;
            self.0[3] = low;
        } else {
            self.0[2] = low;
        }
        self
    }

    /// With another length; 1024 is stored as 0.
    #[must_use]
    pub const fn with_length(mut self, length: Dwords) -> Self {
        self.0[0] = with(self.0[0], 0, 10, length.0);
        self
    }

    /// With another traffic class.
    #[must_use]
    pub const fn with_traffic_class(mut self, class: u8) -> Self {
        self.0[0] = with(self.0[0], 20, 3, class as u32);
        self
    }

    /// With other attributes.
    #[must_use]
    #[inline]
    pub const fn with_attributes(mut self, attributes: Attributes) -> Self {
        let word = with(self.0[0], 13, 1, attributes.relaxed as u32);
        let word = with(word, 12, 1, attributes.no_snoop as u32);
        self.0[0] = with(word, 18, 1, attributes.id_based as u32);
        self
    }

    /// Poisoned or not.
    #[must_use]
    pub const fn with_poisoned(mut self, poisoned: bool) -> Self {
        self.0[0] = with(self.0[0], 14, 1, poisoned as u32);
        self
    }

    /// With or without a digest.
    #[must_use]
    pub const fn with_digest(mut self, digest: bool) -> Self {
        self.0[0] = with(self.0[0], 15, 1, digest as u32);
        self
    }

    /// With another message code.
    #[must_use]
    pub const fn with_message_code(mut self, code: u8) -> Self {
        self.0[1] = with(self.0[1], 0, 8, code as u32);
        self
    }
}
