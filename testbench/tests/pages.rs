//! Card-to-host channels with pages over the full loop: the driver's pool and the card model, joined by the strict machine with all its checks on.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::platform::SimPlatform;
use silico::run::{RunConfig, build};
use silico_driver::card::Card;
use silico_driver::channel::{DataInterrupt, Generator, Lengths, Source, Wait, WaitMode, WhenFull, WriteBackPolicy};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendChannel, SendConfig};
use silico_driver::pages::{PageChannel, PageConfig, PageFrame};
use silico_driver::platform::{Nanos, Time};
use silico_spec::frame::Flags;
use silico_spec::generator::{self, FrameSequence, LengthMode, XorShift64};
use silico_spec::units::Cycles;

const SEED: u64 = 77;

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

    fn open(&self, channel: u8, config: &PageConfig) -> PageChannel<SimPlatform> {
        let mut channel = self.card.page_channel(channel, config).expect("a channel");
        channel.start().expect("started");
        channel
    }

    fn deadline(&self) -> Nanos {
        self.platform.now().after(3_000_000)
    }

    fn finish(&self) {
        assert_eq!(self.platform.machine().violation().map(ToString::to_string), None);
    }
}

fn made(max: u32, count: u64) -> Source {
    Source::Generator(Generator { lengths: Lengths::Uniform { min: 0, max }, seed: SEED, count, ..Generator::default() })
}

/// What the generator of channel 0 makes, once more.
struct Expected(FrameSequence, u64);

impl Expected {
    fn new(max: u32) -> Self {
        Self(FrameSequence::new(SEED, 0, LengthMode::Uniform, 0, max, [0; 16]), 0)
    }

    fn next(&mut self) -> Vec<u8> {
        let (length, key) = self.0.draw();
        let mut bytes = vec![0; length as usize];
        generator::fill(key, 0, &mut bytes);
        self.1 += 1;
        bytes
    }
}

fn payload(channel: &PageChannel<SimPlatform>, frame: &PageFrame) -> Vec<u8> {
    let view = channel.view(frame).expect("a frame that is out");
    view.verify().expect("CRC");
    view.parts().collect::<Vec<_>>().concat()
}

/// The next frame, waited for.
fn take(rig: &Rig, channel: &mut PageChannel<SimPlatform>) -> Option<PageFrame> {
    for _ in 0..100 {
        if let Some(frame) = channel.poll().expect("no error") {
            return Some(frame);
        }
        if channel.wait(rig.deadline()).expect("no error") == Wait::Deadline {
            return None;
        }
    }
    panic!("woken for nothing")
}

/// Some frames are kept, for a long time, and go back in any order; all are right then, too.
#[rstest]
fn frames_are_kept_and_given_back_in_any_order(
    #[values(32, 96, 512, 4096)] page_bytes: u32,
    #[values(false, true)] packed: bool,
    #[values(WaitMode::Poll, WaitMode::Interrupt, WaitMode::Hybrid { max_poll_ns: 1000 })] wait: WaitMode,
    #[values(&["--mps", "128", "--mrrs", "128"], &["--gen", "1", "--lanes", "1", "--mps", "1024"], &["--width", "64"])] link: &[&str],
    #[values(None, Some(9))] completion_entries: Option<u32>,
) {
    let rig = Rig::new(link);
    let max_frame = 8 * page_bytes - 40;
    let config = PageConfig {
        pages: 33,
        completion_entries,
        page_bytes,
        packed,
        flush_time: if packed { 500 } else { 0 },
        source: made(max_frame, 150),
        max_frame,
        interrupt: Some(DataInterrupt::default()),
        wait,
        relaxed: true,
        ..PageConfig::default()
    };
    let mut channel = rig.open(0, &config);
    let (mut expected, mut random) = (Expected::new(max_frame), XorShift64::new(u64::from(page_bytes)));
    let mut kept: Vec<(PageFrame, Vec<u8>)> = Vec::new();
    for _ in 0..150 {
        let frame = take(&rig, &mut channel).expect("a frame");
        assert_eq!((frame.header.sequence, frame.header.flags), (expected.1, Flags(0)));
        let sent = expected.next();
        assert!(payload(&channel, &frame) == sent, "frame {}", frame.header.sequence);
        kept.push((frame, sent));
        // A frame may need ten pages: with so many kept, the others still do.
        while kept.iter().map(|(frame, _)| frame.pages()).sum::<u32>() > 18 {
            let (frame, sent) = kept.swap_remove(random.step() as usize % kept.len());
            assert!(payload(&channel, &frame) == sent, "frame {} when it goes back", frame.header.sequence);
            channel.give_back(frame).expect("its own");
        }
    }
    let stopped = channel.stop().expect("stopped");
    assert_eq!((stopped.frames, stopped.dropped, stopped.discarded), (150, 0, 0));
    assert!(channel.poll().expect("all was announced").is_none());
    rig.finish();
}

/// The card writes no entry over one that was not taken, and what it holds back for that is discarded at a stop: whole frames are read, half ones leave
/// no page behind.
#[rstest]
fn what_a_full_completion_ring_holds_back_is_discarded_at_a_stop(#[values(false, true)] packed: bool, #[values(0, 1, 2, 3)] spare: u32) {
    let rig = Rig::new(&[]);
    let shape = PageConfig { pages: 40, page_bytes: 672, packed, ..PageConfig::default() };
    let mut channel = rig.open(0, &PageConfig { completion_entries: Some(6 + spare), source: made(3000, 40), max_frame: 3000, ..shape });
    for run in 0..3 {
        let mut expected = Expected::new(3000);
        let later = rig.platform.machine().now().after(Cycles(20_000));
        rig.platform.machine().advance_to(later);
        let stopped = channel.stop().expect("stopped");
        assert!(stopped.pages == u64::from(6 + spare) && stopped.discarded > 0, "run {run}: the ring is full: {stopped:?}");
        let mut read = 0;
        while let Some(frame) = channel.poll().expect("no error") {
            assert!(payload(&channel, &frame) == expected.next(), "run {run}, frame {read}");
            channel.give_back(frame).expect("its own");
            read += 1;
        }
        assert_eq!((read, channel.pages_held()), (stopped.frames, 0), "run {run}");
        channel.start().expect("started anew");
    }
    rig.finish();
}

/// Whole frames and no others are there after a stop, in every run.
#[rstest]
fn runs_end_and_begin_anew(#[values(false, true)] packed: bool, #[values(0, 300, 2_000, 9_000)] after_ns: u64) {
    let rig = Rig::new(&[]);
    let write_back = Some(WriteBackPolicy::default());
    let config =
        PageConfig { pages: 20, page_bytes: 672, packed, source: made(3000, 0), max_frame: 3000, write_back, ..PageConfig::default() };
    let mut channel = rig.open(0, &config);
    for run in 1..6 {
        assert_eq!(channel.run(), run);
        let mut expected = Expected::new(3000);
        rig.platform.pause(rig.platform.now().after(after_ns));
        let early = if run % 2 == 0 { channel.poll().expect("no error") } else { None };
        if let Some(frame) = &early {
            assert!(payload(&channel, frame) == expected.next());
        }
        let stopped = channel.stop().expect("stopped");
        while let Some(frame) = channel.poll().expect("no error") {
            assert!(payload(&channel, &frame) == expected.next());
            channel.give_back(frame).expect("its own");
        }
        assert_eq!(expected.1, stopped.frames);
        if run % 3 == 0 {
            channel.reset().expect("reset");
        }
        channel.restart().expect("restarted");
        if let Some(frame) = early {
            assert!(matches!(channel.give_back(frame), Err(DriverError::Stale { .. })), "of another run");
        }
    }
    channel.stop().expect("stopped");
    rig.finish();
}

/// A reset in the middle of everything, also of reads; the other channel goes on.
#[rstest]
fn a_reset_hits_one_channel(#[values(0, 100, 200, 350, 500, 700, 5_000)] after_ns: u64) {
    let rig = Rig::new(&[]);
    let config = PageConfig { pages: 64, page_bytes: 256, source: made(900, 0), max_frame: 900, ..PageConfig::default() };
    let mut other = rig.open(0, &PageConfig { source: made(900, 60), ..config });
    let mut hit = rig.open(1, &config);
    for _ in 0..4 {
        rig.platform.pause(rig.platform.now().after(after_ns));
        hit.reset().expect("reset");
        hit.start().expect("started");
    }
    let mut expected = Expected::new(900);
    while expected.1 < 60 {
        let frame = take(&rig, &mut other).expect("a frame");
        assert!(payload(&other, &frame) == expected.next());
        other.give_back(frame).expect("its own");
    }
    let frame = take(&rig, &mut hit).expect("a frame of the last run");
    assert_eq!(frame.header.sequence, 0);
    rig.finish();
}

/// The driver sleeps; the timer completes a page that is not full, and its interrupt wakes the driver.
#[test]
fn a_page_that_is_not_full_wakes_the_driver() {
    let rig = Rig::new(&[]);
    let (interrupt, wait) = (Some(DataInterrupt::default()), WaitMode::Interrupt);
    let source = made(100, 3);
    let config = PageConfig { packed: true, flush_time: 1000, source, max_frame: 100, interrupt, wait, ..PageConfig::default() };
    let mut channel = rig.open(0, &config);
    let start = rig.platform.now();
    assert_eq!(channel.wait(rig.deadline()).expect("no error"), Wait::Ready);
    let took = rig.platform.now().0 - start.0;
    assert!((4_000..20_000).contains(&took), "{took} ns for a timer of 4000");
    for _ in 0..3 {
        assert_eq!(channel.poll().expect("no error").expect("all of the page").page(), 0);
    }
    rig.finish();
}

/// All pages are kept: the card drops whole frames, says so, and goes on when pages come back.
#[test]
fn without_pages_frames_are_dropped_and_accounted_for() {
    let rig = Rig::new(&[]);
    let when_full = WhenFull::Drop;
    let config = PageConfig { pages: 4, page_bytes: 1024, source: made(900, 400), max_frame: 900, when_full, ..PageConfig::default() };
    let mut channel = rig.open(0, &config);
    let kept: Vec<_> = (0..4).map(|_| take(&rig, &mut channel).expect("a frame")).collect();
    assert_eq!(take(&rig, &mut channel), None, "no page, no frame");
    kept.into_iter().for_each(|frame| channel.give_back(frame).expect("its own"));
    let mut marked = 0;
    while let Some(frame) = take(&rig, &mut channel) {
        marked += u64::from(frame.header.flags.contains(Flags::DROPPED_BEFORE));
        channel.view(&frame).expect("its own").verify().expect("CRC");
        channel.give_back(frame).expect("its own");
    }
    let stopped = channel.stop().expect("stopped");
    assert_eq!(stopped.frames + stopped.dropped + u64::from(stopped.discarded), 400);
    assert!(stopped.dropped > 100 && marked <= stopped.dropped, "{stopped:?}, {marked} marked");
    rig.finish();
}

/// A frame over more pages than the card has places for is refused before anything is written to the card.
#[test]
fn a_frame_over_too_many_pages_is_refused() {
    let rig = Rig::new(&[]);
    let config = PageConfig { pages: 2000, page_bytes: 32, max_frame: 50_000, ..PageConfig::default() };
    match rig.card.page_channel(0, &config) {
        Err(DriverError::Config(refused)) => assert_eq!((refused.field, refused.value), ("max_frame", 50_000)),
        other => panic!("{other:?}"),
    }
    rig.finish();
}

#[test]
fn what_is_looped_back_comes_in_pages() {
    let rig = Rig::new(&[]);
    let mut pages =
        rig.open(2, &PageConfig { pages: 200, page_bytes: 480, packed: true, flush_time: 300, max_frame: 70_001, ..PageConfig::default() });
    let config = SendConfig { output: Output::Loopback(2), entries: 16, ..SendConfig::default() };
    let mut sender: SendChannel<SimPlatform> = rig.card.send_channel(0, &config).expect("a channel");
    sender.start().expect("started");
    for (seed, size) in [1_usize, 64, 511, 4096, 70_001, 3].into_iter().enumerate() {
        let sent: Vec<u8> = (0..size).map(|i| (i * 131 + seed * 17 + (i >> 8)) as u8).collect();
        sender.send(&sent, 0).expect("room");
        let frame = take(&rig, &mut pages).expect("a frame");
        assert!(payload(&pages, &frame) == sent, "{size} bytes");
        pages.give_back(frame).expect("its own");
    }
    rig.finish();
}
