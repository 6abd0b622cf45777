//! When a ring's progress is written back, and why: after so many frames, bytes or clocks since the last block, or because an armed interrupt waits for it.

use crate::common::{Bench, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::params::CardParams;
use silico_spec::port::{Inspect, Report};
use silico_spec::registers::c2h;
use silico_spec::units::Cycle;

const WRITE_BACK: u32 = 1 << 2;

/// Channel 0 runs with these registers, and no other reason to write back.
fn bench(registers: &[(u32, u32)]) -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(4);
    bench.enable();
    bench.set_up_ring(0, 0x8000, WRITE_BACK, 1000);
    bench.set32(0, c2h::WB_FRAMES, 0);
    registers.iter().for_each(|(register, value)| bench.set32(0, *register, *value));
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(1000);
    bench
}

/// Blocks of the run, and why the last one was written.
fn told(bench: &Bench<Card>) -> (u64, Report) {
    bench.card.c2h(0).map(|view| (view.blocks, view.block)).unwrap()
}

/// A frame comes, of 128 bytes in the ring.
fn frame(bench: &mut Bench<Card>) -> (u64, Report) {
    bench.feed(0, &[1; 96], bench.now);
    bench.run(100);
    told(bench)
}

#[rstest]
#[case::frames(&[(c2h::WB_FRAMES, 3)], Report::Count)]
#[case::bytes(&[(c2h::WB_BYTES, 384)], Report::Bytes)]
#[case::bytes_within_a_frame(&[(c2h::WB_BYTES, 257)], Report::Bytes)]
#[case::whichever_is_first(&[(c2h::WB_FRAMES, 5), (c2h::WB_BYTES, 300), (c2h::WB_TIME, 5000)], Report::Bytes)]
fn a_block_tells_of_so_much_since_the_last_one(#[case] registers: &[(u32, u32)], #[case] why: Report) {
    let mut bench = bench(registers);
    let all: Vec<_> = (0..7).map(|_| frame(&mut bench)).collect();
    let none = (0, Report::None);
    assert_eq!(all, [none, none, (1, why), (1, why), (1, why), (2, why), (2, why)]);
}

/// The time counts from the first frame that no block has told of, whatever comes behind it.
#[test]
fn a_block_is_no_later_than_its_timer_says() {
    let mut bench = bench(&[(c2h::WB_TIME, 400)]);
    for blocks in 1..3 {
        let from = bench.sent.len();
        frame(&mut bench);
        assert_eq!(frame(&mut bench).0, blocks - 1);
        bench.run(400);
        assert_eq!(told(&bench), (blocks, Report::Time));
        // The frame has gone in one TLP with its header.
        let (first, block) = (bench.sent[from].last, bench.sent.last().unwrap());
        assert_eq!(
            (block.header.address().0, block.first - first),
            (MEMORY + 0xf_0000, 402),
            "due at the end of clock 400, granted in the next"
        );
    }
}

/// A block that an interrupt waits for says so, be the timer ever so close.
#[test]
fn an_armed_interrupt_wants_its_block() {
    let mut bench = bench(&[(c2h::WB_FRAMES, 100), (c2h::WB_BYTES, 100_000), (c2h::WB_TIME, 1500), (c2h::INT_DATA, 1 << 31 | 2)]);
    assert_eq!(frame(&mut bench), (0, Report::None), "not armed");
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.run(50);
    assert_eq!(told(&bench), (1, Report::Wanted));
    assert_eq!(bench.sent.last().unwrap().header.address().0, 0xfee0_0000);
}

/// An interrupt waits for the block that has its frames, and for no later one: what came meanwhile is no reason to write another.
#[test]
fn one_block_is_enough_for_an_interrupt() {
    let mut bench = bench(&[(c2h::INT_DATA, 1 << 31 | 2)]);
    bench.set_mps(3);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.run(50);
    let from = bench.sent.len();
    // Both frames wait for the link, a TLP each: the second is on its way before the first has been delivered.
    bench.stimulus.tx_ready_at = Cycle(bench.now + 60);
    (0..2).for_each(|_| bench.feed(0, &[7; 289], bench.now));
    bench.run(300);
    let sent: Vec<_> = bench.sent[from..].iter().map(|sent| (sent.header.address().0, sent.payload.len())).collect();
    assert_eq!(sent, [(MEMORY, 352), (MEMORY + 352, 352), (MEMORY + 0xf_0000, 64), (0xfee0_0000, 4)]);
}
