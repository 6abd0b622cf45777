//! Performance counters of the card: each counts its own cause, for as long as it lasts, and nothing else does.

use crate::common::{BAR0, Bench, HOST, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{BusAddr, Dwords, Tag};

const PERF: u64 = BAR0 + card::PERF_CONTROL as u64;

fn bench() -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(16);
    bench.enable();
    bench.host = Some(Host::new(5));
    bench.set_up_ring(0, 0x8000, 0, 2000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set_up_h2c(0, 8, 1);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.put(0, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 64, flags: DescriptorFlags(1), cookie: 1 });
    bench.run(100);
    bench
}

/// No header credit of `class` is left.
fn starve(bench: &mut Bench<Card>, class: Class) {
    let used = bench.sent.iter().filter(|sent| sent.header.kind().class() == class).count();
    bench.stimulus.credits.0[class as usize] = Limit::new(Some(used as u8), None);
}

fn frame(bench: &mut Bench<Card>) {
    bench.feed(0, &[7; 100], bench.now);
}

fn descriptor(bench: &mut Bench<Card>) {
    bench.h2c_set64(0, h2c::TAIL, 1);
}

fn register_read(bench: &mut Bench<Card>) {
    bench.push(Header::memory(Kind::MemRead, HOST, Tag(3), BusAddr(BAR0), Dwords(1)), &[]);
}

type Begin = fn(&mut Bench<Card>);

const FRAME: Begin = frame;
const DESCRIPTOR: Begin = descriptor;
const REGISTER_READ: Begin = register_read;

/// Latched values of `registers` over some 1000 clocks that begin with `what`; credits come back only when they are latched.
fn over(bench: &mut Bench<Card>, what: &[Begin], registers: &[u32]) -> Vec<u64> {
    bench.write(PERF, 3, 4);
    bench.run(10);
    bench.write(PERF, 3, 4);
    what.iter().for_each(|begin| begin(bench));
    bench.run(1000);
    bench.write(PERF, 1, 4);
    bench.run(10);
    bench.stimulus.credits = Limits::INFINITE;
    bench.run(200);
    registers.iter().map(|register| bench.read(BAR0 + u64::from(*register), 8)).collect()
}

/// What waits for credits of its own class, alone and beside others: the clocks count once. What has credits goes, and counts nothing.
#[rstest]
#[case::a_write(&[Class::Posted], &[FRAME], true)]
#[case::a_read(&[Class::NonPosted], &[DESCRIPTOR], true)]
#[case::a_completion(&[Class::Completion], &[REGISTER_READ], true)]
#[case::two(&[Class::Posted, Class::Completion], &[FRAME, REGISTER_READ], true)]
#[case::all(&[Class::Posted, Class::NonPosted, Class::Completion], &[FRAME, DESCRIPTOR, REGISTER_READ], true)]
#[case::nothing_wants_to_go(&[Class::Posted, Class::NonPosted, Class::Completion], &[], false)]
#[case::a_write_that_has_some(&[Class::NonPosted, Class::Completion], &[FRAME], false)]
#[case::a_read_that_has_some(&[Class::Completion], &[DESCRIPTOR], false)]
#[case::a_completion_that_has_some(&[Class::Posted, Class::NonPosted], &[REGISTER_READ], false)]
fn clocks_without_credits_are_counted(#[case] without: &[Class], #[case] what: &[Begin], #[case] starved: bool) {
    let mut bench = bench();
    without.iter().for_each(|class| starve(&mut bench, *class));
    let counted = over(&mut bench, what, &[card::PERF_CYCLES, card::PERF_NO_CREDIT]);
    let (clocks, no_credit) = (counted[0], counted[1]);
    assert!((1000..1010).contains(&clocks), "{clocks}");
    if starved {
        assert!((950..=clocks).contains(&no_credit), "{no_credit} of {clocks}");
    } else {
        assert_eq!(no_credit, 0);
    }
}

#[test]
fn a_channel_counts_its_own_want_of_credits() {
    let mut bench = bench();
    starve(&mut bench, Class::Posted);
    let of = |channel| c2h::offset(channel, c2h::PERF_NO_CREDIT);
    let counted = over(&mut bench, &[FRAME], &[of(0), of(1), of(2), of(3)]);
    assert!((950..1010).contains(&counted[0]) && counted[1..] == [0, 0, 0], "{counted:?}");
}

#[test]
fn packets_beats_and_held_clocks_are_counted() {
    let mut bench = bench();
    let registers = [card::PERF_TX_TLPS, card::PERF_TX_BUSY, card::PERF_TX_HELD, card::PERF_RX_TLPS, card::PERF_INTERRUPTS];
    // A frame of 100 bytes: 160 bytes in the ring, MPS 128, so payload up to 128, the rest, and the header: five beats in three packets. The one that comes
    // is the register write that latches.
    assert_eq!(over(&mut bench, &[FRAME], &registers), [3, 5, 0, 1, 0]);
    // The receiver takes nothing for 100 clocks from the first beat on.
    let hold = |bench: &mut Bench<Card>| {
        frame(bench);
        bench.stimulus.tx_ready_at = silico_spec::units::Cycle(bench.now + 300);
    };
    let held = over(&mut bench, &[hold], &registers);
    assert!((280..300).contains(&held[2]), "{held:?}");
    assert_eq!((held[0], held[1]), (3, 5));
    // An answer to a read is a packet with one beat, and two packets came.
    assert_eq!(over(&mut bench, &[REGISTER_READ], &registers), [1, 1, 0, 2, 0]);
}
