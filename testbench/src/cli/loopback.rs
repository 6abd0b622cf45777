//! Options of `loopback`, parsed and no more.

use super::options::{Cli, Command};
use super::reproduce::{name, quote};
use crate::fault::Fault;
use crate::input::sizes::FrameSizes;
use clap::{Args, Parser, ValueEnum};

/// Where what the host sends goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Destination {
    /// Through the card and back, into a C2H channel's ring.
    #[default]
    Loopback,
    /// Into the card's checking sink: length and CRC of each frame are compared.
    Sink,
    /// Out of the card's stream port.
    Stream,
}

/// Options of `loopback`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct LoopbackOptions {
    /// Where the card is: model, rtl, lockstep (later also socket:PATH, pci:BDF).
    #[arg(long, value_name = "TARGET", default_value = "model")]
    pub on: String,
    /// Where frames go.
    #[arg(long, value_enum, default_value_t)]
    pub to: Destination,
    /// Frames to send.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub frames: u64,
    /// Bytes of a frame: 256, 64..1500 (uniform) or 64,128,1500 (in turn).
    #[arg(long, value_name = "SIZES", default_value = "1..4096")]
    pub sizes: FrameSizes,
    /// Host-to-card channel.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub h2c: u8,
    /// Card-to-host channel that frames come back on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub c2h: u8,
    /// Entries of the descriptor ring.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub entries: u32,
    /// Generation of the link, 1 to 5.
    #[arg(long = "gen", value_name = "N", default_value_t = 3)]
    pub generation: u8,
    /// Lanes of the link.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub lanes: u8,
    /// Largest payload that the root port takes.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub mps: u32,
    /// Largest read request that the OS allows.
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    pub mrrs: u32,
    /// Bits of the card's port.
    #[arg(long, value_name = "BITS", default_value_t = 256)]
    pub width: u32,
    /// The card as a variant of the RTL that is built in: w256, w128, w512 or small. On the model too.
    #[arg(long, value_name = "VARIANT", conflicts_with = "width")]
    pub card: Option<String>,
    /// All that is random descends from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Clocks without progress after which it is a failure.
    #[arg(long, value_name = "CLOCKS", default_value_t = 2_500_000)]
    pub patience: u64,
    /// Plants faults, to see them found; as in `run`.
    #[arg(long = "fault", value_name = "RULE")]
    pub faults: Vec<Fault>,
    /// Waveforms.
    #[command(flatten)]
    pub waves: super::WavesOptions,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl LoopbackOptions {
    /// As typed after `silico loopback`.
    ///
    /// # Errors
    /// What the parser says.
    pub fn typed(args: &[&str]) -> Result<Self, clap::Error> {
        let typed = ["silico", "loopback"].iter().chain(args).map(ToString::to_string);
        match Cli::try_parse_from(typed)?.command {
            Some(Command::Loopback(options)) => Ok(options),
            _ => unreachable!("`loopback` was given"),
        }
    }

    /// The command line that does the same again.
    #[must_use]
    pub fn command(&self) -> String {
        let mut line = format!(
            "silico loopback --on {} --to {} --frames {} --sizes {} --h2c {} --c2h {} --entries {} --gen {} --lanes {} --mps {} --mrrs {} {} --seed {} --patience {}",
            quote(&self.on),
            name(self.to),
            self.frames,
            quote(&self.sizes.to_string()),
            self.h2c,
            self.c2h,
            self.entries,
            self.generation,
            self.lanes,
            self.mps,
            self.mrrs,
            self.card.as_ref().map_or_else(|| format!("--width {}", self.width), |card| format!("--card {}", quote(card))),
            self.seed,
            self.patience
        );
        for fault in &self.faults {
            line += &format!(" --fault {}", quote(&fault.to_string()));
        }
        line
    }
}
