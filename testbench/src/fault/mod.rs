//! Faults: middlewares around a card's port that break one thing, once. The card inside and the machine outside are the real ones.

mod classify;
mod drop_interrupt;
mod flip_byte;
mod repeat_frame;
#[cfg(test)]
mod script;

pub use classify::{WriteKind, classify};
pub use drop_interrupt::DropInterrupt;
pub use flip_byte::FlipByte;
pub use repeat_frame::RepeatFrame;

use silico_spec::port::TlpPort;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which fault, and at which of the things that it can happen to, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Flips a byte of the Nth write of frame payload.
    FlipByte(u64),
    /// The Nth MSI-X message never reaches the host.
    DropInterrupt(u64),
    /// The Nth frame of channel 0 comes twice.
    RepeatFrame(u64),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const RIGHT: &str = "must be flip-byte@N, drop-interrupt@N or repeat-frame@N, N from 1";
        let (kind, at) = text.split_once('@').ok_or(RIGHT)?;
        let at = at.parse().ok().filter(|&at| at > 0).ok_or(RIGHT)?;
        match kind {
            "flip-byte" => Ok(Self::FlipByte(at)),
            "drop-interrupt" => Ok(Self::DropInterrupt(at)),
            "repeat-frame" => Ok(Self::RepeatFrame(at)),
            _ => Err(RIGHT.into()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlipByte(at) => write!(f, "flip-byte@{at}"),
            Self::DropInterrupt(at) => write!(f, "drop-interrupt@{at}"),
            Self::RepeatFrame(at) => write!(f, "repeat-frame@{at}"),
        }
    }
}

/// When a fault was planted: cycle plus one, zero if it was not.
#[derive(Clone, Debug, Default)]
pub struct Planted(Arc<AtomicU64>);

impl Planted {
    fn at(&self, cycle: u64) {
        self.0.store(cycle + 1, Ordering::Relaxed);
    }

    /// The cycle at which the fault was planted, if it was.
    #[must_use]
    pub fn cycle(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }
}

/// Wraps `card` so that `fault` happens to it.
#[must_use]
pub fn plant<P: TlpPort + Send + 'static>(fault: Fault, card: P, planted: Planted) -> Box<dyn TlpPort + Send> {
    match fault {
        Fault::FlipByte(nth) => Box::new(FlipByte::new(card, nth, planted)),
        Fault::DropInterrupt(nth) => Box::new(DropInterrupt::new(card, nth, planted)),
        Fault::RepeatFrame(nth) => Box::new(RepeatFrame::new(card, nth, planted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_says_what_is_right() {
        for text in ["flip-byte@1", "drop-interrupt@20", "repeat-frame@3"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in ["flip-byte", "flip-byte@0", "flip-byte@x", "burn@1"] {
            assert!(text.parse::<Fault>().unwrap_err().contains("flip-byte@N"));
        }
    }
}
