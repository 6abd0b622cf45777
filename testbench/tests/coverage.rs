//! Coverage in the full loop: what a run does is counted, what it does not is a hole, and records merge.

mod common;

use common::{scratch, silico};
use silico::coverage::{Covered, Machines, Observer, Record};
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
        ("tlp: sent", "MRd, 3 dwords"),
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
    assert!(ran.stdout.contains("hole: tlp: sent: MRd, 3 dwords"), "{}", ran.stdout);
    assert_eq!(silico(&["coverage".as_ref(), sum.as_os_str(), "--strict".as_ref()]).status, 1);
}

#[test]
fn a_folder_stands_for_its_records() {
    let folder = scratch("records");
    std::fs::create_dir_all(&folder).unwrap();
    let record = covered(5);
    for name in ["a.json", "b.json"] {
        record.write(&folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("notes.txt"), "no record").unwrap();
    let ran = silico(&["coverage".as_ref(), folder.as_os_str()]);
    ran.assert_passed();
    assert!(ran.stdout.contains(&format!("2 cases, {} clocks", 2 * record.clocks)), "{}", ran.stdout);
    let empty = scratch("no-records");
    std::fs::create_dir_all(&empty).unwrap();
    silico(&["coverage".as_ref(), empty.as_os_str()]).assert_could_not_run(&["no records"]);
}

#[test]
fn machines_are_counted_by_what_they_were_and_what_their_links_did() {
    let mut config = MachineConfig::default();
    (config.link.max_payload, config.link.rcb, config.host.ordering.late) = (512, 128, 5);
    config.link.starvation = silico_sim::Starvation::OneByOne { spacing: silico_spec::units::Cycles(3) };
    let mut stats = silico_sim::Stats::default();
    (stats.dll_to_host.naks, stats.dll_to_card.lost_tlps, stats.retrains) = (7, 2, 1);
    let mut machines = Machines::default();
    machines.ran(&config, &CardParams::default(), &stats);
    let record = machines.record();
    for (group, bin, count) in [
        ("machine: shapes", "MPS 512", 1),
        ("machine: shapes", "MPS 256", 0),
        ("machine: shapes", "RCB 128", 1),
        ("machine: shapes", "generation 3", 1),
        ("machine: freedoms", "credits one by one", 1),
        ("machine: freedoms", "credits as they come free", 0),
        ("machine: freedoms", "writes seen late", 1),
        ("link: data link layer", "to host / Nak", 7),
        ("link: data link layer", "to card / Nak", 0),
        ("link: data link layer", "to card / lost", 2),
        ("link: events", "link retrained", 1),
    ] {
        assert_eq!(hits(&record, group, bin), count, "{group}: {bin}");
    }
    // What other tests cover is no hole, and says where.
    let late = "completion after its request was given up";
    assert!(record.holes().all(|hole| hole != ("link: events", late)));
    assert!(record.to_string().contains(&format!("elsewhere: link: events: {late}: sim/tests/machine/access.rs")), "{record}");
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
