//! Checker: a restart equals a first start. After any reset a scripted run gives the same TLPs at the same clocks as on a card to which nothing happened.
//!
//! Compared are kind, length, byte enables, attributes and the clock relative to the start of the script; not addresses, tags and payload, in which time
//! stamps and run numbers lie.

use crate::drain::begin;
use crate::scenario::{Level, Op, PagedShape, Scenario};
use crate::world::{World, Wrap};
use silico_sim::trace::{Record, Way};
use silico_spec::units::Cycle;

/// Script starts at multiples of this: credit updates are sent at multiples of their interval.
const GRAIN: u64 = 1 << 14;
/// TLPs of a script that are compared at most.
const RECORDS: usize = 4096;

/// Looks at a front end, 500 clocks apart, until it must be empty.
const FRONT_ENDS: u32 = 2000;

/// What one TLP looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    clock: u64,
    to_host: bool,
    /// Format, type, traffic class, attributes, length; and byte enables of a request.
    header: (u32, u8, u8),
    len: u16,
}

impl Shape {
    fn of(record: &Record, start: Cycle) -> Self {
        let (first, last) = (record.header.first_be(), record.header.last_be());
        let request = record.header.kind().class() != silico_spec::credit::Class::Completion;
        let enables = if request { (first, last) } else { (0, 0) };
        Self {
            clock: record.cycle.since(start).0,
            to_host: record.way == Way::ToHost,
            header: (record.header.0[0], enables.0, enables.1),
            len: record.len,
        }
    }
}

/// Nothing in the machine that is drawn, and no source that runs by itself: what comes is the card's doing alone.
pub(crate) fn steady(mut case: Scenario) -> Scenario {
    let machine = &mut case.machine;
    machine.steady = true;
    machine.link = Default::default();
    machine.write_ns.1 = machine.write_ns.0;
    machine.interrupt_ns.1 = machine.interrupt_ns.0;
    machine.mmio_read_ns.1 = machine.mmio_read_ns.0;
    machine.reads.read_ns.1 = machine.reads.read_ns.0;
    machine.reads.reorder = false;
    machine.reads.split %= 2;
    machine.placement %= 2;
    // A level is not each channel's own.
    machine.interrupts = 0;
    for lane in &mut case.lanes {
        lane.generator = None;
        // Where a page lies decides where its writes are cut: each on its own size. Which frames a reader keeps is drawn, and goes on being drawn.
        lane.paged = lane.paged.take().map(|paged| PagedShape { grids: paged.grids.clamp(1, 128).next_power_of_two(), keep: 0, ..paged });
    }
    for op in &mut case.ops {
        if let Op::Reopen { shape, .. } = op {
            shape.generator = None;
        }
    }
    // The last word is the checker's.
    case.ops.retain(|op| !op.resets_card() && !matches!(op, Op::Reopen { .. }));
    case
}

/// A script on channels that were just opened and started, one after the other.
fn script(world: &mut World) -> Result<Vec<Shape>, String> {
    let start = Cycle((world.now().0 / GRAIN + 2) * GRAIN);
    world.platform.machine().advance_to(start);
    let before = world.platform.machine().trace().total();
    for index in 0..world.lanes.len() {
        if !world.lanes[index].looped {
            for len in [64, 0, 500, 1000] {
                world.feed(index, 1, len, 0, false);
            }
        }
        for _ in 0..8 {
            world.advance(500);
            world.take_some(index)?;
        }
    }
    for index in 0..world.senders.len() {
        for len in [64, 0, 500, 1000] {
            world.send(index, 1, len, 0)?;
        }
        for _ in 0..8 {
            world.advance(500);
            world.reap(index)?;
        }
    }
    let machine = world.platform.machine();
    let records = machine.trace().records();
    let count = ((machine.trace().total() - before) as usize).min(RECORDS).min(records.len());
    let mut shapes: Vec<Shape> = records[records.len() - count..].iter().map(|record| Shape::of(record, start)).collect();
    // What is of one clock has no order between the directions.
    shapes.sort_by_key(|shape| (shape.to_host, shape.clock));
    Ok(shapes)
}

/// Frames that waited at the front ends when the reset came are the new run's: they are taken, and another run begins.
fn empty_front_ends(world: &mut World) -> Result<(), String> {
    for index in 0..world.lanes.len() {
        for _ in 0..FRONT_ENDS {
            if world.taps.entered(index) == world.lanes[index].oracle.sent.len() as u64 {
                break;
            }
            world.advance(500);
            world.take_some(index)?;
            world.lanes[index].ring().give_back().map_err(|error| error.to_string())?;
        }
    }
    (0..world.senders.len()).try_for_each(|index| world.restart_sender(index))?;
    (0..world.lanes.len()).try_for_each(|index| world.restart(index))
}

/// Plays the case, resets, and runs the script; `fresh`: without playing it.
fn after(case: &Scenario, wrap: Wrap, level: Level, fresh: bool) -> Result<Vec<Shape>, String> {
    let mut world = World::new(case, wrap)?;
    if !fresh {
        begin(&mut world, case)?;
    }
    world.recover(level, false)?;
    world.check_rules()?;
    empty_front_ends(&mut world)?;
    let shapes = script(&mut world)?;
    world.check_rules().map(|()| shapes)
}

/// After a reset of `level` the script runs as if nothing had been.
pub(crate) fn is_as_new(case: &Scenario, wrap: Wrap, level: Level) -> Result<(), String> {
    let (used, fresh) = (after(case, wrap, level, false)?, after(case, wrap, level, true)?);
    same(&used, &fresh).map_err(|why| format!("after {level:?} reset, {why}"))
}

fn same(used: &[Shape], fresh: &[Shape]) -> Result<(), String> {
    let Some(at) = (0..used.len().max(fresh.len())).find(|at| used.get(*at) != fresh.get(*at)) else { return Ok(()) };
    Err(format!("TLP {at} of the script is {:?}; on a fresh card {:?}", used.get(at), fresh.get(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tlp_a_clock_late_a_missing_one_and_one_too_many_are_seen() {
        let shape = Shape { clock: 5, to_host: true, header: (0x6000_0010, 15, 15), len: 64 };
        let late = Shape { clock: 6, ..shape };
        assert_eq!(same(&[shape, late], &[shape, late]), Ok(()));
        for (used, fresh) in [(vec![late], vec![shape]), (vec![shape], vec![shape, late]), (vec![shape, late], vec![shape])] {
            assert!(same(&used, &fresh).is_err());
        }
    }
}
