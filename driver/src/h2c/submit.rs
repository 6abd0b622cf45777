//! The three ways in which a frame gets into the descriptor ring: copied, filled in place, or out of the caller's own buffer.
//!
//! All checks come first: a frame that is refused has changed nothing.

use super::staging::Piece;
use super::{Memory, SendChannel, check_staged};
use crate::channel::{Phase, held};
use crate::error::{ChannelId, ConfigError, DriverError, check};
use crate::platform::{DmaBuffer, DmaMemory, Platform};
use core::ops::Range;
use core::slice::from_ref;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};

/// Says which frame of which run this was: see [`SendChannel::is_sent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(super) channel: ChannelId,
    pub(super) serial: u32,
    /// Descriptors done when the frame is sent.
    pub(super) done: u64,
}

/// Staging memory for one frame, to be filled and sent. Dropped unsent, it has changed nothing.
#[must_use]
pub struct Reservation<'a, P: Platform> {
    channel: &'a mut SendChannel<P>,
    piece: Piece,
    length: u32,
}

impl<P: Platform> Reservation<'_, P> {
    /// The frame's payload. What is in it at first is unspecified.
    pub fn payload(&mut self) -> &mut [u8] {
        match &mut held(&mut self.channel.memory).staging {
            Some(staging) => staging.fill(self.piece, self.length.into()),
            None => &mut [],
        }
    }

    /// Sends it. `cookie` comes back with an error.
    ///
    /// # Errors
    /// If the doorbell cannot be rung; the frame is in the ring all the same.
    pub fn send(self, cookie: u64) -> Result<Ticket, DriverError> {
        let Self { channel, piece, length } = self;
        let Memory { ring, staging: Some(staging), .. } = held(&mut channel.memory) else {
            return Err(DriverError::NotRunning { channel: channel.base.id });
        };
        let address = staging.send(piece);
        let flags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);
        ring.put(&H2cDescriptor { address, length, flags, cookie }, Some(piece));
        channel.submitted_one()
    }
}

impl<P: Platform> core::fmt::Debug for Reservation<'_, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reservation").field("piece", &self.piece).field("length", &self.length).finish_non_exhaustive()
    }
}

impl<P: Platform> SendChannel<P> {
    /// Staging memory for a frame of `length` bytes, in one piece, for the caller to fill: nothing is copied.
    ///
    /// # Errors
    /// [`DriverError::WouldBlock`] if it has no room at the moment, after a look at what has been sent; a frame that never has room is refused; so is
    /// any while the channel does not run.
    pub fn reserve(&mut self, length: u32) -> Result<Reservation<'_, P>, DriverError> {
        check_staged(held(&mut self.memory).staging.as_ref(), length.into())?;
        self.make_room(1)?;
        let mut found = self.find(length);
        if found.is_err() && self.progress()? {
            found = self.find(length);
        }
        match found {
            Ok(piece) => Ok(Reservation { channel: self, piece, length }),
            Err(free) => Err(self.would_block("contiguous bytes of staging memory", length.max(1).into(), free)),
        }
    }

    fn find(&mut self, length: u32) -> Result<Piece, u64> {
        held(&mut self.memory).staging.as_ref().map_or(Err(0), |staging| staging.find(length.into()))
    }

    /// Sends a copy of `payload` as one frame. `cookie` comes back with an error.
    ///
    /// # Errors
    /// As [`SendChannel::reserve`], and if the doorbell cannot be rung.
    pub fn send(&mut self, payload: &[u8], cookie: u64) -> Result<Ticket, DriverError> {
        let length = u32::try_from(payload.len());
        let rule = "below 4 GiB";
        let length = length.map_err(|_| ConfigError { field: "frame", value: payload.len() as u64, rule })?;
        let mut frame = self.reserve(length)?;
        frame.payload().copy_from_slice(payload);
        frame.send(cookie)
    }

    /// Sends `range` of the caller's `buffer` as one frame. The same as [`SendChannel::submit_parts`] with one part.
    ///
    /// # Errors
    /// As [`SendChannel::submit_parts`].
    pub fn submit(&mut self, buffer: &mut <P as DmaMemory>::Buffer, range: Range<u64>, cookie: u64) -> Result<Ticket, DriverError> {
        self.submit_parts(buffer, from_ref(&range), cookie)
    }

    /// Sends one frame out of the caller's `buffer`: `parts` one after the other, each as a descriptor. The CPU must own the parts; they go to the
    /// card's side, and are the caller's to acquire again when the frame is sent ([`SendChannel::is_sent`]) or the channel is stopped. The buffer must live
    /// so long. `cookie` comes back with an error.
    ///
    /// # Errors
    /// [`DriverError::WouldBlock`] if too few descriptors are free, after a look at what has been sent. Parts that lie outside the buffer, that are empty
    /// (one alone may be: an empty frame), or more than the ring has entries, are refused.
    pub fn submit_parts(
        &mut self,
        buffer: &mut <P as DmaMemory>::Buffer,
        parts: &[Range<u64>],
        cookie: u64,
    ) -> Result<Ticket, DriverError> {
        let entries = held(&mut self.memory).ring.entries();
        let number = parts.len() as u64;
        check((1..=entries).contains(&number), "parts", number, "1 to the number of entries of the ring")?;
        for part in parts {
            check_part(part, buffer.len(), number == 1)?;
        }
        self.make_room(number)?;
        let ring = &mut held(&mut self.memory).ring;
        for (left, part) in (0..number).rev().zip(parts) {
            if !part.is_empty() {
                buffer.release(part.clone());
            }
            let flags = DescriptorFlags(if left == 0 { DescriptorFlags::END_OF_FRAME } else { 0 });
            let (address, length) = (buffer.bus_addr().0 + part.start, (part.end - part.start) as u32);
            ring.put(&H2cDescriptor { address, length, flags, cookie }, None);
        }
        self.submitted_one()
    }

    /// Sees to it that `entries` descriptors are free.
    fn make_room(&mut self, entries: u64) -> Result<(), DriverError> {
        match self.base.phase {
            Phase::Running => {}
            Phase::Failed(failure) => return Err(self.base.failed(failure)),
            Phase::Idle | Phase::Stuck => return Err(DriverError::NotRunning { channel: self.base.id }),
        }
        if self.free_entries() < entries {
            self.progress()?;
        }
        match self.free_entries() {
            free if free < entries => Err(self.would_block("descriptors", entries, free)),
            _ => Ok(()),
        }
    }

    const fn would_block(&self, what: &'static str, needed: u64, free: u64) -> DriverError {
        DriverError::WouldBlock { channel: self.base.id, what, needed, free }
    }

    /// A whole frame is in the ring: rings the doorbell if the batch is full.
    fn submitted_one(&mut self) -> Result<Ticket, DriverError> {
        let ring = &held(&mut self.memory).ring;
        let ticket = Ticket { channel: self.base.id, serial: self.base.serial, done: ring.given() };
        if ring.pending() >= u64::from(self.config.batch) {
            self.flush()?;
        }
        Ok(ticket)
    }
}

fn check_part(part: &Range<u64>, buffer: u64, alone: bool) -> Result<(), ConfigError> {
    check(part.start <= part.end && part.end <= buffer, "part.end", part.end, "within the buffer, and not before its start")?;
    check(part.end - part.start <= u32::MAX.into(), "part.length", part.end - part.start, "below 4 GiB")?;
    check(alone || !part.is_empty(), "part.length", 0, "above 0, unless the frame has no other part")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor's length has 32 bits; buffers may be larger.
    #[test]
    fn a_part_is_shorter_than_4_gib_wherever_it_lies() {
        const GIB: u64 = 1 << 30;
        let most = u64::from(u32::MAX);
        assert_eq!(check_part(&(7 * GIB..7 * GIB + most), 16 * GIB, true), Ok(()));
        let error = check_part(&(7 * GIB..11 * GIB), 16 * GIB, true).unwrap_err();
        assert_eq!((error.field, error.value), ("part.length", 4 * GIB));
    }
}
