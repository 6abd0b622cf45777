//! A host that answers the card's reads from the bench's memory: with any legal split, in any order between requests, after any delay; and
//! wrongly where told to. A strict one: a request that is not legal fails the test.

use super::{MEMORY, Sent};
use silico_spec::generator::XorShift64;
use silico_spec::port::{RxTlp, TlpBuf};
use silico_spec::tlp::{CompletionStatus, Completions, Header, Kind, Limits, Span, check, ecrc};
use silico_spec::units::{Bdf, Cycle, Dwords, Tag};
use std::collections::{BTreeMap, VecDeque};

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Unsupported,
    Abort,
    Poison,
    /// No answer.
    Silence,
    /// A first completion with a wrong byte count; the right ones follow.
    ByteCount,
    /// As that, with a wrong lower address.
    LowerAddress,
    /// An answer with the ID of another requester; the right one follows.
    Requester,
    /// All completions twice.
    Twice,
    /// The first completion with more data than the request wants.
    Long,
    /// All completions damaged on the way: their digests are wrong.
    Digest,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) limits: Limits,
    /// Shortest delay in clocks, and what is drawn on top of it.
    pub(crate) delay: (u64, u64),
    /// Each completion as short as RCB allows, or as long as it may be, or anything.
    pub(crate) split: Option<u32>,
    /// The read (by count from 0) that is answered wrongly, and how.
    pub(crate) fault: Option<(u64, Fault)>,
    /// Reads so far.
    pub(crate) reads: u64,
    /// Headers of the reads that were not answered wholly yet, for checks of tags in use.
    pub(crate) open: Vec<Header>,
    pub(crate) most_open: usize,
    /// Answers carry digests.
    pub(crate) ecrc: bool,
    damaged: Option<Tag>,
    random: XorShift64,
    pool: BTreeMap<(u64, u64), (Header, Vec<u8>, bool)>,
    sequence: u64,
}

impl Host {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            limits: Limits { tag_bits: 8, ..Limits::DEFAULT },
            delay: (20, 200),
            split: None,
            fault: None,
            reads: 0,
            open: Vec::new(),
            most_open: 0,
            ecrc: false,
            damaged: None,
            random: XorShift64::new(seed),
            pool: BTreeMap::new(),
            sequence: 0,
        }
    }

    fn below(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { self.random.step() % most }
    }

    pub(crate) fn due_in(&self, now: u64) -> u64 {
        self.pool.first_key_value().map_or(u64::MAX, |((due, _), _)| due.saturating_sub(now).max(1))
    }

    /// The link went down: nothing is owed any more.
    pub(crate) fn forget(&mut self) {
        self.pool.clear();
        self.open.clear();
    }

    /// Completions that are owed still.
    pub(crate) fn owed(&self) -> usize {
        self.pool.len()
    }

    pub(crate) fn deliver(&mut self, now: u64, rx: &mut VecDeque<RxTlp>) {
        while let Some(entry) = self.pool.first_entry().filter(|entry| entry.key().0 <= now) {
            let (header, payload, last) = entry.remove();
            if last {
                self.open.retain(|read| read.tag() != header.tag());
            }
            let mut tlp = TlpBuf::new();
            tlp.set(header.with_digest(self.ecrc).0, &payload);
            tlp.digest = ecrc(&Header(tlp.header), &payload) ^ u32::from(self.damaged == Some(header.tag()));
            rx.push_back(RxTlp { at: Cycle(now), tlp });
        }
    }

    pub(crate) fn answer(&mut self, sent: &Sent, memory: &[u8]) {
        let request = sent.header;
        if request.kind() != Kind::MemRead {
            return;
        }
        check(&request, 0, &self.limits).unwrap_or_else(|rule| panic!("{request}: {rule}"));
        assert!(self.open.iter().all(|open| open.tag() != request.tag()), "{request}: the tag is in use");
        let fault = self.fault.filter(|(nth, _)| *nth == self.reads).map_or(Fault::None, |(_, fault)| fault);
        self.reads += 1;
        if fault == Fault::Digest {
            self.damaged = Some(request.tag());
        }
        if fault != Fault::Silence {
            self.open.push(request);
            self.most_open = self.most_open.max(self.open.len());
        }
        let mut due = sent.last + 1 + self.delay.0 + self.below(self.delay.1 + 1);
        let span = Span::from_header(&request);
        let inside =
            span.address.0.checked_sub(MEMORY).map(|at| at as usize).filter(|at| at + span.length.bytes() as usize <= memory.len());
        let refuse = |status| {
            let lower = (span.first_byte().0 & 0x7f) as u8;
            Header::completion(false, Bdf::from_bits(0), status, span.byte_count(), request.requester(), request.tag(), lower, Dwords(0))
                .with_attributes(request.attributes())
        };
        let from = match (fault, inside) {
            (Fault::Silence, _) => return,
            (Fault::Unsupported, _) | (_, None) => return self.pool(due, refuse(CompletionStatus::UnsupportedRequest), Vec::new(), true),
            (Fault::Abort, _) => return self.pool(due, refuse(CompletionStatus::CompleterAbort), Vec::new(), true),
            (_, Some(from)) => from,
        };
        for _ in 0..if fault == Fault::Twice { 2 } else { 1 } {
            let mut pieces = Completions::new(&span, self.limits.max_payload, self.limits.rcb);
            let mut first = true;
            loop {
                let most = self.split.unwrap_or_else(|| 1 + self.below(self.limits.max_payload.into()) as u32);
                let Some(piece) = pieces.next_of(most) else { break };
                let header = piece.header(&request, Bdf::from_bits(0));
                let at = from + piece.offset as usize;
                let mut data = memory[at..at + piece.length.bytes() as usize].to_vec();
                if first {
                    match fault {
                        Fault::ByteCount => {
                            self.pool(due, with_word(header, 1, header.0[1] & !0xfff | piece.byte_count + 4), data.clone(), false);
                        }
                        Fault::LowerAddress => self.pool(due, with_word(header, 2, header.0[2] ^ 4), data.clone(), false),
                        Fault::Requester => {
                            let wrong = Bdf::from_bits(request.requester().bits() ^ 0x100);
                            self.pool(due, header.with_requester(wrong), data.clone(), false);
                        }
                        _ => {}
                    }
                }
                let mut header = header;
                if first && fault == Fault::Poison {
                    header = header.with_poisoned(true);
                }
                if first && fault == Fault::Long {
                    // Beyond the end of the request, however it was split: less would pass for a longer first piece.
                    data.resize(piece.byte_count.next_multiple_of(4) as usize + 64, 0);
                    header = header.with_length(Dwords(data.len() as u32 / 4));
                }
                self.pool(due, header, data, piece.last);
                due += self.below(4) * self.below(40);
                first = false;
            }
        }
    }

    fn pool(&mut self, due: u64, header: Header, payload: Vec<u8>, last: bool) {
        self.sequence += 1;
        self.pool.insert((due, self.sequence), (header, payload, last));
    }
}

/// A header with another dword: only tests make illegal ones.
fn with_word(mut header: Header, word: usize, value: u32) -> Header {
    header.0[word] = value;
    header
}
