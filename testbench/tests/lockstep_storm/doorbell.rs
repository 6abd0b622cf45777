//! Doorbells: what a count that was read becomes, and what else software that errs would write there.

use crate::host::Host;
use crate::random::Random;
use crate::script::{BAR0, Script, Step};
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::Header;
use std::collections::VecDeque;

/// One doorbell in so many is rung with something else than it should.
const WRONG: u64 = 24;

/// What software does with a count that it has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// Frees a ring up to it: writes it here.
    Free(u64),
    /// Arms a cause with it: writes it here.
    Arm(u64),
    /// Gives an H2C channel what it has room for.
    Give(u64),
    /// Gives pages to a C2H channel.
    Pages(u64),
}

impl Script {
    /// A completion of the card: the count in it becomes a doorbell.
    pub(crate) fn answered(&mut self, out: &mut VecDeque<Step>, header: &Header, payload: &[u8], host: &mut Host, random: &mut Random) {
        let Some(at) = self.asked.iter().position(|(tag, _)| *tag == header.tag().0) else { return };
        let (Some((_, wish)), Some(word)) = (self.asked.remove(at), payload.first_chunk::<8>()) else { return };
        let count = u64::from_le_bytes(*word);
        match wish {
            Wish::Free(address) => {
                // All of it, or some.
                let before = self.rung.get(&address).copied().unwrap_or(0).min(count);
                let freed = if random.once_in(2) { count } else { before + random.below(count - before + 1) };
                let grid = if address & 0x1ff == u64::from(c2h::SW_COUNT) { 32 } else { 1 };
                let channel = (address - BAR0 - u64::from(c2h::BASE)) / u64::from(c2h::STRIDE);
                let size = if grid == 32 { 0x1000 } else { self.completions[channel as usize] };
                self.bell(out, address, freed / grid * grid, size, random);
            }
            Wish::Arm(address) => self.write(out, address, count.wrapping_add(random.of(&[0, 0, 0, 1, 3])), true, random),
            Wish::Pages(channel) => {
                let ring = self.pages[channel as usize];
                self.give_pages(out, host, channel, ring.entries.saturating_sub(ring.tail.saturating_sub(count)), random);
            }
            Wish::Give(channel) => {
                let ring = self.given[channel as usize];
                self.give(out, host, channel, ring.entries.saturating_sub(ring.tail.saturating_sub(count)), random);
            }
        }
    }

    /// Rings the doorbell at `at` with `value`, mostly: backwards, again, too far and otherwise wrongly at times, and then looks what has become of it.
    /// `size` is what its ring holds. Returns what software goes on from.
    pub(crate) fn bell(&mut self, out: &mut VecDeque<Step>, at: u64, value: u64, size: u64, random: &mut Random) -> u64 {
        let before = self.rung.get(&at).copied().unwrap_or(0);
        let wrong = random.once_in(WRONG);
        let rung = if !wrong {
            value
        } else {
            match random.below(10) {
                0 => before,
                1 => before.wrapping_sub(1),
                2 => before / 2,
                3 => before.saturating_sub(32),
                4 => value.wrapping_add(1),
                5 => value.wrapping_add(32),
                6 => value.wrapping_add(size + random.below(3)),
                7 => before.wrapping_add(size + random.below(3)),
                8 => value ^ 1 << random.below(64),
                _ => random.value(),
            }
        };
        self.rung.insert(at, rung);
        if random.once_in(12) {
            // In two words, low first; or only one of them.
            let words = random.of(&[0..2, 0..2, 0..1, 1..2].map(|words: std::ops::Range<u64>| (words.start, words.end)));
            (words.0..words.1).for_each(|word| self.write(out, at + 4 * word, rung >> (32 * word) & 0xffff_ffff, false, random));
        } else {
            self.write_part(out, at, rung, true, 40, random);
        }
        if wrong {
            self.look_back(out, at, random);
        }
        // A ring that went on from nonsense would hold nothing but that.
        if rung >= value && rung - value <= size { rung } else { value }
    }

    /// Rings any of the doorbells that were rung before, a little back or too far, whatever its channel does.
    pub(crate) fn rattle(&mut self, out: &mut VecDeque<Step>, random: &mut Random) {
        let rung: Vec<(u64, u64)> = self.rung.iter().filter(|(_, rung)| **rung > 0).map(|(at, rung)| (*at, *rung)).collect();
        if rung.is_empty() {
            return;
        }
        let (at, before) = random.of(&rung);
        let step = random.of(&[1, 32, 70]);
        let value = if random.once_in(3) { before.wrapping_add(step) } else { before.saturating_sub(step) };
        self.write(out, at, value, true, random);
        self.look_back(out, at, random);
    }

    /// The doorbell again, and what its channel says of it. At times the channel is started anew at once.
    fn look_back(&mut self, out: &mut VecDeque<Step>, at: u64, random: &mut Random) {
        let offset = at - BAR0;
        let to_card = offset >= u64::from(h2c::BASE);
        let (base, stride) = if to_card { (h2c::BASE, h2c::STRIDE) } else { (c2h::BASE, c2h::STRIDE) };
        let channel = (offset - u64::from(base)) / u64::from(stride);
        let (status, code, address) =
            if to_card { (h2c::STATUS, h2c::ERROR, h2c::ERROR_ADDR) } else { (c2h::STATUS, c2h::ERROR, c2h::ERROR_ADDR) };
        let of_channel = BAR0 + u64::from(base) + u64::from(stride) * channel;
        self.read(out, at, true, random);
        for register in [status, code, address] {
            self.read(out, of_channel + u64::from(register), false, random);
        }
        match (random.below(3), to_card) {
            (0, _) => {}
            (_, true) => self.start_h2c(out, channel, false, random),
            (_, false) => self.start_c2h(out, channel, false, random),
        }
    }
}
