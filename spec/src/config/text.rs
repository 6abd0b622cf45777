//! A config space as text that `lspci -F` reads: a line with the place of the function, then sixteen bytes a line, as `lspci -xxxx` prints.

use crate::units::Bdf;
use core::fmt;

/// A config space to print with `{}`.
#[derive(Clone, Copy, Debug)]
pub struct Dump<'a> {
    bdf: Bdf,
    description: &'a str,
    bytes: &'a [u8],
}

/// Bytes that are no whole config space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a config space dump of {bytes} bytes; it must be 64, 256 or 4096")]
pub struct DumpError {
    /// How many there are.
    pub bytes: usize,
}

impl<'a> Dump<'a> {
    /// Of the function at `bdf`, with a line of `description` that nobody parses (what follows a line break in it is left out).
    ///
    /// # Errors
    /// If `bytes` is not the header alone (64), a conventional config space (256) or a whole one (4096).
    pub fn new(bdf: Bdf, description: &'a str, bytes: &'a [u8]) -> Result<Self, DumpError> {
        let description = description.lines().next().unwrap_or("");
        match bytes.len() {
            64 | 256 | 4096 => Ok(Self { bdf, description, bytes }),
            bytes => Err(DumpError { bytes }),
        }
    }
}

impl fmt::Display for Dump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.bdf, self.description)?;
        for (line, bytes) in self.bytes.chunks_exact(16).enumerate() {
            write!(f, "{:02x}:", line * 16)?;
            for byte in bytes {
                write!(f, " {byte:02x}")?;
            }
            writeln!(f)?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn lines_are_as_lspci_prints_them() {
        let bytes: Vec<u8> = (0..4096_u32).map(|i| (i / 16) as u8).collect();
        let text = Dump::new(Bdf::new(3, 0, 0).unwrap(), "Signal processing controller\n00: forged", &bytes).unwrap().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "03:00.0 Signal processing controller");
        assert_eq!(lines[1], "00: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
        assert_eq!(lines[16], "f0: 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f 0f");
        assert_eq!(lines[17], "100: 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10");
        assert_eq!(lines[256], "ff0: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff");
        assert_eq!(lines.len(), 258);
    }

    #[test]
    fn a_torn_space_is_refused() {
        assert_eq!(Dump::new(Bdf::default(), "", &[0; 100]).unwrap_err(), DumpError { bytes: 100 });
    }
}
