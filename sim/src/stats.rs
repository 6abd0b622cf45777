//! Counters of a run. Knows how to count, judges nothing.

use silico_spec::tlp::Kind;

/// TLPs of one kind in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// TLPs.
    pub tlps: u64,
    /// Bytes of payload.
    pub payload: u64,
    /// Bytes on the wire: headers, payload, framing.
    pub wire: u64,
}

/// One direction, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// MWr.
    pub mem_writes: Traffic,
    /// MRd.
    pub mem_reads: Traffic,
    /// CfgRd and CfgWr.
    pub config: Traffic,
    /// Cpl and CplD.
    pub completions: Traffic,
    /// Msg and MsgD.
    pub messages: Traffic,
    /// Anything else.
    pub other: Traffic,
}

impl Direction {
    #[inline]
    pub(crate) fn count(&mut self, kind: Kind, payload: usize, wire: u32) {
        let traffic = match kind {
            Kind::MemWrite => &mut self.mem_writes,
            Kind::MemRead => &mut self.mem_reads,
            Kind::CfgRead0 | Kind::CfgRead1 | Kind::CfgWrite0 | Kind::CfgWrite1 => &mut self.config,
            Kind::Completion | Kind::CompletionData => &mut self.completions,
            Kind::Message(_) | Kind::MessageData(_) => &mut self.messages,
            _ => &mut self.other,
        };
        traffic.tlps += 1;
        traffic.payload += payload as u64;
        traffic.wire += u64::from(wire);
    }

    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> Traffic {
        let kinds = [self.mem_writes, self.mem_reads, self.config, self.completions, self.messages, self.other];
        kinds.into_iter().fold(Traffic::default(), |sum, one| Traffic {
            tlps: sum.tlps + one.tlps,
            payload: sum.payload + one.payload,
            wire: sum.wire + one.wire,
        })
    }
}

/// Counters of a machine since it was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// From the card to the host.
    pub to_host: Direction,
    /// From the host to the card.
    pub to_card: Direction,
    /// Reads of BARs by the CPU.
    pub mmio_reads: u64,
    /// Writes of BARs by the CPU.
    pub mmio_writes: u64,
    /// Interrupts delivered, per vector; as long as the highest vector that fired needs.
    pub interrupts: Vec<u64>,
    /// Changes of INTx levels.
    pub intx_changes: u64,
    /// Error messages (ERR_COR, ERR_NONFATAL, ERR_FATAL).
    pub error_messages: [u64; 3],
    /// Clocks in which the link was not ready to take a TLP from the card.
    pub clocks_not_ready: u64,
    /// Per class (posted, non-posted, completion): TLPs of the card after which its credits did not suffice for another of the greatest size.
    pub credits_exhausted: [u64; 3],
    /// TLPs of the card that were marked to be discarded.
    pub discarded: u64,
    /// Poisoned writes of the card: not written.
    pub poisoned: u64,
    /// Completions that came after their request was given up.
    pub late_completions: u64,
    /// Clocks that the card ran.
    pub clocks: u64,
    /// Runs of clocks that they took: what the card did not get to skip.
    pub runs: u64,
    /// Violations, the first and all later ones.
    pub violations: u64,
}
