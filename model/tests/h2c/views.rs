//! What a host-to-card channel shows of itself: what it does, what keeps it, and what it told the host.

use super::{SINK, STREAM, WRITE_BACK};
use crate::common::{Bench, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::Limit;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::{Activity, ChannelView, Inspect, Report};
use silico_spec::registers::h2c;
use silico_spec::units::Cycle;
use silico_spec::writeback::{ChannelError, ChannelState};

/// An H2C channel 0 that runs on a ring of two descriptors, with a host that takes its time; a block and, where armed, an interrupt for each.
fn sender(config: u32) -> Bench<Card> {
    let params = CardParams { h2c_buffer_bytes: 8192, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(4);
    bench.enable();
    let mut host = Host::new(3);
    host.delay = (300, 0);
    bench.host = Some(host);
    bench.set_up_h2c(0, 2, config);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 2);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(10);
    bench
}

/// The next descriptor; then some clocks.
fn give(bench: &mut Bench<Card>, index: u64, length: u32, clocks: u64) {
    bench.put(0, 2, index, &H2cDescriptor { address: MEMORY + 0x9_0000, length, flags: DescriptorFlags(1), cookie: 0 });
    bench.h2c_set64(0, h2c::TAIL, index + 1);
    bench.run(clocks);
}

fn view(bench: &Bench<Card>) -> ChannelView {
    bench.card.h2c(0).unwrap()
}

#[rstest]
#[case::a_stop(h2c::CONTROL, ChannelView { state: ChannelState::Idle, activity: Activity::Idle, block: Report::Stop, ..ChannelView::default() })]
#[case::an_error(h2c::TAIL, ChannelView {
    state: ChannelState::Error,
    error: ChannelError::BadDoorbell,
    activity: Activity::Failed,
    block: Report::Failure,
    ..ChannelView::default()
})]
fn an_h2c_channel_tells_what_it_told_the_host(#[case] register: u32, #[case] end: ChannelView) {
    let mut bench = sender(SINK | WRITE_BACK);
    assert_eq!(view(&bench), ChannelView { state: ChannelState::Running, activity: Activity::NoData, ..ChannelView::default() });
    give(&mut bench, 0, 100, 200);
    let fetches = ChannelView { state: ChannelState::Running, activity: Activity::Reading, reads: 1, ..ChannelView::default() };
    assert_eq!(view(&bench), fetches);
    bench.run(1000);
    for index in 1..5 {
        if index == 3 {
            bench.h2c_set64(0, h2c::INT_SPACE_ARM, 3);
        }
        give(&mut bench, index, 100, 1500);
    }
    let told = ChannelView {
        activity: Activity::NoData,
        reads: 0,
        laps: 2,
        blocks: 5,
        block: Report::Count,
        signals: 1,
        signal: Report::Count,
        ..fetches
    };
    assert_eq!(view(&bench), told);
    // Not running, or a doorbell that goes back.
    bench.h2c_set64(0, register, 0);
    bench.run(100);
    let ChannelView { state, error, activity, block, .. } = end;
    assert_eq!(view(&bench), ChannelView { state, error, activity, block, blocks: 6, ..told });
}

#[test]
fn an_h2c_channel_tells_what_keeps_it() {
    // No credits for the read of its descriptor; then for its block.
    let mut bench = sender(SINK | WRITE_BACK);
    let credits = bench.stimulus.credits;
    let posted = bench.sent.iter().filter(|sent| sent.header.kind() == silico_spec::tlp::Kind::MemWrite).count() as u8;
    bench.stimulus.credits.0[1] = Limit::initial(0, 0);
    give(&mut bench, 0, 100, 50);
    assert_eq!(view(&bench).activity, Activity::Wanting);
    bench.stimulus.credits = credits;
    bench.stimulus.credits.0[0] = Limit::initial(posted, 0);
    bench.run(2000);
    assert_eq!((view(&bench).activity, view(&bench).blocks), (Activity::Wanting, 0));
    bench.stimulus.credits = credits;
    bench.run(50);
    assert_eq!((view(&bench).activity, view(&bench).blocks), (Activity::NoData, 1));
    // A receiver that takes nothing fills the buffer.
    let mut bench = sender(STREAM);
    bench.stimulus.out[0].ready_at = Cycle(1 << 40);
    give(&mut bench, 0, 10_000, 3000);
    assert_eq!(view(&bench), ChannelView { state: ChannelState::Running, activity: Activity::NoRoom, ..ChannelView::default() });
    // A stop waits for its reads.
    let mut bench = sender(SINK);
    give(&mut bench, 0, 100, 200);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(10);
    assert_eq!(
        view(&bench),
        ChannelView { state: ChannelState::Stopping, activity: Activity::Stopping, reads: 1, ..ChannelView::default() }
    );
    bench.run(500);
    assert_eq!(view(&bench), ChannelView::default());
}
