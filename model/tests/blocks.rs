//! The generator's block mode at the port: every chunk of every e-link arrives, in blocks that keep the rules, and timers, limits and counts do what
//! the register map says.

use crate::common::{BAR0, Bench};
use rstest::rstest;
use silico_model::Card;
use silico_spec::elink::{Block, ChunkFlags, ChunkSequence, Event, Kind, Reassembler};
use silico_spec::frame::{Flags, FrameHeader, HEADER_BYTES};
use silico_spec::generator::{FrameSequence, LengthMode, fill};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::registers::{c2h, card};
use silico_spec::writeback::ChannelError;

const SEED: u64 = 77;
const FIRST: u16 = 0x120;
const RING: u64 = 0xf_0000;

#[derive(Clone, Copy)]
struct Run {
    links: u32,
    lengths: (u32, u32),
    count: u64,
    flush: u32,
    pause: u32,
    limit: u32,
    config: u32,
    params: fn(&mut CardParams),
}

const RUN: Run = Run { links: 5, lengths: (0, 3000), count: 200, flush: 0, pause: 0, limit: 1 << 16, config: 1, params: |_| {} };

fn start(run: &Run) -> Bench<Card> {
    let mut params = CardParams::default();
    (run.params)(&mut params);
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, RING, run.config, run.limit);
    bench.set32(0, c2h::GEN_CONFIG, 1 | 1 << 2 | u32::from(FIRST) << 16);
    bench.set32(0, c2h::GEN_MIN, run.lengths.0);
    bench.set32(0, c2h::GEN_MAX, run.lengths.1);
    bench.set64(0, c2h::GEN_SEED, SEED);
    bench.set64(0, c2h::GEN_COUNT, run.count);
    bench.set32(0, c2h::GEN_PAUSE, run.pause);
    bench.set32(0, c2h::GEN_LINKS, run.links);
    bench.set32(0, c2h::GEN_FLUSH, run.flush);
    bench.set32(0, c2h::CONTROL, 1);
    bench
}

/// Frames that the card has delivered into the ring.
fn frames(bench: &mut Bench<Card>) -> Vec<(FrameHeader, Vec<u8>)> {
    let end = bench.get64(0, c2h::HW_COUNT);
    assert!(end < RING, "the ring holds all of them");
    let (mut at, mut out) = (0, Vec::new());
    while at < end {
        let bytes = bench.ring(0, at as usize, HEADER_BYTES as usize).to_vec();
        let header = FrameHeader::parse(&bytes.try_into().unwrap()).unwrap();
        out.push((header, bench.ring(0, (at + u64::from(HEADER_BYTES)) as usize, header.length as usize).to_vec()));
        at += header.footprint();
    }
    out
}

/// A chunk, as sent or as it came.
type Came = (ChunkFlags, Vec<u8>);

fn expected(run: &Run, link: u16) -> Vec<Came> {
    let all = FrameSequence::new(SEED, 0, LengthMode::Uniform, run.lengths.0, run.lengths.1, [0; 16]);
    let chunk = |(length, key): (u32, u64)| {
        let mut bytes = vec![0; length.min(run.limit) as usize];
        fill(key, 0, &mut bytes);
        (if length > run.limit { ChunkFlags::TRUNCATED } else { ChunkFlags(0) }, bytes)
    };
    ChunkSequence::new(all, run.links as u16, link, run.count).map(chunk).collect()
}

/// Chunks that came, by e-link, and how many blocks were lost. Checks what holds for every frame.
fn unpack(run: &Run, frames: &[(FrameHeader, Vec<u8>)]) -> (Vec<Vec<Came>>, u64) {
    let mut reassembler = Reassembler::new(FIRST, run.links as u16, run.limit as usize);
    let (mut came, mut lost) = (vec![Vec::new(); run.links as usize], 0);
    for (header, payload) in frames {
        assert_eq!((header.length, header.crc), (1024, silico_spec::crc::crc32c(payload)));
        let block = Block::decode(payload).expect("a legal block");
        assert_eq!(header.source, block.elink());
        let push = reassembler.push(&block, |event| match event {
            Event::Lost { blocks, .. } => lost += u64::from(blocks),
            Event::Chunk(chunk) => came[usize::from(chunk.elink - FIRST)].push((chunk.flags, chunk.payload.to_vec())),
        });
        push.expect("blocks follow each other");
    }
    (came, lost)
}

#[rstest]
#[case(RUN)]
#[case(Run { links: 1, ..RUN })]
#[case(Run { links: 64, lengths: (0, 40), count: 900, ..RUN })]
#[case(Run { links: 256, lengths: (1, 700), params: |p| p.elinks = 256, ..RUN })]
#[case(Run { lengths: (5000, 9000), count: 30, ..RUN })]
#[case(Run { flush: 100, pause: 30, ..RUN })]
#[case(Run { flush: 1, pause: 9, lengths: (0, 100), ..RUN })]
#[case(Run { limit: 1500, ..RUN })]
#[case(Run { limit: 3, lengths: (0, 6), ..RUN })]
#[case(Run { params: |p| p.width = DataWidth::W64, ..RUN })]
#[case(Run { params: |p| p.width = DataWidth::W512, ..RUN })]
#[case(Run { params: |p| p.fifo_bytes = 2048, ..RUN })]
fn every_chunk_of_every_elink_arrives(#[case] run: Run) {
    let mut bench = start(&run);
    bench.run(200_000);
    let frames = frames(&mut bench);
    let (came, lost) = unpack(&run, &frames);
    assert_eq!(lost, 0);
    for (link, came) in came.iter().enumerate() {
        assert!(*came == expected(&run, link as u16), "e-link {link}");
    }
    assert_eq!(bench.get64(0, c2h::GEN_CHUNKS), run.count);
    assert_eq!(bench.get64(0, c2h::GEN_MADE), frames.len() as u64);
    assert_eq!(bench.get64(0, c2h::FRAMES), frames.len() as u64);
}

#[test]
fn a_block_goes_out_when_its_time_is_up_and_not_before() {
    let run = Run { links: 2, lengths: (10, 10), count: 2, flush: 500, pause: 3000, ..RUN };
    let mut bench = start(&run);
    let started = bench.now;
    bench.run(450);
    assert_eq!(bench.get64(0, c2h::GEN_MADE), 0, "cycle {} of the run", bench.now - started);
    bench.run(200);
    assert_eq!(bench.get64(0, c2h::GEN_MADE), 1);
    let frames = frames(&mut bench);
    assert_eq!(Block::decode(&frames[0].1).unwrap().padding(), Some(Kind::Timeout));
    assert_eq!(bench.get64(0, c2h::GEN_CHUNKS), 1);
}

/// A row of a block is written in a clock, as wide as a beat, and a beat of it leaves in another one.
#[rstest]
#[case(DataWidth::W64, 1012, 127 + 128)]
#[case(DataWidth::W256, 1012, 32 + 32)]
#[case(DataWidth::W512, 1012, 16 + 16)]
// Trailers alone; pieces of long chunks.
#[case(DataWidth::W256, 0, 254 + 32)]
#[case(DataWidth::W512, 5000, 16 + 16)]
fn packing_takes_a_clock_a_row(#[case] width: DataWidth, #[case] length: u32, #[case] period: u64) {
    let params: fn(&mut CardParams) = match width {
        DataWidth::W64 => |params| params.width = DataWidth::W64,
        DataWidth::W512 => |params| params.width = DataWidth::W512,
        _ => |_| {},
    };
    let mut bench = start(&Run { links: 1, count: 0, lengths: (length, length), params, ..RUN });
    let mut made = || (bench.run(period * 100), bench.get64(0, c2h::GEN_MADE), bench.now);
    let ((_, before, from), (_, after, to)) = (made(), made());
    assert!(((after - before) * period).abs_diff(to - from) <= period, "{} blocks in {} clocks", after - before, to - from);
}

#[test]
fn without_a_timer_and_an_end_only_full_blocks_go_out() {
    let run = Run { count: 0, lengths: (10, 10), pause: 100, ..RUN };
    let mut bench = start(&run);
    bench.run(40_000);
    // 16 bytes a chunk, five blocks to fill: none can be full before 64 chunks.
    let frames = frames(&mut bench);
    assert!(!frames.is_empty() && frames.iter().all(|frame| Block::decode(&frame.1).unwrap().padding() != Some(Kind::Timeout)));
}

#[test]
fn dropped_blocks_are_marked_and_missed_where_they_were() {
    // No credits for a while: the FIFO fills, and blocks are dropped whole.
    let run = Run { config: 1 | 2, count: 400, ..RUN };
    let mut bench = start(&run);
    bench.stimulus.tx_ready_at = silico_spec::units::Cycle(bench.now + 4000);
    bench.run(200_000);
    let frames = frames(&mut bench);
    let dropped = bench.get64(0, c2h::DROPPED);
    let (came, lost) = unpack(&run, &frames);
    assert!(dropped > 10 && lost <= dropped && lost + 5 >= dropped, "{dropped} dropped, {lost} missed");
    assert!(frames.iter().any(|frame| frame.0.flags.contains(Flags::DROPPED_BEFORE)));
    assert_eq!(bench.get64(0, c2h::GEN_MADE), frames.len() as u64 + dropped);
    for (link, came) in came.iter().enumerate() {
        let mut sent = expected(&run, link as u16).into_iter();
        assert!(came.iter().all(|chunk| sent.any(|sent| sent == *chunk)), "e-link {link}: in order, none that was not sent");
    }
}

#[rstest]
#[case(0)]
#[case(65)]
#[case(u32::MAX)]
fn more_elinks_than_the_card_has_memory_for_are_refused(#[case] links: u32) {
    let mut bench = start(&Run { links, ..RUN });
    bench.run(50);
    assert_eq!(bench.get32(0, c2h::ERROR), ChannelError::BadGenerator as u32);
    assert_eq!(bench.get64(0, c2h::ERROR_ADDR), links.into());
    assert_eq!(bench.read(BAR0 + u64::from(card::ELINKS), 4), 64);
}

#[test]
fn a_restart_begins_with_block_zero() {
    let mut bench = start(&RUN);
    bench.run(777);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(500);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(200_000);
    let (came, lost) = unpack(&RUN, &frames(&mut bench));
    assert_eq!(lost, 0);
    assert!(came.iter().enumerate().all(|(link, came)| *came == expected(&RUN, link as u16)));
}

/// A block is packed at the full rate, and its beats leave at that of the generator.
#[test]
fn a_block_leaves_at_the_rate_of_the_generator() {
    let mut bench = start(&Run { links: 1, count: 0, lengths: (1012, 1012), ..RUN });
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    bench.set32(0, c2h::GEN_RATE, 1 << 14);
    bench.set32(0, c2h::CONTROL, 1);
    let period = 32 + 4 * 32;
    let mut made = || (bench.run(period * 100), bench.get64(0, c2h::GEN_MADE), bench.now);
    let ((_, before, from), (_, after, to)) = (made(), made());
    assert!(((after - before) * period).abs_diff(to - from) <= period, "{} blocks in {} clocks", after - before, to - from);
}
