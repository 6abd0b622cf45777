//! A process that can crash: a platform around another, whose registers fall silent once it is dead. What the process held of the card is then dropped
//! without a word to the card, as an operating system takes back the memory of a process that is no more; the card goes on as it was.

use silico_driver::platform::{
    AccessError, AllocError, ConfigSpace, DmaMemory, InterruptControl, InterruptKind, Nanos, Platform, Registers, Reset, Time,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A process on a platform.
#[derive(Clone, Debug)]
pub struct Process<P> {
    inner: P,
    dead: Arc<AtomicBool>,
}

impl<P: Platform> Process<P> {
    /// A living one.
    pub fn new(inner: P) -> Self {
        Self { inner, dead: Arc::default() }
    }

    /// It crashes: nothing of it reaches the card any more, whatever its destructors say. Memory that it holds is given back when its channels are
    /// dropped; drop them only when somebody else has brought the card to rest, or the card writes into freed memory.
    pub fn crash(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), AccessError> {
        alive(&self.dead)
    }
}

fn alive(dead: &AtomicBool) -> Result<(), AccessError> {
    if dead.load(Ordering::Relaxed) { Err(AccessError::Gone) } else { Ok(()) }
}

/// Registers as the process reaches them.
#[derive(Clone, Debug)]
pub struct ProcessRegisters<R> {
    inner: R,
    dead: Arc<AtomicBool>,
}

impl<R: Registers> Registers for ProcessRegisters<R> {
    fn read32(&self, offset: u32) -> Result<u32, AccessError> {
        alive(&self.dead)?;
        self.inner.read32(offset)
    }

    fn read64(&self, offset: u32) -> Result<u64, AccessError> {
        alive(&self.dead)?;
        self.inner.read64(offset)
    }

    fn write32(&self, offset: u32, value: u32) -> Result<(), AccessError> {
        alive(&self.dead)?;
        self.inner.write32(offset, value)
    }

    fn write64(&self, offset: u32, value: u64) -> Result<(), AccessError> {
        alive(&self.dead)?;
        self.inner.write64(offset, value)
    }

    /// The operating system takes a dead process's memory, whatever the card does.
    fn is_cut_off(&self) -> bool {
        alive(&self.dead).is_err() || self.inner.is_cut_off()
    }
}

impl<P: Platform> ConfigSpace for Process<P> {
    fn read_config32(&self, offset: u16) -> Result<u32, AccessError> {
        self.check()?;
        self.inner.read_config32(offset)
    }

    fn write_config32(&self, offset: u16, value: u32) -> Result<(), AccessError> {
        self.check()?;
        self.inner.write_config32(offset, value)
    }
}

impl<P: Platform> InterruptControl for Process<P> {
    fn offered(&self, kind: InterruptKind) -> u16 {
        self.inner.offered(kind)
    }

    fn enable(&self, kind: InterruptKind, vectors: u16) -> Result<u16, AccessError> {
        self.check()?;
        self.inner.enable(kind, vectors)
    }
}

impl<P: Platform> Reset for Process<P> {
    fn function_reset(&self) -> Result<(), AccessError> {
        self.check()?;
        self.inner.function_reset()
    }

    fn hot_reset(&self) -> Result<(), AccessError> {
        self.check()?;
        self.inner.hot_reset()
    }

    fn rescan(&self) -> Result<(), AccessError> {
        self.check()?;
        self.inner.rescan()
    }
}

impl<P: Platform> DmaMemory for Process<P> {
    type Buffer = P::Buffer;

    fn alloc(&self, bytes: u64, align: u64) -> Result<P::Buffer, AllocError> {
        self.inner.alloc(bytes, align)
    }
}

impl<P: Platform> Time for Process<P> {
    fn now(&self) -> Nanos {
        self.inner.now()
    }

    fn pause(&self, deadline: Nanos) {
        self.inner.pause(deadline);
    }
}

impl<P: Platform> Platform for Process<P> {
    type Regs = ProcessRegisters<P::Regs>;
    type Irqs = P::Irqs;
    type Clock = P::Clock;

    fn registers(&self) -> Self::Regs {
        ProcessRegisters { inner: self.inner.registers(), dead: Arc::clone(&self.dead) }
    }

    fn interrupts(&self) -> P::Irqs {
        self.inner.interrupts()
    }

    fn clock(&self) -> P::Clock {
        self.inner.clock()
    }
}
