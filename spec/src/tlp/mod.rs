//! Transaction-layer packets (PCIe 4.0 §2.2): [`Header`] is a view that never judges, [`check`] judges one packet, [`CompletionSequence`] those of
//! a request, [`Tlp`] is an owned packet that can only be legal; [`Pieces`] and [`Completions`] cut.

mod broken;
mod build;
mod ecrc;
mod fields;
mod header;
mod kind;
mod message;
mod message_value;
mod packet;
mod rare;
mod rules;
mod sequence;
mod span;
mod split;
mod text;
mod value;

pub use broken::RuleBroken;
pub use ecrc::ecrc;
pub use fields::{Attributes, CompletionStatus};
pub use header::Header;
pub use kind::{AtomicOp, Kind};
pub use message::{MessageForm, MessagePayload, routing};
pub use message_value::{ErrorSeverity, Intx, Message, PowerMessage, VendorType};
pub use packet::{Common, ConfigType, Packet};
pub use rules::{Limits, check};
pub use sequence::{CompletionSequence, Progress, SequenceBroken};
pub use span::Span;
pub use split::{CompletionPiece, Completions, Cut, Piece, Pieces};
pub use value::{Tlp, Violation};
