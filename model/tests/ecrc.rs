//! End-to-end CRC at the port: there and right on all that the card sends once generation is on, looked at once checking is on, and not before.

use crate::common::{BAR0, Bench, Fault, HOST, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Limit, Limits};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, RxTlp, TlpBuf, TlpPort};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind, ecrc, routing};
use silico_spec::units::{Bdf, BusAddr, Cycle, Dwords, Tag};
use silico_spec::writeback::ChannelError;

const UNCORRECTABLE: u16 = 0x104;
const SEVERITY: u16 = 0x10c;
const CONTROL: u16 = 0x118;
const GENERATE: u32 = 1 << 6;
const CHECK: u32 = 1 << 8;
const FAILED: u32 = 1 << 19;
const END: DescriptorFlags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);

fn set_up<P: TlpPort>(mut bench: Bench<P>, control: u32) -> Bench<P> {
    bench.bring_up(16);
    bench.set_sizes(1, 2);
    bench.enable();
    bench.config_write(CONTROL, control);
    let mut host = Host::new(3);
    (host.limits.max_payload, host.limits.max_read_request, host.limits.digest, host.ecrc) = (256, 512, true, true);
    bench.host = Some(host);
    bench
}

fn bench(control: u32) -> Bench<Card> {
    let params = CardParams { read_timeout: 2000, ..CardParams::default() };
    set_up(Bench::new(Card::new(params.clone()).unwrap(), &params), control)
}

fn push<P: TlpPort>(bench: &mut Bench<P>, header: Header, payload: &[u8], flip: u32) {
    let mut tlp = TlpBuf::new();
    let header = header.with_digest(true);
    tlp.set(header.0, payload);
    tlp.digest = ecrc(&header, payload) ^ flip;
    bench.stimulus.rx.push_back(RxTlp { at: Cycle(bench.now), tlp });
    bench.run(20);
}

/// Frames, blocks, reads, completions, interrupts, messages.
fn traffic<P: TlpPort>(bench: &mut Bench<P>) {
    bench.set_up_ring(0, 0x1000, 1 << 2, 1000);
    bench.set32(0, c2h::INT_DATA, 1 << 31);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.feed(0, &[5; 777], bench.now);
    bench.set_up_h2c(0, 8, 1);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.put(0, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0003, length: 1111, flags: END, cookie: 0 });
    bench.h2c_set64(0, h2c::TAIL, 1);
    push(bench, Header::of(Kind::Message(routing::BROADCAST), true, Dwords(0)).with_message_code(0x19), &[], 0);
    bench.run(1000);
    assert_eq!((bench.get64(0, c2h::FRAMES), bench.h2c_get64(0, h2c::DONE)), (1, 1));
}

#[rstest]
fn everything_sent_has_its_digest(#[values(false, true)] on: bool, #[values(false, true)] signals: bool) {
    fn sent<P: TlpPort>(bench: Bench<P>, on: bool) -> Vec<crate::common::Sent> {
        let mut bench = set_up(bench, if on { GENERATE } else { 0 });
        let from = bench.sent.len();
        traffic(&mut bench);
        bench.sent.split_off(from)
    }
    let params = CardParams::default();
    let card = Card::new(params.clone()).unwrap();
    let sent = if signals { sent(Bench::new(Clocked::new(card), &params), on) } else { sent(Bench::new(card, &params), on) };
    for kind in [Kind::MemWrite, Kind::MemRead, Kind::CompletionData, Kind::Message(routing::GATHERED)] {
        assert!(sent.iter().any(|sent| sent.header.kind() == kind), "{kind:?}");
    }
    for sent in sent {
        assert_eq!(sent.header.digest(), on, "{}", sent.header);
        assert!(!on || sent.digest == ecrc(&sent.header, &sent.payload), "{}", sent.header);
    }
}

/// Nothing of a digest stays in the beats once generation is off.
#[test]
fn no_digest_is_left_once_generation_is_off() {
    let mut bench = bench(GENERATE);
    traffic(&mut bench);
    bench.config_write(CONTROL, 0);
    let from = bench.sent.len();
    assert!(bench.sent.iter().any(|sent| sent.digest != 0));
    bench.config_read(CONTROL);
    assert!(bench.sent[from..].iter().any(|sent| sent.header.kind() == Kind::CompletionData));
    assert!(bench.sent[from..].iter().all(|sent| sent.digest == 0 && !sent.header.digest()));
}

#[test]
fn the_enables_survive_what_they_should() {
    let mut bench = bench(GENERATE | CHECK);
    assert_eq!(bench.config_read(CONTROL), 0x10a0 | GENERATE | CHECK);
    bench.config_write(0x88, 1 << 15 | 0x2810);
    bench.run(20);
    assert_eq!(bench.config_read(CONTROL), 0x10a0 | GENERATE | CHECK, "function-level reset");
    bench.stimulus.link_up = false;
    bench.run(20);
    bench.stimulus.link_up = true;
    bench.run(20);
    assert_eq!(bench.config_read(CONTROL), 0x10a0 | GENERATE | CHECK, "hot reset");
    bench.stimulus.reset = true;
    bench.run(20);
    bench.stimulus.reset = false;
    bench.run(20);
    assert_eq!(bench.config_read(CONTROL), 0x10a0, "fundamental reset");
}

/// What is damaged is dropped, logged with its header, told by severity; its credits come back, and what follows is none the worse.
#[rstest]
#[case::write(Kind::MemWrite, 8)]
#[case::read(Kind::MemRead, 0)]
#[case::message(Kind::Message(routing::BROADCAST), 0)]
fn a_damaged_request_is_dropped(#[case] kind: Kind, #[case] bytes: usize, #[values(false, true)] fatal: bool) {
    let mut bench = bench(CHECK);
    bench.config_write(0x88, 0x292f);
    bench.config_write(SEVERITY, if fatal { FAILED } else { 0 });
    let scratch = BAR0 + u64::from(card::SCRATCH);
    bench.write(scratch, 0x1234, 8);
    let header = match kind {
        Kind::Message(routing) => Header::of(Kind::Message(routing), true, Dwords(0)).with_message_code(0x19),
        kind => Header::memory(kind, HOST, Tag(77), BusAddr(scratch), Dwords(2)),
    };
    bench.run(50);
    let (before, from) = (bench.response.credits.unwrap(), bench.sent.len());
    push(&mut bench, header, &vec![0xff; bytes], 1 << 20);
    let [sent] = &bench.sent[from..] else { panic!("{:?}", &bench.sent[from..]) };
    assert_eq!((sent.header.kind(), sent.header.message_code()), (Kind::Message(routing::TO_ROOT), if fatal { 0x33 } else { 0x31 }));
    let granted = bench.response.credits.unwrap();
    let headers =
        |limits: &Limits| limits.0.map(|limit: Limit| limit.headers().unwrap_or(0)).iter().fold(0_u8, |sum, n| sum.wrapping_add(*n));
    assert_eq!(headers(&granted), headers(&before).wrapping_add(1));
    assert_eq!(bench.config_read(UNCORRECTABLE), FAILED);
    assert_eq!((bench.config_read(CONTROL) & 0x1f, bench.config_read(0x11c)), (19, header.with_digest(true).0[0]));
    assert_eq!(bench.read(scratch, 8), 0x1234);
    push(&mut bench, Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(scratch), Dwords(2)), &[0xff; 8], 0);
    assert_eq!(bench.read(scratch, 8), u64::MAX, "a right digest passes");
}

#[test]
fn a_wrong_digest_means_nothing_to_who_does_not_check() {
    let mut bench = bench(0);
    let scratch = BAR0 + u64::from(card::SCRATCH);
    push(&mut bench, Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(scratch), Dwords(2)), &[0xff; 8], 1);
    assert_eq!((bench.read(scratch, 8), bench.config_read(UNCORRECTABLE)), (u64::MAX, 0));
    // And none is needed by who checks.
    bench.config_write(CONTROL, CHECK);
    bench.write(scratch, 5, 8);
    assert_eq!((bench.read(scratch, 8), bench.config_read(UNCORRECTABLE)), (5, 0));
}

/// A malformed TLP is logged as that, not as damaged (§6.2.3.2.3).
#[test]
fn malformed_comes_before_damaged() {
    let mut bench = bench(CHECK);
    push(&mut bench, Header::config(Kind::CfgRead0, HOST, Tag(9), Bdf::new(1, 0, 0).unwrap(), 0, 0xf).with_length(Dwords(2)), &[], 1);
    assert_eq!(bench.config_read(UNCORRECTABLE), 1 << 18);
}

#[test]
fn a_damaged_completion_runs_its_read_out_of_time() {
    let mut bench = bench(GENERATE | CHECK);
    bench.host.as_mut().unwrap().fault = Some((1, Fault::Digest));
    for channel in [0, 1] {
        bench.set_up_h2c(channel, 8, 1);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        bench.put(channel, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 400, flags: END, cookie: 0xc0 });
    }
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(3000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::CompletionTimeout as u32);
    assert_eq!((bench.h2c_get64(0, h2c::ERROR_ADDR), bench.h2c_get64(0, h2c::ERROR_COOKIE)), (MEMORY + 0x9_0000, 0xc0));
    assert_eq!(bench.config_read(UNCORRECTABLE), FAILED | 1 << 14);
    assert_eq!(bench.config_read(CONTROL) & 0x1f, 19, "the damage came first");
    bench.h2c_set64(1, h2c::TAIL, 1);
    bench.run(1000);
    assert_eq!((bench.h2c_get64(1, h2c::DONE), bench.h2c_get32(1, h2c::CHECK_LENGTH)), (1, 400));
}
