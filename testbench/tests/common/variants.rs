//! Tests on each variant of the RTL that is built in; of one that is not, a test that is ignored says so.

use silico_spec::params::CardParams;

/// What a card of this variant is.
///
/// # Panics
/// If it is not built in.
pub(crate) fn params(name: &str) -> CardParams {
    let found = silico_sim::rtl::variants().into_iter().find(|(built, _)| *built == name);
    found.unwrap_or_else(|| panic!("{name} is not built in; build with SILICO_RTL=all, or with it among others")).1
}

/// The same tests in a module for each variant, where `VARIANT` is its name.
macro_rules! on_each_variant {
    (@ $module:ident $name:literal [$($tests:item)*]) => {
        #[cfg(variant = $name)]
        mod $module {
            use super::*;
            const VARIANT: &str = $name;
            $($tests)*
        }
        #[cfg(not(variant = $name))]
        mod $module {
            #[test]
            #[ignore = "not built in: SILICO_RTL chooses the variants of the RTL, at build time"]
            fn all() {
                panic!("{}", concat!($name, " is not built in"));
            }
        }
    };
    ($($tests:item)*) => {
        on_each_variant! { @ w256 "w256" [$($tests)*] }
        on_each_variant! { @ w128 "w128" [$($tests)*] }
        on_each_variant! { @ w512 "w512" [$($tests)*] }
        on_each_variant! { @ small "small" [$($tests)*] }
    };
}
pub(crate) use on_each_variant;
