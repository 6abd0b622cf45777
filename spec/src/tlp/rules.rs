//! The rules that one TLP can be judged by alone, cheap enough for every TLP of a run: no allocation, early exits.
//! Rules that need the request as well are in [`super::CompletionSequence`]; what a card is allowed to address is nobody's business here.

use super::{AtomicOp, CompletionStatus, Header, Kind, MessageForm, MessagePayload, RuleBroken};
use crate::credit::Class;
use crate::units::{BusAddr, Dwords};

/// What holds on the link in the direction that a TLP goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Max_Payload_Size in bytes: 128 to 4096.
    pub max_payload: u32,
    /// Max_Read_Request_Size of the requester in bytes: 128 to 4096.
    pub max_read_request: u32,
    /// Read completion boundary of the completer in bytes: 64 or 128 for a root complex, 128 for any other (PCIe 4.0 §2.3.1.1).
    pub rcb: u32,
    /// Bits of a tag: 5, 8 (extended tags) or 10.
    pub tag_bits: u8,
    /// ECRC is enabled, so TD may be set. Payload lengths never include the digest.
    pub digest: bool,
    /// ATS is enabled, so AT may be other than 0.
    pub address_translation: bool,
}

impl Limits {
    /// As after reset, but with extended tags: MPS 128, MRRS 512, RCB 64.
    pub const DEFAULT: Self =
        Self { max_payload: 128, max_read_request: 512, rcb: 64, tag_bits: 8, digest: false, address_translation: false };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Judges one TLP by its header and the number of bytes of its payload (without a digest). A poisoned TLP is legal; see [`Header::poisoned`].
///
/// # Errors
/// The first rule found broken.
#[inline]
pub fn check(header: &Header, payload_len: usize, limits: &Limits) -> Result<(), RuleBroken> {
    let kind = header.kind();
    // A tag of eight bits fits unless tags have five.
    if header.has_rare_fields() || limits.tag_bits < 8 {
        check_rare(header, limits)?;
    }
    check_payload(header, payload_len, limits)?;
    match kind {
        Kind::MemWrite => check_memory(header),
        Kind::MemRead | Kind::MemReadLocked => {
            let bytes = header.length().bytes();
            if bytes > limits.max_read_request {
                return Err(RuleBroken::MaxReadRequest { bytes, limit: limits.max_read_request });
            }
            check_memory(header)
        }
        Kind::CompletionData | Kind::CompletionLockedData => check_completion_data(header, limits),
        _ => check_others(header, kind, limits),
    }
}

#[inline(never)]
fn check_others(header: &Header, kind: Kind, limits: &Limits) -> Result<(), RuleBroken> {
    match kind {
        Kind::Unknown(code) => Err(RuleBroken::UnknownKind { code }),
        Kind::Completion | Kind::CompletionLocked => check_completion(header, kind),
        Kind::Atomic(op) => check_atomic(header, op),
        Kind::Message(routing) | Kind::MessageData(routing) => check_message(header, kind, routing),
        Kind::IoRead | Kind::IoWrite | Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1 => check_narrow(header, kind),
        // `check` has them; here for completeness of the match.
        Kind::MemRead | Kind::MemReadLocked | Kind::MemWrite => check_memory(header),
        Kind::CompletionData | Kind::CompletionLockedData => check_completion_data(header, limits),
    }
}

#[cold]
fn check_rare(header: &Header, limits: &Limits) -> Result<(), RuleBroken> {
    let kind = header.kind();
    if let Kind::Unknown(code) = kind {
        return Err(RuleBroken::UnknownKind { code });
    }
    if header.processing_hints() {
        return Err(RuleBroken::ProcessingHints { kind });
    }
    if header.lightweight_notification() {
        return Err(RuleBroken::LightweightNotification { kind });
    }
    if header.digest() && !limits.digest {
        return Err(RuleBroken::Digest {});
    }
    let right = match (header.address_type(), kind) {
        (0, _) => true,
        (1, Kind::MemRead) | (2, Kind::MemRead | Kind::MemWrite | Kind::Atomic(_)) => limits.address_translation,
        _ => false,
    };
    if !right {
        return Err(RuleBroken::AddressType { kind, address_type: header.address_type() });
    }
    let bits = match header.kind().class() {
        Class::Posted => 8,
        Class::NonPosted => limits.tag_bits,
        // The other side's requests may have wider tags than ours.
        Class::Completion => limits.tag_bits.max(8),
    };
    if header.tag().0.checked_shr(bits.into()).unwrap_or(0) != 0 {
        return Err(RuleBroken::TagTooWide { tag: header.tag(), bits });
    }
    Ok(())
}

#[inline]
fn check_payload(header: &Header, got: usize, limits: &Limits) -> Result<(), RuleBroken> {
    let promised = header.payload_bytes();
    if got != promised as usize || promised > limits.max_payload {
        return Err(match header.kind() {
            // Whatever its Length would mean.
            Kind::Unknown(code) => RuleBroken::UnknownKind { code },
            _ if got == promised as usize => RuleBroken::MaxPayload { bytes: promised, limit: limits.max_payload },
            _ if !header.has_data() => RuleBroken::PayloadWithoutData { got },
            _ if got == 0 => RuleBroken::PayloadMissing { promised },
            _ => RuleBroken::PayloadLength { promised, got },
        });
    }
    Ok(())
}

fn check_reserved(header: &Header) -> Result<(), RuleBroken> {
    match header.reserved_bits() {
        Some((dword, bits)) => Err(RuleBroken::ReservedBits { dword, bits }),
        None => Ok(()),
    }
}

#[inline]
fn check_memory(header: &Header) -> Result<(), RuleBroken> {
    let (address, length) = (header.address(), header.length());
    check_address(header, address, length)?;
    check_enables(address, length, header.first_be(), header.last_be())
}

#[inline]
fn check_address(header: &Header, address: BusAddr, length: Dwords) -> Result<(), RuleBroken> {
    if header.dwords() == 4 && !address.needs_64() {
        return Err(RuleBroken::LongHeaderBelow4GiB { address });
    }
    let bytes = length.bytes();
    if (address.0 & 0xfff) as u32 + bytes > 4096 {
        return Err(RuleBroken::Crosses4KiB { address, bytes });
    }
    match header.address_low_bits() {
        0 => Ok(()),
        // TH would make them PH, but none passes to here.
        bits => Err(RuleBroken::ReservedBits { dword: header.dwords() as u8 - 1, bits }),
    }
}

/// Byte enables of a memory request (PCIe 4.0 §2.2.5). One dword may have any first ones, none included: a zero-length read (a flush), or a
/// write without effect.
#[inline]
fn check_enables(address: BusAddr, length: Dwords, first_be: u8, last_be: u8) -> Result<(), RuleBroken> {
    /// Bit `n`: `n` as First DW BE reaches to the dword's end: 1000b, 1100b, 1110b, 1111b.
    const TO_END: u32 = 1 << 0x8 | 1 << 0xc | 1 << 0xe | 1 << 0xf;
    /// Bit `n`: `n` as Last DW BE starts at the dword's start: 0001b, 0011b, 0111b, 1111b.
    const FROM_START: u32 = 1 << 0x1 | 1 << 0x3 | 1 << 0x7 | 1 << 0xf;
    let length = length.0;
    if length == 1 {
        return if last_be == 0 { Ok(()) } else { Err(RuleBroken::LastEnablesOfOneDword { last_be }) };
    }
    if TO_END >> first_be & FROM_START >> last_be & 1 != 0 {
        return Ok(());
    }
    match () {
        () if first_be == 0 => Err(RuleBroken::FirstEnablesEmpty { length }),
        () if last_be == 0 => Err(RuleBroken::LastEnablesEmpty { length }),
        () if length == 2 && address.0.is_multiple_of(8) => Ok(()),
        () => Err(RuleBroken::EnablesNotContiguous { first_be, last_be, address, length }),
    }
}

/// I/O and config requests (PCIe 4.0 §2.2.7).
fn check_narrow(header: &Header, kind: Kind) -> Result<(), RuleBroken> {
    let length = header.length().0;
    if length != 1 {
        return Err(RuleBroken::RequestLength { kind, length });
    }
    if header.last_be() != 0 {
        return Err(RuleBroken::LastEnablesOfOneDword { last_be: header.last_be() });
    }
    if header.traffic_class() != 0 {
        return Err(RuleBroken::TrafficClass { kind, traffic_class: header.traffic_class() });
    }
    let attributes = header.attributes();
    if attributes.relaxed || attributes.no_snoop || attributes.id_based {
        return Err(RuleBroken::AttributesNotZero { kind, attributes });
    }
    check_reserved(header)
}

/// AtomicOps; their byte enables are reserved and nobody looks at them.
fn check_atomic(header: &Header, op: AtomicOp) -> Result<(), RuleBroken> {
    let length = header.length().0;
    let operand = match (op, length) {
        (AtomicOp::FetchAdd | AtomicOp::Swap, 1 | 2) => length * 4,
        (AtomicOp::CompareAndSwap, 2 | 4 | 8) => length * 2,
        _ => return Err(RuleBroken::AtomicLength { op, length }),
    };
    let address = header.address();
    if !address.0.is_multiple_of(u64::from(operand)) {
        return Err(RuleBroken::AtomicAlignment { op, address, operand });
    }
    // The operands of a CAS travel together, but only one of them is memory: aligned to itself, it crosses nothing, whatever its size.
    check_address(header, address, Dwords(1))
}

fn check_message(header: &Header, kind: Kind, routing: u8) -> Result<(), RuleBroken> {
    let (code, length, has_data) = (header.message_code(), header.length().0, header.has_data());
    let Some(form) = MessageForm::of(code) else {
        return Err(RuleBroken::UnknownMessage { code });
    };
    if form.routings >> routing & 1 == 0 {
        return Err(RuleBroken::MessageRouting { code, routing, right: form.routings });
    }
    let (may_lack, right) = match form.payload {
        MessagePayload::Never => (true, Some(0)),
        MessagePayload::Always(dwords) => (false, Some(u32::from(dwords))),
        MessagePayload::Maybe(dwords) => (true, Some(u32::from(dwords))),
        MessagePayload::Any => (true, None),
    };
    match right {
        _ if !has_data && !may_lack => return Err(RuleBroken::MessageData { code, has_data }),
        Some(0) if has_data => return Err(RuleBroken::MessageData { code, has_data }),
        Some(right) if has_data && length != right => return Err(RuleBroken::MessageLength { code, length, right }),
        _ => check_length_reserved(header, kind)?,
    }
    if form.plain && header.traffic_class() != 0 {
        return Err(RuleBroken::TrafficClass { kind, traffic_class: header.traffic_class() });
    }
    let attributes = header.attributes();
    if form.plain && (attributes.relaxed || attributes.no_snoop) {
        return Err(RuleBroken::AttributesNotZero { kind, attributes });
    }
    check_reserved(header)
}

/// Without data, Length is 0 in messages and completions; the view calls that 1024.
fn check_length_reserved(header: &Header, kind: Kind) -> Result<(), RuleBroken> {
    match header.length() {
        Dwords(length) if length != 1024 && !header.has_data() => Err(RuleBroken::LengthReserved { kind, length }),
        _ => Ok(()),
    }
}

#[inline]
fn check_completion_fields(header: &Header) -> Result<(), RuleBroken> {
    if header.byte_count_modified() {
        return Err(RuleBroken::ByteCountModified {});
    }
    let (byte_count, lower_address) = (header.byte_count(), header.lower_address());
    if byte_count + u32::from(lower_address) > 4096 {
        return Err(RuleBroken::LowerAddress { byte_count, lower_address });
    }
    check_reserved(header)
}

/// A completion without data: of a write, or of anything that failed.
fn check_completion(header: &Header, kind: Kind) -> Result<(), RuleBroken> {
    match header.status() {
        CompletionStatus::Unknown(status) => return Err(RuleBroken::CompletionStatusReserved { status }),
        CompletionStatus::Success if kind == Kind::CompletionLocked => return Err(RuleBroken::LockedSuccessWithoutData {}),
        CompletionStatus::Success if header.byte_count() != 4 || header.lower_address() != 0 => {
            return Err(RuleBroken::WriteCompletionFields { byte_count: header.byte_count(), lower_address: header.lower_address() });
        }
        _ => {}
    }
    check_length_reserved(header, kind)?;
    check_completion_fields(header)
}

#[inline]
fn check_completion_data(header: &Header, limits: &Limits) -> Result<(), RuleBroken> {
    match header.status() {
        CompletionStatus::Success => {}
        CompletionStatus::Unknown(status) => return Err(RuleBroken::CompletionStatusReserved { status }),
        failed => return Err(RuleBroken::DataWithFailure { status: failed.bits() }),
    }
    check_completion_fields(header)?;
    let (length, byte_count, lower_address) = (header.length().0, header.byte_count(), header.lower_address());
    let needed = (u32::from(lower_address & 3) + byte_count).div_ceil(4);
    if length > needed {
        return Err(RuleBroken::CompletionTooLong { length, byte_count, lower_address, needed });
    }
    let off = (u32::from(lower_address & !3) + length * 4) & limits.rcb.wrapping_sub(1);
    if length < needed && off != 0 {
        return Err(RuleBroken::EndsOffRcb { lower_address, length, off, rcb: limits.rcb });
    }
    Ok(())
}
