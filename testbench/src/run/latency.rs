//! Latencies of frames, as a histogram. Knows nanoseconds, no frames.

use crate::report::Latency;
use hdrhistogram::{CreationError, Histogram};

/// Decimal digits to which percentiles are exact.
const DIGITS: u8 = 3;

/// All latencies of a run. Grows with the longest of them, and not with their number.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    histogram: Histogram<u64>,
    max: u64,
}

impl Latencies {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self { histogram: Histogram::new(DIGITS)?, max: 0 })
    }

    /// Counts one.
    #[inline]
    pub(super) fn record(&mut self, ns: u64) {
        self.max = self.max.max(ns);
        // Fails only beyond what a resized histogram can hold: then it counts as the longest that it has.
        if self.histogram.record(ns).is_err() {
            self.histogram.saturating_record(ns);
        }
    }

    /// `None` if there were none.
    pub(super) fn percentiles(&self) -> Option<Latency> {
        // The histogram answers with the upper end of a range of values that it cannot tell apart.
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(self.max);
        (!self.histogram.is_empty()).then(|| Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_hand() {
        let mut latencies = Latencies::new().unwrap();
        assert_eq!(latencies.percentiles(), None);
        // 1000 frames, 1000 to 1999 ns, out of order; then one that took 40 236 ns.
        (0..1000).for_each(|i| latencies.record(1000 + i * 7 % 1000));
        assert_eq!(latencies.percentiles(), Some(Latency { p50: 1499, p90: 1899, p99: 1989, p999: 1998, max: 1999 }));
        latencies.record(40_236);
        assert_eq!(latencies.percentiles(), Some(Latency { p50: 1500, p90: 1900, p99: 1990, p999: 1999, max: 40_236 }));
    }

    #[test]
    fn anything_can_be_recorded() {
        let mut latencies = Latencies::new().unwrap();
        [1, u64::MAX, 0].into_iter().for_each(|ns| latencies.record(ns));
        assert_eq!(latencies.percentiles().unwrap().max, u64::MAX);
    }
}
