//! Checker: what happens to other channels changes nothing of what a channel delivers. The same case is played twice, once with the others left alone.

use crate::drain::{Outcome, agrees};
use crate::scenario::{LaneShape, Op, Scenario};
use crate::world::Wrap;

/// Lane 0 is left alone by everybody but its own reader, and loses nothing.
pub(crate) fn shelter(mut case: Scenario) -> Scenario {
    if case.lanes.len() < 2 {
        case.lanes.push(case.lanes[0].clone());
    }
    let first = &mut case.lanes[0];
    first.drop = false;
    // A source without end has delivered what the time allowed, and that is the others' affair too.
    first.generator = first.generator.take().map(|made| crate::scenario::GeneratorShape { count: made.count.clamp(1, 40), ..made });
    let lanes = case.lanes.len() as u8;
    case.ops.retain(|op| is_of_others(op, lanes) || is_reading(op));
    case
}

/// It concerns another lane, or a sender.
fn is_of_others(op: &Op, lanes: u8) -> bool {
    op.is_of_sender() || op.lane().is_some_and(|lane| lane % lanes != 0)
}

/// It takes nothing from the lane that it concerns, and stops nothing.
fn is_reading(op: &Op) -> bool {
    use Op::{Advance, ArmAndSleep, Coalesce, Feed, GiveBack, Hold, Mask, Poll, Snapshot, Wait};
    matches!(
        op,
        Feed { .. }
            | Advance(_)
            | Poll { .. }
            | Hold { .. }
            | GiveBack(_)
            | Wait { .. }
            | ArmAndSleep { .. }
            | Mask { .. }
            | Coalesce { .. }
            | Snapshot(_)
    )
}

/// The case without what happens to others.
fn alone(case: &Scenario) -> Scenario {
    let lanes = case.lanes.len() as u8;
    let mut alone = case.clone();
    alone.ops.retain(|op| !is_of_others(op, lanes));
    for lane in &mut alone.lanes[1..] {
        *lane = LaneShape { generator: None, ..lane.clone() };
    }
    alone.seen = Default::default();
    alone
}

/// What lane 0 delivered: numbers, sources, lengths, flags and checksums, in their order.
fn delivered(outcome: &Outcome) -> (u64, u64) {
    (outcome.delivered[0], outcome.logs[0])
}

/// Plays the case with and without the others.
pub(crate) fn is_left_alone(case: &Scenario, wrap: Wrap) -> Result<(), String> {
    let (with, without) = (agrees(case, wrap)?, agrees(&alone(case), wrap)?);
    same(delivered(&with), delivered(&without))
}

fn same(with: (u64, u64), without: (u64, u64)) -> Result<(), String> {
    if with == without { Ok(()) } else { Err(format!("lane 0 delivers {with:x?} beside busy channels, {without:x?} alone")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_frame_is_seen() {
        assert_eq!(same((3, 7), (3, 7)), Ok(()));
        assert!(same((3, 7), (3, 8)).is_err() && same((3, 7), (4, 7)).is_err());
    }

    #[test]
    fn what_concerns_the_first_lane_stays() {
        assert!(is_of_others(&Op::Stop(1), 2) && !is_of_others(&Op::Stop(2), 2) && is_of_others(&Op::Reap(0), 2));
        assert!(!is_of_others(&Op::Advance(3), 2) && is_reading(&Op::Advance(3)) && !is_reading(&Op::Stop(0)));
    }
}
