//! A card-to-host channel of either discipline as the suite sees it: the next frame, a start, a stop. With pages, some frames are kept for long and go back
//! in any order; each is looked at again when it goes, and a handle of a run that is over must be refused.

use crate::scenario::LaneShape;
use crate::world::Host;
use silico_driver::channel::{Phase, RingChannel, Wait, WaitMode, WaitStats};
use silico_driver::error::DriverError;
use silico_driver::pages::{PageChannel, PageFrame};
use silico_driver::platform::Nanos;
use silico_driver::recover::Recoverable;
use silico_spec::frame::FrameHeader;
use silico_spec::generator::XorShift64;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
    pub(crate) discarded: u64,
}

/// A channel that the suite reads.
#[derive(Debug)]
pub(crate) enum Stream {
    Ring(Box<RingChannel<Host>>),
    Pages(Box<Pages>),
}

/// A channel with pages, and what is kept of it.
#[derive(Debug)]
pub(crate) struct Pages {
    channel: PageChannel<Host>,
    kept: Vec<PageFrame>,
    /// Pages that may be kept at most, so that the next frame still finds some.
    most: u32,
    /// Frames share pages.
    packed: bool,
    random: XorShift64,
    /// What was wrong with a frame that was kept, if anything ever was.
    wrong: Option<String>,
}

impl Pages {
    pub(crate) fn new(channel: PageChannel<Host>, shape: &LaneShape, seed: u64) -> Self {
        let packed = shape.paged.as_ref().is_some_and(|paged| paged.packed);
        Self { channel, kept: Vec::new(), most: shape.most_kept(), packed, random: XorShift64::new(seed), wrong: None }
    }

    /// Gives frames back, any of them first, until no more than `most` pages are kept.
    fn give_back(&mut self, most: u32) -> Result<(), DriverError> {
        while self.kept.iter().map(PageFrame::pages).sum::<u32>() > most {
            let index = self.random.step() as usize % self.kept.len();
            crate::coverage::given_back(index == 0);
            let frame = self.kept.remove(index);
            self.look_again(&frame);
            self.channel.give_back(frame)?;
        }
        Ok(())
    }

    fn look_again(&mut self, frame: &PageFrame) {
        let looked = self.channel.view(frame).map_err(|error| error.to_string());
        if let Err(why) = looked.and_then(|view| view.verify().map_err(|error| error.to_string())) {
            self.wrong = Some(format!("a frame that was kept: {why}"));
        }
    }

    /// The run of what is kept is over: its handles must be worth nothing.
    fn refuse_kept(&mut self) {
        for frame in std::mem::take(&mut self.kept) {
            match self.channel.give_back(frame) {
                Err(error @ DriverError::Stale { .. }) => crate::coverage::met(&error),
                other => self.wrong = Some(format!("a frame of a run that is over was given back: {other:?}")),
            }
        }
    }

    fn started(&mut self, result: Result<(), DriverError>) -> Result<(), DriverError> {
        match &result {
            Ok(()) => self.refuse_kept(),
            // Nothing was done.
            Err(DriverError::Running { .. } | DriverError::Disabled) => {}
            Err(_) => self.kept.clear(),
        }
        result
    }

    fn next(
        &mut self,
        judge: impl FnOnce(&FrameHeader, [&[u8]; 2]) -> Result<(), String>,
    ) -> Result<Option<Result<(), String>>, DriverError> {
        let Some(frame) = self.channel.poll()? else { return Ok(None) };
        let view = self.channel.view(&frame)?;
        let payload: Vec<u8> = view.parts().flatten().copied().collect();
        crate::coverage::over_pages(self.packed, frame.pages());
        let judged = judge(view.header(), [&payload, &[]]).and_then(|()| view.verify().map_err(|error| error.to_string()));
        self.kept.push(frame);
        self.give_back(self.most)?;
        Ok(Some(judged))
    }
}

impl Stream {
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::Ring(ring) => ring.phase(),
            Self::Pages(pages) => pages.channel.phase(),
        }
    }

    /// Has the next frame judged where it lies, if there is one, and then looked at by the driver once more.
    pub(crate) fn next(
        &mut self,
        judge: impl FnOnce(&FrameHeader, [&[u8]; 2]) -> Result<(), String>,
    ) -> Result<Option<Result<(), String>>, DriverError> {
        match self {
            Self::Ring(ring) => {
                let Some(frame) = ring.poll()? else { return Ok(None) };
                let judged = judge(&frame.header, [frame.head, frame.tail]);
                Ok(Some(judged.and_then(|()| frame.verify().map_err(|error| error.to_string()))))
            }
            Self::Pages(pages) => pages.next(judge),
        }
    }

    /// Gives all back that was taken.
    pub(crate) fn give_back(&mut self) -> Result<(), DriverError> {
        match self {
            Self::Ring(ring) => ring.give_back(),
            Self::Pages(pages) => pages.give_back(0).and_then(|()| pages.channel.flush()),
        }
    }

    pub(crate) fn start(&mut self) -> Result<(), DriverError> {
        match self {
            Self::Ring(ring) => ring.start(),
            Self::Pages(pages) => {
                let result = pages.channel.start();
                pages.started(result)
            }
        }
    }

    pub(crate) fn restart(&mut self) -> Result<(), DriverError> {
        match self {
            Self::Ring(ring) => ring.restart(),
            Self::Pages(pages) => {
                let result = pages.channel.restart();
                pages.started(result)
            }
        }
    }

    pub(crate) fn reset(&mut self) -> Result<(), DriverError> {
        match self {
            Self::Ring(ring) => ring.reset(),
            Self::Pages(pages) => {
                let result = pages.channel.reset();
                pages.started(result)
            }
        }
    }

    /// The channel as the driver's recovery sees it.
    pub(crate) fn recoverable(&mut self) -> &mut dyn Recoverable {
        match self {
            Self::Ring(ring) => &mut **ring,
            Self::Pages(pages) => &mut pages.channel,
        }
    }

    /// Somebody else has started a new run.
    pub(crate) fn renewed(&mut self) {
        if let Self::Pages(pages) = self {
            pages.refuse_kept();
        }
    }

    /// What was taken stays in hand over a stop.
    pub(crate) fn stop(&mut self) -> Result<Ended, DriverError> {
        match self {
            Self::Ring(ring) => {
                let ended = ring.stop()?;
                Ok(Ended { frames: ended.frames, dropped: ended.dropped, discarded: ended.discarded.into() })
            }
            Self::Pages(pages) => {
                let ended = pages.channel.stop()?;
                let kept = std::mem::take(&mut pages.kept);
                kept.iter().for_each(|frame| pages.look_again(frame));
                pages.kept = kept;
                Ok(Ended { frames: ended.frames, dropped: ended.dropped, discarded: ended.discarded.into() })
            }
        }
    }

    pub(crate) fn wait_as(&mut self, mode: WaitMode, deadline: Nanos) -> Result<Wait, DriverError> {
        match self {
            Self::Ring(ring) => ring.wait_as(mode, deadline),
            Self::Pages(pages) => pages.channel.wait_as(mode, deadline),
        }
    }

    pub(crate) fn wait_stats(&self) -> WaitStats {
        match self {
            Self::Ring(ring) => *ring.wait_stats(),
            Self::Pages(pages) => *pages.channel.wait_stats(),
        }
    }

    /// What was wrong with frames that were kept.
    pub(crate) fn wrong(&self) -> Option<&str> {
        match self {
            Self::Ring(_) => None,
            Self::Pages(pages) => pages.wrong.as_deref(),
        }
    }

    /// Of a run that was read to its end and given back: no page is left with the driver.
    pub(crate) fn check_returned(&self) -> Result<(), String> {
        match self {
            Self::Pages(pages) if pages.channel.pages_held() > 0 => {
                Err(format!("{} pages are held with no frame kept", pages.channel.pages_held()))
            }
            _ => Ok(()),
        }
    }
}
