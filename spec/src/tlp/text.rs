//! A header as one line for traces. Any header has one, nonsense too.

use super::message::routing;
use super::{AtomicOp, CompletionStatus, Header, Kind, MessageForm};
use core::fmt;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemRead => "MRd",
            Self::MemReadLocked => "MRdLk",
            Self::MemWrite => "MWr",
            Self::IoRead => "IORd",
            Self::IoWrite => "IOWr",
            Self::CfgRead0 => "CfgRd0",
            Self::CfgWrite0 => "CfgWr0",
            Self::CfgRead1 => "CfgRd1",
            Self::CfgWrite1 => "CfgWr1",
            Self::Message(_) => "Msg",
            Self::MessageData(_) => "MsgD",
            Self::Completion => "Cpl",
            Self::CompletionData => "CplD",
            Self::CompletionLocked => "CplLk",
            Self::CompletionLockedData => "CplDLk",
            Self::Atomic(AtomicOp::FetchAdd) => "FetchAdd",
            Self::Atomic(AtomicOp::Swap) => "Swap",
            Self::Atomic(AtomicOp::CompareAndSwap) => "CAS",
            Self::Unknown(_) => "unknown",
        })
    }
}

impl fmt::Display for CompletionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("SC"),
            Self::UnsupportedRequest => f.write_str("UR"),
            Self::ConfigRetry => f.write_str("CRS"),
            Self::CompleterAbort => f.write_str("CA"),
            Self::Unknown(bits) => write!(f, "status={bits}"),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match kind {
            Kind::Unknown(code) => {
                let [a, b, c, d] = self.0;
                return write!(f, "unknown code={code:#04x} header={a:08x} {b:08x} {c:08x} {d:08x}");
            }
            Kind::MemRead | Kind::MemReadLocked | Kind::MemWrite | Kind::Atomic(_) => self.memory_text(f, kind)?,
            Kind::IoRead | Kind::IoWrite => {
                write!(f, "{kind} addr={} be={:x}", self.address(), self.first_be())?;
            }
            Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1 => {
                write!(f, "{kind} to={} reg={:#05x} be={:x}", self.destination(), self.config_offset(), self.first_be())?;
            }
            Kind::Message(route) | Kind::MessageData(route) => self.message_text(f, kind, route)?,
            _ => {
                let (status, from) = (self.status(), self.completer());
                write!(f, "{kind} {status} from={from} bc={} la={:#04x}", self.byte_count(), self.lower_address())?;
                if self.has_data() {
                    write!(f, " len={}dw", self.length().0)?;
                }
            }
        }
        write!(f, " req={} tag={:#04x} TC{}", self.requester(), self.tag().0, self.traffic_class())?;
        self.flags_text(f)
    }
}

impl Header {
    fn memory_text(&self, f: &mut fmt::Formatter<'_>, kind: Kind) -> fmt::Result {
        let form = if self.dwords() == 4 { 64 } else { 32 };
        write!(f, "{kind} {form} addr={} len={}dw", self.address(), self.length().0)?;
        match kind {
            // The byte enables of an AtomicOp are reserved.
            Kind::Atomic(_) => Ok(()),
            _ => write!(f, " be={:x}/{:x}", self.first_be(), self.last_be()),
        }
    }

    fn message_text(&self, f: &mut fmt::Formatter<'_>, kind: Kind, route: u8) -> fmt::Result {
        let code = self.message_code();
        match MessageForm::of(code) {
            Some(form) => write!(f, "{kind} {}", form.name)?,
            None => write!(f, "{kind} code={code:#04x}")?,
        }
        write!(f, " {}", routing::name(route))?;
        if route == routing::BY_ID {
            write!(f, " to={}", self.destination())?;
        }
        if matches!(code, 0x7e | 0x7f) {
            write!(f, " vendor={:04x}", self.message_vendor())?;
        }
        if self.has_data() { write!(f, " len={}dw", self.length().0) } else { Ok(()) }
    }

    fn flags_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes();
        let flags = [
            (attributes.relaxed, " RO"),
            (attributes.no_snoop, " NS"),
            (attributes.id_based, " IDO"),
            (self.poisoned(), " EP"),
            (self.digest(), " TD"),
            (self.processing_hints(), " TH"),
            (self.lightweight_notification(), " LN"),
        ];
        for (_, word) in flags.iter().filter(|(set, _)| *set) {
            f.write_str(word)?;
        }
        if self.address_type() != 0 { write!(f, " AT{}", self.address_type()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Attributes;
    use super::*;
    use crate::units::{Bdf, BusAddr, Dwords, Tag};
    use alloc::string::ToString;

    const CARD: Bdf = Bdf::from_bits(0x0100);
    const RELAXED: Attributes = Attributes { relaxed: true, no_snoop: false, id_based: false };

    #[test]
    fn each_kind_has_its_line() {
        let message = |kind, code| Header::of(kind, false, Dwords(0)).with_requester(CARD).with_message_code(code);
        let cases = [
            (
                Header::memory(Kind::MemWrite, CARD, Tag(0), BusAddr(0x12_3456_7000), Dwords(64)).with_attributes(RELAXED),
                "MWr 64 addr=0x1234567000 len=64dw be=f/f req=01:00.0 tag=0x00 TC0 RO",
            ),
            (
                Header::memory(Kind::MemRead, CARD, Tag(0x2a), BusAddr(0x1000), Dwords(1)).with_traffic_class(3),
                "MRd 32 addr=0x1000 len=1dw be=f/0 req=01:00.0 tag=0x2a TC3",
            ),
            (
                Header::memory(Kind::Atomic(AtomicOp::CompareAndSwap), CARD, Tag(1), BusAddr(0x1000), Dwords(4)),
                "CAS 32 addr=0x1000 len=4dw req=01:00.0 tag=0x01 TC0",
            ),
            (
                Header::memory(Kind::IoWrite, CARD, Tag(1), BusAddr(0x60), Dwords(1)).with_byte_enables(1, 0),
                "IOWr addr=0x60 be=1 req=01:00.0 tag=0x01 TC0",
            ),
            (
                Header::config(Kind::CfgRead0, Bdf::default(), Tag(7), CARD, 0x100, 0xf),
                "CfgRd0 to=01:00.0 reg=0x100 be=f req=00:00.0 tag=0x07 TC0",
            ),
            (
                Header::completion(true, Bdf::default(), CompletionStatus::Success, 4096, CARD, Tag(5), 0x40, Dwords(16))
                    .with_poisoned(true),
                "CplD SC from=00:00.0 bc=4096 la=0x40 len=16dw req=01:00.0 tag=0x05 TC0 EP",
            ),
            (
                Header::completion(false, CARD, CompletionStatus::UnsupportedRequest, 4, CARD, Tag(5), 0, Dwords(1)),
                "Cpl UR from=01:00.0 bc=4 la=0x00 req=01:00.0 tag=0x05 TC0",
            ),
            (message(Kind::Message(4), 0x26), "Msg Deassert_INTC local req=01:00.0 tag=0x00 TC0"),
            (
                message(Kind::Message(0), 0x99).with_digest(true).with_address_type(1),
                "Msg code=0x99 to-root req=01:00.0 tag=0x00 TC0 TD AT1",
            ),
            (
                message(Kind::MessageData(2), 0x7f).with_length(Dwords(2)).with_message_detail([0x0208_10dc, 0]),
                "MsgD Vendor_Defined_Type_1 by-id to=02:01.0 vendor=10dc len=2dw req=01:00.0 tag=0x00 TC0",
            ),
            (Header([0xff00_0000, 1, 2, 3]), "unknown code=0xff header=ff000000 00000001 00000002 00000003"),
        ];
        for (header, line) in cases {
            assert_eq!(header.to_string(), line);
        }
    }

    #[test]
    fn every_code_has_a_line() {
        for code in 0..=255u32 {
            let line = Header([code << 24 | 0x00ff_ffff, u32::MAX, u32::MAX, u32::MAX]).to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{line}");
        }
    }
}
