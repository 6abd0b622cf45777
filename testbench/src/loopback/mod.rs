//! Host data through a host-to-card channel, and compared where it comes out: back in a card-to-host ring, in the checking sink, or at the stream port.
//!
//! Frames are computed, not kept: each is made when it is sent and made again when it is compared.

mod report;

pub use report::{LoopbackFinding, LoopbackReport};

use crate::check::payload;
use crate::cli::loopback::{Destination, LoopbackOptions};
use crate::cli::options::RunOptions;
use crate::coverage::Covered;
use crate::fault::{Harm, Notice, card_notices, host_notices};
use crate::input::error::BadInput;
use crate::input::sizes::FrameSizes;
use crate::platform::SimPlatform;
use crate::report::FaultsPart;
use crate::run::finish::{link_failure, never_struck};
use crate::run::setup::{Bench, build};
use crate::run::{CouldNotRun, RunConfig};
use clap::ValueEnum;
use silico_driver::channel::{RingChannel, RingConfig};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendChannel, SendConfig, Until};
use silico_driver::platform::Time;
use silico_sim::Stats;
use silico_spec::crc;
use silico_spec::frame::{Flags, footprint};
use silico_spec::generator::{self, XorShift64};
use silico_spec::params::{MAX_C2H, MAX_H2C};
use silico_spec::units::{Cycle, Cycles};

/// Longest frame, bytes.
const MAX_FRAME: u32 = 16 << 20;
/// Longest pause when nothing moves, in ns: the machine ends it when a write becomes visible.
const PAUSE_NS: u64 = 5_000;
/// TLPs in a failing report.
const TRACE: usize = 12;

/// The frames, in order.
struct Frames<'a> {
    lengths: Box<dyn Iterator<Item = u32> + 'a>,
    keys: XorShift64,
}

impl<'a> Frames<'a> {
    fn new(sizes: &'a FrameSizes, seed: u64) -> Self {
        Self { lengths: Box::new(sizes.iter(seed)), keys: XorShift64::new(!seed) }
    }

    /// Writes the next frame's payload into `out`, which is as long as the longest.
    fn next<'b>(&mut self, out: &'b mut [u8]) -> &'b [u8] {
        let length = self.lengths.next().unwrap_or(0) as usize;
        generator::fill(self.keys.step(), 0, &mut out[..length]);
        &out[..length]
    }
}

/// Why it ended early.
struct Wrong {
    kind: &'static str,
    what: String,
}

impl Wrong {
    fn divergence(frame: u64, what: impl std::fmt::Display) -> Self {
        Self { kind: "divergence", what: format!("frame {frame}: {what}") }
    }
}

impl From<DriverError> for Wrong {
    fn from(error: DriverError) -> Self {
        Self { kind: "driver", what: error.to_string() }
    }
}

struct Session<'a> {
    options: &'a LoopbackOptions,
    bench: Bench,
    channel: SendChannel<SimPlatform>,
    ring: Option<RingChannel<SimPlatform>>,
    expected: Frames<'a>,
    buffer: Vec<u8>,
    /// Bytes of the stream port that no frame has ended yet.
    carry: Vec<u8>,
    compared: u64,
    bytes: u64,
}

/// Sends and compares. A report that did not pass is a result, not an error.
///
/// # Errors
/// If it could not be done: the first option that cannot be.
pub fn run(options: &LoopbackOptions) -> Result<LoopbackReport, CouldNotRun> {
    run_covered(options, None)
}

/// The same, and what the card went through is counted.
///
/// # Errors
/// The same.
pub fn run_covered(options: &LoopbackOptions, covered: Option<&Covered>) -> Result<LoopbackReport, CouldNotRun> {
    let mut config = config(options)?;
    config.covered = covered.cloned();
    let bench = build(&config)?;
    let could_not = |error: DriverError| CouldNotRun(error.to_string());
    let longest = options.sizes.max();
    let ring_bytes = footprint(longest).saturating_mul(2).next_multiple_of(4096).max(1 << 20);
    let ring = RingConfig { max_frame: longest.max(1), ring_bytes, ..RingConfig::default() };
    let to_ring = options.to == Destination::Loopback;
    let ring = to_ring.then(|| bench.card.channel(options.c2h, &ring)).transpose().map_err(could_not)?;
    let output = match options.to {
        Destination::Loopback => Output::Loopback(options.c2h),
        Destination::Sink => Output::Check,
        Destination::Stream => Output::Stream,
    };
    let staging_bytes = (2 * u64::from(longest)).next_multiple_of(64).max(1 << 20);
    let send = SendConfig { entries: options.entries, staging_bytes, output, ..SendConfig::default() };
    let channel = bench.card.send_channel(options.h2c, &send).map_err(could_not)?;
    let session = Session {
        options,
        bench,
        channel,
        ring,
        expected: Frames::new(&options.sizes, options.seed),
        buffer: vec![0; longest as usize],
        carry: Vec::new(),
        compared: 0,
        bytes: 0,
    };
    session.run(&config)
}

/// The machine and card that a run with the same options has.
fn config(options: &LoopbackOptions) -> Result<RunConfig, BadInput> {
    let (h2c, c2h) = (options.h2c, options.c2h);
    if usize::from(h2c) >= MAX_H2C {
        return Err(BadInput::setting("--h2c", h2c, "0 to 7"));
    }
    if usize::from(c2h) >= MAX_C2H {
        return Err(BadInput::setting("--c2h", c2h, "0 to 15"));
    }
    if options.frames == 0 {
        return Err(BadInput::setting("--frames", 0, "at least 1"));
    }
    if options.sizes.max() > MAX_FRAME {
        return Err(BadInput::setting("--sizes", &options.sizes, format!("at most {MAX_FRAME} bytes")));
    }
    if !(2..=65536).contains(&options.entries) {
        return Err(BadInput::setting("--entries", options.entries, "2 to 65536"));
    }
    let same = RunOptions {
        on: options.on.clone(),
        channels: c2h + 1,
        generation: options.generation,
        lanes: options.lanes,
        mps: options.mps,
        mrrs: options.mrrs,
        width: options.width,
        card: options.card.clone(),
        seed: options.seed,
        patience: options.patience,
        waves: options.waves.clone(),
        faults: options.faults.clone(),
        ..RunOptions::default()
    };
    let mut config = RunConfig::new(&same)?;
    if options.card.is_none() {
        config.card.h2c_channels = config.card.h2c_channels.max(h2c + 1);
    } else if h2c >= config.card.h2c_channels {
        return Err(BadInput::setting("--h2c", h2c, format!("0 to {}, what this card has", config.card.h2c_channels - 1)));
    }
    Ok(config)
}

impl Session<'_> {
    fn run(mut self, config: &RunConfig) -> Result<LoopbackReport, CouldNotRun> {
        let start = self.now();
        let stats = self.bench.platform.machine().stats().clone();
        let result = self.send_all();
        let cycles = self.now().since(start);
        let result = result.and_then(|()| self.finish());
        let violation = self.bench.platform.machine().violation().map(ToString::to_string);
        let parted = self.bench.verdict.divergence();
        let wrong = match (parted, violation, result) {
            (Some(divergence), ..) => Some(Wrong { kind: "lockstep", what: divergence.to_string() }),
            (None, Some(what), _) => Some(Wrong { kind: "violation", what }),
            (None, None, result) => result.err(),
        };
        if let (None, Some(rule)) = (&wrong, self.bench.planted.never_happened()) {
            return Err(CouldNotRun(format!("--fault is {rule}; it must be one that happens here")));
        }
        if let (None, Some(rule)) = (&wrong, never_struck(config, &self.bench)) {
            return Err(CouldNotRun(format!("--fault is {rule}; it must be one that happens here")));
        }
        let noticed = if self.options.faults.is_empty() { Vec::new() } else { self.notices(&stats, wrong.as_ref()) };
        let unnoticed = || (self.bench.planted.worst() == Some(Harm::Harmful) && noticed.is_empty()).then(|| self.unnoticed());
        let wrong = wrong.or_else(unnoticed);
        let waves = self.bench.finish_waves(wrong.as_ref().map(|wrong| (self.now(), wrong.what.as_str())))?;
        Ok(LoopbackReport { waves, ..self.report(config, cycles, wrong, noticed) })
    }

    /// All that noticed something.
    fn notices(&self, then: &Stats, wrong: Option<&Wrong>) -> Vec<Notice> {
        let mut notices: Vec<Notice> = wrong.map(|wrong| Notice::new(wrong.kind, wrong.what.clone())).into_iter().collect();
        notices.extend(host_notices(then, self.bench.platform.machine().stats()));
        notices.extend(card_notices(&self.bench.card));
        notices
    }

    /// A fault that may do harm went through, and nobody said a word.
    fn unnoticed(&self) -> Wrong {
        let records = self.bench.planted.records();
        let harmful = records.iter().find(|one| one.harm() == Harm::Harmful).map_or_else(String::new, ToString::to_string);
        Wrong { kind: "unnoticed", what: format!("{harmful}: a harmful fault was planted, and nobody noticed") }
    }

    fn now(&self) -> Cycle {
        self.bench.platform.machine().now()
    }

    fn send_all(&mut self) -> Result<(), Wrong> {
        if let Some(ring) = &mut self.ring {
            ring.start()?;
        }
        self.channel.start()?;
        let mut frames = Frames::new(&self.options.sizes, self.options.seed);
        let mut buffer = vec![0; self.options.sizes.max() as usize];
        let (mut sent, mut last) = (0, self.now());
        let mut waiting: Option<Vec<u8>> = None;
        while self.compared < self.options.frames {
            let before = (sent, self.compared);
            // The sink shows the last frame only: one at a time.
            let most = if self.options.to == Destination::Sink { self.compared + 1 } else { self.options.frames };
            while sent < most {
                let payload = match waiting.take() {
                    Some(payload) => payload,
                    None => frames.next(&mut buffer).to_vec(),
                };
                match self.channel.send(&payload, sent) {
                    Ok(_) => sent += 1,
                    Err(DriverError::WouldBlock { .. }) => {
                        waiting = Some(payload);
                        break;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.channel.reclaim()?;
            self.take()?;
            if before != (sent, self.compared) {
                last = self.now();
                continue;
            }
            if self.bench.platform.machine().violation().is_some() || self.bench.verdict.divergence().is_some() {
                return Ok(());
            }
            let still = self.now().since(last);
            if still >= Cycles(self.options.patience) {
                let what = format!("nothing has moved for {} clocks: {sent} frames sent, {} came out", still.0, self.compared);
                return Err(Wrong { kind: "liveness", what });
            }
            let now = Time::now(&self.bench.platform);
            self.bench.platform.pause(now.after(PAUSE_NS));
        }
        Ok(())
    }

    /// Takes and compares what has come out.
    fn take(&mut self) -> Result<(), Wrong> {
        match self.options.to {
            Destination::Loopback => self.take_ring(),
            Destination::Sink => self.take_sink(),
            Destination::Stream => self.take_stream(),
        }
    }

    fn take_ring(&mut self) -> Result<(), Wrong> {
        let Some(ring) = &mut self.ring else { return Ok(()) };
        while let Some(frame) = ring.poll()? {
            let number = self.compared;
            if number == self.options.frames {
                return Err(Wrong::divergence(number, "it was never sent"));
            }
            let sent = self.expected.next(&mut self.buffer);
            payload::compare(sent, [frame.head, frame.tail]).map_err(|what| Wrong::divergence(number, what))?;
            let (header, crc) = (frame.header, crc::crc32c(sent));
            if (header.sequence, header.flags, header.crc, header.channel) != (number, Flags(0), crc, self.options.c2h) {
                return Err(Wrong::divergence(number, format_args!("its header is {header:?}, CRC-32C is {crc:#010x}")));
            }
            self.compared += 1;
            self.bytes += sent.len() as u64;
        }
        Ok(())
    }

    fn take_sink(&mut self) -> Result<(), Wrong> {
        if self.channel.frames() == self.compared {
            return Ok(());
        }
        let sent = self.expected.next(&mut self.buffer);
        let seen = self.channel.checked()?;
        let (length, crc) = (sent.len() as u32, crc::crc32c(sent));
        if (seen.length, seen.crc) != (length, crc) {
            let what = format!("the sink saw {} bytes, CRC {:#010x}; sent {length}, {crc:#010x}", seen.length, seen.crc);
            return Err(Wrong::divergence(self.compared, what));
        }
        self.compared += 1;
        self.bytes += u64::from(length);
        Ok(())
    }

    fn take_stream(&mut self) -> Result<(), Wrong> {
        let out = self.bench.platform.machine().take_output(self.options.h2c.into());
        let carried = self.carry.len();
        self.carry.extend_from_slice(&out.bytes);
        let mut start = 0;
        for end in out.ends {
            let (number, end) = (self.compared, carried + end);
            if number == self.options.frames {
                return Err(Wrong::divergence(number, "it was never sent"));
            }
            let sent = self.expected.next(&mut self.buffer);
            payload::compare(sent, [&self.carry[start..end], &[]]).map_err(|what| Wrong::divergence(number, what))?;
            self.compared += 1;
            self.bytes += sent.len() as u64;
            start = end;
        }
        self.carry.drain(..start);
        Ok(())
    }

    /// Stops the channels, looks for what nobody sent, and closes the books.
    fn finish(&mut self) -> Result<(), Wrong> {
        let now = Time::now(&self.bench.platform);
        self.channel.wait(Until::AllSent, now.after(PAUSE_NS * 100))?;
        let (frames, bytes) = (self.channel.frames(), self.channel.bytes());
        let unsent = self.channel.stop()?;
        let stopped = self.ring.as_mut().map(RingChannel::stop).transpose()?;
        if self.options.to != Destination::Sink {
            self.take()?;
        }
        let wanted = (self.options.frames, self.bytes);
        if (frames, bytes) != wanted || !self.carry.is_empty() || unsent.descriptors > 0 {
            let what =
                format!("the card sent {frames} frames and {bytes} bytes, the host compared {} and {}; {unsent:?}", wanted.0, wanted.1);
            return Err(Wrong { kind: "conservation", what });
        }
        match stopped {
            Some(stopped) if (stopped.frames, stopped.dropped, stopped.discarded) != (self.options.frames, 0, 0) => {
                Err(Wrong { kind: "conservation", what: format!("the ring's channel ended with {stopped:?}") })
            }
            _ => Ok(()),
        }
    }

    fn report(&self, config: &RunConfig, cycles: Cycles, wrong: Option<Wrong>, noticed: Vec<Notice>) -> LoopbackReport {
        let failure = link_failure(&self.bench);
        let machine = self.bench.platform.machine();
        let ns = cycles.0 as f64 * f64::from(config.machine.clock_ps) / 1000.0;
        let finding = wrong.map(|wrong| LoopbackFinding {
            kind: wrong.kind,
            cycle: machine.now().0,
            what: wrong.what + &failure,
            trace: machine.trace().to_string().lines().take(TRACE).map(Into::into).collect(),
        });
        LoopbackReport {
            command: self.options.command(),
            passed: finding.is_none(),
            waves: None,
            finding,
            to: self.options.to.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string()),
            h2c: self.options.h2c,
            c2h: self.ring.is_some().then_some(self.options.c2h),
            sent: self.channel.submitted(),
            compared: self.compared,
            bytes: self.bytes,
            cycles: cycles.0,
            ns,
            payload_gbps: if ns > 0.0 { self.bytes as f64 * 8.0 / ns } else { 0.0 },
            faults: (!self.options.faults.is_empty()).then(|| FaultsPart::new(&self.bench.planted, &config.link_faults, &machine, noticed)),
            trace_digest: format!("{:016x}", machine.trace().digest()),
        }
    }
}
