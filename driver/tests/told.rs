//! What a channel of each kind tells of itself, on a channel and in a run that are not the first: numbers, counts, addresses, the views of its frames.

use crate::common::{Fake, payload};
use silico_driver::channel::{Phase, RingConfig, Stopped};
use silico_driver::error::DriverError;
use silico_driver::h2c::{SendConfig, SendProgress};
use silico_driver::pages::{PageConfig, PagesStopped};
use silico_spec::registers::{c2h, h2c};
use silico_spec::units::BusAddr;

/// Bytes that frames with these payloads take.
fn footprints(lengths: &[u64]) -> u64 {
    lengths.iter().map(|length| 32 + length.next_multiple_of(32)).sum()
}

#[test]
fn a_ring_tells_what_was_announced_read_and_dropped() {
    let (fake, config) = (Fake::new(), RingConfig { ring_bytes: 8192, max_frame: 2000, ..RingConfig::default() });
    let card = fake.card();
    let mut channel = card.channel(2, &config).unwrap();
    assert_eq!((channel.phase(), channel.run(), channel.frames(), channel.bytes(), channel.unread()), (Phase::Idle, 0, 0, 0, 0));
    channel.start().unwrap();
    channel.restart().unwrap();
    fake.deliver(2, &[]);
    fake.deliver(2, &payload(1, 33));
    fake.deliver(2, &payload(2, 500));
    let frame = channel.poll().unwrap().unwrap();
    assert_eq!((frame.is_empty(), frame.len(), frame.position), (true, 0, 0));
    let frame = channel.poll().unwrap().unwrap();
    assert_eq!((frame.is_empty(), frame.len(), frame.position, frame.header.channel), (false, 33, 32, 2));
    assert_eq!((channel.number(), channel.phase(), channel.run(), channel.config()), (2, Phase::Running, 2, &config));
    assert_eq!((channel.frames(), channel.bytes(), channel.unread()), (2, footprints(&[0, 33]), footprints(&[500])));
    assert_eq!(channel.ring_addr(), BusAddr(fake.lock().channel(2).get(c2h::RING_BASE)));
    assert_eq!(channel.counters(), card.channel_counters(2));
    fake.reads(c2h::offset(2, c2h::DROPPED), 7);
    let stopped = Stopped { bytes: footprints(&[0, 33, 500]), frames: 3, dropped: 7, discarded: 0 };
    assert_eq!((channel.stop(), channel.dropped(), channel.phase()), (Ok(stopped), 7, Phase::Idle));
    assert_eq!(channel.poll().unwrap().unwrap().len(), 500, "what was delivered can still be read");
    assert_eq!((channel.frames(), channel.unread(), channel.stop()), (3, 0, Ok(stopped)));
}

#[test]
fn pages_tell_what_is_held_read_and_dropped() {
    let (fake, config) = (Fake::new(), PageConfig { pages: 6, page_bytes: 256, max_frame: 600, ..PageConfig::default() });
    let card = fake.card();
    let mut channel = card.page_channel(3, &config).unwrap();
    assert_eq!((channel.phase(), channel.run(), channel.frames(), channel.bytes(), channel.pages_held()), (Phase::Idle, 0, 0, 0, 0));
    channel.start().unwrap();
    channel.restart().unwrap();
    fake.deliver(3, &[]);
    fake.deliver(3, &payload(1, 600));
    let empty = channel.poll().unwrap().unwrap();
    let view = channel.view(&empty).unwrap();
    assert_eq!((view.is_empty(), view.len(), view.parts().count(), view.contiguous(), empty.pages()), (true, 0, 0, Some(&[][..]), 1));
    let long = channel.poll().unwrap().unwrap();
    let view = channel.view(&long).unwrap();
    assert_eq!((view.is_empty(), view.len(), view.header().channel, long.pages()), (false, 600, 3, 3));
    // 224 bytes beside the header, then a page each.
    assert_eq!(view.parts().map(<[u8]>::len).collect::<Vec<_>>(), [224, 256, 120]);
    for room in [0, 1, 223, 224, 225, 480, 481, 599, 600, 601] {
        let mut out = vec![0; room];
        assert_eq!(view.copy_to(&mut out), room.min(600));
        assert_eq!(out[..room.min(600)], payload(1, 600)[..room.min(600)]);
    }
    assert_ne!(empty.page(), long.page());
    assert_eq!((channel.number(), channel.phase(), channel.run(), channel.config()), (3, Phase::Running, 2, &config));
    assert_eq!((channel.frames(), channel.bytes(), channel.pages_held()), (2, footprints(&[0, 600]), 4));
    assert_eq!(channel.counters(), card.channel_counters(3));
    channel.give_back(long).unwrap();
    assert_eq!(channel.pages_held(), 1);
    fake.reads(c2h::offset(3, c2h::DROPPED), 7);
    fake.reads(c2h::offset(3, c2h::DISCARDED), 8);
    let stopped = PagesStopped { pages: 4, frames: 2, dropped: 7, discarded: 8 };
    assert_eq!((channel.stop(), channel.dropped(), channel.phase()), (Ok(stopped), 7, Phase::Idle));
    assert_eq!(channel.stop(), Ok(stopped));
}

#[test]
fn a_sender_tells_what_was_submitted_and_sent() {
    let (fake, config) =
        (Fake::new(), SendConfig { entries: 8, staging_bytes: 1024, progress: SendProgress::Register, ..SendConfig::default() });
    let card = fake.card();
    let mut channel = card.send_channel(1, &config).unwrap();
    assert_eq!((channel.phase(), channel.run(), channel.frames(), channel.bytes(), channel.submitted()), (Phase::Idle, 0, 0, 0, 0));
    assert_eq!(channel.free_entries(), 8);
    channel.start().unwrap();
    channel.restart().unwrap();
    let first = channel.send(&payload(0, 10), 1).unwrap();
    channel.reclaim().unwrap();
    fake.lock().sender(1).paused = true;
    let second = channel.send(&payload(1, 20), 2).unwrap();
    channel.reclaim().unwrap();
    assert_eq!((channel.is_sent(first), channel.is_sent(second)), (Ok(true), Ok(false)));
    assert_eq!((channel.number(), channel.phase(), channel.run(), channel.config()), (1, Phase::Running, 2, &config));
    assert_eq!((channel.frames(), channel.bytes(), channel.submitted(), channel.free_entries()), (1, 10, 2, 7));
    for (register, value) in [(h2c::CHECK_CRC, 0xffff_ffff), (h2c::CHECK_LENGTH, 77)] {
        fake.reads(h2c::offset(1, register), value);
    }
    let checked = channel.checked().unwrap();
    assert_eq!((checked.crc, checked.length), (u32::MAX, 77), "any value can be a CRC");
    let mut other = card.send_channel(0, &config).unwrap();
    other.start().unwrap();
    assert!(other.is_sent(first).is_err(), "a ticket of another channel");
    fake.reads(h2c::offset(1, h2c::CHECK_LENGTH), u64::from(u32::MAX));
    assert!(matches!(channel.checked(), Err(DriverError::Gone { .. })));
}
