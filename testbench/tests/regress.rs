//! `silico regress`: what passes, what fails, what is left out the second time, and what is written.

mod common;
#[path = "common/wave.rs"]
#[allow(dead_code, reason = "the waveform is opened, no more")]
mod wave;

use common::{Ran, scratch, silico, vectors};
use std::path::{Path, PathBuf};
use wave::Wave;

fn list(name: &str, text: &str) -> PathBuf {
    let path = scratch(&format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

fn regress(list: &Path, out: &Path, more: &[&str]) -> Ran {
    silico(&[&["regress", list.to_str().unwrap(), "--out", out.to_str().unwrap(), "--quiet"], more].concat())
}

const LIST: &str = "
[[case]]
name = 'good'
run = '--frames 20'
seeds = [1, 2]

[[case]]
name = 'bad'
run = '--frames 20 --fault flip-byte@7'

[[case]]
name = 'back'
loopback = '--frames 5 --sizes 1..300'
";

#[test]
fn what_fails_is_told_with_its_command_and_waveform() {
    let (list, out) = (list("mixed", LIST), scratch("mixed"));
    let ran = regress(&list, &out, &[]);
    assert_eq!(ran.status, 1, "{}\n{}", ran.stdout, ran.stderr);
    for part in [
        "FAILED      bad@model#1",
        "divergence at clock",
        "silico run --on model --frames 20 --seed 1 --fault",
        "3 passed (0 of them before), 1 failed",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let mut wave = Wave::open(&out.join("waves/bad_model_1.fst"));
    assert!(!wave.texts("silico.host.failure").pop().unwrap().1.is_empty());
    // The same again, but for what passed.
    let again = regress(&list, &out, &["--resume", "--json"]).json();
    let resumed: Vec<bool> = again["runs"].as_array().unwrap().iter().map(|run| run["resumed"].as_bool().unwrap()).collect();
    assert_eq!(resumed, [true, true, false, true]);
    let digest = |run: usize| again["runs"][run]["digest"].as_str().unwrap().to_string();
    assert_ne!(digest(0), digest(1), "another seed");
    // Another list of the same names is another run.
    std::fs::write(&list, LIST.replace("--frames 20'", "--frames 21'")).unwrap();
    let other = regress(&list, &out, &["--resume", "--json", "--filter", "good@"]).json();
    assert!(other["runs"].as_array().unwrap().iter().all(|run| !run["resumed"].as_bool().unwrap() && run["frames"] == 21));
}

#[test]
fn the_files_are_what_they_say() {
    let (list, out) = (list("files", LIST), scratch("files"));
    regress(&list, &out, &[]);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let xml = read("junit.xml");
    assert_eq!(open_tags(&xml), Vec::<String>::new());
    assert!(xml.contains("<testsuites name=\"silico regress\" tests=\"4\" failures=\"1\""), "{xml}");
    assert!(xml.contains("<testcase classname=\"model.bad\" name=\"bad@model#1\"") && xml.contains("to reproduce: silico run"), "{xml}");
    let html = read("report.html");
    assert_eq!(open_tags(&html), Vec::<String>::new());
    for outside in ["http:", "https:", "<script", "<link", "<img", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for part in ["Regression failed", "bad@model#1", "tlp: sent", "channel: moves", "not reached", "RTL coverage"] {
        assert!(html.contains(part), "{part}");
    }
    // What was covered is of all runs, in the form that `silico coverage` reads.
    let sum = silico(&["coverage", "--json", out.join("coverage.json").to_str().unwrap()]).json();
    assert_eq!(sum["cases"], 4);
}

/// Names of elements that were opened and not closed, or closed and not opened.
fn open_tags(text: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("no end: {part}"));
        let name: String = tag.chars().take_while(|c| !c.is_whitespace()).collect();
        if let Some(closed) = name.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == closed => {}
                other => return vec![format!("{other:?} closed by {closed}")],
            }
        } else if !tag.ends_with('/') && !name.starts_with(['!', '?']) && !["meta", "br"].contains(&name.as_str()) {
            open.push(name);
        }
    }
    open
}

#[test]
fn a_fault_that_has_to_be_found_is() {
    let text = "[[case]]\nname = 'found'\nrun = '--frames 20 --fault flip-byte@7'\nfinds = 'divergence'\n[[case]]\nname = 'none'\nrun = '--frames 20'\nfinds = 'liveness'\n";
    let ran = regress(&list("finds", text), &scratch("finds"), &[]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("nothing, where a liveness was to be found") && ran.stdout.contains("1 passed"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_is_one_line() {
    let out = scratch("none");
    let good = list("usable", LIST);
    regress(Path::new("no/such/list.toml"), &out, &[]).assert_could_not_run(&["no/such/list.toml"]);
    regress(&good, &out, &["--filter", "moon"]).assert_could_not_run(&["no run whose name has `moon` in it"]);
    regress(&good, &out, &["--on", "pci:1"]).assert_could_not_run(&["--on is pci:1", "of a case in this list: model"]);
    regress(&good, &out, &["--on", "model,moon"]).assert_could_not_run(&["--on is moon", "of a case in this list: model"]);
    regress(&good, &out, &["--jobs", "0"]).assert_could_not_run(&["--jobs is 0"]);
    let bad = list("bad", "\n\n[[case]]\nname = 'x'\nrun = '--lanes many'\n");
    regress(&bad, &out, &[]).assert_could_not_run(&["bad.toml:5: ", "--lanes"]);
    let absent = list("absent", "[[case]]\nname = 'x'\nrun = ''\ntargets = ['socket:/x']\n");
    regress(&absent, &out, &[]).assert_could_not_run(&["--on is socket:/x", "not built yet"]);
}

/// The committed list is one, and its runs on the model pass.
#[test]
fn the_committed_list_passes_on_the_model() {
    let ran = regress(&vectors().join("regress.toml"), &scratch("committed"), &["--on", "model"]);
    ran.assert_passed();
}
