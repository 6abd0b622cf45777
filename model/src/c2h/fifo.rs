//! The front-end FIFO of a channel: payload on the 32-byte grid, and the ends of the frames in it.
//!
//! Three counts that only grow say it all: bytes written by the ingest, granted to the transmitter, freed once the TLP that took
//! them has left. Fill is written − freed. An open frame can be taken back, so a frame is dropped whole or not at all.

use silico_spec::frame::{Flags, GRID};
use std::collections::VecDeque;

/// What the FIFO knows of a whole frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameInfo {
    pub(crate) length: u32,
    pub(crate) crc: u32,
    pub(crate) stamp: u64,
    pub(crate) source: u16,
    pub(crate) flags: Flags,
}

impl FrameInfo {
    pub(crate) fn padded(&self) -> u32 {
        self.length.next_multiple_of(GRID)
    }
}

/// Bytes that a FIFO which is written at all has memory for at least, if it is that deep.
const LEAST: usize = 4096;

#[derive(Debug)]
pub(crate) struct Fifo {
    /// As far as it was ever written: most of a deep FIFO is never used by a short run.
    bytes: Vec<u8>,
    depth: u32,
    written: u64,
    granted: u64,
    freed: u64,
    frames: VecDeque<FrameInfo>,
    /// Frames whose last TLP has been granted and has not left.
    leaving: usize,
    max_frames: usize,
}

impl Clone for Fifo {
    /// Of the bytes, what still counts.
    fn clone(&self) -> Self {
        let bytes = if self.fill() == 0 { Vec::new() } else { self.bytes.clone() };
        let mut frames = VecDeque::with_capacity(self.max_frames);
        frames.extend(&self.frames);
        Self { bytes, frames, ..*self }
    }
}

impl Fifo {
    pub(crate) fn new(bytes: u32, max_frames: u16) -> Self {
        assert!(bytes.is_power_of_two(), "CardParams::validate said so");
        Self {
            bytes: Vec::new(),
            depth: bytes,
            written: 0,
            granted: 0,
            freed: 0,
            frames: VecDeque::with_capacity(max_frames.into()),
            leaving: 0,
            max_frames: max_frames.into(),
        }
    }

    /// Its memory as an empty FIFO: what is here is of no use any more.
    pub(crate) fn renew(&mut self) -> Self {
        let (bytes, mut frames) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.frames));
        frames.clear();
        Self { bytes, frames, written: 0, granted: 0, freed: 0, leaving: 0, ..*self }
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Bytes that still take room, those of a TLP under way included.
    pub(crate) fn fill(&self) -> u32 {
        (self.written - self.freed) as u32
    }

    pub(crate) fn room(&self) -> u32 {
        self.depth() - self.fill()
    }

    /// Bytes that no TLP has taken yet.
    pub(crate) fn available(&self) -> u32 {
        (self.written - self.granted) as u32
    }

    pub(crate) fn frame_room(&self) -> bool {
        self.frames.len() + self.leaving < self.max_frames
    }

    /// The oldest frame, if it is whole.
    pub(crate) fn head(&self) -> Option<&FrameInfo> {
        self.frames.front()
    }

    /// Where byte number `count` lies, and how many of `len` bytes from there lie before the end.
    fn at(&self, count: u64, len: usize) -> (usize, usize) {
        let from = count as usize & (self.depth as usize - 1);
        (from, (self.depth as usize - from).min(len))
    }

    /// Room for `len` bytes as at most two slices, which `fill` fills in order; they count as written.
    pub(crate) fn write_with(&mut self, len: u32, mut fill: impl FnMut(&mut [u8], u32)) {
        debug_assert!(len <= self.room(), "the ingest checks for room");
        if len == 0 {
            return;
        }
        let (from, first) = self.at(self.written, len as usize);
        if self.bytes.len() < from + first {
            self.bytes.resize((from + first).next_power_of_two().max(LEAST).min(self.depth as usize), 0);
        }
        fill(&mut self.bytes[from..from + first], 0);
        if first < len as usize {
            fill(&mut self.bytes[..len as usize - first], first as u32);
        }
        self.written += u64::from(len);
    }

    /// The last `len` bytes that were written and not granted, as at most two slices in order.
    pub(crate) fn last(&self, len: u32, mut look: impl FnMut(&[u8])) {
        debug_assert!(len <= self.available(), "what is granted may be overwritten");
        if len == 0 {
            // A copy of a FIFO from which all has left has no memory.
            return;
        }
        let (from, first) = self.at(self.written - u64::from(len), len as usize);
        look(&self.bytes[from..from + first]);
        if first < len as usize {
            look(&self.bytes[..len as usize - first]);
        }
    }

    /// Ends the open frame: pads it with zeros to the grid.
    pub(crate) fn end_frame(&mut self, info: FrameInfo) {
        debug_assert!(self.frame_room(), "the ingest checks for room");
        let pad = info.padded() - info.length;
        self.write_with(pad, |room, _| room.fill(0));
        self.frames.push_back(info);
    }

    /// Takes the open frame back: `kept` bytes of it had been written. What a TLP has taken already frees itself later.
    pub(crate) fn abandon(&mut self, kept: u32) {
        let back = self.written - u64::from(kept);
        self.written = back.max(self.granted);
    }

    /// The transmitter takes the next bytes into `out`.
    pub(crate) fn grant(&mut self, out: &mut [u8]) {
        debug_assert!(out.len() <= self.available() as usize, "the packetizer checks what is there");
        if out.is_empty() {
            return;
        }
        let (from, first) = self.at(self.granted, out.len());
        let (head, tail) = out.split_at_mut(first);
        head.copy_from_slice(&self.bytes[from..from + first]);
        tail.copy_from_slice(&self.bytes[..tail.len()]);
        self.granted += out.len() as u64;
    }

    /// The header of the oldest frame goes out: the frame is done with.
    pub(crate) fn pop_frame(&mut self) -> Option<FrameInfo> {
        self.leaving += usize::from(!self.frames.is_empty());
        self.frames.pop_front()
    }

    /// The TLP that took `bytes`, and the end of a frame, has left.
    pub(crate) fn free(&mut self, bytes: u32, frame: bool) {
        self.freed += u64::from(bytes);
        self.leaving -= usize::from(frame);
        debug_assert!(self.freed <= self.granted);
    }

    /// Drops all that no TLP has taken. Returns how many whole frames that were.
    pub(crate) fn flush(&mut self) -> usize {
        self.written = self.granted;
        let frames = self.frames.len();
        self.frames.clear();
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open frame whose bytes have all left, in a fork of its card.
    #[test]
    fn a_copy_without_bytes_has_no_last_ones() {
        let mut fifo = Fifo::new(8192, 4);
        fifo.write_with(1216, |room, _| room.fill(1));
        (fifo.granted, fifo.freed) = (1216, 1216);
        fifo.clone().last(0, |bytes| assert!(bytes.is_empty()));
    }
}
