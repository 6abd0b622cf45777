//! Random runs over pages against a queue: frames held for any time and given back in any order; what comes out is what went in, once and in order,
//! and what is held does not change.

use crate::common::{Fake, payload};
use proptest::prelude::*;
use silico_driver::channel::{DataInterrupt, Phase, Wait, WaitMode, WriteBackPolicy};
use silico_driver::pages::{PageChannel, PageConfig, PageFrame};
use silico_driver::platform::Time;
use silico_spec::descriptor::CompletionFlags;

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    DeliverLater(u64, usize),
    Complete,
    Read(usize),
    GiveBack(usize),
    GiveBackAll,
    Flush,
    Wait(u64),
    Stop,
    Restart,
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![Just(0), 0..64usize, 0..=400usize, Just(400)];
    let step = prop_oneof![
        8 => length.clone().prop_map(Step::Deliver),
        3 => (0u64..20_000, length).prop_map(|(ns, length)| Step::DeliverLater(ns, length)),
        2 => Just(Step::Complete),
        6 => (0usize..5).prop_map(Step::Read),
        8 => (0usize..100).prop_map(Step::GiveBack),
        2 => Just(Step::GiveBackAll),
        2 => Just(Step::Flush),
        4 => (0u64..20_000).prop_map(Step::Wait),
        1 => Just(Step::Stop),
        1 => Just(Step::Restart),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..150)
}

fn configs() -> impl Strategy<Value = PageConfig> {
    let wait = prop_oneof![Just(WaitMode::Poll), Just(WaitMode::Interrupt), Just(WaitMode::Hybrid { max_poll_ns: 5000 })];
    let block = prop_oneof![Just(None), Just(Some(WriteBackPolicy::default()))];
    let page = prop_oneof![Just((7u32, 96u32)), Just((5, 256)), Just((2, 1024)), Just((16, 32)), Just((11, 64))];
    let fewer = prop::option::of(0u32..6);
    (page, any::<bool>(), wait, block, prop::option::of(1u32..3), fewer).prop_map(
        |((pages, page_bytes), packed, wait, write_back, give_back_pages, fewer)| {
            let flush_time = if packed { 900 } else { 0 };
            let interrupt = Some(DataInterrupt::default());
            // As few as the longest frame needs, or some more: the ring is full most of the time.
            let least = 432u32.div_ceil(page_bytes) + u32::from(packed && page_bytes < 432);
            PageConfig {
                pages,
                completion_entries: fewer.map(|more| (least + more).max(2)),
                page_bytes,
                packed,
                flush_time,
                max_frame: 400,
                wait,
                write_back,
                give_back_pages,
                interrupt,
                ..PageConfig::default()
            }
        },
    )
}

struct Bench {
    fake: Fake,
    channel: PageChannel<Fake>,
    made: u64,
    read: usize,
    held: Vec<(PageFrame, Vec<u8>)>,
}

impl Bench {
    fn make(&mut self, length: usize) -> Vec<u8> {
        self.made += 1;
        payload(self.made, length)
    }

    fn read(&mut self, most: usize) -> usize {
        for done in 0..most {
            let Some(frame) = self.channel.poll().expect("poll") else { return done };
            let wanted = self.fake.lock().channel(0).delivered.get(self.read).expect("a frame that nobody sent").clone();
            assert_eq!(frame.header.sequence, self.read as u64);
            self.held.push((frame, wanted));
            self.read += 1;
        }
        most
    }

    fn check(&self) {
        for (frame, wanted) in &self.held {
            let view = self.channel.view(frame).expect("held");
            assert_eq!(&view.parts().collect::<Vec<_>>().concat(), wanted, "frame {}", frame.header.sequence);
        }
        if self.channel.phase() == Phase::Running {
            let card = self.fake.lock().channel(0).pages.held() as u32;
            // Those on their way in either direction are neither's: never more than there are.
            assert!(card + self.channel.pages_held() <= self.channel.config().pages);
        }
    }

    fn give_back(&mut self, which: usize) {
        if !self.held.is_empty() {
            let (frame, _) = self.held.swap_remove(which % self.held.len());
            self.channel.give_back(frame).expect("give back");
        }
    }

    /// Handles of the run before are of nothing any more.
    fn forget(&mut self) {
        for (frame, _) in self.held.drain(..) {
            assert!(self.channel.view(&frame).is_err());
            assert!(self.channel.give_back(frame).is_err());
        }
        self.read = 0;
    }

    fn stop(&mut self) {
        let stopped = self.channel.stop().expect("stop");
        self.read(usize::MAX);
        assert_eq!(stopped.frames, self.read as u64, "all that was delivered is read");
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
            Step::Complete => self.fake.lock().complete(0, CompletionFlags::FLUSHED),
            Step::Read(most) => drop(self.read(most)),
            Step::GiveBack(which) => self.give_back(which),
            Step::GiveBackAll => (0..self.held.len()).for_each(|_| self.give_back(0)),
            Step::Flush => self.channel.flush().expect("flush"),
            Step::Wait(ns) => self.wait(ns),
            Step::Stop => self.stop(),
            Step::Restart => {
                self.channel.restart().expect("restart");
                self.forget();
            }
            Step::Reset => {
                self.channel.reset().expect("reset");
                self.forget();
            }
        }
        self.check();
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
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(config in configs(), split: bool, steps in steps()) {
        let fake = Fake::new();
        let channel = fake.paged(&config);
        fake.fault(|faults| faults.split_anywhere = split && config.packed);
        let mut bench = Bench { fake, channel, made: 0, read: 0, held: Vec::new() };
        for step in &steps {
            bench.step(step);
        }
        // With all given back, everything that waited gets through.
        for _ in 0..200 {
            bench.step(&Step::GiveBackAll);
            bench.step(&Step::Flush);
            bench.step(&Step::Complete);
            bench.read(usize::MAX);
        }
        prop_assert_eq!(bench.fake.lock().channel(0).held.len(), 0);
        bench.stop();
        prop_assert_eq!(bench.fake.lock().hole_writes, 0);
        bench.step(&Step::GiveBackAll);
        prop_assert_eq!(bench.channel.pages_held(), 0);
        drop(bench.channel);
        prop_assert_eq!(bench.fake.lock().live_buffers(), 0);
    }
}
