//! What software does: mostly what makes a channel run, at times what no driver would. Starts and descriptors are in `channels`, doorbells in `doorbell`.

use crate::doorbell::Wish;
use crate::random::Random;
use silico_spec::params::{CardParams, PBA_OFFSET};
use silico_spec::port::TlpBuf;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind, ecrc};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};
use std::collections::{BTreeMap, VecDeque};

pub(crate) const BAR0: u64 = 0x20_0000_0000;
pub(crate) const BAR2: u64 = 0x20_0010_0000;
const HOST: Bdf = Bdf::from_bits(0);
const CARD: Bdf = Bdf::from_bits(0x0100);
/// What moves while a channel runs, and what is left of it.
const C2H_COUNTS: [u32; 20] = [
    c2h::STATUS,
    c2h::HW_COUNT,
    c2h::SW_COUNT,
    c2h::ERROR,
    c2h::ERROR_ADDR,
    c2h::ERROR_COOKIE,
    c2h::FRAMES,
    c2h::DROPPED,
    c2h::RUN,
    c2h::DISCARDED,
    c2h::GEN_MADE,
    c2h::GEN_MADE,
    c2h::GEN_CHUNKS,
    c2h::FREE_TAIL,
    c2h::COMP_HEAD,
    c2h::FREE_HEAD,
    c2h::COMP_TAIL,
    c2h::PAGES_HELD,
    c2h::PERF_NO_DATA,
    c2h::PERF_NO_BUFFER,
];
const H2C_COUNTS: [u32; 14] = [
    h2c::STATUS,
    h2c::DONE,
    h2c::TAIL,
    h2c::ERROR,
    h2c::ERROR_ADDR,
    h2c::ERROR_COOKIE,
    h2c::FRAMES,
    h2c::BYTES,
    h2c::RUN,
    h2c::DISCARDED,
    h2c::DISCARDED,
    h2c::CHECK_CRC,
    h2c::CHECK_LENGTH,
    h2c::PERF_OUT_HELD,
];
const CARD_COUNTS: [u32; 6] =
    [card::INT_STATUS, card::INT_STATUS_2, card::ERROR_SUMMARY, card::HOLE_WRITES, card::READ_TAGS, card::READ_QUARANTINE];

/// What software does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Tlp(TlpBuf),
    /// Nothing, for so many clocks.
    Wait(u64),
}

/// How large the rings of a channel are in this run, and how far they were filled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ring {
    pub(crate) entries: u64,
    pub(crate) tail: u64,
}

pub(crate) struct Script {
    pub(crate) channels: [u64; 2],
    /// Of H2C channels; free lists and completion rings of C2H channels.
    pub(crate) given: Vec<Ring>,
    pub(crate) pages: Vec<Ring>,
    pub(crate) completions: Vec<u64>,
    pub(crate) paged: Vec<bool>,
    favourites: [u64; 2],
    pub(crate) elinks: u64,
    tag: u16,
    /// Reads of counts, by tag.
    pub(crate) asked: VecDeque<(u16, Wish)>,
    /// What each doorbell was rung with last.
    pub(crate) rung: BTreeMap<u64, u64>,
    digest: bool,
}

impl Script {
    pub(crate) fn new(params: &CardParams) -> Self {
        let channels = [params.c2h_channels.into(), params.h2c_channels.into()];
        Self {
            channels,
            given: vec![Ring { entries: 2, tail: 0 }; channels[1] as usize],
            pages: vec![Ring { entries: 2, tail: 0 }; channels[0] as usize],
            completions: vec![2; channels[0] as usize],
            paged: vec![false; channels[0] as usize],
            favourites: [0; 2],
            elinks: params.elinks.into(),
            tag: 0,
            asked: VecDeque::new(),
            rung: BTreeMap::new(),
            digest: false,
        }
    }

    fn tlp(&self, header: Header, payload: &[u8], random: &mut Random) -> TlpBuf {
        let header = header.with_digest(self.digest || header.digest());
        let mut tlp = TlpBuf::new();
        tlp.set(header.0, payload);
        tlp.discard = random.once_in(200);
        if header.digest() {
            tlp.digest = ecrc(&header, payload) ^ u32::from(random.once_in(30));
        }
        tlp
    }

    pub(crate) fn write(&self, out: &mut VecDeque<Step>, address: u64, value: u64, wide: bool, random: &mut Random) {
        self.write_part(out, address, value, wide, 60, random);
    }

    /// Some of the bytes, once in `whole` writes.
    pub(crate) fn write_part(&self, out: &mut VecDeque<Step>, address: u64, value: u64, wide: bool, whole: u64, random: &mut Random) {
        let dwords = if wide { 2 } else { 1 };
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(address), Dwords(dwords));
        let header = if random.once_in(whole) {
            header.with_byte_enables(random.below(16) as u8, if wide { 1 + random.below(15) as u8 } else { 0 })
        } else {
            header
        };
        let header = header.with_poisoned(random.once_in(150));
        out.push_back(Step::Tlp(self.tlp(header, &value.to_le_bytes()[..4 * dwords as usize], random)));
    }

    pub(crate) fn read(&mut self, out: &mut VecDeque<Step>, address: u64, wide: bool, random: &mut Random) -> u16 {
        self.tag = (self.tag + 1) % 256;
        let header = Header::memory(Kind::MemRead, HOST, Tag(self.tag), BusAddr(address), Dwords(if wide { 2 } else { 1 }));
        out.push_back(Step::Tlp(self.tlp(header, &[], random)));
        self.tag
    }

    fn config(&mut self, out: &mut VecDeque<Step>, offset: u16, value: u32, random: &mut Random) {
        self.tag = (self.tag + 1) % 256;
        let header = Header::config(
            Kind::CfgWrite0,
            HOST,
            Tag(self.tag),
            CARD,
            offset,
            if random.once_in(40) { random.below(16) as u8 } else { 0xf },
        );
        out.push_back(Step::Tlp(self.tlp(header, &value.to_le_bytes(), random)));
    }

    /// Brings the card up, or puts right what was spoilt.
    pub(crate) fn bring_up(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let command = random.of(&[6, 6, 6, 0x406]);
        let bars = [
            (0x10, BAR0 as u32),
            (0x14, (BAR0 >> 32) as u32),
            (0x18, BAR2 as u32),
            (0x1c, (BAR2 >> 32) as u32),
            (0x44, 0),
            (0x04, command),
        ];
        for (offset, value) in bars {
            self.config(out, offset, value, random);
        }
        let control = random.of(&[0x2910, 0x2110, 0x2830, 0x5950, 0x0810, 0x291f]);
        self.config(out, 0x88, control, random);
        let messages = random.of(&[1 << 31, 1 << 31, 0]);
        self.config(out, 0x70, messages, random);
        for vector in 0..8 {
            self.write(out, BAR2 + 16 * vector, 0xfee0_0000, true, random);
            self.write(out, BAR2 + 16 * vector + 8, vector, true, random);
        }
        for vector in 0..9 {
            self.write_part(out, BAR2 + 16 * vector + 12, u64::from(random.once_in(6)), false, 8, random);
        }
        self.write(out, BAR0 + u64::from(card::INT_CARD), 1 << 31 | 7, false, random);
        self.write(out, BAR0 + u64::from(card::ERROR_MASK), random.bits() & 0xffff_ffff, false, random);
        self.write(out, BAR0 + u64::from(card::CONTROL), 1, false, random);
    }

    /// Some things that software does in one go.
    pub(crate) fn act(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let [c2h_channels, h2c_channels] = self.channels;
        // One channel of each direction is attended to most, so that it gets somewhere.
        if random.once_in(150) {
            self.favourites = [random.below(c2h_channels), random.below(h2c_channels)];
        }
        let [mut to_host, mut to_card] = self.favourites;
        if random.once_in(3) {
            (to_host, to_card) = (random.below(c2h_channels), random.below(h2c_channels));
        }
        let of_c2h = |register: u32| BAR0 + u64::from(c2h::offset(to_host as u32, register));
        let of_h2c = |register: u32| BAR0 + u64::from(h2c::offset(to_card as u32, register));
        match random.below(130) {
            0..3 => self.start_h2c(out, to_card, false, random),
            3..6 => self.control(out, of_h2c(h2c::CONTROL), [h2c::DONE, h2c::BYTES].map(of_h2c), random),
            6..14 => self.arm(out, of_h2c(h2c::DONE), of_h2c(h2c::INT_SPACE_ARM), random),
            14..17 => self.start_c2h(out, to_host, false, random),
            17..41 => {
                let pages = [(c2h::FREE_HEAD, Wish::Pages(to_host)), (c2h::COMP_TAIL, Wish::Free(of_c2h(c2h::COMP_HEAD)))];
                let ring = [(c2h::HW_COUNT, Wish::Free(of_c2h(c2h::SW_COUNT)))];
                let paged = self.paged[to_host as usize] != random.once_in(30);
                for &(register, wish) in if paged { &pages[..] } else { &ring[..] } {
                    self.ask(out, of_c2h(register), wish, random);
                }
            }
            41..44 => self.control(out, of_c2h(c2h::CONTROL), [c2h::FRAMES, c2h::HW_COUNT].map(of_c2h), random),
            44..50 => self.arm(out, of_c2h(c2h::FRAMES), of_c2h(c2h::INT_DATA_ARM), random),
            50..60 => self.look(out, random),
            60..62 => {
                for _ in 0..4 {
                    self.read(out, of_c2h(c2h::GEN_MADE), false, random);
                }
            }
            62..64 => self.look_anywhere(out, random),
            64 => self.write_anything(out, random),
            65 => out.push_back(Step::Wait(random.below(300))),
            66..70 => self.write_part(out, BAR2 + 4 * random.below(64), random.bits() & 0xffff_ffff, false, 3, random),
            70 => {
                self.configure(out, random);
                out.push_back(Step::Wait(random.below(300)));
                self.bring_up(out, random);
            }
            71..74 => self.messages(out, random),
            74 => self.raw(out, random),
            75 => self.bring_up(out, random),
            76 => self.write(out, BAR0 + u64::from(card::INT_ACK), random.bits(), false, random),
            77 => self.write(out, BAR0 + u64::from(card::INT_ACK_2), random.bits(), false, random),
            78 => self.write(out, BAR0 + u64::from(card::PERF_CONTROL), random.below(4), false, random),
            79 if random.once_in(3) => self.reset(out, random),
            80 => self.retune(out, random),
            81..83 => self.rattle(out, random),
            _ => self.ask(out, of_h2c(h2c::DONE), Wish::Give(to_card), random),
        }
    }

    /// Asks for a count that something is to be done with.
    fn ask(&mut self, out: &mut VecDeque<Step>, at: u64, wish: Wish, random: &mut Random) {
        let tag = self.read(out, at, true, random);
        self.asked.push_back((tag, wish));
    }

    /// Arms a cause, with what has been seen or with what was long ago.
    fn arm(&mut self, out: &mut VecDeque<Step>, count: u64, at: u64, random: &mut Random) {
        if random.once_in(3) {
            self.write(out, at, random.below(40), true, random);
        } else {
            self.ask(out, count, Wish::Arm(at), random);
        }
    }

    /// Which messages there are, and whether INTx may be: for longer than until the next bring-up.
    fn messages(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        for _ in 0..1 + random.below(3) {
            match random.below(4) {
                0 => self.config(out, 0x50, random.of(&[0, 0x1_0000, 0x31_0000]), random),
                1 => self.config(out, 0x70, random.of(&[0, 0, 1 << 31, 3 << 30]), random),
                2 => self.config(out, 0x04, random.of(&[6, 0x406]), random),
                _ => out.push_back(Step::Wait(random.below(100))),
            }
        }
    }

    /// The card's or the function's reset, and what software does after it, at once or later.
    fn reset(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        if random.once_in(2) {
            self.write(out, BAR0 + u64::from(card::CONTROL), 2 + random.below(2), false, random);
        } else {
            self.config(out, 0x88, 1 << 15 | 0x2910, random);
        }
        out.push_back(Step::Wait(random.of(&[0, 20, 300])));
        self.bring_up(out, random);
    }

    /// Settings of interrupts, while channels run.
    fn retune(&self, out: &mut VecDeque<Step>, random: &mut Random) {
        let [c2h_channels, h2c_channels] = self.channels;
        let (to_host, to_card) = (random.below(c2h_channels) as u32, random.below(h2c_channels) as u32);
        let enable = random.of(&[0, 1 << 31]);
        let (at, value) = match random.below(6) {
            0 => (c2h::offset(to_host, c2h::INT_DATA_FRAMES), random.below(6)),
            1 => (c2h::offset(to_host, c2h::INT_DATA_TIME), random.below(300)),
            2 => (c2h::offset(to_host, c2h::INT_DATA), enable | random.below(17)),
            3 => (h2c::offset(to_card, h2c::INT_SPACE_COUNT), random.below(6)),
            4 => (h2c::offset(to_card, h2c::INT_SPACE_TIME), random.below(300)),
            _ => (h2c::offset(to_card, h2c::INT_SPACE), enable | random.below(17)),
        };
        self.write_part(out, BAR0 + u64::from(at), value, false, 4, random);
    }

    pub(crate) fn forget(&mut self) {
        self.asked.clear();
        self.rung.clear();
        self.given.iter_mut().chain(&mut self.pages).for_each(|ring| ring.tail = 0);
    }

    /// Stops, resets or starts a channel. `counts`: what it looks at at times while that is under way.
    fn control(&mut self, out: &mut VecDeque<Step>, at: u64, counts: [u64; 2], random: &mut Random) {
        let value = random.of(&[0, 2, 2, 3, 1]);
        self.write_part(out, at, value, false, 10, random);
        for _ in 0..random.below(2) * random.below(12) {
            let count = random.of(&counts);
            self.read(out, count, false, random);
        }
    }

    /// Any register of the card and of a channel.
    fn place(&self, random: &mut Random) -> u64 {
        let [c2h_channels, h2c_channels] = self.channels;
        match random.below(4) {
            0 => 8 * random.below(0x20),
            1 => u64::from(c2h::offset(random.below(c2h_channels) as u32, 0)) + 8 * random.below(0x3a),
            2 => 8 * random.below(0x2000),
            _ => u64::from(h2c::offset(random.below(h2c_channels) as u32, 0)) + 8 * random.below(0x19),
        }
    }

    /// What moves, several times: a count that is a clock late shows only while it moves.
    fn look(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let [c2h_channels, h2c_channels] = self.channels;
        let at = match random.below(8) {
            0..4 => BAR0 + u64::from(c2h::offset(random.below(c2h_channels) as u32, random.of(&C2H_COUNTS))),
            4..6 => BAR0 + u64::from(h2c::offset(random.below(h2c_channels) as u32, random.of(&H2C_COUNTS))),
            6 => BAR0 + u64::from(random.of(&CARD_COUNTS)),
            _ if random.once_in(2) => BAR2 + u64::from(PBA_OFFSET),
            _ => BAR2 + 16 * random.below(16) + 4 * random.below(4),
        };
        let (wide, times) = (random.once_in(2), 1 + random.below(3));
        for _ in 0..times {
            self.read(out, if wide { at & !7 } else { at }, wide, random);
        }
    }

    fn look_anywhere(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let (at, wide) = (self.place(random), random.once_in(2));
        self.read(out, BAR0 + at + if wide { 0 } else { 4 * random.below(2) }, wide, random);
    }

    fn write_anything(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let at = self.place(random);
        let (value, wide) = (random.value(), random.once_in(2));
        self.write_part(out, BAR0 + at + if wide { 0 } else { 4 * random.below(2) }, value, wide, 4, random);
    }

    fn configure(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let (offset, value) = match random.below(12) {
            0 => (0x04, random.of(&[6, 2, 0x406, 4])),
            1 => (0x44, random.of(&[0, 3])),
            2 => (0x50, random.of(&[0, 0x1_0000, 0x31_0000])),
            3 => (0x70, random.of(&[0, 1 << 31, 3 << 30])),
            4 => (0x88, random.bits() as u32 & 0x7fff | if random.once_in(6) { 1 << 15 } else { 0 }),
            5 => (0xa8, random.of(&[0, 1, 1, 0x11])),
            6 => (0x90, random.of(&[0, 8])),
            7 => {
                let bits = random.bits() as u32 & 0x140;
                self.digest = random.once_in(2);
                (0x118, bits)
            }
            8 => (0x10c, random.bits() as u32),
            9 => (0x108, random.bits() as u32 & random.of(&[0, u32::MAX])),
            10 => (0x104, u32::MAX),
            _ => (0x110, random.bits() as u32),
        };
        self.config(out, offset, value, random);
    }

    /// Nonsense, or what is rare.
    fn raw(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        const CODES: [u32; 23] = [
            0x00, 0x20, 0x01, 0x21, 0x40, 0x60, 0x02, 0x42, 0x04, 0x44, 0x05, 0x45, 0x0a, 0x4a, 0x0b, 0x4b, 0x34, 0x30, 0x74, 0x4c, 0x6d,
            0x4e, 0x6e,
        ];
        let code = if random.once_in(4) { random.below(256) as u32 } else { random.of(&CODES) };
        let at = match random.below(3) {
            0 => BAR0 + random.below(0x1_0000),
            1 => BAR2 + random.below(0x4000),
            _ => random.bits(),
        };
        let tail = if code & 0x20 != 0 { [(at >> 32) as u32, at as u32] } else { [at as u32, 0] };
        let flags = if random.once_in(4) { random.bits() as u32 & 0x00ff_fc00 } else { 0 };
        let header = Header([code << 24 | flags | random.below(9) as u32, random.bits() as u32, tail[0], tail[1]]);
        let bytes = if random.once_in(10) { 4 * random.below(40) } else { header.payload_bytes().into() };
        let payload: Vec<u8> = (0..bytes).map(|_| random.bits() as u8).collect();
        out.push_back(Step::Tlp(self.tlp(header, &payload, random)));
    }
}
