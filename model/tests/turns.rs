//! Who goes next: channels, and kinds of TLPs, take turns one TLP each. Credits are given one by one, so that all wait whenever one may go.

use crate::common::{Bench, H2C_BLOCK, H2C_RING, Host, MEMORY, Sent};
use silico_model::Card;
use silico_spec::credit::Limit;
use silico_spec::descriptor::{DescriptorFlags, H2cDescriptor};
use silico_spec::params::CardParams;
use silico_spec::registers::{c2h, h2c};
use silico_spec::tlp::Kind;

const GENERATOR: u32 = 1;
const SINK: u32 = 1;
const WRITE_BACK: u32 = 1 << 2;
/// Header credits are counted by this from what the card has used.
const POSTED: usize = 0;
const NON_POSTED: usize = 1;

fn bench() -> Bench<Card> {
    let params = CardParams { c2h_channels: 3, h2c_channels: 3, ..CardParams::default() };
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(1);
    bench.enable();
    let mut host = Host::new(3);
    (host.limits.tag_bits, host.delay) = (5, (2000, 0));
    bench.host = Some(host);
    bench
}

/// So many TLPs of `class` may go from now on.
fn grant(bench: &mut Bench<Card>, class: usize, tlps: u8) {
    let used = bench.sent.iter().filter(|sent| sent.header.kind().class() as usize == class).count() as u8;
    bench.stimulus.credits.0[class] = Limit::new(Some(used.wrapping_add(tlps)), None);
}

/// What `name` says of the TLPs that go by one credit each, `count` of them.
fn order(bench: &mut Bench<Card>, class: usize, count: usize, name: impl Fn(&Sent) -> String) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        let from = bench.sent.len();
        grant(bench, class, 1);
        bench.run(30);
        let sent: Vec<_> = bench.sent[from..].iter().filter(|sent| sent.header.kind().class() as usize == class).map(&name).collect();
        assert_eq!(sent.len(), 1, "{sent:?}");
        names.extend(sent);
    }
    names
}

/// Which channel's: its ring or its block.
fn of(sent: &Sent) -> String {
    let at = sent.header.address().0 - MEMORY;
    match (sent.header.kind(), at) {
        (Kind::MemRead, 0xe_0000..) => format!("fetch {}", (at - 0xe_0000) / 0x4000),
        (Kind::MemRead, H2C_RING..) => format!("read {}", (at - H2C_RING) / 0x2000),
        (Kind::MemWrite, H2C_BLOCK..) => format!("block {}", (at - H2C_BLOCK) / 64),
        (Kind::MemWrite, _) => format!("data {}", at >> 16),
        _ => panic!("{sent:?}"),
    }
}

fn generate(bench: &mut Bench<Card>, channel: u32) {
    bench.set_up_ring(channel, 0x1_0000, GENERATOR, 1000);
    bench.set32(channel, c2h::GEN_MIN, 1000);
    bench.set32(channel, c2h::CONTROL, 1);
}

/// An H2C channel with a descriptor to read.
fn read(bench: &mut Bench<Card>, channel: u32) {
    bench.set_up_h2c(channel, 64, SINK);
    bench.h2c_set32(channel, h2c::CONTROL, 1);
    bench.h2c_set64(channel, h2c::TAIL, 64);
}

#[test]
fn channels_take_turns_to_write() {
    let mut bench = bench();
    grant(&mut bench, POSTED, 0);
    (0..3).for_each(|channel| generate(&mut bench, channel));
    bench.run(100);
    let names = order(&mut bench, POSTED, 7, of);
    assert_eq!(names, ["data 0", "data 1", "data 2", "data 0", "data 1", "data 2", "data 0"]);
}

#[test]
fn descriptor_reads_take_turns_between_channels_and_kinds() {
    let mut bench = bench();
    grant(&mut bench, NON_POSTED, 0);
    for channel in 0..3 {
        bench.set_up_pages(channel, 64, 64, 0);
        bench.set32(channel, c2h::CONTROL, 1);
        bench.set64(channel, c2h::FREE_TAIL, 64);
        read(&mut bench, channel);
    }
    bench.run(100);
    let names = order(&mut bench, NON_POSTED, 8, of);
    assert_eq!(names, ["read 0", "fetch 0", "read 1", "fetch 1", "read 2", "fetch 2", "read 0", "fetch 0"]);
}

/// A channel that has written its block has the next one due at once, and still waits for its turn.
#[test]
fn write_back_blocks_take_turns_among_themselves_and_with_data() {
    let mut bench = bench();
    bench.host.as_mut().unwrap().delay = (10, 0);
    grant(&mut bench, POSTED, 0);
    let mut given = [0; 3];
    let mut give = |bench: &mut Bench<Card>, channel: u32| {
        let descriptor =
            H2cDescriptor { address: MEMORY + 0x9_0000, length: 64, flags: DescriptorFlags(DescriptorFlags::END_OF_FRAME), cookie: 0 };
        bench.put(channel, 8, given[channel as usize], &descriptor);
        given[channel as usize] += 1;
        bench.h2c_set64(channel, h2c::TAIL, given[channel as usize]);
        bench.run(200);
    };
    for channel in 0..3 {
        bench.set_up_h2c(channel, 8, SINK | WRITE_BACK);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        give(&mut bench, channel);
    }
    let mut names = Vec::new();
    for _ in 0..4 {
        names.extend(order(&mut bench, POSTED, 1, of));
        let channel = names.last().unwrap().strip_prefix("block ").unwrap().parse().unwrap();
        give(&mut bench, channel);
    }
    assert_eq!(names, ["block 0", "block 1", "block 2", "block 0"]);
    generate(&mut bench, 0);
    bench.run(100);
    let names = order(&mut bench, POSTED, 5, of);
    assert_eq!(names, ["data 0", "block 1", "data 0", "block 2", "data 0"]);
}

/// Neither reads nor writes wait for the other kind when both have credits.
#[test]
fn reads_and_writes_take_turns() {
    let mut bench = bench();
    (0..2).for_each(|class| grant(&mut bench, class, 0));
    generate(&mut bench, 0);
    read(&mut bench, 0);
    bench.run(100);
    let from = bench.sent.len();
    (0..2).for_each(|class| grant(&mut bench, class, 3));
    bench.run(200);
    let kinds: Vec<_> = bench.sent[from..].iter().map(|sent| sent.header.kind()).collect();
    assert_eq!(kinds.len(), 6);
    assert!(kinds.windows(2).all(|pair| pair[0] != pair[1]), "{kinds:?}");
}
