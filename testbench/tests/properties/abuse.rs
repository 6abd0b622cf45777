//! What a host must not do, and the switch that stops everything: doorbells out of bounds, the global enable.

use crate::world::World;
use silico_driver::platform::Wake;
use silico_spec::registers::c2h;

impl World {
    /// Nothing of the channel is under way: what it delivered has been taken, and no more is to come.
    pub(crate) fn is_quiet(&self, index: usize) -> Result<bool, String> {
        let oracle = &self.lanes[index].oracle;
        let fed = self.lanes[index].shape.generator.is_none() && !self.lanes[index].looped && oracle.pending() == 0;
        Ok(fed && self.register(index, c2h::FRAMES)? == oracle.taken())
    }

    /// A doorbell out of bounds stops the channel with an error, and the error cause signals once.
    pub(crate) fn bad_doorbell(&mut self, index: usize, kind: u8) -> Result<(), String> {
        if !self.lanes[index].is_running() || self.lanes[index].is_doubtful() {
            return Ok(());
        }
        let armed = self.is_armed(index)?;
        self.advance(self.signal_clocks());
        self.hush(index)?;
        if let Some(entries) = self.lanes[index].shape.page_entries() {
            return self.bad_page_doorbell(index, kind, entries.into(), armed);
        }
        let given = self.register(index, c2h::SW_COUNT)?;
        let value = match kind {
            0 => self.register(index, c2h::HW_COUNT)? + (1 << 40),
            1 => given + 1,
            2 if given > 0 => given - 32,
            // Just ahead: only where the card cannot catch up in the meantime.
            3 if self.is_quiet(index)? => self.register(index, c2h::HW_COUNT)? + 32,
            _ => return Ok(()),
        };
        self.spoil(index, c2h::SW_COUNT, value, armed)
    }

    /// The same with pages: descriptors that cannot be there, entries that nobody can have read.
    fn bad_page_doorbell(&mut self, index: usize, kind: u8, entries: u64, armed: bool) -> Result<(), String> {
        let (given, taken) = (self.register(index, c2h::FREE_TAIL)?, self.register(index, c2h::COMP_HEAD)?);
        let (register, value) = match kind {
            0 => (c2h::FREE_TAIL, given + 2 * entries + 1),
            1 if given > 0 => (c2h::FREE_TAIL, given - 1),
            2 => (c2h::COMP_HEAD, self.register(index, c2h::COMP_TAIL)? + entries + 1),
            3 if taken > 0 => (c2h::COMP_HEAD, taken - 1),
            4 => (c2h::FREE_TAIL, given + (1 << 40)),
            5 => (c2h::COMP_HEAD, taken + (1 << 40)),
            _ => return Ok(()),
        };
        self.spoil(index, register, value, armed)
    }

    /// Rings a doorbell with a value that stops the channel.
    fn spoil(&mut self, index: usize, register: u32, value: u64, armed: bool) -> Result<(), String> {
        let (deaf, own) = (self.is_deaf(index), self.has_own_vectors());
        let lane = &mut self.lanes[index];
        (lane.spoiled, lane.errors) = (true, lane.errors + 1);
        let listens = own && lane.shape.coalescing().is_some() && !deaf && !armed;
        self.set_register(index, register, value)?;
        if c2h::status::STATE.get(self.register32(index, c2h::STATUS)?.into()) == 1 {
            return Err(format!("channel {index} runs on after a doorbell of {value:#x}"));
        }
        if listens && self.listen(index, self.clocks_to_ns(self.signal_clocks()))? == Wake::Deadline {
            return Err(format!("channel {index}: no interrupt for the error of a doorbell of {value:#x}"));
        }
        Ok(())
    }

    /// The card's global enable. While it is low, nothing moves.
    pub(crate) fn enable(&mut self, on: bool) -> Result<(), String> {
        self.enabled = on;
        self.card.set_enable(on).map_err(|error| error.to_string())?;
        if on {
            return Ok(());
        }
        self.advance(self.signal_clocks());
        let before = (self.progress()?, self.sender_progress()?);
        self.advance(300);
        let after = (self.progress()?, self.sender_progress()?);
        if before == after { Ok(()) } else { Err(format!("a disabled card goes on: {before:?}, then {after:?}")) }
    }

    /// Frames taken in, frames made and bytes delivered, per channel.
    pub(crate) fn progress(&self) -> Result<Vec<[u64; 3]>, String> {
        let of = |index| Ok([self.taps.entered(index), self.register(index, c2h::GEN_MADE)?, self.register(index, c2h::HW_COUNT)?]);
        (0..self.lanes.len()).map(of).collect()
    }
}
