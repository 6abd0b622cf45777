//! The memory, and how its reads are answered: in pieces, in any order, late, wrong, twice, never.

use crate::random::Random;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::{CompletionStatus, Completions, Header, Span, ecrc};
use silico_spec::units::{Bdf, Dwords};
use std::collections::BTreeMap;

/// Where the memory begins, and its bytes. What the card writes is not kept: nobody reads it.
pub(crate) const MEMORY: u64 = 0x1_0000_0000;
pub(crate) const BYTES: usize = 1 << 18;

pub(crate) struct Host {
    pub(crate) memory: Vec<u8>,
    /// By the clock at which it goes.
    due: BTreeMap<(u64, u64), TlpBuf>,
    number: u64,
}

/// How it answers at present.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) delay: u64,
    pub(crate) max_payload: u32,
    pub(crate) rcb: u32,
    /// One answer in so many is wrong somehow; 0: none.
    pub(crate) wrong: u64,
    pub(crate) digest: bool,
}

impl Host {
    pub(crate) fn new(random: &mut Random) -> Self {
        let memory = (0..BYTES).map(|_| random.bits() as u8).collect();
        Self { memory, due: BTreeMap::new(), number: 0 }
    }

    /// The link went down.
    pub(crate) fn forget(&mut self) {
        self.due.clear();
    }

    pub(crate) fn put(&mut self, at: u64, words: &[u64]) {
        let at = (at - MEMORY) as usize;
        for (n, word) in words.iter().enumerate() {
            self.memory[at + 8 * n..at + 8 * n + 8].copy_from_slice(&word.to_le_bytes());
        }
    }

    /// What is due at `now`.
    pub(crate) fn next(&mut self, now: u64) -> Option<TlpBuf> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    fn send(&mut self, at: u64, header: Header, payload: &[u8], manners: Manners, random: &mut Random) {
        let header = header.with_digest(manners.digest || header.digest());
        let mut tlp = TlpBuf::new();
        tlp.set(header.0, payload);
        if header.digest() {
            tlp.digest = ecrc(&header, payload) ^ u32::from(manners.wrong != 0 && random.once_in(4 * manners.wrong));
        }
        self.number += 1;
        self.due.insert((at, self.number), tlp);
    }

    /// The card reads.
    pub(crate) fn read(&mut self, request: Header, now: u64, manners: Manners, random: &mut Random) {
        let span = Span::from_header(&request);
        let wrong = manners.wrong != 0 && random.once_in(manners.wrong);
        let kind = if wrong { random.below(8) } else { 8 };
        let mut at = now + 2 + random.below(manners.delay + 1);
        let from = span.address.0.checked_sub(MEMORY).map(|from| from as usize).filter(|from| from + span.length.bytes() as usize <= BYTES);
        if kind == 0 {
            return;
        }
        let (Some(from), true) = (from, kind > 2) else {
            let status = if kind == 1 { CompletionStatus::CompleterAbort } else { CompletionStatus::UnsupportedRequest };
            let lower = (span.first_byte().0 & 0x7f) as u8;
            let refused = Header::completion(
                false,
                Bdf::from_bits(0),
                status,
                span.byte_count(),
                request.requester(),
                request.tag(),
                lower,
                Dwords(0),
            );
            return self.send(at, refused.with_attributes(request.attributes()), &[], manners, random);
        };
        let mut pieces = Completions::new(&span, manners.max_payload, manners.rcb);
        let strange = random.below(4);
        let mut nth = 0;
        loop {
            let most = 1 + random.below(manners.max_payload.into()) as u32;
            let Some(piece) = pieces.next_of(if random.once_in(2) { manners.max_payload } else { most }) else { break };
            let mut header = piece.header(&request, Bdf::from_bits(0));
            let start = from + piece.offset as usize;
            let mut data = self.memory[start..start + piece.length.bytes() as usize].to_vec();
            if nth == strange || piece.last {
                match kind {
                    3 => header = header.with_poisoned(true),
                    4 => {
                        let mut bad = header;
                        bad.0[random.below(3) as usize] ^= 1 << random.below(32);
                        data.resize(bad.payload_bytes().min(4096) as usize, 0x77);
                        self.send(at, bad, &data, manners, random);
                        data.truncate(header.payload_bytes() as usize);
                        data.resize(header.payload_bytes() as usize, 0x55);
                    }
                    5 => self.send(at + random.below(200), header, &data, manners, random),
                    6 => at += random.below(60_000),
                    7 => data.resize(data.len() + 4 * random.below(8) as usize, 0x66),
                    _ => {}
                }
            }
            self.send(at, header, &data, manners, random);
            at += random.below(3) * random.below(manners.delay / 4 + 1);
            nth += 1;
        }
    }
}
