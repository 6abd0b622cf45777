//! An H2C channel's life: start, stop, failure, reset, and the way of a stop to its end.

use super::{Channel, Delivered, NO_ERROR};
use crate::c2h::{After, Signal, State};
use crate::read::Failure;
use silico_spec::writeback::{self, ChannelError};

impl Channel {
    /// `targets`: C2H channels that other channels feed.
    pub(super) fn start(&mut self, targets: u16) {
        if !matches!(self.state, State::Idle | State::Error) {
            return;
        }
        self.runs = self.runs.wrapping_add(1);
        self.run = self.set;
        (self.tail, self.delivered, self.frames, self.bytes) = (0, Delivered::default(), 0, 0);
        (self.discarded, self.error) = (0, NO_ERROR);
        self.fired = [None; 2];
        self.descriptors.restart();
        self.payload.clear();
        self.progress.restart();
        self.causes.arm = 0;
        self.state = State::Running;
        let checked = self.run.check(&self.params, targets).and_then(|()| self.causes.check(self.params.msix_vectors));
        self.sound = checked.is_ok();
        if let Err((code, value)) = checked {
            self.fail(code, value, 0);
        }
    }

    /// The run comes to its end.
    pub(super) fn stop(&mut self, after: After) {
        // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
        self.progress.due = false;
        self.state = State::Stopping { after, block_sent: false };
        self.stage.cut(&self.run);
    }

    pub(crate) fn fail(&mut self, code: ChannelError, address: u64, cookie: u64) {
        if self.started() {
            self.error = (code, address, cookie);
            self.stop(After::Error);
        }
    }

    /// One of its reads has failed.
    pub(crate) fn read_failed(&mut self, failure: Failure) {
        self.fail(failure.code, failure.address, failure.cookie);
    }

    /// The card may not read or write memory. The channel fails at the end of the clock: a beat that was shown to its receiver passes first.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    /// The cause was signalled: until its message has gone out, or it is armed anew, it shows in `INT_STATUS_2`.
    pub(crate) fn note_fired(&mut self, signal: Signal) {
        match signal {
            Signal::Data(vector) => self.fired[0] = Some(vector),
            Signal::Error(vector) => self.fired[1] = Some(vector),
        }
    }

    /// Software has served causes: space, error.
    pub(crate) fn acknowledge(&mut self, served: [bool; 2]) {
        for (fired, served) in self.fired.iter_mut().zip(served) {
            *fired = fired.filter(|_| !served);
        }
    }

    /// The message of `vector` goes out.
    pub(crate) fn message_sent(&mut self, vector: u16) {
        self.fired.iter_mut().for_each(|fired| *fired = fired.filter(|fired| *fired != vector));
    }

    /// The vectors of the space and the error cause, where they were signalled and their message has not gone out.
    pub(crate) fn fired(&self) -> [Option<u16>; 2] {
        self.fired
    }

    /// The channel as after power-on; what is under way ends first, reads too: memory may be freed when it is idle.
    pub(crate) fn reset(&mut self) {
        if self.started() {
            self.stop(After::Reset);
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

    /// A reset is under way: nothing of the run counts any more.
    pub(crate) fn giving_up(&self) -> bool {
        matches!(self.state, State::Stopping { after: After::Reset, .. })
    }

    /// Moves a stop on, once nothing is under way. Returns whether the error cause fires.
    pub(super) fn settle(&mut self, can_write: bool, reads: u16) -> bool {
        let State::Stopping { after, block_sent } = self.state else { return false };
        if self.flight || reads > 0 {
            return false;
        }
        self.discarded = (self.tail - self.delivered.count) as u32;
        let mut after = after;
        if self.run.pace().writes_back && !block_sent && writeback::is_place(self.run.wb_addr) {
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
