//! The root complex: what answers the card, what asks it, what finds it, and where its interrupts end.

pub(crate) mod bridge;
pub(crate) mod completer;
pub(crate) mod enumerate;
pub(crate) mod interrupts;
pub(crate) mod msix;
pub(crate) mod ordering;
pub(crate) mod posted;
pub(crate) mod requester;
pub(crate) mod shadow;

use silico_spec::units::{Bdf, BusAddr};

/// ID of requests that the CPU makes.
pub(crate) const HOST: Bdf = Bdf::from_bits(0);

/// First and last address of interrupt messages.
pub(crate) const INTERRUPTS: std::ops::RangeInclusive<u64> = 0xfee0_0000..=0xfeef_ffff;

/// Whether a memory write is an interrupt message.
#[inline]
pub(crate) fn is_interrupt(address: BusAddr) -> bool {
    address.0 & !0xf_ffff == *INTERRUPTS.start()
}
