//! The driver's clock: simulated time, plus the CPU time that has not run yet.

use super::Shared;
use silico_driver::platform::{Nanos, Time};
use std::fmt;
use std::sync::Arc;

/// Simulated time. A pause runs the machine until something that a driver could be waiting for happens.
#[derive(Clone)]
pub struct SimClock {
    shared: Arc<Shared>,
}

impl SimClock {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone() }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimClock").finish_non_exhaustive()
    }
}

impl Time for SimClock {
    fn now(&self) -> Nanos {
        self.shared.now()
    }

    fn pause(&self, deadline: Nanos) {
        let mut machine = self.shared.machine();
        let until = self.shared.turn(deadline, machine.now());
        machine.pause(until);
        drop(machine);
        self.shared.give_way();
    }
}
