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

/// The data link layer of one direction: TLPs that way, and the Acks and Naks for them. All zero as long as it is not simulated; see
/// [`crate::DllConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DllStats {
    /// TLPs that arrived with a wrong LCRC.
    pub lcrc_errors: u64,
    /// TLPs that did not arrive as such.
    pub lost_tlps: u64,
    /// TLPs that arrived whole, but behind one that was missing, and were discarded.
    pub out_of_sequence: u64,
    /// Naks among [`DllStats::naks`] for such a gap in the sequence, rather than for a wrong LCRC.
    pub gaps: u64,
    /// TLPs that arrived a second time and were discarded.
    pub duplicates: u64,
    /// Acks that the receiver sent.
    pub acks: u64,
    /// Naks that the receiver sent.
    pub naks: u64,
    /// Acks and Naks that arrived damaged.
    pub damaged_acks: u64,
    /// Expiries of REPLAY_TIMER.
    pub timeouts: u64,
    /// Replays.
    pub replays: u64,
    /// TLPs sent again by them.
    pub replayed_tlps: u64,
    /// Times that REPLAY_NUM rolled over, and the link was retrained.
    pub rollovers: u64,
    /// Times that the replay buffer was full when a TLP had been sent.
    pub full: u64,
}

/// Correctable errors as one end of a link logs them in its AER (PCIe 4.0 §7.8.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CorrectableErrors {
    /// Receiver Error.
    pub receiver: u64,
    /// Bad TLP.
    pub bad_tlp: u64,
    /// Bad DLLP.
    pub bad_dllp: u64,
    /// REPLAY_NUM Rollover.
    pub replay_rollover: u64,
    /// Replay Timer Timeout.
    pub replay_timer: u64,
}

impl CorrectableErrors {
    /// `received`: TLPs that this end receives; `sent`: those that it sends; `updates`: damaged UpdateFC DLLPs that it received.
    const fn of(received: &DllStats, sent: &DllStats, updates: u64) -> Self {
        Self {
            receiver: received.lost_tlps,
            // A gap in the sequence is reported once, with the Nak; one after a wrong LCRC is not.
            bad_tlp: received.lcrc_errors + received.gaps,
            bad_dllp: sent.damaged_acks + updates,
            replay_rollover: sent.rollovers,
            replay_timer: sent.timeouts,
        }
    }
}

/// TLPs that went before an older one, by the cell of PCIe 4.0 table 2-39 that lets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// A2b: a write of the card with relaxed ordering, before an older write.
    pub relaxed_write: u64,
    /// B3, D5a: completions for the card, before those of an older read.
    pub read: u64,
    /// D2b: completions with relaxed ordering for the card, while a write of the CPU waited.
    pub relaxed_completion: u64,
    /// D3: completions for the card, while a read of the CPU waited.
    pub completion: u64,
    /// A3: writes of the CPU, before an older read of it.
    pub posted: u64,
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
    /// Ack, Nak and replay of TLPs from the card.
    pub dll_to_host: DllStats,
    /// Ack, Nak and replay of TLPs to the card.
    pub dll_to_card: DllStats,
    /// UpdateFC DLLPs that arrived damaged: of the card at the root port, and of the root port at the card.
    pub damaged_updates: [u64; 2],
    /// Times that the link went through Recovery.
    pub retrains: u64,
    /// TLPs that went before older ones.
    pub passes: Passes,
    /// Violations, the first and all later ones.
    pub violations: u64,
}

impl Stats {
    /// What the root port logs in its AER.
    #[must_use]
    pub const fn root_errors(&self) -> CorrectableErrors {
        CorrectableErrors::of(&self.dll_to_host, &self.dll_to_card, self.damaged_updates[0])
    }

    /// What the card's hard IP would log in the card's AER. The TLP port cannot tell the card, so its registers do not show it.
    #[must_use]
    pub const fn card_errors(&self) -> CorrectableErrors {
        CorrectableErrors::of(&self.dll_to_card, &self.dll_to_host, self.damaged_updates[1])
    }
}
