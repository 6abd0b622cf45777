//! A card-to-host channel with a ring: configured, started, polled, waited on, stopped.
//!
//! ```text
//!   loop {
//!       while let Some(frame) = channel.poll()? { … frame.header, frame.head, frame.tail … }
//!       channel.wait(deadline)?;
//!   }
//! ```
//! [`RingChannel::poll`] never blocks: one load when there is nothing, no lock and no allocation ever. A frame is read where it lies and given back
//! when the next one is asked for; the doorbell is rung once for many. Each channel owns its registers, memory and handles, so each can
//! live on a thread of its own.

pub(crate) mod base;
mod config;
mod frame;
mod lifecycle;
pub(crate) mod progress;
mod ring;
pub(crate) mod run;
mod serve;
pub(crate) mod setup;
pub(crate) mod wait;

pub use crate::limits::{RESET_LIMIT_NS, START_LIMIT_NS, STOP_LIMIT_NS};
pub use config::{
    BusyThresholds, DataInterrupt, ElinkBlocks, FULL_RATE, Generator, Lengths, Progress, RING_GRID, RING_MAX, RingConfig, Source, WaitMode,
    WhenFull, WriteBackPolicy,
};
pub use frame::{CrcError, Frame};
pub use lifecycle::Stopped;
pub use progress::{TORN_PAUSE_NS, TORN_RETRIES};
pub use serve::Turn;
pub use wait::{LOST_WAKE_UP_GRACE_NS, SPURIOUS_LIMIT, Wait, WaitStats};

use crate::counters::ChannelCounters;
use crate::error::{DriverError, Failure, RingFault};
use crate::platform::{DmaBuffer, DmaMemory, ForkPlatform, Nanos, Platform};
use base::{Base, Health};
use core::fmt;
use progress::Block;
use ring::Ring;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::registers::c2h;
use silico_spec::units::BusAddr;

/// What the driver knows of a channel's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not running. Frames of the last run may still be read.
    Idle,
    /// Running.
    Running,
    /// Stopped by itself. Frames announced before may still be read.
    Failed(Failure),
    /// It did not stop, or start, in time: the next start resets it first.
    Stuck,
}

/// DMA memory of a channel.
pub(crate) struct Memory<B> {
    ring: Ring<B>,
    block: Option<Block<B>>,
}

impl<B: Fork> Fork for Memory<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { ring: self.ring.fork(memo)?, block: self.block.fork(memo)? })
    }
}

/// One C2H channel with a ring.
pub struct RingChannel<P: Platform> {
    /// `None` only within drop, where memory that the card may still write to is leaked.
    memory: Option<Memory<<P as DmaMemory>::Buffer>>,
    base: Base<P>,
    config: RingConfig,
    doorbell_bytes: u64,
    /// Frames read in this run.
    frames: u64,
    /// Frames that the card says are in the bytes announced, where it says so.
    frames_announced: Option<u64>,
    dropped: u64,
    /// How the run ended, once it has.
    stopped: Stopped,
}

impl<P: ForkPlatform> Fork for RingChannel<P> {
    /// The same channel of the same run, on the copy of its card: one copy for each, under one memo.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let (memory, base) = (self.memory.fork(memo)?, self.base.fork(memo)?);
        Ok(Self { memory, base, ..*self })
    }
}

/// The memory, apart from the rest of the channel so that both can be used at once.
pub(crate) fn held<M>(memory: &mut Option<M>) -> &mut M {
    memory.as_mut().expect("only drop takes the memory")
}

impl<P: Platform> RingChannel<P> {
    /// The next frame, or `None` if there is none at the moment. Never blocks. The frame before is given back by this call.
    ///
    /// # Errors
    /// - [`DriverError::Failed`] when the channel stopped by itself, after the last frame that it delivered; a start makes it run again.
    /// - [`DriverError::Fault`] when what it announced or delivered cannot be; the position does not move.
    /// - [`DriverError::Gone`] when the card is not there any more.
    #[inline]
    pub fn poll(&mut self) -> Result<Option<Frame<'_>>, DriverError> {
        let ring = &held(&mut self.memory).ring;
        if ring.owed() >= self.doorbell_bytes {
            self.give_back()?;
        }
        if held(&mut self.memory).ring.is_drained() && !self.look()? {
            self.give_back()?;
            return Ok(None);
        }
        let channel = self.base.id;
        match held(&mut self.memory).ring.next(channel.number(), self.config.source.frame_limit(self.config.max_frame)) {
            Ok(frame) => {
                self.frames += 1;
                Ok(Some(frame))
            }
            Err(fault) => Err(DriverError::Fault { channel, fault }),
        }
    }

    /// Rings the doorbell for all that was read. [`RingChannel::poll`] and [`RingChannel::wait`] do so by themselves; here for those who stop to
    /// poll for a while.
    ///
    /// # Errors
    /// If the register cannot be written.
    pub fn give_back(&mut self) -> Result<(), DriverError> {
        let ring = &mut held(&mut self.memory).ring;
        // A channel that does not run listens to no doorbell; its memory goes back at the next start.
        if self.base.phase != Phase::Running || ring.owed() == 0 {
            return Ok(());
        }
        let count = ring.give_back();
        self.base.put64(c2h::SW_COUNT, count)
    }

    /// Waits until there is a frame to read, or until `deadline`, in the configured way. Gives back what was read first.
    ///
    /// # Errors
    /// As [`RingChannel::poll`]; [`DriverError::InterruptStorm`] after [`SPURIOUS_LIMIT`] interrupts with nothing behind them.
    pub fn wait(&mut self, deadline: Nanos) -> Result<Wait, DriverError> {
        self.wait_as(self.config.wait, deadline)
    }

    /// As [`RingChannel::wait`], in another way than the configured one.
    ///
    /// # Errors
    /// As [`RingChannel::wait`]. To sleep without interrupts in the configuration is refused.
    pub fn wait_as(&mut self, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
        wait::wait(self, mode, deadline)
    }

    /// What happened in this channel's waits.
    #[must_use]
    pub const fn wait_stats(&self) -> &WaitStats {
        self.base.waiting.stats()
    }

    /// All announced frames are read: is there more?
    fn look(&mut self) -> Result<bool, DriverError> {
        if let Some(announced) = self.frames_announced
            && announced != self.frames
        {
            return Err(self.base.fault(RingFault::FrameCount { announced, found: self.frames }));
        }
        if !self.base.listens()? {
            return Ok(false);
        }
        if held(&mut self.memory).block.is_some() { self.look_at_block() } else { self.look_at_registers() }
    }

    fn look_at_block(&mut self) -> Result<bool, DriverError> {
        let Memory { ring, block: Some(block) } = held(&mut self.memory) else { return Ok(false) };
        let Some(new) = self.base.look_at(block)? else { return Ok(false) };
        let grown = match ring.announce(new.hw_count) {
            Ok(grown) => grown,
            Err(fault) if new.hw_count == u64::MAX => return Err(self.base.all_ones(fault)),
            Err(fault) => return Err(self.base.fault(fault)),
        };
        self.frames_announced = Some(new.frames);
        self.dropped = new.dropped;
        let health = self.base.health_of(&new)?;
        block.accept(new.sequence);
        match health {
            Health::Alive => Ok(grown),
            Health::Failed(failure) => self.base.note_failure(failure, grown),
        }
    }

    fn look_at_registers(&mut self) -> Result<bool, DriverError> {
        let count = self.base.get64(c2h::HW_COUNT)?;
        if self.announce(count)? {
            return Ok(true);
        }
        self.check_health()
    }

    fn announce(&mut self, count: u64) -> Result<bool, DriverError> {
        held(&mut self.memory).ring.announce(count).map_err(|fault| self.base.fault(fault))
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        let Health::Failed(failure) = self.base.health()? else { return Ok(false) };
        // Counts are final in this state, so these two belong together.
        let count = self.base.get64(c2h::HW_COUNT)?;
        self.frames_announced = Some(self.base.get64(c2h::FRAMES)?);
        let grown = self.announce(count)?;
        self.base.note_failure(failure, grown)
    }

    /// The channel's number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.base.id.number()
    }

    /// What the driver knows of its state.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.base.phase
    }

    /// The configuration that it was opened with.
    #[must_use]
    pub const fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Number of the run (starts since card reset).
    #[must_use]
    pub const fn run(&self) -> u32 {
        self.base.run
    }

    /// Frames read in this run.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames dropped by the card in this run, as of the last write-back block or stop.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes read in this run, headers and padding included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.ring.taken())
    }

    /// Bytes that the card has announced and that are not read yet.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.ring.announced() - memory.ring.taken())
    }

    /// Bus address of the ring.
    #[must_use]
    pub fn ring_addr(&self) -> BusAddr {
        self.memory.as_ref().map_or(BusAddr::default(), |memory| memory.ring.buffer().bus_addr())
    }

    /// The channel's performance counters at the card's last latch.
    ///
    /// # Errors
    /// If a read fails.
    pub fn counters(&self) -> Result<ChannelCounters, DriverError> {
        ChannelCounters::read(self.base.regs(), self.number())
    }
}

impl<P: Platform> wait::Awaited<P> for RingChannel<P> {
    fn base(&mut self) -> &mut Base<P> {
        &mut self.base
    }

    fn at_hand(&mut self) -> bool {
        !held(&mut self.memory).ring.is_drained()
    }

    fn look(&mut self) -> Result<bool, DriverError> {
        Self::look(self)
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        Self::check_health(self)
    }

    fn hand_over(&mut self) -> Result<(), DriverError> {
        self.give_back()
    }

    fn seen(&self) -> u64 {
        self.frames
    }

    fn beyond(&self, armed: u64) -> u64 {
        // Without a count from the card, one frame is what is known for sure.
        self.frames_announced.map_or(1, |announced| announced.saturating_sub(armed))
    }
}

impl<P: Platform> fmt::Debug for RingChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingChannel")
            .field("channel", &self.base.id)
            .field("phase", &self.base.phase)
            .field("run", &self.base.run)
            .field("frames", &self.frames)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
