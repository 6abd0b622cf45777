//! Card, machine and driver in one process, and the operations on them, each judged by the oracle as soon as it is over.

use crate::oracle::Oracle;
use crate::scenario::{LaneShape, MachineShape, Op, Scenario, WaitKind};
use crate::tap::{Tap, Taps};
use silico::platform::{SimPlatform, SimRegisters};
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Phase, RingChannel, Stopped, Wait};
use silico_driver::error::DriverError;
use silico_driver::platform::{Interrupts, Nanos, Platform, Registers, Time, Wake};
use silico_sim::FrameSource;
use silico_spec::generator::{FrameSequence, LengthMode};
use silico_spec::params::{CardParams, PBA_OFFSET};
use silico_spec::port::{FrontFrame, TlpPort};
use silico_spec::registers::c2h;
use silico_spec::units::{Cycle, Cycles};
use silico_spec::writeback::ChannelError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// BAR with the MSI-X table and PBA.
const BAR2: u8 = 2;
/// Longest pause between two frames of one operation, in clocks, times the number of them.
const MOST_AHEAD: u64 = 5000;

/// Frames that are taken at most where a few are enough.
const SOME: usize = 64;

/// What a card can be wrapped in before it is put into the machine.
pub(crate) type Wrap = fn(silico_model::Card) -> Box<dyn TlpPort + Send>;

/// The card as it is.
pub(crate) fn plain(card: silico_model::Card) -> Box<dyn TlpPort + Send> {
    Box::new(card)
}

/// Frames that a front end has still to send; survives its being fed again.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<VecDeque<FrontFrame>>>);

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
    queue: Queue,
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

    fn open(&mut self, index: usize, shape: LaneShape) -> Result<(), String> {
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

    fn register32(&self, index: usize, register: u32) -> Result<u32, String> {
        self.regs.read32(c2h::offset(index as u32, register)).map_err(|error| format!("register {register:#x} of channel {index}: {error}"))
    }

    fn set_register(&self, index: usize, register: u32, value: u64) -> Result<(), String> {
        let offset = c2h::offset(index as u32, register);
        self.regs.write64(offset, value).map_err(|error| format!("register {register:#x} of channel {index}: {error}"))
    }

    /// What stands behind every operation: no rule of the machine is broken.
    pub(crate) fn check_rules(&self) -> Result<(), String> {
        self.platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
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

    fn advance(&self, clocks: u64) {
        let mut machine = self.platform.machine();
        let to = machine.now().after(Cycles(clocks));
        machine.advance_to(to);
    }

    fn feed(&mut self, index: usize, count: u8, len: u32, pause: u32, error: bool) {
        let (now, released) = (self.now(), self.taps.released());
        let lane = &mut self.lanes[index];
        for frame in 0..u64::from(count) {
            let at = now.after(Cycles((frame * u64::from(pause)).min(MOST_AHEAD)));
            let (sent, source) = lane.oracle.send(len, error, at.since(released).0);
            let data = lane.oracle.pool().clone();
            let frame = FrontFrame { at, source, error, data, start: sent.start, len: sent.len };
            lane.queue.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(frame);
        }
        self.platform.machine().feed(index, Box::new(lane.queue.clone()));
    }

    /// Takes the next frame, if there is one, and has it judged.
    pub(crate) fn take(&mut self, index: usize) -> Result<bool, String> {
        let platform = self.platform.clone();
        let released = self.taps.released();
        let lane = &mut self.lanes[index];
        let ring = lane.ring.as_mut().expect("open");
        match ring.poll() {
            Ok(Some(frame)) => {
                let entered = self.taps.entered(index);
                let now = platform.machine().now().since(released).0;
                lane.oracle
                    .judge(&frame.header, [frame.head, frame.tail], now, entered)
                    .map_err(|why| format!("channel {index}: {why}"))?;
                lane.delivered += 1;
                Ok(true)
            }
            Ok(None) => match lane.end {
                End::Final(frames) if frames != lane.oracle.taken() => {
                    Err(format!("channel {index}: {frames} frames were delivered, only {} can be read", lane.oracle.taken()))
                }
                _ => Ok(false),
            },
            Err(error) => self.failed(index, error).map(|()| false),
        }
    }

    /// Takes what there is, unless a source without end keeps it coming.
    fn take_some(&mut self, index: usize) -> Result<(), String> {
        for _ in 0..SOME {
            if !self.take(index)? {
                break;
            }
        }
        Ok(())
    }

    /// The driver says that the channel stopped by itself: right only after a bad doorbell.
    pub(crate) fn failed(&mut self, index: usize, error: DriverError) -> Result<(), String> {
        let DriverError::Failed { failure, .. } = error else { return Err(said("polling", index)(error)) };
        if !self.lanes[index].spoiled || failure.error() != Some(ChannelError::BadDoorbell) {
            return Err(said("polling", index)(error));
        }
        if self.lanes[index].end == End::Open {
            self.close(index)?;
        }
        Ok(())
    }

    /// Closes the books of a run that is over, by the card's registers.
    fn close(&mut self, index: usize) -> Result<(), String> {
        let frames = self.register(index, c2h::FRAMES)?;
        let (dropped, discarded) = (self.register(index, c2h::DROPPED)?, self.register32(index, c2h::DISCARDED)?);
        self.lanes[index].end = End::Final(frames);
        self.balance(index, frames, dropped, discarded.into())
    }

    pub(crate) fn balance(&self, index: usize, frames: u64, dropped: u64, discarded: u64) -> Result<(), String> {
        let made = self.register(index, c2h::GEN_MADE)?;
        let entered = self.taps.entered(index);
        self.lanes[index].oracle.balance(frames, dropped, discarded, entered, made).map_err(|why| format!("channel {index}: {why}"))
    }

    /// A frame in the CPU's hands stays as it is.
    fn hold(&mut self, index: usize, clocks: u64) -> Result<(), String> {
        let platform = self.platform.clone();
        let released = self.taps.released();
        let lane = &mut self.lanes[index];
        let ring = lane.ring.as_mut().expect("open");
        match ring.poll() {
            Ok(Some(frame)) => {
                {
                    let mut machine = platform.machine();
                    let to = machine.now().after(Cycles(clocks));
                    machine.advance_to(to);
                }
                let now = platform.machine().now().since(released).0;
                let entered = self.taps.entered(index);
                lane.oracle
                    .judge(&frame.header, [frame.head, frame.tail], now, entered)
                    .map_err(|why| format!("channel {index}, held for {clocks} clocks: {why}"))?;
                frame.verify().map_err(|error| format!("channel {index}, held for {clocks} clocks: {error}"))?;
                lane.delivered += 1;
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => self.failed(index, error),
        }
    }

    /// The driver's wait. Returns whether it found something.
    pub(crate) fn wait(&mut self, index: usize, kind: WaitKind, ns: u64) -> Result<bool, String> {
        let deadline = self.in_ns(ns);
        let lane = &mut self.lanes[index];
        let (mode, was_running, masked) = (lane.shape.wait_mode(kind), lane.is_running(), lane.masked);
        match lane.ring().wait_as(mode, deadline) {
            Ok(Wait::Ready) if self.take(index)? => Ok(true),
            Ok(Wait::Ready) => Err(format!("channel {index}: the wait said ready, and there is no frame")),
            Ok(Wait::Deadline) => Ok(false),
            // Nobody is woken through a masked vector; what is pending comes with its unmasking.
            Ok(Wait::LostWakeUp { .. }) if masked => Ok(false),
            Ok(Wait::LostWakeUp { frames }) => Err(format!("channel {index}: {frames} frames lay there, armed for, and no interrupt came")),
            Ok(Wait::Ended) if was_running => Err(format!("channel {index}: the wait said ended on a running channel")),
            Ok(Wait::Ended) => Ok(false),
            Err(error) => self.failed(index, error).map(|()| false),
        }
    }

    /// Clocks within which the interrupt for a frame that is in the ring reaches the host, all else going on.
    fn signal_clocks(&self) -> u64 {
        let interrupt = self.machine.interrupt_ns.0.max(self.machine.interrupt_ns.1);
        5000 + 64 * self.machine.clocks_per_tlp() + u64::from(interrupt) / 4
    }

    fn arm_and_sleep(&mut self, index: usize, ns: u64) -> Result<(), String> {
        let lane = &self.lanes[index];
        if !lane.is_running() || lane.masked || lane.spoiled || !self.enabled || lane.shape.coalescing().is_none() {
            return Ok(());
        }
        self.take_some(index)?;
        // An interrupt that an earlier arming still owes would be no answer to this one.
        if c2h::status::ARMED.is_set(self.register32(index, c2h::STATUS)?.into()) {
            return Ok(());
        }
        self.advance(self.signal_clocks());
        self.take_some(index)?;
        let (irqs, vector) = (self.platform.interrupts(), index as u16);
        let listen = |until: Nanos| irqs.wait(vector, until).map_err(|error| format!("waiting for vector {vector}: {error}"));
        listen(self.in_ns(0))?;
        let seen = self.lanes[index].oracle.taken();
        self.lanes[index].armed += 1;
        self.set_register(index, c2h::INT_DATA_ARM, seen)?;
        if listen(self.in_ns(ns))? == Wake::Interrupt {
            let found = self.take(index)?;
            return if found {
                Ok(())
            } else {
                Err(format!("channel {index}: an interrupt, armed for frames beyond {seen}, with none behind it"))
            };
        }
        let beyond = self.register(index, c2h::FRAMES)? - seen;
        let (frames, time) = self.lanes[index].coalescing;
        if beyond == 0 || (beyond < u64::from(frames) && time == 0) {
            return Ok(());
        }
        let grace = self.clocks_to_ns(self.signal_clocks() + u64::from(time));
        match listen(self.in_ns(grace))? {
            Wake::Interrupt => Ok(()),
            Wake::Deadline => Err(format!(
                "channel {index}: armed for frames beyond {seen}, {beyond} were delivered, and no interrupt came in {grace} ns"
            )),
        }
    }

    fn stop(&mut self, index: usize) -> Result<(), String> {
        let lane = &mut self.lanes[index];
        let (was_running, end) = (lane.is_running(), lane.end);
        match lane.ring().stop() {
            Ok(stopped) if was_running => self.stopped(index, stopped),
            Ok(stopped) => match end {
                End::Final(frames) if frames != stopped.frames => {
                    Err(format!("channel {index}: {frames} frames at the stop, {} later", stopped.frames))
                }
                _ => Ok(()),
            },
            Err(error) => self.failed(index, error),
        }
    }

    /// Counts are final: the books close.
    pub(crate) fn stopped(&mut self, index: usize, stopped: Stopped) -> Result<(), String> {
        let Stopped { frames, dropped, discarded, .. } = stopped;
        self.lanes[index].end = End::Final(frames);
        self.balance(index, frames, dropped, discarded.into())
    }

    fn start_or_be_refused(&mut self, index: usize) -> Result<(), String> {
        let running = self.lanes[index].is_running();
        if !running && self.enabled {
            return self.start(index);
        }
        match self.lanes[index].ring().start() {
            Err(DriverError::Running { .. }) if running => Ok(()),
            Err(DriverError::Disabled) if !running => Ok(()),
            other => Err(format!("channel {index}: a start that must be refused (running: {running}) gave {other:?}")),
        }
    }

    /// Starts a run. The oracle's run begins with it: from here on, nothing older may come.
    pub(crate) fn start(&mut self, index: usize) -> Result<(), String> {
        let entered = self.taps.entered(index);
        self.begin(index, entered);
        self.lanes[index].ring().start().map_err(said("start", index))
    }

    fn begin(&mut self, index: usize, entered: u64) {
        let fifo = self.params.fifo_bytes;
        let lane = &mut self.lanes[index];
        let config = lane.shape.config(index as u8, fifo);
        let made = match config.source {
            silico_driver::channel::Source::Generator(made) => {
                let silico_driver::channel::Lengths::Uniform { min, max } = made.lengths else { unreachable!("the only one that is used") };
                Some((FrameSequence::new(made.seed, index as u8, LengthMode::Uniform, min, max, [0; 16]), made.source))
            }
            silico_driver::channel::Source::FrontEnd => None,
        };
        lane.oracle.start(entered, made, config.max_frame, lane.shape.drop);
        (lane.end, lane.spoiled) = (End::Open, false);
        lane.coalescing = lane.shape.coalescing().unwrap_or_default();
    }

    fn restart(&mut self, index: usize) -> Result<(), String> {
        if !self.enabled {
            return Ok(());
        }
        // In two steps, so that the books of the old run can be closed between them.
        if self.lanes[index].is_running() {
            self.stop(index)?;
        }
        let entered = self.taps.entered(index);
        self.begin(index, entered);
        self.lanes[index].ring().restart().map_err(said("restart", index))
    }

    fn reset(&mut self, index: usize) -> Result<(), String> {
        let lane = &mut self.lanes[index];
        lane.oracle.forget();
        (lane.end, lane.spoiled) = (End::Open, false);
        lane.ring().reset().map_err(said("reset", index))?;
        if self.take(index)? { Err(format!("channel {index}: a frame after a reset")) } else { Ok(()) }
    }

    fn reopen(&mut self, index: usize, shape: &LaneShape) -> Result<(), String> {
        self.close_ring(index);
        self.open(index, shape.clone())
    }

    /// Closes the channel: it becomes quiet, its memory is freed.
    pub(crate) fn close_ring(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        lane.armed += lane.ring.as_ref().map_or(0, |ring| ring.wait_stats().armed);
        lane.ring = None;
    }

    fn pending_bit(&self, index: usize) -> Result<bool, String> {
        let offset = u64::from(PBA_OFFSET) + index as u64 / 32 * 4;
        let word = self.platform.machine().read(BAR2, offset, 4).map_err(|error| format!("PBA: {error}"))?;
        Ok(word >> (index % 32) & 1 != 0)
    }

    /// Masks or unmasks the channel's vector. What is pending then comes, once.
    pub(crate) fn mask(&mut self, index: usize, on: bool) -> Result<(), String> {
        let pending = !on && self.lanes[index].masked && {
            let bit = self.pending_bit(index)?;
            // What fired before the masking is no answer.
            self.platform.interrupts().wait(index as u16, self.in_ns(0)).map_err(|error| error.to_string())?;
            bit
        };
        let offset = index as u64 * 16 + 12;
        self.platform.machine().write(BAR2, offset, 4, on.into()).map_err(|error| format!("MSI-X table: {error}"))?;
        self.lanes[index].masked = on;
        if pending {
            let until = self.in_ns(self.clocks_to_ns(self.signal_clocks()));
            let wake = self.platform.interrupts().wait(index as u16, until).map_err(|error| error.to_string())?;
            if wake == Wake::Deadline {
                return Err(format!("vector {index} was pending when it was unmasked, and nothing came"));
            }
        }
        Ok(())
    }

    fn coalesce(&mut self, index: usize, frames: u32, time: u32) -> Result<(), String> {
        let lane = &mut self.lanes[index];
        // No more than the driver was told: it judges late wake-ups by that.
        let Some((most, _)) = lane.shape.coalescing() else { return Ok(()) };
        let frames = frames.min(most.max(1));
        lane.coalescing = (frames, if frames > 1 { time.max(1) } else { time });
        let (frames, time) = lane.coalescing;
        for (register, value) in [(c2h::INT_DATA_FRAMES, frames), (c2h::INT_DATA_TIME, time)] {
            self.regs.write32(c2h::offset(index as u32, register), value).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn bad_doorbell(&mut self, index: usize, kind: u8) -> Result<(), String> {
        if !self.lanes[index].is_running() {
            return Ok(());
        }
        let given = self.register(index, c2h::SW_COUNT)?;
        let value = match kind {
            0 => self.register(index, c2h::HW_COUNT)? + (1 << 40),
            1 => given + 1,
            _ if given == 0 => return Ok(()),
            _ => given - 32,
        };
        self.lanes[index].spoiled = true;
        self.lanes[index].errors += 1;
        self.set_register(index, c2h::SW_COUNT, value)?;
        let state = c2h::status::STATE.get(self.register32(index, c2h::STATUS)?.into());
        if state == 1 { Err(format!("channel {index} runs on after a doorbell of {value:#x}")) } else { Ok(()) }
    }

    pub(crate) fn enable(&mut self, on: bool) -> Result<(), String> {
        self.enabled = on;
        self.card.set_enable(on).map_err(|error| error.to_string())
    }
}
