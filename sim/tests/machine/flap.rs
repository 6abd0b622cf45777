//! The link goes down for a while under faults, and comes up again.

use crate::card::{Card, lock, read, run, send};
use silico_sim::fault::{FaultLog, Faults};
use silico_sim::{Machine, MachineConfig, MachineError};
use silico_spec::params::DataWidth;
use silico_spec::units::Cycles;

fn flapping(rule: &str) -> (Machine, crate::card::Handle, FaultLog) {
    let (card, shared) = Card::new(DataWidth::W256);
    let log = FaultLog::default();
    let faults = Faults::new(card, &[rule.parse().unwrap()], 1, log.clone());
    let switch = faults.link_switch();
    let mut machine = Machine::new(MachineConfig::default(), Box::new(faults), 0).unwrap();
    machine.attach(switch);
    machine.enumerate().unwrap();
    (machine, shared, log)
}

#[test]
fn a_flap_forgets_what_is_in_flight_and_the_card_can_be_enumerated_again() {
    let (mut machine, shared, log) = flapping("mrd.flap(4000)@1");
    let region = machine.memory().alloc(4096, 4096).unwrap();
    send(&shared, [read(region.bus_addr().0, 16, 1)]);
    run(&mut machine, 1000);
    assert!(!machine.link_up() && log.total() == 1);
    assert_eq!(machine.read(0, 0, 4), Err(MachineError::LinkDown));
    assert!(crate::card::completions(&shared).is_empty());
    run(&mut machine, 4000);
    assert!(machine.link_up(), "it comes back by itself");
    assert_eq!(machine.read(0, 0, 4), Err(MachineError::NotEnumerated), "but the card has forgotten its address");
    machine.enumerate().unwrap();
    lock(&shared).arrived.clear();
    send(&shared, [read(region.bus_addr().0, 16, 1)]);
    run(&mut machine, 1000);
    assert_eq!((crate::card::completions(&shared).len(), machine.violation()), (1, None), "the tag is free again");
}

#[test]
fn a_request_under_which_the_link_goes_down_is_not_waited_for() {
    let (mut machine, _, _) = flapping("down.mrd.flap(4000)@1");
    let before = machine.now();
    assert_eq!(machine.read(0, 0, 4), Err(MachineError::LinkDown));
    assert!(machine.now().since(before) < Cycles(1000), "long before the completion timeout");
    assert_eq!(machine.violation(), None);
}
