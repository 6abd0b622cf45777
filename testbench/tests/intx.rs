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
