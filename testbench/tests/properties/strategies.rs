//! Random cases. Sizes are biased to the edges where cards break: the grid, MPS, a page, the FIFO, the ring.

use crate::link::LinkShape;
use crate::reference::State;
use crate::scenario::{
    GeneratorShape, LaneShape, Level, MachineShape, Op, PagedShape, ReadShape, Scenario, Seen, SendTo, SenderShape, WaitKind,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::ops::Range;

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
    /// Host-to-card traffic above all.
    Senders,
    /// Reads that hardly find a tag, a credit, or room.
    Tags,
    /// Resets above the channel, under traffic.
    Levels,
    /// Masks of vectors and of the function, sleepers under them.
    Masks,
    /// Doorbells out of bounds, sizes off every grid.
    Grid,
    /// Switches thrown while others use what they switch.
    Owners,
}

impl Flavour {
    /// All, each at its number.
    pub(crate) const ALL: [Self; 11] = [
        Self::Mixed,
        Self::Starved,
        Self::Sleepers,
        Self::Stops,
        Self::Full,
        Self::Senders,
        Self::Tags,
        Self::Levels,
        Self::Masks,
        Self::Grid,
        Self::Owners,
    ];

    /// How many lanes.
    pub(crate) const fn lanes(self) -> Range<usize> {
        match self {
            Self::Senders | Self::Tags => 1..3,
            _ => 1..5,
        }
    }

    /// How many senders.
    pub(crate) const fn senders(self) -> Range<usize> {
        match self {
            Self::Sleepers | Self::Full => 0..2,
            Self::Senders | Self::Tags => 1..5,
            _ => 0..3,
        }
    }

    /// Most operations of a case.
    pub(crate) const fn ops(self) -> usize {
        match self {
            Self::Levels => 30,
            _ => 60,
        }
    }
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
    let polls = if matches!(flavour, Flavour::Sleepers | Flavour::Masks) { 1 } else { 4 };
    prop_oneof![polls => Just(WaitKind::Poll), 4 => Just(WaitKind::Interrupt), 2 => Just(WaitKind::Hybrid)]
}

/// Pages, few of them and small ones above all.
fn paged(few: u32) -> impl Strategy<Value = PagedShape> {
    (
        prop_oneof![few => 2_u16..5, 3 => 4_u16..40, 1 => 40_u16..140],
        prop_oneof![3 => 1_u16..17, 2 => prop::sample::select(vec![1, 2, 4, 8, 16, 32, 64, 128]), 1 => 1_u16..300],
        any::<bool>(),
        prop_oneof![1 => 1_u32..10, 2 => 10_u32..2000],
        prop_oneof![1 => Just(0_u16), 2 => 0_u16..12, 1 => Just(u16::MAX)],
        prop_oneof![2 => Just(None), 1 => (0_u16..4).prop_map(Some)],
    )
        .prop_map(|(pages, grids, packed, flush, keep, spare_entries)| PagedShape { pages, grids, packed, flush, keep, spare_entries })
}

pub(crate) fn lane(flavour: Flavour) -> impl Strategy<Value = LaneShape> {
    let write_back = prop_oneof![
        3 => Just((1, 0, 0)),
        2 => (0_u32..9, 0_u32..9000, 1_u32..3000),
        1 => (Just(0), Just(0), 1_u32..3000),
    ];
    let small = if matches!(flavour, Flavour::Full | Flavour::Grid) { 8 } else { 2 };
    let pages = prop_oneof![small => 1_u64..4, 2 => 4_u64..20, 1 => Just(64)];
    let max_frame = prop_oneof![4 => Just(u32::MAX), 2 => Just(4064), 1 => frame_len(), 1 => 1_u32..2000];
    (
        (option::weighted(0.3, generator()), pages, any::<bool>(), option::weighted(0.8, write_back), max_frame),
        (any::<bool>(), any::<bool>(), any::<(u8, u8)>(), option::weighted(0.6, (0_u32..6, 0_u32..2000)), wait_kind(flavour), 0_u8..33),
        option::weighted(0.4, paged(small)),
    )
        .prop_map(
            move |((generator, pages, drop, write_back, max_frame), (relaxed, no_snoop, busy, interrupt, wait, give_back), paged)| {
                LaneShape { generator, pages, drop, write_back, max_frame, relaxed, no_snoop, busy, interrupt, wait, give_back, paged }
            },
        )
}

/// A host-to-card channel.
pub(crate) fn sender(flavour: Flavour) -> impl Strategy<Value = SenderShape> {
    let to = prop_oneof![3 => Just(SendTo::Stream), 2 => Just(SendTo::Sink), 2 => Just(SendTo::Loop)];
    let write_back = prop_oneof![3 => Just((1, 0)), 2 => (0_u32..6, 1_u32..3000)];
    (
        prop_oneof![3 => 2_u32..6, 2 => 6_u32..40, 1 => Just(256)],
        prop_oneof![3 => 1_u64..3, 1 => 3_u64..17],
        to,
        option::weighted(0.8, write_back),
        any::<(bool, bool)>(),
        option::weighted(0.6, (0_u32..6, 0_u32..2000)),
        wait_kind(flavour),
        prop_oneof![2 => Just(1_u32), 1 => 1_u32..6],
    )
        .prop_map(|(entries, pages, to, write_back, (relaxed, no_snoop), interrupt, wait, batch)| SenderShape {
            entries,
            pages,
            to,
            write_back,
            relaxed,
            no_snoop,
            interrupt,
            wait,
            batch,
        })
}

/// What reads meet.
fn reads(flavour: Flavour) -> impl Strategy<Value = ReadShape> {
    let tight = matches!(flavour, Flavour::Tags | Flavour::Starved);
    let (few, many) = if tight { (4, 1) } else { (1, 3) };
    let non_posted =
        prop_oneof![few => Just(Some((0, 0))), 2 => (0_u8..8, 0_u8..8).prop_map(Some), many => Just(Some((95, 95))), 1 => Just(None)];
    let completion = prop_oneof![3 => Just(None), few => Just(Some((0, 0))), 1 => (0_u8..20, 0_u16..300).prop_map(Some)];
    let tags = prop_oneof![few => Just(1_u16), few => 2_u16..5, 2 => 5_u16..40, many => Just(256)];
    let buffer = prop_oneof![few => Just(13_u8), many => 13_u8..17];
    let ns = prop_oneof![1 => Just((0, 0)), 3 => (0_u32..1500, 0_u32..1500)];
    (7_u8..13, any::<bool>(), non_posted, completion, ns, any::<bool>(), 0_u8..3, tags, buffer, prop_oneof![1 => Just(1_u8), 2 => 1_u8..17])
        .prop_map(|(mrrs_log2, rcb_128, non_posted, completion, read_ns, reorder, split, tags, buffer_log2, np_depth)| ReadShape {
            mrrs_log2,
            rcb_128,
            non_posted,
            completion,
            read_ns,
            reorder,
            split,
            tags,
            buffer_log2,
            np_depth,
        })
}

pub(crate) fn machine(flavour: Flavour) -> impl Strategy<Value = MachineShape> {
    let posted = if matches!(flavour, Flavour::Starved | Flavour::Tags) {
        (prop_oneof![2 => Just(0), 1 => 0_u8..6], prop_oneof![2 => Just(0), 1 => 0_u16..40]).prop_map(Some).boxed()
    } else {
        option::weighted(0.8, (0_u8..127, 0_u16..2000)).boxed()
    };
    // Small and fixed is what a failure shrinks to.
    let span = |most: u32| prop_oneof![1 => Just((0, 0)), 3 => (0..most, 0..most)];
    (
        (any::<u64>(), 1_u8..6, 0_u8..5, 7_u8..11, prop_oneof![1 => Just(1_u64), 3 => 1_u64..200], posted),
        (0_u8..9, 2_u32..9, 0_u8..4, prop_oneof![2 => Just(11_u8), 3 => 11_u8..16], prop_oneof![1 => 2_u16..5, 2 => 2_u16..100]),
        (span(2000), span(1000), span(1000), 0_u8..3, prop_oneof![6 => Just(0_u8), 1 => Just(1), 1 => Just(2)], prop::bool::weighted(0.2)),
        reads(flavour),
        option::weighted(0.4, link()),
    )
        .prop_map(|(link, card, host, reads, more)| MachineShape {
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
            interrupts: host.4,
            low_bars: host.5,
            reads,
            link: more.unwrap_or_default(),
            steady: false,
        })
}

/// What links may do beyond being slow: some of it.
fn link() -> impl Strategy<Value = LinkShape> {
    let burst = || prop_oneof![2 => Just(0_u8), 1 => 4_u8..12];
    let ppm = || prop_oneof![3 => Just(0_u32), 1 => 1_u32..1000, 2 => 1000_u32..30_000];
    let stalls = || prop_oneof![2 => Just(0_u8), 2 => 1_u8..5];
    (
        (ppm(), ppm(), prop_oneof![2 => Just(0_u16), 1 => 2_u16..6, 1 => 6_u16..40], burst(), burst()),
        (prop_oneof![2 => Just(0_u8), 1 => Just(1), 1 => Just(2)], 1_u16..400),
        (stalls(), stalls(), prop_oneof![2 => Just(0_u16), 1 => 1_u16..200]),
        prop::bool::weighted(0.3),
        (prop_oneof![1 => Just(0_u16), 1 => 1_u16..3000], any::<bool>(), any::<bool>()),
        (prop_oneof![1 => Just(0_u16), 1 => 1_u16..3000], 0_u8..6),
    )
        .prop_map(|(errors, starvation, stalls, ecrc, order, seen)| LinkShape {
            errors: (errors.0, errors.1),
            burst: (errors.3, errors.4),
            replay_tlps: errors.2,
            starvation: starvation.0,
            starved: starvation.1,
            stalls: (stalls.0, stalls.1),
            rx_pause: stalls.2,
            ecrc,
            relaxed_ns: order.0,
            relaxed_completions: order.1,
            arbitrate: order.2,
            late: seen.0,
            torn: seen.1,
        })
}

/// Operations on lanes that are under way.
fn lane_op(flavour: Flavour) -> impl Strategy<Value = Op> {
    let n = || 0_u8..4;
    let sleeps = if matches!(flavour, Flavour::Sleepers | Flavour::Masks) { 8 } else { 2 };
    let masks = if flavour == Flavour::Masks { 12 } else { sleeps };
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
    prop_oneof![
        12 => feed,
        5 => prop_oneof![3 => 1_u32..300, 1 => 1_u32..4000].prop_map(Op::Advance),
        polls => (n(), 1_u8..8).prop_map(|(lane, frames)| Op::Poll { lane, frames }),
        1 => (n(), 1_u32..1500).prop_map(|(lane, clocks)| Op::Hold { lane, clocks }),
        1 => n().prop_map(Op::GiveBack),
        sleeps => (n(), wait_kind(flavour), 1_u32..20_000).prop_map(|(lane, kind, ns)| Op::Wait { lane, kind, ns }),
        sleeps => (n(), 1_u32..20_000).prop_map(|(lane, ns)| Op::ArmAndSleep { lane, ns }),
        masks => (n(), any::<bool>()).prop_map(|(lane, on)| Op::Mask { lane, on }),
        1 => coalesce,
        2 => n().prop_map(Op::Snapshot),
    ]
}

/// Control words, clocks between them, clocks before them, and whether the channel has failed by then.
fn rattling() -> impl Strategy<Value = (Vec<u8>, u8, u16, bool)> {
    (vec(0_u8..4, 1..6), 0_u8..20, prop_oneof![1 => Just(0_u16), 2 => 0_u16..800], prop::bool::weighted(0.3))
}

/// Operations that change what a lane does.
fn lane_turn(flavour: Flavour) -> impl Strategy<Value = Op> {
    let n = || 0_u8..4;
    let bad = if flavour == Flavour::Grid { 8 } else { 1 };
    prop_oneof![
        3 => n().prop_map(Op::Stop),
        2 => (n(), 1_u32..500).prop_map(|(lane, clocks)| Op::ArmAndStop { lane, clocks }),
        3 => n().prop_map(Op::Start),
        2 => n().prop_map(Op::Restart),
        2 => n().prop_map(Op::Reset),
        1 => (n(), lane(flavour)).prop_map(|(lane, shape)| Op::Reopen { lane, shape: Box::new(shape) }),
        bad => (n(), 0_u8..6).prop_map(|(lane, kind)| Op::BadDoorbell { lane, kind }),
        bad => (n(), 0_u8..6).prop_map(|(lane, kind)| Op::Misconfigure { lane, kind }),
        1 => (n(), rattling()).prop_map(|(lane, (words, clocks, after, spoil))| Op::Rattle { lane, words, clocks, after, spoil }),
    ]
}

/// Operations on senders.
fn sender_op(flavour: Flavour) -> impl Strategy<Value = Op> {
    let n = || 0_u8..4;
    let bad = if flavour == Flavour::Grid { 3 } else { 1 };
    let turns = if matches!(flavour, Flavour::Stops | Flavour::Levels) { 2 } else { 1 };
    let sends = (n(), prop_oneof![3 => Just(1_u8), 2 => 1_u8..8], frame_len(), prop_oneof![2 => Just(0_u8), 3 => 1_u8..5]);
    prop_oneof![
        14 => sends.prop_map(|(sender, count, len, parts)| Op::Send { sender, count, len, parts }),
        4 => n().prop_map(Op::Reap),
        4 => (n(), wait_kind(flavour), 1_u32..20_000).prop_map(|(sender, kind, ns)| Op::AwaitSent { sender, kind, ns }),
        1 => (n(), any::<bool>()).prop_map(|(sender, on)| Op::MaskSender { sender, on }),
        turns => n().prop_map(Op::StopSender),
        turns => n().prop_map(Op::StartSender),
        turns => n().prop_map(Op::RestartSender),
        turns => n().prop_map(Op::ResetSender),
        bad => (n(), 0_u8..2).prop_map(|(sender, kind)| Op::BadTail { sender, kind }),
        1 => (n(), 0_u8..3).prop_map(|(sender, kind)| Op::MisconfigureSender { sender, kind }),
        bad => (n(), rattling())
            .prop_map(|(sender, (words, clocks, after, spoil))| Op::RattleSender { sender, words, clocks, after, spoil }),
    ]
}

/// Operations on the whole card.
fn card_op(flavour: Flavour, state: &State) -> impl Strategy<Value = Op> + use<> {
    let masks = if flavour == Flavour::Masks { 12 } else { 2 };
    let falls: u32 = if flavour == Flavour::Levels { 8 } else { 1 };
    // A switch that is off goes on soon: little happens while it is.
    let (enable, master) = (if state.enabled { 2 } else { 12 }, if state.bus_master { 1 } else { 12 });
    let recover = (prop::sample::select(Level::ALL.to_vec()), any::<bool>());
    prop_oneof![
        enable => Just(Op::Enable(!state.enabled)),
        master => Just(Op::BusMaster(!state.bus_master)),
        masks => Just(Op::MaskAll(!state.all_masked)),
        falls => recover.prop_map(|(level, orderly)| Op::Recover { level, orderly }),
        2 => (1_u32..2000).prop_map(Op::Sleep),
        falls => (0_u8..6).prop_map(Op::Ladder),
        falls.div_ceil(2) => any::<bool>().prop_map(|asleep| Op::Mend { asleep }),
        falls.div_ceil(2) => (0_u32..3000, any::<bool>()).prop_map(|(clocks, ones)| Op::Pull { clocks, ones }),
        falls.div_ceil(2) => (0_u32..2000).prop_map(Op::Crash),
    ]
}

/// What may come next, by what a property puts weight on.
pub(crate) fn op(flavour: Flavour, state: &State) -> BoxedStrategy<Op> {
    use Flavour::{Grid, Levels, Masks, Owners, Senders, Stops, Tags};
    let turns = if matches!(flavour, Stops | Grid | Owners) { 40 } else { 10 };
    let senders = match (state.senders.len(), flavour) {
        (0, _) => 0,
        (_, Senders | Tags) => 300,
        _ => 60,
    };
    let switched = !state.enabled || !state.bus_master;
    let whole = if matches!(flavour, Levels | Masks | Owners) || switched { 20 } else { 4 };
    if senders == 0 {
        prop_oneof![120 => lane_op(flavour), turns => lane_turn(flavour), whole => card_op(flavour, state)].boxed()
    } else {
        prop_oneof![120 => lane_op(flavour), turns => lane_turn(flavour), senders => sender_op(flavour), whole => card_op(flavour, state)]
            .boxed()
    }
}

/// Generators without end on a link much slower than the port, alike on all channels.
pub(crate) fn saturated() -> impl Strategy<Value = Scenario> {
    let frame = prop_oneof![100_u32..1000, 1000_u32..5000];
    (machine(Flavour::Mixed), 2_usize..5, frame, any::<bool>()).prop_map(|(mut machine, lanes, min, relaxed)| {
        (machine.generation, machine.link_lanes_log2, machine.width_log2) = (1, 0, 2);
        machine.fifo_log2 = machine.fifo_log2.max(13);
        machine.link = LinkShape::default();
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
            paged: None,
        };
        Scenario { machine, lanes: vec![lane; lanes], senders: Vec::new(), ops: Vec::new(), faults: Vec::new(), seen: Seen::default() }
    })
}

/// Faults that cost time only: TLPs held up, credits and links that stand still for a while.
pub(crate) fn delays() -> impl Strategy<Value = Vec<String>> {
    let kind = prop::sample::select(vec![
        "up.mwr",
        "up.payload",
        "up.wb",
        "up.irq",
        "up.cpl",
        "up.mrd",
        "up.any",
        "down.mwr",
        "down.mrd",
        "down.cpl",
        "down.any",
    ]);
    let what = prop::sample::select(vec!["delay", "overtake", "starve", "stall", "retrain"]);
    vec((kind, what, 1_u32..MOST_DELAY, 1_u32..200).prop_map(|(kind, what, clocks, nth)| format!("{kind}.{what}({clocks})@{nth}")), 1..4)
}

/// Longest delay of one fault, in clocks.
pub(crate) const MOST_DELAY: u32 = 3000;

/// Ways to spoil an answer.
const BROKEN: [&str; 8] = ["ur", "ca", "poison", "drop", "timeout", "spurious", "malformed", "truncate(1)"];

/// Whether a rule is one of [`broken_answers`].
pub(crate) fn is_broken_answer(rule: &str) -> bool {
    rule.strip_prefix("down.cpl.").is_some_and(|what| BROKEN.iter().any(|broken| what.starts_with(broken)))
}

/// Faults in the answers to the card's reads, each of which the card must notice.
pub(crate) fn broken_answers() -> impl Strategy<Value = Vec<String>> {
    let what = prop::sample::select(BROKEN.to_vec());
    let one = (what, prop_oneof![2 => 1_u32..12, 1 => 1_u32..60]).prop_map(|(what, nth)| format!("down.cpl.{what}@{nth}"));
    prop_oneof![3 => vec(one.clone(), 1), 2 => vec(one, 1..4)]
}
