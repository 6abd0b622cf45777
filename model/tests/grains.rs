//! The two grains of the port are the same card: whatever passes in one run of many clocks passes in single clocks too, at the same cycles.
//!
//! Three cards get the same random stimulus: one runs freely, one at most a few clocks at a time, one clock by clock through the signals.
//! They must send the same TLPs in the same cycles, and have the same registers at the end.

use crate::common::MEMORY;
use crate::common::play::{Answers, Op, Shape, op, play, shape};
use proptest::prelude::*;
use silico_model::Card;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

fn same(shape: Shape, ops: &[Op]) -> Result<(), TestCaseError> {
    let params = CardParams {
        c2h_channels: 2,
        fifo_bytes: 4096,
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

/// A frame that outgrows the page that others share seals that page in the same clock, however its beats are gathered: a run that ends in the midst of them
/// must not move the clock.
#[test]
fn a_frame_outgrows_its_page_in_the_same_clock() {
    let shape = Shape {
        generator: [false; 2],
        config: [1 << 6 | 1 << 5, 0],
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
    };
    let feed = |bytes| Op::Feed { channel: 0, bytes, delay: 0 };
    let pages = Op::GivePages { channel: 0, count: 8, length: 20, grid: 0 };
    same(shape, &[Op::Start(0), pages, Op::Run(500), feed(100), Op::Run(100), feed(2000), Op::Run(5), Op::Run(500)]).unwrap();
}
