//! Tells the host how far an H2C channel has come, and hears from the host how far it may go.

use super::Channel;
use crate::c2h::progress;
use crate::c2h::{After, Signal, State, Target};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Attributes;
use silico_spec::writeback::{self, ChannelError, ChannelState, WriteBack};

impl Channel {
    /// A write-back block wants to go.
    #[inline]
    pub(crate) fn block_due(&self) -> bool {
        self.progress.due
    }

    /// The block is granted: fills it in and says where it goes.
    pub(crate) fn grant_block(&mut self, now: u64, out: &mut TlpBuf) -> Target {
        let mut state = self.state();
        if let State::Stopping { after, block_sent } = &mut self.state {
            *block_sent = true;
            state = if *after == After::Error { ChannelState::Error } else { ChannelState::Idle };
        }
        self.progress.granted(self.delivered);
        out.set_len(writeback::BYTES as usize);
        let block = WriteBack {
            sequence: self.progress.sequence,
            hw_count: self.delivered.count,
            frames: self.frames,
            dropped: 0,
            stamp: now,
            error_addr: self.error.1,
            state: state as u8,
            error: self.error.0 as u8,
            channel: self.index,
            run: self.runs,
        };
        progress::emit(&block, out);
        self.flight = true;
        Target { address: self.run.wb_addr, attributes: Attributes::default() }
    }

    /// The block has left.
    pub(crate) fn block_left(&mut self) {
        self.progress.left();
    }

    /// The end of clock `now`: write-back and interrupts become due, a stop moves on.
    pub(crate) fn end_of_clock(&mut self, now: u64, can_write: bool, reads: u16) -> [Option<Signal>; 2] {
        if std::mem::take(&mut self.refused) {
            self.progress.due = false;
            self.fail(ChannelError::BusMasterOff, 0, 0);
        }
        let failed = self.settle(can_write, reads);
        let space = if self.giving_up() { false } else { self.update_progress(now) };
        let signal = |fires: bool, register: u32| if fires { progress::vector(register) } else { None };
        [signal(space, self.causes.data).map(Signal::Data), signal(failed, self.causes.error).map(Signal::Error)]
    }

    fn update_progress(&mut self, now: u64) -> bool {
        let due = self.progress.due;
        let fires = self.progress.update(now, &self.run.pace(), &self.causes, self.delivered);
        if self.state != State::Running {
            // Outside a run only a stop's last block goes out; see `settle`.
            self.progress.due = due;
        }
        fires
    }

    /// The next cycle at whose end something happens by itself.
    pub(crate) fn timer(&self) -> Option<u64> {
        self.progress.timer(&self.run.pace(), &self.causes, self.state == State::Running)
    }

    pub(crate) fn latch_perf(&mut self) {
        self.latched = self.perf;
    }

    /// Descriptors given: a doorbell that goes back, or beyond what the ring holds, is refused.
    pub(super) fn doorbell(&mut self, value: u64) {
        if self.state != State::Running {
            return;
        }
        if value < self.tail || value - self.delivered.count > self.run.ring_entries.into() {
            self.fail(ChannelError::BadDoorbell, value, 0);
        } else {
            self.tail = value;
        }
    }
}
