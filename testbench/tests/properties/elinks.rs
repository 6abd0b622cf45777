//! E-link blocks of the card's generator: each chunk of each e-link is there, whole or marked as cut, whatever the sizes, limits and timers.

use crate::harness::{Settings, search};
use proptest::prelude::*;
use silico::check::elink::ElinkBoard;
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{ElinkBlocks, Generator, Lengths, RingConfig, Source};
use silico_driver::platform::{Platform, Registers, Time};
use silico_sim::MachineConfig;
use silico_spec::generator::{FrameSequence, LengthMode};
use silico_spec::params::CardParams;
use silico_spec::registers::c2h;

/// Longer than a chunk may be on its way, in ns.
const PATIENCE: u64 = 3_000_000;

/// Blocks are packed, cut and closed by their timer; what is put together again is what the generator draws, a second time.
#[test]
fn every_chunk_of_every_e_link_comes_once() {
    let name = "elinks::every_chunk_of_every_e_link_comes_once";
    let sizes = (prop_oneof![Just(0_u32), 0_u32..40, 900_u32..1100, 0_u32..4000], prop_oneof![Just(0_u32), 0_u32..600, 0_u32..4000]);
    let limit = prop_oneof![2 => Just(u32::MAX), 2 => 1_u32..2000, 1 => prop::sample::select(vec![1012, 1016, 1020, 2032])];
    let cases = (sizes, limit, 1_u16..9, prop_oneof![1 => Just(0_u32), 2 => 1_u32..3000], 0_u32..60, any::<u64>(), any::<u16>());
    let property = |&((min, span), limit, links, flush, pause, seed, source): &((u32, u32), u32, u16, u32, u32, u64, u16)| {
        const CHUNKS: u64 = 120;
        let said = |error: silico_driver::error::DriverError| error.to_string();
        let (max, source, seed) = (min + span, source % 0xff00, seed.max(1));
        let limit = limit.min(max).max(1);
        let port = crate::on::card_for(&CardParams::default(), links)?.0;
        let platform = SimPlatform::new(MachineConfig::default(), port, 4).map_err(|error| error.to_string())?;
        let card = Card::bring_up(platform.clone(), &BringUp::default()).map_err(said)?;
        let lengths = Lengths::Uniform { min, max };
        let made =
            Generator { lengths, source, seed, pause, count: CHUNKS, blocks: Some(ElinkBlocks { links, flush }), ..Generator::default() };
        let config = RingConfig { source: Source::Generator(made), max_frame: limit, ring_bytes: 64 << 10, ..RingConfig::default() };
        let mut ring = card.channel(1, &config).map_err(said)?;
        for run in 0..2 {
            ring.start().map_err(said)?;
            let drawn = FrameSequence::new(seed, 1, LengthMode::Uniform, min, max, [0; 16]);
            let mut board = ElinkBoard::new(drawn.clone(), CHUNKS, source, links, limit);
            let mut again = drawn;
            let cut = (0..CHUNKS).filter(|_| again.draw().0 > limit).count() as u64;
            let mut blocks = 0;
            while board.came().chunks < CHUNKS {
                let Some(frame) = ring.poll().map_err(said)? else {
                    if ring.wait(platform.now().after(PATIENCE)).map_err(said)? != silico_driver::channel::Wait::Ready {
                        return Err(format!(
                            "run {run}: {} of {CHUNKS} chunks have come in {blocks} blocks, and no more do",
                            board.came().chunks
                        ));
                    }
                    continue;
                };
                let judged = board
                    .check(frame.header.flags, false, [frame.head, frame.tail])
                    .map_err(|wrong| format!("run {run}, block {blocks}: {wrong}"))?;
                if (judged, frame.header.sequence) != ((frame.header.source, 0), blocks) {
                    return Err(format!("run {run}, block {blocks}: {judged:?} in a frame with {:?}", frame.header));
                }
                blocks += 1;
            }
            let came = board.came();
            if (came.truncated, came.lost_blocks) != (cut, 0) {
                return Err(format!("run {run}: {cut} chunks are longer than {limit}: {came:?}"));
            }
            let counted = platform.registers().read64(c2h::offset(1, c2h::GEN_CHUNKS)).map_err(|error| error.to_string())?;
            if counted != CHUNKS {
                return Err(format!("run {run}: {CHUNKS} chunks have come, and GEN_CHUNKS is {counted}"));
            }
            ring.stop().map_err(said)?;
        }
        platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
    };
    if let Err(failure) = search(name, Settings::from_env(), &cases, property) {
        panic!("{}", failure.text(""));
    }
}
