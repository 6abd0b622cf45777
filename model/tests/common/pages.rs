//! The host of a channel with pages: gives them, follows who has each of them, reads frames out of completed ones. A strict one: a write of the card
//! that is not to a page of its own, or to the next entry, fails the test.

use super::{Bench, MEMORY, Sent};
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{CompletionFlags, PageCompletion, PageDescriptor, phase};
use silico_spec::frame::{FrameHeader, footprint};
use silico_spec::port::TlpPort;
use silico_spec::registers::c2h;
use silico_spec::tlp::{Kind, Span};
use std::collections::BTreeMap;

/// Where free lists, completion rings and pages lie in the bench's memory.
pub(crate) const FREE_LIST: u64 = 0xe_0000;
pub(crate) const COMPLETIONS: u64 = 0xe_2000;

#[derive(Debug)]
pub(crate) struct PageHost {
    pub(crate) channel: u32,
    pub(crate) free_entries: u64,
    pub(crate) comp_entries: u64,
    /// Pages that the card has, by cookie.
    owned: BTreeMap<u32, PageDescriptor>,
    pub(crate) given: u64,
    /// Entries seen on the port, and taken.
    pub(crate) announced: u64,
    pub(crate) taken: u64,
    /// TLPs of the bench that were judged.
    judged: usize,
    /// The frame that goes on in the next page: what there is of it.
    rest: Option<Vec<u8>>,
    pub(crate) frames: Vec<(FrameHeader, Vec<u8>)>,
    pub(crate) entries: Vec<PageCompletion>,
}

impl PageHost {
    /// Programs the rings of `channel`.
    pub(crate) fn set_up<P: TlpPort>(bench: &mut Bench<P>, channel: u32, free_entries: u32, comp_entries: u32, config: u32) -> Self {
        bench.set_up_pages(channel, free_entries, comp_entries, config);
        Self {
            channel,
            free_entries: free_entries.into(),
            comp_entries: comp_entries.into(),
            owned: BTreeMap::new(),
            given: 0,
            announced: 0,
            taken: 0,
            judged: bench.sent.len(),
            rest: None,
            frames: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn list(&self) -> u64 {
        FREE_LIST + 0x4000 * u64::from(self.channel)
    }

    fn ring(&self) -> u64 {
        COMPLETIONS + 0x4000 * u64::from(self.channel)
    }

    /// Puts a page into the free list; the doorbell is for later.
    pub(crate) fn put<P>(&mut self, bench: &mut Bench<P>, at: u64, length: u32, cookie: u32) {
        let page = PageDescriptor { address: MEMORY + at, length, cookie };
        self.put_raw(bench, &page);
        assert!(self.owned.insert(cookie, page).is_none(), "page {cookie} is the card's");
    }

    /// As [`PageHost::put`], whatever the descriptor says.
    pub(crate) fn put_raw<P>(&mut self, bench: &mut Bench<P>, page: &PageDescriptor) {
        let at = (self.list() + 16 * (self.given % self.free_entries)) as usize;
        for (word, value) in page.emit().iter().enumerate() {
            bench.memory[at + 8 * word..at + 8 * word + 8].copy_from_slice(&value.to_le_bytes());
        }
        self.given += 1;
    }

    /// Gives `pages` (offset in memory, bytes), cookies from `cookie` on, and rings.
    pub(crate) fn give<P: TlpPort>(&mut self, bench: &mut Bench<P>, cookie: u32, pages: &[(u64, u32)]) {
        for (cookie, (at, length)) in (cookie..).zip(pages) {
            self.put(bench, *at, *length, cookie);
        }
        self.ring_pages(bench);
    }

    pub(crate) fn ring_pages<P: TlpPort>(&self, bench: &mut Bench<P>) {
        bench.set64(self.channel, c2h::FREE_TAIL, self.given);
    }

    pub(crate) fn ring_taken<P: TlpPort>(&self, bench: &mut Bench<P>) {
        bench.set64(self.channel, c2h::COMP_HEAD, self.taken);
    }

    /// Judges all that the card has written since the last time.
    pub(crate) fn judge<P>(&mut self, bench: &Bench<P>) {
        for sent in &bench.sent[self.judged..] {
            self.judge_one(sent);
        }
        self.judged = bench.sent.len();
    }

    fn judge_one(&mut self, sent: &Sent) {
        let header = sent.header;
        let at = header.address().0.wrapping_sub(MEMORY);
        let inside = at < 1 << 20;
        let from = at.wrapping_sub(self.list());
        if header.kind() == Kind::MemRead && from < 0x2000 {
            let bytes = u64::from(header.length().bytes());
            assert!(from + bytes <= 16 * self.free_entries, "{header}: outside the free list");
            assert!(from / 16 < self.given, "{header}: nothing was given there");
        }
        if header.kind() != Kind::MemWrite || !inside || (0xf_0000..0xf_2000).contains(&at) {
            return;
        }
        let bytes = sent.payload.len() as u64;
        assert_eq!(Span::from_header(&header).byte_count(), bytes as u32, "whole dwords");
        assert!(header.address().0 % 4096 + bytes <= 4096, "{header}: crosses 4 KiB");
        let next = self.ring() + 32 * (self.announced % self.comp_entries);
        if (self.ring()..self.ring() + 32 * self.comp_entries).contains(&at) {
            assert_eq!((at, bytes), (next, 32), "the next entry, alone");
            assert!(!header.attributes().relaxed && !header.attributes().no_snoop, "{header}");
            assert!(self.announced - self.taken < self.comp_entries, "entry {} is not the card's", self.announced - self.comp_entries);
            let words: Vec<u64> = sent.payload.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
            let entry = PageCompletion::parse(words.try_into().unwrap());
            assert_eq!(entry.sequence, self.announced);
            let page = self.owned.remove(&entry.cookie).unwrap_or_else(|| panic!("page {} is not the card's", entry.cookie));
            assert!(entry.bytes > 0 && entry.bytes <= page.length && entry.bytes.is_multiple_of(32), "{entry:?}");
            self.announced += 1;
            return;
        }
        let page = MEMORY + at;
        let inside = |own: &PageDescriptor| own.address <= page && page + bytes <= own.address + u64::from(own.length);
        assert!(self.owned.values().any(inside), "{header}: {bytes} bytes into no page of the card's; {:?}", self.owned);
    }

    /// Takes all entries that are there, and the frames in their pages. Returns the pages, which are the host's now.
    pub(crate) fn take<P>(&mut self, bench: &Bench<P>, pages: &BTreeMap<u32, (u64, u32)>) -> Vec<u32> {
        self.judge(bench);
        let mut back = Vec::new();
        loop {
            let at = (self.ring() + 32 * (self.taken % self.comp_entries)) as usize;
            let words: Vec<u64> = bench.memory[at..at + 32].as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
            let entry = PageCompletion::parse(words.try_into().unwrap());
            if entry.flags.contains(CompletionFlags::PHASE) != phase(self.taken / self.comp_entries) {
                assert_eq!(self.taken, self.announced, "an entry without its phase");
                return back;
            }
            assert_eq!(entry.sequence, self.taken);
            let from = pages[&entry.cookie].0 as usize;
            self.read(&entry, &bench.memory[from..from + entry.bytes as usize]);
            self.taken += 1;
            self.entries.push(entry);
            back.push(entry.cookie);
        }
    }

    fn read(&mut self, entry: &PageCompletion, mut bytes: &[u8]) {
        assert_eq!(entry.flags.0 & !CompletionFlags::KNOWN, 0);
        assert_eq!(entry.flags.contains(CompletionFlags::CONTINUES), self.rest.is_some(), "{entry:?}");
        let mut frames = 0;
        while !bytes.is_empty() {
            let mut frame = self.rest.take().unwrap_or_default();
            let head = if frame.is_empty() { &bytes[..32] } else { &frame[..32] };
            let header = FrameHeader::parse(head.try_into().unwrap()).unwrap_or_else(|error| panic!("{error} in {entry:?}"));
            let here = (header.footprint() as usize - frame.len()).min(bytes.len());
            frame.extend_from_slice(&bytes[..here]);
            bytes = &bytes[here..];
            if (frame.len() as u64) < footprint(header.length) {
                self.rest = Some(frame);
                break;
            }
            let payload = frame[32..32 + header.length as usize].to_vec();
            assert_eq!(header.crc, crc32c(&payload), "CRC of {header:?}");
            assert_eq!(header.sequence, self.frames.len() as u64);
            self.frames.push((header, payload));
            frames += 1;
        }
        assert_eq!(entry.frames, frames, "{entry:?}");
        assert_eq!(entry.flags.contains(CompletionFlags::CONTINUED), self.rest.is_some(), "{entry:?}");
    }
}

impl<P: TlpPort> Bench<P> {
    /// Free list of channel `n` at 0xe0000 + 0x4000 n of the memory, completion ring 0x2000 behind it, write-back block as of a ring. Both are cleared.
    pub(crate) fn set_up_pages(&mut self, channel: u32, free_entries: u32, comp_entries: u32, config: u32) {
        let at = 0x4000 * u64::from(channel);
        self.memory[(COMPLETIONS + at) as usize..(COMPLETIONS + at) as usize + 0x2000].fill(0);
        self.set64(channel, c2h::FREE_BASE, MEMORY + FREE_LIST + at);
        self.set64(channel, c2h::COMP_BASE, MEMORY + COMPLETIONS + at);
        self.set32(channel, c2h::FREE_ENTRIES, free_entries);
        self.set32(channel, c2h::COMP_ENTRIES, comp_entries);
        self.set64(channel, c2h::WB_ADDR, MEMORY + 0xf_0000 + 64 * u64::from(channel));
        self.set32(channel, c2h::WB_FRAMES, 1);
        self.set32(channel, c2h::CONFIG, config | 1 << 5);
    }
}
