//! A channel with pages: what it reads, what it sends besides payload, and its doorbells.

use super::pages::{Bad, Fetch, Pages};
use super::{Channel, Env, Flight, State, Target};
use crate::read::Failure;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Attributes;
use silico_spec::writeback::ChannelError;

impl Channel {
    /// Its present or last run is one with pages.
    pub(crate) fn is_paged(&self) -> bool {
        self.pages.is_some()
    }

    /// The page descriptors that the channel needs to read next.
    #[inline]
    pub(crate) fn fetch(&self, env: &Env) -> Option<Fetch> {
        let pages = self.pages.as_deref().filter(|_| self.running(env))?;
        pages.fetch(env.mrrs)
    }

    /// `fetch` is granted. Returns its position, for [`Channel::fetched`].
    pub(crate) fn grant_fetch(&mut self, fetch: Fetch) -> Option<u64> {
        let pages = self.pages.as_deref_mut()?;
        self.flight = Some(Flight::Fetch);
        Some(pages.list.asked(fetch))
    }

    /// Page descriptors have come.
    pub(crate) fn fetched(&mut self, start: u64, data: &[u8]) {
        if let Some(pages) = self.pages.as_deref_mut().filter(|_| self.state == State::Running) {
            pages.list.fill(start, data);
        }
    }

    /// At the end of the coming clock a page descriptor is judged, or another page is taken.
    pub(super) fn moves_pages(&self) -> bool {
        self.behind || self.pages.as_deref().is_some_and(|pages| pages.list.has_come())
    }

    /// Judges the next page descriptor, if one has come.
    fn judge(&mut self, env: &Env) {
        let Some(pages) = self.pages.as_deref_mut().filter(|pages| self.state == State::Running && pages.list.has_come()) else { return };
        match pages.list.judge() {
            Ok(()) => self.refresh(env),
            Err(Bad { address, cookie }) => self.fail_with(ChannelError::BadDescriptor, address, cookie),
        }
    }

    /// The end of the clock: takes the pages that the coming TLPs need, and says what is next. All that the clock has brought counts.
    #[inline]
    pub(crate) fn catch_up(&mut self, env: &Env) {
        if !std::mem::take(&mut self.behind) {
            return;
        }
        if let Some(pages) = self.pages.as_deref_mut().filter(|_| self.state == State::Running) {
            (self.next, self.behind) = pages.next(&self.fifo, env.mps);
        }
    }

    /// One of its reads has failed.
    pub(crate) fn read_failed(&mut self, failure: Failure) {
        self.fail_with(failure.code, failure.address, failure.cookie);
    }

    /// A completion entry wants to go. Of a run that is being stopped, it does so as the last block does: whatever the global enable says.
    #[inline]
    pub(super) fn entry_wanted(&self, env: &Env) -> bool {
        self.pages.as_deref().is_some_and(|pages| pages.has_entry() && (env.enabled || self.state != State::Running))
    }

    /// The entry is granted: fills it in and says where it goes. It is never relaxed, so all that it announces is in memory before it.
    pub(super) fn grant_entry(&mut self, env: &Env, now: u64, out: &mut TlpBuf) -> Target {
        let entry = self.pages.as_deref_mut().and_then(|pages| pages.write_entry(now, out)).unwrap_or_default();
        self.flight = Some(Flight::Entry { bytes: entry.bytes, frames: entry.frames });
        // A page more can be in use.
        self.refresh(env);
        Target { address: entry.address, attributes: Attributes::default() }
    }

    /// The entry has left.
    pub(super) fn entry_left(&mut self, bytes: u32, frames: u32) {
        if self.giving_up() {
            return;
        }
        if let Some(pages) = self.pages.as_deref_mut() {
            pages.completions.left();
        }
        self.delivered.count += u64::from(bytes);
        self.delivered.frames += u64::from(frames);
    }

    /// A frame that is too long, the next page descriptor, page timers.
    pub(super) fn end_of_clock_paged(&mut self, env: &Env, now: u64) {
        if std::mem::take(&mut self.too_long) {
            self.fail(ChannelError::BadFrameLimit, self.run.max_frame.into());
        }
        self.judge(env);
        let Some(pages) = self.pages.as_deref_mut().filter(|_| self.state == State::Running) else { return };
        if pages.end_of_clock(now) {
            self.refresh(env);
        }
    }

    /// No completion of the run goes out any more; the frames behind those that were to come are discarded.
    pub(super) fn abandon_pages(&mut self) {
        if let Some(pages) = self.pages.as_deref_mut() {
            self.discarded += pages.abandon();
        }
    }

    /// The entries that end a run. Returns whether one still has to go; what cannot go, since no entry is free or no memory may be written, is given up.
    pub(super) fn settle_entries(&mut self, can_write: bool) -> bool {
        let Some(pages) = self.pages.as_deref().filter(|pages| pages.is_waiting()) else { return false };
        if can_write && pages.has_entry() {
            return true;
        }
        self.abandon_pages();
        false
    }

    /// The doorbell of the free list.
    pub(super) fn give_pages(&mut self, value: u64) {
        self.ring_doorbell(value, |pages| pages.list.give(value));
    }

    /// The doorbell of the completion ring.
    pub(super) fn take_completions(&mut self, value: u64) {
        self.ring_doorbell(value, |pages| pages.completions.take(value));
    }

    fn ring_doorbell(&mut self, value: u64, ring: impl FnOnce(&mut Pages) -> bool) {
        let Some(pages) = self.pages.as_deref_mut().filter(|_| self.state == State::Running) else { return };
        if !ring(pages) {
            self.fail(ChannelError::BadDoorbell, value);
        }
    }

    /// What a register of the page discipline shows; zero in a run without pages.
    pub(super) fn shown(&self, show: impl FnOnce(&Pages) -> u64) -> u64 {
        self.pages.as_deref().map_or(0, show)
    }
}
