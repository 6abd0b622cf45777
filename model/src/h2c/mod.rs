//! A host-to-card channel: descriptors → payload reads → reassembly → output stage → stream port, checking sink or a C2H channel.
//!
//! A channel knows nothing of other channels, of tags, credits or the link; the card asks it what it needs and tells it what was granted, what
//! came and what has left. All decisions of a clock are made on the state at its start.

mod deliver;
mod descriptors;
mod life;
mod need;
mod output;
mod registers;
mod report;
mod settings;
mod view;

use crate::c2h::progress::{Causes, Delivered, Progress};
use crate::c2h::{Env, State};
use crate::read::Reassembly;
use descriptors::Descriptors;
pub(crate) use need::{Lack, Need};
use output::Stage;
pub(crate) use settings::Output;
use settings::Settings;
use silico_spec::params::CardParams;
use silico_spec::writeback::{ChannelError, ChannelState};

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
    /// The settings of the run, or of the one that is ending, were found good: its output is one that there is.
    sound: bool,
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
    /// In this clock its reset comes to its end.
    resets: bool,
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
        Self::with_buffer(index, params.clone(), Reassembly::new(params.h2c_buffer_bytes))
    }

    fn with_buffer(index: u8, params: CardParams, payload: Reassembly) -> Self {
        Self {
            index,
            params,
            set: Settings::default(),
            run: Settings::default(),
            causes: Causes::default(),
            staged: registers::Staged::default(),
            shadow: registers::Shadow::default(),
            state: State::Idle,
            sound: false,
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
            resets: false,
            descriptors: Descriptors::new(),
            payload,
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
        let payload = self.payload.renew();
        *self = Self { runs, stage, ..Self::with_buffer(self.index, self.params.clone(), payload) };
    }

    pub(crate) fn state(&self) -> ChannelState {
        self.state.shown()
    }

    /// It was started, and neither stopped nor failed since.
    fn started(&self) -> bool {
        self.state == State::Running
    }

    fn running(&self, env: &Env) -> bool {
        self.started() && env.enabled
    }

    /// Nothing can happen in it without a register write.
    pub(crate) fn asleep(&self) -> bool {
        let still = !self.progress.armed && self.stage.owes().is_none();
        matches!(self.state, State::Idle | State::Error) && still
    }

    /// It runs, and nothing can happen in it without a register write: all descriptors that were given are done, so no read is outstanding, and the
    /// host was told. Clocks count as such without data. To be asked at the end of a clock.
    pub(crate) fn rests(&self) -> bool {
        let done = self.tail == self.delivered.count && self.stage.owes().is_none();
        let loops = matches!(self.run.output(), Some(Output::Loopback(_)));
        self.started() && done && !loops && self.progress.rests()
    }

    /// Passes clocks of a channel that rests.
    pub(crate) fn rest(&mut self, clocks: u64) {
        self.perf.no_data += clocks;
    }

    /// Whether the channel stopped by an error and has not been started or reset since.
    pub(crate) fn failed(&self) -> bool {
        self.error.0 != ChannelError::None
    }
}
