//! Draws.

use silico_spec::generator::XorShift64;

pub(crate) struct Random(XorShift64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bits = XorShift64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = bits.step());
        Self(bits)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.step()
    }

    /// 0 to `most - 1`; 0 if that is none.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { (self.0.step() >> 11) % most }
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// Small ones often, edges at times.
    pub(crate) fn value(&mut self) -> u64 {
        const EDGES: [u64; 16] = [
            0,
            1,
            2,
            31,
            32,
            64,
            4096,
            0xffff,
            0x1_0000,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffe0,
            0xffff_ffff,
            1 << 40,
            u64::MAX << 12,
            u64::MAX,
        ];
        match self.below(4) {
            0 => self.of(&EDGES),
            1 => self.bits(),
            _ => self.below(200),
        }
    }
}
