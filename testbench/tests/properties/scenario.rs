//! What a property is tried on: a machine, the channels of a card, and a list of operations. Plain data that can be written down and read back;
//! whatever the numbers are, [`MachineShape::config`] and [`LaneShape::config`] make something legal of them, so that shrinking is free to try any.

use crate::link::LinkShape;
use serde::{Deserialize, Serialize};
use silico_driver::channel::{
    BusyThresholds, DataInterrupt, Generator, Lengths, Progress, RingConfig, Source, WaitMode, WhenFull, WriteBackPolicy,
};
use silico_driver::h2c::{Output, SendConfig, SendProgress, SendWriteBack, SpaceInterrupt};
use silico_driver::pages::PageConfig;
use silico_sim::{CompletionSplit, CpuCosts, Distribution, Generation, HostConfig, LinkConfig, MachineConfig, Placement};
use silico_spec::credit::{Limit, data_credits};
use silico_spec::descriptor::PAGE_GRID;
use silico_spec::frame::HEADER_BYTES;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::units::Cycles;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Bytes that a ring is a multiple of.
pub(crate) const PAGE: u64 = 4096;
/// A CPU whose work takes no time.
const IDLE_CPU: CpuCosts = CpuCosts { mmio_store: 0, cached_load: 0, missed_load: 0, per_frame: 0, per_kib: 0 };
/// Longest polling of a hybrid wait, in ns.
const HYBRID_POLL_NS: u64 = 2_000;

/// A whole case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) machine: MachineShape,
    pub(crate) lanes: Vec<LaneShape>,
    /// Host-to-card channels.
    #[serde(default)]
    pub(crate) senders: Vec<SenderShape>,
    pub(crate) ops: Vec<Op>,
    /// Rules of faults at the port, in the words of `silico_sim::fault`.
    #[serde(default)]
    pub(crate) faults: Vec<String>,
    /// Operations that were begun: shrinking first cuts off those that were not.
    #[serde(skip)]
    pub(crate) seen: Seen,
}

impl Scenario {
    /// The sender that loops into the last lane, if there is one.
    pub(crate) fn feeder(&self) -> Option<usize> {
        self.senders.iter().position(|sender| sender.to == SendTo::Loop)
    }
}

/// Clocks after which a card in a case with faults gives up a read.
pub(crate) const READ_TIMEOUT: u32 = 200_000;

/// A counter that is no part of what the case is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) Option<Arc<AtomicUsize>>);

impl PartialEq for Seen {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Card and host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MachineShape {
    pub(crate) seed: u64,
    pub(crate) generation: u8,
    pub(crate) link_lanes_log2: u8,
    pub(crate) mps_log2: u8,
    /// One way, in clocks.
    pub(crate) latency: u64,
    /// Posted headers and data credits beyond the legal minimum; `None`: infinite.
    pub(crate) posted: Option<(u8, u16)>,
    pub(crate) update_log2: u8,
    pub(crate) transmit_tlps: u32,
    pub(crate) width_log2: u8,
    pub(crate) fifo_log2: u8,
    pub(crate) fifo_frames: u16,
    /// From and to, in ns.
    pub(crate) write_ns: (u32, u32),
    pub(crate) interrupt_ns: (u32, u32),
    pub(crate) mmio_read_ns: (u32, u32),
    /// 0 low, 1 high, 2 mixed.
    pub(crate) placement: u8,
    #[serde(default)]
    pub(crate) reads: ReadShape,
    #[serde(default)]
    pub(crate) link: LinkShape,
    /// CPU work costs nothing, and the trace is kept: what passes is the card's doing alone.
    #[serde(default)]
    pub(crate) steady: bool,
}

/// What the card's reads meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReadShape {
    pub(crate) mrrs_log2: u8,
    pub(crate) rcb_128: bool,
    /// Non-posted headers and data credits beyond one of each; `None`: infinite.
    pub(crate) non_posted: Option<(u8, u8)>,
    /// Completion headers and data credits beyond the legal minimum; `None`: infinite.
    pub(crate) completion: Option<(u8, u16)>,
    /// From and to, in ns.
    pub(crate) read_ns: (u32, u32),
    pub(crate) reorder: bool,
    /// 0 largest, 1 smallest, 2 random.
    pub(crate) split: u8,
    /// Of the card.
    pub(crate) tags: u16,
    pub(crate) buffer_log2: u8,
    pub(crate) np_depth: u8,
}

impl Default for ReadShape {
    /// As machines were before reads were drawn.
    fn default() -> Self {
        Self {
            mrrs_log2: 9,
            rcb_128: false,
            non_posted: Some((95, 95)),
            completion: None,
            read_ns: (180, 600),
            reorder: true,
            split: 2,
            tags: 256,
            buffer_log2: 16,
            np_depth: 8,
        }
    }
}

pub(crate) fn uniform((min, max): (u32, u32)) -> Distribution {
    Distribution::Uniform { min: min.min(max), max: max.max(min) }
}

impl MachineShape {
    pub(crate) fn mps(&self) -> u32 {
        1 << self.mps_log2.clamp(7, 10)
    }

    pub(crate) fn card(&self, lanes: usize, senders: usize) -> CardParams {
        CardParams {
            h2c_channels: (senders as u8).max(1),
            read_tags: self.reads.tags.clamp(1, 256),
            h2c_buffer_bytes: 1 << self.reads.buffer_log2.clamp(13, 20),
            np_depth: self.reads.np_depth.clamp(1, 64),
            width: DataWidth::from_bits(64 << self.width_log2.min(3)).expect("64 to 512"),
            c2h_channels: lanes as u8,
            fifo_bytes: 1 << self.fifo_log2.clamp(11, 20),
            fifo_frames: self.fifo_frames.clamp(2, 1024),
            ..CardParams::default()
        }
    }

    pub(crate) fn config(&self) -> MachineConfig {
        let largest = data_credits(self.mps());
        let posted = self.posted.map(|(headers, data)| Limit::initial((1 + headers).min(127), (largest + data).min(2047)));
        let mut config = MachineConfig {
            seed: self.seed,
            link: LinkConfig {
                generation: Generation::from_number(self.generation.clamp(1, 5)).expect("1 to 5"),
                lanes: 1 << self.link_lanes_log2.min(4),
                max_payload: self.mps(),
                max_read_request: 1 << self.reads.mrrs_log2.clamp(7, 12),
                rcb: if self.reads.rcb_128 { 128 } else { 64 },
                non_posted: self
                    .reads
                    .non_posted
                    .map_or(Limit::INFINITE, |(headers, data)| Limit::initial((1 + headers).min(127), 1 + u16::from(data))),
                completion: self
                    .reads
                    .completion
                    .map_or(Limit::INFINITE, |(headers, data)| Limit::initial((1 + headers).min(127), (largest + data).min(2047))),
                latency: Cycles(self.latency.max(1)),
                posted: posted.unwrap_or(Limit::INFINITE),
                update_interval: Cycles(1 << self.update_log2.min(9)),
                transmit_tlps: self.transmit_tlps.clamp(2, 64),
                ..LinkConfig::default()
            },
            host: HostConfig {
                placement: [Placement::Low, Placement::High, Placement::Mixed][usize::from(self.placement % 3)],
                write_latency: uniform(self.write_ns),
                interrupt_latency: uniform(self.interrupt_ns),
                mmio_read_latency: uniform(self.mmio_read_ns),
                read_latency: uniform(self.reads.read_ns),
                reorder: self.reads.reorder,
                cpu: if self.steady { IDLE_CPU } else { CpuCosts::default() },
                split: [CompletionSplit::Largest, CompletionSplit::Smallest, CompletionSplit::Random][usize::from(self.reads.split % 3)],
                ..HostConfig::default()
            },
            trace: if self.steady { 4096 } else { 64 },
            ..MachineConfig::default()
        };
        self.link.apply(&mut config);
        config
    }

    /// Clocks within which the card gets one more read answered, however few credits and tags it has.
    pub(crate) fn clocks_per_read(&self) -> u64 {
        let config = self.config();
        let wire = f64::from(config.link.max_read_request.min(512) * 2 + 200) * 8.0
            / config.link.tlp_gbps()
            / (f64::from(config.clock_ps) / 1000.0);
        let read = u64::from(self.reads.read_ns.0.max(self.reads.read_ns.1)) * 1000 / u64::from(config.clock_ps);
        wire as u64 + read + 2 * self.clocks_per_tlp()
    }

    /// Clocks within which the card gets one more TLP through, however few credits it has: serialised, over the link, made visible, and the update
    /// back, if there is one to wait for.
    pub(crate) fn clocks_per_tlp(&self) -> u64 {
        let config = self.config();
        let bytes = f64::from(self.mps() + 24) * 8.0;
        let wire = bytes / config.link.tlp_gbps() / (f64::from(config.clock_ps) / 1000.0);
        let write = u64::from(self.write_ns.0.max(self.write_ns.1)) * 1000 / u64::from(config.clock_ps);
        wire as u64
            + 2 * config.link.latency.0
            + write
            + config.link.update_interval.0
            + u64::from(self.mps() / 8)
            + 16
            + self.link.clocks_per_tlp(self.mps().into())
    }
}

/// A channel and the driver's view of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LaneShape {
    /// `None`: fed by the front end.
    pub(crate) generator: Option<GeneratorShape>,
    pub(crate) pages: u64,
    pub(crate) drop: bool,
    /// Frames, bytes, clocks; `None`: the driver reads registers.
    pub(crate) write_back: Option<(u32, u32, u32)>,
    pub(crate) max_frame: u32,
    pub(crate) relaxed: bool,
    pub(crate) no_snoop: bool,
    /// Assert and release, in 256ths of the FIFO.
    pub(crate) busy: (u8, u8),
    /// Frames and clocks of coalescing.
    pub(crate) interrupt: Option<(u32, u32)>,
    pub(crate) wait: WaitKind,
    /// In 32nds of the ring; 0: as the driver chooses.
    pub(crate) give_back: u8,
    /// Pages in place of the ring.
    #[serde(default)]
    pub(crate) paged: Option<PagedShape>,
}

/// Pages of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PagedShape {
    pub(crate) pages: u16,
    /// Bytes of each, in units of 32.
    pub(crate) grids: u16,
    pub(crate) packed: bool,
    /// Clocks after which a page that is packed is completed although it has room.
    pub(crate) flush: u32,
    /// Pages that the reader keeps, as far as enough are left.
    pub(crate) keep: u16,
}

impl PagedShape {
    fn bytes(&self) -> u32 {
        PAGE_GRID * u32::from(self.grids.clamp(1, 512))
    }

    fn entries(&self) -> u32 {
        // The smallest pages hold a header each: a frame takes some.
        let least = if self.bytes() < 96 { 6 } else { 2 };
        u32::from(self.pages).clamp(least, 300)
    }

    /// Most payload of a frame: header and payload fit the pages, and packed ones may begin behind another frame.
    fn most(&self) -> u32 {
        let whole = if self.packed { (self.entries() - 1).max(1) } else { self.entries() };
        whole * self.bytes() - HEADER_BYTES
    }
}

/// A generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GeneratorShape {
    pub(crate) min: u32,
    pub(crate) span: u32,
    pub(crate) pause: u32,
    pub(crate) rate: u32,
    pub(crate) seed: u64,
    /// 0: without end.
    pub(crate) count: u64,
}

/// How a wait waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WaitKind {
    Poll,
    Interrupt,
    Hybrid,
}

/// Least beats per 65536 clocks of a generator.
pub(crate) const LEAST_RATE: u32 = 2000;

impl LaneShape {
    pub(crate) fn ring_bytes(&self) -> u64 {
        self.pages.clamp(1, 1024) * PAGE
    }

    pub(crate) fn max_frame(&self) -> u32 {
        // A generator's frame is told from its neighbours by its first word.
        let least = if self.generator.is_some() { 8 } else { 1 };
        let most = self.paged.as_ref().map_or(self.ring_bytes() as u32 - HEADER_BYTES, PagedShape::most);
        self.max_frame.clamp(least, most)
    }

    /// Entries of free list and completion ring, if there are pages.
    pub(crate) fn page_entries(&self) -> Option<u32> {
        self.paged.as_ref().map(PagedShape::entries)
    }

    pub(crate) fn page_bytes(&self) -> Option<u32> {
        self.paged.as_ref().map(PagedShape::bytes)
    }

    /// Pages that the reader may keep: with those that it is reading, the greatest frame still finds room.
    pub(crate) fn most_kept(&self) -> u32 {
        let Some(paged) = &self.paged else { return 0 };
        let needed = (self.max_frame() + HEADER_BYTES).div_ceil(paged.bytes()) + 2 * u32::from(paged.packed) + 1;
        u32::from(paged.keep).min(paged.entries().saturating_sub(needed))
    }

    /// The configuration of a channel with pages, if it has some.
    pub(crate) fn page_config(&self, vector: u8, fifo_bytes: u32) -> Option<PageConfig> {
        let paged = self.paged.as_ref()?;
        let like = self.config(vector, fifo_bytes);
        Some(PageConfig {
            pages: paged.entries(),
            page_bytes: paged.bytes(),
            packed: paged.packed,
            // Without a timer the last frames would lie there for ever.
            flush_time: if paged.packed { paged.flush.max(1) } else { 0 },
            source: like.source,
            when_full: like.when_full,
            max_frame: like.max_frame,
            relaxed: like.relaxed,
            no_snoop: like.no_snoop,
            busy: like.busy,
            write_back: match like.progress {
                Progress::WriteBack(policy) => Some(policy),
                Progress::Register => None,
            },
            interrupt: like.interrupt,
            wait: like.wait,
            give_back_pages: (self.give_back != 0).then(|| (paged.entries() * u32::from(self.give_back.min(32)) / 32).max(1)),
        })
    }

    /// Coalescing, with a timer where fewer frames than it waits for may be the last.
    pub(crate) fn coalescing(&self) -> Option<(u32, u32)> {
        let needed = self.interrupt.or((self.wait != WaitKind::Poll).then_some((1, 0)));
        needed.map(|(frames, time)| (frames, if frames > 1 { time.max(1) } else { time }))
    }

    pub(crate) fn wait_mode(&self, kind: WaitKind) -> WaitMode {
        match kind {
            _ if self.coalescing().is_none() => WaitMode::Poll,
            WaitKind::Poll => WaitMode::Poll,
            WaitKind::Interrupt => WaitMode::Interrupt,
            WaitKind::Hybrid => WaitMode::Hybrid { max_poll_ns: HYBRID_POLL_NS },
        }
    }

    /// Clocks that a frame may lie in the ring before the host is told of it.
    pub(crate) fn tell_clocks(&self) -> u64 {
        u64::from(self.write_back.map_or(0, |(_, _, time)| time))
            + u64::from(self.coalescing().map_or(0, |(_, time)| time))
            + u64::from(self.paged.as_ref().map_or(0, |paged| paged.flush))
    }

    pub(crate) fn config(&self, vector: u8, fifo_bytes: u32) -> RingConfig {
        let source = self.generator.as_ref().map_or(Source::FrontEnd, |made| {
            // Zero-length frames are all alike: where frames may be missing, nobody could tell which.
            let min = if self.drop { made.min.max(8) } else { made.min };
            Source::Generator(Generator {
                lengths: Lengths::Uniform { min, max: min + made.span },
                source: u16::from(vector) + 0x50,
                pause: made.pause,
                rate: made.rate.clamp(LEAST_RATE, 65_536),
                seed: made.seed,
                count: made.count,
                blocks: None,
            })
        });
        let progress = self.write_back.map_or(Progress::Register, |(frames, bytes, time)| {
            Progress::WriteBack(WriteBackPolicy { frames, bytes, time: if frames == 1 { time } else { time.max(1) } })
        });
        let assert = (u64::from(fifo_bytes) * u64::from(self.busy.0) / 256) as u32;
        let release = (u64::from(assert) * u64::from(self.busy.1) / 256) as u32;
        let busy = if assert == 0 || release == 0 { BusyThresholds::default() } else { BusyThresholds { assert, release } };
        RingConfig {
            ring_bytes: self.ring_bytes(),
            source,
            when_full: if self.drop { WhenFull::Drop } else { WhenFull::Stall },
            progress,
            max_frame: self.max_frame(),
            relaxed: self.relaxed,
            no_snoop: self.no_snoop,
            busy,
            interrupt: self.coalescing().map(|(frames, time)| DataInterrupt { vector, frames, time, error_vector: vector }),
            wait: self.wait_mode(self.wait),
            give_back_bytes: (self.give_back != 0).then(|| self.ring_bytes() / 32 * u64::from(self.give_back.min(32))),
        }
    }
}

/// Where a host-to-card channel sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SendTo {
    Stream,
    Sink,
    /// Into the last lane, which then has no other source. Of several, the first one; the others send to the sink.
    Loop,
}

/// A host-to-card channel and the driver's view of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SenderShape {
    pub(crate) entries: u32,
    /// Of staging memory.
    pub(crate) pages: u64,
    pub(crate) to: SendTo,
    /// Descriptors, clocks; `None`: the driver reads registers.
    pub(crate) write_back: Option<(u32, u32)>,
    pub(crate) relaxed: bool,
    pub(crate) no_snoop: bool,
    /// Descriptors and clocks of coalescing.
    pub(crate) interrupt: Option<(u32, u32)>,
    pub(crate) wait: WaitKind,
    pub(crate) batch: u32,
}

impl SenderShape {
    pub(crate) fn entries(&self) -> u32 {
        self.entries.clamp(2, 1024)
    }

    pub(crate) fn staging(&self) -> u64 {
        self.pages.clamp(1, 64) * PAGE
    }

    /// Coalescing, with a timer where fewer descriptors than it waits for may be the last.
    pub(crate) fn coalescing(&self) -> Option<(u32, u32)> {
        let needed = self.interrupt.or((self.wait != WaitKind::Poll).then_some((1, 0)));
        needed.map(|(count, time)| (count, if count > 1 { time.max(1) } else { time }))
    }

    pub(crate) fn wait_mode(&self, kind: WaitKind) -> WaitMode {
        match kind {
            _ if self.coalescing().is_none() => WaitMode::Poll,
            WaitKind::Poll => WaitMode::Poll,
            WaitKind::Interrupt => WaitMode::Interrupt,
            WaitKind::Hybrid => WaitMode::Hybrid { max_poll_ns: HYBRID_POLL_NS },
        }
    }

    /// Clocks that a descriptor may be done before the host is told of it.
    pub(crate) fn tell_clocks(&self) -> u64 {
        u64::from(self.write_back.map_or(0, |(_, time)| time)) + u64::from(self.coalescing().map_or(0, |(_, time)| time))
    }

    pub(crate) fn config(&self, vector: u8, output: Output) -> SendConfig {
        let write_back =
            |(every, time): (u32, u32)| SendProgress::WriteBack(SendWriteBack { every, time: if every == 1 { time } else { time.max(1) } });
        SendConfig {
            entries: self.entries(),
            staging_bytes: self.staging(),
            output,
            progress: self.write_back.map_or(SendProgress::Register, write_back),
            relaxed: self.relaxed,
            no_snoop: self.no_snoop,
            interrupt: self.coalescing().map(|(count, time)| SpaceInterrupt { vector, count, time, error_vector: vector }),
            wait: self.wait_mode(self.wait),
            batch: self.batch.clamp(1, self.entries()),
        }
    }
}

/// How far a reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    /// By the card's own register.
    Card,
    /// Function-level reset.
    Function,
    /// In band.
    Hot,
    /// The link goes down, as when the card is pulled out, and comes up again.
    Link,
}

impl Level {
    pub(crate) const ALL: [Self; 4] = [Self::Card, Self::Function, Self::Hot, Self::Link];
}

/// One thing that happens. Lanes and senders are taken modulo how many there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    /// `count` frames of `len` bytes at a front end, each `pause` clocks after the one before.
    Feed {
        lane: u8,
        count: u8,
        len: u32,
        pause: u32,
        error: bool,
    },
    /// Time passes.
    Advance(u32),
    /// Takes up to that many frames.
    Poll {
        lane: u8,
        frames: u8,
    },
    /// Takes a frame and looks at it again after that many clocks, before it is given back.
    Hold {
        lane: u8,
        clocks: u32,
    },
    GiveBack(u8),
    /// The driver's wait, with a deadline.
    Wait {
        lane: u8,
        kind: WaitKind,
        ns: u32,
    },
    /// Arms and sleeps by hand: the interrupt must have a frame behind it, and come if there is one.
    ArmAndSleep {
        lane: u8,
        ns: u32,
    },
    Stop(u8),
    /// Arms by hand, feeds a frame, and stops after that many clocks: the sleeper is told of it.
    ArmAndStop {
        lane: u8,
        clocks: u32,
    },
    Start(u8),
    Restart(u8),
    Reset(u8),
    /// Closes the channel and opens it in another shape.
    Reopen {
        lane: u8,
        shape: Box<LaneShape>,
    },
    /// The channel's vector, through BAR2.
    Mask {
        lane: u8,
        on: bool,
    },
    /// Other coalescing, under a running channel.
    Coalesce {
        lane: u8,
        frames: u32,
        time: u32,
    },
    /// 0: far ahead of the card, 1: off the grid, 2: backwards, 3: just ahead.
    BadDoorbell {
        lane: u8,
        kind: u8,
    },
    /// A start with one register wrong, which the card must refuse.
    Misconfigure {
        lane: u8,
        kind: u8,
    },
    MisconfigureSender {
        sender: u8,
        kind: u8,
    },
    /// The card's global enable.
    Enable(bool),
    /// `count` frames of `len` bytes; `parts`: 0 through staging memory, else out of a buffer of the host in so many descriptors.
    Send {
        sender: u8,
        count: u8,
        len: u32,
        parts: u8,
    },
    /// Takes over what has been sent, and looks at what came out.
    Reap(u8),
    /// The driver's wait for all to be sent, with a deadline.
    AwaitSent {
        sender: u8,
        kind: WaitKind,
        ns: u32,
    },
    StopSender(u8),
    StartSender(u8),
    RestartSender(u8),
    ResetSender(u8),
    /// The sender's vector, through BAR2.
    MaskSender {
        sender: u8,
        on: bool,
    },
    /// 0: beyond the ring, 1: backwards.
    BadTail {
        sender: u8,
        kind: u8,
    },
    /// The function mask of MSI-X.
    MaskAll(bool),
    /// Bus Master Enable.
    BusMaster(bool),
    /// Counters of a lane and of the card, read in the middle of things.
    Snapshot(u8),
    /// Control words of a lane (2: its reset, 1: run, 0: stop) written one upon the other, so many clocks apart; then a reset, so that all is known.
    Rattle {
        lane: u8,
        words: Vec<u8>,
        clocks: u8,
    },
    /// A reset under everything that runs, and the way back: all is opened and started anew. `orderly`: channels are closed before it, else after it.
    Recover {
        level: Level,
        orderly: bool,
    },
}

impl Op {
    /// The lane that it is done to.
    pub(crate) const fn lane(&self) -> Option<u8> {
        match self {
            Self::Feed { lane, .. }
            | Self::Poll { lane, .. }
            | Self::Hold { lane, .. }
            | Self::GiveBack(lane)
            | Self::Wait { lane, .. }
            | Self::ArmAndSleep { lane, .. }
            | Self::Stop(lane)
            | Self::ArmAndStop { lane, .. }
            | Self::Start(lane)
            | Self::Restart(lane)
            | Self::Reset(lane)
            | Self::Reopen { lane, .. }
            | Self::Mask { lane, .. }
            | Self::Coalesce { lane, .. }
            | Self::BadDoorbell { lane, .. }
            | Self::Snapshot(lane)
            | Self::Misconfigure { lane, .. }
            | Self::Rattle { lane, .. } => Some(*lane),
            _ => None,
        }
    }

    /// The sender that it is done to.
    pub(crate) const fn sender(&self) -> Option<u8> {
        match self {
            Self::Send { sender, .. }
            | Self::Reap(sender)
            | Self::AwaitSent { sender, .. }
            | Self::StopSender(sender)
            | Self::StartSender(sender)
            | Self::RestartSender(sender)
            | Self::ResetSender(sender)
            | Self::MaskSender { sender, .. }
            | Self::BadTail { sender, .. }
            | Self::MisconfigureSender { sender, .. } => Some(*sender),
            _ => None,
        }
    }

    /// It needs a sender.
    pub(crate) const fn is_of_sender(&self) -> bool {
        use Op::{AwaitSent, BadTail, MaskSender, MisconfigureSender, Reap, ResetSender, RestartSender, Send, StartSender, StopSender};
        matches!(
            self,
            Send { .. }
                | Reap(_)
                | AwaitSent { .. }
                | StopSender(_)
                | StartSender(_)
                | RestartSender(_)
                | ResetSender(_)
                | MaskSender { .. }
                | BadTail { .. }
                | MisconfigureSender { .. }
        )
    }
}
