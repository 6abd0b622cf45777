//! A bare test bench around a card: no link, no host, just the port, with memory for what the card writes.
#![allow(dead_code, reason = "each test uses its part")]

mod host;
pub(crate) mod nonsense;
mod pages;
pub(crate) mod play;

#[allow(unused_imports, reason = "each test uses its part")]
pub(crate) use host::{Fault, Host};
#[allow(unused_imports, reason = "each test uses its part")]
pub(crate) use pages::PageHost;
use silico_spec::credit::Limits;
use silico_spec::descriptor::H2cDescriptor;
use silico_spec::params::CardParams;
use silico_spec::port::{FrontFrame, Response, RxTlp, Stimulus, TlpBuf, TlpPort};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{self, Header, Kind, check};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::sync::Arc;

pub(crate) const HOST: Bdf = Bdf::from_bits(0);
pub(crate) const BAR0: u64 = 0x10_0000_0000;
pub(crate) const BAR2: u64 = 0x10_0010_0000;
pub(crate) const MEMORY: u64 = 0x2_0000_0000;

/// What holds for every TLP of a card, however it is set up.
const WIDEST: tlp::Limits = tlp::Limits { max_payload: 1024, max_read_request: 4096, tag_bits: 8, digest: true, ..tlp::Limits::DEFAULT };

/// Where descriptor rings and write-back blocks of H2C channels lie in the memory.
pub(crate) const H2C_RING: u64 = 0x8_0000;
pub(crate) const H2C_BLOCK: u64 = 0xf_1000;

/// A TLP that the card sent: cycles of its first and last beat, header, payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    /// Counts where the header's TD is set.
    pub(crate) digest: u32,
}

pub(crate) struct Bench<P> {
    pub(crate) card: P,
    pub(crate) now: u64,
    pub(crate) stimulus: Stimulus,
    pub(crate) response: Response,
    pub(crate) sent: Vec<Sent>,
    pub(crate) memory: Vec<u8>,
    /// Answers the card's reads, if it is there.
    pub(crate) host: Option<Host>,
    /// In the 64 clocks from this one on, the streams from and to the card stand still where a bit is set.
    pub(crate) stalls: (u64, [u64; 2]),
    /// Where in `sent` the link came up last.
    pub(crate) since: usize,
    tag: u16,
}

impl<P: TlpPort> Bench<P> {
    pub(crate) fn new(card: P, params: &CardParams) -> Self {
        let mut stimulus = Stimulus::new(params.c2h_channels.into());
        stimulus.credits = Limits::INFINITE;
        Self {
            card,
            now: 0,
            stimulus,
            response: Response::default(),
            sent: Vec::new(),
            memory: vec![0; 1 << 20],
            host: None,
            stalls: (0, [0; 2]),
            since: 0,
            tag: 0,
        }
    }

    /// Runs to `cycle`, `at_most` clocks a run.
    pub(crate) fn run_to(&mut self, cycle: u64, at_most: u64) {
        while self.now < cycle {
            let mut limit = (cycle - self.now).min(at_most);
            limit = limit.min(self.stall());
            if let Some(host) = &mut self.host {
                host.deliver(self.now, &mut self.stimulus.rx);
                limit = limit.min(host.due_in(self.now));
            }
            self.card.run(Cycle(self.now), Cycles(limit), &mut self.stimulus, &mut self.response);
            self.now += self.response.clocks.0;
            if self.response.tlp_done {
                self.note();
                if let (Some(host), Some(sent)) = (&mut self.host, self.sent.last()) {
                    host.answer(sent, &self.memory);
                }
            }
        }
    }

    /// Shows the card what is left of the stalls. Returns how long that is right.
    fn stall(&mut self) -> u64 {
        let (from, masks) = self.stalls;
        let passed = self.now - from;
        let left = |mask: u64| if passed < 64 { mask >> passed } else { 0 };
        [self.stimulus.tx_stall, self.stimulus.rx_stall] = masks.map(left);
        if self.stimulus.tx_stall | self.stimulus.rx_stall == 0 { u64::MAX } else { 64 - passed }
    }

    /// The link is down, or reset asserted, for `clocks`; what was on its way is lost, and credits begin anew, without bound.
    pub(crate) fn cut_link(&mut self, fundamental: bool, clocks: u64, at_most: u64) {
        if fundamental {
            self.stimulus.reset = true;
        } else {
            self.stimulus.link_up = false;
        }
        self.stimulus.rx.clear();
        self.stimulus.rx_passed = 0;
        if let Some(host) = &mut self.host {
            host.forget();
        }
        self.run_to(self.now + clocks, at_most);
        (self.stimulus.reset, self.stimulus.link_up, self.stimulus.credits) = (false, true, Limits::INFINITE);
        if let Some(host) = &mut self.host {
            host.forget();
        }
        self.since = self.sent.len();
    }

    /// One run of any length; what the card sends is not kept.
    pub(crate) fn step(&mut self) {
        self.card.run(Cycle(self.now), Cycles(1 << 20), &mut self.stimulus, &mut self.response);
        self.now += self.response.clocks.0;
    }

    pub(crate) fn run(&mut self, clocks: u64) {
        self.run_to(self.now + clocks, u64::MAX);
    }

    fn note(&mut self) {
        let tlp = &self.response.tlp;
        let header = Header(tlp.header);
        let digest = if header.digest() { tlp.digest } else { 0 };
        check(&header, tlp.payload().len(), &WIDEST).unwrap_or_else(|rule| panic!("{header}: {rule}"));
        if header.kind() == Kind::MemWrite
            && let Some(at) = header.address().0.checked_sub(MEMORY)
        {
            self.memory[at as usize..at as usize + tlp.payload().len()].copy_from_slice(tlp.payload());
        }
        self.sent.push(Sent { first: self.response.tlp_first.0, last: self.now - 1, header, payload: tlp.payload().to_vec(), digest });
    }

    pub(crate) fn push(&mut self, header: Header, payload: &[u8]) {
        let mut tlp = TlpBuf::new();
        tlp.set(header.0, payload);
        self.stimulus.rx.push_back(RxTlp { at: Cycle(self.now), tlp });
    }

    /// Sends a non-posted request and runs until its completion.
    pub(crate) fn request(&mut self, header: Header, payload: &[u8]) -> Sent {
        self.tag = (self.tag + 1) % 32;
        let header = header.with_tag(Tag(self.tag));
        let before = self.sent.len();
        self.push(header, payload);
        for _ in 0..100_000 {
            self.run(1);
            let answer = self.sent[before..]
                .iter()
                .find(|sent| matches!(sent.header.kind(), Kind::Completion | Kind::CompletionData) && sent.header.tag() == header.tag());
            if let Some(answer) = answer {
                return answer.clone();
            }
        }
        panic!("no completion for {header:?}");
    }

    pub(crate) fn config_write(&mut self, offset: u16, value: u32) {
        let card = Bdf::new(1, 0, 0).unwrap();
        self.request(Header::config(Kind::CfgWrite0, HOST, Tag(0), card, offset, 0xf), &value.to_le_bytes());
    }

    pub(crate) fn config_read(&mut self, offset: u16) -> u32 {
        let card = Bdf::new(1, 0, 0).unwrap();
        let sent = self.request(Header::config(Kind::CfgRead0, HOST, Tag(0), card, offset, 0xf), &[]);
        u32::from_le_bytes(sent.payload.try_into().unwrap())
    }

    /// BARs placed, memory and bus mastering on, MSI-X on with all vectors open, message data = vector.
    pub(crate) fn bring_up(&mut self, vectors: u16) {
        self.run(4);
        for (offset, bar) in [(0x10, BAR0), (0x18, BAR2)] {
            self.config_write(offset, bar as u32);
            self.config_write(offset + 4, (bar >> 32) as u32);
        }
        self.config_write(0x04, 0x0006);
        let msix = self.find_capability(0x11);
        for vector in 0..vectors {
            let at = BAR2 + 16 * u64::from(vector);
            self.write(at, 0xfee0_0000, 8);
            self.write(at + 8, u64::from(vector), 8);
        }
        self.config_write(msix, 1 << 31);
        self.run(50);
    }

    /// Sets the maximum payload size: 128 << `code`.
    pub(crate) fn set_mps(&mut self, code: u32) {
        let express = self.find_capability(0x10);
        self.config_write(express + 8, code << 5 | 0x2810);
    }

    pub(crate) fn find_capability(&mut self, id: u8) -> u16 {
        let mut at = self.config_read(0x34) as u16 & 0xfc;
        while at != 0 {
            let word = self.config_read(at);
            if word as u8 == id {
                return at;
            }
            at = (word >> 8) as u16 & 0xfc;
        }
        panic!("no capability {id:#x}");
    }

    /// Posted write of 4 or 8 bytes.
    pub(crate) fn write(&mut self, address: u64, value: u64, bytes: usize) {
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(address), Dwords(bytes as u32 / 4));
        self.push(header, &value.to_le_bytes()[..bytes]);
        // The card takes a dword a clock; who sends faster runs out of credits.
        self.run(bytes as u64 / 4);
    }

    /// Posted write of some bytes of a dword.
    pub(crate) fn write_bytes(&mut self, address: u64, value: u32, enables: u8) {
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(address), Dwords(1)).with_byte_enables(enables, 0);
        self.push(header, &value.to_le_bytes());
        self.run(1);
    }

    pub(crate) fn read(&mut self, address: u64, bytes: usize) -> u64 {
        let header = Header::memory(Kind::MemRead, HOST, Tag(0), BusAddr(address), Dwords(bytes as u32 / 4));
        let sent = self.request(header, &[]);
        assert_eq!(sent.payload.len(), bytes, "{sent:?}");
        let mut value = [0; 8];
        value[..bytes].copy_from_slice(&sent.payload);
        u64::from_le_bytes(value)
    }

    pub(crate) fn channel(&self, channel: u32, register: u32) -> u64 {
        BAR0 + u64::from(c2h::offset(channel, register))
    }

    pub(crate) fn set32(&mut self, channel: u32, register: u32, value: u32) {
        self.write(self.channel(channel, register), value.into(), 4);
    }

    pub(crate) fn set64(&mut self, channel: u32, register: u32, value: u64) {
        self.write(self.channel(channel, register), value, 8);
    }

    pub(crate) fn get32(&mut self, channel: u32, register: u32) -> u32 {
        self.read(self.channel(channel, register), 4) as u32
    }

    pub(crate) fn get64(&mut self, channel: u32, register: u32) -> u64 {
        self.read(self.channel(channel, register), 8)
    }

    pub(crate) fn host_channel(&self, channel: u32, register: u32) -> u64 {
        BAR0 + u64::from(h2c::offset(channel, register))
    }

    pub(crate) fn h2c_set32(&mut self, channel: u32, register: u32, value: u32) {
        self.write(self.host_channel(channel, register), value.into(), 4);
    }

    pub(crate) fn h2c_set64(&mut self, channel: u32, register: u32, value: u64) {
        self.write(self.host_channel(channel, register), value, 8);
    }

    pub(crate) fn h2c_get32(&mut self, channel: u32, register: u32) -> u32 {
        self.read(self.host_channel(channel, register), 4) as u32
    }

    pub(crate) fn h2c_get64(&mut self, channel: u32, register: u32) -> u64 {
        self.read(self.host_channel(channel, register), 8)
    }

    /// Descriptor ring of H2C channel `n` at 0x80000 + 0x2000 n of the memory, its write-back block at 0xf1000 + 64 n.
    pub(crate) fn set_up_h2c(&mut self, channel: u32, entries: u32, config: u32) {
        self.h2c_set64(channel, h2c::RING_BASE, MEMORY + H2C_RING + 0x2000 * u64::from(channel));
        self.h2c_set32(channel, h2c::RING_ENTRIES, entries);
        self.h2c_set64(channel, h2c::WB_ADDR, MEMORY + H2C_BLOCK + 64 * u64::from(channel));
        self.h2c_set32(channel, h2c::WB_EVERY, 1);
        self.h2c_set32(channel, h2c::CONFIG, config);
    }

    /// Puts descriptor number `index` of a run into the ring.
    pub(crate) fn put(&mut self, channel: u32, entries: u32, index: u64, descriptor: &H2cDescriptor) {
        let at = (H2C_RING + 0x2000 * u64::from(channel) + 32 * (index % u64::from(entries))) as usize;
        for (word, value) in descriptor.emit().iter().enumerate() {
            self.memory[at + 8 * word..at + 8 * word + 8].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Sets MRRS to 128 << `mrrs` and MPS to 128 << `mps`, with extended tags.
    pub(crate) fn set_sizes(&mut self, mps: u32, mrrs: u32) {
        let express = self.find_capability(0x10);
        self.config_write(express + 8, mps << 5 | mrrs << 12 | 0x0910);
    }

    /// Status register, and Device Status in the upper half of Device Control.
    pub(crate) fn device_control(&mut self) -> u32 {
        let express = self.find_capability(0x10);
        self.config_read(express + 8)
    }

    pub(crate) fn enable(&mut self) {
        self.write(BAR0 + u64::from(card::CONTROL), 1, 4);
    }

    /// Ring of channel `n` at 64 KiB × n of the memory, its write-back block at 0xf0000 + 64 × n.
    pub(crate) fn set_up_ring(&mut self, channel: u32, ring: u64, config: u32, max_frame: u32) {
        self.set64(channel, c2h::RING_BASE, MEMORY + 0x1_0000 * u64::from(channel));
        self.set64(channel, c2h::RING_SIZE, ring);
        self.set64(channel, c2h::WB_ADDR, MEMORY + 0xf_0000 + 64 * u64::from(channel));
        self.set32(channel, c2h::WB_FRAMES, 1);
        self.set32(channel, c2h::CONFIG, config);
        self.set32(channel, c2h::MAX_FRAME, max_frame);
    }

    pub(crate) fn feed(&mut self, channel: usize, payload: &[u8], at: u64) {
        let data: Arc<[u8]> = payload.into();
        let frame = FrontFrame { at: Cycle(at), source: 7, error: false, len: data.len(), data, start: 0 };
        self.stimulus.front[channel].frames.push_back(frame);
    }

    /// What the ring of `channel` holds at byte `offset`.
    pub(crate) fn ring(&self, channel: u32, offset: usize, bytes: usize) -> &[u8] {
        &self.memory[0x1_0000 * channel as usize + offset..][..bytes]
    }
}
