//! Pages on a C2H channel of the software card: descriptors out of the free list when the doorbell names them, frames into pages, completions.

use super::card::{Event, State};
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{CompletionFlags, PageCompletion, PageDescriptor, phase};
use silico_spec::frame::FrameHeader;
use silico_spec::registers::c2h;
use silico_spec::writeback::ChannelError;
use std::collections::VecDeque;

/// The page that is being filled.
#[derive(Debug)]
struct Open {
    page: PageDescriptor,
    used: u32,
    frames: u32,
    continues: bool,
    since: u64,
}

/// What a channel with pages has.
#[derive(Debug, Default)]
pub struct Pages {
    /// Fetched and not used.
    pub free: VecDeque<PageDescriptor>,
    pub free_tail: u64,
    pub comp_head: u64,
    pub comp_tail: u64,
    open: Option<Open>,
    /// Frames in completed pages.
    pub completed_frames: u64,
}

impl Pages {
    /// Pages that the card has.
    pub fn held(&self) -> usize {
        self.free.len() + usize::from(self.open.is_some())
    }
}

impl State {
    /// The doorbell of the free list: descriptors are read at once.
    pub(super) fn fetch_pages(&mut self, channel: u8, value: u64) {
        let this = self.channel(channel);
        let (base, entries, tail) = (this.get(c2h::FREE_BASE), this.get(c2h::FREE_ENTRIES), this.pages.free_tail);
        if value < tail || value > tail + entries {
            self.fail(channel, ChannelError::BadDoorbell as u8, value);
            return;
        }
        for count in tail..value {
            let [low, high, ..] = self.words::<2>(base + count % entries * 16);
            let page = PageDescriptor::parse([low, high]);
            // In a live buffer, and not the card's already.
            self.memory(page.address, page.length.into());
            let pages = &mut self.channel(channel).pages;
            assert!(pages.free.iter().all(|free| free.cookie != page.cookie), "page {} is given twice", page.cookie);
            assert!(pages.open.as_ref().is_none_or(|open| open.page.cookie != page.cookie), "page {} is open", page.cookie);
            pages.free.push_back(page);
        }
        self.channel(channel).pages.free_tail = value;
        self.retry(channel);
    }

    pub(super) fn take_completions(&mut self, channel: u8, value: u64) {
        let pages = &mut self.channel(channel).pages;
        if value < pages.comp_head || value > pages.comp_tail {
            self.fail(channel, ChannelError::BadDoorbell as u8, value);
            return;
        }
        pages.comp_head = value;
        self.retry(channel);
    }

    pub(super) fn fits_pages(&mut self, channel: u8, footprint: u64) -> bool {
        let this = self.channel(channel);
        let pages = &this.pages;
        let room = pages.open.as_ref().map_or(0, |open| u64::from(open.page.length - open.used));
        let mut missing = footprint;
        let spanned = pages.free.iter().take_while(|page| {
            let some = missing > 0;
            missing = missing.saturating_sub(page.length.into());
            some
        });
        // The page that is open has its entry for sure, and so has each that the frame would need.
        let needed = spanned.count() as u64 + u64::from(pages.open.is_some());
        let entries = this.get(c2h::COMP_ENTRIES) - (pages.comp_tail - pages.comp_head);
        let fits = footprint <= room || missing == 0 && needed <= entries;
        if !fits {
            // What is in the open page must not wait for room that it takes itself.
            self.complete(channel, 0);
        }
        fits
    }

    pub(super) fn put_pages(&mut self, channel: u8, payload: &[u8]) {
        let this = self.channel(channel);
        let packed = c2h::config::PACKED.is_set(this.get(c2h::CONFIG));
        let flush = this.get(c2h::FLUSH_TIME);
        let header =
            FrameHeader { channel, length: payload.len() as u32, sequence: this.frames, crc: crc32c(payload), ..FrameHeader::default() };
        let mut bytes = header.emit().to_vec();
        bytes.extend_from_slice(payload);
        bytes.resize(header.footprint() as usize, 0xee);
        this.frames += 1;
        this.delivered.push(payload.to_vec());
        let room = this.pages.open.as_ref().map_or(0, |open| (open.page.length - open.used) as usize);
        if room < bytes.len() && !self.faults.split_anywhere {
            self.complete(channel, 0);
        }
        let mut rest = &bytes[..];
        let mut continues = false;
        while !rest.is_empty() {
            let now = self.now;
            let pages = &mut self.channel(channel).pages;
            let free = &mut pages.free;
            let open = pages.open.get_or_insert_with(|| {
                let page = free.pop_front().expect("fits");
                Open { page, used: 0, frames: 0, continues, since: now }
            });
            open.since = now;
            let here = rest.len().min((open.page.length - open.used) as usize);
            let addr = open.page.address + u64::from(open.used);
            open.used += here as u32;
            let part = rest[..here].to_vec();
            rest = &rest[here..];
            let (ends, full) = (rest.is_empty(), open.used == open.page.length);
            open.frames += u32::from(ends);
            self.poke(addr, &part);
            continues = !ends;
            if !ends {
                self.complete(channel, CompletionFlags::CONTINUED);
            } else if full || !packed {
                self.complete(channel, 0);
            }
        }
        if flush != 0 && self.channel(channel).pages.open.is_some() {
            self.schedule(flush, Event::Flush(channel));
        }
    }

    /// The flush timer.
    pub(super) fn flush(&mut self, channel: u8) {
        let now = self.now;
        let this = self.channel(channel);
        let time = this.get(c2h::FLUSH_TIME);
        if this.pages.open.as_ref().is_some_and(|open| now >= open.since + time) {
            self.complete(channel, CompletionFlags::FLUSHED);
        }
    }

    /// Completes the open page, if there is one.
    pub fn complete(&mut self, channel: u8, flags: u32) {
        let this = self.channel(channel);
        let Some(Open { page, used, frames, continues, .. }) = this.pages.open.take() else { return };
        let flags = flags | if continues { CompletionFlags::CONTINUES } else { 0 };
        let sequence = this.pages.comp_tail;
        assert!(sequence - this.pages.comp_head < this.get(c2h::COMP_ENTRIES), "the completion ring runs over");
        this.pages.comp_tail += 1;
        this.pages.completed_frames += u64::from(frames);
        let entry = PageCompletion { cookie: page.cookie, bytes: used, sequence, stamp: 0, frames, flags: CompletionFlags(flags) };
        self.write_completion(channel, sequence, entry);
        self.publish_pages(channel);
    }

    /// Writes an entry with the phase of its place.
    pub fn write_completion(&mut self, channel: u8, count: u64, mut entry: PageCompletion) {
        let this = self.channel(channel);
        let (base, entries) = (this.get(c2h::COMP_BASE), this.get(c2h::COMP_ENTRIES));
        if phase(count / entries) {
            entry.flags.0 |= CompletionFlags::PHASE;
        }
        let bytes: Vec<u8> = entry.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
        self.poke(base + count % entries * 32, &bytes);
    }
}
