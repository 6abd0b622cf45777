//! The register map walked on every target, over the simulated bus: reset values, access types, bit bash, single pulses, byte enables, 64-bit pairs, aliases,
//! holes, channels that this card does not have. All of it from `spec::registers::MAP`; the model has a walk of its own over all channels that there can be.

#[cfg(feature = "rtl")]
#[path = "common/variants.rs"]
mod variants;

use silico::target::Target;
use silico_sim::lockstep::Verdict;
use silico_sim::{HostConfig, LinkConfig, Machine, MachineConfig};
use silico_spec::map::{Access, Register};
use silico_spec::params::CardParams;
use silico_spec::registers::{MAP, MAP_BYTES, c2h, card, h2c};
use silico_spec::units::Cycles;

/// A card in a machine that answers fast.
struct Rig {
    machine: Machine,
    verdict: Verdict,
    params: CardParams,
}

impl Rig {
    fn new(target: &Target, params: &CardParams) -> Self {
        let (params, verdict) = (params.clone(), Verdict::default());
        let port = target.card(&params, &verdict).unwrap_or_else(|error| panic!("{error}"));
        let link = LinkConfig { latency: Cycles(1), ..LinkConfig::default() };
        let host = HostConfig { mmio_read_latency: silico_sim::Distribution::Fixed(0), ..HostConfig::default() };
        let config = MachineConfig { link, host, ..MachineConfig::default() };
        let mut machine = Machine::new(config, port, params.c2h_channels.into()).expect("a legal machine");
        machine.enumerate().expect("the card is found");
        Self { machine, verdict, params }
    }

    fn read(&mut self, offset: u32, bytes: u8) -> u64 {
        self.machine.read(0, offset.into(), bytes).expect("an answer")
    }

    fn write(&mut self, offset: u32, bytes: u8, value: u64) {
        self.machine.write(0, offset.into(), bytes, value).expect("a posted write");
    }

    fn get(&mut self, register: &Register) -> u64 {
        self.read(register.offset, register.bits / 8)
    }

    fn set(&mut self, register: &Register, value: u64) {
        self.write(register.offset, register.bits / 8, value);
    }

    /// Writes that went to no register, or to one that is read-only.
    fn holes(&mut self) -> u64 {
        self.read(card::HOLE_WRITES, 4)
    }

    /// Registers that this card has.
    fn map(&self) -> impl Iterator<Item = &'static Register> + use<> {
        let (c2h, h2c) = (u32::from(self.params.c2h_channels), u32::from(self.params.h2c_channels));
        MAP.iter().filter(move |register| match register.block {
            "c2h" => register.index < c2h,
            "h2c" => register.index < h2c,
            _ => true,
        })
    }

    /// Nothing parted, and the card broke no rule.
    fn end(&self) {
        assert!(self.verdict.divergence().is_none(), "{}", self.verdict.divergence().map_or_else(String::new, |parted| parted.to_string()));
        assert!(self.machine.violation().is_none(), "{:?}", self.machine.violation());
    }
}

fn all(register: &Register) -> u64 {
    u64::MAX >> (64 - register.bits)
}

/// Registers whose writes act at once: what they hold is not simply what was written.
fn acts(register: &Register) -> bool {
    let within = register.offset & 0x1ff;
    let c2h = register.block == "c2h" && [c2h::SW_COUNT, c2h::CONTROL, c2h::FREE_TAIL, c2h::COMP_HEAD].contains(&within);
    let h2c = register.block == "h2c" && [h2c::TAIL, h2c::CONTROL].contains(&within);
    register.pulse_mask != 0 || register.access == Access::Wo || c2h || h2c
}

/// Registers that hold what is written.
fn plain(register: &Register) -> bool {
    !acts(register) && register.storage_mask() != 0
}

fn reset_values(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    let mut checked = 0;
    for register in rig.map().filter(|register| !register.volatile) {
        assert_eq!(rig.get(register), register.reset, "{register:?}");
        checked += 1;
    }
    assert!(checked > 100, "{checked} registers");
    // The card's own reset gives them back, whatever was written.
    for register in rig.map().filter(|register| plain(register)) {
        rig.set(register, all(register));
    }
    rig.write(card::CONTROL, 4, card::control::RESET.set(0, 1));
    for register in rig.map().filter(|register| !register.volatile) {
        assert_eq!(rig.get(register), register.reset, "after a reset: {register:?}");
    }
    rig.end();
}

fn bit_bash(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    for register in rig.map().filter(|register| !acts(register) && !register.volatile) {
        let mut patterns = vec![all(register), 0, 0xaaaa_aaaa_aaaa_aaaa & all(register), 0x5555_5555_5555_5555 & all(register)];
        if register.index == 0 {
            patterns.extend((0..register.bits).map(|bit| 1 << bit));
        }
        for pattern in patterns {
            rig.set(register, pattern);
            let mask = register.storage_mask();
            assert_eq!(rig.get(register), pattern & mask | register.reset & !mask, "{pattern:#x} to {register:?}");
        }
        rig.set(register, register.reset);
    }
    rig.end();
}

fn access_types(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    for register in rig.map() {
        let before = rig.holes();
        match register.access {
            // A write changes nothing, and is counted.
            Access::Ro if register.offset != card::HOLE_WRITES => {
                let held = rig.get(register);
                rig.set(register, !held & all(register));
                assert_eq!(rig.holes(), before + u64::from(register.bits) / 32, "{register:?}");
                assert!(register.volatile || rig.get(register) == held, "{register:?}");
            }
            Access::Ro => {}
            Access::Wo => {
                rig.set(register, all(register));
                assert_eq!((rig.get(register), rig.holes()), (0, before), "{register:?}");
            }
            Access::Rw if !acts(register) => {
                rig.set(register, register.reset);
                assert_eq!(rig.holes(), before, "{register:?}");
            }
            Access::Rw => {}
        }
    }
    // What acts once reads as zero, also when nothing else is written with it.
    for register in rig.map().filter(|register| register.pulse_mask != 0) {
        rig.set(register, register.pulse_mask);
        assert_eq!(rig.get(register) & register.pulse_mask, 0, "{register:?}");
    }
    rig.end();
}

fn byte_enables(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    let mut checked = 0;
    for register in rig.map().filter(|register| plain(register) && register.bits == 32 && register.index == 0) {
        let mask = register.storage_mask();
        let kept = register.reset & !mask;
        rig.set(register, 0);
        let mut held = 0;
        for byte in 0..4_u32 {
            rig.write(register.offset + byte, 1, 0xa5 + u64::from(byte));
            held = held & !(0xff << (8 * byte)) | (0xa5 + u64::from(byte)) << (8 * byte);
            assert_eq!(rig.get(register), held & mask | kept, "byte {byte} of {register:?}");
        }
        rig.set(register, all(register));
        rig.write(register.offset + 2, 2, 0);
        assert_eq!(rig.get(register), 0xffff & mask | kept, "upper half of {register:?}");
        rig.set(register, register.reset);
        checked += 1;
    }
    assert!(checked > 10, "{checked} registers");
    rig.end();
}

fn pairs(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    let mut checked = 0;
    for register in rig.map().filter(|register| plain(register) && register.bits == 64) {
        let (at, mask) = (register.offset, register.storage_mask());
        rig.set(register, 0);
        rig.write(at, 4, 0x1122_3344);
        assert_eq!(rig.get(register), register.reset & !mask, "the low word waits for the high one: {register:?}");
        rig.write(at + 4, 4, 0x5566_7788);
        assert_eq!(rig.get(register), 0x5566_7788_1122_3344 & mask, "{register:?}");
        let halves = rig.read(at, 4) | rig.read(at + 4, 4) << 32;
        assert_eq!(halves, rig.get(register), "{register:?}");
        rig.set(register, register.reset);
        checked += 1;
    }
    assert!(checked > 5, "{checked} registers");
    // A count that grows is read whole: its high word is of when its low one was read.
    for _ in 0..20 {
        let (low, high) = (rig.read(card::CYCLES, 4), rig.read(card::CYCLES + 4, 4));
        let whole = rig.read(card::CYCLES, 8);
        assert!(high << 32 | low <= whole, "{high:#x} {low:#x} {whole:#x}");
    }
    rig.end();
}

fn no_aliases(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    let registers: Vec<&Register> = rig.map().filter(|register| plain(register)).collect();
    let value = |n: usize, register: &Register| (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & register.storage_mask();
    for (n, register) in registers.iter().enumerate() {
        rig.set(register, value(n, register));
    }
    for (n, register) in registers.iter().enumerate() {
        assert_eq!(rig.get(register), value(n, register) | register.reset & !register.storage_mask(), "{register:?}");
    }
    rig.end();
}

fn holes(target: &Target, params: &CardParams) {
    let mut rig = Rig::new(target, params);
    let has: Vec<&Register> = rig.map().collect();
    let covered =
        |offset: u32| has.iter().any(|register| (register.offset..register.offset + u32::from(register.bits) / 8).contains(&offset));
    let mut checked = 0;
    // Every hole between registers; of channels that are not there, and of what lies behind the map, some.
    for offset in (0..MAP_BYTES).step_by(4).filter(|offset| !covered(*offset) && (offset % 0x200 < 0x1a0 || offset % 0x1c == 0)) {
        let before = rig.holes();
        rig.write(offset, 4, u64::from(u32::MAX));
        assert_eq!(rig.read(offset, 4), 0, "hole at {offset:#x}");
        assert_eq!(rig.holes(), before + 1, "hole at {offset:#x}");
        checked += 1;
    }
    assert!(checked > 1000, "{checked} holes");
    rig.end();
}

/// Each walk on each target that this build has, on the RTL with each variant.
macro_rules! on_each_target {
    ($($walk:ident)*) => {
        $(mod $walk {
            use silico::target::Target;
            use silico_spec::params::CardParams;

            #[test]
            fn on_the_model() {
                super::$walk(&Target::Model, &CardParams::default());
            }

            #[cfg(feature = "rtl")]
            use crate::variants::{on_each_variant, params};
            #[cfg(feature = "rtl")]
            on_each_variant! {
                #[rstest::rstest]
                #[case(Target::Rtl)]
                #[case(Target::Lockstep)]
                fn on_the_rtl(#[case] target: Target) {
                    crate::$walk(&target, &params(VARIANT));
                }
            }
        })*
    };
}

on_each_target!(reset_values bit_bash access_types byte_enables pairs no_aliases holes);
