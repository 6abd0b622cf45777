//! All that a Verilated card is, in memory: to copy it, or to go back to it. What it holds is Verilator's business: the bytes mean something to a card of the
//! same variant in the same program, and to nobody else.

use super::RtlCard;
use crate::variants::VARIANTS;
use silico_spec::fork::{CannotFork, Fork, Memo};

/// A card as it was at one moment.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Place among the variants.
    variant: usize,
    cycle: u64,
    bytes: Vec<u8>,
}

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
        if into.bytes.is_empty() || into.variant != self.variant {
            into.bytes = vec![0; self.card.size()];
        }
        (into.variant, into.cycle) = (self.variant, self.cycle);
        self.card.save(&mut into.bytes);
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
