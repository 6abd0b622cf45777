//! What a fault does to one TLP: changes in place, and what is to be done with it besides. Knows no queue and no time.

use super::arm::data_at;
use super::classify::WriteKind;
use super::rule::{Field, Rule, What};
use silico_spec::port::{MAX_PAYLOAD, TlpBuf};
use silico_spec::tlp::{Attributes, CompletionStatus, Header, Kind, Span};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

/// Fmt and Type that table 2-3 does not define.
const UNDEFINED: u8 = 0x1e;

/// Who may pass a TLP that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Passable {
    /// Nobody.
    No,
    /// Whom PCIe lets pass.
    ByRule,
    /// All.
    ByAll,
}

/// What is to be done with a TLP besides changing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// It goes no further.
    pub(super) gone: bool,
    /// It waits.
    pub(super) hold: Option<(u64, Passable)>,
    /// It comes so many times more.
    pub(super) copies: u32,
    /// Answered with this, instead of its completer or by it.
    pub(super) answer: Option<CompletionStatus>,
    /// Never answered.
    pub(super) silence: bool,
    /// So many completions follow that nobody asked for.
    pub(super) spurious: u32,
    /// No new credits towards its sender for so long.
    pub(super) starve: u64,
    /// Its direction stands still for so long.
    pub(super) stall: u64,
    /// Both do.
    pub(super) retrain: u64,
    /// The link is down for so long.
    pub(super) flap: u64,
}

impl Effects {
    fn hold(&mut self, span: u64, passable: Passable) {
        let (before, strictest) = self.hold.unwrap_or((0, passable));
        self.hold = Some((before.max(span), strictest.min(passable)));
    }
}

/// Applies one rule.
pub(super) fn apply(rule: &Rule, content: WriteKind, tlp: &mut TlpBuf, effects: &mut Effects) {
    match rule.what {
        What::Drop => effects.gone = true,
        What::Delay(span) => effects.hold(span, Passable::No),
        What::Overtake(span) => effects.hold(span, Passable::ByRule),
        What::Reorder(span) => effects.hold(span, Passable::ByAll),
        What::Corrupt(Field::Data(byte), mask) => {
            let at = data_at(rule.select.kind, byte, content, tlp);
            if let Some(byte) = tlp.payload_mut().get_mut(at) {
                *byte ^= mask as u8;
            }
        }
        What::Corrupt(field, mask) => tlp.header = corrupted(Header(tlp.header), field, mask).0,
        What::Poison => tlp.header = Header(tlp.header).with_poisoned(true).0,
        What::Duplicate => effects.copies += 1,
        What::Truncate(dwords) => {
            let len = (usize::from(dwords) * 4).min(tlp.payload().len());
            tlp.set_len(len);
        }
        What::Answer(status) => effects.answer = Some(status),
        What::Timeout => effects.silence = true,
        What::Spurious => effects.spurious += 1,
        What::Malformed => tlp.header = malformed(Header(tlp.header)).0,
        What::Starve(span) => effects.starve = effects.starve.max(span),
        What::Stall(span) => effects.stall = effects.stall.max(span),
        What::Retrain(span) => effects.retrain = effects.retrain.max(span),
        What::Flap(span) => effects.flap = effects.flap.max(span),
        What::Repeat => {}
    }
}

fn malformed(header: Header) -> Header {
    if !header.has_data() {
        return header.with_kind(Kind::Unknown(UNDEFINED));
    }
    let length = header.length().0;
    // A payload of 1024 dwords has no longer one.
    let wrong = if length * 4 < MAX_PAYLOAD as u32 { length + 1 } else { length - 1 };
    header.with_length(Dwords(wrong))
}

/// `header` with bits of a field turned over. A field that its kind does not have is left alone.
fn corrupted(mut header: Header, field: Field, mask: u32) -> Header {
    match field {
        Field::Data(_) => {}
        Field::Bit(bit) => header.0[usize::from(bit / 32) % 4] ^= mask << (bit % 32),
        Field::Tag => header = header.with_tag(Tag(header.tag().0 ^ mask as u16)),
        Field::Requester => header = header.with_requester(Bdf::from_bits(header.requester().bits() ^ mask as u16)),
        Field::Length => header = header.with_length(Dwords(header.length().0 % 1024 ^ mask)),
        Field::Address => header = header.with_address(BusAddr(header.address().0 ^ u64::from(mask) << 2)),
        Field::TrafficClass => header = header.with_traffic_class(header.traffic_class() ^ mask as u8),
        Field::ByteEnables => {
            header = header.with_byte_enables(header.first_be() ^ mask as u8 & 0xf, header.last_be() ^ (mask >> 4) as u8);
        }
        Field::Attributes => {
            let now = header.attributes();
            let flip = |value: bool, bit: u32| value ^ (mask >> bit & 1 != 0);
            header = header.with_attributes(Attributes {
                no_snoop: flip(now.no_snoop, 0),
                relaxed: flip(now.relaxed, 1),
                id_based: flip(now.id_based, 2),
            });
        }
        Field::Completer | Field::ByteCount | Field::Status | Field::LowerAddress => header = corrupted_completion(header, field, mask),
    }
    header
}

fn corrupted_completion(header: Header, field: Field, mask: u32) -> Header {
    let flip = |wanted: Field, value: u32| if wanted == field { value ^ mask } else { value };
    let completer = Bdf::from_bits(flip(Field::Completer, header.completer().bits().into()) as u16);
    let status = CompletionStatus::from_bits(flip(Field::Status, header.status().bits().into()) as u8);
    let byte_count = flip(Field::ByteCount, header.byte_count() % 4096);
    let lower_address = flip(Field::LowerAddress, header.lower_address().into()) as u8;
    // Built anew only for the places of these fields; the rest is put back.
    let built = Header::completion(
        header.has_data(),
        completer,
        status,
        byte_count,
        header.requester(),
        header.tag(),
        lower_address,
        header.length(),
    );
    Header([header.0[0], built.0[1], built.0[2], header.0[3]])
}

/// `tlp` becomes a completion with `status` and without data, for what remains of its request by `from`, the first completion of those that are
/// replaced.
pub(super) fn refuse(tlp: &mut TlpBuf, from: &Header, status: CompletionStatus) {
    let header = Header(tlp.header);
    let (requester, tag) = (header.requester(), header.tag());
    let made = Header::completion(false, header.completer(), status, from.byte_count(), requester, tag, from.lower_address(), Dwords(0));
    tlp.set_len(0);
    tlp.header = made.with_traffic_class(header.traffic_class()).with_attributes(header.attributes()).0;
}

/// The completion with `status` of a non-posted `request`, whose completer `known` is unless the request names it.
pub(super) fn answer(request: &Header, known: Bdf, status: CompletionStatus) -> TlpBuf {
    let (completer, count, lower) = match request.kind() {
        Kind::MemRead | Kind::MemReadLocked => {
            let span = Span::from_header(request);
            (known, span.byte_count(), (span.first_byte().0 & 0x7f) as u8)
        }
        Kind::CfgRead0 | Kind::CfgRead1 | Kind::CfgWrite0 | Kind::CfgWrite1 => (request.destination(), 4, 0),
        _ => (known, 4, 0),
    };
    let header = Header::completion(false, completer, status, count, request.requester(), request.tag(), lower, Dwords(0));
    let mut tlp = TlpBuf::new();
    tlp.set(header.with_traffic_class(request.traffic_class()).with_attributes(request.attributes()).0, &[]);
    tlp
}

/// A completion with one dword for a read that `requester` did not make.
pub(super) fn unasked(completer: Bdf, requester: Bdf, tag: Tag) -> TlpBuf {
    let mut tlp = TlpBuf::new();
    let header = Header::completion(true, completer, CompletionStatus::Success, 4, requester, tag, 0, Dwords(1));
    tlp.set(header.0, &[0; 4]);
    tlp
}

/// Whether a TLP that comes later may pass an earlier one (PCIe 4.0 table 2-39, same requester; a "may" is taken as a "does").
pub(super) fn may_pass(later: &Header, earlier: &Header) -> bool {
    use silico_spec::credit::Class;
    let attributes = later.attributes();
    match (later.kind().class(), earlier.kind().class()) {
        (Class::Posted, Class::Posted) => attributes.relaxed,
        // For a read, relaxed ordering allows nothing here.
        (Class::NonPosted, Class::Posted) => false,
        // Completions of one request keep their order.
        (Class::Completion, Class::Completion) => (later.requester(), later.tag()) != (earlier.requester(), earlier.tag()),
        (Class::Completion, Class::Posted) => attributes.relaxed,
        (Class::Posted, _) | (Class::NonPosted, _) | (Class::Completion, Class::NonPosted) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn completion() -> Header {
        Header::completion(true, Bdf::from_bits(0x100), CompletionStatus::Success, 64, Bdf::from_bits(0x200), Tag(7), 0x40, Dwords(16))
    }

    #[test]
    fn each_named_field_changes_and_no_other() {
        let read = Header::memory(Kind::MemRead, Bdf::from_bits(0x100), Tag(3), BusAddr(0x1_0000_1000), Dwords(4));
        for (field, name, _) in Field::NAMED {
            let header = match field {
                Field::Completer | Field::ByteCount | Field::Status | Field::LowerAddress => completion(),
                _ => read,
            };
            let changed = corrupted(header, field, 1);
            let bits: u32 = (0..4).map(|dword| (header.0[dword] ^ changed.0[dword]).count_ones()).sum();
            assert_eq!(bits, 1, "{name}");
            assert_eq!(corrupted(changed, field, 1), header, "{name} turns back");
        }
        assert_eq!(corrupted(completion(), Field::Tag, 8).tag(), Tag(15));
        assert_eq!(corrupted(completion(), Field::ByteCount, 64).byte_count(), 4096);
        assert_eq!(corrupted(completion(), Field::Status, 4).status(), CompletionStatus::CompleterAbort);
        assert_eq!(corrupted(read, Field::Address, 4).address(), BusAddr(0x1_0000_1010));
    }

    #[test]
    fn posted_writes_are_passed_by_relaxed_ones_only() {
        let write = Header::memory(Kind::MemWrite, Bdf::default(), Tag(0), BusAddr(0), Dwords(1));
        let read = Header::memory(Kind::MemRead, Bdf::default(), Tag(0), BusAddr(0), Dwords(1));
        let relaxed = write.with_attributes(Attributes { relaxed: true, ..Attributes::default() });
        assert!(!may_pass(&write, &write) && may_pass(&relaxed, &write));
        assert!(!may_pass(&read, &write) && may_pass(&write, &read) && may_pass(&read, &read));
        assert!(!may_pass(&completion(), &write) && may_pass(&completion(), &read));
        assert!(!may_pass(&completion(), &completion()) && may_pass(&completion().with_tag(Tag(8)), &completion()));
    }

    proptest! {
        #[test]
        fn nothing_panics(words in any::<[u32; 4]>(), len in 0usize..=4096, bit in 0u8..128, mask in any::<u32>(), what in 0usize..11) {
            let mut tlp = TlpBuf::new();
            tlp.set(words, &vec![0; len]);
            let header = Header(words);
            let _ = corrupted(header, Field::Bit(bit), 1);
            let _ = corrupted(header, Field::NAMED[what].0, mask);
            let _ = (malformed(header), answer(&header, Bdf::default(), CompletionStatus::CompleterAbort));
            refuse(&mut tlp, &header, CompletionStatus::UnsupportedRequest);
            prop_assert_eq!(tlp.payload().len(), 0);
        }
    }
}
