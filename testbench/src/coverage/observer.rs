//! The observer: a middleware around a card that counts what passes and what the card shows of itself, and changes nothing.

use super::bin::bins;
use super::channels::{Channels, Level};
use super::tlps::Tlps;
use super::{Counts, Record};
use silico_spec::config::capabilities::pcie::device_control::INITIATE_FLR;
use silico_spec::credit::{Class, Consumed, Limits, data_credits};
use silico_spec::params::{DataWidth, MAX_C2H, MAX_H2C};
use silico_spec::port::{Inspect, Response, Stimulus, TlpPort};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Cycle, Cycles};
use std::sync::{Arc, Mutex, PoisonError};

bins! {
    /// What the link lets the card send.
    pub enum Grant {
        PostedHeaders => "posted headers used up",
        PostedData => "posted data used up",
        NonPosted => "non-posted headers used up",
        NonPostedData => "non-posted data used up" never "the card's requests that are not posted are reads: they carry no data",
        Completions => "completion headers used up",
        CompletionData => "completion data used up" never "the card owes one completion of two dwords at a time: the CPU waits for each of its reads",
        Infinite => "infinite in some class",
        NotReady => "transmit stream held",
        Gaps => "transmit stream held in single clocks",
    }
}

/// Where observers leave what they counted; a clone is the same place.
#[derive(Clone, Debug, Default)]
pub struct Covered(Arc<Mutex<Record>>);

impl Covered {
    /// All that observers have left here.
    #[must_use]
    pub fn record(&self) -> Record {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that observers have left here; nothing is left then.
    #[must_use]
    pub fn take(&self) -> Record {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a record, say of what a driver went through.
    pub fn add(&self, record: &Record) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).merge(record);
    }
}

/// A card with an observer around it. What it counted goes to [`Covered`] when it is dropped.
#[derive(Debug)]
pub struct Observer<P> {
    inner: P,
    covered: Covered,
    tlps: Tlps,
    channels: Channels,
    grants: Counts<Grant>,
    consumed: [Consumed; 3],
    up: bool,
    clocks: u64,
}

/// The first TLP on its way to the card: it may pass in the coming run.
struct Coming {
    header: Header,
    data: [u8; 8],
}

impl<P: TlpPort + Inspect> Observer<P> {
    /// Around `inner`.
    pub fn new(inner: P, covered: Covered) -> Self {
        Self {
            inner,
            covered,
            tlps: Tlps::default(),
            channels: Channels::default(),
            grants: Counts::default(),
            consumed: Default::default(),
            up: false,
            clocks: 0,
        }
    }

    fn follow_link(&mut self, stimulus: &Stimulus) {
        let up = !stimulus.reset && stimulus.link_up;
        if self.up && !up {
            self.channels.reset(if stimulus.reset { Level::Fundamental } else { Level::Link }, None);
            self.tlps.reset();
            self.consumed = Default::default();
        }
        self.up = up;
    }

    fn follow_credits(&mut self, limits: &Limits) {
        if !self.up || *limits == Limits::NONE {
            return;
        }
        let used_up =
            [(Class::Posted, Grant::PostedHeaders), (Class::NonPosted, Grant::NonPosted), (Class::Completion, Grant::Completions)];
        for (class, grant) in used_up {
            if !self.consumed[class as usize].allows(limits.of(class), 0) {
                self.grants.hit(grant);
            }
        }
        for (class, grant) in [(Class::Posted, Grant::PostedData), (Class::Completion, Grant::CompletionData)] {
            if limits.of(class).data() == Some(self.consumed[class as usize].data) {
                self.grants.hit(grant);
            }
        }
        if limits.0.iter().any(|limit| limit.headers().is_none()) {
            self.grants.hit(Grant::Infinite);
        }
    }

    fn came(&mut self, coming: &Coming) {
        self.tlps.received(&coming.header);
        match coming.header.kind() {
            Kind::MemWrite => self.came_write(&coming.header, &coming.data),
            Kind::CfgWrite0 if coming.header.first_be() & 2 != 0 => self.came_config(&coming.header, &coming.data),
            _ => {}
        }
    }

    /// Registers repeat from nowhere else: the low 16 bits of an address tell them, and a write to the other BAR that looks like a reset is none that a
    /// driver makes.
    fn came_write(&mut self, header: &Header, data: &[u8; 8]) {
        let at = (header.address().0 & 0xffff) as u32;
        let value = u64::from(u32::from_le_bytes([data[0], data[1], data[2], data[3]]));
        if at == card::CONTROL && card::control::RESET.is_set(value) {
            self.channels.reset(Level::Card, None);
        }
        let level = |reset: bool, run: bool| match (reset, run) {
            (true, _) => Some(Level::Channel),
            (false, false) => Some(Level::Stop),
            (false, true) => None,
        };
        let c2h_level = || level(c2h::control::RESET.is_set(value), c2h::control::RUN.is_set(value));
        let h2c_level = || level(h2c::control::RESET.is_set(value), h2c::control::RUN.is_set(value));
        let c2h = (0..MAX_C2H).find(|channel| c2h::offset(*channel as u32, c2h::CONTROL) == at);
        let h2c = (0..MAX_H2C).find(|channel| h2c::offset(*channel as u32, h2c::CONTROL) == at);
        if let (Some(channel), Some(level)) = (c2h, c2h_level()) {
            self.channels.reset(level, Some(channel));
        }
        if let (Some(channel), Some(level)) = (h2c, h2c_level()) {
            self.channels.reset(level, Some(MAX_C2H + channel));
        }
    }

    fn came_config(&mut self, header: &Header, data: &[u8; 8]) {
        let control = u32::from(u16::from_le_bytes([data[0], data[1]]));
        if header.config_offset() == self.inner.device_control() && control & INITIATE_FLR != 0 {
            self.channels.reset(Level::Function, None);
        }
    }
}

impl<P: TlpPort + Inspect> TlpPort for Observer<P> {
    fn width(&self) -> DataWidth {
        self.inner.width()
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        self.follow_link(stimulus);
        self.follow_credits(&stimulus.credits);
        if self.up && stimulus.tx_ready_at > now {
            self.grants.hit(Grant::NotReady);
        }
        if self.up && stimulus.tx_stall != 0 {
            self.grants.hit(Grant::Gaps);
        }
        let coming = stimulus.rx.front().filter(|_| self.up).map(|rx| {
            let mut data = [0; 8];
            let payload = rx.tlp.payload();
            let bytes = payload.len().min(8);
            data[..bytes].copy_from_slice(&payload[..bytes]);
            Coming { header: Header(rx.tlp.header), data }
        });
        let spare = stimulus.spare.len();
        self.inner.run(now, limit, stimulus, response);
        self.clocks += response.clocks.0;
        if let Some(coming) = coming.filter(|_| stimulus.spare.len() > spare) {
            self.came(&coming);
        }
        if response.tlp_done {
            let header = Header(response.tlp.header);
            self.consumed[header.kind().class() as usize].take(data_credits(header.payload_bytes()));
            self.tlps.sent(&header);
        }
        self.channels.look(&self.inner);
    }
}

impl<P> Drop for Observer<P> {
    fn drop(&mut self) {
        let mut record = Record::default();
        (record.cases, record.clocks) = (1, self.clocks);
        let Self { tlps, channels, grants, .. } = self;
        for (name, group) in [
            ("tlp: sent", tlps.sent.group()),
            ("tlp: received", tlps.received.group()),
            ("tlp: writes", tlps.writes.group()),
            ("tlp: reads", tlps.reads.group()),
            ("tlp: completions", tlps.splits.group()),
            ("link: what it lets the card send", grants.group()),
            ("channel: moves", channels.moves.group()),
            ("channel: activities", channels.doing.group()),
            ("channel: errors", channels.failures.group()),
            ("channel: laps", channels.laps.group()),
            ("channel: resets in the middle of", channels.resets.group()),
            ("tags", channels.tags.group()),
            ("channel: write-backs", channels.blocks.group()),
            ("channel: interrupts", channels.signals.group()),
            ("channel: pages", channels.pages.group()),
        ] {
            record.groups.insert(name.into(), group);
        }
        self.covered.add(&record);
    }
}
