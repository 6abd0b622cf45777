//! Transaction-layer packets (PCIe 4.0 §2.2): [`Header`] is a view that never judges.

mod header;

pub use header::{AtomicOp, Attributes, CompletionStatus, Header, Kind};
