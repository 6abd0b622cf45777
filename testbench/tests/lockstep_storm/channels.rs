//! Starts of channels, and what is put into their rings.

use crate::host::{Host, MEMORY};
use crate::random::Random;
use crate::script::{BAR0, Ring, Script, Step};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor, PageDescriptor};
use silico_spec::registers::{c2h, h2c};
use std::collections::VecDeque;

fn ring(channel: u64) -> u64 {
    MEMORY + 0x1000 * channel
}

impl Script {
    /// `rests`: it needs not be stopped before.
    pub(crate) fn start_h2c(&mut self, out: &mut VecDeque<Step>, channel: u64, rests: bool, random: &mut Random) {
        let at = |register: u32| BAR0 + u64::from(h2c::offset(channel as u32, register));
        let output = if random.once_in(40) { 3 } else { random.of(&[0, 1, 1, 2, 2]) };
        let targets = self.channels[0] + u64::from(random.once_in(20));
        let config = output | random.below(8) << 2 | random.below(targets) << 8;
        let stop = random.of(&[0, 0, 2]);
        let entries = random.of(&[2, 3, 7, 24, 24, 64]);
        if !rests {
            self.write(out, at(h2c::CONTROL), stop, false, random);
            out.push_back(Step::Wait(random.of(&[1, 60, 400])));
        }
        self.write(out, at(h2c::RING_BASE), ring(channel) + u64::from(random.once_in(40)), true, random);
        for (register, value) in [
            (h2c::RING_ENTRIES, if random.once_in(40) { random.value() } else { entries }),
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
        self.given[channel as usize] = Ring { entries, tail: 0 };
        self.rung.remove(&at(h2c::TAIL));
    }

    pub(crate) fn give(&mut self, out: &mut VecDeque<Step>, host: &mut Host, channel: u64, room: u64, random: &mut Random) {
        let Ring { entries, tail } = self.given[channel as usize];
        let count = random.below(room + 1);
        // One that cannot be fails its channel: a cut, at whatever point the frame before it has come to.
        let bad = random.once_in(12);
        for index in tail..tail + count {
            let most = random.of(&[4, 70, 700, 5000, 20_000]);
            let length = random.below(most) as u32;
            let spoilt = (bad && index + 1 == tail + count) || random.once_in(300);
            let flags = DescriptorFlags(if spoilt && random.once_in(2) { 4 } else { random.of(&[0, 1, 1, 1, 2, 3]) });
            let address = if random.once_in(300) { random.value() } else { MEMORY + 0x1_0000 + random.below(0x2_0000) };
            let ends = DescriptorFlags(flags.0 | u32::from(length == 0 && !spoilt));
            let descriptor = H2cDescriptor { address, length, flags: ends, cookie: index << 8 | channel };
            host.put(ring(channel) + 32 * (index % entries), &descriptor.emit());
        }
        let bell = BAR0 + u64::from(h2c::offset(channel as u32, h2c::TAIL));
        self.given[channel as usize].tail = self.bell(out, bell, tail + count, entries, random);
    }

    pub(crate) fn give_pages(&mut self, out: &mut VecDeque<Step>, host: &mut Host, channel: u64, room: u64, random: &mut Random) {
        let Ring { entries, tail } = self.pages[channel as usize];
        let count = random.below(room + 1);
        let most = random.of(&[1, 4, 60]);
        for index in tail..tail + count {
            let length = 32 * (1 + random.below(most)) as u32 + u32::from(random.once_in(100));
            let page = PageDescriptor { address: MEMORY + 0x2_0000 + 32 * random.below(0x400), length, cookie: index as u32 };
            host.put(MEMORY + 0xa000 + 0x400 * channel + 16 * (index % entries), &page.emit());
        }
        let bell = BAR0 + u64::from(c2h::offset(channel as u32, c2h::FREE_TAIL));
        self.pages[channel as usize].tail = self.bell(out, bell, tail + count, entries, random);
    }

    pub(crate) fn start_c2h(&mut self, out: &mut VecDeque<Step>, channel: u64, rests: bool, random: &mut Random) {
        let at = |register: u32| BAR0 + u64::from(c2h::offset(channel as u32, register));
        let stop = random.of(&[0, 0, 2]);
        // What may come must fit the ring, mostly.
        // Long frames of a generator that drops do not fit a FIFO whose channel waits: they are taken back after their beginning has left.
        let long = random.once_in(4);
        let sizes = [(100, 0x1000), (1000, 0x1000), (2500, 0x4000), (2500, 0x1_0000), (30_000, 0x1_0000)];
        let (limit, size) = if long { (30_000, 0x1_0000) } else { random.of(&sizes) };
        let (shortest, longest) = if long { (12_000, 40_000) } else { (random.of(&[2, 40, 100]), random.of(&[1, 300, 2500, 40_000])) };
        if !rests {
            self.write(out, at(c2h::CONTROL), stop, false, random);
            out.push_back(Step::Wait(random.of(&[1, 30, 200])));
        }
        self.write(out, at(c2h::RING_BASE), MEMORY + 0x4_0000 + 0x1_0000 * channel, true, random);
        self.write(out, at(c2h::RING_SIZE), size, true, random);
        self.write(out, at(c2h::WB_ADDR), MEMORY + 0x9000 + 64 * channel, true, random);
        self.write(out, at(c2h::FREE_BASE), MEMORY + 0xa000 + 0x400 * channel, true, random);
        self.write(out, at(c2h::COMP_BASE), MEMORY + 0xc000 + 0x400 * channel, true, random);
        let (entries, completions) = (random.of(&[2, 3, 7, 16, 64]), random.of(&[2, 3, 5, 12, 32]));
        self.pages[channel as usize] = Ring { entries, tail: 0 };
        self.completions[channel as usize] = completions;
        let config = if long { random.of(&[0b00_1011, 0b01_1111, 0b00_0011, 0b00_1010]) } else { random.below(128) };
        self.paged[channel as usize] = config >> 5 & 1 != 0;
        for register in [c2h::SW_COUNT, c2h::FREE_TAIL, c2h::COMP_HEAD] {
            self.rung.remove(&at(register));
        }
        for (register, value) in [
            (c2h::CONFIG, config),
            (c2h::FREE_ENTRIES, entries),
            (c2h::COMP_ENTRIES, completions),
            (c2h::FLUSH_TIME, random.below(2) * random.below(300)),
            (c2h::GEN_LINKS, 1 + random.below(self.elinks)),
            (c2h::GEN_FLUSH, random.below(200)),
            (c2h::MAX_FRAME, limit),
            (c2h::WB_FRAMES, random.below(4)),
            (c2h::WB_BYTES, random.below(2) * 2000),
            (c2h::WB_TIME, random.below(300)),
            (c2h::GEN_CONFIG, random.below(3) | random.below(2) << 2 | random.below(100) << 16),
            (c2h::GEN_MIN, random.below(shortest)),
            (c2h::GEN_MAX, 100 + random.below(longest)),
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
}
