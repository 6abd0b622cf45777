//! What channels did: states and the moves between them, what kept them waiting, errors, laps, and in the middle of what each reset came.
//! Needs a card that can be looked into.

use super::Counts;
use super::bin::{Bin, bins};
use silico_spec::params::{MAX_C2H, MAX_H2C};
use silico_spec::port::{Activity, ChannelView, Inspect, PageEnd, Report};
use silico_spec::writeback::{ChannelError, ChannelState};

bins! {
    /// What kind of channel.
    pub enum Kind {
        Ring => "ring",
        Pages => "pages",
        Send => "host to card",
    }
}

bins! {
    /// A state and the next one.
    pub enum Move {
        Starts => "idle, then running",
        Refused => "idle, then stopping or failed: the start is refused",
        Stops => "running, then stopping",
        StopEnds => "stopping, then idle",
        FailEnds => "stopping, then failed",
        StopsAtOnce => "running, then idle",
        Fails => "running, then failed",
        StartsAgain => "failed, then running",
        Reset => "failed, then idle",
    }
}

/// A level of reset, as the host asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The channel's run bit.
    Stop,
    /// The channel's reset bit.
    Channel,
    /// The card's reset bit.
    Card,
    /// Initiate Function Level Reset.
    Function,
    /// Hot reset or link down.
    Link,
    /// Fundamental reset.
    Fundamental,
}

impl Bin for Level {
    const COUNT: usize = 6;

    fn at(index: usize) -> Self {
        [Self::Stop, Self::Channel, Self::Card, Self::Function, Self::Link, Self::Fundamental][index]
    }

    fn index(self) -> usize {
        self as usize
    }

    fn name(self) -> String {
        let names = ["channel stop", "channel reset", "card reset", "function-level reset", "link down", "fundamental reset"];
        names[self as usize].into()
    }
}

/// An activity of a kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doing(Kind, Activity);

const ACTIVITIES: [(Activity, &str); 8] = [
    (Activity::Idle, "idle"),
    (Activity::NoData, "no data"),
    (Activity::NoRoom, "no room"),
    (Activity::Wanting, "wants to send"),
    (Activity::Sending, "sends"),
    (Activity::Reading, "waits for completions"),
    (Activity::Stopping, "stops"),
    (Activity::Failed, "failed"),
];

impl Bin for Doing {
    const COUNT: usize = Kind::COUNT * ACTIVITIES.len();

    fn at(index: usize) -> Self {
        Self(Kind::at(index / ACTIVITIES.len()), ACTIVITIES[index % ACTIVITIES.len()].0)
    }

    fn index(self) -> usize {
        self.0.index() * ACTIVITIES.len() + ACTIVITIES.iter().position(|(activity, _)| *activity == self.1).unwrap_or(0)
    }

    fn name(self) -> String {
        format!("{}, {}", self.0.name(), ACTIVITIES[self.index() % ACTIVITIES.len()].1)
    }

    fn impossible(self) -> Option<&'static str> {
        (self.0 == Kind::Ring && self.1 == Activity::Reading).then_some("a ring channel reads nothing")
    }
}

/// A reset in the middle of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetIn(pub Level, pub Doing);

impl Bin for ResetIn {
    const COUNT: usize = <(Level, Doing)>::COUNT;

    fn at(index: usize) -> Self {
        let (level, doing) = <(Level, Doing)>::at(index);
        Self(level, doing)
    }

    fn index(self) -> usize {
        (self.0, self.1).index()
    }

    fn name(self) -> String {
        (self.0, self.1).name()
    }

    fn impossible(self) -> Option<&'static str> {
        self.1.impossible()
    }

    fn elsewhere(self) -> Option<&'static str> {
        (self.0 == Level::Fundamental).then_some("model/tests/resets.rs: machines have no power cycle")
    }
}

/// An error of a kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(Kind, u8);

const ERRORS: usize = 14;

impl Bin for Failure {
    const COUNT: usize = Kind::COUNT * ERRORS;

    fn at(index: usize) -> Self {
        Self(Kind::at(index / ERRORS), (index % ERRORS) as u8 + 1)
    }

    fn index(self) -> usize {
        self.0.index() * ERRORS + usize::from(self.1) - 1
    }

    fn name(self) -> String {
        format!("{}, {:?}", self.0.name(), ChannelError::from_bits(self.1).unwrap_or_default())
    }

    fn impossible(self) -> Option<&'static str> {
        use ChannelError as E;
        match (self.0, ChannelError::from_bits(self.1)?) {
            (Kind::Ring, E::CompletionTimeout | E::UnsupportedRequest | E::CompleterAbort | E::PoisonedCompletion) => {
                Some("a ring channel reads nothing")
            }
            (Kind::Ring, E::BadDescriptor | E::BadDescriptorRing) => Some("a ring channel has no descriptors"),
            (Kind::Pages, E::BadRing) => Some("pages have no contiguous ring"),
            (Kind::Ring | Kind::Pages, E::BadOutput) => Some("only a host-to-card channel has an output"),
            (Kind::Send, E::BadRing | E::BadFrameLimit | E::BadThreshold | E::BadGenerator) => {
                Some("a host-to-card channel has no ring of bytes, no front end and no generator")
            }
            _ => None,
        }
    }

    fn elsewhere(self) -> Option<&'static str> {
        let descriptor = ChannelError::from_bits(self.1) == Some(ChannelError::BadDescriptor);
        (self.impossible().is_none() && descriptor).then_some("model/tests/pages and h2c: the driver writes legal descriptors only")
    }
}

bins! {
    /// How far a run went round its ring.
    pub enum Laps {
        None => "not once round",
        One => "once round",
        Many => "more than twice round",
    }
}

bins! {
    /// Why a channel wrote its write-back block.
    pub enum Told {
        Count => "so many frames or descriptors",
        Bytes => "so many bytes",
        Time => "the timer",
        Wanted => "an armed interrupt wants it first",
        Stop => "the last one of a run",
        Failure => "the last one of a run that failed",
    }
}

bins! {
    /// Why a data or space cause fired.
    pub enum Fired {
        Count => "so many frames or descriptors",
        Time => "the timer",
        Flag => "the descriptor's flag",
        Stop => "a stop: there is no more to come",
    }
}

/// A write-back of a kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenBack(Kind, Told);

impl Bin for WrittenBack {
    const COUNT: usize = <(Kind, Told)>::COUNT;

    fn at(index: usize) -> Self {
        let (kind, told) = <(Kind, Told)>::at(index);
        Self(kind, told)
    }

    fn index(self) -> usize {
        (self.0, self.1).index()
    }

    fn name(self) -> String {
        (self.0, self.1).name()
    }

    fn impossible(self) -> Option<&'static str> {
        ((self.0, self.1) == (Kind::Send, Told::Bytes)).then_some("a host-to-card channel writes back by descriptors and time")
    }
}

/// An interrupt of a kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signalled(Kind, Fired);

impl Bin for Signalled {
    const COUNT: usize = <(Kind, Fired)>::COUNT;

    fn at(index: usize) -> Self {
        let (kind, fired) = <(Kind, Fired)>::at(index);
        Self(kind, fired)
    }

    fn index(self) -> usize {
        (self.0, self.1).index()
    }

    fn name(self) -> String {
        (self.0, self.1).name()
    }

    fn impossible(self) -> Option<&'static str> {
        (self.0 != Kind::Send && self.1 == Fired::Flag).then_some("frames of a card-to-host channel have no flag")
    }

    fn elsewhere(self) -> Option<&'static str> {
        ((self.0, self.1) == (Kind::Send, Fired::Flag))
            .then_some("model/tests/h2c: the driver sets no flag, it coalesces all descriptors alike")
    }
}

bins! {
    /// What became of pages and of the completion ring.
    pub enum Paged {
        GoesOn => "completed: its frame goes on in the next page",
        Full => "completed: full to its last byte",
        Frame => "completed: its frame has ended, and each has pages of its own",
        NoFit => "completed: packed, and the next frame does not fit",
        Timer => "completed: by the timer",
        Stop => "completed: by a stop",
        Waits => "waits: the completion ring is full",
    }
}

bins! {
    /// Tags of the card.
    pub enum Tags {
        None => "none in use",
        Some => "some in use",
        All => "all in use",
    }
}

/// Counts of what channels do.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    pub(super) moves: Counts<(Kind, Move)>,
    pub(super) doing: Counts<Doing>,
    pub(super) resets: Counts<ResetIn>,
    pub(super) failures: Counts<Failure>,
    pub(super) laps: Counts<(Kind, Laps)>,
    pub(super) tags: Counts<Tags>,
    pub(super) blocks: Counts<WrittenBack>,
    pub(super) signals: Counts<Signalled>,
    pub(super) pages: Counts<Paged>,
    last: [Option<ChannelView>; MAX_C2H + MAX_H2C],
}

fn kind(place: usize, view: &ChannelView) -> Kind {
    match view.pages {
        _ if place >= MAX_C2H => Kind::Send,
        true => Kind::Pages,
        false => Kind::Ring,
    }
}

fn change(from: ChannelState, to: ChannelState) -> Option<Move> {
    use ChannelState as S;
    Some(match (from, to) {
        (S::Idle, S::Running) => Move::Starts,
        (S::Idle, S::Stopping | S::Error) => Move::Refused,
        (S::Running, S::Stopping) => Move::Stops,
        (S::Stopping, S::Idle) => Move::StopEnds,
        (S::Stopping, S::Error) => Move::FailEnds,
        (S::Running, S::Idle) => Move::StopsAtOnce,
        (S::Running, S::Error) => Move::Fails,
        (S::Error, S::Running) => Move::StartsAgain,
        (S::Error, S::Idle) => Move::Reset,
        _ => return None,
    })
}

impl Channels {
    /// Some clocks have passed.
    pub(super) fn look(&mut self, card: &impl Inspect) {
        for place in 0..MAX_C2H + MAX_H2C {
            let view = if place < MAX_C2H { card.c2h(place) } else { card.h2c(place - MAX_C2H) };
            let Some(view) = view else { continue };
            let before = self.last[place].replace(view);
            if before == Some(view) {
                continue;
            }
            // A channel that a reset struck does not show any more what kind it was.
            let was = before.filter(|before| before.state != ChannelState::Idle).unwrap_or(view);
            self.changed(kind(place, &was), &before.unwrap_or_default(), &view);
        }
        let (used, all) = card.tags();
        self.tags.hit(match used {
            0 => Tags::None,
            _ if used == all => Tags::All,
            _ => Tags::Some,
        });
    }

    fn changed(&mut self, kind: Kind, before: &ChannelView, now: &ChannelView) {
        self.doing.hit(Doing(kind, now.activity));
        if let Some(change) = change(before.state, now.state) {
            self.moves.hit((kind, change));
        }
        if now.error != before.error && now.error != ChannelError::None {
            self.failures.hit(Failure(kind, now.error as u8));
        }
        self.told(kind, before, now);
        if now.laps != before.laps || before.state != ChannelState::Running {
            self.laps.hit((
                kind,
                match now.laps {
                    0 => Laps::None,
                    1 | 2 => Laps::One,
                    _ => Laps::Many,
                },
            ));
        }
    }

    /// What it told the host, and why.
    fn told(&mut self, kind: Kind, before: &ChannelView, now: &ChannelView) {
        if now.blocks > before.blocks {
            let told = match now.block {
                Report::Count => Some(Told::Count),
                Report::Bytes => Some(Told::Bytes),
                Report::Time => Some(Told::Time),
                Report::Wanted => Some(Told::Wanted),
                Report::Stop => Some(Told::Stop),
                Report::Failure => Some(Told::Failure),
                Report::None => None,
            };
            told.into_iter().for_each(|told| self.blocks.hit(WrittenBack(kind, told)));
        }
        if now.signals > before.signals {
            let fired = match now.signal {
                Report::Count => Some(Fired::Count),
                Report::Time => Some(Fired::Time),
                Report::Wanted => Some(Fired::Flag),
                Report::Stop => Some(Fired::Stop),
                Report::Bytes | Report::Failure | Report::None => None,
            };
            fired.into_iter().for_each(|fired| self.signals.hit(Signalled(kind, fired)));
        }
        if now.entries > before.entries {
            let end = match now.entry {
                PageEnd::GoesOn => Some(Paged::GoesOn),
                PageEnd::Full => Some(Paged::Full),
                PageEnd::Frame => Some(Paged::Frame),
                PageEnd::NoFit => Some(Paged::NoFit),
                PageEnd::Timer => Some(Paged::Timer),
                PageEnd::Stop => Some(Paged::Stop),
                PageEnd::None => None,
            };
            end.into_iter().for_each(|end| self.pages.hit(end));
        }
        if now.entries_full && !before.entries_full {
            self.pages.hit(Paged::Waits);
        }
    }

    /// A reset came: of channel `only` (C2H first, then H2C from [`MAX_C2H`] on), or of all.
    pub(super) fn reset(&mut self, level: Level, only: Option<usize>) {
        for (place, view) in self.last.iter().enumerate().filter(|(place, _)| only.is_none_or(|only| only == *place)) {
            if let Some(view) = view {
                self.resets.hit(ResetIn(level, Doing(kind(place, view), view.activity)));
            }
        }
    }
}
