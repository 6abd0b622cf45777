//! The card-wide performance counters.

/// Clocks and packets by cause; the order is that of the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CardPerf {
    pub(crate) cycles: u64,
    pub(crate) tx_busy: u64,
    pub(crate) tx_held: u64,
    pub(crate) no_credit: u64,
    pub(crate) tx_tlps: u64,
    pub(crate) rx_tlps: u64,
    pub(crate) interrupts: u64,
    pub(crate) no_tag: u64,
    pub(crate) rx_busy: u64,
}
