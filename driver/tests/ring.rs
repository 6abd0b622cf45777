//! Reading a ring: frames in place, wrapping at every position, doorbells, and the life of a run.

use crate::common::{Fake, payload};
use rstest::rstest;
use silico_driver::channel::{
    BusyThresholds, DataInterrupt, ElinkBlocks, Generator, Lengths, Phase, Progress, RingChannel, RingConfig, Source, Stopped, WhenFull,
    WriteBackPolicy,
};
use silico_driver::error::{ChannelId, DriverError};
use silico_spec::registers::c2h;

const SW_COUNT: u32 = c2h::offset(0, c2h::SW_COUNT);

fn small(progress: Progress) -> RingConfig {
    RingConfig { ring_bytes: 4096, max_frame: 4064, progress, ..RingConfig::default() }
}

fn by_block() -> RingConfig {
    small(Progress::WriteBack(WriteBackPolicy::default()))
}

/// Takes one frame and compares everything in it.
fn take(channel: &mut RingChannel<Fake>, sequence: u64, wanted: &[u8]) -> (usize, usize) {
    let frame = channel.poll().expect("poll").expect("a frame");
    assert_eq!((frame.header.sequence, frame.header.length as usize, frame.len()), (sequence, wanted.len(), wanted.len()));
    assert_eq!([frame.head, frame.tail].concat(), wanted);
    frame.verify().unwrap();
    let parts = (frame.head.len(), frame.tail.len());
    frame.done();
    parts
}

fn nothing(channel: &mut RingChannel<Fake>) {
    assert!(channel.poll().expect("poll").is_none());
}

#[rstest]
fn a_frame_wraps_at_every_position(#[values(Progress::Register, Progress::WriteBack(WriteBackPolicy::default()))] progress: Progress) {
    for at in (0..4096).step_by(32) {
        let fake = Fake::new();
        let mut channel = fake.started(&small(progress));
        let mut sequence = 0;
        if at > 0 {
            fake.deliver(0, &payload(0, at - 32));
            take(&mut channel, 0, &payload(0, at - 32));
            nothing(&mut channel);
            sequence = 1;
        }
        // Longer than the rest of the ring for most positions, and not on the grid.
        let wanted = payload(1, 3001);
        fake.deliver(0, &wanted);
        let (head, tail) = take(&mut channel, sequence, &wanted);
        let room = if at + 32 == 4096 { 4096 } else { 4096 - at - 32 };
        assert_eq!((head, tail), (room.min(3001), 3001 - room.min(3001)), "at {at}");
        nothing(&mut channel);
        assert_eq!(channel.stop().unwrap().frames, sequence + 1);
    }
}

#[test]
fn empty_frames_and_an_exactly_full_ring() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    for lap in 0..3 {
        for _ in 0..129 {
            fake.deliver(0, &[]);
        }
        let mut state = fake.lock();
        let card = state.channel(0);
        assert_eq!((card.hw, card.held.len()), (4096 + lap * 129 * 32, 1), "full, and the last one waits");
        drop(state);
        for frame in 0..129 {
            assert_eq!(take(&mut channel, lap * 129 + frame, &[]), (0, 0));
        }
        nothing(&mut channel);
    }
    assert_eq!(channel.bytes(), 3 * 129 * 32);
    assert_eq!(channel.phase(), Phase::Running, "no doorbell was out of bounds");
}

#[test]
fn one_frame_fills_the_ring() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    for sequence in 0..3 {
        let wanted = payload(sequence, 4064);
        fake.deliver(0, &wanted);
        take(&mut channel, sequence, &wanted);
        nothing(&mut channel);
    }
}

#[rstest]
#[case::quarter(None, vec![1024, 2048, 3072, 4096])]
#[case::half(Some(2048), vec![2048, 4096])]
#[case::each(Some(32), (1..=16).map(|n| n * 256).collect())]
#[case::odd(Some(1000), vec![1024, 2048, 3072, 4096])]
fn the_doorbell_is_rung_for_a_share_of_the_ring(#[case] give_back_bytes: Option<u64>, #[case] wanted: Vec<u64>) {
    let fake = Fake::new();
    let mut channel = fake.started(&RingConfig { give_back_bytes, ..by_block() });
    (0..16).for_each(|frame| fake.deliver(0, &payload(frame, 224)));
    for frame in 0..16 {
        take(&mut channel, frame, &payload(frame, 224));
    }
    nothing(&mut channel);
    assert_eq!(fake.writes(SW_COUNT), wanted);
    nothing(&mut channel);
    assert_eq!(fake.writes(SW_COUNT), wanted, "nothing new, nothing rung");
}

#[test]
fn an_empty_poll_and_give_back_ring_for_the_rest() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    fake.deliver(0, &[]);
    fake.deliver(0, &[]);
    take(&mut channel, 0, &[]);
    assert_eq!(channel.unread(), 32);
    channel.give_back().unwrap();
    take(&mut channel, 1, &[]);
    assert_eq!(fake.writes(SW_COUNT), [32]);
    nothing(&mut channel);
    assert_eq!(fake.writes(SW_COUNT), [32, 64]);
}

#[test]
fn a_frame_that_is_held_is_not_given_back() {
    let fake = Fake::new();
    let mut channel = fake.started(&RingConfig { give_back_bytes: Some(32), ..by_block() });
    let wanted = payload(0, 4000);
    fake.deliver(0, &wanted);
    fake.deliver(0, &payload(1, 4000));
    let frame = channel.poll().unwrap().unwrap();
    assert_eq!(fake.writes(SW_COUNT), []);
    assert_eq!(frame.head, wanted);
    take(&mut channel, 1, &payload(1, 4000));
    assert_eq!(fake.writes(SW_COUNT), [4032]);
}

#[rstest]
fn stop_leaves_what_was_announced(#[values(Progress::Register, Progress::WriteBack(WriteBackPolicy::default()))] progress: Progress) {
    let fake = Fake::new();
    let mut channel = fake.started(&small(progress));
    (0..5).for_each(|frame| fake.deliver(0, &payload(frame, 1000)));
    take(&mut channel, 0, &payload(0, 1000));
    let stopped = channel.stop().unwrap();
    assert_eq!(stopped, Stopped { bytes: 3 * 1056, frames: 3, dropped: 0, discarded: 2 });
    let rung = fake.writes(SW_COUNT).len();
    take(&mut channel, 1, &payload(1, 1000));
    take(&mut channel, 2, &payload(2, 1000));
    nothing(&mut channel);
    assert_eq!((channel.phase(), channel.stop()), (Phase::Idle, Ok(stopped)), "a second stop is a question");
    assert_eq!(fake.writes(SW_COUNT).len(), rung, "no doorbell to a channel that does not run");
}

#[test]
fn a_restart_is_a_first_start() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    let first: Vec<_> = fake.lock().writes.iter().filter(|write| write.0 >= c2h::BASE).copied().collect();
    for run in 1..4 {
        (0..3).for_each(|frame| fake.deliver(0, &payload(frame + run, 700)));
        take(&mut channel, 0, &payload(run, 700));
        assert_eq!((channel.run(), channel.frames()), (run as u32, 1));
        fake.lock().writes.clear();
        channel.restart().unwrap();
        assert_eq!((channel.frames(), channel.bytes(), channel.unread()), (0, 0, 0));
        nothing(&mut channel);
        let stop = (c2h::offset(0, c2h::CONTROL), 0);
        assert_eq!(fake.lock().writes.strip_prefix(&[stop]), Some(&first[..]), "everything is programmed anew");
    }
    assert_eq!(channel.start(), Err(DriverError::Running { channel: ChannelId::C2h(0) }));
}

#[test]
fn a_reset_forgets_the_run() {
    let fake = Fake::new();
    let mut channel = fake.started(&by_block());
    (0..3).for_each(|frame| fake.deliver(0, &payload(frame, 700)));
    take(&mut channel, 0, &payload(0, 700));
    channel.reset().unwrap();
    nothing(&mut channel);
    assert_eq!((channel.phase(), channel.frames()), (Phase::Idle, 0));
    channel.start().unwrap();
    fake.deliver(0, &payload(9, 30));
    take(&mut channel, 0, &payload(9, 30));
}

#[test]
fn a_drop_quiets_the_card_before_memory_goes() {
    let fake = Fake::new();
    let channel = fake.started(&by_block());
    assert_eq!(fake.lock().live_buffers(), 2);
    drop(channel);
    assert_eq!(fake.lock().live_buffers(), 0);
    assert_eq!(fake.lock().channel(0).state as u8, 0);
}

#[test]
fn the_configuration_reaches_its_registers() {
    let fake = Fake::new();
    let table = core::array::from_fn(|entry| 100 + entry as u32);
    let config = RingConfig {
        ring_bytes: 12288,
        max_frame: 2000,
        source: Source::Generator(Generator {
            lengths: Lengths::Table(table),
            source: 0x77,
            pause: 3,
            rate: 512,
            seed: 1 << 40,
            count: 5,
            blocks: Some(ElinkBlocks { links: 3, flush: 44 }),
        }),
        when_full: WhenFull::Drop,
        progress: Progress::WriteBack(WriteBackPolicy { frames: 2, bytes: 3000, time: 9 }),
        relaxed: true,
        no_snoop: true,
        busy: BusyThresholds { assert: 8000, release: 4000 },
        interrupt: Some(DataInterrupt { vector: 5, frames: 7, time: 8, error_vector: 6 }),
        ..RingConfig::default()
    };
    let channel = fake.started(&config);
    let get = |register| fake.lock().channel(0).get(register);
    assert_eq!((get(c2h::RING_BASE), get(c2h::RING_SIZE)), (channel.ring_addr().0, 12288));
    assert_eq!(get(c2h::WB_ADDR) % 64, 0);
    assert_eq!([c2h::WB_FRAMES, c2h::WB_BYTES, c2h::WB_TIME].map(get), [2, 3000, 9]);
    assert_eq!([c2h::CONFIG, c2h::MAX_FRAME, c2h::BUSY_ASSERT, c2h::BUSY_RELEASE].map(get), [0x1f, 2000, 8000, 4000]);
    assert_eq!([c2h::INT_DATA, c2h::INT_DATA_FRAMES, c2h::INT_DATA_TIME, c2h::INT_ERROR].map(get), [1 << 31 | 5, 7, 8, 1 << 31 | 6]);
    assert_eq!([c2h::GEN_CONFIG, c2h::GEN_PAUSE, c2h::GEN_RATE, c2h::GEN_SEED, c2h::GEN_COUNT].map(get), [0x77_0006, 3, 512, 1 << 40, 5]);
    assert_eq!([c2h::GEN_LINKS, c2h::GEN_FLUSH].map(get), [3, 44]);
    for (entry, length) in (0..16).zip(table) {
        assert_eq!(get(c2h::GEN_TABLE + 4 * entry), u64::from(length));
    }
    assert_eq!(fake.lock().hole_writes, 0);
}

#[rstest]
#[case(Lengths::Fixed(64), [0, 64, 64])]
#[case(Lengths::Uniform { min: 5, max: 9 }, [1, 5, 9])]
fn generator_lengths_reach_their_registers(#[case] lengths: Lengths, #[case] wanted: [u64; 3]) {
    let fake = Fake::new();
    let _channel = fake.started(&RingConfig { source: Source::Generator(Generator { lengths, ..Generator::default() }), ..by_block() });
    assert_eq!([c2h::GEN_CONFIG, c2h::GEN_MIN, c2h::GEN_MAX].map(|register| fake.lock().channel(0).get(register)), wanted);
}

#[test]
fn dropped_frames_are_counted() {
    let fake = Fake::new();
    let mut channel = fake.started(&RingConfig { when_full: WhenFull::Drop, ..by_block() });
    (0..6).for_each(|frame| fake.deliver(0, &payload(frame, 2000)));
    take(&mut channel, 0, &payload(0, 2000));
    let stopped = channel.stop().unwrap();
    assert_eq!((stopped.frames, stopped.dropped, channel.dropped()), (2, 4, 4));
}

#[test]
fn channels_do_not_disturb_each_other() {
    let fake = Fake::new();
    let card = fake.card();
    let mut channels: Vec<_> = (0..4).map(|number| card.channel(number, &by_block()).unwrap()).collect();
    channels.iter_mut().for_each(|channel| channel.start().unwrap());
    for (number, channel) in (0..).zip(&mut channels) {
        fake.deliver(number, &payload(number.into(), 100));
        assert_eq!(channel.number(), number);
    }
    channels[2].reset().unwrap();
    channels[3].stop().unwrap();
    for number in [0, 1, 3] {
        take(&mut channels[number], 0, &payload(number as u64, 100));
    }
    nothing(&mut channels[2]);
}

/// Each access costs; a reset is for channels that are not idle.
#[test]
fn an_idle_channel_is_started_at_once_and_without_a_reset() {
    let fake = Fake::new();
    let mut channel = fake.card().channel(0, &by_block()).unwrap();
    let before = fake.lock().now;
    channel.start().unwrap();
    assert_eq!(fake.writes(c2h::offset(0, c2h::CONTROL)), [0, 1]);
    assert!(fake.lock().now - before < 10_000, "some accesses, and no wait");
}
