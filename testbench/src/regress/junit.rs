//! Results as JUnit XML, in the form that CI servers read: a suite for each target, a case for each run.

use super::Results;
use super::results::RunResult;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Text inside XML or HTML. What XML 1.0 has no letter for is left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// The file.
pub(super) fn page(results: &Results) -> String {
    let mut suites: BTreeMap<&str, Vec<&RunResult>> = BTreeMap::new();
    results.runs.iter().for_each(|run| suites.entry(&run.target).or_default().push(run));
    let failed = results.failures().count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"silico regress\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{:.3}\">",
        results.runs.len(),
        results.seconds
    );
    for (target, runs) in suites {
        let failed = runs.iter().filter(|run| !run.outcome.passed).count();
        let seconds: f64 = runs.iter().map(|run| run.seconds).sum();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">",
            escape(target),
            runs.len()
        );
        runs.iter().for_each(|run| case(&mut out, run));
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn case(out: &mut String, run: &RunResult) {
    let _ = write!(
        out,
        "    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{:.3}\"",
        escape(&run.target),
        escape(&run.case),
        escape(&run.id),
        run.seconds
    );
    if run.outcome.passed {
        out.push_str(if run.resumed { "><system-out>passed in an earlier call</system-out></testcase>\n" } else { "/>\n" });
        return;
    }
    let finding = run.outcome.finding.as_deref().unwrap_or_default();
    let waves = run.outcome.waves.as_ref().map_or_else(String::new, |waves| format!("\nwaveform: {}", waves.display()));
    let text = format!("{finding}\nto reproduce: {}{waves}", run.command);
    let _ = writeln!(out, ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>", escape(finding), escape(&text));
}
