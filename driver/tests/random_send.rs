//! Random sending against a queue: what goes in comes out once, whole and in order, whatever the room, the batch and the pace of the card.

use crate::common::{Event, Fake, payload};
use proptest::prelude::*;
use silico_driver::channel::{Phase, Wait, WaitMode};
use silico_driver::error::DriverError;
use silico_driver::h2c::{SendChannel, SendConfig, SendProgress, SendWriteBack, SpaceInterrupt, Ticket, Until};
use silico_driver::platform::{DmaBuffer, DmaMemory, Time};

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Fill(usize),
    Submit(usize, usize),
    Work(usize),
    WorkLater(u64, usize),
    Reclaim,
    Flush,
    Wait(u64, u32),
    Stop,
    Restart,
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![Just(0), 0..64usize, 0..=512usize, Just(512)];
    let step = prop_oneof![
        6 => length.clone().prop_map(Step::Send),
        3 => length.prop_map(Step::Fill),
        4 => (1usize..5, 1usize..4).prop_map(|(parts, grains)| Step::Submit(parts, grains)),
        6 => (0usize..6).prop_map(Step::Work),
        3 => (0u64..20_000, 1usize..4).prop_map(|(ns, most)| Step::WorkLater(ns, most)),
        4 => Just(Step::Reclaim),
        2 => Just(Step::Flush),
        4 => (0u64..20_000, 0u32..4).prop_map(|(ns, until)| Step::Wait(ns, until)),
        1 => Just(Step::Stop),
        1 => Just(Step::Restart),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..150)
}

fn configs() -> impl Strategy<Value = SendConfig> {
    let progress = prop_oneof![
        Just(SendProgress::Register),
        Just(SendProgress::WriteBack(SendWriteBack::default())),
        (0u32..5).prop_map(|every| SendProgress::WriteBack(SendWriteBack { every, time: 400 })),
    ];
    let wait = prop_oneof![Just(WaitMode::Poll), Just(WaitMode::Interrupt), Just(WaitMode::Hybrid { max_poll_ns: 5000 })];
    (2u32..9, 8u64..24, progress, wait, 0u32..4, 1u32..9).prop_map(|(entries, grains, progress, wait, count, batch)| SendConfig {
        entries,
        staging_bytes: grains * 64,
        progress,
        wait,
        batch: batch.min(entries),
        interrupt: Some(SpaceInterrupt { count, time: 300, ..SpaceInterrupt::default() }),
        ..SendConfig::default()
    })
}

struct Bench {
    fake: Fake,
    channel: SendChannel<Fake>,
    made: u64,
    /// Frames that were accepted in this run.
    queue: Vec<(Vec<u8>, Ticket)>,
    running: bool,
}

impl Bench {
    fn make(&mut self, length: usize) -> Vec<u8> {
        self.made += 1;
        payload(self.made, length)
    }

    fn accept(&mut self, frame: Vec<u8>, result: Result<Ticket, DriverError>) {
        match result {
            Ok(ticket) => self.queue.push((frame, ticket)),
            Err(DriverError::WouldBlock { needed, free, .. }) => assert!(self.running && free < needed),
            Err(DriverError::NotRunning { .. }) => assert!(!self.running),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(self.channel.submitted(), self.queue.len() as u64, "what is refused has changed nothing");
    }

    fn check(&self) {
        let done = self.fake.lock().sender(0).sent.clone();
        assert!(done.len() <= self.queue.len());
        assert!(done.iter().zip(&self.queue).all(|(sent, (wanted, _))| sent == wanted));
        assert!(self.channel.frames() <= done.len() as u64, "nothing is believed sent that is not");
        for (number, (_, ticket)) in (1..).zip(&self.queue) {
            assert_eq!(self.channel.is_sent(*ticket), Ok(number <= self.channel.frames()));
        }
    }

    fn started(&mut self) {
        self.queue.clear();
        self.running = true;
        self.fake.lock().sender(0).paused = true;
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send(length) => {
                let frame = self.make(length);
                let result = self.channel.send(&frame, self.made);
                self.accept(frame, result);
            }
            Step::Fill(length) => {
                let frame = self.make(length);
                let made = self.made;
                let result = self.channel.reserve(length as u32).and_then(|mut room| {
                    room.payload().copy_from_slice(&frame);
                    room.send(made)
                });
                self.accept(frame, result);
            }
            Step::Submit(parts, grains) => self.submit(parts, grains),
            Step::Work(most) => self.fake.lock().work(0, most),
            Step::WorkLater(ns, most) => self.fake.lock().schedule(ns, Event::Work(0, most)),
            Step::Reclaim => drop(self.channel.reclaim().expect("reclaim")),
            Step::Flush => self.channel.flush().expect("flush"),
            Step::Wait(ns, until) => self.wait(ns, until),
            Step::Stop => self.stop(),
            Step::Restart => {
                self.channel.restart().expect("restart");
                self.started();
            }
            Step::Reset => {
                self.channel.reset().expect("reset");
                self.queue.clear();
                self.channel.start().expect("start");
                self.started();
            }
        }
        if self.running {
            self.check();
        }
    }

    /// The buffer outlives the channel's use of it: it is leaked.
    fn submit(&mut self, parts: usize, grains: usize) {
        let bytes = grains as u64 * 32;
        let frame = self.make(parts * bytes as usize);
        let mut buffer = self.fake.alloc(frame.len() as u64, 64).expect("memory");
        buffer.acquire(0..frame.len() as u64);
        buffer.view_mut(0..frame.len() as u64).copy_from_slice(&frame);
        let ranges: Vec<_> = (0..parts as u64).map(|part| part * bytes..(part + 1) * bytes).collect();
        match self.channel.submit_parts(&mut buffer, &ranges, self.made) {
            Err(DriverError::Config(error)) => assert!(error.field == "parts" && parts > self.channel.config().entries as usize),
            result => self.accept(frame, result),
        }
        std::mem::forget(buffer);
    }

    fn wait(&mut self, ns: u64, until: u32) {
        let until = match (until, self.queue.last()) {
            (0, _) => Until::AllSent,
            (1, Some((_, ticket))) if self.running => Until::Sent(*ticket),
            (2, _) => Until::Staging(300),
            _ => Until::Entries(2),
        };
        let deadline = self.fake.after(ns);
        match self.channel.wait(until, deadline).expect("wait") {
            Wait::Ready => match until {
                Until::Entries(entries) => assert!(self.channel.free_entries() >= entries.into()),
                Until::Sent(ticket) => assert_eq!(self.channel.is_sent(ticket), Ok(true)),
                Until::AllSent if self.running => assert_eq!(self.channel.frames(), self.queue.len() as u64),
                Until::AllSent => {}
                Until::Staging(bytes) if self.running => assert!(self.channel.reserve(bytes).is_ok()),
                Until::Staging(_) => {}
            },
            Wait::Deadline => assert!(self.running && self.fake.now() >= deadline),
            Wait::Ended => assert!(!self.running),
            lost @ Wait::LostWakeUp { .. } => panic!("{lost:?}"),
        }
    }

    /// After a stop, what was sent and what was not adds up.
    fn stop(&mut self) {
        let unsent = self.channel.stop().expect("stop");
        if self.running {
            assert_eq!(unsent.sent, self.fake.lock().sender(0).sent.len() as u64);
            assert_eq!(unsent.sent + unsent.frames, self.queue.len() as u64);
            assert_eq!(unsent.sent_bytes, self.fake.lock().sender(0).bytes);
        }
        self.running = false;
        assert_eq!(self.channel.phase(), Phase::Idle);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_goes_in_comes_out_once_and_in_order(config in configs(), steps in steps()) {
        let fake = Fake::new();
        let channel = fake.sending(&config);
        let mut bench = Bench { fake, channel, made: 0, queue: Vec::new(), running: true };
        bench.started();
        for step in &steps {
            bench.step(step);
        }
        if bench.running {
            bench.channel.flush().expect("flush");
            bench.fake.lock().work(0, usize::MAX);
            let sent = bench.fake.lock().sender(0).sent.clone();
            let wanted: Vec<_> = bench.queue.iter().map(|(frame, _)| frame.clone()).collect();
            prop_assert_eq!(sent, wanted);
        }
        bench.stop();
        prop_assert_eq!(bench.fake.lock().hole_writes, 0);
    }
}
