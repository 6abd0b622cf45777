//! What the card object and its channels share across threads, all of it atomic: which channels are open, whether the card is being reset, how often it was,
//! and whether it is gone. Knows no register.
//!
//! A channel programs and starts inside the gate; whoever resets the card closes it first and waits until nobody is inside. So no channel is ever started
//! with half of its registers swept away under it. Nothing on the per-frame path takes the gate: a look loads two words.

use crate::demux::Demux;
use crate::sync::{AtomicBool, AtomicU32, Ordering};
use alloc::sync::Arc;
use silico_spec::fork::{CannotFork, Fork, Memo};

/// The gate is closed. The other bits count those who are inside.
const CLOSED: u32 = 1 << 31;

/// State of one card.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Bit per open channel: registers of a channel have one owner.
    open: AtomicU32,
    gate: AtomicU32,
    /// Resets of the card since it was brought up.
    epoch: AtomicU32,
    gone: AtomicBool,
    /// Runs started on the card so far, by all channels: unlike the card's own numbers, these do not begin anew with a reset.
    serial: AtomicU32,
    /// The card's completion timeout, in µs.
    completion_timeout_us: AtomicU32,
    pub(crate) demux: Demux,
}

impl Shared {
    pub(crate) fn new(demux: Demux) -> Self {
        let zero = || AtomicU32::new(0);
        Self {
            open: zero(),
            gate: zero(),
            epoch: zero(),
            gone: AtomicBool::new(false),
            serial: zero(),
            completion_timeout_us: zero(),
            demux,
        }
    }

    /// Bit per open channel.
    pub(crate) fn open(&self) -> u32 {
        self.open.load(Ordering::Acquire)
    }

    /// Claims a channel; `None` if somebody has it.
    pub(crate) fn claim(this: &Arc<Self>, bit: u32) -> Option<Claim> {
        let before = this.open.fetch_or(bit, Ordering::AcqRel);
        (before & bit == 0).then(|| Claim { shared: Arc::clone(this), bit })
    }

    /// Resets of the card so far: a run that began under another number is over.
    #[inline]
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether somebody has found the card gone, and nobody has brought it back since.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    pub(crate) fn note_gone(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Config space was looked at: the card's completion timeout, in µs.
    pub(crate) fn set_completion_timeout_us(&self, us: u32) {
        self.completion_timeout_us.store(us, Ordering::Relaxed);
    }

    /// The longest that a request of the card waits for its completion, in ns.
    pub(crate) fn completion_timeout_ns(&self) -> u64 {
        u64::from(self.completion_timeout_us.load(Ordering::Relaxed)) * 1000
    }

    /// A number for a new run: no other run on the card has it.
    pub(crate) fn next_serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// Goes inside the gate; `None` while it is closed. Nobody waits here.
    pub(crate) fn enter(this: &Arc<Self>) -> Option<Inside> {
        let mut word = this.gate.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            match this.gate.compare_exchange_weak(word, word + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Inside { shared: Arc::clone(this) }),
                Err(now) => word = now,
            }
        }
        None
    }

    /// Closes the gate; `None` if another has closed it. Those inside may still be there: see [`Closed::is_empty`].
    pub(crate) fn close(&self) -> Option<Closed<'_>> {
        let before = self.gate.fetch_or(CLOSED, Ordering::AcqRel);
        (before & CLOSED == 0).then_some(Closed { shared: self })
    }
}

/// The right to one channel's registers; given up on drop.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) shared: Arc<Shared>,
    bit: u32,
}

impl Shared {
    /// What copies of the card and its channels share. Nobody may be inside the gate, nor have closed it: handles are forked that rest.
    pub(crate) fn fork(this: &Arc<Self>, memo: &mut Memo) -> Result<Arc<Self>, CannotFork> {
        memo.share(this, |shared, _| {
            if shared.gate.load(Ordering::Acquire) != 0 {
                return Err(CannotFork { what: "a card", rule: "one that nobody starts, stops or resets meanwhile" });
            }
            let word = |word: &AtomicU32| AtomicU32::new(word.load(Ordering::Acquire));
            let gone = AtomicBool::new(shared.is_gone());
            Ok(Self {
                open: word(&shared.open),
                gate: AtomicU32::new(0),
                epoch: word(&shared.epoch),
                gone,
                serial: word(&shared.serial),
                completion_timeout_us: word(&shared.completion_timeout_us),
                demux: shared.demux.copy(),
            })
        })
    }
}

impl Fork for Claim {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self { shared: Shared::fork(&self.shared, memo)?, bit: self.bit })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared.demux.unsubscribe(self.bit);
        self.shared.open.fetch_and(!self.bit, Ordering::AcqRel);
    }
}

/// Somebody is inside the gate; leaves on drop.
#[derive(Debug)]
pub(crate) struct Inside {
    shared: Arc<Shared>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.shared.gate.fetch_sub(1, Ordering::Release);
    }
}

/// The gate is closed; opens on drop.
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    shared: &'a Shared,
}

impl Closed<'_> {
    /// Whether nobody is inside, which stays so while this lives.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.gate.load(Ordering::Acquire) & !CLOSED == 0
    }

    /// The card is reset and there: all runs are over.
    pub(crate) fn new_epoch(&self) {
        self.shared.gone.store(false, Ordering::Relaxed);
        self.shared.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.shared.gate.fetch_and(!CLOSED, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_is_closed_is_empty_when_the_last_one_has_left() {
        let shared = Arc::new(Shared::new(Demux::new(0)));
        let inside = [(); 2].map(|()| Shared::enter(&shared).unwrap());
        let closed = shared.close().unwrap();
        assert!(Shared::enter(&shared).is_none() && shared.close().is_none());
        for one in inside {
            assert!(!closed.is_empty());
            drop(one);
        }
        assert!(closed.is_empty());
        drop(closed);
        assert!(Shared::enter(&shared).is_some());
    }

    /// A copy has no thread in it that could leave.
    #[test]
    fn what_threads_share_is_copied_while_the_gate_rests() {
        let shared = Arc::new(Shared::new(Demux::new(0)));
        let fork = || Shared::fork(&shared, &mut Memo::new());
        let _claim = Shared::claim(&shared, 4);
        shared.note_gone();
        let copy = fork().unwrap();
        assert_eq!((copy.open(), copy.is_gone()), (4, true));
        let inside = Shared::enter(&shared);
        assert!(fork().is_err());
        drop(inside);
        let closed = shared.close();
        assert!(fork().is_err());
        drop(closed);
        assert!(fork().is_ok());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::atomic::AtomicU32 as Word;
    use loom::thread;

    fn shared() -> Arc<Shared> {
        Arc::new(Shared::new(Demux::new(1)))
    }

    #[test]
    fn of_many_claims_one_wins() {
        loom::model(|| {
            let shared = shared();
            let other = Arc::clone(&shared);
            let thread = thread::spawn(move || Shared::claim(&other, 4));
            let mine = Shared::claim(&shared, 4);
            let theirs = thread.join().unwrap();
            assert!(mine.is_some() != theirs.is_some());
            drop((mine, theirs));
            assert_eq!(shared.open(), 0);
        });
    }

    /// Two channels program a word each; a reset sweeps both away. Whoever is through with programming finds all of it, or a new epoch.
    #[test]
    fn no_start_is_half_swept_away() {
        loom::model(|| {
            let shared = shared();
            let registers = Arc::new([const_word(), const_word()]);
            let starter = {
                let (shared, registers) = (Arc::clone(&shared), Arc::clone(&registers));
                thread::spawn(move || {
                    let epoch = shared.epoch();
                    let Some(_inside) = Shared::enter(&shared) else { return };
                    let epoch_inside = shared.epoch();
                    registers.iter().for_each(|word| word.store(1, Ordering::Relaxed));
                    let seen = [0, 1].map(|word: usize| registers[word].load(Ordering::Relaxed));
                    assert_eq!(seen, [1, 1], "swept away under the start");
                    assert!(epoch <= epoch_inside && shared.epoch() == epoch_inside, "a reset went by inside the gate");
                })
            };
            if let Some(closed) = shared.close() {
                if closed.is_empty() {
                    registers.iter().for_each(|word| word.store(0, Ordering::Relaxed));
                    closed.new_epoch();
                }
            }
            starter.join().unwrap();
            assert!(Shared::enter(&shared).is_some(), "the gate opens again");
        });
    }

    #[test]
    fn one_closes_at_a_time() {
        loom::model(|| {
            let shared = shared();
            let inside = Arc::new(Word::new(0));
            let close = |shared: &Shared, inside: &Word| {
                if let Some(closed) = shared.close() {
                    assert_eq!(inside.fetch_add(1, Ordering::AcqRel), 0);
                    closed.new_epoch();
                    inside.fetch_sub(1, Ordering::AcqRel);
                }
            };
            let thread = {
                let (shared, inside) = (Arc::clone(&shared), Arc::clone(&inside));
                thread::spawn(move || close(&shared, &inside))
            };
            close(&shared, &inside);
            thread.join().unwrap();
            assert!((1..=2).contains(&shared.epoch()));
        });
    }

    fn const_word() -> Word {
        Word::new(0)
    }
}
