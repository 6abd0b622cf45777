//! Host-to-card channels: frames submitted, reaped, stopped, reset; what comes out is judged by the outlet as soon as it is there.

use crate::check::output::Outlet;
use crate::coverage::{self, Cause};
use crate::scenario::{SendTo, SenderShape, WaitKind};
use crate::world::{Host, World, said};
use silico::platform::SimBuffer;
use silico_driver::channel::{Phase, Wait};
use silico_driver::error::{DriverError, RingFault};
use silico_driver::h2c::{Output, SendChannel, Ticket, Unsent, Until};
use silico_driver::platform::{DmaBuffer, DmaMemory, Registers};
use silico_spec::crc::crc32c;
use silico_spec::registers::h2c;
use silico_spec::writeback::ChannelError;
use std::collections::VecDeque;
use std::ops::Range;

/// Vector of the first sender; those of lanes are below.
pub(crate) const VECTORS: usize = 8;
/// Clocks after which what an output still owed of a run that is over has come.
const OWED: u64 = 200;

/// One host-to-card channel with its truth.
pub(crate) struct Sender {
    pub(crate) shape: SenderShape,
    pub(crate) output: Output,
    /// `None` only while it is reopened.
    pub(crate) channel: Option<SendChannel<Host>>,
    pub(crate) outlet: Outlet,
    /// Buffers of the host that the card may still read. They are freed as soon as it may not.
    pub(crate) own: VecDeque<(Ticket, SimBuffer)>,
    /// A doorbell out of bounds was rung in this run.
    pub(crate) spoiled: bool,
    /// Bus mastering was off in this run.
    pub(crate) masterless: bool,
    pub(crate) masked: bool,
    pub(crate) armed: u64,
    pub(crate) errors: u64,
    /// Frames sent over all runs.
    pub(crate) delivered: u64,
}

impl Sender {
    pub(crate) fn new(shape: &SenderShape, index: u8, seed: u64, loops: Option<u8>) -> Self {
        let output = match (shape.to, loops) {
            (SendTo::Stream, _) => Output::Stream,
            (SendTo::Loop, Some(target)) => Output::Loopback(target),
            _ => Output::Check,
        };
        Self {
            shape: shape.clone(),
            output,
            channel: None,
            outlet: Outlet::new(index, seed),
            own: VecDeque::new(),
            spoiled: false,
            masterless: false,
            masked: false,
            armed: 0,
            errors: 0,
            delivered: 0,
        }
    }

    pub(crate) fn channel(&mut self) -> &mut SendChannel<Host> {
        self.channel.as_mut().expect("only a reopening takes it")
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.channel.as_ref().map(SendChannel::phase)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.phase() == Some(Phase::Running)
    }

    /// The lane that it feeds.
    pub(crate) const fn target(&self) -> Option<usize> {
        match self.output {
            Output::Loopback(lane) => Some(lane as usize),
            Output::Stream | Output::Check => None,
        }
    }

    /// All that was submitted in this run has been sent, as far as the driver knows.
    pub(crate) fn is_through(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.frames() == channel.submitted())
    }

    fn free_sent(&mut self) {
        let Some(channel) = &self.channel else { return };
        while self.own.front().is_some_and(|(ticket, _)| channel.is_sent(*ticket).unwrap_or(true)) {
            self.own.pop_front();
        }
    }
}

/// Cuts `len` bytes into `parts` ranges with holes between them, from an odd offset on.
fn cut(number: usize, len: u64, parts: u64) -> Vec<Range<u64>> {
    let parts = parts.min(len).max(1);
    let mut at = number as u64 * 13 % 67;
    let mut ranges = Vec::new();
    for part in 0..parts {
        let bytes = len * (part + 1) / parts - len * part / parts;
        ranges.push(at..at + bytes);
        at += bytes + number as u64 % 5;
    }
    ranges
}

impl World {
    fn h2c(&self, index: usize, register: u32) -> Result<u64, String> {
        self.regs.read64(h2c::offset(index as u32, register)).map_err(|error| format!("register {register:#x} of sender {index}: {error}"))
    }

    fn h2c32(&self, index: usize, register: u32) -> Result<u32, String> {
        self.regs.read32(h2c::offset(index as u32, register)).map_err(|error| format!("register {register:#x} of sender {index}: {error}"))
    }

    pub(crate) fn open_sender(&mut self, index: usize) -> Result<(), String> {
        let sender = &mut self.senders[index];
        let config = sender.shape.config((VECTORS + index) as u8, sender.output);
        sender.channel = Some(self.card.send_channel(index as u8, &config).map_err(said("opening sender", index))?);
        Ok(())
    }

    pub(crate) fn close_sender(&mut self, index: usize) {
        let sender = &mut self.senders[index];
        sender.armed += sender.channel.as_ref().map_or(0, |channel| channel.wait_stats().armed);
        sender.channel = None;
        sender.own.clear();
    }

    /// Submits frames while there is room.
    pub(crate) fn send(&mut self, index: usize, count: u8, len: u32, parts: u8) -> Result<(), String> {
        for _ in 0..count {
            if !self.send_one(index, len, parts)? {
                break;
            }
        }
        self.collect(index, false)
    }

    /// Submits a frame. Returns whether there was room.
    pub(crate) fn send_one(&mut self, index: usize, len: u32, parts: u8) -> Result<bool, String> {
        let sender = &mut self.senders[index];
        let frame = sender.outlet.draw(if parts == 0 { len.min(sender.shape.staging() as u32) } else { len });
        let number = sender.outlet.sent.len();
        let payload = sender.outlet.payload(&frame);
        let channel = sender.channel.as_mut().expect("open");
        let result = if parts == 0 {
            channel.send(payload, number as u64).map(|_| ())
        } else {
            let ranges = cut(number, payload.len() as u64, u64::from(parts).min(sender.shape.entries().into()));
            let bytes = ranges.last().map_or(0, |last| last.end).max(64);
            let mut buffer = self.platform.alloc(bytes, 64).map_err(|error| format!("memory for sender {index}: {error:?}"))?;
            buffer.acquire(0..bytes);
            let mut from = 0;
            for range in &ranges {
                let to = from + (range.end - range.start) as usize;
                buffer.view_mut(range.clone()).copy_from_slice(&payload[from..to]);
                from = to;
            }
            channel.submit_parts(&mut buffer, &ranges, number as u64).map(|ticket| sender.own.push_back((ticket, buffer)))
        };
        match result {
            Ok(()) => {
                if let Some(lane) = sender.target() {
                    self.lanes[lane].oracle.fed(sender.outlet.payload(&frame));
                }
                sender.outlet.submitted(frame);
                Ok(true)
            }
            Err(error @ DriverError::WouldBlock { .. }) => {
                coverage::met(&error);
                Ok(false)
            }
            Err(error) => self.sender_failed(index, error).map(|()| false),
        }
    }

    /// Takes over what the driver finds sent, and judges what came out.
    pub(crate) fn reap(&mut self, index: usize) -> Result<(), String> {
        match self.senders[index].channel().reclaim() {
            Ok(_) => {}
            Err(error) => self.sender_failed(index, error)?,
        }
        self.senders[index].free_sent();
        self.collect(index, false)
    }

    /// Judges what came out of the stream port.
    pub(crate) fn collect(&mut self, index: usize, over: bool) -> Result<(), String> {
        if self.senders[index].output != Output::Stream {
            return Ok(());
        }
        let (out, faulty) = (self.platform.machine().take_output(index), self.faults > 0);
        let sender = &mut self.senders[index];
        let failed = matches!(sender.phase(), Some(Phase::Failed(_))) || sender.spoiled || sender.masterless || faulty;
        sender.outlet.judge(&out, over || failed).map_err(|why| format!("sender {index}: {why}"))
    }

    /// The driver says that the channel stopped by itself: right only if it was given a reason.
    pub(crate) fn sender_failed(&mut self, index: usize, error: DriverError) -> Result<(), String> {
        coverage::met(&error);
        if let DriverError::Failed { failure, .. } = error {
            self.failures.extend(failure.error());
        }
        let sender = &self.senders[index];
        let excused = match error {
            DriverError::Failed { failure, .. } => match failure.error() {
                Some(ChannelError::BadDoorbell) => sender.spoiled,
                Some(ChannelError::BusMasterOff) => sender.masterless,
                Some(
                    ChannelError::CompletionTimeout
                    | ChannelError::UnsupportedRequest
                    | ChannelError::CompleterAbort
                    | ChannelError::PoisonedCompletion,
                ) => self.faults > 0,
                _ => false,
            },
            // The last block was not written: a stop without bus mastering ends without it.
            DriverError::Fault { fault: RingFault::FinalCount { .. }, .. } => sender.masterless,
            _ => false,
        };
        if excused { Ok(()) } else { Err(said("sender", index)(error)) }
    }

    /// The driver's wait until all is sent. Returns whether it is.
    pub(crate) fn await_sent(&mut self, index: usize, kind: WaitKind, ns: u64) -> Result<bool, String> {
        let (deadline, deaf) = (self.in_ns(ns), self.is_deaf(VECTORS + index));
        let sender = &mut self.senders[index];
        let was_running = sender.is_running();
        let mode = sender.shape.wait_mode(kind);
        let before = sender.channel().wait_stats().woken;
        let result = sender.channel().wait_as(mode, Until::AllSent, deadline);
        if sender.channel().wait_stats().woken > before {
            coverage::woken(self.machine.irqs(), Cause::Space);
        }
        sender.free_sent();
        coverage::waited(mode, &result);
        let through = match result {
            Ok(Wait::Ready) if sender.is_through() => true,
            Ok(Wait::Ready) => return Err(format!("sender {index}: the wait said ready, and not all is sent")),
            Ok(Wait::Deadline) => false,
            Ok(Wait::LostWakeUp { .. }) if deaf => false,
            Ok(Wait::LostWakeUp { frames }) => {
                return Err(format!("sender {index}: {frames} descriptors done, armed for, and no interrupt came"));
            }
            Ok(Wait::Ended) if was_running && !matches!(sender.phase(), Some(Phase::Failed(_))) => {
                return Err(format!("sender {index}: the wait said ended on a running channel"));
            }
            Ok(Wait::Ended) => false,
            Err(error) => self.sender_failed(index, error).map(|()| false)?,
        };
        self.collect(index, false)?;
        if through && was_running { self.check_sink(index).map(|()| true) } else { Ok(through) }
    }

    /// With nothing under way, the sink has seen the last frame.
    fn check_sink(&mut self, index: usize) -> Result<(), String> {
        let sender = &mut self.senders[index];
        let Some(last) = sender.outlet.sent.last().filter(|_| sender.outlet.in_run() > 0 && sender.output == Output::Check) else {
            return Ok(());
        };
        let wanted = (last.len as u32, crc32c(sender.outlet.payload(last)));
        let seen = sender.channel().checked().map_err(said("the sink of sender", index))?;
        if (seen.length, seen.crc) == wanted { Ok(()) } else { Err(format!("sender {index}: the sink saw {seen:?}; {wanted:?} was sent")) }
    }

    pub(crate) fn start_sender(&mut self, index: usize) -> Result<(), String> {
        let running = self.senders[index].is_running();
        if !running && self.enabled {
            self.settle_output(index)?;
            self.begin_sender(index);
            return self.senders[index].channel().start().or_else(|error| self.sender_failed(index, error));
        }
        match self.senders[index].channel().start() {
            Err(DriverError::Running { .. }) if running => Ok(()),
            Err(DriverError::Disabled) if !running => Ok(()),
            other => Err(format!("sender {index}: a start that must be refused (running: {running}) gave {other:?}")),
        }
    }

    /// What a run that is over still owed to its output comes; then nothing of it may.
    pub(crate) fn settle_output(&mut self, index: usize) -> Result<(), String> {
        self.advance(OWED);
        self.collect(index, true)
    }

    pub(crate) fn begin_sender(&mut self, index: usize) {
        let masterless = !self.bus_master;
        let sender = &mut self.senders[index];
        sender.outlet.begin();
        sender.own.clear();
        (sender.spoiled, sender.masterless) = (false, masterless);
        sender.errors += u64::from(masterless);
        self.disturb_loop(index);
    }

    /// Frames between this sender and its lane may be missing from here on.
    pub(crate) fn disturb_loop(&mut self, index: usize) {
        if let Some(lane) = self.senders[index].target() {
            self.lanes[lane].oracle.may_miss();
        }
    }

    pub(crate) fn stop_sender(&mut self, index: usize) -> Result<(), String> {
        let was_running = self.senders[index].is_running();
        self.disturb_loop(index);
        match self.senders[index].channel().stop() {
            Ok(unsent) if was_running => self.sender_stopped(index, unsent)?,
            Ok(_) => {}
            Err(error) => self.sender_failed(index, error)?,
        }
        self.senders[index].own.clear();
        self.settle_output(index)
    }

    fn sender_stopped(&mut self, index: usize, unsent: Unsent) -> Result<(), String> {
        self.settle_output(index)?;
        let sender = &mut self.senders[index];
        sender.delivered += unsent.sent;
        let whole = unsent.sent + unsent.frames == sender.outlet.in_run();
        if !whole {
            return Err(format!("sender {index}: {} frames were submitted, and it stops with {unsent:?}", sender.outlet.in_run()));
        }
        coverage::put_out(sender.output, sender.outlet.ended(unsent.sent), self.params.width.bytes().into(), sender.outlet.is_cut());
        if sender.output != Output::Stream {
            return Ok(());
        }
        sender.outlet.balance(unsent.sent, unsent.sent_bytes).map_err(|why| format!("sender {index}, at its stop: {why}"))
    }

    pub(crate) fn restart_sender(&mut self, index: usize) -> Result<(), String> {
        if !self.enabled {
            return Ok(());
        }
        if self.senders[index].is_running() {
            self.stop_sender(index)?;
        }
        self.settle_output(index)?;
        self.begin_sender(index);
        self.senders[index].channel().restart().or_else(|error| self.sender_failed(index, error))
    }

    pub(crate) fn reset_sender(&mut self, index: usize) -> Result<(), String> {
        self.disturb_loop(index);
        self.senders[index].channel().reset().map_err(said("reset of sender", index))?;
        self.settle_output(index)?;
        self.begin_sender(index);
        for (register, name) in [(h2c::DONE, "DONE"), (h2c::FRAMES, "FRAMES"), (h2c::BYTES, "BYTES"), (h2c::TAIL, "TAIL")] {
            let value = self.h2c(index, register)?;
            if value != 0 {
                return Err(format!("sender {index}: {name} is {value} after a reset"));
            }
        }
        Ok(())
    }

    /// A doorbell out of bounds stops the channel with an error.
    pub(crate) fn bad_tail(&mut self, index: usize, kind: u8) -> Result<(), String> {
        if !self.senders[index].is_running() || self.senders[index].spoiled {
            return Ok(());
        }
        let (tail, entries) = (self.h2c(index, h2c::TAIL)?, u64::from(self.senders[index].shape.entries()));
        let value = match kind {
            0 => tail + entries + 1,
            1 if tail > 0 => tail - 1,
            _ => return Ok(()),
        };
        let sender = &mut self.senders[index];
        (sender.spoiled, sender.errors) = (true, sender.errors + 1);
        self.disturb_loop(index);
        self.regs.write64(h2c::offset(index as u32, h2c::TAIL), value).map_err(|error| error.to_string())?;
        let state = h2c::status::STATE.get(self.h2c32(index, h2c::STATUS)?.into());
        if state == 1 { Err(format!("sender {index} runs on after a doorbell of {value}")) } else { Ok(()) }
    }

    /// Descriptors done and bytes put out, per sender.
    pub(crate) fn sender_progress(&self) -> Result<Vec<[u64; 2]>, String> {
        (0..self.senders.len()).map(|index| Ok([self.h2c(index, h2c::DONE)?, self.h2c(index, h2c::BYTES)?])).collect()
    }

    /// Clocks within which a sender is through with all that it was given, all others going at full speed.
    pub(crate) fn send_bound(&self, index: usize) -> u64 {
        let sender = &self.senders[index];
        let frames = sender.outlet.in_run() * 4 + 8;
        let held_up = self.held_up() + self.lost_reads();
        let reads = sender.outlet.owed() / 128 + frames;
        20_000
            + held_up
            + reads * (self.lanes.len() + self.senders.len()) as u64 * self.machine.clocks_per_read()
            + 2 * sender.shape.tell_clocks()
    }

    /// A sender that does not run is started anew; each gets a frame to show that it works.
    pub(crate) fn revive_sender(&mut self, index: usize) -> Result<(), String> {
        self.reap(index)?;
        let sender = &self.senders[index];
        if sender.spoiled || sender.masterless {
            self.restart_sender(index)?;
        } else if !sender.is_running() {
            self.start_sender(index)?;
        }
        if !self.send_one(index, 100, 0)? {
            let bound = self.send_bound(index);
            // Full: the frame before must go, and does unless it loops into a lane that nobody reads yet.
            self.await_sent(index, WaitKind::Poll, self.clocks_to_ns(bound))?;
            self.send_one(index, 100, 0)?;
        }
        self.senders[index].channel().flush().map_err(said("flush of sender", index))
    }

    /// All that was submitted is sent within a bound.
    pub(crate) fn drain_sender(&mut self, index: usize) -> Result<(), String> {
        let (bound, kind) = (self.send_bound(index), self.senders[index].shape.wait);
        if self.await_sent(index, kind, self.clocks_to_ns(bound))? {
            return Ok(());
        }
        // Each fault may stop it once; then it is started anew, and must work.
        for _ in 0..self.faults {
            self.restart_sender(index)?;
            self.send_one(index, 100, 0)?;
            if self.await_sent(index, kind, self.clocks_to_ns(bound))? {
                return Ok(());
            }
        }
        let channel = self.senders[index].channel();
        Err(format!("sender {index} stands still: {} of {} frames sent in {bound} clocks", channel.frames(), channel.submitted()))
    }

    /// The last stop: nothing is left.
    pub(crate) fn finish_sender(&mut self, index: usize) -> Result<(), String> {
        let unsent = self.senders[index].channel().stop().map_err(said("the last stop of sender", index))?;
        if (unsent.frames, unsent.descriptors) != (0, 0) {
            return Err(format!("sender {index} was drained, and stops with {unsent:?}"));
        }
        self.sender_stopped(index, unsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_every_byte_once() {
        for (number, len, parts) in [(0, 0, 3), (1, 1, 3), (7, 1000, 7), (12, 5, 9)] {
            let ranges = cut(number, len, parts);
            assert_eq!(ranges.iter().map(|range| range.end - range.start).sum::<u64>(), len);
            assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            assert!(len == 0 || ranges.iter().all(|range| !range.is_empty()));
        }
    }
}
