//! Performance counters, of the card and of its channels, as plain numbers. All show the values at the last latch: one consistent set.

use crate::access::Named;
use crate::error::DriverError;
use crate::platform::Registers;
use silico_spec::registers::{c2h, card};

/// Counters of the card. Clocks are those of the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardCounters {
    /// Clocks counted.
    pub cycles: u64,
    /// Clocks in which a beat passed on the transmit stream.
    pub tx_busy: u64,
    /// Clocks in which a beat was offered and the receiver was not ready.
    pub tx_held: u64,
    /// Clocks in which every TLP that wanted to go lacked credits.
    pub no_credit: u64,
    /// TLPs sent.
    pub tx_tlps: u64,
    /// TLPs received.
    pub rx_tlps: u64,
    /// MSI-X messages sent.
    pub interrupts: u64,
}

impl CardCounters {
    /// Reads the latched set.
    pub(crate) fn read(regs: &impl Registers) -> Result<Self, DriverError> {
        Ok(Self {
            cycles: regs.get64(card::PERF_CYCLES)?,
            tx_busy: regs.get64(card::PERF_TX_BUSY)?,
            tx_held: regs.get64(card::PERF_TX_HELD)?,
            no_credit: regs.get64(card::PERF_NO_CREDIT)?,
            tx_tlps: regs.get64(card::PERF_TX_TLPS)?,
            rx_tlps: regs.get64(card::PERF_RX_TLPS)?,
            interrupts: regs.get64(card::PERF_INTERRUPTS)?,
        })
    }
}

/// Counters of one C2H channel. Clocks are those of the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Beats that passed on the transmit stream.
    pub tx_beats: u64,
    /// Clocks with a TLP to send and no credits for it.
    pub no_credit: u64,
    /// Clocks with data and no room in the ring.
    pub no_buffer: u64,
    /// Clocks running with nothing to send.
    pub no_data: u64,
    /// Clocks with a TLP ready, waiting for the transmit stream.
    pub no_grant: u64,
    /// Beats taken into the FIFO.
    pub front_beats: u64,
    /// Clocks in which the source had a beat that was not taken.
    pub front_held: u64,
    /// Clocks with BUSY high.
    pub busy: u64,
}

impl ChannelCounters {
    /// Reads the latched set of `channel`.
    pub(crate) fn read(regs: &impl Registers, channel: u8) -> Result<Self, DriverError> {
        let get = |register| regs.get64(c2h::offset(channel.into(), register));
        Ok(Self {
            tx_beats: get(c2h::PERF_TX_BEATS)?,
            no_credit: get(c2h::PERF_NO_CREDIT)?,
            no_buffer: get(c2h::PERF_NO_BUFFER)?,
            no_data: get(c2h::PERF_NO_DATA)?,
            no_grant: get(c2h::PERF_NO_GRANT)?,
            front_beats: get(c2h::PERF_FRONT_BEATS)?,
            front_held: get(c2h::PERF_FRONT_HELD)?,
            busy: get(c2h::PERF_BUSY)?,
        })
    }
}
