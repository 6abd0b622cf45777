//! Where a command runs, in one word: the same word in every command.

use crate::input::error::BadInput;
use silico_sim::lockstep::Verdict;
use silico_spec::params::CardParams;
use silico_spec::port::TlpPort;
use std::fmt;
use std::str::FromStr;
#[cfg(feature = "rtl")]
use {silico_sim::lockstep::Lockstep, silico_sim::rtl::RtlCard, silico_spec::port::Clocked};

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
    /// Refuses the targets that this build cannot run on.
    ///
    /// # Errors
    /// For sockets and real cards; for the RTL, if it was not built in.
    pub fn require_built(&self) -> Result<(), BadInput> {
        let (kind, rule) = match self {
            Self::Model => return Ok(()),
            Self::Rtl | Self::Lockstep if cfg!(feature = "rtl") => return Ok(()),
            Self::Rtl => ("rtl", "needs a build with the RTL: cargo run --release --features rtl"),
            Self::Lockstep => ("lockstep", "needs a build with the RTL: cargo run --release --features rtl"),
            Self::Socket(_) => ("socket:PATH", "is not built yet"),
            Self::Pci(_) => ("pci:BDF", "is not built yet"),
        };
        Err(BadInput::setting("--on", self, format!("model: {kind} {rule}")))
    }

    /// A card of this kind.
    ///
    /// # Errors
    /// If it cannot be built with these parameters, or not at all in this build.
    pub fn card(&self, params: &CardParams, verdict: &Verdict) -> Result<Box<dyn TlpPort + Send>, String> {
        let model = || silico_model::Card::new(params.clone()).map_err(|error| error.to_string());
        match self {
            Self::Model => Ok(Box::new(model()?)),
            #[cfg(feature = "rtl")]
            Self::Rtl => Ok(Box::new(Clocked::new(RtlCard::new(params).map_err(|error| error.to_string())?.telling(verdict.clone())))),
            #[cfg(feature = "rtl")]
            Self::Lockstep => {
                let rtl = RtlCard::new(params).map_err(|error| error.to_string())?.telling(verdict.clone());
                Ok(Box::new(Clocked::new(Lockstep::new(model()?, rtl, verdict.clone()))))
            }
            _ => {
                let _ = verdict;
                Err(format!("no card can be built on {self}"))
            }
        }
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
