//! A message taken apart by its code: the part of [`super::Packet`] that messages have. Judges nothing.

use super::packet::dword;
use super::{Header, routing};
use crate::units::Bdf;
use alloc::vec::Vec;

/// An interrupt pin of INTx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intx {
    /// INTA.
    A,
    /// INTB.
    B,
    /// INTC.
    C,
    /// INTD.
    D,
}

/// Power-management messages (PCIe 4.0 §2.2.8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerMessage {
    /// PM_Active_State_Nak.
    ActiveStateNak,
    /// PM_PME.
    Pme,
    /// PME_Turn_Off.
    TurnOff,
    /// PME_TO_Ack.
    TurnOffAck,
}

/// Error messages (PCIe 4.0 §2.2.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorSeverity {
    /// ERR_COR.
    Correctable,
    /// ERR_NONFATAL.
    NonFatal,
    /// ERR_FATAL.
    Fatal,
}

impl ErrorSeverity {
    /// The message code (PCIe 4.0 table 2-21).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Correctable => 0x30,
            Self::NonFatal => 0x31,
            Self::Fatal => 0x33,
        }
    }
}

/// What a receiver does with a vendor-defined message that it does not know (PCIe 4.0 §2.2.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorType {
    /// Answers Unsupported Request.
    Type0,
    /// Drops it silently.
    Type1,
}

/// A message, by its code (PCIe 4.0 §2.2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Assert_INTx.
    Assert(Intx),
    /// Deassert_INTx.
    Deassert(Intx),
    /// Power management.
    Power(PowerMessage),
    /// An error.
    Error(ErrorSeverity),
    /// Unlock.
    Unlock,
    /// Set_Slot_Power_Limit, with its dword in wire order.
    SetSlotPowerLimit([u8; 4]),
    /// Vendor-defined.
    Vendor {
        /// Type 0 or 1.
        kind: VendorType,
        /// See [`routing`].
        routing: u8,
        /// Where it goes, if routed by ID; else zero.
        destination: Bdf,
        /// Vendor ID.
        vendor: u16,
        /// The vendor's own dword of the header.
        detail: u32,
        /// Payload; none makes it a Msg.
        data: Vec<u8>,
    },
    /// Any other code: LTR, OBFF, PTM, ATS, ignored ones.
    Other {
        /// Message code.
        code: u8,
        /// See [`routing`].
        routing: u8,
        /// The last two dwords of the header.
        detail: [u32; 2],
        /// Payload; none makes it a Msg.
        data: Vec<u8>,
    },
}

/// Header codes of the INTx pins, in order.
const PINS: [Intx; 4] = [Intx::A, Intx::B, Intx::C, Intx::D];

impl Message {
    pub(super) fn of(header: &Header, routing: u8, data: &[u8]) -> Self {
        let (code, detail) = (header.message_code(), header.message_detail());
        match code {
            0x00 => Self::Unlock,
            0x14 => Self::Power(PowerMessage::ActiveStateNak),
            0x18 => Self::Power(PowerMessage::Pme),
            0x19 => Self::Power(PowerMessage::TurnOff),
            0x1b => Self::Power(PowerMessage::TurnOffAck),
            0x20..=0x23 => Self::Assert(PINS[usize::from(code & 3)]),
            0x24..=0x27 => Self::Deassert(PINS[usize::from(code & 3)]),
            0x30 => Self::Error(ErrorSeverity::Correctable),
            0x31 => Self::Error(ErrorSeverity::NonFatal),
            0x33 => Self::Error(ErrorSeverity::Fatal),
            0x50 => Self::SetSlotPowerLimit(dword(data)),
            0x7e | 0x7f => Self::Vendor {
                kind: if code == 0x7e { VendorType::Type0 } else { VendorType::Type1 },
                routing,
                destination: header.destination(),
                vendor: header.message_vendor(),
                detail: detail[1],
                data: data.to_vec(),
            },
            _ => Self::Other { code, routing, detail, data: data.to_vec() },
        }
    }

    /// Code, routing, last two header dwords, payload.
    pub(super) fn parts(&self) -> (u8, u8, [u32; 2], &[u8]) {
        use routing::{BROADCAST, GATHERED, LOCAL, TO_ROOT};
        const PLAIN: [u32; 2] = [0; 2];
        match self {
            Self::Assert(pin) => (0x20 + *pin as u8, LOCAL, PLAIN, &[]),
            Self::Deassert(pin) => (0x24 + *pin as u8, LOCAL, PLAIN, &[]),
            Self::Power(PowerMessage::ActiveStateNak) => (0x14, LOCAL, PLAIN, &[]),
            Self::Power(PowerMessage::Pme) => (0x18, TO_ROOT, PLAIN, &[]),
            Self::Power(PowerMessage::TurnOff) => (0x19, BROADCAST, PLAIN, &[]),
            Self::Power(PowerMessage::TurnOffAck) => (0x1b, GATHERED, PLAIN, &[]),
            Self::Error(severity) => (severity.code(), TO_ROOT, PLAIN, &[]),
            Self::Unlock => (0x00, BROADCAST, PLAIN, &[]),
            Self::SetSlotPowerLimit(data) => (0x50, LOCAL, PLAIN, data),
            Self::Vendor { kind, routing, destination, vendor, detail, data } => {
                let ids = u32::from(destination.bits()) << 16 | u32::from(*vendor);
                (0x7e + *kind as u8, *routing, [ids, *detail], data)
            }
            Self::Other { code, routing, detail, data } => (*code, *routing, *detail, data),
        }
    }
}
