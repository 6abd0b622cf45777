//! A machine that goes on twice: the fork has the card, the memory, all that is under way and every checker as they are at this instant, and shares
//! nothing with the original. The same calls on both give the same clocks, TLPs and digests.

use super::Machine;
use crate::cpu::CpuClock;
use crate::distribution::stream;
use crate::link::stalls::Pattern;
use crate::memory::HostMemory;
use silico_spec::fork::{CannotFork, Fork, Memo};

impl Fork for Machine {
    /// Buffers ([`crate::DmaRegion`]) are forked by who holds them, under the same `memo`. Costs what the card and the machine hold and what was touched
    /// of the memory, not what was allocated.
    ///
    /// # Errors
    /// If the card was not put in by [`crate::Slot::forkable`], or a source of frames that is not finished cannot be copied.
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self {
            config: self.config.clone(),
            now: self.now,
            card: self.card.fork(memo)?,
            width: self.width,
            stimulus: self.stimulus.clone(),
            response: self.response.clone(),
            card_credits: self.card_credits,
            uplink: self.uplink.clone(),
            grants: self.grants.clone(),
            tags: self.tags.clone(),
            downlink: self.downlink.clone(),
            stalls: self.stalls,
            is_stalling: self.is_stalling,
            rx_pause: self.rx_pause,
            down_at: self.down_at,
            down_for: self.down_for,
            link_failure: self.link_failure,
            posted: self.posted.clone(),
            completer: self.completer.clone(),
            requester: self.requester.clone(),
            interrupts: self.interrupts.clone(),
            mmio_latency: self.mmio_latency,
            mmio_random: self.mmio_random,
            memory: HostMemory::fork(&self.memory, memo)?,
            cursor: self.cursor.fork(memo)?,
            wakes: self.wakes,
            told: self.told,
            writes: self.writes,
            bridge: self.bridge.clone(),
            shadow: self.shadow,
            function: self.function.clone(),
            feeds: self.feeds.fork(memo)?,
            link_switch: self.link_switch.fork(memo)?,
            link_back_at: self.link_back_at,
            cpu: CpuClock::fork(&self.cpu, memo)?,
            cpu_rest: self.cpu_rest,
            violation: self.violation.clone(),
            stats: self.stats.clone(),
            trace: self.trace.clone(),
        })
    }
}

impl Machine {
    /// From here on, all that is random of host and link descends from `seed`, as if the machine had been built with it: forks of one machine go ways of
    /// their own by this. What is under way keeps what was drawn for it.
    pub fn reseed(&mut self, seed: u64) {
        self.config.seed = seed;
        let pattern = |stalls, usage| Pattern::new(stalls, stream(seed, usage).step());
        self.stalls = [pattern(self.config.link.tx_stalls, 12), pattern(self.config.link.rx_gaps, 13)];
        self.rx_pause.2 = stream(seed, 14);
        self.mmio_random = stream(seed, 5);
        self.interrupts.reseed(stream(seed, 4));
        self.posted.reseed(seed);
        self.completer.reseed(seed);
        self.grants.reseed(seed);
        self.downlink.reseed(seed);
        if let Some(dll) = &mut self.uplink.dll {
            dll.reseed([seed, 20]);
        }
        if let Some(dll) = &mut self.downlink.dll {
            dll.reseed([seed, 23]);
        }
    }
}
