//! Channels with pages at the port: frames in pages of any size, given back in any order; entries that never lie; every error; every end.
mod completions;
mod doorbells;
mod ends;
mod frames;
mod free_list;
mod starvation;

use crate::common::{BAR0, Bench, Fault, Host, MEMORY, PageHost};
use rstest::rstest;
use silico_model::Card;
use silico_spec::credit::{Limit, Limits};
use silico_spec::descriptor::{CompletionFlags, PageDescriptor};
use silico_spec::frame::{Flags, FrameHeader, footprint};
use silico_spec::generator::XorShift64;
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::Inspect;
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::Kind;
use silico_spec::writeback::{ChannelError, ChannelState, WriteBack};
use std::collections::BTreeMap;

const DROP: u32 = 1 << 1;
const WRITE_BACK: u32 = 1 << 2;
const RELAXED: u32 = 1 << 3;
const PACKED: u32 = 1 << 6;
const GENERATOR: u32 = 1;

fn bench_of(params: CardParams, seed: u64) -> Bench<Card> {
    let mut bench = Bench::new(Card::new(params.clone()).unwrap(), &params);
    bench.bring_up(params.msix_vectors);
    bench.set_sizes(1, 2);
    bench.enable();
    let mut host = Host::new(seed | 1);
    (host.limits.max_payload, host.limits.max_read_request) = (256, 512);
    bench.host = Some(host);
    bench
}

fn bench() -> Bench<Card> {
    bench_of(CardParams::default(), 1)
}

fn payload(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + seed * 7 + (i >> 8)) as u8).collect()
}

fn state(bench: &mut Bench<Card>, channel: u32) -> ChannelState {
    let status = bench.get32(channel, c2h::STATUS);
    ChannelState::from_bits(c2h::status::STATE.get(status.into()) as u8).unwrap()
}

fn start(bench: &mut Bench<Card>, channel: u32) {
    bench.set32(channel, c2h::CONTROL, 1);
    bench.run(10);
    assert_eq!(state(bench, channel), ChannelState::Running);
}

fn tags_in_use(bench: &mut Bench<Card>) -> u64 {
    card::read_tags::IN_USE.get(bench.read(BAR0 + u64::from(card::READ_TAGS), 4))
}

/// Code, address and cookie, once the channel has failed.
fn error(bench: &mut Bench<Card>, channel: u32) -> (ChannelError, u64, u64) {
    for _ in 0..200 {
        if state(bench, channel) == ChannelState::Error {
            break;
        }
        bench.run(100);
    }
    assert_eq!(state(bench, channel), ChannelState::Error);
    let code = ChannelError::from_bits(bench.get32(channel, c2h::ERROR) as u8).unwrap();
    (code, bench.get64(channel, c2h::ERROR_ADDR), bench.get64(channel, c2h::ERROR_COOKIE))
}

fn idle(bench: &mut Bench<Card>, channel: u32) {
    for _ in 0..200 {
        if state(bench, channel) == ChannelState::Idle {
            return;
        }
        bench.run(50);
    }
    panic!("{:?}", state(bench, channel));
}

/// Pages of channel 0 by cookie: where, how long.
type Pages = BTreeMap<u32, (u64, u32)>;

/// A host with `pages`, cookies from 0, all of them given; the channel runs.
fn running(bench: &mut Bench<Card>, entries: (u32, u32), config: u32, pages: &[(u64, u32)]) -> (PageHost, Pages) {
    let mut host = PageHost::set_up(bench, 0, entries.0, entries.1, config);
    start(bench, 0);
    host.give(bench, 0, pages);
    (host, (0..).zip(pages.iter().copied()).collect())
}

fn few(count: u64, length: u32) -> Vec<(u64, u32)> {
    (0..count).map(|n| (n * 0x1000 + 32 * (n * 5 % 100), length)).collect()
}

/// A new run works, whatever went before.
fn restarts(bench: &mut Bench<Card>, channel: u32) {
    bench.set32(channel, c2h::CONTROL, 2);
    bench.run(20);
    assert_eq!(state(bench, channel), ChannelState::Idle);
    let registers = [c2h::FREE_TAIL, c2h::FREE_HEAD, c2h::COMP_HEAD, c2h::COMP_TAIL, c2h::FRAMES, c2h::ERROR_COOKIE];
    assert_eq!(registers.map(|register| bench.get64(channel, register)), [0; 6]);
    let mut host = PageHost::set_up(bench, channel, 5, 5, 0);
    start(bench, channel);
    assert_eq!(registers.map(|register| bench.get64(channel, register)), [0; 6]);
    let at = 0x6_0000;
    host.give(bench, 70, &[(at, 256), (at + 0x1000, 256)]);
    bench.feed(channel as usize, &payload(3, 100), bench.now);
    bench.run(2000);
    assert_eq!(host.take(bench, &[(70, (at, 256)), (71, (at + 0x1000, 256))].into()), [70]);
    assert_eq!(host.frames[0].1, payload(3, 100));
    bench.set32(channel, c2h::CONTROL, 0);
    idle(bench, channel);
    assert_eq!(tags_in_use(bench), 0);
}
