//! The driver's own recovery: each rung of its ladder under everything that runs, and the rung that it chooses for what went wrong. After it, all channels that
//! it was given run anew; the oracles begin where those runs do.

use crate::coverage::{self, Rung};
use crate::tap::Taps;
use crate::world::{End, World};
use silico_driver::channel::Phase;
use silico_driver::error::{ChannelId, DriverError};
use silico_driver::platform::AccessError;
use silico_driver::recover::{Level, Recoverable};
use silico_spec::config::capabilities::pm::{self, PowerState};
use silico_spec::config::capabilities::standard_id;
use silico_spec::units::Cycles;

/// Longest wait of a driver on a card that may be pulled at any time, in ns.
const SHORT_NS: u64 = 300;

/// A channel in recovery; where its front end was when its new run began is noted.
struct Noted<'a> {
    channel: &'a mut dyn Recoverable,
    taps: &'a Taps,
    entered: Option<u64>,
}

impl Recoverable for Noted<'_> {
    fn id(&self) -> ChannelId {
        self.channel.id()
    }

    fn quiesce(&mut self) {
        self.channel.quiesce();
    }

    fn reset_channel(&mut self) -> Result<(), DriverError> {
        self.channel.reset_channel()
    }

    fn resume(&mut self) -> Result<(), DriverError> {
        if let ChannelId::C2h(lane) = self.id() {
            self.entered = Some(self.taps.entered(lane.into()));
        }
        self.channel.resume()
    }
}

/// What is wrong, and what is done about it.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Nothing: this rung is wanted.
    Nothing(Level),
    /// The driver chooses the rung.
    Error(DriverError),
}

impl World {
    /// A rung of the ladder, for all channels.
    pub(crate) fn climb(&mut self, level: Level) -> Result<(), String> {
        if self.faults > 0 {
            return Ok(());
        }
        self.mend_by(Wrong::Nothing(level), None)
    }

    /// The gentlest rung for what has failed, or for a card that somebody left in D3hot.
    pub(crate) fn mend(&mut self, asleep: bool) -> Result<(), String> {
        if self.faults > 0 {
            return Ok(());
        }
        if asleep {
            self.cut_off();
            self.set_power(PowerState::D3Hot)?;
            let error = self.no_answer()?;
            return self.mend_by(Wrong::Error(error), None);
        }
        let failed = |channel, phase| match phase {
            Some(Phase::Failed(failure)) => Some(DriverError::Failed { channel, failure }),
            _ => None,
        };
        let lanes =
            (0..).zip(&self.lanes).find_map(|(index, lane)| failed(ChannelId::C2h(index), lane.ring.as_ref().map(|ring| ring.phase())));
        let error = lanes.or_else(|| (0..).zip(&self.senders).find_map(|(index, sender)| failed(ChannelId::H2c(index), sender.phase())));
        let Some(error) = error else { return Ok(()) };
        let only = error.channel().filter(|_| Level::against(&error).is_some_and(|level| level <= Level::ChannelReset));
        self.mend_by(Wrong::Error(error), only)
    }

    /// Recovers all channels, or `only` one, and begins their books anew.
    fn mend_by(&mut self, wrong: Wrong, only: Option<ChannelId>) -> Result<(), String> {
        let asleep = matches!(wrong, Wrong::Error(DriverError::Access { .. } | DriverError::Gone { .. }));
        if !asleep {
            self.unmask_all()?;
        }
        let concerned = |id| only.is_none_or(|only| only == id);
        for index in 0..self.lanes.len() {
            if concerned(ChannelId::C2h(index as u8)) {
                // The books of a run that ends by a mere stop can be closed.
                if matches!(wrong, Wrong::Nothing(Level::ChannelStop)) && self.lanes[index].is_running() {
                    self.stop(index)?;
                }
                self.lanes[index].oracle.forget();
                self.lanes[index].oracle.may_miss();
            }
        }
        (0..self.senders.len()).for_each(|index| self.disturb_loop(index));
        let Self { lanes, senders, card, taps, .. } = self;
        let taps = &*taps;
        let noted = |channel| Noted { channel, taps, entered: None };
        let mut channels: Vec<Noted<'_>> =
            lanes.iter_mut().filter_map(|lane| lane.ring.as_mut()).map(|ring| noted(ring.recoverable())).collect();
        channels.extend(senders.iter_mut().filter_map(|sender| sender.channel.as_mut()).map(|channel| noted(channel)));
        let mut concerning: Vec<&mut dyn Recoverable> =
            channels.iter_mut().filter(|channel| concerned(channel.id())).map(|channel| channel as &mut dyn Recoverable).collect();
        let level = match wrong {
            Wrong::Nothing(level) => card.recover(level, &mut concerning).map(|()| level),
            Wrong::Error(error) => card.recover_from(&error, &mut concerning).map(|recovery| recovery.level),
        };
        let level = level.map_err(|error| format!("recovery from {wrong:?}: {error}"))?;
        coverage::climbed(Rung::of(level, matches!(wrong, Wrong::Error(_))));
        let began: Vec<(ChannelId, Option<u64>)> = channels.iter().map(|channel| (channel.id(), channel.entered)).collect();
        self.mended(&began, only, level)
    }

    /// The new runs have begun: `began` says which, and where the front ends were.
    fn mended(&mut self, began: &[(ChannelId, Option<u64>)], only: Option<ChannelId>, level: Level) -> Result<(), String> {
        for (id, entered) in began.iter().filter(|(id, _)| only.is_none_or(|only| only == *id)) {
            match *id {
                ChannelId::C2h(lane) => {
                    let index = usize::from(lane);
                    self.lanes[index].end = End::Open;
                    self.begin(index, entered.ok_or_else(|| format!("channel {lane} was not resumed"))?);
                    self.lanes[index].ring().renewed();
                }
                ChannelId::H2c(sender) => {
                    self.settle_output(sender.into())?;
                    self.begin_sender(sender.into());
                }
            }
        }
        if level >= Level::FunctionReset {
            self.report_all()?;
        }
        if level >= Level::CardReset {
            (self.enabled, self.bus_master, self.all_masked) = (true, true, false);
            self.lanes.iter_mut().for_each(|lane| {
                lane.masked = false;
                lane.oracle.empty_loop();
            });
            self.senders.iter_mut().for_each(|sender| sender.masked = false);
        }
        Ok(())
    }

    /// Puts the card into a power state.
    fn set_power(&self, state: PowerState) -> Result<(), String> {
        let mut machine = self.platform.machine();
        let at = machine.function().and_then(|function| function.standard(standard_id::PM)).ok_or("no power management")? + pm::CONTROL;
        let bits = if state == PowerState::D0 { 0 } else { pm::POWER_STATE };
        machine.config_write(at, bits).map_err(|error| format!("power state {state:?}: {error}"))
    }

    /// What the driver says of registers that do not answer.
    fn no_answer(&self) -> Result<DriverError, String> {
        match self.card.counters() {
            Err(error @ (DriverError::Access { .. } | DriverError::Gone { .. })) => {
                coverage::met(&error);
                Ok(error)
            }
            other => Err(format!("registers of a card that does not answer: {other:?}")),
        }
    }

    /// D3hot, and back to D0: nothing is reset, but whoever wanted to send meanwhile has failed.
    pub(crate) fn sleep(&mut self, clocks: u64) -> Result<(), String> {
        if !self.bus_master || self.faults > 0 {
            return Ok(());
        }
        self.cut_off();
        self.set_power(PowerState::D3Hot)?;
        self.advance(clocks);
        match self.no_answer()? {
            DriverError::Access { error: AccessError::Rejected { .. }, .. } => {}
            error => return Err(format!("a card in D3hot answers as {error}")),
        }
        self.set_power(PowerState::D0)
    }

    /// The card is pulled out in the middle of what the driver does, and put back; the driver finds it again.
    pub(crate) fn pull(&mut self, clocks: u64, ones: bool) -> Result<(), String> {
        if self.faults > 0 {
            return Ok(());
        }
        self.unmask_all()?;
        self.lanes.iter_mut().for_each(|lane| lane.oracle.forget());
        let mut machine = self.platform.machine();
        let (at, limit) = (machine.now().after(Cycles(clocks)), machine.now().after(Cycles(clocks + 10_000)));
        machine.link_down_at(at);
        drop(machine);
        while self.platform.machine().link_up() {
            self.ride()?;
            if self.now() > limit {
                return Err(format!("the link does not go down at {at}"));
            }
        }
        self.platform.pull(ones);
        self.poke_the_dead()?;
        let error = self.no_answer()?;
        // Put back before it was looked for: else nobody would find it.
        self.platform.plug();
        self.mend_by(Wrong::Error(error), None)
    }

    /// What a busy driver does, on a card that may go at any time: each call ends well, or with an error that fits.
    fn ride(&mut self) -> Result<(), String> {
        let deadline = self.in_ns(SHORT_NS);
        let fits = |error: &DriverError| {
            matches!(
                error,
                DriverError::Gone { .. }
                    | DriverError::Access { error: AccessError::Gone, .. }
                    | DriverError::Failed { .. }
                    | DriverError::WouldBlock { .. }
                    | DriverError::NotRunning { .. }
                    | DriverError::Running { .. }
                    | DriverError::Disabled
            )
        };
        for index in 0..self.lanes.len() {
            let shape = &self.lanes[index].shape;
            let mode = shape.wait_mode(shape.wait);
            let ring = self.lanes[index].ring();
            let results =
                [ring.wait_as(mode, deadline).map(drop), ring.next(|_, _| Ok(())).map(drop), ring.give_back(), ring.start().map(drop)];
            if let Some(error) = results.into_iter().filter_map(Result::err).find(|error| !fits(error)) {
                return Err(format!("lane {index} of a card that is being pulled: {error}"));
            }
        }
        for index in 0..self.senders.len() {
            let channel = self.senders[index].channel();
            let results = [channel.reclaim().map(drop), channel.start()];
            if let Some(error) = results.into_iter().filter_map(Result::err).find(|error| !fits(error)) {
                return Err(format!("sender {index} of a card that is being pulled: {error}"));
            }
        }
        self.advance(50);
        Ok(())
    }
}
