//! Properties of owned TLPs: `parse` undoes `emit` for every kind, and no header, however odd, does harm.

use proptest::collection::vec;
use proptest::prelude::*;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::{
    AtomicOp, Attributes, Common, CompletionStatus, Completions, ConfigType, ErrorSeverity, Header, Intx, Limits, Message, Packet,
    PowerMessage, Span, Tlp, VendorType, Violation, routing,
};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

const LIMITS: Limits =
    Limits { max_payload: 4096, max_read_request: 4096, rcb: 64, tag_bits: 10, digest: true, address_translation: false };

fn common(tag_bits: u32) -> impl Strategy<Value = Common> {
    (any::<u16>(), 0u16..1 << tag_bits, 0u8..8, any::<[bool; 5]>()).prop_map(|(requester, tag, traffic_class, flags)| Common {
        requester: Bdf::from_bits(requester),
        tag: Tag(tag),
        traffic_class,
        attributes: Attributes { relaxed: flags[0], no_snoop: flags[1], id_based: flags[2] },
        poisoned: flags[3],
        digest: flags[4],
        address_type: 0,
    })
}

/// Fields of requests that have neither class nor attributes.
fn plain(tag_bits: u32) -> impl Strategy<Value = Common> {
    common(tag_bits).prop_map(|common| Common { traffic_class: 0, attributes: Attributes::default(), ..common })
}

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u32>().prop_map(u64::from), any::<u64>()]
}

fn span() -> impl Strategy<Value = Span> {
    let range = (address(), 0u32..=4096).prop_map(|(address, bytes)| {
        let room = 4096 - (address & 0xfff) as u32;
        Span::of(BusAddr(address), bytes.min(room)).unwrap()
    });
    let holes = (address(), 0u8..16).prop_map(|(address, first_be)| Span {
        address: BusAddr(address & !3),
        length: Dwords(1),
        first_be,
        last_be: 0,
    });
    let quad = (address(), 1u8..16, 1u8..16).prop_map(|(address, first_be, last_be)| Span {
        address: BusAddr(address & !7),
        length: Dwords(2),
        first_be,
        last_be,
    });
    prop_oneof![4 => range, 1 => holes, 1 => quad]
}

fn requests() -> impl Strategy<Value = Packet> {
    let read = (common(10), any::<bool>(), span()).prop_map(|(common, locked, span)| Packet::MemRead { common, locked, span });
    let write = (common(8), span()).prop_flat_map(|(common, span)| {
        vec(any::<u8>(), span.length.bytes() as usize).prop_map(move |data| Packet::MemWrite { common, span, data })
    });
    let io = (plain(10), any::<u32>(), 0u8..16, any::<Option<[u8; 4]>>()).prop_map(|(common, address, first_be, data)| {
        let address = address & !3;
        match data {
            Some(data) => Packet::IoWrite { common, address, first_be, data },
            None => Packet::IoRead { common, address, first_be },
        }
    });
    let config = (plain(10), any::<bool>(), any::<u16>(), 0u16..1024, 0u8..16, any::<Option<[u8; 4]>>()).prop_map(
        |(common, type_1, destination, register, first_be, data)| {
            let form = if type_1 { ConfigType::Type1 } else { ConfigType::Type0 };
            let (destination, offset) = (Bdf::from_bits(destination), register * 4);
            match data {
                Some(data) => Packet::ConfigWrite { common, form, destination, offset, first_be, data },
                None => Packet::ConfigRead { common, form, destination, offset, first_be },
            }
        },
    );
    let sizes = [(AtomicOp::FetchAdd, 4, 1), (AtomicOp::FetchAdd, 8, 1), (AtomicOp::Swap, 4, 1), (AtomicOp::Swap, 8, 1)];
    let pairs = [(AtomicOp::CompareAndSwap, 4, 2), (AtomicOp::CompareAndSwap, 8, 2), (AtomicOp::CompareAndSwap, 16, 2)];
    let all: Vec<(AtomicOp, u64, usize)> = sizes.into_iter().chain(pairs).collect();
    let atomic = (common(10), prop::sample::select(all), address()).prop_flat_map(|(common, (op, operand, count), address)| {
        let address = BusAddr(address / operand * operand);
        vec(any::<u8>(), operand as usize * count).prop_map(move |operands| Packet::Atomic { common, op, address, operands })
    });
    prop_oneof![read, write, io, config, atomic]
}

fn completions() -> impl Strategy<Value = Packet> {
    let data = (common(10), any::<bool>(), any::<u16>(), span(), any::<prop::sample::Index>(), 7u32..13).prop_map(
        |(common, locked, completer, span, which, size)| {
            let all: Vec<_> = Completions::new(&span, 1 << size, 64).collect();
            let piece = all[which.index(all.len())];
            Packet::Completion {
                common,
                locked,
                completer: Bdf::from_bits(completer),
                status: CompletionStatus::Success,
                byte_count: piece.byte_count,
                byte_count_modified: false,
                lower_address: piece.lower_address,
                data: (0..piece.length.bytes()).map(|i| i as u8).collect(),
            }
        },
    );
    let failures = [CompletionStatus::UnsupportedRequest, CompletionStatus::ConfigRetry, CompletionStatus::CompleterAbort];
    let failure = (common(10), any::<bool>(), any::<u16>(), prop::sample::select(failures.to_vec()), 1u32..=4096 - 127, 0u8..128).prop_map(
        |(common, locked, completer, status, byte_count, lower_address)| Packet::Completion {
            common,
            locked,
            completer: Bdf::from_bits(completer),
            status,
            byte_count,
            byte_count_modified: false,
            lower_address,
            data: vec![],
        },
    );
    let write = (plain(10), any::<u16>()).prop_map(|(common, completer)| Packet::Completion {
        common,
        locked: false,
        completer: Bdf::from_bits(completer),
        status: CompletionStatus::Success,
        byte_count: 4,
        byte_count_modified: false,
        lower_address: 0,
        data: vec![],
    });
    prop_oneof![3 => data, 1 => failure, 1 => write]
}

fn messages() -> impl Strategy<Value = Packet> {
    let pins = [Intx::A, Intx::B, Intx::C, Intx::D];
    let mut fixed: Vec<Message> = pins.into_iter().flat_map(|pin| [Message::Assert(pin), Message::Deassert(pin)]).collect();
    let power = [PowerMessage::ActiveStateNak, PowerMessage::Pme, PowerMessage::TurnOff, PowerMessage::TurnOffAck];
    fixed.extend(power.map(Message::Power));
    fixed.extend([ErrorSeverity::Correctable, ErrorSeverity::NonFatal, ErrorSeverity::Fatal].map(Message::Error));
    fixed.extend([Message::Unlock, Message::SetSlotPowerLimit([1, 2, 3, 4])]);
    fixed.push(Message::Other { code: 0x10, routing: routing::LOCAL, detail: [0, 0x8864_8864], data: vec![] });
    fixed.push(Message::Other { code: 0x53, routing: routing::LOCAL, detail: [3, 4], data: vec![1, 2, 3, 4] });
    let known = (plain(8), prop::sample::select(fixed)).prop_map(|(common, message)| Packet::Message { common, message });
    let routings = vec![routing::TO_ROOT, routing::BY_ID, routing::BROADCAST, routing::LOCAL];
    let vendor = (common(8), any::<bool>(), prop::sample::select(routings), any::<(u16, u16, u32)>(), vec(any::<[u8; 4]>(), 0..40))
        .prop_map(|(common, type_1, routing, (destination, vendor, detail), data)| Packet::Message {
            common,
            message: Message::Vendor {
                kind: if type_1 { VendorType::Type1 } else { VendorType::Type0 },
                routing,
                destination: Bdf::from_bits(if routing == routing::BY_ID { destination } else { 0 }),
                vendor,
                detail,
                data: data.concat(),
            },
        });
    prop_oneof![known, vendor]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_undoes_emit(packet in prop_oneof![2 => requests(), 1 => completions(), 1 => messages()]) {
        let tlp = Tlp::new(packet.clone(), &LIMITS).map_err(|violation| TestCaseError::fail(violation.to_string()))?;
        prop_assert_eq!(tlp.packet(), &packet);
        let mut buf = TlpBuf::new();
        buf.set([u32::MAX; 4], &[0xee; 77]);
        tlp.emit(&mut buf);
        // Through the wire form too: nothing may hide in a dword that does not travel.
        let header = Header::from_wire(&Header(buf.header).to_wire()).unwrap();
        prop_assert_eq!(header, Header(buf.header));
        prop_assert_eq!(Tlp::parse(&header, buf.payload(), &LIMITS), Ok(tlp));
    }

    #[test]
    fn any_header_is_judged_and_what_passes_survives(
        dwords in any::<[u32; 4]>(), code in any::<u8>(), length in 0u32..40, tame in any::<bool>(), odd in 0usize..3,
    ) {
        let mut header = Header(dwords);
        header.0[0] = header.0[0] & 0x00ff_ffff | u32::from(code) << 24;
        if tame {
            header.0[0] = u32::from(code) << 24 | length;
            header.0[2] &= !0x83;
        }
        let payload = vec![0x5a; (header.payload_bytes() as usize).saturating_sub(odd / 2)];
        if let Ok(tlp) = Tlp::parse(&header, &payload, &LIMITS) {
            let again = Tlp::parse(&tlp.header(), tlp.payload(), &LIMITS);
            prop_assert_eq!(again, Ok(tlp));
        }
    }
}

#[test]
fn what_has_no_place_in_a_header_is_refused() {
    let common = Common::default();
    let span = Span::of(BusAddr(0x1000), 4).unwrap();
    let cases = [
        Packet::MemRead { common: Common { tag: Tag(0x400), ..common }, locked: false, span },
        Packet::MemRead { common: Common { traffic_class: 8, ..common }, locked: false, span },
        Packet::MemRead { common, locked: false, span: Span { address: BusAddr(0x1002), ..span } },
        Packet::MemRead { common, locked: false, span: Span { first_be: 0x1f, ..span } },
        Packet::MemRead { common, locked: false, span: Span { length: Dwords(1025), ..span } },
        Packet::ConfigRead { common, form: ConfigType::Type0, destination: Bdf::default(), offset: 4096, first_be: 0xf },
        Packet::ConfigRead { common, form: ConfigType::Type0, destination: Bdf::default(), offset: 2, first_be: 0xf },
    ];
    for packet in cases {
        let refused = Tlp::new(packet.clone(), &LIMITS);
        assert!(matches!(refused, Err(Violation::DoesNotFit { .. })), "{packet:?}: {refused:?}");
    }
}

#[test]
fn a_payload_that_does_not_fit_the_header_is_refused() {
    let common = Common::default();
    let span = Span::of(BusAddr(0x1000), 8).unwrap();
    for bytes in [0, 4, 7, 12, 5000] {
        let packet = Packet::MemWrite { common, span, data: vec![0; bytes] };
        assert!(matches!(Tlp::new(packet, &LIMITS), Err(Violation::Rule { .. })), "{bytes} bytes");
    }
    for bytes in [6, 4100, 8192] {
        let packet = Packet::Atomic { common, op: AtomicOp::FetchAdd, address: BusAddr(0), operands: vec![0; bytes] };
        assert!(Tlp::new(packet, &LIMITS).is_err(), "{bytes} bytes");
    }
}
