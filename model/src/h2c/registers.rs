//! The registers of an H2C channel, dword by dword; 64-bit registers as in [`crate::c2h`].

use super::{Channel, Settings};
use crate::c2h::progress::Causes;
use crate::c2h::{After, Write, dword, join, snapshot};
use silico_spec::registers::h2c as map;

/// Low dwords of 64-bit writes that wait for their high dword: value and byte mask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Staged {
    ring_base: (u32, u32),
    tail: (u32, u32),
    wb_addr: (u32, u32),
    arm: (u32, u32),
}

/// High dwords latched by reads of the low ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shadow {
    done: u32,
    error_addr: u32,
    error_cookie: u32,
    frames: u32,
    bytes: u32,
}

impl Channel {
    /// Reads the dword at `offset` in the channel's block; holes give zero.
    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        let high = offset & 4 != 0;
        let shadow = &mut self.shadow;
        match offset {
            map::CONTROL => u32::from(self.started()),
            map::STATUS => {
                let word = map::status::STATE.set(0, self.state() as u64);
                map::status::ARMED.set(word, self.progress.armed.into()) as u32
            }
            o if o & !4 == map::RING_BASE => dword(self.set.ring_base, high),
            map::RING_ENTRIES => self.set.ring_entries,
            map::CONFIG => self.set.config,
            o if o & !4 == map::DONE => snapshot(&mut shadow.done, self.delivered.count, high),
            o if o & !4 == map::TAIL => dword(self.tail, high),
            o if o & !4 == map::WB_ADDR => dword(self.set.wb_addr, high),
            map::WB_EVERY => self.set.wb_every,
            map::WB_TIME => self.set.wb_time,
            map::ERROR => self.error.0 as u32,
            o if o & !4 == map::ERROR_ADDR => snapshot(&mut shadow.error_addr, self.error.1, high),
            o if o & !4 == map::ERROR_COOKIE => snapshot(&mut shadow.error_cookie, self.error.2, high),
            map::INT_SPACE => self.causes.data,
            map::INT_SPACE_COUNT => self.causes.data_frames,
            map::INT_SPACE_TIME => self.causes.data_time,
            map::INT_ERROR => self.causes.error,
            o if o & !4 == map::INT_SPACE_ARM => dword(self.causes.arm, high),
            o if o & !4 == map::FRAMES => snapshot(&mut shadow.frames, self.frames, high),
            o if o & !4 == map::BYTES => snapshot(&mut shadow.bytes, self.bytes, high),
            map::RUN => self.runs,
            map::DISCARDED => self.discarded,
            map::CHECK_CRC => self.stage.checked.crc,
            map::CHECK_LENGTH => self.stage.checked.length,
            _ => dword(self.perf_register(offset & !4), high),
        }
    }

    /// The PERF registers show the values at the last latch, so neither half can be torn.
    fn perf_register(&self, offset: u32) -> u64 {
        let perf = &self.latched;
        match offset {
            map::PERF_RX_BEATS => perf.rx_beats,
            map::PERF_NO_CREDIT => perf.no_credit,
            map::PERF_NO_TAG => perf.no_tag,
            map::PERF_NO_BUFFER => perf.no_buffer,
            map::PERF_NO_DATA => perf.no_data,
            map::PERF_OUT_HELD => perf.out_held,
            _ => 0,
        }
    }

    /// Writes the dword at `offset` in the channel's block. Returns whether something writable lies there. `targets`: C2H channels that other
    /// channels feed.
    pub(crate) fn write(&mut self, offset: u32, write: Write, targets: u16) -> bool {
        let high = offset & 4 != 0;
        let (set, staged) = (&mut self.set, &mut self.staged);
        match offset & !4 {
            map::RING_BASE => {
                if let Some(value) = join(&mut staged.ring_base, set.ring_base, high, write) {
                    set.ring_base = value;
                }
            }
            map::WB_ADDR => {
                if let Some(value) = join(&mut staged.wb_addr, set.wb_addr, high, write) {
                    set.wb_addr = value;
                }
            }
            map::TAIL => {
                if let Some(value) = join(&mut staged.tail, self.tail, high, write) {
                    self.doorbell(value);
                }
            }
            map::INT_SPACE_ARM => {
                if let Some(value) = join(&mut staged.arm, self.causes.arm, high, write) {
                    self.causes.arm = value;
                    self.progress.arm();
                    self.fired[0] = None;
                }
            }
            _ => return self.write_narrow(offset, write, targets),
        }
        true
    }

    fn write_narrow(&mut self, offset: u32, write: Write, targets: u16) -> bool {
        let (set, causes) = (&mut self.set, &mut self.causes);
        let (register, writable) = match offset {
            map::CONTROL => {
                self.write_control(write, targets);
                return true;
            }
            map::RING_ENTRIES => (&mut set.ring_entries, u32::MAX),
            map::CONFIG => (&mut set.config, Settings::CONFIG),
            map::WB_EVERY => (&mut set.wb_every, u32::MAX),
            map::WB_TIME => (&mut set.wb_time, u32::MAX),
            map::INT_SPACE => (&mut causes.data, Causes::WRITABLE),
            map::INT_SPACE_COUNT => (&mut causes.data_frames, u32::MAX),
            map::INT_SPACE_TIME => (&mut causes.data_time, u32::MAX),
            map::INT_ERROR => (&mut causes.error, Causes::WRITABLE),
            _ => return false,
        };
        *register = write.over(*register) & writable;
        if matches!(offset, map::INT_SPACE | map::INT_ERROR)
            && let Err((code, value)) = self.causes.check(self.params.msix_vectors)
        {
            self.fail(code, value, 0);
        }
        true
    }

    fn write_control(&mut self, write: Write, targets: u16) {
        let new = u64::from(write.over(self.started().into()));
        if map::control::RESET.get(new) != 0 {
            self.reset();
        } else if map::control::RUN.get(new) != 0 {
            self.start(targets);
        } else if self.started() {
            self.stop(After::Idle);
        }
    }
}
