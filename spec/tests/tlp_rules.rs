//! A packet for each rule: legal but for one thing, and that thing is named. A rule without such a packet fails the last test.

use rstest::rstest;
use silico_spec::tlp::{AtomicOp, Attributes, CompletionStatus, Header, Kind, Limits, RuleBroken as Broken, Tlp, check};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};
use std::collections::BTreeSet;

const CARD: Bdf = Bdf::from_bits(0x0100);
const HOST: Bdf = Bdf::from_bits(0);
const LIMITS: Limits = Limits { max_payload: 256, max_read_request: 512, rcb: 64, tag_bits: 8, digest: false, address_translation: false };
const ATS: Limits = Limits { address_translation: true, ..LIMITS };

struct Case {
    name: &'static str,
    /// Legal, with its payload.
    good: (Header, usize),
    /// The same with one thing changed.
    bad: (Header, usize),
    expected: Broken,
}

fn case(name: &'static str, good: (Header, usize), bad: (Header, usize), expected: Broken) -> Case {
    Case { name, good, bad, expected }
}

fn memory(kind: Kind, address: u64, dwords: u32) -> Header {
    Header::memory(kind, CARD, Tag(3), BusAddr(address), Dwords(dwords))
}

fn config(kind: Kind) -> Header {
    Header::config(kind, HOST, Tag(1), CARD, 0x10, 0xf)
}

fn io(kind: Kind) -> Header {
    Header::of(kind, false, Dwords(1)).with_byte_enables(0xf, 0).with_address(BusAddr(0x3f8))
}

fn message(kind: Kind, code: u8) -> Header {
    Header::of(kind, false, Dwords(0)).with_requester(CARD).with_message_code(code)
}

fn cpld(byte_count: u32, lower_address: u8, dwords: u32) -> Header {
    Header::completion(true, HOST, CompletionStatus::Success, byte_count, CARD, Tag(3), lower_address, Dwords(dwords))
}

fn cpl(status: CompletionStatus, byte_count: u32, lower_address: u8) -> Header {
    Header::completion(false, HOST, status, byte_count, CARD, Tag(3), lower_address, Dwords(0))
}

/// With bits of a dword flipped: what the view has no setter for.
fn flip(header: Header, dword: usize, bits: u32) -> Header {
    let mut out = header;
    out.0[dword] ^= bits;
    out
}

fn request_cases() -> Vec<Case> {
    use Kind::{CfgRead0, CfgWrite1, IoRead, IoWrite, MemRead, MemReadLocked, MemWrite};
    let write = memory(MemWrite, 0x1000, 4);
    let read = memory(MemRead, 0x1000, 4);
    let far = memory(MemWrite, 0x1_0000_1000, 4);
    let attributes = |relaxed, no_snoop, id_based| Attributes { relaxed, no_snoop, id_based };
    let (ro, ns, ido) = (attributes(true, false, false), attributes(false, true, false), attributes(false, false, true));
    let enables =
        |first_be, last_be, address: u64, length| Broken::EnablesNotContiguous { first_be, last_be, address: BusAddr(address), length };
    let [pair, off, three] = [memory(MemWrite, 0x1008, 2), memory(MemWrite, 0x1004, 2), memory(MemWrite, 0x1008, 3)];
    vec![
        case("code that means nothing", (write, 16), (flip(write, 0, 0x1f00_0000), 16), Broken::UnknownKind { code: 0x5f }),
        case("I/O with 4 dwords", (io(IoRead), 0), (flip(io(IoRead), 0, 0x2000_0000), 0), Broken::UnknownKind { code: 0x22 }),
        case("prefix", (read, 0), (flip(read, 0, 0x8000_0000), 0), Broken::UnknownKind { code: 0x80 }),
        case("unknown, oddly long", (write, 16), (flip(write, 0, 0x1f00_0000), 5), Broken::UnknownKind { code: 0x5f }),
        case(
            "unknown, over MPS",
            (memory(MemWrite, 0x1000, 64), 256),
            (flip(memory(MemWrite, 0x1000, 65), 0, 0x1f00_0000), 260),
            Broken::UnknownKind { code: 0x5f },
        ),
        case("unknown, rare field", (write, 16), (flip(write, 0, 0x1f01_0000), 16), Broken::UnknownKind { code: 0x5f }),
        case("payload of a read", (read, 0), (read, 16), Broken::PayloadWithoutData { got: 16 }),
        case("write without payload", (write, 16), (write, 0), Broken::PayloadMissing { promised: 16 }),
        case("payload too short", (write, 16), (write, 12), Broken::PayloadLength { promised: 16, got: 12 }),
        case("payload too long", (write, 16), (write, 17), Broken::PayloadLength { promised: 16, got: 17 }),
        case(
            "over MPS",
            (memory(MemWrite, 0x1000, 64), 256),
            (memory(MemWrite, 0x1000, 65), 260),
            Broken::MaxPayload { bytes: 260, limit: 256 },
        ),
        case(
            "over MRRS",
            (memory(MemRead, 0x1000, 128), 0),
            (memory(MemRead, 0x1000, 129), 0),
            Broken::MaxReadRequest { bytes: 516, limit: 512 },
        ),
        case(
            "locked read over MRRS",
            (memory(MemReadLocked, 0x1000, 128), 0),
            (memory(MemReadLocked, 0x1000, 0), 0),
            Broken::MaxReadRequest { bytes: 4096, limit: 512 },
        ),
        case(
            "long header, low address",
            (far, 16),
            (far.with_address(BusAddr(0x1000)), 16),
            Broken::LongHeaderBelow4GiB { address: BusAddr(0x1000) },
        ),
        case(
            "write over 4 KiB",
            (memory(MemWrite, 0x1ff0, 4), 16),
            (memory(MemWrite, 0x1ff4, 4), 16),
            Broken::Crosses4KiB { address: BusAddr(0x1ff4), bytes: 16 },
        ),
        case(
            "read over 4 KiB",
            (memory(MemRead, 0x5_0000_0e00, 128), 0),
            (memory(MemRead, 0x5_0000_0e04, 128), 0),
            Broken::Crosses4KiB { address: BusAddr(0x5_0000_0e04), bytes: 512 },
        ),
        case(
            "last BE of one dword",
            (memory(MemWrite, 0x1000, 1), 4),
            (memory(MemWrite, 0x1000, 1).with_byte_enables(0xf, 0x1), 4),
            Broken::LastEnablesOfOneDword { last_be: 1 },
        ),
        case("first BE empty", (write, 16), (write.with_byte_enables(0, 0xf), 16), Broken::FirstEnablesEmpty { length: 4 }),
        case("first BE empty, 2 aligned dwords", (pair, 8), (pair.with_byte_enables(0, 0xf), 8), Broken::FirstEnablesEmpty { length: 2 }),
        case("last BE empty", (write, 16), (write.with_byte_enables(0xf, 0), 16), Broken::LastEnablesEmpty { length: 4 }),
        case("last BE empty, 2 aligned dwords", (pair, 8), (pair.with_byte_enables(0xf, 0), 8), Broken::LastEnablesEmpty { length: 2 }),
        case(
            "hole at the start",
            (three.with_byte_enables(0b1000, 1), 12),
            (three.with_byte_enables(0b1011, 1), 12),
            enables(0b1011, 1, 0x1008, 3),
        ),
        case(
            "hole at the end",
            (three.with_byte_enables(0b1100, 7), 12),
            (three.with_byte_enables(0b1100, 6), 12),
            enables(0b1100, 6, 0x1008, 3),
        ),
        case(
            "holes in 2 dwords off 8 bytes",
            (pair.with_byte_enables(5, 9), 8),
            (off.with_byte_enables(5, 9), 8),
            enables(5, 9, 0x1004, 2),
        ),
        case(
            "config of 2 dwords",
            (config(CfgRead0), 0),
            (config(CfgRead0).with_length(Dwords(2)), 0),
            Broken::RequestLength { kind: CfgRead0, length: 2 },
        ),
        case(
            "I/O of 2 dwords",
            (io(IoWrite), 4),
            (io(IoWrite).with_length(Dwords(2)), 8),
            Broken::RequestLength { kind: IoWrite, length: 2 },
        ),
        case(
            "last BE of config",
            (config(CfgWrite1), 4),
            (config(CfgWrite1).with_byte_enables(0xf, 8), 4),
            Broken::LastEnablesOfOneDword { last_be: 8 },
        ),
        case("last BE of I/O", (io(IoRead), 0), (io(IoRead).with_byte_enables(1, 1), 0), Broken::LastEnablesOfOneDword { last_be: 1 }),
        case(
            "TC of config",
            (config(CfgRead0), 0),
            (config(CfgRead0).with_traffic_class(1), 0),
            Broken::TrafficClass { kind: CfgRead0, traffic_class: 1 },
        ),
        case("TC of I/O", (io(IoRead), 0), (io(IoRead).with_traffic_class(7), 0), Broken::TrafficClass { kind: IoRead, traffic_class: 7 }),
        case(
            "RO of config",
            (config(CfgRead0), 0),
            (config(CfgRead0).with_attributes(ro), 0),
            Broken::AttributesNotZero { kind: CfgRead0, attributes: ro },
        ),
        case("NS of I/O", (io(IoRead), 0), (io(IoRead).with_attributes(ns), 0), Broken::AttributesNotZero { kind: IoRead, attributes: ns }),
        case(
            "IDO of I/O",
            (io(IoWrite), 4),
            (io(IoWrite).with_attributes(ido), 4),
            Broken::AttributesNotZero { kind: IoWrite, attributes: ido },
        ),
        case("AT without ATS", (write, 16), (write.with_address_type(2), 16), Broken::AddressType { kind: MemWrite, address_type: 2 }),
        case(
            "AT of config",
            (config(CfgRead0), 0),
            (config(CfgRead0).with_address_type(1), 0),
            Broken::AddressType { kind: CfgRead0, address_type: 1 },
        ),
        case("reserved address bits", (write, 16), (flip(write, 2, 1), 16), Broken::ReservedBits { dword: 2, bits: 1 }),
        case("reserved bits of a long address", (far, 16), (flip(far, 3, 2), 16), Broken::ReservedBits { dword: 3, bits: 2 }),
        case(
            "reserved bits of config",
            (config(CfgWrite1), 4),
            (flip(config(CfgWrite1), 2, 0x4000), 4),
            Broken::ReservedBits { dword: 2, bits: 0x4000 },
        ),
        case("reserved bits of I/O", (io(IoRead), 0), (flip(io(IoRead), 2, 3), 0), Broken::ReservedBits { dword: 2, bits: 3 }),
        case("TH", (read, 0), (flip(read, 0, 1 << 16), 0), Broken::ProcessingHints { kind: MemRead }),
        case("LN", (read, 0), (flip(read, 0, 1 << 17), 0), Broken::LightweightNotification { kind: MemRead }),
        case("digest", (write, 16), (write.with_digest(true), 16), Broken::Digest {}),
        case(
            "tag of 9 bits",
            (read.with_tag(Tag(0xff)), 0),
            (read.with_tag(Tag(0x100)), 0),
            Broken::TagTooWide { tag: Tag(0x100), bits: 8 },
        ),
        case("T9 of a write", (write, 16), (write.with_tag(Tag(0x203)), 16), Broken::TagTooWide { tag: Tag(0x203), bits: 8 }),
    ]
}

fn atomic_and_message_cases() -> Vec<Case> {
    use Kind::{Message, MessageData};
    let add = memory(Kind::Atomic(AtomicOp::FetchAdd), 0x1008, 2);
    let cas = memory(Kind::Atomic(AtomicOp::CompareAndSwap), 0x1010, 8);
    let far = memory(Kind::Atomic(AtomicOp::Swap), 0x1_0000_0000, 1);
    let intx = message(Message(4), 0x21);
    let slot = message(MessageData(4), 0x50).with_length(Dwords(1));
    let vendor = message(MessageData(0), 0x7f).with_length(Dwords(3));
    let ro = Attributes { relaxed: true, no_snoop: false, id_based: false };
    vec![
        case(
            "FetchAdd of 3 dwords",
            (add, 8),
            (add.with_length(Dwords(3)), 12),
            Broken::AtomicLength { op: AtomicOp::FetchAdd, length: 3 },
        ),
        case(
            "CAS of 1 dword",
            (cas, 32),
            (cas.with_length(Dwords(1)), 4),
            Broken::AtomicLength { op: AtomicOp::CompareAndSwap, length: 1 },
        ),
        case(
            "FetchAdd off its operand",
            (add, 8),
            (add.with_address(BusAddr(0x100c)), 8),
            Broken::AtomicAlignment { op: AtomicOp::FetchAdd, address: BusAddr(0x100c), operand: 8 },
        ),
        case(
            "CAS off its operand",
            (cas, 32),
            (cas.with_address(BusAddr(0x1018)), 32),
            Broken::AtomicAlignment { op: AtomicOp::CompareAndSwap, address: BusAddr(0x1018), operand: 16 },
        ),
        case("long header of an atomic", (far, 4), (far.with_address(BusAddr(0)), 4), Broken::LongHeaderBelow4GiB { address: BusAddr(0) }),
        case("reserved bits of an atomic", (add, 8), (flip(add, 2, 2), 8), Broken::ReservedBits { dword: 2, bits: 2 }),
        case("message that is not defined", (intx, 0), (intx.with_message_code(0x28), 0), Broken::UnknownMessage { code: 0x28 }),
        case("INTx to root", (intx, 0), (message(Message(0), 0x21), 0), Broken::MessageRouting { code: 0x21, routing: 0, right: 0x10 }),
        case(
            "error broadcast",
            (message(Message(0), 0x30), 0),
            (message(Message(3), 0x30), 0),
            Broken::MessageRouting { code: 0x30, routing: 3, right: 1 },
        ),
        case(
            "vendor gathered",
            (vendor, 12),
            (flip(vendor, 0, 5 << 24), 12),
            Broken::MessageRouting { code: 0x7f, routing: 5, right: 0x1d },
        ),
        case(
            "INTx with data",
            (intx, 0),
            (message(MessageData(4), 0x21).with_length(Dwords(1)), 4),
            Broken::MessageData { code: 0x21, has_data: true },
        ),
        case(
            "slot power limit without data",
            (slot, 4),
            (message(Message(4), 0x50), 0),
            Broken::MessageData { code: 0x50, has_data: false },
        ),
        case(
            "slot power limit of 2 dwords",
            (slot, 4),
            (slot.with_length(Dwords(2)), 8),
            Broken::MessageLength { code: 0x50, length: 2, right: 1 },
        ),
        case("TC of INTx", (intx, 0), (intx.with_traffic_class(1), 0), Broken::TrafficClass { kind: Message(4), traffic_class: 1 }),
        case("RO of INTx", (intx, 0), (intx.with_attributes(ro), 0), Broken::AttributesNotZero { kind: Message(4), attributes: ro }),
        case("AT of a message", (intx, 0), (intx.with_address_type(1), 0), Broken::AddressType { kind: Message(4), address_type: 1 }),
        case("reserved bits of INTx", (intx, 0), (intx.with_message_detail([0, 9]), 0), Broken::ReservedBits { dword: 3, bits: 9 }),
        case(
            "destination not routed by ID",
            (vendor, 12),
            (vendor.with_message_detail([0x0200_10dc, 0]), 12),
            Broken::ReservedBits { dword: 2, bits: 0x0200_0000 },
        ),
        case("Length of INTx", (intx, 0), (intx.with_length(Dwords(1)), 0), Broken::LengthReserved { kind: Message(4), length: 1 }),
    ]
}

fn completion_cases() -> Vec<Case> {
    use CompletionStatus::{Success, Unknown, UnsupportedRequest};
    let status = |header: Header, bits: u32| flip(header, 1, bits << 13);
    let data = cpld(256, 0, 32);
    let failed = cpl(UnsupportedRequest, 256, 0);
    let locked = failed.with_kind(Kind::CompletionLocked);
    let end_off = |rcb, off| Broken::EndsOffRcb { lower_address: 0x20, length: 16, off, rcb };
    vec![
        case("reserved status", (failed, 0), (cpl(Unknown(3), 256, 0), 0), Broken::CompletionStatusReserved { status: 3 }),
        case("reserved status with data", (data, 128), (status(data, 7), 128), Broken::CompletionStatusReserved { status: 7 }),
        case("UR with data", (data, 128), (status(data, 1), 128), Broken::DataWithFailure { status: 1 }),
        case("CRS with data", (data, 128), (status(data, 2), 128), Broken::DataWithFailure { status: 2 }),
        case(
            "byte count of a write's completion",
            (cpl(Success, 4, 0), 0),
            (cpl(Success, 8, 0), 0),
            Broken::WriteCompletionFields { byte_count: 8, lower_address: 0 },
        ),
        case(
            "lower address of a write's completion",
            (cpl(Success, 4, 0), 0),
            (cpl(Success, 4, 4), 0),
            Broken::WriteCompletionFields { byte_count: 4, lower_address: 4 },
        ),
        case("CplLk with SC", (locked, 0), (status(locked, 1), 0), Broken::LockedSuccessWithoutData {}),
        case("BCM", (data, 128), (data.with_byte_count_modified(true), 128), Broken::ByteCountModified {}),
        case("BCM without data", (failed, 0), (failed.with_byte_count_modified(true), 0), Broken::ByteCountModified {}),
        case(
            "Length of Cpl",
            (failed, 0),
            (failed.with_length(Dwords(1)), 0),
            Broken::LengthReserved { kind: Kind::Completion, length: 1 },
        ),
        case(
            "byte count over 4 KiB",
            (cpld(4096 - 0x40, 0x40, 16), 64),
            (cpld(4096 - 0x3f, 0x40, 16), 64),
            Broken::LowerAddress { byte_count: 4096 - 0x3f, lower_address: 0x40 },
        ),
        case(
            "more data than byte count",
            (cpld(5, 0x42, 2), 8),
            (cpld(5, 0x42, 3), 12),
            Broken::CompletionTooLong { length: 3, byte_count: 5, lower_address: 0x42, needed: 2 },
        ),
        case("end off RCB", (cpld(64, 0x20, 16), 64), (cpld(65, 0x20, 16), 64), end_off(64, 0x20)),
        case("reserved bit of Cpl", (failed, 0), (flip(failed, 2, 0x80), 0), Broken::ReservedBits { dword: 2, bits: 0x80 }),
        case(
            "AT of a completion",
            (data, 128),
            (data.with_address_type(1), 128),
            Broken::AddressType { kind: Kind::CompletionData, address_type: 1 },
        ),
        case("completion over MPS", (cpld(512, 0, 64), 256), (cpld(512, 0, 80), 320), Broken::MaxPayload { bytes: 320, limit: 256 }),
        case("completion's tag", (data, 128), (data.with_tag(Tag(0x103)), 128), Broken::TagTooWide { tag: Tag(0x103), bits: 8 }),
        case("completion's payload", (data, 128), (data, 124), Broken::PayloadLength { promised: 128, got: 124 }),
    ]
}

#[rstest]
#[case::requests(request_cases())]
#[case::atomics_and_messages(atomic_and_message_cases())]
#[case::completions(completion_cases())]
fn a_packet_that_breaks_just_one_rule_is_refused_by_that_rule(#[case] cases: Vec<Case>) {
    for Case { name, good, bad, expected } in cases {
        assert_eq!(check(&good.0, good.1, &LIMITS), Ok(()), "{name}: the packet that it is made from, {}", good.0);
        assert_eq!(check(&bad.0, bad.1, &LIMITS), Err(expected), "{name}: {}", bad.0);
        let text = expected.to_string();
        assert!(text.contains("(PCIe 4.0 §"), "{name}: a message without its section: {text}");
        let payload = vec![0; bad.1];
        let violation = Tlp::parse(&bad.0, &payload, &LIMITS).unwrap_err().to_string();
        assert!(violation.ends_with(&text) && violation.starts_with(&bad.0.to_string()), "{name}: {violation}");
    }
}

#[test]
fn a_broken_rule_of_a_message_names_the_message() {
    for (code, name) in [(0x50, "Set_Slot_Power_Limit"), (0x33, "ERR_FATAL"), (0x03, "a message")] {
        let data = Broken::MessageData { code, has_data: true }.to_string();
        assert!(data.starts_with(&format!("{name} comes with data; ")), "{data}");
        let length = Broken::MessageLength { code, length: 2, right: 1 }.to_string();
        assert!(length.starts_with(&format!("Length of {name} is 2; it must be 1 ")), "{length}");
        let routed = Broken::MessageRouting { code, routing: 2, right: 0b1_0000 }.to_string();
        assert!(routed.starts_with(&format!("routing of {name} is 2 (by-id); ")), "{routed}");
    }
}

#[test]
fn every_rule_has_a_packet_that_breaks_it() {
    let tables = [request_cases(), atomic_and_message_cases(), completion_cases()];
    let broken: BTreeSet<_> = tables.iter().flatten().map(|case| case.expected.name()).collect();
    let all: BTreeSet<_> = Broken::NAMES.iter().copied().collect();
    assert_eq!(broken, all);
    assert_eq!(all.len(), Broken::NAMES.len(), "a name twice");
}

#[rstest]
#[case::zero_length_read(memory(Kind::MemRead, 0x1000, 1).with_byte_enables(0, 0), 0, LIMITS)]
#[case::write_without_effect(memory(Kind::MemWrite, 0x1000, 1).with_byte_enables(0, 0), 4, LIMITS)]
#[case::holes_in_one_dword(memory(Kind::MemWrite, 0x1004, 1).with_byte_enables(0b1001, 0), 4, LIMITS)]
#[case::holes_in_a_quad_word(memory(Kind::MemRead, 0x1008, 2).with_byte_enables(0b0101, 0b1010), 0, LIMITS)]
#[case::poisoned(memory(Kind::MemWrite, 0x1000, 1).with_poisoned(true), 4, LIMITS)]
#[case::up_to_4_kib(memory(Kind::MemRead, 0, 1024), 0, Limits { max_read_request: 4096, ..LIMITS })]
#[case::up_to_the_end_of_memory(memory(Kind::MemWrite, 0xffff_ffff_ffff_fffc, 1), 4, LIMITS)]
#[case::digest_where_enabled(memory(Kind::MemWrite, 0x1000, 1).with_digest(true), 4, Limits { digest: true, ..LIMITS })]
#[case::ten_bit_tag_where_enabled(memory(Kind::MemRead, 0x1000, 1).with_tag(Tag(0x3ff)), 0, Limits { tag_bits: 10, ..LIMITS })]
#[case::translated(memory(Kind::MemWrite, 0x1000, 1).with_address_type(2), 4, ATS)]
#[case::translation_request(memory(Kind::MemRead, 0x1000, 2).with_address_type(1), 0, ATS)]
#[case::completion_for_a_wide_tag_of_the_other_side(cpld(4, 0, 1).with_tag(Tag(0xff)), 4, Limits { tag_bits: 5, ..LIMITS })]
#[case::answer_to_a_zero_length_read(cpld(1, 0x44, 1), 4, LIMITS)]
#[case::config_retry(cpl(CompletionStatus::ConfigRetry, 4, 0), 0, LIMITS)]
#[case::id_based_message(message(Kind::Message(4), 0x20).with_attributes(Attributes { id_based: true, ..Attributes::default() }), 0, LIMITS)]
#[case::vendor_by_id(message(Kind::Message(2), 0x7e).with_traffic_class(4).with_message_detail([0x0200_10dc, 7]), 0, LIMITS)]
#[case::ptm_response_without_data(message(Kind::Message(4), 0x53), 0, LIMITS)]
#[case::ptm_response_with_data(message(Kind::MessageData(4), 0x53).with_length(Dwords(1)), 4, LIMITS)]
#[case::latency_tolerance(message(Kind::Message(4), 0x10).with_message_detail([0, 0x8864_8864]), 0, LIMITS)]
fn what_the_specification_allows_passes(#[case] header: Header, #[case] payload: usize, #[case] limits: Limits) {
    assert_eq!(check(&header, payload, &limits), Ok(()), "{header}");
}

#[rstest]
#[case::translation_request_that_writes(memory(Kind::MemWrite, 0x1000, 1).with_address_type(1), 4)]
#[case::reserved_type(memory(Kind::MemRead, 0x1000, 1).with_address_type(3), 0)]
#[case::in_a_completion(cpld(4, 0, 1).with_address_type(2), 4)]
fn address_types_are_judged_with_ats_too(#[case] header: Header, #[case] payload: usize) {
    let expected = Broken::AddressType { kind: header.kind(), address_type: header.address_type() };
    assert_eq!(check(&header, payload, &ATS), Err(expected));
}

#[test]
fn an_end_off_rcb_depends_on_the_completer() {
    let header = cpld(256, 0x40, 16);
    assert_eq!(check(&header, 64, &Limits { rcb: 128, ..LIMITS }), Ok(()));
    let header = cpld(256, 0, 16);
    assert_eq!(check(&header, 64, &LIMITS), Ok(()));
    let off = Broken::EndsOffRcb { lower_address: 0, length: 16, off: 64, rcb: 128 };
    assert_eq!(check(&header, 64, &Limits { rcb: 128, ..LIMITS }), Err(off));
}

#[test]
fn tags_of_five_bits_are_kept() {
    let limits = Limits { tag_bits: 5, ..LIMITS };
    let read = memory(Kind::MemRead, 0x1000, 1);
    assert_eq!(check(&read.with_tag(Tag(0x1f)), 0, &limits), Ok(()));
    assert_eq!(check(&read.with_tag(Tag(0x20)), 0, &limits), Err(Broken::TagTooWide { tag: Tag(0x20), bits: 5 }));
    assert_eq!(check(&memory(Kind::MemWrite, 0x1000, 1).with_tag(Tag(0xff)), 4, &limits), Ok(()), "nothing answers a write");
}

#[test]
fn absurd_limits_do_no_harm() {
    let limits = Limits { max_payload: 0, max_read_request: u32::MAX, rcb: 0, tag_bits: 255, digest: true, address_translation: true };
    assert_eq!(check(&memory(Kind::MemRead, 0x1000, 1).with_tag(Tag(0x3ff)), 0, &limits), Ok(()));
    assert_eq!(check(&cpld(512, 0, 32), 128, &limits), Err(Broken::MaxPayload { bytes: 128, limit: 0 }));
    let limits = Limits { max_payload: 4096, ..limits };
    assert!(matches!(check(&cpld(512, 0, 32), 128, &limits), Err(Broken::EndsOffRcb { .. })));
}
