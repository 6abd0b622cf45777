//! The write-back block, read by somebody who may see it torn. Knows the block and no register.

use crate::error::RingFault;
use crate::platform::{DmaBuffer, Time};
use silico_spec::writeback::{BYTES, WORDS, WriteBack};

/// Reads of a torn block before it counts as broken. With [`TORN_PAUSE_NS`] between them this is far longer than a 64-byte write takes to land.
pub const TORN_RETRIES: u32 = 200;
/// Pause between two reads of a torn block, in ns: in simulation, time has to pass for the rest of it to land.
pub const TORN_PAUSE_NS: u64 = 50;

const TAIL: usize = WORDS - 1;

/// What a look at the block gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing new in this run.
    Nothing,
    /// A new block.
    New(WriteBack),
    /// All ones: either the card is gone, or somebody wrote nonsense. The registers know.
    AllOnes,
}

/// The block of one channel.
pub(super) struct Block<B> {
    buffer: B,
    channel: u8,
    /// Run whose blocks count. A block of another one is stale.
    run: u32,
    /// Sequence of the last block taken; 0 before the first.
    seen: u64,
}

impl<B: DmaBuffer> Block<B> {
    pub(super) const fn new(buffer: B, channel: u8) -> Self {
        Self { buffer, channel, run: 0, seen: 0 }
    }

    pub(super) const fn buffer(&self) -> &B {
        &self.buffer
    }

    /// Zeroes the block: nothing of an earlier run is left to be taken for progress. The card must be quiet.
    pub(super) fn clear(&mut self) {
        for word in 0..WORDS {
            self.buffer.store64(word as u64 * 8, 0);
        }
        self.seen = 0;
    }

    /// From here on, blocks of `run` count.
    pub(super) const fn expect(&mut self, run: u32) {
        self.run = run;
    }

    fn word(&self, index: usize) -> u64 {
        self.buffer.load64(index as u64 * 8)
    }

    /// Looks for a new block. One load when there is none.
    #[inline]
    pub(super) fn look(&self, clock: &impl Time) -> Result<Look, RingFault> {
        // The tail is the last word to become visible: unchanged, it says that no new block is complete.
        if self.word(TAIL) == self.seen { Ok(Look::Nothing) } else { self.read(clock) }
    }

    fn read(&self, clock: &impl Time) -> Result<Look, RingFault> {
        let mut words = self.words();
        let mut retries = 0;
        let block = loop {
            if words[TAIL] == u64::MAX {
                return Ok(Look::AllOnes);
            }
            if let Some(block) = WriteBack::parse(&words) {
                break block;
            }
            if retries == TORN_RETRIES {
                return Err(RingFault::Torn { head: words[0], tail: words[TAIL], retries });
            }
            retries += 1;
            clock.pause(clock.now().after(TORN_PAUSE_NS));
            words = self.words();
        };
        if block.run != self.run || block.sequence == self.seen {
            return Ok(Look::Nothing);
        }
        if block.channel != self.channel {
            return Err(RingFault::BlockChannel { found: block.channel });
        }
        if block.sequence < self.seen {
            return Err(RingFault::BlockOrder { found: block.sequence, seen: self.seen });
        }
        Ok(Look::New(block))
    }

    /// The block with `sequence` is taken over. One that is not, because it was wrong, is found again by the next look.
    pub(super) const fn accept(&mut self, sequence: u64) {
        self.seen = sequence;
    }

    /// The block's words, read tail first and head last. The card's write becomes visible in ascending order of addresses, so a tail of block n
    /// says that all of n is there, and a head that is still n afterwards says that nothing of n + 1 was read.
    fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        for index in (0..WORDS).rev() {
            words[index] = self.word(index);
        }
        words
    }

    /// Bytes delivered by the last complete block of this run; 0 if there is none. For a card that is idle: nothing can be torn.
    pub(super) fn final_count(&self) -> Result<u64, RingFault> {
        let words = self.words();
        match WriteBack::parse(&words) {
            Some(block) if block.run == self.run && block.sequence != 0 => Ok(block.hw_count),
            Some(_) => Ok(0),
            None => Err(RingFault::Torn { head: words[0], tail: words[TAIL], retries: 0 }),
        }
    }
}

/// Bytes of a block, and the grid that it lies on.
pub(super) const BLOCK_BYTES: u64 = BYTES as u64;
