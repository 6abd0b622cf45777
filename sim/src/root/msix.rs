//! Programs the card's message-signalled interrupts. Data is the vector; the address is that of an interrupt controller.

use super::INTERRUPTS;
use crate::error::MachineError;
use crate::machine::Machine;
use silico_spec::config::capabilities::{msi, msix, standard_id};

impl Machine {
    /// Programs and unmasks the first `vectors` entries of the MSI-X table, then enables MSI-X.
    ///
    /// # Errors
    /// If the card has no such capability or fewer vectors, or does not answer.
    pub fn enable_msix(&mut self, vectors: u16) -> Result<(), MachineError> {
        let function = self.function.clone().ok_or(MachineError::NotEnumerated)?;
        let at = function.standard(standard_id::MSIX).ok_or_else(|| MachineError::Function("there is no MSI-X capability".into()))?;
        if vectors == 0 || vectors > function.msix_vectors {
            let rule = format!("1 to {}", function.msix_vectors);
            return Err(MachineError::Range { what: "number of vectors", value: vectors.into(), rule });
        }
        let control = self.config_read(at + msix::CONTROL)?;
        // Masked as a whole while the table is written.
        self.config_write(at + msix::CONTROL, control | msix::ENABLE | msix::FUNCTION_MASK)?;
        let table = self.config_read(at + msix::TABLE)?;
        let (bar, base) = ((table & msix::BAR_INDEX) as u8, u64::from(table & !msix::BAR_INDEX));
        for vector in 0..vectors {
            let entry = base + u64::from(vector) * u64::from(msix::ENTRY_BYTES);
            let address = INTERRUPTS.start() | u64::from(vector & 0xff) << 12;
            for (offset, value) in [(0, address), (4, 0), (8, vector.into()), (12, 0)] {
                self.write(bar, entry + offset, 4, value)?;
            }
        }
        // The read pushes the writes before it.
        let last = base + u64::from(vectors - 1) * u64::from(msix::ENTRY_BYTES) + 12;
        let unmasked = self.read(bar, last, 4)? & u64::from(msix::VECTOR_MASK) == 0;
        if !unmasked {
            return Err(MachineError::Function("the last vector of the MSI-X table reads as masked after it was unmasked".into()));
        }
        self.config_write(at + msix::CONTROL, (control | msix::ENABLE) & !msix::FUNCTION_MASK)
    }

    /// Enables MSI with `vectors` (a power of two) vectors, data 0 upwards.
    ///
    /// # Errors
    /// If the card has no such capability or fewer vectors, or does not answer.
    pub fn enable_msi(&mut self, vectors: u16) -> Result<(), MachineError> {
        let function = self.function.clone().ok_or(MachineError::NotEnumerated)?;
        let at = function.standard(standard_id::MSI).ok_or_else(|| MachineError::Function("there is no MSI capability".into()))?;
        let control = self.config_read(at + msi::CONTROL)?;
        let most = 1 << (control >> msi::CAPABLE_SHIFT & 7);
        if !vectors.is_power_of_two() || vectors > most {
            let rule = format!("a power of two, 1 to {most}");
            return Err(MachineError::Range { what: "number of vectors", value: vectors.into(), rule });
        }
        self.config_write(at + msi::ADDRESS_LOW, *INTERRUPTS.start() as u32)?;
        let wide = control & msi::ADDRESS_64 != 0;
        let shorter = if wide { 0 } else { msi::DATA - msi::ADDRESS_HIGH };
        if wide {
            self.config_write(at + msi::ADDRESS_HIGH, 0)?;
        }
        self.config_write(at + msi::DATA - shorter, 0)?;
        if control & msi::MASKABLE != 0 {
            self.config_write(at + msi::MASK - shorter, 0)?;
        }
        let count = vectors.trailing_zeros() << msi::ENABLED_SHIFT;
        self.config_write(at + msi::CONTROL, control & !msi::ENABLED | count | msi::ENABLE)
    }
}
