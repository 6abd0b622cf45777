//! Waiting for frames without a lost wake-up, by polling, by interrupt, or by both.
//!
//! The order is: give back, arm with the number of frames seen, look again, sleep. The card signals at once if it has already published more than it
//! is armed with, so what arrives between the last look and the arming wakes the sleeper (hazard 5 of an edge interrupt: an event between poll and
//! re-enable). The look after the arming is therefore not needed for safety; it saves a sleep. Arming after the look would be as safe.

use super::config::{RingConfig, WaitMode};
use super::{Phase, RingChannel, held};
use crate::access::Named;
use crate::card::at;
use crate::error::DriverError;
use crate::platform::{Interrupts, Nanos, Platform, Time, Wake};
use silico_spec::registers::c2h;

/// A wait that ends by its deadline with progress made listens this much longer for the interrupt, in ns: what arrived at the very last has its
/// interrupt still under way.
pub const LOST_WAKE_UP_GRACE_NS: u64 = 100_000;
/// Interrupts without progress in one wait before the card counts as broken. A few are normal: an interrupt for what was already polled.
pub const SPURIOUS_LIMIT: u32 = 1000;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There is a frame to read.
    Ready,
    /// There is none, and the deadline has come.
    Deadline,
    /// There are frames, the card was armed for them, and no interrupt came: a wake-up was lost. Nothing is lost but time.
    LostWakeUp {
        /// Frames beyond the armed count.
        frames: u64,
    },
    /// There is none and there will be none: the channel does not run.
    Ended,
}

/// What happened in the waits of a channel since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitStats {
    /// Waits that found a frame by polling.
    pub polled: u64,
    /// Times that the interrupt was armed.
    pub armed: u64,
    /// Wake-ups with a frame behind them.
    pub woken: u64,
    /// Wake-ups with nothing behind them.
    pub spurious: u64,
    /// Wake-ups that never came.
    pub lost: u64,
    /// Waits that ended by their deadline, with nothing to read.
    pub expired: u64,
}

/// The state that waits keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Polling time of the next hybrid wait, in ns.
    poll_ns: u64,
    stats: WaitStats,
}

impl Waiting {
    pub(super) const fn new(config: &RingConfig) -> Self {
        let poll_ns = match config.wait {
            WaitMode::Hybrid { max_poll_ns } => max_poll_ns,
            WaitMode::Poll | WaitMode::Interrupt => 0,
        };
        Self { poll_ns, stats: WaitStats { polled: 0, armed: 0, woken: 0, spurious: 0, lost: 0, expired: 0 } }
    }

    /// Busy channels poll longer, quiet ones sleep sooner.
    fn adapt(&mut self, found: bool, max: u64) {
        self.poll_ns = if found { self.poll_ns.saturating_mul(2).clamp(1, max.max(1)) } else { (self.poll_ns / 2).max(max / 16) };
    }
}

impl<P: Platform> RingChannel<P> {
    /// Waits until there is a frame to read, or until `deadline`, in the configured way. Gives back what was read first.
    ///
    /// # Errors
    /// As [`RingChannel::poll`]; [`DriverError::InterruptStorm`] after [`SPURIOUS_LIMIT`] interrupts with nothing behind them.
    pub fn wait(&mut self, deadline: Nanos) -> Result<Wait, DriverError> {
        self.wait_as(self.config.wait, deadline)
    }

    /// As [`RingChannel::wait`], in another way than the configured one.
    ///
    /// # Errors
    /// As [`RingChannel::wait`]. To sleep without interrupts in the configuration is refused.
    pub fn wait_as(&mut self, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
        if !held(&mut self.memory).ring.is_drained() {
            return Ok(Wait::Ready);
        }
        if self.look()? {
            self.waiting.stats.polled += 1;
            return Ok(Wait::Ready);
        }
        if self.phase != Phase::Running {
            return Ok(Wait::Ended);
        }
        self.give_back()?;
        match mode {
            WaitMode::Poll => self.poll_until(deadline, deadline),
            WaitMode::Interrupt => self.sleep_until(deadline),
            WaitMode::Hybrid { max_poll_ns } => {
                let until = deadline.min(self.clock.now().after(self.waiting.poll_ns));
                let polled = self.poll_until(until, deadline)?;
                self.waiting.adapt(polled == Wait::Ready, max_poll_ns);
                if polled == Wait::Ready || until == deadline { Ok(polled) } else { self.sleep_until(deadline) }
            }
        }
    }

    /// What happened in this channel's waits.
    #[must_use]
    pub const fn wait_stats(&self) -> &WaitStats {
        &self.waiting.stats
    }

    /// Polls until `until`; only if that is the `deadline` of the whole wait, silence is looked into.
    fn poll_until(&mut self, until: Nanos, deadline: Nanos) -> Result<Wait, DriverError> {
        loop {
            self.clock.pause(until);
            if self.look()? {
                self.waiting.stats.polled += 1;
                return Ok(Wait::Ready);
            }
            if self.clock.now() >= until {
                return if until == deadline { self.expire() } else { Ok(Wait::Deadline) };
            }
        }
    }

    /// The deadline has come and nothing is there: is the channel still alive?
    fn expire(&mut self) -> Result<Wait, DriverError> {
        if self.check_health()? {
            return Ok(Wait::Ready);
        }
        self.waiting.stats.expired += 1;
        Ok(Wait::Deadline)
    }

    fn sleep_until(&mut self, deadline: Nanos) -> Result<Wait, DriverError> {
        let Some(interrupt) = self.config.interrupt else {
            let rule = "set: this wait mode sleeps on it";
            return Err(crate::error::ConfigError { field: "interrupt", value: 0, rule }.into());
        };
        let vector = interrupt.vector.into();
        for _ in 0..SPURIOUS_LIMIT {
            self.arm()?;
            if self.look()? {
                self.waiting.stats.polled += 1;
                return Ok(Wait::Ready);
            }
            match self.sleep(vector, deadline)? {
                Wake::Deadline if self.look()? => return self.judge_late(vector, deadline),
                Wake::Deadline => return self.expire(),
                Wake::Interrupt if self.look()? => {
                    self.waiting.stats.woken += 1;
                    return Ok(Wait::Ready);
                }
                Wake::Interrupt => {
                    self.waiting.stats.spurious += 1;
                    if self.check_health()? {
                        return Ok(Wait::Ready);
                    }
                }
            }
        }
        Err(DriverError::InterruptStorm { channel: self.channel, vector, count: SPURIOUS_LIMIT })
    }

    fn arm(&mut self) -> Result<(), DriverError> {
        self.waiting.stats.armed += 1;
        self.regs.put64(at(self.channel, c2h::INT_DATA_ARM), self.frames)
    }

    fn sleep(&self, vector: u16, deadline: Nanos) -> Result<Wake, DriverError> {
        self.irqs.wait(vector, deadline).map_err(|error| DriverError::access("interrupt", error))
    }

    /// The deadline came first, yet there is progress. Either the card was not bound to signal it (coalescing), or its interrupt is under way, or
    /// the wake-up was lost.
    fn judge_late(&mut self, vector: u16, deadline: Nanos) -> Result<Wait, DriverError> {
        // Without a count from the card, one frame is what is known for sure.
        let frames = self.frames_announced.map_or(1, |announced| announced.saturating_sub(self.frames));
        let bound = self.config.interrupt.map_or(1, |interrupt| u64::from(interrupt.frames.max(1)));
        if frames < bound {
            return Ok(Wait::Ready);
        }
        match self.sleep(vector, deadline.after(LOST_WAKE_UP_GRACE_NS))? {
            Wake::Interrupt => {
                self.waiting.stats.woken += 1;
                Ok(Wait::Ready)
            }
            Wake::Deadline => {
                self.waiting.stats.lost += 1;
                Ok(Wait::LostWakeUp { frames })
            }
        }
    }
}
