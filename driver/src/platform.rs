//! What a driver needs of the machine it runs on. Small traits, not one big one: implement them for your platform, and the core runs there.
//!
//! In simulation a register read runs the simulated clock until the completion is back; on Linux it is a load.

use core::fmt::Debug;
use core::ops::Range;
use silico_spec::fork::Fork;
use silico_spec::units::BusAddr;

/// Why an access to the card or to its memory failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The card did not answer: all ones came back where they cannot be the value, or the platform knows that it is gone.
    #[error("the card is gone (reads give all ones)")]
    Gone,
    /// The card or the bus answered with an error (unsupported request, completer abort, poisoned data).
    #[error("access at {offset:#x} was answered with an error")]
    Rejected {
        /// Offset of the access in its BAR or config space.
        offset: u64,
    },
    /// No answer within the platform's limit.
    #[error("access at {offset:#x} was not answered in time")]
    Timeout {
        /// Offset of the access in its BAR or config space.
        offset: u64,
    },
    /// Outside the mapped range, or unaligned.
    #[error("access at {offset:#x} is outside the mapped range or unaligned")]
    Range {
        /// Offset of the access in its BAR or config space.
        offset: u64,
    },
}

/// The card's registers (BAR0). Reads block until the value is there; writes are posted. `&self`: accesses from several channels are
/// independent, each register belongs to one owner. A clone reaches the same registers.
pub trait Registers: Clone {
    /// Reads 32 bits at byte `offset`.
    ///
    /// # Errors
    /// If the access did not produce a value.
    fn read32(&self, offset: u32) -> Result<u32, AccessError>;

    /// Reads 64 bits at byte `offset` in one access where the platform can, else low word first.
    ///
    /// # Errors
    /// If the access did not produce a value.
    fn read64(&self, offset: u32) -> Result<u64, AccessError>;

    /// Writes 32 bits at byte `offset`, after all earlier stores to DMA memory are visible to the card.
    ///
    /// # Errors
    /// If the access could not be made; that it arrives is not known.
    fn write32(&self, offset: u32, value: u32) -> Result<(), AccessError>;

    /// Writes 64 bits at byte `offset`, as [`Registers::write32`].
    ///
    /// # Errors
    /// If the access could not be made; that it arrives is not known.
    fn write64(&self, offset: u32, value: u64) -> Result<(), AccessError>;

    /// Whether the card cannot reach memory any more, whatever it does: the link is down or the slot empty, and all that it had sent is in. All ones
    /// alone are no proof. Only then is memory freed under a card that nobody could stop.
    fn is_cut_off(&self) -> bool;
}

/// Why no DMA memory was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocError {
    /// Nothing of that size is free.
    #[error("no contiguous DMA memory of {bytes} bytes is free")]
    Exhausted {
        /// Bytes asked for.
        bytes: u64,
    },
    /// Zero bytes, or an alignment that is no power of two.
    #[error("a DMA buffer of {bytes} bytes aligned to {align} makes no sense")]
    Senseless {
        /// Bytes asked for.
        bytes: u64,
        /// Alignment asked for.
        align: u64,
    },
}

/// A source of memory that the card can reach.
pub trait DmaMemory {
    /// One contiguous (in bus addresses) piece of it.
    type Buffer: DmaBuffer;

    /// Gives `bytes` of zeroed memory at a bus address that is a multiple of `align`. All of it belongs to the card's side at first.
    ///
    /// # Errors
    /// If there is none.
    fn alloc(&self, bytes: u64, align: u64) -> Result<Self::Buffer, AllocError>;
}

/// Memory that host and card share. Each byte belongs to the CPU or to the card's side; [`DmaBuffer::acquire`] and
/// [`DmaBuffer::release`] move ranges between them (as `dma_sync_for_cpu` and `dma_sync_for_device` do in Linux). Slices exist only of what the
/// CPU owns; single words may be looked at any time. Dropping the buffer unmaps it: the card must be quiet towards it by then.
pub trait DmaBuffer {
    /// Where the card finds byte 0.
    fn bus_addr(&self) -> BusAddr;

    /// Bytes of the buffer.
    fn len(&self) -> u64;

    /// Whether the buffer has no bytes; never true.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes `range` for the CPU: what the card wrote before it announced the range is visible from here on.
    ///
    /// # Panics
    /// If `range` is outside the buffer.
    fn acquire(&mut self, range: Range<u64>);

    /// What the CPU owns.
    ///
    /// # Panics
    /// If `range` is outside the buffer or not owned by the CPU (where the platform can tell).
    fn view(&self, range: Range<u64>) -> &[u8];

    /// What the CPU owns, to write.
    ///
    /// # Panics
    /// If `range` is outside the buffer or not owned by the CPU (where the platform can tell).
    fn view_mut(&mut self, range: Range<u64>) -> &mut [u8];

    /// Gives `range` back to the card's side: what the CPU did with it is done before anything later reaches the card.
    ///
    /// # Panics
    /// If `range` is outside the buffer.
    fn release(&mut self, range: Range<u64>);

    /// Reads the aligned 64-bit little-endian word at byte `offset`, with acquire ordering: later loads see at least what the card wrote
    /// before this word. The card may own it.
    ///
    /// # Panics
    /// If `offset` is unaligned or outside the buffer.
    fn load64(&self, offset: u64) -> u64;

    /// Writes the aligned 64-bit little-endian word at byte `offset`, after all earlier stores. The card may own it.
    ///
    /// # Panics
    /// If `offset` is unaligned or outside the buffer.
    fn store64(&self, offset: u64, value: u64);
}

/// An instant of the platform's monotonic clock, in nanoseconds from any origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The instant that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// This instant moved on by `ns` nanoseconds.
    #[must_use]
    pub const fn after(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }
}

/// Monotonic time.
pub trait Time {
    /// Now.
    fn now(&self) -> Nanos;

    /// Nothing to do at the moment: returns soon, when memory that the card writes may have changed, and at `deadline` at the latest. A spin hint on
    /// hardware; in simulation, the way for time to pass.
    fn pause(&self, deadline: Nanos);
}

/// How a card tells that it wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptKind {
    /// Messages, each with an address of its own (PCIe 4.0 §7.7.2).
    MsiX,
    /// Messages to one address (PCIe 4.0 §7.7.1).
    Msi,
    /// One level, carried by Assert_INTx and Deassert_INTx messages (PCIe 4.0 §2.2.8.1).
    Intx,
}

/// How a wait for an interrupt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The vector fired since the last wait on it ended; firings that came together count once.
    Interrupt,
    /// The deadline came first.
    Deadline,
}

/// Vectors behind those of the card that only [`Interrupts::kick`] fires: one for each channel that there can be.
pub const SOFT_VECTORS: u16 = 24;

/// Interrupts as "wait, with a deadline". What fires while nobody waits is kept: the next wait returns at once (an eventfd, in other words).
/// Of two that wait on one vector, one is woken; who shares a vector sorts that out above this trait.
///
/// A level ([`InterruptKind::Intx`]) is masked by the platform when it wakes somebody, or when it is kept, and stays so until
/// [`Interrupts::unmask`]: the card must be quiet by then, or it fires again at once.
pub trait Interrupts: Clone {
    /// How many vectors the card fires. Numbers from here on, [`SOFT_VECTORS`] of them, are fired by [`Interrupts::kick`] alone.
    fn vectors(&self) -> u16;

    /// Waits until `vector` fires or `deadline` comes.
    ///
    /// # Errors
    /// If the card is gone, or the vector is not one.
    fn wait(&self, vector: u16, deadline: Nanos) -> Result<Wake, AccessError>;

    /// Fires `vector` in the card's place: whoever waits on it is woken, or the next one who does. Never blocks.
    fn kick(&self, vector: u16);

    /// The source of a level is quiet: the next one may wake again. Nothing for messages.
    ///
    /// # Errors
    /// If the platform cannot.
    fn unmask(&self, vector: u16) -> Result<(), AccessError>;
}

/// Which interrupts the platform can give, and switching one kind of them on. The operating system owns what lies behind it (capabilities, tables).
pub trait InterruptControl {
    /// Most vectors of `kind` that can be had; 0: none.
    fn offered(&self, kind: InterruptKind) -> u16;

    /// Switches `kind` on, and the others off, with at most `vectors` vectors, unmasked. Returns how many there are: fewer than asked for is no error.
    ///
    /// # Errors
    /// If the card does not take it.
    fn enable(&self, kind: InterruptKind, vectors: u16) -> Result<u16, AccessError>;
}

/// Config space of the function.
pub trait ConfigSpace {
    /// Reads the dword at byte `offset`, below 4096, on 4.
    ///
    /// # Errors
    /// If the access did not produce a value.
    fn read_config32(&self, offset: u16) -> Result<u32, AccessError>;

    /// Writes the dword at byte `offset`, below 4096, on 4.
    ///
    /// # Errors
    /// If the access was not acknowledged.
    fn write_config32(&self, offset: u16, value: u32) -> Result<(), AccessError>;
}

/// Resets that the platform, rather than a register, gives. After each of them the card answers config requests, and what the operating system owns of
/// its config space (BARs, sizes, memory enable) is as it was before; bus mastering is off or on, interrupts are off.
pub trait Reset {
    /// Function-level reset (PCIe 4.0 §6.6.2).
    ///
    /// # Errors
    /// If the card cannot do it, or does not come back in time.
    fn function_reset(&self) -> Result<(), AccessError>;

    /// Hot reset by the bridge above the card (PCIe 4.0 §6.6.1). Brings a link up that is down.
    ///
    /// # Errors
    /// If the card does not come back in time.
    fn hot_reset(&self) -> Result<(), AccessError>;

    /// The card was away: looks for it again, as after a hot plug, and sets its config space up.
    ///
    /// # Errors
    /// [`AccessError::Gone`] while it is away.
    fn rescan(&self) -> Result<(), AccessError>;
}

/// All that a driver of a whole card needs.
pub trait Platform: ConfigSpace + DmaMemory + InterruptControl + Reset + Time + Debug {
    /// Access to BAR0.
    type Regs: Registers;
    /// Interrupt vectors.
    type Irqs: Interrupts;
    /// A handle on time that channels keep.
    type Clock: Time + Clone;

    /// Access to BAR0.
    fn registers(&self) -> Self::Regs;

    /// Interrupt vectors.
    fn interrupts(&self) -> Self::Irqs;

    /// A handle on time.
    fn clock(&self) -> Self::Clock;
}

/// A platform of which there can be copies that go on by themselves, as of a simulated machine. With it, cards and channels of the driver can be forked.
pub trait ForkPlatform: Platform<Regs: Fork, Irqs: Fork, Clock: Fork> + DmaMemory<Buffer: Fork> + Fork {}

impl<P: Platform<Regs: Fork, Irqs: Fork, Clock: Fork> + DmaMemory<Buffer: Fork> + Fork> ForkPlatform for P {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// Plain memory that no card sees. Words that are stored are lost.
    pub(crate) struct Flat(Vec<u8>);

    impl Flat {
        pub(crate) fn new(bytes: usize) -> Self {
            Self(vec![0; bytes])
        }
    }

    const fn places(range: &Range<u64>) -> Range<usize> {
        range.start as usize..range.end as usize
    }

    impl DmaBuffer for Flat {
        fn bus_addr(&self) -> BusAddr {
            BusAddr(0)
        }
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn acquire(&mut self, _: Range<u64>) {}
        fn view(&self, range: Range<u64>) -> &[u8] {
            &self.0[places(&range)]
        }
        fn view_mut(&mut self, range: Range<u64>) -> &mut [u8] {
            &mut self.0[places(&range)]
        }
        fn release(&mut self, _: Range<u64>) {}
        fn load64(&self, _: u64) -> u64 {
            0
        }
        fn store64(&self, _: u64, _: u64) {}
    }

    #[test]
    fn a_buffer_is_empty_without_bytes() {
        assert!(Flat::new(0).is_empty() && !Flat::new(1).is_empty());
    }
}
