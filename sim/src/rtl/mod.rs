//! The Verilated RTL of the card as an [`Endpoint`]. What is inside it is nobody's business here: a port of signals, and one call a clock.

mod bare;
mod ffi;
mod leap;
mod state;

pub use bare::Bare;
pub use state::{OtherVariant, State};

use crate::cards::params;
use crate::lockstep::Verdict;
use crate::variants::VARIANTS;
use cxx::UniquePtr;
use ffi::bridge::{self, In, Out};
use leap::Leap;
use silico_spec::credit::{Limit, Limits};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{Beat, ChannelView, Endpoint, FrontBeat, Inspect, MAX_BEAT, PortIn, PortOut};
use silico_spec::units::Cycles;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Parameters that no variant was built with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no variant of the RTL was built with these card parameters ({field} fits none); there are: {there}; `SILICO_RTL=all` at build time builds all"
)]
pub struct NoVariant {
    /// What does not fit, with its value.
    pub field: String,
    /// The variants that were built, with their parameters.
    pub there: String,
}

/// A Verilated card.
pub struct RtlCard {
    card: UniquePtr<bridge::Card>,
    width: DataWidth,
    /// Place among [`VARIANTS`].
    variant: usize,
    input: In,
    output: Out,
    cycle: u64,
    verdict: Verdict,
    /// Somebody has looked inside.
    is_open: bool,
    leap: Leap,
}

impl std::fmt::Debug for RtlCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtlCard").field("width", &self.width).finish_non_exhaustive()
    }
}

/// Where cards leave what was counted of the RTL.
static COVERAGE: OnceLock<PathBuf> = OnceLock::new();
/// Cards that have.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// From now on each card that is dropped leaves a file in `folder` with what was counted of the RTL, in a build that counts (`SILICO_RTL_COVERAGE`).
/// Only the first folder counts.
pub fn collect_coverage(folder: PathBuf) {
    let _ = COVERAGE.set(folder);
}

thread_local! {
    /// Cards that are not used at present, by variant: a new one costs much more than a reset.
    static SPARE: RefCell<[Vec<UniquePtr<bridge::Card>>; VARIANTS.len()]> = const { RefCell::new([const { Vec::new() }; VARIANTS.len()]) };
}

/// Whether this build tells what is inside the RTL.
const TELLS: bool = matches!(env!("SILICO_RTL_TELLS").as_bytes(), b"1");
/// Cards that a thread keeps of a variant.
const SPARES: usize = 2;

/// The variants of this build: place among all, and what a card of it is.
fn built() -> impl Iterator<Item = (usize, CardParams)> {
    let is_built = |name: &str| env!("SILICO_RTL_BUILT").split(',').any(|built| built == name);
    VARIANTS.iter().enumerate().filter(move |(_, variant)| is_built(variant.name)).map(|(index, variant)| (index, params(variant)))
}

/// Whether this build can tell what is inside the RTL: see [`RtlCard::inside`].
#[must_use]
pub const fn tells_inside() -> bool {
    TELLS
}

/// The cards that this build of the RTL has, each with the name of its variant.
#[must_use]
pub fn variants() -> Vec<(&'static str, CardParams)> {
    built().map(|(index, params)| (VARIANTS[index].name, params)).collect()
}

/// The parameters that two cards differ in, with the value of the second.
fn differences(one: &CardParams, other: &CardParams) -> Vec<String> {
    let text = |params: &CardParams| format!("{params:#?}");
    let (one, other) = (text(one), text(other));
    one.lines().zip(other.lines()).filter(|(a, b)| a != b).map(|(_, b)| b.trim().trim_end_matches(',').to_owned()).collect()
}

fn no_variant(wanted: &CardParams) -> NoVariant {
    let default = CardParams::default();
    let there = variants().into_iter().map(|(name, params)| match differences(&default, &params) {
        none if none.is_empty() => format!("{name} (the default parameters)"),
        some => format!("{name} ({})", some.join(", ")),
    });
    let there = there.collect::<Vec<_>>().join("; ");
    // Those in which it differs from the nearest one.
    let nearest = built().map(|(_, params)| differences(&params, wanted)).min_by_key(Vec::len).unwrap_or_default();
    NoVariant { field: nearest.join(", "), there }
}

/// Place of the variant with these parameters.
fn find(params: &CardParams) -> Result<usize, NoVariant> {
    built().find(|(_, built)| built == params).map(|(variant, _)| variant).ok_or_else(|| no_variant(params))
}

impl RtlCard {
    /// A card as after power-on.
    ///
    /// # Errors
    /// If no variant of this build has these parameters.
    pub fn new(params: &CardParams) -> Result<Self, NoVariant> {
        let mut this = Self::used(find(params)?, params.width);
        this.input.power_on = true;
        this.card.pin_mut().step(&this.input, &mut this.output);
        this.input.power_on = false;
        bridge::take_said();
        Ok(this)
    }

    /// A card in whatever state somebody left it.
    fn used(variant: usize, width: DataWidth) -> Self {
        let spare = SPARE.with_borrow_mut(|spare| spare[variant].pop());
        let card = spare.unwrap_or_else(|| bridge::make(VARIANTS[variant].name));
        Self {
            card,
            width,
            variant,
            input: nothing(),
            output: quiet(),
            cycle: 0,
            verdict: Verdict::default(),
            is_open: false,
            leap: Leap::new(variant),
        }
    }

    /// Assertions that fail are told to `verdict`.
    #[must_use]
    pub fn telling(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }

    /// What is declared inside the RTL, as the text of a VCD file; `None`: this build does not tell (`SILICO_RTL_WAVES=1` at build time).
    #[must_use]
    pub fn inside(&mut self) -> Option<String> {
        TELLS.then(|| {
            self.is_open = true;
            self.pay();
            self.card.pin_mut().inside()
        })
    }

    /// Appends what has changed inside since the last time, under the inputs of the coming clock, as the text of a VCD file. Nothing, if this build does not
    /// tell.
    pub fn look_inside(&mut self, input: &PortIn, changes: &mut Vec<u8>) {
        if TELLS {
            self.is_open = true;
            self.pay();
            pack(input, &mut self.input, self.width.bytes() as usize / 4);
            self.card.pin_mut().look(&self.input, changes);
        }
    }
}

impl Drop for RtlCard {
    fn drop(&mut self) {
        let mut card = std::mem::replace(&mut self.card, UniquePtr::null());
        if let Some(folder) = COVERAGE.get() {
            // It goes: used again, its counts would be counted again.
            let path = folder.join(format!("{}-{}.dat", std::process::id(), LEFT.fetch_add(1, Ordering::Relaxed)));
            if let (Some(card), Some(path)) = (card.as_mut(), path.to_str()) {
                card.coverage(path);
            }
            return;
        }
        // One that tells of its inside would go on where it is.
        if self.is_open {
            return;
        }
        // When the thread ends, there may be no place for it any more: then it goes.
        let _ = SPARE.try_with(|spare| {
            let spare = &mut spare.borrow_mut()[self.variant];
            if spare.len() < SPARES {
                spare.push(card);
            }
        });
    }
}

const fn nothing() -> In {
    In {
        power_on: false,
        reset: false,
        link_up: false,
        rx_valid: false,
        rx_sop: false,
        rx_eop: false,
        rx_discard: false,
        rx_bytes: 0,
        tx_ready: false,
        rx_digest: 0,
        rx_header: [0; 4],
        rx_data: [0; 16],
        credits: [0; 3],
        front_valid: 0,
        front_last: 0,
        front_error: 0,
        out_ready: 0,
        front_bytes: [0; 16],
        front_source: [0; 16],
        front_data: [0; 256],
    }
}

const fn quiet() -> Out {
    Out {
        tx_valid: false,
        tx_sop: false,
        tx_eop: false,
        tx_bytes: 0,
        rx_ready: false,
        tx_digest: 0,
        tx_header: [0; 4],
        tx_data: [0; 16],
        credits: [0; 3],
        front_ready: 0,
        front_busy: 0,
        out_valid: 0,
        out_last: 0,
        out_error: 0,
        out_bytes: [0; 8],
        out_source: [0; 8],
        out_data: [0; 128],
    }
}

fn words(bytes: &[u8; MAX_BEAT], out: &mut [u32], count: usize) {
    for (word, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0).take(count) {
        *word = u32::from_le_bytes(*bytes);
    }
}

fn bytes(words: &[u32], out: &mut [u8; MAX_BEAT], count: usize) {
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(words).take(count) {
        *bytes = word.to_le_bytes();
    }
}

/// As `limit_t` of the RTL.
fn packed(limit: &Limit) -> u32 {
    let headers = limit.headers().map_or(1 << 8, u32::from);
    let data = limit.data().map_or(1 << 12, u32::from);
    headers << 13 | data
}

fn unpacked(bits: u32) -> Limit {
    let headers = if bits >> 21 & 1 != 0 { None } else { Some((bits >> 13) as u8) };
    let data = if bits >> 12 & 1 != 0 { None } else { Some((bits & 0xfff) as u16) };
    Limit::new(headers, data)
}

/// A clock's inputs as the bridge has them; data of `count` words a beat.
fn pack(input: &PortIn, to: &mut In, count: usize) {
    (to.reset, to.link_up, to.tx_ready) = (input.reset, input.link_up, input.tx_ready);
    to.rx_valid = input.rx.valid;
    if input.rx.valid {
        let rx = &input.rx;
        (to.rx_sop, to.rx_eop, to.rx_discard) = (rx.sop, rx.eop, rx.discard);
        (to.rx_bytes, to.rx_digest, to.rx_header) = (rx.bytes, rx.digest, rx.header);
        words(&rx.data, &mut to.rx_data, count);
    }
    to.credits = input.credits.0.each_ref().map(packed);
    (to.front_valid, to.front_last, to.front_error, to.out_ready) = (input.front_valid, 0, 0, input.out_ready);
    for (channel, beat) in input.front.iter().enumerate().filter(|(channel, _)| input.front_valid >> channel & 1 != 0) {
        to.front_last |= u16::from(beat.last) << channel;
        to.front_error |= u16::from(beat.error) << channel;
        (to.front_bytes[channel], to.front_source[channel]) = (beat.bytes, beat.source);
        words(&beat.data, &mut to.front_data[16 * channel..16 * channel + 16], count);
    }
}

/// The same of what a card shows.
fn unpack(from: &Out, output: &mut PortOut, count: usize) {
    output.tx = Beat::NONE;
    if from.tx_valid {
        let tx = &mut output.tx;
        (tx.valid, tx.sop, tx.eop) = (true, from.tx_sop, from.tx_eop);
        (tx.bytes, tx.digest, tx.header) = (from.tx_bytes, from.tx_digest, from.tx_header);
        bytes(&from.tx_data, &mut tx.data, count);
    }
    output.rx_ready = from.rx_ready;
    output.credits = Limits(from.credits.map(unpacked));
    (output.front_ready, output.front_busy) = (from.front_ready, from.front_busy);
    output.out_valid = from.out_valid;
    for (channel, beat) in output.out.iter_mut().enumerate() {
        *beat = FrontBeat::NONE;
        if from.out_valid >> channel & 1 != 0 {
            (beat.last, beat.error) = (from.out_last >> channel & 1 != 0, from.out_error >> channel & 1 != 0);
            (beat.bytes, beat.source) = (from.out_bytes[channel], from.out_source[channel]);
            bytes(&from.out_data[16 * channel..16 * channel + 16], &mut beat.data, count);
        }
    }
}

/// Nothing is known of what is inside.
impl Inspect for RtlCard {
    fn c2h(&self, _: usize) -> Option<ChannelView> {
        None
    }

    fn h2c(&self, _: usize) -> Option<ChannelView> {
        None
    }

    fn tags(&self) -> (usize, usize) {
        (0, 1)
    }

    fn device_control(&self) -> u16 {
        u16::MAX
    }
}

impl Endpoint for RtlCard {
    fn width(&self) -> DataWidth {
        self.width
    }

    fn clock(&mut self, input: &PortIn, output: &mut PortOut) {
        self.pay();
        let count = self.width.bytes() as usize / 4;
        let calm = leap::is_calm(&self.input, input, input.credits.0.each_ref().map(packed));
        pack(input, &mut self.input, count);
        self.cycle += 1;
        if self.card.pin_mut().step(&self.input, &mut self.output) {
            self.verdict.failed(self.cycle, &bridge::take_said());
        }
        unpack(&self.output, output, count);
        self.rest(calm);
    }

    /// As has been proved by trial, once nothing has happened for a while: see `leap.rs`. The clocks are taken when the card is looked at next.
    fn quiet(&self) -> Cycles {
        Cycles(self.leap.still())
    }

    fn skip(&mut self, span: Cycles) {
        self.leap.pass(span.0);
    }
}
