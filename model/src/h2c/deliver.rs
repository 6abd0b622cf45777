//! From the reassembled payload through the output stage to who takes it, a beat a clock. A beat and its clock are the same whether clocks pass
//! singly or together.

use super::output::{Gather, Stage};
use super::{Channel, Need, Output};
use crate::c2h::{Env, State};
use silico_spec::port::FrontBeat;
use silico_spec::writeback::ChannelError;

impl Channel {
    /// The C2H channel that it feeds or still has to feed.
    pub(crate) fn target(&self) -> Option<usize> {
        let active = matches!(self.state, State::Running | State::Stopping { .. });
        match self.stage.owes().or_else(|| self.run.output().filter(|_| active && self.sound)) {
            Some(Output::Loopback(target)) => Some(target),
            _ => None,
        }
    }

    /// All C2H channels that nobody else may feed: of a frame that it owes the end of, and of its run.
    pub(crate) fn targets(&self) -> u16 {
        let active = matches!(self.state, State::Running | State::Stopping { .. });
        let run = self.run.output().filter(|_| active && self.sound);
        [self.stage.owes(), run].into_iter().flatten().fold(0, |targets, output| match output {
            Output::Loopback(target) => targets | 1 << target,
            _ => targets,
        })
    }

    /// Its receiver has stopped: what is left of an open frame goes nowhere.
    pub(crate) fn receiver_stopped(&mut self) {
        self.stage.receiver_stopped();
    }

    /// Who takes the beat shown; `None`: nobody, it goes nowhere.
    pub(crate) fn receiver(&self) -> Option<Output> {
        match self.stage.owes() {
            Some(output) => Some(output),
            None if self.stage.swallows() => None,
            None => self.run.output(),
        }
    }

    /// More of the frame is known to follow what is gathered.
    fn more(&self) -> bool {
        self.descriptors.active.front().is_some_and(|active| active.left > 0)
    }

    /// Whether a beat is shown, to whomever.
    pub(crate) fn shows(&self, env: &Env) -> bool {
        let owes = self.stage.owes().is_some();
        (owes || self.running(env)) && self.stage.shows(env.width.bytes(), self.more())
    }

    /// The beat shown.
    pub(crate) fn shown(&self, env: &Env) -> Option<FrontBeat> {
        self.shows(env).then(|| self.stage.shown(self.index.into()))
    }

    /// Clocks from now in which nothing happens but that full beats of one descriptor pass, one a clock if `ready` says so. `now` they may.
    pub(crate) fn uneventful(&self, env: &Env, ready: bool, need: Need) -> u64 {
        if self.moves(env) {
            return 0;
        }
        if !(ready && self.shows(env)) {
            return if self.gathers(env) { 0 } else { u64::MAX };
        }
        let inside = self.stage.owes().is_none() && !self.stage.gather.ends;
        let Some(active) = self.descriptors.active.front().filter(|_| inside) else { return 0 };
        let available = self.payload.available().min(active.left.saturating_sub(1));
        let beats = env.width.whole_beats(available);
        match need {
            Need::NoRoom(bytes) => u64::from(beats.min(env.width.whole_beats(bytes - self.payload.room()))),
            _ => beats.into(),
        }
    }

    /// Whether something happens within it in the next clock, whatever the stage does.
    fn moves(&self, env: &Env) -> bool {
        self.running(env) && (self.descriptors.moves() || self.payload.turns())
    }

    /// Whether the stage takes something in, if nothing leaves it.
    fn gathers(&self, env: &Env) -> bool {
        let gather = &self.stage.gather;
        match self.descriptors.active.front() {
            Some(active) if self.running(env) && !gather.ends => {
                active.left == 0 || gather.bytes < env.width.bytes() && self.payload.available() > 0
            }
            _ => false,
        }
    }

    /// Passes `clocks` clocks, more than one only as [`Channel::uneventful`] allows. `ready`: the beat shown is taken, in each of them. What goes
    /// to the stream port is handed to `stream`, with whether it ends a frame.
    pub(crate) fn advance(&mut self, env: &Env, clocks: u64, ready: bool, mut stream: impl FnMut(&[u8], bool)) {
        let shows = self.shows(env);
        if shows && !ready {
            self.perf.out_held += clocks;
        }
        let passes = shows && ready;
        if passes && clocks > 1 {
            return self.pass_beats(env, clocks, stream);
        }
        let judges = self.running(env) && self.descriptors.can_judge();
        if passes {
            let receiver = self.receiver();
            let gather = self.stage.pass(receiver == Some(Output::Sink));
            if receiver == Some(Output::Stream) {
                let (data, ends) = gather.as_ref().map_or((&[][..], true), |gather| (&gather.data[..gather.bytes as usize], gather.ends));
                stream(data, ends);
            }
            if let Some(gather) = gather {
                self.passed(&gather);
            }
        }
        if self.running(env) {
            self.gather(env);
        }
        if judges && let Err(bad) = self.descriptors.judge(&self.run) {
            self.fail(ChannelError::BadDescriptor, bad.address, bad.cookie);
        }
        self.descriptors.words.turn();
        self.payload.turn();
    }

    fn passed(&mut self, gather: &Gather) {
        self.bytes += u64::from(gather.bytes);
        if gather.ends {
            self.frames += 1;
            self.done(gather.interrupt);
        }
    }

    fn done(&mut self, interrupt: bool) {
        self.delivered.count += 1;
        self.delivered.frames += 1;
        if interrupt {
            self.delivered.urgent = self.delivered.count;
        }
    }

    /// The stage takes bytes of one descriptor.
    fn gather(&mut self, env: &Env) {
        let gather = &mut self.stage.gather;
        if gather.ends {
            return;
        }
        let Some(active) = self.descriptors.active.front_mut() else { return };
        let bytes = (env.width.bytes() - gather.bytes).min(active.left).min(self.payload.available());
        let at = gather.bytes as usize;
        self.payload.consume(&mut gather.data[at..at + bytes as usize]);
        gather.bytes += bytes;
        active.left -= bytes;
        if active.left > 0 {
            return;
        }
        let active = *active;
        self.descriptors.active.pop_front();
        if active.ends_frame {
            (gather.ends, gather.interrupt) = (true, active.interrupt);
        } else {
            self.done(active.interrupt);
        }
    }

    /// Full beats of one descriptor, one a clock.
    fn pass_beats(&mut self, env: &Env, clocks: u64, mut stream: impl FnMut(&[u8], bool)) {
        let receiver = self.receiver();
        let width = env.width.bytes();
        let bytes = clocks as u32 * width;
        self.bytes += u64::from(bytes);
        let stage = &mut self.stage;
        let mut take = |stage: &mut Stage, bytes: &[u8]| match receiver {
            Some(Output::Stream) => stream(bytes, false),
            Some(Output::Sink) => stage.check(bytes, false),
            _ => {}
        };
        let Some(gather) = stage.pass(false) else { return };
        take(stage, &gather.data[..gather.bytes as usize]);
        self.payload.consume_with(bytes - width, |bytes| take(stage, bytes));
        self.payload.consume(&mut stage.gather.data[..width as usize]);
        stage.gather.bytes = width;
        if let Some(active) = self.descriptors.active.front_mut() {
            active.left -= bytes;
        }
    }
}
