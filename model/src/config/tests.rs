//! The config space as software sees it. What is writable is said here a second time, by hand, from the specification.

use super::*;
use proptest::prelude::*;
use rstest::rstest;
use silico_spec::config::DWORDS;
use silico_spec::config::header::command;
use silico_spec::config::walk::{CapabilityId, walk};
use silico_spec::credit::Class;
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::Dwords;

pub(super) const COMMAND: u16 = 0x04;
const PMCSR: u16 = 0x44;
const MSIX_CONTROL: u16 = 0x70;
const DEVICE: u16 = 0x88;
const LINK: u16 = 0x90;
const DEVICE_2: u16 = 0xa8;

pub(super) fn card() -> ConfigSpace {
    ConfigSpace::new(&CardParams::default())
}

/// RW and RW1C bits of every dword that has any.
const WRITABLE: [(u16, u32, u32); 26] = [
    (0x04, 0x0000_0546, 0xf900_0000),
    (0x0c, 0x0000_00ff, 0),
    (0x10, 0xffff_0000, 0),
    (0x14, 0xffff_ffff, 0),
    (0x18, 0xffff_c000, 0),
    (0x1c, 0xffff_ffff, 0),
    (0x3c, 0x0000_00ff, 0),
    (0x44, 0x0000_0003, 0),
    (0x50, 0x0071_0000, 0),
    (0x54, 0xffff_fffc, 0),
    (0x58, 0xffff_ffff, 0),
    (0x5c, 0x0000_ffff, 0),
    (0x60, 0x0000_00ff, 0),
    (0x70, 0xc000_0000, 0),
    (0x88, 0x0000_79ff, 0x000f_0000),
    (0x90, 0x0000_00cb, 0),
    (0xa8, 0x0000_001f, 0),
    (0xb0, 0x0000_ff9f, 0),
    (0x104, 0, 0x005f_f010),
    (0x108, 0x005f_f010, 0),
    (0x10c, 0x005f_f010, 0),
    (0x110, 0, 0x0000_31c1),
    (0x114, 0x0000_31c1, 0),
    (0x118, 0x0000_0140, 0),
    (0x158, 0, 0x0000_00ff),
    (0xffc, 0, 0),
];

fn writable(offset: u16) -> (u32, u32) {
    WRITABLE.iter().find(|row| row.0 == offset).map_or((0, 0), |row| (row.1, row.2))
}

#[test]
fn every_bit_is_writable_or_not_as_said() {
    for dword in 0..DWORDS as u16 {
        let (offset, mut config) = (dword * 4, card());
        let (write, _) = writable(offset);
        let start = config.read(offset);
        config.write(offset, u32::MAX, 0xf);
        assert_eq!(config.read(offset), start | write, "ones at {offset:#x}");
        config.write(offset, 0, 0xf);
        assert_eq!(config.read(offset), start & !write, "zeros at {offset:#x}");
    }
}

#[test]
fn error_bits_are_cleared_by_ones_and_by_nothing_else() {
    let mut config = card();
    for kind in ErrorKind::ALL {
        let header = Header::memory(Kind::MemWrite, Bdf::default(), silico_spec::units::Tag(0), BusAddr(0), Dwords(1));
        assert_eq!(header.kind().class(), Class::Posted);
        config.log_error(kind, Some(&header));
    }
    config.log_error(ErrorKind::UnexpectedCompletion, None);
    for offset in [0x04, 0x88, 0x104, 0x110] {
        let (write, clear) = writable(offset);
        let start = config.read(offset);
        assert_ne!(start & clear, 0, "nothing is set at {offset:#x}");
        config.write(offset, start & write, 0xf);
        assert_eq!(config.read(offset), start, "zeros at {offset:#x}");
        config.write(offset, start & (write | clear), 0xf);
        assert_eq!(config.read(offset), start & !clear, "ones at {offset:#x}");
    }
}

#[test]
fn identity_is_as_the_card_page_says() {
    let config = card();
    assert_eq!(config.read(0x00), 0x51c0_10dc);
    assert_eq!(config.read(0x08) >> 8, 0x11_8000);
    assert_eq!(config.read(0x2c), 0x51c0_10dc);
    assert_eq!(config.read(0x3c), 0x0000_0100);
    assert_eq!(config.read(0x184), 0x0101_51c0);
    assert_eq!(config.read(0x188), u32::from(silico_spec::registers::MAP_MAJOR) << 16 | u32::from(silico_spec::registers::MAP_MINOR));
    assert_eq!(config.read(0x18c), CardParams::default().build);
    assert_eq!(u64::from(config.read(0x144)) | u64::from(config.read(0x148)) << 32, CardParams::default().serial);
}

#[test]
fn a_walk_finds_the_chain_and_nothing_else() {
    use CapabilityId::{Extended, Standard};
    let found = |config: &ConfigSpace| -> Vec<_> {
        let found = walk(|offset| Ok::<_, core::convert::Infallible>(config.read(offset))).unwrap();
        found.into_iter().map(|capability| (capability.id, capability.offset, capability.version)).collect()
    };
    let standard = [(Standard(1), 0x40, 0), (Standard(5), 0x50, 0), (Standard(0x11), 0x70, 0), (Standard(0x10), 0x80, 0)];
    let extended = [(Extended(1), 0x100, 2), (Extended(3), 0x140, 1), (Extended(0x19), 0x150, 1), (Extended(0xb), 0x180, 1)];
    assert_eq!(found(&card()), [standard, extended].concat());
    // A slower card has no secondary capability.
    let slow = ConfigSpace::with_link(&CardParams::default(), LinkParams { speed: LinkSpeed::Gt5, width: 1 }).unwrap();
    let extended = [extended[0], extended[1], extended[3]];
    assert_eq!(found(&slow), [&standard[..], &extended[..]].concat());
}

#[rstest]
#[case(0x10, 0xffff_0004)]
#[case(0x14, 0xffff_ffff)]
#[case(0x18, 0xffff_c004)]
#[case(0x1c, 0xffff_ffff)]
#[case(0x20, 0)]
#[case(0x24, 0)]
#[case(0x30, 0)]
fn bars_tell_their_size(#[case] offset: u16, #[case] sized: u32) {
    let mut config = card();
    config.write(offset, u32::MAX, 0xf);
    assert_eq!(config.read(offset), sized);
}

#[test]
fn memory_requests_are_claimed_in_d0_with_memory_space_on() {
    let mut config = card();
    for (offset, value) in [(0x10, 0x8000_1234), (0x14, 0x20), (0x18, 0x9000_0000), (0x1c, 0)] {
        config.write(offset, value, 0xf);
    }
    assert_eq!(config.claims(BusAddr(0x20_8000_0000)), None);
    assert!(config.write(COMMAND, command::MEMORY, 0b0001).memory);
    assert_eq!(config.bar(0), Some(BusAddr(0x20_8000_0000)));
    assert_eq!(config.claims(BusAddr(0x20_8000_0000)), Some((0, 0)));
    assert_eq!(config.claims(BusAddr(0x20_8000_ffff)), Some((0, 0xffff)));
    assert_eq!(config.claims(BusAddr(0x20_8001_0000)), None);
    assert_eq!(config.claims(BusAddr(0x20_7fff_ffff)), None);
    assert_eq!(config.claims(BusAddr(0x8000_0000)), None);
    assert_eq!(config.claims(BusAddr(0x9000_2004)), Some((2, 0x2004)));
    assert_eq!(config.claims(BusAddr(0x9000_4000)), None);
    let effects = config.write(PMCSR, 3, 0xf);
    assert!(effects.power && effects.memory);
    assert_eq!(config.claims(BusAddr(0x9000_2004)), None);
    config.write(PMCSR, 0, 0xf);
    assert!(config.claims(BusAddr(0x9000_2004)).is_some(), "D3hot is no reset");
}

#[test]
fn only_d0_and_d3hot_can_be_entered() {
    let mut config = card();
    for (wanted, state) in [(1, PowerState::D0), (2, PowerState::D0), (3, PowerState::D3Hot), (1, PowerState::D3Hot), (0, PowerState::D0)] {
        config.write(PMCSR, wanted, 0xf);
        assert_eq!(config.power_state(), state, "after a write of {wanted}");
    }
}

#[test]
fn bus_mastering_needs_d0() {
    let mut config = card();
    assert!(config.write(COMMAND, command::BUS_MASTER, 0xf).bus_master);
    assert!(config.bus_master());
    assert!(config.write(PMCSR, 3, 0xf).bus_master);
    assert!(!config.bus_master());
}

#[rstest]
#[case(0x2810, 128, 512, true, true, false)]
#[case(0x0000, 128, 128, false, false, false)]
#[case(0x5160, 1024, 4096, false, false, true)]
#[case(0x1020, 256, 256, false, false, false)]
#[case(0x70e0, 1024, 4096, false, false, false)] // reserved codes
#[case(0x50a0, 1024, 4096, false, false, false)] // MPS beyond what the card can
fn device_control_is_decoded(
    #[case] value: u32,
    #[case] payload: u32,
    #[case] read: u32,
    #[case] relaxed: bool,
    #[case] no_snoop: bool,
    #[case] tags: bool,
) {
    let mut config = card();
    config.write(DEVICE, value, 0b0011);
    assert_eq!(config.read(DEVICE), value);
    assert_eq!((config.max_payload(), config.max_read_request()), (payload, read));
    assert_eq!((config.relaxed_allowed(), config.no_snoop_allowed(), config.extended_tags()), (relaxed, no_snoop, tags));
}

#[test]
fn reset_values_are_those_of_the_specification() {
    let config = card();
    assert_eq!((config.max_payload(), config.max_read_request()), (128, 512));
    assert!(config.relaxed_allowed() && config.no_snoop_allowed());
    assert_eq!(config.read(0x108), 0x0040_0000);
    assert_eq!(config.read(0x10c), 0x0046_2010);
    assert_eq!(config.read(0x114), 0x0000_2000);
    assert_eq!((config.bdf(), config.read_completion_boundary()), (Bdf::default(), 64));
}

#[test]
fn byte_enables_are_obeyed_by_what_has_effects() {
    let mut config = card();
    assert!(!config.write(DEVICE, device_control::INITIATE_FLR, 0b1101).flr);
    let effects = config.write(DEVICE, device_control::INITIATE_FLR, 0b0010);
    assert!(effects.flr && effects.transfers, "{effects:?}");
    assert_eq!(config.read(DEVICE) & device_control::INITIATE_FLR, 0);
    assert_eq!(config.write(MSIX_CONTROL, u32::MAX, 0b0111), Effects::default());
    assert_eq!(config.write(MSIX_CONTROL, u32::MAX, 0b1000), Effects { msix: true, ..Effects::default() });
    assert!(config.msix_enabled() && config.msix_function_mask());
    assert_eq!(config.write(MSIX_CONTROL, u32::MAX, 0b1000), Effects::default(), "nothing changed");
}

#[test]
fn completion_timeout_is_inside_its_range() {
    let mut config = card();
    assert_eq!(config.completion_timeout_us(), Some(20_000));
    for value in 0..16 {
        let before = config.completion_timeout_us();
        let effects = config.write(DEVICE_2, value, 0xf);
        assert_eq!(effects.transfers, config.completion_timeout_us() != before);
        let (least, most) = pcie::completion_timeout_us(value).unwrap_or((50, 50_000));
        assert!((least..=most).contains(&config.completion_timeout_us().unwrap()), "value {value}");
    }
    config.write(DEVICE_2, 0x10, 0xf);
    assert_eq!(config.completion_timeout_us(), None);
}

/// Sets something in every group of registers.
fn used() -> ConfigSpace {
    let mut config = card();
    config.capture(Bdf::new(5, 3, 1).unwrap());
    for (offset, write, _) in WRITABLE {
        if offset != PMCSR {
            config.write(offset, write, 0xf);
        }
    }
    config.write(0x108, 0, 0xf);
    config.write(DEVICE, 0x79ff & !0x5e | 0x40, 0b0011);
    config.write(PMCSR, 3, 0xf);
    let header = Header([0x4000_0001, 0x0100_000f, 0x1234_5678, 0]);
    config.log_error(ErrorKind::MalformedTlp, Some(&header));
    config.log_error(ErrorKind::BadTlp, None);
    config.set_transactions_pending(true);
    config.set_interrupt_status(true);
    config.raise_msi(1);
    config.set_slot_power(0x0fa);
    config.set_link(LinkSpeed::Gt5, 4);
    config
}

/// Offset, and the value after each reset of [`used`]: function-level, hot, fundamental.
const AFTER_RESET: [(u16, [u32; 3]); 20] = [
    (0x04, [0x0010_0000; 3]),
    (0x10, [0x4; 3]),
    (0x14, [0; 3]),
    (0x3c, [0x100; 3]),
    (0x44, [0x8; 3]),
    (0x50, [0x0186_7005; 3]),
    (0x64, [0; 3]),
    (0x70, [0x000f_8011; 3]),
    (0x84, [0x13e8_8023, 0x1000_8023, 0x1000_8023]),
    (0x88, [0x0000_28f0 & !0xe0 | 0xe0, 0x2810, 0x2810]),
    (0x90, [0x1042_00cb, 0x1042_0000, 0x1042_0000]),
    (0xa8, [0; 3]),
    (0xb0, [0x0000_ff9f, 0x0000_ff9f, 0x0000_0003]),
    (0x104, [0x0004_0000, 0x0004_0000, 0]),
    (0x108, [0, 0, 0x0040_0000]),
    (0x10c, [0x005f_f010, 0x005f_f010, 0x0046_2010]),
    (0x110, [0x40, 0x40, 0]),
    (0x114, [0x31c1, 0x31c1, 0x2000]),
    (0x118, [0x11e0 | 18, 0x11e0 | 18, 0x10a0]),
    (0x11c, [0x4000_0001, 0x4000_0001, 0]),
];

#[rstest]
#[case(ResetKind::FunctionLevel, 0, Bdf::new(5, 3, 0).unwrap())]
#[case(ResetKind::Hot, 1, Bdf::default())]
#[case(ResetKind::Fundamental, 2, Bdf::default())]
fn each_reset_spares_what_the_specification_says(#[case] kind: ResetKind, #[case] column: usize, #[case] bdf: Bdf) {
    let mut config = used();
    config.reset(kind);
    for (offset, values) in AFTER_RESET {
        assert_eq!(config.read(offset), values[column], "{offset:#x} after {kind:?}");
    }
    assert_eq!(config.bdf(), bdf);
    assert!(!config.bus_master() && !config.memory_enabled() && !config.msix_enabled() && !config.any_msi_ready());
    assert_eq!(config.power_state(), PowerState::D0);
    // The header log stays taken for as long as the status bit that it belongs to.
    config.write(0x108, 0, 0xf);
    config.log_error(ErrorKind::ReceiverOverflow, None);
    assert_eq!(config.read(0x118) & 0x1f == 17, kind == ResetKind::Fundamental);
}

#[test]
fn a_fundamental_reset_leaves_a_new_card() {
    let mut config = used();
    config.set_link(LinkSpeed::Gt8, 8);
    config.reset(ResetKind::Fundamental);
    assert_eq!(config.bytes(), card().bytes());
}

#[test]
fn the_link_is_what_was_said_and_no_more_than_the_card_can() {
    let mut config = card();
    assert_eq!(config.read(LINK) >> 16, 0x1083);
    assert_eq!(config.read(0xb0) >> 16, 0x1e);
    config.set_link(LinkSpeed::Gt2_5, 1);
    assert_eq!(config.read(LINK) >> 16, 0x1011);
    assert_eq!(config.read(0xb0) >> 16, 0);
    config.set_link(LinkSpeed::Gt16, 16);
    assert_eq!(config.read(LINK) >> 16, 0x1083);
    config.write(LINK, link::RCB_128, 0xf);
    assert_eq!(config.read_completion_boundary(), 128);
}

/// Where the BARs are is asked by number, and whether memory is on is software's word.
#[test]
fn bars_and_memory_space_are_what_software_wrote() {
    let mut config = card();
    assert!(!config.memory_enabled());
    for (offset, value) in [(0x10, 0xe000_0000), (0x14, 0x20), (0x18, 0xe100_0000), (0x1c, 0x21), (COMMAND, command::MEMORY)] {
        config.write(offset, value, 0xf);
    }
    let bars = [0, 1, 2, 3].map(|number| config.bar(number));
    assert_eq!(bars, [Some(BusAddr(0x20_e000_0000)), None, Some(BusAddr(0x21_e100_0000)), None]);
    assert!(config.memory_enabled());
}

/// Lane errors are of the link, and sticky (PCIe 4.0 §7.7.3.3).
#[test]
fn lane_errors_survive_all_but_a_fundamental_reset() {
    let mut config = card();
    config.table.set(0x158, u32::MAX, 0x5a);
    for (kind, left) in [(ResetKind::FunctionLevel, 0x5a), (ResetKind::Hot, 0x5a), (ResetKind::Fundamental, 0)] {
        config.reset(kind);
        assert_eq!(config.read(0x158), left, "{kind:?}");
    }
}

/// Equalization control has 16 bits for each lane that there is, and Lane Error Status a bit that a one clears (PCIe 4.0 §7.7.3).
#[rstest]
fn secondary_express_has_the_lanes_of_the_link(#[values(1, 2, 4, 8, 12, 16)] width: u8) {
    let mut config = ConfigSpace::with_link(&CardParams::default(), LinkParams { speed: LinkSpeed::Gt8, width }).unwrap();
    const LANE: u32 = 0x7f00;
    let lanes = (1_u32 << width) - 1;
    config.table.set(0x158, u32::MAX, u32::MAX);
    config.write(0x158, u32::MAX, 0xf);
    assert_eq!(config.read(0x158), !lanes);
    for pair in 0..8_u16 {
        let there = (lanes >> (2 * pair) & 3) as usize;
        assert_eq!(
            config.read(0x15c + 4 * pair),
            [0, LANE, LANE << 16, LANE << 16 | LANE][there],
            "lanes {} and {}",
            2 * pair,
            2 * pair + 1
        );
    }
    assert_eq!(config.read(0x17c), 0);
}

#[test]
fn bad_parameters_are_named() {
    let error = |params: CardParams, link| ConfigSpace::with_link(&params, link).unwrap_err().field;
    let good = LinkParams::default();
    assert_eq!(error(CardParams { msix_vectors: 0, ..CardParams::default() }, good), "msix_vectors");
    assert_eq!(error(CardParams::default(), LinkParams { width: 3, ..good }), "link.width");
    assert_eq!(error(CardParams::default(), LinkParams { speed: LinkSpeed::Gt16, ..good }), "link.speed");
}

proptest! {
    /// Whatever is written, and wherever, no read-only bit changes.
    #[test]
    fn random_writes_change_only_what_is_writable(
        writes in proptest::collection::vec((prop_oneof![0_u16..4200, 0_u16..0x200, any::<u16>()], any::<u32>(), any::<u8>()), 1..200),
    ) {
        let (mut config, new) = (used(), used());
        for (offset, value, byte_enables) in writes {
            config.write(offset, value, byte_enables);
        }
        for dword in 0..DWORDS as u16 {
            let (write, clear) = writable(dword * 4);
            prop_assert_eq!((config.read(dword * 4) ^ new.read(dword * 4)) & !(write | clear), 0, "at {:#x}", dword * 4);
            prop_assert_eq!(config.read(dword * 4) & !new.read(dword * 4) & clear, 0, "a one was written to {:#x}", dword * 4);
        }
        prop_assert!(config.max_payload() <= 1024 && config.max_read_request() <= 4096);
        config.reset(ResetKind::Fundamental);
        config.set_link(LinkSpeed::Gt8, 8);
        prop_assert_eq!(config.bytes(), card().bytes());
    }
}
