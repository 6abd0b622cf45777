//! The driver's platform traits over the simulated machine, in one process. Knows no register's meaning but that of the doorbell, which it counts.
//!
//! Only calls that block (register reads, waits, pauses) and posted stores take the machine's lock; memory is reached without it.

mod fork;
mod interrupts;
mod memory;
mod process;
mod registers;
mod reset;
mod time;

pub use interrupts::SimInterrupts;
pub use memory::SimBuffer;
pub use process::{Process, ProcessRegisters};
pub use registers::SimRegisters;
pub use time::SimClock;

use crate::waves::{Operation, Waves};
use silico_driver::platform::{AccessError, AllocError, ConfigSpace, DmaMemory, Nanos, Platform, Time};
use silico_sim::{ConfigError, CpuClock, CpuCosts, Function, HostMemory, Machine, MachineConfig, MachineError, Slot};
use silico_spec::units::{Cycle, Cycles};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Longest single wait that the machine is asked for, in clocks: a second. Callers with more patience ask again.
const LONGEST_WAIT: u64 = 250_000_000;
/// How often a caller lets others go first, at most: one that is gone must not hold it up.
const MOST_YIELDS: u32 = 100_000;

/// What all handles share.
struct Shared {
    machine: Mutex<Machine>,
    memory: Arc<HostMemory>,
    cpu: Arc<CpuClock>,
    costs: CpuCosts,
    clock_ps: u64,
    function: Function,
    doorbells: AtomicU64,
    irqs: interrupts::Lines,
    /// The card is in its slot.
    plugged: AtomicBool,
    /// A card that is away is not told of: reads give ones.
    ones: AtomicBool,
    /// Clocks for which one caller keeps the machine at most.
    turn: AtomicU64,
    /// Callers that wait for the machine, and how often it was taken.
    waiting: AtomicU64,
    taken: AtomicU64,
    /// Where what the driver does is shown.
    waves: OnceLock<Waves>,
    /// Buffers, in the order in which they were allocated: bus address and bytes.
    buffers: Mutex<Vec<(u64, u64)>>,
}

/// A simulated machine with an enumerated card, as a driver sees it. A clone reaches the same machine.
#[derive(Clone)]
pub struct SimPlatform {
    shared: Arc<Shared>,
}

/// Why no platform came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetUpError {
    /// The machine refused its configuration.
    Config(ConfigError),
    /// The card did not come up.
    Machine(MachineError),
}

impl fmt::Display for SetUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Machine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SetUpError {}

impl SimPlatform {
    /// Builds a machine around `card`, and lets it enumerate the card. Interrupts are off; the driver chooses them.
    ///
    /// # Errors
    /// If the configuration is refused, or the card does not come up.
    pub fn new(config: MachineConfig, card: impl Into<Slot>, front_ends: usize) -> Result<Self, SetUpError> {
        let (costs, clock_ps) = (config.host.cpu, u64::from(config.clock_ps));
        let mut machine = Machine::new(config, card, front_ends).map_err(SetUpError::Config)?;
        let function = machine.enumerate().map_err(SetUpError::Machine)?;
        let (memory, cpu) = (machine.memory(), machine.cpu());
        let shared = Shared {
            machine: Mutex::new(machine),
            memory,
            cpu,
            costs,
            clock_ps,
            function,
            doorbells: AtomicU64::new(0),
            irqs: interrupts::Lines::default(),
            plugged: AtomicBool::new(true),
            ones: AtomicBool::new(false),
            turn: AtomicU64::new(LONGEST_WAIT),
            waiting: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            waves: OnceLock::new(),
            buffers: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The machine. Calls of the driver block while the guard lives.
    pub fn machine(&self) -> MutexGuard<'_, Machine> {
        self.shared.machine()
    }

    /// From now on `waves` shows what the driver does. Only the first ones given count.
    pub fn watch(&self, waves: &Waves) {
        if waves.is_on() {
            let _ = self.shared.waves.set(waves.clone());
        }
    }

    /// All DMA buffers that there have been, in the order in which they were allocated: bus address and bytes.
    #[must_use]
    pub fn buffers(&self) -> Vec<(u64, u64)> {
        self.shared.buffers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The card's function, as enumerated.
    #[must_use]
    pub fn function(&self) -> &Function {
        &self.shared.function
    }

    /// What CPU work costs.
    #[must_use]
    pub fn costs(&self) -> CpuCosts {
        self.shared.costs
    }

    /// Spends CPU time, in ns.
    #[inline]
    pub fn charge(&self, ns: u64) {
        self.shared.cpu.charge(ns);
    }

    /// Doorbells rung.
    #[must_use]
    pub fn doorbells(&self) -> u64 {
        self.shared.doorbells.load(Ordering::Relaxed)
    }

    /// The first clock at or after an instant of the driver's time.
    #[must_use]
    pub fn cycle(&self, time: Nanos) -> Cycle {
        self.shared.cycle(time, Cycle(u64::MAX - LONGEST_WAIT))
    }

    /// For callers on several threads: no wait or pause keeps the machine for more than `turn` at a time, so that the others get theirs. Unlimited
    /// at first.
    pub fn take_turns(&self, turn: Cycles) {
        self.shared.turn.store(turn.0.clamp(1, LONGEST_WAIT), Ordering::Relaxed);
    }

    /// An instant of the machine in the driver's time.
    #[must_use]
    pub fn nanos(&self, cycle: Cycle) -> Nanos {
        self.shared.nanos(cycle)
    }
}

impl Shared {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // A panic elsewhere must not hide the machine's state from whoever reports it.
        let machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
        machine
    }

    /// After a turn: whoever waits for the machine gets it first. A mutex alone may give it to the same caller again and again, and simulated time, by
    /// which that one waits for the others, would pass without them.
    fn give_way(&self) {
        if self.turn.load(Ordering::Relaxed) == LONGEST_WAIT {
            return;
        }
        let taken = self.taken.load(Ordering::Relaxed);
        std::thread::yield_now();
        for _ in 0..MOST_YIELDS {
            if self.waiting.load(Ordering::Relaxed) == 0 || self.taken.load(Ordering::Relaxed) != taken {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn nanos(&self, cycle: Cycle) -> Nanos {
        Nanos((u128::from(cycle.0) * u128::from(self.clock_ps) / 1000) as u64)
    }

    /// The first clock at or after `time`, no further from `now` than the longest wait.
    fn cycle(&self, time: Nanos, now: Cycle) -> Cycle {
        let cycle = (u128::from(time.0) * 1000).div_ceil(u128::from(self.clock_ps));
        Cycle(u64::try_from(cycle).unwrap_or(u64::MAX).min(now.0.saturating_add(LONGEST_WAIT)))
    }

    /// The end of a caller's turn.
    fn turn(&self, deadline: Nanos, now: Cycle) -> Cycle {
        self.cycle(deadline, now).min(now.after(Cycles(self.turn.load(Ordering::Relaxed))))
    }

    /// What a CPU that reads from a card that is away gets.
    fn read_of_nobody<T>(&self, ones: T, error: AccessError) -> Result<T, AccessError> {
        if error == AccessError::Gone && self.ones.load(Ordering::Relaxed) { Ok(ones) } else { Err(error) }
    }

    fn now(&self) -> Nanos {
        let now = self.machine().now();
        Nanos(self.nanos(now).0 + self.cpu.owed())
    }

    /// Shows something, at the clock that the CPU is in. Off, it costs one look.
    #[inline]
    fn show(&self, machine: &Machine, what: impl FnOnce(&Waves, Cycle)) {
        if let Some(waves) = self.waves.get() {
            let now = machine.now();
            what(waves, self.cycle(Nanos(self.nanos(now).0 + self.cpu.owed()), now));
        }
    }
}

/// A machine's error in the driver's terms. What the driver has no word for (a violation) stays in the machine, where the run finds it.
fn access_error(error: &MachineError, offset: u64) -> AccessError {
    match error {
        MachineError::LinkDown | MachineError::LinkFailed(_) | MachineError::Absent(_) | MachineError::NotEnumerated => AccessError::Gone,
        MachineError::Timeout { .. } => AccessError::Timeout { offset },
        MachineError::Range { .. } => AccessError::Range { offset },
        MachineError::Violation(_) | MachineError::Rejected { .. } | MachineError::Function(_) => AccessError::Rejected { offset },
    }
}

impl fmt::Debug for SimPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimPlatform").field("function", &self.shared.function.bdf).finish_non_exhaustive()
    }
}

impl ConfigSpace for SimPlatform {
    fn read_config32(&self, offset: u16) -> Result<u32, AccessError> {
        let mut machine = self.machine();
        self.shared.show(&machine, |waves, at| waves.begin(at, Operation::ConfigRead, offset.into(), None));
        let answer = machine.config_read(offset).map_err(|error| access_error(&error, offset.into()));
        self.shared.show(&machine, |waves, at| waves.end(at, answer.ok().map(u64::from)));
        drop(machine);
        answer.or_else(|error| self.shared.read_of_nobody(u32::MAX, error))
    }

    fn write_config32(&self, offset: u16, value: u32) -> Result<(), AccessError> {
        let mut machine = self.machine();
        self.shared.show(&machine, |waves, at| waves.begin(at, Operation::ConfigWrite, offset.into(), Some(value.into())));
        let answer = machine.config_write(offset, value).map_err(|error| access_error(&error, offset.into()));
        self.shared.show(&machine, |waves, at| waves.end(at, None));
        drop(machine);
        answer.or_else(|error| self.shared.read_of_nobody((), error))
    }
}

impl DmaMemory for SimPlatform {
    type Buffer = SimBuffer;

    fn alloc(&self, bytes: u64, align: u64) -> Result<SimBuffer, AllocError> {
        SimBuffer::new(&self.shared, bytes, align)
    }
}

impl Time for SimPlatform {
    fn now(&self) -> Nanos {
        self.shared.now()
    }

    fn pause(&self, deadline: Nanos) {
        self.clock().pause(deadline);
    }
}

impl Platform for SimPlatform {
    type Regs = SimRegisters;
    type Irqs = SimInterrupts;
    type Clock = SimClock;

    fn registers(&self) -> SimRegisters {
        SimRegisters::new(&self.shared)
    }

    fn interrupts(&self) -> SimInterrupts {
        SimInterrupts::new(&self.shared)
    }

    fn clock(&self) -> SimClock {
        SimClock::new(&self.shared)
    }
}
