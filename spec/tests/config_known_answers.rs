//! Bits and first dwords of configuration space as numbers, the values of Linux' `pci_regs.h` beside the tables of PCIe 4.0 §7: a second statement of
//! what `config` says, since a card and a driver that share a wrong constant agree with each other.

use rstest::rstest;
use silico_spec::config::capabilities::{
    aer, extended_bytes, extended_header, msi, msix, pcie, pm, standard_bytes, standard_header, vendor,
};
use silico_spec::config::header::{self, bar_bits, command, status};
use silico_spec::config::walk::{CapabilityId, walk};
use silico_spec::config::{BYTES, DWORDS};

#[rstest]
#[case::command(&[command::MEMORY, command::BUS_MASTER, command::PARITY_RESPONSE, command::SERR, command::INTX_DISABLE], &[2, 4, 0x40, 0x100, 0x400])]
#[case::status(
    &[status::INTERRUPT, status::CAPABILITIES, status::MASTER_DATA_PARITY, status::SIGNALED_TARGET_ABORT, status::RECEIVED_TARGET_ABORT],
    &[0x8_0000, 0x10_0000, 0x100_0000, 0x800_0000, 0x1000_0000],
)]
#[case::status_errors(
    &[status::RECEIVED_MASTER_ABORT, status::SIGNALED_SYSTEM_ERROR, status::DETECTED_PARITY, status::CLEARED_BY_ONES],
    &[0x2000_0000, 0x4000_0000, 0x8000_0000, 0xf900_0000],
)]
#[case::base_address(&[bar_bits::MEMORY_64, bar_bits::PREFETCHABLE, bar_bits::FLAGS], &[4, 8, 0xf])]
#[case::power(&[pm::POWER_STATE, pm::NO_SOFT_RESET], &[3, 8])]
#[case::msi(&[msi::ENABLE, msi::ENABLED, msi::ADDRESS_64, msi::MASKABLE], &[0x1_0000, 0x70_0000, 0x80_0000, 0x100_0000])]
#[case::msi_x(&[msix::FUNCTION_MASK, msix::ENABLE, msix::BAR_INDEX, msix::VECTOR_MASK], &[0x4000_0000, 0x8000_0000, 7, 1])]
fn header_and_interrupt_bits_lie_where_the_tables_put_them(#[case] ours: &[u32], #[case] right: &[u32]) {
    assert_eq!(ours, right);
}

#[test]
fn device_registers_lie_where_the_tables_put_them() {
    use pcie::{device_2 as two, device_capabilities as capabilities, device_control as control};
    let of = [capabilities::MAX_PAYLOAD, capabilities::EXTENDED_TAG, capabilities::ROLE_BASED_ERRORS];
    assert_eq!(of, [7, 0x20, 0x8000]);
    assert_eq!([capabilities::SLOT_POWER, capabilities::FLR], [0x0ffc_0000, 0x1000_0000]);
    let reporting = [control::CORRECTABLE, control::NON_FATAL, control::FATAL, control::UNSUPPORTED];
    assert_eq!(reporting, [1, 2, 4, 8]);
    let uses = [control::RELAXED, control::MAX_PAYLOAD, control::EXTENDED_TAG, control::NO_SNOOP, control::MAX_READ, control::INITIATE_FLR];
    assert_eq!(uses, [0x10, 0xe0, 0x100, 0x800, 0x7000, 0x8000]);
    let detected = [control::CORRECTABLE_DETECTED, control::NON_FATAL_DETECTED, control::FATAL_DETECTED, control::UNSUPPORTED_DETECTED];
    assert_eq!(detected, [0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000]);
    assert_eq!(control::TRANSACTIONS_PENDING, 0x20_0000);
    assert_eq!([two::TIMEOUT_RANGES, two::TIMEOUT_DISABLE_SUPPORTED, two::TIMEOUT_VALUE, two::TIMEOUT_DISABLE], [0xf, 0x10, 0xf, 0x10]);
    assert_eq!([two::ID_BASED_REQUESTS, two::ID_BASED_COMPLETIONS], [0x100, 0x200]);
}

#[test]
fn link_registers_lie_where_the_tables_put_them() {
    use pcie::link;
    assert_eq!([link::SPEED, link::ASPM_OPTIONALITY, link::ASPM_CONTROL, link::RCB_128], [0xf, 0x40_0000, 3, 8]);
    assert_eq!([link::COMMON_CLOCK, link::EXTENDED_SYNCH, link::SLOT_CLOCK], [0x40, 0x80, 0x1000_0000]);
    assert_eq!([link::TARGET_SPEED, link::COMPLIANCE, link::EQUALIZED], [0xf, 0xff90, 0x1e_0000]);
    use pcie::LinkSpeed::{Gt2_5, Gt5, Gt8, Gt16};
    assert_eq!([Gt2_5, Gt5, Gt8, Gt16].map(pcie::LinkSpeed::bits), [1, 2, 3, 4]);
}

#[test]
fn error_bits_lie_where_the_figures_put_them() {
    use aer::{correctable as c, uncorrectable as u};
    let link = [u::DATA_LINK_PROTOCOL, u::FLOW_CONTROL, u::RECEIVER_OVERFLOW, u::MALFORMED, u::INTERNAL];
    assert_eq!(link, [0x10, 0x2000, 0x2_0000, 0x4_0000, 0x40_0000]);
    let transaction = [u::POISONED, u::COMPLETION_TIMEOUT, u::COMPLETER_ABORT, u::UNEXPECTED_COMPLETION, u::ECRC, u::UNSUPPORTED];
    assert_eq!(transaction, [0x1000, 0x4000, 0x8000, 0x1_0000, 0x8_0000, 0x10_0000]);
    let correctable = [c::RECEIVER, c::BAD_TLP, c::BAD_DLLP, c::REPLAY_ROLLOVER, c::REPLAY_TIMEOUT, c::ADVISORY];
    assert_eq!(correctable, [1, 0x40, 0x80, 0x100, 0x1000, 0x2000]);
    let control = [aer::FIRST_ERROR, aer::ECRC_GENERATION_CAPABLE, aer::ECRC_GENERATION, aer::ECRC_CHECK_CAPABLE, aer::ECRC_CHECK];
    assert_eq!(control, [0x1f, 0x20, 0x40, 0x80, 0x100]);
    assert_eq!(aer::TIMEOUT_LOG_CAPABLE, 0x1000);
}

/// Lines of `lspci -xxxx` of public cards.
#[test]
fn first_dwords_are_those_of_real_cards() {
    assert_eq!(standard_header(0x01, 0x50, 0xc803), 0xc803_5001);
    assert_eq!(standard_header(0x10, 0xa0, 0x0002), 0x0002_a010);
    assert_eq!(extended_header(0x0001, 2, 0x140), 0x1402_0001);
    assert_eq!(extended_header(0x0003, 1, 0xff8), 0xff81_0003);
    assert_eq!(extended_header(0x0003, 0x11, 0), 0x0001_0003, "a version has four bits");
    assert_eq!(vendor::header(0x51c0, 1, 16), 0x0101_51c0);
    assert_eq!(vendor::header(0x51c0, 0x1f, 0xfff), 0xffff_51c0, "a revision has four bits");
}

#[rstest]
#[case::power(0x01, 0, 8)]
#[case::msi(0x05, 0, 0x0a)]
#[case::msi_64(0x05, 1 << 23, 0x0e)]
#[case::msi_masks(0x05, 1 << 24, 0x14)]
#[case::msi_both(0x05, 3 << 23, 0x18)]
#[case::express_1(0x10, 0x0001 << 16, 0x14)]
#[case::express_2(0x10, 0x0002 << 16, 0x3c)]
#[case::express_3(0x10, 0x00f3 << 16, 0x3c)]
#[case::msi_x(0x11, 0, 12)]
#[case::vendor(0x09, 0, 2)]
fn a_standard_capability_has_the_bytes_of_its_form(#[case] id: u8, #[case] upper: u32, #[case] bytes: u16) {
    assert_eq!(standard_bytes(id, upper | u32::from(id)), bytes);
}

#[test]
fn an_extended_capability_has_the_bytes_of_its_kind() {
    assert_eq!([0x0001, 0x0003, 0x000b, 0x0019, 0x0002].map(extended_bytes), [0x2c, 12, 8, 12, 4]);
}

#[test]
fn completion_timeouts_are_those_of_table_7_24() {
    let limits: Vec<_> = (0..16).filter_map(|value| pcie::completion_timeout_us(value).map(|(least, most)| (value, least, most))).collect();
    let (ms, s) = (1_000, 1_000_000);
    let right = [
        (0, 50, 50 * ms),
        (1, 50, 100),
        (2, ms, 10 * ms),
        (5, 16 * ms, 55 * ms),
        (6, 65 * ms, 210 * ms),
        (9, 260 * ms, 900 * ms),
        (10, s, 3_500 * ms),
        (13, 4 * s, 13 * s),
        (14, 17 * s, 64 * s),
    ];
    assert_eq!(limits, right);
}

#[test]
fn power_states_and_places_are_what_the_field_says() {
    use pm::PowerState::{D0, D1, D2, D3Hot};
    assert_eq!([0, 1, 2, 3, 4, 7].map(pm::PowerState::from_bits), [D0, D1, D2, D3Hot, D0, D3Hot]);
    assert_eq!([0, 1, 2, 3, 4, 5].map(header::bar), [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24]);
    assert_eq!((BYTES, DWORDS), (4096, 1024));
}

/// An extended capability carries its version; one of the standard chain has none here, and a version is no part of what it is.
#[test]
fn a_walk_tells_what_where_and_which_version() {
    let mut space = [0; DWORDS];
    (space[0], space[1], space[0x34 / 4]) = (0x51c0_10dc, status::CAPABILITIES, 0x40);
    space[0x40 / 4] = standard_header(0x10, 0, 0xffff);
    for (index, version) in (0..16).enumerate() {
        let at = 0x100 + 0x40 * index;
        let next = if version == 15 { 0 } else { at as u16 + 0x40 };
        space[at / 4] = extended_header(0xff00 + version, version as u8, next);
    }
    let found = walk(|offset| Ok::<u32, ()>(space[usize::from(offset) / 4])).unwrap();
    let came: Vec<_> = found.iter().map(|capability| (capability.id, capability.offset, capability.version)).collect();
    let extended = (0..16).map(|version| (CapabilityId::Extended(0xff00 + version), 0x100 + 0x40 * version, version as u8));
    assert_eq!(came, std::iter::once((CapabilityId::Standard(0x10), 0x40, 0)).chain(extended).collect::<Vec<_>>());
}
