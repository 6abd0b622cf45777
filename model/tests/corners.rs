//! Corner cases that once went wrong, one test each: what happened, and what a card must do.

use crate::common::{BAR0, BAR2, Bench, HOST};
use silico_model::Card;
use silico_spec::credit::{Limit, Limits};
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::params::CardParams;
use silico_spec::port::{Beat, Clocked, Endpoint, PortIn, PortOut, RxTlp, TlpBuf};
use silico_spec::registers::{c2h, card};
use silico_spec::tlp::{Header, Kind, routing};
use silico_spec::units::{Bdf, BusAddr, Cycle, Dwords, Tag};
use silico_spec::writeback::{ChannelError, ChannelState};

const GENERATOR: u32 = 1;
const DROP: u32 = 1 << 1;
const WRITE_BACK: u32 = 1 << 2;
const COMMAND: u16 = 0x04;
const MSI: u16 = 0x50;
const MSIX: u16 = 0x70;
const DEVICE_CONTROL: u16 = 0x88;
const UNCORRECTABLE_STATUS: u16 = 0x104;
const FLR: u32 = 1 << 15;

fn bench(params: CardParams) -> Bench<Card> {
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(params.msix_vectors);
    bench.enable();
    bench
}

fn state(bench: &mut Bench<Card>) -> u64 {
    c2h::status::STATE.get(bench.get32(0, c2h::STATUS).into())
}

/// Interrupt messages sent since `from`, by their data.
fn interrupts(bench: &Bench<Card>, from: usize) -> Vec<u8> {
    bench.sent[from..].iter().filter(|sent| sent.header.address().0 == 0xfee0_0000).map(|sent| sent.payload[0]).collect()
}

/// It waited for a gap in the traffic, and with a saturated transmit stream there is none.
#[test]
fn a_function_level_reset_comes_under_full_traffic() {
    let mut bench = bench(CardParams::default());
    for channel in 0..4 {
        bench.set_up_ring(channel, 0x1_0000, GENERATOR, 1000);
        bench.set64(channel, c2h::RING_SIZE, 1 << 40);
        bench.set32(channel, c2h::GEN_MIN, 1000);
        bench.set32(channel, c2h::CONTROL, 1);
    }
    bench.memory = vec![0; 16 << 20];
    bench.run(1000);
    bench.config_write(DEVICE_CONTROL, FLR);
    bench.run(50);
    let sent = bench.sent.len();
    bench.run(2000);
    assert_eq!(bench.sent.len(), sent, "nothing of before the reset is sent after it");
    assert_eq!(bench.config_read(COMMAND) & 0x6, 0);
}

/// A write that came between the request for the reset and the reset was executed by the function that came out of it.
#[test]
fn a_write_on_its_way_into_a_function_level_reset_is_void() {
    let mut bench = bench(CardParams::default());
    bench.stimulus.tx_ready_at = Cycle(bench.now + 100);
    let card = Bdf::new(1, 0, 0).unwrap();
    bench.push(Header::config(Kind::CfgWrite0, HOST, Tag(9), card, DEVICE_CONTROL, 0xf), &FLR.to_le_bytes());
    for n in 0..8_u32 {
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(BAR0 + u64::from(card::SCRATCH)), Dwords(2));
        let mut tlp = TlpBuf::new();
        tlp.set(header.0, &0x1111_2222_3333_4444_u64.to_le_bytes());
        bench.stimulus.rx.push_back(RxTlp { at: Cycle(bench.now + 95 + u64::from(n)), tlp });
    }
    bench.run(300);
    bench.bring_up(1);
    assert_eq!(bench.read(BAR0 + u64::from(card::SCRATCH), 8), 0);
}

/// A frame partly sent, then dropped by its very last beat: the next frame went behind the void piece, its own start never sent.
#[test]
fn a_drop_by_the_last_beat_takes_back_what_was_sent() {
    let mut bench = bench(CardParams { fifo_bytes: 2048, ..CardParams::default() });
    bench.set_up_ring(0, 0x1000, DROP, 4064);
    bench.set32(0, c2h::CONTROL, 1);
    // Nothing may go after the first piece: two headers' worth of credits, one data credit short of the next.
    let (headers, data) = posted(&bench);
    bench.stimulus.credits.0[0] = Limit::initial(headers.wrapping_add(1), (data + 6) & 0xfff);
    // 96 bytes leave, 2048 fill the FIFO, and the last beat finds no room.
    let whole: Vec<u8> = (0..96 + 2048 + 32).map(|i| i as u8).collect();
    bench.feed(0, &whole, bench.now);
    bench.run(200);
    bench.stimulus.credits = Limits::INFINITE;
    assert_eq!(bench.get64(0, c2h::DROPPED), 1);
    let next: Vec<u8> = (0..500).map(|i| (i * 3) as u8).collect();
    bench.feed(0, &next, bench.now);
    bench.run(200);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags, header.sequence), (500, Flags::DROPPED_BEFORE, 0));
    assert_eq!(bench.ring(0, 32, 500), next);
    assert_eq!(bench.get64(0, c2h::HW_COUNT), header.footprint());
}

/// Posted credits that the card has used, modulo their fields.
fn posted(bench: &Bench<Card>) -> (u8, u16) {
    let posted = bench.sent.iter().filter(|sent| matches!(sent.header.kind(), Kind::MemWrite | Kind::Message(_)));
    posted.fold((0, 0), |(h, d), sent| (h.wrapping_add(1), (d + sent.payload.len().div_ceil(16) as u16) & 0xfff))
}

/// Without a check of the length, the completion had as many dwords, taken from the TLP sent before.
#[test]
fn a_config_read_of_two_dwords_is_malformed() {
    let mut bench = bench(CardParams::default());
    let card = Bdf::new(1, 0, 0).unwrap();
    let header = Header::config(Kind::CfgRead0, HOST, Tag(9), card, 0, 0xf).with_length(Dwords(2));
    let sent = bench.sent.len();
    bench.push(header, &[]);
    bench.run(100);
    assert_eq!(bench.sent.len(), sent);
    assert_eq!(bench.config_read(UNCORRECTABLE_STATUS) & 1 << 18, 1 << 18, "malformed TLP");
}

/// It was taken as a register access beyond its means.
#[test]
fn a_write_of_more_than_mps_is_malformed() {
    let mut bench = bench(CardParams::default());
    let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(BAR0), Dwords(64));
    bench.push(header, &[0; 256]);
    bench.run(100);
    assert_eq!(bench.config_read(UNCORRECTABLE_STATUS) & 1 << 18, 1 << 18, "malformed TLP");
}

/// The message of an error before the reset went out after it, from requester 00:00.0.
#[test]
fn no_error_message_outlives_a_reset() {
    let mut bench = bench(CardParams::default());
    bench.config_write(DEVICE_CONTROL, 0x281f);
    bench.stimulus.credits.0[0] = Limit::NONE;
    bench.push(Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(0x1234_0000), Dwords(1)), &[0; 4]);
    bench.run(20);
    bench.stimulus.link_up = false;
    bench.run(20);
    (bench.stimulus.link_up, bench.stimulus.credits) = (true, Limits::INFINITE);
    let sent = bench.sent.len();
    bench.run(50);
    assert_eq!(bench.sent.len(), sent);
}

/// The bits of INT_STATUS stayed over a restart and over a reset of the channel, and error bits for ever.
#[test]
fn a_restart_clears_the_interrupt_status() {
    let mut bench = bench(CardParams::default());
    bench.config_write(MSIX, 0);
    let status = |bench: &mut Bench<Card>| bench.read(BAR0 + u64::from(card::INT_STATUS), 4);
    for how in [1, 2] {
        bench.set_up_ring(0, 0x1000, 0, 100);
        bench.set32(0, c2h::INT_DATA, 1 << 31);
        bench.set32(0, c2h::INT_ERROR, 1 << 31);
        bench.set32(0, c2h::CONTROL, 1);
        bench.set64(0, c2h::INT_DATA_ARM, 0);
        bench.feed(0, b"frame", bench.now);
        bench.run(100);
        bench.set64(0, c2h::SW_COUNT, 1 << 20);
        assert_eq!(status(&mut bench), 1 << 16 | 1);
        bench.set32(0, c2h::CONTROL, how);
        bench.run(10);
        assert_eq!(status(&mut bench), 0, "CONTROL = {how}");
        bench.set32(0, c2h::CONTROL, 0);
        bench.run(100);
    }
}

/// Pending behind a mask, it did not show.
#[test]
fn interrupt_status_shows_what_a_mask_holds_back() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, 0, 100);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 3);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.write(BAR2 + 16 * 3 + 12, 1, 4);
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    let status = BAR0 + u64::from(card::INT_STATUS);
    assert_eq!(bench.read(status, 4), 1);
    bench.write(BAR2 + 16 * 3 + 12, 0, 4);
    bench.run(20);
    assert_eq!(interrupts(&bench, 0), [3]);
    assert_eq!(bench.read(status, 4), 0);
}

/// The capability was there, and nobody sent its messages.
#[test]
fn msi_carries_the_same_causes() {
    let mut bench = bench(CardParams::default());
    bench.config_write(MSIX, 0);
    bench.config_write(MSI + 4, 0xfee0_0000);
    bench.config_write(MSI + 12, 0x40);
    bench.config_write(MSI, 3 << 20 | 1 << 16);
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 100);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 5);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    let from = bench.sent.len();
    bench.feed(0, b"frame", bench.now);
    bench.run(100);
    assert_eq!(interrupts(&bench, from), [0x45]);
    assert_eq!(bench.sent.last().unwrap().payload.len(), 4, "the message is a dword, and the last to go");
}

/// Without PME_TO_Ack from every function, the root complex waits for its time limit before it takes the link down.
#[test]
fn a_pme_turn_off_is_acknowledged() {
    let mut bench = bench(CardParams::default());
    bench.push(Header::of(Kind::Message(routing::BROADCAST), true, Dwords(0)).with_message_code(0x19), &[]);
    bench.run(20);
    let sent = bench.sent.last().unwrap();
    assert_eq!((sent.header.kind(), sent.header.message_code()), (Kind::Message(routing::GATHERED), 0x1b));
}

/// The last write-back could not be written, and who waited for the frames that it would have told of waited for ever.
#[test]
fn who_waits_is_woken_when_bus_mastering_goes() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, WRITE_BACK, 100);
    bench.set32(0, c2h::WB_FRAMES, 100);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 3);
    bench.set32(0, c2h::INT_DATA_FRAMES, 100);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    bench.feed(0, b"one", bench.now);
    bench.run(50);
    bench.config_write(COMMAND, 0x2);
    bench.feed(0, b"two", bench.now);
    bench.run(50);
    assert_eq!(state(&mut bench), ChannelState::Error as u64);
    assert_eq!(bench.get32(0, c2h::ERROR), ChannelError::BusMasterOff as u32);
    let from = bench.sent.len();
    bench.config_write(COMMAND, 0x6);
    bench.run(50);
    assert_eq!(interrupts(&bench, from), [3]);
}

/// GEN_MADE of the run before stayed over a start that was refused.
#[test]
fn a_refused_start_counts_nothing_made() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, GENERATOR, 100);
    bench.set64(0, c2h::GEN_COUNT, 5);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(100);
    assert_eq!(bench.get64(0, c2h::GEN_MADE), 5);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    bench.set32(0, c2h::MAX_FRAME, 0);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(100);
    assert_eq!(bench.get32(0, c2h::ERROR), ChannelError::BadFrameLimit as u32);
    assert_eq!(bench.get64(0, c2h::GEN_MADE), 0);
}

/// BUSY stands while the card is disabled, and was not counted.
#[test]
fn busy_counts_while_the_card_is_disabled() {
    let mut bench = bench(CardParams::default());
    bench.set_up_ring(0, 0x1000, 0, 3000);
    bench.set32(0, c2h::BUSY_ASSERT, 64);
    bench.set32(0, c2h::BUSY_RELEASE, 32);
    bench.set32(0, c2h::CONTROL, 1);
    bench.stimulus.credits.0[0] = Limit::NONE;
    bench.feed(0, &[0; 500], bench.now);
    bench.run(50);
    bench.write(BAR0 + u64::from(card::CONTROL), 0, 4);
    bench.run(10);
    let mut counted = || {
        bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
        let busy = bench.get64(0, c2h::PERF_BUSY);
        (busy, bench.now)
    };
    let (before, from) = counted();
    let (after, to) = counted();
    assert_eq!(after - before, to - from);
}

fn reset_card() -> (Card, PortIn, PortOut) {
    let params = CardParams::default();
    let mut card = Card::new(params).unwrap();
    let (input, mut output) = (PortIn { credits: Limits::INFINITE, ..PortIn::default() }, PortOut::default());
    for _ in 0..4 {
        card.clock(&input, &mut output);
    }
    (card, input, output)
}

/// The rest of a TLP whose start a reset had swallowed was joined to whatever had come before.
#[test]
fn the_rest_of_a_tlp_that_a_reset_cut_is_ignored() {
    let (mut card, mut input, mut output) = reset_card();
    let header = Header::config(Kind::CfgRead0, HOST, Tag(3), Bdf::new(1, 0, 0).unwrap(), 0, 0xf);
    let first = Beat { valid: true, sop: true, header: header.0, ..Beat::NONE };
    (input.rx, input.link_up) = (first, true);
    card.clock(&input, &mut output);
    (input.rx, input.link_up) = (Beat::NONE, false);
    card.clock(&input, &mut output);
    input.link_up = true;
    card.clock(&input, &mut output);
    input.rx = Beat { valid: true, eop: true, ..Beat::NONE };
    assert!(output.rx_ready);
    card.clock(&input, &mut output);
    input.rx = Beat::NONE;
    for _ in 0..20 {
        card.clock(&input, &mut output);
        assert!(!output.tx.valid, "{:?}", output.tx);
    }
}

/// Beats that no start goes before belong to nothing, be it after a whole TLP.
#[test]
fn a_beat_behind_the_end_of_a_tlp_is_ignored() {
    let (mut card, mut input, mut output) = reset_card();
    let header = Header::config(Kind::CfgRead0, HOST, Tag(3), Bdf::new(1, 0, 0).unwrap(), 0, 0xf);
    let mut answers = 0;
    let whole = Beat { valid: true, sop: true, eop: true, header: header.0, ..Beat::NONE };
    let rest = Beat { valid: true, eop: true, header: header.0, ..Beat::NONE };
    for rx in [whole, rest, rest].into_iter().chain([Beat::NONE; 20]) {
        input.rx = rx;
        answers += usize::from(output.tx.valid && output.tx.eop);
        card.clock(&input, &mut output);
    }
    assert_eq!(answers, 1);
}

/// The clock in which reset begins still passes a front-end beat; the card forgot it, and took the middle of that frame for a start.
#[test]
fn a_front_end_beat_in_the_clock_of_a_reset_is_not_forgotten() {
    let params = CardParams::default();
    let mut bench = bench(params);
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(50);
    let data: Vec<u8> = (0..320).map(|i| i as u8).collect();
    bench.feed(0, &data, bench.now + 3);
    bench.run(3);
    // The frame's first beat passes in the clock in which the link goes down.
    bench.stimulus.link_up = false;
    bench.run(5);
    assert_eq!(bench.stimulus.front[0].passed, 32);
    bench.stimulus.link_up = true;
    bench.run(5);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, b"whole", bench.now);
    bench.run(100);
    assert_eq!(bench.get64(0, c2h::FRAMES), 1);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!(header.length, 5);
}

/// A channel that was refused the bus let the beat go that it had said it would take, and after a restart it swallowed a whole frame for it.
#[test]
fn a_front_end_beat_in_the_clock_of_a_refusal_is_not_forgotten() {
    let params = CardParams::default();
    let mut bench = Bench::new(Clocked::new(Card::new(params.clone()).unwrap()), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.config_write(COMMAND, 0x2);
    // With the third beat a TLP is possible; the fourth passes while it is refused.
    bench.feed(0, &[1; 97], bench.now);
    bench.run(50);
    assert_eq!(bench.get32(0, c2h::ERROR), ChannelError::BusMasterOff as u32);
    bench.config_write(COMMAND, 0x6);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, b"whole", bench.now);
    bench.run(100);
    assert_eq!(bench.get64(0, c2h::FRAMES), 1);
}

/// The map says that a start sets what counts in a run to zero; the armed count of the run before stayed.
#[test]
fn a_start_clears_the_armed_count() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.set64(0, c2h::INT_DATA_ARM, 7);
    assert_eq!(bench.get64(0, c2h::INT_DATA_ARM), 7);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(50);
    bench.set32(0, c2h::CONTROL, 1);
    assert_eq!((bench.get64(0, c2h::INT_DATA_ARM), bench.get64(0, c2h::SW_COUNT)), (0, 0));
}
