//! Registers of the reference card: offsets, fields, reset values, and a table of all.
//!
//! Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost. Offsets in a block's module are
//! relative to that block. This file knows what a register is called and where it lies, not what it does.
#![allow(clippy::unreadable_literal)]

pub use crate::field::Field;
pub use crate::map::{Access, Block, FieldInfo, Register, Template};

/// Bytes that the map spans, rounded up to a power of two: 36864 are used.
pub const MAP_BYTES: u32 = 0x10000;
/// The major number of this map, as MAP_VERSION gives it.
pub const MAP_MAJOR: u16 = 1;
/// The minor number of this map, as MAP_VERSION gives it.
pub const MAP_MINOR: u16 = 2;

/// Card. Identity, global control, errors and card-wide counters.
pub mod card {
    use super::{Access, Field, FieldInfo, Template};

    /// Offset of the (first) block in BAR0.
    pub const BASE: u32 = 0x0;

    /// Identity. "SLCO": the first thing that a driver checks.
    pub const ID: u32 = 0x000;
    /// Value of [`ID`] after reset.
    pub const ID_RESET: u64 = 0x534c434f;

    /// Version of this map. A driver refuses another major number, or a minor one below what it needs.
    pub const MAP_VERSION: u32 = 0x004;
    /// Value of [`MAP_VERSION`] after reset.
    pub const MAP_VERSION_RESET: u64 = 0x10002;

    /// Build. Identity of the gateware build; also in the VSEC.
    pub const BUILD: u32 = 0x008;

    /// Capabilities. What this card was built with.
    pub const CAPS: u32 = 0x00c;

    /// FIFO size. Bytes of each channel's front-end FIFO.
    pub const FIFO_BYTES: u32 = 0x010;

    /// FIFO frames. Frame ends that each channel's front-end FIFO can hold.
    pub const FIFO_FRAMES: u32 = 0x014;

    /// Scratch. Holds what is written; means nothing.
    pub const SCRATCH: u32 = 0x018;

    /// Cycle counter. Clocks since fundamental reset; the time base of all stamps. No other reset touches it.
    pub const CYCLES: u32 = 0x020;

    /// Card control. Nothing runs while `enable` is low: a channel started under it stays as it is until enable rises.
    pub const CONTROL: u32 = 0x028;

    /// Interrupt status. Bit per C2H channel and cause that was signalled and not acknowledged. A cause is acknowledged when its MSI-X message goes out, when it is armed anew, by its bit of INT_ACK, and by a start or reset of its channel. While MSI-X and MSI are off, the card asserts INTA as long as a bit of INT_STATUS or INT_STATUS_2 is set, and Interrupt Disable is not.
    pub const INT_STATUS: u32 = 0x02c;

    /// Error summary. Bit per channel in the error state.
    pub const ERROR_SUMMARY: u32 = 0x030;

    /// Writes to holes. Writes that hit no register or a read-only one; stops at all ones.
    pub const HOLE_WRITES: u32 = 0x034;

    /// Performance counter control. All PERF registers, of the card and of the channels, show the values at the last latch: one consistent set.
    pub const PERF_CONTROL: u32 = 0x038;

    /// Cycles. Clocks counted.
    pub const PERF_CYCLES: u32 = 0x040;

    /// Transmit busy. Clocks in which a beat passed on the transmit stream.
    pub const PERF_TX_BUSY: u32 = 0x048;

    /// Transmit held. Clocks in which a beat was offered and the receiver was not ready.
    pub const PERF_TX_HELD: u32 = 0x050;

    /// No credit. Clocks in which the transmit stream had no beat, because the next TLP, or an owed completion, lacked credits.
    pub const PERF_NO_CREDIT: u32 = 0x058;

    /// TLPs sent. Of all kinds.
    pub const PERF_TX_TLPS: u32 = 0x060;

    /// TLPs received. Of all kinds.
    pub const PERF_RX_TLPS: u32 = 0x068;

    /// Interrupts sent. MSI-X, MSI and Assert_INTA messages sent.
    pub const PERF_INTERRUPTS: u32 = 0x070;

    /// Interrupt status, H2C and card. As INT_STATUS, for the host-to-card channels and the card.
    pub const INT_STATUS_2: u32 = 0x078;

    /// Read engine. What the card's memory reads share.
    pub const READ_TAGS: u32 = 0x07c;

    /// Card interrupt. Cause `card`: signalled once when ERROR_SUMMARY and ERROR_MASK first have a bit in common.
    pub const INT_CARD: u32 = 0x080;

    /// Error mask. Bits of ERROR_SUMMARY that raise the card cause.
    pub const ERROR_MASK: u32 = 0x084;

    /// No tag. Clocks in which a read wanted to go and no tag was free.
    pub const PERF_NO_TAG: u32 = 0x088;

    /// Receive busy. Clocks in which a beat passed on the receive stream.
    pub const PERF_RX_BUSY: u32 = 0x090;

    /// Interrupt acknowledge. Write one: the cause of that bit of INT_STATUS is acknowledged; its bit falls until it is signalled again. Arms nothing.
    pub const INT_ACK: u32 = 0x098;

    /// Interrupt acknowledge, H2C and card. As INT_ACK, for the bits of INT_STATUS_2.
    pub const INT_ACK_2: u32 = 0x09c;

    /// Read tags in quarantine. A read that ran out of time keeps its tag: a late completion must never meet another read under it. The tag is free again once the completion has come after all, or after eight times the completion timeout.
    pub const READ_QUARANTINE: u32 = 0x0a0;

    /// E-links. E-links that each generator has block memory for, 1 KiB each; 1 to 256.
    pub const ELINKS: u32 = 0x0f0;

    /// Fields of [`MAP_VERSION`].
    pub mod map_version {
        use super::Field;

        /// Additions.
        pub const MINOR: Field = Field::new(0, 16);
        /// Incompatible changes.
        pub const MAJOR: Field = Field::new(16, 16);
    }

    /// Fields of [`CAPS`].
    pub mod caps {
        use super::Field;

        /// Card-to-host channels, 1 to 16.
        pub const C2H_CHANNELS: Field = Field::new(0, 8);
        /// Host-to-card channels, 1 to 8.
        pub const H2C_CHANNELS: Field = Field::new(8, 8);
        /// MSI-X vectors less one.
        pub const VECTORS_MINUS_ONE: Field = Field::new(16, 8);
        /// Width of the port in bytes.
        pub const PORT_BYTES: Field = Field::new(24, 8);
    }

    /// Fields of [`CONTROL`].
    pub mod control {
        use super::Field;

        /// Global enable of all channels.
        pub const ENABLE: Field = Field::new(0, 1);
        /// Write one: all channels and all registers as after power-on; config space is kept.
        pub const RESET: Field = Field::new(1, 1);
    }

    /// Fields of [`INT_STATUS`].
    pub mod int_status {
        use super::Field;

        /// C2H data causes.
        pub const C2H_DATA: Field = Field::new(0, 16);
        /// C2H error causes.
        pub const C2H_ERROR: Field = Field::new(16, 16);
    }

    /// Fields of [`ERROR_SUMMARY`].
    pub mod error_summary {
        use super::Field;

        /// C2H channels.
        pub const C2H: Field = Field::new(0, 16);
        /// H2C channels.
        pub const H2C: Field = Field::new(16, 8);
        /// INT_CARD enables its cause with a vector that the card does not have (CAPS).
        pub const VECTOR: Field = Field::new(24, 1);
    }

    /// Fields of [`PERF_CONTROL`].
    pub mod perf_control {
        use super::Field;

        /// Write one: latch all counters.
        pub const LATCH: Field = Field::new(0, 1);
        /// Write one: clear all counters, after the latch if both are written.
        pub const CLEAR: Field = Field::new(1, 1);
    }

    /// Fields of [`INT_STATUS_2`].
    pub mod int_status_2 {
        use super::Field;

        /// H2C space causes.
        pub const H2C_SPACE: Field = Field::new(0, 8);
        /// H2C error causes.
        pub const H2C_ERROR: Field = Field::new(8, 8);
        /// The card cause.
        pub const CARD: Field = Field::new(16, 1);
    }

    /// Fields of [`READ_TAGS`].
    pub mod read_tags {
        use super::Field;

        /// Tags, 1 to 256.
        pub const TAGS: Field = Field::new(0, 9);
        /// Tags of reads that wait for their completions.
        pub const IN_USE: Field = Field::new(16, 9);
    }

    /// Fields of [`INT_CARD`].
    pub mod int_card {
        use super::Field;

        /// Vector.
        pub const VECTOR: Field = Field::new(0, 8);
        /// The cause may interrupt.
        pub const ENABLE: Field = Field::new(31, 1);
    }

    /// Fields of [`INT_ACK`].
    pub mod int_ack {
        use super::Field;

        /// C2H data causes.
        pub const C2H_DATA: Field = Field::new(0, 16);
        /// C2H error causes.
        pub const C2H_ERROR: Field = Field::new(16, 16);
    }

    /// Fields of [`INT_ACK_2`].
    pub mod int_ack_2 {
        use super::Field;

        /// H2C space causes.
        pub const H2C_SPACE: Field = Field::new(0, 8);
        /// H2C error causes.
        pub const H2C_ERROR: Field = Field::new(8, 8);
        /// The card cause.
        pub const CARD: Field = Field::new(16, 1);
    }

    /// Fields of [`READ_QUARANTINE`].
    pub mod read_quarantine {
        use super::Field;

        /// Tags in quarantine.
        pub const TAGS: Field = Field::new(0, 9);
        /// Reads that ran out of time since card reset; stops at all ones.
        pub const TOTAL: Field = Field::new(16, 16);
    }

    /// The registers of this block, for [`super::MAP`].
    pub(super) static REGISTERS: &[Template] = &[
        Template::new(
            "ID",
            0x0,
            32,
            "Identity. \"SLCO\": the first thing that a driver checks.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").reset(0x534c434f)],
        ),
        Template::new(
            "MAP_VERSION",
            0x4,
            32,
            "Version of this map. A driver refuses another major number, or a minor one below what it needs.",
            &[
                FieldInfo::new("minor", 0, 16, Access::Ro, "Additions.").reset(0x2),
                FieldInfo::new("major", 16, 16, Access::Ro, "Incompatible changes.").reset(0x1),
            ],
        ),
        Template::new(
            "BUILD",
            0x8,
            32,
            "Build. Identity of the gateware build; also in the VSEC.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "CAPS",
            0xc,
            32,
            "Capabilities. What this card was built with.",
            &[
                FieldInfo::new("c2h_channels", 0, 8, Access::Ro, "Card-to-host channels, 1 to 16.").volatile(),
                FieldInfo::new("h2c_channels", 8, 8, Access::Ro, "Host-to-card channels, 1 to 8.").volatile(),
                FieldInfo::new("vectors_minus_one", 16, 8, Access::Ro, "MSI-X vectors less one.").volatile(),
                FieldInfo::new("port_bytes", 24, 8, Access::Ro, "Width of the port in bytes.").volatile(),
            ],
        ),
        Template::new(
            "FIFO_BYTES",
            0x10,
            32,
            "FIFO size. Bytes of each channel's front-end FIFO.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "FIFO_FRAMES",
            0x14,
            32,
            "FIFO frames. Frame ends that each channel's front-end FIFO can hold.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "SCRATCH",
            0x18,
            64,
            "Scratch. Holds what is written; means nothing.",
            &[FieldInfo::new("value", 0, 64, Access::Rw, "The value.")],
        ),
        Template::new(
            "CYCLES",
            0x20,
            64,
            "Cycle counter. Clocks since fundamental reset; the time base of all stamps. No other reset touches it.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "CONTROL",
            0x28,
            32,
            "Card control. Nothing runs while `enable` is low: a channel started under it stays as it is until enable rises.",
            &[
                FieldInfo::new("enable", 0, 1, Access::Rw, "Global enable of all channels."),
                FieldInfo::new(
                    "reset",
                    1,
                    1,
                    Access::Rw,
                    "Write one: all channels and all registers as after power-on; config space is kept.",
                )
                .singlepulse(),
            ],
        ),
        Template::new(
            "INT_STATUS",
            0x2c,
            32,
            "Interrupt status. Bit per C2H channel and cause that was signalled and not acknowledged. A cause is acknowledged when its MSI-X message goes out, when it is armed anew, by its bit of INT_ACK, and by a start or reset of its channel. While MSI-X and MSI are off, the card asserts INTA as long as a bit of INT_STATUS or INT_STATUS_2 is set, and Interrupt Disable is not.",
            &[
                FieldInfo::new("c2h_data", 0, 16, Access::Ro, "C2H data causes.").volatile(),
                FieldInfo::new("c2h_error", 16, 16, Access::Ro, "C2H error causes.").volatile(),
            ],
        ),
        Template::new(
            "ERROR_SUMMARY",
            0x30,
            32,
            "Error summary. Bit per channel in the error state.",
            &[
                FieldInfo::new("c2h", 0, 16, Access::Ro, "C2H channels.").volatile(),
                FieldInfo::new("h2c", 16, 8, Access::Ro, "H2C channels.").volatile(),
                FieldInfo::new("vector", 24, 1, Access::Ro, "INT_CARD enables its cause with a vector that the card does not have (CAPS).")
                    .volatile(),
            ],
        ),
        Template::new(
            "HOLE_WRITES",
            0x34,
            32,
            "Writes to holes. Writes that hit no register or a read-only one; stops at all ones.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_CONTROL",
            0x38,
            32,
            "Performance counter control. All PERF registers, of the card and of the channels, show the values at the last latch: one consistent set.",
            &[
                FieldInfo::new("latch", 0, 1, Access::Rw, "Write one: latch all counters.").singlepulse(),
                FieldInfo::new("clear", 1, 1, Access::Rw, "Write one: clear all counters, after the latch if both are written.")
                    .singlepulse(),
            ],
        ),
        Template::new(
            "PERF_CYCLES",
            0x40,
            64,
            "Cycles. Clocks counted.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_TX_BUSY",
            0x48,
            64,
            "Transmit busy. Clocks in which a beat passed on the transmit stream.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_TX_HELD",
            0x50,
            64,
            "Transmit held. Clocks in which a beat was offered and the receiver was not ready.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_NO_CREDIT",
            0x58,
            64,
            "No credit. Clocks in which the transmit stream had no beat, because the next TLP, or an owed completion, lacked credits.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_TX_TLPS",
            0x60,
            64,
            "TLPs sent. Of all kinds.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_RX_TLPS",
            0x68,
            64,
            "TLPs received. Of all kinds.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_INTERRUPTS",
            0x70,
            64,
            "Interrupts sent. MSI-X, MSI and Assert_INTA messages sent.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "INT_STATUS_2",
            0x78,
            32,
            "Interrupt status, H2C and card. As INT_STATUS, for the host-to-card channels and the card.",
            &[
                FieldInfo::new("h2c_space", 0, 8, Access::Ro, "H2C space causes.").volatile(),
                FieldInfo::new("h2c_error", 8, 8, Access::Ro, "H2C error causes.").volatile(),
                FieldInfo::new("card", 16, 1, Access::Ro, "The card cause.").volatile(),
            ],
        ),
        Template::new(
            "READ_TAGS",
            0x7c,
            32,
            "Read engine. What the card's memory reads share.",
            &[
                FieldInfo::new("tags", 0, 9, Access::Ro, "Tags, 1 to 256.").volatile(),
                FieldInfo::new("in_use", 16, 9, Access::Ro, "Tags of reads that wait for their completions.").volatile(),
            ],
        ),
        Template::new(
            "INT_CARD",
            0x80,
            32,
            "Card interrupt. Cause `card`: signalled once when ERROR_SUMMARY and ERROR_MASK first have a bit in common.",
            &[
                FieldInfo::new("vector", 0, 8, Access::Rw, "Vector."),
                FieldInfo::new("enable", 31, 1, Access::Rw, "The cause may interrupt."),
            ],
        ),
        Template::new(
            "ERROR_MASK",
            0x84,
            32,
            "Error mask. Bits of ERROR_SUMMARY that raise the card cause.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "PERF_NO_TAG",
            0x88,
            64,
            "No tag. Clocks in which a read wanted to go and no tag was free.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_RX_BUSY",
            0x90,
            64,
            "Receive busy. Clocks in which a beat passed on the receive stream.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "INT_ACK",
            0x98,
            32,
            "Interrupt acknowledge. Write one: the cause of that bit of INT_STATUS is acknowledged; its bit falls until it is signalled again. Arms nothing.",
            &[
                FieldInfo::new("c2h_data", 0, 16, Access::Wo, "C2H data causes."),
                FieldInfo::new("c2h_error", 16, 16, Access::Wo, "C2H error causes."),
            ],
        ),
        Template::new(
            "INT_ACK_2",
            0x9c,
            32,
            "Interrupt acknowledge, H2C and card. As INT_ACK, for the bits of INT_STATUS_2.",
            &[
                FieldInfo::new("h2c_space", 0, 8, Access::Wo, "H2C space causes."),
                FieldInfo::new("h2c_error", 8, 8, Access::Wo, "H2C error causes."),
                FieldInfo::new("card", 16, 1, Access::Wo, "The card cause."),
            ],
        ),
        Template::new(
            "READ_QUARANTINE",
            0xa0,
            32,
            "Read tags in quarantine. A read that ran out of time keeps its tag: a late completion must never meet another read under it. The tag is free again once the completion has come after all, or after eight times the completion timeout.",
            &[
                FieldInfo::new("tags", 0, 9, Access::Ro, "Tags in quarantine.").volatile(),
                FieldInfo::new("total", 16, 16, Access::Ro, "Reads that ran out of time since card reset; stops at all ones.").volatile(),
            ],
        ),
        Template::new(
            "ELINKS",
            0xf0,
            32,
            "E-links. E-links that each generator has block memory for, 1 KiB each; 1 to 256.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
    ];
}

/// C2H channel. One card-to-host channel: its ring, progress, interrupts, counters and generator.
pub mod c2h {
    use super::{Access, Field, FieldInfo, Template};

    /// Offset of the (first) block in BAR0.
    pub const BASE: u32 = 0x1000;
    /// Bytes from one block to the next.
    pub const STRIDE: u32 = 0x200;
    /// Blocks that the map has room for.
    pub const COUNT: u32 = 16;
    /// Offset in BAR0 of `register` of channel `channel`, which must be below [`COUNT`].
    #[must_use]
    #[inline]
    pub const fn offset(channel: u32, register: u32) -> u32 {
        debug_assert!(channel < COUNT);
        BASE + channel * STRIDE + register
    }

    /// Control. Setting `run` starts the channel from IDLE, as a new run with all counts at zero; clearing it stops the channel. Configuration registers are taken at the start.
    pub const CONTROL: u32 = 0x000;

    /// Status. What the channel is doing.
    pub const STATUS: u32 = 0x004;

    /// Ring base. Bus address of the ring, on 4 KiB.
    pub const RING_BASE: u32 = 0x008;

    /// Ring size. Bytes of the ring: 4 KiB to 1 TiB, any multiple of 4 KiB.
    pub const RING_SIZE: u32 = 0x010;

    /// Bytes delivered. Bytes of whole frames put into the ring in this run; only grows. The next frame goes to offset HW_COUNT modulo RING_SIZE.
    pub const HW_COUNT: u32 = 0x018;

    /// Bytes given back. Doorbell: bytes that the host has freed in this run; only grows, never beyond HW_COUNT, on the 32-byte grid. Set to zero by a start.
    pub const SW_COUNT: u32 = 0x020;

    /// Write-back address. Bus address of the 64-byte write-back block, on 64 bytes.
    pub const WB_ADDR: u32 = 0x028;

    /// Write-back frames. Write back after this many frames; 0: not by frames.
    pub const WB_FRAMES: u32 = 0x030;

    /// Write-back bytes. Write back after this many bytes; 0: not by bytes.
    pub const WB_BYTES: u32 = 0x034;

    /// Write-back time. Write back this many cycles after the first progress not yet written back; 0: not by time.
    pub const WB_TIME: u32 = 0x038;

    /// Configuration. Taken at the start.
    pub const CONFIG: u32 = 0x03c;

    /// Frame limit. Most payload bytes of a frame; what is beyond is cut and the frame marked truncated. With header and padding it must fit the ring, or fewer than 1024 pages: a page that would be the 1024th of one frame fails the channel. Where the generator makes e-link blocks: most bytes of a chunk; a block of 1 KiB is then what must fit.
    pub const MAX_FRAME: u32 = 0x040;
    /// Value of [`MAX_FRAME`] after reset.
    pub const MAX_FRAME_RESET: u64 = 0x100000;

    /// BUSY assert. FIFO fill in bytes at which BUSY rises; 0: three quarters of the FIFO.
    pub const BUSY_ASSERT: u32 = 0x044;

    /// BUSY release. FIFO fill in bytes at or below which BUSY falls; 0: half of the FIFO.
    pub const BUSY_RELEASE: u32 = 0x048;

    /// Error. The first error, kept until the channel is started again or reset.
    pub const ERROR: u32 = 0x04c;

    /// Error address. The address or count that goes with the error.
    pub const ERROR_ADDR: u32 = 0x050;

    /// Data interrupt. Cause `data`: frames beyond the armed count.
    pub const INT_DATA: u32 = 0x058;

    /// Data interrupt frames. Frames beyond the armed count before the card signals; 0 and 1: at once.
    pub const INT_DATA_FRAMES: u32 = 0x05c;

    /// Data interrupt time. Cycles after the first frame beyond the armed count at which the card signals although INT_DATA_FRAMES is not reached; 0: no timer.
    pub const INT_DATA_TIME: u32 = 0x060;

    /// Error interrupt. Cause `error`: signalled once when the channel enters the error state.
    pub const INT_ERROR: u32 = 0x064;

    /// Data interrupt arm. Writing arms the cause with the number of frames that the host has seen in this run: the card signals once when it has published more, at once if it already has, and not again until armed anew.
    pub const INT_DATA_ARM: u32 = 0x068;

    /// Frames delivered. In this run.
    pub const FRAMES: u32 = 0x070;

    /// Frames dropped. In this run: whole frames that found the FIFO full (with CONFIG.drop).
    pub const DROPPED: u32 = 0x078;

    /// Run number. Starts since card reset.
    pub const RUN: u32 = 0x080;

    /// Frames discarded. Frames that a stop or an error of this run left undelivered in the FIFO, whole or in part.
    pub const DISCARDED: u32 = 0x084;

    /// Transmit beats. Beats of this channel that passed on the transmit stream.
    pub const PERF_TX_BEATS: u32 = 0x090;

    /// No credit. Clocks in which the channel had a TLP to send and no credits for it.
    pub const PERF_NO_CREDIT: u32 = 0x098;

    /// No buffer. Clocks in which the channel had data and the ring had no room for them.
    pub const PERF_NO_BUFFER: u32 = 0x0a0;

    /// No data. Clocks in which the channel was running and had nothing to send.
    pub const PERF_NO_DATA: u32 = 0x0a8;

    /// No grant. Clocks in which the channel had a TLP ready and waited for the transmit stream.
    pub const PERF_NO_GRANT: u32 = 0x0b0;

    /// Front-end beats. Beats taken into the FIFO.
    pub const PERF_FRONT_BEATS: u32 = 0x0b8;

    /// Front end held. Clocks in which the source had a beat and the running channel did not take it.
    pub const PERF_FRONT_HELD: u32 = 0x0c0;

    /// BUSY. Clocks with BUSY high.
    pub const PERF_BUSY: u32 = 0x0c8;

    /// Generator configuration. Taken at the start, with CONFIG.generator.
    pub const GEN_CONFIG: u32 = 0x100;

    /// Shortest frame. Bytes of payload; zero is legal.
    pub const GEN_MIN: u32 = 0x104;

    /// Longest frame. Bytes of payload.
    pub const GEN_MAX: u32 = 0x108;

    /// Pause. Clocks between the last beat of a frame and the first of the next; in block mode, between a chunk that was packed and the next.
    pub const GEN_PAUSE: u32 = 0x10c;

    /// Rate. Beats per 65536 clocks, at most 65536: an accumulator spreads them evenly.
    pub const GEN_RATE: u32 = 0x110;
    /// Value of [`GEN_RATE`] after reset.
    pub const GEN_RATE_RESET: u64 = 0x10000;

    /// Seed. Of lengths and payload.
    pub const GEN_SEED: u32 = 0x118;

    /// Frames to make. In a run; 0: without end. In block mode: chunks; blocks that are open after the last one go out as they are.
    pub const GEN_COUNT: u32 = 0x120;

    /// Frames made. In this run, dropped ones included.
    pub const GEN_MADE: u32 = 0x128;

    /// E-links. Block mode: number of e-links, 1 to the card's ELINKS; source numbers follow each other.
    pub const GEN_LINKS: u32 = 0x130;

    /// Block flush time. Block mode: clocks after the first chunk in a block at which the block goes out although it is not full; 0: never.
    pub const GEN_FLUSH: u32 = 0x134;

    /// Chunks made. Block mode: chunks of this run whose end has gone into the FIFO with its block, or was dropped with it.
    pub const GEN_CHUNKS: u32 = 0x138;

    /// Length table. Bytes of payload, used in turn.
    pub const GEN_TABLE: u32 = 0x140;
    /// Number of [`GEN_TABLE`] registers.
    pub const GEN_TABLE_COUNT: u32 = 16;
    /// Bytes from one [`GEN_TABLE`] register to the next.
    pub const GEN_TABLE_STRIDE: u32 = 4;

    /// Free list base. Bus address of the free-list ring of 16-byte page descriptors, on 64 bytes.
    pub const FREE_BASE: u32 = 0x180;

    /// Completion ring base. Bus address of the ring of 32-byte completion entries, on 64 bytes.
    pub const COMP_BASE: u32 = 0x188;

    /// Free list entries. 2 to 65536; any number.
    pub const FREE_ENTRIES: u32 = 0x190;

    /// Completion ring entries. 2 to 65536; any number.
    pub const COMP_ENTRIES: u32 = 0x194;

    /// Pages given. Doorbell: page descriptors that the host has put into the free list in this run; only grows, at most FREE_ENTRIES ahead of FREE_HEAD. Set to zero by a start.
    pub const FREE_TAIL: u32 = 0x198;

    /// Completions taken. Doorbell: completion entries that the host has taken in this run; only grows, never beyond COMP_TAIL. Set to zero by a start.
    pub const COMP_HEAD: u32 = 0x1a0;

    /// Pages fetched. Page descriptors that the card has fetched in this run.
    pub const FREE_HEAD: u32 = 0x1a8;

    /// Completions written. Completion entries that have left the card in this run.
    pub const COMP_TAIL: u32 = 0x1b0;

    /// Flush time. Packed pages: cycles after the last frame put into an open page at which the page is completed although it has room; 0: never.
    pub const FLUSH_TIME: u32 = 0x1b8;

    /// Pages held. Pages that the card has fetched and not completed.
    pub const PAGES_HELD: u32 = 0x1bc;

    /// Error cookie. Cookie of the descriptor that goes with the error, if there is one.
    pub const ERROR_COOKIE: u32 = 0x1c0;

    /// Fields of [`CONTROL`].
    pub mod control {
        use super::Field;

        /// Run.
        pub const RUN: Field = Field::new(0, 1);
        /// Write one: the channel as after power-on; `run` in the same write is ignored.
        pub const RESET: Field = Field::new(1, 1);
    }

    /// Fields of [`STATUS`].
    pub mod status {
        use super::Field;

        /// 0 idle, 1 running, 2 stopping, 3 error.
        pub const STATE: Field = Field::new(0, 3);
        /// BUSY towards the front end.
        pub const BUSY: Field = Field::new(3, 1);
        /// The data interrupt is armed.
        pub const ARMED: Field = Field::new(4, 1);
    }

    /// Fields of [`CONFIG`].
    pub mod config {
        use super::Field;

        /// 0: the front-end stream; 1: the generator.
        pub const GENERATOR: Field = Field::new(0, 1);
        /// When the FIFO is full: 0 stalls the source, 1 drops whole frames.
        pub const DROP: Field = Field::new(1, 1);
        /// Write progress back to host memory.
        pub const WRITE_BACK: Field = Field::new(2, 1);
        /// Set relaxed ordering on payload writes, if Device Control allows it.
        pub const RELAXED: Field = Field::new(3, 1);
        /// Set no snoop on payload writes, if Device Control allows it.
        pub const NO_SNOOP: Field = Field::new(4, 1);
        /// 0: ring discipline; 1: page discipline.
        pub const PAGES: Field = Field::new(5, 1);
        /// Pages: 0 starts each frame on a page of its own; 1 packs frames that fit.
        pub const PACKED: Field = Field::new(6, 1);
    }

    /// Fields of [`ERROR`].
    pub mod error {
        use super::Field;

        /// 0 none, 1 bad ring, 2 bad doorbell, 3 bad write-back address, 4 bad frame limit, 5 bad threshold, 6 bus master off, 7 bad generator, 8 completion timeout, 9 unsupported request, 10 completer abort, 11 poisoned completion, 12 bad descriptor, 13 bad descriptor or completion ring, 14 bad output, 15 bad vector.
        pub const CODE: Field = Field::new(0, 8);
    }

    /// Fields of [`INT_DATA`].
    pub mod int_data {
        use super::Field;

        /// Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.
        pub const VECTOR: Field = Field::new(0, 8);
        /// The cause may interrupt.
        pub const ENABLE: Field = Field::new(31, 1);
    }

    /// Fields of [`INT_ERROR`].
    pub mod int_error {
        use super::Field;

        /// Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.
        pub const VECTOR: Field = Field::new(0, 8);
        /// The cause may interrupt.
        pub const ENABLE: Field = Field::new(31, 1);
    }

    /// Fields of [`GEN_CONFIG`].
    pub mod gen_config {
        use super::Field;

        /// 0: GEN_MIN; 1: uniform from GEN_MIN to GEN_MAX; 2: the table in turn.
        pub const MODE: Field = Field::new(0, 2);
        /// 0: plain frames. 1: e-link blocks: lengths, pause and count are those of chunks, which are packed into a block of 1 KiB for each of GEN_LINKS e-links; each block is a frame.
        pub const BLOCKS: Field = Field::new(2, 1);
        /// Source (e-link) in the frame headers; in block mode that of the first e-link.
        pub const SOURCE: Field = Field::new(16, 16);
    }

    /// The registers of this block, for [`super::MAP`].
    pub(super) static REGISTERS: &[Template] = &[
        Template::new("CONTROL", 0x0, 32, "Control. Setting `run` starts the channel from IDLE, as a new run with all counts at zero; clearing it stops the channel. Configuration registers are taken at the start.", &[
            FieldInfo::new("run", 0, 1, Access::Rw, "Run."),
            FieldInfo::new("reset", 1, 1, Access::Rw, "Write one: the channel as after power-on; `run` in the same write is ignored.").singlepulse(),
        ]),
        Template::new("STATUS", 0x4, 32, "Status. What the channel is doing.", &[
            FieldInfo::new("state", 0, 3, Access::Ro, "0 idle, 1 running, 2 stopping, 3 error.").volatile(),
            FieldInfo::new("busy", 3, 1, Access::Ro, "BUSY towards the front end.").volatile(),
            FieldInfo::new("armed", 4, 1, Access::Ro, "The data interrupt is armed.").volatile(),
        ]),
        Template::new("RING_BASE", 0x8, 64, "Ring base. Bus address of the ring, on 4 KiB.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("RING_SIZE", 0x10, 64, "Ring size. Bytes of the ring: 4 KiB to 1 TiB, any multiple of 4 KiB.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("HW_COUNT", 0x18, 64, "Bytes delivered. Bytes of whole frames put into the ring in this run; only grows. The next frame goes to offset HW_COUNT modulo RING_SIZE.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("SW_COUNT", 0x20, 64, "Bytes given back. Doorbell: bytes that the host has freed in this run; only grows, never beyond HW_COUNT, on the 32-byte grid. Set to zero by a start.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("WB_ADDR", 0x28, 64, "Write-back address. Bus address of the 64-byte write-back block, on 64 bytes.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("WB_FRAMES", 0x30, 32, "Write-back frames. Write back after this many frames; 0: not by frames.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("WB_BYTES", 0x34, 32, "Write-back bytes. Write back after this many bytes; 0: not by bytes.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("WB_TIME", 0x38, 32, "Write-back time. Write back this many cycles after the first progress not yet written back; 0: not by time.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("CONFIG", 0x3c, 32, "Configuration. Taken at the start.", &[
            FieldInfo::new("generator", 0, 1, Access::Rw, "0: the front-end stream; 1: the generator."),
            FieldInfo::new("drop", 1, 1, Access::Rw, "When the FIFO is full: 0 stalls the source, 1 drops whole frames."),
            FieldInfo::new("write_back", 2, 1, Access::Rw, "Write progress back to host memory."),
            FieldInfo::new("relaxed", 3, 1, Access::Rw, "Set relaxed ordering on payload writes, if Device Control allows it."),
            FieldInfo::new("no_snoop", 4, 1, Access::Rw, "Set no snoop on payload writes, if Device Control allows it."),
            FieldInfo::new("pages", 5, 1, Access::Rw, "0: ring discipline; 1: page discipline."),
            FieldInfo::new("packed", 6, 1, Access::Rw, "Pages: 0 starts each frame on a page of its own; 1 packs frames that fit."),
        ]),
        Template::new("MAX_FRAME", 0x40, 32, "Frame limit. Most payload bytes of a frame; what is beyond is cut and the frame marked truncated. With header and padding it must fit the ring, or fewer than 1024 pages: a page that would be the 1024th of one frame fails the channel. Where the generator makes e-link blocks: most bytes of a chunk; a block of 1 KiB is then what must fit.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value.").reset(0x100000),
        ]),
        Template::new("BUSY_ASSERT", 0x44, 32, "BUSY assert. FIFO fill in bytes at which BUSY rises; 0: three quarters of the FIFO.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("BUSY_RELEASE", 0x48, 32, "BUSY release. FIFO fill in bytes at or below which BUSY falls; 0: half of the FIFO.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("ERROR", 0x4c, 32, "Error. The first error, kept until the channel is started again or reset.", &[
            FieldInfo::new("code", 0, 8, Access::Ro, "0 none, 1 bad ring, 2 bad doorbell, 3 bad write-back address, 4 bad frame limit, 5 bad threshold, 6 bus master off, 7 bad generator, 8 completion timeout, 9 unsupported request, 10 completer abort, 11 poisoned completion, 12 bad descriptor, 13 bad descriptor or completion ring, 14 bad output, 15 bad vector.").volatile(),
        ]),
        Template::new("ERROR_ADDR", 0x50, 64, "Error address. The address or count that goes with the error.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("INT_DATA", 0x58, 32, "Data interrupt. Cause `data`: frames beyond the armed count.", &[
            FieldInfo::new("vector", 0, 8, Access::Rw, "Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs."),
            FieldInfo::new("enable", 31, 1, Access::Rw, "The cause may interrupt."),
        ]),
        Template::new("INT_DATA_FRAMES", 0x5c, 32, "Data interrupt frames. Frames beyond the armed count before the card signals; 0 and 1: at once.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("INT_DATA_TIME", 0x60, 32, "Data interrupt time. Cycles after the first frame beyond the armed count at which the card signals although INT_DATA_FRAMES is not reached; 0: no timer.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("INT_ERROR", 0x64, 32, "Error interrupt. Cause `error`: signalled once when the channel enters the error state.", &[
            FieldInfo::new("vector", 0, 8, Access::Rw, "Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs."),
            FieldInfo::new("enable", 31, 1, Access::Rw, "The cause may interrupt."),
        ]),
        Template::new("INT_DATA_ARM", 0x68, 64, "Data interrupt arm. Writing arms the cause with the number of frames that the host has seen in this run: the card signals once when it has published more, at once if it already has, and not again until armed anew.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("FRAMES", 0x70, 64, "Frames delivered. In this run.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("DROPPED", 0x78, 64, "Frames dropped. In this run: whole frames that found the FIFO full (with CONFIG.drop).", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("RUN", 0x80, 32, "Run number. Starts since card reset.", &[
            FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("DISCARDED", 0x84, 32, "Frames discarded. Frames that a stop or an error of this run left undelivered in the FIFO, whole or in part.", &[
            FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_TX_BEATS", 0x90, 64, "Transmit beats. Beats of this channel that passed on the transmit stream.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_NO_CREDIT", 0x98, 64, "No credit. Clocks in which the channel had a TLP to send and no credits for it.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_NO_BUFFER", 0xa0, 64, "No buffer. Clocks in which the channel had data and the ring had no room for them.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_NO_DATA", 0xa8, 64, "No data. Clocks in which the channel was running and had nothing to send.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_NO_GRANT", 0xb0, 64, "No grant. Clocks in which the channel had a TLP ready and waited for the transmit stream.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_FRONT_BEATS", 0xb8, 64, "Front-end beats. Beats taken into the FIFO.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_FRONT_HELD", 0xc0, 64, "Front end held. Clocks in which the source had a beat and the running channel did not take it.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("PERF_BUSY", 0xc8, 64, "BUSY. Clocks with BUSY high.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("GEN_CONFIG", 0x100, 32, "Generator configuration. Taken at the start, with CONFIG.generator.", &[
            FieldInfo::new("mode", 0, 2, Access::Rw, "0: GEN_MIN; 1: uniform from GEN_MIN to GEN_MAX; 2: the table in turn."),
            FieldInfo::new("blocks", 2, 1, Access::Rw, "0: plain frames. 1: e-link blocks: lengths, pause and count are those of chunks, which are packed into a block of 1 KiB for each of GEN_LINKS e-links; each block is a frame."),
            FieldInfo::new("source", 16, 16, Access::Rw, "Source (e-link) in the frame headers; in block mode that of the first e-link."),
        ]),
        Template::new("GEN_MIN", 0x104, 32, "Shortest frame. Bytes of payload; zero is legal.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("GEN_MAX", 0x108, 32, "Longest frame. Bytes of payload.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("GEN_PAUSE", 0x10c, 32, "Pause. Clocks between the last beat of a frame and the first of the next; in block mode, between a chunk that was packed and the next.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("GEN_RATE", 0x110, 32, "Rate. Beats per 65536 clocks, at most 65536: an accumulator spreads them evenly.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value.").reset(0x10000),
        ]),
        Template::new("GEN_SEED", 0x118, 64, "Seed. Of lengths and payload.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("GEN_COUNT", 0x120, 64, "Frames to make. In a run; 0: without end. In block mode: chunks; blocks that are open after the last one go out as they are.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("GEN_MADE", 0x128, 64, "Frames made. In this run, dropped ones included.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("GEN_LINKS", 0x130, 32, "E-links. Block mode: number of e-links, 1 to the card's ELINKS; source numbers follow each other.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("GEN_FLUSH", 0x134, 32, "Block flush time. Block mode: clocks after the first chunk in a block at which the block goes out although it is not full; 0: never.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("GEN_CHUNKS", 0x138, 64, "Chunks made. Block mode: chunks of this run whose end has gone into the FIFO with its block, or was dropped with it.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("GEN_TABLE", 0x140, 32, "Length table. Bytes of payload, used in turn.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]).array(16, 4),
        Template::new("FREE_BASE", 0x180, 64, "Free list base. Bus address of the free-list ring of 16-byte page descriptors, on 64 bytes.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("COMP_BASE", 0x188, 64, "Completion ring base. Bus address of the ring of 32-byte completion entries, on 64 bytes.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("FREE_ENTRIES", 0x190, 32, "Free list entries. 2 to 65536; any number.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("COMP_ENTRIES", 0x194, 32, "Completion ring entries. 2 to 65536; any number.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("FREE_TAIL", 0x198, 64, "Pages given. Doorbell: page descriptors that the host has put into the free list in this run; only grows, at most FREE_ENTRIES ahead of FREE_HEAD. Set to zero by a start.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("COMP_HEAD", 0x1a0, 64, "Completions taken. Doorbell: completion entries that the host has taken in this run; only grows, never beyond COMP_TAIL. Set to zero by a start.", &[
            FieldInfo::new("value", 0, 64, Access::Rw, "The value."),
        ]),
        Template::new("FREE_HEAD", 0x1a8, 64, "Pages fetched. Page descriptors that the card has fetched in this run.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("COMP_TAIL", 0x1b0, 64, "Completions written. Completion entries that have left the card in this run.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("FLUSH_TIME", 0x1b8, 32, "Flush time. Packed pages: cycles after the last frame put into an open page at which the page is completed although it has room; 0: never.", &[
            FieldInfo::new("value", 0, 32, Access::Rw, "The value."),
        ]),
        Template::new("PAGES_HELD", 0x1bc, 32, "Pages held. Pages that the card has fetched and not completed.", &[
            FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile(),
        ]),
        Template::new("ERROR_COOKIE", 0x1c0, 64, "Error cookie. Cookie of the descriptor that goes with the error, if there is one.", &[
            FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile(),
        ]),
    ];
}

/// H2C channel. One host-to-card channel: its descriptor ring, progress, interrupts, counters and output.
pub mod h2c {
    use super::{Access, Field, FieldInfo, Template};

    /// Offset of the (first) block in BAR0.
    pub const BASE: u32 = 0x8000;
    /// Bytes from one block to the next.
    pub const STRIDE: u32 = 0x200;
    /// Blocks that the map has room for.
    pub const COUNT: u32 = 8;
    /// Offset in BAR0 of `register` of channel `channel`, which must be below [`COUNT`].
    #[must_use]
    #[inline]
    pub const fn offset(channel: u32, register: u32) -> u32 {
        debug_assert!(channel < COUNT);
        BASE + channel * STRIDE + register
    }

    /// Control. Setting `run` starts the channel from IDLE or ERROR, as a new run with all counts at zero; clearing it stops the channel. Configuration registers are taken at the start.
    pub const CONTROL: u32 = 0x000;

    /// Status. What the channel is doing.
    pub const STATUS: u32 = 0x004;

    /// Ring base. Bus address of the ring of 32-byte descriptors, on 64 bytes.
    pub const RING_BASE: u32 = 0x008;

    /// Ring entries. 2 to 65536; any number.
    pub const RING_ENTRIES: u32 = 0x010;

    /// Configuration. Taken at the start.
    pub const CONFIG: u32 = 0x014;

    /// Descriptors done. Descriptors of this run whose payload has gone to the output; only grows.
    pub const DONE: u32 = 0x018;

    /// Descriptors given. Doorbell: descriptors that the host has put into the ring in this run; only grows, at most RING_ENTRIES ahead of DONE. Set to zero by a start.
    pub const TAIL: u32 = 0x020;

    /// Write-back address. Bus address of the 64-byte write-back block, on 64 bytes.
    pub const WB_ADDR: u32 = 0x028;

    /// Write-back descriptors. Write back after this many descriptors; 0: not by number.
    pub const WB_EVERY: u32 = 0x030;

    /// Write-back time. Write back this many cycles after the first progress not yet written back; 0: not by time.
    pub const WB_TIME: u32 = 0x034;

    /// Error. The first error, kept until the channel is started again or reset. Codes as in the C2H channels.
    pub const ERROR: u32 = 0x03c;

    /// Error address. The address or count that goes with the error.
    pub const ERROR_ADDR: u32 = 0x040;

    /// Error cookie. Cookie of the descriptor that goes with the error, if there is one.
    pub const ERROR_COOKIE: u32 = 0x048;

    /// Space interrupt. Cause `space`: descriptors done beyond the armed count.
    pub const INT_SPACE: u32 = 0x050;

    /// Space interrupt count. Descriptors beyond the armed count before the card signals; 0 and 1: at once. A descriptor with the interrupt flag signals at once.
    pub const INT_SPACE_COUNT: u32 = 0x054;

    /// Space interrupt time. Cycles after the first descriptor beyond the armed count at which the card signals although INT_SPACE_COUNT is not reached; 0: no timer.
    pub const INT_SPACE_TIME: u32 = 0x058;

    /// Error interrupt. Cause `error`: signalled once when the channel enters the error state.
    pub const INT_ERROR: u32 = 0x05c;

    /// Space interrupt arm. Writing arms the cause with the number of descriptors that the host has seen done in this run.
    pub const INT_SPACE_ARM: u32 = 0x060;

    /// Frames sent. Frames of this run whose end has gone to the output.
    pub const FRAMES: u32 = 0x068;

    /// Bytes sent. Payload bytes of this run that have gone to the output.
    pub const BYTES: u32 = 0x070;

    /// Run number. Starts since card reset.
    pub const RUN: u32 = 0x078;

    /// Descriptors discarded. Descriptors given and not done when the run ended.
    pub const DISCARDED: u32 = 0x07c;

    /// Checked CRC. Checking sink: CRC-32C of the last whole frame.
    pub const CHECK_CRC: u32 = 0x080;

    /// Checked length. Checking sink: bytes of the last whole frame.
    pub const CHECK_LENGTH: u32 = 0x084;

    /// Receive beats. Beats of completions for this channel.
    pub const PERF_RX_BEATS: u32 = 0x090;

    /// No credit. Clocks in which the channel had a read to send and no credits for it.
    pub const PERF_NO_CREDIT: u32 = 0x098;

    /// No tag. Clocks in which the channel had a read to send and no tag was free.
    pub const PERF_NO_TAG: u32 = 0x0a0;

    /// No buffer. Clocks in which the channel had a read to send and no room for its payload.
    pub const PERF_NO_BUFFER: u32 = 0x0a8;

    /// No data. Clocks in which the channel was running and had no descriptor.
    pub const PERF_NO_DATA: u32 = 0x0b0;

    /// Output held. Clocks in which the channel had a beat and its output did not take it.
    pub const PERF_OUT_HELD: u32 = 0x0b8;

    /// Fields of [`CONTROL`].
    pub mod control {
        use super::Field;

        /// Run.
        pub const RUN: Field = Field::new(0, 1);
        /// Write one: the channel as after power-on; `run` in the same write is ignored.
        pub const RESET: Field = Field::new(1, 1);
    }

    /// Fields of [`STATUS`].
    pub mod status {
        use super::Field;

        /// 0 idle, 1 running, 2 stopping, 3 error.
        pub const STATE: Field = Field::new(0, 3);
        /// The space interrupt is armed.
        pub const ARMED: Field = Field::new(4, 1);
    }

    /// Fields of [`CONFIG`].
    pub mod config {
        use super::Field;

        /// Where frames go: 0 the stream port, 1 the checking sink, 2 loopback into C2H channel `target`.
        pub const OUTPUT: Field = Field::new(0, 2);
        /// Write progress back to host memory.
        pub const WRITE_BACK: Field = Field::new(2, 1);
        /// Set relaxed ordering on payload reads, if Device Control allows it.
        pub const RELAXED: Field = Field::new(3, 1);
        /// Set no snoop on payload reads, if Device Control allows it.
        pub const NO_SNOOP: Field = Field::new(4, 1);
        /// C2H channel that loopback feeds.
        pub const TARGET: Field = Field::new(8, 4);
    }

    /// Fields of [`ERROR`].
    pub mod error {
        use super::Field;

        /// Code.
        pub const CODE: Field = Field::new(0, 8);
    }

    /// Fields of [`INT_SPACE`].
    pub mod int_space {
        use super::Field;

        /// Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.
        pub const VECTOR: Field = Field::new(0, 8);
        /// The cause may interrupt.
        pub const ENABLE: Field = Field::new(31, 1);
    }

    /// Fields of [`INT_ERROR`].
    pub mod int_error {
        use super::Field;

        /// Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.
        pub const VECTOR: Field = Field::new(0, 8);
        /// The cause may interrupt.
        pub const ENABLE: Field = Field::new(31, 1);
    }

    /// The registers of this block, for [`super::MAP`].
    pub(super) static REGISTERS: &[Template] = &[
        Template::new(
            "CONTROL",
            0x0,
            32,
            "Control. Setting `run` starts the channel from IDLE or ERROR, as a new run with all counts at zero; clearing it stops the channel. Configuration registers are taken at the start.",
            &[
                FieldInfo::new("run", 0, 1, Access::Rw, "Run."),
                FieldInfo::new("reset", 1, 1, Access::Rw, "Write one: the channel as after power-on; `run` in the same write is ignored.")
                    .singlepulse(),
            ],
        ),
        Template::new(
            "STATUS",
            0x4,
            32,
            "Status. What the channel is doing.",
            &[
                FieldInfo::new("state", 0, 3, Access::Ro, "0 idle, 1 running, 2 stopping, 3 error.").volatile(),
                FieldInfo::new("armed", 4, 1, Access::Ro, "The space interrupt is armed.").volatile(),
            ],
        ),
        Template::new(
            "RING_BASE",
            0x8,
            64,
            "Ring base. Bus address of the ring of 32-byte descriptors, on 64 bytes.",
            &[FieldInfo::new("value", 0, 64, Access::Rw, "The value.")],
        ),
        Template::new(
            "RING_ENTRIES",
            0x10,
            32,
            "Ring entries. 2 to 65536; any number.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "CONFIG",
            0x14,
            32,
            "Configuration. Taken at the start.",
            &[
                FieldInfo::new(
                    "output",
                    0,
                    2,
                    Access::Rw,
                    "Where frames go: 0 the stream port, 1 the checking sink, 2 loopback into C2H channel `target`.",
                ),
                FieldInfo::new("write_back", 2, 1, Access::Rw, "Write progress back to host memory."),
                FieldInfo::new("relaxed", 3, 1, Access::Rw, "Set relaxed ordering on payload reads, if Device Control allows it."),
                FieldInfo::new("no_snoop", 4, 1, Access::Rw, "Set no snoop on payload reads, if Device Control allows it."),
                FieldInfo::new("target", 8, 4, Access::Rw, "C2H channel that loopback feeds."),
            ],
        ),
        Template::new(
            "DONE",
            0x18,
            64,
            "Descriptors done. Descriptors of this run whose payload has gone to the output; only grows.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "TAIL",
            0x20,
            64,
            "Descriptors given. Doorbell: descriptors that the host has put into the ring in this run; only grows, at most RING_ENTRIES ahead of DONE. Set to zero by a start.",
            &[FieldInfo::new("value", 0, 64, Access::Rw, "The value.")],
        ),
        Template::new(
            "WB_ADDR",
            0x28,
            64,
            "Write-back address. Bus address of the 64-byte write-back block, on 64 bytes.",
            &[FieldInfo::new("value", 0, 64, Access::Rw, "The value.")],
        ),
        Template::new(
            "WB_EVERY",
            0x30,
            32,
            "Write-back descriptors. Write back after this many descriptors; 0: not by number.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "WB_TIME",
            0x34,
            32,
            "Write-back time. Write back this many cycles after the first progress not yet written back; 0: not by time.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "ERROR",
            0x3c,
            32,
            "Error. The first error, kept until the channel is started again or reset. Codes as in the C2H channels.",
            &[FieldInfo::new("code", 0, 8, Access::Ro, "Code.").volatile()],
        ),
        Template::new(
            "ERROR_ADDR",
            0x40,
            64,
            "Error address. The address or count that goes with the error.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "ERROR_COOKIE",
            0x48,
            64,
            "Error cookie. Cookie of the descriptor that goes with the error, if there is one.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "INT_SPACE",
            0x50,
            32,
            "Space interrupt. Cause `space`: descriptors done beyond the armed count.",
            &[
                FieldInfo::new(
                    "vector",
                    0,
                    8,
                    Access::Rw,
                    "Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.",
                ),
                FieldInfo::new("enable", 31, 1, Access::Rw, "The cause may interrupt."),
            ],
        ),
        Template::new(
            "INT_SPACE_COUNT",
            0x54,
            32,
            "Space interrupt count. Descriptors beyond the armed count before the card signals; 0 and 1: at once. A descriptor with the interrupt flag signals at once.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "INT_SPACE_TIME",
            0x58,
            32,
            "Space interrupt time. Cycles after the first descriptor beyond the armed count at which the card signals although INT_SPACE_COUNT is not reached; 0: no timer.",
            &[FieldInfo::new("value", 0, 32, Access::Rw, "The value.")],
        ),
        Template::new(
            "INT_ERROR",
            0x5c,
            32,
            "Error interrupt. Cause `error`: signalled once when the channel enters the error state.",
            &[
                FieldInfo::new(
                    "vector",
                    0,
                    8,
                    Access::Rw,
                    "Vector, below the number in CAPS: enabled with another, the channel does not start, and stops if it runs.",
                ),
                FieldInfo::new("enable", 31, 1, Access::Rw, "The cause may interrupt."),
            ],
        ),
        Template::new(
            "INT_SPACE_ARM",
            0x60,
            64,
            "Space interrupt arm. Writing arms the cause with the number of descriptors that the host has seen done in this run.",
            &[FieldInfo::new("value", 0, 64, Access::Rw, "The value.")],
        ),
        Template::new(
            "FRAMES",
            0x68,
            64,
            "Frames sent. Frames of this run whose end has gone to the output.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "BYTES",
            0x70,
            64,
            "Bytes sent. Payload bytes of this run that have gone to the output.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "RUN",
            0x78,
            32,
            "Run number. Starts since card reset.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "DISCARDED",
            0x7c,
            32,
            "Descriptors discarded. Descriptors given and not done when the run ended.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "CHECK_CRC",
            0x80,
            32,
            "Checked CRC. Checking sink: CRC-32C of the last whole frame.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "CHECK_LENGTH",
            0x84,
            32,
            "Checked length. Checking sink: bytes of the last whole frame.",
            &[FieldInfo::new("value", 0, 32, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_RX_BEATS",
            0x90,
            64,
            "Receive beats. Beats of completions for this channel.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_NO_CREDIT",
            0x98,
            64,
            "No credit. Clocks in which the channel had a read to send and no credits for it.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_NO_TAG",
            0xa0,
            64,
            "No tag. Clocks in which the channel had a read to send and no tag was free.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_NO_BUFFER",
            0xa8,
            64,
            "No buffer. Clocks in which the channel had a read to send and no room for its payload.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_NO_DATA",
            0xb0,
            64,
            "No data. Clocks in which the channel was running and had no descriptor.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
        Template::new(
            "PERF_OUT_HELD",
            0xb8,
            64,
            "Output held. Clocks in which the channel had a beat and its output did not take it.",
            &[FieldInfo::new("value", 0, 64, Access::Ro, "The value.").volatile()],
        ),
    ];
}

/// The blocks, each with its registers once.
pub static BLOCKS: &[Block] = &[
    Block { name: "card", base: 0x0, stride: 0x0, count: 1, registers: card::REGISTERS },
    Block { name: "c2h", base: 0x1000, stride: 0x200, count: 16, registers: c2h::REGISTERS },
    Block { name: "h2c", base: 0x8000, stride: 0x200, count: 8, registers: h2c::REGISTERS },
];

/// Number of entries of [`MAP`].
const MAP_LENGTH: usize = crate::map::count(BLOCKS);
static ALL: [Register; MAP_LENGTH] = crate::map::expand(BLOCKS);

/// Every register of every block and channel, in the order of offsets.
pub static MAP: &[Register] = &ALL;

/// The register that holds the byte at `offset` of BAR0; none for a hole.
#[must_use]
pub fn find(offset: u32) -> Option<&'static Register> {
    crate::map::find(MAP, offset)
}
