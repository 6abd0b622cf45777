//! More of what the suite can tell: where frames lie in pages, what comes out of host-to-card channels, which kinds of interrupt woke whom, who noticed a
//! fault, what lies in e-link blocks.

use crate::coverage::note;
use silico::bins;
use silico::coverage::{Bin, Counts, Group};
use silico_driver::h2c::Output;
use silico_driver::log::CardErrors;
use silico_driver::platform::InterruptKind;
use silico_spec::config::capabilities::aer::uncorrectable;
use silico_spec::writeback::ChannelError;

bins! {
    /// Pages in the hands of the driver.
    pub(crate) enum Pages {
        OwnOne => "a page for a frame: all in one",
        OwnTwo => "a page for a frame: over two",
        OwnMany => "a page for a frame: over more",
        PackedOne => "packed: all in one",
        PackedTwo => "packed: over two",
        PackedMany => "packed: over more",
        InOrder => "given back: the oldest",
        OutOfOrder => "given back: before an older one",
    }
}

bins! {
    /// Where a host-to-card channel puts frames.
    pub(crate) enum To {
        Stream => "stream",
        Sink => "sink",
        Loop => "loop",
    }
}

bins! {
    /// How a frame ends there.
    pub(crate) enum Tail {
        Empty => "no byte",
        Partial => "last beat with some bytes",
        Full => "last beat full",
        Cut => "cut by a stop",
    }
}

/// A frame put out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PutOut(To, Tail);

impl Bin for PutOut {
    const COUNT: usize = <(To, Tail)>::COUNT;

    fn at(index: usize) -> Self {
        let (to, tail) = <(To, Tail)>::at(index);
        Self(to, tail)
    }

    fn index(self) -> usize {
        (self.0, self.1).index()
    }

    fn name(self) -> String {
        (self.0, self.1).name()
    }

    fn impossible(self) -> Option<&'static str> {
        ((self.0, self.1) == (To::Sink, Tail::Cut)).then_some("the sink tells of whole frames only")
    }
}

bins! {
    /// Kinds of interrupt.
    pub(crate) enum Irqs {
        MsiX => "MSI-X",
        Msi => "MSI",
        Intx => "INTx",
    }
}

bins! {
    /// What woke a sleeper.
    pub(crate) enum Cause {
        Data => "data",
        Space => "space",
        Error => "error",
        LetGo => "pending behind a mask, and let go",
    }
}

bins! {
    /// Who noticed a fault, in cases of one kind of faults.
    pub(crate) enum Noticed {
        Delay => "delay: nobody",
        Overtake => "overtake: nobody",
        Starve => "starve: nobody",
        Stall => "stall: nobody",
        Retrain => "retrain: nobody",
        Ur => "ur: the channel",
        Ca => "ca: the channel",
        Poison => "poison: the channel",
        Drop => "drop: the channel, by its timeout",
        Timeout => "timeout: the channel, by its timeout",
        Truncate => "truncate: the channel, by its timeout",
        Malformed => "malformed: the channel, by its timeout",
        MalformedLog => "malformed: the error log",
        TruncateLog => "truncate: the error log",
        SpuriousLog => "spurious: the error log",
        PoisonLog => "poison: the error log",
    }
}

bins! {
    /// What lies in e-link blocks.
    pub(crate) enum Elink {
        Null => "padding: the next piece did not fit",
        Timeout => "padding: the block had waited long enough",
        First => "first piece of a chunk",
        Middle => "middle piece",
        Last => "last piece",
        Whole => "whole chunk",
        Empty => "chunk without a byte",
        Truncated => "flag: truncated",
        Error => "flag: error" never "the card's generator makes no bad chunks, and a front end has no block mode",
        Crc => "flag: CRC" never "the card's generator makes no bad chunks, and a front end has no block mode",
        OneBlock => "chunk in one block",
        TwoBlocks => "chunk over two blocks",
        MoreBlocks => "chunk over more",
        NoPadding => "block filled to its last byte",
        Many => "block with more than 8 pieces",
        Lost => "blocks dropped before it",
        Wrapped => "block that wraps in the ring",
    }
}

/// Counts of all that.
#[derive(Debug, Default)]
pub(crate) struct More {
    pages: Counts<Pages>,
    out: Counts<PutOut>,
    irqs: Counts<(Irqs, Cause)>,
    noticed: Counts<Noticed>,
    pub(crate) elinks: Counts<Elink>,
}

impl More {
    pub(crate) fn groups(&self) -> [(&'static str, Group); 5] {
        [
            ("suite: pages", self.pages.group()),
            ("suite: outputs", self.out.group()),
            ("suite: wake-ups", self.irqs.group()),
            ("suite: who noticed a fault", self.noticed.group()),
            ("suite: e-link blocks", self.elinks.group()),
        ]
    }
}

/// A frame came in so many pages.
pub(crate) fn over_pages(packed: bool, pages: u32) {
    let bins =
        if packed { [Pages::PackedOne, Pages::PackedTwo, Pages::PackedMany] } else { [Pages::OwnOne, Pages::OwnTwo, Pages::OwnMany] };
    note(|notes| notes.more.pages.hit(bins[(pages.max(1) as usize - 1).min(2)]));
}

/// A frame's pages went back.
pub(crate) fn given_back(oldest: bool) {
    note(|notes| notes.more.pages.hit(if oldest { Pages::InOrder } else { Pages::OutOfOrder }));
}

/// A run of a host-to-card channel is over; `frames`: lengths of those that ended.
pub(crate) fn put_out(output: Output, frames: impl Iterator<Item = usize>, beat: u64, cut: bool) {
    let to = match output {
        Output::Stream => To::Stream,
        Output::Check => To::Sink,
        Output::Loopback(_) => To::Loop,
    };
    note(|notes| {
        for len in frames {
            let tail = match len as u64 {
                0 => Tail::Empty,
                len if len.is_multiple_of(beat) => Tail::Full,
                _ => Tail::Partial,
            };
            notes.more.out.hit(PutOut(to, tail));
        }
        if cut {
            notes.more.out.hit(PutOut(to, Tail::Cut));
        }
    });
}

/// A frame that was cut came out of the loop.
pub(crate) fn cut_in_loop() {
    note(|notes| notes.more.out.hit(PutOut(To::Loop, Tail::Cut)));
}

/// A sleeper was woken.
pub(crate) fn woken(kind: InterruptKind, cause: Cause) {
    let kind = match kind {
        InterruptKind::MsiX => Irqs::MsiX,
        InterruptKind::Msi => Irqs::Msi,
        InterruptKind::Intx => Irqs::Intx,
    };
    note(|notes| notes.more.irqs.hit((kind, cause)));
}

/// The word for what a rule does.
pub(crate) fn word(rule: &str) -> String {
    rule.split(['@', '(']).next().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_string()
}

/// A case with faults of the kind `word` alone is over: what channels failed of, and what the card's log says.
pub(crate) fn noticed(word: &str, failures: &[ChannelError], log: &CardErrors) {
    use ChannelError as E;
    let failed = |error| failures.contains(&error);
    let logged = |bit: u32| log.uncorrectable_status & bit != 0;
    let bins: Vec<Noticed> = match word {
        "delay" => vec![Noticed::Delay],
        "overtake" => vec![Noticed::Overtake],
        "starve" => vec![Noticed::Starve],
        "stall" => vec![Noticed::Stall],
        "retrain" => vec![Noticed::Retrain],
        _ => [
            ("ur", failed(E::UnsupportedRequest), Noticed::Ur),
            ("ca", failed(E::CompleterAbort), Noticed::Ca),
            ("poison", failed(E::PoisonedCompletion), Noticed::Poison),
            ("poison", logged(uncorrectable::POISONED), Noticed::PoisonLog),
            ("drop", failed(E::CompletionTimeout), Noticed::Drop),
            ("timeout", failed(E::CompletionTimeout), Noticed::Timeout),
            ("truncate", failed(E::CompletionTimeout), Noticed::Truncate),
            ("malformed", failed(E::CompletionTimeout), Noticed::Malformed),
            ("malformed", logged(uncorrectable::MALFORMED), Noticed::MalformedLog),
            ("truncate", logged(uncorrectable::MALFORMED), Noticed::TruncateLog),
            ("spurious", logged(uncorrectable::UNEXPECTED_COMPLETION), Noticed::SpuriousLog),
        ]
        .into_iter()
        .filter_map(|(fault, seen, bin)| (fault == word && seen).then_some(bin))
        .collect(),
    };
    note(|notes| bins.into_iter().for_each(|bin| notes.more.noticed.hit(bin)));
}
