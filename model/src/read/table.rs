//! Tags and the reads that they stand for.

use super::quarantine::{self, Quarantine};
use crate::config::ErrorKind;
use bitvec::array::BitArray;
use silico_spec::params::{MAX_C2H, MAX_H2C};
use silico_spec::port::MAX_PAYLOAD;
use silico_spec::tlp::Attributes;
use silico_spec::tlp::{CompletionSequence, CompletionStatus, Header, Kind, Limits, Progress, SequenceBroken, Span};
use silico_spec::units::{Bdf, BusAddr, Tag};
use silico_spec::writeback::ChannelError;
use std::collections::VecDeque;

/// Most tags of a card.
const MAX_TAGS: usize = 256;
/// Tags without extended tags (PCIe 4.0 §2.2.6.2).
const SHORT_TAGS: usize = 32;

/// What a channel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Descriptors,
    Payload,
}

/// A channel that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    H2c(usize),
    /// One with pages, which reads their descriptors.
    C2h(usize),
}

impl Reader {
    fn index(self) -> usize {
        match self {
            Self::H2c(channel) => channel,
            Self::C2h(channel) => MAX_H2C + channel,
        }
    }
}

/// Channels that may read.
const READERS: usize = MAX_H2C + MAX_C2H;

/// Who reads, and where in which of its buffers the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) reader: Reader,
    pub(crate) purpose: Purpose,
    pub(crate) start: u64,
    /// Of the descriptor that asks for the bytes.
    pub(crate) cookie: u64,
}

/// Why a read brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reader: Reader,
    pub(crate) code: ChannelError,
    pub(crate) address: u64,
    pub(crate) cookie: u64,
}

/// What a completion means to the channel that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: nobody asked, or who asked has been reset.
    None,
    /// `bytes` bytes of payload, from byte `lead` of the completion on.
    Data { owner: Owner, lead: usize, bytes: usize },
    /// The read has failed.
    Failed(Failure),
}

/// The judgement of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// To be logged, with the completion's header.
    pub(crate) error: Option<ErrorKind>,
    /// To be noted: the status of a read that ended without data.
    pub(crate) status: Option<CompletionStatus>,
    /// Whose read it answers, if that is still of interest.
    pub(crate) reader: Option<Reader>,
    pub(crate) effect: Effect,
}

impl Answer {
    const SWALLOWED: Self = Self { error: None, status: None, reader: None, effect: Effect::None };

    const fn bad(error: ErrorKind) -> Self {
        Self { error: Some(error), ..Self::SWALLOWED }
    }
}

/// A read that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expired {
    /// To be logged, as the header of the request.
    pub(crate) logged: Option<Header>,
    /// Who is to be told.
    pub(crate) failure: Option<Failure>,
}

/// Tags by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) all: usize,
    pub(crate) in_use: usize,
    pub(crate) quarantined: usize,
}

/// Whether anybody waits for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    /// The channel does.
    Live,
    /// The function was reset: what comes, or does not, is not even logged (PCIe 4.0 §6.6.2).
    Forgotten,
}

#[derive(Clone, Debug)]
struct Outstanding {
    owner: Owner,
    address: u64,
    bytes: u32,
    got: u32,
    sequence: CompletionSequence,
    interest: Interest,
    /// Its request has left the card wholly: since this clock.
    sent: Option<u64>,
    /// It ran out of time, and its tag is in quarantine: until this clock.
    late: Option<u64>,
    /// Tells this read from others that had the tag.
    serial: u64,
}

/// A read that has left: when, with which tag, which one.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    since: u64,
    tag: u8,
    serial: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Reads {
    tags: usize,
    /// Tags that may be used: fewer than `tags` without extended tags.
    usable: usize,
    taken: bitvec::BitArr!(for MAX_TAGS, in u64),
    /// Reads that wait for their completions.
    in_use: usize,
    quarantine: Quarantine,
    /// Where the search for a free tag starts: a tag rests as long as possible before it is used again.
    next: usize,
    table: Vec<Option<Outstanding>>,
    /// In the order in which they left; the first one is still outstanding.
    waiting: VecDeque<Waiting>,
    serials: u64,
    live: [u16; READERS],
    forgotten: usize,
    /// Clocks; `None`: a read may take for ever.
    timeout: Option<u64>,
}

impl Reads {
    /// With `tags` tags, 1 to 256.
    pub(crate) fn new(tags: u16) -> Self {
        let tags = usize::from(tags).min(MAX_TAGS);
        Self {
            tags,
            usable: tags.min(SHORT_TAGS),
            taken: BitArray::ZERO,
            in_use: 0,
            quarantine: Quarantine::default(),
            next: 0,
            table: vec![None; tags],
            waiting: VecDeque::new(),
            serials: 0,
            live: [0; READERS],
            forgotten: 0,
            timeout: None,
        }
    }

    /// Follows Device Control and Device Control 2.
    pub(crate) fn set_rules(&mut self, extended_tags: bool, timeout: Option<u64>) {
        self.usable = if extended_tags { self.tags } else { self.tags.min(SHORT_TAGS) };
        self.timeout = timeout;
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally { all: self.tags, in_use: self.in_use, quarantined: self.quarantine.tags() }
    }

    /// Reads of `reader` that it waits for.
    #[inline]
    pub(crate) fn of(&self, reader: Reader) -> u16 {
        self.live[reader.index()]
    }

    /// Reads of this life of the function are outstanding: Transactions Pending (PCIe 4.0 §7.5.3.5).
    pub(crate) fn pending(&self) -> bool {
        self.in_use > self.forgotten
    }

    /// Whether [`Reads::issue`] has a tag.
    #[inline]
    pub(crate) fn has_free(&self) -> bool {
        self.in_use + self.quarantine.tags() < self.usable || self.free().is_some()
    }

    fn free(&self) -> Option<usize> {
        let from = self.next.min(self.usable);
        let above = self.taken[from..self.usable].first_zero().map(|tag| from + tag);
        above.or_else(|| self.taken[..from].first_zero())
    }

    /// Takes a tag for a read of `bytes` bytes from `address` on. `None` if there is none, or these bytes are no legal request.
    pub(crate) fn issue(&mut self, owner: Owner, address: u64, bytes: u32, requester: Bdf, attributes: Attributes) -> Option<Header> {
        let tag = self.free()?;
        let header = Span::of(BusAddr(address), bytes)?.header(Kind::MemRead, requester, Tag(tag as u16)).with_attributes(attributes);
        let sequence = CompletionSequence::new(&header).ok()?;
        self.serials += 1;
        let read =
            Outstanding { owner, address, bytes, got: 0, sequence, interest: Interest::Live, sent: None, late: None, serial: self.serials };
        self.table[tag] = Some(read);
        self.taken.set(tag, true);
        self.in_use += 1;
        self.live[owner.reader.index()] += 1;
        self.next = tag + 1;
        Some(header)
    }

    /// The request with `tag` has left: its time starts.
    pub(crate) fn sent(&mut self, tag: u8, now: u64) {
        if let Some(read) = &mut self.table[usize::from(tag)] {
            read.sent = Some(now);
            self.waiting.push_back(Waiting { since: now, tag, serial: read.serial });
        }
    }

    fn release(&mut self, tag: usize) {
        let Some(read) = self.table[tag].take() else { return };
        self.taken.set(tag, false);
        if read.late.is_some() {
            self.quarantine.leave(read.serial);
        } else {
            self.end(read.owner.reader, read.interest);
        }
    }

    /// A read waits no longer.
    fn end(&mut self, reader: Reader, interest: Interest) {
        self.in_use -= 1;
        match interest {
            Interest::Live => self.live[reader.index()] -= 1,
            Interest::Forgotten => self.forgotten -= 1,
        }
        while let Some(first) = self.waiting.front() {
            if self.table[usize::from(first.tag)].as_ref().is_some_and(|read| read.serial == first.serial && read.late.is_none()) {
                break;
            }
            self.waiting.pop_front();
        }
    }

    /// The function was reset: nobody waits for its reads any more, and no error is logged of them. Their tags stay taken until they are answered or
    /// have rested.
    pub(crate) fn forget(&mut self) {
        for read in self.table.iter_mut().flatten() {
            read.interest = Interest::Forgotten;
        }
        self.live = [0; READERS];
        self.forgotten = self.in_use;
    }

    /// The cycle at whose end the oldest read is out of time, or a tag has rested enough. It is seen to in a clock of that tag's turn: see
    /// [`Reads::expire`].
    #[inline]
    pub(crate) fn deadline(&self) -> Option<u64> {
        let rested = self.quarantine.deadline();
        match self.oldest_deadline() {
            Some(at) => Some(rested.map_or(at, |rested| rested.min(at))),
            None => rested,
        }
    }

    #[inline]
    fn oldest_deadline(&self) -> Option<u64> {
        let first = self.waiting.front()?;
        Some(first.since.saturating_add(self.timeout?))
    }

    /// Looks at the tag whose turn it is at the end of clock `now`, one a clock: its read may be out of time, or it may have rested enough.
    pub(crate) fn expire(&mut self, now: u64) -> Option<Expired> {
        let tag = (now % self.tags as u64) as usize;
        let read = self.table[tag].as_mut()?;
        let since = read.sent?;
        if let Some(until) = read.late {
            if until <= now {
                self.release(tag);
            }
            return None;
        }
        let timeout = self.timeout.filter(|timeout| now - since >= *timeout)?;
        let until = quarantine::until(now, timeout);
        read.late = Some(until);
        let live = read.interest == Interest::Live;
        let failure = live.then(|| read.failure(ChannelError::CompletionTimeout));
        let logged = live.then(|| *read.sequence.request());
        let (reader, interest, serial) = (read.owner.reader, read.interest, read.serial);
        self.quarantine.enter(serial, until);
        self.end(reader, interest);
        Some(Expired { logged, failure })
    }

    /// Whether the completion answers a read of before the last reset of the function.
    pub(crate) fn has_forgotten(&self, header: &Header) -> bool {
        let read = self.table.get(usize::from(header.tag().0)).and_then(Option::as_ref);
        read.is_some_and(|read| read.interest == Interest::Forgotten)
    }

    /// The read that the completion names is outstanding, and its request has left.
    pub(crate) fn awaits(&self, header: &Header) -> bool {
        self.table.get(usize::from(header.tag().0)).and_then(Option::as_ref).is_some_and(|read| read.sent.is_some())
    }

    /// Judges a completion with `payload` bytes of payload (PCIe 4.0 §2.3.2). `awaited`: see [`Reads::awaits`], as its first beat came. `limits` hold for what
    /// the card receives.
    pub(crate) fn complete(&mut self, header: &Header, awaited: bool, payload: usize, limits: &Limits) -> Answer {
        let tag = usize::from(header.tag().0);
        let read = self.table.get_mut(tag).and_then(Option::as_mut);
        let Some(read) = read.filter(|read| awaited && read.sent.is_some() && read.sequence.request().requester() == header.requester())
        else {
            return Answer::bad(ErrorKind::UnexpectedCompletion);
        };
        let answer = read.judge(header, payload, limits);
        if read.sequence.ended() {
            self.release(tag);
        }
        answer
    }
}

impl Outstanding {
    fn failure(&self, code: ChannelError) -> Failure {
        let Owner { reader, cookie, .. } = self.owner;
        Failure { reader, code, address: self.address, cookie }
    }

    fn judge(&mut self, header: &Header, payload: usize, limits: &Limits) -> Answer {
        let quiet = self.interest == Interest::Forgotten;
        if self.late.is_some() {
            return self.judge_late(header, payload, quiet);
        }
        // The limits that held when a forgotten read went out are forgotten too.
        let lenient = Limits { max_payload: MAX_PAYLOAD as u32, rcb: 64, ..*limits };
        let progress = match self.sequence.push(header, payload, if quiet { &lenient } else { limits }) {
            Ok(progress) => progress,
            Err(_) if quiet => return Answer::SWALLOWED,
            // What does not fit its request is discarded as malformed; the request runs out of time.
            Err(SequenceBroken::AfterEnd { .. } | SequenceBroken::Transaction { .. }) => {
                return Answer::bad(ErrorKind::UnexpectedCompletion);
            }
            Err(_) => return Answer::bad(ErrorKind::MalformedTlp),
        };
        if quiet {
            return Answer::SWALLOWED;
        }
        let reader = Some(self.owner.reader);
        let failed = |code| Effect::Failed(self.failure(code));
        if let Progress::Failed(status) = progress {
            let aborted = status == CompletionStatus::CompleterAbort;
            let code = if aborted { ChannelError::CompleterAbort } else { ChannelError::UnsupportedRequest };
            return Answer { error: None, status: Some(status), reader, effect: failed(code) };
        }
        let lead = if self.got == 0 { (self.address & 3) as usize } else { 0 };
        let bytes = (payload - lead).min((self.bytes - self.got) as usize);
        let effect = match header.poisoned() {
            true => failed(ChannelError::PoisonedCompletion),
            false => Effect::Data { owner: self.owner, lead, bytes },
        };
        self.got += bytes as u32;
        Answer { error: header.poisoned().then_some(ErrorKind::PoisonedTlp), status: None, reader, effect }
    }

    /// A completion that comes after the time of its request is unexpected; that it is the last one is all that counts.
    fn judge_late(&mut self, header: &Header, payload: usize, quiet: bool) -> Answer {
        let lenient = Limits { max_payload: MAX_PAYLOAD as u32, digest: true, ..Limits::DEFAULT };
        // One that does not fit leaves the tag at rest.
        let _ = self.sequence.push(header, payload, &lenient);
        if quiet { Answer::SWALLOWED } else { Answer::bad(ErrorKind::UnexpectedCompletion) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silico_spec::units::Dwords;

    const READER: Reader = Reader::H2c(0);

    fn reads(tags: u16, timeout: Option<u64>) -> Reads {
        let mut reads = Reads::new(tags);
        reads.set_rules(true, timeout);
        reads
    }

    /// A read of 64 bytes; the tag that it has.
    fn issue(reads: &mut Reads, reader: Reader) -> Option<u8> {
        let owner = Owner { reader, purpose: Purpose::Payload, start: 0, cookie: 0 };
        let header = reads.issue(owner, 0x1000, 64, Bdf::from_bits(0), Attributes::default());
        header.map(|header| header.tag().0 as u8)
    }

    /// As [`issue`], and its request leaves at once.
    fn send(reads: &mut Reads, now: u64) -> u8 {
        let tag = issue(reads, READER).unwrap();
        reads.sent(tag, now);
        tag
    }

    fn answer(reads: &mut Reads, tag: u8) -> Answer {
        let (id, status) = (Bdf::from_bits(0), CompletionStatus::Success);
        let header = Header::completion(true, id, status, 64, id, Tag(tag.into()), 0, Dwords(16));
        let awaited = reads.awaits(&header);
        reads.complete(&header, awaited, 64, &Limits::DEFAULT)
    }

    /// Of reads that left in the same clocks, each is looked at in a clock of its tag, however late that makes it.
    #[test]
    fn one_tag_is_looked_at_in_a_clock() {
        let mut reads = reads(8, Some(100));
        for _ in 0..4 {
            send(&mut reads, 10);
        }
        let clocks: Vec<u64> = (10..2000).filter(|now| reads.expire(*now).is_some()).collect();
        assert_eq!(clocks, [112, 113, 114, 115]);
        assert_eq!(reads.tally(), Tally { all: 8, in_use: 0, quarantined: 0 }, "they have rested, eight times as long");
    }

    /// A tag rests as long as others are free: what is late for its last read then finds nobody under it.
    #[test]
    fn tags_are_used_in_turn() {
        let mut reads = reads(4, None);
        for tag in [0, 1, 2, 3, 0, 1] {
            assert_eq!(send(&mut reads, 0), tag);
            answer(&mut reads, tag);
        }
        assert_eq!([send(&mut reads, 0), send(&mut reads, 0), send(&mut reads, 0)], [2, 3, 0]);
        answer(&mut reads, 3);
        assert_eq!([send(&mut reads, 0), send(&mut reads, 0)], [1, 3]);
        assert_eq!((issue(&mut reads, READER), reads.has_free()), (None, false));
    }

    /// Software may take extended tags away while they are in use: requests from then on have tags of 5 bits (PCIe 4.0 §2.2.6.2).
    #[test]
    fn only_short_tags_are_used_once_extended_ones_are_off() {
        let mut reads = reads(256, None);
        assert_eq!((0..256).filter(|now| reads.has_free() && u64::from(send(&mut reads, *now)) == *now).count(), 256);
        assert!(!reads.has_free());
        reads.set_rules(false, None);
        answer(&mut reads, 40);
        assert_eq!((reads.has_free(), issue(&mut reads, READER)), (false, None), "a free tag is none of 5 bits");
        answer(&mut reads, 5);
        assert!(reads.has_free());
        assert_eq!((send(&mut reads, 0), reads.has_free()), (5, false));
        reads.set_rules(true, None);
        assert!(reads.has_free());
        assert_eq!((send(&mut reads, 0), reads.has_free()), (40, false));
    }

    /// A channel is idle when its own reads have come to their end: no other's count.
    #[test]
    fn every_reader_waits_for_its_own_reads() {
        let all: Vec<Reader> = (0..MAX_H2C).map(Reader::H2c).chain((0..MAX_C2H).map(Reader::C2h)).collect();
        let mut reads = reads(256, None);
        for reader in &all {
            let tags = [issue(&mut reads, *reader).unwrap(), issue(&mut reads, *reader).unwrap()];
            for (tag, left) in tags.into_iter().zip([1, 0]) {
                reads.sent(tag, 0);
                answer(&mut reads, tag);
                let waiting: Vec<u16> = all.iter().map(|other| reads.of(*other)).collect();
                assert_eq!(waiting, all.iter().map(|other| if other == reader { left } else { 0 }).collect::<Vec<_>>());
            }
        }
    }

    /// The clock at which somebody must look again; a read whose request has not left has all its time before it.
    #[test]
    fn the_deadline_is_that_of_the_oldest_read_that_waits() {
        let mut reads = reads(2, Some(100));
        let (first, second) = (send(&mut reads, 10), send(&mut reads, 20));
        assert_eq!(reads.deadline(), Some(110));
        answer(&mut reads, second);
        let third = issue(&mut reads, READER).unwrap();
        assert_eq!((third, reads.deadline()), (second, Some(110)));
        reads.sent(third, 30);
        answer(&mut reads, first);
        assert_eq!(reads.deadline(), Some(130), "not that of the read that had the same tag before");
        let expired = (30..200).find(|now| reads.expire(*now).is_some()).unwrap();
        assert_eq!((expired, reads.deadline()), (131, Some(131 + 8 * 100)), "its tag is at rest");
        send(&mut reads, 900);
        assert_eq!(reads.deadline(), Some(931));
        let fourth = reads.next as u8 - 1;
        answer(&mut reads, fourth);
        send(&mut reads, 800);
        assert_eq!(reads.deadline(), Some(900), "whichever comes first");
        reads.set_rules(true, None);
        assert_eq!(reads.deadline(), Some(931), "a read may take for ever, a tag rests no longer");
    }

    /// What is filled up to whole dwords, before the first byte and behind the last one, is no data.
    #[test]
    fn data_are_the_bytes_that_were_asked_for() {
        let mut reads = reads(1, None);
        let owner = Owner { reader: READER, purpose: Purpose::Payload, start: 7, cookie: 0 };
        let (id, status) = (Bdf::from_bits(0), CompletionStatus::Success);
        reads.issue(owner, 0x103d, 70, id, Attributes::default()).unwrap();
        reads.sent(0, 0);
        for (left, lower, dwords, lead, bytes) in [(70, 0x3d, 1, 1, 3), (67, 0x40, 16, 0, 64), (3, 0, 1, 0, 3)] {
            let header = Header::completion(true, id, status, left, id, Tag(0), lower, Dwords(dwords));
            let answer = reads.complete(&header, true, dwords as usize * 4, &Limits::DEFAULT);
            assert_eq!(answer.effect, Effect::Data { owner, lead, bytes });
        }
        assert!(!reads.awaits(&Header::completion(true, id, status, 3, id, Tag(0), 0, Dwords(1))));
    }

    /// Transactions Pending tells of reads of this life of the function (PCIe 4.0 §6.6.2, §7.5.3.5), and so does the error log.
    #[test]
    fn reads_of_before_a_reset_are_not_pending() {
        let mut reads = reads(4, Some(100));
        let old = [send(&mut reads, 0), send(&mut reads, 0)];
        assert!(reads.pending());
        reads.forget();
        assert!(!reads.pending());
        let new = send(&mut reads, 0);
        assert!(reads.pending());
        assert_eq!(answer(&mut reads, old[0]), Answer::SWALLOWED);
        assert!(reads.pending(), "one of before has come; the new one still waits");
        assert!(matches!(answer(&mut reads, new).effect, Effect::Data { .. }));
        assert!(!reads.pending());
        let expired = (0..200).find_map(|now| reads.expire(now)).unwrap();
        assert_eq!(expired, Expired { logged: None, failure: None });
        assert!(!reads.pending());
        assert_eq!(reads.tally(), Tally { all: 4, in_use: 0, quarantined: 1 });
    }
}
