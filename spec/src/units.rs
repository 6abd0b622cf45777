//! Typed units. Two instants cannot be added; a bus address is not a byte count.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// An instant, in clocks of the port since the machine started (4 ns each unless configured).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycle(pub u64);

/// A span of time, in clocks of the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycles(pub u64);

impl Cycle {
    /// The instant that is never reached.
    pub const NEVER: Self = Self(u64::MAX);

    /// The span since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Cycles {
        Cycles(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved on by `span`, or [`Cycle::NEVER`].
    #[must_use]
    pub const fn after(self, span: Cycles) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Add<Cycles> for Cycle {
    type Output = Self;
    fn add(self, span: Cycles) -> Self {
        Self(self.0 + span.0)
    }
}

impl AddAssign<Cycles> for Cycle {
    fn add_assign(&mut self, span: Cycles) {
        self.0 += span.0;
    }
}

impl Sub for Cycle {
    type Output = Cycles;
    fn sub(self, earlier: Self) -> Cycles {
        Cycles(self.0 - earlier.0)
    }
}

impl Add for Cycles {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER { f.write_str("never") } else { write!(f, "cycle {}", self.0) }
    }
}

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cycles", self.0)
    }
}

/// A count of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A count of dwords (4 bytes each), the unit of a TLP's length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dwords(pub u32);

impl Dwords {
    /// As bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0 * 4
    }
}

/// An address on the PCIe bus: what a device puts into a TLP, never what a CPU dereferences.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusAddr(pub u64);

impl BusAddr {
    /// `self + bytes`, wrapping at 2^64 as an adder in hardware does.
    #[must_use]
    pub const fn offset(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// Whether a TLP must use the 4-dword header for it (PCIe 4.0 §2.2.4.1).
    #[must_use]
    pub const fn needs_64(self) -> bool {
        self.0 >> 32 != 0
    }
}

impl fmt::Debug for BusAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for BusAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Bus, device and function number of a PCIe function, as in a requester or completer ID.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bdf(u16);

impl Bdf {
    /// From its parts; `None` if the device is over 31 or the function over 7.
    #[must_use]
    pub const fn new(bus: u8, device: u8, function: u8) -> Option<Self> {
        if device < 32 && function < 8 { Some(Self((bus as u16) << 8 | (device as u16) << 3 | function as u16)) } else { None }
    }

    /// From the 16 bits that a TLP carries.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The 16 bits that a TLP carries.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Bus number.
    #[must_use]
    pub const fn bus(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Device number, 0 to 31.
    #[must_use]
    pub const fn device(self) -> u8 {
        (self.0 >> 3) as u8 & 0x1f
    }

    /// Function number, 0 to 7.
    #[must_use]
    pub const fn function(self) -> u8 {
        self.0 as u8 & 7
    }
}

impl fmt::Display for Bdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus(), self.device(), self.function())
    }
}

impl fmt::Debug for Bdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A transaction tag. Ten bits at most (PCIe 4.0 §2.2.6.2); the reference card uses eight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {:#04x}", self.0)
    }
}
