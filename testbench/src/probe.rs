//! A middleware that only looks: when the card left reset, and how many write-back blocks it sent.

use crate::fault::{WriteKind, classify};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::units::{Cycle, Cycles};
use silico_spec::writeback;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a probe saw; a clone sees the same.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    released: AtomicU64,
    write_backs: AtomicU64,
}

impl Seen {
    /// First clock after reset: zero of the card's cycle counter and of all its stamps.
    #[must_use]
    pub fn released(&self) -> Cycle {
        Cycle(self.0.released.load(Ordering::Relaxed))
    }

    /// Write-back blocks that left the card.
    #[must_use]
    pub fn write_backs(&self) -> u64 {
        self.0.write_backs.load(Ordering::Relaxed)
    }
}

impl Fork for Seen {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let word = |word: &AtomicU64| AtomicU64::new(word.load(Ordering::Relaxed));
        memo.share(&self.0, |seen, _| Ok(Counts { released: word(&seen.released), write_backs: word(&seen.write_backs) })).map(Self)
    }
}

/// The probe around a card.
#[derive(Debug)]
pub struct Probe<P> {
    inner: P,
    in_reset: bool,
    seen: Seen,
}

impl<P: TlpPort> Probe<P> {
    /// Around `inner`, which has not run yet.
    pub fn new(inner: P, seen: Seen) -> Self {
        Self { inner, in_reset: true, seen }
    }
}

impl<P: Fork> Fork for Probe<P> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { inner: self.inner.fork(memo)?, in_reset: self.in_reset, seen: self.seen.fork(memo)? })
    }
}

impl<P: TlpPort> TlpPort for Probe<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    #[inline]
    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        if self.in_reset && !stimulus.reset {
            self.seen.0.released.store(now.0, Ordering::Relaxed);
        }
        self.in_reset = stimulus.reset;
        self.inner.run(now, limit, stimulus, response);
        if response.tlp_done && response.tlp.payload().len() == writeback::BYTES as usize && classify(&response.tlp) == WriteKind::WriteBack
        {
            self.seen.0.write_backs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::port::TlpBuf;
    use silico_spec::tlp::{Header, Kind};
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};
    use silico_spec::writeback::WriteBack;

    struct Repeats(TlpBuf);

    impl TlpPort for Repeats {
        fn width(&self) -> DataWidth {
            DataWidth::W256
        }

        fn run(&mut self, _now: Cycle, _limit: Cycles, _stimulus: &mut Stimulus, response: &mut Response) {
            response.tlp = self.0.clone();
            response.tlp_done = true;
            response.clocks = Cycles(1);
        }
    }

    #[test]
    fn the_end_of_reset_and_write_backs_are_seen() {
        let block: Vec<u8> = WriteBack { sequence: 1, ..WriteBack::default() }.emit().iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut tlp = TlpBuf::new();
        tlp.set(Header::memory(Kind::MemWrite, Bdf::default(), Tag(0), BusAddr(0x1000), Dwords(16)).0, &block);
        let seen = Seen::default();
        let mut probe = Probe::new(Repeats(tlp), seen.clone());
        let (mut stimulus, mut response) = (Stimulus::new(0), Response::default());
        for now in 0..10 {
            stimulus.reset = now < 4;
            probe.run(Cycle(now), Cycles(1), &mut stimulus, &mut response);
        }
        assert_eq!((seen.released(), seen.write_backs()), (Cycle(4), 10));
    }
}
