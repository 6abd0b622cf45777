//! What the rest of the card asks of its config space on every clock, decoded once per config write.

use super::layout::{self, AER, MSI, MSI_VECTORS_LOG2, MSIX, PCIE, PM};
use super::table::Table;
use silico_spec::config::capabilities::{aer, msi, msix, pcie, pm, pm::PowerState};
use silico_spec::config::header::{self, bar_bits, command};

/// Decoded copies. Two of them compared say what a write changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) power: PowerState,
    /// Memory space enable, in D0.
    pub(super) memory: bool,
    /// Bus master enable, in D0.
    pub(super) bus_master: bool,
    pub(super) intx_disabled: bool,
    pub(super) bars: [u64; 2],
    pub(super) max_payload: u32,
    pub(super) max_read: u32,
    pub(super) relaxed: bool,
    pub(super) no_snoop: bool,
    pub(super) extended_tags: bool,
    pub(super) rcb: u32,
    pub(super) ecrc_generation: bool,
    pub(super) ecrc_check: bool,
    /// Microseconds.
    pub(super) completion_timeout: Option<u64>,
    pub(super) msi: super::Msi,
    pub(super) msix_enabled: bool,
    pub(super) msix_mask: bool,
}

/// The completion timeout that the card takes within the range of each value, in microseconds: the upper end, but 20 ms in the default range,
/// where less than 10 ms is discouraged (PCIe 4.0 table 7-24). A reserved value counts as the default.
fn completion_timeout(control_2: u32) -> Option<u64> {
    if control_2 & pcie::device_2::TIMEOUT_DISABLE != 0 {
        return None;
    }
    match control_2 & pcie::device_2::TIMEOUT_VALUE {
        0 => Some(20_000),
        value => Some(pcie::completion_timeout_us(value).map_or(20_000, |(_, most)| most)),
    }
}

impl Decoded {
    pub(super) fn of(table: &Table) -> Self {
        use pcie::device_control as control;
        let command = table.get(header::COMMAND_STATUS);
        let device = table.get(PCIE + pcie::DEVICE_CONTROL);
        let link = table.get(PCIE + pcie::LINK_CONTROL);
        let msix = table.get(MSIX);
        let power = PowerState::from_bits(table.get(PM + pm::CONTROL));
        let on = power == PowerState::D0;
        let bar = |n| u64::from(table.get(header::bar(n)) & !bar_bits::FLAGS) | u64::from(table.get(header::bar(n + 1))) << 32;
        let payload = pcie::decode_size((device & control::MAX_PAYLOAD) >> control::MAX_PAYLOAD_SHIFT);
        let read = pcie::decode_size((device & control::MAX_READ) >> control::MAX_READ_SHIFT);
        Self {
            power,
            memory: on && command & command::MEMORY != 0,
            bus_master: on && command & command::BUS_MASTER != 0,
            intx_disabled: command & command::INTX_DISABLE != 0,
            bars: [bar(0), bar(2)],
            // More than the card supports, or a reserved code: the card sends no more than it can.
            max_payload: payload.unwrap_or(layout::MAX_PAYLOAD).min(layout::MAX_PAYLOAD),
            max_read: read.unwrap_or(4096),
            relaxed: device & control::RELAXED != 0,
            no_snoop: device & control::NO_SNOOP != 0,
            extended_tags: device & control::EXTENDED_TAG != 0,
            rcb: if link & pcie::link::RCB_128 != 0 { 128 } else { 64 },
            ecrc_generation: table.get(AER + aer::CONTROL) & aer::ECRC_GENERATION != 0,
            ecrc_check: table.get(AER + aer::CONTROL) & aer::ECRC_CHECK != 0,
            completion_timeout: completion_timeout(table.get(PCIE + pcie::DEVICE_CONTROL_2)),
            msi: decode_msi(table),
            msix_enabled: msix & msix::ENABLE != 0,
            msix_mask: msix & msix::FUNCTION_MASK != 0,
        }
    }
}

fn decode_msi(table: &Table) -> super::Msi {
    let control = table.get(MSI);
    let low = u64::from(table.get(MSI + msi::ADDRESS_LOW));
    let high = u64::from(table.get(MSI + msi::ADDRESS_HIGH));
    super::Msi {
        enabled: control & msi::ENABLE != 0,
        // Software must not give more than was asked for; if it does, it gets what was asked for.
        vectors: 1 << ((control & msi::ENABLED) >> msi::ENABLED_SHIFT).min(MSI_VECTORS_LOG2),
        address: silico_spec::units::BusAddr(high << 32 | low),
        data: table.get(MSI + msi::DATA) as u16,
        mask: table.get(MSI + msi::MASK) as u8,
    }
}
