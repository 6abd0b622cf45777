//! `cargo xtask registers`: renders the register map, or finds what is stale. What the files hold is the exporters' affair.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::shell::{self, Workspace};

/// The map.
const SOURCE: &str = "rtl/registers.rdl";
/// Folder that holds nothing but rendered files.
const FOLDER: &str = "rtl/generated";
const RUST: &str = "spec/src/registers.rs";
const HEADER: &str = "rtl/generated/silico_card.h";
const PAGE: &str = "rtl/generated/registers.md";

/// What is rendered: PeakRDL's subcommand, its output (a file or folder), its options.
const OUTPUTS: &[(&str, &str, &[&str])] = &[
    ("silico-rust", RUST, &[]),
    ("silico-markdown", PAGE, &[]),
    ("c-header", HEADER, &["--std", "gnu17", "--type-style", "hier"]),
    ("silico-sv", FOLDER, &["--top", "silico_card_block"]),
    ("silico-sv", FOLDER, &["--top", "silico_c2h_block"]),
    ("silico-sv", FOLDER, &["--top", "silico_h2c_block"]),
];

/// Renders the map into the tree and says what changed.
pub(crate) fn render(workspace: &Workspace) -> Result<()> {
    let rendered = Rendered::new(workspace)?;
    let stale = stale(&rendered.folder, &workspace.root)?;
    for file in &stale {
        let (from, to) = (rendered.folder.join(file), workspace.root.join(file));
        if from.exists() {
            fs::create_dir_all(to.parent().context("a rendered file lies in a folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("can't write {}", file.display()))?;
            println!("registers: wrote {}", file.display());
        } else {
            fs::remove_file(&to).with_context(|| format!("can't remove {}", file.display()))?;
            println!("registers: removed {}, which {SOURCE} no longer gives", file.display());
        }
    }
    if stale.is_empty() {
        println!("registers: all files are as {SOURCE} gives them");
    }
    Ok(())
}

/// An error with the list of files that are not as the map gives them.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let rendered = Rendered::new(workspace)?;
    let stale = stale(&rendered.folder, &workspace.root)?;
    if !stale.is_empty() {
        let list: Vec<String> = stale.iter().map(|file| format!("  {}", file.display())).collect();
        bail!("not as {SOURCE} gives them (to render them: cargo xtask registers):\n{}", list.join("\n"));
    }
    println!("registers: all files are as {SOURCE} gives them");
    Ok(())
}

/// A folder with everything freshly rendered, at the same paths as in the tree; removed when dropped.
struct Rendered {
    folder: PathBuf,
}

impl Rendered {
    fn new(workspace: &Workspace) -> Result<Self> {
        if !setup::is_complete(workspace) {
            bail!("PeakRDL is not in .tools/venv, or not in the pinned version: run `cargo xtask setup`");
        }
        let this = Self { folder: workspace.root.join(".tools").join(format!("rendered-{}", process::id())) };
        fs::create_dir_all(this.folder.join(FOLDER))?;
        for (subcommand, output, options) in OUTPUTS {
            let output = this.folder.join(output);
            fs::create_dir_all(output.parent().context("an output lies in a folder")?)?;
            let mut command = workspace.command(workspace.python());
            command.args(["-m", "peakrdl", subcommand, "--peakrdl-cfg", "rtl/tools/peakrdl.toml"]).args(*options);
            shell::run(command.arg("-o").arg(output).arg(SOURCE).env("PYTHONDONTWRITEBYTECODE", "1"))?;
        }
        let mut format = workspace.command("rustfmt");
        shell::run(format.args(["--edition", "2024", "--config-path"]).arg(&workspace.root).arg(this.folder.join(RUST)))?;
        Ok(this)
    }
}

impl Drop for Rendered {
    fn drop(&mut self) {
        // Only a folder of ours, which git ignores: a leftover does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Files that differ between `rendered` and `tree`, are missing in the tree, or lie in [`FOLDER`] of the tree only; sorted.
fn stale(rendered: &Path, tree: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_below(rendered, Path::new(""))?;
    if tree.join(FOLDER).is_dir() {
        files.extend(files_below(tree, Path::new(FOLDER))?);
    }
    files.sort();
    files.dedup();
    let read = |root: &Path, file: &Path| fs::read(root.join(file)).ok();
    files.retain(|file| read(rendered, file) != read(tree, file));
    Ok(files)
}

/// All files below `root`/`folder`, relative to `root`.
fn files_below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(folder)).with_context(|| format!("can't list {}", folder.display()))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files.extend(files_below(root, &path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `files` (path, text) below a new folder.
    fn tree(name: &str, files: &[(&str, &str)]) -> Rendered {
        let folder = std::env::temp_dir().join(format!("silico-xtask-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Rendered { folder }
    }

    #[test]
    fn stale_files_are_those_that_differ_lack_or_are_left_over() {
        let fresh = tree("fresh", &[(RUST, "new"), (HEADER, "same"), (PAGE, "text")]);
        let old =
            tree("old", &[(RUST, "old"), (HEADER, "same"), ("rtl/generated/left.sv", ""), ("rtl/own.sv", ""), ("spec/src/own.rs", "")]);
        let stale = stale(&fresh.folder, &old.folder).unwrap();
        assert_eq!(stale, ["rtl/generated/left.sv", PAGE, RUST].map(PathBuf::from));
    }

    #[test]
    fn equal_trees_are_fresh() {
        let files = [(RUST, "text"), (HEADER, "more")];
        let (one, two) = (tree("one", &files), tree("two", &files));
        assert!(stale(&one.folder, &two.folder).unwrap().is_empty());
    }

    #[test]
    fn without_peakrdl_the_check_fails_and_says_what_to_do() {
        let empty = tree("empty", &[(RUST, "text")]);
        let error = check(&Workspace { root: empty.folder.clone() }).unwrap_err().to_string();
        assert!(error.contains("cargo xtask setup"), "{error}");
    }
}
