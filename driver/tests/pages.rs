//! Reading pages: frames in place, alone, packed and across pages; given back in any order; the life of a run; a card that misbehaves.

use crate::common::{Event, Fake, payload};
use rstest::rstest;
use silico_driver::channel::{CrcError, DataInterrupt, Phase, RingConfig, Turn, Wait, WaitMode, WhenFull, WriteBackPolicy};
use silico_driver::error::{ChannelId, DriverError, EntryFault, Failure, RingFault};
use silico_driver::h2c::SendChannel;
use silico_driver::pages::{PageChannel, PageConfig, PageFrame, PagesStopped};
use silico_driver::platform::Time;
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{CompletionFlags, PageCompletion};
use silico_spec::frame::{FrameHeader, HeaderError};
use silico_spec::registers::c2h;
use silico_spec::units::BusAddr;
use std::num::NonZero;

const FREE_TAIL: u32 = c2h::offset(0, c2h::FREE_TAIL);
const COMP_HEAD: u32 = c2h::offset(0, c2h::COMP_HEAD);
const ID: ChannelId = ChannelId::C2h(0);

fn small() -> PageConfig {
    PageConfig { pages: 5, page_bytes: 256, max_frame: 600, ..PageConfig::default() }
}

fn packed() -> PageConfig {
    PageConfig { packed: true, ..small() }
}

fn sleeping() -> PageConfig {
    PageConfig { interrupt: Some(DataInterrupt::default()), wait: WaitMode::Interrupt, ..small() }
}

const fn fault(fault: RingFault) -> DriverError {
    DriverError::Fault { channel: ID, fault }
}

const fn entry(entry: u64, what: EntryFault) -> DriverError {
    fault(RingFault::Entry { entry, fault: what })
}

fn take(channel: &mut PageChannel<Fake>, sequence: u64, wanted: &[u8]) -> PageFrame {
    let frame = channel.poll().expect("poll").expect("a frame");
    check(channel, &frame, sequence, wanted);
    frame
}

fn check(channel: &PageChannel<Fake>, frame: &PageFrame, sequence: u64, wanted: &[u8]) {
    let view = channel.view(frame).expect("a frame that is out");
    assert_eq!((view.header().sequence, view.len()), (sequence, wanted.len()));
    assert_eq!(view.parts().collect::<Vec<_>>().concat(), wanted);
    view.verify().expect("CRC");
    let mut copy = vec![0; wanted.len() + 3];
    assert_eq!((view.copy_to(&mut copy), &copy[..wanted.len()]), (wanted.len(), wanted));
    assert_eq!(view.copy_to(&mut copy[..wanted.len() / 2]), wanted.len() / 2);
    assert_eq!(view.contiguous().is_some(), view.parts().count() <= 1);
}

fn nothing(channel: &mut PageChannel<Fake>) {
    assert!(channel.poll().expect("poll").is_none());
}

#[rstest]
fn frames_of_every_length_over_many_laps(
    #[values(3, 4, 5, 7)] pages: u32,
    #[values(32, 96, 256, 1024)] page_bytes: u32,
    #[values(false, true)] packed: bool,
    #[values(false, true)] split_anywhere: bool,
) {
    let fake = Fake::new();
    let most = (pages - u32::from(packed)) * page_bytes - 32;
    let mut channel = fake.paged(&PageConfig { pages, page_bytes, packed, max_frame: most.max(1), ..PageConfig::default() });
    fake.fault(|faults| faults.split_anywhere = split_anywhere && packed);
    let mut read = 0;
    for lap in 0..60 {
        for frame in 0..3 {
            fake.deliver(0, &payload(lap * 3 + frame, (lap * 97 + frame * 31) as usize % (most as usize + 1)));
        }
        fake.lock().complete(0, CompletionFlags::FLUSHED);
        for _ in 0..4 {
            while let Some(frame) = channel.poll().expect("poll") {
                let wanted = fake.lock().channel(0).delivered[read].clone();
                check(&channel, &frame, read as u64, &wanted);
                read += 1;
                channel.give_back(frame).unwrap();
            }
            fake.lock().complete(0, CompletionFlags::FLUSHED);
        }
    }
    assert_eq!(read, 180);
    assert_eq!((channel.phase(), channel.pages_held(), fake.lock().hole_writes), (Phase::Running, 0, 0));
}

#[test]
fn pages_come_back_in_any_order() {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { give_back_pages: Some(1), ..small() });
    (0..5).for_each(|frame| fake.deliver(0, &payload(frame, 200)));
    fake.deliver(0, &payload(5, 200));
    let mut held: Vec<_> = (0..5).map(|frame| take(&mut channel, frame, &payload(frame, 200))).collect();
    nothing(&mut channel);
    assert_eq!((channel.pages_held(), fake.lock().channel(0).held.len()), (5, 1), "all are held, and one frame waits");
    // The oldest is kept for ever; the others go back last first.
    let oldest = held.remove(0);
    for sequence in 5..200 {
        let last = held.pop().unwrap();
        channel.give_back(last).unwrap();
        fake.deliver(0, &payload(sequence + 1, 200));
        let new = take(&mut channel, sequence, &payload(sequence, 200));
        held.insert(sequence as usize % (held.len() + 1), new);
        check(&channel, &oldest, 0, &payload(0, 200));
    }
    for (frame, sequence) in held.iter().map(|frame| (frame, frame.header.sequence)) {
        check(&channel, frame, sequence, &payload(sequence, 200));
    }
}

#[test]
fn a_packed_page_goes_back_with_its_last_frame() {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { give_back_pages: Some(1), ..packed() });
    (0..5).for_each(|frame| fake.deliver(0, &payload(frame, 32)));
    let a = take(&mut channel, 0, &payload(0, 32));
    let b = take(&mut channel, 1, &payload(1, 32));
    let c = take(&mut channel, 2, &payload(2, 32));
    assert_eq!((a.page(), b.page(), c.page()), (0, 0, 0));
    let d = take(&mut channel, 3, &payload(3, 32));
    nothing(&mut channel);
    channel.give_back(b).unwrap();
    channel.give_back(d).unwrap();
    channel.give_back(a).unwrap();
    assert_eq!((fake.writes(FREE_TAIL), channel.pages_held()), (vec![5], 1));
    channel.give_back(c).unwrap();
    assert_eq!((fake.writes(FREE_TAIL), channel.pages_held()), (vec![5, 6], 0));
}

#[test]
fn a_frame_across_pages_keeps_them_all() {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { give_back_pages: Some(1), ..small() });
    fake.deliver(0, &payload(0, 600));
    let frame = take(&mut channel, 0, &payload(0, 600));
    assert_eq!((frame.pages(), channel.pages_held()), (3, 3));
    let lengths: Vec<_> = channel.view(&frame).unwrap().parts().map(<[u8]>::len).collect();
    assert_eq!(lengths, [224, 256, 120]);
    channel.give_back(frame).unwrap();
    assert_eq!(channel.pages_held(), 0);
}

#[test]
fn a_frame_that_is_not_there_in_whole_is_waited_for() {
    let fake = Fake::new();
    let mut channel = fake.paged(&small());
    fake.deliver(0, &payload(0, 400));
    let addr = fake.lock().channel(0).get(c2h::COMP_BASE) + 32;
    let second = fake.lock().memory(addr, 32).to_vec();
    fake.lock().poke(addr, &[0; 32]);
    nothing(&mut channel);
    fake.lock().poke(addr, &second);
    drop(take(&mut channel, 0, &payload(0, 400)));
}

#[test]
fn the_timer_flushes_a_packed_page() {
    let fake = Fake::new();
    let interrupt = Some(DataInterrupt::default());
    let mut channel = fake.paged(&PageConfig { flush_time: 700, interrupt, wait: WaitMode::Interrupt, ..packed() });
    fake.deliver(0, &payload(0, 10));
    nothing(&mut channel);
    let (start, deadline) = (fake.now(), fake.after(10_000));
    assert_eq!(channel.wait(deadline), Ok(Wait::Ready));
    assert!((fake.now().0 - start.0) < 1500);
    drop(take(&mut channel, 0, &payload(0, 10)));
}

#[rstest]
#[case::default(None, vec![5, 6, 7, 8, 9, 10])]
#[case::three(Some(3), vec![5, 8])]
#[case::all(Some(5), vec![5, 10])]
fn doorbells_are_batched_and_entries_come_first(#[case] give_back_pages: Option<u32>, #[case] wanted: Vec<u64>) {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { give_back_pages, ..small() });
    for frame in 0..5 {
        fake.deliver(0, &payload(frame, 100));
    }
    for frame in 0..5 {
        let frame = take(&mut channel, frame, &payload(frame, 100));
        let before = fake.lock().writes.len();
        channel.give_back(frame).unwrap();
        let rung: Vec<_> = fake.lock().writes[before..].iter().map(|write| write.0).collect();
        assert!(rung.is_empty() || rung == [COMP_HEAD, FREE_TAIL], "{rung:?}");
    }
    assert_eq!(fake.writes(FREE_TAIL), wanted);
    nothing(&mut channel);
    assert!(fake.writes(FREE_TAIL).last() >= wanted.last(), "an empty poll rings for the rest");
}

/// With fewer entries than pages, they go back to the card by themselves: while frames are held, and in the middle of one that is not whole.
#[rstest]
#[case::poll(WaitMode::Poll)]
#[case::sleep(WaitMode::Interrupt)]
fn a_short_completion_ring_goes_on_while_pages_are_held(#[case] wait: WaitMode) {
    let fake = Fake::new();
    let config = PageConfig { pages: 12, completion_entries: Some(3), wait, ..sleeping() };
    let mut channel = fake.paged(&config);
    assert_eq!(fake.lock().channel(0).get(c2h::COMP_ENTRIES), 3);
    let made: Vec<_> = [100, 600, 200, 500, 10].map(|length| payload(length as u64, length)).to_vec();
    made.iter().for_each(|frame| fake.deliver(0, frame));
    let mut kept = Vec::new();
    for (number, wanted) in made.iter().enumerate() {
        let deadline = fake.now().after(1_000_000);
        assert_eq!(channel.wait(deadline), Ok(Wait::Ready), "frame {number}");
        kept.push(take(&mut channel, number as u64, wanted));
    }
    assert_eq!((fake.writes(FREE_TAIL), fake.writes(COMP_HEAD).last()), (vec![12], Some(&9)), "no page went back, and all entries did");
    for (number, (frame, wanted)) in kept.into_iter().zip(&made).enumerate() {
        check(&channel, &frame, number as u64, wanted);
        channel.give_back(frame).unwrap();
    }
    nothing(&mut channel);
    assert_eq!(channel.wait_stats().lost, 0);
}

#[test]
fn handles_of_another_run_or_channel_are_refused() {
    let fake = Fake::new();
    let card = fake.card();
    let mut channels: Vec<_> = (0..2).map(|number| card.page_channel(number, &small()).unwrap()).collect();
    channels.iter_mut().for_each(|channel| channel.start().unwrap());
    let [zero, one] = &mut channels[..] else { panic!() };
    fake.deliver(0, &payload(0, 10));
    fake.deliver(1, &payload(1, 10));
    let frame = one.poll().unwrap().unwrap();
    assert_eq!(zero.view(&frame).unwrap_err(), DriverError::Stale { channel: ID, what: "frame", number: 0 });
    assert!(zero.give_back(frame).is_err());
    let old = take(zero, 0, &payload(0, 10));
    zero.stop().unwrap();
    check(zero, &old, 0, &payload(0, 10));
    zero.start().unwrap();
    fake.deliver(0, &payload(2, 10));
    let new = take(zero, 0, &payload(2, 10));
    assert_eq!(new.page(), old.page());
    assert!(zero.view(&old).is_err());
    assert!(matches!(zero.give_back(old), Err(DriverError::Stale { .. })));
    check(zero, &new, 0, &payload(2, 10));
    zero.reset().unwrap();
    assert!(zero.give_back(new).is_err());
}

#[test]
fn stop_restart_reset_drop() {
    let fake = Fake::new();
    let mut channel = fake.paged(&packed());
    let programmed: Vec<_> = fake.lock().writes.iter().filter(|write| write.0 >= c2h::BASE).copied().collect();
    for run in 1..4 {
        (0..9).for_each(|frame| fake.deliver(0, &payload(frame, 200)));
        let kept = take(&mut channel, 0, &payload(0, 200));
        let stopped = channel.stop().unwrap();
        assert_eq!(stopped, PagesStopped { pages: 5, frames: 5, dropped: 0, discarded: 4 });
        for frame in 1..5 {
            let frame = take(&mut channel, frame, &payload(frame, 200));
            channel.give_back(frame).unwrap();
        }
        nothing(&mut channel);
        assert_eq!((channel.stop(), channel.bytes(), channel.run()), (Ok(stopped), 5 * 256, run));
        channel.give_back(kept).unwrap();
        fake.lock().writes.clear();
        channel.restart().unwrap();
        assert_eq!(fake.lock().writes, programmed, "everything is programmed anew");
        assert_eq!((channel.frames(), channel.pages_held(), fake.lock().channel(0).pages.held()), (0, 0, 5));
    }
    assert_eq!(channel.start(), Err(DriverError::Running { channel: ID }));
    fake.deliver(0, &payload(0, 200));
    channel.reset().unwrap();
    nothing(&mut channel);
    channel.start().unwrap();
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 0);
    assert_eq!(fake.lock().channel(0).state as u8, 0);
}

#[test]
fn the_configuration_reaches_its_registers() {
    let fake = Fake::new();
    let write_back = Some(WriteBackPolicy { frames: 3, bytes: 4, time: 5 });
    let _channel = fake.paged(&PageConfig { flush_time: 44, relaxed: true, write_back, ..packed() });
    let get = |register| fake.lock().channel(0).get(register);
    assert_eq!([c2h::FREE_BASE, c2h::COMP_BASE, c2h::WB_ADDR].map(get).map(|addr| addr % 64), [0; 3]);
    assert_eq!([c2h::FREE_ENTRIES, c2h::COMP_ENTRIES, c2h::FLUSH_TIME, c2h::CONFIG].map(get), [5, 5, 44, 0x6c]);
    assert_eq!([c2h::WB_FRAMES, c2h::WB_BYTES, c2h::WB_TIME, c2h::MAX_FRAME].map(get), [3, 4, 5, 600]);
    assert_eq!(fake.lock().hole_writes, 0);
}

#[rstest]
fn every_mode_wakes_for_a_frame_and_gives_up_at_the_deadline(
    #[values(WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 3200 })] mode: WaitMode,
    #[values(0, 1000, 9_999, 50_000)] arrives: u64,
) {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { wait: mode, ..sleeping() });
    for frame in 0..4 {
        fake.deliver_in(arrives, &payload(frame, 400));
        let (start, deadline) = (fake.now(), fake.after(20_000));
        let end = channel.wait(deadline).expect("wait");
        let took = fake.now().0 - start.0;
        if arrives < 20_000 {
            assert_eq!(end, Wait::Ready);
            assert!(took < arrives + 4000, "{took}");
        } else {
            assert_eq!(end, Wait::Deadline);
            fake.pause(silico_driver::platform::Nanos(start.0 + arrives));
        }
        let frame = take(&mut channel, frame, &payload(frame, 400));
        channel.give_back(frame).unwrap();
    }
}

/// One frame of 100 bytes read from page 0 and given back; pages 1 to 4 are the card's.
fn after_one_frame(config: &PageConfig) -> (Fake, PageChannel<Fake>) {
    let fake = Fake::new();
    let mut channel = fake.paged(config);
    fake.deliver(0, &payload(0, 100));
    let frame = take(&mut channel, 0, &payload(0, 100));
    nothing(&mut channel);
    drop(frame);
    (fake, channel)
}

fn lasting(channel: &mut PageChannel<Fake>) -> DriverError {
    let first = channel.poll().expect_err("an error");
    assert_eq!(channel.poll().expect_err("the error again"), first);
    first
}

/// The entry that a good card would write next.
fn good() -> PageCompletion {
    PageCompletion { cookie: 1, bytes: 256, sequence: 1, stamp: 0, frames: 1, flags: CompletionFlags(0) }
}

#[rstest]
#[case::cookie(|entry: &mut PageCompletion| entry.cookie = 5, EntryFault::Cookie { found: 5, pages: 5 })]
#[case::huge_cookie(|entry: &mut PageCompletion| entry.cookie = u32::MAX, EntryFault::Cookie { found: u32::MAX, pages: 5 })]
#[case::twice(|entry: &mut PageCompletion| entry.cookie = 0, EntryFault::NotGiven { page: 0 })]
#[case::no_bytes(|entry: &mut PageCompletion| entry.bytes = 0, EntryFault::Bytes { found: 0, page_bytes: 256 })]
#[case::too_many(|entry: &mut PageCompletion| entry.bytes = 288, EntryFault::Bytes { found: 288, page_bytes: 256 })]
#[case::off_grid(|entry: &mut PageCompletion| entry.bytes = 100, EntryFault::Bytes { found: 100, page_bytes: 256 })]
#[case::stale(|entry: &mut PageCompletion| entry.sequence = 0, EntryFault::Sequence { found: 0 })]
#[case::ahead(|entry: &mut PageCompletion| entry.sequence = 2, EntryFault::Sequence { found: 2 })]
#[case::flags(|entry: &mut PageCompletion| entry.flags.0 = 8, EntryFault::Flags { found: 0x8000_0008 })]
#[case::continues(|entry: &mut PageCompletion| entry.flags.0 = 1, EntryFault::Continues { found: true })]
fn bad_entries_are_refused(#[case] change: fn(&mut PageCompletion), #[case] error: EntryFault) {
    let (fake, mut channel) = after_one_frame(&small());
    let mut bad = good();
    change(&mut bad);
    fake.lock().write_completion(0, 1, bad);
    assert_eq!(lasting(&mut channel), entry(1, error));
    channel.restart().unwrap();
    fake.deliver(0, &payload(7, 100));
    drop(take(&mut channel, 0, &payload(7, 100)));
}

#[test]
fn an_entry_of_the_lap_before_is_nothing() {
    let fake = Fake::new();
    let mut channel = fake.paged(&small());
    for sequence in 0..12 {
        fake.deliver(0, &payload(sequence, 100));
        let frame = take(&mut channel, sequence, &payload(sequence, 100));
        channel.give_back(frame).unwrap();
        nothing(&mut channel);
    }
    // Right phase, number of two laps ago.
    fake.lock().write_completion(0, 12, PageCompletion { sequence: 2, ..good() });
    assert_eq!(lasting(&mut channel), entry(12, EntryFault::Sequence { found: 2 }));
}

#[rstest]
#[case::frames(|entry: &mut PageCompletion| entry.frames = 2, EntryFault::Frames { announced: 2, found: 1 })]
#[case::continued(|entry: &mut PageCompletion| entry.flags.0 = 2, EntryFault::Continued { found: true })]
fn an_entry_that_its_frames_belie_is_refused(#[case] change: fn(&mut PageCompletion), #[case] error: EntryFault) {
    let (fake, mut channel) = after_one_frame(&small());
    fake.deliver(0, &payload(1, 224));
    let mut bad = good();
    change(&mut bad);
    fake.lock().write_completion(0, 1, bad);
    drop(take(&mut channel, 1, &payload(1, 224)));
    assert_eq!(lasting(&mut channel), entry(1, error));
}

#[rstest]
#[case::first(1, 0, fault(RingFault::FrameLength { position: 160, length: 400, limit: 224 }))]
#[case::second_continues(2, 0, entry(2, EntryFault::Continues { found: false }))]
fn a_frame_that_breaks_off_is_refused(#[case] at: u64, #[case] flags: u32, #[case] error: DriverError) {
    let (fake, mut channel) = after_one_frame(&small());
    fake.deliver(0, &payload(1, 400));
    let frames = if at == 1 { 0 } else { 1 };
    let bytes = if at == 1 { 256 } else { 192 };
    let bad = PageCompletion { cookie: at as u32, sequence: at, frames, bytes, flags: CompletionFlags(flags), stamp: 0 };
    fake.lock().write_completion(0, at, bad);
    assert_eq!(lasting(&mut channel), error);
}

#[test]
fn a_frame_that_goes_on_and_does_not_end_is_refused() {
    let (fake, mut channel) = after_one_frame(&small());
    fake.deliver(0, &payload(1, 400));
    let short = PageCompletion { cookie: 2, sequence: 2, bytes: 32, flags: CompletionFlags(CompletionFlags::CONTINUES), ..good() };
    fake.lock().write_completion(0, 2, short);
    assert_eq!(lasting(&mut channel), entry(2, EntryFault::Continued { found: false }));
}

#[rstest]
#[case::magic(|header: &mut [u8; 32]| header[0] = 0xff, RingFault::Header { position: 160, error: HeaderError::Magic(0x51ff) })]
#[case::channel(|header: &mut [u8; 32]| header[2] = 1, RingFault::FrameChannel { position: 160, found: 1 })]
#[case::length(|header: &mut [u8; 32]| header[4..8].fill(0xff), RingFault::FrameLength { position: 160, length: u32::MAX, limit: 128 })]
fn bad_headers_are_refused(#[case] change: fn(&mut [u8; 32]), #[case] error: RingFault) {
    let (fake, mut channel) = after_one_frame(&small());
    let addr = fake.lock().channel(0).pages.free[0].address;
    fake.deliver(0, &payload(1, 100));
    let mut header = FrameHeader { length: 100, sequence: 1, ..FrameHeader::default() }.emit();
    change(&mut header);
    fake.lock().poke(addr, &header);
    assert_eq!(lasting(&mut channel), fault(error));
}

#[test]
fn a_frame_over_the_limit_is_refused() {
    let (fake, mut channel) = after_one_frame(&small());
    fake.deliver(0, &payload(1, 601));
    assert_eq!(lasting(&mut channel), fault(RingFault::FrameLength { position: 160, length: 601, limit: 600 }));
}

#[test]
fn all_ones_in_an_entry_ask_the_card() {
    let (fake, mut channel) = after_one_frame(&small());
    let addr = fake.lock().channel(0).get(c2h::COMP_BASE) + 32;
    fake.lock().poke(addr, &[0xff; 32]);
    assert_eq!(lasting(&mut channel), entry(1, EntryFault::AllOnes));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(lasting(&mut channel), DriverError::Gone { register: "ID" });
}

#[test]
fn an_entry_that_is_missing_at_the_end_is_noticed() {
    let (fake, mut channel) = after_one_frame(&small());
    fake.deliver(0, &payload(1, 10));
    let addr = fake.lock().channel(0).get(c2h::COMP_BASE) + 32;
    fake.lock().poke(addr, &[0; 32]);
    channel.stop().unwrap();
    assert_eq!(lasting(&mut channel), fault(RingFault::FinalCount { block: 1, register: 2 }));
    let (fake, mut channel) = after_one_frame(&small());
    fake.reads(c2h::offset(0, c2h::COMP_TAIL), 0);
    assert_eq!(channel.stop(), Err(fault(RingFault::DoneBackwards { found: 0, seen: 1 })));
}

#[rstest]
#[case::by_block(Some(WriteBackPolicy::default()), WaitMode::Poll)]
#[case::by_registers(None, WaitMode::Poll)]
#[case::by_interrupt(None, WaitMode::Interrupt)]
fn a_failure_comes_after_the_frames_and_can_be_left(#[case] write_back: Option<WriteBackPolicy>, #[case] wait: WaitMode) {
    let (fake, mut channel) = after_one_frame(&PageConfig { write_back, wait, ..sleeping() });
    fake.deliver(0, &payload(1, 50));
    fake.lock().channel(0).error_cookie = 3;
    fake.lock().fail(0, 12, 0x77);
    drop(take(&mut channel, 1, &payload(1, 50)));
    let failure = Failure { code: 12, addr: BusAddr(0x77), cookie: 3 };
    let error = DriverError::Failed { channel: ID, failure };
    let deadline = fake.after(1000);
    assert_eq!(channel.wait(deadline), Err(error));
    assert_eq!((lasting(&mut channel), channel.stop()), (error, Err(error)));
    channel.restart().unwrap();
    fake.deliver(0, &payload(0, 50));
    drop(take(&mut channel, 0, &payload(0, 50)));
}

#[test]
fn what_hangs_vanishes_or_storms_ends() {
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.fault(|faults| (faults.never_idle, faults.ignore_reset) = (true, true));
    assert!(matches!(channel.stop(), Err(DriverError::State { .. })));
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 7, "leaked: the card may still write");
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.lock().schedule(500, Event::Gone);
    let deadline = fake.after(1000);
    assert!(matches!(channel.wait(deadline), Err(DriverError::Gone { .. })));
    let (fake, mut channel) = after_one_frame(&sleeping());
    fake.fault(|faults| faults.lose_interrupts = true);
    fake.deliver_in(500, &payload(1, 10));
    let deadline = fake.after(1000);
    assert_eq!(channel.wait(deadline), Ok(Wait::LostWakeUp { frames: 1 }));
    fake.fault(|faults| faults.storm = true);
    drop(take(&mut channel, 1, &payload(1, 10)));
    let deadline = fake.after(1 << 40);
    assert!(matches!(channel.wait(deadline), Err(DriverError::InterruptStorm { count: 1000, .. })));
}

#[test]
fn channels_and_frames_move_between_threads() {
    const fn is_send<T: Send>() {}
    is_send::<PageChannel<Fake>>();
    is_send::<SendChannel<Fake>>();
    is_send::<silico_driver::channel::RingChannel<Fake>>();
    is_send::<PageFrame>();
    let fake = Fake::new();
    let ring = fake.card().channel(1, &RingConfig::default()).unwrap();
    assert_eq!(std::thread::spawn(move || ring.number()).join().unwrap(), 1);
}

#[test]
fn frames_at_hand_need_no_wait() {
    let fake = Fake::new();
    let mut channel = fake.paged(&sleeping());
    fake.deliver(0, &payload(0, 10));
    for _ in 0..2 {
        assert_eq!(channel.wait(fake.after(1000)), Ok(Wait::Ready));
        assert_eq!((channel.wait_stats().polled, channel.wait_stats().armed), (1, 0), "looked for once");
    }
}

#[test]
fn a_wait_gives_back_then_arms_with_what_was_seen() {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { give_back_pages: Some(5), ..sleeping() });
    fake.deliver(0, &payload(0, 10));
    let frame = take(&mut channel, 0, &payload(0, 10));
    channel.give_back(frame).unwrap();
    let before = fake.lock().writes.len();
    assert_eq!(channel.wait(fake.after(1000)), Ok(Wait::Deadline));
    assert_eq!(fake.lock().writes[before..], [(COMP_HEAD, 1), (FREE_TAIL, 6), (c2h::offset(0, c2h::INT_DATA_ARM), 1)]);
}

/// A card whose completion ring is short may wait for the entries of a frame before it goes on with that frame; one with an entry for each page waits for
/// pages alone, and is told of both together.
#[rstest]
#[case::short_ring(Some(8), &[1])]
#[case::an_entry_for_each_page(None, &[])]
fn entries_of_a_frame_in_the_making_go_back_where_it_may_wait_for_them(#[case] completion_entries: Option<u32>, #[case] wanted: &[u64]) {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { pages: 12, completion_entries, ..small() });
    fake.deliver(0, &payload(0, 400));
    let addr = fake.lock().channel(0).get(c2h::COMP_BASE);
    let first = fake.lock().memory(addr, 32).to_vec();
    fake.lock().poke(addr, &[0; 64]);
    fake.lock().schedule(1000, Event::Poke(addr, first));
    assert_eq!(channel.wait(fake.after(5000)), Ok(Wait::Deadline));
    assert_eq!(fake.writes(COMP_HEAD), wanted);
}

/// The card had no entry for the rest of it, and counts it as discarded.
#[test]
fn pages_of_a_frame_that_a_stop_has_cut_come_back() {
    let fake = Fake::new();
    let mut channel = fake.paged(&small());
    fake.deliver(0, &payload(0, 400));
    let addr = fake.lock().channel(0).get(c2h::COMP_BASE) + 32;
    fake.lock().poke(addr, &[0; 32]);
    fake.reads(c2h::offset(0, c2h::COMP_TAIL), 1);
    nothing(&mut channel);
    assert_eq!((channel.stop().map(|stopped| stopped.pages), channel.pages_held()), (Ok(1), 1));
    nothing(&mut channel);
    assert_eq!(channel.pages_held(), 0);
}

/// The write-back block of a channel with pages tells of what no entry does, in each run anew.
#[test]
fn the_block_tells_of_drops_and_of_the_failure() {
    let fake = Fake::new();
    let write_back = Some(WriteBackPolicy { frames: 1, bytes: 0, time: 0 });
    let mut channel = fake.paged(&PageConfig { write_back, when_full: WhenFull::Drop, ..small() });
    for _ in 0..3 {
        (0..7).for_each(|frame| fake.deliver(0, &payload(frame, 200)));
        for frame in 0..5 {
            let frame = take(&mut channel, frame, &payload(frame, 200));
            channel.give_back(frame).unwrap();
        }
        nothing(&mut channel);
        fake.deliver(0, &payload(7, 200));
        drop(take(&mut channel, 5, &payload(7, 200)));
        nothing(&mut channel);
        assert_eq!(channel.dropped(), 2);
        fake.lock().fail(0, 12, 0x77);
        let failure = Failure { code: 12, addr: BusAddr(0x77), cookie: 0 };
        assert_eq!(lasting(&mut channel), DriverError::Failed { channel: ID, failure });
        channel.restart().unwrap();
        assert_eq!(channel.dropped(), 0);
    }
}

#[test]
fn a_frame_behind_another_ends_with_its_page() {
    let fake = Fake::new();
    let mut channel = fake.paged(&packed());
    let addr = fake.lock().channel(0).pages.free[0].address;
    fake.deliver(0, &payload(0, 100));
    fake.deliver(0, &payload(1, 40));
    // 256 bytes: 160 of the first frame, and 96 of one that says that it has 32 more.
    fake.lock().poke(addr + 160, &FrameHeader { length: 65, sequence: 1, ..FrameHeader::default() }.emit());
    drop(take(&mut channel, 0, &payload(0, 100)));
    assert_eq!(lasting(&mut channel), fault(RingFault::FrameLength { position: 160, length: 65, limit: 64 }));
}

#[test]
fn a_wrong_crc_is_found_by_who_asks() {
    let fake = Fake::new();
    let mut channel = fake.paged(&small());
    let addr = fake.lock().channel(0).pages.free[0].address;
    let mut bytes = payload(0, 100);
    fake.deliver(0, &bytes);
    let expected = crc32c(&bytes);
    bytes[3] ^= 1;
    fake.lock().poke(addr + 32, &bytes);
    let frame = channel.poll().unwrap().unwrap();
    assert_eq!(channel.view(&frame).unwrap().verify(), Err(CrcError { sequence: 0, expected, found: crc32c(&bytes) }));
}

#[test]
fn a_busy_channel_is_served_in_turns_and_arms_no_interrupt_meanwhile() {
    let fake = Fake::new();
    let mut channel = fake.paged(&PageConfig { pages: 16, give_back_pages: Some(16), ..sleeping() });
    let budget = NonZero::new(3).unwrap();
    for frame in 0..7 {
        fake.deliver(0, &payload(frame, 40));
    }
    let mut seen = Vec::new();
    let mut turn = || {
        let turn = channel.serve(budget, fake.after(10_000), |frame| seen.push(frame.header().sequence)).unwrap();
        (turn, channel.wait_stats().armed, fake.writes(FREE_TAIL).last().copied())
    };
    assert_eq!([turn(), turn()], [(Turn::Budget, 0, Some(19)), (Turn::Budget, 0, Some(22))], "given back at the end of each turn");
    assert_eq!(turn(), (Turn::Served(1), 0, Some(23)));
    assert_eq!(turn(), (Turn::Idle(Wait::Deadline), 1, Some(23)));
    fake.deliver_in(500, &payload(7, 40));
    assert_eq!(turn(), (Turn::Served(1), 2, Some(24)));
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
}
