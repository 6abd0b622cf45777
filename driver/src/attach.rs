//! Taking a card over from whoever had it before, perhaps a process that died with its channels running: what it was found doing, and how it is made quiet
//! before any memory of that user may be given to somebody else. Knows no channel of its own.

use crate::access::Named;
use crate::card::Capabilities;
use crate::error::{ChannelId, DriverError};
use crate::platform::{AccessError, ConfigSpace};
use crate::recover::Level;
use silico_spec::config::header::{COMMAND_STATUS, command};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::writeback::ChannelState;

/// What a card was found doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The global enable was high.
    pub enabled: bool,
    /// Bus mastering was on.
    pub bus_master: bool,
    /// Bit per channel that was running or stopping: C2H from bit 0, H2C from bit 16.
    pub active: u32,
    /// Bit per channel in the error state.
    pub failed: u32,
    /// How the card was made quiet; `None` if it was left as it was.
    pub quieted_by: Option<Level>,
}

impl Found {
    /// Whether an earlier user left the card running.
    #[must_use]
    pub const fn was_in_use(&self) -> bool {
        self.active != 0
    }
}

/// All channels of a card.
pub(crate) fn channels(capabilities: &Capabilities) -> impl Iterator<Item = ChannelId> + use<> {
    let c2h = (0..capabilities.c2h_channels).map(ChannelId::C2h);
    c2h.chain((0..capabilities.h2c_channels).map(ChannelId::H2c))
}

/// Looks at a card without changing it.
pub(crate) fn survey(regs: &impl Named, config: &impl ConfigSpace, capabilities: &Capabilities) -> Result<Found, DriverError> {
    let mut found = Found {
        enabled: card::control::ENABLE.is_set(regs.get32(card::CONTROL)?.into()),
        bus_master: read_command(config)? & command::BUS_MASTER != 0,
        ..Found::default()
    };
    for channel in channels(capabilities) {
        let offset = match channel {
            ChannelId::C2h(number) => c2h::offset(number.into(), c2h::STATUS),
            ChannelId::H2c(number) => h2c::offset(number.into(), h2c::STATUS),
        };
        match ChannelState::from_bits(c2h::status::STATE.get(regs.get32(offset)?.into()) as u8) {
            Some(ChannelState::Idle) => {}
            Some(ChannelState::Error) => found.failed |= channel.bit(),
            _ => found.active |= channel.bit(),
        }
    }
    Ok(found)
}

/// The command register; never all ones.
pub(crate) fn read_command(config: &impl ConfigSpace) -> Result<u32, DriverError> {
    let failed = |error| DriverError::access("config space, COMMAND", error);
    match config.read_config32(COMMAND_STATUS).map_err(failed)? {
        u32::MAX => Err(failed(AccessError::Gone)),
        word => Ok(word & 0xffff),
    }
}

/// Switches bus mastering, leaving the rest of the command register as it is. The status half is write one to clear: zeros leave it alone.
pub(crate) fn set_bus_master(config: &impl ConfigSpace, on: bool) -> Result<(), DriverError> {
    let before = read_command(config)?;
    let after = if on { before | command::BUS_MASTER } else { before & !command::BUS_MASTER };
    if after == before {
        return Ok(());
    }
    config.write_config32(COMMAND_STATUS, after).map_err(|error| DriverError::access("config space, COMMAND", error))
}
