//! Sending: frames copied, filled in place and out of own buffers; room, doorbells, waits, and the life of a run.

use crate::common::{Event, Fake, WRITE_NS, payload};
use rstest::rstest;
use silico_driver::channel::{Phase, Wait, WaitMode};
use silico_driver::error::{ChannelId, DriverError};
use silico_driver::h2c::{Output, SendChannel, SendConfig, SendProgress, SendWriteBack, SpaceInterrupt, Unsent, Until};
use silico_driver::platform::{DmaBuffer, DmaMemory, Time};
use silico_spec::registers::h2c;

const TAIL: u32 = h2c::offset(0, h2c::TAIL);
const ARM: u32 = h2c::offset(0, h2c::INT_SPACE_ARM);
const ID: ChannelId = ChannelId::H2c(0);

fn small() -> SendConfig {
    SendConfig { entries: 5, staging_bytes: 1024, ..SendConfig::default() }
}

fn sleeping() -> SendConfig {
    SendConfig { interrupt: Some(SpaceInterrupt::default()), wait: WaitMode::Interrupt, ..small() }
}

fn sent(fake: &Fake) -> Vec<Vec<u8>> {
    fake.lock().sender(0).sent.clone()
}

/// The card works on nothing until it is told to.
fn pause(fake: &Fake) {
    fake.lock().sender(0).paused = true;
}

fn work(fake: &Fake, most: usize) {
    fake.lock().work(0, most);
}

fn wait(fake: &Fake, channel: &mut SendChannel<Fake>, until: Until, ns: u64) -> Wait {
    let deadline = fake.after(ns);
    channel.wait(until, deadline).expect("wait")
}

const fn would_block(what: &'static str, needed: u64, free: u64) -> DriverError {
    DriverError::WouldBlock { channel: ID, what, needed, free }
}

#[rstest]
fn frames_of_every_size_arrive_over_many_laps(
    #[values(SendProgress::Register, SendProgress::WriteBack(SendWriteBack::default()))] progress: SendProgress,
    #[values(2, 3, 5, 7, 64)] entries: u32,
) {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { entries, progress, ..small() });
    let frames: Vec<_> = (0..200).map(|frame| payload(frame, frame as usize * 37 % 1025)).collect();
    for (cookie, frame) in (0..).zip(&frames) {
        channel.send(frame, cookie).expect("room: the card is done at once");
    }
    assert_eq!(sent(&fake), frames);
    channel.reclaim().unwrap();
    assert_eq!((channel.frames(), channel.submitted(), channel.free_entries()), (200, 200, entries.into()));
    let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
    assert_eq!(channel.stop(), Ok(Unsent { sent: 200, sent_bytes: bytes, frames: 0, descriptors: 0 }));
    assert_eq!(fake.lock().hole_writes, 0);
}

#[test]
fn a_frame_is_filled_in_place() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    let mut frame = channel.reserve(100).unwrap();
    assert_eq!(frame.payload().len(), 100);
    frame.payload().copy_from_slice(&payload(1, 100));
    drop(frame);
    assert_eq!((channel.submitted(), channel.free_entries()), (0, 5), "dropped, it has changed nothing");
    let mut frame = channel.reserve(1024).unwrap();
    frame.payload().copy_from_slice(&payload(2, 1024));
    let ticket = frame.send(9).unwrap();
    assert_eq!(sent(&fake), [payload(2, 1024)]);
    assert_eq!(channel.is_sent(ticket), Ok(false), "nobody has looked");
    assert_eq!(channel.reclaim(), Ok(1));
    assert_eq!(channel.is_sent(ticket), Ok(true));
}

#[test]
fn a_frame_is_gathered_from_an_own_buffer() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    pause(&fake);
    let mut buffer = fake.alloc(512, 64).unwrap();
    buffer.acquire(0..512);
    buffer.view_mut(0..512).copy_from_slice(&payload(3, 512));
    let ticket = channel.submit_parts(&mut buffer, &[256..320, 0..32, 480..512], 77).unwrap();
    let lengths: Vec<_> = fake.lock().sender(0).fetched.iter().map(|one| (one.length, one.flags.0, one.cookie)).collect();
    assert_eq!(lengths, [(64, 0, 77), (32, 0, 77), (32, 1, 77)], "the last one ends the frame");
    work(&fake, 2);
    channel.reclaim().unwrap();
    assert_eq!((channel.is_sent(ticket), channel.frames(), channel.free_entries()), (Ok(false), 0, 4));
    work(&fake, 1);
    assert_eq!((channel.reclaim(), channel.is_sent(ticket)), (Ok(1), Ok(true)));
    let all = payload(3, 512);
    assert_eq!(sent(&fake), [[&all[256..320], &all[..32], &all[480..]].concat()]);
    buffer.acquire(0..32);
    assert_eq!(buffer.view(0..32), &all[..32], "it is the caller's again");
    channel.submit(&mut buffer, 0..0, 0).expect("an empty frame");
    work(&fake, 1);
    assert_eq!(sent(&fake)[1], []);
}

#[rstest]
#[case(&[], "parts")]
#[case(&[0..1, 0..1, 0..1, 0..1, 0..1, 0..1], "parts")]
#[case(&[0..32, 0..513], "part.end")]
#[case(&[0..1, std::ops::Range { start: 3, end: 2 }], "part.end")]
#[case(&[0..32, 32..32], "part.length")]
fn parts_that_cannot_be_are_refused(#[case] parts: &[std::ops::Range<u64>], #[case] field: &str) {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    let mut buffer = fake.alloc(512, 64).unwrap();
    let DriverError::Config(error) = channel.submit_parts(&mut buffer, parts, 0).unwrap_err() else { panic!() };
    assert_eq!((error.field, channel.free_entries(), fake.writes(TAIL)), (field, 5, vec![]));
}

#[test]
fn an_exactly_full_ring_refuses_and_changes_nothing() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    pause(&fake);
    for lap in 0..7 {
        for frame in 0..5 {
            channel.send(&payload(frame, 64), frame).unwrap();
        }
        let rung = fake.writes(TAIL);
        assert_eq!(channel.send(&[1], 9), Err(would_block("descriptors", 1, 0)));
        let mut buffer = fake.alloc(64, 64).unwrap();
        buffer.acquire(0..64);
        assert_eq!(channel.submit(&mut buffer, 0..64, 9), Err(would_block("descriptors", 1, 0)));
        assert_eq!(buffer.view(0..64).len(), 64, "the caller still owns it");
        assert_eq!((fake.writes(TAIL), channel.submitted()), (rung, lap * 5 + 5));
        work(&fake, 3);
        assert_eq!((channel.reclaim(), channel.free_entries()), (Ok(3), 3));
        buffer.release(0..64);
        buffer.acquire(0..64);
        let parts = [0..16, 16..32, 32..48, 48..64];
        assert_eq!(channel.submit_parts(&mut buffer, &parts, 9), Err(would_block("descriptors", 4, 3)));
        work(&fake, 2);
        channel.reclaim().unwrap();
    }
    assert_eq!(channel.phase(), Phase::Running, "no doorbell was out of bounds");
}

#[test]
fn staging_memory_that_is_full_refuses_and_is_found_again() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    pause(&fake);
    channel.send(&payload(0, 500), 0).unwrap();
    channel.send(&payload(1, 200), 0).unwrap();
    let what = "contiguous bytes of staging memory";
    assert_eq!(channel.send(&payload(2, 400), 0), Err(would_block(what, 400, 256)));
    work(&fake, 1);
    // The reserve itself looks; the frame does not fit behind the others, and starts anew at the front.
    channel.send(&payload(2, 400), 0).unwrap();
    work(&fake, 2);
    assert_eq!(sent(&fake), [payload(0, 500), payload(1, 200), payload(2, 400)]);
    let DriverError::Config(error) = channel.send(&payload(0, 1025), 0).unwrap_err() else { panic!() };
    assert_eq!((error.field, error.value), ("frame", 1025));
}

#[rstest]
#[case::each(1, vec![1, 2, 3, 4, 5])]
#[case::three(3, vec![3])]
#[case::ring(5, vec![5])]
fn the_doorbell_is_rung_for_a_batch(#[case] batch: u32, #[case] wanted: Vec<u64>) {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { batch, ..small() });
    pause(&fake);
    for frame in 0..5 {
        channel.send(&payload(frame, 10), frame).unwrap();
    }
    assert_eq!(fake.writes(TAIL), wanted);
    channel.reclaim().unwrap();
    assert_eq!(fake.writes(TAIL).last(), Some(&5), "an idle reclaim rings for the rest");
    let writes = fake.writes(TAIL).len();
    channel.reclaim().unwrap();
    assert_eq!(fake.writes(TAIL).len(), writes, "nothing new, nothing rung");
}

/// The card reads descriptors at the doorbell: one that was not in memory by then would be an old one.
#[test]
fn descriptors_are_in_memory_before_the_doorbell() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { batch: 2, ..small() });
    for frame in 0..40 {
        channel.send(&payload(frame, 30), 1000 + frame).unwrap();
        pause(&fake);
        channel.send(&payload(100 + frame, 30), 2000 + frame).unwrap();
        let cookies: Vec<_> = fake.lock().sender(0).fetched.iter().map(|one| one.cookie).collect();
        assert_eq!(cookies, [1000 + frame, 2000 + frame]);
        work(&fake, 2);
        channel.reclaim().unwrap();
    }
}

#[rstest]
fn every_mode_wakes_for_space_and_gives_up_at_the_deadline(
    #[values(WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 3200 })] mode: WaitMode,
    #[values(true, false)] by_register: bool,
    #[values(1, 3, 5)] entries: u32,
    #[values(0, 1000, 9_999, 50_000)] arrives: u64,
) {
    let fake = Fake::new();
    let progress = if by_register { SendProgress::Register } else { small().progress };
    let mut channel = fake.sending(&SendConfig { wait: mode, progress, ..sleeping() });
    pause(&fake);
    for frame in 0..5 {
        channel.send(&[], frame).unwrap();
    }
    (0..5).for_each(|_| fake.lock().schedule(arrives, Event::Work(0, 1)));
    let start = fake.now();
    let end = wait(&fake, &mut channel, Until::Entries(entries), 20_000);
    let took = fake.now().0 - start.0;
    if arrives < 20_000 {
        assert_eq!(end, Wait::Ready);
        assert!(took < arrives + 5000, "{took}");
        assert!(channel.free_entries() >= entries.into());
    } else {
        assert_eq!(end, Wait::Deadline);
        assert!((20_000..25_000).contains(&took), "{took}");
    }
}

#[test]
fn a_wait_rings_then_arms_with_what_was_seen() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { batch: 5, ..sleeping() });
    let ticket = channel.send(&[1], 1).unwrap();
    assert_eq!(fake.writes(TAIL), []);
    assert_eq!(wait(&fake, &mut channel, Until::Sent(ticket), 1000), Wait::Ready);
    assert_eq!((fake.writes(TAIL), fake.writes(ARM)), (vec![1], vec![0]));
    assert_eq!(wait(&fake, &mut channel, Until::AllSent, 1000), Wait::Ready);
    pause(&fake);
    channel.send(&[2], 2).unwrap();
    assert_eq!(wait(&fake, &mut channel, Until::AllSent, 1000), Wait::Deadline);
    assert_eq!(fake.writes(ARM), [0, 1, 1], "the interrupt of the first arming was still to be taken");
}

#[test]
fn progress_that_is_not_enough_is_no_storm() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { entries: 1500, staging_bytes: 0, ..sleeping() });
    pause(&fake);
    let mut buffer = fake.alloc(64, 64).unwrap();
    for cookie in 0..1500 {
        channel.submit(&mut buffer, 0..0, cookie).unwrap();
    }
    (1..=1500).for_each(|ns| fake.lock().schedule(ns * 100, Event::Work(0, 1)));
    assert_eq!(wait(&fake, &mut channel, Until::AllSent, 1 << 30), Wait::Ready);
    assert!(channel.wait_stats().woken > 1000, "{:?}", channel.wait_stats());
}

#[test]
fn timers_report_what_fills_no_count() {
    let fake = Fake::new();
    let progress = SendProgress::WriteBack(SendWriteBack { every: 4, time: 500 });
    let interrupt = Some(SpaceInterrupt { count: 4, time: 300, ..SpaceInterrupt::default() });
    let mut channel = fake.sending(&SendConfig { progress, interrupt, ..sleeping() });
    let ticket = channel.send(&[1], 1).unwrap();
    assert_eq!(channel.reclaim(), Ok(0));
    assert_eq!(wait(&fake, &mut channel, Until::Sent(ticket), 10_000), Wait::Ready);
    assert_eq!((channel.frames(), channel.wait_stats().lost), (1, 0));
}

#[test]
fn what_can_never_come_is_not_waited_for() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    let deadline = fake.after(1000);
    for (until, field) in [(Until::Entries(6), "until.entries"), (Until::Staging(1025), "frame")] {
        let Err(DriverError::Config(error)) = channel.wait(until, deadline) else { panic!() };
        assert_eq!(error.field, field);
    }
    let ticket = channel.send(&[1], 1).unwrap();
    channel.restart().unwrap();
    let stale = DriverError::Stale { channel: ID, what: "ticket", number: 1 };
    assert_eq!((channel.is_sent(ticket), channel.wait(Until::Sent(ticket), deadline)), (Err(stale), Err(stale)));
    pause(&fake);
    channel.send(&[1], 1).unwrap();
    channel.stop().unwrap();
    assert_eq!(wait(&fake, &mut channel, Until::AllSent, 1000), Wait::Ended);
}

/// A descriptor is done when its bytes are gathered; when a frame is cut, the last of them may not have filled their beat, and never come out.
#[test]
fn bytes_sent_are_those_that_came_out_even_of_a_frame_that_was_cut() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    pause(&fake);
    let mut buffer = fake.alloc(64, 64).unwrap();
    buffer.acquire(0..64);
    channel.submit_parts(&mut buffer, &[0..32, 32..64], 2).unwrap();
    channel.flush().unwrap();
    work(&fake, 1);
    fake.fault(|faults| faults.reads = [(h2c::offset(0, h2c::BYTES), 16)].into());
    assert_eq!(channel.stop(), Ok(Unsent { sent: 0, sent_bytes: 16, frames: 1, descriptors: 1 }));
}

#[test]
fn stop_says_what_was_not_sent_and_a_restart_is_a_first_start() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { batch: 4, ..small() });
    let first: Vec<_> = fake.lock().writes.iter().filter(|write| write.0 >= h2c::BASE).copied().collect();
    for run in 1..4 {
        pause(&fake);
        let mut buffer = fake.alloc(64, 64).unwrap();
        buffer.acquire(0..64);
        channel.send(&payload(run, 100), 1).unwrap();
        channel.submit_parts(&mut buffer, &[0..32, 32..64], 2).unwrap();
        channel.flush().unwrap();
        channel.send(&payload(0, 10), 3).unwrap();
        work(&fake, 2);
        assert_eq!(channel.stop(), Ok(Unsent { sent: 1, sent_bytes: 132, frames: 2, descriptors: 2 }));
        assert_eq!(channel.stop(), Ok(channel.unsent()), "a second stop is a question");
        assert_eq!(channel.send(&[1], 1), Err(DriverError::NotRunning { channel: ID }));
        assert_eq!((channel.reclaim(), sent(&fake)), (Ok(0), vec![payload(run, 100)]));
        fake.lock().writes.clear();
        channel.restart().unwrap();
        assert_eq!((channel.run(), channel.frames(), channel.submitted(), channel.free_entries()), (run as u32 + 1, 0, 0, 5));
        let stop = (h2c::offset(0, h2c::CONTROL), 0);
        let starts: Vec<_> = fake.lock().writes.clone();
        assert_eq!(starts, first, "everything is programmed anew, {stop:?} first");
    }
    assert_eq!(channel.start(), Err(DriverError::Running { channel: ID }));
    channel.reset().unwrap();
    assert_eq!((channel.phase(), channel.reclaim()), (Phase::Idle, Ok(0)));
    channel.start().unwrap();
    fake.lock().sender(0).paused = false;
    channel.send(&payload(9, 30), 0).unwrap();
    channel.flush().unwrap();
    assert_eq!(sent(&fake), [payload(9, 30)]);
}

#[test]
fn the_configuration_reaches_its_registers() {
    let fake = Fake::new();
    let config = SendConfig {
        entries: 77,
        output: Output::Loopback(3),
        progress: SendProgress::WriteBack(SendWriteBack { every: 2, time: 9 }),
        relaxed: true,
        no_snoop: true,
        interrupt: Some(SpaceInterrupt { vector: 5, count: 7, time: 8, error_vector: 6 }),
        ..SendConfig::default()
    };
    let _channel = fake.sending(&config);
    let get = |register| fake.lock().sender(0).get(register);
    assert_eq!((get(h2c::RING_BASE) % 64, get(h2c::RING_ENTRIES), get(h2c::WB_ADDR) % 64), (0, 77, 0));
    assert_eq!([h2c::CONFIG, h2c::WB_EVERY, h2c::WB_TIME].map(get), [0x31e, 2, 9]);
    let interrupts = [h2c::INT_SPACE, h2c::INT_SPACE_COUNT, h2c::INT_SPACE_TIME, h2c::INT_ERROR].map(get);
    assert_eq!(interrupts, [1 << 31 | 5, 7, 8, 1 << 31 | 6]);
    assert_eq!(fake.lock().hole_writes, 0);
}

#[test]
fn the_checking_sink_is_read() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { output: Output::Check, ..small() });
    channel.send(b"123456789", 0).unwrap();
    let checked = channel.checked().unwrap();
    assert_eq!((checked.crc, checked.length), (0xe306_9283, 9));
}

#[test]
fn a_channel_has_one_owner_and_a_number() {
    let fake = Fake::new();
    let card = fake.card();
    let channel = card.send_channel(1, &small()).unwrap();
    assert_eq!(card.send_channel(1, &small()).unwrap_err(), DriverError::ChannelInUse { channel: ChannelId::H2c(1) });
    assert_eq!(card.reset(), Err(DriverError::ChannelsOpen { mask: 2 << 16 }));
    assert!(matches!(card.send_channel(2, &small()), Err(DriverError::Config(error)) if error.field == "channel"));
    card.channel(1, &silico_driver::channel::RingConfig::default()).expect("of the other direction");
    drop(channel);
    card.send_channel(1, &small()).unwrap();
}

/// A look costs a register read: it is for a ring that seems full, and for none that has room.
#[test]
fn only_a_ring_that_seems_full_is_looked_at() {
    let fake = Fake::new();
    let mut channel = fake.sending(&SendConfig { progress: SendProgress::Register, batch: 5, ..small() });
    pause(&fake);
    let before = fake.lock().now;
    for frame in 0..5 {
        channel.send(&[1], frame).unwrap();
    }
    assert_eq!(fake.lock().now - before, WRITE_NS, "the doorbell, once");
    work(&fake, 5);
    channel.send(&[1], 5).expect("room, once it has looked");
}

#[test]
fn staging_memory_is_waited_for_together_with_a_descriptor() {
    let fake = Fake::new();
    let mut channel = fake.sending(&small());
    pause(&fake);
    channel.send(&payload(0, 600), 0).unwrap();
    fake.lock().schedule(2000, Event::Work(0, 1));
    let before = fake.lock().now;
    assert_eq!(wait(&fake, &mut channel, Until::Staging(500), 50_000), Wait::Ready);
    assert!((2000..3000).contains(&(fake.lock().now - before)));
    for frame in 0..5 {
        channel.send(&[], frame).unwrap();
    }
    assert_eq!(wait(&fake, &mut channel, Until::Staging(64), 2000), Wait::Deadline, "memory is free, and no descriptor");
}

#[test]
fn what_is_not_sent_is_told_in_every_phase() {
    let fake = Fake::new();
    let card = fake.card();
    let mut channel = card.send_channel(0, &small()).unwrap();
    assert_eq!(channel.unsent(), Unsent::default(), "no run yet");
    let known = Unsent { sent: 1, sent_bytes: 10, frames: 1, descriptors: 1 };
    let begin = |channel: &mut SendChannel<Fake>| {
        channel.start().unwrap();
        pause(&fake);
        channel.send(&payload(0, 10), 0).unwrap();
        channel.send(&payload(1, 20), 1).unwrap();
        channel.flush().unwrap();
        work(&fake, 1);
        channel.reclaim().unwrap();
        assert_eq!(channel.unsent(), known, "running, and nothing of the run before");
    };
    begin(&mut channel);
    assert_eq!((channel.stop(), channel.unsent()), (Ok(known), known), "stopped");
    begin(&mut channel);
    fake.fault(|faults| faults.never_idle = true);
    assert!(matches!(channel.stop(), Err(DriverError::State { .. })));
    assert_eq!((channel.phase(), channel.unsent()), (Phase::Stuck, known), "stuck");
    fake.fault(|faults| faults.never_idle = false);
    begin(&mut channel);
    card.recover(silico_driver::recover::Level::CardReset, &mut []).unwrap();
    assert!(matches!(channel.stop(), Err(DriverError::CardReset { .. })));
    assert_eq!((channel.phase(), channel.unsent()), (Phase::Idle, known), "swept away");
    begin(&mut channel);
    channel.stop().unwrap();
    channel.reset().unwrap();
    assert_eq!((channel.unsent(), channel.stop()), (Unsent::default(), Ok(Unsent::default())), "as after power-on");
}
