//! The two grains of the port are the same card: whatever passes in one run of many clocks passes in single clocks too, at the same cycles.
//!
//! Three cards get the same random stimulus: one runs freely, one at most a few clocks at a time, one clock by clock through the signals.
//! They must send the same TLPs in the same cycles, and have the same registers at the end.

use crate::common::play::{Answers, Op, Shape, op, play, shape};
use crate::common::{Fault, MEMORY};
use proptest::prelude::*;
use rstest::rstest;
use silico_model::Card;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

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

/// A channel whose read has failed stops at the end of that clock, and says so, though nothing else happens in it.
#[rstest]
fn a_read_that_fails_stops_its_channel_in_the_same_clock(
    #[values(Fault::Abort, Fault::Unsupported, Fault::Poison, Fault::Silence)] fault: Fault,
) {
    let host = Answers { seed: 1, delay: (20, 0), split: None, tags: 256, fault: Some((0, fault)) };
    let shape = Shape { host, ..plain([PAGES, 0]) };
    let pages = Op::GivePages { channel: 0, count: 4, length: 8, grid: 0 };
    same(shape, &[Op::Start(0), pages, Op::Run(3000)]).unwrap();
}
