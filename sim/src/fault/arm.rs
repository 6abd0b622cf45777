//! A rule at work: judges TLPs as they were sent, counts those that match, and draws from a stream of its own.

use super::channels::Channels;
use super::classify::{WriteKind, classify, frame_payload};
use super::rule::{Field, Rule, TlpKind, Trigger, What};
use crate::distribution::stream;
use crate::trace::Way;
use silico_spec::credit::Class;
use silico_spec::generator::XorShift64;
use silico_spec::port::TlpBuf;
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::Cycle;

/// What is known of a TLP that passes.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) way: Way,
    pub(super) header: Header,
    pub(super) tlp: &'a TlpBuf,
    /// Only of what the card writes.
    pub(super) content: WriteKind,
    pub(super) channels: Option<&'a Channels>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(way: Way, tlp: &'a TlpBuf, channels: Option<&'a Channels>) -> Self {
        let content = if way == Way::ToHost { classify(tlp) } else { WriteKind::Other };
        Self { way, header: Header(tlp.header), tlp, content, channels }
    }

    fn is(&self, kind: TlpKind) -> bool {
        match kind {
            TlpKind::Any => true,
            TlpKind::MemWrite => self.header.kind() == Kind::MemWrite,
            TlpKind::Payload => frame_payload(self.content, self.tlp).is_some(),
            TlpKind::WriteBack => self.content == WriteKind::WriteBack,
            TlpKind::Entry => self.content == WriteKind::Entry,
            TlpKind::Interrupt => self.content == WriteKind::Interrupt,
            TlpKind::MemRead => self.header.kind() == Kind::MemRead,
            TlpKind::Completion => self.header.kind().class() == Class::Completion,
            TlpKind::Config => {
                matches!(self.header.kind(), Kind::CfgRead0 | Kind::CfgRead1 | Kind::CfgWrite0 | Kind::CfgWrite1)
            }
            TlpKind::Message => matches!(self.header.kind(), Kind::Message(_) | Kind::MessageData(_)),
            TlpKind::Frame => false,
        }
    }
}

/// A rule, its counts and its randomness.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) rule: Rule,
    seen: u64,
    struck: u64,
    random: XorShift64,
    /// It will never strike again.
    pub(super) spent: bool,
}

impl Armed {
    /// The stream depends on the seed, on what the rule says, and on how many equal ones stand before it: on no other rule.
    pub(super) fn new(rule: Rule, equals: u64, seed: u64) -> Self {
        // FNV-1a.
        let hash =
            rule.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self { rule, seen: 0, struck: 0, random: stream(seed, hash.wrapping_add(equals)), spent: false }
    }

    /// Whether the rule strikes this TLP. To be asked once of each.
    pub(super) fn strikes(&mut self, now: Cycle, facts: &Facts<'_>) -> bool {
        if self.spent || !self.in_window(now) || !self.matches(facts) {
            return false;
        }
        self.seen += 1;
        let strikes = match self.rule.when.trigger {
            Trigger::Always => true,
            Trigger::Nth(nth) => {
                self.spent = self.seen >= nth;
                self.seen == nth
            }
            Trigger::Every { first, step } => self.seen >= first && (self.seen - first).is_multiple_of(step),
            // 53 bits, as a double holds them.
            Trigger::Chance(p) => ((self.random.step() >> 11) as f64) < p * (1u64 << 53) as f64,
        };
        self.struck += u64::from(strikes);
        self.spent |= self.rule.when.times.is_some_and(|times| self.struck >= times);
        strikes
    }

    fn in_window(&mut self, now: Cycle) -> bool {
        let Some((from, to)) = self.rule.when.cycles else { return true };
        self.spent |= now.0 >= to;
        (from..to).contains(&now.0)
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        let select = &self.rule.select;
        if facts.way != select.way || !facts.is(select.kind) {
            return false;
        }
        if let Some((from, to)) = select.addresses {
            let request = matches!(facts.header.kind(), Kind::MemRead | Kind::MemWrite);
            if !request || !(from..to).contains(&facts.header.address().0) {
                return false;
            }
        }
        if select.requester.is_some_and(|requester| facts.header.requester() != requester) {
            return false;
        }
        if let Some(wanted) = select.channel
            && !facts.channels.and_then(|channels| channels.of(facts)).is_some_and(|found| wanted.means(found))
        {
            return false;
        }
        self.applies(facts)
    }

    /// What would change nothing does not count.
    fn applies(&self, facts: &Facts<'_>) -> bool {
        let bytes = facts.tlp.payload().len();
        match self.rule.what {
            What::Corrupt(Field::Data(byte), _) => data_at(self.rule.select.kind, byte, facts.content, facts.tlp) < bytes,
            What::Truncate(dwords) => usize::from(dwords) * 4 < bytes,
            What::Poison => bytes > 0 && !facts.header.poisoned(),
            What::Answer(_) if facts.header.kind().class() == Class::Completion => facts.header.kind() == Kind::CompletionData,
            _ => true,
        }
    }
}

/// Where byte `byte` of the payload is that a rule for `kind` speaks of.
pub(super) fn data_at(kind: TlpKind, byte: u16, content: WriteKind, tlp: &TlpBuf) -> usize {
    let start = if kind == TlpKind::Payload { frame_payload(content, tlp).unwrap_or(0) } else { 0 };
    start + usize::from(byte)
}
