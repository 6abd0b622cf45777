//! Descriptors and completion entries in host memory: what a host gives to a channel, and what the card says of it. Little endian.
//!
//! | page descriptor, 16 bytes | | H2C descriptor, 32 bytes | | page completion, 32 bytes | |
//! |---|---|---|---|---|---|
//! | 0..8 | address of the page | 0..8 | address of the payload | 0..4 | cookie of the page |
//! | 8..12 | bytes of the page | 8..12 | bytes of payload | 4..8 | bytes used in it |
//! | 12..16 | cookie | 12..16 | [`DescriptorFlags`] | 8..16 | sequence of the entry in its run, from 0 |
//! | | | 16..24 | cookie | 16..24 | cycle of the snapshot |
//! | | | 24..32 | reserved, zero | 24..28 | frames that end in the page |
//! | | | | | 28..32 | [`CompletionFlags`], the phase among them |
//!
//! The phase is in the last word of an entry, and a write becomes visible in ascending order of addresses: who sees the phase of this lap sees the
//! entry. It is 1 in the first lap of a run and changes with each; a host clears the ring before it starts a channel.

/// Bytes of a page descriptor.
pub const PAGE_DESCRIPTOR_BYTES: u32 = 16;
/// Bytes of an H2C descriptor.
pub const H2C_DESCRIPTOR_BYTES: u32 = 32;
/// Bytes of a page completion.
pub const PAGE_COMPLETION_BYTES: u32 = 32;
/// Rings start on this.
pub const RING_GRID: u64 = 64;
/// Fewest and most entries of a descriptor or completion ring.
pub const RING_ENTRIES: core::ops::RangeInclusive<u32> = 2..=65536;
/// Pages start on, and are multiples of, this.
pub const PAGE_GRID: u32 = 32;
/// Pages that a card-to-host channel has in use at most: of frames under way, or not announced. A frame that comes to
/// fill so many fails the channel.
pub const PAGES_IN_USE: u32 = 1024;

/// A page that the host gives to a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageDescriptor {
    /// Bus address, on [`PAGE_GRID`].
    pub address: u64,
    /// Bytes, above zero, on [`PAGE_GRID`].
    pub length: u32,
    /// Comes back with the page.
    pub cookie: u32,
}

impl PageDescriptor {
    /// Its words.
    #[must_use]
    pub const fn emit(&self) -> [u64; 2] {
        [self.address, self.length as u64 | (self.cookie as u64) << 32]
    }

    /// From its words.
    #[must_use]
    pub const fn parse(words: [u64; 2]) -> Self {
        Self { address: words[0], length: words[1] as u32, cookie: (words[1] >> 32) as u32 }
    }
}

/// Flags of an H2C descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescriptorFlags(pub u32);

impl DescriptorFlags {
    /// The payload ends a frame.
    pub const END_OF_FRAME: u32 = 1;
    /// Signal as soon as this descriptor is done, whatever the coalescing says.
    pub const INTERRUPT: u32 = 1 << 1;
    /// Bits that are defined.
    pub const KNOWN: u32 = Self::END_OF_FRAME | Self::INTERRUPT;

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: u32) -> bool {
        self.0 & flags == flags
    }
}

/// Payload that the host gives to a host-to-card channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct H2cDescriptor {
    /// Bus address, any.
    pub address: u64,
    /// Bytes; zero only with END_OF_FRAME.
    pub length: u32,
    /// See [`DescriptorFlags`].
    pub flags: DescriptorFlags,
    /// Comes back with an error.
    pub cookie: u64,
}

impl H2cDescriptor {
    /// Its words.
    #[must_use]
    pub const fn emit(&self) -> [u64; 4] {
        [self.address, self.length as u64 | (self.flags.0 as u64) << 32, self.cookie, 0]
    }

    /// From its words; `None` if reserved bits are set.
    #[must_use]
    pub const fn parse(words: [u64; 4]) -> Option<Self> {
        let flags = (words[1] >> 32) as u32;
        if words[3] != 0 || flags & !DescriptorFlags::KNOWN != 0 {
            return None;
        }
        Some(Self { address: words[0], length: words[1] as u32, flags: DescriptorFlags(flags), cookie: words[2] })
    }
}

/// Flags of a page completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompletionFlags(pub u32);

impl CompletionFlags {
    /// The page begins with the rest of a frame that began in the page before.
    pub const CONTINUES: u32 = 1;
    /// The last frame in the page goes on in the next one.
    pub const CONTINUED: u32 = 1 << 1;
    /// Completed by the timer or a stop although there was room.
    pub const FLUSHED: u32 = 1 << 2;
    /// Lap of the ring, 1 in the first.
    pub const PHASE: u32 = 1 << 31;
    /// Bits that are defined.
    pub const KNOWN: u32 = Self::CONTINUES | Self::CONTINUED | Self::FLUSHED | Self::PHASE;

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: u32) -> bool {
        self.0 & flags == flags
    }
}

/// A page that the card gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCompletion {
    /// Of the page's descriptor.
    pub cookie: u32,
    /// Bytes used, from the page's start.
    pub bytes: u32,
    /// Number of the entry in its run, from 0.
    pub sequence: u64,
    /// Cycle of the snapshot.
    pub stamp: u64,
    /// Frames that end in the page.
    pub frames: u32,
    /// See [`CompletionFlags`].
    pub flags: CompletionFlags,
}

impl PageCompletion {
    /// Its words.
    #[must_use]
    pub const fn emit(&self) -> [u64; 4] {
        [self.cookie as u64 | (self.bytes as u64) << 32, self.sequence, self.stamp, self.frames as u64 | (self.flags.0 as u64) << 32]
    }

    /// From its words.
    #[must_use]
    pub const fn parse(words: [u64; 4]) -> Self {
        Self {
            cookie: words[0] as u32,
            bytes: (words[0] >> 32) as u32,
            sequence: words[1],
            stamp: words[2],
            frames: words[3] as u32,
            flags: CompletionFlags((words[3] >> 32) as u32),
        }
    }
}

/// Phase bit of lap `lap` (from 0) of a completion ring.
#[must_use]
pub const fn phase(lap: u64) -> bool {
    lap.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn emit_then_parse_is_identity(address: u64, length: u32, cookie: u64, flags in 0..4_u32, sequence: u64, stamp: u64, bits: u32) {
            let page = PageDescriptor { address, length, cookie: cookie as u32 };
            prop_assert_eq!(PageDescriptor::parse(page.emit()), page);
            let descriptor = H2cDescriptor { address, length, flags: DescriptorFlags(flags), cookie };
            prop_assert_eq!(H2cDescriptor::parse(descriptor.emit()), Some(descriptor));
            let completion = PageCompletion { cookie: cookie as u32, bytes: length, sequence, stamp, frames: bits, flags: CompletionFlags(bits) };
            prop_assert_eq!(PageCompletion::parse(completion.emit()), completion);
        }
    }

    #[test]
    fn reserved_bits_of_a_descriptor_are_refused() {
        let good = H2cDescriptor::default().emit();
        assert!(H2cDescriptor::parse([good[0], good[1], good[2], 1]).is_none());
        assert!(H2cDescriptor::parse([good[0], 1 << 34, good[2], 0]).is_none());
    }

    #[test]
    fn the_phase_of_a_cleared_ring_is_never_the_first_lap() {
        assert_eq!([0, 1, 2].map(phase), [true, false, true]);
    }
}
