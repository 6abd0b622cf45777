//! The card-wide registers, and where in BAR0 the blocks lie.

use crate::c2h::progress::{Causes, vector};
use crate::c2h::{Channel, Write, join, snapshot};
use crate::h2c;
use crate::perf::CardPerf;
use crate::read::Tally;
use silico_spec::params::CardParams;
use silico_spec::registers::{self, MAP_MAJOR, MAP_MINOR, c2h, card};

/// Storage of the card-wide block.
#[derive(Clone, Debug, Default)]
pub(crate) struct CardRegisters {
    scratch: u64,
    scratch_staged: (u32, u32),
    cycles_shadow: u32,
    pub(crate) enable: bool,
    hole_writes: u32,
    /// The card cause fired, with this vector, and its message has not gone out.
    pub(crate) fired_card: Option<u16>,
    int_card: u32,
    pub(crate) error_mask: u32,
    /// The card cause has its condition.
    alarmed: bool,
    /// Reads that ran out of time.
    pub(crate) timed_out: u16,
    pub(crate) perf: CardPerf,
    latched: CardPerf,
}

/// What a write to the card-wide block asks of the card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) reset: bool,
    pub(crate) latch: bool,
    pub(crate) clear: bool,
    /// Causes that were served, as in `INT_ACK` and `INT_ACK_2`.
    pub(crate) acknowledged: [u32; 2],
}

/// What the block shows of the rest of the card.
pub(crate) struct Shown<'a> {
    pub(crate) params: &'a CardParams,
    pub(crate) cycles: u64,
    pub(crate) channels: &'a [Channel],
    pub(crate) h2c: &'a [h2c::Channel],
    pub(crate) tags: Tally,
}

impl Shown<'_> {
    fn error_summary(&self) -> u32 {
        error_summary(self.channels, self.h2c)
    }
}

/// Bit per channel in the error state, as `ERROR_SUMMARY` shows them.
pub(crate) fn error_summary(channels: &[Channel], h2c: &[h2c::Channel]) -> u32 {
    let c2h = channels.iter().enumerate().fold(0, |bits, (i, channel)| bits | u32::from(channel.failed()) << i);
    let h2c = h2c.iter().enumerate().fold(0, |bits, (i, channel)| bits | u32::from(channel.failed()) << i);
    card::error_summary::H2C.set(c2h.into(), h2c.into()) as u32
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
            card::ELINKS => shown.params.elinks.into(),
            card::FIFO_FRAMES => shown.params.fifo_frames.into(),
            o if o & !4 == card::SCRATCH => half(self.scratch, high),
            o if o & !4 == card::CYCLES => snapshot(&mut self.cycles_shadow, shown.cycles, high),
            card::CONTROL => u32::from(self.enable),
            card::INT_STATUS => fired(shown.channels),
            card::ERROR_SUMMARY => shown.error_summary() | self.bad_vector(shown.params.msix_vectors),
            card::HOLE_WRITES => self.hole_writes,
            card::INT_STATUS_2 => self.int_status_2(shown.h2c),
            card::READ_TAGS => {
                let word = card::read_tags::TAGS.set(0, shown.tags.all as u64);
                card::read_tags::IN_USE.set(word, shown.tags.in_use as u64) as u32
            }
            card::READ_QUARANTINE => {
                let word = card::read_quarantine::TAGS.set(0, shown.tags.quarantined as u64);
                card::read_quarantine::TOTAL.set(word, self.timed_out.into()) as u32
            }
            card::INT_CARD => self.int_card,
            card::ERROR_MASK => self.error_mask,
            _ => half(self.perf_register(offset & !4), high),
        }
    }

    fn int_status_2(&self, h2c: &[h2c::Channel]) -> u32 {
        let bits =
            |cause: usize| h2c.iter().enumerate().fold(0, |bits, (i, channel)| bits | u64::from(channel.fired()[cause].is_some()) << i);
        let word = card::int_status_2::H2C_SPACE.set(0, bits(0));
        let word = card::int_status_2::H2C_ERROR.set(word, bits(1));
        card::int_status_2::CARD.set(word, self.fired_card.is_some().into()) as u32
    }

    /// Follows ERROR_SUMMARY. Returns the vector of the card cause if it fires: enabled, and a bit of the mask newly met.
    pub(crate) fn alarm(&mut self, summary: u32) -> Option<u16> {
        let vector = vector(self.int_card).filter(|_| summary & self.error_mask != 0);
        let before = std::mem::replace(&mut self.alarmed, vector.is_some());
        vector.filter(|_| !before)
    }

    /// The bit of `ERROR_SUMMARY` that tells of a vector that the card, which has `vectors`, does not have.
    pub(crate) fn bad_vector(&self, vectors: u16) -> u32 {
        let bad = vector(self.int_card).is_some_and(|vector| vector >= vectors);
        card::error_summary::VECTOR.set(0, bad.into()) as u32
    }

    /// The card cause has its condition.
    pub(crate) fn is_alarmed(&self) -> bool {
        self.alarmed
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
            card::PERF_NO_TAG => perf.no_tag,
            card::PERF_RX_BUSY => perf.rx_busy,
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
                self.enable = enable;
                asked.reset = card::control::RESET.get(new) != 0;
            }
            card::PERF_CONTROL => {
                let bits = u64::from(write.over(0));
                asked.latch = card::perf_control::LATCH.get(bits) != 0;
                asked.clear = card::perf_control::CLEAR.get(bits) != 0;
            }
            card::INT_CARD => {
                self.int_card = write.over(self.int_card) & Causes::WRITABLE;
                self.fired_card = None;
            }
            card::ERROR_MASK => self.error_mask = write.over(self.error_mask),
            card::INT_ACK => asked.acknowledged[0] = write.over(0),
            card::INT_ACK_2 => asked.acknowledged[1] = write.over(0),
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
    let word = card::caps::H2C_CHANNELS.set(word, params.h2c_channels.into());
    let word = card::caps::VECTORS_MINUS_ONE.set(word, u64::from(params.msix_vectors) - 1);
    card::caps::PORT_BYTES.set(word, params.width.bytes().into()) as u32
}

fn half(value: u64, high: bool) -> u32 {
    if high { (value >> 32) as u32 } else { value as u32 }
}

/// What lies at an offset of BAR0: a channel and the offset within its block, or the card-wide block and holes.
pub(crate) enum Place {
    C2h(usize, u32),
    H2c(usize, u32),
    Card,
}

/// What lies at `offset` of BAR0.
pub(crate) fn place(offset: u32) -> Place {
    let within = |base: u32, count: u32, stride: u32| {
        let at = offset.checked_sub(base).filter(|at| *at < count * stride)?;
        Some(((at / stride) as usize, at % stride))
    };
    if let Some((channel, within)) = within(c2h::BASE, c2h::COUNT, c2h::STRIDE) {
        return Place::C2h(channel, within);
    }
    match within(registers::h2c::BASE, registers::h2c::COUNT, registers::h2c::STRIDE) {
        Some((channel, within)) => Place::H2c(channel, within),
        None => Place::Card,
    }
}
