//! The configuration registers of an H2C channel, as plain storage. A start takes a copy: what is written later counts from the next start.

use crate::c2h::progress::Pace;
use silico_spec::descriptor::{H2C_DESCRIPTOR_BYTES, RING_ENTRIES, RING_GRID};
use silico_spec::params::CardParams;
use silico_spec::registers::{Field, h2c as map};
use silico_spec::writeback::{self, ChannelError};

/// Where frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The stream port.
    Stream,
    /// The checking sink.
    Sink,
    /// The C2H channel of this number, instead of its front-end stream.
    Loopback(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) ring_base: u64,
    pub(crate) ring_entries: u32,
    pub(crate) config: u32,
    pub(crate) wb_addr: u64,
    pub(crate) wb_every: u32,
    pub(crate) wb_time: u32,
}

impl Settings {
    /// Bits of `CONFIG` that hold what is written.
    pub(crate) const CONFIG: u32 = 0xf1f;

    fn field(&self, field: Field) -> u64 {
        field.get(self.config.into())
    }

    /// `None`: a reserved code.
    pub(crate) fn output(&self) -> Option<Output> {
        match self.field(map::config::OUTPUT) {
            0 => Some(Output::Stream),
            1 => Some(Output::Sink),
            2 => Some(Output::Loopback(self.field(map::config::TARGET) as usize)),
            _ => None,
        }
    }

    pub(crate) fn relaxed(&self) -> bool {
        self.field(map::config::RELAXED) != 0
    }

    pub(crate) fn no_snoop(&self) -> bool {
        self.field(map::config::NO_SNOOP) != 0
    }

    pub(crate) fn pace(&self) -> Pace {
        let writes_back = self.field(map::config::WRITE_BACK) != 0;
        Pace { writes_back, wb_frames: self.wb_every, wb_bytes: 0, wb_time: self.wb_time }
    }

    /// Whether a start may go ahead; the value at fault goes into `ERROR_ADDR`. `targets`: C2H channels that other channels feed.
    pub(crate) fn check(&self, params: &CardParams, targets: u16) -> Result<(), (ChannelError, u64)> {
        let bytes = u64::from(self.ring_entries) * u64::from(H2C_DESCRIPTOR_BYTES);
        if !self.ring_base.is_multiple_of(RING_GRID) || self.ring_base.checked_add(bytes).is_none() {
            return Err((ChannelError::BadDescriptorRing, self.ring_base));
        }
        if !RING_ENTRIES.contains(&self.ring_entries) {
            return Err((ChannelError::BadDescriptorRing, self.ring_entries.into()));
        }
        if self.pace().writes_back && !writeback::is_place(self.wb_addr) {
            return Err((ChannelError::BadWriteBack, self.wb_addr));
        }
        match self.output() {
            Some(Output::Loopback(target)) if target >= params.c2h_channels.into() || targets >> target & 1 != 0 => {}
            Some(_) => return Ok(()),
            None => {}
        }
        Err((ChannelError::BadOutput, self.config.into()))
    }
}
