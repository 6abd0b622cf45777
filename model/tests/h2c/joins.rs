//! When a loop joins its target and leaves it: at the bounds of the frames of whoever feeds it until then, and with no frame of the front end lost or made up.

use super::*;

/// Frames in the ring of channel 0: payload bytes, source, flags.
fn frames(bench: &mut Bench<Card>) -> Vec<(u32, u16, Flags)> {
    let (end, mut at, mut frames) = (bench.get64(0, c2h::HW_COUNT), 0, Vec::new());
    while at < end {
        let header = FrameHeader::parse(bench.ring(0, at as usize, 32).try_into().unwrap()).unwrap();
        let payload = bench.ring(0, at as usize + 32, header.length as usize);
        assert_eq!(header.crc, crc32c(payload));
        frames.push((header.length, header.source, header.flags));
        at += header.footprint();
    }
    frames
}

fn target(params: CardParams) -> Bench<Card> {
    let mut bench = bench(params, 41);
    bench.set_up_ring(0, 0x1_0000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.run(20);
    bench
}

/// What the front end calls its frames, and the loop its own.
const FRONT: u16 = 7;
const LOOP: u16 = 0;

#[test]
fn a_loop_waits_for_the_end_of_the_front_ends_frame() {
    let mut bench = target(CardParams::default());
    bench.feed(0, &[5; 7000], bench.now);
    bench.feed(0, &[6; 100], bench.now);
    bench.run(20);
    start(&mut bench, 0, 8, LOOPBACK);
    submit(&mut bench, 0, 8, &[descriptor(0, 500, END)]);
    bench.run(500);
    let none = Flags::default();
    assert_eq!(frames(&mut bench), [(7000, FRONT, none), (500, LOOP, none)]);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(200);
    assert_eq!(frames(&mut bench)[2..], [(100, FRONT, none)]);
}

/// What is left of a frame that a stop cut is swallowed first, if it is on its way when the loop begins.
#[test]
fn a_loop_waits_for_the_rest_of_a_frame_that_was_cut() {
    let mut bench = target(CardParams::default());
    bench.feed(0, &[5; 30_000], bench.now);
    bench.run(50);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 8, LOOPBACK);
    submit(&mut bench, 0, 8, &[descriptor(0, 500, END)]);
    bench.run(500);
    assert_eq!((bench.stimulus.front[0].frames.len(), frames(&mut bench)), (0, vec![(500, LOOP, Flags::default())]));
}

/// It waits on the stream, if it is not: for the end of the loop, however often one came and went before the target's next run.
#[test]
fn the_rest_of_a_frame_that_was_cut_comes_when_the_loop_is_over() {
    let mut bench = target(CardParams::default());
    bench.feed(0, &[5; 3000], bench.now);
    bench.run(20);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    for control in [1, 0, 1] {
        bench.set_up_h2c(0, 8, LOOPBACK);
        bench.h2c_set32(0, h2c::CONTROL, control);
        bench.run(50);
    }
    bench.set32(0, c2h::CONTROL, 1);
    submit(&mut bench, 0, 8, &[descriptor(0, 500, END)]);
    bench.run(500);
    let looped = (500, LOOP, Flags::default());
    assert_eq!((bench.stimulus.front[0].frames.len(), frames(&mut bench)), (1, vec![looped]));
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.feed(0, &[9; 100], bench.now);
    bench.run(500);
    assert_eq!(frames(&mut bench), [looped, (100, FRONT, Flags::default())]);
}

/// What is swallowed needs no room: a FIFO that the loop has left full does not hold it.
#[test]
fn the_rest_of_a_frame_that_was_cut_needs_no_room() {
    let mut bench = target(CardParams { fifo_frames: 8, ..CardParams::default() });
    bench.feed(0, &[5; 3000], bench.now);
    bench.run(20);
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(100);
    start(&mut bench, 0, 8, LOOPBACK);
    bench.run(20);
    bench.set32(0, c2h::CONTROL, 1);
    let posted = bench.sent.iter().filter(|sent| sent.header.kind() == Kind::MemWrite).count();
    bench.stimulus.credits.0[0] = Limit::new(Some(posted as u8), None);
    submit(&mut bench, 0, 8, &[descriptor(0, 50, END); 8]);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.feed(0, &[9; 100], bench.now);
    bench.run(300);
    assert_eq!((bench.stimulus.front[0].frames.len(), bench.get64(0, c2h::FRAMES)), (1, 0), "the whole frame waits for room");
}

/// A reset of the target does not end the loop: the front end waits on.
#[test]
fn a_loop_outlives_a_reset_of_its_target() {
    let mut bench = target(CardParams::default());
    start(&mut bench, 0, 8, LOOPBACK);
    bench.run(50);
    bench.set32(0, c2h::CONTROL, 2);
    bench.run(50);
    bench.set_up_ring(0, 0x1_0000, 0, 8000);
    bench.set32(0, c2h::CONTROL, 1);
    bench.feed(0, &[9; 100], bench.now);
    submit(&mut bench, 0, 8, &[descriptor(0, 500, END)]);
    bench.run(500);
    assert_eq!((bench.stimulus.front[0].frames.len(), frames(&mut bench)), (1, vec![(500, LOOP, Flags::default())]));
}

/// A target without room holds its loop as it would hold the front end: nothing is dropped that was not to be.
#[test]
fn a_loop_waits_for_room() {
    let mut bench = target(CardParams { fifo_bytes: 2048, ..CardParams::default() });
    bench.set32(0, c2h::CONTROL, 0);
    bench.run(20);
    bench.set64(0, c2h::RING_SIZE, 0x1000);
    bench.set32(0, c2h::MAX_FRAME, 1000);
    bench.set32(0, c2h::CONTROL, 1);
    start(&mut bench, 0, 16, LOOPBACK);
    let descriptors: Vec<_> = (0..12).map(|n| descriptor(1000 * n, 896, END)).collect();
    for (index, descriptor) in (0..).zip(&descriptors) {
        bench.put(0, 16, index, descriptor);
    }
    bench.h2c_set64(0, h2c::TAIL, 12);
    bench.run(2000);
    let taken: Vec<u64> = (0..12)
        .map(|n| {
            let at = 928 * n % 0x1000;
            let (bytes, _) = expected(&bench, &descriptors[n..=n]);
            let came: Vec<u8> = (0..896).map(|byte| bench.ring(0, (at + 32 + byte) % 0x1000, 1)[0]).collect();
            assert!(came == bytes, "frame {n}");
            bench.set64(0, c2h::SW_COUNT, 928 * (n as u64 + 1));
            bench.run(500);
            bench.get64(0, c2h::FRAMES)
        })
        .collect();
    // Four lie in the ring at once.
    assert_eq!(taken, [5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 12, 12]);
    assert_eq!(bench.get64(0, c2h::DROPPED), 0);
}
