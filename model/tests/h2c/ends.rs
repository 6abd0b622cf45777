//! Stops and resets with reads in flight; the end of a frame that is cut.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Stop,
    Channel,
    Card,
    Function,
}

/// Whatever ends a run with reads in flight, the next run is a first one, and late completions are swallowed.
#[rstest]
fn nothing_of_an_old_run_comes_out(
    #[values(Cut::Stop, Cut::Channel, Cut::Card, Cut::Function)] cut: Cut,
    #[values(0, 40, 150, 700)] after: u64,
) {
    let mut bench = bench(CardParams::default(), 43 + after);
    bench.config_write(0x114, 0);
    bench.host.as_mut().unwrap().delay = (100, 900);
    start(&mut bench, 0, 8, SINK | WRITE_BACK);
    bench.put(0, 8, 0, &descriptor(0, 20_000, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(300 + after);
    let in_flight = bench.host.as_ref().unwrap().open.len();
    assert!(in_flight > 0);
    match cut {
        Cut::Stop => bench.h2c_set32(0, h2c::CONTROL, 0),
        Cut::Channel => bench.h2c_set32(0, h2c::CONTROL, 2),
        Cut::Card => bench.write(BAR0 + u64::from(card::CONTROL), 3, 4),
        Cut::Function => {
            let express = bench.find_capability(0x10);
            bench.config_write(express + 8, 1 << 15 | 0x2910);
        }
    }
    bench.run(20);
    if cut != Cut::Function {
        // What is in flight ends first, in a reset as in a stop: when the channel is idle, its memory may be freed.
        assert_eq!(state(&mut bench, 0), ChannelState::Stopping as u64);
        bench.run(5000);
        assert_eq!((tags_in_use(&mut bench), bench.host.as_ref().unwrap().owed()), (0, 0));
        assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64);
    }
    if cut == Cut::Function {
        assert_eq!(bench.device_control() >> 21 & 1, 0, "FLR clears Transactions Pending");
        bench.bring_up(16);
        bench.set_sizes(1, 2);
    }
    bench.enable();
    // After a function-level reset, the new run starts while the old one's completions still come.
    start(&mut bench, 0, 8, SINK);
    let descriptors = [descriptor(0x7777, 3000, 0), descriptor(0x5555, 1111, END)];
    submit(&mut bench, 0, 8, &descriptors);
    let (bytes, _) = expected(&bench, &descriptors);
    assert_eq!((bench.h2c_get32(0, h2c::CHECK_LENGTH), bench.h2c_get32(0, h2c::CHECK_CRC)), (4111, crc32c(&bytes)));
    bench.run(5000);
    assert_eq!((tags_in_use(&mut bench), bench.host.as_ref().unwrap().owed()), (0, 0));
    assert_eq!(bench.config_read(0x104), 0, "a swallowed completion is no error");
}

#[test]
fn a_stream_that_is_cut_gets_the_end_of_its_frame_first() {
    let mut bench = bench(CardParams::default(), 47);
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.stimulus.out[0].ready_at = Cycle(bench.now + 2000);
    bench.h2c_set32(0, h2c::CONTROL, 2);
    bench.run(100);
    assert_eq!(state(&mut bench, 0), ChannelState::Idle as u64, "a reset waits for no receiver");
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(3, 40, END));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(4000);
    assert_eq!(bench.stimulus.out[0].ends, [608, 648]);
}

/// Whatever the channel does before its receiver is ready again, the cut frame ends once, before anything else and on the port that it was on.
#[test]
fn an_owed_end_outlives_other_runs() {
    let mut bench = bench(CardParams::default(), 47);
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.stimulus.out[0].ready_at = Cycle(bench.now + 5000);
    for output in [SINK, STREAM, SINK] {
        bench.h2c_set32(0, h2c::CONTROL, 0);
        bench.run(100);
        start(&mut bench, 0, 8, output);
        bench.put(0, 8, 0, &descriptor(3, 40, END));
        bench.h2c_set64(0, h2c::TAIL, 1);
        bench.run(1000);
        assert_eq!((bench.h2c_get64(0, h2c::DONE), state(&mut bench, 0)), (0, ChannelState::Running as u64), "the end goes first");
    }
    bench.run(5000);
    assert_eq!((&bench.stimulus.out[0].ends[..], bench.stimulus.out[0].bytes.len()), (&[608][..], 608));
    assert_eq!((bench.h2c_get64(0, h2c::DONE), bench.h2c_get32(0, h2c::CHECK_LENGTH)), (1, 40));
}

/// Nobody writes a register after the stop, and the receiver takes its time: the end comes all the same.
#[test]
fn an_owed_end_comes_by_itself() {
    let mut bench = bench(CardParams::default(), 47);
    start(&mut bench, 0, 8, STREAM);
    bench.put(0, 8, 0, &descriptor(0, 640, 0));
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(1000);
    bench.stimulus.out[0].ready_at = Cycle(bench.now + 3000);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.run(2000);
    assert!(bench.stimulus.out[0].ends.is_empty());
    bench.run(2000);
    assert_eq!(bench.stimulus.out[0].ends, [608]);
}

/// What was given and not done is counted; nothing of it is done later. A doorbell of a channel that does not run says nothing.
#[test]
fn a_stop_counts_what_it_leaves_undone() {
    let mut bench = bench(CardParams::default(), 51);
    start(&mut bench, 0, 8, SINK);
    submit(&mut bench, 0, 8, &[descriptor(0, 10, END), descriptor(0, 20, END)]);
    bench.h2c_set64(0, h2c::TAIL, 5);
    bench.h2c_set32(0, h2c::CONTROL, 0);
    bench.h2c_set64(0, h2c::TAIL, 6);
    bench.run(1000);
    bench.h2c_set64(0, h2c::TAIL, 1);
    bench.run(20);
    assert_eq!((bench.h2c_get32(0, h2c::DISCARDED), bench.h2c_get64(0, h2c::DONE), bench.h2c_get64(0, h2c::TAIL)), (3, 2, 5));
    assert_eq!((bench.h2c_get32(0, h2c::ERROR), state(&mut bench, 0)), (0, ChannelState::Idle as u64));
}

/// What the sink has found goes with a reset.
#[test]
fn a_reset_forgets_what_the_sink_found() {
    let mut bench = bench(CardParams::default(), 3);
    start(&mut bench, 0, 8, SINK);
    submit(&mut bench, 0, 8, &[descriptor(0, 100, END)]);
    let found = |bench: &mut Bench<Card>| [h2c::CHECK_LENGTH, h2c::CHECK_CRC].map(|register| bench.h2c_get32(0, register));
    assert_eq!(found(&mut bench), [100, crc32c(&bench.memory[PAYLOAD as usize..][..100])]);
    bench.h2c_set32(0, h2c::CONTROL, 2);
    bench.run(20);
    assert_eq!(found(&mut bench), [0, 0]);
}
