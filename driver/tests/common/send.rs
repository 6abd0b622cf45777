//! An H2C channel of the software card: descriptors out of shared memory when the doorbell names them, payload when their turn comes.

use super::card::{Event, State};
use super::config::Cause;
use silico_spec::crc::crc32c;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor, RING_ENTRIES};
use silico_spec::registers::h2c;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub struct Sender {
    pub state: ChannelState,
    pub run: u32,
    pub done: u64,
    pub tail: u64,
    pub frames: u64,
    pub bytes: u64,
    pub discarded: u32,
    pub blocks: u64,
    pub error: (u8, u64, u64),
    pub armed: Option<u64>,
    published: u64,
    /// Descriptors are fetched, and not worked on before the test says so.
    pub paused: bool,
    /// Descriptors as they were in memory when the doorbell named them.
    pub fetched: VecDeque<H2cDescriptor>,
    /// Payload of the frame under way, and of all frames of this run.
    current: Vec<u8>,
    pub sent: Vec<Vec<u8>>,
    number: u8,
    storage: BTreeMap<u32, u64>,
}

impl Sender {
    pub const fn new(number: u8) -> Self {
        Self {
            state: ChannelState::Idle,
            run: 0,
            done: 0,
            tail: 0,
            frames: 0,
            bytes: 0,
            discarded: 0,
            blocks: 0,
            error: (0, 0, 0),
            armed: None,
            published: 0,
            paused: false,
            fetched: VecDeque::new(),
            current: Vec::new(),
            sent: Vec::new(),
            number,
            storage: BTreeMap::new(),
        }
    }

    pub fn get(&self, register: u32) -> u64 {
        self.storage.get(&register).copied().unwrap_or(0)
    }

    /// The block as the card would write it now.
    pub fn block(&self) -> WriteBack {
        WriteBack {
            sequence: self.blocks,
            hw_count: self.done,
            frames: self.frames,
            error_addr: self.error.1,
            state: self.state as u8,
            error: self.error.0,
            channel: self.number,
            run: self.run,
            ..WriteBack::default()
        }
    }

    fn writes_back(&self) -> bool {
        h2c::config::WRITE_BACK.is_set(self.get(h2c::CONFIG))
    }
}

impl State {
    pub fn sender(&mut self, channel: u8) -> &mut Sender {
        &mut self.senders[usize::from(channel)]
    }

    pub(super) fn read_sender(&self, channel: u8, register: u32) -> u64 {
        let this = &self.senders[usize::from(channel)];
        match register {
            h2c::CONTROL => (this.state == ChannelState::Running).into(),
            h2c::STATUS => this.state as u64 | u64::from(this.armed.is_some()) << 4,
            h2c::DONE => this.done,
            h2c::TAIL => this.tail,
            h2c::ERROR => this.error.0.into(),
            h2c::ERROR_ADDR => this.error.1,
            h2c::ERROR_COOKIE => this.error.2,
            h2c::FRAMES => this.frames,
            h2c::BYTES => this.bytes,
            h2c::RUN => this.run.into(),
            h2c::DISCARDED => this.discarded.into(),
            h2c::CHECK_CRC => this.sent.last().map_or(0, |frame| crc32c(frame).into()),
            h2c::CHECK_LENGTH => this.sent.last().map_or(0, |frame| frame.len() as u64),
            _ => this.get(register),
        }
    }

    pub(super) fn write_sender(&mut self, channel: u8, register: u32, value: u64) {
        match register {
            h2c::CONTROL if h2c::control::RESET.is_set(value) => {
                if !self.faults.ignore_reset {
                    *self.sender(channel) = Sender { run: self.sender(channel).run, ..Sender::new(channel) };
                }
            }
            h2c::CONTROL if value & 1 != 0 => self.start_sender(channel),
            h2c::CONTROL => self.stop_sender(channel),
            h2c::TAIL => self.fetch(channel, value),
            h2c::INT_SPACE_ARM => {
                self.quiet(1, 1 << channel);
                self.sender(channel).armed = Some(value);
                if self.faults.storm {
                    self.fired[0] = true;
                }
                self.space_interrupt(channel);
            }
            _ => {
                self.sender(channel).storage.insert(register, value);
            }
        }
    }

    fn start_sender(&mut self, channel: u8) {
        if !self.enabled() || self.faults.ignore_start || self.sender(channel).state != ChannelState::Idle {
            return;
        }
        let this = self.sender(channel);
        let (storage, run, paused) = (std::mem::take(&mut this.storage), this.run + 1, this.paused);
        *this = Sender { run, storage, paused, state: ChannelState::Running, ..Sender::new(channel) };
        let (base, entries) = (this.get(h2c::RING_BASE), this.get(h2c::RING_ENTRIES) as u32);
        if !base.is_multiple_of(64) || !RING_ENTRIES.contains(&entries) {
            self.fail_sender(channel, ChannelError::BadDescriptorRing as u8, base, 0);
        }
    }

    fn stop_sender(&mut self, channel: u8) {
        let idle = !self.faults.never_idle;
        let this = self.sender(channel);
        match this.state {
            ChannelState::Error => this.state = ChannelState::Idle,
            ChannelState::Running => {
                this.state = if idle { ChannelState::Idle } else { ChannelState::Stopping };
                this.discarded = (this.tail - this.done) as u32;
                self.write_back_sender(channel);
            }
            _ => {}
        }
    }

    pub fn fail_sender(&mut self, channel: u8, code: u8, addr: u64, cookie: u64) {
        let this = self.sender(channel);
        (this.state, this.error) = (ChannelState::Error, (code, addr, cookie));
        this.discarded = (this.tail - this.done) as u32;
        let enable = this.get(h2c::INT_ERROR);
        self.write_back_sender(channel);
        if h2c::int_error::ENABLE.is_set(enable) {
            self.signal(h2c::int_error::VECTOR.get(enable) as u8, Cause(1, 8 + channel));
        }
    }

    /// The doorbell: descriptors are read at once. One that is not in memory by now is never seen.
    fn fetch(&mut self, channel: u8, value: u64) {
        let this = self.sender(channel);
        if this.state != ChannelState::Running {
            return;
        }
        let (base, entries, tail) = (this.get(h2c::RING_BASE), this.get(h2c::RING_ENTRIES), this.tail);
        if value < tail || value > this.done + entries {
            self.fail_sender(channel, ChannelError::BadDoorbell as u8, value, 0);
            return;
        }
        for count in tail..value {
            let words = self.words(base + count % entries * 32);
            let descriptor = H2cDescriptor::parse(words).expect("no reserved bits are set");
            assert!(descriptor.length > 0 || descriptor.flags.contains(DescriptorFlags::END_OF_FRAME), "an empty part");
            self.sender(channel).fetched.push_back(descriptor);
        }
        self.sender(channel).tail = value;
        if !self.sender(channel).paused {
            self.work(channel, usize::MAX);
        }
    }

    /// Up to `most` descriptors are done.
    pub fn work(&mut self, channel: u8, most: usize) {
        for _ in 0..most {
            if self.faults.gone || self.sender(channel).state != ChannelState::Running {
                return;
            }
            let Some(descriptor) = self.sender(channel).fetched.pop_front() else { return };
            let H2cDescriptor { address, length, flags, cookie } = descriptor;
            if let Some(code) = self.faults.fail_read {
                self.fail_sender(channel, code, address, cookie);
                return;
            }
            // A frame without payload names no memory.
            let payload = if length == 0 { Vec::new() } else { self.memory(address, length.into()).to_vec() };
            let this = self.sender(channel);
            this.bytes += u64::from(length);
            this.done += 1;
            this.current.extend(payload);
            if flags.contains(DescriptorFlags::END_OF_FRAME) {
                this.frames += 1;
                let frame = std::mem::take(&mut this.current);
                this.sent.push(frame);
            }
            self.publish_sender(channel);
        }
    }

    fn publish_sender(&mut self, channel: u8) {
        let this = self.sender(channel);
        let (every, time) = (this.get(h2c::WB_EVERY), this.get(h2c::WB_TIME));
        if !this.writes_back() || every != 0 && this.done - this.published >= every {
            self.write_back_sender(channel);
            self.space_interrupt(channel);
        } else if time != 0 {
            self.schedule(time, Event::SenderTimer(channel));
        }
    }

    pub(super) fn sender_timer(&mut self, channel: u8) {
        let this = self.sender(channel);
        if this.state == ChannelState::Running && this.published != this.done {
            self.write_back_sender(channel);
        }
        let this = self.sender(channel);
        // The interrupt's timer: what is beyond the armed count is signalled, however little it is.
        if this.armed.is_some_and(|armed| this.published > armed) {
            self.signal_space(channel);
        }
    }

    pub fn write_back_sender(&mut self, channel: u8) {
        let none = self.faults.no_write_back;
        let this = self.sender(channel);
        this.published = this.done;
        if !this.writes_back() || none {
            return;
        }
        this.blocks += 1;
        let (addr, words) = (this.get(h2c::WB_ADDR), this.block().emit());
        self.write_block(addr, words);
    }

    fn space_interrupt(&mut self, channel: u8) {
        let this = self.sender(channel);
        let (coalesce, time) = (this.get(h2c::INT_SPACE_COUNT).max(1), this.get(h2c::INT_SPACE_TIME));
        let Some(armed) = this.armed else { return };
        if this.published >= armed + coalesce {
            self.signal_space(channel);
        } else if this.published > armed && time != 0 {
            self.schedule(time, Event::SenderTimer(channel));
        }
    }

    fn signal_space(&mut self, channel: u8) {
        let this = self.sender(channel);
        let word = this.get(h2c::INT_SPACE);
        if h2c::int_space::ENABLE.is_set(word) {
            this.armed = None;
            self.signal(h2c::int_space::VECTOR.get(word) as u8, Cause(1, channel));
        }
    }
}
