//! The measurements: each repeats its work for a given time and takes the best round, since a shared machine only ever makes a round slower.
//! What counts is the time of the CPU, as in the figures to beat: other programs on the machine cost the simulator none of it, save by cold caches.

use super::counting::allocations;
use super::scenarios::{self, Scenarios};
use super::table::{Row, Table};
use crate::cli::RunOptions;
use crate::report::Report;
use crate::run::{CouldNotRun, Progress, RunConfig, build, run};
use rustix::time::{ClockId, clock_gettime};
use silico_driver::h2c::{Output, SendConfig, Until};
use silico_driver::platform::{Platform, Registers, Time};
use silico_spec::registers::card;
use std::time::{Duration, Instant};

/// cocotbext-pcie, pure Python model: DMA write payload, DMA read payload, register reads; per second of CPU.
const PYTHON_WRITE: f64 = 386e3;
const PYTHON_READ: f64 = 280e3;
const PYTHON_REGISTER: f64 = 861.0;

/// Large frames on a link that never holds the port back.
const DENSE: [&str; 10] = ["--source", "generator", "--frame-size", "4096", "--gen", "4", "--lanes", "16", "--mps", "512"];
/// The same on one channel and on four.
const ONE: [&str; 4] = ["--channels", "1", "--frames", "20000"];
const FOUR: [&str; 4] = ["--channels", "4", "--frames", "20000"];
/// Frames as a detector sends them, on the default link.
const MIXED: &[&str] = &["--source", "generator", "--frame-size", "64..1500", "--frames", "50000"];
/// A frame in 400 us on one channel, and nothing between.
const SPARSE: &[&str] = &["--source", "generator", "--channels", "1", "--frame-size", "256", "--frames", "2000", "--pause", "100000"];
/// Small, to count allocations per frame with.
const SMALL: [&str; 4] = ["--source", "generator", "--frame-size", "64"];
/// Frames that the card fetches in a round, and how long the host waits for one.
const READ_FRAMES: u64 = 5_000;
const DEADLINE_NS: u64 = 10_000_000;
/// Register reads in a round.
const READS: u32 = 20_000;
/// Frames of the short and the long run between which allocations are compared.
const FEW: u64 = 10_000;
const MANY: u64 = 60_000;

/// Measures all rows, each for `time`.
pub(super) fn all(time: Duration) -> Result<Table, CouldNotRun> {
    let (busy, one) = full_loop(&[&DENSE[..], &ONE[..]].concat(), time)?;
    let (_, four) = full_loop(&[&DENSE[..], &FOUR[..]].concat(), time)?;
    let (_, mixed) = full_loop(MIXED, time)?;
    let row = |name, value, unit, reference| Row { name, value: Some(value), unit, reference, of: None };
    let Scenarios { anew, forked, of_anew, of_forked } = scenarios::measure(time)?;
    let scenarios = |name, value, of| Row { of: Some(of), ..row(name, value, "/s", None) };
    let sparse = idle(time)?;
    let table = Table {
        rows: vec![
            row("busy clocks, full loop, one channel", busy, "clocks/s", None),
            row("DMA writes, 4 KiB frames, one channel", one, "B/s", Some(PYTHON_WRITE)),
            row("DMA writes, 4 KiB frames, four channels", four, "B/s", Some(PYTHON_WRITE)),
            row("DMA writes, 64 to 1500 B, four, Gen 3 x8", mixed, "B/s", Some(PYTHON_WRITE)),
            row("DMA reads, 4 KiB frames, one channel", reads(time)?, "B/s", Some(PYTHON_READ)),
            row("register round trips", register_reads(time)?, "/s", Some(PYTHON_REGISTER)),
            row("sparse clocks: a frame in 400 us", sparse, "clocks/s", None),
            scenarios("random scenarios, brought up anew", anew, of_anew),
            scenarios("random scenarios, forked, brought up once", forked, of_forked),
            row("allocations per frame", allocations_per_frame()?, "", None),
        ],
        left_out: None,
    };
    with_rtl(table, time, sparse)
}

/// The same, with the rows of the RTL.
#[cfg(feature = "rtl")]
fn with_rtl(mut table: Table, time: Duration, sparse: f64) -> Result<Table, CouldNotRun> {
    table.rows.extend(super::rtl::rows(time, sparse)?);
    Ok(table)
}

/// The same, with why those of the RTL are missing.
#[cfg(not(feature = "rtl"))]
fn with_rtl(table: Table, _: Duration, _: f64) -> Result<Table, CouldNotRun> {
    Ok(Table { left_out: Some("the RTL, which is not built in: cargo run --release --features rtl -- bench self"), ..table })
}

/// CPU time of this process so far, in seconds.
pub(super) fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The best of as many rounds as fit into `time`, one at least.
pub(super) fn best(time: Duration, mut round: impl FnMut() -> Result<f64, CouldNotRun>) -> Result<f64, CouldNotRun> {
    let (start, mut best) = (Instant::now(), 0.0);
    loop {
        best = round()?.max(best);
        if start.elapsed() >= time {
            return Ok(best);
        }
    }
}

/// The report of a run that must pass.
pub(super) fn report(args: &[&str]) -> Result<Report, CouldNotRun> {
    let options = RunOptions::typed(args).map_err(|e| CouldNotRun(e.to_string()))?;
    let report = run(&RunConfig::new(&options)?, &mut Progress::Quiet)?;
    match &report.finding {
        None => Ok(report),
        Some(finding) => Err(CouldNotRun(format!("`{}` failed: {}", report.command, finding.what))),
    }
}

/// Busy clocks and payload bytes a second, driver and checkers included.
fn full_loop(args: &[&str], time: Duration) -> Result<(f64, f64), CouldNotRun> {
    let mut clocks: f64 = 0.0;
    let bytes = best(time, || {
        let start = cpu();
        let report = report(args)?;
        let seconds = cpu() - start;
        let busy: u64 = report.stalls.iter().map(|channel| channel.beats).sum();
        clocks = clocks.max(busy as f64 / seconds);
        Ok(report.bytes as f64 / seconds)
    })?;
    Ok((clocks, bytes))
}

/// Payload bytes a second that a host-to-card channel fetches, in frames of 4 KiB, into the card's checking sink.
fn reads(time: Duration) -> Result<f64, CouldNotRun> {
    let said = |e: silico_driver::error::DriverError| CouldNotRun(e.to_string());
    let link = RunOptions::typed(&["--gen", "4", "--lanes", "16", "--mps", "512", "--mrrs", "4096"]);
    let bench = build(&RunConfig::new(&link.map_err(|e| CouldNotRun(e.to_string()))?)?)?;
    let config = SendConfig { output: Output::Check, batch: 8, ..SendConfig::default() };
    let mut channel = bench.card.send_channel(0, &config).map_err(said)?;
    channel.start().map_err(said)?;
    let payload = [0x5a; 4096];
    best(time, || {
        let start = cpu();
        for frame in 0..READ_FRAMES {
            let room = channel.wait(Until::Staging(payload.len() as u32), bench.platform.now().after(DEADLINE_NS));
            room.map_err(said)?;
            channel.send(&payload, frame).map_err(said)?;
        }
        channel.wait(Until::AllSent, bench.platform.now().after(DEADLINE_NS)).map_err(said)?;
        let seconds = cpu() - start;
        match bench.platform.machine().violation() {
            Some(violation) => Err(CouldNotRun(violation.to_string())),
            None => Ok((READ_FRAMES * payload.len() as u64) as f64 / seconds),
        }
    })
}

fn register_reads(time: Duration) -> Result<f64, CouldNotRun> {
    let bench = build(&RunConfig::new(&RunOptions::default())?)?;
    let registers = bench.platform.registers();
    best(time, || {
        let start = cpu();
        for _ in 0..READS {
            registers.read32(card::ID).map_err(|e| CouldNotRun(e.to_string()))?;
        }
        Ok(f64::from(READS) / (cpu() - start))
    })
}

/// Clocks a second where next to all of them are idle, and so are passed in leaps.
fn idle(time: Duration) -> Result<f64, CouldNotRun> {
    best(time, || {
        let start = cpu();
        let clocks = report(SPARSE)?.simulated.cycles;
        Ok(clocks as f64 / (cpu() - start))
    })
}

/// The difference between a long and a short run: what set-up and report allocate cancels.
fn allocations_per_frame() -> Result<f64, CouldNotRun> {
    let count = |frames: u64| {
        let before = allocations();
        report(&[&SMALL[..], &["--frames", &frames.to_string()]].concat())?;
        Ok::<_, CouldNotRun>(allocations() - before)
    };
    count(FEW)?;
    let (few, many) = (count(FEW)?, count(MANY)?);
    Ok((many.saturating_sub(few)) as f64 / (MANY - FEW) as f64)
}
