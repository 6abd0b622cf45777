//! What the copy's crates have more: the number of the mutant that is chosen, read from the environment once.

/// Asks a planted program for a mutant, by its number.
pub(crate) const VARIABLE: &str = "SILICO_MUTANT";

/// The intrinsic lets a `const fn` choose too: the compiler, where it computes one, sees none of them. It is unstable, so the copy of this
/// one crate is built as on a nightly compiler (`RUSTC_BOOTSTRAP` names it).
const FEATURES: &str = "#![feature(core_intrinsics, const_eval_select)]\n#![allow(internal_features, long_running_const_eval)]\n";

const SWITCH: &str = r#"
#[doc(hidden)]
mod mutant_switch_of_the_copy {
    extern crate std;
    use core::sync::atomic::{AtomicU32, Ordering};
    static CHOSEN: AtomicU32 = AtomicU32::new(u32::MAX);
    #[cold]
    #[inline(never)]
    fn read() -> u32 {
        let number = std::env::var("VARIABLE").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        CHOSEN.store(number, Ordering::Relaxed);
        number
    }
    #[inline(always)]
    pub fn running() -> u32 {
        let number = CHOSEN.load(Ordering::Relaxed);
        if number == u32::MAX { read() } else { number }
    }
    pub const fn compiling() -> u32 {
        0
    }
}
#[doc(hidden)]
#[inline(always)]
pub const fn mutant_switch() -> u32 {
    core::intrinsics::const_eval_select((), mutant_switch_of_the_copy::compiling, mutant_switch_of_the_copy::running)
}
"#;

/// The `lib.rs` of a crate with the switch in it.
pub(crate) fn with_switch(library: &str) -> String {
    // Attributes of the crate come before all else, after what describes it.
    let at = library.lines().take_while(|line| line.starts_with("//!")).map(|line| line.len() + 1).sum::<usize>().min(library.len());
    format!("{}{FEATURES}{}{}", &library[..at], &library[at..], SWITCH.replace("VARIABLE", VARIABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_stands_at_the_end_and_its_features_at_the_start() {
        let text = with_switch("//! Doc.\n//! More.\n#![no_std]\nmod a;\n");
        assert!(text.starts_with("//! Doc.\n//! More.\n#![feature("), "{text}");
        assert!(text.contains("#![no_std]\nmod a;\n\n#[doc(hidden)]") && text.contains("\"SILICO_MUTANT\""), "{text}");
        assert!(syn::parse_file(&text).is_ok());
    }
}
