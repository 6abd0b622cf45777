//! The card's configuration space: a state machine that answers config reads and writes, logs errors, and tells the rest of the card what software
//! has allowed it. No TLPs here: whoever receives a config request calls [`ConfigSpace::read`] or [`ConfigSpace::write`].
//!
//! Power management: D3hot keeps everything (No_Soft_Reset is set), but the card then neither answers memory requests nor sends any.
//! D1 and D2 are not there; a write of them changes nothing (PCIe 4.0 §7.5.2.2).

mod decoded;
mod errors;
mod layout;
mod msi;
mod table;

pub use errors::ErrorKind;
pub use layout::LinkParams;
pub use msi::Msi;
pub use table::ResetKind;

use decoded::Decoded;
use layout::{AER, PCIE, PM};
use silico_spec::config::capabilities::pcie::{LinkSpeed, device_capabilities, device_control, link};
use silico_spec::config::capabilities::pm::PowerState;
use silico_spec::config::capabilities::{aer, pcie, pm};
use silico_spec::config::header::{self, status};
use silico_spec::params::{BAR0_BYTES, BAR2_BYTES, CardParams, ParamError};
use silico_spec::units::{Bdf, BusAddr};
use table::Table;

/// Where Device Control lies, in bytes.
pub(crate) const DEVICE_CONTROL: u16 = PCIE + pcie::DEVICE_CONTROL;

/// What a config write changed that the rest of the card must act on. All but `flr` mean: changed, look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Software wants a function-level reset: stop, then call [`ConfigSpace::reset`].
    pub flr: bool,
    /// [`ConfigSpace::memory_enabled`] or a BAR.
    pub memory: bool,
    /// [`ConfigSpace::bus_master`].
    pub bus_master: bool,
    /// [`ConfigSpace::intx_disabled`].
    pub intx: bool,
    /// [`ConfigSpace::power_state`].
    pub power: bool,
    /// [`ConfigSpace::msi`]; [`ConfigSpace::any_msi_ready`] may have changed.
    pub msi: bool,
    /// [`ConfigSpace::msix_enabled`] or [`ConfigSpace::msix_function_mask`].
    pub msix: bool,
    /// MPS, MRRS, RCB, tags, attributes or completion timeout.
    pub transfers: bool,
}

impl Effects {
    fn between(before: &Decoded, after: &Decoded, flr: bool) -> Self {
        let transfers = |d: &Decoded| (d.max_payload, d.max_read, d.relaxed, d.no_snoop, d.extended_tags, d.rcb, d.completion_timeout);
        Self {
            flr,
            memory: (before.memory, before.bars) != (after.memory, after.bars),
            bus_master: before.bus_master != after.bus_master,
            intx: before.intx_disabled != after.intx_disabled,
            power: before.power != after.power,
            msi: before.msi != after.msi,
            msix: (before.msix_enabled, before.msix_mask) != (after.msix_enabled, after.msix_mask),
            transfers: transfers(before) != transfers(after),
        }
    }
}

/// The registers that do more than hold bits when they are written.
const POWER: u16 = PM + pm::CONTROL;
const DEVICE: u16 = PCIE + pcie::DEVICE_CONTROL;
const UNCORRECTABLE: u16 = AER + aer::UNCORRECTABLE_STATUS;

/// The config space of the card.
#[derive(Clone)]
pub struct ConfigSpace {
    table: Table,
    decoded: Decoded,
    most: LinkParams,
    link: (LinkSpeed, u8),
    bdf: Option<Bdf>,
    /// Bit of the uncorrectable error that holds pointer and header log; 0: none.
    first_error: u32,
    /// MSI vectors that are pending and may be sent.
    msi_ready: u8,
}

impl core::fmt::Debug for ConfigSpace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ConfigSpace").field("bdf", &self.bdf).field("decoded", &self.decoded).finish_non_exhaustive()
    }
}

impl ConfigSpace {
    /// As after power-on, for parameters that [`CardParams::validate`] has passed and the link of [`LinkParams::default`].
    #[must_use]
    pub fn new(params: &CardParams) -> Self {
        Self::build(params, LinkParams::default())
    }

    /// As after power-on, with the link at its best.
    ///
    /// # Errors
    /// If a parameter of card or link is out of range.
    pub fn with_link(params: &CardParams, link: LinkParams) -> Result<Self, ParamError> {
        params.validate()?;
        link.validate()?;
        Ok(Self::build(params, link))
    }

    fn build(params: &CardParams, link: LinkParams) -> Self {
        let table = layout::build(params, link);
        let decoded = Decoded::of(&table);
        let mut config = Self { table, decoded, most: link, link: (link.speed, link.width), bdf: None, first_error: 0, msi_ready: 0 };
        config.set_link(link.speed, link.width);
        config
    }

    /// The dword that holds byte `offset`; zero beyond 4095.
    #[must_use]
    pub fn read(&self, offset: u16) -> u32 {
        self.table.get(offset)
    }

    /// Writes the bytes of `value` that `byte_enables` (bit 0: the lowest) name to the dword that holds byte `offset`.
    pub fn write(&mut self, offset: u16, value: u32, byte_enables: u8) -> Effects {
        let before = self.decoded;
        let power = self.table.get(POWER);
        let cleared = self.table.write(offset, value, byte_enables);
        let mut flr = false;
        match offset & !3 {
            POWER => {
                let wanted = PowerState::from_bits(self.table.get(POWER));
                if matches!(wanted, PowerState::D1 | PowerState::D2) {
                    self.table.set(POWER, pm::POWER_STATE, power);
                }
            }
            DEVICE => flr = value & device_control::INITIATE_FLR != 0 && byte_enables & 2 != 0,
            UNCORRECTABLE => self.first_error &= !cleared,
            _ => {}
        }
        self.decode();
        Effects::between(&before, &self.decoded, flr)
    }

    /// Resets; what survives is in [`ResetKind`]. The status of the link stays as [`ConfigSpace::set_link`] said last.
    pub fn reset(&mut self, kind: ResetKind) {
        self.table.reset(kind);
        if kind != ResetKind::FunctionLevel {
            self.bdf = None;
        }
        if kind == ResetKind::Fundamental {
            self.first_error = 0;
        }
        self.set_link(self.link.0, self.link.1);
        self.decode();
    }

    fn decode(&mut self) {
        self.decoded = Decoded::of(&self.table);
        self.update_msi_ready();
    }

    /// A type 0 config write to `destination` was completed: its bus and device number are the card's from now on (PCIe 4.0 §2.2.6.2).
    pub fn capture(&mut self, destination: Bdf) {
        self.bdf = Some(Bdf::from_bits(destination.bits() & !7));
    }

    /// Requester and completer ID: all zero until captured.
    #[inline]
    #[must_use]
    pub fn bdf(&self) -> Bdf {
        self.bdf.unwrap_or_default()
    }

    /// The link trained to `speed` and `width`, taken as no more than the card can.
    pub fn set_link(&mut self, speed: LinkSpeed, width: u8) {
        self.link = (speed.min(self.most.speed), width.min(self.most.width));
        let now = LinkParams { speed: self.link.0, width: self.link.1 }.bits();
        self.table.set(PCIE + pcie::LINK_CONTROL, 0x3ff << link::STATUS_SHIFT, now << link::STATUS_SHIFT);
        let equalized = if self.link.0 >= LinkSpeed::Gt8 { link::EQUALIZED } else { 0 };
        self.table.set(PCIE + pcie::LINK_CONTROL_2, link::EQUALIZED, equalized);
    }

    /// A Set_Slot_Power_Limit message came: the first dword of its payload, as a little-endian number (PCIe 4.0 §2.2.8.5).
    pub fn set_slot_power(&mut self, payload: u32) {
        let bits = payload << device_capabilities::SLOT_POWER_SHIFT;
        self.table.set(PCIE + pcie::DEVICE_CAPABILITIES, device_capabilities::SLOT_POWER, bits);
    }

    /// Device status, Transactions Pending: whether non-posted requests are outstanding.
    #[inline]
    pub fn set_transactions_pending(&mut self, pending: bool) {
        let bits = if pending { device_control::TRANSACTIONS_PENDING } else { 0 };
        self.table.set(DEVICE, device_control::TRANSACTIONS_PENDING, bits);
    }

    /// Status, Interrupt Status: whether an INTx interrupt is pending inside the card, disabled or not.
    #[inline]
    pub fn set_interrupt_status(&mut self, pending: bool) {
        self.table.set(header::COMMAND_STATUS, status::INTERRUPT, if pending { status::INTERRUPT } else { 0 });
    }

    /// The whole space as 4096 bytes, for [`silico_spec::config::text::Dump`].
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.table.bytes()
    }
}

/// What software has allowed, decoded: cheap enough for every clock.
impl ConfigSpace {
    /// Which BAR (0: registers, 2: MSI-X) a memory request to `address` hits, and at which offset; `None` if none, or memory space is off, or
    /// the card not in D0.
    /// Whether the request ends inside the BAR is for the caller to see.
    #[inline]
    #[must_use]
    pub fn claims(&self, address: BusAddr) -> Option<(u8, u32)> {
        if !self.decoded.memory {
            return None;
        }
        let at = |bar: u64, bytes: u64| Some(address.0.wrapping_sub(bar)).filter(|offset| *offset < bytes);
        let registers = at(self.decoded.bars[0], BAR0_BYTES).map(|offset| (0, offset as u32));
        registers.or_else(|| at(self.decoded.bars[1], BAR2_BYTES).map(|offset| (2, offset as u32)))
    }

    /// Base address of BAR 0 or 2; `None` for any other number.
    #[inline]
    #[must_use]
    pub fn bar(&self, number: u8) -> Option<BusAddr> {
        match number {
            0 => Some(BusAddr(self.decoded.bars[0])),
            2 => Some(BusAddr(self.decoded.bars[1])),
            _ => None,
        }
    }

    /// The card may issue memory requests, interrupts among them: bus master enable, in D0. It cannot be on before the BDF is captured.
    #[inline]
    #[must_use]
    pub fn bus_master(&self) -> bool {
        self.decoded.bus_master
    }

    /// The card answers memory requests: memory space enable, in D0.
    #[inline]
    #[must_use]
    pub fn memory_enabled(&self) -> bool {
        self.decoded.memory
    }

    /// The card may not send Assert_INTx.
    #[inline]
    #[must_use]
    pub fn intx_disabled(&self) -> bool {
        self.decoded.intx_disabled
    }

    /// D0 or D3hot.
    #[inline]
    #[must_use]
    pub fn power_state(&self) -> PowerState {
        self.decoded.power
    }

    /// MPS in bytes: 128 to 1024.
    #[inline]
    #[must_use]
    pub fn max_payload(&self) -> u32 {
        self.decoded.max_payload
    }

    /// MRRS in bytes: 128 to 4096.
    #[inline]
    #[must_use]
    pub fn max_read_request(&self) -> u32 {
        self.decoded.max_read
    }

    /// Read completion boundary of the root port in bytes, as software says: 64 or 128.
    #[inline]
    #[must_use]
    pub fn read_completion_boundary(&self) -> u32 {
        self.decoded.rcb
    }

    /// Relaxed ordering may be set.
    #[inline]
    #[must_use]
    pub fn relaxed_allowed(&self) -> bool {
        self.decoded.relaxed
    }

    /// No snoop may be set.
    #[inline]
    #[must_use]
    pub fn no_snoop_allowed(&self) -> bool {
        self.decoded.no_snoop
    }

    /// Tags of 8 bits may be used; else 5.
    #[inline]
    #[must_use]
    pub fn extended_tags(&self) -> bool {
        self.decoded.extended_tags
    }

    /// All that the card sends carries a digest.
    #[inline]
    #[must_use]
    pub fn ecrc_generation(&self) -> bool {
        self.decoded.ecrc_generation
    }

    /// Digests of what the card receives are checked.
    #[inline]
    #[must_use]
    pub fn ecrc_check(&self) -> bool {
        self.decoded.ecrc_check
    }

    /// Completion timeout in microseconds; `None`: disabled.
    #[inline]
    #[must_use]
    pub fn completion_timeout_us(&self) -> Option<u64> {
        self.decoded.completion_timeout
    }

    /// Completion timeout in clocks of 4 ns; `default` in the default range, which names no time; `None`: disabled.
    #[must_use]
    pub fn completion_timeout_clocks(&self, default: u64) -> Option<u64> {
        let named = self.table.get(PCIE + pcie::DEVICE_CONTROL_2) & pcie::device_2::TIMEOUT_VALUE != 0;
        self.decoded.completion_timeout.map(|us| if named { us.saturating_mul(250) } else { default })
    }

    /// MSI-X is on.
    #[inline]
    #[must_use]
    pub fn msix_enabled(&self) -> bool {
        self.decoded.msix_enabled
    }

    /// MSI-X: all vectors are masked.
    #[inline]
    #[must_use]
    pub fn msix_function_mask(&self) -> bool {
        self.decoded.msix_mask
    }

    /// MSI as software has set it up.
    #[inline]
    #[must_use]
    pub fn msi(&self) -> Msi {
        self.decoded.msi
    }
}

#[cfg(test)]
mod tests;
