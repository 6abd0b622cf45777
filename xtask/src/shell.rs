//! Commands: how they are described, run and reported. Knows none in particular.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The checkout that this task works on.
pub(crate) struct Workspace {
    /// Its root folder.
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// The workspace of the cargo that runs us.
    pub(crate) fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR").context("CARGO_MANIFEST_DIR is not set: run this as `cargo xtask`")?;
        let root = Path::new(&package).parent().context("CARGO_MANIFEST_DIR has no parent folder")?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// A command that runs in the root folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs us.
    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// The Python of the tools, with PeakRDL, once it is set up.
    pub(crate) fn python(&self) -> PathBuf {
        self.venv().join("bin").join("python")
    }

    /// The virtual environment of the tools; git ignores it.
    pub(crate) fn venv(&self) -> PathBuf {
        self.root.join(".tools").join("venv")
    }
}

/// `command` as one would type it in the root folder.
pub(crate) fn describe(command: &Command) -> String {
    let root = command.get_current_dir().map(|root| format!("{}/", root.display())).unwrap_or_default();
    let quote = |text: &OsStr| {
        let text = text.to_string_lossy().replace(&root, "");
        let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c));
        if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let mut words: Vec<String> =
        command.get_envs().filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quote(value?)))).collect();
    let program = command.get_program();
    let is_cargo = Path::new(program).file_stem() == Some(OsStr::new("cargo"));
    words.push(if is_cargo { "cargo".into() } else { quote(program) });
    words.extend(command.get_args().map(quote));
    words.join(" ")
}

/// Runs `command` with our output; an error if it fails, with the command that reproduces it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = describe(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("can't start: {text}"))?;
    if !status.success() {
        bail!("failed ({status}); to reproduce: {text}");
    }
    Ok(())
}

/// Whether `command` runs and succeeds; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether the shell would find `program`.
pub(crate) fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_command_can_be_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.current_dir("/root").args(["test", "a b", "", "it's", "/root/x"]).env("FLAGS", "-D warnings");
        assert_eq!(describe(&command), r"FLAGS='-D warnings' cargo test 'a b' '' 'it'\''s' x");
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = run(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.ends_with("to reproduce: false"), "{error}");
        let error = run(&mut Command::new("no-such-program-anywhere")).unwrap_err().to_string();
        assert_eq!(error, "can't start: no-such-program-anywhere");
        assert!(succeeds(&mut Command::new("true")) && !succeeds(&mut Command::new("false")));
        assert!(on_path("true") && !on_path("no-such-program-anywhere"));
    }
}
