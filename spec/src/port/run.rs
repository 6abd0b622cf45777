//! The port at the grain of runs: what the machine will do in the coming clocks, and what came of it.

use super::{FrontStream, OutStream, TlpBuf};
use crate::credit::Limits;
use crate::params::{DataWidth, MAX_H2C};
use crate::units::{Cycle, Cycles};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A TLP on its way to the card.
#[derive(Clone, Debug)]
pub struct RxTlp {
    /// Its first beat is valid from this cycle on.
    pub at: Cycle,
    /// The TLP.
    pub tlp: TlpBuf,
}

/// What the machine does to the card in the coming clocks.
#[derive(Debug)]
pub struct Stimulus {
    /// See [`PortIn::reset`](super::PortIn::reset). Constant during a run.
    pub reset: bool,
    /// See [`PortIn::link_up`](super::PortIn::link_up). Constant during a run.
    pub link_up: bool,
    /// See [`PortIn::credits`](super::PortIn::credits). Constant during a run.
    pub credits: Limits,
    /// `tx_ready` is low before this cycle and high from it on.
    pub tx_ready_at: Cycle,
    /// Bit `i`: `tx_ready` is low in the `i`th clock of the run all the same. Not zero only for runs of at most 64 clocks.
    pub tx_stall: u64,
    /// Bit `i`: no beat is shown to the card in the `i`th clock of the run, whatever waits in `rx`: a gap between beats of a TLP. Not zero only for runs of at most 64 clocks.
    pub rx_stall: u64,
    /// Towards the card, oldest first, each with `at` not below the one before. Whoever runs the card pops what it took wholly.
    pub rx: VecDeque<RxTlp>,
    /// Beats of the oldest that have passed.
    pub rx_passed: u32,
    /// Front ends, one per channel.
    pub front: Vec<FrontStream>,
    /// Outputs of the H2C channels; a channel without one here has a receiver that is never ready.
    pub out: Vec<OutStream>,
    /// TLPs that the card took, for the machine to reuse.
    pub spare: Vec<TlpBuf>,
}

impl Clone for Stimulus {
    /// Spare buffers stay where they are.
    fn clone(&self) -> Self {
        Self {
            reset: self.reset,
            link_up: self.link_up,
            credits: self.credits,
            tx_ready_at: self.tx_ready_at,
            tx_stall: self.tx_stall,
            rx_stall: self.rx_stall,
            rx: self.rx.clone(),
            rx_passed: self.rx_passed,
            front: self.front.clone(),
            out: self.out.clone(),
            spare: Vec::new(),
        }
    }
}

impl Stimulus {
    /// Link up, no credits, nothing to say, for a card with `channels` front ends.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            reset: false,
            link_up: true,
            credits: Limits::NONE,
            tx_ready_at: Cycle(0),
            tx_stall: 0,
            rx_stall: 0,
            rx: VecDeque::new(),
            rx_passed: 0,
            front: (0..channels).map(|_| FrontStream::default()).collect(),
            out: (0..MAX_H2C).map(|_| OutStream::default()).collect(),
            spare: Vec::new(),
        }
    }

    /// Whether the transmit stream's receiver is ready at `now`, `index` clocks into the run.
    #[must_use]
    #[inline]
    pub fn tx_ready(&self, now: Cycle, index: u64) -> bool {
        now >= self.tx_ready_at && (self.tx_stall == 0 || index >= 64 || self.tx_stall >> index & 1 == 0)
    }

    /// Whether a beat towards the card may be shown `index` clocks into the run.
    #[must_use]
    #[inline]
    pub fn rx_shown(&self, index: u64) -> bool {
        self.rx_stall == 0 || index >= 64 || self.rx_stall >> index & 1 == 0
    }

    /// The oldest TLP for the card has passed wholly: drops it, keeping its buffer for reuse.
    pub fn rx_done(&mut self) {
        self.rx_passed = 0;
        if let Some(done) = self.rx.pop_front() {
            self.spare.push(done.tlp);
        }
    }
}

/// What came of a run of clocks.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Clocks that passed; at least one, at most the limit.
    pub clocks: Cycles,
    /// `tlp` is whole: its last beat passed in the last of these clocks.
    pub tlp_done: bool,
    /// The TLP that the card is sending. Its content counts when `tlp_done`; between runs it belongs to the card's side.
    pub tlp: TlpBuf,
    /// Cycle in which the first beat of `tlp` passed.
    pub tlp_first: Cycle,
    /// See [`PortOut::credits`](super::PortOut::credits), as driven after the run.
    pub credits: Option<Limits>,
    /// See [`PortOut::front_busy`](super::PortOut::front_busy), as driven after the run.
    pub front_busy: u16,
}

/// A card, run by run.
pub trait TlpPort {
    /// Width of the port.
    fn width(&self) -> DataWidth;

    /// Runs the card from `now` for at least one and at most `limit` clocks (one at least is allowed), under `stimulus`. Ends
    ///
    /// - with the clock in which the last beat of a TLP passed on the transmit stream, `response.tlp` holding it; or
    /// - with the clock after which the card grants other credits than `response.credits` said on entry; or
    /// - with the clock in which an open front-end stream ran empty; or
    /// - with the clock in which a TLP towards the card passed wholly (its buffer is then in `stimulus.spare`); or
    /// - at the limit.
    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response);
}

impl<P: TlpPort + ?Sized> TlpPort for Box<P> {
    fn width(&self) -> DataWidth {
        (**self).width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        (**self).run(now, limit, stimulus, response);
    }
}
