//! What software has set in the card's config space, as seen in the config writes that passed: what the card must obey. Assumes the looser of
//! old and new while a write is under way.

use silico_spec::config::capabilities::pcie::{self, device_2, device_control};
use silico_spec::config::header::{self, command};
use silico_spec::tlp::Limits;
use silico_spec::units::Bdf;

/// Ordering attributes that the function may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) relaxed: bool,
    pub(crate) no_snoop: bool,
    pub(crate) id_based_requests: bool,
    pub(crate) id_based_completions: bool,
}

impl Allowed {
    /// PCIe 4.0 §7.5.3.4: relaxed ordering and no snoop are enabled by default.
    const AFTER_RESET: Self = Self { relaxed: true, no_snoop: true, id_based_requests: false, id_based_completions: false };

    const fn or(self, other: Self) -> Self {
        Self {
            relaxed: self.relaxed || other.relaxed,
            no_snoop: self.no_snoop || other.no_snoop,
            id_based_requests: self.id_based_requests || other.id_based_requests,
            id_based_completions: self.id_based_completions || other.id_based_completions,
        }
    }
}

/// Settings that checkers need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shadow {
    /// The ID that the last config write carried.
    pub(crate) assigned: Option<Bdf>,
    /// Some config write was answered, so the card knows its ID.
    pub(crate) id_known: bool,
    pub(crate) bus_master: bool,
    pub(crate) limits: Limits,
    pub(crate) allowed: Allowed,
    /// Offset of the PCI Express capability, once found.
    pub(crate) pcie: Option<u16>,
    /// The card generates digests: TD must be set. `limits` say whether it may.
    pub(crate) digests: bool,
}

impl Shadow {
    /// As after reset. `ecrc`: the card may send digests, also before it is told to, since the enable survives a hot reset.
    pub(crate) const fn new(ecrc: bool) -> Self {
        let limits = Limits { digest: ecrc, ..AFTER_RESET };
        Self { assigned: None, id_known: false, bus_master: false, limits, allowed: Allowed::AFTER_RESET, pcie: None, digests: false }
    }

    /// A config write leaves the root port. `value`: the dword; bytes that are not enabled do not count.
    pub(crate) fn sending(&mut self, destination: Bdf, offset: u16, first_be: u8, value: u32) {
        self.assigned = Some(destination);
        let (bus_master, limits) = self.after(offset, first_be, value);
        self.allowed = self.allowed.or(self.allowed_after(offset, first_be, value));
        self.bus_master |= bus_master;
        self.limits.max_payload = self.limits.max_payload.max(limits.max_payload);
        self.limits.max_read_request = self.limits.max_read_request.max(limits.max_read_request);
        self.limits.tag_bits = self.limits.tag_bits.max(limits.tag_bits);
    }

    /// It was answered with success.
    pub(crate) fn done(&mut self, offset: u16, first_be: u8, value: u32) {
        self.id_known = true;
        self.allowed = self.allowed_after(offset, first_be, value);
        (self.bus_master, self.limits) = self.after(offset, first_be, value);
    }

    fn allowed_after(&self, offset: u16, first_be: u8, value: u32) -> Allowed {
        let mut allowed = self.allowed;
        let Some(capability) = self.pcie else { return allowed };
        if offset == capability + pcie::DEVICE_CONTROL {
            if first_be & 2 != 0 && value & device_control::INITIATE_FLR != 0 {
                return Allowed::AFTER_RESET;
            }
            if first_be & 1 != 0 {
                allowed.relaxed = value & device_control::RELAXED != 0;
            }
            if first_be & 2 != 0 {
                allowed.no_snoop = value & device_control::NO_SNOOP != 0;
            }
        }
        if offset == capability + pcie::DEVICE_CONTROL_2 && first_be & 2 != 0 {
            allowed.id_based_requests = value & device_2::ID_BASED_REQUESTS != 0;
            allowed.id_based_completions = value & device_2::ID_BASED_COMPLETIONS != 0;
        }
        allowed
    }

    fn after(&self, offset: u16, first_be: u8, value: u32) -> (bool, Limits) {
        let (mut bus_master, mut limits) = (self.bus_master, self.limits);
        if offset == header::COMMAND_STATUS && first_be & 1 != 0 {
            bus_master = value & command::BUS_MASTER != 0;
        }
        let Some(capability) = self.pcie else { return (bus_master, limits) };
        if offset != capability + pcie::DEVICE_CONTROL || first_be & 3 != 3 {
            return (bus_master, limits);
        }
        if value & device_control::INITIATE_FLR != 0 {
            // PCIe 4.0 §6.6.2: all but MPS and the sticky bits go to their defaults.
            return (false, Limits { max_payload: limits.max_payload, digest: limits.digest, ..AFTER_RESET });
        }
        let size = |mask: u32, shift: u32| pcie::decode_size((value & mask) >> shift).unwrap_or(4096);
        limits.max_payload = size(device_control::MAX_PAYLOAD, device_control::MAX_PAYLOAD_SHIFT);
        limits.max_read_request = size(device_control::MAX_READ, device_control::MAX_READ_SHIFT);
        limits.tag_bits = if value & device_control::EXTENDED_TAG != 0 { 8 } else { 5 };
        (bus_master, limits)
    }
}

/// The default of Extended Tag Field Enable is the implementation's choice (PCIe 4.0 §7.5.3.4): one is assumed. RCB: that of an endpoint.
const AFTER_RESET: Limits = Limits { rcb: 128, ..Limits::DEFAULT };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_widen_when_sent_and_narrow_when_done() {
        let mut shadow = Shadow { pcie: Some(0x70), ..Shadow::new(false) };
        let card = Bdf::from_bits(0x100);
        shadow.sending(card, 4, 0b0011, command::BUS_MASTER);
        assert!(shadow.bus_master && shadow.assigned == Some(card) && !shadow.id_known);
        shadow.done(4, 0b0011, command::BUS_MASTER);
        shadow.sending(card, 4, 0b0011, 0);
        assert!(shadow.bus_master, "requests may be under way");
        shadow.done(4, 0b0011, 0);
        assert!(!shadow.bus_master);
        let control = 1 << 5 | device_control::EXTENDED_TAG | 5 << 12;
        shadow.sending(card, 0x78, 0b0011, control);
        assert_eq!((shadow.limits.max_payload, shadow.limits.max_read_request), (256, 4096));
        shadow.done(0x78, 0b0011, 0);
        assert_eq!((shadow.limits.max_payload, shadow.limits.max_read_request, shadow.limits.tag_bits), (128, 128, 5));
        shadow.done(0x78, 0b0011, control);
        assert!(!shadow.allowed.relaxed && !shadow.allowed.no_snoop);
        shadow.sending(card, 0x78, 0b0001, device_control::RELAXED);
        assert!(shadow.allowed.relaxed && !shadow.allowed.no_snoop, "it may be in force");
        shadow.done(0x98, 0b0011, device_2::ID_BASED_REQUESTS);
        assert!(shadow.allowed.id_based_requests && !shadow.allowed.id_based_completions);
        shadow.bus_master = true;
        shadow.done(0x78, 0b0011, device_control::INITIATE_FLR);
        assert_eq!(shadow.allowed, Allowed::AFTER_RESET);
        assert_eq!((shadow.bus_master, shadow.limits.max_payload, shadow.limits.max_read_request), (false, 256, 512));
    }
}
