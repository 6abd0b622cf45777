//! Loads and stores of the CPU: sizes, byte enables, limits, CPU time.

use crate::card::{CARD, Out, lock, machine, run, send};
use silico_sim::{MachineConfig, MachineError, Refusal};
use silico_spec::credit::Class;
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::{Bdf, Cycle, Cycles, Dwords};

#[test]
fn every_size_reaches_its_bytes_and_no_others() {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).bytes[..32].fill(0xee);
    let mut expected = [0xee; 32];
    for (bytes, offsets) in [(1u8, vec![0, 1, 2, 3]), (2, vec![4, 6]), (4, vec![8, 12]), (8, vec![16, 24])] {
        for offset in offsets {
            let value = 0x8877_6655_4433_2211u64.rotate_left(offset as u32) & if bytes == 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 };
            machine.write(0, offset, bytes, value).unwrap();
            assert_eq!(machine.read(0, offset, bytes), Ok(value), "{bytes} bytes at {offset}");
            let at = offset as usize;
            expected[at..at + usize::from(bytes)].copy_from_slice(&value.to_le_bytes()[..usize::from(bytes)]);
            assert_eq!(lock(&shared).bytes[..32], expected);
        }
    }
    assert_eq!((machine.stats().mmio_reads, machine.stats().mmio_writes), (10, 10));
    assert_eq!(machine.violation(), None);
}

#[test]
fn what_is_outside_the_limits_is_refused() {
    let (mut machine, _) = machine(MachineConfig::default());
    for (bar, offset, bytes) in [(1, 0, 4), (6, 0, 4), (0, 0, 3), (0, 2, 4), (0, 64 << 10, 4), (0, u64::MAX - 7, 8)] {
        let error = machine.read(bar, offset, bytes).unwrap_err();
        assert!(matches!(error, MachineError::Range { .. }), "{error}");
        assert!(machine.write(bar, offset, bytes, 0).is_err());
    }
    assert!(matches!(machine.config_read(3), Err(MachineError::Range { .. })));
    assert!(matches!(machine.wait_interrupt(2048, Cycle(0)), Err(MachineError::Range { .. })));
}

#[test]
fn a_silent_card_times_out_within_the_limit_and_says_so() {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).tamper = Some(Box::new(|out| out.header.kind() != Kind::CompletionData));
    let before = machine.now();
    let error = machine.read(0, 0x40, 4).unwrap_err();
    assert!(matches!(error, MachineError::Timeout { .. }), "{error}");
    assert_eq!(machine.now() - before, machine.config().host.completion_timeout);
    assert_eq!(machine.violation().unwrap().rule, "liveness");
    assert!(matches!(machine.read(0, 0, 4), Err(MachineError::Violation(_))));
}

#[test]
fn a_timeout_that_is_expected_leaves_the_machine_usable() {
    let config = MachineConfig { unchecked: vec!["liveness"], ..MachineConfig::default() };
    let (mut machine, shared) = machine(config);
    lock(&shared).tamper = Some(Box::new(|_| false));
    assert!(matches!(machine.read(0, 0, 4), Err(MachineError::Timeout { .. })));
    lock(&shared).tamper = None;
    assert_eq!(machine.read(0, 0, 4), Ok(0));
    // The answer comes at last, long after the request was given up.
    let tag = lock(&shared).arrived.iter().rev().nth(1).unwrap().1.tag();
    let header = Header::completion(true, CARD, CompletionStatus::Success, 4, Bdf::from_bits(0), tag, 0, Dwords(1));
    send(&shared, [Out { at: Cycle(0), header, payload: vec![0; 4] }]);
    run(&mut machine, 1000);
    assert_eq!(machine.stats().late_completions, 1);
    assert_eq!(machine.violation(), None);
}

#[test]
fn errors_come_back_as_errors() {
    for (status, cause) in
        [(CompletionStatus::UnsupportedRequest, Refusal::UnsupportedRequest), (CompletionStatus::CompleterAbort, Refusal::CompleterAbort)]
    {
        let (mut machine, shared) = machine(MachineConfig::default());
        lock(&shared).tamper = Some(Box::new(move |out| {
            let (header, count) = (out.header, out.header.byte_count());
            out.header = Header::completion(false, header.completer(), status, count, header.requester(), header.tag(), 0, Dwords(0));
            out.payload.clear();
            true
        }));
        assert!(matches!(machine.read(0, 0, 4), Err(MachineError::Rejected { cause: got, .. }) if got == cause));
        assert_eq!(machine.violation(), None);
    }
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).tamper = Some(Box::new(|out| {
        out.header = out.header.with_poisoned(true);
        true
    }));
    assert!(matches!(machine.read(0, 0, 4), Err(MachineError::Rejected { cause: Refusal::Poisoned, .. })));
}

#[test]
fn a_store_buffer_without_credits_is_bounded() {
    let (mut machine, shared) = machine(MachineConfig::default());
    lock(&shared).hoard = true;
    let results: Vec<_> = (0..100).map(|n| machine.write(0, 0, 4, n)).collect();
    let first = results.iter().position(Result::is_err).unwrap();
    assert_eq!(first, 8 + 16, "as many as the card granted headers, and a store buffer full");
    assert!(matches!(results[first], Err(MachineError::Timeout { .. })));
    let writes = lock(&shared).arrived.iter().filter(|(_, header, _)| header.kind().class() == Class::Posted).count();
    assert_eq!(writes, 8, "never more than the card granted");
}

#[test]
fn cpu_time_runs_before_the_next_access() {
    let (mut machine, _) = machine(MachineConfig::default());
    let (cpu, before) = (machine.cpu(), machine.now());
    cpu.charge(3999);
    cpu.charge(2);
    let deadline = before.after(Cycles(2));
    assert_eq!(machine.wait_interrupt(0, deadline), Ok(false));
    assert_eq!(machine.now() - before, Cycles(1000), "4001 ns at 4 ns a clock");
    assert_eq!(cpu.owed(), 0);
    for _ in 0..3 {
        cpu.charge(1);
        assert_eq!(machine.wait_interrupt(0, deadline), Ok(false));
    }
    assert_eq!(machine.now() - before, Cycles(1001), "fractions of a clock add up");
    run(&mut machine, 1);
}
