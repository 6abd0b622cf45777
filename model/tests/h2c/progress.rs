//! What the host is told, and the ways of reads among writes: credits, turns, the receive stream; any run at all.

use super::*;

#[test]
fn space_is_signalled_after_its_block_by_count_flag_and_time() {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 16, SINK | WRITE_BACK);
    bench.h2c_set32(0, h2c::WB_EVERY, 0);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 6);
    bench.h2c_set32(0, h2c::INT_SPACE_COUNT, 3);
    let mut given = 0;
    let mut interrupts = |bench: &mut Bench<Card>, descriptors: u64, flags: u32| {
        let from = bench.sent.len();
        for _ in 0..descriptors {
            bench.put(0, 16, given, &descriptor(0, 100, END | flags));
            given += 1;
        }
        bench.h2c_set64(0, h2c::TAIL, given);
        bench.run(1500);
        let tells = |sent: &&crate::common::Sent| sent.header.kind() == Kind::MemWrite;
        bench.sent[from..].iter().filter(tells).map(|sent| if sent.payload.len() == 4 { 'i' } else { 'w' }).collect::<String>()
    };
    // Taken at the start: by number, of one.
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    assert!(!interrupts(&mut bench, 2, 0).contains('i'));
    let told = interrupts(&mut bench, 1, 0);
    assert!(told.ends_with("wi") && told.matches('i').count() == 1, "{told}");
    assert!(!interrupts(&mut bench, 5, 0).contains('i'), "not armed");
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 8);
    let told = interrupts(&mut bench, 1, DescriptorFlags::INTERRUPT);
    assert!(told.ends_with("wi"), "{told}: the flag signals at once");
    bench.h2c_set32(0, h2c::INT_SPACE_TIME, 1000);
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 9);
    let told = interrupts(&mut bench, 1, 0);
    assert!(told.ends_with('i'), "{told}: the timer");
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 3);
    bench.run(200);
    assert_eq!(bench.sent.last().unwrap().payload.len(), 4, "armed with less than is there: at once");
}

/// A channel that has stopped still tells who arms it then, by its timer too.
#[test]
fn space_is_signalled_by_the_timer_after_a_stop() {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 16, SINK);
    submit(&mut bench, 0, 16, &[descriptor(0, 100, END)]);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 6);
    bench.h2c_set32(0, h2c::INT_SPACE_COUNT, 3);
    bench.h2c_set32(0, h2c::INT_SPACE_TIME, 1000);
    bench.run(100);
    let from = bench.sent.len();
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    bench.run(900);
    assert_eq!(bench.sent.len(), from);
    bench.run(200);
    assert_eq!(bench.sent[from..].iter().map(|sent| &sent.payload[..]).collect::<Vec<_>>(), [[6, 0, 0, 0]]);
}

#[test]
fn the_card_cause_tells_of_masked_in_errors_once() {
    let mut bench = bench(CardParams::default(), 59);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 9, 4);
    bench.write(BAR0 + u64::from(card::ERROR_MASK), 2 << 16, 4);
    let told = |bench: &Bench<Card>| bench.sent.iter().filter(|sent| sent.payload == [9, 0, 0, 0]).count();
    for (channel, expected) in [(0, 0), (1, 1), (1, 2)] {
        bench.set_up_h2c(channel, 1, 0);
        bench.h2c_set32(channel, h2c::CONTROL, 1);
        bench.run(100);
        assert_eq!(told(&bench), expected);
        bench.h2c_set32(channel, h2c::CONTROL, 2);
        bench.run(100);
    }
}

/// An error that lasts is told once; who masks it, and masks it in again, is told again.
#[test]
fn the_card_cause_tells_anew_of_what_is_masked_in_anew() {
    let mut bench = bench(CardParams::default(), 59);
    bench.write(BAR0 + u64::from(card::INT_CARD), 1 << 31 | 9, 4);
    let told = |bench: &Bench<Card>| bench.sent.iter().filter(|sent| sent.payload == [9, 0, 0, 0]).count();
    bench.set_up_h2c(1, 1, 0);
    bench.h2c_set32(1, h2c::CONTROL, 1);
    for (mask, expected) in [(2 << 16, 1), (2 << 16, 1), (0, 1), (2 << 16, 2), (0, 2), (2 << 16, 3)] {
        bench.write(BAR0 + u64::from(card::ERROR_MASK), mask, 4);
        bench.run(100);
        assert_eq!(told(&bench), expected);
    }
}

/// Under reset a channel signals nothing, though its timer runs out while the last read is under way.
#[test]
fn a_channel_under_reset_signals_nothing() {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 16, SINK);
    bench.h2c_set32(0, h2c::INT_SPACE, 1 << 31 | 6);
    bench.h2c_set32(0, h2c::INT_SPACE_COUNT, 3);
    bench.h2c_set32(0, h2c::INT_SPACE_TIME, 600);
    submit(&mut bench, 0, 16, &[descriptor(0, 100, END)]);
    bench.host.as_mut().unwrap().delay = (2000, 0);
    bench.put(0, 16, 1, &descriptor(0, 100, END));
    bench.h2c_set64(0, h2c::TAIL, 2);
    bench.run(50);
    bench.h2c_set64(0, h2c::INT_SPACE_ARM, 0);
    bench.run(50);
    bench.h2c_set32(0, h2c::CONTROL, 2);
    let from = bench.sent.len();
    bench.run(1500);
    assert_eq!(state(&mut bench, 0), ChannelState::Stopping as u64, "the read is under way");
    bench.run(1500);
    assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64);
    assert!(bench.sent[from..].iter().all(|sent| sent.header.kind() != Kind::MemWrite));
}

/// A channel holds so many descriptors, whatever the host gives it: it reads no more before some are done.
#[test]
fn a_channel_reads_no_more_descriptors_than_it_holds() {
    let mut bench = bench(CardParams::default(), 53);
    start(&mut bench, 0, 256, STREAM);
    (0..200).for_each(|index| bench.put(0, 256, index, &descriptor(64 * index, 64, END)));
    bench.stimulus.out[0].ready_at = Cycle(bench.now + 6000);
    bench.h2c_set64(0, h2c::TAIL, 200);
    let fetched = |bench: &mut Bench<Card>| -> u32 {
        bench.run(5000);
        let ring = MEMORY + crate::common::H2C_RING..MEMORY + PAYLOAD;
        let fetches = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead && ring.contains(&sent.header.address().0));
        fetches.map(|sent| sent.header.length().bytes() / 32).sum()
    };
    assert_eq!(fetched(&mut bench), 128);
    assert_eq!(fetched(&mut bench), 200);
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 200);
}

#[test]
fn reads_and_writes_do_not_wait_for_each_others_credits() {
    let mut bench = bench(CardParams::default(), 61);
    let count = |bench: &Bench<Card>, kind| bench.sent.iter().filter(|sent| sent.header.kind() == kind).count() as u8;
    bench.set_up_ring(0, 0x8000, 1, 2000);
    bench.set32(0, c2h::GEN_MIN, 500);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    for index in 0..8 {
        bench.put(0, 8, index, &descriptor(0, 2000, END));
    }
    // No posted credits: reads go all the same.
    let posted = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite);
    let data = posted.map(|sent| sent.payload.len().div_ceil(16) as u16).sum::<u16>();
    bench.stimulus.credits.0[0] = Limit::initial(count(&bench, Kind::MemWrite), data & 0xfff);
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set64(0, h2c::TAIL, 2);
    bench.run(4000);
    assert_eq!((bench.h2c_get64(0, h2c::DONE), bench.get64(0, c2h::FRAMES)), (2, 0));
    // No non-posted credits: writes and completions go all the same.
    bench.stimulus.credits.0[0] = Limit::INFINITE;
    bench.stimulus.credits.0[1] = Limit::initial(count(&bench, Kind::MemRead), 0);
    bench.h2c_set64(0, h2c::TAIL, 4);
    bench.run(4000);
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 2);
    assert!(bench.get64(0, c2h::FRAMES) > 10);
    for _ in 0..20 {
        bench.stimulus.credits.0[1].grant(1, 0);
        bench.run(400);
    }
    assert_eq!(bench.h2c_get64(0, h2c::DONE), 4);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.h2c_get64(0, h2c::PERF_NO_CREDIT) > 3000);
}

#[test]
fn reads_share_the_port_with_full_writes() {
    let mut bench = bench(CardParams::default(), 67);
    bench.set_up_ring(0, 1 << 30, 1, 2000);
    bench.set32(0, c2h::GEN_MIN, 1900);
    bench.set64(0, c2h::RING_SIZE, 1 << 30);
    bench.set64(0, c2h::RING_BASE, 0x1_0000_0000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, SINK);
    start(&mut bench, 1, 8, SINK);
    submit(&mut bench, 0, 8, &[descriptor(0, 50_000, END)]);
    submit(&mut bench, 1, 8, &[descriptor(0, 50_000, END)]);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 3, 4);
    bench.run(10_000);
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    assert!(bench.read(BAR0 + u64::from(card::PERF_TX_BUSY), 8) > 9800);
}

#[test]
fn the_receive_stream_is_busy_at_a_microsecond() {
    let mut bench = bench(CardParams::default(), 71);
    let host = bench.host.as_mut().unwrap();
    (host.delay, host.split) = ((250, 0), Some(256));
    start(&mut bench, 0, 64, STREAM);
    let mut given = 0;
    let mut busy = 0;
    for round in 0..40 {
        let done = bench.h2c_get64(0, h2c::DONE);
        while given < done + 64 {
            bench.put(0, 64, given, &descriptor(given % 16 * 4096, 4096, END));
            given += 1;
        }
        bench.h2c_set64(0, h2c::TAIL, given);
        if round == 10 {
            bench.write(BAR0 + u64::from(card::PERF_CONTROL), 3, 4);
            busy = bench.now;
        }
        bench.run(1000);
    }
    bench.write(BAR0 + u64::from(card::PERF_CONTROL), 1, 4);
    let clocks = bench.now - busy;
    let beats = bench.read(BAR0 + u64::from(card::PERF_RX_BUSY), 8);
    assert!(beats * 100 >= clocks * 98, "{beats} beats in {clocks} clocks");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any mix of descriptors over both channels, any completer, any receiver: what comes out is what was given.
    #[test]
    fn what_is_given_comes_out(
        seed: u64,
        mixes in prop::collection::vec(prop::collection::vec((0..0x4_0000_u64, prop_oneof![0..80_u32, 0..3000_u32], any::<bool>()), 1..60), 2),
        entries in prop::collection::vec(2..70_u32, 2),
        tags in prop_oneof![Just(1_u16), 1..20_u16, Just(256)],
        mrrs in 0..6_u32,
        split in prop_oneof![Just(None), Just(Some(64_u32)), Just(Some(256))],
        delay in (0..300_u64, 0..2000_u64),
        credits in prop_oneof![Just(None), (1..4_u8).prop_map(Some)],
        hold in 0..3000_u64,
    ) {
        let mut bench = bench(CardParams { read_tags: tags, h2c_buffer_bytes: 8192, ..CardParams::default() }, seed);
        bench.set_sizes(1, mrrs);
        let host = bench.host.as_mut().unwrap();
        (host.limits.max_read_request, host.split, host.delay) = (128 << mrrs, split, delay);
        let given: Vec<Vec<H2cDescriptor>> = mixes.iter().map(|mix| {
            let mut list: Vec<_> = mix.iter().map(|(at, length, end)| descriptor(*at, *length, if *end || *length == 0 { END } else { 0 })).collect();
            list.push(descriptor(1, 1, END));
            list
        }).collect();
        for channel in 0..2 {
            start(&mut bench, channel, entries[channel as usize], STREAM | WRITE_BACK);
            bench.stimulus.out[channel as usize].ready_at = Cycle(bench.now + hold * u64::from(channel));
        }
        if let Some(credits) = credits {
            bench.stimulus.credits.0[1] = Limit::initial(credits, 0);
        }
        let mut tails = [0; 2];
        for _ in 0..20_000 {
            if let Some(credits) = credits {
                let used = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemRead).count() as u8;
                bench.stimulus.credits.0[1] = Limit::initial(used.wrapping_add(credits), 0);
            }
            let mut finished = true;
            for channel in 0..2_u32 {
                let (list, entries) = (&given[channel as usize], entries[channel as usize]);
                let done = bench.h2c_get64(channel, h2c::DONE);
                let upto = (done + u64::from(entries)).min(list.len() as u64);
                for index in tails[channel as usize]..upto {
                    bench.put(channel, entries, index, &list[index as usize]);
                }
                if upto > tails[channel as usize] {
                    tails[channel as usize] = upto;
                    bench.h2c_set64(channel, h2c::TAIL, upto);
                }
                finished &= done == list.len() as u64;
            }
            if finished {
                break;
            }
            bench.run(100);
        }
        for (channel, list) in given.iter().enumerate() {
            let (bytes, ends) = expected(&bench, list);
            prop_assert_eq!(&bench.stimulus.out[channel].ends, &ends);
            prop_assert!(bench.stimulus.out[channel].bytes == bytes, "channel {}: other bytes", channel);
        }
        bench.run(100);
        prop_assert_eq!(tags_in_use(&mut bench), 0);
        prop_assert_eq!(bench.config_read(0x104), 0, "nothing is logged");
    }
}
