//! E-link blocks: every chunk of every e-link comes as it was made, on any link, in any ring, over restarts; and where blocks are dropped, that is told.

use crate::coverage::{self, Elink};
use crate::harness::{Settings, search};
use crate::scenario::MachineShape;
use crate::strategies::{Flavour, machine};
use crate::tally::Tally;
use proptest::prelude::*;
use silico::check::elink::ElinkBoard;
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{
    ElinkBlocks, Generator, Lengths, Progress, RingChannel, RingConfig, Source, WaitMode, WhenFull, WriteBackPolicy,
};
use silico_driver::error::DriverError;
use silico_driver::platform::Time;
use silico_spec::elink::{Block, ChunkFlags, Kind};
use silico_spec::frame::Flags;
use silico_spec::generator::{FrameSequence, LengthMode};
use silico_spec::params::CardParams;
use std::collections::BTreeMap;

/// The first e-link.
const FIRST: u16 = 0x100;
/// Pieces of a block from which on it has many.
const MANY: usize = 9;
/// Longest silence of a channel that has something to give, in ns.
const SILENCE: u64 = 4_000_000;
/// Silences after which a channel that drops has no more to give.
const SILENCES: u32 = 2;

/// A channel with blocks, and its machine.
#[derive(Clone, Debug)]
struct Case {
    machine: MachineShape,
    /// Of chunks.
    min: u32,
    span: u32,
    most: u32,
    links: u16,
    flush: u32,
    pause: u32,
    count: u64,
    ring_pages: u64,
    drop: bool,
    /// The run is over after so many blocks, and another one begins.
    restart: Option<u16>,
}

fn cases() -> impl Strategy<Value = Case> {
    let lengths = prop_oneof![2 => (Just(0_u32), 0_u32..20), 2 => (0_u32..300, 0_u32..600), 1 => (900_u32..1100, 0_u32..200), 1 => (0_u32..4, 0_u32..6000)];
    let most = prop_oneof![3 => Just(8192_u32), 1 => 1_u32..1500];
    (
        machine(Flavour::Mixed),
        lengths,
        most,
        prop_oneof![1 => Just(1_u16), 2 => 1_u16..64],
        prop_oneof![1 => Just(0_u32), 2 => 1_u32..3000],
        prop_oneof![2 => Just(0_u32), 1 => 0_u32..600],
        (64_u64..600, 1_u64..4, prop::bool::weighted(0.3), prop::option::weighted(0.3, 1_u16..30)),
    )
        .prop_map(|(mut machine, (min, span), most, links, flush, pause, (count, ring_pages, drop, restart))| {
            if drop {
                (machine.generation, machine.link_lanes_log2) = (1, 0);
            }
            machine.fifo_log2 = machine.fifo_log2.max(12);
            Case { machine, min, span, most, links, flush, pause, count, ring_pages, drop, restart }
        })
}

impl Case {
    fn config(&self) -> RingConfig {
        let generator = Generator {
            lengths: Lengths::Uniform { min: self.min, max: self.min + self.span },
            source: FIRST,
            pause: self.pause,
            seed: self.machine.seed,
            count: self.count,
            blocks: Some(ElinkBlocks { links: self.links, flush: self.flush }),
            ..Generator::default()
        };
        RingConfig {
            ring_bytes: self.ring_pages * 4096,
            source: Source::Generator(generator),
            when_full: if self.drop { WhenFull::Drop } else { WhenFull::Stall },
            progress: Progress::WriteBack(WriteBackPolicy { frames: 1, bytes: 0, time: 0 }),
            max_frame: self.most,
            wait: WaitMode::Poll,
            interrupt: None,
            ..RingConfig::default()
        }
    }

    fn board(&self) -> ElinkBoard {
        let made = FrameSequence::new(self.machine.seed, 0, LengthMode::Uniform, self.min, self.min + self.span, [0; 16]);
        ElinkBoard::new(made, self.count, FIRST, self.links, self.most)
    }
}

/// Counts what lies in the blocks of a run.
#[derive(Debug, Default)]
struct Seen {
    /// Blocks over which the chunk lies that is open, by e-link.
    open: BTreeMap<u16, u32>,
}

impl Seen {
    fn block(&mut self, flags: Flags, parts: [&[u8]; 2]) {
        let bytes = parts.concat();
        let Ok(block) = Block::decode(&bytes) else { return };
        coverage::note(|notes| {
            let mut hit = |bin, happened: bool| {
                if happened {
                    notes.more.elinks.hit(bin);
                }
            };
            hit(Elink::Wrapped, !parts[1].is_empty());
            hit(Elink::Lost, flags.contains(Flags::DROPPED_BEFORE));
            hit(Elink::Many, block.len() >= MANY);
            hit(Elink::Null, block.padding() == Some(Kind::Null));
            hit(Elink::Timeout, block.padding() == Some(Kind::Timeout));
            hit(Elink::NoPadding, block.padding().is_none());
            for piece in block.subchunks().filter(|piece| !piece.kind.is_padding()) {
                hit(Elink::First, piece.kind == Kind::First);
                hit(Elink::Middle, piece.kind == Kind::Middle);
                hit(Elink::Last, piece.kind == Kind::Last);
                hit(Elink::Whole, piece.kind == Kind::Whole);
                hit(Elink::Empty, piece.kind == Kind::Whole && piece.payload.is_empty());
                hit(Elink::Truncated, piece.flags.contains(ChunkFlags::TRUNCATED));
                let blocks = if piece.kind.begins() { 1 } else { self.open.get(&block.elink()).map_or(0, |blocks| blocks + 1) };
                self.open.insert(block.elink(), blocks);
                hit(Elink::OneBlock, piece.kind.ends() && blocks == 1);
                hit(Elink::TwoBlocks, piece.kind.ends() && blocks == 2);
                hit(Elink::MoreBlocks, piece.kind.ends() && blocks > 2);
            }
        });
    }
}

fn said(error: DriverError) -> String {
    error.to_string()
}

/// Reads a run: to its end, or for so many blocks.
fn read(case: &Case, platform: &SimPlatform, ring: &mut RingChannel<SimPlatform>, most: Option<u16>) -> Result<(), String> {
    let (mut board, mut seen, mut silent, mut blocks) = (case.board(), Seen::default(), 0, 0_u16);
    while board.came().chunks < case.count && most.is_none_or(|most| blocks < most) {
        if let Some(frame) = ring.poll().map_err(said)? {
            let (header, parts) = (frame.header, [frame.head, frame.tail]);
            frame.verify().map_err(|error| error.to_string())?;
            let (elink, _) = board.check(header.flags, case.drop, parts).map_err(|wrong| format!("block {blocks}: {wrong}"))?;
            if elink != header.source {
                return Err(format!("a block of e-link {elink} in a frame of source {}", header.source));
            }
            seen.block(header.flags, parts);
            (silent, blocks) = (0, blocks + 1);
            continue;
        }
        let deadline = platform.now().after(SILENCE);
        ring.wait(deadline).map_err(said)?;
        silent += 1;
        if silent > SILENCES {
            // Blocks that were dropped took their chunks along.
            return if case.drop { Ok(()) } else { Err(format!("{:?} came, of {} chunks", board.came(), case.count)) };
        }
    }
    if case.drop || most.is_some() || board.came().lost_blocks == 0 {
        Ok(())
    } else {
        Err(format!("blocks are missing: {:?}", board.came()))
    }
}

fn every_chunk(case: &Case) -> Result<(), String> {
    let params = CardParams { fifo_frames: 64, ..case.machine.card(1, 1) };
    let port = crate::on::card_for(&params, case.links)?.0;
    let platform = SimPlatform::new(case.machine.config(), port, 1).map_err(|error| error.to_string())?;
    let card = Card::bring_up(platform.clone(), &BringUp::default()).map_err(said)?;
    let mut ring = card.channel(0, &case.config()).map_err(said)?;
    ring.start().map_err(said)?;
    if case.restart.is_some() {
        read(case, &platform, &mut ring, case.restart)?;
        ring.restart().map_err(said)?;
    }
    read(case, &platform, &mut ring, None)?;
    let ended = ring.stop().map_err(said)?;
    if ended.discarded != 0 && !case.drop {
        return Err(format!("all was read, and the stop discards: {ended:?}"));
    }
    drop(ring);
    let machine = platform.machine();
    crate::tally::add(machine.now().0);
    machine.violation().map_or(Ok(()), |violation| Err(violation.to_string()))
}

#[test]
fn every_chunk_of_every_elink_comes() {
    let name = "blocks::every_chunk_of_every_elink_comes";
    let (settings, tally) = (Settings::from_env(), Tally::begin(name));
    if let Err(failure) = search(name, settings, &cases(), every_chunk) {
        panic!("{}", failure.text(""));
    }
    coverage::keep(name);
    tally.end(settings.case.map_or(settings.cases, |_| 1));
}
