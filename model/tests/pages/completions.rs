//! Completion entries, the block behind them, the timer and the interrupts.

use super::*;

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
