//! The data link layer: Ack, Nak and replay (PCIe 4.0 §3.6), seen above as delay and as delivery in order, exactly once.

pub(crate) mod config;
mod direction;

pub(crate) use config::Injector;
pub(crate) use direction::Direction;
