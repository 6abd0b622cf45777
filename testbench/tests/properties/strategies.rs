//! Random cases. Sizes are biased to the edges where cards break: the grid, MPS, a page, the FIFO, the ring.

use crate::scenario::{GeneratorShape, LaneShape, MachineShape, Op, Scenario, WaitKind};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// What a property puts weight on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// A bit of everything.
    Mixed,
    /// Posted credits at or near the legal minimum.
    Starved,
    /// Hosts that sleep.
    Sleepers,
    /// Stops, restarts, resets, errors.
    Stops,
    /// A slow host: full rings and FIFOs.
    Full,
}

pub(crate) fn frame_len() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 223, 224, 225, 255, 256, 257, 480, 481, 511, 992, 993]),
        4 => 0_u32..300,
        2 => 0_u32..2500,
        1 => prop::sample::select(vec![2047, 2048, 2049, 4063, 4064, 4065, 4095, 4096, 4097, 8160, 8191]),
        1 => 0_u32..20_000,
    ]
}

fn generator() -> impl Strategy<Value = GeneratorShape> {
    let rate = prop_oneof![2 => Just(65_536), 1 => 4000_u32..65_536];
    (frame_len(), prop_oneof![Just(0), 0_u32..600], 0_u32..200, rate, any::<u64>(), prop_oneof![4 => 1_u64..40, 1 => Just(0)])
        .prop_map(|(min, span, pause, rate, seed, count)| GeneratorShape { min, span, pause, rate, seed, count })
}

fn wait_kind(flavour: Flavour) -> impl Strategy<Value = WaitKind> {
    let polls = if flavour == Flavour::Sleepers { 1 } else { 4 };
    prop_oneof![polls => Just(WaitKind::Poll), 4 => Just(WaitKind::Interrupt), 2 => Just(WaitKind::Hybrid)]
}

fn lane(flavour: Flavour) -> impl Strategy<Value = LaneShape> {
    let write_back = prop_oneof![
        3 => Just((1, 0, 0)),
        2 => (0_u32..9, 0_u32..9000, 1_u32..3000),
        1 => (Just(0), Just(0), 1_u32..3000),
    ];
    let small = if flavour == Flavour::Full { 8 } else { 2 };
    let pages = prop_oneof![small => 1_u64..4, 2 => 4_u64..20, 1 => Just(64)];
    let max_frame = prop_oneof![4 => Just(u32::MAX), 2 => Just(4064), 1 => frame_len(), 1 => 1_u32..2000];
    (
        (option::weighted(0.3, generator()), pages, any::<bool>(), option::weighted(0.8, write_back), max_frame),
        (any::<bool>(), any::<bool>(), any::<(u8, u8)>(), option::weighted(0.6, (0_u32..6, 0_u32..2000)), wait_kind(flavour), 0_u8..33),
    )
        .prop_map(move |((generator, pages, drop, write_back, max_frame), (relaxed, no_snoop, busy, interrupt, wait, give_back))| {
            LaneShape { generator, pages, drop, write_back, max_frame, relaxed, no_snoop, busy, interrupt, wait, give_back }
        })
}

fn machine(flavour: Flavour) -> impl Strategy<Value = MachineShape> {
    let posted = if flavour == Flavour::Starved {
        (prop_oneof![2 => Just(0), 1 => 0_u8..6], prop_oneof![2 => Just(0), 1 => 0_u16..40]).prop_map(Some).boxed()
    } else {
        option::weighted(0.8, (0_u8..127, 0_u16..2000)).boxed()
    };
    // Small and fixed is what a failure shrinks to.
    let span = |most: u32| prop_oneof![1 => Just((0, 0)), 3 => (0..most, 0..most)];
    (
        (any::<u64>(), 1_u8..6, 0_u8..5, 7_u8..11, prop_oneof![1 => Just(1_u64), 3 => 1_u64..200], posted),
        (0_u8..9, 2_u32..9, 0_u8..4, prop_oneof![2 => Just(11_u8), 3 => 11_u8..16], prop_oneof![1 => 2_u16..5, 2 => 2_u16..100]),
        (span(2000), span(1000), span(1000), 0_u8..3),
    )
        .prop_map(|(link, card, host)| MachineShape {
            seed: link.0,
            generation: link.1,
            link_lanes_log2: link.2,
            mps_log2: link.3,
            latency: link.4,
            posted: link.5,
            update_log2: card.0,
            transmit_tlps: card.1,
            width_log2: card.2,
            fifo_log2: card.3,
            fifo_frames: card.4,
            write_ns: host.0,
            interrupt_ns: host.1,
            mmio_read_ns: host.2,
            placement: host.3,
        })
}

fn op(flavour: Flavour) -> impl Strategy<Value = Op> {
    let n = || 0_u8..4;
    let stops = if flavour == Flavour::Stops { 4 } else { 1 };
    let sleeps = if flavour == Flavour::Sleepers { 8 } else { 2 };
    let polls = if flavour == Flavour::Full { 1 } else { 6 };
    let feed = (
        n(),
        prop_oneof![3 => Just(1_u8), 2 => 1_u8..12],
        frame_len(),
        prop_oneof![2 => Just(0_u32), 1 => 0_u32..400],
        prop::bool::weighted(0.1),
    )
        .prop_map(|(lane, count, len, pause, error)| Op::Feed { lane, count, len, pause, error });
    let coalesce = (n(), 0_u32..6, 0_u32..2000).prop_map(|(lane, frames, time)| Op::Coalesce { lane, frames, time });
    let common = prop_oneof![
        12 => feed,
        5 => prop_oneof![3 => 1_u32..300, 1 => 1_u32..4000].prop_map(Op::Advance),
        polls => (n(), 1_u8..8).prop_map(|(lane, frames)| Op::Poll { lane, frames }),
        1 => (n(), 1_u32..1500).prop_map(|(lane, clocks)| Op::Hold { lane, clocks }),
        1 => n().prop_map(Op::GiveBack),
        sleeps => (n(), wait_kind(flavour), 1_u32..20_000).prop_map(|(lane, kind, ns)| Op::Wait { lane, kind, ns }),
        sleeps => (n(), 1_u32..20_000).prop_map(|(lane, ns)| Op::ArmAndSleep { lane, ns }),
        sleeps => (n(), any::<bool>()).prop_map(|(lane, on)| Op::Mask { lane, on }),
        1 => coalesce,
    ];
    let turns = prop_oneof![
        3 => n().prop_map(Op::Stop),
        2 => (n(), 1_u32..500).prop_map(|(lane, clocks)| Op::ArmAndStop { lane, clocks }),
        3 => n().prop_map(Op::Start),
        2 => n().prop_map(Op::Restart),
        2 => n().prop_map(Op::Reset),
        1 => (n(), lane(flavour)).prop_map(|(lane, shape)| Op::Reopen { lane, shape: Box::new(shape) }),
        1 => (n(), 0_u8..4).prop_map(|(lane, kind)| Op::BadDoorbell { lane, kind }),
        1 => any::<bool>().prop_map(Op::Enable),
    ];
    prop_oneof![12 => common, stops => turns]
}

/// Cases of one flavour.
pub(crate) fn scenario(flavour: Flavour) -> impl Strategy<Value = Scenario> {
    (machine(flavour), vec(lane(flavour), 1..5), vec(op(flavour), 0..60)).prop_map(|(machine, lanes, ops)| Scenario { machine, lanes, ops })
}

/// Generators without end on a link much slower than the port, alike on all channels.
pub(crate) fn saturated() -> impl Strategy<Value = Scenario> {
    let frame = prop_oneof![100_u32..1000, 1000_u32..5000];
    (machine(Flavour::Mixed), 2_usize..5, frame, any::<bool>()).prop_map(|(mut machine, lanes, min, relaxed)| {
        (machine.generation, machine.link_lanes_log2, machine.width_log2) = (1, 0, 2);
        machine.fifo_log2 = machine.fifo_log2.max(13);
        let generator = Some(GeneratorShape { min, span: 0, pause: 0, rate: 65_536, seed: 1, count: 0 });
        let lane = LaneShape {
            generator,
            pages: 64,
            drop: false,
            write_back: Some((8, 0, 500)),
            max_frame: u32::MAX,
            relaxed,
            no_snoop: false,
            busy: (0, 0),
            interrupt: None,
            wait: WaitKind::Poll,
            give_back: 0,
        };
        Scenario { machine, lanes: vec![lane; lanes], ops: Vec::new() }
    })
}
