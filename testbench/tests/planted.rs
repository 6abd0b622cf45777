//! A deliberately broken card is found out: exit status 1, the first divergence with its cycle, and the command that reproduces it, first and
//! last; and that command finds it in the same cycle.

mod common;

use common::{Ran, silico};

/// Runs, and gives the cycle after checking all that a failing run must show.
#[track_caller]
fn failure(args: &[&str], expected: &str) -> (u64, String) {
    let ran: Ran = silico(args);
    assert_eq!(ran.status, 1, "{}\n{}", ran.stdout, ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.first(), lines.last(), "{}", ran.stdout);
    assert!(lines[0].starts_with("silico run --on model"), "{}", lines[0]);
    let failed =
        lines.iter().find(|line| line.starts_with("FAILED at cycle ")).unwrap_or_else(|| panic!("no FAILED line:\n{}", ran.stdout));
    assert!(failed.contains(expected), "{failed}");
    assert!(lines.iter().any(|line| line.starts_with("planted ")), "{}", ran.stdout);
    assert!(lines.iter().any(|line| line.starts_with("the last 12 TLPs of ")), "{}", ran.stdout);
    // The card still answers, so its counters are there; what the link could have carried is not known.
    assert!(lines.iter().any(|line| line.contains("port 64.00 Gb/s, busy ")), "{}", ran.stdout);
    assert!(!ran.stdout.contains("that the link carries"), "{}", ran.stdout);
    let cycle = failed["FAILED at cycle ".len()..].split(':').next().unwrap().parse().unwrap();
    (cycle, lines[0].to_string())
}

/// Both runs: the one that found it, and the one that its command line gives.
#[track_caller]
fn found_twice(args: &[&str], expected: &str) {
    let (cycle, command) = failure(&[&["run", "--quiet"], args].concat(), expected);
    let words: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    assert_eq!(failure(&words, expected).0, cycle, "the reproducing command finds it elsewhere");
}

const GENERATOR: [&str; 6] = ["--source", "generator", "--frame-size", "256", "--frames", "1000"];

#[test]
fn a_flipped_byte_in_a_recording_is_found() {
    found_twice(&["--fault", "flip-byte@100"], "payload differs from byte");
}

#[test]
fn a_flipped_byte_of_the_generator_is_found() {
    found_twice(&[&GENERATOR[..], &["--fault", "flip-byte@500"]].concat(), "payload differs from byte");
}

#[test]
fn a_lost_interrupt_is_found() {
    found_twice(&["--notify", "interrupt", "--fault", "drop-interrupt@5"], "no interrupt came");
}

#[test]
fn a_lost_interrupt_of_the_generator_is_found() {
    // Slow enough for the host to fall asleep between frames.
    found_twice(&[&GENERATOR[..], &["--rate", "2", "--notify", "interrupt", "--fault", "drop-interrupt@30"]].concat(), "no interrupt came");
}

#[test]
fn a_repeated_frame_at_the_front_end_is_found() {
    found_twice(&["--fault", "repeat-frame@7"], "channel 0, frame 7");
}

#[test]
fn a_repeated_frame_of_the_generator_is_found() {
    found_twice(&[&GENERATOR[..], &["--fault", "repeat-frame@9"]].concat(), "channel 0, frame 9");
}

#[test]
fn the_json_report_says_the_same() {
    let ran = silico(&["run", "--json", "--fault", "flip-byte@100"]);
    assert_eq!(ran.status, 1);
    let report = ran.json();
    assert_eq!(report["passed"], false);
    assert_eq!(report["finding"]["kind"], "divergence");
    let planted = &report["faults"]["planted"][0];
    assert_eq!((&planted["rule"], &planted["harm"]), (&"payload.corrupt(data[0]^0xff)@100".into(), &"harmful".into()));
    assert!(report["finding"]["cycle"].as_u64().unwrap() > planted["cycle"].as_u64().unwrap());
    assert_eq!(report["faults"]["noticed"][0]["by"], "scoreboard");
    assert!(!report["finding"]["trace"].as_array().unwrap().is_empty());
    assert_eq!(report["command"], "silico run --on model --seed 1 --fault 'payload.corrupt(data[0]^0xff)@100'");
}
