//! The write-back block: a channel's progress, written by the card into host memory as one 64-byte posted write.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | sequence of this block, from 1 in each run (head copy) |
//! | 8 | 8 | `hw_count`: bytes delivered into the ring |
//! | 16 | 8 | frames delivered |
//! | 24 | 8 | frames dropped |
//! | 32 | 8 | cycle at which the card took the snapshot |
//! | 40 | 8 | error address |
//! | 48 | 1 | channel state, [`ChannelState`] |
//! | 49 | 1 | error code, [`ChannelError`] |
//! | 50 | 1 | channel |
//! | 51 | 1 | reserved, zero |
//! | 52 | 4 | number of the run (the channel's starts since card reset) |
//! | 56 | 8 | sequence of this block (tail copy) |
//!
//! A host that may see the block torn reads it as a sequence lock: tail, body, head; equal copies mean that no word of a
//! later block was seen, since a write becomes visible in ascending order of addresses.

/// Bytes of the block; it must lie on a multiple of this.
pub const BYTES: u32 = 64;
/// 64-bit words of the block.
pub const WORDS: usize = 8;

/// Whether the block may lie at bus address `address`.
#[must_use]
pub const fn is_place(address: u64) -> bool {
    address.is_multiple_of(BYTES as u64)
}

/// What a channel is doing (register `STATUS.state` and the write-back block).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChannelState {
    /// Not running, nothing in flight.
    #[default]
    Idle = 0,
    /// Running.
    Running = 1,
    /// Told to stop; what is in flight is ending.
    Stopping = 2,
    /// Stopped by an error, nothing in flight.
    Error = 3,
}

impl ChannelState {
    /// From its code.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Idle),
            1 => Some(Self::Running),
            2 => Some(Self::Stopping),
            3 => Some(Self::Error),
            _ => None,
        }
    }
}

/// Why a channel stopped by itself. The first one is kept until cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChannelError {
    /// No error.
    #[default]
    None = 0,
    /// Started with a ring base off the 4 KiB grid, a size of zero or off it, or a sum over 2^64.
    BadRing = 1,
    /// The host's count ran ahead of the card's, or backwards, or is off the 32-byte grid.
    BadDoorbell = 2,
    /// Started with a write-back address off the 64-byte grid.
    BadWriteBack = 3,
    /// Started with a frame limit of zero or one that does not fit the ring.
    BadFrameLimit = 4,
    /// Started with a release threshold above the assert threshold, or one beyond the FIFO.
    BadThreshold = 5,
    /// Bus mastering was switched off, or the function left D0, under a running channel.
    BusMasterOff = 6,
    /// Started with a generator configuration that cannot be met.
    BadGenerator = 7,
    /// A read was not answered in time.
    CompletionTimeout = 8,
    /// A read was answered with UR.
    UnsupportedRequest = 9,
    /// A read was answered with CA.
    CompleterAbort = 10,
    /// A read was answered with poisoned data.
    PoisonedCompletion = 11,
    /// A descriptor with a length, an address or flags that cannot be.
    BadDescriptor = 12,
    /// Started with a descriptor or completion ring off the 64-byte grid or with a number of entries out of range.
    BadDescriptorRing = 13,
    /// Started with an output that cannot be: a reserved code, or a loopback target that is not there or is fed by another channel.
    BadOutput = 14,
    /// An interrupt cause is enabled with a vector that the card does not have.
    BadVector = 15,
}

impl ChannelError {
    /// From its code.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::None,
            1 => Self::BadRing,
            2 => Self::BadDoorbell,
            3 => Self::BadWriteBack,
            4 => Self::BadFrameLimit,
            5 => Self::BadThreshold,
            6 => Self::BusMasterOff,
            7 => Self::BadGenerator,
            8 => Self::CompletionTimeout,
            9 => Self::UnsupportedRequest,
            10 => Self::CompleterAbort,
            11 => Self::PoisonedCompletion,
            12 => Self::BadDescriptor,
            13 => Self::BadDescriptorRing,
            14 => Self::BadOutput,
            15 => Self::BadVector,
            _ => return None,
        })
    }
}

/// The block's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteBack {
    /// Number of this block in its run, from 1.
    pub sequence: u64,
    /// Bytes delivered into the ring.
    pub hw_count: u64,
    /// Frames delivered.
    pub frames: u64,
    /// Frames dropped.
    pub dropped: u64,
    /// Cycle of the snapshot.
    pub stamp: u64,
    /// Address that goes with the error.
    pub error_addr: u64,
    /// Raw [`ChannelState`].
    pub state: u8,
    /// Raw [`ChannelError`].
    pub error: u8,
    /// The channel.
    pub channel: u8,
    /// Starts of the channel since card reset.
    pub run: u32,
}

impl WriteBack {
    /// The block's words, in the host's order of addresses.
    #[must_use]
    pub const fn emit(&self) -> [u64; WORDS] {
        let tail = self.state as u64 | (self.error as u64) << 8 | (self.channel as u64) << 16 | (self.run as u64) << 32;
        [self.sequence, self.hw_count, self.frames, self.dropped, self.stamp, self.error_addr, tail, self.sequence]
    }

    /// Reads a block; `None` if the two copies of the sequence differ (a torn read).
    #[must_use]
    pub const fn parse(words: &[u64; WORDS]) -> Option<Self> {
        if words[0] != words[7] {
            return None;
        }
        Some(Self {
            sequence: words[0],
            hw_count: words[1],
            frames: words[2],
            dropped: words[3],
            stamp: words[4],
            error_addr: words[5],
            state: words[6] as u8,
            error: (words[6] >> 8) as u8,
            channel: (words[6] >> 16) as u8,
            run: (words[6] >> 32) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn emit_then_parse_is_identity(sequence: u64, hw_count: u64, frames: u64, dropped: u64, stamp: u64, error_addr: u64,
                                       state: u8, error: u8, channel: u8, run: u32) {
            let block = WriteBack { sequence, hw_count, frames, dropped, stamp, error_addr, state, error, channel, run };
            prop_assert_eq!(WriteBack::parse(&block.emit()), Some(block));
        }
    }

    #[test]
    fn a_torn_block_is_refused() {
        let mut words = WriteBack { sequence: 7, ..WriteBack::default() }.emit();
        words[7] = 8;
        assert_eq!(WriteBack::parse(&words), None);
    }
}
