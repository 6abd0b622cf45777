//! The whole loop over a hostile link and host: damaged TLPs and DLLPs, starved credits, streams that stand still, unordered, late and torn memory. All that PCI
//! Express allows; card and driver must bear it, every byte must come through, and every rule must hold.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::report::Report;
use silico::run::{Progress, RunConfig, build, run};
use silico_driver::channel::{Generator, Lengths, RingConfig, Source, WaitMode};
use silico_driver::h2c::{Output, SendConfig, Until};
use silico_driver::platform::Time;
use silico_sim::{LinkErrors, Occurrence};
use silico_spec::units::Cycles;

fn config(args: &[&str]) -> RunConfig {
    let options = RunOptions::typed(args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    RunConfig::new(&options).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

#[track_caller]
fn pass(config: &RunConfig) -> Report {
    let report = run(config, &mut Progress::new(true, config.frames())).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.passed, "{}\n{:?}", report.command, report.finding);
    assert_eq!(report.frames, config.frames());
    let checked = report.integrity;
    assert!([checked.payload, checked.crc, checked.order, checked.header].iter().all(|&count| count == report.frames), "{checked:?}");
    report
}

const FRAMES: [&str; 8] = ["--source", "generator", "--frames", "400", "--frame-size", "0..3000", "--ring-size", "32KiB"];

#[rstest]
fn each_stress_and_all_at_once(
    #[values("order", "torn", "credits", "stalls", "replay", "order,torn,credits,stalls,replay")] stress: &str,
    #[values("0", "3000")] errors: &str,
    #[values("poll", "interrupt", "hybrid")] notify: &str,
) {
    for seed in ["1", "2"] {
        let args = [&FRAMES[..], &["--stress", stress, "--link-errors", errors, "--notify", notify, "--seed", seed]].concat();
        let report = pass(&config(&args));
        assert_eq!(pass(&config(&args)).trace_digest, report.trace_digest, "{}", report.command);
        let damaged = report.link.map_or(0, |link| link.to_host.damaged + link.to_card.damaged);
        assert_eq!(damaged > 0, errors != "0", "{:?}", report.link);
    }
}

/// Pages: descriptors are fetched, completions polled by their phase, all over the same link.
#[rstest]
fn pages(
    #[values("order", "torn", "order,torn,credits,stalls,replay")] stress: &str,
    #[values("0", "3000")] errors: &str,
    #[values("poll", "interrupt")] notify: &str,
) {
    let args = [&FRAMES[..], &["--discipline", "pages", "--stress", stress, "--link-errors", errors, "--notify", notify]].concat();
    let report = pass(&config(&args));
    assert_eq!(pass(&config(&args)).trace_digest, report.trace_digest, "{}", report.command);
}

#[test]
fn a_quiet_link_has_nothing_to_report_and_an_idle_data_link_layer_changes_nothing() {
    let plain = pass(&config(&FRAMES));
    assert_eq!(plain.link, None);
    let mut idle = config(&FRAMES);
    idle.machine.link.dll.to_host = LinkErrors { lcrc: Occurrence::nth(u64::MAX), ..LinkErrors::NONE };
    assert_eq!(pass(&idle).trace_digest, plain.trace_digest);
}

#[test]
fn the_report_tells_of_replays() {
    let report = pass(&config(&[&FRAMES[..], &["--link-errors", "3000"]].concat()));
    let link = report.link.unwrap();
    assert!(link.to_host.replays > 0 && link.to_host.naks > 0 && link.to_host.replayed >= link.to_host.replays, "{link:?}");
    let text = silico::report::text::Text(&report).to_string();
    assert!(text.contains("replays     card -> host: ") && text.contains(" retrains, "), "{text}");
}

#[test]
fn recovery_in_the_middle_of_a_run_resets_nothing() {
    let mut config = config(&FRAMES);
    config.machine.link.dll.to_host.lcrc = Occurrence::Span { first: 1000, count: 200 };
    config.machine.link.dll.replay_tlps = Some(8);
    let report = pass(&config);
    assert!(report.link.is_some_and(|link| link.retrains > 0), "{:?}", report.link);
}

/// Payload with relaxed ordering, which the host takes all liberties with.
#[rstest]
fn relaxed_payload(#[values("order", "order,torn", "order,torn,credits,stalls")] stress: &str) {
    let bench = build(&config(&["--stress", stress, "--link-errors", "1000"])).expect("the card comes up");
    let generator = Generator {
        lengths: Lengths::Uniform { min: 0, max: 2000 },
        source: 1,
        pause: 0,
        rate: 1 << 16,
        seed: 5,
        count: 300,
        blocks: None,
    };
    let ring = RingConfig {
        ring_bytes: 16 << 10,
        source: Source::Generator(generator),
        relaxed: true,
        max_frame: 2000,
        wait: WaitMode::Poll,
        ..RingConfig::default()
    };
    let mut channel = bench.card.channel(0, &ring).expect("a channel");
    channel.start().expect("started");
    let deadline = bench.platform.now().after(50_000_000);
    let mut frames = 0;
    while frames < 300 {
        assert!(bench.platform.now() < deadline, "{frames} frames");
        let mut taken = 0;
        while let Some(frame) = channel.poll().expect("no error") {
            let payload = [frame.head, frame.tail].concat();
            assert_eq!(silico_spec::crc::crc32c(&payload), frame.header.crc, "frame {frames}");
            assert_eq!(frame.header.sequence, frames + taken);
            taken += 1;
        }
        frames += taken;
        if taken == 0 {
            bench.platform.pause(bench.platform.now().after(10_000));
        }
    }
    assert_eq!(bench.platform.machine().violation().map(ToString::to_string), None);
}

/// The other direction: descriptors and payload are fetched over the same link.
#[rstest]
fn sending(
    #[values("order", "torn", "credits", "stalls", "replay", "order,torn,credits,stalls,replay")] stress: &str,
    #[values("0", "2000")] errors: &str,
    #[values("64", "256")] width: &str,
) {
    let bench = build(&config(&["--stress", stress, "--link-errors", errors, "--width", width])).expect("the card comes up");
    let mut channel =
        bench.card.send_channel(0, &SendConfig { output: Output::Check, entries: 8, ..SendConfig::default() }).expect("a channel");
    channel.start().expect("started");
    for (index, size) in [1, 31, 512, 513, 4096, 9001, 100, 3].into_iter().enumerate() {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 131 + index * 17 + (i >> 8)) as u8).collect();
        let ticket = channel.send(&bytes, index as u64).expect("room");
        channel.wait(Until::Sent(ticket), bench.platform.now().after(20_000_000)).expect("sent");
    }
    assert_eq!(channel.frames(), 8);
    assert_eq!(bench.platform.machine().violation().map(ToString::to_string), None);
}

#[test]
fn a_card_that_vanishes_in_the_middle_of_a_run_ends_it_with_an_error() {
    for after in [10, 100, 1003, 5001] {
        let bench = build(&config(&[])).expect("the card comes up");
        let generator = Generator { lengths: Lengths::Fixed(1000), source: 1, pause: 0, rate: 1 << 16, seed: 5, count: 0, blocks: None };
        let ring = RingConfig { source: Source::Generator(generator), max_frame: 1000, ..RingConfig::default() };
        let mut channel = bench.card.channel(0, &ring).expect("a channel");
        channel.start().expect("started");
        let mut machine = bench.platform.machine();
        let at = machine.now().after(Cycles(after));
        machine.link_down_at(at);
        drop(machine);
        let deadline = bench.platform.now().after(10_000_000);
        let mut failed = false;
        while !failed && bench.platform.now() < deadline {
            let before = bench.platform.now();
            match channel.poll() {
                Ok(Some(_)) => {}
                Ok(None) => failed = channel.wait(bench.platform.now().after(1000)).is_err(),
                Err(_) => failed = true,
            }
            if bench.platform.now() == before {
                bench.platform.pause(bench.platform.now().after(100));
            }
        }
        assert!(failed, "the driver never noticed");
        assert!(!bench.platform.machine().link_up());
        assert_eq!(bench.platform.machine().violation().map(ToString::to_string), None);
    }
}

/// One TLP in fifteen damaged: the card is told to wait again and again within one TLP, whose first beat passed before all of that.
#[test]
fn a_tlp_may_be_held_up_several_times() {
    for seed in ["1", "2", "3", "4"] {
        for port in ["64", "256"] {
            pass(&config(&["--source", "generator", "--frames", "600", "--link-errors", "65535", "--width", port, "--seed", seed]));
        }
    }
}

#[test]
fn a_link_on_which_nothing_comes_through_is_down_and_says_so() {
    let mut config = config(&["--source", "generator", "--frames", "600"]);
    config.machine.link.dll.to_card.lcrc = Occurrence::PerMillion(1_000_000);
    // The CPU's patience with a config read is less than that of the link with itself.
    config.machine.host.completion_timeout = Cycles(1_000_000);
    let error = run(&config, &mut Progress::new(true, config.frames())).unwrap_err().to_string();
    assert!(error.contains("the link is down: nothing came through host -> card, however often it was retrained"), "{error}");
}

#[test]
fn a_link_that_fails_in_mid_run_is_what_the_report_names() {
    let mut broken = config(&["--source", "generator", "--frames", "4000"]);
    broken.machine.link.dll.to_host.lcrc = Occurrence::Span { first: 2000, count: u64::MAX };
    let report = run(&broken, &mut Progress::new(true, broken.frames())).unwrap();
    let finding = report.finding.unwrap();
    assert!(finding.what.contains("the link is down: nothing came through card -> host"), "{finding:?}");
}

/// Each word of a link's faults: it strikes as often as it says, and nothing is seen of it but the delay.
#[rstest]
#[case("link.lcrc@50", Some(1))]
#[case("down.link.lcrc@3..5", Some(3))]
#[case("link.lost@50", Some(1))]
#[case("down.link.lost@2", Some(1))]
#[case("link.ack@1", Some(1))]
#[case("down.link.ack@2..4", Some(3))]
#[case("link.update-fc@1", Some(1))]
#[case("down.link.update-fc@1", Some(1))]
#[case("link.lcrc%0.01", None)]
fn faults_of_the_link_by_rule(#[case] rule: &str, #[case] times: Option<u64>) {
    let report = pass(&config(&[&FRAMES[..], &["--fault", rule]].concat()));
    let faults = report.faults.unwrap();
    let planted = faults.link[0].planted;
    assert!(times.map_or(planted > 0, |times| planted == times), "{faults:?}");
    assert_eq!((faults.link[0].rule.as_str(), faults.worst, faults.total), (rule, Some("benign"), planted));
}

#[test]
fn a_link_that_flaps_by_rule_is_what_the_driver_finds() {
    let flapping = config(&[&FRAMES[..], &["--fault", "link.flap(500)@11000"]].concat());
    let report = run(&flapping, &mut Progress::new(true, flapping.frames())).unwrap();
    assert!(!report.passed, "the card must be enumerated anew");
    assert_eq!(report.faults.unwrap().link[0].planted, 1);
    assert!(report.command.ends_with("--fault 'link.flap(500)@11000'"), "{}", report.command);
}

#[rstest]
#[case(&["link.lcrc@99999999"], "--fault is link.lcrc@99999999; it must be one that happens")]
#[case(&["link.flap(5)@99999999"], "it must be one that happens")]
#[case(&["link.lcrc@1", "link.lcrc@2"], "--fault is link.lcrc@2; it must be the only one of its kind and direction")]
#[case(&["link.flap(5)@1", "link.flap(5)@2"], "the only one of its kind")]
fn faults_of_the_link_that_cannot_be(#[case] rules: &[&str], #[case] said: &str) {
    let faults: Vec<&str> = rules.iter().flat_map(|rule| ["--fault", *rule]).collect();
    let options = RunOptions::typed(&[&FRAMES[..], &faults].concat()).unwrap();
    let result = RunConfig::new(&options).map_err(|error| error.to_string());
    let error = result.and_then(|config| run(&config, &mut Progress::new(true, 400)).map_err(|error| error.to_string())).unwrap_err();
    assert!(error.contains(said), "{error}");
}
