//! Takes every clock, keeps the last ones, and decides which go into the file.

use super::Written;
use super::config::{Layout, Sides, WavesConfig, Window, new_file};
use super::file::File;
use super::inside::{Names, Values};
use super::notes::{Note, Notes};
use super::signals::Sample;
use super::tap::Side;
use silico_spec::units::{Cycle, Cycles};
use std::collections::VecDeque;

/// See the module's head.
pub(super) struct Recorder {
    config: WavesConfig,
    layout: Layout,
    /// What is declared inside the cards, and its values before the clocks that are kept.
    names: Names,
    values: Values,
    /// The clock under way.
    sample: Sample,
    /// The last clock that was seen.
    latest: u64,
    /// Clocks before it that may be wanted.
    kept: VecDeque<Sample>,
    spare: Vec<Sample>,
    notes: Notes,
    file: Option<File>,
    /// The clock in which something was found wrong.
    failed: Option<u64>,
    /// Nothing more is wanted: as it ended.
    done: Option<Result<Option<Written>, String>>,
}

impl Recorder {
    pub(super) fn new(config: WavesConfig, layout: Layout) -> Result<Self, String> {
        let names = layout.inside.as_deref().map(Names::read).unwrap_or_default();
        let file = match (&config.file, config.window) {
            (Some(path), Window::Between(..)) => Some(File::create(path, &layout, &names)?),
            _ => None,
        };
        let (sample, kept, spare) = (Sample::default(), VecDeque::new(), Vec::new());
        let values = Values::default();
        Ok(Self { config, layout, names, values, sample, latest: 0, kept, spare, notes: Notes::new(), file, failed: None, done: None })
    }

    /// Clocks are wanted.
    pub(super) const fn is_open(&self) -> bool {
        self.done.is_none()
    }

    pub(super) const fn tail(&self) -> Cycles {
        match self.config.window {
            Window::Between(..) => Cycles(u64::MAX),
            // The difference is that of the clock after the one in which they part.
            Window::Around(span) => Cycles(span + 2),
        }
    }

    pub(super) const fn sample(&mut self) -> &mut Sample {
        &mut self.sample
    }

    /// A side has shown what it has.
    pub(super) fn seen(&mut self, side: Side) {
        let last = match self.layout.sides {
            Sides::One(_) => Side::First,
            Sides::Two(_) => Side::Second,
        };
        if side == last
            && let Err(error) = self.clock()
        {
            self.done = Some(Err(error));
        }
    }

    /// All clocks before `cycle` have passed, and nothing changed in the last of them.
    pub(super) fn passed(&mut self, cycle: u64) {
        self.latest = self.latest.max(cycle.saturating_sub(1));
    }

    fn clock(&mut self) -> Result<(), String> {
        let cycle = self.sample.cycle;
        self.latest = cycle;
        match self.config.window {
            Window::Between(from, to) => {
                if cycle >= from {
                    self.open(cycle, from)?;
                    if cycle <= to {
                        self.write()?;
                    } else {
                        self.close(to)?;
                    }
                } else {
                    self.keep(cycle);
                }
            }
            Window::Around(span) => {
                if self.failed.is_none() && matches!(self.layout.sides, Sides::Two(_)) && self.sample.difference().is_some() {
                    self.fail(cycle, cycle, "the cards differ");
                }
                match self.failed {
                    None => self.keep(cycle.saturating_sub(span)),
                    Some(at) => {
                        let (first, last) = (at.saturating_sub(span), at.saturating_add(span));
                        self.open(cycle, first)?;
                        if cycle <= last {
                            self.write()?;
                        } else {
                            self.close(last)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the clock under way, and the last one up to `from`, whose values hold there.
    fn keep(&mut self, from: u64) {
        let next = self.spare.pop().unwrap_or_default();
        self.kept.push_back(std::mem::replace(&mut self.sample, next));
        while self.kept.get(1).is_some_and(|second| second.cycle <= from) {
            self.forget();
        }
        let oldest = self.kept.front().map_or(0, |sample| sample.cycle);
        while self.notes.take(oldest.min(from)).is_some() {}
    }

    /// Of the oldest clock that is kept, the values stay.
    fn forget(&mut self) {
        let Some(mut sample) = self.kept.pop_front() else { return };
        for side in &mut sample.sides {
            self.values.pass(&self.names, &side.inside);
            side.inside.clear();
        }
        self.spare.push(sample);
    }

    /// The file, with all that was kept from `first` on, and before `cycle`.
    fn open(&mut self, cycle: u64, first: u64) -> Result<(), String> {
        if self.file.as_ref().is_some_and(File::has_begun) {
            return Ok(());
        }
        if self.file.is_none() {
            let path = self.config.file.clone().map_or_else(|| new_file(&self.layout.name, self.failed.unwrap_or(first)), Ok)?;
            self.file = Some(File::create(&path, &self.layout, &self.names)?);
        }
        let begin = self.kept.front().map_or(cycle, |sample| sample.cycle.max(first));
        while self.notes.take(begin.saturating_sub(1)).is_some() {}
        // What holds up to the next clock only, which comes at once.
        while !self.kept.is_empty() && self.kept.get(1).map_or(cycle, |next| next.cycle) <= begin {
            self.forget();
        }
        // The first clock that is written is the state of things, too.
        let sides = &self.kept.front().unwrap_or(&self.sample).sides;
        sides.iter().for_each(|side| self.values.pass(&self.names, &side.inside));
        let Some(file) = &mut self.file else { return Ok(()) };
        file.begin(begin, &self.notes, &self.values)?;
        for sample in self.kept.drain(..) {
            file.write(sample.cycle.max(begin), &sample, &mut self.notes, &self.names)?;
        }
        self.spare = Vec::new();
        Ok(())
    }

    fn write(&mut self) -> Result<(), String> {
        self.file.as_mut().map_or(Ok(()), |file| file.write(self.sample.cycle, &self.sample, &mut self.notes, &self.names))
    }

    /// Nothing after `last` is wanted.
    fn close(&mut self, last: u64) -> Result<(), String> {
        if let Some(mut file) = self.file.take() {
            file.happened(last, &mut self.notes)?;
            self.done = Some(file.finish(last).map(Some));
        }
        Ok(())
    }

    pub(super) fn note(&mut self, at: Cycle, note: &Note<'_>) {
        if self.is_open() {
            self.notes.add(at.0, note);
        }
    }

    fn fail(&mut self, now: u64, at: u64, what: &str) {
        self.failed.get_or_insert(now);
        self.notes.add(at, &Note::Failed(what));
    }

    pub(super) fn failed(&mut self, now: Cycle, at: Cycle, what: &str) {
        if self.is_open() && self.failed.is_none() {
            let now = if now == Cycle::NEVER { self.latest } else { now.0 };
            self.fail(now, at.0, what);
        }
    }

    pub(super) fn wanted(&self) -> Option<Cycle> {
        match (self.config.window, self.failed) {
            (Window::Around(span), Some(at)) if self.is_open() => Some(Cycle(at.saturating_add(span + 2))),
            _ => None,
        }
    }

    pub(super) fn finish(&mut self) -> Result<Option<Written>, String> {
        if let Some(done) = &self.done {
            return done.clone();
        }
        let finished = self.finish_file();
        self.done = Some(finished.clone());
        finished
    }

    fn finish_file(&mut self) -> Result<Option<Written>, String> {
        let cycle = self.latest;
        match (self.config.window, self.failed) {
            (Window::Between(from, _), _) if cycle < from => {
                return Err(format!("waveform: the run ended with clock {cycle}, before the first one that is wanted, {from}"));
            }
            // A run that skips clocks may have skipped them all.
            (Window::Between(from, _), _) => self.open(cycle.saturating_add(1), from)?,
            (Window::Around(span), Some(at)) => self.open(cycle.saturating_add(1), at.saturating_sub(span))?,
            (Window::Around(_), None) => {}
        }
        let last = match (self.config.window, self.failed) {
            (Window::Between(_, to), _) => to,
            (Window::Around(span), at) => at.unwrap_or(0).saturating_add(span),
        };
        self.close(last.min(cycle))?;
        self.done.clone().unwrap_or(Ok(None))
    }
}
