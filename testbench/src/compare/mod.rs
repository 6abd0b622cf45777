//! Two cards that need not be alike clock by clock: each runs the whole scenario with a host of its own, and their transactions are compared at the end.
//!
//! Two runs, and not one host that drives both: a driver answers to what a card does. If the second card were shown what the host of the first one did, a
//! slower card would get doorbells for frames that it has not delivered yet, which is an error of the host by the card's own rules. So each has a driver, that
//! does the same with it; what then differs is the card's doing, or time's. What depends on time alone is in `streams`, and refused where there is too
//! much of it ([`check`]).

mod record;
mod streams;

pub use record::{Recorder, Recording};

use crate::cli::options::{Discipline, FullKind, ModeKind};
use crate::input::error::BadInput;
use crate::platform::SimPlatform;
use crate::report::{Finding, Report};
use crate::run::{CouldNotRun, Progress, RunConfig, run_with};
use crate::target::Target;
use silico_driver::platform::{Platform, Registers};
use silico_sim::lockstep::Verdict;
use silico_spec::port::TlpPort;
use silico_spec::registers::MAP;

/// A card, ready to be put into a machine.
pub type BoxedCard = Box<dyn TlpPort + Send>;

/// Registers whose value at the end is a matter of time: when the driver last told of its progress, or how far a card has looked ahead.
const OF_TIME: &[&str] = &[
    "CYCLES",
    "INT_STATUS",
    "INT_STATUS_2",
    "READ_TAGS",
    "STATUS",
    "SW_COUNT",
    "INT_DATA_ARM",
    "INT_SPACE_ARM",
    "FREE_TAIL",
    "FREE_HEAD",
    "COMP_HEAD",
    "PAGES_HELD",
    "GEN_CHUNKS",
];

/// Refuses what would come out otherwise with any other latency.
///
/// # Errors
/// The first such option.
pub fn check(config: &RunConfig) -> Result<(), BadInput> {
    let options = &config.options;
    let refuse = |option: &str, value: &str, right: &str| {
        Err(BadInput::setting(option, value, format!("{right} with --compare transactions: what is sent would depend on time")))
    };
    if config.target != Target::Lockstep {
        return Err(BadInput::setting("--compare", "transactions", "used with --on lockstep: it takes two cards"));
    }
    if options.full == FullKind::Drop {
        return refuse("--full", "drop", "stall");
    }
    if options.discipline == Discipline::Pages && options.packed {
        return refuse("--packed", "on", "off");
    }
    if options.mode == ModeKind::Blocks && options.flush != 0 {
        return refuse("--flush", &options.flush.to_string(), "0");
    }
    if !options.faults.is_empty() {
        return refuse("--fault", &options.faults[0].to_string(), "absent");
    }
    Ok(())
}

/// Model and RTL, as a run's options say.
///
/// # Errors
/// If one of them can't be run.
pub(crate) fn run(config: &RunConfig, progress: &mut Progress) -> Result<Report, CouldNotRun> {
    check(config)?;
    let card = |target: Target| target.card(&config.card, &Verdict::default()).map_err(CouldNotRun);
    let cards = [("model", card(Target::Model)?), ("rtl", card(Target::Rtl)?)];
    transactions(config, cards, progress)
}

/// Runs the scenario of `config` with each of two cards, which are named. The report is that of the first, with what was found wrong with either, or how they
/// differ. Each is also judged by all checkers of a run.
///
/// # Errors
/// If one of them can't be run, or a run is too long to be kept.
pub fn transactions(config: &RunConfig, cards: [(&str, BoxedCard); 2], progress: &mut Progress) -> Result<Report, CouldNotRun> {
    let names = [cards[0].0, cards[1].0];
    let recordings = [Recording::default(), Recording::default()];
    let mut reports = Vec::with_capacity(2);
    for ((name, card), recording) in cards.into_iter().zip(&recordings) {
        let mut config = config.clone();
        config.recording = Some(recording.clone());
        config.waves = None;
        let report = run_with(&config, Box::new(Recorder::new(card, recording.clone())), progress)?;
        if let Some(finding) = &report.finding {
            let finding = Finding { what: format!("{name}: {}", finding.what), ..finding.clone() };
            return Ok(Report { finding: Some(finding), ..report });
        }
        if recording.kept().is_too_long() {
            let most = record::MOST_BYTES >> 20;
            return Err(CouldNotRun(format!(
                "--compare transactions keeps at most {most} MiB of a run, and this one has more: send fewer --frames"
            )));
        }
        reports.push(report);
    }
    let (Some(second), Some(first)) = (reports.pop(), reports.pop()) else {
        return Err(CouldNotRun("there are two runs".into()));
    };
    let frames = || {
        let told = |report: &Report| (report.frames, report.bytes, report.books.clone());
        (told(&first) != told(&second)).then(|| format!("the books: {} has {:?}, {} {:?}", names[0], told(&first), names[1], told(&second)))
    };
    let [one, other] = [&recordings[0], &recordings[1]].map(Recording::kept);
    let what = streams::difference(names, [&one, &other]).or_else(frames);
    let finding = what.map(|what| Finding {
        kind: "transactions",
        cycle: first.simulated.cycles,
        what,
        tlps: one.sent.len() as u64,
        trace: Vec::new(),
    });
    Ok(Report { passed: finding.is_none(), finding, ..first })
}

/// All registers that do not tell of time, by name, for [`Recording::end`].
pub(crate) fn registers(platform: &SimPlatform) -> Vec<(String, u64)> {
    let readable = MAP.iter().filter(|register| register.access.readable());
    let lasting = readable.filter(|register| !OF_TIME.contains(&register.name) && !register.name.starts_with("PERF_"));
    let registers = platform.registers();
    let value = |register: &silico_spec::map::Register| {
        let read = if register.bits == 64 { registers.read64(register.offset) } else { registers.read32(register.offset).map(u64::from) };
        read.unwrap_or(u64::MAX)
    };
    lasting.map(|register| (format!("{}{}.{}", register.block, register.index, register.name), value(register))).collect()
}
