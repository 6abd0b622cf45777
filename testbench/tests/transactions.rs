//! Two cards compared by what they do, not by when: one that is slower passes, one that does something else is told apart, where, and when.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::compare::{self, BoxedCard};
use silico::report::Report;
use silico::run::{Progress, RunConfig};
use silico_model::Card;
use silico_spec::params::DataWidth;
use silico_spec::port::{Beat, Clocked, Endpoint, PortIn, PortOut};
use silico_spec::tlp::{Attributes, Header, Kind};
use silico_spec::units::Dwords;
use std::collections::VecDeque;

/// What is wrong with the second card.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    /// The fortieth write of payload changes places with the next.
    Order,
    /// It is sent twice.
    Twice,
    /// It may be reordered.
    Relaxed,
    /// The padding of a frame is not zero: no driver looks at it.
    Padding,
}

/// A card whose transmit side is `delay` clocks slower. TLPs go out whole and in order, but for the bug.
struct Slow {
    inner: Card,
    delay: u64,
    bug: Bug,
    cycle: u64,
    /// What the card itself drives.
    driven: PortOut,
    coming: Vec<Beat>,
    queue: VecDeque<(u64, Beat)>,
    writes: u32,
    held: Vec<Beat>,
}

impl Slow {
    fn boxed(config: &RunConfig, delay: u64, bug: Bug) -> BoxedCard {
        let inner = Card::new(config.card.clone()).unwrap();
        let (driven, coming, queue, held) = (PortOut::default(), Vec::new(), VecDeque::new(), Vec::new());
        Box::new(Clocked::new(Self { inner, delay, bug, cycle: 0, driven, coming, queue, writes: 0, held }))
    }

    /// A whole TLP of the card.
    fn pass(&mut self, mut beats: Vec<Beat>) {
        let header = Header(beats[0].header);
        let is_payload = header.kind() == Kind::MemWrite && header.length() > Dwords(16);
        self.writes += u32::from(is_payload);
        let strikes = is_payload && self.writes == 40;
        match self.bug {
            Bug::Order if strikes => {
                self.held = beats;
                return;
            }
            Bug::Twice if strikes => self.queue.extend(beats.iter().map(|beat| (self.cycle + self.delay, *beat))),
            Bug::Relaxed if strikes => {
                beats[0].header = header.with_attributes(Attributes { relaxed: true, ..header.attributes() }).0;
            }
            Bug::Padding if is_payload => {
                let last = beats.last_mut().unwrap();
                let byte = usize::from(last.bytes) - 1;
                last.data[byte] |= u8::from(last.data[byte - 8..=byte].iter().all(|byte| *byte == 0));
            }
            _ => {}
        }
        self.queue.extend(beats.into_iter().chain(std::mem::take(&mut self.held)).map(|beat| (self.cycle + self.delay, beat)));
    }
}

impl Endpoint for Slow {
    fn width(&self) -> DataWidth {
        Endpoint::width(&self.inner)
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        if input.reset || !input.link_up {
            self.queue.clear();
            self.coming.clear();
        }
        if input.tx_ready && output.tx.valid {
            self.queue.pop_front();
        }
        let ready = self.queue.len() < 64;
        if ready && self.driven.tx.valid {
            self.coming.push(self.driven.tx);
            if self.driven.tx.eop {
                let whole = std::mem::take(&mut self.coming);
                self.pass(whole);
            }
        }
        self.inner.clock(&PortIn { tx_ready: ready, ..input.clone() }, &mut self.driven);
        self.cycle += 1;
        output.clone_from(&self.driven);
        output.tx = self.queue.front().filter(|(at, _)| *at <= self.cycle).map_or(Beat::NONE, |(_, beat)| *beat);
    }
}

fn compared(args: &str, delay: u64, bug: Bug) -> Report {
    let config = RunConfig::new(&RunOptions::typed(&args.split_whitespace().collect::<Vec<_>>()).unwrap()).unwrap();
    let cards = [("model", Box::new(Card::new(config.card.clone()).unwrap()) as BoxedCard), ("slow", Slow::boxed(&config, delay, bug))];
    compare::transactions(&config, cards, &mut Progress::Quiet).unwrap_or_else(|error| panic!("{error}"))
}

/// Rings and pages, generator and front ends, every way to be told, awkward hosts, bad links.
#[rstest]
#[case("--frames 200 --frame-size 64..3000", 7)]
#[case("--frames 200 --frame-size 1..300 --notify interrupt --coalesce-frames 4", 100)]
#[case("--frames 200 --frame-size 64..3000 --notify hybrid --ring-size 128KiB --mps 128", 33)]
#[case("--source generator --frames 300 --frame-size 8..2000 --notify interrupt", 50)]
#[case("--frames 200 --frame-size 64..3000 --stress order,torn,credits,stalls --link-errors 1000", 9)]
#[case("--frames 100 --frame-size 64..9000 --discipline pages", 21)]
#[case("--source generator --mode blocks --flush 0 --frames 400 --frame-size 8..2000", 64)]
#[case("--frames 100 --frame-size 64..3000 --ecrc --rate 5 --channels 2", 1)]
fn a_slower_card_passes(#[case] args: &str, #[case] delay: u64) {
    let report = compared(args, delay, Bug::None);
    assert!(report.passed, "{:?}", report.finding);
}

#[rstest]
#[case(Bug::Order, "posted writes to buffer")]
#[case(Bug::Twice, "posted writes to buffer")]
#[case(Bug::Relaxed, "posted writes to buffer")]
#[case(Bug::Padding, "posted writes to buffer")]
fn one_that_does_something_else_does_not(#[case] bug: Bug, #[case] says: &str) {
    let report = compared("--frames 200 --frame-size 64..3000 --channels 1", 7, bug);
    let finding = report.finding.unwrap_or_else(|| panic!("{bug:?} passed"));
    // What the driver or a checker sees in the second run is told as theirs.
    assert!(
        !report.passed && (finding.kind == "transactions" && finding.what.contains(says) || finding.what.starts_with("slow: ")),
        "{bug:?}: {finding:?}"
    );
    if finding.kind == "transactions" {
        for part in ["model: offset", "slow: offset", "at clock"] {
            assert!(finding.what.contains(part), "{part}: {finding:?}");
        }
    }
}

/// In a way that neither driver nor checkers can notice.
#[rstest]
#[case(Bug::Order)]
#[case(Bug::Padding)]
fn only_the_comparison_tells(#[case] bug: Bug) {
    let report = compared("--frames 200 --frame-size 64..3000 --channels 1", 7, bug);
    assert_eq!(report.finding.map(|finding| finding.kind), Some("transactions"), "{bug:?}");
}

#[rstest]
#[case("--on model", "used with --on lockstep")]
fn what_depends_on_time_is_refused(#[case] args: &str, #[case] says: &str) {
    let args: Vec<&str> = args.split_whitespace().chain(["--compare", "transactions"]).collect();
    let error = RunConfig::new(&RunOptions::typed(&args).unwrap()).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[cfg(feature = "rtl")]
#[rstest]
#[case("--frames 200 --frame-size 64..3000 --notify interrupt", None)]
#[case("--full drop", Some("--full is drop"))]
#[case("--discipline pages --packed", Some("--packed is on"))]
#[case("--source generator --mode blocks", Some("--flush is 10000"))]
#[case("--fault flip-byte@3", Some("--fault is"))]
fn model_and_rtl(#[case] args: &str, #[case] refused: Option<&str>) {
    let args: Vec<&str> = args.split_whitespace().chain(["--on", "lockstep", "--compare", "transactions"]).collect();
    match (RunConfig::new(&RunOptions::typed(&args).unwrap()), refused) {
        (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{error}"),
        (Ok(config), None) => {
            let report = silico::run::run(&config, &mut Progress::Quiet).unwrap_or_else(|error| panic!("{error}"));
            assert!(report.passed, "{:?}", report.finding);
            assert!(report.command.contains("--compare transactions"));
        }
        (other, _) => panic!("{other:?}"),
    }
}
