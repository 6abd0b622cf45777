//! The parameters of the reference card: what is fixed when a card is built, checked when it is constructed.

use core::ops::RangeInclusive;

/// Vendor ID of the reference card.
pub const VENDOR: u16 = 0x10dc;
/// Device ID of the reference card.
pub const DEVICE: u16 = 0x51c0;
/// Most C2H channels that the register map has room for.
pub const MAX_C2H: usize = 16;
/// Most H2C channels that the register map has room for.
pub const MAX_H2C: usize = 8;
/// Bytes of BAR0, the registers.
pub const BAR0_BYTES: u64 = 64 << 10;
/// Bytes of BAR2, MSI-X table and PBA.
pub const BAR2_BYTES: u64 = 16 << 10;
/// Offset of the PBA in BAR2; the table is at 0.
pub const PBA_OFFSET: u32 = 0x2000;

/// Width of the port's data path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DataWidth {
    /// 64 bits.
    W64 = 8,
    /// 128 bits.
    W128 = 16,
    /// 256 bits.
    #[default]
    W256 = 32,
    /// 512 bits.
    W512 = 64,
}

impl DataWidth {
    /// Bytes of a beat.
    #[must_use]
    #[inline]
    pub const fn bytes(self) -> u32 {
        self as u32
    }

    /// Beats that a TLP with `payload` bytes takes: the header travels beside the first one.
    #[must_use]
    #[inline]
    pub const fn beats(self, payload: u32) -> u32 {
        let beats = self.whole_beats(payload) + (payload & (self.bytes() - 1) != 0) as u32;
        if beats == 0 { 1 } else { beats }
    }

    /// Whole beats in `bytes`. A shift: a division costs a simulator dear.
    #[must_use]
    #[inline]
    pub const fn whole_beats(self, bytes: u32) -> u32 {
        bytes >> self.bytes().trailing_zeros()
    }

    /// From bits.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        Some(match bits {
            64 => Self::W64,
            128 => Self::W128,
            256 => Self::W256,
            512 => Self::W512,
            _ => return None,
        })
    }
}

/// What a card is built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardParams {
    /// PCI vendor ID.
    pub vendor: u16,
    /// PCI device ID.
    pub device: u16,
    /// Width of the port.
    pub width: DataWidth,
    /// Card-to-host channels.
    pub c2h_channels: u8,
    /// Host-to-card channels.
    pub h2c_channels: u8,
    /// Tags for memory reads, over all channels.
    pub read_tags: u16,
    /// Bytes of each H2C channel's reassembly buffer: what reads may be outstanding or waiting for the output.
    pub h2c_buffer_bytes: u32,
    /// Clocks after which a read that is not answered counts as lost, if Device Control 2 does not say.
    pub read_timeout: u32,
    /// MSI-X vectors.
    pub msix_vectors: u16,
    /// Bytes of each channel's front-end FIFO.
    pub fifo_bytes: u32,
    /// Frames whose ends each front-end FIFO can hold.
    pub fifo_frames: u16,
    /// E-links that each channel's generator has block memory for: 1 KiB each.
    pub elinks: u16,
    /// Non-posted requests that the card can hold: its non-posted header credits.
    pub np_depth: u8,
    /// Device serial number (DSN capability).
    pub serial: u64,
    /// Build identity (VSEC and register `BUILD`).
    pub build: u32,
}

impl Default for CardParams {
    fn default() -> Self {
        Self {
            vendor: VENDOR,
            device: DEVICE,
            width: DataWidth::W256,
            c2h_channels: 4,
            h2c_channels: 2,
            read_tags: 256,
            h2c_buffer_bytes: 64 << 10,
            read_timeout: 12_500_000,
            msix_vectors: 16,
            fifo_bytes: 16 << 10,
            fifo_frames: 64,
            elinks: 64,
            np_depth: 8,
            serial: 0x0051_c000_0000_0001,
            build: 0x5111_c000,
        }
    }
}

/// A parameter out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("card parameter `{field}` is {value}; it must be {rule}")]
pub struct ParamError {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: u64,
    /// What is right.
    pub rule: &'static str,
}

impl CardParams {
    /// Limits of [`CardParams::fifo_bytes`]; a power of two besides.
    pub const FIFO_BYTES: RangeInclusive<u32> = 2048..=1 << 20;

    /// Limits of [`CardParams::h2c_buffer_bytes`]; a power of two besides. Twice the largest read at least, so that one can be on its way.
    pub const H2C_BUFFER_BYTES: RangeInclusive<u32> = 8192..=1 << 20;

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range, with its value and the limits.
    pub fn validate(&self) -> Result<(), ParamError> {
        let check = |ok: bool, field, value: u64, rule| if ok { Ok(()) } else { Err(ParamError { field, value, rule }) };
        check((1..=16).contains(&self.c2h_channels), "c2h_channels", self.c2h_channels.into(), "1 to 16")?;
        check((1..=8).contains(&self.h2c_channels), "h2c_channels", self.h2c_channels.into(), "1 to 8")?;
        check((1..=256).contains(&self.read_tags), "read_tags", self.read_tags.into(), "1 to 256")?;
        check(
            Self::H2C_BUFFER_BYTES.contains(&self.h2c_buffer_bytes) && self.h2c_buffer_bytes.is_power_of_two(),
            "h2c_buffer_bytes",
            self.h2c_buffer_bytes.into(),
            "a power of two, 8192 to 1048576",
        )?;
        check(self.read_timeout >= 1000, "read_timeout", self.read_timeout.into(), "1000 clocks or more")?;
        check((1..=256).contains(&self.msix_vectors), "msix_vectors", self.msix_vectors.into(), "1 to 256")?;
        check(
            Self::FIFO_BYTES.contains(&self.fifo_bytes) && self.fifo_bytes.is_power_of_two(),
            "fifo_bytes",
            self.fifo_bytes.into(),
            "a power of two, 2048 to 1048576",
        )?;
        check((2..=1024).contains(&self.fifo_frames), "fifo_frames", self.fifo_frames.into(), "2 to 1024")?;
        check((1..=256).contains(&self.elinks), "elinks", self.elinks.into(), "1 to 256")?;
        check((1..=64).contains(&self.np_depth), "np_depth", self.np_depth.into(), "1 to 64")?;
        check(self.vendor != 0xffff, "vendor", self.vendor.into(), "anything but 0xffff, which means no device")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_default_is_legal_and_each_bad_field_is_named() {
        let good = CardParams::default();
        assert_eq!(good.validate(), Ok(()));
        let at = |change: fn(&mut CardParams)| {
            let mut params = good.clone();
            change(&mut params);
            params
        };
        let bad: [(CardParams, &str, u64); 22] = [
            (at(|p| p.c2h_channels = 0), "c2h_channels", 0),
            (at(|p| p.c2h_channels = 17), "c2h_channels", 17),
            (at(|p| p.h2c_channels = 0), "h2c_channels", 0),
            (at(|p| p.h2c_channels = 9), "h2c_channels", 9),
            (at(|p| p.read_tags = 0), "read_tags", 0),
            (at(|p| p.read_tags = 257), "read_tags", 257),
            (at(|p| p.h2c_buffer_bytes = 4096), "h2c_buffer_bytes", 4096),
            (at(|p| p.h2c_buffer_bytes = 9000), "h2c_buffer_bytes", 9000),
            (at(|p| p.h2c_buffer_bytes = 2 << 20), "h2c_buffer_bytes", 2 << 20),
            (at(|p| p.read_timeout = 999), "read_timeout", 999),
            (at(|p| p.msix_vectors = 0), "msix_vectors", 0),
            (at(|p| p.msix_vectors = 257), "msix_vectors", 257),
            (at(|p| p.fifo_bytes = 1024), "fifo_bytes", 1024),
            (at(|p| p.fifo_bytes = 3000), "fifo_bytes", 3000),
            (at(|p| p.fifo_bytes = 2 << 20), "fifo_bytes", 2 << 20),
            (at(|p| p.fifo_frames = 1), "fifo_frames", 1),
            (at(|p| p.fifo_frames = 1025), "fifo_frames", 1025),
            (at(|p| p.elinks = 0), "elinks", 0),
            (at(|p| p.elinks = 257), "elinks", 257),
            (at(|p| p.np_depth = 0), "np_depth", 0),
            (at(|p| p.np_depth = 65), "np_depth", 65),
            (at(|p| p.vendor = 0xffff), "vendor", 0xffff),
        ];
        for (params, field, value) in bad {
            let error = params.validate().unwrap_err();
            assert_eq!((error.field, error.value), (field, value));
            assert!(error.to_string().contains(&error.value.to_string()) && error.to_string().contains(error.rule));
        }
        let ends: [CardParams; 2] = [
            CardParams {
                c2h_channels: 1,
                h2c_channels: 1,
                read_tags: 1,
                h2c_buffer_bytes: 8192,
                read_timeout: 1000,
                msix_vectors: 1,
                fifo_bytes: 2048,
                fifo_frames: 2,
                elinks: 1,
                np_depth: 1,
                ..good.clone()
            },
            CardParams {
                c2h_channels: 16,
                h2c_channels: 8,
                read_tags: 256,
                h2c_buffer_bytes: 1 << 20,
                read_timeout: u32::MAX,
                msix_vectors: 256,
                fifo_bytes: 1 << 20,
                fifo_frames: 1024,
                elinks: 256,
                np_depth: 64,
                ..good.clone()
            },
        ];
        assert!(ends.iter().all(|params| params.validate().is_ok()));
    }

    #[test]
    fn a_header_alone_takes_one_beat() {
        assert_eq!([0, 1, 32, 33, 256].map(|n| DataWidth::W256.beats(n)), [1, 1, 1, 2, 8]);
    }
}
