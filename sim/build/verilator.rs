//! Verilator itself: where it is, which one, and running it. Every way in which that fails is one sentence.

use super::VERILATOR;
use crate::variants::Variant;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest that will do.
const FLOOR: (u32, u32) = (5, 6);

pub(super) struct Verilator {
    program: PathBuf,
    /// Holds `include`.
    pub(super) root: PathBuf,
    /// What it says of its version.
    pub(super) text: String,
}

impl Verilator {
    /// The one that was asked for, or the one on the path.
    pub(super) fn find(asked: Option<OsString>) -> Result<Self, String> {
        let program = asked.filter(|asked| !asked.is_empty()).map_or_else(|| "verilator".into(), PathBuf::from);
        let (major, minor) = FLOOR;
        let text = match Command::new(&program).arg("--version").output() {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
                return Err(format!(
                    "`{} --version` fails ({}): {said}; set {VERILATOR} to a Verilator that runs",
                    program.display(),
                    output.status
                ));
            }
            Err(error) => {
                return Err(format!(
                    "the feature `rtl` needs Verilator {major}.{minor:03} or newer, and there is no `{}` ({error}): run `cargo xtask setup`, or set {VERILATOR} to the program",
                    program.display()
                ));
            }
        };
        // Some builds, as that of PyPI, say a revision and no number: nobody knows that they are too old.
        match parse_version(&text) {
            None if !text.starts_with("rev ") => {
                return Err(format!(
                    "`{} --version` says `{text}`, which is no version of Verilator; set {VERILATOR} to the program",
                    program.display()
                ));
            }
            Some(found) if found < FLOOR => {
                return Err(format!(
                    "Verilator {}.{:03} is too old: the feature `rtl` needs {major}.{minor:03} or newer (`{}` is {text})",
                    found.0,
                    found.1,
                    program.display()
                ));
            }
            _ => {}
        }
        let root = env::var_os("VERILATOR_ROOT").map(PathBuf::from).or_else(|| Self::root_of(&program));
        match root.filter(|root| root.join("include/verilated.h").is_file()) {
            Some(root) => Ok(Self { program, root, text }),
            None => Err(format!("`{}` ({text}) does not say where its include/verilated.h is; set VERILATOR_ROOT", program.display())),
        }
    }

    fn root_of(program: &Path) -> Option<PathBuf> {
        let output = Command::new(program).args(["--getenv", "VERILATOR_ROOT"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(text.trim())).filter(|path| path.is_dir())
    }

    /// Makes C++ of one variant in `folder`.
    pub(super) fn run(&self, variant: &Variant, sources: &[PathBuf], rtl: &Path, folder: &Path, options: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        // Lint is a step of its own.
        command.args(["--cc", "--top-module", "silico_card", "--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3"]);
        // Savable: what runs in a clock is the same with it and without, byte by byte; it adds functions that copy a card.
        command.args(["--x-assign", "fast", "--x-initial", "fast", "--savable", "--prefix"]).arg(format!("V{}", variant.name));
        command.args(options);
        command.arg("--Mdir").arg(folder).args(variant.parameters().map(|(name, value)| format!("-G{name}={value}")));
        command.arg(format!("-I{}", rtl.display())).args(sources);
        let output = command.output().map_err(|error| format!("can't run {}: {error}", self.program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        for line in text.lines().filter(|line| line.contains("%Error")).skip(1).take(20) {
            println!("cargo::warning={line}");
        }
        let first = text.lines().find(|line| line.contains("%Error")).unwrap_or("it names no error");
        Err(format!("Verilator does not take the RTL (variant {}, {}): {first}", variant.name, self.text))
    }
}

/// Number of a version: `Verilator 5.006 2023-01-22 rev ...`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.strip_prefix("Verilator ")?.split_whitespace().next()?;
    let (major, minor) = number.split_once('.')?;
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, digits.parse().ok()?))
}
