//! The card as a whole: bring-up, global control, counters, and the opening of channels.
//!
//! Bring-up trusts nothing: identity, version of the map, capabilities and the register path are checked before anything is switched on.
//! What a channel does is in [`crate::channel`].

use crate::access::Named;
use crate::attach::{self, Found};
use crate::channel::base::{Parts, wait_idle};
use crate::channel::{RingChannel, RingConfig};
use crate::counters::{CardCounters, ChannelCounters};
use crate::demux::Demux;
use crate::error::{ChannelId, ConfigError, DriverError, MapVersion, check};
use crate::h2c::{SendChannel, SendConfig};
use crate::interrupts::{Chosen, DemuxCounters, InterruptChoice, choose};
use crate::limits::completion_timeout_us;
use crate::log::{CardErrors, clear_log, read_log};
use crate::pages::{PageChannel, PageConfig};
use crate::platform::{AccessError, ForkPlatform, InterruptKind, Nanos, Platform, Time};
use crate::recover::Level;
use crate::shared::Shared;
use alloc::sync::Arc;
use core::fmt;
use silico_spec::fork::{CannotFork, Fork, Memo};
use silico_spec::params::{DataWidth, MAX_C2H, MAX_H2C};
use silico_spec::registers::{MAP_MAJOR, MAP_MINOR, card};

/// What `ID` reads on a silico card.
pub const CARD_ID: u32 = card::ID_RESET as u32;
/// The register map that this driver was written to.
pub const MAP_NEEDED: MapVersion = MapVersion { major: MAP_MAJOR, minor: MAP_MINOR };
pub use crate::limits::CARD_RESET_LIMIT_NS;
/// How long the driver pauses at least between two reads of a register on which it waits, in ns.
pub(crate) const REGISTER_PAUSE_NS: u64 = 200;
/// What the scratch register is tested with: each bit both ways, and no two bytes alike.
const SCRATCH_PATTERNS: [u64; 4] = [0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa, 0x0123_4567_89ab_cdef, 0];

/// What bring-up does beyond the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BringUp {
    /// Make the card quiet first, and reset it: nothing of an earlier user is left, and memory that was his may be freed. By register, else with
    /// bus mastering off, else by a function-level reset, else by a hot reset.
    pub reset: bool,
    /// Raise the global enable at the end.
    pub enable: bool,
    /// The map that the card must have; [`MAP_NEEDED`] unless a program needs less or more.
    pub map: MapVersion,
    /// Which kind of interrupt to use.
    pub interrupts: InterruptChoice,
    /// Most interrupt vectors to ask for; 0: as many as the card has.
    pub vectors: u16,
}

impl Default for BringUp {
    fn default() -> Self {
        Self { reset: true, enable: true, map: MAP_NEEDED, interrupts: InterruptChoice::Prefer(InterruptKind::MsiX), vectors: 0 }
    }
}

/// What a card was built with, as its registers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Version of the register map.
    pub map: MapVersion,
    /// Identity of the gateware build.
    pub build: u32,
    /// Card-to-host channels, 1 to 16.
    pub c2h_channels: u8,
    /// Host-to-card channels, 1 to 8.
    pub h2c_channels: u8,
    /// MSI-X vectors, 1 to 256.
    pub vectors: u16,
    /// Width of the port in bytes.
    pub port_bytes: u8,
    /// Bytes of each channel's front-end FIFO.
    pub fifo_bytes: u32,
    /// Frame ends that each channel's front-end FIFO can hold.
    pub fifo_frames: u32,
    /// E-links that each generator has block memory for, 1 to 256.
    pub elinks: u32,
}

impl Capabilities {
    /// A usual card, for tests of configurations.
    #[cfg(test)]
    pub(crate) const USUAL: Self = Self {
        map: MAP_NEEDED,
        build: 0,
        c2h_channels: 4,
        h2c_channels: 2,
        vectors: 16,
        port_bytes: 32,
        fifo_bytes: 16 << 10,
        fifo_frames: 64,
        elinks: 64,
    };

    fn validate(&self) -> Result<(), ConfigError> {
        let channels = usize::from(self.c2h_channels);
        check((1..=MAX_C2H).contains(&channels), "CAPS.c2h_channels", self.c2h_channels.into(), "1 to 16")?;
        check((1..=MAX_H2C).contains(&usize::from(self.h2c_channels)), "CAPS.h2c_channels", self.h2c_channels.into(), "1 to 8")?;
        let width = DataWidth::from_bits(u32::from(self.port_bytes) * 8);
        check(width.is_some(), "CAPS.port_bytes", self.port_bytes.into(), "8, 16, 32 or 64")?;
        check(self.fifo_bytes > 0, "FIFO_BYTES", self.fifo_bytes.into(), "above 0")?;
        check(self.fifo_frames > 0, "FIFO_FRAMES", self.fifo_frames.into(), "above 0")?;
        check((1..=256).contains(&self.elinks), "ELINKS", self.elinks.into(), "1 to 256")
    }
}

/// A card that passed bring-up.
pub struct Card<P: Platform> {
    platform: P,
    regs: P::Regs,
    irqs: P::Irqs,
    clock: P::Clock,
    how: BringUp,
    capabilities: Capabilities,
    found: Found,
    interrupts: Option<Chosen>,
    shared: Arc<Shared>,
}

impl<P: ForkPlatform> Fork for Card<P> {
    /// The same card on the copy of its platform. Channels that are open are forked by who holds them, under the same memo.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self {
            platform: self.platform.fork(memo)?,
            regs: self.regs.fork(memo)?,
            irqs: self.irqs.fork(memo)?,
            clock: self.clock.fork(memo)?,
            shared: Shared::fork(&self.shared, memo)?,
            ..*self
        })
    }
}

impl<P: Platform> Card<P> {
    /// Checks that a silico card with a fitting register map is there and that its registers work; makes it quiet if somebody left it running, and
    /// resets it, as `how` says; switches interrupts and bus mastering on, and enables it. The bus must have been enumerated (BARs, memory space).
    ///
    /// # Errors
    /// What is wrong with the card: gone, another one, another map, capabilities that make no sense, a broken register path; or what did not get
    /// quiet in time.
    pub fn bring_up(platform: P, how: &BringUp) -> Result<Self, DriverError> {
        let regs = platform.registers();
        find(&platform, &regs, how)?;
        let map = map_version(&regs)?;
        if !how.map.is_met_by(map) {
            return Err(DriverError::MapVersion { found: map, needed: how.map });
        }
        let capabilities = read_capabilities(&regs, map)?;
        capabilities.validate().map_err(DriverError::Capability)?;
        let found = attach::survey(&regs, &platform, &capabilities)?;
        let clock = platform.clock();
        let (irqs, shared) = (platform.interrupts(), Arc::new(Shared::new(Demux::new(0))));
        let timeout_us = completion_timeout_us(&platform);
        shared.set_completion_timeout_us(timeout_us);
        let mut card = Self { platform, regs, irqs, clock, how: *how, capabilities, found, interrupts: None, shared };
        card.test_scratch()?;
        if how.reset {
            card.found.quieted_by = Some(card.make_quiet()?);
        }
        card.interrupts = choose(&card.platform, how.interrupts, card.vectors_wanted())?;
        card.irqs = card.platform.interrupts();
        card.shared = Arc::new(Shared::new(Demux::new(card.interrupts.map_or(0, |chosen| chosen.vectors))));
        card.shared.set_completion_timeout_us(timeout_us);
        attach::set_bus_master(&card.platform, true)?;
        card.set_enable(how.enable)?;
        Ok(card)
    }

    fn vectors_wanted(&self) -> u16 {
        let most = self.capabilities.vectors;
        if self.how.vectors == 0 { most } else { self.how.vectors.min(most) }
    }

    /// Makes the card quiet, by the gentlest means that does it. The order is that of the damage: bus mastering goes before the function.
    fn make_quiet(&self) -> Result<Level, DriverError> {
        let Err(first) = self.reset_by_register() else { return Ok(Level::CardReset) };
        if self.cut_off_bus().is_ok() && self.reset_by_register().is_ok() {
            return Ok(Level::CardReset);
        }
        if self.platform.function_reset().is_ok() && self.reset_by_register().is_ok() {
            return Ok(Level::FunctionReset);
        }
        if self.platform.hot_reset().is_ok() && self.reset_by_register().is_ok() {
            return Ok(Level::HotReset);
        }
        Err(first)
    }

    /// No requests of the card any more, whatever it does.
    pub(crate) fn cut_off_bus(&self) -> Result<(), AccessError> {
        match attach::set_bus_master(&self.platform, false) {
            Ok(()) => Ok(()),
            Err(DriverError::Access { error, .. }) => Err(error),
            Err(_) => Err(AccessError::Gone),
        }
    }

    /// After a reset of the whole card: is it there and the same, does it take what it is told; then all on again as at bring-up.
    pub(crate) fn initialise(&self, level: Level) -> Result<(), DriverError> {
        identify(&self.regs)?;
        self.shared.set_completion_timeout_us(completion_timeout_us(&self.platform));
        let map = map_version(&self.regs)?;
        if read_capabilities(&self.regs, map)? != self.capabilities {
            return Err(DriverError::OtherCard);
        }
        self.test_scratch()?;
        self.reset_by_register()?;
        if level >= Level::FunctionReset
            && let Some(Chosen { kind, vectors: needed }) = self.interrupts
        {
            let enabled = self.platform.enable(kind, needed);
            let found = enabled.map_err(|error| DriverError::access("interrupt set-up", error))?;
            if found < needed {
                return Err(DriverError::FewerVectors { found, needed });
            }
        }
        attach::set_bus_master(&self.platform, true)?;
        self.set_enable(self.how.enable)
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) const fn irqs(&self) -> &P::Irqs {
        &self.irqs
    }

    /// What the card was found doing at bring-up, and how it was made quiet.
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// The kind of interrupt that it is driven with; `None`: it is polled.
    pub const fn interrupts(&self) -> Option<Chosen> {
        self.interrupts
    }

    /// What became of the firings of shared and unshared vectors since bring-up.
    pub fn interrupt_counters(&self) -> DemuxCounters {
        self.shared.demux.counters()
    }

    /// The card's errors, as PCI Express logs them.
    ///
    /// # Errors
    /// If config space cannot be read, or has no Advanced Error Reporting.
    pub fn errors(&self) -> Result<CardErrors, DriverError> {
        read_log(&self.platform)
    }

    /// Clears the errors that `seen` shows; those that came since stay.
    ///
    /// # Errors
    /// As [`Card::errors`].
    pub fn clear_errors(&self, seen: &CardErrors) -> Result<(), DriverError> {
        clear_log(&self.platform, seen)
    }

    /// What the card was built with.
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The platform under the card.
    pub const fn platform(&self) -> &P {
        &self.platform
    }

    /// Writes patterns to the scratch register and reads them back, as 64 bits and by halves. Zero is left in it.
    ///
    /// # Errors
    /// If a pattern does not come back, or an access fails.
    pub fn test_scratch(&self) -> Result<(), DriverError> {
        for wrote in SCRATCH_PATTERNS {
            self.regs.put64(card::SCRATCH, wrote)?;
            let whole = self.regs.any64(card::SCRATCH)?;
            let low = self.regs.any32(card::SCRATCH)?;
            let high = self.regs.any32(card::SCRATCH + 4)?;
            for read in [whole, u64::from(low) | u64::from(high) << 32] {
                if read == u64::MAX {
                    return Err(DriverError::Gone { register: "SCRATCH" });
                }
                if read != wrote {
                    return Err(DriverError::Scratch { wrote, read });
                }
            }
        }
        Ok(())
    }

    /// Resets all channels and all registers, as after power-on; config space is kept. The global enable is low after it. With channels open, use
    /// [`Card::recover`].
    ///
    /// # Errors
    /// If channels are open, the card is gone, or it does not come out of the reset within [`CARD_RESET_LIMIT_NS`] and its completion
    /// timeout.
    pub fn reset(&self) -> Result<(), DriverError> {
        let mask = self.shared.open();
        if mask != 0 {
            return Err(DriverError::ChannelsOpen { mask });
        }
        self.reset_by_register()
    }

    fn reset_by_register(&self) -> Result<(), DriverError> {
        self.regs.put32(card::CONTROL, card::control::RESET.set(0, 1) as u32)?;
        let limit = CARD_RESET_LIMIT_NS + self.shared.completion_timeout_ns();
        for channel in attach::channels(&self.capabilities) {
            wait_idle(&self.regs, &self.clock, channel, limit)?;
        }
        // The channels have forgotten their reads; the host has not: memory that one of them reads may not go before it is answered.
        self.wait_for(limit, "reads in flight to end (READ_TAGS.in_use)", || {
            Ok(card::read_tags::IN_USE.get(self.regs.get32(card::READ_TAGS)?.into()) == 0)
        })?;
        identify(&self.regs)
    }

    /// Asks the card until it is `done`, or for `limit_ns`.
    pub(crate) fn wait_for(
        &self,
        limit_ns: u64,
        what: &'static str,
        done: impl FnMut() -> Result<bool, DriverError>,
    ) -> Result<(), DriverError> {
        self.wait_with(limit_ns, what, done, pause_until)
    }

    /// As [`Card::wait_for`], for other threads: asking costs the card nothing, and how long they took so far says nothing of how long they will.
    pub(crate) fn wait_for_others(
        &self,
        limit_ns: u64,
        what: &'static str,
        done: impl FnMut() -> Result<bool, DriverError>,
    ) -> Result<(), DriverError> {
        self.wait_with(limit_ns, what, done, |_, now, deadline| deadline.min(now.after(REGISTER_PAUSE_NS)))
    }

    fn wait_with(
        &self,
        limit_ns: u64,
        what: &'static str,
        mut done: impl FnMut() -> Result<bool, DriverError>,
        pause: impl Fn(Nanos, Nanos, Nanos) -> Nanos,
    ) -> Result<(), DriverError> {
        let start = self.clock.now();
        let deadline = start.after(limit_ns);
        while !done()? {
            let now = self.clock.now();
            if now >= deadline {
                return Err(DriverError::Timeout { what, ns: now.0.saturating_sub(start.0) });
            }
            self.clock.pause(pause(start, now, deadline));
        }
        Ok(())
    }

    /// Raises or lowers the global enable of all channels.
    ///
    /// # Errors
    /// If the register does not take it.
    pub fn set_enable(&self, enable: bool) -> Result<(), DriverError> {
        self.regs.put32(card::CONTROL, card::control::ENABLE.set(0, enable.into()) as u32)?;
        // A read after the write: posted writes are in, and a card that is busy with a reset is waited for.
        self.wait_for(CARD_RESET_LIMIT_NS, "CONTROL.enable to follow", || {
            Ok(card::control::ENABLE.is_set(self.regs.get32(card::CONTROL)?.into()) == enable)
        })
    }

    /// The card's cycle counter: the time base of all stamps.
    ///
    /// # Errors
    /// If the read fails.
    pub fn cycles(&self) -> Result<u64, DriverError> {
        self.regs.get64(card::CYCLES)
    }

    /// Writes that hit no register or a read-only one. A driver that is right leaves it where it was.
    ///
    /// # Errors
    /// If the read fails. The register stops at all ones, so the identity is read to tell that from a card that is gone.
    pub fn hole_writes(&self) -> Result<u32, DriverError> {
        let count = self.regs.any32(card::HOLE_WRITES)?;
        if count == u32::MAX {
            identify(&self.regs)?;
        }
        Ok(count)
    }

    /// Bit per C2H channel in the error state.
    ///
    /// # Errors
    /// If the read fails.
    pub fn error_summary(&self) -> Result<u16, DriverError> {
        Ok(card::error_summary::C2H.get(self.regs.get32(card::ERROR_SUMMARY)?.into()) as u16)
    }

    /// Latches all performance counters, of the card and of all channels: one consistent set. `clear` starts them anew after it.
    ///
    /// # Errors
    /// If the write fails.
    pub fn latch_counters(&self, clear: bool) -> Result<(), DriverError> {
        let control = card::perf_control::LATCH.set(0, 1) | card::perf_control::CLEAR.set(0, clear.into());
        self.regs.put32(card::PERF_CONTROL, control as u32)
    }

    /// The card's counters at the last latch.
    ///
    /// # Errors
    /// If a read fails.
    pub fn counters(&self) -> Result<CardCounters, DriverError> {
        CardCounters::read(&self.regs)
    }

    /// The counters of C2H `channel` at the last latch.
    ///
    /// # Errors
    /// If there is no such channel, or a read fails.
    pub fn channel_counters(&self, channel: u8) -> Result<ChannelCounters, DriverError> {
        self.check_channel(channel)?;
        ChannelCounters::read(&self.regs, channel)
    }

    fn check_channel(&self, channel: u8) -> Result<(), ConfigError> {
        check(channel < self.capabilities.c2h_channels, "channel", channel.into(), "below CAPS.c2h_channels")
    }

    /// Opens C2H `channel` with a ring: checks `config`, allocates ring and write-back block, and quiets the channel if an earlier
    /// user left it running. Nothing runs until [`RingChannel::start`].
    ///
    /// # Errors
    /// If the channel does not exist or is open already, the configuration is refused, memory is short, or the channel does not get idle.
    pub fn channel(&self, channel: u8, config: &RingConfig) -> Result<RingChannel<P>, DriverError> {
        self.check_channel(channel)?;
        config.validate(&self.capabilities)?;
        let parts = self.parts(ChannelId::C2h(channel), config.interrupt.is_some())?;
        RingChannel::open(&self.platform, parts, *config)
    }

    /// Opens C2H `channel` with pages: checks `config`, allocates pages, rings and write-back block, and quiets the channel if an earlier
    /// user left it running. Nothing runs until [`PageChannel::start`].
    ///
    /// # Errors
    /// As [`Card::channel`].
    pub fn page_channel(&self, channel: u8, config: &PageConfig) -> Result<PageChannel<P>, DriverError> {
        self.check_channel(channel)?;
        config.validate(&self.capabilities)?;
        let parts = self.parts(ChannelId::C2h(channel), config.interrupt.is_some())?;
        PageChannel::open(&self.platform, parts, *config)
    }

    /// Opens H2C `channel`: checks `config`, allocates descriptor ring, staging memory and write-back block, and quiets the channel if an
    /// earlier user left it running. Nothing runs until [`SendChannel::start`].
    ///
    /// # Errors
    /// As [`Card::channel`].
    pub fn send_channel(&self, channel: u8, config: &SendConfig) -> Result<SendChannel<P>, DriverError> {
        check(channel < self.capabilities.h2c_channels, "channel", channel.into(), "below CAPS.h2c_channels")?;
        config.validate(&self.capabilities)?;
        let parts = self.parts(ChannelId::H2c(channel), config.interrupt.is_some())?;
        SendChannel::open(&self.platform, parts, *config)
    }

    /// Claims a channel, and hands out what it needs of the card. Vectors beyond those that were granted are shared.
    fn parts(&self, id: ChannelId, interrupts: bool) -> Result<Parts<P>, DriverError> {
        if interrupts && self.interrupts.is_none() {
            check(false, "interrupt", 1, "none: the platform gives no interrupts, or they were switched off at bring-up")?;
        }
        let claim = Shared::claim(&self.shared, id.bit()).ok_or(DriverError::ChannelInUse { channel: id })?;
        let kind = self.interrupts.map(|chosen| chosen.kind);
        Ok(Parts { regs: self.regs.clone(), irqs: self.irqs.clone(), clock: self.clock.clone(), id, kind, claim })
    }
}

impl<P: Platform> fmt::Debug for Card<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("platform", &self.platform).field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

/// The end of a pause between two reads of a register, on which the driver has waited since `start`: the longer it has, the longer the pause, an eighth of that.
pub(crate) fn pause_until(start: Nanos, now: Nanos, deadline: Nanos) -> Nanos {
    let waited = now.0.saturating_sub(start.0);
    deadline.min(now.after(REGISTER_PAUSE_NS.max(waited / 8)))
}

/// Checks that the card is there and is one of ours.
pub(crate) fn identify(regs: &impl Named) -> Result<(), DriverError> {
    match regs.get32(card::ID)? {
        CARD_ID => Ok(()),
        found => Err(DriverError::Identity { found, needed: CARD_ID }),
    }
}

/// Looks for a card of ours. One that does not answer, or answers with errors, is reset by the platform if `how` allows to reset it.
fn find<P: Platform>(platform: &P, regs: &P::Regs, how: &BringUp) -> Result<(), DriverError> {
    let first = match identify(regs) {
        Err(error @ (DriverError::Gone { .. } | DriverError::Access { .. })) if how.reset => error,
        other => return other,
    };
    let by_function = platform.function_reset().is_ok() && identify(regs).is_ok();
    if by_function || platform.hot_reset().is_ok() && identify(regs).is_ok() { Ok(()) } else { Err(first) }
}

fn map_version(regs: &impl Named) -> Result<MapVersion, DriverError> {
    let word = regs.get32(card::MAP_VERSION)?.into();
    Ok(MapVersion { major: card::map_version::MAJOR.get(word) as u16, minor: card::map_version::MINOR.get(word) as u16 })
}

fn read_capabilities(regs: &impl Named, map: MapVersion) -> Result<Capabilities, DriverError> {
    let caps = regs.get32(card::CAPS)?.into();
    Ok(Capabilities {
        map,
        build: regs.any32(card::BUILD)?,
        c2h_channels: card::caps::C2H_CHANNELS.get(caps) as u8,
        h2c_channels: card::caps::H2C_CHANNELS.get(caps) as u8,
        vectors: card::caps::VECTORS_MINUS_ONE.get(caps) as u16 + 1,
        port_bytes: card::caps::PORT_BYTES.get(caps) as u8,
        fifo_bytes: regs.get32(card::FIFO_BYTES)?,
        fifo_frames: regs.get32(card::FIFO_FRAMES)?,
        elinks: regs.get32(card::ELINKS)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_a_wait_has_lasted_the_longer_it_pauses_and_never_beyond_its_deadline() {
        let until = |waited: u64, deadline| pause_until(Nanos(1000), Nanos(1000 + waited), Nanos(deadline)).0 - 1000 - waited;
        assert_eq!([0, 8, 8 * REGISTER_PAUSE_NS].map(|waited| until(waited, u64::MAX)), [REGISTER_PAUSE_NS; 3]);
        assert_eq!(until(80 * REGISTER_PAUSE_NS, u64::MAX), 10 * REGISTER_PAUSE_NS);
        assert_eq!(until(80 * REGISTER_PAUSE_NS, 1000 + 80 * REGISTER_PAUSE_NS + 7), 7);
    }
}
