//! Requests of the CPU: tags, byte enables, what they expect, and the answers. Never waits; whoever runs the clock does.

use super::HOST;
use crate::check::completion::{self, Expected};
use crate::check::{Finding, rule};
use crate::error::Refusal;
use silico_spec::tlp::{CompletionStatus, Header, Kind, Span};
use silico_spec::units::{Bdf, BusAddr, Cycle, Dwords, Tag};

/// Tags of the root port.
const TAGS: usize = 256;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// When the CPU has it.
    pub(crate) at: Cycle,
    /// Dwords as they came, or why they did not.
    pub(crate) data: Result<[u8; 8], Refusal>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Free,
    Waiting(Expected),
    Answered(Answer),
    /// Given up; a late completion frees it.
    Abandoned,
}

/// The root port's outstanding requests.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    slots: [Slot; TAGS],
    next: usize,
}

/// A request, ready to be sent, without its tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) expected: Expected,
}

impl Request {
    /// A read of `bytes` (1, 2, 4 or 8, aligned) at `address`.
    pub(crate) fn read(address: BusAddr, bytes: u8, completer: Bdf) -> Self {
        let span = Span { address: BusAddr(address.0 & !3), length: Dwords(u32::from(bytes).div_ceil(4)), ..enables(address, bytes) };
        let header = span.header(Kind::MemRead, HOST, Tag(0));
        let expected =
            Expected { completer, data: true, byte_count: bytes.into(), lower_address: (address.0 & 0x7f) as u8, dwords: span.length.0 };
        Self { header, expected }
    }

    /// A posted write of the same form.
    pub(crate) fn write(address: BusAddr, bytes: u8) -> Header {
        let span = Span { address: BusAddr(address.0 & !3), length: Dwords(u32::from(bytes).div_ceil(4)), ..enables(address, bytes) };
        span.header(Kind::MemWrite, HOST, Tag(0))
    }

    /// A config request of a kind for the dword at `offset`.
    pub(crate) fn config(kind: Kind, destination: Bdf, offset: u16, first_be: u8) -> Self {
        let data = matches!(kind, Kind::CfgRead0 | Kind::CfgRead1);
        let header = Header::config(kind, HOST, Tag(0), destination, offset, first_be);
        Self { header, expected: Expected { completer: destination, data, byte_count: 4, lower_address: 0, dwords: 1 } }
    }
}

fn enables(address: BusAddr, bytes: u8) -> Span {
    let (address, lead) = (address, address.0 & 3);
    let first_be = ((0xf >> 4u8.saturating_sub(bytes)) << lead) as u8 & 0xf;
    Span { address, length: Dwords(1), first_be, last_be: if bytes == 8 { 0xf } else { 0 } }
}

impl Requester {
    pub(crate) fn new() -> Self {
        Self { slots: [Slot::Free; TAGS], next: 0 }
    }

    /// Gives the request a tag; `None` if all wait for late completions.
    pub(crate) fn open(&mut self, expected: Expected) -> Option<Tag> {
        let index = (0..TAGS).map(|step| (self.next + step) % TAGS).find(|&index| matches!(self.slots[index], Slot::Free))?;
        self.next = (index + 1) % TAGS;
        self.slots[index] = Slot::Waiting(expected);
        Some(Tag(index as u16))
    }

    /// The answer to a request, if it is here by `now`; the tag is then free.
    pub(crate) fn answer(&mut self, tag: Tag, now: Cycle) -> Option<Answer> {
        let slot = &mut self.slots[usize::from(tag.0) % TAGS];
        match *slot {
            Slot::Answered(answer) if answer.at <= now => {
                *slot = Slot::Free;
                Some(answer)
            }
            _ => None,
        }
    }

    /// When the answer will be here.
    pub(crate) fn answered_at(&self, tag: Tag) -> Cycle {
        match self.slots[usize::from(tag.0) % TAGS] {
            Slot::Answered(answer) => answer.at,
            _ => Cycle::NEVER,
        }
    }

    /// Gives a request up.
    pub(crate) fn abandon(&mut self, tag: Tag) {
        self.slots[usize::from(tag.0) % TAGS] = Slot::Abandoned;
    }

    /// The link went down: nothing is outstanding.
    pub(crate) fn clear(&mut self) {
        self.slots = [Slot::Free; TAGS];
    }

    /// A completion of the card, well-formed by itself, that the CPU gets at `at`. `Ok(true)`: it was late and nobody waits for it.
    pub(crate) fn accept(&mut self, header: &Header, payload: &[u8], at: Cycle, completer_known: bool) -> Result<bool, Finding> {
        let unexpected = || completion::unexpected(header);
        if header.requester() != HOST {
            return Err(unexpected());
        }
        let slot = self.slots.get_mut(usize::from(header.tag().0)).ok_or_else(unexpected)?;
        match *slot {
            Slot::Free | Slot::Answered(_) => Err(unexpected()),
            Slot::Abandoned => {
                *slot = Slot::Free;
                Ok(true)
            }
            Slot::Waiting(expected) => {
                let judged = completion::judge(header, &expected, completer_known);
                let data = if judged.is_ok() { value(header, payload) } else { Err(Refusal::Malformed) };
                *slot = Slot::Answered(Answer { at, data });
                judged.map(|()| false)
            }
        }
    }

    /// A completion that was malformed by itself: whoever waits for it must not wait for ever.
    pub(crate) fn spoil(&mut self, header: &Header, at: Cycle) {
        if let Some(slot @ Slot::Waiting(_)) = self.slots.get_mut(usize::from(header.tag().0)) {
            *slot = Slot::Answered(Answer { at, data: Err(Refusal::Malformed) });
        }
    }
}

fn value(header: &Header, payload: &[u8]) -> Result<[u8; 8], Refusal> {
    match header.status() {
        CompletionStatus::Success if header.poisoned() => Err(Refusal::Poisoned),
        CompletionStatus::Success => {
            let mut data = [0; 8];
            let len = payload.len().min(8);
            data[..len].copy_from_slice(&payload[..len]);
            Ok(data)
        }
        CompletionStatus::ConfigRetry => Err(Refusal::ConfigRetry),
        CompletionStatus::CompleterAbort => Err(Refusal::CompleterAbort),
        CompletionStatus::UnsupportedRequest | CompletionStatus::Unknown(_) => Err(Refusal::UnsupportedRequest),
    }
}

/// A request that cannot be made since all tags wait.
pub(crate) fn no_tag() -> Finding {
    (rule::LIVENESS, format!("all {TAGS} tags of the root port belong to requests that were never answered"))
}
