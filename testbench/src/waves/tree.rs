//! An FST file as a tree of named signals, and values of them in the order of time. Knows nothing of cards.

use fst_writer::{
    FstBodyWriter, FstFileType, FstHeaderWriter, FstInfo, FstScopeType, FstSignalId, FstSignalType, FstVarDirection, FstVarType,
    FstWriteError,
};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Bytes of changes after which a block is written.
const BLOCK: usize = 8 << 20;
/// 10^-12 s.
const PICOSECOND: i8 = -12;

/// A file whose signals are being named.
pub(super) struct Tree {
    path: PathBuf,
    header: FstHeaderWriter<BufWriter<File>>,
    widths: Vec<u32>,
}

/// A file that takes values.
pub(super) struct Out {
    path: PathBuf,
    body: FstBodyWriter<BufWriter<File>>,
    /// What each signal is, so that what stays costs nothing.
    last: Vec<Last>,
    /// ASCII digits of the value under way.
    digits: Vec<u8>,
    /// The latest instant, in picoseconds.
    time: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Last {
    Unknown,
    Number(u64),
    Bytes(Vec<u8>),
}

/// A signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Var {
    id: FstSignalId,
    index: usize,
    bits: u32,
}

fn told(path: &Path) -> impl Fn(FstWriteError) -> String + '_ {
    move |error| match error {
        FstWriteError::Io(error) => format!("waveform: {}: {error}", path.display()),
        other => format!("waveform: {}: {other}", path.display()),
    }
}

impl Tree {
    /// A new file at `path`.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let info = FstInfo {
            start_time: 0,
            timescale_exponent: PICOSECOND,
            version: concat!("silico ", env!("CARGO_PKG_VERSION")).into(),
            // A run is a function of its configuration; so is its file.
            date: String::new(),
            file_type: FstFileType::Verilog,
        };
        let file = File::create(path).map_err(|error| format!("waveform: {}: {error}", path.display()))?;
        let header = FstHeaderWriter::new(BufWriter::new(file), &info).map_err(told(path))?;
        Ok(Self { path: path.into(), header, widths: Vec::new() })
    }

    /// What `inside` names lies in `name`.
    pub(super) fn scope<T>(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.open(name)?;
        let made = inside(self)?;
        self.close()?;
        Ok(made)
    }

    /// What is named from here on lies in `name`, up to where that is closed.
    pub(super) fn open(&mut self, name: &str) -> Result<(), String> {
        self.header.scope(name, "", FstScopeType::Module).map_err(told(&self.path))
    }

    /// Closes what was opened last.
    pub(super) fn close(&mut self) -> Result<(), String> {
        self.header.up_scope().map_err(told(&self.path))
    }

    /// Another name of a signal.
    pub(super) fn alias(&mut self, name: &str, var: Var) -> Result<(), String> {
        let (kind, way) = (FstVarType::Wire, FstVarDirection::Implicit);
        self.header.var(name, FstSignalType::bit_vec(var.bits), kind, way, Some(var.id)).map(drop).map_err(told(&self.path))
    }

    /// A vector of `bits`.
    pub(super) fn bits(&mut self, name: &str, bits: u32) -> Result<Var, String> {
        let (kind, way) = (FstVarType::Wire, FstVarDirection::Implicit);
        let id = self.header.var(name, FstSignalType::bit_vec(bits), kind, way, None).map_err(told(&self.path))?;
        self.widths.push(bits);
        Ok(Var { id, index: self.widths.len() - 1, bits })
    }

    /// ASCII text of at most `letters`.
    pub(super) fn text(&mut self, name: &str, letters: u32) -> Result<Var, String> {
        self.bits(name, 8 * letters)
    }

    /// No more names.
    pub(super) fn finish(self) -> Result<Out, String> {
        let body = self.header.finish().map_err(told(&self.path))?;
        Ok(Out { path: self.path, body, last: vec![Last::Unknown; self.widths.len()], digits: Vec::new(), time: 0 })
    }
}

impl Out {
    /// Goes on to `time`, in picoseconds; not back.
    pub(super) fn at(&mut self, time: u64) -> Result<(), String> {
        // The writer takes a new block only right before a new instant.
        if time > self.time && self.body.size() > BLOCK {
            self.body.flush().map_err(told(&self.path))?;
        }
        self.time = self.time.max(time);
        self.body.time_change(self.time).map_err(told(&self.path))
    }

    /// A number, its lowest bits if there are too many.
    #[inline]
    pub(super) fn number(&mut self, var: Var, value: u64) -> Result<(), String> {
        if self.last[var.index] == Last::Number(value) {
            return Ok(());
        }
        self.last[var.index] = Last::Number(value);
        self.digits.clear();
        self.digits.extend((0..var.bits).rev().map(|bit| b'0' + (value.checked_shr(bit).unwrap_or(0) & 1) as u8));
        self.put(var)
    }

    /// Bytes, the first one lowest: the vector's width in all, zero where there are none.
    pub(super) fn little(&mut self, var: Var, bytes: &[u8]) -> Result<(), String> {
        if self.same(var, bytes) {
            return Ok(());
        }
        self.digits.clear();
        let bit = |bit: u32| b'0' + (bytes.get(bit as usize / 8).copied().unwrap_or(0) >> (bit % 8) & 1);
        self.digits.extend((0..var.bits).rev().map(bit));
        self.put(var)
    }

    /// Text, cut to what has room, as a vector in Verilog holds it: the last letter lowest.
    pub(super) fn text(&mut self, var: Var, text: &str) -> Result<(), String> {
        let letters = &text.as_bytes()[..text.len().min(var.bits as usize / 8)];
        if self.same(var, letters) {
            return Ok(());
        }
        self.digits.clear();
        self.digits.resize(var.bits as usize - 8 * letters.len(), b'0');
        self.digits.extend(letters.iter().flat_map(|letter| (0..8).rev().map(move |bit| b'0' + (letter >> bit & 1))));
        self.put(var)
    }

    /// Binary digits, the highest first; zeros above them, and what is too much cut off there.
    pub(super) fn digits(&mut self, var: Var, digits: &[u8]) -> Result<(), String> {
        if self.same(var, digits) {
            return Ok(());
        }
        let bits = var.bits as usize;
        let digits = &digits[digits.len().saturating_sub(bits)..];
        self.digits.clear();
        self.digits.resize(bits - digits.len(), b'0');
        self.digits.extend_from_slice(digits);
        self.put(var)
    }

    fn same(&mut self, var: Var, bytes: &[u8]) -> bool {
        match &mut self.last[var.index] {
            Last::Bytes(last) if last == bytes => true,
            Last::Bytes(last) => {
                last.clear();
                last.extend_from_slice(bytes);
                false
            }
            other => {
                *other = Last::Bytes(bytes.to_vec());
                false
            }
        }
    }

    fn put(&mut self, var: Var) -> Result<(), String> {
        self.body.signal_change(var.id, &self.digits).map_err(told(&self.path))
    }

    /// Writes what is left; the last clock is as long as the others.
    pub(super) fn finish(mut self, end: u64) -> Result<(), String> {
        self.at(end)?;
        let mut file = self.body.finish().map_err(told(&self.path))?;
        file.flush().map_err(|error| format!("waveform: {}: {error}", self.path.display()))
    }
}
