//! Open, start, stop, reset, drop of a channel with pages. The change of state itself is in [`crate::channel`].

use super::completion::Completions;
use super::config::PageConfig;
use super::pool::Pool;
use super::reader::Reader;
use super::{Memory, PageChannel};
use crate::channel::base::{Base, Parts};
use crate::channel::held;
use crate::channel::progress::{BLOCK_BYTES, Block};
use crate::channel::run::{self, Held, Run};
use crate::error::{DriverError, RingFault};
use crate::platform::{DmaBuffer, Platform};
use alloc::vec::Vec;
use silico_spec::descriptor::{PAGE_DESCRIPTOR_BYTES, RING_GRID};
use silico_spec::registers::c2h;

/// The end of a run, as the card's registers say it when all is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PagesStopped {
    /// Pages completed.
    pub pages: u64,
    /// Frames delivered.
    pub frames: u64,
    /// Frames dropped because the FIFO was full.
    pub dropped: u64,
    /// Frames that the stop left undelivered in the FIFO.
    pub discarded: u32,
}

impl<P: Platform> PageChannel<P> {
    pub(crate) fn open(platform: &P, parts: Parts<P>, config: PageConfig) -> Result<Self, DriverError> {
        let base = Base::open(parts, config.setup().signal(), config.wait)?;
        let list = platform.alloc(u64::from(config.pages) * u64::from(PAGE_DESCRIPTOR_BYTES), RING_GRID)?;
        let completions = platform.alloc(Completions::<P::Buffer>::bytes(config.entries()), RING_GRID)?;
        let page = |_| platform.alloc(config.page_bytes.into(), config.page_align());
        let pages = (0..config.pages).map(page).collect::<Result<Vec<_>, _>>()?;
        let block = match config.write_back {
            Some(_) => Some(Block::new(platform.alloc(BLOCK_BYTES, BLOCK_BYTES)?, base.id.number())),
            None => None,
        };
        let pool = Pool::new(list, pages, config.page_bytes);
        let memory = Some(Memory { pool, completions: Completions::new(completions), block });
        let reader = Reader::new(base.id, config.source.frame_limit(config.max_frame));
        Ok(Self {
            memory,
            base,
            config,
            doorbell_pages: config.doorbell_pages(),
            doorbell_entries: config.doorbell_entries(),
            reader,
            next: None,
            frames: 0,
            dropped: 0,
            stopped: PagesStopped::default(),
        })
    }

    /// Starts a new run: all counts and sequence numbers from zero, all pages to the card. Frames of the last run that were not polled are forgotten,
    /// those that are held are stale.
    ///
    /// # Errors
    /// If it runs already, the card is disabled, the card refuses the configuration ([`DriverError::Failed`]), or it does not start within
    /// [`START_LIMIT_NS`](crate::channel::START_LIMIT_NS).
    pub fn start(&mut self) -> Result<(), DriverError> {
        run::start(self)
    }

    /// Stops the run. What was completed can still be polled, and what is held can still be viewed, until the next start. Stopping a channel that is idle
    /// gives the counts of its last run again, or reads them if that failed before.
    ///
    /// # Errors
    /// If it is not idle within [`STOP_LIMIT_NS`](crate::channel::STOP_LIMIT_NS) and the card's completion timeout; if it had failed ([`DriverError::Failed`]; what it delivered can still
    /// be polled); if its final counts make no sense.
    pub fn stop(&mut self) -> Result<PagesStopped, DriverError> {
        run::stop(self)
    }

    /// Stops, if it runs, and starts a new run. The way out of [`Phase::Failed`](crate::channel::Phase::Failed) and [`Phase::Stuck`](crate::channel::Phase::Stuck) too.
    ///
    /// # Errors
    /// As [`PageChannel::start`]; a run that had failed or does not stop in time is no error here: the channel is reset.
    pub fn restart(&mut self) -> Result<(), DriverError> {
        run::restart(self)
    }

    /// Resets the channel: as after power-on. Frames that were not polled are forgotten, those that are held are stale; other channels do not notice.
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
        self.pool.recall();
        self.completions.restart();
    }
}

impl<P: Platform> Run<P> for PageChannel<P> {
    type Memory = Memory<P::Buffer>;
    type End = PagesStopped;

    fn parts(&mut self) -> (&mut Base<P>, &mut Option<Self::Memory>) {
        (&mut self.base, &mut self.memory)
    }

    fn forget(&mut self) {
        self.reader.restart();
        (self.next, self.frames, self.dropped) = (None, 0, 0);
        self.stopped = PagesStopped::default();
    }

    /// All pages go to the card, after the start, which sets the doorbells to zero.
    fn launched(&mut self) -> Result<(), DriverError> {
        held(&mut self.memory).pool.give_all(self.base.serial);
        self.flush()
    }

    fn end(&self) -> PagesStopped {
        self.stopped
    }

    fn final_counts(&mut self) -> Result<(), DriverError> {
        self.stopped = PagesStopped {
            pages: self.base.get64(c2h::COMP_TAIL)?,
            frames: self.base.get64(c2h::FRAMES)?,
            dropped: self.base.get64(c2h::DROPPED)?,
            discarded: self.base.get32(c2h::DISCARDED)?,
        };
        self.dropped = self.stopped.dropped;
        let seen = held(&mut self.memory).completions.taken();
        if self.stopped.pages < seen {
            return Err(self.base.fault(RingFault::DoneBackwards { found: self.stopped.pages, seen }));
        }
        Ok(())
    }

    fn program(&mut self) -> Result<(), DriverError> {
        let memory = held(&mut self.memory);
        let (base, config) = (&self.base, &self.config);
        base.put64(c2h::FREE_BASE, memory.pool.list().bus_addr().0)?;
        base.put64(c2h::COMP_BASE, memory.completions.buffer().bus_addr().0)?;
        base.put32(c2h::FREE_ENTRIES, memory.pool.pages())?;
        base.put32(c2h::COMP_ENTRIES, config.entries())?;
        base.put32(c2h::FLUSH_TIME, config.flush_time)?;
        let pages = c2h::config::PACKED.set(c2h::config::PAGES.set(0, 1), config.packed.into());
        config.setup().program(base, pages, memory.block.as_ref().map_or(0, |block| block.buffer().bus_addr().0))
    }
}

impl<P: Platform> Drop for PageChannel<P> {
    fn drop(&mut self) {
        run::close(self);
    }
}
