//! The options about waveforms, of every command that runs a card.

use crate::input::error::BadInput;
use crate::waves::{AROUND, MOST_AROUND, WavesConfig, Window};
use clap::Args;
use std::path::PathBuf;

/// Options about waveforms. They change nothing of a run.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct WavesOptions {
    /// Writes a waveform (FST, for GTKWave or Surfer): the card's port clock by clock, what the card tells of itself, and what driver and host do.
    #[arg(long, value_name = "FILE")]
    pub waves: Option<PathBuf>,
    /// With --waves: the first clock in it.
    #[arg(long, value_name = "CYCLE", requires = "waves", conflicts_with = "waves_around_failure")]
    pub waves_from: Option<u64>,
    /// With --waves: the last clock in it.
    #[arg(long, value_name = "CYCLE", requires = "waves", conflicts_with = "waves_around_failure")]
    pub waves_to: Option<u64>,
    /// Only the N clocks before something was found wrong, and N after it; nothing wrong: no file. Without --waves, the file gets a name of its own. On lockstep
    /// that is the default, with N = 1000.
    #[arg(long, value_name = "N")]
    pub waves_around_failure: Option<u64>,
}

impl WavesOptions {
    /// What is to be written, if anything is. `always`: around a failure in any case.
    ///
    /// # Errors
    /// If it can't be.
    pub fn config(&self, always: bool) -> Result<Option<WavesConfig>, BadInput> {
        if let Some(around) = self.waves_around_failure {
            if !(1..=MOST_AROUND).contains(&around) {
                return Err(BadInput::setting("--waves-around-failure", around, format!("1 to {MOST_AROUND} clocks")));
            }
            return Ok(Some(WavesConfig { file: self.named()?, window: Window::Around(around) }));
        }
        let (from, to) = (self.waves_from.unwrap_or(0), self.waves_to.unwrap_or(u64::MAX));
        if from > to {
            return Err(BadInput::setting("--waves-to", to, format!("at least --waves-from, {from}")));
        }
        match self.named()? {
            Some(file) => Ok(Some(WavesConfig { file: Some(file), window: Window::Between(from, to) })),
            None => Ok(always.then_some(WavesConfig { file: None, window: Window::Around(AROUND) })),
        }
    }

    /// The file, which may come late in a long run: its folder must be there now.
    fn named(&self) -> Result<Option<PathBuf>, BadInput> {
        let Some(file) = &self.waves else { return Ok(None) };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if file.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(BadInput::setting("--waves", file.display(), "a file in a folder that exists"));
        }
        Ok(Some(file.clone()))
    }
}
