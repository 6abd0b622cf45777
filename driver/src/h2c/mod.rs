//! A host-to-card channel: frames out of host memory, through a ring of descriptors.
//!
//! ```text
//!   let ticket = channel.send(&payload, cookie)?;                 // copied into the channel's staging memory
//!   let mut frame = channel.reserve(length)?;                     // or filled in place
//!   frame.payload().fill(7); let ticket = frame.send(cookie)?;
//!   let ticket = channel.submit_parts(&mut buffer, &[0..64, 128..256], cookie)?; // or out of an own buffer, in several parts
//!   channel.reclaim()?;                                           // what is sent is free again
//!   channel.wait(Until::Sent(ticket), deadline)?;
//! ```
//! Nothing here blocks but [`SendChannel::wait`]; what has no room is refused with [`DriverError::WouldBlock`] and nothing has changed. No lock, and no
//! allocation for a frame. Descriptors are in memory before the doorbell names them: register writes come after all earlier stores, by
//! [`Registers`](crate::platform::Registers).

mod config;
mod lifecycle;
mod ring;
mod staging;
mod submit;

pub use config::{Output, STAGING_MAX, SendConfig, SendProgress, SendWriteBack, SpaceInterrupt};
pub use lifecycle::Unsent;
pub use submit::{Reservation, Ticket};

use crate::channel::base::{Base, Health};
use crate::channel::progress::Block;
use crate::channel::wait::{Awaited, wait};
use crate::channel::{Phase, Wait, WaitMode, WaitStats, held};
use crate::error::{ConfigError, DriverError, RingFault, check};
use crate::platform::{DmaBuffer, DmaMemory, ForkPlatform, Nanos, Platform};
use core::fmt;
use ring::Ring;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::registers::h2c;
use staging::Staging;

/// DMA memory of a channel.
pub(crate) struct Memory<B> {
    ring: Ring<B>,
    staging: Option<Staging<B>>,
    block: Option<Block<B>>,
}

impl<B: Fork> Fork for Memory<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { ring: self.ring.fork(memo)?, staging: self.staging.fork(memo)?, block: self.block.fork(memo)? })
    }
}

impl<B: DmaBuffer> Memory<B> {
    /// Takes over that `count` descriptors are done: their entries and staging memory are free. Returns whether there are new ones.
    fn advance(&mut self, count: u64) -> Result<bool, RingFault> {
        self.ring.check(count)?;
        let grown = count != self.ring.done();
        while let Some(piece) = self.ring.take_done(count) {
            self.take_back(piece);
        }
        Ok(grown)
    }

    fn take_back(&mut self, piece: Option<staging::Piece>) {
        if let (Some(piece), Some(staging)) = (piece, &mut self.staging) {
            staging.take_back(piece);
        }
    }
}

/// What a sender can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This many descriptors are free.
    Entries(u32),
    /// A frame of this many bytes fits the staging memory, and one descriptor is free.
    Staging(u32),
    /// This frame has been sent.
    Sent(Ticket),
    /// All frames have been sent.
    AllSent,
}

/// What the checking sink saw of the last whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// CRC-32C of its payload.
    pub crc: u32,
    /// Its bytes.
    pub length: u32,
}

/// One H2C channel.
pub struct SendChannel<P: Platform> {
    /// `None` only within drop, where memory that the card may still read or write is leaked.
    memory: Option<Memory<<P as DmaMemory>::Buffer>>,
    base: Base<P>,
    config: SendConfig,
    /// How the run ended, once that is known.
    unsent: Option<Unsent>,
}

impl<P: ForkPlatform> Fork for SendChannel<P> {
    /// The same channel of the same run, on the copy of its card: one copy for each, under one memo.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let (memory, base) = (self.memory.fork(memo)?, self.base.fork(memo)?);
        Ok(Self { memory, base, ..*self })
    }
}

impl<P: Platform> SendChannel<P> {
    /// Takes over what has been sent: entries and staging memory are free again. Never blocks. Returns the frames that this call
    /// found sent. If there is nothing, the doorbell is rung for all that was submitted.
    ///
    /// # Errors
    /// - [`DriverError::Failed`] when the channel stopped by itself, with the cookie of the descriptor where there is one; a start makes it run again.
    /// - [`DriverError::Fault`] when the card's counts cannot be.
    /// - [`DriverError::Gone`] when the card is not there any more.
    pub fn reclaim(&mut self) -> Result<u64, DriverError> {
        let before = self.frames();
        if !self.progress()? {
            self.flush()?;
        }
        Ok(self.frames() - before)
    }

    /// Rings the doorbell for all that was submitted. A batch that is full, [`SendChannel::reclaim`] and [`SendChannel::wait`] do so by themselves.
    ///
    /// # Errors
    /// If the register cannot be written.
    pub fn flush(&mut self) -> Result<(), DriverError> {
        let ring = &mut held(&mut self.memory).ring;
        if self.base.phase != Phase::Running || ring.pending() == 0 {
            return Ok(());
        }
        let count = ring.ring();
        self.base.put64(h2c::TAIL, count)
    }

    /// Waits for `until`, or until `deadline`, in the configured way. Rings the doorbell first.
    ///
    /// # Errors
    /// As [`SendChannel::reclaim`]; [`DriverError::InterruptStorm`] after [`SPURIOUS_LIMIT`](crate::channel::SPURIOUS_LIMIT) interrupts with nothing
    /// behind them; what can never come, because the ring or the staging memory is smaller, is refused; so is a ticket of another run.
    pub fn wait(&mut self, until: Until, deadline: Nanos) -> Result<Wait, DriverError> {
        self.wait_as(self.config.wait, until, deadline)
    }

    /// As [`SendChannel::wait`], in another way than the configured one.
    ///
    /// # Errors
    /// As [`SendChannel::wait`]. To sleep without interrupts in the configuration is refused.
    pub fn wait_as(&mut self, mode: WaitMode, until: Until, deadline: Nanos) -> Result<Wait, DriverError> {
        self.check_until(until)?;
        wait(&mut Waiter { channel: self, until }, mode, deadline)
    }

    /// What happened in this channel's waits.
    #[must_use]
    pub const fn wait_stats(&self) -> &WaitStats {
        self.base.waiting.stats()
    }

    fn check_until(&mut self, until: Until) -> Result<(), DriverError> {
        let memory = held(&mut self.memory);
        match until {
            Until::Entries(entries) => {
                Ok(check(u64::from(entries) <= memory.ring.entries(), "until.entries", entries.into(), "at most the ring's entries")?)
            }
            Until::Staging(bytes) => Ok(check_staged(memory.staging.as_ref(), bytes.into())?),
            Until::Sent(ticket) => self.check_ticket(ticket),
            Until::AllSent => Ok(()),
        }
    }

    fn is_there(&mut self, until: Until) -> bool {
        let Memory { ring, staging, .. } = held(&mut self.memory);
        match until {
            Until::Entries(entries) => ring.free() >= entries.into(),
            Until::Staging(bytes) => ring.free() > 0 && staging.as_ref().is_some_and(|staging| staging.find(bytes.into()).is_ok()),
            Until::Sent(ticket) => ring.done() >= ticket.done,
            Until::AllSent => ring.done() == ring.given(),
        }
    }

    /// Looks how far the card is. Returns whether it is further.
    fn progress(&mut self) -> Result<bool, DriverError> {
        if !self.base.listens()? {
            return Ok(false);
        }
        if held(&mut self.memory).block.is_some() { self.look_at_block() } else { self.look_at_register() }
    }

    fn look_at_block(&mut self) -> Result<bool, DriverError> {
        let memory = held(&mut self.memory);
        let Some(block) = &memory.block else { return Ok(false) };
        let Some(new) = self.base.look_at(block)? else { return Ok(false) };
        let grown = match memory.advance(new.hw_count) {
            Ok(grown) => grown,
            Err(fault) if new.hw_count == u64::MAX => return Err(self.base.all_ones(fault)),
            Err(fault) => return Err(self.base.fault(fault)),
        };
        let found = memory.ring.sent.frames;
        if new.frames != found {
            return Err(self.base.fault(RingFault::FrameCount { announced: new.frames, found }));
        }
        let health = self.base.health_of(&new)?;
        if let Some(block) = &mut memory.block {
            block.accept(new.sequence);
        }
        match health {
            Health::Alive => Ok(grown),
            Health::Failed(failure) => self.base.note_failure(failure, grown),
        }
    }

    fn look_at_register(&mut self) -> Result<bool, DriverError> {
        let count = self.base.get64(h2c::DONE)?;
        if self.advance(count)? {
            return Ok(true);
        }
        self.check_health()
    }

    fn advance(&mut self, count: u64) -> Result<bool, DriverError> {
        held(&mut self.memory).advance(count).map_err(|fault| self.base.fault(fault))
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        let Health::Failed(failure) = self.base.health()? else { return Ok(false) };
        let count = self.base.get64(h2c::DONE)?;
        let grown = self.advance(count)?;
        self.base.note_failure(failure, grown)
    }

    fn check_ticket(&self, ticket: Ticket) -> Result<(), DriverError> {
        if ticket.channel == self.base.id && ticket.serial == self.base.serial && self.base.started {
            return Ok(());
        }
        Err(DriverError::Stale { channel: self.base.id, what: "ticket", number: ticket.done })
    }

    /// Whether the frame of `ticket` had been sent when [`SendChannel::reclaim`] last looked.
    ///
    /// # Errors
    /// If the ticket is of another channel or run.
    pub fn is_sent(&self, ticket: Ticket) -> Result<bool, DriverError> {
        self.check_ticket(ticket)?;
        Ok(self.descriptors_sent() >= ticket.done)
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
    pub const fn config(&self) -> &SendConfig {
        &self.config
    }

    /// Number of the run (starts since card reset).
    #[must_use]
    pub const fn run(&self) -> u32 {
        self.base.run
    }

    fn ring(&self) -> Option<&Ring<P::Buffer>> {
        self.memory.as_ref().map(|memory| &memory.ring)
    }

    /// Frames sent in this run, as far as is known.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.ring().map_or(0, |ring| ring.sent.frames)
    }

    /// Payload bytes sent in this run, as far as is known.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.ring().map_or(0, |ring| ring.sent.bytes)
    }

    /// Frames submitted in this run.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.ring().map_or(0, |ring| ring.submitted.frames)
    }

    fn descriptors_sent(&self) -> u64 {
        self.ring().map_or(0, Ring::done)
    }

    /// Descriptors that are free.
    #[must_use]
    pub fn free_entries(&self) -> u64 {
        self.ring().map_or(0, Ring::free)
    }

    /// What the checking sink saw of the last whole frame.
    ///
    /// # Errors
    /// If a read fails.
    pub fn checked(&self) -> Result<Checked, DriverError> {
        // Any value can be a CRC; a length of all ones cannot be, and tells a card that is gone.
        Ok(Checked { crc: self.base.any32(h2c::CHECK_CRC)?, length: self.base.get32(h2c::CHECK_LENGTH)? })
    }
}

/// Checks that `bytes` fit an empty staging memory.
fn check_staged<B: DmaBuffer>(staging: Option<&Staging<B>>, bytes: u64) -> Result<(), ConfigError> {
    let size = staging.map_or(0, Staging::size);
    check(staging.is_some() && bytes <= size, "frame", bytes, "no longer than staging_bytes of the configuration")
}

impl<P: Platform> fmt::Debug for SendChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendChannel")
            .field("channel", &self.base.id)
            .field("phase", &self.base.phase)
            .field("run", &self.base.run)
            .field("submitted", &self.submitted())
            .field("frames", &self.frames())
            .finish_non_exhaustive()
    }
}

/// A channel, and what is waited for.
struct Waiter<'a, P: Platform> {
    channel: &'a mut SendChannel<P>,
    until: Until,
}

impl<P: Platform> Awaited<P> for Waiter<'_, P> {
    fn base(&mut self) -> &mut Base<P> {
        &mut self.channel.base
    }

    fn at_hand(&mut self) -> bool {
        self.channel.is_there(self.until)
    }

    fn look(&mut self) -> Result<bool, DriverError> {
        self.channel.progress()?;
        Ok(self.at_hand())
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        self.channel.check_health()?;
        Ok(self.at_hand())
    }

    fn hand_over(&mut self) -> Result<(), DriverError> {
        self.channel.flush()
    }

    fn seen(&self) -> u64 {
        self.channel.descriptors_sent()
    }

    fn beyond(&self, armed: u64) -> u64 {
        self.channel.descriptors_sent().saturating_sub(armed)
    }
}
