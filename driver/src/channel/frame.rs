//! One frame as it lies in the ring: a header and its payload, in place. Knows nothing of channels and doorbells.

use core::fmt;
use silico_spec::crc::append;
use silico_spec::frame::FrameHeader;

/// A frame in the ring, not copied. It is given back when the channel is asked for the next one: what is borrowed here cannot be overwritten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'ring> {
    /// The header, checked: magic, channel, and a length that lies within what the card announced.
    pub header: FrameHeader,
    /// Byte of the run at which the header lies.
    pub position: u64,
    /// The payload up to the end of the ring, or all of it.
    pub head: &'ring [u8],
    /// The rest of a payload that wraps around the end of the ring; empty in all others.
    pub tail: &'ring [u8],
}

/// A payload that is not what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frame {sequence}: CRC-32C of the payload is {found:#010x}, the header says {expected:#010x}")]
pub struct CrcError {
    /// Sequence number of the frame.
    pub sequence: u64,
    /// By the header.
    pub expected: u32,
    /// Of the payload.
    pub found: u32,
}

impl Frame<'_> {
    /// Bytes of payload.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Whether there is no payload; legal.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the payload against the header's CRC. Costs a pass over the payload.
    ///
    /// # Errors
    /// If they differ.
    pub fn verify(&self) -> Result<(), CrcError> {
        let found = append(append(0, self.head), self.tail);
        if found == self.header.crc { Ok(()) } else { Err(CrcError { sequence: self.header.sequence, expected: self.header.crc, found }) }
    }

    /// Copies the payload to the start of `out`; as much as fits. Returns the bytes copied.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let first = self.head.len().min(out.len());
        let (left, right) = out.split_at_mut(first);
        left.copy_from_slice(&self.head[..first]);
        let second = self.tail.len().min(right.len());
        right[..second].copy_from_slice(&self.tail[..second]);
        first + second
    }

    /// Done with it. The same as to drop it: says so where it is read.
    pub const fn done(self) {}
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("header", &self.header).field("position", &self.position).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::crc::crc32c;

    #[test]
    fn crc_and_copy_see_both_parts() {
        let payload = *b"123456789";
        for cut in 0..=payload.len() {
            let (head, tail) = payload.split_at(cut);
            let header = FrameHeader { length: 9, crc: crc32c(&payload), ..FrameHeader::default() };
            let frame = Frame { header, position: 0, head, tail };
            assert_eq!(frame.verify(), Ok(()));
            for room in 0..12 {
                let mut out = [0; 12];
                let copied = frame.copy_to(&mut out[..room]);
                assert_eq!((copied, &out[..copied]), (room.min(9), &payload[..room.min(9)]));
            }
            let wrong = Frame { header: FrameHeader { crc: 1, ..header }, ..frame };
            assert_eq!(wrong.verify(), Err(CrcError { sequence: 0, expected: 1, found: header.crc }));
        }
    }
}
