//! The life of a card under its driver, over the full loop: kinds of interrupt, threads, the recovery ladder, a card that is pulled out, and a process that
//! dies. The strict machine judges every TLP; what is delivered is compared frame by frame with what a first start delivers.

use rstest::rstest;
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{DataInterrupt, Generator, Lengths, Progress, RingChannel, RingConfig, Source, Wait, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendChannel, SendConfig, SpaceInterrupt, Until};
use silico_driver::interrupts::InterruptChoice;
use silico_driver::platform::{DmaBuffer, DmaMemory, InterruptKind, Nanos, Platform, Registers, Time};
use silico_driver::recover::{Level, Recoverable};
use silico_sim::MachineConfig;
use silico_spec::crc::crc32c;
use silico_spec::generator::{FrameSequence, LengthMode, fill};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, card};
use silico_spec::units::Cycles;
use silico_spec::writeback::ChannelError;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

const HYBRID: WaitMode = WaitMode::Hybrid { max_poll_ns: 2_000 };
/// As long as any wait here may take, in ns.
const PATIENCE: u64 = 3_000_000;

fn platform() -> SimPlatform {
    let params = CardParams::default();
    let model = silico_model::Card::new(params.clone()).expect("legal parameters");
    SimPlatform::new(MachineConfig::default(), Box::new(model), params.c2h_channels.into()).expect("the card is enumerated")
}

fn up(platform: &SimPlatform, how: &BringUp) -> Card<SimPlatform> {
    Card::bring_up(platform.clone(), how).unwrap_or_else(|error| panic!("{error}"))
}

fn only(kind: InterruptKind) -> BringUp {
    BringUp { interrupts: InterruptChoice::Only(kind), ..BringUp::default() }
}

/// Generated frames of 100 to 3000 bytes, which depend on the channel.
fn generated(channel: u8) -> RingConfig {
    let generator = Generator { lengths: Lengths::Uniform { min: 100, max: 3000 }, seed: 77 + u64::from(channel), ..Generator::default() };
    RingConfig { source: Source::Generator(generator), ring_bytes: 64 << 10, max_frame: 4096, ..RingConfig::default() }
}

fn soon(clock: &impl Time) -> Nanos {
    clock.now().after(PATIENCE)
}

/// Reads `count` frames from the start of a run, and holds each against the generator. With others on the machine, time may run out before a thread has had
/// its turn: `turns` says how often that may be.
fn check_run(ring: &mut RingChannel<SimPlatform>, clock: &impl Time, count: u64, mut turns: u32) -> Result<(), DriverError> {
    let number = ring.number();
    let mut wanted = FrameSequence::new(77 + u64::from(number), number, LengthMode::Uniform, 100, 3000, [0; 16]);
    for sequence in 0..count {
        loop {
            if let Some(frame) = ring.poll()? {
                let (length, key) = wanted.draw();
                let mut payload = vec![0; length as usize];
                fill(key, 0, &mut payload);
                assert_eq!((frame.header.sequence, frame.len(), frame.header.channel), (sequence, payload.len(), number));
                assert!([frame.head, frame.tail].concat() == payload && frame.verify().is_ok(), "frame {sequence} of channel {number}");
                break;
            }
            let waited = ring.wait(soon(clock))?;
            if waited != Wait::Ready {
                assert!(turns > 0, "{waited:?} for frame {sequence} of channel {number}: {:?}", ring.wait_stats());
                turns -= 1;
            }
        }
    }
    Ok(())
}

#[track_caller]
fn finish(platform: &SimPlatform) {
    assert_eq!(platform.machine().violation().map(ToString::to_string), None);
}

/// A channel that produces slowly enough to be slept on.
fn sleepy(channel: u8, wait: WaitMode, coalesce: u32) -> RingConfig {
    let Source::Generator(generator) = generated(channel).source else { unreachable!("it is generated") };
    let source = Source::Generator(Generator { pause: 1500 + u32::from(channel) * 400, ..generator });
    let time = if coalesce > 1 { 20_000 } else { 0 };
    let interrupt = Some(DataInterrupt { vector: channel * 2, frames: coalesce, time, error_vector: channel * 2 });
    RingConfig { source, wait, interrupt, ..generated(channel) }
}

fn started(card: &Card<SimPlatform>, channel: u8, config: &RingConfig) -> RingChannel<SimPlatform> {
    let mut ring = card.channel(channel, config).expect("a channel");
    ring.start().expect("started");
    ring
}

/// Messages that came, and changes of the level.
fn fired(platform: &SimPlatform) -> u64 {
    let machine = platform.machine();
    machine.stats().interrupts.iter().sum::<u64>() + machine.stats().intx_changes
}

#[rstest]
fn frames_come_by_every_kind_of_interrupt(
    #[values(InterruptKind::MsiX, InterruptKind::Msi, InterruptKind::Intx)] kind: InterruptKind,
    #[values(16, 2, 1)] granted: u16,
    #[values(WaitMode::Poll, WaitMode::Interrupt, HYBRID)] wait: WaitMode,
    #[values(1, 4)] coalesce: u32,
) {
    let platform = platform();
    platform.limit_interrupts(kind, granted);
    let card = up(&platform, &only(kind));
    let vectors = card.interrupts().expect("interrupts").vectors;
    assert_eq!(vectors, granted.min([16, 8, 1][kind as usize]));
    let mut rings: Vec<_> = (0..3).map(|channel| started(&card, channel, &sleepy(channel, wait, coalesce))).collect();
    let mut frames = [0; 3];
    while frames.iter().any(|count| *count < 25) {
        for (ring, count) in rings.iter_mut().zip(&mut frames) {
            let waited = ring.wait(soon(&platform)).expect("no error");
            assert_eq!(waited, Wait::Ready, "{:?}", ring.wait_stats());
            while let Some(frame) = ring.poll().expect("no error") {
                assert_eq!((frame.header.sequence, frame.verify()), (*count, Ok(())));
                *count += 1;
            }
        }
    }
    for ring in &mut rings {
        let stats = *ring.wait_stats();
        assert_eq!((stats.lost, stats.expired), (0, 0), "{stats:?}");
        assert!(wait == WaitMode::Poll || stats.woken + stats.polled > 0);
        ring.stop().expect("stopped");
    }
    assert_eq!(fired(&platform) > 0, wait != WaitMode::Poll);
    finish(&platform);
}

/// While messages are masked none comes, and what was pending comes once when they are let go.
#[rstest]
fn a_masked_interrupt_comes_when_it_is_let_go(#[values(InterruptKind::MsiX, InterruptKind::Msi, InterruptKind::Intx)] kind: InterruptKind) {
    let platform = platform();
    let card = up(&platform, &only(kind));
    let mut ring = started(&card, 0, &sleepy(0, WaitMode::Interrupt, 1));
    let fired = || fired(&platform);
    platform.mask_interrupts(true).expect("masked");
    while ring.poll().expect("no error").is_some() {}
    let waited = ring.wait(platform.now().after(100_000)).expect("no error");
    assert!(matches!(waited, Wait::LostWakeUp { .. }), "{waited:?}");
    assert_eq!(fired(), 0);
    platform.mask_interrupts(false).expect("let go");
    let end = platform.cycle(platform.now().after(50_000));
    platform.machine().advance_to(end);
    assert_eq!(fired(), 1, "armed once");
    ring.restart().expect("started");
    check_run(&mut ring, &platform, 20, 0).expect("no error");
    finish(&platform);
}

/// Channels on threads of their own, with vectors of their own or shared: each delivers the same frames as alone.
#[rstest]
fn channels_live_on_threads(
    #[values(InterruptKind::MsiX, InterruptKind::Msi, InterruptKind::Intx)] kind: InterruptKind,
    #[values(16, 2, 1)] granted: u16,
    #[values(WaitMode::Poll, WaitMode::Interrupt, HYBRID)] wait: WaitMode,
) {
    let platform = platform();
    platform.limit_interrupts(kind, granted);
    platform.take_turns(Cycles(2_000));
    let card = up(&platform, &only(kind));
    let rings: Vec<_> = (0..3).map(|channel| card.channel(channel, &sleepy(channel, wait, 1)).expect("a channel")).collect();
    let interrupt = (wait != WaitMode::Poll).then_some(SpaceInterrupt { vector: 7, count: 1, time: 0, error_vector: 7 });
    let send = card.send_channel(1, &SendConfig { output: Output::Check, interrupt, wait, ..SendConfig::default() }).expect("a channel");
    std::thread::scope(|scope| {
        for mut ring in rings {
            let clock = platform.clock();
            scope.spawn(move || {
                for _ in 0..2 {
                    ring.restart().expect("started");
                    check_run(&mut ring, &clock, 15, 200).expect("no error");
                }
            });
        }
        let clock = platform.clock();
        scope.spawn(move || send_on(send, &clock));
    });
    finish(&platform);
}

fn send_on(mut send: SendChannel<SimPlatform>, clock: &impl Time) {
    send.start().expect("started");
    for size in 1..20_u32 {
        let frame: Vec<u8> = (0..size * 97).map(|byte| (byte * 7 + size) as u8).collect();
        let ticket = send.send(&frame, 0).expect("room");
        for turn in 0.. {
            send.wait(Until::Sent(ticket), soon(clock)).expect("no error");
            if send.is_sent(ticket).expect("known") {
                break;
            }
            assert!(turn < 200, "frame of {} bytes is not sent", frame.len());
        }
        let seen = send.checked().expect("readable");
        assert_eq!((seen.length, seen.crc), (size * 97, crc32c(&frame)));
    }
    send.stop().expect("stopped");
}

/// Says so when it goes, by a panic too.
struct Leaves<'a>(&'a AtomicBool);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A supervisor resets the card again and again under channels on other threads: each run is whole, or ends with the typed error.
#[test]
fn a_supervisor_resets_the_card_under_running_threads() {
    let platform = platform();
    platform.take_turns(Cycles(1_000));
    let card = up(&platform, &BringUp::default());
    let rings: Vec<_> = (0..2).map(|channel| card.channel(channel, &generated(channel)).expect("a channel")).collect();
    // Without a supervisor the workers would wait for ever to be reset once.
    let alone = AtomicBool::new(false);
    let resets = std::thread::scope(|scope| {
        let supervisor = Leaves(&alone);
        let workers: Vec<_> = rings
            .into_iter()
            .map(|mut ring| {
                let (clock, alone) = (platform.clock(), &alone);
                scope.spawn(move || {
                    let (mut whole, mut cut) = (0, 0);
                    while (whole < 15 || cut == 0) && !alone.load(Ordering::Relaxed) {
                        let ran = ring.restart().and_then(|()| check_run(&mut ring, &clock, 20, 500));
                        match ran {
                            Ok(()) => whole += 1,
                            Err(DriverError::CardReset { .. }) => cut += 1,
                            Err(DriverError::Resetting | DriverError::Disabled) => std::thread::yield_now(),
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        let mut resets = 0;
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            card.recover(Level::CardReset, &mut []).expect("reset");
            resets += 1;
            let pause = platform.cycle(platform.now().after(30_000));
            while platform.machine().now() < pause && !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                std::thread::yield_now();
            }
        }
        drop(supervisor);
        resets
    });
    assert!(resets > 0);
    finish(&platform);
}

/// What a first start delivers is delivered after every level, with traffic under way when it comes.
#[rstest]
fn after_each_level_the_card_is_as_new(
    #[values(Level::ChannelStop, Level::ChannelReset, Level::CardReset, Level::FunctionReset, Level::HotReset, Level::Removal)]
    level: Level,
    #[values(InterruptKind::MsiX, InterruptKind::Msi, InterruptKind::Intx)] kind: InterruptKind,
) {
    let platform = platform();
    let card = up(&platform, &only(kind));
    let interrupt = Some(DataInterrupt { vector: 1, frames: 1, time: 0, error_vector: 1 });
    let sleeping = RingConfig { interrupt, wait: WaitMode::Interrupt, ..generated(1) };
    let mut rings = [started(&card, 0, &generated(0)), started(&card, 1, &sleeping)];
    let mut send = card.send_channel(0, &SendConfig { output: Output::Check, ..SendConfig::default() }).expect("a channel");
    send.start().expect("started");
    for round in 0..4_u64 {
        for ring in &mut rings {
            check_run(ring, &platform, 30, 0).expect("no error");
        }
        let ticket = send.send(&vec![round as u8; 5000], 0).expect("room");
        // Reads and writes are under way when the reset comes, at another point each time.
        let at = platform.cycle(platform.now().after(round * 700));
        platform.machine().advance_to(at);
        let [first, second] = &mut rings;
        let channels: &mut [&mut dyn Recoverable] = &mut [first, second, &mut send];
        card.recover(level, channels).unwrap_or_else(|error| panic!("round {round}: {error}; {:?}", platform.machine().violation()));
        assert!(matches!(send.is_sent(ticket), Err(DriverError::Stale { .. })));
        let ticket = send.send(&[7; 900], 0).expect("room");
        send.wait(Until::Sent(ticket), soon(&platform)).expect("no error");
        assert_eq!(send.checked().expect("readable").crc, crc32c(&[7; 900]));
    }
    drop((rings, send));
    finish(&platform);
}

/// The card is pulled out at many instants of a busy life: every call ends soon and typed, and when it is back all begins anew.
#[rstest]
fn a_card_that_is_pulled_out_is_survived(#[values(false, true)] ones: bool, #[values(false, true)] dropped: bool) {
    for instant in 0..25_u64 {
        let platform = platform();
        let card = up(&platform, &BringUp::default());
        let interrupt = Some(DataInterrupt { vector: 1, frames: 1, time: 0, error_vector: 1 });
        let sleeping = RingConfig { interrupt, wait: WaitMode::Interrupt, progress: Progress::Register, ..generated(1) };
        let mut rings = [started(&card, 0, &generated(0)), started(&card, 1, &sleeping)];
        let mut send = card.send_channel(0, &SendConfig::default()).expect("a channel");
        send.start().expect("started");
        for _ in 0..10 {
            send.send(&[1; 3000], 0).expect("room");
        }
        let at = Cycles(instant * 397);
        let end = platform.machine().now().after(at);
        platform.machine().advance_to(end);
        platform.pull(ones);
        let before = platform.now();
        for ring in &mut rings {
            let error = drain(ring, &platform);
            assert!(matches!(error, DriverError::Gone { .. }), "pulled after {at}: {error}");
            let waited = ring.wait(soon(&platform));
            assert!(matches!(waited, Err(DriverError::Gone { .. })) || waited == Ok(Wait::Ready) && ring.unread() > 0, "{waited:?}");
            assert!(matches!(ring.restart(), Err(DriverError::Gone { .. })));
            assert!(matches!(ring.stop(), Err(DriverError::Gone { .. })));
        }
        assert!(matches!(send.reclaim(), Err(DriverError::Gone { .. })));
        assert!(matches!(card.error_summary(), Err(DriverError::Gone { .. })));
        assert!(matches!(card.errors(), Err(DriverError::Gone { .. })));
        assert!(matches!(card.cycles(), Err(DriverError::Gone { .. })));
        let gone = card.recover(Level::HotReset, &mut []).expect_err("it is away");
        assert!(matches!(gone, DriverError::Gone { .. }), "{gone}");
        assert!(platform.now().0 - before.0 < 20_000_000, "prompt");
        if dropped {
            // The platform knows that nothing comes any more: the memory goes, and may be somebody else's.
            drop((rings, send));
            platform.plug();
            card.recover(Level::Removal, &mut []).expect("it is back");
            rings = [started(&card, 0, &generated(0)), started(&card, 1, &sleeping)];
        } else {
            platform.plug();
            let [first, second] = &mut rings;
            let recovered = card.recover_from(&gone, &mut [first, second, &mut send]).expect("it is back");
            assert_eq!((recovered.level, recovered.attempts), (Level::Removal, 1));
        }
        for ring in &mut rings {
            check_run(ring, &platform, 25, 0).expect("no error");
        }
        finish(&platform);
    }
}

/// Reads until there is an error.
fn drain(ring: &mut RingChannel<SimPlatform>, platform: &SimPlatform) -> DriverError {
    let deadline = soon(platform);
    let mut late = 0;
    loop {
        late += u32::from(platform.now() >= deadline);
        assert!(late < 3, "no error by the deadline");
        match ring.poll() {
            Ok(Some(frame)) => assert_eq!(frame.verify(), Ok(()), "what was announced is there"),
            Ok(None) => match ring.wait(deadline) {
                Ok(_) => {}
                Err(error) => return error,
            },
            Err(error) => return error,
        }
    }
}

/// A process dies with all its channels running: its handles are gone, its buffers stay mapped. The next one takes the card over.
#[test]
fn a_crashed_process_leaves_nothing_in_the_next_run() {
    let platform = platform();
    for life in 0..3 {
        let card = up(&platform, &BringUp::default());
        assert_eq!((card.found().was_in_use(), card.found().active), (life > 0, if life > 0 { 0x1_0003 } else { 0 }));
        assert_eq!(card.found().quieted_by, Some(Level::CardReset));
        let mut rings = [started(&card, 0, &generated(0)), started(&card, 1, &generated(1))];
        let mut send = card.send_channel(0, &SendConfig::default()).expect("a channel");
        send.start().expect("started");
        for ring in &mut rings {
            assert_eq!(ring.run(), 1, "as after power-on");
            check_run(ring, &platform, 40 + life, 0).expect("no error");
        }
        send.send(&[1; 60_000], 0).expect("room");
        mem::forget((rings, send, card));
    }
    finish(&platform);
}

/// As above, and the operating system takes the dead process's memory back as soon as the card has been brought up: any later access to it is a violation.
#[rstest]
fn memory_of_a_dead_process_may_go_after_the_bring_up(#[values(0, 300, 1_100, 5_003)] clocks: u64) {
    let platform = platform();
    drop(up(&platform, &BringUp::default()));
    let regs = platform.registers();
    let write32 = |register, value| regs.write32(c2h::offset(3, register), value).expect("written");
    let write64 = |register, value| regs.write64(c2h::offset(3, register), value).expect("written");
    let buffers = [platform.alloc(1 << 20, 4096), platform.alloc(64, 64)].map(|buffer| buffer.expect("memory"));
    write64(c2h::RING_BASE, buffers[0].bus_addr().0);
    write64(c2h::RING_SIZE, 1 << 20);
    write64(c2h::WB_ADDR, buffers[1].bus_addr().0);
    write32(c2h::WB_FRAMES, 1);
    write32(c2h::MAX_FRAME, 8192);
    write32(c2h::GEN_MIN, 5000);
    write32(c2h::CONFIG, 0b101);
    write32(c2h::CONTROL, 1);
    let end = platform.machine().now().after(Cycles(2_000 + clocks));
    platform.machine().advance_to(end);
    assert!(regs.read64(c2h::offset(3, c2h::HW_COUNT)).expect("read") > 0, "it runs");
    let card = up(&platform, &BringUp::default());
    assert_eq!(card.found().active, 1 << 3);
    drop(buffers);
    let mut ring = started(&card, 3, &generated(3));
    check_run(&mut ring, &platform, 50, 0).expect("no error");
    finish(&platform);
}

/// A failure is reported with its code, and the ladder finds what mends it.
#[test]
fn failures_are_reported_and_mended() {
    let platform = platform();
    let card = up(&platform, &BringUp::default());
    let mut ring = started(&card, 0, &generated(0));
    check_run(&mut ring, &platform, 10, 0).expect("no error");
    let doorbell = c2h::offset(0, c2h::SW_COUNT);
    platform.registers().write64(doorbell, 1 << 40).expect("written");
    let error = drain(&mut ring, &platform);
    let DriverError::Failed { failure, .. } = error else { panic!("{error}") };
    assert_eq!((failure.error(), failure.addr.0), (Some(ChannelError::BadDoorbell), 1 << 40));
    let recovered = card.recover_from(&error, &mut [&mut ring]).expect("mended");
    assert_eq!(recovered.level, Level::ChannelStop);
    check_run(&mut ring, &platform, 10, 0).expect("no error");
    // Somebody switches bus mastering off: no level of channels can mend that.
    let command = silico_spec::config::header::COMMAND_STATUS;
    let word = silico_driver::platform::ConfigSpace::read_config32(&platform, command).expect("read") & 0xffff;
    silico_driver::platform::ConfigSpace::write_config32(&platform, command, word & !4).expect("written");
    let error = drain(&mut ring, &platform);
    assert!(matches!(error, DriverError::Failed { failure, .. } if failure.error() == Some(ChannelError::BusMasterOff)), "{error}");
    let recovered = card.recover_from(&error, &mut [&mut ring]).expect("mended");
    assert!(recovered.level == Level::CardReset, "{recovered:?}");
    check_run(&mut ring, &platform, 10, 0).expect("no error");
    finish(&platform);
}

/// What the card logs is read by name.
#[test]
fn the_log_tells_of_an_unsupported_request() {
    let platform = platform();
    let card = up(&platform, &BringUp::default());
    let seen = card.errors().expect("readable");
    card.clear_errors(&seen).expect("cleared");
    assert!(card.errors().expect("readable").is_empty());
    let command = silico_spec::config::header::COMMAND_STATUS;
    let config = |value| silico_driver::platform::ConfigSpace::write_config32(&platform, command, value).expect("written");
    config(4);
    assert!(platform.registers().read32(card::ID).is_err(), "memory space is off");
    config(6);
    let errors = card.errors().expect("readable");
    // A request that wants a completion makes it an advisory error (PCIe 4.0 §6.2.3.2.4.1), whose uncorrectable bit is masked with it.
    let wanted = silico_driver::log::Correctable::AdvisoryNonFatal;
    assert!(errors.correctable().any(|error| error == wanted), "{errors:?}");
    assert!(errors.device_status >> 3 & 1 == 1, "unsupported request detected");
    assert!(card.cycles().is_ok());
}
