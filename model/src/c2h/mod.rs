//! A card-to-host channel: source → ingest → FIFO → packetizer → ring in host memory, or pages of it, and the progress that tells the host.
//!
//! A channel knows nothing of other channels, of the link or of registers' addresses; the card asks it what it wants to send and
//! tells it what has left. All decisions of a clock are made on the state at its start.

mod blocks;
mod fifo;
mod front;
mod generator;
mod ingest;
mod life;
mod packetizer;
mod paged;
mod pages;
pub(crate) mod progress;
mod registers;
mod send;
mod settings;
mod view;

use fifo::Fifo;
use generator::{Generator, GeneratorOffer};
use ingest::{Ingest, Payload};
use packetizer::{Chunk, Next, Packetizer};
use pages::Pages;
use progress::{Causes, Delivered, Progress};
pub(crate) use registers::{Write, dword, join, snapshot};
use settings::Settings;
use silico_spec::credit::{Consumed, Limit};
use silico_spec::descriptor::PAGE_COMPLETION_BYTES;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{FrontBeat, FrontStream};
use silico_spec::tlp::Attributes;
use silico_spec::writeback::{self, ChannelError, ChannelState};

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
    /// Maximum read request size, bytes.
    pub(crate) mrrs: u32,
}

impl Env {
    /// As after power-on.
    pub(crate) const fn new(width: DataWidth) -> Self {
        Self { width, mps: 128, enabled: false, limit: Limit::NONE, consumed: Consumed { headers: 0, data: 0 }, mrrs: 128 }
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
pub(crate) enum After {
    Idle,
    Error,
    Reset,
}

/// What a channel of either direction is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
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
    /// Payload bytes for a page, and whether a frame has gone with them.
    Page { payload: u32, ends: bool },
    /// The completion of a page: its bytes, and the frames that end in it.
    Entry { bytes: u32, frames: u32 },
    /// A read of page descriptors.
    Fetch,
    /// A write-back block.
    WriteBack,
}

/// A TLP that the channel wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Data(Chunk),
    /// The completion of a page.
    Entry,
    WriteBack,
}

impl Want {
    pub(crate) fn bytes(&self) -> u32 {
        match self {
            Self::Data(chunk) => chunk.bytes(),
            Self::Entry => PAGE_COMPLETION_BYTES,
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

const NO_ERROR: (ChannelError, u64, u64) = (ChannelError::None, 0, 0);

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
    runs: u32,
    sw_count: u64,
    delivered: Delivered,
    discarded: u32,
    /// Code, address or count, cookie.
    error: (ChannelError, u64, u64),
    /// Fed by an H2C channel instead of the front-end stream.
    looped: bool,
    busy: bool,
    fifo: Fifo,
    ingest: Ingest,
    generator: Generator,
    packetizer: Packetizer,
    /// Of a run with pages; stays until the next start.
    pages: Option<Box<Pages>>,
    progress: Progress,
    next: Next,
    pub(crate) flight: Option<Flight>,
    /// What was signalled and has not gone out as a message: the vectors of the data and the error cause.
    fired: [Option<u16>; 2],
    /// No end of a clock before this cycle's does anything; 0: not known. See [`Channel::end_of_clock`].
    pub(crate) look_at: u64,
    /// Its source moves nothing until the channel itself changes: for want of room (`true`: a beat waits for it), or since it has ended.
    pub(crate) still: Option<bool>,
    /// In this clock it wanted to write to memory and may not.
    refused: bool,
    /// In this clock its reset comes to its end.
    resets: bool,
    /// In this clock a frame has filled more pages than it may.
    too_long: bool,
    /// With pages: `next` is not up to date; see [`Channel::catch_up`].
    behind: bool,
    pub(crate) perf: Perf,
    latched: Perf,
}

impl State {
    /// As register and write-back block show it.
    pub(crate) fn shown(self) -> ChannelState {
        match self {
            Self::Idle => ChannelState::Idle,
            Self::Running => ChannelState::Running,
            Self::Stopping { .. } => ChannelState::Stopping,
            Self::Error => ChannelState::Error,
        }
    }
}

impl Channel {
    pub(crate) fn new(index: u8, params: &CardParams) -> Self {
        Self::with_fifo(index, params.clone(), Fifo::new(params.fifo_bytes, params.fifo_frames))
    }

    fn with_fifo(index: u8, params: CardParams, fifo: Fifo) -> Self {
        let set = Settings::default();
        let generator = Generator::start(index, &set, params.width);
        Self {
            index,
            params,
            set,
            run: set,
            causes: Causes::default(),
            staged: registers::Staged::default(),
            shadow: registers::Shadow::default(),
            state: State::Idle,
            runs: 0,
            sw_count: 0,
            delivered: Delivered::default(),
            discarded: 0,
            error: NO_ERROR,
            looped: false,
            busy: false,
            fifo,
            ingest: Ingest::default(),
            generator,
            packetizer: Packetizer::default(),
            pages: None,
            progress: Progress::default(),
            next: Next::Off,
            flight: None,
            fired: [None; 2],
            look_at: 0,
            still: None,
            refused: false,
            resets: false,
            too_long: false,
            behind: false,
            perf: Perf::default(),
            latched: Perf::default(),
        }
    }

    /// Everything as after power-on, at once, save what is known of the front-end stream's position. The run number stays for `keep_runs`.
    pub(crate) fn power_on(&mut self, keep_runs: bool) {
        self.ingest.cut(self.external());
        self.ingest.restart(false);
        let runs = if keep_runs { self.runs } else { 0 };
        let fifo = self.fifo.renew();
        *self = Self { ingest: self.ingest, looped: self.looped, runs, ..Self::with_fifo(self.index, self.params.clone(), fifo) };
    }

    pub(crate) fn state(&self) -> ChannelState {
        self.state.shown()
    }

    /// Started, and neither stopped nor failed since: `CONTROL.run`.
    pub(crate) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Something but its source has changed it: what was known of the coming clocks is known no longer.
    pub(super) fn touch(&mut self) {
        (self.look_at, self.still) = (0, None);
    }

    /// Fed by the front-end stream.
    fn external(&self) -> bool {
        !self.run.generator() && !self.looped
    }

    /// Fed by an H2C channel.
    pub(crate) fn fed_by_loop(&self) -> bool {
        self.looped && !self.run.generator()
    }

    /// An H2C channel wants to feed it, from the next frame on. Returns whether it does now.
    pub(crate) fn attach(&mut self) -> bool {
        self.touch();
        self.looped = self.ingest.at_boundary();
        self.looped
    }

    /// The front-end stream feeds it again.
    pub(crate) fn detach(&mut self) {
        self.touch();
        self.looped = false;
        self.ingest.untie();
        if self.state == State::Running && self.external() {
            self.ingest.resume_stream();
        }
    }

    /// Nothing is left to do for a stop or with pages at the end of the next clock. `reads`: of this channel that are outstanding.
    pub(crate) fn settled(&self, reads: u16) -> bool {
        if !matches!(self.state, State::Stopping { .. }) {
            return self.state != State::Running || !self.moves_pages();
        }
        self.flight.is_some() || self.progress.due || self.pages.as_deref().is_some_and(Pages::has_entry) || reads > 0
    }

    /// Nothing can happen in it without a register write.
    pub(crate) fn asleep(&self) -> bool {
        matches!(self.state, State::Idle | State::Error) && !self.progress.armed
    }

    fn running(&self, env: &Env) -> bool {
        self.state == State::Running && env.enabled
    }
}
