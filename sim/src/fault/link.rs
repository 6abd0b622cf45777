//! Faults of the link below TLPs, as typed: `[up.|down.]link.WHAT[@N|%P]`. The data link layer plants them itself, see [`DllConfig`]; here are their words, and
//! where they go in a configuration.
//!
//! | what | strikes | trigger |
//! |---|---|---|
//! | `lcrc` | a TLP arrives with a wrong LCRC | `@N`, `@N..M`, `%P`: transmissions, replays included |
//! | `lost` | a TLP does not arrive as one (framing error) | the same |
//! | `ack` | an Ack or Nak of TLPs of that direction's other end arrives damaged | the same, of DLLPs |
//! | `update-fc` | an UpdateFC arrives damaged | the same, of DLLPs |
//! | `flap(SPAN)` | the link is down for SPAN cycles | `@CYCLE` |
//!
//! The direction is that in which the damaged thing travels: `up.` card to host, which is also meant if it is left out, `down.` host to card.

use super::text::{RuleError, number, wrong};
use super::{Harm, MAX_SPAN};
use crate::link::dll::config::{DllConfig, Occurrence};
use crate::stats::Stats;
use crate::trace::Way;
use silico_spec::units::{Cycle, Cycles};
use std::fmt;
use std::str::FromStr;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkWhat {
    /// A TLP arrives with a wrong LCRC.
    Lcrc(Occurrence),
    /// A TLP does not arrive as one.
    Lost(Occurrence),
    /// An Ack or Nak arrives damaged.
    Ack(Occurrence),
    /// An UpdateFC arrives damaged.
    UpdateFc(Occurrence),
    /// The link is down for so long from then on, with all that is in flight.
    Flap(Cycle, Cycles),
}

/// A fault of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRule {
    /// Which way the damaged thing travels; a flap goes both ways, and is [`Way::ToHost`] here.
    pub way: Way,
    /// What goes wrong.
    pub what: LinkWhat,
}

const WHATS: &str = "lcrc, lost, ack, update-fc or flap(SPAN)";
const TRIGGER: &str = "@N, @N..M (from the Nth to the Mth) or %P, with P from 0.000001 to 1";
const AT: &str = "flap(SPAN)@CYCLE, SPAN from 1 to 1000000000, up. and down. left out";

impl LinkRule {
    /// See [`Harm`].
    #[must_use]
    pub const fn harm(&self) -> Harm {
        if matches!(self.what, LinkWhat::Flap(..)) { Harm::Recoverable } else { Harm::Benign }
    }

    /// Puts it into a configuration. A flap is for [`Machine::flap_at`](crate::Machine::flap_at). Returns whether there was none of its kind and direction there
    /// before; if there was, nothing changes.
    pub fn plant(&self, dll: &mut DllConfig) -> bool {
        let errors = if self.way == Way::ToHost { &mut dll.to_host } else { &mut dll.to_card };
        let (field, occurrence) = match self.what {
            LinkWhat::Lcrc(occurrence) => (&mut errors.lcrc, occurrence),
            LinkWhat::Lost(occurrence) => (&mut errors.lost, occurrence),
            LinkWhat::Ack(occurrence) => (&mut errors.ack, occurrence),
            LinkWhat::UpdateFc(occurrence) => (&mut errors.update_fc, occurrence),
            LinkWhat::Flap(..) => return true,
        };
        let is_free = *field == Occurrence::Never;
        if is_free {
            *field = occurrence;
        }
        is_free
    }

    /// How often it has struck, as the machine counted, if that is the only cause of such errors.
    #[must_use]
    pub const fn struck(&self, stats: &Stats, now: Cycle) -> u64 {
        // Acks answer TLPs of the other direction, with which they are counted.
        let (with, against, updates) = match self.way {
            Way::ToHost => (&stats.dll_to_host, &stats.dll_to_card, stats.damaged_updates[0]),
            Way::ToCard => (&stats.dll_to_card, &stats.dll_to_host, stats.damaged_updates[1]),
        };
        match self.what {
            LinkWhat::Lcrc(_) => with.lcrc_errors,
            LinkWhat::Lost(_) => with.lost_tlps,
            LinkWhat::Ack(_) => against.damaged_acks,
            LinkWhat::UpdateFc(_) => updates,
            LinkWhat::Flap(at, _) => (at.0 <= now.0) as u64,
        }
    }

    /// Whether it names the Nth of something, which must happen, or be told.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        match self.what {
            LinkWhat::Flap(..) => true,
            LinkWhat::Lcrc(one) | LinkWhat::Lost(one) | LinkWhat::Ack(one) | LinkWhat::UpdateFc(one) => {
                !matches!(one, Occurrence::PerMillion(_))
            }
        }
    }
}

/// The part of a rule's text behind `link.` and the direction.
fn what_of(text: &str) -> Result<LinkWhat, RuleError> {
    let at = text.find(['@', '%']).unwrap_or(text.len());
    let (word, trigger) = text.split_at(at);
    if let Some(span) = word.strip_prefix("flap(") {
        let span = span.strip_suffix(')').and_then(number).filter(|span| (1..=MAX_SPAN).contains(span));
        let cycle = trigger.strip_prefix('@').and_then(number);
        return span.zip(cycle).map_or_else(|| wrong("flap", text, AT), |(span, cycle)| Ok(LinkWhat::Flap(Cycle(cycle), Cycles(span))));
    }
    let make = match word {
        "lcrc" => LinkWhat::Lcrc,
        "lost" => LinkWhat::Lost,
        "ack" => LinkWhat::Ack,
        "update-fc" => LinkWhat::UpdateFc,
        _ => return wrong("what", word, WHATS),
    };
    occurrence(trigger).map_or_else(|| wrong("trigger", trigger, TRIGGER), |occurrence| Ok(make(occurrence)))
}

fn occurrence(trigger: &str) -> Option<Occurrence> {
    if let Some(chance) = trigger.strip_prefix('%') {
        let plain = chance.bytes().all(|b| b.is_ascii_digit() || b".e-".contains(&b));
        let rate = chance.parse::<f64>().ok().filter(|_| plain)? * 1e6;
        return (rate.round() >= 1.0 && rate <= 1e6).then(|| Occurrence::PerMillion(rate.round() as u32));
    }
    let count = trigger.strip_prefix('@')?;
    let (first, last) = match count.split_once("..") {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(count)?, number(count)?),
    };
    (first >= 1 && first <= last).then(|| Occurrence::Span { first, count: (last - first).saturating_add(1) })
}

impl FromStr for LinkRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (way, rest) = match text.strip_prefix("down.") {
            Some(rest) => (Way::ToCard, rest),
            None => (Way::ToHost, text.strip_prefix("up.").unwrap_or(text)),
        };
        let Some(what) = rest.strip_prefix("link.") else { return wrong("fault", text, "[up.|down.]link.WHAT") };
        let what = what_of(what)?;
        if matches!(what, LinkWhat::Flap(..)) && rest.len() < text.len() {
            return wrong("flap", text, AT);
        }
        Ok(Self { way, what })
    }
}

impl fmt::Display for LinkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.way == Way::ToCard {
            f.write_str("down.")?;
        }
        let (word, occurrence) = match self.what {
            LinkWhat::Lcrc(occurrence) => ("lcrc", occurrence),
            LinkWhat::Lost(occurrence) => ("lost", occurrence),
            LinkWhat::Ack(occurrence) => ("ack", occurrence),
            LinkWhat::UpdateFc(occurrence) => ("update-fc", occurrence),
            LinkWhat::Flap(at, span) => return write!(f, "link.flap({})@{}", span.0, at.0),
        };
        write!(f, "link.{word}")?;
        match occurrence {
            Occurrence::Never => Ok(()),
            Occurrence::Span { first, count: 1 } => write!(f, "@{first}"),
            Occurrence::Span { first, count } => write!(f, "@{first}..{}", first.saturating_add(count.saturating_sub(1))),
            Occurrence::PerMillion(rate) => write!(f, "%{}", f64::from(rate) / 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("link.lcrc@3", "link.lcrc@3")]
    #[case("up.link.lost@3..5", "link.lost@3..5")]
    #[case("down.link.ack%0.001", "down.link.ack%0.001")]
    #[case("link.update-fc@1..0xffffffffffffffff", "link.update-fc@1..18446744073709551615")]
    #[case("link.flap(500)@20000", "link.flap(500)@20000")]
    fn what_is_typed_has_one_form(#[case] typed: &str, #[case] printed: &str) {
        let rule: LinkRule = typed.parse().unwrap();
        assert_eq!(rule.to_string(), printed);
        assert_eq!(printed.parse(), Ok(rule));
    }

    #[rstest]
    #[case("link.burn@1", "what is burn; it must be lcrc, lost, ack")]
    #[case("link.lcrc", "trigger is ''; it must be @N")]
    #[case("link.lcrc@0", "trigger is @0")]
    #[case("link.lcrc@5..3", "trigger is @5..3")]
    #[case("link.lcrc%0", "trigger is %0")]
    #[case("link.lcrc%1e-9", "trigger is %1e-9")]
    #[case("link.lcrc%nan", "trigger is %nan")]
    #[case("link.flap@7", "what is flap")]
    #[case("link.flap(0)@7", "flap is flap(0)@7; it must be flap(SPAN)@CYCLE")]
    #[case("link.flap(9)%0.1", "flap is flap(9)%0.1")]
    #[case("down.link.flap(9)@7", "flap is down.link.flap(9)@7")]
    fn nonsense_says_what_would_be_right(#[case] typed: &str, #[case] said: &str) {
        let error = typed.parse::<LinkRule>().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn each_word_reaches_its_field_once() {
        let mut dll = DllConfig::default();
        for text in ["link.lcrc@1", "link.lost@2", "link.ack@3", "link.update-fc@4", "down.link.lcrc@5", "down.link.ack%0.5"] {
            let rule: LinkRule = text.parse().unwrap();
            assert!(rule.plant(&mut dll) && !rule.plant(&mut dll), "{text}");
        }
        let (up, down) = (dll.to_host, dll.to_card);
        assert_eq!([up.lcrc, up.lost, up.ack, up.update_fc], [1, 2, 3, 4].map(Occurrence::nth));
        assert_eq!(
            [down.lcrc, down.lost, down.ack, down.update_fc],
            [Occurrence::nth(5), Occurrence::Never, Occurrence::PerMillion(500_000), Occurrence::Never]
        );
    }
}
