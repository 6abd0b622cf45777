//! The full loop under criterion: card model, link, host memory, checkers, driver, scoreboard. Throughputs are per second of wall clock.
//!
//! `cargo bench`. These machines are noisy: compare within one run. `silico bench self` prints the same figures next to the reference.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use silico::cli::RunOptions;
use silico::run::{Progress, RunConfig, build, run};
use silico_driver::platform::{Platform, Registers};
use silico_spec::registers::card;
use silico_spec::units::Cycles;
use std::hint::black_box;

fn config(args: &[&str]) -> RunConfig {
    RunConfig::new(&RunOptions::typed(args).expect("legal options")).expect("legal settings")
}

/// A run that must pass; returns its payload bytes and clocks.
fn pass(config: &RunConfig) -> (u64, u64) {
    let report = run(config, &mut Progress::Quiet).expect("the run can be made");
    assert!(report.passed, "{:?}", report.finding);
    (report.bytes, report.simulated.cycles)
}

/// Payload through the full loop, by frame size, on a link that never holds the port back.
fn payload(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payload");
    group.sample_size(10);
    for (size, frames) in [("64", "20000"), ("256", "20000"), ("1500", "8000"), ("4096", "4000"), ("65536", "250")] {
        let link = ["--gen", "4", "--lanes", "16", "--mps", "512"];
        let config = config(&[&["--source", "generator", "--frame-size", size, "--frames", frames], &link[..]].concat());
        group.throughput(Throughput::Bytes(pass(&config).0));
        group.bench_with_input(BenchmarkId::from_parameter(size), &config, |bencher, config| bencher.iter(|| pass(black_box(config))));
    }
    group.finish();
}

/// Clocks through the full loop: dense on one channel and on four, and sparse.
fn clocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clocks");
    group.sample_size(10);
    for (name, args) in [
        ("one channel, Gen 3 x8", ["--channels", "1", "--frame-size", "4096", "--frames", "4000"]),
        ("four channels, Gen 3 x8", ["--channels", "4", "--frame-size", "4096", "--frames", "4000"]),
        ("four channels, 1 frame in 40 us", ["--pause", "10000", "--frame-size", "1500", "--frames", "4000"]),
    ] {
        let config = config(&[&["--source", "generator"], &args[..]].concat());
        group.throughput(Throughput::Elements(pass(&config).1));
        group.bench_with_input(BenchmarkId::from_parameter(name), &config, |bencher, config| bencher.iter(|| pass(black_box(config))));
    }
    group.finish();
}

/// Register round trips: a TLP down the link, its completion up.
fn registers(criterion: &mut Criterion) {
    let bench = build(&config(&[])).expect("the card comes up");
    let registers = bench.platform.registers();
    let mut group = criterion.benchmark_group("registers");
    group.throughput(Throughput::Elements(1));
    group.bench_function("read32", |bencher| bencher.iter(|| registers.read32(card::ID).expect("answered")));
    group.bench_function("read64", |bencher| bencher.iter(|| registers.read64(card::CYCLES).expect("answered")));
    group.finish();
}

/// Idle time: what a millisecond of nothing costs.
fn idle(criterion: &mut Criterion) {
    let bench = build(&config(&[])).expect("the card comes up");
    let mut group = criterion.benchmark_group("idle");
    group.throughput(Throughput::Elements(250_000));
    group.bench_function("a millisecond", |bencher| {
        bencher.iter(|| {
            let mut machine = bench.platform.machine();
            let end = machine.now().after(Cycles(250_000));
            machine.advance_to(end);
        });
    });
    group.finish();
}

/// Scenarios: a new machine, enumeration, bring-up, some busy clocks, the end.
fn scenarios(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scenarios");
    group.throughput(Throughput::Elements(1));
    let config = config(&["--source", "generator", "--frame-size", "64..1500", "--frames", "80"]);
    group.bench_function("80 frames", |bencher| bencher.iter(|| pass(black_box(&config))));
    group.finish();
}

criterion_group!(benches, payload, clocks, registers, idle, scenarios);
criterion_main!(benches);
