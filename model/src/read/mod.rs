//! The read engine: tags, what each of them stands for, and the judgement of every completion that comes back.
//!
//! All channels share it. It knows neither what the bytes mean nor where they are kept: an owner gives a position in a buffer of its own, and
//! is told what came for it. A tag is free again once its last completion has come, and never before; if that does not come in time, the owner is
//! told so, and the tag rests in quarantine. What an owner has not consumed by then lies in the owner's buffer under its position, so no later
//! read with the same tag can be taken for it.

mod quarantine;
mod reassembly;
mod table;

pub(crate) use reassembly::Reassembly;
pub(crate) use table::{Effect, Expired, Failure, Owner, Purpose, Reader, Reads, Tally};
