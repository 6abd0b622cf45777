//! The report as text: compact, aligned, with units. A failing one begins and ends with the command that repeats it.

use super::{FaultsPart, PagesPart, Report, SetupPart, Stalls};
use crate::input::sizes::show_bytes;
use std::fmt::{self, Display, Write as _};

/// Displays a report.
pub struct Text<'a>(pub &'a Report);

/// A count with thin groups: 1 234 567.
struct Grouped(u64);

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut out = String::with_capacity(digits.len() * 4 / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                out.push(' ');
            }
            out.push(digit);
        }
        f.pad(&out)
    }
}

/// A value with an SI prefix: 3.21 M.
fn si(value: f64, unit: &str) -> String {
    let (scaled, prefix) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "G"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    format!("{scaled:.3} {prefix}{unit}")
}

/// A time given in ns.
fn time(ns: f64) -> String {
    match ns {
        v if v >= 1e9 => format!("{:.3} s", v / 1e9),
        v if v >= 1e6 => format!("{:.3} ms", v / 1e6),
        v if v >= 1e3 => format!("{:.3} us", v / 1e3),
        v => format!("{v:.0} ns"),
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        if !report.passed {
            writeln!(f, "{}", report.command)?;
            writeln!(f)?;
        }
        setup(f, report)?;
        results(f, report)?;
        stalls(f, &report.stalls)?;
        link(f, report)?;
        host(f, report)?;
        verdict(f, report)
    }
}

fn setup(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let (input, setup) = (&report.input, &report.setup);
    let mut packets = String::new();
    if input.pieces > 0 {
        write!(packets, ", {} {}", Grouped(input.pieces), input.kind)?;
    }
    let (min, max) = input.sizes;
    let sizes = if min == max { format!("{min} B") } else { format!("{min} to {} B", Grouped(max.into())) };
    let unit = if report.elinks.is_some() { "chunks" } else { "frames" };
    writeln!(f, "input       {}{packets}; {} {unit} of {sizes}", input.name, Grouped(input.frames))?;
    writeln!(
        f,
        "card        {}, {} channel{}, {}, port {} bit, notify {}, full {}, seed {}",
        setup.target,
        setup.channels,
        if setup.channels == 1 { "" } else { "s" },
        memory(setup),
        setup.port_bits,
        setup.notify,
        setup.full,
        setup.seed
    )?;
    writeln!(f, "link        {}, MPS {}, MRRS {}", setup.link, setup.mps, setup.mrrs)
}

fn memory(setup: &SetupPart) -> String {
    let bytes = show_bytes(setup.ring_bytes);
    match setup.pages {
        None => format!("ring {bytes} each"),
        Some(PagesPart { bytes: page, packed }) => {
            format!("{bytes} each in pages of {}, {}", show_bytes(page), if packed { "packed" } else { "each frame on its own" })
        }
    }
}

fn results(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let checked = &report.integrity;
    writeln!(f, "frames      {} delivered, {} bytes of payload", Grouped(report.frames), Grouped(report.bytes))?;
    writeln!(
        f,
        "checked     payload {}, CRC {}, order {}, header {}",
        Grouped(checked.payload),
        Grouped(checked.crc),
        Grouped(checked.order),
        Grouped(checked.header)
    )?;
    if let Some(elinks) = &report.elinks {
        writeln!(
            f,
            "e-links     {} a channel: {} chunks compared, {} bytes, {} truncated, {} blocks missing",
            elinks.links,
            Grouped(elinks.chunks),
            Grouped(elinks.bytes),
            Grouped(elinks.truncated),
            Grouped(elinks.lost_blocks)
        )?;
    }
    let (dropped, discarded) = report.books.iter().fold((0, 0), |sum, books| (sum.0 + books.card_dropped, sum.1 + books.card_discarded));
    if dropped + discarded > 0 {
        writeln!(f, "lost        {} dropped and marked, {} discarded by the stop", Grouped(dropped), Grouped(discarded))?;
    }
    throughput(f, report)
}

/// What is not known is left out.
fn throughput(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let sim = &report.simulated;
    writeln!(f, "simulated   {} in {} clocks, until the last frame", time(sim.ns), Grouped(sim.cycles))?;
    write!(f, "throughput  {:.3} Gb/s of payload", sim.payload_gbps)?;
    if let (Some(percent), Some(limit)) = (sim.percent, sim.limit_gbps) {
        write!(f, ", {percent:.1} % of the {limit:.3} Gb/s that the link carries in these TLPs (mean {:.0} B)", sim.tlp_bytes)?;
    }
    writeln!(f)?;
    write!(f, "            link {:.2} Gb/s for TLPs, {:.2} in writes of MPS; port {:.2} Gb/s", sim.tlp_gbps, sim.mps_gbps, sim.port_gbps)?;
    match sim.port_busy_percent {
        Some(busy) => writeln!(f, ", busy {busy:.1} %"),
        None => writeln!(f),
    }
}

fn stalls(f: &mut fmt::Formatter<'_>, stalls: &[Stalls]) -> fmt::Result {
    if stalls.is_empty() {
        return Ok(());
    }
    let row = |f: &mut fmt::Formatter<'_>, name: &str, s: &Stalls| {
        let columns = [s.beats, s.no_credit, s.no_buffer, s.no_data, s.no_grant, s.front_held];
        write!(f, "  {name:<10}")?;
        columns.into_iter().try_for_each(|count| write!(f, "{:>14}", Grouped(count)))?;
        writeln!(f)
    };
    writeln!(
        f,
        "clocks      {:>14}{:>14}{:>14}{:>14}{:>14}{:>14}",
        "sending", "no credit", "no buffer", "no data", "no grant", "front held"
    )?;
    for one in stalls {
        row(f, &format!("channel {}", one.channel), one)?;
    }
    if stalls.len() > 1 {
        let total = stalls.iter().fold(Stalls::default(), |sum, one| Stalls {
            channel: 0,
            beats: sum.beats + one.beats,
            no_credit: sum.no_credit + one.no_credit,
            no_buffer: sum.no_buffer + one.no_buffer,
            no_data: sum.no_data + one.no_data,
            no_grant: sum.no_grant + one.no_grant,
            front_held: sum.front_held + one.front_held,
        });
        row(f, "total", &total)?;
    }
    Ok(())
}

/// Nothing, if nothing went wrong.
fn link(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let Some(link) = &report.link else { return Ok(()) };
    for (name, way) in [("replays     card -> host", &link.to_host), ("            host -> card", &link.to_card)] {
        write!(f, "{name}: {} TLPs damaged, {} naks, {} replays", Grouped(way.damaged), Grouped(way.naks), Grouped(way.replays))?;
        write!(f, " of {} TLPs, {} by timer, {} duplicates", Grouped(way.replayed), Grouped(way.timeouts), Grouped(way.duplicates))?;
        writeln!(f, ", {} acks damaged, buffer {} times full", Grouped(way.damaged_acks), Grouped(way.full))?;
    }
    let (updates, retrains) = (Grouped(link.damaged_updates), Grouped(link.retrains));
    writeln!(f, "            {updates} UpdateFC damaged, {retrains} retrains, {} clocks not ready for the card", Grouped(link.not_ready))
}

fn host(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let host = &report.host;
    writeln!(
        f,
        "host        {} interrupts, {} register reads, {} register writes ({} doorbells), {} write-backs",
        Grouped(host.interrupts),
        Grouped(host.mmio_reads),
        Grouped(host.mmio_writes),
        Grouped(host.doorbells),
        Grouped(host.write_backs)
    )?;
    if let Some(latency) = &report.latency {
        write!(f, "latency     first beat at the front end to frame handled:")?;
        for (name, ns) in [("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999), ("max", latency.max)]
        {
            write!(f, " {name} {} ns{}", Grouped(ns), if name == "max" { "" } else { "," })?;
        }
        writeln!(f)?;
    }
    wall_clock(f, report)?;
    writeln!(f, "trace       {}", report.trace_digest)
}

/// Below this, start-up and chance make most of the speed, in seconds.
const TOO_SHORT: f64 = 0.1;

fn wall_clock(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let wall = &report.wall;
    write!(
        f,
        "wall clock  {}: {}, {}, {}",
        time(wall.seconds * 1e9),
        si(wall.clocks_per_s, "clocks/s"),
        si(wall.bytes_per_s, "B/s"),
        si(wall.frames_per_s, "frames/s")
    )?;
    match wall.slowdown {
        slower if slower >= 1.0 => write!(f, "; {slower:.0} x slower than real time")?,
        slower if slower > 0.0 => write!(f, "; {:.0} x faster than real time", 1.0 / slower)?,
        _ => {}
    }
    writeln!(f, "; {:.1} clocks a step", wall.clocks_per_step)?;
    if wall.seconds < TOO_SHORT {
        writeln!(f, "            too short to judge speed by: see `silico bench self`, or --repeat the input")?;
    }
    Ok(())
}

/// Planted faults that are shown; JSON has more.
const FAULTS_SHOWN: usize = 12;

pub(crate) fn faults(f: &mut fmt::Formatter<'_>, part: &FaultsPart) -> fmt::Result {
    for one in part.planted.iter().take(FAULTS_SHOWN) {
        writeln!(f, "planted     {} at cycle {} ({}): {}", one.rule, one.cycle, one.harm, one.tlp)?;
    }
    let shown = part.planted.len().min(FAULTS_SHOWN) as u64;
    let at_port = part.rules.iter().map(|rule| rule.planted).sum::<u64>();
    if at_port > shown {
        writeln!(f, "            and {} more", Grouped(at_port - shown))?;
    }
    for rule in part.link.iter().filter(|rule| rule.planted > 0) {
        writeln!(f, "planted     {}, {} times", rule.rule, Grouped(rule.planted))?;
    }
    for rule in part.rules.iter().chain(&part.link).filter(|rule| rule.planted == 0) {
        writeln!(f, "planted     {} 0 times: nothing that matches passed", rule.rule)?;
    }
    part.noticed.iter().try_for_each(|notice| writeln!(f, "noticed     by {}: {}", notice.by, notice.what))?;
    match (part.worst, part.noticed.is_empty()) {
        (Some(worst), true) => writeln!(f, "noticed     by nobody; the worst planted is {worst}"),
        _ => Ok(()),
    }
}

fn verdict(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if let Some(part) = &report.faults {
        faults(f, part)?;
    }
    if let Some(waves) = &report.waves {
        writeln!(f, "waveform    {waves}")?;
    }
    let Some(finding) = &report.finding else {
        return writeln!(f, "PASSED");
    };
    writeln!(f)?;
    if !finding.trace.is_empty() {
        writeln!(f, "the last {} TLPs of {} (--trace N shows more):", finding.trace.len(), Grouped(finding.tlps))?;
        finding.trace.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f)?;
    }
    writeln!(f, "FAILED at cycle {}: {}: {}", finding.cycle, finding.kind, finding.what)?;
    writeln!(f, "{}", report.command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Finding, HostPart, InputPart, Latency, SetupPart, SimulatedPart, WallPart};
    use crate::scoreboard::Checked;

    fn report(finding: Option<Finding>) -> Report {
        Report {
            command: "silico run --on model --seed 1".into(),
            passed: finding.is_none(),
            finding,
            waves: None,
            faults: None,
            input: InputPart { name: "embedded: loopback.pcap".into(), frames: 344, kind: "packets", pieces: 344, sizes: (43, 65549) },
            setup: SetupPart {
                target: "model".into(),
                channels: 2,
                ring_bytes: 1 << 20,
                pages: None,
                link: "Gen 3 x8".into(),
                mps: 256,
                mrrs: 512,
                port_bits: 256,
                notify: "poll".into(),
                full: "stall".into(),
                seed: 1,
            },
            frames: 344,
            bytes: 233_000,
            integrity: Checked { payload: 344, crc: 344, order: 344, header: 344 },
            elinks: None,
            books: vec![],
            simulated: SimulatedPart {
                cycles: 12_345,
                ns: 49_380.0,
                payload_gbps: 37.75,
                percent: Some(91.0),
                limit_gbps: Some(41.5),
                ..SimulatedPart::default()
            },
            stalls: vec![Stalls { channel: 0, no_data: 7, ..Stalls::default() }, Stalls { channel: 1, no_data: 5, ..Stalls::default() }],
            link: None,
            host: HostPart { interrupts: 3, ..HostPart::default() },
            latency: Some(Latency { p50: 1200, p90: 2000, p99: 3000, p999: 4000, max: 5000 }),
            trace_digest: "0123456789abcdef".into(),
            wall: WallPart { seconds: 0.5, clocks_per_s: 24_690.0, ..WallPart::default() },
        }
    }

    #[test]
    fn a_passing_report_reads_well() {
        insta::assert_snapshot!(Text(&report(None)).to_string());
    }

    #[test]
    fn a_failing_report_begins_and_ends_with_the_command() {
        let finding = Finding { kind: "divergence", cycle: 99, what: "x".into(), tlps: 1234, trace: vec!["tlp".into()] };
        let text = Text(&report(Some(finding))).to_string();
        assert_eq!(text.lines().next(), Some("silico run --on model --seed 1"));
        assert_eq!(text.lines().last(), Some("silico run --on model --seed 1"));
        assert!(text.contains("FAILED at cycle 99: divergence: x"));
        assert!(text.contains("the last 1 TLPs of 1 234"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut unknown = report(None);
        unknown.simulated.percent = None;
        let text = Text(&unknown).to_string();
        assert!(!text.contains('%') && text.contains("throughput  37.750 Gb/s of payload\n"), "{text}");
        unknown.simulated.port_busy_percent = Some(12.25);
        assert!(Text(&unknown).to_string().contains(", busy 12.2 %"));
    }

    #[test]
    fn a_short_run_says_that_it_tells_no_speed() {
        let mut short = report(None);
        assert!(!Text(&short).to_string().contains("too short"));
        (short.wall.seconds, short.wall.slowdown) = (0.001, 0.01);
        let text = Text(&short).to_string();
        assert!(text.contains("wall clock  1.000 ms") && text.contains("100 x faster") && text.contains("too short"), "{text}");
    }

    #[test]
    fn numbers_are_grouped_and_scaled() {
        assert_eq!([0, 999, 1000, 1_234_567].map(|n| Grouped(n).to_string()), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(si(12_345_678.0, "B/s"), "12.346 MB/s");
        assert_eq!([5.0, 5e3, 5e6, 5e9].map(time), ["5 ns", "5.000 us", "5.000 ms", "5.000 s"]);
    }
}
