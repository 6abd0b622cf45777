//! Executes requests: one dword of one request a clock, and the completions that are owed for it.

use crate::c2h::Write;
use crate::card::Card;
use crate::config::ErrorKind;
use crate::receive::{Head, PostedWrite, Request};
use crate::registers::{Place, Shown, place};
use silico_spec::tlp::{AtomicOp, CompletionStatus, Header, Kind};
use silico_spec::units::Dwords;

/// Most dwords of a register access.
pub(crate) const MAX_DWORDS: u32 = 2;

/// A completion on its way to the transmitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) header: Header,
    pub(crate) data: [u32; MAX_DWORDS as usize],
}

/// The access under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    head: Head,
    dword: u32,
    data: [u32; MAX_DWORDS as usize],
}

/// Offset of the first enabled byte and number of bytes from it to the last enabled one (PCIe 4.0 table 2-37): a zero-length read counts one.
pub(crate) fn enabled_span(header: &Header) -> (u32, u32) {
    let dwords = header.length().0;
    let (first, last) = (u32::from(header.first_be()), u32::from(header.last_be()));
    if first == 0 && dwords == 1 {
        return (0, 1);
    }
    let from = first.trailing_zeros().min(3);
    let end = if dwords == 1 { 32 - first.leading_zeros() } else { (dwords - 1) * 4 + (32 - last.leading_zeros()) };
    (from, end.saturating_sub(from).max(1))
}

/// Byte enables of a dword of a register access: it has two at most.
fn enables(header: &Header, dword: u32) -> u8 {
    if dword == 0 { header.first_be() } else { header.last_be() }
}

impl Card {
    /// One clock of the access engine. Returns whether anything was done.
    pub(crate) fn access(&mut self) -> bool {
        if self.access.is_none() {
            let answerable = self.completions.len() < self.params.np_depth.into() && !self.flr_pending;
            let Some(head) = self.receiver.head(answerable) else { return false };
            self.access = Some(Access { head, dword: 0, data: [0; 2] });
        }
        let Some(mut access) = self.access else { return false };
        let finished = match access.head {
            Head::Posted(write) => {
                self.write_dword(&write, access.dword);
                access.dword += 1;
                access.dword == write.request.header.length().0
            }
            Head::NonPosted(request) => self.answer(&request, &mut access),
        };
        if finished {
            self.receiver.pop(&access.head);
            self.access = None;
        } else {
            self.access = Some(access);
        }
        true
    }

    fn write_dword(&mut self, write: &PostedWrite, dword: u32) {
        let enables = enables(&write.request.header, dword);
        if enables == 0 {
            return;
        }
        let offset = write.offset + 4 * dword;
        let data = write.request.data[dword as usize];
        match write.bar {
            0 => self.write_register(offset, Write::new(data, enables)),
            _ => {
                self.msix.write(offset, data, enables);
            }
        }
    }

    /// Answers a non-posted request, a dword of it in this clock. Returns whether it is done.
    fn answer(&mut self, request: &Request, access: &mut Access) -> bool {
        let header = &request.header;
        match header.kind() {
            Kind::CfgRead0 | Kind::CfgWrite0 if header.destination().function() != 0 => self.reject(header, ErrorKind::UnsupportedRequest),
            Kind::CfgRead0 => {
                let value = self.config.read(header.config_offset());
                self.complete(header, [value, 0], 4, 0);
            }
            Kind::CfgWrite0 if header.poisoned() => self.reject(header, ErrorKind::PoisonedTlp),
            Kind::CfgWrite0 => self.write_config(request),
            Kind::MemRead => return self.read_dword(header, access),
            _ => self.reject(header, ErrorKind::UnsupportedRequest),
        }
        true
    }

    fn write_config(&mut self, request: &Request) {
        let header = &request.header;
        self.config.capture(header.destination());
        let effects = self.config.write(header.config_offset(), request.data[0], header.first_be());
        self.apply(effects);
        let completion =
            Header::completion(false, self.config.bdf(), CompletionStatus::Success, 4, header.requester(), header.tag(), 0, Dwords(0));
        self.owe(header, completion, [0; 2]);
    }

    fn read_dword(&mut self, header: &Header, access: &mut Access) -> bool {
        let Some((bar, offset)) = self.config.claims(header.address()) else {
            self.reject(header, ErrorKind::UnsupportedRequest);
            return true;
        };
        if header.length().0 > MAX_DWORDS {
            self.reject(header, ErrorKind::CompleterAbort);
            return true;
        }
        // A zero-length read touches nothing: it only flushes.
        if enables(header, access.dword) != 0 {
            let at = offset + 4 * access.dword;
            access.data[access.dword as usize] = if bar == 0 { self.read_register(at) } else { self.msix.read(at) };
        }
        access.dword += 1;
        if access.dword < header.length().0 {
            return false;
        }
        let (from, bytes) = enabled_span(header);
        let lower = header.address().0 as u8 & 0x7c | from as u8;
        self.complete(header, access.data, bytes, lower);
        true
    }

    fn complete(&mut self, request: &Header, data: [u32; 2], bytes: u32, lower: u8) {
        let length = request.length();
        let completion = Header::completion(
            true,
            self.config.bdf(),
            CompletionStatus::Success,
            bytes,
            request.requester(),
            request.tag(),
            lower,
            length,
        );
        self.owe(request, completion, data);
    }

    /// Answers with UR or CA, and logs why.
    fn reject(&mut self, request: &Header, error: ErrorKind) {
        self.log(error, Some(request));
        let status =
            if error == ErrorKind::CompleterAbort { CompletionStatus::CompleterAbort } else { CompletionStatus::UnsupportedRequest };
        let (bytes, lower) = match request.kind() {
            Kind::MemRead | Kind::MemReadLocked => {
                let (from, bytes) = enabled_span(request);
                (bytes, request.address().0 as u8 & 0x7c | from as u8)
            }
            // The result of a compare-and-swap is half of its operands.
            Kind::Atomic(AtomicOp::CompareAndSwap) => (request.length().bytes() / 2, 0),
            Kind::Atomic(_) => (request.length().bytes(), 0),
            _ => (4, 0),
        };
        let mut completion =
            Header::completion(false, self.config.bdf(), status, bytes, request.requester(), request.tag(), lower, Dwords(0));
        if request.kind() == Kind::MemReadLocked {
            completion.0[0] |= u32::from(Kind::CompletionLocked.code()) << 24;
        }
        self.owe(request, completion, [0; 2]);
    }

    /// A completion keeps the attributes and the traffic class of its request (PCIe 4.0 §2.2.9).
    fn owe(&mut self, request: &Header, completion: Header, data: [u32; 2]) {
        let header = completion.with_traffic_class(request.traffic_class()).with_attributes(request.attributes());
        self.completions.push_back(Completion { header, data });
    }

    fn read_register(&mut self, offset: u32) -> u32 {
        match place(offset) {
            Place::C2h(channel, within) => self.channels.get_mut(channel).map_or(0, |channel| channel.read(within)),
            Place::H2c(channel, within) => self.h2c.get_mut(channel).map_or(0, |channel| channel.read(within)),
            Place::Card => {
                let tags = self.reads.tally();
                let shown = Shown { params: &self.params, cycles: self.cycles, channels: &self.channels, h2c: &self.h2c, tags };
                self.registers.read(offset, &shown)
            }
        }
    }

    fn write_register(&mut self, offset: u32, write: Write) {
        self.intx.stale = true;
        let hit = match place(offset) {
            Place::C2h(channel, within) => self.write_c2h(channel, within, write),
            Place::H2c(channel, within) => self.write_h2c(channel, within, write),
            Place::Card => {
                let asked = self.registers.write(offset, write);
                self.obey(asked);
                true
            }
        };
        if !hit {
            self.registers.count_hole();
        }
    }

    fn write_c2h(&mut self, channel: usize, within: u32, write: Write) -> bool {
        let env = self.env;
        let Some(unit) = self.channels.get_mut(channel) else { return false };
        let hit = unit.write(within, write);
        unit.refresh(&env);
        self.awake.insert(channel);
        self.note_paged(channel);
        hit
    }
}
