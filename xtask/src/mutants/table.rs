//! How the catalogue and the verdicts are shown: lines for people, JSON for machines.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::json;

use super::catalogue::Mutant;
use super::verdict::{Catch, Verdict};

/// One mutant with its verdict.
pub(crate) struct Row<'a> {
    pub(crate) mutant: &'a Mutant,
    pub(crate) verdict: Verdict,
}

impl Row<'_> {
    pub(crate) fn is_caught(&self) -> bool {
        matches!(self.verdict, Verdict::Caught(_))
    }
}

/// The catalogue, a line each.
pub(crate) fn list(mutants: &[&Mutant]) -> String {
    let width = mutants.iter().map(|mutant| mutant.name.len()).max().unwrap_or(0);
    mutants.iter().fold(String::new(), |mut text, mutant| {
        let _ = writeln!(text, "{:<10} {:<width$}  {} (like: {})", mutant.area, mutant.name, mutant.what, mutant.like);
        text
    })
}

/// One verdict.
pub(crate) fn line(row: &Row<'_>) -> String {
    let name = format!("{}: {}", row.mutant.area, row.mutant.name);
    match &row.verdict {
        Verdict::Missed => format!("MISSED {name} ({})", row.mutant.what),
        Verdict::Caught(by) => format!("caught {name}\n    at {}: {}", few(by), by.first().map_or("", |catch| &catch.why)),
        Verdict::Broken(why) => format!("BROKEN {name}: it does not build\n{why}"),
    }
}

/// The first of those that caught it, and how many more there are.
fn few(by: &[Catch]) -> String {
    let (first, rest) = by.split_at(by.len().min(3));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") + &more
}

/// What it comes to; those missed are named.
pub(crate) fn summary(rows: &[Row<'_>]) -> String {
    let missed: Vec<&str> = rows.iter().filter(|row| !row.is_caught()).map(|row| row.mutant.name.as_str()).collect();
    let caught = rows.len() - missed.len();
    match missed.as_slice() {
        [] => format!("{caught} of {} mutants caught", rows.len()),
        _ => format!("{caught} of {} mutants caught; MISSED: {}", rows.len(), missed.join(", ")),
    }
}

/// The same for machines.
pub(crate) fn json(rows: &[Row<'_>]) -> Result<String> {
    let row = |row: &Row<'_>| {
        let catch = |catch: &Catch| json!({ "property": catch.by, "case": catch.case, "why": catch.why });
        let (by, why) = match &row.verdict {
            Verdict::Missed => (None, None),
            Verdict::Broken(why) => (None, Some(why)),
            Verdict::Caught(by) => (Some(by.iter().map(catch).collect::<Vec<_>>()), by.first().map(|catch| &catch.why)),
        };
        let Mutant { name, area, what, like, .. } = row.mutant;
        json!({ "name": name, "area": area, "what": what, "like": like, "caught": row.is_caught(), "by": by, "why": why })
    };
    Ok(serde_json::to_string_pretty(&rows.iter().map(row).collect::<Vec<_>>())? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_missed_are_named() {
        let mutant = Mutant { name: "lap".into(), area: "ring".into(), what: "late".into(), like: "real".into(), ..Mutant::default() };
        let catch = |by: &str, case| Catch { by: by.into(), case, why: "w".into() };
        let caught = Row { mutant: &mutant, verdict: Verdict::Caught(vec![catch("p", Some(7))]) };
        let missed = Row { mutant: &mutant, verdict: Verdict::Missed };
        assert_eq!(line(&caught), "caught ring: lap\n    at case 7 of p: w");
        assert_eq!(few(&["a", "b", "c", "d", "e"].map(|by| catch(by, None))), "a, b, c and 2 more");
        let shown: serde_json::Value = serde_json::from_str(&json(std::slice::from_ref(&caught)).unwrap()).unwrap();
        assert_eq!((&shown[0]["by"][0]["property"], &shown[0]["by"][0]["case"]), (&json!("p"), &json!(7)));
        assert_eq!(summary(&[caught]), "1 of 1 mutants caught");
        assert_eq!(line(&missed), "MISSED ring: lap (late)");
        assert_eq!(summary(&[missed]), "0 of 1 mutants caught; MISSED: lap");
        assert_eq!(list(&[&mutant]), "ring       lap  late (like: real)\n");
    }
}
