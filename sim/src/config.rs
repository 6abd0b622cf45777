//! Everything that a machine can be told, with defaults and limits. Knows no behaviour.
//!
//! Host-side latencies are in nanoseconds and become cycles when the machine is built. Defaults follow measurements of pcie-bench (Neugebauer et
//! al., SIGCOMM 2018): a 64-byte read takes 413 ns warm and 480 ns cold over a Gen 3 ×8 link.

use crate::check::rule;
use crate::distribution::Distribution;
use crate::link::Generation;
use crate::link::dll::config::DllConfig;
use crate::link::stalls::Stalls;
use crate::link::starvation::Starvation;
use crate::root::ordering::{Ordering, Torn};
use silico_spec::credit::{Limit, data_credits};
use silico_spec::units::Cycles;

/// A whole machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// From which everything random descends.
    pub seed: u64,
    /// One clock of the port, in picoseconds.
    pub clock_ps: u32,
    /// The link.
    pub link: LinkConfig,
    /// The host.
    pub host: HostConfig,
    /// Records that the trace keeps.
    pub trace: usize,
    /// Rules whose violations are ignored; names of [`rule`]. Empty: all checkers are on.
    pub unchecked: Vec<&'static str>,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self { seed: 1, clock_ps: 4000, link: LinkConfig::default(), host: HostConfig::default(), trace: 64, unchecked: Vec::new() }
    }
}

/// The link and the root port at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Speed.
    pub generation: Generation,
    /// 1, 2, 4, 8 or 16.
    pub lanes: u8,
    /// Max_Payload_Size that the root port supports, in bytes: 128 to 1024.
    pub max_payload: u32,
    /// Max_Read_Request_Size that the OS sets, in bytes: 128 to 4096.
    pub max_read_request: u32,
    /// Read completion boundary of the root port in bytes: 64 or 128.
    pub rcb: u32,
    /// One way, transmitter to receiver, after serialisation; at least 1.
    pub latency: Cycles,
    /// Posted credits that the root port grants at first.
    pub posted: Limit,
    /// Non-posted credits that the root port grants at first.
    pub non_posted: Limit,
    /// Completion credits that the root port grants at first.
    pub completion: Limit,
    /// UpdateFC DLLPs leave the root port at multiples of this; a power of two.
    pub update_interval: Cycles,
    /// TLPs of the greatest size that the card-side transmit buffer holds; at least 2. When there is no room for one, the card is not ready.
    pub transmit_tlps: u32,
    /// From the release of reset to DL_Active.
    pub training: Cycles,
    /// Ack, Nak and replay, and what is damaged on the way.
    pub dll: DllConfig,
    /// How the root port gives credits back.
    pub starvation: Starvation,
    /// Clocks in which `tx_ready` is low, whatever the link could take.
    pub tx_stalls: Stalls,
    /// Clocks in which no beat is shown to the card: gaps between the beats of a TLP.
    pub rx_gaps: Stalls,
    /// Clocks between a TLP towards the card and the next one, beyond what the link needs; drawn anew each time, up to 1000000.
    pub rx_pause: Distribution,
    /// End-to-end CRC: enumeration switches it on in the card, what the root port sends carries a digest, and what the card sends must.
    pub ecrc: bool,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            generation: Generation::Gen3,
            lanes: 8,
            max_payload: 256,
            max_read_request: 512,
            rcb: 64,
            latency: Cycles(25),
            posted: Limit::initial(96, 1536),
            non_posted: Limit::initial(96, 96),
            completion: Limit::INFINITE,
            update_interval: Cycles(32),
            transmit_tlps: 4,
            training: Cycles(256),
            dll: DllConfig::default(),
            starvation: Starvation::Off,
            tx_stalls: Stalls::Off,
            rx_gaps: Stalls::Off,
            rx_pause: Distribution::Fixed(0),
            ecrc: false,
        }
    }
}

impl LinkConfig {
    /// The root port grants the least that PCIe 4.0 table 2-46 allows: in each class room for one TLP of the greatest size.
    #[must_use]
    pub const fn with_minimal_credits(mut self) -> Self {
        let largest = data_credits(self.max_payload);
        (self.posted, self.non_posted) = (Limit::initial(1, largest), Limit::initial(1, 1));
        self.completion = Limit::initial(1, largest);
        self
    }
}

/// Where DMA memory is placed on the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Below 4 GiB only: 3-dword headers.
    Low,
    /// From 4 GiB on only: 4-dword headers.
    High,
    /// Buffers up to 64 KiB low, larger ones high, each falling back on the other: both forms occur in one run.
    #[default]
    Mixed,
}

/// How the root complex splits the completions of one read (PCIe 4.0 §2.3.1.1: at the RCB only).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompletionSplit {
    /// As large as MPS lets them be.
    #[default]
    Largest,
    /// At every RCB.
    Smallest,
    /// At a random legal boundary.
    Random,
}

/// What CPU work costs, in nanoseconds. The machine charges `mmio_store` itself; the rest is for whoever plays the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCosts {
    /// A posted store to a BAR.
    pub mmio_store: u32,
    /// A load that hits the cache.
    pub cached_load: u32,
    /// A load of what the device wrote last.
    pub missed_load: u32,
    /// Handling a frame.
    pub per_frame: u32,
    /// Looking at 1 KiB of payload.
    pub per_kib: u32,
}

impl Default for CpuCosts {
    fn default() -> Self {
        Self { mmio_store: 10, cached_load: 1, missed_load: 80, per_frame: 30, per_kib: 40 }
    }
}

/// The host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// Bytes of DMA memory in all; committed only where touched.
    pub memory_bytes: u64,
    /// How many of them lie below 4 GiB.
    pub low_bytes: u64,
    /// Bytes left free after each allocation, so that an overrun hits nothing.
    pub guard_bytes: u64,
    /// Where allocations go.
    pub placement: Placement,
    /// BARs of 64 bits are placed below 4 GiB too, as by firmware that leaves "above 4G decoding" off: requests to the card have 3-dword headers.
    pub low_bars: bool,
    /// From the arrival of a write to its visibility, in ns.
    pub write_latency: Distribution,
    /// From the arrival of a read to its first completion, in ns.
    pub read_latency: Distribution,
    /// What an MMIO read costs beyond link and card, in ns.
    pub mmio_read_latency: Distribution,
    /// From the visibility of an interrupt message to the handler, in ns. Domain: 80 to 160 ns for MSI.
    pub interrupt_latency: Distribution,
    /// Completions of different reads may overtake each other.
    pub reorder: bool,
    /// Further freedoms of the ordering rules.
    pub ordering: Ordering,
    /// How the CPU may see half a write; `None`: each is seen whole.
    pub torn: Option<Torn>,
    /// How one read's completions are split.
    pub split: CompletionSplit,
    /// After which a request of ours is given up. PCIe 4.0 §2.8: 50 µs at least.
    pub completion_timeout: Cycles,
    /// How long a config request is repeated while the card answers CRS (PCIe 4.0 §2.3.1).
    pub retry_limit: Cycles,
    /// What CPU work costs.
    pub cpu: CpuCosts,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            low_bytes: 32 << 20,
            guard_bytes: 4096,
            placement: Placement::Mixed,
            low_bars: false,
            write_latency: Distribution::Uniform { min: 60, max: 100 },
            read_latency: Distribution::Tail { min: 180, half_life: 20, max: 600 },
            mmio_read_latency: Distribution::Fixed(150),
            interrupt_latency: Distribution::Uniform { min: 80, max: 160 },
            reorder: true,
            ordering: Ordering::default(),
            torn: None,
            split: CompletionSplit::Largest,
            completion_timeout: Cycles(25_000),
            retry_limit: Cycles(25_000_000),
            cpu: CpuCosts::default(),
        }
    }
}

/// A value out of its limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("machine configuration `{field}` is {value}; it must be {rule}")]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What would be right.
    pub rule: &'static str,
}

pub(crate) fn check(ok: bool, field: &'static str, value: impl ToString, rule: &'static str) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError { field, value: value.to_string(), rule }) }
}

impl MachineConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first one that is out of its limits.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check((500..=100_000).contains(&self.clock_ps), "clock_ps", self.clock_ps, "500 to 100000 picoseconds")?;
        check((1..=1 << 20).contains(&self.trace), "trace", self.trace, "1 to 1048576 records")?;
        let unknown = self.unchecked.iter().find(|name| !rule::ALL.contains(name));
        check(unknown.is_none(), "unchecked", unknown.unwrap_or(&""), "names of rules (silico_sim::check::rule)")?;
        self.link.validate()?;
        self.host.validate()
    }
}

impl LinkConfig {
    fn validate(&self) -> Result<(), ConfigError> {
        let power = |value: u32, low, high| value.is_power_of_two() && (low..=high).contains(&value);
        check(self.lanes <= 16 && self.lanes.is_power_of_two(), "link.lanes", self.lanes, "1, 2, 4, 8 or 16")?;
        check(power(self.max_payload, 128, 1024), "link.max_payload", self.max_payload, "128, 256, 512 or 1024 bytes")?;
        check(
            power(self.max_read_request, 128, 4096),
            "link.max_read_request",
            self.max_read_request,
            "a power of two, 128 to 4096 bytes",
        )?;
        check(power(self.rcb, 64, 128), "link.rcb", self.rcb, "64 or 128 bytes")?;
        check((1..=100_000).contains(&self.latency.0), "link.latency", self.latency.0, "1 to 100000 cycles")?;
        let interval = self.update_interval.0;
        check(interval.is_power_of_two() && interval <= 4096, "link.update_interval", interval, "a power of two up to 4096 cycles")?;
        check((2..=64).contains(&self.transmit_tlps), "link.transmit_tlps", self.transmit_tlps, "2 to 64")?;
        check((1..=1 << 32).contains(&self.training.0), "link.training", self.training.0, "1 to 2^32 cycles")?;
        self.dll.validate(self.latency)?;
        self.starvation.validate()?;
        self.tx_stalls.validate("link.tx_stalls")?;
        self.rx_gaps.validate("link.rx_gaps")?;
        let pause = self.rx_pause.is_sound() && self.rx_pause.max() <= 1_000_000;
        check(pause, "link.rx_pause", format!("{:?}", self.rx_pause), "min <= max <= 1000000 cycles, half_life above 0")?;
        let largest = data_credits(self.max_payload);
        check_limit(
            &self.posted,
            largest,
            "link.posted",
            "1 to 127 headers and up to 2047 data credits, enough for one TLP of max_payload",
        )?;
        check_limit(
            &self.completion,
            largest,
            "link.completion",
            "1 to 127 headers and up to 2047 data credits, enough for one TLP of max_payload",
        )?;
        check_limit(&self.non_posted, 1, "link.non_posted", "1 to 127 headers and 1 to 2047 data credits")
    }
}

/// PCIe 4.0 §2.6.1: limits of what a receiver may advertise.
fn check_limit(limit: &Limit, least: u16, field: &'static str, rule: &'static str) -> Result<(), ConfigError> {
    let headers = limit.headers().is_none_or(|headers| (1..=127).contains(&headers));
    let data = limit.data().is_none_or(|data| (least..=2047).contains(&data));
    check(headers && data, field, format!("{:?} headers, {:?} data", limit.headers(), limit.data()), rule)
}

impl HostConfig {
    /// Most bytes of memory: the BARs of 64 bits begin above.
    pub const MAX_MEMORY: u64 = 64 << 30;
    /// Most bytes below 4 GiB.
    pub const MAX_LOW: u64 = 2 << 30;

    fn validate(&self) -> Result<(), ConfigError> {
        let memory = (64 << 10..=Self::MAX_MEMORY).contains(&self.memory_bytes) && self.memory_bytes.is_multiple_of(4096);
        check(memory, "host.memory_bytes", self.memory_bytes, "a multiple of 4096, 64 KiB to 64 GiB")?;
        let low = self.low_bytes <= self.memory_bytes.min(Self::MAX_LOW) && self.low_bytes.is_multiple_of(4096);
        check(low, "host.low_bytes", self.low_bytes, "a multiple of 4096, at most memory_bytes and 2 GiB")?;
        let low_only = self.placement != Placement::Low || self.low_bytes > 0;
        check(low_only, "host.low_bytes", self.low_bytes, "above 0 with placement Low")?;
        let high_only = self.placement != Placement::High || self.low_bytes < self.memory_bytes;
        check(high_only, "host.low_bytes", self.low_bytes, "below memory_bytes with placement High")?;
        check(self.guard_bytes <= 1 << 20, "host.guard_bytes", self.guard_bytes, "at most 1048576")?;
        for (field, distribution) in [
            ("host.write_latency", &self.write_latency),
            ("host.read_latency", &self.read_latency),
            ("host.mmio_read_latency", &self.mmio_read_latency),
            ("host.interrupt_latency", &self.interrupt_latency),
        ] {
            check(distribution.is_sound(), field, format!("{distribution:?}"), "min <= max <= 1000000000 ns, half_life above 0")?;
        }
        self.ordering.validate()?;
        if let Some(torn) = &self.torn {
            torn.validate()?;
        }
        let timeout = self.completion_timeout.0;
        check((100..=1 << 40).contains(&timeout), "host.completion_timeout", timeout, "100 to 2^40 cycles")?;
        check(self.retry_limit.0 <= 1 << 40, "host.retry_limit", self.retry_limit.0, "at most 2^40 cycles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::dll::config::Occurrence;
    use rstest::rstest;

    #[test]
    fn the_default_is_legal() {
        assert_eq!(MachineConfig::default().validate(), Ok(()));
    }

    #[rstest]
    #[case("clock_ps", |c: &mut MachineConfig| c.clock_ps = 0)]
    #[case("trace", |c: &mut MachineConfig| c.trace = 0)]
    #[case("unchecked", |c: &mut MachineConfig| c.unchecked = vec!["no such rule"])]
    #[case("link.lanes", |c: &mut MachineConfig| c.link.lanes = 3)]
    #[case("link.lanes", |c: &mut MachineConfig| c.link.lanes = 32)]
    #[case("link.max_payload", |c: &mut MachineConfig| c.link.max_payload = 2048)]
    #[case("link.max_read_request", |c: &mut MachineConfig| c.link.max_read_request = 100)]
    #[case("link.rcb", |c: &mut MachineConfig| c.link.rcb = 32)]
    #[case("link.latency", |c: &mut MachineConfig| c.link.latency = Cycles(0))]
    #[case("link.update_interval", |c: &mut MachineConfig| c.link.update_interval = Cycles(33))]
    #[case("link.transmit_tlps", |c: &mut MachineConfig| c.link.transmit_tlps = 1)]
    #[case("link.training", |c: &mut MachineConfig| c.link.training = Cycles(0))]
    #[case("link.posted", |c: &mut MachineConfig| c.link.posted = Limit::initial(1, 15))]
    #[case("link.posted", |c: &mut MachineConfig| c.link.posted = Limit::initial(128, 100))]
    #[case("link.non_posted", |c: &mut MachineConfig| c.link.non_posted = Limit::initial(0, 1))]
    #[case("link.completion", |c: &mut MachineConfig| c.link.completion = Limit::initial(8, 2048))]
    #[case("link.dll.to_host.lcrc", |c: &mut MachineConfig| c.link.dll.to_host.lcrc = Occurrence::nth(0))]
    #[case("link.dll.to_host.lost", |c: &mut MachineConfig| c.link.dll.to_host.lost = Occurrence::PerMillion(0))]
    #[case("link.dll.to_host.ack", |c: &mut MachineConfig| c.link.dll.to_host.ack = Occurrence::PerMillion(1_000_001))]
    #[case("link.dll.to_host.update_fc", |c: &mut MachineConfig| c.link.dll.to_host.update_fc = Occurrence::nth(0))]
    #[case("link.dll.to_card.lcrc", |c: &mut MachineConfig| c.link.dll.to_card.lcrc = Occurrence::Span { first: 1, count: 0 })]
    #[case("link.dll.to_card.lost", |c: &mut MachineConfig| c.link.dll.to_card.lost = Occurrence::nth(0))]
    #[case("link.dll.to_card.ack", |c: &mut MachineConfig| c.link.dll.to_card.ack = Occurrence::nth(0))]
    #[case("link.dll.to_card.update_fc", |c: &mut MachineConfig| c.link.dll.to_card.update_fc = Occurrence::nth(0))]
    #[case("link.dll.ack_latency", |c: &mut MachineConfig| c.link.dll.ack_latency = Some(Cycles(100_001)))]
    #[case("link.dll.replay_timer", |c: &mut MachineConfig| c.link.dll.replay_timer = Some(Cycles(49)))]
    #[case("link.dll.replay_tlps", |c: &mut MachineConfig| c.link.dll.replay_tlps = Some(1))]
    #[case("link.dll.replay_tlps", |c: &mut MachineConfig| c.link.dll.replay_tlps = Some(2048))]
    #[case("link.dll.retrain", |c: &mut MachineConfig| c.link.dll.retrain = Cycles(0))]
    #[case("link.starvation", |c: &mut MachineConfig| c.link.starvation = Starvation::Withhold { per_mille: 0, longest: Cycles(5) })]
    #[case("link.starvation", |c: &mut MachineConfig| c.link.starvation = Starvation::OneByOne { spacing: Cycles(0) })]
    #[case("link.tx_stalls", |c: &mut MachineConfig| c.link.tx_stalls = Stalls::Random { per_mille: 1000 })]
    #[case("link.tx_stalls", |c: &mut MachineConfig| c.link.tx_stalls = Stalls::Bursts { period: 10, longest: 10 })]
    #[case("link.rx_gaps", |c: &mut MachineConfig| c.link.rx_gaps = Stalls::Every { clocks: 1 })]
    #[case("link.rx_gaps", |c: &mut MachineConfig| c.link.rx_gaps = Stalls::AllBut { clocks: 0 })]
    #[case("link.rx_pause", |c: &mut MachineConfig| c.link.rx_pause = Distribution::Fixed(1_000_001))]
    #[case("host.ordering.relaxed_latency", |c: &mut MachineConfig| c.host.ordering.relaxed_latency = Some(Distribution::Uniform { min: 2, max: 1 }))]
    #[case("host.ordering.late", |c: &mut MachineConfig| c.host.ordering.late = 1_000_001)]
    #[case("host.torn.grain", |c: &mut MachineConfig| c.host.torn = Some(Torn { grain: 2, ..Torn::default() }))]
    #[case("host.torn.span", |c: &mut MachineConfig| c.host.torn = Some(Torn { span: Distribution::Uniform { min: 2, max: 1 }, ..Torn::default() }))]
    #[case("host.memory_bytes", |c: &mut MachineConfig| c.host.memory_bytes = 1000)]
    #[case("host.low_bytes", |c: &mut MachineConfig| c.host.low_bytes = 1 << 40)]
    #[case("host.low_bytes", |c: &mut MachineConfig| (c.host.low_bytes, c.host.placement) = (0, Placement::Low))]
    #[case("host.guard_bytes", |c: &mut MachineConfig| c.host.guard_bytes = 1 << 30)]
    #[case("host.read_latency", |c: &mut MachineConfig| c.host.read_latency = Distribution::Uniform { min: 2, max: 1 })]
    #[case("host.completion_timeout", |c: &mut MachineConfig| c.host.completion_timeout = Cycles(1))]
    #[case("host.retry_limit", |c: &mut MachineConfig| c.host.retry_limit = Cycles(u64::MAX))]
    fn each_bad_field_is_named(#[case] field: &str, #[case] spoil: fn(&mut MachineConfig)) {
        let mut config = MachineConfig::default();
        spoil(&mut config);
        let error = config.validate().unwrap_err();
        assert_eq!(error.field, field);
        assert!(error.to_string().contains(&error.value) && error.to_string().contains(error.rule));
    }
}
