//! Puts frames into pages: which page, where in it, which TLP next, and when a page is full.
//!
//! TLPs are cut where the address is a multiple of MPS and at the end of a page. The header's place is kept free in front of the payload. As in the
//! ring, the header leads the first TLP of a frame that is whole when it goes, and else goes last, by itself; so a page is announced only when no
//! frame that touches it is under way. A frame that is dropped gives its pages back: the next one goes where it would have gone.
//!
//! Packed, a frame joins others in a page if it is known to fit; one that does not, or that fills half of the FIFO before anybody knows, starts a page of
//! its own. So no frame under way holds up what lies in the page before it.

use super::super::fifo::Fifo;
use super::super::packetizer::{Chunk, Next};
use silico_spec::descriptor::{CompletionFlags, PAGES_IN_USE, PageDescriptor};
use silico_spec::frame::HEADER_BYTES;
use std::collections::VecDeque;

/// Most pages in use: of frames under way, or not announced. No frame may fill so many.
pub(crate) const HELD: usize = PAGES_IN_USE as usize;

/// A page in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) page: PageDescriptor,
    /// Bytes from its start on.
    pub(crate) used: u32,
    /// Frames that end in it.
    pub(crate) frames: u32,
    /// See [`CompletionFlags`].
    pub(crate) flags: u32,
    /// Nothing more goes into it.
    sealed: bool,
}

impl Used {
    fn rest(&self) -> u32 {
        self.page.length - self.used
    }

    fn end(&self) -> u64 {
        self.page.address + u64::from(self.used)
    }
}

/// The frame under way.
#[derive(Clone, Copy, Debug)]
struct Begun {
    /// Number of the page in which it begins, and where.
    first: u64,
    offset: u32,
    /// Payload bytes granted.
    sent: u32,
    header_sent: bool,
}

/// Whether the next frame goes into the page that is open.
enum Fit {
    Yes,
    No,
    /// That shows when so many more bytes have come, or the frame's end.
    Wait(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Place {
    packed: bool,
    /// Pages in use, oldest first; only the last can be open.
    pages: VecDeque<Used>,
    /// Pages of this run before those.
    announced: u64,
    /// Pages of this run into which something was put, even if it was given up.
    started: u64,
    frame: Option<Begun>,
    /// Sequence number of the next frame to end.
    pub(crate) sequence: u64,
    /// Up to here (page, offset) frames that were given up have left payload.
    void_to: (u64, u32),
    /// A frame was put into a page that is still open, in this clock.
    put: bool,
}

fn to_cut(address: u64, mps: u32) -> u32 {
    mps - (address as u32 & (mps - 1))
}

impl Place {
    pub(crate) fn new(packed: bool) -> Self {
        let pages = VecDeque::with_capacity(64);
        Self { packed, pages, announced: 0, started: 0, frame: None, sequence: 0, void_to: (0, 0), put: false }
    }

    /// Frames share pages.
    pub(crate) fn is_packed(&self) -> bool {
        self.packed
    }

    /// Pages into which something was put.
    pub(crate) fn started(&self) -> u64 {
        self.started
    }

    fn last(&self) -> u64 {
        self.announced + self.pages.len() as u64 - 1
    }

    fn open(&self) -> Option<&Used> {
        self.pages.back().filter(|page| !page.sealed)
    }

    fn fit(&self, open: &Used, fifo: &Fifo) -> Fit {
        let here = match fifo.head() {
            Some(frame) if u64::from(HEADER_BYTES) + u64::from(frame.padded()) <= open.rest().into() => return Fit::Yes,
            Some(_) => return Fit::No,
            None => fifo.available(),
        };
        let too_much = (open.rest() - HEADER_BYTES + 1).min(fifo.depth() / 2);
        // A frame that is long, or comes slowly, begins a page of its own: behind another one it would keep that one's page from the host until it ends, and
        // might need pages for that which the host cannot give back before.
        if here >= too_much { Fit::No } else { Fit::Wait(too_much - here) }
    }

    // --- what is next -------------------------------------------------------------------------------------------------------

    /// Takes the page that the next TLP needs, if there is one: one a clock. Returns whether another one is needed, in the next clock.
    pub(crate) fn prepare(&mut self, fifo: &Fifo, free: &mut VecDeque<PageDescriptor>) -> bool {
        if self.frame.is_some() {
            if self.wants_more(fifo) {
                self.seal(CompletionFlags::CONTINUED);
                self.take_page(free, CompletionFlags::CONTINUES);
            }
            return false;
        }
        self.begin(fifo, free);
        self.wants_more(fifo)
    }

    /// The frame goes on, and its page is full.
    fn wants_more(&self, fifo: &Fifo) -> bool {
        let (Some(frame), Some(page)) = (&self.frame, self.pages.back()) else { return false };
        page.rest() == 0 && fifo.head().map_or(fifo.available(), |head| head.padded() - frame.sent) > 0
    }

    fn begin(&mut self, fifo: &Fifo, free: &mut VecDeque<PageDescriptor>) {
        if fifo.head().is_none() && fifo.available() == 0 {
            return;
        }
        if let Some(open) = self.open() {
            match self.fit(open, fifo) {
                Fit::Wait(_) => return,
                Fit::No => self.seal(0),
                Fit::Yes => {}
            }
        }
        if self.open().is_none() {
            self.take_page(free, 0);
        }
        let first = self.announced + (self.pages.len() as u64).saturating_sub(1);
        if let Some(page) = self.pages.back_mut().filter(|page| !page.sealed) {
            self.frame = Some(Begun { first, offset: page.used, sent: 0, header_sent: false });
            page.used += HEADER_BYTES;
        }
    }

    fn take_page(&mut self, free: &mut VecDeque<PageDescriptor>, flags: u32) {
        if self.pages.len() < HELD
            && let Some(page) = free.pop_front()
        {
            self.pages.push_back(Used { page, used: 0, frames: 0, flags, sealed: false });
        }
    }

    /// What could be done, after [`Place::prepare`]. The address of a chunk is where it goes.
    pub(crate) fn next(&self, fifo: &Fifo, mps: u32) -> Next {
        let (whole, available) = (fifo.head(), fifo.available());
        let (Some(frame), Some(page)) = (&self.frame, self.pages.back()) else {
            return match self.open().map(|open| self.fit(open, fifo)) {
                Some(Fit::Wait(bytes)) => Next::NoData(bytes),
                _ if whole.is_none() && available == 0 => Next::NoData(1),
                _ => Next::NoRoom,
            };
        };
        let left = whole.map_or(available, |whole| whole.padded() - frame.sent);
        if whole.is_some()
            && !frame.header_sent
            && let Some(chunk) = self.header(frame, page, left, mps)
        {
            return Next::Chunk(chunk);
        }
        let room = page.rest().min(to_cut(page.end(), mps));
        if left == 0 {
            return Next::NoData(room.max(1));
        }
        if room == 0 {
            return Next::NoRoom;
        }
        match whole {
            Some(_) => {
                let ends = frame.header_sent && left <= room;
                Next::Chunk(Chunk { at: page.end(), header: false, payload: room.min(left), ends })
            }
            None if available >= room => Next::Chunk(Chunk { at: page.end(), header: false, payload: room, ends: false }),
            None => Next::NoData(room - available),
        }
    }

    /// A TLP with the header of `frame`, which is whole, if it is time for it: first, with payload behind it, or last.
    fn header(&self, frame: &Begun, page: &Used, left: u32, mps: u32) -> Option<Chunk> {
        let at = self.pages[(frame.first - self.announced) as usize].page.address + u64::from(frame.offset);
        if left == 0 {
            return Some(Chunk { at, header: true, payload: 0, ends: true });
        }
        if frame.sent > 0 || frame.first != self.last() {
            return None;
        }
        // A header that ends on a cut does not lead: it would find credits where the same frame, a clock less whole, found none.
        let behind = page.rest().min(to_cut(at, mps) - HEADER_BYTES);
        (behind > 0).then(|| Chunk { at, header: true, payload: behind.min(left), ends: left <= behind })
    }

    /// Whether `chunk` goes where a frame that was given up has left payload; see [`Packetizer::overwrites`](super::super::packetizer::Packetizer).
    pub(crate) fn overwrites(&self, chunk: &Chunk) -> bool {
        match (&self.frame, self.pages.back()) {
            (Some(frame), _) if chunk.header => (frame.first, frame.offset) < self.void_to,
            (_, Some(page)) => (self.last(), page.used) < self.void_to,
            _ => false,
        }
    }

    /// `chunk` goes out. Returns whether the frame is too long: it has filled all the pages that there can be in use, and there is more of it.
    pub(crate) fn granted(&mut self, chunk: &Chunk) -> bool {
        self.started = self.started.max(self.last() + 1);
        let (Some(frame), Some(page)) = (&mut self.frame, self.pages.back_mut()) else { return false };
        page.used += chunk.payload;
        frame.sent += chunk.payload;
        frame.header_sent |= chunk.header;
        let full = page.rest() == 0;
        if !chunk.ends {
            return full && frame.first == self.announced && self.pages.len() == HELD;
        }
        page.frames += 1;
        page.sealed = full || !self.packed;
        self.put = !page.sealed;
        self.sequence += 1;
        self.frame = None;
        false
    }

    // --- ends ---------------------------------------------------------------------------------------------------------------

    /// The frame under way was dropped, or is in the way of a stop: the next one goes where it would have gone. One that joined others was whole and lies in
    /// their page alone.
    pub(crate) fn give_up(&mut self, free: &mut VecDeque<PageDescriptor>) {
        let Some(frame) = self.frame.take() else { return };
        if let Some(page) = self.pages.back().filter(|_| frame.sent > 0) {
            self.void_to = self.void_to.max((self.last(), page.used));
        }
        if frame.offset > 0 {
            if let Some(page) = self.pages.back_mut() {
                page.used = frame.offset;
            }
            return;
        }
        for page in self.pages.drain((frame.first - self.announced) as usize..).rev() {
            free.push_front(page.page);
        }
    }

    /// Nothing more goes into the page that is open.
    pub(crate) fn seal(&mut self, flags: u32) {
        if let Some(page) = self.pages.back_mut().filter(|page| !page.sealed) {
            page.sealed = true;
            page.flags |= flags;
        }
    }

    /// Whole frames lie in a page that is open, and no frame is under way.
    pub(crate) fn rests(&self) -> bool {
        self.frame.is_none() && self.open().is_some()
    }

    /// Whether a frame was put into a page that is still open since this was asked last.
    pub(crate) fn was_put(&mut self) -> bool {
        std::mem::take(&mut self.put)
    }

    /// A page waits for its completion.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.pages.front().is_some_and(|page| page.sealed) && self.frame.as_ref().is_none_or(|frame| frame.first > self.announced)
    }

    /// The oldest page, whose completion goes out.
    pub(crate) fn announce(&mut self) -> Option<Used> {
        let page = self.pages.pop_front()?;
        self.announced += 1;
        Some(page)
    }

    /// Forgets all that is not announced. Returns how many whole frames that was.
    pub(crate) fn abandon(&mut self) -> u32 {
        self.frame = None;
        self.pages.drain(..).map(|page| page.frames).sum()
    }
}
