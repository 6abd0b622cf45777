//! A card alone at its port: registers answer, frames come out, progress and interrupts tell of them in the right order.

use crate::common::{BAR0, Bench, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::crc::crc32c;
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::registers::{c2h, card};
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::{BusAddr, Dwords, Tag};
use silico_spec::writeback::WriteBack;

const WRITE_BACK: u32 = 1 << 2;
const DROP: u32 = 1 << 1;
const GENERATOR: u32 = 1;

fn bench(params: CardParams) -> Bench<Card> {
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(params.msix_vectors);
    bench.enable();
    bench
}

fn header_at(bench: &Bench<Card>, channel: u32, offset: usize) -> FrameHeader {
    FrameHeader::parse(bench.ring(channel, offset, 32).try_into().unwrap()).unwrap()
}

#[test]
fn identity_and_scratch_answer_within_sixteen_clocks() {
    let mut bench = bench(CardParams::default());
    assert_eq!(bench.read(BAR0 + u64::from(card::ID), 4), 0x534c_434f);
    bench.write(BAR0 + u64::from(card::SCRATCH), 0x0123_4567_89ab_cdef, 8);
    assert_eq!(bench.read(BAR0 + u64::from(card::SCRATCH), 8), 0x0123_4567_89ab_cdef);
    let before = bench.now;
    bench.read(BAR0 + u64::from(card::CYCLES), 8);
    assert!(bench.now - before <= 16, "{} clocks", bench.now - before);
}

#[test]
fn a_counter_read_low_then_high_is_not_torn() {
    let mut bench = bench(CardParams::default());
    let low = bench.read(BAR0 + u64::from(card::CYCLES), 4);
    bench.run(1 << 32);
    assert_eq!(bench.read(BAR0 + u64::from(card::CYCLES) + 4, 4), 0, "the high word goes with the low one");
    let whole = bench.read(BAR0 + u64::from(card::CYCLES), 8);
    assert!(whole > 1 << 32 && low < 1 << 32);
}

#[test]
fn stamps_count_every_clock_since_the_release_of_reset() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.stimulus.reset = true;
    bench.run(5);
    bench.stimulus.reset = false;
    let released = bench.now;
    // The link comes up later, and goes down once: time goes on.
    for up in [false, true, false, true] {
        bench.stimulus.link_up = up;
        bench.run(7);
    }
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 100);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    let at = bench.now + 10;
    bench.feed(0, b"x", at);
    bench.run(100);
    assert_eq!(header_at(&bench, 0, 0).stamp, at - released);
}

#[test]
fn holes_read_zero_and_writes_to_them_count() {
    let mut bench = bench(CardParams::default());
    for hole in [0xa8_u64, 0x1088, 0x11f8, 0x8038, 0xfffc] {
        assert_eq!(bench.read(BAR0 + hole, 4), 0, "{hole:#x}");
        bench.write(BAR0 + hole, 0xffff_ffff, 4);
    }
    bench.write(BAR0 + u64::from(card::ID), 0, 4);
    assert_eq!(bench.read(BAR0 + u64::from(card::HOLE_WRITES), 4), 6);
}

#[test]
fn what_is_not_supported_is_answered_so() {
    let mut bench = bench(CardParams::default());
    let outside = Header::memory(Kind::MemRead, crate::common::HOST, Tag(0), BusAddr(BAR0 + 0x1_0000), Dwords(1));
    assert_eq!(bench.request(outside, &[]).header.status(), CompletionStatus::UnsupportedRequest);
    let long = Header::memory(Kind::MemRead, crate::common::HOST, Tag(0), BusAddr(BAR0), Dwords(3));
    assert_eq!(bench.request(long, &[]).header.status(), CompletionStatus::CompleterAbort);
    let atomic = Header::memory(Kind::Atomic(silico_spec::tlp::AtomicOp::FetchAdd), crate::common::HOST, Tag(0), BusAddr(BAR0), Dwords(1));
    assert_eq!(bench.request(atomic, &[0; 4]).header.status(), CompletionStatus::UnsupportedRequest);
    let zero_length = Header::memory(Kind::MemRead, crate::common::HOST, Tag(0), BusAddr(BAR0), Dwords(1)).with_byte_enables(0, 0);
    let flushed = bench.request(zero_length, &[]);
    assert_eq!((flushed.header.status(), flushed.header.byte_count()), (CompletionStatus::Success, 1));
}

#[rstest]
fn frames_of_all_sizes_arrive_in_order(
    #[values(0, 1, 31, 32, 33, 63, 64, 191, 192, 224, 225, 255, 256, 257, 1000, 4096, 5000)] size: usize,
    #[values(DataWidth::W64, DataWidth::W128, DataWidth::W256, DataWidth::W512)] width: DataWidth,
) {
    let mut bench = bench(CardParams { width, ..CardParams::default() });
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 6000);
    bench.set32(0, c2h::CONTROL, 1);
    let frames: Vec<Vec<u8>> = (0..4).map(|n| (0..size).map(|i| (i * 7 + n * 13) as u8).collect()).collect();
    for frame in &frames {
        bench.feed(0, frame, bench.now);
    }
    bench.run(10_000);
    let mut offset = 0;
    for (sequence, frame) in frames.iter().enumerate() {
        let header = header_at(&bench, 0, offset);
        assert_eq!((header.length as usize, header.sequence, header.source, header.flags), (size, sequence as u64, 7, Flags::default()));
        assert_eq!(header.crc, crc32c(frame));
        assert_eq!(bench.ring(0, offset + 32, size), frame);
        let padding = size.next_multiple_of(32) - size;
        assert_eq!(bench.ring(0, offset + 32 + size, padding), vec![0; padding]);
        offset += header.footprint() as usize;
    }
    assert_eq!(bench.get64(0, c2h::HW_COUNT), offset as u64);
    let block: Vec<u64> = bench.memory[0xf_0000..0xf_0040].as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
    let block = WriteBack::parse(&block.try_into().unwrap()).unwrap();
    assert_eq!((block.hw_count, block.frames, block.run), (offset as u64, 4, 1));
}

/// Lap after lap, of rings that are a power of two or not: each byte lies at its count modulo the size, and nothing lies outside.
#[rstest]
fn frames_wrap_at_the_end_of_the_ring(
    #[values(0x1000, 0x2000, 0x3000, 0x5000)] ring: u64,
    #[values(1, 100, 481, 2000, 4064)] size: usize,
    #[values(0, 1, 3)] mps: u32,
) {
    let mut bench = bench(CardParams::default());
    bench.set_mps(mps);
    bench.set_up_ring(0, ring, WRITE_BACK, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(50);
    let (from, mut position) = (bench.sent.len(), 0);
    let mut sequence = 0;
    while position <= 2 * ring {
        let length = size - sequence % size.min(7);
        let frame: Vec<u8> = (0..length).map(|i| (i * 7 + sequence * 13) as u8).collect();
        bench.feed(0, &frame, bench.now);
        bench.run(1000);
        let bytes: Vec<u8> = (0..32 + length).map(|i| bench.memory[((position + i as u64) % ring) as usize]).collect();
        let header = FrameHeader::parse(bytes[..32].try_into().unwrap()).unwrap();
        assert_eq!((header.sequence, header.length as usize), (sequence as u64, length));
        assert!(bytes[32..] == frame, "frame {sequence} at {position:#x}");
        position += header.footprint();
        bench.set64(0, c2h::SW_COUNT, position);
        sequence += 1;
    }
    let block = MEMORY + 0xf_0000;
    for sent in bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 != block) {
        let at = sent.header.address().0 - MEMORY;
        assert!(at + sent.payload.len() as u64 <= ring, "{} bytes at {at:#x} of {ring:#x}", sent.payload.len());
    }
}

#[rstest]
fn data_then_write_back_then_interrupt(#[values(1, 3)] coalesce: u32) {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 6000);
    bench.set32(0, c2h::WB_FRAMES, 0);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 5);
    bench.set32(0, c2h::INT_DATA_FRAMES, coalesce);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    let start = bench.sent.len();
    for _ in 0..5 {
        bench.feed(0, &[1; 100], bench.now);
    }
    bench.run(1000);
    let kind = |sent: &crate::common::Sent| match sent.header.address().0 {
        0xfee0_0000 => 'i',
        at if at >= MEMORY + 0xf_0000 => 'w',
        _ => 'd',
    };
    let order: String = bench.sent[start..].iter().map(kind).collect();
    let before: String = order.chars().take_while(|kind| *kind != 'i').collect();
    assert_eq!(order.matches('i').count(), 1, "{order}: once, until armed anew");
    let block = before.rfind('w').unwrap_or_else(|| panic!("{order}: no write-back before the interrupt"));
    let frames = u64::from_le_bytes(bench.sent[start + block].payload[16..24].try_into().unwrap());
    assert!(frames >= coalesce.into() && before.matches('d').count() as u64 >= frames, "{order}: announces {frames} frames");
    // Armed with less than is there: at once. Armed with all of it: not.
    for (seen, interrupts) in [(5, 0), (4, u64::from(coalesce == 1))] {
        let start = bench.sent.len();
        bench.set64(0, c2h::INT_DATA_ARM, seen);
        bench.run(500);
        let order: String = bench.sent[start..].iter().map(kind).collect();
        assert_eq!(order.matches('i').count() as u64, interrupts, "armed with {seen}: {order}");
    }
}

#[test]
fn the_coalescing_timer_bounds_the_wait() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 6000);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 5);
    bench.set32(0, c2h::INT_DATA_FRAMES, 100);
    bench.set32(0, c2h::INT_DATA_TIME, 300);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    let start = bench.now;
    bench.feed(0, &[1; 100], bench.now);
    bench.run(1000);
    let fired = bench.sent.iter().find(|sent| sent.header.address().0 == 0xfee0_0000).expect("the timer fires");
    assert!((300..340).contains(&(fired.first - start)), "after {} clocks", fired.first - start);
}

#[test]
fn a_full_ring_stops_the_channel_until_room_is_given_back() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    for _ in 0..64 {
        bench.feed(0, &[9; 96], bench.now);
    }
    bench.run(3000);
    assert_eq!(bench.get64(0, c2h::HW_COUNT), 0x1000, "32 frames of 128 bytes fill the ring to the last byte");
    bench.set64(0, c2h::SW_COUNT, 128);
    bench.run(300);
    assert_eq!(bench.get64(0, c2h::HW_COUNT), 0x1000 + 128);
    bench.set64(0, c2h::SW_COUNT, 0x1000 + 128);
    bench.run(3000);
    assert_eq!(bench.get64(0, c2h::FRAMES), 64);
}

#[rstest]
#[case::ahead(128 * 3)]
#[case::backwards(0)]
#[case::off_grid(130)]
#[case::absurd(u64::MAX)]
fn a_bad_doorbell_stops_the_channel(#[case] bad: u64) {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 4064);
    bench.set32(0, c2h::INT_ERROR, 1 << 31 | 3);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[9; 96], bench.now);
    bench.feed(0, &[9; 96], bench.now);
    bench.run(300);
    bench.set64(0, c2h::SW_COUNT, 128);
    bench.set64(0, c2h::SW_COUNT, bad);
    bench.run(300);
    assert_eq!((bench.get32(0, c2h::STATUS) & 7, bench.get32(0, c2h::ERROR)), (3, 2));
    assert_eq!(bench.get64(0, c2h::ERROR_ADDR), bad);
    let messages: Vec<u64> = bench.sent.iter().filter(|s| s.header.address().0 == 0xfee0_0000).map(|s| s.payload[0].into()).collect();
    assert_eq!(messages, [3], "the error cause, once");
    bench.set32(0, c2h::CONTROL, 0);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[1; 10], bench.now);
    bench.run(300);
    assert_eq!((bench.get32(0, c2h::STATUS) & 7, bench.get64(0, c2h::FRAMES)), (1, 1), "a restart heals it");
}

/// A host may say again how far it is.
#[test]
fn a_doorbell_may_be_rung_twice_with_the_same_count() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, 0, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    for count in [0, 0, 128, 128] {
        bench.feed(0, &[9; 96], bench.now);
        bench.run(100);
        bench.set64(0, c2h::SW_COUNT, count);
        assert_eq!((bench.get64(0, c2h::SW_COUNT), bench.get32(0, c2h::ERROR)), (count, 0));
    }
}

/// A frame of several TLPs that is whole when it begins: the header leads the first, and does not come again.
#[test]
fn a_header_that_has_led_does_not_come_again() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, 0, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    let (credits, from) = (bench.stimulus.credits, bench.sent.len());
    bench.stimulus.credits = silico_spec::credit::Limits::NONE;
    bench.feed(0, &[9; 200], bench.now);
    bench.run(100);
    bench.stimulus.credits = credits;
    bench.run(100);
    let writes: Vec<_> = bench.sent[from..].iter().map(|sent| (sent.header.address().0 - MEMORY, sent.payload.len())).collect();
    assert_eq!(writes, [(0, 128), (128, 128)]);
}

#[test]
fn a_full_fifo_drops_whole_frames_and_marks_the_next() {
    let params = CardParams { fifo_bytes: 2048, ..CardParams::default() };
    let mut bench = bench(params);
    bench.set_up_ring(0, 0x1000, WRITE_BACK | DROP, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    // 1 KiB frames into a 4 KiB ring and a 2 KiB FIFO: three in the ring, one in the FIFO, the rest lost.
    for n in 0..9 {
        bench.feed(0, &[n; 1024], bench.now);
    }
    bench.run(2000);
    let frames = bench.get64(0, c2h::FRAMES);
    assert_eq!(frames, 3);
    bench.set64(0, c2h::SW_COUNT, 3 * 1056);
    bench.feed(0, &[77; 1024], bench.now);
    bench.run(2000);
    let (delivered, dropped) = (bench.get64(0, c2h::FRAMES), bench.get64(0, c2h::DROPPED));
    assert_eq!(delivered + dropped, 10);
    assert!(dropped >= 4 && delivered >= 5);
    // The last one is whole, is number 77, and says that others were dropped before it.
    let last = (delivered as usize - 1) * 1056 % 0x1000;
    let header = header_at(&bench, 0, last);
    assert_eq!((header.length, header.flags, header.sequence), (1024, Flags::DROPPED_BEFORE, delivered - 1));
    assert_eq!(bench.ring(0, last + 32, 32), [77; 32]);
}

#[test]
fn an_over_long_frame_is_cut_and_marked() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 333);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[5; 1000], bench.now);
    bench.feed(0, &[6; 333], bench.now);
    bench.run(500);
    let header = header_at(&bench, 0, 0);
    assert_eq!((header.length, header.flags, header.crc), (333, Flags::TRUNCATED, crc32c(&[5; 333])));
    let next = header_at(&bench, 0, header.footprint() as usize);
    assert_eq!((next.length, next.flags, next.crc), (333, Flags::default(), crc32c(&[6; 333])));
}

#[test]
fn a_stop_in_mid_frame_shifts_nothing() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 6000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[1; 3000], bench.now);
    bench.feed(0, &[2; 50], bench.now);
    bench.run(40);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(200);
    assert_eq!((bench.get32(0, c2h::STATUS) & 7, bench.get64(0, c2h::FRAMES), bench.get32(0, c2h::DISCARDED)), (0, 0, 1));
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(500);
    let header = header_at(&bench, 0, 0);
    assert_eq!((header.length, header.sequence, bench.get64(0, c2h::FRAMES)), (50, 0, 1), "the rest of the cut frame is swallowed");
}

#[test]
fn a_channel_reset_forgets_everything_but_the_run_number() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x8000, WRITE_BACK | GENERATOR, 6000);
    bench.set32(0, c2h::GEN_MIN, 500);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(300);
    bench.set32(0, c2h::CONTROL, 2);
    bench.run(100);
    let sent = bench.sent.len();
    bench.run(1000);
    assert_eq!(bench.sent.len(), sent, "nothing of the old run is written any more");
    assert_eq!((bench.get64(0, c2h::RING_SIZE), bench.get64(0, c2h::HW_COUNT), bench.get32(0, c2h::RUN)), (0, 0, 1));
}

#[test]
fn a_masked_vector_waits_and_is_sent_once() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 6000);
    bench.write(crate::common::BAR2 + 16 * 2 + 12, 1, 4);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 2);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.feed(0, &[1; 100], bench.now);
    bench.run(300);
    let messages = |bench: &Bench<Card>| bench.sent.iter().filter(|s| s.header.address().0 == 0xfee0_0000).count();
    assert_eq!((messages(&bench), bench.read(crate::common::BAR2 + 0x2000, 8)), (0, 1 << 2));
    bench.write(crate::common::BAR2 + 16 * 2 + 12, 0, 4);
    bench.run(100);
    assert_eq!((messages(&bench), bench.read(crate::common::BAR2 + 0x2000, 8)), (1, 0));
}

#[test]
fn the_transmit_stream_is_busy_on_at_least_98_percent_of_clocks() {
    let mut bench = bench(CardParams::default());
    let mps_256 = bench.config_read(0x34);
    assert_ne!(mps_256, 0);
    for channel in 0..4 {
        bench.set_up_ring(channel, 0x1_0000, GENERATOR, 6000);
        bench.set32(channel, c2h::GEN_MIN, 1500);
        bench.set32(channel, c2h::CONTROL, 1);
    }
    bench.run(200);
    let perf = |bench: &mut Bench<Card>| {
        bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
        [card::PERF_CYCLES, card::PERF_TX_BUSY].map(|register| bench.read(BAR0 + u64::from(register), 8))
    };
    let before = perf(&mut bench);
    bench.run(2000);
    let after = perf(&mut bench);
    let (clocks, busy) = (after[0] - before[0], after[1] - before[1]);
    assert!(busy * 100 >= clocks * 98, "{busy} of {clocks}");
}
