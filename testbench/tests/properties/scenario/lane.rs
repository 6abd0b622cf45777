//! A card-to-host channel of a case as plain data; [`LaneShape::config`] and [`LaneShape::page_config`] make something legal of whatever the numbers are.

use super::wait::{WaitKind, coalescing, wait_mode};
use serde::{Deserialize, Serialize};
use silico_driver::channel::{
    BusyThresholds, DataInterrupt, Generator, Lengths, Progress, RingConfig, Source, WaitMode, WhenFull, WriteBackPolicy,
};
use silico_driver::pages::PageConfig;
use silico_spec::descriptor::PAGE_GRID;
use silico_spec::frame::HEADER_BYTES;

/// Bytes that a ring is a multiple of.
pub(crate) const PAGE: u64 = 4096;

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
    /// Entries of the completion ring beyond those that the longest frame needs; `None`: as many as pages.
    #[serde(default)]
    pub(crate) spare_entries: Option<u16>,
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
        let needed = self.pages_of_a_frame() + u32::from(paged.packed) + 1;
        u32::from(paged.keep).min(paged.entries().saturating_sub(needed))
    }

    /// Pages that the longest frame may lie in.
    fn pages_of_a_frame(&self) -> u32 {
        let Some(paged) = &self.paged else { return 0 };
        (self.max_frame() + HEADER_BYTES).div_ceil(paged.bytes()) + u32::from(paged.packed)
    }

    /// The configuration of a channel with pages, if it has some.
    pub(crate) fn page_config(&self, vector: u8, fifo_bytes: u32) -> Option<PageConfig> {
        let paged = self.paged.as_ref()?;
        let like = self.config(vector, fifo_bytes);
        Some(PageConfig {
            pages: paged.entries(),
            completion_entries: paged.spare_entries.map(|spare| (self.pages_of_a_frame() + u32::from(spare)).clamp(2, paged.entries())),
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
        coalescing(self.interrupt, self.wait)
    }

    pub(crate) fn wait_mode(&self, kind: WaitKind) -> WaitMode {
        wait_mode(kind, self.coalescing().is_some())
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
