//! Open, start, stop, reset, drop of a channel with a ring: what its ring, its block and its counts see of every change of state. The change
//! itself is in [`super::base`].

use super::base::{Base, Parts};
use super::config::{Progress, RING_GRID, RingConfig};
use super::progress::{BLOCK_BYTES, Block};
use super::ring::Ring;
use super::run::{self, Held, Run};
use super::{Memory, Phase, RingChannel, held};
use crate::error::{DriverError, RingFault};
use crate::platform::{DmaBuffer, Platform};
use silico_spec::registers::c2h;

/// The end of a run, as the card's registers say it when all is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Bytes delivered, headers and padding included.
    pub bytes: u64,
    /// Frames delivered.
    pub frames: u64,
    /// Frames dropped because the FIFO was full.
    pub dropped: u64,
    /// Frames that the stop left undelivered in the FIFO.
    pub discarded: u32,
}

impl<P: Platform> RingChannel<P> {
    pub(crate) fn open(platform: &P, parts: Parts<P>, config: RingConfig) -> Result<Self, DriverError> {
        let base = Base::open(parts, config.setup().signal(), config.wait)?;
        let ring = Ring::new(platform.alloc(config.ring_bytes, RING_GRID)?);
        let block = match config.progress {
            Progress::WriteBack(_) => Some(Block::new(platform.alloc(BLOCK_BYTES, BLOCK_BYTES)?, base.id.number())),
            Progress::Register => None,
        };
        Ok(Self {
            memory: Some(Memory { ring, block }),
            base,
            config,
            doorbell_bytes: config.doorbell_bytes(),
            frames: 0,
            frames_announced: None,
            dropped: 0,
            stopped: Stopped::default(),
        })
    }

    /// Starts a new run: all counts and sequence numbers from zero. Frames of the last run that were not read are forgotten.
    ///
    /// # Errors
    /// If it runs already, the card is disabled, the card refuses the configuration ([`DriverError::Failed`]), or it does not start within
    /// [`START_LIMIT_NS`](super::START_LIMIT_NS).
    pub fn start(&mut self) -> Result<(), DriverError> {
        run::start(self)
    }

    /// Stops the run. What was announced can still be read by [`RingChannel::poll`], until the next start. Stopping a channel that is idle gives
    /// the counts of its last run again, or reads them if that failed before.
    ///
    /// # Errors
    /// If it is not idle within [`STOP_LIMIT_NS`](super::STOP_LIMIT_NS) and the card's completion timeout; if it had failed ([`DriverError::Failed`]; what it delivered can still be read); if its
    /// final counts make no sense.
    pub fn stop(&mut self) -> Result<Stopped, DriverError> {
        run::stop(self)
    }

    /// Stops, if it runs, and starts a new run. The way out of [`Phase::Failed`] and [`Phase::Stuck`] too.
    ///
    /// # Errors
    /// As [`RingChannel::start`]; a run that had failed or does not stop in time is no error here: the channel is reset.
    pub fn restart(&mut self) -> Result<(), DriverError> {
        run::restart(self)
    }

    /// Resets the channel: as after power-on. Frames that were not read are forgotten; other channels do not notice.
    ///
    /// # Errors
    /// If it is not idle within [`RESET_LIMIT_NS`](super::RESET_LIMIT_NS) after a stop.
    pub fn reset(&mut self) -> Result<(), DriverError> {
        run::reset(self)
    }
}

impl<B: DmaBuffer> Held<B> for Memory<B> {
    fn block(&mut self) -> Option<&mut Block<B>> {
        self.block.as_mut()
    }

    fn restart(&mut self) {
        self.ring.restart();
    }
}

impl<P: Platform> Run<P> for RingChannel<P> {
    type Memory = Memory<P::Buffer>;
    type End = Stopped;

    fn parts(&mut self) -> (&mut Base<P>, &mut Option<Self::Memory>) {
        (&mut self.base, &mut self.memory)
    }

    fn forget(&mut self) {
        self.stopped = Stopped::default();
        self.frames = 0;
        self.frames_announced = None;
        self.dropped = 0;
    }

    fn end(&self) -> Stopped {
        self.stopped
    }

    fn final_counts(&mut self) -> Result<(), DriverError> {
        self.stopped = Stopped {
            bytes: self.base.get64(c2h::HW_COUNT)?,
            frames: self.base.get64(c2h::FRAMES)?,
            dropped: self.base.get64(c2h::DROPPED)?,
            discarded: self.base.get32(c2h::DISCARDED)?,
        };
        let Stopped { bytes, frames, dropped, .. } = self.stopped;
        self.announce(bytes)?;
        self.frames_announced = Some(frames);
        self.dropped = dropped;
        // One that failed may have been cut off from memory: its registers alone count.
        if let (Phase::Idle, Some(block)) = (self.base.phase, &held(&mut self.memory).block) {
            let written = block.final_count().map_err(|fault| self.base.fault(fault))?;
            if written != bytes {
                return Err(self.base.fault(RingFault::FinalCount { block: written, register: bytes }));
            }
        }
        Ok(())
    }

    fn program(&mut self) -> Result<(), DriverError> {
        let memory = held(&mut self.memory);
        let ring = memory.ring.buffer();
        self.base.put64(c2h::RING_BASE, ring.bus_addr().0)?;
        self.base.put64(c2h::RING_SIZE, ring.len())?;
        let block = memory.block.as_ref().map_or(0, |block| block.buffer().bus_addr().0);
        self.config.setup().program(&self.base, 0, block)
    }
}

impl<P: Platform> Drop for RingChannel<P> {
    fn drop(&mut self) {
        run::close(self);
    }
}
