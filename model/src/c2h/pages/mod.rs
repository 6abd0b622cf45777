//! What a channel with pages has beyond one with a ring: the free list, the pages in use, the completion ring, and the timer that flushes.
//!
//! Knows no register, tag or credit: the channel asks what to send and what to read, and tells what has become of it.

mod completions;
mod free_list;
mod place;

use super::fifo::Fifo;
use super::packetizer::{Chunk, Next};
use super::settings::Settings;
use completions::Completions;
use free_list::FreeList;
pub(crate) use free_list::{Bad, Fetch};
use place::Place;
use silico_spec::descriptor::{CompletionFlags, PageCompletion};
use silico_spec::port::{PageEnd, TlpBuf};

/// The pages of one run.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) list: FreeList,
    pub(crate) completions: Completions,
    place: Place,
    /// Clocks after which a page that is open is completed; 0: never.
    flush_time: u32,
    /// When the last frame was put into the page that is open.
    put_at: u64,
    /// The host wants no more.
    closed: bool,
    /// Why the page was completed whose entry went out last.
    ended: PageEnd,
}

/// What an entry that goes out announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) address: u64,
    pub(crate) bytes: u32,
    pub(crate) frames: u32,
}

impl Pages {
    pub(crate) fn new(set: &Settings) -> Self {
        Self {
            list: FreeList::new(set),
            completions: Completions::new(set),
            place: Place::new(set.packed()),
            flush_time: set.flush_time,
            put_at: 0,
            closed: false,
            ended: PageEnd::None,
        }
    }

    /// Pages fetched and not completed.
    pub(crate) fn held(&self) -> u32 {
        (self.list.fetched() - self.completions.tail()) as u32
    }

    /// The next descriptors to read.
    #[inline]
    pub(crate) fn fetch(&self, mrrs: u32) -> Option<Fetch> {
        self.list.next(self.place.started(), mrrs)
    }

    /// Sequence number of the frame that is put into pages.
    pub(crate) fn sequence(&self) -> u64 {
        self.place.sequence
    }

    /// What could be sent of the FIFO, completions aside; and whether that has to be asked again in the next clock, whatever happens.
    pub(crate) fn next(&mut self, fifo: &Fifo, mps: u32) -> (Next, bool) {
        let again = self.place.prepare(fifo, &mut self.list.pages);
        (self.place.next(fifo, mps), again)
    }

    /// Whether `chunk` must not overtake what was written before.
    pub(crate) fn overwrites(&self, chunk: &Chunk) -> bool {
        self.place.overwrites(chunk)
    }

    /// `chunk` goes out. Returns whether its frame has filled too many pages.
    pub(crate) fn granted(&mut self, chunk: &Chunk) -> bool {
        self.place.granted(chunk)
    }

    /// The frame under way was dropped.
    pub(crate) fn give_up(&mut self) {
        self.place.give_up(&mut self.list.pages);
    }

    /// The host wants no more: what is whole is completed, what is not is forgotten.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.give_up();
        self.place.seal(CompletionFlags::FLUSHED);
    }

    /// Nothing more is completed. Returns how many frames the host does not learn of.
    pub(crate) fn abandon(&mut self) -> u32 {
        self.place.abandon()
    }

    /// A page waits for its completion.
    pub(crate) fn is_waiting(&self) -> bool {
        self.place.is_ready()
    }

    /// An entry can go out.
    #[inline]
    pub(crate) fn has_entry(&self) -> bool {
        self.place.is_ready() && self.completions.has_room()
    }

    /// The next entry goes out at `now`.
    pub(crate) fn write_entry(&mut self, now: u64, out: &mut TlpBuf) -> Option<Announced> {
        let page = self.place.announce()?;
        let (bytes, frames, flags) = (page.used, page.frames, CompletionFlags(page.flags));
        self.ended = match () {
            () if flags.contains(CompletionFlags::CONTINUED) => PageEnd::GoesOn,
            () if flags.contains(CompletionFlags::FLUSHED) && self.closed => PageEnd::Stop,
            () if flags.contains(CompletionFlags::FLUSHED) => PageEnd::Timer,
            () if page.used == page.page.length => PageEnd::Full,
            () if self.place.is_packed() => PageEnd::NoFit,
            () => PageEnd::Frame,
        };
        let entry = PageCompletion { cookie: page.page.cookie, bytes, sequence: 0, stamp: now, frames, flags };
        Some(Announced { address: self.completions.write(entry, out), bytes, frames })
    }

    /// Why the page was completed whose entry went out last.
    pub(crate) fn ended(&self) -> PageEnd {
        self.ended
    }

    /// The end of clock `now`: a page that was left alone for long enough is completed. Returns whether one was.
    pub(crate) fn end_of_clock(&mut self, now: u64) -> bool {
        if self.place.was_put() {
            self.put_at = now;
        }
        let late = self.flush_at().is_some_and(|at| at <= now) && self.place.rests();
        if late {
            self.place.seal(CompletionFlags::FLUSHED);
        }
        late
    }

    fn flush_at(&self) -> Option<u64> {
        (self.flush_time != 0).then(|| self.put_at + u64::from(self.flush_time))
    }

    /// The cycle from which on a page may be completed at the end of any clock.
    pub(crate) fn timer(&self) -> Option<u64> {
        self.flush_at().filter(|_| self.place.rests())
    }
}
