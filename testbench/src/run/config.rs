//! What the typed options mean: a run that can be set up, or one line that says why not. Starts nothing.

use super::{sense, stress};
use crate::cli::options::{CompareKind, Discipline, FullKind, ModeKind, NotifyKind, RunOptions, SourceKind};
use crate::cli::reproduce;
use crate::compare::{self, Recording};
use crate::coverage::Covered;
use crate::fault::{Fault, LinkRule, LinkWhat, Rule};
use crate::input::error::BadInput;
use crate::input::schedule::{Pace, Plan};
use crate::input::sizes::{FrameSizes, show_bytes};
use crate::input::{Cut, Input, read_file};
use crate::target::Target;
use crate::waves::WavesConfig;
use silico_sim::{Generation, LinkConfig, MachineConfig};
use silico_spec::descriptor::{PAGE_GRID, PAGES_IN_USE, RING_ENTRIES};
use silico_spec::elink::BLOCK_BYTES;
use silico_spec::frame::footprint;
use silico_spec::params::{CardParams, DataWidth, MAX_C2H};
use silico_spec::units::Cycles;
use std::sync::Arc;

/// Frames of a generator run, if nobody says.
pub const GENERATOR_FRAMES: u64 = 100_000;
/// Longest chunk of block mode, bytes.
pub const MAX_CHUNK: u32 = 1 << 20;
/// Largest ring that a simulated host is given.
pub const MAX_RING: u64 = 1 << 30;

/// Where frames come from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// Front ends, fed by a plan.
    Front(Arc<Plan>),
    /// The card's generators.
    Generator {
        /// Payload lengths.
        sizes: FrameSizes,
        /// Frames over all channels.
        frames: u64,
        /// Beats per 65536 clocks, of each channel.
        rate: u32,
        /// E-link blocks; lengths and number are then those of chunks.
        blocks: Option<Blocks>,
    },
}

/// Block mode of the generators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// E-links of each channel.
    pub links: u16,
    /// Clocks after its first chunk at which a block goes out; 0: never.
    pub flush: u32,
}

/// A run, checked.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// What was typed.
    pub options: RunOptions,
    /// The command that repeats it.
    pub command: String,
    /// Where it runs.
    pub target: Target,
    /// The card.
    pub card: CardParams,
    /// The machine around it.
    pub machine: MachineConfig,
    /// Where frames come from.
    pub feed: Feed,
    /// Channels in use.
    pub channels: u8,
    /// How the driver learns of frames.
    pub notify: NotifyKind,
    /// What a channel does when its FIFO is full.
    pub full: FullKind,
    /// Most payload bytes of a frame.
    pub max_frame: u32,
    /// Clocks without progress that are too many.
    pub patience: Cycles,
    /// Clocks after which progress is written back in any case; 0: not by time.
    pub write_back_clocks: u32,
    /// Clocks after which a coalesced interrupt is sent all the same.
    pub coalesce_clocks: u32,
    /// Clocks after which a page that is left alone is completed; 0: never.
    pub flush_clocks: u32,
    /// Faults to plant at the port.
    pub faults: Vec<Rule>,
    /// Faults of the link; all but flaps are in [`RunConfig::machine`] already.
    pub link_faults: Vec<LinkRule>,
    /// The waveform, if there is to be one.
    pub waves: Option<WavesConfig>,
    /// Where functional coverage goes, if it is wanted.
    pub covered: Option<Covered>,
    /// Where its transactions are kept, if they are to be compared with another card's.
    pub recording: Option<Recording>,
}

impl RunConfig {
    /// Block mode, if that is what the generators make.
    #[must_use]
    pub fn blocks(&self) -> Option<Blocks> {
        match self.feed {
            Feed::Generator { blocks, .. } => blocks,
            Feed::Front(_) => None,
        }
    }

    /// Most payload bytes of a frame; in block mode those of a block, while [`RunConfig::max_frame`] limits chunks.
    #[must_use]
    pub fn frame_limit(&self) -> u32 {
        if self.blocks().is_some() { BLOCK_BYTES as u32 } else { self.max_frame }
    }

    /// Frames over all channels; in block mode, chunks.
    #[must_use]
    pub fn frames(&self) -> u64 {
        match &self.feed {
            Feed::Front(plan) => plan.frames,
            Feed::Generator { frames, .. } => *frames,
        }
    }

    /// Pages of each channel.
    #[must_use]
    pub fn pages(&self) -> u32 {
        (self.options.ring_size / self.options.page_size) as u32
    }

    /// Understands and checks what was typed; reads the input.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub fn new(options: &RunOptions) -> Result<Self, BadInput> {
        let target = options.on.parse::<Target>()?;
        target.require_built()?;
        let width =
            DataWidth::from_bits(options.width).ok_or_else(|| BadInput::setting("--width", options.width, "64, 128, 256 or 512"))?;
        if !(1..=MAX_C2H as u8).contains(&options.channels) {
            return Err(BadInput::setting("--channels", options.channels, "1 to 16"));
        }
        if options.patience == 0 {
            return Err(BadInput::setting("--patience", 0, "at least 1 clock"));
        }
        check_ring(options.ring_size)?;
        sense::check_options(options)?;
        let waves = options.waves.config(target == Target::Lockstep && options.compare == CompareKind::Clocks)?;
        let machine = machine(options)?;
        let card = match &options.card {
            Some(name) => variant(name)?,
            None => CardParams { width, c2h_channels: options.channels.max(CardParams::default().c2h_channels), ..CardParams::default() },
        };
        if options.channels > card.c2h_channels {
            return Err(BadInput::setting("--channels", options.channels, format!("1 to {}, what this card has", card.c2h_channels)));
        }
        card.validate().map_err(|e| BadInput::setting(e.field, e.value, e.rule))?;
        let clock_ps = machine.clock_ps;
        let feed = feed(options, &card, clock_ps)?;
        let max_frame = match &feed {
            Feed::Front(plan) => plan.input.longest(),
            Feed::Generator { sizes, .. } => sizes.max(),
        };
        // Chunks may be longer than a ring: they come in blocks.
        let is_blocks = matches!(feed, Feed::Generator { blocks: Some(_), .. });
        if is_blocks && max_frame > MAX_CHUNK {
            let right = format!("at most {MAX_CHUNK} bytes: the host keeps memory for one chunk of each e-link");
            return Err(BadInput::setting("longest chunk", format_args!("{max_frame} bytes"), right));
        }
        let longest = if is_blocks { BLOCK_BYTES as u32 } else { max_frame };
        if options.discipline == Discipline::Pages {
            check_pages(options, longest)?;
        }
        if footprint(longest) > options.ring_size {
            let right = format!(
                "at most {} bytes: with its header it must fit the ring of {}",
                options.ring_size - 32,
                show_bytes(options.ring_size)
            );
            return Err(BadInput::setting("longest frame", format_args!("{max_frame} bytes"), right));
        }
        let memory = u64::from(options.channels) * (buffer_bytes(options) + 64 * 1024) + (64 << 20);
        let host =
            silico_sim::HostConfig { memory_bytes: memory.next_multiple_of(4096).max(machine.host.memory_bytes), ..machine.host.clone() };
        let config = Self {
            options: options.clone(),
            command: reproduce::command(options),
            target,
            card,
            machine: MachineConfig { host, ..machine },
            feed,
            channels: options.channels,
            notify: options.notify,
            full: options.full,
            max_frame: max_frame.max(1),
            patience: Cycles(options.patience),
            write_back_clocks: clocks(options.write_back.ns, clock_ps),
            coalesce_clocks: clocks(options.coalesce_time, clock_ps),
            flush_clocks: if options.packed { clocks(options.flush_time, clock_ps) } else { 0 },
            faults: options.faults.iter().filter_map(|one| if let Fault::Tlp(rule) = one { Some(*rule) } else { None }).collect(),
            link_faults: link_faults(options).collect(),
            waves,
            covered: None,
            recording: None,
        };
        sense::check_ends(&config)?;
        if options.compare == CompareKind::Transactions {
            compare::check(&config)?;
        }
        Ok(config)
    }
}

/// The card of that name. Whether the RTL of it was built in is for the target to say.
fn variant(name: &str) -> Result<CardParams, BadInput> {
    let there = silico_sim::cards::named();
    let names = || there.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found = there.iter().find(|(known, _)| *known == name).map(|(_, card)| card.clone());
    found.ok_or_else(|| BadInput::setting("--card", name, format!("one of {}", names())))
}

/// Most pages that a frame may fill on the card, less those that it shares with others.
const MAX_PAGES_OF_FRAME: u64 = PAGES_IN_USE as u64 - 3;

/// Memory for the frames of a channel, with what it is allocated in.
fn buffer_bytes(options: &RunOptions) -> u64 {
    match options.discipline {
        Discipline::Ring => options.ring_size,
        // A page lies on its own power of two up to 4 KiB; and each has a descriptor and an entry.
        Discipline::Pages => options.ring_size / options.page_size.max(1) * (options.page_size.next_multiple_of(4096) + 64),
    }
}

fn check_pages(options: &RunOptions, max_frame: u32) -> Result<(), BadInput> {
    let bytes = options.page_size;
    if !bytes.is_multiple_of(u64::from(PAGE_GRID)) || !(u64::from(PAGE_GRID)..=MAX_RING).contains(&bytes) {
        return Err(BadInput::setting("--page-size", format_args!("{bytes} bytes"), "a multiple of 32 bytes, 32 to 1GiB"));
    }
    let pages = options.ring_size / bytes;
    if !(u64::from(*RING_ENTRIES.start())..=u64::from(*RING_ENTRIES.end())).contains(&pages) {
        let right = "such that --ring-size holds 2 to 65536 pages";
        return Err(BadInput::setting("--page-size", format_args!("{bytes} bytes, {pages} of which fit"), right));
    }
    // Packed, the first page of a frame may be another's too.
    let needed = footprint(max_frame).div_ceil(bytes) + u64::from(options.packed && footprint(max_frame) > bytes);
    let most = pages.min(MAX_PAGES_OF_FRAME);
    if needed > most {
        let right = format!("such that it takes at most {most} pages of {bytes} bytes, not {needed}");
        return Err(BadInput::setting("longest frame", format_args!("{max_frame} bytes"), right));
    }
    if options.packed && options.flush_time == 0 {
        return Err(BadInput::setting("--flush-time", 0, "at least 1 ns: the last page of a run is not full"));
    }
    Ok(())
}

/// A time in clocks, rounded up: 0 stays 0, and means never.
fn clocks(ns: u64, clock_ps: u32) -> u32 {
    u32::try_from(ns.saturating_mul(1000).div_ceil(clock_ps.into())).unwrap_or(u32::MAX)
}

fn check_ring(bytes: u64) -> Result<(), BadInput> {
    let right = "a multiple of 4096 bytes, 4KiB to 1GiB";
    let fits = bytes.is_multiple_of(4096) && (4096..=MAX_RING).contains(&bytes);
    if fits { Ok(()) } else { Err(BadInput::setting("--ring-size", format_args!("{bytes} bytes"), right)) }
}

fn link_faults(options: &RunOptions) -> impl Iterator<Item = LinkRule> {
    options.faults.iter().filter_map(|one| if let Fault::Link(rule) = one { Some(*rule) } else { None })
}

/// Puts faults of the link where the data link layer finds them.
fn plant_below(options: &RunOptions, machine: &mut MachineConfig) -> Result<(), BadInput> {
    let mut flaps = 0;
    for rule in link_faults(options) {
        flaps += u32::from(matches!(rule.what, LinkWhat::Flap(..)));
        if !rule.plant(&mut machine.link.dll) || flaps > 1 {
            return Err(BadInput::setting(
                "--fault",
                rule,
                "the only one of its kind and direction; --link-errors is of every kind and both",
            ));
        }
    }
    Ok(())
}

fn machine(options: &RunOptions) -> Result<MachineConfig, BadInput> {
    let generation =
        Generation::from_number(options.generation).ok_or_else(|| BadInput::setting("--gen", options.generation, "1, 2, 3, 4 or 5"))?;
    let link = LinkConfig {
        generation,
        lanes: options.lanes,
        max_payload: options.mps,
        max_read_request: options.mrrs,
        ecrc: options.ecrc,
        ..LinkConfig::default()
    };
    // The machine keeps one record at least.
    let mut machine = MachineConfig { seed: options.seed, link, trace: options.trace.max(1), ..MachineConfig::default() };
    stress::damage(options.link_errors, &mut machine);
    if options.link_errors > 1_000_000 {
        return Err(BadInput::setting("--link-errors", options.link_errors, "at most 1000000 of a million"));
    }
    plant_below(options, &mut machine)?;
    options.stress.iter().for_each(|&kind| stress::apply(kind, &mut machine));
    // The machine names its own fields; people typed options.
    let typed = |field: &str| match field {
        "link.lanes" => "--lanes".to_string(),
        "link.max_payload" => "--mps".into(),
        "link.max_read_request" => "--mrrs".into(),
        "trace" => "--trace".into(),
        field if field.starts_with("link.dll.to_") => "--link-errors".into(),
        field => field.into(),
    };
    machine.validate().map_err(|e| BadInput::setting(typed(e.field), e.value, e.rule))?;
    Ok(machine)
}

fn feed(options: &RunOptions, card: &CardParams, clock_ps: u32) -> Result<Feed, BadInput> {
    if let Some(rate) = options.rate
        && !(0.001..=10_000.0).contains(&rate)
    {
        return Err(BadInput::setting("--rate", rate, "0.001 to 10000 Gb/s"));
    }
    if options.frames == Some(0) || options.repeat == 0 {
        let (field, right) = if options.repeat == 0 { ("--repeat", "at least 1") } else { ("--frames", "at least 1") };
        return Err(BadInput::setting(field, 0, right));
    }
    if options.source == SourceKind::Generator {
        return generator(options, card, clock_ps);
    }
    if options.mode == ModeKind::Blocks {
        let right = "frames, unless --source is generator: a front end that makes blocks sends them as frames";
        return Err(BadInput::setting("--mode", "blocks", right));
    }
    let input = read_input(options)?;
    let frames = options.frames.unwrap_or((input.pieces.len() as u64).saturating_mul(options.repeat));
    let pace = pace(options, &input)?;
    let mut plan = Plan::new(input, options.channels, frames, clock_ps, card.width.bytes());
    plan.spread = options.spread.into();
    plan.pace = pace;
    plan.pause = Cycles(options.pause.into());
    // A stamp that is garbage would have the run wait for centuries.
    let days = plan.last_due().0 / (86_400 * 1_000_000_000_000 / u64::from(clock_ps));
    if days > 0 {
        let (option, value) =
            options.pace.as_ref().map_or_else(|| ("--rate", options.rate.unwrap_or_default().to_string()), |pace| ("--pace", pace.clone()));
        return Err(BadInput::setting(
            option,
            value,
            format!("such that the last frame comes within a day of the card's time, not after {days} days or more"),
        ));
    }
    Ok(Feed::Front(Arc::new(plan)))
}

fn generator(options: &RunOptions, card: &CardParams, clock_ps: u32) -> Result<Feed, BadInput> {
    if let Some(input) = &options.input {
        return Err(BadInput::setting("INPUT", input, "absent with --source generator"));
    }
    if options.pace.is_some() {
        return Err(BadInput::setting(
            "--pace",
            "capture",
            "absent with --source generator, which has no time stamps: use --rate or --pause",
        ));
    }
    options.frame_size.generator()?;
    let frames = options.frames.unwrap_or(GENERATOR_FRAMES);
    // To the card, a count of zero means frames without end.
    if frames < u64::from(options.channels) {
        let right = format!("at least {}, one for the generator of each channel", options.channels);
        return Err(BadInput::setting("--frames", frames, right));
    }
    // Of all channels at a beat a clock, and as slow as their rate can be set.
    let full = f64::from(card.width.bytes()) * 8.0 * 1000.0 / f64::from(clock_ps) * f64::from(options.channels);
    let slowest = full / 65536.0;
    if let Some(rate) = options.rate.filter(|rate| *rate < slowest) {
        let right = format!("at least {slowest:.6} Gb/s, the slowest of {} generators; --pause makes them slower", options.channels);
        return Err(BadInput::setting("--rate", rate, right));
    }
    let rate = options.rate.map_or(65536, |gbps| (gbps / full * 65536.0).clamp(1.0, 65536.0) as u32);
    Ok(Feed::Generator { sizes: options.frame_size.clone(), frames, rate, blocks: blocks(options, card, clock_ps)? })
}

fn blocks(options: &RunOptions, card: &CardParams, clock_ps: u32) -> Result<Option<Blocks>, BadInput> {
    if options.mode == ModeKind::Frames {
        return Ok(None);
    }
    if !(1..=card.elinks).contains(&options.elinks) {
        return Err(BadInput::setting("--elinks", options.elinks, format!("1 to {}, what the card has block memory for", card.elinks)));
    }
    Ok(Some(Blocks { links: options.elinks, flush: clocks(options.flush, clock_ps) }))
}

fn read_input(options: &RunOptions) -> Result<Input, BadInput> {
    let Some(path) = &options.input else {
        return match options.source {
            SourceKind::File => Err(BadInput::setting("INPUT", "absent", "a file with --source file")),
            _ => Input::embedded(),
        };
    };
    let sizes = options.frame_size.clone();
    let cut = match options.source {
        SourceKind::Auto | SourceKind::Generator => Cut::Auto(sizes, options.seed),
        SourceKind::Pcap => Cut::Pcap,
        SourceKind::File => Cut::File(sizes, options.seed),
    };
    Input::new(path, read_file(path)?, &cut)
}

fn pace(options: &RunOptions, input: &Input) -> Result<Pace, BadInput> {
    if let Some(gbps) = options.rate {
        return Ok(Pace::Rate { mbps: ((gbps * 1000.0).round() as u64).max(1) });
    }
    let Some(pace) = &options.pace else { return Ok(Pace::Full) };
    let right = "capture, or capture:SCALE with SCALE from 0.001 to 1000";
    let scale: f64 = match pace.strip_prefix("capture") {
        Some("") => 1.0,
        Some(rest) => rest.strip_prefix(':').and_then(|scale| scale.parse().ok()).unwrap_or(0.0),
        None => 0.0,
    };
    if !(0.001..=1000.0).contains(&scale) {
        return Err(BadInput::setting("--pace", pace, right));
    }
    if input.link_type.is_none() {
        return Err(BadInput::setting("--pace", pace, "absent unless the input is a pcap: nothing else has time stamps"));
    }
    Ok(Pace::Capture { scale_milli: (scale * 1000.0).round() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(args: &[&str]) -> String {
        RunConfig::new(&RunOptions::typed(args).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn the_default_is_the_embedded_recording() {
        let config = RunConfig::new(&RunOptions::default()).unwrap();
        let Feed::Front(plan) = config.feed else { panic!("front end expected") };
        assert_eq!(plan.input.name, "embedded: loopback.pcap");
        assert_eq!(plan.frames, plan.input.pieces.len() as u64);
        assert_eq!(config.max_frame, 65_549);
    }

    #[cfg(not(feature = "rtl"))]
    #[test]
    fn the_rtl_must_be_built_in() {
        let line = "--on is rtl; it must be model: rtl needs a build with the RTL: cargo run --release --features rtl";
        assert!(error(&["--on", "rtl"]).starts_with(line));
    }

    #[rstest::rstest]
    #[case(&["--lanes", "3"], "--lanes is 3; it must be 1, 2, 4, 8 or 16")]
    #[case(&["--gen", "6"], "--gen is 6; it must be 1, 2, 3, 4 or 5")]
    #[case(&["--ring-size", "5000"], "--ring-size is 5000 bytes; it must be a multiple of 4096 bytes, 4KiB to 1GiB")]
    #[case(&["--ring-size", "0"], "--ring-size is 0 bytes")]
    #[case(&["--ring-size", "2GiB"], "--ring-size is 2147483648 bytes")]
    #[case(&["--mps", "300"], "--mps is 300; it must be 128, 256, 512 or 1024 bytes")]
    #[case(&["--mrrs", "8192"], "--mrrs is 8192")]
    #[case(&["--channels", "0"], "--channels is 0; it must be 1 to 16")]
    #[case(&["--channels", "17"], "--channels is 17; it must be 1 to 16")]
    #[case(&["--width", "100"], "--width is 100; it must be 64, 128, 256 or 512")]
    #[case(&["--card", "w1024"], "--card is w1024; it must be one of w256, w128, w512, small")]
    #[case(&["--ring-size", "4KiB"], "longest frame is 65549 bytes; it must be at most 4064 bytes")]
    #[case(&["--source", "generator", "--frame-size", "4096", "--ring-size", "4KiB"], "longest frame is 4096 bytes")]
    #[case(&["--source", "generator", "--frame-size", "1,2,3"], "--frame-size is a list of 3")]
    #[case(&["--source", "generator", "--frames", "3"], "--frames is 3; it must be at least 4")]
    #[case(&["--mode", "blocks"], "--mode is blocks; it must be frames, unless --source is generator")]
    #[case(&["--source", "generator", "--mode", "blocks", "--elinks", "0"], "--elinks is 0; it must be 1 to 64")]
    #[case(&["--source", "generator", "--mode", "blocks", "--elinks", "65"], "--elinks is 65; it must be 1 to 64")]
    #[case(&["--source", "generator", "--mode", "blocks", "--frame-size", "2MiB"], "longest chunk is 2097152 bytes; it must be at most 1048576")]
    #[case(&["--source", "generator", "x.pcap"], "INPUT is x.pcap; it must be absent")]
    #[case(&["--discipline", "pages", "--page-size", "100"], "--page-size is 100 bytes; it must be a multiple of 32 bytes")]
    #[case(&["--discipline", "pages", "--page-size", "1MiB"], "--page-size is 1048576 bytes, 1 of which fit; it must be such that")]
    #[case(&["--discipline", "pages", "--page-size", "32"], "longest frame is 65549 bytes; it must be such that it takes at most 1021 pages")]
    #[case(&["--packed"], "--packed is given; it must be absent")]
    #[case(&["--discipline", "pages", "--packed", "--flush-time", "0"], "--flush-time is 0; it must be at least 1 ns")]
    #[case(&["--source", "file"], "INPUT is absent; it must be a file")]
    #[case(&["--patience", "0"], "--patience is 0; it must be at least 1 clock")]
    #[case(&["--trace", "2000000"], "--trace is 2000000; it must be 1 to 1048576 records")]
    #[case(&["--link-errors", "1000001"], "--link-errors is 1000001; it must be at most 1000000 of a million")]
    #[case(&["--rate", "0.0001"], "--rate is 0.0001; it must be 0.001 to 10000 Gb/s")]
    #[case(&["--source", "generator", "--rate", "0.003"], "--rate is 0.003; it must be at least 0.003906 Gb/s, the slowest of 4 generators")]
    #[case(&["--rate", "0.001", "--repeat", "1000000"], "--rate is 0.001; it must be such that the last frame comes within a day")]
    #[case(&["--elinks", "3"], "--elinks is given; it must be absent unless --mode is blocks")]
    #[case(&["--flush", "3"], "--flush is given; it must be absent unless --mode is blocks")]
    #[case(&["--page-size", "128"], "--page-size is given; it must be absent unless --discipline is pages")]
    #[case(&["--flush-time", "3"], "--flush-time is given; it must be absent unless pages are --packed")]
    #[case(&["--discipline", "pages", "--write-back", "3"], "--write-back is given; it must be absent unless --discipline is ring")]
    #[case(&["--coalesce-frames", "3"], "--coalesce-frames is given; it must be absent unless --notify is")]
    #[case(&["--coalesce-time", "3"], "--coalesce-time is given; it must be absent unless --notify is")]
    #[case(&["--source", "generator", "--spread", "hash"], "--spread is given; it must be absent unless frames come from an input")]
    #[case(&["--source", "generator", "--repeat", "2"], "--repeat is given; it must be absent unless frames come from an input")]
    #[case(&["--write-back", "3"], "--write-back is 3:0; it must be given a time too")]
    #[case(&["--write-back", "0:10000000"], "--write-back is 2500000 clocks; it must be such that it is less than the 2500000 clocks of --patience")]
    #[case(&["--discipline", "pages", "--packed", "--flush-time", "10000000"], "--flush-time is 2500000 clocks; it must be such that")]
    #[case(&["../vectors/loopback.pcap", "--output", "../vectors/../vectors/loopback.pcap"], "--output is ../vectors/../vectors/loopback.pcap; it must be another file")]
    #[case(&[""], "'': input is unreadable")]
    #[case(&["--frames", "0"], "--frames is 0; it must be at least 1")]
    #[case(&["--repeat", "0"], "--repeat is 0; it must be at least 1")]
    #[case(&["--rate=-1"], "--rate is -1; it must be 0.001 to 10000 Gb/s")]
    #[case(&["--rate", "NaN"], "--rate is NaN")]
    #[case(&["--pace", "fast"], "--pace is fast; it must be capture")]
    #[case(&["--pace", "capture:0"], "--pace is capture:0")]
    #[case(&["--on", "pci:0000:03:00.0"], "not built yet")]
    #[case(&["--on", "moon"], "--on is moon; it must be model")]
    #[case(&["no/such/file"], "no/such/file: input is")]
    fn each_impossible_setting_is_one_line_with_what_is_right(#[case] args: &[&str], #[case] line: &str) {
        let error = error(args);
        assert!(error.starts_with(line) || (line == "not built yet" && error.contains(line)), "{error}");
        assert!(!error.contains('\n') && error.contains("it must be"), "{error}");
    }
}
