//! The link under stress: damaged TLPs and DLLPs, replays, Recovery, starved credits, streams that stand still, surprise. Whatever happens below, the
//! card and the host see every TLP once and in order.

use crate::card::{Handle, completions, lock, machine, read, run, send, write};
use rstest::rstest;
use silico_sim::{Distribution, DllConfig, LinkErrors, Machine, MachineConfig, Occurrence, Stalls, Starvation};
use silico_spec::credit::{Class, Limit};
use silico_spec::tlp::Kind;
use silico_spec::units::{Cycle, Cycles};

/// Writes and reads of the card, and loads and stores of the CPU, for a long time; everything must come through.
fn traffic(config: MachineConfig, piece: u64) -> (Machine, Handle) {
    let (mut machine, shared) = machine(config);
    let mut region = machine.memory().alloc(128 << 10, 4096).unwrap();
    region.acquire(0..4096);
    region.view_mut(0..4096).iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 7 + n / 256) as u8);
    region.release(0..4096);
    let base = region.bus_addr().0;
    let writes = (0..400).map(|n| write(base + 8192 + n * 256, vec![(n + 1) as u8; 256]));
    let reads = (0..100).map(|n| read(base + n * 36, 16 + n as u32 % 40, n as u16));
    let mut outs: Vec<_> = writes.collect();
    reads.enumerate().for_each(|(n, out)| outs.insert(n * 4, out));
    send(&shared, outs);
    for n in 0..30 {
        machine.write(0, n * 8, 8, 0x0101_0101_0101_0101 * n).unwrap();
        if n % 5 == 4 {
            assert_eq!(machine.read(0, n * 8, 8).unwrap(), 0x0101_0101_0101_0101 * n, "a read pushes the writes before it");
        }
    }
    let end = Cycle(400_000);
    while machine.now() < end {
        machine.advance_to(end.min(machine.now().after(Cycles(piece))));
    }
    assert_eq!(machine.violation(), None);
    assert!((0..400).all(|n| region.load64(8192 + n * 256) & 0xff == (n + 1) & 0xff), "{:?}", machine.stats());
    let mut bytes = [0; 100];
    for (_, header, payload) in completions(&shared) {
        assert_eq!(header.kind(), Kind::CompletionData);
        bytes[usize::from(header.tag().0)] += payload.len();
    }
    assert!((0..100).all(|n| bytes[n] == (16 + n % 40) * 4), "{bytes:?}");
    let stores: Vec<u64> = lock(&shared).arrived.iter().filter(|one| one.1.kind() == Kind::MemWrite).map(|one| one.1.address().0).collect();
    assert!(stores.len() == 30 && stores.is_sorted(), "{stores:?}");
    (machine, shared)
}

fn with(change: impl FnOnce(&mut MachineConfig)) -> MachineConfig {
    let mut config = MachineConfig { seed: 11, ..MachineConfig::default() };
    change(&mut config);
    config
}

fn errors(to_host: LinkErrors, to_card: LinkErrors) -> MachineConfig {
    with(|config| {
        config.link.dll = DllConfig { to_host, to_card, ..DllConfig::default() };
        // Lost credits are repeated after 7500 clocks only.
        config.host.completion_timeout = Cycles(250_000);
    })
}

#[rstest]
#[case(2_000)]
#[case(20_000)]
#[case(100_000)]
fn damaged_tlps_and_dllps_are_made_up_for(#[case] rate: u32) {
    let config = errors(LinkErrors::per_million(rate), LinkErrors::per_million(rate));
    let (machine, _) = traffic(config.clone(), 1 << 40);
    let stats = machine.stats();
    assert!(stats.dll_to_host.replays + stats.dll_to_card.replays > 0, "{stats:?}");
    if rate == 100_000 {
        assert!(stats.dll_to_card.replays > 0 && stats.dll_to_host.duplicates > 0 && stats.dll_to_host.timeouts > 0, "{stats:?}");
        assert!(stats.damaged_updates[0] > 0 && stats.damaged_updates[1] > 0, "{stats:?}");
        let (root, card) = (stats.root_errors(), stats.card_errors());
        assert!(root.bad_tlp >= stats.dll_to_host.lcrc_errors && root.bad_dllp >= stats.damaged_updates[0]);
        assert_eq!((card.replay_timer, card.replay_rollover), (stats.dll_to_host.timeouts, stats.dll_to_host.rollovers));
        assert_eq!(root.receiver, stats.dll_to_host.lost_tlps);
    }
    assert_eq!(traffic(config.clone(), 1 << 40).0.trace().digest(), machine.trace().digest());
    for piece in [1, 17] {
        assert_eq!(traffic(config.clone(), piece).0.trace().digest(), machine.trace().digest(), "pieces of {piece}");
    }
}

#[test]
fn a_data_link_layer_with_nothing_to_do_changes_nothing() {
    let (off, _) = traffic(with(|_| {}), 1 << 40);
    let late = LinkErrors { lcrc: Occurrence::nth(u64::MAX), ..LinkErrors::NONE };
    let (on, _) = traffic(errors(late, late), 1 << 40);
    assert_eq!(off.trace().digest(), on.trace().digest());
    assert!(on.stats().dll_to_host.acks > 0 && on.stats().dll_to_host.replays == 0);
    assert_eq!(off.stats().dll_to_host, silico_sim::DllStats::default());
}

#[rstest]
#[case(LinkErrors { lcrc: Occurrence::nth(50), ..LinkErrors::NONE }, LinkErrors::NONE, [1, 0, 1, 0])]
#[case(LinkErrors { lost: Occurrence::nth(50), ..LinkErrors::NONE }, LinkErrors::NONE, [1, 0, 1, 0])]
#[case(LinkErrors::NONE, LinkErrors { lcrc: Occurrence::nth(50), ..LinkErrors::NONE }, [0, 1, 0, 1])]
fn one_damaged_tlp_costs_one_nak_and_one_replay(#[case] to_host: LinkErrors, #[case] to_card: LinkErrors, #[case] expected: [u64; 4]) {
    let (machine, _) = traffic(errors(to_host, to_card), 1 << 40);
    let (up, down) = (machine.stats().dll_to_host, machine.stats().dll_to_card);
    assert_eq!([up.naks, down.naks, up.replays, down.replays], expected);
}

#[test]
fn a_full_replay_buffer_holds_the_card() {
    let slow = |tlps| {
        let config = with(|config| {
            config.link.dll.replay_tlps = Some(tlps);
            config.link.dll.ack_latency = Some(Cycles(400));
            config.link.dll.replay_timer = Some(Cycles(2000));
        });
        let (machine, shared) = traffic(config, 1 << 40);
        let last = lock(&shared).sent.iter().rfind(|(_, header)| header.kind() == Kind::MemWrite).map(|(at, _)| at.0).unwrap();
        assert_eq!(machine.stats().dll_to_host.replays, 0);
        (last, machine.stats().dll_to_host.full, machine.stats().clocks_not_ready)
    };
    let (free, never, _) = slow(2047);
    let (held, often, not_ready) = slow(4);
    assert_eq!(never, 0);
    assert!(often > 80 && not_ready > 80 * 400, "{often} {not_ready}");
    // Four TLPs an Ack: way there, 400 clocks, way back.
    assert!(held > free + 400 / 4 * 400, "{held} {free}");
}

#[test]
fn replay_num_rolls_over_and_the_link_is_retrained_without_a_reset() {
    let burst = LinkErrors { lcrc: Occurrence::Span { first: 100, count: 40 }, ..LinkErrors::NONE };
    let mut config = errors(burst, LinkErrors::NONE);
    config.link.dll.retrain = Cycles(5000);
    config.link.dll.replay_tlps = Some(4);
    let (mut machine, _) = traffic(config, 1 << 40);
    let stats = machine.stats();
    assert!(stats.retrains >= 1 && stats.dll_to_host.rollovers == stats.retrains, "{stats:?}");
    assert_eq!(stats.card_errors().replay_rollover, stats.retrains);
    assert!(machine.function().is_some() && machine.link_up());
    machine.retrain();
    let (before, retrains) = (machine.now(), machine.stats().retrains);
    machine.read(0, 0, 4).unwrap();
    assert!(machine.now() >= before.after(Cycles(5000)), "a read waits until the link is back");
    assert_eq!(machine.stats().retrains, retrains);
}

#[test]
fn a_link_that_never_carries_anything_times_out_and_does_not_hang() {
    let dead = LinkErrors { lcrc: Occurrence::PerMillion(1_000_000), ..LinkErrors::NONE };
    let (card, _) = crate::card::Card::new(silico_spec::params::DataWidth::W256);
    let mut machine = Machine::new(errors(dead, LinkErrors::NONE), Box::new(card), 0).unwrap();
    assert!(machine.enumerate().is_err());
    assert!(machine.stats().retrains > 1);
}

#[test]
fn surprise_in_the_middle_of_a_tlp_loses_what_had_not_arrived() {
    for after in 0..60 {
        let (mut machine, shared) = machine(with(|_| {}));
        let region = machine.memory().alloc(4096, 4096).unwrap();
        send(&shared, (0..8).map(|n| write(region.bus_addr().0 + n * 256, vec![n as u8 + 1; 256])));
        machine.link_down_at(machine.now().after(Cycles(after)));
        run(&mut machine, 10_000);
        assert!(!machine.link_up() && machine.function().is_none());
        assert_eq!(machine.violation(), None);
        let seen: Vec<bool> = (0..8).map(|n| region.load64(n * 256) != 0).collect();
        assert!(seen.is_sorted_by(|one, next| one >= next), "a prefix: {seen:?}");
        // A TLP of 280 bytes takes 9.7 clocks, the link 25: what left in the last 25 clocks is lost.
        let most = (after.saturating_sub(25) as f64 / 9.6) as usize;
        assert!(seen.iter().filter(|seen| **seen).count() <= most, "{after}: {seen:?}");
        lock(&shared).requests.clear();
        machine.enumerate().unwrap();
        machine.write(0, 0, 4, 5).unwrap();
        assert_eq!(machine.read(0, 0, 4), Ok(5));
    }
}

#[test]
fn the_cpu_survives_a_surprise_in_a_read() {
    let (mut machine, _) = machine(with(|_| {}));
    machine.link_down_at(machine.now().after(Cycles(20)));
    let error = machine.read(0, 0, 4).unwrap_err();
    assert_eq!(error, silico_sim::MachineError::LinkDown);
    assert_eq!(machine.violation(), None);
}

#[rstest]
#[case(Starvation::Withhold { per_mille: 300, longest: Cycles(3000) })]
#[case(Starvation::OneByOne { spacing: Cycles(4) })]
fn starved_credits(#[case] starvation: Starvation, #[values(false, true)] minimal: bool) {
    let config = with(|config| {
        config.link.starvation = starvation;
        if minimal {
            config.link = config.link.clone().with_minimal_credits();
        }
    });
    let (machine, _) = traffic(config.clone(), 1 << 40);
    assert!(machine.stats().credits_exhausted[0] >= if minimal { 400 } else { 1 }, "{:?}", machine.stats());
    assert_eq!(traffic(config, 13).0.trace().digest(), machine.trace().digest());
}

#[rstest]
#[case([Limit::INFINITE; 3])]
#[case([Limit::new(None, Some(16)), Limit::new(Some(1), None), Limit::INFINITE])]
#[case([Limit::new(Some(1), None), Limit::INFINITE, Limit::initial(1, 16)])]
fn headers_and_data_are_counted_apart_and_may_be_infinite(#[case] limits: [Limit; 3]) {
    let config = with(|config| [config.link.posted, config.link.non_posted, config.link.completion] = limits);
    traffic(config, 1 << 40);
}

#[test]
fn the_root_port_keeps_to_the_credits_of_the_card() {
    let (mut machine, shared) = machine(with(|_| {}));
    lock(&shared).hoard = true;
    let before = lock(&shared).arrived.len();
    // Eight headers are granted at first, none comes back; what the store buffer holds does not count.
    for n in 0..20 {
        machine.write(0, n * 8, 8, n).unwrap();
    }
    run(&mut machine, 10_000);
    let posted = |shared: &Handle| lock(shared).arrived[before..].iter().filter(|one| one.1.kind().class() == Class::Posted).count();
    assert_eq!(posted(&shared), 8);
    lock(&shared).grant = 5;
    run(&mut machine, 10);
    run(&mut machine, 10_000);
    assert_eq!(posted(&shared), 13);
    assert_eq!(machine.violation(), None);
}

#[rstest]
#[case(Stalls::Random { per_mille: 300 })]
#[case(Stalls::Bursts { period: 200, longest: 150 })]
#[case(Stalls::Every { clocks: 3 })]
#[case(Stalls::AllBut { clocks: 5 })]
fn streams_that_stand_still(#[case] stalls: Stalls) {
    let config = with(|config| {
        (config.link.tx_stalls, config.link.rx_gaps) = (stalls, stalls);
        config.link.rx_pause = Distribution::Uniform { min: 0, max: 30 };
    });
    let (machine, _) = traffic(config.clone(), 1 << 40);
    for piece in [1, 13, 100] {
        assert_eq!(traffic(config.clone(), piece).0.trace().digest(), machine.trace().digest(), "pieces of {piece}");
    }
    assert_ne!(traffic(with(|_| {}), 1 << 40).0.trace().digest(), machine.trace().digest());
}

#[test]
fn everything_at_once() {
    for seed in 0..6 {
        let config = with(|config| {
            config.seed = seed;
            config.link = config.link.clone().with_minimal_credits();
            let errors = LinkErrors::per_million(30_000);
            config.link.dll = DllConfig { to_host: errors, to_card: errors, replay_tlps: Some(8), ..DllConfig::default() };
            config.link.starvation = Starvation::Withhold { per_mille: 200, longest: Cycles(500) };
            (config.link.tx_stalls, config.link.rx_gaps) = (Stalls::Random { per_mille: 200 }, Stalls::Bursts { period: 64, longest: 20 });
            config.host.ordering = silico_sim::Ordering { arbitrate: true, relaxed_completions: true, late: 800, ..config.host.ordering };
            config.host.torn = Some(silico_sim::Torn::default());
        });
        let (machine, _) = traffic(config.clone(), 1 << 40);
        assert_eq!(traffic(config, 29).0.trace().digest(), machine.trace().digest(), "seed {seed}");
    }
}
