//! The same Verilated card in a bare loop of C++, with a stimulus that was recorded before: what [`RtlCard`](super::RtlCard) is measured by.
//! It knows no host; what is compared with what is others' business.

use super::ffi::bridge::{self, Out};
use super::{NoVariant, VARIANTS, find, nothing, pack, quiet, unpack};
use cxx::UniquePtr;
use silico_spec::params::CardParams;
use silico_spec::port::{PortIn, PortOut};

/// A card and all that it will be shown.
pub struct Bare {
    bare: UniquePtr<bridge::Bare>,
    /// Words of a beat.
    count: usize,
    clocks: usize,
    output: Out,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").field("clocks", &self.clocks).finish_non_exhaustive()
    }
}

impl Bare {
    /// A card with these parameters, which will see `inputs`, clock by clock, from power-on.
    ///
    /// # Errors
    /// If no variant of this build has these parameters.
    pub fn new<'a>(params: &CardParams, inputs: impl IntoIterator<Item = &'a PortIn>) -> Result<Self, NoVariant> {
        let variant = find(params)?;
        let bare = bridge::make_bare(VARIANTS[variant].name);
        let mut this = Self { bare, count: params.width.bytes() as usize / 4, clocks: 0, output: quiet() };
        let mut packed = nothing();
        for input in inputs {
            pack(input, &mut packed, this.count);
            this.bare.pin_mut().add(&packed);
            this.clocks += 1;
        }
        Ok(this)
    }

    /// All clocks from power-on, within C++: ports are set and the card is evaluated, and nothing is read.
    pub fn run(&mut self) {
        self.bare.pin_mut().run();
    }

    /// The same clocks, with what the card shows after each.
    pub fn replay(&mut self, mut shown: impl FnMut(usize, &PortOut)) {
        let mut output = PortOut::default();
        self.bare.pin_mut().power_on();
        for clock in 0..self.clocks {
            self.bare.pin_mut().pass(clock);
            self.show(&mut output);
            shown(clock, &output);
        }
    }

    /// What the card shows now.
    pub fn show(&mut self, output: &mut PortOut) {
        self.bare.shown(&mut self.output);
        unpack(&self.output, output, self.count);
    }
}
