//! A C2H channel of the software card: frames into the ring, progress, interrupt, start, stop.

use super::card::{Event, State};
use super::config::Cause;
use super::pages::Pages;
use silico_spec::crc::crc32c;
use silico_spec::descriptor::CompletionFlags;
use silico_spec::frame::{FrameHeader, footprint};
use silico_spec::registers::c2h;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub struct Channel {
    pub state: ChannelState,
    pub run: u32,
    pub hw: u64,
    pub sw: u64,
    pub frames: u64,
    pub dropped: u64,
    pub discarded: u32,
    pub blocks: u64,
    pub error: (u8, u64),
    pub error_cookie: u64,
    pub pages: Pages,
    pub armed: Option<u64>,
    /// Frames and bytes in the last block written.
    published: (u64, u64),
    /// Frames that found no room.
    pub held: VecDeque<Vec<u8>>,
    /// Payloads put into the ring in this run: what a driver must read, in this order.
    pub delivered: Vec<Vec<u8>>,
    number: u8,
    storage: BTreeMap<u32, u64>,
}

impl Channel {
    pub fn new(number: u8) -> Self {
        Self {
            state: ChannelState::Idle,
            run: 0,
            hw: 0,
            sw: 0,
            frames: 0,
            dropped: 0,
            discarded: 0,
            blocks: 0,
            error: (0, 0),
            error_cookie: 0,
            pages: Pages::default(),
            armed: None,
            published: (0, 0),
            held: VecDeque::new(),
            delivered: Vec::new(),
            number,
            storage: BTreeMap::new(),
        }
    }

    pub fn get(&self, register: u32) -> u64 {
        self.storage.get(&register).copied().unwrap_or(0)
    }

    fn config(&self, field: silico_spec::field::Field) -> bool {
        field.is_set(self.get(c2h::CONFIG))
    }

    /// The block as the card would write it now.
    pub fn block(&self) -> WriteBack {
        WriteBack {
            sequence: self.blocks,
            hw_count: self.hw,
            frames: self.frames,
            dropped: self.dropped,
            stamp: 0,
            error_addr: self.error.1,
            state: self.state as u8,
            error: self.error.0,
            channel: self.number,
            run: self.run,
        }
    }
}

impl State {
    pub fn channel(&mut self, channel: u8) -> &mut Channel {
        &mut self.channels[usize::from(channel)]
    }

    pub(super) fn read_channel(&self, channel: u8, register: u32) -> u64 {
        let this = &self.channels[usize::from(channel)];
        match register {
            c2h::CONTROL => (this.state == ChannelState::Running).into(),
            c2h::STATUS => this.state as u64 | u64::from(this.armed.is_some()) << 4,
            c2h::HW_COUNT => this.hw,
            c2h::SW_COUNT => this.sw,
            c2h::ERROR => this.error.0.into(),
            c2h::ERROR_ADDR => this.error.1,
            c2h::ERROR_COOKIE => this.error_cookie,
            c2h::COMP_TAIL => this.pages.comp_tail,
            c2h::PAGES_HELD => this.pages.held() as u64,
            c2h::FRAMES => this.frames,
            c2h::DROPPED => this.dropped,
            c2h::RUN => this.run.into(),
            c2h::DISCARDED => this.discarded.into(),
            c2h::PERF_TX_BEATS..=c2h::PERF_BUSY => u64::from(register) + u64::from(channel),
            _ => this.get(register),
        }
    }

    pub(super) fn write_channel(&mut self, channel: u8, register: u32, value: u64) {
        match register {
            c2h::CONTROL if c2h::control::RESET.is_set(value) => {
                if !self.faults.ignore_reset {
                    *self.channel(channel) = Channel { run: self.channel(channel).run, ..Channel::new(channel) };
                }
            }
            c2h::CONTROL if value & 1 != 0 => self.start(channel),
            c2h::CONTROL => self.stop(channel),
            c2h::SW_COUNT => self.doorbell(channel, value),
            c2h::FREE_TAIL | c2h::COMP_HEAD if self.channel(channel).state != ChannelState::Running => {}
            c2h::FREE_TAIL => self.fetch_pages(channel, value),
            c2h::COMP_HEAD => self.take_completions(channel, value),
            c2h::INT_DATA_ARM => {
                self.quiet(0, 1 << channel);
                self.channel(channel).armed = Some(value);
                if self.faults.storm {
                    self.fired[0] = true;
                }
                self.interrupt(channel);
            }
            _ => {
                self.channel(channel).storage.insert(register, value);
            }
        }
    }

    fn start(&mut self, channel: u8) {
        if !self.enabled() || self.faults.ignore_start || self.channel(channel).state != ChannelState::Idle {
            return;
        }
        self.quiet(0, 0x1_0001 << channel);
        let counts = !self.faults.run_stands_still;
        let refuse = self.faults.refuse_start;
        let this = self.channel(channel);
        let storage = std::mem::take(&mut this.storage);
        let run = this.run + u32::from(counts);
        *this = Channel { run, storage, state: ChannelState::Running, ..Channel::new(channel) };
        let (base, size) = (this.get(c2h::RING_BASE), this.get(c2h::RING_SIZE));
        let pages = this.config(c2h::config::PAGES);
        let checks = [
            (pages || base.is_multiple_of(4096) && size.is_multiple_of(4096) && size != 0, ChannelError::BadRing, base),
            (this.get(c2h::WB_ADDR).is_multiple_of(64), ChannelError::BadWriteBack, this.get(c2h::WB_ADDR)),
            (pages || footprint(this.get(c2h::MAX_FRAME) as u32) <= size, ChannelError::BadFrameLimit, this.get(c2h::MAX_FRAME)),
        ];
        let bad = checks.iter().find(|check| !check.0).map(|check| (check.1 as u8, check.2));
        if let Some((code, addr)) = refuse.map(|code| (code, 0x1234)).or(bad) {
            self.fail(channel, code, addr);
        }
    }

    fn stop(&mut self, channel: u8) {
        if self.channel(channel).state == ChannelState::Error {
            self.channel(channel).state = ChannelState::Idle;
        } else if self.channel(channel).state == ChannelState::Running {
            let idle = !self.faults.never_idle;
            let this = self.channel(channel);
            this.state = if idle { ChannelState::Idle } else { ChannelState::Stopping };
            this.discarded = this.held.len() as u32;
            this.held.clear();
            self.complete(channel, CompletionFlags::FLUSHED);
            self.write_back(channel);
        }
    }

    pub fn fail(&mut self, channel: u8, code: u8, addr: u64) {
        let takes = self.faults.error_takes_ns;
        let this = self.channel(channel);
        (this.state, this.error) = (ChannelState::Stopping, (code, addr));
        if takes == 0 { self.settle(channel) } else { self.schedule(takes, Event::Settle(channel)) }
    }

    /// The end of a failure: nothing is in flight.
    pub(super) fn settle(&mut self, channel: u8) {
        let this = self.channel(channel);
        this.state = ChannelState::Error;
        let enable = this.get(c2h::INT_ERROR);
        self.write_back(channel);
        if c2h::int_error::ENABLE.is_set(enable) {
            self.signal(c2h::int_error::VECTOR.get(enable) as u8, Cause(0, 16 + channel));
        }
    }

    fn doorbell(&mut self, channel: u8, value: u64) {
        let this = self.channel(channel);
        if this.state != ChannelState::Running {
            return;
        }
        if value < this.sw || value > this.hw || !value.is_multiple_of(32) {
            self.fail(channel, ChannelError::BadDoorbell as u8, value);
            return;
        }
        this.sw = value;
        self.retry(channel);
    }

    /// There is room again.
    pub(super) fn retry(&mut self, channel: u8) {
        while let Some(payload) = self.channel(channel).held.pop_front() {
            if !self.fits(channel, &payload) {
                self.channel(channel).held.push_front(payload);
                break;
            }
            self.put(channel, &payload);
        }
    }

    fn fits(&mut self, channel: u8, payload: &[u8]) -> bool {
        let this = self.channel(channel);
        if this.config(c2h::config::PAGES) {
            return self.fits_pages(channel, footprint(payload.len() as u32));
        }
        this.hw + footprint(payload.len() as u32) <= this.sw + this.get(c2h::RING_SIZE)
    }

    /// A frame comes from the front end.
    pub fn deliver(&mut self, channel: u8, payload: Vec<u8>) {
        if self.faults.gone || self.channel(channel).state != ChannelState::Running {
            return;
        }
        if self.channel(channel).held.is_empty() && self.fits(channel, &payload) {
            self.put(channel, &payload);
        } else if self.channel(channel).config(c2h::config::DROP) {
            self.channel(channel).dropped += 1;
        } else {
            self.channel(channel).held.push_back(payload);
        }
    }

    fn put(&mut self, channel: u8, payload: &[u8]) {
        let this = self.channel(channel);
        if this.config(c2h::config::PAGES) {
            return self.put_pages(channel, payload);
        }
        let header =
            FrameHeader { channel, length: payload.len() as u32, sequence: this.frames, crc: crc32c(payload), ..FrameHeader::default() };
        let mut bytes = header.emit().to_vec();
        bytes.extend_from_slice(payload);
        // Padding that is not zero: nobody may rely on it.
        bytes.resize(header.footprint() as usize, 0xee);
        let (base, size, hw) = (this.get(c2h::RING_BASE), this.get(c2h::RING_SIZE), this.hw);
        this.hw += header.footprint();
        this.frames += 1;
        this.delivered.push(payload.to_vec());
        for (grain, bytes) in bytes.chunks(32).enumerate() {
            self.poke(base + (hw + grain as u64 * 32) % size, bytes);
        }
        self.publish(channel);
    }

    fn publish(&mut self, channel: u8) {
        let this = self.channel(channel);
        let (frames, bytes) = (this.frames - this.published.0, this.hw - this.published.1);
        if !this.config(c2h::config::WRITE_BACK) || reached(this, c2h::WB_FRAMES, frames) || reached(this, c2h::WB_BYTES, bytes) {
            self.write_back(channel);
            self.interrupt(channel);
        }
    }

    /// A page is completed: what is in it is published by its entry alone.
    pub(super) fn publish_pages(&mut self, channel: u8) {
        let this = self.channel(channel);
        this.published.0 = this.pages.completed_frames;
        if reached(this, c2h::WB_FRAMES, this.frames) {
            self.write_back(channel);
        }
        self.interrupt(channel);
    }

    /// Writes the block, if there is to be one.
    pub fn write_back(&mut self, channel: u8) {
        let none = self.faults.no_write_back;
        let this = self.channel(channel);
        if !this.config(c2h::config::PAGES) {
            this.published = (this.frames, this.hw);
        }
        if !this.config(c2h::config::WRITE_BACK) || none {
            return;
        }
        this.blocks += 1;
        let addr = this.get(c2h::WB_ADDR);
        let words = this.block().emit();
        self.write_block(addr, words);
    }

    /// Writes the words of a block, torn if it is to be.
    pub(super) fn write_block(&mut self, addr: u64, words: [u64; 8]) {
        let torn = self.faults.torn_for_ns;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        if torn == 0 {
            self.poke(addr, &bytes);
        } else {
            // The tail first: worse than any order that a bus allows.
            self.poke(addr + 32, &bytes[32..]);
            self.schedule(torn, Event::Poke(addr, bytes[..32].to_vec()));
        }
    }

    /// Signals if the cause is armed and due.
    fn interrupt(&mut self, channel: u8) {
        let this = self.channel(channel);
        let word = this.get(c2h::INT_DATA);
        let coalesce = this.get(c2h::INT_DATA_FRAMES).max(1);
        let due = this.armed.is_some_and(|armed| this.published.0 >= armed + coalesce);
        if due && c2h::int_data::ENABLE.is_set(word) {
            this.armed = None;
            self.signal(c2h::int_data::VECTOR.get(word) as u8, Cause(0, channel));
        }
    }
}

fn reached(channel: &Channel, register: u32, value: u64) -> bool {
    channel.get(register) != 0 && value >= channel.get(register)
}
