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
