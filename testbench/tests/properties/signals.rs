//! Waits and interrupts: who sleeps is woken, and finds a reason.

use crate::coverage::{self, Cause, Signal};
use crate::scenario::WaitKind;
use crate::senders::VECTORS;
use crate::strategies::MOST_DELAY;
use crate::world::World;
use silico_driver::channel::{Wait, WaitMode};
use silico_driver::platform::{InterruptKind, Interrupts, Platform, Registers, Time, Wake};
use silico_spec::config::capabilities::{msi, msix, standard_id};
use silico_spec::config::header;
use silico_spec::params::PBA_OFFSET;
use silico_spec::registers::c2h;

/// BAR with the MSI-X table and PBA.
const BAR2: u8 = 2;

impl World {
    /// The driver's wait. Returns whether it found something.
    pub(crate) fn wait(&mut self, index: usize, kind: WaitKind, ns: u64) -> Result<bool, String> {
        let (deadline, deaf) = (self.in_ns(ns), self.is_deaf(index));
        let lane = &mut self.lanes[index];
        let (mode, was_running, masked) = (lane.shape.wait_mode(kind), lane.is_running(), deaf);
        let before = lane.ring().wait_stats().woken;
        let waited = lane.ring().wait_as(mode, deadline);
        coverage::waited(mode, &waited);
        if lane.ring().wait_stats().woken > before {
            coverage::woken(self.machine.irqs(), Cause::Data);
        }
        match waited {
            Ok(Wait::Ready) if self.take(index)? => Ok(true),
            Ok(Wait::Ready) => Err(format!("channel {index}: the wait said ready, and there is no frame")),
            Ok(Wait::Deadline) => Ok(false),
            // Nobody is woken through a masked vector; what is pending comes with its unmasking.
            Ok(Wait::LostWakeUp { .. }) if masked => Ok(false),
            Ok(Wait::LostWakeUp { frames }) => Err(format!("channel {index}: {frames} frames lay there, armed for, and no interrupt came")),
            Ok(Wait::Ended) if was_running => Err(format!("channel {index}: the wait said ended on a running channel")),
            Ok(Wait::Ended) => Ok(false),
            Err(error) => {
                if mode == WaitMode::Interrupt && was_running {
                    coverage::woken(self.machine.irqs(), Cause::Error);
                }
                self.failed(index, error).map(|()| false)
            }
        }
    }

    /// Clocks that faults may cost in all.
    pub(crate) const fn held_up(&self) -> u64 {
        self.faults * 2 * MOST_DELAY as u64
    }

    /// Clocks within which the interrupt for a frame that is in the ring reaches the host, all else going on.
    pub(crate) fn signal_clocks(&self) -> u64 {
        let interrupt = self.machine.interrupt_ns.0.max(self.machine.interrupt_ns.1);
        5000 + self.held_up() + 64 * self.machine.clocks_per_tlp() + u64::from(interrupt) / 4
    }

    /// Arms and sleeps by hand, from a state in which no earlier arming owes anything: an interrupt must have a frame behind it, and a frame an interrupt.
    pub(crate) fn arm_and_sleep(&mut self, index: usize, ns: u64) -> Result<(), String> {
        let lane = &self.lanes[index];
        let idle = !lane.is_running() || lane.is_doubtful() || !self.enabled;
        if idle || !self.has_own_vectors() || lane.shape.coalescing().is_none() {
            return Ok(());
        }
        self.take_some(index)?;
        if self.is_armed(index)? || self.pending_bit(index)? {
            return Ok(());
        }
        self.advance(self.signal_clocks());
        self.take_some(index)?;
        self.hush(index)?;
        let (seen, masked) = (self.lanes[index].oracle.taken(), self.is_deaf(index));
        self.lanes[index].armed += 1;
        let at_once = self.register(index, c2h::FRAMES)? > seen;
        self.set_register(index, c2h::INT_DATA_ARM, seen)?;
        if self.listen(index, ns)? == Wake::Interrupt {
            let (frames, _) = self.lanes[index].coalescing;
            let many = self.register(index, c2h::FRAMES)? - seen >= frames.into();
            coverage::signal(match (at_once, many) {
                (true, _) => Signal::AtOnce,
                (false, true) => Signal::ByCount,
                (false, false) => Signal::ByTimer,
            });
            return match (masked, self.take(index)?) {
                (true, _) => Err(format!("channel {index}: an interrupt on a masked vector")),
                (false, true) => Ok(()),
                (false, false) => Err(format!("channel {index}: an interrupt, armed for frames beyond {seen}, with none behind it")),
            };
        }
        let beyond = self.register(index, c2h::FRAMES)? - seen;
        let (frames, time) = self.lanes[index].coalescing;
        if beyond == 0 || (beyond < u64::from(frames) && time == 0) {
            return Ok(());
        }
        let grace = self.clocks_to_ns(self.signal_clocks() + u64::from(time));
        match (masked, self.listen(index, grace)?) {
            (false, Wake::Interrupt) => Ok(()),
            (true, Wake::Interrupt) => Err(format!("channel {index}: an interrupt on a masked vector")),
            (true, Wake::Deadline) if self.pending_bit(index)? => Ok(()),
            (true, Wake::Deadline) => Err(format!("channel {index}: a masked vector forgot that {beyond} frames came beyond {seen}")),
            (false, Wake::Deadline) => Err(format!(
                "channel {index}: armed for frames beyond {seen}, {beyond} were delivered, and no interrupt came in {grace} ns"
            )),
        }
    }

    pub(crate) fn is_armed(&self, index: usize) -> Result<bool, String> {
        Ok(c2h::status::ARMED.is_set(self.register32(index, c2h::STATUS)?.into()))
    }

    /// Waits for the channel's vector, whatever fired since the last time included.
    /// Where vectors are shared, nobody can tell whose it was: time passes.
    pub(crate) fn listen(&self, index: usize, ns: u64) -> Result<Wake, String> {
        if !self.has_own_vectors() {
            self.platform.pause(self.in_ns(ns));
            return Ok(Wake::Deadline);
        }
        self.platform.interrupts().wait(index as u16, self.in_ns(ns)).map_err(|error| format!("waiting for vector {index}: {error}"))
    }

    /// Whatever fired until now is no answer to what comes: messages, and kicks of the driver's own (one of each may be latched).
    pub(crate) fn hush(&self, index: usize) -> Result<(), String> {
        while self.listen(index, 0)? == Wake::Interrupt {}
        Ok(())
    }

    pub(crate) fn pending_bit(&self, index: usize) -> Result<bool, String> {
        let offset = u64::from(PBA_OFFSET) + index as u64 / 32 * 4;
        let word = self.platform.machine().read(BAR2, offset, 4).map_err(|error| format!("PBA: {error}"))?;
        Ok(word >> (index % 32) & 1 != 0)
    }

    /// Masks or unmasks a channel's vector. What is pending then comes, once.
    pub(crate) fn mask(&mut self, index: usize, on: bool) -> Result<(), String> {
        if !self.has_own_vectors() {
            return Ok(());
        }
        let masked = match index.checked_sub(VECTORS) {
            Some(sender) => &mut self.senders[sender].masked,
            None => &mut self.lanes[index].masked,
        };
        let was_masked = std::mem::replace(masked, on);
        let pending = !on && was_masked && !self.all_masked && self.bus_master && {
            let bit = self.pending_bit(index)?;
            // What fired before the masking is no answer.
            self.hush(index)?;
            bit
        };
        let offset = index as u64 * 16 + 12;
        self.platform.machine().write(BAR2, offset, 4, on.into()).map_err(|error| format!("MSI-X table: {error}"))?;
        if pending && self.listen(index, self.clocks_to_ns(self.signal_clocks()))? == Wake::Deadline {
            return Err(format!("vector {index} was pending when it was unmasked, and nothing came"));
        }
        if pending {
            coverage::signal(Signal::VectorMask);
            coverage::woken(InterruptKind::MsiX, Cause::LetGo);
        }
        Ok(())
    }

    /// Nothing is masked.
    pub(crate) fn unmask_all(&mut self) -> Result<(), String> {
        if self.all_masked {
            self.mask_all(false)?;
        }
        (0..self.lanes.len()).try_for_each(|index| self.mask(index, false))?;
        (0..self.senders.len()).try_for_each(|index| self.mask(VECTORS + index, false))
    }

    /// Sets or clears the function mask, or what stands for it. What is pending then comes, once.
    pub(crate) fn mask_all(&mut self, on: bool) -> Result<(), String> {
        if !self.has_own_vectors() {
            return self.mask_shared(on);
        }
        let text = |error: silico_sim::MachineError| format!("MSI-X control: {error}");
        let at =
            self.platform.machine().function().and_then(|function| function.standard(standard_id::MSIX)).ok_or("no MSI-X")? + msix::CONTROL;
        let mut pending = Vec::new();
        if !on && self.all_masked {
            let unmasked = self.bus_master.then(|| (0..self.lanes.len()).filter(|index| !self.lanes[*index].masked));
            for index in unmasked.into_iter().flatten().collect::<Vec<_>>() {
                if self.pending_bit(index)? {
                    self.hush(index)?;
                    pending.push(index);
                }
            }
        }
        let control = self.platform.machine().config_read(at).map_err(text)?;
        let control = if on { control | msix::FUNCTION_MASK } else { control & !msix::FUNCTION_MASK };
        self.platform.machine().config_write(at, control).map_err(text)?;
        self.all_masked = on;
        for index in pending {
            if self.listen(index, self.clocks_to_ns(self.signal_clocks()))? == Wake::Deadline {
                return Err(format!("vector {index} was pending when the function was unmasked, and nothing came"));
            }
            coverage::signal(Signal::FunctionMask);
        }
        Ok(())
    }

    /// All messages of MSI, or the level of INTx. What is pending then comes.
    fn mask_shared(&mut self, on: bool) -> Result<(), String> {
        let kind = self.machine.irqs();
        let text = |error: silico_sim::MachineError| format!("what is pending: {error}");
        let mut machine = self.platform.machine();
        let pending = if kind == InterruptKind::Msi {
            let at = machine.function().and_then(|function| function.standard(standard_id::MSI)).ok_or("no MSI")? + msi::PENDING;
            machine.config_read(at).map_err(text)? != 0 && self.bus_master
        } else {
            machine.config_read(header::COMMAND_STATUS).map_err(text)? & header::status::INTERRUPT != 0
        };
        let came = |machine: &silico_sim::Machine| machine.stats().interrupts.iter().sum::<u64>() + machine.stats().intx_changes;
        let before = came(&machine);
        drop(machine);
        self.platform.mask_interrupts(on).map_err(|error| format!("masking all: {error}"))?;
        let was_masked = std::mem::replace(&mut self.all_masked, on);
        if on || !was_masked || !pending {
            return Ok(());
        }
        self.advance(self.signal_clocks());
        if came(&self.platform.machine()) == before {
            return Err(format!("{kind:?} was pending when it was unmasked, and nothing came"));
        }
        coverage::woken(kind, Cause::LetGo);
        Ok(())
    }

    pub(crate) fn coalesce(&mut self, index: usize, frames: u32, time: u32) -> Result<(), String> {
        let lane = &mut self.lanes[index];
        // No more than the driver was told: it judges late wake-ups by that.
        let Some((most, _)) = lane.shape.coalescing() else { return Ok(()) };
        let frames = frames.min(most.max(1));
        lane.coalescing = (frames, if frames > 1 { time.max(1) } else { time });
        let (frames, time) = lane.coalescing;
        for (register, value) in [(c2h::INT_DATA_FRAMES, frames), (c2h::INT_DATA_TIME, time)] {
            self.regs.write32(c2h::offset(index as u32, register), value).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
