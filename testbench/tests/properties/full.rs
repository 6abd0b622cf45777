//! Buffers that are exactly full, over and over: each property makes the situation in which a card that has counted its room wrongly loses something.

use crate::on_the_model;
use crate::regressions::check;
use crate::scenario::{LaneShape, Op, PagedShape, Scenario, Seen, SendTo, SenderShape, WaitKind};
use crate::strategies::{Flavour, machine};
use proptest::prelude::*;

/// log2 of the smallest buffer that reads may come into.
pub(crate) const LEAST_BUFFER_LOG2: u8 = 13;
/// Clocks in which all has come to a standstill that can.
const LONG: u32 = 40_000;

/// A lane that holds back: the smallest ring and FIFO, nobody who reads.
fn narrow() -> LaneShape {
    LaneShape {
        generator: None,
        pages: 1,
        drop: false,
        write_back: Some((1, 0, 0)),
        max_frame: u32::MAX,
        relaxed: false,
        no_snoop: false,
        busy: (0, 0),
        interrupt: None,
        wait: WaitKind::Poll,
        give_back: 0,
        paged: None,
    }
}

fn sender(to: SendTo) -> SenderShape {
    SenderShape {
        entries: 64,
        pages: 16,
        to,
        write_back: Some((1, 0)),
        relaxed: false,
        no_snoop: false,
        interrupt: None,
        wait: WaitKind::Poll,
        batch: 1,
    }
}

/// A host-to-card channel loops into a lane that nobody reads, so that the buffer in which its reads come together fills to the last byte that fits: what
/// is asked for beyond it would fall upon data that are still there. Others send meanwhile, through tags and credits that all share.
#[test]
fn reads_never_outgrow_the_buffer_that_they_come_into() {
    let sizes = (prop::collection::vec(700_u32..3000, 1..4), 7_u8..9, 0_usize..3, 0_u8..4);
    let cases = (machine(Flavour::Senders), sizes).prop_map(|(mut machine, (sizes, mrrs_log2, others, parts))| {
        (machine.fifo_log2, machine.reads.buffer_log2, machine.reads.mrrs_log2) = (11, LEAST_BUFFER_LOG2, mrrs_log2);
        let to = [SendTo::Loop, SendTo::Stream, SendTo::Sink];
        let senders: Vec<SenderShape> = to[..=others].iter().copied().map(sender).collect();
        let round = |len: u32| {
            let all = (0..senders.len() as u8).map(move |sender| Op::Send { sender, count: 30, len, parts: parts * u8::from(sender == 0) });
            // Some frames are read, so that the next round begins anywhere in the buffer.
            all.chain([Op::Advance(LONG), Op::Poll { lane: 0, frames: 3 }, Op::GiveBack(0), Op::Advance(LONG), Op::Reap(0)])
        };
        let ops = sizes.into_iter().flat_map(round).collect();
        Scenario { machine, lanes: vec![narrow()], senders, ops, faults: Vec::new(), seen: Seen::default() }
    });
    check("full::reads_never_outgrow_the_buffer_that_they_come_into", &cases, on_the_model);
}

/// A completion ring that is shorter than the pool fills while nobody reads: the card holds back what it has completed, and no entry is written over one
/// that was not taken. Frames are taken one by one, some are kept, so that the ring is full at each place in turn.
#[test]
fn entries_never_fall_upon_those_that_were_not_taken() {
    let pool = (8_u16..40, 3_u16..20, any::<bool>(), 0_u16..3, 0_u16..3);
    let feed = (1_u32..400, 1_u8..4, prop::collection::vec((0_u8..4, 0_u32..600), 1..30));
    let cases = (machine(Flavour::Full), pool, feed, prop::sample::select(vec![WaitKind::Poll, WaitKind::Interrupt, WaitKind::Hybrid]))
        .prop_map(|(machine, (pages, grids, packed, spare, keep), (len, lanes, turns), wait)| {
            let paged = PagedShape { pages, grids, packed, flush: 50, keep, spare_entries: Some(spare) };
            let lane = LaneShape { paged: Some(paged), max_frame: len.max(32), write_back: None, wait, ..narrow() };
            let fed = (0..lanes).map(|lane| Op::Feed { lane, count: 60, len, pause: 0, error: false });
            let turn = |(number, (frames, clocks)): (usize, (u8, u32))| {
                let lane = number as u8 % lanes;
                [Op::Poll { lane, frames }, Op::Advance(clocks), Op::Hold { lane, clocks: clocks / 4 }]
            };
            let ops = fed.chain([Op::Advance(LONG / 4)]).chain(turns.into_iter().enumerate().flat_map(turn)).collect();
            let lanes = vec![lane; lanes.into()];
            Scenario { machine, lanes, senders: Vec::new(), ops, faults: Vec::new(), seen: Seen::default() }
        });
    check("full::entries_never_fall_upon_those_that_were_not_taken", &cases, on_the_model);
}
