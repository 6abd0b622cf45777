//! A card in software, on the level of registers and memory: it honours the register map, and can be told to misbehave.
//!
//! Knows nothing of the driver but the platform traits. Time is virtual: it moves with each register access, pause and wait.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test uses a part of it")]

mod buffer;
mod card;
mod channel;
mod config;
mod pages;
mod send;

pub use buffer::Buffer;
pub use card::{Event, Faults, Meanwhile, State};
pub use config::{AER, PCIE, Platforms};

use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{RingChannel, RingConfig};
use silico_driver::h2c::{SendChannel, SendConfig};
use silico_driver::pages::{PageChannel, PageConfig};
use silico_driver::platform::{
    AccessError, AllocError, ConfigSpace, DmaMemory, InterruptControl, InterruptKind, Interrupts, Nanos, Platform, Registers, Reset, Time,
    Wake,
};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// What an access to a register costs, in ns.
pub const READ_NS: u64 = 400;
pub const WRITE_NS: u64 = 10;

/// The machine with the card in it. A clone is another handle.
#[derive(Clone, Debug)]
pub struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::new())))
    }

    /// The state. All is on one thread: a lock that is held already would be held for ever.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        match self.0.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("the state is locked twice in one statement"),
        }
    }

    /// Changes how the card misbehaves.
    pub fn fault(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    /// A card that is up.
    pub fn card(&self) -> Card<Self> {
        Card::bring_up(self.clone(), &BringUp::default()).expect("bring-up of a good card")
    }

    /// Channel 0, open and started.
    pub fn started(&self, config: &RingConfig) -> RingChannel<Self> {
        let mut channel = self.card().channel(0, config).expect("open");
        channel.start().expect("start");
        channel
    }

    /// C2H channel 0 with pages, open and started.
    pub fn paged(&self, config: &PageConfig) -> PageChannel<Self> {
        let mut channel = self.card().page_channel(0, config).expect("open");
        channel.start().expect("start");
        channel
    }

    /// H2C channel 0, open and started.
    pub fn sending(&self, config: &SendConfig) -> SendChannel<Self> {
        let mut channel = self.card().send_channel(0, config).expect("open");
        channel.start().expect("start");
        channel
    }

    /// The front end of `channel` has a frame with this payload, now.
    pub fn deliver(&self, channel: u8, payload: &[u8]) {
        self.lock().deliver(channel, payload.to_vec());
    }

    /// The front end of channel 0 has a frame with this payload in `ns`.
    pub fn deliver_in(&self, ns: u64, payload: &[u8]) {
        self.lock().schedule(ns, Event::Deliver(0, payload.to_vec()));
    }

    /// Another thread does this at the driver's next pause.
    pub fn meanwhile(&self, other: impl FnOnce() + Send + 'static) {
        self.lock().meanwhile = Some(Meanwhile(Box::new(other)));
    }

    /// Register `offset` reads `value` from now on.
    pub fn reads(&self, offset: u32, value: u64) {
        self.lock().faults.reads.insert(offset, value);
    }

    pub fn after(&self, ns: u64) -> Nanos {
        self.now().after(ns)
    }

    /// Values written to register `offset` since the start of the machine.
    pub fn writes(&self, offset: u32) -> Vec<u64> {
        self.lock().writes.iter().filter(|write| write.0 == offset).map(|write| write.1).collect()
    }
}

impl Registers for Fake {
    fn read32(&self, offset: u32) -> Result<u32, AccessError> {
        self.lock().read(offset, 4).map(|value| value as u32)
    }

    fn read64(&self, offset: u32) -> Result<u64, AccessError> {
        self.lock().read(offset, 8)
    }

    fn write32(&self, offset: u32, value: u32) -> Result<(), AccessError> {
        self.lock().write(offset, 4, value.into())
    }

    fn write64(&self, offset: u32, value: u64) -> Result<(), AccessError> {
        self.lock().write(offset, 8, value)
    }

    fn is_cut_off(&self) -> bool {
        self.lock().faults.cut_off
    }
}

impl Time for Fake {
    fn now(&self) -> Nanos {
        Nanos(self.lock().now)
    }

    fn pause(&self, deadline: Nanos) {
        let other = self.lock().meanwhile.take();
        if let Some(Meanwhile(other)) = other {
            other();
        }
        self.lock().pause(deadline.0);
    }
}

impl Interrupts for Fake {
    fn vectors(&self) -> u16 {
        self.lock().granted
    }

    fn wait(&self, vector: u16, deadline: Nanos) -> Result<Wake, AccessError> {
        let mut state = self.lock();
        loop {
            if state.faults.gone {
                return Err(AccessError::Gone);
            }
            if state.take_fired(vector) {
                return Ok(Wake::Interrupt);
            }
            if state.now >= deadline.0 {
                return Ok(Wake::Deadline);
            }
            state.pause(deadline.0);
        }
    }

    fn kick(&self, vector: u16) {
        self.lock().fired[usize::from(vector)] = true;
    }

    fn unmask(&self, _: u16) -> Result<(), AccessError> {
        self.lock().unmask_level();
        Ok(())
    }
}

impl InterruptControl for Fake {
    fn offered(&self, kind: InterruptKind) -> u16 {
        self.lock().offers[kind as usize]
    }

    fn enable(&self, kind: InterruptKind, vectors: u16) -> Result<u16, AccessError> {
        Ok(self.lock().enable_interrupts(kind, vectors))
    }
}

impl Reset for Fake {
    fn function_reset(&self) -> Result<(), AccessError> {
        self.lock().platform_reset(Platforms::Function)
    }

    fn hot_reset(&self) -> Result<(), AccessError> {
        self.lock().platform_reset(Platforms::Hot)
    }

    fn rescan(&self) -> Result<(), AccessError> {
        self.lock().platform_reset(Platforms::Rescan)
    }
}

impl ConfigSpace for Fake {
    fn read_config32(&self, offset: u16) -> Result<u32, AccessError> {
        self.lock().config_read(offset)
    }

    fn write_config32(&self, offset: u16, value: u32) -> Result<(), AccessError> {
        self.lock().config_write(offset, value)
    }
}

impl DmaMemory for Fake {
    type Buffer = Buffer;

    fn alloc(&self, bytes: u64, align: u64) -> Result<Buffer, AllocError> {
        let addr = self.lock().alloc(bytes, align)?;
        Ok(Buffer::new(self.clone(), addr, bytes))
    }
}

impl Platform for Fake {
    type Regs = Self;
    type Irqs = Self;
    type Clock = Self;

    fn registers(&self) -> Self {
        self.clone()
    }

    fn interrupts(&self) -> Self {
        self.clone()
    }

    fn clock(&self) -> Self {
        self.clone()
    }
}

/// A payload that says which frame it is of, and which byte each is.
pub fn payload(frame: u64, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    silico_spec::generator::fill(frame.wrapping_mul(0x1234_5678_9abc_def1), 0, &mut out);
    out
}
