//! A fault as data: where it strikes, when, and what it does. Knows no port and no state; the words for it are in [`super::text`].

use crate::trace::Way;
use silico_spec::tlp::CompletionStatus;
use silico_spec::units::Bdf;

/// Longest span of time in a rule, in cycles.
pub const MAX_SPAN: u64 = 1_000_000_000;

/// A fault rule. Only [`Rule::check`]ed ones can be planted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Which TLPs.
    pub select: Select,
    /// What becomes of them.
    pub what: What,
    /// Which of those that match.
    pub when: When,
}

/// Which TLPs a rule is about: all of these hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    /// Which way they go.
    pub way: Way,
    /// What they are.
    pub kind: TlpKind,
    /// To whose buffers or by whose progress they are, as far as the port shows it.
    pub channel: Option<ChannelSel>,
    /// Address of a memory request: from the first, below the second.
    pub addresses: Option<(u64, u64)>,
    /// Requester ID, of a request or of the completion that answers it.
    pub requester: Option<Bdf>,
}

/// A channel of the reference card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelSel {
    /// The channel of this number, of either direction.
    Any(u8),
    /// Card to host.
    C2h(u8),
    /// Host to card.
    H2c(u8),
}

impl ChannelSel {
    /// Whether `self`, a selector, means `found`, which is of one direction.
    #[must_use]
    pub const fn means(self, found: Self) -> bool {
        match (self, found) {
            (Self::Any(wanted), Self::C2h(number) | Self::H2c(number))
            | (Self::C2h(wanted), Self::C2h(number))
            | (Self::H2c(wanted), Self::H2c(number)) => wanted == number,
            _ => false,
        }
    }
}

/// Kinds of TLP that a rule can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlpKind {
    /// All.
    Any,
    /// Memory writes, interrupts included.
    MemWrite,
    /// Memory writes with payload of a frame.
    Payload,
    /// Write-back blocks.
    WriteBack,
    /// Entries of completion rings.
    Entry,
    /// Memory writes to the address range of interrupts: MSI and MSI-X.
    Interrupt,
    /// Memory reads.
    MemRead,
    /// Completions, with data or without.
    Completion,
    /// Config requests.
    Config,
    /// Messages.
    Message,
    /// Whole frames of channel 0; only [`What::Repeat`].
    Frame,
}

impl TlpKind {
    /// All, with their words and what one of them is called.
    pub const ALL: [(Self, &'static str, &'static str); 11] = [
        (Self::Any, "any", "TLPs"),
        (Self::MemWrite, "mwr", "memory writes"),
        (Self::Payload, "payload", "payload writes"),
        (Self::WriteBack, "wb", "write-backs"),
        (Self::Entry, "entry", "completion entries"),
        (Self::Interrupt, "irq", "interrupts"),
        (Self::MemRead, "mrd", "memory reads"),
        (Self::Completion, "cpl", "completions"),
        (Self::Config, "cfg", "config requests"),
        (Self::Message, "msg", "messages"),
        (Self::Frame, "frame", "frames of channel 0"),
    ];

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL.iter().find(|row| row.0 == self).unwrap_or(&Self::ALL[0])
    }

    /// As in a rule's text.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// What several of them are called.
    #[must_use]
    pub fn plural(self) -> &'static str {
        self.row().2
    }

    /// Which way they go if a rule's text does not say.
    #[must_use]
    pub const fn usual_way(self) -> Way {
        match self {
            Self::Completion | Self::Config => Way::ToCard,
            _ => Way::ToHost,
        }
    }

    const fn has_data(self) -> bool {
        !matches!(self, Self::MemRead | Self::Frame)
    }

    const fn is_write(self) -> bool {
        matches!(self, Self::MemWrite | Self::Payload | Self::WriteBack | Self::Entry | Self::Interrupt)
    }
}

/// Which of the TLPs that match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct When {
    /// By count or by chance.
    pub trigger: Trigger,
    /// Only from the first cycle on and before the second; others do not count.
    pub cycles: Option<(u64, u64)>,
    /// At most so often.
    pub times: Option<u64>,
}

impl When {
    /// All.
    pub const ALWAYS: Self = Self { trigger: Trigger::Always, cycles: None, times: None };

    /// The `nth` only, from 1.
    #[must_use]
    pub const fn nth(nth: u64) -> Self {
        Self { trigger: Trigger::Nth(nth), ..Self::ALWAYS }
    }
}

/// By count or by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// Each one.
    Always,
    /// The nth, from 1.
    Nth(u64),
    /// The first one, and each `step`th after it.
    Every {
        /// From 1.
        first: u64,
        /// From 1.
        step: u64,
    },
    /// Each with this probability, above 0 and at most 1.
    Chance(f64),
}

/// What becomes of a TLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It vanishes; its credits come back.
    Drop,
    /// It and all behind it wait so many cycles: order is kept.
    Delay(u64),
    /// It waits so many cycles; what PCIe lets pass it, passes (PCIe 4.0 table 2-39).
    Overtake(u64),
    /// It waits so many cycles; all behind it passes, **whatever the ordering rules say**.
    Reorder(u64),
    /// Bits of a field turn over.
    Corrupt(Field, u32),
    /// EP is set (PCIe 4.0 §2.7.2).
    Poison,
    /// It comes twice.
    Duplicate,
    /// Payload is cut to so many dwords; the header says what it said.
    Truncate(u16),
    /// A non-posted request is answered with this status and never reaches its completer; a completion becomes this answer.
    Answer(CompletionStatus),
    /// A non-posted request is never answered: it vanishes, or its completions do from this one on.
    Timeout,
    /// A completion that nobody asked for follows it.
    Spurious,
    /// Length says a dword more than follows; without payload, Fmt and Type become an undefined code.
    Malformed,
    /// From it on, the far side of its receiver gets no new credits for so many cycles.
    Starve(u64),
    /// After it, its direction stands still for so many cycles.
    Stall(u64),
    /// After it, both directions stand still for so many cycles, as in Recovery; nothing is lost.
    Retrain(u64),
    /// After it, the link goes down for so many cycles, with all that is in flight.
    Flap(u64),
    /// The nth frame of channel 0 comes twice.
    Repeat,
}

/// Where bits turn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Byte of the payload; with kind `payload`, of the frame's.
    Data(u16),
    /// Bit of the header, bit 0 of dword 0 first.
    Bit(u8),
    /// Tag.
    Tag,
    /// Requester ID.
    Requester,
    /// Completer ID.
    Completer,
    /// Length.
    Length,
    /// Address, in units of 4 bytes.
    Address,
    /// Attr: bit 0 no snoop, 1 relaxed ordering, 2 ID-based ordering.
    Attributes,
    /// Traffic class.
    TrafficClass,
    /// Byte enables: first in bits 3 to 0, last in bits 7 to 4.
    ByteEnables,
    /// Byte count of a completion.
    ByteCount,
    /// Status of a completion.
    Status,
    /// Lower address of a completion.
    LowerAddress,
}

impl Field {
    /// Those without a number, with their words and widths in bits.
    pub const NAMED: [(Self, &'static str, u32); 11] = [
        (Self::Tag, "tag", 10),
        (Self::Requester, "requester", 16),
        (Self::Completer, "completer", 16),
        (Self::Length, "length", 10),
        (Self::Address, "address", 32),
        (Self::Attributes, "attr", 3),
        (Self::TrafficClass, "tc", 3),
        (Self::ByteEnables, "be", 8),
        (Self::ByteCount, "byte-count", 12),
        (Self::Status, "status", 3),
        (Self::LowerAddress, "lower-address", 7),
    ];

    /// Bits that a mask may have.
    #[must_use]
    pub fn width(self) -> u32 {
        match self {
            Self::Data(_) => 8,
            Self::Bit(_) => 1,
            named => Self::NAMED.iter().find(|row| row.0 == named).map_or(32, |row| row.2),
        }
    }

    /// What turns over if a rule's text does not say.
    #[must_use]
    pub const fn usual_mask(self) -> u32 {
        if matches!(self, Self::Data(_)) { 0xff } else { 1 }
    }

    const fn is_of(self, kind: TlpKind) -> bool {
        let completion = matches!(kind, TlpKind::Completion);
        match self {
            Self::Data(_) => kind.has_data(),
            Self::Completer | Self::ByteCount | Self::Status | Self::LowerAddress => completion,
            Self::Address => kind.is_write() || matches!(kind, TlpKind::MemRead),
            Self::ByteEnables => !completion && !matches!(kind, TlpKind::Any | TlpKind::Message),
            _ => true,
        }
    }
}

/// What a planted fault may do to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Costs time. Whoever complains of it is wrong, unless a limit of his own was exceeded.
    Benign,
    /// The specification lets its receiver notice it, or what comes later makes up for it; data may be lost, but not silently.
    Recoverable,
    /// Nothing below the driver need notice it. A run in which nobody does has failed.
    Harmful,
}

impl Harm {
    /// As in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Recoverable => "recoverable",
            Self::Harmful => "harmful",
        }
    }
}

impl Rule {
    /// All of `kind`, the usual way.
    #[must_use]
    pub const fn new(kind: TlpKind, what: What, when: When) -> Self {
        Self { select: Select { way: kind.usual_way(), kind, channel: None, addresses: None, requester: None }, what, when }
    }

    /// See [`Harm`].
    #[must_use]
    pub const fn harm(&self) -> Harm {
        let kind = self.select.kind;
        match self.what {
            What::Delay(_) | What::Overtake(_) | What::Starve(_) | What::Stall(_) | What::Retrain(_) => Harm::Benign,
            What::Answer(CompletionStatus::ConfigRetry) if matches!(kind, TlpKind::Config) => Harm::Benign,
            // Nobody answers a posted request, so nobody looks at its tag.
            What::Corrupt(Field::Tag, mask) if kind.is_write() && mask <= 0xff => Harm::Benign,
            What::Poison | What::Answer(_) | What::Timeout | What::Spurious | What::Malformed | What::Flap(_) | What::Truncate(_) => {
                Harm::Recoverable
            }
            // A later block says all that a lost or doubled one said; what is not answered runs out of time.
            What::Drop if matches!(kind, TlpKind::WriteBack | TlpKind::MemRead | TlpKind::Completion | TlpKind::Config) => {
                Harm::Recoverable
            }
            // Written twice, the same is there.
            What::Duplicate if !matches!(kind, TlpKind::Any) => Harm::Recoverable,
            What::Drop | What::Duplicate | What::Reorder(_) | What::Corrupt(..) | What::Repeat => Harm::Harmful,
        }
    }

    /// Whether the rule makes sense.
    ///
    /// # Errors
    /// The part that does not, what it is, and what would be right.
    pub fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let (kind, select) = (self.select.kind, &self.select);
        let refuse = |part, found: String, right| Err((part, found, right));
        if (kind == TlpKind::Frame) != (self.what == What::Repeat) {
            return refuse("kind", kind.word().into(), "frame with repeat, and only with it");
        }
        if kind == TlpKind::Frame {
            let plain = matches!(self.when, When { trigger: Trigger::Nth(_), cycles: None, times: None });
            if !plain || select.channel.is_some() || select.addresses.is_some() || select.requester.is_some() {
                return refuse("repeat", "conditions".into(), "@N alone, as in frame.repeat@3");
            }
        }
        if kind.usual_way() != select.way
            && matches!(
                kind,
                TlpKind::Payload | TlpKind::WriteBack | TlpKind::Entry | TlpKind::Interrupt | TlpKind::Config | TlpKind::Frame
            )
        {
            return refuse("direction", kind.word().into(), "left out: such TLPs go one way only");
        }
        self.check_what()?;
        self.check_when()?;
        if let Some((from, to)) = select.addresses
            && (from >= to || !kind.is_write() && !matches!(kind, TlpKind::MemRead | TlpKind::Any))
        {
            return refuse("addr", format!("{from:#x}..{to:#x}"), "FROM..TO with FROM below TO, of memory requests");
        }
        Ok(())
    }

    fn check_what(&self) -> Result<(), (&'static str, String, &'static str)> {
        let kind = self.select.kind;
        match self.what {
            What::Delay(n) | What::Overtake(n) | What::Reorder(n) | What::Starve(n) | What::Stall(n) | What::Retrain(n) | What::Flap(n)
                if !(1..=MAX_SPAN).contains(&n) =>
            {
                Err(("cycles", n.to_string(), "1 to 1000000000"))
            }
            What::Corrupt(field, mask) if mask == 0 || u64::from(mask) >> field.width() != 0 => {
                Err(("mask", format!("{mask:#x}"), "not zero, and no wider than the field"))
            }
            What::Corrupt(Field::Bit(bit), _) if bit > 127 => Err(("bit", bit.to_string(), "0 to 127")),
            What::Corrupt(Field::Data(byte), _) if byte > 4095 => Err(("data", byte.to_string(), "0 to 4095")),
            What::Corrupt(field, _) if !field.is_of(kind) => {
                Err(("field", format!("one that {} do not have", kind.plural()), "a field of the TLPs that are selected"))
            }
            What::Truncate(dwords) if dwords > 1023 => Err(("dwords", dwords.to_string(), "0 to 1023")),
            What::Poison | What::Truncate(_) if !kind.has_data() => {
                Err(("kind", kind.word().into(), "one with payload: mwr, payload, wb, entry, irq, cpl, cfg, msg or any"))
            }
            What::Answer(_) | What::Timeout if !matches!(kind, TlpKind::MemRead | TlpKind::Config | TlpKind::Completion) => {
                Err(("kind", kind.word().into(), "mrd, cfg or cpl: nothing else is answered"))
            }
            _ => Ok(()),
        }
    }

    fn check_when(&self) -> Result<(), (&'static str, String, &'static str)> {
        match self.when.trigger {
            Trigger::Nth(0) => return Err(("trigger", "@0".into(), "@N with N from 1")),
            Trigger::Every { first, step } if first == 0 || step == 0 => {
                return Err(("trigger", format!("@{first}+{step}"), "@N+STEP, both from 1"));
            }
            Trigger::Chance(p) if !(p > 0.0 && p <= 1.0) => {
                return Err(("trigger", format!("%{p}"), "%P, a probability above 0 and at most 1"));
            }
            _ => {}
        }
        if let Some((from, to)) = self.when.cycles
            && from >= to
        {
            return Err(("cycles", format!("{from}..{to}"), "FROM..TO with FROM below TO"));
        }
        if self.when.times == Some(0) { Err(("times", "0".into(), "at least 1")) } else { Ok(()) }
    }
}
