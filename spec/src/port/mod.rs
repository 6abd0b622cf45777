//! The TLP port: everything a card sees of the world, at two grains.
//!
//! **Signals** ([`Endpoint`]): one clock of inputs gives one clock of outputs. All outputs are registered (Moore): what
//! [`Endpoint::clock`] leaves in [`PortOut`] is what the card drives during the *next* clock. A stream moves a beat in each clock in which
//! its `valid` and its `ready` are both high. A TLP's header travels beside its data (as in hard IPs with a header bus): a TLP with no
//! payload takes one beat, one with `n` bytes ⌈n / width⌉; `sop` marks the first, `eop` the last. The RTL is driven this way, and lockstep
//! compares this way.
//!
//! **Runs of clocks** ([`TlpPort`]): the machine says what it will do in the coming clocks, and the card runs until something
//! comes of it. It means exactly the same clocks, so [`Clocked`] makes a `TlpPort` of any `Endpoint`; the model also implements it directly
//! and is held equal by a test. Middlewares (trace, faults, capture) wrap a `TlpPort`.
//!
//! Front-end streams come with the port: one per channel, beats with valid/ready/last/error, and BUSY back.

mod buffer;
mod clocked;
mod inspect;
mod run;
mod signals;
mod streams;

pub use buffer::{MAX_PAYLOAD, TlpBuf};
pub use clocked::Clocked;
pub use inspect::{Activity, ChannelView, Inspect, PageEnd, Report};
pub use run::{Response, RxTlp, Stimulus, TlpPort};
pub use signals::{Beat, Endpoint, FrontBeat, MAX_BEAT, PortIn, PortOut};
pub use streams::{FrontFrame, FrontStream, OutStream};
