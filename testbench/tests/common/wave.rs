//! A waveform, read back by another's reader.

use std::path::Path;
use wellen::TimescaleUnit;
use wellen::simple::{Waveform, read};

/// A file in memory. Signals are named as in the viewer.
pub(crate) struct Wave {
    wave: Waveform,
    clock_ps: u64,
}

impl Wave {
    #[track_caller]
    pub(crate) fn open(path: &Path) -> Self {
        let wave = read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let unit = wave.hierarchy().timescale().expect("a unit of time");
        assert_eq!((unit.factor, unit.unit), (1, TimescaleUnit::PicoSeconds));
        Self { wave, clock_ps: 4000 }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.wave.hierarchy().iter_vars().any(|var| var.full_name(self.wave.hierarchy()) == name)
    }

    /// The first clock of which anything is known, and the last.
    pub(crate) fn span(&mut self) -> (u64, u64) {
        let first = self.changes("silico.cycle")[0].0;
        (first, self.wave.time_table().last().expect("an instant") / self.clock_ps)
    }

    /// Clock and bits of each change of `name`; what was never set is left out.
    #[track_caller]
    pub(crate) fn changes(&mut self, name: &str) -> Vec<(u64, String)> {
        let found = self.wave.hierarchy().iter_vars().find(|var| var.full_name(self.wave.hierarchy()) == name);
        let signal = found.unwrap_or_else(|| panic!("no signal {name}")).signal_ref();
        self.wave.load_signals(&[signal]);
        let times = self.wave.time_table();
        let bits = self.wave.get_signal(signal).expect("loaded").iter_changes();
        bits.filter_map(|(index, value)| Some((times[index as usize] / self.clock_ps, value.to_bit_string()?)))
            .filter(|(_, bits)| !bits.contains('x'))
            .collect()
    }

    /// The same as numbers.
    #[track_caller]
    pub(crate) fn numbers(&mut self, name: &str) -> Vec<(u64, u64)> {
        let number = |bits: String| u64::from_str_radix(&bits, 2).expect("64 bits at most");
        self.changes(name).into_iter().map(|(at, bits)| (at, number(bits))).collect()
    }

    /// The same as text.
    #[track_caller]
    pub(crate) fn texts(&mut self, name: &str) -> Vec<(u64, String)> {
        let letter = |bits: &[u8]| char::from(bits.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0')));
        let text = |bits: String| bits.as_bytes().chunks(8).map(letter).filter(|letter| *letter != '\0').collect();
        self.changes(name).into_iter().map(|(at, bits)| (at, text(bits))).collect()
    }

    /// Value of a number at a clock.
    #[track_caller]
    pub(crate) fn at(&mut self, name: &str, cycle: u64) -> Option<u64> {
        self.numbers(name).into_iter().take_while(|(at, _)| *at <= cycle).last().map(|(_, value)| value)
    }
}
