//! What the cases of a property cover, kept in the folder that `SILICO_COVERAGE` names, a file per property and process. Without it nothing is observed,
//! and nothing is spent.

mod bins;

mod more;

pub(crate) use bins::{Notes, Rung, Signal};
pub(crate) use more::{Cause, Elink, cut_in_loop, given_back, noticed, over_pages, put_out, woken, word};

use crate::coverage::bins::{Ended, Mode, OpIn};
use crate::scenario::Op;
use crate::world::World;
use silico::coverage::{Covered, Observer};
use silico_driver::channel::{Phase, Wait, WaitMode};
use silico_driver::error::DriverError;
use silico_spec::port::TlpPort;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::OnceLock;

thread_local! {
    /// What the cards of this thread have covered since the last [`keep`]: a property is one thread.
    static COVERED: Covered = Covered::default();
    /// What was seen beside the card.
    static NOTES: RefCell<Notes> = RefCell::default();
}

/// Where records go, if anybody wants them.
fn folder() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os("SILICO_COVERAGE").map(PathBuf::from)).as_ref()
}

/// Whether coverage is wanted.
pub(crate) fn wanted() -> bool {
    folder().is_some()
}

/// The card, with an observer around it if coverage is wanted.
pub(crate) fn observed(card: silico_model::Card) -> Box<dyn TlpPort + Send> {
    if wanted() { Box::new(Observer::new(card, COVERED.with(Covered::clone))) } else { Box::new(card) }
}

/// Notes something, if it is wanted.
pub(crate) fn note(write: impl FnOnce(&mut Notes)) {
    if wanted() {
        NOTES.with_borrow_mut(write);
    }
}

/// The driver gave this error.
pub(crate) fn met(error: &DriverError) {
    note(|notes| notes.errors.hit(bins::met(error)));
}

/// An interrupt came, for this reason.
pub(crate) fn signal(signal: Signal) {
    note(|notes| notes.signals.hit(signal));
}

/// The driver's ladder helped, by this rung.
pub(crate) fn climbed(rung: Rung) {
    note(|notes| notes.ladder.hit(rung));
}

/// A wait ended.
pub(crate) fn waited(mode: WaitMode, result: &Result<Wait, DriverError>) {
    let mode = match mode {
        WaitMode::Poll => Mode::Poll,
        WaitMode::Interrupt => Mode::Interrupt,
        WaitMode::Hybrid { .. } => Mode::Hybrid,
    };
    let ended = match result {
        Ok(Wait::Ready) => Ended::Ready,
        Ok(Wait::Deadline) => Ended::Deadline,
        Ok(Wait::LostWakeUp { .. }) => Ended::Lost,
        Ok(Wait::Ended) => Ended::Over,
        Err(_) => Ended::Error,
    };
    note(|notes| notes.waits.hit((mode, ended)));
}

impl World {
    /// An operation is about to be done: on a channel in which state?
    pub(crate) fn note(&self, op: &Op) {
        if !wanted() {
            return;
        }
        let state = |phase: Option<Phase>| match phase {
            Some(Phase::Running) => 1,
            Some(Phase::Failed(_)) => 2,
            _ => 0,
        };
        let bin = if let Some(lane) = op.lane() {
            let lane = &self.lanes[usize::from(lane) % self.lanes.len()];
            let phase = state(lane.ring.as_ref().map(|ring| ring.phase()));
            OpIn::of(op, if lane.shape.paged.is_some() { 3 + phase } else { phase })
        } else if let Some(sender) = op.sender() {
            OpIn::of(op, 6 + state(self.senders[usize::from(sender) % self.senders.len()].phase()))
        } else {
            OpIn::of(op, 9)
        };
        note(|notes| notes.ops.hit(bin));
    }
}

/// Writes what property `name` covered.
///
/// # Panics
/// If the file cannot be written: a table with holes that are none misleads.
pub(crate) fn keep(name: &str) {
    let Some(folder) = folder() else { return };
    let mut record = COVERED.with(Covered::take);
    record.merge(&NOTES.take().record());
    std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("SILICO_COVERAGE {}: {error}", folder.display()));
    let path = folder.join(format!("{}-{}.json", name.replace("::", "."), std::process::id()));
    record.write(&path).unwrap_or_else(|error| panic!("SILICO_COVERAGE: {error}"));
}
