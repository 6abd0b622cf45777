//! The reference of a host-to-card channel: the frames submitted, and what may come out of it. Knows neither driver nor machine.

use crate::check::delivery::Sent;
use silico_spec::generator::XorShift64;
use silico_spec::port::OutStream;
use std::sync::Arc;

/// Bytes that payloads are cut out of.
const POOL: usize = 64 << 10;

/// One channel's truth: what comes out is the frames of the run, in order, each once and whole, until the run is cut.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    pool: Arc<[u8]>,
    pub(crate) sent: Vec<Sent>,
    /// Number of the run's first frame.
    first: usize,
    /// Number of the frame that is coming out, and how much of it has.
    next: usize,
    within: usize,
    bytes: u64,
    /// The end of a frame that was cut has come: nothing can follow in this run.
    cut: bool,
}

impl Outlet {
    pub(crate) fn new(channel: u8, seed: u64) -> Self {
        let mut random = XorShift64::new(seed ^ u64::from(channel) << 40 ^ 0x0a7b_5eed);
        let pool: Vec<u8> = (0..POOL / 8).flat_map(|_| random.step().to_le_bytes()).collect();
        Self { pool: pool.into(), sent: Vec::new(), first: 0, next: 0, within: 0, bytes: 0, cut: false }
    }

    /// The next frame of `len` bytes; it counts when it is [`Outlet::submitted`].
    pub(crate) fn draw(&self, len: u32) -> Sent {
        let len = (len as usize).min(POOL / 2);
        // A grain of 8 at least between neighbours, so that no two frames begin alike.
        Sent { start: self.sent.len() * 1979 % (POOL - len), len, error: false, at: 0 }
    }

    pub(crate) fn payload(&self, frame: &Sent) -> &[u8] {
        &self.pool[frame.start..frame.start + frame.len]
    }

    pub(crate) fn submitted(&mut self, frame: Sent) {
        self.sent.push(frame);
    }

    /// Frames submitted in this run.
    pub(crate) fn in_run(&self) -> u64 {
        (self.sent.len() - self.first) as u64
    }

    /// The first `frames` frames of the run: their lengths.
    pub(crate) fn ended(&self, frames: u64) -> impl Iterator<Item = usize> {
        self.sent[self.first..].iter().take(frames as usize).map(|frame| frame.len)
    }

    /// A frame of the run was cut.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Bytes submitted in this run that have not come out.
    pub(crate) fn owed(&self) -> u64 {
        let whole: u64 = self.sent[self.next.min(self.sent.len())..].iter().map(|frame| frame.len as u64).sum();
        whole - self.within as u64
    }

    /// A run begins: nothing older may come.
    pub(crate) fn begin(&mut self) {
        (self.first, self.next) = (self.sent.len(), self.sent.len());
        (self.within, self.bytes, self.cut) = (0, 0, false);
    }

    /// Judges what came out of the stream port. `may_cut`: the run is over, so its last frame may end early.
    pub(crate) fn judge(&mut self, out: &OutStream, may_cut: bool) -> Result<(), String> {
        let mut from = 0;
        for &end in &out.ends {
            self.piece(&out.bytes[from..end])?;
            from = end;
            let whole = self.sent.get(self.next).is_some_and(|frame| frame.len == self.within);
            match (whole, may_cut) {
                (true, _) => (self.next, self.within) = (self.next + 1, 0),
                (false, true) if !self.cut => self.cut = true,
                _ => return Err(format!("frame {} ends after {} bytes: {:?}", self.next, self.within, self.sent.get(self.next))),
            }
        }
        self.piece(&out.bytes[from..])
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Some(frame) = self.sent.get(self.next).filter(|_| !self.cut) else {
            return Err(format!("{} bytes come out after the last frame of the run", bytes.len()));
        };
        let (from, to) = (frame.start + self.within, frame.start + self.within + bytes.len());
        if self.within + bytes.len() > frame.len || self.pool[from..to] != *bytes {
            return Err(format!("frame {}, {frame:?}: bytes {}.. come out otherwise", self.next, self.within));
        }
        (self.within, self.bytes) = (self.within + bytes.len(), self.bytes + bytes.len() as u64);
        Ok(())
    }

    /// Closes the books of a run with the driver's counts.
    pub(crate) fn balance(&self, frames: u64, bytes: u64) -> Result<(), String> {
        let seen = ((self.next - self.first) as u64, self.bytes);
        if seen == (frames, bytes) { Ok(()) } else { Err(format!("{frames} frames and {bytes} bytes were sent; {seen:?} came out")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> (Outlet, Vec<u8>) {
        let mut outlet = Outlet::new(1, 7);
        let mut bytes = Vec::new();
        for len in [10, 0, 300] {
            let frame = outlet.draw(len);
            bytes.extend_from_slice(outlet.payload(&frame));
            outlet.submitted(frame);
        }
        (outlet, bytes)
    }

    fn out(bytes: &[u8], ends: &[usize]) -> OutStream {
        OutStream { bytes: bytes.to_vec(), ends: ends.to_vec(), ..OutStream::default() }
    }

    #[test]
    fn what_was_sent_passes_in_any_pieces() {
        let (mut outlet, bytes) = sent();
        assert_eq!(outlet.judge(&out(&bytes[..4], &[]), false), Ok(()));
        assert_eq!(outlet.judge(&out(&bytes[4..100], &[6, 6]), false), Ok(()));
        assert_eq!((outlet.owed(), outlet.in_run()), (210, 3));
        assert_eq!(outlet.judge(&out(&bytes[100..], &[210]), false), Ok(()));
        assert_eq!(outlet.balance(3, 310), Ok(()));
        assert!(outlet.balance(2, 310).is_err() && outlet.balance(3, 309).is_err() && outlet.balance(3, 311).is_err());
        assert!(outlet.judge(&out(&[1], &[]), false).is_err(), "more than was sent");
        outlet.begin();
        assert_eq!(outlet.balance(0, 0), Ok(()));
    }

    #[test]
    fn each_lie_is_seen() {
        let (outlet, bytes) = sent();
        let judge = |out, may_cut| outlet.clone().judge(&out, may_cut);
        let mut flipped = bytes.clone();
        flipped[200] ^= 1;
        assert!(judge(out(&flipped, &[10, 10, 310]), true).is_err());
        assert!(judge(out(&bytes, &[9]), false).is_err(), "a short frame");
        assert!(judge(out(&bytes, &[10, 310]), false).is_err(), "an empty frame is missing");
        assert!(judge(out(&bytes[..20], &[10, 10, 20]), false).is_err(), "cut without a stop");
        assert_eq!(judge(out(&bytes[..20], &[10, 10, 20]), true), Ok(()));
        assert!(judge(out(&bytes[..21], &[10, 10, 20]), true).is_err(), "something after a cut");
    }
}
