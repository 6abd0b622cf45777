//! Properties of one thing alone, which random operations on everything at once reach too rarely: each makes its situation, over and over.

use crate::harness::{Settings, search};
use crate::on;
use crate::tally::Tally;
use proptest::prelude::*;
use proptest::strategy::Strategy;
use silico::cli::RunOptions;
use silico::platform::SimPlatform;
use silico::run::{Bench, RunConfig, build};
use silico_driver::channel::{DataInterrupt, Generator, Lengths, RingChannel, RingConfig, Source, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendConfig, Until};
use silico_driver::platform::{Platform, Registers, Time};
use silico_spec::params::{CardParams, PBA_OFFSET};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::Cycles;
use silico_spec::writeback::ChannelState;

/// Channels of the card.
const CHANNELS: usize = 4;
/// Longer than anything here may take, in ns.
const PATIENCE: u64 = 20_000_000;
/// Clocks in which an interrupt that can come has come.
const SOON: u64 = 20_000;

/// Runs `property` on cases of `strategy`.
fn check<S: Strategy>(name: &str, strategy: &S, property: impl Fn(&S::Value) -> Result<(), String>) {
    let (settings, tally) = (Settings::from_env(), Tally::begin(name));
    let property = |case: &S::Value| if on::is_unfit(on::fit(&CardParams::default(), 0).1) { Ok(()) } else { property(case) };
    if let Err(failure) = search(name, settings, strategy, property) {
        panic!("{}", failure.text(""));
    }
    tally.end(settings.case.map_or(settings.cases, |_| 1));
}

fn bench(arguments: &[&str]) -> Bench {
    let options = RunOptions::typed(arguments).expect("legal options");
    let config = RunConfig::new(&options).expect("legal settings");
    let config = RunConfig { target: on::target().clone(), card: on::fit(&config.card, 0).0, ..config };
    let bench = build(&config).expect("the card comes up");
    on::watch(bench.verdict.clone());
    bench
}

fn generated(bench: &Bench, channel: u8, bytes: u32, config: RingConfig) -> RingChannel<SimPlatform> {
    let generator = Generator { lengths: Lengths::Fixed(bytes), seed: u64::from(channel), ..Generator::default() };
    let config = RingConfig { source: Source::Generator(generator), max_frame: 4096, ..config };
    bench.card.channel(channel, &config).expect("a channel")
}

fn advance(bench: &Bench, clocks: u64) {
    let mut machine = bench.platform.machine();
    let to = machine.now().after(Cycles(clocks));
    machine.advance_to(to);
}

fn quiet(bench: &Bench) -> Result<(), String> {
    bench.platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
}

/// When a channel that was reset or stopped is idle, the card reads nothing for it any more: the host may free the memory.
#[test]
fn hazard_16_an_idle_channel_reads_nothing() {
    let cases = (any::<bool>(), 50_u64..4000, 0_u64..1500, 1_usize..20_000);
    check("lone::hazard_16_an_idle_channel_reads_nothing", &cases, |&(reset, delay, at, bytes)| {
        let bench = bench(&["--fault", &format!("cpl.delay({delay})@1/h2c=0")]);
        let config = SendConfig { output: Output::Check, staging_bytes: 64 << 10, ..SendConfig::default() };
        let mut sender = bench.card.send_channel(0, &config).expect("a channel");
        let said = |error: DriverError| error.to_string();
        sender.start().map_err(said)?;
        sender.send(&vec![7; bytes], 0).map_err(said)?;
        sender.flush().map_err(said)?;
        advance(&bench, at);
        let regs = bench.platform.registers();
        let word = if reset { h2c::control::RESET.set(0, 1) } else { 0 };
        regs.write32(h2c::offset(0, h2c::CONTROL), word as u32).map_err(|error| error.to_string())?;
        let deadline = bench.platform.now().after(PATIENCE);
        let status = || regs.read32(h2c::offset(0, h2c::STATUS)).map_err(|error| error.to_string());
        while h2c::status::STATE.get(status()?.into()) != ChannelState::Idle as u64 {
            if bench.platform.now() >= deadline {
                return Err("the channel does not get idle".into());
            }
        }
        let tags = regs.read32(card::READ_TAGS).map_err(|error| error.to_string())?;
        // Bring the driver to know that it runs no more.
        sender.reset().map_err(said)?;
        match card::read_tags::IN_USE.get(tags.into()) {
            0 => quiet(&bench),
            used => Err(format!("idle, and {used} of its reads are under way")),
        }
    });
}

/// A masked vector is silent whatever others do, keeps what came meanwhile, and says it once when it is unmasked.
#[test]
fn a_masked_vector_is_silent_among_others_that_are_not() {
    let cases = (1_u8..1 << CHANNELS, 1_u32..600, prop::sample::subsequence((0..16_u8).collect::<Vec<_>>(), CHANNELS));
    check("lone::a_masked_vector_is_silent_among_others_that_are_not", &cases, |&(masks, bytes, ref vectors)| {
        let bench = bench(&[]);
        let masked = |channel: usize| masks >> channel & 1 != 0;
        let mut channels: Vec<_> = (0..CHANNELS)
            .map(|channel| {
                let interrupt =
                    Some(DataInterrupt { vector: vectors[channel], error_vector: vectors[channel], ..DataInterrupt::default() });
                let config = RingConfig { interrupt, wait: WaitMode::Interrupt, ..RingConfig::default() };
                generated(&bench, channel as u8, bytes, config)
            })
            .collect();
        let set_mask = |channel: usize, on: bool| {
            let offset = u64::from(vectors[channel]) * 16 + 12;
            let mut machine = bench.platform.machine();
            machine.write(2, offset, 4, on.into()).and_then(|()| machine.read(2, offset, 4)).map_err(|error| error.to_string())
        };
        for channel in (0..CHANNELS).filter(|channel| masked(*channel)) {
            set_mask(channel, true)?;
        }
        let regs = bench.platform.registers();
        for (channel, ring) in channels.iter_mut().enumerate() {
            ring.start().map_err(|error| error.to_string())?;
            regs.write64(c2h::offset(channel as u32, c2h::INT_DATA_ARM), 0).map_err(|error| error.to_string())?;
        }
        advance(&bench, SOON);
        let fired = |channel: usize| bench.platform.machine().stats().interrupts.get(usize::from(vectors[channel])).copied().unwrap_or(0);
        for (channel, vector) in vectors.iter().enumerate() {
            let vector = u64::from(*vector);
            let word = bench.platform.machine().read(2, u64::from(PBA_OFFSET) + vector / 32 * 4, 4).map_err(|error| error.to_string())?;
            let found = (fired(channel), word >> (vector % 32) & 1);
            let wanted = if masked(channel) { (0, 1) } else { (1, 0) };
            if found != wanted {
                return Err(format!("vector {vector}: messages and pending bit are {found:?}, not {wanted:?}"));
            }
        }
        for channel in (0..CHANNELS).filter(|channel| masked(*channel)) {
            set_mask(channel, false)?;
            advance(&bench, SOON);
            if fired(channel) != 1 {
                return Err(format!("vector {} was pending, and fired {} times after it was unmasked", vectors[channel], fired(channel)));
            }
        }
        quiet(&bench)
    });
}

/// A channel that is stopped in the middle of dense traffic says in its last block what its registers say, and no frame of it is missing.
#[test]
fn hazard_07_a_stop_under_traffic_has_final_counts() {
    let cases = (1_u8..=CHANNELS as u8, prop_oneof![1_u32..100, 100_u32..2000], prop::collection::vec(500_u64..2500, 1..6));
    check("lone::hazard_07_a_stop_under_traffic_has_final_counts", &cases, |&(others, bytes, ref runs)| {
        let bench = bench(&["--gen", "4", "--lanes", "16"]);
        let config = || RingConfig { ring_bytes: 1 << 20, ..RingConfig::default() };
        let mut rings: Vec<_> = (0..others).map(|channel| generated(&bench, channel, bytes, config())).collect();
        for clocks in runs {
            for ring in &mut rings {
                ring.start().map_err(|error| error.to_string())?;
            }
            advance(&bench, *clocks);
            for ring in &mut rings {
                let stopped = ring.stop().map_err(|error| error.to_string())?;
                while ring.poll().map_err(|error| error.to_string())?.is_some() {}
                if ring.frames() != stopped.frames {
                    return Err(format!("channel {}: {} frames read, {} delivered", ring.number(), ring.frames(), stopped.frames));
                }
            }
        }
        quiet(&bench)
    });
}

/// A card whose progress blocks lie, or are damaged on their way, is found out or does no harm: no count is believed that cannot be, nothing panics.
#[test]
fn hazard_13_a_block_that_lies_is_not_believed() {
    let cases = (0_u32..64, 1_u8..=255, 1_u32..1500, 1_u32..400, any::<bool>());
    check("lone::hazard_13_a_block_that_lies_is_not_believed", &cases, |&(byte, mask, bytes, nth, all)| {
        let every = if all { "+1" } else { "" };
        let bench = bench(&["--fault", &format!("wb.corrupt(data[{byte}]^{mask:#x})@{nth}{every}/c2h=0")]);
        let mut ring = generated(&bench, 0, bytes, RingConfig { ring_bytes: 16 << 10, ..RingConfig::default() });
        ring.start().map_err(|error| error.to_string())?;
        let mut frames = 0;
        let end = loop {
            let deadline = bench.platform.now().after(200_000);
            if frames >= 500 {
                break Ok(());
            }
            match ring
                .wait(deadline)
                .and_then(|_| ring.poll().map(|frame| frame.map(|frame| (frame.header.sequence, frame.verify().is_ok()))))
            {
                Ok(Some((sequence, sound))) if sequence == frames && sound => frames += 1,
                Ok(Some(other)) => break Err(format!("frame {frames} came as {other:?}")),
                // A block that never comes right: the driver waits for the next one, and says so by its deadline.
                Ok(None) => break Ok(()),
                Err(DriverError::Fault { .. } | DriverError::Failed { .. } | DriverError::Gone { .. }) => break Ok(()),
                Err(error) => break Err(format!("{error} is not what a damaged block is")),
            }
        };
        // Whatever came of it, a reset makes the channel as new.
        ring.reset().map_err(|error| error.to_string())?;
        end.and_then(|()| quiet(&bench))
    });
}

/// Data that the root complex has marked as bad never count as good, and neither does a refusal: the channel that asked says which it was.
#[test]
fn hazard_14_what_is_no_answer_is_told() {
    let whats = prop::sample::select(vec![("poison", 11), ("ur", 9), ("ca", 10)]);
    let cases = (whats, 1_u32..30, prop::collection::vec(1_usize..6000, 1..8));
    check("lone::hazard_14_what_is_no_answer_is_told", &cases, |&((what, code), nth, ref frames)| {
        let bench = bench(&["--fault", &format!("cpl.{what}@{nth}")]);
        let config = SendConfig { output: Output::Check, staging_bytes: 128 << 10, ..SendConfig::default() };
        let mut sender = bench.card.send_channel(0, &config).expect("a channel");
        let mut run = || -> Result<(), DriverError> {
            sender.start()?;
            for (cookie, bytes) in (0..).zip(frames) {
                sender.send(&vec![0x5a; *bytes], cookie)?;
            }
            sender.wait(Until::AllSent, bench.platform.now().after(PATIENCE)).map(drop)
        };
        let (result, planted) = (run(), bench.planted.total());
        match (planted, result) {
            (0, Ok(())) => {}
            (1, Err(DriverError::Failed { failure, .. })) if failure.code == code => {}
            (planted, other) => return Err(format!("{planted} answers were spoilt by {what}; the driver says {other:?}")),
        }
        let tags = bench.platform.registers().read32(card::READ_TAGS).map_err(|error| error.to_string())?;
        match card::read_tags::IN_USE.get(tags.into()) {
            0 => quiet(&bench),
            used => Err(format!("{used} tags are still in use")),
        }
    });
}

/// What the card drops gives its room back: as many writes as there are credits, over and over, and the next one goes through.
#[test]
fn hazard_15_dropped_writes_give_their_room_back() {
    check("lone::hazard_15_dropped_writes_give_their_room_back", &(1_u32..120, any::<bool>()), |&(writes, wide)| {
        let bench = bench(&[]);
        let said = |error: silico_sim::MachineError| error.to_string();
        let mut machine = bench.platform.machine();
        // Memory space off: every write is unsupported.
        machine.config_write(4, 4).map_err(said)?;
        for write in 0..writes {
            let bytes = if wide { 8 } else { 4 };
            machine.write(0, card::SCRATCH.into(), bytes, write.into()).map_err(said)?;
        }
        machine.config_write(4, 6).map_err(said)?;
        machine.write(0, card::SCRATCH.into(), 8, 0x1234_5678).map_err(said)?;
        match machine.read(0, card::SCRATCH.into(), 8).map_err(said)? {
            0x1234_5678 => Ok(()),
            other => Err(format!("after {writes} dropped writes, the scratch register is {other:#x}")),
        }
    });
}

/// A read sees every write before it, however many wait before the card when it comes (PCIe 4.0 table 2-39, B2a).
#[test]
fn hazard_01_a_read_sees_every_write_before_it() {
    let cases = (1_u64..14, any::<bool>());
    check("lone::hazard_01_a_read_sees_every_write_before_it", &cases, |&(writes, retrain)| {
        let bench = bench(&["--gen", "4", "--lanes", "16"]);
        let said = |error: silico_sim::MachineError| error.to_string();
        let mut machine = bench.platform.machine();
        // What is posted while the link retrains comes in one burst.
        if retrain {
            machine.retrain();
        }
        let at = u64::from(c2h::offset(0, c2h::RING_BASE));
        for write in 1..=writes {
            machine.write(0, at, 8, write << 12).map_err(said)?;
        }
        match machine.read(0, at, 8).map_err(said)? {
            found if found == writes << 12 => Ok(()),
            found => Err(format!("{found:#x} is read after {:#x} was written", writes << 12)),
        }
    });
}

/// A disabled card sends nothing of its channels, and goes on where it was when it is enabled again.
#[test]
fn hazard_15_a_disabled_card_is_silent() {
    let cases = (1_u8..=CHANNELS as u8, 1_u32..2000, 200_u64..3000);
    check("lone::hazard_15_a_disabled_card_is_silent", &cases, |&(others, bytes, clocks)| {
        let bench = bench(&[]);
        let config = || RingConfig { ring_bytes: 1 << 20, ..RingConfig::default() };
        let mut rings: Vec<_> = (0..others).map(|channel| generated(&bench, channel, bytes, config())).collect();
        for ring in &mut rings {
            ring.start().map_err(|error| error.to_string())?;
        }
        advance(&bench, clocks);
        let regs = bench.platform.registers();
        let set = |on: u64| regs.write32(card::CONTROL, card::control::ENABLE.set(0, on) as u32).map_err(|error| error.to_string());
        let count = |channel: u8| regs.read64(c2h::offset(channel.into(), c2h::HW_COUNT)).map_err(|error| error.to_string());
        set(0)?;
        // What was on the transmit stream may end.
        advance(&bench, 200);
        let before = (0..others).map(count).collect::<Result<Vec<_>, _>>()?;
        advance(&bench, SOON);
        let after = (0..others).map(count).collect::<Result<Vec<_>, _>>()?;
        if before != after {
            return Err(format!("counts went from {before:?} to {after:?} on a card that is disabled"));
        }
        set(1)?;
        for ring in &mut rings {
            advance(&bench, SOON);
            let stopped = ring.stop().map_err(|error| error.to_string())?;
            while ring.poll().map_err(|error| error.to_string())?.is_some() {}
            if ring.frames() != stopped.frames || stopped.frames == 0 {
                return Err(format!("channel {}: {} frames read, {stopped:?}", ring.number(), ring.frames()));
            }
        }
        quiet(&bench)
    });
}
