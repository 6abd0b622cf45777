//! Where a command runs, in one word: the same word in every command.

use crate::coverage::{Covered, Observer};
use crate::input::error::BadInput;
use crate::waves::{Layout, Sides, Waves, WavesConfig};
use crate::waves::{Side, Tap};
use silico_sim::ForkPort;
use silico_sim::lockstep::Verdict;
use silico_spec::params::CardParams;
use silico_spec::port::Clocked;
use silico_spec::port::{Inspect, TlpPort};
use std::fmt;
use std::str::FromStr;
#[cfg(feature = "rtl")]
use {silico_sim::lockstep::Lockstep, silico_sim::rtl::RtlCard};

/// The port's clock, where nobody says: 250 MHz.
const DEFAULT_CLOCK_PS: u32 = 4000;

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

/// What `card` goes through is counted, if that is wanted.
fn observed<P: TlpPort + Inspect + Send + 'static>(card: P, covered: Option<&Covered>) -> Box<dyn TlpPort + Send> {
    match covered {
        Some(covered) => Box::new(Observer::new(card, covered.clone())),
        None => Box::new(card),
    }
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
        let waves = match self.sides() {
            Some(Sides::Two(_)) => self.waves(params, DEFAULT_CLOCK_PS, &WavesConfig::default(), self.to_string())?,
            _ => Waves::off(),
        };
        self.watched_card(params, verdict, &waves, None)
    }

    /// A card of this kind that can be forked, and that nobody watches.
    ///
    /// # Errors
    /// If it cannot be built with these parameters, or not at all in this build.
    pub fn forkable_card(&self, params: &CardParams, verdict: &Verdict) -> Result<Box<dyn ForkPort>, String> {
        let model = || silico_model::Card::new(params.clone()).map_err(|error| error.to_string());
        #[cfg(feature = "rtl")]
        let rtl = || RtlCard::new(params).map_err(|error| error.to_string()).map(|rtl| rtl.telling(verdict.clone()));
        match self {
            Self::Model => Ok(Box::new(model()?)),
            #[cfg(feature = "rtl")]
            Self::Rtl => Ok(Box::new(Clocked::new(rtl()?))),
            #[cfg(feature = "rtl")]
            Self::Lockstep => Ok(Box::new(Clocked::new(Lockstep::new(model()?, rtl()?, verdict.clone())))),
            _ => {
                let _ = verdict;
                Err(format!("no card can be built on {self}"))
            }
        }
    }

    /// A card of this kind, every clock of which is shown to `waves`, and what it went through counted in `covered`.
    ///
    /// # Errors
    /// If it cannot be built with these parameters, or not at all in this build.
    pub fn watched_card(
        &self,
        params: &CardParams,
        verdict: &Verdict,
        waves: &Waves,
        covered: Option<&Covered>,
    ) -> Result<Box<dyn TlpPort + Send>, String> {
        let model = || silico_model::Card::new(params.clone()).map_err(|error| error.to_string());
        match self {
            // Run by run: the same clocks, faster.
            Self::Model if !waves.is_on() => Ok(observed(model()?, covered)),
            Self::Model => Ok(observed(Clocked::new(Tap::new(model()?, Side::First, waves.clone()).looking_inside()), covered)),
            #[cfg(feature = "rtl")]
            Self::Rtl => {
                let rtl = RtlCard::new(params).map_err(|error| error.to_string())?.telling(verdict.clone());
                Ok(if waves.is_on() {
                    observed(Clocked::new(Tap::new(rtl, Side::First, waves.clone()).telling_inside(RtlCard::look_inside)), covered)
                } else {
                    observed(Clocked::new(rtl), covered)
                })
            }
            #[cfg(feature = "rtl")]
            Self::Lockstep => {
                let model = Tap::new(model()?, Side::First, waves.clone()).looking_inside();
                let rtl = RtlCard::new(params).map_err(|error| error.to_string())?.telling(verdict.clone());
                let rtl = Tap::new(rtl, Side::Second, waves.clone()).telling_inside(RtlCard::look_inside);
                Ok(observed(Clocked::new(Lockstep::new(model, rtl, verdict.clone()).with_tail(waves.tail())), covered))
            }
            _ => {
                let _ = verdict;
                Err(format!("no card can be built on {self}"))
            }
        }
    }

    /// A waveform of a card of this kind; of a name that begins with `name`, if `config` has none.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn waves(&self, params: &CardParams, clock_ps: u32, config: &WavesConfig, name: String) -> Result<Waves, String> {
        let sides = self.sides().ok_or_else(|| format!("no card can be built on {self}"))?;
        Waves::new(config, Layout { sides, params: params.clone(), clock_ps, name, inside: self.inside(params) })
    }

    /// What is declared inside the RTL of these parameters, if this build can tell.
    fn inside(&self, params: &CardParams) -> Option<String> {
        match self {
            #[cfg(feature = "rtl")]
            Self::Rtl | Self::Lockstep => RtlCard::new(params).ok()?.inside(),
            _ => {
                let _ = params;
                None
            }
        }
    }

    const fn sides(&self) -> Option<Sides> {
        match self {
            Self::Model => Some(Sides::One("model")),
            Self::Rtl => Some(Sides::One("rtl")),
            Self::Lockstep => Some(Sides::Two(["model", "rtl"])),
            Self::Socket(_) | Self::Pci(_) => None,
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
