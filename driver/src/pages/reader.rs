//! From completed pages to frames: walks through the pages in the order of their completion, and joins what spans several. Knows no register.
//!
//! Every fault is found again by the next call: nothing moves past it.

use super::completion::Completions;
use super::frame::PageFrame;
use super::pool::{Page, Pool};
use crate::error::{ChannelId, EntryFault, RingFault};
use crate::platform::DmaBuffer;
use silico_spec::descriptor::{CompletionFlags, PageCompletion};
use silico_spec::frame::{FrameHeader, HEADER_BYTES, HeaderError};

/// The page that is being read.
#[derive(Clone, Copy, Debug)]
struct Open {
    page: Page,
    /// Number of its entry.
    entry: u64,
    announced: PageCompletion,
    offset: u32,
    frames: u32,
}

impl Open {
    const fn is(&self, flag: u32) -> bool {
        self.announced.flags.contains(flag)
    }
}

/// A frame of which there is not all yet.
#[derive(Clone, Copy, Debug)]
struct Begun {
    header: FrameHeader,
    first: Page,
    offset: u32,
    /// Last page so far, and how many there are.
    last: u32,
    pages: u32,
    /// Bytes, header and padding included, that are still to come.
    left: u64,
}

/// The position in a run.
#[derive(Clone)]
pub(super) struct Reader {
    channel: ChannelId,
    max_frame: u32,
    open: Option<Open>,
    begun: Option<Begun>,
    /// Bytes of the run before the page that is open.
    bytes: u64,
}

impl Reader {
    pub(super) const fn new(channel: ChannelId, max_frame: u32) -> Self {
        Self { channel, max_frame, open: None, begun: None, bytes: 0 }
    }

    pub(super) const fn restart(&mut self) {
        (self.open, self.begun, self.bytes) = (None, None, 0);
    }

    /// Bytes of the run that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.open.map_or(0, |open| open.offset.into())
    }

    /// The next frame that is there in whole.
    pub(super) fn next<B: DmaBuffer>(
        &mut self,
        pool: &mut Pool<B>,
        completions: &mut Completions<B>,
    ) -> Result<Option<PageFrame>, RingFault> {
        loop {
            let Some(open) = self.open else {
                match self.take_page(pool, completions)? {
                    true => continue,
                    false => return Ok(None),
                }
            };
            if open.offset == open.announced.bytes {
                self.close(pool, &open)?;
                continue;
            }
            let frame = match self.begun {
                Some(begun) => self.go_on(pool, open, begun)?,
                None => self.begin(pool, open)?,
            };
            if frame.is_none() {
                continue;
            }
            if let Some(open) = self.open
                && open.offset == open.announced.bytes
            {
                // The page must not wait for the next look to go back. What is wrong with it comes after its frames: it stays open, and is found again.
                let _ = self.close(pool, &open);
            }
            return Ok(frame);
        }
    }

    /// Nothing more comes: what there is of a frame that is not whole goes back.
    pub(super) fn give_up<B: DmaBuffer>(&mut self, pool: &mut Pool<B>) {
        if let Some(begun) = self.begun.take() {
            pool.drop_frame(begun.first.index, begun.pages);
        }
    }

    fn take_page<B: DmaBuffer>(&mut self, pool: &mut Pool<B>, completions: &mut Completions<B>) -> Result<bool, RingFault> {
        let entry = completions.taken();
        let wrong = |fault| RingFault::Entry { entry, fault };
        let Some(announced) = completions.look().map_err(wrong)? else { return Ok(false) };
        let continues = announced.flags.contains(CompletionFlags::CONTINUES);
        if continues != self.begun.is_some() {
            return Err(wrong(EntryFault::Continues { found: continues }));
        }
        let page = pool.take(&announced).map_err(wrong)?;
        completions.accept();
        self.open = Some(Open { page, entry, announced, offset: 0, frames: 0 });
        Ok(true)
    }

    /// The page is read to its end.
    fn close<B: DmaBuffer>(&mut self, pool: &mut Pool<B>, open: &Open) -> Result<(), RingFault> {
        let wrong = |fault| RingFault::Entry { entry: open.entry, fault };
        let continued = open.is(CompletionFlags::CONTINUED);
        if continued != self.begun.is_some() {
            return Err(wrong(EntryFault::Continued { found: continued }));
        }
        if open.frames != open.announced.frames {
            return Err(wrong(EntryFault::Frames { announced: open.announced.frames, found: open.frames }));
        }
        pool.drop_user(open.page.index);
        self.bytes += u64::from(open.announced.bytes);
        self.open = None;
        Ok(())
    }

    /// A frame begins at the position.
    fn begin<B: DmaBuffer>(&mut self, pool: &mut Pool<B>, open: Open) -> Result<Option<PageFrame>, RingFault> {
        let position = self.bytes();
        let bytes = pool.view(open.page.index, open.offset, HEADER_BYTES.into());
        // Offsets and sizes lie on the grid, which is a header's size: a platform that gives less has no header there.
        let parsed = bytes.first_chunk().map_or(Err(HeaderError::Magic(0)), FrameHeader::parse);
        let header = parsed.map_err(|error| RingFault::Header { position, error })?;
        if header.channel != self.channel.number() {
            return Err(RingFault::FrameChannel { position, found: header.channel });
        }
        let (length, rest) = (header.length, open.announced.bytes - open.offset);
        let ends_here = header.footprint() <= rest.into();
        if length > self.max_frame || !ends_here && !open.is(CompletionFlags::CONTINUED) {
            let here = if open.is(CompletionFlags::CONTINUED) { self.max_frame } else { rest - HEADER_BYTES };
            return Err(RingFault::FrameLength { position, length, limit: here.min(self.max_frame).into() });
        }
        let Page { index, .. } = open.page;
        pool.add_user(index);
        let begun = Begun { header, first: open.page, offset: open.offset, last: index, pages: 1, left: header.footprint() };
        Ok(self.consume(open, begun))
    }

    /// A frame goes on at the start of the page.
    fn go_on<B: DmaBuffer>(&mut self, pool: &mut Pool<B>, open: Open, begun: Begun) -> Result<Option<PageFrame>, RingFault> {
        let Page { index, .. } = open.page;
        let bytes = open.announced.bytes;
        if begun.left > bytes.into() && !open.is(CompletionFlags::CONTINUED) {
            return Err(RingFault::Entry { entry: open.entry, fault: EntryFault::Continued { found: false } });
        }
        pool.add_user(index);
        pool.link(begun.last, index);
        Ok(self.consume(open, Begun { last: index, pages: begun.pages + 1, ..begun }))
    }

    /// Moves over what the page has of the frame. Returns it if that is all of it.
    fn consume(&mut self, mut open: Open, mut begun: Begun) -> Option<PageFrame> {
        let here = begun.left.min((open.announced.bytes - open.offset).into());
        begun.left -= here;
        open.offset += here as u32;
        let whole = begun.left == 0;
        open.frames += u32::from(whole);
        self.open = Some(open);
        self.begun = (!whole).then_some(begun);
        let Begun { header, first: page, offset, pages, .. } = begun;
        whole.then_some(PageFrame { header, channel: self.channel, page, offset, pages })
    }
}
