//! E-link blocks over the whole loop: packed by the card's generator, carried by DMA, decoded and put together on the host, each chunk compared.

mod common;

use common::silico;
use rstest::rstest;

fn run(args: &[&str]) -> common::Ran {
    silico(&[&["run", "--quiet", "--json", "--source", "generator", "--mode", "blocks"], args].concat())
}

#[rstest]
#[case(&["--frames", "5000"])]
#[case(&["--frames", "3000", "--frame-size", "0..3000", "--elinks", "64", "--channels", "3"])]
#[case(&["--frames", "2000", "--frame-size", "1,64,777,4096", "--ring-size", "4KiB", "--mps", "128"])]
#[case(&["--frames", "200", "--frame-size", "100000", "--ring-size", "8KiB"])]
#[case(&["--frames", "3000", "--elinks", "1", "--flush", "0"])]
#[case(&["--frames", "2000", "--flush", "1", "--pause", "20"])]
#[case(&["--frames", "3000", "--notify", "interrupt", "--coalesce-frames", "8"])]
#[case(&["--frames", "3000", "--notify", "hybrid", "--channels", "16"])]
#[case(&["--frames", "2000", "--width", "64", "--gen", "1", "--lanes", "1"])]
#[case(&["--frames", "2000", "--width", "512", "--gen", "5", "--lanes", "16", "--mps", "1024"])]
#[case(&["--frames", "3000", "--discipline", "pages"])]
#[case(&["--frames", "3000", "--frame-size", "0..5000", "--discipline", "pages", "--packed", "--channels", "2"])]
#[case(&["--frames", "500", "--frame-size", "0..5000", "--discipline", "pages", "--page-size", "512", "--notify", "interrupt"])]
#[case(&["--frames", "100", "--rate", "0.01", "--channels", "1"])]
#[case(&["--frames", "100", "--pause", "100000", "--channels", "1", "--flush", "2000000"])]
fn every_chunk_arrives(#[case] args: &[&str]) {
    let ran = run(args);
    ran.assert_passed();
    let report = ran.json();
    let elinks = &report["elinks"];
    assert_eq!(elinks["chunks"].as_u64().map(|chunks| chunks.to_string()).as_deref(), Some(args[1]), "{report:#}");
    assert_eq!(elinks["lost_blocks"], 0);
    assert_eq!(report["bytes"].as_u64(), report["frames"].as_u64().map(|frames| frames * 1024));
    assert!(elinks["bytes"].as_u64() < report["bytes"].as_u64());
}

#[rstest]
#[case(&["--frames", "6000", "--frame-size", "64..1500"])]
#[case(&["--frames", "20000", "--frame-size", "0..9", "--pause", "1"])]
fn dropped_blocks_are_found_by_their_sequence(#[case] args: &[&str]) {
    let ran = run(&[args, &["--full", "drop", "--gen", "1", "--lanes", "1"]].concat());
    ran.assert_passed();
    let report = ran.json();
    let sum = |field: &str| report["books"].as_array().unwrap().iter().map(|books| books[field].as_u64().unwrap()).sum::<u64>();
    let lost = report["elinks"]["lost_blocks"].as_u64().unwrap();
    if args[3] == "64..1500" {
        assert!(lost > 0, "a link this slow must drop: {report:#}");
    }
    assert!(lost <= sum("card_dropped") && sum("missing") == lost);
}

#[test]
fn the_same_seed_gives_the_same_blocks() {
    let digest = |seed| run(&["--frames", "500", "--seed", seed]).json()["trace_digest"].clone();
    assert_eq!(digest("3"), digest("3"));
    assert_ne!(digest("3"), digest("4"));
}

#[rstest]
#[case("flip-byte@40")]
#[case("repeat-frame@5")]
fn planted_faults_are_found_in_blocks_too(#[case] fault: &str) {
    let ran = run(&["--frames", "2000", "--fault", fault]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert_eq!(ran.json()["finding"]["kind"], "divergence");
}

#[test]
fn the_report_counts_chunks_and_blocks() {
    let ran = silico(&["run", "--quiet", "--source", "generator", "--mode", "blocks", "--frames", "1000", "--elinks", "5"]);
    ran.assert_passed();
    assert!(ran.stdout.contains("generator; 1 000 chunks of 256 B"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("e-links     5 a channel: 1 000 chunks compared, 256 000 bytes, 0 truncated, 0 blocks missing"),
        "{}",
        ran.stdout
    );
}

#[rstest]
#[case(&["--elinks", "0"], &["--elinks is 0", "1 to 64"])]
#[case(&["--elinks", "65"], &["--elinks is 65", "1 to 64"])]
#[case(&["--elinks", "many"], &["--elinks", "many"])]
#[case(&["--flush=-1"], &["--flush", "-1"])]
#[case(&["--frame-size", "2MiB"], &["longest chunk is 2097152 bytes", "at most 1048576"])]
#[case(&["--frames", "3"], &["--frames is 3", "at least 4"])]
fn impossible_settings_are_one_line(#[case] args: &[&str], #[case] parts: &[&str]) {
    run(args).assert_could_not_run(parts);
}

#[test]
fn a_front_end_has_no_block_mode() {
    silico(&["run", "--mode", "blocks"]).assert_could_not_run(&["--mode is blocks", "frames, unless --source is generator"]);
    silico(&["run", "--mode", "chunks"]).assert_could_not_run(&["--mode", "chunks"]);
}
