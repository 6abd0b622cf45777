//! Model and RTL side by side under random operations at the port, those that compare the grains of the model: every output of the port is the same on
//! every clock.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;
#[path = "../../model/tests/ops.rs"]
mod ops;

use ops::{op, play, shape};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use silico_model::Card;
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

/// As many as `SILICO_CASES` says, from `SILICO_SEED` on: the same ones each time.
#[test]
fn as_the_model_under_random_operations() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (cases, seed) = (number("SILICO_CASES", 40), number("SILICO_SEED", 1_u64));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: cases as u32, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let params = CardParams::default();
    let result = runner.run(&(shape(), prop::collection::vec(op(), 1..40)), |(mut shape, ops)| {
        (shape.width, shape.host.tags, shape.h2c) = (DataWidth::W256, 256, false);
        let verdict = Verdict::default();
        let cards = Lockstep::new(Card::new(params.clone()).unwrap(), RtlCard::new(&params).unwrap(), verdict.clone());
        play(Clocked::new(cards), &params, &shape, &ops, u64::MAX);
        match verdict.divergence() {
            None => Ok(()),
            Some(divergence) => Err(TestCaseError::fail(divergence.to_string())),
        }
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
