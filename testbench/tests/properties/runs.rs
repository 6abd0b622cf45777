//! Starts, stops, resets: the books of a run are closed where it ends, and the oracle begins anew where the next one does.

use crate::scenario::LaneShape;
use crate::stream::Ended;
use crate::world::{End, World, said};
use silico_driver::error::DriverError;
use silico_driver::platform::{Registers, Wake};
use silico_spec::generator::{FrameSequence, LengthMode};
use silico_spec::registers::c2h;

impl World {
    /// Coalescing may hold an interrupt back; a stop does not.
    pub(crate) fn arm_and_stop(&mut self, index: usize, clocks: u64) -> Result<(), String> {
        if self.lanes[index].is_running() && self.lanes[index].shape.coalescing().is_some() {
            // No timer: but for the stop, nobody would ever be told. A start sets both anew.
            for (register, value) in [(c2h::INT_DATA_FRAMES, 100), (c2h::INT_DATA_TIME, 0)] {
                self.regs.write32(c2h::offset(index as u32, register), value).map_err(|error| error.to_string())?;
            }
            self.lanes[index].armed += 1;
            self.set_register(index, c2h::INT_DATA_ARM, self.lanes[index].oracle.taken())?;
            self.feed(index, 1, 64, 0, false);
            self.advance(clocks);
        }
        self.stop(index)
    }

    /// Stops the channel; who sleeps on it is told of what there is.
    pub(crate) fn stop(&mut self, index: usize) -> Result<(), String> {
        let was_running = self.lanes[index].is_running();
        // What fires from here on is an answer to the arming that is found.
        self.hush(index)?;
        let sleeper = was_running && self.has_own_vectors() && !self.is_deaf(index) && self.is_armed(index)?;
        let seen = self.register(index, c2h::INT_DATA_ARM)?;
        let end = self.lanes[index].end;
        self.lanes[index].oracle.may_miss();
        match self.lanes[index].ring().stop() {
            Ok(stopped) if was_running => self.stopped(index, stopped)?,
            Ok(stopped) => match end {
                End::Final(frames) if frames != stopped.frames => {
                    return Err(format!("channel {index}: {frames} frames at the stop, {} later", stopped.frames));
                }
                _ => {}
            },
            Err(error) => return self.failed(index, error),
        }
        match self.lanes[index].end {
            End::Final(frames) if sleeper && frames > seen => {}
            _ => return Ok(()),
        }
        match self.listen(index, self.clocks_to_ns(self.signal_clocks()))? {
            Wake::Interrupt => Ok(()),
            Wake::Deadline => Err(format!("channel {index}: stopped with frames beyond {seen}, armed for, and no interrupt came")),
        }
    }

    /// Counts are final: the books close.
    pub(crate) fn stopped(&mut self, index: usize, stopped: Ended) -> Result<(), String> {
        let Ended { frames, dropped, discarded } = stopped;
        self.lanes[index].end = End::Final(frames);
        self.balance(index, frames, dropped, discarded)
    }

    pub(crate) fn start_or_be_refused(&mut self, index: usize) -> Result<(), String> {
        let running = self.lanes[index].is_running();
        if !running && self.enabled {
            return self.start(index);
        }
        match self.lanes[index].ring().start() {
            Err(error @ DriverError::Running { .. }) if running => {
                crate::coverage::met(&error);
                Ok(())
            }
            Err(DriverError::Disabled) if !running => {
                crate::coverage::met(&DriverError::Disabled);
                Ok(())
            }
            other => Err(format!("channel {index}: a start that must be refused (running: {running}) gave {other:?}")),
        }
    }

    /// Starts a run. The oracle's run begins with it: from here on, nothing older may come.
    pub(crate) fn start(&mut self, index: usize) -> Result<(), String> {
        let entered = self.taps.entered(index);
        self.begin(index, entered);
        self.lanes[index].ring().start().or_else(|error| self.failed(index, error))
    }

    pub(crate) fn begin(&mut self, index: usize, entered: u64) {
        let (fifo, masterless) = (self.params.fifo_bytes, !self.bus_master);
        let lane = &mut self.lanes[index];
        let config = lane.shape.config(index as u8, fifo);
        let made = match config.source {
            silico_driver::channel::Source::Generator(made) => {
                let silico_driver::channel::Lengths::Uniform { min, max } = made.lengths else { unreachable!("the only one that is used") };
                Some((FrameSequence::new(made.seed, index as u8, LengthMode::Uniform, min, max, [0; 16]), made.source))
            }
            silico_driver::channel::Source::FrontEnd => None,
        };
        lane.oracle.start(entered, made, config.max_frame, lane.shape.drop);
        (lane.end, lane.spoiled, lane.masterless) = (End::Open, false, masterless);
        lane.errors += u64::from(masterless);
        lane.coalescing = lane.shape.coalescing().unwrap_or_default();
    }

    pub(crate) fn restart(&mut self, index: usize) -> Result<(), String> {
        if !self.enabled {
            return Ok(());
        }
        // In two steps, so that the books of the old run can be closed between them.
        if self.lanes[index].is_running() {
            self.stop(index)?;
        }
        let entered = self.taps.entered(index);
        self.begin(index, entered);
        self.lanes[index].ring().restart().or_else(|error| self.failed(index, error))
    }

    pub(crate) fn reset(&mut self, index: usize) -> Result<(), String> {
        let lane = &mut self.lanes[index];
        lane.oracle.forget();
        lane.oracle.may_miss();
        (lane.end, lane.spoiled, lane.masterless) = (End::Open, false, false);
        lane.ring().reset().map_err(said("reset", index))?;
        if self.take(index)? { Err(format!("channel {index}: a frame after a reset")) } else { Ok(()) }
    }

    pub(crate) fn reopen(&mut self, index: usize, shape: &LaneShape) -> Result<(), String> {
        self.close_ring(index);
        let looped = self.lanes[index].looped;
        let shape = if looped { LaneShape { generator: None, ..shape.clone() } } else { shape.clone() };
        self.open(index, shape)
    }

    /// Closes the channel: it becomes quiet, its memory is freed.
    pub(crate) fn close_ring(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        lane.armed += lane.ring.as_ref().map_or(0, |ring| ring.wait_stats().armed);
        lane.ring = None;
    }
}
