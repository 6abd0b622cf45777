//! How a run ended is said as soon as the card's registers tell it: a stop that did not get to the last of them is made up for by the next.

use crate::common::{Fake, payload};
use silico_driver::channel::{Phase, Progress, RingConfig};
use silico_driver::error::{ChannelId, DriverError, Failure, RingFault};
use silico_driver::h2c::{SendConfig, SendProgress};
use silico_driver::pages::PageConfig;
use silico_driver::platform::AccessError;
use silico_spec::registers::{c2h, h2c};
use silico_spec::units::BusAddr;
use silico_spec::writeback::ChannelError;
use std::fmt::Debug;

/// A channel of any kind, under way: `stop`, and the phase after it.
trait Stops {
    type End: Copy + Debug + PartialEq;
    fn make() -> (Fake, Self);
    fn halt(&mut self) -> (Result<Self::End, DriverError>, Phase);
}

struct Ring(silico_driver::channel::RingChannel<Fake>);
struct Pages(silico_driver::pages::PageChannel<Fake>);
struct Sender(silico_driver::h2c::SendChannel<Fake>);

impl Stops for Ring {
    type End = silico_driver::channel::Stopped;
    fn make() -> (Fake, Self) {
        let fake = Fake::new();
        let channel =
            fake.started(&RingConfig { ring_bytes: 4096, max_frame: 2000, progress: Progress::Register, ..RingConfig::default() });
        fake.deliver(0, &payload(0, 100));
        (fake, Self(channel))
    }
    fn halt(&mut self) -> (Result<Self::End, DriverError>, Phase) {
        (self.0.stop(), self.0.phase())
    }
}

impl Stops for Pages {
    type End = silico_driver::pages::PagesStopped;
    fn make() -> (Fake, Self) {
        let fake = Fake::new();
        let channel = fake.paged(&PageConfig { pages: 4, page_bytes: 4096, max_frame: 2000, ..PageConfig::default() });
        fake.deliver(0, &payload(0, 100));
        (fake, Self(channel))
    }
    fn halt(&mut self) -> (Result<Self::End, DriverError>, Phase) {
        (self.0.stop(), self.0.phase())
    }
}

impl Stops for Sender {
    type End = silico_driver::h2c::Unsent;
    fn make() -> (Fake, Self) {
        let fake = Fake::new();
        let mut channel =
            fake.sending(&SendConfig { entries: 5, staging_bytes: 1024, progress: SendProgress::Register, ..SendConfig::default() });
        channel.send(&payload(0, 10), 0).unwrap();
        fake.lock().sender(0).paused = true;
        channel.send(&payload(1, 10), 1).unwrap();
        (fake, Self(channel))
    }
    fn halt(&mut self) -> (Result<Self::End, DriverError>, Phase) {
        (self.0.stop(), self.0.phase())
    }
}

/// Any one register access of a stop is rejected: the stop says so, and the next one says what the first would have.
fn any_access_may_be_rejected<C: Stops>(fails: impl Fn(&Fake)) {
    let right = {
        let (fake, mut channel) = C::make();
        fails(&fake);
        channel.halt()
    };
    let mut rejected = 0;
    loop {
        let (fake, mut channel) = C::make();
        fails(&fake);
        fake.fault(|faults| faults.rejects_after = Some(rejected));
        let first = channel.halt();
        if fake.lock().faults.rejects_after.is_some() {
            assert_eq!(first, right, "no access was rejected");
            break;
        }
        let is_told = matches!(first.0, Err(DriverError::Access { error: AccessError::Rejected { .. }, .. }));
        // A card that cannot say who it is is not asked further: that it may be gone is found out by what follows.
        assert!(is_told || first == right, "access {rejected}: {first:?}");
        assert_eq!(channel.halt(), right, "after access {rejected} was rejected");
        assert_eq!(channel.halt(), right, "and for good");
        rejected += 1;
    }
    assert!(rejected > 4, "{rejected} accesses in a stop");
}

#[test]
fn a_stop_that_did_not_get_through_is_made_up_for() {
    any_access_may_be_rejected::<Ring>(|_| {});
    any_access_may_be_rejected::<Pages>(|_| {});
    any_access_may_be_rejected::<Sender>(|_| {});
}

/// The card stops by itself. What it failed by is among the registers that may not be read.
#[test]
fn a_failure_is_told_by_the_stop_that_can_read_it() {
    any_access_may_be_rejected::<Sender>(|fake| fake.lock().fail_sender(0, ChannelError::CompletionTimeout as u8, 0x40, 0x22));
    let (fake, mut channel) = Sender::make();
    fake.lock().fail_sender(0, ChannelError::CompletionTimeout as u8, 0x40, 0x22);
    let failure = Failure { code: ChannelError::CompletionTimeout as u8, addr: BusAddr(0x40), cookie: 0x22 };
    assert_eq!(channel.halt(), (Err(DriverError::Failed { channel: ChannelId::H2c(0), failure }), Phase::Failed(failure)));
}

/// Counts that make no sense are not taken for the run's: not by the next stop either.
#[test]
fn counts_that_were_refused_are_refused_again() {
    fn refused<C: Stops>(offset: u32, value: u64, channel: ChannelId, fault: RingFault) {
        let right = C::make().1.halt();
        let (fake, mut card) = C::make();
        fake.reads(offset, value);
        for _ in 0..2 {
            assert_eq!(card.halt(), (Err(DriverError::Fault { channel, fault }), Phase::Idle));
        }
        fake.fault(|faults| faults.reads.clear());
        assert_eq!(card.halt(), right, "what is read now makes sense");
    }
    refused::<Sender>(h2c::offset(0, h2c::FRAMES), 7, ChannelId::H2c(0), RingFault::FrameCount { announced: 7, found: 1 });
    refused::<Sender>(h2c::offset(0, h2c::DISCARDED), 3, ChannelId::H2c(0), RingFault::Discarded { found: 3, wanted: 1 });
    refused::<Ring>(c2h::offset(0, c2h::HW_COUNT), 131, ChannelId::C2h(0), RingFault::CountOffGrid { found: 131 });
}

/// What is wrong with the end of one run is nothing to the next.
#[test]
fn a_new_run_owes_nothing_for_the_one_before() {
    let (fake, Sender(mut channel)) = Sender::make();
    fake.reads(h2c::offset(0, h2c::FRAMES), 7);
    assert!(channel.stop().is_err());
    fake.fault(|faults| faults.reads.clear());
    fake.lock().sender(0).paused = false;
    channel.start().unwrap();
    channel.send(&payload(5, 5), 5).unwrap();
    assert_eq!(channel.stop().map(|unsent| (unsent.sent, unsent.frames)), Ok((1, 0)));
}
