//! A scripted card: a small config space, two BARs of plain bytes, and a list of TLPs to send. What it sends can be tampered with, so that each
//! checker meets a card that breaks its rule.

use silico_sim::{Machine, MachineConfig};
use silico_spec::config::capabilities::{extended_header, standard_header};
use silico_spec::credit::{Class, Consumed, Limit, Limits, data_credits};
use silico_spec::params::DataWidth;
use silico_spec::port::{Response, Stimulus, TlpBuf, TlpPort};
use silico_spec::tlp::{CompletionStatus, Header, Kind, Span};
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles, Dwords, Tag};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) const CARD: Bdf = Bdf::from_bits(0x100);
pub(crate) const BAR0: u64 = 64 << 10;

/// A TLP to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) at: Cycle,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

type Tamper = Box<dyn FnMut(&mut Out) -> bool + Send>;

/// What test and card share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Requests that wait to be sent, in order.
    pub(crate) requests: VecDeque<Out>,
    /// Everything that arrived: when its last beat passed.
    pub(crate) arrived: Vec<(Cycle, Header, Vec<u8>)>,
    /// Last beats of what was sent.
    pub(crate) sent: Vec<(Cycle, Header)>,
    /// Changes what is sent; `false` swallows it.
    pub(crate) tamper: Option<Tamper>,
    /// Sends without credits.
    pub(crate) greedy: bool,
    /// Sends a TLP in one clock, ready or not.
    pub(crate) hasty: bool,
    /// Says so many clocks too many.
    pub(crate) overrun: u64,
    /// Grants so many posted headers, once.
    pub(crate) grant: u8,
    /// What the card grants, and whether it gives posted credits back.
    pub(crate) hoard: bool,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) type Handle = Arc<Mutex<Shared>>;

pub(crate) fn lock(shared: &Handle) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap()
}

pub(crate) struct Card {
    shared: Handle,
    width: DataWidth,
    space: Vec<u32>,
    writable: Vec<u32>,
    answers: VecDeque<Out>,
    sending: Option<(Out, u32)>,
    used: [Consumed; 3],
    granted: Limits,
}

fn space() -> (Vec<u32>, Vec<u32>) {
    let (mut space, mut writable) = (vec![0; 1024], vec![0; 1024]);
    let fields: [(usize, u32, u32); 16] = [
        (0x00, 0x51c0_10dc, 0),
        (0x04, 1 << 20, 0x0000_0547),
        (0x08, 0x1180_0003, 0),
        (0x10, 0x4, 0xffff_0000),
        (0x14, 0, u32::MAX),
        (0x18, 0xc, 0xffff_c000),
        (0x1c, 0, u32::MAX),
        (0x20, 0x1, 0xffff_ff00),
        (0x34, 0x40, 0),
        (0x40, standard_header(0x10, 0x80, 2), 0),
        (0x44, 1 << 28 | 1 << 15 | 1 << 5 | 3, 0),
        (0x48, 0x2010, 0x0000_ffff),
        (0x80, standard_header(0x11, 0, 15), 0xc000_0000),
        (0x84, 2, 0),
        (0x88, 0x2002, 0),
        (0x100, extended_header(3, 1, 0), 0),
    ];
    for (offset, value, mask) in fields {
        (space[offset / 4], writable[offset / 4]) = (value, mask);
    }
    (space, writable)
}

impl Card {
    pub(crate) fn new(width: DataWidth) -> (Self, Handle) {
        let shared = Handle::default();
        lock(&shared).bytes = vec![0; BAR0 as usize];
        let (space, writable) = space();
        let granted = Limits([Limit::initial(8, 64), Limit::initial(4, 4), Limit::INFINITE]);
        let card = Self {
            shared: shared.clone(),
            width,
            space,
            writable,
            answers: VecDeque::new(),
            sending: None,
            used: Default::default(),
            granted,
        };
        (card, shared)
    }

    /// What arrived is answered in the next clock.
    fn take(&mut self, now: Cycle, tlp: &TlpBuf) {
        let header = Header(tlp.header);
        let payload = tlp.payload().to_vec();
        let class = header.kind().class();
        if !(class == Class::Posted && lock(&self.shared).hoard) {
            self.granted.of_mut(class).grant(1, data_credits(payload.len() as u32));
        }
        match header.kind() {
            Kind::CfgRead0 => self.answer(
                now,
                &header,
                CompletionStatus::Success,
                Some(self.space[usize::from(header.config_offset()) / 4].to_le_bytes().to_vec()),
            ),
            Kind::CfgWrite0 => {
                let index = usize::from(header.config_offset()) / 4;
                let mut mask = self.writable[index];
                for byte in 0..4 {
                    mask &= if header.first_be() >> byte & 1 == 0 { !(0xff << (8 * byte)) } else { u32::MAX };
                }
                let value = u32::from_le_bytes(payload[..4].try_into().unwrap());
                self.space[index] = self.space[index] & !mask | value & mask;
                self.answer(now, &header, CompletionStatus::Success, None);
            }
            Kind::MemRead => {
                let from = header.address().0 as usize % BAR0 as usize;
                let data = lock(&self.shared).bytes[from..from + header.length().bytes() as usize].to_vec();
                self.answer(now, &header, CompletionStatus::Success, Some(data));
            }
            Kind::MemWrite => {
                let from = header.address().0 as usize % BAR0 as usize;
                let span = Span::from_header(&header);
                for (index, byte) in payload.iter().enumerate().filter(|(index, _)| span.enabled(*index as u32)) {
                    lock(&self.shared).bytes[from + index] = *byte;
                }
            }
            Kind::CfgRead1 | Kind::CfgWrite1 => self.answer(now, &header, CompletionStatus::UnsupportedRequest, None),
            _ => {}
        }
        lock(&self.shared).arrived.push((now, header, payload));
    }

    fn answer(&mut self, now: Cycle, request: &Header, status: CompletionStatus, data: Option<Vec<u8>>) {
        let memory = request.kind() == Kind::MemRead;
        let span = Span::from_header(request);
        let (count, lower) = if memory { (span.byte_count(), (span.first_byte().0 & 0x7f) as u8) } else { (4, 0) };
        let completer = request.destination();
        let completer = if memory { CARD } else { completer };
        let length = Dwords(data.as_ref().map_or(0, |data| data.len() as u32 / 4));
        let header = Header::completion(data.is_some(), completer, status, count, request.requester(), request.tag(), lower, length);
        let mut out = Out { at: now, header, payload: data.unwrap_or_default() };
        let keep = lock(&self.shared).tamper.as_mut().is_none_or(|tamper| tamper(&mut out));
        if keep {
            self.answers.push_back(out);
        }
    }

    /// Picks what to send, if there are credits for it.
    fn pick(&mut self, now: Cycle, stimulus: &Stimulus) {
        if self.sending.is_some() || !stimulus.link_up {
            return;
        }
        let mut shared = lock(&self.shared);
        let used = &self.used;
        let fits = |out: &Out| {
            let class = out.header.kind().class();
            used[class as usize].allows(stimulus.credits.of(class), data_credits(out.payload.len() as u32))
        };
        let out = if self.answers.front().is_some_and(fits) {
            self.answers.pop_front()
        } else {
            let greedy = shared.greedy;
            let next = shared.requests.front().is_some_and(|out| out.at <= now && (greedy || fits(out)));
            if next { shared.requests.pop_front() } else { None }
        };
        if let Some(out) = out {
            self.used[out.header.kind().class() as usize].take(data_credits(out.payload.len() as u32));
            self.sending = Some((out, 0));
        }
    }

    fn reset(&mut self) {
        (self.space, self.writable) = space();
        self.answers.clear();
        self.sending = None;
        self.used = Default::default();
        self.granted = Limits([Limit::initial(8, 64), Limit::initial(4, 4), Limit::INFINITE]);
    }

    /// One clock. Returns whether something came of it.
    fn clock(&mut self, now: Cycle, index: u64, stimulus: &mut Stimulus, response: &mut Response) -> bool {
        let mut ended = false;
        if stimulus.reset {
            self.reset();
        }
        let hasty = lock(&self.shared).hasty;
        if (hasty || stimulus.tx_ready(now, index))
            && let Some((out, passed)) = &mut self.sending
        {
            if *passed == 0 {
                response.tlp_first = now;
            }
            *passed += if hasty { self.width.beats(out.payload.len() as u32) } else { 1 };
            if *passed == self.width.beats(out.payload.len() as u32) {
                response.tlp.set(out.header.0, &out.payload);
                response.tlp_done = true;
                lock(&self.shared).sent.push((now, out.header));
                self.sending = None;
                ended = true;
            }
        }
        self.pick(now, stimulus);
        if stimulus.rx.front().is_some_and(|rx| rx.at <= now) && stimulus.rx_shown(index) {
            stimulus.rx_passed += 1;
            let rx = stimulus.rx.front().unwrap();
            if stimulus.rx_passed == self.width.beats(rx.tlp.payload().len() as u32) {
                let tlp = rx.tlp.clone();
                stimulus.rx_done();
                self.take(now, &tlp);
                ended = true;
            }
        }
        ended | (response.credits != Some(self.granted))
    }

    /// Nothing happens before this cycle.
    fn idle_until(&self, stimulus: &Stimulus) -> Cycle {
        if self.sending.is_some() || !self.answers.is_empty() || stimulus.reset {
            return Cycle(0);
        }
        let rx = stimulus.rx.front().map_or(Cycle::NEVER, |rx| rx.at);
        rx.min(lock(&self.shared).requests.front().map_or(Cycle::NEVER, |out| out.at))
    }
}

impl TlpPort for Card {
    fn width(&self) -> DataWidth {
        self.width
    }

    fn run(&mut self, now: Cycle, limit: Cycles, stimulus: &mut Stimulus, response: &mut Response) {
        let mut index = 0;
        let mut ended = false;
        while index < limit.0 && !ended {
            let at = Cycle(now.0 + index);
            let idle = self.idle_until(stimulus).since(at).0.min(limit.0 - index);
            if idle > 1 {
                index += idle;
                continue;
            }
            ended = self.clock(at, index, stimulus, response);
            index += 1;
        }
        let mut shared = lock(&self.shared);
        self.granted.of_mut(Class::Posted).grant(std::mem::take(&mut shared.grant), 0);
        response.credits = Some(self.granted);
        response.clocks = Cycles(index.saturating_add(shared.overrun));
    }
}

/// A machine with a scripted card in it, enumerated.
pub(crate) fn machine(config: MachineConfig) -> (Machine, Handle) {
    machine_of(config, DataWidth::W256)
}

pub(crate) fn machine_of(config: MachineConfig, width: DataWidth) -> (Machine, Handle) {
    let (card, shared) = Card::new(width);
    let mut machine = Machine::new(config, Box::new(card), 0).unwrap();
    machine.enumerate().unwrap();
    (machine, shared)
}

pub(crate) fn write(address: u64, payload: Vec<u8>) -> Out {
    let header = Header::memory(Kind::MemWrite, CARD, Tag(0), BusAddr(address), Dwords(payload.len() as u32 / 4));
    Out { at: Cycle(0), header, payload }
}

pub(crate) fn read(address: u64, dwords: u32, tag: u16) -> Out {
    let header = Header::memory(Kind::MemRead, CARD, Tag(tag), BusAddr(address), Dwords(dwords));
    Out { at: Cycle(0), header, payload: Vec::new() }
}

pub(crate) fn send(shared: &Handle, outs: impl IntoIterator<Item = Out>) {
    lock(shared).requests.extend(outs);
}

/// Completions that arrived for reads of the card.
pub(crate) fn completions(shared: &Handle) -> Vec<(Cycle, Header, Vec<u8>)> {
    lock(shared).arrived.iter().filter(|(_, header, _)| header.kind().class() == Class::Completion).cloned().collect()
}

/// Runs for a span.
pub(crate) fn run(machine: &mut Machine, span: u64) {
    machine.advance_to(machine.now().after(Cycles(span)));
}
