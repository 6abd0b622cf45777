//! One channel of a run, whatever its discipline: frames in at most two pieces, each given back when the next one is asked for.

use super::config::RunConfig;
use super::setup::{page_config, ring_config};
use crate::cli::options::Discipline;
use crate::platform::SimPlatform;
use silico_driver::card::Card;
use silico_driver::channel::{RingChannel, Wait, WaitMode};
use silico_driver::counters::ChannelCounters;
use silico_driver::error::DriverError;
use silico_driver::pages::{PageChannel, PageFrame};
use silico_driver::platform::Nanos;
use silico_spec::frame::FrameHeader;

/// The channel of the driver.
enum Channel {
    Ring(Box<RingChannel<SimPlatform>>),
    /// With the frame that is out, and room for one in more than two pages.
    Pages(Box<PageChannel<SimPlatform>>, Option<PageFrame>, Vec<u8>),
}

/// One channel of the run.
pub(super) struct Lane {
    channel: Channel,
    /// Frames that its source presents.
    pub(super) planned: u64,
    pub(super) delivered: u64,
}

/// A frame that is out.
pub(super) struct Taken<'a> {
    pub(super) header: FrameHeader,
    pub(super) payload: [&'a [u8]; 2],
}

/// The card's last counts of a run.
pub(super) struct Ended {
    pub(super) frames: u64,
    pub(super) dropped: u64,
    pub(super) discarded: u64,
}

impl Lane {
    /// Opens channel `channel`.
    pub(super) fn open(card: &Card<SimPlatform>, config: &RunConfig, channel: u8, planned: u64) -> Result<Self, DriverError> {
        let channel = match config.options.discipline {
            Discipline::Ring => Channel::Ring(Box::new(card.channel(channel, &ring_config(config, channel))?)),
            Discipline::Pages => {
                let pages = card.page_channel(channel, &page_config(config, channel))?;
                Channel::Pages(Box::new(pages), None, vec![0; config.frame_limit() as usize])
            }
        };
        Ok(Self { channel, planned, delivered: 0 })
    }

    pub(super) fn start(&mut self) -> Result<(), DriverError> {
        match &mut self.channel {
            Channel::Ring(ring) => ring.start(),
            Channel::Pages(pages, ..) => pages.start(),
        }
    }

    pub(super) fn stop(&mut self) -> Result<Ended, DriverError> {
        let (frames, dropped, discarded) = match &mut self.channel {
            Channel::Ring(ring) => ring.stop().map(|ended| (ended.frames, ended.dropped, ended.discarded))?,
            Channel::Pages(pages, ..) => pages.stop().map(|ended| (ended.frames, ended.dropped, ended.discarded))?,
        };
        Ok(Ended { frames, dropped, discarded: discarded.into() })
    }

    pub(super) fn poll(&mut self) -> Result<Option<Taken<'_>>, DriverError> {
        match &mut self.channel {
            Channel::Ring(ring) => Ok(ring.poll()?.map(|frame| Taken { header: frame.header, payload: [frame.head, frame.tail] })),
            Channel::Pages(pages, out, copy) => {
                if let Some(frame) = out.take() {
                    pages.give_back(frame)?;
                }
                let Some(frame) = pages.poll()? else { return Ok(None) };
                let frame = out.insert(frame);
                let view = pages.view(frame)?;
                let mut parts = view.parts();
                let two = [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()];
                let payload = if parts.next().is_none() {
                    two
                } else {
                    let bytes = view.copy_to(copy);
                    [&copy[..bytes], &[]]
                };
                Ok(Some(Taken { header: frame.header, payload }))
            }
        }
    }

    pub(super) fn wait(&mut self, deadline: Nanos) -> Result<Wait, DriverError> {
        match &mut self.channel {
            Channel::Ring(ring) => ring.wait(deadline),
            Channel::Pages(pages, ..) => pages.wait(deadline),
        }
    }

    pub(super) fn wait_as(&mut self, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
        match &mut self.channel {
            Channel::Ring(ring) => ring.wait_as(mode, deadline),
            Channel::Pages(pages, ..) => pages.wait_as(mode, deadline),
        }
    }

    pub(super) fn counters(&self) -> Result<ChannelCounters, DriverError> {
        match &self.channel {
            Channel::Ring(ring) => ring.counters(),
            Channel::Pages(pages, ..) => pages.counters(),
        }
    }
}
