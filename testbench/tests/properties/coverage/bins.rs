//! What the suite itself can tell: operations and the states in which they find channels, how waits end, what wakes a sleeper, what the driver says, which
//! faults struck.

use super::more::More;
use crate::scenario::Op;
use silico::bins;
use silico::coverage::{Bin, Counts, Machines, Record};
use silico_driver::error::DriverError;
use silico_driver::recover::Level;

bins! {
    /// How a wait waits.
    pub(crate) enum Mode {
        Poll => "poll",
        Interrupt => "interrupt",
        Hybrid => "hybrid",
    }
}

bins! {
    /// How it ends.
    pub(crate) enum Ended {
        Ready => "ready",
        Deadline => "deadline",
        Lost => "nothing came through a mask, or a wake-up is lost" elsewhere "driver/tests: a card that loses one; masked vectors give it here",
        Over => "the channel has ended",
        Error => "error",
    }
}

bins! {
    /// Why an interrupt came.
    pub(crate) enum Signal {
        AtOnce => "at once: armed behind the count",
        ByCount => "later, by count",
        ByTimer => "later, by timer",
        VectorMask => "pending behind its vector mask",
        FunctionMask => "pending behind the function mask",
    }
}

bins! {
    /// What the driver says.
    pub(crate) enum Met {
        Gone => "Gone",
        Access => "Access",
        Disabled => "Disabled",
        Running => "Running",
        WouldBlock => "WouldBlock",
        Stale => "Stale",
        Failed => "Failed",
        Fault => "Fault" elsewhere "driver/tests: a card that lies; this one is honest but for a stop without bus mastering",
        Config => "Config, Alloc, NotRunning, ChannelInUse, ChannelsOpen" elsewhere "driver/tests: the suite keeps to the driver's rules",
        Broken => "Identity, MapVersion, Scratch, Capability, State, Run, InterruptStorm" elsewhere "driver/tests: no card of ours is broken so",
    }
}

/// The bin of an error.
pub(crate) fn met(error: &DriverError) -> Met {
    use DriverError as E;
    match error {
        E::Gone { .. } => Met::Gone,
        E::Access { .. } => Met::Access,
        E::Disabled => Met::Disabled,
        E::Running { .. } => Met::Running,
        E::WouldBlock { .. } => Met::WouldBlock,
        E::Stale { .. } => Met::Stale,
        E::Failed { .. } => Met::Failed,
        E::Fault { .. } => Met::Fault,
        E::Config(_) | E::Alloc(_) | E::NotRunning { .. } | E::ChannelInUse { .. } | E::ChannelsOpen { .. } => Met::Config,
        _ => Met::Broken,
    }
}

bins! {
    /// A rung of the driver's recovery ladder that brought the card back: asked for, or chosen for an error.
    pub(crate) enum Rung {
        Stop => "channel stop",
        Reset => "channel reset",
        Card => "card reset",
        Function => "function-level reset",
        Hot => "hot reset",
        Removal => "re-attach after removal",
        StopFor => "channel stop, for a channel that failed",
        ResetFor => "channel reset, for an error" elsewhere "driver/tests/recover.rs: a card that breaks its own rules; this one does not",
        CardFor => "card reset, for a channel without bus mastering",
        FunctionFor => "function-level reset, for registers that do not answer",
        HotFor => "hot reset, for an error" elsewhere "driver/tests/recover.rs: a card whose function-level reset fails",
        RemovalFor => "re-attach, for a card that is gone",
    }
}

impl Rung {
    /// `chosen`: by the driver, for an error.
    pub(crate) fn of(level: Level, chosen: bool) -> Self {
        Self::at(level as usize + if chosen { Level::ALL.len() } else { 0 })
    }
}

bins! {
    /// Faults that struck.
    pub(crate) enum Fault {
        Delay => "delay",
        Overtake => "overtake",
        Starve => "starve",
        Stall => "stall",
        Retrain => "retrain",
        Ur => "ur",
        Ca => "ca",
        Poison => "poison",
        Drop => "drop",
        Timeout => "timeout",
        Spurious => "spurious",
        Malformed => "malformed",
        Truncate => "truncate",
    }
}

const LANE_OPS: [&str; 18] = [
    "Feed",
    "Poll",
    "Hold",
    "GiveBack",
    "Wait",
    "ArmAndSleep",
    "Stop",
    "ArmAndStop",
    "Start",
    "Restart",
    "Reset",
    "Reopen",
    "Mask",
    "Coalesce",
    "BadDoorbell",
    "Misconfigure",
    "Snapshot",
    "Rattle",
];
const SENDER_OPS: [&str; 11] = [
    "Send",
    "Reap",
    "AwaitSent",
    "StopSender",
    "StartSender",
    "RestartSender",
    "ResetSender",
    "MaskSender",
    "BadTail",
    "MisconfigureSender",
    "RattleSender",
];
const CARD_OPS: [&str; 10] = ["Advance", "Enable", "MaskAll", "BusMaster", "Recover", "Sleep", "Ladder", "Mend", "Pull", "Crash"];
const STATES: [&str; 10] = [
    "ring, idle",
    "ring, running",
    "ring, failed",
    "pages, idle",
    "pages, running",
    "pages, failed",
    "sender, idle",
    "sender, running",
    "sender, failed",
    "card",
];
const LANES: usize = LANE_OPS.len() * 6;
const SENDERS: usize = SENDER_OPS.len() * 3;

/// An operation, and the state that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpIn(usize);

impl OpIn {
    /// `state`: index into the states.
    pub(crate) fn of(op: &Op, state: usize) -> Self {
        let text = format!("{op:?}");
        let name = text.split([' ', '(']).next().unwrap_or_default();
        let at = |ops: &[&str]| ops.iter().position(|op| *op == name).unwrap_or_else(|| panic!("{name} has no bin"));
        Self(match state {
            0..6 => at(&LANE_OPS) * 6 + state,
            6..9 => LANES + at(&SENDER_OPS) * 3 + state - 6,
            _ => LANES + SENDERS + at(&CARD_OPS),
        })
    }
}

impl Bin for OpIn {
    const COUNT: usize = LANES + SENDERS + CARD_OPS.len();

    fn at(index: usize) -> Self {
        Self(index)
    }

    fn index(self) -> usize {
        self.0
    }

    fn name(self) -> String {
        let (op, state) = match self.0 {
            at if at < LANES => (LANE_OPS[at / 6], at % 6),
            at if at < LANES + SENDERS => (SENDER_OPS[(at - LANES) / 3], 6 + (at - LANES) % 3),
            at => (CARD_OPS[at - LANES - SENDERS], 9),
        };
        format!("{op} / {}", STATES[state])
    }

    fn elsewhere(self) -> Option<&'static str> {
        let name = self.name();
        let (op, state) = name.split_once(" / ")?;
        let running = matches!(op, "ArmAndSleep" | "ArmAndStop" | "BadDoorbell" | "BadTail") && !state.ends_with("running");
        running.then_some("nowhere: the operation is for channels that run, and does nothing on others")
    }
}

/// Counts of what is seen beside the card.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) machines: Machines,
    pub(crate) ops: Counts<OpIn>,
    pub(crate) waits: Counts<(Mode, Ended)>,
    pub(crate) signals: Counts<Signal>,
    pub(crate) errors: Counts<Met>,
    pub(crate) ladder: Counts<Rung>,
    pub(crate) more: More,
    faults: Counts<Fault>,
}

impl Notes {
    /// A fault struck, by this rule.
    pub(crate) fn planted(&mut self, rule: &str) {
        let word = super::word(rule);
        if let Some(fault) = (0..Fault::COUNT).map(Fault::at).find(|fault| fault.name() == word) {
            self.faults.hit(fault);
        }
    }

    /// The counts as groups of a record.
    pub(crate) fn record(&self) -> Record {
        let mut record = self.machines.record();
        for (name, group) in [
            ("suite: operations", self.ops.group()),
            ("suite: waits", self.waits.group()),
            ("suite: interrupts", self.signals.group()),
            ("suite: driver errors", self.errors.group()),
            ("suite: faults", self.faults.group()),
            ("suite: recovery ladder", self.ladder.group()),
        ] {
            record.groups.insert(name.into(), group);
        }
        record.groups.extend(self.more.groups().map(|(name, group)| (name.to_string(), group)));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_in_each_state_has_its_own_bin() {
        for index in 0..OpIn::COUNT {
            let (name, state) =
                OpIn::at(index).name().split_once(" / ").map(|(name, state)| (name.to_string(), state.to_string())).unwrap();
            assert!(STATES.contains(&state.as_str()), "{name}");
        }
        assert_eq!(OpIn::of(&Op::Restart(3), 4).name(), "Restart / pages, running");
        assert_eq!(OpIn::of(&Op::Reap(3), 8).name(), "Reap / sender, failed");
        assert_eq!(OpIn::of(&Op::Advance(3), 9).name(), "Advance / card");
    }

    #[test]
    fn a_fault_is_counted_by_its_word() {
        let mut notes = Notes::default();
        ["down.cpl.truncate(1)@3", "down.cpl.ur@3", "up.mwr.delay(5)@1"].iter().for_each(|rule| notes.planted(rule));
        for (fault, times) in [(Fault::Truncate, 1), (Fault::Ur, 1), (Fault::Delay, 1), (Fault::Drop, 0)] {
            assert_eq!(notes.faults.of(fault), times, "{fault:?}");
        }
    }
}
