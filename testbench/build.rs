//! Tells the tests which variants of the RTL are built in, as `cfg(variant = "w128")`: one that is not is not tried, and the tests say so.

use std::env;

/// All that there are, as in `sim/src/variants.rs`: a test would not compile with another name.
const VARIANTS: [&str; 4] = ["w256", "w128", "w512", "small"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let names: Vec<String> = VARIANTS.iter().map(|name| format!("\"{name}\"")).collect();
    println!("cargo::rustc-check-cfg=cfg(variant, values({}))", names.join(", "));
    let built = env::var("DEP_SILICO_RTL_BUILT").unwrap_or_default();
    built.split(',').filter(|name| !name.is_empty()).for_each(|name| println!("cargo::rustc-cfg=variant=\"{name}\""));
}
