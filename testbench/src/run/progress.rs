//! How far a run is: a bar on a terminal, plain lines elsewhere, nothing if nobody wants it. Always on stderr. The only place that looks at a
//! wall clock while a run goes on, and nothing of it reaches the run.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows progress.
#[derive(Debug)]
pub enum Progress {
    /// Nothing.
    Quiet,
    /// A bar.
    Bar(ProgressBar),
    /// A line now and then: when the last one was, and frames in all.
    Lines(Instant, u64),
}

impl Progress {
    /// For a run of `frames` frames.
    #[must_use]
    pub fn new(quiet: bool, frames: u64) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Instant::now(), frames);
        }
        let bar = ProgressBar::new(frames);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} frames {per_sec} {eta}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// `frames` have been delivered.
    pub fn at(&mut self, frames: u64) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.set_position(frames),
            Self::Lines(last, all) => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    eprintln!("{frames} of {all} frames");
                }
            }
        }
    }

    /// The run is over.
    pub fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
