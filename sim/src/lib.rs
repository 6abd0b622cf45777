//! The machine around a card: root complex, link, host memory, interrupts, CPU time, checkers, trace. Deterministic from one seed.
//!
//! A card is anything behind [`silico_spec::port::TlpPort`]; what is inside it is nobody's business here, and neither is the driver. [`Machine`]
//! owns the card and its clock; [`HostMemory`] is real bytes that both sides reach, and needs no lock of the machine.

pub mod cards;
pub mod check;
pub mod config;
pub mod cpu;
pub mod distribution;
mod error;
pub mod fault;
mod front;
pub mod link;
pub mod lockstep;
mod machine;
pub mod memory;
mod root;
#[cfg(feature = "rtl")]
pub mod rtl;
pub mod stats;
pub mod trace;
mod variants;

pub use check::Violation;
pub use config::{CompletionSplit, ConfigError, CpuCosts, HostConfig, LinkConfig, MachineConfig, Placement};
pub use cpu::CpuClock;
pub use distribution::Distribution;
pub use error::{MachineError, Refusal};
pub use front::FrameSource;
pub use link::{DllConfig, Generation, LinkErrors, Occurrence, Stalls, Starvation};
pub use machine::{ForkPort, Machine, Slot};
pub use memory::{AllocError, DmaRegion, HostMemory};
pub use root::enumerate::{Bar, Function};
pub use root::ordering::{Ordering, Torn};
pub use stats::{CorrectableErrors, DllStats, Passes, Stats};
pub use trace::Trace;
