//! Enumeration, by requests that really travel; resets.

use crate::card::{CARD, Card, lock, machine, run, send, write};
use silico_sim::{Machine, MachineConfig, MachineError, Refusal};
use silico_spec::config::walk::CapabilityId::{Extended, Standard};
use silico_spec::params::DataWidth;
use silico_spec::tlp::{CompletionStatus, Kind};
use silico_spec::units::Dwords;

#[test]
fn bars_and_capabilities_are_found() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let function = machine.function().unwrap().clone();
    assert_eq!((function.bdf, function.vendor, function.device, function.revision), (CARD, 0x10dc, 0x51c0, 3));
    let bars: Vec<_> = function.bars.iter().map(|bar| bar.map(|bar| (bar.size, bar.is_64, bar.prefetchable))).collect();
    assert_eq!(bars, [Some((64 << 10, true, false)), None, Some((16 << 10, true, true)), None, None, None]);
    for bar in function.bars.iter().flatten() {
        assert!(bar.address.needs_64() && bar.address.0 % bar.size == 0);
    }
    let capabilities: Vec<_> = function.capabilities.iter().map(|capability| (capability.id, capability.offset)).collect();
    assert_eq!(capabilities, [(Standard(0x10), 0x40), (Standard(0x11), 0x80), (Extended(3), 0x100)]);
    assert_eq!((function.mps, function.mrrs, function.msix_vectors), (256, 512, 16));
    assert_eq!(machine.config_read(0x04).unwrap() & 0xffff, 0x0146);
    assert_eq!(machine.config_read(0x48).unwrap() & 0xffff, 1 << 5 | 2 << 12 | 0xf | 1 << 4 | 1 << 8 | 1 << 11);
    assert_eq!(machine.config_read(0x10).unwrap(), function.bars[0].unwrap().address.0 as u32 | 4);
    let type_1 = lock(&shared).arrived.iter().filter(|(_, header, _)| header.kind() == Kind::CfgRead1).count();
    assert_eq!(type_1, 1, "one look behind the card");
    assert_eq!(machine.violation(), None);
}

/// As on a machine whose firmware maps nothing above 4 GiB: requests to the card have short headers.
#[test]
fn low_bars_are_reached_by_three_dwords() {
    let mut config = MachineConfig::default();
    config.host.low_bars = true;
    let (mut machine, shared) = machine(config);
    for bar in machine.function().unwrap().bars.iter().flatten() {
        assert!(bar.is_64 && !bar.address.needs_64() && bar.address.0 % bar.size == 0, "{bar:?}");
    }
    machine.write(0, 0, 4, 1).unwrap();
    machine.read(0, 0, 4).unwrap();
    let requests: Vec<usize> = lock(&shared)
        .arrived
        .iter()
        .filter(|(_, header, _)| matches!(header.kind(), Kind::MemRead | Kind::MemWrite))
        .map(|(_, header, _)| header.dwords())
        .collect();
    assert!(requests.len() >= 2 && requests.iter().all(|dwords| *dwords == 3), "{requests:?}");
    assert_eq!(machine.violation(), None);
}

#[test]
fn an_absent_card_is_an_error() {
    let (card, shared) = Card::new(DataWidth::W256);
    lock(&shared).tamper = Some(Box::new(|out| {
        out.header = out.header.with_length(Dwords(1));
        out.payload.fill(0xff);
        true
    }));
    let mut machine = Machine::new(MachineConfig::default(), Box::new(card), 0).unwrap();
    assert_eq!(machine.enumerate(), Err(MachineError::Absent(CARD)));
}

#[test]
fn a_looping_capability_chain_ends() {
    let (card, shared) = Card::new(DataWidth::W256);
    // The MSI-X capability points to the one before.
    lock(&shared).tamper = Some(Box::new(|out| {
        if out.payload.first() == Some(&0x11) {
            out.payload[1] = 0x40;
        }
        true
    }));
    let mut machine = Machine::new(MachineConfig::default(), Box::new(card), 0).unwrap();
    let error = machine.enumerate().unwrap_err();
    assert!(matches!(&error, MachineError::Function(what) if what.contains("loops")), "{error}");
}

#[test]
fn retry_status_is_repeated_until_the_card_is_ready() {
    let (card, shared) = Card::new(DataWidth::W256);
    let mut left = 5;
    lock(&shared).tamper = Some(Box::new(move |out| {
        if left > 0 {
            left -= 1;
            let (requester, tag) = (out.header.requester(), out.header.tag());
            out.header = silico_spec::tlp::Header::completion(false, CARD, CompletionStatus::ConfigRetry, 4, requester, tag, 0, Dwords(0));
            out.payload.clear();
        }
        true
    }));
    let mut machine = Machine::new(MachineConfig::default(), Box::new(card), 0).unwrap();
    machine.enumerate().unwrap();
    assert!(machine.now().0 > 5 * 250);
}

#[test]
fn retry_status_for_ever_ends() {
    let (card, shared) = Card::new(DataWidth::W256);
    lock(&shared).tamper = Some(Box::new(|out| {
        let (requester, tag) = (out.header.requester(), out.header.tag());
        out.header = silico_spec::tlp::Header::completion(false, CARD, CompletionStatus::ConfigRetry, 4, requester, tag, 0, Dwords(0));
        out.payload.clear();
        true
    }));
    let mut config = MachineConfig::default();
    config.host.retry_limit = silico_spec::units::Cycles(10_000);
    let mut machine = Machine::new(config, Box::new(card), 0).unwrap();
    assert!(matches!(machine.enumerate(), Err(MachineError::Rejected { cause: Refusal::ConfigRetry, .. })));
}

#[test]
fn a_hot_reset_forgets_and_enumeration_brings_it_back() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let before = machine.function().unwrap().clone();
    let region = machine.memory().alloc(4096, 4096).unwrap();
    machine.hot_reset();
    assert_eq!(machine.read(0, 0, 4), Err(MachineError::NotEnumerated));
    assert_eq!(machine.enumerate().unwrap(), before);
    send(&shared, [write(region.bus_addr().0, vec![5; 64])]);
    run(&mut machine, 1000);
    assert_eq!(region.load64(56), 0x0505_0505_0505_0505);
    assert_eq!(machine.violation(), None);
}

#[test]
fn a_card_that_is_pulled_out_answers_nothing_at_once() {
    let (mut machine, _) = machine(MachineConfig::default());
    machine.link_down();
    let before = machine.now();
    assert_eq!(machine.read(0, 0, 4), Err(MachineError::LinkDown));
    assert_eq!(machine.config_read(0), Err(MachineError::LinkDown));
    assert_eq!(machine.write(0, 0, 4, 1), Err(MachineError::LinkDown));
    assert_eq!(machine.now(), before);
}

#[test]
fn a_function_level_reset_restores_what_the_operating_system_set() {
    let (mut machine, _) = machine(MachineConfig::default());
    machine.function_reset().unwrap();
    assert_eq!(machine.config_read(0x04).unwrap() & 0xffff, 0x0146);
    machine.write(0, 8, 4, 0x1234).unwrap();
    assert_eq!(machine.read(0, 8, 4), Ok(0x1234));
}
