//! What a loopback found, as data and as text. A failing report begins and ends with the command that repeats it.

use crate::report::FaultsPart;
use crate::report::text::faults;
use crate::waves::Written;
use serde::Serialize;
use std::fmt;

/// A whole report.
#[derive(Clone, Debug, Serialize)]
pub struct LoopbackReport {
    /// The command that does the same again.
    pub command: String,
    /// Whether nothing was found wrong.
    pub passed: bool,
    /// What was found wrong first.
    pub finding: Option<LoopbackFinding>,
    /// The waveform that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waves: Option<Written>,
    /// `loopback`, `sink` or `stream`.
    pub to: String,
    /// Host-to-card channel.
    pub h2c: u8,
    /// Card-to-host channel, if frames came back on one.
    pub c2h: Option<u8>,
    /// Frames sent.
    pub sent: u64,
    /// Frames that were compared: number and order, length, content or CRC.
    pub compared: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Clocks from the first frame to the last.
    pub cycles: u64,
    /// The same in ns.
    pub ns: f64,
    /// Payload, Gb/s, one way.
    pub payload_gbps: f64,
    /// Which faults were planted, and who noticed; absent if none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<FaultsPart>,
    /// Hash over all that passed the link: equal for equal runs.
    pub trace_digest: String,
}

/// What was found wrong.
#[derive(Clone, Debug, Serialize)]
pub struct LoopbackFinding {
    /// `divergence`, `lockstep`, `violation`, `liveness`, `conservation`, `driver` or `unnoticed`.
    pub kind: &'static str,
    /// When it was seen.
    pub cycle: u64,
    /// What it was.
    pub what: String,
    /// The last TLPs that passed the link.
    pub trace: Vec<String>,
}

impl fmt::Display for LoopbackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.passed {
            writeln!(f, "{}\n", self.command)?;
        }
        match self.c2h {
            Some(c2h) => writeln!(f, "path        host, H2C channel {}, card, C2H channel {c2h}, host", self.h2c)?,
            None => writeln!(f, "path        host, H2C channel {}, {} of the card", self.h2c, self.to)?,
        }
        writeln!(f, "frames      {} sent, {} compared, {} bytes of payload", self.sent, self.compared, self.bytes)?;
        writeln!(f, "simulated   {:.3} us in {} clocks", self.ns / 1000.0, self.cycles)?;
        writeln!(f, "throughput  {:.3} Gb/s of payload, one way", self.payload_gbps)?;
        writeln!(f, "trace       {}", self.trace_digest)?;
        if let Some(part) = &self.faults {
            faults(f, part)?;
        }
        if let Some(waves) = &self.waves {
            writeln!(f, "waveform    {waves}")?;
        }
        let Some(finding) = &self.finding else { return writeln!(f, "PASSED") };
        writeln!(f)?;
        finding.trace.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "FAILED at cycle {}: {}: {}", finding.cycle, finding.kind, finding.what)?;
        writeln!(f, "{}", self.command)
    }
}
