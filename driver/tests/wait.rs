//! Waiting: by polling, by interrupt, by both; no wake-up is lost, no deadline is missed.

use crate::common::{Event, Fake, payload};
use rstest::rstest;
use silico_driver::channel::{DataInterrupt, Progress, RingChannel, RingConfig, Turn, Wait, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::platform::{Nanos, Time};
use silico_spec::registers::c2h;
use std::num::NonZero;

const ARM: u32 = c2h::offset(0, c2h::INT_DATA_ARM);
const SW_COUNT: u32 = c2h::offset(0, c2h::SW_COUNT);
const HYBRID: WaitMode = WaitMode::Hybrid { max_poll_ns: 3200 };

fn config(wait: WaitMode) -> RingConfig {
    RingConfig { ring_bytes: 4096, max_frame: 2000, interrupt: Some(DataInterrupt::default()), wait, ..RingConfig::default() }
}

fn wait(fake: &Fake, channel: &mut RingChannel<Fake>, ns: u64) -> Wait {
    let deadline = fake.after(ns);
    channel.wait(deadline).expect("wait")
}

fn read_all(channel: &mut RingChannel<Fake>) -> u64 {
    let before = channel.frames();
    while channel.poll().expect("poll").is_some() {}
    channel.frames() - before
}

#[rstest]
fn every_mode_wakes_for_a_frame_and_gives_up_at_the_deadline(
    #[values(WaitMode::Poll, WaitMode::Interrupt, HYBRID)] mode: WaitMode,
    #[values(true, false)] by_register: bool,
    #[values(0, 10, 1000, 3200, 9_999, 50_000)] arrives: u64,
) {
    let fake = Fake::new();
    let mut config = config(mode);
    if by_register {
        config.progress = Progress::Register;
    }
    let mut channel = fake.started(&config);
    for frame in 0..4 {
        fake.deliver_in(arrives, &payload(frame, 77));
        let start = fake.now();
        let end = wait(&fake, &mut channel, 20_000);
        let took = fake.now().0 - start.0;
        if arrives < 20_000 {
            assert_eq!(end, Wait::Ready);
            assert!(took < arrives + 4000, "{took} ns for a frame after {arrives}");
            assert_eq!(read_all(&mut channel), 1);
        } else {
            assert_eq!(end, Wait::Deadline);
            assert!((20_000..24_000).contains(&took), "{took}");
            fake.pause(Nanos(start.0 + arrives));
            assert_eq!(read_all(&mut channel), 1);
        }
    }
}

#[test]
fn frames_at_hand_need_no_wait() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    fake.deliver(0, &payload(0, 10));
    fake.deliver(0, &payload(1, 10));
    assert_eq!(wait(&fake, &mut channel, 1000), Wait::Ready);
    assert!(channel.poll().unwrap().is_some());
    assert_eq!(wait(&fake, &mut channel, 1000), Wait::Ready);
    assert_eq!(fake.writes(ARM), []);
}

#[test]
fn a_wait_gives_back_then_arms_with_what_was_seen() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    (0..3).for_each(|frame| fake.deliver(0, &payload(frame, 10)));
    (0..3).for_each(|_| assert!(channel.poll().unwrap().is_some()));
    let before = fake.lock().writes.len();
    assert_eq!(wait(&fake, &mut channel, 1000), Wait::Deadline);
    assert_eq!(fake.lock().writes[before..], [(SW_COUNT, 192), (ARM, 3)]);
}

/// The window in which careless drivers lose a wake-up: a frame between the last look and the arming, or between that and the sleep.
#[rstest]
fn no_instant_loses_a_wake_up(#[values(0, 1)] read_before: u64, #[values(WaitMode::Interrupt, HYBRID)] mode: WaitMode) {
    for arrives in 0..120 {
        let fake = Fake::new();
        let mut channel = fake.started(&config(mode));
        for frame in 0..read_before {
            fake.deliver(0, &payload(frame, 10));
            assert!(channel.poll().unwrap().is_some());
        }
        fake.deliver_in(arrives, &payload(9, 10));
        assert_eq!(wait(&fake, &mut channel, 1_000_000), Wait::Ready);
        assert!(fake.now() < fake.after(0).after(10_000), "no deadline was needed");
        assert!(channel.poll().unwrap().is_some());
        assert_eq!(channel.wait_stats().lost, 0);
    }
}

#[test]
fn an_interrupt_for_what_was_polled_already_is_slept_over() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    fake.lock().schedule(100, Event::Interrupt(0));
    fake.deliver_in(5000, &payload(0, 10));
    assert_eq!(wait(&fake, &mut channel, 100_000), Wait::Ready);
    let stats = channel.wait_stats();
    assert_eq!((stats.spurious, stats.woken, stats.armed), (1, 1, 2));
}

#[test]
fn coalesced_frames_below_the_count_are_no_lost_wake_up() {
    let fake = Fake::new();
    let interrupt = Some(DataInterrupt { frames: 3, ..DataInterrupt::default() });
    let mut channel = fake.started(&RingConfig { interrupt, ..config(WaitMode::Interrupt) });
    fake.deliver_in(100, &payload(0, 10));
    fake.deliver_in(200, &payload(1, 10));
    let start = fake.now();
    assert_eq!(wait(&fake, &mut channel, 10_000), Wait::Ready);
    assert!(fake.now() >= start.after(10_000));
    assert_eq!(read_all(&mut channel), 2);
    (1..4).for_each(|n| fake.deliver_in(n * 100, &payload(n, 10)));
    let start = fake.now();
    assert_eq!(wait(&fake, &mut channel, 10_000), Wait::Ready);
    assert!(fake.now() < start.after(2000), "the third one woke");
    fake.fault(|faults| faults.lose_interrupts = true);
    assert_eq!(read_all(&mut channel), 3);
    (1..4).for_each(|n| fake.deliver_in(n * 100, &payload(n, 10)));
    assert_eq!(wait(&fake, &mut channel, 10_000), Wait::LostWakeUp { frames: 3 });
}

#[test]
fn an_interrupt_under_way_at_the_deadline_is_not_lost() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    fake.fault(|faults| faults.lose_interrupts = true);
    fake.deliver_in(9_900, &payload(0, 10));
    fake.lock().schedule(30_000, Event::Interrupt(0));
    assert_eq!(wait(&fake, &mut channel, 10_000), Wait::Ready);
    assert_eq!((channel.wait_stats().lost, channel.wait_stats().woken), (0, 1));
}

#[test]
fn hybrid_polls_while_busy_and_sleeps_while_quiet() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(HYBRID));
    for frame in 0..10 {
        fake.deliver_in(500, &payload(frame, 10));
        assert_eq!(wait(&fake, &mut channel, 100_000), Wait::Ready);
        assert_eq!(read_all(&mut channel), 1);
    }
    assert_eq!((channel.wait_stats().polled, channel.wait_stats().armed), (10, 0), "busy: no interrupt");
    for frame in 0..10 {
        fake.deliver_in(50_000, &payload(frame, 10));
        assert_eq!(wait(&fake, &mut channel, 100_000), Wait::Ready);
        assert_eq!(read_all(&mut channel), 1);
    }
    assert_eq!((channel.wait_stats().polled, channel.wait_stats().woken), (10, 10), "quiet: one interrupt each");
    fake.deliver_in(500, &payload(0, 10));
    assert_eq!(wait(&fake, &mut channel, 100_000), Wait::Ready);
    assert_eq!(channel.wait_stats().woken, 11, "the polling time has shrunk below 500 ns");
}

#[test]
fn a_channel_that_does_not_run_has_nothing_to_wait_for() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    fake.deliver(0, &payload(0, 10));
    channel.stop().unwrap();
    assert_eq!(wait(&fake, &mut channel, 1000), Wait::Ready);
    assert_eq!(read_all(&mut channel), 1);
    let start = fake.now();
    assert_eq!(wait(&fake, &mut channel, 1000), Wait::Ended);
    assert_eq!(fake.now(), start);
}

#[test]
fn to_sleep_without_an_interrupt_is_refused() {
    let fake = Fake::new();
    let mut channel = fake.started(&RingConfig { interrupt: None, ..config(WaitMode::Poll) });
    let deadline = fake.after(1000);
    assert!(matches!(channel.wait_as(WaitMode::Interrupt, deadline), Err(DriverError::Config(error)) if error.field == "interrupt"));
}

#[test]
fn a_busy_channel_is_served_in_turns_and_arms_no_interrupt_meanwhile() {
    let fake = Fake::new();
    let mut channel = fake.started(&config(WaitMode::Interrupt));
    let budget = NonZero::new(3).unwrap();
    for frame in 0..7 {
        fake.deliver(0, &payload(frame, 40));
    }
    let mut seen = Vec::new();
    let mut turn = || {
        let turn = channel.serve(budget, fake.after(10_000), |frame| seen.push(frame.header.sequence)).unwrap();
        (turn, channel.wait_stats().armed)
    };
    assert_eq!([turn(), turn()], [(Turn::Budget, 0); 2]);
    assert_eq!(turn(), (Turn::Served(1), 0));
    assert_eq!(turn(), (Turn::Idle(Wait::Deadline), 1));
    fake.deliver_in(500, &payload(7, 40));
    assert_eq!(turn(), (Turn::Served(1), 2));
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(!fake.writes(SW_COUNT).is_empty(), "what was served is given back");
}
