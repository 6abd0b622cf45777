//! Anything at all at the port: TLPs legal and nonsense, every register with edge values, config writes, resets, a link that fails, credits
//! in any portion, a receiver that stalls. The card may answer as it likes as long as it does not panic, sends only legal TLPs, none
//! without credits, and is the same card run by run and clock by clock.
//!
//! Debug builds check every addition for overflow: run this one unoptimised.

use crate::common::nonsense::{Op, offsets, op, play};
use proptest::prelude::*;
use silico_model::Card;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Clocked;

fn same(width: DataWidth, ops: &[Op]) -> Result<(), TestCaseError> {
    let params = CardParams { c2h_channels: 2, fifo_bytes: 2048, fifo_frames: 4, width, ..CardParams::default() };
    let card = || Card::new(params.clone()).expect("legal parameters");
    let runs = play(card(), &params, ops);
    let clocks = play(Clocked::new(card()), &params, ops);
    for (n, (a, b)) in runs.0.iter().zip(&clocks.0).enumerate() {
        prop_assert_eq!(a, b, "TLP {}: run by run, then clock by clock", n);
    }
    prop_assert_eq!(runs.0.len(), clocks.0.len(), "TLPs sent: run by run, then clock by clock");
    for ((a, b), offset) in runs.1.iter().zip(&clocks.1).zip(offsets()) {
        prop_assert_eq!(a, b, "register {:#x}: run by run, then clock by clock", offset);
    }
    Ok(())
}

fn width() -> impl Strategy<Value = DataWidth> {
    prop::sample::select(vec![DataWidth::W64, DataWidth::W128, DataWidth::W256, DataWidth::W512])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_at_the_port_breaks_the_card(width in width(), ops in prop::collection::vec(op(), 1..80)) {
        same(width, &ops)?;
    }
}

/// Cases a property: many more with `SILICO_CASES`.
fn cases() -> u32 {
    std::env::var("SILICO_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}
