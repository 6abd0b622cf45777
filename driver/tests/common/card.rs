//! The card's registers, memory and time. What a channel does is in [`super::channel`].

use super::channel::Channel;
use super::config::{Platforms, config_space};
use super::send::Sender;
use super::{READ_NS, WRITE_NS};
use silico_driver::platform::{AccessError, AllocError, InterruptKind};
use silico_spec::config::header::command;
use silico_spec::registers::{self, c2h, card, h2c};
use std::collections::BTreeMap;

/// Bus address of the first byte of memory: above 4 GiB, so that an address cut to 32 bits is found out.
const MEMORY_BASE: u64 = 0x1_0000_0000;
pub const CHANNELS: u8 = 4;
pub const SENDERS: u8 = 2;
pub const FIFO_BYTES: u32 = 16 << 10;

/// How the card misbehaves.
#[derive(Debug)]
pub struct Faults {
    /// All reads give ones, nothing else happens.
    pub gone: bool,
    /// As above, but the platform knows it.
    pub gone_by_error: bool,
    /// What these registers read instead of their value.
    pub reads: BTreeMap<u32, u64>,
    /// `SCRATCH` loses these bits.
    pub scratch_loses: u64,
    /// A start ends in this error.
    pub refuse_start: Option<u8>,
    /// A start does nothing.
    pub ignore_start: bool,
    /// A start does not count.
    pub run_stands_still: bool,
    /// A stop never ends.
    pub never_idle: bool,
    /// A reset of a channel does nothing.
    pub ignore_reset: bool,
    /// Interrupts are lost.
    pub lose_interrupts: bool,
    /// Each arming makes an interrupt.
    pub storm: bool,
    /// The global enable does not rise.
    pub enable_stuck: bool,
    /// No write-back block is written.
    pub no_write_back: bool,
    /// A failure takes this many ns from "stopping" to the error state.
    pub error_takes_ns: u64,
    /// The write-back block lands in two halves, with this many ns between them.
    pub torn_for_ns: u64,
    /// Payload reads of H2C channels end in this error.
    pub fail_read: Option<u8>,
    /// The platform knows that the card cannot reach memory.
    pub cut_off: bool,
    /// The card is out of its slot: no reset brings it back.
    pub away: bool,
    /// The gentlest reset by the platform that helps; those below time out.
    pub needs: Platforms,
    /// The gentlest reset by the platform that mends anything; those below say that they are done, and all is as before.
    pub mends: Platforms,
    /// A reset of the card by its register does nothing.
    pub ignore_card_reset: bool,
    /// The same while bus mastering is on.
    pub rests_without_bus: bool,
    /// Config space is not answered in time.
    pub config_silent: bool,
    /// Register accesses until one is answered with an error; those behind it are good.
    pub rejects_after: Option<u64>,
    /// Register accesses until the card is gone.
    pub gone_after: Option<u64>,
    /// Packed frames fill up each page, and go on in the next.
    pub split_anywhere: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            gone: false,
            gone_by_error: false,
            reads: BTreeMap::new(),
            scratch_loses: 0,
            refuse_start: None,
            ignore_start: false,
            run_stands_still: false,
            never_idle: false,
            ignore_reset: false,
            lose_interrupts: false,
            storm: false,
            enable_stuck: false,
            no_write_back: false,
            error_takes_ns: 0,
            torn_for_ns: 0,
            fail_read: None,
            cut_off: false,
            away: false,
            needs: Platforms::Function,
            mends: Platforms::Function,
            ignore_card_reset: false,
            rests_without_bus: false,
            config_silent: false,
            rejects_after: None,
            gone_after: None,
            split_anywhere: false,
        }
    }
}

impl Faults {
    /// A reset by the platform mends what ailed the card.
    pub fn recovers(&mut self) {
        *self = Self { away: self.away, reads: std::mem::take(&mut self.reads), ..Self::default() };
    }
}

#[derive(Debug)]
pub enum Event {
    Deliver(u8, Vec<u8>),
    Poke(u64, Vec<u8>),
    Fail(u8, u8, u64),
    Interrupt(u16),
    Settle(u8),
    Flush(u8),
    SenderTimer(u8),
    Work(u8, usize),
    Gone,
}

/// Something that another thread does.
pub struct Meanwhile(pub Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

/// Card, memory and time.
#[derive(Debug)]
pub struct State {
    pub now: u64,
    pub command: u32,
    /// What the driver wrote to the command register.
    pub commands: Vec<u32>,
    /// What another thread does at the next pause.
    pub meanwhile: Option<Meanwhile>,
    pub faults: Faults,
    pub fired: Vec<bool>,
    /// Config space but for the command register.
    pub config: BTreeMap<u16, u32>,
    /// Vectors that the platform offers, by kind; and the most that it grants at all.
    pub offers: [u16; 3],
    pub grants: u16,
    pub granted: u16,
    pub kind: InterruptKind,
    pub status: [u32; 2],
    pub level_masked: bool,
    /// Times that a level woke somebody, and that it was unmasked with its source still up.
    pub levels: u32,
    pub unmasked_loud: u32,
    /// Channels that a reset found running.
    pub cut_short: usize,
    pub resets: Vec<Platforms>,
    /// Offset and value of each register write.
    pub writes: Vec<(u32, u64)>,
    pub channels: Vec<Channel>,
    pub senders: Vec<Sender>,
    pub hole_writes: u32,
    enable: bool,
    scratch: u64,
    memory: Vec<u8>,
    /// Live allocations: address and bytes.
    live: BTreeMap<u64, u64>,
    events: BTreeMap<(u64, u64), Event>,
    event_number: u64,
}

impl State {
    pub fn new() -> Self {
        Self {
            now: 1000,
            command: 0x0010_0002,
            commands: Vec::new(),
            meanwhile: None,
            faults: Faults::default(),
            fired: vec![false; 16 + 24],
            config: config_space(),
            offers: [16, 8, 1],
            grants: 16,
            granted: 16,
            kind: InterruptKind::MsiX,
            status: [0; 2],
            level_masked: false,
            levels: 0,
            unmasked_loud: 0,
            cut_short: 0,
            resets: Vec::new(),
            writes: Vec::with_capacity(1 << 16),
            channels: (0..CHANNELS).map(Channel::new).collect(),
            senders: (0..SENDERS).map(Sender::new).collect(),
            hole_writes: 0,
            enable: false,
            scratch: 0,
            memory: Vec::new(),
            live: BTreeMap::new(),
            events: BTreeMap::new(),
            event_number: 0,
        }
    }

    pub fn live_buffers(&self) -> usize {
        self.live.len()
    }

    pub fn alloc(&mut self, bytes: u64, align: u64) -> Result<u64, AllocError> {
        if bytes > 1 << 26 {
            return Err(AllocError::Exhausted { bytes });
        }
        let start = (self.memory.len() as u64).next_multiple_of(align);
        self.memory.resize((start + bytes) as usize, 0);
        self.live.insert(MEMORY_BASE + start, bytes);
        Ok(MEMORY_BASE + start)
    }

    pub fn free(&mut self, addr: u64) {
        self.live.remove(&addr).expect("freed once");
    }

    fn index(&self, addr: u64, bytes: u64) -> std::ops::Range<usize> {
        let inside = self.live.range(..=addr).last().is_some_and(|(start, size)| addr + bytes <= start + size);
        assert!(inside, "{bytes} bytes at {addr:#x} are outside every live buffer");
        (addr - MEMORY_BASE) as usize..(addr - MEMORY_BASE + bytes) as usize
    }

    pub fn memory(&self, addr: u64, bytes: u64) -> &[u8] {
        &self.memory[self.index(addr, bytes)]
    }

    /// A write by the card (or by a test in its name).
    pub fn poke(&mut self, addr: u64, bytes: &[u8]) {
        let range = self.index(addr, bytes.len() as u64);
        self.memory[range].copy_from_slice(bytes);
    }

    /// Words in memory, as the card reads them.
    pub fn words<const N: usize>(&self, addr: u64) -> [u64; N] {
        let bytes = self.memory(addr, N as u64 * 8);
        std::array::from_fn(|word| u64::from_le_bytes(bytes[word * 8..word * 8 + 8].try_into().unwrap()))
    }

    pub fn schedule(&mut self, ns: u64, event: Event) {
        self.event_number += 1;
        self.events.insert((self.now + ns, self.event_number), event);
    }

    /// Moves time to the next event, or to `deadline` if that is sooner.
    pub fn pause(&mut self, deadline: u64) {
        let next = self.events.first_key_value().map(|(key, _)| key.0).filter(|at| *at <= deadline);
        assert!(next.is_some() || deadline != u64::MAX, "the driver waits for ever, and nothing will ever happen");
        self.advance(next.unwrap_or(deadline).max(self.now));
    }

    pub fn advance(&mut self, to: u64) {
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= to) {
            self.now = self.now.max(entry.key().0);
            match entry.remove() {
                Event::Deliver(channel, payload) => self.deliver(channel, payload),
                Event::Poke(addr, bytes) => self.poke(addr, &bytes),
                Event::Fail(channel, code, addr) => self.fail(channel, code, addr),
                Event::Settle(channel) => self.settle(channel),
                Event::Flush(channel) => self.flush(channel),
                Event::SenderTimer(channel) => self.sender_timer(channel),
                Event::Work(channel, most) => self.work(channel, most),
                Event::Interrupt(vector) => self.fired[usize::from(vector)] = true,
                Event::Gone => self.faults.gone = true,
            }
        }
        self.now = to;
    }

    /// All channels and registers as after power-on.
    pub fn power_on(&mut self) {
        let running = |state| usize::from(state == silico_spec::writeback::ChannelState::Running);
        self.cut_short += self.channels.iter().map(|channel| running(channel.state)).sum::<usize>();
        self.cut_short += self.senders.iter().map(|sender| running(sender.state)).sum::<usize>();
        self.enable = false;
        self.status = [0; 2];
        self.channels = (0..CHANNELS).map(Channel::new).collect();
        self.senders = (0..SENDERS).map(Sender::new).collect();
    }

    /// One more access: is it the one before which the card went, or the one that it rejects?
    fn count_access(&mut self, offset: u32) -> Result<(), AccessError> {
        match &mut self.faults.gone_after {
            Some(0) => self.faults.gone = true,
            Some(left) => *left -= 1,
            None => {}
        }
        match self.faults.rejects_after {
            Some(0) => {
                self.faults.rejects_after = None;
                return Err(AccessError::Rejected { offset: offset.into() });
            }
            Some(left) => self.faults.rejects_after = Some(left - 1),
            None => {}
        }
        Ok(())
    }

    pub const fn enabled(&self) -> bool {
        self.enable
    }

    pub fn read(&mut self, offset: u32, bytes: u32) -> Result<u64, AccessError> {
        self.advance(self.now + READ_NS);
        self.count_access(offset)?;
        if self.faults.gone_by_error {
            return Err(AccessError::Gone);
        }
        let cut = if bytes == 4 { u64::from(u32::MAX) } else { u64::MAX };
        if self.faults.gone {
            return Ok(cut);
        }
        let Some(register) = registers::find(offset) else { return Ok(0) };
        assert!(bytes <= register.bytes(), "a 64-bit read of {} takes a neighbour with it", register.name);
        let value = match self.faults.reads.get(&register.offset) {
            Some(value) => *value,
            None if register.block == "c2h" => self.read_channel(register.index as u8, (register.offset - c2h::BASE) % c2h::STRIDE),
            None if register.block == "h2c" => self.read_sender(register.index as u8, (register.offset - h2c::BASE) % h2c::STRIDE),
            None => self.read_card(register.offset),
        };
        Ok(value >> (8 * (offset - register.offset)) & cut)
    }

    fn read_card(&self, offset: u32) -> u64 {
        match offset {
            card::ID => card::ID_RESET,
            card::MAP_VERSION => card::MAP_VERSION_RESET,
            card::BUILD => u64::from(u32::MAX),
            card::CAPS => {
                let caps = card::caps::C2H_CHANNELS.set(card::caps::H2C_CHANNELS.set(0, SENDERS.into()), CHANNELS.into());
                card::caps::PORT_BYTES.set(card::caps::VECTORS_MINUS_ONE.set(caps, 15), 32)
            }
            card::FIFO_BYTES => FIFO_BYTES.into(),
            card::FIFO_FRAMES => 64,
            card::ELINKS => 64,
            card::SCRATCH => self.scratch,
            card::CYCLES => self.now / 4,
            card::CONTROL => self.enable.into(),
            card::INT_STATUS => self.status[0].into(),
            card::INT_STATUS_2 => self.status[1].into(),
            card::HOLE_WRITES => self.hole_writes.into(),
            // Counters that can be told apart.
            _ => u64::from(offset),
        }
    }

    pub fn write(&mut self, offset: u32, bytes: u32, value: u64) -> Result<(), AccessError> {
        self.advance(self.now + WRITE_NS);
        self.count_access(offset)?;
        self.writes.push((offset, value));
        if self.faults.gone_by_error {
            return Err(AccessError::Gone);
        }
        if self.faults.gone {
            return Ok(());
        }
        let Some(register) = registers::find(offset).filter(|register| register.access.writable()) else {
            self.hole_writes += 1;
            return Ok(());
        };
        assert_eq!(bytes, register.bytes(), "{} is written whole", register.name);
        assert_eq!(value & !register.writable_mask, 0, "{} has no such bits", register.name);
        match offset {
            card::SCRATCH => self.scratch = value & !self.faults.scratch_loses,
            card::CONTROL if card::control::RESET.is_set(value) => {
                let held_up = self.faults.rests_without_bus && self.command & command::BUS_MASTER != 0;
                if !self.faults.ignore_card_reset && !held_up {
                    self.power_on();
                }
            }
            card::CONTROL => self.enable = value & 1 != 0 && !self.faults.enable_stuck,
            card::PERF_CONTROL => {}
            card::INT_ACK => self.quiet(0, value as u32),
            card::INT_ACK_2 => self.quiet(1, value as u32),
            _ if register.block == "h2c" => self.write_sender(register.index as u8, (offset - h2c::BASE) % h2c::STRIDE, value),
            _ => self.write_channel(register.index as u8, (offset - c2h::BASE) % c2h::STRIDE, value),
        }
        Ok(())
    }
}
