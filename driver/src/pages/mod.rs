//! A card-to-host channel with pages: frames in pages that are given back in any order.
//!
//! ```text
//!   while let Some(frame) = channel.poll()? {
//!       let view = channel.view(&frame)?; … view.header(), view.parts() …
//!       channel.give_back(frame)?;            // or later, or after frames that came behind it
//!   }
//!   channel.wait(deadline)?;
//! ```
//! [`PageChannel::poll`] never blocks: one load when there is nothing, no lock and no allocation ever. A frame that is held keeps its pages and
//! nothing else: the card goes on with the others. When all are held, the card waits, and its FIFO fills up.

mod completion;
mod config;
mod frame;
mod lifecycle;
mod pool;
mod reader;

pub use config::PageConfig;
pub use frame::{PageFrame, PageView, Parts};
pub use lifecycle::PagesStopped;

use crate::channel::base::{Base, Health};
use crate::channel::progress::Block;
use crate::channel::wait::{Awaited, wait};
use crate::channel::{Phase, Wait, WaitMode, WaitStats, held};
use crate::counters::ChannelCounters;
use crate::error::{DriverError, EntryFault, RingFault};
use crate::platform::{DmaMemory, ForkPlatform, Nanos, Platform};
use completion::Completions;
use core::fmt;
use pool::Pool;
use reader::Reader;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::registers::c2h;

/// DMA memory of a channel.
pub(crate) struct Memory<B> {
    pool: Pool<B>,
    completions: Completions<B>,
    block: Option<Block<B>>,
}

impl<B: Fork> Fork for Memory<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { pool: self.pool.fork(memo)?, completions: self.completions.fork(memo)?, block: self.block.fork(memo)? })
    }
}

/// One C2H channel with pages.
pub struct PageChannel<P: Platform> {
    /// `None` only within drop, where memory that the card may still write to is leaked.
    memory: Option<Memory<<P as DmaMemory>::Buffer>>,
    base: Base<P>,
    config: PageConfig,
    doorbell_pages: u64,
    /// Entries taken at which the card is told, whatever becomes of their pages; beyond all counts if its ring is never full.
    doorbell_entries: u64,
    reader: Reader,
    /// Found by a look, not polled yet.
    next: Option<PageFrame>,
    /// Frames polled in this run.
    frames: u64,
    dropped: u64,
    /// How the run ended, once it has.
    stopped: PagesStopped,
}

impl<P: ForkPlatform> Fork for PageChannel<P> {
    /// The same channel of the same run, on the copy of its card: one copy for each, under one memo. Frames that are held are the original's: what is held
    /// is not given back in the copy before its next start.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let (memory, base) = (self.memory.fork(memo)?, self.base.fork(memo)?);
        Ok(Self { memory, base, reader: self.reader.clone(), next: self.next.as_ref().map(PageFrame::copy), ..*self })
    }
}

impl<P: Platform> PageChannel<P> {
    /// The next frame, or `None` if there is none at the moment. Never blocks.
    ///
    /// # Errors
    /// - [`DriverError::Failed`] when the channel stopped by itself, after the last frame that it delivered; a start makes it run again.
    /// - [`DriverError::Fault`] when what it announced or delivered cannot be; the position does not move.
    /// - [`DriverError::Gone`] when the card is not there any more.
    pub fn poll(&mut self) -> Result<Option<PageFrame>, DriverError> {
        if !self.look()? {
            self.flush()?;
            return Ok(None);
        }
        self.frames += 1;
        Ok(self.next.take())
    }

    /// What `frame` stands for, where it lies.
    ///
    /// # Errors
    /// [`DriverError::Stale`] if it is of another channel or run.
    pub fn view<'a>(&'a self, frame: &'a PageFrame) -> Result<PageView<'a, P::Buffer>, DriverError> {
        match &self.memory {
            Some(memory) if frame.channel == self.base.id && memory.pool.is_out(frame.page) => Ok(PageView { pool: &memory.pool, frame }),
            _ => Err(self.stale(frame)),
        }
    }

    /// Gives a frame back. Its pages go to the card when no other frame lies in them; the doorbell is rung once for many.
    ///
    /// # Errors
    /// [`DriverError::Stale`] if it is of another channel or run; or if the doorbell cannot be rung.
    pub fn give_back(&mut self, frame: PageFrame) -> Result<(), DriverError> {
        if self.view(&frame).is_err() {
            return Err(self.stale(&frame));
        }
        let pool = &mut held(&mut self.memory).pool;
        pool.drop_frame(frame.page.index, frame.pages);
        if pool.pending() >= self.doorbell_pages { self.flush() } else { Ok(()) }
    }

    /// Rings the doorbell for all pages given back. A share of them that is large enough, an empty [`PageChannel::poll`] and [`PageChannel::wait`]
    /// do so by themselves.
    ///
    /// # Errors
    /// If a register cannot be written.
    pub fn flush(&mut self) -> Result<(), DriverError> {
        // A channel that does not run listens to no doorbell; its pages are given at the next start.
        if self.base.phase != Phase::Running {
            return Ok(());
        }
        let Memory { pool, completions, .. } = held(&mut self.memory);
        // Entries first: with a page for each free entry, the card does not wait for an entry.
        if completions.pending() > 0 {
            self.base.put64(c2h::COMP_HEAD, completions.ring())?;
        }
        if pool.pending() > 0 {
            self.base.put64(c2h::FREE_TAIL, pool.ring())?;
        }
        Ok(())
    }

    #[cold]
    fn stale(&self, frame: &PageFrame) -> DriverError {
        DriverError::Stale { channel: self.base.id, what: "frame", number: frame.header.sequence }
    }

    /// Waits until there is a frame, or until `deadline`, in the configured way. Rings the doorbell first.
    ///
    /// # Errors
    /// As [`PageChannel::poll`]; [`DriverError::InterruptStorm`] after [`SPURIOUS_LIMIT`](crate::channel::SPURIOUS_LIMIT) interrupts with nothing
    /// behind them.
    pub fn wait(&mut self, deadline: Nanos) -> Result<Wait, DriverError> {
        self.wait_as(self.config.wait, deadline)
    }

    /// As [`PageChannel::wait`], in another way than the configured one.
    ///
    /// # Errors
    /// As [`PageChannel::wait`]. To sleep without interrupts in the configuration is refused.
    pub fn wait_as(&mut self, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
        wait(self, mode, deadline)
    }

    /// What happened in this channel's waits.
    #[must_use]
    pub const fn wait_stats(&self) -> &WaitStats {
        self.base.waiting.stats()
    }

    /// Is there a frame? Entries come first, then what the block says of the channel's state.
    fn look(&mut self) -> Result<bool, DriverError> {
        if self.read()? {
            return Ok(true);
        }
        if self.base.listens()? { self.look_at_block() } else { self.check_end() }
    }

    /// Nothing more is to be read of a run that was stopped: is that all that the card completed?
    fn check_end(&mut self) -> Result<bool, DriverError> {
        let taken = held(&mut self.memory).completions.taken();
        let register = self.stopped.pages;
        if self.base.phase == Phase::Idle && self.base.started && taken != register {
            return Err(self.base.fault(RingFault::FinalCount { block: taken, register }));
        }
        if self.base.phase == Phase::Idle {
            // The card held the rest of a frame back for want of an entry, and has counted it as discarded: its pages are of no use.
            self.reader.give_up(&mut held(&mut self.memory).pool);
        }
        Ok(false)
    }

    /// Reads on through what is completed.
    fn read(&mut self) -> Result<bool, DriverError> {
        if self.next.is_some() {
            return Ok(true);
        }
        // Before a start, and after a reset, the ring holds nothing of this run.
        if !self.base.started {
            return Ok(false);
        }
        let Memory { pool, completions, .. } = held(&mut self.memory);
        match self.reader.next(pool, completions) {
            Ok(next) => {
                let found = next.is_some();
                self.next = next;
                self.return_entries(found)?;
                Ok(found)
            }
            Err(fault @ RingFault::Entry { fault: EntryFault::AllOnes, .. }) => Err(self.base.all_ones(fault)),
            Err(fault) => Err(self.base.fault(fault)),
        }
    }

    /// A card that waits for an entry is told of those taken: of some, or of all where there is no whole frame, since what is missing may wait for them.
    fn return_entries(&mut self, found: bool) -> Result<(), DriverError> {
        let completions = &mut held(&mut self.memory).completions;
        let least = if found || self.doorbell_entries == u64::MAX { self.doorbell_entries } else { 1 };
        if completions.pending() < least || self.base.phase != Phase::Running {
            return Ok(());
        }
        self.base.put64(c2h::COMP_HEAD, completions.ring())
    }

    fn look_at_block(&mut self) -> Result<bool, DriverError> {
        let Some(block) = &mut held(&mut self.memory).block else { return Ok(false) };
        let Some(new) = self.base.look_at(block)? else { return Ok(false) };
        self.dropped = new.dropped;
        let health = self.base.health_of(&new)?;
        block.accept(new.sequence);
        match health {
            Health::Alive => Ok(false),
            Health::Failed(failure) => {
                // The block came after all entries of the run.
                let ready = self.read()?;
                self.base.note_failure(failure, ready)
            }
        }
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        let Health::Failed(failure) = self.base.health()? else { return Ok(false) };
        // The completion of that read pushed all posted writes of the run into memory.
        let ready = self.read()?;
        self.base.note_failure(failure, ready)
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
    pub const fn config(&self) -> &PageConfig {
        &self.config
    }

    /// Number of the run (starts since card reset).
    #[must_use]
    pub const fn run(&self) -> u32 {
        self.base.run
    }

    /// Frames polled in this run.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes read in this run, headers and padding included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.reader.bytes()
    }

    /// Frames dropped by the card in this run, as of the last write-back block or stop.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Pages that the driver has: with frames that are held or unread in them. Counts them.
    #[must_use]
    pub fn pages_held(&self) -> u32 {
        self.memory.as_ref().map_or(0, |memory| memory.pool.held())
    }

    /// The channel's performance counters at the card's last latch.
    ///
    /// # Errors
    /// If a read fails.
    pub fn counters(&self) -> Result<ChannelCounters, DriverError> {
        ChannelCounters::read(self.base.regs(), self.number())
    }
}

impl<P: Platform> Awaited<P> for PageChannel<P> {
    fn base(&mut self) -> &mut Base<P> {
        &mut self.base
    }

    fn at_hand(&mut self) -> bool {
        self.next.is_some()
    }

    fn look(&mut self) -> Result<bool, DriverError> {
        Self::look(self)
    }

    fn check_health(&mut self) -> Result<bool, DriverError> {
        Self::check_health(self)
    }

    fn hand_over(&mut self) -> Result<(), DriverError> {
        self.flush()
    }

    fn seen(&self) -> u64 {
        self.frames
    }

    fn beyond(&self, _: u64) -> u64 {
        // One frame is what is known for sure: what is behind it has not been looked at.
        1
    }
}

impl<P: Platform> fmt::Debug for PageChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageChannel")
            .field("channel", &self.base.id)
            .field("phase", &self.base.phase)
            .field("run", &self.base.run)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
