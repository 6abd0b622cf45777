//! What a card is built with, over the whole loop: every width, number of channels, vectors, FIFO and e-link memory at both ends of its range works, and
//! the driver sees what was built.

use rstest::rstest;
use silico::cli::RunOptions;
use silico::run::{Progress, RunConfig, build, run};
use silico_driver::h2c::{Output, SendConfig, Until};
use silico_driver::platform::Time;
use silico_spec::crc::crc32c;
use silico_spec::params::CardParams;

fn config(args: &[&str], build: impl FnOnce(&mut CardParams)) -> RunConfig {
    let mut config = RunConfig::new(&RunOptions::typed(args).expect("options")).expect("settings");
    build(&mut config.card);
    config.card.validate().expect("legal parameters");
    config
}

fn smallest(card: &mut CardParams) {
    (card.fifo_bytes, card.fifo_frames, card.np_depth, card.read_tags, card.h2c_buffer_bytes, card.elinks) = (2048, 2, 1, 1, 8192, 8);
    card.msix_vectors = card.c2h_channels.into();
}

fn largest(card: &mut CardParams) {
    (card.fifo_bytes, card.fifo_frames, card.np_depth, card.read_tags, card.h2c_buffer_bytes) = (1 << 20, 1024, 64, 256, 1 << 20);
    (card.elinks, card.msix_vectors) = (256, 256);
}

#[rstest]
fn every_card_delivers(
    #[values("64", "128", "256", "512")] width: &str,
    #[values(1, 2, 5, 16)] channels: u8,
    #[values(smallest, largest)] ends: fn(&mut CardParams),
    #[values("frames", "blocks")] mode: &str,
) {
    let number = channels.to_string();
    let args = ["--width", width, "--channels", &number, "--notify", "interrupt", "--source", "generator", "--mode", mode];
    let args = [&args[..], &["--frames", "300", "--frame-size", "0..3000"]].concat();
    let config = config(&args, |card| {
        card.c2h_channels = channels;
        ends(card);
    });
    let report = run(&config, &mut Progress::new(true, 300)).expect("it runs");
    assert!(report.passed, "{:?}", report.finding);
    let came = report.elinks.map_or(report.frames, |elinks| elinks.chunks);
    assert_eq!(came, 300);
    assert_eq!(report.setup.port_bits.to_string(), width);
}

#[rstest]
fn every_card_fetches(
    #[values("64", "128", "256", "512")] width: &str,
    #[values(1, 3, 8)] channels: u8,
    #[values(smallest, largest)] ends: fn(&mut CardParams),
) {
    let config = config(&["--width", width], |card| {
        card.h2c_channels = channels;
        ends(card);
    });
    let bench = build(&config).expect("the card comes up");
    let shown = bench.card.capabilities();
    let card = &config.card;
    assert_eq!((shown.c2h_channels, shown.h2c_channels, shown.vectors), (card.c2h_channels, channels, card.msix_vectors));
    assert_eq!((u32::from(shown.port_bytes), shown.fifo_bytes), (card.width.bytes(), card.fifo_bytes));
    assert_eq!((shown.fifo_frames, shown.elinks), (card.fifo_frames.into(), card.elinks.into()));
    for channel in 0..channels {
        let send = SendConfig { output: Output::Check, ..SendConfig::default() };
        let mut sender = bench.card.send_channel(channel, &send).expect("a channel");
        sender.start().expect("started");
        let bytes: Vec<u8> = (0..9001).map(|i| (i * 7 + usize::from(channel)) as u8).collect();
        sender.send(&bytes, 0).expect("room");
        sender.wait(Until::AllSent, bench.platform.now().after(10_000_000)).expect("no error");
        let seen = sender.checked().expect("readable");
        assert_eq!((seen.length, seen.crc), (9001, crc32c(&bytes)), "channel {channel}");
    }
    assert!(bench.card.send_channel(channels, &SendConfig::default()).is_err(), "there is no channel {channels}");
    assert!(bench.platform.machine().violation().is_none());
}
