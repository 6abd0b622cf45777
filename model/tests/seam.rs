//! The seam between card and machine: what ends a run of clocks, and that it ends it with the clock that it should, at either grain of the port.

use crate::common::{Bench, HOST, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit, Limits};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{Clocked, Endpoint, Inspect, RxTlp, TlpBuf, TlpPort};
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::{CompletionStatus, Header};
use silico_spec::units::{Bdf, Cycle, Cycles, Dwords, Tag};
use silico_spec::writeback::ChannelState;

/// Longer than anything here takes.
const LONG: u64 = 10_000;

fn card() -> Card {
    Card::new(CardParams::default()).expect("legal")
}

fn up<P: TlpPort>(card: P) -> Bench<P> {
    let mut bench = Bench::new(card, &CardParams::default());
    bench.bring_up(1);
    bench.enable();
    bench
}

/// Clocks of one run.
fn clocks<P: TlpPort>(bench: &mut Bench<P>, limit: u64) -> u64 {
    bench.card.run(Cycle(bench.now), Cycles(limit), &mut bench.stimulus, &mut bench.response);
    bench.now += bench.response.clocks.0;
    bench.response.clocks.0
}

/// Channel 0 takes all that comes, and may send nothing of it.
fn collects<P: TlpPort>(bench: &mut Bench<P>) {
    bench.set_up_ring(0, 0x1_0000, 0, 20_000);
    bench.set32(0, c2h::CONTROL, 1);
    let used = bench.sent.iter().filter(|sent| sent.header.kind().class() == Class::Posted).count() as u8;
    bench.stimulus.credits.0[Class::Posted as usize] = Limit::new(Some(used), None);
    bench.feed(0, &[1; 500], bench.now);
    bench.run(100);
}

/// One run takes all frames of an open stream, and not a clock more: then the machine may have others.
fn runs_dry<P: TlpPort>(mut bench: Bench<P>, sizes: &[usize]) {
    collects(&mut bench);
    bench.stimulus.front[0].open = true;
    for size in sizes {
        bench.feed(0, &vec![2; *size], bench.now);
    }
    let beats: usize = sizes.iter().map(|size| size.div_ceil(32)).sum();
    // From the midst of a frame too.
    let before = if sizes[0] > 320 { clocks(&mut bench, 7) } else { 0 };
    assert_eq!(before + clocks(&mut bench, LONG), beats as u64);
    assert!(bench.stimulus.front[0].frames.is_empty());
    // Nobody waits for a stream that is not open.
    bench.stimulus.front[0].open = false;
    bench.feed(0, &[3; 64], bench.now);
    assert_eq!(clocks(&mut bench, 50), 50);
    assert!(bench.stimulus.front[0].frames.is_empty());
}

#[rstest]
#[case::a_frame(&[64])]
#[case::a_byte(&[1])]
#[case::one_byte_more(&[65])]
#[case::bytes(&[1, 1, 1, 1])]
#[case::beats(&[64, 64, 64])]
#[case::a_long_one(&[3200])]
#[case::a_long_one_and_a_byte(&[3200, 1])]
fn a_run_ends_when_an_open_stream_runs_dry(#[case] sizes: &[usize]) {
    runs_dry(up(card()), sizes);
}

/// A completion that nobody asked for: it costs no credits, so none come back.
fn stray() -> TlpBuf {
    let (bytes, requester) = (128, Bdf::new(1, 0, 0).expect("legal"));
    let header = Header::completion(true, HOST, CompletionStatus::Success, bytes, requester, Tag(9), 0, Dwords(bytes / 4));
    let mut tlp = TlpBuf::new();
    tlp.set(header.0, &[0; 128]);
    tlp
}

/// It has four beats and comes in so many clocks; where a bit of `gaps` is set, a clock brings none.
fn takes_a_tlp<P: TlpPort>(mut bench: Bench<P>, later: u64, gaps: u64, expected: u64) {
    bench.run(100);
    bench.stimulus.rx_stall = gaps;
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(bench.now + later), tlp: stray() });
    assert_eq!(clocks(&mut bench, if gaps == 0 { LONG } else { 64 }), expected);
    assert!(bench.stimulus.rx.is_empty());
}

#[rstest]
#[case::at_once(0, 0, 4)]
#[case::later(5, 0, 9)]
#[case::between_gaps(0, 0b10_0110, 7)]
#[case::later_and_between_gaps(2, 0b10_0110, 8)]
fn a_run_ends_with_the_last_beat_of_a_tlp_for_the_card(#[case] later: u64, #[case] gaps: u64, #[case] expected: u64) {
    takes_a_tlp(up(card()), later, gaps, expected);
    takes_a_tlp(up(Clocked::new(card())), later, gaps, expected);
}

/// A run goes on over what does not end it: here the clock after a TLP has come, while an open stream has a frame for later.
#[test]
fn a_run_does_not_end_for_an_open_stream_that_has_more() {
    let mut bench = up(card());
    collects(&mut bench);
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(bench.now), tlp: stray() });
    bench.stimulus.front[0].open = true;
    bench.feed(0, &[2; 64], bench.now + 50);
    assert_eq!((clocks(&mut bench, LONG), clocks(&mut bench, LONG)), (4, 48));
}

/// The clock in which a card comes out of reset grants its credits, which the link partner waits for.
#[test]
fn a_run_ends_when_a_card_comes_out_of_reset() {
    let mut bench = Bench::new(card(), &CardParams::default());
    bench.stimulus.link_up = false;
    assert_eq!((clocks(&mut bench, LONG), clocks(&mut bench, LONG)), (1, LONG));
    bench.stimulus.link_up = true;
    assert_eq!(clocks(&mut bench, LONG), 1);
    // A full-sized write of 1024 bytes, and a register write in each place for posted requests; one data credit with each other request.
    let depth = CardParams::default().np_depth;
    let granted = Limits([Limit::initial(16, 64 + 16), Limit::initial(depth, depth.into()), Limit::INFINITE]);
    assert_eq!(bench.response.credits, Some(granted));
}

#[rstest]
fn a_port_is_as_wide_as_the_card_was_built(#[values(DataWidth::W64, DataWidth::W128, DataWidth::W256, DataWidth::W512)] width: DataWidth) {
    let card = Card::new(CardParams { width, ..CardParams::default() }).expect("legal");
    assert_eq!((TlpPort::width(&card), Endpoint::width(&card)), (width, width));
}

/// Clocks in which a beat is shown, or in which a card is in reset, cannot be skipped.
#[test]
fn a_card_that_sends_or_is_in_reset_is_not_quiet() {
    let mut bench = up(card());
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(50);
    assert_ne!(bench.card.quiet(), Cycles(0));
    bench.stimulus.tx_ready_at = Cycle(bench.now + 100);
    bench.feed(0, &[1; 500], bench.now);
    bench.run(50);
    assert_eq!(bench.card.quiet(), Cycles(0));
    bench.stimulus.link_up = false;
    bench.run(50);
    assert_eq!(bench.card.quiet(), Cycles(0));
}

/// Who may not use the bus fails with the clock in which it wants to, whatever credits it lacks and however long the run is.
#[test]
fn who_may_not_use_the_bus_is_refused_without_credits_too() {
    let mut bench = up(card());
    let mut host = Host::new(1);
    (host.limits.tag_bits, host.delay) = (5, (300, 0));
    bench.host = Some(host);
    bench.set_up_ring(0, 0x1_0000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set_up_h2c(0, 8, 1);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    let descriptor = H2cDescriptor { address: MEMORY + 0x9_0000, length: 64, flags: DescriptorFlags(1), cookie: 0 };
    bench.put(0, 8, 0, &descriptor);
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(50);
    bench.config_write(0x04, 0x2);
    for class in [Class::Posted, Class::NonPosted] {
        let used = bench.sent.iter().filter(|sent| sent.header.kind().class() == class).count() as u8;
        bench.stimulus.credits.0[class as usize] = Limit::new(Some(used), None);
    }
    // The descriptor is on its way, and wants its payload when it has come.
    bench.feed(0, &[7; 100], bench.now + 5);
    let mut states = |clocks| {
        bench.run(clocks);
        (bench.card.c2h(0).unwrap().state, bench.card.h2c(0).unwrap().state)
    };
    assert_eq!(states(50), (ChannelState::Error, ChannelState::Running));
    assert_eq!(states(500), (ChannelState::Error, ChannelState::Error));
}
