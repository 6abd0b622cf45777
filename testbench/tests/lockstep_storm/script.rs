//! What software does: mostly what makes a channel run, at times what no driver would.

use crate::host::{Host, MEMORY};
use crate::random::Random;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor, PageDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::TlpBuf;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind, ecrc};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};
use std::collections::VecDeque;

pub(crate) const BAR0: u64 = 0x20_0000_0000;
pub(crate) const BAR2: u64 = 0x20_0010_0000;
const HOST: Bdf = Bdf::from_bits(0);
const CARD: Bdf = Bdf::from_bits(0x0100);
/// Entries of a ring of an H2C channel.
const ENTRIES: u64 = 24;
/// Entries of a free list, and of a completion ring.
const PAGES: u64 = 16;
const COMPLETIONS: u64 = 12;

/// What software does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Tlp(TlpBuf),
    /// Nothing, for so many clocks.
    Wait(u64),
}

/// What it does with a count that it has asked for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    /// Frees a ring up to it: writes it here.
    Free(u64),
    /// Gives an H2C channel what it has room for.
    Give(u64),
    /// Gives pages to a C2H channel.
    Pages(u64),
}

pub(crate) struct Script {
    channels: [u64; 2],
    tails: Vec<u64>,
    page_tails: Vec<u64>,
    elinks: u64,
    tag: u16,
    /// Reads of counts, by tag.
    asked: VecDeque<(u16, Wish)>,
    digest: bool,
}

fn ring(channel: u64) -> u64 {
    MEMORY + 0x1000 * channel
}

impl Script {
    pub(crate) fn new(params: &CardParams) -> Self {
        let channels = [params.c2h_channels.into(), params.h2c_channels.into()];
        Self {
            channels,
            tails: vec![0; channels[1] as usize],
            page_tails: vec![0; channels[0] as usize],
            elinks: params.elinks.into(),
            tag: 0,
            asked: VecDeque::new(),
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

    fn write(&self, out: &mut VecDeque<Step>, address: u64, value: u64, wide: bool, random: &mut Random) {
        let dwords = if wide { 2 } else { 1 };
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(address), Dwords(dwords));
        let header = if random.once_in(60) {
            header.with_byte_enables(random.below(16) as u8, if wide { 1 + random.below(15) as u8 } else { 0 })
        } else {
            header
        };
        out.push_back(Step::Tlp(self.tlp(header, &value.to_le_bytes()[..4 * dwords as usize], random)));
    }

    fn read(&mut self, out: &mut VecDeque<Step>, address: u64, wide: bool, random: &mut Random) -> u16 {
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
        let bars =
            [(0x10, BAR0 as u32), (0x14, (BAR0 >> 32) as u32), (0x18, BAR2 as u32), (0x1c, (BAR2 >> 32) as u32), (0x44, 0), (0x04, 6)];
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
        self.write(out, BAR0 + u64::from(card::INT_CARD), 1 << 31 | 7, false, random);
        self.write(out, BAR0 + u64::from(card::ERROR_MASK), random.bits() & 0xffff_ffff, false, random);
        self.write(out, BAR0 + u64::from(card::CONTROL), 1, false, random);
    }

    /// Some things that software does in one go.
    pub(crate) fn act(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let [c2h_channels, h2c_channels] = self.channels;
        let (to_host, to_card) = (random.below(c2h_channels), random.below(h2c_channels));
        match random.below(120) {
            0..8 => self.start_h2c(out, to_card, random),
            8..26 | 64..110 => {
                let tag = self.read(out, BAR0 + u64::from(h2c::offset(to_card as u32, h2c::DONE)), true, random);
                self.asked.push_back((tag, Wish::Give(to_card)));
            }
            26 => self.control(out, u64::from(h2c::offset(to_card as u32, h2c::CONTROL)), random),
            27..32 => self.write(out, BAR0 + u64::from(h2c::offset(to_card as u32, h2c::INT_SPACE_ARM)), random.below(40), true, random),
            32..38 => self.start_c2h(out, to_host, random),
            38..42 => {
                let at = |register: u32| BAR0 + u64::from(c2h::offset(to_host as u32, register));
                for (register, wish) in [
                    (c2h::HW_COUNT, Wish::Free(at(c2h::SW_COUNT))),
                    (c2h::FREE_HEAD, Wish::Pages(to_host)),
                    (c2h::COMP_TAIL, Wish::Free(at(c2h::COMP_HEAD))),
                ] {
                    let tag = self.read(out, at(register), true, random);
                    self.asked.push_back((tag, wish));
                }
            }
            42 => self.control(out, u64::from(c2h::offset(to_host as u32, c2h::CONTROL)), random),
            43..46 => self.write(out, BAR0 + u64::from(c2h::offset(to_host as u32, c2h::INT_DATA_ARM)), random.below(40), true, random),
            46..52 => self.look(out, random),
            52 => self.write_anything(out, random),
            53 | 54 => out.push_back(Step::Wait(random.below(600))),
            55 => self.write(out, BAR2 + 4 * random.below(64), random.bits() & 0xffff_ffff, false, random),
            56 => {
                self.configure(out, random);
                out.push_back(Step::Wait(random.below(300)));
                self.bring_up(out, random);
            }
            57..59 => self.raw(out, random),
            59..61 => self.bring_up(out, random),
            61 => self.write(out, BAR0 + u64::from(card::INT_ACK), random.bits(), false, random),
            62 => self.write(out, BAR0 + u64::from(card::INT_ACK_2), random.bits(), false, random),
            _ => self.write(out, BAR0 + u64::from(card::PERF_CONTROL), random.below(4), false, random),
        }
    }

    /// A completion of the card: the count in it becomes a doorbell.
    pub(crate) fn answered(&mut self, out: &mut VecDeque<Step>, header: &Header, payload: &[u8], host: &mut Host, random: &mut Random) {
        let Some(at) = self.asked.iter().position(|(tag, _)| *tag == header.tag().0) else { return };
        let (Some((_, wish)), Some(word)) = (self.asked.remove(at), payload.first_chunk::<8>()) else { return };
        let count = u64::from_le_bytes(*word);
        match wish {
            Wish::Free(address) if address & 0x1ff == u64::from(c2h::SW_COUNT) => self.write(out, address, count & !31, true, random),
            Wish::Free(address) => self.write(out, address, count, true, random),
            Wish::Pages(channel) => {
                let given = self.page_tails[channel as usize].saturating_sub(count);
                self.give_pages(out, host, channel, PAGES.saturating_sub(given), random);
            }
            Wish::Give(channel) => {
                let given = self.tails[channel as usize].saturating_sub(count);
                let room = ENTRIES.saturating_sub(given);
                self.give(out, host, channel, room, random);
            }
        }
    }

    pub(crate) fn forget(&mut self) {
        self.asked.clear();
        self.tails.fill(0);
        self.page_tails.fill(0);
    }

    fn control(&self, out: &mut VecDeque<Step>, at: u64, random: &mut Random) {
        let value = random.of(&[0, 0, 2, 3, 1]);
        self.write(out, BAR0 + at, value, false, random);
    }

    fn start_h2c(&mut self, out: &mut VecDeque<Step>, channel: u64, random: &mut Random) {
        let at = |register: u32| BAR0 + u64::from(h2c::offset(channel as u32, register));
        let output = random.of(&[0, 1, 1, 2, 2, 2, 3]);
        let targets = self.channels[0] + random.below(2);
        let config = output | random.below(8) << 2 | random.below(targets) << 8;
        let stop = random.of(&[0, 0, 2]);
        self.write(out, at(h2c::CONTROL), stop, false, random);
        out.push_back(Step::Wait(random.of(&[1, 100, 700])));
        self.write(out, at(h2c::RING_BASE), ring(channel) + u64::from(random.once_in(40)), true, random);
        for (register, value) in [
            (h2c::RING_ENTRIES, if random.once_in(40) { random.value() } else { ENTRIES }),
            (h2c::CONFIG, config),
            (h2c::WB_EVERY, random.below(5)),
            (h2c::WB_TIME, random.below(300)),
            (h2c::INT_SPACE, 1 << 31 | random.below(9)),
            (h2c::INT_ERROR, 1 << 31 | random.below(9)),
            (h2c::INT_SPACE_COUNT, random.below(5)),
            (h2c::INT_SPACE_TIME, random.below(300)),
        ] {
            self.write(out, at(register), value & 0xffff_ffff, false, random);
        }
        self.write(out, at(h2c::WB_ADDR), MEMORY + 0x8000 + 64 * channel + u64::from(random.once_in(60)), true, random);
        self.write(out, at(h2c::CONTROL), 1, false, random);
        self.tails[channel as usize] = 0;
    }

    fn give(&mut self, out: &mut VecDeque<Step>, host: &mut Host, channel: u64, room: u64, random: &mut Random) {
        let tail = self.tails[channel as usize];
        let count = random.below(room + 1);
        for index in tail..tail + count {
            let most = random.of(&[4, 70, 700, 5000, 20_000]);
            let length = random.below(most) as u32;
            let flags = DescriptorFlags(if random.once_in(300) { 4 } else { random.of(&[0, 1, 1, 1, 2, 3]) });
            let address = if random.once_in(300) { random.value() } else { MEMORY + 0x1_0000 + random.below(0x2_0000) };
            let ends = DescriptorFlags(flags.0 | u32::from(length == 0 && !random.once_in(9)));
            let descriptor = H2cDescriptor { address, length, flags: ends, cookie: index << 8 | channel };
            host.put(ring(channel) + 32 * (index % ENTRIES), &descriptor.emit());
        }
        let tail = if random.once_in(150) { random.value() } else { tail + count };
        self.tails[channel as usize] = tail & 0xffff;
        self.write(out, BAR0 + u64::from(h2c::offset(channel as u32, h2c::TAIL)), tail, true, random);
    }

    fn give_pages(&mut self, out: &mut VecDeque<Step>, host: &mut Host, channel: u64, room: u64, random: &mut Random) {
        let tail = self.page_tails[channel as usize];
        let count = random.below(room + 1);
        for index in tail..tail + count {
            let length = 32 * (1 + random.below(60)) as u32 + u32::from(random.once_in(200));
            let page = PageDescriptor { address: MEMORY + 0x2_0000 + 32 * random.below(0x400), length, cookie: index as u32 };
            host.put(MEMORY + 0xa000 + 0x400 * channel + 16 * (index % PAGES), &page.emit());
        }
        self.page_tails[channel as usize] = tail + count;
        self.write(out, BAR0 + u64::from(c2h::offset(channel as u32, c2h::FREE_TAIL)), tail + count, true, random);
    }

    fn start_c2h(&mut self, out: &mut VecDeque<Step>, channel: u64, random: &mut Random) {
        let at = |register: u32| BAR0 + u64::from(c2h::offset(channel as u32, register));
        let stop = random.of(&[0, 0, 2]);
        self.write(out, at(c2h::CONTROL), stop, false, random);
        out.push_back(Step::Wait(random.of(&[1, 50, 400])));
        self.write(out, at(c2h::RING_BASE), MEMORY + 0x4_0000 + 0x1_0000 * channel, true, random);
        self.write(out, at(c2h::RING_SIZE), random.of(&[0x1000, 0x4000, 0x1_0000]), true, random);
        self.write(out, at(c2h::WB_ADDR), MEMORY + 0x9000 + 64 * channel, true, random);
        self.write(out, at(c2h::FREE_BASE), MEMORY + 0xa000 + 0x400 * channel, true, random);
        self.write(out, at(c2h::COMP_BASE), MEMORY + 0xc000 + 0x400 * channel, true, random);
        self.page_tails[channel as usize] = 0;
        for (register, value) in [
            (c2h::CONFIG, random.below(128)),
            (c2h::FREE_ENTRIES, PAGES),
            (c2h::COMP_ENTRIES, COMPLETIONS),
            (c2h::FLUSH_TIME, random.below(2) * random.below(300)),
            (c2h::GEN_LINKS, 1 + random.below(self.elinks)),
            (c2h::GEN_FLUSH, random.below(200)),
            (c2h::MAX_FRAME, random.of(&[100, 1000, 2500])),
            (c2h::WB_FRAMES, random.below(4)),
            (c2h::WB_BYTES, random.below(2) * 2000),
            (c2h::WB_TIME, random.below(300)),
            (c2h::GEN_CONFIG, random.below(3) | random.below(2) << 2 | random.below(100) << 16),
            (c2h::GEN_MIN, random.below(100)),
            (c2h::GEN_MAX, 100 + random.below(2500)),
            (c2h::GEN_PAUSE, random.below(50)),
            (c2h::GEN_RATE, random.of(&[0x1_0000, 0x8000, 1000])),
            (c2h::INT_DATA, 1 << 31 | random.below(9)),
            (c2h::INT_ERROR, 1 << 31 | random.below(9)),
            (c2h::INT_DATA_FRAMES, random.below(5)),
            (c2h::INT_DATA_TIME, random.below(300)),
            (c2h::CONTROL, 1),
        ] {
            self.write(out, at(register), value, false, random);
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

    fn look(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let (at, wide) = (self.place(random), random.once_in(2));
        self.read(out, BAR0 + at + if wide { 0 } else { 4 * random.below(2) }, wide, random);
    }

    fn write_anything(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let at = self.place(random);
        let (value, wide) = (random.value(), random.once_in(2));
        self.write(out, BAR0 + at + if wide { 0 } else { 4 * random.below(2) }, value, wide, random);
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
