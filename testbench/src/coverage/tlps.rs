//! What kinds of TLP passed, of what sizes, and how reads were answered. Looks at headers only: any card can be covered this way.

use super::Counts;
use super::bin::bins;
use silico_spec::tlp::{CompletionStatus, Header, Kind, Span};

bins! {
    /// What the card sends.
    pub enum Sent {
        MemWrite3 => "MWr, 3 dwords",
        MemWrite4 => "MWr, 4 dwords",
        MemRead3 => "MRd, 3 dwords",
        MemRead4 => "MRd, 4 dwords",
        Data => "CplD",
        Done => "Cpl, successful",
        Unsupported => "Cpl, UR",
        Aborted => "Cpl, CA" elsewhere "model/tests/errors.rs: hosts of the suite send nothing to be aborted",
        ErrCor => "ERR_COR",
        ErrNonFatal => "ERR_NONFATAL",
        ErrFatal => "ERR_FATAL",
        AssertIntx => "Assert_INTA",
        DeassertIntx => "Deassert_INTA",
        PmeToAck => "PME_TO_Ack" elsewhere "model/tests/corners.rs: machines do not turn power off",
    }
}

bins! {
    /// What comes to the card.
    pub enum Received {
        MemWrite3 => "MWr, 3 dwords",
        MemWrite4 => "MWr, 4 dwords",
        MemRead3 => "MRd, 3 dwords",
        MemRead4 => "MRd, 4 dwords",
        CfgRead => "CfgRd0",
        CfgWrite => "CfgWr0",
        Data => "CplD",
        PoisonedData => "CplD, poisoned",
        Unsupported => "Cpl, UR",
        Aborted => "Cpl, CA",
        PoisonedWrite => "MWr, poisoned" elsewhere "model/tests/errors.rs: the suite poisons answers only",
        Message => "message" elsewhere "model/tests/corners.rs: machines send no messages",
        Other => "a request that the card does not support",
    }
}

bins! {
    /// Bytes of the card's writes, and how they lie.
    pub enum WriteShape {
        Dword => "one dword",
        Grid => "32 bytes",
        Block => "64 bytes",
        Odd => "other sizes below 1024",
        B128 => "128 bytes",
        B256 => "256 bytes",
        B512 => "512 bytes",
        B1024 => "1024 bytes",
        EndsPage => "ends at 4 KiB",
        BeginsPage => "begins at 4 KiB",
    }
}

bins! {
    /// Bytes of the card's reads, and how they lie.
    pub enum ReadShape {
        Dword => "one dword",
        Small => "below 128 bytes",
        Middle => "other sizes",
        B128 => "128 bytes",
        B256 => "256 bytes",
        B512 => "512 bytes",
        B1024 => "1024 bytes",
        B2048 => "2048 bytes",
        B4096 => "4096 bytes",
        EndsPage => "ends at 4 KiB",
        BeginsOdd => "begins within a dword",
        EndsOdd => "ends within a dword",
    }
}

bins! {
    /// How reads of the card were answered.
    pub enum Split {
        Whole => "one completion",
        First => "first of several",
        Middle => "one in the middle",
        Last => "last of several",
        Overtaking => "an older read is still unanswered",
        Interleaved => "between two completions of another read",
    }
}

/// Reads of the card that are under way, by tag.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    order: u64,
    left: u32,
    begun: bool,
}

/// Counts of headers.
#[derive(Clone, Debug)]
pub(super) struct Tlps {
    pub(super) sent: Counts<Sent>,
    pub(super) received: Counts<Received>,
    pub(super) writes: Counts<WriteShape>,
    pub(super) reads: Counts<ReadShape>,
    pub(super) splits: Counts<Split>,
    asked: Vec<Asked>,
    order: u64,
    last_answered: Option<u16>,
}

impl Default for Tlps {
    fn default() -> Self {
        Self {
            sent: Counts::default(),
            received: Counts::default(),
            writes: Counts::default(),
            reads: Counts::default(),
            splits: Counts::default(),
            asked: vec![Asked::default(); 1 << 10],
            order: 0,
            last_answered: None,
        }
    }
}

impl Tlps {
    /// The card sent a TLP.
    pub(super) fn sent(&mut self, header: &Header) {
        let four = header.dwords() == 4;
        let bin = match header.kind() {
            Kind::MemWrite => {
                self.write(header);
                if four { Sent::MemWrite4 } else { Sent::MemWrite3 }
            }
            Kind::MemRead => {
                self.read(header);
                if four { Sent::MemRead4 } else { Sent::MemRead3 }
            }
            Kind::CompletionData => Sent::Data,
            Kind::Completion => match header.status() {
                CompletionStatus::UnsupportedRequest => Sent::Unsupported,
                CompletionStatus::CompleterAbort => Sent::Aborted,
                _ => Sent::Done,
            },
            Kind::Message(_) => match header.message_code() {
                0x20 => Sent::AssertIntx,
                0x24 => Sent::DeassertIntx,
                0x30 => Sent::ErrCor,
                0x31 => Sent::ErrNonFatal,
                0x33 => Sent::ErrFatal,
                0x1b => Sent::PmeToAck,
                _ => return,
            },
            _ => return,
        };
        self.sent.hit(bin);
    }

    fn write(&mut self, header: &Header) {
        let (at, bytes) = (header.address().0, header.payload_bytes());
        self.writes.hit(match bytes {
            4 => WriteShape::Dword,
            32 => WriteShape::Grid,
            64 => WriteShape::Block,
            128 => WriteShape::B128,
            256 => WriteShape::B256,
            512 => WriteShape::B512,
            1024 => WriteShape::B1024,
            _ => WriteShape::Odd,
        });
        if at & 0xfff == 0 {
            self.writes.hit(WriteShape::BeginsPage);
        }
        if (at + u64::from(bytes)) & 0xfff == 0 {
            self.writes.hit(WriteShape::EndsPage);
        }
    }

    fn read(&mut self, header: &Header) {
        let bytes = header.length().bytes();
        self.reads.hit(match bytes {
            4 => ReadShape::Dword,
            128 => ReadShape::B128,
            256 => ReadShape::B256,
            512 => ReadShape::B512,
            1024 => ReadShape::B1024,
            2048 => ReadShape::B2048,
            4096 => ReadShape::B4096,
            _ if bytes < 128 => ReadShape::Small,
            _ => ReadShape::Middle,
        });
        if (header.address().0 + u64::from(bytes)) & 0xfff == 0 {
            self.reads.hit(ReadShape::EndsPage);
        }
        if header.first_be() & 1 == 0 {
            self.reads.hit(ReadShape::BeginsOdd);
        }
        let last = if header.length().0 == 1 { header.first_be() } else { header.last_be() };
        if last & 8 == 0 {
            self.reads.hit(ReadShape::EndsOdd);
        }
        self.order += 1;
        let left = Span::from_header(header).byte_count();
        self.asked[usize::from(header.tag().0) & 0x3ff] = Asked { order: self.order, left, begun: false };
    }

    /// A TLP came to the card.
    pub(super) fn received(&mut self, header: &Header) {
        let four = header.dwords() == 4;
        let bin = match header.kind() {
            Kind::MemWrite if header.poisoned() => Received::PoisonedWrite,
            Kind::MemWrite => {
                if four {
                    Received::MemWrite4
                } else {
                    Received::MemWrite3
                }
            }
            Kind::MemRead => {
                if four {
                    Received::MemRead4
                } else {
                    Received::MemRead3
                }
            }
            Kind::CfgRead0 => Received::CfgRead,
            Kind::CfgWrite0 => Received::CfgWrite,
            Kind::CompletionData => {
                self.answered(header);
                if header.poisoned() { Received::PoisonedData } else { Received::Data }
            }
            Kind::Completion => {
                self.asked[usize::from(header.tag().0) & 0x3ff].left = 0;
                if header.status() == CompletionStatus::CompleterAbort { Received::Aborted } else { Received::Unsupported }
            }
            Kind::Message(_) | Kind::MessageData(_) => Received::Message,
            _ => Received::Other,
        };
        self.received.hit(bin);
    }

    fn answered(&mut self, header: &Header) {
        let tag = header.tag().0 & 0x3ff;
        let read = self.asked[usize::from(tag)];
        if read.left == 0 {
            return;
        }
        let lead = u32::from(header.lower_address()) & 3;
        let bytes = (header.length().bytes() - lead).min(read.left);
        let last = bytes == read.left;
        self.splits.hit(match (read.begun, last) {
            (false, true) => Split::Whole,
            (false, false) => Split::First,
            (true, false) => Split::Middle,
            (true, true) => Split::Last,
        });
        if self.asked.iter().any(|other| other.left > 0 && !other.begun && other.order < read.order) {
            self.splits.hit(Split::Overtaking);
        }
        let other = self.last_answered.filter(|other| *other != tag).map(|other| self.asked[usize::from(other)]);
        if other.is_some_and(|other| other.begun && other.left > 0) {
            self.splits.hit(Split::Interleaved);
        }
        self.last_answered = Some(tag);
        self.asked[usize::from(tag)] = Asked { left: read.left - bytes, begun: true, ..read };
    }

    /// All that was under way is gone.
    pub(super) fn reset(&mut self) {
        self.asked.fill(Asked::default());
        self.last_answered = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::tlp::Completions;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    const HOST: Bdf = Bdf::from_bits(0);
    const CARD: Bdf = Bdf::from_bits(0x100);

    fn read(tag: u16, address: u64, bytes: u32) -> Header {
        Span::of(BusAddr(address), bytes).unwrap().header(Kind::MemRead, CARD, Tag(tag))
    }

    #[test]
    fn splits_and_overtaking_are_seen() {
        let mut tlps = Tlps::default();
        let (first, second) = (read(1, 0x1_0000_0f02, 0xfe), read(2, 0x2000, 64));
        tlps.sent(&first);
        tlps.sent(&second);
        let answer = |request: &Header| -> Vec<Header> {
            Completions::new(&Span::from_header(request), 128, 64).map(|piece| piece.header(request, HOST)).collect()
        };
        let (one, two) = (answer(&first), answer(&second));
        tlps.received(&two[0]);
        tlps.received(&one[0]);
        tlps.received(&one[1]);
        for (split, count) in [(Split::Whole, 1), (Split::Overtaking, 1), (Split::First, 1), (Split::Last, 1), (Split::Interleaved, 0)] {
            assert_eq!(tlps.splits.of(split), count, "{split:?}");
        }
        for shape in [ReadShape::EndsPage, ReadShape::BeginsOdd] {
            assert_eq!(tlps.reads.of(shape), 1, "{shape:?}");
        }
        assert_eq!((tlps.sent.of(Sent::MemRead4), tlps.sent.of(Sent::MemRead3)), (1, 1));
    }

    #[test]
    fn writes_are_sorted_by_size_and_place() {
        let mut tlps = Tlps::default();
        tlps.sent(&Header::memory(Kind::MemWrite, CARD, Tag(0), BusAddr(0x1f80), Dwords(32)));
        tlps.sent(&Header::memory(Kind::MemWrite, CARD, Tag(0), BusAddr(0x2000), Dwords(1)));
        for shape in [WriteShape::B128, WriteShape::EndsPage, WriteShape::Dword, WriteShape::BeginsPage] {
            assert_eq!(tlps.writes.of(shape), 1, "{shape:?}");
        }
    }
}
