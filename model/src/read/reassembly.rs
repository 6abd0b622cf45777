//! A buffer that reads fill in any order and that is emptied in order. Positions are byte counts that only grow.
//!
//! What can be consumed ends within the oldest read that is not whole. That pointer moves on by one read a clock: [`Reassembly::turn`].

use std::collections::VecDeque;

/// Bytes that a buffer which is used at all has memory for at least, if it is that big.
const LEAST: usize = 4096;

/// The room of one read.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u64,
    bytes: u32,
    got: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Reassembly {
    /// As far as reads have reached: most of a big buffer is never used by a short run.
    bytes: Vec<u8>,
    size: u32,
    /// Asked for, there without a gap, and consumed.
    issued: u64,
    arrived: u64,
    consumed: u64,
    /// Reads that are not whole, lie behind one that is not, or wait for their turn; in the order of their positions.
    parts: VecDeque<Part>,
}

impl Reassembly {
    /// Of `bytes` bytes, a power of two.
    pub(crate) fn new(bytes: u32) -> Self {
        assert!(bytes.is_power_of_two(), "CardParams::validate said so");
        Self { bytes: Vec::new(), size: bytes, issued: 0, arrived: 0, consumed: 0, parts: VecDeque::new() }
    }

    /// Its memory as an empty buffer: what is here is of no use any more.
    pub(crate) fn renew(&mut self) -> Self {
        let mut new = std::mem::replace(self, Self::new(self.size));
        new.clear();
        new
    }

    /// Forgets everything. No read may fill it any more.
    pub(crate) fn clear(&mut self) {
        (self.issued, self.arrived, self.consumed) = (0, 0, 0);
        self.parts.clear();
    }

    /// Bytes that may be asked for.
    pub(crate) fn room(&self) -> u32 {
        self.size - (self.issued - self.consumed) as u32
    }

    /// Bytes that can be consumed now.
    pub(crate) fn available(&self) -> u32 {
        (self.arrived - self.consumed) as u32
    }

    /// Takes room for a read of `bytes`. Returns its position.
    pub(crate) fn issue(&mut self, bytes: u32) -> u64 {
        debug_assert!(bytes <= self.room(), "a read is issued only when there is room for it");
        let reach = (self.issued % u64::from(self.size) + u64::from(bytes)).min(self.size.into()) as usize;
        let memory = reach.next_power_of_two().max(LEAST).min(self.size as usize);
        self.bytes.resize(memory.max(self.bytes.len()), 0);
        let start = self.issued;
        self.parts.push_back(Part { start, bytes, got: 0 });
        self.issued += u64::from(bytes);
        start
    }

    /// The next bytes of the read at `start` have come.
    pub(crate) fn fill(&mut self, start: u64, data: &[u8]) {
        let index = self.parts.partition_point(|part| part.start < start);
        let Some(part) = self.parts.get_mut(index).filter(|part| part.start == start) else { return };
        let data = &data[..data.len().min((part.bytes - part.got) as usize)];
        let from = (start + u64::from(part.got)) as usize & (self.size as usize - 1);
        part.got += data.len() as u32;
        let first = data.len().min(self.size as usize - from);
        self.bytes[from..from + first].copy_from_slice(&data[..first]);
        self.bytes[..data.len() - first].copy_from_slice(&data[first..]);
        self.arrive();
    }

    /// What is there is counted up to the bytes of the oldest read.
    fn arrive(&mut self) {
        if let Some(part) = self.parts.front() {
            self.arrived = part.start + u64::from(part.got);
        }
    }

    /// The oldest read is whole, so the next one is counted from the next clock on.
    #[inline]
    pub(crate) fn turns(&self) -> bool {
        self.parts.front().is_some_and(|part| part.got >= part.bytes)
    }

    /// Passes a clock.
    #[inline]
    pub(crate) fn turn(&mut self) {
        if self.turns() {
            self.parts.pop_front();
            self.arrive();
        }
    }

    /// The next `len` bytes as at most two slices, which `take` gets in order; they are consumed.
    pub(crate) fn consume_with(&mut self, len: u32, mut take: impl FnMut(&[u8])) {
        debug_assert!(len <= self.available(), "only what is there is consumed");
        if len == 0 {
            return;
        }
        let from = self.consumed as usize & (self.size as usize - 1);
        let first = (self.size as usize - from).min(len as usize);
        take(&self.bytes[from..from + first]);
        if first < len as usize {
            take(&self.bytes[..len as usize - first]);
        }
        self.consumed += u64::from(len);
    }

    /// The next bytes, consumed into `out`.
    pub(crate) fn consume(&mut self, out: &mut [u8]) {
        let mut at = 0;
        self.consume_with(out.len() as u32, |bytes| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Reads of any size, filled in any order and any cut, come out as one stream.
        #[test]
        fn any_order_comes_out_in_order(sizes in prop::collection::vec(1..200_u32, 1..60), picks in prop::collection::vec((any::<u16>(), 1..100_usize), 2000)) {
            let mut buffer = Reassembly::new(1024);
            let (mut open, mut seen, mut sizes) = (Vec::<(u64, u32, u32)>::new(), 0_u64, sizes.into_iter().peekable());
            for (pick, cut) in picks {
                while let Some(size) = sizes.next_if(|size| *size <= buffer.room()) {
                    open.push((buffer.issue(size), size, 0));
                }
                if open.is_empty() {
                    break;
                }
                let index = usize::from(pick) % open.len();
                let (start, size, got) = open[index];
                let bytes = cut.min((size - got) as usize) as u32;
                let data: Vec<u8> = (0..bytes).map(|i| (start + u64::from(got + i)) as u8).collect();
                buffer.fill(start, &data);
                for _ in 0..pick % 3 {
                    buffer.turn();
                }
                if got + bytes == size { open.remove(index); } else { open[index].2 += bytes; }
                let mut out = vec![0; buffer.available() as usize];
                buffer.consume(&mut out);
                for byte in out {
                    prop_assert_eq!(byte, seen as u8);
                    seen += 1;
                }
            }
            while buffer.turns() {
                buffer.turn();
            }
            let mut out = vec![0; buffer.available() as usize];
            buffer.consume(&mut out);
            for byte in out {
                prop_assert_eq!(byte, seen as u8);
                seen += 1;
            }
            prop_assert_eq!(seen, buffer.issued);
        }
    }

    /// A buffer of a megabyte in a test of a few frames, card by card, would be most of its time.
    #[test]
    fn memory_is_taken_as_far_as_reads_have_reached() {
        let mut buffer = Reassembly::new(1 << 20);
        assert_eq!(buffer.bytes.len(), 0);
        for (bytes, memory) in [(100, 4096), (3900, 4096), (96, 4096), (1, 8192), (4095, 8192), (1, 16384)] {
            buffer.issue(bytes);
            assert_eq!(buffer.bytes.len(), memory);
        }
        let mut small = Reassembly::new(64);
        small.issue(8);
        assert_eq!(small.bytes.len(), 64);
    }

    /// Consumers see one slice, and two only where the buffer wraps.
    #[test]
    fn no_slice_is_empty() {
        let mut buffer = Reassembly::new(64);
        let slices = |buffer: &mut Reassembly, len| {
            let mut slices = Vec::new();
            buffer.consume_with(len, |bytes| slices.push(bytes.to_vec()));
            slices
        };
        let give = |buffer: &mut Reassembly, first: u8, len: u8| {
            let start = buffer.issue(len.into());
            buffer.fill(start, &(first..first + len).collect::<Vec<u8>>());
            buffer.turn();
        };
        give(&mut buffer, 0, 40);
        assert_eq!(slices(&mut buffer, 0), Vec::<Vec<u8>>::new());
        assert_eq!(slices(&mut buffer, 40), [(0..40).collect::<Vec<u8>>()]);
        give(&mut buffer, 40, 24);
        assert_eq!(slices(&mut buffer, 24), [(40..64).collect::<Vec<u8>>()], "up to the end, and nothing beyond");
        give(&mut buffer, 0, 50);
        give(&mut buffer, 50, 14);
        assert_eq!(slices(&mut buffer, 50).len(), 1);
        give(&mut buffer, 64, 50);
        buffer.turn();
        assert_eq!(slices(&mut buffer, 30), [(50..64).collect::<Vec<u8>>(), (64..80).collect()], "around the end");
    }

    /// More bytes than a read asked for are not taken: they would lie in the room of the next one.
    #[test]
    fn a_read_fills_its_own_room_and_no_more() {
        let mut buffer = Reassembly::new(64);
        let (first, second) = (buffer.issue(8), buffer.issue(8));
        buffer.fill(second, &[2; 8]);
        buffer.fill(first, &[1; 5]);
        buffer.fill(first, &[1; 9]);
        buffer.turn();
        let mut out = [0; 16];
        buffer.consume(&mut out);
        assert_eq!(out, [[1; 8], [2; 8]].concat()[..]);
    }

    #[test]
    fn a_cleared_buffer_takes_nothing_of_before() {
        let mut buffer = Reassembly::new(64);
        let old = buffer.issue(8);
        buffer.clear();
        buffer.fill(old, &[1; 8]);
        assert_eq!((buffer.available(), buffer.room()), (0, 64));
    }
}
