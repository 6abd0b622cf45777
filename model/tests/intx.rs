//! INTx at the port: a level that follows the causes, told by messages, gated and reset as PCI Express says; and what is acknowledged how.

use crate::common::{BAR0, BAR2, Bench, MEMORY};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Limit, Limits};
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::port::Clocked;
use silico_spec::port::TlpPort;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Kind, check, routing};
use silico_spec::units::Cycle;
use silico_spec::writeback::ChannelError;

const COMMAND: u16 = 0x04;
const POWER: u16 = 0x44;
const MSI: u16 = 0x50;
const MSIX: u16 = 0x70;
const DEVICE_CONTROL: u16 = 0x88;
const INTX_DISABLE: u32 = 1 << 10;
const STATUS: u64 = BAR0 + card::INT_STATUS as u64;
const STATUS_2: u64 = BAR0 + card::INT_STATUS_2 as u64;
const WRITE_BACK: u32 = 1 << 2;

/// A card without MSI-X and MSI, channel 0 armed for the first frame; error cause on too.
fn bench() -> Bench<Card> {
    let params = CardParams::default();
    set_up(Bench::new(Card::new(params.clone()).unwrap(), &params))
}

fn set_up<P: TlpPort>(mut bench: Bench<P>) -> Bench<P> {
    bench.bring_up(16);
    bench.config_write(MSIX, 0);
    start(&mut bench);
    bench
}

fn start<P: TlpPort>(bench: &mut Bench<P>) {
    bench.enable();
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 1000);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 3);
    bench.set32(0, c2h::INT_ERROR, 1 << 31 | 4);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
}

/// INTx messages since `from`: 'A'ssert and 'D'eassert; 'w' for memory writes.
fn told<P>(bench: &Bench<P>, from: usize) -> String {
    let letter = |sent: &crate::common::Sent| match (sent.header.kind(), sent.header.message_code()) {
        (Kind::Message(routing::LOCAL), 0x20) => Some('A'),
        (Kind::Message(routing::LOCAL), 0x24) => Some('D'),
        (Kind::MemWrite, _) => Some('w'),
        (Kind::Completion | Kind::CompletionData, _) => None,
        other => panic!("{other:?}"),
    };
    bench.sent[from..].iter().filter_map(letter).collect()
}

fn interrupt_status<P: TlpPort>(bench: &mut Bench<P>) -> bool {
    bench.config_read(COMMAND) & 1 << 19 != 0
}

#[test]
fn the_level_follows_the_status_register_after_data_and_block() {
    let mut bench = bench();
    let from = bench.sent.len();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(told(&bench, from), "wwA", "data, write-back, then the level");
    let message = bench.sent.last().unwrap();
    assert_eq!((message.header.requester().bits(), message.header.tag().0, message.payload.len()), (0x100, 0, 0));
    assert_eq!(check(&message.header, 0, &silico_spec::tlp::Limits::DEFAULT), Ok(()));
    assert!(interrupt_status(&mut bench));
    assert_eq!(bench.read(STATUS, 4), 1);
    // More causes change nothing.
    bench.set64(0, c2h::SW_COUNT, 1 << 20);
    bench.run(100);
    assert_eq!((bench.read(STATUS, 4), told(&bench, from).matches(['A', 'D']).count()), (1 << 16 | 1, 1));
    // One of two acknowledged: still high. Both: low.
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(50);
    assert_eq!((bench.read(STATUS, 4), told(&bench, from).matches('D').count()), (1 << 16, 0));
    bench.write(BAR0 + u64::from(card::INT_ACK), 1 << 16, 4);
    bench.run(50);
    assert_eq!((bench.read(STATUS, 4), told(&bench, from).chars().last()), (0, Some('D')));
    assert!(!interrupt_status(&mut bench));
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert_eq!(bench.read(BAR0 + u64::from(card::PERF_INTERRUPTS), 8), 1);
}

#[test]
fn arming_anew_acknowledges_and_a_count_that_is_beyond_raises_again() {
    let mut bench = bench();
    let from = bench.sent.len();
    bench.feed(0, b"one", bench.now);
    bench.feed(0, b"two", bench.now);
    bench.run(100);
    bench.set64(0, c2h::INT_DATA_ARM, 1);
    bench.run(50);
    let levels: String = told(&bench, from).replace('w', "");
    assert!(levels == "ADA" || levels == "A", "{levels}: the second frame is beyond");
    assert_eq!(bench.read(STATUS, 4), 1);
    bench.set64(0, c2h::INT_DATA_ARM, 2);
    bench.run(50);
    assert!(told(&bench, from).ends_with('D'));
}

#[test]
fn interrupt_disable_lets_the_level_fall_and_rise() {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let from = bench.sent.len();
    bench.config_write(COMMAND, 0x6 | INTX_DISABLE);
    bench.run(20);
    assert_eq!(told(&bench, from), "D");
    assert!(interrupt_status(&mut bench), "the bit does not care");
    bench.config_write(COMMAND, 0x6);
    bench.run(20);
    assert_eq!(told(&bench, from), "DA");
    // Without bus mastering too: a message is no memory request (§7.5.1.1.3).
    bench.config_write(COMMAND, 0x2 | INTX_DISABLE);
    bench.config_write(COMMAND, 0x2);
    bench.run(20);
    assert_eq!(told(&bench, from), "DADA");
}

#[test]
fn messages_that_are_switched_on_take_the_level_over() {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let from = bench.sent.len();
    bench.config_write(MSIX, 1 << 31);
    bench.run(20);
    let message = bench.sent.last().unwrap();
    assert_eq!((told(&bench, from).as_str(), message.payload.first()), ("Dw", Some(&3)), "what is pending goes as a message");
    assert!(!interrupt_status(&mut bench));
    bench.config_write(MSIX, 0);
    bench.run(20);
    assert_eq!(told(&bench, from), "Dw", "its message took the cause along");
    // The same with MSI, whose one message stands for many causes: they stay until they are acknowledged.
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.run(20);
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 12, 0x40);
    bench.config_write(MSI, 1 << 16);
    bench.run(20);
    assert_eq!((told(&bench, from).as_str(), bench.sent.last().unwrap().payload.first()), ("DwADw", Some(&0x40)));
    // A write of its mask tells nothing again.
    bench.config_write(MSI + 16, 0);
    bench.config_write(MSI, 0);
    bench.run(20);
    assert_eq!(told(&bench, from), "DwADwA", "not acknowledged");
}

#[rstest]
#[case::d3hot(POWER, 3, "D")]
#[case::function_level(DEVICE_CONTROL, 1 << 15 | 0x2810, "D")]
fn the_level_falls_before_the_function_leaves(#[case] register: u16, #[case] value: u32, #[case] levels: &str) {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let from = bench.sent.len();
    bench.config_write(register, value);
    bench.run(50);
    assert_eq!(told(&bench, from), levels);
    assert_eq!(bench.sent.last().unwrap().header.requester().bits(), 0x100);
    let (back, levels) = if register == POWER { (0, "DA") } else { (0x2810, "D") };
    bench.config_write(register, back);
    bench.run(50);
    assert_eq!(told(&bench, from), levels, "D3hot keeps the causes, a reset does not");
}

/// A reset must not wait for credits that never come; the root complex hears of it as soon as it can.
#[test]
fn a_function_level_reset_does_not_wait_for_posted_credits() {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let from = bench.sent.len();
    bench.stimulus.credits.0[0] = spent(&bench);
    bench.config_write(DEVICE_CONTROL, 1 << 15 | 0x2810);
    bench.run(50);
    assert_eq!((bench.config_read(COMMAND) & 7, told(&bench, from).as_str()), (0, ""));
    bench.stimulus.credits = Limits::INFINITE;
    bench.run(50);
    assert_eq!(told(&bench, from), "D");
}

/// Posted credits as far as they are used up.
fn spent(bench: &Bench<Card>) -> Limit {
    let posted = bench.sent.iter().filter(|sent| matches!(sent.header.kind(), Kind::MemWrite | Kind::Message(_)));
    let (headers, data) = posted.fold((0_u8, 0_u16), |(h, d), sent| (h.wrapping_add(1), d + sent.payload.len().div_ceil(16) as u16));
    Limit::initial(headers, data & 0xfff)
}

#[rstest]
fn a_link_that_goes_takes_the_level_along(#[values(false, true)] fundamental: bool) {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let from = bench.sent.len();
    if fundamental {
        bench.stimulus.reset = true;
    } else {
        bench.stimulus.link_up = false;
    }
    bench.run(20);
    (bench.stimulus.reset, bench.stimulus.link_up) = (false, true);
    bench.run(100);
    assert_eq!(told(&bench, from), "", "both ends know");
    let mut bench = set_up(bench);
    let from = bench.sent.len();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(told(&bench, from), "wwA", "as at first");
}

#[rstest]
#[case::channel(|bench: &mut Bench<Card>| bench.set32(0, c2h::CONTROL, 2))]
#[case::card(|bench: &mut Bench<Card>| bench.write(BAR0 + u64::from(card::CONTROL), 2, 4))]
#[case::start(|bench: &mut Bench<Card>| { bench.set32(0, c2h::CONTROL, 0); bench.run(100); bench.set32(0, c2h::CONTROL, 1) })]
fn a_reset_or_start_acknowledges(#[case] act: fn(&mut Bench<Card>)) {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    act(&mut bench);
    bench.run(100);
    assert_eq!(bench.read(STATUS, 4), 0);
    assert!(told(&bench, 0).ends_with('D'));
    assert!(!interrupt_status(&mut bench));
}

#[test]
fn h2c_and_card_causes_raise_it_too() {
    let mut bench = bench();
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 9, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 1 << 16, 4);
    bench.set_up_h2c(0, 1, 0);
    bench.h2c_set32(0, h2c::INT_ERROR, 1 << 31 | 5);
    let from = bench.sent.len();
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(50);
    assert_eq!((told(&bench, from).as_str(), bench.read(STATUS_2, 4)), ("A", 1 << 16 | 1 << 8));
    for (bit, left) in [(8, 1 << 16), (16, 0)] {
        bench.write(BAR0 + u64::from(card::INT_ACK_2), 1 << bit, 4);
        bench.run(20);
        assert_eq!(bench.read(STATUS_2, 4), left);
    }
    assert_eq!(told(&bench, from), "AD");
}

/// What is served without its message, while that waits behind a mask, is not sent later (PCIe 4.0 §6.1.4.5).
#[test]
fn a_cause_that_is_served_behind_a_mask_sends_nothing_later() {
    let mut bench = bench();
    bench.config_write(MSIX, 1 << 31);
    bench.write(BAR2 + 16 * 3 + 12, 1, 4);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let pending = BAR2 + 0x2000;
    assert_eq!(bench.read(pending, 4), 1 << 3);
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(20);
    assert_eq!(bench.read(pending, 4), 0);
    let from = bench.sent.len();
    bench.write(BAR2 + 16 * 3 + 12, 0, 4);
    bench.run(50);
    assert_eq!(told(&bench, from), "");
}

/// The same for every vector that a table can have, beside one that nobody serves: each bit of the PBA is its own.
#[rstest]
fn a_pending_bit_falls_for_the_cause_that_was_served_alone(
    #[values(0, 31, 63, 64, 65, 127, 128, 191, 192, 255)] served: u64,
    #[values(1, 66, 130, 254)] other: u64,
) {
    let params = CardParams { msix_vectors: 256, ..CardParams::default() };
    let mut bench = set_up(Bench::new(Card::new(params.clone()).unwrap(), &params));
    bench.config_write(MSIX, 1 << 31);
    bench.set_up_ring(1, 0x1000, WRITE_BACK, 1000);
    for (channel, vector) in [(0, served), (1, other)] {
        bench.write(BAR2 + 16 * vector + 12, 1, 4);
        bench.set32(channel, c2h::CONTROL, 0);
        bench.run(50);
        bench.set32(channel, c2h::INT_DATA, 1 << 31 | vector as u32);
        bench.set32(channel, c2h::CONTROL, 1);
        bench.set64(channel, c2h::INT_DATA_ARM, 0);
        bench.feed(channel as usize, b"frame", bench.now);
    }
    bench.run(200);
    let pending = |bench: &mut Bench<Card>| [0, 8, 16, 24].map(|at| bench.read(BAR2 + 0x2000 + at, 8));
    let bits = |vectors: &[u64]| {
        let mut words = [0; 4];
        vectors.iter().for_each(|vector| words[*vector as usize / 64] |= 1 << (vector % 64));
        words
    };
    assert_eq!(pending(&mut bench), bits(&[served, other]));
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(20);
    assert_eq!(pending(&mut bench), bits(&[other]));
    let from = bench.sent.len();
    bench.write(BAR2 + 16 * served + 12, 0, 4);
    bench.run(50);
    assert_eq!(told(&bench, from), "", "what was served sends nothing");
    bench.write(BAR2 + 16 * other + 12, 0, 4);
    bench.run(50);
    assert_eq!((told(&bench, from).as_str(), pending(&mut bench)), ("w", [0; 4]));
}

#[test]
fn every_grain_tells_the_same_levels() {
    let params = CardParams::default();
    let play = |mut levels: Vec<(u64, String)>, at_most: u64, signals: bool| {
        fn act<P: TlpPort>(bench: Bench<P>, levels: &mut Vec<(u64, String)>, at_most: u64) {
            let mut bench = set_up(bench);
            for round in 0..20_u64 {
                bench.feed(0, &[7; 90], bench.now + round * 3);
                bench.stimulus.tx_ready_at = Cycle(bench.now + round);
                bench.run_to(bench.now + 60, at_most);
                match round % 5 {
                    0 => bench.config_write(COMMAND, 0x6 | INTX_DISABLE),
                    1 => bench.config_write(COMMAND, 0x6),
                    2 => bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4),
                    3 => bench.set64(0, c2h::INT_DATA_ARM, round),
                    _ => bench.config_write(DEVICE_CONTROL, 1 << 15 | 0x2810),
                }
                bench.run_to(bench.now + 30, at_most);
                if round % 5 == 4 {
                    bench = set_up(bench);
                }
            }
            levels.extend(bench.sent.iter().map(|sent| (sent.first, format!("{}", sent.header))));
        }
        let card = Card::new(params.clone()).unwrap();
        if signals {
            act(Bench::new(Clocked::new(card), &params), &mut levels, at_most);
        } else {
            act(Bench::new(card, &params), &mut levels, at_most);
        }
        levels
    };
    let free = play(Vec::new(), u64::MAX, false);
    assert!(free.len() > 100);
    assert_eq!(free, play(Vec::new(), 1, false));
    assert_eq!(free, play(Vec::new(), u64::MAX, true));
}

#[rstest]
#[case::c2h_data(c2h::offset(0, c2h::INT_DATA), c2h::offset(0, c2h::CONTROL), c2h::offset(0, c2h::ERROR))]
#[case::c2h_error(c2h::offset(0, c2h::INT_ERROR), c2h::offset(0, c2h::CONTROL), c2h::offset(0, c2h::ERROR))]
#[case::h2c_space(h2c::offset(0, h2c::INT_SPACE), h2c::offset(0, h2c::CONTROL), h2c::offset(0, h2c::ERROR))]
#[case::h2c_error(h2c::offset(0, h2c::INT_ERROR), h2c::offset(0, h2c::CONTROL), h2c::offset(0, h2c::ERROR))]
fn a_vector_that_is_not_there_is_refused(
    #[case] cause: u32,
    #[case] control: u32,
    #[case] error: u32,
    #[values(false, true)] running: bool,
) {
    let params = CardParams { msix_vectors: 5, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(5);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set_up_h2c(0, 8, 0);
    let mut write = |register: u32, value: u64| bench.write(BAR0 + u64::from(register), value, 4);
    write(cause, 1 << 31 | 4);
    if running {
        write(control, 1);
    }
    write(cause, 5);
    write(cause, 1 << 31 | 5);
    if !running {
        write(control, 1);
    }
    bench.run(100);
    assert_eq!(bench.read(BAR0 + u64::from(error), 4), ChannelError::BadVector as u64);
    let address = error + (c2h::ERROR_ADDR - c2h::ERROR).min(h2c::ERROR_ADDR - h2c::ERROR);
    assert_eq!(bench.read(BAR0 + u64::from(address), 8), 1 << 31 | 5);
    bench.write(BAR0 + u64::from(cause), 1 << 31 | 4, 4);
    bench.write(BAR0 + u64::from(control), 0, 4);
    bench.run(100);
    bench.write(BAR0 + u64::from(control), 1, 4);
    bench.run(100);
    assert_eq!(bench.read(BAR0 + u64::from(error), 4), 0);
}

#[test]
fn a_card_cause_with_a_vector_that_is_not_there_shows() {
    let mut bench = bench();
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 16, 4);
    assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), 1 << 24);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 15, 4);
    assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), 0);
}

/// Vectors beyond what software gave fold onto what it gave (PCIe 4.0 §6.1.4.1), and none is lost.
#[rstest]
#[case(0, 0x40)]
#[case(1, 0x41)]
#[case(2, 0x43)]
#[case(3, 0x43)]
fn msi_vectors_fold(#[case] given: u32, #[case] data: u8) {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 12, 0x40);
    bench.config_write(MSI, given << 20 | 1 << 16);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 11);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(bench.sent.last().unwrap().payload, [data, 0, 0, 0]);
}

/// What is signalled while there are no messages is signalled by them when they come on: not the first time only.
#[test]
fn msi_that_comes_on_again_tells_what_it_missed() {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 12, 0x40);
    for frames in 1..4 {
        bench.config_write(MSI, 1 << 16);
        bench.config_write(MSI, 0);
        bench.feed(0, b"frame", bench.now);
        bench.run(100);
        assert_eq!(bench.read(STATUS, 4), 1);
        let from = bench.sent.len();
        bench.config_write(MSI, 1 << 16);
        bench.run(100);
        let messages = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
        assert_eq!(messages, 1, "time {frames}");
        bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
        bench.set64(0, c2h::INT_DATA_ARM, frames);
    }
}

/// As with MSI-X: what is served without its message, while that waits behind a mask, is not sent later.
#[test]
fn a_cause_that_is_served_behind_a_mask_of_msi_sends_nothing_later() {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 16, 1);
    bench.config_write(MSI, 1 << 16);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(bench.config_read(MSI + 20), 1, "pending");
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(20);
    assert_eq!(bench.config_read(MSI + 20), 0);
    let from = bench.sent.len();
    bench.config_write(MSI + 16, 0);
    bench.run(50);
    assert_eq!(told(&bench, from), "");
}

/// Causes of senders and of the card too are signalled by the messages that come on after them.
#[rstest]
#[case::msi_x(MSIX, 1 << 31, [5, 6])]
#[case::msi(MSI, 3 << 20 | 1 << 16, [0x45, 0x46])]
fn messages_that_come_on_tell_what_they_missed(#[case] capability: u16, #[case] on: u32, #[case] data: [u8; 2]) {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 12, 0x40);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 6, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 1 << 16, 4);
    // A ring of one entry is refused.
    bench.set_up_h2c(0, 1, 0);
    bench.h2c_set32(0, h2c::INT_ERROR, 1 << 31 | 5);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(50);
    let from = bench.sent.len();
    bench.config_write(capability, on);
    bench.run(50);
    let messages = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite);
    assert_eq!(messages.map(|sent| sent.payload[0]).collect::<Vec<_>>(), data);
}

/// INT_STATUS has a bit for each channel and cause, and INT_ACK serves each by the same bit.
#[rstest]
fn each_cause_has_its_own_bit(#[values(0, 1, 2, 3)] channel: u32) {
    let mut bench = bench();
    bench.set32(0, c2h::CONTROL, 2);
    bench.set_up_ring(channel, 0x1000, 0, 1000);
    bench.set32(channel, c2h::INT_DATA, 1 << 31);
    bench.set32(channel, c2h::INT_ERROR, 1 << 31);
    bench.set32(channel, c2h::CONTROL, 1);
    bench.set64(channel, c2h::INT_DATA_ARM, 0);
    bench.feed(channel as usize, b"frame", bench.now);
    bench.run(100);
    let (data, error) = (1 << channel, 1 << (16 + channel));
    assert_eq!(bench.read(STATUS, 4), data);
    bench.set64(channel, c2h::SW_COUNT, 1 << 20);
    bench.run(20);
    assert_eq!(bench.read(STATUS, 4), data | error);
    for (served, left) in [(!(data | error), data | error), (data, error), (error, 0)] {
        bench.write(BAR0 + u64::from(card::INT_ACK), served, 4);
        bench.run(20);
        assert_eq!(bench.read(STATUS, 4), left);
    }
}

/// A stop tells whoever waits of what there is, though it be less than he waits for; nothing new is told to nobody.
#[rstest]
#[case(0, 1)]
#[case(1, 0)]
fn a_stop_signals_what_was_not_seen(#[case] seen: u64, #[case] signalled: u64) {
    let mut bench = bench();
    bench.set32(0, c2h::INT_DATA_FRAMES, 100);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    bench.set64(0, c2h::INT_DATA_ARM, seen);
    bench.run(20);
    assert_eq!(bench.read(STATUS, 4), 0);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    assert_eq!(bench.read(STATUS, 4), signalled);
}

/// INT_STATUS_2 has a bit for each cause of a sender, and INT_ACK_2 serves each by the same bit.
#[rstest]
fn each_cause_of_a_sender_has_its_own_bit(#[values(0, 1)] channel: u32) {
    let mut bench = bench();
    bench.set_up_h2c(channel, 8, 1);
    bench.h2c_set32(channel, h2c::INT_SPACE, 1 << 31);
    bench.h2c_set32(channel, h2c::INT_ERROR, 1 << 31);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
    bench.host = Some(crate::common::Host::new(5));
    bench.put(channel, 8, 0, &H2cDescriptor { address: MEMORY + 0x9_0000, length: 64, flags: DescriptorFlags(1), cookie: 1 });
    bench.h2c_set64(channel, h2c::INT_SPACE_ARM, 0);
    bench.h2c_set64(channel, h2c::TAIL, 1);
    bench.run(1500);
    let (space, error) = (1 << channel, 1 << (8 + channel));
    assert_eq!(bench.read(STATUS_2, 4), space);
    bench.h2c_set64(channel, h2c::TAIL, 1 << 20);
    bench.run(20);
    assert_eq!(bench.read(STATUS_2, 4), space | error);
    for (served, left) in [(!(space | error) & 0xffff, space | error), (space, error), (error, 0)] {
        bench.write(BAR0 + u64::from(card::INT_ACK_2), served, 4);
        bench.run(20);
        assert_eq!(bench.read(STATUS_2, 4), left);
    }
}

/// A message takes its own causes along, and no other's.
#[test]
fn a_message_serves_the_causes_of_its_vector() {
    let mut bench = bench();
    bench.config_write(MSIX, 1 << 31);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 9, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 3 << 16, 4);
    let mask = |bench: &mut Bench<Card>, vector: u64, masked: u64| bench.write(BAR2 + 16 * vector + 12, masked, 4);
    [5, 6, 9].into_iter().for_each(|vector| mask(&mut bench, vector, 1));
    for channel in 0..2 {
        // A ring of one entry is refused.
        bench.set_up_h2c(channel, 1, 0);
        bench.h2c_set32(channel, h2c::INT_ERROR, 1 << 31 | 5 + channel);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
    }
    bench.run(50);
    let from = bench.sent.len();
    let [first, second, card] = [1 << 8, 1 << 9, 1 << 16];
    assert_eq!(bench.read(STATUS_2, 4), first | second | card);
    for (vector, left) in [(6, first | card), (9, first), (5, 0)] {
        mask(&mut bench, vector, 0);
        bench.run(20);
        assert_eq!(bench.read(STATUS_2, 4), left, "after {vector}");
    }
    assert_eq!(told(&bench, from), "www");
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert_eq!(bench.read(BAR0 + u64::from(card::PERF_INTERRUPTS), 8), 3);
}

/// Two causes on one vector: its pending bit falls with the second of them.
#[test]
fn a_vector_of_msi_pends_for_as_long_as_one_of_its_causes() {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 16, 1);
    bench.config_write(MSI, 1 << 16);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    bench.set64(0, c2h::SW_COUNT, 1 << 20);
    bench.run(50);
    assert_eq!(bench.read(STATUS, 4), 1 << 16 | 1);
    for (served, pending) in [(0, 1), (1, 1), (1 << 16, 0)] {
        bench.write(BAR0 + u64::from(card::INT_ACK), served, 4);
        bench.run(20);
        assert_eq!(bench.config_read(MSI + 20), pending, "{served:#x} served");
    }
}

/// Nor is that MSI is off meanwhile.
#[test]
fn a_cause_that_is_served_while_msi_is_off_pends_no_longer() {
    let mut bench = bench();
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 16, 1);
    bench.config_write(MSI, 1 << 16);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    bench.config_write(MSI, 0);
    assert_eq!(bench.config_read(MSI + 20), 1);
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(20);
    assert_eq!(bench.config_read(MSI + 20), 0);
}

/// What pends in the table of MSI-X, which is off by now, is no excuse.
#[test]
fn a_cause_that_is_served_behind_a_mask_of_msi_falls_beside_msi_x() {
    let mut bench = bench();
    bench.config_write(MSIX, 1 << 31);
    bench.write(BAR2 + 16 * 3 + 12, 1, 4);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(bench.read(BAR2 + 0x2000, 4), 1 << 3);
    bench.config_write(MSIX, 0);
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 16, 1);
    bench.config_write(MSI, 1 << 16);
    bench.run(20);
    assert_eq!(bench.config_read(MSI + 20), 1);
    bench.write(BAR0 + u64::from(card::INT_ACK), 1, 4);
    bench.run(20);
    assert_eq!(bench.config_read(MSI + 20), 0);
}

/// While MSI-X is off nothing pends in its table, whatever software makes of the function mask.
#[test]
fn nothing_pends_in_a_table_that_is_off() {
    let mut bench = bench();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(bench.read(STATUS, 4), 1);
    for control in [1 << 30, 0] {
        bench.config_write(MSIX, control);
        bench.run(20);
        assert_eq!(bench.read(BAR2 + 0x2000, 4), 0);
    }
    bench.config_write(MSIX, 3 << 30);
    assert_eq!(bench.read(BAR2 + 0x2000, 4), 1 << 3);
}

/// Clocks from the end of the last TLP of a frame to the message that tells of it.
fn told_after(count: u32, time: u32) -> u64 {
    let mut bench = bench();
    bench.config_write(MSIX, 1 << 31);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    bench.set32(0, c2h::CONFIG, 0);
    bench.set32(0, c2h::INT_DATA_FRAMES, count);
    bench.set32(0, c2h::INT_DATA_TIME, time);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.run(50);
    bench.feed(0, b"frame", bench.now);
    bench.run(1000);
    let [.., last, message] = &bench.sent[..] else { panic!("{:?}", bench.sent) };
    assert_eq!(message.payload, [3, 0, 0, 0]);
    message.first - last.last
}

/// The timer holds the message back by its clocks, and by no other.
#[rstest]
fn the_timer_is_exact(#[values(1, 2, 7, 500)] time: u32) {
    assert_eq!(told_after(100, time), told_after(1, 0) + u64::from(time));
}
