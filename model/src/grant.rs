//! Who sends next: owed completions, messages and interrupts, the channels in turn; each with the credits for it.

use crate::c2h::{Env, Want};
use crate::card::{Card, MESSAGES};
use crate::msix::Message;
use crate::transmit::Source;
use silico_spec::credit::Class;
use silico_spec::tlp::{Header, Kind, ecrc};
use silico_spec::units::{Cycle, Dwords, Tag};
use silico_spec::writeback;

impl Card {
    /// Chooses the next TLP, if one may go, and offers it from the next clock on.
    pub(crate) fn grant(&mut self, env: &Env) -> Option<Source> {
        let granted = self.grant_completion().or_else(|| {
            // With a reset pending nothing new: the completion of the write that asked for it goes, then the reset comes.
            if self.flr_pending { self.grant_intx().flatten() } else { self.grant_request(env) }
        });
        if granted.is_none() && self.starved(env) {
            self.registers.perf.no_credit += 1;
        }
        granted
    }

    /// Reads and posted requests in turn; what lacks its own credits holds up nothing of the other kind.
    pub(crate) fn grant_request(&mut self, env: &Env) -> Option<Source> {
        if self.transmitter.reads_first
            && let Some(granted) = self.grant_read(env)
        {
            return Some(granted);
        }
        if let Some(granted) = self.grant_posted(env) {
            self.transmitter.reads_first = true;
            return Some(granted);
        }
        self.grant_read(env)
    }

    pub(crate) fn grant_posted(&mut self, env: &Env) -> Option<Source> {
        let message = self.grant_message().or_else(|| self.grant_intx()).or_else(|| self.grant_interrupt());
        message.unwrap_or_else(|| self.grant_channel(env))
    }

    /// Something wants to go, and nothing can for want of credits.
    pub(crate) fn starved(&self, env: &Env) -> bool {
        // What is posted and could go, went; or waits for a reset, which counts anew.
        let rich = self.transmitter.affords(&self.limits, Class::Posted, env.mps);
        !self.completions.is_empty() || !rich && self.posted_wanted(env) || self.read_starved(env)
    }

    pub(crate) fn grant_completion(&mut self) -> Option<Source> {
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
    pub(crate) fn grant_message(&mut self) -> Option<Option<Source>> {
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
    pub(crate) fn grant_interrupt(&mut self) -> Option<Option<Source>> {
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

    pub(crate) fn interrupt_ready(&self) -> bool {
        self.msix.any_ready() || self.config.any_msi_ready()
    }

    /// The next message of MSI-X or MSI: one of them at most is on.
    pub(crate) fn take_interrupt(&mut self) -> Option<Message> {
        if let Some((vector, message)) = self.msix.take_ready() {
            self.channels.iter_mut().for_each(|channel| channel.message_sent(vector));
            self.h2c_message_sent(vector);
            return Some(message);
        }
        self.config.take_ready_msi()
    }

    /// C2H channels and the write-back blocks of H2C channels in turn.
    pub(crate) fn grant_channel(&mut self, env: &Env) -> Option<Source> {
        if self.h2c_awake.is_empty() {
            return self.grant_c2h(env).flatten();
        }
        if self.transmitter.blocks_first
            && let Some(block) = self.grant_block()
        {
            return block;
        }
        match self.grant_c2h(env) {
            Some(granted) => granted,
            None => self.grant_block().flatten(),
        }
    }

    /// `None`: no channel wants to send. `Some(None)`: the next one lacks credits.
    pub(crate) fn grant_c2h(&mut self, env: &Env) -> Option<Option<Source>> {
        for index in self.awake.from(self.transmitter.turn) {
            let channel = &self.channels[index];
            let Some(want) = channel.wanted_bytes(env).and_then(|_| channel.want_in(env)) else { continue };
            if !self.config.bus_master() {
                self.channels[index].refuse();
                continue;
            }
            if !self.transmitter.affords(&self.limits, Class::Posted, want.bytes()) {
                return Some(None);
            }
            self.transmitter.turn = index + 1;
            self.transmitter.blocks_first = true;
            return Some(self.grant_want(index, want, env));
        }
        None
    }

    pub(crate) fn grant_want(&mut self, index: usize, want: Want, env: &Env) -> Option<Source> {
        let target = self.channels[index].grant(want, env, self.cycles, &mut self.transmitter.tlp);
        let mut attributes = target.attributes;
        attributes.relaxed &= self.config.relaxed_allowed();
        attributes.no_snoop &= self.config.no_snoop_allowed();
        let address = silico_spec::units::BusAddr(target.address);
        let header =
            Header::memory(Kind::MemWrite, self.config.bdf(), Tag(0), address, Dwords(want.bytes() / 4)).with_attributes(attributes);
        self.load(Source::Channel(index), header)
    }

    pub(crate) fn load(&mut self, source: Source, header: Header) -> Option<Source> {
        let mut header = header;
        self.transmitter.tlp.digest = 0;
        if self.config.ecrc_generation() {
            header = header.with_digest(true);
            self.transmitter.tlp.digest = ecrc(&header, self.transmitter.tlp.payload());
        }
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
        self.read_grantable(env) || self.posted_grantable(env)
    }

    pub(crate) fn posted_grantable(&self, env: &Env) -> bool {
        let affords = |payload| self.transmitter.affords(&self.limits, Class::Posted, payload);
        if self.messages.iter().any(|waits| *waits) || self.intx.due() {
            return affords(0);
        }
        if self.interrupt_ready() {
            return affords(4);
        }
        let block = self.block_wanted().then_some(writeback::BYTES);
        let c2h = || self.awake.from(self.transmitter.turn).find_map(|index| self.channels[index].wanted_bytes(env));
        let next = if self.transmitter.blocks_first { block.or_else(c2h) } else { c2h().or(block) };
        next.is_some_and(|bytes| !self.config.bus_master() || affords(bytes))
    }

    /// The transmit side of some clocks in which no TLP starts or ends.
    pub(crate) fn pass_beats(&mut self, clocks: u64, hold: u64, env: &Env, now: Cycle) {
        match self.transmitter.source {
            None if self.starved(env) => self.registers.perf.no_credit += clocks,
            None => {}
            Some(source) => {
                let held = clocks.min(hold);
                let beats = clocks - held;
                self.registers.perf.tx_held += held;
                if self.transmitter.beat == 0 {
                    self.transmitter.first = now.0 + held;
                }
                self.transmitter.beat += beats as u32;
                self.count_beats(source, beats);
            }
        }
    }

    pub(crate) fn posted_wanted(&self, env: &Env) -> bool {
        let channels = || self.config.bus_master() && self.awake.into_iter().any(|index| self.channels[index].wanted_bytes(env).is_some());
        let blocks = || self.config.bus_master() && self.block_wanted();
        self.messages.iter().any(|waits| *waits) || self.intx.due() || self.interrupt_ready() || channels() || blocks()
    }
}
