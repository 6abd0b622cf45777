//! Cases in which every reset strikes in the middle of something: all channels busy at once, nobody reads for a while, and then it falls. Where by chance a
//! channel is mostly idle or waits for data, here it sends, waits for an answer, or finds no room.

use crate::full::LEAST_BUFFER_LOG2;
use crate::scenario::{GeneratorShape, LaneShape, Level, Op, PagedShape, Scenario, Seen, SendTo, SenderShape, WaitKind};
use crate::strategies::{Flavour, machine};
use proptest::collection::vec;
use proptest::prelude::*;

/// What falls upon channels.
#[derive(Clone, Debug)]
enum Blow {
    Level(Level),
    Rattle {
        words: Vec<u8>,
        clocks: u8,
        spoil: bool,
    },
    /// A doorbell out of bounds first, and then control words on the channel that it stopped; or a recovery.
    Spoilt {
        words: Vec<u8>,
        mend: bool,
    },
    /// A doorbell out of bounds first, and then what is of no use to a channel that has failed, or helps it: see [`late_words`].
    Late(u8),
    Ladder(u8),
    Pull(bool),
    Crash,
}

fn blow() -> impl Strategy<Value = Blow> {
    let words = prop_oneof![2 => Just(vec![2]), 2 => Just(vec![0, 2]), 1 => vec(0_u8..4, 1..4)];
    prop_oneof![
        16 => prop::sample::select(Level::ALL.to_vec()).prop_map(Blow::Level),
        6 => (words, 0_u8..8, prop::bool::weighted(0.3)).prop_map(|(words, clocks, spoil)| Blow::Rattle { words, clocks, spoil }),
        2 => (vec(0_u8..4, 1..4), any::<bool>()).prop_map(|(words, mend)| Blow::Spoilt { words, mend }),
        4 => (0..LATE_WORDS).prop_map(Blow::Late),
        2 => (0_u8..6).prop_map(Blow::Ladder),
        1 => any::<bool>().prop_map(Blow::Pull),
        1 => Just(Blow::Crash),
    ]
}

/// Two or three lanes: one with pages, the last one fed by a sender.
fn lanes(mps_log2: u8, frame: u32, endless: bool) -> Vec<LaneShape> {
    let made = GeneratorShape { min: frame, span: 300, pause: 0, rate: 65_536, seed: 7, count: 0 };
    let ring = LaneShape {
        generator: endless.then_some(made),
        pages: 2,
        drop: false,
        write_back: Some((1, 0, 0)),
        max_frame: u32::MAX,
        relaxed: true,
        no_snoop: false,
        busy: (0, 0),
        interrupt: None,
        wait: WaitKind::Poll,
        give_back: 0,
        paged: None,
    };
    let paged =
        PagedShape { pages: 24, grids: 1 << (mps_log2 % 5), packed: frame.is_multiple_of(2), flush: 300, keep: 0, spare_entries: None };
    let pages = LaneShape { paged: Some(paged), max_frame: 1500, ..ring.clone() };
    vec![ring.clone(), pages, LaneShape { generator: None, pages: 1, ..ring }]
}

fn senders(entries: u32) -> Vec<SenderShape> {
    let to = |to| SenderShape {
        entries,
        pages: 4,
        to,
        write_back: Some((1, 0)),
        relaxed: false,
        no_snoop: false,
        interrupt: None,
        wait: WaitKind::Poll,
        batch: 1,
    };
    vec![to(SendTo::Stream), to(SendTo::Loop), to(SendTo::Sink)]
}

const LATE_WORDS: u8 = 12;

/// What a host may still do to a channel that it knows has failed.
fn late_words(which: u8, lane: u8, sender: u8, shape: &LaneShape) -> Vec<Op> {
    match which {
        0 => vec![Op::Start(lane), Op::StartSender(sender)],
        1 => vec![Op::Stop(lane), Op::StopSender(sender)],
        2 => vec![Op::Restart(lane), Op::RestartSender(sender)],
        3 => vec![Op::Reset(lane), Op::ResetSender(sender)],
        4 | 5 => vec![Op::Reopen { lane, shape: Box::new(shape.clone()) }, Op::Start(lane)],
        6 => vec![Op::ArmAndStop { lane, clocks: 90 }],
        7 => vec![Op::ArmAndSleep { lane, ns: 900 }],
        8 => vec![Op::Coalesce { lane, frames: 2, time: 40 }],
        9 => vec![Op::GiveBack(lane), Op::Restart(lane)],
        10 => vec![Op::Misconfigure { lane, kind: which % 6 }, Op::MisconfigureSender { sender, kind: 1 }],
        _ => vec![Op::BadTail { sender, kind: 1 }, Op::Snapshot(lane)],
    }
}

/// A doorbell out of bounds on a lane and a sender; the driver has noticed before something is done about it.
fn spoilt(target: u8) -> Vec<Op> {
    let lane = target % 2;
    vec![Op::BadDoorbell { lane, kind: 0 }, Op::BadTail { sender: target, kind: 0 }, Op::Poll { lane, frames: 40 }, Op::Reap(target)]
}

/// Everybody is busy for so many clocks, then the blow falls.
fn struck(blow: Blow, clocks: u32, len: u32, lanes: &[LaneShape]) -> Vec<Op> {
    let send = |sender| Op::Send { sender, count: 6, len, parts: 1 + sender };
    let mut ops: Vec<Op> = (0..2).map(|lane| Op::Feed { lane, count: 9, len, pause: 0, error: false }).collect();
    // Twice: the loop fills up to its end.
    ops.extend((0..3).map(send));
    ops.push(Op::Advance(clocks));
    ops.extend((0..3).map(send));
    if clocks.is_multiple_of(2) {
        // Pages go back, and descriptors are asked for.
        ops.extend([Op::Poll { lane: 1, frames: 9 }, Op::GiveBack(1)]);
    }
    ops.push(Op::Advance(clocks % 64 + 1));
    let target = clocks as u8;
    ops.extend(match blow {
        Blow::Level(level) => vec![Op::Recover { level, orderly: false }],
        Blow::Rattle { words, clocks: apart, spoil } => {
            let after = (clocks % 900) as u16 + 1;
            vec![
                Op::RattleSender { sender: target, words: words.clone(), clocks: apart, after, spoil },
                Op::Rattle { lane: target % 2, words, clocks: apart, after, spoil },
            ]
        }
        Blow::Late(which) => {
            let shape = if target.is_multiple_of(2) { &lanes[0] } else { &lanes[1] };
            spoilt(target).into_iter().chain(late_words(which, target % 2, target, shape)).collect()
        }
        Blow::Spoilt { words, mend } => {
            let then = if mend {
                vec![Op::Mend { asleep: false }]
            } else {
                vec![
                    Op::Rattle { lane: target % 2, words: words.clone(), clocks: 4, after: 0, spoil: false },
                    Op::RattleSender { sender: target, words, clocks: 4, after: 0, spoil: false },
                ]
            };
            spoilt(target).into_iter().chain(then).collect()
        }
        Blow::Ladder(rung) => vec![Op::Ladder(rung)],
        Blow::Pull(ones) => vec![Op::Pull { clocks: clocks % 700, ones }],
        Blow::Crash => vec![Op::Crash(clocks)],
    });
    ops
}

/// Cases of blows upon busy channels.
pub(crate) fn strikes() -> impl Strategy<Value = Scenario> {
    let one = (blow(), prop_oneof![2 => 1_u32..120, 3 => 1_u32..1200], prop_oneof![1 => 1_u32..400, 3 => 400_u32..4000]);
    (machine(Flavour::Mixed), 100_u32..1400, any::<bool>(), prop_oneof![1 => 2_u32..8, 2 => Just(32)], vec(one, 4..10)).prop_map(
        |(mut machine, frame, endless, entries, blows)| {
            machine.mps_log2 = 7 + machine.mps_log2 % 3;
            machine.fifo_log2 = machine.fifo_log2.min(12);
            if frame.is_multiple_of(3) {
                machine.reads.read_ns = (1000, 5000);
            }
            if endless {
                // On a link this slow, whoever sends does so for long.
                (machine.generation, machine.link_lanes_log2) = (1, 0);
            }
            if frame.is_multiple_of(2) {
                // What waits behind an output that is held fills a small buffer.
                machine.reads.buffer_log2 = LEAST_BUFFER_LOG2;
                machine.fifo_log2 = 11;
            }
            let lanes = lanes(machine.mps_log2, frame, endless);
            let ops = blows.into_iter().flat_map(|(blow, clocks, len)| struck(blow, clocks, len, &lanes)).collect();
            Scenario { machine, lanes, senders: senders(entries), ops, faults: Vec::new(), seen: Seen::default() }
        },
    )
}
