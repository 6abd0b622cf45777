//! Model and RTL when answers to reads come too late, or never: timeouts of the card's own and of Device Control 2, answers to reads that were given up, tags at
//! rest until then or until none can come any more, and the same tags again.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;
#[path = "common/variants.rs"]
mod variants;

use common::{BAR0, Bench, Fault, Host, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_sim::rtl::RtlCard;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::port::{Clocked, TlpPort};
use silico_spec::registers::{card, h2c};
use silico_spec::tlp::Kind;
use variants::{on_each_variant, params};

/// Clocks of the shortest timeout that Device Control 2 can ask for, 100 us, and what asks for it.
const SHORTEST: (u64, u32) = (25_000, 1);
/// Bytes of a descriptor, in reads of 128: an odd number of them.
const BYTES: u64 = 900;
const ENTRIES: u32 = 16;
/// The output that takes all at once.
const SINK: u32 = 1;

fn start_anew(bench: &mut Bench<impl TlpPort>, channel: u32) {
    bench.h2c_set32(channel, h2c::CONTROL, 2);
    bench.run(300);
    bench.set_up_h2c(channel, ENTRIES, SINK);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
}

/// `named`: the timeout is that of Device Control 2. Rounds of a run each: answered in time, late, in time again, and so on; one answer never comes.
/// `rests`: until all tags are back, and serve again.
fn late(variant: &str, named: bool, rounds: u64, rests: bool) {
    let params = params(variant);
    let timeout = if named { SHORTEST.0 } else { params.read_timeout.into() };
    let verdict = Verdict::default();
    let model = Card::new(params.clone()).expect("legal parameters");
    let both = Lockstep::new(model, RtlCard::new(&params).expect("it is built"), verdict.clone());
    let mut bench = Bench::new(Clocked::new(both), &params);
    bench.bring_up(16);
    bench.enable();
    bench.set_sizes(0, 0);
    bench.config_write(0xa8, if named { SHORTEST.1 } else { 0 });
    let mut host = Host::new(7);
    (host.limits.max_payload, host.limits.max_read_request) = (128, 128);
    bench.host = Some(host);
    let channels = u32::from(params.h2c_channels).min(2);
    let (mut reads, mut failed) = (0, 0);
    for round in 0..rounds {
        let is_late = round % 2 == 1;
        if let Some(host) = &mut bench.host {
            host.delay = if is_late { (timeout / 2, 4 * timeout) } else { (20, 400) };
            // One read of the late rounds is answered by nobody: its tag rests to the end.
            host.fault = is_late.then_some((host.reads + 1, Fault::Silence));
            reads = host.reads;
        }
        for channel in 0..channels {
            start_anew(&mut bench, channel);
            for index in 0..8 {
                let address = MEMORY + 0x9_0000 + 37 * round + 0x400 * index;
                let descriptor =
                    H2cDescriptor { address, length: BYTES as u32, flags: DescriptorFlags(DescriptorFlags::END_OF_FRAME), cookie: index };
                bench.put(channel, ENTRIES, index, &descriptor);
            }
            bench.h2c_set64(channel, h2c::TAIL, 8);
        }
        // A tag at rest can keep a channel waiting for eight times as long.
        bench.run(if is_late { timeout + timeout / 4 } else { 3000 });
        failed += (0..channels).filter(|&channel| bench.h2c_get32(channel, h2c::ERROR) != 0).count();
        // Later on, all tags may be at rest for so long.
        assert!(round > 0 || bench.host.as_ref().is_some_and(|host| host.reads > reads), "nothing is read");
    }
    if rests {
        bench.run(9 * timeout);
    }
    let parted = verdict.divergence().map_or_else(String::new, |it| it.to_string());
    assert!(verdict.divergence().is_none(), "{parted}");
    let lost = card::read_quarantine::TOTAL.get(bench.read(BAR0 + u64::from(card::READ_QUARANTINE), 4));
    let resting = card::read_quarantine::TAGS.get(bench.read(BAR0 + u64::from(card::READ_QUARANTINE), 4));
    let used = card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4));
    assert!(lost > 1 && failed > 0, "{lost} reads ran out of time, {failed} runs failed");
    if !rests {
        return assert!(resting > 0, "no tag is at rest");
    }
    assert_eq!((resting, used), (0, 0), "tags at rest and in use, when all is over");
    // All tags serve again.
    let since = bench.sent.len();
    if let Some(host) = &mut bench.host {
        (host.delay, host.fault) = ((20, 400), None);
    }
    start_anew(&mut bench, 0);
    bench.h2c_set64(0, h2c::TAIL, 8);
    bench.run(20_000);
    let again: Vec<u16> =
        bench.sent[since..].iter().filter(|sent| sent.header.kind() == Kind::MemRead).map(|sent| sent.header.tag().0).collect();
    assert!(again.len() as u64 >= 8 * BYTES / 128, "{again:?}");
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 8);
    assert!(verdict.divergence().is_none(), "{}", verdict.divergence().map_or_else(String::new, |it| it.to_string()));
}

on_each_variant! {
    /// As Device Control 2 has it.
    #[test]
    fn answers_later_than_device_control_2_allows_as_in_the_model() {
        late(VARIANT, true, 6, true);
    }
}

/// As the card was built: where that is not too long to wait for.
#[rstest]
#[cfg_attr(not(variant = "small"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
#[case("small", 8, true)]
#[cfg_attr(not(variant = "w128"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
#[case("w128", 2, false)]
#[cfg_attr(not(variant = "w512"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
#[case("w512", 2, false)]
fn answers_later_than_the_card_waits_as_in_the_model(#[case] variant: &str, #[case] rounds: u64, #[case] rests: bool) {
    late(variant, false, rounds, rests);
}
