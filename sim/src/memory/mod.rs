//! Host memory: real bytes at bus addresses, allocated contiguously, with ownership. Usable without the machine's lock.
//!
//! Low memory lies from [`LOW_BASE`] on, the rest from [`HIGH_BASE`] on. The device reaches bytes only inside a live allocation; a write
//! into bytes that the CPU owns is refused, a read of them gives stale bytes (all ones), and both are violations. A TLP's payload becomes visible
//! at once as far as one thread sees it; to other threads, by 64-bit words, in the order of TLPs.

mod allocator;
mod arena;
mod device;
mod dirty;
mod intervals;

pub(crate) use device::{Cursor, DeviceError};

use crate::config::{ConfigError, HostConfig, Placement};
use allocator::Allocator;
use arena::{Arena, Claim, Claims, Piece};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::units::BusAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bus address of the first byte of low memory.
pub const LOW_BASE: u64 = 0x1000_0000;
/// Bus address of the first byte of high memory.
pub const HIGH_BASE: u64 = 0x1_0000_0000;
/// With [`Placement::Mixed`], the largest buffer that is placed low.
pub const LOW_LIMIT: u64 = 64 << 10;
/// Least alignment of an allocation: a cache line.
const MIN_ALIGN: u64 = 64;

/// Why no memory was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocError {
    /// Nothing of that size is free.
    #[error("no contiguous DMA memory of {bytes} bytes aligned to {align} is free")]
    Exhausted {
        /// Bytes asked for.
        bytes: u64,
        /// Alignment asked for.
        align: u64,
    },
    /// Zero bytes, or an alignment that is no power of two.
    #[error("a DMA buffer of {bytes} bytes aligned to {align} makes no sense: it must have bytes, and a power of two as alignment")]
    Senseless {
        /// Bytes asked for.
        bytes: u64,
        /// Alignment asked for.
        align: u64,
    },
}

/// A live allocation.
#[derive(Clone, Debug)]
struct Mapping {
    bus: u64,
    len: u64,
    piece: Arc<Piece>,
}

#[derive(Debug)]
struct Table {
    claims: Claims,
    low: Allocator,
    high: Allocator,
    /// In ascending order of bus addresses.
    mappings: Vec<Mapping>,
}

/// The host's DMA memory.
#[derive(Debug)]
pub struct HostMemory {
    low_bytes: u64,
    placement: Placement,
    /// Some buffer is polled.
    polled: AtomicBool,
    table: Mutex<Table>,
}

impl HostMemory {
    /// As the configuration says.
    ///
    /// # Errors
    /// If the operating system does not give the address space.
    pub fn new(config: &HostConfig) -> Result<Arc<Self>, ConfigError> {
        let (bytes, low) = (config.memory_bytes, config.low_bytes);
        let rule = "what the operating system can give";
        let arena = Arena::new(bytes).ok_or_else(|| ConfigError { field: "host.memory_bytes", value: bytes.to_string(), rule })?;
        let table = Table {
            claims: Claims::new(arena),
            low: Allocator::new(LOW_BASE, LOW_BASE + low, config.guard_bytes),
            high: Allocator::new(HIGH_BASE, HIGH_BASE + (bytes - low), config.guard_bytes),
            mappings: Vec::new(),
        };
        Ok(Arc::new(Self { low_bytes: low, placement: config.placement, polled: AtomicBool::new(false), table: Mutex::new(table) }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives `bytes` of zeros at a bus address that is a multiple of `align`; all of it belongs to the device's side.
    ///
    /// # Errors
    /// If there is none, or the request makes no sense.
    pub fn alloc(self: &Arc<Self>, bytes: u64, align: u64) -> Result<DmaRegion, AllocError> {
        let placement = match self.placement {
            Placement::Mixed if bytes > LOW_LIMIT => Placement::High,
            Placement::Mixed => Placement::Low,
            one => return self.alloc_in(one, bytes, align),
        };
        let other = if placement == Placement::Low { Placement::High } else { Placement::Low };
        self.alloc_in(placement, bytes, align).or_else(|_| self.alloc_in(other, bytes, align))
    }

    /// As [`HostMemory::alloc`], at a given place; [`Placement::Mixed`] counts as high.
    ///
    /// # Errors
    /// If there is none, or the request makes no sense.
    pub fn alloc_in(self: &Arc<Self>, placement: Placement, bytes: u64, align: u64) -> Result<DmaRegion, AllocError> {
        if bytes == 0 || !align.is_power_of_two() {
            return Err(AllocError::Senseless { bytes, align });
        }
        let exhausted = AllocError::Exhausted { bytes, align };
        let mut table = self.table();
        let rounded = bytes.checked_next_multiple_of(MIN_ALIGN).ok_or(exhausted)?;
        let allocator = if placement == Placement::Low { &mut table.low } else { &mut table.high };
        let (bus, end) = allocator.take(rounded, align.max(MIN_ALIGN)).ok_or(exhausted)?;
        let offset = if placement == Placement::Low { bus - LOW_BASE } else { bus - HIGH_BASE + self.low_bytes };
        let claim = table.claims.claim(offset, bytes);
        let index = table.mappings.partition_point(|mapping| mapping.bus < bus);
        table.mappings.insert(index, Mapping { bus, len: bytes, piece: claim.piece().clone() });
        Ok(DmaRegion { memory: self.clone(), bus, end, claim: Some(claim) })
    }

    /// Whether words of any buffer were ever read with [`DmaRegion::load64`].
    #[inline]
    pub(crate) fn is_polled(&self) -> bool {
        self.polled.load(Ordering::Relaxed)
    }

    /// Looks a bus address up.
    fn find(&self, address: u64) -> Option<Mapping> {
        let table = self.table();
        let index = table.mappings.partition_point(|mapping| mapping.bus <= address).checked_sub(1)?;
        let mapping = &table.mappings[index];
        (address - mapping.bus < mapping.len).then(|| mapping.clone())
    }

    /// A copy: all that is mapped, at the same addresses, with the same bytes. What the CPU owns of a buffer comes with the fork of its [`DmaRegion`],
    /// as does the right to free it.
    pub(crate) fn fork(this: &Arc<Self>, memo: &mut Memo) -> Result<Arc<Self>, CannotFork> {
        memo.share(this, |memory, memo| {
            let table = memory.table();
            let rule = "as large as the operating system can give twice";
            let arena = table.claims.arena().sister().ok_or(CannotFork { what: "host memory", rule })?;
            let copy = |mapping: &Mapping| {
                let piece = memo.share(&mapping.piece, |piece, _| Ok(piece.fork(&arena)))?;
                Ok(Mapping { piece, ..*mapping })
            };
            let mappings = table.mappings.iter().map(copy).collect::<Result<_, _>>()?;
            let (low, high) = (table.low.clone(), table.high.clone());
            Ok(Self {
                low_bytes: memory.low_bytes,
                placement: memory.placement,
                polled: AtomicBool::new(memory.is_polled()),
                table: Mutex::new(Table { claims: table.claims.fork(arena), low, high, mappings }),
            })
        })
    }

    fn free(&self, bus: u64, end: u64, claim: Claim) {
        let mut table = self.table();
        table.mappings.retain(|mapping| mapping.bus != bus);
        table.claims.unclaim(claim);
        if bus >= HIGH_BASE { table.high.give(bus, end) } else { table.low.give(bus, end) }
    }
}

/// A contiguous piece of host memory, freed when dropped. Its methods are those of a driver's DMA buffer; ranges are byte offsets in it.
#[derive(Debug)]
pub struct DmaRegion {
    memory: Arc<HostMemory>,
    bus: u64,
    end: u64,
    /// Taken only when dropped.
    claim: Option<Claim>,
}

impl DmaRegion {
    #[inline]
    fn claim(&self) -> &Claim {
        self.claim.as_ref().expect("the claim is there until the region is dropped")
    }

    #[inline]
    fn claim_mut(&mut self) -> &mut Claim {
        self.claim.as_mut().expect("the claim is there until the region is dropped")
    }

    /// Where the device finds byte 0.
    #[must_use]
    pub const fn bus_addr(&self) -> BusAddr {
        BusAddr(self.bus)
    }

    /// Bytes.
    #[must_use]
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> u64 {
        self.claim().len()
    }

    /// Takes `range` for the CPU.
    ///
    /// # Panics
    /// If `range` is outside the buffer.
    #[inline]
    pub fn acquire(&mut self, range: Range<u64>) {
        self.claim_mut().acquire(range);
    }

    /// Gives `range` back to the device's side.
    ///
    /// # Panics
    /// If `range` is outside the buffer.
    #[inline]
    pub fn release(&mut self, range: Range<u64>) {
        self.claim_mut().release(range);
    }

    /// Bytes that the CPU owns.
    ///
    /// # Panics
    /// If `range` is outside the buffer or not owned by the CPU.
    #[must_use]
    #[inline]
    pub fn view(&self, range: Range<u64>) -> &[u8] {
        self.claim().view(range)
    }

    /// Bytes that the CPU owns, to write.
    ///
    /// # Panics
    /// If `range` is outside the buffer or not owned by the CPU.
    #[inline]
    pub fn view_mut(&mut self, range: Range<u64>) -> &mut [u8] {
        self.claim_mut().view_mut(range)
    }

    /// Reads the aligned little-endian word at `offset`, with acquire ordering; anyone may own it. A buffer of which words are read so
    /// counts as polled: see [`crate::Machine::pause`].
    ///
    /// # Panics
    /// If `offset` is unaligned or outside the buffer.
    #[must_use]
    #[inline]
    pub fn load64(&self, offset: u64) -> u64 {
        let claim = self.claim();
        if !claim.piece().watched() {
            claim.piece().watch();
            self.memory.polled.store(true, Ordering::Relaxed);
        }
        claim.load64(offset)
    }

    /// Writes the aligned little-endian word at `offset`, with release ordering.
    ///
    /// # Panics
    /// If `offset` is unaligned or outside the buffer, or the CPU owns bytes of it: a slice of them may exist.
    #[inline]
    pub fn store64(&self, offset: u64, value: u64) {
        self.claim().store64(offset, value);
    }
}

impl Fork for DmaRegion {
    /// The same buffer in the copy of its memory. To be called while nobody else acquires or releases parts of it.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let memory = HostMemory::fork(&self.memory, memo)?;
        let rule = "one that is forked once, and with all of its memory, in a fork";
        let piece = memo.find(self.claim().piece());
        let claim = piece.and_then(|piece| self.claim().fork(piece)).ok_or(CannotFork { what: "a DMA buffer", rule })?;
        Ok(Self { memory, bus: self.bus, end: self.end, claim: Some(claim) })
    }
}

impl Drop for DmaRegion {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.memory.free(self.bus, self.end, claim);
        }
    }
}

#[cfg(test)]
mod tests;
