//! Which received TLPs are malformed (PCIe 4.0 §2.2, §2.3): those that break the rules of formation that a receiver must or may check.
//! Reserved fields are not looked at; whether the card supports a request is for others to say.

use silico_spec::tlp::{AtomicOp, Header, Kind};

/// Bytes that no memory request may cross (§2.2.7).
const PAGE: u32 = 4096;

/// Whether the TLP with `header` and `payload` bytes of payload must be dropped and logged as malformed.
pub(crate) fn malformed(header: &Header, payload: u32, max_payload: u32) -> bool {
    header.payload_bytes() != payload || payload > max_payload || ill_formed(header)
}

fn ill_formed(header: &Header) -> bool {
    let length = header.length().0;
    match header.kind() {
        Kind::Unknown(_) => true,
        Kind::MemRead | Kind::MemReadLocked | Kind::MemWrite => {
            let at = header.address().0 as u32 & (PAGE - 1);
            at + length * 4 > PAGE || !enables_fit(header)
        }
        Kind::IoRead | Kind::IoWrite | Kind::CfgRead0 | Kind::CfgWrite0 | Kind::CfgRead1 | Kind::CfgWrite1 => {
            length != 1 || header.last_be() != 0
        }
        Kind::Atomic(AtomicOp::CompareAndSwap) => !matches!(length, 2 | 4 | 8),
        Kind::Atomic(_) => !matches!(length, 1 | 2),
        _ => false,
    }
}

/// Byte enables of a memory request (§2.2.5): contiguous, but for one dword, or two on a multiple of 8.
fn enables_fit(header: &Header) -> bool {
    let (length, first, last) = (header.length().0, header.first_be(), header.last_be());
    match length {
        1 => last == 0,
        _ if first == 0 || last == 0 => false,
        2 if header.address().0.is_multiple_of(8) => true,
        _ => matches!(first, 0x8 | 0xc | 0xe | 0xf) && matches!(last, 0x1 | 0x3 | 0x7 | 0xf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use silico_spec::tlp;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    fn memory(kind: Kind, address: u64, dwords: u32, first: u8, last: u8) -> Header {
        Header::memory(kind, Bdf::from_bits(0), Tag(0), BusAddr(address), Dwords(dwords)).with_byte_enables(first, last)
    }

    #[rstest]
    #[case(memory(Kind::MemWrite, 0x1000, 2, 0xf, 0xf), 8, false)]
    #[case(memory(Kind::MemWrite, 0x1000, 2, 0xf, 0xf), 4, true)]
    #[case(memory(Kind::MemWrite, 0x1000, 33, 0xf, 0xf), 132, true)]
    #[case(memory(Kind::MemRead, 0x1ffc, 2, 0xf, 0xf), 0, true)]
    #[case(memory(Kind::MemRead, 0x1ffc, 1, 0x0, 0x0), 0, false)]
    #[case(memory(Kind::MemRead, 0x1000, 1, 0xf, 0x1), 0, true)]
    #[case(memory(Kind::MemRead, 0x1000, 2, 0x0, 0xf), 0, true)]
    #[case(memory(Kind::MemRead, 0x1000, 2, 0x5, 0xa), 0, false)]
    #[case(memory(Kind::MemRead, 0x1004, 2, 0x5, 0xa), 0, true)]
    #[case(memory(Kind::MemWrite, 0x1000, 3, 0xc, 0x3), 12, false)]
    #[case(memory(Kind::MemWrite, 0x1000, 3, 0x5, 0x3), 12, true)]
    #[case(memory(Kind::MemWrite, 0x1000, 3, 0xc, 0xa), 12, true)]
    #[case(memory(Kind::CfgRead0, 0, 2, 0xf, 0), 0, true)]
    #[case(memory(Kind::CfgRead0, 0, 1, 0xf, 0), 0, false)]
    #[case(memory(Kind::Atomic(AtomicOp::Swap), 0x1000, 3, 0, 0), 12, true)]
    #[case(memory(Kind::Unknown(0x1f), 0, 1, 0, 0), 0, true)]
    fn judged(#[case] header: Header, #[case] payload: u32, #[case] wrong: bool) {
        assert_eq!(malformed(&header, payload, 128), wrong);
        if !wrong {
            assert_eq!(tlp::check(&header, payload as usize, &tlp::Limits::DEFAULT), Ok(()));
        }
    }
}
