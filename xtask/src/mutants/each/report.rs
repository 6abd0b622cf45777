//! What is known of each mutant: kept as JSON while a run goes on, so that another one can resume it, and summed up at its end.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Caught,
    Timeout,
    Unviable,
    Missed,
}

impl Verdict {
    const ALL: [Self; 4] = [Self::Caught, Self::Timeout, Self::Unviable, Self::Missed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Timeout => "timeout",
            Self::Unviable => "unviable",
            Self::Missed => "missed",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// One with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    /// The test that caught it, or what the compiler said.
    pub(crate) by: String,
    /// By cargo-mutants, in a build of its own.
    pub(crate) alone: bool,
}

/// All that is known.
pub(crate) struct Report {
    package: String,
    /// Which tree it is known of.
    tree: String,
    listed: usize,
    pub(crate) rows: Vec<Row>,
    path: Option<PathBuf>,
    written: Option<Instant>,
}

impl Report {
    /// Nothing is known yet; or, to `resume`, what the file at `path` says of the same tree.
    pub(crate) fn new(package: &str, tree: String, listed: usize, path: Option<PathBuf>, resume: bool) -> Result<Self> {
        let mut report = Self { package: package.into(), tree, listed, rows: Vec::new(), path, written: None };
        if let Some(path) = report.path.clone().filter(|path| resume && path.exists()) {
            let old: Value = serde_json::from_slice(&fs::read(&path)?).with_context(|| format!("{} is no report", path.display()))?;
            if old["tree"] == report.tree {
                report.rows = old["mutants"].as_array().into_iter().flatten().filter_map(row).collect();
            } else {
                println!("mutants: {} is of another tree: all are tried", path.display());
            }
        }
        report.write(true)?;
        Ok(report)
    }

    /// What is known of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// One more is known.
    pub(crate) fn add(&mut self, row: Row) -> Result<()> {
        self.rows.push(row);
        self.write(false)
    }

    /// Writes the file, if it is old enough or `now`.
    pub(crate) fn write(&mut self, now: bool) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if !now && self.written.is_some_and(|time| time.elapsed().as_secs() < 3) {
            return Ok(());
        }
        let part = path.with_extension("part");
        fs::write(&part, self.json()?).and_then(|()| fs::rename(&part, path)).with_context(|| format!("can't write {}", path.display()))?;
        self.written = Some(Instant::now());
        Ok(())
    }

    fn json(&self) -> Result<String> {
        let row = |row: &Row| json!({ "name": row.name, "verdict": row.verdict.name(), "by": row.by, "alone": row.alone });
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let all = json!({ "package": self.package, "tree": self.tree, "listed": self.listed, "tried": rows.len(), "mutants": rows });
        Ok(serde_json::to_string_pretty(&all)? + "\n")
    }

    /// In words; those missed are named.
    pub(crate) fn summary(&self) -> String {
        let count = |verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        let [caught, timeout, unviable, missed] = Verdict::ALL.map(count);
        let mut text = String::new();
        for row in self.rows.iter().filter(|row| row.verdict == Verdict::Missed) {
            let _ = writeln!(text, "MISSED {}", row.name);
        }
        let percent = 100.0 * (caught + timeout) as f64 / ((caught + timeout + missed) as f64).max(1.0);
        let _ = write!(
            text,
            "{}: {} of {} mutants: {caught} caught, {timeout} caught by time, {missed} missed: {percent:.1} %; {unviable} do not compile",
            self.package,
            self.rows.len(),
            self.listed
        );
        text
    }

    /// Whether none was missed.
    pub(crate) fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Missed)
    }
}

fn row(value: &Value) -> Option<Row> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Row {
        name: text("name")?,
        verdict: Verdict::of_name(value["verdict"].as_str()?)?,
        by: text("by")?,
        alone: value["alone"] == true,
    })
}

/// A number for the files of `folders` in the tree at `root`: the same for the same texts.
pub(crate) fn fingerprint(root: &Path, folders: &[&str]) -> Result<String> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        for byte in name.bytes().chain(fs::read(&path)?) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_summed_up_and_can_be_resumed() {
        let path = std::env::temp_dir().join(format!("silico-each-{}.json", std::process::id()));
        let row = |name: &str, verdict| Row { name: name.into(), verdict, by: "t".into(), alone: false };
        let mut report = Report::new("p", "1".into(), 9, Some(path.clone()), false).unwrap();
        for (name, verdict) in [("a", Verdict::Caught), ("b", Verdict::Missed), ("c", Verdict::Timeout), ("d", Verdict::Unviable)] {
            report.add(row(name, verdict)).unwrap();
        }
        report.write(true).unwrap();
        assert_eq!(report.summary(), "MISSED b\np: 4 of 9 mutants: 1 caught, 1 caught by time, 1 missed: 66.7 %; 1 do not compile");
        assert!(!report.is_clean());
        let again = Report::new("p", "1".into(), 9, Some(path.clone()), true).unwrap();
        assert_eq!(again.rows, report.rows);
        assert_eq!(again.get("c"), Some(&row("c", Verdict::Timeout)));
        let other = Report::new("p", "2".into(), 9, Some(path.clone()), true).unwrap();
        assert!(other.rows.is_empty() && other.is_clean());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_fingerprint_is_of_all_texts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let of = |folders: &[&str]| fingerprint(root, folders).unwrap();
        assert_eq!(of(&["src"]), of(&["src"]));
        assert_ne!(of(&["src"]), of(&["src", "Cargo.toml"]));
    }
}
