//! The words for a fault rule, as typed, kept in scenario files and printed: `[up.|down.]KIND.WHAT[TRIGGER][/FILTER=VALUE]...`
//!
//! | part | words |
//! |---|---|
//! | direction | `up.` card to host, `down.` host to card; left out: the usual one of the kind |
//! | kind | `any` `mwr` `payload` `wb` `entry` `irq` `mrd` `cpl` `cfg` `msg` `frame` |
//! | what | `drop` `delay(N)` `overtake(N)` `reorder(N)` `corrupt(FIELD^MASK)` `poison` `dup` `truncate(DWORDS)` `ur` `ca` `crs` `timeout` `spurious` `malformed` `starve(N)` `stall(N)` `retrain(N)` `flap(N)` `repeat` |
//! | field | `data[BYTE]` `bit[N]` `tag` `requester` `completer` `length` `address` `attr` `tc` `be` `byte-count` `status` `lower-address` |
//! | trigger | none: each; `@N` the Nth; `@N+STEP` the Nth and each STEPth after it; `%P` with probability P |
//! | filters | `ch=N` `c2h=N` `h2c=N` `addr=FROM..TO` `req=BB:DD.F` `cycles=FROM..TO` `times=K` |
//!
//! Faults of the link below TLPs have words of their own, `[up.|down.]link.WHAT`: see [`super::link`].
//!
//! Short forms: `flip-byte@N`, `drop-interrupt@N`, `repeat-frame@N`. What is printed is always the long form.

use super::rule::{ChannelSel, Field, Rule, Select, TlpKind, Trigger, What, When};
use crate::trace::Way;
use silico_spec::tlp::CompletionStatus;
use silico_spec::units::Bdf;
use std::fmt;
use std::str::FromStr;

/// A rule that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} is {}; it must be {right}", if .found.is_empty() { "''" } else { .found })]
pub struct RuleError {
    /// The part of the rule.
    pub part: &'static str,
    /// What it is.
    pub found: String,
    /// What would be right.
    pub right: &'static str,
}

const FORM: &str =
    "KIND.WHAT[@N], as in cpl.ur@3, mwr.drop%0.01 or irq.delay(500)@2 (short forms: flip-byte@N, drop-interrupt@N, repeat-frame@N)";
const KINDS: &str = "any, mwr, payload, wb, entry, irq, mrd, cpl, cfg, msg or frame";
const WHATS: &str = "drop, delay(N), overtake(N), reorder(N), corrupt(FIELD^MASK), poison, dup, truncate(N), ur, ca, crs, timeout, spurious, \
     malformed, starve(N), stall(N), retrain(N), flap(N) or repeat";
const FIELDS: &str =
    "data[N], bit[N], tag, requester, completer, length, address, attr, tc, be, byte-count, status or lower-address, with ^MASK or without";
const FILTERS: &str = "/ch=N, /c2h=N, /h2c=N, /addr=FROM..TO, /req=BB:DD.F, /cycles=FROM..TO or /times=K, each once";
const TRIGGER: &str = "@N, @N+STEP or %P";
const COUNT: &str = "a number of cycles in parentheses, as in delay(500)";

const SHORT: [(&str, TlpKind, What); 3] = [
    ("flip-byte", TlpKind::Payload, What::Corrupt(Field::Data(0), 0xff)),
    ("drop-interrupt", TlpKind::Interrupt, What::Drop),
    ("repeat-frame", TlpKind::Frame, What::Repeat),
];

pub(super) fn wrong<T>(part: &'static str, found: impl Into<String>, right: &'static str) -> Result<T, RuleError> {
    Err(RuleError { part, found: found.into(), right })
}

/// Decimal or 0x.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = |text: &str, radix| {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| u64::from_str_radix(text, radix).ok())?
    };
    text.strip_prefix("0x").map_or_else(|| digits(text, 10), |hex| digits(hex, 16))
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut filters = text.split('/');
        let head = filters.next().unwrap_or_default();
        // A probability has a dot and a mask may have none of these, so the trigger goes first.
        let at = head.rfind(')').map_or(0, |close| close + 1);
        let at = head[at..].find(['@', '%']).map_or(head.len(), |found| at + found);
        let (subject, trigger) = head.split_at(at);
        let mut rule = subject_of(subject)?;
        rule.when.trigger = trigger_of(trigger)?;
        let mut seen = Vec::new();
        for filter in filters {
            let Some((key, value)) = filter.split_once('=').filter(|(key, _)| !seen.contains(key)) else {
                return wrong("filter", filter, FILTERS);
            };
            seen.push(key);
            set_filter(&mut rule, key, value)?;
        }
        rule.check().map_err(|(part, found, right)| RuleError { part, found, right })?;
        Ok(rule)
    }
}

fn subject_of(text: &str) -> Result<Rule, RuleError> {
    if let Some((_, kind, what)) = SHORT.iter().find(|(name, ..)| *name == text) {
        return Ok(Rule::new(*kind, *what, When::ALWAYS));
    }
    let (way, rest) = match (text.strip_prefix("up."), text.strip_prefix("down.")) {
        (Some(rest), _) => (Some(Way::ToHost), rest),
        (_, Some(rest)) => (Some(Way::ToCard), rest),
        _ => (None, text),
    };
    let Some((kind, what)) = rest.split_once('.') else { return wrong("fault", text, FORM) };
    let Some((kind, ..)) = TlpKind::ALL.iter().find(|row| row.1 == kind) else { return wrong("kind", kind, KINDS) };
    let mut rule = Rule::new(*kind, what_of(what)?, When::ALWAYS);
    rule.select.way = way.unwrap_or(rule.select.way);
    Ok(rule)
}

fn what_of(text: &str) -> Result<What, RuleError> {
    let (word, argument) = match text.split_once('(') {
        Some((word, rest)) => match rest.strip_suffix(')') {
            Some(argument) => (word, Some(argument)),
            None => return wrong("what", text, WHATS),
        },
        None => (text, None),
    };
    let span = || argument.and_then(number).map_or_else(|| wrong("cycles", text, COUNT), Ok);
    let plain = match word {
        "drop" => What::Drop,
        "poison" => What::Poison,
        "dup" => What::Duplicate,
        "ur" => What::Answer(CompletionStatus::UnsupportedRequest),
        "ca" => What::Answer(CompletionStatus::CompleterAbort),
        "crs" => What::Answer(CompletionStatus::ConfigRetry),
        "timeout" => What::Timeout,
        "spurious" => What::Spurious,
        "malformed" => What::Malformed,
        "repeat" => What::Repeat,
        "delay" => return span().map(What::Delay),
        "overtake" => return span().map(What::Overtake),
        "reorder" => return span().map(What::Reorder),
        "starve" => return span().map(What::Starve),
        "stall" => return span().map(What::Stall),
        "retrain" => return span().map(What::Retrain),
        "flap" => return span().map(What::Flap),
        "truncate" => {
            let dwords = argument.and_then(number).and_then(|n| u16::try_from(n).ok());
            return dwords
                .map_or_else(|| wrong("dwords", text, "a number of dwords in parentheses, as in truncate(1)"), |n| Ok(What::Truncate(n)));
        }
        "corrupt" => return field_of(argument.unwrap_or_default()),
        _ => return wrong("what", text, WHATS),
    };
    if argument.is_some() { wrong("what", text, WHATS) } else { Ok(plain) }
}

fn field_of(text: &str) -> Result<What, RuleError> {
    let (name, mask) = text.split_once('^').map_or((text, None), |(name, mask)| (name, Some(mask)));
    let index = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(']').and_then(number);
    let field = if let Some(byte) = index("data[") {
        u16::try_from(byte).ok().map(Field::Data)
    } else if let Some(bit) = index("bit[") {
        u8::try_from(bit).ok().map(Field::Bit)
    } else {
        Field::NAMED.iter().find(|row| row.1 == name).map(|row| row.0)
    };
    let Some(field) = field else { return wrong("field", text, FIELDS) };
    let mask = mask.map_or(Some(field.usual_mask()), |mask| number(mask).and_then(|mask| u32::try_from(mask).ok()));
    mask.map_or_else(|| wrong("mask", text, "^MASK, not zero, and no wider than the field"), |mask| Ok(What::Corrupt(field, mask)))
}

fn trigger_of(text: &str) -> Result<Trigger, RuleError> {
    if text.is_empty() {
        return Ok(Trigger::Always);
    }
    if let Some(chance) = text.strip_prefix('%') {
        let plain = chance.bytes().all(|b| b.is_ascii_digit() || b".e-".contains(&b));
        return match chance.parse() {
            Ok(p) if plain => Ok(Trigger::Chance(p)),
            _ => wrong("trigger", text, TRIGGER),
        };
    }
    let count = text.strip_prefix('@').unwrap_or_default();
    let found = match count.split_once('+') {
        Some((first, step)) => number(first).zip(number(step)).map(|(first, step)| Trigger::Every { first, step }),
        None => number(count).map(Trigger::Nth),
    };
    found.map_or_else(|| wrong("trigger", text, TRIGGER), Ok)
}

fn set_filter(rule: &mut Rule, key: &str, value: &str) -> Result<(), RuleError> {
    let channel = || number(value).and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 16);
    let range = || value.split_once("..").and_then(|(from, to)| number(from).zip(number(to)));
    let done = match key {
        "ch" | "c2h" | "h2c" if rule.select.channel.is_none() => {
            let make = match key {
                "ch" => ChannelSel::Any,
                "c2h" => ChannelSel::C2h,
                _ => ChannelSel::H2c,
            };
            rule.select.channel = channel().map(make);
            rule.select.channel.is_some()
        }
        "addr" => {
            rule.select.addresses = range();
            rule.select.addresses.is_some()
        }
        "req" => {
            rule.select.requester = bdf(value);
            rule.select.requester.is_some()
        }
        "cycles" => {
            rule.when.cycles = range();
            rule.when.cycles.is_some()
        }
        "times" => {
            rule.when.times = number(value);
            rule.when.times.is_some()
        }
        _ => false,
    };
    if done { Ok(()) } else { wrong("filter", format!("{key}={value}"), FILTERS) }
}

fn bdf(text: &str) -> Option<Bdf> {
    let (bus, rest) = text.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let hex = |text: &str, width: usize| (text.len() == width).then(|| u8::from_str_radix(text, 16).ok())?;
    Bdf::new(hex(bus, 2)?, hex(device, 2)?, hex(function, 1)?)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Select { way, kind, channel, addresses, requester } = self.select;
        if way != kind.usual_way() {
            f.write_str(if way == Way::ToHost { "up." } else { "down." })?;
        }
        write!(f, "{}.{}", kind.word(), self.what)?;
        match self.when.trigger {
            Trigger::Always => {}
            Trigger::Nth(nth) => write!(f, "@{nth}")?,
            Trigger::Every { first, step } => write!(f, "@{first}+{step}")?,
            Trigger::Chance(p) => write!(f, "%{p}")?,
        }
        match channel {
            None => {}
            Some(ChannelSel::Any(n)) => write!(f, "/ch={n}")?,
            Some(ChannelSel::C2h(n)) => write!(f, "/c2h={n}")?,
            Some(ChannelSel::H2c(n)) => write!(f, "/h2c={n}")?,
        }
        if let Some((from, to)) = addresses {
            write!(f, "/addr={from:#x}..{to:#x}")?;
        }
        if let Some(requester) = requester {
            write!(f, "/req={requester}")?;
        }
        if let Some((from, to)) = self.when.cycles {
            write!(f, "/cycles={from}..{to}")?;
        }
        self.when.times.map_or(Ok(()), |times| write!(f, "/times={times}"))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("drop"),
            Self::Delay(n) => write!(f, "delay({n})"),
            Self::Overtake(n) => write!(f, "overtake({n})"),
            Self::Reorder(n) => write!(f, "reorder({n})"),
            Self::Corrupt(Field::Data(byte), mask) => write!(f, "corrupt(data[{byte}]^{mask:#x})"),
            Self::Corrupt(Field::Bit(bit), mask) => write!(f, "corrupt(bit[{bit}]^{mask:#x})"),
            Self::Corrupt(field, mask) => {
                let name = Field::NAMED.iter().find(|row| row.0 == *field).map_or("?", |row| row.1);
                write!(f, "corrupt({name}^{mask:#x})")
            }
            Self::Poison => f.write_str("poison"),
            Self::Duplicate => f.write_str("dup"),
            Self::Truncate(n) => write!(f, "truncate({n})"),
            Self::Answer(CompletionStatus::CompleterAbort) => f.write_str("ca"),
            Self::Answer(CompletionStatus::ConfigRetry) => f.write_str("crs"),
            Self::Answer(_) => f.write_str("ur"),
            Self::Timeout => f.write_str("timeout"),
            Self::Spurious => f.write_str("spurious"),
            Self::Malformed => f.write_str("malformed"),
            Self::Starve(n) => write!(f, "starve({n})"),
            Self::Stall(n) => write!(f, "stall({n})"),
            Self::Retrain(n) => write!(f, "retrain({n})"),
            Self::Flap(n) => write!(f, "flap({n})"),
            Self::Repeat => f.write_str("repeat"),
        }
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("cpl.ur@3", "cpl.ur@3")]
    #[case("mwr.drop%0.01", "mwr.drop%0.01")]
    #[case("irq.delay(500)@2", "irq.delay(500)@2")]
    #[case("mrd.timeout@1/ch=0", "mrd.timeout@1/ch=0")]
    #[case("down.cpl.corrupt(tag)", "cpl.corrupt(tag^0x1)")]
    #[case("payload.corrupt(data[3]^0x80)@5+7/c2h=1/times=2", "payload.corrupt(data[3]^0x80)@5+7/c2h=1/times=2")]
    #[case("down.mwr.reorder(0x10)/addr=0x1000..0x2000/cycles=5..900", "down.mwr.reorder(16)/addr=0x1000..0x2000/cycles=5..900")]
    #[case("any.flap(100)/req=01:00.0", "any.flap(100)/req=01:00.0")]
    #[case("flip-byte@3", "payload.corrupt(data[0]^0xff)@3")]
    #[case("drop-interrupt@20", "irq.drop@20")]
    #[case("repeat-frame@3", "frame.repeat@3")]
    fn what_is_typed_has_one_long_form(#[case] typed: &str, #[case] printed: &str) {
        let rule: Rule = typed.parse().unwrap();
        assert_eq!(rule.to_string(), printed);
        assert_eq!(printed.parse(), Ok(rule));
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule, "{json}");
    }

    #[rstest]
    #[case("flood@1", "fault is flood; it must be KIND.WHAT")]
    #[case("", "short forms: flip-byte@N")]
    #[case("tlp.drop", "kind is tlp; it must be any, mwr")]
    #[case("mwr.burn", "what is burn; it must be drop")]
    #[case("mwr.drop(3)", "what is drop(3)")]
    #[case("mwr.delay", "cycles is delay; it must be a number of cycles")]
    #[case("mwr.delay(0)", "cycles is 0; it must be 1 to 1000000000")]
    #[case("mwr.delay(5", "what is delay(5")]
    #[case("mwr.drop@0", "trigger is @0")]
    #[case("mwr.drop@+3", "trigger is @+3")]
    #[case("mwr.drop%2", "trigger is %2; it must be %P")]
    #[case("mwr.drop%NaN", "trigger is %NaN")]
    #[case("mwr.drop@1@2", "trigger is @1@2")]
    #[case("mwr.ur", "kind is mwr; it must be mrd, cfg or cpl")]
    #[case("mwr.corrupt(byte-count)", "field is one that memory writes do not have")]
    #[case("mwr.corrupt(colour)", "field is colour")]
    #[case("mwr.corrupt(tag^0x10000)", "mask is 0x10000")]
    #[case("mwr.corrupt(tag^0)", "mask is 0x0")]
    #[case("mwr.corrupt(bit[128])", "bit is 128")]
    #[case("mrd.poison", "kind is mrd; it must be one with payload")]
    #[case("down.irq.drop", "direction is irq")]
    #[case("frame.drop@1", "kind is frame")]
    #[case("frame.repeat", "repeat is conditions; it must be @N alone")]
    #[case("mwr.drop/ch=16", "filter is ch=16")]
    #[case("mwr.drop/ch=1/c2h=1", "filter is c2h=1")]
    #[case("mwr.drop/times=1/times=2", "filter is times=2")]
    #[case("mwr.drop/colour=red", "filter is colour=red; it must be /ch=N")]
    #[case("mwr.drop/addr=5..5", "addr is 0x5..0x5")]
    #[case("cpl.drop/addr=5..9", "addr is 0x5..0x9")]
    #[case("mwr.drop/cycles=9..5", "cycles is 9..5")]
    #[case("mwr.drop/times=0", "times is 0")]
    #[case("mwr.drop/req=1:0.0", "filter is req=1:0.0")]
    fn nonsense_says_what_would_be_right(#[case] typed: &str, #[case] said: &str) {
        let error = typed.parse::<Rule>().unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("it must be"), "{error}");
    }

    fn whats() -> impl Strategy<Value = What> {
        let field = prop_oneof![
            (0u16..4096).prop_map(Field::Data),
            (0u8..128).prop_map(Field::Bit),
            (0..Field::NAMED.len()).prop_map(|index| Field::NAMED[index].0)
        ];
        let span = 1u64..=1_000_000;
        prop_oneof![
            Just(What::Drop),
            Just(What::Poison),
            Just(What::Duplicate),
            Just(What::Timeout),
            Just(What::Spurious),
            Just(What::Malformed),
            Just(What::Repeat),
            [1u8, 2, 4].prop_map_status(),
            (0u16..1024).prop_map(What::Truncate),
            (field, any::<u32>()).prop_map(|(field, mask)| What::Corrupt(field, mask)),
            (0..7, span).prop_map(|(which, n)| {
                [What::Delay, What::Overtake, What::Reorder, What::Starve, What::Stall, What::Retrain, What::Flap][which as usize](n)
            }),
        ]
    }

    trait Statuses {
        fn prop_map_status(self) -> BoxedStrategy<What>;
    }

    impl Statuses for [u8; 3] {
        fn prop_map_status(self) -> BoxedStrategy<What> {
            (0..3usize).prop_map(move |index| What::Answer(CompletionStatus::from_bits(self[index]))).boxed()
        }
    }

    fn rules() -> impl Strategy<Value = Rule> {
        let trigger = prop_oneof![
            Just(Trigger::Always),
            any::<u64>().prop_map(Trigger::Nth),
            any::<(u64, u64)>().prop_map(|(first, step)| Trigger::Every { first, step }),
            (0.0f64..1.5).prop_map(Trigger::Chance),
        ];
        let channel =
            prop_oneof![(0u8..16).prop_map(ChannelSel::Any), (0u8..16).prop_map(ChannelSel::C2h), (0u8..16).prop_map(ChannelSel::H2c)];
        let select =
            (any::<bool>(), 0..TlpKind::ALL.len(), proptest::option::of(channel), any::<Option<(u64, u64)>>(), any::<Option<u16>>());
        (select, whats(), trigger, any::<Option<(u64, u64)>>(), any::<Option<u64>>()).prop_map(|(select, what, trigger, cycles, times)| {
            let (up, kind, channel, addresses, requester) = select;
            let way = if up { Way::ToHost } else { Way::ToCard };
            let select = Select { way, kind: TlpKind::ALL[kind].0, channel, addresses, requester: requester.map(Bdf::from_bits) };
            Rule { select, what, when: When { trigger, cycles, times } }
        })
    }

    proptest! {
        #[test]
        fn each_sound_rule_round_trips_and_no_other_is_read(rule in rules()) {
            let text = rule.to_string();
            match rule.check() {
                Ok(()) => prop_assert_eq!(text.parse::<Rule>(), Ok(rule), "{}", text),
                Err((part, ..)) => prop_assert!(text.parse::<Rule>().is_err(), "{} has a bad {}", text, part),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z.@%/=()\\[\\]^0-9+-]{0,40}") {
            if let Ok(rule) = text.parse::<Rule>() {
                prop_assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
            }
        }
    }
}
