//! Card, link and host of a case as plain data; [`MachineShape::config`] makes something legal of whatever the numbers are.

use super::uniform;
use crate::link::LinkShape;
use serde::{Deserialize, Serialize};
use silico_driver::platform::InterruptKind;
use silico_sim::{CompletionSplit, CpuCosts, Generation, HostConfig, LinkConfig, MachineConfig, Placement};
use silico_spec::credit::{Limit, data_credits};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::units::Cycles;

/// A CPU whose work takes no time.
const IDLE_CPU: CpuCosts = CpuCosts { mmio_store: 0, cached_load: 0, missed_load: 0, per_frame: 0, per_kib: 0 };

/// Card and host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MachineShape {
    pub(crate) seed: u64,
    pub(crate) generation: u8,
    pub(crate) link_lanes_log2: u8,
    pub(crate) mps_log2: u8,
    /// One way, in clocks.
    pub(crate) latency: u64,
    /// Posted headers and data credits beyond the legal minimum; `None`: infinite.
    pub(crate) posted: Option<(u8, u16)>,
    pub(crate) update_log2: u8,
    pub(crate) transmit_tlps: u32,
    pub(crate) width_log2: u8,
    pub(crate) fifo_log2: u8,
    pub(crate) fifo_frames: u16,
    /// From and to, in ns.
    pub(crate) write_ns: (u32, u32),
    pub(crate) interrupt_ns: (u32, u32),
    pub(crate) mmio_read_ns: (u32, u32),
    /// 0 low, 1 high, 2 mixed.
    pub(crate) placement: u8,
    /// 0 MSI-X, 1 MSI, 2 INTx.
    #[serde(default)]
    pub(crate) interrupts: u8,
    /// BARs lie below 4 GiB.
    #[serde(default)]
    pub(crate) low_bars: bool,
    #[serde(default)]
    pub(crate) reads: ReadShape,
    #[serde(default)]
    pub(crate) link: LinkShape,
    /// CPU work costs nothing, and the trace is kept: what passes is the card's doing alone.
    #[serde(default)]
    pub(crate) steady: bool,
}

/// What the card's reads meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReadShape {
    pub(crate) mrrs_log2: u8,
    pub(crate) rcb_128: bool,
    /// Non-posted headers and data credits beyond one of each; `None`: infinite.
    pub(crate) non_posted: Option<(u8, u8)>,
    /// Completion headers and data credits beyond the legal minimum; `None`: infinite.
    pub(crate) completion: Option<(u8, u16)>,
    /// From and to, in ns.
    pub(crate) read_ns: (u32, u32),
    pub(crate) reorder: bool,
    /// 0 largest, 1 smallest, 2 random.
    pub(crate) split: u8,
    /// Of the card.
    pub(crate) tags: u16,
    pub(crate) buffer_log2: u8,
    pub(crate) np_depth: u8,
}

impl Default for ReadShape {
    /// As machines were before reads were drawn.
    fn default() -> Self {
        Self {
            mrrs_log2: 9,
            rcb_128: false,
            non_posted: Some((95, 95)),
            completion: None,
            read_ns: (180, 600),
            reorder: true,
            split: 2,
            tags: 256,
            buffer_log2: 16,
            np_depth: 8,
        }
    }
}

impl MachineShape {
    /// The kind of interrupt that the driver is held to.
    pub(crate) const fn irqs(&self) -> InterruptKind {
        match self.interrupts % 3 {
            0 => InterruptKind::MsiX,
            1 => InterruptKind::Msi,
            _ => InterruptKind::Intx,
        }
    }

    pub(crate) fn mps(&self) -> u32 {
        1 << self.mps_log2.clamp(7, 10)
    }

    pub(crate) fn card(&self, lanes: usize, senders: usize) -> CardParams {
        CardParams {
            h2c_channels: (senders as u8).max(1),
            read_tags: self.reads.tags.clamp(1, 256),
            h2c_buffer_bytes: 1 << self.reads.buffer_log2.clamp(13, 20),
            np_depth: self.reads.np_depth.clamp(1, 64),
            width: DataWidth::from_bits(64 << self.width_log2.min(3)).expect("64 to 512"),
            c2h_channels: lanes as u8,
            fifo_bytes: 1 << self.fifo_log2.clamp(11, 20),
            fifo_frames: self.fifo_frames.clamp(2, 1024),
            ..CardParams::default()
        }
    }

    pub(crate) fn config(&self) -> MachineConfig {
        let largest = data_credits(self.mps());
        let posted = self.posted.map(|(headers, data)| Limit::initial((1 + headers).min(127), (largest + data).min(2047)));
        let mut config = MachineConfig {
            seed: self.seed,
            link: LinkConfig {
                generation: Generation::from_number(self.generation.clamp(1, 5)).expect("1 to 5"),
                lanes: 1 << self.link_lanes_log2.min(4),
                max_payload: self.mps(),
                max_read_request: 1 << self.reads.mrrs_log2.clamp(7, 12),
                rcb: if self.reads.rcb_128 { 128 } else { 64 },
                non_posted: self
                    .reads
                    .non_posted
                    .map_or(Limit::INFINITE, |(headers, data)| Limit::initial((1 + headers).min(127), 1 + u16::from(data))),
                completion: self
                    .reads
                    .completion
                    .map_or(Limit::INFINITE, |(headers, data)| Limit::initial((1 + headers).min(127), (largest + data).min(2047))),
                latency: Cycles(self.latency.max(1)),
                posted: posted.unwrap_or(Limit::INFINITE),
                update_interval: Cycles(1 << self.update_log2.min(9)),
                transmit_tlps: self.transmit_tlps.clamp(2, 64),
                ..LinkConfig::default()
            },
            host: HostConfig {
                placement: [Placement::Low, Placement::High, Placement::Mixed][usize::from(self.placement % 3)],
                low_bars: self.low_bars,
                write_latency: uniform(self.write_ns),
                interrupt_latency: uniform(self.interrupt_ns),
                mmio_read_latency: uniform(self.mmio_read_ns),
                read_latency: uniform(self.reads.read_ns),
                reorder: self.reads.reorder,
                cpu: if self.steady { IDLE_CPU } else { CpuCosts::default() },
                split: [CompletionSplit::Largest, CompletionSplit::Smallest, CompletionSplit::Random][usize::from(self.reads.split % 3)],
                ..HostConfig::default()
            },
            trace: if self.steady { 4096 } else { 64 },
            ..MachineConfig::default()
        };
        self.link.apply(&mut config);
        config
    }

    /// Clocks within which the card gets one more read answered, however few credits and tags it has.
    pub(crate) fn clocks_per_read(&self) -> u64 {
        let config = self.config();
        let wire = f64::from(config.link.max_read_request.min(512) * 2 + 200) * 8.0
            / config.link.tlp_gbps()
            / (f64::from(config.clock_ps) / 1000.0);
        let read = u64::from(self.reads.read_ns.0.max(self.reads.read_ns.1)) * 1000 / u64::from(config.clock_ps);
        wire as u64 + read + 2 * self.clocks_per_tlp()
    }

    /// Clocks within which the card gets one more TLP through, however few credits it has: serialised, over the link, made visible, and the update
    /// back, if there is one to wait for.
    pub(crate) fn clocks_per_tlp(&self) -> u64 {
        let config = self.config();
        let bytes = f64::from(self.mps() + 24) * 8.0;
        let wire = bytes / config.link.tlp_gbps() / (f64::from(config.clock_ps) / 1000.0);
        let write = u64::from(self.write_ns.0.max(self.write_ns.1)) * 1000 / u64::from(config.clock_ps);
        wire as u64
            + 2 * config.link.latency.0
            + write
            + config.link.update_interval.0
            + u64::from(self.mps() / 8)
            + 16
            + self.link.clocks_per_tlp(self.mps().into())
    }
}
