//! Who may depend on whom, pinned over `cargo metadata`: model, machine and driver share `silico-spec` and never see each other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each package of the workspace, with the packages of ours that it may use, tests and build scripts included.
const ALLOWED: &[(&str, &[&str])] = &[
    ("silico-spec", &[]),
    ("silico-model", &["silico-spec"]),
    ("silico-sim", &["silico-spec"]),
    ("silico-driver", &["silico-spec"]),
    ("silico-testbench", &["silico-spec", "silico-model", "silico-sim", "silico-driver"]),
    ("xtask", &[]),
];

/// Packages of the workspace, each with its dependencies inside the workspace, of every kind.
fn ours() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata gives JSON");
    let list = |value: &Value| value.as_array().expect("an array").clone();
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    let packages = list(&metadata["packages"]);
    let names: BTreeSet<String> = packages.iter().map(name).collect();
    let inside = |package: &Value| list(&package["dependencies"]).iter().map(name).filter(|other| names.contains(other)).collect();
    packages.iter().map(|package| (name(package), inside(package))).collect()
}

#[test]
fn every_package_uses_only_what_its_layer_may() {
    for (package, uses) in ours() {
        let allowed = ALLOWED.iter().find(|(name, _)| *name == package);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{package} is new: say in ALLOWED what it may use"));
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let beyond: Vec<&String> = uses.difference(&allowed).collect();
        assert!(beyond.is_empty(), "{package} uses {beyond:?}, and may use only {allowed:?}");
    }
}

#[test]
fn the_testbench_joins_everybody() {
    let ours = ours();
    let uses = ours.get("silico-testbench").expect("the testbench is a package of the workspace");
    let (_, expected) = ALLOWED.iter().find(|(name, _)| *name == "silico-testbench").unwrap();
    assert!(expected.iter().all(|&name| uses.contains(name)), "{uses:?}");
}
