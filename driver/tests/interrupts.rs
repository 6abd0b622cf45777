//! Kinds of interrupt on the software card: which is chosen, vectors that are shared, levels that must be made quiet, and the log of errors.

use crate::common::{Event, Fake, payload};
use rstest::rstest;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{DataInterrupt, RingChannel, RingConfig, Wait, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::h2c::{SendConfig, SpaceInterrupt, Until};
use silico_driver::interrupts::{Chosen, InterruptChoice};
use silico_driver::log::{Correctable, Uncorrectable};
use silico_driver::platform::{AccessError, InterruptKind};
use silico_spec::config::capabilities::aer;
use silico_spec::writeback::ChannelError;

use InterruptKind::{Intx, Msi, MsiX};

const HYBRID: WaitMode = WaitMode::Hybrid { max_poll_ns: 800 };

fn up(fake: &Fake, interrupts: InterruptChoice, vectors: u16) -> Result<Card<Fake>, DriverError> {
    Card::bring_up(fake.clone(), &BringUp { interrupts, vectors, ..BringUp::default() })
}

#[rstest]
#[case::all([16, 8, 1], InterruptChoice::Prefer(MsiX), Some((MsiX, 16)))]
#[case::no_msix([0, 8, 1], InterruptChoice::Prefer(MsiX), Some((Msi, 8)))]
#[case::intx_is_left([0, 0, 1], InterruptChoice::Prefer(MsiX), Some((Intx, 1)))]
#[case::none([0, 0, 0], InterruptChoice::Prefer(MsiX), None)]
#[case::msi_wanted([16, 4, 1], InterruptChoice::Prefer(Msi), Some((Msi, 4)))]
#[case::never_up([16, 0, 0], InterruptChoice::Prefer(Msi), None)]
#[case::intx_wanted([16, 4, 1], InterruptChoice::Only(Intx), Some((Intx, 1)))]
#[case::off([16, 8, 1], InterruptChoice::Off, None)]
fn what_is_offered_decides(#[case] offers: [u16; 3], #[case] choice: InterruptChoice, #[case] chosen: Option<(InterruptKind, u16)>) {
    let fake = Fake::new();
    fake.lock().offers = offers;
    let card = up(&fake, choice, 0).unwrap();
    assert_eq!(card.interrupts(), chosen.map(|(kind, vectors)| Chosen { kind, vectors }));
    let config = RingConfig { interrupt: Some(DataInterrupt::default()), ..RingConfig::default() };
    assert_eq!(card.channel(0, &config).is_ok(), chosen.is_some(), "a channel with interrupts needs some");
}

#[test]
fn the_only_kind_must_be_there() {
    let fake = Fake::new();
    fake.lock().offers = [16, 0, 1];
    assert_eq!(up(&fake, InterruptChoice::Only(Msi), 0).unwrap_err(), DriverError::NoInterrupts { kind: Msi });
}

/// Four channels, each with a vector of its own as far as there are any, in a chain of waits that comes by each of them.
#[rstest]
fn every_channel_is_woken_however_few_vectors_there_are(
    #[values(MsiX, Msi, Intx)] kind: InterruptKind,
    #[values(16, 4, 2, 1)] granted: u16,
    #[values(WaitMode::Poll, WaitMode::Interrupt, HYBRID)] wait: WaitMode,
    #[values(1, 3)] coalesce: u32,
) {
    let fake = Fake::new();
    fake.lock().grants = granted;
    let card = up(&fake, InterruptChoice::Only(kind), 0).unwrap();
    assert_eq!(card.interrupts().unwrap().vectors, granted.min([16, 8, 1][kind as usize]));
    let mut channels: Vec<RingChannel<Fake>> = (0..4)
        .map(|channel| {
            let interrupt = DataInterrupt { vector: channel * 3, frames: coalesce, time: 0, error_vector: channel * 3 };
            let mut ring = card.channel(channel, &RingConfig { interrupt: Some(interrupt), wait, ..RingConfig::default() }).unwrap();
            ring.start().unwrap();
            ring
        })
        .collect();
    for round in 0..6 {
        for channel in 0..4 {
            // Another channel has work at the same time: its wake-up must not be lost with this one's.
            let other = (channel + 1 + round as u8 % 3) % 4;
            for frame in 0..u64::from(coalesce) {
                fake.lock().schedule(5_000 + frame * 50, Event::Deliver(other, payload(frame, 64)));
                fake.lock().schedule(20_000 + frame * 50, Event::Deliver(channel, payload(frame, 64)));
            }
            for index in [channel, other] {
                let ring = &mut channels[usize::from(index)];
                assert_eq!(ring.wait(fake.after(100_000)), Ok(Wait::Ready), "channel {index}");
                while ring.poll().unwrap().is_some() {}
            }
        }
    }
    for ring in &mut channels {
        let stats = *ring.wait_stats();
        assert_eq!((stats.lost, stats.expired), (0, 0), "{stats:?}");
        ring.stop().unwrap();
    }
    let state = fake.lock();
    assert_eq!(state.unmasked_loud, 0, "a level is quiet before it is let go");
    assert_eq!(state.levels > 0, kind == Intx && wait != WaitMode::Poll);
}

/// Both directions on one level, and an error on it.
#[rstest]
fn errors_and_space_share_the_vector(#[values(MsiX, Msi, Intx)] kind: InterruptKind) {
    let fake = Fake::new();
    fake.lock().grants = 1;
    let card = up(&fake, InterruptChoice::Only(kind), 0).unwrap();
    let interrupt = Some(DataInterrupt { vector: 2, frames: 1, time: 0, error_vector: 9 });
    let mut ring = card.channel(1, &RingConfig { interrupt, wait: WaitMode::Interrupt, ..RingConfig::default() }).unwrap();
    let interrupt = Some(SpaceInterrupt { vector: 3, count: 1, time: 0, error_vector: 4 });
    let mut send = card.send_channel(1, &SendConfig { interrupt, wait: WaitMode::Interrupt, ..SendConfig::default() }).unwrap();
    ring.start().unwrap();
    send.start().unwrap();
    fake.lock().sender(1).paused = true;
    fake.lock().schedule(3_000, Event::Work(1, 1));
    fake.lock().schedule(6_000, Event::Fail(1, ChannelError::BadDoorbell as u8, 5));
    let ticket = send.send(&payload(1, 100), 0).unwrap();
    assert_eq!(send.wait(Until::Sent(ticket), fake.after(50_000)), Ok(Wait::Ready));
    assert!(matches!(ring.wait(fake.after(50_000)), Err(DriverError::Failed { .. })), "its error wakes it");
    let counters = card.interrupt_counters();
    assert!(counters.fired >= 2 && counters.marked >= 2, "{counters:?}");
    assert_eq!(fake.lock().unmasked_loud, 0);
}

/// Who shares a vector is told apart where the card can say so.
#[rstest]
#[case::status_tells(Msi, 0)]
#[case::all_are_woken(MsiX, 1)]
fn only_those_concerned_are_woken(#[case] kind: InterruptKind, #[case] spurious: u64) {
    let fake = Fake::new();
    fake.lock().grants = 1;
    let card = up(&fake, InterruptChoice::Only(kind), 0).unwrap();
    let open = |channel| {
        let interrupt = Some(DataInterrupt { vector: channel, frames: 1, time: 0, error_vector: channel });
        let mut ring = card.channel(channel, &RingConfig { interrupt, wait: WaitMode::Interrupt, ..RingConfig::default() }).unwrap();
        ring.start().unwrap();
        ring
    };
    let (mut first, mut second) = (open(0), open(1));
    fake.deliver_in(5_000, &payload(0, 64));
    assert_eq!(first.wait(fake.after(50_000)), Ok(Wait::Ready));
    assert_eq!(second.wait(fake.after(50_000)), Ok(Wait::Deadline));
    assert_eq!((first.wait_stats().spurious, second.wait_stats().spurious), (0, spurious));
}

#[test]
fn the_log_is_read_and_only_what_was_seen_is_cleared() {
    let fake = Fake::new();
    let card = fake.card();
    assert!(card.errors().unwrap().is_empty());
    let at = crate::common::AER;
    let bits = aer::uncorrectable::POISONED | aer::uncorrectable::UNSUPPORTED;
    for (offset, value) in
        [(4, bits), (0xc, aer::uncorrectable::POISONED), (0x10, aer::correctable::ADVISORY), (0x18, 0x1ec), (0x1c, 0x4a00_0001)]
    {
        fake.lock().config.insert(at + offset, value);
    }
    fake.lock().config.extend([(at + 0x20, 2), (at + 0x24, 3), (at + 0x28, 4)]);
    let device = crate::common::PCIE + 8;
    fake.lock().config.insert(device, 0x000b_2810);
    let seen = card.errors().unwrap();
    assert_eq!(seen.uncorrectable().collect::<Vec<_>>(), [Uncorrectable::PoisonedTlp, Uncorrectable::UnsupportedRequest]);
    assert_eq!(seen.correctable().collect::<Vec<_>>(), [Correctable::AdvisoryNonFatal]);
    assert_eq!((seen.first(), seen.is_fatal(), seen.header[0]), (Some(Uncorrectable::PoisonedTlp), true, 0x4a00_0001));
    assert_eq!((seen.header[1..].to_vec(), seen.first_error, seen.device_status), (vec![2, 3, 4], 12, 0xb), "the pointer has five bits");
    *fake.lock().config.get_mut(&(at + 4)).unwrap() |= aer::uncorrectable::MALFORMED;
    *fake.lock().config.get_mut(&device).unwrap() |= 0x4_0000;
    card.clear_errors(&seen).unwrap();
    let left = card.errors().unwrap();
    assert_eq!(left.uncorrectable().collect::<Vec<_>>(), [Uncorrectable::MalformedTlp], "what came since stays");
    assert_eq!(fake.lock().config[&device], 0x0004_2810, "Device Control is the operating system's");
    assert_eq!(left.correctable().count(), 0);
    fake.fault(|faults| faults.gone = true);
    assert!(matches!(card.errors(), Err(DriverError::Gone { .. })));
}

/// A card without the log, or whose chain of capabilities leads nowhere, says so; one that is gone is gone.
#[rstest]
#[case::no_log(0x100, 0x2_0019, "no Advanced Error Reporting")]
#[case::no_express(0x50, 0x2_0009, "no Advanced Error Reporting")]
#[case::a_broken_chain(0x34, 0x41, "chain is broken")]
#[case::all_ones(0x50, u32::MAX, "gone")]
fn a_log_that_is_not_there_is_said_to_be_missing(#[case] offset: u16, #[case] word: u32, #[case] text: &str) {
    let fake = Fake::new();
    let card = fake.card();
    fake.lock().config.insert(offset, word);
    let error = card.errors().unwrap_err();
    let right = match text {
        "gone" => matches!(error, DriverError::Gone { .. }),
        "chain is broken" => matches!(error, DriverError::NoCapability { name } if name.contains(text)),
        _ => matches!(error, DriverError::NoCapability { name: "Advanced Error Reporting" }),
    };
    assert!(right, "{error}");
}

#[test]
fn a_log_of_ones_is_a_card_that_is_gone() {
    let fake = Fake::new();
    let card = fake.card();
    fake.lock().config.insert(crate::common::AER + 4, u32::MAX);
    assert!(matches!(card.errors(), Err(DriverError::Gone { .. })));
}

#[test]
fn a_config_space_that_does_not_answer_is_no_log_that_is_missing() {
    let fake = Fake::new();
    let card = fake.card();
    fake.fault(|faults| faults.config_silent = true);
    let error = card.errors().unwrap_err();
    assert!(matches!(error, DriverError::Access { error: AccessError::Timeout { .. }, .. }), "{error}");
}

/// A platform may offer vectors, and have none left when they are asked for.
#[test]
fn a_kind_of_which_none_is_granted_is_not_chosen() {
    let fake = Fake::new();
    fake.lock().grants = 0;
    assert_eq!(up(&fake, InterruptChoice::Prefer(MsiX), 0).unwrap().interrupts(), None);
    assert_eq!(up(&fake, InterruptChoice::Only(MsiX), 0).unwrap_err(), DriverError::NoInterrupts { kind: MsiX });
}
