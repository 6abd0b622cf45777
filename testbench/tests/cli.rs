//! Bad input and impossible settings: exit status 2, one line, with file or option, value, and what would be right. And that good ones work.

mod common;

use common::{scratch, silico, vectors};

fn run(args: &[&str]) -> common::Ran {
    silico(&[&["run", "--quiet"], args].concat())
}

#[test]
fn without_arguments_the_embedded_recording_runs() {
    let ran = silico::<&str>(&[]);
    ran.assert_passed();
    assert!(ran.stdout.contains("embedded: loopback.pcap, 344 packets"), "{}", ran.stdout);
    assert!(ran.stdout.contains("PASSED"));
}

#[test]
fn a_missing_file_is_named() {
    run(&["no/such/file.pcap"]).assert_could_not_run(&["no/such/file.pcap: input is", "it must be a readable file"]);
}

#[test]
fn a_truncated_pcap_is_named_with_record_and_byte() {
    let whole = std::fs::read(vectors().join("loopback.pcap")).unwrap();
    let path = scratch("truncated.pcap");
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    run(&[path.to_str().unwrap()]).assert_could_not_run(&["truncated.pcap: data of record 343 at byte", "the file is truncated"]);
    std::fs::write(&path, &whole[..30]).unwrap();
    run(&[path.to_str().unwrap()]).assert_could_not_run(&["header of record 0 at byte 24 is cut after 6 bytes"]);
    std::fs::write(&path, &whole[..24]).unwrap();
    run(&[path.to_str().unwrap()]).assert_could_not_run(&["number of frames is 0; it must be at least 1"]);
}

#[test]
fn an_absurd_record_is_named() {
    let mut bytes = std::fs::read(vectors().join("loopback.pcap")).unwrap();
    bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let path = scratch("absurd.pcap");
    std::fs::write(&path, bytes).unwrap();
    run(&[path.to_str().unwrap()]).assert_could_not_run(&["incl_len of record 0 at byte 24 is 4294967295; it must be at most 262144"]);
}

#[test]
fn pcapng_is_refused_with_the_way_out() {
    let path = scratch("new.pcapng");
    std::fs::write(&path, [&[0x0a, 0x0d, 0x0d, 0x0a][..], &[0; 60]].concat()).unwrap();
    run(&[path.to_str().unwrap()]).assert_could_not_run(&["format is pcapng", "editcap -F pcap"]);
}

#[test]
fn a_file_that_is_no_pcap_is_cut_but_not_taken_for_one() {
    let path = scratch("plain.bin");
    std::fs::write(&path, [7; 10_000]).unwrap();
    let path = path.to_str().unwrap();
    run(&["--source", "pcap", path]).assert_could_not_run(&["plain.bin: magic is 0x07070707"]);
    run(&["--frame-size", "1..99", path]).assert_passed();
}

#[rstest::rstest]
#[case(&["--lanes", "3"], &["--lanes is 3", "1, 2, 4, 8 or 16"])]
#[case(&["--ring-size", "5000"], &["--ring-size is 5000 bytes", "multiple of 4096"])]
#[case(&["--ring-size", "64KiB"], &["longest frame is 65549 bytes", "ring of 64KiB"])]
#[case(&["--mps", "300"], &["--mps is 300", "128, 256, 512 or 1024"])]
#[case(&["--channels", "0"], &["--channels is 0", "1 to 16"])]
#[case(&["--channels", "17"], &["--channels is 17", "1 to 16"])]
#[case(&["--width", "100"], &["--width is 100", "64, 128, 256 or 512"])]
#[case(&["--gen", "9"], &["--gen is 9", "1, 2, 3, 4 or 5"])]
#[case(&["--on", "socket:/tmp/x"], &["--on is socket:/tmp/x", "not built yet"])]
#[case(&["--on", "moon"], &["--on is moon", "model, rtl, lockstep"])]
#[case(&["--ring-size", "big"], &["--ring-size", "big", "number of bytes"])]
#[case(&["--fault", "flood@1"], &["--fault", "flip-byte@N"])]
#[case(&["--lanes", "many"], &["--lanes", "many"])]
#[case(&["--no-such-option"], &["--no-such-option"])]
#[case(&["--output", "no/such/folder/out"], &["no/such/folder/out: --output is"])]
#[case(&["--stress", "x"], &["invalid value 'x' for '--stress", "possible values: order, torn"])]
#[case(&["--fault", "drop-interrupt@1"], &["--fault is irq.drop@1", "fewer interrupts"])]
fn impossible_settings_are_one_line(#[case] args: &[&str], #[case] parts: &[&str]) {
    run(args).assert_could_not_run(parts);
}

#[cfg(not(feature = "rtl"))]
#[test]
fn the_rtl_must_be_built_in() {
    run(&["--on", "rtl"]).assert_could_not_run(&["--on is rtl", "needs a build with the RTL"]);
}

#[rstest::rstest]
#[case(&["bench"], &["'silico bench' requires a subcommand", "self"])]
#[case(&["dump"], &["'silico dump' requires a subcommand", "config"])]
#[case(&["coverage"], &["the following required arguments were not provided: <RECORD>..."])]
#[case(&["bench", "self", "--seconds", "1e300"], &["--seconds is 1000", "...; it must be above 0"])]
#[case(&["nonsense"], &["unrecognized subcommand 'nonsense'"])]
fn commands_that_are_not_whole_are_one_line(#[case] args: &[&str], #[case] parts: &[&str]) {
    silico(args).assert_could_not_run(parts);
}

#[test]
fn a_message_about_a_very_long_word_is_short() {
    let ran = run(&["--fault", &"a".repeat(100_000)]);
    ran.assert_could_not_run(&["invalid value 'aaaa", "..."]);
    assert!(ran.stderr.len() < 1000, "{}", ran.stderr.len());
}

/// A capture whose stamps are garbage: it must not be waited for centuries.
#[test]
fn stamps_that_are_centuries_apart_are_refused() {
    let record = |seconds: u32| [seconds.to_le_bytes(), [0; 4], 4u32.to_le_bytes(), 4u32.to_le_bytes(), *b"data"].concat();
    let header = [&0xa1b2_c3d4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &u32::MAX.to_le_bytes(), &1u32.to_le_bytes()].concat();
    let path = scratch("stamps.pcap");
    std::fs::write(&path, [header, record(5), record(u32::MAX), record(6)].concat()).unwrap();
    let path = path.to_str().unwrap();
    run(&["--pace", "capture", path]).assert_could_not_run(&["--pace is capture; it must be such that", "not after 49710 days"]);
    run(&[path]).assert_passed();
}

#[test]
fn a_rule_that_matches_nothing_is_told() {
    let ran = run(&["--fault", "wb.drop@3", "--fault", "mwr.drop/ch=15", "--fault", "payload.dup%1e-30"]);
    ran.assert_passed();
    for rule in ["mwr.drop/ch=15", "payload.dup%0.000000000000000000000000000001"] {
        assert!(ran.stdout.contains(&format!("planted     {rule} 0 times")), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains("planted     wb.drop@3 at cycle"), "{}", ran.stdout);
}

#[test]
fn what_the_host_received_is_what_was_sent() {
    let path = scratch("received.pcap");
    let name = path.to_str().unwrap();
    run(&["--channels", "1", "--output", name]).assert_passed();
    let payloads = |bytes: &[u8], mut at: usize| {
        let mut out = vec![];
        while at < bytes.len() {
            let len = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
            out.push(bytes[at + 16..at + 16 + len].to_vec());
            at += 16 + len;
        }
        out
    };
    let sent = std::fs::read(vectors().join("loopback.pcap")).unwrap();
    let received = std::fs::read(&path).unwrap();
    assert!(payloads(&sent, 24) == payloads(&received, 24), "packets differ");
    let raw = scratch("received.bin");
    run(&["--channels", "1", "--output", raw.to_str().unwrap()]).assert_passed();
    assert!(std::fs::read(&raw).unwrap() == payloads(&sent, 24).concat(), "bytes differ");
}

#[rstest::rstest]
#[case(&["--source", "generator", "--frame-size", "0..3000", "--frames", "2000", "--channels", "3"])]
#[case(&["--source", "generator", "--frame-size", "1,64,777,4096", "--frames", "500", "--ring-size", "12KiB", "--mps", "128"])]
#[case(&["--source", "generator", "--frame-size", "0..3000", "--frames", "300", "--channels", "2", "--card", "small"])]
#[case(&["--source", "generator", "--frame-size", "0..3000", "--frames", "300", "--channels", "2", "--card", "w512"])]
#[case(&["--notify", "interrupt"])]
#[case(&["--notify", "interrupt", "--coalesce-frames", "16", "--coalesce-time", "20000"])]
#[case(&["--notify", "hybrid", "--channels", "16"])]
#[case(&["--gen", "1", "--lanes", "1", "--channels", "2"])]
#[case(&["--width", "64", "--spread", "hash"])]
#[case(&["--width", "512", "--gen", "5", "--lanes", "16", "--mps", "1024", "--repeat", "3"])]
#[case(&["--rate", "1.5"])]
#[case(&["--pace", "capture:0.01"])]
#[case(&["--pause", "100"])]
#[case(&["--full", "drop", "--gen", "1", "--lanes", "1"])]
#[case(&["--full", "drop", "--source", "generator", "--frame-size", "64..1500", "--frames", "3000", "--gen", "1", "--lanes", "1"])]
fn settings_of_every_kind_pass(#[case] args: &[&str]) {
    run(args).assert_passed();
}

#[test]
fn drops_happen_and_are_accounted_for() {
    let args =
        ["--json", "--full", "drop", "--source", "generator", "--frame-size", "1500", "--frames", "3000", "--gen", "1", "--lanes", "1"];
    let report = run(&args).json();
    let sum = |field: &str| report["books"].as_array().unwrap().iter().map(|books| books[field].as_u64().unwrap()).sum::<u64>();
    assert!(sum("card_dropped") > 0, "a link this slow must drop: {report:#}");
    assert_eq!(sum("sent"), 3000);
    assert_eq!(sum("delivered") + sum("card_dropped") + sum("card_discarded"), 3000);
}

#[test]
fn help_and_version_are_no_errors() {
    assert_eq!(silico(&["--help"]).status, 0);
    assert_eq!(silico(&["run", "--help"]).status, 0);
    assert_eq!(silico(&["--version"]).status, 0);
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is_one() {
    use std::process::{Command, Stdio};
    let start = |stdout| Command::new(env!("CARGO_BIN_EXE_silico")).args(["run", "--quiet"]).stdout(stdout).stderr(Stdio::piped()).spawn();
    let mut gone = start(Stdio::piped()).unwrap();
    drop(gone.stdout.take());
    let gone = gone.wait_with_output().unwrap();
    assert_eq!((gone.status.code(), gone.stderr.len()), (Some(0), 0), "{}", String::from_utf8_lossy(&gone.stderr));
    if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
        let full = start(Stdio::from(full)).unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8(full.stderr).unwrap();
        assert_eq!((full.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
        assert!(stderr.contains("stdout cannot be written"), "{stderr}");
    }
}

/// What the link carried, in percent, is its bytes on the wire over its rate: no run can have more than all.
#[rstest::rstest]
#[case(&["--frames", "4"])]
#[case(&["--frames", "80", "--frame-size", "64..1500"])]
#[case(&["--frames", "3000", "--frame-size", "64..1500"])]
#[case(&["--frames", "3000", "--frame-size", "4096", "--gen", "1", "--lanes", "1"])]
fn no_run_has_more_than_the_link_carries(#[case] args: &[&str]) {
    let report = run(&[&["--json", "--source", "generator"], args].concat()).json();
    let simulated = &report["simulated"];
    let percent = simulated["percent"].as_f64().unwrap();
    assert!(percent > 0.0 && percent <= 100.0, "{simulated:#}");
    assert!(simulated["limit_gbps"].as_f64().unwrap() < simulated["tlp_gbps"].as_f64().unwrap(), "{simulated:#}");
}

#[test]
fn fewer_write_backs_are_later_frames() {
    let report = |policy| {
        // Polling: an interrupt would bring write-backs of its own.
        let args = ["--json", "--source", "generator", "--frames", "400", "--rate", "4", "--write-back", policy];
        run(&args).json()
    };
    let (often, seldom, timed) = (report("1"), report("50"), report("0:20000"));
    let write_backs = |report: &serde_json::Value| report["host"]["write_backs"].as_u64().unwrap();
    assert!((400..=404).contains(&write_backs(&often)), "{often:#}");
    assert!((8..=12).contains(&write_backs(&seldom)), "{seldom:#}");
    assert!(write_backs(&timed) < 100, "{timed:#}");
    let p50 = |report: &serde_json::Value| report["latency"]["p50"].as_u64().unwrap();
    assert!(p50(&often) < 3_000 && p50(&timed) > 10_000 && p50(&timed) < 25_000, "{often:#} {timed:#}");
}
