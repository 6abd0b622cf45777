//! Model and RTL under the random operations that the grains of the model are compared by, each clock compared: registers, resets, doorbells, credits,
//! stalls, answers to reads in any order, late, wrong or never; and under anything at all at the port.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;

use common::nonsense::{self, Look};
use common::play::{op, play, shape};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use silico_model::Card;
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

type Cards = Clocked<Lockstep<Card, RtlCard>>;

impl Look for Cards {
    fn card(&self) -> &Card {
        self.endpoint().first()
    }
}

/// `SILICO_CASES` cases, drawn from `SILICO_SEED`, each played on both cards at once.
fn on_both<S: Strategy>(cases: u64, drawn: &S, play: impl Fn(Cards, &CardParams, S::Value)) {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("SILICO_SEED", 1).to_le_bytes());
    let config =
        Config { cases: number("SILICO_CASES", cases) as u32, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let params = CardParams::default();
    let result = runner.run(drawn, |case| {
        let verdict = Verdict::default();
        let model = Card::new(params.clone()).expect("legal parameters");
        let both = Lockstep::new(model, RtlCard::new(&params).expect("the default card is built"), verdict.clone());
        play(Clocked::new(both), &params, case);
        prop_assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn random_operations_as_the_model() {
    on_both(60, &(shape(), prop::collection::vec(op(), 1..60)), |cards, params, (mut shape, ops)| {
        shape.width = DataWidth::W256;
        play(cards, params, &shape, &ops, u64::MAX);
    });
}

#[test]
fn nonsense_as_the_model() {
    on_both(10, &prop::collection::vec(nonsense::op(), 1..80), |cards, params, ops| drop(nonsense::play(cards, params, &ops)));
}
