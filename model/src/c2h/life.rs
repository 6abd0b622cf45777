//! A channel's life: start, stop, failure, reset, and the way of a stop to its end.

use super::{After, Channel, Delivered, Generator, Next, Packetizer, State};
use silico_spec::writeback::ChannelError;

impl Channel {
    pub(super) fn start(&mut self) {
        if !matches!(self.state, State::Idle | State::Error) {
            return;
        }
        self.run_bit = true;
        self.runs = self.runs.wrapping_add(1);
        self.run = self.set.resolved(&self.params);
        self.sw_count = 0;
        self.delivered = Delivered::default();
        self.discarded = 0;
        self.error = (ChannelError::None, 0);
        self.fired = [None; 2];
        self.busy = false;
        self.ingest.restart(self.external());
        self.packetizer = Packetizer::default();
        self.progress.restart();
        self.causes.arm = 0;
        self.generator = Generator::start(self.index, &self.run);
        self.state = State::Running;
        if let Err((code, value)) = self.run.check(&self.params) {
            self.fail(code, value);
        }
    }

    pub(super) fn stop(&mut self, after: After) {
        match &mut self.state {
            State::Running => {
                // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
                self.progress.due = false;
                self.state = State::Stopping { after, block_sent: after == After::Reset };
                self.run_bit = false;
                self.busy = false;
                self.next = Next::Off;
            }
            State::Stopping { after: old, block_sent } if after == After::Reset => {
                *old = After::Reset;
                *block_sent = true;
            }
            State::Idle | State::Error if after == After::Reset => self.state = State::Stopping { after, block_sent: true },
            _ => {}
        }
    }

    pub(super) fn fail(&mut self, code: ChannelError, value: u64) {
        if self.state == State::Running {
            self.error = (code, value);
            self.stop(After::Error);
        }
    }

    /// The channel as after power-on; what is under way ends first.
    pub(crate) fn reset(&mut self) {
        self.stop(After::Reset);
    }

    /// As [`Channel::reset`], and the run number starts anew.
    pub(crate) fn reset_with_runs(&mut self) {
        self.reset();
        self.runs = 0;
    }

    /// Moves a stop on, once nothing is under way. Returns whether the error cause fires.
    pub(super) fn settle(&mut self, can_write: bool) -> bool {
        let State::Stopping { after, block_sent } = self.state else { return false };
        if self.flight.is_some() {
            return false;
        }
        let cut = self.ingest.cut(self.external());
        self.discarded += (self.fifo.flush() + usize::from(cut)) as u32;
        if self.run.writes_back() && self.error.0 != ChannelError::BadWriteBack && !block_sent && can_write {
            self.progress.due = true;
            return false;
        }
        self.progress.due = false;
        match after {
            After::Idle => self.state = State::Idle,
            After::Error => self.state = State::Error,
            After::Reset => {
                self.power_on(true);
                return false;
            }
        }
        self.progress.finish(&self.causes, self.delivered);
        after == After::Error
    }
}
