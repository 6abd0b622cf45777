//! The front end of a channel: beats into the FIFO, over one clock or many, and where clocks go meanwhile.

use super::{Channel, Env, Front, GeneratorOffer, Next, Offer, Payload, State};
use silico_spec::credit::data_credits;

impl Channel {
    /// `front_ready` in the coming clock.
    pub(crate) fn front_ready(&self, env: &Env) -> bool {
        self.running(env) && self.external() && self.takes(env)
    }

    /// The beat that an H2C channel offers is taken in the coming clock.
    pub(crate) fn loop_ready(&self, env: &Env) -> bool {
        self.running(env) && self.fed_by_loop() && self.takes(env)
    }

    pub(crate) fn busy(&self) -> bool {
        self.busy
    }

    pub(super) fn takes(&self, env: &Env) -> bool {
        self.ingest.ready(&self.fifo, env.width, self.run.drops())
    }

    // Inlined: returned through memory, an offer costs a stalled load each time.
    #[inline(always)]
    pub(super) fn offer<'a>(&self, now: u64, front: &'a Front<'_>) -> Offer<'a> {
        if self.run.generator() {
            return match self.generator.offer(now) {
                GeneratorOffer::Wait(clocks) => Offer::Wait(clocks),
                GeneratorOffer::Beats { key, offset, left, one_only } => Offer::Beats {
                    payload: Payload::Pattern { key, offset, left },
                    ends: true,
                    error: false,
                    source: self.run.gen_source(),
                    one_only,
                },
                GeneratorOffer::Block { offset, left, source, one_only } => {
                    Offer::Beats { payload: Payload::Block { offset, left }, ends: true, error: false, source, one_only }
                }
            };
        }
        match front {
            Front::Beat(None) => Offer::Wait(u64::MAX),
            Front::Beat(Some(beat)) => Offer::Beats {
                payload: Payload::Bytes(&beat.data[..usize::from(beat.bytes)]),
                ends: beat.last,
                error: beat.error,
                source: beat.source,
                one_only: true,
            },
            Front::Stream(stream, skew) => match stream.frames.front() {
                None => Offer::Wait(u64::MAX),
                Some(frame) if frame.at.0 > now.wrapping_add(*skew) => Offer::Wait(frame.at.0 - now.wrapping_add(*skew)),
                Some(frame) => Offer::Beats {
                    payload: Payload::Bytes(&frame.payload()[stream.passed..]),
                    ends: true,
                    error: frame.error,
                    source: frame.source,
                    one_only: false,
                },
            },
        }
    }

    /// Passes `clocks` clocks in which nothing comes from its source, if that is known beforehand.
    #[inline]
    pub(crate) fn stays(&mut self, env: &Env, clocks: u64, sending: bool) -> bool {
        let Some(held) = self.still.filter(|_| env.enabled) else { return false };
        self.count(env, clocks, sending);
        self.perf.front_held += if held { clocks } else { 0 };
        true
    }

    /// As [`Channel::stays`], if it runs and is fed by a stream that offers nothing in these clocks.
    #[inline]
    pub(crate) fn starves(&mut self, env: &Env, clocks: u64, sending: bool) -> bool {
        let starves = self.running(env) && self.external();
        if starves {
            self.count(env, clocks, sending);
        }
        starves
    }

    /// Passes `clocks` clocks from `now` in which no TLP of the channel is granted or ends. `sending`: one is under way, or was granted just now.
    pub(crate) fn advance(&mut self, env: &Env, now: u64, clocks: u64, sending: bool, front: &mut Front<'_>) {
        if !self.running(env) {
            // The global enable is low: nothing moves, but BUSY is still shown.
            self.perf.busy += if self.busy { clocks } else { 0 };
            return;
        }
        let end = now + clocks;
        let mut at = now;
        while at < end {
            let most = if self.behind { 1 } else { end - at };
            at += self.advance_piece(env, at, most, sending, front);
            if at < end {
                self.catch_up(env);
            }
        }
    }

    pub(super) fn advance_piece(&mut self, env: &Env, now: u64, most: u64, sending: bool, front: &mut Front<'_>) -> u64 {
        let takes = self.takes(env);
        let (payload, ends, error, source, one_only) = match self.offer(now, front) {
            Offer::Beats { payload, ends, error, source, one_only } => (payload, ends, error, source, one_only),
            Offer::Wait(clocks) => {
                let clocks = clocks.min(most);
                self.count(env, clocks, sending);
                if self.run.generator() {
                    self.generator.wait(now, clocks);
                    self.still = self.generator.is_over().then_some(false);
                }
                return clocks;
            }
        };
        if !takes {
            self.count(env, most, sending);
            self.perf.front_held += most;
            // A beat on the signals may be taken back; frames of a stream and of the generator stay.
            self.still = (self.run.generator() || matches!(front, Front::Stream(..))).then_some(true);
            return most;
        }
        let width = env.width.bytes();
        let beats = u64::from(self.beats_in_piece(env, payload.len(), one_only)).min(most);
        let bytes = payload.len().min((beats as u32).saturating_mul(width));
        let last = ends && bytes == payload.len();
        let dropped = self.ingest.dropped;
        self.count(env, beats, sending);
        let (fifo, max_frame) = (&mut self.fifo, self.run.frame_limit());
        let payload = match payload {
            Payload::Block { offset, .. } => Payload::Bytes(&self.generator.block()[offset as usize..]),
            payload => payload,
        };
        self.ingest.take(fifo, env.width, now, payload, bytes, last, error, source, max_frame);
        self.perf.front_beats += beats;
        if self.ingest.dropped != dropped && self.fifo.head().is_none() {
            match self.pages.as_deref_mut() {
                Some(pages) => pages.give_up(),
                None => self.packetizer.give_up(),
            }
        }
        match front {
            _ if self.run.generator() => self.generator.taken(bytes, last),
            Front::Stream(stream, _) => {
                stream.passed += bytes as usize;
                if last {
                    stream.passed = 0;
                    stream.frames.pop_front();
                }
            }
            Front::Beat(beat) => *beat = None,
        }
        self.update_busy();
        self.refresh(env);
        beats
    }

    /// Beats that pass alike: up to the frame's end, a full FIFO, the threshold of BUSY, and the first byte that makes a TLP possible.
    pub(super) fn beats_in_piece(&self, env: &Env, left: u32, one_only: bool) -> u32 {
        if one_only {
            return 1;
        }
        let mut beats = env.width.beats(left).min(self.ingest.alike(&self.fifo, env.width));
        if !self.busy {
            beats = beats.min(env.width.beats(self.run.busy_assert.saturating_sub(self.fifo.fill())));
        }
        if let Next::NoData(bytes) = self.next {
            beats = beats.min(env.width.beats(bytes));
        }
        beats
    }

    #[inline]
    pub(super) fn count(&mut self, env: &Env, clocks: u64, sending: bool) {
        if self.busy {
            self.perf.busy += clocks;
        }
        if sending {
            return;
        }
        let counter = match self.wanted_bytes(env) {
            Some(bytes) if !env.consumed.allows(&env.limit, data_credits(bytes)) => &mut self.perf.no_credit,
            Some(_) => &mut self.perf.no_grant,
            None if matches!(self.next, Next::NoRoom) => &mut self.perf.no_buffer,
            None => &mut self.perf.no_data,
        };
        *counter += clocks;
    }

    pub(super) fn update_busy(&mut self) {
        let fill = self.fifo.fill();
        if fill >= self.run.busy_assert {
            self.busy = true;
        } else if fill <= self.run.busy_release {
            self.busy = false;
        }
    }

    /// At least this many clocks pass before the channel can want to send, if nothing but its own source moves.
    pub(crate) fn clocks_to_want(&self, env: &Env, now: u64, front: &Front<'_>) -> u64 {
        let bytes = match self.next {
            Next::NoData(bytes) => bytes,
            // A drop of the open frame takes back what it wanted, and then other TLPs are possible.
            Next::Chunk(_) | Next::NoRoom if self.run.drops() && self.fifo.head().is_none() => 1,
            _ => return u64::MAX,
        };
        if !self.running(env) {
            return u64::MAX;
        }
        match self.offer(now, front) {
            Offer::Wait(clocks) => clocks.saturating_add(1),
            Offer::Beats { .. } if !self.takes(env) => u64::MAX,
            Offer::Beats { payload, .. } => u64::from(env.width.beats(bytes).min(env.width.beats(payload.len()))),
        }
    }

    /// At least this many clocks pass before the FIFO changes, with nothing on the front-end stream.
    pub(crate) fn clocks_to_beat(&self, env: &Env, now: u64) -> u64 {
        match self.offer(now, &Front::Beat(None)) {
            Offer::Wait(clocks) => clocks,
            Offer::Beats { .. } if self.running(env) && self.takes(env) => 0,
            Offer::Beats { .. } => u64::MAX,
        }
    }

    /// Takes up what changed: the FIFO, its room, MPS. With pages, at the [end of the clock](Self::catch_up).
    pub(crate) fn refresh(&mut self, env: &Env) {
        self.next = match self.pages {
            _ if self.state != State::Running => Next::Off,
            None => self.packetizer.next(&self.fifo, env.mps, self.sw_count + self.run.ring_size),
            Some(_) => {
                self.behind = true;
                return;
            }
        };
    }
}
