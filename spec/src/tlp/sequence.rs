//! The completions of one request, judged one after the other: what no single packet can tell (PCIe 4.0 §2.2.9, §2.3.1.1, §2.3.2).
//! Knows no time and no other request; the data itself is not looked at.

use super::{AtomicOp, CompletionStatus, Header, Kind, Limits, RuleBroken, Span, check};
use crate::units::{Bdf, BusAddr, Tag};

/// What is wrong with a completion, given its request and those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "fields carry the names of the header's fields; the message explains each")]
pub enum SequenceBroken {
    /// It is wrong by itself; an end off RCB shows here too.
    #[error(transparent)]
    Packet(#[from] RuleBroken),
    /// The request is one that nothing completes.
    #[error("{kind} is posted or itself a completion; only a non-posted request is completed (PCIe 4.0 §2.2.9)")]
    NotCompleted { kind: Kind },
    /// No completion at all.
    #[error("{kind} is no completion (PCIe 4.0 §2.2.9)")]
    NotACompletion { kind: Kind },
    /// The request has had all its completions.
    #[error("the request {requester} {tag} is complete; there must be no further completion (PCIe 4.0 §2.3.2)")]
    AfterEnd { requester: Bdf, tag: Tag },
    /// Another transaction.
    #[error("completion is for {requester} {tag}; it must repeat the request's ID, {right_requester} {right_tag} (PCIe 4.0 §2.2.9)")]
    Transaction { requester: Bdf, tag: Tag, right_requester: Bdf, right_tag: Tag },
    /// Another traffic class.
    #[error("TC of the completion is {traffic_class}; it must repeat the request's, {right} (PCIe 4.0 §2.2.9)")]
    TrafficClass { traffic_class: u8, right: u8 },
    /// Other attributes; ID-based ordering is the completer's own.
    #[error("Attr\\[1:0\\] of the completion are {attributes:#04b}; they must repeat the request's, {right:#04b} (PCIe 4.0 §2.2.9)")]
    Attributes { attributes: u8, right: u8 },
    /// A locked completion for a request that is not, or the other way round.
    #[error("completion is {kind}; CplLk and CplDLk must answer a locked read, and nothing else (PCIe 4.0 §2.2.1, table 2-3)")]
    Locked { kind: Kind },
    /// Success without data for a read, or data for a write.
    #[error("a successful completion {} data answers {request}; it must be the other way (PCIe 4.0 §2.2.9)", if *has_data { "with" } else { "without" })]
    Data { request: Kind, has_data: bool },
    /// CRS for anything but a config request.
    #[error("Completion Status CRS answers {request}; only a config request may get it (PCIe 4.0 §2.3.1)")]
    ConfigRetry { request: Kind },
    /// A wrong byte count.
    #[error("Byte Count is {byte_count}; {right} bytes of the request remain (PCIe 4.0 §2.2.9, §2.3.1.1)")]
    ByteCount { byte_count: u32, right: u32 },
    /// A wrong lower address.
    #[error("Lower Address is {lower_address:#04x}; it must be {right:#04x} (PCIe 4.0 §2.2.9, §2.3.1.1)")]
    LowerAddress { lower_address: u8, right: u8 },
}

/// How a request stands after a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More completions must come.
    More,
    /// All data has come.
    Done,
    /// It ended with this status, with no data or only a part of it.
    Failed(CompletionStatus),
}

/// The completions of one request. A completion that is refused changes nothing.
#[derive(Clone, Debug)]
pub struct CompletionSequence {
    request: Header,
    /// Address of the next byte; zero where Lower Address must be zero.
    next: BusAddr,
    left: u32,
    ended: bool,
}

impl CompletionSequence {
    /// Of `request`, which is taken to be legal by itself.
    ///
    /// # Errors
    /// [`SequenceBroken::NotCompleted`] if no completion belongs to it.
    pub const fn new(request: &Header) -> Result<Self, SequenceBroken> {
        let (next, left) = match request.kind() {
            Kind::MemRead | Kind::MemReadLocked => {
                let span = Span::from_header(request);
                (span.first_byte(), span.byte_count())
            }
            Kind::Atomic(AtomicOp::CompareAndSwap) => (BusAddr(0), request.length().bytes() / 2),
            Kind::Atomic(_) => (BusAddr(0), request.length().bytes()),
            Kind::IoRead | Kind::IoWrite | Kind::CfgRead0 | Kind::CfgRead1 | Kind::CfgWrite0 | Kind::CfgWrite1 => (BusAddr(0), 4),
            kind => return Err(SequenceBroken::NotCompleted { kind }),
        };
        Ok(Self { request: *request, next, left, ended: false })
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &Header {
        &self.request
    }

    /// Bytes that remain, as the next Byte Count must say.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Whether the last completion has come.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ended
    }

    /// Judges the next completion, with `payload_len` bytes of payload, under the limits that hold for its completer.
    ///
    /// # Errors
    /// The first rule found broken.
    pub fn push(&mut self, completion: &Header, payload_len: usize, limits: &Limits) -> Result<Progress, SequenceBroken> {
        let kind = completion.kind();
        if !matches!(kind, Kind::Completion | Kind::CompletionData | Kind::CompletionLocked | Kind::CompletionLockedData) {
            return Err(SequenceBroken::NotACompletion { kind });
        }
        self.check_identity(completion, kind)?;
        check(completion, payload_len, limits)?;
        self.check_answer(completion)?;
        if completion.byte_count() != self.left {
            return Err(SequenceBroken::ByteCount { byte_count: completion.byte_count(), right: self.left });
        }
        let right = (self.next.0 & 0x7f) as u8;
        if completion.lower_address() != right {
            return Err(SequenceBroken::LowerAddress { lower_address: completion.lower_address(), right });
        }
        self.advance(completion)
    }

    fn check_identity(&self, completion: &Header, kind: Kind) -> Result<(), SequenceBroken> {
        let (requester, tag) = (completion.requester(), completion.tag());
        let (right_requester, right_tag) = (self.request.requester(), self.request.tag());
        if (requester, tag) != (right_requester, right_tag) {
            return Err(SequenceBroken::Transaction { requester, tag, right_requester, right_tag });
        }
        if self.ended {
            return Err(SequenceBroken::AfterEnd { requester, tag });
        }
        let locked = matches!(kind, Kind::CompletionLocked | Kind::CompletionLockedData);
        if locked != (self.request.kind() == Kind::MemReadLocked) {
            return Err(SequenceBroken::Locked { kind });
        }
        let (traffic_class, right) = (completion.traffic_class(), self.request.traffic_class());
        if traffic_class != right {
            return Err(SequenceBroken::TrafficClass { traffic_class, right });
        }
        let bits = |header: &Header| {
            let attributes = header.attributes();
            u8::from(attributes.relaxed) << 1 | u8::from(attributes.no_snoop)
        };
        let (attributes, right) = (bits(completion), bits(&self.request));
        if attributes != right {
            return Err(SequenceBroken::Attributes { attributes, right });
        }
        Ok(())
    }

    /// Whether this kind of answer fits the request.
    fn check_answer(&self, completion: &Header) -> Result<(), SequenceBroken> {
        let request = self.request.kind();
        match completion.status() {
            CompletionStatus::Success => {
                let writes = matches!(request, Kind::IoWrite | Kind::CfgWrite0 | Kind::CfgWrite1);
                if completion.has_data() == writes {
                    return Err(SequenceBroken::Data { request, has_data: writes });
                }
            }
            CompletionStatus::ConfigRetry if !matches!(request, Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1) => {
                return Err(SequenceBroken::ConfigRetry { request });
            }
            _ => {}
        }
        Ok(())
    }

    fn advance(&mut self, completion: &Header) -> Result<Progress, SequenceBroken> {
        if completion.status() != CompletionStatus::Success {
            self.ended = true;
            return Ok(Progress::Failed(completion.status()));
        }
        if !completion.has_data() {
            self.ended = true;
            return Ok(Progress::Done);
        }
        let bytes = completion.length().bytes() - (self.next.0 & 3) as u32;
        if bytes >= self.left {
            self.left = 0;
            self.ended = true;
            return Ok(Progress::Done);
        }
        // Only a memory read gets here: what is less than an AtomicOp's operand ends off RCB.
        self.next = self.next.offset(bytes.into());
        self.left -= bytes;
        Ok(Progress::More)
    }
}
