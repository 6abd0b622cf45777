//! Which channel of the reference card a TLP belongs to, learnt from what passes the port: register writes that name rings and blocks, descriptors that
//! the card fetches, and what the card writes of itself. Looks at nothing else, so of a card with another register map it knows only the latter.

use super::arm::Facts;
use super::classify::WriteKind;
use super::rule::ChannelSel;
use silico_spec::credit::Class;
use silico_spec::descriptor::{H2cDescriptor, PageDescriptor};
use silico_spec::port::TlpBuf;
use silico_spec::registers::{MAP_BYTES, c2h, h2c};
use silico_spec::tlp::{Header, Kind};
use std::collections::BTreeMap;

/// Ranges that are remembered; more than any driver here uses.
const MOST: usize = 1 << 16;

/// What lies in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// Frames, blocks, entries.
    Data,
    /// Descriptors of pages.
    Pages,
    /// Descriptors of payload to send.
    Descriptors,
}

/// Ranges of host memory and their owners.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    /// By first address; each goes as far as the next one.
    ranges: BTreeMap<u64, (ChannelSel, Holds)>,
    /// By tag: address of the card's read in flight.
    reads: BTreeMap<u16, (u64, u32)>,
}

impl Channels {
    fn put(&mut self, address: u64, channel: ChannelSel, holds: Holds) {
        if self.ranges.len() < MOST || self.ranges.contains_key(&address) {
            self.ranges.insert(address, (channel, holds));
        }
    }

    fn at(&self, address: u64) -> Option<(ChannelSel, Holds)> {
        self.ranges.range(..=address).next_back().map(|(_, range)| *range)
    }

    /// The owner of a TLP.
    pub(super) fn of(&self, facts: &Facts<'_>) -> Option<ChannelSel> {
        match facts.content {
            WriteKind::FrameHeader(header) => return Some(ChannelSel::C2h(header.channel)),
            WriteKind::Interrupt => return None,
            _ => {}
        }
        match facts.header.kind() {
            Kind::MemRead | Kind::MemWrite => self.at(facts.header.address().0).map(|range| range.0),
            Kind::CompletionData | Kind::Completion => {
                self.reads.get(&facts.header.tag().0).and_then(|read| self.at(read.0)).map(|range| range.0)
            }
            _ => None,
        }
    }

    /// A TLP from the card has left it.
    pub(super) fn sent(&mut self, header: &Header) {
        if header.kind() == Kind::MemRead {
            self.reads.insert(header.tag().0, (header.address().0, header.length().bytes()));
        }
    }

    /// A TLP is on its way to the card.
    pub(super) fn arriving(&mut self, tlp: &TlpBuf) {
        let header = Header(tlp.header);
        if header.kind() == Kind::MemWrite
            && let Ok(value) = tlp.payload().try_into().map(u64::from_le_bytes)
        {
            self.register(header.address().0 as u32 % MAP_BYTES, value);
        }
        if header.kind().class() == Class::Completion {
            self.completion(&header, tlp.payload());
        }
    }

    fn register(&mut self, offset: u32, value: u64) {
        for channel in 0..c2h::COUNT {
            let owner = ChannelSel::C2h(channel as u8);
            match offset.wrapping_sub(c2h::offset(channel, 0)) {
                c2h::RING_BASE | c2h::WB_ADDR | c2h::COMP_BASE => self.put(value, owner, Holds::Data),
                c2h::FREE_BASE => self.put(value, owner, Holds::Pages),
                _ => {}
            }
        }
        for channel in 0..h2c::COUNT {
            let owner = ChannelSel::H2c(channel as u8);
            match offset.wrapping_sub(h2c::offset(channel, 0)) {
                h2c::RING_BASE => self.put(value, owner, Holds::Descriptors),
                h2c::WB_ADDR => self.put(value, owner, Holds::Data),
                _ => {}
            }
        }
    }

    /// Descriptors may come in pieces; those that are cut are not understood.
    fn completion(&mut self, header: &Header, payload: &[u8]) {
        let Some(&(address, bytes)) = self.reads.get(&header.tag().0) else { return };
        let at = address.wrapping_add(u64::from(bytes.saturating_sub(header.byte_count())));
        let words: Vec<u64> = payload.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        match self.at(address) {
            Some((owner, Holds::Descriptors)) if at.is_multiple_of(32) => {
                words.as_chunks::<4>().0.iter().filter_map(|words| H2cDescriptor::parse(*words)).for_each(|one| {
                    self.put(one.address, owner, Holds::Data);
                });
            }
            Some((owner, Holds::Pages)) if at.is_multiple_of(16) => {
                words.as_chunks::<2>().0.iter().for_each(|words| self.put(PageDescriptor::parse(*words).address, owner, Holds::Data));
            }
            _ => {}
        }
    }

    /// A completion has been judged; the read is over if it was the last.
    pub(super) fn ended(&mut self, header: &Header, payload: usize) {
        if is_last(header, payload) {
            self.reads.remove(&header.tag().0);
        }
    }
}

/// Whether a completion is the last of its request: it brings all that remains, or none.
pub(super) fn is_last(header: &Header, payload: usize) -> bool {
    payload == 0 || header.byte_count() as usize + usize::from(header.lower_address() & 3) <= payload
}
