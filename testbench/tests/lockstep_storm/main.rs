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
        let seen = storm(&params, seed, clocks).unwrap_or_else(|what| panic!("{variant}, seed {seed}: {what}"));
        assert!(seen.writes > 0 && seen.reads > 0, "seed {seed}: a storm of nothing: {seen:?}");
    }
}

on_each_variant! {
    #[test]
    fn a_storm_finds_no_difference() {
        storms(VARIANT);
    }
}
