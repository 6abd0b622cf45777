//! What a run of the property suite says of a mutant: read from its output, while it runs or when it is over. Knows no process.

use std::fmt;

/// What caught a mutant, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catch {
    /// The test that failed; `hang` or `abort` if it is not known.
    pub(crate) by: String,
    /// The case of the property at which it failed; `None` for what is no random case: a kept regression, a plain test.
    pub(crate) case: Option<u32>,
    /// What it said.
    pub(crate) why: String,
}

impl fmt::Display for Catch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.case {
            Some(case) => write!(f, "case {case} of {}", self.by),
            None => f.write_str(&self.by),
        }
    }
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All its tests passed.
    Missed,
    /// It failed: by these, the one that needed the fewest cases first.
    Caught(Vec<Catch>),
    /// It does not build: nothing is proved.
    Broken(String),
}

/// How a run of the suite ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself: whether it was content, and how it ended else.
    Exit {
        /// Exit status 0.
        ok: bool,
        /// In words.
        how: String,
    },
    /// Stopped at the first failure.
    Stopped,
    /// Killed after that many seconds.
    Hang(u64),
}

/// The verdict on a run that ended so and said `text`.
pub(crate) fn verdict(end: &End, text: &str) -> Verdict {
    let mut catches = catches(text);
    for name in failures(text) {
        if catches.iter().all(|catch| catch.by != name) {
            catches.push(Catch { by: name.into(), case: None, why: panic_of(name, text) });
        }
    }
    if catches.is_empty() {
        let last = || text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let (by, why) = match end {
            End::Exit { ok: true, .. } => return Verdict::Missed,
            End::Exit { how, .. } => ("abort", format!("{how}: {}", last())),
            End::Stopped => match text.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED")) {
                Some(name) if is_name(name) => (name, "not waited for".into()),
                _ => ("abort", last().into()),
            },
            End::Hang(seconds) => ("hang", format!("no end within {seconds} s")),
        };
        catches.push(Catch { by: by.into(), case: None, why });
    }
    catches.sort_by_key(|catch| catch.case.unwrap_or(u32::MAX));
    Verdict::Caught(catches)
}

/// The properties that have failed so far.
pub(crate) fn catches(text: &str) -> Vec<Catch> {
    text.lines().filter_map(catch).collect()
}

/// The first line of what the test `name` said when it panicked.
fn panic_of(name: &str, text: &str) -> String {
    let begin = format!("thread '{name}'");
    let mut lines = text.lines().skip_while(|line| !(line.starts_with(&begin) && line.contains(" panicked at "))).skip(1);
    lines.next().map_or_else(|| "see its output".into(), |line| line.chars().take(200).collect())
}

/// `property NAME, seed SEED, case CASE: WHY`, or `property NAME on FILE: WHY`. The test harness may have begun the line with words of its own.
fn catch(line: &str) -> Option<Catch> {
    let (_, rest) = line.split_at_checked(line.find("property ")?)?;
    let (head, why) = rest.strip_prefix("property ")?.split_once(": ")?;
    if let Some((name, _)) = head.split_once(" on ") {
        return is_name(name).then(|| Catch { by: name.into(), case: None, why: why.into() });
    }
    let (name, numbers) = head.split_once(", seed ")?;
    let (_, case) = numbers.split_once(", case ")?;
    is_name(name).then_some(Catch { by: name.into(), case: Some(case.parse().ok()?), why: why.into() })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// The tests that the test harness lists under `failures:` at its end.
fn failures(text: &str) -> impl Iterator<Item = &str> {
    let list = text.rsplit_once("\nfailures:\n").map_or("", |(_, list)| list);
    list.lines().map_while(|line| line.strip_prefix("    ")).filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: &str = "test a ... ok\ntest d ... property d, seed 1, case 7: other\nthread 'other' (7) panicked at x.rs:1:2:\nseed 3: differ\nminimal case: x\nproperty b::c, seed 1, case 2: bytes: lost\n\
                          property e on /x/e-1.json: bad\n\nfailures:\n\nfailures:\n    b::c\n    d\n    e\n    plain\n    other\n\ntest result: FAILED.";

    fn exit(ok: bool) -> End {
        End::Exit { ok, how: "exit status: 101".into() }
    }

    #[test]
    fn the_properties_that_failed_are_named_with_their_case_and_reason() {
        let Verdict::Caught(by) = verdict(&exit(false), FAILED) else { panic!() };
        let told: Vec<String> = by.iter().map(|catch| format!("{catch}: {}", catch.why)).collect();
        assert_eq!(told, ["case 2 of b::c: bytes: lost", "case 7 of d: other", "e: bad", "plain: see its output", "other: seed 3: differ"]);
        assert_eq!(verdict(&exit(true), "test a ... ok"), Verdict::Missed);
    }

    #[test]
    fn hangs_and_aborts_are_told_apart() {
        let by = |end: &End, text: &str| match verdict(end, text) {
            Verdict::Caught(by) => (by[0].by.clone(), by[0].why.clone()),
            other => panic!("{other:?}"),
        };
        assert_eq!(by(&End::Hang(9), "test a ... ok"), ("hang".into(), "no end within 9 s".into()));
        assert_eq!(by(&exit(false), "panicked while panicking\n").0, "abort");
        assert_eq!(by(&End::Hang(9), "property a, seed 1, case 0: x").0, "a");
        assert_eq!(by(&End::Stopped, "property a, seed 1, case 0: x").0, "a");
        assert_eq!(by(&End::Stopped, "test a ... ok\ntest b::c ... FAILED\ntest d ... ok").0, "b::c");
    }

    #[test]
    fn what_only_looks_like_a_failure_is_none() {
        for text in
            ["a property of cards: none", "property a, seed 1: x", "property a b, seed 1, case 2: x", "property a, seed 1, case x: y"]
        {
            assert_eq!(catches(text), [], "{text}");
        }
    }
}
