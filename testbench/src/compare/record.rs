//! A middleware that keeps what a card sent, and what it answered: the transactions of a run. Changes nothing.

use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpPort};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Cycle, Cycles};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most bytes that are kept of a run.
pub(super) const MOST_BYTES: u64 = 1 << 29;

/// A TLP from the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Clock of its first beat.
    pub(super) cycle: u64,
    pub(super) header: Header,
    pub(super) payload: Box<[u8]>,
}

/// A request of the host, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Clock of the answer.
    pub(super) cycle: u64,
    pub(super) request: Header,
    /// Status and data of its completion.
    pub(super) answer: (String, u64),
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) sent: Vec<Sent>,
    pub(super) answers: Vec<Answer>,
    /// Requests that wait for their answer, by tag.
    asked: BTreeMap<u16, Header>,
    bytes: u64,
    /// DMA buffers in the order in which they were allocated: bus address and length.
    pub(super) buffers: Vec<(u64, u64)>,
    /// Registers at the end, by name.
    pub(super) registers: Vec<(String, u64)>,
}

impl Kept {
    /// Whether more came than can be kept.
    pub(super) const fn is_too_long(&self) -> bool {
        self.bytes > MOST_BYTES
    }

    fn sent(&mut self, cycle: u64, header: Header, payload: &[u8]) {
        if let Kind::Completion | Kind::CompletionData = header.kind() {
            let Some(request) = self.asked.remove(&header.tag().0) else { return };
            let mut data = [0; 8];
            let bytes = payload.len().min(8);
            data[..bytes].copy_from_slice(&payload[..bytes]);
            let answer = (header.status().to_string(), u64::from_le_bytes(data));
            self.bytes += 64;
            if !self.is_too_long() {
                self.answers.push(Answer { cycle, request, answer });
            }
            return;
        }
        self.bytes += 64 + payload.len() as u64;
        if !self.is_too_long() {
            self.sent.push(Sent { cycle, header, payload: payload.into() });
        }
    }
}

/// Where a run leaves its transactions; a clone is the same place.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Mutex<Kept>>);

impl Recording {
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is at the end of the run: buffers, in the order in which they were allocated, and registers by name.
    pub(crate) fn end(&self, buffers: Vec<(u64, u64)>, registers: Vec<(String, u64)>) {
        let mut kept = self.kept();
        (kept.buffers, kept.registers) = (buffers, registers);
    }
}

/// A card whose transactions are kept.
#[derive(Debug)]
pub struct Recorder<P> {
    inner: P,
    recording: Recording,
}

impl<P: TlpPort> Recorder<P> {
    /// Around `inner`.
    pub const fn new(inner: P, recording: Recording) -> Self {
        Self { inner, recording }
    }
}

impl<P: TlpPort> TlpPort for Recorder<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        let coming = stimulus.rx.front().map(|rx| Header(rx.tlp.header));
        let spare = stimulus.spare.len();
        self.inner.run(now, limit, stimulus, response);
        let came = coming.filter(|_| stimulus.spare.len() > spare);
        if came.is_none() && !response.tlp_done {
            return;
        }
        let mut kept = self.recording.kept();
        // An answer comes after its request, never in the same clock.
        if response.tlp_done {
            kept.sent(response.tlp_first.0, Header(response.tlp.header), response.tlp.payload());
        }
        if let Some(header) = came.filter(|header| !matches!(header.kind(), Kind::MemWrite | Kind::Completion | Kind::CompletionData)) {
            kept.asked.insert(header.tag().0, header);
        }
    }
}
