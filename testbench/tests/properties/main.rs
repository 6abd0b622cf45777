//! Properties of card, machine and driver together, on random operations against a reference queue.
//!
//! `SILICO_CASES` says how many cases each property gets, `SILICO_SEED` from which seed (`random` draws one), `SILICO_CASE` which one alone,
//! `SILICO_SCENARIO` which file instead. A failure ends with the command that gives it again.

mod abuse;
mod blocks;
mod check;
mod coverage;
mod crash;
mod drain;
mod elinks;
mod forks;
mod frames;
mod full;
mod harness;
mod hazards;
mod ladder;
mod late;
mod legacy;
mod levels;
mod link;
mod lone;
mod misconfigure;
mod on;
mod rattle;
mod reference;
mod regressions;
mod runs;
mod scenario;
mod senders;
mod signals;
mod strategies;
mod stream;
mod strikes;
mod tally;
mod tap;
mod teeth;
mod world;

use drain::{agrees, shares_are_even};
use proptest::strategy::Strategy;
use reference::scenario;
use regressions::{check, check_more, check_some};
use scenario::{PagedShape, Scenario, SendTo};
use strategies::{Flavour, broken_answers, delays, saturated};
use strikes::strikes;
use world::plain;

fn on_the_model(scenario: &Scenario) -> Result<(), String> {
    agrees(scenario, plain).map(drop)
}

#[test]
fn random_operations_agree_with_the_reference_queue() {
    check("random_operations_agree_with_the_reference_queue", &scenario(Flavour::Mixed), on_the_model);
}

#[test]
fn a_link_with_hardly_any_credits_delivers_all() {
    check("a_link_with_hardly_any_credits_delivers_all", &scenario(Flavour::Starved), on_the_model);
}

#[test]
fn sleepers_are_woken() {
    check("sleepers_are_woken", &scenario(Flavour::Sleepers), on_the_model);
}

#[test]
fn stops_and_restarts_leave_nothing_behind() {
    check("stops_and_restarts_leave_nothing_behind", &scenario(Flavour::Stops), on_the_model);
}

#[test]
fn slow_hosts_lose_nothing_that_is_not_marked() {
    check("slow_hosts_lose_nothing_that_is_not_marked", &scenario(Flavour::Full), on_the_model);
}

#[test]
fn saturated_channels_have_equal_shares() {
    check("saturated_channels_have_equal_shares", &saturated(), shares_are_even);
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_one_another() {
    // Four runs a case.
    check_some("the_same_seed_gives_the_same_trace_and_another_one_another", 3, &scenario(Flavour::Mixed), |case| {
        let (first, second) = (agrees(case, plain)?, agrees(case, plain)?);
        if first != second {
            return Err(format!("two runs of one case differ: {first:?}, then {second:?}"));
        }
        // Latencies that vary, so that there is something to draw.
        let mut varied = case.clone();
        (varied.machine.write_ns, varied.machine.mmio_read_ns) = ((60, 1000), (50, 1000));
        let mut other = varied.clone();
        other.machine.seed ^= 1;
        let (one, other) = (agrees(&varied, plain)?, agrees(&other, plain)?);
        if one.digest == other.digest { Err(format!("seeds {} and its neighbour give the same trace", case.machine.seed)) } else { Ok(()) }
    });
}

#[test]
fn faults_that_cost_time_cost_nothing_else() {
    let cases = (scenario(Flavour::Mixed), delays()).prop_map(|(case, faults)| Scenario { faults, ..case });
    check("faults_that_cost_time_cost_nothing_else", &cases, on_the_model);
}

/// An answer gone wrong stops the channel that asked, with an error that says so; others do not notice, and a restart is a fresh start.
#[test]
fn broken_answers_stop_who_asked_and_nobody_else() {
    let cases = (scenario(Flavour::Tags), broken_answers()).prop_map(|(mut case, mut faults)| {
        for sender in case.senders.iter_mut().filter(|sender| sender.to == SendTo::Loop) {
            sender.to = SendTo::Stream;
        }
        // Some have pages alone to read for: the answers that go wrong are theirs.
        if case.machine.seed.is_multiple_of(3) {
            case.senders.clear();
            let small = PagedShape { pages: 6, grids: 8, packed: false, flush: 100, keep: 0, spare_entries: None };
            case.lanes.iter_mut().for_each(|lane| lane.paged = Some(lane.paged.take().unwrap_or_else(|| small.clone())));
            if case.machine.seed.is_multiple_of(2) {
                faults[0] = format!("down.cpl.poison@{}", 1 + case.machine.seed % 5);
            }
        }
        // A tag whose read was given up rests for long: with others, the channel goes on.
        case.machine.reads.tags = case.machine.reads.tags.max(8);
        Scenario { faults, ..case }
    });
    check_more("broken_answers_stop_who_asked_and_nobody_else", 4, &cases, on_the_model);
}

#[test]
fn host_to_card_channels_deliver_all() {
    check("host_to_card_channels_deliver_all", &scenario(Flavour::Senders), on_the_model);
}

#[test]
fn few_tags_and_credits_suffice() {
    check("few_tags_and_credits_suffice", &scenario(Flavour::Tags), on_the_model);
}

#[test]
fn every_reset_leads_to_a_fresh_start() {
    check("every_reset_leads_to_a_fresh_start", &scenario(Flavour::Levels), on_the_model);
}

/// As above, each of them in the middle of what channels do.
#[test]
fn resets_strike_in_the_middle_of_everything() {
    check_more("resets_strike_in_the_middle_of_everything", 3, &strikes(), on_the_model);
}

#[test]
fn masks_hold_back_and_lose_nothing() {
    check("masks_hold_back_and_lose_nothing", &scenario(Flavour::Masks), on_the_model);
}

#[test]
fn doorbells_out_of_bounds_hurt_nobody_else() {
    check("doorbells_out_of_bounds_hurt_nobody_else", &scenario(Flavour::Grid), on_the_model);
}

#[test]
fn switches_thrown_under_traffic_are_obeyed() {
    check("switches_thrown_under_traffic_are_obeyed", &scenario(Flavour::Owners), on_the_model);
}
