//! Digests: there once the card was told to generate them, and right wherever there is one.

use super::{Finding, rule};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::{Header, ecrc};

/// `needed`: the card generates digests by now.
pub(crate) fn judge(header: &Header, tlp: &TlpBuf, needed: bool) -> Result<(), Finding> {
    if !header.digest() {
        let finding =
            || (rule::WELL_FORMED, format!("{header}: TD is clear; ECRC generation is enabled, so all has a digest (PCIe 4.0 §2.7.1)"));
        return if needed { Err(finding()) } else { Ok(()) };
    }
    let right = ecrc(header, tlp.payload());
    if tlp.digest == right {
        return Ok(());
    }
    Err((
        rule::WELL_FORMED,
        format!("{header}: the digest is {:#010x}; that of its content is {right:#010x} (PCIe 4.0 §2.7.1)", tlp.digest),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use silico_spec::tlp::Kind;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    #[rstest]
    #[case::none_needed(false, 0, false, true)]
    #[case::none_but_needed(false, 0, true, false)]
    #[case::right(true, 0, true, true)]
    #[case::wrong(true, 1 << 9, true, false)]
    #[case::wrong_before_needed(true, 1, false, false)]
    fn judged(#[case] digest: bool, #[case] flip: u32, #[case] needed: bool, #[case] good: bool) {
        let header = Header::memory(Kind::MemWrite, Bdf::from_bits(0x100), Tag(0), BusAddr(0x1000), Dwords(2)).with_digest(digest);
        let mut tlp = TlpBuf::new();
        tlp.set(header.0, &[3; 8]);
        tlp.digest = ecrc(&header, &[3; 8]) ^ flip;
        assert_eq!(judge(&header, &tlp, needed).is_ok(), good);
    }
}
