//! Cuts the FIFO's frames into memory writes to the ring.
//!
//! Payload goes first, cut where the address is a multiple of MPS (the ring starts on 4 KiB, so no TLP crosses 4 KiB or the ring's
//! end); the header, which has the length and the CRC, goes last and makes the frame count. A frame that is whole and fits up to
//! the next cut goes as one TLP, header and payload. Until its header has gone, a frame can be given up: nothing announced it.

use super::fifo::Fifo;
use silico_spec::frame::{HEADER_BYTES, footprint};

/// One TLP to be: its place in the ring and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Byte count at which it starts; modulo the ring's size, its offset.
    pub(crate) at: u64,
    /// The frame's header leads it.
    pub(crate) header: bool,
    /// Payload bytes from the FIFO.
    pub(crate) payload: u32,
}

impl Chunk {
    pub(crate) fn bytes(&self) -> u32 {
        self.payload + if self.header { HEADER_BYTES } else { 0 }
    }
}

/// What the packetizer could do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this.
    Chunk(Chunk),
    /// There are data for a TLP, and no room for it in the ring.
    NoRoom,
    /// Nothing to send before this many more bytes have come, or the end of the open frame.
    NoData(u32),
    /// The channel is not running.
    #[default]
    Off,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Packetizer {
    /// Byte count at which the head frame's header goes.
    base: u64,
    /// Byte count at which the ring's present lap began: no division is needed to find an offset.
    lap: u64,
    /// Payload bytes of the head frame sent or under way.
    sent: u32,
    /// Sequence number of the head frame.
    pub(crate) sequence: u64,
    /// Byte count up to which frames that were given up have left payload in the ring.
    void_to: u64,
}

impl Packetizer {
    pub(crate) fn next(&self, fifo: &Fifo, mps: u32, limit: u64) -> Next {
        let to_cut = |count: u64| mps - (count as u32 & (mps - 1));
        let header_at = self.base;
        let payload_at = self.base + u64::from(HEADER_BYTES + self.sent);
        let room = to_cut(payload_at);
        let chunk = match fifo.head() {
            Some(frame) if self.sent == 0 && HEADER_BYTES + frame.padded() <= to_cut(header_at) => {
                Chunk { at: header_at, header: true, payload: frame.padded() }
            }
            Some(frame) if self.sent == frame.padded() => Chunk { at: header_at, header: true, payload: 0 },
            Some(frame) => Chunk { at: payload_at, header: false, payload: room.min(frame.padded() - self.sent) },
            None if fifo.available() >= room => Chunk { at: payload_at, header: false, payload: room },
            None => return Next::NoData(room - fifo.available()),
        };
        if chunk.at + u64::from(chunk.bytes()) <= limit { Next::Chunk(chunk) } else { Next::NoRoom }
    }

    /// Where in the ring `chunk` goes. A frame is no longer than the ring, so it is in this lap or the next.
    pub(crate) fn offset(&self, chunk: &Chunk, ring_size: u64) -> u64 {
        let within = chunk.at - self.lap;
        if within < ring_size { within } else { within - ring_size }
    }

    /// `chunk` goes out.
    pub(crate) fn granted(&mut self, chunk: &Chunk, length: Option<u32>, ring_size: u64) {
        match length {
            Some(length) => {
                self.base += footprint(length);
                if self.base - self.lap >= ring_size {
                    self.lap += ring_size;
                }
                self.sent = 0;
                self.sequence += 1;
            }
            None => self.sent += chunk.payload,
        }
    }

    /// The open frame was dropped: the next one goes where it would have gone.
    pub(crate) fn give_up(&mut self) {
        if self.sent > 0 {
            self.void_to = self.void_to.max(self.base + u64::from(HEADER_BYTES + self.sent));
        }
        self.sent = 0;
    }

    /// Whether `chunk` goes where a frame that was given up has left payload: it must not overtake that payload on its way (PCIe 4.0 table 2-39,
    /// A2b), or the host finds the old bytes in the new frame.
    pub(crate) fn overwrites(&self, chunk: &Chunk) -> bool {
        chunk.at < self.void_to
    }

    /// Byte count after the last frame sent whole.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }
}
