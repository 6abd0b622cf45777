//! Model and RTL at their signals, under anything: software that mostly knows what it does, a host that mostly answers, streams that stall, links that
//! fail. One seed is one storm; how long it lasts costs nothing but time.
//!
//! `SILICO_SEED` is the first seed, `SILICO_STORMS` how many, `SILICO_CLOCKS` how many clocks each.
#![cfg(feature = "rtl")]

mod channels;
mod doorbell;
mod host;
mod random;
mod script;
mod storm;
#[path = "../common/variants.rs"]
mod variants;

use storm::storm;
use variants::{on_each_variant, params};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn storms(variant: &str) {
    let params = params(variant);
    let (first, storms, clocks) = (number("SILICO_SEED", 1), number("SILICO_STORMS", 6), number("SILICO_CLOCKS", 20_000));
    for seed in first..first + storms {
        let seen = storm(&params, seed, clocks, None).unwrap_or_else(|what| panic!("{variant}, seed {seed}: {what}"));
        assert!(seen.writes > 0 && seen.reads > 0, "seed {seed}: a storm of nothing: {seen:?}");
    }
}

/// Copies are made anywhere in a storm, and see what the original sees: what they show is the same, and what they are in the end, byte for byte.
fn forks(variant: &str) {
    let first = number("SILICO_SEED", 1);
    for seed in first..first + 2 {
        let seen = storm(&params(variant), seed, 10_000, Some(1000)).unwrap_or_else(|what| panic!("{variant}, seed {seed}: {what}"));
        assert!(seen.forks > 3, "seed {seed}: {seen:?}");
    }
}

on_each_variant! {
    #[test]
    fn a_fork_goes_on_as_the_original() {
        forks(VARIANT);
    }

    #[test]
    fn a_storm_finds_no_difference() {
        storms(VARIANT);
    }
}
