//! Every test of this package in one binary: linking is most of what a build of tests costs.
//!
//! `allocation.rs` alone stands apart: it counts what the process allocates.

mod bring_up;
mod common;
mod faults;
mod interrupts;
mod pages;
mod random;
mod random_pages;
mod random_send;
mod recover;
mod ring;
mod send;
mod send_faults;
mod stop_again;
mod told;
mod wait;

/// A file that nobody names here would be compiled by nobody, and its tests would pass for ever.
#[test]
fn every_file_of_this_folder_is_a_module() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".rs") else { continue };
        let named = include_str!("all.rs").lines().any(|line| line == format!("mod {stem};"));
        assert!(named || ["all", "allocation"].contains(&stem), "tests/{name} is not run: write `mod {stem};` into tests/all.rs");
    }
}
