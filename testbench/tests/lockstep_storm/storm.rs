//! Clock by clock: what both cards see, and what becomes of what they say.

use crate::host::{Host, Manners};
use crate::random::Random;
use crate::script::{Script, Step};
use silico_sim::lockstep::{Lockstep, Verdict, difference};
use silico_sim::rtl::{RtlCard, State};
use silico_spec::credit::{Limit, Limits};
use silico_spec::fork::{Fork, Memo};
use silico_spec::params::{CardParams, DataWidth};
use silico_spec::port::{Beat, ChannelView, Endpoint, FrontBeat, Inspect, PortIn, PortOut, TlpBuf};
use silico_spec::tlp::{Header, Kind};
use silico_spec::writeback::ChannelState;
use std::collections::VecDeque;

/// What a storm was made of: TLPs of the cards, and resets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) completions: u64,
    pub(crate) resets: u64,
    pub(crate) out_beats: u64,
    /// Copies of the cards that went on beside them.
    pub(crate) forks: u64,
}

/// How things are for some thousand clocks.
#[derive(Clone, Copy, Debug)]
struct Mood {
    /// Of 64: the receiver is ready, beats go towards the card, outputs are ready, the front ends have a beat.
    tx: u64,
    rx: u64,
    out: u64,
    front: u64,
    /// Clocks between what software does.
    pace: u64,
    resets: bool,
    manners: Manners,
}

impl Mood {
    /// `wrong`: the host may err. A read that is not answered costs its channel the time of a completion timeout.
    fn draw(random: &mut Random, wrong: bool) -> Self {
        let share = |random: &mut Random| random.of(&[64, 64, 64, 60, 40, 20, 6]);
        let manners = Manners {
            delay: random.of(&[0, 20, 200, 1000]),
            // What is more than the card takes is malformed.
            max_payload: if wrong { random.of(&[128, 256]) } else { 128 },
            rcb: if wrong { random.of(&[64, 128]) } else { 128 },
            wrong: if wrong { random.of(&[0, 100, 20]) } else { 0 },
            digest: random.once_in(4),
        };
        let [tx, rx, out, front] = [(); 4].map(|()| share(random));
        Self { tx, rx, out, front, pace: random.of(&[1, 2, 10, 50]), resets: random.once_in(4), manners }
    }
}

struct Storm {
    random: Random,
    cards: Lockstep<silico_model::Card, RtlCard>,
    width: DataWidth,
    channels: usize,
    input: PortIn,
    output: PortOut,
    host: Host,
    script: Script,
    software: VecDeque<Step>,
    /// Software does nothing before this clock.
    waits: u64,
    /// What is coming in, and its next beat; what is going out.
    arriving: Option<(TlpBuf, u32)>,
    leaving: TlpBuf,
    /// Beats left of the frame of each front end.
    frames: Vec<u64>,
    now: u64,
    /// Clocks of a reset that are left.
    down: u64,
    finite: [bool; 3],
    granted: [(u8, u16); 3],
    seen: Seen,
    /// The last TLPs towards the cards, with the clock of their last beat.
    came: Vec<String>,
}

type Cards = Lockstep<silico_model::Card, RtlCard>;

/// Copies of the cards that see the same for some clocks.
struct Twin {
    cards: Cards,
    verdict: Verdict,
    output: PortOut,
    clocks: u64,
}

impl Twin {
    fn clock(&mut self, input: &PortIn, output: &PortOut, original: &Cards) -> Result<bool, String> {
        self.cards.clock(input, &mut self.output);
        self.clocks -= 1;
        if let Some(divergence) = self.verdict.divergence() {
            return Err(format!("copies: {divergence}"));
        }
        if let Some((signal, values)) = difference(output, &self.output) {
            return Err(format!("a copy differs in {signal}: {values:?}"));
        }
        if self.clocks > 0 {
            return Ok(true);
        }
        let states = [original, &self.cards].map(|cards| {
            let mut state = State::default();
            cards.second().save(&mut state);
            state
        });
        if states[0] == states[1] { Ok(false) } else { Err("a copy of the RTL shows the same and is not the same".into()) }
    }
}

/// A storm of `clocks` clocks. `forks`: one in so many of them, if there is no copy, begins one, which goes on beside the original for a while.
pub(crate) fn storm(params: &CardParams, seed: u64, clocks: u64, forks: Option<u64>) -> Result<Seen, String> {
    let verdict = Verdict::default();
    let model = silico_model::Card::new(params.clone()).map_err(|error| error.to_string())?;
    let rtl = RtlCard::new(params).map_err(|error| error.to_string())?;
    let mut random = Random::new(seed);
    let mut storm = Storm {
        host: Host::new(&mut random),
        script: Script::new(params),
        random,
        cards: Lockstep::new(model, rtl, verdict.clone()),
        width: params.width,
        channels: params.c2h_channels.into(),
        input: PortIn::default(),
        output: PortOut::default(),
        software: VecDeque::new(),
        waits: 0,
        arriving: None,
        leaving: TlpBuf::new(),
        frames: vec![0; params.c2h_channels.into()],
        now: 0,
        down: 0,
        finite: [false; 3],
        granted: [(0, 0); 3],
        seen: Seen::default(),
        came: Vec::new(),
    };
    storm.input.credits = Limits::INFINITE;
    let errs = params.read_timeout <= 20_000 || seed.is_multiple_of(4);
    let mut mood = Mood::draw(&mut storm.random, errs);
    let (mut twin, mut draw): (Option<Twin>, _) = (None, Random::new(!seed));
    while storm.now < clocks {
        if storm.now.is_multiple_of(2500) {
            mood = Mood::draw(&mut storm.random, errs);
        }
        if let (None, Some(true)) = (&twin, forks.map(|one| draw.once_in(one))) {
            let mut memo = Memo::new();
            let cards = storm.cards.fork(&mut memo).map_err(|error| error.to_string())?;
            let verdict = verdict.fork(&mut memo).map_err(|error| error.to_string())?;
            twin = Some(Twin { cards, verdict, output: storm.output.clone(), clocks: 1 + draw.below(600) });
            storm.seen.forks += 1;
        }
        storm.clock(&mood);
        if let Some(copy) = &mut twin
            && !copy.clock(&storm.input, &storm.output, &storm.cards).map_err(|what| format!("at clock {}: {what}", storm.now))?
        {
            twin = None;
        }
        if let Some(divergence) = verdict.divergence() {
            return Err(format!("{divergence}; {mood:?}; last towards the cards: {}", storm.came.join("; ")));
        }
    }
    Ok(storm.seen)
}

impl Storm {
    fn clock(&mut self, mood: &Mood) {
        if self.now == 10 {
            self.script.bring_up(&mut self.software, &mut self.random);
        }
        if self.software.len() < 6 && self.random.once_in(mood.pace) {
            self.wake();
            self.script.act(&mut self.software, &mut self.random);
        }
        self.reset(mood);
        self.arrive(mood);
        self.front(mood);
        self.credits();
        self.input.tx_ready = self.random.below(64) < mood.tx;
        self.input.out_ready = (0..8).fold(0, |bits, channel| bits | u8::from(self.random.below(64) < mood.out) << channel);
        self.seen.out_beats += u64::from((self.input.out_ready & self.output.out_valid).count_ones());
        let sent = self.output.tx;
        self.cards.clock(&self.input, &mut self.output);
        if sent.valid && self.input.tx_ready && !self.is_down() {
            self.leave(&sent, mood);
        }
        self.now += 1;
    }

    /// What rests is started soon: a card that does nothing shows nothing.
    fn wake(&mut self) {
        let rests = |view: ChannelView| matches!(view.state, ChannelState::Idle | ChannelState::Error);
        if !self.random.once_in(4) {
            return;
        }
        let channel = self.random.below(self.channels as u64);
        let card = self.cards.first();
        if card.c2h(channel as usize).is_some_and(rests) {
            self.script.start_c2h(&mut self.software, channel, true, &mut self.random);
        } else if card.h2c(channel as usize).is_some_and(rests) {
            self.script.start_h2c(&mut self.software, channel, true, &mut self.random);
        }
    }

    fn is_down(&self) -> bool {
        self.input.reset || !self.input.link_up
    }

    fn reset(&mut self, mood: &Mood) {
        if self.down > 0 {
            self.down -= 1;
            if self.down == 0 {
                (self.input.reset, self.input.link_up) = (false, true);
                self.script.bring_up(&mut self.software, &mut self.random);
            }
        } else if mood.resets && self.random.once_in(1500) {
            self.down = 1 + self.random.below(12);
            self.input.reset = self.random.once_in(2);
            self.input.link_up = self.input.reset && self.random.once_in(2);
            self.seen.resets += 1;
            self.host.forget();
            self.script.forget();
            self.software.clear();
            self.finite = [(); 3].map(|()| self.random.once_in(3));
            self.granted = [(4, 100); 3];
            self.show_credits();
        }
    }

    fn show_credits(&mut self) {
        for class in 0..3 {
            let (headers, data) = self.granted[class];
            self.input.credits.0[class] = if self.finite[class] { Limit::initial(headers, data & 0xfff) } else { Limit::INFINITE };
        }
    }

    fn credits(&mut self) {
        let class = self.random.below(3) as usize;
        if self.finite[class] && self.random.once_in(8) {
            let (headers, data) = &mut self.granted[class];
            *headers = headers.wrapping_add(self.random.below(3) as u8);
            *data = data.wrapping_add(self.random.below(40) as u16);
            self.show_credits();
        }
    }

    /// The next beat towards the card.
    fn arrive(&mut self, mood: &Mood) {
        self.arriving = self.arriving.take().filter(|(tlp, beat)| *beat < self.width.beats(tlp.payload().len() as u32));
        self.input.rx = Beat::NONE;
        if self.random.below(64) >= mood.rx {
            return;
        }
        if self.arriving.is_none() {
            let answer = if self.random.once_in(4) { None } else { self.host.next(self.now) };
            self.arriving = answer.or_else(|| self.step()).map(|tlp| (tlp, 0));
        }
        if let Some((tlp, beat)) = &mut self.arriving {
            self.input.rx = tlp.beat(*beat, self.width);
            if self.output.rx_ready {
                *beat += 1;
                if self.input.rx.eop {
                    let start = &tlp.payload()[..tlp.payload().len().min(8)];
                    self.came.push(format!("{} {} {:08x?} {start:02x?}", self.now + 1, Header(tlp.header), tlp.header));
                    self.came.drain(..self.came.len().saturating_sub(8));
                }
            }
        }
    }

    /// What software does in this clock.
    fn step(&mut self) -> Option<TlpBuf> {
        if self.now < self.waits {
            return None;
        }
        match self.software.pop_front()? {
            Step::Tlp(tlp) => Some(tlp),
            Step::Wait(clocks) => {
                self.waits = self.now + clocks;
                None
            }
        }
    }

    fn front(&mut self, mood: &Mood) {
        for channel in 0..self.channels {
            let shown = self.input.front_valid >> channel & 1 != 0;
            if shown && self.output.front_ready >> channel & 1 == 0 {
                continue;
            }
            self.input.front_valid &= !(1 << channel);
            if self.random.below(64) >= mood.front {
                continue;
            }
            let left = &mut self.frames[channel];
            let width = self.width.bytes() as u8;
            let mut beat = FrontBeat::NONE;
            if *left == 0 {
                *left = 1 + if self.random.once_in(40) { self.random.below(1200) } else { self.random.below(90) };
            }
            *left -= 1;
            beat.last = *left == 0;
            beat.error = beat.last && self.random.once_in(8);
            beat.source = channel as u16;
            beat.bytes = if beat.last { self.random.below(u64::from(width) + 1) as u8 } else { width };
            let bits = self.random.bits().to_le_bytes();
            for (n, byte) in beat.data[..usize::from(beat.bytes)].iter_mut().enumerate() {
                *byte = bits[n % 8].wrapping_add(n as u8);
            }
            self.input.front[channel] = beat;
            self.input.front_valid |= 1 << channel;
        }
    }

    /// A beat of the card has passed.
    fn leave(&mut self, beat: &Beat, mood: &Mood) {
        self.leaving.push(beat);
        if !beat.eop {
            return;
        }
        let header = Header(self.leaving.header);
        match header.kind() {
            Kind::MemRead => {
                self.seen.reads += 1;
                self.host.read(header, self.now, mood.manners, &mut self.random);
            }
            Kind::CompletionData => {
                self.seen.completions += 1;
                let payload = self.leaving.payload().to_vec();
                self.script.answered(&mut self.software, &header, &payload, &mut self.host, &mut self.random);
            }
            _ => self.seen.writes += 1,
        }
    }
}
