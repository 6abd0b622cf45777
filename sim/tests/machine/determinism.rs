//! A run is a function of configuration, seed and inputs.

use crate::card::{machine, read, run, send, write};
use silico_sim::MachineConfig;

fn digest(seed: u64) -> u64 {
    let (mut machine, shared) = machine(MachineConfig { seed, ..MachineConfig::default() });
    let region = machine.memory().alloc(16 << 10, 4096).unwrap();
    send(&shared, (0..50).map(|n| read(region.bus_addr().0 + n * 64, 100, n as u16)));
    send(&shared, (0..50).map(|n| write(region.bus_addr().0 + 8192 + n * 64, vec![n as u8; 64])));
    run(&mut machine, 10_000);
    assert_eq!(machine.violation(), None);
    assert!(machine.trace().total() > 200);
    machine.trace().digest()
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_one_another() {
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn the_trace_can_be_read() {
    let (mut machine, _) = machine(MachineConfig { trace: 4, ..MachineConfig::default() });
    machine.write(0, 0, 4, 1).unwrap();
    machine.read(0, 0, 8).unwrap();
    let text = machine.trace().to_string();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("host -> card MRd 64 addr=0x2000000000 len=2dw be=f/f req=00:00.0"), "{text}");
    assert!(text.contains("card -> host CplD SC from=01:00.0 bc=8"), "{text}");
}
