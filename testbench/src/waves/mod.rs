//! Waveforms: what passes a card's port, what the card tells of itself, and what driver and host do meanwhile, clock by clock, in one FST file for GTKWave or
//! Surfer. Changes nothing: a run gives the same with them and without.
//!
//! A [`Tap`] around each card hands every clock to the recorder; the driver's side adds notes. Text is ASCII in a vector of 8 bits a character, right-aligned
//! as in Verilog: choose the format *ASCII* in the viewer.

mod config;
mod file;
mod inside;
mod notes;
mod recorder;
mod signals;
mod tap;
mod tree;

pub use config::{AROUND, Layout, MOST_AROUND, Sides, WavesConfig, Window};
pub use notes::Operation;
pub use tap::{LookInside, Side, Tap};

use notes::{Note, Value};
use recorder::Recorder;
use serde::Serialize;
use silico_spec::units::{Cycle, Cycles};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A waveform that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it is.
    pub file: PathBuf,
    /// The first clock in it, and the last.
    pub clocks: (u64, u64),
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, clocks {} to {}", self.file.display(), self.clocks.0, self.clocks.1)
    }
}

/// Where everybody who has something to show leaves it. A clone is the same place; off, it is nowhere.
#[derive(Clone, Default)]
pub struct Waves(Option<Arc<Mutex<Recorder>>>);

impl fmt::Debug for Waves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Waves(on)" } else { "Waves(off)" })
    }
}

impl Waves {
    /// Nobody looks.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Of a card as `layout` says. A file that is wanted in any case is opened at once.
    ///
    /// # Errors
    /// One line, if it can't be opened.
    pub fn new(config: &WavesConfig, layout: Layout) -> Result<Self, String> {
        Recorder::new(config.clone(), layout).map(|recorder| Self(Some(Arc::new(Mutex::new(recorder)))))
    }

    /// Whether anybody looks.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// How long two cards that have parted run on, so that it can be seen.
    #[must_use]
    pub fn tail(&self) -> Cycles {
        self.lock().map_or(Cycles(0), |recorder| recorder.tail())
    }

    fn lock(&self) -> Option<MutexGuard<'_, Recorder>> {
        self.0.as_ref().map(|recorder| recorder.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The driver begins something: `register` is its name, or what there is instead of one.
    pub fn begin(&self, at: Cycle, operation: Operation, offset: u32, value: Option<u64>) {
        if let Some(mut recorder) = self.lock() {
            recorder.note(at, &Note::Begin(operation, offset, value));
        }
    }

    /// What was begun has ended, with this value.
    pub fn end(&self, at: Cycle, value: Option<u64>) {
        if let Some(mut recorder) = self.lock() {
            recorder.note(at, &Note::End(value));
        }
    }

    /// The driver was woken by `vector`.
    pub fn served(&self, at: Cycle, vector: u16) {
        if let Some(mut recorder) = self.lock() {
            recorder.note(at, &Note::Served(vector));
        }
    }

    /// The host took a frame.
    pub fn frame(&self, at: Cycle, channel: u8, sequence: u64, bytes: u32) {
        if let Some(mut recorder) = self.lock() {
            recorder.note(at, &Note::Frame(channel, sequence, bytes));
        }
    }

    /// Somebody resets the card, or pulls it.
    pub fn reset(&self, at: Cycle, what: &'static str) {
        if let Some(mut recorder) = self.lock() {
            recorder.note(at, &Note::Reset(what));
        }
    }

    /// Something is wrong: a window around a failure ends soon after `now` ([`Cycle::NEVER`]: the last clock that was seen). Only the first one counts.
    pub fn failed(&self, now: Cycle, at: Cycle, what: &str) {
        if let Some(mut recorder) = self.lock() {
            recorder.failed(now, at, what);
        }
    }

    /// The last clock that is wanted after a failure.
    #[must_use]
    pub fn wanted(&self) -> Option<Cycle> {
        self.lock().and_then(|recorder| recorder.wanted())
    }

    /// Closes the file, if there is one.
    ///
    /// # Errors
    /// One line, if it could not be written.
    pub fn finish(&self) -> Result<Option<Written>, String> {
        self.lock().map_or(Ok(None), |mut recorder| recorder.finish())
    }
}
