//! Stops, resets, and the card switched off: from any state, with all in flight.

use super::*;

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

/// An entry of a run waits for the global enable; one that ends a run does not, as the last block does not.
#[test]
fn an_entry_of_a_run_waits_for_the_global_enable() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &few(2, 64));
    bench.run(500);
    let credits = bench.stimulus.credits;
    let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(used as u8 + 1), None);
    bench.feed(0, &payload(0, 10), bench.now);
    bench.run(200);
    bench.write(BAR0 + u64::from(card::CONTROL), 0, 4);
    bench.run(20);
    bench.stimulus.credits = credits;
    bench.run(200);
    assert_eq!(host.take(&bench, &pages), []);
    bench.set32(0, c2h::CONTROL, 0);
    idle(&mut bench, 0);
    assert_eq!(host.take(&bench, &pages), [0]);
    assert_eq!(bench.get32(0, c2h::DISCARDED), 0);
}

/// A page that waits for its entry when the host stops the channel is announced; once the channel has failed, or is to be reset, it is not.
#[rstest]
#[case::stop(c2h::CONTROL, 0, 1)]
#[case::error(c2h::COMP_HEAD, 99, 0)]
#[case::reset(c2h::CONTROL, 2, 0)]
fn only_a_stop_announces_what_is_whole(#[case] register: u32, #[case] value: u64, #[case] entries: usize) {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), 0, &few(2, 64));
    bench.run(500);
    let credits = bench.stimulus.credits;
    let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(used as u8 + 1), None);
    bench.feed(0, &payload(0, 10), bench.now);
    bench.run(200);
    if register == c2h::CONTROL {
        bench.set32(0, register, value as u32);
    } else {
        bench.set64(0, register, value);
    }
    bench.run(50);
    bench.stimulus.credits = credits;
    bench.run(200);
    assert_eq!(host.take(&bench, &pages).len(), entries);
    let state = state(&mut bench, 0);
    assert_eq!(state == ChannelState::Error, register == c2h::COMP_HEAD, "{state:?}");
}

/// Frames share a page, and the stop cuts the one that has begun behind them: they are announced without it.
#[test]
fn a_stop_announces_the_frames_before_the_one_that_it_cuts() {
    let mut bench = bench();
    let (mut host, pages) = running(&mut bench, (16, 16), PACKED, &few(2, 2048));
    bench.run(500);
    bench.feed(0, &payload(0, 10), bench.now);
    bench.run(100);
    let credits = bench.stimulus.credits;
    let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(used as u8), None);
    bench.feed(0, &payload(1, 10), bench.now);
    bench.run(100);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(50);
    bench.stimulus.credits = credits;
    idle(&mut bench, 0);
    assert_eq!(host.take(&bench, &pages), [0]);
    assert_eq!((host.frames.len(), host.entries[0].bytes, bench.get32(0, c2h::DISCARDED)), (1, 64, 1));
}
