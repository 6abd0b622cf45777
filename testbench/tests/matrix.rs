//! The whole loop over what a run can be told: frame sizes, rings, payload sizes, links, port widths, ways to learn of frames, and what a full FIFO does.
//! Every frame is checked byte by byte, every rule of the machine is on, and no link carries more than it can.

use rstest::rstest;
use silico::cli::options::RunOptions;
use silico::input::schedule::Plan;
use silico::input::{Cut, Input, sizes::FrameSizes};
use silico::report::Report;
use silico::run::config::Feed;
use silico::run::{Progress, RunConfig, run};
use silico_spec::frame::footprint;
use std::sync::Arc;

const MIB: u64 = 1 << 20;

/// A run of `silico run` with `args`.
fn config(args: &[&str]) -> RunConfig {
    let options = RunOptions::typed(args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    RunConfig::new(&options).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

/// The same with frames of these sizes, in turn, at the front ends instead of what the options say. Needs a ring for the longest one.
fn with_front(mut config: RunConfig, sizes: &[u32], frames: u64) -> RunConfig {
    // No period that a beat, a page or a frame could have.
    let bytes: u64 = sizes.iter().map(|&size| u64::from(size)).sum::<u64>().max(1);
    let data: Arc<[u8]> = (0..bytes).map(|i| (i * 31 + i / 251 + i / 65_521) as u8).collect();
    let sizes = FrameSizes::List(if bytes > 1 { sizes.to_vec() } else { vec![0, 1] });
    let input = Input::new("matrix", data, &Cut::File(sizes, 1)).expect("a file that can be cut");
    config.max_frame = input.longest().max(1);
    config.feed = Feed::Front(Arc::new(Plan::new(input, config.channels, frames, config.machine.clock_ps, config.card.width.bytes())));
    config
}

/// Runs, and checks what must hold for every run.
#[track_caller]
fn pass(config: &RunConfig) -> Report {
    let report = run(config, &mut Progress::new(true, config.frames())).unwrap_or_else(|error| panic!("{error}"));
    let what = || format!("{}\n{:?}\n{:?}", report.command, report.finding, report.simulated);
    assert!(report.passed, "{}", what());
    let (delivered, dropped) = report.books.iter().fold((0, 0), |sum, books| (sum.0 + books.delivered, sum.1 + books.card_dropped));
    assert_eq!(delivered + dropped, config.frames(), "delivered or dropped: {}", what());
    assert!(dropped == 0 || report.setup.full == "drop", "a channel that stalls dropped {dropped}: {}", what());
    assert_eq!(report.frames, delivered);
    let checked = report.integrity;
    assert!([checked.payload, checked.crc, checked.order, checked.header].iter().all(|&count| count == delivered), "{checked:?}");
    let most = report.simulated.limit_gbps.unwrap_or(report.simulated.tlp_gbps);
    assert!(report.simulated.payload_gbps <= most, "faster than the link: {}", what());
    assert!(report.simulated.payload_gbps <= report.simulated.port_gbps, "faster than the port: {}", what());
    report
}

/// Every size in every ring that holds it, from both sources; the others are refused with the size and what would be right.
#[rstest]
fn sizes_and_rings(
    #[values(0, 1, 31, 32, 33, 127, 1009, 4064, 4065, 4095, 4096, 4097, 65_537, 1 << 20)] size: u32,
    #[values(4096, 3 * 4096, 5 * 4096, MIB, 3 * MIB + 4096)] ring: u64,
) {
    // At least three laps of the ring where frames are large, a few hundred frames where they are small.
    let frames = (3 * ring / footprint(size) + 3).min(300);
    let (size_text, ring_text, frames_text) = (size.to_string(), ring.to_string(), frames.to_string());
    let common = ["--ring-size", &ring_text, "--channels", "1"];
    let generator = ["--source", "generator", "--frame-size", &size_text, "--frames", &frames_text];
    let args = [&common[..], &generator].concat();
    if footprint(size) > ring {
        let refused = RunConfig::new(&RunOptions::typed(&args).unwrap()).unwrap_err().to_string();
        assert!(refused.contains(&size_text) && refused.contains(&format!("at most {} bytes", ring - 32)), "{refused}");
        return;
    }
    pass(&config(&args));
    let front = RunConfig::new(&RunOptions::typed(&args).unwrap()).unwrap();
    let report = pass(&with_front(front, &[size], frames));
    if size > 1 {
        assert_eq!(report.bytes, frames * u64::from(size));
    }
}

/// A ring that no edge is a divisor of. The generator is a stand-in: the front ends replace it.
const SMALL_RING: [&str; 6] = ["--ring-size", "20KiB", "--source", "generator", "--frame-size", "1"];

/// Frames on and beside every edge, mixed over all channels.
const EDGES: [u32; 20] = [0, 1, 31, 32, 33, 95, 96, 97, 223, 224, 225, 480, 992, 1009, 2048, 4064, 4095, 4096, 4097, 16_411];

#[rstest]
fn links_payloads_and_widths(
    #[values((1, 1), (2, 4), (3, 8), (3, 16), (4, 16), (5, 16))] link: (u8, u8),
    #[values(128, 256, 512, 1024)] mps: u32,
    #[values(64, 128, 256, 512)] width: u32,
) {
    let (generation, lanes, mps_text, width) = (link.0.to_string(), link.1.to_string(), mps.to_string(), width.to_string());
    let common = ["--gen", &generation, "--lanes", &lanes, "--mps", &mps_text, "--width", &width];
    let mixed = pass(&with_front(config(&[&common[..], &SMALL_RING].concat()), &EDGES, 160));
    assert_eq!(mixed.setup.mps, mps);

    // Large frames at full rate: the link is the limit, unless the port is.
    let full = ["--source", "generator", "--frame-size", "8160", "--frames", "240"];
    let report = pass(&config(&[&common[..], &full].concat()));
    let simulated = report.simulated;
    if simulated.tlp_gbps < simulated.port_gbps {
        assert!(simulated.percent.is_some_and(|percent| percent >= 90.0), "{}: {simulated:?}", report.command);
    } else {
        assert!(simulated.port_busy_percent.is_some_and(|busy| busy >= 90.0), "{}: {simulated:?}", report.command);
    }
}

#[rstest]
fn notify_full_and_channels(
    #[values("poll", "interrupt", "hybrid")] notify: &str,
    #[values("stall", "drop")] full: &str,
    #[values("1", "3", "4", "16")] channels: &str,
    #[values("4", "9", "100")] coalesce: &str,
) {
    let coalescing = ["--coalesce-frames", coalesce, "--coalesce-time", "3000"];
    let coalescing = if notify == "poll" { &[][..] } else { &coalescing[..] };
    let common = [&["--notify", notify, "--full", full, "--channels", channels][..], coalescing].concat();
    pass(&with_front(config(&[&common[..], &SMALL_RING].concat()), &EDGES, 320));
    let slow =
        ["--gen", "1", "--lanes", "2", "--source", "generator", "--frame-size", "0..2500", "--frames", "300", "--ring-size", "12KiB"];
    let report = pass(&config(&[&common[..], &slow].concat()));
    // On such a link a source at full rate overruns every FIFO.
    let dropped: u64 = report.books.iter().map(|books| books.card_dropped).sum();
    assert_eq!(dropped > 0, full == "drop", "{}: {:?}", report.command, report.books);
}

/// Sparse traffic: the host sleeps between frames, so each wake-up counts.
#[rstest]
fn sparse_frames_wake_the_host(#[values("poll", "interrupt", "hybrid")] notify: &str, #[values("1", "4")] channels: &str) {
    let args = [
        "--notify",
        notify,
        "--channels",
        channels,
        "--source",
        "generator",
        "--frame-size",
        "64..300",
        "--frames",
        "60",
        "--pause",
        "3001",
    ];
    let report = pass(&config(&args));
    let woken = report.host.interrupts > 0;
    assert_eq!(woken, notify != "poll", "{}", report.command);
}

/// Pages of all sizes, packed and not, over links that starve the card of credits; frames of all sizes.
#[rstest]
fn pages(
    #[values("96", "512", "4KiB", "12KiB")] page: &str,
    #[values(false, true)] packed: bool,
    #[values("poll", "interrupt", "hybrid")] notify: &str,
    #[values(("stall", "1", "1"), ("stall", "3", "8"), ("drop", "1", "2"))] link: (&str, &str, &str),
) {
    let (full, generation, lanes) = link;
    let mut common = vec!["--discipline", "pages", "--page-size", page, "--ring-size", "60KiB", "--notify", notify, "--full", full];
    common.extend(["--gen", generation, "--lanes", lanes, "--channels", "3"]);
    if packed {
        common.push("--packed");
    }
    let stand_in = ["--source", "generator", "--frame-size", "1"];
    pass(&with_front(config(&[&common[..], &stand_in].concat()), &EDGES, 160));
    let made = ["--source", "generator", "--frame-size", "0..2500", "--frames", "300"];
    let report = pass(&config(&[&common[..], &made].concat()));
    assert!(report.command.contains("--discipline pages") && report.setup.pages.is_some());
}

/// With a digest on every TLP: the same frames, and a link that carries four bytes more for each.
#[rstest]
fn digests_cost_wire_and_nothing_else(#[values("poll", "interrupt")] notify: &str) {
    let args = ["--notify", notify, "--source", "generator", "--frame-size", "100..2500", "--frames", "400", "--gen", "2"];
    let plain = pass(&config(&args));
    let digests = pass(&config(&[&args[..], &["--ecrc"]].concat()));
    assert!(digests.command.contains("--ecrc"), "{}", digests.command);
    assert_ne!(plain.trace_digest, digests.trace_digest);
    assert!(digests.simulated.payload_gbps < plain.simulated.payload_gbps, "{:?} {:?}", digests.simulated, plain.simulated);
}
