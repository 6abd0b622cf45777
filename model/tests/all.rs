//! Every test of this package in one binary: linking is most of what a build of tests costs.

mod blocks;
mod common;
mod corners;
mod counters;
mod ecrc;
mod errors;
mod first_light;
mod forks;
mod front_end;
mod fuzz;
mod grains;
mod h2c;
mod inspect;
mod intx;
mod lspci;
mod order;
mod pages;
mod register_walk;
mod relaxed;
mod resets;
mod seam;
mod settings;
mod stop;
mod tags;
mod turns;
mod write_back;

/// A file that nobody names here would be compiled by nobody, and its tests would pass for ever.
#[test]
fn every_file_of_this_folder_is_a_module() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".rs") else { continue };
        let named = include_str!("all.rs").lines().any(|line| line == format!("mod {stem};"));
        assert!(named || ["all"].contains(&stem), "tests/{name} is not run: write `mod {stem};` into tests/all.rs");
    }
}
