//! The end of a case: the host takes everything, and everything comes, within a bound in cycles; then the books are closed.

use crate::coverage;
use crate::scenario::{LEAST_RATE, Scenario};
use crate::senders::VECTORS;
use crate::stream::Ended;
use crate::world::{End, World, Wrap, said};
use silico_driver::channel::Phase;
use silico_spec::frame::footprint;
use silico_spec::registers::c2h;
use silico_spec::units::Cycles;
use std::sync::atomic::Ordering::SeqCst;

/// Frames that a generator without end must still deliver.
const ENDLESS: u64 = 4;
/// Clocks in which everything that is under way ends, beyond the link's own time.
const SETTLE: u64 = 5_000;

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) digest: u64,
    pub(crate) cycles: u64,
    pub(crate) delivered: Vec<u64>,
    /// Hashes of what was delivered: numbers, sources, lengths, flags and checksums, in their order.
    pub(crate) logs: Vec<u64>,
    /// Frames sent, by sender.
    pub(crate) sent: Vec<u64>,
}

/// The property: whatever happens, the reference queue and the host agree, all that was fed comes, and no rule is broken.
pub(crate) fn agrees(scenario: &Scenario, wrap: Wrap) -> Result<Outcome, String> {
    let mut world = World::new(scenario, wrap)?;
    judged(&mut world, |world| play_with(world, scenario, |_| Ok(())))?;
    let machine = world.platform.machine();
    let delivered = world.lanes.iter().map(|lane| lane.delivered).collect();
    let logs = world.lanes.iter().map(|lane| lane.log).collect();
    let sent = world.senders.iter().map(|sender| sender.delivered).collect();
    Ok(Outcome { digest: machine.trace().digest(), cycles: machine.now().0, delivered, logs, sent })
}

/// Does something, and says with a failure what rule was broken, when, and what passed before.
fn judged(world: &mut World, act: impl FnOnce(&mut World) -> Result<(), String>) -> Result<(), String> {
    let result = act(world);
    // A broken rule explains whatever came of it.
    let result = match (world.check_rules(), result) {
        (Err(violation), Err(result)) => Err(format!("{violation}\n  then: {result}")),
        (Err(violation), Ok(())) => Err(violation),
        (Ok(()), result) => result,
    };
    let machine = world.platform.machine();
    let tail = || machine.trace().records().iter().rev().take(16).rev().map(|record| format!("\n  {record}")).collect::<String>();
    result.map_err(|why| format!("{why}\n  at {}; the last TLPs:{}", machine.now(), tail()))?;
    Ok(())
}

/// Does the operations of a case, and leaves everything as it is then.
pub(crate) fn begin(world: &mut World, scenario: &Scenario) -> Result<(), String> {
    judged(world, |world| operate(world, scenario, |_| Ok(())))
}

fn operate(world: &mut World, scenario: &Scenario, mut also: impl FnMut(&World) -> Result<(), String>) -> Result<(), String> {
    for (number, op) in scenario.ops.iter().enumerate() {
        if let Some(seen) = &scenario.seen.0 {
            seen.store(number + 1, SeqCst);
        }
        let done = world.apply(op).and_then(|()| world.check_rules()).and_then(|()| also(world));
        done.map_err(|why| format!("operation {number}, {op:?}: {why}"))?;
    }
    Ok(())
}

/// Plays a case to its end; `also` looks after every operation.
pub(crate) fn play_with(world: &mut World, scenario: &Scenario, also: impl FnMut(&World) -> Result<(), String>) -> Result<(), String> {
    operate(world, scenario, also)?;
    world.drain().map_err(|why| format!("draining: {why}"))?;
    world.close_all().map_err(|why| format!("at the end: {why}"))
}

impl World {
    fn drain(&mut self) -> Result<(), String> {
        if !self.bus_master {
            self.set_bus_master(true)?;
        }
        if self.all_masked {
            self.mask_all(false)?;
        }
        if !self.enabled {
            self.enable(true)?;
        }
        for index in 0..self.lanes.len() {
            self.mask(index, false)?;
            self.revive(index)?;
        }
        for index in 0..self.senders.len() {
            self.mask(VECTORS + index, false)?;
            self.revive_sender(index)?;
        }
        let goals: Vec<u64> = self.lanes.iter().map(|lane| lane.oracle.taken() + ENDLESS).collect();
        for (index, goal) in goals.into_iter().enumerate() {
            if !self.lanes[index].looped {
                self.drain_lane(index, goal)?;
            }
        }
        for index in 0..self.senders.len() {
            match self.senders[index].target() {
                Some(lane) => self.drain_loop(index, lane)?,
                None => self.drain_sender(index)?,
            }
        }
        Ok(())
    }

    /// What was submitted comes back, while it is taken.
    fn drain_loop(&mut self, index: usize, lane: usize) -> Result<(), String> {
        let bound = self.send_bound(index) + self.bound(lane);
        // Where frames may be missing, nobody knows which one is the last: then nothing has come for so long.
        let silence = self.signal_clocks() + 2 * self.lanes[lane].shape.tell_clocks() + bound / 8;
        let (mut idle, step) = (0, 200);
        while idle < bound {
            let taken = self.lanes[lane].oracle.taken();
            let sent = self.senders[index].channel().frames();
            self.take_some(lane)?;
            self.lanes[lane].ring().give_back().map_err(said("giving back", lane))?;
            self.reap(index)?;
            self.check_rules()?;
            let moved = taken != self.lanes[lane].oracle.taken() || sent != self.senders[index].channel().frames();
            idle = if moved { 0 } else { idle + step };
            let exact = !self.lanes[lane].shape.drop && !self.lanes[lane].oracle.misses();
            if self.senders[index].is_through() && self.lanes[lane].oracle.pending() == 0 && (exact || idle > silence) {
                break;
            }
            self.advance(step);
        }
        let (sender, lane_at) = (&self.senders[index], &self.lanes[lane]);
        // A lane that drops, or whose source or itself was stopped, need not have all.
        if sender.is_through() && (lane_at.oracle.pending() == 0 || lane_at.shape.drop) {
            return Ok(());
        }
        Err(format!("the loop of sender {index} stands still: {} frames are missing in lane {lane}", lane_at.oracle.pending()))
    }

    /// A channel that does not run, or that was spoiled, is read to its end and started anew.
    fn revive(&mut self, index: usize) -> Result<(), String> {
        if self.lanes[index].masterless {
            return self.restart(index);
        }
        if self.lanes[index].spoiled && self.lanes[index].is_running() {
            let bound = self.bound(index);
            let (kind, ns) = (self.lanes[index].shape.wait, self.clocks_to_ns(bound));
            // Frames announced before the error come first; each wait finds one, or the error.
            while self.lanes[index].is_running() {
                let found = self.wait(index, kind, ns)?;
                if !found && self.lanes[index].is_running() {
                    return Err(format!("channel {index} does not fail within {bound} clocks of a bad doorbell"));
                }
            }
        }
        if self.lanes[index].is_running() {
            return Ok(());
        }
        while self.take(index)? {}
        self.start(index)
    }

    /// Takes frames until all have come. One channel after the other: the rings of those that wait fill up and must disturb nobody.
    fn drain_lane(&mut self, index: usize, goal: u64) -> Result<(), String> {
        let (mut idle, mut revivals) = (0, self.faults);
        while !self.is_drained(index, goal)? {
            self.check_rules()?;
            if self.take(index)? {
                idle = 0;
                continue;
            }
            // Each fault may stop a channel that reads once; then it is started anew, and must work.
            if self.lanes[index].tampered && !self.lanes[index].is_running() && revivals > 0 {
                revivals -= 1;
                self.start(index)?;
                continue;
            }
            let (bound, kind) = (self.bound(index), self.lanes[index].shape.wait);
            if self.wait(index, kind, self.clocks_to_ns(bound))? {
                idle = 0;
                continue;
            }
            if self.lanes[index].tampered && !self.lanes[index].is_running() && revivals > 0 {
                continue;
            }
            idle += 1;
            // A channel that drops may have nothing more to give; that it says so is up to its registers.
            if !self.lanes[index].shape.drop || idle > 2 {
                let lane = &self.lanes[index];
                let (taken, pending) = (lane.oracle.taken(), lane.oracle.pending());
                let pages = if lane.shape.paged.is_some() { self.page_counts(index)? } else { String::new() };
                return Err(format!("channel {index} stands still: {taken} frames taken, {pending} not, nothing in {bound} clocks{pages}"));
            }
        }
        Ok(())
    }

    /// Where the pages of a channel are.
    fn page_counts(&self, index: usize) -> Result<String, String> {
        let [tail, fetched] = [self.register(index, c2h::FREE_TAIL)?, self.register(index, c2h::FREE_HEAD)?];
        let [completed, taken] = [self.register(index, c2h::COMP_TAIL)?, self.register(index, c2h::COMP_HEAD)?];
        let held = self.register32(index, c2h::PAGES_HELD)?;
        Ok(format!("; {tail} pages given, {fetched} fetched, {held} held, {completed} completed, {taken} entries read"))
    }

    /// Whether all that was fed has been accounted for.
    fn is_drained(&self, index: usize, goal: u64) -> Result<bool, String> {
        let lane = &self.lanes[index];
        let taken = lane.oracle.taken();
        let (all, entered) = match &lane.shape.generator {
            // At a link slower than its source, a channel that drops may drop every frame that is longer than the FIFO.
            Some(made) if made.count == 0 => return Ok(taken >= goal || lane.shape.drop),
            Some(made) => (made.count, true),
            None if !lane.shape.drop => return Ok(lane.oracle.pending() == 0),
            None => (lane.oracle.entered_in_run(self.taps.entered(index)), self.taps.entered(index) == lane.oracle.sent.len() as u64),
        };
        if !lane.shape.drop {
            return Ok(taken == all);
        }
        // Only the card knows how many it dropped; that the sum is right is checked at the stop, against the tap.
        let (dropped, delivered) = (self.register(index, c2h::DROPPED)?, self.register(index, c2h::FRAMES)?);
        Ok(entered && delivered + dropped == all && taken == delivered)
    }

    /// Clocks within which a draining host sees the next frame of a channel, all other channels going at full speed.
    fn bound(&self, index: usize) -> u64 {
        let lane = &self.lanes[index];
        let (now, lanes, width) = (self.now().0, (self.lanes.len() + self.senders.len()) as u64, u64::from(self.params.width.bytes()));
        let (wait, len) = match &lane.shape.generator {
            Some(made) => (
                u64::from(made.pause) + u64::from(made.min + made.span + 64) * 65_536 / u64::from(LEAST_RATE) / width,
                made.min + made.span,
            ),
            None => lane.oracle.next().map_or((0, 0), |sent| (sent.at.saturating_sub(now), sent.len as u32)),
        };
        let tlps = footprint(len).div_ceil(self.machine.mps().into()) + u64::from(self.params.fifo_bytes) / 64 + 64;
        let lost = if lane.tampered { self.lost_reads() } else { 0 };
        // A page costs a write of its own, another one for its entry, and a share of a read.
        let pages = lane.shape.page_bytes().map_or(0, |bytes| footprint(len).div_ceil(bytes.into()) + 4);
        let tlps = tlps + 2 * pages;
        20_000
            + lost
            + (pages + 8) * (lanes + 1) * self.machine.clocks_per_read()
            + self.held_up()
            + wait
            + tlps * (lanes + 1) * self.machine.clocks_per_tlp()
            + 2 * lane.shape.tell_clocks()
    }

    /// Stops and closes all channels; nothing may be left over anywhere.
    fn close_all(&mut self) -> Result<(), String> {
        self.settle();
        for index in 0..self.senders.len() {
            self.finish_sender(index)?;
        }
        for index in 0..self.lanes.len() {
            self.close_lane(index)?;
        }
        self.settle();
        self.check_counters()?;
        self.note_faults()?;
        self.check_tags()?;
        for index in 0..self.lanes.len() {
            self.close_ring(index);
        }
        for index in 0..self.senders.len() {
            self.close_sender(index);
        }
        self.check_rules()
    }

    /// Who noticed the faults of a case that has but one kind of them.
    fn note_faults(&self) -> Result<(), String> {
        let mut words: Vec<String> = self.planted.records().iter().map(|planted| coverage::word(&planted.rule.to_string())).collect();
        words.sort_unstable();
        words.dedup();
        let [word] = &words[..] else { return Ok(()) };
        let log = self.card.errors().map_err(|error| format!("the error log: {error}"))?;
        coverage::noticed(word, &self.failures, &log);
        Ok(())
    }

    fn settle(&self) {
        let mut machine = self.platform.machine();
        let to = machine.now().after(Cycles(SETTLE + 64 * self.machine.clocks_per_tlp()));
        machine.advance_to(to);
    }

    fn close_lane(&mut self, index: usize) -> Result<(), String> {
        let endless = self.lanes[index].shape.generator.as_ref().is_some_and(|made| made.count == 0);
        let stopped: Ended = match self.lanes[index].ring().stop() {
            Ok(stopped) => stopped,
            // It may have read ahead, and failed at that, with everything delivered.
            Err(error) if self.lanes[index].tampered => {
                self.failed(index, error)?;
                while self.take(index)? {}
                return Ok(());
            }
            Err(error) => return Err(said("the last stop", index)(error)),
        };
        self.stopped(index, stopped)?;
        let (entered, sent) = (self.taps.entered(index), self.lanes[index].oracle.sent.len() as u64);
        if self.lanes[index].shape.generator.is_none() && !self.lanes[index].looped && entered != sent {
            return Err(format!("channel {index}: of {sent} frames fed only {entered} have entered"));
        }
        let taken = self.lanes[index].oracle.taken();
        if !endless && (stopped.discarded, stopped.frames) != (0, taken) {
            return Err(format!("channel {index} was drained, {taken} frames taken, and stops with {stopped:?}"));
        }
        while self.take(index)? {}
        let lane = &mut self.lanes[index];
        lane.ring().give_back().map_err(said("the last giving back", index))?;
        lane.ring().check_returned().map_err(|why| format!("channel {index}: {why}"))?;
        match (lane.end, lane.ring.as_ref().map(|ring| ring.phase())) {
            (End::Final(frames), Some(Phase::Idle)) if frames == lane.oracle.taken() => Ok(()),
            end => Err(format!("channel {index} ends as {end:?} with {} frames taken", lane.oracle.taken())),
        }
    }

    /// The card's own counters make sense, and no register was missed.
    fn check_counters(&self) -> Result<(), String> {
        self.check_latched()?;
        let text = |error| format!("counters: {error}");
        match self.card.hole_writes().map_err(text)? {
            0 => Ok(()),
            holes => Err(format!("the driver wrote {holes} times to registers that are not there")),
        }
    }
}

/// Channels that all have more to send than the link can take: their shares are alike.
pub(crate) fn shares_are_even(scenario: &Scenario) -> Result<(), String> {
    const ROUNDS: u64 = 60;
    let mut world = World::new(scenario, crate::world::plain)?;
    let lanes = world.lanes.len();
    let counts = |world: &World| (0..lanes).map(|index| world.register(index, c2h::HW_COUNT)).collect::<Result<Vec<_>, _>>();
    let before = counts(&world)?;
    for round in 0..ROUNDS {
        world.advance(300);
        for index in 0..lanes {
            while world.take((index + round as usize) % lanes)? {}
        }
        world.check_rules()?;
    }
    let shares: Vec<u64> = counts(&world)?.into_iter().zip(before).map(|(after, before)| after - before).collect();
    let made = scenario.lanes[0].generator.as_ref().map_or(0, |made| made.min);
    // Counts grow by whole frames; a write-back block now and then takes a turn too.
    let (least, most) = (shares.iter().min().copied().unwrap_or(0), shares.iter().max().copied().unwrap_or(0));
    let slack = 3 * footprint(made) + u64::from(world.machine.mps()) + most / 20;
    if most - least <= slack { Ok(()) } else { Err(format!("shares of {shares:?} bytes")) }
}
