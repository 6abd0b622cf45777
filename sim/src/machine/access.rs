//! What a CPU does: config requests, loads and stores to BARs, waiting for interrupts. Loads run the clock until the completion is
//! there; every wait has a limit.

use super::Machine;
use crate::check;
use crate::error::{MachineError, Refusal};
use crate::link::downlink::STORE_BUFFER;
use crate::root::bridge::Route;
use crate::root::requester::{Request, no_tag};
use silico_spec::credit::Class;
use silico_spec::tlp::Kind;
use silico_spec::units::{Bdf, BusAddr, Cycle, Cycles};

/// Between repetitions of a config request that was answered with CRS: 1 µs at 250 MHz.
const RETRY_PAUSE: Cycles = Cycles(250);

impl Machine {
    fn check_violation(&self) -> Result<(), MachineError> {
        self.violation.as_ref().map_or(Ok(()), |violation| Err(MachineError::Violation(violation.clone())))
    }

    fn check_usable(&self) -> Result<(), MachineError> {
        self.check_violation()?;
        if self.stimulus.link_up { Ok(()) } else { Err(self.down()) }
    }

    /// The link is down; and why, if it failed.
    fn down(&self) -> MachineError {
        self.link_failure.map_or(MachineError::LinkDown, MachineError::LinkFailed)
    }

    /// Sends a request and runs the clock until it is answered, within the completion timeout.
    fn transact(&mut self, request: Request, payload: &[u8], what: &dyn Fn() -> String) -> Result<[u8; 8], MachineError> {
        self.check_usable()?;
        let limit = self.config.host.completion_timeout;
        let Some(tag) = self.requester.open(request.expected) else {
            self.found(self.now, no_tag());
            return Err(MachineError::Timeout { what: what(), after: Cycles(0) });
        };
        let mut tlp = self.spare();
        tlp.set(request.header.with_tag(tag).0, payload);
        self.downlink.enqueue(self.now, Class::NonPosted, tlp);
        let deadline = self.now.after(limit);
        loop {
            if !self.stimulus.link_up {
                // It went down under the request, which is forgotten with all else.
                return Err(self.down());
            }
            if let Some(answer) = self.requester.answer(tag, self.now) {
                self.check_violation()?;
                return answer.data.map_err(|cause| MachineError::Rejected { what: what(), cause });
            }
            if self.violation.is_some() || self.now >= deadline {
                self.requester.abandon(tag);
                self.check_violation()?;
                self.found(self.now, check::liveness::finding(&what(), limit));
                return Err(MachineError::Timeout { what: what(), after: limit });
            }
            self.step(deadline.min(self.requester.answered_at(tag)));
        }
    }

    /// A config request to any function. Absent ones read as all ones; writes to them are lost. CRS is repeated up to the limit.
    pub(crate) fn config_request(&mut self, to: Bdf, offset: u16, first_be: u8, write: Option<u32>) -> Result<u32, MachineError> {
        if !offset.is_multiple_of(4) || offset > 4092 {
            let rule = "a multiple of 4 up to 4092".into();
            return Err(MachineError::Range { what: "config offset", value: offset.into(), rule });
        }
        self.catch_up();
        let (read_kind, write_kind) = match self.bridge.route(to) {
            Route::Own => {
                if let Some(value) = write {
                    self.bridge.write(offset, value);
                }
                return Ok(self.bridge.read(offset));
            }
            Route::Nobody => return Ok(u32::MAX),
            Route::Type0 => (Kind::CfgRead0, Kind::CfgWrite0),
            Route::Type1 => (Kind::CfgRead1, Kind::CfgWrite1),
        };
        let what = || format!("a config {} of {to} at {offset:#05x}", if write.is_some() { "write" } else { "read" });
        let kind = if write.is_some() { write_kind } else { read_kind };
        let request = Request::config(kind, to, offset, first_be);
        if let (Some(value), Kind::CfgWrite0) = (write, kind) {
            self.shadow.sending(to, offset, first_be, value);
        }
        let data = self.repeat(request, write, &what)?;
        if let (Some(value), Kind::CfgWrite0) = (write, kind) {
            self.shadow.done(offset, first_be, value);
        }
        Ok(u32::from_le_bytes([data[0], data[1], data[2], data[3]]))
    }

    /// While the answer is CRS, asks again (PCIe 4.0 §2.3.1: the root complex may re-issue the request).
    fn repeat(&mut self, request: Request, write: Option<u32>, what: &dyn Fn() -> String) -> Result<[u8; 8], MachineError> {
        let payload = write.map(u32::to_le_bytes);
        let payload = payload.as_ref().map_or(&[][..], |bytes| &bytes[..]);
        let limit = self.now.after(self.config.host.retry_limit);
        loop {
            match self.transact(request, payload, what) {
                Err(MachineError::Rejected { cause: Refusal::ConfigRetry, .. }) if self.now < limit => {
                    self.advance_to(self.now.after(RETRY_PAUSE));
                }
                result => return result,
            }
        }
    }

    fn bdf(&self) -> Result<Bdf, MachineError> {
        if !self.stimulus.link_up {
            return Err(self.down());
        }
        self.function.as_ref().map(|function| function.bdf).ok_or(MachineError::NotEnumerated)
    }

    /// Reads the dword at `offset` of the card's config space.
    ///
    /// # Errors
    /// If there was no successful completion, or a rule was broken.
    pub fn config_read(&mut self, offset: u16) -> Result<u32, MachineError> {
        let to = self.bdf()?;
        self.config_request(to, offset, 0xf, None)
    }

    /// Writes the dword at `offset` of the card's config space, and waits for the completion.
    ///
    /// # Errors
    /// If there was no successful completion, or a rule was broken.
    pub fn config_write(&mut self, offset: u16, value: u32) -> Result<(), MachineError> {
        let to = self.bdf()?;
        self.config_request(to, offset, 0xf, Some(value)).map(drop)
    }

    /// Bus address of `bytes` at `offset` of a BAR.
    fn bar_address(&self, bar: u8, offset: u64, bytes: u8) -> Result<BusAddr, MachineError> {
        let range = |what, value, rule: String| Err(MachineError::Range { what, value, rule });
        let function =
            self.function.as_ref().ok_or_else(|| if self.stimulus.link_up { MachineError::NotEnumerated } else { self.down() })?;
        let Some(Some(found)) = function.bars.get(usize::from(bar)) else {
            return range("BAR", bar.into(), "a memory BAR that the card has".into());
        };
        if !matches!(bytes, 1 | 2 | 4 | 8) {
            return range("access size", bytes.into(), "1, 2, 4 or 8 bytes".into());
        }
        if !offset.is_multiple_of(bytes.into()) || offset.checked_add(bytes.into()).is_none_or(|end| end > found.size) {
            return range("BAR offset", offset, format!("a multiple of {bytes} inside the {:#x} bytes of BAR{bar}", found.size));
        }
        Ok(found.address.offset(offset))
    }

    /// Loads 1, 2, 4 or 8 bytes (aligned) at `offset` of a BAR: runs the clock until the completion is there.
    ///
    /// # Errors
    /// If there was no successful completion, a rule was broken, or the arguments are out of their limits.
    pub fn read(&mut self, bar: u8, offset: u64, bytes: u8) -> Result<u64, MachineError> {
        self.catch_up();
        let address = self.bar_address(bar, offset, bytes)?;
        let completer = self.bdf()?;
        self.stats.mmio_reads += 1;
        let data =
            self.transact(Request::read(address, bytes, completer), &[], &|| format!("a read of {bytes} bytes at BAR{bar} + {offset:#x}"))?;
        let lead = if bytes < 4 { address.0 & 3 } else { 0 };
        let value = u64::from_le_bytes(data) >> (lead * 8);
        Ok(if bytes == 8 { value } else { value & ((1 << (bytes * 8)) - 1) })
    }

    /// Stores 1, 2, 4 or 8 bytes (aligned) at `offset` of a BAR. Posted: waits only when the store buffer is full.
    ///
    /// # Errors
    /// If a rule was broken, the arguments are out of their limits, or the card takes nothing.
    pub fn write(&mut self, bar: u8, offset: u64, bytes: u8, value: u64) -> Result<(), MachineError> {
        self.catch_up();
        self.check_usable()?;
        let address = self.bar_address(bar, offset, bytes)?;
        self.stats.mmio_writes += 1;
        self.cpu.charge(self.config.host.cpu.mmio_store.into());
        let limit = self.config.host.completion_timeout;
        let deadline = self.now.after(limit);
        while self.downlink.posted_waiting() >= STORE_BUFFER {
            if self.now >= deadline {
                let what = format!("a write of {bytes} bytes at BAR{bar} + {offset:#x}, for want of credits,");
                self.found(self.now, check::liveness::finding(&what, limit));
                return Err(MachineError::Timeout { what, after: limit });
            }
            self.step(deadline);
            self.check_usable()?;
        }
        if !self.stimulus.link_up {
            return Err(self.down());
        }
        let lead = if bytes < 4 { address.0 & 3 } else { 0 };
        let data = (value << (lead * 8)).to_le_bytes();
        let header = Request::write(address, bytes);
        let mut tlp = self.spare();
        tlp.set(header.0, &data[..header.length().bytes() as usize]);
        self.downlink.enqueue(self.now, Class::Posted, tlp);
        Ok(())
    }

    /// Waits until `vector` fires or `deadline` comes; what fired since the last wait counts. `true`: it fired.
    ///
    /// # Errors
    /// If a rule was broken, or no function has that many vectors.
    pub fn wait_interrupt(&mut self, vector: u16, deadline: Cycle) -> Result<bool, MachineError> {
        if usize::from(vector) >= check::interrupt::VECTORS {
            return Err(MachineError::Range { what: "vector", value: vector.into(), rule: "below 2048".into() });
        }
        self.catch_up();
        loop {
            self.check_violation()?;
            if self.interrupts.take(vector) {
                return Ok(true);
            }
            if self.now >= deadline {
                return Ok(false);
            }
            let next = self.interrupts.next().max(Cycle(self.now.0 + 1));
            self.step(deadline.min(next));
        }
    }

    /// Waits until the level of INTx `pin` (0: INTA) is `level`, or `deadline` comes. `true`: it is.
    ///
    /// # Errors
    /// If a rule was broken.
    pub fn wait_intx(&mut self, pin: u8, level: bool, deadline: Cycle) -> Result<bool, MachineError> {
        self.catch_up();
        loop {
            self.check_violation()?;
            if self.interrupts.levels() >> (pin & 3) & 1 == u8::from(level) {
                return Ok(true);
            }
            if self.now >= deadline {
                return Ok(false);
            }
            let next = self.interrupts.next().max(Cycle(self.now.0 + 1));
            self.step(deadline.min(next));
        }
    }
}
