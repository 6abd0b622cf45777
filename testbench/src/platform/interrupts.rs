//! The interrupts of the simulated machine: which kinds it offers, switching them on as an operating system does, and waiting for them.

use super::{Shared, SimPlatform, access_error};
use silico_driver::platform::{AccessError, InterruptControl, InterruptKind, Interrupts, Nanos, SOFT_VECTORS, Wake};
use silico_sim::{Machine, MachineError};
use silico_spec::config::capabilities::{msi, msix, standard_id};
use silico_spec::config::header::{self, command};
use silico_spec::units::Cycles;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

/// Most vectors that a card has, and soft ones behind them.
const MOST: usize = 2048 + SOFT_VECTORS as usize;
/// Between two looks at a level that somebody else has masked.
const MASKED_LOOK: Cycles = Cycles(50);

/// What all handles share.
#[derive(Debug)]
pub(super) struct Lines {
    /// Vectors at most, by kind.
    limits: [AtomicU16; 3],
    kind: AtomicU16,
    granted: AtomicU16,
    /// Bit per vector that was kicked.
    kicked: Box<[AtomicU64]>,
    /// The level woke somebody who has not said that it is quiet.
    level_masked: AtomicBool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            limits: [2048, 32, 1].map(AtomicU16::new),
            kind: AtomicU16::new(InterruptKind::MsiX as u16),
            granted: AtomicU16::new(0),
            kicked: (0..MOST.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            level_masked: AtomicBool::new(false),
        }
    }
}

impl Lines {
    /// The same for a copy of the platform.
    pub(super) fn copy(&self) -> Self {
        let word = |word: &AtomicU16| AtomicU16::new(word.load(Ordering::SeqCst));
        Self {
            limits: [word(&self.limits[0]), word(&self.limits[1]), word(&self.limits[2])],
            kind: word(&self.kind),
            granted: word(&self.granted),
            kicked: self.kicked.iter().map(|bits| AtomicU64::new(bits.load(Ordering::SeqCst))).collect(),
            level_masked: AtomicBool::new(self.level_masked.load(Ordering::SeqCst)),
        }
    }

    fn is_level(&self) -> bool {
        self.kind.load(Ordering::SeqCst) == InterruptKind::Intx as u16
    }

    fn take_kick(&self, vector: u16) -> bool {
        let (word, bit) = (usize::from(vector / 64), 1 << (vector % 64));
        self.kicked
            .get(word)
            .is_some_and(|word| word.load(Ordering::SeqCst) & bit != 0 && word.fetch_and(!bit, Ordering::SeqCst) & bit != 0)
    }
}

impl SimPlatform {
    /// The machine has no more than `vectors` vectors of `kind` to give; 0: none.
    pub fn limit_interrupts(&self, kind: InterruptKind, vectors: u16) {
        self.shared.irqs.limits[kind as usize].store(vectors, Ordering::SeqCst);
    }

    /// Masks all messages of the card, or lets them go, as software does in the table: what is raised meanwhile is pending. A level is masked by Interrupt
    /// Disable.
    ///
    /// # Errors
    /// If the card does not answer.
    pub fn mask_interrupts(&self, masked: bool) -> Result<(), AccessError> {
        let mut machine = self.machine();
        let function = &self.shared.function;
        let failed = |error: MachineError| access_error(&error, 0);
        let kind = self.shared.irqs.kind.load(Ordering::SeqCst);
        let (offset, bits, set) = if kind == InterruptKind::MsiX as u16 {
            let at = function.standard(standard_id::MSIX).ok_or(AccessError::Range { offset: 0 })?;
            (at + msix::CONTROL, msix::FUNCTION_MASK, masked)
        } else if kind == InterruptKind::Msi as u16 {
            let at = function.standard(standard_id::MSI).ok_or(AccessError::Range { offset: 0 })?;
            (at + msi::MASK, u32::MAX, masked)
        } else {
            (header::COMMAND_STATUS, command::INTX_DISABLE, masked)
        };
        change(&mut machine, offset, bits, set).map_err(failed)
    }
}

/// Sets or clears bits of a dword of config space whose other bits hold what is written. Status bits are left alone.
fn change(machine: &mut Machine, offset: u16, bits: u32, set: bool) -> Result<(), MachineError> {
    let mut word = machine.config_read(offset)?;
    if offset == header::COMMAND_STATUS {
        word &= 0xffff;
    }
    machine.config_write(offset, if set { word | bits } else { word & !bits })
}

impl InterruptControl for SimPlatform {
    fn offered(&self, kind: InterruptKind) -> u16 {
        let function = &self.shared.function;
        let read = |offset| self.machine().config_read(offset).unwrap_or(0);
        let has = match kind {
            InterruptKind::MsiX => function.msix_vectors,
            InterruptKind::Msi => {
                function.standard(standard_id::MSI).map_or(0, |at| 1 << (read(at + msi::CONTROL) >> msi::CAPABLE_SHIFT & 7))
            }
            InterruptKind::Intx => u16::from(read(header::INTERRUPT) >> 8 & 0xff != 0),
        };
        has.min(self.shared.irqs.limits[kind as usize].load(Ordering::SeqCst))
    }

    fn enable(&self, kind: InterruptKind, vectors: u16) -> Result<u16, AccessError> {
        let vectors = vectors.min(self.offered(kind));
        let granted = if kind == InterruptKind::Msi && vectors > 0 { 1 << vectors.ilog2() } else { vectors };
        if granted == 0 {
            return Ok(0);
        }
        let function = &self.shared.function;
        let mut machine = self.machine();
        let failed = |error: MachineError| access_error(&error, 0);
        if let Some(at) = function.standard(standard_id::MSIX) {
            change(&mut machine, at + msix::CONTROL, msix::ENABLE, false).map_err(failed)?;
        }
        if let Some(at) = function.standard(standard_id::MSI) {
            change(&mut machine, at + msi::CONTROL, msi::ENABLE, false).map_err(failed)?;
        }
        change(&mut machine, header::COMMAND_STATUS, command::INTX_DISABLE, kind != InterruptKind::Intx).map_err(failed)?;
        match kind {
            InterruptKind::MsiX => machine.enable_msix(granted).map_err(failed)?,
            InterruptKind::Msi => machine.enable_msi(granted).map_err(failed)?,
            InterruptKind::Intx => {}
        }
        let lines = &self.shared.irqs;
        lines.kind.store(kind as u16, Ordering::SeqCst);
        lines.granted.store(granted, Ordering::SeqCst);
        lines.level_masked.store(false, Ordering::SeqCst);
        Ok(granted)
    }
}

/// The card's interrupt vectors.
#[derive(Clone)]
pub struct SimInterrupts {
    shared: Arc<Shared>,
}

impl SimInterrupts {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone() }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// One turn of a wait. Whether it fired; time may have passed.
    fn turn(&self, machine: &mut Machine, vector: u16, deadline: Nanos) -> Result<bool, MachineError> {
        let lines = &self.shared.irqs;
        let now = machine.now();
        let until = self.shared.turn(deadline, now);
        if vector >= lines.granted.load(Ordering::SeqCst) || !machine.link_up() {
            machine.advance_to(until);
            return Ok(false);
        }
        if !lines.is_level() {
            return machine.wait_interrupt(vector, until);
        }
        if lines.level_masked.load(Ordering::SeqCst) {
            machine.advance_to(until.min(now.after(MASKED_LOOK)));
            return Ok(false);
        }
        let fired = machine.wait_intx(0, true, until)?;
        if fired {
            lines.level_masked.store(true, Ordering::SeqCst);
        }
        Ok(fired)
    }
}

impl fmt::Debug for SimInterrupts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimInterrupts").finish_non_exhaustive()
    }
}

impl Interrupts for SimInterrupts {
    fn vectors(&self) -> u16 {
        self.shared.irqs.granted.load(Ordering::SeqCst)
    }

    fn wait(&self, vector: u16, deadline: Nanos) -> Result<Wake, AccessError> {
        if vector >= self.vectors() + SOFT_VECTORS {
            return Err(AccessError::Range { offset: vector.into() });
        }
        loop {
            let mut machine = self.shared.machine();
            if !machine.link_up() && !self.shared.ones.load(Ordering::SeqCst) {
                return Err(AccessError::Gone);
            }
            let fired = self.shared.irqs.take_kick(vector)
                || self.turn(&mut machine, vector, deadline).map_err(|error| access_error(&error, vector.into()))?;
            if fired {
                self.shared.show(&machine, |waves, at| waves.served(at, vector));
                return Ok(Wake::Interrupt);
            }
            if machine.now() >= self.shared.cycle(deadline, machine.now()) {
                return Ok(Wake::Deadline);
            }
            drop(machine);
            std::thread::yield_now();
        }
    }

    fn kick(&self, vector: u16) {
        if let Some(word) = self.shared.irqs.kicked.get(usize::from(vector / 64)) {
            word.fetch_or(1 << (vector % 64), Ordering::SeqCst);
        }
    }

    fn unmask(&self, _: u16) -> Result<(), AccessError> {
        self.shared.irqs.level_masked.store(false, Ordering::SeqCst);
        Ok(())
    }
}
