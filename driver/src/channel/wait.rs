//! Waiting for progress without a lost wake-up, by polling, by interrupt, or by both.
//!
//! The order is: give back, arm with the count seen, look again, sleep. The card signals at once if it has already published more than it
//! is armed with, so what arrives between the last look and the arming wakes the sleeper (hazard 5 of an edge interrupt: an event between poll and
//! re-enable). The look after the arming is therefore not needed for safety; it saves a sleep. Arming after the look would be as safe.

use super::base::{Base, Signal};
use super::config::WaitMode;
use crate::error::{ConfigError, DriverError};
use crate::platform::{Nanos, Platform, Time, Wake};

/// A wait that ends by its deadline with progress made listens this much longer for the interrupt, in ns: what arrived at the very last has its
/// interrupt still under way.
pub const LOST_WAKE_UP_GRACE_NS: u64 = 100_000;
/// Interrupts without progress in one wait before the card counts as broken. A few are normal: an interrupt for what was already polled.
pub const SPURIOUS_LIMIT: u32 = 1000;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// There is a frame to read, or room to send.
    Ready,
    /// There is none, and the deadline has come.
    Deadline,
    /// There is progress, the card was armed for them, and no interrupt came: a wake-up was lost. Nothing is lost but time.
    LostWakeUp {
        /// Frames, or descriptors sent, beyond the armed count.
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
pub(crate) struct Waiting {
    /// Polling time of the next hybrid wait, in ns.
    poll_ns: u64,
    stats: WaitStats,
}

impl Waiting {
    pub(super) const fn new(mode: WaitMode) -> Self {
        let poll_ns = match mode {
            WaitMode::Hybrid { max_poll_ns } => max_poll_ns,
            WaitMode::Poll | WaitMode::Interrupt => 0,
        };
        Self { poll_ns, stats: WaitStats { polled: 0, armed: 0, woken: 0, spurious: 0, lost: 0, expired: 0 } }
    }

    pub(crate) const fn stats(&self) -> &WaitStats {
        &self.stats
    }

    /// Busy channels poll longer, quiet ones sleep sooner.
    fn adapt(&mut self, found: bool, max: u64) {
        self.poll_ns = if found { self.poll_ns.saturating_mul(2).clamp(1, max.max(1)) } else { (self.poll_ns / 2).max(max / 16) };
    }
}

/// What is waited for. Implemented by each kind of channel, or by a channel together with a wish.
pub(crate) trait Awaited<P: Platform> {
    fn base(&mut self) -> &mut Base<P>;

    /// Whether it is there, as far as is known without a look.
    fn at_hand(&mut self) -> bool;

    /// Looks for progress. Returns whether what is waited for is there.
    fn look(&mut self) -> Result<bool, DriverError>;

    /// A poll has been silent for long, or an interrupt had nothing behind it: asks the registers whether the channel still runs. Returns whether
    /// what is waited for is there.
    fn check_health(&mut self) -> Result<bool, DriverError>;

    /// Gives the card all that it can use: nobody shall wait for what is held back here.
    fn hand_over(&mut self) -> Result<(), DriverError>;

    /// The count that the driver has seen, in the units in which the interrupt is armed.
    fn seen(&self) -> u64;

    /// How much progress is known of beyond `armed`.
    fn beyond(&self, armed: u64) -> u64;
}

/// Waits in `mode` for what `channel` awaits, or until `deadline`.
pub(crate) fn wait<P: Platform>(channel: &mut impl Awaited<P>, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
    if channel.at_hand() {
        return Ok(Wait::Ready);
    }
    if channel.look()? {
        return Ok(polled(channel));
    }
    if channel.base().phase != super::Phase::Running {
        return Ok(Wait::Ended);
    }
    channel.hand_over()?;
    match mode {
        WaitMode::Poll => poll_until(channel, deadline, deadline),
        WaitMode::Interrupt => sleep_until(channel, deadline),
        WaitMode::Hybrid { max_poll_ns } => {
            let base = channel.base();
            let until = deadline.min(base.clock.now().after(base.waiting.poll_ns));
            let polled = poll_until(channel, until, deadline)?;
            channel.base().waiting.adapt(polled == Wait::Ready, max_poll_ns);
            if polled == Wait::Ready || until == deadline { Ok(polled) } else { sleep_until(channel, deadline) }
        }
    }
}

fn polled<P: Platform>(channel: &mut impl Awaited<P>) -> Wait {
    channel.base().waiting.stats.polled += 1;
    Wait::Ready
}

/// Polls until `until`; only if that is the `deadline` of the whole wait, silence is looked into.
fn poll_until<P: Platform>(channel: &mut impl Awaited<P>, until: Nanos, deadline: Nanos) -> Result<Wait, DriverError> {
    loop {
        channel.base().clock.pause(until);
        if channel.look()? {
            return Ok(polled(channel));
        }
        if channel.base().clock.now() >= until {
            return if until == deadline { expire(channel) } else { Ok(Wait::Deadline) };
        }
    }
}

/// The deadline has come and nothing is there: is the channel still alive?
fn expire<P: Platform>(channel: &mut impl Awaited<P>) -> Result<Wait, DriverError> {
    if channel.check_health()? {
        return Ok(Wait::Ready);
    }
    channel.base().waiting.stats.expired += 1;
    Ok(Wait::Deadline)
}

/// Sleeps, and after each wake-up that brought something, but not all that is waited for, sleeps again: as often as the card makes progress. Wake-ups
/// that brought nothing are counted.
fn sleep_until<P: Platform>(channel: &mut impl Awaited<P>, deadline: Nanos) -> Result<Wait, DriverError> {
    let Some(signal) = channel.base().signal else {
        let rule = "set: this wait mode sleeps on it";
        return Err(ConfigError { field: "interrupt", value: 0, rule }.into());
    };
    let mut spurious = 0;
    while spurious < SPURIOUS_LIMIT {
        let armed = channel.seen();
        channel.base().waiting.stats.armed += 1;
        channel.base().arm(armed)?;
        if channel.look()? {
            return Ok(polled(channel));
        }
        match sleep(channel, signal, deadline)? {
            Wake::Deadline if channel.look()? => return judge_late(channel, signal, armed, deadline),
            Wake::Deadline => return expire(channel),
            Wake::Interrupt if channel.look()? => {
                channel.base().waiting.stats.woken += 1;
                return Ok(Wait::Ready);
            }
            Wake::Interrupt if channel.seen() != armed => channel.base().waiting.stats.woken += 1,
            Wake::Interrupt => {
                spurious += 1;
                channel.base().waiting.stats.spurious += 1;
                if channel.check_health()? {
                    return Ok(Wait::Ready);
                }
            }
        }
    }
    Err(DriverError::InterruptStorm { channel: channel.base().id, vector: signal.vector.into(), count: SPURIOUS_LIMIT })
}

fn sleep<P: Platform>(channel: &mut impl Awaited<P>, signal: Signal, deadline: Nanos) -> Result<Wake, DriverError> {
    channel.base().sleep(signal.vector, deadline)
}

/// The deadline came first, yet there is progress. Either the card was not bound to signal it (coalescing), or its interrupt is under way, or
/// the wake-up was lost.
fn judge_late<P: Platform>(channel: &mut impl Awaited<P>, signal: Signal, armed: u64, deadline: Nanos) -> Result<Wait, DriverError> {
    let frames = channel.beyond(armed);
    if frames < u64::from(signal.coalesce.max(1)) {
        return Ok(Wait::Ready);
    }
    match sleep(channel, signal, deadline.after(LOST_WAKE_UP_GRACE_NS))? {
        Wake::Interrupt => {
            channel.base().waiting.stats.woken += 1;
            Ok(Wait::Ready)
        }
        Wake::Deadline => {
            channel.base().waiting.stats.lost += 1;
            Ok(Wait::LostWakeUp { frames })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polling_time_halves_down_to_a_sixteenth_and_doubles_up_to_the_whole() {
        const MAX: u64 = 3200;
        let mut waiting = Waiting::new(WaitMode::Hybrid { max_poll_ns: MAX });
        let mut after = |found| {
            waiting.adapt(found, MAX);
            waiting.poll_ns
        };
        assert_eq!([(); 6].map(|()| after(false)), [1600, 800, 400, 200, 200, 200]);
        assert_eq!([(); 6].map(|()| after(true)), [400, 800, 1600, 3200, 3200, 3200]);
    }
}
