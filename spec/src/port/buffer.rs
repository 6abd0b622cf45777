//! A whole TLP in a buffer that is used again and again.

use super::{Beat, MAX_BEAT};
use crate::params::DataWidth;
use alloc::boxed::Box;

/// Most payload bytes of any TLP (PCIe 4.0 §2.2.2).
pub const MAX_PAYLOAD: usize = 4096;

/// A whole TLP: the header's dwords and the payload. Equal if it is the same TLP, whatever lay in the buffer before.
pub struct TlpBuf {
    /// As in [`Beat::header`].
    pub header: [u32; 4],
    /// See [`Beat::discard`].
    pub discard: bool,
    /// See [`Beat::digest`].
    pub digest: u32,
    len: u32,
    data: Box<[u8; MAX_PAYLOAD]>,
}

impl Clone for TlpBuf {
    /// Of the payload, what there is of it; the rest of the buffer is zero.
    fn clone(&self) -> Self {
        let mut copy = Self { header: self.header, discard: self.discard, digest: self.digest, ..Self::new() };
        copy.set_len(self.len as usize);
        copy.payload_mut().copy_from_slice(self.payload());
        copy
    }
}

impl TlpBuf {
    /// Empty: zero header, no payload.
    #[must_use]
    pub fn new() -> Self {
        Self { header: [0; 4], discard: false, digest: 0, len: 0, data: Box::new([0; MAX_PAYLOAD]) }
    }

    /// The payload in the order of addresses.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.data[..self.len as usize]
    }

    /// The payload, to change it.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.data[..self.len as usize]
    }

    /// Sets the payload's length, at most [`MAX_PAYLOAD`] bytes; what is new in it is whatever was there before.
    ///
    /// # Panics
    /// If `len` is over [`MAX_PAYLOAD`].
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= MAX_PAYLOAD, "payload of {len} bytes");
        self.len = len as u32;
    }

    /// Becomes the TLP with this header and payload, and a digest of zero.
    ///
    /// # Panics
    /// If the payload is over [`MAX_PAYLOAD`].
    pub fn set(&mut self, header: [u32; 4], payload: &[u8]) {
        self.header = header;
        self.discard = false;
        self.digest = 0;
        self.set_len(payload.len());
        self.payload_mut().copy_from_slice(payload);
    }

    /// Appends a beat; `sop` begins anew. Bytes over [`MAX_PAYLOAD`] are refused with `false`: the sender never ended its TLP.
    pub fn push(&mut self, beat: &Beat) -> bool {
        if beat.sop {
            self.header = beat.header;
            self.len = 0;
        }
        (self.discard, self.digest) = (beat.discard, beat.digest);
        let (from, bytes) = (self.len as usize, usize::from(beat.bytes).min(MAX_BEAT));
        let Some(room) = self.data.get_mut(from..from + bytes) else { return false };
        room.copy_from_slice(&beat.data[..bytes]);
        self.len += bytes as u32;
        true
    }

    /// Beat `index` of this TLP on a stream of `width`.
    #[must_use]
    pub fn beat(&self, index: u32, width: DataWidth) -> Beat {
        let mut beat = Beat { valid: true, sop: index == 0, eop: index + 1 == width.beats(self.len), ..Beat::NONE };
        let payload = self.payload();
        let from = ((index * width.bytes()) as usize).min(payload.len());
        let to = (from + width.bytes() as usize).min(payload.len());
        beat.data[..to - from].copy_from_slice(&payload[from..to]);
        beat.bytes = (to - from) as u8;
        if beat.eop {
            (beat.discard, beat.digest) = (self.discard, self.digest);
        }
        if beat.sop {
            beat.header = self.header;
        }
        beat
    }
}

impl PartialEq for TlpBuf {
    fn eq(&self, other: &Self) -> bool {
        (self.header, self.discard, self.digest, self.payload()) == (other.header, other.discard, other.digest, other.payload())
    }
}

impl Eq for TlpBuf {}

impl Default for TlpBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for TlpBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TlpBuf {{ header: {:08x?}, payload: {} bytes }}", self.header, self.len)
    }
}
