//! The card-wide registers, and where in BAR0 the blocks lie.

use crate::c2h::{Channel, Write, join, snapshot};
use crate::perf::CardPerf;
use silico_spec::params::CardParams;
use silico_spec::registers::{MAP_MAJOR, MAP_MINOR, c2h, card};

/// Storage of the card-wide block.
#[derive(Clone, Debug, Default)]
pub(crate) struct CardRegisters {
    scratch: u64,
    scratch_staged: (u32, u32),
    cycles_shadow: u32,
    pub(crate) enable: bool,
    hole_writes: u32,
    pub(crate) perf: CardPerf,
    latched: CardPerf,
}

/// What a write to the card-wide block asks of the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) reset: bool,
    pub(crate) latch: bool,
    pub(crate) clear: bool,
    pub(crate) enable_changed: bool,
}

/// What the block shows of the rest of the card.
pub(crate) struct Shown<'a> {
    pub(crate) params: &'a CardParams,
    pub(crate) cycles: u64,
    pub(crate) channels: &'a [Channel],
}

impl CardRegisters {
    pub(crate) fn read(&mut self, offset: u32, shown: &Shown<'_>) -> u32 {
        let high = offset & 4 != 0;
        match offset {
            card::ID => card::ID_RESET as u32,
            card::MAP_VERSION => u32::from(MAP_MAJOR) << 16 | u32::from(MAP_MINOR),
            card::BUILD => shown.params.build,
            card::CAPS => caps(shown.params),
            card::FIFO_BYTES => shown.params.fifo_bytes,
            card::FIFO_FRAMES => shown.params.fifo_frames.into(),
            o if o & !4 == card::SCRATCH => half(self.scratch, high),
            o if o & !4 == card::CYCLES => snapshot(&mut self.cycles_shadow, shown.cycles, high),
            card::CONTROL => u32::from(self.enable),
            card::INT_STATUS => fired(shown.channels),
            card::ERROR_SUMMARY => shown.channels.iter().enumerate().fold(0, |bits, (i, channel)| bits | u32::from(channel.failed()) << i),
            card::HOLE_WRITES => self.hole_writes,
            _ => half(self.perf_register(offset & !4), high),
        }
    }

    fn perf_register(&self, offset: u32) -> u64 {
        let perf = &self.latched;
        match offset {
            card::PERF_CYCLES => perf.cycles,
            card::PERF_TX_BUSY => perf.tx_busy,
            card::PERF_TX_HELD => perf.tx_held,
            card::PERF_NO_CREDIT => perf.no_credit,
            card::PERF_TX_TLPS => perf.tx_tlps,
            card::PERF_RX_TLPS => perf.rx_tlps,
            card::PERF_INTERRUPTS => perf.interrupts,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, write: Write) -> Asked {
        let mut asked = Asked::default();
        match offset {
            o if o & !4 == card::SCRATCH => {
                if let Some(value) = join(&mut self.scratch_staged, self.scratch, o & 4 != 0, write) {
                    self.scratch = value;
                }
            }
            card::CONTROL => {
                let new = u64::from(write.over(self.enable.into()));
                let enable = card::control::ENABLE.get(new) != 0;
                asked.enable_changed = enable != self.enable;
                self.enable = enable;
                asked.reset = card::control::RESET.get(new) != 0;
            }
            card::PERF_CONTROL => {
                let bits = u64::from(write.over(0));
                asked.latch = card::perf_control::LATCH.get(bits) != 0;
                asked.clear = card::perf_control::CLEAR.get(bits) != 0;
            }
            _ => self.count_hole(),
        }
        asked
    }

    pub(crate) fn count_hole(&mut self) {
        self.hole_writes = self.hole_writes.saturating_add(1);
    }

    pub(crate) fn latch(&mut self) {
        self.latched = self.perf;
    }
}

/// Bit per channel and cause: signalled, and no message has taken it along.
fn fired(channels: &[Channel]) -> u32 {
    channels.iter().enumerate().fold(0, |bits, (index, channel)| {
        let [data, error] = channel.fired().map(|fired| u32::from(fired.is_some()));
        bits | data << index | error << (16 + index)
    })
}

fn caps(params: &CardParams) -> u32 {
    let word = card::caps::C2H_CHANNELS.set(0, params.c2h_channels.into());
    let word = card::caps::VECTORS_MINUS_ONE.set(word, u64::from(params.msix_vectors) - 1);
    card::caps::PORT_BYTES.set(word, params.width.bytes().into()) as u32
}

fn half(value: u64, high: bool) -> u32 {
    if high { (value >> 32) as u32 } else { value as u32 }
}

/// The channel block that `offset` of BAR0 lies in, and the offset within it.
pub(crate) fn channel_block(offset: u32) -> Option<(usize, u32)> {
    let within = offset.checked_sub(c2h::BASE)?;
    (within < c2h::COUNT * c2h::STRIDE).then_some(((within / c2h::STRIDE) as usize, within % c2h::STRIDE))
}
