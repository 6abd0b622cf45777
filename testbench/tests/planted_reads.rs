//! Faults around the card's own reads, over the full loop: host-to-card channels fetch descriptors and payload, and something goes wrong on the way. The
//! driver gets a typed error (or the right bytes, if the fault only costs time), other channels go on, and after a reset of the channel all is as
//! before.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::fault::{Notice, card_notices};
use silico::run::{Bench, RunConfig, build};
use silico_driver::error::DriverError;
use silico_driver::h2c::{Output, SendChannel, SendConfig, Until};
use silico_driver::platform::{ConfigSpace, Time};
use silico_spec::config::capabilities::{pcie, standard_id};
use silico_spec::config::walk::{CapabilityId, walk_standard};
use silico_spec::crc::crc32c;
use silico_spec::writeback::ChannelError;

type Channel = SendChannel<silico::platform::SimPlatform>;

const BYTES: usize = 3000;

fn bench(rule: &str) -> Bench {
    let bench = unhurried(rule);
    shorten_timeout(&bench);
    bench
}

/// With the completion timeout of the default range.
fn unhurried(rule: &str) -> Bench {
    let options = RunOptions::typed(&["--fault", rule]).expect("a rule");
    build(&RunConfig::new(&options).expect("legal settings")).expect("the card comes up")
}

/// Completion timeout range A, 50 to 100 us: as short as it gets (PCIe 4.0 §7.5.3.16).
fn shorten_timeout(bench: &Bench) {
    let read = |offset| bench.platform.read_config32(offset);
    let capabilities = walk_standard(read).expect("a sound chain");
    let found = capabilities.iter().find(|one| one.id == CapabilityId::Standard(standard_id::PCIE)).expect("a PCI Express function");
    let control = found.offset + pcie::DEVICE_CONTROL_2;
    let value = read(control).expect("readable");
    bench.platform.write_config32(control, value & 0xffff & !0xf | 1).expect("writable");
}

fn open(bench: &Bench, number: u8) -> Channel {
    let config = SendConfig { output: Output::Check, ..SendConfig::default() };
    let mut channel = bench.card.send_channel(number, &config).expect("a channel");
    channel.start().expect("started");
    channel
}

/// Sends frames until something goes wrong, or all have been checked.
fn send(bench: &Bench, channel: &mut Channel, frames: usize) -> Result<(), DriverError> {
    for seed in 0..frames {
        let payload: Vec<u8> = (0..BYTES).map(|i| (i * 131 + seed * 17) as u8).collect();
        let ticket = channel.send(&payload, seed as u64)?;
        // Far beyond the completion timeout of any card.
        let deadline = bench.platform.now().after(100_000_000);
        channel.wait(Until::Sent(ticket), deadline)?;
        assert!(channel.is_sent(ticket)?, "frame {seed} stands still, and nobody says why");
        let seen = channel.checked()?;
        assert_eq!((seen.length as usize, seen.crc), (BYTES, crc32c(&payload)), "frame {seed}");
    }
    Ok(())
}

fn failure(result: Result<(), DriverError>) -> ChannelError {
    match result.expect_err("something is wrong") {
        DriverError::Failed { failure, .. } => failure.error().expect("a known code"),
        other => panic!("{other}"),
    }
}

#[rstest]
#[case("cpl.ur@3", ChannelError::UnsupportedRequest, "unsupported request received")]
#[case("cpl.ca@3", ChannelError::CompleterAbort, "completer abort received")]
#[case("cpl.timeout@3", ChannelError::CompletionTimeout, "completion timeout")]
#[case("cpl.drop@3", ChannelError::CompletionTimeout, "completion timeout")]
#[case("cpl.poison@3", ChannelError::PoisonedCompletion, "poisoned TLP")]
#[case("cpl.malformed@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("cpl.truncate(1)@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("cpl.crs@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("cpl.corrupt(tag^0x40)@3", ChannelError::CompletionTimeout, "advisory non-fatal error")]
#[case("cpl.corrupt(requester^0x8)@3", ChannelError::CompletionTimeout, "advisory non-fatal error")]
#[case("cpl.corrupt(byte-count^0x4)@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("cpl.corrupt(lower-address^0x8)@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("cpl.corrupt(length^0x1)@3", ChannelError::CompletionTimeout, "malformed TLP")]
#[case("mrd.ur@3", ChannelError::UnsupportedRequest, "unsupported request received")]
#[case("mrd.ca@3", ChannelError::CompleterAbort, "completer abort received")]
#[case("mrd.timeout@3", ChannelError::CompletionTimeout, "completion timeout")]
#[case("mrd.drop@3", ChannelError::CompletionTimeout, "completion timeout")]
#[case("mrd.timeout@1/ch=0", ChannelError::CompletionTimeout, "completion timeout")]
#[case("cpl.ur@2/h2c=0", ChannelError::UnsupportedRequest, "unsupported request received")]
fn a_read_gone_wrong_stops_its_channel_with_a_typed_error(#[case] rule: &str, #[case] error: ChannelError, #[case] noticed: &str) {
    let bench = bench(rule);
    let (mut channel, mut other) = (open(&bench, 0), open(&bench, 1));
    assert_eq!(failure(send(&bench, &mut channel, 5)), error, "{rule}");
    assert_eq!(bench.planted.total(), 1);
    let notices: Vec<Notice> = card_notices(&bench.card);
    assert!(notices.iter().any(|notice| notice.what == noticed), "{notices:?}");
    send(&bench, &mut other, 5).expect("the other channel goes on");
    channel.start().expect("a start after a failure resets the channel");
    send(&bench, &mut channel, 5).expect("and all is as before");
    assert_eq!(bench.platform.machine().violation().map(ToString::to_string), None);
}

/// What arrives is right, whatever the way there.
#[rstest]
#[case("cpl.delay(300)%0.2")]
#[case("cpl.overtake(300)%0.2")]
#[case("cpl.stall(300)%0.2")]
#[case("mrd.delay(300)%0.2")]
#[case("mrd.overtake(300)%0.2")]
#[case("mrd.stall(300)%0.2")]
#[case("mrd.retrain(300)%0.2")]
#[case("mrd.starve(3000)%0.2")]
#[case("cpl.spurious%0.2")]
#[case("cpl.dup%0.2")]
#[case("any.delay(20)%0.1")]
fn what_costs_time_only_changes_no_byte(#[case] rule: &str) {
    let bench = bench(&format!("{rule}/cycles=10000..100000000"));
    let mut channel = open(&bench, 0);
    send(&bench, &mut channel, 40).expect("nothing is wrong");
    assert!(bench.planted.total() > 3, "{} planted", bench.planted.total());
    assert!(channel.stop().is_ok());
    assert_eq!(bench.platform.machine().violation().map(ToString::to_string), None);
}

/// Fields of a request that the root complex looks at.
#[rstest]
#[case("mrd.corrupt(requester^0x8)@3", "requester-id")]
#[case("mrd.corrupt(length^0x100)@3", "well-formed")]
#[case("mrd.corrupt(be^0x1)@3/times=1", "")]
#[case("mrd.corrupt(address^0x4000000)@3", "bounds")]
#[case("mrd.malformed@3", "well-formed")]
#[case("mrd.dup@3", "tag")]
fn a_broken_request_breaks_a_rule_of_the_root_complex(#[case] rule: &str, #[case] broken: &str) {
    let bench = bench(rule);
    let mut channel = open(&bench, 0);
    let result = send(&bench, &mut channel, 5);
    let violation = bench.platform.machine().violation().map(|violation| violation.rule);
    if broken.is_empty() {
        // Fewer bytes come than the card asked for: it is for the card to notice.
        assert_eq!((failure(result), violation), (ChannelError::CompletionTimeout, None));
    } else {
        assert!(result.is_err());
        assert_eq!(violation, Some(broken));
    }
    std::mem::forget(channel);
}

/// The card gives up after 50 ms, and so does not the driver before.
#[rstest]
fn a_stop_waits_for_a_lost_completion_as_long_as_the_card_does(#[values(false, true)] by_reset: bool) {
    let bench = unhurried("cpl.drop@3");
    let mut channel = open(&bench, 0);
    channel.send(&[7; BYTES], 0).expect("room");
    let soon = bench.platform.now().after(20_000);
    channel.wait(Until::AllSent, soon).expect("nothing is known to be wrong yet");
    if by_reset {
        channel.reset().expect("a reset ends once the read has");
    } else {
        let unsent = channel.stop().expect("a stop ends once the read has");
        assert_eq!((unsent.sent, unsent.frames), (0, 1), "the frame whose bytes were lost");
    }
    let waited = bench.platform.now().0 - soon.0;
    assert!((45_000_000..60_000_000).contains(&waited), "{waited} ns");
    channel.restart().expect("as before");
    send(&bench, &mut channel, 3).expect("all is well again");
}
