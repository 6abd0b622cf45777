//! The port at the grain of signals: what passes in one clock, and who answers it.

use crate::credit::Limits;
use crate::params::{DataWidth, MAX_C2H, MAX_H2C};
use crate::units::Cycles;

/// Bytes of the widest beat.
pub const MAX_BEAT: usize = 64;

/// One beat of a TLP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The beat is there.
    pub valid: bool,
    /// First beat: `header` counts.
    pub sop: bool,
    /// Last beat.
    pub eop: bool,
    /// The TLP arrived poisoned or damaged below the transaction layer and must be discarded (with `eop`).
    pub discard: bool,
    /// With `eop`, where the header's TD is set: the TLP digest (see [`ecrc`](crate::tlp::ecrc)).
    pub digest: u32,
    /// The header's dwords as numbers: bits 31 to 24 of dword 0 are Fmt and Type. A 3-dword header leaves the last one zero.
    pub header: [u32; 4],
    /// Payload bytes in this beat; 0 only for a TLP without payload.
    pub bytes: u8,
    /// Payload in the order of addresses, from byte 0; zero beyond `bytes`.
    pub data: [u8; MAX_BEAT],
}

impl Beat {
    /// No beat.
    pub const NONE: Self =
        Self { valid: false, sop: false, eop: false, discard: false, digest: 0, header: [0; 4], bytes: 0, data: [0; MAX_BEAT] };
}

impl Default for Beat {
    fn default() -> Self {
        Self::NONE
    }
}

/// One beat of a front-end stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontBeat {
    /// Last beat of the frame.
    pub last: bool,
    /// The front end marks the frame as bad (with `last`).
    pub error: bool,
    /// E-link or other source (constant over a frame).
    pub source: u16,
    /// Bytes in this beat: a full beat unless `last`; 0 only in the one beat of an empty frame.
    pub bytes: u8,
    /// Payload, zero beyond `bytes`.
    pub data: [u8; MAX_BEAT],
}

impl FrontBeat {
    /// No data.
    pub const NONE: Self = Self { last: false, error: false, source: 0, bytes: 0, data: [0; MAX_BEAT] };
}

/// What the card sees in one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortIn {
    /// Fundamental reset is asserted. A hot reset shows as the link going down.
    pub reset: bool,
    /// The data link is up (DL_Active).
    pub link_up: bool,
    /// Towards the card.
    pub rx: Beat,
    /// The receiver of the transmit stream takes the beat shown.
    pub tx_ready: bool,
    /// What the link partner has granted.
    pub credits: Limits,
    /// Bit per channel: `front` holds a beat.
    pub front_valid: u16,
    /// Front-end beats.
    pub front: [FrontBeat; MAX_C2H],
    /// Bit per H2C channel: the receiver of its output stream takes the beat shown.
    pub out_ready: u8,
}

impl Default for PortIn {
    fn default() -> Self {
        Self {
            reset: false,
            link_up: true,
            rx: Beat::NONE,
            tx_ready: true,
            credits: Limits::NONE,
            front_valid: 0,
            front: [FrontBeat::NONE; MAX_C2H],
            out_ready: 0,
        }
    }
}

/// What the card drives in one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOut {
    /// From the card.
    pub tx: Beat,
    /// The card takes the beat on `rx`.
    pub rx_ready: bool,
    /// What the card has granted to its link partner.
    pub credits: Limits,
    /// Bit per channel: the card takes the front-end beat.
    pub front_ready: u16,
    /// Bit per channel: BUSY towards the front end.
    pub front_busy: u16,
    /// Bit per H2C channel: `out` holds a beat of its output stream.
    pub out_valid: u8,
    /// Beats of the H2C output streams.
    pub out: [FrontBeat; MAX_H2C],
}

impl Default for PortOut {
    fn default() -> Self {
        Self {
            tx: Beat::NONE,
            rx_ready: false,
            credits: Limits::NONE,
            front_ready: 0,
            front_busy: 0,
            out_valid: 0,
            out: [FrontBeat::NONE; MAX_H2C],
        }
    }
}

/// A card, clock by clock.
pub trait Endpoint {
    /// Width of its port.
    fn width(&self) -> DataWidth;

    /// One clock: `input` is what is sampled at its end, `output` on entry what the card drove during it, on return what it drives in the next.
    fn clock(&mut self, input: &PortIn, output: &mut PortOut);

    /// Clocks from now in which the outputs stay as they are and nothing is lost by calling [`Endpoint::skip`] instead, if all inputs stay
    /// quiet: no valid stream, and the rest unchanged. [`Cycles`]`(u64::MAX)`: until an input changes.
    fn quiet(&self) -> Cycles {
        Cycles(0)
    }

    /// Passes `span` quiet clocks at once; never more than [`Endpoint::quiet`] says.
    fn skip(&mut self, span: Cycles) {
        assert_eq!(span, Cycles(0), "an endpoint that is never quiet cannot skip");
    }
}
