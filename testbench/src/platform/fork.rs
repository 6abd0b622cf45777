//! A platform forked: the machine with all in it, and every handle on it rebound to the copy.

use super::interrupts::Lines;
use super::{Shared, SimBuffer, SimClock, SimInterrupts, SimPlatform, SimRegisters};
use silico_sim::Machine;
use silico_spec::fork::{CannotFork, Fork, Memo};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};

impl Shared {
    pub(super) fn fork(this: &Arc<Self>, memo: &mut Memo) -> Result<Arc<Self>, CannotFork> {
        memo.share(this, |shared, memo| {
            let machine: Machine = match shared.machine.try_lock() {
                Ok(machine) => machine.fork(memo)?,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().fork(memo)?,
                Err(TryLockError::WouldBlock) => {
                    return Err(CannotFork { what: "a machine", rule: "one whose guard nobody holds, and on which nobody waits" });
                }
            };
            let word = |word: &AtomicU64| AtomicU64::new(word.load(Ordering::SeqCst));
            let bit = |bit: &AtomicBool| AtomicBool::new(bit.load(Ordering::SeqCst));
            Ok(Self {
                memory: machine.memory(),
                cpu: machine.cpu(),
                machine: Mutex::new(machine),
                costs: shared.costs,
                clock_ps: shared.clock_ps,
                function: shared.function.clone(),
                doorbells: word(&shared.doorbells),
                irqs: Lines::copy(&shared.irqs),
                plugged: bit(&shared.plugged),
                ones: bit(&shared.ones),
                turn: word(&shared.turn),
                waiting: AtomicU64::new(0),
                taken: AtomicU64::new(0),
                // A card that is watched can't be forked.
                waves: OnceLock::new(),
                buffers: Mutex::new(shared.buffers.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            })
        })
    }
}

impl Fork for SimPlatform {
    /// # Errors
    /// As the machine's, or if somebody has it locked.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { shared: Shared::fork(&self.shared, memo)? })
    }
}

impl Fork for SimRegisters {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Shared::fork(self.shared(), memo).map(|shared| Self::new(&shared))
    }
}

impl Fork for SimInterrupts {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Shared::fork(self.shared(), memo).map(|shared| Self::new(&shared))
    }
}

impl Fork for SimClock {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Shared::fork(self.shared(), memo).map(|shared| Self::new(&shared))
    }
}

impl Fork for SimBuffer {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        let shared = Shared::fork(self.shared(), memo)?;
        Ok(Self::from_parts(self.region().fork(memo)?, shared))
    }
}
