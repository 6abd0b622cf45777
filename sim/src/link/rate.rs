//! How fast a link is: the model of pcie-bench (Neugebauer et al., SIGCOMM 2018), as exact fractions. Knows no traffic.
//!
//! raw = GT/s × lanes × encoding; what is left for TLPs = raw × (1 − 8/ack_limit − 8/fc_guide − 4/1538): ACK and UpdateFC DLLPs of 8 bytes, and a
//! SKP ordered set every 1538 symbol times. The UpdateFC guideline equals the ACK limit.

use crate::config::LinkConfig;

/// Speed of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// 2.5 GT/s, 8b/10b.
    Gen1,
    /// 5 GT/s, 8b/10b.
    Gen2,
    /// 8 GT/s, 128b/130b.
    Gen3,
    /// 16 GT/s, 128b/130b.
    Gen4,
    /// 32 GT/s, 128b/130b.
    Gen5,
}

impl Generation {
    /// From 1 to 5.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Gen1,
            2 => Self::Gen2,
            3 => Self::Gen3,
            4 => Self::Gen4,
            5 => Self::Gen5,
            _ => return None,
        })
    }

    /// Transfers per second and lane, in millions.
    #[must_use]
    pub const fn megatransfers(self) -> u32 {
        match self {
            Self::Gen1 => 2500,
            Self::Gen2 => 5000,
            Self::Gen3 => 8000,
            Self::Gen4 => 16_000,
            Self::Gen5 => 32_000,
        }
    }

    /// Bits before and after line encoding.
    const fn encoding(self) -> (u32, u32) {
        match self {
            Self::Gen1 | Self::Gen2 => (8, 10),
            _ => (128, 130),
        }
    }
}

/// ACK transmission latency limit in symbol times, by MPS (128 to 1024) and lanes (1, 2, 4, 8, 16): PCIe 4.0 tables 3-7 to 3-9. Faster
/// generations keep the values of 8 GT/s.
const ACK_LIMIT: [[[u32; 5]; 4]; 3] = [
    [[237, 128, 73, 67, 48], [416, 217, 118, 107, 72], [559, 289, 154, 86, 86], [1071, 545, 282, 150, 150]],
    [[288, 179, 124, 118, 99], [467, 268, 169, 158, 123], [610, 340, 205, 137, 137], [1122, 596, 333, 201, 201]],
    [[333, 224, 169, 163, 144], [512, 313, 214, 203, 168], [655, 385, 250, 182, 182], [1167, 641, 378, 246, 246]],
];

/// ACK transmission latency limit in symbol times. `lanes`: 1, 2, 4, 8 or 16; `max_payload`: 128 to 1024 bytes; others count as the nearest below.
#[must_use]
pub fn ack_limit(generation: Generation, lanes: u8, max_payload: u32) -> u32 {
    let log2 = |value: u32| value.max(1).ilog2() as usize;
    let payload = log2(max_payload).clamp(7, 10) - 7;
    ACK_LIMIT[(generation as usize).min(2)][payload][log2(lanes.into()).min(4)]
}

impl LinkConfig {
    /// Bits per second for TLPs, as numerator and denominator.
    fn tlp_rate(&self) -> (u128, u128) {
        let (before, after) = self.generation.encoding();
        let ack = u128::from(ack_limit(self.generation, self.lanes, self.max_payload));
        let raw = u128::from(self.generation.megatransfers()) * 1_000_000 * u128::from(self.lanes) * u128::from(before);
        (raw * (ack * 1538 - 16 * 1538 - 4 * ack), u128::from(after) * ack * 1538)
    }

    /// Time of one byte on the wire, in 2^-32 clocks of `clock_ps` picoseconds.
    #[must_use]
    pub(crate) fn byte_time(&self, clock_ps: u32) -> u64 {
        let (rate, per) = self.tlp_rate();
        let (time, unit) = (8 * per * 1_000_000_000_000 << 32, rate * u128::from(clock_ps));
        ((time + unit / 2) / unit) as u64
    }

    /// Gb/s after line encoding.
    #[must_use]
    pub fn raw_gbps(&self) -> f64 {
        let (before, after) = self.generation.encoding();
        f64::from(self.generation.megatransfers()) * f64::from(self.lanes) * f64::from(before) / f64::from(after) / 1000.0
    }

    /// Gb/s left for TLPs, headers and framing included.
    #[must_use]
    pub fn tlp_gbps(&self) -> f64 {
        let (rate, per) = self.tlp_rate();
        rate as f64 / per as f64 / 1e9
    }

    /// Gb/s of payload when the card writes transfers of `bytes`, with 64-bit addresses.
    #[must_use]
    pub fn write_gbps(&self, bytes: u32) -> f64 {
        self.tlp_gbps() * f64::from(bytes) / f64::from(self.write_wire(bytes))
    }

    /// Gb/s of payload when the card reads transfers of `bytes`, with 64-bit addresses.
    #[must_use]
    pub fn read_gbps(&self, bytes: u32) -> f64 {
        let completions = self.tlp_gbps() / f64::from(self.completion_wire(bytes));
        let requests = self.tlp_gbps() / f64::from(self.request_wire(bytes));
        f64::from(bytes) * completions.min(requests)
    }

    /// Gb/s of payload each way when the card reads and writes as many transfers of `bytes`, with 64-bit addresses.
    #[must_use]
    pub fn both_gbps(&self, bytes: u32) -> f64 {
        let upstream = self.tlp_gbps() / f64::from(self.write_wire(bytes) + self.request_wire(bytes));
        let downstream = self.tlp_gbps() / f64::from(self.completion_wire(bytes));
        f64::from(bytes) * upstream.min(downstream)
    }

    fn write_wire(&self, bytes: u32) -> u32 {
        bytes.div_ceil(self.max_payload) * 24 + bytes
    }

    fn completion_wire(&self, bytes: u32) -> u32 {
        bytes.div_ceil(self.max_payload) * 20 + bytes
    }

    fn request_wire(&self, bytes: u32) -> u32 {
        bytes.div_ceil(self.max_read_request) * 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The reference table of pcie-bench: 64-bit addresses, MRRS 512, no ECRC; transfers of 64, 128, 256, 512 bytes.
    #[rstest]
    #[case(Generation::Gen2, 8, 256, [32.00, 28.68], [20.86, 24.15, 26.22, 26.22], [21.85, 24.80, 26.60, 26.60], [16.39, 20.86, 24.15, 25.14])]
    #[case(Generation::Gen3, 8, 128, [63.02, 56.67], [41.21, 47.72, 47.72, 47.72], [43.17, 49.01, 49.01, 49.01], [32.38, 41.21, 44.23, 45.91])]
    #[case(Generation::Gen3, 8, 256, [63.02, 57.88], [42.10, 48.75, 52.92, 52.92], [44.10, 50.06, 53.69, 53.69], [33.08, 42.10, 48.75, 50.75])]
    #[case(Generation::Gen3, 16, 256, [126.03, 113.70], [82.69, 95.75, 103.95, 103.95], [86.63, 98.34, 105.46, 105.46], [64.97, 82.69, 95.75, 99.68])]
    #[case(Generation::Gen4, 16, 512, [252.06, 229.25], [166.72, 193.05, 209.60, 218.98], [174.66, 198.27, 212.63, 220.63], [131.00, 166.72, 193.05, 209.60])]
    fn the_reference_table(
        #[case] generation: Generation,
        #[case] lanes: u8,
        #[case] max_payload: u32,
        #[case] rates: [f64; 2],
        #[case] write: [f64; 4],
        #[case] read: [f64; 4],
        #[case] both: [f64; 4],
    ) {
        let link = LinkConfig { generation, lanes, max_payload, max_read_request: 512, ..LinkConfig::default() };
        let near = |got: f64, expected: f64| assert!((got - expected).abs() < 0.0101, "{got} instead of {expected}");
        near(link.raw_gbps(), rates[0]);
        near(link.tlp_gbps(), rates[1]);
        for (i, bytes) in [64, 128, 256, 512].into_iter().enumerate() {
            near(link.write_gbps(bytes), write[i]);
            near(link.read_gbps(bytes), read[i]);
            near(link.both_gbps(bytes), both[i]);
        }
    }

    #[test]
    fn the_ack_limits_that_pcie_bench_names() {
        assert_eq!([128, 256, 512, 1024].map(|mps| ack_limit(Generation::Gen3, 8, mps)), [163, 203, 182, 246]);
    }

    #[test]
    fn the_time_of_a_byte_is_the_rate_turned_over() {
        for generation in (1..=5).filter_map(Generation::from_number) {
            for lanes in [1, 2, 4, 8, 16] {
                let link = LinkConfig { generation, lanes, ..LinkConfig::default() };
                let ns = link.byte_time(4000) as f64 / 2f64.powi(32) * 4.0;
                assert!((ns * link.tlp_gbps() / 8.0 - 1.0).abs() < 1e-6, "{generation:?} x{lanes}");
            }
        }
        assert_eq!([0, 6].map(Generation::from_number), [None; 2]);
    }
}
