//! An independent oracle: Debian's pciutils decode the card's config space, and report what the card is said to have.

mod common;

use common::{scratch, silico};
use std::process::Command;

#[test]
fn lspci_decodes_the_capabilities() {
    let dump = silico(&["dump", "config"]);
    dump.assert_passed();
    let path = scratch("config.txt");
    std::fs::write(&path, &dump.stdout).unwrap();
    let decoded = match Command::new("lspci").args(["-nn", "-vvv", "-F"]).arg(&path).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => {
            eprintln!("SKIPPED: lspci (Debian package pciutils) does not run: {error}");
            return;
        }
    };
    for part in [
        "[10dc:51c0]",
        "BusMaster+",
        "Power Management version 3",
        "MSI: Enable- Count=1/8 Maskable+ 64bit+",
        "MSI-X: Enable+ Count=16 Masked-",
        "Express (v2) Endpoint",
        "MaxPayload 1024 bytes",
        "ExtTag+",
        "FLReset+",
        "MaxPayload 256 bytes, MaxReadReq 512 bytes",
        "Advanced Error Reporting",
        "Device Serial Number",
        "Vendor Specific Information",
    ] {
        assert!(decoded.contains(part), "`{part}` is missing in what lspci says:\n{decoded}");
    }
    assert!(!decoded.contains("<chain broken>") && !decoded.contains("<access denied>"), "{decoded}");
}

#[cfg(not(feature = "rtl"))]
#[test]
fn other_targets_are_refused() {
    silico(&["dump", "config", "--on", "rtl"]).assert_could_not_run(&["--on is rtl", "needs a build with the RTL"]);
}
