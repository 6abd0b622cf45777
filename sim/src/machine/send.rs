//! Gives TLPs to the card: whose turn it is, what a completion carries, the wire, and when the card sees it.

use super::Machine;
use crate::check;
use crate::link::downlink::{Held, Turn};
use crate::link::wire_bytes;
use crate::memory::DeviceError;
use crate::root::HOST;
use crate::trace::{Note, Record, Way};
use silico_spec::credit::Class;
use silico_spec::port::{RxTlp, TlpBuf};
use silico_spec::tlp::{CompletionStatus, Header, Span, ecrc};
use silico_spec::units::{Cycle, Cycles, Dwords, Tag};

impl Machine {
    /// What is sent next, and when, with what is known now.
    #[inline]
    pub(super) fn next_send(&self) -> Option<(Cycle, Turn)> {
        match self.completer.next() {
            None if !self.downlink.has_requests() => None,
            completion => self.downlink.next(completion),
        }
    }

    /// Sends all that is due by now, in the order of time, with the credits known at each instant.
    #[inline]
    pub(super) fn send_due(&mut self) {
        loop {
            let next = self.next_send().filter(|(at, _)| *at <= self.now);
            let (grant, event) = (self.downlink.next_grant(), self.downlink.next_event());
            if event <= self.now && event <= grant && next.is_none_or(|(at, _)| event <= at) {
                self.downlink_event();
                continue;
            }
            if grant <= self.now && next.is_none_or(|(at, _)| grant <= at) {
                self.downlink.take_grant();
                continue;
            }
            match next {
                Some((at, Turn::Completion)) => self.send_completion(at),
                Some((at, turn)) => self.send_request(at, turn),
                None => return,
            }
        }
    }

    fn send_request(&mut self, at: Cycle, turn: Turn) {
        if let Some(tlp) = self.downlink.pop(turn) {
            let class = if turn == Turn::Posted { Class::Posted } else { Class::NonPosted };
            self.transmit(at, class, tlp, None);
        }
    }

    fn send_completion(&mut self, at: Cycle) {
        // The bytes are those of this instant.
        self.apply_writes(at);
        self.stats.passes.read += u64::from(self.completer.passes());
        let Some((request, piece)) = self.completer.take(at) else { return };
        let mut tlp = self.spare();
        tlp.set_len(piece.length.bytes() as usize);
        let status = self.fetch(&request, piece.offset, at, &mut tlp);
        let mut last = piece.last;
        tlp.header = piece.header(&request, HOST).0;
        if status != CompletionStatus::Success {
            self.completer.end(&request);
            last = true;
            tlp.set_len(0);
            let (requester, tag) = (request.requester(), request.tag());
            let header = Header::completion(false, HOST, status, piece.byte_count, requester, tag, piece.lower_address, Dwords(0));
            tlp.header = header.with_traffic_class(request.traffic_class()).with_attributes(request.attributes()).0;
        }
        self.transmit(at, Class::Completion, tlp, last.then_some(request.tag()));
    }

    /// Fills a completion from `offset` bytes into the request on.
    fn fetch(&mut self, request: &Header, offset: u32, at: Cycle, tlp: &mut TlpBuf) -> CompletionStatus {
        let (first, end) = Span::from_header(request).bounds();
        if end == 0 {
            // A zero-length read: what its one dword holds is undefined (PCIe 4.0 §2.2.5).
            tlp.payload_mut().fill(0);
            return CompletionStatus::Success;
        }
        let base = request.address().0;
        let (from, to) = (first.max(offset), end.min(offset + tlp.payload().len() as u32));
        let bytes = u64::from(to.saturating_sub(from));
        let result = self.cursor.read(base.wrapping_add(offset.into()), tlp.payload_mut(), u64::from(from - offset), bytes);
        let Err(error) = result else { return CompletionStatus::Success };
        self.found(at, check::bounds::finding("reads", base.wrapping_add(from.into()), bytes, error));
        if error == DeviceError::Unmapped { CompletionStatus::UnsupportedRequest } else { CompletionStatus::Success }
    }

    /// A buffer for a TLP.
    pub(super) fn spare(&mut self) -> TlpBuf {
        let mut tlp = self.stimulus.spare.pop().unwrap_or_default();
        tlp.discard = false;
        tlp
    }

    /// Puts a TLP on the wire at `at`. `ends`: the tag that is free when it arrives.
    fn transmit(&mut self, at: Cycle, class: Class, mut tlp: TlpBuf, ends: Option<Tag>) {
        let (mut header, len) = (Header(tlp.header), tlp.payload().len());
        if self.config.link.ecrc {
            header = header.with_digest(true);
            (tlp.header, tlp.digest) = (header.0, ecrc(&header, tlp.payload()));
        }
        let wire = wire_bytes(&header, len);
        self.downlink.note_passes(at, class, header.attributes().relaxed, &mut self.stats.passes);
        let arrives = self.downlink.send(at, class, len, wire, &mut self.stats.dll_to_card);
        self.stats.to_card.count(header.kind(), len, wire);
        let held = Held { tlp, ends };
        match (arrives, &mut self.downlink.dll) {
            (None, Some(dll)) => dll.hold(held),
            (arrives, _) => self.deliver(arrives.unwrap_or(at), held),
        }
    }

    /// The first beat of a TLP is at the card at `arrives`, or later, if it is to pause.
    #[inline]
    pub(super) fn deliver(&mut self, arrives: Cycle, Held { tlp, ends }: Held) {
        let (header, len) = (Header(tlp.header), tlp.payload().len());
        let mut arrives = arrives;
        let (pause, free, random) = &mut self.rx_pause;
        if pause.max() > 0 {
            arrives = arrives.max(*free);
            *free = arrives.after(Cycles(u64::from(self.width.beats(len as u32)) + pause.draw(random)));
        }
        if let Some(tag) = ends {
            self.tags.free(tag, arrives);
        }
        let record = Record { cycle: arrives, way: Way::ToCard, note: Note::Passed, len: len as u16, header };
        self.trace.record(record, tlp.payload());
        self.stimulus.rx.push_back(RxTlp { at: arrives, tlp });
    }
}
