//! What was covered, as it is kept in files: groups by name, and how much was run for it. Records of several runs merge.

use super::bin::Group;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Version of the file format.
const VERSION: u32 = 1;
/// Files larger than this are none of ours.
const LARGEST: u64 = 64 << 20;

/// What some runs covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// Runs that it holds.
    pub cases: u64,
    /// Clocks of the card in them.
    pub clocks: u64,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, cases: 0, clocks: 0, groups: BTreeMap::new() }
    }
}

/// Why a file is no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not of this format.
    #[error("{}: no coverage record: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Record {
    /// Adds what `other` covered.
    pub fn merge(&mut self, other: &Self) {
        self.cases = self.cases.saturating_add(other.cases);
        self.clocks = self.clocks.saturating_add(other.clocks);
        for (name, group) in &other.groups {
            self.groups.entry(name.clone()).or_default().merge(group);
        }
    }

    /// Bins that could have happened and did not: group and bin.
    pub fn holes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.groups.iter().flat_map(|(name, group)| group.holes().map(move |bin| (name.as_str(), bin)))
    }

    /// Reads one.
    ///
    /// # Errors
    /// If the file can't be read, or is no record of this version.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let file = |source| RecordError::File { path: path.into(), source };
        let format = |why: String| RecordError::Format { path: path.into(), why };
        let bytes = std::fs::metadata(path).map_err(file)?.len();
        if bytes > LARGEST {
            return Err(format(format!("{bytes} bytes; at most {LARGEST} are read")));
        }
        let record: Self = serde_json::from_slice(&std::fs::read(path).map_err(file)?).map_err(|error| format(error.to_string()))?;
        if record.version == VERSION { Ok(record) } else { Err(format(format!("version {}; this one reads {VERSION}", record.version))) }
    }

    /// Writes it: whole, or not at all.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let file = |source| RecordError::File { path: path.into(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| file(error.into()))?;
        let part = path.with_extension("part");
        std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path)).map_err(file)
    }
}

/// A line per group, then each hole by name, then what can't happen and why, then what is left to other tests.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.groups.keys().map(String::len).max().unwrap_or(0).max(5);
        writeln!(f, "{:<width$}  {:>8}  {:>6}  {:>12}", "group", "covered", "holes", "hits")?;
        for (name, group) in &self.groups {
            let possible = group.bins.values().filter(|hits| hits.is_hole() || hits.count > 0).count();
            let holes = group.holes().count();
            let hits: u64 = group.bins.values().map(|hits| hits.count).sum();
            writeln!(f, "{name:<width$}  {:>8}  {holes:>6}  {hits:>12}", format!("{}/{possible}", possible - holes))?;
        }
        for (name, group) in &self.groups {
            for hole in group.holes() {
                writeln!(f, "hole: {name}: {hole}")?;
            }
        }
        for (name, group) in &self.groups {
            let why = |bin: &str| group.bins.get(bin).filter(|hits| hits.count == 0).and_then(|hits| hits.impossible.clone());
            for (bin, why) in group.order.iter().filter_map(|bin| Some((bin, why(bin)?))) {
                writeln!(f, "can't happen: {name}: {bin}: {why}")?;
            }
        }
        for (name, group) in &self.groups {
            let place = |bin: &str| group.bins.get(bin).filter(|hits| hits.count == 0 && hits.impossible.is_none())?.elsewhere.clone();
            for (bin, place) in group.order.iter().filter_map(|bin| Some((bin, place(bin)?))) {
                writeln!(f, "elsewhere: {name}: {bin}: {place}")?;
            }
        }
        write!(f, "{} cases, {} clocks, {} holes", self.cases, self.clocks, self.holes().count())
    }
}
