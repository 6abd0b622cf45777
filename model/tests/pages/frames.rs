//! Frames in pages: whole, in order, packed or not, cut at the limit.

use super::*;

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

/// A frame that is whole when it begins, and fits into a TLP, is one TLP with its header first; where the header ends on a cut, it goes last, by itself.
#[rstest]
#[case(0, &[(0, 32 + 128), (0xe_2000, 32)])]
#[case(224, &[(256, 128), (224, 32), (0xe_2000, 32)])]
fn the_header_leads_a_frame_that_is_whole(#[case] at: u64, #[case] expected: &[(u64, usize)]) {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &[(at, 512)]);
    bench.run(500);
    let from = bench.sent.len();
    bench.feed(0, &payload(0, 100), bench.now);
    bench.run(200);
    assert_eq!(host.take(&bench, &pages), [0]);
    let writes = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite);
    assert_eq!(writes.map(|sent| (sent.header.address().0 - MEMORY, sent.payload.len())).collect::<Vec<_>>(), expected);
}

/// A frame of several TLPs that is whole when it begins: the header leads the first, and does not come again.
#[test]
fn a_header_that_has_led_does_not_come_again() {
    let mut bench = bench();
    let (mut host, mut pages) = running(&mut bench, (16, 16), 0, &[]);
    bench.feed(0, &payload(0, 500), bench.now);
    bench.run(100);
    let from = bench.sent.len();
    pages.insert(0, (0, 2048));
    host.give(&mut bench, 0, &[(0, 2048)]);
    bench.run(1000);
    assert_eq!(host.take(&bench, &pages), [0]);
    let writes = bench.sent[from..].iter().filter(|sent| sent.header.kind() == Kind::MemWrite);
    let writes: Vec<_> = writes.map(|sent| (sent.header.address().0 - MEMORY, sent.payload.len())).collect();
    assert_eq!(writes, [(0, 256), (256, 256), (512, 32), (0xe_2000, 32)]);
}

/// A page is completed in the clock in which the frame behind what lies in it is known not to fit.
#[test]
fn a_frame_that_outgrows_a_page_keeps_nobody_waiting() {
    let mut bench = bench();
    let (_, _) = running(&mut bench, (16, 16), PACKED, &few(8, 1024));
    bench.feed(0, &payload(0, 100), bench.now);
    bench.run(500);
    let begins = bench.now + 10;
    bench.feed(0, &payload(1, 3000), begins);
    bench.run(200);
    // 160 bytes are used, and 32 more for the header: 832 would fit, and the 27th beat has more.
    let entry = bench.sent.iter().find(|sent| sent.header.address().0 == MEMORY + 0xe_2000).expect("the first entry");
    assert_eq!(entry.first, begins + 26 + 2, "granted in the clock after that beat, shown in the next");
}

/// Clocks from the beat of a frame of one beat to its first TLP, with pages of so many bytes.
fn clocks_to_send(page: u32) -> u64 {
    let mut bench = bench();
    running(&mut bench, (16, 16), 0, &few(8, page));
    bench.run(500);
    let (from, begins) = (bench.sent.len(), bench.now + 10);
    bench.feed(0, &payload(0, 20), begins);
    bench.run(100);
    bench.sent[from].first - begins
}

#[test]
fn a_page_is_taken_in_each_clock() {
    assert_eq!(clocks_to_send(32) - clocks_to_send(64), 1, "the header fills a page, and the payload needs the next");
}
