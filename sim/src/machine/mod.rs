//! The machine: joins the parts, owns the card and the clock. Each thing that it does is in a file of its own: [`run`] moves time,
//! [`receive`] takes TLPs from the card, [`send`] gives it some, [`link`] loses and replays them, [`access`] is what a CPU does, [`state`] resets and brings up,
//! [`fork`] makes two of one.

mod access;
mod fork;
mod link;
mod receive;
mod run;
mod send;
mod slot;
mod state;

pub use slot::{ForkPort, Slot};

use crate::check::tags::Tags;
use crate::check::{Finding, Violation};
use crate::config::{ConfigError, MachineConfig};
use crate::cpu::CpuClock;
use crate::distribution::{Distribution, stream};
use crate::fault::LinkSwitch;
use crate::front::{Feeds, FrameSource};
use crate::link::FRAMING;
use crate::link::credits::Grants;
use crate::link::dll::Direction;
use crate::link::downlink::Downlink;
use crate::link::serializer::Serializer;
use crate::link::stalls::{Pattern, Stalls};
use crate::memory::{Cursor, HostMemory};
use crate::root::bridge::Bridge;
use crate::root::completer::Completer;
use crate::root::enumerate::Function;
use crate::root::interrupts::Interrupts;
use crate::root::posted::Posted;
use crate::root::requester::Requester;
use crate::root::shadow::Shadow;
use crate::stats::Stats;
use crate::trace::{Trace, Way};
use silico_spec::credit::Limits;
use silico_spec::generator::XorShift64;
use silico_spec::params::{DataWidth, MAX_C2H};
use silico_spec::port::{OutStream, Response, Stimulus, TlpBuf};
use silico_spec::units::{Cycle, Cycles};
use std::fmt;
use std::sync::Arc;

/// A host with one card in it.
pub struct Machine {
    config: MachineConfig,
    now: Cycle,
    card: Slot,
    /// Of the card's port.
    width: DataWidth,
    stimulus: Stimulus,
    response: Response,
    /// What the card drives, to notice changes.
    card_credits: Option<Limits>,
    /// From the card.
    uplink: Uplink,
    grants: Grants,
    tags: Tags,
    /// To the card.
    downlink: Downlink,
    /// Clocks in which the streams stand still: from the card, and to it.
    stalls: [Pattern; 2],
    /// Some of them are not off.
    is_stalling: bool,
    /// Between TLPs towards the card, when the last one is there at the earliest, and chance.
    rx_pause: (Distribution, Cycle, XorShift64),
    /// When the link goes down by surprise.
    down_at: Cycle,
    /// How long it stays down then; `None`: until it is trained anew.
    down_for: Option<Cycles>,
    /// Why it did, if by itself.
    link_failure: Option<Way>,
    posted: Posted,
    completer: Completer,
    pub(crate) requester: Requester,
    interrupts: Interrupts,
    mmio_latency: Distribution,
    mmio_random: XorShift64,
    memory: Arc<HostMemory>,
    cursor: Cursor,
    /// Writes that became visible where somebody polls, and how many of them `pause` has told of.
    wakes: u64,
    told: u64,
    /// Writes that became visible anywhere.
    writes: u64,
    pub(crate) bridge: Bridge,
    pub(crate) shadow: Shadow,
    pub(crate) function: Option<Function>,
    feeds: Feeds,
    /// By which a fault at the port takes the link down, and when it comes back after that.
    link_switch: Option<LinkSwitch>,
    link_back_at: Cycle,
    cpu: Arc<CpuClock>,
    /// CPU time below a clock, in picoseconds.
    cpu_rest: u64,
    violation: Option<Violation>,
    stats: Stats,
    trace: Trace,
}

/// The card's transmitter: a buffer of a few TLPs in front of the wire.
#[derive(Clone, Debug)]
struct Uplink {
    wire: Serializer,
    /// Bytes that may wait so that a TLP of the greatest size still fits.
    room: u32,
    dll: Option<Box<Direction<TlpBuf>>>,
    ready: link::Ready,
    /// Up to here, clocks in which the card had to wait are counted.
    counted: Cycle,
}

impl Machine {
    /// Builds a machine around `card`, held in reset with the link down. `front_ends`: channels that can be fed.
    ///
    /// # Errors
    /// If the configuration is out of its limits.
    pub fn new(config: MachineConfig, card: impl Into<Slot>, front_ends: usize) -> Result<Self, ConfigError> {
        let card = card.into();
        config.validate()?;
        if front_ends > MAX_C2H {
            return Err(ConfigError { field: "front_ends", value: front_ends.to_string(), rule: "at most 16" });
        }
        let memory = HostMemory::new(&config.host)?;
        let (link, host, seed, clock) = (&config.link, &config.host, config.seed, config.clock_ps);
        let wire = Serializer::new(link.byte_time(clock));
        let (up, down) = link::directions(&config);
        let pattern = |stalls, usage| Pattern::new(stalls, stream(seed, usage).step());
        let mut stimulus = Stimulus::new(front_ends);
        (stimulus.reset, stimulus.link_up) = (true, false);
        Ok(Self {
            now: Cycle(0),
            width: card.width(),
            card,
            stimulus,
            response: Response::default(),
            card_credits: None,
            uplink: Uplink {
                wire,
                room: (link.transmit_tlps - 1) * (link.max_payload + 20 + FRAMING + 4 * u32::from(link.ecrc)),
                dll: up,
                ready: link::Ready::default(),
                counted: Cycle(0),
            },
            grants: Grants::new(link, clock, seed),
            tags: Tags::new(),
            downlink: Downlink::new(&config, link.byte_time(clock), down),
            stalls: [pattern(link.tx_stalls, 12), pattern(link.rx_gaps, 13)],
            is_stalling: (link.tx_stalls, link.rx_gaps) != (Stalls::Off, Stalls::Off),
            rx_pause: (link.rx_pause, Cycle(0), stream(seed, 14)),
            down_at: Cycle::NEVER,
            down_for: None,
            link_failure: None,
            posted: Posted::new(host, clock, seed),
            completer: Completer::new(host, clock, link.rcb, seed),
            requester: Requester::new(),
            interrupts: Interrupts::new(host.interrupt_latency.ns_to_cycles(clock), stream(seed, 4)),
            mmio_latency: host.mmio_read_latency.ns_to_cycles(clock),
            mmio_random: stream(seed, 5),
            cursor: Cursor::new(memory.clone()),
            memory,
            wakes: 0,
            told: 0,
            writes: 0,
            bridge: Bridge::default(),
            shadow: Shadow::new(config.link.ecrc),
            function: None,
            feeds: Feeds::new(),
            link_switch: None,
            link_back_at: Cycle::NEVER,
            cpu: Arc::default(),
            cpu_rest: 0,
            violation: None,
            stats: Stats::default(),
            trace: Trace::new(config.trace),
            config,
        })
    }

    /// The present.
    #[must_use]
    pub const fn now(&self) -> Cycle {
        self.now
    }

    /// What the machine was built with.
    #[must_use]
    pub const fn config(&self) -> &MachineConfig {
        &self.config
    }

    /// The host's DMA memory; needs no lock of the machine.
    #[must_use]
    pub fn memory(&self) -> Arc<HostMemory> {
        self.memory.clone()
    }

    /// CPU time that was spent and has not run yet.
    #[must_use]
    pub fn cpu(&self) -> Arc<CpuClock> {
        self.cpu.clone()
    }

    /// The card's function, as enumerated; `None` before and after a reset.
    #[must_use]
    pub const fn function(&self) -> Option<&Function> {
        self.function.as_ref()
    }

    /// Connects a source of frames to a front end, replacing the one before.
    ///
    /// # Errors
    /// If there is no such front end.
    pub fn try_feed(&mut self, channel: usize, source: Box<dyn FrameSource + Send>) -> Result<(), ConfigError> {
        if channel >= self.stimulus.front.len() {
            return Err(ConfigError { field: "channel", value: channel.to_string(), rule: "below the number of front ends" });
        }
        self.feeds.set(channel, source, &mut self.stimulus);
        Ok(())
    }

    /// As [`Machine::try_feed`].
    ///
    /// # Panics
    /// If there is no such front end.
    pub fn feed(&mut self, channel: usize, source: Box<dyn FrameSource + Send>) {
        if let Err(error) = self.try_feed(channel, source) {
            panic!("{error}");
        }
    }

    /// Takes what came out of host-to-card channel `channel`'s output stream since the last call. It is kept until somebody does.
    pub fn take_output(&mut self, channel: usize) -> OutStream {
        let Some(out) = self.stimulus.out.get_mut(channel) else { return OutStream::default() };
        let ready_at = out.ready_at;
        std::mem::replace(out, OutStream { ready_at, ..OutStream::default() })
    }

    /// All sources are finished and their frames have passed into the card.
    #[must_use]
    pub fn front_idle(&self) -> bool {
        self.feeds.idle(&self.stimulus)
    }

    /// Bit per channel: BUSY towards the front end, as the card drives it.
    #[must_use]
    pub const fn front_busy(&self) -> u16 {
        self.response.front_busy
    }

    /// The first rule that was broken.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// For checkers outside: a rule was broken. The first report is kept.
    pub fn report(&mut self, violation: Violation) {
        if self.config.unchecked.contains(&violation.rule) {
            return;
        }
        self.stats.violations += 1;
        self.violation.get_or_insert(violation);
    }

    #[cold]
    fn found(&mut self, cycle: Cycle, (rule, what): Finding) {
        self.report(Violation { rule, cycle, what });
    }

    /// Counters.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What passed the link.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Bit per pin, INTA first: levels that Assert_INTx and Deassert_INTx messages left.
    #[must_use]
    pub const fn intx_levels(&self) -> u8 {
        self.interrupts.levels()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine {{ now: {}, function: {:?}, violation: {:?} }}", self.now, self.function, self.violation)
    }
}
