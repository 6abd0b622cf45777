//! The registers of a channel, dword by dword: what a read shows and what a write does.
//!
//! A 64-bit register is two dwords. Writing the low one stages it, writing the high one makes both count; reading the low one of a
//! register that the card drives latches the high one, so that low-then-high is one value.

use super::{Channel, progress::Causes};
use silico_spec::registers::c2h as map;
use silico_spec::writeback::ChannelError;

const LENGTH_TABLE_END: u32 = map::GEN_TABLE + map::GEN_TABLE_COUNT * map::GEN_TABLE_STRIDE;

/// Low dwords of 64-bit writes that wait for their high dword: value and byte mask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Staged {
    ring_base: (u32, u32),
    ring_size: (u32, u32),
    sw_count: (u32, u32),
    wb_addr: (u32, u32),
    arm: (u32, u32),
    gen_seed: (u32, u32),
    gen_count: (u32, u32),
    free_base: (u32, u32),
    comp_base: (u32, u32),
    free_tail: (u32, u32),
    comp_head: (u32, u32),
}

/// High dwords latched by reads of the low ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shadow {
    hw_count: u32,
    error_addr: u32,
    frames: u32,
    dropped: u32,
    gen_made: u32,
    gen_chunks: u32,
    free_head: u32,
    comp_tail: u32,
    error_cookie: u32,
}

/// A dword of a write: `mask` has ones where its bytes are enabled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write {
    pub(crate) value: u32,
    pub(crate) mask: u32,
}

impl Write {
    /// With the byte enables of a request.
    pub(crate) fn new(value: u32, enables: u8) -> Self {
        let mask = (0..4).filter(|byte| enables >> byte & 1 != 0).fold(0, |mask, byte| mask | 0xff << (8 * byte));
        Self { value, mask }
    }

    /// `old` with the enabled bytes replaced.
    pub(crate) fn over(self, old: u32) -> u32 {
        old & !self.mask | self.value & self.mask
    }
}

/// Stages the low dword of a 64-bit write, or joins the high one to it: then the register's new value.
pub(crate) fn join(staged: &mut (u32, u32), old: u64, high: bool, write: Write) -> Option<u64> {
    if !high {
        *staged = (write.over(staged.0), staged.1 | write.mask);
        return None;
    }
    let (value, mask) = std::mem::take(staged);
    let low = Write { value, mask }.over(old as u32);
    Some(u64::from(low) | u64::from(write.over((old >> 32) as u32)) << 32)
}

/// Reads one dword of a 64-bit register that the card drives.
pub(crate) fn snapshot(shadow: &mut u32, value: u64, high: bool) -> u32 {
    if high {
        return *shadow;
    }
    *shadow = (value >> 32) as u32;
    value as u32
}

/// One half of a 64-bit register.
pub(crate) fn dword(value: u64, high: bool) -> u32 {
    if high { (value >> 32) as u32 } else { value as u32 }
}

impl Channel {
    /// Reads the dword at `offset` in the channel's block; holes give zero.
    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        let high = offset & 4 != 0;
        let shadow = &mut self.shadow;
        match offset {
            map::CONTROL => u32::from(self.is_running()),
            map::STATUS => self.status(),
            o if o & !4 == map::RING_BASE => dword(self.set.ring_base, high),
            o if o & !4 == map::RING_SIZE => dword(self.set.ring_size, high),
            o if o & !4 == map::HW_COUNT => snapshot(&mut shadow.hw_count, self.delivered.count, high),
            o if o & !4 == map::SW_COUNT => dword(self.sw_count, high),
            o if o & !4 == map::WB_ADDR => dword(self.set.wb_addr, high),
            map::WB_FRAMES => self.set.wb_frames,
            map::WB_BYTES => self.set.wb_bytes,
            map::WB_TIME => self.set.wb_time,
            map::CONFIG => self.set.config,
            map::MAX_FRAME => self.set.max_frame,
            map::BUSY_ASSERT => self.set.busy_assert,
            map::BUSY_RELEASE => self.set.busy_release,
            map::ERROR => self.error.0 as u32,
            o if o & !4 == map::ERROR_ADDR => snapshot(&mut shadow.error_addr, self.error.1, high),
            map::INT_DATA => self.causes.data,
            map::INT_DATA_FRAMES => self.causes.data_frames,
            map::INT_DATA_TIME => self.causes.data_time,
            map::INT_ERROR => self.causes.error,
            o if o & !4 == map::INT_DATA_ARM => dword(self.causes.arm, high),
            o if o & !4 == map::FRAMES => snapshot(&mut shadow.frames, self.delivered.frames, high),
            o if o & !4 == map::DROPPED => snapshot(&mut shadow.dropped, self.ingest.dropped, high),
            map::RUN => self.runs,
            map::DISCARDED => self.discarded,
            map::PERF_TX_BEATS..map::GEN_CONFIG => self.read_perf(offset, high),
            map::GEN_CONFIG => self.set.gen_config,
            map::GEN_MIN => self.set.gen_min,
            map::GEN_MAX => self.set.gen_max,
            map::GEN_PAUSE => self.set.gen_pause,
            map::GEN_RATE => self.set.gen_rate,
            o if o & !4 == map::GEN_SEED => dword(self.set.gen_seed, high),
            o if o & !4 == map::GEN_COUNT => dword(self.set.gen_count, high),
            o if o & !4 == map::GEN_MADE => snapshot(&mut shadow.gen_made, self.generator.made(), high),
            map::GEN_LINKS => self.set.gen_links,
            map::GEN_FLUSH => self.set.gen_flush,
            o if o & !4 == map::GEN_CHUNKS => snapshot(&mut shadow.gen_chunks, self.generator.chunks(), high),
            o if o & !4 == map::FREE_BASE => dword(self.set.free_base, high),
            o if o & !4 == map::COMP_BASE => dword(self.set.comp_base, high),
            map::FREE_ENTRIES => self.set.free_entries,
            map::COMP_ENTRIES => self.set.comp_entries,
            map::FLUSH_TIME => self.set.flush_time,
            o if o & !4 == map::ERROR_COOKIE => snapshot(&mut shadow.error_cookie, self.error.2, high),
            map::PAGES_HELD => self.shown(|pages| pages.held().into()) as u32,
            map::FREE_TAIL..map::ERROR_COOKIE => self.read_pages(offset, high),
            map::GEN_TABLE..LENGTH_TABLE_END => self.set.gen_table[((offset - map::GEN_TABLE) / map::GEN_TABLE_STRIDE) as usize],
            _ => 0,
        }
    }

    /// The doorbells of a run with pages, and their counterparts.
    fn read_pages(&mut self, offset: u32, high: bool) -> u32 {
        match offset & !4 {
            map::FREE_TAIL => dword(self.shown(|pages| pages.list.tail()), high),
            map::COMP_HEAD => dword(self.shown(|pages| pages.completions.head()), high),
            map::FREE_HEAD => {
                let value = self.shown(|pages| pages.list.fetched());
                snapshot(&mut self.shadow.free_head, value, high)
            }
            map::COMP_TAIL => {
                let value = self.shown(|pages| pages.completions.tail());
                snapshot(&mut self.shadow.comp_tail, value, high)
            }
            _ => 0,
        }
    }

    fn status(&self) -> u32 {
        let word = map::status::STATE.set(0, self.state() as u64);
        let word = map::status::BUSY.set(word, self.busy.into());
        map::status::ARMED.set(word, self.progress.armed.into()) as u32
    }

    /// The PERF registers show the values at the last latch, so neither half can be torn.
    fn read_perf(&self, offset: u32, high: bool) -> u32 {
        let perf = &self.latched;
        let value = match offset & !4 {
            map::PERF_TX_BEATS => perf.tx_beats,
            map::PERF_NO_CREDIT => perf.no_credit,
            map::PERF_NO_BUFFER => perf.no_buffer,
            map::PERF_NO_DATA => perf.no_data,
            map::PERF_NO_GRANT => perf.no_grant,
            map::PERF_FRONT_BEATS => perf.front_beats,
            map::PERF_FRONT_HELD => perf.front_held,
            map::PERF_BUSY => perf.busy,
            _ => 0,
        };
        dword(value, high)
    }

    /// Writes the dword at `offset` in the channel's block. Returns whether something writable lies there.
    pub(crate) fn write(&mut self, offset: u32, write: Write) -> bool {
        self.touch();
        let high = offset & 4 != 0;
        let (set, staged) = (&mut self.set, &mut self.staged);
        let wide = match offset & !4 {
            map::RING_BASE => Some((&mut staged.ring_base, &mut set.ring_base)),
            map::RING_SIZE => Some((&mut staged.ring_size, &mut set.ring_size)),
            map::WB_ADDR => Some((&mut staged.wb_addr, &mut set.wb_addr)),
            map::GEN_SEED => Some((&mut staged.gen_seed, &mut set.gen_seed)),
            map::GEN_COUNT => Some((&mut staged.gen_count, &mut set.gen_count)),
            map::FREE_BASE => Some((&mut staged.free_base, &mut set.free_base)),
            map::COMP_BASE => Some((&mut staged.comp_base, &mut set.comp_base)),
            _ => None,
        };
        if let Some((staged, register)) = wide {
            if let Some(value) = join(staged, *register, high, write) {
                *register = value;
            }
            return true;
        }
        match offset & !4 {
            map::SW_COUNT => {
                if let Some(value) = join(&mut staged.sw_count, self.sw_count, high, write) {
                    self.doorbell(value);
                }
                return true;
            }
            map::FREE_TAIL => {
                let old = self.shown(|pages| pages.list.tail());
                if let Some(value) = join(&mut self.staged.free_tail, old, high, write) {
                    self.give_pages(value);
                }
                return true;
            }
            map::COMP_HEAD => {
                let old = self.shown(|pages| pages.completions.head());
                if let Some(value) = join(&mut self.staged.comp_head, old, high, write) {
                    self.take_completions(value);
                }
                return true;
            }
            map::INT_DATA_ARM => {
                if let Some(value) = join(&mut staged.arm, self.causes.arm, high, write) {
                    self.causes.arm = value;
                    self.progress.arm();
                    self.fired[0] = None;
                }
                return true;
            }
            _ => {}
        }
        self.write_narrow(offset, write)
    }

    fn write_narrow(&mut self, offset: u32, write: Write) -> bool {
        if offset == map::CONTROL {
            self.write_control(write);
            return true;
        }
        let (set, causes) = (&mut self.set, &mut self.causes);
        let (register, writable) = match offset {
            map::WB_FRAMES => (&mut set.wb_frames, u32::MAX),
            map::WB_BYTES => (&mut set.wb_bytes, u32::MAX),
            map::WB_TIME => (&mut set.wb_time, u32::MAX),
            map::CONFIG => (&mut set.config, 0x7f),
            map::MAX_FRAME => (&mut set.max_frame, u32::MAX),
            map::BUSY_ASSERT => (&mut set.busy_assert, u32::MAX),
            map::BUSY_RELEASE => (&mut set.busy_release, u32::MAX),
            map::INT_DATA => (&mut causes.data, Causes::WRITABLE),
            map::INT_DATA_FRAMES => (&mut causes.data_frames, u32::MAX),
            map::INT_DATA_TIME => (&mut causes.data_time, u32::MAX),
            map::INT_ERROR => (&mut causes.error, Causes::WRITABLE),
            map::GEN_CONFIG => (&mut set.gen_config, 0xffff_0007),
            map::GEN_MIN => (&mut set.gen_min, u32::MAX),
            map::GEN_MAX => (&mut set.gen_max, u32::MAX),
            map::GEN_PAUSE => (&mut set.gen_pause, u32::MAX),
            map::GEN_LINKS => (&mut set.gen_links, u32::MAX),
            map::GEN_FLUSH => (&mut set.gen_flush, u32::MAX),
            map::FREE_ENTRIES => (&mut set.free_entries, u32::MAX),
            map::COMP_ENTRIES => (&mut set.comp_entries, u32::MAX),
            map::FLUSH_TIME => (&mut set.flush_time, u32::MAX),
            map::GEN_RATE => (&mut set.gen_rate, u32::MAX),
            map::GEN_TABLE..LENGTH_TABLE_END => {
                (&mut set.gen_table[((offset - map::GEN_TABLE) / map::GEN_TABLE_STRIDE) as usize], u32::MAX)
            }
            _ => return false,
        };
        *register = write.over(*register) & writable;
        if matches!(offset, map::INT_DATA | map::INT_ERROR)
            && let Err((code, value)) = self.causes.check(self.params.msix_vectors)
        {
            self.fail(code, value);
        }
        true
    }

    fn write_control(&mut self, write: Write) {
        let old = u32::from(self.is_running());
        let new = u64::from(write.over(old));
        if map::control::RESET.get(new) != 0 {
            self.reset();
        } else if map::control::RUN.get(new) != 0 {
            self.start();
        } else if self.is_running() {
            self.stop(super::After::Idle);
        }
    }

    /// Whether the channel stopped by an error and has not been started or reset since.
    pub(crate) fn failed(&self) -> bool {
        self.error.0 != ChannelError::None
    }
}
