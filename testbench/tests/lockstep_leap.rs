//! The RTL leaps over clocks in which nothing happens, and is held to a twin that takes every one: what both do is the same at the same clocks, all registers
//! read the same, and what they are in the end is the same byte for byte. No model: it would not leap too far, and so hide it if the RTL did.
#![cfg(feature = "rtl")]

#[path = "../../model/tests/common/mod.rs"]
mod common;
#[path = "common/variants.rs"]
mod variants;

use common::play::{Op, Played, Shape, op, play, shape};
use common::{BAR0, Bench, Fault, Host, MEMORY};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use silico_sim::rtl::{RtlCard, State};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{Clocked, Endpoint, PortIn, PortOut, TlpPort};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::Cycles;
use std::sync::{Arc, Mutex};
use variants::{on_each_variant, params};

/// What a card was in the end, and clocks that it took one by one.
type Told = Arc<Mutex<(State, u64)>>;

/// A card that may leap, or not.
struct Watched {
    card: RtlCard,
    leaps: bool,
    clocks: u64,
    told: Told,
}

impl Endpoint for Watched {
    fn width(&self) -> DataWidth {
        self.card.width()
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.clocks += 1;
        self.card.clock(input, output);
    }

    fn quiet(&self) -> Cycles {
        if self.leaps { self.card.quiet() } else { Cycles(0) }
    }

    fn skip(&mut self, span: Cycles) {
        self.card.skip(span);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // What is owed is taken, and what only the last clock has left in it is the same.
        (0..2).for_each(|_| self.card.clock(&PortIn::default(), &mut PortOut::default()));
        let mut told = self.told.lock().unwrap();
        self.card.save(&mut told.0);
        told.1 = self.clocks;
    }
}

/// The same done to both: what came of it, and clocks that each took one by one.
fn on_both<T>(params: &CardParams, idle: u64, act: impl Fn(Clocked<Watched>) -> T) -> ([T; 2], [u64; 2]) {
    let [second, first] = [false, true].map(|leaps| {
        let told = Told::default();
        let card = RtlCard::new(params).expect("it is built").leaping_after(idle);
        let came = act(Clocked::new(Watched { card, leaps, clocks: 0, told: Arc::clone(&told) }));
        (came, told)
    });
    let clocks = {
        let (leaping, plain) = (first.1.lock().unwrap(), second.1.lock().unwrap());
        assert!(leaping.0 == plain.0, "the state of the RTL is another one");
        [leaping.1, plain.1]
    };
    ([first.0, second.0], clocks)
}

/// Operations of all kinds, among them long pauses; timers that run out in those, or do not.
fn random(variant: &str) {
    let params = params(variant);
    let idle = prop_oneof![6 => Just(0_u64), 2 => 100..3000_u64, 1 => 5000..12_000_u64];
    let times = prop::sample::select(vec![1_u32, 40, 400]);
    let drawn = (shape(), times, prop::collection::vec((op(), idle), 1..40), prop::sample::select(vec![1_u64, 40, 600]));
    let config = Config { cases: 5, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]));
    let spared = std::cell::Cell::new(0);
    let result = runner.run(&drawn, |(mut shape, times, ops, patience): (Shape, u32, Vec<(Op, u64)>, u64)| {
        shape.width = params.width;
        for time in [&mut shape.wb_time, &mut shape.int_time, &mut shape.flush] {
            *time *= times;
        }
        let ops: Vec<Op> = ops.into_iter().flat_map(|(op, idle)| [Some(op), (idle > 0).then_some(Op::Run(idle))]).flatten().collect();
        let ([leaping, plain], clocks): ([Played; 2], _) = on_both(&params, patience, |port| play(port, &params, &shape, &ops, u64::MAX));
        prop_assert_eq!(leaping, plain);
        spared.set(spared.get() + clocks[1] - clocks[0]);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(spared.get() > 20_000, "only {} clocks were leapt over", spared.get());
}

/// Each timer of the card is the only thing that is left to happen: nobody leaps over it.
fn timers(variant: &str) {
    const TIMEOUT: u64 = 25_000;
    let params = params(variant);
    let act = |port: Clocked<Watched>| {
        let mut bench = Bench::new(port, &params);
        bench.bring_up(16);
        bench.enable();
        bench.set_sizes(0, 0);
        // Of Device Control 2: 100 us.
        bench.config_write(0xa8, 1);
        wait(&mut bench, "write-back", |bench| {
            bench.set_up_ring(0, 4096, 1 << 2, 512);
            for (register, value) in [(c2h::WB_FRAMES, 0), (c2h::WB_TIME, 9_000), (c2h::CONTROL, 1)] {
                bench.set32(0, register, value);
            }
            bench.feed(0, &[1; 100], bench.now);
        });
        wait(&mut bench, "an interrupt", |bench| {
            for (register, value) in [(c2h::INT_DATA, 1 << 31 | 3), (c2h::INT_DATA_FRAMES, 100), (c2h::INT_DATA_TIME, 8_000)] {
                bench.set32(0, register, value);
            }
            bench.set64(0, c2h::INT_DATA_ARM, 1);
            bench.feed(0, &[2; 100], bench.now);
        });
        // A read that nobody answers: it runs out of time, and its tag rests for eight times as long.
        let mut host = Host::new(7);
        host.fault = Some((2, Fault::Silence));
        bench.host = Some(host);
        bench.set_up_h2c(0, 16, 1);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        let descriptor =
            H2cDescriptor { address: MEMORY + 0x9_0000, length: 600, flags: DescriptorFlags(DescriptorFlags::END_OF_FRAME), cookie: 1 };
        bench.put(0, 16, 0, &descriptor);
        bench.h2c_set64(0, h2c::TAIL, 1);
        let mut seen = Vec::new();
        for pause in [TIMEOUT / 2, TIMEOUT, 7 * TIMEOUT, TIMEOUT / 2, TIMEOUT] {
            bench.run(pause);
            let states = [card::READ_QUARANTINE, card::READ_TAGS, card::CYCLES, card::CYCLES + 4];
            seen.push((bench.now, states.map(|register| bench.read(BAR0 + u64::from(register), 4))));
        }
        let resting: Vec<bool> = seen.iter().map(|(_, states)| card::read_quarantine::TAGS.get(states[0]) > 0).collect();
        assert_eq!(resting, [false, true, true, true, false], "{seen:?}");
        (bench.sent.clone(), seen)
    };
    let ([leaping, plain], clocks) = on_both(&params, 500, act);
    assert_eq!(leaping, plain);
    assert!(2 * clocks[0] < clocks[1], "{} of {} clocks one by one", clocks[0], clocks[1]);
}

/// Something is begun, and the card says nothing for long; then it does.
fn wait<P: TlpPort>(bench: &mut Bench<P>, what: &str, begin: impl Fn(&mut Bench<P>)) {
    begin(bench);
    bench.run(1000);
    let before = bench.sent.len();
    bench.run(4000);
    assert_eq!(bench.sent.len(), before, "{what} should wait");
    bench.run(8000);
    assert!(bench.sent.len() > before, "{what} should have come");
}

/// Over 32 bits of the card's clock, and back to what it did before.
fn far(variant: &str) {
    let params = params(variant);
    let card = RtlCard::new(&params).expect("it is built");
    let mut bench = Bench::new(Clocked::new(card), &params);
    bench.bring_up(16);
    bench.enable();
    bench.set_up_ring(0, 4096, 0, 512);
    bench.set32(0, c2h::CONTROL, 1);
    let read = |bench: &mut Bench<_>, register: u32| {
        bench.read(BAR0 + u64::from(register), 4) | bench.read(BAR0 + u64::from(register) + 4, 4) << 32
    };
    for round in 1..4_u64 {
        let (from, at) = (bench.now, read(&mut bench, card::CYCLES));
        bench.run(3 << 31);
        let passed = read(&mut bench, card::CYCLES) - at;
        assert!(passed.abs_diff(bench.now - from) < 20, "CYCLES counts {passed} in {} clocks", bench.now - from);
        bench.feed(0, &[3; 200], bench.now);
        bench.run(500);
        assert_eq!(bench.get64(0, c2h::FRAMES), round);
    }
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    let (now, cycles, idle) = (bench.now, read(&mut bench, card::PERF_CYCLES), bench.get64(0, c2h::PERF_NO_DATA));
    assert!(now - cycles < 200 && cycles - idle < 5000, "{now} clocks: PERF_CYCLES {cycles}, PERF_NO_DATA {idle}");
}

on_each_variant! {
    #[test]
    fn random_operations_and_pauses_as_clock_by_clock() {
        random(VARIANT);
    }

    #[test]
    fn no_leap_goes_over_a_timer() {
        timers(VARIANT);
    }

    #[test]
    fn counters_go_on_over_a_leap() {
        far(VARIANT);
    }
}
