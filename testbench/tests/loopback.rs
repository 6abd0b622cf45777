//! `silico loopback`: what the host sends comes out as it was sent, wherever it goes; faults are found; bad input is one line.

mod common;

use common::silico;
use rstest::rstest;

fn loopback(args: &[&str]) -> common::Ran {
    silico(&[&["loopback", "--json"], args].concat())
}

#[rstest]
fn every_frame_is_compared(
    #[values("loopback", "sink", "stream")] to: &str,
    #[values(
        &["--frames", "400"][..],
        &["--frames", "300", "--sizes", "1,31,32,33,4095,4096,4097,70001", "--mps", "128", "--mrrs", "128", "--width", "64"],
        &["--frames", "300", "--sizes", "0..300", "--h2c", "7", "--c2h", "15", "--entries", "2", "--width", "512"],
        &["--frames", "20", "--sizes", "2MiB", "--gen", "5", "--lanes", "16", "--mrrs", "4096"],
    )]
    args: &[&str],
) {
    let ran = loopback(&[args, &["--to", to]].concat());
    ran.assert_passed();
    let report = ran.json();
    let frames = args[1].parse::<u64>().ok();
    assert_eq!((report["sent"].as_u64(), report["compared"].as_u64()), (frames, frames), "{report:#}");
    assert_eq!(report["to"], to);
    assert!(report["bytes"].as_u64() > frames && report["payload_gbps"].as_f64() > Some(0.0), "{report:#}");
}

#[test]
fn the_same_seed_is_the_same_traffic() {
    let digest = |seed| loopback(&["--frames", "50", "--seed", seed]).json()["trace_digest"].clone();
    assert_eq!(digest("3"), digest("3"));
    assert_ne!(digest("3"), digest("4"));
}

#[rstest]
#[case("flip-byte@40")]
#[case("repeat-frame@3")]
fn a_fault_on_the_way_back_is_found(#[case] fault: &str) {
    let ran = silico(&["loopback", "--frames", "300", "--sizes", "256", "--fault", fault]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("FAILED at cycle") && ran.stdout.contains("divergence: frame "), "{}", ran.stdout);
    let (first, last) = (ran.stdout.lines().next(), ran.stdout.lines().last());
    assert_eq!(first, last, "the command begins and ends a failing report");
    let again: Vec<&str> = first.unwrap().split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    assert_eq!(silico(&again).stdout, ran.stdout, "the command does the same again");
}

#[test]
fn a_passing_report_reads_well() {
    let ran = silico(&["loopback", "--frames", "10", "--sizes", "100"]);
    ran.assert_passed();
    assert!(ran.stdout.contains("path        host, H2C channel 0, card, C2H channel 0, host"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("frames      10 sent, 10 compared, 1000 bytes of payload") && ran.stdout.ends_with("PASSED\n"),
        "{}",
        ran.stdout
    );
}

#[rstest]
#[case(&["--h2c", "8"], &["--h2c is 8", "0 to 7"])]
#[case(&["--c2h", "16"], &["--c2h is 16", "0 to 15"])]
#[case(&["--frames", "0"], &["--frames is 0", "at least 1"])]
#[case(&["--sizes", "1GiB"], &["--sizes is 1GiB", "at most 16777216 bytes"])]
#[case(&["--sizes", "9..3"], &["--sizes"])]
#[case(&["--entries", "1"], &["--entries is 1", "2 to 65536"])]
#[case(&["--to", "moon"], &["--to", "moon"])]
#[case(&["--width", "100"], &["--width is 100", "64, 128, 256 or 512"])]
#[case(&["--mrrs", "100"], &["--mrrs is 100"])]
#[case(&["--to", "sink", "--frames", "3", "--fault", "repeat-frame@900"], &["--fault is", "@900", "one that happens"])]
fn bad_input_is_one_line(#[case] args: &[&str], #[case] parts: &[&str]) {
    loopback(args).assert_could_not_run(parts);
}

#[cfg(not(feature = "rtl"))]
#[test]
fn the_rtl_must_be_built_in() {
    loopback(&["--on", "rtl"]).assert_could_not_run(&["--on is rtl", "needs a build with the RTL"]);
}
