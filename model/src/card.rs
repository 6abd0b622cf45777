//! The card: its units joined, and one clock of all of them.

use crate::access::{Access, Completion, MAX_DWORDS};
use crate::c2h::{Channel, Env, Front, Signal, Want};
use crate::config::{ConfigSpace, Effects, ErrorKind, ResetKind};
use crate::malformed::malformed;
use crate::msix::{Message, Msix};
use crate::receive::{PostedWrite, Receiver};
use crate::registers::{Asked, CardRegisters};
use crate::transmit::{Source, Transmitter};
use silico_spec::credit::{Class, Limits};
use silico_spec::params::{CardParams, ParamError};
use silico_spec::port::{Response, TlpBuf};
use silico_spec::tlp::{ErrorSeverity, Header, Kind, routing};
use silico_spec::units::{Cycle, Dwords, Tag};
use std::collections::VecDeque;

/// The cycle model of the reference card.
#[derive(Debug)]
pub struct Card {
    pub(crate) params: CardParams,
    pub(crate) config: ConfigSpace,
    pub(crate) msix: Msix,
    pub(crate) channels: Vec<Channel>,
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
    limits: Limits,
    /// What the channels see of all that.
    pub(crate) env: Env,
    /// Collects the beats of a TLP that comes clock by clock.
    pub(crate) incoming: TlpBuf,
    /// Bit per channel: it is not asleep. The others are not looked at.
    pub(crate) awake: Set,
    /// Messages owed to the root complex, as in [`MESSAGES`].
    messages: [bool; MESSAGES.len()],
    /// A TLP is being received: its first beat has come and no reset since.
    pub(crate) receiving: bool,
    in_reset: bool,
}

/// A set of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(pub(crate) u16);

impl Set {
    pub(crate) fn insert(&mut self, channel: usize) {
        self.0 |= 1 << channel;
    }

    pub(crate) fn remove(&mut self, channel: usize) {
        self.0 &= !(1 << channel);
    }

    /// Those from `first` on, then those before it.
    pub(crate) fn from(self, first: usize) -> impl Iterator<Item = usize> {
        let below = (1 << first) - 1;
        Self(self.0 & !below).chain(Self(self.0 & below))
    }
}

impl Iterator for Set {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let channel = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (channel < 16).then_some(channel)
    }
}

/// Message code and routing of what the card may owe the root complex, most urgent first: ERR_FATAL, ERR_NONFATAL, ERR_COR to the root
/// complex, PME_TO_Ack gathered on the way (PCIe 4.0 tables 2-18, 2-20 and 2-21).
const MESSAGES: [(u8, u8); 4] = [(0x33, routing::TO_ROOT), (0x31, routing::TO_ROOT), (0x30, routing::TO_ROOT), (0x1b, routing::GATHERED)];
/// PME_TO_Ack in [`MESSAGES`].
const PME_TO_ACK: usize = 3;

/// Place in [`MESSAGES`].
fn severity(message: ErrorSeverity) -> usize {
    match message {
        ErrorSeverity::Fatal => 0,
        ErrorSeverity::NonFatal => 1,
        ErrorSeverity::Correctable => 2,
    }
}

/// The front ends, at either grain of the port.
pub(crate) trait Fronts {
    fn of(&mut self, channel: usize) -> Front<'_>;
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
            messages: [false; MESSAGES.len()],
            receiving: false,
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
    fn update_env(&mut self) {
        self.env = Env {
            width: self.params.width,
            mps: self.config.max_payload(),
            enabled: self.registers.enable,
            limit: *self.limits.of(Class::Posted),
            consumed: self.transmitter.consumed[Class::Posted as usize],
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
    /// streams show has passed already: see [`Card::step`].
    pub(crate) fn hold_in_reset(&mut self, fundamental: bool) {
        let entering = !self.in_reset;
        if entering || fundamental && self.cycles != 0 {
            self.reset_function(if fundamental { ResetKind::Fundamental } else { ResetKind::Hot });
            self.receiver = Receiver::new(self.params.np_depth);
            self.transmitter = Transmitter::new();
            self.completions.clear();
            self.receiving = false;
            self.update_env();
        }
        self.in_reset = true;
        self.cycles = if fundamental { 0 } else { self.cycles + u64::from(!entering) };
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
        if kind == ResetKind::FunctionLevel {
            self.receiver.drop_posted();
        }
        self.access = None;
        self.flr_pending = false;
        self.messages = Default::default();
        self.poked = true;
        self.update_env();
    }

    /// Does what a config write asked for.
    pub(crate) fn apply(&mut self, effects: Effects) {
        self.flr_pending |= effects.flr;
        if effects.msix && self.config.msix_enabled() {
            // What was signalled while there were no messages is signalled by them.
            self.channels.iter().flat_map(Channel::fired).flatten().for_each(|vector| self.msix.raise(vector));
        }
        self.msix.set_enables(self.config.msix_enabled(), self.config.msix_function_mask() || !self.config.bus_master());
        self.update_env();
        for channel in &mut self.channels {
            channel.refresh(&self.env);
        }
    }

    /// Does what a write to the card-wide registers asked for.
    pub(crate) fn obey(&mut self, asked: Asked) {
        if asked.latch {
            self.registers.latch();
            self.channels.iter_mut().for_each(Channel::latch_perf);
        }
        if asked.clear {
            self.registers.perf = Default::default();
            self.channels.iter_mut().for_each(|channel| channel.perf = Default::default());
        }
        if asked.reset {
            self.registers = CardRegisters::default();
            self.channels.iter_mut().for_each(Channel::reset_with_runs);
            self.awake = Set(((1_u32 << self.channels.len()) - 1) as u16);
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
            Some(Source::Channel(index)) => self.channels[index].flight.take(),
            _ => None,
        };
        let granted = if self.transmitter.source.is_none() { self.grant(&env) } else { None };
        for index in self.awake {
            let busy = sending == Some(index) || granted == Some(Source::Channel(index));
            self.channels[index].advance(&env, self.cycles, 1, busy, &mut fronts.of(index));
        }
        if let (Some(Source::Channel(index)), Some(flight)) = (left, flight) {
            self.channels[index].left(flight, &env);
        }
        self.end_of_clock();
        self.registers.perf.cycles += 1;
        self.poked |= self.access();
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

    fn count_beats(&mut self, source: Source, beats: u64) {
        self.registers.perf.tx_busy += beats;
        if let Source::Channel(index) = source {
            self.channels[index].perf.tx_beats += beats;
        }
    }

    /// Chooses the next TLP, if one may go, and offers it from the next clock on.
    fn grant(&mut self, env: &Env) -> Option<Source> {
        let granted = self.grant_completion().or_else(|| {
            if self.flr_pending {
                // Nothing new: the completion of the write that asked for the reset goes, then the reset comes.
                return None;
            }
            let message = self.grant_message().or_else(|| self.grant_interrupt());
            message.unwrap_or_else(|| self.grant_channel(env))
        });
        if granted.is_none() && (!self.completions.is_empty() || self.posted_wanted(env)) {
            self.registers.perf.no_credit += 1;
        }
        granted
    }

    fn grant_completion(&mut self) -> Option<Source> {
        let completion = *self.completions.front()?;
        let payload = completion.header.payload_bytes();
        if !self.transmitter.affords(&self.limits, Class::Completion, payload) {
            return None;
        }
        self.completions.pop_front();
        self.transmitter.tlp.set_len(payload as usize);
        for (bytes, dword) in self.transmitter.tlp.payload_mut().as_chunks_mut::<4>().0.iter_mut().zip(completion.data) {
            *bytes = dword.to_le_bytes();
        }
        self.load(Source::Completion, completion.header)
    }

    /// A message for the root complex. `None`: none waits. `Some(None)`: one waits and holds up what is posted.
    fn grant_message(&mut self) -> Option<Option<Source>> {
        let message = self.messages.iter().position(|waits| *waits)?;
        if !self.transmitter.affords(&self.limits, Class::Posted, 0) {
            return Some(None);
        }
        self.messages[message] = false;
        self.transmitter.tlp.set_len(0);
        let (code, routing) = MESSAGES[message];
        let header = Header::of(Kind::Message(routing), true, Dwords(0)).with_requester(self.config.bdf()).with_message_code(code);
        Some(self.load(Source::Message, header))
    }

    /// `None`: no message waits. `Some(None)`: one waits and holds up what is posted.
    fn grant_interrupt(&mut self) -> Option<Option<Source>> {
        if !self.interrupt_ready() {
            return None;
        }
        if !self.transmitter.affords(&self.limits, Class::Posted, 4) {
            return Some(None);
        }
        let message = self.take_interrupt()?;
        self.transmitter.tlp.set_len(4);
        self.transmitter.tlp.payload_mut().copy_from_slice(&message.data.to_le_bytes());
        self.registers.perf.interrupts += 1;
        let header = Header::memory(Kind::MemWrite, self.config.bdf(), Tag(0), message.address, Dwords(1));
        Some(self.load(Source::Interrupt, header))
    }

    fn interrupt_ready(&self) -> bool {
        self.msix.any_ready() || self.config.any_msi_ready()
    }

    /// The next message of MSI-X or MSI: one of them at most is on.
    fn take_interrupt(&mut self) -> Option<Message> {
        if let Some((vector, message)) = self.msix.take_ready() {
            self.channels.iter_mut().for_each(|channel| channel.message_sent(vector));
            return Some(message);
        }
        self.config.take_ready_msi()
    }

    fn grant_channel(&mut self, env: &Env) -> Option<Source> {
        for index in self.awake.from(self.transmitter.turn) {
            let Some(want) = self.channels[index].want_in(env) else { continue };
            if !self.config.bus_master() {
                self.channels[index].refuse();
                continue;
            }
            if !self.transmitter.affords(&self.limits, Class::Posted, want.bytes()) {
                return None;
            }
            self.transmitter.turn = if index + 1 < self.channels.len() { index + 1 } else { 0 };
            return self.grant_want(index, want, env);
        }
        None
    }

    fn grant_want(&mut self, index: usize, want: Want, env: &Env) -> Option<Source> {
        let target = self.channels[index].grant(want, env, self.cycles, &mut self.transmitter.tlp);
        let mut attributes = target.attributes;
        attributes.relaxed &= self.config.relaxed_allowed();
        attributes.no_snoop &= self.config.no_snoop_allowed();
        let address = silico_spec::units::BusAddr(target.address);
        let header =
            Header::memory(Kind::MemWrite, self.config.bdf(), Tag(0), address, Dwords(want.bytes() / 4)).with_attributes(attributes);
        self.load(Source::Channel(index), header)
    }

    fn load(&mut self, source: Source, header: Header) -> Option<Source> {
        let beats = self.params.width.beats(self.transmitter.tlp.payload().len() as u32);
        self.transmitter.load(source, header, beats);
        self.env.consumed = self.transmitter.consumed[Class::Posted as usize];
        Some(source)
    }

    /// Whether [`Card::grant`] would do something.
    pub(crate) fn grantable(&self, env: &Env) -> bool {
        let affords = |class, payload| self.transmitter.affords(&self.limits, class, payload);
        if self.completions.front().is_some_and(|completion| affords(Class::Completion, completion.header.payload_bytes())) {
            return true;
        }
        if self.messages.iter().any(|waits| *waits) {
            return affords(Class::Posted, 0);
        }
        if self.interrupt_ready() {
            return affords(Class::Posted, 4);
        }
        let next = self.awake.from(self.transmitter.turn).find_map(|index| self.channels[index].wanted_bytes(env));
        next.is_some_and(|bytes| !self.config.bus_master() || affords(Class::Posted, bytes))
    }

    /// The transmit side of some clocks in which no TLP starts or ends.
    pub(crate) fn pass_beats(&mut self, clocks: u64, hold: u64, env: &Env, now: Cycle) {
        match self.transmitter.source {
            None if !self.completions.is_empty() || self.posted_wanted(env) => self.registers.perf.no_credit += clocks,
            None => {}
            Some(source) => {
                let held = clocks.min(hold);
                let beats = clocks - held;
                self.registers.perf.tx_held += held;
                if self.transmitter.beat == 0 && beats > 0 {
                    self.transmitter.first = now.0 + held;
                }
                self.transmitter.beat += beats as u32;
                self.count_beats(source, beats);
            }
        }
    }

    fn posted_wanted(&self, env: &Env) -> bool {
        let channels = || self.config.bus_master() && self.awake.into_iter().any(|index| self.channels[index].wanted_bytes(env).is_some());
        self.messages.iter().any(|waits| *waits) || self.interrupt_ready() || channels()
    }

    fn end_of_clock(&mut self) {
        for index in self.awake {
            let channel = &mut self.channels[index];
            let signals = channel.end_of_clock(self.cycles, self.config.bus_master());
            if channel.asleep() {
                self.awake.remove(index);
            }
            for signal in signals.into_iter().flatten() {
                self.signal(index, signal);
            }
        }
    }

    fn signal(&mut self, channel: usize, signal: Signal) {
        let (Signal::Data(vector) | Signal::Error(vector)) = signal;
        self.channels[channel].note_fired(signal);
        if self.config.msix_enabled() {
            self.msix.raise(vector);
        } else if self.config.msi().enabled {
            // A message of MSI may stand for several vectors: it takes none of them along in INT_STATUS.
            self.config.raise_msi(vector as u8);
        }
    }

    // --- receiving ----------------------------------------------------------------------------------------------------------

    /// A TLP has come whole, in this clock.
    pub(crate) fn receive(&mut self, tlp: &TlpBuf) {
        if tlp.discard {
            return;
        }
        self.poked = true;
        self.registers.perf.rx_tlps += 1;
        let header = Header(tlp.header);
        let kind = header.kind();
        if malformed(&header, tlp.payload().len() as u32, self.config.max_payload()) {
            self.log(ErrorKind::MalformedTlp, Some(&header));
            return self.receiver.free(kind.class(), tlp.payload().len() as u32);
        }
        match kind {
            Kind::MemWrite => self.receive_write(header, tlp.payload()),
            Kind::Message(_) | Kind::MessageData(_) => {
                if let (SET_SLOT_POWER_LIMIT, Some(limit)) = (header.message_code(), tlp.payload().first_chunk::<4>()) {
                    self.config.set_slot_power(u32::from_le_bytes(*limit));
                }
                self.messages[PME_TO_ACK] |= header.message_code() == PME_TURN_OFF;
                self.drop_tlp(header, unexpected_message(&header));
            }
            _ => match kind.class() {
                Class::Completion => self.drop_tlp(header, Some(ErrorKind::UnexpectedCompletion)),
                _ => {
                    let request = self.receiver.request(header, tlp.payload());
                    if self.receiver.push_non_posted(request).is_err() {
                        self.log(ErrorKind::ReceiverOverflow, None);
                    }
                }
            },
        }
    }

    fn receive_write(&mut self, header: Header, payload: &[u8]) {
        let Some((bar, offset)) = self.config.claims(header.address()) else {
            return self.drop_tlp(header, Some(ErrorKind::UnsupportedRequest));
        };
        if header.poisoned() {
            return self.drop_tlp(header, Some(ErrorKind::PoisonedTlp));
        }
        if header.length().0 > MAX_DWORDS {
            return self.drop_tlp(header, Some(ErrorKind::CompleterAbort));
        }
        let request = self.receiver.request(header, payload);
        if self.receiver.push_posted(PostedWrite { bar, offset, request }).is_err() {
            self.log(ErrorKind::ReceiverOverflow, None);
        }
    }

    fn drop_tlp(&mut self, header: Header, error: Option<ErrorKind>) {
        if let Some(error) = error {
            self.log(error, Some(&header));
        }
        self.receiver.release(header);
    }
}

/// Message code.
const SET_SLOT_POWER_LIMIT: u8 = 0x50;
/// Message code; answered by PME_TO_Ack (PCIe 4.0 §5.3.3.2.1).
const PME_TURN_OFF: u8 = 0x19;

/// Messages that an endpoint takes (PCIe 4.0 §2.2.8): power limit, unlock, PME turn-off, vendor type 1. Others are unsupported.
fn unexpected_message(header: &Header) -> Option<ErrorKind> {
    const UNLOCK: u8 = 0x00;
    const VENDOR_TYPE_1: u8 = 0x7f;
    match header.message_code() {
        SET_SLOT_POWER_LIMIT | UNLOCK | PME_TURN_OFF | VENDOR_TYPE_1 => None,
        _ => Some(ErrorKind::UnsupportedRequest),
    }
}
