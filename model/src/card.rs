//! The card: its units joined, and one clock of all of them.

use crate::access::{Access, Completion};
use crate::c2h::{Channel, Env, Front, Signal};
use crate::config::{ConfigSpace, Effects, ErrorKind, ResetKind};
use crate::h2c::{self, Lack};
use crate::intx::Intx;
use crate::msix::Msix;
use crate::read::{Reader, Reads};
use crate::receive::Receiver;
use crate::registers::{Asked, CardRegisters};
use crate::set::Set;
use crate::transmit::{Source, Transmitter};
use silico_spec::credit::{Class, Limits};
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::{CardParams, MAX_C2H, ParamError};
use silico_spec::port::{Response, TlpBuf};
use silico_spec::tlp::{ErrorSeverity, Header, routing};
use silico_spec::units::Cycle;
use std::collections::VecDeque;

/// The cycle model of the reference card.
#[derive(Clone, Debug)]
pub struct Card {
    pub(crate) params: CardParams,
    pub(crate) config: ConfigSpace,
    pub(crate) msix: Msix,
    pub(crate) channels: Vec<Channel>,
    pub(crate) h2c: Vec<h2c::Channel>,
    pub(crate) reads: Reads,
    pub(crate) registers: CardRegisters,
    pub(crate) receiver: Receiver,
    pub(crate) access: Option<Access>,
    pub(crate) completions: VecDeque<Completion>,
    pub(crate) transmitter: Transmitter,
    /// Clocks since fundamental reset was released: the time base of all stamps. No other reset touches it.
    pub(crate) cycles: u64,
    /// A function-level reset waits for its completion to leave.
    pub(crate) flr_pending: bool,
    /// Something outside the streams changed in the last clock: its effects show at the end of the next.
    pub(crate) poked: bool,
    pub(crate) limits: Limits,
    /// What the channels see of all that.
    pub(crate) env: Env,
    /// Collects the beats of a TLP that comes clock by clock.
    pub(crate) incoming: TlpBuf,
    /// Bit per channel: it is not asleep. The others are not looked at.
    pub(crate) awake: Set,
    /// Those of the awake that may have pages: only they read.
    pub(crate) paged: Set,
    /// As `awake`, of the H2C channels.
    pub(crate) h2c_awake: Set,
    /// H2C channels that run and have nothing to do: only their idle clocks are counted.
    pub(crate) h2c_resting: Set,
    /// The H2C channel that feeds each C2H channel instead of its front end, and how many do.
    pub(crate) feeders: [Option<u8>; MAX_C2H],
    pub(crate) loops: usize,
    /// Messages owed to the root complex, as in [`MESSAGES`].
    pub(crate) messages: [bool; MESSAGES.len()],
    pub(crate) intx: Intx,
    /// The reset of a channel has come to its end in this clock.
    pub(crate) resets: bool,
    /// A TLP is being received: its first beat has come and no reset since.
    pub(crate) receiving: bool,
    /// The request of the read that it names had left when its first beat came: what begins to come earlier answers nothing.
    pub(crate) awaited: bool,
    in_reset: bool,
}

/// Message code and routing of what the card may owe the root complex, most urgent first: ERR_FATAL, ERR_NONFATAL, ERR_COR to the root
/// complex, PME_TO_Ack gathered on the way (PCIe 4.0 tables 2-18, 2-20 and 2-21).
pub(crate) const MESSAGES: [(u8, u8); 4] =
    [(0x33, routing::TO_ROOT), (0x31, routing::TO_ROOT), (0x30, routing::TO_ROOT), (0x1b, routing::GATHERED)];
/// PME_TO_Ack in [`MESSAGES`].
pub(crate) const PME_TO_ACK: usize = 3;

/// Place in [`MESSAGES`].
fn severity(message: ErrorSeverity) -> usize {
    match message {
        ErrorSeverity::Fatal => 0,
        ErrorSeverity::NonFatal => 1,
        ErrorSeverity::Correctable => 2,
    }
}

/// The front ends and the output streams, at either grain of the port.
pub(crate) trait Fronts {
    /// What C2H channel `channel` is shown. Looked at only where it is not [`Fronts::silent`].
    fn of(&mut self, channel: usize) -> Front<'_>;

    /// Nothing is on offer for C2H channel `channel` in `clocks` clocks from `from`, counted by the card.
    fn silent(&self, channel: usize, from: u64, clocks: u64) -> bool;

    /// The receiver of an H2C channel's output stream takes a beat in the clocks that are passed.
    fn out_ready(&self, channel: usize) -> bool;

    /// It has taken these bytes; `last`: they end a frame.
    fn out_take(&mut self, channel: usize, bytes: &[u8], last: bool);
}

impl Fork for Card {
    /// A card shares nothing with anybody.
    fn fork(&self, _: &mut Memo) -> Result<Self, CannotFork> {
        Ok(self.clone())
    }
}

impl Card {
    /// A card as after power-on.
    ///
    /// # Errors
    /// If a parameter is out of its range.
    pub fn new(params: CardParams) -> Result<Self, ParamError> {
        params.validate()?;
        let mut card = Self {
            env: Env::new(params.width),
            config: ConfigSpace::new(&params),
            msix: Msix::new(params.msix_vectors),
            channels: (0..params.c2h_channels).map(|index| Channel::new(index, &params)).collect(),
            h2c: (0..params.h2c_channels).map(|index| h2c::Channel::new(index, &params)).collect(),
            reads: Reads::new(params.read_tags),
            registers: CardRegisters::default(),
            receiver: Receiver::new(params.np_depth),
            access: None,
            completions: VecDeque::with_capacity(params.np_depth.into()),
            transmitter: Transmitter::new(),
            cycles: 0,
            flr_pending: false,
            poked: false,
            limits: Limits::NONE,
            incoming: TlpBuf::new(),
            awake: Set(0),
            paged: Set(0),
            h2c_awake: Set(0),
            h2c_resting: Set(0),
            feeders: [None; MAX_C2H],
            loops: 0,
            messages: [false; MESSAGES.len()],
            intx: Intx::default(),
            resets: false,
            receiving: false,
            awaited: false,
            in_reset: true,
            params,
        };
        card.update_env();
        Ok(card)
    }

    /// What the card was built with.
    #[must_use]
    pub fn params(&self) -> &CardParams {
        &self.params
    }

    /// Its config space, to look at.
    #[must_use]
    pub fn config_space(&self) -> &ConfigSpace {
        &self.config
    }

    /// Follows what the channels are shown of the card: after a change of config space, credits or the global enable.
    pub(crate) fn update_env(&mut self) {
        self.env = Env {
            width: self.params.width,
            mps: self.config.max_payload(),
            enabled: self.registers.enable,
            limit: *self.limits.of(Class::Posted),
            consumed: self.transmitter.consumed[Class::Posted as usize],
            mrrs: self.config.max_read_request(),
        };
    }

    /// What the link partner has granted from now on.
    #[inline]
    pub(crate) fn set_limits(&mut self, limits: &Limits) {
        if self.limits != *limits {
            self.limits = *limits;
            self.update_env();
        }
    }

    /// Logs an error, and owes the root complex the message that software wants of it.
    pub(crate) fn log(&mut self, error: ErrorKind, header: Option<&Header>) {
        if let Some(message) = self.config.log_error(error, header) {
            self.messages[severity(message)] = true;
        }
    }

    // --- resets -------------------------------------------------------------------------------------------------------------

    /// While reset is asserted or the link is down, the function is held as after it. In the first clock of it, outside reset still, what the
    /// streams show has passed already, time too: see [`Card::step`].
    pub(crate) fn hold_in_reset(&mut self, fundamental: bool, clocks: u64) {
        let entering = !self.in_reset;
        if entering || fundamental && self.cycles != 0 {
            self.reset_function(if fundamental { ResetKind::Fundamental } else { ResetKind::Hot });
            self.receiver = Receiver::new(self.params.np_depth);
            self.transmitter = Transmitter::new();
            self.completions.clear();
            // Whatever was on its way is lost with the link.
            self.reads = Reads::new(self.params.read_tags);
            self.receiving = false;
            // The root port's virtual wire falls with the link (PCIe 4.0 §2.2.8.1).
            self.intx = Intx::default();
            self.update_env();
            self.update_reads();
        }
        self.in_reset = true;
        self.cycles = if fundamental { 0 } else { self.cycles + clocks - u64::from(entering) };
    }

    /// The first clock out of reset: nothing else happens in it.
    pub(crate) fn leave_reset(&mut self) {
        self.in_reset = false;
        self.cycles += 1;
        self.receiver.announce();
    }

    pub(crate) fn is_in_reset(&self) -> bool {
        self.in_reset
    }

    fn reset_function(&mut self, kind: ResetKind) {
        self.config.reset(kind);
        self.msix.reset();
        self.registers = CardRegisters::default();
        for channel in &mut self.channels {
            channel.power_on(false);
        }
        self.reset_h2c();
        if kind == ResetKind::FunctionLevel {
            self.receiver.drop_posted();
        }
        self.access = None;
        (self.flr_pending, self.resets) = (false, false);
        self.messages = Default::default();
        self.intx = self.intx.after_reset();
        self.poked = true;
        self.update_env();
    }

    /// Does what a config write asked for.
    pub(crate) fn apply(&mut self, effects: Effects) {
        self.flr_pending |= effects.flr;
        if effects.msix && self.config.msix_enabled() {
            // What was signalled while there were no messages is signalled by them.
            self.channels.iter().flat_map(Channel::fired).flatten().for_each(|vector| self.msix.raise(vector));
            self.h2c_raise_fired();
        }
        if self.intx.follow_msi(self.config.msi().enabled) {
            self.raise_fired_msi();
        }
        self.intx.stale = true;
        self.msix.set_enables(self.config.msix_enabled(), self.config.msix_function_mask() || !self.config.bus_master());
        self.update_env();
        self.update_reads();
        for channel in &mut self.channels {
            channel.refresh(&self.env);
        }
    }

    /// Does what a write to the card-wide registers asked for.
    pub(crate) fn obey(&mut self, asked: Asked) {
        if asked.latch {
            self.registers.latch();
            self.channels.iter_mut().for_each(Channel::latch_perf);
            self.h2c.iter_mut().for_each(h2c::Channel::latch_perf);
        }
        if asked.clear {
            self.registers.perf = Default::default();
            self.channels.iter_mut().for_each(|channel| channel.perf = Default::default());
            self.h2c.iter_mut().for_each(|channel| channel.perf = Default::default());
        }
        self.acknowledge(asked.acknowledged);
        if asked.reset {
            self.registers = CardRegisters::default();
            self.channels.iter_mut().for_each(Channel::reset_with_runs);
            self.awake = Set::all(self.channels.len());
            self.reset_h2c_channels();
        }
        self.update_env();
    }

    // --- one clock ----------------------------------------------------------------------------------------------------------

    /// One clock outside reset. `response`: where a TLP goes whose last beat passes, at the port's coarse grain.
    pub(crate) fn step<F: Fronts>(&mut self, tx_ready: bool, fronts: &mut F, response: Option<&mut Response>, now: Cycle) {
        self.poked = false;
        let env = self.env;
        let sending = self.transmitter.channel();
        let left = self.pass_beat(tx_ready, response, now);
        let flight = match left {
            Some(Source::Channel(index) | Source::Fetch(index, _)) => self.channels[index].flight.take(),
            Some(Source::Block(index) | Source::Read(index, _)) => {
                self.h2c[index].flight = false;
                None
            }
            _ => None,
        };
        let readers = !self.no_readers();
        let lack = if readers { self.lack() } else { Lack::None };
        let tagless = lack == Lack::Tag && self.fetch_wanted(&env);
        let granted = if self.transmitter.source.is_none() { self.grant(&env) } else { None };
        if readers {
            self.count_reads(&env, 1, lack, tagless, granted);
        }
        self.count_rest(&env, 1);
        let outputs = self.ready_outputs(&env, fronts);
        for index in self.awake {
            let busy = sending == Some(index) || granted == Some(Source::Channel(index));
            self.advance_channel(index, &env, 1, busy, fronts);
        }
        self.advance_h2c(&env, 1, outputs, fronts);
        if let (Some(Source::Channel(index)), Some(flight)) = (left, flight) {
            self.channels[index].left(flight, &env);
        }
        self.h2c_left(left);
        self.end_of_clock();
        self.end_h2c_clock();
        self.registers.perf.cycles += 1;
        self.poked |= self.access();
        self.catch_up();
        self.watch_errors();
        self.follow_causes();
        self.end_resets();
        self.cycles += 1;
        if self.flr_pending && self.completions.is_empty() && self.transmitter.source.is_none() {
            self.reset_function(ResetKind::FunctionLevel);
        }
    }

    /// A beat passes, if one is offered and taken. Returns whose TLP it ended.
    fn pass_beat(&mut self, tx_ready: bool, response: Option<&mut Response>, now: Cycle) -> Option<Source> {
        let tx = &mut self.transmitter;
        let source = tx.source?;
        if !tx_ready {
            self.registers.perf.tx_held += 1;
            return None;
        }
        self.count_beats(source, 1);
        let tx = &mut self.transmitter;
        if tx.beat == 0 {
            tx.first = now.0;
        }
        tx.beat += 1;
        if tx.beat < tx.beats {
            return None;
        }
        tx.source = None;
        self.registers.perf.tx_tlps += 1;
        if let Some(response) = response {
            std::mem::swap(&mut tx.tlp, &mut response.tlp);
            response.tlp_done = true;
            response.tlp_first = Cycle(tx.first);
        }
        Some(source)
    }

    pub(crate) fn count_beats(&mut self, source: Source, beats: u64) {
        self.registers.perf.tx_busy += beats;
        if let Source::Channel(index) = source {
            self.channels[index].perf.tx_beats += beats;
        }
    }

    fn end_of_clock(&mut self) {
        let env = self.env;
        for index in self.awake {
            let channel = &mut self.channels[index];
            if channel.look_at > self.cycles {
                continue;
            }
            let signals = channel.end_of_clock(&env, self.cycles, self.config.bus_master(), self.reads.of(Reader::C2h(index)));
            self.resets |= channel.resets();
            if channel.asleep() {
                self.awake.remove(index);
                self.paged.remove(index);
            }
            for signal in signals.into_iter().flatten() {
                self.signal(index, signal);
            }
        }
    }

    /// Resets of channels that have come to their end in this clock: what a register access did in it to the channel is lost.
    fn end_resets(&mut self) {
        if !std::mem::take(&mut self.resets) {
            return;
        }
        self.channels.iter_mut().filter(|channel| channel.resets()).for_each(|channel| channel.power_on(true));
        self.h2c.iter_mut().filter(|channel| channel.resets()).for_each(|channel| channel.power_on(true));
        // The causes of these channels have gone.
        self.intx.stale = true;
        self.poked = true;
    }

    fn signal(&mut self, channel: usize, signal: Signal) {
        let (Signal::Data(vector) | Signal::Error(vector)) = signal;
        self.channels[channel].note_fired(signal);
        self.raise(vector);
    }

    /// The message of `vector` is to go.
    pub(crate) fn raise(&mut self, vector: u16) {
        self.intx.stale = true;
        if self.config.msix_enabled() {
            self.msix.raise(vector);
        } else if self.config.msi().enabled {
            // A message of MSI may stand for several vectors: it takes none of them along in INT_STATUS.
            self.config.raise_msi(vector as u8);
        }
    }

    /// Software has served causes, bit by bit as in `INT_STATUS` and `INT_STATUS_2`.
    fn acknowledge(&mut self, [first, second]: [u32; 2]) {
        use silico_spec::registers::card::{int_ack, int_ack_2};
        if (first, second) == (0, 0) {
            return;
        }
        let (first, second) = (u64::from(first), u64::from(second));
        for (index, channel) in self.channels.iter_mut().enumerate() {
            channel.acknowledge([int_ack::C2H_DATA, int_ack::C2H_ERROR].map(|field| field.get(first) >> index & 1 != 0));
        }
        for (index, channel) in self.h2c.iter_mut().enumerate() {
            channel.acknowledge([int_ack_2::H2C_SPACE, int_ack_2::H2C_ERROR].map(|field| field.get(second) >> index & 1 != 0));
        }
        if int_ack_2::CARD.get(second) != 0 {
            self.registers.fired_card = None;
        }
    }
}
