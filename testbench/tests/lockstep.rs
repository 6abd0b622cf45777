//! Model and RTL side by side under the driver: every output of the port is the same on every clock.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;
#[path = "../../model/tests/nonsense.rs"]
mod nonsense;
#[path = "../../model/tests/ops.rs"]
mod ops;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rstest::rstest;
use silico::cli::options::RunOptions;
use silico::run::{Progress, RunConfig, run};
use silico_model::Card;
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

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

type Cards = Clocked<Lockstep<Card, RtlCard>>;

impl nonsense::Look for Cards {
    fn card(&self) -> &Card {
        self.endpoint().first()
    }
}

/// Runs `play` on both cards at once, for as many cases as `SILICO_CASES` says, from `SILICO_SEED` on: the same ones each time.
fn on_both<S: Strategy>(cases: u64, cases_of: &S, play: impl Fn(Cards, &CardParams, S::Value)) {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (cases, seed) = (number("SILICO_CASES", cases), number("SILICO_SEED", 1_u64));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: cases as u32, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let params = CardParams::default();
    let result = runner.run(cases_of, |case| {
        let verdict = Verdict::default();
        let cards = Lockstep::new(Card::new(params.clone()).unwrap(), RtlCard::new(&params).unwrap(), verdict.clone());
        play(Clocked::new(cards), &params, case);
        match verdict.divergence() {
            None => Ok(()),
            Some(divergence) => Err(TestCaseError::fail(divergence.to_string())),
        }
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// Every operation that a driver has, and what a host and a link may do meanwhile; see the comparison of the model's grains.
#[test]
fn as_the_model_under_random_operations() {
    on_both(40, &(ops::shape(), prop::collection::vec(ops::op(), 1..40)), |cards, params, (mut shape, ops)| {
        (shape.width, shape.host.tags, shape.h2c) = (DataWidth::W256, 256, false);
        ops::play(cards, params, &shape, &ops, u64::MAX);
    });
}

/// Anything at all at the port.
#[test]
fn as_the_model_under_nonsense() {
    on_both(40, &prop::collection::vec(nonsense::op().prop_filter("none of these", |op| !op.is_h2c()), 1..80), |cards, params, ops| {
        nonsense::play(cards, params, &ops);
    });
}
