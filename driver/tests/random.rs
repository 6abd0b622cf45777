//! Random runs against a queue: sizes, reads, waits, stops, restarts and resets in any order; what comes out is what went in, once and in order.

use crate::common::{Fake, payload};
use proptest::prelude::*;
use silico_driver::channel::{DataInterrupt, Phase, Progress, RingChannel, RingConfig, Wait, WaitMode, WriteBackPolicy};
use silico_driver::platform::Time;

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    DeliverLater(u64, usize),
    Read(usize),
    GiveBack,
    Wait(u64),
    Stop,
    Restart,
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![Just(0), 0..64usize, 0..=2000usize, Just(2000)];
    let step = prop_oneof![
        8 => length.clone().prop_map(Step::Deliver),
        3 => (0u64..20_000, length).prop_map(|(ns, length)| Step::DeliverLater(ns, length)),
        8 => (0usize..8).prop_map(Step::Read),
        2 => Just(Step::GiveBack),
        4 => (0u64..20_000).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        1 => Just(Step::Restart),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..150)
}

fn configs() -> impl Strategy<Value = RingConfig> {
    let progress = prop_oneof![
        Just(Progress::Register),
        (1u32..3).prop_map(|frames| Progress::WriteBack(WriteBackPolicy { frames, bytes: 0, time: 0 })),
        (1u32..2000).prop_map(|bytes| Progress::WriteBack(WriteBackPolicy { frames: 0, bytes, time: 0 })),
    ];
    let wait = prop_oneof![Just(WaitMode::Poll), Just(WaitMode::Interrupt), Just(WaitMode::Hybrid { max_poll_ns: 5000 })];
    let give_back = prop_oneof![Just(None), (1u64..4096).prop_map(Some)];
    (1u64..4, progress, wait, give_back).prop_map(|(pages, progress, wait, give_back_bytes)| RingConfig {
        ring_bytes: pages * 4096,
        max_frame: 2000,
        progress,
        wait,
        give_back_bytes,
        interrupt: Some(DataInterrupt::default()),
        ..RingConfig::default()
    })
}

/// A channel, and how far its run was read. What must be read is what the card says that it put into the ring.
struct Bench {
    fake: Fake,
    channel: RingChannel<Fake>,
    /// Payloads made, of all runs: no two are alike.
    made: u64,
    read: usize,
}

impl Bench {
    fn make(&mut self, length: usize) -> Vec<u8> {
        self.made += 1;
        payload(self.made, length)
    }

    fn delivered(&self) -> usize {
        self.fake.lock().channel(0).delivered.len()
    }

    fn read(&mut self, most: usize) -> usize {
        for done in 0..most {
            let Some(frame) = self.channel.poll().expect("poll") else { return done };
            let mut state = self.fake.lock();
            let wanted = state.channel(0).delivered.get(self.read).expect("a frame that nobody sent");
            assert_eq!(&[frame.head, frame.tail].concat(), wanted);
            assert_eq!(frame.header.sequence, self.read as u64);
            frame.verify().expect("CRC");
            drop(state);
            self.read += 1;
        }
        most
    }

    /// After a stop, all that was delivered can be read, and no more.
    fn stop(&mut self) {
        let stopped = self.channel.stop().expect("stop");
        assert_eq!(stopped.frames, self.delivered() as u64);
        self.read(usize::MAX);
        assert_eq!(self.read, self.delivered(), "all that was delivered is read");
        assert_eq!(self.channel.bytes(), stopped.bytes);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Deliver(length) => {
                let frame = self.make(length);
                self.fake.deliver(0, &frame);
            }
            Step::DeliverLater(ns, length) => {
                let frame = self.make(length);
                self.fake.deliver_in(ns, &frame);
            }
            Step::Read(most) => {
                self.read(most);
            }
            Step::GiveBack => self.channel.give_back().expect("give back"),
            Step::Wait(ns) => self.wait(ns),
            Step::Stop => self.stop(),
            Step::Restart => {
                self.channel.restart().expect("restart");
                self.read = 0;
            }
            Step::Reset => {
                self.channel.reset().expect("reset");
                self.read = 0;
            }
        }
    }

    fn wait(&mut self, ns: u64) {
        let running = self.channel.phase() == Phase::Running;
        let deadline = self.fake.after(ns);
        match self.channel.wait(deadline).expect("wait") {
            Wait::Ready => assert_eq!(self.read(1), 1, "ready, and nothing there"),
            Wait::Deadline => assert!(running && self.fake.now() >= deadline),
            Wait::Ended => assert!(!running),
            lost @ Wait::LostWakeUp { .. } => panic!("{lost:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(config in configs(), steps in steps()) {
        let fake = Fake::new();
        let channel = fake.started(&config);
        let mut bench = Bench { fake, channel, made: 0, read: 0 };
        for step in &steps {
            bench.step(step);
        }
        bench.stop();
        prop_assert_eq!(bench.fake.lock().hole_writes, 0);
        drop(bench.channel);
        prop_assert_eq!(bench.fake.lock().live_buffers(), 0);
    }
}
