//! The free list: descriptors fetched, judged, given in any order; reads that fail.

use super::*;

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

/// Descriptors of 64 pages are kept ahead of those in use, and eight at least are asked for at once.
#[test]
fn no_more_descriptors_are_fetched_than_are_kept_ahead() {
    for (frames, fetched) in [(0, 64), (7, 64), (8, 72), (15, 72), (16, 80)] {
        let mut bench = bench();
        let pages: Vec<_> = (0..200).map(|page| (64 * page, 64)).collect();
        running(&mut bench, (512, 512), 0, &pages);
        (0..frames).for_each(|frame| bench.feed(0, &payload(frame, 32), bench.now));
        bench.run(2000);
        let (head, tail) = (bench.get64(0, c2h::FREE_HEAD), bench.get64(0, c2h::COMP_TAIL));
        assert_eq!((head, tail), (fetched, frames as u64));
    }
}

/// The place in the list of a descriptor that cannot be is told by its number modulo the entries, in any lap.
#[rstest]
fn a_bad_descriptor_lies_where_its_number_says(#[values(3, 4, 5, 9)] good: u64) {
    let mut bench = bench();
    let mut host = PageHost::set_up(&mut bench, 0, 4, 16, 0);
    start(&mut bench, 0);
    for cookie in 0..good {
        host.put(&mut bench, 64 * cookie, 64, cookie as u32);
        host.ring_pages(&mut bench);
        bench.run(400);
    }
    host.put_raw(&mut bench, &PageDescriptor { address: MEMORY, length: 1, cookie: 77 });
    host.ring_pages(&mut bench);
    assert_eq!(error(&mut bench, 0), (ChannelError::BadDescriptor, MEMORY + 0xe_0000 + 16 * (good % 4), 77));
}
