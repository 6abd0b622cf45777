//! Which clocks are shown, of what, and where they go. Writes nothing.

use silico_spec::params::CardParams;
use std::path::PathBuf;

/// Clocks before and after a failure, if nobody says.
pub const AROUND: u64 = 1000;
/// Most clocks before a failure: each is kept whole.
pub const MOST_AROUND: u64 = 100_000;
/// A folder for files that nobody has named; the current one, if it is not set.
const FOLDER: &str = "SILICO_WAVES";

/// Which clocks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// From the first to the last of these, both included.
    Between(u64, u64),
    /// So many before something was found wrong, and after it. Nothing wrong: no file.
    Around(u64),
}

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WavesConfig {
    /// The file; `None`: one of a new name, once there is something to write.
    pub file: Option<PathBuf>,
    /// Which clocks.
    pub window: Window,
}

impl Default for WavesConfig {
    /// A file of a new name, around a failure.
    fn default() -> Self {
        Self { file: None, window: Window::Around(AROUND) }
    }
}

/// Which cards there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// One, of this name.
    One(&'static str),
    /// Two on the same inputs.
    Two([&'static str; 2]),
}

impl Sides {
    pub(super) const fn names(&self) -> &[&'static str] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Two(names) => names,
        }
    }
}

/// Of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The cards.
    pub sides: Sides,
    /// Their parameters.
    pub params: CardParams,
    /// A clock in picoseconds, the unit of the file.
    pub clock_ps: u32,
    /// What a file that nobody has named begins with.
    pub name: String,
    /// What is declared inside the last of the cards, as in a VCD file; none: it is not shown.
    pub inside: Option<String>,
}

/// A file that is not there yet, in the folder for such files.
pub(super) fn new_file(name: &str, cycle: u64) -> Result<PathBuf, String> {
    let folder = std::env::var_os(FOLDER).map_or_else(PathBuf::new, PathBuf::from);
    let told = |error: std::io::Error| format!("waveform: {}: {error}", folder.display());
    if !folder.as_os_str().is_empty() {
        std::fs::create_dir_all(&folder).map_err(told)?;
    }
    // Tests fail in parallel.
    for number in 0_u32.. {
        let more = if number == 0 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}-clock{cycle}{more}.fst"));
        match std::fs::File::create_new(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(told(error)),
        }
    }
    Err(format!("waveform: {}: no name is free", folder.display()))
}
