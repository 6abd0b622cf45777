//! A run is a function of its command line: the same gives the same, byte for byte, wall clock aside. Another seed gives another.

mod common;

use common::silico;
use serde_json::Value;

fn report(args: &[&str]) -> Value {
    let ran = silico(&[&["run", "--json"], args].concat());
    ran.assert_passed();
    let mut report = ran.json();
    assert!(report.as_object_mut().unwrap().remove("wall").is_some());
    report
}

#[rstest::rstest]
#[case(&[])]
#[case(&["--notify", "interrupt", "--seed", "7"])]
#[case(&["--notify", "hybrid", "--channels", "7", "--full", "drop"])]
#[case(&["--source", "generator", "--frames", "2000", "--frame-size", "0..2000"])]
fn the_same_command_gives_the_same_run(#[case] args: &[&str]) {
    let (first, second) = (report(args), report(args));
    assert_eq!(first, second);
    assert_eq!(first["trace_digest"].as_str().unwrap().len(), 16);
}

#[test]
fn another_seed_gives_another_trace() {
    let digest = |seed| report(&["--seed", seed])["trace_digest"].clone();
    assert_ne!(digest("1"), digest("2"));
}

#[test]
fn what_is_written_does_not_change_the_run() {
    let path = common::scratch("out.bin");
    assert_eq!(report(&[])["trace_digest"], report(&["--output", path.to_str().unwrap()])["trace_digest"]);
}
