//! A saturating card gets what the formulas of pcie-bench say.

use crate::card::{machine_of, read, run, send, write};
use rstest::rstest;
use silico_sim::{Generation, LinkConfig, MachineConfig};
use silico_spec::credit::Limit;
use silico_spec::params::DataWidth;

fn config(generation: Generation, lanes: u8, max_payload: u32) -> MachineConfig {
    let link = LinkConfig {
        generation,
        lanes,
        max_payload,
        posted: Limit::initial(127, 2047),
        non_posted: Limit::initial(127, 127),
        ..LinkConfig::default()
    };
    MachineConfig { link, ..MachineConfig::default() }
}

fn gbps(bytes: u64, clocks: u64) -> f64 {
    bytes as f64 * 8.0 / (clocks as f64 * 4.0)
}

#[rstest]
#[case(Generation::Gen1, 1, 128)]
#[case(Generation::Gen2, 4, 256)]
#[case(Generation::Gen3, 4, 1024)]
#[case(Generation::Gen3, 8, 128)]
#[case(Generation::Gen3, 8, 256)]
#[case(Generation::Gen3, 8, 512)]
fn writes(#[case] generation: Generation, #[case] lanes: u8, #[case] max_payload: u32) {
    let (mut machine, shared) = machine_of(config(generation, lanes, max_payload), DataWidth::W512);
    let region = machine.memory().alloc(1 << 20, 4096).unwrap();
    let count = 2500;
    let chunk = u64::from(max_payload);
    send(&shared, (0..count).map(|n| write(region.bus_addr().0 + n * chunk % (1 << 20), vec![0; max_payload as usize])));
    let expected = machine.config().link.write_gbps(max_payload);
    let clocks = |tlps: u64| (tlps as f64 * f64::from(max_payload) * 2.0 / expected) as u64;
    run(&mut machine, clocks(300));
    let (from, start) = (machine.stats().to_host.mem_writes.payload, machine.now());
    run(&mut machine, clocks(2000));
    let got = gbps(machine.stats().to_host.mem_writes.payload - from, (machine.now() - start).0);
    assert!(!crate::card::lock(&shared).requests.is_empty(), "the card ran out of writes");
    assert!((got / expected - 1.0).abs() < 0.01, "{got} Gb/s instead of {expected}");
    assert_eq!(machine.violation(), None);
}

#[rstest]
#[case(Generation::Gen2, 4, 128)]
#[case(Generation::Gen3, 8, 256)]
fn reads(#[case] generation: Generation, #[case] lanes: u8, #[case] max_payload: u32) {
    let (mut machine, shared) = machine_of(config(generation, lanes, max_payload), DataWidth::W512);
    let region = machine.memory().alloc(1 << 20, 4096).unwrap();
    // 64 reads of 512 bytes in flight; a tag is used again long after its read has ended.
    let mut sent = 0u64;
    let mut keep = |machine: &mut silico_sim::Machine, clocks: u64| {
        for _ in 0..clocks / 20 {
            let done = machine.stats().to_card.completions.payload / 512;
            while sent < done + 64 {
                send(&shared, [read(region.bus_addr().0 + sent * 512 % (1 << 20), 128, (sent % 256) as u16)]);
                sent += 1;
            }
            run(machine, 20);
        }
    };
    keep(&mut machine, 4000);
    let (from, start) = (machine.stats().to_card.completions.payload, machine.now());
    keep(&mut machine, 16_000);
    let got = gbps(machine.stats().to_card.completions.payload - from, (machine.now() - start).0);
    let expected = machine.config().link.read_gbps(512);
    assert!((got / expected - 1.0).abs() < 0.01, "{got} Gb/s instead of {expected}");
    assert_eq!(machine.violation(), None);
}
