//! Card, machine and driver in one process, and which operation is done where: each is judged by the oracle as soon as it is over.

use crate::oracle::Oracle;
use crate::scenario::{LaneShape, MachineShape, Op, Scenario};
use crate::tap::{Tap, Taps};
use silico::platform::{SimPlatform, SimRegisters};
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Phase, RingChannel};
use silico_driver::error::DriverError;
use silico_driver::platform::{Nanos, Platform, Registers, Time};
use silico_sim::FrameSource;
use silico_spec::params::CardParams;
use silico_spec::port::{FrontFrame, TlpPort};
use silico_spec::registers::c2h;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// What a card can be wrapped in before it is put into the machine.
pub(crate) type Wrap = fn(silico_model::Card) -> Box<dyn TlpPort + Send>;

/// The card as it is.
pub(crate) fn plain(card: silico_model::Card) -> Box<dyn TlpPort + Send> {
    Box::new(card)
}

/// Frames that a front end has still to send; survives its being fed again.
#[derive(Clone, Default)]
pub(crate) struct Queue(pub(crate) Arc<Mutex<VecDeque<FrontFrame>>>);

impl FrameSource for Queue {
    fn next_frame(&mut self, _now: Cycle) -> Option<FrontFrame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// How a run came to its end, if it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It runs, or there has been none.
    Open,
    /// Stopped or failed with this many frames delivered.
    Final(u64),
}

/// One channel with its truth.
pub(crate) struct Lane {
    pub(crate) shape: LaneShape,
    /// `None` only while it is reopened.
    pub(crate) ring: Option<RingChannel<SimPlatform>>,
    pub(crate) oracle: Oracle,
    pub(crate) queue: Queue,
    pub(crate) end: End,
    /// A doorbell out of bounds was rung in this run: the channel may fail with exactly that.
    pub(crate) spoiled: bool,
    pub(crate) masked: bool,
    pub(crate) coalescing: (u32, u32),
    /// Times that the data interrupt was armed, by hand or by a ring that is closed now.
    pub(crate) armed: u64,
    /// Bad doorbells rung: each may end in an error interrupt.
    pub(crate) errors: u64,
    /// Frames taken over all runs.
    pub(crate) delivered: u64,
}

impl Lane {
    pub(crate) fn ring(&mut self) -> &mut RingChannel<SimPlatform> {
        self.ring.as_mut().expect("only a reopening takes it")
    }

    pub(crate) fn is_running(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.phase() == Phase::Running)
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) platform: SimPlatform,
    pub(crate) card: Card<SimPlatform>,
    pub(crate) regs: SimRegisters,
    pub(crate) taps: Taps,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) params: CardParams,
    pub(crate) machine: MachineShape,
    pub(crate) enabled: bool,
}

impl Drop for World {
    /// When something panicked inside the machine, the driver must not touch it once more: a second panic ends the process, and nothing is shrunk.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.lanes.iter_mut().for_each(|lane| std::mem::forget(lane.ring.take()));
        }
    }
}

/// Turns what the driver said into words.
pub(crate) fn said(what: &str, channel: usize) -> impl FnOnce(DriverError) -> String {
    move |error| format!("{what} of channel {channel}: {error}")
}

impl World {
    /// Builds it and starts all channels.
    pub(crate) fn new(scenario: &Scenario, wrap: Wrap) -> Result<Self, String> {
        let (machine, lanes) = (&scenario.machine, &scenario.lanes);
        let params = machine.card(lanes.len());
        let model = silico_model::Card::new(params.clone()).map_err(|error| error.to_string())?;
        let taps = Taps::default();
        let platform =
            SimPlatform::new(machine.config(), Box::new(Tap::new(wrap(model), taps.clone())), lanes.len()).map_err(|e| e.to_string())?;
        let card = Card::bring_up(platform.clone(), &BringUp::default()).map_err(|error| format!("bring-up: {error}"))?;
        let regs = platform.registers();
        let mut world = Self { platform, card, regs, taps, lanes: Vec::new(), params, machine: machine.clone(), enabled: true };
        for (index, shape) in lanes.iter().enumerate() {
            world.lanes.push(Lane {
                shape: shape.clone(),
                ring: None,
                oracle: Oracle::new(index as u8, machine.seed),
                queue: Queue::default(),
                end: End::Open,
                spoiled: false,
                masked: false,
                coalescing: (0, 0),
                armed: 0,
                errors: 0,
                delivered: 0,
            });
            world.open(index, shape.clone())?;
            world.start(index)?;
        }
        Ok(world)
    }

    pub(crate) fn open(&mut self, index: usize, shape: LaneShape) -> Result<(), String> {
        let config = shape.config(index as u8, self.params.fifo_bytes);
        let ring = self.card.channel(index as u8, &config).map_err(said("opening", index))?;
        let lane = &mut self.lanes[index];
        (lane.shape, lane.ring, lane.end, lane.spoiled) = (shape, Some(ring), End::Open, false);
        lane.oracle.forget();
        Ok(())
    }

    /// Cycle of the machine.
    pub(crate) fn now(&self) -> Cycle {
        self.platform.machine().now()
    }

    /// Cycle of the card.
    pub(crate) fn card_now(&self) -> u64 {
        self.now().since(self.taps.released()).0
    }

    pub(crate) fn in_ns(&self, ns: u64) -> Nanos {
        Time::now(&self.platform).after(ns)
    }

    pub(crate) fn clocks_to_ns(&self, clocks: u64) -> u64 {
        self.platform.nanos(Cycle(clocks)).0
    }

    pub(crate) fn register(&self, index: usize, register: u32) -> Result<u64, String> {
        self.regs.read64(c2h::offset(index as u32, register)).map_err(|error| format!("register {register:#x} of channel {index}: {error}"))
    }

    pub(crate) fn register32(&self, index: usize, register: u32) -> Result<u32, String> {
        self.regs.read32(c2h::offset(index as u32, register)).map_err(|error| format!("register {register:#x} of channel {index}: {error}"))
    }

    pub(crate) fn set_register(&self, index: usize, register: u32, value: u64) -> Result<(), String> {
        let offset = c2h::offset(index as u32, register);
        self.regs.write64(offset, value).map_err(|error| format!("register {register:#x} of channel {index}: {error}"))
    }

    /// What stands behind every operation: no rule of the machine is broken, and an arming gives one interrupt at most, as an error does.
    pub(crate) fn check_rules(&self) -> Result<(), String> {
        let machine = self.platform.machine();
        if let Some(violation) = machine.violation() {
            return Err(violation.to_string());
        }
        let counts = &machine.stats().interrupts;
        for (index, lane) in self.lanes.iter().enumerate() {
            let fired = counts.get(index).copied().unwrap_or(0);
            let armed = lane.armed + lane.ring.as_ref().map_or(0, |ring| ring.wait_stats().armed);
            if fired > armed + lane.errors {
                return Err(format!("vector {index} fired {fired} times; armed {armed} times, errors {}", lane.errors));
            }
        }
        Ok(())
    }

    /// Does one operation.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<(), String> {
        let lanes = self.lanes.len();
        let at = |lane: u8| usize::from(lane) % lanes;
        match op {
            Op::Feed { lane, count, len, pause, error } => {
                self.feed(at(*lane), *count, *len, *pause, *error);
                Ok(())
            }
            Op::Advance(clocks) => {
                self.advance(u64::from(*clocks));
                Ok(())
            }
            Op::Poll { lane, frames } => (0..*frames).try_for_each(|_| self.take(at(*lane)).map(drop)),
            Op::Hold { lane, clocks } => self.hold(at(*lane), u64::from(*clocks)),
            Op::GiveBack(lane) => self.lanes[at(*lane)].ring().give_back().map_err(said("giving back", at(*lane))),
            Op::Wait { lane, kind, ns } => self.wait(at(*lane), *kind, u64::from(*ns)).map(drop),
            Op::ArmAndSleep { lane, ns } => self.arm_and_sleep(at(*lane), u64::from(*ns)),
            Op::Stop(lane) => self.stop(at(*lane)),
            Op::ArmAndStop { lane, clocks } => self.arm_and_stop(at(*lane), u64::from(*clocks)),
            Op::Start(lane) => self.start_or_be_refused(at(*lane)),
            Op::Restart(lane) => self.restart(at(*lane)),
            Op::Reset(lane) => self.reset(at(*lane)),
            Op::Reopen { lane, shape } => self.reopen(at(*lane), shape),
            Op::Mask { lane, on } => self.mask(at(*lane), *on),
            Op::Coalesce { lane, frames, time } => self.coalesce(at(*lane), *frames, *time),
            Op::BadDoorbell { lane, kind } => self.bad_doorbell(at(*lane), *kind),
            Op::Enable(on) => self.enable(*on),
        }
    }

    pub(crate) fn advance(&self, clocks: u64) {
        let mut machine = self.platform.machine();
        let to = machine.now().after(Cycles(clocks));
        machine.advance_to(to);
    }
}
