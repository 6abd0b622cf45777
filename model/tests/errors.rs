//! Errors at the port: what is logged, what is told, what is kept of the first one, and that nothing is lost by them but what they hit.

use crate::common::{BAR0, Bench, Fault, H2C_RING, HOST, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{AtomicOp, CompletionStatus, Header, Kind, routing};
use silico_spec::units::{Bdf, BusAddr, Cycle, Dwords, Tag};
use silico_spec::writeback::{ChannelError, ChannelState};

const UNCORRECTABLE: u16 = 0x104;
const CONTROL: u16 = 0x118;
const HEADER_LOG: u16 = 0x11c;
const POISONED: u32 = 1 << 12;
const TIMEOUT: u32 = 1 << 14;
const ABORT: u32 = 1 << 15;
const UNEXPECTED: u32 = 1 << 16;
const MALFORMED: u32 = 1 << 18;
const UNSUPPORTED: u32 = 1 << 20;
const END: DescriptorFlags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);

fn bench() -> Bench<Card> {
    let params = CardParams { read_timeout: 2000, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(16);
    // MPS 256, MRRS 512, extended tags; all error messages on.
    bench.config_write(0x88, 1 << 5 | 2 << 12 | 0x091f);
    bench.enable();
    bench.config_write(0x114, 0);
    let mut host = Host::new(7);
    (host.limits.max_payload, host.limits.max_read_request, host.delay) = (256, 512, (30, 0));
    bench.host = Some(host);
    bench
}

fn start(bench: &mut Bench<Card>, channel: u32, length: u32) {
    bench.set_up_h2c(channel, 8, 1);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
    let descriptor = H2cDescriptor { address: MEMORY + 0x9_0000, length, flags: END, cookie: 0xabc };
    bench.put(channel, 8, 0, &descriptor);
    bench.h2c_set64(channel, h2c::TAIL, 1);
}

fn messages(bench: &Bench<Card>, from: usize) -> Vec<u8> {
    let told = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::Message(routing::TO_ROOT));
    told.map(|sent| sent.header.message_code()).collect()
}

fn tags_in_use(bench: &mut Bench<Card>) -> u64 {
    card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4))
}

/// A read that waits on the transmit stream has not been asked: nothing can answer it yet, whatever tag it will have.
#[test]
fn a_completion_before_its_request_is_unexpected() {
    let mut bench = bench();
    let from = bench.sent.len();
    start(&mut bench, 0, 100);
    bench.run(2000);
    // The same card again, which draws the same tags; the link takes nothing for a while.
    let request = bench.sent[from..].iter().find(|sent| sent.header.kind() == Kind::MemRead).unwrap().header;
    let mut bench = self::bench();
    bench.stimulus.tx_ready_at = Cycle(bench.now + 400);
    let from = bench.sent.len();
    start(&mut bench, 0, 100);
    bench.run(200);
    let bytes = request.length().bytes();
    let header = Header::completion(true, HOST, CompletionStatus::Success, bytes, request.requester(), request.tag(), 0, request.length());
    bench.push(header, &vec![0xee; bytes as usize]);
    bench.run(2000);
    assert_eq!(bench.sent[from..].iter().find(|sent| sent.header.kind() == Kind::MemRead).unwrap().header, request);
    assert_eq!(bench.config_read(UNCORRECTABLE), UNEXPECTED);
    assert_eq!((bench.h2c_get64(0, h2c::FRAMES), bench.h2c_get32(0, h2c::ERROR)), (1, 0), "the right answer is taken");
    // One for the right tag and another requester is nobody's either.
    let stray = header.with_requester(Bdf::from_bits(0x0208));
    bench.push(stray, &vec![0xee; bytes as usize]);
    bench.run(20);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), 0);
}

/// Link Control says what the root complex's RCB is (PCIe 4.0 §7.5.3.7): a completion that ends elsewhere, and does not end the request, is malformed.
#[rstest]
#[case::said_64(0, 64, true)]
#[case::said_128_and_is(1 << 3, 128, true)]
#[case::said_128_and_is_not(1 << 3, 64, false)]
#[case::said_64_and_is_128(0, 128, true)]
fn completions_end_where_the_root_complex_says(#[case] link_control: u32, #[case] rcb: u32, #[case] legal: bool) {
    let mut bench = bench();
    bench.config_write(0x90, link_control);
    let host = bench.host.as_mut().unwrap();
    // As short as may be.
    (host.limits.rcb, host.split) = (rcb, Some(1));
    start(&mut bench, 0, 512);
    bench.run(5000);
    let (frames, aer) = (bench.h2c_get64(0, h2c::FRAMES), bench.config_read(UNCORRECTABLE));
    if legal {
        assert_eq!((frames, aer), (1, 0));
    } else {
        assert_eq!((frames, aer & MALFORMED), (0, MALFORMED));
    }
}

/// The read of a batch of descriptors goes wrong: no cookie goes with it, and its address is the ring's.
#[rstest]
#[case(Fault::Unsupported, ChannelError::UnsupportedRequest, 0, &[])]
#[case(Fault::Abort, ChannelError::CompleterAbort, 0, &[])]
#[case(Fault::Poison, ChannelError::PoisonedCompletion, POISONED, &[0x31])]
#[case(Fault::Silence, ChannelError::CompletionTimeout, TIMEOUT, &[0x31])]
#[case(Fault::Long, ChannelError::CompletionTimeout, MALFORMED | TIMEOUT, &[0x33, 0x31])]
fn a_fetch_that_fails_stops_one_channel(#[case] fault: Fault, #[case] code: ChannelError, #[case] aer: u32, #[case] told: &[u8]) {
    let mut bench = bench();
    bench.set_up_ring(0, 0x8000, 1, 3000);
    bench.set32(0, c2h::GEN_MIN, 700);
    bench.set32(0, c2h::CONTROL, 1);
    let from = bench.sent.len();
    bench.host.as_mut().unwrap().fault = Some((0, fault));
    start(&mut bench, 0, 100);
    start(&mut bench, 1, 3000);
    bench.run(5000);
    assert_eq!(bench.h2c_get32(0, h2c::ERROR), code as u32);
    assert_eq!((bench.h2c_get64(0, h2c::ERROR_ADDR), bench.h2c_get64(0, h2c::ERROR_COOKIE)), (MEMORY + H2C_RING, 0));
    assert_eq!((bench.config_read(UNCORRECTABLE), messages(&bench, from).as_slice()), (aer, told));
    assert_eq!(tags_in_use(&mut bench), 0);
    assert_eq!((bench.h2c_get64(1, h2c::DONE), bench.h2c_get32(1, h2c::CHECK_LENGTH)), (1, 3000), "the neighbour");
    assert!(bench.get64(0, c2h::FRAMES) > 10, "the other direction");
    assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), 1 << 16);
    start(&mut bench, 0, 100);
    bench.run(500);
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get64(0, h2c::DONE)), (0, 1), "and again");
}

/// The first error of a channel stays until it is started again, and AER keeps the header of the first until software clears its bit.
#[test]
fn the_first_error_is_kept() {
    let mut bench = bench();
    bench.host.as_mut().unwrap().fault = Some((1, Fault::Poison));
    start(&mut bench, 0, 3000);
    bench.run(1000);
    let kept = |bench: &mut Bench<Card>| {
        let channel = [h2c::ERROR_ADDR, h2c::ERROR_COOKIE].map(|register| bench.h2c_get64(0, register));
        (bench.h2c_get32(0, h2c::ERROR), channel)
    };
    let first = kept(&mut bench);
    assert_eq!(first, (ChannelError::PoisonedCompletion as u32, [MEMORY + 0x9_0000, 0xabc]));
    let log = [0, 4, 8].map(|at| bench.config_read(HEADER_LOG + at));
    assert_eq!((Header([log[0], log[1], log[2], 0]).kind(), bench.config_read(CONTROL) & 0x1f), (Kind::CompletionData, 12));
    // A doorbell out of bounds, bus mastering off, another error of AER: nothing of it replaces the first.
    bench.h2c_set64(0, h2c::TAIL, 1 << 20);
    bench.config_write(0x04, 0x2);
    bench.config_write(0x04, 0x6);
    let stray = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(0x5000), Dwords(1));
    bench.push(stray, &[0; 4]);
    bench.run(100);
    assert_eq!(kept(&mut bench), first);
    assert_eq!([0, 4, 8].map(|at| bench.config_read(HEADER_LOG + at)), log);
    assert_eq!(bench.config_read(UNCORRECTABLE), POISONED | UNSUPPORTED);
    bench.config_write(UNCORRECTABLE, POISONED);
    bench.push(stray, &[0; 4]);
    bench.run(100);
    assert_eq!((bench.config_read(CONTROL) & 0x1f, bench.config_read(HEADER_LOG)), (20, stray.0[0]));
    bench.host.as_mut().unwrap().fault = None;
    start(&mut bench, 0, 500);
    bench.run(1000);
    assert_eq!((kept(&mut bench), bench.h2c_get64(0, h2c::DONE)), ((0, [0, 0]), 1));
}

fn memory(kind: Kind, address: u64, dwords: u32) -> Header {
    Header::memory(kind, HOST, Tag(50), BusAddr(address), Dwords(dwords))
}

fn stray(bytes: u32, tag: u16, requester: u16) -> Header {
    let status = CompletionStatus::Success;
    Header::completion(true, HOST, status, bytes, Bdf::from_bits(requester), Tag(tag), 0, Dwords(bytes / 4))
}

/// TLPs that nobody should send, under running channels: logged with their headers, answered or dropped, credits back, traffic unhurt.
#[rstest]
#[case::write_outside(memory(Kind::MemWrite, 0x5000, 1), 4, UNSUPPORTED, None)]
#[case::read_outside(memory(Kind::MemRead, 0x5000, 1), 0, UNSUPPORTED, Some(CompletionStatus::UnsupportedRequest))]
#[case::long_write(memory(Kind::MemWrite, BAR0, 4), 16, ABORT, None)]
#[case::long_read(memory(Kind::MemRead, BAR0, 4), 0, ABORT, Some(CompletionStatus::CompleterAbort))]
#[case::poisoned_write(memory(Kind::MemWrite, BAR0 + u64::from(card::SCRATCH), 1).with_poisoned(true), 4, POISONED, None)]
#[case::write_over_4k(memory(Kind::MemWrite, BAR0 + 0xffc, 2), 8, MALFORMED, None)]
#[case::write_over_mps(memory(Kind::MemWrite, BAR0, 80), 320, MALFORMED, None)]
#[case::short_write(memory(Kind::MemWrite, BAR0, 2), 4, MALFORMED, None)]
#[case::bad_enables(memory(Kind::MemRead, BAR0, 2).with_byte_enables(0, 0xf), 0, MALFORMED, None)]
#[case::unknown_message(Header::of(Kind::Message(routing::LOCAL), true, Dwords(0)).with_message_code(0x7e), 0, UNSUPPORTED, None)]
#[case::nobody_asked(stray(64, 200, 0x100), 64, UNEXPECTED, None)]
#[case::another_requester(stray(64, 0, 0x208), 64, UNEXPECTED, None)]
#[case::nobody_asked_for_so_much(stray(320, 200, 0x100), 320, MALFORMED, None)]
#[case::a_tag_beyond_all(stray(64, 700, 0x100), 64, UNEXPECTED, None)]
fn a_stray_tlp_hurts_nobody(#[case] header: Header, #[case] bytes: usize, #[case] aer: u32, #[case] answer: Option<CompletionStatus>) {
    let mut bench = bench();
    bench.set_up_ring(0, 0x8000, 1, 3000);
    bench.set32(0, c2h::GEN_MIN, 700);
    bench.set64(0, c2h::GEN_COUNT, 40);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 1, 20_000);
    bench.run(60);
    let before = bench.response.credits.unwrap();
    let from = bench.sent.len();
    bench.push(header, &vec![0x5a; bytes]);
    bench.run(100);
    let mut expected = before;
    if header.kind() != Kind::CompletionData {
        let class = header.kind().class();
        expected.of_mut(class).grant(1, (bytes as u16).div_ceil(16));
    }
    assert_eq!(bench.response.credits.unwrap(), expected, "credits come back");
    let answered = bench.sent[from..].iter().find(|sent| sent.header.kind() == Kind::Completion).map(|sent| sent.header.status());
    assert_eq!(answered, answer);
    assert_eq!(messages(&bench, from).len(), 1);
    assert_eq!(bench.config_read(UNCORRECTABLE), aer);
    let words = header.dwords();
    let log = [0, 4, 8, 12].map(|at| bench.config_read(HEADER_LOG + at));
    assert_eq!(log[..words], header.0[..words]);
    assert_eq!(bench.read(BAR0 + u64::from(card::SCRATCH), 8), 0);
    bench.run(6000);
    assert_eq!((bench.get64(0, c2h::FRAMES), bench.h2c_get64(1, h2c::DONE)), (40, 1));
    assert_eq!(bench.h2c_get32(1, h2c::CHECK_LENGTH), 20_000);
    assert_eq!((tags_in_use(&mut bench), bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4)), (0, 0));
    assert_eq!(c2h::status::STATE.get(bench.get32(0, c2h::STATUS).into()), ChannelState::Running as u64);
}

/// The byte count of a refused atomic operation is that of the result that it asked for: an operand; of compare-and-swap, one of two (PCIe 4.0
/// §2.2.9, table 2-37).
#[rstest]
#[case(AtomicOp::FetchAdd, 1, 4)]
#[case(AtomicOp::Swap, 2, 8)]
#[case(AtomicOp::CompareAndSwap, 2, 4)]
#[case(AtomicOp::CompareAndSwap, 4, 8)]
#[case(AtomicOp::CompareAndSwap, 8, 16)]
fn an_atomic_operation_is_unsupported(#[case] op: AtomicOp, #[case] dwords: u32, #[case] bytes: u32) {
    let mut bench = bench();
    let header = memory(Kind::Atomic(op), BAR0, dwords).with_byte_enables(0, 0);
    let answer = bench.request(header, &vec![0; 4 * dwords as usize]).header;
    let expected = (Kind::Completion, CompletionStatus::UnsupportedRequest, bytes, 0);
    assert_eq!((answer.kind(), answer.status(), answer.byte_count(), answer.lower_address()), expected);
    assert_eq!(bench.config_read(UNCORRECTABLE), UNSUPPORTED);
}

/// Messages that an endpoint takes, whatever it makes of them (PCIe 4.0 §2.2.8).
#[rstest]
#[case::set_slot_power_limit(0x50, Kind::MessageData(routing::LOCAL), 4)]
#[case::unlock(0x00, Kind::Message(routing::BROADCAST), 0)]
#[case::pme_turn_off(0x19, Kind::Message(routing::BROADCAST), 0)]
#[case::vendor_type_1(0x7f, Kind::Message(routing::LOCAL), 0)]
fn a_message_for_endpoints_is_no_error(#[case] code: u8, #[case] kind: Kind, #[case] bytes: usize) {
    let mut bench = bench();
    let from = bench.sent.len();
    bench.push(Header::of(kind, true, Dwords(bytes as u32 / 4)).with_message_code(code), &vec![0; bytes]);
    bench.run(50);
    assert_eq!((messages(&bench, from), bench.config_read(UNCORRECTABLE)), (vec![], 0));
}

/// No endpoint that is not a legacy one takes locked reads: the answer is of their own kind (PCIe 4.0 §6.5.6, §2.2.9).
#[test]
fn a_locked_read_is_answered_in_kind() {
    let mut bench = bench();
    bench.push(memory(Kind::MemReadLocked, BAR0, 1), &[]);
    bench.run(30);
    let answer = bench.sent.iter().map(|sent| sent.header).find(|header| header.tag() == Tag(50)).unwrap();
    assert_eq!((answer.kind(), answer.status()), (Kind::CompletionLocked, CompletionStatus::UnsupportedRequest));
    assert_eq!(bench.config_read(UNCORRECTABLE), UNSUPPORTED);
}

/// A poisoned write changes nothing, and says so to who waits for it (PCIe 4.0 §2.7.2.2).
#[test]
fn a_poisoned_config_write_changes_nothing() {
    let mut bench = bench();
    let before = bench.config_read(0x3c);
    let header = Header::config(Kind::CfgWrite0, HOST, Tag(0), Bdf::new(1, 0, 0).unwrap(), 0x3c, 0xf).with_poisoned(true);
    let answer = bench.request(header, &[0x77; 4]).header;
    assert_eq!(answer.status(), CompletionStatus::UnsupportedRequest);
    assert_eq!((bench.config_read(0x3c), bench.config_read(UNCORRECTABLE)), (before, POISONED));
}

/// What begins to come before its request has left answers nothing, though it ends after that.
#[test]
fn a_completion_that_begins_before_its_request_is_unexpected() {
    let mut bench = bench();
    let from = bench.sent.len();
    start(&mut bench, 0, 256);
    bench.run(2000);
    let reads: Vec<Header> = bench.sent[from..].iter().map(|sent| sent.header).filter(|header| header.kind() == Kind::MemRead).collect();
    let mut bench = self::bench();
    bench.host.as_mut().unwrap().delay = (200, 0);
    let from = bench.sent.len();
    start(&mut bench, 0, 256);
    // The descriptor comes, and its payload's read is held up until the answer to it, of eight beats, is half there.
    bench.run(100);
    bench.stimulus.tx_ready_at = Cycle(bench.now + 400);
    bench.run(396);
    let (request, bytes) = (reads[1], 256);
    let header = Header::completion(true, HOST, CompletionStatus::Success, bytes, request.requester(), request.tag(), 0, request.length());
    bench.push(header, &[0xee; 256]);
    bench.run(20);
    let read = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemRead).nth(1).unwrap();
    assert_eq!(read.header, request);
    assert!(bench.stimulus.rx.is_empty());
    bench.run(2000);
    assert_eq!(bench.config_read(UNCORRECTABLE), UNEXPECTED);
    let taken = [h2c::DONE, h2c::CHECK_CRC, h2c::ERROR].map(|register| bench.h2c_get32(0, register));
    assert_eq!(taken, [1, crc32c(&[0; 256]), 0], "the right answer is taken");
}

/// Completions of reads from before a function-level reset are swallowed, be they as wrong as they may (PCIe 4.0 §6.6.2).
#[test]
fn a_wrong_answer_to_a_forgotten_read_is_swallowed() {
    let mut bench = bench();
    bench.host.as_mut().unwrap().fault = Some((0, Fault::Silence));
    let from = bench.sent.len();
    start(&mut bench, 0, 256);
    bench.run(100);
    let request = bench.sent[from..].iter().find(|sent| sent.header.kind() == Kind::MemRead).unwrap().header;
    bench.config_write(0x88, 1 << 15 | 0x291f);
    bench.run(50);
    bench.config_write(0x88, 0x291f);
    let from = bench.sent.len();
    for (bytes, dwords) in [(64, 8), (8, 8), (4096, 32)] {
        let header =
            Header::completion(true, HOST, CompletionStatus::Success, bytes, request.requester(), request.tag(), 0, Dwords(dwords));
        bench.push(header, &vec![0xee; dwords as usize * 4]);
        bench.run(50);
    }
    assert_eq!((messages(&bench, from), bench.config_read(UNCORRECTABLE)), (vec![], 0));
}

/// Each channel in the error state has its own bit.
#[test]
fn the_summary_tells_which_channels_failed() {
    let mut bench = bench();
    let mut expected = 0;
    for channel in [1, 3, 0, 2] {
        // A ring of no bytes is refused.
        bench.set32(channel, c2h::CONTROL, 1);
        expected |= 1 << channel;
        bench.run(20);
        assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), expected);
    }
    for channel in [1, 0] {
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        expected |= 1 << (16 + channel);
        bench.run(20);
        assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), expected);
    }
}

/// The card is one function: requests for another find nobody (PCIe 4.0 §7.3.1), and take nothing of its registers.
#[rstest]
#[case::read(Kind::CfgRead0, &[])]
#[case::write(Kind::CfgWrite0, &[0x77; 4])]
fn there_is_no_second_function(#[case] kind: Kind, #[case] payload: &[u8]) {
    let mut bench = bench();
    let before = bench.config_read(0x3c);
    let answer = bench.request(Header::config(kind, HOST, Tag(0), Bdf::new(1, 0, 1).unwrap(), 0x3c, 0xf), payload);
    assert_eq!((answer.header.kind(), answer.header.status()), (Kind::Completion, CompletionStatus::UnsupportedRequest));
    assert_eq!((bench.config_read(0x3c), bench.config_read(UNCORRECTABLE)), (before, UNSUPPORTED));
}
