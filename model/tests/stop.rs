//! A stop in any clock leaves final counts, and a last write-back block that says the same, or an error if it could not be written.

use crate::common::{Bench, HOST, MEMORY};
use silico_model::Card;
use silico_spec::params::CardParams;
use silico_spec::port::Inspect;
use silico_spec::registers::c2h;
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Bdf, Cycle, Tag};
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};

const WRITE_BACK: u32 = 1 << 2;

/// Two frames back to back, a TLP each; the stop falls into each clock from before the first to after the last of them.
#[test]
fn the_last_block_of_a_stopped_run_is_final() {
    let params = CardParams { fifo_bytes: 2048, ..CardParams::default() };
    let mut delivered = [0; 3];
    for delay in 0..120 {
        let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
        bench.bring_up(1);
        bench.set_mps(3);
        bench.enable();
        bench.set_up_ring(0, 0x4000, WRITE_BACK, 1000);
        bench.set32(0, c2h::CONTROL, 1);
        bench.run(20);
        // The link takes nothing until both are in the FIFO: one TLP follows the other, and the block of the first waits behind the second.
        bench.stimulus.tx_ready_at = Cycle(bench.now + 60);
        for _ in 0..2 {
            bench.feed(0, &[7; 289], bench.now + 5);
        }
        bench.run(delay);
        bench.set32(0, c2h::CONTROL, 0);
        bench.run(100);
        let block: Vec<u64> = bench.memory[0xf_0000..][..64].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        let block = WriteBack::parse(&block.try_into().unwrap()).unwrap();
        let registers = (bench.get64(0, c2h::HW_COUNT), bench.get64(0, c2h::FRAMES), ChannelState::Idle as u8);
        assert_eq!((block.hw_count, block.frames, block.state), registers, "stopped after {delay} clocks, ring at {MEMORY:#x}");
        delivered[registers.1 as usize] += 1;
    }
    assert!(delivered.iter().all(|&times| times > 0), "{delivered:?}: no stop fell between the frames");
}

/// Channel 0 runs and writes back, and has delivered a frame.
fn delivered() -> Bench<Card> {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(4);
    bench.enable();
    bench.set_up_ring(0, 0x4000, WRITE_BACK, 1000);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 2);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    bench.feed(0, &[7; 100], bench.now);
    bench.run(100);
    bench
}

/// In whatever clock a reset comes: the TLP that is under way ends, and none begins, neither of data nor the block that is due for a frame.
#[test]
fn after_a_reset_nothing_leaves_but_what_is_under_way() {
    let params = CardParams::default();
    let mut left = [0; 2];
    for delay in 0..80 {
        let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
        bench.bring_up(1);
        bench.enable();
        bench.set_up_ring(0, 0x4000, WRITE_BACK, 1000);
        bench.set32(0, c2h::WB_FRAMES, 1);
        bench.set32(0, c2h::CONTROL, 1);
        bench.run(20);
        for _ in 0..4 {
            bench.feed(0, &[7; 200], bench.now);
        }
        bench.run(delay);
        bench.set32(0, c2h::CONTROL, 2);
        while bench.card.c2h(0).unwrap().state == ChannelState::Running {
            bench.run(1);
        }
        let sent = bench.sent.len();
        bench.run(100);
        let after = bench.sent.len() - sent;
        assert!(after < 2, "{after} TLPs left after a reset in clock {delay}");
        left[after] += 1;
        assert_eq!((bench.get64(0, c2h::HW_COUNT), bench.get32(0, c2h::RUN)), (0, 1));
    }
    assert!(left.iter().all(|&times| times > 0), "{left:?}: no reset met a TLP under way");
}

/// State and error, as the card knows them now: no register need be read.
fn shown(bench: &Bench<Card>) -> (ChannelState, ChannelError) {
    bench.card.c2h(0).map(|view| (view.state, view.error)).unwrap()
}

/// The last block of a stop is owed to the host: without it, the stop was no clean one. An error keeps its own code.
#[test]
fn a_stop_whose_last_block_may_not_be_written_is_an_error() {
    for (register, value, error) in [(c2h::CONTROL, 0, ChannelError::BusMasterOff), (c2h::SW_COUNT, 1 << 40, ChannelError::BadDoorbell)] {
        let mut bench = delivered();
        bench.config_write(0x04, 0x0002);
        assert_eq!((shown(&bench), bench.get32(0, c2h::CONTROL)), ((ChannelState::Running, ChannelError::None), 1));
        if register == c2h::CONTROL {
            bench.set32(0, register, value as u32);
        } else {
            bench.set64(0, register, value);
        }
        bench.run(50);
        assert_eq!((shown(&bench), bench.get32(0, c2h::CONTROL)), ((ChannelState::Error, error), 0));
    }
}

/// Memory may not be written any more while the last block waits for the transmitter: the stop is over, however long another channel's packet is held.
#[test]
fn a_stop_does_not_wait_for_others_when_it_may_not_write() {
    let mut bench = delivered();
    bench.set_up_ring(1, 0x4000, 0, 1000);
    bench.set32(1, c2h::CONTROL, 1);
    bench.run(20);
    bench.stimulus.tx_ready_at = Cycle(bench.now + 10_000);
    bench.feed(1, &[7; 1000], bench.now);
    bench.run(100);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    assert_eq!(shown(&bench), (ChannelState::Stopping, ChannelError::None));
    let header = Header::config(Kind::CfgWrite0, HOST, Tag(30), Bdf::new(1, 0, 0).unwrap(), 0x04, 0xf);
    bench.push(header, &2_u32.to_le_bytes());
    bench.run(20);
    assert_eq!(shown(&bench), (ChannelState::Error, ChannelError::BusMasterOff));
    assert!(bench.now < bench.stimulus.tx_ready_at.0);
}

/// A host that arms after the stop with less than there is gets its interrupt: by the count, or by the timer.
#[test]
fn a_cause_that_is_armed_after_the_stop_keeps_its_timer() {
    let mut bench = delivered();
    bench.set32(0, c2h::INT_DATA_FRAMES, 10);
    bench.set32(0, c2h::INT_DATA_TIME, 300);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    assert_eq!(shown(&bench).0, ChannelState::Idle);
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    let messages = |bench: &Bench<Card>| bench.sent.iter().filter(|sent| sent.header.address().0 == 0xfee0_0000).count();
    bench.run(290);
    assert_eq!(messages(&bench), 0);
    bench.run(20);
    assert_eq!(messages(&bench), 1);
}

/// A reset ends what is under way, and nobody is told of it any more.
#[test]
fn what_leaves_during_a_reset_is_not_signalled() {
    let mut bench = delivered();
    bench.set32(0, c2h::CONTROL, 0);
    bench.set32(0, c2h::CONFIG, 0);
    bench.run(100);
    for reset in [false, true] {
        bench.set32(0, c2h::CONTROL, 1);
        bench.set64(0, c2h::INT_DATA_ARM, 0);
        bench.run(20);
        let from = bench.sent.len();
        bench.stimulus.tx_ready_at = Cycle(bench.now + 100);
        bench.feed(0, &[7; 20], bench.now);
        bench.run(20);
        if reset {
            bench.set32(0, c2h::CONTROL, 2);
        }
        bench.run(200);
        let addresses: Vec<u64> = bench.sent[from..].iter().map(|sent| sent.header.address().0).collect();
        assert_eq!(addresses, if reset { vec![MEMORY] } else { vec![MEMORY, 0xfee0_0000] });
        bench.set32(0, c2h::CONTROL, 0);
        bench.run(20);
    }
}

/// The rest of a frame that a stop cut is swallowed once, however many runs it takes, and nothing else is.
#[test]
fn a_cut_frame_costs_no_other_one() {
    let mut bench = delivered();
    bench.feed(0, &[7; 8000], bench.now);
    for _ in 0..3 {
        // Each run ends in the midst of it.
        bench.run(30);
        bench.set32(0, c2h::CONTROL, 0);
        bench.run(50);
        bench.set32(0, c2h::CONTROL, 1);
    }
    bench.run(300);
    assert_eq!((bench.stimulus.front[0].frames.len(), bench.get64(0, c2h::FRAMES)), (0, 0));
    for _ in 0..2 {
        bench.feed(0, &[8; 100], bench.now);
        bench.run(200);
        assert_eq!(bench.get64(0, c2h::FRAMES), 1);
        bench.set32(0, c2h::CONTROL, 0);
        bench.run(50);
        bench.set32(0, c2h::CONTROL, 1);
    }
}
