//! The same Verilated card in a bare loop of C++, with a stimulus that was recorded before: what [`RtlCard`](super::RtlCard) is measured by.
//! It knows no host; what is compared with what is others' business.

use super::ffi::bridge::{self, Out};
use super::{NoVariant, VARIANTS, find, nothing, pack, quiet, unpack};
use cxx::UniquePtr;
use silico_spec::params::CardParams;
use silico_spec::port::{PortIn, PortOut};
use std::ops::Range;

/// A card and all that it will be shown.
pub struct Bare {
    bare: UniquePtr<bridge::Bare>,
    /// Words of a beat.
    count: usize,
    output: Out,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bare").field("words", &self.count).finish_non_exhaustive()
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
        let mut this = Self { bare, count: params.width.bytes() as usize / 4, output: quiet() };
        let mut packed = nothing();
        for input in inputs {
            pack(input, &mut packed, this.count);
            this.bare.pin_mut().add(&packed);
        }
        Ok(this)
    }

    /// Takes power away and gives it back: clock 0 comes next.
    pub fn power_on(&mut self) {
        self.bare.pin_mut().power_on();
    }

    /// Some clocks, within C++: ports are set and the card is evaluated, and nothing is read. They come after those that have passed. `plain`: all of the
    /// card, at both edges, as Verilator does it; else as [`RtlCard`](super::RtlCard), only what can have changed.
    pub fn run(&mut self, clocks: Range<usize>, plain: bool) {
        self.bare.pin_mut().run(clocks.start, clocks.end, plain);
    }

    /// What the card shows now.
    pub fn show(&mut self, output: &mut PortOut) {
        self.bare.shown(&mut self.output);
        unpack(&self.output, output, self.count);
    }
}
