//! Loops onto a card-to-host channel: what comes back, and what of a loop that is cut.

use super::*;

#[test]
fn a_loop_brings_every_frame_back() {
    let mut bench = bench(CardParams::default(), 13);
    bench.set_up_ring(1, 0x8000, 0, 8000);
    bench.set32(1, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK | 1 << 8);
    bench.run(20);
    bench.feed(1, &[1; 100], bench.now);
    let descriptors: Vec<_> = [0, 1, 31, 32, 500, 6000].iter().map(|size| descriptor(77, *size, END)).collect();
    submit(&mut bench, 0, 8, &descriptors);
    bench.run(3000);
    let mut offset = 0;
    for (sequence, descriptor) in descriptors.iter().enumerate() {
        let header = FrameHeader::parse(bench.ring(1, offset, 32).try_into().unwrap()).unwrap();
        let (bytes, _) = expected(&bench, &[*descriptor]);
        assert_eq!((header.length, header.sequence, header.crc), (descriptor.length, sequence as u64, crc32c(&bytes)));
        assert_eq!(bench.ring(1, offset + 32, bytes.len()), bytes);
        offset += header.footprint() as usize;
    }
    // The front end's frame has waited, and comes once the loop is over.
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(1, offset, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.source, header.flags), (100, 7, Flags::default()));
}

/// One channel feeds one other, whichever these are.
#[test]
fn a_second_loop_to_one_target_is_refused() {
    for first in 0..4 {
        for second in 0..4 {
            let mut bench = bench(CardParams::default(), 17);
            start(&mut bench, 0, 8, LOOPBACK | first << 8);
            start(&mut bench, 1, 8, LOOPBACK | second << 8);
            let code = if first == second { ChannelError::BadOutput } else { ChannelError::None };
            assert_eq!((bench.h2c_get32(0, h2c::ERROR), bench.h2c_get32(1, h2c::ERROR)), (0, code as u32), "{first} and {second}");
        }
    }
}

#[test]
fn a_loop_that_is_cut_marks_its_frame() {
    let mut bench = bench(CardParams::default(), 17);
    bench.set_up_ring(0, 0x8000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert!(
        header.flags.contains(Flags::ERROR) && header.length == 608,
        "{header:?}: the last beat is kept back, since it might end the frame"
    );
    start(&mut bench, 1, 8, LOOPBACK);
    submit(&mut bench, 1, 8, &[descriptor(5, 50, END)]);
    bench.run(500);
    let header = FrameHeader::parse(bench.ring(0, header.footprint() as usize, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags), (50, Flags::default()));
}

#[test]
fn a_target_that_stops_in_mid_frame_gets_nothing_of_that_frame_later() {
    let mut bench = bench(CardParams::default(), 19);
    bench.set_up_ring(0, 0x8000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.put(0, 8, 1, &descriptor(640, 640, END));
    bench.put(0, 8, 2, &descriptor(99, 60, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(200);
    bench.set32(0, c2h::CONTROL, 1);
    bench.h2c_set64(0, h2c::TAIL, 3);
    bench.run(2000);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags, bench.get64(0, c2h::FRAMES)), (60, Flags::default(), 1));
}

/// A sender whose last frame is owed its end still holds that target, and holds that of its next run as well: whoever else wants either is refused.
#[rstest]
#[case::of_the_frame(0, 1, 0)]
#[case::of_the_run(0, 1, 1)]
#[case::of_both(0, 0, 0)]
fn a_sender_that_owes_an_end_holds_two_targets(#[case] first: u32, #[case] then: u32, #[case] wanted: u32) {
    let mut bench = bench(CardParams::default(), 19);
    bench.set_up_ring(first, 0x8000, 0, 30_000);
    bench.set32(first, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK | first << 8);
    bench.put(0, 8, 0, &descriptor(0, 30_000, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(200);
    // The first target's FIFO fills, so that the end of the frame has to wait.
    let credits = bench.stimulus.credits.0[0];
    bench.stimulus.credits.0[0] = Limit::NONE;
    bench.run(4000);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(100);
    assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64);
    start(&mut bench, 0, 8, LOOPBACK | then << 8);
    start(&mut bench, 1, 8, LOOPBACK | wanted << 8);
    bench.run(100);
    let errors = [0, 1].map(|channel| bench.h2c_get32(channel, h2c::ERROR));
    assert_eq!(errors, [ChannelError::None as u32, ChannelError::BadOutput as u32]);
    bench.stimulus.credits.0[0] = credits;
    bench.run(4000);
    assert_eq!(state(&mut bench, 0), ChannelState::Running as u64);
}

/// The target has stopped and started anew when the feeder's run ends in the middle of a frame: it has forgotten that one, and is owed no end.
#[test]
fn a_target_that_stopped_is_owed_no_end() {
    let mut bench = bench(CardParams::default(), 31);
    bench.set_up_ring(0, 0x8000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(200);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(200);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(200);
    bench.feed(0, &[9; 100], bench.now);
    bench.run(300);
    let header = FrameHeader::parse(bench.ring(0, 0, 32).try_into().unwrap()).unwrap();
    assert_eq!((header.length, header.flags, bench.get64(0, c2h::FRAMES)), (100, Flags::default(), 1));
}

/// A start that fails for its ring leaves its output alone, be it one that there is not.
#[test]
fn a_start_that_fails_joins_no_loop() {
    let mut bench = bench(CardParams::default(), 29);
    for output in [LOOPBACK | 15 << 8, LOOPBACK | 1 << 8] {
        bench.set_up_h2c(0, 1, output | WRITE_BACK);
        bench.h2c_set32(0, h2c::CONTROL, 1);
        bench.run(50);
        assert_eq!(bench.h2c_get32(0, h2c::ERROR), ChannelError::BadDescriptorRing as u32);
    }
    bench.set_up_ring(1, 0x8000, 0, 1000);
    bench.set32(1, c2h::CONTROL, 1);
    bench.feed(1, &[3; 10], bench.now);
    bench.run(100);
    assert_eq!(bench.get64(1, c2h::FRAMES), 1);
}

/// The loop ends while its target, stopped in the middle of a frame of the loop, still has a TLP on the way: what is cut is no frame of the front end.
#[rstest]
#[case::stop(0)]
#[case::reset(2)]
fn a_frame_of_a_loop_that_is_cut_costs_the_front_end_none(#[case] control: u32) {
    let mut bench = bench(CardParams::default(), 23);
    bench.set_up_ring(0, 0x8000, 0, 30_000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.put(0, 8, 0, &descriptor(0, 30_000, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(300);
    // The target's FIFO fills, so that the end of the frame has to wait.
    bench.stimulus.tx_ready_at = Cycle(bench.now + 4000);
    bench.run(2000);
    bench.h2c_set32(0, h2c::CONTROL, control);
    bench.run(100);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(3000);
    assert_eq!((state(&mut bench, 0), bench.get32(0, c2h::STATUS) & 7), (ChannelState::Idle as u64, 0));
    bench.set_up_ring(0, 0x8000, 0, 30_000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[9; 100], bench.now);
    bench.run(300);
    assert_eq!(bench.get64(0, c2h::FRAMES), 1);
}
