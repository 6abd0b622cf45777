//! Host-to-card channels over the full loop: the driver's descriptors and payload, fetched by the card model through the strict root complex.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rstest::rstest;
use silico::cli::RunOptions;
use silico::platform::SimPlatform;
use silico::run::{RunConfig, build};
use silico_driver::card::Card;
use silico_driver::channel::{RingConfig, WaitMode};
use silico_driver::h2c::{Output, SendChannel, SendConfig, SpaceInterrupt, Until};
use silico_driver::platform::{Nanos, Time};
use silico_spec::crc::crc32c;

struct Rig {
    platform: SimPlatform,
    card: Card<SimPlatform>,
}

impl Rig {
    fn new(args: &[&str]) -> Self {
        let options = RunOptions::typed(args).expect("legal options");
        let bench = build(&RunConfig::new(&options).expect("legal settings")).expect("the card comes up");
        Self { platform: bench.platform, card: bench.card }
    }

    fn deadline(&self) -> Nanos {
        self.platform.now().after(2_000_000)
    }

    fn drain(&self, channel: &mut SendChannel<SimPlatform>) {
        channel.wait(Until::AllSent, self.deadline()).expect("no error");
        assert_eq!(channel.frames(), channel.submitted(), "one descriptor a frame here, all sent in time");
    }

    fn finish(&self) {
        assert_eq!(self.platform.machine().violation().map(ToString::to_string), None);
    }
}

/// Bytes that depend on the seed and on where they are.
fn payload(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 131 + seed * 17 + (i >> 8)) as u8).collect()
}

const SIZES: [usize; 12] = [1, 3, 31, 64, 100, 255, 511, 512, 513, 4096, 5000, 70_001];

#[rstest]
fn the_sink_sees_every_byte(
    #[values("128", "512", "4096")] mrrs: &str,
    #[values("64", "256", "512")] width: &str,
    #[values(WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 1000 })] wait: WaitMode,
) {
    let rig = Rig::new(&["--mrrs", mrrs, "--width", width]);
    let interrupt = SpaceInterrupt { vector: 5, count: 1, time: 0, error_vector: 5 };
    let config = SendConfig { output: Output::Check, wait, interrupt: Some(interrupt), entries: 7, ..SendConfig::default() };
    let mut channel = rig.card.send_channel(1, &config).expect("a channel");
    channel.start().expect("started");
    for (seed, size) in SIZES.into_iter().enumerate() {
        let sent = payload(seed, size);
        let ticket = channel.send(&sent, seed as u64).expect("room");
        channel.wait(Until::Sent(ticket), rig.deadline()).expect("no error");
        assert!(channel.is_sent(ticket).expect("known"), "{size} bytes in time");
        let seen = channel.checked().expect("readable");
        assert_eq!((seen.length as usize, seen.crc), (size, crc32c(&sent)), "{size} bytes");
    }
    assert!(channel.stop().is_ok());
    rig.finish();
}

#[test]
fn the_stream_port_gives_the_frames_in_order() {
    let rig = Rig::new(&[]);
    let mut channel = rig.card.send_channel(0, &SendConfig { entries: 16, ..SendConfig::default() }).expect("a channel");
    channel.start().expect("started");
    let frames: Vec<Vec<u8>> = SIZES.into_iter().enumerate().map(|(seed, size)| payload(seed, size)).collect();
    for frame in &frames {
        channel.send(frame, 0).expect("room for all");
    }
    rig.drain(&mut channel);
    let out = rig.platform.machine().take_output(0);
    let mut start = 0;
    for (frame, end) in frames.iter().zip(&out.ends) {
        assert!(out.bytes[start..*end] == frame[..], "the frame that ends at {end}");
        start = *end;
    }
    assert_eq!(out.ends.len(), frames.len());
    rig.finish();
}

#[test]
fn what_is_looped_back_comes_back() {
    let rig = Rig::new(&[]);
    let mut ring = rig.card.channel(2, &RingConfig { max_frame: 80_000, ..RingConfig::default() }).expect("a ring");
    ring.start().expect("started");
    let config = SendConfig { output: Output::Loopback(2), entries: 16, ..SendConfig::default() };
    let mut channel = rig.card.send_channel(0, &config).expect("a channel");
    channel.start().expect("started");
    for (seed, size) in SIZES.into_iter().enumerate() {
        let sent = payload(seed, size);
        channel.send(&sent, 0).expect("room");
        ring.wait(rig.deadline()).expect("no error");
        let frame = ring.poll().expect("no error").unwrap_or_else(|| panic!("{size} bytes did not come back"));
        assert!([frame.head, frame.tail].concat() == sent, "{size} bytes came back otherwise");
        assert_eq!((frame.header.sequence, frame.header.crc), (seed as u64, crc32c(&sent)));
    }
    rig.drain(&mut channel);
    rig.finish();
}

/// Random frames in random bursts on both channels at once, each byte compared at the stream port.
#[test]
fn random_bursts_on_two_channels_arrive() {
    let cases = std::env::var("SILICO_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    // One fixed seed: a failing case prints its shrunk input, and the same command finds it again.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng);
    let frames = proptest::collection::vec((0..2_usize, 1..6000_usize, 0..3000_u64), 1..40);
    let result = runner.run(&frames, |frames| {
        let rig = Rig::new(&["--mps", "128", "--mrrs", "256"]);
        let config = SendConfig { entries: 5, staging_bytes: 32 << 10, ..SendConfig::default() };
        let mut channels = [0, 1].map(|channel| rig.card.send_channel(channel, &config).expect("a channel"));
        channels.iter_mut().for_each(|channel| channel.start().expect("started"));
        let mut sent = [Vec::new(), Vec::new()];
        for (seed, (index, size, pause)) in frames.iter().enumerate() {
            let channel = &mut channels[*index];
            channel.wait(Until::Staging(*size as u32), rig.deadline()).expect("no error");
            let bytes = payload(seed, *size);
            channel.send(&bytes, 0).expect("room, as waited for");
            sent[*index].extend_from_slice(&bytes);
            rig.platform.charge(*pause);
        }
        for (index, channel) in channels.iter_mut().enumerate() {
            rig.drain(channel);
            proptest::prop_assert!(rig.platform.machine().take_output(index).bytes == sent[index], "channel {index}");
        }
        proptest::prop_assert!(rig.platform.machine().violation().is_none());
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\nto reproduce: SILICO_CASES={cases} cargo test -p silico-testbench --test send random_bursts");
    }
}

/// With digests on all TLPs of both sides: the same bytes, and the root complex finds none wrong.
#[test]
fn the_sink_sees_every_byte_under_ecrc() {
    let rig = Rig::new(&["--ecrc"]);
    let mut channel = rig.card.send_channel(0, &SendConfig { output: Output::Check, ..SendConfig::default() }).expect("a channel");
    channel.start().expect("started");
    for (seed, size) in SIZES.into_iter().enumerate() {
        channel.send(&payload(seed, size), seed as u64).expect("room");
        rig.drain(&mut channel);
    }
    rig.finish();
}
