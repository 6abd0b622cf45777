//! How long the driver waits for the end of what a card has in flight. A completion that is lost ends it only when the card's completion timeout has run out, so
//! the wait follows that: Device Control 2 names its range (PCIe 4.0 §7.5.3.16), and the upper end counts.

use crate::platform::ConfigSpace;
use silico_spec::config::capabilities::{pcie, standard_id};
use silico_spec::config::walk::{CapabilityId, walk_standard};

/// How long a channel may take from `run` to running, in ns.
pub const START_LIMIT_NS: u64 = 1_000_000;
/// How long a channel may take to end what is in flight after a stop, in ns, beyond the card's completion timeout: at most 64 s, 50 ms in the default range.
pub const STOP_LIMIT_NS: u64 = 10_000_000;
/// How long a channel may take for a reset, in ns, beyond the stop that comes first.
pub const RESET_LIMIT_NS: u64 = 10_000_000;
/// How long a card may take for a reset by register, in ns, beyond its completion timeout. The card needs some clocks; one that outstanding TLPs hold up needs
/// more.
pub const CARD_RESET_LIMIT_NS: u64 = 10_000_000;
/// How long a reset waits for other threads to be through with a start or stop of their channel, in ns, beyond two completion timeouts: longer than the longest
/// of them.
pub const GATE_LIMIT_NS: u64 = 50_000_000;
/// The upper end of the default range, in µs.
const DEFAULT_US: u32 = 50_000;

/// The longest that a request of the card may wait for its completion, in µs. 0: its timeout is off, so what is lost never ends, and waiting longer is in vain.
/// Of a card that cannot be asked, the default range.
pub(crate) fn completion_timeout_us(config: &impl ConfigSpace) -> u32 {
    let Ok(found) = walk_standard(|offset| config.read_config32(offset)) else { return DEFAULT_US };
    let place = found.iter().find(|capability| capability.id == CapabilityId::Standard(standard_id::PCIE));
    let word = place.and_then(|place| config.read_config32(place.offset + pcie::DEVICE_CONTROL_2).ok());
    match word {
        None | Some(u32::MAX) => DEFAULT_US,
        Some(word) if word & pcie::device_2::TIMEOUT_DISABLE != 0 => 0,
        Some(word) => pcie::completion_timeout_us(word & pcie::device_2::TIMEOUT_VALUE).map_or(DEFAULT_US, |(_, most)| most as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::AccessError;
    use silico_spec::config::header;

    /// A config space with Device Control 2 as given; `None`: no PCI Express capability.
    struct Space(Option<u32>);

    impl ConfigSpace for Space {
        fn read_config32(&self, offset: u16) -> Result<u32, AccessError> {
            Ok(match offset {
                header::ID => 0x51c0_10dc,
                header::COMMAND_STATUS => header::status::CAPABILITIES,
                header::CAPABILITIES if self.0.is_some() => 0x50,
                0x50 => u32::from(standard_id::PCIE) | 2 << 16,
                0x78 => self.0.unwrap_or(0),
                _ => 0,
            })
        }

        fn write_config32(&self, _: u16, _: u32) -> Result<(), AccessError> {
            Ok(())
        }
    }

    #[test]
    fn the_upper_end_of_the_range_counts() {
        let us = |word| completion_timeout_us(&Space(word));
        assert_eq!([Some(0), Some(1), Some(6), Some(14)].map(us), [50_000, 100, 210_000, 64_000_000]);
        assert_eq!([None, Some(3), Some(u32::MAX)].map(us), [DEFAULT_US; 3], "unknown");
        assert_eq!(us(Some(pcie::device_2::TIMEOUT_DISABLE | 6)), 0);
    }
}
