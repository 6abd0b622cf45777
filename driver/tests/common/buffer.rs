//! DMA memory as a bounce buffer: what the CPU sees is a copy, made when it acquires and written back and destroyed when it releases. A driver that forgets either,
//! or touches what it does not own, is found out.

use super::Fake;
use silico_driver::platform::DmaBuffer;
use silico_spec::units::BusAddr;
use std::ops::Range;

const GRAIN: u64 = 32;

pub struct Buffer {
    fake: Fake,
    addr: u64,
    copy: Vec<u8>,
    /// Whether the CPU owns each 32 bytes.
    owned: Vec<bool>,
}

impl Buffer {
    pub fn new(fake: Fake, addr: u64, bytes: u64) -> Self {
        Self { fake, addr, copy: vec![0xdb; bytes as usize], owned: vec![false; bytes.div_ceil(GRAIN) as usize] }
    }

    fn own(&mut self, range: &Range<u64>, from: bool, to: bool) {
        assert!(range.start.is_multiple_of(GRAIN) && range.end.is_multiple_of(GRAIN), "ownership moves on the grid: {range:?}");
        for grain in &mut self.owned[(range.start / GRAIN) as usize..(range.end / GRAIN) as usize] {
            assert_eq!(*grain, from, "{range:?} changes hands twice");
            *grain = to;
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.fake.lock().free(self.addr);
    }
}

fn bytes(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl DmaBuffer for Buffer {
    fn bus_addr(&self) -> BusAddr {
        BusAddr(self.addr)
    }

    fn len(&self) -> u64 {
        self.copy.len() as u64
    }

    fn acquire(&mut self, range: Range<u64>) {
        self.own(&range, false, true);
        let state = self.fake.lock();
        self.copy[bytes(&range)].copy_from_slice(state.memory(self.addr + range.start, range.end - range.start));
    }

    fn view(&self, range: Range<u64>) -> &[u8] {
        let grains = (range.start / GRAIN) as usize..range.end.div_ceil(GRAIN) as usize;
        assert!(range.is_empty() || self.owned[grains].iter().all(|owned| *owned), "{range:?} is not the CPU's");
        &self.copy[bytes(&range)]
    }

    fn view_mut(&mut self, range: Range<u64>) -> &mut [u8] {
        self.view(range.clone());
        &mut self.copy[bytes(&range)]
    }

    fn release(&mut self, range: Range<u64>) {
        self.own(&range, true, false);
        self.fake.lock().poke(self.addr + range.start, &self.copy[bytes(&range)]);
        self.copy[bytes(&range)].fill(0xdb);
    }

    fn load64(&self, offset: u64) -> u64 {
        assert!(offset.is_multiple_of(8));
        u64::from_le_bytes(self.fake.lock().memory(self.addr + offset, 8).try_into().unwrap())
    }

    fn store64(&self, offset: u64, value: u64) {
        assert!(offset.is_multiple_of(8));
        self.fake.lock().poke(self.addr + offset, &value.to_le_bytes());
    }
}
