//! The machinery bites: false properties fail, shrink to the least case, and are found again by the command that they print; so are planted faults.

use crate::drain::agrees;
use crate::harness::{Failure, Settings, search, test_command};
use crate::on::on_model;
use crate::reference::scenario;
use crate::regressions;
use crate::scenario::{Op, Scenario};
use crate::strategies::Flavour;
use silico::fault::{FaultLog, plant};
use silico_spec::port::TlpPort;
use std::process::Command;

/// Seeds that are tried until a case comes down far enough.
const SEEDS: u64 = 6;
/// A card.
type Port = Box<dyn TlpPort + Send>;

const MANY: Settings = Settings { seed: 1, cases: 200, case: None, shrink: 800 };
/// For what costs nothing to try: a case has many parts, and each is tried alone.
const PATIENT: u32 = 20_000;

/// False: nobody feeds frames of 100 bytes or more.
fn frames_are_short(case: &Scenario) -> Result<(), String> {
    let long = case.ops.iter().find(|op| matches!(op, Op::Feed { len: 100.., .. }));
    long.map_or(Ok(()), |op| Err(format!("a long frame: {op:?}")))
}

/// Fails on purpose, for the test below.
#[test]
#[ignore = "false on purpose: `a_failure_ends_with_the_command_that_gives_it_again` runs it in a child process"]
fn a_false_property() {
    regressions::check("teeth::a_false_property", &scenario(Flavour::Mixed), frames_are_short);
}

#[test]
fn a_false_property_shrinks_to_the_least_case() {
    let mut least = 0;
    for seed in 1..=8 {
        let settings = Settings { seed, shrink: PATIENT, ..MANY };
        let failure = search("x", settings, &scenario(Flavour::Mixed), frames_are_short).expect_err("it is false");
        // Sizes that are picked from a list shrink along it; 127 follows 97 there.
        let op = matches!(failure.minimal.ops[..], [Op::Feed { lane: 0, count: 1, len: 100..=127, pause: 0, error: false }]);
        assert_eq!(failure.minimal.ops.len(), 1, "{}", failure.text(""));
        least += u32::from(op && failure.minimal.lanes.len() == 1);
        let again = Settings { case: Some(failure.case), ..settings };
        let again = search("x", again, &scenario(Flavour::Mixed), frames_are_short).expect_err("the same case fails alone");
        assert_eq!((again.minimal, again.case, again.reason), (failure.minimal, failure.case, failure.reason));
    }
    // A step that a precondition forbids ends the shrinking of what it concerns: a lane that would become the one that a sender loops into, say.
    assert!(least >= 2, "{least} of 8 failures come down to the least case");
}

/// Runs the false property in a child process, as a shell would run the printed command. Returns the panic's text.
fn child(variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().expect("this test's binary"));
    for name in ["SILICO_SEED", "SILICO_CASE", "SILICO_CASES", "SILICO_SCENARIO", "RUST_BACKTRACE"] {
        child.env_remove(name);
    }
    child.args(["--exact", "--include-ignored", "--nocapture", "teeth::a_false_property"]).envs(variables.iter().copied());
    let output = child.output().expect("it runs");
    assert!(!output.status.success(), "a false property passed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let from = text.find("SILICO_S").or_else(|| text.find("property ")).unwrap_or_else(|| panic!("no report:\n{text}"));
    let to = text.find("\nnote: ").unwrap_or(text.len());
    text[from..to].trim_end().to_string()
}

#[test]
fn a_failure_ends_with_the_command_that_gives_it_again() {
    let first = child(&[("SILICO_SEED", "77")]);
    let command = first.lines().last().unwrap_or_default();
    assert_eq!(first.lines().next(), Some(command), "{first}");
    let rest = test_command("teeth::a_false_property");
    let Some(("SILICO_SEED=77", case)) = command.strip_suffix(&rest).and_then(|words| words.trim().split_once(' ')) else {
        panic!("{command}")
    };
    let case = case.strip_prefix("SILICO_CASE=").expect("the case");
    assert_eq!(child(&[("SILICO_SEED", "77"), ("SILICO_CASE", case)]), first, "the printed command gives something else");

    // The file that it wrote is the minimal case, and fails too.
    let file =
        first.lines().find_map(|line| line.strip_prefix("written to ")).and_then(|line| line.split(": copy").next()).expect("a file");
    assert!(frames_are_short(&regressions::read(std::path::Path::new(file))).is_err());
    let replayed = child(&[("SILICO_SCENARIO", file)]);
    assert!(replayed.lines().last().is_some_and(|line| line == format!("SILICO_SCENARIO={file} {rest}")), "{replayed}");
}

fn planted(rule: &str, card: Port) -> Port {
    Box::new(plant(&[rule.parse().expect("a rule")], 1, card, FaultLog::default()).0)
}

fn flip(card: Port) -> Port {
    planted("flip-byte@3", card)
}

fn drop_interrupt(card: Port) -> Port {
    planted("drop-interrupt@2", card)
}

fn repeat(card: Port) -> Port {
    planted("repeat-frame@2", card)
}

/// Searches for a case in which the card `wrap` is found out: with each of some seeds, until one comes down to `most` operations. A step that a precondition
/// forbids ends the shrinking of what it concerns, so not each does.
fn found(flavour: Flavour, wrap: crate::world::Wrap, most: usize) -> Failure<Scenario> {
    let mut least: Option<Failure<Scenario>> = None;
    for seed in 1..=SEEDS {
        let settings = Settings { seed, shrink: PATIENT, ..MANY };
        // The suite is judged here, not a card.
        let failure = search("fault", settings, &scenario(flavour), |case| on_model(|| agrees(case, wrap).map(drop)))
            .expect_err("the fault is found");
        if least.as_ref().is_none_or(|least| failure.minimal.ops.len() < least.minimal.ops.len()) {
            least = Some(failure);
        }
        if least.as_ref().is_some_and(|least| least.minimal.ops.len() <= most) {
            break;
        }
    }
    let least = least.expect("one at least");
    assert!(least.minimal.ops.len() <= most, "{}", least.text(""));
    least
}

#[test]
fn a_flipped_byte_is_found_and_shrunk() {
    let failure = found(Flavour::Mixed, flip, 3);
    assert!(["payload differs", "CRC", "begins like"].iter().any(|what| failure.reason.contains(what)), "{}", failure.text(""));
}

#[test]
fn a_lost_interrupt_is_found_and_shrunk() {
    let failure = found(Flavour::Sleepers, drop_interrupt, 8);
    assert!(["no interrupt came", "stands still", "nothing came"].iter().any(|what| failure.reason.contains(what)), "{}", failure.text(""));
}

#[test]
fn a_repeated_frame_is_found_and_shrunk() {
    found(Flavour::Mixed, repeat, 3);
}
