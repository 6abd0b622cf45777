//! Anything at all at the port, for whoever compares cards: TLPs legal and nonsense, every register with edge values, config writes, resets, a link that
//! fails, credits in any portion, a receiver that stalls. What the card sends is judged: only legal TLPs, none without credits, every request answered.

use super::{BAR0, BAR2, HOST, MEMORY, Sent};
use proptest::prelude::*;
use silico_model::Card;
use silico_spec::credit::{Class, Limit, Limits, data_credits};
use silico_spec::descriptor::PageDescriptor;
use silico_spec::params::CardParams;
use silico_spec::port::{Clocked, FrontFrame, Response, RxTlp, Stimulus, TlpBuf, TlpPort};
use silico_spec::registers::{c2h, card};
use silico_spec::tlp::{self, CompletionSequence, CompletionStatus, Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::collections::BTreeMap;

/// Who sends nonsense: what comes back to it is judged one by one only.
const STRANGER: Bdf = Bdf::from_bits(0x0230);
const CARD: Bdf = Bdf::from_bits(0x0100);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Run(u64),
    Feed { channel: usize, bytes: usize, delay: u64, error: bool },
    Write { address: u64, value: u64, wide: bool, enables: u8 },
    Read { address: u64, wide: bool, enables: u8 },
    ConfigWrite { offset: u16, value: u32, enables: u8 },
    ConfigRead { offset: u16 },
    Raw { header: [u32; 4], bytes: usize, honest: bool, discard: bool },
    SetUp { channel: u32, config: u32, ring: u64, rate: u32 },
    Doorbell { channel: u32, units: u64 },
    Arm { channel: u32, frames: u64 },
    BringUp,
    Down { reset: bool, clocks: u64, forget: bool, finite: [bool; 3] },
    Hold(u64),
    Stall(u64),
    Credits { class: usize, headers: u8, data: u16 },
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, 2, 3, 4, 5, 0x1f, 32, 64, 100, 4096, 0xffff, 0x1_0000, 0x1_0001, 0x10_0000,
            0x7fff_ffff, 0x8000_0000, 0x8000_0005, 0xffff_ffe0, 0xffff_ffff, 0x1_0000_0000, 1 << 40, MEMORY, u64::MAX, u64::MAX << 12, u64::MAX << 32]),
        1 => any::<u64>(),
    ]
}

fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => (0..0x20_u64).prop_map(|dword| BAR0 + 4 * dword),
        8 => (0..2_u64, 0..0x72_u64).prop_map(|(channel, dword)| BAR0 + u64::from(c2h::BASE) + u64::from(c2h::STRIDE) * channel + 4 * dword),
        3 => (0..17_u64, 0..4_u64).prop_map(|(vector, dword)| BAR2 + 16 * vector + 4 * dword),
        1 => (0..0x4000_u64).prop_map(|dword| BAR0 + 4 * dword),
        1 => (0..0x1000_u64).prop_map(|dword| BAR2 + 4 * dword),
        1 => any::<u64>().prop_map(|address| address & !3),
    ]
}

fn raw_header() -> impl Strategy<Value = [u32; 4]> {
    let fmt_type = prop_oneof![
        2 => any::<u8>(),
        4 => prop::sample::select(vec![0x00, 0x20, 0x01, 0x21, 0x40, 0x60, 0x02, 0x42, 0x04, 0x44, 0x05, 0x45, 0x0a, 0x4a, 0x0b, 0x4b,
            0x34, 0x30, 0x74, 0x4c, 0x6c, 0x4d, 0x4e, 0x6e_u8]),
    ];
    let length = prop_oneof![4 => 0..9_u32, 1 => 0..1024_u32];
    let flags = prop_oneof![4 => Just(0), 1 => any::<u32>()];
    let second = any::<u16>();
    let at = prop_oneof![2 => (0..0x1_0000_u64).prop_map(|at| BAR0 + at), 1 => (0..0x4000_u64).prop_map(|at| BAR2 + at), 1 => any::<u64>()];
    (fmt_type, length, flags, second, at).prop_map(|(fmt_type, length, flags, second, at)| {
        let long = fmt_type & 0x20 != 0;
        let tail = if long { [(at >> 32) as u32, at as u32] } else { [at as u32, 0] };
        [u32::from(fmt_type) << 24 | flags & 0x00ff_fc00 | length, u32::from(STRANGER.bits()) << 16 | u32::from(second), tail[0], tail[1]]
    })
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let wide = any::<bool>();
    let enables = prop_oneof![6 => Just(0xff_u8), 1 => any::<u8>()];
    let config_offset = prop_oneof![
        3 => prop::sample::select(vec![0x04_u16, 0x10, 0x18, 0x3c, 0x44, 0x50, 0x54, 0x70, 0x88, 0x90, 0xa8, 0x104, 0x108, 0x10c, 0x110, 0x114]),
        1 => (0..1024_u16).prop_map(|dword| 4 * dword),
    ];
    let config_value = prop_oneof![3 => prop::sample::select(vec![0_u32, 6, 7, 0x406, 3, 0x8000, 0x2810, 0x2830, 0x2850, 0x28f0, 0x0001_0000,
        0x8000_0000, 0xc000_0000, u32::MAX]), 1 => any::<u32>()];
    prop_oneof![
        12 => prop_oneof![0..8_u64, 0..60_u64, 0..900_u64].prop_map(Op::Run),
        6 => (0..2_usize, prop_oneof![Just(0), 0..100_usize, 0..3000_usize, Just(6000)], 0..40_u64, any::<bool>())
            .prop_map(|(channel, bytes, delay, error)| Op::Feed { channel, bytes, delay, error }),
        8 => (address(), value(), wide, enables.clone())
            .prop_map(|(address, value, wide, enables)| Op::Write { address, value, wide, enables }),
        4 => (address(), wide, enables).prop_map(|(address, wide, enables)| Op::Read { address, wide, enables }),
        2 => (config_offset.clone(), config_value, prop_oneof![3 => Just(0xf_u8), 1 => 0..16_u8])
            .prop_map(|(offset, value, enables)| Op::ConfigWrite { offset, value, enables }),
        1 => config_offset.prop_map(|offset| Op::ConfigRead { offset }),
        4 => (raw_header(), 0..130_usize, prop::bool::weighted(0.9), prop::bool::weighted(0.1))
            .prop_map(|(header, bytes, honest, discard)| Op::Raw { header, bytes, honest, discard }),
        6 => (0..2_u32, prop_oneof![Just(4_u32), 0..0x20_u32, 0x20..0x80_u32], prop::sample::select(vec![0x1000_u64, 0x2000, 0x3000, 0x1_0000]),
            prop_oneof![3 => Just(0x1_0000_u32), 1 => 0..0x1_0000_u32])
            .prop_map(|(channel, config, ring, rate)| Op::SetUp { channel, config, ring, rate }),
        3 => (0..2_u32, prop_oneof![0..200_u64, Just(u64::MAX / 32)]).prop_map(|(channel, units)| Op::Doorbell { channel, units }),
        3 => (0..2_u32, prop_oneof![0..8_u64, value()]).prop_map(|(channel, frames)| Op::Arm { channel, frames }),
        2 => Just(Op::BringUp),
        1 => (any::<bool>(), 1..20_u64, any::<bool>(), any::<[bool; 3]>())
            .prop_map(|(reset, clocks, forget, finite)| Op::Down { reset, clocks, forget, finite }),
        2 => (1..80_u64).prop_map(Op::Hold),
        1 => any::<u64>().prop_map(Op::Stall),
        3 => (0..3_usize, 0..8_u8, 0..80_u16).prop_map(|(class, headers, data)| Op::Credits { class, headers, data }),
    ]
}

/// The card inside a port, to see what it was allowed.
pub(crate) trait Look: TlpPort {
    fn card(&self) -> &Card;
}

impl Look for Card {
    fn card(&self) -> &Card {
        self
    }
}

impl Look for Clocked<Card> {
    fn card(&self) -> &Card {
        self.endpoint()
    }
}

/// Most requests under way.
const MOST_OPEN: usize = 8;

/// What the link partner has granted in a class, and what was used of it, since the link came up.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    finite: bool,
    granted: (u64, u64),
    used: (u64, u64),
}

impl Account {
    fn limit(&self) -> Limit {
        if self.finite { Limit::initial(self.granted.0 as u8, (self.granted.1 & 0xfff) as u16) } else { Limit::INFINITE }
    }
}

struct Fuzz<P> {
    port: P,
    now: u64,
    stimulus: Stimulus,
    response: Response,
    sent: Vec<Sent>,
    accounts: [Account; 3],
    /// Requests of the host that are not answered yet, by tag.
    open: BTreeMap<u16, CompletionSequence>,
    tag: u16,
    /// The card has room for all requests that this bench has under way; else one that it asks too much may be lost.
    has_room: bool,
    /// Largest MPS, and whether bus mastering was on, since the TLP before ended.
    allowed: (u32, bool),
}

impl<P: Look> Fuzz<P> {
    fn new(port: P, params: &CardParams) -> Self {
        let mut fuzz = Self {
            port,
            now: 0,
            stimulus: Stimulus::new(params.c2h_channels.into()),
            response: Response::default(),
            sent: Vec::new(),
            accounts: [Account::default(); 3],
            open: BTreeMap::new(),
            tag: 0,
            has_room: params.np_depth >= MOST_OPEN as u8,
            allowed: (128, false),
        };
        fuzz.stimulus.credits = Limits::INFINITE;
        fuzz.run(4);
        fuzz
    }

    fn run(&mut self, clocks: u64) {
        let end = self.now + clocks;
        while self.now < end {
            let most = if self.stimulus.tx_stall != 0 { 64 } else { 1 << 20 };
            let config = self.port.card().config_space();
            let before = (config.max_payload(), config.bus_master());
            self.port.run(Cycle(self.now), Cycles((end - self.now).min(most)), &mut self.stimulus, &mut self.response);
            assert!(self.response.clocks.0 > 0 && self.response.clocks.0 <= end - self.now);
            self.now += self.response.clocks.0;
            let config = self.port.card().config_space();
            let after = (config.max_payload(), config.bus_master());
            self.allowed = (self.allowed.0.max(after.0), self.allowed.1 || after.1);
            if self.response.tlp_done {
                self.judge();
                // The next one may have been chosen in the clock before a config write took effect.
                self.allowed = (before.0.max(after.0), before.1 || after.1);
            }
        }
        self.stimulus.tx_stall = 0;
    }

    fn judge(&mut self) {
        let tlp = &self.response.tlp;
        let header = Header(tlp.header);
        let limits = tlp::Limits {
            max_payload: self.allowed.0,
            max_read_request: 4096,
            rcb: 64,
            tag_bits: 10,
            digest: true,
            address_translation: false,
        };
        if let Err(broken) = tlp::check(&header, tlp.payload().len(), &limits) {
            panic!("cycle {}: {header:08x?} of {} bytes: {broken}", self.now, tlp.payload().len());
        }
        let account = &mut self.accounts[header.kind().class() as usize];
        account.used.0 += 1;
        account.used.1 += u64::from(data_credits(tlp.payload().len() as u32));
        if account.finite {
            assert!(account.used.0 <= account.granted.0 && account.used.1 <= account.granted.1, "{header:?} without credits: {account:?}");
        }
        match header.kind().class() {
            Class::Completion if header.requester() == HOST => {
                let sequence = self.open.get_mut(&header.tag().0).unwrap_or_else(|| panic!("a completion for nothing: {header:?}"));
                sequence.push(&header, tlp.payload().len(), &limits).unwrap_or_else(|broken| panic!("{header:?}: {broken}"));
                if sequence.ended() {
                    self.open.remove(&header.tag().0);
                }
            }
            Class::Completion => assert_eq!(header.requester(), STRANGER),
            Class::NonPosted => {
                assert!(header.kind() == Kind::MemRead && self.allowed.1, "{header:?}");
                return self.answer(&header);
            }
            Class::Posted if header.kind() == Kind::MemWrite => assert!(self.allowed.1, "{header:?} with bus mastering off"),
            Class::Posted => {}
        }
        let digest = if header.digest() { tlp.digest } else { 0 };
        assert!(!header.digest() || digest == tlp::ecrc(&header, tlp.payload()), "{header:?} with a wrong digest");
        let payload = tlp.payload().to_vec();
        self.sent.push(Sent { first: self.response.tlp_first.0, last: self.now - 1, header, payload, digest });
    }

    /// Answers a read of page descriptors: pages of all sizes in the ring's memory.
    fn answer(&mut self, read: &Header) {
        let length = read.length();
        let mut payload = Vec::new();
        for index in 0..u64::from(length.bytes() / 16) {
            let page = PageDescriptor { address: MEMORY + 0x400 * index, length: 32 << (index % 8), cookie: index as u32 };
            payload.extend(page.emit().iter().flat_map(|word| word.to_le_bytes()));
        }
        let lower = (read.address().0 & 0x7f) as u8;
        let done = CompletionStatus::Success;
        let completion = Header::completion(true, HOST, done, length.bytes(), read.requester(), read.tag(), lower, length);
        self.push(completion.with_attributes(read.attributes()).0, &payload, false);
    }

    fn push(&mut self, header: [u32; 4], payload: &[u8], discard: bool) {
        let mut tlp = TlpBuf::new();
        tlp.set(header, payload);
        tlp.discard = discard;
        self.stimulus.rx.push_back(RxTlp { at: Cycle(self.now), tlp });
    }

    /// A legal non-posted request; not more than a card of the usual size granted credits for.
    fn ask(&mut self, header: Header, payload: &[u8]) {
        if self.open.len() >= MOST_OPEN {
            return;
        }
        self.tag = (self.tag + 1) % 256;
        if self.open.contains_key(&self.tag) {
            return;
        }
        let header = header.with_tag(Tag(self.tag));
        self.open.insert(self.tag, CompletionSequence::new(&header).expect("non-posted"));
        self.push(header.0, payload, false);
    }

    fn write(&mut self, address: u64, value: u64, wide: bool, enables: u8) {
        let dwords = if wide { 2 } else { 1 };
        let last = if wide { enables >> 4 } else { 0 };
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(address), Dwords(dwords)).with_byte_enables(enables & 0xf, last);
        self.push(header.0, &value.to_le_bytes()[..4 * dwords as usize], false);
    }

    fn set(&mut self, channel: u32, register: u32, value: u64, wide: bool) {
        self.write(BAR0 + u64::from(c2h::offset(channel, register)), value, wide, 0xff);
        self.run(2);
    }

    fn config_write(&mut self, offset: u16, value: u32, enables: u8) {
        self.ask(Header::config(Kind::CfgWrite0, HOST, Tag(0), CARD, offset, enables), &value.to_le_bytes());
    }

    fn bring_up(&mut self) {
        self.run(20);
        let bars = [(0x10, BAR0 as u32), (0x14, (BAR0 >> 32) as u32), (0x18, BAR2 as u32), (0x1c, (BAR2 >> 32) as u32)];
        for (offset, value) in bars.into_iter().chain([(0x44, 0), (0x04, 6), (0x88, 0x2810), (0x70, 1 << 31)]) {
            self.config_write(offset, value, 0xf);
            self.run(20);
        }
        for vector in 0..4 {
            self.write(BAR2 + 16 * vector, 0xfee0_0000, true, 0xff);
            self.write(BAR2 + 16 * vector + 8, vector, true, 0xff);
            self.run(8);
        }
        self.write(BAR0 + u64::from(card::CONTROL), 1, false, 0xf);
        self.run(8);
    }

    fn set_up(&mut self, channel: u32, config: u32, ring: u64, rate: u32) {
        self.set(channel, c2h::CONTROL, 2, false);
        self.run(100);
        self.set(channel, c2h::RING_BASE, MEMORY, true);
        self.set(channel, c2h::RING_SIZE, ring, true);
        self.set(channel, c2h::WB_ADDR, MEMORY + 0x10_0000, true);
        self.set(channel, c2h::FREE_BASE, MEMORY + 0x11_0000, true);
        self.set(channel, c2h::COMP_BASE, MEMORY + 0x12_0000, true);
        for (register, value) in [
            (c2h::WB_FRAMES, 2),
            (c2h::FREE_ENTRIES, 7),
            (c2h::COMP_ENTRIES, 5),
            (c2h::FLUSH_TIME, 90),
            (c2h::CONFIG, config),
            (c2h::MAX_FRAME, 2500),
            (c2h::GEN_CONFIG, 1),
            (c2h::GEN_MAX, 1500),
            (c2h::GEN_RATE, rate),
            (c2h::INT_DATA, 1 << 31 | channel),
            (c2h::INT_ERROR, 1 << 31 | 2),
            (c2h::CONTROL, 1),
        ] {
            self.set(channel, register, value.into(), false);
        }
        if config & 0x20 != 0 {
            self.set(channel, c2h::FREE_TAIL, 5, true);
        }
    }

    fn down(&mut self, reset: bool, clocks: u64, forget: bool, finite: [bool; 3]) {
        self.stimulus.reset = reset;
        self.stimulus.link_up = reset;
        // The clock in which it begins still passes beats.
        self.run(1);
        self.open.clear();
        if forget {
            self.stimulus.rx.clear();
            self.stimulus.rx_passed = 0;
        }
        self.accounts = finite.map(|finite| Account { finite, granted: (4, 100), used: (0, 0) });
        self.stimulus.credits = Limits(self.accounts.map(|account| account.limit()));
        self.run(clocks - 1);
        // Requests of before the reset are not asked any more, but for one that the reset cut: its rest still comes, and means nothing.
        let mut cut = self.stimulus.rx_passed > 0;
        self.stimulus.rx.retain(|rx| {
            let header = Header(rx.tlp.header);
            std::mem::take(&mut cut) || header.kind().class() == Class::Posted || header.requester() == STRANGER
        });
        (self.stimulus.reset, self.stimulus.link_up) = (false, true);
        self.run(2);
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Run(clocks) => self.run(clocks),
            Op::Feed { channel, bytes, delay, error } => {
                let data = (0..bytes).map(|i| (i * 31 + bytes) as u8).collect::<Vec<_>>().into();
                let at = Cycle(self.now + delay);
                self.stimulus.front[channel].frames.push_back(FrontFrame { at, source: 7, error, data, start: 0, len: bytes });
            }
            Op::Write { address, value, wide, enables } => self.write(address, value, wide, enables),
            Op::Read { address, wide, enables } => {
                let crosses = wide && address & 0xfff == 0xffc;
                let dwords = if wide && !crosses { 2 } else { 1 };
                let (first, last) = match (dwords, address.is_multiple_of(8)) {
                    (1, _) => (enables & 0xf, 0),
                    (_, true) if enables & 0xf != 0 && enables >> 4 != 0 => (enables & 0xf, enables >> 4),
                    _ => (0xf, 0xf),
                };
                let header = Header::memory(Kind::MemRead, HOST, Tag(0), BusAddr(address), Dwords(dwords)).with_byte_enables(first, last);
                self.ask(header, &[]);
            }
            Op::ConfigWrite { offset, value, enables } => self.config_write(offset, value, enables),
            Op::ConfigRead { offset } => self.ask(Header::config(Kind::CfgRead0, HOST, Tag(0), CARD, offset, 0xf), &[]),
            Op::Raw { header, bytes, honest, discard } => {
                let bytes = if honest { Header(header).payload_bytes() as usize } else { bytes };
                self.push(header, &vec![0x5a; bytes], discard);
            }
            Op::SetUp { channel, config, ring, rate } => self.set_up(channel, config, ring, rate),
            Op::Doorbell { channel, units } => self.set(channel, c2h::SW_COUNT, units * 32, true),
            Op::Arm { channel, frames } => self.set(channel, c2h::INT_DATA_ARM, frames, true),
            Op::BringUp => self.bring_up(),
            Op::Down { reset, clocks, forget, finite } => self.down(reset, clocks, forget, finite),
            Op::Hold(clocks) => self.stimulus.tx_ready_at = Cycle(self.now + clocks),
            Op::Stall(pattern) => {
                self.stimulus.tx_stall = pattern;
                self.run(40);
            }
            Op::Credits { class, headers, data } => {
                let account = &mut self.accounts[class];
                let left =
                    (account.granted.0 - account.used.0.min(account.granted.0), account.granted.1 - account.used.1.min(account.granted.1));
                if account.finite && left.0 < 100 && left.1 < 1900 {
                    account.granted.0 += u64::from(headers);
                    account.granted.1 += u64::from(data);
                    self.stimulus.credits.0[class] = account.limit();
                }
            }
        }
    }

    /// Everything is allowed again; then all registers, and every request has been answered.
    fn registers(&mut self) -> Vec<Sent> {
        self.accounts.iter_mut().for_each(|account| account.finite = false);
        self.stimulus.credits = Limits::INFINITE;
        self.run(8000);
        if !self.has_room {
            self.open.clear();
        }
        assert!(self.open.is_empty(), "never answered: {:?}", self.open);
        self.bring_up();
        self.write(BAR0 + u64::from(card::PERF_CONTROL), 1, false, 0xf);
        self.run(200);
        let from = self.sent.len();
        for offset in offsets() {
            self.ask(Header::memory(Kind::MemRead, HOST, Tag(0), BusAddr(BAR0 + offset), Dwords(2)), &[]);
            self.run(100);
            assert!(self.open.is_empty(), "offset {offset:#x} is not answered");
        }
        self.sent.split_off(from)
    }
}

/// Where the registers are, two dwords at a time.
pub(crate) fn offsets() -> impl Iterator<Item = u64> {
    (0..0x80).chain(0x1000..0x11c8).chain(0x1200..0x13c8).step_by(8)
}

pub(crate) fn play<P: Look>(port: P, params: &CardParams, ops: &[Op]) -> (Vec<Sent>, Vec<Sent>) {
    let mut fuzz = Fuzz::new(port, params);
    fuzz.bring_up();
    for op in ops {
        fuzz.apply(op);
    }
    let registers = fuzz.registers();
    (fuzz.sent, registers)
}
