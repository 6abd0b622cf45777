//! The recovery ladder on the software card: each level, each wait with its limit, escalation, a card that vanishes at any access, and taking over
//! what a crashed process left behind.

use crate::common::{Fake, PCIE, Platforms, payload};
use rstest::rstest;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{Phase, Progress, RingChannel, RingConfig, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::h2c::{SendChannel, SendConfig, Until};
use silico_driver::pages::{PageChannel, PageConfig};
use silico_driver::platform::AccessError;
use silico_driver::recover::{GATE_LIMIT_NS, Level, Recoverable};
use silico_spec::config::capabilities::pcie;
use silico_spec::registers::{c2h, card};
use silico_spec::writeback::{ChannelError, ChannelState};
use std::mem;
use std::sync::mpsc;

/// A card with a channel of each kind, all running.
struct Rig {
    fake: Fake,
    card: Card<Fake>,
    ring: RingChannel<Fake>,
    pages: PageChannel<Fake>,
    send: SendChannel<Fake>,
}

impl Rig {
    fn new() -> Self {
        let fake = Fake::new();
        let card = fake.card();
        let mut ring = card.channel(0, &RingConfig::default()).unwrap();
        let mut pages = card.page_channel(1, &PageConfig { pages: 8, max_frame: 4000, ..PageConfig::default() }).unwrap();
        let mut send = card.send_channel(0, &SendConfig::default()).unwrap();
        ring.start().unwrap();
        pages.start().unwrap();
        send.start().unwrap();
        Self { fake, card, ring, pages, send }
    }

    /// Traffic on each channel, all of it seen.
    fn traffic(&mut self) {
        for frame in 0..3 {
            self.fake.deliver(0, &payload(frame, 500));
            assert_eq!(self.ring.poll().unwrap().expect("a frame").header.sequence, frame);
            self.fake.deliver(1, &payload(frame, 700));
            let frame = self.pages.poll().unwrap().expect("a frame in a page");
            self.pages.give_back(frame).unwrap();
            let ticket = self.send.send(&payload(9, 300), 1).unwrap();
            self.send.reclaim().unwrap();
            assert!(self.send.is_sent(ticket).unwrap());
        }
        assert_eq!((self.ring.frames(), self.pages.frames(), self.send.frames()), (3, 3, 3), "counts begin at zero");
    }

    fn recover(&mut self, level: Level) -> Result<(), DriverError> {
        let mut channels: [&mut dyn Recoverable; 3] = [&mut self.ring, &mut self.pages, &mut self.send];
        self.card.recover(level, &mut channels)
    }

    fn recover_from(&mut self, error: &DriverError) -> Result<(Level, u8), DriverError> {
        let mut channels: [&mut dyn Recoverable; 3] = [&mut self.ring, &mut self.pages, &mut self.send];
        self.card.recover_from(error, &mut channels).map(|recovery| (recovery.level, recovery.attempts))
    }
}

#[rstest]
fn after_each_level_all_begins_anew_in_the_same_memory(
    #[values(Level::ChannelStop, Level::ChannelReset, Level::CardReset, Level::FunctionReset, Level::HotReset, Level::Removal)]
    level: Level,
) {
    let mut rig = Rig::new();
    let buffers = rig.fake.lock().live_buffers();
    for _ in 0..3 {
        rig.traffic();
        // Something is under way when the reset comes.
        rig.fake.deliver(0, &payload(50, 900));
        rig.fake.deliver(1, &payload(50, 900));
        rig.recover(level).unwrap();
        assert_eq!((rig.ring.phase(), rig.pages.phase(), rig.send.phase()), (Phase::Running, Phase::Running, Phase::Running));
        assert_eq!(rig.ring.poll().map(|frame| frame.is_some()), Ok(false), "nothing of the run before");
        assert_eq!(rig.fake.lock().live_buffers(), buffers, "the memory is kept");
        let state = rig.fake.lock();
        assert_eq!((state.command & 4, state.granted), (4, 16), "bus mastering and interrupts are on again");
    }
    rig.traffic();
    drop((rig.ring, rig.pages, rig.send));
    assert_eq!(rig.fake.lock().live_buffers(), 0);
}

/// A reset under reads in flight leaves answers that come to somebody else's memory: what can be stopped is stopped first. A card that is taken out
/// is not there to be told.
#[rstest]
#[case(Level::CardReset, 0)]
#[case(Level::FunctionReset, 0)]
#[case(Level::HotReset, 0)]
#[case(Level::Removal, 3)]
fn channels_are_stopped_before_what_holds_them_is_reset(#[case] level: Level, #[case] running: usize) {
    let mut rig = Rig::new();
    rig.recover(level).unwrap();
    assert_eq!(rig.fake.lock().cut_short, running);
}

/// A channel that the ladder was not given, as one on another thread.
#[test]
fn a_channel_that_lives_elsewhere_finds_the_reset_and_starts_again() {
    let mut rig = Rig::new();
    rig.fake.deliver(0, &payload(0, 100));
    rig.card.recover(Level::CardReset, &mut [&mut rig.pages]).unwrap();
    let reset = DriverError::CardReset { channel: silico_driver::error::ChannelId::C2h(0) };
    assert_eq!(rig.ring.poll().map(|_| ()), Err(reset));
    assert_eq!(rig.ring.wait(rig.fake.after(1000)), Err(reset));
    assert!(matches!(rig.send.reclaim(), Err(DriverError::CardReset { .. })));
    assert!(matches!(rig.ring.stop(), Err(DriverError::CardReset { .. })));
    rig.ring.start().unwrap();
    rig.send.restart().unwrap();
    rig.pages.restart().unwrap();
    rig.traffic();
}

#[rstest]
#[case::failed(DriverError::Failed { channel: silico_driver::error::ChannelId::C2h(0), failure: failure() }, Level::ChannelStop)]
#[case::stuck(DriverError::State { channel: silico_driver::error::ChannelId::C2h(0), found: 2, wanted: ChannelState::Idle, ns: 1 }, Level::ChannelReset)]
#[case::late(DriverError::Timeout { what: "x", ns: 1 }, Level::CardReset)]
#[case::silent(DriverError::Access { register: "ID", error: AccessError::Timeout { offset: 0 } }, Level::FunctionReset)]
#[case::gone(DriverError::Gone { register: "ID" }, Level::Removal)]
fn the_gentlest_level_that_can_help_is_chosen(#[case] error: DriverError, #[case] level: Level) {
    let mut rig = Rig::new();
    assert_eq!(Level::against(&error), Some(level));
    assert_eq!(rig.recover_from(&error), Ok((level, 1)));
    assert_eq!(rig.recover_from(&DriverError::Config(refused())), Err(DriverError::NotRecoverable));
}

fn failure() -> silico_driver::error::Failure {
    silico_driver::error::Failure { code: 1, addr: silico_spec::units::BusAddr(0), cookie: 0 }
}

fn refused() -> silico_driver::error::ConfigError {
    silico_driver::error::ConfigError { field: "x", value: 0, rule: "1" }
}

#[test]
fn a_level_of_channels_leaves_the_others_alone() {
    let mut rig = Rig::new();
    rig.traffic();
    rig.fake.lock().fail(0, ChannelError::BadDoorbell as u8, 0x40);
    let error = rig.ring.poll().map(|_| ()).unwrap_err();
    assert_eq!(rig.recover_from(&error), Ok((Level::ChannelStop, 1)));
    assert_eq!((rig.ring.run(), rig.pages.run(), rig.send.run()), (2, 1, 1));
    assert_eq!((rig.ring.frames(), rig.pages.frames()), (0, 3));
}

/// What each level cannot mend is left to the next, and said.
#[rstest]
#[case::stuck_channel(Platforms::Function, false, (Level::CardReset, 2))]
#[case::stuck_card(Platforms::Function, true, (Level::FunctionReset, 3))]
#[case::no_flr(Platforms::Hot, true, (Level::HotReset, 4))]
#[case::no_hot_reset(Platforms::Rescan, true, (Level::Removal, 5))]
fn levels_escalate(#[case] needs: Platforms, #[case] card_reset_ignored: bool, #[case] helps: (Level, u8)) {
    let mut rig = Rig::new();
    rig.fake.fault(|faults| {
        (faults.never_idle, faults.ignore_reset, faults.ignore_card_reset, faults.needs) = (true, true, card_reset_ignored, needs);
    });
    let error = rig.ring.stop().unwrap_err();
    assert!(matches!(error, DriverError::State { ns: 10_000_000.., .. }), "{error}");
    let before = rig.fake.lock().now;
    let recovered = rig.recover_from(&error);
    assert_eq!(recovered, Ok(helps), "the level, and how many were tried");
    assert!(rig.fake.lock().now - before < 1_000_000_000, "bounded");
    rig.fake.fault(|faults| (faults.never_idle, faults.ignore_reset) = (false, false));
    rig.traffic();
}

/// The card vanishes before any one register access of a life with all kinds of call: each call ends, soon, with a typed error or as if nothing had been;
/// nothing panics, memory is kept while the platform does not know the card cut off, and the card can be taken back.
#[rstest]
fn a_card_that_vanishes_at_any_access(#[values(false, true)] cut_off: bool) {
    let life = |rig: &mut Rig| -> Result<(), DriverError> {
        for frame in 0..4 {
            rig.fake.deliver(0, &payload(frame, 500));
            while rig.ring.poll()?.is_some() {}
            rig.ring.wait(rig.fake.after(3000))?;
            rig.fake.deliver(1, &payload(frame, 700));
            while let Some(frame) = rig.pages.poll()? {
                rig.pages.give_back(frame)?;
            }
            rig.pages.wait(rig.fake.after(3000))?;
            rig.send.send(&payload(9, 300), 1)?;
            rig.send.wait(Until::AllSent, rig.fake.after(3000))?;
        }
        rig.ring.stop()?;
        rig.pages.restart()?;
        rig.send.reset()?;
        rig.ring.start()?;
        rig.send.start()?;
        rig.card.error_summary()?;
        rig.card.errors()?;
        Ok(())
    };
    let mut vanished = 0;
    for access in 0..400 {
        let mut rig = Rig::new();
        rig.fake.fault(|faults| faults.gone_after = Some(access));
        let before = rig.fake.lock().now;
        let Err(error) = life(&mut rig) else { continue };
        vanished += 1;
        assert!(matches!(error, DriverError::Gone { .. }), "before access {access}: {error}");
        assert!(rig.fake.lock().now - before < 20_000_000, "prompt");
        for _ in 0..3 {
            assert!(matches!(rig.recover(Level::CardReset), Err(DriverError::Gone { .. })));
            assert!(matches!(rig.ring.restart(), Err(DriverError::Gone { .. })));
        }
        if access % 2 == 0 {
            rig.fake.fault(|faults| faults.away = true);
            assert!(matches!(rig.recover_from(&error), Err(DriverError::Gone { .. })), "still away");
            rig.fake.fault(|faults| faults.away = false);
            assert_eq!(rig.recover_from(&error), Ok((Level::Removal, 1)));
            rig.traffic();
        } else {
            let buffers = rig.fake.lock().live_buffers();
            rig.fake.fault(|faults| faults.cut_off = cut_off);
            drop((rig.ring, rig.pages, rig.send));
            let left = rig.fake.lock().live_buffers();
            assert!(
                if cut_off { left == 0 } else { left > 0 && left <= buffers },
                "before access {access}: {left} of {buffers} buffers left"
            );
        }
    }
    assert!(vanished > 30, "{vanished}");
}

/// A count of all ones is never one: not the card's, in whatever register it stands.
#[rstest]
fn ones_are_no_count(#[values(c2h::HW_COUNT, c2h::FRAMES, c2h::STATUS, c2h::DISCARDED, c2h::DROPPED)] register: u32) {
    let fake = Fake::new();
    let mut ring = fake.started(&RingConfig { progress: Progress::Register, ..RingConfig::default() });
    fake.deliver(0, &payload(0, 100));
    fake.reads(c2h::offset(0, register), u64::MAX);
    let error = ring.stop().unwrap_err();
    assert!(matches!(error, DriverError::Gone { .. }), "{error}");
    assert!(ring.bytes() == 0 && ring.unread() < 1 << 20);
}

/// A process dies with its channels running. The next one makes the card quiet before any memory goes, and says what it found.
#[rstest]
#[case::by_register(false, Platforms::Function, Some(Level::CardReset))]
#[case::by_function(true, Platforms::Function, Some(Level::FunctionReset))]
#[case::by_hot_reset(true, Platforms::Hot, Some(Level::HotReset))]
#[case::not_at_all(true, Platforms::Rescan, None)]
fn a_crashed_process_is_taken_over(#[case] ignores_reset: bool, #[case] needs: Platforms, #[case] level: Option<Level>) {
    let rig = Rig::new();
    let fake = rig.fake.clone();
    mem::forget((rig.ring, rig.pages, rig.send, rig.card));
    fake.fault(|faults| (faults.ignore_card_reset, faults.needs) = (ignores_reset, needs));
    let before = fake.lock().now;
    let card = Card::bring_up(fake.clone(), &BringUp::default());
    assert!(fake.lock().now - before < 300_000_000, "bounded");
    let Some(level) = level else {
        assert!(matches!(card.unwrap_err(), DriverError::State { .. }));
        return;
    };
    let card = card.unwrap();
    let found = card.found();
    assert_eq!((found.active, found.failed, found.enabled, found.bus_master), (0x1_0003, 0, true, true));
    assert!(found.was_in_use() && found.quieted_by == Some(level));
    // The old buffers are still there, and nobody writes to them.
    fake.fault(|faults| faults.ignore_card_reset = false);
    let mut ring = card.channel(0, &RingConfig::default()).unwrap();
    ring.start().unwrap();
    fake.deliver(0, &payload(7, 100));
    let frame = ring.poll().unwrap().expect("a frame of the new run");
    assert!(frame.header.sequence == 0 && frame.head == payload(7, 100));
}

#[test]
fn a_card_that_answers_nothing_is_reset_before_it_is_given_up() {
    let fake = Fake::new();
    fake.fault(|faults| (faults.gone, faults.needs) = (true, Platforms::Hot));
    let card = Card::bring_up(fake.clone(), &BringUp::default()).unwrap();
    assert_eq!(fake.lock().resets, [Platforms::Function, Platforms::Hot]);
    assert!(!card.found().was_in_use());
}

/// Every error that a channel can stop with: reported with code and address, and the channel runs again after it.
#[rstest]
fn each_error_is_reported_and_survived(#[values(false, true)] by_register: bool) {
    let codes: Vec<ChannelError> = (1..=u8::MAX).map_while(ChannelError::from_bits).collect();
    assert!(codes.len() >= 14);
    for code in codes {
        let progress = if by_register { Progress::Register } else { RingConfig::default().progress };
        let mut rig = Rig::new();
        let mut ring = rig.card.channel(2, &RingConfig { progress, ..RingConfig::default() }).unwrap();
        ring.start().unwrap();
        rig.fake.lock().fail(2, code as u8, 0xabc0);
        rig.fake.lock().fail(1, code as u8, 0xabc0);
        rig.fake.lock().fail_sender(0, code as u8, 0xabc0, 77);
        let errors = [
            ring.wait(rig.fake.after(1000)).unwrap_err(),
            rig.pages.wait_as(WaitMode::Poll, rig.fake.after(1000)).unwrap_err(),
            rig.send.reclaim().unwrap_err(),
        ];
        for (error, cookie) in errors.iter().zip([0, 0, 77]) {
            let DriverError::Failed { failure, .. } = error else { panic!("{error}") };
            assert_eq!((failure.error(), failure.addr.0, failure.cookie), (Some(code), 0xabc0, cookie));
            assert!(!error.to_string().contains("unknown"), "{error}");
        }
        for error in &errors {
            let mut channels: [&mut dyn Recoverable; 4] = [&mut rig.ring, &mut rig.pages, &mut rig.send, &mut ring];
            let level = rig.card.recover_from(error, &mut channels).map(|recovery| recovery.level);
            assert_eq!(level, Ok(if code == ChannelError::BusMasterOff { Level::CardReset } else { Level::ChannelStop }));
        }
        let others = if code == ChannelError::BusMasterOff { 1 } else { 2 };
        assert_eq!((ring.run(), rig.pages.run(), rig.send.run(), rig.ring.run()), (others, others, others, 1));
        drop(ring);
        rig.traffic();
    }
}

#[test]
fn a_reset_of_another_thread_is_waited_for_and_no_longer() {
    let rig = Rig::new();
    fn is_send<T: Send>(_: &T) {}
    is_send(&rig.ring);
    is_send(&rig.pages);
    is_send(&rig.send);
    is_send(&rig.card);
    rig.fake.fault(|faults| faults.enable_stuck = true);
    let error = rig.card.recover(Level::CardReset, &mut []).unwrap_err();
    assert!(matches!(error, DriverError::Timeout { what: "CONTROL.enable to follow", ns: 10_000_000.. }), "{error}");
    assert_eq!(rig.fake.writes(card::CONTROL).last(), Some(&1));
}

/// A stop under way on another thread holds a reset of the card up, for two completion timeouts and [`GATE_LIMIT_NS`]; then the reset gives up, and has
/// touched nothing.
#[test]
fn a_reset_waits_for_who_is_inside_a_stop_and_no_longer_than_it_says() {
    let fake = Fake::new();
    // A completion timeout of 50 to 100 µs (PCIe 4.0 §7.5.3.16).
    fake.lock().config.insert(PCIE + pcie::DEVICE_CONTROL_2, 1);
    let card = fake.card();
    let mut ring = card.channel(0, &RingConfig::default()).unwrap();
    ring.start().unwrap();
    fake.fault(|faults| faults.never_idle = true);
    let before = fake.writes(card::CONTROL);
    let (ended, end) = mpsc::channel();
    fake.meanwhile(move || ended.send(card.recover(Level::CardReset, &mut [])).unwrap());
    assert!(matches!(ring.stop(), Err(DriverError::State { .. })));
    let Err(DriverError::Timeout { what, ns }) = end.recv().unwrap() else { panic!("a channel was being stopped") };
    assert!(what.contains("other threads"), "{what}");
    let limit = GATE_LIMIT_NS + 2 * 100_000;
    assert!((limit..limit + 1000).contains(&ns), "{ns}");
    assert_eq!(fake.writes(card::CONTROL), before, "no reset");
}

/// All ones that one channel reads are told to the others: what answers them later is a card that has lost their runs.
#[test]
fn a_card_that_one_channel_found_gone_is_gone_for_all_until_it_is_taken_back() {
    let mut rig = Rig::new();
    rig.fake.fault(|faults| faults.gone = true);
    assert!(matches!(rig.ring.stop(), Err(DriverError::Gone { .. })));
    rig.fake.fault(|faults| faults.gone = false);
    let gone = Err(DriverError::Gone { register: "another channel, or an access before," });
    assert_eq!((rig.pages.poll().map(|_| ()), rig.send.reclaim().map(|_| ()), rig.send.restart()), (gone, gone, gone));
    rig.recover(Level::Removal).unwrap();
    rig.traffic();
}

#[test]
fn a_platform_that_gives_fewer_vectors_after_a_reset_is_told_so() {
    let mut rig = Rig::new();
    rig.fake.lock().grants = 8;
    assert_eq!(rig.recover(Level::FunctionReset), Err(DriverError::FewerVectors { found: 8, needed: 16 }));
    rig.fake.lock().grants = 32;
    rig.recover(Level::FunctionReset).unwrap();
}

/// What a crashed user left running may hold its requests back for ever: it is quiet once it has no bus, and its function needs no reset.
#[test]
fn bus_mastering_goes_before_the_function() {
    let fake = Fake::new();
    fake.lock().channel(0).state = ChannelState::Running;
    fake.lock().command = 0x0010_0146;
    fake.fault(|faults| faults.rests_without_bus = true);
    let card = Card::bring_up(fake.clone(), &BringUp::default()).unwrap();
    assert_eq!((card.found().quieted_by, card.found().bus_master), (Some(Level::CardReset), true));
    assert_eq!(fake.lock().resets, []);
    assert_eq!(fake.lock().commands, [0x142, 0x146], "off and on, and nothing else");
}

/// A platform says that its reset is done; only a card that answers, or comes to rest, says that it helped.
#[rstest]
#[case::hot_reset_does(Platforms::Hot, true)]
#[case::neither_does(Platforms::Rescan, false)]
fn a_reset_that_did_not_help_is_followed_by_the_next(#[case] mends: Platforms, #[case] helps: bool) {
    let fake = Fake::new();
    fake.fault(|faults| (faults.gone, faults.mends) = (true, mends));
    let silent = Card::bring_up(fake.clone(), &BringUp::default()).map(|_| ());
    assert_eq!(silent, if helps { Ok(()) } else { Err(DriverError::Gone { register: "ID" }) });
    assert_eq!(fake.lock().resets, [Platforms::Function, Platforms::Hot]);
    let fake = Fake::new();
    fake.lock().channel(0).state = ChannelState::Running;
    fake.fault(|faults| (faults.ignore_card_reset, faults.mends) = (true, mends));
    let busy = Card::bring_up(fake.clone(), &BringUp::default()).map(|card| card.found().quieted_by);
    assert!(if helps { busy == Ok(Some(Level::HotReset)) } else { matches!(busy, Err(DriverError::State { .. })) }, "{busy:?}");
    assert_eq!(fake.lock().resets, [Platforms::Function, Platforms::Hot]);
}

#[test]
fn a_card_that_answers_nothing_is_left_alone_where_no_reset_is_allowed() {
    let fake = Fake::new();
    fake.fault(|faults| faults.gone = true);
    let card = Card::bring_up(fake.clone(), &BringUp { reset: false, ..BringUp::default() });
    assert_eq!(card.map(|_| ()), Err(DriverError::Gone { register: "ID" }));
    assert_eq!(fake.lock().resets, []);
}
