//! Every reset from every state of a channel, in both directions, with TLPs and reads under way: nothing of before is written or read after it, what
//! comes late is swallowed, and what is started then is a first start.

use crate::common::{BAR0, Bench, H2C_BLOCK, HOST, Host, MEMORY, Sent};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::Limits;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::frame::FrameHeader;
use silico_spec::params::CardParams;
use silico_spec::port::Inspect;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{BusAddr, Cycle, Dwords, Tag};
use silico_spec::writeback::ChannelState;

const GENERATOR: u32 = 1;
const WRITE_BACK: u32 = 1 << 2;
const SINK: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Channel,
    Card,
    Function,
    HotReset,
    Fundamental,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Idle,
    Running,
    /// Running, and no credits for anything.
    Blocked,
    Stopping,
    Error,
    /// Switched off as a card, under running channels.
    Disabled,
}

fn bench() -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    let mut host = Host::new(9);
    (host.limits.max_payload, host.limits.max_read_request, host.delay) = (256, 512, (300, 400));
    bench.host = Some(host);
    for (at, byte) in bench.memory[0x9_0000..0xe_0000].iter_mut().enumerate() {
        *byte = (at * 7 + at / 251) as u8;
    }
    bring_up(&mut bench);
    bench
}

fn bring_up(bench: &mut Bench<Card>) {
    bench.bring_up(16);
    bench.set_sizes(1, 2);
    bench.config_write(0x114, 0);
    bench.enable();
}

fn start(bench: &mut Bench<Card>, channel: u32) {
    bench.set_up_ring(channel, 0x8000, GENERATOR | WRITE_BACK, 3000);
    bench.set32(channel, c2h::GEN_MIN, 900);
    bench.set64(channel, c2h::GEN_SEED, 77);
    bench.set64(channel, c2h::GEN_COUNT, 12);
    bench.set32(channel, c2h::INT_DATA, 1 << 31 | channel);
    bench.set32(channel, c2h::CONTROL, 1);
    bench.set64(channel, c2h::INT_DATA_ARM, 0);
    bench.set_up_h2c(channel, 8, SINK | WRITE_BACK);
    bench.h2c_set32(channel, h2c::INT_SPACE, 1 << 31 | 8 + channel);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
    bench.h2c_set64(channel, h2c::INT_SPACE_ARM, 0);
    for index in 0..4 {
        let flags = DescriptorFlags(if index % 2 == 1 { DescriptorFlags::END_OF_FRAME } else { 0 });
        let address = MEMORY + 0x9_0000 + 5000 * index;
        bench.put(channel, 8, index, &H2cDescriptor { address, length: 4000 + index as u32, flags, cookie: index });
    }
    bench.h2c_set64(channel, h2c::TAIL, 4);
}

/// Brings both directions of channel 0 into `from`.
fn reach(bench: &mut Bench<Card>, from: From) {
    if from == From::Idle {
        return;
    }
    start(bench, 0);
    bench.run(200);
    if matches!(from, From::Running | From::Stopping) {
        assert!(!bench.host.as_ref().unwrap().open.is_empty(), "reads are in flight");
    }
    match from {
        From::Idle | From::Running => {}
        From::Blocked => {
            bench.stimulus.credits.0[0] = silico_spec::credit::Limit::NONE;
            bench.stimulus.credits.0[1] = silico_spec::credit::Limit::NONE;
            bench.run(50);
        }
        From::Stopping => {
            bench.h2c_set32(0, h2c::CONTROL, 0);
            bench.set32(0, c2h::CONTROL, 0);
        }
        From::Error => {
            bench.set64(0, c2h::SW_COUNT, 1 << 40);
            bench.h2c_set64(0, h2c::TAIL, 1);
            bench.run(30);
        }
        From::Disabled => bench.write(BAR0 + u64::from(card::CONTROL), 0, 4),
    }
}

fn reset(bench: &mut Bench<Card>, level: Level) {
    match level {
        Level::Channel => {
            bench.set32(0, c2h::CONTROL, 2);
            bench.h2c_set32(0, h2c::CONTROL, 2);
        }
        Level::Card => bench.write(BAR0 + u64::from(card::CONTROL), 2, 4),
        Level::Function => bench.config_write(0x88, 1 << 15 | 0x2910),
        Level::HotReset => bench.cut_link(false, 7, u64::MAX),
        Level::Fundamental => bench.cut_link(true, 7, u64::MAX),
    }
    // What is on the transmitter ends.
    bench.stimulus.credits = Limits::INFINITE;
    bench.run(30);
}

/// All registers of both directions of channel 0; of the run numbers only whether they are there.
fn registers(bench: &mut Bench<Card>) -> Vec<(u32, u64)> {
    let c2h = (c2h::offset(0, 0)..c2h::offset(0, 0) + 0x1d0).filter(|at| *at != c2h::offset(0, c2h::RUN));
    let h2c = (h2c::offset(0, 0)..h2c::offset(0, 0) + 0xc0).filter(|at| *at != h2c::offset(0, h2c::RUN));
    c2h.chain(h2c).step_by(1).filter(|at| at % 4 == 0).map(|at| (at, bench.read(BAR0 + u64::from(at), 4))).collect()
}

/// What a whole run of channel 0 gives: frames by header (without stamp) and payload, counts, the sink's findings, interrupts.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    frames: Vec<(u32, u64, u32, Vec<u8>)>,
    counts: [u64; 8],
    interrupts: Vec<u8>,
}

fn outcome(bench: &mut Bench<Card>) -> Outcome {
    let from = bench.sent.len();
    start(bench, 0);
    bench.run(8000);
    let mut frames = Vec::new();
    let mut offset = 0;
    for _ in 0..12 {
        let header = FrameHeader::parse(bench.ring(0, offset, 32).try_into().unwrap()).unwrap();
        frames.push((header.length, header.sequence, header.crc, bench.ring(0, offset + 32, header.length as usize).to_vec()));
        offset += header.footprint() as usize;
    }
    let counts = [
        bench.get64(0, c2h::HW_COUNT),
        bench.get64(0, c2h::FRAMES),
        bench.get64(0, c2h::GEN_MADE),
        bench.h2c_get64(0, h2c::DONE),
        bench.h2c_get64(0, h2c::FRAMES),
        bench.h2c_get32(0, h2c::CHECK_CRC).into(),
        bench.h2c_get32(0, h2c::CHECK_LENGTH).into(),
        bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4),
    ];
    let interrupts = bench.sent[from..].iter().filter(|sent| sent.header.address().0 == 0xfee0_0000);
    Outcome { frames, counts, interrupts: interrupts.map(|sent| sent.payload[0]).collect() }
}

#[rstest]
fn a_run_after_any_reset_is_a_first_run(
    #[values(Level::Channel, Level::Card, Level::Function, Level::HotReset, Level::Fundamental)] level: Level,
    #[values(From::Idle, From::Running, From::Blocked, From::Stopping, From::Error, From::Disabled)] from: From,
) {
    let mut fresh = bench();
    let as_new = registers(&mut fresh);
    let first = outcome(&mut fresh);
    assert_eq!(first.counts[..5], [first.counts[0], 12, 12, 4, 2]);

    let mut bench = bench();
    reach(&mut bench, from);
    let in_flight = bench.host.as_ref().unwrap().owed();
    reset(&mut bench, level);
    let quiet = bench.sent.len();
    bench.run(60);
    assert_eq!(bench.sent.len(), quiet, "nothing of before is sent");
    if matches!(level, Level::Function | Level::HotReset | Level::Fundamental) {
        bring_up(&mut bench);
    } else {
        bench.enable();
    }
    assert_eq!(registers(&mut bench), as_new);
    assert_eq!(bench.read(BAR0 + u64::from(card::INT_STATUS), 4) | bench.read(BAR0 + u64::from(card::INT_STATUS_2), 4), 0);
    // The run starts while completions of before still come.
    assert_eq!(outcome(&mut bench), first, "{in_flight} completions came late");
    bench.run(3000);
    assert_eq!(bench.host.as_ref().unwrap().owed(), 0);
    assert_eq!(card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4)), 0);
    assert_eq!(bench.read(BAR0 + u64::from(card::READ_QUARANTINE), 4), 0);
    assert_eq!((bench.config_read(0x104), bench.config_read(0x110)), (0, 0), "what is swallowed is no error");
    // Run numbers go on over a reset of the channel, and start anew with the card.
    let runs = if level == Level::Channel && from != From::Idle { 2 } else { 1 };
    assert_eq!((bench.get32(0, c2h::RUN), bench.h2c_get32(0, h2c::RUN)), (runs, runs));
}

/// The neighbours of a channel that is reset deliver as if nothing had been.
#[rstest]
fn a_reset_of_a_channel_is_its_own_affair(#[values(From::Running, From::Stopping, From::Error)] from: From) {
    let mut bench = bench();
    start(&mut bench, 1);
    reach(&mut bench, from);
    reset(&mut bench, Level::Channel);
    bench.run(6000);
    assert_eq!((bench.get64(1, c2h::FRAMES), bench.h2c_get64(1, h2c::DONE)), (12, 4));
    let state = |status: u32| c2h::status::STATE.get(status.into());
    let states = (state(bench.get32(1, c2h::STATUS)), state(bench.h2c_get32(1, h2c::STATUS)));
    assert_eq!(states, (ChannelState::Running as u64, ChannelState::Running as u64));
    assert_eq!(bench.read(BAR0 + u64::from(card::ERROR_SUMMARY), 4), 0);
}

/// `run` together with `reset`, and `enable` together with the card's reset: what the map says, and no race.
#[test]
fn a_start_in_the_write_of_a_reset_is_refused_or_comes_after_it() {
    let mut bench = bench();
    start(&mut bench, 0);
    bench.run(300);
    bench.set32(0, c2h::CONTROL, 3);
    bench.h2c_set32(0, h2c::CONTROL, 3);
    // Reads under way end first.
    bench.run(6000);
    assert_eq!((bench.get32(0, c2h::STATUS), bench.h2c_get32(0, h2c::STATUS)), (0, 0), "idle");
    start(&mut bench, 0);
    bench.run(300);
    bench.write(BAR0 + u64::from(card::CONTROL), 3, 4);
    bench.run(6000);
    assert_eq!(bench.read(BAR0 + u64::from(card::CONTROL), 4), 0, "all registers are as after power-on");
    assert_eq!((bench.get32(0, c2h::STATUS), bench.h2c_get32(0, h2c::STATUS)), (0, 0));
}

/// The reset of an idle channel ends with the clock after the write that asks for it, as a synchronous reset does: a write in that clock is lost, the next
/// one is not.
#[rstest]
#[case::c2h(c2h::offset(0, c2h::CONTROL), c2h::offset(0, c2h::WB_FRAMES), c2h::offset(0, c2h::WB_TIME))]
#[case::h2c(h2c::offset(0, h2c::CONTROL), h2c::offset(0, h2c::WB_EVERY), h2c::offset(0, h2c::WB_TIME))]
fn a_write_in_the_clock_of_a_reset_is_lost(#[case] control: u32, #[case] first: u32, #[case] second: u32) {
    let mut bench = bench();
    for (register, value) in [(control, 2_u32), (first, 3), (second, 4)] {
        let header = Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(BAR0 + u64::from(register)), Dwords(1));
        bench.push(header, &value.to_le_bytes());
    }
    bench.run(20);
    let [first, second] = [first, second].map(|register| bench.read(BAR0 + u64::from(register), 4));
    assert_eq!((first, second), (0, 4));
}

/// A stop with reads and writes under way ends within the completion timeout, whatever the completer does.
#[rstest]
#[case::answered(false)]
#[case::never_answered(true)]
fn a_stop_is_bounded(#[case] silent: bool) {
    let params = CardParams { read_timeout: 3000, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    let mut host = Host::new(9);
    (host.limits.max_payload, host.limits.max_read_request, host.delay) = (256, 512, (300, 400));
    bench.host = Some(host);
    bring_up(&mut bench);
    start(&mut bench, 0);
    bench.run(200);
    if silent {
        bench.host.as_mut().unwrap().forget();
    }
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(if silent { 3000 } else { 1500 });
    assert_eq!((bench.get32(0, c2h::STATUS) & 7, bench.h2c_get32(0, h2c::STATUS) & 7), (0, 0));
    let last = bench.sent.iter().rev().find(|sent| sent.header.kind() == Kind::MemWrite && sent.payload.len() == 64).unwrap();
    assert_eq!(last.payload[48], ChannelState::Idle as u8, "the last block says so");
}

/// A write-back block is granted in the clock in which a read of its channel leaves, the link takes nothing any more, and the channel is reset: it is under
/// reset until the block has left, whatever the reads have come to. Else the block would go to memory that the host has taken back.
#[test]
fn a_reset_waits_for_a_block_that_was_granted_as_a_read_left() {
    let mut waited = 0;
    for delay in 0..90 {
        let mut bench = bench();
        bench.host.as_mut().unwrap().delay = (4, 3);
        bench.set_up_h2c(0, 64, SINK | WRITE_BACK);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        for index in 0..40 {
            let flags = DescriptorFlags(DescriptorFlags::END_OF_FRAME);
            bench.put(0, 64, index, &H2cDescriptor { address: MEMORY + 0x9_0000 + 64 * index, length: 40, flags, cookie: index });
        }
        bench.h2c_set64(0, h2c::TAIL, 40);
        bench.run(20 + delay);
        bench.stimulus.tx_ready_at = Cycle(bench.now + 1000);
        bench.h2c_set32(0, h2c::CONTROL, 2);
        let before = bench.sent.len();
        bench.run(900);
        let view = bench.card.h2c(0).unwrap();
        bench.run(300);
        let block = |sent: &Sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 == MEMORY + H2C_BLOCK;
        if bench.sent[before..].iter().any(block) {
            assert_eq!((view.state, view.reads), (ChannelState::Stopping, 0), "reset after {delay} clocks");
            waited += 1;
        }
        assert_eq!(bench.card.h2c(0).unwrap().state, ChannelState::Idle);
    }
    assert!(waited > 10, "{waited} of 90 resets found a block under way");
}

/// What survives a hot reset is gone when a fundamental one follows it, though the card be in reset already.
#[rstest]
#[case::hot(false, 1 << 20)]
#[case::fundamental(true, 0)]
fn a_fundamental_reset_within_a_hot_one_is_one(#[case] fundamental: bool, #[case] left: u32) {
    let mut bench = bench();
    bench.push(Header::memory(Kind::MemWrite, HOST, Tag(0), BusAddr(0x5000), Dwords(1)), &[0; 4]);
    bench.run(20);
    assert_eq!(bench.config_read(0x104), 1 << 20);
    bench.stimulus.link_up = false;
    bench.run(20);
    bench.stimulus.reset = fundamental;
    bench.run(20);
    (bench.stimulus.reset, bench.stimulus.link_up) = (false, true);
    bench.run(20);
    assert_eq!(bench.config_read(0x104), left);
}
