//! Checker: an arming gives one interrupt at most, and an error one. That none is lost is found by who sleeps (`signals`).

use crate::senders::VECTORS;
use crate::world::World;
use silico_driver::platform::InterruptKind;

/// What a vector may have done by now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fired {
    pub(crate) vector: usize,
    pub(crate) fired: u64,
    pub(crate) armed: u64,
    pub(crate) errors: u64,
}

impl Fired {
    pub(crate) fn judge(&self) -> Result<(), String> {
        let Self { vector, fired, armed, errors } = self;
        if *fired <= armed + errors {
            return Ok(());
        }
        Err(format!("vector {vector} fired {fired} times; armed {armed} times, errors {errors}"))
    }
}

impl World {
    /// No vector has fired more often than it was armed, or an error was provoked.
    pub(crate) fn check_wakeups(&self) -> Result<(), String> {
        let machine = self.platform.machine();
        let counts = &machine.stats().interrupts;
        let lanes = self
            .lanes
            .iter()
            .enumerate()
            .map(|(index, lane)| (index, lane.armed + lane.ring.as_ref().map_or(0, |ring| ring.wait_stats().armed), lane.errors));
        let senders = self.senders.iter().enumerate().map(|(index, sender)| {
            (VECTORS + index, sender.armed + sender.channel.as_ref().map_or(0, |channel| channel.wait_stats().armed), sender.errors)
        });
        match self.machine.irqs() {
            InterruptKind::MsiX => lanes.chain(senders).try_for_each(|(vector, armed, errors)| {
                Fired { vector, fired: counts.get(vector).copied().unwrap_or(0), armed, errors }.judge()
            }),
            // Vectors are shared: all together.
            InterruptKind::Msi => {
                let (armed, errors) = lanes.chain(senders).fold((0, 0), |sum, (_, armed, errors)| (sum.0 + armed, sum.1 + errors));
                Fired { vector: 0, fired: counts.iter().sum(), armed, errors }.judge()
            }
            // A level rises once for many causes, and falls when they are served.
            InterruptKind::Intx => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_too_many_is_seen() {
        let fair = Fired { vector: 3, fired: 5, armed: 4, errors: 1 };
        assert_eq!(fair.judge(), Ok(()));
        assert!(Fired { fired: 6, ..fair }.judge().is_err());
    }
}
