//! Coverage in the full loop: what a run does is counted, what it does not is a hole, and records merge.

mod common;

use common::{scratch, silico};
use silico::coverage::{Covered, Observer, Record};
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Generator, Lengths, RingConfig, Source};
use silico_driver::platform::{Platform, Time};
use silico_sim::MachineConfig;
use silico_spec::params::CardParams;

/// Frames of the generator through one channel, then a stop and a channel reset.
fn covered(frames: u64) -> Record {
    let covered = Covered::default();
    let model = silico_model::Card::new(CardParams::default()).unwrap();
    let card = Box::new(Observer::new(model, covered.clone()));
    {
        let platform = SimPlatform::new(MachineConfig::default(), card, 4).unwrap();
        let card = Card::bring_up(platform.clone(), &BringUp::default()).unwrap();
        let generator = Generator { lengths: Lengths::Fixed(300), count: frames, ..Generator::default() };
        let mut channel = card.channel(0, &RingConfig { source: Source::Generator(generator), ..RingConfig::default() }).unwrap();
        channel.start().unwrap();
        let deadline = platform.clock().now().after(1_000_000_000);
        while channel.frames() < frames {
            channel.wait(deadline).unwrap();
            while channel.poll().unwrap().is_some() {}
        }
        channel.stop().unwrap();
        channel.reset().unwrap();
    }
    covered.record()
}

fn hits(record: &Record, group: &str, bin: &str) -> u64 {
    record.groups[group].bins[bin].count
}

#[test]
fn what_happens_is_counted_and_what_does_not_is_a_hole() {
    let record = covered(100);
    for (group, bin) in [
        ("tlp: sent", "MWr, 4 dwords"),
        ("tlp: sent", "CplD"),
        ("tlp: received", "CfgWr0"),
        ("tlp: writes", "64 bytes"),
        ("channel: moves", "ring / idle, then running"),
        ("channel: activities", "ring, sends"),
        ("channel: resets in the middle of", "channel reset / ring, idle"),
    ] {
        assert!(hits(&record, group, bin) > 0, "{group}: {bin}\n{record}");
    }
    let holes: Vec<_> = record.holes().collect();
    for hole in [
        ("tlp: sent", "Cpl, CA"),
        ("channel: errors", "ring, BadDoorbell"),
        ("channel: resets in the middle of", "link down / ring, sends"),
    ] {
        assert!(holes.contains(&hole), "{hole:?}\n{record}");
    }
    assert!(record.to_string().contains("can't happen: channel: errors: ring, CompletionTimeout: a ring channel reads nothing"));
}

#[test]
fn records_merge_on_the_command_line() {
    let (few, many) = (covered(10), covered(60));
    let (one, two, sum) = (scratch("one.json"), scratch("two.json"), scratch("sum.json"));
    few.write(&one).unwrap();
    many.write(&two).unwrap();
    let ran = silico(&["coverage".as_ref(), one.as_os_str(), two.as_os_str(), "--write".as_ref(), sum.as_os_str()]);
    ran.assert_passed();
    let merged = Record::read(&sum).unwrap();
    assert_eq!(merged.clocks, few.clocks + many.clocks);
    assert_eq!(hits(&merged, "tlp: writes", "64 bytes"), hits(&few, "tlp: writes", "64 bytes") + hits(&many, "tlp: writes", "64 bytes"));
    assert!(ran.stdout.contains("hole: tlp: sent: Cpl, CA"), "{}", ran.stdout);
    assert_eq!(silico(&["coverage".as_ref(), sum.as_os_str(), "--strict".as_ref()]).status, 1);
}

#[test]
fn what_is_no_record_is_told_in_one_line() {
    let path = scratch("nonsense.json");
    std::fs::write(&path, "{}").unwrap();
    silico(&["coverage".as_ref(), path.as_os_str()]).assert_could_not_run(&["nonsense.json", "no coverage record"]);
    silico(&["coverage", "not-there.json"]).assert_could_not_run(&["not-there.json"]);
    let record = covered(1);
    record.write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap().replace("\"version\": 1", "\"version\": 9");
    std::fs::write(&path, text).unwrap();
    silico(&["coverage".as_ref(), path.as_os_str()]).assert_could_not_run(&["version 9"]);
}
