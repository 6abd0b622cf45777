//! Small words that everything else is said in: units, flags, codes, sizes. Each is checked here alone, since a card and a driver that
//! share a wrong one agree with each other.

use proptest::prelude::*;
use rstest::rstest;
use silico_spec::credit::{Consumed, Limit, data_credits};
use silico_spec::descriptor::{CompletionFlags, DescriptorFlags, H2cDescriptor, PageCompletion, PageDescriptor};
use silico_spec::elink::{self, ChunkFlags};
use silico_spec::frame::{Flags, FrameHeader, HeaderError};
use silico_spec::generator::{FrameSequence, LengthMode, XorShift64, fill};
use silico_spec::map::Access;
use silico_spec::params::{BAR0_BYTES, BAR2_BYTES, DataWidth};
use silico_spec::tlp::{CompletionStatus, Kind, routing};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack, is_place};

#[test]
fn instants_move_by_spans_and_stop_at_never() {
    assert_eq!((Cycle(7) + Cycles(3), Cycle(7) - Cycle(3), Cycles(7) + Cycles(3)), (Cycle(10), Cycles(4), Cycles(10)));
    let mut now = Cycle(7);
    now += Cycles(3);
    assert_eq!(now, Cycle(10));
    assert_eq!((Cycle(7).since(Cycle(3)), Cycle(3).since(Cycle(7)), Cycle(7).after(Cycles(3))), (Cycles(4), Cycles(0), Cycle(10)));
    assert_eq!(Cycle(u64::MAX - 1).after(Cycles(2)), Cycle::NEVER);
    assert_eq!([Cycle(12).to_string(), Cycle::NEVER.to_string(), Cycles(12).to_string()], ["cycle 12", "never", "12 cycles"]);
}

#[test]
fn addresses_wrap_as_an_adder_does_and_know_when_they_are_long() {
    assert_eq!((BusAddr(u64::MAX).offset(2), BusAddr(0x1000).offset(0x20)), (BusAddr(1), BusAddr(0x1020)));
    assert_eq!([0, 0xffff_ffff, 0x1_0000_0000, u64::MAX].map(|at| BusAddr(at).needs_64()), [false, false, true, true]);
    assert_eq!([0, 1, 1024].map(|n| Dwords(n).bytes()), [0, 4, 4096]);
    assert_eq!(
        (BusAddr(0x1f).to_string(), format!("{:?}", BusAddr(0x1f)), Tag(5).to_string()),
        ("0x1f".into(), "0x1f".into(), "tag 0x05".into())
    );
}

#[test]
fn a_function_number_is_made_of_8_5_and_3_bits() {
    assert_eq!(Bdf::new(0x12, 0x1f, 7).map(Bdf::bits), Some(0x12ff));
    assert_eq!(Bdf::new(0xff, 1, 2).map(Bdf::bits), Some(0xff0a));
    assert_eq!((Bdf::new(0, 32, 0), Bdf::new(0, 0, 8), Bdf::new(0, 31, 8)), (None, None, None));
    let bdf = Bdf::from_bits(0xa5_5a);
    assert_eq!((bdf.bus(), bdf.device(), bdf.function()), (0xa5, 0x0b, 2));
    assert_eq!((bdf.to_string(), format!("{bdf:?}")), ("a5:0b.2".into(), "a5:0b.2".into()));
}

#[test]
fn a_register_is_read_or_written_or_both() {
    let all = [Access::Ro, Access::Rw, Access::Wo];
    assert_eq!(all.map(Access::readable), [true, true, false]);
    assert_eq!(all.map(Access::writable), [false, true, true]);
}

/// All four sets of flags alike: each flag a bit of its own, `contains` asks for all of them, what nobody defined is found.
#[test]
fn sets_of_flags_are_sets() {
    let named = [CompletionFlags::CONTINUES, CompletionFlags::CONTINUED, CompletionFlags::FLUSHED, CompletionFlags::PHASE];
    assert_eq!(named, [1, 2, 4, 0x8000_0000]);
    assert_eq!((CompletionFlags::KNOWN, DescriptorFlags::KNOWN), (0x8000_0007, 3));
    assert_eq!([DescriptorFlags::END_OF_FRAME, DescriptorFlags::INTERRUPT], [1, 2]);
    assert_eq!([Flags::TRUNCATED, Flags::DROPPED_BEFORE, Flags::ERROR].map(|flag| flag.0), [1, 2, 4]);
    assert_eq!([ChunkFlags::TRUNCATED, ChunkFlags::ERROR, ChunkFlags::CRC].map(|flag| flag.0), [1, 2, 4]);
    for (a, b) in (0..=15).flat_map(|a| (0..=15).map(move |b| (a, b))) {
        let all = (0..4).all(|bit| b >> bit & 1 == 0 || a >> bit & 1 == 1);
        assert_eq!(CompletionFlags(a.into()).contains(b.into()), all, "{a:#x}, {b:#x}");
        assert_eq!(DescriptorFlags(a.into()).contains(b.into()), all, "{a:#x}, {b:#x}");
        assert_eq!((Flags(a).contains(Flags(b)), ChunkFlags(a).contains(ChunkFlags(b))), (all, all), "{a:#x}, {b:#x}");
        assert_eq!((Flags(a).with(Flags(b)).0, ChunkFlags(a).with(ChunkFlags(b)).0), (a | b, a | b));
        assert_eq!((Flags(a).unknown(), ChunkFlags(a).unknown()), (a & 8, a & 8));
    }
    assert_eq!([0, 2, 7, 0xf8].map(|bits| Flags(bits).to_string()), ["none", "dropped-before", "truncated+dropped-before+error", "none"]);
}

#[test]
fn reserved_bits_of_a_frame_header_are_refused_and_told() {
    for bits in [8, 0x80, 0xf8] {
        let header = FrameHeader { flags: Flags(bits | 3), ..FrameHeader::default() };
        assert_eq!(FrameHeader::parse(&header.emit()), Err(HeaderError::Reserved(bits.into())));
    }
    let mut bytes = FrameHeader { flags: Flags(0x18), ..FrameHeader::default() }.emit();
    (bytes[26], bytes[27]) = (0x11, 0x20);
    assert_eq!(FrameHeader::parse(&bytes), Err(HeaderError::Reserved(0x2019)));
}

#[test]
fn a_frame_header_lies_as_the_format_says() {
    let header = FrameHeader {
        channel: 3,
        flags: Flags::DROPPED_BEFORE,
        length: 0x0403_0201,
        sequence: 0x0807_0605_0403_0201,
        stamp: 0x1817_1615_1413_1211,
        source: 0x2221,
        crc: 0x3433_3231,
    };
    let right = [
        0xc0, 0x51, 3, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0, 0, 0x31, 0x32,
        0x33, 0x34,
    ];
    assert_eq!(header.emit(), right);
    let footprint = |length| FrameHeader { length, ..header }.footprint();
    assert_eq!([0, 1, 32, 33, u32::MAX].map(footprint), [32, 64, 64, 96, 0x1_0000_0020]);
}

#[test]
fn descriptors_lie_as_the_format_says() {
    let page = PageDescriptor { address: 0x1122_3344_5566_7788, length: 0x1000, cookie: 0xaabb_ccdd };
    assert_eq!(page.emit(), [0x1122_3344_5566_7788, 0xaabb_ccdd_0000_1000]);
    let descriptor = H2cDescriptor { address: 5, length: 6, flags: DescriptorFlags(3), cookie: 7 };
    assert_eq!(descriptor.emit(), [5, 0x3_0000_0006, 7, 0]);
    let completion = PageCompletion { cookie: 1, bytes: 2, sequence: 3, stamp: 4, frames: 5, flags: CompletionFlags(6) };
    assert_eq!(completion.emit(), [0x2_0000_0001, 3, 4, 0x6_0000_0005]);
    assert!([1 << 34, 1 << 63].iter().all(|reserved| H2cDescriptor::parse([5, 6 | reserved, 7, 0]).is_none()));
    assert!(H2cDescriptor::parse([5, 0x3_0000_0006, 7, 1 << 63]).is_none());
    let block =
        WriteBack { sequence: 1, hw_count: 2, frames: 3, dropped: 4, stamp: 5, error_addr: 6, state: 7, error: 8, channel: 9, run: 10 };
    assert_eq!(block.emit(), [1, 2, 3, 4, 5, 6, 0xa_0009_0807, 1]);
    assert_eq!([0, 1, 63, 64, 96].map(is_place), [true, false, false, true, false]);
}

/// A code that `from` takes is the code that `to` gives, and no other is taken.
fn codes<T: Copy>(from: impl Fn(u8) -> Option<T>, to: impl Fn(T) -> u8, count: u8) {
    for code in 0..=255 {
        assert_eq!(from(code).map(&to), (code < count).then_some(code));
    }
}

#[test]
fn codes_go_both_ways() {
    codes(ChannelState::from_bits, |state| state as u8, 4);
    codes(ChannelError::from_bits, |error| error as u8, 16);
    codes(elink::Kind::from_code, |kind| kind as u8, 6);
    for bits in 0..=7 {
        assert_eq!(CompletionStatus::from_bits(bits).bits(), bits);
        assert_eq!(CompletionStatus::from_bits(bits | 0xf8), CompletionStatus::from_bits(bits), "three bits");
        assert_eq!(CompletionStatus::Unknown(bits | 8).bits(), bits);
        assert_eq!(matches!(CompletionStatus::from_bits(bits), CompletionStatus::Unknown(_)), [3, 5, 6, 7].contains(&bits));
    }
    for code in 0..=255 {
        // The 4-dword form of a memory request or an AtomicOp is the same kind.
        let short = if matches!(code, 0x20 | 0x21 | 0x60 | 0x6c..=0x6e) { code & !0x20 } else { code };
        assert_eq!(Kind::from_code(code).code(), short, "{code:#04x}");
    }
    assert_eq!((Kind::Message(0xfc).code(), Kind::MessageData(9).code()), (0x34, 0x71), "routing has three bits");
    let names = (0..8).map(routing::name).collect::<Vec<_>>();
    assert_eq!(names, ["to-root", "by-address", "by-id", "broadcast", "local", "gathered", "reserved-routing", "reserved-routing"]);
}

#[test]
fn chunk_pieces_know_their_place() {
    use elink::Kind::{First, Last, Middle, Null, Timeout, Whole};
    let all = [Null, First, Last, Whole, Middle, Timeout];
    assert_eq!(all.map(elink::Kind::begins), [false, true, false, true, false, false]);
    assert_eq!(all.map(elink::Kind::ends), [false, false, true, true, false, false]);
    assert_eq!(all.map(elink::Kind::is_padding), [true, false, false, false, false, true]);
    assert_eq!((elink::MAX_PAYLOAD, elink::MAX_SUBCHUNKS), (1012, 254));
}

#[test]
fn widths_count_beats() {
    assert_eq!((BAR0_BYTES, BAR2_BYTES), (65536, 16384));
    for (bits, width) in [(64, DataWidth::W64), (128, DataWidth::W128), (256, DataWidth::W256), (512, DataWidth::W512)] {
        assert_eq!((DataWidth::from_bits(bits), width.bytes()), (Some(width), bits / 8));
        for payload in [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 4095, 4096] {
            assert_eq!((width.beats(payload), width.whole_beats(payload)), (payload.div_ceil(bits / 8).max(1), payload / (bits / 8)));
        }
    }
    assert_eq!([0, 32, 63, 255, 1024].map(DataWidth::from_bits), [None; 5]);
}

#[rstest]
#[case::headers(Limit::new(Some(0), None), 0)]
#[case::data(Limit::new(None, Some(0)), 1)]
#[case::both(Limit::new(Some(0), Some(0)), 1)]
fn nothing_goes_without_a_grant(#[case] limit: Limit, #[case] data: u16) {
    assert!(!Consumed::default().allows(&limit, data));
}

/// The rule of PCIe 4.0 §2.6.1.2 in plain numbers: what is granted and not used, if that is at most half of the counter's range.
#[test]
fn credits_go_while_some_are_left_and_no_counter_is_mistaken_for_another_lap() {
    for (used, left) in (0..=255_u8).flat_map(|used| (0..=255_u8).map(move |left| (used, left))) {
        let consumed = Consumed { headers: used, data: 0 };
        let limit = Limit::new(Some(used.wrapping_add(left)), None);
        assert_eq!(consumed.allows(&limit, 64), (1..=129).contains(&left), "{used} used, {left} left");
    }
    for (used, left) in [0, 1, 2047, 2048, 4032, 4095_u16].into_iter().flat_map(|used| (0..4096_u16).map(move |left| (used, left))) {
        let consumed = Consumed { headers: 0, data: used };
        let limit = Limit::new(None, Some((used + left) % 4096));
        assert!(consumed.allows(&limit, 0), "a TLP without payload needs no data credit");
        for need in [1, 2, 16, 256] {
            assert_eq!(consumed.allows(&limit, need), (need..=need + 2048).contains(&left), "{used} used, {left} left, {need} needed");
        }
    }
    let mut consumed = Consumed { headers: 255, data: 4095 };
    consumed.take(3);
    assert_eq!(consumed, Consumed { headers: 0, data: 2 });
    assert_eq!([0, 1, 16, 17, 4096].map(data_credits), [0, 1, 1, 2, 256]);
}

#[test]
fn grants_wrap_and_infinite_stays_infinite() {
    let mut limit = Limit::new(Some(250), Some(4095));
    limit.grant(10, 3);
    assert_eq!((limit.headers(), limit.data()), (Some(4), Some(2)));
    assert_eq!(Limit::initial(255, 0x1fff), Limit::new(Some(255), Some(0xfff)), "data counters have 12 bits");
    for (headers, data) in [(None, Some(1)), (Some(1), None), (None, None)] {
        let mut limit = Limit::new(headers, data);
        limit.grant(1, 1);
        assert_eq!((limit.headers(), limit.data()), (headers.map(|n| n + 1), data.map(|n| n + 1)));
    }
}

/// Marsaglia, "Xorshift RNGs", J. Stat. Software 8 (2003): shifts 13, 7, 17, computed apart.
#[test]
fn the_generator_draws_what_the_page_says() {
    let mut random = XorShift64::new(1);
    assert_eq!([random.step(), random.step(), random.step()], [0x4082_2041, 0x1000_4106_0c01_1441, 0x9b1e_842f_6e86_2629]);
    assert_eq!(XorShift64::new(0), XorShift64::new(0x9e37_79b9_7f4a_7c15));
    let table = core::array::from_fn(|entry| 100 + entry as u32);
    let lengths = |mode, min, max| {
        let mut frames = FrameSequence::new(1, 2, mode, min, max, table);
        (0..20).map(|_| frames.draw().0).collect::<Vec<_>>()
    };
    assert_eq!(lengths(LengthMode::Fixed, 7, 9), [7; 20]);
    assert_eq!(lengths(LengthMode::Uniform, 7, 6), [7; 20], "a maximum below the minimum counts as the minimum");
    assert_eq!(lengths(LengthMode::Table, 7, 9), (0..20).map(|n| 100 + n % 16).collect::<Vec<_>>());
    let wide = lengths(LengthMode::Uniform, 0, u32::MAX);
    assert!(wide.iter().any(|&length| length > 1 << 31) && wide.iter().any(|&length| length < 1 << 31));
    let mut words = [0; 20];
    fill(5, 8, &mut words);
    let word = |n: u64| 5_u64.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n)).to_le_bytes();
    assert_eq!(words[..], [&word(1)[..], &word(2), &word(3)[..4]].concat());
}

proptest! {
    #[test]
    fn uniform_lengths_stay_between_their_ends(seed: u64, channel in 0..16_u8, ends: (u32, u32)) {
        let (min, max) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let mut frames = FrameSequence::new(seed, channel, LengthMode::Uniform, min, max, [0; 16]);
        for _ in 0..50 {
            prop_assert!((min..=max).contains(&frames.draw().0));
        }
    }
}
