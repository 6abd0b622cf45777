//! The TLP port: everything a card sees of the world, at two grains.
//!
//! **Signals** ([`Endpoint`]): one clock of inputs gives one clock of outputs. All outputs are registered (Moore): what
//! [`Endpoint::clock`] leaves in [`PortOut`] is what the card drives during the *next* clock. A stream moves a beat in each clock in which
//! its `valid` and its `ready` are both high. A TLP's header travels beside its data (as in hard IPs with a header bus): a TLP with no
//! payload takes one beat, one with `n` bytes ⌈n / width⌉; `sop` marks the first, `eop` the last. The RTL is driven this way, and lockstep
//! compares this way.
//!
//! **Runs of clocks** ([`TlpPort`]): the machine says what it will do in the coming clocks, and the card runs until something
//! comes of it. It means exactly the same clocks, so [`Clocked`] makes a `TlpPort` of any `Endpoint`; the model also implements it directly
//! and is held equal by a test. Middlewares (trace, faults, capture) wrap a `TlpPort`.
//!
//! Front-end streams come with the port: one per channel, beats with valid/ready/last/error, and BUSY back.

use crate::credit::Limits;
use crate::params::{DataWidth, MAX_C2H, MAX_H2C};
use crate::units::{Cycle, Cycles};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Bytes of the widest beat.
pub const MAX_BEAT: usize = 64;
/// Most payload bytes of any TLP (PCIe 4.0 §2.2.2).
pub const MAX_PAYLOAD: usize = 4096;

/// One beat of a TLP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The beat is there.
    pub valid: bool,
    /// First beat: `header` counts.
    pub sop: bool,
    /// Last beat.
    pub eop: bool,
    /// The TLP arrived poisoned or damaged below the transaction layer and must be discarded (with `eop`).
    pub discard: bool,
    /// The header's dwords as numbers: bits 31 to 24 of dword 0 are Fmt and Type. A 3-dword header leaves the last one zero.
    pub header: [u32; 4],
    /// Payload bytes in this beat; 0 only for a TLP without payload.
    pub bytes: u8,
    /// Payload in the order of addresses, from byte 0; zero beyond `bytes`.
    pub data: [u8; MAX_BEAT],
}

impl Beat {
    /// No beat.
    pub const NONE: Self = Self { valid: false, sop: false, eop: false, discard: false, header: [0; 4], bytes: 0, data: [0; MAX_BEAT] };
}

impl Default for Beat {
    fn default() -> Self {
        Self::NONE
    }
}

/// One beat of a front-end stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontBeat {
    /// Last beat of the frame.
    pub last: bool,
    /// The front end marks the frame as bad (with `last`).
    pub error: bool,
    /// E-link or other source (constant over a frame).
    pub source: u16,
    /// Bytes in this beat: a full beat unless `last`; 0 only in the one beat of an empty frame.
    pub bytes: u8,
    /// Payload, zero beyond `bytes`.
    pub data: [u8; MAX_BEAT],
}

impl FrontBeat {
    /// No data.
    pub const NONE: Self = Self { last: false, error: false, source: 0, bytes: 0, data: [0; MAX_BEAT] };
}

/// What the card sees in one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortIn {
    /// Fundamental or hot reset is asserted.
    pub reset: bool,
    /// The data link is up (DL_Active).
    pub link_up: bool,
    /// Towards the card.
    pub rx: Beat,
    /// The receiver of the transmit stream takes the beat shown.
    pub tx_ready: bool,
    /// What the link partner has granted.
    pub credits: Limits,
    /// Bit per channel: `front` holds a beat.
    pub front_valid: u16,
    /// Front-end beats.
    pub front: [FrontBeat; MAX_C2H],
    /// Bit per H2C channel: the receiver of its output stream takes the beat shown.
    pub out_ready: u8,
}

impl Default for PortIn {
    fn default() -> Self {
        Self {
            reset: false,
            link_up: true,
            rx: Beat::NONE,
            tx_ready: true,
            credits: Limits::NONE,
            front_valid: 0,
            front: [FrontBeat::NONE; MAX_C2H],
            out_ready: 0,
        }
    }
}

/// What the card drives in one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOut {
    /// From the card.
    pub tx: Beat,
    /// The card takes the beat on `rx`.
    pub rx_ready: bool,
    /// What the card has granted to its link partner.
    pub credits: Limits,
    /// Bit per channel: the card takes the front-end beat.
    pub front_ready: u16,
    /// Bit per channel: BUSY towards the front end.
    pub front_busy: u16,
    /// Bit per H2C channel: `out` holds a beat of its output stream.
    pub out_valid: u8,
    /// Beats of the H2C output streams.
    pub out: [FrontBeat; MAX_H2C],
}

impl Default for PortOut {
    fn default() -> Self {
        Self {
            tx: Beat::NONE,
            rx_ready: false,
            credits: Limits::NONE,
            front_ready: 0,
            front_busy: 0,
            out_valid: 0,
            out: [FrontBeat::NONE; MAX_H2C],
        }
    }
}

/// A card, clock by clock.
pub trait Endpoint {
    /// Width of its port.
    fn width(&self) -> DataWidth;

    /// One clock: `input` is what is sampled at its end, `output` on entry what the card drove during it, on return what it drives in the next.
    fn clock(&mut self, input: &PortIn, output: &mut PortOut);

    /// Clocks from now in which the outputs stay as they are and nothing is lost by calling [`Endpoint::skip`] instead, if all inputs stay
    /// quiet: no valid stream, and the rest unchanged. [`Cycles`]`(u64::MAX)`: until an input changes.
    fn quiet(&self) -> Cycles {
        Cycles(0)
    }

    /// Passes `span` quiet clocks at once; never more than [`Endpoint::quiet`] says.
    fn skip(&mut self, span: Cycles) {
        assert_eq!(span, Cycles(0), "an endpoint that is never quiet cannot skip");
    }
}

/// A whole TLP: the header's dwords and the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct TlpBuf {
    /// As in [`Beat::header`].
    pub header: [u32; 4],
    /// See [`Beat::discard`].
    pub discard: bool,
    len: u32,
    data: Box<[u8; MAX_PAYLOAD]>,
}

impl TlpBuf {
    /// Empty: zero header, no payload.
    #[must_use]
    pub fn new() -> Self {
        Self { header: [0; 4], discard: false, len: 0, data: Box::new([0; MAX_PAYLOAD]) }
    }

    /// The payload in the order of addresses.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.data[..self.len as usize]
    }

    /// The payload, to change it.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.data[..self.len as usize]
    }

    /// Sets the payload's length, at most [`MAX_PAYLOAD`] bytes; what is new in it is whatever was there before.
    ///
    /// # Panics
    /// If `len` is over [`MAX_PAYLOAD`].
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= MAX_PAYLOAD, "payload of {len} bytes");
        self.len = len as u32;
    }

    /// Becomes the TLP with this header and payload.
    ///
    /// # Panics
    /// If the payload is over [`MAX_PAYLOAD`].
    pub fn set(&mut self, header: [u32; 4], payload: &[u8]) {
        self.header = header;
        self.discard = false;
        self.set_len(payload.len());
        self.payload_mut().copy_from_slice(payload);
    }

    /// Appends a beat; `sop` begins anew. Bytes over [`MAX_PAYLOAD`] are refused with `false`: the sender never ended its TLP.
    pub fn push(&mut self, beat: &Beat) -> bool {
        if beat.sop {
            self.header = beat.header;
            self.len = 0;
        }
        self.discard = beat.discard;
        let (from, bytes) = (self.len as usize, usize::from(beat.bytes).min(MAX_BEAT));
        let Some(room) = self.data.get_mut(from..from + bytes) else { return false };
        room.copy_from_slice(&beat.data[..bytes]);
        self.len += bytes as u32;
        true
    }

    /// Beat `index` of this TLP on a stream of `width`.
    #[must_use]
    pub fn beat(&self, index: u32, width: DataWidth) -> Beat {
        let mut beat = Beat { valid: true, sop: index == 0, eop: index + 1 == width.beats(self.len), ..Beat::NONE };
        let payload = self.payload();
        let from = ((index * width.bytes()) as usize).min(payload.len());
        let to = (from + width.bytes() as usize).min(payload.len());
        beat.data[..to - from].copy_from_slice(&payload[from..to]);
        beat.bytes = (to - from) as u8;
        beat.discard = beat.eop && self.discard;
        if beat.sop {
            beat.header = self.header;
        }
        beat
    }
}

impl Default for TlpBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for TlpBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TlpBuf {{ header: {:08x?}, payload: {} bytes }}", self.header, self.len)
    }
}

/// A frame waiting at a front end: a range of shared bytes, so that queueing it copies and allocates nothing.
#[derive(Clone, Debug)]
pub struct FrontFrame {
    /// Its first beat is valid from this cycle on.
    pub at: Cycle,
    /// E-link or other source.
    pub source: u16,
    /// Marked as bad by the front end.
    pub error: bool,
    /// Holds the payload.
    pub data: Arc<[u8]>,
    /// First byte of the payload in `data`.
    pub start: usize,
    /// Bytes of payload.
    pub len: usize,
}

impl FrontFrame {
    /// The payload.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &[u8] {
        &self.data[self.start..self.start + self.len]
    }
}

/// One channel's front end: the frames it will send, one beat a clock while the card is ready.
#[derive(Clone, Debug, Default)]
pub struct FrontStream {
    /// Frames, oldest first.
    pub frames: VecDeque<FrontFrame>,
    /// Bytes of the oldest that have passed.
    pub passed: usize,
    /// More frames may come: a run of clocks ends when `frames` runs empty.
    pub open: bool,
}

impl FrontStream {
    /// The beat shown at `now`, if there is one.
    #[must_use]
    pub fn beat(&self, now: Cycle, width: DataWidth) -> Option<FrontBeat> {
        let frame = self.frames.front().filter(|frame| frame.at <= now)?;
        let payload = frame.payload();
        let to = (self.passed + width.bytes() as usize).min(payload.len());
        let mut beat = FrontBeat { last: to == payload.len(), source: frame.source, bytes: (to - self.passed) as u8, ..FrontBeat::NONE };
        beat.error = beat.last && frame.error;
        beat.data[..to - self.passed].copy_from_slice(&payload[self.passed..to]);
        Some(beat)
    }

    /// The beat shown was taken. Returns whether it was the last of its frame.
    ///
    /// # Panics
    /// If no frame is there.
    pub fn advance(&mut self, width: DataWidth) -> bool {
        let frame = self.frames.front().expect("a beat was taken, so a frame is there");
        self.passed += width.bytes() as usize;
        let last = self.passed >= frame.len;
        if last {
            self.passed = 0;
            self.frames.pop_front();
        }
        last
    }
}

/// What came out of one H2C channel's output stream: bytes, and where frames end in them. Whoever runs the card takes it away.
#[derive(Clone, Debug, Default)]
pub struct OutStream {
    /// The receiver is ready from this cycle on.
    pub ready_at: Cycle,
    /// Payload, in order.
    pub bytes: Vec<u8>,
    /// Positions in `bytes` after the last byte of each frame that ended.
    pub ends: Vec<usize>,
}

impl OutStream {
    /// A beat was taken.
    pub fn take(&mut self, beat: &FrontBeat) {
        self.bytes.extend_from_slice(&beat.data[..usize::from(beat.bytes)]);
        if beat.last {
            self.ends.push(self.bytes.len());
        }
    }
}

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
    /// See [`PortIn::reset`]. Constant during a run.
    pub reset: bool,
    /// See [`PortIn::link_up`]. Constant during a run.
    pub link_up: bool,
    /// See [`PortIn::credits`]. Constant during a run.
    pub credits: Limits,
    /// `tx_ready` is low before this cycle and high from it on.
    pub tx_ready_at: Cycle,
    /// Bit `i`: `tx_ready` is low in the `i`th clock of the run all the same. Not zero only for runs of at most 64 clocks.
    pub tx_stall: u64,
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

    /// The oldest TLP for the card has passed wholly: drops it, keeping its buffer for reuse.
    pub fn rx_done(&mut self) {
        self.rx_passed = 0;
        if let Some(done) = self.rx.pop_front() {
            self.spare.push(done.tlp);
        }
    }
}

/// What came of a run of clocks.
#[derive(Debug, Default)]
pub struct Response {
    /// Clocks that passed; at least one, at most the limit.
    pub clocks: Cycles,
    /// `tlp` is whole: its last beat passed in the last of these clocks.
    pub tlp_done: bool,
    /// The TLP that the card is sending. Its content counts when `tlp_done`; between runs it belongs to the card's side.
    pub tlp: TlpBuf,
    /// Cycle in which the first beat of `tlp` passed.
    pub tlp_first: Cycle,
    /// See [`PortOut::credits`], as driven after the run.
    pub credits: Option<Limits>,
    /// See [`PortOut::front_busy`], as driven after the run.
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

/// Any [`Endpoint`] as a [`TlpPort`]: clock by clock, beat by beat.
#[derive(Debug)]
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
            Some(rx) if rx.at <= now => rx.tlp.beat(stimulus.rx_passed, width),
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
