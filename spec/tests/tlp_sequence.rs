//! Completions judged against their request: each way to go wrong, and the answers of requests that are no memory read.

use rstest::rstest;
use silico_spec::tlp::{
    AtomicOp, Attributes, CompletionSequence, CompletionStatus, Header, Kind, Limits, Progress, RuleBroken, SequenceBroken as Broken,
};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

const CARD: Bdf = Bdf::from_bits(0x0100);
const HOST: Bdf = Bdf::from_bits(0);
const LIMITS: Limits = Limits::DEFAULT;
const TAG: Tag = Tag(9);

/// 256 bytes from 0x1020 on.
fn read() -> Header {
    Header::memory(Kind::MemRead, CARD, TAG, BusAddr(0x1020), Dwords(64))
}

fn cpld(byte_count: u32, lower_address: u8, dwords: u32) -> Header {
    Header::completion(true, HOST, CompletionStatus::Success, byte_count, CARD, TAG, lower_address, Dwords(dwords))
}

fn cpl(status: CompletionStatus, byte_count: u32, lower_address: u8) -> Header {
    Header::completion(false, HOST, status, byte_count, CARD, TAG, lower_address, Dwords(0))
}

fn push(sequence: &mut CompletionSequence, header: &Header) -> Result<Progress, Broken> {
    sequence.push(header, header.payload_bytes() as usize, &LIMITS)
}

#[test]
fn three_completions_make_a_read() {
    let mut sequence = CompletionSequence::new(&read()).unwrap();
    assert_eq!(push(&mut sequence, &cpld(256, 0x20, 24)), Ok(Progress::More));
    assert_eq!(push(&mut sequence, &cpld(160, 0, 32)), Ok(Progress::More));
    assert_eq!((sequence.left(), sequence.ended()), (32, false));
    assert_eq!(push(&mut sequence, &cpld(32, 0, 8)), Ok(Progress::Done));
    assert_eq!(push(&mut sequence, &cpld(32, 0, 8)), Err(Broken::AfterEnd { requester: CARD, tag: TAG }));
}

#[test]
fn a_failure_ends_a_read_at_any_point() {
    for (first, failure) in
        [(None, cpl(CompletionStatus::UnsupportedRequest, 256, 0x20)), (Some(()), cpl(CompletionStatus::CompleterAbort, 160, 0))]
    {
        let mut sequence = CompletionSequence::new(&read()).unwrap();
        if first.is_some() {
            assert_eq!(push(&mut sequence, &cpld(256, 0x20, 24)), Ok(Progress::More));
        }
        assert_eq!(push(&mut sequence, &failure), Ok(Progress::Failed(failure.status())));
        assert!(sequence.ended());
    }
}

/// The first completion of [`read`] would be `cpld(256, 0x20, 24)`; each of these is wrong in one way.
#[rstest]
#[case::off_rcb(cpld(256, 0x20, 16), Broken::Packet(RuleBroken::EndsOffRcb { lower_address: 0x20, length: 16, off: 32, rcb: 64 }))]
#[case::no_completion(read(), Broken::NotACompletion { kind: Kind::MemRead })]
#[case::tag(cpld(256, 0x20, 24).with_tag(Tag(8)), Broken::Transaction { requester: CARD, tag: Tag(8), right_requester: CARD, right_tag: TAG })]
#[case::requester(cpld(256, 0x20, 24).with_requester(HOST), Broken::Transaction { requester: HOST, tag: TAG, right_requester: CARD, right_tag: TAG })]
#[case::class(cpld(256, 0x20, 24).with_traffic_class(2), Broken::TrafficClass { traffic_class: 2, right: 0 })]
#[case::attributes(
    cpld(256, 0x20, 24).with_attributes(Attributes { relaxed: true, no_snoop: false, id_based: false }),
    Broken::Attributes { attributes: 2, right: 0 }
)]
#[case::locked(cpld(256, 0x20, 24).with_kind(Kind::CompletionLockedData), Broken::Locked { kind: Kind::CompletionLockedData })]
#[case::no_data(cpl(CompletionStatus::Success, 4, 0), Broken::Data { request: Kind::MemRead, has_data: false })]
#[case::retry(cpl(CompletionStatus::ConfigRetry, 256, 0x20), Broken::ConfigRetry { request: Kind::MemRead })]
#[case::byte_count(cpld(252, 0x20, 24), Broken::ByteCount { byte_count: 252, right: 256 })]
#[case::byte_count_of_a_failure(cpl(CompletionStatus::UnsupportedRequest, 4, 0x20), Broken::ByteCount { byte_count: 4, right: 256 })]
#[case::lower_address(cpld(256, 0x60, 24).with_length(Dwords(8)), Broken::LowerAddress { lower_address: 0x60, right: 0x20 })]
fn a_wrong_first_completion_is_refused(#[case] completion: Header, #[case] expected: Broken) {
    let mut sequence = CompletionSequence::new(&read()).unwrap();
    assert_eq!(push(&mut sequence, &completion), Err(expected), "{completion}");
    assert!(expected.to_string().contains("(PCIe 4.0 §"), "{expected}");
    assert_eq!(push(&mut sequence, &cpld(256, 0x20, 24)), Ok(Progress::More), "what was refused changed nothing");
}

#[test]
fn id_based_ordering_is_the_completers_own() {
    let mut sequence = CompletionSequence::new(&read()).unwrap();
    let ido = Attributes { id_based: true, ..Attributes::default() };
    assert_eq!(push(&mut sequence, &cpld(256, 0x20, 24).with_attributes(ido)), Ok(Progress::More));
}

fn atomic(op: AtomicOp, dwords: u32) -> Header {
    Header::memory(Kind::Atomic(op), CARD, TAG, BusAddr(0x1050), Dwords(dwords))
}

fn config(kind: Kind) -> Header {
    Header::config(kind, CARD, TAG, HOST, 0x44, 0xf)
}

#[rstest]
#[case::config_read(config(Kind::CfgRead0), cpld(4, 0, 1), Progress::Done)]
#[case::config_write(config(Kind::CfgWrite0), cpl(CompletionStatus::Success, 4, 0), Progress::Done)]
#[case::config_retry(config(Kind::CfgRead1), cpl(CompletionStatus::ConfigRetry, 4, 0), Progress::Failed(CompletionStatus::ConfigRetry))]
#[case::io_write(Header::memory(Kind::IoWrite, CARD, TAG, BusAddr(0x3f8), Dwords(1)), cpl(CompletionStatus::Success, 4, 0), Progress::Done)]
#[case::fetch_add(atomic(AtomicOp::FetchAdd, 2), cpld(8, 0, 2), Progress::Done)]
#[case::compare_and_swap(atomic(AtomicOp::CompareAndSwap, 4), cpld(8, 0, 2), Progress::Done)]
#[case::zero_length_read(read().with_length(Dwords(1)).with_byte_enables(0, 0), cpld(1, 0x20, 1), Progress::Done)]
#[case::locked_read(
    read().with_kind(Kind::MemReadLocked),
    cpl(CompletionStatus::UnsupportedRequest, 256, 0x20).with_kind(Kind::CompletionLocked),
    Progress::Failed(CompletionStatus::UnsupportedRequest)
)]
fn each_kind_of_request_has_its_answer(#[case] request: Header, #[case] completion: Header, #[case] expected: Progress) {
    let mut sequence = CompletionSequence::new(&request).unwrap();
    assert_eq!(push(&mut sequence, &completion), Ok(expected), "{request} answered by {completion}");
    assert!(sequence.ended());
}

#[rstest]
#[case::data_for_a_config_write(config(Kind::CfgWrite1), cpld(4, 0, 1), Broken::Data { request: Kind::CfgWrite1, has_data: true })]
#[case::lower_address_of_config(config(Kind::CfgRead0), cpld(4, 0x44, 1), Broken::LowerAddress { lower_address: 0x44, right: 0 })]
#[case::lower_address_of_an_atomic(atomic(AtomicOp::Swap, 1), cpld(4, 0x50, 1), Broken::LowerAddress { lower_address: 0x50, right: 0 })]
#[case::part_of_an_atomic(
    atomic(AtomicOp::Swap, 2),
    cpld(8, 0, 1),
    Broken::Packet(RuleBroken::EndsOffRcb { lower_address: 0, length: 1, off: 4, rcb: 64 })
)]
#[case::both_operands_of_a_cas(atomic(AtomicOp::CompareAndSwap, 4), cpld(16, 0, 4), Broken::ByteCount { byte_count: 16, right: 8 })]
fn a_wrong_answer_is_refused(#[case] request: Header, #[case] completion: Header, #[case] expected: Broken) {
    let mut sequence = CompletionSequence::new(&request).unwrap();
    assert_eq!(push(&mut sequence, &completion), Err(expected), "{request} answered by {completion}");
}

#[rstest]
#[case(Header::memory(Kind::MemWrite, CARD, TAG, BusAddr(0x1000), Dwords(1)))]
#[case(Header::of(Kind::Message(4), false, Dwords(0)))]
#[case(cpld(4, 0, 1))]
fn what_is_posted_has_no_completions(#[case] request: Header) {
    assert_eq!(CompletionSequence::new(&request).unwrap_err(), Broken::NotCompleted { kind: request.kind() });
}
