//! The options of each command, parsed and no more: numbers are numbers here, whether or not a card could be built with them.

use crate::fault::Fault;
use crate::input::schedule::Spread;
use crate::input::sizes::{FrameSizes, parse_bytes};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Prove a PCIe readout card and its driver together, in silico, before there is silicon.
///
/// Without a command: `run`, on recorded traffic that is built in.
#[derive(Clone, Debug, Parser)]
#[command(name = "silico", version, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Reads data out of a card through the driver, checks every byte, and says how fast and why.
    Run(Box<RunOptions>),
    /// Sends host data through a host-to-card channel, and compares it where it comes out.
    Loopback(super::LoopbackOptions),
    /// Merges records of functional coverage, and prints what they reach and what they miss.
    Coverage(super::CoverageOptions),
    /// Runs a committed list of cases on targets with seeds and recorded inputs, in parallel; writes JSON, JUnit XML and one HTML page with coverage.
    Regress(super::RegressOptions),
    /// Prints what a card shows of itself.
    #[command(arg_required_else_help = false)]
    Dump {
        /// What to print.
        #[command(subcommand)]
        what: DumpCommand,
    },
    /// Measures.
    #[command(arg_required_else_help = false)]
    Bench {
        /// What to measure.
        #[command(subcommand)]
        what: BenchCommand,
    },
}

/// What can be dumped.
#[derive(Clone, Debug, Subcommand)]
pub enum DumpCommand {
    /// Config space after enumeration, as `lspci -xxxx` prints it: pipe it into a file and decode that by `lspci -F FILE -vvv`.
    Config(DumpOptions),
}

/// Options of `dump config`.
#[derive(Args, Clone, Debug)]
pub struct DumpOptions {
    /// Where the card is.
    #[arg(long, value_name = "TARGET", default_value = "model")]
    pub on: String,
}

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// The simulator itself: busy clocks, payload, register round trips, idle skip, cases, allocations.
    #[command(name = "self")]
    Itself(BenchOptions),
}

/// Options of `bench self`.
#[derive(Args, Clone, Debug)]
pub struct BenchOptions {
    /// Seconds of wall clock to spend on each row.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub seconds: f64,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where frames come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SourceKind {
    /// A pcap's packets if INPUT is one, else pieces of INPUT.
    #[default]
    Auto,
    /// The card's own generator.
    Generator,
    /// Pieces of INPUT, whatever it is.
    File,
    /// The packets of INPUT.
    Pcap,
}

/// What the card's generator makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ModeKind {
    /// Plain frames.
    #[default]
    Frames,
    /// Chunks of many e-links, packed into blocks of 1 KiB.
    Blocks,
}

/// How the driver learns of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NotifyKind {
    /// Looks at the write-back block.
    #[default]
    Poll,
    /// Sleeps until the card interrupts.
    Interrupt,
    /// Polls up to 2 us without success, then sleeps until the card interrupts.
    Hybrid,
}

/// How two cards are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CompareKind {
    /// Every output of the port, on every clock.
    #[default]
    Clocks,
    /// What each does with a host of its own: writes, reads, interrupts and registers in the order that they have, whenever that is.
    Transactions,
}

/// How a channel's memory is shared with the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Discipline {
    /// One contiguous ring.
    #[default]
    Ring,
    /// Pages, given back in any order.
    Pages,
}

/// What a channel does when its FIFO is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FullKind {
    /// Holds its source.
    #[default]
    Stall,
    /// Drops whole frames and marks the next.
    Drop,
}

/// How front-end frames are spread over channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SpreadKind {
    /// In turn.
    #[default]
    RoundRobin,
    /// By a hash of the frame.
    Hash,
}

impl From<SpreadKind> for Spread {
    fn from(kind: SpreadKind) -> Self {
        match kind {
            SpreadKind::RoundRobin => Self::RoundRobin,
            SpreadKind::Hash => Self::Hash,
        }
    }
}

/// What a run makes hard, within the rules of PCI Express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StressKind {
    /// Completions and writes as unordered as they may be; writes seen by the CPU as late as they may be.
    Order,
    /// The CPU sees half a write.
    Torn,
    /// The root port grants the least that it may, and withholds it at random.
    Credits,
    /// The transmit stream stalls at random, beats to the card have gaps, and TLPs to it pause.
    Stalls,
    /// The replay buffers hold four TLPs.
    Replay,
}

/// When the card writes its progress to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// Frames; 0: not by frames.
    pub frames: u32,
    /// Nanoseconds after the first frame not yet written; 0: not by time.
    pub ns: u64,
}

impl fmt::Display for WriteBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.frames, self.ns)
    }
}

impl FromStr for WriteBack {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let right = "FRAMES or FRAMES:NS, such as 1, 8:1000 or 0:5000, not both 0";
        let (frames, ns) = text.split_once(':').unwrap_or((text, "0"));
        let policy = Self { frames: frames.parse().map_err(|_| right)?, ns: ns.parse().map_err(|_| right)? };
        if policy.frames == 0 && policy.ns == 0 { Err(right) } else { Ok(policy) }
    }
}

/// Options of `run`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// A pcap, or any file to be cut into frames; the recorded traffic that is built in, if absent.
    #[arg(value_name = "INPUT")]
    pub input: Option<String>,
    /// Where the card is: model (later also rtl, lockstep, socket:PATH, pci:BDF).
    #[arg(long, value_name = "TARGET", default_value = "model")]
    pub on: String,
    /// With --on lockstep: how the two cards are compared.
    #[arg(long, value_enum, default_value_t)]
    pub compare: CompareKind,
    /// Where frames come from.
    #[arg(long, value_enum, default_value_t)]
    pub source: SourceKind,
    /// What the generator makes: with `blocks`, --frames and --frame-size are those of chunks.
    #[arg(long, value_enum, default_value_t)]
    pub mode: ModeKind,
    /// With --mode blocks: e-links of each channel.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub elinks: u16,
    /// With --mode blocks: time in ns after its first chunk at which a block goes out although it is not full; 0: never.
    #[arg(long, value_name = "NS", default_value_t = 10_000)]
    pub flush: u64,
    /// Frames to send over all channels; an input is repeated as often as it takes.
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
    /// Times that the input is sent, if --frames does not say.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u64,
    /// Bytes of a frame, of the generator or of a file's pieces: 256, 64..1500 (uniform) or 64,128,1500 (in turn).
    #[arg(long, value_name = "SIZES", default_value = "256")]
    pub frame_size: FrameSizes,
    /// Card-to-host channels in use.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub channels: u8,
    /// How frames of an input are spread over channels.
    #[arg(long, value_enum, default_value_t)]
    pub spread: SpreadKind,
    /// How each channel's memory is shared: a ring, or pages.
    #[arg(long, value_enum, default_value_t)]
    pub discipline: Discipline,
    /// With --discipline pages: bytes of a page, a multiple of 32.
    #[arg(long, value_name = "BYTES", default_value = "4KiB", value_parser = parse_bytes)]
    pub page_size: u64,
    /// With --discipline pages: frames that fit share a page; else each starts one of its own.
    #[arg(long)]
    pub packed: bool,
    /// With --packed: time in ns after which a page that is left alone comes although it has room.
    #[arg(long, value_name = "NS", default_value_t = 2_000)]
    pub flush_time: u64,
    /// Ring of each channel, or all pages of it: a multiple of 4KiB.
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = parse_bytes)]
    pub ring_size: u64,
    /// What a channel does when its FIFO is full.
    #[arg(long, value_enum, default_value_t)]
    pub full: FullKind,
    /// Generation of the link, 1 to 5.
    #[arg(long = "gen", value_name = "N", default_value_t = 3)]
    pub generation: u8,
    /// Lanes of the link.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub lanes: u8,
    /// Largest payload that the root port takes.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub mps: u32,
    /// Largest read request that the OS allows.
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    pub mrrs: u32,
    /// Every TLP carries an end-to-end CRC, and both ends check it.
    #[arg(long)]
    pub ecrc: bool,
    /// Bits of the card's port.
    #[arg(long, value_name = "BITS", default_value_t = 256)]
    pub width: u32,
    /// The card by name: w256 (the default one), w128, w512 or small. As RTL, if it was built in.
    #[arg(long, value_name = "NAME", conflicts_with = "width")]
    pub card: Option<String>,
    /// How the driver learns of frames.
    #[arg(long, value_enum, default_value_t)]
    pub notify: NotifyKind,
    /// When the card tells the host of frames: after FRAMES of them, and in any case NS nanoseconds after the first; 0 switches one off.
    /// An interrupt always brings one too. Of a ring: completed pages tell of themselves.
    #[arg(long, value_name = "FRAMES[:NS]", default_value = "8:1000")]
    pub write_back: WriteBack,
    /// With --notify interrupt or hybrid: frames that one interrupt stands for.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub coalesce_frames: u32,
    /// With --notify interrupt or hybrid: time in ns after which the card interrupts for fewer frames; 0: never.
    #[arg(long, value_name = "NS", default_value_t = 10_000)]
    pub coalesce_time: u64,
    /// Payload rate over all channels in Gb/s; as fast as the card takes it, if absent.
    #[arg(long, value_name = "GBPS")]
    pub rate: Option<f64>,
    /// `capture` or `capture:SCALE`: packets at their own time stamps, times SCALE (0.001: a thousand times as fast).
    #[arg(long, value_name = "PACE", conflicts_with = "rate")]
    pub pace: Option<String>,
    /// Clocks between the frames of a channel; with --rate or --pace: at least.
    #[arg(long, value_name = "CLOCKS", default_value_t = 0)]
    pub pause: u32,
    /// All that is random descends from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Damages TLPs and DLLPs on the link, both ways, so many of a million: they are replayed, and nothing of it may be seen but the delay.
    #[arg(long, value_name = "PPM", default_value_t = 0)]
    pub link_errors: u32,
    /// Makes it hard for card and driver, within the rules: several by commas.
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    pub stress: Vec<StressKind>,
    /// Clocks without progress after which the run is a failure.
    #[arg(long, value_name = "CLOCKS", default_value_t = 2_500_000)]
    pub patience: u64,
    /// Plants faults, to see them found; may be given several times. KIND.WHAT, then @N, @N+STEP or %P, then filters such as /ch=0 or /times=3:
    /// payload.poison@3, cpl.ur@3, mwr.drop%0.01, irq.delay(500)@2, mrd.timeout@1/ch=0, up.cpl.ur@40; in short flip-byte@N,
    /// drop-interrupt@N, repeat-frame@N. Of the link below TLPs: link.lcrc@3, down.link.lcrc%0.001, link.lost@5..9, link.ack@2, link.update-fc@4,
    /// link.flap(500)@20000.
    #[arg(long = "fault", value_name = "RULE")]
    pub faults: Vec<Fault>,
    /// Writes what the host received; a pcap, if the input is one and the name ends in .pcap.
    #[arg(long, value_name = "FILE")]
    pub output: Option<String>,
    /// Waveforms.
    #[command(flatten)]
    pub waves: super::WavesOptions,
    /// TLPs that the report of a failure shows: the last N that passed the link.
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub trace: usize,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// No progress on stderr.
    #[arg(long, short)]
    pub quiet: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        // Parsing costs more than a short run.
        static TYPED: LazyLock<RunOptions> = LazyLock::new(|| RunOptions::typed(&[]).expect("the defaults parse"));
        TYPED.clone()
    }
}

impl RunOptions {
    /// As typed after `silico run`.
    ///
    /// # Errors
    /// What the parser says.
    pub fn typed(args: &[&str]) -> Result<Self, clap::Error> {
        let typed = ["silico", "run"].iter().chain(args).map(ToString::to_string);
        match Cli::try_parse_from(typed)?.command {
            Some(Command::Run(options)) => Ok(*options),
            _ => unreachable!("`run` was given"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn units_ranges_and_faults_are_understood() {
        let options = RunOptions::typed(&["--ring-size", "64KiB", "--frame-size", "64..1500", "--fault", "flip-byte@3", "a.pcap"]).unwrap();
        assert_eq!(options.ring_size, 65536);
        assert_eq!(options.frame_size, FrameSizes::Uniform(64, 1500));
        assert_eq!(options.faults[0].to_string(), "payload.corrupt(data[0]^0xff)@3");
        assert_eq!(options.input.as_deref(), Some("a.pcap"));
    }

    #[test]
    fn what_cannot_be_parsed_says_what_would_be() {
        for (args, right) in [
            (["--ring-size", "big"], "number of bytes"),
            (["--fault", "flood"], "flip-byte@N"),
            (["--frame-size", "9..3"], "range"),
            (["--write-back", "0"], "8:1000"),
        ] {
            let error = RunOptions::typed(&args).unwrap_err().to_string();
            assert!(error.lines().next().unwrap().contains(right), "{error}");
        }
    }
}
