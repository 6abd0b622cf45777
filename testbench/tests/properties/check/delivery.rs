//! The reference: a plain queue of the frames of a channel, and what each delivery must be. Knows neither driver nor machine.
//!
//! Every front-end frame carries its number as its source, so a frame that is lost, repeated or of an earlier run is never taken for another one.

use silico_spec::crc::append;
use silico_spec::frame::{Flags, FrameHeader};
use silico_spec::generator::{self, FrameSequence, XorShift64};
use std::sync::Arc;

/// Bytes that front-end payloads are cut out of.
const POOL: usize = 64 << 10;

/// A frame at the front end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) error: bool,
    /// Cycle of the machine before which its first beat was not there.
    pub(crate) at: u64,
}

/// A run of a channel.
#[derive(Clone, Debug)]
struct Run {
    /// Number of the next frame that may come.
    next: u64,
    /// Front-end frames that had entered when the run began.
    entered: u64,
    made: Option<(FrameSequence, u16)>,
    taken: u64,
    missing: u64,
    stamp: Option<u64>,
    max_frame: u32,
    drops: bool,
}

/// One channel's truth.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    channel: u8,
    pool: Arc<[u8]>,
    pub(crate) sent: Vec<Sent>,
    /// Frames that a host-to-card channel loops into this one, in place of a front end; and the channel.
    fed: Vec<Vec<u8>>,
    feeder: Option<u16>,
    /// Some of them may be missing, or be cut: one side was stopped or reset.
    gaps: bool,
    run: Option<Run>,
    buffer: Vec<u8>,
}

fn ensure(ok: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(what()) }
}

impl Oracle {
    pub(crate) fn new(channel: u8, seed: u64) -> Self {
        let mut random = XorShift64::new(seed ^ u64::from(channel) << 32 ^ 0x5eed);
        let pool: Vec<u8> = (0..POOL / 8).flat_map(|_| random.step().to_le_bytes()).collect();
        Self { channel, pool: pool.into(), sent: Vec::new(), fed: Vec::new(), feeder: None, gaps: false, run: None, buffer: Vec::new() }
    }

    /// Host-to-card channel `feeder` is the source from here on.
    pub(crate) fn loop_from(&mut self, feeder: u16) {
        self.feeder = Some(feeder);
    }

    /// A frame is on its way into the loop.
    pub(crate) fn fed(&mut self, payload: &[u8]) {
        self.fed.push(payload.to_vec());
    }

    /// Frames of the loop may be missing or cut from here on.
    pub(crate) fn may_miss(&mut self) {
        self.gaps = true;
    }

    /// Some may be missing.
    pub(crate) const fn misses(&self) -> bool {
        self.gaps
    }

    /// Frames fed so far never come in a later run; and none is missing in that.
    pub(crate) fn empty_loop(&mut self) {
        self.gaps = false;
        self.fed.clear();
    }

    pub(crate) fn pool(&self) -> &Arc<[u8]> {
        &self.pool
    }

    /// A frame is put at the front end, to be there from cycle `at` on. Returns it and its source.
    pub(crate) fn send(&mut self, len: u32, error: bool, at: u64) -> (Sent, u16) {
        let number = self.sent.len();
        let len = (len as usize).min(POOL / 2);
        let sent = Sent { start: number * 977 % (POOL - len), len, error, at };
        self.sent.push(sent);
        (sent, number as u16)
    }

    /// A run begins; `entered`: front-end frames of which a part has passed into the card before. A generator's frames are given.
    pub(crate) fn start(&mut self, entered: u64, made: Option<(FrameSequence, u16)>, max_frame: u32, drops: bool) {
        let next = if made.is_some() || self.feeder.is_some() { 0 } else { entered };
        if self.feeder.is_some() && self.run.is_some() {
            self.gaps = true;
        }
        self.run = Some(Run { next, entered, made, taken: 0, missing: 0, stamp: None, max_frame, drops });
    }

    /// No run is known any more: nothing may be delivered.
    pub(crate) fn forget(&mut self) {
        self.run = None;
    }

    pub(crate) fn taken(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.taken)
    }

    /// Front-end frames that may still come in this run, dropped ones included.
    pub(crate) fn pending(&self) -> u64 {
        if self.feeder.is_some() {
            let next = self.run.as_ref().map_or(0, |run| run.next);
            return if self.gaps { 0 } else { self.fed.len() as u64 - next };
        }
        self.run.as_ref().filter(|run| run.made.is_none()).map_or(0, |run| self.sent.len() as u64 - run.next)
    }

    /// Front-end frames of which a part has passed into the card in this run.
    pub(crate) fn entered_in_run(&self, entered: u64) -> u64 {
        self.run.as_ref().map_or(0, |run| entered - run.entered)
    }

    /// The next frame that should come.
    pub(crate) fn next(&self) -> Option<&Sent> {
        self.run.as_ref().and_then(|run| self.sent.get(run.next as usize))
    }

    /// Judges a delivered frame; `released`: cycle of the machine that is zero of the card's stamps; `now`: the present, as the card counts; `entered`:
    /// front-end frames of which a part has passed into the card.
    pub(crate) fn judge(&mut self, header: &FrameHeader, payload: [&[u8]; 2], released: u64, now: u64, entered: u64) -> Result<(), String> {
        let Some(run) = &mut self.run else { return Err(format!("a frame came outside a run: {header:?}")) };
        ensure(header.channel == self.channel, || format!("channel {} in {header:?}", self.channel))?;
        ensure(header.sequence == run.taken, || format!("sequence {} expected: {header:?}", run.taken))?;
        ensure(run.stamp.is_none_or(|last| header.stamp > last), || format!("stamp not after {:?}: {header:?}", run.stamp))?;
        ensure(header.stamp <= now, || format!("stamp from the future, now is {now}: {header:?}"))?;
        let may_skip = run.drops && header.flags.contains(Flags::DROPPED_BEFORE);
        let (number, len, error) = match &mut run.made {
            None if self.feeder.is_some() => {
                ensure(Some(header.source) == self.feeder, || format!("source {:?} expected: {header:?}", self.feeder))?;
                let cut = header.flags.contains(Flags::ERROR);
                ensure(self.gaps || !cut, || format!("a frame of the loop was cut: {header:?}"))?;
                let max_frame = run.max_frame as usize;
                let least = run.next as usize + usize::from(may_skip && !self.gaps);
                let number = find_fed(&self.fed, least, self.gaps || may_skip, payload, max_frame)?;
                self.buffer.clear();
                self.buffer.extend_from_slice(self.fed.get(number).map_or(&[], |frame| frame));
                if cut {
                    // Of a frame that was cut, what came before is the frame's, and more than what is kept is not known.
                    self.buffer.truncate(payload[0].len() + payload[1].len());
                }
                // Which frames are missing is not the mark's affair: those that never entered the loop's lane bear none.
                let marked = header.flags.contains(Flags::DROPPED_BEFORE);
                if self.gaps || marked {
                    run.next = number as u64 - u64::from(marked);
                }
                // Empty frames are all alike: behind a gap nobody can tell which of them came.
                self.gaps |= marked;
                let truncated = cut && header.flags.contains(Flags::TRUNCATED);
                if truncated {
                    self.buffer.push(0);
                }
                (number as u64, self.buffer.len(), cut)
            }
            None => {
                let number = if may_skip { u64::from(header.source) } else { run.next };
                let in_order = number < entered && number >= run.next + u64::from(may_skip);
                ensure(in_order && header.source == number as u16, || {
                    format!("frame {} expected, or a later one if marked; {entered} have entered: {header:?}", run.next)
                })?;
                let sent = self.sent[number as usize];
                ensure(header.stamp + released >= sent.at, || format!("stamp before cycle {}, when it was sent: {header:?}", sent.at))?;
                self.buffer.clear();
                self.buffer.extend_from_slice(&self.pool[sent.start..sent.start + sent.len]);
                (number, sent.len, sent.error)
            }
            Some((frames, source)) => {
                ensure(header.source == *source, || format!("source {source} expected: {header:?}"))?;
                let (number, len) = find_made(frames, run.next, may_skip, payload, &mut self.buffer)?;
                (number, len, false)
            }
        };
        let skipped = number - run.next;
        let kept = len.min(run.max_frame as usize);
        let flags = [(Flags::TRUNCATED, kept < len), (Flags::DROPPED_BEFORE, skipped > 0), (Flags::ERROR, error)];
        let flags = flags.into_iter().fold(Flags(0), |flags, (flag, set)| if set { flags.with(flag) } else { flags });
        ensure(header.flags == flags, || format!("frame {number}: flags {flags} expected: {header:?}"))?;
        ensure(header.length as usize == kept, || format!("frame {number}: {kept} bytes expected: {header:?}"))?;
        let same = kept == payload[0].len() + payload[1].len() && self.buffer[..kept].iter().eq(payload[0].iter().chain(payload[1]));
        let crc = append(append(0, payload[0]), payload[1]);
        let told = if header.crc == crc { "its CRC fits" } else { "its CRC does not fit either" };
        ensure(same, || format!("frame {number}: payload differs, {told}: {header:?}"))?;
        ensure(header.crc == crc, || format!("frame {number}: CRC {crc:#010x} expected: {header:?}"))?;
        (run.next, run.taken, run.missing, run.stamp) = (number + 1, run.taken + 1, run.missing + skipped, Some(header.stamp));
        Ok(())
    }

    /// Closes the books of a run with the card's counts. `entered` as in [`Oracle::judge`]; `made`: frames that a generator has finished.
    pub(crate) fn balance(&self, frames: u64, dropped: u64, discarded: u64, entered: u64, made: u64) -> Result<(), String> {
        let Some(run) = self.run.as_ref().filter(|_| self.feeder.is_none()) else { return Ok(()) };
        let books =
            || format!("delivered {frames}, dropped {dropped}, discarded {discarded}; taken {}, missing {}", run.taken, run.missing);
        ensure(run.taken <= frames && run.missing <= dropped, || format!("more was seen than counted: {}", books()))?;
        ensure(run.drops || dropped == 0, || format!("a channel that stalls has dropped: {}", books()))?;
        let sum = frames + dropped + discarded;
        match run.made {
            None => ensure(sum == entered - run.entered, || format!("{} entered in this run; {}", entered - run.entered, books())),
            // Of the frame that the stop cut, the generator does not say whether it had begun.
            Some(_) => ensure(sum == made || sum == made + 1, || format!("{made} were made; {}", books())),
        }
    }
}

/// Finds the frame of the loop that came: the next one, or a later one that begins alike where some may be missing.
fn find_fed(fed: &[Vec<u8>], next: usize, may_skip: bool, payload: [&[u8]; 2], max_frame: usize) -> Result<usize, String> {
    let bytes = payload[0].len() + payload[1].len();
    let fits =
        |frame: &Vec<u8>| frame.len().min(max_frame) >= bytes && frame.iter().zip(payload[0].iter().chain(payload[1])).all(|(a, b)| a == b);
    let whole = |frame: &Vec<u8>| fits(frame) && frame.len().min(max_frame) == bytes;
    let rest = fed.get(next..).unwrap_or_default();
    let last = if may_skip { rest.len() } else { rest.len().min(1) };
    let found = rest[..last].iter().position(whole).or_else(|| rest[..last].iter().position(fits));
    found.map(|at| next + at).ok_or_else(|| format!("none of the frames of the loop from {next} on is the one that came, of {bytes} bytes"))
}

/// Finds the generator's frame that begins like `payload`, and puts all of it into `buffer`. Returns its number and length.
fn find_made(
    frames: &mut FrameSequence,
    next: u64,
    may_skip: bool,
    payload: [&[u8]; 2],
    buffer: &mut Vec<u8>,
) -> Result<(u64, usize), String> {
    const FURTHEST: u64 = 100_000;
    for number in next..next + if may_skip { FURTHEST } else { 1 } {
        let (len, key) = frames.draw();
        buffer.resize(len as usize, 0);
        generator::fill(key, 0, buffer);
        let begins_alike = buffer.iter().take(8).eq(payload[0].iter().chain(payload[1]).take(8));
        if begins_alike || !may_skip {
            return Ok((number, len as usize));
        }
    }
    Err(format!("no generated frame from {next} on begins like the one that came"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::crc::crc32c;

    fn sent(count: u32, drops: bool) -> (Oracle, Vec<(FrameHeader, Vec<u8>)>) {
        let mut oracle = Oracle::new(2, 1);
        oracle.start(0, None, 100, drops);
        let frames = (0..count).map(|number| {
            let (sent, source) = oracle.send(90 + number, false, 10);
            let payload = oracle.pool()[sent.start..sent.start + sent.len.min(100)].to_vec();
            let flags = if sent.len > 100 { Flags::TRUNCATED } else { Flags(0) };
            let (length, sequence, crc) = (payload.len() as u32, number.into(), crc32c(&payload));
            (FrameHeader { channel: 2, flags, length, sequence, stamp: 10 + u64::from(number), source, crc }, payload)
        });
        let frames = frames.collect();
        (oracle, frames)
    }

    fn judge(oracle: &Oracle, header: FrameHeader, payload: &[u8]) -> Result<(), String> {
        oracle.clone().judge(&header, [&payload[..payload.len() / 3], &payload[payload.len() / 3..]], 0, 1000, 15)
    }

    #[test]
    fn what_was_sent_passes_and_each_lie_is_seen() {
        let (mut oracle, frames) = sent(15, false);
        let (good, payload) = frames[0].clone();
        assert_eq!(judge(&oracle, good, &payload), Ok(()));
        let lies = [
            (FrameHeader { channel: 1, ..good }, "channel"),
            (FrameHeader { sequence: 1, ..good }, "sequence"),
            (FrameHeader { stamp: 1001, ..good }, "future"),
            (FrameHeader { stamp: 9, ..good }, "before cycle"),
            (FrameHeader { source: 1, ..good }, "frame 0 expected"),
            (FrameHeader { flags: Flags::ERROR, ..good }, "flags"),
            (FrameHeader { flags: Flags::DROPPED_BEFORE, source: 1, ..good }, "frame 0 expected"),
            (FrameHeader { crc: 1, ..good }, "CRC"),
        ];
        for (lie, what) in lies {
            assert!(judge(&oracle, lie, &payload).unwrap_err().contains(what), "{lie:?}");
        }
        let mut spoiled = payload.clone();
        spoiled[50] ^= 1;
        assert!(judge(&oracle, good, &spoiled).unwrap_err().contains("payload"));
        for (header, payload) in frames {
            assert_eq!(oracle.judge(&header, [&payload, &[]], 0, 1000, 15), Ok(()));
        }
        assert!(oracle.balance(15, 0, 0, 15, 0).is_ok());
        for (frames, dropped, discarded) in [(15, 0, 1), (14, 0, 1), (15, 1, 0)] {
            assert!(oracle.balance(frames, dropped, discarded, 15, 0).is_err());
        }
        oracle.start(15, None, 100, false);
        assert!(oracle.judge(&good, [&payload, &[]], 0, 1000, 15).is_err(), "a frame of an old run");
    }

    #[test]
    fn a_gap_must_be_marked_and_a_mark_needs_a_gap() {
        let (oracle, frames) = sent(3, true);
        let (header, payload) = &frames[2];
        let third = FrameHeader { sequence: 0, ..*header };
        assert!(judge(&oracle, third, payload).unwrap_err().contains("frame 0 expected"));
        assert_eq!(judge(&oracle, FrameHeader { flags: Flags::DROPPED_BEFORE, ..third }, payload), Ok(()));
        let (first, payload) = &frames[0];
        assert!(judge(&oracle, FrameHeader { flags: Flags::DROPPED_BEFORE, ..*first }, payload).is_err());
    }
}
