//! A fault as typed: of what passes the card's port, or of the link below.

use super::{LinkRule, Rule, RuleError};
use std::fmt;
use std::str::FromStr;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Of TLPs at the port.
    Tlp(Rule),
    /// Of the link.
    Link(LinkRule),
}

impl FromStr for Fault {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let kind = text.strip_prefix("up.").or(text.strip_prefix("down.")).unwrap_or(text);
        if kind.starts_with("link.") { text.parse().map(Self::Link) } else { text.parse().map(Self::Tlp) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tlp(rule) => rule.fmt(f),
            Self::Link(rule) => rule.fmt(f),
        }
    }
}
