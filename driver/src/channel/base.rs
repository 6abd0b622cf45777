//! What every kind of channel is made of: its registers by name, its phase and run, and the way from idle to running and back.
//!
//! A start programs every register, so that it equals a first one whatever went before. A wait that ran out leaves the channel [`Phase::Stuck`],
//! never "running": the next start resets it. Knows neither rings nor what is in them.

use super::progress::{Block, Look};
use super::wait::Waiting;
use super::{Phase, WaitMode};
use crate::access::Named;
use crate::card::{identify, pause_until};
use crate::demux::Waiter;
use crate::error::{ChannelId, DriverError, Failure, RingFault};
use crate::interrupts::targets;
use crate::limits::{RESET_LIMIT_NS, START_LIMIT_NS, STOP_LIMIT_NS};
use crate::platform::{DmaBuffer, ForkPlatform, InterruptKind, Nanos, Platform, Registers, Time, Wake};
use crate::shared::{Claim, Inside, Shared as CardShared};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::BusAddr;
use silico_spec::writeback::{ChannelState, WriteBack};

/// Registers that channels of both directions have, as offsets in their block.
struct Layout {
    run: u32,
    error: u32,
    error_addr: u32,
    error_cookie: u32,
    arm: u32,
}

const C2H: Layout =
    Layout { run: c2h::RUN, error: c2h::ERROR, error_addr: c2h::ERROR_ADDR, error_cookie: c2h::ERROR_COOKIE, arm: c2h::INT_DATA_ARM };
const H2C: Layout =
    Layout { run: h2c::RUN, error: h2c::ERROR, error_addr: h2c::ERROR_ADDR, error_cookie: h2c::ERROR_COOKIE, arm: h2c::INT_SPACE_ARM };

// Control, status and error code are laid out alike in both directions: what is said below of the one holds for the other.
const _: () = assert!(c2h::CONTROL == h2c::CONTROL && c2h::STATUS == h2c::STATUS);

/// Offset in BAR0 of `register` of a channel.
const fn at(id: ChannelId, register: u32) -> u32 {
    match id {
        ChannelId::C2h(number) => c2h::offset(number as u32, register),
        ChannelId::H2c(number) => h2c::offset(number as u32, register),
    }
}

/// What a channel gets of its card.
pub(crate) struct Parts<P: Platform> {
    pub(crate) regs: P::Regs,
    pub(crate) irqs: P::Irqs,
    pub(crate) clock: P::Clock,
    pub(crate) id: ChannelId,
    pub(crate) kind: Option<InterruptKind>,
    pub(crate) claim: Claim,
}

/// The interrupt that a channel waits on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal {
    pub(crate) vector: u8,
    /// Progress beyond the armed count before the card signals.
    pub(crate) coalesce: u32,
}

/// How a wait for a state ended.
pub(crate) enum Health {
    /// It runs, or is on its way to the error state.
    Alive,
    /// It stopped by itself; its counts are final.
    Failed(Failure),
}

/// The part of a channel that is the same in every kind.
pub(crate) struct Base<P: Platform> {
    regs: P::Regs,
    irqs: P::Irqs,
    kind: Option<InterruptKind>,
    pub(crate) clock: P::Clock,
    pub(crate) id: ChannelId,
    pub(crate) phase: Phase,
    /// Number of the run (starts since card reset).
    pub(crate) run: u32,
    /// The run's number on the host, which no other run on the card has, whatever was reset in between: handles of a run carry it.
    pub(crate) serial: u32,
    /// Whether the card counts for this run: before, its counts are of another one.
    pub(crate) started: bool,
    /// The final counts of the run were read, and make sense.
    pub(crate) counted: bool,
    pub(super) signal: Option<Signal>,
    pub(crate) waiting: Waiting,
    /// Resets of the card when this channel was last known to be alive.
    epoch: u32,
    claim: Claim,
}

impl<P: ForkPlatform> Fork for Base<P> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let (regs, irqs, clock) = (self.regs.fork(memo)?, self.irqs.fork(memo)?, self.clock.fork(memo)?);
        Ok(Self { regs, irqs, clock, claim: self.claim.fork(memo)?, ..*self })
    }
}

impl<P: Platform> Base<P> {
    /// Quiets the channel if an earlier user left it running. To be called before anything is mapped: that user's run may still write to where its
    /// memory was.
    pub(crate) fn open(parts: Parts<P>, signal: Option<Signal>, mode: WaitMode) -> Result<Self, DriverError> {
        let Parts { regs, irqs, clock, id, kind, claim } = parts;
        let waiting = Waiting::new(mode);
        let epoch = claim.shared.epoch();
        let signal = signal.map(|signal| Signal { vector: fold(&claim, signal.vector), ..signal });
        let mut this = Self {
            regs,
            irqs,
            kind,
            clock,
            id,
            phase: Phase::Idle,
            run: 0,
            serial: 0,
            started: false,
            counted: false,
            signal,
            waiting,
            epoch,
            claim,
        };
        if let Some(Signal { vector, .. }) = this.signal {
            this.claim.shared.demux.subscribe(this.waiter(vector));
        }
        let _inside = this.enter()?;
        if this.state()? != ChannelState::Idle as u8 {
            this.reset_inside()?;
        }
        Ok(this)
    }

    const fn waiter(&self, vector: u8) -> Waiter {
        Waiter { vector: vector as u16, bit: self.id.bit() }
    }

    /// The vector that stands for `vector`, if fewer were granted than asked for.
    pub(crate) fn vector(&self, vector: u8) -> u8 {
        fold(&self.claim, vector)
    }

    /// To be held while the channel is programmed, started, stopped or reset: nobody resets the card meanwhile.
    pub(crate) fn enter(&self) -> Result<Inside, DriverError> {
        CardShared::enter(&self.claim.shared).ok_or(DriverError::Resetting)
    }

    /// Sleeps until the channel's vector fires for it.
    pub(super) fn sleep(&self, vector: u8, deadline: Nanos) -> Result<Wake, DriverError> {
        let Some(kind) = self.kind else { return Err(DriverError::NoInterrupts { kind: InterruptKind::MsiX }) };
        let targets = |subscribers| targets(&self.regs, &self.irqs, kind, subscribers);
        let ended = self.claim.shared.demux.wait(&self.irqs, self.waiter(vector), deadline, targets);
        self.noted(ended)
    }

    /// Tells the others when the card is gone.
    #[inline]
    fn noted<T>(&self, result: Result<T, DriverError>) -> Result<T, DriverError> {
        if let Err(DriverError::Gone { .. }) = result {
            self.claim.shared.note_gone();
        }
        result
    }

    /// Whether the run that the driver believes in is still there.
    #[inline]
    fn check_card(&self) -> Result<(), DriverError> {
        let shared = &self.claim.shared;
        if shared.is_gone() {
            return Err(DriverError::Gone { register: "another channel, or an access before," });
        }
        if shared.epoch() != self.epoch { Err(DriverError::CardReset { channel: self.id }) } else { Ok(()) }
    }

    pub(crate) const fn regs(&self) -> &P::Regs {
        &self.regs
    }

    pub(crate) fn get32(&self, register: u32) -> Result<u32, DriverError> {
        self.noted(self.regs.get32(at(self.id, register)))
    }

    pub(crate) fn any32(&self, register: u32) -> Result<u32, DriverError> {
        self.noted(self.regs.any32(at(self.id, register)))
    }

    pub(crate) fn get64(&self, register: u32) -> Result<u64, DriverError> {
        self.noted(self.regs.get64(at(self.id, register)))
    }

    pub(crate) fn put32(&self, register: u32, value: u32) -> Result<(), DriverError> {
        self.noted(self.regs.put32(at(self.id, register), value))
    }

    pub(crate) fn put64(&self, register: u32, value: u64) -> Result<(), DriverError> {
        self.noted(self.regs.put64(at(self.id, register), value))
    }

    /// Arms the interrupt with the count that the host has seen.
    pub(super) fn arm(&self, seen: u64) -> Result<(), DriverError> {
        self.put64(self.layout().arm, seen)
    }

    const fn layout(&self) -> &'static Layout {
        match self.id {
            ChannelId::C2h(_) => &C2H,
            ChannelId::H2c(_) => &H2C,
        }
    }

    #[cold]
    pub(crate) const fn fault(&self, fault: RingFault) -> DriverError {
        DriverError::Fault { channel: self.id, fault }
    }

    #[cold]
    pub(crate) const fn failed(&self, failure: Failure) -> DriverError {
        DriverError::Failed { channel: self.id, failure }
    }

    fn state(&self) -> Result<u8, DriverError> {
        self.noted(read_state(&self.regs, self.id))
    }

    pub(crate) fn read_failure(&self) -> Result<Failure, DriverError> {
        let layout = self.layout();
        let code = c2h::error::CODE.get(self.get32(layout.error)?.into()) as u8;
        let any64 = |register| self.regs.any64(at(self.id, register));
        Ok(Failure { code, addr: BusAddr(any64(layout.error_addr)?), cookie: any64(layout.error_cookie)? })
    }

    /// Number of starts, which may be any: all ones are looked into.
    fn read_run(&self) -> Result<u32, DriverError> {
        let run = self.any32(self.layout().run)?;
        if run == u32::MAX {
            self.noted(identify(&self.regs))?;
        }
        Ok(run)
    }

    fn write_control(&self, value: u64) -> Result<(), DriverError> {
        self.put32(c2h::CONTROL, value as u32)
    }

    fn wait_state(&self, wanted: impl Fn(u8) -> bool, limit_ns: u64) -> Result<(u8, u64), DriverError> {
        self.noted(wait_state(&self.regs, &self.clock, self.id, wanted, limit_ns))
    }

    /// Checks that a start may be, and makes the channel idle for it.
    /// Called inside the gate.
    pub(crate) fn prepare(&mut self) -> Result<(), DriverError> {
        if let Err(gone @ DriverError::Gone { .. }) = self.check_card() {
            return Err(gone);
        }
        self.adopt();
        if self.phase == Phase::Running {
            return Err(DriverError::Running { channel: self.id });
        }
        let control = self.noted(self.regs.get32(card::CONTROL))?;
        if !card::control::ENABLE.is_set(control.into()) {
            return Err(DriverError::Disabled);
        }
        self.write_control(0)?;
        if self.phase == Phase::Stuck || self.state()? != ChannelState::Idle as u8 {
            self.reset_inside()?;
        }
        Ok(())
    }

    /// Takes over that the card was reset: whatever ran, does not any more.
    fn adopt(&mut self) {
        let epoch = self.claim.shared.epoch();
        if self.epoch != epoch {
            (self.epoch, self.phase, self.started) = (epoch, Phase::Idle, false);
        }
    }

    /// Starts the programmed channel; `block` takes blocks of the new run from here on.
    pub(crate) fn launch<B: DmaBuffer>(&mut self, block: Option<&mut Block<B>>) -> Result<(), DriverError> {
        let before = self.read_run()?;
        // From here on it may run: whatever fails below must not leave it believed idle.
        self.phase = Phase::Stuck;
        self.write_control(c2h::control::RUN.set(0, 1))?;
        // A refused start passes through "stopping" on its way to the error.
        let settled = |state| state == ChannelState::Running as u8 || state == ChannelState::Error as u8;
        let (state, waited) = self.wait_state(settled, START_LIMIT_NS)?;
        match ChannelState::from_bits(state) {
            Some(ChannelState::Running) => {}
            Some(ChannelState::Error) => {
                let failure = self.read_failure()?;
                self.phase = Phase::Failed(failure);
                return Err(self.failed(failure));
            }
            _ => return Err(DriverError::State { channel: self.id, found: state, wanted: ChannelState::Running, ns: waited }),
        }
        let (found, wanted) = (self.read_run()?, before.wrapping_add(1));
        if found != wanted {
            return Err(DriverError::Run { channel: self.id, found, wanted });
        }
        self.run = found;
        self.serial = self.claim.shared.next_serial();
        if let Some(block) = block {
            block.expect(found);
        }
        (self.started, self.counted) = (true, false);
        self.phase = Phase::Running;
        Ok(())
    }

    /// Ends the run and says whether there are final counts to be read: not for a channel that never started, nor if they were. A run that is over but whose
    /// end could not be read to the last register is ended again: nothing else would tell of it. After it, the phase is idle or failed.
    pub(crate) fn halt(&mut self) -> Result<bool, DriverError> {
        let _inside = self.enter()?;
        if let Err(error) = self.check_card() {
            // Nothing to be stopped after a reset. A card that was found gone is asked again: that is what a drop wants to know.
            if let DriverError::CardReset { .. } = error {
                (self.phase, self.started) = (Phase::Idle, false);
                return Err(error);
            }
        }
        match self.phase {
            Phase::Idle if self.counted || !self.started => return Ok(false),
            Phase::Failed(failure) => return Err(self.failed(failure)),
            Phase::Idle | Phase::Running | Phase::Stuck => self.phase = Phase::Stuck,
        }
        self.write_control(0)?;
        let (state, ns) = self.wait_state(is_still, self.stop_limit_ns())?;
        if !is_still(state) {
            return Err(DriverError::State { channel: self.id, found: state, wanted: ChannelState::Idle, ns });
        }
        self.phase = Phase::Idle;
        if !self.started {
            return Ok(false);
        }
        // The completion of that read pushed all posted writes of the run into memory: everything is final.
        let failure = self.read_failure()?;
        if state == ChannelState::Error as u8 || failure.code != 0 {
            self.phase = Phase::Failed(failure);
        }
        Ok(true)
    }

    /// How a run that is over ended: with `counts`, or by a failure.
    pub(crate) const fn outcome<T: Copy>(&self, counts: T) -> Result<T, DriverError> {
        match self.phase {
            Phase::Failed(failure) => Err(self.failed(failure)),
            Phase::Idle | Phase::Running | Phase::Stuck => Ok(counts),
        }
    }

    /// How long what is in flight may take to end.
    fn stop_limit_ns(&self) -> u64 {
        STOP_LIMIT_NS + self.claim.shared.completion_timeout_ns()
    }

    /// Resets the channel, and waits until it is idle.
    pub(crate) fn reset(&mut self) -> Result<(), DriverError> {
        let _inside = self.enter()?;
        self.reset_inside()
    }

    /// A stop comes first, as far as it works: it ends when the reads in flight have, whereas a reset forgets them, and the host would still answer them out of
    /// memory that is somebody else's by then.
    fn reset_inside(&mut self) -> Result<(), DriverError> {
        self.adopt();
        self.phase = Phase::Stuck;
        if self.state()? != ChannelState::Idle as u8 {
            self.write_control(0)?;
            self.wait_state(is_still, self.stop_limit_ns())?;
        }
        self.write_control(c2h::control::RESET.set(0, 1))?;
        self.noted(wait_idle(&self.regs, &self.clock, self.id, RESET_LIMIT_NS))?;
        (self.phase, self.started) = (Phase::Idle, false);
        Ok(())
    }

    /// Nothing of the run before counts any more. The channel is idle: whoever calls this has made it so, or seen it.
    pub(crate) const fn forget(&mut self) {
        (self.phase, self.started) = (Phase::Idle, false);
    }

    /// Makes the channel quiet by all means, for a drop. Returns whether it will not reach memory any more: it is idle or failed, the card was reset since
    /// its run, or the platform knows that the card is cut off.
    pub(crate) fn quiet(&mut self) -> bool {
        match self.halt() {
            Ok(_) | Err(DriverError::Failed { .. } | DriverError::CardReset { .. }) => true,
            Err(DriverError::Gone { .. }) => self.regs.is_cut_off(),
            Err(_) => match self.reset() {
                Ok(()) => true,
                Err(_) => self.regs.is_cut_off(),
            },
        }
    }

    /// A new block of this run, if there is one. All ones are looked into.
    #[inline]
    pub(crate) fn look_at<B: DmaBuffer>(&self, block: &Block<B>) -> Result<Option<WriteBack>, DriverError> {
        match block.look(&self.clock) {
            Ok(Look::Nothing) => Ok(None),
            Ok(Look::New(new)) => Ok(Some(new)),
            Ok(Look::AllOnes) => Err(self.all_ones(RingFault::BlockAllOnes)),
            Err(fault) => Err(self.fault(fault)),
        }
    }

    /// Something in memory is all ones: the card is gone, or this is `fault`.
    #[cold]
    pub(crate) fn all_ones(&self, fault: RingFault) -> DriverError {
        self.noted(identify(&self.regs)).err().unwrap_or_else(|| self.fault(fault))
    }

    /// What a block says of the channel's state.
    pub(crate) fn health_of(&self, block: &WriteBack) -> Result<Health, DriverError> {
        match ChannelState::from_bits(block.state) {
            Some(ChannelState::Running) => Ok(Health::Alive),
            Some(ChannelState::Error) => self.read_cookie(block).map(Health::Failed),
            _ => Err(self.fault(RingFault::State { found: block.state })),
        }
    }

    fn read_cookie(&self, block: &WriteBack) -> Result<Failure, DriverError> {
        let cookie = self.regs.any64(at(self.id, self.layout().error_cookie))?;
        Ok(Failure { code: block.error, addr: BusAddr(block.error_addr), cookie })
    }

    /// Asks the registers whether a channel that is silent still runs: one that failed because it may not write to memory any more cannot say so by
    /// a block or an interrupt.
    pub(crate) fn health(&self) -> Result<Health, DriverError> {
        let found = self.state()?;
        match ChannelState::from_bits(found) {
            // Stopping, unasked: on its way to the error state, in which counts are final.
            Some(ChannelState::Running | ChannelState::Stopping) => Ok(Health::Alive),
            Some(ChannelState::Error) => self.read_failure().map(Health::Failed),
            _ => Err(self.fault(RingFault::State { found })),
        }
    }

    /// The channel stopped by itself. What it did before comes first, the failure after it.
    pub(crate) fn note_failure(&mut self, failure: Failure, ready: bool) -> Result<bool, DriverError> {
        self.phase = Phase::Failed(failure);
        if ready { Ok(true) } else { Err(self.failed(failure)) }
    }

    /// Whether there is a point in looking for progress.
    pub(crate) fn listens(&self) -> Result<bool, DriverError> {
        self.check_card()?;
        match self.phase {
            Phase::Idle | Phase::Stuck => Ok(false),
            Phase::Failed(failure) => Err(self.failed(failure)),
            Phase::Running => Ok(true),
        }
    }
}

/// Vector `vector` of as many as there are: those beyond share.
fn fold(claim: &Claim, vector: u8) -> u8 {
    let vectors = claim.shared.demux.vectors().max(1);
    (u16::from(vector) % vectors) as u8
}

/// A stop before a restart: a run that had failed or does not stop in time is no error, since the start resets it.
pub(crate) fn stopped_for_restart<T>(stopped: Result<T, DriverError>) -> Result<(), DriverError> {
    match stopped {
        Ok(_) | Err(DriverError::Failed { .. } | DriverError::State { .. } | DriverError::Fault { .. } | DriverError::CardReset { .. }) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Nothing of the channel is in flight.
const fn is_still(state: u8) -> bool {
    state == ChannelState::Idle as u8 || state == ChannelState::Error as u8
}

fn read_state(regs: &impl Named, channel: ChannelId) -> Result<u8, DriverError> {
    Ok(c2h::status::STATE.get(regs.get32(at(channel, c2h::STATUS))?.into()) as u8)
}

/// Reads `STATUS.state` until it is `wanted`, or for `limit_ns`. Returns the last value and the time waited.
fn wait_state(
    regs: &impl Named,
    clock: &impl Time,
    channel: ChannelId,
    wanted: impl Fn(u8) -> bool,
    limit_ns: u64,
) -> Result<(u8, u64), DriverError> {
    let start = clock.now();
    let deadline = start.after(limit_ns);
    loop {
        let state = read_state(regs, channel)?;
        let now = clock.now();
        if wanted(state) || now >= deadline {
            return Ok((state, now.0.saturating_sub(start.0)));
        }
        clock.pause(pause_until(start, now, deadline));
    }
}

/// Waits until `channel` is idle after a reset.
pub(crate) fn wait_idle(regs: &impl Named, clock: &impl Time, channel: ChannelId, limit_ns: u64) -> Result<(), DriverError> {
    let wanted = ChannelState::Idle;
    let (found, ns) = wait_state(regs, clock, channel, |state| state == wanted as u8, limit_ns)?;
    if found == wanted as u8 { Ok(()) } else { Err(DriverError::State { channel, found, wanted, ns }) }
}
