//! Wall-clock cost of the model alone: busy clocks, by channels and frame size. `cargo run --release -p silico-model --example model_rate`

use silico_model::Card;
use silico_spec::params::CardParams;

#[path = "../tests/common/mod.rs"]
mod common;

fn main() {
    for (channels, frame) in [(1_u32, 4096_u32), (1, 1500), (1, 256), (1, 64), (4, 4096), (4, 256)] {
        let params = CardParams::default();
        let mut bench = common::Bench::new(Card::new(params.clone()).expect("legal"), &params);
        bench.bring_up(16);
        bench.set_mps(1);
        bench.enable();
        for channel in 0..channels {
            bench.set_up_ring(channel, 0x1_0000, 1, 8192);
            bench.set64(channel, silico_spec::registers::c2h::RING_SIZE, 1 << 40);
            bench.set32(channel, silico_spec::registers::c2h::GEN_MIN, frame);
            bench.set32(channel, silico_spec::registers::c2h::CONTROL, 1);
        }
        let (start, clocks) = (std::time::Instant::now(), 20_000_000_u64);
        let end = bench.now + clocks;
        let mut tlps = 0_u64;
        let mut bytes = 0_u64;
        while bench.now < end {
            bench.step();
            if bench.response.tlp_done {
                tlps += 1;
                bytes += bench.response.tlp.payload().len() as u64;
            }
        }
        let ns = start.elapsed().as_nanos() as f64;
        println!(
            "{channels} channels, {frame:5} bytes: {:6.2} ns a clock, {:7.1} ns a TLP, {:6.0} MB/s, {:4.1} bytes a clock",
            ns / clocks as f64,
            ns / tlps as f64,
            bytes as f64 * 1e3 / ns,
            bytes as f64 / clocks as f64
        );
    }
}
