//! The channel towards the transmitter: what it wants to send, what has left, and what is signalled for it.

use super::{After, Channel, Chunk, Env, Flight, Next, Pages, Signal, State, Target, Want, progress};
use silico_spec::descriptor::PAGE_COMPLETION_BYTES;
use silico_spec::frame::{FrameHeader, GRID, HEADER_BYTES};
use silico_spec::port::TlpBuf;
use silico_spec::tlp::Attributes;
use silico_spec::writeback::{self, ChannelError, ChannelState, WriteBack};

impl Channel {
    /// What the channel would send now, if it wants to: see [`Channel::wanted_bytes`].
    pub(crate) fn want_in(&self, env: &Env) -> Option<Want> {
        if self.entry_wanted(env) {
            return Some(Want::Entry);
        }
        if self.progress.due {
            return Some(Want::WriteBack);
        }
        match self.next {
            Next::Chunk(chunk) => Some(Want::Data(chunk)),
            _ => None,
        }
    }

    /// Bytes of what the channel would send now. `None`: it wants to send nothing.
    #[inline]
    pub(crate) fn wanted_bytes(&self, env: &Env) -> Option<u32> {
        match &self.next {
            _ if self.entry_wanted(env) => Some(PAGE_COMPLETION_BYTES),
            _ if self.progress.due => Some(writeback::BYTES),
            Next::Chunk(chunk) if env.enabled => Some(chunk.bytes()),
            _ => None,
        }
    }

    /// The card may not write to memory. The channel fails at the end of the clock: a beat that its source was shown to be taken is taken.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
        self.touch();
    }

    #[cold]
    pub(super) fn fail_refused(&mut self) {
        self.refused = false;
        // Of a run that is being stopped already, `settle` gives up what cannot be written.
        self.fail(ChannelError::BusMasterOff, 0);
    }

    /// `want` is granted: fills in the payload and says where it goes.
    pub(crate) fn grant(&mut self, want: Want, env: &Env, now: u64, out: &mut TlpBuf) -> Target {
        self.touch();
        out.set_len(want.bytes() as usize);
        match want {
            Want::WriteBack => self.grant_block(now, out),
            Want::Entry => self.grant_entry(env, now, out),
            Want::Data(chunk) => self.grant_chunk(chunk, env, out),
        }
    }

    pub(super) fn grant_block(&mut self, now: u64, out: &mut TlpBuf) -> Target {
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
        progress::emit(&block, out);
        self.flight = Some(Flight::WriteBack);
        Target { address: self.run.wb_addr, attributes: Attributes::default() }
    }

    pub(super) fn grant_chunk(&mut self, chunk: Chunk, env: &Env, out: &mut TlpBuf) -> Target {
        let mut payload = out.payload_mut();
        let mut count = None;
        let mut length = None;
        if chunk.header {
            let (header, rest) = payload.split_at_mut(HEADER_BYTES as usize);
            header.copy_from_slice(&self.frame_header());
            payload = rest;
        }
        if self.fifo.head().is_none() {
            // What goes is the beginning of a frame that is still open.
            self.ingest.sum(&self.fifo);
        }
        self.fifo.grant(payload);
        if chunk.ends {
            length = self.fifo.pop_frame().map(|frame| frame.length);
        }
        if self.pages.is_some() {
            return self.grant_page(chunk, env);
        }
        let offset = self.packetizer.offset(&chunk, self.run.ring_size);
        let relaxed = self.run.relaxed() && !self.packetizer.overwrites(&chunk);
        self.packetizer.granted(&chunk, length, self.run.ring_size);
        if chunk.ends {
            count = Some(self.packetizer.base());
        }
        self.flight = Some(Flight::Data { payload: chunk.payload, count });
        self.refresh(env);
        Target { address: self.run.ring_base + offset, attributes: Attributes { relaxed, no_snoop: self.run.no_snoop(), id_based: false } }
    }

    /// The rest of [`Channel::grant_chunk`] for a chunk that goes into a page.
    fn grant_page(&mut self, chunk: Chunk, env: &Env) -> Target {
        let mut relaxed = self.run.relaxed();
        if let Some(pages) = self.pages.as_deref_mut() {
            relaxed &= !pages.overwrites(&chunk);
            self.too_long = pages.granted(&chunk);
        }
        self.flight = Some(Flight::Page { payload: chunk.payload, ends: chunk.ends });
        self.refresh(env);
        Target { address: chunk.at, attributes: Attributes { relaxed, no_snoop: self.run.no_snoop(), id_based: false } }
    }

    pub(super) fn frame_header(&self) -> [u8; HEADER_BYTES as usize] {
        let frame = self.fifo.head().copied().unwrap_or_default();
        FrameHeader {
            channel: self.index,
            flags: frame.flags,
            length: frame.length,
            sequence: self.pages.as_deref().map_or(self.packetizer.sequence, Pages::sequence),
            stamp: frame.stamp,
            source: frame.source,
            crc: frame.crc,
        }
        .emit()
    }

    /// The TLP has left.
    pub(crate) fn left(&mut self, flight: Flight, env: &Env) {
        self.touch();
        match flight {
            Flight::WriteBack => self.progress.left(),
            Flight::Fetch => {}
            Flight::Entry { bytes, frames } => self.entry_left(bytes, frames),
            Flight::Page { payload, ends } => {
                self.fifo.free(payload, ends);
                self.room_made(env);
            }
            Flight::Data { payload, count } => {
                self.fifo.free(payload, count.is_some());
                if let Some(count) = count.filter(|_| !self.giving_up()) {
                    self.delivered.count = count;
                    self.delivered.frames += 1;
                }
                self.room_made(env);
            }
        }
    }

    /// The FIFO has room for more.
    fn room_made(&mut self, env: &Env) {
        if self.state == State::Running {
            self.update_busy();
            self.refresh(env);
        }
    }

    /// A reset is under way: nothing of the run counts any more.
    pub(crate) fn giving_up(&self) -> bool {
        matches!(self.state, State::Stopping { after: After::Reset, .. })
    }

    /// The end of clock `now`: write-back and interrupts become due, a stop moves on.
    pub(crate) fn end_of_clock(&mut self, env: &Env, now: u64, can_write: bool, reads: u16) -> [Option<Signal>; 2] {
        if self.refused {
            self.fail_refused();
        }
        if self.pages.is_some() {
            self.end_of_clock_paged(env, now);
        }
        let failed = self.settle(can_write, reads);
        let data = if self.giving_up() { false } else { self.update_progress(now) };
        self.look_at = self.next_look();
        let signal = |fires: bool, register: u32| if fires { progress::vector(register) } else { None };
        [signal(data, self.causes.data).map(Signal::Data), signal(failed, self.causes.error).map(Signal::Error)]
    }

    /// Up to when ends of clocks do nothing, if nobody sends, writes a register or stops the channel: whoever does says so in `look_at`.
    fn next_look(&self) -> u64 {
        if self.state != State::Running || self.pages.is_some() {
            return 0;
        }
        self.progress.timer(&self.run.pace(), &self.causes, true).unwrap_or(u64::MAX)
    }

    pub(super) fn update_progress(&mut self, now: u64) -> bool {
        let due = self.progress.due;
        let fires = self.progress.update(now, &self.run.pace(), &self.causes, self.delivered);
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

    /// Software has served causes: data, error.
    pub(crate) fn acknowledge(&mut self, served: [bool; 2]) {
        for (fired, served) in self.fired.iter_mut().zip(served) {
            *fired = fired.filter(|_| !served);
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
        let flush = self.pages.as_deref().filter(|_| self.state == State::Running).and_then(Pages::timer);
        let progress = self.progress.timer(&self.run.pace(), &self.causes, self.state == State::Running);
        flush.into_iter().chain(progress).min()
    }

    pub(crate) fn latch_perf(&mut self) {
        self.latched = self.perf;
    }

    /// Bytes on the grid: a doorbell beyond or beside them is refused.
    pub(super) fn doorbell(&mut self, value: u64) {
        // With pages there is no ring to be given back.
        if self.state != State::Running || self.pages.is_some() {
            return;
        }
        if value < self.sw_count || value > self.delivered.count || !value.is_multiple_of(GRID.into()) {
            self.fail(ChannelError::BadDoorbell, value);
        } else {
            self.sw_count = value;
        }
    }
}
