//! Header bytes written by hand from the figures of PCIe 4.0 §2.2, and what they mean. The view must read them so.

use silico_spec::tlp::{AtomicOp, Attributes, CompletionStatus, Header, Kind};
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

#[test]
fn atomics_and_address_types() {
    // FetchAdd, AT = 10b (translated).
    let h = header(&[0x4c, 0x00, 0x08, 0x02, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x10, 0x08]);
    assert_eq!((h.kind(), h.address_type(), h.address()), (Kind::Atomic(AtomicOp::FetchAdd), 2, BusAddr(0x1008)));
    let cas = header(&[0x6e, 0x00, 0x00, 0x08, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x10, 0x10]);
    assert_eq!((cas.kind(), cas.length(), cas.address()), (Kind::Atomic(AtomicOp::CompareAndSwap), Dwords(8), BusAddr(0x1_0000_1010)));
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
