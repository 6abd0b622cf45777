//! The abstract machine: what state each channel, the links and the switches are in, as far as it decides what may happen next. Operations are drawn from
//! the state, and shrinking keeps to its preconditions. What comes out of an operation is the oracles' affair.

use crate::scenario::{LaneShape, Level, MachineShape, Op, Scenario, Seen, SenderShape};
use crate::strategies::{Flavour, lane, machine, op, sender};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use std::sync::atomic::Ordering::SeqCst;

/// What a channel is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Activity {
    Idle,
    #[default]
    Running,
    /// It was given a reason to stop by itself.
    Spoiled,
}

/// The abstract state of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Abstract {
    pub(crate) activity: Activity,
    pub(crate) masked: bool,
}

/// The state of all that decides what may come next.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) machine: MachineShape,
    pub(crate) lane_shapes: Vec<LaneShape>,
    pub(crate) sender_shapes: Vec<SenderShape>,
    pub(crate) lanes: Vec<Abstract>,
    pub(crate) senders: Vec<Abstract>,
    pub(crate) enabled: bool,
    pub(crate) bus_master: bool,
    pub(crate) all_masked: bool,
    /// Resets above the channel so far: each costs a bring-up.
    pub(crate) recoveries: u8,
}

/// Most resets above the channel in a case.
const RECOVERIES: u8 = 4;

impl State {
    pub(crate) fn new(machine: MachineShape, lane_shapes: Vec<LaneShape>, sender_shapes: Vec<SenderShape>) -> Self {
        let (lanes, senders) = (vec![Abstract::default(); lane_shapes.len()], vec![Abstract::default(); sender_shapes.len()]);
        Self { machine, lane_shapes, sender_shapes, lanes, senders, enabled: true, bus_master: true, all_masked: false, recoveries: 0 }
    }

    fn lane(&self, index: u8) -> &Abstract {
        &self.lanes[usize::from(index) % self.lanes.len()]
    }

    fn sender(&self, index: u8) -> &Abstract {
        &self.senders[usize::from(index) % self.senders.len()]
    }

    fn lane_mut(&mut self, index: u8) -> &mut Abstract {
        let lanes = self.lanes.len();
        &mut self.lanes[usize::from(index) % lanes]
    }

    fn sender_mut(&mut self, index: u8) -> &mut Abstract {
        let senders = self.senders.len();
        &mut self.senders[usize::from(index) % senders]
    }

    fn is_looped(&self, index: u8) -> bool {
        let last = usize::from(index) % self.lanes.len() + 1 == self.lanes.len();
        last && self.sender_shapes.iter().any(|sender| sender.to == crate::scenario::SendTo::Loop)
    }

    fn is_generated(&self, index: u8) -> bool {
        self.lane_shapes[usize::from(index) % self.lanes.len()].generator.is_some()
    }

    /// Whether `op` makes sense in this state.
    pub(crate) fn permits(&self, op: &Op) -> bool {
        use Activity::{Running, Spoiled};
        if op.is_of_sender() && self.senders.is_empty() {
            return false;
        }
        match op {
            Op::Feed { lane, .. } => !self.is_looped(*lane) && !self.is_generated(*lane),
            Op::ArmAndSleep { lane, .. } => self.lane(*lane).activity == Running && self.enabled && self.bus_master,
            Op::ArmAndStop { lane, .. } => self.lane(*lane).activity == Running && self.bus_master && !self.is_looped(*lane),
            Op::BadDoorbell { lane, .. } => self.lane(*lane).activity == Running && self.enabled && self.bus_master,
            Op::Mask { lane, on } => self.lane(*lane).masked != *on,
            Op::Enable(on) => self.enabled != *on,
            Op::BusMaster(on) => self.bus_master != *on,
            Op::MaskAll(on) => self.all_masked != *on,
            Op::Restart(_) | Op::RestartSender(_) => self.enabled,
            Op::MisconfigureSender { .. } => self.enabled && self.bus_master,
            Op::RattleSender { .. } => self.enabled && self.bus_master,
            Op::Sleep(_) => self.bus_master,
            Op::Misconfigure { lane, .. } | Op::Rattle { lane, .. } => self.enabled && self.bus_master && !self.is_looped(*lane),
            Op::Send { sender, .. } => matches!(self.sender(*sender).activity, Running | Spoiled),
            Op::BadTail { sender, .. } => self.sender(*sender).activity == Running && self.enabled && self.bus_master,
            Op::MaskSender { sender, on } => self.sender(*sender).masked != *on,
            Op::Recover { .. } | Op::Pull { .. } | Op::Crash(_) => self.recoveries < RECOVERIES,
            Op::Ladder(_) | Op::Mend { .. } => self.enabled && self.bus_master && self.recoveries < RECOVERIES,
            _ => true,
        }
    }

    /// The state after `op`.
    pub(crate) fn after(mut self, op: &Op) -> Self {
        use Activity::{Idle, Running, Spoiled};
        let started = if self.bus_master { Running } else { Spoiled };
        match op {
            Op::Stop(lane) | Op::ArmAndStop { lane, .. } | Op::Reset(lane) | Op::Rattle { lane, .. } | Op::Misconfigure { lane, .. } => {
                self.lane_mut(*lane).activity = Idle;
            }
            Op::Reopen { lane, shape } => {
                self.lane_mut(*lane).activity = Idle;
                let lanes = self.lanes.len();
                self.lane_shapes[usize::from(*lane) % lanes] = (**shape).clone();
            }
            Op::Start(lane) if self.enabled && self.lane(*lane).activity == Idle => self.lane_mut(*lane).activity = started,
            Op::Restart(lane) => self.lane_mut(*lane).activity = started,
            Op::BadDoorbell { lane, .. } => self.lane_mut(*lane).activity = Spoiled,
            Op::Mask { lane, on } => self.lane_mut(*lane).masked = *on,
            Op::StopSender(sender) | Op::ResetSender(sender) | Op::MisconfigureSender { sender, .. } | Op::RattleSender { sender, .. } => {
                self.sender_mut(*sender).activity = Idle;
            }
            Op::StartSender(sender) if self.enabled && self.sender(*sender).activity == Idle => self.sender_mut(*sender).activity = started,
            Op::RestartSender(sender) => self.sender_mut(*sender).activity = started,
            Op::BadTail { sender, .. } => self.sender_mut(*sender).activity = Spoiled,
            Op::MaskSender { sender, on } => self.sender_mut(*sender).masked = *on,
            Op::Enable(on) => self.enabled = *on,
            Op::MaskAll(on) => self.all_masked = *on,
            Op::BusMaster(on) => {
                self.bus_master = *on;
                let channels = self.lanes.iter_mut().chain(&mut self.senders).filter(|channel| channel.activity == Running);
                channels.for_each(|channel| channel.activity = Spoiled);
            }
            Op::Sleep(_) => {
                let channels = self.lanes.iter_mut().chain(&mut self.senders).filter(|channel| channel.activity == Running);
                channels.for_each(|channel| channel.activity = Spoiled);
            }
            Op::Recover { .. } | Op::Ladder(_) | Op::Mend { .. } | Op::Pull { .. } | Op::Crash(_) => {
                let recoveries = self.recoveries + 1;
                self = Self { recoveries, ..Self::new(self.machine, self.lane_shapes, self.sender_shapes) };
            }
            _ => {}
        }
        self
    }
}

/// The abstract machine with the weights of flavour number `F`.
#[derive(Debug)]
pub(crate) struct Reference<const F: usize>;

impl<const F: usize> ReferenceStateMachine for Reference<F> {
    type State = State;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<State> {
        let flavour = Flavour::ALL[F];
        let senders = flavour.senders();
        (machine(flavour), vec(lane(flavour), flavour.lanes()), vec(sender(flavour), senders))
            .prop_map(|(machine, lanes, senders)| State::new(machine, lanes, senders))
            .boxed()
    }

    fn transitions(state: &State) -> BoxedStrategy<Op> {
        op(Flavour::ALL[F], state)
    }

    fn apply(state: State, op: &Op) -> State {
        state.after(op)
    }

    fn preconditions(state: &State, op: &Op) -> bool {
        state.permits(op)
    }
}

/// Cases of one flavour: what the abstract machine draws, as plain data.
fn of<const F: usize>() -> BoxedStrategy<Scenario> {
    Reference::<F>::sequential_strategy(1..Flavour::ALL[F].ops())
        .prop_map(|(state, ops, seen)| {
            // Who plays the case says how far it came; a property that does not has looked at all of it.
            if let Some(seen) = &seen {
                seen.store(ops.len(), SeqCst);
            }
            Scenario {
                faults: Vec::new(),
                machine: state.machine,
                lanes: state.lane_shapes,
                senders: state.sender_shapes,
                ops,
                seen: Seen(seen),
            }
        })
        .boxed()
}

/// Cases of one flavour.
pub(crate) fn scenario(flavour: Flavour) -> BoxedStrategy<Scenario> {
    const MADE: [fn() -> BoxedStrategy<Scenario>; Flavour::ALL.len()] =
        [of::<0>, of::<1>, of::<2>, of::<3>, of::<4>, of::<5>, of::<6>, of::<7>, of::<8>, of::<9>, of::<10>];
    MADE[flavour as usize]()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    fn states(count: usize) -> Vec<(State, Vec<Op>)> {
        let mut runner = TestRunner::deterministic();
        let strategy = Reference::<0>::sequential_strategy(1..80_usize);
        (0..count).map(|_| strategy.new_tree(&mut runner).expect("a case").current()).map(|(state, ops, _)| (state, ops)).collect()
    }

    #[test]
    fn operations_keep_to_the_preconditions_and_every_kind_is_drawn() {
        let mut kinds = std::collections::BTreeSet::new();
        for (mut state, ops) in states(300) {
            for op in ops {
                assert!(state.permits(&op), "{op:?} in {state:?}");
                kinds.insert(format!("{op:?}").split([' ', '(']).next().unwrap_or_default().to_string());
                state = state.after(&op);
            }
        }
        let all = "Advance ArmAndSleep ArmAndStop AwaitSent BadDoorbell BadTail BusMaster Coalesce Crash Enable Feed GiveBack Hold Ladder Mask MaskAll MaskSender Mend Misconfigure MisconfigureSender Poll Pull \
                   Rattle RattleSender Reap Recover Reopen Reset ResetSender Restart RestartSender Send Sleep Snapshot Start StartSender Stop StopSender Wait";
        assert_eq!(kinds.into_iter().collect::<Vec<_>>().join(" "), all.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn a_recovery_makes_everything_as_new() {
        let (state, _) = states(1).remove(0);
        let mut state = state.after(&Op::Enable(false)).after(&Op::Stop(0)).after(&Op::MaskAll(true)).after(&Op::BusMaster(false));
        assert!(!state.permits(&Op::BusMaster(false)) && !state.permits(&Op::Restart(0)));
        state = state.after(&Op::Recover { level: Level::Hot, orderly: true });
        assert!(
            state.enabled && state.bus_master && !state.all_masked && state.lanes.iter().all(|lane| lane.activity == Activity::Running)
        );
    }
}
