//! The configuration registers of a channel, as plain storage. A start takes a copy: what is written later counts from the next start.

use silico_spec::descriptor::{self, PAGE_COMPLETION_BYTES, PAGE_DESCRIPTOR_BYTES, RING_ENTRIES};
use silico_spec::elink;
use silico_spec::frame::{GRID, footprint};
use silico_spec::generator::{LengthMode, TABLE_ENTRIES};
use silico_spec::params::CardParams;
use silico_spec::registers::c2h as map;
use silico_spec::writeback::{self, ChannelError};

/// Smallest and largest ring.
const RING_BYTES: core::ops::RangeInclusive<u64> = 4 << 10..=1 << 40;
/// Rings start on, and are multiples of, this.
const RING_GRID: u64 = 4 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) ring_base: u64,
    pub(crate) ring_size: u64,
    pub(crate) wb_addr: u64,
    pub(crate) wb_frames: u32,
    pub(crate) wb_bytes: u32,
    pub(crate) wb_time: u32,
    pub(crate) config: u32,
    pub(crate) max_frame: u32,
    pub(crate) busy_assert: u32,
    pub(crate) busy_release: u32,
    pub(crate) gen_config: u32,
    pub(crate) gen_min: u32,
    pub(crate) gen_max: u32,
    pub(crate) gen_pause: u32,
    pub(crate) gen_rate: u32,
    pub(crate) gen_seed: u64,
    pub(crate) gen_count: u64,
    pub(crate) gen_table: [u32; TABLE_ENTRIES],
    pub(crate) gen_links: u32,
    pub(crate) gen_flush: u32,
    pub(crate) free_base: u64,
    pub(crate) comp_base: u64,
    pub(crate) free_entries: u32,
    pub(crate) comp_entries: u32,
    pub(crate) flush_time: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring_base: 0,
            ring_size: 0,
            wb_addr: 0,
            wb_frames: 0,
            wb_bytes: 0,
            wb_time: 0,
            config: 0,
            max_frame: map::MAX_FRAME_RESET as u32,
            busy_assert: 0,
            busy_release: 0,
            gen_config: 0,
            gen_min: 0,
            gen_max: 0,
            gen_pause: 0,
            gen_rate: map::GEN_RATE_RESET as u32,
            gen_seed: 0,
            gen_count: 0,
            gen_table: [0; TABLE_ENTRIES],
            gen_links: 0,
            gen_flush: 0,
            free_base: 0,
            comp_base: 0,
            free_entries: 0,
            comp_entries: 0,
            flush_time: 0,
        }
    }
}

impl Settings {
    fn flag(&self, field: silico_spec::registers::Field) -> bool {
        field.get(self.config.into()) != 0
    }

    pub(crate) fn generator(&self) -> bool {
        self.flag(map::config::GENERATOR)
    }

    /// The generator makes e-link blocks.
    pub(crate) fn blocks(&self) -> bool {
        self.generator() && map::gen_config::BLOCKS.get(self.gen_config.into()) != 0
    }

    /// Most payload bytes of a frame: a block is never cut.
    pub(crate) fn frame_limit(&self) -> u32 {
        if self.blocks() { elink::BLOCK_BYTES as u32 } else { self.max_frame }
    }

    pub(crate) fn drops(&self) -> bool {
        self.flag(map::config::DROP)
    }

    pub(crate) fn writes_back(&self) -> bool {
        self.flag(map::config::WRITE_BACK)
    }

    pub(crate) fn pace(&self) -> super::progress::Pace {
        let (wb_frames, wb_bytes, wb_time) = (self.wb_frames, self.wb_bytes, self.wb_time);
        super::progress::Pace { writes_back: self.writes_back(), wb_frames, wb_bytes, wb_time }
    }

    /// Pages instead of a ring.
    pub(crate) fn pages(&self) -> bool {
        self.flag(map::config::PAGES)
    }

    pub(crate) fn packed(&self) -> bool {
        self.flag(map::config::PACKED)
    }

    pub(crate) fn relaxed(&self) -> bool {
        self.flag(map::config::RELAXED)
    }

    pub(crate) fn no_snoop(&self) -> bool {
        self.flag(map::config::NO_SNOOP)
    }

    /// Mode 3 is refused at the start; see [`Settings::check`].
    pub(crate) fn gen_mode(&self) -> LengthMode {
        match map::gen_config::MODE.get(self.gen_config.into()) {
            0 => LengthMode::Fixed,
            1 => LengthMode::Uniform,
            _ => LengthMode::Table,
        }
    }

    pub(crate) fn gen_source(&self) -> u16 {
        map::gen_config::SOURCE.get(self.gen_config.into()) as u16
    }

    /// As taken by a start: zero thresholds replaced by what they stand for.
    pub(crate) fn resolved(mut self, params: &CardParams) -> Self {
        if self.busy_assert == 0 {
            self.busy_assert = params.fifo_bytes / 4 * 3;
        }
        if self.busy_release == 0 {
            self.busy_release = params.fifo_bytes / 2;
        }
        self
    }

    /// Whether a start may go ahead with these (resolved) settings; the value at fault goes into `ERROR_ADDR`.
    pub(crate) fn check(&self, params: &CardParams) -> Result<(), (ChannelError, u64)> {
        let longest = if self.pages() {
            self.check_pages()?;
            u64::MAX
        } else {
            self.check_ring()?;
            self.ring_size
        };
        if self.writes_back() && !writeback::is_place(self.wb_addr) {
            return Err((ChannelError::BadWriteBack, self.wb_addr));
        }
        if self.max_frame == 0 || self.max_frame > u32::MAX - GRID || footprint(self.frame_limit()) > longest {
            return Err((ChannelError::BadFrameLimit, self.max_frame.into()));
        }
        if self.busy_assert > params.fifo_bytes || self.busy_release > self.busy_assert {
            return Err((ChannelError::BadThreshold, self.busy_assert.into()));
        }
        let bad_mode = map::gen_config::MODE.get(self.gen_config.into()) == 3;
        let bad_range = self.gen_mode() == LengthMode::Uniform && self.gen_max < self.gen_min;
        if self.generator() && (bad_mode || bad_range || self.gen_rate > super::generator::FULL_RATE) {
            return Err((ChannelError::BadGenerator, self.gen_config.into()));
        }
        // The last e-link's number has 16 bits too.
        let bad_links =
            !(1..=u32::from(params.elinks)).contains(&self.gen_links) || u32::from(self.gen_source()) + self.gen_links > 1 << 16;
        if self.blocks() && bad_links {
            return Err((ChannelError::BadGenerator, self.gen_links.into()));
        }
        Ok(())
    }

    fn check_ring(&self) -> Result<(), (ChannelError, u64)> {
        let ring_ends = self.ring_base.checked_add(self.ring_size);
        if !self.ring_base.is_multiple_of(RING_GRID) || ring_ends.is_none() {
            return Err((ChannelError::BadRing, self.ring_base));
        }
        if !RING_BYTES.contains(&self.ring_size) || !self.ring_size.is_multiple_of(RING_GRID) {
            return Err((ChannelError::BadRing, self.ring_size));
        }
        Ok(())
    }

    /// Free list and completion ring. How long a frame may be, pages of any size cannot say beforehand.
    fn check_pages(&self) -> Result<(), (ChannelError, u64)> {
        let rings =
            [(self.free_base, self.free_entries, PAGE_DESCRIPTOR_BYTES), (self.comp_base, self.comp_entries, PAGE_COMPLETION_BYTES)];
        for (base, entries, bytes) in rings {
            if !RING_ENTRIES.contains(&entries) {
                return Err((ChannelError::BadDescriptorRing, entries.into()));
            }
            if !base.is_multiple_of(descriptor::RING_GRID) || base.checked_add(u64::from(entries) * u64::from(bytes)).is_none() {
                return Err((ChannelError::BadDescriptorRing, base));
            }
        }
        Ok(())
    }
}
