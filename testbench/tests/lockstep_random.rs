//! Model and RTL under the random operations that the grains of the model are compared by, each clock compared: registers, resets, doorbells, credits,
//! stalls, answers to reads in any order, late, wrong or never.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;

use common::play::{Op, Shape, op, play, shape};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

/// What the RTL has: no pages and no e-link blocks yet.
fn built(mut shape: Shape) -> Shape {
    shape.width = DataWidth::W256;
    shape.blocks = None;
    for config in &mut shape.config {
        *config &= !(3 << 5);
    }
    shape
}

fn built_op(op: &Op) -> bool {
    !matches!(op, Op::GivePages { .. } | Op::TakeEntries { .. } | Op::BadTail(_) | Op::BadHead(_))
}

fn same(shape: Shape, ops: &[Op]) -> Result<(), TestCaseError> {
    let params = CardParams::default();
    let verdict = Verdict::default();
    let model = silico_model::Card::new(params.clone()).expect("legal parameters");
    let both = Lockstep::new(model, RtlCard::new(&params).expect("the default card is built"), verdict.clone());
    play(Clocked::new(both), &params, &shape, ops, u64::MAX);
    prop_assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
    Ok(())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `SILICO_CASES` cases, drawn from `SILICO_SEED`.
#[test]
fn random_operations_as_the_model() {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("SILICO_SEED", 1).to_le_bytes());
    let config =
        Config { cases: number("SILICO_CASES", 60) as u32, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let ops = prop::collection::vec(op().prop_filter("not built", built_op), 1..60);
    let result = runner.run(&(shape().prop_map(built), ops), |(shape, ops)| same(shape, &ops));
    result.unwrap_or_else(|error| panic!("{error}"));
}
