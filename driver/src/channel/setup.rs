//! What card-to-host channels of both disciplines are told: the source, its limits, and the interrupts. Checked and programmed in one place.

use super::base::{Base, Signal};
use super::config::{BusyThresholds, DataInterrupt, FULL_RATE, Lengths, Source, WaitMode, WhenFull, WriteBackPolicy};
use crate::card::Capabilities;
use crate::error::{ConfigError, DriverError, check};
use crate::platform::Platform;
use silico_spec::registers::c2h;

/// Settings that do not depend on the discipline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) source: &'a Source,
    pub(crate) when_full: WhenFull,
    pub(crate) write_back: Option<WriteBackPolicy>,
    pub(crate) max_frame: u32,
    pub(crate) relaxed: bool,
    pub(crate) no_snoop: bool,
    pub(crate) busy: BusyThresholds,
    pub(crate) interrupt: Option<DataInterrupt>,
    pub(crate) wait: WaitMode,
}

impl Setup<'_> {
    /// Checks every field but the write-back policy, whose rules are the discipline's.
    pub(crate) fn validate(&self, card: &Capabilities) -> Result<(), ConfigError> {
        check(self.max_frame > 0, "max_frame", 0, "above 0")?;
        self.check_busy(card)?;
        self.check_generator(card)?;
        let vectors = self.interrupt.map(|interrupt| [interrupt.vector, interrupt.error_vector]);
        check_interrupt(vectors, self.wait, card)
    }

    fn check_busy(&self, card: &Capabilities) -> Result<(), ConfigError> {
        let or = |value, default| if value == 0 { default } else { value };
        let fifo = card.fifo_bytes;
        let assert = or(self.busy.assert, fifo / 4 * 3);
        check(assert <= fifo, "busy.assert", assert.into(), "at most the card's FIFO_BYTES")?;
        let release = or(self.busy.release, fifo / 2);
        check(release <= assert, "busy.release", release.into(), "at most busy.assert (0 means half of the FIFO)")
    }

    fn check_generator(&self, card: &Capabilities) -> Result<(), ConfigError> {
        let Source::Generator(generator) = self.source else { return Ok(()) };
        check((1..=FULL_RATE).contains(&generator.rate), "generator.rate", generator.rate.into(), "1 to 65536")?;
        if let Some(blocks) = generator.blocks {
            let links = u32::from(blocks.links);
            check((1..=card.elinks).contains(&links), "generator.blocks.links", links.into(), "1 to the card's ELINKS")?;
            let fits = u32::from(generator.source) + links <= 1 << 16;
            check(fits, "generator.source", generator.source.into(), "low enough that the last e-link is at most 65535")?;
        }
        match generator.lengths {
            Lengths::Uniform { min, max } => check(min <= max, "generator.lengths.min", min.into(), "at most generator.lengths.max"),
            Lengths::Fixed(_) | Lengths::Table(_) => Ok(()),
        }
    }

    /// What the driver waits on.
    pub(crate) fn signal(&self) -> Option<Signal> {
        self.interrupt.map(|interrupt| Signal { vector: interrupt.vector, coalesce: interrupt.frames })
    }

    /// Programs every register that both disciplines have. `extra` are the discipline's own bits of `CONFIG`, `block` is where the write-back block
    /// lies.
    pub(crate) fn program<P: Platform>(&self, base: &Base<P>, extra: u64, block: u64) -> Result<(), DriverError> {
        base.put64(c2h::WB_ADDR, block)?;
        let policy = self.write_back.unwrap_or(WriteBackPolicy { frames: 0, bytes: 0, time: 0 });
        base.put32(c2h::WB_FRAMES, policy.frames)?;
        base.put32(c2h::WB_BYTES, policy.bytes)?;
        base.put32(c2h::WB_TIME, policy.time)?;
        base.put32(c2h::CONFIG, (self.config_word() | extra) as u32)?;
        base.put32(c2h::MAX_FRAME, self.max_frame)?;
        base.put32(c2h::BUSY_ASSERT, self.busy.assert)?;
        base.put32(c2h::BUSY_RELEASE, self.busy.release)?;
        let interrupt = self.interrupt.unwrap_or_default();
        let enable = u64::from(self.interrupt.is_some());
        let data = c2h::int_data::VECTOR.set(c2h::int_data::ENABLE.set(0, enable), base.vector(interrupt.vector).into());
        let error = c2h::int_error::VECTOR.set(c2h::int_error::ENABLE.set(0, enable), base.vector(interrupt.error_vector).into());
        base.put32(c2h::INT_DATA, data as u32)?;
        base.put32(c2h::INT_DATA_FRAMES, interrupt.frames)?;
        base.put32(c2h::INT_DATA_TIME, interrupt.time)?;
        base.put32(c2h::INT_ERROR, error as u32)?;
        self.program_generator(base)
    }

    fn config_word(&self) -> u64 {
        let flags = [
            (c2h::config::GENERATOR, matches!(self.source, Source::Generator(_))),
            (c2h::config::DROP, self.when_full == WhenFull::Drop),
            (c2h::config::WRITE_BACK, self.write_back.is_some()),
            (c2h::config::RELAXED, self.relaxed),
            (c2h::config::NO_SNOOP, self.no_snoop),
        ];
        flags.iter().fold(0, |word, (field, set)| field.set(word, (*set).into()))
    }

    fn program_generator<P: Platform>(&self, base: &Base<P>) -> Result<(), DriverError> {
        let Source::Generator(generator) = self.source else { return Ok(()) };
        let (mode, min, max) = generator.lengths.encode();
        let word = c2h::gen_config::SOURCE.set(c2h::gen_config::MODE.set(0, mode as u64), generator.source.into());
        let word = c2h::gen_config::BLOCKS.set(word, generator.blocks.is_some().into());
        base.put32(c2h::GEN_CONFIG, word as u32)?;
        if let Some(blocks) = generator.blocks {
            base.put32(c2h::GEN_LINKS, blocks.links.into())?;
            base.put32(c2h::GEN_FLUSH, blocks.flush)?;
        }
        base.put32(c2h::GEN_MIN, min)?;
        base.put32(c2h::GEN_MAX, max)?;
        base.put32(c2h::GEN_PAUSE, generator.pause)?;
        base.put32(c2h::GEN_RATE, generator.rate)?;
        base.put64(c2h::GEN_SEED, generator.seed)?;
        base.put64(c2h::GEN_COUNT, generator.count)?;
        if let Lengths::Table(table) = generator.lengths {
            for (entry, length) in (0..).zip(table) {
                base.put32(c2h::GEN_TABLE + entry * c2h::GEN_TABLE_STRIDE, length)?;
            }
        }
        Ok(())
    }
}

/// Checks the vectors (of progress, of the error state) against the card, and that a wait which sleeps has one.
pub(crate) fn check_interrupt(vectors: Option<[u8; 2]>, wait: WaitMode, card: &Capabilities) -> Result<(), ConfigError> {
    match (vectors, wait) {
        (Some([vector, error_vector]), _) => {
            let in_range = |vector: u8| u16::from(vector) < card.vectors;
            let rule = "below the card's number of vectors";
            check(in_range(vector), "interrupt.vector", vector.into(), rule)?;
            check(in_range(error_vector), "interrupt.error_vector", error_vector.into(), rule)
        }
        (None, WaitMode::Poll) => Ok(()),
        (None, _) => check(false, "interrupt", 0, "set: this wait mode sleeps on it"),
    }
}
