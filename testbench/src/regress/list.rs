//! The list of cases, as a person writes it: TOML, with the line in every error. Runs nothing.

use super::job::Job;
use crate::cli::{LoopbackOptions, RunOptions};
use crate::target::Target;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Most runs of a list.
const MOST_JOBS: usize = 100_000;

/// Why a list can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It can't be read.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Something in it is wrong.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// What a case does.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// As `silico run`.
    Run(Box<RunOptions>),
    /// As `silico loopback`.
    Loopback(Box<LoopbackOptions>),
    /// So many dense random plays on one card ([`crate::scenario`]), under the options of a run.
    Plays(u32, Box<RunOptions>),
}

/// A named case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Unique in its list.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Words of targets.
    pub targets: Vec<String>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Inputs, none: that of the options.
    pub vectors: Vec<PathBuf>,
    /// What has to be found wrong, if something has.
    pub finds: Option<String>,
}

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// Where it was read.
    pub path: PathBuf,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    targets: Option<Vec<Spanned<String>>>,
    seeds: Option<Vec<u64>>,
    #[serde(default)]
    case: Vec<Spanned<RawCase>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: Spanned<String>,
    run: Option<Spanned<String>>,
    loopback: Option<Spanned<String>>,
    plays: Option<Spanned<u32>>,
    targets: Option<Vec<Spanned<String>>>,
    seeds: Option<Vec<u64>>,
    #[serde(default)]
    vectors: Vec<Spanned<String>>,
    finds: Option<Spanned<String>>,
}

/// Kinds of findings.
const FINDINGS: [&str; 8] = ["divergence", "violation", "liveness", "conservation", "driver", "lockstep", "transactions", "unnoticed"];

/// Text with its lines, to say where something is.
struct Text<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Text<'_> {
    fn wrong(&self, at: Range<usize>, what: impl Into<String>) -> ListError {
        let line = self.text.as_bytes().iter().take(at.start).filter(|byte| **byte == b'\n').count() + 1;
        ListError::Line { path: self.path.into(), line, what: what.into() }
    }

    fn targets(&self, raw: &[Spanned<String>]) -> Result<Vec<String>, ListError> {
        for word in raw {
            word.get_ref().parse::<Target>().map_err(|_| {
                self.wrong(word.span(), format!("target is `{}`; it must be model, rtl, lockstep, socket:PATH or pci:BDF", word.get_ref()))
            })?;
        }
        Ok(raw.iter().map(|word| word.get_ref().clone()).collect())
    }

    fn kind(&self, case: &Spanned<RawCase>) -> Result<Kind, ListError> {
        let raw = case.get_ref();
        let typed = |words: &Spanned<String>| {
            let words = split(words.get_ref()).map_err(|what| self.wrong(words.span(), what))?;
            let refuse = ["--on", "--seed", "--waves", "--json", "--quiet", "--output"];
            match words.iter().find(|word| refuse.iter().any(|option| *word == option || word.starts_with(&format!("{option}=")))) {
                None => Ok(words),
                Some(word) => {
                    Err(self.wrong(case.span(), format!("`{word}` is not for a list: targets, seeds and vectors are keys of their own")))
                }
            }
        };
        let refused = |words: &Spanned<String>, error: &clap::Error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
            self.wrong(words.span(), first)
        };
        match (&raw.run, &raw.loopback) {
            (Some(_), Some(_)) | (None, None) if raw.plays.is_none() || raw.loopback.is_some() => {
                Err(self.wrong(case.span(), format!("case `{}` must have one of `run`, `loopback` and `plays`", raw.name.get_ref())))
            }
            (None, Some(words)) if raw.plays.is_some() => Err(self.wrong(words.span(), "`plays` goes with `run`, not with `loopback`")),
            (None, Some(words)) => {
                let typed = typed(words)?;
                let options = LoopbackOptions::typed(&refs(&typed)).map_err(|error| refused(words, &error))?;
                Ok(Kind::Loopback(Box::new(options)))
            }
            (run, _) => {
                let typed = run.as_ref().map(&typed).transpose()?.unwrap_or_default();
                let options = RunOptions::typed(&refs(&typed)).map_err(|error| match run {
                    Some(words) => refused(words, &error),
                    None => self.wrong(case.span(), error.to_string()),
                })?;
                match &raw.plays {
                    None => Ok(Kind::Run(Box::new(options))),
                    Some(plays) if *plays.get_ref() == 0 => Err(self.wrong(plays.span(), "plays is 0; it must be at least 1")),
                    Some(plays) => Ok(Kind::Plays(*plays.get_ref(), Box::new(options))),
                }
            }
        }
    }

    fn case(&self, case: &Spanned<RawCase>, list: &RawList) -> Result<Case, ListError> {
        let raw = case.get_ref();
        let name = raw.name.get_ref();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(self.wrong(raw.name.span(), format!("name is `{name}`; it must be of letters, digits, `-`, `_` and `.`")));
        }
        let kind = self.kind(case)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let mut vectors = Vec::new();
        for vector in &raw.vectors {
            let path = folder.join(vector.get_ref());
            if !path.is_file() {
                return Err(
                    self.wrong(vector.span(), format!("vector is `{}`; it must be a file, named as seen from the list", vector.get_ref()))
                );
            }
            vectors.push(path);
        }
        let takes_input = matches!(&kind, Kind::Run(options) if options.input.is_none());
        if let (Some(first), false) = (raw.vectors.first(), takes_input) {
            return Err(self.wrong(first.span(), "vectors go with a `run` that names no input"));
        }
        if let Some(finds) = raw.finds.as_ref().filter(|finds| !FINDINGS.contains(&finds.get_ref().as_str())) {
            return Err(self.wrong(finds.span(), format!("finds is `{}`; it must be one of {}", finds.get_ref(), FINDINGS.join(", "))));
        }
        let targets = raw.targets.as_ref().or(list.targets.as_ref()).map_or(Ok(vec!["model".into()]), |targets| self.targets(targets))?;
        let seeds = raw.seeds.clone().or_else(|| list.seeds.clone()).unwrap_or_else(|| vec![1]);
        if targets.is_empty() || seeds.is_empty() {
            return Err(self.wrong(case.span(), format!("case `{name}` has no targets or no seeds: it would never run")));
        }
        Ok(Case { name: name.clone(), kind, targets, seeds, vectors, finds: raw.finds.as_ref().map(|finds| finds.get_ref().clone()) })
    }
}

impl List {
    /// Reads one.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn read(path: &Path) -> Result<Self, ListError> {
        let text = std::fs::read_to_string(path).map_err(|error| ListError::File { path: path.into(), why: error.to_string() })?;
        Self::parse(path, &text)
    }

    /// As [`List::read`], of `text`. Vectors lie beside `path`.
    ///
    /// # Errors
    /// The same.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ListError> {
        let text = Text { path, text };
        let raw: RawList = toml::from_str(text.text).map_err(|error| {
            let what = error.message().lines().collect::<Vec<_>>().join(" ");
            text.wrong(error.span().unwrap_or_default(), what)
        })?;
        let cases = raw.case.iter().map(|case| text.case(case, &raw)).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for (case, raw) in cases.iter().zip(&raw.case) {
            if !names.insert(&case.name) {
                return Err(text.wrong(raw.get_ref().name.span(), format!("there is another case `{}`", case.name)));
            }
        }
        let list = Self { path: path.into(), cases };
        let jobs: usize = list.cases.iter().map(|case| case.targets.len() * case.seeds.len() * case.vectors.len().max(1)).sum();
        match jobs {
            0 => Err(text.wrong(0..0, "no [[case]]")),
            jobs if jobs > MOST_JOBS => Err(text.wrong(0..0, format!("{jobs} runs; at most {MOST_JOBS}"))),
            _ => Ok(list),
        }
    }

    /// The targets that cases have, each once.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> = Vec::new();
        for target in self.cases.iter().flat_map(|case| &case.targets) {
            if !targets.contains(&target.as_str()) {
                targets.push(target);
            }
        }
        targets
    }

    /// All runs, on `only` these targets if they are named.
    #[must_use]
    pub fn jobs(&self, only: Option<&[String]>) -> Vec<Job> {
        let mut jobs = Vec::new();
        for case in &self.cases {
            for target in case.targets.iter().filter(|target| only.is_none_or(|only| only.contains(target))) {
                for seed in &case.seeds {
                    let inputs = case.vectors.iter().map(Some).chain(case.vectors.is_empty().then_some(None));
                    jobs.extend(inputs.map(|vector| Job::new(&self.path, case, target, *seed, vector.map(PathBuf::as_path))));
                }
            }
        }
        jobs
    }
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Splits words as a shell does: by blanks, with `'...'` kept together.
fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if quoted {
        return Err("a ' is not closed".into());
    }
    if begun {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<List, String> {
        List::parse(Path::new("list.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn cases_become_runs() {
        let text = "targets = ['model', 'lockstep']\nseeds = [1, 2]\n[[case]]\nname = 'a'\nrun = '--frames 3'\n[[case]]\nname = 'b'\nloopback = ''\nseeds = [7]\ntargets = ['rtl']\n";
        let list = parse(text).unwrap();
        let ids = |only: Option<&[String]>| list.jobs(only).into_iter().map(|job| job.id).collect::<Vec<_>>();
        assert_eq!(ids(None), ["a@model#1", "a@model#2", "a@lockstep#1", "a@lockstep#2", "b@rtl#7"]);
        assert_eq!(ids(Some(&["rtl".into()])), ["b@rtl#7"]);
        assert_eq!(list.targets(), ["model", "lockstep", "rtl"]);
    }

    #[rstest::rstest]
    #[case("", "list.toml:1: no [[case]]")]
    #[case("[[case]]\nname = 'a'\nrum = ''\n", "list.toml:3: unknown field `rum`")]
    #[case("[[case]]\nname = 'a'\nrun = ''\nseeds = ['x']\n", "list.toml:4: invalid type: string")]
    #[case("\n[[case]]\nname = 'a b'\nrun = ''\n", "list.toml:3: name is `a b`")]
    #[case("[[case]]\nname = 'a'\nrun = '--mps x'\n", "list.toml:3: invalid value 'x' for '--mps <BYTES>'")]
    #[case("[[case]]\nname = 'a'\nrun = ''\n\ntargets = ['moon']\n", "list.toml:5: target is `moon`")]
    #[case("[[case]]\nname = 'a'\nrun = ''\nvectors = ['no.pcap']\n", "list.toml:4: vector is `no.pcap`")]
    #[case("[[case]]\nname = 'a'\nrun = ''\n[[case]]\nname = 'a'\nrun = ''\n", "list.toml:5: there is another case `a`")]
    #[case("[[case]]\nname = 'a'\n", "must have one of `run`, `loopback` and `plays`")]
    #[case("[[case]]\nname = 'a'\nrun = ''\nloopback = ''\n", "must have one of")]
    #[case("[[case]]\nname = 'a'\nrun = '--seed 4'\n", "`--seed` is not for a list")]
    #[case("[[case]]\nname = 'a'\nrun = ''\nfinds = 'luck'\n", "list.toml:4: finds is `luck`")]
    #[case("[[case]]\nname = 'a'\nrun = ''\nseeds = []\n", "it would never run")]
    #[case("[[case]]\nname = 'a'\nplays = 0\n", "list.toml:3: plays is 0")]
    #[case("[[case]]\nname = 'a\n", "list.toml:2: ")]
    fn what_is_wrong_is_named_with_its_line(#[case] text: &str, #[case] says: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(says) && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn words_are_split_as_by_a_shell() {
        assert_eq!(split("--fault 'a b' x ''").unwrap(), ["--fault", "a b", "x", ""]);
        assert!(split("'a").is_err());
    }
}
