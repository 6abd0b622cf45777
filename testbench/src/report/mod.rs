//! What a run found, as data. Serialises as it stands; [`text`] makes it readable. Knows nothing of how it was measured.

pub mod text;

use crate::check::conservation::Books;
use crate::fault::{FaultLog, Harm, LinkRule, Notice, Planted};
use crate::scoreboard::Checked;
use crate::waves::Written;
use serde::Serialize;
use silico_sim::Machine;

/// A whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The command that repeats the run.
    pub command: String,
    /// Whether nothing was found wrong.
    pub passed: bool,
    /// What was found wrong first.
    pub finding: Option<Finding>,
    /// The waveform that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waves: Option<Written>,
    /// Faults that were planted, if any were to be.
    pub faults: Option<FaultsPart>,
    /// What was read out.
    pub input: InputPart,
    /// What it was read out with.
    pub setup: SetupPart,
    /// Frames that the host took.
    pub frames: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// What was checked.
    pub integrity: Checked,
    /// What came of e-links, in block mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elinks: Option<Elinks>,
    /// Frames accounted for, per channel; empty if the run ended early.
    pub books: Vec<Books>,
    /// Simulated time and rates.
    pub simulated: SimulatedPart,
    /// Where clocks went, per channel; empty if the card's counters could not be read.
    pub stalls: Vec<Stalls>,
    /// What went wrong on the link below TLPs, and was put right; absent if nothing did.
    pub link: Option<LinkPart>,
    /// What it cost the host.
    pub host: HostPart,
    /// From a frame's first beat at the front end (its time stamp) to the driver having handled it.
    pub latency: Option<Latency>,
    /// Hash over all that passed the link: equal for equal runs.
    pub trace_digest: String,
    /// Wall clock. The only part that differs between equal runs.
    pub wall: WallPart,
}

/// Chunks of e-links over all channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Elinks {
    /// E-links of each channel.
    pub links: u16,
    /// Chunks that came and were compared.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that the card had cut.
    pub truncated: u64,
    /// Blocks found missing.
    pub lost_blocks: u64,
    /// Chunks after a gap, too short to tell which ones they are.
    pub unplaced: u64,
}

impl Elinks {
    /// The sum of both; the number of e-links is that of `sum`.
    #[must_use]
    pub const fn added_to(self, sum: Self) -> Self {
        Self {
            links: sum.links,
            chunks: sum.chunks + self.chunks,
            bytes: sum.bytes + self.bytes,
            truncated: sum.truncated + self.truncated,
            lost_blocks: sum.lost_blocks + self.lost_blocks,
            unplaced: sum.unplaced + self.unplaced,
        }
    }
}

/// What was found wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `divergence`, `violation`, `liveness`, `conservation`, `driver`, `lockstep`, `transactions` or `unnoticed` (a harmful fault was planted and nobody noticed).
    pub kind: &'static str,
    /// When it was seen.
    pub cycle: u64,
    /// What it was.
    pub what: String,
    /// TLPs that had passed the link by then, both ways.
    pub tlps: u64,
    /// The last of them.
    pub trace: Vec<String>,
}

/// Faults that were planted, and who noticed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FaultsPart {
    /// The first of them, in the order of time.
    pub planted: Vec<PlantedPart>,
    /// How many in all.
    pub total: u64,
    /// How many of each rule, in the order in which they were given.
    pub rules: Vec<RulePart>,
    /// How many of each rule of the link, as the machine counted.
    pub link: Vec<RulePart>,
    /// The worst that they may do: `benign`, `recoverable` or `harmful`; nothing was planted: none.
    pub worst: Option<&'static str>,
    /// Who noticed that something was wrong. Notices are of the run, not of one fault.
    pub noticed: Vec<Notice>,
}

/// What came of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RulePart {
    /// The rule.
    pub rule: String,
    /// How often it struck.
    pub planted: u64,
}

/// One fault.
#[derive(Clone, Debug, Serialize)]
pub struct PlantedPart {
    /// By which rule.
    pub rule: String,
    /// When.
    pub cycle: u64,
    /// `benign`, `recoverable` or `harmful`.
    pub harm: &'static str,
    /// The TLP as it was sent, and which way.
    pub tlp: String,
}

impl FaultsPart {
    /// Of what was planted at the port and on the link, and of what was noticed.
    #[must_use]
    pub fn new(log: &FaultLog, link: &[LinkRule], machine: &Machine, noticed: Vec<Notice>) -> Self {
        let part = |one: &Planted| PlantedPart { rule: one.rule.to_string(), cycle: one.cycle.0, harm: one.harm().word(), tlp: one.tlp() };
        let planted = log.records().iter().map(part).collect();
        let rules = log.counts().into_iter().map(|(rule, planted)| RulePart { rule: rule.to_string(), planted }).collect();
        let struck = |rule: &LinkRule| rule.struck(machine.stats(), machine.now());
        let worst = link.iter().filter(|rule| struck(rule) > 0).map(LinkRule::harm).chain(log.worst()).max();
        let link: Vec<RulePart> = link.iter().map(|rule| RulePart { rule: rule.to_string(), planted: struck(rule) }).collect();
        let total = log.total() + link.iter().map(|rule| rule.planted).sum::<u64>();
        Self { planted, total, rules, link, worst: worst.map(Harm::word), noticed }
    }
}

/// What was read out.
#[derive(Clone, Debug, Serialize)]
pub struct InputPart {
    /// Where frames came from.
    pub name: String,
    /// Frames to send.
    pub frames: u64,
    /// What its frames are: `packets`, `pieces` of a file, or `frames` of a generator.
    pub kind: &'static str,
    /// Frames that the input holds; it is repeated if there are fewer than to send.
    pub pieces: u64,
    /// Shortest and longest frame in bytes.
    pub sizes: (u32, u32),
}

/// What it was read out with.
#[derive(Clone, Debug, Serialize)]
pub struct SetupPart {
    /// Where the card is.
    pub target: String,
    /// Channels.
    pub channels: u8,
    /// Bytes of each ring.
    pub ring_bytes: u64,
    /// Its pages, if they are no ring.
    pub pages: Option<PagesPart>,
    /// Generation and lanes, as in "Gen 3 x8".
    pub link: String,
    /// Max_Payload_Size in use.
    pub mps: u32,
    /// Max_Read_Request_Size in use.
    pub mrrs: u32,
    /// Bits of the port.
    pub port_bits: u32,
    /// How the driver learns of frames.
    pub notify: String,
    /// What happens when a FIFO is full.
    pub full: String,
    /// Seed.
    pub seed: u64,
}

/// How pages were used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PagesPart {
    /// Bytes of a page.
    pub bytes: u64,
    /// Frames share pages.
    pub packed: bool,
}

/// Simulated time and rates.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SimulatedPart {
    /// Clocks from the start of the first channel (a generator) or of the front ends to the last frame.
    pub cycles: u64,
    /// The same in ns.
    pub ns: f64,
    /// Payload, Gb/s.
    pub payload_gbps: f64,
    /// Payload that the link could carry at most in the TLPs of this run, Gb/s; unknown if some of them hold frames that were never delivered.
    pub limit_gbps: Option<f64>,
    /// The first in percent of the second: how busy the link was.
    pub percent: Option<f64>,
    /// Mean payload of a DMA write, bytes.
    pub tlp_bytes: f64,
    /// What the link carries in writes of MPS bytes, Gb/s.
    pub mps_gbps: f64,
    /// What is left of the link after encoding and DLLPs, Gb/s.
    pub tlp_gbps: f64,
    /// What the port moves at most, Gb/s.
    pub port_gbps: f64,
    /// Clocks in which a beat left the card, percent; unknown if the card's counters could not be read.
    pub port_busy_percent: Option<f64>,
}

/// Where a channel's clocks went.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Stalls {
    /// The channel.
    pub channel: u8,
    /// Beats sent.
    pub beats: u64,
    /// Had a TLP and no credits.
    pub no_credit: u64,
    /// Had data and no room in the ring.
    pub no_buffer: u64,
    /// Had nothing to send.
    pub no_data: u64,
    /// Had a TLP and waited for its turn.
    pub no_grant: u64,
    /// The front end had a beat that was not taken.
    pub front_held: u64,
}

/// The link below TLPs, since the machine was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkPart {
    /// TLPs from the card, and what answered them.
    pub to_host: LinkWay,
    /// TLPs to the card, and what answered them.
    pub to_card: LinkWay,
    /// UpdateFC DLLPs that were damaged, both ways.
    pub damaged_updates: u64,
    /// Times that the link was retrained.
    pub retrains: u64,
    /// Clocks in which the link took nothing from the card.
    pub not_ready: u64,
}

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkWay {
    /// TLPs that were damaged or lost.
    pub damaged: u64,
    /// Naks.
    pub naks: u64,
    /// Acks and Naks that were damaged.
    pub damaged_acks: u64,
    /// Expiries of REPLAY_TIMER.
    pub timeouts: u64,
    /// Replays.
    pub replays: u64,
    /// TLPs that were sent again.
    pub replayed: u64,
    /// TLPs that came twice and were discarded.
    pub duplicates: u64,
    /// Times that the replay buffer was full.
    pub full: u64,
}

/// What a run cost the host.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct HostPart {
    /// Interrupts delivered.
    pub interrupts: u64,
    /// Reads of registers once all channels ran.
    pub mmio_reads: u64,
    /// Writes of registers once all channels ran, doorbells included.
    pub mmio_writes: u64,
    /// Doorbells.
    pub doorbells: u64,
    /// Write-back blocks received.
    pub write_backs: u64,
    /// DMA writes received.
    pub dma_writes: u64,
    /// Their bytes.
    pub dma_bytes: u64,
}

/// Percentiles of a latency, in ns: the least value that is not exceeded by this part of the frames, exact to three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// By half.
    pub p50: u64,
    /// By nine in ten.
    pub p90: u64,
    /// By all but one in a hundred.
    pub p99: u64,
    /// By all but one in a thousand.
    pub p999: u64,
    /// The longest, exact.
    pub max: u64,
}

/// What the run took in wall-clock time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct WallPart {
    /// Seconds.
    pub seconds: f64,
    /// Simulated clocks a second.
    pub clocks_per_s: f64,
    /// Payload bytes a second.
    pub bytes_per_s: f64,
    /// Frames a second.
    pub frames_per_s: f64,
    /// Wall-clock time as a multiple of simulated time.
    pub slowdown: f64,
    /// Clocks passed in one step, on average: above one, time was skipped.
    pub clocks_per_step: f64,
}
