//! Runs the real binary.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// What the binary did.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The report, of a run with `--json`.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}):\n{}\n{}", self.stdout, self.stderr))
    }

    /// Exit status 2 and one line that holds all of `parts`.
    #[track_caller]
    pub(crate) fn assert_could_not_run(&self, parts: &[&str]) {
        assert_eq!(self.status, 2, "{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "one line, please:\n{}", self.stderr);
        assert_eq!(self.stdout, "");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing in: {}", self.stderr);
        }
    }

    #[track_caller]
    pub(crate) fn assert_passed(&self) {
        assert_eq!(self.status, 0, "{}\n{}", self.stdout, self.stderr);
    }
}

/// Runs `silico` with `args`.
pub(crate) fn silico<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_silico")).args(args).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran { status: status.code().expect("no signal"), stdout: text(stdout), stderr: text(stderr) }
}

/// A path for a scratch file of this test.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("silico-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("scratch folder");
    folder.join(name)
}

/// The recorded traffic.
pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}
