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
    set_up(CardParams::default())
}

fn set_up(params: CardParams) -> Bench<Card> {
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
    bench.run(5);
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
    assert!((1000..1020).contains(&clocks), "{clocks}");
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
    assert!((950..1020).contains(&counted[0]) && counted[1..] == [0, 0, 0], "{counted:?}");
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

/// Latched counters of C2H channel 0 (beats sent, credit, buffer, data, grant, front beats, front held, BUSY) over the clocks that `over` says.
fn channel_over(bench: &mut Bench<Card>, what: &[Begin]) -> [u64; 8] {
    use c2h::{PERF_BUSY, PERF_FRONT_BEATS, PERF_FRONT_HELD, PERF_NO_BUFFER, PERF_NO_CREDIT, PERF_NO_DATA, PERF_NO_GRANT, PERF_TX_BEATS};
    let all = [PERF_TX_BEATS, PERF_NO_CREDIT, PERF_NO_BUFFER, PERF_NO_DATA, PERF_NO_GRANT, PERF_FRONT_BEATS, PERF_FRONT_HELD, PERF_BUSY];
    over(bench, what, &all.map(|register| c2h::offset(0, register))).try_into().unwrap()
}

/// A running channel sends, or lacks one thing: each clock has one cause.
#[test]
fn every_clock_of_a_channel_has_one_cause() {
    let causes = |counted: [u64; 8]| counted[..5].iter().sum::<u64>();
    let mut idle = bench();
    let counted = channel_over(&mut idle, &[]);
    assert!((1000..1020).contains(&counted[3]) && counted == [0, 0, 0, counted[3], 0, 0, 0, 0], "{counted:?}");

    let mut fed = bench();
    let counted = channel_over(&mut fed, &[FRAME]);
    assert_eq!((counted[0], counted[1], counted[2], counted[5], counted[6]), (5, 0, 0, 4, 0), "four beats in, five out");
    assert!((1000..1020).contains(&causes(counted)), "{counted:?}");

    // Frames of 2000 bytes into what is left of a ring of 32 KiB that nobody reads: the last ones stay in the FIFO, and then outside.
    let mut full = bench();
    for _ in 0..40 {
        full.feed(0, &[7; 2000], full.now);
    }
    full.run(5000);
    let counted = channel_over(&mut full, &[]);
    let clocks = counted[2];
    assert!((1000..1020).contains(&clocks), "{counted:?}");
    assert_eq!(counted, [0, 0, clocks, 0, 0, 0, clocks, clocks], "no room; the source is held, and BUSY says so");

    // Two channels at once share the stream: one of them waits for it.
    let mut shared = bench();
    shared.set_up_ring(1, 0x8000, 0, 2000);
    shared.set32(1, c2h::CONTROL, 1);
    let both = |bench: &mut Bench<Card>| {
        (0..2).for_each(|channel| bench.feed(channel, &[7; 2000], bench.now));
    };
    let counted = channel_over(&mut shared, &[both]);
    assert_eq!((counted[0], counted[5]), (64, 63), "2016 bytes of payload, and a header");
    // The clock in which a TLP is granted beside a beat of the other channel is none of its causes.
    let clocks = causes(counted) + 17;
    assert!(counted[4] >= 30 && (1000..1020).contains(&clocks), "{counted:?}");
}

/// Latched counters of H2C channel 0: beats of completions, credit, tag, buffer, descriptor, output held.
fn sender_over(bench: &mut Bench<Card>, what: &[Begin]) -> [u64; 6] {
    use h2c::{PERF_NO_BUFFER, PERF_NO_CREDIT, PERF_NO_DATA, PERF_NO_TAG, PERF_OUT_HELD, PERF_RX_BEATS};
    let all = [PERF_RX_BEATS, PERF_NO_CREDIT, PERF_NO_TAG, PERF_NO_BUFFER, PERF_NO_DATA, PERF_OUT_HELD];
    over(bench, what, &all.map(|register| h2c::offset(0, register))).try_into().unwrap()
}

#[test]
fn a_sender_counts_what_keeps_it() {
    let mut idle = bench();
    let counted = sender_over(&mut idle, &[]);
    assert!((1000..1020).contains(&counted[4]) && counted == [0, 0, 0, 0, counted[4], 0], "{counted:?}");

    // A descriptor of 32 bytes, and 64 bytes of payload: a beat and two.
    let mut sent = bench();
    let counted = sender_over(&mut sent, &[DESCRIPTOR]);
    assert_eq!((counted[0], counted[1..4].to_vec()), (3, vec![0; 3]));
    assert!(counted[4] > 700, "{counted:?}");

    // And nobody takes what comes out.
    let mut tagless = tagless();
    let counted = sender_over(&mut tagless, &[DESCRIPTOR]);
    assert!(counted[2] > 990 && counted[0] == 0, "{counted:?}");

    // A receiver that takes nothing, and a buffer for two reads of 4096 bytes: both go, to the last byte of it.
    let mut full = set_up(CardParams { h2c_buffer_bytes: 8192, ..CardParams::default() });
    full.set_sizes(0, 5);
    let host = full.host.as_mut().unwrap();
    (host.limits.max_read_request, host.delay) = (4096, (1000, 0));
    full.h2c_set32(0, h2c::CONTROL, 0);
    full.run(50);
    full.h2c_set32(0, h2c::CONFIG, 0);
    full.h2c_set32(0, h2c::CONTROL, 1);
    full.stimulus.out[0].ready_at = silico_spec::units::Cycle(full.now + 100_000);
    full.put(0, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 16384, flags: DescriptorFlags(1), cookie: 1 });
    full.h2c_set64(0, h2c::TAIL, 1);
    full.run(1500);
    let sizes: Vec<u32> =
        full.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).map(|sent| sent.header.length().bytes()).collect();
    assert_eq!(sizes, [32, 4096, 4096], "before anything has come");
    full.run(3000);
    let counted = sender_over(&mut full, &[]);
    let clocks = counted[3];
    assert!((1000..1020).contains(&clocks) && counted == [0, 0, 0, clocks, 0, clocks], "{counted:?}");

    // To the stream, instead of the checking sink.
    let mut held = bench();
    held.h2c_set32(0, h2c::CONTROL, 0);
    held.run(50);
    held.h2c_set32(0, h2c::CONFIG, 0);
    held.h2c_set32(0, h2c::CONTROL, 1);
    held.stimulus.out[0].ready_at = silico_spec::units::Cycle(held.now + 100_000);
    let counted = sender_over(&mut held, &[DESCRIPTOR]);
    assert!(counted[5] > 700 && counted[0] == 3, "{counted:?}");
}

/// Nobody answers, so the one tag stays in use.
fn tagless() -> Bench<Card> {
    let mut bench = set_up(CardParams { read_tags: 1, ..CardParams::default() });
    let mut silent = Host::new(5);
    silent.fault = Some((0, crate::common::Fault::Silence));
    bench.host = Some(silent);
    bench.set_up_h2c(1, 8, 1);
    bench.h2c_set32(1, h2c::CONTROL, 1);
    bench.h2c_set64(1, h2c::TAIL, 1);
    bench.run(50);
    bench
}

/// Clocks without a tag are those of a read that lacks a tag and nothing else.
#[test]
fn clocks_without_a_tag_are_counted_while_somebody_wants_one() {
    let counted = over(&mut tagless(), &[DESCRIPTOR], &[card::PERF_NO_TAG]);
    assert!((950..1020).contains(&counted[0]), "{counted:?}");
    assert_eq!(over(&mut tagless(), &[], &[card::PERF_NO_TAG]), [0], "nobody wants one");
    let mut poor = bench();
    starve(&mut poor, Class::NonPosted);
    assert_eq!(over(&mut poor, &[DESCRIPTOR], &[card::PERF_NO_TAG]), [0], "there are tags, and no credits");
}

/// With pages, room is what a frame lacks that has none, be it empty, short, or longer than the FIFO.
#[rstest]
fn a_channel_without_a_page_lacks_room(#[values(0, 100, 200_000)] bytes: usize) {
    let mut bench = bench();
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(50);
    bench.set_up_pages(0, 16, 16, 0);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &vec![7; bytes], bench.now);
    bench.run(50);
    let counted = channel_over(&mut bench, &[]);
    assert!((1000..1020).contains(&counted[2]) && counted[3] == 0, "{counted:?}");
}

/// What a message waits for is counted too: one of an error, one of INTx, one of MSI-X.
#[rstest]
#[case::an_error(1 << 31, stray_write)]
#[case::intx(0, failure)]
#[case::msix(1 << 31, failure)]
fn a_message_waits_for_credits(#[case] msix: u32, #[case] what: Begin) {
    let mut bench = bench();
    bench.config_write(0x88, 0x291f);
    bench.config_write(0x70, msix);
    bench.set_up_h2c(1, 1, 0);
    bench.h2c_set32(1, h2c::INT_ERROR, 1 << 31 | 5);
    starve(&mut bench, Class::Posted);
    let counted = over(&mut bench, &[what], &[card::PERF_NO_CREDIT]);
    assert!((950..1020).contains(&counted[0]), "{counted:?}");
}

/// Nobody is there.
fn stray_write(bench: &mut Bench<Card>) {
    bench.push(Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(0x5000), Dwords(1)), &[0; 4]);
}

/// A ring of one entry is refused.
fn failure(bench: &mut Bench<Card>) {
    bench.h2c_set32(1, h2c::CONTROL, 1);
}

/// A reader that wants nothing, or lacks a tag, waits for no credits.
#[test]
fn a_reader_that_lacks_something_else_lacks_no_credits() {
    assert_eq!(over(&mut tagless(), &[DESCRIPTOR], &[card::PERF_NO_CREDIT]), [0], "a tag");
    let mut waits = bench();
    waits.host.as_mut().unwrap().delay = (3000, 0);
    let asked = |bench: &mut Bench<Card>| {
        descriptor(bench);
        bench.run(20);
        starve(bench, Class::NonPosted);
    };
    let counted = over(&mut waits, &[asked], &[card::PERF_NO_CREDIT]);
    assert_eq!(counted, [0], "what it asked for is on its way");
}

/// A sender lacks descriptors when all that were given are done, be somebody armed for more or not; while they are on their way it lacks nothing.
#[test]
fn a_sender_without_descriptors_lacks_data() {
    let mut waits = bench();
    waits.host.as_mut().unwrap().delay = (3000, 0);
    let counted = sender_over(&mut waits, &[DESCRIPTOR]);
    assert!(counted[4] < 20 && counted[1..4] == [0; 3], "{counted:?}");
    let mut armed = bench();
    armed.h2c_set32(0, h2c::INT_SPACE, 1 << 31);
    armed.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    let counted = sender_over(&mut armed, &[]);
    assert!((1000..1020).contains(&counted[4]), "{counted:?}");
}

/// A read of page descriptors lacks a tag as any other does.
#[test]
fn clocks_without_a_tag_for_pages_are_counted() {
    let give = |bench: &mut Bench<Card>| {
        bench.set_up_pages(1, 16, 16, 0);
        bench.set32(1, c2h::CONTROL, 1);
        bench.set64(1, c2h::FREE_TAIL, 4);
    };
    let counted = over(&mut tagless(), &[give], &[card::PERF_NO_TAG]);
    assert!((950..1040).contains(&counted[0]), "{counted:?}");
    let mut poor = bench();
    starve(&mut poor, Class::NonPosted);
    assert_eq!(over(&mut poor, &[give], &[card::PERF_NO_TAG]), [0], "there are tags, and no credits");
}
