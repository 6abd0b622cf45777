//! Results and coverage as one page that needs nothing else: no script, no font, no picture from anywhere.

use super::junit::escape;
use super::results::RunResult;
use super::rtl::FilePoints;
use super::{Results, RtlCoverage};
use crate::coverage::{Group, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const STYLE: &str = "
:root{--bg:#fbfbfa;--card:#fff;--ink:#1d2126;--soft:#687078;--line:#e3e5e8;--ok:#1a7f4b;--ok-bg:#dff3e7;--bad:#b3261e;--bad-bg:#fbe3e1;--bar:#2f6fb5;--track:#e8ebef}
@media(prefers-color-scheme:dark){:root{--bg:#15181b;--card:#1c2024;--ink:#e4e7ea;--soft:#98a1aa;--line:#2d3338;--ok:#5fd39a;--ok-bg:#173526;--bad:#ff8a80;--bad-bg:#43201d;--bar:#6aa9ec;--track:#2a3036}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}h1{font-size:26px;margin:0 0 2px}h2{font-size:18px;margin:40px 0 12px}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 0}.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums}.tile.ok b{color:var(--ok)}.tile.bad b{color:var(--bad)}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden;font-size:14px}
th,td{padding:7px 12px;text-align:left;border-top:1px solid var(--line);vertical-align:top}thead th{border-top:0;color:var(--soft);font-weight:500;font-size:13px}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.pill{display:inline-block;padding:0 9px;border-radius:99px;font-size:13px;white-space:nowrap}.pill.ok{background:var(--ok-bg);color:var(--ok)}.pill.bad{background:var(--bad-bg);color:var(--bad)}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:9px 12px;margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere}
.failure{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:10px;padding:12px 16px;margin:0 0 12px}
.bar{display:block;width:100%;min-width:120px;height:8px;border-radius:4px;background:var(--track);overflow:hidden;margin-top:7px}.bar i{display:block;height:100%;background:var(--bar)}
details{margin:2px 0 0}summary{cursor:pointer;color:var(--soft);font-size:13px}ul{margin:6px 0;padding-left:20px;font-size:13px;columns:2;column-gap:32px}.scroll{overflow-x:auto}
";

/// The page.
pub(super) fn page(results: &Results, covered: &Record, rtl: Option<&RtlCoverage>) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
    );
    let _ = write!(
        out,
        "<title>silico regress: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        if results.passed() { "passed" } else { "FAILED" }
    );
    let _ = writeln!(out, "<h1>Regression {}</h1>", if results.passed() { "passed" } else { "failed" });
    let _ =
        writeln!(out, "<p class=\"soft\">{} · program {} · {} UTC</p>", escape(&results.list), escape(&results.build), date(results.when));
    tiles(&mut out, results, covered);
    failures(&mut out, results);
    runs(&mut out, results);
    functional(&mut out, covered);
    lines(&mut out, rtl);
    out + "</main>\n</body>\n</html>\n"
}

fn tiles(out: &mut String, results: &Results, covered: &Record) {
    let (all, failed) = (results.runs.len(), results.failures().count());
    let clocks: u64 = results.runs.iter().map(|run| run.outcome.clocks).sum();
    let resumed = results.runs.iter().filter(|run| run.resumed).count();
    let (reached, possible) = covered.groups.values().map(points).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    out.push_str("<div class=\"tiles\">\n");
    let mut tile = |kind: &str, value: String, what: String| {
        let _ = writeln!(out, "<div class=\"tile {kind}\"><b>{value}</b><span class=\"soft\">{what}</span></div>");
    };
    tile(
        "ok",
        (all - failed).to_string(),
        if resumed > 0 { format!("runs passed, {resumed} of them before") } else { "runs passed".into() },
    );
    tile(if failed > 0 { "bad" } else { "" }, failed.to_string(), "runs failed".into());
    tile("", grouped(clocks), "clocks simulated".into());
    tile("", format!("{:.1} s", results.seconds), "wall clock".into());
    tile("", format!("{reached} / {possible}"), "functional bins reached".into());
    out.push_str("</div>\n");
}

fn failures(out: &mut String, results: &Results) {
    if results.passed() {
        return;
    }
    out.push_str("<h2>Failures</h2>\n");
    for run in results.failures() {
        let finding = run.outcome.finding.as_deref().unwrap_or_default();
        let _ = write!(
            out,
            "<div class=\"failure\" id=\"{0}\"><b>{0}</b><br>{1}<pre>{2}</pre>",
            escape(&run.id),
            escape(finding),
            escape(&run.command)
        );
        if let Some(waves) = &run.outcome.waves {
            let _ = write!(out, "<span class=\"soft\">waveform</span> <code>{}</code>", escape(&waves.display().to_string()));
        }
        out.push_str("</div>\n");
    }
}

/// A row for each case, a column for each target.
fn runs(out: &mut String, results: &Results) {
    let targets: BTreeSet<&str> = results.runs.iter().map(|run| run.target.as_str()).collect();
    let mut cases: Vec<(&str, BTreeMap<&str, Vec<&RunResult>>)> = Vec::new();
    for run in &results.runs {
        if cases.last().is_none_or(|(name, _)| *name != run.case) {
            cases.push((&run.case, BTreeMap::new()));
        }
        if let Some((_, by_target)) = cases.last_mut() {
            by_target.entry(&run.target).or_default().push(run);
        }
    }
    out.push_str("<h2>Cases</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>case</th>");
    targets.iter().for_each(|target| {
        let _ = write!(out, "<th>{}</th>", escape(target));
    });
    out.push_str("<th class=\"n\">frames</th><th class=\"n\">clocks</th><th class=\"n\">seconds</th></tr></thead>\n<tbody>\n");
    for (name, by_target) in cases {
        let _ = write!(out, "<tr><td>{}", escape(name));
        let _ = write!(out, "<details><summary>runs</summary>");
        for run in by_target.values().flatten() {
            let _ = write!(out, "<pre>{}</pre>", escape(&run.command));
        }
        out.push_str("</details></td>");
        for target in &targets {
            let runs = by_target.get(target).map_or(&[][..], Vec::as_slice);
            let passed = runs.iter().filter(|run| run.outcome.passed).count();
            match runs.len() {
                0 => out.push_str("<td class=\"soft\">–</td>"),
                all => {
                    let _ =
                        write!(out, "<td><span class=\"pill {}\">{passed} of {all}</span></td>", if passed == all { "ok" } else { "bad" });
                }
            }
        }
        let sum = |of: fn(&RunResult) -> u64| by_target.values().flatten().map(|run| of(run)).sum::<u64>();
        let seconds: f64 = by_target.values().flatten().map(|run| run.seconds).sum();
        let (frames, clocks) = (grouped(sum(|run| run.outcome.frames)), grouped(sum(|run| run.outcome.clocks)));
        let _ = writeln!(out, "<td class=\"n\">{frames}</td><td class=\"n\">{clocks}</td><td class=\"n\">{seconds:.2}</td></tr>");
    }
    out.push_str("</tbody></table></div>\n");
}

/// Bins that were reached, and those that could be here.
fn points(group: &Group) -> (u64, u64) {
    let possible = group.bins.values().filter(|hits| hits.is_hole() || hits.count > 0).count() as u64;
    (possible - group.holes().count() as u64, possible)
}

fn bar(part: u64, whole: u64) -> String {
    let percent = if whole > 0 { 100.0 * part as f64 / whole as f64 } else { 0.0 };
    format!("<span class=\"bar\" title=\"{percent:.1} %\"><i style=\"width:{percent:.1}%\"></i></span>")
}

fn functional(out: &mut String, covered: &Record) {
    let _ = writeln!(
        out,
        "<h2>Functional coverage</h2>\n<p class=\"soft\">{} runs, {} clocks; what another test reaches and what can't happen is left out of the sums</p>",
        covered.cases,
        grouped(covered.clocks)
    );
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>group</th><th></th><th class=\"n\">reached</th><th class=\"n\">hits</th></tr></thead>\n<tbody>\n");
    for (name, group) in &covered.groups {
        let (reached, possible) = points(group);
        let hits: u64 = group.bins.values().map(|hits| hits.count).sum();
        let _ = write!(out, "<tr><td>{}", escape(name));
        let holes: Vec<&str> = group.holes().collect();
        if !holes.is_empty() {
            let _ = write!(out, "<details><summary>{} not reached</summary><ul>", holes.len());
            holes.iter().for_each(|hole| {
                let _ = write!(out, "<li>{}</li>", escape(hole));
            });
            out.push_str("</ul></details>");
        }
        let _ = writeln!(
            out,
            "</td><td>{}</td><td class=\"n\">{reached} / {possible}</td><td class=\"n\">{}</td></tr>",
            bar(reached, possible),
            grouped(hits)
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn lines(out: &mut String, rtl: Option<&RtlCoverage>) {
    out.push_str("<h2>RTL coverage</h2>\n");
    let Some(rtl) = rtl else {
        out.push_str("<p class=\"soft\">Not counted: this program was built without it (SILICO_RTL_COVERAGE, see rtl/README.md), or nothing ran on the RTL.</p>\n");
        return;
    };
    let sum = |of: fn(&FilePoints) -> (u64, u64)| rtl.files.values().map(of).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let ((lines, reached), (bits, toggled)) = (sum(|points| points.lines), sum(|points| points.toggles));
    let _ = writeln!(
        out,
        "<p class=\"soft\">{} of {} points of lines and branches reached, {} of {} bits of signals toggled</p>",
        grouped(reached),
        grouped(lines),
        grouped(toggled),
        grouped(bits)
    );
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>file</th><th>lines and branches</th><th class=\"n\"></th><th>toggles</th><th class=\"n\"></th></tr></thead>\n<tbody>\n");
    for (name, points) in &rtl.files {
        let _ = write!(out, "<tr><td>{}", escape(name));
        if !points.missed.is_empty() {
            let missed: Vec<String> = points.missed.iter().map(ToString::to_string).collect();
            let lines = if missed.len() == 1 { "line" } else { "lines" };
            let _ = write!(out, "<details><summary>{} {lines} not reached</summary>{}</details>", missed.len(), missed.join(", "));
        }
        let cell = |(all, reached): (u64, u64)| match all {
            0 => "<td class=\"soft\">not counted</td><td></td>".to_string(),
            all => format!("<td>{}</td><td class=\"n\">{reached} / {all}</td>", bar(reached, all)),
        };
        let _ = writeln!(out, "</td>{}{}</tr>", cell(points.lines), cell(points.toggles));
    }
    out.push_str("</tbody></table></div>\n");
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Date and time of seconds since 1970, by the civil calendar.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_over_all_files_of_the_rtl_is_told() {
        let mut rtl = RtlCoverage::default();
        rtl.files.insert("a.sv".into(), FilePoints { lines: (10, 9), toggles: (2000, 1500), missed: vec![7] });
        rtl.files.insert("b.sv".into(), FilePoints { lines: (5, 3), toggles: (0, 0), missed: vec![1, 2] });
        let mut out = String::new();
        lines(&mut out, Some(&rtl));
        assert!(out.contains("12 of 15 points of lines and branches reached, 1\u{202f}500 of 2\u{202f}000 bits"), "{out}");
        assert!(out.contains("1 line not reached</summary>7<") && out.contains("2 lines not reached</summary>1, 2<"), "{out}");
        assert!(out.contains("<td class=\"soft\">not counted</td>"), "{out}");
        let mut none = String::new();
        lines(&mut none, None);
        assert!(none.contains("Not counted"), "{none}");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00"),
            (951_782_399, "2000-02-28 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (1_798_761_599, "2026-12-31 23:59"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }
}
