//! A driver of one's own in the place of silico's: written against the platform traits alone, it runs on the simulated machine here and on whatever
//! implements the same traits elsewhere. It reads three frames of the card's generator by looking at `HW_COUNT`.
//!
//! `cargo run --example own_driver`

use silico::cli::RunOptions;
use silico::run::{RunConfig, build};
use silico_driver::platform::{AccessError, DmaBuffer, Nanos, Platform, Registers};
use silico_spec::crc::crc32c;
use silico_spec::frame::{FrameHeader, HEADER_BYTES};
use silico_spec::registers::{c2h, card};

const RING_BYTES: u64 = 64 << 10;
const FRAMES: u64 = 3;

type Frames = Vec<(FrameHeader, Vec<u8>)>;

/// The whole driver: `P` is any platform.
fn read_frames<P: Platform>(platform: &P) -> Result<Frames, Box<dyn std::error::Error>> {
    let registers = platform.registers();
    let mut ring = platform.alloc(RING_BYTES, 4096)?;
    let channel = |register| c2h::offset(0, register);
    registers.write64(channel(c2h::RING_BASE), ring.bus_addr().0)?;
    registers.write64(channel(c2h::RING_SIZE), RING_BYTES)?;
    registers.write32(channel(c2h::MAX_FRAME), 4096)?;
    registers.write32(channel(c2h::GEN_MIN), 100)?;
    registers.write64(channel(c2h::GEN_COUNT), FRAMES)?;
    registers.write32(channel(c2h::CONFIG), c2h::config::GENERATOR.set(0, 1) as u32)?;
    registers.write32(card::CONTROL, card::control::ENABLE.set(0, 1) as u32)?;
    registers.write32(channel(c2h::CONTROL), c2h::control::RUN.set(0, 1) as u32)?;

    let mut frames = Vec::new();
    let mut taken = 0;
    let give_up = platform.now().after(1_000_000);
    while frames.len() < FRAMES as usize {
        let announced = registers.read64(channel(c2h::HW_COUNT))?;
        if platform.now() > give_up {
            return Err(Box::new(AccessError::Timeout { offset: channel(c2h::HW_COUNT).into() }));
        }
        ring.acquire(taken..announced);
        while taken < announced {
            let header: [u8; HEADER_BYTES as usize] = ring.view(taken..taken + u64::from(HEADER_BYTES)).try_into()?;
            let header = FrameHeader::parse(&header)?;
            let start = taken + u64::from(HEADER_BYTES);
            frames.push((header, ring.view(start..start + u64::from(header.length)).to_vec()));
            taken += header.footprint();
        }
        platform.pause(Nanos(platform.now().0 + 500));
    }
    registers.write32(channel(c2h::CONTROL), 0)?;
    Ok(frames)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bench = build(&RunConfig::new(&RunOptions::default())?)?;
    for (header, payload) in read_frames(&bench.platform)? {
        let intact = crc32c(&payload) == header.crc;
        println!(
            "frame {} of channel {}: {} bytes, CRC {}",
            header.sequence,
            header.channel,
            header.length,
            if intact { "good" } else { "BAD" }
        );
    }
    match bench.platform.machine().violation() {
        Some(violation) => Err(violation.to_string().into()),
        None => Ok(()),
    }
}
