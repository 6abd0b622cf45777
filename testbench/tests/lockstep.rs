//! Model and RTL side by side under the driver: every output of the port is the same on every clock.
#![cfg(feature = "rtl")]

use rstest::rstest;
use silico::cli::loopback::LoopbackOptions;
use silico::cli::options::RunOptions;
use silico::loopback;
use silico::run::{Progress, RunConfig, run};

/// Rings from both sources, every way to learn of frames, full FIFOs, all payload sizes, links that damage and starve.
#[rstest]
#[case("--frames 1")]
#[case("--frames 3 --channels 1 --frame-size 64..3000")]
#[case("--frames 8 --channels 1 --frame-size 100")]
#[case("--frames 8 --channels 1 --frame-size 100,200,77")]
#[case("--frames 400 --frame-size 0..5000")]
#[case("--frames 400 --frame-size 1..300 --notify interrupt --coalesce-frames 4")]
#[case("--frames 300 --frame-size 64..9000 --notify hybrid --ring-size 128KiB --mps 128")]
#[case("--frames 300 --frame-size 64..9000 --mps 1024 --write-back 16:5000")]
#[case("--frames 2000 --frame-size 64..3000 --full drop --gen 1 --lanes 4 --ring-size 128KiB")]
#[case("--frames 300 --frame-size 64..3000 --ecrc")]
#[case("--frames 300 --frame-size 64..3000 --link-errors 2000")]
#[case("--frames 300 --frame-size 64..3000 --stress credits,stalls --notify interrupt")]
#[case("--frames 300 --frame-size 64..3000 --rate 5 --pause 30 --channels 2")]
fn as_the_model(#[case] args: &str) {
    let args: Vec<&str> = args.split_whitespace().chain(["--on", "lockstep"]).collect();
    let options = RunOptions::typed(&args).unwrap();
    let config = RunConfig::new(&options).unwrap();
    let report = run(&config, &mut Progress::new(true, config.frames())).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.passed, "{:?}", report.finding);
}

/// Host-to-card channels to each output, from one-byte frames to those of many reads, and through the smallest of reads and rings.
#[rstest]
#[case("--frames 3 --to sink --sizes 64")]
#[case("--frames 40 --to sink --sizes 0..3000")]
#[case("--frames 200 --to stream --sizes 0..300")]
#[case("--frames 60 --to stream --sizes 1..9000 --mrrs 128 --mps 128")]
#[case("--frames 200 --to loopback --sizes 1..4096 --entries 8")]
#[case("--frames 100 --to loopback --sizes 0..5000 --mrrs 4096 --gen 5 --h2c 1 --c2h 3")]
fn h2c_as_the_model(#[case] args: &str) {
    let args: Vec<&str> = args.split_whitespace().chain(["--on", "lockstep"]).collect();
    let report = loopback::run(&LoopbackOptions::typed(&args).unwrap()).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.passed, "{report}");
}
