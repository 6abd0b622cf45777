//! A completion matches a request of ours: tag, status, byte count, lower address, length, class (PCIe 4.0 §2.2.9, §2.3.2).

use super::{Finding, rule};
use silico_spec::tlp::{CompletionStatus, Header, Kind};
use silico_spec::units::Bdf;

/// What a request of ours expects. All of them fit into one completion, since none crosses the RCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Who should answer.
    pub(crate) completer: Bdf,
    /// A read: data comes.
    pub(crate) data: bool,
    /// Byte count of the completion.
    pub(crate) byte_count: u32,
    /// Lower address of the completion.
    pub(crate) lower_address: u8,
    /// Dwords of data.
    pub(crate) dwords: u32,
}

pub(crate) fn unexpected(header: &Header) -> Finding {
    let (requester, tag) = (header.requester(), header.tag());
    (rule::COMPLETION, format!("a completion for {requester} {tag} comes unexpected: no such request is outstanding"))
}

pub(crate) fn judge(header: &Header, expected: &Expected, completer_known: bool) -> Result<(), Finding> {
    let broken = |what: &str, got: String, right: String| {
        Err((rule::COMPLETION, format!("a completion for {} has {what} {got}; it must be {right}", header.tag())))
    };
    if completer_known && header.completer() != expected.completer {
        return broken("completer ID", header.completer().to_string(), expected.completer.to_string());
    }
    if header.traffic_class() != 0 {
        return broken("traffic class", header.traffic_class().to_string(), "that of the request, 0".into());
    }
    let attributes = header.attributes();
    if attributes.relaxed || attributes.no_snoop || attributes.id_based {
        return broken("attributes", format!("{attributes:?}"), "those of the request, none".into());
    }
    if header.byte_count() != expected.byte_count {
        return broken("byte count", header.byte_count().to_string(), expected.byte_count.to_string());
    }
    if header.status() != CompletionStatus::Success {
        return if header.kind() == Kind::Completion {
            Ok(())
        } else {
            broken("data with status", format!("{:?}", header.status()), "none".into())
        };
    }
    let data = header.kind() == Kind::CompletionData;
    if data != expected.data {
        return broken("data", data.to_string(), expected.data.to_string());
    }
    if data && header.length().0 != expected.dwords {
        return broken("length", header.length().0.to_string(), expected.dwords.to_string());
    }
    if header.lower_address() != expected.lower_address {
        return broken("lower address", format!("{:#x}", header.lower_address()), format!("{:#x}", expected.lower_address));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use silico_spec::tlp::Attributes;
    use silico_spec::units::{Dwords, Tag};

    const CARD: Bdf = Bdf::from_bits(0x100);
    const READ: Expected = Expected { completer: CARD, data: true, byte_count: 8, lower_address: 0x18, dwords: 2 };

    fn good() -> Header {
        Header::completion(true, CARD, CompletionStatus::Success, 8, Bdf::from_bits(0), Tag(1), 0x18, Dwords(2))
    }

    fn status(data: bool, status: CompletionStatus) -> Header {
        Header::completion(data, CARD, status, 8, Bdf::from_bits(0), Tag(1), 0x18, Dwords(2))
    }

    #[test]
    fn the_right_ones_pass() {
        assert_eq!(judge(&good(), &READ, true), Ok(()));
        assert_eq!(judge(&status(false, CompletionStatus::UnsupportedRequest), &READ, true), Ok(()));
    }

    #[rstest]
    #[case("completer ID", Header::completion(true, Bdf::from_bits(0x200), CompletionStatus::Success, 8, CARD, Tag(1), 0x18, Dwords(2)))]
    #[case("byte count", Header::completion(true, CARD, CompletionStatus::Success, 4, CARD, Tag(1), 0x18, Dwords(2)))]
    #[case("lower address", Header::completion(true, CARD, CompletionStatus::Success, 8, CARD, Tag(1), 0x10, Dwords(2)))]
    #[case("length", good().with_length(Dwords(1)))]
    #[case("traffic class", good().with_traffic_class(1))]
    #[case("attributes", good().with_attributes(Attributes { relaxed: true, ..Attributes::default() }))]
    #[case("data false", status(false, CompletionStatus::Success))]
    #[case("data with status", status(true, CompletionStatus::CompleterAbort))]
    fn each_wrong_field_is_named(#[case] what: &str, #[case] header: Header) {
        let (rule, text) = judge(&header, &READ, true).unwrap_err();
        assert_eq!(rule, rule::COMPLETION);
        assert!(text.contains(what), "{text}");
    }
}
