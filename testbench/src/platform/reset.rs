//! Resets that the machine can do, and a card that is pulled out and put back.

use super::{SimPlatform, access_error};
use silico_driver::platform::{AccessError, Reset};
use silico_sim::MachineError;
use std::sync::atomic::Ordering;

impl SimPlatform {
    /// Pulls the card out, in the middle of whatever passes the link. With `ones`, the platform does not tell: reads give all ones, writes are lost and no
    /// interrupt comes, as on most hosts.
    pub fn pull(&self, ones: bool) {
        let mut machine = self.machine();
        self.shared.show(&machine, |waves, at| waves.reset(at, "card pulled"));
        machine.link_down();
        self.shared.plugged.store(false, Ordering::SeqCst);
        self.shared.ones.store(ones, Ordering::SeqCst);
    }

    /// Puts the card back: it is as after power-on, and is found by [`Reset::rescan`].
    pub fn plug(&self) {
        self.shared.plugged.store(true, Ordering::SeqCst);
    }

    /// The bridge resets what is below it, and the buses are scanned anew.
    fn reset_link(&self) -> Result<(), AccessError> {
        if !self.shared.plugged.load(Ordering::SeqCst) {
            return Err(AccessError::Gone);
        }
        let mut machine = self.machine();
        self.shared.show(&machine, |waves, at| waves.reset(at, "hot reset"));
        machine.hot_reset();
        machine.enumerate().map_err(|error| reset_error(&error))?;
        self.shared.ones.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl Reset for SimPlatform {
    fn function_reset(&self) -> Result<(), AccessError> {
        let mut machine = self.machine();
        self.shared.show(&machine, |waves, at| waves.reset(at, "function reset"));
        machine.function_reset().map_err(|error| reset_error(&error))
    }

    fn hot_reset(&self) -> Result<(), AccessError> {
        self.reset_link()
    }

    fn rescan(&self) -> Result<(), AccessError> {
        self.reset_link()
    }
}

/// A function that does not answer after a reset is late, not away.
fn reset_error(error: &MachineError) -> AccessError {
    match error {
        MachineError::Absent(_) => AccessError::Timeout { offset: 0 },
        other => access_error(other, 0),
    }
}
