//! Faults are the same clock for clock around both grains of the card: the one that passes runs of clocks, and the same card driven signal by signal.

use rstest::rstest;
use silico::fault::{FaultLog, Planted, Rule, plant};
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Generator, Lengths, RingConfig, Source};
use silico_sim::MachineConfig;
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, TlpPort};
use silico_spec::units::Cycles;

/// Digest of all that passed the link, what was planted, and the time at the end.
fn ran<P: TlpPort + Send + 'static>(card: P, rules: &[&str]) -> (u64, Vec<Planted>, u64) {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
    let log = FaultLog::default();
    let platform = SimPlatform::new(MachineConfig::default(), Box::new(plant(&rules, 3, card, log.clone()).0), 4).expect("it comes up");
    let driver = Card::bring_up(platform.clone(), &BringUp::default()).expect("a card");
    let generator =
        Generator { lengths: Lengths::Uniform { min: 1, max: 900 }, source: 1, pause: 0, rate: 50_000, seed: 5, count: 0, blocks: None };
    let config = RingConfig { source: Source::Generator(generator), max_frame: 900, ..RingConfig::default() };
    let mut channels = [0, 1].map(|channel| driver.channel(channel, &config).expect("a channel"));
    for channel in &mut channels {
        let started = channel.start();
        assert!(started.is_ok(), "{started:?}: {:?}", platform.machine().violation());
    }
    let until = platform.machine().now().after(Cycles(20_000));
    platform.machine().advance_to(until);
    let machine = platform.machine();
    let end = (machine.trace().digest(), log.records(), machine.now().0);
    drop(machine);
    end
}

#[rstest]
#[case(&[])]
#[case(&["payload.delay(70)%0.05", "payload.dup%0.05"])]
#[case(&["payload.reorder(90)%0.1", "wb.drop%0.2"])]
#[case(&["payload.overtake(50)%0.1", "mwr.stall(40)%0.05", "mwr.retrain(90)%0.02"])]
#[case(&["payload.starve(500)%0.02", "down.mwr.delay(40)%0.2", "payload.truncate(1)%0.01"])]
fn both_grains_meet_the_same_faults(#[case] rules: &[&str]) {
    let card = || silico_model::Card::new(CardParams::default()).expect("legal parameters");
    let (bulk, clocked) = (ran(card(), rules), ran(Clocked::new(card()), rules));
    assert!(rules.is_empty() || !bulk.1.is_empty(), "nothing was planted");
    assert_eq!(bulk.1.iter().zip(&clocked.1).position(|(a, b)| a != b), None, "the first that differs");
    assert!(bulk == clocked, "what passed the link differs");
}
