//! Checker: what is given comes back. Tags of the card's reads; TLPs by the card's counters, however often these are read and cleared.

use crate::world::World;
use silico_driver::platform::Registers;
use silico_spec::registers::card;

/// Clocks after which the card is done with the last register access.
const SETTLED: u64 = 4000;

/// TLPs as the card counts them over many latches, each of which clears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// By the machine, when counting began.
    start: u64,
    /// Sum over the latches.
    sum: u64,
}

impl Counted {
    /// The sum against what the machine has received by now.
    pub(crate) fn judge(&self, received: u64) -> Result<(), String> {
        if self.start + self.sum == received {
            return Ok(());
        }
        Err(format!("the card counted {} TLPs over all latches, the root port took {}", self.sum, received - self.start))
    }
}

impl World {
    /// All tags are free: every read was answered, or given up and accounted for.
    pub(crate) fn check_tags(&self) -> Result<(), String> {
        let word = self.regs.read32(card::READ_TAGS).map_err(|error| format!("READ_TAGS: {error}"))?;
        match card::read_tags::IN_USE.get(word.into()) {
            0 => Ok(()),
            tags => Err(format!("{tags} tags are in use with nothing under way")),
        }
    }

    fn received(&self) -> u64 {
        self.platform.machine().stats().to_host.total().tlps
    }

    /// Begins to count. No channel may have anything to do.
    pub(crate) fn begin_count(&self) -> Result<Counted, String> {
        self.advance(SETTLED);
        let start = self.received();
        self.card.latch_counters(true).map_err(|error| error.to_string())?;
        // The write is posted: it must have come before anything is counted.
        self.advance(SETTLED);
        Ok(Counted { start, sum: 0 })
    }

    /// Latches and clears, and adds.
    pub(crate) fn count(&self, counted: &mut Counted) -> Result<(), String> {
        self.card.latch_counters(true).map_err(|error| error.to_string())?;
        counted.sum += self.card.counters().map_err(|error| error.to_string())?.tx_tlps;
        Ok(())
    }

    /// The last latch. No channel may have anything to do.
    pub(crate) fn end_count(&self, mut counted: Counted) -> Result<(), String> {
        self.advance(SETTLED);
        let received = self.received();
        self.count(&mut counted)?;
        counted.judge(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_and_a_doubled_tlp_are_seen() {
        let counted = Counted { start: 10, sum: 5 };
        assert_eq!(counted.judge(15), Ok(()));
        assert!(counted.judge(16).is_err() && counted.judge(14).is_err());
    }
}
