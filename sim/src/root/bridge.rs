//! The root port as software sees it on bus 0: a type 1 header with bus numbers. Decides which config requests go down the link and of which type.

use silico_spec::units::Bdf;

/// Where the root port sits.
pub(crate) const ROOT_PORT: Bdf = Bdf::from_bits(1 << 3);

/// Bus numbers (type 1 header, offset 0x18).
const BUS_NUMBERS: u16 = 0x18;
/// CERN has no root ports; an ID of the simulator's own.
const ID: u32 = 0x51c1_10dc;

/// What becomes of a config request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the root port itself.
    Own,
    /// Down the link, as type 0.
    Type0,
    /// Down the link, as type 1.
    Type1,
    /// Nobody is there: the root complex answers UR, the CPU reads all ones.
    Nobody,
}

/// The root port's registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bridge {
    buses: u32,
    command: u32,
}

impl Bridge {
    /// PCIe 4.0 §7.3.3. Without ARI only device 0 can be behind a downstream port; the port answers for the others.
    pub(crate) fn route(&self, destination: Bdf) -> Route {
        let (secondary, subordinate) = ((self.buses >> 8) as u8, (self.buses >> 16) as u8);
        match destination.bus() {
            0 if destination == ROOT_PORT => Route::Own,
            0 => Route::Nobody,
            _ if secondary == 0 => Route::Nobody,
            bus if bus == secondary && destination.device() == 0 => Route::Type0,
            bus if bus > secondary && bus <= subordinate => Route::Type1,
            _ => Route::Nobody,
        }
    }

    pub(crate) const fn read(&self, offset: u16) -> u32 {
        match offset {
            0x00 => ID,
            0x04 => self.command,
            // Class: PCI-to-PCI bridge.
            0x08 => 0x0604_0001,
            // Header type 1.
            0x0c => 1 << 16,
            BUS_NUMBERS => self.buses,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u16, value: u32) {
        match offset {
            0x04 => self.command = value & 0x7,
            BUS_NUMBERS => self.buses = value & 0x00ff_ffff,
            _ => {}
        }
    }

    /// Sets secondary and subordinate bus.
    pub(crate) fn set_buses(&mut self, secondary: u8, subordinate: u8) {
        self.write(BUS_NUMBERS, u32::from(secondary) << 8 | u32::from(subordinate) << 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_where_bus_numbers_say() {
        let mut bridge = Bridge::default();
        let at = |bus, device| Bdf::new(bus, device, 0).unwrap();
        use Route::{Nobody, Own, Type0, Type1};
        assert_eq!(bridge.route(at(1, 0)), Nobody, "no buses assigned yet");
        bridge.set_buses(1, 3);
        assert_eq!(bridge.read(BUS_NUMBERS), 0x0003_0100);
        let routes = [at(0, 1), at(0, 0), at(1, 0), at(1, 1), at(2, 0), at(3, 31), at(4, 0)].map(|bdf| bridge.route(bdf));
        assert_eq!(routes, [Own, Nobody, Type0, Nobody, Type1, Type1, Nobody]);
        bridge.write(0x04, 6);
        assert_eq!((bridge.read(0x04), bridge.read(0x0c) >> 16 & 0x7f), (6, 1));
    }
}
