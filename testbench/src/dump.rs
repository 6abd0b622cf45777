//! Config space of an enumerated card, in the form that `lspci -xxxx` prints and `lspci -F` reads: an independent tool can decode it.

use crate::cli::RunOptions;
use crate::input::error::BadInput;
use crate::run::{CouldNotRun, RunConfig, build};
use crate::target::Target;
use silico_driver::platform::ConfigSpace;
use std::fmt::Write;

/// Bytes of a function's config space.
const CONFIG_BYTES: u16 = 4096;
/// Bytes in a line.
const LINE: usize = 16;

/// The card's config space after enumeration and bring-up, as text.
///
/// # Errors
/// If there is no such target, or the card does not come up.
pub fn config(target: &str) -> Result<String, CouldNotRun> {
    target.parse::<Target>().and_then(|target| target.require_built()).map_err(|error: BadInput| CouldNotRun::from(error))?;
    let bench = build(&RunConfig::new(&RunOptions { on: target.into(), ..RunOptions::default() })?)?;
    let mut bytes = Vec::with_capacity(CONFIG_BYTES.into());
    for offset in (0..CONFIG_BYTES).step_by(4) {
        let word = bench.platform.read_config32(offset).map_err(|e| CouldNotRun(format!("config space at {offset:#05x}: {e}")))?;
        bytes.extend(word.to_le_bytes());
    }
    Ok(format(&bench.platform.function().bdf.to_string(), &bytes))
}

fn format(bdf: &str, bytes: &[u8]) -> String {
    let class = u32::from_le_bytes([bytes[9], bytes[10], bytes[11], 0]) >> 8;
    let (vendor, device) = (u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]]));
    let mut out = format!("{bdf} {class:04x}: {vendor:04x}:{device:04x} (rev {:02x})\n", bytes[8]);
    for (index, line) in bytes.chunks(LINE).enumerate() {
        let _ = write!(out, "{:02x}:", index * LINE);
        for byte in line {
            let _ = write!(out, " {byte:02x}");
        }
        out.push('\n');
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_lspci_prints_them() {
        let mut bytes = vec![0; 4096];
        bytes[..12].copy_from_slice(&[0xdc, 0x10, 0xc0, 0x51, 6, 0, 0x10, 0, 1, 0, 0x80, 0x11]);
        let text = format("01:00.0", &bytes);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "01:00.0 1180: 10dc:51c0 (rev 01)");
        assert_eq!(lines[1], "00: dc 10 c0 51 06 00 10 00 01 00 80 11 00 00 00 00");
        assert!(lines[17].starts_with("100: 00") && lines[256].starts_with("ff0: 00"));
    }
}
