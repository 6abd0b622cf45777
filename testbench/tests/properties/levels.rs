//! Resets above the channel, losing the link, bus mastering: under everything that runs, and the way back. After each, the card is as after power-on.

use crate::scenario::Level;
use crate::world::{World, how};
use silico_driver::card::{BringUp, Card};
use silico_driver::error::{DriverError, RingFault};
use silico_driver::platform::{AccessError, Registers};
use silico_sim::MachineError;
use silico_spec::config::capabilities::pcie::{self, device_control};
use silico_spec::config::capabilities::{aer, extended_id, standard_id};
use silico_spec::config::header::{self, COMMAND_STATUS, command};
use silico_spec::registers::{c2h, card, h2c};
use silico_spec::units::Cycles;

/// Clocks within which the card's own reset is done with what was on its transmitter, beyond the link's time.
const CARD_RESET: u64 = 2_000;
/// Clocks within which many stops end.
const SHORTLY: u64 = 24;
/// 100 ms: within it, a function-level reset is over (§6.6.2).
const FLR_LIMIT: Cycles = Cycles(25_000_000);

fn text(what: &'static str) -> impl Fn(MachineError) -> String {
    move |error| format!("{what}: {error}")
}

impl World {
    pub(crate) fn set_bus_master(&mut self, on: bool) -> Result<(), String> {
        let mut machine = self.platform.machine();
        let now = machine.config_read(COMMAND_STATUS).map_err(text("COMMAND"))? & 0xffff;
        let value = if on { now | command::BUS_MASTER } else { now & !command::BUS_MASTER };
        machine.config_write(COMMAND_STATUS, value).map_err(text("COMMAND"))?;
        drop(machine);
        self.bus_master = on;
        if !on {
            self.cut_off();
        }
        Ok(())
    }

    /// Whatever runs may not send any more, and stops by itself if it wants to.
    pub(crate) fn cut_off(&mut self) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.is_running()) {
            (lane.masterless, lane.errors) = (true, lane.errors + 1);
        }
        for sender in self.senders.iter_mut().filter(|sender| sender.is_running()) {
            (sender.masterless, sender.errors) = (true, sender.errors + 1);
        }
        self.lanes.iter_mut().for_each(|lane| lane.oracle.may_miss());
    }

    /// Advisory errors are reported too, as correctable ones: they are masked after power-on (PCIe 4.0 §7.8.4.6).
    pub(crate) fn report_all(&self) -> Result<(), String> {
        let mut machine = self.platform.machine();
        let at = machine.function().and_then(|function| function.extended(extended_id::AER)).ok_or("no AER")? + aer::CORRECTABLE_MASK;
        machine.config_write(at, 0).map_err(text("the mask of correctable errors"))
    }

    /// Closes all channels: what the driver still held is freed.
    fn close_channels(&mut self) {
        for index in 0..self.senders.len() {
            self.close_sender(index);
        }
        for index in 0..self.lanes.len() {
            self.close_ring(index);
            self.lanes[index].oracle.forget();
        }
    }

    /// A reset, and the way back to channels that run.
    pub(crate) fn recover(&mut self, level: Level, orderly: bool) -> Result<(), String> {
        if orderly {
            self.close_channels();
        }
        // Read before: a read between a stop and the reset would wait until the stop is over.
        let control = if level == Level::Abrupt { self.device_control().map_err(text("Device Control"))? } else { (0, 0) };
        // Some find channels in the middle of their stops.
        if !orderly && self.now().0.is_multiple_of(2) {
            self.stop_bare()?;
            // By then it has arrived, and may not have ended.
            let way = if level == Level::Link { self.machine.latency } else { 0 };
            self.advance(way + self.now().0 / 2 % SHORTLY);
        }
        self.fall(level, control)?;
        // What the root complex took before is still carried out; who frees its memory waits for that, as operating systems do after a reset.
        let reads = match level {
            Level::Function => 64,
            Level::Abrupt => 256,
            Level::Card | Level::Hot | Level::Link => 0,
        };
        self.advance(self.machine.clocks_per_tlp() * 64 + self.machine.clocks_per_read() * reads);
        if !orderly {
            match level {
                Level::Link => self.poke_the_dead()?,
                // The card does not wait for reads that are under way; who frees what they read must.
                Level::Card => self.wait_for_reads()?,
                Level::Function | Level::Hot | Level::Abrupt => {}
            }
            self.close_channels();
        }
        self.rise(level)
    }

    /// Run bits go low behind the driver's back.
    fn stop_bare(&mut self) -> Result<(), String> {
        self.bare = true;
        let lanes = (0..self.lanes.len()).map(|index| c2h::offset(index as u32, c2h::CONTROL));
        let mut all = lanes.chain((0..self.senders.len()).map(|index| h2c::offset(index as u32, h2c::CONTROL)));
        all.try_for_each(|offset| self.regs.write32(offset, 0)).map_err(|error| format!("a stop before a reset: {error}"))
    }

    /// The reset itself.
    fn fall(&mut self, level: Level, control: (u16, u32)) -> Result<(), String> {
        match level {
            Level::Card => {
                let reset = card::control::RESET.set(0, 1) as u32;
                self.regs.write32(card::CONTROL, reset).map_err(|error| format!("card reset: {error}"))
            }
            Level::Function => self.platform.machine().function_reset().map_err(text("function-level reset")),
            Level::Abrupt => self.reset_abruptly(control).map_err(text("a function-level reset under traffic")),
            Level::Hot => {
                self.platform.machine().hot_reset();
                Ok(())
            }
            Level::Link => {
                self.platform.machine().link_down();
                self.advance(300);
                Ok(())
            }
        }
    }

    /// Where Device Control lies, and what it holds.
    fn device_control(&self) -> Result<(u16, u32), MachineError> {
        let mut machine = self.platform.machine();
        let found = machine.function().and_then(|function| function.standard(standard_id::PCIE)).ok_or(MachineError::NotEnumerated)?;
        let at = found + pcie::DEVICE_CONTROL;
        Ok((at, machine.config_read(at)? & 0xffff))
    }

    /// Function-level reset with bus mastering on and requests under way, which good software avoids (PCIe 4.0 §6.6.2, implementation note).
    fn reset_abruptly(&self, (at, control): (u16, u32)) -> Result<(), MachineError> {
        let mut machine = self.platform.machine();
        let function = machine.function().cloned().ok_or(MachineError::NotEnumerated)?;
        machine.config_write(at, control | device_control::INITIATE_FLR)?;
        let limit = machine.now().after(FLR_LIMIT);
        while machine.config_read(header::ID)? as u16 != function.vendor {
            if machine.now() >= limit {
                return Err(MachineError::Absent(function.bdf));
            }
            let soon = machine.now().after(Cycles(250));
            machine.advance_to(soon);
        }
        machine.restore()
    }

    fn wait_for_reads(&self) -> Result<(), String> {
        let reads = 256 * self.machine.clocks_per_read();
        for _ in 0..reads / 200 + 20 {
            if self.check_tags().is_ok() {
                return Ok(());
            }
            self.advance(200);
        }
        self.check_tags()
    }

    /// Whatever the driver asks of a card that is gone ends with an error that says so.
    pub(crate) fn poke_the_dead(&mut self) -> Result<(), String> {
        let bare = self.bare;
        let gone = |error: &DriverError| {
            let gone = matches!(
                error,
                DriverError::Gone { .. } | DriverError::Access { error: AccessError::Gone, .. } | DriverError::Failed { .. }
            );
            // The last block of a stop that the driver did not ask for is still to be read.
            gone || bare && matches!(error, DriverError::Fault { fault: RingFault::State { .. }, .. })
        };
        let deadline = self.in_ns(1000);
        for index in 0..self.lanes.len() {
            let shape = &self.lanes[index].shape;
            let mode = shape.wait_mode(shape.wait);
            let ring = self.lanes[index].ring();
            let was_idle = ring.phase() == silico_driver::channel::Phase::Idle;
            let results = [
                ("poll", ring.next(|_, _| Ok(())).map(drop)),
                ("wait", ring.wait_as(mode, deadline).map(drop)),
                ("stop", ring.stop().map(drop)),
                ("start", ring.start().map(drop)),
            ];
            for (what, result) in results {
                match result {
                    // What is in memory can still be read; and a wait may end without a look at the card.
                    Ok(()) if what != "start" && (what != "stop" || was_idle) => {}
                    Err(error) if gone(&error) => crate::coverage::met(&error),
                    other => return Err(format!("{what} on lane {index} of a card that is gone: {other:?}")),
                }
            }
        }
        for index in 0..self.senders.len() {
            let channel = self.senders[index].channel();
            match channel.start() {
                Err(DriverError::Running { .. }) => {}
                Err(error) if gone(&error) => {}
                other => return Err(format!("start of sender {index} of a card that is gone: {other:?}")),
            }
            match channel.stop() {
                Ok(_) => {}
                Err(error) if gone(&error) => {}
                other => return Err(format!("stop of sender {index} of a card that is gone: {other:?}")),
            }
        }
        Ok(())
    }

    /// Brings the card up again, checks that it is as new, and opens and starts everything.
    fn rise(&mut self, level: Level) -> Result<(), String> {
        let mut machine = self.platform.machine();
        if matches!(level, Level::Hot | Level::Link) {
            machine.enumerate().map_err(text("enumerating again"))?;
        }
        drop(machine);
        if level == Level::Card {
            self.advance(CARD_RESET + 64 * self.machine.clocks_per_tlp());
        }
        self.check_fresh(level)?;
        self.card = Card::bring_up(self.host.clone(), &BringUp { reset: false, ..how(&self.machine) })
            .map_err(|error| format!("bring-up after {level:?}: {error}"))?;
        self.report_all()?;
        (self.enabled, self.bus_master, self.all_masked, self.bare) = (true, true, false, false);
        self.lanes.iter_mut().for_each(|lane| lane.masked = false);
        for index in 0..self.senders.len() {
            self.senders[index].masked = false;
            self.collect(index, true)?;
        }
        self.open_all()
    }

    /// Nothing of what was before is left in the card.
    pub(crate) fn check_fresh(&self, level: Level) -> Result<(), String> {
        for index in 0..self.lanes.len() {
            for (register, name) in [
                (c2h::HW_COUNT, "HW_COUNT"),
                (c2h::SW_COUNT, "SW_COUNT"),
                (c2h::FRAMES, "FRAMES"),
                (c2h::DROPPED, "DROPPED"),
                (c2h::RING_SIZE, "RING_SIZE"),
                (c2h::INT_DATA_ARM, "INT_DATA_ARM"),
                (c2h::FREE_TAIL, "FREE_TAIL"),
                (c2h::FREE_HEAD, "FREE_HEAD"),
                (c2h::COMP_HEAD, "COMP_HEAD"),
                (c2h::COMP_TAIL, "COMP_TAIL"),
            ] {
                let value = self.register(index, register)?;
                if value != 0 {
                    return Err(format!("lane {index}: {name} is {value:#x} after {level:?} reset"));
                }
            }
            for (register, name) in [(c2h::STATUS, "STATUS"), (c2h::ERROR, "ERROR"), (c2h::DISCARDED, "DISCARDED")] {
                let value = self.register32(index, register)?;
                if value != 0 {
                    return Err(format!("lane {index}: {name} is {value:#x} after {level:?} reset"));
                }
            }
        }
        self.check_tags()
    }
}
