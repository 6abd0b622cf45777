//! BAR0, by the machine's blocking calls.

use super::{Shared, access_error};
use crate::waves::Operation;
use silico_driver::platform::{AccessError, Registers};
use silico_spec::registers::c2h;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The BAR with the registers.
const BAR: u8 = 0;

/// The card's registers.
#[derive(Clone)]
pub struct SimRegisters {
    shared: Arc<Shared>,
}

impl SimRegisters {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone() }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn read(&self, offset: u32, bytes: u8) -> Result<u64, AccessError> {
        let mut machine = self.shared.machine();
        self.shared.show(&machine, |waves, at| waves.begin(at, Operation::Read, offset, None));
        let answer = machine.read(BAR, offset.into(), bytes).map_err(|error| access_error(&error, offset.into()));
        self.shared.show(&machine, |waves, at| waves.end(at, answer.ok()));
        drop(machine);
        answer.or_else(|error| self.shared.read_of_nobody(u64::MAX >> (64 - 8 * u32::from(bytes)), error))
    }

    fn write(&self, offset: u32, bytes: u8, value: u64) -> Result<(), AccessError> {
        let mut machine = self.shared.machine();
        self.shared.show(&machine, |waves, at| {
            let operation = if bytes == 8 && is_doorbell(offset) { Operation::Doorbell } else { Operation::Write };
            waves.begin(at, operation, offset, Some(value));
        });
        let answer = machine.write(BAR, offset.into(), bytes, value).map_err(|error| access_error(&error, offset.into()));
        self.shared.show(&machine, |waves, at| waves.end(at, None));
        drop(machine);
        answer.or_else(|error| self.shared.read_of_nobody((), error))
    }
}

impl fmt::Debug for SimRegisters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimRegisters").finish_non_exhaustive()
    }
}

impl Registers for SimRegisters {
    fn read32(&self, offset: u32) -> Result<u32, AccessError> {
        self.read(offset, 4).map(|value| value as u32)
    }

    fn read64(&self, offset: u32) -> Result<u64, AccessError> {
        self.read(offset, 8)
    }

    fn write32(&self, offset: u32, value: u32) -> Result<(), AccessError> {
        self.write(offset, 4, value.into())
    }

    fn write64(&self, offset: u32, value: u64) -> Result<(), AccessError> {
        if is_doorbell(offset) {
            self.shared.doorbells.fetch_add(1, Ordering::Relaxed);
        }
        self.write(offset, 8, value)
    }

    /// With the link down, or reset and not set up anew, which leaves bus mastering off; once what the card had sent is visible.
    fn is_cut_off(&self) -> bool {
        let mut machine = self.shared.machine();
        let cut_off = !machine.link_up() || machine.function().is_none();
        if cut_off {
            machine.settle_writes();
        }
        cut_off
    }
}

fn is_doorbell(offset: u32) -> bool {
    let bells = [c2h::SW_COUNT, c2h::FREE_TAIL, c2h::COMP_HEAD];
    (0..16).any(|channel| bells.iter().any(|bell| c2h::offset(channel, *bell) == offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doorbells_are_told_from_other_registers() {
        assert!(is_doorbell(c2h::offset(15, c2h::SW_COUNT)));
        assert!(!is_doorbell(c2h::offset(0, c2h::HW_COUNT)));
        assert!(!is_doorbell(c2h::SW_COUNT));
    }
}
