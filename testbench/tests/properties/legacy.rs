//! INTx and MSI: levels, messages and masks, held against what caused them; and channels that share a vector. Knows no frame.

use crate::harness::{Settings, search};
use crate::tally::Tally;
use proptest::prelude::*;
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::channel::{DataInterrupt, Generator, Lengths, RingConfig, Source, Wait, WaitMode};
use silico_driver::h2c::{Output, SendConfig, SpaceInterrupt, Until};
use silico_driver::interrupts::InterruptChoice;
use silico_driver::platform::{InterruptKind, Time};
use silico_sim::{LinkConfig, Machine, MachineConfig, MachineError};
use silico_spec::config::capabilities::pcie::{self, device_control};
use silico_spec::config::capabilities::{msi, standard_id};
use silico_spec::config::header::{COMMAND_STATUS, command};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::Cycles;

/// Causes that can be had at will: the error causes of four C2H and two H2C channels, which refuse to start. Each has the vector of its number.
const CAUSES: usize = 6;
const C2H: usize = 4;
/// Clocks in which whatever follows from one access has followed.
const SOON: u64 = 3000;
/// Interrupt Status, PCIe 4.0 §7.5.1.1.4, in the dword of command and status.
const INTERRUPT_STATUS: u32 = 1 << 19;

/// One thing done to the card.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A cause is signalled.
    Fire(usize),
    /// Bit per cause: acknowledged in one write for each register.
    Acknowledge(u8),
    /// The channel behind a cause is reset.
    Reset(usize),
    /// Interrupt Disable, or the masks of MSI.
    Mask(u8),
}

/// What a card should do, in the fewest words.
#[derive(Debug, Default)]
struct Reference {
    fired: [bool; CAUSES],
    mask: u8,
    pending: u8,
    /// 0: INTx.
    granted: u8,
    messages: [u64; 8],
}

impl Reference {
    fn bit(&self, cause: usize) -> u8 {
        1 << (cause % usize::from(self.granted.max(1)))
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Fire(cause) => {
                self.fired[cause] = true;
                self.pending |= self.bit(cause);
            }
            Act::Acknowledge(causes) => (0..CAUSES).filter(|cause| causes >> cause & 1 != 0).for_each(|cause| self.fired[cause] = false),
            Act::Reset(cause) => self.fired[cause] = false,
            Act::Mask(mask) => self.mask = mask,
        }
        // What was served without a message is not pending any more.
        self.pending &= (0..CAUSES).filter(|cause| self.fired[*cause]).fold(0, |bits, cause| bits | self.bit(cause));
        for vector in (0..8).filter(|vector| (self.pending & !self.mask) >> vector & 1 != 0) {
            self.messages[vector] += u64::from(self.granted > 0);
        }
        self.pending &= self.mask;
    }

    fn level(&self) -> bool {
        self.granted == 0 && self.mask & 1 == 0 && self.fired.contains(&true)
    }
}

struct Rig {
    machine: Machine,
    msi: u16,
    command: u32,
}

fn text(error: MachineError) -> String {
    error.to_string()
}

impl Rig {
    fn new(granted: u8, ecrc: bool) -> Result<Self, String> {
        let card = crate::on::card(&CardParams::default())?;
        let config = MachineConfig { link: LinkConfig { ecrc, ..LinkConfig::default() }, ..MachineConfig::default() };
        let mut machine = Machine::new(config, card, C2H).map_err(|error| error.to_string())?;
        machine.enumerate().map_err(text)?;
        let msi = machine.function().and_then(|function| function.standard(standard_id::MSI)).ok_or("no MSI")?;
        if granted > 0 {
            machine.enable_msi(granted.into()).map_err(text)?;
        }
        machine.write(0, card::CONTROL.into(), 4, 1).map_err(text)?;
        let command = machine.config_read(COMMAND_STATUS).map_err(text)? & 0xffff & !command::INTX_DISABLE;
        if granted == 0 {
            machine.config_write(COMMAND_STATUS, command).map_err(text)?;
        }
        let mut rig = Self { machine, msi, command };
        (0..CAUSES).try_for_each(|cause| rig.enable(cause))?;
        Ok(rig)
    }

    fn register(cause: usize, [of_c2h, of_h2c]: [u32; 2]) -> u64 {
        match cause.checked_sub(C2H) {
            None => c2h::offset(cause as u32, of_c2h).into(),
            Some(channel) => h2c::offset(channel as u32, of_h2c).into(),
        }
    }

    /// The cause has the vector of its number.
    fn enable(&mut self, cause: usize) -> Result<(), String> {
        self.machine.write(0, Self::register(cause, [c2h::INT_ERROR, h2c::INT_ERROR]), 4, 1 << 31 | cause as u64).map_err(text)
    }

    fn act(&mut self, act: Act, granted: u8) -> Result<(), String> {
        let control = |cause| Self::register(cause, [c2h::CONTROL, h2c::CONTROL]);
        match act {
            Act::Fire(cause) => self.machine.write(0, control(cause), 4, c2h::control::RUN.set(0, 1)).map_err(text)?,
            Act::Acknowledge(causes) => {
                let (first, second) = bits(|cause| causes >> cause & 1 != 0);
                self.machine.write(0, card::INT_ACK.into(), 4, first).map_err(text)?;
                self.machine.write(0, card::INT_ACK_2.into(), 4, second).map_err(text)?;
            }
            Act::Reset(cause) => {
                self.machine.write(0, control(cause), 4, c2h::control::RESET.set(0, 1)).map_err(text)?;
                self.pass();
                self.enable(cause)?;
            }
            Act::Mask(mask) if granted > 0 => self.machine.config_write(self.msi + msi::MASK, mask.into()).map_err(text)?,
            Act::Mask(mask) => {
                let disable = if mask & 1 == 0 { 0 } else { command::INTX_DISABLE };
                self.machine.config_write(COMMAND_STATUS, self.command | disable).map_err(text)?;
            }
        }
        self.pass();
        Ok(())
    }

    /// Without a word before it: nobody has switched INTx off.
    fn reset_function(&mut self) -> Result<(), String> {
        let at = self.machine.function().and_then(|function| function.standard(standard_id::PCIE)).ok_or("no PCIe capability")?;
        let control = self.machine.config_read(at + pcie::DEVICE_CONTROL).map_err(text)? & 0xffff;
        self.machine.config_write(at + pcie::DEVICE_CONTROL, control | device_control::INITIATE_FLR).map_err(text)?;
        self.pass();
        Ok(())
    }

    fn pass(&mut self) {
        let to = self.machine.now().after(Cycles(SOON));
        self.machine.advance_to(to);
    }

    /// Everything that tells of a cause says the same.
    fn check(&mut self, wanted: &Reference) -> Result<(), String> {
        let (first, second) = bits(|cause| wanted.fired[cause]);
        let found = [card::INT_STATUS, card::INT_STATUS_2].map(|register| self.machine.read(0, register.into(), 4).map_err(text));
        let levels = self.machine.intx_levels();
        let status = self.machine.config_read(COMMAND_STATUS).map_err(text)? & INTERRUPT_STATUS != 0;
        let any = wanted.granted == 0 && wanted.fired.contains(&true);
        let mut messages = [0; 8];
        self.machine.stats().interrupts.iter().zip(&mut messages).for_each(|(count, message)| *message = *count);
        let pending = self.machine.config_read(self.msi + msi::PENDING).map_err(text)?;
        let pending_wanted = if wanted.granted == 0 { pending } else { wanted.pending.into() };
        if found != [Ok(first), Ok(second)]
            || (levels & 1 != 0, status, messages, pending) != (wanted.level(), any, wanted.messages, pending_wanted)
        {
            return Err(format!(
                "INT_STATUS {found:x?}, INTA {levels}, Interrupt Status {status}, messages {messages:?}, pending {pending:#x}; wanted is {wanted:?}"
            ));
        }
        self.machine.violation().map_or(Ok(()), |violation| Err(violation.to_string()))
    }
}

/// The words of `INT_STATUS` and `INT_STATUS_2`, or of what acknowledges them.
fn bits(is: impl Fn(usize) -> bool) -> (u64, u64) {
    let word = |causes: std::ops::Range<usize>| {
        causes.clone().filter(|cause| is(*cause)).fold(0, |word, cause| word | 1 << (cause - causes.start))
    };
    (word(0..C2H) << 16, word(C2H..CAUSES) << 8)
}

fn check<S: Strategy>(name: &str, strategy: &S, property: impl Fn(&S::Value) -> Result<(), String>) {
    let (settings, tally) = (Settings::from_env(), Tally::begin(name));
    if let Err(failure) = search(name, settings, strategy, property) {
        panic!("{}", failure.text(""));
    }
    tally.end(settings.case.map_or(settings.cases, |_| 1));
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..CAUSES).prop_map(Act::Fire),
        2 => (1_u8..1 << CAUSES).prop_map(Act::Acknowledge),
        1 => (0..CAUSES).prop_map(|cause| Act::Acknowledge(1 << cause)),
        1 => (0..CAUSES).prop_map(Act::Reset),
        2 => any::<u8>().prop_map(Act::Mask),
        1 => Just(Act::Mask(0)),
    ]
}

/// The level of INTA, the status registers, the messages of MSI and their pending bits follow the causes and nothing else; a reset of the function lets
/// the level fall, and the root complex hears of it.
#[test]
fn hazard_06_levels_and_messages_follow_their_causes() {
    let cases = (prop::sample::select(vec![0_u8, 0, 1, 2, 4, 8]), any::<bool>(), prop::collection::vec(act(), 1..25));
    check("legacy::hazard_06_levels_and_messages_follow_their_causes", &cases, |&(granted, ecrc, ref acts)| {
        let mut rig = Rig::new(granted, ecrc)?;
        let mut reference = Reference { granted, ..Reference::default() };
        for (number, act) in acts.iter().enumerate() {
            rig.act(*act, granted)?;
            reference.act(*act);
            rig.check(&reference).map_err(|why| format!("act {number}, {act:?}: {why}"))?;
        }
        rig.reset_function()?;
        match (rig.machine.intx_levels(), rig.machine.violation()) {
            (0, None) => Ok(()),
            found => Err(format!("after a function-level reset: INTA and violation are {found:?}")),
        }
    });
}

/// Channels that share vectors, whatever their kind: everybody who sleeps is woken by what is his.
#[test]
fn hazard_05_who_shares_a_vector_is_woken_too() {
    let kinds = prop::sample::select(vec![InterruptKind::MsiX, InterruptKind::Msi, InterruptKind::Intx]);
    let cases = (kinds, 1_u16..4, 1_u8..5, 0_u8..3, 200_u32..2500, prop_oneof![Just(1_u32), 2_u32..4]);
    check("legacy::hazard_05_who_shares_a_vector_is_woken_too", &cases, |&(kind, granted, lanes, senders, pause, frames)| {
        const PATIENCE: u64 = 2_000_000;
        let port = crate::on::card(&CardParams::default())?;
        let platform = SimPlatform::new(MachineConfig::default(), port, C2H).map_err(|error| error.to_string())?;
        platform.limit_interrupts(kind, granted);
        let how = BringUp { interrupts: InterruptChoice::Only(kind), ..BringUp::default() };
        let card = Card::bring_up(platform.clone(), &how).map_err(|error| error.to_string())?;
        let time = if frames > 1 { 4000 } else { 0 };
        let mut rings = Vec::new();
        for channel in 0..lanes {
            let pause = pause + 170 * u32::from(channel);
            let made = Generator { lengths: Lengths::Fixed(100), seed: channel.into(), pause, ..Generator::default() };
            let interrupt = Some(DataInterrupt { vector: channel, frames, time, error_vector: channel });
            let config = RingConfig {
                source: Source::Generator(made),
                max_frame: 4096,
                interrupt,
                wait: WaitMode::Interrupt,
                ..RingConfig::default()
            };
            let mut ring = card.channel(channel, &config).map_err(|error| error.to_string())?;
            ring.start().map_err(|error| error.to_string())?;
            rings.push(ring);
        }
        let mut sends = Vec::new();
        for number in 0..senders {
            let vector = lanes + number;
            let interrupt = Some(SpaceInterrupt { vector, error_vector: vector, ..SpaceInterrupt::default() });
            let config = SendConfig { output: Output::Check, interrupt, wait: WaitMode::Interrupt, ..SendConfig::default() };
            let mut send = card.send_channel(number, &config).map_err(|error| error.to_string())?;
            send.start().map_err(|error| error.to_string())?;
            sends.push(send);
        }
        for round in 0..8 {
            for send in &mut sends {
                send.send(&[7; 3000], round).map_err(|error| error.to_string())?;
                send.flush().map_err(|error| error.to_string())?;
            }
            for ring in &mut rings {
                let waited = ring.wait(platform.now().after(PATIENCE)).map_err(|error| error.to_string())?;
                if waited != Wait::Ready {
                    return Err(format!("channel {}, round {round}: {waited:?}, {:?}", ring.number(), ring.wait_stats()));
                }
                while ring.poll().map_err(|error| error.to_string())?.is_some() {}
            }
            for send in &mut sends {
                let waited = send.wait(Until::AllSent, platform.now().after(PATIENCE)).map_err(|error| error.to_string())?;
                if waited != Wait::Ready {
                    return Err(format!("sender {}, round {round}: {waited:?}, {:?}", send.number(), send.wait_stats()));
                }
            }
        }
        platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
    });
}
