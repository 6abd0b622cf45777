//! The copy of the tree that mutants are put into: the checkout itself is never touched. Files that did not change keep their time, so that little is
//! built anew.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::catalogue::Mutant;
use crate::shell::Workspace;

/// The copy, under the target folder.
pub(crate) struct Tree {
    origin: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Brings the copy up to date with the checkout.
    pub(crate) fn new(workspace: &Workspace) -> Result<Self> {
        Self::of(workspace, Path::new(""))
    }

    /// The same in a folder of that name, for what would be in the way of others.
    pub(crate) fn of(workspace: &Workspace, name: &Path) -> Result<Self> {
        let base = workspace.root.join("target").join("mutants").join(name);
        let tree = Self { origin: workspace.root.clone(), root: base.join("tree"), target: base.join("build") };
        let wanted = tree.files(workspace)?;
        for path in &wanted {
            tree.copy(path)?;
        }
        tree.drop_others(&tree.root, &wanted)?;
        Ok(tree)
    }

    /// A cargo that runs in the copy with a target folder of its own. Its crates have the same names as the checkout's: in one folder, a mutant would be
    /// taken for the card.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Workspace { root: self.root.clone() }.cargo();
        command.env("CARGO_TARGET_DIR", &self.target).env_remove("CARGO_BUILD_BUILD_DIR").env_remove("CARGO_MANIFEST_DIR");
        // Nobody debugs a mutant, and most of its build would go into that.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        command
    }

    /// Any other command that runs in the copy.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Workspace { root: self.root.clone() }.command(program);
        command.env_remove("CARGO_MANIFEST_DIR");
        command
    }

    /// Its root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a run's output goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.with_file_name("suite.log")
    }

    /// Puts `mutant` in. Returns what was there, for [`Tree::restore`]: the checkout may have moved on.
    pub(crate) fn plant(&self, mutant: &Mutant) -> Result<Vec<(PathBuf, String)>> {
        let mut before = Vec::new();
        for (path, patch) in &mutant.patches {
            let file = self.root.join(path);
            let old = fs::read_to_string(&file).with_context(|| format!("can't read {}", path.display()))?;
            let new = patch.apply(&old).with_context(|| format!("mutant {} does not fit {}", mutant.name, path.display()))?;
            fs::write(&file, new)?;
            before.push((file, old));
        }
        Ok(before)
    }

    /// Takes it out: a file that two patches changed gets its oldest text.
    pub(crate) fn restore(&self, before: Vec<(PathBuf, String)>) -> Result<()> {
        before
            .into_iter()
            .rev()
            .try_for_each(|(file, old)| fs::write(&file, old).with_context(|| format!("can't write {}", file.display())))
    }

    /// What git knows or would add, as paths from the root.
    fn files(&self, workspace: &Workspace) -> Result<BTreeSet<PathBuf>> {
        let mut git = workspace.command("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let output = git.output().context("can't run git: the copy is made of the files that it lists")?;
        ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        let list = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
        Ok(list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).filter(|path| self.origin.join(path).is_file()).collect())
    }

    fn copy(&self, path: &Path) -> Result<()> {
        let (from, to) = (self.origin.join(path), self.root.join(path));
        let bytes = fs::read(&from).with_context(|| format!("can't read {}", from.display()))?;
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        to.parent().map(fs::create_dir_all).transpose()?;
        fs::write(&to, bytes).with_context(|| format!("can't write {}", to.display()))
    }

    fn drop_others(&self, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.drop_others(&path, wanted)?;
            } else if !path.strip_prefix(&self.root).is_ok_and(|path| wanted.contains(path)) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}
