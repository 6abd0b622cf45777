//! Every kind of planted fault over the full loop, from the command line: who notices it, the exit status, and that the run neither panics nor hangs.

mod common;

use common::{Ran, silico};
use rstest::rstest;

const GENERATOR: [&str; 8] = ["run", "--quiet", "--source", "generator", "--frame-size", "256", "--frames", "1000"];

fn run(rule: &str, more: &[&str]) -> Ran {
    silico(&[&GENERATOR[..], more, &["--fault", rule]].concat())
}

/// Lines that begin with `word`.
fn lines<'a>(ran: &'a Ran, word: &str) -> Vec<&'a str> {
    ran.stdout.lines().filter(|line| line.starts_with(word)).collect()
}

/// Exit status 1; the reproducing command first and last; it was planted as `harm`; somebody named `by` noticed; and the same command fails the same way.
#[track_caller]
fn noticed(rule: &str, more: &[&str], harm: &str, by: &str) {
    let ran = run(rule, more);
    assert_eq!(ran.status, 1, "{rule}: {}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.lines().next(), ran.stdout.lines().last());
    assert!(lines(&ran, "planted")[0].contains(harm), "{rule}: {}", ran.stdout);
    assert!(lines(&ran, "noticed").iter().any(|line| line.contains(by)), "{rule}: {}", ran.stdout);
    let failed = lines(&ran, "FAILED");
    let command = ran.stdout.lines().next().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
    let again = silico(&words);
    assert_eq!((again.status, lines(&again, "FAILED")), (1, failed), "{command}");
}

/// Posted writes of the card.
#[rstest]
#[case("payload.drop@50", "harmful", "by driver: C2H channel")]
#[case("mwr.drop@50", "harmful", "by scoreboard: channel 0")]
#[case("payload.corrupt(data[8]^0x1)@50", "harmful", "by scoreboard: channel")]
#[case("payload.corrupt(address^0x10)@50", "harmful", "by scoreboard: channel")]
#[case("payload.corrupt(address^0x10000000)@50", "harmful", "by checker bounds")]
#[case("payload.corrupt(requester^0x1)@50", "harmful", "by checker requester-id")]
#[case("payload.corrupt(length^0x1)@50", "harmful", "by checker well-formed")]
#[case("payload.corrupt(bit[0]^0x1)@50", "harmful", "by checker well-formed")]
#[case("payload.corrupt(be^0x1)@50", "harmful", "by driver")]
#[case("payload.poison@50", "recoverable", "by root complex: 1 poisoned writes refused")]
#[case("payload.truncate(3)@50", "recoverable", "by checker well-formed")]
#[case("payload.malformed@50", "recoverable", "by checker well-formed")]
#[case("payload.spurious@50", "recoverable", "by checker completion")]
#[case("payload.flap(5000)@50", "recoverable", "by driver: CONTROL reads all ones: the card is gone")]
fn a_posted_write_gone_wrong_is_noticed(#[case] rule: &str, #[case] harm: &str, #[case] by: &str) {
    noticed(rule, &[], harm, by);
}

/// Register reads and their completions.
#[rstest]
#[case("down.mrd.ur@60", "recoverable", "by driver: ")]
#[case("down.mrd.ca@60", "recoverable", "by driver: ")]
#[case("down.mrd.timeout@60", "recoverable", "by checker liveness")]
#[case("down.mrd.drop@60", "recoverable", "by checker liveness")]
#[case("down.mrd.dup@60", "recoverable", "by checker completion")]
#[case("down.mrd.malformed@60", "recoverable", "by checker liveness")]
#[case("up.cpl.poison@110", "recoverable", "by driver: ")]
#[case("up.cpl.corrupt(tag^0x1)@110", "harmful", "by checker completion")]
#[case("up.cpl.corrupt(byte-count^0x1)@110", "harmful", "by checker well-formed")]
#[case("up.cpl.corrupt(lower-address^0x4)@110", "harmful", "by checker completion")]
#[case("up.cpl.corrupt(completer^0x1)@110", "harmful", "by checker requester-id")]
#[case("up.cpl.corrupt(status^0x4)@110", "harmful", "by checker well-formed")]
#[case("up.cpl.drop@110", "recoverable", "by checker liveness")]
#[case("up.cpl.timeout@110", "recoverable", "by checker liveness")]
#[case("up.cpl.ur@110", "recoverable", "by driver: ")]
#[case("up.cpl.ca@110", "recoverable", "by driver: ")]
#[case("up.cpl.dup@110", "recoverable", "by checker completion")]
#[case("up.cpl.spurious@110", "recoverable", "by checker completion")]
#[case("up.cpl.truncate(0)@110", "recoverable", "by checker well-formed")]
fn a_register_read_gone_wrong_is_noticed(#[case] rule: &str, #[case] harm: &str, #[case] by: &str) {
    noticed(rule, &[], harm, by);
}

/// Interrupts, to a host that sleeps.
#[rstest]
#[case("irq.drop@5", "harmful", "by checker liveness")]
#[case("irq.dup@5", "recoverable", "by checker conservation")]
#[case("irq.poison@5", "recoverable", "by root complex: 1 poisoned writes refused")]
#[case("irq.corrupt(data[2]^0xff)@5", "harmful", "by checker interrupt")]
#[case("irq.corrupt(address^0x40000)@5", "harmful", "by checker bounds")]
fn an_interrupt_gone_wrong_is_noticed(#[case] rule: &str, #[case] harm: &str, #[case] by: &str) {
    noticed(rule, &["--notify", "interrupt", "--rate", "2"], harm, by);
}

/// What a card meets and logs, and what costs time only: the run passes, and says who noticed.
#[rstest]
#[case("down.mwr.poison@60", "by AER: poisoned TLP")]
#[case("down.mwr.malformed@60", "by AER: malformed TLP")]
#[case("down.mwr.spurious@130", "by AER: advisory non-fatal error")]
#[case("down.mwr.corrupt(address^0x400000)@60", "by AER: unsupported request")]
#[case("wb.drop@3", "by nobody; the worst planted is recoverable")]
#[case("wb.dup@50", "by nobody; the worst planted is recoverable")]
#[case("payload.dup@50", "by nobody; the worst planted is recoverable")]
#[case("payload.corrupt(tag^0x1)@50", "by nobody; the worst planted is benign")]
#[case("payload.delay(500)@50", "by nobody; the worst planted is benign")]
#[case("payload.overtake(500)@50", "by nobody; the worst planted is benign")]
#[case("irq.delay(500)@2", "fewer interrupts")]
#[case("payload.starve(5000)@50", "by nobody; the worst planted is benign")]
#[case("down.mwr.starve(5000)@60", "by nobody; the worst planted is benign")]
#[case("payload.stall(5000)@50", "by nobody; the worst planted is benign")]
#[case("down.mwr.stall(5000)@60", "by nobody; the worst planted is benign")]
#[case("payload.retrain(5000)@50", "by nobody; the worst planted is benign")]
#[case("down.mwr.delay(5000)@60", "by nobody; the worst planted is benign")]
#[case("cfg.crs@3", "by nobody; the worst planted is benign")]
fn what_does_no_harm_passes_and_is_told(#[case] rule: &str, #[case] said: &str) {
    let ran = run(rule, &[]);
    if said == "fewer interrupts" {
        return ran.assert_could_not_run(&[rule, said]);
    }
    ran.assert_passed();
    assert!(lines(&ran, "noticed").iter().any(|line| line.contains(said)), "{rule}: {}", ran.stdout);
}

/// A posted write that passes another although it must not, without anybody who looks at that moment: harmful, and nobody says a word but the report.
#[rstest]
#[case("payload.reorder(500)@50")]
#[case("down.mwr.reorder(5000)@60")]
fn a_harmful_fault_that_nobody_noticed_fails_the_run(#[case] rule: &str) {
    let ran = run(rule, &[]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(
        lines(&ran, "FAILED")[0].contains("unnoticed: ")
            && lines(&ran, "noticed") == ["noticed     by nobody; the worst planted is harmful"]
    );
    assert_eq!(ran.stdout.lines().next(), ran.stdout.lines().last());
}

/// The card does not come up: no judgement of it, so exit status 2, and one line that names the fault.
#[rstest]
#[case("cfg.ur@3", "unsupported request")]
#[case("cfg.ca@38", "completer abort")]
#[case("cfg.timeout@5", "not answered")]
#[case("cfg.drop@5", "not answered")]
fn a_card_that_does_not_come_up_is_told_with_its_fault(#[case] rule: &str, #[case] said: &str) {
    run(rule, &[]).assert_could_not_run(&[said, &format!("planted before: {rule} at cycle")]);
}

#[test]
fn several_rules_make_one_run_and_its_report_names_each() {
    let args = ["--fault", "payload.delay(30)%0.05", "--fault", "payload.dup@7", "--fault", "payload.corrupt(data[0])@400", "--json"];
    let ran = silico(&[&GENERATOR[..], &args].concat());
    assert_eq!(ran.status, 1);
    let report = ran.json();
    let planted = report["faults"]["planted"].as_array().unwrap();
    let count = |rule: &str| planted.iter().filter(|one| one["rule"] == rule).count();
    assert!(count("payload.delay(30)%0.05") > 5, "{report:#}");
    assert_eq!((count("payload.dup@7"), count("payload.corrupt(data[0]^0xff)@400")), (1, 1));
    assert_eq!(report["faults"]["worst"], "harmful");
    assert!(report["command"].as_str().unwrap().contains("--fault payload.dup@7 --fault"));
}

#[test]
fn a_rule_changes_nothing_of_another() {
    let struck = |rules: &[&str]| -> Vec<u64> {
        let faults: Vec<&str> = rules.iter().flat_map(|rule| ["--fault", rule]).collect();
        let report = silico(&[&GENERATOR[..], &["--json"], &faults].concat()).json();
        let planted = report["faults"]["planted"].as_array().unwrap().clone();
        planted.iter().filter(|one| one["rule"] == "payload.dup%0.02").map(|one| one["cycle"].as_u64().unwrap()).collect()
    };
    let alone = struck(&["payload.dup%0.02"]);
    assert!(alone.len() > 5);
    assert_eq!(struck(&["payload.corrupt(tag)%0.1", "payload.dup%0.02"]), alone);
}
