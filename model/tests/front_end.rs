//! The front end at the port: when BUSY is shown, how many frames the FIFO takes, how fast the generator is, what the global enable holds.

use crate::common::{BAR0, Bench};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, Endpoint, TlpPort};
use silico_spec::registers::{c2h, card};
use silico_spec::units::{Cycle, Cycles};

const GENERATOR: u32 = 1;

fn bench_of<P: TlpPort>(card: impl Fn(CardParams) -> P, params: CardParams) -> Bench<P> {
    let mut bench = Bench::new(card(params.clone()), &params);
    bench.bring_up(1);
    bench.enable();
    bench
}

fn plain(params: CardParams) -> Card {
    Card::new(params).expect("legal")
}

/// So many posted TLPs may go from now on.
fn grant<P>(bench: &mut Bench<P>, tlps: u8) {
    let used = bench.sent[bench.since..].iter().filter(|sent| sent.header.kind().class() == Class::Posted).count() as u8;
    bench.stimulus.credits.0[Class::Posted as usize] = Limit::new(Some(used.wrapping_add(tlps)), None);
}

/// BUSY rises with the byte that reaches the upper threshold, and falls at the lower one: of its own channel, at either grain of the port.
fn shows_busy<P: TlpPort>(mut bench: Bench<P>) {
    bench.set_up_ring(1, 0x1_0000, 0, 1000);
    bench.set32(1, c2h::BUSY_ASSERT, 128);
    bench.set32(1, c2h::BUSY_RELEASE, 64);
    bench.set32(1, c2h::CONTROL, 1);
    grant(&mut bench, 0);
    for (bytes, busy) in [(96, 0), (32, 1 << 1)] {
        bench.feed(1, &vec![1; bytes], bench.now);
        bench.run(30);
        assert_eq!(bench.response.front_busy, busy);
    }
    // The first frame's 96 bytes leave 32.
    grant(&mut bench, 1);
    bench.run(30);
    assert_eq!(bench.response.front_busy, 0);
}

#[test]
fn busy_is_shown_between_its_thresholds() {
    shows_busy(bench_of(plain, CardParams::default()));
    shows_busy(bench_of(|params| Clocked::new(plain(params)), CardParams::default()));
}

/// A full set of frames in the FIFO takes no other one, also while the last TLP of one of them is on the transmitter.
#[test]
fn a_fifo_holds_so_many_frames() {
    let mut bench = bench_of(plain, CardParams { fifo_frames: 8, ..CardParams::default() });
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    grant(&mut bench, 0);
    (0..20).for_each(|_| bench.feed(0, &[1; 20], bench.now));
    bench.run(100);
    let left = |bench: &Bench<Card>| bench.stimulus.front[0].frames.len();
    assert_eq!(left(&bench), 12);
    grant(&mut bench, 1);
    bench.stimulus.tx_ready_at = Cycle(bench.now + 50);
    bench.run(49);
    assert_eq!(left(&bench), 12, "it has not left");
    bench.run(20);
    assert_eq!(left(&bench), 11);
}

/// The link goes while the last TLP of a frame is on the transmitter: afterwards the FIFO takes as many frames as ever.
#[test]
fn a_frame_that_was_lost_with_the_link_leaves_the_fifo() {
    let mut bench = bench_of(plain, CardParams { fifo_frames: 8, ..CardParams::default() });
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.stimulus.tx_ready_at = Cycle(bench.now + 1000);
    bench.feed(0, &[1; 20], bench.now);
    bench.run(100);
    bench.cut_link(false, 20, u64::MAX);
    bench.stimulus.tx_ready_at = Cycle(0);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    grant(&mut bench, 0);
    (0..20).for_each(|_| bench.feed(0, &[1; 20], bench.now));
    bench.run(100);
    assert_eq!(bench.stimulus.front[0].frames.len(), 12);
}

/// Of 65536 clocks, as many bring a beat as GEN_RATE says.
#[rstest]
fn the_generator_keeps_its_rate(#[values(1, 1 << 12, 40_000, (1 << 16) - 1, 1 << 16)] rate: u32) {
    let mut bench = bench_of(plain, CardParams::default());
    bench.set_up_ring(0, 0x1_0000, GENERATOR, 1000);
    bench.set64(0, c2h::RING_BASE, 0x1_0000_0000);
    bench.set64(0, c2h::RING_SIZE, 1 << 30);
    bench.set_mps(1);
    bench.set32(0, c2h::GEN_MIN, 1000);
    bench.set32(0, c2h::GEN_RATE, rate);
    bench.set32(0, c2h::CONTROL, 1);
    let mut latch = |what: u64| {
        bench.run(1 << 16);
        bench.write(BAR0 + u64::from(card::PERF_CONTROL), what, 4);
        bench.run(20);
        [bench.get64(0, c2h::PERF_FRONT_BEATS), bench.read(BAR0 + u64::from(card::PERF_CYCLES), 8), bench.get64(0, c2h::PERF_FRONT_HELD)]
    };
    latch(3);
    let [beats, clocks, held] = latch(1);
    // A beat that the FIFO holds up costs no tokens and gains none; the header takes a clock of the transmitter for each frame.
    let moving = clocks - held;
    assert!((beats * (1 << 16)).abs_diff(moving * u64::from(rate)) <= 2 << 16, "{beats} beats in {moving} clocks at {rate}");
}

/// The first run in reset ends when it is known that no credits are granted any more; then nothing comes of more clocks.
#[test]
fn a_card_in_reset_takes_its_credits_back_at_once() {
    let mut bench = Bench::new(plain(CardParams::default()), &CardParams::default());
    bench.stimulus.link_up = false;
    for clocks in [1, 1 << 20] {
        bench.step();
        assert_eq!((bench.response.clocks.0, bench.response.credits), (clocks, Some(Limits::NONE)));
    }
}

/// The global enable holds what waits to go, whatever held it before.
#[test]
fn nothing_goes_while_the_card_is_disabled() {
    let mut bench = bench_of(plain, CardParams::default());
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    grant(&mut bench, 0);
    bench.feed(0, &[1; 20], bench.now);
    bench.run(100);
    bench.write(BAR0 + u64::from(card::CONTROL), 0, 4);
    bench.run(20);
    bench.stimulus.credits = Limits::INFINITE;
    let from = bench.sent.len();
    bench.run(100);
    assert_eq!(bench.sent.len(), from);
    bench.enable();
    bench.run(100);
    assert_eq!(bench.sent.len(), from + 1);
}

/// A card is quiet for as long as nothing moves in it: not while the FIFO fills, and for ever once its source is held.
#[test]
fn a_card_is_not_quiet_while_its_fifo_fills() {
    let mut bench = bench_of(plain, CardParams::default());
    bench.set_up_ring(0, 0x1_0000, GENERATOR, 1000);
    bench.set32(0, c2h::GEN_MIN, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    grant(&mut bench, 0);
    bench.run(50);
    assert_eq!(bench.card.quiet(), Cycles(0));
    bench.run(1000);
    assert!(bench.card.quiet() > Cycles(1 << 60));
}

/// Each channel has its bit, from its failure to its next start.
#[test]
fn a_channel_that_failed_shows_in_the_error_summary() {
    let mut bench = bench_of(plain, CardParams::default());
    let summary = |bench: &mut Bench<Card>| bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4);
    for channel in [1, 3] {
        bench.set_up_ring(channel, 0x1000, 0, 1000);
        bench.set32(channel, c2h::CONTROL, 1);
    }
    assert_eq!(summary(&mut bench), 0);
    for channel in [1, 3] {
        bench.set64(channel, c2h::SW_COUNT, 32);
    }
    bench.run(50);
    assert_eq!(summary(&mut bench), 1 << 1 | 1 << 3);
    bench.set32(1, c2h::CONTROL, 1);
    assert_eq!(summary(&mut bench), 1 << 3);
}
