//! A fork of a card is the card: from then on both do the same.

use crate::common::Bench;
use silico_model::Card;
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::fork::{Fork, Memo};
use silico_spec::params::CardParams;
use silico_spec::registers::c2h;

#[test]
fn a_fork_has_what_the_fifo_holds() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x8000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    // The first frame goes, and leaves the FIFO's first bytes free; two stay in it.
    bench.feed(0, &[1; 300], bench.now);
    bench.run(100);
    let from = bench.sent.len();
    let posted = bench.sent.iter().filter(|sent| sent.header.kind().class() == Class::Posted).count();
    bench.stimulus.credits.0[Class::Posted as usize] = Limit::new(Some(posted as u8), None);
    for n in 2..4 {
        bench.feed(0, &[n; 300], bench.now);
    }
    bench.run(100);
    let mut other = Bench::new(bench.card.fork(&mut Memo::default()).unwrap(), &params);
    other.now = bench.now;
    for bench in [&mut bench, &mut other] {
        bench.stimulus.credits = Limits::INFINITE;
        bench.run(200);
    }
    assert!(bench.sent[from..] == other.sent && other.sent.len() > 4);
    assert_eq!(bench.ring(0, 352 + 32, 300), [2; 300]);
    assert_eq!(other.get64(0, c2h::FRAMES), 3);
}
