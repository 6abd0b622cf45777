//! Dense random scenarios: one stage (card, machine, driver, running channels of every kind), and plays on it, each drawn from a seed, with every frame and
//! every checker looked at.
//!
//! A [`Stage`] costs a bring-up. It can be forked while nothing plays, and a [`Play`] in the middle of it: both copies go on clock for clock as the original
//! would have. So a thousand plays need one bring-up, and a search can try two ways from one state.

mod play;
mod script;

pub use play::{Outcome, Play};

use crate::cli::RunOptions;
use crate::platform::SimPlatform;
use crate::run::{Bench, CouldNotRun, RunConfig, build};
use script::pool;
use silico_driver::channel::{DataInterrupt, Progress, RingChannel, RingConfig, WaitMode, WriteBackPolicy};
use silico_driver::error::DriverError;
use silico_driver::h2c::{SendChannel, SendConfig};
use silico_driver::pages::{PageChannel, PageConfig};
use silico_spec::fork::{CannotFork, Fork, Memo};
use std::fmt;
use std::sync::Arc;

/// A link that is no narrower than the port, so that nearly every clock is busy.
pub const DENSE: [&str; 6] = ["--gen", "4", "--lanes", "16", "--mps", "512"];
/// Most payload bytes of a frame.
const MAX_FRAME: u32 = 4096;
/// Card-to-host channels: rings, of which the last one sleeps on its interrupt, and one with pages, which are packed.
const RINGS: u8 = 3;
/// Host-to-card channels.
const SENDERS: u8 = 2;

/// A card-to-host channel.
enum Lane {
    Ring(Box<RingChannel<SimPlatform>>),
    Pages(Box<PageChannel<SimPlatform>>),
}

impl Fork for Lane {
    fn fork(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(match self {
            Self::Ring(ring) => Self::Ring(Box::new(ring.fork(memo)?)),
            Self::Pages(pages) => Self::Pages(Box::new(pages.fork(memo)?)),
        })
    }
}

/// A card that is brought up, with all channels running and nothing to do.
pub struct Stage {
    bench: Bench,
    lanes: Vec<Lane>,
    senders: Vec<SendChannel<SimPlatform>>,
    /// Random bytes, of which every payload is a part.
    pool: Arc<[u8]>,
}

impl Stage {
    /// As [`Stage::with`], of what `options` say.
    ///
    /// # Errors
    /// If the options are refused, or something does not come up.
    pub fn new(options: &RunOptions) -> Result<Self, CouldNotRun> {
        Self::with(&RunConfig::new(options)?)
    }

    /// Builds card, machine and faults of `config`, brings the card up, opens and starts all channels. The card must have four card-to-host channels
    /// and two host-to-card channels.
    ///
    /// # Errors
    /// If something does not come up.
    pub fn with(config: &RunConfig) -> Result<Self, CouldNotRun> {
        let bench = build(config)?;
        let said = |error: DriverError| CouldNotRun(error.to_string());
        let mut lanes = Vec::new();
        for channel in 0..RINGS {
            let mut ring = bench.card.channel(channel, &ring_config(channel)).map_err(said)?;
            ring.start().map_err(said)?;
            lanes.push(Lane::Ring(Box::new(ring)));
        }
        let config =
            PageConfig { pages: 16, page_bytes: 8192, packed: true, flush_time: 60, max_frame: MAX_FRAME, ..PageConfig::default() };
        let mut pages = bench.card.page_channel(RINGS, &config).map_err(said)?;
        pages.start().map_err(said)?;
        lanes.push(Lane::Pages(Box::new(pages)));
        let mut senders = Vec::new();
        for channel in 0..SENDERS {
            let config = SendConfig { staging_bytes: 64 << 10, batch: 2, ..SendConfig::default() };
            let mut sender = bench.card.send_channel(channel, &config).map_err(said)?;
            sender.start().map_err(said)?;
            senders.push(sender);
        }
        Ok(Self { bench, lanes, senders, pool: pool() })
    }

    /// A copy that goes on by itself.
    ///
    /// # Errors
    /// If something in it cannot be copied.
    pub fn fork(&self) -> Result<Self, CannotFork> {
        self.fork_under(&mut Memo::new())
    }

    fn fork_under(&self, memo: &mut Memo) -> Result<Self, CannotFork> {
        Ok(Self {
            bench: self.bench.fork(memo)?,
            lanes: self.lanes.fork(memo)?,
            senders: self.senders.fork(memo)?,
            pool: self.pool.clone(),
        })
    }

    /// What the stage is built of.
    #[must_use]
    pub const fn bench(&self) -> &Bench {
        &self.bench
    }
}

fn ring_config(channel: u8) -> RingConfig {
    let sleeps = channel + 1 == RINGS;
    RingConfig {
        ring_bytes: 64 << 10,
        progress: Progress::WriteBack(WriteBackPolicy { frames: 4, bytes: 0, time: 60 }),
        max_frame: MAX_FRAME,
        interrupt: sleeps.then_some(DataInterrupt { vector: channel, frames: 2, time: 60, error_vector: channel }),
        wait: if sleeps { WaitMode::Interrupt } else { WaitMode::Poll },
        ..RingConfig::default()
    }
}

impl Drop for Stage {
    /// Nobody waits for channels to stop: the card is pulled out, and so cannot reach the memory that goes.
    fn drop(&mut self) {
        self.bench.platform.pull(false);
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("bench", &self.bench).finish_non_exhaustive()
    }
}
