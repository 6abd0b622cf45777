//! Model and RTL side by side under the driver: every output of the port is the same on every clock.
#![cfg(feature = "rtl")]

#[path = "common/variants.rs"]
mod each;

use each::{on_each_variant, params};
use rstest::rstest;
use silico::cli::loopback::LoopbackOptions;
use silico::cli::options::RunOptions;
use silico::loopback;
use silico::run::{Progress, RunConfig, build, run};
use silico_sim::rtl::{Bare, RtlCard, State, variants};
use silico_spec::credit::{Limit, Limits};
use silico_spec::fork::{Fork, Memo};
use silico_spec::params::CardParams;
use silico_spec::port::{Endpoint, PortIn, PortOut};

/// What is typed, but no more of anything than the variant has: `limits` are options, what each is if it is not typed, and the most.
fn typed(args: &str, variant: &str, limits: &[(&str, u16, u16)]) -> Vec<String> {
    let mut words: Vec<String> = args.split_whitespace().map(Into::into).collect();
    for &(option, usual, most) in limits {
        let at = words.iter().position(|word| word == option);
        let wanted = at.map_or(usual, |at| words[at + 1].parse().unwrap());
        match at {
            Some(at) => words[at + 1] = wanted.min(most).to_string(),
            None => words.extend([option.into(), wanted.min(most).to_string()]),
        }
    }
    words.extend(["--on", "lockstep", "--card", variant].map(Into::into));
    words
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// A run under the driver.
fn runs_as_the_model(args: &str, variant: &str) {
    let card = params(variant);
    let mut limits = vec![("--channels", 4, card.c2h_channels.into())];
    if args.contains("--mode blocks") {
        limits.push(("--elinks", RunOptions::default().elinks, card.elinks));
    }
    let config = RunConfig::new(&RunOptions::typed(&refs(&typed(args, variant, &limits))).unwrap()).unwrap();
    let report = run(&config, &mut Progress::new(true, config.frames())).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.passed, "{}: {:?}", config.command, report.finding);
}

/// Frames to the card.
fn sends_as_the_model(args: &str, variant: &str) {
    let card = params(variant);
    let limits = [("--h2c", 0, u16::from(card.h2c_channels) - 1), ("--c2h", 0, u16::from(card.c2h_channels) - 1)];
    let options = LoopbackOptions::typed(&refs(&typed(args, variant, &limits))).unwrap();
    let report = loopback::run(&options).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.passed, "{}: {report}", options.command());
}

on_each_variant! {
    /// Rings from both sources, every way to learn of frames, full FIFOs, all payload sizes, links that damage and starve.
    #[rstest]
    #[case("--frames 1")]
    #[case("--frames 3 --channels 1 --frame-size 64..3000")]
    #[case("--frames 8 --channels 1 --frame-size 100")]
    #[case("--frames 8 --channels 1 --frame-size 100,200,77")]
    #[case("--frames 400 --frame-size 0..5000")]
    #[case("--frames 400 --frame-size 1..300 --notify interrupt --coalesce-frames 4")]
    #[case("--frames 300 --frame-size 64..9000 --notify hybrid --ring-size 128KiB --mps 128")]
    #[case("--frames 300 --frame-size 64..9000 --mps 1024 --write-back 16:5000")]
    #[case("--frames 2000 --frame-size 64..3000 --full drop --gen 1 --lanes 4 --ring-size 128KiB")]
    #[case("--frames 300 --frame-size 64..3000 --ecrc")]
    #[case("--frames 300 --frame-size 64..3000 --link-errors 2000")]
    #[case("--frames 300 --frame-size 64..3000 --stress credits,stalls --notify interrupt")]
    #[case("--frames 300 --frame-size 64..3000 --rate 5 --pause 30 --channels 2")]
    // E-link blocks: split chunks, short and empty ones, timers, full FIFOs, one e-link and all of them.
    #[case("--frames 600 --source generator --mode blocks --frame-size 0..3000")]
    #[case("--frames 3000 --source generator --mode blocks --frame-size 0..60 --elinks 64 --channels 2")]
    #[case("--frames 300 --source generator --mode blocks --frame-size 1..9000 --elinks 1 --flush 0 --pause 20")]
    #[case("--frames 900 --source generator --mode blocks --frame-size 0..400 --elinks 17 --flush 300 --pause 40 --notify interrupt")]
    #[case("--frames 900 --source generator --mode blocks --frame-size 64..3000 --full drop --gen 1 --lanes 4")]
    #[case("--frames 400 --source generator --mode blocks --frame-size 4..2000 --rate 4")]
    // Pages: packed or not, of one cell and of many, every way to hear of them, timers, full FIFOs, hosts that answer late.
    #[case("--frames 300 --discipline pages --frame-size 0..5000")]
    #[case("--frames 300 --discipline pages --frame-size 0..5000 --packed")]
    #[case(
        "--frames 300 --discipline pages --source generator --frame-size 0..300 --packed --page-size 32KiB --notify interrupt --coalesce-frames 4"
    )]
    #[case("--frames 300 --discipline pages --source generator --frame-size 1..900 --page-size 64 --ring-size 64KiB --mps 128 --mrrs 128")]
    #[case("--frames 300 --discipline pages --source generator --frame-size 1..900 --page-size 32 --ring-size 64KiB --packed --notify hybrid")]
    #[case("--frames 300 --discipline pages --source generator --frame-size 64..9000 --packed --flush-time 100 --pause 300 --channels 2")]
    #[case("--frames 12 --channels 1 --discipline pages --source generator --frame-size 20000..32600 --page-size 32 --ring-size 64KiB")]
    #[case("--frames 900 --discipline pages --frame-size 64..3000 --packed --full drop --gen 1 --lanes 4 --ring-size 128KiB")]
    #[case("--frames 300 --discipline pages --frame-size 64..3000 --stress credits,stalls --notify interrupt --link-errors 2000 --ecrc")]
    #[case("--frames 600 --discipline pages --source generator --mode blocks --frame-size 0..3000 --packed")]
    fn as_the_model(#[case] args: &str) {
        runs_as_the_model(args, VARIANT);
    }

    /// Host-to-card channels to each output, from one-byte frames to those of many reads, and through the smallest of reads and rings.
    #[rstest]
    #[case("--frames 3 --to sink --sizes 64")]
    #[case("--frames 40 --to sink --sizes 0..3000")]
    #[case("--frames 200 --to stream --sizes 0..300")]
    #[case("--frames 60 --to stream --sizes 1..9000 --mrrs 128 --mps 128")]
    #[case("--frames 200 --to loopback --sizes 1..4096 --entries 8")]
    #[case("--frames 100 --to loopback --sizes 0..5000 --mrrs 4096 --gen 5 --h2c 1 --c2h 3")]
    fn h2c_as_the_model(#[case] args: &str) {
        sends_as_the_model(args, VARIANT);
    }
}

/// The bare loop that the RTL is measured by does what the RTL does, both as Verilator evaluates it and where only what can have changed is; and so it does
/// after power came back, whatever the inputs were then.
#[test]
#[cfg_attr(not(variant = "w256"), ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time")]
fn the_bare_loop_is_the_same_card() {
    let params = CardParams::default();
    let mut inputs = vec![PortIn { link_up: false, ..PortIn::default() }; 400];
    for (clock, input) in inputs.iter_mut().enumerate() {
        input.link_up = clock > 3;
        input.reset = clock == 300;
        input.tx_ready = clock % 3 != 0;
        input.out_ready = (clock / 7 % 4) as u8;
        // Configuration reads, now and then two in a row; each is answered.
        input.rx.valid = clock > 20 && clock % 9 < 2;
        (input.rx.sop, input.rx.eop) = (true, true);
        input.rx.header = [0x0400_0001, (clock as u32 & 0x7f) << 8 | 0xf, (clock as u32 % 16) << 2, 0];
        if clock > 10 {
            input.credits = Limits([Limit::new(None, None), Limit::new(None, None), Limit::new(Some((clock / 10) as u8), None)]);
        }
    }
    let (mut card, mut output) = (RtlCard::new(&params).unwrap(), PortOut::default());
    let outputs: Vec<PortOut> = inputs
        .iter()
        .map(|input| {
            card.clock(input, &mut output);
            output.clone()
        })
        .collect();
    assert!(outputs.iter().filter(|output| output.tx.valid).count() > 10, "the card should answer");
    let mut bare = Bare::new(&params, &inputs).unwrap();
    for plain in [true, false, true, false] {
        bare.power_on();
        for (clock, expected) in outputs.iter().enumerate() {
            bare.run(clock..clock + 1, plain);
            bare.show(&mut output);
            assert_eq!(&output, expected, "clock {clock}, plain: {plain}");
        }
    }
}

/// What is a state of no card, or of another variant, is refused; a card that a waveform shows is not copied, and says why.
#[test]
fn what_cannot_be_copied_says_so() {
    let variants = variants();
    let mut card = RtlCard::new(&variants[0].1).unwrap();
    let mut state = State::default();
    let nothing = card.load(&state).unwrap_err();
    assert_eq!((nothing.saved, nothing.wanted), ("nothing", variants[0].0));
    card.save(&mut state);
    assert!(state.size() > 10_000 && card.load(&state).is_ok());
    if let Some((name, params)) = variants.get(1) {
        let other = RtlCard::new(params).unwrap().load(&state).unwrap_err();
        assert_eq!((other.saved, other.wanted), (variants[0].0, *name));
    }
    // In lockstep the clocks around a difference are written, if nobody says otherwise.
    let mut config = RunConfig::new(&RunOptions::typed(&["--on", "lockstep"]).unwrap()).unwrap();
    let watched = build(&config).unwrap().fork(&mut Memo::new()).unwrap_err();
    assert_eq!(watched.rule, "one without waves");
    config.waves = None;
    build(&config).unwrap().fork(&mut Memo::new()).unwrap();
}

/// A card that goes once looked for itself among what belonged to the card that had been clocked last, and was gone.
#[test]
fn cards_of_a_thread_go_in_any_order() {
    for last in 0..3 {
        let cards = std::thread::spawn(move || {
            // Of whatever variants there are.
            let variants: Vec<CardParams> = variants().into_iter().map(|(_, card)| card).collect();
            let mut cards: Vec<RtlCard> = (0..3).map(|n| RtlCard::new(&variants[n % variants.len()]).unwrap()).collect();
            let mut output = PortOut::default();
            cards[last].clock(&PortIn::default(), &mut output);
            drop(cards.remove(last));
            cards.reverse();
            cards.len()
        });
        assert_eq!(cards.join().unwrap(), 2);
    }
}
