//! Builds the card's RTL with Verilator, for the feature `rtl`; without it there is nothing to do, and no C++ is needed.

#[cfg(feature = "rtl")]
#[path = "build/mod.rs"]
mod rtl;

#[cfg(feature = "rtl")]
#[path = "src/variants.rs"]
mod variants;

fn main() {
    #[cfg(feature = "rtl")]
    rtl::main();
}
