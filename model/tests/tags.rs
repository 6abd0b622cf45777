//! Tags and the credits of reads: what is taken comes back, whatever the completer does; a tag whose time ran out meets no other read.

use crate::common::{BAR0, Bench, Fault, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::registers::{card, h2c};
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::{Bdf, Dwords};
use silico_spec::writeback::ChannelError;

const SINK: u32 = 1;
const UNEXPECTED: u32 = 1 << 16;
const TIMEOUT: u64 = 1000;

fn bench(tags: u16) -> Bench<Card> {
    let params = CardParams { read_tags: tags, read_timeout: TIMEOUT as u32, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(16);
    bench.set_sizes(1, 2);
    bench.enable();
    bench.config_write(0x114, 0);
    let mut host = Host::new(5);
    (host.limits.max_payload, host.limits.max_read_request, host.delay) = (256, 512, (20, 0));
    bench.host = Some(host);
    for (at, byte) in bench.memory[0x9_0000..0xa_0000].iter_mut().enumerate() {
        *byte = at as u8;
    }
    bench
}

fn give(bench: &mut Bench<Card>, channel: u32, from: u64, count: u64, length: u32) {
    for index in from..from + count {
        let flags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);
        bench.put(channel, 64, index, &H2cDescriptor { address: MEMORY + 0x9_0000, length, flags, cookie: index });
    }
    bench.h2c_set64(channel, h2c::TAIL, from + count);
}

fn start(bench: &mut Bench<Card>, channel: u32) {
    bench.set_up_h2c(channel, 64, SINK);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
}

/// Tags in use, in quarantine, and timeouts so far.
fn tags(bench: &mut Bench<Card>) -> (u64, u64, u64) {
    let in_use = card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4));
    let quarantine = bench.read(BAR0 + u64::from(card::READ_QUARANTINE), 4);
    (in_use, card::read_quarantine::TAGS.get(quarantine), card::read_quarantine::TOTAL.get(quarantine))
}

/// The answer to a read that the host never gave.
fn late_answer(bench: &mut Bench<Card>, read: Header) {
    let span = silico_spec::tlp::Span::from_header(&read);
    let (bytes, lower) = (span.byte_count(), (span.first_byte().0 & 0x7f) as u8);
    let host = Bdf::from_bits(0);
    let header =
        Header::completion(true, host, CompletionStatus::Success, bytes, read.requester(), read.tag(), lower, Dwords(span.length.0));
    bench.push(header.with_attributes(read.attributes()), &vec![0xee; span.length.bytes() as usize]);
}

/// With one tag only, the first read is not answered: nothing goes under its tag before the answer has come, late as it is, or the bound is over.
#[rstest]
#[case::answered(true)]
#[case::never(false)]
fn a_tag_whose_time_ran_out_rests(#[case] answered: bool) {
    let mut bench = bench(1);
    bench.host.as_mut().unwrap().fault = Some((0, Fault::Silence));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 1, 64);
    bench.run(TIMEOUT + 200);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::CompletionTimeout as u32);
    assert_eq!(tags(&mut bench), (0, 1, 1));
    assert_eq!(bench.device_control() >> 21 & 1, 0, "a read that timed out is not pending (§7.5.3.5)");
    let read = bench.sent.iter().find(|sent| sent.header.kind() == Kind::MemRead).unwrap().header;
    assert_eq!(bench.config_read(0x11c), read.0[0], "the header of the request is logged");
    start(&mut bench, 0);
    start(&mut bench, 1);
    for channel in [0, 1] {
        give(&mut bench, channel, 0, 1, 64);
    }
    let reads = bench.host.as_ref().unwrap().reads;
    bench.run(3000);
    assert_eq!(bench.host.as_ref().unwrap().reads, reads, "no tag");
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.read(BAR0 + u64::from(card::PERF_NO_TAG), 8) > 2500 && bench.h2c_get64(1, h2c::PERF_NO_TAG) > 2500);
    if answered {
        assert_eq!(bench.config_read(0x104) & UNEXPECTED, 0);
        late_answer(&mut bench, read);
        bench.run(20);
        assert_ne!(bench.config_read(0x104) & UNEXPECTED, 0);
    } else {
        bench.run(8 * TIMEOUT - 4000);
        assert_eq!(bench.host.as_ref().unwrap().reads, reads);
        bench.run(1000);
    }
    bench.run(2000);
    for channel in [0, 1] {
        assert_eq!((bench.h2c_get64(channel, h2c::DONE), bench.h2c_get32(channel, h2c::CHECK_LENGTH)), (1, 64));
    }
    assert_eq!(tags(&mut bench), (0, 0, 1));
    late_answer(&mut bench, read);
    bench.run(20);
    assert_eq!(tags(&mut bench), (0, 0, 1), "one too many is unexpected and changes nothing");
}

/// A late completion in pieces, some of them wrong: only the one that ends the request gives the tag back.
#[test]
fn a_tag_rests_until_the_last_piece_has_come() {
    let mut bench = bench(4);
    bench.host.as_mut().unwrap().fault = Some((1, Fault::Silence));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 1, 256);
    bench.run(TIMEOUT + 300);
    let read = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).nth(1).unwrap().header;
    let piece = |bytes, dwords, lower| {
        Header::completion(true, Bdf::from_bits(0), CompletionStatus::Success, bytes, read.requester(), read.tag(), lower, Dwords(dwords))
    };
    for (header, resting) in [(piece(256, 32, 0), 1), (piece(256, 32, 0), 1), (piece(128, 16, 0), 1), (piece(64, 16, 0x40), 0)] {
        assert_eq!(tags(&mut bench).1, 1);
        bench.push(header, &vec![0; header.payload_bytes() as usize]);
        bench.run(20);
        assert_eq!(tags(&mut bench).1, resting);
    }
}

/// However late an answer comes, it is the answer, as long as MPS allows or with a digest: its tag comes back.
#[rstest]
#[case::as_long_as_may_be(256, false)]
#[case::with_a_digest(64, true)]
fn a_late_answer_of_any_legal_form_gives_the_tag_back(#[case] length: u32, #[case] digest: bool) {
    let mut bench = bench(4);
    bench.host.as_mut().unwrap().fault = Some((1, Fault::Silence));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 1, length);
    bench.run(TIMEOUT + 300);
    assert_eq!(tags(&mut bench), (0, 1, 1));
    let read = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).nth(1).unwrap().header;
    let (host, success) = (Bdf::from_bits(0), CompletionStatus::Success);
    let header = Header::completion(true, host, success, length, read.requester(), read.tag(), 0, Dwords(length / 4));
    bench.push(header.with_digest(digest), &vec![0xee; length as usize]);
    bench.run(20);
    assert_eq!(tags(&mut bench), (0, 0, 1));
}

/// A read goes out, the function is reset, and software chooses a smaller MPS and a larger RCB: the answer comes as it was asked for, and is swallowed whole.
#[test]
fn the_answer_to_a_forgotten_read_is_held_to_no_new_limits() {
    let mut bench = bench(4);
    bench.host.as_mut().unwrap().fault = Some((1, Fault::Silence));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 1, 512);
    bench.run(200);
    let read = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).nth(1).unwrap().header;
    bench.config_write(0x88, 1 << 15 | 0x2910);
    bench.bring_up(16);
    bench.set_sizes(0, 2);
    bench.config_write(0x90, 1 << 3);
    bench.enable();
    let held = |bench: &mut Bench<Card>| {
        let (in_use, resting, _) = tags(bench);
        in_use + resting
    };
    assert_eq!(held(&mut bench), 1);
    let piece = |left: u32, bytes: u32, lower| {
        let (host, success) = (Bdf::from_bits(0), CompletionStatus::Success);
        Header::completion(true, host, success, left, read.requester(), read.tag(), lower, Dwords(bytes / 4))
    };
    for (header, left) in [(piece(512, 64, 0), 1), (piece(448, 256, 0x40), 1), (piece(192, 192, 0x40), 0)] {
        bench.push(header, &vec![0xee; header.payload_bytes() as usize]);
        bench.run(50);
        assert_eq!((held(&mut bench), bench.config_read(0x104)), (left, 0));
    }
}

/// All tags lost, one after the other; the channel is told, everything is counted, and after the bound all is as at first.
#[test]
fn tags_are_conserved() {
    let mut bench = bench(6);
    for round in 0..6 {
        bench.host.as_mut().unwrap().fault = Some((bench.host.as_ref().unwrap().reads, Fault::Silence));
        start(&mut bench, 1);
        give(&mut bench, 1, 0, 1, 32);
        bench.run(TIMEOUT + 100);
        assert_eq!(tags(&mut bench), (0, round + 1, round + 1));
    }
    bench.run(8 * TIMEOUT + 500);
    assert_eq!(tags(&mut bench), (0, 0, 6));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 40, 3000);
    bench.run(20_000);
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 40);
    assert_eq!(tags(&mut bench), (0, 0, 6));
    assert_eq!(bench.host.as_ref().unwrap().most_open, 6);
}

/// A reset of the function keeps the tags of reads that it forgot until they are answered or have rested; a link that goes frees them.
#[rstest]
#[case::function(false)]
#[case::link(true)]
fn resets_and_tags_at_rest(#[case] link: bool) {
    let mut bench = bench(2);
    bench.host.as_mut().unwrap().fault = Some((0, Fault::Silence));
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 1, 32);
    bench.run(TIMEOUT + 100);
    let read = bench.sent.iter().find(|sent| sent.header.kind() == Kind::MemRead).unwrap().header;
    bench.config_write(0x104, u32::MAX);
    if link {
        bench.stimulus.link_up = false;
        bench.run(10);
        bench.stimulus.link_up = true;
        bench.run(10);
    } else {
        bench.config_write(0x88, 1 << 15 | 0x2910);
    }
    bench.bring_up(16);
    bench.set_sizes(1, 2);
    bench.enable();
    assert_eq!(tags(&mut bench), (0, u64::from(!link), 0));
    if !link {
        late_answer(&mut bench, read);
        bench.run(20);
        assert_eq!((tags(&mut bench).1, bench.config_read(0x104)), (0, 0), "swallowed (§6.6.2)");
    }
    start(&mut bench, 0);
    give(&mut bench, 0, 0, 3, 3000);
    bench.run(5000);
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 3);
}
