//! One wake-up for all channels that share a vector. A platform wakes one waiter per firing; here the others get theirs.
//!
//! Of those who wait on a vector, one is the leader and waits on the card; the others follow, each asleep on a soft vector of its own. What
//! wakes the leader is marked as pending for every channel that it may be for, and those asleep are kicked. A leader that leaves kicks one of the
//! followers, which leads from then on. A channel that was busy meanwhile finds its mark at its next wait. Nothing here locks.
//!
//! No wake-up is lost: a follower says that it is about to sleep, and then looks once more for its mark and for a leader; a leader sets marks, or steps
//! down, and then looks who sleeps. In any order of the two, one sees the other: a full fence lies between word and look on both sides. Held by `loom`.

use crate::error::DriverError;
use crate::platform::{Interrupts, Nanos, Wake};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use alloc::boxed::Box;

/// Wake-ups of a card's vectors, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemuxCounters {
    /// Firings that woke a leader.
    pub fired: u64,
    /// Channels that were marked by them.
    pub marked: u64,
    /// Channels that slept beside the leader and were kicked.
    pub kicked: u64,
}

/// One vector.
#[derive(Debug)]
struct Line {
    /// Bit per channel that waits on it, now or later.
    subscribers: AtomicU32,
    /// The bit of who waits on the card; 0: nobody.
    leader: AtomicU32,
    /// Bit per channel that sleeps, or is about to.
    followers: AtomicU32,
}

/// All vectors of a card.
#[derive(Debug)]
pub(crate) struct Demux {
    lines: Box<[Line]>,
    /// Bit per channel with a wake-up that it has not taken.
    pending: AtomicU32,
    fired: AtomicU64,
    marked: AtomicU64,
    kicked: AtomicU64,
}

/// Who waits, and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) vector: u16,
    /// The channel's bit; its number is that of its soft vector.
    pub(crate) bit: u32,
}

impl Demux {
    pub(crate) fn new(vectors: u16) -> Self {
        let line = || Line { subscribers: AtomicU32::new(0), leader: AtomicU32::new(0), followers: AtomicU32::new(0) };
        let lines = (0..vectors).map(|_| line()).collect();
        let zero = || AtomicU64::new(0);
        Self { lines, pending: AtomicU32::new(0), fired: zero(), marked: zero(), kicked: zero() }
    }

    /// The same for a copy of the card. Nobody waits there: who sleeps here was not copied.
    pub(crate) fn copy(&self) -> Self {
        let word = |word: &AtomicU32| AtomicU32::new(word.load(Ordering::SeqCst));
        let line = |line: &Line| Line { subscribers: word(&line.subscribers), leader: AtomicU32::new(0), followers: AtomicU32::new(0) };
        let DemuxCounters { fired, marked, kicked } = self.counters();
        let [fired, marked, kicked] = [fired, marked, kicked].map(AtomicU64::new);
        Self { lines: self.lines.iter().map(line).collect(), pending: word(&self.pending), fired, marked, kicked }
    }

    /// How many vectors there are.
    pub(crate) fn vectors(&self) -> u16 {
        self.lines.len() as u16
    }

    pub(crate) fn counters(&self) -> DemuxCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DemuxCounters { fired: get(&self.fired), marked: get(&self.marked), kicked: get(&self.kicked) }
    }

    /// A channel will wait on `vector`.
    pub(crate) fn subscribe(&self, who: Waiter) {
        self.pending.fetch_and(!who.bit, Ordering::SeqCst);
        if let Some(line) = self.lines.get(usize::from(who.vector)) {
            line.subscribers.fetch_or(who.bit, Ordering::SeqCst);
        }
    }

    /// A channel is closed.
    pub(crate) fn unsubscribe(&self, bit: u32) {
        for line in &self.lines {
            line.subscribers.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    fn take(&self, bit: u32) -> bool {
        self.pending.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }

    /// Marks channels, and kicks those of them who sleep.
    fn mark(&self, irqs: &impl Interrupts, line: &Line, bits: u32) {
        self.pending.fetch_or(bits, Ordering::SeqCst);
        self.marked.fetch_add(bits.count_ones().into(), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let asleep = line.followers.load(Ordering::SeqCst) & bits;
        self.kicked.fetch_add(asleep.count_ones().into(), Ordering::Relaxed);
        (0..32).filter(|number| asleep >> number & 1 != 0).for_each(|number| kick(irqs, number));
    }

    /// Wakes everybody: what they wait for will not come.
    pub(crate) fn wake_all(&self, irqs: &impl Interrupts) {
        for (vector, line) in (0..).zip(&self.lines) {
            self.mark(irqs, line, line.subscribers.load(Ordering::SeqCst));
            irqs.kick(vector);
        }
    }

    /// Waits until the vector fires for `who`, or until `deadline`. `targets` says which of the subscribers a firing is for, after it has made the
    /// source quiet; it is called by the leader alone.
    pub(crate) fn wait<I: Interrupts>(
        &self,
        irqs: &I,
        who: Waiter,
        deadline: Nanos,
        targets: impl Fn(u32) -> Result<u32, DriverError>,
    ) -> Result<Wake, DriverError> {
        let Some(line) = self.lines.get(usize::from(who.vector)) else { return sleep(irqs, who.vector, deadline) };
        loop {
            if self.take(who.bit) {
                pass_on(irqs, line, who.bit);
                return Ok(Wake::Interrupt);
            }
            let ended = if line.leader.compare_exchange(0, who.bit, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                let ended = self.lead(irqs, line, who, deadline, &targets);
                line.leader.store(0, Ordering::SeqCst);
                ended
            } else {
                self.follow(irqs, line, who, deadline)
            };
            if ended != Ok(Wake::Interrupt) {
                pass_on(irqs, line, who.bit);
                let late = ended == Ok(Wake::Deadline) && self.take(who.bit);
                return if late { Ok(Wake::Interrupt) } else { ended };
            }
        }
    }

    /// Waits on the card. `Interrupt`: somebody was marked, perhaps the leader.
    fn lead<I: Interrupts>(
        &self,
        irqs: &I,
        line: &Line,
        who: Waiter,
        deadline: Nanos,
        targets: &impl Fn(u32) -> Result<u32, DriverError>,
    ) -> Result<Wake, DriverError> {
        // The leader before may have marked this one, and then stepped down.
        if self.pending.load(Ordering::SeqCst) & who.bit != 0 {
            return Ok(Wake::Interrupt);
        }
        let ended = sleep(irqs, who.vector, deadline);
        if ended == Ok(Wake::Deadline) {
            return ended;
        }
        let subscribers = line.subscribers.load(Ordering::SeqCst);
        self.fired.fetch_add(1, Ordering::Relaxed);
        // Who cannot be told apart is woken: a wake-up too many does no harm.
        let found = ended.and_then(|_| targets(subscribers));
        let bits = found.as_ref().ok().map(|bits| bits & subscribers).filter(|bits| *bits != 0).unwrap_or(subscribers);
        self.mark(irqs, line, bits);
        found.map(|_| Wake::Interrupt)
    }

    /// Sleeps beside a leader. `Interrupt`: look again.
    fn follow<I: Interrupts>(&self, irqs: &I, line: &Line, who: Waiter, deadline: Nanos) -> Result<Wake, DriverError> {
        line.followers.fetch_or(who.bit, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let marked = self.pending.load(Ordering::SeqCst) & who.bit != 0;
        let ended = if marked || line.leader.load(Ordering::SeqCst) == 0 {
            Ok(Wake::Interrupt)
        } else {
            sleep(irqs, soft(irqs, who.bit.trailing_zeros()), deadline)
        };
        line.followers.fetch_and(!who.bit, Ordering::SeqCst);
        ended
    }
}

/// Somebody stops waiting: if nobody leads, one who sleeps shall.
fn pass_on(irqs: &impl Interrupts, line: &Line, leaving: u32) {
    fence(Ordering::SeqCst);
    if line.leader.load(Ordering::SeqCst) == 0 {
        let asleep = line.followers.load(Ordering::SeqCst) & !leaving;
        if asleep != 0 {
            kick(irqs, asleep.trailing_zeros());
        }
    }
}

/// The soft vector of channel bit `number`.
fn soft(irqs: &impl Interrupts, number: u32) -> u16 {
    irqs.vectors() + number as u16
}

fn kick(irqs: &impl Interrupts, number: u32) {
    irqs.kick(soft(irqs, number));
}

fn sleep(irqs: &impl Interrupts, vector: u16, deadline: Nanos) -> Result<Wake, DriverError> {
    irqs.wait(vector, deadline).map_err(|error| DriverError::access("interrupt", error))
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::platform::AccessError;
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    /// Eventfds without deadlines: vector 0, and the soft ones behind it.
    #[derive(Clone)]
    struct Events(Arc<(Mutex<u32>, Condvar)>);

    impl Events {
        fn new() -> Self {
            Self(Arc::new((Mutex::new(0), Condvar::new())))
        }
    }

    impl Interrupts for Events {
        fn vectors(&self) -> u16 {
            1
        }

        fn wait(&self, vector: u16, _: Nanos) -> Result<Wake, AccessError> {
            let mut fired = self.0.0.lock().unwrap();
            while *fired >> vector & 1 == 0 {
                fired = self.0.1.wait(fired).unwrap();
            }
            *fired &= !(1 << vector);
            Ok(Wake::Interrupt)
        }

        fn kick(&self, vector: u16) {
            *self.0.0.lock().unwrap() |= 1 << vector;
            self.0.1.notify_all();
        }

        fn unmask(&self, _: u16) -> Result<(), AccessError> {
            Ok(())
        }
    }

    const fn waiter(number: u32) -> Waiter {
        Waiter { vector: 0, bit: 1 << number }
    }

    /// A demultiplexer with this many subscribers, and two preemptions at most in a schedule.
    fn check(subscribers: u32, test: impl Fn(Arc<Demux>, Events) + Send + Sync + 'static) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(move || {
            let demux = Arc::new(Demux::new(1));
            (0..subscribers).for_each(|number| demux.subscribe(waiter(number)));
            test(demux, Events::new());
        });
    }

    fn wait(demux: &Demux, events: &Events, number: u32, targets: impl Fn(u32) -> Result<u32, DriverError>) {
        assert_eq!(demux.wait(events, waiter(number), Nanos::NEVER, targets), Ok(Wake::Interrupt));
    }

    #[test]
    fn one_firing_wakes_both() {
        check(2, |demux, events| {
            let other = {
                let (demux, events) = (demux.clone(), events.clone());
                thread::spawn(move || wait(&demux, &events, 1, Ok))
            };
            events.kick(0);
            wait(&demux, &events, 0, Ok);
            other.join().unwrap();
        });
    }

    /// The card fires for one channel and then for the other; whoever leads, each gets its own.
    #[test]
    fn each_gets_its_own() {
        check(2, |demux, events| {
            let status = Arc::new(loom::sync::atomic::AtomicU32::new(0));
            let run = |number| {
                let (demux, events, status) = (demux.clone(), events.clone(), status.clone());
                move || wait(&demux, &events, number, |_| Ok(status.swap(0, Ordering::SeqCst)))
            };
            let (first, second) = (run(0), run(1));
            let thread = thread::spawn(second);
            for bit in [1, 2] {
                status.fetch_or(bit, Ordering::SeqCst);
                events.kick(0);
            }
            first();
            thread.join().unwrap();
        });
    }

    /// A leader whose read fails does not take the others with it.
    #[test]
    fn a_failed_leader_wakes_the_others() {
        check(2, |demux, events| {
            let gone = |_| Err(DriverError::Gone { register: "INT_STATUS" });
            let other = {
                let (demux, events) = (demux.clone(), events.clone());
                thread::spawn(move || drop(demux.wait(&events, waiter(1), Nanos::NEVER, gone)))
            };
            events.kick(0);
            drop(demux.wait(&events, waiter(0), Nanos::NEVER, gone));
            other.join().unwrap();
        });
    }

    /// A reset ends all waits.
    #[test]
    fn waking_all_wakes_all() {
        check(2, |demux, events| {
            let threads = [0, 1].map(|number| {
                let (demux, events) = (demux.clone(), events.clone());
                thread::spawn(move || wait(&demux, &events, number, Ok))
            });
            demux.wake_all(&events);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}
