//! What a channel with pages is told: checked in whole before anything is written to the card.

use crate::card::Capabilities;
use crate::channel::setup::Setup;
use crate::channel::{BusyThresholds, DataInterrupt, Source, WaitMode, WhenFull, WriteBackPolicy};
use crate::error::{ConfigError, check};
use silico_spec::descriptor::{PAGE_GRID, PAGES_IN_USE, RING_ENTRIES};
use silico_spec::frame::footprint;

/// Configuration of a C2H channel with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageConfig {
    /// Pages of the pool, 2 to 65536. The free list has as many entries: it cannot run over.
    pub pages: u32,
    /// Entries of the completion ring, 2 to 65536; `None`: as many as pages, so that it is never full. With fewer it takes less of the cache, and bounds
    /// how far the card may run ahead of the reader: it holds completed pages back until entries are taken. What it holds back at a stop is discarded.
    pub completion_entries: Option<u32>,
    /// Bytes of each page: above 0, a multiple of 32. Each lies at a bus address of its own, on its largest power of two up to 4 KiB.
    pub page_bytes: u32,
    /// Frames that fit share a page; else each starts on a page of its own.
    pub packed: bool,
    /// Packed pages: clocks after the last frame put into a page at which it is completed although it has room; 0: never before the next frame that
    /// does not fit, or a stop.
    pub flush_time: u32,
    /// Where frames come from.
    pub source: Source,
    /// What happens to frames when the card's FIFO is full.
    pub when_full: WhenFull,
    /// Most payload bytes of a frame; longer ones arrive truncated. One of them must fit the pool; it may span pages.
    pub max_frame: u32,
    /// Relaxed ordering on payload writes, if Device Control allows it.
    pub relaxed: bool,
    /// No snoop on payload writes, if Device Control allows it.
    pub no_snoop: bool,
    /// When the card calls BUSY.
    pub busy: BusyThresholds,
    /// A write-back block besides the completion ring. It brings dropped frames and the error state to an empty poll, which costs one more load; without
    /// it a wait asks the registers. Frames never depend on it.
    pub write_back: Option<WriteBackPolicy>,
    /// Interrupts; `None` for a channel that is only polled.
    pub interrupt: Option<DataInterrupt>,
    /// How [`wait`](super::PageChannel::wait) waits.
    pub wait: WaitMode,
    /// Pages given back at which the doorbell is rung while frames are still at hand; `None`: a quarter of the pool. An empty poll and a wait ring it
    /// anyway.
    pub give_back_pages: Option<u32>,
}

impl Default for PageConfig {
    /// 256 pages of 4 KiB for the front end, a frame of up to 64 KiB on pages of its own; polled.
    fn default() -> Self {
        Self {
            pages: 256,
            completion_entries: None,
            page_bytes: 4096,
            packed: false,
            flush_time: 0,
            source: Source::FrontEnd,
            when_full: WhenFull::Stall,
            max_frame: 64 << 10,
            relaxed: false,
            no_snoop: false,
            busy: BusyThresholds::default(),
            write_back: None,
            interrupt: None,
            wait: WaitMode::Poll,
            give_back_pages: None,
        }
    }
}

impl PageConfig {
    /// Pages given back at which the doorbell is rung.
    pub(super) fn doorbell_pages(&self) -> u64 {
        self.give_back_pages.unwrap_or(self.pages / 4).max(1).into()
    }

    /// Entries of the completion ring.
    pub(super) fn entries(&self) -> u32 {
        self.completion_entries.unwrap_or(self.pages)
    }

    /// Entries taken at which the doorbell of a ring that can be full is rung.
    pub(super) fn doorbell_entries(&self) -> u64 {
        if self.entries() < self.pages { (self.entries() / 4).max(1).into() } else { u64::MAX }
    }

    /// Where pages are aligned.
    pub(super) fn page_align(&self) -> u64 {
        1 << self.page_bytes.trailing_zeros().min(12)
    }

    pub(super) const fn setup(&self) -> Setup<'_> {
        Setup {
            source: &self.source,
            when_full: self.when_full,
            write_back: self.write_back,
            max_frame: self.max_frame,
            relaxed: self.relaxed,
            no_snoop: self.no_snoop,
            busy: self.busy,
            interrupt: self.interrupt,
            wait: self.wait,
        }
    }

    /// Checks every field against the rules and against what the card was built with.
    ///
    /// # Errors
    /// The first field that is refused, with its value and the rule.
    pub fn validate(&self, card: &Capabilities) -> Result<(), ConfigError> {
        check(RING_ENTRIES.contains(&self.pages), "pages", self.pages.into(), "2 to 65536")?;
        let entries = self.entries();
        check(RING_ENTRIES.contains(&entries), "completion_entries", entries.into(), "2 to 65536")?;
        let bytes = self.page_bytes;
        check(bytes > 0 && bytes.is_multiple_of(PAGE_GRID), "page_bytes", bytes.into(), "above 0, a multiple of 32")?;
        // Packed, a frame that spans pages may begin behind another one: the rest of that page is not its own. One that fits a page counts two as well, which
        // every pool and ring has.
        let pages = footprint(self.source.frame_limit(self.max_frame)).div_ceil(bytes.into()) + u64::from(self.packed);
        let fits = pages <= u64::from(self.pages);
        check(fits, "max_frame", self.max_frame.into(), "small enough that header, payload and padding fit the pages of the pool")?;
        let held = pages < u64::from(PAGES_IN_USE);
        check(
            held,
            "max_frame",
            self.max_frame.into(),
            "small enough that header, payload and padding fit 1023 pages: the card has no more in use",
        )?;
        // Who sleeps is woken by a whole frame: its pages must be announced before any is taken.
        let whole = pages <= u64::from(entries);
        check(whole, "completion_entries", entries.into(), "at least the pages of the longest frame")?;
        check(self.packed || self.flush_time == 0, "flush_time", self.flush_time.into(), "0 unless pages are packed")?;
        if let Some(pages) = self.give_back_pages {
            check((1..=self.pages).contains(&pages), "give_back_pages", pages.into(), "1 to pages")?;
        }
        self.setup().validate(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const CARD: Capabilities = Capabilities::USUAL;

    fn base() -> PageConfig {
        PageConfig { pages: 4, page_bytes: 96, max_frame: 352, ..PageConfig::default() }
    }

    #[rstest]
    #[case(PageConfig::default())]
    #[case::four_pages_exactly(base())]
    #[case(PageConfig { packed: true, max_frame: 256, flush_time: 5, ..base() })]
    #[case(PageConfig { pages: 65536, ..base() })]
    #[case(PageConfig { pages: 2000, max_frame: 1023 * 96 - 32, ..base() })]
    #[case(PageConfig { give_back_pages: Some(4), ..base() })]
    #[case(PageConfig { pages: 40, completion_entries: Some(4), ..base() })]
    #[case(PageConfig { completion_entries: Some(65536), ..base() })]
    fn legal(#[case] config: PageConfig) {
        assert_eq!(config.validate(&CARD), Ok(()));
    }

    #[rstest]
    #[case(PageConfig { pages: 1, ..base() }, "pages")]
    #[case(PageConfig { pages: 65537, ..base() }, "pages")]
    #[case(PageConfig { page_bytes: 0, ..base() }, "page_bytes")]
    #[case(PageConfig { page_bytes: 100, ..base() }, "page_bytes")]
    #[case(PageConfig { max_frame: 353, ..base() }, "max_frame")]
    #[case(PageConfig { max_frame: 257, packed: true, ..base() }, "max_frame")]
    #[case(PageConfig { max_frame: 0, ..base() }, "max_frame")]
    #[case(PageConfig { pages: 2000, max_frame: 1024 * 96 - 32, ..base() }, "max_frame")]
    #[case(PageConfig { flush_time: 1, ..base() }, "flush_time")]
    #[case(PageConfig { give_back_pages: Some(0), ..base() }, "give_back_pages")]
    #[case(PageConfig { give_back_pages: Some(5), ..base() }, "give_back_pages")]
    #[case(PageConfig { max_frame: 64, completion_entries: Some(1), ..base() }, "completion_entries")]
    #[case(PageConfig { completion_entries: Some(65537), ..base() }, "completion_entries")]
    #[case(PageConfig { pages: 40, completion_entries: Some(3), ..base() }, "completion_entries")]
    #[case(PageConfig { wait: WaitMode::Interrupt, ..base() }, "interrupt")]
    fn refused(#[case] config: PageConfig, #[case] field: &str) {
        assert_eq!(config.validate(&CARD).unwrap_err().field, field);
    }

    #[test]
    fn the_doorbells_are_rung_for_a_quarter() {
        let config = |pages, give_back_pages| PageConfig { pages, give_back_pages, ..base() };
        let pages = [(40, None), (43, None), (3, None), (40, Some(7))].map(|(pages, set)| config(pages, set).doorbell_pages());
        assert_eq!(pages, [10, 10, 1, 7]);
        let entries = |completion_entries| PageConfig { completion_entries, ..config(40, None) }.doorbell_entries();
        assert_eq!([Some(39), Some(8), Some(3)].map(entries), [9, 2, 1]);
        assert_eq!([None, Some(40), Some(41)].map(entries), [u64::MAX; 3], "a ring that is never full");
    }

    #[rstest]
    #[case(96, 32)]
    #[case(2048, 2048)]
    #[case(4096 * 6, 4096)]
    fn alignment(#[case] page_bytes: u32, #[case] align: u64) {
        assert_eq!(PageConfig { page_bytes, ..base() }.page_align(), align);
    }
}
