//! A packet taken apart: plain data, one variant per kind. It may say nonsense; [`super::Tlp`] is one that was judged.
//! Header bits are read and written by the view alone; this file maps its fields to names and back.

use super::{AtomicOp, Attributes, CompletionStatus, Header, Kind, Message, Span};
use crate::units::{Bdf, BusAddr, Dwords, Tag};
use alloc::vec::Vec;

/// Fields that each kind of TLP has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Requester ID.
    pub requester: Bdf,
    /// Tag.
    pub tag: Tag,
    /// Traffic class, 0 to 7.
    pub traffic_class: u8,
    /// Attributes.
    pub attributes: Attributes,
    /// EP: the payload is known to be bad.
    pub poisoned: bool,
    /// TD: a digest follows, which is no part of the payload here.
    pub digest: bool,
    /// AT, 0 to 2.
    pub address_type: u8,
}

/// Which form of config request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// For the device on the link.
    Type0,
    /// For a bus behind a bridge.
    Type1,
}

/// A TLP by kind. Payloads are in the order of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields carry the names of the header's fields")]
pub enum Packet {
    /// MRd, MRdLk. The header's form follows from the address.
    MemRead { common: Common, locked: bool, span: Span },
    /// MWr. Disabled bytes of `data` are there, but mean nothing.
    MemWrite { common: Common, span: Span, data: Vec<u8> },
    /// IORd.
    IoRead { common: Common, address: u32, first_be: u8 },
    /// IOWr.
    IoWrite { common: Common, address: u32, first_be: u8, data: [u8; 4] },
    /// CfgRd0, CfgRd1. `offset` is in bytes, 0 to 4092.
    ConfigRead { common: Common, form: ConfigType, destination: Bdf, offset: u16, first_be: u8 },
    /// CfgWr0, CfgWr1.
    ConfigWrite { common: Common, form: ConfigType, destination: Bdf, offset: u16, first_be: u8, data: [u8; 4] },
    /// FetchAdd, Swap, CAS with its one or two operands.
    Atomic { common: Common, op: AtomicOp, address: BusAddr, operands: Vec<u8> },
    /// Cpl, CplD, CplLk, CplDLk: with data if `data` is not empty.
    Completion {
        common: Common,
        locked: bool,
        completer: Bdf,
        status: CompletionStatus,
        byte_count: u32,
        byte_count_modified: bool,
        lower_address: u8,
        data: Vec<u8>,
    },
    /// Msg, MsgD.
    Message { common: Common, message: Message },
}

impl Common {
    fn of(header: &Header) -> Self {
        Self {
            requester: header.requester(),
            tag: header.tag(),
            traffic_class: header.traffic_class(),
            attributes: header.attributes(),
            poisoned: header.poisoned(),
            digest: header.digest(),
            address_type: header.address_type(),
        }
    }

    fn write(&self, header: Header) -> Header {
        header
            .with_requester(self.requester)
            .with_tag(self.tag)
            .with_traffic_class(self.traffic_class)
            .with_attributes(self.attributes)
            .with_poisoned(self.poisoned)
            .with_digest(self.digest)
            .with_address_type(self.address_type)
    }
}

/// The first dword of a payload; zeros for what is not there.
pub(super) fn dword(data: &[u8]) -> [u8; 4] {
    data.first_chunk().copied().unwrap_or_default()
}

/// A length for so many bytes; what is over the field's width is lost, and the rules see the difference.
fn length_of(data: &[u8]) -> Dwords {
    Dwords((data.len() / 4) as u32)
}

impl Packet {
    /// Takes a packet apart, judging nothing; `None` for a kind that has no variant.
    #[must_use]
    pub fn of(header: &Header, payload: &[u8]) -> Option<Self> {
        let common = Common::of(header);
        let (first_be, offset, destination) = (header.first_be(), header.config_offset(), header.destination());
        let kind = header.kind();
        let form = if matches!(kind, Kind::CfgRead0 | Kind::CfgWrite0) { ConfigType::Type0 } else { ConfigType::Type1 };
        Some(match kind {
            Kind::MemRead | Kind::MemReadLocked => {
                Self::MemRead { common, locked: kind == Kind::MemReadLocked, span: Span::from_header(header) }
            }
            Kind::MemWrite => Self::MemWrite { common, span: Span::from_header(header), data: payload.to_vec() },
            Kind::IoRead => Self::IoRead { common, address: header.address().0 as u32, first_be },
            Kind::IoWrite => Self::IoWrite { common, address: header.address().0 as u32, first_be, data: dword(payload) },
            Kind::CfgRead0 | Kind::CfgRead1 => Self::ConfigRead { common, form, destination, offset, first_be },
            Kind::CfgWrite0 | Kind::CfgWrite1 => Self::ConfigWrite { common, form, destination, offset, first_be, data: dword(payload) },
            Kind::Atomic(op) => Self::Atomic { common, op, address: header.address(), operands: payload.to_vec() },
            Kind::Completion | Kind::CompletionData | Kind::CompletionLocked | Kind::CompletionLockedData => Self::Completion {
                common,
                locked: matches!(kind, Kind::CompletionLocked | Kind::CompletionLockedData),
                completer: header.completer(),
                status: header.status(),
                byte_count: header.byte_count(),
                byte_count_modified: header.byte_count_modified(),
                lower_address: header.lower_address(),
                data: payload.to_vec(),
            },
            Kind::Message(routing) | Kind::MessageData(routing) => Self::Message { common, message: Message::of(header, routing, payload) },
            Kind::Unknown(_) => return None,
        })
    }

    /// Fields of every kind.
    #[must_use]
    pub const fn common(&self) -> &Common {
        match self {
            Self::MemRead { common, .. }
            | Self::MemWrite { common, .. }
            | Self::IoRead { common, .. }
            | Self::IoWrite { common, .. }
            | Self::ConfigRead { common, .. }
            | Self::ConfigWrite { common, .. }
            | Self::Atomic { common, .. }
            | Self::Completion { common, .. }
            | Self::Message { common, .. } => common,
        }
    }

    /// The payload, empty if there is none.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::MemRead { .. } | Self::IoRead { .. } | Self::ConfigRead { .. } => &[],
            Self::IoWrite { data, .. } | Self::ConfigWrite { data, .. } => data,
            Self::MemWrite { data, .. } | Self::Completion { data, .. } | Self::Atomic { operands: data, .. } => data,
            Self::Message { message, .. } => message.parts().3,
        }
    }

    /// The header. A field that does not fit its place is cut off.
    #[must_use]
    pub fn header(&self) -> Header {
        let common = self.common();
        let (requester, tag) = (common.requester, common.tag);
        let header = match *self {
            Self::MemRead { locked, span, .. } => span.header(if locked { Kind::MemReadLocked } else { Kind::MemRead }, requester, tag),
            Self::MemWrite { span, .. } => span.header(Kind::MemWrite, requester, tag),
            Self::IoRead { address, first_be, .. } => io(Kind::IoRead, address, first_be),
            Self::IoWrite { address, first_be, .. } => io(Kind::IoWrite, address, first_be),
            Self::ConfigRead { form, destination, offset, first_be, .. } => {
                let kind = if form == ConfigType::Type0 { Kind::CfgRead0 } else { Kind::CfgRead1 };
                Header::config(kind, requester, tag, destination, offset, first_be)
            }
            Self::ConfigWrite { form, destination, offset, first_be, .. } => {
                let kind = if form == ConfigType::Type0 { Kind::CfgWrite0 } else { Kind::CfgWrite1 };
                Header::config(kind, requester, tag, destination, offset, first_be)
            }
            Self::Atomic { op, address, ref operands, .. } => {
                Header::memory(Kind::Atomic(op), requester, tag, address, length_of(operands)).with_byte_enables(0, 0)
            }
            Self::Completion { locked, completer, status, byte_count, byte_count_modified, lower_address, ref data, .. } => {
                let length = length_of(data);
                let with_data = !data.is_empty();
                let header = Header::completion(with_data, completer, status, byte_count, requester, tag, lower_address, length);
                let header = header.with_byte_count_modified(byte_count_modified);
                match (locked, with_data) {
                    (true, true) => header.with_kind(Kind::CompletionLockedData),
                    (true, false) => header.with_kind(Kind::CompletionLocked),
                    (false, _) => header,
                }
            }
            Self::Message { ref message, .. } => {
                let (code, routing, detail, data) = message.parts();
                let kind = if data.is_empty() { Kind::Message(routing) } else { Kind::MessageData(routing) };
                Header::of(kind, false, length_of(data)).with_message_code(code).with_message_detail(detail)
            }
        };
        common.write(header)
    }
}

fn io(kind: Kind, address: u32, first_be: u8) -> Header {
    Header::of(kind, false, Dwords(1)).with_byte_enables(first_be, 0).with_address(BusAddr(address.into()))
}
