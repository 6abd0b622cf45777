//! The descriptors of an H2C channel: fetched in batches from the ring, judged one by one, and kept until their payload has gone.
//!
//! A descriptor is fetched once the doorbell has announced it and not before: everything here counts from the start of the run, and nothing
//! passes the count that the host has given.

use super::Settings;
use crate::read::Reassembly;
use silico_spec::descriptor::{DescriptorFlags, H2C_DESCRIPTOR_BYTES, H2cDescriptor};
use std::collections::VecDeque;

/// Descriptors that a channel holds: asked for, and not done.
pub(crate) const DEPTH: u64 = 128;
/// Rather than ask for fewer than this, a channel waits until more places are free.
const BATCH: u64 = 16;

/// A read of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) address: u64,
    pub(crate) count: u32,
}

/// A descriptor whose payload is being put out or waits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Active {
    /// Bytes that have not gone to the output stage.
    pub(crate) left: u32,
    pub(crate) ends_frame: bool,
    pub(crate) interrupt: bool,
}

/// A descriptor that cannot be: where it lies in the ring, and its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) address: u64,
    pub(crate) cookie: u64,
}

/// What remains to be read of a descriptor's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) address: u64,
    pub(crate) left: u32,
    pub(crate) cookie: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Descriptors {
    /// Asked for in this run, and the ring's entry that comes next.
    asked: u64,
    entry: u32,
    /// Ring's entry of the next one that is judged.
    judged: u32,
    pub(crate) words: Reassembly,
    pub(crate) active: VecDeque<Active>,
    pub(crate) reading: Reading,
}

impl Descriptors {
    pub(crate) fn new() -> Self {
        Self {
            asked: 0,
            entry: 0,
            judged: 0,
            words: Reassembly::new(DEPTH as u32 * H2C_DESCRIPTOR_BYTES),
            active: VecDeque::new(),
            reading: Reading::default(),
        }
    }

    /// For a new run.
    pub(crate) fn restart(&mut self) {
        (self.asked, self.entry, self.judged) = (0, 0, 0);
        self.words.clear();
        self.active.clear();
        self.reading = Reading::default();
    }

    /// The next batch to ask for: no descriptor beyond `tail`, none beyond the ring's end, within one read of `mrrs` bytes.
    pub(crate) fn next(&self, set: &Settings, tail: u64, done: u64, mrrs: u32) -> Option<Fetch> {
        let given = tail - self.asked;
        if given == 0 {
            return None;
        }
        let address = set.ring_base + u64::from(self.entry) * u64::from(H2C_DESCRIPTOR_BYTES);
        // Reads are cut where the address is a multiple of MRRS, so none crosses 4 KiB.
        let to_cut = (mrrs - (address as u32 & (mrrs - 1))) / H2C_DESCRIPTOR_BYTES;
        let wanted = given.min(u64::from(to_cut.min(set.ring_entries - self.entry)));
        let places = DEPTH - (self.asked - done);
        (places >= wanted.min(BATCH)).then(|| Fetch { address, count: wanted.min(places) as u32 })
    }

    /// A batch is asked for. Returns its position in `words`.
    pub(crate) fn asked(&mut self, fetch: Fetch, set: &Settings) -> u64 {
        self.asked += u64::from(fetch.count);
        self.entry += fetch.count;
        if self.entry == set.ring_entries {
            self.entry = 0;
        }
        self.words.issue(fetch.count * H2C_DESCRIPTOR_BYTES)
    }

    /// Something happens in the next clock without anybody's doing.
    #[inline]
    pub(crate) fn moves(&self) -> bool {
        self.can_judge() || self.words.turns()
    }

    /// Whether [`Descriptors::judge`] has one to judge.
    #[inline]
    pub(crate) fn can_judge(&self) -> bool {
        self.reading.left == 0 && self.words.available() >= H2C_DESCRIPTOR_BYTES
    }

    /// Takes up the next descriptor.
    pub(crate) fn judge(&mut self, set: &Settings) -> Result<(), Bad> {
        let mut bytes = [0; H2C_DESCRIPTOR_BYTES as usize];
        self.words.consume(&mut bytes);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let address = set.ring_base + u64::from(self.judged) * u64::from(H2C_DESCRIPTOR_BYTES);
        self.judged = if self.judged + 1 == set.ring_entries { 0 } else { self.judged + 1 };
        let bad = Bad { address, cookie: words[2] };
        let descriptor = H2cDescriptor::parse(words).ok_or(bad)?;
        let ends_frame = descriptor.flags.contains(DescriptorFlags::END_OF_FRAME);
        // The last byte must have an address.
        let last = u64::from(descriptor.length).saturating_sub(1);
        if descriptor.length == 0 && !ends_frame || descriptor.address.checked_add(last).is_none() {
            return Err(bad);
        }
        let interrupt = descriptor.flags.contains(DescriptorFlags::INTERRUPT);
        self.active.push_back(Active { left: descriptor.length, ends_frame, interrupt });
        self.reading = Reading { address: descriptor.address, left: descriptor.length, cookie: descriptor.cookie };
        Ok(())
    }
}
