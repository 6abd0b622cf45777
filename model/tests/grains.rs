//! The two grains of the port are the same card: whatever passes in one run of many clocks passes in single clocks too, at the same cycles.
//!
//! Three cards get the same random stimulus: one runs freely, one at most a few clocks at a time, one clock by clock through the signals.
//! They must send the same TLPs in the same cycles, and have the same registers at the end.

use crate::common::play::{Answers, Op, Shape, op, play, shape};
use crate::common::{Bench, Fault, Host, MEMORY};
use proptest::prelude::*;
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::Kind;
use silico_spec::units::Cycle;

fn same(shape: Shape, ops: &[Op]) -> Result<(), TestCaseError> {
    same_with(4096, shape, ops)
}

/// With FIFOs of so many bytes.
fn same_with(fifo_bytes: u32, shape: Shape, ops: &[Op]) -> Result<(), TestCaseError> {
    let params = CardParams {
        c2h_channels: 2,
        fifo_bytes,
        fifo_frames: 8,
        width: shape.width,
        read_tags: shape.host.tags,
        read_timeout: 2000,
        h2c_buffer_bytes: 8192,
        ..CardParams::default()
    };
    let card = || Card::new(params.clone()).expect("legal parameters");
    let free = play(card(), &params, &shape, ops, u64::MAX);
    for (name, other) in [
        ("at most 7 clocks a run", play(card(), &params, &shape, ops, 7)),
        ("clock by clock", play(card(), &params, &shape, ops, 1)),
        ("through the signals", play(Clocked::new(card()), &params, &shape, ops, u64::MAX)),
    ] {
        for (n, (a, b)) in free.0.iter().zip(&other.0).enumerate() {
            prop_assert_eq!(a, b, "TLP {} of the free run, then {}", n, name);
        }
        prop_assert_eq!(free.0.len(), other.0.len(), "TLPs sent: free run, then {}", name);
        prop_assert_eq!(&free.1, &other.1, "registers: free run, then {}", name);
        prop_assert_eq!(free.2, other.2);
        prop_assert!(free.3 == other.3, "output streams: free run, then {}", name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_grain_is_the_same_card(shape in shape(), ops in prop::collection::vec(op(), 1..40)) {
        same(shape, &ops)?;
    }
}

/// Cases a property: many more with `SILICO_CASES`.
fn cases() -> u32 {
    std::env::var("SILICO_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

#[test]
fn the_comparison_sees_something() {
    let shape = Shape {
        generator: [true, false],
        config: [4, 4],
        entries: (4, 4),
        flush: 0,
        rate: 1 << 16,
        pause: 3,
        frame: 1000,
        mode: 1,
        blocks: None,
        wb_time: 100,
        int_time: 0,
        finite_credits: false,
        width: DataWidth::W256,
        host: Answers { seed: 1, delay: (100, 50), split: None, tags: 256, fault: None },
        sizes: None,
    };
    let params = CardParams { c2h_channels: 2, ..CardParams::default() };
    let ops = [Op::Start(0), Op::Start(1), Op::Feed { channel: 1, bytes: 2000, delay: 5 }, Op::Run(400)];
    let (sent, ..) = play(Card::new(params.clone()).unwrap(), &params, &shape, &ops, u64::MAX);
    let frames = |channel: u64| sent.iter().filter(|s| s.header.address().0.wrapping_sub(MEMORY) >> 16 == channel).count();
    assert!(frames(0) > 10 && frames(1) > 5, "{} and {}", frames(0), frames(1));
}

#[test]
fn the_comparison_sees_pages() {
    let shape = Shape {
        generator: [true, true],
        config: [4 | 1 << 5, 1 << 5 | 1 << 6],
        entries: (11, 8),
        flush: 100,
        rate: 1 << 16,
        pause: 3,
        frame: 300,
        mode: 1,
        blocks: None,
        wb_time: 100,
        int_time: 0,
        finite_credits: false,
        width: DataWidth::W256,
        host: Answers { seed: 1, delay: (100, 50), split: None, tags: 256, fault: None },
        sizes: None,
    };
    let params = CardParams { c2h_channels: 2, ..CardParams::default() };
    let give = |channel| Op::GivePages { channel, count: 11, length: 9, grid: 0 };
    let ops = [Op::Start(0), Op::Start(1), give(0), give(1), Op::Run(2000)];
    let (sent, ..) = play(Card::new(params.clone()).unwrap(), &params, &shape, &ops, u64::MAX);
    let entries =
        |channel: u64| sent.iter().filter(|s| s.header.address().0.wrapping_sub(MEMORY + 0xe_2000 + 0x4000 * channel) < 0x100).count();
    assert_eq!((entries(0), entries(1)), (8, 8), "both rings full");
}

/// No generator, channels of these configurations, a host that answers soon.
fn plain(config: [u32; 2]) -> Shape {
    Shape {
        generator: [false; 2],
        config,
        entries: (11, 8),
        flush: 0,
        rate: 1 << 16,
        pause: 0,
        frame: 0,
        mode: 0,
        blocks: None,
        wb_time: 0,
        int_time: 0,
        finite_credits: false,
        width: DataWidth::W256,
        host: Answers { seed: 1, delay: (20, 0), split: None, tags: 256, fault: None },
        sizes: None,
    }
}

const DROP: u32 = 1 << 1;
const PAGES: u32 = 1 << 5;
const PACKED: u32 = 1 << 6;

fn feed(channel: usize, bytes: usize, delay: u64) -> Op {
    Op::Feed { channel, bytes, delay }
}

/// A frame that outgrows the page that others share, or that fills half of the FIFO before it does, seals that page in the same clock, however its beats are
/// gathered: a run that ends in the midst of them must not move the clock.
#[rstest]
fn a_frame_outgrows_its_page_in_the_same_clock(#[values(20, 128)] length: u16) {
    let pages = Op::GivePages { channel: 0, count: 8, length, grid: 0 };
    let ops = [Op::Start(0), pages, Op::Run(500), feed(0, 100, 0), Op::Run(100), feed(0, 2400, 0), Op::Run(5), Op::Run(500)];
    same(plain([PAGES | PACKED, 0]), &ops).unwrap();
}

/// A frame that credits do not let begin is dropped, and the next one, which they do let go, goes at once: it is not known beforehand what a drop makes possible.
#[test]
fn what_a_drop_makes_possible_goes_in_the_same_clock() {
    let shape = Shape { finite_credits: true, ..plain([DROP, 0]) };
    let ops = [Op::Start(0), Op::Credits { headers: 9, data: 4 }, Op::Run(50), feed(0, 2400, 0), feed(0, 10, 0), Op::Run(300)];
    same_with(2048, shape, &ops).unwrap();
}

/// Pages are taken one a clock while another channel's packet goes by: the frame that begins meanwhile is ready when its turn comes.
#[rstest]
fn pages_are_taken_while_others_send(#[values(30, 50, 60, 61, 62, 63, 64, 65)] delay: u64, #[values(0, PACKED)] packed: u32) {
    let shape = Shape { sizes: Some((3, 2)), ..plain([PAGES | packed, 0]) };
    let pages = Op::GivePages { channel: 0, count: 8, length: 1, grid: 0 };
    let ops = [Op::Start(0), Op::Start(1), pages, Op::Run(500), feed(1, 2400, 0), feed(0, 60, delay), Op::Run(300)];
    same(shape, &ops).unwrap();
}

/// A channel whose read has failed stops at the end of that clock, and says so, though nothing else happens in it; so does one whose stop has waited for no
/// more than that read.
#[rstest]
fn a_read_that_fails_stops_its_channel_in_the_same_clock(
    #[values(Fault::Abort, Fault::Unsupported, Fault::Poison, Fault::Silence)] fault: Fault,
    #[values(None, Some(1), Some(10), Some(30))] stop: Option<u64>,
) {
    const WRITE_BACK: u32 = 1 << 2;
    let host = Answers { seed: 1, delay: (20, 0), split: None, tags: 256, fault: Some((0, fault)) };
    let shape = Shape { host, ..plain([PAGES | WRITE_BACK, 0]) };
    let pages = Op::GivePages { channel: 0, count: 4, length: 8, grid: 0 };
    let mut ops = vec![Op::Start(0), pages];
    ops.extend(stop.into_iter().flat_map(|after| [Op::Run(after), Op::Stop(0)]));
    ops.push(Op::Run(3000));
    same(shape, &ops).unwrap();
}

/// What a card sent, and where clocks went, after `scene`, which runs as many clocks at once as it may, and one at a time.
fn at_both_grains(params: &CardParams, scene: impl Fn(&mut Bench<Card>, u64)) -> Bench<Card> {
    let play = |at_most: u64| {
        let mut bench = Bench::new(Card::new(params.clone()).expect("legal parameters"), params);
        bench.bring_up(4);
        bench.set_sizes(1, 2);
        bench.enable();
        let mut host = Host::new(1);
        (host.limits.max_payload, host.limits.max_read_request, host.delay) = (256, 512, (10, 0));
        host.split = Some(256);
        bench.host = Some(host);
        scene(&mut bench, at_most);
        bench
    };
    let (free, single) = (play(u64::MAX), play(1));
    for (n, (a, b)) in free.sent.iter().zip(&single.sent).enumerate() {
        assert_eq!(a, b, "TLP {n} of the free run, then clock by clock");
    }
    assert_eq!((free.sent.len(), free.now), (single.sent.len(), single.now));
    assert_eq!(free.stimulus.front.iter().map(|front| front.frames.len()).collect::<Vec<_>>(), {
        single.stimulus.front.iter().map(|front| front.frames.len()).collect::<Vec<_>>()
    });
    for (a, b) in free.stimulus.out.iter().zip(&single.stimulus.out) {
        assert!(a.bytes == b.bytes && a.ends == b.ends);
    }
    free
}

/// An H2C channel 0 whose stream's receiver stands still for `hold` clocks, and these descriptors: lengths, and whether a frame ends.
fn sends(bench: &mut Bench<Card>, at_most: u64, config: u32, hold: u64, descriptors: &[(u32, u32)]) {
    bench.set_up_h2c(0, 64, config);
    // One block, when all is done.
    bench.h2c_set32(0, h2c::WB_EVERY, descriptors.len() as u32);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.stimulus.out[0].ready_at = Cycle(bench.now + hold);
    for (n, (length, flags)) in (0..).zip(descriptors) {
        let descriptor = H2cDescriptor { address: MEMORY + 0x9_0000, length: *length, flags: DescriptorFlags(*flags), cookie: n };
        bench.put(0, 64, n, &descriptor);
    }
    bench.h2c_set64(0, h2c::TAIL, descriptors.len() as u64);
    bench.run_to(bench.now + hold + 2000, at_most);
}

fn reads(bench: &Bench<Card>) -> usize {
    bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).count()
}

/// Beats that leave a full buffer make room, and the read that waits for it goes in the clock in which there is enough.
#[test]
fn a_read_goes_when_beats_have_made_its_room() {
    let params = CardParams { h2c_buffer_bytes: 8192, ..CardParams::default() };
    let bench = at_both_grains(&params, |bench, at_most| sends(bench, at_most, 1 << 2, 1000, &[(30_000, 1)]));
    assert_eq!(bench.stimulus.out[0].bytes.len(), 30_000);
    assert_eq!(reads(&bench), 1 + 30_000_usize.div_ceil(512));
}

/// Descriptors are judged one a clock, whatever the output does: the payload of one behind empty frames is read while these wait for their receiver.
#[test]
fn descriptors_are_judged_while_the_output_stands() {
    let mut descriptors = [(0, 1); 16];
    descriptors[15] = (64, 1);
    let bench = at_both_grains(&CardParams::default(), |bench, at_most| sends(bench, at_most, 0, 1000, &descriptors));
    let [.., fetch, payload] = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).collect::<Vec<_>>()[..] else {
        panic!("two reads");
    };
    assert!(payload.first < fetch.last + 200, "not after the hold");
    assert_eq!(bench.stimulus.out[0].ends, [[0; 15].as_slice(), &[64]].concat());
}

/// A beat that is gathered from two descriptors is shown a clock later than one that is not.
#[test]
fn a_beat_of_two_descriptors_is_gathered_in_two_clocks() {
    let descriptors: Vec<_> = (1..15).map(|n| (10 + 75 * n, u32::from(n % 7 == 0))).collect();
    let bench = at_both_grains(&CardParams::default(), |bench, at_most| sends(bench, at_most, 1 << 2, 1000, &descriptors));
    assert_eq!(bench.stimulus.out[0].bytes.len() as u32, descriptors.iter().map(|(length, _)| length).sum::<u32>());
}

/// A loop begins between two frames of the front end that it is to replace, though nothing else happens there, and though it has no frame itself yet.
#[test]
fn a_loop_begins_between_two_frames() {
    let bench = at_both_grains(&CardParams::default(), |bench, at_most| {
        bench.set_up_ring(1, 0x8000, 0, 8000);
        bench.set32(1, c2h::CONTROL, 1);
        let posted = bench.sent.iter().filter(|sent| sent.header.kind().class() == Class::Posted).count() as u8;
        bench.stimulus.credits.0[Class::Posted as usize] = Limit::new(Some(posted), None);
        (0..3).for_each(|_| bench.feed(1, &[1; 3000], bench.now));
        bench.run_to(bench.now + 20, at_most);
        bench.set_up_h2c(0, 64, 2 | 1 << 8);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        bench.run_to(bench.now + 1000, at_most);
    });
    let front = &bench.stimulus.front[1];
    assert_eq!((front.frames.len(), front.passed), (2, 0), "the second frame waits");
}
