//! What an operating system's PCI core does with a new card: finds it, sizes and places its BARs, walks its capabilities, sets sizes, enables it. By
//! config requests that really travel.

use super::bridge::ROOT_PORT;
use crate::error::{MachineError, Refusal};
use crate::machine::Machine;
use silico_spec::config::capabilities::pcie::{self, device_capabilities, device_control};
use silico_spec::config::capabilities::{aer, extended_id, msix, standard_id};
use silico_spec::config::header::{self, bar_bits, command};
use silico_spec::config::walk::{Capability, CapabilityId, WalkError, walk};
use silico_spec::units::{Bdf, BusAddr, Cycles};

/// Bus address from which 64-bit BARs are placed: above all host memory.
const WINDOW_64: u64 = 0x20_0000_0000;
/// Bus address from which 32-bit BARs are placed, and all others where they are to be low: above the lower part of host memory.
const WINDOW_32: u64 = 0xc000_0000;
/// First address after that window.
const WINDOW_32_END: u64 = 0xfe00_0000;
/// Largest BAR that is placed.
const LARGEST_BAR: u64 = 1 << 40;

/// A base address register, placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Where.
    pub address: BusAddr,
    /// Bytes, a power of two.
    pub size: u64,
    /// It takes two registers.
    pub is_64: bool,
    /// Reads have no side effects.
    pub prefetchable: bool,
}

/// The card's function, as enumerated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it was found.
    pub bdf: Bdf,
    /// Vendor ID.
    pub vendor: u16,
    /// Device ID.
    pub device: u16,
    /// Revision ID.
    pub revision: u8,
    /// Class code, 24 bits.
    pub class: u32,
    /// Memory BARs, by index of their first register.
    pub bars: [Option<Bar>; 6],
    /// In the order of the chains: the standard one, then the extended one.
    pub capabilities: Vec<Capability>,
    /// Max_Payload_Size, as set.
    pub mps: u32,
    /// Max_Read_Request_Size, as set.
    pub mrrs: u32,
    /// Vectors of its MSI-X table; 0 without one.
    pub msix_vectors: u16,
}

impl Function {
    /// Offset of a capability of the standard chain.
    #[must_use]
    pub fn standard(&self, id: u8) -> Option<u16> {
        self.find(CapabilityId::Standard(id))
    }

    /// Offset of a capability of the extended chain.
    #[must_use]
    pub fn extended(&self, id: u16) -> Option<u16> {
        self.find(CapabilityId::Extended(id))
    }

    fn find(&self, id: CapabilityId) -> Option<u16> {
        self.capabilities.iter().find(|capability| capability.id == id).map(|capability| capability.offset)
    }
}

/// Places BARs of one window, each aligned to its size.
struct Window {
    next: u64,
    end: u64,
}

impl Window {
    fn place(&mut self, size: u64) -> Option<u64> {
        let at = self.next.checked_next_multiple_of(size)?;
        self.next = at.checked_add(size).filter(|end| *end <= self.end)?;
        Some(at)
    }
}

impl Machine {
    /// Brings the link up if it is down, scans the buses, and sets the card up as an operating system does, memory and bus mastering enabled.
    ///
    /// # Errors
    /// If nothing answers, an answer makes no sense, or a rule was broken.
    pub fn enumerate(&mut self) -> Result<Function, MachineError> {
        self.bring_up();
        let bdf = self.scan()?;
        let id = self.peek(bdf, header::ID)?;
        let class = self.peek(bdf, header::CLASS_REVISION)?;
        let kind = self.peek(bdf, header::CACHE_LINE)? >> 16 & 0x7f;
        if kind != 0 {
            return Err(MachineError::Function(format!("header type is {kind}; that of an endpoint is 0")));
        }
        // Decoding is off while BARs are sized.
        self.poke(bdf, header::COMMAND_STATUS, 0b0011, 0)?;
        let bars = self.place_bars(bdf)?;
        let capabilities = walk(|offset| self.peek(bdf, offset)).map_err(|error| match error {
            WalkError::Read { error, .. } => error,
            other => MachineError::Function(other.to_string()),
        })?;
        let mut function = Function {
            bdf,
            vendor: id as u16,
            device: (id >> 16) as u16,
            revision: class as u8,
            class: class >> 8,
            bars,
            capabilities,
            mps: 128,
            mrrs: 512,
            msix_vectors: 0,
        };
        self.set_sizes(&mut function)?;
        self.set_digests(&function)?;
        if let Some(at) = function.standard(standard_id::MSIX) {
            function.msix_vectors = (self.peek(bdf, at + msix::CONTROL)? >> msix::SIZE_SHIFT & 0x7ff) as u16 + 1;
        }
        self.enable(bdf)?;
        self.function = Some(function.clone());
        Ok(function)
    }

    fn peek(&mut self, to: Bdf, offset: u16) -> Result<u32, MachineError> {
        self.config_request(to, offset, 0xf, None)
    }

    fn poke(&mut self, to: Bdf, offset: u16, first_be: u8, value: u32) -> Result<(), MachineError> {
        self.config_request(to, offset, first_be, Some(value)).map(drop)
    }

    /// Reads an ID where perhaps nobody is: UR reads as all ones.
    fn probe(&mut self, to: Bdf) -> Result<Option<u32>, MachineError> {
        match self.peek(to, header::ID) {
            Ok(id) => Ok((id as u16 != 0xffff).then_some(id)),
            Err(MachineError::Rejected { cause: Refusal::UnsupportedRequest, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Scans bus 0 and the bus behind the root port; one look at the next bus makes sure that the card is no bridge. Returns where the card is.
    fn scan(&mut self) -> Result<Bdf, MachineError> {
        let at = |bus, device, function| Bdf::new(bus, device, function).expect("inside the limits");
        for device in 0..32 {
            let found = self.probe(at(0, device, 0))?.is_some();
            debug_assert_eq!(found, at(0, device, 0) == ROOT_PORT);
        }
        self.bridge.set_buses(1, 0xff);
        let card = at(1, 0, 0);
        if self.probe(card)?.is_none() {
            return Err(MachineError::Absent(card));
        }
        for device in 1..32 {
            self.probe(at(1, device, 0))?;
        }
        if self.probe(at(2, 0, 0))?.is_some() {
            return Err(MachineError::Function("a type 1 config read was answered with success; an endpoint must answer UR".into()));
        }
        self.bridge.set_buses(1, 1);
        self.bridge.write(0x04, command::MEMORY | command::BUS_MASTER);
        Ok(card)
    }

    /// Sizes each BAR by writing ones, and places it.
    fn place_bars(&mut self, bdf: Bdf) -> Result<[Option<Bar>; 6], MachineError> {
        let mut low = Window { next: WINDOW_32, end: WINDOW_32_END };
        let mut high = Window { next: WINDOW_64, end: 1 << 46 };
        let mut bars = [None; 6];
        let mut index = 0;
        while index < 6 {
            let (mask, is_64) = self.size_bar(bdf, index)?;
            if let Some(size) = bar_size(index, mask, is_64)? {
                let window = if is_64 && !self.config().host.low_bars { &mut high } else { &mut low };
                let address =
                    window.place(size).ok_or_else(|| MachineError::Function(format!("BAR{index} of {size:#x} bytes finds no room")))?;
                self.poke(bdf, header::bar(index), 0xf, address as u32)?;
                if is_64 {
                    self.poke(bdf, header::bar(index + 1), 0xf, (address >> 32) as u32)?;
                }
                let prefetchable = mask as u32 & bar_bits::PREFETCHABLE != 0;
                bars[usize::from(index)] = Some(Bar { address: BusAddr(address), size, is_64, prefetchable });
            }
            index += if is_64 { 2 } else { 1 };
        }
        Ok(bars)
    }

    /// What a BAR reads as after ones were written; whether it has 64 bits.
    fn size_bar(&mut self, bdf: Bdf, index: u8) -> Result<(u64, bool), MachineError> {
        self.poke(bdf, header::bar(index), 0xf, u32::MAX)?;
        let low = self.peek(bdf, header::bar(index))?;
        // Bit 0: an I/O BAR, which is left where it is: the root port forwards no I/O.
        let is_64 = low & 1 == 0 && low & 0b110 == bar_bits::MEMORY_64;
        if !is_64 {
            return Ok((low.into(), false));
        }
        if index == 5 {
            return Err(MachineError::Function("BAR5 claims to have 64 bits, but there is no BAR6".into()));
        }
        self.poke(bdf, header::bar(index + 1), 0xf, u32::MAX)?;
        let high = self.peek(bdf, header::bar(index + 1))?;
        Ok((u64::from(high) << 32 | u64::from(low), true))
    }

    /// MPS: the least of both ends. MRRS as configured. Extended tags where the card can; relaxed ordering and no snoop allowed.
    fn set_sizes(&mut self, function: &mut Function) -> Result<(), MachineError> {
        let Some(at) = function.standard(standard_id::PCIE) else {
            return Err(MachineError::Function("there is no PCI Express capability".into()));
        };
        self.shadow.pcie = Some(at);
        let can = self.peek(function.bdf, at + pcie::DEVICE_CAPABILITIES)?;
        let Some(supported) = pcie::decode_size(can & device_capabilities::MAX_PAYLOAD) else {
            return Err(MachineError::Function("Max_Payload_Size Supported is a reserved code".into()));
        };
        function.mps = supported.min(self.config().link.max_payload);
        function.mrrs = self.config().link.max_read_request;
        let size = |bytes, shift| pcie::encode_size(bytes).unwrap_or(0) << shift;
        let mut control = size(function.mps, device_control::MAX_PAYLOAD_SHIFT) | size(function.mrrs, device_control::MAX_READ_SHIFT);
        control |= device_control::CORRECTABLE | device_control::NON_FATAL | device_control::FATAL | device_control::UNSUPPORTED;
        control |= device_control::RELAXED | device_control::NO_SNOOP;
        if can & device_capabilities::EXTENDED_TAG != 0 {
            control |= device_control::EXTENDED_TAG;
        }
        self.poke(function.bdf, at + pcie::DEVICE_CONTROL, 0b0011, control)?;
        let rcb = if self.config().link.rcb == 128 { pcie::link::RCB_128 } else { 0 };
        self.poke(function.bdf, at + pcie::LINK_CONTROL, 0b0011, rcb)
    }

    /// ECRC on both sides, where the link is to have it. The enables survive a function-level reset.
    fn set_digests(&mut self, function: &Function) -> Result<(), MachineError> {
        if !self.config().link.ecrc {
            return Ok(());
        }
        let missing =
            || MachineError::Function("`link.ecrc` is set, and the card has no AER capability that generates and checks ECRC".into());
        let at = function.extended(extended_id::AER).ok_or_else(missing)? + aer::CONTROL;
        let control = self.peek(function.bdf, at)?;
        let capable = aer::ECRC_GENERATION_CAPABLE | aer::ECRC_CHECK_CAPABLE;
        if control & capable != capable {
            return Err(missing());
        }
        self.poke(function.bdf, at, 0xf, control | aer::ECRC_GENERATION | aer::ECRC_CHECK)?;
        self.shadow.digests = true;
        Ok(())
    }

    fn enable(&mut self, bdf: Bdf) -> Result<(), MachineError> {
        let bits = command::MEMORY | command::BUS_MASTER | command::PARITY_RESPONSE | command::SERR;
        self.poke(bdf, header::COMMAND_STATUS, 0b0011, bits)
    }

    /// Writes BARs, sizes and command again, as an operating system does after a function-level reset. Interrupts must be enabled anew.
    ///
    /// # Errors
    /// If the card does not answer, or was never enumerated.
    pub fn restore(&mut self) -> Result<(), MachineError> {
        let mut function = self.function.clone().ok_or(MachineError::NotEnumerated)?;
        for (index, bar) in (0..).zip(function.bars) {
            let Some(bar) = bar else { continue };
            self.poke(function.bdf, header::bar(index), 0xf, bar.address.0 as u32)?;
            if bar.is_64 {
                self.poke(function.bdf, header::bar(index + 1), 0xf, (bar.address.0 >> 32) as u32)?;
            }
        }
        self.set_sizes(&mut function)?;
        self.enable(function.bdf)
    }

    /// Function-level reset: starts it, waits until the card answers config requests again, and restores what an operating system would.
    /// Interrupts must be enabled anew.
    ///
    /// # Errors
    /// If the card cannot do it, or does not come back within 100 ms (PCIe 4.0 §6.6.2).
    pub fn function_reset(&mut self) -> Result<(), MachineError> {
        let function = self.function.clone().ok_or(MachineError::NotEnumerated)?;
        let at = function.standard(standard_id::PCIE).ok_or(MachineError::NotEnumerated)?;
        let can = self.peek(function.bdf, at + pcie::DEVICE_CAPABILITIES)?;
        if can & device_capabilities::FLR == 0 {
            return Err(MachineError::Function("the function has no function-level reset".into()));
        }
        // First no new requests, then the reset (§6.6.2, implementation note).
        self.poke(function.bdf, header::COMMAND_STATUS, 0b0011, command::INTX_DISABLE)?;
        let control = self.peek(function.bdf, at + pcie::DEVICE_CONTROL)? & 0xffff;
        self.poke(function.bdf, at + pcie::DEVICE_CONTROL, 0b0011, control | device_control::INITIATE_FLR)?;
        let limit = self.now().after(Cycles(100_000_000_000 / u64::from(self.config().clock_ps)));
        while self.peek(function.bdf, header::ID)? as u16 != function.vendor {
            if self.now() >= limit {
                return Err(MachineError::Absent(function.bdf));
            }
            self.advance_to(self.now().after(Cycles(250)));
        }
        self.restore()
    }
}

/// Size of a BAR from what it reads as after ones were written; `None` if it is not implemented, or an I/O BAR.
fn bar_size(index: u8, mask: u64, is_64: bool) -> Result<Option<u64>, MachineError> {
    let address = mask & !u64::from(bar_bits::FLAGS);
    if address == 0 || mask & 1 != 0 {
        return Ok(None);
    }
    let size = address & address.wrapping_neg();
    let top = if is_64 { u64::MAX } else { u32::MAX.into() };
    if address != top & !(size - 1) || !(16..=LARGEST_BAR).contains(&size) {
        return Err(MachineError::Function(format!("BAR{index} reads as {mask:#x} after ones were written, which is no size")));
    }
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_from_masks() {
        assert_eq!(bar_size(0, 0xffff_ffff_ffff_0004, true), Ok(Some(0x10000)));
        assert_eq!(bar_size(0, 0xffff_f008, false), Ok(Some(0x1000)));
        assert_eq!(bar_size(0, 0, false), Ok(None));
        assert_eq!(bar_size(0, 0xffff_ff01, false), Ok(None), "I/O");
        assert!(bar_size(0, 0xff00_f000, false).is_err(), "holes");
        assert!(bar_size(0, 0x0000_0000_ffff_0004, true).is_err(), "the upper half is missing");
    }

    #[test]
    fn windows_align_and_end() {
        let mut window = Window { next: 0x1100, end: 0x4000 };
        assert_eq!([0x1000, 0x100, 0x1000, 0x1000].map(|size| window.place(size)), [Some(0x2000), Some(0x3000), None, None]);
    }
}
