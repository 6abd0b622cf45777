//! The end of a run: counters, stops, leftovers, books, and the report of it all.

use super::config::{Feed, RunConfig};
use super::session::Session;
use super::setup::Bench;
use super::{CouldNotRun, Stop, Wrong};
use crate::check::conservation::{self, Books};
use crate::cli::options::Discipline;
use crate::compare;
use crate::fault::{Harm, LinkRule, Notice, card_notices, host_notices};
use crate::report::{
    FaultsPart, Finding, HostPart, InputPart, LinkPart, LinkWay, PagesPart, Report, SetupPart, SimulatedPart, Stalls, WallPart,
};
use clap::ValueEnum;
use silico_driver::counters::{CardCounters, ChannelCounters};
use silico_driver::error::DriverError;
use silico_sim::{DllStats, MachineError, Stats};
use silico_spec::registers::c2h;
use silico_spec::units::{Cycle, Cycles};

/// Clocks after the last stop in which the last interrupt is delivered: far beyond the host's latency.
const INTERRUPT_SETTLE: Cycles = Cycles(2_500);

/// What the card counted and the host knows of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// `None` if the card could not be asked.
    card: Option<CardCounters>,
    channels: Vec<ChannelCounters>,
    /// Empty if the run did not go through.
    books: Vec<Books>,
    stats: Stats,
    doorbells: u64,
    write_backs: u64,
    /// Seconds of wall clock while frames flowed.
    seconds: f64,
}

/// Why the link is down, if it failed: what was found wrong is then a consequence.
pub(crate) fn link_failure(bench: &Bench) -> String {
    let failure = bench.platform.machine().link_failure();
    failure.map_or_else(String::new, |way| format!("; {}", MachineError::LinkFailed(way)))
}

/// A fault of the link that names the Nth of something, of which there were fewer.
pub(crate) fn never_struck(config: &RunConfig, bench: &Bench) -> Option<LinkRule> {
    let machine = bench.platform.machine();
    config.link_faults.iter().find(|rule| rule.is_counted() && rule.struck(machine.stats(), machine.now()) == 0).copied()
}

impl Session<'_> {
    /// Reads the counters, stops the channels, takes what is left and closes the books.
    pub(super) fn finish(&mut self) -> Result<Measured, Stop> {
        let measured = self.measured();
        let (card, channels) = self.counters()?;
        let mut books = Vec::with_capacity(self.lanes.len());
        for index in 0..self.lanes.len() {
            let stopped = self.lanes[index].stop()?;
            self.take_frames(index)?;
            let sent = self.presented(index)?;
            books.push(self.board.close(index as u8, sent, stopped.frames, stopped.dropped, stopped.discarded)?);
        }
        self.check_interrupts()?;
        if let Some(recording) = &self.config.recording {
            let platform = &self.bench.platform;
            recording.end(platform.buffers(), compare::registers(platform));
        }
        Ok(Measured { card: Some(card), channels, books, ..measured })
    }

    /// What the host knows at this instant.
    fn measured(&self) -> Measured {
        Measured {
            stats: self.bench.platform.machine().stats().clone(),
            doorbells: self.bench.platform.doorbells(),
            write_backs: self.bench.seen.write_backs(),
            seconds: self.start.wall.map_or(0.0, |wall| wall.elapsed().as_secs_f64()),
            ..Measured::default()
        }
    }

    /// The card's counters of this instant.
    fn counters(&self) -> Result<(CardCounters, Vec<ChannelCounters>), DriverError> {
        self.bench.card.latch_counters(false)?;
        let card = self.bench.card.counters()?;
        let channels = self.lanes.iter().map(|lane| lane.counters()).collect::<Result<Vec<_>, DriverError>>()?;
        Ok((card, channels))
    }

    /// The card's count of interrupts against the host's, once nothing is under way any more.
    fn check_interrupts(&self) -> Result<(), Stop> {
        let machine = || self.bench.platform.machine();
        let settled = machine().now().after(INTERRUPT_SETTLE);
        machine().advance_to(settled);
        self.bench.card.latch_counters(false)?;
        let sent = self.bench.card.counters()?.interrupts;
        let delivered = |stats: &Stats| stats.interrupts.iter().sum::<u64>();
        let delivered = delivered(machine().stats()) - delivered(&self.start.stats);
        conservation::check_interrupts(sent, delivered).map_err(|lost| Stop::Wrong(Wrong::Interrupts(lost)))
    }

    /// Frames that a channel's source has presented.
    pub(super) fn presented(&self, index: usize) -> Result<u64, DriverError> {
        match self.config.feed {
            Feed::Front(_) => Ok(self.lanes[index].planned),
            Feed::Generator { .. } => self.count(index, c2h::GEN_MADE, "GEN_MADE"),
        }
    }

    /// How much of what it was to make a channel's generator has presented: frames; in block mode, chunks.
    pub(super) fn made(&self, index: usize) -> Result<u64, DriverError> {
        match self.config.blocks() {
            None => self.presented(index),
            Some(_) => self.count(index, c2h::GEN_CHUNKS, "GEN_CHUNKS"),
        }
    }

    fn count(&self, index: usize, register: u32, name: &'static str) -> Result<u64, DriverError> {
        use silico_driver::platform::{Platform, Registers};
        let offset = c2h::offset(index as u32, register);
        self.bench.platform.registers().read64(offset).map_err(|error| DriverError::Access { register: name, error })
    }

    /// The report of a run in which nothing was wrong. A fault that never happened proves nothing.
    pub(super) fn passed(self, measured: Measured) -> Result<Report, CouldNotRun> {
        if let Some(rule) = self.bench.planted.never_happened() {
            let things = rule.select.kind.plural();
            return Err(CouldNotRun(format!("--fault is {rule}; it must be one that happens: the run has fewer {things} that match")));
        }
        if let Some(rule) = never_struck(self.config, &self.bench) {
            return Err(CouldNotRun(format!("--fault is {rule}; it must be one that happens: the run has fewer of what it counts")));
        }
        let noticed = self.notices(&measured.stats, None);
        let unnoticed = self.bench.planted.worst() == Some(Harm::Harmful) && noticed.is_empty();
        let finding = unnoticed.then(|| self.unnoticed());
        let wrong = finding.as_ref().map(|finding| (Cycle(finding.cycle), finding.what.as_str()));
        let waves = self.bench.finish_waves(wrong)?;
        Ok(Report { waves, ..self.report(measured, finding, noticed) })
    }

    /// All that noticed something, so far. Empty without planted faults: nobody asks.
    fn notices(&self, stats: &Stats, wrong: Option<&Wrong>) -> Vec<Notice> {
        if self.config.options.faults.is_empty() {
            return Vec::new();
        }
        let mut notices: Vec<Notice> = wrong.map(|wrong| Notice::new(&wrong.noticed_by(), wrong.to_string())).into_iter().collect();
        notices.extend(host_notices(&self.start.stats, stats));
        notices.extend(card_notices(&self.bench.card));
        notices
    }

    /// A fault that may do harm went through, and nobody said a word: the checkers failed, or it met nothing that counts.
    fn unnoticed(&self) -> Finding {
        let (records, machine) = (self.bench.planted.records(), self.bench.platform.machine());
        let harmful = records.iter().find(|one| one.harm() == Harm::Harmful);
        let what = harmful.map_or_else(String::new, |one| format!("{one}: a harmful fault was planted, and nobody noticed"));
        let cycle = harmful.map_or(machine.now(), |one| one.cycle).0;
        Finding { kind: "unnoticed", cycle, what, tlps: machine.trace().total(), trace: Vec::new() }
    }

    /// The report of a run in which something was wrong.
    pub(super) fn failed(self, wrong: Wrong) -> Result<Report, CouldNotRun> {
        let measured = self.measured();
        let (trace, tlps, now) = {
            let machine = self.bench.platform.machine();
            (machine.trace().to_string(), machine.trace().total(), machine.now())
        };
        // A broken card need not answer any more; after a violation the machine does not ask it.
        let (card, channels) = self.counters().map_or((None, Vec::new()), |(card, channels)| (Some(card), channels));
        let cycle = match &wrong {
            Wrong::Violation(violation) => violation.cycle,
            Wrong::Divergence(divergence) => divergence.cycle,
            _ => now,
        };
        let noticed = self.notices(&measured.stats, Some(&wrong));
        let trace = trace.lines().take(self.config.options.trace).map(Into::into).collect();
        let what = format!("{wrong}{}", link_failure(&self.bench));
        let finding = Finding { kind: wrong.kind(), cycle: cycle.0, what: what.clone(), tlps, trace };
        let waves = self.bench.finish_waves(Some((cycle, &what)))?;
        Ok(Report { waves, ..self.report(Measured { card, channels, ..measured }, Some(finding), noticed) })
    }

    fn report(&self, measured: Measured, finding: Option<Finding>, noticed: Vec<Notice>) -> Report {
        let delivered = (0..self.config.channels).map(|channel| self.board.delivered(channel));
        let (frames, bytes) = delivered.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let digest = self.bench.platform.machine().trace().digest();
        Report {
            command: self.config.command.clone(),
            passed: finding.is_none(),
            finding,
            waves: None,
            faults: (!self.config.options.faults.is_empty())
                .then(|| FaultsPart::new(&self.bench.planted, &self.config.link_faults, &self.bench.platform.machine(), noticed)),
            input: input(self.config),
            setup: self.setup(),
            frames,
            bytes,
            integrity: self.board.checked(),
            elinks: self.config.blocks().map(|blocks| self.board.elinks(blocks.links)),
            simulated: self.simulated(&measured, bytes),
            stalls: measured.channels.iter().zip(0..).map(|(counters, channel)| stalls(channel, counters)).collect(),
            link: link(&measured.stats),
            host: self.host(&measured),
            latency: self.latencies.percentiles(),
            trace_digest: format!("{digest:016x}"),
            wall: self.wall(&measured, frames, bytes),
            books: measured.books,
        }
    }

    fn setup(&self) -> SetupPart {
        let (config, function) = (self.config, self.bench.platform.function());
        let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_string()).unwrap_or_default();
        SetupPart {
            target: config.options.on.clone(),
            channels: config.channels,
            ring_bytes: config.options.ring_size,
            pages: (config.options.discipline == Discipline::Pages)
                .then_some(PagesPart { bytes: config.options.page_size, packed: config.options.packed }),
            link: format!("Gen {} x{}", config.options.generation, config.options.lanes),
            mps: function.mps,
            mrrs: function.mrrs,
            port_bits: config.card.width.bytes() * 8,
            notify: name(config.notify.to_possible_value()),
            full: name(config.full.to_possible_value()),
            seed: config.options.seed,
        }
    }

    fn simulated(&self, measured: &Measured, bytes: u64) -> SimulatedPart {
        let (link, clock_ns) = (&self.config.machine.link, f64::from(self.config.machine.clock_ps) / 1000.0);
        let cycles = self.last.since(self.start.cycle).0;
        let ns = cycles as f64 * clock_ns;
        let (now, then) = (measured.stats.to_host.mem_writes, self.start.stats.to_host.mem_writes);
        let (tlps, dma, wire) = ((now.tlps - then.tlps) as f64, (now.payload - then.payload) as f64, (now.wire - then.wire) as f64);
        let payload_gbps = ratio(bytes as f64 * 8.0, ns);
        // All that was sent was delivered, or else the ratio of payload to bytes on the wire would be too low.
        let is_whole = !measured.books.is_empty();
        let limit_gbps = is_whole.then(|| link.tlp_gbps() * ratio(bytes as f64, wire));
        SimulatedPart {
            cycles,
            ns,
            payload_gbps,
            limit_gbps,
            percent: limit_gbps.map(|limit| 100.0 * ratio(payload_gbps, limit)),
            tlp_bytes: ratio(dma, tlps),
            mps_gbps: link.write_gbps(self.bench.platform.function().mps),
            tlp_gbps: link.tlp_gbps(),
            port_gbps: f64::from(self.config.card.width.bytes()) * 8.0 / clock_ns,
            port_busy_percent: measured.card.map(|card| 100.0 * ratio(card.tx_busy as f64, card.cycles as f64)),
        }
    }

    fn host(&self, measured: &Measured) -> HostPart {
        let (now, then) = (&measured.stats, &self.start.stats);
        let writes = |stats: &Stats| stats.to_host.mem_writes;
        HostPart {
            interrupts: now.interrupts.iter().sum::<u64>() - then.interrupts.iter().sum::<u64>(),
            mmio_reads: now.mmio_reads - self.start.mmio.0,
            mmio_writes: now.mmio_writes - self.start.mmio.1,
            doorbells: measured.doorbells - self.start.doorbells,
            write_backs: measured.write_backs - self.start.write_backs,
            dma_writes: writes(now).tlps - writes(then).tlps,
            dma_bytes: writes(now).payload - writes(then).payload,
        }
    }

    fn wall(&self, measured: &Measured, frames: u64, bytes: u64) -> WallPart {
        let seconds = measured.seconds;
        let clocks = (measured.stats.clocks - self.start.stats.clocks) as f64;
        let steps = (measured.stats.runs - self.start.stats.runs) as f64;
        WallPart {
            seconds,
            clocks_per_s: ratio(clocks, seconds),
            bytes_per_s: ratio(bytes as f64, seconds),
            frames_per_s: ratio(frames as f64, seconds),
            slowdown: ratio(seconds, clocks * f64::from(self.config.machine.clock_ps) * 1e-12),
            clocks_per_step: ratio(clocks, steps),
        }
    }
}

/// What the link had to put right; `None` if nothing.
fn link(stats: &Stats) -> Option<LinkPart> {
    let way = |dll: &DllStats| LinkWay {
        damaged: dll.lcrc_errors + dll.lost_tlps,
        naks: dll.naks,
        damaged_acks: dll.damaged_acks,
        timeouts: dll.timeouts,
        replays: dll.replays,
        replayed: dll.replayed_tlps,
        duplicates: dll.duplicates,
        full: dll.full,
    };
    let mut link = LinkPart {
        to_host: way(&stats.dll_to_host),
        to_card: way(&stats.dll_to_card),
        damaged_updates: stats.damaged_updates.iter().sum(),
        retrains: stats.retrains,
        not_ready: 0,
    };
    if link == LinkPart::default() {
        return None;
    }
    link.not_ready = stats.clocks_not_ready;
    Some(link)
}

/// Zero for nothing at all, so that an empty run has a report too.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn input(config: &RunConfig) -> InputPart {
    match &config.feed {
        Feed::Front(plan) => {
            let pieces = &plan.input.pieces;
            let lengths = pieces.iter().map(|piece| piece.len);
            let sizes = (lengths.clone().min().unwrap_or(0), lengths.max().unwrap_or(0));
            let kind = if plan.input.link_type.is_some() { "packets" } else { "pieces" };
            InputPart { name: plan.input.name.clone(), frames: plan.frames, kind, pieces: pieces.len() as u64, sizes }
        }
        Feed::Generator { sizes, frames, blocks, .. } => {
            let lengths = match sizes.generator() {
                Ok((_, min, max, _)) => (min, max),
                Err(_) => (0, 0),
            };
            InputPart {
                name: "generator".into(),
                frames: *frames,
                kind: if blocks.is_some() { "chunks" } else { "frames" },
                pieces: 0,
                sizes: lengths,
            }
        }
    }
}

fn stalls(channel: u8, counters: &ChannelCounters) -> Stalls {
    Stalls {
        channel,
        beats: counters.tx_beats,
        no_credit: counters.no_credit,
        no_buffer: counters.no_buffer,
        no_data: counters.no_data,
        no_grant: counters.no_grant,
        front_held: counters.front_held,
    }
}
