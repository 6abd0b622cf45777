//! The file: samples of clocks and notes between them, in the order of time.

use super::Value;
use super::config::Layout;
use super::inside::{Inside, Names, Values};
use super::notes::{CHANGES, Change, Notes};
use super::signals::{Sample, Signals};
use super::tree::{Out, Tree, Var};
use std::path::{Path, PathBuf};

/// A waveform being written.
pub(super) struct File {
    path: PathBuf,
    out: Out,
    signals: Signals,
    inside: Inside,
    notes: Vec<Var>,
    clock_ps: u64,
    first: Option<u64>,
    last: u64,
}

impl File {
    pub(super) fn create(path: &Path, layout: &Layout, names: &Names) -> Result<Self, String> {
        let mut tree = Tree::create(path)?;
        let (signals, inside, notes) = tree.scope("silico", |tree| {
            let signals = Signals::declare(tree, layout)?;
            let mut notes = Vec::with_capacity(CHANGES.len());
            for scope in ["driver", "host"] {
                tree.scope(scope, |tree| {
                    for (_, _, name, bits) in CHANGES.iter().filter(|change| change.1 == scope) {
                        notes.push(if *bits < 0 { tree.text(name, bits.unsigned_abs())? } else { tree.bits(name, *bits as u32)? });
                    }
                    Ok(())
                })?;
            }
            let inside =
                if layout.inside.is_some() { tree.scope("inside", |tree| Inside::declare(tree, names))? } else { Inside::default() };
            Ok((signals, inside, notes))
        })?;
        Ok(Self { path: path.into(), out: tree.finish()?, signals, inside, notes, clock_ps: layout.clock_ps.into(), first: None, last: 0 })
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// The state of things at `cycle`, the first that is written, and where that is not a clock that was seen, as the last one left them.
    pub(super) fn begin(&mut self, cycle: u64, notes: &Notes, values: &Values) -> Result<(), String> {
        self.first = Some(cycle);
        self.last = cycle;
        self.out.at(cycle * self.clock_ps)?;
        self.inside.begin(&mut self.out, values)?;
        CHANGES.iter().try_for_each(|(change, ..)| self.show_note(*change, notes))
    }

    /// One clock, and what happened up to it.
    pub(super) fn write(&mut self, cycle: u64, sample: &Sample, notes: &mut Notes, names: &Names) -> Result<(), String> {
        self.happened(cycle, notes)?;
        self.last = self.last.max(cycle);
        self.out.at(cycle * self.clock_ps)?;
        self.signals.show(&mut self.out, sample)?;
        sample.sides.iter().try_for_each(|side| self.inside.show(&mut self.out, names, &side.inside))
    }

    /// Notes up to a clock.
    pub(super) fn happened(&mut self, cycle: u64, notes: &mut Notes) -> Result<(), String> {
        while let Some((at, change)) = notes.take(cycle) {
            let at = at.max(self.last);
            self.last = at;
            self.out.at(at * self.clock_ps)?;
            self.show_note(change, notes)?;
        }
        Ok(())
    }

    fn show_note(&mut self, change: Change, notes: &Notes) -> Result<(), String> {
        let var = self.notes[change as usize];
        match notes.value(change) {
            Value::Number(value) => self.out.number(var, *value),
            Value::Text(text) => self.out.text(var, text),
        }
    }

    /// Closes it after clock `last`. The file and its clocks.
    pub(super) fn finish(mut self, last: u64) -> Result<super::Written, String> {
        self.last = self.last.max(last);
        self.out.finish((self.last + 1) * self.clock_ps)?;
        Ok(super::Written { file: self.path, clocks: (self.first.unwrap_or(0), self.last) })
    }
}
