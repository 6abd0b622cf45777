//! Open, start, stop, reset, drop of a host-to-card channel. The change of state itself is in [`crate::channel`].

use super::config::{SendConfig, SendProgress};
use super::ring::Ring;
use super::staging::{STAGING_GRID, Staging};
use super::{Memory, SendChannel};
use crate::channel::base::{Base, Parts};
use crate::channel::progress::{BLOCK_BYTES, Block};
use crate::channel::run::{self, Held, Run};
use crate::channel::{Phase, held};
use crate::error::{DriverError, RingFault};
use crate::platform::{DmaBuffer, Platform};
use silico_spec::descriptor::RING_GRID;
use silico_spec::registers::h2c;

/// The end of a run: what was sent, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// Frames whose end has gone to the output.
    pub sent: u64,
    /// Payload bytes that have gone to the output, those of a frame that was cut included.
    pub sent_bytes: u64,
    /// Frames submitted and not sent, or not to their end.
    pub frames: u64,
    /// Descriptors submitted and not done.
    pub descriptors: u64,
}

impl<P: Platform> SendChannel<P> {
    pub(crate) fn open(platform: &P, parts: Parts<P>, config: SendConfig) -> Result<Self, DriverError> {
        let base = Base::open(parts, config.signal(), config.wait)?;
        let ring = platform.alloc(Ring::<P::Buffer>::bytes(config.entries), RING_GRID)?;
        let staging = match config.staging_bytes {
            0 => None,
            bytes => Some(Staging::new(platform.alloc(bytes, STAGING_GRID)?)),
        };
        let block = match config.progress {
            SendProgress::WriteBack(_) => Some(Block::new(platform.alloc(BLOCK_BYTES, BLOCK_BYTES)?, base.id.number())),
            SendProgress::Register => None,
        };
        let memory = Some(Memory { ring: Ring::new(ring, config.entries), staging, block });
        Ok(Self { memory, base, config, unsent: None })
    }

    /// Starts a new run: all counts from zero. Frames of the last run that were not sent are forgotten.
    ///
    /// # Errors
    /// If it runs already, the card is disabled, the card refuses the configuration ([`DriverError::Failed`]), or it does not start within
    /// [`START_LIMIT_NS`](crate::channel::START_LIMIT_NS).
    pub fn start(&mut self) -> Result<(), DriverError> {
        run::start(self)
    }

    /// Stops the run, and says what was not sent. What the card has under way it may still end. Stopping a channel that is idle gives the same again, or reads
    /// them if that failed before.
    ///
    /// # Errors
    /// If it is not idle within [`STOP_LIMIT_NS`](crate::channel::STOP_LIMIT_NS) and the card's completion timeout; if it had failed ([`DriverError::Failed`]; [`SendChannel::unsent`] says
    /// what was not sent); if its final counts make no sense.
    pub fn stop(&mut self) -> Result<Unsent, DriverError> {
        run::stop(self)
    }

    /// What the run has sent and what not: final after a stop or a failure, else as far as is known; that is also after a stop that never ended, and after a
    /// reset of the card. Of no run: nothing.
    #[must_use]
    pub fn unsent(&self) -> Unsent {
        self.unsent.or_else(|| self.ring().map(|ring| count(ring, ring.sent.bytes))).unwrap_or_default()
    }

    /// Stops, if it runs, and starts a new run. The way out of [`Phase::Failed`] and [`Phase::Stuck`] too.
    ///
    /// # Errors
    /// As [`SendChannel::start`]; a run that had failed or does not stop in time is no error here: the channel is reset.
    pub fn restart(&mut self) -> Result<(), DriverError> {
        run::restart(self)
    }

    /// Resets the channel: as after power-on. Frames that were not sent are forgotten; other channels do not notice.
    ///
    /// # Errors
    /// If it is not idle within [`RESET_LIMIT_NS`](crate::channel::RESET_LIMIT_NS) after a stop.
    pub fn reset(&mut self) -> Result<(), DriverError> {
        run::reset(self)
    }
}

impl<B: DmaBuffer> Held<B> for Memory<B> {
    fn block(&mut self) -> Option<&mut Block<B>> {
        self.block.as_mut()
    }

    fn restart(&mut self) {
        while let Some(piece) = self.ring.take_undone() {
            self.take_back(piece);
        }
        self.ring.restart();
    }
}

impl<P: Platform> Run<P> for SendChannel<P> {
    type Memory = Memory<P::Buffer>;
    type End = Unsent;

    fn parts(&mut self) -> (&mut Base<P>, &mut Option<Self::Memory>) {
        (&mut self.base, &mut self.memory)
    }

    fn forget(&mut self) {
        self.unsent = None;
    }

    fn end(&self) -> Unsent {
        self.unsent.unwrap_or_default()
    }

    fn final_counts(&mut self) -> Result<(), DriverError> {
        let done = self.base.get64(h2c::DONE)?;
        self.advance(done)?;
        let sent_bytes = self.base.get64(h2c::BYTES)?;
        let memory = held(&mut self.memory);
        let unsent = count(&memory.ring, sent_bytes);
        self.unsent = Some(unsent);
        let frames = self.base.get64(h2c::FRAMES)?;
        if frames != unsent.sent {
            return Err(self.base.fault(RingFault::FrameCount { announced: frames, found: unsent.sent }));
        }
        let (found, wanted) = (self.base.get32(h2c::DISCARDED)?, memory.ring.rung() - done);
        // One that failed listened to no doorbell that was rung after that, and has discarded less.
        let least = if self.base.phase == Phase::Idle { wanted } else { 0 };
        if !(least..=wanted).contains(&found.into()) {
            return Err(self.base.fault(RingFault::Discarded { found, wanted }));
        }
        // One that failed may have been cut off from memory: its registers alone count.
        if let (Phase::Idle, Some(block)) = (self.base.phase, &memory.block) {
            let written = block.final_count().map_err(|fault| self.base.fault(fault))?;
            if written != done {
                return Err(self.base.fault(RingFault::FinalCount { block: written, register: done }));
            }
        }
        Ok(())
    }

    fn program(&mut self) -> Result<(), DriverError> {
        let memory = held(&mut self.memory);
        let (base, config) = (&self.base, &self.config);
        base.put64(h2c::RING_BASE, memory.ring.buffer().bus_addr().0)?;
        base.put32(h2c::RING_ENTRIES, config.entries)?;
        base.put32(h2c::CONFIG, config_word(config))?;
        base.put64(h2c::WB_ADDR, memory.block.as_ref().map_or(0, |block| block.buffer().bus_addr().0))?;
        let policy = match config.progress {
            SendProgress::WriteBack(policy) => [policy.every, policy.time],
            SendProgress::Register => [0; 2],
        };
        base.put32(h2c::WB_EVERY, policy[0])?;
        base.put32(h2c::WB_TIME, policy[1])?;
        let interrupt = config.interrupt.unwrap_or_default();
        let enable = u64::from(config.interrupt.is_some());
        let space = h2c::int_space::VECTOR.set(h2c::int_space::ENABLE.set(0, enable), base.vector(interrupt.vector).into());
        let error = h2c::int_error::VECTOR.set(h2c::int_error::ENABLE.set(0, enable), base.vector(interrupt.error_vector).into());
        base.put32(h2c::INT_SPACE, space as u32)?;
        base.put32(h2c::INT_SPACE_COUNT, interrupt.count)?;
        base.put32(h2c::INT_SPACE_TIME, interrupt.time)?;
        base.put32(h2c::INT_ERROR, error as u32)
    }
}

impl<P: Platform> Drop for SendChannel<P> {
    fn drop(&mut self) {
        run::close(self);
    }
}

/// `sent_bytes`: the card's count. While that is not known, the bytes of descriptors done, of which the last may still wait for the rest of their beat.
fn count<B: DmaBuffer>(ring: &Ring<B>, sent_bytes: u64) -> Unsent {
    Unsent { sent: ring.sent.frames, sent_bytes, frames: ring.submitted.frames - ring.sent.frames, descriptors: ring.given() - ring.done() }
}

fn config_word(config: &SendConfig) -> u32 {
    let (output, target) = config.output.encode();
    let fields = [
        (h2c::config::OUTPUT, output),
        (h2c::config::WRITE_BACK, matches!(config.progress, SendProgress::WriteBack(_)).into()),
        (h2c::config::RELAXED, config.relaxed.into()),
        (h2c::config::NO_SNOOP, config.no_snoop.into()),
        (h2c::config::TARGET, target),
    ];
    fields.iter().fold(0, |word, (field, value)| field.set(word, *value)) as u32
}
