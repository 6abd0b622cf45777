//! Takes a TLP from the card: the strict checks, credits, the wire, and where it goes from there.

use super::Machine;
use crate::check::{self, Finding, rule};
use crate::link::wire_bytes;
use crate::root::completer::MOST_READS;
use crate::root::interrupts::Event;
use crate::root::is_interrupt;
use crate::root::posted::{Slot, Write};
use crate::trace::{Note, Record, Way};
use silico_spec::credit::{Class, data_credits};
use silico_spec::tlp::{Header, Kind, Span};
use silico_spec::units::{Cycle, Cycles, Dwords};
use std::mem;

/// Message codes (PCIe 4.0 tables 2-19 and 2-22).
const ASSERT_INTA: u8 = 0x20;
const DEASSERT_INTD: u8 = 0x27;
const ERROR_CORRECTABLE: u8 = 0x30;
const ERROR_FATAL: u8 = 0x33;

impl Machine {
    /// The card has just sent the TLP in `response`.
    #[inline]
    pub(super) fn receive(&mut self) {
        let header = Header(self.response.tlp.header);
        let payload = self.response.tlp.payload().len();
        let (kind, class) = (header.kind(), header.kind().class());
        if !self.stimulus.link_up || self.response.tlp.discard {
            self.stats.discarded += u64::from(self.response.tlp.discard);
            self.record(if self.stimulus.link_up { Note::Discarded } else { Note::Lost });
            return;
        }
        let kept = self.judge_port(payload);
        let wire = wire_bytes(&header, payload);
        self.stats.to_host.count(kind, payload, wire);
        let data = data_credits(payload as u32);
        match self.judge(&header, class, payload).and(kept) {
            Ok(()) => {
                self.record(Note::Passed);
                if let Some(arrival) = self.send_up(&header, payload) {
                    self.route(&header, kind, data, arrival);
                }
            }
            Err(finding) => {
                let arrival = self.uplink.wire.send(self.now, wire).after(self.config.link.latency);
                self.refuse(&header, finding, arrival);
                self.grants.free(arrival, class, data);
            }
        }
        self.limit_card();
        let most = if class == Class::NonPosted { 0 } else { data_credits(self.shadow.limits.max_payload) };
        self.stats.credits_exhausted[class as usize] += u64::from(!self.grants.has_room(class, most));
    }

    /// The port's rules: when a TLP may begin, and how long it takes at least.
    #[inline]
    fn judge_port(&self, payload: usize) -> Result<(), Finding> {
        let first = self.response.tlp_first;
        if self.is_stalling && self.stalls[0].holds(first) {
            return Err(check::port::stalled(first));
        }
        let ready_at = self.uplink.ready.since(first, self.stimulus.tx_ready_at);
        check::port::judge(first, self.width.beats(payload as u32), self.now, ready_at)
    }

    fn record(&mut self, note: Note) {
        let tlp = &self.response.tlp;
        let record = Record { cycle: self.now, way: Way::ToHost, note, len: tlp.payload().len() as u16, header: Header(tlp.header) };
        self.trace.record(record, tlp.payload());
    }

    /// All that can be said of a TLP when it has left the card.
    #[inline]
    fn judge(&mut self, header: &Header, class: Class, payload: usize) -> Result<(), Finding> {
        let first = self.response.tlp_first;
        let credits = check::credits::judge(header, class, payload, first, &mut self.grants);
        check::well_formed::judge(header, payload, &self.shadow.limits)?;
        if self.config.link.ecrc {
            check::digest::judge(header, &self.response.tlp, self.shadow.digests)?;
        }
        check::requester_id::judge(header, class, self.shadow.assigned.filter(|_| self.shadow.id_known || class != Class::Completion))?;
        check::bus_master::judge(header, self.shadow.bus_master)?;
        check::ordering::judge(header, class, &self.shadow.allowed)?;
        if class == Class::NonPosted {
            self.tags.take(header, first)?;
        }
        credits
    }

    #[cold]
    fn refuse(&mut self, header: &Header, finding: Finding, arrival: Cycle) {
        let is_tag_taken = [rule::CREDITS, rule::PORT].contains(&finding.0);
        self.found(self.now, finding);
        self.record(Note::Refused);
        if header.kind().class() == Class::Completion {
            self.requester.spoil(header, arrival);
        }
        if is_tag_taken && header.kind().class() == Class::NonPosted {
            self.tags.free(header.tag(), arrival);
        }
    }

    #[inline]
    pub(super) fn route(&mut self, header: &Header, kind: Kind, data: u16, arrival: Cycle) {
        match kind {
            Kind::MemWrite => {
                let slot = self.posted.order(arrival, header.attributes().relaxed);
                self.stats.passes.relaxed_write += u64::from(slot.passes);
                self.grants.free(slot.drained, Class::Posted, data);
                self.take_write(header, slot);
            }
            Kind::MemRead => self.take_read(header, arrival),
            Kind::Completion | Kind::CompletionData => {
                self.grants.free(arrival, Class::Completion, data);
                self.take_completion(header, arrival);
            }
            _ => {
                let slot = self.posted.order(arrival, false);
                self.grants.free(slot.drained, Class::Posted, data);
                self.take_message(header, slot);
            }
        }
    }

    #[inline]
    fn take_write(&mut self, header: &Header, slot: Slot) {
        let address = header.address();
        if is_interrupt(address) {
            // A poisoned message is no interrupt (PCIe 4.0 §2.7.2: poisoned data is not used).
            if header.poisoned() {
                self.stats.poisoned += 1;
                return;
            }
            match check::interrupt::vector(header, self.response.tlp.payload()) {
                Ok(vector) => self.interrupt(slot, Event::Vector(vector)),
                Err(finding) => self.found(self.now, finding),
            }
            return;
        }
        let watched = self.cursor.watched(address.0);
        let tlp = mem::replace(&mut self.response.tlp, self.stimulus.spare.pop().unwrap_or_default());
        if watched && header.attributes().relaxed {
            self.found(self.now, check::ordering::polled(header));
        }
        self.posted.push(slot, watched, tlp);
    }

    /// The handler of an interrupt sees all that was written before it.
    fn interrupt(&mut self, slot: Slot, event: Event) {
        let entered = self.interrupts.push(slot.arrival, slot.drained, event);
        self.posted.show(entered);
    }

    fn take_read(&mut self, header: &Header, arrival: Cycle) {
        if self.completer.len() >= MOST_READS {
            self.grants.free(arrival, Class::NonPosted, 0);
            let what = format!("the card has more than {MOST_READS} reads in flight");
            return self.found(self.now, (rule::TAG, what));
        }
        let after = self.posted.all_drained();
        let left = self.completer.push(*header, arrival, after, self.max_payload());
        self.posted.show(left);
        self.grants.free(left, Class::NonPosted, 0);
    }

    fn take_completion(&mut self, header: &Header, arrival: Cycle) {
        // A completion does not pass earlier posted writes (PCIe 4.0 table 2-39, D2a), so a read of a register flushes them.
        let at = if header.attributes().relaxed { arrival } else { arrival.max(self.posted.all_drained()) };
        let returns = at.after(Cycles(self.mmio_latency.draw(&mut self.mmio_random)));
        if !header.attributes().relaxed {
            self.posted.show(returns);
        }
        match self.requester.accept(header, self.response.tlp.payload(), returns, self.shadow.id_known) {
            Ok(late) => self.stats.late_completions += u64::from(late),
            Err(finding) => self.found(self.now, finding),
        }
    }

    fn take_message(&mut self, header: &Header, slot: Slot) {
        match header.message_code() {
            code @ ASSERT_INTA..=DEASSERT_INTD => self.interrupt(slot, Event::Level(code & 3, code & 4 == 0)),
            code @ ERROR_CORRECTABLE..=ERROR_FATAL => {
                let index = usize::from(code - ERROR_CORRECTABLE).min(2);
                self.stats.error_messages[index] += 1;
            }
            _ => {}
        }
    }

    /// Max_Payload_Size of the link, as programmed into both ends.
    pub(super) const fn max_payload(&self) -> u32 {
        self.shadow.limits.max_payload
    }

    /// Makes posted writes visible that are due by `by`.
    #[inline]
    pub(super) fn apply_writes(&mut self, by: Cycle) {
        if self.posted.next(true) <= by {
            self.apply_due(by);
        }
    }

    fn apply_due(&mut self, by: Cycle) {
        while let Some(write) = self.posted.pop(by) {
            self.apply(&write);
            if write.rest.0 == Cycle::NEVER {
                self.stimulus.spare.push(write.tlp);
            } else {
                self.posted.push_rest(write);
            }
        }
    }

    #[inline]
    fn apply(&mut self, write: &Write) {
        let header = Header(write.tlp.header);
        if header.poisoned() {
            self.stats.poisoned += u64::from(write.rest.0 == Cycle::NEVER);
            return;
        }
        let (first, last, length) = (header.first_be(), header.last_be(), header.length());
        let result = if first == 0xf && (last == 0xf || length == Dwords(1)) {
            let part = &write.tlp.payload()[usize::from(write.part.start)..usize::from(write.part.end)];
            let address = header.address().0.wrapping_add(write.part.start.into());
            self.cursor.write(address, part).map_err(|error| (address, part.len() as u64, error))
        } else {
            self.apply_parts(&header, write.tlp.payload())
        };
        self.writes += 1;
        self.wakes += u64::from(write.watched);
        if let Err((address, len, error)) = result {
            self.found(write.visible, check::bounds::finding("writes", address, len, error));
        }
    }

    /// A write with holes: each run of enabled bytes by itself.
    fn apply_parts(&mut self, header: &Header, payload: &[u8]) -> Result<(), (u64, u64, crate::memory::DeviceError)> {
        let span = Span::from_header(header);
        let mut at = 0;
        while at < payload.len() {
            if !span.enabled(at as u32) {
                at += 1;
                continue;
            }
            let end = (at..payload.len()).find(|&index| !span.enabled(index as u32)).unwrap_or(payload.len());
            let address = header.address().0.wrapping_add(at as u64);
            self.cursor.write(address, &payload[at..end]).map_err(|error| (address, (end - at) as u64, error))?;
            at = end;
        }
        Ok(())
    }

    #[cold]
    pub(super) fn deliver_interrupts(&mut self) {
        while let Some(event) = self.interrupts.deliver(self.now) {
            self.writes += 1;
            self.wakes += 1;
            match event {
                Event::Vector(vector) => {
                    let counts = &mut self.stats.interrupts;
                    if counts.len() <= usize::from(vector) {
                        counts.resize(usize::from(vector) + 1, 0);
                    }
                    counts[usize::from(vector)] += 1;
                }
                Event::Level(..) => self.stats.intx_changes += 1,
            }
        }
    }
}
