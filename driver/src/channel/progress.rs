//! The write-back block, read by somebody who may see it torn. Knows the block and no register.

use crate::error::RingFault;
use crate::platform::{DmaBuffer, Time};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::writeback::{BYTES, WORDS, WriteBack};

/// Reads of a torn block before it counts as broken. With [`TORN_PAUSE_NS`] between them this is far longer than a 64-byte write takes to land.
pub const TORN_RETRIES: u32 = 200;
/// Pause between two reads of a torn block, in ns: in simulation, time has to pass for the rest of it to land.
pub const TORN_PAUSE_NS: u64 = 50;

const TAIL: usize = WORDS - 1;

/// What a look at the block gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new in this run.
    Nothing,
    /// A new block.
    New(WriteBack),
    /// All ones: either the card is gone, or somebody wrote nonsense. The registers know.
    AllOnes,
}

/// The block of one channel.
pub(crate) struct Block<B> {
    buffer: B,
    channel: u8,
    /// Run whose blocks count. A block of another one is stale.
    run: u32,
    /// Sequence of the last block taken; 0 before the first.
    seen: u64,
}

impl<B: Fork> Fork for Block<B> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { buffer: self.buffer.fork(memo)?, ..*self })
    }
}

impl<B: DmaBuffer> Block<B> {
    pub(crate) const fn new(buffer: B, channel: u8) -> Self {
        Self { buffer, channel, run: 0, seen: 0 }
    }

    pub(crate) const fn buffer(&self) -> &B {
        &self.buffer
    }

    /// Zeroes the block: nothing of an earlier run is left to be taken for progress. The card must be quiet.
    pub(crate) fn clear(&mut self) {
        for word in 0..WORDS {
            self.buffer.store64(word as u64 * 8, 0);
        }
        self.seen = 0;
    }

    /// From here on, blocks of `run` count.
    pub(crate) const fn expect(&mut self, run: u32) {
        self.run = run;
    }

    fn word(&self, index: usize) -> u64 {
        self.buffer.load64(index as u64 * 8)
    }

    /// Looks for a new block. One load when there is none.
    #[inline]
    pub(crate) fn look(&self, clock: &impl Time) -> Result<Look, RingFault> {
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
        if block.run != self.run {
            return Ok(Look::Nothing);
        }
        if block.channel != self.channel {
            return Err(RingFault::BlockChannel { found: block.channel });
        }
        if block.sequence < self.seen {
            return Err(RingFault::BlockOrder { found: block.sequence, seen: self.seen });
        }
        Ok(if block.sequence == self.seen { Look::Nothing } else { Look::New(block) })
    }

    /// The block with `sequence` is taken over. One that is not, because it was wrong, is found again by the next look.
    pub(crate) const fn accept(&mut self, sequence: u64) {
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
    pub(crate) fn final_count(&self) -> Result<u64, RingFault> {
        let words = self.words();
        match WriteBack::parse(&words) {
            Some(block) if block.run == self.run && block.sequence != 0 => Ok(block.hw_count),
            Some(_) => Ok(0),
            None => Err(RingFault::Torn { head: words[0], tail: words[TAIL], retries: 0 }),
        }
    }
}

/// Bytes of a block, and the grid that it lies on.
pub(crate) const BLOCK_BYTES: u64 = BYTES as u64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Nanos;
    use core::cell::{Cell, RefCell};
    use core::ops::Range;
    use proptest::prelude::*;
    use silico_spec::units::BusAddr;

    /// Memory in which block after block lands word by word, in ascending order, a few words before each load.
    struct Landing {
        words: RefCell<[u64; WORDS]>,
        /// Words landed so far, over all blocks.
        landed: Cell<usize>,
        /// Words that land before each load; after the last, one by one to the end of the block.
        steps: RefCell<std::vec::IntoIter<usize>>,
    }

    fn block(sequence: u64) -> WriteBack {
        WriteBack {
            sequence,
            hw_count: sequence * 32,
            frames: sequence,
            dropped: sequence,
            stamp: sequence,
            run: 1,
            ..WriteBack::default()
        }
    }

    impl DmaBuffer for Landing {
        fn bus_addr(&self) -> BusAddr {
            BusAddr(0)
        }
        fn len(&self) -> u64 {
            BLOCK_BYTES
        }
        fn acquire(&mut self, _: Range<u64>) {}
        fn view(&self, _: Range<u64>) -> &[u8] {
            &[]
        }
        fn view_mut(&mut self, _: Range<u64>) -> &mut [u8] {
            &mut []
        }
        fn release(&mut self, _: Range<u64>) {}
        fn load64(&self, offset: u64) -> u64 {
            let rest = usize::from(!self.landed.get().is_multiple_of(WORDS));
            for _ in 0..self.steps.borrow_mut().next().unwrap_or(rest) {
                let landed = self.landed.replace(self.landed.get() + 1);
                self.words.borrow_mut()[landed % WORDS] = block((landed / WORDS) as u64 + 1).emit()[landed % WORDS];
            }
            self.words.borrow()[(offset / 8) as usize]
        }
        fn store64(&self, _: u64, _: u64) {}
    }

    struct Clock;

    impl Time for Clock {
        fn now(&self) -> Nanos {
            Nanos(0)
        }
        fn pause(&self, _: Nanos) {}
    }

    proptest! {
        #[test]
        fn no_mixed_block_is_ever_taken(steps in prop::collection::vec(prop_oneof![6 => Just(0), 1 => 1usize..4, 1 => 1usize..10], 1..300)) {
            let looks = steps.len();
            let buffer = Landing { words: RefCell::default(), landed: Cell::new(0), steps: RefCell::new(steps.into_iter()) };
            let mut reader = Block::new(buffer, 0);
            reader.expect(1);
            for _ in 0..looks + WORDS {
                if let Look::New(new) = reader.look(&Clock).expect("the writer comes to rest") {
                    prop_assert_eq!(new, block(new.sequence));
                    reader.accept(new.sequence);
                }
            }
            let whole = (reader.buffer().landed.get() / WORDS) as u64;
            prop_assert_eq!(reader.seen, whole, "the last block is found");
        }
    }
}
