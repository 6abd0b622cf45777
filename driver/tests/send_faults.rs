//! A card that misbehaves towards a sender: each way to do so gives its own error, and none hangs, panics or frees memory that may still be read.

use crate::common::{Event, Fake, payload};
use rstest::rstest;
use silico_driver::channel::{Phase, Wait, WaitMode};
use silico_driver::error::{ChannelId, DriverError, Failure, RingFault};
use silico_driver::h2c::{SendChannel, SendConfig, SendProgress, SpaceInterrupt, Until};
use silico_spec::registers::h2c;
use silico_spec::units::BusAddr;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};

const ID: ChannelId = ChannelId::H2c(0);

fn by_block() -> SendConfig {
    SendConfig { entries: 5, staging_bytes: 1024, ..SendConfig::default() }
}

fn by_register() -> SendConfig {
    SendConfig { progress: SendProgress::Register, ..by_block() }
}

fn sleeping() -> SendConfig {
    SendConfig { interrupt: Some(SpaceInterrupt::default()), wait: WaitMode::Interrupt, ..by_block() }
}

const fn fault(fault: RingFault) -> DriverError {
    DriverError::Fault { channel: ID, fault }
}

/// Two frames sent, one more under way.
fn under_way(config: &SendConfig) -> (Fake, SendChannel<Fake>) {
    let fake = Fake::new();
    let mut channel = fake.sending(config);
    channel.send(&payload(0, 10), 0).unwrap();
    channel.send(&payload(1, 10), 1).unwrap();
    assert_eq!(channel.reclaim(), Ok(2));
    fake.lock().sender(0).paused = true;
    channel.send(&payload(2, 10), 0x22).unwrap();
    (fake, channel)
}

fn poke_block(fake: &Fake, change: impl FnOnce(&mut WriteBack)) {
    let mut state = fake.lock();
    let mut block = state.sender(0).block();
    block.sequence += 1;
    change(&mut block);
    let addr = state.sender(0).get(h2c::WB_ADDR);
    let bytes: Vec<u8> = block.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
    state.poke(addr, &bytes);
}

fn lasting(channel: &mut SendChannel<Fake>) -> DriverError {
    let first = channel.reclaim().expect_err("an error");
    let again = channel.reclaim().expect_err("the error again");
    let gone = |error| matches!(error, DriverError::Gone { .. });
    assert!(again == first || gone(again) && gone(first), "{first}, then {again}");
    first
}

#[rstest]
#[case::backwards(1, RingFault::DoneBackwards { found: 1, seen: 2 })]
#[case::ahead(4, RingFault::DoneAhead { found: 4, given: 3 })]
#[case::huge(u64::MAX - 1, RingFault::DoneAhead { found: u64::MAX - 1, given: 3 })]
fn impossible_counts_are_refused(#[case] count: u64, #[case] error: RingFault) {
    let (fake, mut channel) = under_way(&by_block());
    poke_block(&fake, |block| block.hw_count = count);
    assert_eq!(lasting(&mut channel), fault(error));
    let (fake, mut channel) = under_way(&by_register());
    fake.reads(h2c::offset(0, h2c::DONE), count);
    assert_eq!(lasting(&mut channel), fault(error));
    assert_eq!(channel.free_entries(), 4, "nothing is taken back");
}

/// What was written into the ring but not named by the doorbell cannot be done.
#[test]
fn a_count_over_the_doorbell_is_ahead() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { batch: 5, ..by_block() });
    channel.send(&[1], 1).unwrap();
    poke_block(&fake, |block| (block.hw_count, block.frames) = (1, 1));
    assert_eq!(channel.reclaim(), Err(fault(RingFault::DoneAhead { found: 1, given: 0 })));
}

#[rstest]
#[case::frames(|block: &mut WriteBack| block.frames = 3, RingFault::FrameCount { announced: 3, found: 2 })]
#[case::channel(|block: &mut WriteBack| block.channel = 1, RingFault::BlockChannel { found: 1 })]
#[case::state(|block: &mut WriteBack| block.state = 0, RingFault::State { found: 0 })]
#[case::order(|block: &mut WriteBack| block.sequence = 1, RingFault::BlockOrder { found: 1, seen: 2 })]
fn wrong_blocks_are_refused(#[case] change: fn(&mut WriteBack), #[case] error: RingFault) {
    let (fake, mut channel) = under_way(&by_block());
    poke_block(&fake, change);
    assert_eq!(lasting(&mut channel), fault(error));
    channel.restart().unwrap();
    channel.send(&[1], 1).expect("a restart mends it");
}

#[test]
fn all_ones_are_a_card_that_is_gone() {
    let (fake, mut channel) = under_way(&by_register());
    fake.fault(|faults| (faults.gone, faults.cut_off) = (true, true));
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "DONE" });
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 0);
    let (fake, mut channel) = under_way(&by_block());
    let addr = fake.lock().sender(0).get(h2c::WB_ADDR);
    fake.lock().poke(addr, &[0xff; 64]);
    assert_eq!(lasting(&mut channel), fault(RingFault::BlockAllOnes));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "ID" });
}

/// A card that goes while it writes its block leaves ones in a part of it; any other impossible count is its own fault, there or not.
#[rstest]
#[case::all_ones(u64::MAX, DriverError::Gone { register: "ID" })]
#[case::not_all_ones(9, fault(RingFault::DoneAhead { found: 9, given: 3 }))]
fn a_count_of_ones_in_the_block_asks_the_card(#[case] count: u64, #[case] when_gone: DriverError) {
    let (fake, mut channel) = under_way(&by_block());
    poke_block(&fake, |block| block.hw_count = count);
    assert_eq!(lasting(&mut channel), fault(RingFault::DoneAhead { found: count, given: 3 }));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(lasting(&mut channel), when_gone);
}

#[rstest]
#[case::by_block(by_block(), false)]
#[case::by_register(by_register(), false)]
#[case::cut_off_from_memory(sleeping(), true)]
fn a_failure_names_the_descriptor_and_can_be_left(#[case] config: SendConfig, #[case] cut_off: bool) {
    let (fake, mut channel) = under_way(&config);
    fake.fault(|faults| (faults.no_write_back, faults.lose_interrupts) = (cut_off, cut_off));
    fake.fault(|faults| faults.fail_read = Some(ChannelError::UnsupportedRequest as u8));
    let address = fake.lock().sender(0).fetched[0].address;
    fake.lock().work(0, 1);
    let failure = Failure { code: 9, addr: BusAddr(address), cookie: 0x22 };
    let error = DriverError::Failed { channel: ID, failure };
    let deadline = fake.after(1000);
    assert_eq!(channel.wait(Until::AllSent, deadline), Err(error));
    assert_eq!((lasting(&mut channel), channel.send(&[1], 1)), (error, Err(error)));
    assert_eq!((channel.stop(), channel.phase()), (Err(error), Phase::Failed(failure)));
    assert_eq!((channel.unsent().frames, channel.unsent().sent), (1, 2));
    let text = format!("H2C channel 0 stopped: error 9 (a read was answered with UR), address {address:#x}, cookie 0x22");
    assert_eq!(error.to_string(), text);
    fake.fault(|faults| (faults.no_write_back, faults.lose_interrupts, faults.fail_read) = (false, false, None));
    channel.restart().unwrap();
    fake.lock().sender(0).paused = false;
    let ticket = channel.send(&payload(5, 5), 5).unwrap();
    channel.reclaim().unwrap();
    assert_eq!((channel.is_sent(ticket), channel.frames()), (Ok(true), 1));
}

#[test]
fn final_counts_that_disagree_are_refused() {
    for (register, value, error) in [
        (h2c::DISCARDED, 0, RingFault::Discarded { found: 0, wanted: 1 }),
        (h2c::DISCARDED, 2, RingFault::Discarded { found: 2, wanted: 1 }),
        (h2c::FRAMES, 1, RingFault::FrameCount { announced: 1, found: 2 }),
        (h2c::DONE, 1, RingFault::DoneBackwards { found: 1, seen: 2 }),
    ] {
        let (fake, mut channel) = under_way(&by_block());
        fake.reads(h2c::offset(0, register), value);
        assert_eq!(channel.stop(), Err(fault(error)));
        assert_eq!(channel.phase(), Phase::Idle);
    }
    let (fake, mut channel) = under_way(&by_block());
    fake.fault(|faults| faults.no_write_back = true);
    fake.lock().work(0, 1);
    assert_eq!(channel.stop(), Err(fault(RingFault::FinalCount { block: 2, register: 3 })));
}

/// The card stops by itself, and listens to no doorbell from then on; the driver, which has not looked since, rings one more. Fewer descriptors discarded
/// than named are right then, and more are not.
#[rstest]
#[case::fewer(1, true)]
#[case::all(2, true)]
#[case::more(3, false)]
fn a_doorbell_that_a_failed_channel_did_not_hear_is_no_fault(#[case] discarded: u64, #[case] right: bool) {
    let (fake, mut channel) = under_way(&by_register());
    fake.lock().fail_sender(0, ChannelError::CompletionTimeout as u8, 0x40, 0x22);
    channel.send(&payload(3, 10), 0x33).expect("nobody has looked");
    fake.reads(h2c::offset(0, h2c::DISCARDED), discarded);
    let failure = Failure { code: ChannelError::CompletionTimeout as u8, addr: BusAddr(0x40), cookie: 0x22 };
    let found = discarded as u32;
    let error = if right { DriverError::Failed { channel: ID, failure } } else { fault(RingFault::Discarded { found, wanted: 2 }) };
    assert_eq!(channel.stop(), Err(error));
    assert_eq!((channel.unsent().frames, channel.unsent().descriptors, channel.unsent().sent), (2, 2, 2));
}

#[test]
fn a_stop_that_never_ends_runs_out_and_a_start_resets() {
    let (fake, mut channel) = under_way(&by_block());
    fake.fault(|faults| faults.never_idle = true);
    assert!(matches!(channel.stop(), Err(DriverError::State { found: 2, wanted: ChannelState::Idle, .. })));
    assert_eq!((channel.phase(), channel.send(&[1], 1)), (Phase::Stuck, Err(DriverError::NotRunning { channel: ID })));
    channel.start().unwrap();
    channel.send(&[1], 1).unwrap();
    fake.fault(|faults| faults.ignore_reset = true);
    drop(channel);
    assert!(fake.lock().live_buffers() > 0, "leaked: the card may still read");
}

#[test]
fn waits_end_in_every_case() {
    let (fake, mut channel) = under_way(&sleeping());
    fake.fault(|faults| faults.lose_interrupts = true);
    fake.lock().schedule(5000, Event::Work(0, 1));
    let deadline = fake.after(10_000);
    assert_eq!(channel.wait(Until::AllSent, deadline), Ok(Wait::LostWakeUp { frames: 1 }));
    for frame in 0..3 {
        channel.send(&payload(frame, 10), frame).unwrap();
    }
    fake.lock().schedule(5000, Event::Work(0, 3));
    let deadline = fake.after(10_000);
    assert_eq!(channel.wait(Until::AllSent, deadline), Ok(Wait::LostWakeUp { frames: 3 }), "beyond what it was armed with");
    let (fake, mut channel) = under_way(&sleeping());
    fake.fault(|faults| faults.storm = true);
    let deadline = fake.after(1 << 40);
    assert_eq!(channel.wait(Until::AllSent, deadline), Err(DriverError::InterruptStorm { channel: ID, vector: 0, count: 1000 }));
    for config in [by_block(), by_register(), sleeping()] {
        let (fake, mut channel) = under_way(&config);
        fake.lock().schedule(5000, Event::Gone);
        let deadline = fake.after(20_000);
        assert!(matches!(channel.wait(Until::AllSent, deadline), Err(DriverError::Gone { .. })));
    }
}

/// The card goes after the checks of a start: no register of the new run has arrived, and what was before is over all the same.
#[test]
fn a_start_that_does_not_get_through_leaves_nothing_of_the_run_before() {
    let fake = Fake::new();
    let mut channel = fake.sending(&by_block());
    let ticket = channel.send(&payload(0, 10), 0).unwrap();
    fake.lock().fail_sender(0, 12, 0, 0);
    assert!(matches!(channel.stop(), Err(DriverError::Failed { .. })));
    fake.fault(|faults| faults.gone_after = Some(3));
    assert!(matches!(channel.start(), Err(DriverError::Gone { .. })));
    assert_eq!(channel.phase(), Phase::Idle);
    assert!(matches!(channel.is_sent(ticket), Err(DriverError::Stale { .. })));
}
