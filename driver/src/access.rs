//! Register access whose errors name the register, and who takes all ones for what they are. Knows no single register.

use crate::error::DriverError;
use crate::platform::{AccessError, Registers};
use silico_spec::registers;

/// Name of the register at byte `offset` of BAR0.
pub(crate) fn name(offset: u32) -> &'static str {
    registers::find(offset).map_or("a hole", |register| register.name)
}

#[cold]
fn failed(offset: u32, error: AccessError) -> DriverError {
    DriverError::access(name(offset), error)
}

/// Access with errors of the driver. All offsets are bytes of BAR0.
pub(crate) trait Named: Registers {
    /// Reads a register that is never all ones on a card that is there.
    fn get32(&self, offset: u32) -> Result<u32, DriverError> {
        match self.any32(offset)? {
            u32::MAX => Err(failed(offset, AccessError::Gone)),
            value => Ok(value),
        }
    }

    /// Reads a register that may hold any value.
    fn any32(&self, offset: u32) -> Result<u32, DriverError> {
        self.read32(offset).map_err(|error| failed(offset, error))
    }

    /// Reads a 64-bit counter: one that is all ones is not there.
    fn get64(&self, offset: u32) -> Result<u64, DriverError> {
        match self.any64(offset)? {
            u64::MAX => Err(failed(offset, AccessError::Gone)),
            value => Ok(value),
        }
    }

    /// Reads a 64-bit register that may hold any value.
    fn any64(&self, offset: u32) -> Result<u64, DriverError> {
        self.read64(offset).map_err(|error| failed(offset, error))
    }

    /// Writes a 32-bit register.
    fn put32(&self, offset: u32, value: u32) -> Result<(), DriverError> {
        self.write32(offset, value).map_err(|error| failed(offset, error))
    }

    /// Writes a 64-bit register.
    fn put64(&self, offset: u32, value: u64) -> Result<(), DriverError> {
        self.write64(offset, value).map_err(|error| failed(offset, error))
    }
}

impl<R: Registers> Named for R {}
