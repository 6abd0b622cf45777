//! Channels with pages at the port: frames in pages of any size, given back in any order; entries that never lie; every error; every end.

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

// --- frames -------------------------------------------------------------------------------------------------------------------

/// Any pages, any frames, any order, any host: all frames come, in order, whole.
#[rstest]
fn frames_come_whole_in_pages_of_any_size(
    #[values(0, 1, 2, 3, 4, 5)] seed: u64,
    #[values(false, true)] packed: bool,
    #[values(DataWidth::W64, DataWidth::W256, DataWidth::W512)] width: DataWidth,
    #[values((3, 2), (7, 5), (16, 11))] entries: (u32, u32),
) {
    let mut bench = bench_of(CardParams { width, fifo_bytes: 4096, read_timeout: 100_000, ..CardParams::default() }, seed);
    bench.set_sizes((seed % 3) as u32, (seed % 4) as u32);
    let host = bench.host.as_mut().unwrap();
    (host.limits.max_payload, host.limits.max_read_request) = (128 << (seed % 3), 128 << (seed % 4));
    let mut random = XorShift64::new(seed * 77 + 5);
    let mut below = move |most: u64| random.step() % most;
    // Forty places of 2 KiB, in each of which a page begins and ends anywhere on the grid; up to ten are with the card and the rest are free.
    let mut host = PageHost::set_up(&mut bench, 0, entries.0, entries.1, if packed { PACKED } else { 0 } | WRITE_BACK);
    bench.set32(0, c2h::FLUSH_TIME, 300);
    start(&mut bench, 0);
    let (mut pages, mut places, mut cookie) = (Pages::new(), (0..40_u64).collect::<Vec<_>>(), 0);
    let mut sent = Vec::new();
    for round in 0..250 {
        if round < 200 && below(2) == 0 {
            let len = [0, 1, 31, 32, 33, 100, 500, 1400, 3000, 6000][below(10) as usize];
            sent.push(payload(sent.len(), len));
            bench.feed(0, sent.last().unwrap(), bench.now + below(50));
        }
        let fetched = bench.get64(0, c2h::FREE_HEAD);
        while !places.is_empty() && host.given - fetched < host.free_entries && below(4) > 0 {
            let place = places.swap_remove(below(places.len() as u64) as usize);
            let from = 32 * below(30);
            let length = if below(3) == 0 { 32 + 32 * below(3) } else { 32 + 32 * below((2048 - from) / 32 - 1) };
            pages.insert(cookie, (2048 * place + from, length as u32));
            host.put(&mut bench, 2048 * place + from, length as u32, cookie);
            cookie += 1;
        }
        host.ring_pages(&mut bench);
        bench.run(1 + below(400));
        for back in host.take(&bench, &pages) {
            places.push(pages.remove(&back).unwrap().0 / 2048);
        }
        if below(3) > 0 {
            host.ring_taken(&mut bench);
        }
    }
    for _ in 0..3000 {
        let fetched = bench.get64(0, c2h::FREE_HEAD);
        while let Some(place) = places.pop() {
            if host.given - fetched >= host.free_entries {
                places.push(place);
                break;
            }
            pages.insert(cookie, (2048 * place, 2048));
            host.put(&mut bench, 2048 * place, 2048, cookie);
            cookie += 1;
        }
        host.ring_pages(&mut bench);
        host.ring_taken(&mut bench);
        bench.run(300);
        for back in host.take(&bench, &pages) {
            places.push(pages.remove(&back).unwrap().0 / 2048);
        }
        if host.frames.len() == sent.len() {
            break;
        }
    }
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    host.take(&bench, &pages);
    let got: Vec<_> = host.frames.iter().map(|(_, payload)| payload.clone()).collect();
    assert!(got == sent, "{} of {} frames", got.len(), sent.len());
    assert_eq!((bench.get64(0, c2h::COMP_TAIL), bench.get64(0, c2h::FRAMES)), (host.taken, sent.len() as u64));
    assert_eq!(bench.get32(0, c2h::DISCARDED), 0);
    assert!(host.taken > u64::from(entries.1) * 3, "several laps");
    assert_eq!(u64::from(bench.get32(0, c2h::PAGES_HELD)), bench.get64(0, c2h::FREE_HEAD) - host.taken);
    assert_eq!(tags_in_use(&mut bench), 0);
}

#[test]
fn without_packing_each_frame_has_a_page_of_its_own() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &few(6, 512));
    for n in 0..5 {
        bench.feed(0, &payload(n, 40), bench.now);
    }
    bench.run(3000);
    assert_eq!(host.take(&bench, &pages), [0, 1, 2, 3, 4]);
    assert!(host.entries.iter().all(|entry| (entry.bytes, entry.frames, entry.flags.0 & 7) == (96, 1, 0)));
}

#[test]
fn packed_frames_that_fit_share_a_page_and_others_start_one() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), PACKED, &few(4, 512));
    for (n, len) in [160, 160, 64, 400, 448, 10].into_iter().enumerate() {
        bench.feed(0, &payload(n, len), bench.now);
    }
    bench.run(3000);
    // 192 + 192 + 96 fit into 512; 448 (416 + 32) do not fit behind them; neither do 480 behind those, nor 64 behind those.
    assert_eq!(host.take(&bench, &pages), [0, 1, 2]);
    let shown: Vec<_> = host.entries.iter().map(|entry| (entry.bytes, entry.frames, entry.flags.0 & 7)).collect();
    assert_eq!(shown, [(480, 3, 0), (448, 1, 0), (480, 1, 0)]);
    assert_eq!(host.frames.len(), 5, "the last one lies in a page that is open");
}

/// A frame longer than half of the FIFO begins before anybody knows its end: never behind others, which would wait for it.
#[test]
fn a_long_frame_begins_a_page_of_its_own() {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, 3);
    let (mut host, pages) = running(&mut bench, (16, 16), PACKED, &[(0x100, 4096), (0x2000, 2048), (0x3000, 64), (0x4000, 4096)]);
    bench.feed(0, &payload(0, 100), bench.now);
    bench.feed(0, &payload(1, 6000), bench.now);
    bench.run(3000);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    assert_eq!(host.take(&bench, &pages), [0, 1, 2, 3]);
    assert_eq!(host.frames, [(host.frames[0].0, payload(0, 100)), (host.frames[1].0, payload(1, 6000))]);
    let (on, goes_on) = (CompletionFlags::CONTINUES, CompletionFlags::CONTINUED);
    assert_eq!(host.entries.iter().map(|entry| entry.flags.0 & 3).collect::<Vec<_>>(), [0, goes_on, on | goes_on, on]);
}

/// The header, written last of a frame that is not whole when it begins, is in memory before any entry of its pages.
#[test]
fn no_page_is_announced_before_its_frames_are_whole() {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, 3);
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &few(10, 512));
    let from = bench.sent.len();
    bench.feed(0, &payload(1, 3000), bench.now);
    bench.run(3000);
    assert_eq!(host.take(&bench, &pages).len(), 6);
    let writes: Vec<_> = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite).collect();
    let header = writes.iter().position(|sent| sent.header.address().0 == MEMORY).unwrap();
    let entries = writes.iter().position(|sent| sent.header.address().0 >= MEMORY + 0xe_0000).unwrap();
    assert_eq!((writes[header].payload.len(), header + 1), (32, entries), "by itself, and right before the first entry");
    assert_eq!(FrameHeader::parse(writes[header].payload[..].try_into().unwrap()).unwrap().length, 3000);
}

#[rstest]
fn lengths_over_the_limit_are_cut_and_marked(#[values(1, 33, 500)] limit: u32) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, 0);
    bench.set32(0, c2h::MAX_FRAME, limit);
    start(&mut bench, 0);
    host.give(&mut bench, 0, &few(8, 320));
    bench.feed(0, &payload(0, 2000), bench.now);
    bench.run(2000);
    host.take(&bench, &(0..).zip(few(8, 320)).collect());
    let (header, bytes) = &host.frames[0];
    assert_eq!((header.flags, &bytes[..]), (Flags::TRUNCATED, &payload(0, 2000)[..limit as usize]));
}

// --- the free list ------------------------------------------------------------------------------------------------------------

/// The strict host fails on a read beyond the doorbell; here: how many at once, and how far ahead.
#[test]
fn descriptors_come_in_batches_and_not_all_at_once() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 500, 200, 0);
    start(&mut bench, 0);
    let from = bench.sent.len();
    for n in 0..300 {
        host.put(&mut bench, 64 * n, 64, n as u32);
    }
    host.ring_pages(&mut bench);
    bench.run(3000);
    host.judge(&bench);
    let reads: Vec<_> =
        bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemRead).map(|sent| sent.header.length().bytes()).collect();
    assert_eq!(reads, [512, 512], "two reads of 32 descriptors, as MRRS has it");
    assert_eq!((bench.get64(0, c2h::FREE_HEAD), bench.get32(0, c2h::PAGES_HELD)), (64, 64));
    let pages: Pages = (0..300).map(|n| (n as u32, (64 * n, 64))).collect();
    for n in 0..20 {
        bench.feed(0, &payload(n, 20), bench.now);
    }
    bench.run(5000);
    assert_eq!(host.take(&bench, &pages).len(), 20);
    let ahead = bench.get64(0, c2h::FREE_HEAD);
    assert!((64 + 8..=64 + 20).contains(&ahead), "{ahead}: batches, not single ones");
}

#[rstest]
fn a_list_and_a_ring_of_any_length_wrap(#[values(2, 3, 5, 7, 64, 100)] free: u32, #[values(2, 3, 9)] completions: u32) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, free, completions, GENERATOR);
    bench.set32(0, c2h::GEN_MIN, 100);
    start(&mut bench, 0);
    let pages: Pages = (0..free).map(|n| (n, (0x400 * u64::from(n), 160))).collect();
    let listed: Vec<_> = pages.values().copied().collect();
    host.give(&mut bench, 0, &listed);
    for _ in 0..60 {
        bench.run(400);
        for back in host.take(&bench, &pages) {
            let (at, length) = pages[&back];
            host.put(&mut bench, at, length, back);
        }
        // Entries first: as many pages as entries could be out again.
        host.ring_taken(&mut bench);
        host.ring_pages(&mut bench);
    }
    assert_eq!(bench.get32(0, c2h::ERROR), 0);
    assert!(host.taken >= 60 && host.taken > u64::from(completions) * 4, "{}", host.taken);
}

#[rstest]
fn reads_may_be_answered_in_any_order_and_split(
    #[values(64, 128)] split: u32,
    #[values(1, 2, 256)] tags: u16,
    #[values(1, 2, 3)] seed: u64,
) {
    let mut bench = bench_of(CardParams { read_tags: tags, ..CardParams::default() }, seed);
    bench.set_sizes(1, 0);
    let host = bench.host.as_mut().unwrap();
    (host.split, host.delay, host.limits.max_read_request) = (Some(split), (10, 900), 128);
    let listed: Vec<_> = (0..60).map(|n| (0x400 * n, 64 + 32 * (n as u32 % 7))).collect();
    let (mut host, pages) = running(&mut bench, (64, 64), 0, &listed);
    for n in 0..60 {
        bench.feed(0, &payload(n, 30), bench.now);
    }
    bench.run(20_000);
    // In the order in which they were given, whatever came first.
    assert_eq!(host.take(&bench, &pages), (0..60).collect::<Vec<_>>());
    assert!(bench.host.as_ref().unwrap().most_open <= tags.into());
}

/// Clocks from the doorbell to the failure at a bad descriptor, the one after `good` others.
fn clocks_to_bad(good: u64) -> u64 {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 32, 16, 0);
    start(&mut bench, 0);
    for cookie in 0..good {
        host.put(&mut bench, 64 * cookie, 64, cookie as u32);
    }
    for _ in good..32 {
        host.put_raw(&mut bench, &PageDescriptor::default());
    }
    host.ring_pages(&mut bench);
    let rung = bench.now;
    while bench.card.c2h(0).is_some_and(|view| view.state == ChannelState::Running) {
        bench.run(1);
    }
    assert_eq!(bench.get64(0, c2h::FREE_HEAD), good);
    bench.now - rung
}

#[test]
fn a_descriptor_is_judged_in_each_clock() {
    assert_eq!([1, 2].map(|good| clocks_to_bad(good) - clocks_to_bad(0)), [1, 2]);
}

#[rstest]
#[case::empty(PageDescriptor { address: MEMORY, length: 0, cookie: 9 })]
#[case::off_grid(PageDescriptor { address: MEMORY, length: 100, cookie: 9 })]
#[case::unaligned(PageDescriptor { address: MEMORY + 16, length: 64, cookie: 9 })]
#[case::odd(PageDescriptor { address: MEMORY + 1, length: 64, cookie: 9 })]
#[case::beyond(PageDescriptor { address: u64::MAX - 31, length: 64, cookie: 9 })]
fn a_descriptor_that_cannot_be_stops_the_channel(#[case] bad: PageDescriptor) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, WRITE_BACK);
    bench.set32(0, c2h::INT_ERROR, 1 << 31 | 3);
    start(&mut bench, 0);
    host.put(&mut bench, 0, 64, 1);
    host.put_raw(&mut bench, &bad);
    host.put(&mut bench, 0x1000, 64, 2);
    host.ring_pages(&mut bench);
    let list = MEMORY + 0xe_0000;
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDescriptor, list + 16, 9));
    assert_eq!(bench.get64(0, c2h::FREE_HEAD), 1);
    host.judge(&bench);
    bench.run(200);
    assert!(bench.sent.iter().any(|sent| sent.header.address().0 == 0xfee0_0000 && sent.payload == [3, 0, 0, 0]), "signalled");
    // And on from there.
    restarts(&mut bench, 0);
}

/// The last byte of the address space is one.
#[test]
fn a_page_may_end_at_the_end_of_all_addresses() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, 0);
    start(&mut bench, 0);
    host.put_raw(&mut bench, &PageDescriptor { address: u64::MAX - 63, length: 64, cookie: 0 });
    host.ring_pages(&mut bench);
    bench.run(1000);
    assert_eq!((bench.get32(0, c2h::ERROR), bench.get64(0, c2h::FREE_HEAD)), (0, 1));
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

#[rstest]
#[case(Fault::Unsupported, ChannelError::UnsupportedRequest)]
#[case(Fault::Abort, ChannelError::CompleterAbort)]
#[case(Fault::Poison, ChannelError::PoisonedCompletion)]
#[case(Fault::Silence, ChannelError::CompletionTimeout)]
fn a_read_that_fails_stops_the_channel(#[case] fault: Fault, #[case] code: ChannelError, #[values(0, 1, 2)] nth: u64) {
    let mut bench = bench_of(CardParams { read_timeout: 3000, ..CardParams::default() }, 5);
    bench.set_sizes(1, 0);
    let host = bench.host.as_mut().unwrap();
    (host.fault, host.limits.max_read_request) = (Some((nth, fault)), 128);
    let (mut host, _) = running(&mut bench, (64, 64), WRITE_BACK, &few(30, 64));
    let found = error(&mut bench, 0);
    assert_eq!(found, (code, MEMORY + 0xe_0000 + 128 * nth, 0));
    host.judge(&bench);
    assert_eq!(tags_in_use(&mut bench), 0);
    bench.host.as_mut().unwrap().fault = None;
    restarts(&mut bench, 0);
}

#[rstest]
#[case(Fault::ByteCount)]
#[case(Fault::LowerAddress)]
#[case(Fault::Requester)]
#[case(Fault::Twice)]
fn an_answer_to_nobody_changes_nothing(#[case] fault: Fault) {
    let mut bench = bench_of(CardParams { read_timeout: 3000, ..CardParams::default() }, 5);
    bench.host.as_mut().unwrap().fault = Some((0, fault));
    let (mut host, pages) = running(&mut bench, (8, 8), 0, &few(8, 64));
    bench.run(4000);
    let code = bench.get32(0, c2h::ERROR);
    // What does not fit its request is dropped, and the request may be out of time for it.
    assert!(code == 0 || code == ChannelError::CompletionTimeout as u32, "{code}");
    if code == 0 {
        bench.feed(0, &payload(0, 10), bench.now);
        bench.run(1000);
        assert_eq!(host.take(&bench, &pages), [0]);
    }
    assert_eq!(tags_in_use(&mut bench), 0);
}

// --- doorbells ----------------------------------------------------------------------------------------------------------------

#[rstest]
#[case::beyond_the_list(c2h::FREE_TAIL, 17)]
#[case::far(c2h::FREE_TAIL, u64::MAX)]
#[case::back(c2h::FREE_TAIL, 3)]
#[case::beyond_the_tail(c2h::COMP_HEAD, 3)]
#[case::very_far(c2h::COMP_HEAD, u64::MAX)]
#[case::head_back(c2h::COMP_HEAD, 0)]
fn a_doorbell_out_of_bounds_touches_nothing(#[case] register: u32, #[case] value: u64) {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (12, 12), 0, &few(4, 64));
    bench.feed(0, &payload(0, 10), bench.now);
    bench.feed(0, &payload(1, 10), bench.now);
    bench.run(2000);
    assert_eq!(host.take(&bench, &pages), [0, 1]);
    bench.set64(0, c2h::COMP_HEAD, 1);
    // Up to the bounds all is well.
    bench.set64(0, c2h::COMP_HEAD, 2);
    bench.set64(0, c2h::FREE_TAIL, 4);
    let before = bench.sent.len();
    bench.set64(0, register, value);
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDoorbell, value, 0));
    assert_eq!((bench.get64(0, c2h::FREE_TAIL), bench.get64(0, c2h::COMP_HEAD)), (4, 2));
    assert!(bench.sent[before..].iter().all(|sent| sent.header.address().0.wrapping_sub(MEMORY) >= 1 << 20));
    restarts(&mut bench, 0);
}

#[test]
fn a_full_list_is_legal_and_one_more_is_not() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 100, 100, 0);
    start(&mut bench, 0);
    for n in 0..100 {
        host.put(&mut bench, 64 * n, 64, n as u32);
    }
    host.ring_pages(&mut bench);
    bench.run(2000);
    let fetched = bench.get64(0, c2h::FREE_HEAD);
    assert_eq!((bench.get32(0, c2h::ERROR), fetched), (0, 64));
    for n in 100..100 + fetched {
        host.put(&mut bench, 64 * n, 64, n as u32);
    }
    host.ring_pages(&mut bench);
    bench.run(100);
    assert_eq!(bench.get32(0, c2h::ERROR), 0);
    bench.set64(0, c2h::FREE_TAIL, host.given + 1);
    assert_eq!(error(&mut bench, 0).0, ChannelError::BadDoorbell);
}

/// Doorbells of the other discipline mean nothing.
#[test]
fn each_discipline_has_its_doorbells() {
    let mut bench = bench();
    let (..) = running(&mut bench, (12, 12), 0, &few(4, 64));
    bench.set64(0, c2h::SW_COUNT, 1 << 40);
    bench.run(100);
    assert_eq!((bench.get32(0, c2h::ERROR), bench.get64(0, c2h::SW_COUNT)), (0, 0));
    bench.set_up_ring(1, 0x4000, 0, 1000);
    start(&mut bench, 1);
    bench.set64(1, c2h::FREE_TAIL, 5);
    bench.set64(1, c2h::COMP_HEAD, 5);
    bench.run(100);
    assert_eq!((bench.get32(1, c2h::ERROR), bench.get64(1, c2h::FREE_TAIL), bench.get64(1, c2h::COMP_HEAD)), (0, 0, 0));
}

#[rstest]
#[case(c2h::FREE_ENTRIES, 1)]
#[case(c2h::FREE_ENTRIES, 65537)]
#[case(c2h::COMP_ENTRIES, 0)]
#[case(c2h::COMP_ENTRIES, u64::from(u32::MAX))]
#[case(c2h::FREE_BASE, MEMORY + 32)]
#[case(c2h::COMP_BASE, MEMORY + 1)]
#[case(c2h::FREE_BASE, u64::MAX - 63)]
#[case(c2h::COMP_BASE, u64::MAX - 63)]
fn rings_that_cannot_be_are_refused(#[case] register: u32, #[case] value: u64) {
    let mut bench = bench();
    bench.set_up_pages(0, 5, 5, 0);
    if matches!(register, c2h::FREE_ENTRIES | c2h::COMP_ENTRIES) {
        bench.set32(0, register, value as u32);
    } else {
        bench.set64(0, register, value);
    }
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(10);
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDescriptorRing, value, 0));
    restarts(&mut bench, 0);
}

/// A start that is refused for another reason writes no block to where none can be.
#[rstest]
fn no_block_goes_where_none_can_be(#[values(0, 1 << 5)] pages: u32) {
    let mut bench = bench();
    bench.set64(0, c2h::RING_BASE, 1);
    bench.set64(0, c2h::WB_ADDR, MEMORY + 0x1001);
    bench.set32(0, c2h::CONFIG, WRITE_BACK | pages);
    bench.h2c_set64(0, h2c::RING_BASE, 1);
    bench.h2c_set64(0, h2c::WB_ADDR, MEMORY + 0x1ff4);
    bench.h2c_set32(0, h2c::CONFIG, WRITE_BACK);
    let before = bench.sent.len();
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    bench.run(300);
    assert_eq!(state(&mut bench, 0), ChannelState::Error);
    assert!(bench.sent[before..].iter().all(|sent| sent.header.kind() != Kind::MemWrite));
}

// --- completions --------------------------------------------------------------------------------------------------------------

/// The strict host fails on an entry over one that was not taken.
#[test]
fn a_full_completion_ring_waits_for_the_host() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 3), 0, &few(10, 64));
    for n in 0..8 {
        bench.feed(0, &payload(n, 20), bench.now);
    }
    for there in [3, 6, 8] {
        bench.run(3000);
        host.take(&bench, &pages);
        assert_eq!((host.taken, bench.get64(0, c2h::COMP_TAIL), bench.get64(0, c2h::FRAMES)), (there, there, there));
        host.ring_taken(&mut bench);
    }
    assert_eq!(host.frames.len(), 8);
}

#[test]
fn entries_are_never_relaxed_and_payload_is_where_allowed() {
    let mut bench = bench();
    let express = bench.find_capability(0x10);
    bench.config_write(express + 8, 1 << 5 | 2 << 12 | 0x0910 | 1 << 11);
    let (mut host, pages) = running(&mut bench, (16, 16), RELAXED | 1 << 4, &few(10, 512));
    let from = bench.sent.len();
    bench.feed(0, &payload(0, 1500), bench.now);
    bench.run(2000);
    assert_eq!(host.take(&bench, &pages).len(), 3);
    let payload = |sent: &&crate::common::Sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 < MEMORY + 0xe_0000;
    let writes: Vec<_> = bench.sent[from..].iter().filter(payload).collect();
    assert!(writes.len() > 6 && writes.iter().all(|sent| sent.header.attributes().relaxed && sent.header.attributes().no_snoop));
    let reads = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead);
    assert!(reads.clone().count() > 0 && reads.into_iter().all(|sent| !sent.header.attributes().relaxed));
}

#[test]
fn the_block_follows_the_entries_and_tells_the_state() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), WRITE_BACK, &few(10, 512));
    for n in 0..3 {
        bench.feed(0, &payload(n, 100), bench.now);
    }
    bench.run(2000);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    assert_eq!(host.take(&bench, &pages).len(), 3);
    let words: Vec<u64> = bench.memory[0xf_0000..0xf_0040].as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
    let block = WriteBack::parse(&words.try_into().unwrap()).unwrap();
    assert_eq!((block.hw_count, block.frames, block.dropped, block.run), (3 * 160, 3, 0, 1));
    assert_eq!((block.state, block.error), (ChannelState::Idle as u8, 0));
    let at = |address| bench.sent.iter().rposition(|sent| sent.header.address().0 == address).unwrap();
    assert!(at(MEMORY + 0xe_2040) < at(MEMORY + 0xf_0000));
}

// --- starvation and drops -----------------------------------------------------------------------------------------------------

#[test]
fn without_pages_the_source_is_held_and_nothing_is_lost() {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, 7);
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, GENERATOR);
    bench.set32(0, c2h::GEN_MIN, 600);
    bench.set64(0, c2h::GEN_COUNT, 9);
    start(&mut bench, 0);
    let mut pages = Pages::new();
    for more in 0..27 {
        bench.run(1000);
        host.take(&bench, &pages);
        host.ring_taken(&mut bench);
        let at = 0x400 * u64::from(more);
        pages.insert(more, (at, 256));
        host.give(&mut bench, more, &[(at, 256)]);
        bench.run(1000);
        assert!(bench.get32(0, c2h::PAGES_HELD) <= 3, "a frame takes three");
    }
    host.take(&bench, &pages);
    assert_eq!((host.frames.len(), bench.get64(0, c2h::DROPPED)), (9, 0));
    assert!(host.frames.iter().all(|(header, _)| header.flags == Flags(0)));
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.get64(0, c2h::PERF_NO_BUFFER) > 10_000 && bench.get64(0, c2h::PERF_FRONT_HELD) > 10_000);
}

/// What a frame that is dropped has put into pages is void: its pages take the next frame, which is marked.
#[rstest]
fn without_pages_whole_frames_are_dropped_and_the_next_is_marked(#[values(0, PACKED)] packed: u32, #[values(0, 1)] relaxed: u32) {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, 7);
    if relaxed == 1 {
        let express = bench.find_capability(0x10);
        bench.config_write(express + 8, 1 << 5 | 2 << 12 | 0x0910);
    }
    let config = DROP | packed | relaxed * RELAXED;
    let (mut host, mut pages) = running(&mut bench, (16, 16), config, &[(0x40, 512), (0x1000, 256), (0x2000, 128)]);
    bench.run(500);
    bench.feed(0, &payload(0, 100), bench.now);
    // Begins, fills all pages, and does not fit.
    bench.feed(0, &payload(1, 5000), bench.now);
    bench.run(3000);
    assert_eq!(bench.get64(0, c2h::DROPPED), 1);
    let before = bench.sent.len();
    for n in 2..5 {
        bench.feed(0, &payload(n, 70), bench.now);
    }
    bench.run(1000);
    pages.extend([(50, (0x3000, 512)), (51, (0x4000, 512))]);
    host.give(&mut bench, 50, &[(0x3000, 512), (0x4000, 512)]);
    bench.run(2000);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    host.take(&bench, &pages);
    let sizes: Vec<_> = host.frames.iter().map(|(header, payload)| (payload.len(), header.flags)).collect();
    assert_eq!(sizes, [(100, Flags(0)), (70, Flags::DROPPED_BEFORE), (70, Flags(0)), (70, Flags(0))]);
    for (n, frame) in [(2, 1), (3, 2), (4, 3)] {
        assert_eq!(host.frames[frame].1, payload(n, 70));
    }
    // Where void payload lies, the new one must not overtake it.
    let over = bench.sent[before..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 < MEMORY + 0x3000);
    assert!(over.clone().count() > 1 && over.into_iter().all(|sent| !sent.header.attributes().relaxed));
}

#[test]
fn a_frame_over_too_many_pages_is_an_error() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 512, 200, 0);
    start(&mut bench, 0);
    bench.feed(0, &payload(0, 40_000), bench.now);
    for n in 0..1100 {
        if n >= 512 {
            while n - bench.get64(0, c2h::FREE_HEAD) >= 512 {
                host.ring_pages(&mut bench);
                bench.run(100);
            }
        }
        host.put(&mut bench, 32 * n, 32, n as u32);
        if n % 64 == 63 {
            host.ring_pages(&mut bench);
        }
        if bench.get32(0, c2h::ERROR) != 0 {
            break;
        }
    }
    host.ring_pages(&mut bench);
    bench.run(2000);
    assert_eq!(error(&mut bench, 0).0, ChannelError::BadFrameLimit);
    assert_eq!((bench.get64(0, c2h::COMP_TAIL), bench.get32(0, c2h::DISCARDED)), (0, 1));
    restarts(&mut bench, 0);
}

#[test]
fn posted_and_read_credits_are_each_waited_for() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, 0);
    start(&mut bench, 0);
    let limits = bench.stimulus.credits;
    let used = |bench: &Bench<Card>, kind: Kind| bench.sent.iter().filter(|sent| sent.header.kind() == kind).count();
    let data = |bench: &Bench<Card>| {
        bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).fold(0, |sum, sent| sum + sent.payload.len().div_ceil(16))
    };
    bench.stimulus.credits.0[1] = Limit::initial(used(&bench, Kind::MemRead) as u8, 0);
    host.give(&mut bench, 0, &few(3, 256));
    bench.feed(0, &payload(0, 100), bench.now);
    bench.run(500);
    assert_eq!(bench.get64(0, c2h::FREE_HEAD), 0);
    bench.stimulus.credits.0[1].grant(1, 0);
    // Header and payload, and not the entry.
    let headers = used(&bench, Kind::MemWrite) as u8;
    bench.stimulus.credits.0[0] = Limit::initial(headers.wrapping_add(1), (data(&bench) + 10 & 0xfff) as u16);
    bench.run(1000);
    assert_eq!((bench.get64(0, c2h::FREE_HEAD), bench.get64(0, c2h::COMP_TAIL)), (3, 0));
    bench.stimulus.credits.0[0].grant(1, 2);
    bench.run(200);
    assert_eq!(bench.get64(0, c2h::COMP_TAIL), 1);
    bench.stimulus.credits = limits;
    assert_eq!(host.take(&bench, &(0..).zip(few(3, 256)).collect()), [0]);
    assert_ne!(limits, Limits::NONE);
}

// --- the timer and interrupts -------------------------------------------------------------------------------------------------

#[rstest]
fn the_timer_completes_a_page_that_is_left_alone(#[values(50, 700)] time: u32) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, PACKED);
    bench.set32(0, c2h::FLUSH_TIME, time);
    start(&mut bench, 0);
    host.give(&mut bench, 0, &few(4, 1024));
    let pages = (0..).zip(few(4, 1024)).collect();
    bench.run(500);
    for n in 0..3 {
        bench.feed(0, &payload(n, 64), bench.now);
    }
    bench.run(2000);
    assert_eq!(host.take(&bench, &pages), [0]);
    assert_eq!((host.entries[0].frames, host.entries[0].flags.0 & 7), (3, CompletionFlags::FLUSHED));
    let entry = bench.sent.iter().rfind(|sent| sent.header.address().0 == MEMORY + 0xe_2000).unwrap().last;
    let last = bench.sent.iter().rfind(|sent| sent.header.address().0 < MEMORY + 0xe_0000).unwrap().last;
    let waited = entry - last;
    assert!((u64::from(time) - 8..u64::from(time) + 8).contains(&waited), "{waited} clocks");
    // A frame of which half has come does not keep the others waiting.
    bench.feed(0, &payload(3, 64), bench.now);
    bench.run(20);
    bench.stimulus.front[0].open = true;
    bench.run(2000);
    assert_eq!(host.take(&bench, &pages), [1]);
}

#[test]
fn without_the_timer_a_page_waits_for_a_frame_that_does_not_fit_or_a_stop() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), PACKED, &few(4, 1024));
    bench.feed(0, &payload(0, 64), bench.now);
    bench.run(50_000);
    assert_eq!(host.take(&bench, &pages), []);
    assert_eq!((bench.get64(0, c2h::FRAMES), bench.get64(0, c2h::HW_COUNT)), (0, 0));
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    assert_eq!(host.take(&bench, &pages), [0]);
    assert_eq!(host.entries[0].flags.0 & 7, CompletionFlags::FLUSHED);
    assert_eq!((bench.get64(0, c2h::FRAMES), bench.get64(0, c2h::COMP_TAIL), bench.get32(0, c2h::DISCARDED)), (1, 1, 0));
}

fn messages(bench: &Bench<Card>, vector: u8) -> usize {
    bench.sent.iter().filter(|sent| sent.header.address().0 == 0xfee0_0000 && sent.payload[0] == vector).count()
}

#[rstest]
fn the_interrupt_counts_frames_of_completed_pages(#[values(0, WRITE_BACK)] block: u32) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, PACKED | block);
    bench.set32(0, c2h::INT_DATA, 1 << 31 | 5);
    bench.set32(0, c2h::INT_DATA_FRAMES, 4);
    start(&mut bench, 0);
    host.give(&mut bench, 0, &few(8, 320));
    let pages = (0..).zip(few(8, 320)).collect();
    bench.set64(0, c2h::INT_DATA_ARM, 0);
    // Three frames of 96 bytes to a page: the fourth lies in a page that is open.
    for n in 0..5 {
        bench.feed(0, &payload(n, 64), bench.now);
    }
    bench.run(3000);
    assert_eq!((bench.get64(0, c2h::FRAMES), messages(&bench, 5)), (3, 0));
    bench.feed(0, &payload(5, 64), bench.now);
    bench.feed(0, &payload(6, 64), bench.now);
    bench.run(3000);
    assert_eq!((bench.get64(0, c2h::FRAMES), messages(&bench, 5)), (6, 1));
    let at = |address| bench.sent.iter().rposition(|sent| sent.header.address().0 == address).unwrap();
    assert!(at(MEMORY + 0xe_2020) < at(0xfee0_0000), "after the entry that it announces");
    // Armed with what was seen, it is silent; with less, it signals at once.
    assert_eq!(host.take(&bench, &pages).len(), 2);
    bench.set64(0, c2h::INT_DATA_ARM, 6);
    bench.run(1000);
    assert_eq!(messages(&bench, 5), 1);
    bench.set64(0, c2h::INT_DATA_ARM, 2);
    bench.run(1000);
    assert_eq!(messages(&bench, 5), 2);
}

// --- ends ---------------------------------------------------------------------------------------------------------------------

/// A stop completes what is whole and forgets what is not; all counts add up.
#[rstest]
fn a_stop_leaves_whole_frames_only(#[values(0, PACKED)] packed: u32, #[values(0, 40, 77, 160, 400, 1000)] after: u64) {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, after);
    let mut host = PageHost::set_up(&mut bench, 0, 64, 64, packed | WRITE_BACK | GENERATOR);
    bench.set32(0, c2h::GEN_CONFIG, 1);
    bench.set32(0, c2h::GEN_MAX, 3000);
    start(&mut bench, 0);
    host.give(&mut bench, 0, &few(40, 416));
    let pages: Pages = (0..).zip(few(40, 416)).collect();
    bench.run(after);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    let quiet = bench.sent.len();
    host.take(&bench, &pages);
    let (frames, made) = (bench.get64(0, c2h::FRAMES), bench.get64(0, c2h::GEN_MADE));
    assert_eq!((host.frames.len() as u64, host.taken), (frames, bench.get64(0, c2h::COMP_TAIL)));
    let lost = u64::from(bench.get32(0, c2h::DISCARDED));
    assert!((made..=made + 1).contains(&(frames + lost)), "{frames} delivered, {lost} discarded, {made} made");
    bench.run(5000);
    assert!(bench.sent[quiet..].iter().all(|sent| sent.header.kind() != Kind::MemWrite && sent.header.kind() != Kind::MemRead));
    restarts(&mut bench, 0);
}

/// The entries of a stop need a free place each: what cannot be announced is discarded, and the stop ends all the same.
#[test]
fn a_stop_with_a_full_completion_ring_ends() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 2), 0, &few(10, 64));
    for n in 0..6 {
        bench.feed(0, &payload(n, 20), bench.now);
    }
    bench.run(2000);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    host.take(&bench, &pages);
    assert_eq!((host.taken, bench.get64(0, c2h::FRAMES), bench.get32(0, c2h::DISCARDED)), (2, 2, 4));
}

#[test]
fn a_stop_waits_for_reads_and_so_does_a_reset() {
    let mut bench = bench();
    bench.host.as_mut().unwrap().delay = (2000, 0);
    running(&mut bench, (16, 16), 0, &few(10, 64));
    bench.run(20);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(500);
    assert_eq!((state(&mut bench, 0), tags_in_use(&mut bench)), (ChannelState::Stopping, 1));
    bench.run(2000);
    assert_eq!((state(&mut bench, 0), tags_in_use(&mut bench), bench.get64(0, c2h::FREE_HEAD)), (ChannelState::Idle, 0, 0));
    running(&mut bench, (16, 16), 0, &few(10, 64));
    bench.run(20);
    bench.set32(0, c2h::CONTROL, 2);
    bench.run(500);
    assert_eq!((state(&mut bench, 0), tags_in_use(&mut bench)), (ChannelState::Stopping, 1));
    bench.run(2000);
    assert_eq!((state(&mut bench, 0), tags_in_use(&mut bench)), (ChannelState::Idle, 0));
    // The answer of the old run means nothing to the new one, whose descriptors are others.
    let mut host = PageHost::set_up(&mut bench, 0, 16, 16, 0);
    start(&mut bench, 0);
    host.give(&mut bench, 90, &[(0x8000, 64)]);
    bench.feed(0, &payload(0, 10), bench.now);
    bench.run(6000);
    assert_eq!(host.take(&bench, &[(90, (0x8000, 64))].into()), [90]);
    assert_eq!((tags_in_use(&mut bench), bench.get64(0, c2h::FREE_HEAD)), (0, 1));
}

/// How a run may end from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Channel,
    Card,
    Function,
    Hot,
}

/// Resets at any time: nothing of the old run is written, and a new run is as good as a first one.
#[rstest]
fn a_reset_at_any_time_ends_all(
    #[values(End::Channel, End::Card, End::Function, End::Hot)] end: End,
    #[values(0, 3, 11, 30, 100, 150, 151, 152, 153, 154, 155, 400, 1200)] after: u64,
    #[values(false, true)] stopping: bool,
) {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, after);
    let mut host = PageHost::set_up(&mut bench, 0, 64, 64, PACKED | WRITE_BACK | GENERATOR);
    bench.set32(0, c2h::GEN_MIN, 700);
    start(&mut bench, 0);
    host.give(&mut bench, 0, &few(40, 416));
    bench.run(after);
    if stopping {
        bench.set32(0, c2h::CONTROL, 0);
    }
    match end {
        End::Channel => bench.set32(0, c2h::CONTROL, 2),
        End::Card => bench.write(BAR0 + u64::from(card::CONTROL), 2, 4),
        End::Function => {
            let express = bench.find_capability(0x10);
            let control = bench.config_read(express + 8);
            bench.config_write(express + 8, control & 0xffff | 1 << 15);
        }
        End::Hot => {
            bench.stimulus.link_up = false;
            bench.run(10);
            bench.stimulus.link_up = true;
            // Whatever was to be answered is gone with the link.
            bench.host = Some(Host::new(1));
            bench.run(10);
        }
    }
    // What was on the transmitter ends, and no more.
    bench.run(40);
    let quiet = bench.sent.len();
    bench.run(3000);
    let written = bench.sent[quiet..].iter().filter(|sent| matches!(sent.header.kind(), Kind::MemWrite | Kind::MemRead)).count();
    assert_eq!(written, 0);
    host.judge(&bench);
    if matches!(end, End::Function | End::Hot) {
        bench.bring_up(16);
        bench.set_sizes(1, 2);
        let host = bench.host.as_mut().unwrap();
        (host.limits.max_payload, host.limits.max_read_request) = (256, 512);
    }
    bench.enable();
    restarts(&mut bench, 0);
}

#[test]
fn bus_master_off_stops_the_channel_and_on_again_it_starts() {
    for fetching in [false, true] {
        let mut bench = bench();
        let (mut host, _) = running(&mut bench, (16, 16), if fetching { 0 } else { GENERATOR }, &few(2, 64));
        bench.run(300);
        bench.config_write(0x04, 0x0002);
        let before = bench.sent.len();
        host.give(&mut bench, 20, &few(8, 64)[4..]);
        assert_eq!(error(&mut bench, 0).0, ChannelError::BusMasterOff);
        assert!(bench.sent[before..].iter().all(|sent| !matches!(sent.header.kind(), Kind::MemWrite | Kind::MemRead)));
        bench.config_write(0x04, 0x0006);
        restarts(&mut bench, 0);
    }
}

#[test]
fn nothing_moves_while_the_card_is_disabled() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &[]);
    bench.write(BAR0 + u64::from(card::CONTROL), 0, 4);
    host.give(&mut bench, 0, &[(0, 256)]);
    bench.feed(0, &payload(0, 10), bench.now);
    bench.run(2000);
    assert_eq!((bench.get64(0, c2h::FREE_HEAD), bench.host.as_ref().unwrap().reads), (0, 0));
    bench.enable();
    bench.run(2000);
    assert_eq!((host.take(&bench, &[(0, (0, 256))].into()), pages.len()), (vec![0], 0));
}

/// Pages and a host-to-card channel share the read engine, and a loop joins them.
#[test]
fn what_is_looped_back_comes_in_pages() {
    let mut bench = bench_of(CardParams { read_tags: 2, ..CardParams::default() }, 9);
    for byte in 0..0x2_0000 {
        bench.memory[0x9_0000 + byte] = (byte * 7 + (byte >> 8)) as u8;
    }
    let (mut host, pages) = running(&mut bench, (64, 64), PACKED, &few(40, 416));
    bench.set_up_h2c(0, 32, 2);
    bench.h2c_set32(0, h2c::CONTROL, 1);
    let sizes = [100_u32, 1, 2000, 333, 64, 3000, 5];
    for (index, length) in (0..).zip(sizes) {
        let flags = silico_spec::descriptor::DescriptorFlags(1);
        let address = MEMORY + 0x9_0000 + 0x1000 * index;
        bench.put(0, 32, index, &silico_spec::descriptor::H2cDescriptor { address, length, flags, cookie: 0 });
    }
    bench.h2c_set64(0, h2c::TAIL, sizes.len() as u64);
    bench.run(20_000);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    host.take(&bench, &pages);
    assert_eq!(host.frames.len(), sizes.len());
    for (index, ((_, got), length)) in host.frames.iter().zip(sizes).enumerate() {
        assert_eq!(got[..], bench.memory[0x9_0000 + 0x1000 * index..][..length as usize]);
    }
    assert_eq!(footprint(100), 160);
}
