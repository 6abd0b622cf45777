//! What the card tells observers: in each clock, what each channel does or waits for.

use crate::common::{Bench, Host, MEMORY};
use silico_model::Card;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::{Activity, Inspect};
use silico_spec::registers::{c2h, h2c};

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
