//! What the card does for its host-to-card channels: grants of their reads and blocks, completions, outputs, loops into C2H channels.

use crate::c2h::{Channel, Env, Front, Signal, Write};
use crate::card::{Card, Fronts};
use crate::config::ErrorKind;
use crate::h2c::{self, Lack, Need, Output};
use crate::read::{Effect, Expired, Failure, Owner, Reader};
use crate::registers::error_summary;
use crate::set::Set;
use crate::transmit::Source;
use silico_spec::credit::Class;
use silico_spec::params::MAX_H2C;
use silico_spec::port::FrontBeat;
use silico_spec::tlp::{CompletionStatus, Header, Kind, Limits};
use silico_spec::units::{BusAddr, Dwords, Tag};
use silico_spec::writeback;

/// Bit per H2C channel: the beat shown is taken.
pub(crate) type Taken = Set;

// --- registers and resets -----------------------------------------------------------------------------------------------------

impl Card {
    /// Follows config space in what holds for reads.
    pub(crate) fn update_reads(&mut self) {
        let timeout = self.config.completion_timeout_clocks(self.params.read_timeout.into());
        self.reads.set_rules(self.config.extended_tags(), timeout);
        self.show_pending();
    }

    /// Transactions Pending says whether reads are outstanding.
    pub(crate) fn show_pending(&mut self) {
        self.config.set_transactions_pending(self.reads.pending());
    }

    /// The function is reset: late completions are swallowed.
    pub(crate) fn reset_h2c(&mut self) {
        self.reads.forget();
        for channel in &mut self.h2c {
            channel.power_on(false);
        }
        (self.h2c_awake, self.h2c_resting) = (Set::all(self.h2c.len()), Set(0));
        self.join_loops();
        self.update_reads();
    }

    /// The registers ask for a reset of the whole card.
    pub(crate) fn reset_h2c_channels(&mut self) {
        self.h2c.iter_mut().for_each(h2c::Channel::reset_with_runs);
        (self.h2c_awake, self.h2c_resting) = (Set::all(self.h2c.len()), Set(0));
    }

    pub(crate) fn write_h2c(&mut self, channel: usize, within: u32, write: Write) -> bool {
        let others = self.h2c.iter().enumerate().filter(|(index, _)| *index != channel);
        let targets = others.fold(0, |targets, (_, other)| targets | other.targets());
        let Some(unit) = self.h2c.get_mut(channel) else { return false };
        let hit = unit.write(within, write, targets);
        self.h2c_awake.insert(channel);
        self.h2c_resting.remove(channel);
        hit
    }
}

// --- the transmit side --------------------------------------------------------------------------------------------------------

impl Card {
    /// What keeps a read from going at present.
    pub(crate) fn lack(&self) -> Lack {
        if !self.transmitter.affords(&self.limits, Class::NonPosted, 0) {
            Lack::Credit
        } else if self.reads.has_free() {
            Lack::None
        } else {
            Lack::Tag
        }
    }

    /// No channel can want to read.
    #[inline]
    pub(crate) fn no_readers(&self) -> bool {
        self.h2c_awake.is_empty() && self.paged.is_empty()
    }

    fn read_wanted(&self, env: &Env) -> bool {
        self.h2c_awake.into_iter().any(|index| self.h2c[index].need(env).is_read()) || self.fetch_wanted(env)
    }

    /// A read wants to go and lacks credits, and credits alone.
    pub(crate) fn read_starved(&self, env: &Env) -> bool {
        !self.no_readers() && self.config.bus_master() && self.lack() == Lack::Credit && self.reads.has_free() && self.read_wanted(env)
    }

    /// Whether [`Card::grant_read`] would do something.
    pub(crate) fn read_grantable(&self, env: &Env) -> bool {
        !self.no_readers() && (!self.config.bus_master() || self.lack() == Lack::None) && self.read_wanted(env)
    }

    pub(crate) fn block_wanted(&self) -> bool {
        self.h2c_awake.into_iter().any(|index| self.h2c[index].block_due())
    }

    /// The next read: those of H2C channels and those of page descriptors in turn. All reads need the same, a tag and a header credit, so the first
    /// that cannot go stands for all.
    pub(crate) fn grant_read(&mut self, env: &Env) -> Option<Source> {
        if self.no_readers() {
            return None;
        }
        let granted = if self.transmitter.fetches_first {
            self.grant_fetch(env).or_else(|| self.grant_h2c_read(env))
        } else {
            self.grant_h2c_read(env).or_else(|| self.grant_fetch(env))
        };
        match granted {
            Some(Source::Fetch(..)) => self.transmitter.fetches_first = false,
            Some(_) => self.transmitter.fetches_first = true,
            None => {}
        }
        granted
    }

    fn grant_h2c_read(&mut self, env: &Env) -> Option<Source> {
        for index in self.h2c_awake.from(self.transmitter.read_turn) {
            let need = self.h2c[index].need(env);
            if !need.is_read() {
                continue;
            }
            if !self.config.bus_master() {
                self.h2c[index].refuse();
                continue;
            }
            if self.lack() != Lack::None {
                return None;
            }
            self.transmitter.read_turn = index + 1;
            self.transmitter.reads_first = false;
            return self.grant_need(index, need);
        }
        None
    }

    fn grant_need(&mut self, index: usize, need: Need) -> Option<Source> {
        let granted = self.h2c[index].grant(need)?;
        let owner = Owner { reader: Reader::H2c(index), purpose: granted.purpose, start: granted.start, cookie: granted.cookie };
        let mut attributes = granted.attributes;
        attributes.relaxed &= self.config.relaxed_allowed();
        attributes.no_snoop &= self.config.no_snoop_allowed();
        let header = self.reads.issue(owner, granted.address, granted.bytes, self.config.bdf(), attributes)?;
        self.show_pending();
        self.transmitter.tlp.set_len(0);
        self.load(Source::Read(index, header.tag().0 as u8), header)
    }

    /// A write-back block. `None`: none waits. `Some(None)`: the next one lacks credits, or no memory may be written.
    pub(crate) fn grant_block(&mut self) -> Option<Option<Source>> {
        for index in self.h2c_awake.from(self.transmitter.block_turn) {
            if !self.h2c[index].block_due() {
                continue;
            }
            if !self.config.bus_master() {
                self.h2c[index].refuse();
                continue;
            }
            if !self.transmitter.affords(&self.limits, Class::Posted, writeback::BYTES) {
                return Some(None);
            }
            self.transmitter.block_turn = index + 1;
            self.transmitter.blocks_first = false;
            let target = self.h2c[index].grant_block(self.cycles, &mut self.transmitter.tlp);
            let header = Header::memory(Kind::MemWrite, self.config.bdf(), Tag(0), BusAddr(target.address), Dwords(writeback::BYTES / 4));
            return Some(self.load(Source::Block(index), header.with_attributes(target.attributes)));
        }
        None
    }

    /// A TLP has left.
    pub(crate) fn h2c_left(&mut self, source: Option<Source>) {
        match source {
            Some(Source::Read(_, tag) | Source::Fetch(_, tag)) => self.reads.sent(tag, self.cycles),
            Some(Source::Block(index)) => self.h2c[index].block_left(),
            _ => {}
        }
    }

    /// Counts clocks of channels that rest.
    #[inline]
    pub(crate) fn count_rest(&mut self, env: &Env, clocks: u64) {
        if env.enabled {
            self.h2c_resting.for_each(|index| self.h2c[index].rest(clocks));
        }
    }

    /// Counts clocks by what keeps each channel from reading. `tagless`: a read of page descriptors lacks a tag.
    pub(crate) fn count_reads(&mut self, env: &Env, clocks: u64, lack: Lack, mut tagless: bool, granted: Option<Source>) {
        for index in self.h2c_awake {
            let need = self.h2c[index].need(env);
            if !matches!(granted, Some(Source::Read(channel, _)) if channel == index) {
                tagless |= need.is_read() && lack == Lack::Tag;
                self.h2c[index].count(clocks, need, lack);
            }
        }
        if tagless {
            self.registers.perf.no_tag += clocks;
        }
    }
}

// --- completions --------------------------------------------------------------------------------------------------------------

impl Card {
    /// A completion has come.
    pub(crate) fn receive_completion(&mut self, header: Header, payload: &[u8]) {
        // Digests were looked at on arrival; RCB is what software says of the root complex, and any other completer keeps to it too.
        let rcb = self.config.read_completion_boundary();
        let limits = Limits { max_payload: self.config.max_payload(), rcb, digest: true, ..Limits::DEFAULT };
        let answer = self.reads.complete(&header, self.awaited, payload.len(), &limits);
        if let Some(error) = answer.error {
            self.log(error, Some(&header));
        }
        if let Some(status) = answer.status {
            self.log_status(status);
        }
        if let Some(Reader::H2c(channel)) = answer.reader {
            self.h2c[channel].perf.rx_beats += u64::from(self.params.width.beats(payload.len() as u32));
        }
        match answer.effect {
            Effect::None => {}
            Effect::Data { owner, lead, bytes } => {
                let data = &payload[lead..lead + bytes];
                match owner.reader {
                    Reader::H2c(channel) => self.h2c[channel].arrived(owner.purpose, owner.start, data),
                    Reader::C2h(channel) => self.channels[channel].fetched(owner.start, data),
                }
            }
            Effect::Failed(failure) => self.tell_failure(failure),
        }
        self.show_pending();
        self.receiver.release(header);
    }

    fn tell_failure(&mut self, failure: Failure) {
        match failure.reader {
            Reader::H2c(channel) => self.h2c[channel].read_failed(failure),
            Reader::C2h(channel) => self.channels[channel].read_failed(failure),
        }
    }

    fn log_status(&mut self, status: CompletionStatus) {
        self.config.log_completion(status);
    }

    /// The read whose time is looked at in this clock.
    fn expire_reads(&mut self) {
        if let Some(Expired { logged, failure }) = self.reads.expire(self.cycles) {
            self.registers.timed_out = self.registers.timed_out.saturating_add(1);
            if logged.is_some() {
                self.log(ErrorKind::CompletionTimeout, logged.as_ref());
            }
            if let Some(failure) = failure {
                self.tell_failure(failure);
            }
            self.show_pending();
        }
    }
}

// --- outputs and loops --------------------------------------------------------------------------------------------------------

impl Card {
    /// The beat that H2C channel `index` shows on the stream port.
    pub(crate) fn stream_beat(&self, index: usize, env: &Env) -> Option<FrontBeat> {
        let channel = self.h2c.get(index).filter(|channel| channel.receiver() == Some(Output::Stream))?;
        if self.is_in_reset() { None } else { channel.shown(env) }
    }

    /// Which channels' beats would be taken in the coming clocks, `stream_ready` telling of the stream ports.
    fn taken(&self, env: &Env, stream_ready: impl Fn(usize) -> bool) -> Taken {
        let mut taken = Set(0);
        for index in self.h2c_awake {
            let ready = match self.h2c[index].receiver() {
                None | Some(Output::Sink) => true,
                Some(Output::Stream) => stream_ready(index),
                Some(Output::Loopback(target)) => {
                    self.feeders.get(target) == Some(&Some(index as u8)) && self.channels[target].loop_ready(env)
                }
            };
            if ready {
                taken.insert(index);
            }
        }
        taken
    }

    /// As [`Card::taken`], for the clocks that are passed now.
    pub(crate) fn ready_outputs<F: Fronts>(&self, env: &Env, fronts: &F) -> Taken {
        if self.h2c_awake.is_empty() { Set(0) } else { self.taken(env, |channel| fronts.out_ready(channel)) }
    }

    /// Clocks in which no output does anything but let full beats of one descriptor pass.
    pub(crate) fn h2c_still(&self, env: &Env, stream_ready: impl Fn(usize) -> bool) -> u64 {
        let taken = self.taken(env, stream_ready);
        let mut clocks = u64::MAX;
        for index in self.h2c_awake {
            let channel = &self.h2c[index];
            let ready = taken.contains(index);
            let loops = matches!(channel.receiver(), Some(Output::Loopback(_)));
            if channel.shows(env) && ready && loops {
                return 0;
            }
            clocks = clocks.min(channel.uneventful(env, ready, channel.need(env)));
        }
        clocks
    }

    /// Clocks until the receiver of an output stream that waits for it becomes ready.
    pub(crate) fn clocks_to_output(&self, env: &Env, ready_in: impl Fn(usize) -> Option<u64>) -> u64 {
        let waits = |index: &usize| self.h2c[*index].shows(env) && self.h2c[*index].receiver() == Some(Output::Stream);
        let soon = self.h2c_awake.filter(waits).filter_map(ready_in).filter(|clocks| *clocks > 0);
        soon.min().unwrap_or(u64::MAX)
    }

    /// Passes clocks of C2H channel `index`, fed by whoever feeds it.
    #[inline(always)]
    pub(crate) fn advance_channel<F: Fronts>(&mut self, index: usize, env: &Env, clocks: u64, sending: bool, fronts: &mut F) {
        let channel = &mut self.channels[index];
        if channel.stays(env, clocks, sending) {
            return;
        }
        if self.feeders[index].is_none() && fronts.silent(index, self.cycles, clocks) && channel.starves(env, clocks, sending) {
            return;
        }
        self.advance_moving(index, env, clocks, sending, fronts);
    }

    fn advance_moving<F: Fronts>(&mut self, index: usize, env: &Env, clocks: u64, sending: bool, fronts: &mut F) {
        if self.loops == 0 {
            return self.channels[index].advance(env, self.cycles, clocks, sending, &mut fronts.of(index));
        }
        match self.feeders[index] {
            None => self.channels[index].advance(env, self.cycles, clocks, sending, &mut fronts.of(index)),
            Some(feeder) => {
                let feeder = &self.h2c[usize::from(feeder)];
                let beat = if feeder.receiver() == Some(Output::Loopback(index)) { feeder.shown(env) } else { None };
                self.channels[index].advance(env, self.cycles, clocks, sending, &mut Front::Beat(beat.as_ref()));
            }
        }
    }

    /// Passes clocks of the H2C channels.
    pub(crate) fn advance_h2c<F: Fronts>(&mut self, env: &Env, clocks: u64, taken: Taken, fronts: &mut F) {
        for index in self.h2c_awake {
            self.h2c[index].advance(env, clocks, taken.contains(index), |bytes, last| fronts.out_take(index, bytes, last));
        }
    }

    /// Ties C2H channels to the H2C channels that feed them, and unties them: at the bounds of frames.
    fn join_loops(&mut self) {
        if self.loops > 0 {
            self.part_loops();
        }
        for index in 0..self.h2c.len() {
            let Some(target) = self.h2c[index].target() else { continue };
            if self.feeders[target].is_none() && self.channels[target].attach() {
                self.feeders[target] = Some(index as u8);
                self.loops += 1;
            }
        }
    }

    /// Unties C2H channels from H2C channels that do not feed them any more.
    fn part_loops(&mut self) {
        for target in 0..self.channels.len() {
            let Some(feeder) = self.feeders[target] else { continue };
            if !self.channels[target].is_running() {
                self.h2c[usize::from(feeder)].receiver_stopped();
            }
            if self.h2c[usize::from(feeder)].target() != Some(target) {
                self.feeders[target] = None;
                self.channels[target].detach();
                self.loops -= 1;
            }
        }
    }

    /// An H2C channel waits for the end of a frame of the front end that it is to replace.
    fn waits_to_join(&self) -> bool {
        let waits = |index: usize| self.h2c[index].target().is_some_and(|target| self.feeders[target] != Some(index as u8));
        self.h2c_awake.into_iter().any(waits)
    }
}

// --- the end of a clock -------------------------------------------------------------------------------------------------------

impl Card {
    /// Clocks until something runs out by itself.
    pub(crate) fn h2c_timers(&self) -> u64 {
        let mut clocks = self.reads.deadline().map_or(u64::MAX, |at| at.saturating_sub(self.cycles));
        if self.h2c_awake.is_empty() {
            return clocks;
        }
        for index in self.h2c_awake {
            let channel = &self.h2c[index];
            clocks = clocks.min(channel.timer().map_or(u64::MAX, |at| at.saturating_sub(self.cycles)));
        }
        if self.waits_to_join() { 0 } else { clocks }
    }

    /// The end of a clock for the H2C channels.
    pub(crate) fn end_h2c_clock(&mut self) {
        if self.reads.deadline().is_some_and(|at| at <= self.cycles) {
            self.expire_reads();
        }
        // Who feeds a loop, or is to, does not rest.
        if self.h2c_awake.is_empty() {
            return;
        }
        for index in self.h2c_awake {
            let reads = self.reads.of(Reader::H2c(index));
            let signals = self.h2c[index].end_of_clock(self.cycles, self.config.bus_master(), reads);
            self.resets |= self.h2c[index].resets();
            if self.h2c[index].asleep() {
                self.h2c_awake.remove(index);
            } else if self.h2c[index].rests() {
                self.h2c_awake.remove(index);
                self.h2c_resting.insert(index);
            }
            for signal in signals.into_iter().flatten() {
                self.signal_h2c(index, signal);
            }
        }
        self.join_loops();
    }

    fn signal_h2c(&mut self, channel: usize, signal: Signal) {
        let (Signal::Data(vector) | Signal::Error(vector)) = signal;
        self.h2c[channel].note_fired(signal);
        self.raise(vector);
    }

    /// The message of `vector` goes out.
    pub(crate) fn h2c_message_sent(&mut self, vector: u16) {
        self.h2c.iter_mut().for_each(|channel| channel.message_sent(vector));
        self.registers.fired_card = self.registers.fired_card.filter(|fired| *fired != vector);
    }

    /// Messages are on: what was signalled before is signalled by them.
    pub(crate) fn h2c_raise_fired(&mut self) {
        let fired = self.h2c.iter().flat_map(|channel| channel.fired()).flatten().chain(self.registers.fired_card);
        fired.for_each(|vector| self.msix.raise(vector));
    }

    /// As [`Card::h2c_raise_fired`], of all causes, when MSI comes on.
    pub(crate) fn raise_fired_msi(&mut self) {
        let h2c = self.h2c.iter().flat_map(|channel| channel.fired()).flatten().chain(self.registers.fired_card);
        let fired = self.channels.iter().flat_map(Channel::fired).flatten().chain(h2c);
        fired.for_each(|vector| self.config.raise_msi(vector as u8));
    }

    /// The card cause: a channel that failed, of those that software wants to hear of.
    #[inline]
    pub(crate) fn watch_errors(&mut self) {
        if self.registers.error_mask == 0 && !self.registers.is_alarmed() {
            return;
        }
        let summary = error_summary(&self.channels, &self.h2c) | self.registers.bad_vector(self.params.msix_vectors);
        if let Some(vector) = self.registers.alarm(summary) {
            self.registers.fired_card = Some(vector);
            self.raise(vector);
        }
    }
}

const _: () = assert!(MAX_H2C <= 8, "a bit each in the registers");
