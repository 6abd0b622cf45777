//! Control words of a channel written one upon the other, behind the driver's back: from an idle channel, in the middle of a run, from a failed one. Then a
//! reset, after which nothing of it may be seen.

use crate::world::World;
use silico_driver::platform::Registers;
use silico_spec::registers::{c2h, h2c};

/// A count that no card and no host ever comes to.
const FAR: u64 = 1 << 40;
/// Clocks in which a channel fails of a doorbell.
const FAILS: u64 = 100;

/// What is done to a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shaken<'a> {
    /// 2: its reset, 1: run, 0: stop.
    pub(crate) words: &'a [u8],
    /// Between them.
    pub(crate) clocks: u64,
    /// Before them, with traffic.
    pub(crate) after: u64,
    /// A doorbell out of bounds comes before them.
    pub(crate) spoil: bool,
}

impl World {
    /// Shakes a card-to-host channel.
    pub(crate) fn rattle(&mut self, index: usize, how: &Shaken<'_>) -> Result<(), String> {
        if !self.enabled {
            return Ok(());
        }
        // From a fresh run, whose memory is all the card's.
        self.restart(index)?;
        if how.after > 0 && self.lanes[index].shape.generator.is_none() && !self.lanes[index].looped {
            self.feed(index, 6, 900, 60, false);
        }
        self.advance(how.after);
        let lane = &mut self.lanes[index];
        lane.errors += how.words.len() as u64 + 1;
        lane.oracle.forget();
        lane.oracle.may_miss();
        if how.spoil {
            let doorbell = if lane.shape.paged.is_some() { c2h::FREE_TAIL } else { c2h::SW_COUNT };
            self.set_register(index, doorbell, FAR)?;
            self.advance(FAILS);
        }
        self.write_words(c2h::offset(index as u32, c2h::CONTROL), how)?;
        self.reset(index)
    }

    /// Shakes a host-to-card channel.
    pub(crate) fn rattle_sender(&mut self, index: usize, how: &Shaken<'_>) -> Result<(), String> {
        if !self.enabled || !self.bus_master || self.faults > 0 {
            return Ok(());
        }
        self.restart_sender(index)?;
        if how.after > 0 {
            self.send(index, 6, 3000, 2)?;
        }
        self.advance(how.after);
        self.disturb_loop(index);
        let sender = &mut self.senders[index];
        (sender.spoiled, sender.errors) = (true, sender.errors + how.words.len() as u64 + 1);
        if how.spoil {
            self.regs.write64(h2c::offset(index as u32, h2c::TAIL), FAR).map_err(|error| error.to_string())?;
            self.advance(FAILS);
        }
        self.write_words(h2c::offset(index as u32, h2c::CONTROL), how)?;
        self.reset_sender(index)
    }

    fn write_words(&self, control: u32, how: &Shaken<'_>) -> Result<(), String> {
        for word in how.words {
            self.regs.write32(control, u32::from(word % 4)).map_err(|error| error.to_string())?;
            self.advance(how.clocks);
        }
        Ok(())
    }
}
