//! What Verilator made of a variant: the files to be compiled, and the ports that it has, held against those that the bridge knows.

use crate::variants::Variant;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct Verilated {
    /// What runs in every clock.
    pub(super) fast: Vec<PathBuf>,
    /// What runs once.
    pub(super) slow: Vec<PathBuf>,
    /// Name, whether the card drives it, bits.
    ports: Vec<(String, bool, u32)>,
}

impl Verilated {
    pub(super) fn read(folder: &Path, variant: &Variant) -> Result<Self, String> {
        let open = |name: String| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|error| format!("can't read {}: {error}", path.display()))
        };
        let (mut fast, mut slow, mut into) = (Vec::new(), Vec::new(), None);
        for line in open(format!("V{}_classes.mk", variant.name))?.lines() {
            if let Some((name, _)) = line.split_once(" += ") {
                into = (name.starts_with("VM_CLASSES") || name.starts_with("VM_SUPPORT")).then(|| name.ends_with("FAST"));
            } else if let (Some(is_fast), true) = (into, line.starts_with(['\t', ' '])) {
                // 5.006 begins such a line with a tab, 5.048 with blanks.
                let file = line.trim_end_matches('\\').trim();
                if !file.is_empty() {
                    if is_fast { &mut fast } else { &mut slow }.push(folder.join(format!("{file}.cpp")));
                }
            }
        }
        if fast.is_empty() || slow.is_empty() {
            return Err(format!(
                "V{}_classes.mk of variant {} names no files to compile: this Verilator writes it otherwise",
                variant.name, variant.name
            ));
        }
        let ports = open(format!("V{}.h", variant.name))?.lines().filter_map(port).collect();
        Ok(Self { fast, slow, ports })
    }

    /// Every port is there, as wide as the bridge takes it for, and no other.
    pub(super) fn check_ports(&self, variant: &Variant) -> Result<(), String> {
        let (name, wanted) = (variant.name, variant.ports());
        let kind = |driven: bool| if driven { "output" } else { "input" };
        for (port, driven, bits) in wanted {
            match self.ports.iter().find(|found| found.0 == port) {
                None => {
                    return Err(format!(
                        "silico_card (variant {name}) has no port `{port}`; sim/src/variants.rs names an {} of {bits} bits",
                        kind(driven)
                    ));
                }
                Some((_, found, width)) if (*found, *width) != (driven, bits) => {
                    return Err(format!(
                        "port `{port}` of silico_card (variant {name}) is an {} of {width} bits; sim/src/variants.rs names an {} of {bits} bits",
                        kind(*found),
                        kind(driven)
                    ));
                }
                Some(_) => {}
            }
        }
        // The copies that `cargo xtask mutants` tries have one port more, and drive it.
        match self.ports.iter().find(|found| found.0 != "mutant_i" && !wanted.iter().any(|port| port.0 == found.0)) {
            None => Ok(()),
            Some((port, driven, bits)) => Err(format!(
                "silico_card (variant {name}) has a port `{port}`, an {} of {bits} bits, which the bridge does not know: add it to sim/src/variants.rs and card.cpp",
                kind(*driven)
            )),
        }
    }
}

/// A line as `VL_INW(&rx_data_i,255,0,8);`, with or without parentheses around the name.
fn port(line: &str) -> Option<(String, bool, u32)> {
    let line = line.trim();
    let driven = line.starts_with("VL_OUT");
    if !driven && !line.starts_with("VL_IN") {
        return None;
    }
    let (_, rest) = line.split_once("(&")?;
    let mut parts = rest.trim_start_matches('(').split([',', ')']).map(str::trim).filter(|part| !part.is_empty());
    let name = parts.next()?.to_owned();
    let (msb, lsb): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((name, driven, msb - lsb + 1))
}
