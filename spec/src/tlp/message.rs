//! What each message code means: its name, how it may be routed, whether it has data (PCIe 4.0 §2.2.8, tables 2-18 to 2-27).
//! Knows nothing of a whole header.

/// Routing codes (r\[2:0\]), PCIe 4.0 table 2-17.
pub mod routing {
    /// To the root complex.
    pub const TO_ROOT: u8 = 0;
    /// By address.
    pub const BY_ADDRESS: u8 = 1;
    /// By ID.
    pub const BY_ID: u8 = 2;
    /// Broadcast from the root complex.
    pub const BROADCAST: u8 = 3;
    /// Local: ends at the receiver.
    pub const LOCAL: u8 = 4;
    /// Gathered and routed to the root complex.
    pub const GATHERED: u8 = 5;

    /// A word for a routing code.
    #[must_use]
    pub const fn name(routing: u8) -> &'static str {
        match routing {
            TO_ROOT => "to-root",
            BY_ADDRESS => "by-address",
            BY_ID => "by-id",
            BROADCAST => "broadcast",
            LOCAL => "local",
            GATHERED => "gathered",
            _ => "reserved-routing",
        }
    }
}

/// Whether a message has payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePayload {
    /// Msg only.
    Never,
    /// MsgD of this many dwords only.
    Always(u16),
    /// Msg, or MsgD of this many dwords.
    Maybe(u16),
    /// Msg or MsgD of any length.
    Any,
}

/// What the specification says of one message code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageForm {
    /// As the specification calls it.
    pub name: &'static str,
    /// Bit `r`: routing `r` is right.
    pub routings: u8,
    /// Whether it has payload.
    pub payload: MessagePayload,
    /// TC must be 0, and so must be relaxed ordering and no snoop.
    pub plain: bool,
}

/// A set of routings with one in it.
const fn only(routing: u8) -> u8 {
    1 << routing
}

impl MessageForm {
    /// Of a code; `None` if PCIe 4.0 defines no such message.
    #[must_use]
    pub const fn of(code: u8) -> Option<Self> {
        use MessagePayload::{Always, Any, Maybe, Never};
        use routing::{BROADCAST, BY_ID, GATHERED, LOCAL, TO_ROOT};
        let (name, routing, payload) = match code {
            0x00 => ("Unlock", BROADCAST, Never),
            0x01 => ("Invalidate_Request", BY_ID, Always(2)),
            0x02 => ("Invalidate_Completion", BY_ID, Never),
            0x04 => ("Page_Request", TO_ROOT, Never),
            0x05 => ("PRG_Response", BY_ID, Never),
            0x10 => ("LTR", LOCAL, Never),
            0x12 => ("OBFF", LOCAL, Never),
            0x14 => ("PM_Active_State_Nak", LOCAL, Never),
            0x18 => ("PM_PME", TO_ROOT, Never),
            0x19 => ("PME_Turn_Off", BROADCAST, Never),
            0x1b => ("PME_TO_Ack", GATHERED, Never),
            0x20 => ("Assert_INTA", LOCAL, Never),
            0x21 => ("Assert_INTB", LOCAL, Never),
            0x22 => ("Assert_INTC", LOCAL, Never),
            0x23 => ("Assert_INTD", LOCAL, Never),
            0x24 => ("Deassert_INTA", LOCAL, Never),
            0x25 => ("Deassert_INTB", LOCAL, Never),
            0x26 => ("Deassert_INTC", LOCAL, Never),
            0x27 => ("Deassert_INTD", LOCAL, Never),
            0x30 => ("ERR_COR", TO_ROOT, Never),
            0x31 => ("ERR_NONFATAL", TO_ROOT, Never),
            0x33 => ("ERR_FATAL", TO_ROOT, Never),
            0x40 | 0x41 | 0x43 | 0x44 | 0x45 | 0x47 | 0x48 => ("Ignored_Message", LOCAL, Never),
            0x50 => ("Set_Slot_Power_Limit", LOCAL, Always(1)),
            0x52 => ("PTM_Request", LOCAL, Never),
            0x53 => ("PTM_Response", LOCAL, Maybe(1)),
            0x7e => ("Vendor_Defined_Type_0", LOCAL, Any),
            0x7f => ("Vendor_Defined_Type_1", LOCAL, Any),
            _ => return None,
        };
        let vendor = matches!(payload, Any);
        let routings = if vendor { only(TO_ROOT) | only(BY_ID) | only(BROADCAST) | only(LOCAL) } else { only(routing) };
        // Messages of ATS and of vendors may use any class; of the ignored ones nothing is said.
        let plain = !(vendor || matches!(code, 0x01..=0x05 | 0x40..=0x48));
        Some(Self { name, routings, payload, plain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_are_local_plain_and_without_data() {
        for code in 0x20..=0x27 {
            let form = MessageForm::of(code).unwrap();
            assert_eq!((form.routings, form.payload, form.plain), (1 << routing::LOCAL, MessagePayload::Never, true), "{}", form.name);
        }
        assert_eq!(MessageForm::of(0x25).unwrap().name, "Deassert_INTB");
    }

    #[test]
    fn codes_that_are_not_defined_have_no_form() {
        assert_eq!((0..=255).filter(|&code| MessageForm::of(code).is_some()).count(), 34);
        assert_eq!(MessageForm::of(0x32), None);
    }
}
