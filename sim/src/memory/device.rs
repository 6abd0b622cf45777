//! The device's way into host memory: bus addresses to pieces, with the last hits cached. Judges bounds and ownership, reports to nobody.

use super::arena::Refused;
use super::{HostMemory, Mapping};
use silico_spec::fork::{CannotFork, Memo};
use std::sync::Arc;

/// Mappings that are remembered: a ring, a write-back block, an interrupt or descriptor ring per channel.
const HITS: usize = 8;

/// Why an access did not happen, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceError {
    /// Not inside a live allocation.
    Unmapped,
    /// The CPU owns some of it.
    Owned,
}

/// The machine's view of host memory.
#[derive(Debug)]
pub(crate) struct Cursor {
    memory: Arc<HostMemory>,
    hits: Vec<Mapping>,
    /// Which of the hits is replaced next.
    oldest: usize,
}

impl Cursor {
    pub(crate) fn new(memory: Arc<HostMemory>) -> Self {
        Self { memory, hits: Vec::with_capacity(HITS), oldest: 0 }
    }

    /// The same view of the copy of its memory, with nothing remembered.
    pub(crate) fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        HostMemory::fork(&self.memory, memo).map(Self::new)
    }

    /// The mapping with `address`, remembered or looked up. A remembered one may be dead.
    #[inline]
    fn find(&mut self, address: u64) -> Option<usize> {
        let hit = self.hits.iter().position(|mapping| address.wrapping_sub(mapping.bus) < mapping.len);
        hit.or_else(|| self.look_up(address))
    }

    #[cold]
    fn look_up(&mut self, address: u64) -> Option<usize> {
        let found = self.memory.find(address)?;
        if self.hits.len() < HITS {
            self.hits.push(found);
            return Some(self.hits.len() - 1);
        }
        let index = self.oldest;
        self.oldest = (index + 1) % HITS;
        self.hits[index] = found;
        Some(index)
    }

    /// Does something to the mapping that holds `address` and `len` bytes from there.
    #[inline]
    fn access(&mut self, address: u64, len: u64, mut act: impl FnMut(&Mapping, u64) -> Result<(), Refused>) -> Result<(), DeviceError> {
        loop {
            let index = self.find(address).ok_or(DeviceError::Unmapped)?;
            let mapping = &self.hits[index];
            let offset = address - mapping.bus;
            if len > mapping.len - offset {
                // A dead mapping may have been longer or shorter than the one that is there now.
                if mapping.piece.read(0, &mut [], 0..0) == Err(Refused::Dead) {
                    self.forget(index);
                    continue;
                }
                return Err(DeviceError::Unmapped);
            }
            match act(mapping, offset) {
                Ok(()) => return Ok(()),
                Err(Refused::Owned) => return Err(DeviceError::Owned),
                Err(Refused::Dead) => self.forget(index),
            }
        }
    }

    #[cold]
    fn forget(&mut self, index: usize) {
        self.hits.swap_remove(index);
        self.oldest = 0;
    }

    /// Whether somebody polls words of the buffer at `address`.
    #[inline]
    pub(crate) fn watched(&mut self, address: u64) -> bool {
        while let Some(index) = self.find(address) {
            let piece = &self.hits[index].piece;
            if !piece.is_dead() {
                return piece.watched();
            }
            self.forget(index);
        }
        false
    }

    /// Writes bytes.
    #[inline]
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.access(address, bytes.len() as u64, |mapping, offset| mapping.piece.write(offset, bytes))
    }

    /// Reads whole dwords, of which bytes `first..first + len` were asked for. The rest of them may be anybody's.
    pub(crate) fn read(&mut self, address: u64, into: &mut [u8], first: u64, len: u64) -> Result<(), DeviceError> {
        self.access(address + first, len, |mapping, offset| mapping.piece.read(offset - first, into, first..first + len))
    }
}
