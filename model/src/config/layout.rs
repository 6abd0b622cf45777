//! What the reference card has in its config space, and where: the one place that gives each register its offset, reset value and access types.

use super::table::{Access, Table};
use silico_spec::config::capabilities::{
    aer, extended_header, extended_id, msi, msix, pcie, pm, secondary, serial, standard_header, standard_id, vendor,
};
use silico_spec::config::header::{self, bar_bits, command, status};
use silico_spec::params::{BAR0_BYTES, BAR2_BYTES, CardParams, PBA_OFFSET, ParamError};
use silico_spec::registers::{MAP_MAJOR, MAP_MINOR};

/// Offset of the power management capability.
pub(super) const PM: u16 = 0x40;
/// Offset of MSI.
pub(super) const MSI: u16 = 0x50;
/// Offset of MSI-X.
pub(super) const MSIX: u16 = 0x70;
/// Offset of the PCI Express capability.
pub(super) const PCIE: u16 = 0x80;
/// Offset of advanced error reporting.
pub(super) const AER: u16 = 0x100;
/// Offset of the device serial number.
pub(super) const SERIAL: u16 = 0x140;
/// Offset of secondary PCI Express (with 8 GT/s only).
pub(super) const SECONDARY: u16 = 0x150;
/// Offset of the VSEC.
pub(super) const VENDOR: u16 = 0x180;

/// log2 of the MSI vectors that the card asks for: 8.
pub(super) const MSI_VECTORS_LOG2: u32 = 3;
/// Largest MPS that the card supports, in bytes.
pub(super) const MAX_PAYLOAD: u32 = 1024;
/// Class code 11-80-00: signal processing controller, other.
const CLASS: u32 = 0x11_80_00;
/// The revision ID is the map version in two nibbles.
const REVISION: u32 = (MAP_MAJOR as u32) << 4 | MAP_MINOR as u32;
const _: () = assert!(MAP_MAJOR < 16 && MAP_MINOR < 16, "the map version no longer fits the revision ID");
const _: () = assert!(256 * msix::ENTRY_BYTES <= PBA_OFFSET, "table and PBA overlap");

/// The link that a card is built for; the current link starts at this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkParams {
    /// Highest speed: at most 8 GT/s, since 16 GT/s needs capabilities (lane margining among them) that this card has not.
    pub speed: pcie::LinkSpeed,
    /// Most lanes: 1, 2, 4, 8, 12 or 16.
    pub width: u8,
}

impl Default for LinkParams {
    /// 8 GT/s by 8 lanes: what a port of 256 bits at 250 MHz is made for.
    fn default() -> Self {
        Self { speed: pcie::LinkSpeed::Gt8, width: 8 }
    }
}

impl LinkParams {
    /// Checks both fields.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), ParamError> {
        if self.speed > pcie::LinkSpeed::Gt8 {
            return Err(ParamError { field: "link.speed", value: self.speed.bits().into(), rule: "generation 1 to 3 (2.5, 5 or 8 GT/s)" });
        }
        if !matches!(self.width, 1 | 2 | 4 | 8 | 12 | 16) {
            return Err(ParamError { field: "link.width", value: self.width.into(), rule: "1, 2, 4, 8, 12 or 16" });
        }
        Ok(())
    }

    /// Speed and width as link capabilities and status hold them.
    pub(super) const fn bits(self) -> u32 {
        self.speed.bits() | (self.width as u32) << pcie::link::WIDTH_SHIFT
    }
}

/// Lays the whole space out.
pub(super) fn build(params: &CardParams, link: LinkParams) -> Table {
    let mut table = Table::new();
    type_0_header(&mut table, params);
    power_management(&mut table);
    interrupts(&mut table, params);
    express_device(&mut table);
    express_link(&mut table, link);
    error_reporting(&mut table);
    identity(&mut table, params, link);
    table
}

/// Plain storage.
const fn storage(write: u32) -> Access {
    Access { reset: 0, write, clear: 0, sticky: 0, flr: 0 }
}

fn type_0_header(table: &mut Table, params: &CardParams) {
    let id = u32::from(params.vendor) | u32::from(params.device) << 16;
    table.constant(header::ID, id);
    table.constant(header::CLASS_REVISION, CLASS << 8 | REVISION);
    table.constant(header::SUBSYSTEM, id);
    table.constant(header::CAPABILITIES, PM.into());
    let write = command::MEMORY | command::BUS_MASTER | command::PARITY_RESPONSE | command::SERR | command::INTX_DISABLE;
    table
        .define(header::COMMAND_STATUS, Access { reset: status::CAPABILITIES, write, clear: status::CLEARED_BY_ONES, ..Access::default() });
    // The cache line size is writable for the sake of old software and means nothing (§7.5.1.1.7).
    table.define(header::CACHE_LINE, storage(0xff));
    for (n, bytes) in [(0, BAR0_BYTES), (2, BAR2_BYTES)] {
        let write = !(bytes as u32 - 1);
        table.define(header::bar(n), Access { reset: bar_bits::MEMORY_64, write, ..Access::default() });
        table.define(header::bar(n + 1), storage(u32::MAX));
    }
    // INTA; the line is a note that software keeps here.
    table.define(header::INTERRUPT, Access { reset: 1 << 8, write: 0xff, ..Access::default() });
}

fn power_management(table: &mut Table) {
    // D0 and D3hot only, no PME from anywhere.
    table.constant(PM, standard_header(standard_id::PM, MSI as u8, pm::VERSION));
    table.define(PM + pm::CONTROL, Access { reset: pm::NO_SOFT_RESET, write: pm::POWER_STATE, ..Access::default() });
}

fn interrupts(table: &mut Table, params: &CardParams) {
    let control = msi::ADDRESS_64 | msi::MASKABLE | MSI_VECTORS_LOG2 << msi::CAPABLE_SHIFT;
    let reset = standard_header(standard_id::MSI, MSIX as u8, 0) | control;
    table.define(MSI, Access { reset, write: msi::ENABLE | msi::ENABLED, ..Access::default() });
    table.define(MSI + msi::ADDRESS_LOW, storage(!3));
    table.define(MSI + msi::ADDRESS_HIGH, storage(u32::MAX));
    table.define(MSI + msi::DATA, storage(0xffff));
    table.define(MSI + msi::MASK, storage((1 << (1 << MSI_VECTORS_LOG2)) - 1));

    let size = u32::from(params.msix_vectors.saturating_sub(1));
    let reset = standard_header(standard_id::MSIX, PCIE as u8, 0) | size << msix::SIZE_SHIFT;
    table.define(MSIX, Access { reset, write: msix::ENABLE | msix::FUNCTION_MASK, ..Access::default() });
    table.constant(MSIX + msix::TABLE, 2);
    table.constant(MSIX + msix::PBA, PBA_OFFSET | 2);
}

fn express_device(table: &mut Table) {
    use pcie::{device_2, device_capabilities as cap, device_control as control};
    table.constant(PCIE, standard_header(standard_id::PCIE, 0, pcie::VERSION_2 | pcie::TYPE_ENDPOINT));
    let payload = MAX_PAYLOAD.trailing_zeros() - 7;
    let reset = payload | cap::EXTENDED_TAG | cap::ROLE_BASED_ERRORS | cap::FLR;
    table.define(PCIE + pcie::DEVICE_CAPABILITIES, Access { reset, flr: cap::SLOT_POWER, ..Access::default() });

    let enables = control::CORRECTABLE | control::NON_FATAL | control::FATAL | control::UNSUPPORTED;
    let uses = control::RELAXED | control::EXTENDED_TAG | control::NO_SNOOP | control::MAX_PAYLOAD | control::MAX_READ;
    let detected = control::CORRECTABLE_DETECTED | control::NON_FATAL_DETECTED | control::FATAL_DETECTED | control::UNSUPPORTED_DETECTED;
    // Reset values of table 7-15: relaxed ordering and no snoop allowed, MPS 128, MRRS 512.
    let reset = control::RELAXED | control::NO_SNOOP | 2 << control::MAX_READ_SHIFT;
    table.define(
        PCIE + pcie::DEVICE_CONTROL,
        Access { reset, write: enables | uses, clear: detected, flr: control::MAX_PAYLOAD, ..Access::default() },
    );
    table.constant(PCIE + pcie::DEVICE_CAPABILITIES_2, device_2::TIMEOUT_RANGES | device_2::TIMEOUT_DISABLE_SUPPORTED);
    table.define(PCIE + pcie::DEVICE_CONTROL_2, storage(device_2::TIMEOUT_VALUE | device_2::TIMEOUT_DISABLE));
}

fn express_link(table: &mut Table, link: LinkParams) {
    use pcie::link as bits;
    table.constant(PCIE + pcie::LINK_CAPABILITIES, link.bits() | bits::ASPM_OPTIONALITY);
    let control = bits::ASPM_CONTROL | bits::RCB_128 | bits::COMMON_CLOCK | bits::EXTENDED_SYNCH;
    // The status, speed and width, is for [`ConfigSpace::set_link`](super::ConfigSpace::set_link) to say.
    table.define(PCIE + pcie::LINK_CONTROL, Access { reset: bits::SLOT_CLOCK, write: control, flr: u32::MAX, ..Access::default() });
    table.constant(PCIE + pcie::LINK_CAPABILITIES_2, link.speed.vector());
    let control_2 = bits::TARGET_SPEED | bits::COMPLIANCE;
    table
        .define(PCIE + pcie::LINK_CONTROL_2, Access { reset: link.speed.bits(), write: control_2, sticky: control_2, ..Access::default() });
}

fn error_reporting(table: &mut Table) {
    use aer::{correctable as c, uncorrectable as u};
    table.constant(AER, extended_header(extended_id::AER, aer::VERSION, SERIAL));
    let link_layer = u::DATA_LINK_PROTOCOL | u::FLOW_CONTROL | u::RECEIVER_OVERFLOW | u::MALFORMED | u::INTERNAL;
    let transaction = u::POISONED | u::ECRC | u::COMPLETION_TIMEOUT | u::COMPLETER_ABORT | u::UNEXPECTED_COMPLETION | u::UNSUPPORTED;
    let (all, correctable) =
        (link_layer | transaction, c::RECEIVER | c::BAD_TLP | c::BAD_DLLP | c::REPLAY_ROLLOVER | c::REPLAY_TIMEOUT | c::ADVISORY);
    let sticky = |reset, write| Access { reset, write, clear: 0, sticky: write, flr: 0 };
    let status = |clear| Access { reset: 0, write: 0, clear, sticky: clear, flr: 0 };
    table.define(AER + aer::UNCORRECTABLE_STATUS, status(all));
    table.define(AER + aer::UNCORRECTABLE_MASK, sticky(u::INTERNAL, all));
    table.define(AER + aer::UNCORRECTABLE_SEVERITY, sticky(link_layer, all));
    table.define(AER + aer::CORRECTABLE_STATUS, status(correctable));
    table.define(AER + aer::CORRECTABLE_MASK, sticky(c::ADVISORY, correctable));
    let capable = aer::ECRC_GENERATION_CAPABLE | aer::ECRC_CHECK_CAPABLE | aer::TIMEOUT_LOG_CAPABLE;
    let enables = aer::ECRC_GENERATION | aer::ECRC_CHECK;
    table.define(AER + aer::CONTROL, Access { reset: capable, write: enables, clear: 0, sticky: aer::FIRST_ERROR | enables, flr: 0 });
    for dword in 0..4 {
        table.define(AER + aer::HEADER_LOG + 4 * dword, Access { sticky: u32::MAX, ..Access::default() });
    }
}

fn identity(table: &mut Table, params: &CardParams, link: LinkParams) {
    let has_secondary = link.speed >= pcie::LinkSpeed::Gt8;
    let after_serial = if has_secondary { SECONDARY } else { VENDOR };
    table.constant(SERIAL, extended_header(extended_id::SERIAL, serial::VERSION, after_serial));
    table.constant(SERIAL + serial::LOW, params.serial as u32);
    table.constant(SERIAL + serial::HIGH, (params.serial >> 32) as u32);
    if has_secondary {
        table.constant(SECONDARY, extended_header(extended_id::SECONDARY, secondary::VERSION, VENDOR));
        let lanes = (1 << link.width) - 1;
        table.define(SECONDARY + secondary::LANE_ERRORS, Access { clear: lanes, sticky: lanes, ..Access::default() });
        for lane in (0..u16::from(link.width)).step_by(2) {
            let both = u32::from(secondary::LANE_DEFAULT) | u32::from(secondary::LANE_DEFAULT) << 16;
            let mask = if lane + 1 < u16::from(link.width) { u32::MAX } else { 0xffff };
            table.constant(SECONDARY + secondary::LANES + 2 * lane, both & mask);
        }
    }
    table.constant(VENDOR, extended_header(extended_id::VENDOR, vendor::VERSION, 0));
    table.constant(VENDOR + vendor::HEADER, vendor::header(vendor::ID, vendor::REVISION, vendor::BYTES));
    table.constant(VENDOR + vendor::MAP_VERSION, u32::from(MAP_MAJOR) << 16 | u32::from(MAP_MINOR));
    table.constant(VENDOR + vendor::BUILD, params.build);
}
