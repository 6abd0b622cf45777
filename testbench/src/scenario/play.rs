//! A play: a script on a stage, turn by turn, until every frame has arrived where it belongs. Whatever is not as the script says is an error.

use super::script::{Draw, Frame, Front, Script};
use super::{Lane, Stage};
use silico_driver::channel::Wait;
use silico_driver::error::DriverError;
use silico_driver::h2c::Until;
use silico_driver::platform::{Nanos, Platform, Registers, Time};
use silico_spec::crc::append;
use silico_spec::fork::{CannotFork, Memo};
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::port::OutStream;
use silico_spec::registers::card;
use silico_spec::units::{Cycle, Cycles};

/// Longest that a play may take.
const LIMIT: Cycles = Cycles(5_000_000);
/// Longest single wait of the host, in ns.
const WAIT_NS: u64 = 1500;
/// What a frame costs the host: this, and a look at its payload. The card shall be what is busy.
const FRAME_NS: u64 = 5;
const BYTES_PER_NS: u64 = 128;

/// How a play ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Clocks from its first to its last.
    pub clocks: u64,
    /// Clock in which it ended, counted from the start of the machine.
    pub end: Cycle,
    /// Frames that reached the host, and their payload.
    pub frames: u64,
    /// See `frames`.
    pub bytes: u64,
    /// Frames that reached the card, and their payload.
    pub sent: u64,
    /// See `sent`.
    pub sent_bytes: u64,
    /// Channels that were started anew.
    pub restarts: u64,
    /// Over all TLPs since the start of the machine, with their clocks.
    pub digest: u64,
}

/// How far one channel is.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// Frames of the script.
    done: usize,
    /// The first of the present run of the channel.
    begin: usize,
    /// As far as they are presented in this run.
    end: usize,
}

/// A play under way.
#[derive(Debug)]
pub struct Play {
    stage: Stage,
    script: Script,
    lanes: Vec<Position>,
    senders: Vec<Position>,
    random: Draw,
    start: Cycle,
    outcome: Outcome,
    over: bool,
}

impl Play {
    /// Draws a script from `seed`, lets host and link go on with chance from it, and gives the front ends their frames.
    #[must_use]
    pub fn new(stage: Stage, seed: u64) -> Self {
        let mut random = Draw::new(seed);
        let script = Script::draw(&mut random, stage.lanes.len(), stage.senders.len());
        let part = |(index, frames): (usize, &std::sync::Arc<[Frame]>)| {
            let end = script.restart.filter(|(lane, _)| *lane == index).map_or(frames.len(), |(_, after)| after);
            Position { end, ..Position::default() }
        };
        let lanes: Vec<Position> = script.lanes.iter().enumerate().map(part).collect();
        let senders = script.senders.iter().map(|frames| Position { end: frames.len(), ..Position::default() }).collect();
        let start = {
            let mut machine = stage.bench.platform.machine();
            machine.reseed(seed);
            machine.now()
        };
        let play = Self { stage, script, lanes, senders, random, start, outcome: Outcome::default(), over: false };
        (0..play.lanes.len()).for_each(|lane| play.feed(lane));
        play
    }

    /// A copy that goes on by itself.
    ///
    /// # Errors
    /// If something in it cannot be copied.
    pub fn fork(&self) -> Result<Self, CannotFork> {
        Ok(Self {
            stage: self.stage.fork_under(&mut Memo::new())?,
            script: Script { lanes: self.script.lanes.clone(), senders: self.script.senders.clone(), restart: self.script.restart },
            lanes: self.lanes.clone(),
            senders: self.senders.clone(),
            random: self.random.clone(),
            ..*self
        })
    }

    /// The stage.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    fn feed(&self, lane: usize) {
        let Position { begin, end, .. } = self.lanes[lane];
        let mut machine = self.stage.bench.platform.machine();
        let now = machine.now();
        machine.feed(lane, Box::new(Front::new(&self.script.lanes[lane], begin..end, now, &self.stage.pool)));
    }

    /// Plays to the end.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn run(mut self) -> Result<Outcome, String> {
        while !self.turn()? {}
        Ok(self.outcome)
    }

    /// What came of it so far; whole once [`Play::turn`] has said that it is over.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// One turn of the host: takes what is there, sends what has room, waits a little. Returns whether the play is over.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn turn(&mut self) -> Result<bool, String> {
        // A rule of the machine that was broken explains whatever came of it.
        let turned = self.take_turn();
        // And two cards that parted explain that.
        turned.map_err(|what| match self.stage.bench.verdict.divergence() {
            Some(parted) => parted.to_string(),
            None => self.stage.bench.platform.machine().violation().map_or(what, ToString::to_string),
        })
    }

    fn take_turn(&mut self) -> Result<bool, String> {
        if self.over {
            return Ok(true);
        }
        let before = self.outcome;
        for lane in 0..self.lanes.len() {
            self.take(lane)?;
            self.restart(lane)?;
        }
        for sender in 0..self.senders.len() {
            self.send(sender)?;
        }
        if self.random.below(32) == 0 {
            let id = self.stage.bench.platform.registers().read32(card::ID).map_err(|error| error.to_string())?;
            wrong(u64::from(id), card::ID_RESET, || "ID".into())?;
        }
        let over = self.is_over();
        let now = self.judge_machine()?;
        if over {
            self.outcome.end = now;
            self.outcome.clocks = now.since(self.start).0;
            self.outcome.digest = self.stage.bench.platform.machine().trace().digest();
            self.judge_output()?;
            self.over = true;
        } else if self.outcome == before {
            self.wait()?;
        }
        Ok(over)
    }

    fn judge_machine(&self) -> Result<Cycle, String> {
        if let Some(parted) = self.stage.bench.verdict.divergence() {
            return Err(parted.to_string());
        }
        let machine = self.stage.bench.platform.machine();
        match machine.violation() {
            Some(violation) => Err(violation.to_string()),
            None if machine.now().since(self.start) > LIMIT => Err(format!("not over after {} clocks: {:?}", LIMIT.0, self.lanes)),
            None => Ok(machine.now()),
        }
    }

    fn is_over(&self) -> bool {
        let all = |positions: &[Position], frames: &[std::sync::Arc<[Frame]>]| {
            positions.iter().zip(frames).all(|(position, frames)| position.done == frames.len())
        };
        let sent = self.stage.senders.iter().all(|sender| sender.frames() == sender.submitted());
        all(&self.lanes, &self.script.lanes) && all(&self.senders, &self.script.senders) && sent
    }

    /// Takes and judges all frames that a channel has at hand.
    fn take(&mut self, lane: usize) -> Result<(), String> {
        let (position, frames, pool) = (&mut self.lanes[lane], &self.script.lanes[lane], &self.stage.pool);
        let mut spent = 0;
        let mut judge = |header: &FrameHeader, parts: &mut dyn Iterator<Item = &[u8]>| {
            let frame = frames.get(position.done).filter(|_| position.done < position.end);
            let frame = frame.ok_or_else(|| format!("channel {lane}: a frame that nobody sent: {header:?}"))?;
            judge_frame(header, parts, frame, (position.done - position.begin) as u64, pool)
                .map_err(|what| format!("channel {lane}: {what}"))?;
            position.done += 1;
            self.outcome.frames += 1;
            self.outcome.bytes += frame.len as u64;
            spent += FRAME_NS + frame.len as u64 / BYTES_PER_NS;
            Ok::<(), String>(())
        };
        match &mut self.stage.lanes[lane] {
            Lane::Ring(ring) => {
                while let Some(frame) = ring.poll().map_err(said)? {
                    judge(&frame.header, &mut [frame.head, frame.tail].into_iter())?;
                }
            }
            Lane::Pages(pages) => {
                while let Some(frame) = pages.poll().map_err(said)? {
                    judge(&frame.header, &mut pages.view(&frame).map_err(said)?.parts())?;
                    pages.give_back(frame).map_err(said)?;
                }
            }
        }
        self.stage.bench.platform.charge(spent);
        Ok(())
    }

    /// Stops the channel whose turn it is and starts it anew, if all frames of its first run are there. The others are busy meanwhile.
    fn restart(&mut self, lane: usize) -> Result<(), String> {
        let Position { done, begin, end } = self.lanes[lane];
        let total = self.script.lanes[lane].len();
        if self.script.restart != Some((lane, end)) || done != end || begin != 0 || self.outcome.restarts > 0 {
            return Ok(());
        }
        let (frames, dropped, discarded) = match &mut self.stage.lanes[lane] {
            Lane::Ring(ring) => {
                let ended = ring.stop().map_err(said)?;
                ring.start().map_err(said)?;
                (ended.frames, ended.dropped, ended.discarded)
            }
            Lane::Pages(pages) => {
                let ended = pages.stop().map_err(said)?;
                pages.start().map_err(said)?;
                (ended.frames, ended.dropped, ended.discarded)
            }
        };
        let counts = (frames, dropped, u64::from(discarded));
        if counts != (done as u64, 0, 0) {
            return Err(format!("channel {lane}: stopped after {done} frames, it says {counts:?} were delivered, dropped, discarded"));
        }
        self.lanes[lane] = Position { done, begin: done, end: total };
        self.outcome.restarts += 1;
        self.feed(lane);
        Ok(())
    }

    /// Sends as much as there is room for.
    fn send(&mut self, index: usize) -> Result<(), String> {
        let (position, frames) = (&mut self.senders[index], &self.script.senders[index]);
        let sender = &mut self.stage.senders[index];
        while let Some(frame) = frames.get(position.done) {
            match sender.send(frame.payload(&self.stage.pool), position.done as u64) {
                Ok(_) => position.done += 1,
                Err(DriverError::WouldBlock { .. }) => break,
                Err(error) => return Err(said(error)),
            }
        }
        sender.reclaim().map_err(said)?;
        Ok(())
    }

    /// Waits on one of the channels that are not through.
    fn wait(&mut self) -> Result<(), String> {
        let deadline = self.stage.bench.platform.now().after(1 + self.random.below(WAIT_NS));
        let count = self.lanes.len() + self.senders.len();
        let first = self.random.below(count as u64) as usize;
        for index in (0..count).map(|step| (first + step) % count) {
            if index < self.lanes.len() {
                if self.lanes[index].done < self.lanes[index].end {
                    return self.wait_on(index, deadline);
                }
            } else if let Some(sender) = self.stage.senders.get_mut(index - self.lanes.len())
                && sender.frames() < sender.submitted()
            {
                return sender.wait(Until::AllSent, deadline).map(drop).map_err(said);
            }
        }
        Ok(())
    }

    fn wait_on(&mut self, lane: usize, deadline: Nanos) -> Result<(), String> {
        let waited = match &mut self.stage.lanes[lane] {
            Lane::Ring(ring) => ring.wait(deadline),
            Lane::Pages(pages) => pages.wait(deadline),
        };
        match waited.map_err(said)? {
            Wait::LostWakeUp { frames } => Err(format!("channel {lane}: no wake-up for {frames} frames")),
            Wait::Ready | Wait::Deadline | Wait::Ended => Ok(()),
        }
    }

    /// What came out of the card is what was sent, in order, each frame whole.
    fn judge_output(&mut self) -> Result<(), String> {
        let mut machine = self.stage.bench.platform.machine();
        for (channel, frames) in self.script.senders.iter().enumerate() {
            let OutStream { bytes, ends, .. } = machine.take_output(channel);
            wrong(ends.len() as u64, frames.len() as u64, || format!("frames out of sender {channel}"))?;
            let mut at = 0;
            for (frame, end) in frames.iter().zip(ends) {
                if bytes[at..end] != *frame.payload(&self.stage.pool) {
                    return Err(format!("sender {channel}: bytes {at} to {end} are not those of {frame:?}"));
                }
                at = end;
            }
            self.outcome.sent += frames.len() as u64;
            self.outcome.sent_bytes += at as u64;
        }
        Ok(())
    }
}

/// Whether a frame is the one that the front end sent, in its place, unharmed.
fn judge_frame(
    header: &FrameHeader,
    parts: &mut dyn Iterator<Item = &[u8]>,
    frame: &Frame,
    sequence: u64,
    pool: &[u8],
) -> Result<(), String> {
    wrong(header.sequence, sequence, || "sequence".into())?;
    wrong(header.length.into(), frame.len as u64, || format!("length of frame {sequence}"))?;
    wrong(header.source.into(), frame.source.into(), || format!("source of frame {sequence}"))?;
    wrong(header.flags.0.into(), Flags::default().0.into(), || format!("flags of frame {sequence}"))?;
    let (mut rest, mut crc) = (frame.payload(pool), 0);
    for part in parts {
        crc = append(crc, part);
        let (wanted, behind) = rest.split_at_checked(part.len()).ok_or_else(|| format!("frame {sequence} is too long"))?;
        if part != wanted {
            return Err(format!("payload of frame {sequence} differs"));
        }
        rest = behind;
    }
    wrong(rest.len() as u64, 0, || format!("bytes missing of frame {sequence}"))?;
    wrong(header.crc.into(), crc.into(), || format!("CRC of frame {sequence}"))
}

fn wrong(found: u64, right: u64, what: impl FnOnce() -> String) -> Result<(), String> {
    if found == right { Ok(()) } else { Err(format!("{} is {found:#x}, it must be {right:#x}", what())) }
}

fn said(error: DriverError) -> String {
    error.to_string()
}
