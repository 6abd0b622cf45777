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

mod config;
mod frame;
mod lifecycle;
mod progress;
mod ring;
mod wait;

pub use config::{
    BusyThresholds, DataInterrupt, FULL_RATE, Generator, Lengths, Progress, RING_GRID, RING_MAX, RingConfig, Source, WaitMode, WhenFull,
    WriteBackPolicy,
};
pub use frame::{CrcError, Frame};
pub(crate) use lifecycle::wait_idle;
pub use lifecycle::{RESET_LIMIT_NS, START_LIMIT_NS, STOP_LIMIT_NS, Stopped};
pub use progress::{TORN_PAUSE_NS, TORN_RETRIES};
pub use wait::{LOST_WAKE_UP_GRACE_NS, SPURIOUS_LIMIT, Wait, WaitStats};

use crate::access::Named;
use crate::card::{Claim, at, identify};
use crate::counters::ChannelCounters;
use crate::error::{DriverError, Failure, RingFault};
use crate::platform::{DmaBuffer, DmaMemory, Platform};
use core::fmt;
use progress::{Block, Look};
use ring::Ring;
use silico_spec::registers::c2h;
use silico_spec::units::BusAddr;
use silico_spec::writeback::ChannelState;

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
struct Memory<B> {
    ring: Ring<B>,
    block: Option<Block<B>>,
}

/// One C2H channel with a ring.
pub struct RingChannel<P: Platform> {
    /// `None` only within drop, where memory that the card may still write to is leaked.
    memory: Option<Memory<<P as DmaMemory>::Buffer>>,
    regs: P::Regs,
    irqs: P::Irqs,
    clock: P::Clock,
    channel: u8,
    config: RingConfig,
    doorbell_bytes: u64,
    phase: Phase,
    run: u32,
    /// Frames read in this run.
    frames: u64,
    /// Frames that the card says are in the bytes announced, where it says so.
    frames_announced: Option<u64>,
    dropped: u64,
    /// Whether the card counts for this run: before, its counts are of another one.
    started: bool,
    /// How the run ended, once it has.
    stopped: Stopped,
    waiting: wait::Waiting,
    _claim: Claim,
}

/// The memory, apart from the rest of the channel so that both can be used at once.
fn held<B>(memory: &mut Option<Memory<B>>) -> &mut Memory<B> {
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
        let channel = self.channel;
        match held(&mut self.memory).ring.next(channel, self.config.max_frame) {
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
        if self.phase != Phase::Running || ring.owed() == 0 {
            return Ok(());
        }
        let count = ring.give_back();
        self.regs.put64(at(self.channel, c2h::SW_COUNT), count)
    }

    #[cold]
    fn fault(&self, fault: RingFault) -> DriverError {
        DriverError::Fault { channel: self.channel, fault }
    }

    /// All announced frames are read: is there more?
    fn look(&mut self) -> Result<bool, DriverError> {
        if let Some(announced) = self.frames_announced
            && announced != self.frames
        {
            return Err(self.fault(RingFault::FrameCount { announced, found: self.frames }));
        }
        match self.phase {
            Phase::Idle | Phase::Stuck => Ok(false),
            Phase::Failed(failure) => Err(DriverError::Failed { channel: self.channel, failure }),
            Phase::Running if held(&mut self.memory).block.is_some() => self.look_at_block(),
            Phase::Running => self.look_at_registers(),
        }
    }

    fn look_at_block(&mut self) -> Result<bool, DriverError> {
        let Memory { ring, block: Some(block) } = held(&mut self.memory) else { return Ok(false) };
        let new = match block.look(&self.clock) {
            Ok(Look::Nothing) => return Ok(false),
            Ok(Look::New(new)) => new,
            Ok(Look::AllOnes) => {
                identify(&self.regs)?;
                return Err(self.fault(RingFault::BlockAllOnes));
            }
            Err(fault) => return Err(self.fault(fault)),
        };
        let grown = match ring.announce(new.hw_count) {
            Ok(grown) => grown,
            Err(fault) => {
                if new.hw_count == u64::MAX {
                    identify(&self.regs)?;
                }
                return Err(self.fault(fault));
            }
        };
        self.frames_announced = Some(new.frames);
        self.dropped = new.dropped;
        let failed = match ChannelState::from_bits(new.state) {
            Some(ChannelState::Running) => false,
            Some(ChannelState::Error) => true,
            _ => return Err(self.fault(RingFault::State { found: new.state })),
        };
        block.accept(new.sequence);
        if failed { self.failed(Failure { code: new.error, addr: BusAddr(new.error_addr) }, grown) } else { Ok(grown) }
    }

    fn look_at_registers(&mut self) -> Result<bool, DriverError> {
        let count = self.regs.get64(at(self.channel, c2h::HW_COUNT))?;
        if self.announce(count)? {
            return Ok(true);
        }
        self.check_health()
    }

    fn announce(&mut self, count: u64) -> Result<bool, DriverError> {
        held(&mut self.memory).ring.announce(count).map_err(|fault| self.fault(fault))
    }

    /// The channel stopped by itself. What it announced before comes first, the failure after it.
    fn failed(&mut self, failure: Failure, grown: bool) -> Result<bool, DriverError> {
        self.phase = Phase::Failed(failure);
        if grown { Ok(true) } else { Err(DriverError::Failed { channel: self.channel, failure }) }
    }

    /// Asks the registers whether a channel that is silent still runs: one that failed because it may not write to memory any more cannot say so by
    /// a block or an interrupt. Returns whether there is something to read.
    fn check_health(&mut self) -> Result<bool, DriverError> {
        let status = self.regs.get32(at(self.channel, c2h::STATUS))?;
        let found = c2h::status::STATE.get(status.into()) as u8;
        match ChannelState::from_bits(found) {
            // Stopping, unasked: on its way to the error state, in which counts are final.
            Some(ChannelState::Running | ChannelState::Stopping) => Ok(false),
            Some(ChannelState::Error) => {
                let failure = lifecycle::read_failure(&self.regs, self.channel)?;
                // Counts are final in this state, so these two belong together.
                let count = self.regs.get64(at(self.channel, c2h::HW_COUNT))?;
                self.frames_announced = Some(self.regs.get64(at(self.channel, c2h::FRAMES))?);
                let grown = self.announce(count)?;
                self.failed(failure, grown)
            }
            _ => Err(self.fault(RingFault::State { found })),
        }
    }

    /// The channel's number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.channel
    }

    /// What the driver knows of its state.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The configuration that it was opened with.
    #[must_use]
    pub const fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Number of the run (starts since card reset).
    #[must_use]
    pub const fn run(&self) -> u32 {
        self.run
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
        ChannelCounters::read(&self.regs, self.channel)
    }
}

impl<P: Platform> fmt::Debug for RingChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingChannel")
            .field("channel", &self.channel)
            .field("phase", &self.phase)
            .field("run", &self.run)
            .field("frames", &self.frames)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
