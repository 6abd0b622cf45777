//! Properties of cutting, for every MPS, MRRS and RCB: pieces cover exactly, each is legal, and the completions of a read pass as a sequence.

use proptest::prelude::*;
use silico_spec::tlp::{CompletionSequence, Completions, Cut, Header, Kind, Limits, Pieces, Progress, Span, check};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

const CARD: Bdf = Bdf::from_bits(0x0100);
const HOST: Bdf = Bdf::from_bits(0);

fn limits(size: u32, rcb: u32) -> Limits {
    Limits { max_payload: size, max_read_request: size, rcb, ..Limits::DEFAULT }
}

fn size() -> impl Strategy<Value = u32> {
    (7u32..=12).prop_map(|power| 1 << power)
}

fn rcb() -> impl Strategy<Value = u32> {
    prop_oneof![Just(64u32), Just(128)]
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![Just(Cut::Aligned), Just(Cut::Longest)]
}

/// Below, across and above 4 GiB.
fn address() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..1 << 20, 0xffff_8000u64..0x1_0000_8000, 0u64..1 << 60]
}

/// The bytes that a read may ask for: ranges, zero length, holes in one dword and in a quad word.
fn read_span() -> impl Strategy<Value = Span> {
    let range = (address(), 0u32..=4096).prop_map(|(address, bytes)| {
        let room = 4096 - (address & 0xfff) as u32;
        Span::of(BusAddr(address), bytes.min(room)).unwrap()
    });
    let dword = (address(), 0u8..16).prop_map(|(at, first_be)| Span { address: BusAddr(at & !3), length: Dwords(1), first_be, last_be: 0 });
    let quad = (address(), 1u8..16, 1u8..16).prop_map(|(at, first_be, last_be)| Span {
        address: BusAddr(at & !7),
        length: Dwords(2),
        first_be,
        last_be,
    });
    prop_oneof![4 => range, 1 => dword, 1 => quad]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_cover_a_range_exactly_and_each_is_a_legal_request(
        start in address(), len in 0u64..20_000, size in size(), cut in cut(), write in any::<bool>(),
    ) {
        let mut at = start;
        let mut previous: Option<u32> = None;
        for piece in Pieces::new(BusAddr(start), len, size, cut) {
            prop_assert_eq!((piece.address.0, piece.offset), (at, at - start), "contiguous");
            prop_assert!(piece.bytes > 0);
            if cut == Cut::Aligned && previous.is_some() {
                prop_assert_eq!(at % u64::from(size), 0, "cuts are aligned");
            }
            let span = piece.span();
            prop_assert_eq!(span.bytes(), Some((piece.address, piece.bytes)));
            let header = span.header(if write { Kind::MemWrite } else { Kind::MemRead }, CARD, Tag(0));
            prop_assert_eq!(check(&header, header.payload_bytes() as usize, &limits(size, 64)), Ok(()), "{}", header);
            previous = Some(piece.bytes);
            at += u64::from(piece.bytes);
        }
        prop_assert_eq!(at, start + len, "all of it");
        // As few as the form allows.
        let count = Pieces::new(BusAddr(start), len, size, cut).count() as u64;
        let size = u64::from(size);
        let aligned = if len == 0 { 0 } else { (start + len - 1) / size - start / size + 1 };
        match cut {
            Cut::Aligned => prop_assert_eq!(count, aligned),
            Cut::Longest => prop_assert!(count <= aligned, "{} pieces, aligned {}", count, aligned),
        }
    }

    #[test]
    fn completions_of_a_read_pass_as_a_sequence(
        span in read_span(), size in size(), rcb in rcb(), mosts in prop::collection::vec(0u32..5000, 0..80), locked in any::<bool>(),
    ) {
        let limits = Limits { max_read_request: 4096, ..limits(size, rcb) };
        let kind = if locked { Kind::MemReadLocked } else { Kind::MemRead };
        let request = span.header(kind, CARD, Tag(0x42)).with_traffic_class(3);
        prop_assert_eq!(check(&request, 0, &limits), Ok(()));
        // Greedy when `mosts` runs out, so both forms and mixtures of them are seen.
        let mut completions = Completions::new(&span, size, rcb);
        let mut sequence = CompletionSequence::new(&request).unwrap();
        let mut dwords = 0;
        for step in 0.. {
            let most = mosts.get(step).copied().unwrap_or(size);
            let left = completions.left();
            let Some(piece) = completions.next_of(most) else { break };
            prop_assert_eq!((piece.byte_count, piece.offset), (left, dwords * 4));
            dwords += piece.length.0;
            let header = piece.header(&request, HOST);
            let progress = sequence.push(&header, piece.length.bytes() as usize, &limits);
            prop_assert_eq!(progress, Ok(if piece.last { Progress::Done } else { Progress::More }), "{}", header);
        }
        prop_assert!(sequence.ended() && sequence.left() == 0);
        // From the dword of the first enabled byte to that of the last.
        let (start, end) = span.bounds();
        prop_assert_eq!(dwords, end.div_ceil(4).max(1) - start / 4);
    }

    #[test]
    fn a_changed_completion_does_not_pass(
        span in read_span(), size in size(), rcb in rcb(), which in any::<prop::sample::Index>(), field in 0usize..6, by in 1u32..64,
    ) {
        let limits = Limits { max_read_request: 4096, ..limits(size, rcb) };
        let request = span.header(Kind::MemRead, CARD, Tag(0x42));
        let pieces: Vec<_> = Completions::new(&span, size, rcb).collect();
        let chosen = which.index(pieces.len());
        let mut sequence = CompletionSequence::new(&request).unwrap();
        for piece in &pieces[..chosen] {
            prop_assert_eq!(sequence.push(&piece.header(&request, HOST), piece.length.bytes() as usize, &limits), Ok(Progress::More));
        }
        let good = pieces[chosen].header(&request, HOST);
        let bytes = pieces[chosen].length.bytes() as usize;
        // Length has ten bits: one over 1024 would wrap to a shorter one, and cut elsewhere is legal.
        prop_assume!(field != 4 || good.length().0 + by <= 1024);
        let mut bad: Header = good;
        match field {
            0 => bad.0[1] ^= by,                       // byte count
            1 => bad.0[2] ^= by,                       // lower address
            2 => bad = bad.with_tag(Tag(0x42 ^ by as u16)),
            3 => bad = bad.with_requester(Bdf::from_bits(CARD.bits() ^ by as u16)),
            4 => bad = bad.with_length(Dwords(good.length().0 + by)),
            _ => bad = bad.with_traffic_class(1 + by as u8 % 7),
        }
        let payload = bad.payload_bytes() as usize;
        prop_assert!(sequence.push(&bad, payload, &limits).is_err(), "{} became {}", good, bad);
        // What was refused changed nothing.
        prop_assert!(sequence.push(&good, bytes, &limits).is_ok());
    }
}
