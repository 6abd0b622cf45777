//! A whole TLP in a buffer that is used again and again.

use super::{Beat, MAX_BEAT};
use crate::params::DataWidth;
use alloc::vec::Vec;

/// Most payload bytes of any TLP (PCIe 4.0 §2.2.2).
pub const MAX_PAYLOAD: usize = 4096;
/// Bytes that a buffer has memory for at least once there is any payload in it: most TLPs are short, and a buffer is made for each that waits somewhere.
const LEAST: usize = 64;

/// A whole TLP: the header's dwords and the payload. Equal if it is the same TLP, whatever lay in the buffer before.
pub struct TlpBuf {
    /// As in [`Beat::header`].
    pub header: [u32; 4],
    /// See [`Beat::discard`].
    pub discard: bool,
    /// See [`Beat::digest`].
    pub digest: u32,
    len: u32,
    /// As long as the longest payload that was ever in it, or somewhat longer.
    data: Vec<u8>,
}

impl Clone for TlpBuf {
    /// Of the payload, what there is of it.
    fn clone(&self) -> Self {
        Self { data: self.payload().to_vec(), ..*self }
    }
}

impl TlpBuf {
    /// Empty: zero header, no payload.
    #[must_use]
    pub const fn new() -> Self {
        Self { header: [0; 4], discard: false, digest: 0, len: 0, data: Vec::new() }
    }

    /// Memory for `len` bytes, at most [`MAX_PAYLOAD`].
    #[cold]
    fn grow(&mut self, len: usize) {
        self.data.resize(len.next_power_of_two().clamp(LEAST, MAX_PAYLOAD), 0);
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
        if len > self.data.len() {
            self.grow(len);
        }
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
        if from + bytes > MAX_PAYLOAD {
            return false;
        }
        self.set_len(from + bytes);
        self.data[from..from + bytes].copy_from_slice(&beat.data[..bytes]);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer is made for each TLP that waits somewhere, and most are short.
    #[test]
    fn memory_is_taken_as_payload_comes() {
        let mut tlp = TlpBuf::new();
        assert_eq!(tlp.data.capacity(), 0, "a header alone takes none");
        for (len, memory) in [(0, 0), (4, LEAST), (64, LEAST), (65, 128), (512, 512), (7, 512), (MAX_PAYLOAD, MAX_PAYLOAD)] {
            tlp.set([0; 4], &[len as u8; MAX_PAYLOAD][..len]);
            assert_eq!((tlp.payload().len(), tlp.data.len()), (len, memory));
            assert!(tlp.payload().iter().all(|byte| *byte == len as u8));
        }
        assert_eq!(TlpBuf { len: 3, data: alloc::vec![7; 64], ..TlpBuf::new() }.clone().data, [7; 3]);
    }

    /// A sender that never ends its TLP is refused at the longest that there is, and nothing of before is lost.
    #[test]
    fn beats_beyond_the_longest_payload_are_refused() {
        let mut tlp = TlpBuf::new();
        let beat = |sop| Beat { valid: true, sop, bytes: 64, data: [5; MAX_BEAT], ..Beat::NONE };
        assert!((0..MAX_PAYLOAD / 64).all(|index| tlp.push(&beat(index == 0))));
        assert!(!tlp.push(&beat(false)));
        assert_eq!(tlp.payload(), [5; MAX_PAYLOAD]);
        assert!(tlp.push(&beat(true)));
        assert_eq!(tlp.payload(), [5; 64]);
    }
}
