//! What the card tells observers: in each clock, what each channel does or waits for.

use crate::common::{Bench, Host, MEMORY, PageHost};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Class, Limit};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::{Activity, ChannelView, Inspect, PageEnd, Report};
use silico_spec::registers::{c2h, h2c};
use silico_spec::writeback::{ChannelError, ChannelState};

/// The activities of two channels over some clocks, each once, in the order in which they were first seen.
fn seen(bench: &mut Bench<Card>, view: impl Fn(&Card, usize) -> Option<Activity>) -> [Vec<Activity>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..400 {
        bench.run(1);
        for (channel, all) in all.iter_mut().enumerate() {
            let activity = view(&bench.card, channel).expect("a channel");
            if !all.contains(&activity) {
                all.push(activity);
            }
        }
    }
    all
}

#[test]
fn a_channel_that_sends_says_so_and_no_other_does() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    bench.host = Some(Host::new(3));
    for channel in [0, 1] {
        bench.set_up_ring(channel, 0x4000, 0, 2000);
        bench.set32(channel, c2h::CONTROL, 1);
    }
    bench.run(20);
    bench.feed(0, &[1; 700], bench.now);
    let [first, second] = seen(&mut bench, |card, channel| card.c2h(channel).map(|view| view.activity));
    assert!(first.contains(&Activity::Sending) && first.contains(&Activity::NoData), "{first:?}");
    assert_eq!(second, [Activity::NoData]);
    bench.set32(1, c2h::CONTROL, 0);
    bench.run(20);
    assert_eq!(bench.card.c2h(1).map(|view| view.activity), Some(Activity::Idle));
    assert!(bench.card.c2h(4).is_none() && bench.card.h2c(2).is_none());

    for channel in [0, 1] {
        bench.set_up_h2c(channel, 8, 1);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
    }
    bench.put(0, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 700, flags: DescriptorFlags(1), cookie: 0 });
    bench.h2c_set64(0, h2c::TAIL, 1);
    let [first, second] = seen(&mut bench, |card, channel| card.h2c(channel).map(|view| view.activity));
    assert!(first.contains(&Activity::Sending) && first.contains(&Activity::Reading), "{first:?}");
    assert_eq!(second, [Activity::NoData]);
}

fn bench() -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(4);
    bench.enable();
    bench
}

#[test]
fn a_view_tells_how_far_a_ring_has_come_and_why_it_was_told() {
    const WRITE_BACK: u32 = 1 << 2;
    let mut bench = bench();
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 1000);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 3);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    for _ in 0..5 {
        // A quarter of the ring.
        bench.feed(0, &[1; 992], bench.now);
        bench.run(200);
        let count = bench.get64(0, c2h::HW_COUNT);
        bench.set64(0, c2h::SW_COUNT, count);
    }
    bench.run(20);
    let view = ChannelView {
        state: ChannelState::Running,
        activity: Activity::NoData,
        laps: 1,
        blocks: 5,
        block: Report::Count,
        signals: 1,
        signal: Report::Count,
        ..ChannelView::default()
    };
    assert_eq!(bench.card.c2h(0), Some(view));
    bench.set64(0, c2h::SW_COUNT, 1 << 40);
    bench.run(50);
    let (state, error, activity) = (ChannelState::Error, ChannelError::BadDoorbell, Activity::Failed);
    assert_eq!(bench.card.c2h(0), Some(ChannelView { state, error, activity, blocks: 6, block: Report::Failure, ..view }));
}

#[test]
fn a_view_tells_of_pages_that_wait_for_entries() {
    let mut bench = bench();
    bench.host = Some(Host::new(3));
    let mut host = PageHost::set_up(&mut bench, 0, 16, 2, 0);
    bench.set32(0, c2h::CONTROL, 1);
    host.give(&mut bench, 0, &[(0, 64), (0x1000, 128), (0x2000, 128)]);
    bench.run(500);
    for (frames, entry) in [(1, PageEnd::Full), (2, PageEnd::Frame), (3, PageEnd::Frame)] {
        bench.feed(0, &[1; 20], bench.now);
        bench.run(200);
        let entries = u64::min(frames, 2);
        let view = ChannelView {
            state: ChannelState::Running,
            activity: Activity::NoData,
            pages: true,
            laps: entries / 2,
            entries,
            entry,
            entries_full: frames == 3,
            ..ChannelView::default()
        };
        assert_eq!(bench.card.c2h(0), Some(view), "{frames} frames");
    }
}

#[test]
fn tags_of_outstanding_reads_are_in_use() {
    let mut bench = bench();
    assert_eq!(bench.card.tags(), (0, 256));
    // Nobody answers.
    for channel in [0, 1] {
        bench.set_up_h2c(channel, 8, 1);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        bench.h2c_set64(channel, h2c::TAIL, 1);
    }
    bench.run(50);
    assert_eq!(bench.card.tags(), (2, 256));
    assert_eq!([0, 1].map(|channel| bench.card.h2c(channel).map(|view| view.reads)), [Some(1); 2]);
}

/// So many TLPs of `class` may go from now on.
fn grant(bench: &mut Bench<Card>, class: Class, tlps: u8) {
    let used = bench.sent.iter().filter(|sent| sent.header.kind().class() == class).count() as u8;
    bench.stimulus.credits.0[class as usize] = Limit::new(Some(used.wrapping_add(tlps)), None);
}

/// What channel 0 does now, and its outstanding reads.
fn now(bench: &mut Bench<Card>) -> (Activity, u16) {
    bench.run(200);
    bench.card.c2h(0).map(|view| (view.activity, view.reads)).expect("a channel")
}

#[test]
fn a_ring_that_waits_says_for_what() {
    const WRITE_BACK: u32 = 1 << 2;
    let mut bench = bench();
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    assert_eq!(now(&mut bench), (Activity::NoData, 0));
    grant(&mut bench, Class::Posted, 0);
    bench.feed(0, &[1; 20], bench.now);
    assert_eq!(now(&mut bench), (Activity::Wanting, 0), "to send a frame");
    grant(&mut bench, Class::Posted, 1);
    assert_eq!(now(&mut bench), (Activity::Wanting, 0), "to send its block");
    assert_eq!(bench.get64(0, c2h::FRAMES), 1);
    grant(&mut bench, Class::Posted, 100);
    assert_eq!(now(&mut bench), (Activity::NoData, 0));
    (0..4).for_each(|_| bench.feed(0, &[1; 992], bench.now));
    assert_eq!(now(&mut bench), (Activity::NoRoom, 0));
}

#[test]
fn a_channel_with_pages_that_waits_says_for_what() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, 0);
    bench.set32(0, c2h::CONTROL, 1);
    grant(&mut bench, Class::NonPosted, 0);
    host.give(&mut bench, 0, &[(0, 512)]);
    assert_eq!(now(&mut bench), (Activity::Wanting, 0), "to read its descriptor");
    bench.host = Some(Host::new(3));
    bench.host.as_mut().unwrap().delay = (300, 0);
    grant(&mut bench, Class::NonPosted, 1);
    assert_eq!(now(&mut bench), (Activity::Reading, 1));
    bench.run(300);
    assert_eq!(now(&mut bench), (Activity::NoData, 0));
    grant(&mut bench, Class::Posted, 1);
    bench.feed(0, &[1; 20], bench.now);
    assert_eq!(now(&mut bench), (Activity::Wanting, 0), "to send the page's entry");
    grant(&mut bench, Class::Posted, 1);
    bench.feed(0, &[1; 20], bench.now);
    assert_eq!(now(&mut bench), (Activity::NoRoom, 0), "there is no other page");
    assert_eq!(bench.get64(0, c2h::COMP_TAIL), 1);
}

/// A tag at rest, since its read has timed out, is as good as in use.
#[test]
fn tags_in_quarantine_are_not_free() {
    let params = CardParams { read_timeout: 1000, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    for (channel, tags) in [(0, 1), (1, 2)] {
        bench.set_up_h2c(channel, 8, 1);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        bench.h2c_set64(channel, h2c::TAIL, 1);
        bench.run(50);
        assert_eq!(bench.card.tags(), (tags, 256));
        bench.run(2000 * (1 - u64::from(channel)));
    }
    assert_eq!(bench.card.c2h(0).map(|view| view.reads), Some(0));
}

#[test]
fn device_control_lies_in_the_express_capability() {
    let mut bench = bench();
    assert_eq!(bench.card.device_control(), bench.find_capability(0x10) + 8);
}

/// Why the last page was completed, of each reason that there is.
#[test]
fn a_view_tells_why_a_page_was_completed() {
    const PACKED: u32 = 1 << 6;
    let mut bench = bench();
    bench.host = Some(Host::new(3));
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, PACKED);
    bench.set32(0, c2h::FLUSH_TIME, 500);
    bench.set32(0, c2h::CONTROL, 1);
    host.give(&mut bench, 0, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|page| (0x1000 * page, 256)));
    bench.run(500);
    let mut ended = |frames: &[usize], clocks| {
        frames.iter().for_each(|bytes| bench.feed(0, &vec![1; *bytes], bench.now));
        bench.run(clocks);
        bench.card.c2h(0).map(|view| (view.entry, view.entries)).unwrap()
    };
    assert_eq!(ended(&[20], 300), (PageEnd::None, 0));
    assert_eq!(ended(&[], 400), (PageEnd::Timer, 1));
    assert_eq!(ended(&[224], 300), (PageEnd::Full, 2));
    assert_eq!(ended(&[100, 150], 300), (PageEnd::NoFit, 3));
    assert_eq!(ended(&[], 500), (PageEnd::Timer, 4));
    // Over five pages, of which the last is open.
    assert_eq!(ended(&[1000], 300), (PageEnd::GoesOn, 8));
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    assert_eq!(bench.card.c2h(0).map(|view| (view.entry, view.entries)), Some((PageEnd::Stop, 9)));
}

/// Why an interrupt came: so many descriptors, the time since the first that was not told, or one that wants it at once.
#[rstest]
#[case::count(2, 5000, 1, 100, Report::Count)]
#[case::time(5, 300, 1, 500, Report::Time)]
#[case::wanted(5, 5000, 1 | DescriptorFlags::INTERRUPT, 100, Report::Wanted)]
fn a_view_tells_why_an_interrupt_came(#[case] count: u32, #[case] time: u32, #[case] flags: u32, #[case] clocks: u64, #[case] why: Report) {
    let mut bench = bench();
    bench.host = Some(Host::new(3));
    bench.host.as_mut().unwrap().delay = (10, 0);
    bench.set_up_h2c(0, 8, 1);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 3);
    bench.h2c_set32(0, h2c::INT_SPACE_COUNT, count);
    bench.h2c_set32(0, h2c::INT_SPACE_TIME, time);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    for (index, flags, clocks, told) in [(0, 1, 100, (0, Report::None)), (1, flags, clocks, (1, why))] {
        bench.put(0, 8, index, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 64, flags: DescriptorFlags(flags), cookie: 1 });
        bench.h2c_set64(0, h2c::TAIL, index + 1);
        bench.run(clocks);
        assert_eq!(bench.card.h2c(0).map(|view| (view.signals, view.signal)), Some(told));
    }
}
