//! Interrupts: MSI-X, levels, order after data, pauses.

use crate::card::{CARD, Out, lock, machine, read, run, send, write};
use silico_sim::MachineConfig;
use silico_spec::tlp::{Header, Kind, routing};
use silico_spec::units::{Cycle, Cycles, Dwords};

fn message(code: u8) -> Out {
    let routing = if code < 0x30 { routing::LOCAL } else { routing::TO_ROOT };
    let header = Header::of(Kind::Message(routing), true, Dwords(0)).with_requester(CARD).with_message_code(code);
    Out { at: Cycle(0), header, payload: Vec::new() }
}

#[test]
fn msix_is_programmed_and_latched_per_vector() {
    let (mut machine, shared) = machine(MachineConfig::default());
    machine.enable_msix(16).unwrap();
    assert_eq!(machine.config_read(0x80).unwrap() >> 30, 0b10, "enabled, not masked");
    // BAR2's bytes share the card's one array.
    let entry = lock(&shared).bytes[3 * 16..4 * 16].to_vec();
    assert_eq!(entry, [0x00, 0x30, 0xe0, 0xfe, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    send(&shared, [write(0xfee0_3000, vec![3, 0, 0, 0]), write(0xfee0_3000, vec![3, 0, 0, 0])]);
    let deadline = machine.now().after(Cycles(10_000));
    assert_eq!(machine.wait_interrupt(3, deadline), Ok(true));
    run(&mut machine, 1000);
    assert_eq!(machine.wait_interrupt(3, machine.now()), Ok(true), "the second one is latched");
    assert_eq!(machine.wait_interrupt(3, machine.now()), Ok(false));
    assert_eq!(machine.stats().interrupts, [0, 0, 0, 2]);
    assert!(machine.enable_msix(17).is_err());
    assert_eq!(machine.violation(), None);
}

#[test]
fn an_interrupt_comes_after_all_earlier_writes() {
    for seed in 0..20 {
        let (mut machine, shared) = machine(MachineConfig { seed, ..MachineConfig::default() });
        let region = machine.memory().alloc(4096, 4096).unwrap();
        let data = (0..16).map(|n| write(region.bus_addr().0 + n * 256, vec![n as u8 + 1; 256]));
        send(&shared, data.chain([write(0xfee0_0000, vec![7, 0, 0, 0])]));
        assert_eq!(machine.wait_interrupt(7, machine.now().after(Cycles(100_000))), Ok(true));
        for n in 0..16 {
            assert_eq!(region.load64(n * 256 + 248), (n + 1) * 0x0101_0101_0101_0101);
        }
    }
}

#[test]
fn a_register_read_flushes_earlier_writes() {
    for seed in 0..20 {
        let (mut machine, shared) = machine(MachineConfig { seed, ..MachineConfig::default() });
        let region = machine.memory().alloc(64, 64).unwrap();
        send(&shared, [write(region.bus_addr().0, vec![9; 64])]);
        machine.read(0, 0, 4).unwrap();
        assert_eq!(region.load64(0), 0x0909_0909_0909_0909);
    }
}

#[test]
fn levels_follow_assert_and_deassert() {
    let (mut machine, shared) = machine(MachineConfig::default());
    send(&shared, [message(0x21)]);
    let deadline = machine.now().after(Cycles(10_000));
    assert_eq!(machine.wait_intx(1, true, deadline), Ok(true));
    assert_eq!(machine.intx_levels(), 0b10);
    send(&shared, [message(0x25), message(0x30), message(0x33)]);
    assert_eq!(machine.wait_intx(1, false, deadline), Ok(true));
    assert_eq!(machine.wait_intx(0, true, machine.now().after(Cycles(100))), Ok(false));
    assert_eq!((machine.stats().intx_changes, machine.stats().error_messages), (2, [1, 0, 1]));
}

#[test]
fn a_pause_ends_with_a_polled_write_and_not_with_payload() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let (data, status) = (machine.memory().alloc(4096, 64).unwrap(), machine.memory().alloc(64, 64).unwrap());
    let far = machine.now().after(Cycles(100_000));
    send(&shared, [write(data.bus_addr().0, vec![1; 64])]);
    machine.pause(far);
    assert!(machine.now() < far, "nothing is polled yet: any write counts");
    assert_eq!(status.load64(0), 0);
    let outs = (0..8).map(|n| write(data.bus_addr().0 + n * 256, vec![2; 256])).chain([write(status.bus_addr().0, vec![3; 64])]);
    send(&shared, outs);
    machine.pause(far);
    machine.pause(far);
    assert_eq!(status.load64(0), 0x0303_0303_0303_0303);
    assert!(machine.now() < far);
    let visible = machine.now();
    machine.pause(visible.after(Cycles(50)));
    assert_eq!(machine.now(), visible.after(Cycles(50)), "nothing more: the deadline");
}

#[test]
fn a_wake_between_poll_and_pause_is_not_lost() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let status = machine.memory().alloc(64, 64).unwrap();
    assert_eq!(status.load64(0), 0);
    send(&shared, [write(status.bus_addr().0, vec![3; 64])]);
    run(&mut machine, 5000);
    let before = machine.now();
    machine.pause(before.after(Cycles(100_000)));
    assert_eq!(machine.now(), before);
}

#[test]
fn reads_of_the_card_see_what_the_cpu_stored() {
    let (mut machine, shared) = machine(MachineConfig::default());
    let region = machine.memory().alloc(4096, 4096).unwrap();
    region.store64(8, 0x1122_3344_5566_7788);
    send(&shared, [read(region.bus_addr().0 + 8, 2, 1)]);
    run(&mut machine, 1000);
    let arrived = crate::card::completions(&shared);
    assert_eq!(arrived.last().unwrap().2, 0x1122_3344_5566_7788u64.to_le_bytes());
}

#[test]
fn a_poisoned_message_is_no_interrupt() {
    let (mut machine, shared) = machine(MachineConfig::default());
    machine.enable_msix(16).unwrap();
    let mut poisoned = write(0xfee0_3000, vec![3, 0, 0, 0]);
    poisoned.header = poisoned.header.with_poisoned(true);
    send(&shared, [poisoned]);
    assert_eq!(machine.wait_interrupt(3, machine.now().after(Cycles(10_000))), Ok(false));
    assert_eq!((machine.stats().poisoned, machine.violation()), (1, None));
}
