//! A host-to-card channel: descriptors → payload reads → reassembly → output stage → stream port, checking sink or a C2H channel.
//!
//! A channel knows nothing of other channels, of tags, credits or the link; the card asks it what it needs and tells it what was granted, what
//! came and what has left. All decisions of a clock are made on the state at its start.

mod descriptors;
mod output;
mod registers;
mod settings;

use crate::c2h::progress::{self, Causes, Delivered, Progress};
use crate::c2h::{After, Env, Signal, State, Target};
use crate::read::{Failure, Purpose, Reassembly};
use descriptors::{Descriptors, Fetch};
use output::{Gather, Stage};
pub(crate) use settings::Output;
use settings::Settings;
use silico_spec::descriptor::H2C_DESCRIPTOR_BYTES;
use silico_spec::params::CardParams;
use silico_spec::port::{FrontBeat, TlpBuf};
use silico_spec::tlp::{Attributes, Cut, Pieces};
use silico_spec::units::BusAddr;
use silico_spec::writeback::{self, ChannelError, ChannelState, WriteBack};

/// A read that the channel needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Descriptors(Fetch),
    /// Address and bytes.
    Payload(u64, u32),
    /// There is something to read, and no room for so many bytes.
    NoRoom(u32),
    /// All descriptors that were given are done.
    NoDescriptor,
    /// What there is to read is on its way; or the channel is not running.
    Nothing,
}

impl Need {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Descriptors(_) | Self::Payload(..))
    }
}

/// A read as granted: what, where it goes in the channel's buffer, which bytes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) purpose: Purpose,
    pub(crate) start: u64,
    pub(crate) address: u64,
    pub(crate) bytes: u32,
    pub(crate) cookie: u64,
    pub(crate) attributes: Attributes,
}

/// Why a read that is needed does not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    None,
    Credit,
    Tag,
}

/// Clocks and beats by cause; the order is that of the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Perf {
    pub(crate) rx_beats: u64,
    pub(crate) no_credit: u64,
    pub(crate) no_tag: u64,
    pub(crate) no_buffer: u64,
    pub(crate) no_data: u64,
    pub(crate) out_held: u64,
}

/// The channel's error: code, address, cookie.
type Error = (ChannelError, u64, u64);

const NO_ERROR: Error = (ChannelError::None, 0, 0);

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    index: u8,
    params: CardParams,
    /// Registers as written, and as taken by the last start.
    set: Settings,
    run: Settings,
    causes: Causes,
    staged: registers::Staged,
    shadow: registers::Shadow,
    state: State,
    run_bit: bool,
    runs: u32,
    tail: u64,
    /// Descriptors done.
    delivered: Delivered,
    frames: u64,
    bytes: u64,
    discarded: u32,
    error: Error,
    progress: Progress,
    /// What was signalled and has not gone out as a message: the vectors of the space and the error cause.
    fired: [Option<u16>; 2],
    /// In this clock it wanted memory and may not have it.
    refused: bool,
    descriptors: Descriptors,
    payload: Reassembly,
    stage: Stage,
    /// A TLP of the channel is on the transmitter.
    pub(crate) flight: bool,
    pub(crate) perf: Perf,
    latched: Perf,
}

impl Channel {
    pub(crate) fn new(index: u8, params: &CardParams) -> Self {
        Self {
            index,
            params: params.clone(),
            set: Settings::default(),
            run: Settings::default(),
            causes: Causes::default(),
            staged: registers::Staged::default(),
            shadow: registers::Shadow::default(),
            state: State::Idle,
            run_bit: false,
            runs: 0,
            tail: 0,
            delivered: Delivered::default(),
            frames: 0,
            bytes: 0,
            discarded: 0,
            error: NO_ERROR,
            progress: Progress::default(),
            fired: [None; 2],
            refused: false,
            descriptors: Descriptors::new(),
            payload: Reassembly::new(params.h2c_buffer_bytes),
            stage: Stage::new(),
            flight: false,
            perf: Perf::default(),
            latched: Perf::default(),
        }
    }

    /// Everything as after power-on, at once, save what the output is owed. The run number stays for `keep_runs`. Reads under way are the card's
    /// affair: they must not reach this channel any more.
    pub(crate) fn power_on(&mut self, keep_runs: bool) {
        self.stage.cut(&self.run);
        let runs = if keep_runs { self.runs } else { 0 };
        let mut stage = self.stage.clone();
        stage.power_on();
        *self = Self { runs, stage, ..Self::new(self.index, &self.params) };
    }

    pub(crate) fn state(&self) -> ChannelState {
        self.state.shown()
    }

    fn running(&self, env: &Env) -> bool {
        self.state == State::Running && env.enabled
    }

    /// Nothing is left to do for a stop at the end of the next clock. `reads`: of this channel that are outstanding.
    pub(crate) fn settled(&self, reads: u16) -> bool {
        match self.state {
            State::Stopping { after, .. } => self.flight || self.progress.due || after != After::Reset && reads > 0,
            _ => true,
        }
    }

    /// Nothing can happen in it without a register write.
    pub(crate) fn asleep(&self) -> bool {
        let still = !self.progress.armed && !self.progress.pending() && self.stage.owes().is_none();
        matches!(self.state, State::Idle | State::Error) && still
    }

    /// Whether the channel stopped by an error and has not been started or reset since.
    pub(crate) fn failed(&self) -> bool {
        self.error.0 != ChannelError::None
    }

    // --- start, stop, reset -------------------------------------------------------------------------------------------------

    /// `targets`: C2H channels that other channels feed.
    fn start(&mut self, targets: u16) {
        if !matches!(self.state, State::Idle | State::Error) {
            return;
        }
        self.run_bit = true;
        self.runs = self.runs.wrapping_add(1);
        self.run = self.set;
        (self.tail, self.delivered, self.frames, self.bytes) = (0, Delivered::default(), 0, 0);
        (self.discarded, self.error) = (0, NO_ERROR);
        self.fired = [None; 2];
        self.descriptors.restart();
        self.payload.clear();
        self.progress.restart();
        self.causes.arm = 0;
        self.state = State::Running;
        if let Err((code, value)) = self.run.check(&self.params, targets) {
            self.fail(code, value, 0);
        }
    }

    fn stop(&mut self, after: After) {
        match &mut self.state {
            State::Running => {
                // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
                self.progress.due = false;
                self.state = State::Stopping { after, block_sent: after == After::Reset };
                self.run_bit = false;
                self.stage.cut(&self.run);
            }
            State::Stopping { after: old, block_sent } if after == After::Reset => {
                *old = After::Reset;
                *block_sent = true;
            }
            State::Idle | State::Error if after == After::Reset => self.state = State::Stopping { after, block_sent: true },
            _ => {}
        }
    }

    pub(crate) fn fail(&mut self, code: ChannelError, address: u64, cookie: u64) {
        if self.state == State::Running {
            self.error = (code, address, cookie);
            self.stop(After::Error);
        }
    }

    /// One of its reads has failed.
    pub(crate) fn read_failed(&mut self, failure: Failure) {
        self.fail(failure.code, failure.address, failure.cookie);
    }

    /// The card may not read or write memory. The channel fails at the end of the clock: a beat that was shown to its receiver passes first.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    /// The cause was signalled: until its message has gone out, or it is armed anew, it shows in `INT_STATUS_2`.
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

    /// The vectors of the space and the error cause, where they were signalled and their message has not gone out.
    pub(crate) fn fired(&self) -> [Option<u16>; 2] {
        self.fired
    }

    /// The channel as after power-on; a TLP on the transmitter ends first.
    pub(crate) fn reset(&mut self) {
        self.stop(After::Reset);
    }

    /// As [`Channel::reset`], and the run number starts anew.
    pub(crate) fn reset_with_runs(&mut self) {
        self.reset();
        self.runs = 0;
    }

    /// A reset is under way: nothing of the run counts any more.
    pub(crate) fn giving_up(&self) -> bool {
        matches!(self.state, State::Stopping { after: After::Reset, .. })
    }

    /// Moves a stop on, once nothing is under way. Returns whether the error cause fires.
    fn settle(&mut self, can_write: bool, reads: u16) -> bool {
        let State::Stopping { after, block_sent } = self.state else { return false };
        if self.flight || after != After::Reset && reads > 0 {
            return false;
        }
        self.discarded = (self.tail - self.delivered.count) as u32;
        let can_write = can_write && self.error.0 != ChannelError::BadWriteBack;
        if self.run.pace().writes_back && !block_sent && can_write {
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

    // --- reads --------------------------------------------------------------------------------------------------------------

    /// What the channel needs to read next: descriptors first.
    pub(crate) fn need(&self, env: &Env) -> Need {
        if !self.running(env) {
            return Need::Nothing;
        }
        if let Some(fetch) = self.descriptors.next(&self.run, self.tail, self.delivered.count, env.mrrs) {
            let room = self.descriptors.words.room();
            debug_assert!(fetch.count * H2C_DESCRIPTOR_BYTES <= room, "a place in `words` goes with each descriptor's place");
            return Need::Descriptors(fetch);
        }
        let reading = &self.descriptors.reading;
        let piece = Pieces::new(BusAddr(reading.address), reading.left.into(), env.mrrs, Cut::Aligned).next();
        match piece {
            Some(piece) if piece.bytes > self.payload.room() => Need::NoRoom(piece.bytes),
            Some(piece) => Need::Payload(piece.address.0, piece.bytes),
            None if self.tail == self.delivered.count => Need::NoDescriptor,
            None => Need::Nothing,
        }
    }

    /// A read that [`Channel::need`] named is granted.
    pub(crate) fn grant(&mut self, need: Need) -> Option<Granted> {
        let granted = match need {
            Need::Descriptors(fetch) => Granted {
                purpose: Purpose::Descriptors,
                start: self.descriptors.asked(fetch, &self.run),
                address: fetch.address,
                bytes: fetch.count * H2C_DESCRIPTOR_BYTES,
                cookie: 0,
                attributes: Attributes::default(),
            },
            Need::Payload(address, bytes) => {
                let reading = &mut self.descriptors.reading;
                reading.address = address.wrapping_add(bytes.into());
                reading.left -= bytes;
                Granted {
                    purpose: Purpose::Payload,
                    start: self.payload.issue(bytes),
                    address,
                    bytes,
                    cookie: reading.cookie,
                    attributes: Attributes { relaxed: self.run.relaxed(), no_snoop: self.run.no_snoop(), id_based: false },
                }
            }
            _ => return None,
        };
        self.flight = true;
        Some(granted)
    }

    /// Bytes that were read have come.
    pub(crate) fn arrived(&mut self, purpose: Purpose, start: u64, data: &[u8]) {
        if self.state != State::Running {
            return;
        }
        match purpose {
            Purpose::Descriptors => self.descriptors.words.fill(start, data),
            Purpose::Payload => self.payload.fill(start, data),
        }
    }

    /// Counts `clocks` clocks in which nothing is granted to the channel.
    pub(crate) fn count(&mut self, clocks: u64, need: Need, lack: Lack) {
        let counter = match (need, lack) {
            (Need::NoRoom(_), _) => &mut self.perf.no_buffer,
            (Need::NoDescriptor, _) => &mut self.perf.no_data,
            (Need::Descriptors(_) | Need::Payload(..), Lack::Credit) => &mut self.perf.no_credit,
            (Need::Descriptors(_) | Need::Payload(..), Lack::Tag) => &mut self.perf.no_tag,
            _ => return,
        };
        *counter += clocks;
    }

    // --- the output ---------------------------------------------------------------------------------------------------------

    /// The C2H channel that it feeds or still has to feed.
    pub(crate) fn target(&self) -> Option<usize> {
        let active = matches!(self.state, State::Running | State::Stopping { .. });
        let failed_start = self.error.0 == ChannelError::BadOutput;
        match self.stage.owes().or_else(|| self.run.output().filter(|_| active && !failed_start)) {
            Some(Output::Loopback(target)) => Some(target),
            _ => None,
        }
    }

    /// Its receiver has stopped: what is left of an open frame goes nowhere.
    pub(crate) fn receiver_stopped(&mut self) {
        self.stage.receiver_stopped();
    }

    /// Who takes the beat shown; `None`: nobody, it goes nowhere.
    pub(crate) fn receiver(&self) -> Option<Output> {
        match self.stage.owes() {
            Some(output) => Some(output),
            None if self.stage.swallows() => None,
            None => self.run.output(),
        }
    }

    /// More of the frame is known to follow what is gathered.
    fn more(&self) -> bool {
        self.descriptors.active.front().is_some_and(|active| active.left > 0)
    }

    /// Whether a beat is shown, to whomever.
    pub(crate) fn shows(&self, env: &Env) -> bool {
        let owes = self.stage.owes().is_some();
        (owes || self.running(env)) && self.stage.shows(env.width.bytes(), self.more())
    }

    /// The beat shown.
    pub(crate) fn shown(&self, env: &Env) -> Option<FrontBeat> {
        if !self.shows(env) {
            return None;
        }
        self.stage.shown(env.width.bytes(), self.more(), self.index.into())
    }

    /// Clocks from now in which nothing happens but that full beats of one descriptor pass, one a clock if `ready` says so. `now` they may.
    pub(crate) fn uneventful(&self, env: &Env, ready: bool, need: Need) -> u64 {
        let shows = self.shows(env);
        if self.stage.owes().is_some() {
            return if shows && ready { 0 } else { self.uneventful_inside(env) };
        }
        if !self.running(env) {
            return u64::MAX;
        }
        if self.descriptors.can_judge() {
            return 0;
        }
        if !(shows && ready) {
            return if self.gathers(env) { 0 } else { u64::MAX };
        }
        let Some(active) = self.descriptors.active.front().filter(|_| !self.stage.gather.ends) else { return 0 };
        let available = self.payload.available().min(active.left.saturating_sub(1));
        let beats = env.width.whole_beats(available);
        match need {
            Need::NoRoom(bytes) => u64::from(beats.min(env.width.whole_beats(bytes - self.payload.room() - 1))),
            _ => beats.into(),
        }
    }

    /// As [`Channel::uneventful`], while an owed end holds the output up.
    fn uneventful_inside(&self, env: &Env) -> u64 {
        if self.running(env) && (self.descriptors.can_judge() || self.gathers(env)) { 0 } else { u64::MAX }
    }

    /// Whether the stage takes something in, if nothing leaves it.
    fn gathers(&self, env: &Env) -> bool {
        let gather = &self.stage.gather;
        match self.descriptors.active.front() {
            Some(active) if !gather.ends => active.left == 0 || gather.bytes < env.width.bytes() && self.payload.available() > 0,
            _ => false,
        }
    }

    /// Passes `clocks` clocks, more than one only as [`Channel::uneventful`] allows. `ready`: the beat shown is taken, in each of them. What goes
    /// to the stream port is handed to `stream`, with whether it ends a frame.
    pub(crate) fn advance(&mut self, env: &Env, clocks: u64, ready: bool, mut stream: impl FnMut(&[u8], bool)) {
        let shows = self.shows(env);
        if shows && !ready {
            self.perf.out_held += clocks;
        }
        let passes = shows && ready;
        if passes && clocks > 1 {
            return self.pass_beats(env, clocks, stream);
        }
        let judges = self.running(env) && self.descriptors.can_judge();
        if passes {
            let receiver = self.receiver();
            let gather = self.stage.pass(receiver == Some(Output::Sink));
            if receiver == Some(Output::Stream) {
                let (data, ends) = gather.as_ref().map_or((&[][..], true), |gather| (&gather.data[..gather.bytes as usize], gather.ends));
                stream(data, ends);
            }
            if let Some(gather) = gather {
                self.passed(&gather);
            }
        }
        if self.running(env) {
            self.gather(env);
        }
        if judges && let Err(bad) = self.descriptors.judge(&self.run) {
            self.fail(ChannelError::BadDescriptor, bad.address, bad.cookie);
        }
    }

    fn passed(&mut self, gather: &Gather) {
        self.bytes += u64::from(gather.bytes);
        if gather.ends {
            self.frames += 1;
            self.done(gather.interrupt);
        }
    }

    fn done(&mut self, interrupt: bool) {
        self.delivered.count += 1;
        self.delivered.frames += 1;
        if interrupt {
            self.delivered.urgent = self.delivered.count;
        }
    }

    /// The stage takes bytes of one descriptor.
    fn gather(&mut self, env: &Env) {
        let gather = &mut self.stage.gather;
        if gather.ends {
            return;
        }
        let Some(active) = self.descriptors.active.front_mut() else { return };
        let bytes = (env.width.bytes() - gather.bytes).min(active.left).min(self.payload.available());
        let at = gather.bytes as usize;
        self.payload.consume(&mut gather.data[at..at + bytes as usize]);
        gather.bytes += bytes;
        active.left -= bytes;
        if active.left > 0 {
            return;
        }
        let active = *active;
        self.descriptors.active.pop_front();
        if active.ends_frame {
            (gather.ends, gather.interrupt) = (true, active.interrupt);
        } else {
            self.done(active.interrupt);
        }
    }

    /// Full beats of one descriptor, one a clock.
    fn pass_beats(&mut self, env: &Env, clocks: u64, mut stream: impl FnMut(&[u8], bool)) {
        let receiver = self.receiver();
        let width = env.width.bytes();
        let bytes = clocks as u32 * width;
        self.bytes += u64::from(bytes);
        let stage = &mut self.stage;
        let mut take = |stage: &mut Stage, bytes: &[u8]| match receiver {
            Some(Output::Stream) => stream(bytes, false),
            Some(Output::Sink) => stage.check(bytes, false),
            _ => {}
        };
        let Some(gather) = stage.pass(false) else { return };
        take(stage, &gather.data[..gather.bytes as usize]);
        self.payload.consume_with(bytes - width, |bytes| take(stage, bytes));
        self.payload.consume(&mut stage.gather.data[..width as usize]);
        stage.gather.bytes = width;
        if let Some(active) = self.descriptors.active.front_mut() {
            active.left -= bytes;
        }
    }

    // --- progress -----------------------------------------------------------------------------------------------------------

    /// A write-back block wants to go.
    #[inline]
    pub(crate) fn block_due(&self) -> bool {
        self.progress.due
    }

    /// The block is granted: fills it in and says where it goes.
    pub(crate) fn grant_block(&mut self, now: u64, out: &mut TlpBuf) -> Target {
        let mut state = self.state();
        if let State::Stopping { after, block_sent } = &mut self.state {
            *block_sent = true;
            state = if *after == After::Error { ChannelState::Error } else { ChannelState::Idle };
        }
        self.progress.granted(self.delivered);
        out.set_len(writeback::BYTES as usize);
        let block = WriteBack {
            sequence: self.progress.sequence,
            hw_count: self.delivered.count,
            frames: self.frames,
            dropped: 0,
            stamp: now,
            error_addr: self.error.1,
            state: state as u8,
            error: self.error.0 as u8,
            channel: self.index,
            run: self.runs,
        };
        progress::emit(&block, out);
        self.flight = true;
        Target { address: self.run.wb_addr, attributes: Attributes::default() }
    }

    /// The block has left.
    pub(crate) fn block_left(&mut self) {
        self.flight = false;
        self.progress.left();
    }

    /// The end of clock `now`: write-back and interrupts become due, a stop moves on.
    pub(crate) fn end_of_clock(&mut self, now: u64, can_write: bool, reads: u16) -> [Option<Signal>; 2] {
        if std::mem::take(&mut self.refused) {
            self.progress.due = false;
            self.fail(ChannelError::BusMasterOff, 0, 0);
        }
        let failed = self.settle(can_write, reads);
        let space = if self.giving_up() { false } else { self.update_progress(now) };
        let signal = |fires: bool, register: u32| if fires { progress::vector(register) } else { None };
        [signal(space, self.causes.data).map(Signal::Data), signal(failed, self.causes.error).map(Signal::Error)]
    }

    fn update_progress(&mut self, now: u64) -> bool {
        let due = self.progress.due;
        let fires = self.progress.update(now, &self.run.pace(), &self.causes, self.delivered);
        if self.state != State::Running {
            // Outside a run only a stop's last block goes out; see `settle`.
            self.progress.due = due;
        }
        fires
    }

    /// The next cycle at whose end something happens by itself.
    pub(crate) fn timer(&self) -> Option<u64> {
        self.progress.timer(&self.run.pace(), &self.causes, self.state == State::Running)
    }

    pub(crate) fn latch_perf(&mut self) {
        self.latched = self.perf;
    }

    /// Descriptors given: a doorbell that goes back, or beyond what the ring holds, is refused.
    fn doorbell(&mut self, value: u64) {
        if self.state != State::Running {
            return;
        }
        if value < self.tail || value - self.delivered.count > self.run.ring_entries.into() {
            self.fail(ChannelError::BadDoorbell, value, 0);
        } else {
            self.tail = value;
        }
    }
}
