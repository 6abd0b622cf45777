//! What passed the link: the last records, and a digest over all of them. Formats only when asked to.

use silico_spec::tlp::Header;
use silico_spec::units::Cycle;
use std::fmt;

/// Which way a TLP went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the card.
    ToHost,
    /// To the card.
    ToCard,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::ToHost { "card -> host" } else { "host -> card" })
    }
}

/// What became of a TLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing to say.
    Passed,
    /// Marked to be discarded by its sender.
    Discarded,
    /// It broke a rule.
    Refused,
    /// The link was down.
    Lost,
}

/// One TLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// To the host: the clock after its last beat. To the card: the clock in which its first beat is there.
    pub cycle: Cycle,
    /// Direction.
    pub way: Way,
    /// What became of it.
    pub note: Note,
    /// Bytes of payload.
    pub len: u16,
    /// Header.
    pub header: Header,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} {} {}", self.cycle.0, self.way, self.header)?;
        let announced = if self.header.has_data() { self.header.length().bytes() } else { 0 };
        if announced != u32::from(self.len) {
            write!(f, " but {} bytes of payload", self.len)?;
        }
        match self.note {
            Note::Passed => Ok(()),
            Note::Discarded => f.write_str(" [discarded by its sender]"),
            Note::Refused => f.write_str(" [refused]"),
            Note::Lost => f.write_str(" [lost: the link is down]"),
        }
    }
}

/// The last records and the digest.
#[derive(Clone, Debug)]
pub struct Trace {
    records: Vec<Record>,
    capacity: usize,
    /// Where the next record goes once the ring is full.
    next: usize,
    total: u64,
    /// One per direction: the order within each is fixed by simulated time alone, not by how callers cut it into pieces.
    digests: [u64; 2],
}

const K: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(K)
}

/// A fast hash of payload: four lanes of 64 bits, so that multiplications overlap.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    let mut lanes = [1u64, 2, 3, 4];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    }
    let mut sum = lanes.into_iter().fold(bytes.len() as u64, mix);
    for part in rest.chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        sum = mix(sum, u64::from_le_bytes(word));
    }
    sum
}

impl Trace {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { records: Vec::with_capacity(capacity), capacity, next: 0, total: 0, digests: [0; 2] }
    }

    #[inline]
    pub(crate) fn record(&mut self, record: Record, payload: &[u8]) {
        self.total += 1;
        let [a, b, c, d] = record.header.0.map(u64::from);
        let digest = &mut self.digests[record.way as usize];
        let about = mix(a | b << 32, c | d << 32) ^ mix(record.cycle.0, record.note as u64 + 1);
        *digest = mix(*digest, about ^ hash(payload).rotate_left(32));
        if self.records.len() < self.capacity {
            self.records.push(record);
            return;
        }
        self.records[self.next] = record;
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
    }

    /// Hash over all TLPs since the start, with their cycles and payloads. The same configuration, seed and calls give the same digest.
    #[must_use]
    pub fn digest(&self) -> u64 {
        mix(mix(0, self.digests[0]), self.digests[1])
    }

    /// TLPs since the start.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The last records, in the order of their cycles.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = [&self.records[self.next..], &self.records[..self.next]].concat();
        records.sort_by_key(|record| record.cycle);
        records
    }
}

impl fmt::Display for Trace {
    /// One record a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records().iter().try_for_each(|record| writeln!(f, "{record}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::tlp::Kind;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    fn record(cycle: u64) -> Record {
        let header = Header::memory(Kind::MemWrite, Bdf::from_bits(0x100), Tag(3), BusAddr(0x1_0000_0000 + cycle), Dwords(8));
        Record { cycle: Cycle(cycle), way: Way::ToHost, note: Note::Passed, len: 32, header }
    }

    fn digest(records: &[Record], payload: &[u8]) -> u64 {
        let mut trace = Trace::new(2);
        records.iter().for_each(|one| trace.record(*one, payload));
        trace.digest()
    }

    #[test]
    fn the_ring_keeps_the_last_and_the_digest_all() {
        let mut trace = Trace::new(4);
        for cycle in 0..10 {
            trace.record(record(cycle), &[0; 32]);
        }
        assert_eq!(trace.records().iter().map(|record| record.cycle.0).collect::<Vec<_>>(), [6, 7, 8, 9]);
        assert_eq!(trace.total(), 10);
        assert_eq!(trace.to_string().lines().count(), 4);
        assert!(trace.to_string().contains("MWr 64 addr=0x100000004 len=8dw be=f/f req=01:00.0 tag=0x03"), "{trace}");
    }

    #[test]
    fn anything_changes_the_digest() {
        let (one, two) = (record(1), record(2));
        let base = digest(&[one, two], &[0; 40]);
        assert_eq!(base, digest(&[one, two], &[0; 40]));
        let mut flipped = [0; 40];
        for index in 0..40 {
            flipped[index] = 1;
            assert_ne!(base, digest(&[one, two], &flipped));
            flipped[index] = 0;
        }
        assert_ne!(base, digest(&[one, two], &[0; 41]));
        assert_ne!(base, digest(&[two, one], &[0; 40]));
        assert_ne!(base, digest(&[one, Record { note: Note::Refused, ..two }], &[0; 40]));
        assert_ne!(base, digest(&[one, Record { cycle: Cycle(3), ..two }], &[0; 40]));
        assert_ne!(base, digest(&[one, Record { way: Way::ToCard, ..two }], &[0; 40]));
        assert_ne!(base, digest(&[one, Record { header: two.header.with_tag(Tag(4)), ..two }], &[0; 40]));
    }
}
