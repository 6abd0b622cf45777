//! Open, start, stop, reset, drop: every change of a channel's state, each wait with a limit.
//!
//! A start programs every register, so that it equals a first one whatever went before. A wait that ran out leaves the channel [`Phase::Stuck`], never
//! "running": the next start resets it.

use super::config::{Progress, RING_GRID, RingConfig, Source};
use super::progress::{BLOCK_BYTES, Block};
use super::ring::Ring;
use super::{Memory, Phase, RingChannel, held, wait};
use crate::access::Named;
use crate::card::{Claim, at, pause_until};
use crate::error::{DriverError, Failure, RingFault};
use crate::platform::{DmaBuffer, Platform, Time};
use core::mem;
use silico_spec::registers::{c2h, card};
use silico_spec::units::BusAddr;
use silico_spec::writeback::ChannelState;

/// How long a channel may take from `run` to running, in ns.
pub const START_LIMIT_NS: u64 = 1_000_000;
/// How long a channel may take to end what is in flight after a stop, in ns.
pub const STOP_LIMIT_NS: u64 = 10_000_000;
/// How long a channel may take for a reset, in ns.
pub const RESET_LIMIT_NS: u64 = 10_000_000;

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
    pub(crate) fn open(
        platform: &P,
        regs: P::Regs,
        irqs: P::Irqs,
        clock: P::Clock,
        channel: u8,
        config: RingConfig,
        claim: Claim,
    ) -> Result<Self, DriverError> {
        // Before anything is mapped: an earlier user's run may still write to where its memory was.
        if read_state(&regs, channel)? != ChannelState::Idle as u8 {
            reset(&regs, &clock, channel)?;
        }
        let ring = Ring::new(platform.alloc(config.ring_bytes, RING_GRID)?);
        let block = match config.progress {
            Progress::WriteBack(_) => Some(Block::new(platform.alloc(BLOCK_BYTES, BLOCK_BYTES)?, channel)),
            Progress::Register => None,
        };
        Ok(Self {
            memory: Some(Memory { ring, block }),
            regs,
            irqs,
            clock,
            channel,
            config,
            doorbell_bytes: config.doorbell_bytes(),
            phase: Phase::Idle,
            run: 0,
            frames: 0,
            frames_announced: None,
            dropped: 0,
            started: false,
            stopped: Stopped::default(),
            waiting: wait::Waiting::new(&config),
            _claim: claim,
        })
    }

    /// Starts a new run: all counts and sequence numbers from zero. Frames of the last run that were not read are forgotten.
    ///
    /// # Errors
    /// If it runs already, the card is disabled, the card refuses the configuration ([`DriverError::Failed`]), or it does not start within
    /// [`START_LIMIT_NS`].
    pub fn start(&mut self) -> Result<(), DriverError> {
        if self.phase == Phase::Running {
            return Err(DriverError::Running { channel: self.channel });
        }
        let control = self.regs.get32(card::CONTROL)?;
        if !card::control::ENABLE.is_set(control.into()) {
            return Err(DriverError::Disabled);
        }
        self.make_idle()?;
        self.forget();
        self.program()?;
        let before = self.regs.any32(at(self.channel, c2h::RUN))?;
        // From here on it may run: whatever fails below must not leave it believed idle.
        self.phase = Phase::Stuck;
        self.write_control(c2h::control::RUN.set(0, 1))?;
        // A refused start passes through "stopping" on its way to the error.
        let settled = |state| state == ChannelState::Running as u8 || state == ChannelState::Error as u8;
        let (state, waited) = self.wait_state(settled, START_LIMIT_NS)?;
        match ChannelState::from_bits(state) {
            Some(ChannelState::Running) => {}
            Some(ChannelState::Error) => {
                let failure = read_failure(&self.regs, self.channel)?;
                self.phase = Phase::Failed(failure);
                return Err(DriverError::Failed { channel: self.channel, failure });
            }
            _ => return Err(DriverError::State { channel: self.channel, found: state, wanted: ChannelState::Running, ns: waited }),
        }
        let (found, wanted) = (self.regs.any32(at(self.channel, c2h::RUN))?, before.wrapping_add(1));
        if found != wanted {
            return Err(DriverError::Run { channel: self.channel, found, wanted });
        }
        self.run = found;
        if let Some(block) = &mut held(&mut self.memory).block {
            block.expect(found);
        }
        self.started = true;
        self.phase = Phase::Running;
        Ok(())
    }

    /// Stops the run. What was announced can still be read by [`RingChannel::poll`], until the next start. Stopping a channel that is idle gives
    /// the counts of its last run again.
    ///
    /// # Errors
    /// If it is not idle within [`STOP_LIMIT_NS`]; if it had failed ([`DriverError::Failed`]; what it delivered can still be read); if its
    /// final counts make no sense.
    pub fn stop(&mut self) -> Result<Stopped, DriverError> {
        match self.phase {
            Phase::Idle => return Ok(self.stopped),
            Phase::Failed(failure) => return Err(DriverError::Failed { channel: self.channel, failure }),
            Phase::Running | Phase::Stuck => self.phase = Phase::Stuck,
        }
        self.write_control(0)?;
        let done = |state| state == ChannelState::Idle as u8 || state == ChannelState::Error as u8;
        let (state, ns) = self.wait_state(done, STOP_LIMIT_NS)?;
        if !done(state) {
            return Err(DriverError::State { channel: self.channel, found: state, wanted: ChannelState::Idle, ns });
        }
        self.phase = Phase::Idle;
        if !self.started {
            return Ok(self.stopped);
        }
        // The completion of that read pushed all posted writes of the run into memory: everything is final.
        let failure = read_failure(&self.regs, self.channel)?;
        if state == ChannelState::Error as u8 || failure.code != 0 {
            self.phase = Phase::Failed(failure);
        }
        self.final_counts()?;
        match self.phase {
            Phase::Failed(failure) => Err(DriverError::Failed { channel: self.channel, failure }),
            _ => Ok(self.stopped),
        }
    }

    /// Stops, if it runs, and starts a new run. The way out of [`Phase::Failed`] and [`Phase::Stuck`] too.
    ///
    /// # Errors
    /// As [`RingChannel::start`]; a run that had failed or does not stop in time is no error here: the channel is reset.
    pub fn restart(&mut self) -> Result<(), DriverError> {
        if self.phase == Phase::Running {
            match self.stop() {
                Ok(_) | Err(DriverError::Failed { .. } | DriverError::State { .. } | DriverError::Fault { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.start()
    }

    /// Resets the channel: as after power-on. Frames that were not read are forgotten; other channels do not notice.
    ///
    /// # Errors
    /// If it is not idle within [`RESET_LIMIT_NS`].
    pub fn reset(&mut self) -> Result<(), DriverError> {
        self.phase = Phase::Stuck;
        reset(&self.regs, &self.clock, self.channel)?;
        self.phase = Phase::Idle;
        self.forget();
        Ok(())
    }

    fn make_idle(&mut self) -> Result<(), DriverError> {
        self.write_control(0)?;
        if self.phase == Phase::Stuck || read_state(&self.regs, self.channel)? != ChannelState::Idle as u8 {
            self.phase = Phase::Stuck;
            reset(&self.regs, &self.clock, self.channel)?;
            self.phase = Phase::Idle;
        }
        Ok(())
    }

    /// Nothing of the run before is left. The channel must be idle.
    fn forget(&mut self) {
        let memory = held(&mut self.memory);
        memory.ring.restart();
        if let Some(block) = &mut memory.block {
            block.clear();
        }
        (self.started, self.stopped) = (false, Stopped::default());
        self.frames = 0;
        self.frames_announced = None;
        self.dropped = 0;
        if self.phase != Phase::Stuck {
            self.phase = Phase::Idle;
        }
    }

    fn final_counts(&mut self) -> Result<(), DriverError> {
        let get = |register| self.regs.get64(at(self.channel, register));
        self.stopped = Stopped {
            bytes: get(c2h::HW_COUNT)?,
            frames: get(c2h::FRAMES)?,
            dropped: get(c2h::DROPPED)?,
            discarded: self.regs.get32(at(self.channel, c2h::DISCARDED))?,
        };
        let Stopped { bytes, frames, dropped, .. } = self.stopped;
        self.announce(bytes)?;
        self.frames_announced = Some(frames);
        self.dropped = dropped;
        // One that failed may have been cut off from memory: its registers alone count.
        if let (Phase::Idle, Some(block)) = (self.phase, &held(&mut self.memory).block) {
            let written = block.final_count().map_err(|fault| self.fault(fault))?;
            if written != bytes {
                return Err(self.fault(RingFault::FinalCount { block: written, register: bytes }));
            }
        }
        Ok(())
    }

    fn write_control(&self, value: u64) -> Result<(), DriverError> {
        self.regs.put32(at(self.channel, c2h::CONTROL), value as u32)
    }

    fn wait_state(&self, wanted: impl Fn(u8) -> bool, limit_ns: u64) -> Result<(u8, u64), DriverError> {
        wait_state(&self.regs, &self.clock, self.channel, wanted, limit_ns)
    }

    fn program(&mut self) -> Result<(), DriverError> {
        let memory = held(&mut self.memory);
        let ring = memory.ring.buffer();
        let (regs, channel, config) = (&self.regs, self.channel, &self.config);
        let put32 = |register, value| regs.put32(at(channel, register), value);
        let put64 = |register, value| regs.put64(at(channel, register), value);
        put64(c2h::RING_BASE, ring.bus_addr().0)?;
        put64(c2h::RING_SIZE, ring.len())?;
        put64(c2h::WB_ADDR, memory.block.as_ref().map_or(0, |block| block.buffer().bus_addr().0))?;
        let policy = match config.progress {
            Progress::WriteBack(policy) => [policy.frames, policy.bytes, policy.time],
            Progress::Register => [0; 3],
        };
        put32(c2h::WB_FRAMES, policy[0])?;
        put32(c2h::WB_BYTES, policy[1])?;
        put32(c2h::WB_TIME, policy[2])?;
        put32(c2h::CONFIG, config_word(config))?;
        put32(c2h::MAX_FRAME, config.max_frame)?;
        put32(c2h::BUSY_ASSERT, config.busy.assert)?;
        put32(c2h::BUSY_RELEASE, config.busy.release)?;
        let interrupt = config.interrupt.unwrap_or_default();
        let enable = u64::from(config.interrupt.is_some());
        let data = c2h::int_data::VECTOR.set(c2h::int_data::ENABLE.set(0, enable), interrupt.vector.into());
        let error = c2h::int_error::VECTOR.set(c2h::int_error::ENABLE.set(0, enable), interrupt.error_vector.into());
        put32(c2h::INT_DATA, data as u32)?;
        put32(c2h::INT_DATA_FRAMES, interrupt.frames)?;
        put32(c2h::INT_DATA_TIME, interrupt.time)?;
        put32(c2h::INT_ERROR, error as u32)?;
        self.program_generator()
    }

    fn program_generator(&self) -> Result<(), DriverError> {
        let Source::Generator(generator) = &self.config.source else { return Ok(()) };
        let put32 = |register, value| self.regs.put32(at(self.channel, register), value);
        let (mode, min, max) = generator.lengths.encode();
        let word = c2h::gen_config::SOURCE.set(c2h::gen_config::MODE.set(0, mode as u64), generator.source.into());
        put32(c2h::GEN_CONFIG, word as u32)?;
        put32(c2h::GEN_MIN, min)?;
        put32(c2h::GEN_MAX, max)?;
        put32(c2h::GEN_PAUSE, generator.pause)?;
        put32(c2h::GEN_RATE, generator.rate)?;
        self.regs.put64(at(self.channel, c2h::GEN_SEED), generator.seed)?;
        self.regs.put64(at(self.channel, c2h::GEN_COUNT), generator.count)?;
        if let super::Lengths::Table(table) = generator.lengths {
            for (entry, length) in (0..).zip(table) {
                put32(c2h::GEN_TABLE + entry * c2h::GEN_TABLE_STRIDE, length)?;
            }
        }
        Ok(())
    }
}

impl<P: Platform> Drop for RingChannel<P> {
    /// Makes the channel quiet, then frees its memory. A card that does not get quiet keeps it: leaked memory is harmless, a late write into memory
    /// of somebody else is not.
    fn drop(&mut self) {
        if self.phase == Phase::Idle {
            return;
        }
        let quiet = match self.stop() {
            Ok(_) | Err(DriverError::Gone { .. } | DriverError::Failed { .. }) => true,
            Err(_) => matches!(self.reset(), Ok(()) | Err(DriverError::Gone { .. })),
        };
        if !quiet {
            mem::forget(self.memory.take());
        }
    }
}

fn config_word(config: &RingConfig) -> u32 {
    let mut word = 0;
    let flags = [
        (c2h::config::GENERATOR, matches!(config.source, Source::Generator(_))),
        (c2h::config::DROP, config.when_full == super::WhenFull::Drop),
        (c2h::config::WRITE_BACK, matches!(config.progress, Progress::WriteBack(_))),
        (c2h::config::RELAXED, config.relaxed),
        (c2h::config::NO_SNOOP, config.no_snoop),
    ];
    for (field, set) in flags {
        word = field.set(word, set.into());
    }
    word as u32
}

fn read_state(regs: &impl Named, channel: u8) -> Result<u8, DriverError> {
    Ok(c2h::status::STATE.get(regs.get32(at(channel, c2h::STATUS))?.into()) as u8)
}

pub(super) fn read_failure(regs: &impl Named, channel: u8) -> Result<Failure, DriverError> {
    let code = c2h::error::CODE.get(regs.get32(at(channel, c2h::ERROR))?.into()) as u8;
    Ok(Failure { code, addr: BusAddr(regs.any64(at(channel, c2h::ERROR_ADDR))?) })
}

/// Reads `STATUS.state` until it is `wanted`, or for `limit_ns`. Returns the last value and the time waited.
fn wait_state(
    regs: &impl Named,
    clock: &impl Time,
    channel: u8,
    wanted: impl Fn(u8) -> bool,
    limit_ns: u64,
) -> Result<(u8, u64), DriverError> {
    let start = clock.now();
    let deadline = start.after(limit_ns);
    loop {
        let state = read_state(regs, channel)?;
        let now = clock.now();
        if wanted(state) || now >= deadline {
            return Ok((state, now.0.saturating_sub(start.0)));
        }
        clock.pause(pause_until(now, deadline));
    }
}

/// Waits until the channel is idle.
pub(crate) fn wait_idle(regs: &impl Named, clock: &impl Time, channel: u8, limit_ns: u64) -> Result<(), DriverError> {
    let wanted = ChannelState::Idle;
    let (found, ns) = wait_state(regs, clock, channel, |state| state == wanted as u8, limit_ns)?;
    if found == wanted as u8 { Ok(()) } else { Err(DriverError::State { channel, found, wanted, ns }) }
}

/// Resets a channel and waits until it is idle.
fn reset(regs: &impl Named, clock: &impl Time, channel: u8) -> Result<(), DriverError> {
    regs.put32(at(channel, c2h::CONTROL), c2h::control::RESET.set(0, 1) as u32)?;
    wait_idle(regs, clock, channel, RESET_LIMIT_NS)
}
