//! What kinds of TLP there are, by Fmt and Type, and which class of credits each takes.

use crate::credit::Class;

/// What kind of packet Fmt and Type say it is (PCIe 4.0 table 2-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MRd, 3 or 4 dwords of header.
    MemRead,
    /// MRdLk.
    MemReadLocked,
    /// MWr.
    MemWrite,
    /// IORd.
    IoRead,
    /// IOWr.
    IoWrite,
    /// CfgRd0.
    CfgRead0,
    /// CfgWr0.
    CfgWrite0,
    /// CfgRd1.
    CfgRead1,
    /// CfgWr1.
    CfgWrite1,
    /// Msg with its routing (r\[2:0\]).
    Message(u8),
    /// MsgD with its routing.
    MessageData(u8),
    /// Cpl.
    Completion,
    /// CplD.
    CompletionData,
    /// CplLk.
    CompletionLocked,
    /// CplDLk.
    CompletionLockedData,
    /// An AtomicOp request.
    Atomic(AtomicOp),
    /// A local TLP prefix, or any other code (Fmt and Type, 8 bits).
    Unknown(u8),
}

/// Which AtomicOp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicOp {
    /// FetchAdd.
    FetchAdd,
    /// Swap.
    Swap,
    /// Compare and swap.
    CompareAndSwap,
}

/// Every TLP is asked for its kind several times.
static BY_CODE: [Kind; 256] = {
    let mut kinds = [Kind::MemRead; 256];
    let mut code = 0;
    while code < 256 {
        kinds[code] = Kind::decode(code as u8);
        code += 1;
    }
    kinds
};

impl Kind {
    /// Fmt and Type as in the first byte; a memory request gets the 3-dword form.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::MemRead => 0x00,
            Self::MemReadLocked => 0x01,
            Self::MemWrite => 0x40,
            Self::IoRead => 0x02,
            Self::IoWrite => 0x42,
            Self::CfgRead0 => 0x04,
            Self::CfgWrite0 => 0x44,
            Self::CfgRead1 => 0x05,
            Self::CfgWrite1 => 0x45,
            Self::Message(routing) => 0x30 | routing & 7,
            Self::MessageData(routing) => 0x70 | routing & 7,
            Self::Completion => 0x0a,
            Self::CompletionData => 0x4a,
            Self::CompletionLocked => 0x0b,
            Self::CompletionLockedData => 0x4b,
            Self::Atomic(AtomicOp::FetchAdd) => 0x4c,
            Self::Atomic(AtomicOp::Swap) => 0x4d,
            Self::Atomic(AtomicOp::CompareAndSwap) => 0x4e,
            Self::Unknown(code) => code,
        }
    }

    /// From Fmt and Type.
    #[must_use]
    #[inline]
    pub const fn from_code(code: u8) -> Self {
        BY_CODE[code as usize]
    }

    const fn decode(code: u8) -> Self {
        match code {
            0x00 | 0x20 => Self::MemRead,
            0x01 | 0x21 => Self::MemReadLocked,
            0x40 | 0x60 => Self::MemWrite,
            0x02 => Self::IoRead,
            0x42 => Self::IoWrite,
            0x04 => Self::CfgRead0,
            0x44 => Self::CfgWrite0,
            0x05 => Self::CfgRead1,
            0x45 => Self::CfgWrite1,
            0x30..=0x37 => Self::Message(code & 7),
            0x70..=0x77 => Self::MessageData(code & 7),
            0x0a => Self::Completion,
            0x4a => Self::CompletionData,
            0x0b => Self::CompletionLocked,
            0x4b => Self::CompletionLockedData,
            0x4c | 0x6c => Self::Atomic(AtomicOp::FetchAdd),
            0x4d | 0x6d => Self::Atomic(AtomicOp::Swap),
            0x4e | 0x6e => Self::Atomic(AtomicOp::CompareAndSwap),
            _ => Self::Unknown(code),
        }
    }

    /// Class towards credits; an unknown kind counts as posted, since nothing answers it.
    #[must_use]
    #[inline]
    pub const fn class(self) -> Class {
        match self {
            Self::MemWrite | Self::Message(_) | Self::MessageData(_) | Self::Unknown(_) => Class::Posted,
            Self::Completion | Self::CompletionData | Self::CompletionLocked | Self::CompletionLockedData => Class::Completion,
            _ => Class::NonPosted,
        }
    }
}
