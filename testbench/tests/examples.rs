//! The examples of the README run, as they stand.

#[path = "../examples/own_driver.rs"]
mod own_driver;

#[test]
fn a_driver_of_ones_own_reads_frames() {
    own_driver::main().expect("three frames and no violation");
}
