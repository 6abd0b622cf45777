//! The card as a whole: what bring-up refuses, and what the card-wide calls do.

use crate::common::Fake;
use rstest::rstest;
use silico_driver::card::{BringUp, CARD_ID, Card, MAP_NEEDED};
use silico_driver::channel::{RingChannel, RingConfig};
use silico_driver::counters::{CardCounters, ChannelCounters};
use silico_driver::error::{ChannelId, ConfigError, DriverError, MapVersion};
use silico_spec::registers::{c2h, card};

fn bring_up(fake: &Fake) -> Result<Card<Fake>, DriverError> {
    Card::bring_up(fake.clone(), &BringUp::default())
}

/// Bring-up of a card on which `register` reads `value`.
fn with(register: u32, value: u64) -> DriverError {
    let fake = Fake::new();
    fake.reads(register, value);
    bring_up(&fake).expect_err("refused")
}

#[test]
fn a_good_card_comes_up_enabled_and_clean() {
    let fake = Fake::new();
    let card = bring_up(&fake).unwrap();
    let capabilities = card.capabilities();
    assert_eq!((capabilities.c2h_channels, capabilities.vectors, capabilities.port_bytes), (4, 16, 32));
    assert_eq!((capabilities.fifo_bytes, capabilities.fifo_frames, capabilities.map), (16 << 10, 64, MAP_NEEDED));
    assert!(fake.lock().enabled());
    assert_eq!(fake.lock().command, 0x0006, "bus mastering is on, status bits are left alone");
    assert_eq!(card.hole_writes(), Ok(0));
    assert_eq!(card.cycles(), Ok(fake.lock().now / 4));
    let found = card.found();
    assert_eq!((found.enabled, found.bus_master, found.active, found.failed), (false, false, 0, 0), "as after power-on");
    assert_eq!(card.error_summary(), Ok(card::ERROR_SUMMARY as u16), "the software card reads offsets");
}

#[rstest]
#[case::wrong_id(card::ID, 0xdead_beef, DriverError::Identity { found: 0xdead_beef, needed: CARD_ID })]
#[case::no_card(card::ID, u64::MAX, DriverError::Gone { register: "ID" })]
#[case::major_above(card::MAP_VERSION, 0x2_0000, DriverError::MapVersion { found: MapVersion { major: 2, minor: 0 }, needed: MAP_NEEDED })]
#[case::major_below(card::MAP_VERSION, 0x0_0009, DriverError::MapVersion { found: MapVersion { major: 0, minor: 9 }, needed: MAP_NEEDED })]
#[case::dies_at_once(card::CAPS, u64::MAX, DriverError::Gone { register: "CAPS" })]
#[case::no_channels(card::CAPS, 0x200f_0000, capability("CAPS.c2h_channels", 0, "1 to 16"))]
#[case::too_many_channels(card::CAPS, 0x200f_0011, capability("CAPS.c2h_channels", 17, "1 to 16"))]
#[case::odd_port(card::CAPS, 0x030f_0204, capability("CAPS.port_bytes", 3, "8, 16, 32 or 64"))]
#[case::no_senders(card::CAPS, 0x200f_0004, capability("CAPS.h2c_channels", 0, "1 to 8"))]
#[case::too_many_senders(card::CAPS, 0x200f_0904, capability("CAPS.h2c_channels", 9, "1 to 8"))]
#[case::no_elinks(card::ELINKS, 0, capability("ELINKS", 0, "1 to 256"))]
#[case::too_many_elinks(card::ELINKS, 257, capability("ELINKS", 257, "1 to 256"))]
#[case::no_fifo(card::FIFO_BYTES, 0, capability("FIFO_BYTES", 0, "above 0"))]
#[case::no_frames(card::FIFO_FRAMES, 0, capability("FIFO_FRAMES", 0, "above 0"))]
fn refused(#[case] register: u32, #[case] value: u64, #[case] error: DriverError) {
    assert_eq!(with(register, value), error);
}

/// The least and the most that a card can be built with.
#[rstest]
#[case::least(0x0800_0101, 1, 1)]
#[case::most(0x40ff_0204, 1 << 20, 256)]
fn taken(#[case] caps: u64, #[case] fifo: u64, #[case] elinks: u64) {
    let fake = Fake::new();
    for (register, value) in [(card::CAPS, caps), (card::FIFO_BYTES, fifo), (card::FIFO_FRAMES, fifo), (card::ELINKS, elinks)] {
        fake.reads(register, value);
    }
    let card = Card::bring_up(fake, &BringUp { reset: false, enable: false, ..BringUp::default() }).unwrap();
    let found = card.capabilities();
    let sizes = (u64::from(found.fifo_bytes), u64::from(found.fifo_frames), u64::from(found.elinks));
    assert_eq!(sizes, (fifo, fifo, elinks));
    assert_eq!(u64::from(found.c2h_channels) | u64::from(found.h2c_channels) << 8 | u64::from(found.port_bytes) << 24, caps & 0xff00_ffff);
    assert_eq!(u64::from(found.vectors), (caps >> 16 & 0xff) + 1);
}

fn capability(field: &'static str, value: u64, rule: &'static str) -> DriverError {
    DriverError::Capability(ConfigError { field, value, rule })
}

#[test]
fn a_newer_minor_version_is_taken_and_an_older_one_is_not() {
    let fake = Fake::new();
    fake.reads(card::MAP_VERSION, 0x1_0005);
    let needs = |minor| BringUp { map: MapVersion { major: 1, minor }, ..BringUp::default() };
    assert_eq!(Card::bring_up(fake.clone(), &needs(5)).unwrap().capabilities().map, MapVersion { major: 1, minor: 5 });
    let error = Card::bring_up(fake, &needs(6)).unwrap_err();
    assert_eq!(error.to_string(), "MAP_VERSION is 1.5, the driver needs 1.x with x at least 6");
}

#[test]
fn a_broken_register_path_is_found_by_the_scratch_register() {
    let fake = Fake::new();
    fake.fault(|faults| faults.scratch_loses = 1 << 40);
    let wrote = 0x5555_5555_5555_5555;
    assert_eq!(bring_up(&fake).unwrap_err(), DriverError::Scratch { wrote, read: wrote & !(1 << 40) });
}

#[test]
fn a_card_that_the_platform_knows_to_be_gone_is_gone() {
    let fake = Fake::new();
    fake.fault(|faults| (faults.gone_by_error, faults.away) = (true, true));
    assert_eq!(bring_up(&fake).unwrap_err(), DriverError::Gone { register: "ID" });
}

#[test]
fn config_space_of_ones_is_a_card_that_is_gone() {
    let fake = Fake::new();
    fake.lock().command = u32::MAX;
    assert_eq!(bring_up(&fake).unwrap_err(), DriverError::Gone { register: "config space, COMMAND" });
}

#[test]
fn an_enable_that_does_not_rise_ends_in_a_timeout() {
    let fake = Fake::new();
    fake.fault(|faults| faults.enable_stuck = true);
    let error = bring_up(&fake).unwrap_err();
    assert!(matches!(error, DriverError::Timeout { what: "CONTROL.enable to follow", ns: 10_000_000.. }), "{error}");
}

#[test]
fn reset_and_enable_are_options() {
    let fake = Fake::new();
    Card::bring_up(fake.clone(), &BringUp { reset: false, enable: false, ..BringUp::default() }).unwrap();
    assert!(!fake.writes(card::CONTROL).contains(&2) && !fake.lock().enabled());
    bring_up(&fake).unwrap();
    assert!(fake.writes(card::CONTROL).contains(&2));
}

#[test]
fn a_channel_has_one_owner_and_the_card_is_not_reset_under_it() {
    let fake = Fake::new();
    let card = fake.card();
    let config = RingConfig::default();
    let first = card.channel(2, &config).unwrap();
    assert_eq!(card.channel(2, &config).unwrap_err(), DriverError::ChannelInUse { channel: ChannelId::C2h(2) });
    assert_eq!(card.reset(), Err(DriverError::ChannelsOpen { mask: 4 }));
    drop(first);
    assert_eq!(fake.lock().live_buffers(), 0);
    assert_eq!(card.reset(), Ok(()));
    assert!(card.channel(2, &config).is_ok());
    let error = card.channel(4, &config).unwrap_err();
    assert!(matches!(error, DriverError::Config(ConfigError { field: "channel", value: 4, .. })), "{error}");
}

#[test]
fn a_refused_configuration_or_allocation_writes_nothing_and_claims_nothing() {
    let fake = Fake::new();
    let card = fake.card();
    let before = fake.lock().writes.len();
    for ring_bytes in [4097, 1 << 30] {
        assert!(card.channel(0, &RingConfig { ring_bytes, ..RingConfig::default() }).is_err());
    }
    assert_eq!(fake.lock().writes.len(), before);
    assert!(card.channel(0, &RingConfig::default()).is_ok());
}

#[test]
fn counters_come_from_their_registers() {
    let fake = Fake::new();
    let card = fake.card();
    card.latch_counters(true).unwrap();
    assert_eq!(fake.writes(card::PERF_CONTROL), [3]);
    let wanted =
        CardCounters { cycles: 0x40, tx_busy: 0x48, tx_held: 0x50, no_credit: 0x58, tx_tlps: 0x60, rx_tlps: 0x68, interrupts: 0x70 };
    assert_eq!(card.counters(), Ok(wanted));
    let wanted = ChannelCounters {
        tx_beats: 0x93,
        no_credit: 0x9b,
        no_buffer: 0xa3,
        no_data: 0xab,
        no_grant: 0xb3,
        front_beats: 0xbb,
        front_held: 0xc3,
        busy: 0xcb,
    };
    assert_eq!(card.channel_counters(3), Ok(wanted));
    assert!(card.channel_counters(4).is_err());
}

#[test]
fn hole_writes_at_their_end_are_told_from_a_card_that_is_gone() {
    let fake = Fake::new();
    let card = fake.card();
    fake.reads(card::HOLE_WRITES, u64::MAX);
    assert_eq!(card.hole_writes(), Ok(u32::MAX));
    fake.fault(|faults| faults.gone = true);
    assert_eq!(card.hole_writes(), Err(DriverError::Gone { register: "ID" }));
}

#[test]
fn a_run_that_a_crashed_user_left_is_ended_at_open() {
    let fake = Fake::new();
    let card = fake.card();
    fake.lock().channel(1).state = silico_spec::writeback::ChannelState::Running;
    card.channel(1, &RingConfig::default()).unwrap();
    assert_eq!(fake.writes(c2h::offset(1, c2h::CONTROL)), [0, 2]);
}

#[test]
fn card_and_channels_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<RingChannel<Fake>>();
    assert_send::<Card<Fake>>();
}

/// Channels that an earlier user left in the error state are told apart from those that he left running.
#[test]
fn what_a_card_is_found_doing_is_told_by_channel() {
    use silico_spec::writeback::ChannelState::{Error, Running, Stopping};
    let fake = Fake::new();
    for (channel, state) in [(1, Error), (2, Running), (3, Stopping)] {
        fake.lock().channel(channel).state = state;
    }
    fake.lock().sender(1).state = Error;
    let card = Card::bring_up(fake, &BringUp { reset: false, ..BringUp::default() }).unwrap();
    assert_eq!((card.found().active, card.found().failed), (0b1100, 0x2_0002));
}
