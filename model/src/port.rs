//! The card at the port: clock by clock, and run by run.
//!
//! A run passes uneventful clocks together: those in which no TLP starts or ends, none arrives, and no timer runs out. What is
//! eventful goes through the same `step` as a single clock does.

use crate::c2h::Front;
use crate::card::{Card, Fronts};
use crate::config::ErrorKind;
use crate::h2c::Lack;
use crate::read::Reader;
use silico_spec::credit::Limits;
use silico_spec::params::DataWidth;
use silico_spec::port::{Beat, Endpoint, FrontBeat, FrontStream, OutStream, PortIn, PortOut, Response, Stimulus, TlpPort};
use silico_spec::tlp::Header;
use silico_spec::units::{Cycle, Cycles};

struct Shown<'a>(&'a PortIn);

impl Fronts for Shown<'_> {
    fn of(&mut self, channel: usize) -> Front<'_> {
        Front::Beat(Some(&self.0.front[channel]))
    }

    fn silent(&self, channel: usize, _: u64, _: u64) -> bool {
        self.0.front_valid >> channel & 1 == 0
    }

    fn out_ready(&self, channel: usize) -> bool {
        self.0.out_ready >> channel & 1 != 0
    }

    /// Whoever drives the signals sees the beat on them.
    fn out_take(&mut self, _: usize, _: &[u8], _: bool) {}
}

/// Streams of a run; see [`Front::Stream`] for the skew.
struct Streams<'a> {
    streams: &'a mut [FrontStream],
    skew: u64,
    out: &'a mut [OutStream],
    now: Cycle,
}

impl Fronts for Streams<'_> {
    fn of(&mut self, channel: usize) -> Front<'_> {
        match self.streams.get_mut(channel) {
            Some(stream) => Front::Stream(stream, self.skew),
            None => Front::Beat(None),
        }
    }

    #[inline]
    fn silent(&self, channel: usize, from: u64, clocks: u64) -> bool {
        let next = self.streams.get(channel).and_then(|stream| stream.frames.front());
        next.is_none_or(|frame| frame.at.0 >= from.wrapping_add(self.skew).saturating_add(clocks))
    }

    fn out_ready(&self, channel: usize) -> bool {
        out_ready(self.out, channel, self.now)
    }

    fn out_take(&mut self, channel: usize, bytes: &[u8], last: bool) {
        let Some(stream) = self.out.get_mut(channel) else { return };
        stream.bytes.extend_from_slice(bytes);
        if last {
            stream.ends.push(stream.bytes.len());
        }
    }
}

fn out_ready(streams: &[OutStream], channel: usize, now: Cycle) -> bool {
    streams.get(channel).is_some_and(|stream| now >= stream.ready_at)
}

impl Card {
    /// Clocks from now in which nothing starts, ends, arrives or runs out, if the transmit stream's receiver is ready after `hold` clocks.
    fn uneventful(&self, hold: u64) -> u64 {
        // An access goes on in the clock after it was poked. A request that waits while nothing is poked waits for room for its completion, and a function-level
        // reset for its own to leave: one that leaves is an event.
        if self.poked {
            return 0;
        }
        let mut clocks = u64::MAX;
        for index in self.awake {
            let (channel, reads) = (&self.channels[index], self.reads.of(Reader::C2h(index)));
            if channel.look_at > self.cycles {
                clocks = clocks.min(channel.look_at - self.cycles);
                continue;
            }
            if !channel.settled(reads) {
                return 0;
            }
            clocks = clocks.min(channel.timer().map_or(u64::MAX, |at| at.saturating_sub(self.cycles)));
        }
        clocks = clocks.min(self.h2c_timers());
        if clocks == 0 {
            return 0;
        }
        if self.transmitter.source.is_some() {
            clocks = clocks.min(hold.saturating_add(u64::from(self.transmitter.beats - self.transmitter.beat - 1)));
        } else if self.grantable(&self.env) {
            return 0;
        }
        clocks
    }

    /// Passes `clocks` uneventful clocks, the first `hold` of them without a ready receiver.
    fn pass<F: Fronts>(&mut self, clocks: u64, hold: u64, fronts: &mut F, now: Cycle) {
        let env = self.env;
        let sending = self.transmitter.channel();
        self.pass_beats(clocks, hold, &env, now);
        if !self.no_readers() {
            let lack = self.lack();
            let tagless = lack == Lack::Tag && self.fetch_wanted(&env);
            self.count_reads(&env, clocks, lack, tagless, None);
        }
        self.count_rest(&env, clocks);
        let outputs = self.ready_outputs(&env, fronts);
        for index in self.awake {
            self.advance_channel(index, &env, clocks, sending == Some(index), fronts);
        }
        self.advance_h2c(&env, clocks, outputs, fronts);
        self.catch_up();
        self.registers.perf.cycles += clocks;
        self.cycles += clocks;
    }

    fn show(&self, output: &mut PortOut) {
        let env = self.env;
        output.tx = match self.transmitter.source {
            Some(_) => self.transmitter.tlp.beat(self.transmitter.beat, self.params.width),
            None => Beat::NONE,
        };
        output.rx_ready = !self.is_in_reset();
        output.credits = self.granted_credits();
        (output.front_ready, output.front_busy) = (0, 0);
        for (index, channel) in self.channels.iter().enumerate() {
            output.front_ready |= u16::from(channel.front_ready(&env)) << index;
            output.front_busy |= u16::from(channel.busy()) << index;
        }
        output.out_valid = 0;
        for (index, beat) in output.out.iter_mut().enumerate() {
            let shown = self.stream_beat(index, &env);
            output.out_valid |= u8::from(shown.is_some()) << index;
            *beat = shown.unwrap_or(FrontBeat::NONE);
        }
    }

    fn begin_receiving(&mut self, header: &Header) {
        self.receiving = true;
        self.awaited = self.reads.awaits(header);
    }

    /// A beat of a TLP towards the card. Beats of one whose first the card has not seen, since it was in reset, mean nothing to it.
    fn receive_beat(&mut self, beat: &Beat) {
        if beat.sop {
            self.begin_receiving(&Header(beat.header));
        }
        if !self.receiving {
            return;
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let fits = incoming.push(beat);
        if !fits {
            self.log(ErrorKind::MalformedTlp, Some(&Header(incoming.header)));
        } else if beat.eop {
            self.receive(&incoming);
        }
        self.receiving = fits && !beat.eop;
        self.incoming = incoming;
    }

    fn granted_credits(&self) -> Limits {
        if self.is_in_reset() { Limits::NONE } else { self.receiver.credits }
    }

    fn busy_bits(&self) -> u16 {
        self.awake.fold(0, |bits, index| bits | u16::from(self.channels[index].busy()) << index)
    }
}

impl Endpoint for Card {
    fn width(&self) -> DataWidth {
        self.params.width
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.set_limits(&input.credits);
        let reset = input.reset || !input.link_up;
        if !self.is_in_reset() {
            self.step(input.tx_ready, &mut Shown(input), None, Cycle(self.cycles));
            if input.rx.valid && !reset {
                self.registers.perf.rx_busy += 1;
                self.receive_beat(&input.rx);
            }
        } else if !reset {
            self.leave_reset();
        }
        if reset {
            self.hold_in_reset(input.reset, 1);
        }
        self.show(output);
    }

    fn quiet(&self) -> Cycles {
        if self.is_in_reset() || self.transmitter.source.is_some() {
            return Cycles(0);
        }
        let env = self.env;
        let still = self
            .awake
            .map(|index| &self.channels[index])
            .map(|channel| channel.clocks_to_beat(&env, self.cycles))
            .min()
            .unwrap_or(u64::MAX);
        Cycles(self.uneventful(0).min(still).min(self.h2c_still(&env, |_| false)))
    }

    fn skip(&mut self, span: Cycles) {
        let mut streams = Streams { streams: &mut [], skew: 0, out: &mut [], now: Cycle(self.cycles) };
        self.pass(span.0, 0, &mut streams, Cycle(self.cycles));
    }
}

impl TlpPort for Card {
    fn width(&self) -> DataWidth {
        self.params.width
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        let limit = limit.0.max(1);
        self.set_limits(&stimulus.credits);
        response.tlp_done = false;
        let open = stimulus.front.iter().any(|stream| stream.open);
        let mut index = 0;
        while index < limit {
            let (clocks, ended) = self.run_piece(Cycle(now.0 + index), index, limit - index, open, stimulus, response);
            index += clocks;
            let granted = self.receiver.take_granted();
            if ended || granted || response.tlp_done {
                break;
            }
        }
        response.credits = Some(self.granted_credits());
        response.clocks = Cycles(index);
        response.front_busy = self.busy_bits();
    }
}

impl Card {
    /// Passes some clocks, at most `most`; `open`: some front-end stream is. Returns how many, and whether something came that ends the run.
    fn run_piece(
        &mut self,
        now: Cycle,
        index: u64,
        most: u64,
        open: bool,
        stimulus: &mut Stimulus,
        response: &mut Response,
    ) -> (u64, bool) {
        let reset = stimulus.reset || !stimulus.link_up;
        if self.is_in_reset() {
            if reset {
                // Once it is said that there are no credits, nothing comes of more clocks.
                let clocks = if response.credits == Some(Limits::NONE) { most } else { 1 };
                self.hold_in_reset(stimulus.reset, clocks);
                return (clocks, false);
            }
            self.leave_reset();
            return (1, false);
        }
        let skew = now.0.wrapping_sub(self.cycles);
        let hold = stimulus.tx_ready_at.since(now).0;
        let tx_ready = stimulus.tx_ready(now, index);
        let clocks = if reset { 0 } else { self.plan(now, skew, hold, stimulus).min(most) };
        let mut fronts = Streams { streams: &mut stimulus.front, skew, out: &mut stimulus.out, now };
        if clocks > 0 {
            self.pass(clocks, hold, &mut fronts, now);
            let arrived = !stimulus.rx.is_empty() && self.take_beats(now, index, clocks, stimulus);
            return (clocks, arrived || open && ran_dry(&stimulus.front));
        }
        self.step(tx_ready, &mut fronts, Some(response), now);
        let arrived = if reset {
            self.enter_reset(now, index, stimulus)
        } else {
            !stimulus.rx.is_empty() && self.take_beats(now, index, 1, stimulus)
        };
        (1, arrived || open && ran_dry(&stimulus.front))
    }

    /// The end of the clock in which reset came: beats that were shown and taken in it have passed, those towards the card in vain.
    #[cold]
    fn enter_reset(&mut self, now: Cycle, index: u64, stimulus: &mut Stimulus) -> bool {
        let arrived = self.pass_rx_beats(now, index, 1, stimulus);
        if arrived {
            stimulus.rx_done();
        }
        self.hold_in_reset(stimulus.reset, 1);
        arrived
    }

    /// How many clocks from `now` are uneventful in view of the stimulus.
    fn plan(&self, now: Cycle, skew: u64, hold: u64, stimulus: &mut Stimulus) -> u64 {
        if stimulus.tx_stall != 0 || self.transmitter.at_last_beat(hold) {
            return 0;
        }
        let mut clocks = self.uneventful(hold);
        if clocks == 0 {
            return 0;
        }
        if let Some(rx) = stimulus.rx.front() {
            // A TLP takes effect at the end of the clock of its last beat. Where there may be gaps between beats, each goes by itself.
            let left = if stimulus.rx_stall == 0 { self.params.width.beats(rx.tlp.payload().len() as u32) - stimulus.rx_passed } else { 0 };
            clocks = clocks.min(rx.at.since(now).0 + u64::from(left));
        }
        if !self.h2c_awake.is_empty() {
            let out = &stimulus.out;
            clocks = clocks.min(self.h2c_still(&self.env, |channel| out_ready(out, channel, now)));
            clocks = clocks.min(self.clocks_to_output(&self.env, |channel| out.get(channel).map(|stream| stream.ready_at.since(now).0)));
        }
        let idle = self.transmitter.source.is_none();
        let env = self.env;
        for index in self.awake {
            let (channel, Some(stream)) = (&self.channels[index], stimulus.front.get_mut(index)) else { continue };
            if channel.still.is_some() {
                continue;
            }
            clocks = clocks.min(clocks_to_dry(stream, self.params.width));
            if idle && clocks > 0 && !channel.fed_by_loop() {
                clocks = clocks.min(channel.clocks_to_want(&env, self.cycles, &Front::Stream(stream, skew)));
            }
        }
        clocks
    }

    /// The beats towards the card pass that are shown in `clocks` clocks, `index` clocks into the run, which end with the last of a TLP at the latest. Returns whether they
    /// do.
    fn pass_rx_beats(&mut self, now: Cycle, index: u64, clocks: u64, stimulus: &mut Stimulus) -> bool {
        let Some(rx) = stimulus.rx.front() else { return false };
        let beats = clocks.saturating_sub(rx.at.since(now).0);
        if beats == 0 || !stimulus.rx_shown(index) {
            return false;
        }
        if stimulus.rx_passed == 0 {
            self.begin_receiving(&Header(rx.tlp.header));
        }
        stimulus.rx_passed += beats as u32;
        self.registers.perf.rx_busy += beats;
        stimulus.rx_passed >= self.params.width.beats(rx.tlp.payload().len() as u32)
    }

    fn take_beats(&mut self, now: Cycle, index: u64, clocks: u64, stimulus: &mut Stimulus) -> bool {
        if !self.pass_rx_beats(now, index, clocks, stimulus) {
            return false;
        }
        if let (true, Some(rx)) = (std::mem::take(&mut self.receiving), stimulus.rx.front()) {
            self.receive(&rx.tlp);
        }
        stimulus.rx_done();
        true
    }
}

/// At least this many clocks pass before the stream could run dry, if that matters.
fn clocks_to_dry(stream: &FrontStream, width: DataWidth) -> u64 {
    match stream.frames.front() {
        Some(frame) if stream.open => {
            ((frame.len - stream.passed) as u64 >> width.bytes().trailing_zeros()) + stream.frames.len() as u64 - 1
        }
        _ => u64::MAX,
    }
}

fn ran_dry(streams: &[FrontStream]) -> bool {
    streams.iter().any(|stream| stream.open && stream.frames.is_empty())
}
