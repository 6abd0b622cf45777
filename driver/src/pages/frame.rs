//! A frame in pages: a handle that can be kept, and a view of what it stands for. Knows no register.

use super::pool::{Page, Pool};
use crate::channel::CrcError;
use crate::error::ChannelId;
use crate::platform::DmaBuffer;
use core::fmt;
use core::iter::FusedIterator;
use silico_spec::crc::append;
use silico_spec::frame::{FrameHeader, HEADER_BYTES};

/// A frame that the reader has: its pages are kept until it is given back ([`PageChannel::give_back`](super::PageChannel::give_back)), however many
/// later ones are before. It borrows nothing and can be stored; there is one of it, so it cannot be given back twice. One that is dropped instead keeps
/// its pages until the next start.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "its pages are kept until it is given back"]
pub struct PageFrame {
    /// The header, checked: magic, channel, and a length that lies within the pages.
    pub header: FrameHeader,
    pub(super) channel: ChannelId,
    pub(super) page: Page,
    /// Byte of the page at which the header lies.
    pub(super) offset: u32,
    /// Pages in which it lies, at least one.
    pub(super) pages: u32,
}

impl PageFrame {
    /// The same frame for the copy of its channel.
    pub(super) const fn copy(&self) -> Self {
        Self { header: self.header, channel: self.channel, page: self.page, offset: self.offset, pages: self.pages }
    }

    /// Number of the page in which it begins.
    #[must_use]
    pub const fn page(&self) -> u32 {
        self.page.index
    }

    /// Pages in which it lies, at least one.
    #[must_use]
    pub const fn pages(&self) -> u32 {
        self.pages
    }
}

/// A frame where it lies, not copied.
pub struct PageView<'a, B> {
    pub(super) pool: &'a Pool<B>,
    pub(super) frame: &'a PageFrame,
}

impl<'a, B: DmaBuffer> PageView<'a, B> {
    /// The header.
    #[must_use]
    pub const fn header(&self) -> &FrameHeader {
        &self.frame.header
    }

    /// Bytes of payload.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.frame.header.length as usize
    }

    /// Whether there is no payload; legal.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The payload, in as many parts as there are pages with some of it.
    #[must_use]
    pub const fn parts(&self) -> Parts<'a, B> {
        let page = Some(self.frame.page.index);
        Parts { pool: self.pool, page, offset: self.frame.offset + HEADER_BYTES, left: self.frame.header.length as u64 }
    }

    /// The payload as one slice, if it lies in one page.
    #[must_use]
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        let first = self.parts().next().unwrap_or_default();
        (first.len() == self.len()).then_some(first)
    }

    /// Checks the payload against the header's CRC. Costs a pass over the payload.
    ///
    /// # Errors
    /// If they differ.
    pub fn verify(&self) -> Result<(), CrcError> {
        let FrameHeader { sequence, crc: expected, .. } = self.frame.header;
        let found = self.parts().fold(0, append);
        if found == expected { Ok(()) } else { Err(CrcError { sequence, expected, found }) }
    }

    /// Copies the payload to the start of `out`; as much as fits. Returns the bytes copied.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let mut copied = 0;
        for part in self.parts() {
            let room = &mut out[copied..];
            let bytes = part.len().min(room.len());
            room[..bytes].copy_from_slice(&part[..bytes]);
            copied += bytes;
        }
        copied
    }
}

impl<B> fmt::Debug for PageView<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageView").field("frame", &self.frame).finish_non_exhaustive()
    }
}

/// The parts of a frame's payload, page by page.
pub struct Parts<'a, B> {
    pool: &'a Pool<B>,
    page: Option<u32>,
    offset: u32,
    left: u64,
}

impl<B> fmt::Debug for Parts<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("page", &self.page).field("offset", &self.offset).field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a, B: DmaBuffer> Iterator for Parts<'a, B> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.left != 0 {
            let page = self.page?;
            let part = self.pool.view(page, self.offset, self.left);
            self.left -= part.len() as u64;
            (self.page, self.offset) = (self.pool.next(page), 0);
            // A header at the very end of a page leaves nothing there.
            if !part.is_empty() {
                return Some(part);
            }
        }
        None
    }
}

impl<B: DmaBuffer> FusedIterator for Parts<'_, B> {}
