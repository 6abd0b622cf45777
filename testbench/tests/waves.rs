//! Waveforms: what is in them is what happened, and a run is the same with them.

mod common;
#[path = "common/wave.rs"]
mod wave;

use common::{scratch, silico};
use silico::cli::RunOptions;
use silico::run::{Progress, RunConfig};
use silico::waves::{Layout, Side, Sides, Tap, Waves, WavesConfig, Window};
use silico_sim::lockstep::{Lockstep, Verdict};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{Clocked, Endpoint, PortIn, PortOut, Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use std::path::PathBuf;
use wave::Wave;

fn run(args: &[&str]) -> silico::report::Report {
    let config = RunConfig::new(&RunOptions::typed(args).unwrap()).unwrap();
    silico::run::run(&config, &mut Progress::new(true, config.frames())).unwrap_or_else(|error| panic!("{error}"))
}

/// Frames from front ends over an easy link and an interrupt for each.
const ARGS: &[&str] = &["--frames", "40", "--frame-size", "64..700", "--notify", "interrupt"];

fn with_waves(name: &str, more: &[&str]) -> (silico::report::Report, PathBuf) {
    let path = scratch(name);
    let file = path.to_str().unwrap();
    (run(&[ARGS, &["--waves", file], more].concat()), path)
}

#[test]
fn a_whole_run_is_in_the_file_and_goes_as_without() {
    let (report, path) = with_waves("whole.fst", &[]);
    assert!(report.passed);
    assert_eq!(report.trace_digest, run(ARGS).trace_digest);
    let written = report.waves.unwrap();
    assert_eq!((written.file.as_path(), written.clocks.0), (path.as_path(), 0));
    let mut wave = Wave::open(&path);
    assert_eq!(wave.span(), (0, written.clocks.1 + 1));
    for signal in
        ["inputs.rx.valid", "inputs.credits.posted_headers", "model.rx_ready", "model.c2h3.state", "driver.register", "host.reset"]
    {
        assert!(wave.has(&format!("silico.{signal}")), "{signal}");
    }
    // Time is clocks of 4 ns.
    assert!(wave.numbers("silico.cycle").iter().all(|(at, cycle)| at == cycle));
    // What the host counted is what can be seen.
    assert_eq!(wave.numbers("silico.driver.frames").last().unwrap().1, 40);
    let lengths: u64 = pulses(&mut wave, "silico.driver.frame").iter().map(|at| wave.at("silico.driver.frame_bytes", *at).unwrap()).sum();
    assert!(lengths > 0 && lengths <= report.bytes, "{lengths} of {}: several frames in a clock show as the last", report.bytes);
    let raised = pulses(&mut wave, "silico.model.interrupts.raised").len() as u64;
    assert!(raised >= report.host.interrupts && report.host.interrupts > 0, "{raised} of {}", report.host.interrupts);
    let words: Vec<String> = wave.texts("silico.model.tx.kind").into_iter().map(|(_, kind)| kind).collect();
    assert!(words.iter().any(|kind| kind == "MWr") && words.iter().any(|kind| kind == "CplD"), "{words:?}");
    let registers = wave.texts("silico.driver.register");
    assert!(registers.iter().any(|(_, name)| name == "c2h0.SW_COUNT") && registers.iter().any(|(_, name)| name == "ID"), "{registers:?}");
    let states: Vec<String> = wave.texts("silico.model.c2h0.state").into_iter().map(|(_, state)| state).collect();
    assert!(states.contains(&"Running".into()) && states.last().unwrap() == "Idle", "{states:?}");
}

/// Clocks in which a signal rises or is high for another clock.
fn pulses(wave: &mut Wave, name: &str) -> Vec<u64> {
    wave.numbers(name).into_iter().filter(|(_, value)| *value == 1).map(|(at, _)| at).collect()
}

/// A register read is in the driver's signals from its start to its value, which is that of the completion on the port.
#[test]
fn a_register_read_lasts_from_the_request_to_its_completion() {
    let (_, path) = with_waves("read.fst", &[]);
    let mut wave = Wave::open(&path);
    let reads: Vec<u64> = wave.texts("silico.driver.operation").iter().filter(|(_, what)| what == "read").map(|(at, _)| *at).collect();
    let begin = reads[reads.len() - 2];
    let end = wave.texts("silico.driver.operation").into_iter().find(|(at, what)| *at > begin && what.is_empty()).unwrap().0;
    let kinds = wave.texts("silico.model.tx.kind");
    let completions = kinds.iter().filter(|(at, kind)| (begin..=end).contains(at) && kind == "CplD").count();
    assert!(completions >= 1 && end - begin < 1000, "{begin} to {end}: {completions}");
}

#[test]
fn a_window_has_the_same_as_the_whole() {
    let (_, whole) = with_waves("all.fst", &[]);
    let (report, part) = with_waves("part.fst", &["--waves-from", "9000", "--waves-to", "11000"]);
    let (mut whole, mut part) = (Wave::open(&whole), Wave::open(&part));
    assert_eq!(part.span(), (9000, 11_001));
    assert_eq!(report.waves.unwrap().clocks, (9000, 11_000));
    for signal in ["cycle", "inputs.rx.valid", "model.tx.valid", "model.tx.header", "model.credits_granted.posted_data", "driver.frames"] {
        let name = format!("silico.{signal}");
        let inside = |wave: &mut Wave| wave.changes(&name).into_iter().filter(|(at, _)| (9001..=11_000).contains(at)).collect::<Vec<_>>();
        assert_eq!(inside(&mut part), inside(&mut whole), "{signal}");
        let before = whole.changes(&name).into_iter().take_while(|(at, _)| *at <= 9000).last().map(|(_, bits)| bits);
        // What holds at the first clock.
        if signal != "model.tx.header" {
            assert_eq!(part.changes(&name).first().map(|(at, bits)| (*at, Some(bits.clone()))), Some((9000, before)), "{signal}");
        }
    }
}

#[test]
fn a_failure_has_a_window_around_it() {
    let (report, path) = with_waves("failed.fst", &["--fault", "flip-byte@30", "--waves-around-failure", "300"]);
    let finding = report.finding.expect("the byte is missed");
    let written = report.waves.expect("a window");
    assert!(written.clocks.1 - written.clocks.0 <= 600 && written.clocks.1 - written.clocks.0 > 300, "{written}");
    let mut wave = Wave::open(&path);
    assert_eq!(pulses(&mut wave, "silico.host.failed").len(), 1);
    let said = wave.texts("silico.host.failure").pop().unwrap().1;
    assert!(!said.is_empty() && finding.what.starts_with(&said), "{said}: {}", finding.what);
}

#[test]
fn nothing_wrong_leaves_no_file() {
    let (report, path) = with_waves("passed.fst", &["--waves-around-failure", "300"]);
    assert!(report.passed && report.waves.is_none() && !path.exists());
}

#[test]
fn what_cannot_be_is_one_line() {
    let file = scratch("x.fst");
    let file = file.to_str().unwrap();
    for (args, parts) in [
        (&["--waves", "no/such/folder/x.fst"][..], &["--waves is no/such/folder/x.fst", "folder that exists"][..]),
        (&["--waves", file, "--waves-from", "9", "--waves-to", "8"], &["--waves-to is 8", "at least --waves-from, 9"]),
        (&["--waves-from", "9"], &["--waves <FILE>"]),
        (&["--waves", file, "--waves-around-failure", "0"], &["--waves-around-failure is 0", "1 to 100000"]),
        (&["--waves", file, "--waves-around-failure", "5", "--waves-to", "9"], &["cannot be used with"]),
        (&["--waves", file, "--waves-from", "99999999999"], &["the run ended with clock", "99999999999"]),
    ] {
        silico(&[&["run", "--quiet", "--frames", "4"], args].concat()).assert_could_not_run(parts);
    }
}

/// A card that from some clock on grants one header less.
struct Bent<E>(E, u64);

impl<E: Endpoint> Endpoint for Bent<E> {
    fn width(&self) -> DataWidth {
        self.0.width()
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.0.clock(input, output);
        self.1 = self.1.saturating_sub(1);
        if self.1 == 0 {
            output.rx_ready = false;
        }
    }
}

#[test]
fn two_cards_that_part_leave_a_window_by_themselves() {
    let path = scratch("parted.fst");
    let layout =
        Layout { sides: Sides::Two(["model", "rtl"]), params: CardParams::default(), clock_ps: 4000, name: String::new(), inside: None };
    let waves = Waves::new(&WavesConfig { file: Some(path.clone()), window: Window::Around(50) }, layout).unwrap();
    let card = || silico_model::Card::new(CardParams::default()).unwrap();
    let verdict = Verdict::default();
    let first = Tap::new(card(), Side::First, waves.clone()).looking_inside();
    let second = Tap::new(Bent(card(), 200), Side::Second, waves.clone());
    let mut both = Clocked::new(Lockstep::new(first, second, verdict.clone()).with_tail(waves.tail()));
    let (mut stimulus, mut response) = (Stimulus::new(4), Response::default());
    let mut now = 0;
    while now < 400 {
        both.run(Cycle(now), Cycles(1), &mut stimulus, &mut response);
        now += response.clocks.0;
    }
    let divergence = verdict.divergence().expect("they part");
    assert_eq!((divergence.cycle, divergence.signal.as_str()), (200, "rx_ready"));
    let written = waves.finish().unwrap().expect("by itself");
    assert_eq!(written.clocks, (150, 250));
    let mut wave = Wave::open(&path);
    assert_eq!(wave.numbers("silico.differs"), [(150, 0), (200, 1)]);
    assert_eq!(wave.texts("silico.differs_in"), [(150, String::new()), (200, "rx_ready".into())]);
    assert_eq!((wave.at("silico.model.rx_ready", 250), wave.at("silico.rtl.rx_ready", 250)), (Some(1), Some(0)));
    assert!(!wave.has("silico.rtl.c2h0.state"), "nobody looks into the RTL");
}

/// What a simulator would say of the counter in [`Bent`]: every clock, and of a flag only as it rises.
fn inside<E>(card: &mut Bent<E>, _: &PortIn, changes: &mut Vec<u8>) {
    changes.extend_from_slice(format!("#{}\nb{:040b} !\n", 200 - card.1, card.1).as_bytes());
    match card.1 {
        200 => changes.extend_from_slice(b"0(\n"),
        120 => changes.extend_from_slice(b"1(\n"),
        _ => {}
    }
}

const DECLARED: &str = "$scope module TOP $end $scope module card $end $var wire 40 ! left [39:0] $end $var wire 1 ( low $end $upscope $end \
     $scope module copy $end $var wire 1 ( low $end $upscope $end $upscope $end $enddefinitions $end";

#[rstest::rstest]
#[case::whole(Window::Between(0, 180), 0, 180)]
#[case::from_some_clock_on(Window::Between(100, 180), 100, 180)]
#[case::around_a_failure(Window::Around(50), 100, 189)]
fn what_a_simulator_tells_of_the_inside_is_in_the_same_file(#[case] window: Window, #[case] from: u64, #[case] to: u64) {
    let path = scratch(&format!("inside-{from}-{to}.fst"));
    let params = CardParams::default();
    let layout =
        Layout { sides: Sides::One("rtl"), params: params.clone(), clock_ps: 4000, name: String::new(), inside: Some(DECLARED.into()) };
    let waves = Waves::new(&WavesConfig { file: Some(path.clone()), window }, layout).unwrap();
    let bent = Bent(silico_model::Card::new(params).unwrap(), 200);
    let mut card = Clocked::new(Tap::new(bent, Side::First, waves.clone()).telling_inside(inside));
    let (mut stimulus, mut response) = (Stimulus::new(4), Response::default());
    for now in 0..190 {
        if now == 150 && matches!(window, Window::Around(_)) {
            waves.failed(Cycle(now), Cycle(now), "as planned");
        }
        card.run(Cycle(now), Cycles(1), &mut stimulus, &mut response);
    }
    waves.finish().unwrap().expect("a file");
    let mut wave = Wave::open(&path);
    assert_eq!(wave.numbers("silico.inside.TOP.card.left"), (from..=to).map(|at| (at, 200 - at)).collect::<Vec<_>>());
    for copy in ["card", "copy"] {
        let low = format!("silico.inside.TOP.{copy}.low");
        assert_eq!(wave.numbers(&low), if from == 0 { vec![(0, 0), (80, 1)] } else { vec![(from, 1)] }, "{low}");
    }
}

#[cfg(feature = "rtl")]
mod rtl {
    use super::*;

    /// The RTL alone shows the same port as the model.
    #[test]
    fn the_rtl_has_the_same_signals() {
        let (_, model) = with_waves("of-model.fst", &[]);
        let (report, rtl) = with_waves("of-rtl.fst", &["--on", "rtl"]);
        assert!(report.passed);
        let (mut model, mut rtl) = (Wave::open(&model), Wave::open(&rtl));
        assert_eq!(model.span(), rtl.span());
        for signal in ["tx.valid", "tx.kind", "tx.data", "rx_ready", "credits_granted.posted_headers", "front_ready", "interrupts.raised"] {
            assert_eq!(model.changes(&format!("silico.model.{signal}")), rtl.changes(&format!("silico.rtl.{signal}")), "{signal}");
        }
    }

    #[test]
    fn lockstep_has_both_and_they_do_not_differ() {
        let (report, path) = with_waves("both.fst", &["--on", "lockstep"]);
        assert!(report.passed);
        let mut wave = Wave::open(&path);
        assert_eq!(wave.numbers("silico.differs"), [(0, 0)]);
        assert_eq!(wave.changes("silico.model.tx.data"), wave.changes("silico.rtl.tx.data"));
    }

    /// Signals of the port, as the RTL's own signals show them and as the bridge passes them; and one that is nowhere else, in a window and in the whole.
    #[rstest::rstest]
    fn the_inside_keeps_time_with_the_port_if_this_build_tells(#[values("rtl", "lockstep")] on: &str) {
        let (_, whole) = with_waves(&format!("inside-whole-{on}.fst"), &["--on", on]);
        let window = ["--on", on, "--waves-from", "1700", "--waves-to", "1900"];
        let (_, window) = with_waves(&format!("inside-window-{on}.fst"), &window);
        let (mut whole, mut window) = (Wave::open(&whole), Wave::open(&window));
        let inside = |signal: &str| format!("silico.inside.TOP.silico_card.{signal}");
        assert_eq!(whole.has(&inside("tx_valid_o")), silico_sim::rtl::tells_inside());
        if !silico_sim::rtl::tells_inside() {
            return;
        }
        for (one, other) in [
            ("rtl.tx.valid", "tx_valid_o"),
            ("rtl.rx_ready", "rx_ready_o"),
            ("inputs.rx.valid", "rx_valid_i"),
            ("inputs.tx_ready", "tx_ready_i"),
            ("rtl.front_ready", "front_ready_o"),
        ] {
            assert_eq!(whole.changes(&format!("silico.{one}")), whole.changes(&inside(other)), "{one}");
        }
        let count = inside("u_transmitter.left_q");
        let (all, some) = (whole.numbers(&count), window.numbers(&count));
        let first = all.iter().take_while(|(at, _)| *at <= 1700).last().expect("known at once").1;
        let within = all.iter().copied().filter(|(at, _)| (1701..=1900).contains(at));
        assert_eq!(some, [(1700, first)].into_iter().chain(within).collect::<Vec<_>>());
        assert!(some.len() > 2, "{some:?}");
    }
}
