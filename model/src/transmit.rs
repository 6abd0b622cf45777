//! The transmit side: who sends next, and the TLP that is going out beat by beat.
//!
//! Completions come first (they are owed), then messages and interrupts, then the channels in turn, one TLP each. Posted TLPs go in the order chosen:
//! if the next one lacks credits, no other posted one slips by, or a channel that needs many credits would wait for ever; completions
//! do slip by. Reads take turns with what is posted, TLP by TLP, and neither waits for the other's credits. The next TLP is chosen in the clock in which the last beat of the one before passes, so a willing receiver sees no gap.

use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Header;

/// Whose TLP is going out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Completion,
    Interrupt,
    /// A message to the root complex: an error, INTx, PME_TO_Ack.
    Message,
    Channel(usize),
    /// A write-back block of an H2C channel.
    Block(usize),
    /// A read of an H2C channel, with its tag.
    Read(usize, u8),
    /// A read of a C2H channel with pages, with its tag.
    Fetch(usize, u8),
}

#[derive(Clone, Debug)]
pub(crate) struct Transmitter {
    pub(crate) tlp: TlpBuf,
    /// A TLP is offered; its next beat is `beat` of `beats`.
    pub(crate) source: Option<Source>,
    pub(crate) beat: u32,
    pub(crate) beats: u32,
    /// Cycle in which its first beat passed.
    pub(crate) first: u64,
    /// The channel whose turn is next; there need not be one of that number.
    pub(crate) turn: usize,
    /// The H2C channels whose turns are next: to write back, and to read.
    pub(crate) block_turn: usize,
    pub(crate) read_turn: usize,
    /// The C2H channel whose turn it is to read, and whether it is that of one rather than that of an H2C channel.
    pub(crate) fetch_turn: usize,
    pub(crate) fetches_first: bool,
    /// Write-back blocks of H2C channels go before the C2H channels next, and reads before what is posted.
    pub(crate) blocks_first: bool,
    pub(crate) reads_first: bool,
    pub(crate) consumed: [Consumed; 3],
}

impl Transmitter {
    pub(crate) fn new() -> Self {
        Self {
            tlp: TlpBuf::new(),
            source: None,
            beat: 0,
            beats: 0,
            first: 0,
            turn: 0,
            block_turn: 0,
            read_turn: 0,
            fetch_turn: 0,
            fetches_first: false,
            blocks_first: false,
            reads_first: false,
            consumed: [Consumed::default(); 3],
        }
    }

    pub(crate) fn channel(&self) -> Option<usize> {
        match self.source {
            Some(Source::Channel(index)) => Some(index),
            _ => None,
        }
    }

    /// The last beat of a TLP is offered, to a receiver that is ready after `hold` clocks and in the next one at once.
    #[inline]
    pub(crate) fn at_last_beat(&self, hold: u64) -> bool {
        hold == 0 && self.source.is_some() && self.beat + 1 == self.beats
    }

    pub(crate) fn affords(&self, limits: &Limits, class: Class, payload: u32) -> bool {
        self.consumed[class as usize].allows(limits.of(class), data_credits(payload))
    }

    /// Takes the TLP in `self.tlp`, whose header is `header`, as the next to go.
    pub(crate) fn load(&mut self, source: Source, header: Header, beats: u32) {
        let payload = self.tlp.payload().len() as u32;
        self.tlp.header = header.0;
        self.tlp.discard = false;
        self.consumed[header.kind().class() as usize].take(data_credits(payload));
        (self.source, self.beat, self.beats) = (Some(source), 0, beats);
    }
}
