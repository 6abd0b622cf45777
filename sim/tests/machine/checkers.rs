//! Every checker meets a card that breaks its rule.

use crate::card::{CARD, Out, lock, machine, read, run, send, write};
use rstest::rstest;
use silico_sim::{Machine, MachineConfig, MachineError, Violation};
use silico_spec::credit::Limit;
use silico_spec::params::DataWidth;
use silico_spec::port::{Beat, Clocked, Endpoint, PortIn, PortOut};
use silico_spec::tlp::{Attributes, Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};

/// The first violation after a card sent these, relative to a buffer of 4 KiB at a multiple of 4096.
fn broken(outs: impl FnOnce(u64) -> Vec<Out>) -> Violation {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    send(&shared, outs(region.bus_addr().0));
    run(&mut machine, 5000);
    let violation = machine.violation().expect("no violation was found").clone();
    assert_eq!(machine.config_read(0), Err(MachineError::Violation(violation.clone())));
    assert_eq!(violation.to_string().lines().count(), 1);
    violation
}

const RELAXED: Attributes = Attributes { relaxed: true, no_snoop: false, id_based: false };

fn raw(header: Header, payload: usize) -> Out {
    Out { at: Cycle(0), header, payload: vec![0; payload] }
}

#[rstest]
#[case("well-formed", "4 KiB", |a| vec![write(a + 4096 - 64, vec![0; 128])])]
#[case("well-formed", "Max_Payload_Size", |a| vec![write(a, vec![0; 512])])]
#[case("well-formed", "Max_Read_Request_Size", |a| vec![read(a, 129, 0)])]
#[case("well-formed", "bytes of payload", |a| vec![raw(write(a, vec![0; 64]).header, 60)])]
#[case("well-formed", "below 4 GiB", |a| vec![raw(Header::of(Kind::MemRead, true, Dwords(1)).with_requester(CARD).with_byte_enables(0xf, 0).with_address(BusAddr(a)), 0)])]
#[case("well-formed", "does not take", |_| vec![raw(Header::of(Kind::IoRead, false, Dwords(1)).with_requester(CARD).with_byte_enables(0xf, 0), 0)])]
#[case("requester-id", "01:01.0", |a| vec![raw(write(a, vec![0; 64]).header.with_requester(Bdf::from_bits(0x108)), 64)])]
#[case("tag", "in flight", |a| vec![read(a, 64, 3), read(a + 256, 64, 3)])]
#[case("completion", "unexpected", |_| vec![raw(Header::completion(true, CARD, silico_spec::tlp::CompletionStatus::Success, 4, Bdf::from_bits(0), Tag(9), 0, Dwords(1)), 4)])]
#[case("bounds", "writes 64 bytes", |a| vec![write(a + 4096, vec![0; 64])])]
#[case("bounds", "reads 64 bytes", |a| vec![read(a + 4096, 16, 0)])]
#[case("bounds", "0xdead0000", |_| vec![write(0xdead_0000, vec![0; 64])])]
#[case("interrupt", "has 8 bytes", |_| vec![write(0xfee0_0000, vec![0; 8])])]
#[case("interrupt", "never programmed", |_| vec![write(0xfee0_0000, vec![0xff; 4])])]
#[case("ordering", "interrupt message", |_| vec![raw(write(0xfee0_0000, vec![0; 4]).header.with_attributes(RELAXED), 4)])]
#[case("ordering", "Device Control 2", |a| vec![raw(write(a, vec![0; 4]).header.with_attributes(Attributes { id_based: true, ..Attributes::default() }), 4)])]
#[case("interrupt", "byte enables", |_| vec![raw(write(0xfee0_0000, vec![0; 4]).header.with_byte_enables(1, 0), 4)])]
fn a_bad_tlp_is_reported(#[case] rule: &str, #[case] what: &str, #[case] outs: fn(u64) -> Vec<Out>) {
    let violation = broken(outs);
    assert_eq!(violation.rule, rule, "{violation}");
    assert!(violation.what.contains(what), "{violation}");
}

#[test]
fn a_write_over_the_end_of_an_odd_buffer_is_refused_whole() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(96, 64).unwrap();
    send(&shared, [write(region.bus_addr().0 + 64, vec![1; 64])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "bounds");
    assert_eq!(region.load64(64), 0);
}

#[test]
fn a_late_write_into_freed_memory_is_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    send(&shared, [write(region.bus_addr().0, vec![1; 64])]);
    run(&mut machine, 10);
    drop(region);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "bounds");
}

#[test]
fn a_write_into_what_the_cpu_owns_is_refused_and_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let mut region = machine.memory().alloc(4096, 4096).unwrap();
    region.acquire(64..128);
    send(&shared, [write(region.bus_addr().0, vec![1; 64]), write(region.bus_addr().0 + 128, vec![1; 64])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation(), None);
    send(&shared, [write(region.bus_addr().0, vec![2; 68])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "ownership");
    assert_eq!((region.view(64..128), region.load64(0)), (&[0; 64][..], 0x0101_0101_0101_0101));
}

#[test]
fn a_read_of_what_the_cpu_owns_gives_stale_bytes_and_is_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let mut region = machine.memory().alloc(4096, 4096).unwrap();
    region.acquire(4..8);
    send(&shared, [read(region.bus_addr().0, 2, 0)]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "ownership");
    assert_eq!(crate::card::completions(&shared)[0].2, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn requests_without_bus_master_enable_are_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    machine.config_write(0x04, 0x0002).unwrap();
    send(&shared, [write(region.bus_addr().0, vec![1; 64])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "bus-master");
    assert_eq!(region.load64(0), 0, "and do nothing");
}

#[test]
fn relaxed_ordering_must_be_enabled() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    let relaxed = || raw(write(region.bus_addr().0, vec![0; 64]).header.with_attributes(RELAXED), 64);
    let control = machine.config_read(0x48).unwrap() & 0xffff;
    machine.config_write(0x48, control | 1 << 4).unwrap();
    send(&shared, [relaxed()]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation(), None);
    machine.config_write(0x48, control & !(1 << 4)).unwrap();
    send(&shared, [relaxed()]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "ordering");
}

#[test]
fn a_relaxed_write_to_what_the_cpu_polls_is_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    let relaxed = || {
        let out = write(region.bus_addr().0, vec![1; 64]);
        Out { header: out.header.with_attributes(RELAXED), ..out }
    };
    send(&shared, [relaxed()]);
    run(&mut machine, 1000);
    assert_eq!((machine.violation(), region.load64(0) != 0), (None, true));
    send(&shared, [relaxed()]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "ordering");
}

#[test]
fn a_tlp_begun_in_a_stalled_clock_is_reported() {
    let mut config = MachineConfig::default();
    config.link.tx_stalls = silico_sim::Stalls::AllBut { clocks: 64 };
    let (mut machine, shared) = machine(config);
    lock(&shared).hasty = true;
    let region = machine.memory().alloc(4096, 4096).unwrap();
    send(&shared, [write(region.bus_addr().0, vec![1; 4])]);
    run(&mut machine, 1000);
    let violation = machine.violation().unwrap();
    assert!(violation.rule == "port" && violation.what.contains("not ready"), "{violation}");
}

#[test]
fn extended_tags_must_be_enabled() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    let control = machine.config_read(0x48).unwrap() & 0xffff & !(1 << 8);
    machine.config_write(0x48, control).unwrap();
    send(&shared, [read(region.bus_addr().0, 1, 31)]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation(), None);
    send(&shared, [read(region.bus_addr().0, 1, 32)]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "well-formed");
}

#[test]
fn a_tag_may_be_used_again_once_its_last_completion_is_there() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    for _ in 0..10 {
        let before = crate::card::completions(&shared).len();
        send(&shared, [read(region.bus_addr().0, 1, 3)]);
        while crate::card::completions(&shared).len() == before {
            run(&mut machine, 1);
        }
    }
    assert_eq!(machine.violation(), None);
}

#[rstest]
#[case(Limit::initial(1, 2047), 64)]
#[case(Limit::initial(127, 16), 256)]
fn overdrawn_credits_are_reported(#[case] posted: Limit, #[case] bytes: usize) {
    let mut config = MachineConfig::default();
    config.link.posted = posted;
    let (mut machine, shared) = machine(config);
    let region = machine.memory().alloc(4096, 4096).unwrap();
    lock(&shared).greedy = true;
    send(&shared, [write(region.bus_addr().0, vec![0; bytes])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation(), None);
    send(&shared, [write(region.bus_addr().0, vec![0; bytes]), write(region.bus_addr().0, vec![0; bytes])]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "credits");
}

#[rstest]
#[case("requester-id", |out: &mut Out| out.header.0[1] ^= 0x0008_0000)]
#[case("completion", |out: &mut Out| out.header = out.header.with_tag(Tag(out.header.tag().0 ^ 0x80)))]
#[case("completion", |out: &mut Out| out.header = out.header.with_requester(CARD))]
#[case("completion", |out: &mut Out| out.header.0[1] -= 2)]
#[case("well-formed", |out: &mut Out| out.payload.push(0))]
#[case("well-formed", |out: &mut Out| out.header = out.header.with_length(Dwords(2)))]
fn a_bad_completion_is_reported_and_the_read_ends(#[case] rule: &str, #[case] spoil: fn(&mut Out)) {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).tamper = Some(Box::new(move |out| {
        spoil(out);
        true
    }));
    let error = machine.read(0, 0, 4).unwrap_err();
    let MachineError::Violation(violation) = error else { panic!("{error}") };
    assert_eq!(violation.rule, rule, "{violation}");
}

#[test]
fn a_second_completion_is_unexpected() {
    let (mut machine, shared) = machine(MachineConfig::default());
    machine.read(0, 0, 4).unwrap();
    let (tag, requester) = (Tag(lock(&shared).arrived.last().unwrap().1.tag().0), Bdf::from_bits(0));
    let header = Header::completion(true, CARD, silico_spec::tlp::CompletionStatus::Success, 4, requester, tag, 0, Dwords(1));
    send(&shared, [raw(header, 4)]);
    run(&mut machine, 1000);
    assert_eq!(machine.violation().unwrap().rule, "completion");
}

#[test]
fn reports_from_outside_count_and_unchecked_rules_do_not() {
    let (mut checked, _) = machine(MachineConfig::default());
    checked.report(Violation { rule: "in-order", cycle: Cycle(1), what: "frame 3 came after frame 4".into() });
    checked.report(Violation { rule: "in-order", cycle: Cycle(2), what: "later".into() });
    assert_eq!(checked.violation().unwrap().to_string(), "rule `in-order` broken at cycle 1: frame 3 came after frame 4");
    assert_eq!(checked.stats().violations, 2);
    let (mut unchecked, shared) = machine(MachineConfig { unchecked: vec!["bounds"], ..MachineConfig::default() });
    send(&shared, [write(0xdead_0000, vec![0; 64])]);
    unchecked.advance_to(unchecked.now().after(Cycles(1000)));
    assert_eq!(unchecked.violation(), None);
}

#[test]
fn a_flood_faster_than_the_port_is_reported_and_grows_nothing() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    (lock(&shared).hasty, lock(&shared).greedy) = (true, true);
    send(&shared, (0..10_000).map(|_| write(region.bus_addr().0, vec![1; 256])));
    run(&mut machine, 20_000);
    let violation = machine.violation().unwrap().clone();
    assert_eq!(violation.rule, "port", "{violation}");
    assert!(violation.what.contains("a TLP of 8 beats"), "{violation}");
    assert!(machine.stats().violations >= 10_000, "each of them");
    assert_eq!(region.load64(0), 0, "and none does anything");
}

#[test]
fn a_card_that_runs_too_long_is_reported_and_time_goes_on() {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).overrun = u64::MAX;
    let end = machine.now().after(Cycles(100));
    machine.advance_to(end);
    assert_eq!((machine.violation().unwrap().rule, machine.now()), ("port", end));
}

#[test]
fn more_credits_than_a_receiver_may_grant_are_reported() {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).grant = 100;
    run(&mut machine, 100);
    assert_eq!(machine.violation(), None, "100 and 8 are few enough");
    lock(&shared).grant = 100;
    run(&mut machine, 100);
    let violation = machine.violation().unwrap();
    assert!(violation.rule == "credits" && violation.what.contains("class Posted"), "{violation}");
}

/// Any header and payload, at any time: the machine says what is wrong or takes it, and goes on.
#[test]
fn garbage_ends_in_a_violation_and_not_in_a_panic() {
    let mut random = silico_spec::generator::XorShift64::new(9);
    for round in 0..300 {
        let (mut machine, shared) = machine(MachineConfig::default());
        lock(&shared).greedy = round % 2 == 0;
        let mut word = || random.step() as u32;
        let outs: Vec<Out> = (0..20).map(|_| raw(Header([word(), word(), word(), word()]), word() as usize % 4097)).collect();
        send(&shared, outs);
        run(&mut machine, 4000);
        // A card that waits for credits may wait for ever with the first.
        assert!(machine.violation().is_some() || round % 2 == 1, "round {round}");
    }
}

/// Drives beats without an end.
struct Endless {
    begun: bool,
}

impl Endpoint for Endless {
    fn width(&self) -> DataWidth {
        DataWidth::W256
    }

    fn clock(&mut self, _input: &PortIn, output: &mut PortOut) {
        output.tx = Beat { valid: true, sop: !self.begun, header: write(0x1000, vec![0; 4096]).header.0, bytes: 32, ..Beat::NONE };
        self.begun = true;
    }
}

#[test]
fn a_tlp_without_an_end_is_reported() {
    let mut machine = Machine::new(MachineConfig::default(), Box::new(Clocked::new(Endless { begun: false })), 0).unwrap();
    let Err(MachineError::Violation(violation)) = machine.enumerate() else { panic!("no violation") };
    assert!(violation.rule == "well-formed" && violation.what.contains("but 4095 follow"), "{violation}");
}
