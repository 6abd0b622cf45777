//! The driver's process dies with everything running, and another one takes the card over: the memory of the dead goes as soon as the card is brought up.

use crate::scenario::Level;
use crate::world::{World, how};
use silico::platform::Process;
use silico_driver::card::Card;

impl World {
    /// A crash, and a new process so many clocks later.
    pub(crate) fn crash(&mut self, clocks: u64) -> Result<(), String> {
        self.unmask_all()?;
        let running = |index: usize, runs: bool| u32::from(runs) << index;
        let lanes = self.lanes.iter().enumerate().map(|(index, lane)| running(index, lane.is_running() && !lane.is_doubtful()));
        let senders = self.senders.iter().enumerate().map(|(index, sender)| {
            let doubtful = sender.spoiled || sender.masterless || self.faults > 0;
            running(16 + index, sender.is_running() && !doubtful)
        });
        let certain = lanes.chain(senders).fold(0, |all, one| all | one);
        self.host.crash();
        let rings: Vec<_> = self
            .lanes
            .iter_mut()
            .map(|lane| {
                lane.armed += lane.ring.as_ref().map_or(0, |ring| ring.wait_stats().armed);
                lane.oracle.forget();
                lane.ring.take()
            })
            .collect();
        let channels: Vec<_> = self
            .senders
            .iter_mut()
            .map(|sender| {
                sender.armed += sender.channel.as_ref().map_or(0, |channel| channel.wait_stats().armed);
                (sender.channel.take(), std::mem::take(&mut sender.own))
            })
            .collect();
        self.advance(clocks);
        self.host = Process::new(self.platform.clone());
        let card = Card::bring_up(self.host.clone(), &how(&self.machine)).map_err(|error| format!("bring-up after a crash: {error}"))?;
        let found = card.found().active;
        // What nobody wrote to and nothing was wrong with runs on after its driver.
        if self.enabled && self.bus_master && found & certain != certain {
            return Err(format!("channels {certain:#x} ran when their driver died; the next one found {found:#x}"));
        }
        self.card = card;
        drop((rings, channels));
        self.check_fresh(Level::Card)?;
        (self.enabled, self.bus_master) = (true, true);
        for index in 0..self.senders.len() {
            self.collect(index, true)?;
        }
        self.open_all()
    }
}
