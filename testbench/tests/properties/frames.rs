//! Frames in and out: fed to the front ends, taken from the driver, each judged by the oracle.

use crate::coverage;
use crate::world::{End, Lane, World, said};
use silico_driver::error::{DriverError, RingFault};
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::port::FrontFrame;
use silico_spec::registers::c2h;
use silico_spec::units::Cycles;
use silico_spec::writeback::ChannelError;
use std::sync::PoisonError;

/// Longest pause between two frames of one operation, in clocks, times the number of them.
const MOST_AHEAD: u64 = 5000;
/// Frames that are taken at most where a few are enough.
const SOME: usize = 64;

/// Adds a frame to a hash, but for its stamp.
fn hashed(hash: u64, header: &FrameHeader) -> u64 {
    let words = [header.sequence, u64::from(header.source) << 32 | u64::from(header.length), header.crc.into(), header.flags.0.into()];
    words.into_iter().fold(hash, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl World {
    pub(crate) fn feed(&mut self, index: usize, count: u8, len: u32, pause: u32, error: bool) {
        let now = self.now();
        let lane = &mut self.lanes[index];
        for frame in 0..u64::from(count) {
            let at = now.after(Cycles((frame * u64::from(pause)).min(MOST_AHEAD)));
            let (sent, source) = lane.oracle.send(len, error, at.0);
            let data = lane.oracle.pool().clone();
            let frame = FrontFrame { at, source, error, data, start: sent.start, len: sent.len };
            lane.queue.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(frame);
        }
        self.platform.machine().feed(index, Box::new(lane.queue.clone()));
    }

    /// Takes the next frame, if there is one, and has it judged.
    pub(crate) fn take(&mut self, index: usize) -> Result<bool, String> {
        self.take_after(index, 0)
    }

    /// As [`World::take`], and looks at it for the first time after so many clocks: a frame in the CPU's hands stays as it is.
    fn take_after(&mut self, index: usize, clocks: u64) -> Result<bool, String> {
        let (platform, taps) = (self.platform.clone(), self.taps.clone());
        let released = self.taps.released();
        let lane = &mut self.lanes[index];
        let looped = lane.looped;
        let Lane { ring, oracle, delivered, log, .. } = lane;
        let taken = ring.as_mut().expect("open").next(|header, payload| {
            if clocks > 0 {
                let mut machine = platform.machine();
                let to = machine.now().after(Cycles(clocks));
                machine.advance_to(to);
            }
            let now = platform.machine().now().since(released).0;
            oracle.judge(header, payload, released.0, now, taps.entered(index))?;
            (*delivered, *log) = (*delivered + 1, hashed(*log, header));
            if looped && header.flags.contains(Flags::ERROR) {
                coverage::cut_in_loop();
            }
            Ok(())
        });
        match taken {
            Ok(Some(judged)) => judged.map(|()| true).map_err(|why| format!("channel {index}, held for {clocks} clocks: {why}")),
            Ok(None) => match lane.end {
                End::Final(frames) if frames != lane.oracle.taken() => {
                    Err(format!("channel {index}: {frames} frames were delivered, only {} can be read", lane.oracle.taken()))
                }
                _ => Ok(false),
            },
            Err(error) => self.failed(index, error).map(|()| false),
        }
    }

    /// Takes what there is, unless a source without end keeps it coming.
    pub(crate) fn take_some(&mut self, index: usize) -> Result<(), String> {
        for _ in 0..SOME {
            if !self.take(index)? {
                break;
            }
        }
        Ok(())
    }

    /// The driver says that the channel stopped by itself: right only after a bad doorbell.
    pub(crate) fn failed(&mut self, index: usize, error: DriverError) -> Result<(), String> {
        coverage::met(&error);
        if let DriverError::Failed { failure, .. } = error {
            self.failures.extend(failure.error());
        }
        let lane = &self.lanes[index];
        let excused = match error {
            DriverError::Failed { failure, .. } => match failure.error() {
                Some(ChannelError::BadDoorbell) => lane.spoiled,
                Some(ChannelError::BusMasterOff) => lane.masterless,
                Some(
                    ChannelError::CompletionTimeout
                    | ChannelError::UnsupportedRequest
                    | ChannelError::CompleterAbort
                    | ChannelError::PoisonedCompletion,
                ) => lane.tampered,
                _ => false,
            },
            // The last block was not written: a stop without bus mastering ends without it.
            DriverError::Fault { fault: RingFault::FinalCount { .. }, .. } => lane.masterless,
            _ => false,
        };
        if !excused {
            return Err(said("polling", index)(error));
        }
        if self.lanes[index].end == End::Open {
            self.close(index)?;
        }
        Ok(())
    }

    /// Closes the books of a run that is over, by the card's registers.
    pub(crate) fn close(&mut self, index: usize) -> Result<(), String> {
        let frames = self.register(index, c2h::FRAMES)?;
        let (dropped, discarded) = (self.register(index, c2h::DROPPED)?, self.register32(index, c2h::DISCARDED)?);
        self.lanes[index].end = End::Final(frames);
        self.balance(index, frames, dropped, discarded.into())
    }

    pub(crate) fn balance(&self, index: usize, frames: u64, dropped: u64, discarded: u64) -> Result<(), String> {
        let made = self.register(index, c2h::GEN_MADE)?;
        let entered = self.taps.entered(index);
        self.lanes[index].oracle.balance(frames, dropped, discarded, entered, made).map_err(|why| format!("channel {index}: {why}"))
    }

    /// A frame in the CPU's hands stays as it is.
    pub(crate) fn hold(&mut self, index: usize, clocks: u64) -> Result<(), String> {
        self.take_after(index, clocks).map(drop)
    }
}
