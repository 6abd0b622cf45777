//! How much was simulated: each property says at its end how many cases and clocks it ran. With `SILICO_TALLY=FILE` it is appended to that file too, a
//! line each, for whoever runs many.

use std::cell::Cell;
use std::io::Write;
use std::time::Instant;

thread_local! {
    static CLOCKS: Cell<u64> = const { Cell::new(0) };
}

/// Clocks of a machine that this thread has run to its end.
pub(crate) fn add(clocks: u64) {
    CLOCKS.with(|sum| sum.set(sum.get() + clocks));
}

/// Clocks so far.
pub(crate) fn clocks() -> u64 {
    CLOCKS.with(Cell::get)
}

/// These do not count.
pub(crate) fn forget(clocks: u64) {
    CLOCKS.with(|sum| sum.set(sum.get() - clocks));
}

/// Counts from here to [`Tally::end`], on this thread.
pub(crate) struct Tally {
    name: String,
    start: Instant,
    before: u64,
}

impl Tally {
    pub(crate) fn begin(name: &str) -> Self {
        Self { name: name.into(), start: Instant::now(), before: CLOCKS.with(Cell::get) }
    }

    /// Says it. `cases`: how many were asked for.
    pub(crate) fn end(self, cases: u32) {
        let clocks = CLOCKS.with(Cell::get) - self.before;
        let line =
            format!("{} {cases} cases, {clocks} clocks, {:.2} s{}", self.name, self.start.elapsed().as_secs_f64(), crate::on::left_out());
        println!("{line}");
        let Some(path) = std::env::var_os("SILICO_TALLY") else { return };
        // One write for a line: properties run side by side.
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("SILICO_TALLY {}: {error}", path.display()));
    }
}
