//! What can be wrong with one TLP: a variant per rule, its message saying what was found, what is right, and where that is written.
//! Knows no packet; [`super::check`] finds them.

use super::message::routing::name as routing_name;
use super::{AtomicOp, Attributes, Kind, MessageForm};
use crate::units::{BusAddr, Tag};

/// Defines the rules and the list of their names at once, so that a test can ask for a packet that breaks each.
macro_rules! rules {
    ($($(#[$meta:meta])+ $name:ident { $($field:ident: $type:ty),* },)+) => {
        /// A rule of PCI Express Base 4.0 that a TLP breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "fields carry the names of the header's fields; the message explains each")]
        pub enum RuleBroken {
            $($(#[$meta])+ $name { $($field: $type),* },)+
        }

        impl RuleBroken {
            /// The names of all rules.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The rule's name, as the variant's: for counters and coverage.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => stringify!($name),)+
                }
            }
        }
    };
}

rules! {
    /// Fmt and Type mean nothing.
    #[error("Fmt and Type are {code:#04x}, which is no packet; it must be a code of table 2-3 (PCIe 4.0 §2.2.1)")]
    UnknownKind { code: u8 },
    /// Payload, though Fmt says there is none.
    #[error("Fmt says no data, but {got} bytes of payload follow; there must be none (PCIe 4.0 §2.2.1)")]
    PayloadWithoutData { got: usize },
    /// No payload, though Fmt promises it.
    #[error("Fmt says data and Length {promised} bytes, but no payload follows (PCIe 4.0 §2.2.2)")]
    PayloadMissing { promised: u32 },
    /// More or less payload than Length says.
    #[error("Length says {promised} bytes of payload, but {got} follow; they must be equal (PCIe 4.0 §2.2.2)")]
    PayloadLength { promised: u32, got: usize },
    /// More payload than Max_Payload_Size.
    #[error("Length says {bytes} bytes of payload; it must be at most Max_Payload_Size, {limit} (PCIe 4.0 §2.2.2)")]
    MaxPayload { bytes: u32, limit: u32 },
    /// A read of more than Max_Read_Request_Size.
    #[error("Length of a read is {bytes} bytes; it must be at most Max_Read_Request_Size, {limit} (PCIe 4.0 §2.2.7)")]
    MaxReadRequest { bytes: u32, limit: u32 },
    /// A 4-dword header for an address below 4 GiB.
    #[error("Address {address} is below 4 GiB in a 4-dword header; it must have the 3-dword form (PCIe 4.0 §2.2.4.1)")]
    LongHeaderBelow4GiB { address: BusAddr },
    /// A request crosses a 4 KiB boundary.
    #[error("Address {address} and Length {bytes} bytes cross a 4 KiB boundary; a memory request must not (PCIe 4.0 §2.2.7)")]
    Crosses4KiB { address: BusAddr, bytes: u32 },
    /// Last DW BE with a length of one dword.
    #[error("Last DW BE is {last_be:#06b} with Length 1; it must be 0000b (PCIe 4.0 §2.2.5)")]
    LastEnablesOfOneDword { last_be: u8 },
    /// First DW BE empty with more than one dword.
    #[error("First DW BE is 0000b with Length {length}; it must enable a byte when Length is over 1 (PCIe 4.0 §2.2.5)")]
    FirstEnablesEmpty { length: u32 },
    /// Last DW BE empty with more than one dword.
    #[error("Last DW BE is 0000b with Length {length}; it must enable a byte when Length is over 1 (PCIe 4.0 §2.2.5)")]
    LastEnablesEmpty { length: u32 },
    /// Holes in the byte enables where none may be.
    #[error(
        "First and Last DW BE are {first_be:#06b} and {last_be:#06b} at {address} with Length {length}; holes are right only with Length 1, \
         or 2 on a quad-word boundary (PCIe 4.0 §2.2.5)"
    )]
    EnablesNotContiguous { first_be: u8, last_be: u8, address: BusAddr, length: u32 },
    /// An I/O or config request of more than a dword.
    #[error("Length of {kind} is {length}; it must be 1 (PCIe 4.0 §2.2.7)")]
    RequestLength { kind: Kind, length: u32 },
    /// A traffic class where only TC0 may be.
    #[error("TC of {kind} is {traffic_class}; it must be 0 (PCIe 4.0 §2.2.7 for I/O and config requests, §2.2.8 for messages)")]
    TrafficClass { kind: Kind, traffic_class: u8 },
    /// Attributes where they do not apply.
    #[error(
        "Attr of {kind} is {attributes:?}; relaxed ordering and no snoop must be clear, in I/O and config requests ID-based ordering too \
         (PCIe 4.0 §2.2.6.4, §2.2.6.5)"
    )]
    AttributesNotZero { kind: Kind, attributes: Attributes },
    /// An address type that is reserved, or that is not for this packet.
    #[error(
        "AT of {kind} is {address_type}; it must be 0, or with ATS enabled 1 in a memory read or 2 in a memory or AtomicOp request \
         (PCIe 4.0 §2.2.4.1, §2.2.7)"
    )]
    AddressType { kind: Kind, address_type: u8 },
    /// A reserved bit is set.
    #[error("dword {dword} of the header has {bits:#010x} set in reserved bits; they must be clear (PCIe 4.0 §2.2)")]
    ReservedBits { dword: u8, bits: u32 },
    /// TH, though nobody enabled TPH.
    #[error("TH is set in {kind}; it must be clear, as no TPH requester is enabled (PCIe 4.0 §2.2.7.1)")]
    ProcessingHints { kind: Kind },
    /// LN, though nobody enabled it.
    #[error("LN is set in {kind}; it must be clear, as no LN requester is enabled (PCIe 4.0 §6.21)")]
    LightweightNotification { kind: Kind },
    /// TD, though no digest travels here.
    #[error("TD is set; it must be clear, as ECRC is not enabled (PCIe 4.0 §2.2.3)")]
    Digest {},
    /// A tag wider than what is enabled.
    #[error("Tag is {:#x}, over {bits} bits; it must fit the width enabled, and T9 and T8 are reserved in posted requests (PCIe 4.0 §2.2.6.2)", tag.0)]
    TagTooWide { tag: Tag, bits: u8 },
    /// A message code that is not defined.
    #[error("Message Code is {code:#04x}, which is not defined (PCIe 4.0 §2.2.8)")]
    UnknownMessage { code: u8 },
    /// A message routed as it must not be.
    #[error("routing of {} is {routing} ({}); right are those whose bit is set in {right:#08b} (PCIe 4.0 §2.2.8)", message_name(*code), routing_name(*routing))]
    MessageRouting { code: u8, routing: u8, right: u8 },
    /// Msg instead of MsgD, or the other way round.
    #[error("{} comes {} data; it must be the other way (PCIe 4.0 §2.2.8)", message_name(*code), if *has_data { "with" } else { "without" })]
    MessageData { code: u8, has_data: bool },
    /// A message with the wrong length of payload.
    #[error("Length of {} is {length}; it must be {right} (PCIe 4.0 §2.2.8)", message_name(*code))]
    MessageLength { code: u8, length: u32, right: u32 },
    /// Length, where it is reserved.
    #[error("Length of {kind} is {length}; it is reserved without data and must be 0 (PCIe 4.0 §2.2.8 for messages, §2.2.9 for completions)")]
    LengthReserved { kind: Kind, length: u32 },
    /// A reserved completion status.
    #[error("Completion Status is {status:#05b}, which is reserved; it must be SC 000b, UR 001b, CRS 010b or CA 100b (PCIe 4.0 §2.2.9)")]
    CompletionStatusReserved { status: u8 },
    /// Data with a status that has none.
    #[error("Completion Status is {status:#05b} in a completion with data; it must be SC, or the completion without data (PCIe 4.0 §2.3.1.1)")]
    DataWithFailure { status: u8 },
    /// A successful completion without data that cannot belong to a write.
    #[error(
        "Byte Count is {byte_count} and Lower Address {lower_address:#04x} in a successful completion without data; it completes a write, \
         so they must be 4 and 0 (PCIe 4.0 §2.2.9)"
    )]
    WriteCompletionFields { byte_count: u32, lower_address: u8 },
    /// A locked read that succeeded without data.
    #[error("CplLk has status SC; without data it must tell of an error (PCIe 4.0 §2.2.1, table 2-3)")]
    LockedSuccessWithoutData {},
    /// BCM is set.
    #[error("BCM is set; a PCI Express completer must leave it clear (PCIe 4.0 §2.2.9)")]
    ByteCountModified {},
    /// Byte count and lower address that no request can have.
    #[error(
        "Byte Count {byte_count} from Lower Address {lower_address:#04x} on crosses 4 KiB; their sum must be at most 4096, as no request \
         crosses it (PCIe 4.0 §2.2.7, §2.3.1.1)"
    )]
    LowerAddress { byte_count: u32, lower_address: u8 },
    /// More data than the byte count leaves.
    #[error(
        "Length is {length} dwords, but Byte Count {byte_count} from Lower Address {lower_address:#04x} on needs only {needed} \
         (PCIe 4.0 §2.3.1.1)"
    )]
    CompletionTooLong { length: u32, byte_count: u32, lower_address: u8, needed: u32 },
    /// Not the last completion, and it ends off RCB.
    #[error(
        "Lower Address {lower_address:#04x} and Length {length} dwords end {off} bytes off the read completion boundary of {rcb} with data \
         to come; only the last completion may (PCIe 4.0 §2.3.1.1)"
    )]
    EndsOffRcb { lower_address: u8, length: u32, off: u32, rcb: u32 },
    /// An AtomicOp with operands of a size that is not defined.
    #[error("Length of {op:?} is {length}; it must be 1 or 2 for FetchAdd and Swap, 2, 4 or 8 for CAS (PCIe 4.0 §2.2.7, table 2-14)")]
    AtomicLength { op: AtomicOp, length: u32 },
    /// An AtomicOp that is not aligned to its operand.
    #[error("Address {address} of {op:?} is not a multiple of its operand, {operand} bytes (PCIe 4.0 §2.2.7)")]
    AtomicAlignment { op: AtomicOp, address: BusAddr, operand: u32 },
}

fn message_name(code: u8) -> &'static str {
    MessageForm::of(code).map_or("a message", |form| form.name)
}
