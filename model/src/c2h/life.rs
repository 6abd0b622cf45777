//! A channel's life: start, stop, failure, reset, and the way of a stop to its end.

use super::{After, Channel, Delivered, Generator, NO_ERROR, Next, Packetizer, Pages, State};
use silico_spec::writeback::{self, ChannelError};

impl Channel {
    pub(super) fn start(&mut self) {
        self.touch();
        if !matches!(self.state, State::Idle | State::Error) {
            return;
        }
        self.runs = self.runs.wrapping_add(1);
        self.run = self.set.resolved(&self.params);
        self.sw_count = 0;
        self.delivered = Delivered::default();
        self.discarded = 0;
        self.error = NO_ERROR;
        self.fired = [None; 2];
        self.busy = false;
        self.ingest.restart(self.external());
        self.packetizer = Packetizer::default();
        self.pages = self.run.pages().then(|| Box::new(Pages::new(&self.run)));
        self.progress.restart();
        self.causes.arm = 0;
        self.generator = Generator::start(self.index, &self.run, self.params.width);
        self.state = State::Running;
        if let Err((code, value)) = self.run.check(&self.params).and_then(|()| self.causes.check(self.params.msix_vectors)) {
            self.fail(code, value);
        }
    }

    /// The run comes to its end.
    pub(super) fn stop(&mut self, after: After) {
        self.touch();
        // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
        self.progress.due = false;
        self.state = State::Stopping { after, block_sent: false };
        self.busy = false;
        self.next = Next::Off;
        self.end_pages(after);
    }

    pub(super) fn fail(&mut self, code: ChannelError, value: u64) {
        self.fail_with(code, value, 0);
    }

    pub(super) fn fail_with(&mut self, code: ChannelError, value: u64, cookie: u64) {
        if self.state == State::Running {
            self.error = (code, value, cookie);
            self.stop(After::Error);
        }
    }

    /// A stop that the host wants announces what is whole. After an error nothing is announced any more: its reason may be what the host gave.
    fn end_pages(&mut self, after: After) {
        match (after, self.pages.as_deref_mut()) {
            (After::Idle, Some(pages)) => pages.close(),
            (After::Error | After::Reset, Some(_)) => self.abandon_pages(),
            _ => {}
        }
    }

    /// The channel as after power-on; what is under way ends first, reads too: memory may be freed when it is idle.
    pub(crate) fn reset(&mut self) {
        if self.state == State::Running {
            self.stop(After::Reset);
        } else {
            self.touch();
            self.end_pages(After::Reset);
        }
        // It has no last block.
        self.state = State::Stopping { after: After::Reset, block_sent: true };
    }

    /// As [`Channel::reset`], and the run number starts anew.
    pub(crate) fn reset_with_runs(&mut self) {
        self.reset();
        self.runs = 0;
    }

    /// The channel's reset has come to its end in this clock: at its end the channel is as after power-on.
    pub(crate) fn resets(&self) -> bool {
        self.resets
    }

    /// Moves a stop on, once nothing is under way; `reads` of the channel are. Returns whether the error cause fires.
    pub(super) fn settle(&mut self, can_write: bool, reads: u16) -> bool {
        let State::Stopping { after, block_sent } = self.state else { return false };
        if self.flight.is_some() {
            return false;
        }
        let cut = self.ingest.cut(self.external());
        self.discarded += (self.fifo.flush() + usize::from(cut)) as u32;
        if self.settle_entries(can_write) || reads > 0 {
            return false;
        }
        let mut after = after;
        if self.run.writes_back() && writeback::is_place(self.run.wb_addr) && !block_sent {
            if can_write {
                self.progress.end(after == After::Error);
                return false;
            }
            // The last block could not be written: that is no clean stop.
            if after == After::Idle {
                (self.error, after) = ((ChannelError::BusMasterOff, 0, 0), After::Error);
            }
        }
        self.progress.due = false;
        match after {
            After::Idle => self.state = State::Idle,
            After::Error => self.state = State::Error,
            After::Reset => {
                self.resets = true;
                return false;
            }
        }
        self.progress.finish(&self.causes, self.delivered);
        after == After::Error
    }
}
