//! The demultiplexer clock by clock: an interrupt source that says beforehand how each sleep ends, and what happens during it. All orders of threads are
//! `loom`'s, in the file above; what each order must come to is said here, and by two threads at the end.

use super::*;
use crate::platform::AccessError;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Vectors of the card; soft ones follow.
const VECTORS: u16 = 3;
const LATE: Nanos = Nanos(1000);

type Ended = Result<Wake, AccessError>;
type Sleep = Box<dyn FnOnce(u16) -> Ended>;

/// Sleeps as they were foreseen, and what was slept on and kicked.
#[derive(Clone, Default)]
struct Script(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    sleeps: VecDeque<Sleep>,
    slept: Vec<u16>,
    kicked: Vec<u16>,
}

impl Script {
    fn then(self, sleep: impl FnOnce(u16) -> Ended + 'static) -> Self {
        self.0.borrow_mut().sleeps.push_back(Box::new(sleep));
        self
    }

    fn fires(self) -> Self {
        self.then(|_| Ok(Wake::Interrupt))
    }

    /// Vectors that were slept on, since the last call.
    fn slept(&self) -> Vec<u16> {
        std::mem::take(&mut self.0.borrow_mut().slept)
    }

    /// Vectors that were kicked, since the last call.
    fn kicked(&self) -> Vec<u16> {
        std::mem::take(&mut self.0.borrow_mut().kicked)
    }
}

impl Interrupts for Script {
    fn vectors(&self) -> u16 {
        VECTORS
    }

    fn wait(&self, vector: u16, deadline: Nanos) -> Ended {
        assert_eq!(deadline, LATE);
        let sleep = {
            let mut state = self.0.borrow_mut();
            state.slept.push(vector);
            state.sleeps.pop_front()
        };
        sleep.expect("a sleep that nobody foresaw")(vector)
    }

    fn kick(&self, vector: u16) {
        self.0.borrow_mut().kicked.push(vector);
    }

    fn unmask(&self, _: u16) -> Result<(), AccessError> {
        panic!("a level is the caller's")
    }
}

fn waiter(vector: u16, number: u32) -> Waiter {
    Waiter { vector, bit: 1 << number }
}

/// Channels 0, 1 and 5 on vector 2, channel 3 on vector 1.
fn four() -> Rc<Demux> {
    let demux = Rc::new(Demux::new(VECTORS));
    [waiter(2, 0), waiter(2, 1), waiter(2, 5), waiter(1, 3)].into_iter().for_each(|who| demux.subscribe(who));
    demux
}

fn wait(demux: &Demux, script: &Script, number: u32, targets: impl Fn(u32) -> Result<u32, DriverError>) -> Result<Wake, DriverError> {
    demux.wait(script, waiter(2, number), LATE, targets)
}

fn counters(demux: &Demux) -> (u64, u64, u64) {
    let DemuxCounters { fired, marked, kicked } = demux.counters();
    (fired, marked, kicked)
}

fn nobody(_: u32) -> Result<u32, DriverError> {
    panic!("nothing fired")
}

/// Between the word that it sleeps and the sleep it looks once more: each of the two alone keeps it awake.
#[test]
fn who_follows_sleeps_only_unmarked_and_beside_a_leader() {
    let (demux, script) = (four(), Script::default().fires());
    let line = &demux.lines[2];
    let follow = |marked: u32, leader: u32| {
        demux.pending.store(marked, Ordering::SeqCst);
        line.leader.store(leader, Ordering::SeqCst);
        let ended = demux.follow(&script, line, waiter(2, 1), LATE);
        assert_eq!(line.followers.load(Ordering::SeqCst), 0);
        (ended, script.slept())
    };
    assert_eq!(follow(0b10, 0b1), (Ok(Wake::Interrupt), vec![]), "marked by a leader that sleeps again");
    assert_eq!(follow(0, 0), (Ok(Wake::Interrupt), vec![]), "the leader has left");
    assert_eq!(follow(0b1, 0b1), (Ok(Wake::Interrupt), vec![VECTORS + 1]), "neither: its soft vector");
}

#[test]
fn a_firing_wakes_the_one_that_it_is_for() {
    let (demux, script) = (four(), Script::default().fires());
    assert_eq!(demux.vectors(), VECTORS);
    let targets = |subscribers| {
        assert_eq!(subscribers, 0b10_0011, "those of this vector");
        Ok(0b10)
    };
    assert_eq!(wait(&demux, &script, 1, targets), Ok(Wake::Interrupt));
    assert_eq!((script.slept(), script.kicked(), counters(&demux)), (vec![2], vec![], (1, 1, 0)));
}

#[test]
fn a_firing_for_another_is_kept_for_it_and_the_leader_sleeps_on() {
    let (demux, script) = (four(), Script::default().fires().fires());
    let calls = RefCell::new(vec![0b1, 0b10_0000]);
    let targets = |_| Ok(calls.borrow_mut().pop().unwrap());
    assert_eq!(wait(&demux, &script, 0, targets), Ok(Wake::Interrupt));
    assert_eq!((script.slept(), counters(&demux)), (vec![2, 2], (2, 2, 0)));
    // The other one need not sleep, once.
    assert_eq!(wait(&demux, &script, 5, nobody), Ok(Wake::Interrupt));
    assert_eq!(script.slept(), []);
    let script = script.then(|_| Ok(Wake::Deadline));
    assert_eq!(wait(&demux, &script, 5, nobody), Ok(Wake::Deadline));
}

#[test]
fn who_cannot_be_told_apart_is_woken() {
    // None, or a channel that does not wait on this vector.
    for bits in [0, 0b1000] {
        let (demux, script) = (four(), Script::default().fires());
        assert_eq!(wait(&demux, &script, 0, |_| Ok(bits)), Ok(Wake::Interrupt));
        assert_eq!(counters(&demux), (1, 3, 0), "{bits:#b}");
        for number in [1, 5] {
            assert_eq!(wait(&demux, &script, number, nobody), Ok(Wake::Interrupt));
        }
        let script = script.then(|_| Ok(Wake::Deadline));
        assert_eq!(demux.wait(&script, waiter(1, 3), LATE, nobody), Ok(Wake::Deadline), "not on this vector");
    }
}

#[test]
fn a_source_that_fails_wakes_all_and_the_leader_says_why() {
    let gone = DriverError::Gone { register: "INT_STATUS" };
    let (demux, script) = (four(), Script::default().fires());
    assert_eq!(wait(&demux, &script, 0, |_| Err(gone)), Err(gone));
    assert_eq!(wait(&demux, &script, 1, nobody), Ok(Wake::Interrupt));
    let (demux, script) = (four(), Script::default().then(|_| Err(AccessError::Gone)));
    assert!(matches!(wait(&demux, &script, 0, nobody), Err(DriverError::Gone { .. })));
    assert_eq!(wait(&demux, &script, 1, nobody), Ok(Wake::Interrupt));
}

#[test]
fn a_deadline_is_told_unless_a_mark_came_with_it() {
    let (demux, script) = (four(), Script::default().then(|_| Ok(Wake::Deadline)));
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Deadline));
    assert_eq!(counters(&demux), (0, 0, 0));
    let (late, source) = (demux.clone(), script.clone());
    let script = script.then(move |_| {
        late.wake_all(&source);
        Ok(Wake::Deadline)
    });
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Interrupt));
    let script = script.then(|_| Ok(Wake::Deadline));
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Deadline), "the mark was taken");
}

#[test]
fn who_comes_second_sleeps_beside_the_leader_and_is_kicked() {
    let (demux, script) = (four(), Script::default());
    // During the leader's sleep the second comes; during the second's sleep all are woken.
    let (other, source) = (demux.clone(), script.clone());
    let script = script.then(move |_| {
        assert_eq!(wait(&other, &source, 5, nobody), Ok(Wake::Interrupt));
        Ok(Wake::Deadline)
    });
    let (third, source) = (demux.clone(), script.clone());
    let script = script.then(move |_| {
        third.wake_all(&source);
        Ok(Wake::Interrupt)
    });
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Interrupt));
    assert_eq!(script.slept(), [2, VECTORS + 5], "a soft vector of its own");
    // A kick of the follower, and one of each vector: for a leader that is about to sleep.
    assert_eq!(script.kicked(), [0, 1, VECTORS + 5, 2]);
    assert_eq!(counters(&demux), (0, 4, 1));
    // It sleeps no more.
    demux.wake_all(&script);
    assert_eq!((script.kicked(), counters(&demux)), (vec![0, 1, 2], (0, 8, 1)));
}

#[test]
fn a_follower_has_a_deadline_too_and_a_kick_for_nothing_makes_it_look_again() {
    let (demux, script) = (four(), Script::default());
    let (other, source) = (demux.clone(), script.clone());
    let script = script.then(move |_| {
        assert_eq!(wait(&other, &source, 5, nobody), Ok(Wake::Deadline));
        Ok(Wake::Deadline)
    });
    let script = script.fires().then(|_| Ok(Wake::Deadline));
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Deadline));
    assert_eq!(script.slept(), [2, VECTORS + 5, VECTORS + 5]);
}

#[test]
fn a_channel_that_closes_or_opens_leaves_no_mark_behind() {
    let (demux, script) = (four(), Script::default());
    demux.unsubscribe(0b10);
    demux.wake_all(&script);
    assert_eq!(counters(&demux).1, 3);
    demux.subscribe(waiter(2, 0));
    let script = script.then(|_| Ok(Wake::Deadline));
    assert_eq!(wait(&demux, &script, 0, nobody), Ok(Wake::Deadline), "a mark of the channel's last user");
    assert_eq!(wait(&demux, &script, 5, nobody), Ok(Wake::Interrupt), "another channel's");
    let script = script.fires();
    assert_eq!(wait(&demux, &script, 0, |subscribers| Ok(subscribers & !0b10)), Ok(Wake::Interrupt));
}

#[test]
fn a_vector_that_the_card_does_not_have_is_the_platforms() {
    let (demux, script) = (four(), Script::default().fires());
    assert_eq!(demux.wait(&script, waiter(7, 0), LATE, nobody), Ok(Wake::Interrupt));
    assert_eq!((script.slept(), counters(&demux)), (vec![7], (0, 0, 0)));
    let script = script.then(|_| Err(AccessError::Gone));
    assert!(demux.wait(&script, waiter(7, 0), LATE, nobody).is_err());
}

/// Eventfds that say who sleeps on them.
#[derive(Clone, Default)]
struct Events(Arc<(Mutex<(u64, u64)>, Condvar)>);

impl Events {
    /// Blocks until somebody sleeps on each of `vectors`.
    fn until_asleep(&self, vectors: &[u16]) {
        let all = vectors.iter().fold(0, |bits, vector| bits | 1_u64 << vector);
        let limit = Duration::from_secs(20);
        let (_held, waited) = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), limit, |(_, asleep)| *asleep & all != all).unwrap();
        assert!(!waited.timed_out(), "nobody sleeps on {vectors:?}");
    }
}

impl Interrupts for Events {
    fn vectors(&self) -> u16 {
        VECTORS
    }

    fn wait(&self, vector: u16, _: Nanos) -> Ended {
        let mut state = self.0.0.lock().unwrap();
        state.1 |= 1 << vector;
        self.0.1.notify_all();
        let limit = Duration::from_secs(20);
        let (mut state, waited) = self.0.1.wait_timeout_while(state, limit, |(fired, _)| *fired >> vector & 1 == 0).unwrap();
        assert!(!waited.timed_out(), "nobody wakes vector {vector}");
        state.0 &= !(1 << vector);
        state.1 &= !(1 << vector);
        Ok(Wake::Interrupt)
    }

    fn kick(&self, vector: u16) {
        self.0.0.lock().unwrap().0 |= 1 << vector;
        self.0.1.notify_all();
    }

    fn unmask(&self, _: u16) -> Result<(), AccessError> {
        Ok(())
    }
}

/// The leader gets its firing and leaves; the follower must lead from then on, or the next firing is nobody's.
#[test]
fn a_leader_that_leaves_hands_over() {
    let (demux, events) = (Arc::new(Demux::new(VECTORS)), Events::default());
    [0, 4].into_iter().for_each(|number| demux.subscribe(waiter(2, number)));
    let run = |number, bit| {
        let (demux, events) = (demux.clone(), events.clone());
        std::thread::spawn(move || demux.wait(&events, waiter(2, number), LATE, |_| Ok(bit)))
    };
    let leader = run(0, 0b1);
    events.until_asleep(&[2]);
    let follower = run(4, 0b1_0000);
    events.until_asleep(&[VECTORS + 4]);
    events.kick(2);
    assert_eq!(leader.join().unwrap(), Ok(Wake::Interrupt));
    events.until_asleep(&[2]);
    events.kick(2);
    assert_eq!(follower.join().unwrap(), Ok(Wake::Interrupt));
    assert_eq!(demux.counters(), DemuxCounters { fired: 2, marked: 2, kicked: 0 });
}
