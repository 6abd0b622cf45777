//! The register map walked against the model: reset values, access types, bit bash and aliasing, register by register from `spec::registers::MAP`.

use crate::common::{BAR0, Bench};
use silico_model::Card;
use silico_spec::map::{Access, Register};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::registers::{MAP, MAP_BYTES, c2h, card, h2c};

fn bench() -> Bench<Card> {
    let params = CardParams { c2h_channels: 16, h2c_channels: 8, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    bench
}

fn read(bench: &mut Bench<Card>, register: &Register) -> u64 {
    bench.read(BAR0 + u64::from(register.offset), register.bits as usize / 8)
}

fn write(bench: &mut Bench<Card>, register: &Register, value: u64) {
    bench.write(BAR0 + u64::from(register.offset), value, register.bits as usize / 8);
    bench.run(4);
}

/// Registers whose writes act at once: what they hold is not simply what was written.
fn acts(register: &Register) -> bool {
    let within = register.offset & 0x1ff;
    let c2h = register.block == "c2h" && [c2h::SW_COUNT, c2h::CONTROL, c2h::FREE_TAIL, c2h::COMP_HEAD].contains(&within);
    let h2c = register.block == "h2c" && [h2c::TAIL, h2c::CONTROL].contains(&within);
    register.pulse_mask != 0 || register.access == Access::Wo || c2h || h2c
}

#[test]
fn every_register_has_its_reset_value() {
    let mut bench = bench();
    let mut checked = 0;
    for register in MAP.iter().filter(|register| !register.volatile) {
        assert_eq!(read(&mut bench, register), register.reset, "{register:?}");
        checked += 1;
    }
    assert!(checked > 16 * 30, "{checked} registers");
}

#[test]
fn every_writable_bit_holds_what_is_written_and_no_other_does() {
    let mut bench = bench();
    for register in MAP.iter().filter(|register| !acts(register)) {
        let all = u64::MAX >> (64 - register.bits);
        let mut patterns = vec![0, all, 0xaaaa_aaaa_aaaa_aaaa & all, 0x5555_5555_5555_5555 & all];
        patterns.extend((0..register.bits).step_by(5).map(|bit| 1 << bit));
        let before = read(&mut bench, register);
        for pattern in patterns {
            write(&mut bench, register, pattern);
            let mask = register.storage_mask();
            if register.volatile {
                assert_eq!(mask, 0, "what the card drives is read-only: {register:?}");
            } else {
                assert_eq!(read(&mut bench, register), pattern & mask | register.reset & !mask, "{pattern:#x} to {register:?}");
            }
        }
        if !register.volatile {
            write(&mut bench, register, before);
        }
    }
}

#[test]
fn halves_and_bytes_are_written_alone() {
    let mut bench = bench();
    let whole = |register: &&Register| !acts(register) && register.storage_mask() == u64::MAX >> (64 - register.bits);
    for register in MAP.iter().filter(whole).filter(|register| register.index == 0) {
        write(&mut bench, register, 0);
        if register.bits == 64 {
            let at = BAR0 + u64::from(register.offset);
            bench.write(at, 0x1122_3344, 4);
            assert_eq!(read(&mut bench, register), 0, "the low word waits for the high one: {register:?}");
            bench.write(at + 4, 0x5566_7788, 4);
            assert_eq!(read(&mut bench, register), 0x5566_7788_1122_3344, "{register:?}");
        } else {
            bench.write_bytes(BAR0 + u64::from(register.offset), 0x1122_3344, 0b0110);
            assert_eq!(read(&mut bench, register), 0x0022_3300, "{register:?}");
        }
    }
}

#[test]
fn no_two_registers_are_the_same() {
    let mut bench = bench();
    let plain: Vec<&Register> = MAP.iter().filter(|register| !acts(register) && register.storage_mask() != 0).collect();
    let value = |n: usize, register: &Register| (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & register.storage_mask();
    for (n, register) in plain.iter().enumerate() {
        write(&mut bench, register, value(n, register));
    }
    for (n, register) in plain.iter().enumerate() {
        let kept = register.reset & !register.storage_mask();
        assert_eq!(read(&mut bench, register), value(n, register) | kept, "{register:?}");
    }
}

#[test]
fn writes_to_read_only_registers_and_holes_count_and_do_nothing() {
    let mut bench = bench();
    let hole_writes = BAR0 + u64::from(card::HOLE_WRITES);
    for register in MAP.iter().filter(|register| register.access == Access::Ro && register.block == "card") {
        let before = bench.read(hole_writes, 4);
        write(&mut bench, register, u64::MAX);
        assert_eq!(bench.read(hole_writes, 4), before + u64::from(register.bits) / 32, "{register:?}");
    }
    let covered =
        |offset: u32| MAP.iter().any(|register| (register.offset..register.offset + u32::from(register.bits) / 8).contains(&offset));
    for offset in (0..MAP_BYTES).step_by(4).filter(|offset| !covered(*offset)) {
        let before = bench.read(hole_writes, 4);
        bench.write(BAR0 + u64::from(offset), u64::MAX, 4);
        assert_eq!(bench.read(BAR0 + u64::from(offset), 4), 0, "hole at {offset:#x}");
        assert_eq!(bench.read(hole_writes, 4), before + 1, "hole at {offset:#x}");
    }
}

#[test]
fn the_card_says_how_it_was_built() {
    let width = DataWidth::W512;
    let params = CardParams {
        c2h_channels: 3,
        h2c_channels: 2,
        msix_vectors: 7,
        fifo_bytes: 8192,
        fifo_frames: 99,
        elinks: 33,
        build: 0xabcd_1234,
        width,
        ..CardParams::default()
    };
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    let mut read = |register: u32| bench.read(BAR0 + u64::from(register), 4);
    let registers = [card::FIFO_BYTES, card::FIFO_FRAMES, card::ELINKS, card::BUILD].map(&mut read);
    assert_eq!(registers, [8192, 99, 33, 0xabcd_1234]);
    let caps = read(card::CAPS);
    let fields = [card::caps::C2H_CHANNELS, card::caps::H2C_CHANNELS, card::caps::VECTORS_MINUS_ONE, card::caps::PORT_BYTES];
    assert_eq!(fields.map(|field| field.get(caps)), [3, 2, 6, 64]);
}

/// What was rung last is what a doorbell shows.
#[test]
fn a_doorbell_shows_what_was_taken() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[1; 100], bench.now);
    bench.run(100);
    for count in [64, 160] {
        bench.set64(0, c2h::SW_COUNT, count);
        assert_eq!((bench.get64(0, c2h::SW_COUNT), bench.get32(0, c2h::ERROR)), (count, 0));
    }
}

/// CONTROL says what was asked for last.
#[test]
fn control_shows_what_runs() {
    let params = CardParams::default();
    let mut bench = Bench::new(Card::new(params.clone()).expect("legal"), &params);
    bench.bring_up(1);
    bench.enable();
    bench.set_up_ring(0, 0x1000, 0, 1000);
    bench.set_up_h2c(0, 8, 1);
    let channels = [c2h::offset(0, c2h::CONTROL), h2c::offset(0, h2c::CONTROL)];
    for on in [0, 1, 0] {
        for control in channels {
            bench.write(BAR0 + u64::from(control), on, 4);
        }
        bench.run(100);
        assert_eq!(channels.map(|control| bench.read(BAR0 + u64::from(control), 4)), [on, on]);
    }
    for on in [1, 0] {
        bench.write(BAR0 + u64::from(card::CONTROL), on, 4);
        assert_eq!(bench.read(BAR0 + u64::from(card::CONTROL), 4), on);
    }
}

/// Bytes that a write leaves out stay as they are, in either half of a register of 64 bits.
#[test]
fn a_wide_register_takes_single_bytes() {
    let mut bench = bench();
    let at = bench.channel(0, c2h::GEN_SEED);
    bench.write(at, 0x1122_3344_5566_7788, 8);
    bench.write_bytes(at + 4, 0xaabb_ccdd, 0b0100);
    bench.run(10);
    assert_eq!(bench.read(at, 8), 0x11bb_3344_5566_7788);
    bench.write_bytes(at, 0xaabb_ccdd, 0b0010);
    bench.write_bytes(at + 4, 0, 0b1000);
    bench.run(10);
    assert_eq!(bench.read(at, 8), 0x00bb_3344_5566_cc88);
}
