//! The ring: three byte counts that only grow, and who owns the bytes between them. Knows no register.
//!
//! ```text
//!   given ≤ taken ≤ announced ≤ given + size
//!     └ CPU's: read ┘ └ CPU's: to read ┘ └ the card's, up to given + size
//! ```
//! Equal counts mean empty, a difference of `size` means full: no spare byte, no parity bit. Offsets are kept beside the counts, since a size that
//! is no power of two would cost a division for each frame.

use super::frame::Frame;
use crate::error::RingFault;
use crate::platform::DmaBuffer;
use core::ops::Range;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::frame::{FrameHeader, GRID, HEADER_BYTES};

const HEADER: u64 = HEADER_BYTES as u64;

/// A count, and the same modulo the ring's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    count: u64,
    offset: u64,
}

impl Mark {
    /// Moved on by `bytes`, at most `size`.
    #[inline]
    const fn moved(self, bytes: u64, size: u64) -> Self {
        let offset = self.offset + bytes;
        Self { count: self.count + bytes, offset: if offset >= size { offset - size } else { offset } }
    }

    /// The bytes from here to `count`, as one or two ranges of the ring; the second starts at its beginning.
    const fn ranges(self, count: u64, size: u64) -> (Range<u64>, Range<u64>) {
        let end = self.offset + (count - self.count);
        if end <= size { (self.offset..end, 0..0) } else { (self.offset..size, 0..end - size) }
    }
}

/// A ring in DMA memory.
pub(super) struct Ring<B> {
    buffer: B,
    size: u64,
    given: Mark,
    taken: Mark,
    announced: Mark,
}

impl<B: Fork> Fork for Ring<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, ..*self })
    }
}

impl<B: DmaBuffer> Ring<B> {
    /// Over the whole of `buffer`, which belongs to the card.
    pub(super) fn new(buffer: B) -> Self {
        let size = buffer.len();
        let zero = Mark::default();
        Self { buffer, size, given: zero, taken: zero, announced: zero }
    }

    pub(super) const fn buffer(&self) -> &B {
        &self.buffer
    }

    /// Bytes that the card has announced in this run.
    pub(super) const fn announced(&self) -> u64 {
        self.announced.count
    }

    /// Bytes read in this run.
    pub(super) const fn taken(&self) -> u64 {
        self.taken.count
    }

    /// Bytes read and not given back yet.
    #[inline]
    pub(super) const fn owed(&self) -> u64 {
        self.taken.count - self.given.count
    }

    /// Whether every announced byte is read.
    #[inline]
    pub(super) const fn is_drained(&self) -> bool {
        self.taken.count == self.announced.count
    }

    /// All counts to zero, all memory to the card.
    pub(super) fn restart(&mut self) {
        self.release(self.announced);
        (self.given, self.taken, self.announced) = Default::default();
    }

    /// Takes over what the card announced: `count` bytes in all. Returns whether there is anything new.
    pub(super) fn announce(&mut self, count: u64) -> Result<bool, RingFault> {
        let (seen, limit) = (self.announced.count, self.given.count + self.size);
        if !count.is_multiple_of(u64::from(GRID)) {
            return Err(RingFault::CountOffGrid { found: count });
        }
        if count < seen {
            return Err(RingFault::CountBackwards { found: count, seen });
        }
        if count > limit {
            return Err(RingFault::CountAhead { found: count, limit });
        }
        if count == seen {
            return Ok(false);
        }
        let (first, second) = self.announced.ranges(count, self.size);
        self.buffer.acquire(first);
        if !second.is_empty() {
            self.buffer.acquire(second);
        }
        self.announced = self.announced.moved(count - seen, self.size);
        Ok(true)
    }

    /// Gives what is read back to the card's side. Returns the count for the doorbell.
    pub(super) fn give_back(&mut self) -> u64 {
        self.release(self.taken);
        self.given.count
    }

    fn release(&mut self, to: Mark) {
        let (first, second) = self.given.ranges(to.count, self.size);
        if !first.is_empty() {
            self.buffer.release(first);
        }
        if !second.is_empty() {
            self.buffer.release(second);
        }
        self.given = to;
    }

    /// The next frame; something must be announced and unread. The header never wraps: frames lie on its grid, and the size is a multiple of it.
    #[inline]
    pub(super) fn next(&mut self, channel: u8, max_frame: u32) -> Result<Frame<'_>, RingFault> {
        let Mark { count: position, offset } = self.taken;
        let header = read_header(&self.buffer, offset).map_err(|error| RingFault::Header { position, error })?;
        if header.channel != channel {
            return Err(RingFault::FrameChannel { position, found: header.channel });
        }
        let (length, footprint) = (header.length, header.footprint());
        let unread = self.announced.count - position;
        if footprint > unread || length > max_frame {
            let limit = (unread - HEADER).min(max_frame.into());
            return Err(RingFault::FrameLength { position, length, limit });
        }
        self.taken = self.taken.moved(footprint, self.size);
        let start = if offset + HEADER == self.size { 0 } else { offset + HEADER };
        let end = start + u64::from(length);
        let (head, tail) = if end <= self.size {
            (self.buffer.view(start..end), &[][..])
        } else {
            (self.buffer.view(start..self.size), self.buffer.view(0..end - self.size))
        };
        Ok(Frame { header, position, head, tail })
    }
}

#[inline]
fn read_header<B: DmaBuffer>(buffer: &B, offset: u64) -> Result<FrameHeader, silico_spec::frame::HeaderError> {
    match buffer.view(offset..offset + HEADER).first_chunk() {
        Some(bytes) => FrameHeader::parse(bytes),
        // A view is as long as was asked for; a platform that gives less has no header there.
        None => Err(silico_spec::frame::HeaderError::Magic(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_the_bytes_between_two_counts(size in (1u64..64).prop_map(|n| n * 32), from: u32, bytes in 0u64..2048) {
            let bytes = bytes % (size + 1);
            let mark = Mark { count: from.into(), offset: u64::from(from) % size };
            let (first, second) = mark.ranges(mark.count + bytes, size);
            let walked: Vec<u64> = first.chain(second).collect();
            let wanted: Vec<u64> = (0..bytes).map(|i| (mark.count + i) % size).collect();
            prop_assert_eq!(walked, wanted);
            let moved = mark.moved(bytes, size);
            prop_assert_eq!(moved.offset, moved.count % size);
        }
    }
}
