//! The loop of a run: take frames out of every channel, check them, wait, and notice when nothing moves.

use super::config::{Feed, RunConfig};
use super::lane::Lane;
use super::latency::Latencies;
use super::output::Output;
use super::progress::Progress;
use super::setup::{Bench, GENERATOR_SOURCE, share};
use super::{CouldNotRun, Stop, Wrong};
use crate::check::elink::ElinkBoard;
use crate::check::liveness::{Liveness, Stuck};
use crate::cli::options::{FullKind, NotifyKind};
use crate::input::source::PlannedSource;
use crate::report::Report;
use crate::scoreboard::{Divergence, Expected, Scoreboard};
use silico_driver::channel::{Wait, WaitMode};
use silico_driver::platform::{Nanos, Time};
use silico_sim::Stats;
use silico_spec::elink;
use silico_spec::generator::FrameSequence;
use silico_spec::units::{Cycle, Cycles};
use std::time::Instant;

/// Longest pause of a polling host that finds nothing, in ns. Only a bound: the machine wakes it when a write becomes visible.
const IDLE_PAUSE_NS: u64 = 100_000;
/// Longest sleep on one channel, in ns.
const SLEEP_NS: u64 = 1_000_000;
/// The same while other channels have frames to come: a host with one thread looks after all of them this often.
const SHARED_SLEEP_NS: u64 = 20_000;
/// After a source that may drop has ended, silence of this many clocks means that all of its frames have come.
const SETTLE: Cycles = Cycles(25_000);

/// Where time and counters stood when frames began to flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) cycle: Cycle,
    pub(super) stats: Stats,
    pub(super) doorbells: u64,
    pub(super) write_backs: u64,
    /// Reads and writes of registers when all channels had been started.
    pub(super) mmio: (u64, u64),
    pub(super) wall: Option<Instant>,
}

/// A run under way.
pub(super) struct Session<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) bench: Bench,
    pub(super) lanes: Vec<Lane>,
    pub(super) board: Scoreboard,
    pub(super) latencies: Latencies,
    pub(super) start: Start,
    /// When the last frame was taken.
    pub(super) last: Cycle,
    output: Option<Output>,
    liveness: Liveness,
    /// Nanoseconds at the card's cycle zero.
    stamp_zero: Nanos,
    /// With the drop policy, when all sources have ended.
    source_end: Option<Cycle>,
    /// Channel that a sleeping host waits on next.
    next_wait: usize,
}

impl<'a> Session<'a> {
    /// Opens the channels.
    pub(super) fn new(config: &'a RunConfig, bench: Bench) -> Result<Self, CouldNotRun> {
        let mut lanes = Vec::with_capacity(config.channels.into());
        for channel in 0..config.channels {
            let lane = Lane::open(&bench.card, config, channel, planned(config, channel));
            lanes.push(lane.map_err(|e| CouldNotRun(e.to_string()))?);
        }
        let board = Scoreboard::new((0..config.channels).map(|channel| expected(config, channel)).collect(), config.full == FullKind::Drop);
        let latencies = Latencies::new().map_err(|e| CouldNotRun(e.to_string()))?;
        let link_type = match &config.feed {
            Feed::Front(plan) => plan.input.link_type,
            Feed::Generator { .. } => None,
        };
        let output = config.options.output.as_deref().map(|path| Output::create(path, link_type)).transpose()?;
        let stamp_zero = bench.platform.nanos(bench.seen.released());
        let now = bench.platform.machine().now();
        let liveness = Liveness::new(config.patience, now);
        Ok(Self {
            config,
            bench,
            lanes,
            board,
            latencies,
            start: Start::default(),
            last: now,
            output,
            liveness,
            stamp_zero,
            source_end: None,
            next_wait: 0,
        })
    }

    /// The whole run.
    pub(super) fn run(mut self, progress: &mut Progress) -> Result<Report, CouldNotRun> {
        let result = self.measure(progress);
        progress.finish();
        if let Some(output) = self.output.take() {
            output.finish()?;
        }
        // Where two cards part, whatever comes after is no judgement of either.
        if let Some(divergence) = self.bench.verdict.divergence() {
            return self.failed(Wrong::Lockstep(divergence));
        }
        // A rule of the machine that was broken explains whatever came of it.
        let violation = self.bench.platform.machine().violation().cloned();
        match (violation, result) {
            (Some(violation), _) => self.failed(Wrong::Violation(violation)),
            (None, Ok(measured)) => self.passed(measured),
            (None, Err(Stop::Wrong(wrong))) => self.failed(wrong),
            (None, Err(Stop::CouldNotRun(error))) => Err(error),
        }
    }

    fn measure(&mut self, progress: &mut Progress) -> Result<super::finish::Measured, Stop> {
        // A generator makes frames as soon as its channel runs; a front end waits to be fed.
        let is_generator = matches!(self.config.feed, Feed::Generator { .. });
        if is_generator {
            self.begin()?;
        }
        for lane in &mut self.lanes {
            lane.start()?;
        }
        if !is_generator {
            self.begin()?;
        }
        let stats = self.bench.platform.machine().stats().clone();
        self.start.mmio = (stats.mmio_reads, stats.mmio_writes);
        self.start.doorbells = self.bench.platform.doorbells();
        self.feed();
        self.source_end = (self.config.full == FullKind::Drop).then(|| self.source_end());
        self.flow(progress)?;
        self.finish()
    }

    /// Clears the card's counters and notes where everything stands, before the first frame.
    fn begin(&mut self) -> Result<(), Stop> {
        self.bench.card.latch_counters(true)?;
        let machine = self.bench.platform.machine();
        let now = machine.now();
        self.start = Start {
            cycle: now,
            stats: machine.stats().clone(),
            doorbells: self.bench.platform.doorbells(),
            write_backs: self.bench.seen.write_backs(),
            mmio: (0, 0),
            wall: Some(Instant::now()),
        };
        self.last = now;
        self.liveness.progress(now);
        Ok(())
    }

    /// Lets frames flow at the front ends.
    fn feed(&mut self) {
        let mut machine = self.bench.platform.machine();
        let now = machine.now();
        if let Feed::Front(plan) = &self.config.feed {
            for channel in 0..self.config.channels {
                machine.feed(channel.into(), Box::new(PlannedSource::new(plan, channel, now)));
            }
        }
    }

    fn flow(&mut self, progress: &mut Progress) -> Result<(), Stop> {
        loop {
            let mut taken = 0;
            for index in 0..self.lanes.len() {
                taken += self.take_frames(index)?;
            }
            if taken > 0 {
                progress.at((0..self.lanes.len()).map(|index| self.done(index)).sum());
            }
            if self.is_complete(taken) {
                return Ok(());
            }
            self.check_machine(taken)?;
            if taken == 0 {
                self.wait()?;
            }
        }
    }

    /// Takes all frames that a channel has at hand, and checks them.
    pub(super) fn take_frames(&mut self, index: usize) -> Result<u64, Stop> {
        let lane = &mut self.lanes[index];
        let costs = self.bench.platform.costs();
        let (mut taken, mut spent, mut now) = (0, 0, None);
        let shown = self.bench.waves.is_on().then(|| self.bench.platform.machine().now());
        let mut frame_number = lane.delivered;
        while let Some(frame) = lane.poll()? {
            let now = *now.get_or_insert_with(|| Time::now(&self.bench.platform).0);
            let payload = frame.payload;
            if let Err(what) = self.board.check(index as u8, &frame.header, payload) {
                let cycle = self.bench.platform.machine().now();
                return Err(Stop::Wrong(Wrong::Divergence(Divergence { channel: index as u8, frame: frame_number, cycle, what })));
            }
            spent += u64::from(costs.per_frame) + u64::from(frame.header.length) * u64::from(costs.per_kib) / 1024;
            let stamp = self.bench.platform.nanos(Cycle(frame.header.stamp)).0 + self.stamp_zero.0;
            self.latencies.record((now + spent).saturating_sub(stamp));
            if let Some(output) = &mut self.output {
                output.frame(stamp, payload)?;
            }
            if let Some(at) = shown {
                self.bench.waves.frame(at, index as u8, frame.header.sequence, frame.header.length);
            }
            frame_number += 1;
            taken += 1;
        }
        lane.delivered = frame_number;
        if taken > 0 {
            self.bench.platform.charge(spent);
            self.last = self.bench.platform.machine().now();
            self.liveness.progress(self.last);
        }
        Ok(taken)
    }

    /// How much of what a channel was to deliver has come: frames; in block mode, chunks.
    fn done(&self, index: usize) -> u64 {
        if self.config.blocks().is_some() { self.board.chunks(index as u8) } else { self.lanes[index].delivered }
    }

    fn is_done(&self, index: usize) -> bool {
        self.done(index) >= self.lanes[index].planned
    }

    /// Whether no more frames will come.
    fn is_complete(&self, taken: u64) -> bool {
        if (0..self.lanes.len()).all(|index| self.is_done(index)) {
            return true;
        }
        let silent = |session: &Self| session.bench.platform.machine().now().since(session.last) >= SETTLE;
        self.config.full == FullKind::Drop && taken == 0 && silent(self) && self.sources_idle()
    }

    /// Whether all sources have presented all that they have.
    fn sources_idle(&self) -> bool {
        match &self.config.feed {
            Feed::Front(_) => self.bench.platform.machine().front_idle(),
            // A read that fails is found by the next one of the driver.
            Feed::Generator { .. } => {
                (0..self.lanes.len()).all(|index| self.made(index).is_ok_and(|made| made >= self.lanes[index].planned))
            }
        }
    }

    /// Clocks that a generator takes at most for `frames` frames when nothing holds it.
    fn generator_time(&self, frames: u64) -> Cycles {
        let Feed::Generator { sizes, rate, blocks, .. } = &self.config.feed else { return Cycles(0) };
        let bytes = match blocks {
            // A chunk may lie in two blocks more than it would fill, and wait for each of the others.
            Some(blocks) => (sizes.max().div_ceil(elink::MAX_PAYLOAD as u32) + 2 + u32::from(blocks.links)) * elink::BLOCK_BYTES as u32,
            None => sizes.max(),
        };
        let frames = frames.saturating_add(blocks.map_or(0, |blocks| blocks.flush.into()));
        let beats = u64::from(bytes.div_ceil(self.config.card.width.bytes()).max(1));
        let clocks = (beats + 2) * 65536 / u64::from((*rate).max(1)) + u64::from(self.config.options.pause) + 2;
        Cycles(clocks.saturating_mul(frames).saturating_add(1000))
    }

    fn check_machine(&mut self, taken: u64) -> Result<(), Stop> {
        let machine = self.bench.platform.machine();
        if let Some(violation) = machine.violation() {
            return Err(Stop::Wrong(Wrong::Violation(violation.clone())));
        }
        let now = machine.now();
        drop(machine);
        if taken > 0 || now < self.liveness.deadline() {
            return Ok(());
        }
        // Nothing was due yet, or has been for less than the limit: no reason to worry.
        if let Some(due) = self.next_due()
            && now < due.after(self.config.patience)
        {
            return Ok(());
        }
        if self.config.full == FullKind::Drop && self.sources_idle() {
            return Ok(());
        }
        self.liveness.check(now).map_err(|stuck| self.blame(stuck))
    }

    /// A source that may drop is never held: when it has presented its last frame at the latest. All of its frames may be dropped, so that none of
    /// them says how far it is.
    fn source_end(&self) -> Cycle {
        let end = |index: usize, lane: &Lane| match &self.config.feed {
            Feed::Front(plan) => plan.channel(index as u8).last().map_or(Cycles(0), |frame| frame.at + plan.beats_of(index as u8)),
            Feed::Generator { .. } => self.generator_time(lane.planned),
        };
        let ends = self.lanes.iter().enumerate().map(|(index, lane)| end(index, lane));
        self.start.cycle.after(ends.max().unwrap_or_default())
    }

    /// When the next frame that has not come was to be presented.
    fn next_due(&self) -> Option<Cycle> {
        if let Some(end) = self.source_end {
            return Some(end);
        }
        let unfinished = self.lanes.iter().enumerate().filter(|(index, _)| !self.is_done(*index));
        match &self.config.feed {
            Feed::Front(plan) => {
                let due = |(index, lane): (usize, &Lane)| plan.channel(index as u8).nth(lane.delivered as usize).map(|frame| frame.at);
                unfinished.filter_map(due).min().map(|at| self.start.cycle.after(at))
            }
            Feed::Generator { .. } => unfinished.map(|(index, _)| self.start.cycle.after(self.generator_time(self.done(index) + 1))).min(),
        }
    }

    /// Nothing moves: if a channel stopped by itself, that is what is wrong.
    fn blame(&mut self, stuck: Stuck) -> Stop {
        let now = Time::now(&self.bench.platform);
        for lane in &mut self.lanes {
            if let Err(error) = lane.wait_as(WaitMode::Poll, now) {
                return error.into();
            }
        }
        stuck.into()
    }

    fn wait(&mut self) -> Result<(), Stop> {
        let now = Time::now(&self.bench.platform);
        if self.config.notify == NotifyKind::Poll {
            self.bench.platform.pause(now.after(IDLE_PAUSE_NS));
            return Ok(());
        }
        // One of the channels that have frames to come: each such wait ends, and the others are looked after then.
        let lanes = self.lanes.len();
        let is_unfinished = |index: &usize| !self.is_done(*index);
        let mut unfinished = (0..lanes).map(|step| (self.next_wait + step) % lanes).filter(is_unfinished);
        let index = unfinished.next().unwrap_or(0);
        let sleep = if unfinished.next().is_some() { SHARED_SLEEP_NS } else { SLEEP_NS };
        self.next_wait = index + 1;
        match self.lanes[index].wait(now.after(sleep))? {
            Wait::LostWakeUp { .. } => {
                let now_cycle = self.bench.platform.machine().now();
                let waited = now_cycle.since(self.bench.platform.cycle(now));
                Err(Stuck::LostWakeUp { channel: index as u8, first_beat: self.oldest_stamp(index), waited }.into())
            }
            Wait::Ready | Wait::Deadline | Wait::Ended => Ok(()),
        }
    }

    /// Cycle of the first beat of the oldest frame that a channel has at hand.
    fn oldest_stamp(&mut self, index: usize) -> Cycle {
        let zero = self.bench.seen.released();
        match self.lanes[index].poll() {
            Ok(Some(frame)) => zero.after(Cycles(frame.header.stamp)),
            _ => zero,
        }
    }
}

fn planned(config: &RunConfig, channel: u8) -> u64 {
    match &config.feed {
        Feed::Front(plan) => plan.frames_of(channel),
        Feed::Generator { frames, .. } => share(*frames, config.channels, channel),
    }
}

fn expected(config: &RunConfig, channel: u8) -> Expected {
    match &config.feed {
        Feed::Front(plan) => Expected::Front(plan.channel(channel)),
        Feed::Generator { sizes, frames, blocks, .. } => {
            let Ok((mode, min, max, table)) = sizes.generator() else { unreachable!("RunConfig::new refused it") };
            let made = FrameSequence::new(config.options.seed, channel, mode, min, max, table);
            if let Some(blocks) = blocks {
                let count = share(*frames, config.channels, channel);
                return Expected::Blocks(Box::new(ElinkBoard::new(made, count, GENERATOR_SOURCE, blocks.links, config.max_frame)));
            }
            Expected::Generator(made, share(*frames, config.channels, channel), GENERATOR_SOURCE)
        }
    }
}
