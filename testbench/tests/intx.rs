//! INTx over the full machine: the card's level through the strict root complex, and what a handler does to it.

use silico_model::Card;
use silico_sim::{LinkConfig, Machine, MachineConfig};
use silico_spec::config::header::command;
use silico_spec::params::CardParams;
use silico_spec::registers::{card, h2c};
use silico_spec::units::Cycles;

fn machine(link: LinkConfig) -> Machine {
    let card = Card::new(CardParams::default()).expect("legal parameters");
    let mut machine = Machine::new(MachineConfig { link, ..MachineConfig::default() }, Box::new(card), 4).expect("a legal machine");
    machine.enumerate().expect("a card");
    machine
}

#[test]
fn the_level_rises_falls_and_obeys() {
    let mut machine = machine(LinkConfig::default());
    let deadline = |machine: &Machine| machine.now().after(Cycles(10_000));
    machine.write(0, card::CONTROL.into(), 4, 1).unwrap();
    machine.write(0, h2c::offset(0, h2c::INT_ERROR).into(), 4, 1 << 31 | 2).unwrap();
    // A ring of no entries: the start is refused.
    machine.write(0, h2c::offset(0, h2c::CONTROL).into(), 4, 1).unwrap();
    let by = deadline(&machine);
    assert_eq!(machine.wait_intx(0, true, by), Ok(true));
    let status = machine.config_read(4).unwrap();
    assert_ne!(status & 1 << 19, 0, "Interrupt Status");
    machine.config_write(4, status & 0xffff | command::INTX_DISABLE).unwrap();
    let by = deadline(&machine);
    assert_eq!(machine.wait_intx(0, false, by), Ok(true));
    machine.config_write(4, status & 0xffff).unwrap();
    let by = deadline(&machine);
    assert_eq!(machine.wait_intx(0, true, by), Ok(true));
    assert_eq!(machine.read(0, card::INT_STATUS_2.into(), 4), Ok(1 << 8));
    machine.write(0, card::INT_ACK_2.into(), 4, 1 << 8).unwrap();
    let by = deadline(&machine);
    assert_eq!(machine.wait_intx(0, false, by), Ok(true));
    assert_eq!((machine.violation(), machine.stats().intx_changes), (None, 4));
}

#[test]
fn a_function_level_reset_lets_it_fall_first() {
    let mut machine = machine(LinkConfig { ecrc: true, ..LinkConfig::default() });
    machine.write(0, h2c::offset(0, h2c::INT_ERROR).into(), 4, 1 << 31 | 2).unwrap();
    machine.write(0, h2c::offset(0, h2c::CONTROL).into(), 4, 1).unwrap();
    let by = machine.now().after(Cycles(10_000));
    assert_eq!(machine.wait_intx(0, true, by), Ok(true));
    machine.function_reset().unwrap();
    machine.advance_to(machine.now().after(Cycles(500)));
    assert_eq!((machine.intx_levels(), machine.violation()), (0, None));
}

/// It was a fundamental reset: what AER had logged was lost, and so were the enables of ECRC and the card's time base.
#[test]
fn a_hot_reset_keeps_what_is_sticky() {
    let mut machine = machine(LinkConfig { ecrc: true, ..LinkConfig::default() });
    let aer = machine.function().and_then(|function| function.extended(1)).expect("AER");
    // A write that no BAR takes: an unsupported request. Memory space goes off under it.
    machine.config_write(4, 0).unwrap();
    machine.write(0, card::SCRATCH.into(), 4, 1).unwrap();
    let logged = machine.config_read(aer + 4).unwrap();
    assert_eq!(logged, 1 << 20);
    let control = machine.config_read(aer + 0x18).unwrap();
    machine.hot_reset();
    machine.enumerate().unwrap();
    assert_eq!(machine.config_read(aer + 4).unwrap() & logged, logged);
    assert_eq!(machine.config_read(aer + 0x18), Ok(control));
    let cycles = machine.read(0, card::CYCLES.into(), 8).unwrap();
    assert!(cycles + 1000 > machine.now().0, "{cycles} of {}", machine.now());
    assert_eq!(machine.violation(), None);
}
