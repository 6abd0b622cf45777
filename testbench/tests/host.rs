//! Hosts that misbehave: consumers that are slow or stop, and a driver that crashes while the card runs and is started again.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::platform::{Process, SimPlatform};
use silico::run::{RunConfig, build};
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Generator, Lengths, RingChannel, RingConfig, Source, WhenFull};
use silico_driver::platform::Platform;
use silico_spec::crc;
use silico_spec::units::Cycles;

type Host = Process<SimPlatform>;
type Channel = RingChannel<Host>;

const CHANNELS: u8 = 2;

/// A machine whose first driver is gone already; the card is idle.
fn platform() -> SimPlatform {
    build(&RunConfig::new(&RunOptions::default()).expect("legal settings")).expect("the card comes up").platform
}

/// A driver of its own with channels that make frames for ever, marked by `source`.
fn start(platform: &SimPlatform, source: u16, when_full: WhenFull) -> (Host, Vec<Channel>) {
    let process = Process::new(platform.clone());
    let card = Card::bring_up(process.clone(), &BringUp::default()).expect("a card");
    let lengths = Lengths::Uniform { min: 1, max: 900 };
    let generator = Generator { lengths, source, pause: 0, rate: 65536, seed: source.into(), count: 0, blocks: None };
    let config =
        RingConfig { ring_bytes: 64 << 10, source: Source::Generator(generator), when_full, max_frame: 900, ..RingConfig::default() };
    let mut channels: Vec<Channel> = (0..CHANNELS).map(|channel| card.channel(channel, &config).expect("a channel")).collect();
    channels.iter_mut().for_each(|channel| channel.start().expect("started"));
    (process, channels)
}

fn run(platform: &SimPlatform, clocks: u64) {
    let mut machine = platform.machine();
    let until = machine.now().after(Cycles(clocks));
    machine.advance_to(until);
}

/// Takes what is there, at most `most` frames, each checked; `next` is the sequence number that must come. Returns whether frames were dropped on the way.
fn take(channel: &mut Channel, source: u16, next: &mut u64, most: usize) -> bool {
    let mut dropped = false;
    for _ in 0..most {
        let Some(frame) = channel.poll().expect("no error") else { break };
        assert_eq!((frame.header.source, frame.header.sequence), (source, *next));
        assert_eq!(crc::append(crc::crc32c(frame.head), frame.tail), frame.header.crc);
        dropped |= frame.header.flags.contains(silico_spec::frame::Flags::DROPPED_BEFORE);
        *next += 1;
    }
    dropped
}

fn assert_sound(platform: &SimPlatform) {
    assert_eq!(platform.machine().violation().map(ToString::to_string), None);
}

/// A consumer that takes a frame now and then, and one that takes none for long: the card waits, or drops whole frames and says so; nothing else.
#[rstest]
fn a_slow_or_stopped_consumer_loses_nothing_unmarked(
    #[values(2, usize::MAX)] most: usize,
    #[values(WhenFull::Stall, WhenFull::Drop)] full: WhenFull,
) {
    let platform = platform();
    let (_process, mut channels) = start(&platform, 7, full);
    let (mut next, mut dropped) = ([0; CHANNELS as usize], false);
    for round in 0..40 {
        // Stops altogether in the middle.
        run(&platform, if round == 20 { 200_000 } else { 2_000 });
        for (channel, next) in channels.iter_mut().zip(&mut next) {
            dropped |= take(channel, 7, next, most);
        }
    }
    assert!(next.iter().all(|next| *next >= 80), "{next:?}");
    assert_eq!(dropped, matches!(full, WhenFull::Drop), "more was made than taken");
    assert_sound(&platform);
}

/// The driver dies with the card in full flow. A new one brings the card to rest before the memory of the old one is given back: the card never writes
/// there again, and no byte of the old run comes in the new one.
#[test]
fn a_driver_that_crashed_is_followed_by_another() {
    let platform = platform();
    let (mut process, mut channels) = start(&platform, 1, WhenFull::Stall);
    for generation in 2..12u16 {
        let mut next = [0; CHANNELS as usize];
        // From in the first frame on to a full ring.
        for _ in 0..generation {
            run(&platform, 17 * u64::from(generation).pow(3));
            channels.iter_mut().zip(&mut next).for_each(|(channel, next)| _ = take(channel, generation - 1, next, 5));
        }
        process.crash();
        run(&platform, 3_000);
        // The next one resets the card as it comes up; only then does the memory go.
        let (new_process, new_channels) = start(&platform, generation, WhenFull::Stall);
        drop(std::mem::replace(&mut channels, new_channels));
        process = new_process;
        run(&platform, 20_000);
        assert_sound(&platform);
    }
    assert!(channels.iter_mut().all(|channel| {
        let mut next = 0;
        take(channel, 11, &mut next, usize::MAX);
        next > 50
    }));
}

/// The order matters, and the machine sees it: memory given back under a running card is written to.
#[test]
fn memory_given_back_too_early_is_a_violation() {
    let platform = platform();
    let (process, channels) = start(&platform, 1, WhenFull::Stall);
    run(&platform, 500);
    process.crash();
    drop(channels);
    run(&platform, 20_000);
    assert_eq!(platform.machine().violation().map(|violation| violation.rule), Some("bounds"));
}

/// What a dead process does no longer reaches the card.
#[test]
fn a_dead_process_is_silent() {
    use silico_driver::platform::{AccessError, ConfigSpace, Registers};
    let process = Process::new(platform());
    let registers = process.registers();
    assert!(registers.read32(0).is_ok() && process.read_config32(0).is_ok());
    process.crash();
    assert_eq!((registers.read32(0), registers.write64(0x18, 1)), (Err(AccessError::Gone), Err(AccessError::Gone)));
    assert_eq!((registers.read64(0), process.read_config32(0)), (Err(AccessError::Gone), Err(AccessError::Gone)));
    assert_eq!((registers.write32(0x18, 1), process.write_config32(0x10, 0)), (Err(AccessError::Gone), Err(AccessError::Gone)));
}
