//! Who noticed that something was wrong: asks the host's counters and the card's error registers. Knows no rule: whether a notice is of a planted fault
//! or of another is for people to judge.

use crate::platform::SimPlatform;
use serde::Serialize;
use silico_driver::card::Card;
use silico_driver::platform::ConfigSpace;
use silico_sim::Stats;
use silico_spec::config::capabilities::{aer, extended_id};
use silico_spec::config::walk::{CapabilityId, walk_extended};

/// Somebody noticed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Who: a checker, `driver`, `root complex`, `AER` or `card`.
    pub by: String,
    /// What.
    pub what: String,
}

impl Notice {
    /// By whom, and what.
    pub fn new(by: &str, what: impl Into<String>) -> Self {
        Self { by: by.into(), what: what.into() }
    }
}

/// What the root complex counted from `then` to `now`.
#[must_use]
pub fn host_notices(then: &Stats, now: &Stats) -> Vec<Notice> {
    let messages = |stats: &Stats| stats.error_messages.iter().sum::<u64>();
    let counts = [
        (now.poisoned - then.poisoned, "poisoned writes refused"),
        (now.late_completions - then.late_completions, "completions too late"),
        (messages(now) - messages(then), "error messages received"),
    ];
    let seen = counts.into_iter().filter(|(count, _)| *count > 0);
    seen.map(|(count, what)| Notice::new("root complex", format!("{count} {what}"))).collect()
}

/// Uncorrectable errors by name.
const ERRORS: [(u32, &str); 10] = [
    (aer::uncorrectable::DATA_LINK_PROTOCOL, "data link protocol error"),
    (aer::uncorrectable::POISONED, "poisoned TLP"),
    (aer::uncorrectable::FLOW_CONTROL, "flow control protocol error"),
    (aer::uncorrectable::COMPLETION_TIMEOUT, "completion timeout"),
    (aer::uncorrectable::COMPLETER_ABORT, "completer abort"),
    (aer::uncorrectable::UNEXPECTED_COMPLETION, "unexpected completion"),
    (aer::uncorrectable::RECEIVER_OVERFLOW, "receiver overflow"),
    (aer::uncorrectable::MALFORMED, "malformed TLP"),
    (aer::uncorrectable::UNSUPPORTED, "unsupported request"),
    (aer::uncorrectable::INTERNAL, "internal error"),
];

/// Correctable errors by name, and how uncorrectable ones that somebody else is told of are noted.
const CORRECTABLE: [(u32, &str); 6] = [
    (aer::correctable::RECEIVER, "receiver error"),
    (aer::correctable::BAD_TLP, "bad TLP"),
    (aer::correctable::BAD_DLLP, "bad DLLP"),
    (aer::correctable::REPLAY_ROLLOVER, "replay number rollover"),
    (aer::correctable::REPLAY_TIMEOUT, "replay timeout"),
    (aer::correctable::ADVISORY, "advisory non-fatal error"),
];

/// Upper half of the dword at 4, the status register (PCI 3.0 §6.2.3): what the function met as a requester.
const STATUS: [(u32, &str); 3] =
    [(1 << 24, "poisoned completion received"), (1 << 28, "completer abort received"), (1 << 29, "unsupported request received")];

/// What the card's error registers say: the status register, AER, and the channels in the error state. Nothing, if it does not answer (any more).
#[must_use]
pub fn card_notices(card: &Card<SimPlatform>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut add = |by: &str, value: u32, names: &[(u32, &str)]| {
        notices.extend(names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| Notice::new(by, *name)));
    };
    if let Some([status, uncorrectable, correctable]) = registers(card.platform()) {
        add("status register", status, &STATUS);
        add("AER", uncorrectable, &ERRORS);
        add("AER", correctable, &CORRECTABLE);
    }
    if let Ok(channels) = card.error_summary()
        && channels != 0
    {
        notices.push(Notice::new("card", format!("C2H channels in error: bit mask {channels:#06x}")));
    }
    notices
}

/// Status register, AER's uncorrectable and correctable status.
fn registers(platform: &SimPlatform) -> Option<[u32; 3]> {
    let read = |offset| platform.read_config32(offset).ok().filter(|value| *value != u32::MAX);
    let aer = aer_offset(platform)?;
    Some([read(4)?, read(aer + aer::UNCORRECTABLE_STATUS)?, read(aer + aer::CORRECTABLE_STATUS)?])
}

fn aer_offset(platform: &SimPlatform) -> Option<u16> {
    let capabilities = walk_extended(|offset| platform.read_config32(offset)).ok()?;
    capabilities.iter().find(|one| one.id == CapabilityId::Extended(extended_id::AER)).map(|found| found.offset)
}

/// Enumeration asks for functions that are not there, which the card notes as advisory errors: clears that note, as an operating system does when it
/// has probed a device, so that later ones show. A card that does not answer is left alone.
pub fn clear_probing(platform: &SimPlatform) {
    if let Some(aer) = aer_offset(platform) {
        // Write one to clear. A refusal shows in whatever comes next.
        let _ = platform.write_config32(aer + aer::CORRECTABLE_STATUS, aer::correctable::ADVISORY);
    }
}
