//! A card-to-host channel: source → ingest → FIFO → packetizer → ring in host memory, and the progress that tells the host.
//!
//! A channel knows nothing of other channels, of the link or of registers' addresses; the card asks it what it wants to send and
//! tells it what has left. All decisions of a clock are made on the state at its start.

mod fifo;
mod generator;
mod ingest;
mod packetizer;
mod progress;
mod registers;
mod settings;

use fifo::Fifo;
use generator::{Generator, GeneratorOffer};
use ingest::{Ingest, Payload};
use packetizer::{Chunk, Next, Packetizer};
use progress::{Causes, Delivered, Progress};
pub(crate) use registers::{Write, join, snapshot};
use settings::Settings;
use silico_spec::credit::{Consumed, Limit, data_credits};
use silico_spec::frame::{FrameHeader, GRID, HEADER_BYTES};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{FrontBeat, FrontStream, TlpBuf};
use silico_spec::tlp::Attributes;
use silico_spec::writeback::{self, ChannelError, ChannelState, WriteBack};

/// What all channels see of the card in a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env {
    pub(crate) width: DataWidth,
    /// Maximum payload size, bytes.
    pub(crate) mps: u32,
    /// Global enable.
    pub(crate) enabled: bool,
    /// Posted credits granted to the card.
    pub(crate) limit: Limit,
    /// Posted credits that the card has used.
    pub(crate) consumed: Consumed,
}

impl Env {
    /// As after power-on.
    pub(crate) const fn new(width: DataWidth) -> Self {
        Self { width, mps: 128, enabled: false, limit: Limit::NONE, consumed: Consumed { headers: 0, data: 0 } }
    }
}

/// The front-end stream, at either grain of the port.
#[derive(Debug)]
pub(crate) enum Front<'a> {
    /// One clock: the beat shown, if there is one.
    Beat(Option<&'a FrontBeat>),
    /// A run of clocks. The second is what to add to the card's cycles to get the port's, which the frames' times are in.
    Stream(&'a mut FrontStream, u64),
}

/// Where a stop leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Idle,
    Error,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    Stopping { after: After, block_sent: bool },
    Error,
}

/// A TLP of this channel on the transmitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flight {
    /// Payload bytes, and the byte count that becomes true with the header, if it is in.
    Data { payload: u32, count: Option<u64> },
    /// A write-back block.
    WriteBack,
}

/// A TLP that the channel wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Data(Chunk),
    WriteBack,
}

impl Want {
    pub(crate) fn bytes(&self) -> u32 {
        match self {
            Self::Data(chunk) => chunk.bytes(),
            Self::WriteBack => writeback::BYTES,
        }
    }
}

/// Where a posted write goes and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: u64,
    pub(crate) attributes: Attributes,
}

/// Something that the card has to signal for the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Data(u16),
    Error(u16),
}

/// Clocks and beats by cause; the order is that of the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Perf {
    pub(crate) tx_beats: u64,
    pub(crate) no_credit: u64,
    pub(crate) no_buffer: u64,
    pub(crate) no_data: u64,
    pub(crate) no_grant: u64,
    pub(crate) front_beats: u64,
    pub(crate) front_held: u64,
    pub(crate) busy: u64,
}

enum Offer<'a> {
    Wait(u64),
    Beats { payload: Payload<'a>, ends: bool, error: bool, source: u16, one_only: bool },
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    index: u8,
    params: CardParams,
    /// Registers as written.
    set: Settings,
    /// Registers as taken by the last start.
    run: Settings,
    causes: Causes,
    staged: registers::Staged,
    shadow: registers::Shadow,
    state: State,
    run_bit: bool,
    runs: u32,
    sw_count: u64,
    delivered: Delivered,
    discarded: u32,
    error: (ChannelError, u64),
    busy: bool,
    fifo: Fifo,
    ingest: Ingest,
    generator: Generator,
    packetizer: Packetizer,
    progress: Progress,
    next: Next,
    pub(crate) flight: Option<Flight>,
    /// What was signalled and has not gone out as a message: the vectors of the data and the error cause.
    fired: [Option<u16>; 2],
    /// In this clock it wanted to write to memory and may not.
    refused: bool,
    pub(crate) perf: Perf,
    latched: Perf,
}

impl Channel {
    pub(crate) fn new(index: u8, params: &CardParams) -> Self {
        let set = Settings::default();
        Self {
            index,
            params: params.clone(),
            set,
            run: set,
            causes: Causes::default(),
            staged: registers::Staged::default(),
            shadow: registers::Shadow::default(),
            state: State::Idle,
            run_bit: false,
            runs: 0,
            sw_count: 0,
            delivered: Delivered::default(),
            discarded: 0,
            error: (ChannelError::None, 0),
            busy: false,
            fifo: Fifo::new(params.fifo_bytes, params.fifo_frames),
            ingest: Ingest::default(),
            generator: Generator::start(index, &set),
            packetizer: Packetizer::default(),
            progress: Progress::default(),
            next: Next::Off,
            flight: None,
            fired: [None; 2],
            refused: false,
            perf: Perf::default(),
            latched: Perf::default(),
        }
    }

    /// Everything as after power-on, at once, save what is known of the front-end stream's position. The run number stays for `keep_runs`.
    pub(crate) fn power_on(&mut self, keep_runs: bool) {
        self.ingest.cut(!self.run.generator());
        self.ingest.restart(false);
        let runs = if keep_runs { self.runs } else { 0 };
        *self = Self { ingest: self.ingest, runs, ..Self::new(self.index, &self.params) };
    }

    pub(crate) fn state(&self) -> ChannelState {
        match self.state {
            State::Idle => ChannelState::Idle,
            State::Running => ChannelState::Running,
            State::Stopping { .. } => ChannelState::Stopping,
            State::Error => ChannelState::Error,
        }
    }

    /// Nothing is left to do for a stop at the end of the next clock.
    pub(crate) fn settled(&self) -> bool {
        !matches!(self.state, State::Stopping { .. }) || self.flight.is_some() || self.progress.due
    }

    /// Nothing can happen in it without a register write.
    pub(crate) fn asleep(&self) -> bool {
        matches!(self.state, State::Idle | State::Error) && !self.progress.armed && !self.progress.pending()
    }

    fn running(&self, env: &Env) -> bool {
        self.state == State::Running && env.enabled
    }

    // --- start, stop, reset -------------------------------------------------------------------------------------------------

    fn start(&mut self) {
        if !matches!(self.state, State::Idle | State::Error) {
            return;
        }
        self.run_bit = true;
        self.runs = self.runs.wrapping_add(1);
        self.run = self.set.resolved(&self.params);
        self.sw_count = 0;
        self.delivered = Delivered::default();
        self.discarded = 0;
        self.error = (ChannelError::None, 0);
        self.fired = [None; 2];
        self.busy = false;
        self.ingest.restart(!self.run.generator());
        self.packetizer = Packetizer::default();
        self.progress.restart();
        self.generator = Generator::start(self.index, &self.run);
        self.state = State::Running;
        if let Err((code, value)) = self.run.check(&self.params) {
            self.fail(code, value);
        }
    }

    fn stop(&mut self, after: After) {
        match &mut self.state {
            State::Running => {
                // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
                self.progress.due = false;
                self.state = State::Stopping { after, block_sent: after == After::Reset };
                self.run_bit = false;
                self.busy = false;
                self.next = Next::Off;
            }
            State::Stopping { after: old, block_sent } if after == After::Reset => {
                *old = After::Reset;
                *block_sent = true;
            }
            State::Idle | State::Error if after == After::Reset => self.state = State::Stopping { after, block_sent: true },
            _ => {}
        }
    }

    fn fail(&mut self, code: ChannelError, value: u64) {
        if self.state == State::Running {
            self.error = (code, value);
            self.stop(After::Error);
        }
    }

    /// The channel as after power-on; what is under way ends first.
    pub(crate) fn reset(&mut self) {
        self.stop(After::Reset);
    }

    /// As [`Channel::reset`], and the run number starts anew.
    pub(crate) fn reset_with_runs(&mut self) {
        self.reset();
        self.runs = 0;
    }

    /// Moves a stop on, once nothing is under way. Returns whether the error cause fires.
    fn settle(&mut self, can_write: bool) -> bool {
        let State::Stopping { after, block_sent } = self.state else { return false };
        if self.flight.is_some() {
            return false;
        }
        let cut = self.ingest.cut(!self.run.generator());
        self.discarded += (self.fifo.flush() + usize::from(cut)) as u32;
        if self.run.writes_back() && self.error.0 != ChannelError::BadWriteBack && !block_sent && can_write {
            self.progress.due = true;
            return false;
        }
        self.progress.due = false;
        match after {
            After::Idle => self.state = State::Idle,
            After::Error => self.state = State::Error,
            After::Reset => {
                self.power_on(true);
                return false;
            }
        }
        self.progress.finish(&self.causes, self.delivered);
        after == After::Error
    }

    // --- the front end ------------------------------------------------------------------------------------------------------

    /// `front_ready` in the coming clock.
    pub(crate) fn front_ready(&self, env: &Env) -> bool {
        self.running(env) && !self.run.generator() && self.takes(env)
    }

    pub(crate) fn busy(&self) -> bool {
        self.busy
    }

    fn takes(&self, env: &Env) -> bool {
        self.ingest.ready(&self.fifo, env.width, self.run.drops())
    }

    // Inlined: returned through memory, an offer costs a stalled load each time.
    #[inline(always)]
    fn offer<'a>(&self, now: u64, front: &'a Front<'_>) -> Offer<'a> {
        if self.run.generator() {
            return match self.generator.offer() {
                GeneratorOffer::Wait(clocks) => Offer::Wait(clocks),
                GeneratorOffer::Beats { key, offset, left, one_only } => Offer::Beats {
                    payload: Payload::Pattern { key, offset, left },
                    ends: true,
                    error: false,
                    source: self.run.gen_source(),
                    one_only,
                },
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
            at += self.advance_piece(env, at, end - at, sending, front);
        }
    }

    fn advance_piece(&mut self, env: &Env, now: u64, most: u64, sending: bool, front: &mut Front<'_>) -> u64 {
        let takes = self.takes(env);
        let (payload, ends, error, source, one_only) = match self.offer(now, front) {
            Offer::Beats { payload, ends, error, source, one_only } => (payload, ends, error, source, one_only),
            Offer::Wait(clocks) => {
                let clocks = clocks.min(most);
                self.count(env, clocks, sending);
                if self.run.generator() {
                    self.generator.wait(clocks);
                }
                return clocks;
            }
        };
        if !takes {
            self.count(env, most, sending);
            self.perf.front_held += most;
            return most;
        }
        let width = env.width.bytes();
        let beats = u64::from(self.beats_in_piece(env, payload.len(), one_only)).min(most);
        let bytes = payload.len().min((beats as u32).saturating_mul(width));
        let last = ends && bytes == payload.len();
        let dropped = self.ingest.dropped;
        self.count(env, beats, sending);
        let (fifo, max_frame) = (&mut self.fifo, self.run.max_frame);
        self.ingest.take(fifo, env.width, now, payload, bytes, last, error, source, max_frame);
        self.perf.front_beats += beats;
        if self.ingest.dropped != dropped && self.fifo.head().is_none() {
            self.packetizer.give_up();
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
    fn beats_in_piece(&self, env: &Env, left: u32, one_only: bool) -> u32 {
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

    fn count(&mut self, env: &Env, clocks: u64, sending: bool) {
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

    fn update_busy(&mut self) {
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

    /// Takes up what changed outside the stream: MPS, the global enable.
    pub(crate) fn refresh(&mut self, env: &Env) {
        self.next = if self.state == State::Running {
            self.packetizer.next(&self.fifo, env.mps, self.sw_count + self.run.ring_size)
        } else {
            Next::Off
        };
    }

    // --- the transmitter ----------------------------------------------------------------------------------------------------

    /// What the channel would send now.
    pub(crate) fn want_in(&self, env: &Env) -> Option<Want> {
        if self.progress.due {
            return Some(Want::WriteBack);
        }
        match self.next {
            Next::Chunk(chunk) if env.enabled => Some(Want::Data(chunk)),
            _ => None,
        }
    }

    /// Bytes of what the channel would send now: [`Channel::want_in`] without its details.
    #[inline]
    pub(crate) fn wanted_bytes(&self, env: &Env) -> Option<u32> {
        match &self.next {
            _ if self.progress.due => Some(writeback::BYTES),
            Next::Chunk(chunk) if env.enabled => Some(chunk.bytes()),
            _ => None,
        }
    }

    /// The card may not write to memory. The channel fails at the end of the clock: a beat that its source was shown to be taken is taken.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    #[cold]
    fn fail_refused(&mut self) {
        self.refused = false;
        self.progress.due = false;
        self.fail(ChannelError::BusMasterOff, 0);
    }

    /// `want` is granted: fills in the payload and says where it goes.
    pub(crate) fn grant(&mut self, want: Want, env: &Env, now: u64, out: &mut TlpBuf) -> Target {
        out.set_len(want.bytes() as usize);
        match want {
            Want::WriteBack => self.grant_block(now, out),
            Want::Data(chunk) => self.grant_chunk(chunk, env, out),
        }
    }

    fn grant_block(&mut self, now: u64, out: &mut TlpBuf) -> Target {
        let mut state = self.state();
        if let State::Stopping { after, block_sent } = &mut self.state {
            *block_sent = true;
            state = if *after == After::Error { ChannelState::Error } else { ChannelState::Idle };
        }
        self.progress.granted(self.delivered);
        let block = WriteBack {
            sequence: self.progress.sequence,
            hw_count: self.delivered.count,
            frames: self.delivered.frames,
            dropped: self.ingest.dropped,
            stamp: now,
            error_addr: self.error.1,
            state: state as u8,
            error: self.error.0 as u8,
            channel: self.index,
            run: self.runs,
        };
        for (bytes, word) in out.payload_mut().as_chunks_mut::<8>().0.iter_mut().zip(block.emit()) {
            *bytes = word.to_le_bytes();
        }
        self.flight = Some(Flight::WriteBack);
        Target { address: self.run.wb_addr, attributes: Attributes::default() }
    }

    fn grant_chunk(&mut self, chunk: Chunk, env: &Env, out: &mut TlpBuf) -> Target {
        let mut payload = out.payload_mut();
        let mut count = None;
        let mut length = None;
        if chunk.header {
            let (header, rest) = payload.split_at_mut(HEADER_BYTES as usize);
            header.copy_from_slice(&self.frame_header());
            payload = rest;
        }
        self.fifo.grant(payload);
        if chunk.header {
            length = self.fifo.pop_frame().map(|frame| frame.length);
        }
        let offset = self.packetizer.offset(&chunk, self.run.ring_size);
        let relaxed = self.run.relaxed() && !self.packetizer.overwrites(&chunk);
        self.packetizer.granted(&chunk, length, self.run.ring_size);
        if chunk.header {
            count = Some(self.packetizer.base());
        }
        self.flight = Some(Flight::Data { payload: chunk.payload, count });
        self.refresh(env);
        Target { address: self.run.ring_base + offset, attributes: Attributes { relaxed, no_snoop: self.run.no_snoop(), id_based: false } }
    }

    fn frame_header(&self) -> [u8; HEADER_BYTES as usize] {
        let frame = self.fifo.head().copied().unwrap_or_default();
        FrameHeader {
            channel: self.index,
            flags: frame.flags,
            length: frame.length,
            sequence: self.packetizer.sequence,
            stamp: frame.stamp,
            source: frame.source,
            crc: frame.crc,
        }
        .emit()
    }

    /// The TLP has left.
    pub(crate) fn left(&mut self, flight: Flight, env: &Env) {
        match flight {
            Flight::WriteBack => self.progress.left(),
            Flight::Data { payload, count } => {
                self.fifo.free(payload, count.is_some());
                if let Some(count) = count.filter(|_| !self.giving_up()) {
                    self.delivered.count = count;
                    self.delivered.frames += 1;
                }
                if self.state == State::Running {
                    self.update_busy();
                    self.refresh(env);
                }
            }
        }
    }

    /// A reset is under way: nothing of the run counts any more.
    fn giving_up(&self) -> bool {
        matches!(self.state, State::Stopping { after: After::Reset, .. })
    }

    /// The end of clock `now`: write-back and interrupts become due, a stop moves on.
    pub(crate) fn end_of_clock(&mut self, now: u64, can_write: bool) -> [Option<Signal>; 2] {
        if self.refused {
            self.fail_refused();
        }
        let failed = self.settle(can_write);
        let data = if self.giving_up() { false } else { self.update_progress(now) };
        let signal = |fires: bool, register: u32| if fires { progress::vector(register) } else { None };
        [signal(data, self.causes.data).map(Signal::Data), signal(failed, self.causes.error).map(Signal::Error)]
    }

    fn update_progress(&mut self, now: u64) -> bool {
        let due = self.progress.due;
        let fires = self.progress.update(now, &self.run, &self.causes, self.delivered);
        if self.state != State::Running {
            // Outside a run only a stop's last block goes out; see `settle`.
            self.progress.due = due;
        }
        fires
    }

    /// The cause was signalled: until its message has gone out, or it is armed anew, it shows in `INT_STATUS`.
    pub(crate) fn note_fired(&mut self, signal: Signal) {
        match signal {
            Signal::Data(vector) => self.fired[0] = Some(vector),
            Signal::Error(vector) => self.fired[1] = Some(vector),
        }
    }

    /// The message of `vector` goes out.
    pub(crate) fn message_sent(&mut self, vector: u16) {
        self.fired.iter_mut().for_each(|fired| *fired = fired.filter(|fired| *fired != vector));
    }

    /// The vectors of the data and the error cause, where they were signalled and their message has not gone out.
    pub(crate) fn fired(&self) -> [Option<u16>; 2] {
        self.fired
    }

    /// The next cycle at whose end something happens by itself.
    pub(crate) fn timer(&self) -> Option<u64> {
        self.progress.timer(&self.run, &self.causes, self.state == State::Running)
    }

    pub(crate) fn latch_perf(&mut self) {
        self.latched = self.perf;
    }

    /// Bytes on the grid: a doorbell beyond or beside them is refused.
    fn doorbell(&mut self, value: u64) {
        if self.state != State::Running {
            return;
        }
        if value < self.sw_count || value > self.delivered.count || !value.is_multiple_of(GRID.into()) {
            self.fail(ChannelError::BadDoorbell, value);
        } else {
            self.sw_count = value;
        }
    }
}
