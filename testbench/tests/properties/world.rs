//! Card, machine and driver in one process, and which operation is done where: each is judged by the oracle as soon as it is over.

use crate::check::delivery::Oracle;
use crate::on;
use crate::rattle::Shaken;
use crate::scenario::{LaneShape, MachineShape, Op, Scenario};
use crate::senders::{Sender, VECTORS};
use crate::stream::{Pages, Stream};
use crate::tap::{Tap, Taps};
use silico::fault::{FaultLog, Rule, plant};
use silico::platform::{Process, SimPlatform, SimRegisters};
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::Phase;
use silico_driver::error::DriverError;
use silico_driver::interrupts::InterruptChoice;
use silico_driver::platform::{InterruptKind, Nanos, Platform, Registers, Time};
use silico_driver::recover::Level as DriverLevel;
use silico_sim::FrameSource;
use silico_spec::params::CardParams;
use silico_spec::port::{FrontFrame, TlpPort};
use silico_spec::registers::c2h;
use silico_spec::units::{Cycle, Cycles};
use silico_spec::writeback::ChannelError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// What a card can be wrapped in before it is put into the machine.
pub(crate) type Wrap = fn(Box<dyn TlpPort + Send>) -> Box<dyn TlpPort + Send>;

/// The card as it is.
pub(crate) fn plain(card: Box<dyn TlpPort + Send>) -> Box<dyn TlpPort + Send> {
    card
}

/// Frames that a front end has still to send; survives its being fed again.
#[derive(Clone, Default)]
pub(crate) struct Queue(pub(crate) Arc<Mutex<VecDeque<FrontFrame>>>);

impl FrameSource for Queue {
    fn next_frame(&mut self, _now: Cycle) -> Option<FrontFrame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// The driver's process on the machine: it may die.
pub(crate) type Host = Process<SimPlatform>;

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
    pub(crate) ring: Option<Stream>,
    pub(crate) oracle: Oracle,
    pub(crate) queue: Queue,
    pub(crate) end: End,
    /// A doorbell out of bounds was rung in this run: the channel may fail with exactly that.
    pub(crate) spoiled: bool,
    /// Bus mastering was off in this run: the channel may fail with exactly that.
    pub(crate) masterless: bool,
    /// Answers to the card's reads are tampered with, and it reads: the channel may fail with exactly that.
    pub(crate) tampered: bool,
    /// A host-to-card channel feeds it.
    pub(crate) looped: bool,
    pub(crate) masked: bool,
    pub(crate) coalescing: (u32, u32),
    /// Times that the data interrupt was armed, by hand or by a ring that is closed now.
    pub(crate) armed: u64,
    /// Bad doorbells rung: each may end in an error interrupt.
    pub(crate) errors: u64,
    /// Frames taken over all runs, and a hash of what they were.
    pub(crate) delivered: u64,
    pub(crate) log: u64,
}

impl Lane {
    pub(crate) fn ring(&mut self) -> &mut Stream {
        self.ring.as_mut().expect("only a reopening takes it")
    }

    /// It may stop by itself at any time.
    pub(crate) const fn is_doubtful(&self) -> bool {
        self.spoiled || self.masterless || self.tampered
    }

    pub(crate) fn is_running(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.phase() == Phase::Running)
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) platform: SimPlatform,
    /// Who drives the card.
    pub(crate) host: Host,
    pub(crate) card: Card<Host>,
    pub(crate) regs: SimRegisters,
    pub(crate) taps: Taps,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) senders: Vec<Sender>,
    pub(crate) params: CardParams,
    pub(crate) machine: MachineShape,
    pub(crate) enabled: bool,
    pub(crate) bus_master: bool,
    /// The function mask of MSI-X is set.
    pub(crate) all_masked: bool,
    /// Channels were stopped behind the driver's back.
    pub(crate) bare: bool,
    /// What the card said of channels that failed.
    pub(crate) failures: Vec<ChannelError>,
    /// Clocks that passed with nothing going on, on purpose.
    leapt: u64,
    /// Faults that may strike.
    pub(crate) faults: u64,
    pub(crate) planted: FaultLog,
    /// Some of them spoil answers to the card's reads.
    pub(crate) tampered: bool,
}

impl Drop for World {
    /// When something panicked inside the machine, the driver must not touch it once more: a second panic ends the process, and nothing is shrunk.
    fn drop(&mut self) {
        crate::tally::add(self.now().0.saturating_sub(self.leapt));
        if crate::coverage::wanted() {
            let machine = self.platform.machine();
            crate::coverage::note(|notes| notes.machines.ran(machine.config(), &self.params, machine.stats()));
            let planted = self.planted.records();
            crate::coverage::note(|notes| planted.iter().for_each(|planted| notes.planted(&planted.rule.to_string())));
        }
        if std::thread::panicking() {
            self.lanes.iter_mut().for_each(|lane| std::mem::forget(lane.ring.take()));
            self.senders.iter_mut().for_each(|sender| std::mem::forget(sender.channel.take()));
        }
    }
}

/// Puts the faults of a case around a card.
fn planted(card: Box<dyn TlpPort + Send>, scenario: &Scenario, log: FaultLog) -> Result<Box<dyn TlpPort + Send>, String> {
    if scenario.faults.is_empty() {
        return Ok(card);
    }
    let rules: Vec<Rule> =
        scenario.faults.iter().map(|rule| rule.parse().map_err(|error| format!("{rule}: {error}"))).collect::<Result<_, _>>()?;
    Ok(Box::new(plant(&rules, scenario.machine.seed, card, log).0))
}

/// Turns what the driver said into words.
pub(crate) fn said(what: &str, channel: usize) -> impl FnOnce(DriverError) -> String {
    move |error| format!("{what} of channel {channel}: {error}")
}

/// How the card of a machine is brought up.
pub(crate) fn how(machine: &MachineShape) -> BringUp {
    BringUp { interrupts: InterruptChoice::Only(machine.irqs()), ..BringUp::default() }
}

impl World {
    /// Builds it and starts all channels.
    pub(crate) fn new(scenario: &Scenario, wrap: Wrap) -> Result<Self, String> {
        let (machine, lanes) = (&scenario.machine, &scenario.lanes);
        let params = on::card_of(scenario);
        let (taps, log) = (Taps::default(), FaultLog::default());
        let card = planted(wrap(on::card(&params)?), scenario, log.clone())?;
        let platform =
            SimPlatform::new(machine.config(), Box::new(Tap::new(card, taps.clone())), lanes.len()).map_err(|e| e.to_string())?;
        let host = Process::new(platform.clone());
        let card = Card::bring_up(host.clone(), &how(machine)).map_err(|error| format!("bring-up: {error}"))?;
        let regs = platform.registers();
        let (lanes_built, senders) = (Vec::with_capacity(lanes.len()), Vec::with_capacity(scenario.senders.len()));
        let mut world = Self {
            platform,
            host,
            card,
            regs,
            taps,
            lanes: lanes_built,
            senders,
            params,
            machine: machine.clone(),
            enabled: true,
            bus_master: true,
            all_masked: false,
            bare: false,
            failures: Vec::new(),
            leapt: 0,
            faults: scenario.faults.len() as u64,
            planted: log,
            tampered: scenario.faults.iter().any(|rule| crate::strategies::is_broken_answer(rule)),
        };
        let feeder = scenario.feeder();
        for (index, shape) in lanes.iter().enumerate() {
            world.lanes.push(Lane {
                shape: if feeder.is_some() && index + 1 == lanes.len() {
                    LaneShape { generator: None, ..shape.clone() }
                } else {
                    shape.clone()
                },
                ring: None,
                oracle: Oracle::new(index as u8, machine.seed),
                queue: Queue::default(),
                end: End::Open,
                spoiled: false,
                masterless: false,
                tampered: false,
                looped: feeder.is_some() && index + 1 == lanes.len(),
                masked: false,
                coalescing: (0, 0),
                armed: 0,
                errors: world.faults,
                delivered: 0,
                log: 0,
            });
            if let Some(feeder) = feeder.filter(|_| world.lanes[index].looped) {
                world.lanes[index].oracle.loop_from(feeder as u16);
            }
        }
        for (index, shape) in scenario.senders.iter().enumerate() {
            let loops = (feeder == Some(index)).then(|| lanes.len() as u8 - 1);
            world.senders.push(Sender::new(shape, index as u8, machine.seed, loops));
            world.senders[index].errors = world.faults;
        }
        world.report_all()?;
        world.open_all()?;
        Ok(world)
    }

    /// Clocks for which reads that are lost hold up who waits for them: until they are given up; and if that can have taken all tags, until those are back.
    pub(crate) fn lost_reads(&self) -> u64 {
        let times = if self.tampered && u64::from(self.params.read_tags) <= self.faults { 9 } else { 2 };
        times * self.faults * u64::from(self.params.read_timeout)
    }

    /// Opens and starts all channels.
    pub(crate) fn open_all(&mut self) -> Result<(), String> {
        for index in 0..self.lanes.len() {
            let shape = self.lanes[index].shape.clone();
            self.open(index, shape)?;
            self.start(index)?;
        }
        for index in 0..self.senders.len() {
            self.open_sender(index)?;
            self.start_sender(index)?;
        }
        // A first start is no disturbance.
        self.lanes.iter_mut().for_each(|lane| lane.oracle.empty_loop());
        Ok(())
    }

    pub(crate) fn open(&mut self, index: usize, shape: LaneShape) -> Result<(), String> {
        let (channel, fifo) = (index as u8, self.params.fifo_bytes);
        let ring = match shape.page_config(channel, fifo) {
            Some(config) => {
                let pages = self.card.page_channel(channel, &config).map_err(said("opening", index))?;
                Stream::Pages(Box::new(Pages::new(pages, &shape, self.machine.seed ^ u64::from(channel))))
            }
            None => {
                let ring = self.card.channel(channel, &shape.config(channel, fifo)).map_err(said("opening", index))?;
                Stream::Ring(Box::new(ring))
            }
        };
        let lane = &mut self.lanes[index];
        (lane.shape, lane.ring, lane.end) = (shape, Some(ring), End::Open);
        (lane.spoiled, lane.masterless) = (false, false);
        lane.tampered = self.tampered && lane.shape.paged.is_some();
        lane.oracle.forget();
        lane.oracle.may_miss();
        Ok(())
    }

    /// Cycle of the machine.
    pub(crate) fn now(&self) -> Cycle {
        self.platform.machine().now()
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
        drop(machine);
        for (index, lane) in self.lanes.iter().enumerate() {
            if let Some(wrong) = lane.ring.as_ref().and_then(Stream::wrong) {
                return Err(format!("channel {index}: {wrong}"));
            }
        }
        self.check_wakeups()
    }

    /// Each channel has an interrupt of its own, which can be waited for and masked alone.
    pub(crate) fn has_own_vectors(&self) -> bool {
        self.machine.irqs() == InterruptKind::MsiX
    }

    /// No interrupt of the vector can come at present.
    pub(crate) fn is_deaf(&self, vector: usize) -> bool {
        let masked = match vector.checked_sub(VECTORS) {
            Some(sender) => self.senders[sender].masked || self.senders[sender].masterless,
            None => self.lanes[vector].masked || self.lanes[vector].masterless,
        };
        masked || self.all_masked || !self.bus_master
    }

    /// Does one operation.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<(), String> {
        let lanes = self.lanes.len();
        let at = |lane: u8| usize::from(lane) % lanes;
        let senders = self.senders.len();
        let to = |sender: u8| usize::from(sender) % senders.max(1);
        if senders == 0 && op.is_of_sender() {
            return Ok(());
        }
        self.note(op);
        match op {
            Op::Feed { lane, count, len, pause, error } => {
                if !self.lanes[at(*lane)].looped {
                    self.feed(at(*lane), *count, *len, *pause, *error);
                }
                Ok(())
            }
            Op::Send { sender, count, len, parts } => {
                if !self.senders[to(*sender)].is_running() {
                    return Ok(());
                }
                self.send(to(*sender), *count, *len, *parts)
            }
            Op::Reap(sender) => self.reap(to(*sender)),
            Op::AwaitSent { sender, kind, ns } => self.await_sent(to(*sender), *kind, u64::from(*ns)).map(drop),
            Op::StopSender(sender) => self.stop_sender(to(*sender)),
            Op::StartSender(sender) => self.start_sender(to(*sender)),
            Op::RestartSender(sender) => self.restart_sender(to(*sender)),
            Op::ResetSender(sender) => self.reset_sender(to(*sender)),
            Op::MaskSender { sender, on } => self.mask(VECTORS + to(*sender), *on),
            Op::BadTail { sender, kind } => self.bad_tail(to(*sender), *kind),
            Op::MaskAll(on) => self.mask_all(*on),
            Op::BusMaster(on) => self.set_bus_master(*on),
            Op::Snapshot(lane) => self.snapshot(at(*lane)),
            Op::Rattle { lane, words, clocks, after, spoil } => {
                self.rattle(at(*lane), &Shaken { words, clocks: (*clocks).into(), after: (*after).into(), spoil: *spoil })
            }
            Op::RattleSender { sender, words, clocks, after, spoil } => {
                self.rattle_sender(to(*sender), &Shaken { words, clocks: (*clocks).into(), after: (*after).into(), spoil: *spoil })
            }
            Op::Sleep(clocks) => self.sleep((*clocks).into()),
            Op::Ladder(rung) => self.climb(DriverLevel::ALL[usize::from(*rung) % DriverLevel::ALL.len()]),
            Op::Mend { asleep } => self.mend(*asleep),
            Op::Pull { clocks, ones } => self.pull((*clocks).into(), *ones),
            Op::Crash(clocks) => self.crash((*clocks).into()),
            Op::Recover { level, orderly } => self.recover(*level, *orderly),
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
            Op::Misconfigure { lane, kind } => self.misconfigure(at(*lane), *kind),
            Op::MisconfigureSender { sender, kind } => self.misconfigure_sender(to(*sender), *kind),
            Op::Enable(on) => self.enable(*on),
        }
    }

    /// Lets everything settle, and then all time pass up to a cycle of the card. Nothing happens in it, so it counts for nothing.
    pub(crate) fn leap_to_card_cycle(&mut self, cycle: u64) -> Result<(), String> {
        for index in 0..self.senders.len() {
            self.close_sender(index);
        }
        for index in 0..self.lanes.len() {
            self.close_ring(index);
        }
        let from = self.now();
        let to = self.taps.released().after(Cycles(cycle));
        self.platform.machine().advance_to(to);
        self.leapt += to.since(from).0;
        self.check_rules()
    }

    pub(crate) fn advance(&self, clocks: u64) {
        let mut machine = self.platform.machine();
        let to = machine.now().after(Cycles(clocks));
        machine.advance_to(to);
    }
}
