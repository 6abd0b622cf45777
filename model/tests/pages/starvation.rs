//! No pages, no credits, too many pages: held, dropped or refused, and nothing lost in silence.

use super::*;

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

/// TLPs into pages that were sent from `from` on: where, and whether relaxed.
fn payload_writes(bench: &Bench<Card>, from: usize) -> Vec<(u64, bool)> {
    let writes =
        bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite && sent.header.address().0 < MEMORY + 0xe_0000);
    writes.map(|sent| (sent.header.address().0 - MEMORY, sent.header.attributes().relaxed)).collect()
}

fn relaxed_and_dropping() -> Bench<Card> {
    let mut bench = bench_of(CardParams { fifo_bytes: 2048, ..CardParams::default() }, 7);
    let express = bench.find_capability(0x10);
    bench.config_write(express + 8, 1 << 5 | 2 << 12 | 0x0910);
    bench
}

/// What goes over the payload of a frame that was given up must not overtake it, the header at the end least of all; what goes elsewhere may.
#[test]
fn only_what_goes_over_void_payload_keeps_its_place() {
    let mut bench = relaxed_and_dropping();
    let (mut host, _) = running(&mut bench, (16, 16), DROP | RELAXED, &[(0, 512)]);
    bench.run(500);
    bench.feed(0, &payload(0, 5000), bench.now);
    bench.run(1000);
    assert_eq!((bench.get64(0, c2h::DROPPED), payload_writes(&bench, 0)), (1, vec![(32, true), (256, true)]));
    host.give(&mut bench, 1, &[(0x1000, 1024)]);
    bench.run(500);
    let from = bench.sent.len();
    bench.feed(0, &payload(1, 1200), bench.now);
    bench.run(1000);
    let over = [(32, false), (256, false)];
    let beyond = [(0x1000, true), (0x1100, true), (0x1200, true)];
    assert_eq!(payload_writes(&bench, from), [&over[..], &beyond, &[(0, false)]].concat());
}

/// A channel that has given up a frame after its first TLP: void payload lies up to byte 256 of its page.
fn void_to_256(config: u32) -> Bench<Card> {
    let mut bench = relaxed_and_dropping();
    running(&mut bench, (16, 16), DROP | RELAXED | config, &[(0, 4096)]);
    bench.run(500);
    let credits = bench.stimulus.credits;
    let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(used as u8 + 1), None);
    bench.feed(0, &payload(0, 5000), bench.now);
    bench.run(500);
    bench.stimulus.credits = credits;
    assert_eq!((bench.get64(0, c2h::DROPPED), payload_writes(&bench, 0)), (1, vec![(32, true)]));
    bench
}

/// Right behind void payload there is nothing to overtake: neither for the rest of a frame nor for the next one's header.
#[rstest]
#[case(0, &[700], &[(32, false), (256, true), (512, true), (0, false)])]
#[case(PACKED, &[224, 70], &[(0, false), (256, true)])]
fn what_begins_behind_void_payload_may_overtake_it(#[case] config: u32, #[case] frames: &[usize], #[case] writes: &[(u64, bool)]) {
    let mut bench = void_to_256(config);
    let from = bench.sent.len();
    for length in frames {
        bench.feed(0, &payload(1, *length), bench.now);
        bench.run(200);
    }
    assert_eq!(payload_writes(&bench, from), writes);
}

/// A frame that is given up before anything of it went has left nothing to keep a place for.
#[test]
fn what_never_went_is_not_overtaken() {
    let mut bench = relaxed_and_dropping();
    running(&mut bench, (16, 16), DROP | RELAXED, &[(0, 512)]);
    bench.run(500);
    let (credits, from) = (bench.stimulus.credits, bench.sent.len());
    let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(used as u8), None);
    bench.feed(0, &payload(0, 5000), bench.now);
    bench.run(500);
    bench.stimulus.credits = credits;
    bench.feed(0, &payload(1, 70), bench.now);
    bench.run(100);
    assert_eq!((payload_writes(&bench, from), bench.get64(0, c2h::DROPPED)), (vec![(0, true)], 1));
}

/// Of pages that wait for an entry, no more are in use than the card keeps account of: the next frame has no room, though the host has given it a page.
#[test]
fn so_many_pages_are_in_use_and_no_more() {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 512, 2, 0);
    start(&mut bench, 0);
    let most = u64::from(silico_spec::descriptor::PAGES_IN_USE);
    (0..most + 30).for_each(|_| bench.feed(0, &[], bench.now));
    for n in 0..most + 30 {
        host.put(&mut bench, 32 * n, 32, n as u32);
        if n % 64 == 63 {
            host.ring_pages(&mut bench);
            bench.run(700);
        }
    }
    host.ring_pages(&mut bench);
    bench.run(500);
    assert_eq!((bench.get64(0, c2h::COMP_TAIL), bench.get32(0, c2h::ERROR)), (2, 0));
    assert_eq!(payload_writes(&bench, 0).len() as u64, 2 + most);
}
