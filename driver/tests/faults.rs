//! A card that misbehaves: each way to do so gives its own error, and none hangs, panics or frees memory that may still be written.

use crate::common::{Event, Fake, PCIE, payload};
use rstest::rstest;
use silico_driver::channel::{
    DataInterrupt, Phase, Progress, RESET_LIMIT_NS, RingChannel, RingConfig, START_LIMIT_NS, STOP_LIMIT_NS, Stopped, TORN_RETRIES, Wait,
    WriteBackPolicy,
};
use silico_driver::error::{ChannelId, DriverError, Failure, RingFault};
use silico_driver::platform::AccessError;
use silico_spec::config::capabilities::pcie;
use silico_spec::frame::{FrameHeader, HeaderError};
use silico_spec::registers::{c2h, card};
use silico_spec::units::BusAddr;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};

fn by_block() -> RingConfig {
    RingConfig { ring_bytes: 4096, max_frame: 2000, ..RingConfig::default() }
}

fn by_register() -> RingConfig {
    RingConfig { progress: Progress::Register, ..by_block() }
}

fn sleeping() -> RingConfig {
    RingConfig { interrupt: Some(DataInterrupt::default()), wait: silico_driver::channel::WaitMode::Interrupt, ..by_block() }
}

const fn fault(fault: RingFault) -> DriverError {
    DriverError::Fault { channel: ChannelId::C2h(0), fault }
}

/// Writes words over the write-back block of channel 0.
fn poke_block(fake: &Fake, words: &[u64; 8]) {
    let addr = fake.lock().channel(0).get(c2h::WB_ADDR);
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    fake.lock().poke(addr, &bytes);
}

/// A good block of the run, one frame further, changed.
fn next_block(fake: &Fake, change: impl FnOnce(&mut WriteBack)) -> [u64; 8] {
    let mut block = fake.lock().channel(0).block();
    block.sequence += 1;
    change(&mut block);
    block.emit()
}

/// The error that `poll` gives, twice: it does not go away by itself.
fn lasting(channel: &mut RingChannel<Fake>) -> DriverError {
    let first = channel.poll().expect_err("an error");
    let again = channel.poll().expect_err("the error again");
    let gone = |error| matches!(error, DriverError::Gone { .. });
    assert!(again == first || gone(again) && gone(first), "{first}, then {again}");
    first
}

/// A started channel, one frame of 100 bytes read.
fn after_one_frame(config: &RingConfig) -> (Fake, RingChannel<Fake>) {
    let fake = Fake::new();
    let mut channel = fake.started(config);
    fake.deliver(0, &payload(0, 100));
    assert!(channel.poll().unwrap().is_some());
    assert!(channel.poll().unwrap().is_none());
    (fake, channel)
}

#[rstest]
#[case::backwards(128, RingFault::CountBackwards { found: 128, seen: 160 })]
#[case::ahead(4096 + 192, RingFault::CountAhead { found: 4096 + 192, limit: 4096 + 160 })]
#[case::off_grid(161, RingFault::CountOffGrid { found: 161 })]
#[case::huge(u64::MAX - 31, RingFault::CountAhead { found: u64::MAX - 31, limit: 4096 + 160 })]
fn impossible_counts_are_refused(#[case] count: u64, #[case] error: RingFault) {
    let (fake, mut channel) = after_one_frame(&by_block());
    poke_block(&fake, &next_block(&fake, |block| block.hw_count = count));
    assert_eq!(lasting(&mut channel), fault(error));
    let (fake, mut channel) = after_one_frame(&by_register());
    fake.reads(c2h::offset(0, c2h::HW_COUNT), count);
    assert_eq!(lasting(&mut channel), fault(error));
}

/// What was read but not given back is still the driver's: the card cannot have filled it.
#[test]
fn a_count_over_what_was_given_back_is_ahead() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    fake.deliver(0, &payload(0, 100));
    assert!(channel.poll().unwrap().is_some());
    poke_block(&fake, &next_block(&fake, |block| block.hw_count = 4096 + 32));
    assert_eq!(channel.poll().unwrap_err(), fault(RingFault::CountAhead { found: 4096 + 32, limit: 4096 }));
}

#[test]
fn all_ones_in_the_register_is_a_card_that_is_gone() {
    let (fake, mut channel) = after_one_frame(&by_register());
    fake.fault(|faults| (faults.gone, faults.cut_off) = (true, true));
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "HW_COUNT" });
    assert_eq!(channel.stop(), Err(DriverError::Gone { register: "STATUS" }));
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 0, "a card that is gone writes nothing");
}

#[test]
fn all_ones_in_the_block_asks_the_card() {
    let (fake, mut channel) = after_one_frame(&by_block());
    poke_block(&fake, &[u64::MAX; 8]);
    assert_eq!(lasting(&mut channel), fault(RingFault::BlockAllOnes));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "ID" });
}

/// A card that goes while it writes its block leaves ones in a part of it.
#[test]
fn a_count_of_ones_in_the_block_asks_the_card() {
    let (fake, mut channel) = after_one_frame(&by_block());
    poke_block(&fake, &next_block(&fake, |block| block.hw_count = u64::MAX));
    assert_eq!(lasting(&mut channel), fault(RingFault::CountOffGrid { found: u64::MAX }));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "ID" });
}

/// Another impossible count is the card's fault, and stays so when the card goes.
#[test]
fn a_count_that_is_not_all_ones_asks_nobody() {
    let (fake, mut channel) = after_one_frame(&by_block());
    poke_block(&fake, &next_block(&fake, |block| block.hw_count = 161));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(channel.poll().unwrap_err(), fault(RingFault::CountOffGrid { found: 161 }));
}

#[test]
fn a_block_that_is_torn_for_a_while_is_waited_for() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    fake.fault(|faults| faults.torn_for_ns = 1000);
    fake.deliver(0, &payload(0, 100));
    assert_eq!(channel.poll().unwrap().unwrap().header.length, 100);
}

#[test]
fn a_block_that_stays_torn_is_an_error() {
    let (fake, mut channel) = after_one_frame(&by_block());
    let mut words = next_block(&fake, |_| {});
    words[0] -= 1;
    poke_block(&fake, &words);
    assert_eq!(lasting(&mut channel), fault(RingFault::Torn { head: 1, tail: 2, retries: TORN_RETRIES }));
}

#[test]
fn a_block_of_an_older_run_is_ignored() {
    let (fake, mut channel) = after_one_frame(&by_block());
    let stale = next_block(&fake, |block| (block.sequence, block.hw_count) = (9, 320));
    channel.restart().unwrap();
    poke_block(&fake, &stale);
    assert!(channel.poll().unwrap().is_none());
    fake.deliver(0, &payload(5, 10));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 0);
}

#[rstest]
#[case::channel(|block: &mut WriteBack| block.channel = 3, RingFault::BlockChannel { found: 3 })]
#[case::idle(|block: &mut WriteBack| block.state = 0, RingFault::State { found: 0 })]
#[case::unknown_state(|block: &mut WriteBack| block.state = 9, RingFault::State { found: 9 })]
#[case::frames(|block: &mut WriteBack| block.frames = 2, RingFault::FrameCount { announced: 2, found: 1 })]
fn wrong_blocks_are_refused(#[case] change: fn(&mut WriteBack), #[case] error: RingFault) {
    let (fake, mut channel) = after_one_frame(&by_block());
    poke_block(&fake, &next_block(&fake, change));
    let found = match channel.poll() {
        // A wrong number of frames shows when they are read, here at the next look.
        Ok(None) => lasting(&mut channel),
        other => other.expect_err("an error"),
    };
    assert_eq!(found, fault(error));
}

#[test]
fn a_block_older_than_the_last_is_refused() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.deliver(0, &[]);
    assert!(channel.poll().unwrap().is_some());
    poke_block(&fake, &next_block(&fake, |block| block.sequence = 1));
    assert_eq!(lasting(&mut channel), fault(RingFault::BlockOrder { found: 1, seen: 2 }));
}

#[rstest]
#[case::magic(|header: &mut [u8; 32]| header[0] = 0xff, RingFault::Header { position: 160, error: HeaderError::Magic(0x51ff) })]
#[case::reserved(|header: &mut [u8; 32]| header[26] = 1, RingFault::Header { position: 160, error: HeaderError::Reserved(1) })]
#[case::channel(|header: &mut [u8; 32]| header[2] = 1, RingFault::FrameChannel { position: 160, found: 1 })]
#[case::beyond(|header: &mut [u8; 32]| header[4] = 97, RingFault::FrameLength { position: 160, length: 97, limit: 96 })]
#[case::huge(|header: &mut [u8; 32]| header[4..8].fill(0xff), RingFault::FrameLength { position: 160, length: u32::MAX, limit: 96 })]
fn bad_headers_are_refused(#[case] change: fn(&mut [u8; 32]), #[case] error: RingFault) {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.deliver(0, &payload(1, 90));
    let addr = channel.ring_addr().0 + 160;
    let mut header: [u8; 32] = fake.lock().memory(addr, 32).try_into().unwrap();
    change(&mut header);
    fake.lock().poke(addr, &header);
    assert_eq!(lasting(&mut channel), fault(error));
    channel.restart().unwrap();
    fake.deliver(0, &payload(1, 90));
    assert!(channel.poll().unwrap().is_some(), "a restart mends it");
}

#[test]
fn a_frame_over_the_limit_is_refused() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.deliver(0, &payload(1, 2001));
    assert_eq!(lasting(&mut channel), fault(RingFault::FrameLength { position: 160, length: 2001, limit: 2000 }));
}

#[test]
fn frames_too_few_or_too_many_are_noticed() {
    let fake = Fake::new();
    let mut channel =
        fake.started(&RingConfig { progress: Progress::WriteBack(WriteBackPolicy { frames: 2, bytes: 0, time: 0 }), ..by_block() });
    fake.deliver(0, &payload(0, 32));
    fake.deliver(0, &payload(1, 32));
    // One header that swallows both frames: every byte is accounted for, the count is not.
    let addr = channel.ring_addr().0;
    let header = FrameHeader { length: 96, ..FrameHeader::default() };
    fake.lock().poke(addr, &header.emit());
    assert_eq!(channel.poll().unwrap().unwrap().header.length, 96);
    assert_eq!(lasting(&mut channel), fault(RingFault::FrameCount { announced: 2, found: 1 }));
}

#[test]
fn a_wrong_crc_is_found_by_who_asks() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    fake.deliver(0, &payload(0, 32));
    let addr = channel.ring_addr().0 + 40;
    fake.lock().poke(addr, &[0; 1]);
    let frame = channel.poll().unwrap().unwrap();
    let error = frame.verify().unwrap_err();
    assert_eq!((error.sequence, error.expected), (0, frame.header.crc));
}

#[test]
fn a_start_that_the_card_refuses_names_the_error() {
    let fake = Fake::new();
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    fake.fault(|faults| faults.refuse_start = Some(5));
    let failure = Failure { code: 5, addr: BusAddr(0x1234), cookie: 0 };
    let error = DriverError::Failed { channel: ChannelId::C2h(0), failure };
    assert_eq!(channel.start(), Err(error));
    assert_eq!(error.to_string(), "C2H channel 0 stopped: error 5 (bad BUSY threshold), address 0x1234");
    assert_eq!((channel.phase(), lasting(&mut channel)), (Phase::Failed(failure), error));
    fake.fault(|faults| faults.refuse_start = None);
    assert_eq!(channel.start(), Ok(()));
}

#[test]
fn a_start_that_does_nothing_runs_out() {
    let fake = Fake::new();
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    fake.fault(|faults| faults.ignore_start = true);
    let DriverError::State { channel: ChannelId::C2h(0), found: 0, wanted: ChannelState::Running, ns } = channel.start().unwrap_err()
    else {
        panic!()
    };
    assert!((START_LIMIT_NS..2 * START_LIMIT_NS).contains(&ns));
    assert_eq!(channel.phase(), Phase::Stuck);
    fake.fault(|faults| faults.ignore_start = false);
    channel.start().unwrap();
    assert!(fake.writes(c2h::offset(0, c2h::CONTROL)).contains(&2), "what was stuck is reset first");
}

#[test]
fn a_refused_start_may_take_its_time() {
    let fake = Fake::new();
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    fake.fault(|faults| (faults.refuse_start, faults.error_takes_ns) = (Some(4), 10_000));
    let failure = Failure { code: 4, addr: BusAddr(0x1234), cookie: 0 };
    assert_eq!(channel.start(), Err(DriverError::Failed { channel: ChannelId::C2h(0), failure }));
}

#[test]
fn a_failure_in_the_making_is_no_fault() {
    let (fake, mut channel) = after_one_frame(&by_register());
    fake.fault(|faults| faults.error_takes_ns = 10_000);
    fake.lock().fail(0, 2, 0x77);
    assert!(channel.poll().unwrap().is_none());
    let deadline = fake.after(50_000);
    assert_eq!(
        channel.wait(deadline),
        Err(DriverError::Failed { channel: ChannelId::C2h(0), failure: Failure { code: 2, addr: BusAddr(0x77), cookie: 0 } })
    );
}

/// The registers still count an earlier owner's run, and the ring is another one.
#[test]
fn counts_of_an_earlier_run_are_not_taken_for_this_one() {
    let fake = Fake::new();
    let card = fake.card();
    let mut first = card.channel(0, &by_block()).unwrap();
    first.start().unwrap();
    fake.deliver(0, &payload(0, 100));
    assert_eq!(first.stop().unwrap().frames, 1);
    drop(first);
    let mut second = card.channel(0, &by_block()).unwrap();
    assert_eq!(second.stop(), Ok(Stopped::default()));
    fake.fault(|faults| faults.ignore_start = true);
    assert!(second.start().is_err());
    assert_eq!(second.stop(), Ok(Stopped::default()));
    assert!(second.poll().unwrap().is_none());
}

#[test]
fn a_start_under_a_disabled_card_is_refused() {
    let fake = Fake::new();
    let card = fake.card();
    card.set_enable(false).unwrap();
    let mut channel = card.channel(0, &by_block()).unwrap();
    assert_eq!(channel.start(), Err(DriverError::Disabled));
    card.set_enable(true).unwrap();
    assert_eq!(channel.start(), Ok(()));
}

#[test]
fn a_run_number_that_stands_still_is_refused() {
    let fake = Fake::new();
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    fake.fault(|faults| faults.run_stands_still = true);
    assert_eq!(channel.start(), Err(DriverError::Run { channel: ChannelId::C2h(0), found: 0, wanted: 1 }));
}

/// Beyond the card's completion timeout: 50 ms in the default range, 100 us in range A; without one, waiting longer is in vain.
#[rstest]
#[case(0, 50_000_000)]
#[case(1, 100_000)]
#[case(0x10, 0)]
fn a_stop_that_never_ends_runs_out_and_a_start_resets(#[case] control: u32, #[case] timeout: u64) {
    let fake = Fake::new();
    fake.lock().config.insert(PCIE + pcie::DEVICE_CONTROL_2, control);
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    channel.start().unwrap();
    fake.fault(|faults| faults.never_idle = true);
    let DriverError::State { channel: ChannelId::C2h(0), found: 2, wanted: ChannelState::Idle, ns } = channel.stop().unwrap_err() else {
        panic!()
    };
    assert!((STOP_LIMIT_NS + timeout..2 * STOP_LIMIT_NS + timeout).contains(&ns), "{ns}");
    assert_eq!(channel.phase(), Phase::Stuck);
    channel.start().unwrap();
    fake.deliver(0, &payload(1, 20));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 0);
}

#[test]
fn a_channel_that_cannot_be_quieted_keeps_its_memory() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.fault(|faults| (faults.never_idle, faults.ignore_reset) = (true, true));
    let DriverError::State { ns, .. } = channel.reset().unwrap_err() else { panic!() };
    assert!((RESET_LIMIT_NS..2 * RESET_LIMIT_NS).contains(&ns));
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 2, "leaked: the card may still write");
}

#[test]
fn a_final_block_that_differs_from_the_register_is_an_error() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.deliver(0, &payload(1, 0));
    fake.fault(|faults| faults.no_write_back = true);
    fake.deliver(0, &payload(2, 0));
    assert_eq!(channel.stop(), Err(fault(RingFault::FinalCount { block: 192, register: 224 })));
    assert_eq!(channel.phase(), Phase::Idle);
}

/// A failure comes after the frames that were delivered before it, however it is learnt of.
#[rstest]
#[case::by_block(by_block(), false)]
#[case::by_register(by_register(), false)]
#[case::cut_off_from_memory(sleeping(), true)]
fn a_failure_comes_after_the_frames(#[case] config: RingConfig, #[case] cut_off: bool) {
    let (fake, mut channel) = after_one_frame(&config);
    fake.deliver(0, &payload(1, 50));
    fake.fault(|faults| (faults.no_write_back, faults.lose_interrupts) = (cut_off, cut_off));
    fake.lock().fail(0, ChannelError::BusMasterOff as u8, 0xabc0);
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 1);
    if cut_off {
        assert!(channel.poll().unwrap().is_none(), "it cannot say so");
    }
    let failure = Failure { code: 6, addr: BusAddr(0xabc0), cookie: 0 };
    assert_eq!(failure.error(), Some(ChannelError::BusMasterOff));
    let error = DriverError::Failed { channel: ChannelId::C2h(0), failure };
    let deadline = fake.after(1000);
    assert_eq!(channel.wait(deadline), Err(error));
    assert_eq!(lasting(&mut channel), error);
    assert_eq!(channel.stop(), Err(error));
    fake.fault(|faults| (faults.no_write_back, faults.lose_interrupts) = (false, false));
    channel.restart().unwrap();
    fake.deliver(0, &payload(0, 50));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 0);
}

#[test]
fn a_failure_found_by_stop_is_reported_and_frames_stay_readable() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.deliver(0, &payload(1, 50));
    fake.lock().fail(0, 2, 0x77);
    let error = DriverError::Failed { channel: ChannelId::C2h(0), failure: Failure { code: 2, addr: BusAddr(0x77), cookie: 0 } };
    assert_eq!(channel.stop(), Err(error));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 1);
    assert_eq!(lasting(&mut channel), error);
}

#[test]
fn a_channel_that_somebody_else_reset_is_noticed_by_a_wait() {
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.lock().channel(0).state = ChannelState::Idle;
    let deadline = fake.after(1000);
    assert_eq!(channel.wait(deadline), Err(fault(RingFault::State { found: 0 })));
}

#[test]
fn a_card_that_vanishes_during_a_wait_is_gone() {
    for config in [by_block(), by_register(), sleeping()] {
        let (fake, mut channel) = after_one_frame(&config);
        fake.lock().schedule(5000, Event::Gone);
        let deadline = fake.after(20_000);
        let error = channel.wait(deadline).unwrap_err();
        assert!(matches!(error, DriverError::Gone { .. }), "{error}");
    }
}

#[test]
fn a_storm_of_interrupts_ends() {
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.fault(|faults| faults.storm = true);
    let deadline = fake.after(1 << 40);
    assert_eq!(channel.wait(deadline), Err(DriverError::InterruptStorm { channel: ChannelId::C2h(0), vector: 0, count: 1000 }));
    assert_eq!(channel.wait_stats().spurious, 1000);
}

#[test]
fn a_lost_interrupt_is_told_from_silence() {
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.fault(|faults| faults.lose_interrupts = true);
    let silence = fake.after(10_000);
    assert_eq!(channel.wait(silence), Ok(Wait::Deadline));
    fake.deliver_in(5_000, &payload(1, 10));
    let deadline = fake.after(10_000);
    assert_eq!(channel.wait(deadline), Ok(Wait::LostWakeUp { frames: 1 }));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 1, "nothing is lost but time");
    assert_eq!((channel.wait_stats().lost, channel.wait_stats().expired), (1, 1));
}

#[test]
fn the_identity_register_is_where_it_was() {
    assert_eq!(card::ID, 0, "the faults above say `ID` for the card's first register");
}

/// Its last word was another for a while.
#[test]
fn the_block_of_before_is_nothing_new_though_it_was_written_again() {
    let (fake, mut channel) = after_one_frame(&by_block());
    let addr = fake.lock().channel(0).get(c2h::WB_ADDR);
    let before = fake.lock().memory(addr, 64).to_vec();
    fake.lock().poke(addr + 56, &[9; 8]);
    fake.lock().schedule(100, Event::Poke(addr, before));
    assert!(channel.poll().unwrap().is_none());
    fake.deliver(0, &payload(1, 10));
    assert_eq!(channel.poll().unwrap().unwrap().header.sequence, 1);
}

#[test]
fn a_block_of_an_older_run_is_not_the_final_one() {
    let (fake, mut channel) = after_one_frame(&by_block());
    let stale = next_block(&fake, |block| (block.sequence, block.hw_count) = (9, 320));
    channel.restart().unwrap();
    fake.fault(|faults| faults.no_write_back = true);
    poke_block(&fake, &stale);
    assert_eq!(channel.stop(), Ok(Stopped::default()), "nothing was delivered, and no block says otherwise");
}

/// What went wrong in the stop is said; a start would hide it.
#[test]
fn a_restart_whose_stop_does_not_get_through_starts_nothing() {
    let (fake, mut channel) = after_one_frame(&by_block());
    fake.fault(|faults| faults.rejects_after = Some(0));
    let error = channel.restart().unwrap_err();
    assert!(matches!(error, DriverError::Access { register: "CONTROL", error: AccessError::Rejected { .. } }), "{error}");
    assert_eq!((channel.phase(), fake.lock().channel(0).run), (Phase::Stuck, 1));
    channel.restart().unwrap();
    assert_eq!((channel.phase(), fake.lock().channel(0).run), (Phase::Running, 2));
}
