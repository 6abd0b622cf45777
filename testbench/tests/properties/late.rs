//! Answers that come too late, or damaged: tags at rest, and the digest of PCIe 4.0 §2.7.1. What comes out of a sender is held against what went in.

use crate::harness::{Settings, search};
use crate::tally::Tally;
use proptest::prelude::*;
use silico::fault::{FaultLog, Rule, plant};
use silico::platform::SimPlatform;
use silico_driver::card::{BringUp, Card};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendConfig, Until};
use silico_driver::platform::{Platform, Registers, Time};
use silico_sim::{CompletionSplit, HostConfig, LinkConfig, MachineConfig};
use silico_spec::generator::XorShift64;
use silico_spec::params::CardParams;
use silico_spec::registers::card;
use silico_spec::units::Cycles;

/// Clocks after which the card gives up a read, where it can be built so; a tag rests eight times as long.
const TIMEOUT: u32 = 4000;
/// Longer than anything here may take, in ns.
const PATIENCE: u64 = 20_000_000;

fn check<S: Strategy>(name: &str, strategy: &S, property: impl Fn(&S::Value) -> Result<(), String>) {
    let (settings, tally) = (Settings::from_env(), Tally::begin(name));
    if let Err(failure) = search(name, settings, strategy, property) {
        panic!("{}", failure.text(""));
    }
    tally.end(settings.case.map_or(settings.cases, |_| 1));
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// A card with `tags` tags and the fault that fits its read timeout, in a machine that has ECRC or not; and that timeout.
fn rig(tags: u16, ecrc: bool, rule: impl Fn(u32) -> String) -> Result<(SimPlatform, Card<SimPlatform>, FaultLog, u32), String> {
    let params = CardParams { c2h_channels: 1, h2c_channels: 1, read_tags: tags, read_timeout: TIMEOUT, ..CardParams::default() };
    let params = if crate::on::is_model() { CardParams { c2h_channels: 4, h2c_channels: 2, ..params } } else { params };
    let ((port, params), log) = (crate::on::card_for(&params, 0)?, FaultLog::default());
    let rule = rule(params.read_timeout);
    let rule: Rule = rule.parse().map_err(|error| format!("{rule}: {error}"))?;
    let (planted, _) = plant(&[rule], 1, port, log.clone());
    // Answers that are cut alike: one to an old read would fit a new one.
    let host = HostConfig { split: CompletionSplit::Largest, ..HostConfig::default() };
    let config = MachineConfig { link: LinkConfig { ecrc, ..LinkConfig::default() }, host, ..MachineConfig::default() };
    let platform = SimPlatform::new(config, Box::new(planted), params.c2h_channels.into()).map_err(text)?;
    let card = Card::bring_up(platform.clone(), &BringUp::default()).map_err(text)?;
    Ok((platform, card, log, params.read_timeout))
}

/// Sends `frames` again and again, `runs` times, a restart after each failure; what comes out is a beginning of it. Returns how many runs failed.
fn send(platform: &SimPlatform, card: &Card<SimPlatform>, frames: &[usize], runs: u32) -> Result<u32, String> {
    let config = SendConfig { output: Output::Stream, staging_bytes: 256 << 10, entries: 64, ..SendConfig::default() };
    let mut sender = card.send_channel(0, &config).map_err(text)?;
    let mut random = XorShift64::new(9);
    let mut failed = 0;
    for run in 0..runs {
        sender.start().or_else(|_| sender.restart()).map_err(text)?;
        platform.machine().take_output(0);
        let mut sent = Vec::new();
        let mut go = || -> Result<(), DriverError> {
            for bytes in frames {
                let frame: Vec<u8> = (0..*bytes).map(|_| random.step() as u8).collect();
                sent.extend_from_slice(&frame);
                sender.send(&frame, run.into())?;
            }
            sender.wait(Until::AllSent, platform.now().after(PATIENCE)).map(drop)
        };
        let whole = match go() {
            Ok(()) => true,
            Err(DriverError::Failed { .. }) => false,
            Err(other) => return Err(format!("run {run}: {other}")),
        };
        failed += u32::from(!whole);
        let came: Vec<u8> = platform.machine().take_output(0).bytes;
        if came.len() > sent.len() || came[..] != sent[..came.len()] || whole && came.len() != sent.len() {
            return Err(format!("run {run}: of {} bytes, {} came, and they are not those", sent.len(), came.len()));
        }
        let _ = sender.stop();
    }
    Ok(failed)
}

/// A tag whose read ran out of time rests until its completion has come, or none can come any more: nothing of the old read gets into a new one, and in the
/// end all tags are back.
#[test]
fn hazard_14_a_tag_rests_while_its_answer_may_come() {
    let late = prop_oneof![3 => (TIMEOUT + 700..6 * TIMEOUT).prop_map(Some), 1 => Just(None)];
    // Of one size as a rule, so that an old answer would pass for a new one.
    let size = prop_oneof![3 => (1_usize..9).prop_map(|reads| 512 * reads), 1 => 1_usize..6000];
    let frames = prop::collection::vec(size, 3..20);
    check(
        "late::hazard_14_a_tag_rests_while_its_answer_may_come",
        &(late, 3_u32..40, 1_u16..4, frames),
        |&(late, nth, tags, ref frames)| {
            // As many times the timeout of the card that it is.
            let what = |timeout: u32| late.map_or("drop".into(), |clocks| format!("overtake({})", clocks * (timeout / TIMEOUT)));
            let (platform, card, log, timeout) = rig(tags, false, |timeout| format!("cpl.{}@{nth}/h2c=0", what(timeout)))?;
            let failed = send(&platform, &card, frames, 12)?;
            let regs = platform.registers();
            let read = |register| regs.read32(register).map_err(text);
            let total = card::read_quarantine::TOTAL.get(read(card::READ_QUARANTINE)?.into());
            // What is held up holds up what is behind it.
            if failed > 0 && total < log.total() || (failed > 0) != (log.total() > 0) {
                return Err(format!("{} answers were late: {failed} runs failed, {total} reads ran out of time", log.total()));
            }
            let mut machine = platform.machine();
            let to = machine.now().after(Cycles(u64::from(timeout) * 9));
            machine.advance_to(to);
            drop(machine);
            let resting = card::read_quarantine::TAGS.get(read(card::READ_QUARANTINE)?.into());
            let used = card::read_tags::IN_USE.get(read(card::READ_TAGS)?.into());
            if (resting, used) != (0, 0) {
                return Err(format!("{resting} tags rest, and {used} are in use, long after all is over"));
            }
            crate::tally::add(platform.machine().now().0);
            platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
        },
    );
}

/// With ECRC, what was damaged beyond the link's own check is never taken: the read runs out of time. All that the card sends bears a digest that fits,
/// or the strict root complex says so.
#[test]
fn hazard_02_what_its_digest_does_not_fit_is_not_taken() {
    let frames = prop::collection::vec(64_usize..3000, 3..12);
    let cases = (0_u32..64, 1_u8..=255, 4_u32..30, frames);
    check("late::hazard_02_what_its_digest_does_not_fit_is_not_taken", &cases, |&(byte, mask, nth, ref frames)| {
        let (platform, card, log, _) = rig(16, true, |_| format!("cpl.corrupt(data[{byte}]^{mask:#x})@{nth}/h2c=0"))?;
        let failed = send(&platform, &card, frames, 3)?;
        if u64::from(failed) != log.total() {
            return Err(format!("{} completions were damaged, and {failed} runs failed", log.total()));
        }
        crate::tally::add(platform.machine().now().0);
        platform.machine().violation().map_or(Ok(()), |violation| Err(violation.to_string()))
    });
}
