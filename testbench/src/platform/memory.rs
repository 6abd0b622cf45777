//! DMA buffers: the machine's regions, and what looking at them costs the CPU.

use super::Shared;
use silico_driver::platform::{AllocError, DmaBuffer};
use silico_sim::DmaRegion;
use silico_spec::units::BusAddr;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

/// A piece of simulated host memory.
pub struct SimBuffer {
    region: DmaRegion,
    shared: Arc<Shared>,
}

impl SimBuffer {
    pub(super) fn new(shared: &Arc<Shared>, bytes: u64, align: u64) -> Result<Self, AllocError> {
        let region = shared.memory.alloc(bytes, align).map_err(|error| match error {
            silico_sim::AllocError::Exhausted { bytes, .. } => AllocError::Exhausted { bytes },
            silico_sim::AllocError::Senseless { bytes, align } => AllocError::Senseless { bytes, align },
        })?;
        shared.buffers.lock().unwrap_or_else(PoisonError::into_inner).push((region.bus_addr().0, bytes));
        Ok(Self { region, shared: shared.clone() })
    }

    pub(super) const fn from_parts(region: DmaRegion, shared: Arc<Shared>) -> Self {
        Self { region, shared }
    }

    pub(super) const fn region(&self) -> &DmaRegion {
        &self.region
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for SimBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.region.fmt(f)
    }
}

impl DmaBuffer for SimBuffer {
    fn bus_addr(&self) -> BusAddr {
        self.region.bus_addr()
    }

    fn len(&self) -> u64 {
        self.region.len()
    }

    /// What the card wrote is in no cache.
    #[inline]
    fn acquire(&mut self, range: Range<u64>) {
        self.shared.cpu.charge(self.shared.costs.missed_load.into());
        self.region.acquire(range);
    }

    #[inline]
    fn view(&self, range: Range<u64>) -> &[u8] {
        self.region.view(range)
    }

    #[inline]
    fn view_mut(&mut self, range: Range<u64>) -> &mut [u8] {
        self.region.view_mut(range)
    }

    #[inline]
    fn release(&mut self, range: Range<u64>) {
        self.region.release(range);
    }

    #[inline]
    fn load64(&self, offset: u64) -> u64 {
        self.shared.cpu.charge(self.shared.costs.cached_load.into());
        self.region.load64(offset)
    }

    #[inline]
    fn store64(&self, offset: u64, value: u64) {
        self.region.store64(offset, value);
    }
}
