//! Builds what a run stands on: card, fault, probe, machine, driver, channels. Moves no frame.

use super::CouldNotRun;
use super::config::{Feed, RunConfig};
use crate::cli::options::{FullKind, NotifyKind};
use crate::fault::{FaultLog, LinkSwitch, LinkWhat, clear_probing, plant};
use crate::platform::{SetUpError, SimPlatform};
use crate::probe::{Probe, Seen};
use crate::target::Target;
use crate::waves::{Waves, Written};
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{
    DataInterrupt, ElinkBlocks, Generator, Lengths, Progress, RingConfig, Source, WaitMode, WhenFull, WriteBackPolicy,
};
use silico_driver::pages::PageConfig;
use silico_sim::Slot;
use silico_sim::lockstep::Verdict;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::generator::LengthMode;
use silico_spec::port::TlpPort;
use silico_spec::units::Cycle;

/// Longest polling of a hybrid wait, in ns.
const HYBRID_POLL_NS: u64 = 2_000;
/// E-link in the headers of generated frames; the first one in block mode.
pub(super) const GENERATOR_SOURCE: u16 = 0x51;

/// A card under its driver, ready to run.
#[derive(Debug)]
pub struct Bench {
    /// The simulated machine.
    pub platform: SimPlatform,
    /// The driver's view of the card.
    pub card: Card<SimPlatform>,
    /// What the probe on the port saw.
    pub seen: Seen,
    /// Which faults were planted.
    pub planted: FaultLog,
    /// Where two cards in lockstep differ.
    pub verdict: Verdict,
    /// Where all that happens is shown.
    pub waves: Waves,
}

impl Bench {
    /// Closes the waveform, if there is one. Around a failure, after a few more clocks, in which nobody does anything.
    pub(crate) fn finish_waves(&self, wrong: Option<(Cycle, &str)>) -> Result<Option<Written>, CouldNotRun> {
        if let Some((at, what)) = wrong {
            self.waves.failed(self.platform.machine().now(), at, what);
            if let Some(until) = self.waves.wanted() {
                self.platform.machine().advance_to(until);
            }
        }
        self.waves.finish().map_err(CouldNotRun)
    }
}

impl Fork for Bench {
    /// A bench that goes on by itself from here. Channels that are open are forked by who holds them, under the same memo.
    ///
    /// # Errors
    /// If there is a waveform, which is of one card (in lockstep there is one unless [`RunConfig::waves`] is `None`), or something cannot be copied.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        if self.waves.is_on() {
            return Err(CannotFork { what: "a bench whose card a waveform shows", rule: "one without waves" });
        }
        Ok(Self {
            platform: self.platform.fork(memo)?,
            card: self.card.fork(memo)?,
            seen: self.seen.fork(memo)?,
            planted: self.planted.fork(memo)?,
            verdict: self.verdict.fork(memo)?,
            waves: Waves::off(),
        })
    }
}

/// Builds card, machine and driver.
///
/// # Errors
/// If the card cannot be built, or does not come up.
pub fn build(config: &RunConfig) -> Result<Bench, CouldNotRun> {
    let verdict = Verdict::default();
    let waves = match &config.waves {
        Some(waves) => {
            let name = format!("silico-{}-seed{}", config.target, config.options.seed);
            config.target.waves(&config.card, config.machine.clock_ps, waves, name).map_err(CouldNotRun)?
        }
        None => Waves::off(),
    };
    if config.target == Target::Model && !waves.is_on() && config.covered.is_none() {
        let model = silico_model::Card::new(config.card.clone()).map_err(|e| CouldNotRun(e.to_string()))?;
        return around_forkable(config, model, verdict);
    }
    if !waves.is_on() && config.covered.is_none() {
        let card = config.target.forkable_card(&config.card, &verdict).map_err(CouldNotRun)?;
        return around_forkable(config, card, verdict);
    }
    let card = config.target.watched_card(&config.card, &verdict, &waves, config.covered.as_ref()).map_err(CouldNotRun)?;
    around(config, card, verdict, waves)
}

/// The same around a card of one's own, whose parameters are those of `config`.
///
/// # Errors
/// If the card does not come up.
pub fn build_with(config: &RunConfig, card: Box<dyn TlpPort + Send>) -> Result<Bench, CouldNotRun> {
    around(config, card, Verdict::default(), Waves::off())
}

/// The bench can be forked, since the card can.
fn around_forkable<P: TlpPort + Fork + Send + 'static>(config: &RunConfig, card: P, verdict: Verdict) -> Result<Bench, CouldNotRun> {
    let (seen, planted) = (Seen::default(), FaultLog::default());
    let (card, switch) = if config.faults.is_empty() {
        (Slot::forkable(Probe::new(card, seen.clone())), None)
    } else {
        let (card, switch) = plant(&config.faults, config.machine.seed, card, planted.clone());
        (Slot::forkable(Probe::new(card, seen.clone())), Some(switch))
    };
    bring_up(config, card, switch, seen, planted, verdict, Waves::off())
}

fn around(config: &RunConfig, card: Box<dyn TlpPort + Send>, verdict: Verdict, waves: Waves) -> Result<Bench, CouldNotRun> {
    let (seen, planted) = (Seen::default(), FaultLog::default());
    let (card, switch) = if config.faults.is_empty() {
        (Slot::from(Box::new(Probe::new(card, seen.clone()))), None)
    } else {
        let (card, switch) = plant(&config.faults, config.machine.seed, card, planted.clone());
        (Slot::from(Box::new(Probe::new(card, seen.clone()))), Some(switch))
    };
    bring_up(config, card, switch, seen, planted, verdict, waves)
}

fn bring_up(
    config: &RunConfig,
    card: Slot,
    switch: Option<LinkSwitch>,
    seen: Seen,
    planted: FaultLog,
    verdict: Verdict,
    waves: Waves,
) -> Result<Bench, CouldNotRun> {
    // What a fault did to the coming up of the card is no judgement of the card; but it must be said.
    let with_faults = |what: String| {
        let names: Vec<String> = planted.records().iter().take(3).map(|one| format!("{} at {}", one.rule, one.cycle)).collect();
        let what = if names.is_empty() { what } else { format!("{what}; planted before: {}", names.join(", ")) };
        waves.failed(Cycle::NEVER, Cycle(0), &what);
        CouldNotRun(match waves.finish() {
            Ok(None) => what,
            Ok(Some(written)) => format!("{what}; waveform: {written}"),
            Err(error) => format!("{what}; {error}"),
        })
    };
    let platform = SimPlatform::new(config.machine.clone(), card, config.card.c2h_channels.into()).map_err(|e| match e {
        SetUpError::Config(error) => CouldNotRun(error.to_string()),
        SetUpError::Machine(error) => with_faults(format!("the card did not come up: {error}")),
    })?;
    platform.watch(&waves);
    for rule in &config.link_faults {
        if let LinkWhat::Flap(at, span) = rule.what {
            platform.machine().flap_at(at, span);
        }
    }
    if let Some(switch) = switch {
        platform.machine().attach(switch);
        clear_probing(&platform);
    }
    let card = Card::bring_up(platform.clone(), &BringUp::default()).map_err(|e| {
        let violation = platform.machine().violation().map(|violation| format!(" ({violation})")).unwrap_or_default();
        let parted = verdict.divergence().map(|divergence| format!(" ({divergence})")).unwrap_or_default();
        with_faults(format!("bring-up of the card failed: {e}{violation}{parted}"))
    })?;
    Ok(Bench { platform, card, seen, planted, verdict, waves })
}

fn wait(config: &RunConfig) -> WaitMode {
    match config.notify {
        NotifyKind::Poll => WaitMode::Poll,
        NotifyKind::Interrupt => WaitMode::Interrupt,
        NotifyKind::Hybrid => WaitMode::Hybrid { max_poll_ns: HYBRID_POLL_NS },
    }
}

/// A vector per channel: a wake-up says whose it is.
fn interrupt(config: &RunConfig, channel: u8) -> Option<DataInterrupt> {
    let (frames, time) = (config.options.coalesce_frames, config.coalesce_clocks);
    (config.notify != NotifyKind::Poll).then_some(DataInterrupt { vector: channel, frames, time, error_vector: channel })
}

const fn when_full(config: &RunConfig) -> WhenFull {
    match config.full {
        FullKind::Stall => WhenFull::Stall,
        FullKind::Drop => WhenFull::Drop,
    }
}

/// The driver's configuration of one channel with pages.
pub(super) fn page_config(config: &RunConfig, channel: u8) -> PageConfig {
    PageConfig {
        pages: config.pages(),
        page_bytes: config.options.page_size as u32,
        packed: config.options.packed,
        flush_time: config.flush_clocks,
        source: source(config, channel),
        when_full: when_full(config),
        max_frame: config.max_frame,
        interrupt: interrupt(config, channel),
        wait: wait(config),
        ..PageConfig::default()
    }
}

/// The driver's configuration of one channel with a ring.
pub(super) fn ring_config(config: &RunConfig, channel: u8) -> RingConfig {
    RingConfig {
        ring_bytes: config.options.ring_size,
        source: source(config, channel),
        when_full: when_full(config),
        progress: Progress::WriteBack(WriteBackPolicy {
            frames: config.options.write_back.frames,
            bytes: 0,
            time: config.write_back_clocks,
        }),
        max_frame: config.max_frame,
        interrupt: interrupt(config, channel),
        wait: wait(config),
        ..RingConfig::default()
    }
}

fn source(config: &RunConfig, channel: u8) -> Source {
    let Feed::Generator { sizes, frames, rate, blocks } = &config.feed else { return Source::FrontEnd };
    let lengths = match sizes.generator() {
        Ok((LengthMode::Uniform, min, max, _)) => Lengths::Uniform { min, max },
        Ok((LengthMode::Table, _, _, table)) => Lengths::Table(table),
        Ok((LengthMode::Fixed, min, ..)) => Lengths::Fixed(min),
        Err(_) => unreachable!("RunConfig::new refused it"),
    };
    Source::Generator(Generator {
        lengths,
        source: GENERATOR_SOURCE,
        pause: config.options.pause,
        rate: *rate,
        seed: config.options.seed,
        count: share(*frames, config.channels, channel),
        blocks: blocks.map(|blocks| ElinkBlocks { links: blocks.links, flush: blocks.flush }),
    })
}

/// Frames of a channel when `frames` are dealt out in turn.
pub(super) fn share(frames: u64, channels: u8, channel: u8) -> u64 {
    frames / u64::from(channels) + u64::from(u64::from(channel) < frames % u64::from(channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for frames in 0..40 {
            for channels in 1..17 {
                assert_eq!((0..channels).map(|channel| share(frames, channels, channel)).sum::<u64>(), frames);
            }
        }
    }
}
