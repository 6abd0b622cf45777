//! One property at least for each hazard of FIFOs, interrupts and resets that a card and a host share, on cases tuned to provoke it. `README.md` says
//! which is which; a test holds that table to the properties here.

use crate::check::isolation::{is_left_alone, shelter};
use crate::check::restart::{is_as_new, steady};
use crate::drain::{agrees, play_with};
use crate::on_the_model;
use crate::reference::scenario;
use crate::regressions::{check, check_some};
use crate::scenario::{GeneratorShape, LaneShape, Level, Op, Scenario, SendTo, SenderShape, WaitKind};
use crate::strategies::Flavour;
use crate::world::{World, plain};
use proptest::strategy::{BoxedStrategy, Strategy};
use silico_spec::registers::card;

/// Cases of a flavour, bent.
fn tuned(flavour: Flavour, bend: impl Fn(&mut Scenario) + 'static) -> BoxedStrategy<Scenario> {
    scenario(flavour)
        .prop_map(move |mut case| {
            bend(&mut case);
            case
        })
        .boxed()
}

fn each_lane(case: &mut Scenario, bend: impl Fn(&mut LaneShape)) {
    case.lanes.iter_mut().for_each(&bend);
    for op in &mut case.ops {
        if let Op::Reopen { shape, .. } = op {
            bend(shape);
        }
    }
}

/// Data, write-back block and interrupt travel one after the other; payload may be overtaken, its announcement may not.
#[test]
fn hazard_01_an_interrupt_comes_after_what_it_announces() {
    let cases = tuned(Flavour::Sleepers, |case| {
        (case.machine.write_ns, case.machine.interrupt_ns) = ((0, 2000), (0, 0));
        each_lane(case, |lane| (lane.relaxed, lane.wait) = (true, WaitKind::Interrupt));
    });
    check("hazards::hazard_01_an_interrupt_comes_after_what_it_announces", &cases, on_the_model);
}

/// Who sees the count sees the data: status by write-back, as slow and scattered as writes may become visible.
#[test]
fn hazard_02_status_never_overtakes_data() {
    let cases = tuned(Flavour::Mixed, |case| {
        case.machine.write_ns = (0, 2000);
        each_lane(case, |lane| (lane.relaxed, lane.wait, lane.write_back) = (true, WaitKind::Poll, Some((1, 0, 0))));
    });
    check("hazards::hazard_02_status_never_overtakes_data", &cases, on_the_model);
}

/// Counters read by halves while they carry from one half into the other.
#[test]
fn hazard_03_counters_are_never_torn() {
    let cases = tuned(Flavour::Mixed, |case| {
        for op in &mut case.ops {
            if let Op::Advance(clocks) = op {
                *op = Op::Snapshot(*clocks as u8 % 4);
            }
        }
    });
    check("hazards::hazard_03_counters_are_never_torn", &cases, on_the_model);
}

/// The counter of clocks, read by halves right where it carries, after more clocks than anybody passes one by one.
#[test]
fn hazard_03_a_carry_is_never_seen_torn() {
    check("hazards::hazard_03_a_carry_is_never_seen_torn", &scenario(Flavour::Mixed), |case| {
        // A link that stalls by the clock lets nobody skip clocks, and here are very many.
        let mut steady = case.clone();
        steady.machine.link = Default::default();
        let mut world = World::new(&steady, plain)?;
        world.leap_to_card_cycle((1 << 32) - 200 - case.machine.seed % 400)?;
        (0..24).try_for_each(|pause| world.halves(card::CYCLES, pause)?.judge("CYCLES"))
    });
}

/// Counters that are read and cleared under traffic lose nothing.
#[test]
fn hazard_04_no_update_is_lost_between_read_and_clear() {
    let cases = tuned(Flavour::Mixed, |case| {
        // A reset of the card clears its counters: that is not what is asked here.
        case.ops.retain(|op| !op.resets_card() && !matches!(op, Op::Snapshot(_)));
        case.lanes
            .iter_mut()
            .for_each(|lane| lane.generator = lane.generator.take().map(|made| GeneratorShape { count: made.count.max(1), ..made }));
    });
    check("hazards::hazard_04_no_update_is_lost_between_read_and_clear", &cases, |case| {
        let mut world = World::new(&Scenario { lanes: quiet(&case.lanes), ..case.clone() }, plain)?;
        let mut counted = world.begin_count()?;
        play_with(&mut world, case, |world| world.count(&mut counted))?;
        world.end_count(counted)
    });
}

/// Lanes whose sources do not run by themselves.
fn quiet(lanes: &[LaneShape]) -> Vec<LaneShape> {
    lanes.iter().map(|lane| LaneShape { generator: None, ..lane.clone() }).collect()
}

/// Between the last look and the arming a frame may come: who sleeps is woken all the same.
#[test]
fn hazard_05_no_wake_up_is_lost_between_poll_and_arm() {
    let cases = tuned(Flavour::Sleepers, |case| {
        each_lane(case, |lane| {
            lane.wait = WaitKind::Interrupt;
            lane.interrupt = lane.interrupt.map(|(frames, time)| (frames.min(2), time));
        });
    });
    check("hazards::hazard_05_no_wake_up_is_lost_between_poll_and_arm", &cases, on_the_model);
}

/// Masks of vectors and of the function come and go while causes fire.
#[test]
fn hazard_06_a_flag_set_while_it_is_cleared_survives() {
    check("hazards::hazard_06_a_flag_set_while_it_is_cleared_survives", &scenario(Flavour::Masks), on_the_model);
}

/// Counts, parities and blocks of an old run are never taken for those of a new one.
#[test]
fn hazard_07_nothing_of_an_old_run_is_seen_in_a_new_one() {
    let cases = tuned(Flavour::Stops, |case| {
        for (index, op) in case.ops.iter_mut().enumerate() {
            if let Op::Advance(_) = op {
                *op = Op::Restart(index as u8 % 4);
            }
        }
    });
    check("hazards::hazard_07_nothing_of_an_old_run_is_seen_in_a_new_one", &cases, on_the_model);
}

/// After any reset, a restart equals a first start, TLP by TLP and clock by clock.
#[test]
fn hazard_07_a_restart_equals_a_first_start() {
    let cases = scenario(Flavour::Owners).prop_map(steady);
    check("hazards::hazard_07_a_restart_equals_a_first_start", &cases, |case| {
        is_as_new(case, plain, Level::ALL[case.machine.seed as usize % Level::ALL.len()])
    });
}

/// Descriptors behind the tail are those of a lap ago, of memory that is freed: a card that fetches them too soon reads what is not there any more.
#[test]
fn hazard_08_a_doorbell_never_outruns_its_descriptor() {
    let cases = tuned(Flavour::Senders, |case| {
        case.senders.iter_mut().for_each(|sender| sender.entries = 2 + sender.entries % 4);
        for op in &mut case.ops {
            if let Op::Send { parts, .. } = op {
                *parts = 1 + *parts % 3;
            }
        }
    });
    check("hazards::hazard_08_a_doorbell_never_outruns_its_descriptor", &cases, on_the_model);
}

/// Rings that are exactly full, and exactly empty, again and again.
#[test]
fn hazard_09_full_and_empty_are_told_apart() {
    let cases = tuned(Flavour::Full, |case| {
        each_lane(case, |lane| (lane.pages, lane.max_frame) = (1, u32::MAX));
        case.senders.iter_mut().for_each(|sender| sender.entries = 2);
        for op in &mut case.ops {
            if let Op::Feed { len, .. } | Op::Send { len, .. } = op {
                *len = [4064, 2016, 992, 480, 0][*len as usize % 5];
            }
        }
    });
    check("hazards::hazard_09_full_and_empty_are_told_apart", &cases, on_the_model);
}

/// More frames than 16 bits count, in a small ring; more descriptors than 8 bits count, in rings of any number of entries.
#[test]
fn hazard_10_counts_outlive_every_width() {
    const FRAMES: u64 = 66_000;
    let cases = tuned(Flavour::Mixed, |case| {
        let shape =
            LaneShape { generator: None, drop: false, max_frame: u32::MAX, pages: 3, wait: WaitKind::Poll, ..case.lanes[0].clone() };
        let made = GeneratorShape { min: 0, span: 0, pause: 0, rate: 65_536, seed: 1, count: FRAMES };
        (case.machine.generation, case.machine.link_lanes_log2) = (5, 4);
        (case.machine.posted, case.machine.write_ns) = (None, (0, 0));
        case.lanes = vec![LaneShape { generator: Some(made), write_back: Some((7, 0, 300)), ..shape }];
        let entries = 2 + (case.machine.seed % 7) as u32;
        let base = SenderShape {
            entries,
            pages: 1,
            to: SendTo::Stream,
            write_back: Some((1, 0)),
            relaxed: false,
            no_snoop: false,
            interrupt: None,
            wait: WaitKind::Poll,
            batch: 1,
        };
        case.senders = vec![base];
        case.ops = (0..150)
            .flat_map(|_| [Op::Send { sender: 0, count: 2, len: 1, parts: 0 }, Op::AwaitSent { sender: 0, kind: WaitKind::Poll, ns: 9000 }])
            .collect();
    });
    check_some("hazards::hazard_10_counts_outlive_every_width", 40, &cases, |case| {
        let outcome = agrees(case, plain)?;
        let sent = case.senders.is_empty() || outcome.sent.iter().all(|sent| *sent > 256);
        let counted =
            case.lanes.iter().zip(&outcome.delivered).all(|(lane, seen)| lane.generator.as_ref().is_none_or(|made| *seen == made.count));
        if counted && (sent || case.ops.len() < 300) {
            Ok(())
        } else {
            Err(format!("delivered {:?}, sent {:?}", outcome.delivered, outcome.sent))
        }
    });
}

/// Sizes off every grid, and doorbells off it: the ones are padded, the others refused.
#[test]
fn hazard_11_a_pointer_off_the_grid_is_refused() {
    check("hazards::hazard_11_a_pointer_off_the_grid_is_refused", &scenario(Flavour::Grid), on_the_model);
}

/// Long bursts from and to odd addresses: the root complex is strict about 4 KiB, MPS, MRRS and byte enables, and memory about the ends of buffers.
#[test]
fn hazard_12_no_burst_crosses_a_bound() {
    let cases = tuned(Flavour::Senders, |case| {
        (case.machine.mps_log2, case.machine.reads.mrrs_log2) = (9 + case.machine.mps_log2 % 2, 11 + case.machine.reads.mrrs_log2 % 2);
        for op in &mut case.ops {
            if let Op::Feed { len, .. } | Op::Send { len, .. } = op {
                *len = 1500 + *len % 8000;
            }
        }
    });
    check("hazards::hazard_12_no_burst_crosses_a_bound", &cases, on_the_model);
}

/// The card is pulled out in the middle of everything: all ones are no count, every call ends, and the next card starts as the first did.
#[test]
fn hazard_13_a_dead_card_is_not_believed() {
    let cases = tuned(Flavour::Levels, |case| {
        for op in &mut case.ops {
            if let Op::Recover { level, orderly } = op {
                (*level, *orderly) = (Level::Link, false);
            }
        }
    });
    check("hazards::hazard_13_a_dead_card_is_not_believed", &cases, on_the_model);
}

/// Hardly any tags, and channels that stop and are reset while they hold them: all come back, none is used twice.
#[test]
fn hazard_14_every_tag_comes_back() {
    let cases = tuned(Flavour::Tags, |case| {
        case.machine.reads.tags = 1 + case.machine.reads.tags % 4;
        for (index, op) in case.ops.iter_mut().enumerate() {
            if let Op::Advance(clocks) = op {
                *op = if *clocks % 2 == 0 { Op::ResetSender(index as u8 % 4) } else { Op::RestartSender(index as u8 % 4) };
            }
        }
    });
    check("hazards::hazard_14_every_tag_comes_back", &cases, on_the_model);
}

/// Whatever is done to other channels, a channel delivers the same.
#[test]
fn hazard_15_channels_do_not_disturb_each_other() {
    let cases = scenario(Flavour::Stops).prop_map(shelter);
    check("hazards::hazard_15_channels_do_not_disturb_each_other", &cases, |case| is_left_alone(case, plain));
}

/// Run, stop and reset written one upon the other, enables thrown meanwhile: the channel ends in a state that is known, and the next run is clean.
#[test]
fn hazard_15_stop_reset_and_run_may_race() {
    let cases = tuned(Flavour::Owners, |case| {
        for (index, op) in case.ops.iter_mut().enumerate() {
            if let Op::Advance(clocks) = op {
                let words = (0..4).map(|bit| (*clocks >> bit) as u8 % 4).collect();
                *op = Op::Rattle {
                    lane: index as u8,
                    words,
                    clocks: *clocks as u8 % 16,
                    after: (*clocks % 400) as u16,
                    spoil: *clocks % 3 == 0,
                };
            }
        }
    });
    check("hazards::hazard_15_stop_reset_and_run_may_race", &cases, on_the_model);
}

/// Every reset under requests that are outstanding: late completions are swallowed, and memory that is freed is never touched again.
#[test]
fn hazard_16_a_reset_under_requests_harms_nobody() {
    let cases = tuned(Flavour::Levels, |case| {
        for op in &mut case.ops {
            if let Op::Recover { orderly, .. } = op {
                *orderly = false;
            }
        }
    });
    check("hazards::hazard_16_a_reset_under_requests_harms_nobody", &cases, on_the_model);
}

#[cfg(test)]
mod table {
    //! The table in `README.md` says what is here, and nothing else.

    use std::collections::BTreeSet;

    /// Hazards in all.
    const HAZARDS: usize = 16;

    fn rows() -> Vec<Vec<String>> {
        let readme = include_str!("README.md");
        let rows = readme.lines().filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()));
        rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()).collect()
    }

    fn named(cell: &str) -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
    }

    #[test]
    fn every_hazard_has_its_properties_and_they_are_there() {
        let source = include_str!("hazards.rs");
        let defined: BTreeSet<String> = source
            .lines()
            .filter_map(|line| line.strip_prefix("fn hazard_")?.split('(').next().map(|name| format!("hazard_{name}")))
            .collect();
        let told: BTreeSet<String> = rows().iter().flat_map(|row| named(&row[2])).collect();
        assert_eq!(told, defined);
        for number in 1..=HAZARDS {
            let row = rows().into_iter().find(|row| row[0] == number.to_string()).unwrap_or_else(|| panic!("hazard {number} has no row"));
            let own = named(&row[2]);
            assert!(!own.is_empty() && own.iter().all(|name| name.starts_with(&format!("hazard_{number:02}_"))), "{row:?}");
        }
        // A property that is not called a test would never run, and one that runs under another name could not be had again.
        for name in defined {
            assert!(source.contains(&format!("#[test]\nfn {name}()")), "{name} is no test");
            assert!(source.matches(&format!("\"hazards::{name}\"")).count() == 1, "{name} is checked under another name");
        }
    }

    #[test]
    fn every_checker_of_the_table_is_there() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/properties/check");
        for row in rows() {
            let checkers = named(&row[3]);
            assert!(!checkers.is_empty(), "{row:?}");
            for checker in checkers {
                let rule = silico_sim::check::rule::ALL.contains(&checker.as_str());
                assert!(rule || folder.join(format!("{checker}.rs")).is_file(), "no checker `{checker}`");
            }
        }
    }
}
