//! Reads of the card on their way through the root complex: latency, splitting at RCB and MPS, reordering between tags and never within one.
//! Knows headers and time; who holds the bytes is not its business.

use crate::config::{CompletionSplit, HostConfig};
use crate::distribution::{Distribution, below, stream};
use crate::link::downlink::ReadyCompletion;
use silico_spec::credit::data_credits;
use silico_spec::generator::XorShift64;
use silico_spec::tlp::{CompletionPiece, Completions, Header, Span};
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// A read that is being answered.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    ready: Cycle,
    pub(crate) request: Header,
    pieces: Completions,
    /// Drawn already, so that its size is known before its turn comes.
    pub(crate) next: CompletionPiece,
}

/// All reads in flight.
#[derive(Clone, Debug)]
pub(crate) struct Completer {
    /// Not ready yet, in order of readiness.
    waiting: VecDeque<Read>,
    /// Ready, in order of readiness.
    ready: Vec<Read>,
    /// Which of the ready ones is next.
    turn: usize,
    latency: Distribution,
    split: CompletionSplit,
    reorder: bool,
    /// Completions with relaxed ordering may pass posted writes.
    relaxed: bool,
    rcb: u32,
    latencies: XorShift64,
    /// Drawn in the order of requests; the next one in the order of completions. Apart, since how they interleave depends on callers.
    first_splits: XorShift64,
    choices: XorShift64,
}

/// Among how many of the oldest ready reads the next completion is chosen: none starves.
const WINDOW: usize = 8;

/// More reads than a card has tags are not taken.
pub(crate) const MOST_READS: usize = crate::check::tags::TAGS;

impl Completer {
    pub(crate) fn new(host: &HostConfig, clock_ps: u32, rcb: u32, seed: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            ready: Vec::new(),
            turn: 0,
            latency: host.read_latency.ns_to_cycles(clock_ps),
            split: host.split,
            reorder: host.reorder,
            relaxed: host.ordering.relaxed_completions,
            rcb,
            latencies: stream(seed, 2),
            first_splits: stream(seed, 6),
            choices: stream(seed, 3),
        }
    }

    /// All chance from here on descends from `seed`.
    pub(crate) fn reseed(&mut self, seed: u64) {
        [self.latencies, self.first_splits, self.choices] = [2, 6, 3].map(|usage| stream(seed, usage));
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.ready.len()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.ready.clear();
    }

    /// Takes a read that arrives at `arrival` and must not be answered before all earlier posted writes are visible at `after`.
    /// Returns when it leaves the receiver's buffer.
    pub(crate) fn push(&mut self, request: Header, arrival: Cycle, after: Cycle, max_payload: u32) -> Cycle {
        let ready = arrival.after(Cycles(self.latency.draw(&mut self.latencies))).max(after);
        let mut pieces = Completions::new(&Span::from_header(&request), max_payload, self.rcb);
        let Some(next) = draw(self.split, &mut self.first_splits, &mut pieces) else { return ready };
        let index = self.waiting.partition_point(|read| read.ready <= ready);
        self.waiting.insert(index, Read { ready, request, pieces, next });
        ready
    }

    /// The next completion.
    #[inline]
    pub(crate) fn next(&self) -> Option<ReadyCompletion> {
        let read = self.ready.get(self.turn).or(self.waiting.front())?;
        let relaxed = self.relaxed && read.request.attributes().relaxed;
        Some(ReadyCompletion { at: read.ready, data: data_credits(read.next.length.bytes()), relaxed })
    }

    /// Whether the next completion goes before one of an older read.
    pub(crate) const fn passes(&self) -> bool {
        self.turn > 0
    }

    /// Takes the next completion at `at`: its request and piece. The caller says with [`Completer::end`] if the read ends with it for another
    /// reason than its last piece.
    pub(crate) fn take(&mut self, at: Cycle) -> Option<(Header, CompletionPiece)> {
        if self.ready.is_empty() {
            self.ready.push(self.waiting.pop_front()?);
            self.turn = 0;
        }
        let turn = self.turn.min(self.ready.len() - 1);
        let (request, piece) = (self.ready[turn].request, self.ready[turn].next);
        let mut pieces = self.ready[turn].pieces.clone();
        match draw(self.split, &mut self.choices, &mut pieces) {
            Some(next) => (self.ready[turn].pieces, self.ready[turn].next) = (pieces, next),
            None => drop(self.ready.remove(turn)),
        }
        while self.waiting.front().is_some_and(|read| read.ready <= at) {
            self.ready.extend(self.waiting.pop_front());
        }
        self.turn =
            if self.reorder && self.ready.len() > 1 { below(&mut self.choices, self.ready.len().min(WINDOW) as u64) as usize } else { 0 };
        Some((request, piece))
    }

    /// Drops what is left of a read.
    pub(crate) fn end(&mut self, request: &Header) {
        self.ready.retain(|read| read.request.tag() != request.tag());
        self.turn = self.turn.min(self.ready.len().saturating_sub(1));
    }
}

/// The next piece of a read.
fn draw(split: CompletionSplit, random: &mut XorShift64, pieces: &mut Completions) -> Option<CompletionPiece> {
    match split {
        CompletionSplit::Largest => pieces.next(),
        CompletionSplit::Smallest => pieces.next_of(0),
        CompletionSplit::Random => pieces.next_of(below(random, 1025) as u32),
    }
}
