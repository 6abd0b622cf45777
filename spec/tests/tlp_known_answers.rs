//! Header bytes written by hand from the figures of PCIe 4.0 §2.2, and what they mean. The view must read them so.

use silico_spec::tlp::{
    AtomicOp, Attributes, Common, CompletionStatus, ErrorSeverity, Header, Intx, Kind, Limits, Message, Packet, PowerMessage, Tlp,
    VendorType,
};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

fn header(bytes: &[u8]) -> Header {
    let header = Header::from_wire(bytes).unwrap();
    assert_eq!(header.dwords() * 4, bytes.len(), "Fmt says how long the header is");
    assert_eq!(header.to_wire()[..bytes.len()], *bytes, "to wire and back");
    header
}

fn bdf(bus: u8, device: u8, function: u8) -> Bdf {
    Bdf::new(bus, device, function).unwrap()
}

#[test]
fn memory_write_of_one_dword() {
    let h = header(&[0x40, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x0f, 0xfd, 0xaf, 0xf0, 0x40]);
    assert_eq!((h.kind(), h.has_data(), h.length(), h.payload_bytes()), (Kind::MemWrite, true, Dwords(1), 4));
    assert_eq!((h.requester(), h.tag(), h.first_be(), h.last_be()), (bdf(1, 0, 0), Tag(0), 0xf, 0));
    assert_eq!(h.address(), BusAddr(0xfdaf_f040));
}

#[test]
fn memory_read_with_four_dwords_of_header() {
    // TC 5, TD, EP, RO and NS (Attr = 11b), length 0x100, 03:02.1, tag 0x5a, BE 1111b/1100b.
    let h = header(&[0x20, 0x50, 0xf1, 0x00, 0x03, 0x11, 0x5a, 0xfc, 0x00, 0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x9c]);
    assert_eq!((h.kind(), h.has_data(), h.length(), h.payload_bytes()), (Kind::MemRead, false, Dwords(256), 0));
    assert_eq!((h.traffic_class(), h.digest(), h.poisoned()), (5, true, true));
    assert_eq!(h.attributes(), Attributes { relaxed: true, no_snoop: true, id_based: false });
    assert_eq!((h.requester(), h.tag(), h.first_be(), h.last_be()), (bdf(3, 2, 1), Tag(0x5a), 0xc, 0xf));
    assert_eq!(h.address(), BusAddr(0x12_3456_789c));
}

#[test]
fn length_zero_is_1024_dwords() {
    let h = header(&[0x60, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0x00]);
    assert_eq!((h.kind(), h.length(), h.payload_bytes()), (Kind::MemWrite, Dwords(1024), 4096));
    assert_eq!((h.requester(), h.tag()), (bdf(255, 31, 7), Tag(0xff)));
    assert_eq!(h.address(), BusAddr(0xffff_ffff_ffff_f000));
}

#[test]
fn ten_bit_tag_and_id_based_ordering() {
    // Byte 1: T9, TC 0, T8, Attr[2].
    let h = header(&[0x00, 0x8c, 0x00, 0x02, 0x01, 0x00, 0x34, 0xff, 0x00, 0x00, 0x10, 0x00]);
    assert_eq!((h.kind(), h.tag(), h.traffic_class()), (Kind::MemRead, Tag(0x334), 0));
    assert_eq!(h.attributes(), Attributes { relaxed: false, no_snoop: false, id_based: true });
}

#[test]
fn config_reads_and_writes() {
    // CfgRd0 of 01:00.0, extended register 1, register 0x10: offset 0x140.
    let h = header(&[0x04, 0x00, 0x00, 0x01, 0x00, 0x00, 0x0a, 0x0f, 0x01, 0x00, 0x01, 0x40]);
    assert_eq!((h.kind(), h.requester(), h.tag(), h.first_be()), (Kind::CfgRead0, bdf(0, 0, 0), Tag(0x0a), 0xf));
    assert_eq!((h.destination(), h.config_offset()), (bdf(1, 0, 0), 0x140));
    // CfgWr1 of 05:1f.7, offset 4, low two bytes.
    let h = header(&[0x45, 0x00, 0x00, 0x01, 0x00, 0x08, 0x0b, 0x03, 0x05, 0xff, 0x00, 0x04]);
    assert_eq!((h.kind(), h.requester(), h.first_be(), h.payload_bytes()), (Kind::CfgWrite1, bdf(0, 1, 0), 0x3, 4));
    assert_eq!((h.destination(), h.config_offset()), (bdf(5, 31, 7), 4));
}

#[test]
fn io_write() {
    let h = header(&[0x42, 0x00, 0x00, 0x01, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x03, 0xf8]);
    assert_eq!((h.kind(), h.first_be(), h.address()), (Kind::IoWrite, 2, BusAddr(0x3f8)));
}

#[test]
fn completion_with_data() {
    // Completer 00:00.0, SC, byte count 0x100; requester 01:00.0, tag 0x0c, lower address 0x40.
    let h = header(&[0x4a, 0x00, 0x20, 0x20, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x0c, 0x40]);
    assert_eq!((h.kind(), h.length(), h.status()), (Kind::CompletionData, Dwords(32), CompletionStatus::Success));
    assert_eq!((h.completer(), h.requester(), h.tag()), (bdf(0, 0, 0), bdf(1, 0, 0), Tag(0x0c)));
    assert_eq!((h.byte_count(), h.lower_address(), h.byte_count_modified()), (256, 0x40, false));
    assert!(h.attributes().relaxed);
}

#[test]
fn completion_that_failed() {
    // CA with BCM, byte count field 0 (4096).
    let h = header(&[0x0a, 0x00, 0x00, 0x00, 0x02, 0x08, 0x90, 0x00, 0x01, 0x02, 0xff, 0x7f]);
    assert_eq!((h.kind(), h.status(), h.payload_bytes()), (Kind::Completion, CompletionStatus::CompleterAbort, 0));
    assert_eq!((h.completer(), h.requester(), h.tag()), (bdf(2, 1, 0), bdf(1, 0, 2), Tag(0xff)));
    assert_eq!((h.byte_count(), h.byte_count_modified(), h.lower_address()), (4096, true, 0x7f));
    for (bits, status) in [(1, CompletionStatus::UnsupportedRequest), (2, CompletionStatus::ConfigRetry), (7, CompletionStatus::Unknown(7))]
    {
        assert_eq!(header(&[0x0a, 0, 0, 0, 2, 8, bits << 5, 4, 1, 2, 0, 0]).status(), status);
    }
}

#[test]
fn messages() {
    // Assert_INTA, local, from 01:00.0.
    let h = header(&[0x34, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x20, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!((h.kind(), h.message_code(), h.requester(), h.dwords()), (Kind::Message(4), 0x20, bdf(1, 0, 0), 4));
    // Vendor_Defined Type 1 by ID to 02:00.0, vendor 0x10dc, one dword of data.
    let h = header(&[0x72, 0x00, 0x00, 0x01, 0x01, 0x00, 0x07, 0x7f, 0x02, 0x00, 0x10, 0xdc, 0xde, 0xad, 0xbe, 0xef]);
    assert_eq!((h.kind(), h.message_code(), h.payload_bytes()), (Kind::MessageData(2), 0x7f, 4));
    assert_eq!((h.destination(), h.message_vendor(), h.message_detail()[1]), (bdf(2, 0, 0), 0x10dc, 0xdead_beef));
}

/// Codes and routings of PCIe 4.0 tables 2-18 to 2-26.
#[test]
fn each_message_has_its_code_and_routing() {
    let vendor = |kind| Message::Vendor { kind, routing: 3, destination: bdf(0, 0, 0), vendor: 0x10dc, detail: 5, data: vec![] };
    let plain = |code, routing, message| (code, routing, [0; 2], message);
    let limit = Message::SetSlotPowerLimit([1, 2, 3, 4]);
    let table = [
        plain(0x00, 3, Message::Unlock),
        plain(0x14, 4, Message::Power(PowerMessage::ActiveStateNak)),
        plain(0x18, 0, Message::Power(PowerMessage::Pme)),
        plain(0x19, 3, Message::Power(PowerMessage::TurnOff)),
        plain(0x1b, 5, Message::Power(PowerMessage::TurnOffAck)),
        plain(0x20, 4, Message::Assert(Intx::A)),
        plain(0x21, 4, Message::Assert(Intx::B)),
        plain(0x22, 4, Message::Assert(Intx::C)),
        plain(0x23, 4, Message::Assert(Intx::D)),
        plain(0x24, 4, Message::Deassert(Intx::A)),
        plain(0x25, 4, Message::Deassert(Intx::B)),
        plain(0x26, 4, Message::Deassert(Intx::C)),
        plain(0x27, 4, Message::Deassert(Intx::D)),
        plain(0x30, 0, Message::Error(ErrorSeverity::Correctable)),
        plain(0x31, 0, Message::Error(ErrorSeverity::NonFatal)),
        plain(0x33, 0, Message::Error(ErrorSeverity::Fatal)),
        plain(0x50, 4, limit),
        (0x7e, 3, [0x10dc, 5], vendor(VendorType::Type0)),
        (0x7f, 3, [0x10dc, 5], vendor(VendorType::Type1)),
        (0x10, 4, [0, 7], Message::Other { code: 0x10, routing: 4, detail: [0, 7], data: vec![] }),
    ];
    let limits = Limits { max_payload: 128, max_read_request: 128, rcb: 64, tag_bits: 8, digest: false, address_translation: false };
    for (code, routing, detail, message) in table {
        let packet = Packet::Message { common: Common::default(), message };
        let header = packet.header();
        let data = u32::from(code == 0x50_u32);
        assert_eq!(header.0, [0x3000_0000 | data << 30 | routing << 24 | data, code, detail[0], detail[1]], "{packet:?}");
        assert_eq!(Tlp::parse(&header, packet.payload(), &limits).unwrap().packet(), &packet);
    }
}

#[test]
fn atomics_and_address_types() {
    // FetchAdd, AT = 10b (translated).
    let h = header(&[0x4c, 0x00, 0x08, 0x02, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x10, 0x08]);
    assert_eq!((h.kind(), h.address_type(), h.address()), (Kind::Atomic(AtomicOp::FetchAdd), 2, BusAddr(0x1008)));
    let cas = header(&[0x6e, 0x00, 0x00, 0x08, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x10, 0x10]);
    assert_eq!((cas.kind(), cas.length(), cas.address()), (Kind::Atomic(AtomicOp::CompareAndSwap), Dwords(8), BusAddr(0x1_0000_1010)));
}

/// Over zeros and over ones: a setter writes its own bits, set and clear, and nothing else. Byte and bit as in figures 2-4 to 2-23.
#[test]
fn a_setter_changes_its_own_bits_only() {
    let attributes = |on| Attributes { relaxed: on, no_snoop: on, id_based: on };
    type Setter = fn(Header, bool) -> Header;
    let request: [(&str, [u32; 4], Setter); 10] = [
        ("tag", [0x0088_0000, 0xff00, 0, 0], |h, on| h.with_tag(Tag(if on { 0x3ff } else { 0 }))),
        ("requester", [0, 0xffff_0000, 0, 0], |h, on| h.with_requester(Bdf::from_bits(if on { 0xffff } else { 0 }))),
        ("byte enables", [0, 0xff, 0, 0], |h, on| if on { h.with_byte_enables(0xff, 0xff) } else { h.with_byte_enables(0, 0) }),
        ("message code", [0, 0xff, 0, 0], |h, on| h.with_message_code(if on { 0xff } else { 0 })),
        ("length", [0x3ff, 0, 0, 0], |h, on| h.with_length(Dwords(if on { 0x3ff } else { 0x400 }))),
        ("class", [0x0070_0000, 0, 0, 0], |h, on| h.with_traffic_class(if on { 15 } else { 8 })),
        ("poisoned", [0x4000, 0, 0, 0], Header::with_poisoned),
        ("digest", [0x8000, 0, 0, 0], Header::with_digest),
        ("address type", [0xc00, 0, 0, 0], |h, on| h.with_address_type(if on { 0xff } else { 0xfc })),
        ("BCM", [0, 0x1000, 0, 0], Header::with_byte_count_modified),
    ];
    // A memory read in both forms, and any other bits.
    for code in [0_u32, 0x2000_0000] {
        let (zeros, ones) = (Header([code, 0, 0, 0]), Header([code | 0x00ff_ffff, u32::MAX, u32::MAX, u32::MAX]));
        for (name, mask, set) in request {
            let changed = |header: Header, on: bool| core::array::from_fn(|i| header.0[i] ^ set(header, on).0[i]);
            assert_eq!((changed(zeros, true), changed(ones, false)), (mask, mask), "{name}");
            assert_eq!((changed(zeros, false), changed(ones, true)), ([0; 4], [0; 4]), "{name}");
        }
        assert_eq!(zeros.with_attributes(attributes(true)).0[0], code | 0x0004_3000);
        assert_eq!(ones.with_attributes(attributes(false)).0[0], code | 0x00fb_cfff);
        assert_eq!(ones.with_message_detail([3, 4]).0[2..], [3, 4]);
    }
    assert_eq!(Header([0; 4]).with_address(BusAddr(0x5_0000_0007)).0, [0, 0, 4, 0]);
    assert_eq!(Header([0x2000_0000, 0, 0, 0]).with_address(BusAddr(0x5_0000_0007)).0, [0x2000_0000, 0, 5, 4]);
    // In a completion the requester's ID and the tag lie in dword 2.
    let completion = Header([0x0a00_0000, 0, 0, 0]).with_requester(bdf(1, 2, 3)).with_tag(Tag(0x2ff));
    assert_eq!(completion.0, [0x0a80_0000, 0, 0x0113_ff00, 0]);
    let long = Header([0x2000_0001, 0xf, 1, 0x1000]);
    assert_eq!(
        [Kind::MemWrite, Kind::Atomic(AtomicOp::Swap), Kind::IoRead].map(|kind| long.with_kind(kind).0[0]),
        [0x6000_0001, 0x6d00_0001, 0x0200_0001]
    );
    assert_eq!(Header([0x00ff_ffff, 0, 0, 0]).with_kind(Kind::MemReadLocked).0[0], 0x01ff_ffff);
}

/// What a constructor is given and has no room for is cut, and touches no other field.
#[test]
fn constructors_cut_what_does_not_fit() {
    let config = Header::config(Kind::CfgRead0, bdf(1, 0, 0), Tag(2), bdf(3, 4, 5), 0xffff, 0x3f);
    assert_eq!(config.0, [0x0400_0001, 0x0100_020f, 0x0325_0ffc, 0]);
    let status = CompletionStatus::Unknown(7);
    let completion = Header::completion(true, bdf(1, 0, 0), status, 0x1fff, bdf(2, 0, 0), Tag(3), 0xff, Dwords(0x7ff));
    assert_eq!(completion.0, [0x4a00_03ff, 0x0100_efff, 0x0200_037f, 0]);
    let without = Header::completion(false, bdf(1, 0, 0), status, 4, bdf(2, 0, 0), Tag(3), 0, Dwords(5));
    assert_eq!(without.0, [0x0a00_0000, 0x0100_e004, 0x0200_0300, 0]);
    let of = |dwords| Header::memory(Kind::MemRead, bdf(1, 0, 0), Tag(2), BusAddr(0xffff_fffc), Dwords(dwords)).0;
    assert_eq!([of(1), of(2), of(1024)].map(|header| (header[0], header[1])), [(1, 0x0100_020f), (2, 0x0100_02ff), (0, 0x0100_02ff)]);
}

#[test]
fn codes_outside_the_table_stay_as_they_are() {
    for code in [0x80u8, 0x9f, 0x22, 0x24, 0x1f, 0xff] {
        let mut bytes = [0; 16];
        bytes[0] = code;
        assert_eq!(Header::from_wire(&bytes).unwrap().kind(), Kind::Unknown(code));
    }
}

#[test]
fn too_few_bytes_are_no_header() {
    let bytes = [0x20; 16];
    assert!(Header::from_wire(&bytes).is_some());
    for len in 0..16 {
        assert_eq!(Header::from_wire(&bytes[..len]), None, "{len} of 16 bytes");
    }
    assert_eq!(Header::from_wire(&[0; 11]), None);
}
