//! All that a Verilated card is, in memory: to copy it, or to go back to it. What it holds is Verilator's business: the bytes mean something to a card of the
//! same variant in the same program, and to nobody else.

use super::ffi::bridge::In;
use super::leap::Leap;
use super::{RtlCard, nothing};
use crate::variants::VARIANTS;
use silico_spec::fork::{CannotFork, Fork, Memo};

/// A card as it was at one moment.
#[derive(Clone)]
pub struct State {
    /// Place among the variants.
    variant: usize,
    cycle: u64,
    leap: Leap,
    /// The ports' last values among it.
    input: In,
    bytes: Vec<u8>,
}

impl Default for State {
    fn default() -> Self {
        Self { variant: 0, cycle: 0, leap: Leap::new(0), input: nothing(), bytes: Vec::new() }
    }
}

/// Two are equal if cards that are them do the same for ever.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        (self.variant, self.leap.owed, &self.bytes) == (other.variant, other.leap.owed, &other.bytes)
    }
}

impl Eq for State {}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State {{ variant: {}, cycle: {}, {} bytes }}", VARIANTS[self.variant].name, self.cycle, self.bytes.len())
    }
}

impl State {
    /// Bytes that it takes; 0 if nothing was saved in it.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// A state is not one of this card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a state of {saved} was to be loaded into a card of variant {wanted}; it must be one that a card of variant {wanted} has saved")]
pub struct OtherVariant {
    /// Of what it is.
    pub saved: &'static str,
    /// Variant of the card.
    pub wanted: &'static str,
}

impl RtlCard {
    /// Saves all that the card is; `into` is used again if it held another state. What it has counted for coverage is not part of it.
    pub fn save(&self, into: &mut State) {
        if into.variant != self.variant {
            into.bytes.clear();
        }
        (into.variant, into.cycle) = (self.variant, self.cycle);
        into.leap.clone_from(&self.leap);
        into.input.clone_from(&self.input);
        self.save_into(&mut into.bytes);
    }

    /// `bytes` is empty, or a state of this variant.
    pub(super) fn save_into(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.resize(self.card.size(), 0);
        }
        self.card.save(bytes);
    }

    /// Becomes what a card was when it was saved. Where it tells what fails stays as it is.
    ///
    /// # Errors
    /// If that was a card of another variant, or nothing was saved.
    pub fn load(&mut self, state: &State) -> Result<(), OtherVariant> {
        if state.bytes.is_empty() || state.variant != self.variant {
            let saved = if state.bytes.is_empty() { "nothing" } else { VARIANTS[state.variant].name };
            return Err(OtherVariant { saved, wanted: VARIANTS[self.variant].name });
        }
        self.card.pin_mut().load(&state.bytes);
        self.cycle = state.cycle;
        self.leap.clone_from(&state.leap);
        self.input.clone_from(&state.input);
        Ok(())
    }
}

impl Fork for RtlCard {
    /// # Errors
    /// If a waveform has looked into it: the copy could not go on with that.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        if self.is_open {
            return Err(CannotFork { what: "RTL that is looked into", rule: "one whose inside no waveform shows" });
        }
        let mut state = State::default();
        self.save(&mut state);
        let mut twin = Self::used(self.variant, self.width).telling(self.verdict.fork(memo)?);
        twin.load(&state).expect("a card of the same variant");
        Ok(twin)
    }
}
