//! Checker: what is read together was true together. Counters read by halves lie between what they were before and after; a latched set agrees with itself.

use crate::world::World;
use silico_driver::platform::Registers;
use silico_spec::registers::{c2h, card};

/// A 64-bit counter, read whole, by halves, and whole again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halves {
    pub(crate) before: u64,
    pub(crate) low: u32,
    pub(crate) high: u32,
    pub(crate) after: u64,
}

impl Halves {
    /// A counter that only grows was never torn.
    pub(crate) fn judge(&self, what: &str) -> Result<(), String> {
        let joined = u64::from(self.low) | u64::from(self.high) << 32;
        if (self.before..=self.after).contains(&joined) { Ok(()) } else { Err(format!("{what} reads torn: {self:x?}")) }
    }
}

impl World {
    /// Reads the counter at `offset` of BAR0 three ways, with `pause` clocks between its halves.
    pub(crate) fn halves(&self, offset: u32, pause: u64) -> Result<Halves, String> {
        let text = |error| format!("register {offset:#x}: {error}");
        let before = self.regs.read64(offset).map_err(text)?;
        let low = self.regs.read32(offset).map_err(text)?;
        self.advance(pause);
        let high = self.regs.read32(offset + 4).map_err(text)?;
        Ok(Halves { before, low, high, after: self.regs.read64(offset).map_err(text)? })
    }

    /// Counters in the middle of things.
    pub(crate) fn snapshot(&mut self, index: usize) -> Result<(), String> {
        for (register, name) in [(c2h::HW_COUNT, "HW_COUNT"), (c2h::FRAMES, "FRAMES"), (c2h::DROPPED, "DROPPED")] {
            self.halves(c2h::offset(index as u32, register), 3)?.judge(name)?;
        }
        self.halves(card::CYCLES, 3)?.judge("CYCLES")?;
        let (frames, bytes) = (self.register(index, c2h::FRAMES)?, self.register(index, c2h::HW_COUNT)?);
        // The second was read later, and a frame is 32 bytes at least.
        if !bytes.is_multiple_of(32) || bytes / 32 < frames {
            return Err(format!("lane {index}: {bytes} bytes for {frames} frames"));
        }
        let lane = &self.lanes[index];
        if lane.is_running() && frames < lane.oracle.taken() {
            return Err(format!("lane {index}: {} frames were taken, of {frames} by the register", lane.oracle.taken()));
        }
        self.check_latched()
    }

    /// One latch gives one consistent set.
    pub(crate) fn check_latched(&self) -> Result<(), String> {
        let text = |error| format!("counters: {error}");
        self.card.latch_counters(false).map_err(text)?;
        let card = self.card.counters().map_err(text)?;
        let mut beats = 0;
        for channel in 0..self.lanes.len() as u8 {
            beats += self.card.channel_counters(channel).map_err(text)?.tx_beats;
        }
        let sound = beats <= card.tx_busy && card.tx_busy + card.tx_held <= card.cycles;
        if sound { Ok(()) } else { Err(format!("{beats} beats of channels, and {card:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_counter_is_seen() {
        let good = Halves { before: 0xffff_fff0, low: 0xffff_fff8, high: 0, after: 0x1_0000_0010 };
        assert_eq!(good.judge("x"), Ok(()));
        assert!(Halves { high: 1, ..good }.judge("x").is_err(), "the high half of a later value");
        assert!(Halves { low: 4, ..good }.judge("x").is_err(), "the low half of a later value");
        assert_eq!(Halves { low: 4, high: 1, ..good }.judge("x"), Ok(()));
    }
}
