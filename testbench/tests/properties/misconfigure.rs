//! Starts that a card must refuse: one register is wrong, written behind the driver's back, since the driver would not.

use crate::world::World;
use silico_driver::platform::Registers;
use silico_spec::registers::{c2h, h2c};
use silico_spec::writeback::{ChannelError, ChannelState};

/// Off every grid.
const ODD: u64 = 0x1001;

impl World {
    /// Starts a channel with one setting of its last run changed; the card says what is wrong with it, and a reset makes all good.
    pub(crate) fn misconfigure(&mut self, index: usize, kind: u8) -> Result<(), String> {
        let lane = &self.lanes[index];
        if !self.enabled || !self.bus_master || lane.looped || self.tampered {
            return Ok(());
        }
        let (paged, made, writes_back) = (lane.shape.paged.is_some(), lane.shape.generator.is_some(), lane.shape.write_back.is_some());
        self.restart(index)?;
        self.stop(index)?;
        let lane = &mut self.lanes[index];
        lane.errors += 1;
        lane.oracle.forget();
        lane.oracle.may_miss();
        let narrow = |register, value: u32| (register, u64::from(value), false);
        let (settings, error) = match kind % 6 {
            0 if paged => (vec![narrow(c2h::FREE_ENTRIES, 1)], ChannelError::BadDescriptorRing),
            0 => (vec![(c2h::RING_SIZE, 100, true)], ChannelError::BadRing),
            1 if paged => (vec![(c2h::COMP_BASE, ODD, true)], ChannelError::BadDescriptorRing),
            1 => (vec![(c2h::RING_BASE, ODD, true)], ChannelError::BadRing),
            2 if writes_back => (vec![(c2h::WB_ADDR, ODD, true)], ChannelError::BadWriteBack),
            3 => (vec![narrow(c2h::MAX_FRAME, 0)], ChannelError::BadFrameLimit),
            5 if made => (vec![narrow(c2h::GEN_RATE, u32::MAX)], ChannelError::BadGenerator),
            _ => (vec![narrow(c2h::BUSY_ASSERT, u32::MAX)], ChannelError::BadThreshold),
        };
        for (register, value, wide) in settings {
            let offset = c2h::offset(index as u32, register);
            let written = if wide { self.regs.write64(offset, value) } else { self.regs.write32(offset, value as u32) };
            written.map_err(|error| error.to_string())?;
        }
        let control = c2h::offset(index as u32, c2h::CONTROL);
        self.regs.write32(control, c2h::control::RUN.set(0, 1) as u32).map_err(|error| error.to_string())?;
        // What a refusal has to announce goes out first.
        self.advance(self.signal_clocks());
        let state = c2h::status::STATE.get(self.register32(index, c2h::STATUS)?.into());
        refused(state, self.register32(index, c2h::ERROR)?, error).map_err(|why| format!("channel {index}: {why}"))?;
        self.reset(index)
    }

    /// The same for a host-to-card channel.
    pub(crate) fn misconfigure_sender(&mut self, index: usize, kind: u8) -> Result<(), String> {
        if !self.enabled || !self.bus_master || self.faults > 0 {
            return Ok(());
        }
        self.restart_sender(index)?;
        self.stop_sender(index)?;
        self.senders[index].errors += 1;
        let writes_back = self.senders[index].shape.write_back.is_some();
        let at = |register| h2c::offset(index as u32, register);
        let text = |error: silico_driver::platform::AccessError| error.to_string();
        let error = match kind % 3 {
            0 => {
                self.regs.write32(at(h2c::RING_ENTRIES), 1).map_err(text)?;
                ChannelError::BadDescriptorRing
            }
            1 if writes_back => {
                self.regs.write64(at(h2c::WB_ADDR), ODD).map_err(text)?;
                ChannelError::BadWriteBack
            }
            _ => {
                self.regs.write32(at(h2c::CONFIG), h2c::config::OUTPUT.set(0, 3) as u32).map_err(text)?;
                ChannelError::BadOutput
            }
        };
        self.regs.write32(at(h2c::CONTROL), h2c::control::RUN.set(0, 1) as u32).map_err(text)?;
        self.advance(self.signal_clocks());
        let state = h2c::status::STATE.get(self.regs.read32(at(h2c::STATUS)).map_err(text)?.into());
        refused(state, self.regs.read32(at(h2c::ERROR)).map_err(text)?, error).map_err(|why| format!("sender {index}: {why}"))?;
        self.reset_sender(index)
    }
}

fn refused(state: u64, found: u32, error: ChannelError) -> Result<(), String> {
    if state == ChannelState::Error as u64 && found & 0xff == error as u32 {
        return Ok(());
    }
    Err(format!("a start that must be refused with {error:?} left state {state}, error {found:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_is_not_refused_is_seen() {
        let (failed, bad) = (ChannelState::Error as u64, ChannelError::BadRing as u32);
        assert_eq!(refused(failed, bad, ChannelError::BadRing), Ok(()));
        assert!(refused(ChannelState::Running as u64, bad, ChannelError::BadRing).is_err());
        assert!(refused(failed, bad, ChannelError::BadOutput).is_err());
    }
}
