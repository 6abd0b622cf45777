//! Ordering attributes are set only where they may be: relaxed ordering and no snoop only when the function was allowed to use them, and never on an
//! interrupt message (PCIe 4.0 §2.2.6.4, §2.2.6.5, §7.5.3.4); ID-based ordering only when enabled (§7.5.3.16). A relaxed write also never goes to a
//! buffer of which the CPU polls words: whatever such a word announces may be overtaken by it.

use super::{Finding, rule};
use crate::root::is_interrupt;
use crate::root::shadow::Allowed;
use silico_spec::credit::Class;
use silico_spec::tlp::{Header, Kind};

/// All that the header says.
#[inline]
pub(crate) fn judge(header: &Header, class: Class, allowed: &Allowed) -> Result<(), Finding> {
    let attributes = header.attributes();
    if !attributes.relaxed && !attributes.no_snoop && !attributes.id_based {
        return Ok(());
    }
    let kind = header.kind();
    let broken = |what: &str, unless: &str| Err((rule::ORDERING, format!("{kind:?} with {what}; {unless}")));
    if attributes.id_based && !(if class == Class::Completion { allowed.id_based_completions } else { allowed.id_based_requests }) {
        return broken("ID-based ordering", "Device Control 2 does not enable it");
    }
    // Completions carry what their request asked for.
    if class == Class::Completion {
        return Ok(());
    }
    let is_message = kind == Kind::MemWrite && is_interrupt(header.address());
    if is_message && (attributes.relaxed || attributes.no_snoop) {
        return broken("relaxed ordering or no snoop", "it is an interrupt message, in which both must be clear");
    }
    if attributes.relaxed && !allowed.relaxed {
        return broken("relaxed ordering", "Enable Relaxed Ordering is clear");
    }
    if attributes.no_snoop && !allowed.no_snoop {
        return broken("no snoop", "Enable No Snoop is clear");
    }
    Ok(())
}

/// A relaxed write to a buffer that is polled.
#[cold]
pub(crate) fn polled(header: &Header) -> Finding {
    let what = format!("a write to {} with relaxed ordering, to a buffer of which the CPU polls words", header.address());
    (rule::ORDERING, format!("{what}: it may become visible before what it announces"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use silico_spec::tlp::Attributes;
    use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};

    fn write(address: u64, attributes: Attributes) -> Header {
        Header::memory(Kind::MemWrite, Bdf::from_bits(0x100), Tag(0), BusAddr(address), Dwords(1)).with_attributes(attributes)
    }

    const RELAXED: Attributes = Attributes { relaxed: true, no_snoop: false, id_based: false };
    const NO_SNOOP: Attributes = Attributes { relaxed: false, no_snoop: true, id_based: false };
    const ID_BASED: Attributes = Attributes { relaxed: false, no_snoop: false, id_based: true };
    const ALL: Allowed = Allowed { relaxed: true, no_snoop: true, id_based_requests: true, id_based_completions: true };

    #[rstest]
    #[case("Enable Relaxed Ordering", 0x1000, RELAXED, Allowed { relaxed: false, ..ALL })]
    #[case("Enable No Snoop", 0x1000, NO_SNOOP, Allowed { no_snoop: false, ..ALL })]
    #[case("Device Control 2", 0x1000, ID_BASED, Allowed { id_based_requests: false, ..ALL })]
    #[case("interrupt message", 0xfee0_0000, RELAXED, ALL)]
    #[case("interrupt message", 0xfee0_0000, NO_SNOOP, ALL)]
    fn each_attribute_needs_leave(#[case] what: &str, #[case] address: u64, #[case] attributes: Attributes, #[case] allowed: Allowed) {
        let (rule, text) = judge(&write(address, attributes), Class::Posted, &allowed).unwrap_err();
        assert!(rule == rule::ORDERING && text.contains(what), "{text}");
        assert_eq!(judge(&write(0x1000, attributes), Class::Posted, &ALL), Ok(()));
        assert_eq!(judge(&write(address, Attributes::default()), Class::Posted, &allowed), Ok(()));
    }
}
