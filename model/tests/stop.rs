//! A stop in any clock leaves final counts, and a last write-back block that says the same.

use crate::common::{Bench, MEMORY};
use silico_model::Card;
use silico_spec::params::CardParams;
use silico_spec::registers::c2h;
use silico_spec::units::Cycle;
use silico_spec::writeback::{ChannelState, WriteBack};

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
