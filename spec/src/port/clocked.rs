//! Any [`Endpoint`] as a [`TlpPort`]: clock by clock, beat by beat.

use super::{Beat, ChannelView, Endpoint, Inspect, MAX_PAYLOAD, PortIn, PortOut, Response, Stimulus, TlpPort};
use crate::fork::{CannotFork, Fork, Memo};
use crate::params::DataWidth;
use crate::units::{Cycle, Cycles};

/// Any [`Endpoint`] as a [`TlpPort`]: clock by clock, beat by beat.
#[derive(Clone, Debug)]
pub struct Clocked<E> {
    endpoint: E,
    input: PortIn,
    output: PortOut,
}

impl<E: Endpoint> Clocked<E> {
    /// Around an endpoint whose outputs are `output` at present.
    pub fn new(endpoint: E) -> Self {
        Self { endpoint, input: PortIn::default(), output: PortOut::default() }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// The endpoint, to change it.
    pub fn endpoint_mut(&mut self) -> &mut E {
        &mut self.endpoint
    }

    fn show_inputs(&mut self, now: Cycle, index: u64, stimulus: &Stimulus) {
        let width = self.endpoint.width();
        let input = &mut self.input;
        (input.reset, input.link_up, input.credits) = (stimulus.reset, stimulus.link_up, stimulus.credits);
        input.tx_ready = stimulus.tx_ready(now, index);
        input.rx = match stimulus.rx.front() {
            Some(rx) if rx.at <= now && stimulus.rx_shown(index) => rx.tlp.beat(stimulus.rx_passed, width),
            _ => Beat::NONE,
        };
        input.out_ready = stimulus.out.iter().enumerate().fold(0, |bits, (i, out)| bits | u8::from(now >= out.ready_at) << i);
        input.front_valid = 0;
        for (channel, stream) in stimulus.front.iter().enumerate() {
            if let Some(beat) = stream.beat(now, width) {
                input.front_valid |= 1 << channel;
                input.front[channel] = beat;
            }
        }
    }

    /// How many of the coming clocks can be skipped, and why not more: a beat shown, a beat offered, the card's own timers.
    fn skippable(&self, now: Cycle, limit: Cycles, stimulus: &Stimulus) -> u64 {
        let same = (stimulus.link_up, stimulus.credits) == (self.input.link_up, self.input.credits);
        if self.output.tx.valid || self.output.out_valid != 0 || stimulus.reset || self.input.reset || !same {
            return 0;
        }
        let rx = stimulus.rx.front().map(|rx| rx.at);
        let front = stimulus.front.iter().filter_map(|stream| stream.frames.front().map(|frame| frame.at)).min();
        let next = rx.into_iter().chain(front).min().unwrap_or(Cycle::NEVER);
        self.endpoint.quiet().0.min(limit.0).min(next.since(now).0)
    }
}

impl<E: Fork> Fork for Clocked<E> {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { endpoint: self.endpoint.fork(memo)?, input: self.input.clone(), output: self.output.clone() })
    }
}

impl<E: Inspect> Inspect for Clocked<E> {
    fn c2h(&self, channel: usize) -> Option<ChannelView> {
        self.endpoint.c2h(channel)
    }

    fn h2c(&self, channel: usize) -> Option<ChannelView> {
        self.endpoint.h2c(channel)
    }

    fn tags(&self) -> (usize, usize) {
        self.endpoint.tags()
    }

    fn device_control(&self) -> u16 {
        self.endpoint.device_control()
    }
}

impl<E: Endpoint> TlpPort for Clocked<E> {
    fn width(&self) -> DataWidth {
        self.endpoint.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        let width = self.endpoint.width();
        let limit = Cycles(limit.0.max(1));
        response.tlp_done = false;
        let mut index = 0;
        let mut ended = false;
        while index < limit.0 && !ended {
            let at = Cycle(now.0 + index);
            let skip = self.skippable(at, Cycles(limit.0 - index), stimulus);
            if skip > 1 {
                self.endpoint.skip(Cycles(skip));
                index += skip;
                continue;
            }
            self.show_inputs(at, index, stimulus);
            let shown = self.output.tx;
            let rx_passes = self.input.rx.valid && self.output.rx_ready;
            let front_passes = self.input.front_valid & self.output.front_ready;
            let out_passes = self.output.out_valid & self.input.out_ready;
            for (channel, out) in stimulus.out.iter_mut().enumerate().filter(|(channel, _)| out_passes >> channel & 1 != 0) {
                out.take(&self.output.out[channel]);
            }
            self.endpoint.clock(&self.input, &mut self.output);
            index += 1;
            if shown.valid && self.input.tx_ready {
                if shown.sop {
                    response.tlp_first = at;
                }
                response.tlp_done = shown.eop;
                if !response.tlp.push(&shown) {
                    // It never ends. Cut at a length that no header can announce, so that a checker sees it.
                    response.tlp.set_len(MAX_PAYLOAD - 1);
                    response.tlp_done = true;
                }
                ended |= response.tlp_done;
            }
            if rx_passes {
                stimulus.rx_passed += 1;
                if self.input.rx.eop {
                    stimulus.rx_done();
                    ended = true;
                }
            }
            for (channel, stream) in stimulus.front.iter_mut().enumerate() {
                if front_passes >> channel & 1 != 0 && stream.advance(width) {
                    ended |= stream.open && stream.frames.is_empty();
                }
            }
            ended |= response.credits != Some(self.output.credits);
            response.credits = Some(self.output.credits);
        }
        response.clocks = Cycles(index);
        response.front_busy = self.output.front_busy;
    }
}
