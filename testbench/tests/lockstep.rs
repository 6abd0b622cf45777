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
// E-link blocks: split chunks, short and empty ones, timers, full FIFOs, one e-link and all of them.
#[case("--frames 600 --source generator --mode blocks --frame-size 0..3000")]
#[case("--frames 3000 --source generator --mode blocks --frame-size 0..60 --elinks 64 --channels 2")]
#[case("--frames 300 --source generator --mode blocks --frame-size 1..9000 --elinks 1 --flush 0 --pause 20")]
#[case("--frames 900 --source generator --mode blocks --frame-size 0..400 --elinks 17 --flush 300 --pause 40 --notify interrupt")]
#[case("--frames 900 --source generator --mode blocks --frame-size 64..3000 --full drop --gen 1 --lanes 4")]
#[case("--frames 400 --source generator --mode blocks --frame-size 4..2000 --rate 4")]
// Pages: packed or not, of one cell and of many, every way to hear of them, timers, full FIFOs, hosts that answer late.
#[case("--frames 300 --discipline pages --frame-size 0..5000")]
#[case("--frames 300 --discipline pages --frame-size 0..5000 --packed")]
#[case(
    "--frames 300 --discipline pages --source generator --frame-size 0..300 --packed --page-size 32KiB --notify interrupt --coalesce-frames 4"
)]
#[case("--frames 300 --discipline pages --source generator --frame-size 1..900 --page-size 64 --ring-size 64KiB --mps 128 --mrrs 128")]
#[case("--frames 300 --discipline pages --source generator --frame-size 1..900 --page-size 32 --ring-size 64KiB --packed --notify hybrid")]
#[case("--frames 300 --discipline pages --source generator --frame-size 64..9000 --packed --flush-time 100 --pause 300 --channels 2")]
#[case("--frames 12 --channels 1 --discipline pages --source generator --frame-size 20000..32600 --page-size 32 --ring-size 64KiB")]
#[case("--frames 900 --discipline pages --frame-size 64..3000 --packed --full drop --gen 1 --lanes 4 --ring-size 128KiB")]
#[case("--frames 300 --discipline pages --frame-size 64..3000 --stress credits,stalls --notify interrupt --link-errors 2000 --ecrc")]
#[case("--frames 600 --discipline pages --source generator --mode blocks --frame-size 0..3000 --packed")]
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
