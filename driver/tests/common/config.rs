//! What surrounds the software card: its config space, the interrupts that the platform gives, and the resets that it can do.

use super::card::State;
use silico_driver::platform::{AccessError, InterruptKind};
use silico_spec::config::capabilities::{aer, extended_id, pcie, standard_id};
use silico_spec::config::header;
use std::collections::BTreeMap;

/// Where the capabilities lie.
pub const PCIE: u16 = 0x50;
pub const AER: u16 = 0x100;

/// A reset by the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platforms {
    Function,
    Hot,
    Rescan,
}

/// A config space with PCI Express and AER.
pub fn config_space() -> BTreeMap<u16, u32> {
    BTreeMap::from([
        (header::ID, 0x51c0_10dc),
        (header::CAPABILITIES, u32::from(PCIE)),
        (PCIE, u32::from(standard_id::PCIE) | 2 << 16),
        (PCIE + pcie::DEVICE_CONTROL, 0x2810),
        (AER, u32::from(extended_id::AER) | 2 << 16),
    ])
}

/// The interrupt cause of a channel: the status register, and the bit in it.
#[derive(Clone, Copy, Debug)]
pub struct Cause(pub usize, pub u8);

impl State {
    pub fn config_read(&self, offset: u16) -> Result<u32, AccessError> {
        if self.faults.config_silent {
            return Err(AccessError::Timeout { offset: offset.into() });
        }
        if self.faults.gone {
            return Ok(u32::MAX);
        }
        Ok(if offset == header::COMMAND_STATUS {
            self.command | header::status::CAPABILITIES
        } else {
            self.config.get(&offset).copied().unwrap_or(0)
        })
    }

    pub fn config_write(&mut self, offset: u16, value: u32) -> Result<(), AccessError> {
        match offset {
            _ if self.faults.gone => {}
            header::COMMAND_STATUS => {
                assert_eq!(value >> 16, 0, "status bits are write one to clear");
                self.command = value;
                self.commands.push(value);
            }
            _ if offset == AER + aer::UNCORRECTABLE_STATUS || offset == AER + aer::CORRECTABLE_STATUS => {
                *self.config.entry(offset).or_default() &= !value;
            }
            _ if offset == PCIE + pcie::DEVICE_CONTROL => {
                let word = self.config.entry(offset).or_default();
                *word = *word & !(value & 0xffff_0000) & 0xffff_0000 | value & 0xffff;
            }
            _ => panic!("the driver writes {value:#x} to {offset:#x}, which is the operating system's"),
        }
        Ok(())
    }

    pub fn enable_interrupts(&mut self, kind: InterruptKind, vectors: u16) -> u16 {
        self.kind = kind;
        self.granted = vectors.min(self.offers[kind as usize]).min(self.grants);
        self.level_masked = false;
        self.fired = vec![false; usize::from(self.granted) + 24];
        self.granted
    }

    /// A cause is signalled, by its vector.
    pub fn signal(&mut self, vector: u8, cause: Cause) {
        if self.kind != InterruptKind::MsiX {
            self.status[cause.0] |= 1 << cause.1;
        }
        match self.kind {
            InterruptKind::Intx => {}
            _ if self.faults.lose_interrupts => {}
            _ => {
                assert!(u16::from(vector) < self.granted, "vector {vector} of {}", self.granted);
                self.fired[usize::from(vector)] = true;
            }
        }
    }

    /// A cause is armed anew, or acknowledged.
    pub fn quiet(&mut self, register: usize, bits: u32) {
        self.status[register] &= !bits;
    }

    /// What an eventfd would say. A level fires while it is up and not masked, and is masked by it.
    pub fn take_fired(&mut self, vector: u16) -> bool {
        let level = vector == 0 && self.kind == InterruptKind::Intx && !self.level_masked && self.status != [0; 2];
        if level && !self.faults.lose_interrupts {
            self.level_masked = true;
            self.levels += 1;
            return true;
        }
        std::mem::take(&mut self.fired[usize::from(vector)])
    }

    pub fn unmask_level(&mut self) {
        if self.status != [0; 2] {
            self.unmasked_loud += 1;
        }
        self.level_masked = false;
    }

    pub fn platform_reset(&mut self, which: Platforms) -> Result<(), AccessError> {
        self.resets.push(which);
        self.advance(self.now + 1_000_000);
        if which < self.faults.needs {
            return Err(AccessError::Timeout { offset: 0 });
        }
        if self.faults.away {
            return Err(AccessError::Gone);
        }
        if which < self.faults.mends {
            return Ok(());
        }
        self.faults.recovers();
        self.power_on();
        // Interrupts are off after it (PCIe 4.0 §6.6.2): MSI-X and MSI enable are config space.
        self.granted = 0;
        self.command = 0x0010_0002;
        Ok(())
    }
}
