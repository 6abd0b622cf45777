//! Where a command runs, in one word: the same word in every command.

use crate::input::error::BadInput;
use std::fmt;
use std::str::FromStr;

/// A target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The cycle model in Rust.
    Model,
    /// The Verilated RTL.
    Rtl,
    /// Both at once, compared.
    Lockstep,
    /// A vfio-user server behind this UNIX socket.
    Socket(String),
    /// A real card at this PCI address.
    Pci(String),
}

impl FromStr for Target {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        match text.split_once(':') {
            None if text == "model" => Ok(Self::Model),
            None if text == "rtl" => Ok(Self::Rtl),
            None if text == "lockstep" => Ok(Self::Lockstep),
            Some(("socket", path)) if !path.is_empty() => Ok(Self::Socket(path.into())),
            Some(("pci", address)) if !address.is_empty() => Ok(Self::Pci(address.into())),
            _ => Err(BadInput::setting("--on", text, "model, rtl, lockstep, socket:PATH or pci:BDF")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("model"),
            Self::Rtl => f.write_str("rtl"),
            Self::Lockstep => f.write_str("lockstep"),
            Self::Socket(path) => write!(f, "socket:{path}"),
            Self::Pci(address) => write!(f, "pci:{address}"),
        }
    }
}

impl Target {
    /// Refuses the targets that this version cannot run on.
    ///
    /// # Errors
    /// For all but the model.
    pub fn require_built(&self) -> Result<(), BadInput> {
        let kind = match self {
            Self::Model => return Ok(()),
            Self::Rtl => "rtl",
            Self::Lockstep => "lockstep",
            Self::Socket(_) => "socket:PATH",
            Self::Pci(_) => "pci:BDF",
        };
        Err(BadInput::setting("--on", self, format!("model: {kind} is not built yet")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for word in ["model", "rtl", "lockstep", "socket:/tmp/card", "pci:0000:03:00.0"] {
            assert_eq!(word.parse::<Target>().unwrap().to_string(), word);
        }
        assert!("socket:".parse::<Target>().is_err());
    }
}
