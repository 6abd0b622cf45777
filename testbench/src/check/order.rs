//! Order: the frames of a run of a channel come in sequence, each once, with time stamps that never go back.

use super::Mismatch;
use silico_spec::frame::FrameHeader;

/// What came before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Order {
    next: u64,
    stamp: u64,
}

impl Order {
    /// Checks the next frame.
    ///
    /// # Errors
    /// If its sequence number is not the next, or its stamp is before the last.
    #[inline]
    pub fn check(&mut self, header: &FrameHeader) -> Result<(), Mismatch> {
        if header.sequence != self.next {
            return Err(Mismatch::Sequence { expected: self.next, got: header.sequence });
        }
        if header.stamp < self.stamp {
            return Err(Mismatch::Stamp { before: self.stamp, got: header.stamp });
        }
        self.next += 1;
        self.stamp = header.stamp;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64, stamp: u64) -> FrameHeader {
        FrameHeader { sequence, stamp, ..FrameHeader::default() }
    }

    #[test]
    fn lost_doubled_and_swapped_frames_are_seen() {
        for wrong in [0, 2, 3, u64::MAX] {
            let mut order = Order::default();
            order.check(&frame(0, 5)).unwrap();
            assert_eq!(order.check(&frame(wrong, 6)), Err(Mismatch::Sequence { expected: 1, got: wrong }));
        }
        let mut order = Order::default();
        order.check(&frame(0, 5)).unwrap();
        assert_eq!(order.check(&frame(1, 4)), Err(Mismatch::Stamp { before: 5, got: 4 }));
        assert_eq!(order.check(&frame(1, 5)), Ok(()));
    }
}
